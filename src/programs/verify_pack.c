#include "programs/verify_pack.h"

#include <stdio.h>

#include "base/port/port.h"
#include "base/time.h"
#include "ledger/pack.h"

enum { EXIT_WHOLE = 0, EXIT_UNREADABLE = 1, EXIT_FAILED = 8 };

static const char *wrong_text(enum code c, bool ja)
{
    switch (c) {
    case E_CHANGED:
        return ja ? "改変されています" : "was changed";
    case E_MISSING:
        return ja ? "記録が抜けています" : "an entry was left out";
    case E_CRYPTO:
        return ja ? "署名または鍵が一致しません" : "signature or key does not match";
    default:
        return ja ? "監査資料の形式ではありません" : "is not an audit pack";
    }
}

static void print_kinds(const struct pack_result *r)
{
    for (unsigned k = 0; k < sizeof r->kinds / sizeof *r->kinds; k++)
        if (r->kinds[k]) printf("  %-12s %llu\n", ledger_kind_word(k), (unsigned long long)r->kinds[k]);
}

static void print_result(const struct pack_result *r, bool ja)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    time_text(r->from_ms, from);
    time_text(r->to_ms, to);
    printf("origin %s\n%s %s – %s\n", r->origin, ja ? "期間" : "period", from, to);
    printf(ja ? "記録数 %llu（うち要約値のみ %llu）\n" : "entries %llu (of %llu only the hash)\n", (unsigned long long)r->entries, (unsigned long long)r->hashes);
    print_kinds(r);
    printf(ja ? "署名範囲 %llu\nroot %s\n" : "signed %llu\nroot %s\n", (unsigned long long)r->size, r->root);
    if (r->earlier != FORMAT_NONE)
        printf(ja ? "前回の署名（%llu件）からの追記のみであることを確認\n" : "only grew since the earlier head of %llu entries\n", (unsigned long long)r->earlier);
    if (!r->whole)
        printf("%s\n", ja ? "注: 選ばれた記録のみ。抜けがないことは、この資料だけでは確かめられません"
                          : "note: chosen entries only; whether one was left out, this pack alone does not tell");
    else if (!r->closed)
        printf("%s\n", ja ? "注: 期間の後の記録はまだありません。この後に期間内の記録が増えることがあります"
                          : "note: no entry after the period yet; more of the period may still follow");
}

int verify_pack(const char *path, const char *key, bool ja)
{
    struct buffer b = BUFFER(0);
    struct pack_result r;
    outcome o = port_file_load(path, PACK_BYTES_MAX, &b);
    if (!ok(o)) {
        fprintf(stderr, "sekimori-verify: %s: %s (%s)\n", path, ja ? "読めません" : "cannot be read", code_word(o.code));
        return EXIT_UNREADABLE;
    }
    o = pack_verify(buffer_view(&b), key, &r);
    buffer_deinit(&b);
    if (o.code == E_MEMORY) return EXIT_UNREADABLE;
    if (!ok(o)) {
        printf(ja ? "%s: %llu行目: %s\n検証: 失敗\n" : "%s: line %llu: %s\nverify: failed\n", path, (unsigned long long)r.line + (o.code == E_MALFORMED),
            wrong_text(o.code, ja));
        return EXIT_FAILED;
    }
    print_result(&r, ja);
    if (!key[0]) printf(ja ? "注: 鍵は資料に書かれたもの（%s）。--key で固定できます\n" : "note: the key is the pack's own (%s); pin it with --key\n", r.key);
    if (r.whole) printf("%s\n", ja ? "検証: 完全" : "verify: whole");
    else printf("%s\n", ja ? "検証: 改変なし（選択）" : "verify: unchanged (chosen)");
    return EXIT_WHOLE;
}
