/* A world for the exchange's tests: a registry of five, a clock in the hand, a port that remembers. */
#ifndef PLATFORM_EXCHANGE_FIXTURE_H
#define PLATFORM_EXCHANGE_FIXTURE_H

#include "base/test.h"

#include "ledger/ledger.h"
#include "platform/exchange_internal.h"

#define F static __attribute__((unused))
#define LINKS 64
#define EVENTS 4096
#define TELLS 1024

struct event {
    uint32_t link;
    enum mqtt_type type; /* 0: closed */
    uint8_t *at;
    size_t n;
};

struct entry { /* what the record of this world holds */
    bool data, retain, flagged;
    char *json;
    const struct identity *from;
    uint8_t *topic, *payload, *list;
    size_t topic_n, payload_n, list_n;
    char session[160];
    uint16_t packet_id;
    uint8_t qos;
    int64_t at_ms;
};

struct told {
    char what[32], word[32], hold[16], topic[128];
};

struct world {
    struct registry *r;
    struct access access;
    struct limits limits;
    struct limit rows[2];
    struct exchange *x;
    int64_t mono, wall;
    uint8_t version[LINKS];
    uint32_t idle_ms[LINKS];
    struct event events[EVENTS];
    size_t n;
    struct told tells[TELLS];
    size_t tells_n;
    enum code record_code;
    uint64_t records;
    char recorded[128];
    struct entry *log; /* by index */
    size_t log_cap;
    enum code session_code;
    struct mqtt_properties read_properties;
    struct buffer question;
    outcome attest;
    size_t attested;
};

F void w_send(void *ctx, uint32_t link, struct bytes packet)
{
    struct world *w = ctx;
    assert(w->n < EVENTS && link < LINKS);
    uint8_t *copy = malloc(packet.n);
    memcpy(copy, packet.at, packet.n);
    w->events[w->n++] = (struct event) { link, (enum mqtt_type)(packet.at[0] >> 4), copy, packet.n };
}

F void w_close(void *ctx, uint32_t link)
{
    struct world *w = ctx;
    assert(w->n < EVENTS);
    w->events[w->n++] = (struct event) { link, (enum mqtt_type)0, NULL, 0 };
}

F void w_idle(void *ctx, uint32_t link, uint32_t idle_ms)
{
    struct world *w = ctx;
    w->idle_ms[link] = idle_ms;
}

F uint8_t *w_copy(struct bytes b)
{
    uint8_t *copy = malloc(b.n + 1);
    if (b.n) memcpy(copy, b.at, b.n);
    copy[b.n] = 0;
    return copy;
}

F struct entry *w_entry(struct world *w, uint64_t *ret_index)
{
    if (w->records >= w->log_cap) {
        w->log_cap = w->log_cap ? w->log_cap * 2 : 256;
        w->log = realloc(w->log, w->log_cap * sizeof *w->log);
    }
    *ret_index = w->records;
    struct entry *e = &w->log[w->records++];
    *e = (struct entry) { .at_ms = w->wall };
    return e;
}

F outcome w_record(void *ctx, const struct message *m, const struct stream *s, uint64_t *ret_index)
{
    struct world *w = ctx;
    (void)s;
    if (w->record_code != OK) return REFUSE(w->record_code);
    CHECK_QUIET(ok(bytes_to_text(m->topic, w->recorded, sizeof w->recorded)));
    struct entry *e = w_entry(w, ret_index);
    uint8_t room[16384];
    struct buffer list = { room, 0, sizeof room, sizeof room }; /* allocates nothing: not this side's to fail */
    if (m->properties) CHECK_QUIET(ok(mqtt_write_list(m->properties, &list)));
    *e = (struct entry) { .data = true, .retain = m->retain, .flagged = m->flagged, .from = m->from, .qos = m->qos,
        .topic = w_copy(m->topic), .topic_n = m->topic.n, .payload = w_copy(m->payload), .payload_n = m->payload.n,
        .list = w_copy(buffer_view(&list)), .list_n = list.n, .packet_id = m->packet_id, .at_ms = w->wall };
    if (m->session) snprintf(e->session, sizeof e->session, "%s", m->session);
    return DONE;
}

F outcome w_session(void *ctx, const struct doc *d, uint64_t *ret_index)
{
    struct world *w = ctx;
    struct buffer b = BUFFER(65536);
    if (w->session_code != OK) return REFUSE(w->session_code);
    outcome o = doc_write_json(d, &b);
    if (ok(o)) w_entry(w, ret_index)->json = (char *)w_copy(buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

F void w_recorded(struct world *w, uint64_t index, struct recorded *ret)
{
    const struct entry *e = &w->log[index];
    w->read_properties = (struct mqtt_properties) { 0 };
    if (e->list_n) CHECK_QUIET(ok(mqtt_read_list(bytes_of(e->list, e->list_n), &w->read_properties)));
    *ret = (struct recorded) { .at_ms = e->at_ms };
    ret->m = (struct message) { .from = e->from, .topic = bytes_of(e->topic, e->topic_n), .payload = bytes_of(e->payload, e->payload_n),
        .properties = &w->read_properties, .qos = e->qos, .retain = e->retain, .flagged = e->flagged,
        .session = e->session[0] ? e->session : NULL, .packet_id = e->packet_id };
}

F outcome w_read(void *ctx, uint64_t index, struct recorded *ret)
{
    struct world *w = ctx;
    if (index >= w->records || !w->log[index].data) return REFUSE(E_UNKNOWN);
    w_recorded(w, index, ret);
    return DONE;
}

F outcome w_attest(void *ctx, uint32_t link, const struct identity *who, struct bytes data, struct buffer *ret)
{
    struct world *w = ctx;
    (void)link;
    (void)who;
    w->attested++;
    if (w->attest.code != OK) return w->attest;
    return data.n ? DONE : buffer_put(ret, BYTES_LIT("nonce"));
}

F void w_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h)
{
    struct world *w = ctx;
    assert(w->tells_n < TELLS);
    struct told *t = &w->tells[w->tells_n++];
    snprintf(t->what, sizeof t->what, "%s", what);
    snprintf(t->word, sizeof t->word, "%s", v && v->word ? v->word : "");
    snprintf(t->hold, sizeof t->hold, "%s", h ? h->id : "");
    snprintf(t->topic, sizeof t->topic, "%.*s", m ? (int)m->topic.n : 0, m ? (const char *)m->topic.at : "");
}

F int64_t w_mono(void *ctx)
{
    return ((struct world *)ctx)->mono;
}

F int64_t w_wall(void *ctx)
{
    return ((struct world *)ctx)->wall;
}

F void w_apply(struct world *w, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    CHECK_QUIET(ok(doc_read_json(bytes_str(json), &a, &d)));
    outcome o = registry_apply(w->r, kind, d, 0);
    if (!ok(o)) printf("# %s: %s\n", o.at, json);
    CHECK_QUIET(ok(o));
    arena_deinit(&a);
}

F void w_trust(struct world *w, const char *id, enum trust_event e)
{
    struct arena a = ARENA(65536);
    const struct identity *i = registry_identity(w->r, id);
    enum trust to;
    CHECK_QUIET(ok(trust_step(i->trust, e, &to)));
    CHECK_QUIET(ok(registry_apply(w->r, ENTRY_LIFE, registry_doc_life(&a, id, "trust", trust_word(i->trust),
        trust_event_word(e), trust_word(to), "test", "test"), 0)));
    arena_deinit(&a);
}

F void w_limit(struct world *w, enum limit_mode mode, bool enforced)
{
    w->limits.n = mode == LIMIT_NONE ? 0 : 1;
    w->rows[0] = (struct limit) { .id = "L-7", .decision = "D-1", .condition = "attested(gw-02)", .device = "gw-02",
        .stream = "sk/v1/w/+/cmd/#", .mode = mode, .enforced = enforced };
    w->limits.epoch++;
    if (w->x) exchange_rejudge(w->x);
}

F void w_registry(struct world *w)
{
    static const char *const ids[][2] = { { "gw-02", "device" }, { "gw-03", "device" }, { "op", "operator" },
        { "op2", "operator" }, { "v", "viewer" } };
    CHECK_QUIET(ok(registry_new(&w->r)));
    for (size_t i = 0; i < 5; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"id\":\"%s\",\"role\":\"%s\",\"life\":\"enrolled\",\"trust\":\"attested\"}", ids[i][0], ids[i][1]);
        w_apply(w, ENTRY_IDENTITY, json);
    }
    w_apply(w, ENTRY_STREAM, "{\"name\":\"pump\",\"pattern\":\"sk/v1/w/+/cmd/pump\",\"command\":true,\"recorded\":true,\"safe\":[\"stop\"]}");
    w_apply(w, ENTRY_STREAM, "{\"name\":\"flow\",\"pattern\":\"sk/v1/w/+/m/flow\",\"recorded\":true}");
}

F const struct exchange_bounds small = { .sessions = 32, .topic_bytes = 512, .levels = 32, .held_each = 3, .subscriptions = 64, .retained = 8, .inflight = 4, .queue = 4,
    .held = 2, .packet_bytes = 4096, .keep_alive_s = 300, .unannounced = 8, .offline = 16, .cursors = 64,
    .session_expiry_s = 100000, .alias_in = 4, .alias_out = 2, .maximum_qos = 2, .shared = true };

F struct exchange_port w_port(struct world *w)
{
    return (struct exchange_port) { w, w_send, w_close, w_idle, w_record, w_tell, w_mono, w_wall, w_session, w_read, w_attest };
}

F struct world *w_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    w->wall = 1000000;
    w_registry(w);
    w->access = (struct access) { .registry = w->r, .limits = &w->limits, .site = "w" };
    CHECK_OK(judged_new(&w->access.judged));
    CHECK_QUIET(ok(values_new(&w->access.values)));
    w->limits.rows = w->rows;
    struct exchange_port port = w_port(w);
    CHECK_QUIET(ok(exchange_new(&w->access, &port, &small, &w->x)));
    return w;
}

F void w_forget(struct world *w)
{
    for (size_t i = 0; i < w->n; i++) free(w->events[i].at);
    w->n = 0;
    w->tells_n = 0;
}

F void w_free(struct world *w)
{
    exchange_free(w->x);
    judged_free(w->access.judged);
    values_free(w->access.values);
    registry_free(w->r);
    w_forget(w);
    for (uint64_t i = 0; i < w->records; i++) {
        free(w->log[i].json);
        free(w->log[i].topic);
        free(w->log[i].payload);
        free(w->log[i].list);
    }
    free(w->log);
    free(w);
}

/* A crash that leaves the first n entries, and the start after it. */
F void w_crash(struct world *w, uint64_t n)
{
    struct exchange_port port = w_port(w);
    struct exchange_bounds bounds = w->x->bounds;
    exchange_free(w->x);
    CHECK_QUIET(ok(exchange_new(&w->access, &port, &bounds, &w->x)));
    for (uint64_t i = n; i < w->records; i++) {
        free(w->log[i].json);
        free(w->log[i].topic);
        free(w->log[i].payload);
        free(w->log[i].list);
    }
    w->records = n;
    for (uint64_t i = 0; i < n; i++) {
        struct arena a = ARENA(65536);
        struct doc *d = NULL;
        if (w->log[i].data) continue;
        CHECK_QUIET(ok(doc_read_json(bytes_str(w->log[i].json), &a, &d)));
        outcome o = exchange_replay(w->x, i, d);
        if (!ok(o)) printf("# %s: %s\n", o.at, w->log[i].json);
        CHECK_QUIET(ok(o));
        arena_deinit(&a);
    }
    for (uint64_t i = 0; i < n; i++) {
        struct recorded r;
        if (!w->log[i].data) continue;
        w_recorded(w, i, &r);
        if (r.m.retain) CHECK_QUIET(ok(exchange_restore_recorded(w->x, i, &r)));
        if (i >= exchange_replay_from(w->x)) CHECK_QUIET(ok(exchange_replay_data(w->x, i, &r)));
    }
    exchange_replayed(w->x, n);
    w_forget(w);
}

/* ---- the client's side ---- */

F outcome c_send(struct world *w, uint32_t link, struct buffer *b)
{
    outcome o = exchange_packet(w->x, link, buffer_view(b));
    buffer_deinit(b);
    return o;
}

F outcome c_connect_with(struct world *w, uint32_t link, const char *who, const struct mqtt_connect *c)
{
    struct buffer b = BUFFER(65536);
    w->version[link] = c->version;
    CHECK_QUIET(ok(exchange_up(w->x, link, registry_identity(w->r, who))));
    CHECK_QUIET(ok(mqtt_write_connect(c, &b)));
    return c_send(w, link, &b);
}

F outcome c_connect(struct world *w, uint32_t link, const char *who, const char *client_id, uint8_t version)
{
    struct mqtt_connect c = { .version = version, .clean_start = true, .keep_alive_s = 60, .client_id = bytes_str(client_id) };
    return c_connect_with(w, link, who, &c);
}

F outcome c_subscribe_with(struct world *w, uint32_t link, const char *filter, uint8_t qos, uint8_t handling, bool no_local,
    bool as_published)
{
    struct buffer b = BUFFER(65536);
    struct mqtt_subscribe s = { .id = 9, .n = 1 };
    s.rows[0].filter = bytes_str(filter);
    s.rows[0].qos = qos;
    s.rows[0].retain_handling = handling;
    s.rows[0].no_local = no_local;
    s.rows[0].retain_as_published = as_published;
    CHECK_QUIET(ok(mqtt_write_subscribe(w->version[link], &s, &b)));
    return c_send(w, link, &b);
}

F outcome c_subscribe(struct world *w, uint32_t link, const char *filter, uint8_t qos)
{
    return c_subscribe_with(w, link, filter, qos, 0, false, false);
}

F outcome c_publish_with(struct world *w, uint32_t link, const struct mqtt_publish *p)
{
    struct buffer b = BUFFER(65536);
    CHECK_QUIET(ok(mqtt_write_publish(w->version[link], p, &b)));
    return c_send(w, link, &b);
}

F outcome c_publish(struct world *w, uint32_t link, const char *topic, const char *payload, uint8_t qos)
{
    struct mqtt_publish p = { .qos = qos, .id = qos ? 77 : 0, .topic = bytes_str(topic), .payload = bytes_str(payload) };
    return c_publish_with(w, link, &p);
}

F outcome c_retain(struct world *w, uint32_t link, const char *topic, const char *payload)
{
    struct mqtt_publish p = { .retain = true, .topic = bytes_str(topic), .payload = bytes_str(payload) };
    return c_publish_with(w, link, &p);
}

F outcome c_ack(struct world *w, uint32_t link, uint16_t id)
{
    struct buffer b = BUFFER(65536);
    struct mqtt_ack a = { .id = id };
    CHECK_QUIET(ok(mqtt_write_ack(w->version[link], MQTT_PUBACK, &a, &b)));
    return c_send(w, link, &b);
}

F outcome c_reply(struct world *w, uint32_t link, enum mqtt_type type, uint16_t id, uint8_t reason)
{
    struct buffer b = BUFFER(65536);
    struct mqtt_ack a = { .id = id, .reason = reason };
    CHECK_QUIET(ok(mqtt_write_ack(w->version[link], type, &a, &b)));
    return c_send(w, link, &b);
}

F outcome c_raw(struct world *w, uint32_t link, const void *at, size_t n)
{
    return exchange_packet(w->x, link, bytes_of(at, n));
}

/* ---- what came out ---- */

F size_t got(const struct world *w, uint32_t link, enum mqtt_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) n += w->events[i].link == link && w->events[i].type == type;
    return n;
}

#define CLOSED ((enum mqtt_type)0)

F struct bytes last(const struct world *w, uint32_t link, enum mqtt_type type)
{
    for (size_t i = w->n; i-- > 0;)
        if (w->events[i].link == link && w->events[i].type == type) return bytes_of(w->events[i].at, w->events[i].n);
    return BYTES_NONE;
}

F struct mqtt_publish delivered(const struct world *w, uint32_t link)
{
    struct mqtt_publish p = { 0 };
    uint8_t reason;
    struct bytes b = last(w, link, MQTT_PUBLISH);
    if (b.n) CHECK_QUIET(ok(mqtt_read_publish(b, w->version[link], &p, &reason)));
    return p;
}

/* The reason of the last PUBACK, 0xFF when there was none. */
F uint8_t puback(const struct world *w, uint32_t link)
{
    struct mqtt_ack a = { 0 };
    uint8_t reason;
    struct bytes b = last(w, link, MQTT_PUBACK);
    if (b.n == 0) return 0xFF;
    CHECK_QUIET(ok(mqtt_read_ack(b, w->version[link], &a, &reason)));
    return a.reason;
}

F bool puback_says(const struct world *w, uint32_t link, const char *text)
{
    struct mqtt_ack a = { 0 };
    uint8_t reason;
    char said[256];
    struct bytes b = last(w, link, MQTT_PUBACK);
    if (!ok(mqtt_read_ack(b, w->version[link], &a, &reason))) return false;
    if (!ok(bytes_to_text(a.properties.reason_string, said, sizeof said))) return false;
    if (strcmp(said, text) != 0) printf("# said %s\n", said);
    return strcmp(said, text) == 0;
}

/* Identifier and reason of the last PUBREC, PUBREL, PUBCOMP, AUTH. */
F struct mqtt_ack ack_of(const struct world *w, uint32_t link, enum mqtt_type type)
{
    struct mqtt_ack a = { .reason = 0xFF };
    uint8_t reason;
    struct bytes b = last(w, link, type);
    if (b.n) CHECK_QUIET(ok(mqtt_read_ack(b, w->version[link], &a, &reason)));
    return a;
}

F bool present(const struct world *w, uint32_t link)
{
    struct bytes b = last(w, link, MQTT_CONNACK);
    return b.n > 2 && b.at[2] == 1;
}

F uint8_t suback(const struct world *w, uint32_t link)
{
    uint8_t codes[4] = { 0xFF }, reason;
    uint16_t id;
    size_t n = 0;
    CHECK_QUIET(ok(mqtt_read_suback(last(w, link, MQTT_SUBACK), w->version[link], &id, codes, 4, &n, &reason)) && id == 9 && n == 1);
    return codes[0];
}

F struct mqtt_ack connack(const struct world *w, uint32_t link)
{
    struct mqtt_ack a = { .reason = 0xFF };
    bool present = true;
    uint8_t reason;
    CHECK_QUIET(ok(mqtt_read_connack(last(w, link, MQTT_CONNACK), w->version[link], &present, &a, &reason)));
    return a;
}

F uint8_t disconnect(const struct world *w, uint32_t link)
{
    struct mqtt_ack a = { 0 };
    uint8_t reason;
    struct bytes b = last(w, link, MQTT_DISCONNECT);
    if (b.n == 0) return 0xFF;
    CHECK_QUIET(ok(mqtt_read_ack(b, 5, &a, &reason)));
    return a.reason;
}

F size_t told(const struct world *w, const char *what, const char *word)
{
    size_t n = 0;
    for (size_t i = 0; i < w->tells_n; i++)
        n += strcmp(w->tells[i].what, what) == 0 && (!word || strcmp(w->tells[i].word, word) == 0);
    return n;
}

#define FLOW "sk/v1/w/gw-02/m/flow"
#define STATE "sk/v1/w/gw-02/s/pump"
#define PUMP "sk/v1/w/gw-02/cmd/pump"
#define START "{\"do\":\"start\"}"
#define STOP "{\"do\":\"stop\"}"
enum { GW = 1, OP = 2, V = 3, GW3 = 4, OP2 = 5 };

/* The device, its operator and a viewer, each connected and subscribed to what it may. */
F struct world *w_plant(uint8_t version)
{
    struct world *w = w_new();
    CHECK_QUIET(ok(c_connect(w, GW, "gw-02", "gw-02", version)));
    CHECK_QUIET(ok(c_connect(w, OP, "op", "op", version)));
    CHECK_QUIET(ok(c_connect(w, V, "v", "", version)));
    CHECK_QUIET(ok(c_subscribe(w, GW, "sk/v1/w/gw-02/cmd/#", 1)));
    CHECK_QUIET(ok(c_subscribe(w, GW, "sk/v1/w/gw-02/att/challenge", 1)));
    CHECK_QUIET(ok(c_subscribe(w, V, "sk/v1/w/#", 1)));
    CHECK_QUIET(got(w, V, MQTT_SUBACK) == 1);
    w_forget(w);
    return w;
}

#endif
