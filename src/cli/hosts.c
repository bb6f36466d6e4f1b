/* `sekimori watch hosts`: a sensor on a running site's network; hosts that neither the inventory nor this machine knows are
 * reported to core as they appear. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/map.h"
#include "cli/sensed.h"
#include "watch/address.h"

struct looking {
    struct cli *c;
    struct map known; /* addresses as text: listed, this machine's, or reported already */
    size_t reported;
    int code;
};

static bool know(struct looking *l, const char *address)
{
    return ok(map_put(&l->known, bytes_str(address), l));
}

/* "10.0.0.5 10.0.0.6" */
static void know_all(struct looking *l, const char *list)
{
    char one[ADDRESS_TEXT];
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (n && n < sizeof one) {
            memcpy(one, p, n);
            one[n] = 0;
            if (!know(l, one)) return;
        }
        p += n + (p[n] != 0);
    }
}

static void know_this_machine(struct looking *l)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0) return;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct address a = { 0 };
        char text[ADDRESS_TEXT];
        int family = i->ifa_addr ? i->ifa_addr->sa_family : 0;
        if (family != AF_INET && family != AF_INET6) continue;
        a.family = family == AF_INET ? 4 : 6;
        if (family == AF_INET) memcpy(a.at, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
        else memcpy(a.at, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
        address_text(&a, text);
        if (!know(l, text)) break;
    }
    freeifaddrs(all);
}

static void report(struct looking *l, const char *text, const char *protocol)
{
    struct address a;
    const struct doc *answer;
    if (l->code || !ok(address_parse(text, &a)) || !address_host(&a) || !address_inside(&a)) return;
    if (map_get(&l->known, bytes_str(text)) || !know(l, text)) return;
    struct doc *d = doc_map(&l->c->arena);
    doc_set_text(&l->c->arena, d, "what", "unknown-host");
    doc_set_text(&l->c->arena, d, "address", text);
    doc_set_text(&l->c->arena, d, "protocol", protocol);
    l->code = ask_doc(l->c, "/api/v1/alerts", d, &answer);
    if (l->code) return;
    l->reported++;
    printf("■ %s: %s (%s)\n", cli_say(l->c, W_SEEN_UNKNOWN), text, protocol);
    fflush(stdout);
}

/* To be called is not to be there: only who sent something is a host. */
static void line(void *ctx, const struct doc *d)
{
    struct looking *l = ctx;
    const struct doc *f = doc_get(d, "flow");
    if (doc_int(f, "up", 0) > 0) report(l, doc_text(f, "client", ""), doc_text(f, "protocol", ""));
    if (doc_int(f, "down", 0) > 0) report(l, doc_text(f, "server", ""), doc_text(f, "protocol", ""));
}

int cmd_watch_hosts(struct cli *c)
{
    struct looking l = { .c = c };
    const struct doc *unmanaged;
    if (!c->n_args) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/unmanaged", BYTES_NONE, &unmanaged);
    if (code) return code;
    for (const struct doc *d = unmanaged->first; d; d = d->next) know_all(&l, doc_text(d, "address", ""));
    know_this_machine(&l);
    code = sensed_follow(c, c->args[0], line, &l);
    map_deinit(&l.known);
    if (!code && l.code) code = l.code;
    if (!code) printf("%s: %zu\n", cli_say(c, W_SEEN_UNKNOWN), l.reported);
    return code;
}
