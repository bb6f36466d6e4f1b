/* Drafts that change who signs: another key for a role, a deputy for a time. Two of the three sign them; the drafts travel as
 * files, so that nobody's key comes near the site. */
#include "assurance/charter.h"

#include <stdio.h>
#include <unistd.h>

#include "assurance/document.h"
#include "cli/cli.h"

enum { PEM_MAX = 8192 };

/* A fresh key pair: the private half into a file of its own, never over another. */
static int make_key(struct cli *c, const char *path, struct buffer *ret_pem)
{
    struct buffer private = BUFFER(PEM_MAX);
    struct key *k = NULL;
    if (access(path, F_OK) == 0) return complain(c, EXIT_CONFLICT, "SK-1010", cli_say(c, W_EXISTS), path, NULL);
    outcome o = key_new(KEY_ED25519, &k);
    if (ok(o)) o = key_write_private_pem(k, &private);
    if (ok(o)) o = key_write_public_pem(k, ret_pem);
    int code = ok(o) ? write_file(c, path, buffer_view(&private), 0600) : EXIT_FAILED;
    buffer_wipe(&private);
    key_free(k);
    return code;
}

static int read_public(struct cli *c, const char *path, struct buffer *ret_pem)
{
    struct key *k = NULL;
    int code = read_file(c, path, ret_pem);
    if (code) return code;
    outcome o = key_read_public_pem(buffer_view(ret_pem), &k);
    key_free(k);
    return ok(o) ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1021", cli_say(c, W_KEY), path, NULL);
}

/* The newest passkey a person registered, as the daemon knows it. */
static int passkey_of(struct cli *c, const char *person, struct buffer *ret_pem, const char **ret_rp)
{
    char path[160];
    const struct doc *d, *keys;
    uint8_t spki[256];
    struct key *k = NULL;
    snprintf(path, sizeof path, "/api/v1/users/%s", person);
    int code = ask(c, "GET", path, BYTES_NONE, &d);
    if (code) return code;
    keys = doc_get(d, "passkeys");
    const struct doc *last = keys ? keys->first : NULL;
    while (last && last->next) last = last->next;
    const char *hex = doc_text(last, "spki", "");
    size_t n = strlen(hex) / 2;
    if (!n || n > sizeof spki) return complain(c, EXIT_NOT_FOUND, "SK-1027", cli_say(c, W_NO_PASSKEY), person, NULL);
    outcome o = hex_to(bytes_str(hex), spki, n);
    if (ok(o)) o = key_read_public_der(bytes_of(spki, n), &k);
    if (ok(o)) o = key_write_public_pem(k, ret_pem);
    key_free(k);
    *ret_rp = doc_text(last, "rp", "");
    return ok(o) ? EXIT_OK : EXIT_FAILED;
}

static int key_of(struct cli *c, struct charter_draft *d, struct buffer *pem)
{
    int code;
    d->rp = "";
    if (flag(c, "new-key")) code = make_key(c, flag(c, "new-key"), pem);
    else if (flag(c, "public")) code = read_public(c, flag(c, "public"), pem);
    else if (flag(c, "passkey")) code = passkey_of(c, flag(c, "passkey"), pem, &d->rp);
    else return need_flag(c, "new-key");
    if (!code && !ok(buffer_put(pem, BYTES_LIT("\0")))) code = EXIT_FAILED;
    d->key_pem = (const char *)pem->at;
    return code;
}

static int draft(struct cli *c, struct charter_draft *d)
{
    static const char *const needed[] = { "role", "person", "reason", "out" };
    char site[CHARTER_SITE_MAX];
    struct buffer pem = BUFFER(PEM_MAX);
    enum charter_role role;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    if (!ok(charter_role_parse(flag(c, "role"), &role))) return complain_usage(c);
    d->role = flag(c, "role");
    d->person = flag(c, "person");
    d->reason = flag(c, "reason");
    d->at_ms = port_wall_ms();
    int code = charter_site(c, site);
    if (!code) code = key_of(c, d, &pem);
    if (!code) code = store_doc(c, flag(c, "out"), charter_change_doc(&c->arena, site, d));
    buffer_deinit(&pem);
    return code;
}

int cmd_charter_new(struct cli *c)
{
    struct charter_draft d = { 0 };
    return c->n_args ? complain_usage(c) : draft(c, &d);
}

int cmd_deputy_new(struct cli *c)
{
    char from[TIME_TEXT], until[TIME_TEXT];
    int64_t from_ms = port_wall_ms(), days = 0;
    struct charter_draft d = { .deputy_id = c->n_args ? c->args[0] : NULL, .rank = flag(c, "rank") };
    if (c->n_args != 1) return complain_usage(c);
    if (!d.rank) return need_flag(c, "rank");
    if (!flag(c, "days")) return need_flag(c, "days");
    for (const char *p = flag(c, "days"); *p >= '0' && *p <= '9' && days < 1000; p++) days = days * 10 + (*p - '0');
    if (flag(c, "from") && !ok(time_parse(bytes_str(flag(c, "from")), &from_ms))) return complain_usage(c);
    if (days < 0 || days > CHARTER_DEPUTY_DAYS) return complain_usage(c);
    time_text(from_ms, from);
    time_text(from_ms + days * MS_DAY, until);
    d.from = from;
    d.until = until;
    return draft(c, &d);
}

static void print_holder(struct cli *c, const struct doc *h)
{
    printf("%-14s %s  %s %.16s…%s\n", doc_text(h, "role", ""), doc_said(c, h, "role"), doc_text(h, "person", ""), doc_text(h, "key_id", ""),
        doc_bool(h, "passkey", false) ? "  passkey" : "");
}

int cmd_charter_show(struct cli *c)
{
    const struct doc *d, *roles, *deputies;
    int code = ask(c, "GET", "/api/v1/charter", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) {
        print_json(d);
        return EXIT_OK;
    }
    roles = doc_get(d, "roles");
    deputies = doc_get(d, "deputies");
    for (const struct doc *r = roles ? roles->first : NULL; r; r = r->next) print_holder(c, r);
    for (const struct doc *r = deputies ? deputies->first : NULL; r; r = r->next)
        printf("%s %s: %s  %s  %s – %s  %s\n", cli_say(c, W_DEPUTY), doc_text(r, "id", ""), doc_said(c, r, "role"), doc_text(r, "person", ""),
            doc_text(r, "from", ""), doc_text(r, "until", ""), doc_text(r, "rank", ""));
    return EXIT_OK;
}
