/* `sekimori backup restore`: a medium and the custody key make the same site again, in a folder that was not there. Nothing is
 * written before the medium is whole, the key opens it, and what is inside proves itself: the issuing certificate by the
 * custody key, the record's head by the ledger key inside. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/medium.h"
#include "cli/owner.h"
#include "crypto/x509.h"
#include "ledger/verify.h"

struct restoring {
    struct cli *c;
    const char *medium;
    const struct doc *manifest;
    struct key *root;
    struct buffer archive, issuing, ledger_key;
    struct owner owner;
    unsigned n;
};

/* ---- what is inside must prove itself ---- */

static outcome look_inside(void *ctx, const char *relative, unsigned mode, struct bytes content)
{
    struct restoring *r = ctx;
    (void)mode;
    r->n++;
    if (strcmp(relative, "keys/issuing.pem") == 0) return buffer_put(&r->issuing, content);
    return strcmp(relative, "keys/ledger.key") == 0 ? buffer_put(&r->ledger_key, content) : DONE;
}

static outcome pin_of(const struct restoring *r, char ret_hex[65])
{
    struct key *k;
    uint8_t raw[32];
    TRY(key_read_private_pem(buffer_view(&r->ledger_key), &k));
    outcome o = key_write_ed25519_raw(k, raw);
    if (ok(o)) hex_of(bytes_of(raw, sizeof raw), ret_hex);
    key_free(k);
    return o;
}

static int prove(struct restoring *r)
{
    struct verify_result v;
    char pin[65], record[MEDIUM_PATH];
    outcome o = medium_unpack(buffer_view(&r->archive), look_inside, r);
    if (ok(o)) o = x509_pem_signed_by(buffer_view(&r->issuing), r->root);
    if (!ok(o)) return complain(r->c, EXIT_VERIFY, "SK-1083", cli_say(r->c, W_NOT_THE_SITE), "keys/issuing.pem", NULL);
    o = pin_of(r, pin);
    snprintf(record, sizeof record, "%.900s/ledger", r->medium);
    if (ok(o)) o = ledger_verify(record, pin, print_finding, r->c, &v);
    if (!ok(o)) return medium_failed(r->c, o, record);
    return v.findings ? complain(r->c, EXIT_VERIFY, "SK-1082", cli_say(r->c, W_NOT_VERIFIED), record, NULL) : EXIT_OK;
}

/* ---- writing ---- */

static outcome nothing_there(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? DONE : REFUSE(E_CONFLICT);
}

static outcome write_inside(void *ctx, const char *relative, unsigned mode, struct bytes content)
{
    struct restoring *r = ctx;
    char path[MEDIUM_PATH];
    int n = snprintf(path, sizeof path, "%s/%s", r->c->state, relative);
    if (n < 0 || n >= (int)sizeof path) return REFUSE(E_TOO_LARGE);
    for (char *at = path + strlen(r->c->state) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = 0;
        TRY(port_dir_make(path, 0700));
        TRY(owner_give(r->owner, path));
    }
    TRY(port_file_store(path, content, (int)mode));
    return owner_give(r->owner, path);
}

static outcome write_record(struct restoring *r)
{
    const struct doc *files = doc_get(r->manifest, "files");
    char path[MEDIUM_PATH];
    for (const struct doc *f = files ? files->first : NULL; f; f = f->next) {
        const char *relative = doc_text(f, "path", "");
        if (strncmp(relative, "ledger/", 7) != 0) continue;
        TRY(medium_copy(r->medium, r->c->state, relative));
        snprintf(path, sizeof path, "%.500s/%.500s", r->c->state, relative);
        TRY(owner_give(r->owner, path));
    }
    static const char *const folders[] = { "ledger", "ledger/leaves", "ledger/tree", "ledger/control", "ledger/data" };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%.900s/%s", r->c->state, folders[i]);
        TRY(port_dir_make(path, 0700));
        TRY(owner_give(r->owner, path));
        TRY(port_dir_sync(path));
    }
    return DONE;
}

/* The core writes it into the record at its first start, and removes it. */
static outcome write_note(struct restoring *r)
{
    struct buffer b = BUFFER(65536);
    struct doc *d = doc_map(&r->c->arena);
    static const char *const texts[] = { "site", "at", "head" };
    for (size_t i = 0; i < 3; i++) doc_set_text(&r->c->arena, d, texts[i], doc_text(r->manifest, texts[i], ""));
    doc_set_int(&r->c->arena, d, "signed", doc_int(r->manifest, "signed", 0));
    outcome o = doc_write_json(d, &b);
    if (ok(o)) o = write_inside(r, "core/restored.json", 0600, buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

static outcome write_all(struct restoring *r)
{
    TRY(port_dir_make(r->c->state, 0700));
    outcome o = port_dir_list(r->c->state, nothing_there, NULL);
    TRY(o);
    TRY(owner_give(r->owner, r->c->state));
    TRY(write_record(r));
    TRY(medium_unpack(buffer_view(&r->archive), write_inside, r));
    TRY(write_note(r));
    return port_dir_sync(r->c->state);
}

/* ---- the command ---- */

static int read_medium(struct restoring *r)
{
    char wrong[MEDIUM_PATH], hex[65] = "";
    struct hash h;
    outcome o = medium_check(r->c, r->medium, &r->manifest, wrong);
    if (!ok(o)) return medium_failed(r->c, o, r->medium);
    if (*wrong) return complain(r->c, EXIT_VERIFY, "SK-1082", cli_say(r->c, W_CHANGED), wrong, NULL);
    int code = medium_custody(r->c, flag(r->c, "custody"), &r->root);
    if (code) return code;
    if (ok(key_id(r->root, &h))) hex_of(hash_view(&h), hex);
    if (strcmp(hex, doc_text(r->manifest, "root_key", "")) != 0)
        return complain(r->c, EXIT_AUTH, "SK-1085", cli_say(r->c, W_OTHER_ROOT), flag(r->c, "custody"), NULL);
    code = medium_open(r->c, r->medium, r->root, &r->archive);
    return code ? code : prove(r);
}

static void say_next(const struct restoring *r)
{
    const struct cli *c = r->c;
    printf("%s  %s %s\n  %lld %s, %s %.16s…, %u %s\n", cli_say(c, c->dry_run ? W_WOULD_RESTORE : W_RESTORED), doc_text(r->manifest, "site", ""),
        doc_text(r->manifest, "at", ""), (long long)doc_int(r->manifest, "entries", 0), cli_say(c, W_ENTRIES), cli_say(c, W_HEAD),
        doc_text(r->manifest, "head", ""), r->n, cli_say(c, W_FILES));
    if (!doc_bool(r->manifest, "data_keys", false)) printf("  %s\n", cli_say(c, W_NO_DATA_KEYS));
    if (!c->dry_run) printf("  %s\n  sekimorid --state %s\n", cli_say(c, W_AFTER_RESTORE), c->state);
}

static int restore(struct restoring *r)
{
    int code = owner_named(r->c, &r->owner);
    if (!code) code = read_medium(r);
    if (code) return code;
    struct stat s;
    bool there = stat(r->c->state, &s) == 0 && !ok(port_dir_list(r->c->state, nothing_there, NULL));
    if (there) return complain(r->c, EXIT_CONFLICT, "SK-1010", cli_say(r->c, W_EXISTS), r->c->state, NULL);
    outcome o = r->c->dry_run ? DONE : write_all(r);
    if (!ok(o)) return medium_failed(r->c, o, r->c->state);
    say_next(r);
    return EXIT_OK;
}

int cmd_backup_restore(struct cli *c)
{
    struct restoring r = { .c = c, .medium = c->args[0], .issuing = BUFFER(65536), .ledger_key = BUFFER(8192) };
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "custody")) return need_flag(c, "custody");
    if (!flag(c, "state")) return need_flag(c, "state");
    int code = restore(&r);
    buffer_wipe(&r.archive);
    buffer_wipe(&r.ledger_key);
    buffer_deinit(&r.issuing);
    key_free(r.root);
    return code;
}
