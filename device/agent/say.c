#include "device/agent/say.h"

#include <string.h>

static const struct {
    const char *ja, *en;
} rows[] = {
#define X(name, ja, en) [name] = { ja, en },
    SAY_ROWS(X)
#undef X
};

/* code, number, exit, ja, en, ja: next step, en: next step */
static const struct {
    enum code code;
    int number, exit;
    const char *ja, *en, *ja_try, *en_try;
} errors[] = {
    { E_USAGE, 2001, 2, "使い方が違います", "wrong usage", "sekimori-agent --help", "sekimori-agent --help" },
    { E_DENIED, 2002, 4, "サイトが拒否しました", "the site refuses", "招待URLか権限を確かめる",
        "check the invite or the rights of this identity" },
    { E_HELD, 2003, 3, "保留されました", "held", "2人の承認を待つ", "wait for two people's release" },
    { E_REVOKED, 2004, 3, "失効しています", "revoked", "管理者に新しい招待を求める", "ask for a new invite" },
    { E_UNKNOWN, 2005, 5, "見つかりません", "not found", "先に sekimori-agent join URL", "first sekimori-agent join URL" },
    { E_CONFLICT, 2006, 6, "すでにあります", "exists already", "sekimori-agent leave --wipe のあとで",
        "after sekimori-agent leave --wipe, or with a fresh invite" },
    { E_EXPIRED, 2007, 3, "期限が切れています", "expired", "新しい招待を求める", "ask for a new invite" },
    { E_CRYPTO, 2008, 8, "相手か署名を確かめられません", "the other side or a signature is not proven",
        "招待URLが正しいサイトのものか確かめる", "check that the invite is of this site" },
    { E_CHANGED, 2009, 8, "内容が変わっています", "content was changed", "元のファイルと比べる", "compare with the original" },
    { E_IO, 2010, 75, "つながらないか、読み書きできません", "cannot connect, read or write",
        "接続先とファイルの権限を確かめる", "check the address and the file's permissions" },
    { E_CLOSED, 2011, 75, "相手が切りました", "the other side closed", "もう一度", "try again" },
    { E_TIMEOUT, 2012, 75, "時間切れ", "no answer in time", "もう一度", "try again" },
    { E_AGAIN, 2013, 75, "今はできません", "not now", "少し待ってもう一度", "wait a little, then try again" },
    { E_FULL, 2016, 6, "別のエージェントがこのフォルダで動いています", "another agent runs on this folder",
        "一つだけ動かす（systemctl status sekimori-agent）", "run one only (systemctl status sekimori-agent)" },
    { E_CONFIG, 2014, 78, "設定ファイルが違います", "a configuration file is wrong", "その行を直す", "correct that line" },
    { E_UNSUPPORTED, 2015, 1, "この装置ではできません", "not possible on this device", "別の装置で", "use another device" },
};

void say(FILE *to, bool japanese, enum say what, const char *detail)
{
    fputs(japanese ? rows[what].ja : rows[what].en, to);
    if (detail[0] != 0) fputs(": ", to);
    for (const char *c = detail; *c != 0; c++) fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, to);
    fputc('\n', to);
    fflush(to);
}

int say_exit_code(outcome why)
{
    if (ok(why)) return 0;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].code == why.code) return errors[i].exit;
    return 1;
}

int say_error(bool japanese, outcome why, const char *where)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].code != why.code) continue;
        fprintf(stderr, "error[SK-%d]: %s\n", errors[i].number, japanese ? errors[i].ja : errors[i].en);
        if (where[0] != 0) fprintf(stderr, "at: %s\n", where);
        if (why.sys > 0 && why.sys < 200 && why.code == E_IO) /* errno; a TPM's codes are larger */
            fprintf(stderr, "at: %s\n", strerror(why.sys));
        fprintf(stderr, "try: %s\n", japanese ? errors[i].ja_try : errors[i].en_try);
        return errors[i].exit;
    }
    fprintf(stderr, "error[SK-2000]: %s\nat: %s %s\n", code_word(why.code), where, why.at != NULL ? why.at : "");
    return 1;
}
