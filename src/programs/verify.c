/* sekimori-verify: checks a copied ledger directory, an audit pack, or one proof, with nothing else running.
 * Exit: 0 whole, 8 verification failed, 2 usage, 1 cannot read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/proof.h"
#include "ledger/verify.h"
#include "programs/verify_origin.h"
#include "programs/verify_pack.h"

#define SHOWN_MAX 200

enum { EXIT_WHOLE = 0, EXIT_UNREADABLE = 1, EXIT_USAGE = 2, EXIT_FAILED = 8 };

struct request {
    const char *path, *key, *keys;
    bool ja, proof, origin, pack, one;
    uint64_t index; /* the entry asked for, when `one` */
};

static const char usage_text[] =
    "usage: sekimori-verify DIR [--entry N] [--key HEX] [--lang ja|en]\n"
    "       sekimori-verify origin DIR [--keys DIR] [--entry N] [--key HEX] [--lang ja|en]\n"
    "       sekimori-verify pack FILE [--key HEX] [--lang ja|en]\n"
    "       sekimori-verify proof FILE [--key HEX] [--lang ja|en]\n"
    "exit: 0 whole, 8 verification failed, 2 usage, 1 cannot read\n";

static outcome read_option(struct request *r, const char *name, const char *value)
{
    uint8_t key[32];
    if (!value) return REFUSE(E_USAGE);
    if (strcmp(name, "--key") == 0) {
        if (!ok(hex_to(bytes_str(value), key, sizeof key))) return REFUSE(E_USAGE);
        r->key = value;
        return DONE;
    }
    if (strcmp(name, "--keys") == 0) {
        r->keys = value;
        return DONE;
    }
    if (strcmp(name, "--entry") == 0) {
        char *end;
        errno = 0;
        r->index = strtoull(value, &end, 10);
        r->one = true;
        return errno || *end || value[0] < '0' || value[0] > '9' ? REFUSE(E_USAGE) : DONE;
    }
    if (strcmp(name, "--lang") != 0) return REFUSE(E_USAGE);
    r->ja = strcmp(value, "ja") == 0;
    return r->ja || strcmp(value, "en") == 0 ? DONE : REFUSE(E_USAGE);
}

static outcome read_arguments(int n, char **words, struct request *ret)
{
    struct request r = { .key = "" };
    const char *lang = getenv("LANG");
    r.ja = lang && strncmp(lang, "ja", 2) == 0;
    for (int i = 1; i < n; i++) {
        if (words[i][0] == '-') {
            TRY(read_option(&r, words[i], i + 1 < n ? words[i + 1] : NULL));
            i++;
        } else if (i == 1 && strcmp(words[i], "proof") == 0) {
            r.proof = true;
        } else if (i == 1 && strcmp(words[i], "pack") == 0) {
            r.pack = true;
        } else if (i == 1 && strcmp(words[i], "origin") == 0) {
            r.origin = true;
        } else {
            if (r.path) return REFUSE(E_USAGE);
            r.path = words[i];
        }
    }
    if (!r.path || (r.keys && !r.origin)) return REFUSE(E_USAGE);
    *ret = r;
    return DONE;
}

static const char *code_text(enum code c, bool ja)
{
    switch (c) {
    case E_CHANGED:
        return ja ? "改変" : "changed";
    case E_MISSING:
        return ja ? "欠落" : "missing";
    case E_MALFORMED:
        return ja ? "形式不正" : "malformed";
    case E_CRYPTO:
        return ja ? "署名不一致" : "signature";
    case E_CONFLICT:
        return ja ? "余分なファイル" : "out of place";
    default:
        return code_word(c);
    }
}

struct printing {
    bool ja;
    size_t n;
};

/* File names come from the directory: nothing unprintable reaches the terminal. */
static void print_safe(const char *text)
{
    for (const char *p = text; *p; p++) putchar((uint8_t)*p < ' ' || *p == 127 ? '?' : *p);
}

static void print_finding(void *ctx, const struct verify_finding *f)
{
    struct printing *p = ctx;
    if (++p->n > SHOWN_MAX) return;
    printf("%s: ", code_text(f->code, p->ja));
    print_safe(f->file);
    printf(p->ja ? " 位置 %llu" : " offset %llu", (unsigned long long)f->offset);
    if (f->index != UINT64_MAX) printf(p->ja ? " 記録番号 %llu" : " entry %llu", (unsigned long long)f->index);
    printf(": %s\n", f->what);
}

static void print_number(const char *name, uint64_t v)
{
    printf("%s %llu\n", name, (unsigned long long)v);
}

/* One answer for each fate: what the record gave up by rule, what a destroyed key hides, what is gone, what differs. */
static void print_fate(const struct verify_answer *a, bool ja)
{
    static const struct { const char *ja, *en; } rows[] = {
        [VERIFY_NO_SUCH] = { "その番号の記録はありません", "no such entry" },
        [VERIFY_WHOLE] = { "完全", "whole" },
        [VERIFY_PRUNED] = { "保存期間により削除済み", "pruned" },
        [VERIFY_ERASED] = { "鍵の破棄により消去済み", "erased" },
        [VERIFY_MISSING] = { "欠落", "missing" },
        [VERIFY_CHANGED] = { "改変", "changed" },
    };
    bool told = a->fate == VERIFY_PRUNED || a->fate == VERIFY_ERASED;
    printf(ja ? "記録番号 %llu: %s" : "entry %llu: %s", (unsigned long long)a->index, ja ? rows[a->fate].ja : rows[a->fate].en);
    if (told) printf(ja ? "（記録番号 %llu による）" : " (entry %llu tells)", (unsigned long long)a->by);
    printf("\n");
}

static int exit_of_fate(enum verify_fate f)
{
    return f == VERIFY_WHOLE || f == VERIFY_PRUNED || f == VERIFY_ERASED ? EXIT_WHOLE : EXIT_FAILED;
}

static int verify_dir(const struct request *r)
{
    struct printing p = { r->ja, 0 };
    struct verify_result v;
    struct verify_answer a = { .index = r->index };
    outcome o = ledger_verify_entry(r->path, r->key, r->one ? NULL : print_finding, &p, &v, r->one ? &a : NULL);
    if (!ok(o)) {
        fprintf(stderr, "sekimori-verify: %s: %s (%s)\n", r->path,
            r->ja ? "読めません" : "cannot be read", code_word(o.code));
        return EXIT_UNREADABLE;
    }
    if (r->one) {
        print_fate(&a, r->ja);
        return exit_of_fate(a.fate);
    }
    if (p.n > SHOWN_MAX) printf(r->ja ? "ほか %zu 件\n" : "and %zu more\n", p.n - SHOWN_MAX);
    printf("origin %s\n", v.origin);
    print_number(r->ja ? "記録数" : "entries", v.entries);
    print_number(r->ja ? "署名範囲" : "signed", v.signed_size);
    print_number(r->ja ? "未署名" : "tail", v.tail);
    if (v.pruned) print_number(r->ja ? "削除済み" : "pruned", v.pruned);
    if (v.erased) print_number(r->ja ? "消去済み" : "erased", v.erased);
    printf("root %s\n", v.head_root);
    if (!r->key[0])
        printf("%s\n", r->ja ? "注: 鍵は同じ場所のファイルのもの。--key で固定できます"
                             : "note: the key is the directory's own; pin it with --key");
    print_number(r->ja ? "不一致" : "findings", v.findings);
    if (v.findings == 0) printf("%s\n", r->ja ? "検証: 完全" : "verify: whole");
    else printf("%s\n", r->ja ? "検証: 失敗" : "verify: failed");
    return v.findings == 0 ? EXIT_WHOLE : EXIT_FAILED;
}

static int verify_proof(const struct request *r)
{
    struct proof_result p;
    outcome o = proof_verify_file(r->path, r->key, &p);
    if (o.code == E_IO || o.code == E_MEMORY || o.code == E_MISSING) {
        fprintf(stderr, "sekimori-verify: %s: %s\n", r->path, r->ja ? "読めません" : "cannot be read");
        return EXIT_UNREADABLE;
    }
    if (!ok(o)) {
        printf("%s: %s\n", code_text(o.code, r->ja), r->ja ? "証明が成り立ちません" : "the proof does not hold");
        return EXIT_FAILED;
    }
    printf("origin %s\n", p.origin);
    print_number(r->ja ? "記録番号" : "entry", p.index);
    print_number(r->ja ? "署名範囲" : "signed", p.size);
    if (!r->key[0])
        printf("%s\n", r->ja ? "注: 鍵は証明に書かれたもの。--key で固定できます"
                             : "note: the key is the proof's own; pin it with --key");
    printf("%s\n", r->ja ? "検証: 含まれている" : "verify: included");
    return EXIT_WHOLE;
}

int main(int n, char **words)
{
    struct request r;
    if (!ok(read_arguments(n, words, &r))) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    if (r.origin) return verify_origin(&(struct origin_request) { r.path, r.keys, r.key, r.ja, r.one, r.index });
    if (r.pack) return verify_pack(r.path, r.key, r.ja);
    return r.proof ? verify_proof(&r) : verify_dir(&r);
}
