#include "watch/survey_inside.h"

#include <stdio.h>

#include "base/port/port.h"
#include "base/time.h"

enum { SCAN_HOSTS = 10, SCAN_PORTS = 10, SCAN_WINDOW_MS = 60000, PATIENCE_MS = 2000 };

outcome survey_new(struct survey **ret)
{
    struct survey *s = mem_new(sizeof *s);
    if (!s) return REFUSE(E_MEMORY);
    s->hosts = mem_new_array(SURVEY_HOSTS, sizeof *s->hosts);
    s->flows = mem_new_array(SURVEY_FLOWS, sizeof *s->flows);
    s->talks = mem_new_array(SURVEY_TALKS, sizeof *s->talks);
    s->names = mem_new_array(SURVEY_NAMES, sizeof *s->names);
    if (!s->hosts || !s->flows || !s->talks || !s->names) {
        survey_free(s);
        return REFUSE(E_MEMORY);
    }
    port_random(&s->seed, sizeof s->seed);
    *ret = s;
    return DONE;
}

void survey_free(struct survey *s)
{
    if (!s) return;
    if (s->talks) tcp_deinit(s);
    mem_free(s->hosts);
    mem_free(s->flows);
    mem_free(s->talks);
    mem_free(s->names);
    map_deinit(&s->host_of);
    map_deinit(&s->flow_of);
    mem_free(s);
}

void survey_watch(struct survey *s, void (*on_flow)(void *ctx, size_t flow, const char *said), void *ctx)
{
    s->on_flow = on_flow;
    s->ctx = ctx;
}

/* ---- hosts ---- */

static struct bytes address_key(const struct address *a)
{
    return bytes_of(a, sizeof *a);
}

size_t survey_host_of(const struct survey *s, const struct address *a)
{
    const struct host *h = map_get(&s->host_of, address_key(a));
    return h ? (size_t)(h - s->hosts) : SIZE_MAX;
}

/* A name server may have answered before its answer was called. */
static void host_name_known(const struct survey *s, struct host *h)
{
    for (size_t i = 0; i < s->n_names && !h->name[0]; i++)
        if (address_equal(&s->names[i].address, &h->address)) memcpy(h->name, s->names[i].name, sizeof h->name);
}

static bool host_at(struct survey *s, const struct address *a, int64_t at_ms, uint16_t *ret)
{
    struct host *h = map_get(&s->host_of, address_key(a));
    if (!h) {
        if (s->n_hosts == SURVEY_HOSTS || !ok(map_put(&s->host_of, address_key(a), &s->hosts[s->n_hosts]))) {
            s->counts.lost_hosts++;
            return false;
        }
        h = &s->hosts[s->n_hosts++];
        h->address = *a;
        h->first_ms = at_ms;
        host_name_known(s, h);
    }
    if (at_ms > h->last_ms) h->last_ms = at_ms;
    *ret = (uint16_t)(h - s->hosts);
    return true;
}

/* Only an ARP of its own, or a frame on its own segment, tells a host's hardware address; behind a router all
 * addresses share the router's, which is no conflict. */
static void host_mac(struct survey *s, const struct sight *w)
{
    struct host *h = &s->hosts[w->from];
    if (!w->f->has_mac || !address_host(&h->address)) return;
    bool announced = w->f->kind == FRAME_ARP;
    if (!h->has_mac) {
        memcpy(h->mac, w->f->mac_from, 6);
        h->has_mac = true;
        return;
    }
    if (memcmp(h->mac, w->f->mac_from, 6) == 0 || !announced || h->two_macs) return;
    memcpy(h->other_mac, w->f->mac_from, 6);
    h->two_macs = true;
    h->two_macs_ms = w->at_ms;
}

static void name_put(struct survey *s, const struct address *a, const char *name)
{
    if (survey_named(s, a, name)) return;
    struct name_row *row = &s->names[s->name_next];
    s->name_next = (s->name_next + 1) % SURVEY_NAMES;
    if (s->n_names < SURVEY_NAMES) s->n_names++;
    row->address = *a;
    snprintf(row->name, sizeof row->name, "%s", name);
    size_t known = survey_host_of(s, a);
    if (known != SIZE_MAX) host_name_known(s, &s->hosts[known]);
}

const char *survey_name(const struct survey *s, const struct address *a, size_t k)
{
    for (size_t i = 0; i < s->n_names; i++)
        if (address_equal(&s->names[i].address, a) && k-- == 0) return s->names[i].name;
    return NULL;
}

bool survey_named(const struct survey *s, const struct address *a, const char *name)
{
    for (size_t i = 0; i < s->n_names; i++)
        if (address_equal(&s->names[i].address, a) && strcmp(s->names[i].name, name) == 0) return true;
    return false;
}

/* ---- scans: calls that brought nothing, to many, within a minute ---- */

static void attempts_judge(struct host *h, int64_t now_ms)
{
    uint32_t hosts = 0, ports = 0;
    int64_t since = now_ms;
    for (size_t i = 0; i < h->attempts_n; i++) {
        const struct attempt *a = &h->attempts[i];
        bool counts = !a->fruitful && a->at_ms > now_ms - SCAN_WINDOW_MS && a->at_ms <= now_ms - PATIENCE_MS;
        if (!counts) continue;
        if (a->at_ms < since) since = a->at_ms;
        bool other = true;
        uint32_t here = 0;
        for (size_t j = 0; j < h->attempts_n; j++) {
            const struct attempt *b = &h->attempts[j];
            bool same = !b->fruitful && b->to == a->to && b->at_ms > now_ms - SCAN_WINDOW_MS && b->at_ms <= now_ms - PATIENCE_MS;
            here += same;
            other &= !(same && j < i);
        }
        hosts += other;
        if (here > ports) ports = here;
    }
    if (hosts > h->scan_hosts) h->scan_hosts = hosts;
    if (ports > h->scan_ports) h->scan_ports = ports;
    if (!h->scan_ms && (hosts >= SCAN_HOSTS || ports >= SCAN_PORTS)) h->scan_ms = since;
}

/* Who was called need not be known as a host. */
static uint32_t address_mark(const struct survey *s, const struct address *a)
{
    uint64_t h = s->seed ^ a->family;
    for (size_t i = 0; i < sizeof a->at; i++) h = (h ^ a->at[i]) * 0x100000001B3ull;
    return (uint32_t)(h >> 32 ^ h);
}

void survey_settle(struct survey *s)
{
    for (size_t i = 0; i < s->n_hosts; i++) attempts_judge(&s->hosts[i], s->counts.to_ms + PATIENCE_MS);
}

void attempt_note(struct survey *s, const struct sight *w, uint16_t port)
{
    uint32_t to = address_mark(s, &w->f->to);
    struct host *h = &s->hosts[w->from];
    size_t oldest = 0;
    for (size_t i = 0; i < h->attempts_n; i++) {
        struct attempt *a = &h->attempts[i];
        if (a->to == to && a->port == port) { /* tried again */
            a->at_ms = a->fruitful ? w->at_ms : a->at_ms;
            return;
        }
        /* A fruitful one makes room first. */
        const struct attempt *o = &h->attempts[oldest];
        if (a->fruitful > o->fruitful || (a->fruitful == o->fruitful && a->at_ms < o->at_ms)) oldest = i;
    }
    size_t at = h->attempts_n < SURVEY_ATTEMPTS ? h->attempts_n++ : oldest;
    h->attempts[at] = (struct attempt) { to, port, false, w->at_ms };
    attempts_judge(h, w->at_ms);
}

void attempt_fruit(struct survey *s, uint16_t from, const struct address *called, uint16_t port)
{
    struct host *h = &s->hosts[from];
    uint32_t to = address_mark(s, called);
    for (size_t i = 0; i < h->attempts_n; i++)
        if (h->attempts[i].to == to && h->attempts[i].port == port) h->attempts[i].fruitful = true;
}

/* ---- flows ---- */

struct flow_key {
    uint16_t client, server, port, transport;
};

uint32_t flow_find(const struct survey *s, uint16_t client, uint16_t server, uint8_t transport, uint16_t port)
{
    const struct flow_key key = { client, server, port, transport };
    const struct flow *f = map_get(&s->flow_of, bytes_of(&key, sizeof key));
    return f ? (uint32_t)(f - s->flows) : NO_FLOW;
}

uint32_t flow_at(struct survey *s, const struct sight *w, bool from_client, uint16_t port)
{
    const struct flow_key key = { from_client ? w->from : w->to, from_client ? w->to : w->from, port, w->f->transport };
    struct flow *f = map_get(&s->flow_of, bytes_of(&key, sizeof key));
    if (f) return (uint32_t)(f - s->flows);
    if (s->n_flows == SURVEY_FLOWS || !ok(map_put(&s->flow_of, bytes_of(&key, sizeof key), &s->flows[s->n_flows]))) {
        s->counts.lost_flows++;
        return NO_FLOW;
    }
    f = &s->flows[s->n_flows++];
    *f = (struct flow) { .client = key.client, .server = key.server, .port = port, .transport = w->f->transport, .vlan = w->f->vlan,
        .first_ms = w->at_ms };
    if (w->f->transport == TRANSPORT_ESP || w->f->transport == TRANSPORT_AH) f->proto = PROTO_IPSEC;
    if (w->f->transport == TRANSPORT_GRE) f->proto = PROTO_GRE;
    if (w->f->transport == TRANSPORT_ICMP || w->f->transport == TRANSPORT_ICMP6) f->proto = PROTO_ICMP;
    if (s->on_flow) s->on_flow(s->ctx, (size_t)(f - s->flows), "");
    return (uint32_t)(f - s->flows);
}

void flow_count(struct survey *s, uint32_t flow, const struct sight *w, bool from_client)
{
    struct flow *f = &s->flows[flow];
    f->packets++;
    if (from_client) f->up_bytes += w->wire_bytes;
    else f->down_bytes += w->wire_bytes;
    if (w->at_ms > f->last_ms) f->last_ms = w->at_ms;
    if (w->f->payload.n && f->last_size == w->f->payload.n) f->same_size++;
    f->last_size = (uint32_t)w->f->payload.n;
}

static void found_text(struct flow *f, const struct found *found)
{
    const unsigned acts = MARK_WRITE | MARK_COMMAND;
    bool graver = (found->marks & acts && !(f->marks & acts)) || (found->marks & MARK_PUBLISH && !(f->marks & (acts | MARK_PUBLISH)));
    /* The client says what is asked for; a server's words count while nothing else is known. */
    if (found->name[0] && (!f->name[0] || graver)) snprintf(f->name, sizeof f->name, "%s", found->name);
    if (found->marks & MARK_CERTIFICATE) f->certificate = found->certificate;
    if (found->code && (!f->code || graver)) f->code = found->code;
    if (found->tls_version && (found->said_by == SIDE_SERVER || !f->tls_version)) f->tls_version = found->tls_version;
}

/* Whether it is another topic than those written last; a long list of them hides none. */
static bool topic_new(struct flow *f, const struct found *found)
{
    if (found->proto != PROTO_MQTT || !(found->marks & MARK_PUBLISH) || !found->name[0]) return false;
    uint32_t mark = 2166136261u;
    for (const char *p = found->name; *p; p++) mark = (mark ^ (uint8_t)*p) * 16777619u;
    for (size_t i = 0; i < FLOW_TOPICS; i++)
        if (f->topics[i] == mark) return false;
    f->topics[f->topic_next] = mark;
    f->topic_next = (uint8_t)((f->topic_next + 1) % FLOW_TOPICS);
    return true;
}

void flow_found(struct survey *s, uint32_t flow, const struct sight *w, const struct found *found)
{
    struct flow *f = &s->flows[flow];
    unsigned grave = MARK_WRITE | MARK_COMMAND | MARK_PASSWORD;
    bool news = f->proto != found->proto || (found->marks & ~f->marks) || (!f->name[0] && found->name[0]);
    f->proto = found->proto;
    s->hosts[f->server].serves |= 1u << found->proto;
    s->hosts[f->client].uses |= 1u << found->proto;
    found_text(f, found);
    if (found->marks & grave && !(f->marks & grave)) f->mark_ms = w->at_ms;
    f->marks |= found->marks;
    f->writes += (found->marks & MARK_WRITE) != 0;
    f->commands += (found->marks & MARK_COMMAND) != 0;
    f->publishes += (found->marks & MARK_PUBLISH) != 0;
    for (size_t i = 0; i < found->n_addresses && found->proto == PROTO_DNS && found->said_by == SIDE_SERVER; i++)
        name_put(s, &found->addresses[i], found->name);
    struct host *speaker = &s->hosts[f->client];
    if (found->proto == PROTO_DHCP && found->said_by == SIDE_CLIENT && found->name[0] && address_host(&speaker->address))
        memcpy(speaker->name, found->name, sizeof speaker->name);
    bool topic = topic_new(f, found);
    if ((news || topic) && s->on_flow) s->on_flow(s->ctx, flow, topic ? found->name : "");
}

/* ---- datagrams and the rest ---- */

/* To a group's address, or a segment's broadcast: the frame says so. */
static bool to_group(const struct sight *w)
{
    return address_many(&w->f->to) || (w->f->has_mac && w->f->mac_to[0] & 1);
}

/* Who asked whom, when nothing else told: a group is served, the well-known or lower port is the server's. */
static bool from_client_by_port(const struct survey *s, const struct sight *w)
{
    if (to_group(w)) return true;
    if (address_many(&s->hosts[w->from].address)) return false;
    return w->f->to_port <= w->f->from_port;
}

static void udp_sight(struct survey *s, const struct sight *w)
{
    const struct frame *f = w->f;
    struct talk t = { f->transport, f->from_port, f->to_port, PROTO_NONE, f->payload };
    struct found found = { 0 };
    uint32_t flow = flow_find(s, w->from, w->to, f->transport, f->to_port);
    bool from_client = flow != NO_FLOW;
    if (!from_client) flow = flow_find(s, w->to, w->from, f->transport, f->from_port);
    bool known = flow != NO_FLOW;
    if (known) t.known = s->flows[flow].proto;
    bool told = ok(dissect(&t, &found));
    if (!known) {
        from_client = told && found.said_by ? found.said_by == SIDE_CLIENT : from_client_by_port(s, w);
        flow = flow_at(s, w, from_client, from_client ? f->to_port : f->from_port);
    }
    if (flow == NO_FLOW) return;
    flow_count(s, flow, w, from_client);
    if (told) flow_found(s, flow, w, &found);
    s->flows[flow].to_group |= from_client && to_group(w);
    if (from_client && !to_group(w)) attempt_note(s, w, f->to_port);
    if (!from_client) attempt_fruit(s, w->to, &f->from, f->from_port);
}

static void icmp_sight(struct survey *s, const struct sight *w)
{
    uint8_t type = w->f->payload.n && !w->f->fragment ? w->f->payload.at[0] : 255;
    bool six = w->f->transport == TRANSPORT_ICMP6;
    bool asks = type == (six ? 128 : 8), answers = type == (six ? 129 : 0);
    uint32_t flow = flow_find(s, w->to, w->from, w->f->transport, 0);
    bool from_client = flow == NO_FLOW;
    if (from_client) flow = flow_at(s, w, true, 0);
    if (flow == NO_FLOW) return;
    flow_count(s, flow, w, from_client);
    if (asks && address_host(&s->hosts[w->to].address)) attempt_note(s, w, 0);
    if (answers) attempt_fruit(s, w->to, &w->f->from, 0);
}

static void other_sight(struct survey *s, const struct sight *w)
{
    uint32_t flow = flow_find(s, w->to, w->from, w->f->transport, 0);
    bool from_client = flow == NO_FLOW;
    if (from_client) flow = flow_at(s, w, true, 0);
    if (flow != NO_FLOW) flow_count(s, flow, w, from_client);
}

static void arp_sight(struct survey *s, struct sight *w)
{
    bool probe = w->f->arp_request && address_host(&w->f->from);
    if (!address_host(&w->f->from) || !host_at(s, &w->f->from, w->at_ms, &w->from)) return;
    host_mac(s, w);
    s->hosts[w->from].packets++;
    /* Who is asked for need not be there: it becomes a host only when it answers. */
    size_t to = survey_host_of(s, &w->f->to);
    if (!w->f->arp_request && to != SIZE_MAX) attempt_fruit(s, (uint16_t)to, &w->f->from, 0);
    if (probe && !address_equal(&w->f->from, &w->f->to)) attempt_note(s, w, 0);
}

static void ip_sight(struct survey *s, struct sight *w)
{
    if (!host_at(s, &w->f->from, w->at_ms, &w->from) || !host_at(s, &w->f->to, w->at_ms, &w->to)) return;
    host_mac(s, w);
    struct host *from = &s->hosts[w->from], *to = &s->hosts[w->to];
    from->packets++;
    from->sent_bytes += w->wire_bytes;
    to->received_bytes += w->wire_bytes;
    if (w->f->fragment) {
        s->counts.fragments++;
        return;
    }
    if (w->f->transport == TRANSPORT_TCP) tcp_sight(s, w);
    else if (w->f->transport == TRANSPORT_UDP) udp_sight(s, w);
    else if (w->f->transport == TRANSPORT_ICMP || w->f->transport == TRANSPORT_ICMP6) icmp_sight(s, w);
    else other_sight(s, w);
}

void survey_packet(struct survey *s, uint16_t link, int64_t at_ms, uint32_t wire_bytes, struct bytes packet)
{
    struct frame f = { 0 };
    struct survey_counts *c = &s->counts;
    if (!c->packets++) c->from_ms = at_ms;
    if (at_ms > c->to_ms) c->to_ms = at_ms;
    c->bytes += wire_bytes;
    c->cut += wire_bytes > packet.n;
    outcome o = frame_read(link, packet, &f);
    if (o.code == E_UNSUPPORTED) c->foreign_link++;
    else if (!ok(o) || f.kind == FRAME_OTHER) c->unread++;
    if (!ok(o)) return;
    struct sight w = { .at_ms = at_ms, .wire_bytes = wire_bytes, .f = &f };
    if (f.kind == FRAME_ARP) arp_sight(s, &w);
    if (f.kind == FRAME_IP) ip_sight(s, &w);
}

void survey_dropped(struct survey *s, uint64_t packets)
{
    s->counts.dropped += packets;
}

const struct survey_counts *survey_counts(const struct survey *s)
{
    return &s->counts;
}

size_t survey_hosts(const struct survey *s)
{
    return s->n_hosts;
}

const struct host *survey_host(const struct survey *s, size_t i)
{
    assert(i < s->n_hosts);
    return &s->hosts[i];
}

size_t survey_flows(const struct survey *s)
{
    return s->n_flows;
}

const struct flow *survey_flow(const struct survey *s, size_t i)
{
    assert(i < s->n_flows);
    return &s->flows[i];
}
