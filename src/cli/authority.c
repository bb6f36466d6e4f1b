/* `sekimori ca`: who issues this site's certificates, and the lists of those that are no longer good. */
#include <stdio.h>

#include "cli/cli.h"

static void print_authority(const struct cli *c, const struct doc *d)
{
    printf("%s  %-10s %s %s  %s %lld  %s %lld\n", doc_text(d, "key", ""), cli_say(c, doc_bool(d, "issues", false) ? W_CA_ISSUES : W_CA_FORMER),
        cli_say(c, W_UNTIL), doc_text(d, "until", ""), cli_say(c, W_CA_GOOD), (long long)doc_int(d, "good", 0), cli_say(c, W_CA_ENDED),
        (long long)doc_int(d, "ended", 0));
}

int cmd_ca_list(struct cli *c)
{
    const struct doc *list;
    int code = ask(c, "GET", "/api/v1/authorities", BYTES_NONE, &list);
    if (code) return code;
    if (c->json) return print_json(list), EXIT_OK;
    for (const struct doc *d = list->first; d; d = d->next) print_authority(c, d);
    return EXIT_OK;
}

/* PEM, one list of each issuer, to --out or to the screen: what nginx, mosquitto and openssl read. */
int cmd_ca_crl(struct cli *c)
{
    const struct doc *list;
    struct buffer pem = BUFFER(1u << 20);
    int code = ask(c, "GET", "/api/v1/authorities", BYTES_NONE, &list);
    if (code) return code;
    for (const struct doc *d = list->first; d; d = d->next)
        if (!ok(buffer_put(&pem, bytes_str(doc_text(d, "crl", ""))))) code = EXIT_FAILED;
    const char *out = flag(c, "out");
    if (!code && out) code = write_file(c, out, buffer_view(&pem), 0644);
    else if (!code) printf("%.*s", (int)pem.n, pem.at ? (const char *)pem.at : "");
    buffer_deinit(&pem);
    return code;
}
