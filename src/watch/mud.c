#include "watch/mud.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/mqtt.h"

enum { LISTS_MAX = 32, ACES_MAX = 512 };

static outcome refuse(enum code code, char why[MUD_TEXT], const char *what, const char *where)
{
    char shown[64];
    text_shown(bytes_str(where ? where : ""), shown, sizeof shown);
    snprintf(why, MUD_TEXT, "%s: %s", shown, what);
    return REFUSE(code);
}

/* ---- one match: a table of what we know; everything else is refused ---- */

struct reading {
    struct mud_rule *r;
    struct arena *arena;
    char *why;
    const char *ace;
};

static MUST outcome number(const struct reading *k, const struct doc *d, int64_t max, int *ret)
{
    int64_t v = d->number;
    if (d->kind == DOC_TEXT) { /* "0x0800"; some writers quote all numbers */
        char *end = NULL;
        v = strtol(d->text, &end, 0);
        if (!*d->text || *end) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    } else if (d->kind != DOC_INT) {
        return refuse(E_MALFORMED, k->why, d->key, k->ace);
    }
    if (v < 0 || v > max) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    *ret = (int)v;
    return DONE;
}

static MUST outcome text(const struct reading *k, const struct doc *d, const char **ret)
{
    char shown[MUD_TEXT * 2];
    if (d->kind != DOC_TEXT || !*d->text || strlen(d->text) >= MUD_TEXT) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    text_shown(bytes_str(d->text), shown, sizeof shown);
    *ret = arena_text(k->arena, bytes_str(shown));
    return *ret ? DONE : REFUSE(E_MEMORY);
}

static MUST outcome network(struct reading *k, const struct doc *d)
{
    char address[ADDRESS_TEXT] = "";
    const char *slash = d->kind == DOC_TEXT ? strchr(d->text, '/') : NULL;
    char *end = NULL;
    long bits = slash ? strtol(slash + 1, &end, 10) : -1;
    if (!slash || (size_t)(slash - d->text) >= sizeof address || *end) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    memcpy(address, d->text, (size_t)(slash - d->text));
    if (!ok(address_parse(address, &k->r->network))) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    if (bits < 0 || bits > (k->r->network.family == 4 ? 32 : 128)) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    k->r->bits = (uint8_t)bits;
    k->r->has_network = true;
    return DONE;
}

static MUST outcome ports(struct reading *k, const struct doc *d, struct mud_ports *ret)
{
    const char *operator = doc_text(d, "operator", "eq");
    const struct doc *low = doc_get(d, "lower-port"), *high = doc_get(d, "upper-port"), *port = doc_get(d, "port");
    struct mud_ports p = { 0, UINT16_MAX };
    if (strcmp(operator, "range") == 0 || (low && high)) {
        if (!low || !high) return refuse(E_MALFORMED, k->why, d->key, k->ace);
        TRY(number(k, low, UINT16_MAX, &p.low));
        TRY(number(k, high, UINT16_MAX, &p.high));
    } else {
        if (!port) return refuse(E_MALFORMED, k->why, d->key, k->ace);
        TRY(number(k, port, UINT16_MAX, &p.low));
        if (strcmp(operator, "eq") == 0) p.high = p.low;
        else if (strcmp(operator, "lte") == 0) p.high = p.low, p.low = 0;
        else if (strcmp(operator, "gte") != 0) return refuse(E_UNSUPPORTED, k->why, operator, k->ace);
    }
    if (p.low > p.high) return refuse(E_MALFORMED, k->why, d->key, k->ace);
    *ret = p;
    return DONE;
}

/* The peer of a rule is its destination on the way from the device, its source on the way to it; a match on the other
 * end would be one on the device itself. */
static bool of_peer(const struct mud_rule *r, const char *key)
{
    const char *end = strrchr(key, ':') ? strrchr(key, ':') + 1 : key;
    bool source = strncmp(end, "src", 3) == 0 || strncmp(end, "source", 6) == 0;
    return source == r->to_device;
}

static MUST outcome ip_match(struct reading *k, const struct doc *m)
{
    for (const struct doc *d = m->first; d; d = d->next) {
        bool name = strcmp(d->key, "ietf-acldns:dst-dnsname") == 0 || strcmp(d->key, "ietf-acldns:src-dnsname") == 0;
        bool net = strstr(d->key, "-ipv4-network") || strstr(d->key, "-ipv6-network");
        if (strcmp(d->key, "protocol") == 0) TRY(number(k, d, 255, &k->r->protocol));
        else if ((name || net) && !of_peer(k->r, d->key)) return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
        else if (name) TRY(text(k, d, &k->r->name));
        else if (net) TRY(network(k, d));
        else return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
    }
    k->r->ethertype = strcmp(m->key, "ipv4") == 0 ? 0x0800 : 0x86DD;
    return DONE;
}

static MUST outcome port_match(struct reading *k, const struct doc *m)
{
    for (const struct doc *d = m->first; d; d = d->next) {
        if (strcmp(d->key, "source-port") == 0) TRY(ports(k, d, &k->r->source));
        else if (strcmp(d->key, "destination-port") == 0) TRY(ports(k, d, &k->r->destination));
        else if (strcmp(d->key, "ietf-mud:direction-initiated") == 0 && d->kind == DOC_TEXT)
            k->r->initiated = strcmp(d->text, "from-device") == 0 ? INITIATED_FROM_DEVICE : INITIATED_TO_DEVICE;
        else return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
    }
    if (k->r->protocol == MUD_UNKNOWN) k->r->protocol = strcmp(m->key, "tcp") == 0 ? 6 : 17;
    return DONE;
}

static MUST outcome icmp_match(struct reading *k, const struct doc *m)
{
    for (const struct doc *d = m->first; d; d = d->next) {
        if (strcmp(d->key, "type") == 0) TRY(number(k, d, 255, &k->r->icmp_type));
        else if (strcmp(d->key, "code") == 0) TRY(number(k, d, 255, &k->r->icmp_code));
        else return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
    }
    return DONE;
}

static MUST outcome mud_match(struct reading *k, const struct doc *m)
{
    static const char *const classes[] = { "my-controller", "same-manufacturer" };
    for (const struct doc *d = m->first; d; d = d->next) {
        if (strcmp(d->key, "local-networks") == 0) k->r->local = true;
        else if (strcmp(d->key, "controller") == 0 || strcmp(d->key, "manufacturer") == 0 || strcmp(d->key, "model") == 0)
            TRY(text(k, d, &k->r->controller));
        else if (strcmp(d->key, classes[0]) == 0 || strcmp(d->key, classes[1]) == 0)
            k->r->controller = strcmp(d->key, classes[0]) == 0 ? classes[0] : classes[1];
        else if (strcmp(d->key, "direction-initiated") == 0 && d->kind == DOC_TEXT)
            k->r->initiated = strcmp(d->text, "from-device") == 0 ? INITIATED_FROM_DEVICE : INITIATED_TO_DEVICE;
        else return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
    }
    return DONE;
}

static MUST outcome ether_match(struct reading *k, const struct doc *m)
{
    for (const struct doc *d = m->first; d; d = d->next) {
        if (strcmp(d->key, "ethertype") == 0) TRY(number(k, d, UINT16_MAX, &k->r->ethertype));
        else if (strcmp(d->key, "destination-mac-address") == 0 && d->kind == DOC_TEXT && ok(mac_parse(d->text, k->r->mac))) k->r->has_mac = true;
        else return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
    }
    return DONE;
}

static MUST outcome matches(struct reading *k, const struct doc *m)
{
    static const struct { const char *key; outcome (*read)(struct reading *k, const struct doc *m); } rows[] = { { "ipv4", ip_match },
        { "ipv6", ip_match }, { "tcp", port_match }, { "udp", port_match }, { "icmp", icmp_match }, { "ietf-mud:mud", mud_match },
        { "eth", ether_match } };
    for (const struct doc *d = m ? m->first : NULL; d; d = d->next) {
        size_t i = 0;
        while (i < sizeof rows / sizeof *rows && strcmp(rows[i].key, d->key) != 0) i++;
        if (i == sizeof rows / sizeof *rows || d->kind != DOC_MAP) return refuse(E_UNSUPPORTED, k->why, d->key, k->ace);
        TRY(rows[i].read(k, d));
    }
    return DONE;
}

/* ---- lists ---- */

static MUST outcome ace_read(const struct doc *ace, bool to_device, struct arena *a, struct mud_profile *p, char why[MUD_TEXT])
{
    struct mud_rule r = { .to_device = to_device, .ethertype = MUD_UNKNOWN, .protocol = MUD_UNKNOWN, .icmp_type = MUD_UNKNOWN,
        .icmp_code = MUD_UNKNOWN, .source = { MUD_UNKNOWN, MUD_UNKNOWN }, .destination = { MUD_UNKNOWN, MUD_UNKNOWN } };
    struct reading k = { &r, a, why, doc_text(ace, "name", "") };
    if (strcmp(doc_text(doc_get(ace, "actions"), "forwarding", ""), "accept") != 0) return DONE; /* what is not allowed leaves it anyway */
    if (p->n == MUD_RULES_MAX) return refuse(E_TOO_LARGE, why, "more than 1024 rules", k.ace);
    char shown[MUD_TEXT];
    text_shown(bytes_str(k.ace), shown, sizeof shown);
    r.ace = arena_text(a, bytes_str(shown));
    if (!r.ace) return REFUSE(E_MEMORY);
    TRY(matches(&k, doc_get(ace, "matches")));
    p->rules[p->n++] = r;
    return DONE;
}

static const struct doc *list_named(const struct doc *acls, const char *name)
{
    for (const struct doc *l = acls ? acls->first : NULL; l; l = l->next)
        if (strcmp(doc_text(l, "name", ""), name) == 0) return l;
    return NULL;
}

/* The access lists a policy names, one after the other. */
static MUST outcome policy(const struct doc *d, bool to_device, struct arena *a, struct mud_profile *p, char why[MUD_TEXT])
{
    const char *which = to_device ? "to-device-policy" : "from-device-policy";
    const struct doc *names = doc_get(doc_get(doc_get(doc_get(d, "ietf-mud:mud"), which), "access-lists"), "access-list");
    const struct doc *acls = doc_get(doc_get(d, "ietf-access-control-list:access-lists"), "acl");
    if (!acls) acls = doc_get(doc_get(d, "ietf-access-control-list:acls"), "acl"); /* as RFC 8519 names it by now */
    if (names && names->count > LISTS_MAX) return refuse(E_TOO_LARGE, why, "too many access lists", which);
    for (const struct doc *n = names ? names->first : NULL; n; n = n->next) {
        const char *name = n->kind == DOC_TEXT ? n->text : doc_text(n, "name", "");
        const struct doc *list = list_named(acls, name);
        const struct doc *aces = doc_get(doc_get(list, "aces"), "ace");
        if (!list || !aces || aces->kind != DOC_LIST) return refuse(E_UNSUPPORTED, why, "no such access list", name);
        for (const struct doc *ace = aces->first; ace; ace = ace->next) TRY(ace_read(ace, to_device, a, p, why));
    }
    return DONE;
}

/* "ietf-mud:mud": {"sekimori-topics:topics": {"publish": [filter...], "subscribe": [filter...]}} */
static MUST outcome topics(const struct doc *list, struct arena *a, const char **ret, size_t *ret_n, char why[MUD_TEXT])
{
    for (const struct doc *d = list ? list->first : NULL; d; d = d->next) {
        bool good = d->kind == DOC_TEXT && mqtt_filter_valid(bytes_str(d->text));
        if (!good || *ret_n == MUD_TOPICS_MAX) return refuse(E_MALFORMED, why, "not a topic filter, or more than 64", d->kind == DOC_TEXT ? d->text : "");
        ret[*ret_n] = arena_text(a, bytes_str(d->text));
        if (!ret[(*ret_n)++]) return REFUSE(E_MEMORY);
    }
    return DONE;
}

outcome mud_compile(const struct doc *d, struct arena *a, struct mud_profile *ret, char why[MUD_TEXT])
{
    const struct doc *mud = doc_get(d, "ietf-mud:mud"), *ours = doc_get(mud, "sekimori-topics:topics");
    struct mud_profile p = { .rules = arena_new(a, MUD_RULES_MAX * sizeof *p.rules), .has_topics = ours };
    struct reading k = { NULL, a, why, "ietf-mud:mud" };
    const struct doc *url = doc_get(mud, "mud-url"), *info = doc_get(mud, "systeminfo");
    why[0] = 0;
    if (!p.rules) return REFUSE(E_MEMORY);
    if (!mud || mud->kind != DOC_MAP) return refuse(E_MALFORMED, why, "no ietf-mud:mud container", "");
    if (doc_int(mud, "mud-version", 0) != 1) return refuse(E_UNSUPPORTED, why, "mud-version is not 1", "ietf-mud:mud");
    if (!url) return refuse(E_MALFORMED, why, "mud-url is missing", "ietf-mud:mud");
    TRY(text(&k, url, &p.url));
    p.systeminfo = "";
    if (info) TRY(text(&k, info, &p.systeminfo));
    TRY(policy(d, false, a, &p, why));
    TRY(policy(d, true, a, &p, why));
    TRY(topics(doc_get(ours, "publish"), a, p.publish, &p.n_publish, why));
    TRY(topics(doc_get(ours, "subscribe"), a, p.subscribe, &p.n_subscribe, why));
    *ret = p;
    return DONE;
}

/* ---- judging ---- */

static bool met(int wanted, int got)
{
    return wanted == MUD_UNKNOWN || got == MUD_UNKNOWN || wanted == got;
}

static bool port_met(const struct mud_ports *p, int got)
{
    return p->low == MUD_UNKNOWN || got == MUD_UNKNOWN || (got >= p->low && got <= p->high);
}

static bool within(const struct address *a, const struct address *net, uint8_t bits)
{
    if (a->family != net->family || memcmp(a->at, net->at, bits / 8) != 0) return false;
    uint8_t mask = (uint8_t)(0xFF00u >> (bits % 8));
    return bits % 8 == 0 || ((a->at[bits / 8] ^ net->at[bits / 8]) & mask) == 0;
}

static bool peer_met(const struct mud_rule *r, const struct mud_world *w, const struct mud_packet *p)
{
    if (r->local && !address_inside(&p->peer) && !address_many(&p->peer)) return false;
    if (r->has_network && !within(&p->peer, &r->network, r->bits)) return false;
    if (r->has_mac && (!p->has_mac || memcmp(r->mac, p->mac_to, 6) != 0)) return false;
    if (r->name && !(w->named && w->named(w->ctx, &p->peer, r->name))) return false;
    return !r->controller || (w->controls && w->controls(w->ctx, &p->peer, r->controller));
}

const struct mud_rule *mud_allows(const struct mud_profile *p, const struct mud_world *w, const struct mud_packet *packet)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct mud_rule *r = &p->rules[i];
        if (r->to_device == packet->from_device) continue;
        if (!met(r->ethertype, packet->ethertype) || !met(r->protocol, packet->protocol)) continue;
        if (!met(r->icmp_type, packet->icmp_type) || !met(r->icmp_code, packet->icmp_code)) continue;
        if (!port_met(&r->source, packet->source_port) || !port_met(&r->destination, packet->destination_port)) continue;
        bool tcp = packet->protocol == 6 && r->initiated != INITIATED_ANY;
        if (tcp && (r->initiated == INITIATED_FROM_DEVICE) != packet->opened_by_device) continue;
        if (peer_met(r, w, packet)) return r;
    }
    return NULL;
}

bool mud_topic_inside(const struct mud_profile *p, bool publish, struct bytes topic)
{
    const char *const *filters = publish ? p->publish : p->subscribe;
    size_t n = publish ? p->n_publish : p->n_subscribe;
    if (!p->has_topics) return true;
    for (size_t i = 0; i < n; i++)
        if (mqtt_matches(bytes_str(filters[i]), topic)) return true;
    return false;
}
