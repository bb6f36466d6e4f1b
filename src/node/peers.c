#include "node/peers.h"

#include "node/alerts.h"

#include <stdio.h>
#include <sys/socket.h>

enum { RECORDS_A_TURN = 1024, TEST_EVERY_MS = 30000 };

/* ---- to the courier ---- */

/* What cannot be kept ends the channel at the turn's end: nothing is left out in silence. */
void courier_tell(struct core *c, struct bytes record)
{
    struct peers *s = c->peers;
    if (channel_is_open(&s->channel) && !s->lost) s->lost = !ok(channel_put(&s->channel, &s->backlog, &record, 1));
}

/* Somewhere to go: a flow that is agreed, and neither suspended nor ended. */
bool peer_wanted(const struct peer_live *p)
{
    for (size_t i = 0; i < p->a.n; i++) {
        enum flow_state s = p->flows[i].state;
        if (s == FLOW_AGREED || s == FLOW_VERIFIED || s == FLOW_LIVE) return true;
    }
    return false;
}

static void tell_peer(struct peer_live *p)
{
    static uint8_t room[COURIER_CA_MAX + 16384];
    struct courier_peer w = { .name = bytes_str(p->a.id), .host = bytes_str(p->a.host), .client_id = bytes_str(p->a.client_id),
        .ca_pem = bytes_str(p->a.ca_pem), .port = p->a.port, .version = p->a.version };
    for (size_t i = 0; i < p->a.n; i++)
        if (p->a.flows[i].direction == FLOW_IN && w.n < COURIER_FILTERS_MAX) w.filters[w.n++] = bytes_str(p->a.flows[i].remote);
    if (p->a.speaks) w.filters[w.n++] = BYTES_LIT(PEER_STATEMENT_TOPIC); /* there is room: a peer has fewer flows */
    struct out o = out_of(room, sizeof room);
    courier_put_peer(&o, (uint32_t)p->index, &w);
    if (ok(out_done(&o))) courier_tell(p->core, out_view(&o));
    p->asked = p->opening = true;
}

void peer_taken(struct peer_live *p, uint32_t ticket, bool refused)
{
    uint8_t room[16];
    struct out o = out_of(room, sizeof room);
    if (p->a.inbound) {
        door_taken(p, ticket, refused);
        return;
    }
    courier_put_head(&o, COURIER_TAKEN, (uint32_t)p->index);
    put_u32(&o, ticket);
    courier_tell(p->core, out_view(&o));
}

void peer_carry(struct peer_live *p, uint32_t ticket, struct bytes topic, struct bytes payload)
{
    static uint8_t room[COURIER_PAYLOAD_MAX + 1024];
    struct out o = out_of(room, sizeof room);
    struct courier_message m = { .ticket = ticket, .topic = topic, .payload = payload };
    if (p->a.inbound) {
        door_send(p, ticket, topic, payload);
        return;
    }
    courier_put_message(&o, COURIER_SEND, (uint32_t)p->index, &m);
    courier_tell(p->core, out_view(&o));
}

static void tell_end(struct peer_live *p)
{
    uint8_t room[8];
    struct out o = out_of(room, sizeof room);
    courier_put_head(&o, COURIER_END, (uint32_t)p->index);
    courier_tell(p->core, out_view(&o));
    p->asked = false;
}

/* ---- a flow's state ---- */

bool flow_open(const struct peer_live *p, size_t flow)
{
    const struct flow_live *f = &p->flows[flow];
    return f->state == FLOW_LIVE && f->judged && f->j.verdict != FLOW_DENY && peer_terms_hold(p);
}

void flow_changed(struct flow_live *f, const struct doc *d, int64_t at_ms)
{
    if (f->n_changes == FLOW_CHANGES) memmove(f->changes, f->changes + 1, --f->n_changes * sizeof *f->changes);
    struct flow_change *c = &f->changes[f->n_changes++];
    *c = (struct flow_change) { .at_ms = at_ms, .stages = (unsigned)doc_int(d, "stages", 0) & ((1u << STAGE_COUNT) - 1) };
    while (c->state + 1 < FLOW_STATE_COUNT && strcmp(flow_state_word(c->state), doc_text(d, "state", "")) != 0) c->state++;
    snprintf(c->verdict, sizeof c->verdict, "%s", doc_text(d, "verdict", ""));
    snprintf(c->cause, sizeof c->cause, "%s", doc_text(d, "cause", ""));
}

static void write_flow(struct peer_live *p, size_t flow)
{
    struct flow_live *f = &p->flows[flow];
    struct arena arena = ARENA(65536);
    struct doc *d = doc_map(&arena);
    doc_set_text(&arena, d, "what", "flow");
    doc_set_text(&arena, d, "peer", p->a.id);
    doc_set_text(&arena, d, "flow", p->a.flows[flow].id);
    doc_set_text(&arena, d, "agreement", p->hash);
    doc_set_text(&arena, d, "state", flow_state_word(f->state));
    doc_set_text(&arena, d, "verdict", f->judged ? flow_verdict_word(f->j.verdict) : "");
    doc_set_int(&arena, d, "stages", f->j.stages);
    doc_set_int(&arena, d, "sights", p->sights);
    doc_set_bool(&arena, d, "fallback", f->j.fallback);
    doc_set_int(&arena, d, "added_yen", f->j.added_yen);
    doc_set_text(&arena, d, "why", f->why);
    doc_set_text(&arena, d, "cause", f->cause);
    flow_changed(f, d, port_wall_ms());
    (void)!ok(core_write(p->core, ENTRY_FLOW, d, false));
    if (p->core->service) service_event(p->core->service, "flow", d);
    arena_deinit(&arena);
}

void flow_to(struct peer_live *p, size_t flow, enum flow_event e, const char *why, bool record)
{
    struct flow_live *f = &p->flows[flow];
    enum flow_state before = f->state;
    if (!ok(flow_step(f->state, e, &f->state))) return;
    snprintf(f->why, sizeof f->why, "%s", why);
    if (f->state != before) snprintf(f->cause, sizeof f->cause, "%s", why);
    if (!flow_open(p, flow) && f->state != FLOW_VERIFIED) flow_unlink(p, flow); /* what came before it was verified waits for its judgement */
    if (record && f->state != before) write_flow(p, flow);
}

static void judge_flow(struct peer_live *p, size_t flow, int64_t wall_ms, const char *cause)
{
    struct flow_live *f = &p->flows[flow];
    struct judging j = { .agreement = &p->a, .flow = &p->a.flows[flow], .proven = f->proven, .sights = p->sights,
        .expired = peer_lapsed(p, wall_ms) };
    struct judgement before = f->j;
    bool had = f->judged;
    if (f->state != FLOW_VERIFIED && f->state != FLOW_LIVE) return;
    f->j = had ? judge_again(&j, &before, wall_ms) : judge_open(&j, wall_ms);
    f->judged = true;
    if (f->state == FLOW_VERIFIED) flow_to(p, flow, FLOW_OPEN, "verified", false);
    bool same = had && f->j.verdict == before.verdict && f->j.stages == before.stages;
    if (same) return;
    if (had) p->tightened_ms = wall_ms;
    snprintf(f->cause, sizeof f->cause, "%s", j.expired ? "ended-or-expired" : cause);
    if (!flow_open(p, flow)) flow_unlink(p, flow); /* in force first, then written */
    write_flow(p, flow);
}

void peer_judge(struct peer_live *p, const char *cause)
{
    for (size_t i = 0; i < p->a.n; i++) judge_flow(p, i, port_wall_ms(), cause);
}

void peer_saw(struct peer_live *p, enum sight s)
{
    if (s == SIGHT_COUNT || p->sights >> s & 1) return;
    p->sights |= 1u << s;
    p->tightened_ms = port_wall_ms();
    peer_judge(p, sight_word(s));
    core_audit(p->core, "peer-saw", "peer", p->a.id, "sight", sight_word(s), NULL);
}

/* ---- what the courier says ---- */

unsigned flows_of(const struct peer_live *p, enum flow_direction d)
{
    unsigned mask = 0;
    for (size_t i = 0; i < p->a.n; i++)
        if (p->a.flows[i].direction == d) mask |= 1u << i;
    return mask;
}

void peer_verify(struct peer_live *p)
{
    if (!p->up || !peer_terms_hold(p)) return;
    for (size_t i = 0; i < p->a.n; i++)
        if (p->granted >> i & 1) flow_to(p, i, FLOW_VERIFY, "reached", true);
    peer_judge(p, "reached");
}

void peer_up(struct peer_live *p, unsigned granted)
{
    p->up = true;
    p->down_why[0] = 0;
    p->granted = granted;
    peer_verify(p);
}

static MUST outcome on_up(struct peer_live *p, struct bytes in)
{
    uint8_t n;
    struct bytes codes;
    size_t k = 0;
    unsigned granted = flows_of(p, FLOW_OUT);
    TRY(take_u8(&in, &n));
    TRY(take(&in, n, &codes));
    for (size_t i = 0; i < p->a.n; i++) {
        if (p->a.flows[i].direction != FLOW_IN) continue;
        if (k < codes.n && codes.at[k] < 0x80) granted |= 1u << i;
        k++;
    }
    peer_up(p, granted);
    return at_end(in);
}

void peer_down(struct peer_live *p, const char *why)
{
    p->up = false;
    p->granted = 0;
    p->spoke_ms = 0;
    p->shown = 0;
    p->unproved_ms = 0;
    p->n_sent = 0;
    snprintf(p->down_why, sizeof p->down_why, "%s", why);
    for (size_t i = 0; i < p->a.n; i++) {
        if (p->a.flows[i].direction == FLOW_OUT) flow_unlink(p, i);
        flow_forget(p, i);
    }
}

void peer_reopen(struct peer_live *p, int64_t after_ms)
{
    if (!p->reopen_ms) p->reopen_ms = port_mono_ms() + after_ms + 1;
}

static MUST outcome on_down(struct peer_live *p, struct bytes in)
{
    struct bytes why;
    char text[COURIER_WHY_MAX];
    TRY(take_field16(&in, &why));
    TRY(bytes_to_text(why, text, sizeof text));
    if (!bytes_is_utf8(why)) return REFUSE(E_MALFORMED);
    if (p->opening) {
        p->opening = strcmp(text, COURIER_OPENING) != 0;
        return DONE;
    }
    if (p->up || strcmp(p->down_why, text) != 0) core_counted(p->core, "peer-down", p->a.id, text, 1);
    peer_down(p, text);
    return DONE;
}

static MUST outcome on_refused(struct peer_live *p, struct bytes in)
{
    uint32_t count;
    struct bytes topic;
    char text[MQTT_TOPIC_MAX + 1];
    TRY(take_u32(&in, &count));
    TRY(take_field16(&in, &topic));
    TRY(bytes_to_text(topic, text, sizeof text));
    p->unlisted += count;
    core_counted(p->core, "peer-topic-not-agreed", p->a.id, bytes_is_utf8(topic) ? text : "", count);
    peer_saw(p, SIGHT_UNLISTED);
    return DONE;
}

static MUST outcome on_sent(struct peer_live *p, struct bytes in)
{
    uint32_t ticket;
    uint8_t reason;
    TRY(take_u32(&in, &ticket));
    TRY(take_u8(&in, &reason));
    flow_sent(p, ticket, reason);
    return at_end(in);
}

void peer_arrived(struct peer_live *p, const struct courier_message *m)
{
    if (p->reopen_ms) return; /* behind something that comes again with the next connection: so does this, in its order */
    if (!p->a.speaks || !bytes_equal_str(m->topic, PEER_STATEMENT_TOPIC)) {
        flow_arrived(p, m);
        return;
    }
    peer_taken(p, m->ticket, false);
    peer_told(p, m->payload);
}

static MUST outcome on_record(struct core *c, struct bytes in)
{
    enum courier_kind kind;
    uint32_t index;
    struct courier_message m;
    struct courier_lettered l;
    TRY(courier_take_head(&in, &kind, &index));
    if (kind == COURIER_LETTERED) {
        TRY(courier_take_lettered(in, &l));
        alerts_lettered(c, &l);
        return DONE;
    }
    struct peer_live *p = c->peers->at[index];
    if (!p || !p->asked || p->a.inbound) return DONE; /* its end crossed this on the way */
    if (p->opening && kind != COURIER_DOWN) return DONE; /* the peer has it still, and sends it again */
    switch (kind) {
    case COURIER_UP: return on_up(p, in);
    case COURIER_DOWN: return on_down(p, in);
    case COURIER_REFUSED: return on_refused(p, in);
    case COURIER_SENT: return on_sent(p, in);
    case COURIER_ARRIVED:
        TRY(courier_take_message(in, &m));
        peer_arrived(p, &m);
        return DONE;
    default: return REFUSE(E_MALFORMED);
    }
}

static void channel_gone(struct core *c)
{
    struct peers *s = c->peers;
    channel_close(&s->channel);
    s->backlog.n = 0;
    s->lost = false;
    alerts_courier_gone(c);
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) {
        if (!s->at[i] || s->at[i]->a.inbound) continue;
        peer_down(s->at[i], "courier");
        s->at[i]->asked = false;
    }
}

outcome peers_attach(struct core *c, const int fds[CHANNEL_FDS])
{
    channel_gone(c);
    return channel_open(&c->peers->channel, fds, CHANNEL_CORE);
}

int peers_wake_fd(const struct core *c)
{
    return c->peers && channel_is_open(&c->peers->channel) ? c->peers->channel.get.wake_fd : -1;
}

/* Without its channel a courier holds no peer; the keeper is asked for another channel. */
static void courier_lost(struct core *c, const char *why)
{
    core_counted(c, "courier-channel-lost", "courier", why, 1);
    channel_gone(c);
    c->peers->wanted = false;
}

void peers_drain(struct core *c)
{
    struct peers *s = c->peers;
    channel_woken(&s->channel);
    for (size_t i = 0; i < RECORDS_A_TURN; i++) {
        struct out o = out_of(s->room, RING_RECORD_MAX);
        outcome got = ring_take(&s->channel.get, &o);
        if (got.code == E_AGAIN) return;
        if (ok(got)) got = on_record(c, out_view(&o));
        if (ok(got)) continue;
        courier_lost(c, code_word(got.code));
        return;
    }
}

/* ---- turn ---- */

/* Every stage of every flow meets its own forbidden sample: control C11. */
static void self_test(struct peer_live *p)
{
    char asset[64];
    bool good = true;
    for (size_t i = 0; i < p->a.n; i++) {
        p->flows[i].proven = stages_self_test(&p->a.flows[i], p->a.flows[i].offered);
        good &= p->flows[i].proven == p->a.flows[i].offered;
    }
    snprintf(asset, sizeof asset, "peer-%s", p->a.id);
    core_fact(p->core, "C11", asset, good ? FACT_PASS : FACT_FAIL, FACT_BY_GATE, false, good ? "forbidden-samples-refused" : "a-forbidden-sample-passed");
    peer_judge(p, "self-test");
}

static void want_courier(struct core *c)
{
    static const char want = (char)CHANNEL_WANT_COURIER;
    if (c->peers->wanted) return;
    c->peers->wanted = send(c->control_fd, &want, 1, MSG_NOSIGNAL) == 1;
}

outcome peers_need_courier(struct core *c)
{
    TRY(peers_need(c));
    want_courier(c);
    return channel_is_open(&c->peers->channel) ? DONE : REFUSE(E_AGAIN);
}

static int peer_turn(struct peer_live *p, int64_t mono_ms, bool test)
{
    int wait = 1000;
    bool wanted = peer_wanted(p), dial = wanted && !p->a.inbound;
    if (test) self_test(p);
    if (dial) want_courier(p->core);
    if (!wanted) door_close(p, "not-wanted");
    if (p->reopen_ms && mono_ms >= p->reopen_ms) {
        p->reopen_ms = 0;
        p->asked = false;
        door_close(p, "reopening");
        peer_down(p, "reopening");
    }
    if (dial && !p->asked && channel_is_open(&p->core->peers->channel)) tell_peer(p);
    if (!wanted && p->asked) {
        tell_end(p);
        peer_down(p, "not-wanted");
    }
    for (size_t i = 0; i < p->a.n; i++) {
        int w = flow_turn(p, i, mono_ms);
        if (w < wait) wait = w;
    }
    return wait;
}

int peers_turn(struct core *c, int64_t mono_ms)
{
    struct peers *s = c->peers;
    int wait = 1000;
    if (!s) return -1;
    bool test = mono_ms >= s->test_next_ms;
    if (test) s->test_next_ms = mono_ms + TEST_EVERY_MS;
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) {
        int w = s->at[i] ? peer_turn(s->at[i], mono_ms, test) : wait;
        if (w < wait) wait = w;
    }
    peers_speak(c, mono_ms);
    if (s->lost) courier_lost(c, "does-not-read");
    if (channel_is_open(&s->channel)) channel_flush(&s->channel, &s->backlog);
    return s->backlog.n ? 1 : wait;
}
