/* `sekimori init`: keys, charter, record and configuration of a new site. The root key goes to the
 * custody folder, the three roles' keys to the roles folder: neither is left with the site. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "assurance/charter.h"
#include "cli/cli.h"
#include "cli/owner.h"
#include "crypto/note.h"
#include "crypto/x509.h"
#include "ledger/ledger.h"
#include "platform/registry.h"

enum { ROOT_YEARS = 20, ISSUING_YEARS = 5, SERVER_DAYS = 90, PATH_BYTES = 700 };

struct site {
    const char *id, *host, *roles, *custody;
    struct buffer root_pem, issuing_pem, server_pem;
    struct key *root, *issuing, *server, *ledger;
    struct owner owner;
    char role_pem[CHARTER_ROLES][512];
};

static int fail(const struct cli *c, outcome o, const char *at)
{
    char what[160];
    snprintf(what, sizeof what, "%s%s%s", code_word(o.code), o.sys ? ": " : "", o.sys ? strerror(o.sys) : "");
    return complain(c, o.code == E_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED, "SK-1010", o.code == E_CONFLICT ? cli_say(c, W_EXISTS) : what, at, NULL);
}

/* Private, never over an existing file. */
static outcome store_key(const struct key *k, const char *path)
{
    struct buffer pem = BUFFER(8192);
    outcome o = access(path, F_OK) == 0 ? REFUSE(E_CONFLICT) : key_write_private_pem(k, &pem);
    if (ok(o)) o = port_file_store(path, buffer_view(&pem), 0600);
    buffer_wipe(&pem);
    return o;
}

static outcome store_in(const char *dir, const char *name, struct bytes b, int mode)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return port_file_store(path, b, mode);
}

static outcome key_in(const char *dir, const char *name, enum key_kind kind, struct key **ret)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    TRY(key_new(kind, ret));
    return store_key(*ret, path);
}

static outcome make_certificates(struct cli *c, struct site *s)
{
    char keys[PATH_BYTES - 64];
    const char *names[4] = { s->host, "localhost", "127.0.0.1", "::1" };
    struct x509_names alt = { names, 4 };
    snprintf(keys, sizeof keys, "%s/keys", c->state);
    TRY(key_in(s->custody, "root.key", KEY_P256, &s->root));
    TRY(key_in(keys, "issuing.key", KEY_P256, &s->issuing));
    TRY(key_in(keys, "server.key", KEY_P256, &s->server));
    TRY(key_in(keys, "ledger.key", KEY_ED25519, &s->ledger));
    TRY(x509_make_root(s->root, s->id, ROOT_YEARS, &s->root_pem));
    TRY(x509_make_issuing(s->root, buffer_view(&s->root_pem), s->issuing, s->id, ISSUING_YEARS, &s->issuing_pem));
    TRY(x509_make_server(s->issuing, buffer_view(&s->issuing_pem), s->server, &alt, SERVER_DAYS, &s->server_pem));
    TRY(store_in(s->custody, "root.pem", buffer_view(&s->root_pem), 0644));
    TRY(store_in(keys, "root.pem", buffer_view(&s->root_pem), 0644));
    TRY(store_in(keys, "issuing.pem", buffer_view(&s->issuing_pem), 0644));
    TRY(store_in(keys, "server.pem", buffer_view(&s->server_pem), 0644));
    return store_in(keys, "site", bytes_str(s->id), 0644);
}

/* <roles>/<role>.pub is taken where it exists; else a pair is made there, for one person to carry away. */
static outcome role_key(struct site *s, enum charter_role r)
{
    char pub[PATH_BYTES], priv[PATH_BYTES];
    struct buffer pem = BUFFER(8192);
    struct key *k = NULL;
    snprintf(pub, sizeof pub, "%s/%s.pub", s->roles, charter_role_word(r));
    snprintf(priv, sizeof priv, "%s/%s.key", s->roles, charter_role_word(r));
    outcome o = port_file_load(pub, 4096, &pem);
    if (o.code == E_MISSING) {
        pem = BUFFER(8192);
        o = key_new(KEY_ED25519, &k);
        if (ok(o)) o = store_key(k, priv);
        if (ok(o)) o = key_write_public_pem(k, &pem);
        if (ok(o)) o = port_file_store(pub, buffer_view(&pem), 0644);
    }
    if (ok(o)) o = bytes_to_text(buffer_view(&pem), s->role_pem[r], sizeof s->role_pem[r]);
    key_free(k);
    buffer_deinit(&pem);
    return o;
}

/* ---- the first entries ---- */

static outcome append(struct ledger *l, enum ledger_kind kind, const struct doc *d)
{
    uint64_t index;
    struct buffer b = BUFFER(1u << 20);
    outcome o = d ? doc_write_json(d, &b) : REFUSE(E_MEMORY);
    if (ok(o)) o = ledger_append(l, kind, port_wall_ms(), buffer_view(&b), &index);
    buffer_deinit(&b);
    return o;
}

static struct doc *stream_of(struct cli *c, const char *site, const char *name, const char *tail, bool command)
{
    struct stream s = { .recorded = true, .fail = FAIL_PASS_FLAG, .command = command, .expiry_s = command ? 60 : 0 };
    snprintf(s.name, sizeof s.name, "%s", name);
    snprintf(s.pattern, sizeof s.pattern, "sk/v1/%s/+/%s", site, tail);
    snprintf(s.owner, sizeof s.owner, "asset-owner");
    snprintf(s.label, sizeof s.label, "internal");
    if (command) snprintf(s.safe[0], sizeof s.safe[0], "stop");
    if (command) s.fail = FAIL_CLOSED;
    return registry_doc_stream(&c->arena, &s);
}

static outcome first_entries(struct cli *c, const struct site *s, struct ledger *l)
{
    static const struct { const char *name, *tail; bool command; } rows[] = { { "measurement", "m/#", false },
        { "event", "e/#", false }, { "alarm", "a/#", false }, { "state", "s/#", false }, { "command", "cmd/+", true },
        { "receipt", "cmd/+/reply", false }, { "attestation", "att/evidence", false } };
    const char *pems[CHARTER_ROLES];
    for (unsigned i = 0; i < CHARTER_ROLES; i++) pems[i] = s->role_pem[i];
    struct doc *site = doc_map(&c->arena);
    doc_set_text(&c->arena, site, "site", s->id);
    doc_set_text(&c->arena, site, "host", s->host);
    doc_set_text(&c->arena, site, "version", SEKIMORI_VERSION);
    TRY(append(l, ENTRY_CHARTER, charter_doc(&c->arena, s->id, pems, false)));
    TRY(append(l, ENTRY_SITE, site));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        TRY(append(l, ENTRY_STREAM, stream_of(c, s->id, rows[i].name, rows[i].tail, rows[i].command)));
    return ledger_sync(l);
}

/* The first head, so that the record verifies from its first day; the seal signs all later ones. */
static outcome first_head(const struct site *s, struct ledger *l)
{
    struct note n = { 0 };
    struct buffer text = BUFFER(NOTE_BYTES_MAX);
    snprintf(n.origin, sizeof n.origin, "%s", s->id);
    ledger_root(l, &n.size, &n.root);
    outcome o = note_make(&n, s->ledger, &text);
    if (ok(o)) o = ledger_publish(l, buffer_view(&text), port_mono_ms(), 0);
    buffer_deinit(&text);
    return o;
}

static void no_wake(void *ctx)
{
    (void)ctx;
}

static outcome make_ledger(struct cli *c, const struct site *s)
{
    char dir[PATH_BYTES];
    uint8_t public_key[32];
    uint64_t cut;
    struct ledger *l;
    snprintf(dir, sizeof dir, "%s/ledger", c->state);
    TRY(key_write_ed25519_raw(s->ledger, public_key));
    TRY(ledger_create(dir, s->id, bytes_of(public_key, sizeof public_key)));
    TRY(ledger_open(dir, (struct ledger_wake) { NULL, no_wake }, 2, &l, &cut));
    outcome o = first_entries(c, s, l);
    if (ok(o)) o = first_head(s, l);
    ledger_close(l);
    return o;
}

/* Where the console's files are: installed, or beside the tree this program was built in (build/). */
static const char *console_dir(const struct cli *c, char room[PATH_BYTES])
{
    static const char installed[] = "/usr/share/sekimori/console", built[] = "/console/dist";
    char exe[PATH_BYTES - sizeof built];
    if (flag(c, "console-dir")) return flag(c, "console-dir");
    ssize_t n = access(installed, F_OK) == 0 ? -1 : readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) return installed;
    exe[n] = 0;
    for (int up = 0; up < 2; up++) { /* build and the program's own name */
        char *slash = strrchr(exe, '/');
        if (!slash) return installed;
        *slash = 0;
    }
    snprintf(room, PATH_BYTES, "%s%s", exe, built);
    return access(room, F_OK) == 0 ? room : installed;
}

/* The daemon's configuration, as text: the daemon's own reader checks it at start and with --check. */
static outcome make_config(struct cli *c, const struct site *s)
{
    static const struct { const char *flag, *fallback; } listen[] = { { "mqtt", "0.0.0.0:8883" }, { "https", "0.0.0.0:8443" },
        { "est", "0.0.0.0:8444" }, { "console", "127.0.0.1:8480" }, { "peers", "off" } };
    struct buffer b = BUFFER(16384);
    const char *ja = flag(c, "title-ja"), *en = flag(c, "title-en");
    char room[PATH_BYTES];
    outcome o = buffer_fmt(&b, "[site]\nname = %s\ntitle-ja = %s\ntitle-en = %s\nhost = %s\nconsole-dir = %s\n\n[listen]\n", s->id,
        ja ? ja : s->id, en ? en : s->id, s->host, console_dir(c, room));
    for (size_t i = 0; ok(o) && i < sizeof listen / sizeof *listen; i++)
        o = buffer_fmt(&b, "%s = %s\n", listen[i].flag, flag(c, listen[i].flag) ? flag(c, listen[i].flag) : listen[i].fallback);
    if (ok(o)) o = store_in(c->state, "sekimori.conf", buffer_view(&b), 0640);
    buffer_deinit(&b);
    return o;
}

static outcome make_dirs(struct cli *c, const struct site *s)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/keys", c->state);
    if (access(path, F_OK) == 0) return REFUSE(E_CONFLICT);
    TRY(port_dir_make(c->state, 0700));
    TRY(port_dir_make(path, 0700));
    TRY(port_dir_make(s->custody, 0700));
    return port_dir_make(s->roles, 0700);
}

/* Who is trusted to have made TPMs: the site keeps a copy. */
static outcome take_tpm_roots(struct cli *c)
{
    char path[PATH_BYTES];
    struct buffer b = BUFFER(1u << 20);
    if (!flag(c, "tpm-roots")) return DONE;
    snprintf(path, sizeof path, "%s/tpm-roots.pem", c->state);
    outcome o = port_file_load(flag(c, "tpm-roots"), 1u << 20, &b);
    if (ok(o)) o = port_file_store(path, buffer_view(&b), 0644);
    buffer_deinit(&b);
    return o;
}

static outcome make_site(struct cli *c, struct site *s)
{
    TRY(make_dirs(c, s));
    TRY(make_certificates(c, s));
    for (unsigned i = 0; i < CHARTER_ROLES; i++) TRY(role_key(s, (enum charter_role)i));
    TRY(make_ledger(c, s));
    TRY(take_tpm_roots(c));
    TRY(make_config(c, s));
    return owner_give_tree(s->owner, c->state);
}

static void tell(struct cli *c, const struct site *s)
{
    struct hash h;
    char text[65], next[PATH_BYTES];
    const char *mqtt = flag(c, "mqtt"), *https = flag(c, "https"), *est = flag(c, "est");
    uint8_t public_key[32];
    printf("%s: %s (%s)\n", cli_say(c, W_INIT_DONE), s->id, c->state);
    printf("  %s: %s/root.key\n  %s: %s\n", cli_say(c, W_INIT_CUSTODY), s->custody, cli_say(c, W_INIT_ROLES), s->roles);
    if (ok(x509_pem_key_hash(buffer_view(&s->root_pem), &h))) {
        hex_of(hash_view(&h), text);
        printf("  CA    sha256:%s\n", text);
    }
    if (ok(key_write_ed25519_raw(s->ledger, public_key))) {
        hex_of(bytes_of(public_key, sizeof public_key), text);
        printf("  record key %s\n", text);
    }
    printf("  %s: MQTT %s, HTTPS %s, EST %s (tcp)\n", cli_say(c, W_INIT_FIREWALL), mqtt ? mqtt : "8883", https ? https : "8443", est ? est : "8444");
    bool unit = flag(c, "user") && strcmp(c->state, "/var/lib/sekimori") == 0 && access("/usr/lib/systemd/system/sekimorid.service", F_OK) == 0;
    if (unit) snprintf(next, sizeof next, "systemctl enable --now sekimorid");
    else snprintf(next, sizeof next, c->ja ? "sekimorid --state %s を起動" : "start sekimorid --state %s", c->state);
    printf("  %s: %s\n", cli_say(c, W_TRY), next);
}

int cmd_init(struct cli *c)
{
    struct site s = { .id = flag(c, "site"), .host = flag(c, "host"), .roles = flag(c, "roles"), .custody = flag(c, "custody"),
        .root_pem = BUFFER(16384), .issuing_pem = BUFFER(16384), .server_pem = BUFFER(16384) };
    static const char *const needed[] = { "site", "host", "roles", "custody" };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    if (!registry_id_valid(bytes_str(s.id))) return complain(c, EXIT_USAGE, "SK-1011", cli_say(c, W_SITE_ID), s.id, NULL);
    int code = owner_named(c, &s.owner);
    if (code) return code;
    outcome o = make_site(c, &s);
    if (ok(o)) tell(c, &s);
    key_free(s.root);
    key_free(s.issuing);
    key_free(s.server);
    key_free(s.ledger);
    buffer_deinit(&s.root_pem);
    buffer_deinit(&s.issuing_pem);
    buffer_deinit(&s.server_pem);
    return ok(o) ? EXIT_OK : fail(c, o, o.at);
}
