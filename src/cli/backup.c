/* `sekimori backup make|verify`: a copy of a running site that is worth something on the day it is needed. The record is copied
 * as it stands: its `checkpoint` is read first and lags what is on disk (ledger.h), so that everything under that head
 * is in the copy; leaves are read before payloads, so that no entry comes without its payload. What was written meanwhile
 * is in it or not. Data keys are read last: whatever was sealed has its key. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/medium.h"
#include "crypto/box.h"
#include "crypto/x509.h"
#include "ledger/verify.h"

struct making {
    struct cli *c;
    const char *to;
    struct doc *files;
    struct buffer archive;
    uint64_t bytes, shown;
    unsigned n;
};

static void show_progress(struct making *m)
{
    enum { STEP = 64 << 20 };
    if (!isatty(2) || m->bytes - m->shown < STEP) return;
    m->shown = m->bytes;
    fprintf(stderr, "\r%llu MB", (unsigned long long)(m->bytes >> 20));
}

static outcome note_file(struct making *m, const char *relative)
{
    struct doc *d = doc_map(&m->c->arena);
    TRY(medium_describe(&m->c->arena, m->to, relative, d));
    doc_add(m->files, d);
    return DONE;
}

static outcome copy_one(void *ctx, const char *relative, uint64_t size, unsigned mode)
{
    struct making *m = ctx;
    (void)mode;
    TRY(medium_copy(m->c->state, m->to, relative));
    m->bytes += size;
    m->n++;
    show_progress(m);
    return note_file(m, relative);
}

static outcome copy_record(struct making *m)
{
    static const char *const files[] = { "ledger/checkpoint", "ledger/ledger" };
    static const char *const folders[] = { "ledger/leaves", "ledger/tree", "ledger/control", "ledger/data" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) TRY(copy_one(m, files[i], 0, 0));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) TRY(medium_walk(m->c->state, folders[i], NULL, copy_one, m));
    return DONE;
}

static outcome pack_one(void *ctx, const char *relative, uint64_t size, unsigned mode)
{
    struct making *m = ctx;
    (void)size;
    return medium_pack(m->c->state, relative, mode, &m->archive);
}

/* The root's public key, from its certificate: the private one is in custody. */
static outcome root_public(const char *state, struct key **ret, char ret_hex[65])
{
    char path[MEDIUM_PATH];
    struct buffer pem = BUFFER(0), der = BUFFER(8192);
    struct hash h;
    snprintf(path, sizeof path, "%.900s/keys/root.pem", state);
    TRY(port_file_load(path, 65536, &pem));
    outcome o = x509_pem_key(buffer_view(&pem), &der);
    if (ok(o)) o = key_read_public_der(buffer_view(&der), ret);
    if (ok(o)) o = key_id(*ret, &h);
    if (ok(o)) hex_of(hash_view(&h), ret_hex);
    buffer_deinit(&pem);
    buffer_deinit(&der);
    return o;
}

static outcome seal_archive(struct making *m, const struct key *root)
{
    char path[MEDIUM_PATH];
    struct buffer box = BUFFER(MEDIUM_SEALED_MAX);
    outcome o = box_seal(root, MEDIUM_PURPOSE, buffer_view(&m->archive), &box);
    snprintf(path, sizeof path, "%.900s/sealed", m->to);
    if (ok(o)) o = port_file_store(path, buffer_view(&box), 0600);
    buffer_deinit(&box);
    return ok(o) ? note_file(m, "sealed") : o;
}

/* keys/head.mark first: no head signed later than what is copied may be remembered by the restored seal. */
static outcome gather(struct making *m, const struct key *root, bool data_keys)
{
    static const char *const both[] = { "ledger", "run", "keys/head.mark", "backup.json", "data-keys", NULL };
    static const char *const but_record[] = { "ledger", "run", "keys/head.mark", "backup.json", NULL };
    TRY(medium_pack(m->c->state, "keys/head.mark", 0600, &m->archive));
    TRY(copy_record(m));
    TRY(medium_walk(m->c->state, "", data_keys ? but_record : both, pack_one, m));
    return seal_archive(m, root);
}

static outcome store_json(const char *dir, const char *name, const struct doc *d, char ret_sha256[65])
{
    char path[MEDIUM_PATH];
    struct buffer b = BUFFER(MEDIUM_FILE_MAX);
    struct hash h;
    outcome o = doc_write_json(d, &b);
    snprintf(path, sizeof path, "%.900s/%s", dir, name);
    if (ok(o)) o = port_file_store(path, buffer_view(&b), 0600);
    if (ok(o)) {
        hash_sha256(buffer_view(&b), &h);
        hex_of(hash_view(&h), ret_sha256);
    }
    buffer_deinit(&b);
    return o;
}

static struct doc *manifest(struct making *m, const struct verify_result *r, const char *root_hex, bool data_keys)
{
    struct arena *a = &m->c->arena;
    struct doc *d = doc_map(a);
    char at[TIME_TEXT];
    time_text(port_wall_ms(), at);
    doc_set_text(a, d, "type", MEDIUM_PURPOSE);
    doc_set_text(a, d, "site", r->origin);
    doc_set_text(a, d, "at", at);
    doc_set_text(a, d, "version", SEKIMORI_VERSION);
    doc_set_text(a, d, "root_key", root_hex);
    doc_set_int(a, d, "signed", (int64_t)r->signed_size);
    doc_set_text(a, d, "head", r->head_root);
    doc_set_int(a, d, "entries", (int64_t)r->entries);
    doc_set_bool(a, d, "data_keys", data_keys);
    doc_set(a, d, "files", m->files);
    return d;
}

/* What stays with the site: doctor reads it, and the record says that there is a copy. */
static void remember(struct cli *c, const struct doc *made, const char *sha256)
{
    struct doc *d = doc_map(&c->arena);
    const struct doc *answer;
    char ignored[65];
    static const char *const same[] = { "at", "head" };
    for (size_t i = 0; i < 2; i++) doc_set_text(&c->arena, d, same[i], doc_text(made, same[i], ""));
    doc_set_int(&c->arena, d, "signed", doc_int(made, "signed", 0));
    doc_set_text(&c->arena, d, "manifest_sha256", sha256);
    (void)!ok(store_json(c->state, "backup.json", d, ignored));
    char sock[MEDIUM_PATH];
    snprintf(sock, sizeof sock, "%.900s/run/control.sock", c->state);
    if (access(sock, F_OK) == 0) (void)!ask_doc(c, "/api/v1/backup", d, &answer);
}

static void say_made(const struct cli *c, const struct making *m, const struct doc *d, const char *sha256)
{
    if (c->json) {
        print_json(d);
        return;
    }
    printf("%s  %s\n  %lld %s, %s %.16s…, %u %s, %llu MB\n  manifest %s\n  %s\n", cli_say(c, W_BACKUP_MADE), m->to, (long long)doc_int(d, "entries", 0),
        cli_say(c, W_ENTRIES), cli_say(c, W_HEAD), doc_text(d, "head", ""), m->n, cli_say(c, W_FILES), (unsigned long long)(m->bytes >> 20), sha256,
        cli_say(c, W_BACKUP_NEEDS));
}

int cmd_backup_make(struct cli *c)
{
    struct key *root = NULL;
    struct verify_result r;
    char root_hex[65], sha256[65], record[MEDIUM_PATH], there[MEDIUM_PATH];
    bool data_keys = !flag(c, "without-data-keys");
    if (c->n_args != 1) return complain_usage(c);
    struct making m = { .c = c, .to = c->args[0], .files = doc_list(&c->arena), .archive = BUFFER(MEDIUM_SEALED_MAX) };
    snprintf(there, sizeof there, "%.900s/manifest.json", m.to);
    snprintf(record, sizeof record, "%.900s/ledger", m.to);
    if (access(there, F_OK) == 0 || access(record, F_OK) == 0) return complain(c, EXIT_CONFLICT, "SK-1010", cli_say(c, W_EXISTS), m.to, NULL);
    outcome o = root_public(c->state, &root, root_hex);
    if (ok(o)) o = port_dir_make(m.to, 0700);
    if (ok(o)) o = gather(&m, root, data_keys);
    buffer_wipe(&m.archive);
    key_free(root);
    if (!ok(o)) return medium_failed(c, o, m.to);
    o = ledger_verify(record, "", print_finding, c, &r);
    if (!ok(o)) return medium_failed(c, o, record);
    if (r.findings) return complain(c, EXIT_VERIFY, "SK-1082", cli_say(c, W_NOT_VERIFIED), record, NULL);
    struct doc *d = manifest(&m, &r, root_hex, data_keys);
    o = store_json(m.to, "manifest.json", d, sha256);
    if (ok(o)) o = port_dir_sync(m.to);
    if (!ok(o)) return medium_failed(c, o, m.to);
    remember(c, d, sha256);
    say_made(c, &m, d, sha256);
    return EXIT_OK;
}

static outcome count_file(void *ctx, const char *relative, unsigned mode, struct bytes content)
{
    (void)relative, (void)mode, (void)content;
    ++*(unsigned *)ctx;
    return DONE;
}

/* That the custody key opens it, which is what a restore will need. */
static int try_custody(struct cli *c)
{
    struct key *root;
    struct buffer archive;
    unsigned n = 0;
    if (!flag(c, "custody")) return EXIT_OK;
    int code = medium_custody(c, flag(c, "custody"), &root);
    if (code) return code;
    code = medium_open(c, c->args[0], root, &archive);
    key_free(root);
    if (!code && !ok(medium_unpack(buffer_view(&archive), count_file, &n))) code = complain(c, EXIT_VERIFY, "SK-1082", cli_say(c, W_CHANGED), "sealed", NULL);
    buffer_wipe(&archive);
    if (!code && !c->json) printf("  %s: %u %s\n", cli_say(c, W_BOX_OPENS), n, cli_say(c, W_FILES));
    return code;
}

int cmd_backup_verify(struct cli *c)
{
    const struct doc *d;
    struct verify_result r;
    char wrong[MEDIUM_PATH], record[MEDIUM_PATH];
    if (c->n_args != 1) return complain_usage(c);
    outcome o = medium_check(c, c->args[0], &d, wrong);
    if (!ok(o)) return medium_failed(c, o, c->args[0]);
    if (*wrong) return complain(c, EXIT_VERIFY, "SK-1082", cli_say(c, W_CHANGED), wrong, NULL);
    snprintf(record, sizeof record, "%.900s/ledger", c->args[0]);
    o = ledger_verify(record, "", print_finding, c, &r);
    if (!ok(o)) return medium_failed(c, o, record);
    if (r.findings || strcmp(r.head_root, doc_text(d, "head", "")) != 0)
        return complain(c, EXIT_VERIFY, "SK-1082", cli_say(c, W_NOT_VERIFIED), record, NULL);
    int code = try_custody(c);
    if (!code && c->json) print_json(d);
    else if (!code) printf("%s  %s %s, %llu %s, %s %.16s…\n", cli_say(c, W_VERIFIED), doc_text(d, "site", ""), doc_text(d, "at", ""),
        (unsigned long long)r.entries, cli_say(c, W_ENTRIES), cli_say(c, W_HEAD), r.head_root);
    return code;
}
