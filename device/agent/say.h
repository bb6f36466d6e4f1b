/* What the agent says to people, as rows in two languages; and what its exit code says to scripts. */
#ifndef DEVICE_AGENT_SAY_H
#define DEVICE_AGENT_SAY_H

#include <stdio.h>

#include "base/outcome.h"

#define SAY_ROWS(X)                                                                                \
    X(SAY_JOINED, "加入しました", "joined")                                                        \
    X(SAY_DEVICE, "装置", "device")                                                                \
    X(SAY_SITE, "サイト", "site")                                                                  \
    X(SAY_SERVER, "接続先", "server")                                                              \
    X(SAY_UNTIL, "証明書の期限", "certificate until")                                              \
    X(SAY_KEY_FILE, "鍵の保管: ファイル（TPM外）", "key kept in: a file (not in a TPM)")            \
    X(SAY_TPM, "TPMの証明鍵", "attestation key in the TPM")                                        \
    X(SAY_NO_TPM, "TPMなし（低い等級として扱われる）", "no TPM (counted as a lower grade)")        \
    X(SAY_BOOTED, "起動イメージを計測しました。PCR 8", "boot image measured; PCR 8")                \
    X(SAY_SESSION, "接続しました", "session")                                                      \
    X(SAY_DOWN, "切れました", "session lost")                                                      \
    X(SAY_EVIDENCE, "完全性の証拠を送りました", "evidence sent")                                   \
    X(SAY_NO_EVIDENCE, "完全性の証拠を作れません", "no evidence could be made")                    \
    X(SAY_COMMAND, "指令", "command")                                                              \
    X(SAY_SERVER_REFUSED, "サーバーが受け付けません", "refused by the server")                     \
    X(SAY_SIMULATED, "模擬ゲートウェイ（実機ではありません）", "SIMULATED gateways (no real devices)") \
    X(SAY_RUNNING, "動作中", "running")                                                            \
    X(SAY_WIPED, "鍵と証明書を消しました", "key and certificate erased")                           \
    X(SAY_BOOTED_BEFORE, "PCR 8にはすでに計測があります。電源を入れ直してから（模擬TPMは --power-cycle）",        \
        "PCR 8 holds a measurement already: switch the power off and on first (simulated TPM: --power-cycle)") \
    X(SAY_RENEWED, "証明書を更新しました。新しい期限", "certificate renewed; until")                   \
    X(SAY_NOT_RENEWED, "証明書をまだ更新できません（やり直します）", "certificate not renewed yet (trying again)") \
    X(SAY_HEAD_BACK, "サイトの記録が、この装置の控えより古いか、別のものです（記録が巻き戻された疑い）",                \
        "the site's record is earlier than, or another than, the one this device was shown (it may have been set back)") \
    X(SAY_NOT_KEPT, "緩衝領域に書けません（測定値は直接送ります）", "the buffer cannot be written (readings go as they come)") \
    X(SAY_ALONE, "サイトと切れたまま宣言した時間が過ぎました。対応表の安全な設定にしました",                                   \
        "without a site for the declared time: set to what the map declares safe")                  \
    X(SAY_BUFFER, "緩衝領域で送信待ちの行", "rows waiting in the buffer")                              \
    X(SAY_BUFFER_GAP, "緩衝領域が一杯で失われた番号", "numbers lost because the buffer was full")       \
    X(SAY_OPERATED, "現場の操作", "operated here by")                                                   \
    X(SAY_NO_LOCAL, "現場の操作を受け付けられません（ほかは動きます）", "operations at the device cannot be taken (all else works)") \
    X(SAY_EXPIRED, "証明書の期限が切れています", "the certificate has expired")
enum say {
#define X(name, ja, en) name,
    SAY_ROWS(X)
#undef X
};

/* "what: detail" and a line end; detail may be "". Control characters are shown as "?". */
void say(FILE *to, bool japanese, enum say what, const char *detail);
/* error[SK-20nn]: ... / at: ... / try: ... ; returns the exit code. where: what was being done, "" if obvious. */
int say_error(bool japanese, outcome why, const char *where);
/* The exit code an outcome stands for (architecture.md). */
int say_exit_code(outcome why);

#endif
