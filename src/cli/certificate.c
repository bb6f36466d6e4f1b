/* The certificate people's browsers are shown on the https door, where the site brings one that they trust. The key is made
 * here and stays here; keys/web.pem holds key and chain in one file, so that the two never change apart. */
#include <stdio.h>
#include <unistd.h>

#include "cli/keys.h"
#include "crypto/seal_keys.h"

enum { NAMES_MAX = 8, SEEN_MS = 10000 };

static int failed(const struct cli *c, outcome o, const char *at)
{
    char what[160];
    snprintf(what, sizeof what, "%s%s%s", code_word(o.code), o.sys ? ": " : "", o.sys ? strerror(o.sys) : "");
    return complain(c, EXIT_FAILED, "SK-1090", what, at, NULL);
}

/* The key whose certificate is waited for: a second request is for the same one, so that no answer to the first is lost. */
static outcome waiting_key(const struct cli *c, struct buffer *ret_pem, struct key **ret)
{
    outcome o = keys_load(c, "web.key", ret_pem);
    if (ok(o)) return key_read_private_pem(buffer_view(ret_pem), ret);
    if (o.code != E_MISSING) return o;
    TRY(key_new(KEY_P256, ret));
    TRY(key_write_private_pem(*ret, ret_pem));
    return keys_store(c, "web.key", buffer_view(ret_pem), 0600);
}

int cmd_certificate_request(struct cli *c)
{
    const char *names[NAMES_MAX], *out = flag(c, "out");
    struct x509_names all = { names, 0 };
    struct buffer pem = BUFFER(KEYS_PEM_MAX), request = BUFFER(KEYS_PEM_MAX);
    struct key *k = NULL;
    while (all.n < NAMES_MAX && flag_nth(c, "name", all.n)) names[all.n] = flag_nth(c, "name", all.n), all.n++;
    if (c->n_args) return complain_usage(c);
    if (!all.n) return need_flag(c, "name");
    if (!out) return need_flag(c, "out");
    outcome o = waiting_key(c, &pem, &k);
    if (ok(o)) o = x509_request_make_server(k, &all, &request);
    int code = ok(o) ? write_file(c, out, buffer_view(&request), 0644) : failed(c, o, c->state);
    if (code == EXIT_OK) printf("%s\n  %s: sekimori certificate set CHAIN.pem\n", out, cli_say(c, W_TRY));
    key_free(k);
    buffer_wipe(&pem);
    buffer_deinit(&request);
    return code;
}

/* ---- set ---- */

struct bringing {
    struct buffer key, chain, both; /* both: as it will be stored */
    struct x509_facts facts;
    struct buffer names;
};

static void let_go(struct bringing *b)
{
    buffer_wipe(&b->key);
    buffer_wipe(&b->both);
    buffer_deinit(&b->chain);
    buffer_deinit(&b->names);
}

static outcome join(struct bringing *b)
{
    struct key *k = NULL;
    struct bytes chain;
    TRY(buffer_put(&b->both, buffer_view(&b->key)));
    TRY(buffer_put(&b->both, buffer_view(&b->chain)));
    TRY(seal_keys_pair(buffer_view(&b->both), &k, &chain));
    key_free(k);
    TRY(x509_facts_pem(chain, &b->facts));
    TRY(x509_pem_names(chain, &b->names));
    return buffer_put(&b->names, BYTES_LIT("\0"));
}

/* What no browser would take is said now, not by the first person who opens the page. */
static int judge(const struct cli *c, struct bringing *b)
{
    int64_t now = port_wall_ms();
    outcome o = join(b);
    enum word what = o.code == E_CONFIG ? W_CERTIFICATE_OTHER_KEY : o.code == E_UNSUPPORTED ? W_CERTIFICATE_KIND
        : o.code == E_MISSING ? W_CERTIFICATE_NO_NAME : W_CERTIFICATE_BROKEN;
    if (!ok(o)) return complain(c, EXIT_REFUSED, "SK-1091", cli_say(c, what), c->args[0], "sekimori certificate request --name NAME --out FILE");
    if (now < b->facts.not_before_ms || now >= b->facts.not_after_ms)
        return complain(c, EXIT_REFUSED, "SK-1092", cli_say(c, W_CERTIFICATE_DATES), c->args[0], NULL);
    return EXIT_OK;
}

static int read_parts(struct cli *c, struct bringing *b)
{
    char path[KEYS_PATH];
    const char *key = flag(c, "key");
    int code = read_file(c, c->args[0], &b->chain);
    if (code) return code;
    if (key) return read_file(c, key, &b->key);
    keys_path(c, "web.key", path);
    if (!ok(port_file_load(path, KEYS_PEM_MAX, &b->key)))
        return complain(c, EXIT_NOT_FOUND, "SK-1093", cli_say(c, W_CERTIFICATE_NO_KEY), path, "--key FILE");
    return EXIT_OK;
}

/* The daemon's word for what it shows; NULL while there is no other certificate than the site's. */
static int shown_now(struct cli *c, const char **ret_key)
{
    const struct doc *d, *web;
    int code = ask(c, "GET", "/api/v1/certificates", BYTES_NONE, &d);
    if (code) return code;
    web = doc_get(d, "web");
    *ret_key = web ? doc_text(web, "key", "") : NULL;
    return EXIT_OK;
}

/* Asks that it be read, and waits until it is shown. key NULL: none is wanted. */
static int take_effect(struct cli *c, const char *key)
{
    const struct doc *d;
    const char *now = NULL;
    int code = ask(c, "POST", "/api/v1/certificates/again", BYTES_LIT("{}"), &d);
    for (int64_t until = port_mono_ms() + SEEN_MS; !code && port_mono_ms() < until; usleep(50000)) {
        code = shown_now(c, &now);
        if (!code && (key ? now && strcmp(now, key) == 0 : !now)) return EXIT_OK;
    }
    return code ? code : complain(c, EXIT_TEMPORARY, "SK-1094", cli_say(c, W_CERTIFICATE_NOT_SHOWN), c->state, "sekimori doctor");
}

static void print_one(const struct cli *c, enum word which, const char *names, int64_t until_ms)
{
    char text[TIME_TEXT];
    time_text(until_ms, text);
    printf("%s: %s  %s %s\n", cli_say(c, which), names, cli_say(c, W_UNTIL), text);
}

static int set(struct cli *c, struct bringing *b)
{
    char key[65], path[KEYS_PATH];
    int code = read_parts(c, b);
    if (!code) code = judge(c, b);
    if (code) return code;
    print_one(c, W_CERTIFICATE_WEB, (const char *)b->names.at, b->facts.not_after_ms);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)), EXIT_OK;
    outcome o = keys_store(c, "web.pem", buffer_view(&b->both), 0600);
    keys_path(c, "web.key", path);
    if (!ok(o)) return failed(c, o, c->state);
    if (!flag(c, "key")) (void)!unlink(path); /* it is in web.pem now */
    hex_of(bytes_of(b->facts.key_hash, sizeof b->facts.key_hash), key);
    return take_effect(c, key);
}

int cmd_certificate_set(struct cli *c)
{
    struct bringing b = { BUFFER(KEYS_PEM_MAX), BUFFER(KEYS_PEM_MAX), BUFFER(KEYS_PEM_MAX), { 0 }, BUFFER(4096) };
    if (c->n_args != 1) return complain_usage(c);
    int code = set(c, &b);
    let_go(&b);
    return code;
}

int cmd_certificate_remove(struct cli *c)
{
    char path[KEYS_PATH];
    keys_path(c, "web.pem", path);
    if (c->n_args) return complain_usage(c);
    if (access(path, F_OK) != 0) return complain(c, EXIT_NOT_FOUND, "SK-1095", cli_say(c, W_CERTIFICATE_NONE), path, NULL);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)), EXIT_OK;
    if (unlink(path) != 0) return complain(c, EXIT_FAILED, "SK-1090", path, c->state, NULL);
    return take_effect(c, NULL);
}

static void print_shown(const struct cli *c, enum word which, const struct doc *d)
{
    int64_t until = 0;
    if (!ok(time_parse(bytes_str(doc_text(d, "until", "")), &until))) return;
    print_one(c, which, doc_text(d, "names", ""), until);
}

int cmd_certificate_show(struct cli *c)
{
    const struct doc *d;
    if (c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/certificates", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) return print_json(d), EXIT_OK;
    if (doc_get(d, "site")) print_shown(c, W_CERTIFICATE_SITE, doc_get(d, "site"));
    if (doc_get(d, "web")) print_shown(c, W_CERTIFICATE_WEB, doc_get(d, "web"));
    else printf("%s: %s\n  %s: sekimori certificate request --name NAME --out FILE\n", cli_say(c, W_CERTIFICATE_WEB), cli_say(c, W_CERTIFICATE_NONE), cli_say(c, W_TRY));
    return EXIT_OK;
}
