/* Cards (連携カード): what one site tells another of itself before an agreement: where it listens, who signs its server, the
 * key it connects with, the key of its record. Public, carried any way; what makes two of them trusted is a code that two
 * people read to each other. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint/agreement.h"
#include "cli/cli.h"
#include "crypto/x509.h"

#define CARD_WORD "sekimori-peer/1"
enum { CARD_BYTES_MAX = 65536, LINK_YEARS = 10, LINK_DAYS = 3650, PATH_MAX_BYTES = 700, CODE_MAX = 25 };

static int bad(const struct cli *c, outcome o, const char *at)
{
    return complain(c, EXIT_CONFIGURATION, "SK-1060", code_word(o.code), at, NULL);
}

static void place(const struct cli *c, const char *name, const char *end, char ret[PATH_MAX_BYTES])
{
    snprintf(ret, PATH_MAX_BYTES, "%s/courier/%s%s", c->state, name, end);
}

static MUST outcome store(const struct cli *c, const char *name, const char *end, struct bytes b, int mode)
{
    char path[PATH_MAX_BYTES];
    place(c, name, end, path);
    return port_file_store(path, b, mode);
}

/* The key this site connects to others with, and an authority of its own that signs that one certificate and is gone: who
 * trusts it, trusts this key and nothing else of ours. */
static MUST outcome make_link(struct cli *c, const char *site)
{
    struct key *authority = NULL, *own = NULL;
    struct buffer ca = BUFFER(16384), spki = BUFFER(1024), der = BUFFER(16384), pem = BUFFER(16384), private_pem = BUFFER(8192);
    outcome o = key_new(KEY_P256, &authority);
    if (ok(o)) o = key_new(KEY_P256, &own);
    if (ok(o)) o = key_write_public_der(own, &spki);
    if (ok(o)) o = x509_make_root(authority, site, LINK_YEARS, &ca);
    if (ok(o)) o = x509_make_device(authority, buffer_view(&ca), buffer_view(&spki), site, LINK_DAYS, &der);
    if (ok(o)) o = x509_der_to_pem(buffer_view(&der), &pem);
    if (ok(o)) o = key_write_private_pem(own, &private_pem);
    if (ok(o)) o = store(c, "link", ".ca", buffer_view(&ca), 0644);
    if (ok(o)) o = store(c, "link", ".pem", buffer_view(&pem), 0644);
    if (ok(o)) o = store(c, "link", ".key", buffer_view(&private_pem), 0600); /* last: with it all is there */
    buffer_wipe(&private_pem);
    key_free(authority);
    key_free(own);
    struct buffer *const all[] = { &ca, &spki, &der, &pem };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buffer_deinit(all[i]);
    return o;
}

static MUST outcome load_text(struct cli *c, const char *path, struct doc *card, const char *key)
{
    struct buffer b = BUFFER(0);
    TRY(port_file_load(path, 16384, &b));
    const char *text = arena_text(&c->arena, buffer_view(&b));
    buffer_deinit(&b);
    if (!text) return REFUSE(E_MEMORY);
    doc_set_text(&c->arena, card, key, text);
    return DONE;
}

static MUST outcome link_facts(struct cli *c, struct doc *card)
{
    char path[PATH_MAX_BYTES], hash[65];
    struct buffer pem = BUFFER(0);
    struct x509_facts f;
    place(c, "link", ".ca", path);
    TRY(load_text(c, path, card, "link_ca"));
    place(c, "link", ".pem", path);
    TRY(port_file_load(path, 16384, &pem));
    outcome o = x509_facts_pem(buffer_view(&pem), &f);
    buffer_deinit(&pem);
    TRY(o);
    hex_of(bytes_of(f.key_hash, sizeof f.key_hash), hash);
    doc_set_text(&c->arena, card, "link_key", hash);
    snprintf(path, sizeof path, "%s/keys/root.pem", c->state);
    return load_text(c, path, card, "ca");
}

/* "host:port", or "" where nobody is to connect to us. */
static bool listen_good(const char *listen, struct cli *c, struct doc *card)
{
    const char *colon = listen ? strrchr(listen, ':') : NULL;
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    char host[128] = "";
    if (listen && (!colon || colon == listen || (size_t)(colon - listen) >= sizeof host || port < 1 || port > 65535)) return false;
    if (colon) snprintf(host, sizeof host, "%.*s", (int)(colon - listen), listen);
    doc_set_text(&c->arena, card, "host", host);
    doc_set_int(&c->arena, card, "port", port);
    return true;
}

/* peer invite --out FILE [--listen HOST:PORT] */
int cmd_peer_invite(struct cli *c)
{
    char path[PATH_MAX_BYTES];
    const struct doc *status, *record;
    struct doc *card = doc_map(&c->arena);
    if (c->n_args) return complain_usage(c);
    if (!flag(c, "out")) return need_flag(c, "out");
    int code = ask(c, "GET", "/api/v1/status", BYTES_NONE, &status);
    if (!code) code = ask(c, "GET", "/api/v1/ledger", BYTES_NONE, &record);
    if (code) return code;
    const char *site = doc_text(status, "site", "");
    if (!listen_good(flag(c, "listen"), c, card)) return complain(c, EXIT_USAGE, "SK-1061", cli_say(c, W_CARD_LISTEN), flag(c, "listen"), NULL);
    snprintf(path, sizeof path, "%s/courier", c->state);
    outcome o = port_dir_make(path, 0700);
    place(c, "link", ".key", path);
    if (ok(o) && access(path, F_OK) != 0) o = make_link(c, site);
    doc_set_text(&c->arena, card, "card", CARD_WORD);
    doc_set_text(&c->arena, card, "site", site);
    doc_set_text(&c->arena, card, "title_ja", doc_text(status, "title_ja", ""));
    doc_set_text(&c->arena, card, "title_en", doc_text(status, "title_en", ""));
    doc_set_text(&c->arena, card, "record_key", doc_text(record, "key", ""));
    if (ok(o)) o = link_facts(c, card);
    if (!ok(o)) return bad(c, o, path);
    code = store_doc(c, flag(c, "out"), card);
    if (!code) printf("%s\n", cli_say(c, W_CARD_NEXT));
    return code;
}

static int read_card(struct cli *c, const char *path, struct doc **ret, struct hash *ret_hash)
{
    struct buffer b, canonical = BUFFER(CARD_BYTES_MAX);
    uint8_t key[32];
    int code = read_file(c, path, &b);
    if (code) return code;
    outcome o = doc_read_json(buffer_view(&b), &c->arena, ret);
    buffer_deinit(&b);
    bool good = ok(o) && strcmp(doc_text(*ret, "card", ""), CARD_WORD) == 0 && ok(hex_to(bytes_str(doc_text(*ret, "record_key", "")), key, sizeof key))
        && ok(hex_to(bytes_str(doc_text(*ret, "link_key", "")), key, sizeof key)) && doc_text(*ret, "ca", "")[0] && doc_text(*ret, "link_ca", "")[0];
    const char *site = good ? doc_text(*ret, "site", "") : "";
    for (const char *p = site; *p; p++) good = good && (*p == '-' || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')); /* it becomes a file's name */
    if (good) good = site[0] && strlen(site) < 25 && strcmp(site, "link") != 0;
    if (good) o = doc_write_json(*ret, &canonical);
    if (good && ok(o)) hash_sha256(buffer_view(&canonical), ret_hash);
    buffer_deinit(&canonical);
    return good && ok(o) ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1062", cli_say(c, W_CARD_BAD), path, NULL);
}

/* The same on both sides, whoever's card is whose. */
static void code_of(const struct hash *a, const struct hash *b, char ret[CODE_MAX])
{
    uint8_t both[64];
    struct hash h;
    bool swap = memcmp(a->at, b->at, 32) > 0;
    memcpy(both, swap ? b->at : a->at, 32);
    memcpy(both + 32, swap ? a->at : b->at, 32);
    hash_sha256(bytes_of(both, sizeof both), &h);
    struct out w = out_of(ret, CODE_MAX);
    for (size_t i = 0; i < 10; i += 2) put_fmt(&w, "%s%02x%02x", i ? "-" : "", h.at[i], h.at[i + 1]);
    ret[w.n] = 0;
}

static MUST outcome copy(struct cli *c, const char *end, const char *site, int mode)
{
    char path[PATH_MAX_BYTES];
    struct buffer b = BUFFER(0);
    place(c, "link", end, path);
    TRY(port_file_load(path, 16384, &b));
    outcome o = store(c, site, end, buffer_view(&b), mode);
    buffer_wipe(&b);
    return o;
}

static int take_card(struct cli *c, const struct doc *card)
{
    struct buffer b = BUFFER(CARD_BYTES_MAX);
    const char *site = doc_text(card, "site", "");
    outcome o = doc_write_json(card, &b);
    if (ok(o)) o = store(c, site, ".card", buffer_view(&b), 0644);
    if (ok(o)) o = copy(c, ".pem", site, 0644);
    if (ok(o)) o = copy(c, ".key", site, 0600);
    buffer_deinit(&b);
    if (!ok(o)) return bad(c, o, c->state);
    printf("%s: %s\n", cli_say(c, W_CARD_TAKEN), site);
    return EXIT_OK;
}

/* peer accept THEIRS --ours OURS [--code CODE] */
int cmd_peer_accept(struct cli *c)
{
    struct doc *theirs, *ours;
    struct hash a, b;
    char code[CODE_MAX];
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "ours")) return need_flag(c, "ours");
    int bad_card = read_card(c, c->args[0], &theirs, &a);
    if (!bad_card) bad_card = read_card(c, flag(c, "ours"), &ours, &b);
    if (bad_card) return bad_card;
    if (strcmp(doc_text(theirs, "site", ""), doc_text(ours, "site", "")) == 0) return complain(c, EXIT_CONFLICT, "SK-1063", cli_say(c, W_CARD_OWN), c->args[0], NULL);
    code_of(&a, &b, code);
    if (!flag(c, "code")) {
        printf("%s  %s\n%s\n", doc_text(theirs, "site", ""), code, cli_say(c, W_CARD_COMPARE));
        return EXIT_OK;
    }
    if (strcmp(flag(c, "code"), code) != 0) return complain(c, EXIT_VERIFY, "SK-1064", cli_say(c, W_CARD_OTHER), flag(c, "code"), cli_say(c, W_CARD_AGAIN));
    return take_card(c, theirs);
}

/* ---- an agreement with an accepted card ---- */

static struct doc *map_in(struct cli *c, struct doc *d, const char *key)
{
    for (struct doc *m = d->first; m; m = m->next)
        if (strcmp(m->key, key) == 0) return m->kind == DOC_MAP ? m : NULL;
    doc_set(&c->arena, d, key, doc_map(&c->arena));
    return map_in(c, d, key);
}

static MUST outcome fill(struct cli *c, struct doc *d, const struct doc *card)
{
    struct arena *a = &c->arena;
    struct doc *link = map_in(c, d, "link"), *standing = map_in(c, d, "standing"), *signer = doc_map(a);
    struct buffer pem = BUFFER(4096);
    struct key *key = NULL;
    uint8_t raw[32];
    if (!link || !standing) return DONE; /* the reader says where */
    TRY(hex_to(bytes_str(doc_text(card, "record_key", "")), raw, sizeof raw));
    outcome o = key_read_ed25519_raw(bytes_of(raw, sizeof raw), &key);
    if (ok(o)) o = key_write_public_pem(key, &pem);
    const char *text = ok(o) ? arena_text(a, buffer_view(&pem)) : NULL;
    key_free(key);
    buffer_deinit(&pem);
    if (!text) return ok(o) ? REFUSE(E_MEMORY) : o;
    doc_set_text(a, signer, "site", doc_text(card, "site", ""));
    doc_set_text(a, signer, "key", text);
    doc_set(a, standing, "statement", signer);
    if (doc_bool(link, "listen", false)) {
        doc_set_text(a, link, "client_ca", doc_text(card, "link_ca", ""));
        doc_set_text(a, link, "client_key", doc_text(card, "link_key", ""));
        return DONE;
    }
    doc_set_text(a, link, "host", doc_text(card, "host", ""));
    doc_set_int(a, link, "port", doc_int(card, "port", 0));
    doc_set_text(a, link, "ca", doc_text(card, "ca", ""));
    return DONE;
}

int card_fill(struct cli *c, struct doc *d)
{
    char path[PATH_MAX_BYTES];
    const struct doc *link = doc_get(d, "link");
    struct doc *card;
    struct hash h;
    bool whole = doc_get(link, "host") || doc_get(link, "client_ca");
    snprintf(path, sizeof path, "%s/courier/%.24s.card", c->state, doc_text(d, "id", ""));
    if (whole || access(path, F_OK) != 0) return EXIT_OK; /* an agreement that says it all, or whose reader says what is missing */
    int code = read_card(c, path, &card, &h);
    if (code) return code;
    outcome o = fill(c, d, card);
    return ok(o) ? EXIT_OK : bad(c, o, path);
}
