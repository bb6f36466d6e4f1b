#include "programs/verify_origin.h"

#include <stdio.h>

#include "ledger/verify_origin.h"

enum { EXIT_WHOLE = 0, EXIT_UNREADABLE = 1, EXIT_FAILED = 8, SHOWN_MAX = 200 };

struct printing {
    bool ja, one;
    size_t n;
};

static void print_record(void *ctx, const struct verify_finding *f)
{
    struct printing *p = ctx;
    if (p->n++ >= SHOWN_MAX) return;
    printf(p->ja ? "証跡記録: %s 位置 %llu\n" : "record: %s offset %llu\n", f->file, (unsigned long long)f->offset);
}

/* Names of devices come from the record: nothing unprintable reaches the terminal. */
static void print_name(const char *text)
{
    for (const char *p = text; *p; p++) putchar((uint8_t)*p < ' ' || *p == 127 ? '?' : *p);
}

static void print_finding(void *ctx, const struct origin_finding *f)
{
    static const struct { const char *ja, *en; } words[] = {
        [ORIGIN_CHANGED] = { "機器が署名した内容と違う", "not what the device signed" },
        [ORIGIN_REPEATED] = { "同じ番号が2度ある", "a number a second time" },
        [ORIGIN_MISSING] = { "届いていない（機器は失ったと言っていない）", "not here, and not named as lost by the device" },
        [ORIGIN_FOREIGN] = { "この機器の鍵による署名ではない", "not signed by a key of this device" },
    };
    struct printing *p = ctx;
    if (p->n++ >= SHOWN_MAX) return;
    print_name(f->device);
    if (f->last > f->n) printf(p->ja ? " 番号 %llu-%llu" : " number %llu-%llu", (unsigned long long)f->n, (unsigned long long)f->last);
    else printf(p->ja ? " 番号 %llu" : " number %llu", (unsigned long long)f->n);
    if (f->entry != UINT64_MAX) printf(p->ja ? " 記録番号 %llu" : " entry %llu", (unsigned long long)f->entry);
    printf(": %s\n", p->ja ? words[f->what].ja : words[f->what].en);
}

static void print_device(void *ctx, const struct origin_device *d)
{
    const struct printing *p = ctx;
    if (p->one) return;
    print_name(d->id);
    printf(p->ja ? ": 証明済み %llu（番号 %llu-%llu、署名 %llu）、署名待ち %llu、機器が失ったと示した番号 %llu\n"
                 : ": proved %llu (numbers %llu-%llu, signatures %llu), waiting for a signature %llu, named as lost %llu\n",
        (unsigned long long)d->proved, (unsigned long long)d->first, (unsigned long long)d->last, (unsigned long long)d->batches,
        (unsigned long long)d->waiting, (unsigned long long)d->lost);
}

static int print_one(const struct origin_request *r, const struct origin_answer *a)
{
    if (a->n == 0) {
        printf(r->ja ? "記録番号 %llu: 番号のある値ではありません\n" : "entry %llu: carries no number\n", (unsigned long long)a->entry);
        return EXIT_FAILED;
    }
    printf(r->ja ? "記録番号 %llu: " : "entry %llu: ", (unsigned long long)a->entry);
    print_name(a->device);
    printf(r->ja ? " の %llu 番目の値" : "'s message %llu", (unsigned long long)a->n);
    printf("%s\n", a->proved ? r->ja ? "（機器の署名で証明済み）" : ", proved by the device's signature"
                             : r->ja ? "（証明できません）" : ", not proved");
    return a->proved ? EXIT_WHOLE : EXIT_FAILED;
}

static int unreadable(const struct origin_request *r, const char *path, outcome o)
{
    fprintf(stderr, "sekimori-verify: %s: %s (%s)\n", path, r->ja ? "読めません" : "cannot be read", code_word(o.code));
    if (o.code == E_MISSING)
        fprintf(stderr, "%s\n", r->ja ? "try: 記録と一緒にコピーした data-keys フォルダを --keys で示す" : "try: name the folder data-keys, copied with the record, by --keys");
    return EXIT_UNREADABLE;
}

int verify_origin(const struct origin_request *r)
{
    char beside[4096];
    struct printing p = { r->ja, r->one, 0 };
    struct origin_answer a = { .entry = r->index };
    struct verify_origin_result v;
    int n = snprintf(beside, sizeof beside, "%s/../data-keys", r->path);
    if (n < 0 || n >= (int)sizeof beside) return unreadable(r, r->path, REFUSE(E_TOO_LARGE));
    struct verify_origin q = { .dir = r->path, .keys_dir = r->keys ? r->keys : beside, .public_key_hex = r->key, .record = print_record,
        .finding = print_finding, .device = print_device, .ctx = &p, .answer = r->one ? &a : NULL };
    outcome o = ledger_verify_origin(&q, &v);
    if (!ok(o)) return unreadable(r, o.code == E_MISSING ? q.keys_dir : r->path, o);
    if (r->one) return print_one(r, &a);
    if (p.n > SHOWN_MAX) printf(r->ja ? "ほか %zu 件\n" : "and %zu more\n", p.n - SHOWN_MAX);
    if (v.closed) printf(r->ja ? "鍵がなく開けない値 %llu\n" : "closed, without a key here %llu\n", (unsigned long long)v.closed);
    if (!r->key[0])
        printf("%s\n", r->ja ? "注: 鍵は同じ場所のファイルのもの。--key で固定できます" : "note: the key is the directory's own; pin it with --key");
    bool whole = v.findings == 0 && v.record.findings == 0;
    printf(r->ja ? "由来の不一致 %zu、証跡記録の不一致 %zu\n" : "findings of origin %zu, of the record %zu\n", v.findings, v.record.findings);
    printf("%s\n", whole ? r->ja ? "検証: 由来に不一致なし" : "verify: nothing contradicts what the devices signed"
                         : r->ja ? "検証: 失敗" : "verify: failed");
    return whole ? EXIT_WHOLE : EXIT_FAILED;
}
