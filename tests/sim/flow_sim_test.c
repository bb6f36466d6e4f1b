/* Flows between two systems, simulated: the real exchange, record and stages of a site; every even seed its door, to which a peer
 * connects, every odd one its courier (flow_courier.c), which connects to a peer's broker; a peer that keeps what was not
 * acknowledged and sends it again, a line that delays and drops, ten minutes of partition now and then, kills of core and courier, power
 * cuts, an operator who suspends, owners who sign anew, a peer that breaks the protocol. All of it follows from one number: SEED=n
 * shows a run again. Never:
 *   what the peer was told we have is not in the record; what a device was told we have does not reach the peer in the end;
 *   the order of either changes; what the agreement does not name, its schema forbids or its reduction withholds passes;
 *   anything passes while a flow is suspended.
 * Once a run: all of it has passed when the weather is over. SIM_SECONDS bounds it (6); RELEASE=1 runs 10,000 seeds,
 * or SEEDS=n of them from FROM=n on, so that several machines or cores share them. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/test.h"
#include "crypto/seal_keys.h"
#include "ledger/data.h"
#include "flow_courier.h"
#include "node/peers.h"
#include "port_sim.h"
#include "record_sim.h"

enum { NUMBERS = 1200, STEPS = 500, QUEUE = 512, WINDOW = 20, WINDOW_BROKER = 100, SEEDS_RELEASE = 10000, SECONDS = 6, DEVICE_LINK = 1, PARTITION_MS = 600000, DRAIN = 4000 };
#ifdef __SANITIZE_ADDRESS__ /* the second run of ./check looks at other seeds */
enum { FIRST_SEED = 1000001 };
#else
enum { FIRST_SEED = 1 };
#endif
#define HERE "sk/v1/s/peer-far/m/demand"
#define LEVEL "sk/v1/s/dev/m/level"
#define LISTENS "\"link\":{\"listen\":true,\"client_ca\":\"-----BEGIN CERTIFICATE-----\"," \
    "\"client_key\":\"0000000000000000000000000000000000000000000000000000000000000000\"},"
#define DIALS "\"link\":{\"host\":\"127.0.0.1\",\"port\":1883,\"transport\":\"plaintext-loopback\",\"protocol\":\"mqtt-5\"},"
#define AGREEMENT(link) "{\"schema\":\"sekimori-agreement/1\",\"site\":\"s\",\"id\":\"far\",\"name_ja\":\"先方\",\"name_en\":\"Far\",\"contact\":\"x\",\"boundary\":\"x\"," \
    "\"retention\":\"x\",\"until\":\"2099-01-01T00:00:00Z\",\"dwell_s\":1," link \
    "\"standing\":{\"claimed\":2000,\"class_default\":2000,\"vouched\":\"none\"},\"flows\":[" \
    "{\"id\":\"demand\",\"direction\":\"in\",\"local\":\"" HERE "\",\"remote\":\"far/demand\",\"label\":\"internal\",\"purpose\":\"x\",\"quota\":{\"per_minute\":600000,\"bytes\":200}," \
    "\"stages\":{\"schema\":{\"n\":{\"number\":true},\"v\":{\"from\":0,\"to\":1000}}},\"risk\":{\"effect\":\"degrade\",\"connection\":\"checkpoint\",\"loss_yen\":39060064,\"tolerance_yen\":500000}}," \
    "{\"id\":\"level\",\"direction\":\"out\",\"local\":\"" LEVEL "\",\"remote\":\"in/level\",\"label\":\"internal\",\"purpose\":\"x\",\"quota\":{\"per_minute\":600000,\"bytes\":200}," \
    "\"stages\":{\"reduce\":{\"keep\":[\"n\",\"v\"]}},\"risk\":{\"loss_yen\":300000,\"tolerance_yen\":500000}}]}"
static const char listens[] = AGREEMENT(LISTENS), dials[] = AGREEMENT(DIALS);

struct packets { /* on their way, in order */
    struct { int64_t due_ms; uint8_t *at; size_t n; } rows[QUEUE];
    size_t first, n;
};

struct far { /* the peer */
    uint32_t link;                 /* 0: it believes there is none */
    bool greeted;
    struct packets up, down;
    unsigned next, acked;          /* numbers below `next` exist, all below `acked` are acknowledged */
    bool done[NUMBERS], turned[NUMBERS]; /* acknowledged, in whatever order; and turned away */
    unsigned sent;                 /* below it: sent on this link */
    bool bad[NUMBERS];             /* forbidden: never to be recorded */
    unsigned got;                  /* all below arrived, in order */
    unsigned strange;              /* messages sent on topics of no flow */
};

struct sim {
    uint64_t seed;
    struct draws d;
    struct core core;
    struct far far;
    uint32_t next_link;
    unsigned dev_next;             /* the device's numbers: below it sent, */
    bool dev_acked[NUMBERS];       /* and told that we have them */
    bool dials;                    /* we connect to the peer, by the courier */
    bool suspended, partition;
    int64_t until_ms, signed_ms;   /* of the partition, mono; of the newest agreement, wall */
    unsigned restarts, partitions, suspensions, couriers, dialled;
    const char *wrong;
};
static struct sim *now;            /* the one that runs: the stand-ins below have no context */

static void fault(const char *what)
{
    if (!now->wrong) printf("# seed %llu: %s\n", (unsigned long long)now->seed, what);
    now->wrong = what;
}

/* ---- the line ---- */

static void put_packet(struct packets *q, struct bytes b)
{
    if (q->n == QUEUE) return; /* a full line is a slow one: its end is drawn soon */
    int64_t due = port_mono_ms() + (int64_t)draw(&now->d, 40);
    size_t last = (q->first + q->n + QUEUE - 1) % QUEUE, at = (q->first + q->n) % QUEUE;
    if (q->n && q->rows[last].due_ms > due) due = q->rows[last].due_ms;
    q->rows[at].due_ms = due;
    q->rows[at].n = b.n;
    q->rows[at].at = malloc(b.n ? b.n : 1);
    memcpy(q->rows[at].at, b.at, b.n);
    q->n++;
}

static bool take_packet(struct packets *q, uint8_t **ret, size_t *ret_n)
{
    if (!q->n || q->rows[q->first].due_ms > port_mono_ms()) return false;
    *ret = q->rows[q->first].at;
    *ret_n = q->rows[q->first].n;
    q->first = (q->first + 1) % QUEUE;
    q->n--;
    return true;
}

static void clear_packets(struct packets *q)
{
    for (; q->n; q->n--, q->first = (q->first + 1) % QUEUE) free(q->rows[q->first].at);
}

static void clear_far(struct sim *s)
{
    s->far.link = 0;
    s->far.greeted = false;
    s->far.sent = s->far.acked;
    clear_packets(&s->far.up);
    clear_packets(&s->far.down);
}

static void far_down(struct sim *s)
{
    if (s->dials) courier_line_broken();
    clear_far(s);
}

bool carrier_reached(void)
{
    return !now->partition && draw(&now->d, 3) == 0;
}
void carrier_connected(void)
{
    clear_far(now);
    now->far.link = ++now->next_link;
}
void carrier_sent(struct bytes b)
{
    if (now->far.link && !now->partition) put_packet(&now->far.down, b);
}
void carrier_closed(void)
{
    if (!now->partition) clear_far(now);
}

/* ---- what core is beside its flows: the rest of it stands in here ---- */

int64_t core_wall(struct core *c) { return (void)c, port_wall_ms(); }
void core_audit(struct core *c, const char *what, ...) { (void)c, (void)what; }
void core_counted(struct core *c, const char *reason, const char *source, const char *detail, uint64_t count) { (void)c, (void)reason, (void)source, (void)detail, (void)count; }
void core_fact(struct core *c, const char *control, const char *asset, enum fact_result result, enum fact_method method, bool confirmed, const char *detail)
{
    (void)c, (void)control, (void)asset, (void)method, (void)confirmed, (void)detail;
    if (result != FACT_PASS) fault("a stage fails its own test");
}
void service_event(struct service *s, const char *event, const struct doc *d) { (void)s, (void)event, (void)d; }
void links_peers(struct core *c) { (void)c; }
void link_idle(struct core *c, uint32_t link, uint32_t idle_ms) { (void)c, (void)link, (void)idle_ms; }
void link_send(struct core *c, uint32_t link, struct bytes b)
{
    (void)c;
    if (link == now->far.link && !now->partition) put_packet(&now->far.down, b);
}
void link_close(struct core *c, uint32_t link)
{
    (void)c;
    if (link == now->far.link) far_down(now);
}
void witness_shown(struct core *c, const char *by, uint64_t size, const struct hash *root) { (void)c, (void)by, (void)size, (void)root; }
outcome seal_statement(struct core *c, const struct seal_statement *s, struct buffer *ret_payload, uint8_t ret_signature[64])
{
    (void)c, (void)s, (void)ret_payload, (void)ret_signature;
    return REFUSE(E_UNSUPPORTED);
}
struct doc *assurance_status(struct assurance *a, struct arena *arena, int64_t now_ms) { return (void)a, (void)arena, (void)now_ms, NULL; }
/* Who signed is not what is simulated: the date is the newest there is. */
outcome assurance_verify(struct assurance *a, const char *type, struct bytes json, int64_t now_ms, struct arena *arena, struct assurance_signed *ret, char why[ASSURANCE_WHY])
{
    struct doc *d;
    (void)a, (void)type, (void)why;
    TRY(doc_read_json(json, arena, &d));
    *ret = (struct assurance_signed) { d, d, now_ms };
    return DONE;
}

outcome core_write(struct core *c, unsigned kind, const struct doc *d, bool durable)
{
    uint64_t index;
    struct buffer b = BUFFER(1u << 20);
    outcome o = doc_write_json(d, &b);
    if (ok(o)) o = ledger_append(c->ledger, (enum ledger_kind)kind, port_wall_ms(), buffer_view(&b), &index);
    if (ok(o) && durable) o = ledger_sync(c->ledger);
    if (ok(o)) o = registry_apply(c->registry, kind, d, port_wall_ms());
    buffer_deinit(&b);
    return o;
}

/* ---- the exchange's port, as core's (record.c) ---- */

static unsigned number_of(struct bytes payload)
{
    char text[200];
    const char *at;
    if (!ok(bytes_to_text(payload, text, sizeof text)) || !(at = strstr(text, "\"n\":"))) return NUMBERS;
    return (unsigned)strtoul(at + 4, NULL, 10);
}

static void x_send(void *ctx, uint32_t link, struct bytes packet)
{
    struct mqtt_ack a;
    uint8_t reason;
    if (peers_link(link)) peers_packet(ctx, link, packet);
    else if (link == DEVICE_LINK && packet.at[0] >> 4 == MQTT_PUBACK && ok(mqtt_read_ack(packet, 5, &a, &reason)) && a.reason < 0x80 && a.id && a.id <= NUMBERS)
        now->dev_acked[a.id - 1] = true;
}
static void x_close(void *ctx, uint32_t link)
{
    if (peers_link(link)) peers_closed(ctx, link);
}
static void x_idle(void *ctx, uint32_t link, uint32_t idle_ms) { (void)ctx, (void)link, (void)idle_ms; }
static outcome x_record(void *ctx, const struct message *m, const struct stream *stream, uint64_t *ret_index)
{
    struct core *c = ctx;
    if (!stream || !m->from) return REFUSE(E_UNSUPPORTED);
    struct data d = { .qos = m->qos, .from = bytes_str(m->from->id), .topic = m->topic, .payload = m->payload };
    c->scratch.n = 0;
    TRY(data_write(&d, &c->scratch));
    return ledger_append(c->ledger, ENTRY_DATA, port_wall_ms(), buffer_view(&c->scratch), ret_index);
}
static void x_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h) { (void)ctx, (void)what, (void)m, (void)v, (void)h; }
static int64_t x_mono(void *ctx) { return (void)ctx, port_mono_ms(); }
static int64_t x_wall(void *ctx) { return (void)ctx, port_wall_ms(); }
static outcome x_session(void *ctx, const struct doc *d, uint64_t *ret_index)
{
    struct core *c = ctx;
    c->scratch.n = 0;
    TRY(doc_write_json(d, &c->scratch));
    return ledger_append(c->ledger, ENTRY_SESSION, port_wall_ms(), buffer_view(&c->scratch), ret_index);
}

static bool recorded_of(struct core *c, const struct ledger_entry *e, struct recorded *ret)
{
    struct data d;
    char id[ID_MAX];
    if (e->kind != ENTRY_DATA || !ok(data_read(e->payload, &d)) || !ok(bytes_to_text(d.from, id, sizeof id))) return false;
    *ret = (struct recorded) { .at_ms = e->at_ms, .m = { .from = registry_identity(c->registry, id), .topic = d.topic, .payload = d.payload, .qos = d.qos } };
    return ret->m.from != NULL;
}

static outcome x_read(void *ctx, uint64_t index, struct recorded *ret)
{
    struct core *c = ctx;
    struct ledger_entry e;
    TRY(ledger_read(c->ledger, index, &c->read, &e));
    return recorded_of(c, &e, ret) ? DONE : REFUSE(E_UNKNOWN);
}

/* ---- start and stop ---- */

static void apply(struct core *c, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    if (!ok(doc_read_json(bytes_str(json), &a, &d)) || !ok(registry_apply(c->registry, kind, d, 0))) abort();
    arena_deinit(&a);
}

static outcome replay_control(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct arena a = ARENA(4u << 20);
    struct doc *d = NULL;
    outcome o = doc_read_json(e->payload, &a, &d);
    if (ok(o) && e->kind == ENTRY_SESSION) o = exchange_replay(c->exchange, e->index, d);
    else if (ok(o) && e->kind == ENTRY_AGREEMENT) o = core_agreement_replay(c, e->payload, e->at_ms);
    else if (ok(o) && e->kind == ENTRY_FLOW) core_flow_replay(c, d, e->at_ms);
    else if (ok(o) && e->kind == ENTRY_IDENTITY) o = registry_apply(c->registry, e->kind, d, e->at_ms);
    arena_deinit(&a);
    return o;
}

static outcome replay_data(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct recorded r;
    return recorded_of(c, e, &r) ? exchange_replay_data(c->exchange, e->index, &r) : DONE;
}

static void device_up(struct sim *s)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_connect m = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("dev") };
    if (!ok(exchange_up(s->core.exchange, DEVICE_LINK, registry_identity(s->core.registry, "dev"))) || !ok(mqtt_write_connect(&m, &b))
        || !ok(exchange_packet(s->core.exchange, DEVICE_LINK, buffer_view(&b))))
        abort();
    buffer_deinit(&b);
}

static void start(struct sim *s)
{
    struct core *c = &s->core;
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    struct exchange_port port = { c, x_send, x_close, x_idle, x_record, x_tell, x_mono, x_wall, x_session, x_read, NULL, NULL, NULL };
    bounds.sessions = bounds.subscriptions = bounds.retained = 100;
    if (!ok(registry_new(&c->registry)) || !ok(sim_record_open("/s/ledger", &c->ledger))) abort();
    apply(c, ENTRY_IDENTITY, "{\"id\":\"dev\",\"role\":\"device\",\"life\":\"enrolled\",\"trust\":\"attested\"}");
    apply(c, ENTRY_STREAM, "{\"name\":\"m\",\"pattern\":\"sk/v1/s/+/m/#\",\"recorded\":true,\"label\":\"internal\"}");
    c->access = (struct access) { .registry = c->registry, .site = "s" };
    if (!ok(exchange_new(&c->access, &port, &bounds, &c->exchange))) abort();
    if (!ok(ledger_scan_linked(c->ledger, CLASS_CONTROL, replay_control, c))) fault("the record is not replayed");
    uint64_t from = exchange_replay_from(c->exchange);
    if (from < ledger_size(c->ledger) && !ok(ledger_scan(c->ledger, from, CLASS_DATA, replay_data, c))) fault("what waits is not replayed");
    exchange_replayed(c->exchange, ledger_size(c->ledger));
    if (!ok(peers_start(c))) fault("peers do not start");
    device_up(s);
}

static void stop(struct sim *s)
{
    struct core *c = &s->core;
    far_down(s);
    if (s->dials) courier_end();
    peers_close(c);
    exchange_free(c->exchange);
    registry_free(c->registry);
    if (c->ledger) sim_record_drop(c->ledger);
    c->exchange = NULL;
    c->registry = NULL;
    c->ledger = NULL;
    c->access = (struct access) { 0 };
}

/* ---- the peer ---- */

static void far_say(struct sim *s, struct buffer *b)
{
    if (!s->partition) put_packet(&s->far.up, buffer_view(b));
    buffer_deinit(b);
}

static void far_publish(struct sim *s, const char *topic, const char *payload, uint16_t id)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_publish m = { .qos = 1, .id = id, .topic = bytes_str(topic), .payload = bytes_str(payload), .duplicate = draw(&s->d, 2) };
    if (!ok(mqtt_write_publish(5, &m, &b))) abort();
    far_say(s, &b);
}

static void far_connect(struct sim *s)
{
    static const uint8_t key[32];
    char id[ID_MAX];
    struct buffer b = BUFFER(4096);
    struct mqtt_connect m = { .version = 5, .client_id = BYTES_LIT("far"), .keep_alive_s = 30 };
    struct mqtt_subscribe w = { .id = 65000, .n = 1 };
    if (s->dials || s->partition || !door_admit(&s->core, s->next_link + 1, key, id)) return;
    s->far.link = ++s->next_link;
    s->far.sent = s->far.acked;
    if (!ok(mqtt_write_connect(&m, &b))) abort();
    far_say(s, &b);
    b = BUFFER(4096);
    w.rows[0].filter = BYTES_LIT("in/level");
    w.rows[0].qos = 1;
    if (!ok(mqtt_write_subscribe(5, &w, &b))) abort();
    far_say(s, &b);
}

/* One of its numbers; the same one is the same message, however often it is sent. */
static void far_number(struct sim *s, unsigned n)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"n\":%u,\"v\":%u}", n, s->far.bad[n] ? 5000 : n % 900);
    far_publish(s, "far/demand", payload, (uint16_t)(n + 1));
}

/* Whoever has the peer's key may send anything. */
static void far_garbage(struct sim *s)
{
    uint8_t b[64];
    size_t n = 1 + (size_t)draw(&s->d, sizeof b);
    for (size_t i = 0; i < n; i++) b[i] = (uint8_t)draw(&s->d, 256);
    if (draw(&s->d, 2) && n > 1) b[1] = (uint8_t)(n - 2); /* framed as the gate would let it through */
    if (!s->partition) put_packet(&s->far.up, bytes_of(b, n));
}

static void far_step(struct sim *s, bool weather)
{
    struct far *f = &s->far;
    if (weather && f->link && draw(&s->d, 100) == 0) far_garbage(s);
    if (!f->greeted) return;
    for (; f->sent < f->next && f->sent < f->acked + (s->dials ? WINDOW_BROKER : WINDOW); f->sent++)
        if (!f->done[f->sent]) far_number(s, f->sent);
    if (weather && draw(&s->d, 50) == 0) {
        static const char *const topics[] = { "far/other", HERE, "sk/v1/s/dev/cmd/pump", LEVEL };
        f->strange++;
        far_publish(s, topics[draw(&s->d, 4)], "{\"n\":7,\"v\":7}", (uint16_t)(60000 + f->strange % 1000));
    }
}

static void far_got(struct sim *s, const struct mqtt_publish *m)
{
    unsigned n = number_of(m->payload);
    char text[200];
    if (!bytes_equal_str(m->topic, "in/level") || n >= s->dev_next) fault("something else than what is agreed left");
    else if (n > s->far.got) fault("what left is out of order, or one is missing");
    else if (n == s->far.got) s->far.got++;
    if (ok(bytes_to_text(m->payload, text, sizeof text)) && strstr(text, "secret")) fault("what is withheld left");
    if (s->suspended) fault("something left while suspended");
}

/* As a broker that keeps our session answers. */
static void far_greets(struct sim *s, struct bytes packet)
{
    struct mqtt_properties none UNSET;
    static struct mqtt_subscribe w; /* large */
    uint8_t codes[MQTT_FILTERS_MAX] = { 0 }, reason;
    struct buffer b = BUFFER(4096);
    unsigned type = packet.at[0] >> 4;
    mqtt_properties_begin(&none);
    if (type == MQTT_CONNECT && !ok(mqtt_write_connack(5, true, 0, &none, &b))) abort();
    s->far.greeted |= type == MQTT_CONNECT; /* what it holds for us comes at once, before we asked */
    if (type == MQTT_PINGREQ && !ok(mqtt_write_ping(MQTT_PINGRESP, &b))) abort();
    if (type == MQTT_SUBSCRIBE) {
        if (!ok(mqtt_read_subscribe(packet, 5, &w, &reason))) abort();
        struct mqtt_grants g = { .id = w.id, .codes = codes, .n = w.n };
        if (w.n != 1 || !bytes_equal_str(w.rows[0].filter, "far/demand")) fault("something else than what is agreed is asked for");
        if (!ok(mqtt_write_suback(5, MQTT_SUBACK, &g, &b))) abort();
    }
    if (b.n) far_say(s, &b);
    buffer_deinit(&b);
}

static void far_receive(struct sim *s, struct bytes packet)
{
    struct far *f = &s->far;
    struct mqtt_publish m;
    struct mqtt_ack a;
    uint8_t reason;
    unsigned type = packet.at[0] >> 4;
    if (s->dials) far_greets(s, packet);
    if (type == MQTT_SUBACK) f->greeted = true;
    if (type == MQTT_PUBACK && ok(mqtt_read_ack(packet, 5, &a, &reason)) && a.id && a.id <= f->next) f->done[a.id - 1] = true, f->turned[a.id - 1] = a.reason >= 0x80;
    while (f->acked < f->next && f->done[f->acked]) f->acked++;
    if (type != MQTT_PUBLISH || !ok(mqtt_read_publish(packet, 5, &m, &reason))) return;
    far_got(s, &m);
    struct mqtt_ack back = { .id = m.id };
    struct buffer b = BUFFER(64);
    if (!ok(mqtt_write_ack(5, MQTT_PUBACK, &back, &b))) abort();
    far_say(s, &b);
}

static void line_step(struct sim *s)
{
    uint8_t *at;
    size_t n;
    while (s->far.link && take_packet(&s->far.up, &at, &n)) {
        uint32_t link = s->far.link;
        if (s->dials) courier_line_bytes(bytes_of(at, n));
        else if (!ok(door_packet(&s->core, link, bytes_of(at, n)))) {
            door_down(&s->core, link, "refused");
            if (s->far.link == link) far_down(s);
        }
        free(at);
    }
    while (s->far.link && take_packet(&s->far.down, &at, &n)) {
        far_receive(s, bytes_of(at, n));
        free(at);
    }
}

/* ---- what happens ---- */

static void device_step(struct sim *s)
{
    char payload[80];
    struct buffer b = BUFFER(4096);
    if (s->dev_next >= NUMBERS) return;
    if (draw(&s->d, 8) == 0) { /* one that no flow names */
        struct mqtt_publish other = { .qos = 0, .topic = BYTES_LIT("sk/v1/s/dev/m/other"), .payload = BYTES_LIT("{\"n\":1}") };
        if (!ok(mqtt_write_publish(5, &other, &b)) || !ok(exchange_packet(s->core.exchange, DEVICE_LINK, buffer_view(&b)))) abort();
        b.n = 0;
    }
    snprintf(payload, sizeof payload, "{\"n\":%u,\"secret\":7,\"v\":1}", s->dev_next);
    struct mqtt_publish m = { .qos = 1, .id = (uint16_t)(s->dev_next + 1), .topic = BYTES_LIT(LEVEL), .payload = bytes_str(payload) };
    s->dev_next++;
    if (!ok(mqtt_write_publish(5, &m, &b)) || !ok(exchange_packet(s->core.exchange, DEVICE_LINK, buffer_view(&b)))) abort();
    buffer_deinit(&b);
}

/* Whatever the device was not told we have, it still has. */
static void device_forgets(struct sim *s)
{
    unsigned n = 0;
    while (n < s->dev_next && s->dev_acked[n]) n++;
    s->dev_next = n;
}

static void sign(struct sim *s)
{
    char why[ASSURANCE_WHY] = "";
    if (ok(core_agreement(&s->core, bytes_str(s->dials ? dials : listens), "owners", why))) s->suspended = false;
}

static void crash(struct sim *s, bool power)
{
    stop(s);
    if (power) sim_cut(draw(&s->d, UINT64_MAX));
    else sim_kill();
    s->restarts++;
    device_forgets(s);
    start(s);
    if (!peer_find(&s->core, "far")) sign(s); /* not even written yet */
}

static void turn(struct sim *s)
{
    struct core *c = &s->core;
    (void)exchange_turn(c->exchange);
    (void)ledger_turn(c->ledger, port_mono_ms(), false);
    if (draw(&s->d, 3)) (void)sim_record_step(c->ledger);
    exchange_durable(c->exchange, ledger_durable(c->ledger));
    (void)peers_turn(c, port_mono_ms());
    if (s->dials) courier_step(c);
}

static void suspend(struct sim *s)
{
    if (!ok(core_peer_change(&s->core, "far", "suspend", "drill", "op"))) return;
    if (s->dials) turn(s); /* until the courier has the order */
    s->suspended = true;
    s->suspensions++;
    clear_packets(&s->far.down); /* what was on its way before the order is not judged */
}

static void misfortune(struct sim *s)
{
    switch (draw(&s->d, 8)) {
    case 0: crash(s, true); break;
    case 1: crash(s, false); break;
    case 2:
        s->partition = true;
        s->until_ms = port_mono_ms() + PARTITION_MS;
        s->partitions++;
        break;
    case 3: suspend(s); break;
    case 4: /* the courier is killed; or the gate sees the end of the line; or only the peer does, and comes again beside it */
        if (s->dials && draw(&s->d, 2)) courier_begin(&s->core), s->couriers++;
        else if (!s->dials && draw(&s->d, 2) && s->far.link) door_down(&s->core, s->far.link, "lost");
        far_down(s);
        break;
    default: sign(s); /* dwell: it is taken only a second after the last */
    }
}

/* A broker is told that we are done with a message, not which way: what comes while the flow is shut is turned away. */
static void turned_away(struct sim *s)
{
    const struct peer_live *p = s->dials ? peer_find(&s->core, "far") : NULL;
    if (!p || p->flows[0].state == FLOW_AGREED || p->flows[0].state == FLOW_VERIFIED || flow_open(p, 0)) return;
    for (unsigned n = s->far.acked; n < s->far.sent; n++) s->far.turned[n] |= !s->far.done[n];
}

static void step(struct sim *s, bool weather)
{
    int64_t ms = 1 + (int64_t)draw(&s->d, s->partition ? 20000 : 60);
    sim_clock(ms, ms);
    if (s->partition && port_mono_ms() > s->until_ms) {
        s->partition = false;
        far_down(s);
    }
    if (!s->far.link && draw(&s->d, 3) == 0) far_connect(s);
    if (weather && draw(&s->d, 2)) device_step(s);
    if (weather && draw(&s->d, 2) && s->far.next < NUMBERS) {
        s->far.bad[s->far.next] = draw(&s->d, 10) == 0;
        s->far.next++;
    }
    far_step(s, weather);
    turned_away(s);
    line_step(s);
    turn(s);
    if (weather && draw(&s->d, 60) == 0) misfortune(s);
}

/* ---- what must be true at the end ---- */

struct reading { unsigned next_in; bool there[NUMBERS]; };

static outcome read_entry(void *ctx, const struct ledger_entry *e)
{
    struct reading *r = ctx;
    struct data d;
    if (!ok(data_read(e->payload, &d)) || !bytes_equal_str(d.from, "peer-far")) return DONE;
    unsigned n = number_of(d.payload);
    if (!bytes_equal_str(d.topic, HERE) || n >= now->far.next) fault("something else than what is agreed was recorded");
    else if (now->far.bad[n]) fault("what the schema forbids was recorded");
    else if (n > r->next_in) {
        for (unsigned k = r->next_in; k < n; k++)
            if (!now->far.bad[k] && !now->far.turned[k] && !r->there[k]) fault("the record changed the order, or one is missing");
        r->next_in = n + 1;
    } else if (n == r->next_in) r->next_in++;
    if (n < NUMBERS) r->there[n] = true;
    return DONE;
}

static void judge(struct sim *s)
{
    struct reading *r = calloc(1, sizeof *r);
    if (!ok(ledger_scan(s->core.ledger, 0, CLASS_DATA, read_entry, r))) fault("the record cannot be read");
    for (unsigned n = 0; n < s->far.next; n++)
        if (s->far.done[n] && !s->far.turned[n] && !(s->dials && s->far.bad[n]) && !r->there[n]) fault("what the peer was told we have is not in the record");
    free(r);
}

static bool flows_up(const struct sim *s)
{
    const struct peer_live *p = peer_find(&s->core, "far");
    return p && p->flows[0].up && p->flows[1].up;
}

static bool flows_open(const struct sim *s)
{
    const struct peer_live *p = peer_find(&s->core, "far");
    return p && flow_open(p, 0) && flow_open(p, 1);
}

static const char *run(uint64_t seed, struct key *key, struct sim *totals)
{
    struct sim *s = calloc(1, sizeof *s);
    now = s;
    s->seed = seed;
    s->d.state = seed;
    s->dials = seed % 2;
    s->core = (struct core) { .scratch = BUFFER(1u << 20), .read = BUFFER(1u << 20), .control_fd = -1 };
    snprintf(s->core.config.site, sizeof s->core.config.site, "s");
    snprintf(s->core.state, sizeof s->core.state, "/s");
    sim_reset(seed);
    if (!ok(port_dir_make("/s/core", 0700)) || !ok(sim_record_make("/s/ledger", "sim.example", key, 1u << 18))) abort();
    start(s);
    sign(s);
    if (s->suspended || !peer_find(&s->core, "far")) fault("the first agreement is not taken");
    sim_log_free(sim_take());
    for (int k = 0; k < 400 && !flows_up(s); k++) step(s, false); /* a flow that never ran promised nothing yet */
    if (!flows_up(s)) fault("the flows never go live");
    for (int k = 0; k < 30; k++) step(s, false); /* and its session is on disk: that is when its promise begins */
    for (int k = 0; k < STEPS && !s->wrong; k++) step(s, true);
    s->partition = false; /* the weather is over: what is agreed again passes, all of it */
    far_down(s);
    for (int k = 0; k < DRAIN && !s->wrong; k++) {
        if (k % 50 == 0 && !flows_open(s)) sign(s); /* what the peer did in the weather had narrowed them */
        step(s, false);
        if (!s->suspended && s->far.acked == s->far.next && s->far.got == s->dev_next) break;
    }
    for (int k = 0; k < 20 && ledger_durable(s->core.ledger) < ledger_size(s->core.ledger); k++) turn(s);
    if (!s->wrong && s->far.acked != s->far.next) fault("the peer is not told that we have what we have");
    if (!s->wrong && s->far.got != s->dev_next) fault("what a device was told we have does not reach the peer");
    if (!s->wrong) judge(s);
    const char *wrong = s->wrong;
    totals->far.acked += s->far.acked;
    totals->far.got += s->far.got;
    totals->far.strange += s->far.strange;
    totals->restarts += s->restarts;
    totals->partitions += s->partitions;
    totals->suspensions += s->suspensions;
    totals->couriers += s->couriers;
    totals->dialled += s->dials;
    stop(s);
    buffer_deinit(&s->core.scratch);
    buffer_deinit(&s->core.read);
    free(s);
    return wrong;
}

int main(void)
{
    static struct sim t;
    const char *one = getenv("SEED"), *release = getenv("RELEASE"), *seconds = getenv("SIM_SECONDS");
    struct key *key;
    const char *from = getenv("FROM"), *many = getenv("SEEDS");
    size_t seeds = 0, wrong = 0, most = many ? strtoul(many, NULL, 10) : SEEDS_RELEASE;
    if (one && !*one) one = NULL;
    uint64_t seed = one ? strtoull(one, NULL, 10) : from ? strtoull(from, NULL, 10) : FIRST_SEED, first = seed;
    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* each seed takes and gives back the same hundred megabytes */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    time_t end = time(NULL) + (seconds ? strtol(seconds, NULL, 10) : SECONDS);
    if (!ok(key_new(KEY_ED25519, &key))) return 1;
    do {
        const char *what = run(seed, key, &t);
        seeds++;
        wrong += what != NULL;
        if (what) printf("# again with: make sim SEED=%llu\n", (unsigned long long)seed);
        seed++;
    } while (!one && wrong < 5 && (release ? seeds < most : time(NULL) < end));
    printf("# %zu seeds from %llu on, %u of them by the courier (killed %u times), %u in and %u out delivered, %u forbidden sent, %u restarts, %u partitions of ten minutes, %u suspensions\n", seeds, (unsigned long long)first, t.dialled, t.couriers, t.far.acked, t.far.got,
        t.far.strange, t.restarts, t.partitions, t.suspensions);
    CHECK(wrong == 0);
    CHECK(one || (t.far.acked > 100 && t.far.got > 100 && t.restarts > 0 && t.partitions > 0));
    key_free(key);
    return TEST_END;
}
