/* The command line of sekimori-agent as one table: reading, --help in both languages. */
#ifndef DEVICE_AGENT_OPTIONS_H
#define DEVICE_AGENT_OPTIONS_H

#include <stdio.h>

#include "device/agent/state.h"

enum verb { VERB_HELP, VERB_JOIN, VERB_BOOT, VERB_RUN, VERB_STATUS, VERB_ATTEST, VERB_PUB, VERB_SUB, VERB_LEAVE,
    VERB_PERSON, VERB_OPERATE, VERBS };

#define OPTIONS_WORDS_MAX 2

/* name, argument in --help (NULL: a flag), verbs it belongs to (bits), field, ja, en */
#define OPTION_ROWS(X)                                                                             \
    X("--state", "DIR", state, "鍵と証明書を置くフォルダ", "folder of key and certificate")         \
    X("--tcti", "TCTI", tcti, "TPM（例 swtpm:host=127.0.0.1,port=2321、device:/dev/tpmrm0）",       \
        "the TPM (swtpm:host=127.0.0.1,port=2321, device:/dev/tpmrm0)")                            \
    X("--image", "FILE", image, "起動時に計測するイメージ", "image measured at boot")              \
    X("--version", "TEXT", version, "イメージの版", "version of the image")                        \
    X("--modbus", "HOST:PORT", modbus, "背後の制御装置（Modbus TCP）", "controller behind this gateway (Modbus TCP)") \
    X("--map", "FILE", map, "制御装置のレジスタ対応表", "what the controller's registers mean")     \
    X("--probe", "HOST:PORT", probe, "外から受け口を確かめる（平文・TLS 1.2・証明書なしを試す）",      \
        "try a listener from outside: plaintext, TLS 1.2, no certificate")                         \
    X("--only-controller", NULL, only_controller, "この計算機自身の値は送らない", "send nothing about this machine itself") \
    X("--every", "MS", every, "計測の間隔（ミリ秒）", "milliseconds between measurements")         \
    X("--buffer", "KB", buffer, "送信待ちの測定値を置くディスクの上限（64以上、既定 65536）",            \
        "most disk for readings that wait to be sent (64 or more; 65536 unless said)")                         \
    X("--sync", "MS", sync, "緩衝領域をディスクに確定する間隔（既定 100 ミリ秒）",                       \
        "milliseconds until what is kept is synced to the disk (100 unless said)")                 \
    X("--sim", "MODEL", sim, "模擬ゲートウェイとして動かす", "run simulated gateways of this model") \
    X("--count", "N", count, "模擬の台数、または受け取る件数", "how many gateways, or messages")   \
    X("--invites", "FILE", invites, "招待URLを1行に1つ書いたファイル", "file of invite URLs, one a line") \
    X("--timeout", "S", timeout, "待つ時間の上限（秒）", "give up after this many seconds")        \
    X("--lang", "ja|en", lang, "表示言語", "language of messages")                                 \
    X("--person", "NAME", person, "操作する人（暗証番号は標準入力から）", "who operates (PIN from standard input)") \
    X("--shift", NULL, shift, "暗証番号のない操作盤：当番表（STATE/shifts）の人の操作とする",                 \
        "a panel without PIN: the person of the shift list (STATE/shifts)")                        \
    X("--wipe", NULL, wipe, "鍵と証明書を消す", "erase key and certificate")                       \
    X("--power-cycle", NULL, power_cycle, "模擬TPMの電源を入れ直してから", "switch a simulated TPM off and on first")

struct options {
    enum verb verb;
    bool japanese;
    const char *words[OPTIONS_WORDS_MAX]; /* after the verb: URL, TOPIC PAYLOAD, FILTER, add NAME, WHAT VALUE */
    size_t n_words;
#define X(name, argument, field, ja, en) const char *field; /* NULL when not given; "" for a flag given */
    OPTION_ROWS(X)
#undef X
    uint32_t count_n, every_ms, timeout_s, buffer_kb, sync_ms; /* 0 when not given */
    char state_dir[AGENT_PATH_MAX];
};

/* E_USAGE; *ret_wrong names the word that was not understood. language: of the environment ("ja_JP.UTF-8"). */
MUST outcome options_read(int argc, char **argv, const char *language, struct options *ret, const char **ret_wrong);
void options_help(FILE *to, bool japanese);

#endif
