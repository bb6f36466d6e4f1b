/* TCP conversations: who called whom, and the first bytes of both sides in order until they are understood. */
#include "watch/survey_inside.h"

static void head_drop(struct survey *s, struct head *h)
{
    s->head_bytes -= h->cap;
    mem_free(h->at);
    h->at = NULL;
    h->n = h->cap = 0;
    h->done = true;
}

void tcp_deinit(struct survey *s)
{
    for (size_t i = 0; i < SURVEY_TALKS; i++)
        for (size_t side = 0; side < 2; side++) head_drop(s, &s->talks[i].heads[side]);
}

static void talk_drop(struct survey *s, struct conversation *c)
{
    for (size_t side = 0; side < 2; side++) head_drop(s, &c->heads[side]);
    *c = (struct conversation) { 0 };
}

static size_t set_of(const struct survey *s, uint16_t a, uint16_t a_port, uint16_t b, uint16_t b_port)
{
    uint64_t one = (uint64_t)a << 16 | a_port, two = (uint64_t)b << 16 | b_port;
    uint64_t low = one < two ? one : two, high = one < two ? two : one;
    uint64_t h = (low << 32 | high) ^ s->seed;
    h ^= h >> 33;
    h *= 0xFF51AFD7ED558CCDull;
    h ^= h >> 33;
    return (size_t)(h % (SURVEY_TALKS / WAYS)) * WAYS;
}

static struct conversation *talk_find(struct survey *s, const struct sight *w, bool *ret_from_client)
{
    struct conversation *set = &s->talks[set_of(s, w->from, w->f->from_port, w->to, w->f->to_port)];
    for (size_t i = 0; i < WAYS; i++) {
        struct conversation *c = &set[i];
        if (!c->used) continue;
        bool ahead = c->client == w->from && c->server == w->to && c->client_port == w->f->from_port && c->server_port == w->f->to_port;
        bool back = c->client == w->to && c->server == w->from && c->client_port == w->f->to_port && c->server_port == w->f->from_port;
        if (!ahead && !back) continue;
        *ret_from_client = ahead;
        return c;
    }
    return NULL;
}

/* The longest silent one of its set makes room. */
static struct conversation *talk_new(struct survey *s, const struct sight *w, bool from_client)
{
    struct conversation *set = &s->talks[set_of(s, w->from, w->f->from_port, w->to, w->f->to_port)], *at = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].used) {
            at = &set[i];
            break;
        }
        if (set[i].last_ms < at->last_ms) at = &set[i];
    }
    uint16_t server_port = from_client ? w->f->to_port : w->f->from_port;
    uint32_t flow = flow_at(s, w, from_client, server_port);
    if (flow == NO_FLOW) return NULL;
    talk_drop(s, at);
    *at = (struct conversation) { .used = true, .client = from_client ? w->from : w->to, .server = from_client ? w->to : w->from,
        .client_port = from_client ? w->f->from_port : w->f->to_port, .server_port = server_port, .flow = flow };
    return at;
}

/* Without the opening: a flow of these two that is known, what the content says, the lower port. */
static bool from_client_guess(const struct survey *s, const struct sight *w)
{
    const struct frame *f = w->f;
    struct talk t = { f->transport, f->from_port, f->to_port, PROTO_NONE, f->payload };
    struct found found = { 0 };
    if (flow_find(s, w->from, w->to, f->transport, f->to_port) != NO_FLOW) return true;
    if (flow_find(s, w->to, w->from, f->transport, f->from_port) != NO_FLOW) return false;
    if (ok(dissect(&t, &found)) && found.said_by) return found.said_by == SIDE_CLIENT;
    return f->to_port <= f->from_port;
}

/* Appends what comes next in order. false: not in order, or no room: this side will not be understood further. */
static bool head_add(struct survey *s, struct head *h, uint32_t seq, struct bytes payload)
{
    if (!h->begun) h->next = seq;
    h->begun = true;
    int32_t ahead = (int32_t)(seq - h->next);
    if (ahead > 0) return false;
    if ((size_t)-(int64_t)ahead >= payload.n) return true; /* sent again */
    payload = bytes_of(payload.at - ahead, payload.n + (size_t)(int64_t)ahead);
    size_t wants = h->n + payload.n;
    if (wants > SURVEY_HEAD_MAX) return false;
    if (wants > h->cap) {
        size_t cap = h->cap ? h->cap : 512;
        while (cap < wants) cap *= 2;
        if (s->head_bytes + cap - h->cap > SURVEY_HEADS_BYTES) return false;
        uint8_t *at = mem_grow(h->at, cap);
        if (!at) return false;
        s->head_bytes += cap - h->cap;
        h->at = at;
        h->cap = (uint32_t)cap;
    }
    memcpy(h->at + h->n, payload.at, payload.n);
    h->n += (uint32_t)payload.n;
    h->next += (uint32_t)payload.n;
    return true;
}

static void understand(struct survey *s, struct conversation *c, const struct sight *w, bool from_client)
{
    struct head *h = &c->heads[from_client ? 0 : 1];
    struct flow *f = &s->flows[c->flow];
    struct talk t = { w->f->transport, w->f->from_port, w->f->to_port, f->proto, w->f->payload };
    struct found found = { 0 };
    if (h->done) { /* later segments matter where each may be a write or a command of its own */
        bool goes_on = proto_is(f->proto) & PROTO_READABLE;
        if (goes_on && ok(dissect(&t, &found))) flow_found(s, c->flow, w, &found);
        return;
    }
    bool added = head_add(s, h, w->f->tcp_seq, w->f->payload);
    t.known = PROTO_NONE;
    if (added) t.payload = bytes_of(h->at, h->n); /* else: bytes are missing before it, and it may tell by itself */
    outcome o = t.payload.n ? dissect(&t, &found) : REFUSE(E_SHORT);
    if (ok(o) && (f->proto == PROTO_NONE || f->proto == found.proto || (f->proto == PROTO_RDP && found.proto == PROTO_TLS))) {
        if (f->proto == PROTO_RDP) found.proto = PROTO_RDP; /* it goes on inside TLS */
        flow_found(s, c->flow, w, &found);
    }
    bool wait = ok(o) ? found.more : o.code == E_SHORT;
    if (!wait || !added) head_drop(s, h);
}

void tcp_sight(struct survey *s, const struct sight *w)
{
    const struct frame *f = w->f;
    bool opens = (f->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN, accepts = (f->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    bool from_client = true;
    if (!f->has_ports) return;
    struct conversation *c = talk_find(s, w, &from_client);
    if (c && opens && (c->heads[0].spoke || c->heads[1].spoke)) { /* the same ports again: another conversation */
        talk_drop(s, c);
        c = NULL;
    }
    bool fresh = !c;
    if (fresh) {
        from_client = opens || (!accepts && from_client_guess(s, w));
        c = talk_new(s, w, from_client);
    }
    if (!c) return;
    c->last_ms = w->at_ms;
    flow_count(s, c->flow, w, from_client);
    struct flow *flow = &s->flows[c->flow];
    if (fresh && (opens || accepts)) flow->connections++;
    if (opens) attempt_note(s, w, f->to_port);
    struct head *mine = &c->heads[from_client ? 0 : 1];
    if (opens || accepts) mine->next = f->tcp_seq + 1;
    mine->begun |= opens || accepts;
    if (f->tcp_flags & TCP_RST && !from_client && !mine->spoke) flow->refused++;
    if (f->payload.n && !from_client) {
        if (!mine->spoke) flow->answered++;
        attempt_fruit(s, c->client, &f->from, c->server_port);
    }
    mine->spoke |= f->payload.n > 0;
    if (f->payload.n) understand(s, c, w, from_client);
    if (f->tcp_flags & TCP_RST) talk_drop(s, c);
}
