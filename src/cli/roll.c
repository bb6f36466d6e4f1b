/* `sekimori ca roll` and `ca retire`: another key issues, the former one is trusted until the asset owner orders its end. Keys
 * are made here, on the site's machine, and the root key is asked for once, to sign. keys/next.pem holds key and certificate of
 * who issues now, in one file, so that the step is one file that appears; issuing.* is then the former one. */
#include <stdio.h>
#include <unistd.h>

#include "assurance/charter.h"
#include "assurance/document.h"
#include "cli/keys.h"
#include "cli/medium.h"
#include "crypto/seal_keys.h"

enum { SEEN_MS = 15000, ISSUING_YEARS = 5 };

static int failed(const struct cli *c, outcome o)
{
    char what[160];
    snprintf(what, sizeof what, "%s%s%s", code_word(o.code), o.sys ? ": " : "", o.sys ? strerror(o.sys) : "");
    return complain(c, EXIT_FAILED, "SK-1096", what, c->state, NULL);
}

/* ---- what the daemon knows ---- */

static const struct doc *find(const struct doc *list, const char *key)
{
    const struct doc *d = list ? list->first : NULL;
    while (d && strcmp(doc_text(d, "key", ""), key) != 0) d = d->next;
    return d;
}

/* Has the keys read again, and waits until `issues` issues and `gone` ("" nobody) counts no more. */
static int take_effect(struct cli *c, const char *issues, const char *gone)
{
    const struct doc *d;
    int code = ask(c, "POST", "/api/v1/certificates/again", BYTES_LIT("{}"), &d);
    for (int64_t until = port_mono_ms() + SEEN_MS; !code && port_mono_ms() < until; usleep(100000)) {
        if (ask(c, "GET", "/api/v1/authorities", BYTES_NONE, &d) != EXIT_OK || !d->first) continue;
        if (strcmp(doc_text(d->first, "key", ""), issues) == 0 && !find(d, gone)) return EXIT_OK;
    }
    return code ? code : complain(c, EXIT_TEMPORARY, "SK-1094", cli_say(c, W_CERTIFICATE_NOT_SHOWN), c->state, "sekimori doctor");
}

static void print_left(const struct cli *c, const struct doc *former)
{
    const struct doc *left = doc_get(former, "left");
    printf("%s: %zu\n", cli_say(c, W_CA_LEFT), left ? left->count : 0);
    for (const struct doc *d = left ? left->first : NULL; d; d = d->next) printf("  %s\n", d->text ? d->text : "");
}

/* ---- another one issues ---- */

struct rolling {
    struct key *root, *issuing;
    struct buffer root_pem, both; /* both: key and certificate, as they will be stored */
    struct x509_facts facts;
};

static outcome make(struct rolling *r, const char *site)
{
    struct buffer certificate = BUFFER(KEYS_PEM_MAX);
    TRY(key_new(KEY_P256, &r->issuing));
    TRY(key_write_private_pem(r->issuing, &r->both));
    outcome o = x509_make_issuing(r->root, buffer_view(&r->root_pem), r->issuing, site, ISSUING_YEARS, &certificate);
    if (ok(o)) o = x509_facts_pem(buffer_view(&certificate), &r->facts);
    if (ok(o)) o = buffer_put(&r->both, buffer_view(&certificate));
    buffer_deinit(&certificate);
    return o;
}

static int root_here(struct cli *c, struct rolling *r)
{
    struct hash own, known;
    int code = medium_custody(c, flag(c, "custody"), &r->root);
    if (code) return code;
    outcome o = keys_load(c, "root.pem", &r->root_pem);
    if (ok(o)) o = key_id(r->root, &own);
    if (ok(o)) o = x509_pem_key_hash(buffer_view(&r->root_pem), &known);
    if (!ok(o)) return failed(c, o);
    return hash_equal(&own, &known) ? EXIT_OK : complain(c, EXIT_AUTH, "SK-1085", cli_say(c, W_OTHER_ROOT), flag(c, "custody"), NULL);
}

/* next.pem becomes issuing.*: each step leaves what the seal can start from. */
static outcome settle(const struct cli *c)
{
    char path[KEYS_PATH];
    struct buffer pem = BUFFER(KEYS_PEM_MAX), own = BUFFER(KEYS_PEM_MAX);
    struct key *k = NULL;
    struct bytes chain;
    outcome o = keys_load(c, "next.pem", &pem);
    if (ok(o)) o = seal_keys_pair(buffer_view(&pem), &k, &chain);
    if (ok(o)) o = key_write_private_pem(k, &own);
    keys_path(c, "issuing.key", path);
    if (ok(o)) (void)!unlink(path);
    if (ok(o)) o = keys_store(c, "issuing.pem", chain, 0644);
    if (ok(o)) o = keys_store(c, "issuing.key", buffer_view(&own), 0600);
    keys_path(c, "next.pem", path);
    if (ok(o) && unlink(path) != 0) o = REFUSE(E_IO);
    key_free(k);
    buffer_wipe(&own);
    buffer_wipe(&pem);
    return o;
}

/* A step that was cut short after an order is finished first; while a former one counts, there is no other roll. */
static int ready_to_roll(struct cli *c, const struct doc *list)
{
    char path[KEYS_PATH];
    keys_path(c, "next.pem", path);
    if (list->count > 1)
        return complain(c, EXIT_CONFLICT, "SK-1097", cli_say(c, W_CA_STILL_ROLLING), doc_text(list->first->next, "key", ""), "sekimori ca retire KEY --dry-run");
    if (access(path, F_OK) != 0) return EXIT_OK;
    outcome o = settle(c);
    return ok(o) ? EXIT_OK : failed(c, o);
}

static int roll(struct cli *c, struct rolling *r)
{
    const struct doc *list;
    char site[CHARTER_SITE_MAX], key[17];
    int code = ask(c, "GET", "/api/v1/authorities", BYTES_NONE, &list);
    if (!code) code = root_here(c, r);
    if (!code) code = charter_site(c, site);
    if (!code && !c->dry_run) code = ready_to_roll(c, list);
    if (code) return code;
    printf("%s: %lld\n", cli_say(c, W_CA_TO_MOVE), (long long)doc_int(list->first, "good", 0));
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)), EXIT_OK;
    outcome o = make(r, site);
    if (ok(o)) o = keys_store(c, "next.pem", buffer_view(&r->both), 0600);
    if (!ok(o)) return failed(c, o);
    hex_of(bytes_of(r->facts.key_id, sizeof r->facts.key_id), key);
    code = take_effect(c, key, "");
    if (!code) printf("%s: %s\n  %s: sekimori ca list; sekimori ca retire %s --dry-run\n", cli_say(c, W_CA_ISSUES), key, cli_say(c, W_TRY), doc_text(list->first, "key", ""));
    return code;
}

int cmd_ca_roll(struct cli *c)
{
    struct rolling r = { .root_pem = BUFFER(KEYS_PEM_MAX), .both = BUFFER(KEYS_PEM_MAX) };
    if (c->n_args) return complain_usage(c);
    if (!flag(c, "custody")) return need_flag(c, "custody");
    int code = roll(c, &r);
    key_free(r.root);
    key_free(r.issuing);
    buffer_deinit(&r.root_pem);
    buffer_wipe(&r.both);
    return code;
}

/* ---- the former one ends ---- */

int cmd_ca_retire(struct cli *c)
{
    const struct doc *list, *former;
    char site[CHARTER_SITE_MAX];
    if (c->n_args != 1) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/authorities", BYTES_NONE, &list);
    if (code) return code;
    former = find(list, c->args[0]);
    if (!former || former == list->first) return complain(c, EXIT_NOT_FOUND, "SK-1098", cli_say(c, W_CA_NO_FORMER), c->args[0], "sekimori ca list");
    int left = (int)(doc_get(former, "left") ? doc_get(former, "left")->count : 0), said = flag_number(c, "left", 0);
    print_left(c, former);
    if (c->dry_run) return printf("%s\n", cli_say(c, W_DRY_RUN)), EXIT_OK;
    if (left != said) return complain(c, EXIT_CONFLICT, "SK-1099", cli_say(c, W_CA_LEFT_DIFFERS), c->args[0], "sekimori ca retire KEY --left N --key FILE");
    if (!flag(c, "key")) return need_flag(c, "key");
    code = charter_site(c, site);
    if (!code) code = sign_and_apply(c, document_retirement_new(&c->arena, site, c->args[0], (uint32_t)left, port_wall_ms()));
    if (code) return code;
    outcome o = settle(c);
    return ok(o) ? take_effect(c, doc_text(list->first, "key", ""), c->args[0]) : failed(c, o);
}
