#include "watch/survey_doc.h"

#include <stdio.h>

#include "base/time.h"

enum { NAMES_SHOWN = 16 };

static void set_time(struct arena *a, struct doc *d, const char *key, int64_t ms)
{
    char text[TIME_TEXT];
    time_text(ms, text);
    doc_set_text(a, d, key, text);
}

static void set_address(struct arena *a, struct doc *d, const char *key, const struct host *h)
{
    char text[ADDRESS_TEXT];
    address_text(&h->address, text);
    doc_set_text(a, d, key, text);
}

static struct doc *protos_doc(struct arena *a, uint32_t bits)
{
    struct doc *list = doc_list(a);
    for (int p = 1; p < PROTO_COUNT; p++)
        if (bits >> p & 1) doc_add(list, doc_text_new(a, proto_word((enum proto)p)));
    return list;
}

static struct doc *names_doc(struct arena *a, const struct survey *s, const struct host *h)
{
    struct doc *list = doc_list(a);
    const char *name;
    for (size_t k = 0; k < NAMES_SHOWN && (name = survey_name(s, &h->address, k)); k++) doc_add(list, doc_text_new(a, name));
    return list;
}

static struct doc *host_doc(struct arena *a, const struct survey *s, const struct host *h)
{
    struct doc *d = doc_map(a);
    char mac[MAC_TEXT] = "";
    if (h->has_mac) mac_text(h->mac, mac);
    set_address(a, d, "address", h);
    doc_set_text(a, d, "mac", mac);
    doc_set_text(a, d, "name", h->name);
    doc_set_bool(a, d, "inside", address_inside(&h->address));
    doc_set_bool(a, d, "group", !address_host(&h->address));
    set_time(a, d, "first", h->first_ms);
    set_time(a, d, "last", h->last_ms);
    doc_set_int(a, d, "sent", (int64_t)h->sent_bytes);
    doc_set_int(a, d, "received", (int64_t)h->received_bytes);
    doc_set_int(a, d, "packets", (int64_t)h->packets);
    doc_set(a, d, "names", names_doc(a, s, h));
    doc_set(a, d, "serves", protos_doc(a, h->serves));
    doc_set(a, d, "uses", protos_doc(a, h->uses));
    return d;
}

static const char *transport_text(uint8_t transport, char room[8])
{
    if (transport == TRANSPORT_TCP) return "tcp";
    if (transport == TRANSPORT_UDP) return "udp";
    snprintf(room, 8, "ip-%u", transport);
    return room;
}

static const char *tls_text(uint16_t v)
{
    static const char *const words[] = { "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3" };
    if (v == 2) return "SSL 2.0";
    return v >= 0x0300 && v <= 0x0304 ? words[v - 0x0300] : "";
}

static struct doc *flow_doc(struct arena *a, const struct survey *s, const struct flow *f)
{
    struct doc *d = doc_map(a);
    char room[8];
    set_address(a, d, "client", survey_host(s, f->client));
    set_address(a, d, "server", survey_host(s, f->server));
    doc_set_int(a, d, "port", f->port);
    doc_set_int(a, d, "vlan", f->vlan);
    doc_set_text(a, d, "transport", transport_text(f->transport, room));
    doc_set_text(a, d, "protocol", proto_word(f->proto));
    doc_set_text(a, d, "name", f->name);
    set_time(a, d, "first", f->first_ms);
    set_time(a, d, "last", f->last_ms);
    doc_set_int(a, d, "packets", (int64_t)f->packets);
    doc_set_int(a, d, "up", (int64_t)f->up_bytes);
    doc_set_int(a, d, "down", (int64_t)f->down_bytes);
    doc_set_int(a, d, "connections", f->connections);
    doc_set_int(a, d, "refused", f->refused);
    doc_set_int(a, d, "answered", f->answered);
    doc_set_int(a, d, "writes", f->writes);
    doc_set_int(a, d, "commands", f->commands);
    doc_set_int(a, d, "publishes", f->publishes);
    doc_set_text(a, d, "tls", tls_text(f->tls_version));
    if (!(f->marks & MARK_CERTIFICATE)) return d;
    struct doc *c = doc_map(a);
    doc_set_text(a, c, "subject", f->certificate.subject);
    set_time(a, c, "from", f->certificate.from_ms);
    set_time(a, c, "until", f->certificate.until_ms);
    doc_set_bool(a, c, "self_signed", f->certificate.self_signed);
    doc_set(a, d, "certificate", c);
    return d;
}

struct doc *survey_line(const struct survey *s, size_t flow, const char *said, struct arena *a)
{
    const struct flow *f = survey_flow(s, flow);
    struct doc *d = doc_map(a);
    doc_set(a, d, "flow", flow_doc(a, s, f));
    doc_set_text(a, d, "said", said);
    doc_set(a, d, "client_names", names_doc(a, s, survey_host(s, f->client)));
    doc_set(a, d, "server_names", names_doc(a, s, survey_host(s, f->server)));
    return d;
}

static struct doc *finding_doc(struct arena *a, const struct survey *s, const struct finding *f)
{
    struct doc *d = doc_map(a);
    const struct finding_words *w = finding_words(f->kind);
    doc_set_text(a, d, "kind", w->word);
    doc_set_text(a, d, "level", level_word(w->level));
    if (f->host != FINDING_NONE_OF) set_address(a, d, "host", survey_host(s, f->host));
    if (f->peer != FINDING_NONE_OF) set_address(a, d, "peer", survey_host(s, f->peer));
    if (f->flow != FINDING_NONE_OF) {
        const struct flow *flow = survey_flow(s, f->flow);
        char room[8];
        doc_set_int(a, d, "port", flow->port);
        doc_set_text(a, d, "transport", transport_text(flow->transport, room));
        doc_set_text(a, d, "protocol", proto_word(flow->proto));
    }
    set_time(a, d, "since", f->since_ms);
    doc_set_bool(a, d, "open", f->open);
    doc_set_text(a, d, "detail", f->detail);
    return d;
}

struct doc *survey_doc(const struct survey *s, struct arena *a)
{
    const struct survey_counts *c = survey_counts(s);
    struct doc *d = doc_map(a), *hosts = doc_list(a), *flows = doc_list(a), *findings = doc_list(a);
    struct finding *found = arena_new(a, SURVEY_FINDINGS * sizeof *found);
    size_t more = 0, n = found ? findings_of(s, found, SURVEY_FINDINGS, &more) : 0;
    if (!found) return NULL;
    doc_set_int(a, d, "packets", (int64_t)c->packets);
    doc_set_int(a, d, "bytes", (int64_t)c->bytes);
    doc_set_int(a, d, "unread", (int64_t)c->unread);
    doc_set_int(a, d, "cut", (int64_t)c->cut);
    doc_set_int(a, d, "fragments", (int64_t)c->fragments);
    doc_set_int(a, d, "other_links", (int64_t)c->foreign_link);
    doc_set_int(a, d, "lost", (int64_t)(c->lost_hosts + c->lost_flows));
    doc_set_int(a, d, "dropped", (int64_t)c->dropped);
    set_time(a, d, "from", c->from_ms);
    set_time(a, d, "to", c->to_ms);
    for (size_t i = 0; i < survey_hosts(s); i++) doc_add(hosts, host_doc(a, s, survey_host(s, i)));
    for (size_t i = 0; i < survey_flows(s); i++) doc_add(flows, flow_doc(a, s, survey_flow(s, i)));
    for (size_t i = 0; i < n; i++) doc_add(findings, finding_doc(a, s, &found[i]));
    doc_set(a, d, "hosts", hosts);
    doc_set(a, d, "flows", flows);
    doc_set(a, d, "findings", findings);
    doc_set_int(a, d, "findings_more", (int64_t)more);
    return d;
}
