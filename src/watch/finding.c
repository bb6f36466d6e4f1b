#include "watch/finding.h"

#include <stdio.h>

#include "base/time.h"

enum { CERT_SOON_DAYS = 30, OPEN_MS = 120000, CYCLIC_PACKETS = 20, TLS_1_2 = 0x0303 };

const struct finding_words *finding_words(enum finding_kind k)
{
    static const struct finding_words rows[FINDING_COUNT] = {
#define X(name, word, level, ...) [FINDING_##name] = { word, LEVEL_##level, __VA_ARGS__ },
        FINDINGS(X)
#undef X
    };
    return &rows[k];
}

const struct finding_words *finding_words_of(const char *word)
{
    for (int k = 0; k < FINDING_COUNT; k++)
        if (strcmp(finding_words((enum finding_kind)k)->word, word) == 0) return finding_words((enum finding_kind)k);
    return NULL;
}

const char *level_word(enum finding_level l)
{
    static const char *const words[] = { "danger", "warning", "note" };
    return words[l];
}

struct list {
    const struct survey *s;
    struct finding *at;
    size_t n, cap, more;
};

static bool before(const struct finding *a, const struct finding *b)
{
    return a->kind != b->kind ? a->kind < b->kind : a->since_ms < b->since_ms;
}

/* Kept in order; when full the least dangerous falls off. */
static void add(struct list *l, const struct finding *f)
{
    size_t at = l->n;
    if (l->n == l->cap) {
        l->more++;
        if (!l->cap || !before(f, &l->at[l->n - 1])) return;
        at = --l->n;
    }
    for (; at > 0 && before(f, &l->at[at - 1]); at--) l->at[at] = l->at[at - 1];
    l->at[at] = *f;
    l->n++;
}

static struct finding of_flow(const struct list *l, size_t i, enum finding_kind kind)
{
    const struct flow *f = survey_flow(l->s, i);
    struct finding r = { .kind = kind, .host = f->client, .peer = f->server, .flow = (uint32_t)i, .since_ms = f->first_ms,
        .open = f->last_ms + OPEN_MS >= survey_counts(l->s)->to_ms };
    snprintf(r.detail, sizeof r.detail, "%s", f->name);
    return r;
}

static void add_flow(struct list *l, size_t i, enum finding_kind kind)
{
    struct finding r = of_flow(l, i, kind);
    add(l, &r);
}

static void certificate_findings(struct list *l, size_t i, const struct flow *f)
{
    int64_t now = survey_counts(l->s)->to_ms;
    if (!(f->marks & MARK_CERTIFICATE)) return;
    const struct certificate *c = &f->certificate;
    struct finding r = of_flow(l, i, FINDING_CERT_SELF);
    char until[TIME_TEXT];
    time_text(c->until_ms, until);
    snprintf(r.detail, sizeof r.detail, "%s (%.10s)", c->subject, until);
    if (c->self_signed) add(l, &r);
    r.kind = c->until_ms < now ? FINDING_CERT_EXPIRED : FINDING_CERT_EXPIRING;
    if (c->until_ms < now + CERT_SOON_DAYS * MS_DAY) add(l, &r);
}

static bool cyclic(const struct flow *f)
{
    if (f->proto == PROTO_FLNET) return true;
    if (f->proto != PROTO_NONE || f->transport != TRANSPORT_UDP || f->packets < CYCLIC_PACKETS || !f->to_group) return false;
    int64_t mean_ms = (f->last_ms - f->first_ms) / (int64_t)f->packets;
    return mean_ms <= 1000 && f->same_size * 10ull >= f->packets * 8;
}

static bool outside(const struct survey *s, const struct flow *f)
{
    const struct address *a = &survey_host(s, f->client)->address, *b = &survey_host(s, f->server)->address;
    return (address_host(a) && !address_inside(a)) || (address_host(b) && !address_inside(b));
}

/* A connection nobody took up is an attempt, not a link. */
static bool lives(const struct flow *f)
{
    return f->transport != TRANSPORT_TCP || f->up_bytes + f->down_bytes == 0 || f->answered || f->proto != PROTO_NONE;
}

static void control_findings(struct list *l, size_t i, const struct flow *f, bool out)
{
    unsigned is = proto_is(f->proto);
    if (out && is & PROTO_CONTROL) add_flow(l, i, FINDING_CONTROL_OUTSIDE);
    if (f->marks & MARK_WRITE) {
        struct finding r = of_flow(l, i, FINDING_CONTROL_WRITE);
        r.since_ms = f->mark_ms;
        snprintf(r.detail, sizeof r.detail, "%s (%u)", f->name, f->writes);
        add(l, &r);
    }
    if (f->marks & MARK_COMMAND) add_flow(l, i, FINDING_PLAIN_COMMAND);
    if (cyclic(f)) add_flow(l, i, FINDING_CYCLIC);
}

static void flow_findings(struct list *l, size_t i)
{
    const struct flow *f = survey_flow(l->s, i);
    bool out = outside(l->s, f);
    unsigned is = proto_is(f->proto);
    if (!lives(f)) return;
    control_findings(l, i, f, out);
    if (is & PROTO_REMOTE) add_flow(l, i, out ? FINDING_REMOTE_OUTSIDE : FINDING_REMOTE);
    if (f->marks & MARK_DEFAULT) add_flow(l, i, FINDING_SNMP_DEFAULT);
    if (f->marks & MARK_PASSWORD && f->proto != PROTO_SNMP) add_flow(l, i, FINDING_PASSWORD);
    if (f->proto == PROTO_TLS && f->tls_version && f->tls_version < TLS_1_2) {
        struct finding r = of_flow(l, i, FINDING_TLS_OLD);
        bool ssl = f->tls_version <= 0x0300;
        snprintf(r.detail, sizeof r.detail, "%s %u.%u", ssl ? "SSL" : "TLS", ssl ? (f->tls_version == 2 ? 2u : 3u) : 1u,
            ssl ? 0u : f->tls_version - 0x0301u);
        add(l, &r);
    }
    certificate_findings(l, i, f);
    bool plain = is & PROTO_READABLE && !(f->marks & (MARK_WRITE | MARK_COMMAND)) && f->proto != PROTO_FLNET && f->proto != PROTO_CYCLIC;
    if (plain) add_flow(l, i, FINDING_PLAIN_DATA);
    if (out && !(is & (PROTO_REMOTE | PROTO_CONTROL | PROTO_QUIET))) add_flow(l, i, FINDING_OUTSIDE);
}

static void host_findings(struct list *l, size_t i)
{
    const struct host *h = survey_host(l->s, i);
    struct finding r = { .host = (uint32_t)i, .peer = FINDING_NONE_OF, .flow = FINDING_NONE_OF, .open = true };
    if (h->scan_ms) {
        r.kind = FINDING_SCAN;
        r.since_ms = h->scan_ms;
        snprintf(r.detail, sizeof r.detail, "%u hosts, %u ports / min", h->scan_hosts, h->scan_ports);
        add(l, &r);
    }
    if (!h->two_macs) return;
    char one[MAC_TEXT], two[MAC_TEXT];
    mac_text(h->mac, one);
    mac_text(h->other_mac, two);
    r.kind = FINDING_TWO_MACS;
    r.since_ms = h->two_macs_ms;
    snprintf(r.detail, sizeof r.detail, "%s, %s", one, two);
    add(l, &r);
}

static void unseen_finding(struct list *l)
{
    const struct survey_counts *c = survey_counts(l->s);
    uint64_t lost = c->lost_hosts + c->lost_flows + c->dropped;
    struct finding r = { .kind = FINDING_NOT_SEEN, .host = FINDING_NONE_OF, .peer = FINDING_NONE_OF, .flow = FINDING_NONE_OF,
        .since_ms = c->from_ms };
    if (!c->unread && !c->cut && !c->foreign_link && !lost) return;
    snprintf(r.detail, sizeof r.detail, "unread %llu, cut %llu, other links %llu, lost %llu", (unsigned long long)c->unread,
        (unsigned long long)c->cut, (unsigned long long)c->foreign_link, (unsigned long long)lost);
    add(l, &r);
}

size_t findings_of(const struct survey *s, struct finding *ret, size_t cap, size_t *ret_more)
{
    struct list l = { .s = s, .at = ret, .cap = cap };
    for (size_t i = 0; i < survey_hosts(s); i++) host_findings(&l, i);
    for (size_t i = 0; i < survey_flows(s); i++) flow_findings(&l, i);
    unseen_finding(&l);
    *ret_more = l.more;
    return l.n;
}
