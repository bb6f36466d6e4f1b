/* The path of a message, simulated: clients, lines that delay, cut into pieces and drop, the gate's framing, the
 * exchange, the record with its disk; power cuts, kills, a disk that refuses, clocks that jump, rights withdrawn. All
 * of it follows from one number: SEED=n shows a failing run again. Never:
 *   a message that was acknowledged is not in the record; a publisher's messages of one connection change their order,
 *   in the record or at a subscriber; a delivery to whom it is not due; a record that does not verify.
 * SIM_SECONDS bounds the run (20); RELEASE=1 runs 10,000 seeds, with sanitizers 1,000 others. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/test.h"
#include "gate/front.h"
#include "ledger/data.h"
#include "ledger/verify.h"
#include "platform/exchange.h"
#include "port_sim.h"
#include "record_sim.h"

enum { CLIENTS = 6, PUBLISHERS = 3, NUMBERS = 2000, STEPS = 2500, WINDOW = 15, CHUNKS = 4096, SECONDS = 20 };
#ifdef __SANITIZE_ADDRESS__ /* the second run of ./check looks at other seeds */
enum { FIRST_SEED = 1000001, SEEDS_RELEASE = 1000 };
#else
enum { FIRST_SEED = 1, SEEDS_RELEASE = 10000 };
#endif
static const char *const ids[CLIENTS][2] = { { "gw-1", "device" }, { "gw-2", "device" }, { "gw-3", "device" }, { "v-1", "viewer" },
    { "v-2", "viewer" }, { "op", "operator" } };

struct chunk { /* bytes on their way */
    int64_t due_ms;
    uint8_t *at;
    size_t n;
};
struct pipe {
    struct chunk rows[CHUNKS];
    size_t first, n;
    int64_t last_ms; /* nothing overtakes */
};

struct client {
    uint32_t link; /* 0: not connected */
    bool greeted, closing, revoked;
    struct front front;
    struct pipe up, down;
    struct buffer server_in, client_in;
    unsigned epoch;                /* of its connections */
    unsigned sent, next;           /* numbers below `next` were sent once; below `sent` on this connection */
    bool acked[NUMBERS], refused[NUMBERS];
    unsigned seen_epoch[PUBLISHERS], seen[PUBLISHERS]; /* at a subscriber, on this connection */
};

struct sim {
    uint64_t seed;
    struct draws d;
    struct client *clients; /* CLIENTS */
    uint32_t next_link;
    struct ledger *ledger;
    struct registry *registry;
    struct access access;
    struct exchange *exchange;
    struct key *key;
    struct buffer scratch;
    int64_t fail_until_ms, published_ms;
    unsigned cuts, acks;
    const char *wrong;
};

static void fault(struct sim *s, const char *what)
{
    if (!s->wrong) printf("# seed %llu: %s\n", (unsigned long long)s->seed, what);
    s->wrong = what;
}

/* ---- lines ---- */

static void pipe_clear(struct pipe *p)
{
    while (p->n) {
        free(p->rows[p->first].at);
        p->first = (p->first + 1) % CHUNKS;
        p->n--;
    }
}

/* In pieces of drawn sizes, each with a delay of its own. */
static void pipe_put(struct sim *s, struct pipe *p, struct bytes b)
{
    while (b.n && p->n < CHUNKS) {
        size_t n = draw(&s->d, 3) ? b.n : 1 + (size_t)draw(&s->d, b.n);
        int64_t due = port_mono_ms() + (int64_t)draw(&s->d, 30);
        if (due < p->last_ms) due = p->last_ms;
        struct chunk *c = &p->rows[(p->first + p->n++) % CHUNKS];
        *c = (struct chunk) { due, malloc(n), n };
        memcpy(c->at, b.at, n);
        p->last_ms = due;
        b = bytes_of(b.at + n, b.n - n);
    }
}

static bool pipe_take(struct pipe *p, struct buffer *to)
{
    if (p->n == 0 || p->rows[p->first].due_ms > port_mono_ms()) return false;
    struct chunk *c = &p->rows[p->first];
    if (!ok(buffer_put(to, bytes_of(c->at, c->n)))) abort();
    free(c->at);
    p->first = (p->first + 1) % CHUNKS;
    p->n--;
    return true;
}

static struct client *client_on(struct sim *s, uint32_t link)
{
    for (int i = 0; i < CLIENTS; i++)
        if (s->clients[i].link == link) return &s->clients[i];
    return NULL;
}

static void line_down(struct sim *s, struct client *c, bool tell)
{
    if (!c->link) return;
    if (tell && s->exchange) exchange_down(s->exchange, c->link, false);
    c->link = 0;
    c->greeted = c->closing = false;
    pipe_clear(&c->up);
    pipe_clear(&c->down);
    c->server_in.n = c->client_in.n = 0;
}

/* ---- the server's world ---- */

static bool delivery_is_due(const struct sim *s, const struct client *c)
{
    return c - s->clients >= PUBLISHERS && !c->revoked; /* devices have asked for nothing they may have */
}

static void x_send(void *ctx, uint32_t link, struct bytes packet)
{
    struct sim *s = ctx;
    struct client *c = client_on(s, link);
    if (!c) return;
    if (packet.at[0] >> 4 == MQTT_PUBLISH && !delivery_is_due(s, c)) fault(s, "a delivery to whom it is not due");
    pipe_put(s, &c->down, packet);
}

static void x_close(void *ctx, uint32_t link)
{
    struct client *c = client_on(ctx, link);
    if (c) c->closing = true;
}

static void x_idle(void *ctx, uint32_t link, uint32_t idle_ms)
{
    (void)ctx, (void)link, (void)idle_ms;
}

static outcome x_record(void *ctx, const struct message *m, const struct stream *stream, uint64_t *ret_index)
{
    struct sim *s = ctx;
    if (!stream || !stream->recorded || !m->from) return REFUSE(E_UNSUPPORTED);
    struct data d = { .qos = m->qos, .from = bytes_str(m->from->id), .topic = m->topic, .payload = m->payload };
    TRY(data_write(&d, &s->scratch));
    return ledger_append_for(s->ledger, m->from->id, port_wall_ms(), buffer_view(&s->scratch), ret_index);
}

static void x_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h)
{
    (void)ctx, (void)what, (void)m, (void)v, (void)h;
}

static int64_t x_mono(void *ctx)
{
    (void)ctx;
    return port_mono_ms();
}

static int64_t x_wall(void *ctx)
{
    (void)ctx;
    return port_wall_ms();
}

static void apply(struct sim *s, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    if (!ok(doc_read_json(bytes_str(json), &a, &d)) || !ok(registry_apply(s->registry, kind, d, 0))) abort();
    arena_deinit(&a);
}

static void make_registry(struct sim *s)
{
    char json[256];
    if (!ok(registry_new(&s->registry))) abort();
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(json, sizeof json, "{\"id\":\"%s\",\"role\":\"%s\",\"life\":\"enrolled\",\"trust\":\"%s\"}", ids[i][0], ids[i][1],
            s->clients[i].revoked ? "revoked" : "attested");
        apply(s, ENTRY_IDENTITY, json);
    }
    apply(s, ENTRY_STREAM, "{\"name\":\"flow\",\"pattern\":\"sk/v1/s/+/m/flow\",\"recorded\":true}");
}

static void start(struct sim *s)
{
    outcome o = sim_record_open("/s/ledger", &s->ledger);
    if (ok(o)) o = ledger_keys(s->ledger, "/s/keys");
    if (!ok(o)) {
        printf("# %s at %s\n", code_word(o.code), o.at);
        fault(s, "it does not start");
        return;
    }
    make_registry(s);
    s->access = (struct access) { .registry = s->registry, .site = "s" };
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    bounds.sessions = 100;
    bounds.subscriptions = bounds.retained = 100;
    struct exchange_port port = { s, x_send, x_close, x_idle, x_record, x_tell, x_mono, x_wall };
    if (!ok(exchange_new(&s->access, &port, &bounds, &s->exchange))) abort();
}

static void stop(struct sim *s)
{
    for (int i = 0; i < CLIENTS; i++) line_down(s, &s->clients[i], false);
    exchange_free(s->exchange);
    registry_free(s->registry);
    if (s->ledger) sim_record_drop(s->ledger);
    s->exchange = NULL;
    s->registry = NULL;
    s->ledger = NULL;
}

static void publish_head(struct sim *s, int64_t hold_ms)
{
    struct note n = { .origin = "sim.example" };
    struct buffer b = BUFFER(NOTE_BYTES_MAX);
    ledger_root(s->ledger, &n.size, &n.root);
    if (!ok(note_make(&n, s->key, &b))) abort();
    (void)!ok(ledger_publish(s->ledger, buffer_view(&b), port_mono_ms(), hold_ms)); /* a refused one is tried again */
    buffer_deinit(&b);
    s->published_ms = port_mono_ms();
}

/* ---- what may never be ---- */

struct reading {
    struct sim *s;
    bool there[PUBLISHERS][NUMBERS];
    unsigned epoch[PUBLISHERS], last[PUBLISHERS];
};

static bool parse(struct bytes payload, unsigned *who, unsigned *epoch, unsigned *number)
{
    char text[64];
    return ok(bytes_to_text(payload, text, sizeof text)) && sscanf(text, "%u %u %u", who, epoch, number) == 3 && *who < PUBLISHERS
        && *number < NUMBERS;
}

static outcome read_entry(void *ctx, const struct ledger_entry *e)
{
    struct reading *r = ctx;
    struct data d;
    unsigned who, epoch, number;
    if (!ok(data_read(e->payload, &d)) || !parse(d.payload, &who, &epoch, &number)) {
        fault(r->s, "an entry is not what was sent");
        return DONE;
    }
    if (!bytes_equal_str(d.from, ids[who][0])) fault(r->s, "an entry names another publisher");
    if (epoch == r->epoch[who] && number <= r->last[who]) fault(r->s, "the record changed the order");
    if (epoch < r->epoch[who]) fault(r->s, "the record changed the order of connections");
    r->epoch[who] = epoch;
    r->last[who] = number;
    r->there[who][number] = true;
    return DONE;
}

static void nobody(void *ctx, const struct verify_finding *f)
{
    struct sim *s = ctx;
    printf("# seed %llu: %s %s:%llu %s\n", (unsigned long long)s->seed, code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static void judge_record(struct sim *s)
{
    struct reading *r = calloc(1, sizeof *r);
    struct verify_result v;
    r->s = s;
    if (!ok(ledger_scan(s->ledger, 0, CLASS_DATA, read_entry, r))) fault(s, "the record cannot be read");
    for (unsigned p = 0; p < PUBLISHERS; p++)
        for (unsigned n = 0; n < NUMBERS; n++)
            if (s->clients[p].acked[n] && !r->there[p][n]) fault(s, "an acknowledged message is lost");
    if (!ok(ledger_verify("/s/ledger", "", nobody, s, &v)) || v.findings) fault(s, "the record does not verify");
    free(r);
}

/* ---- clients ---- */

static void client_send(struct sim *s, struct client *c, struct buffer *b)
{
    pipe_put(s, &c->up, buffer_view(b));
    buffer_deinit(b);
}

static void client_connect(struct sim *s, struct client *c, int i)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_connect m = { .version = (uint8_t)(draw(&s->d, 3) ? 5 : 4), .clean_start = true, .keep_alive_s = 60,
        .client_id = bytes_str(ids[i][0]) };
    c->link = ++s->next_link;
    if (!ok(exchange_up(s->exchange, c->link, registry_identity(s->registry, ids[i][0])))) {
        c->link = 0;
        return;
    }
    c->front = (struct front) { 0 };
    c->epoch++;
    c->sent = 0;
    memset(c->seen_epoch, 0, sizeof c->seen_epoch);
    if (!ok(mqtt_write_connect(&m, &b))) abort();
    c->front.version = 0;
    client_send(s, c, &b);
}

/* Subscribers ask for what they may have; devices for what they may not. */
static void client_greeted(struct sim *s, struct client *c, int i)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_subscribe m = { .id = 1, .n = 1 };
    m.rows[0].filter = i < PUBLISHERS ? BYTES_LIT("sk/v1/s/op/cmd/#") : BYTES_LIT("sk/v1/s/+/m/#");
    m.rows[0].qos = (uint8_t)draw(&s->d, 2);
    c->greeted = true;
    if (!ok(mqtt_write_subscribe(c->front.version, &m, &b))) abort();
    client_send(s, c, &b);
}

static void client_publish(struct sim *s, struct client *c, int i)
{
    char topic[64], payload[64];
    struct buffer b = BUFFER(4096);
    unsigned low = 0, n = c->sent;
    while (low < c->next && (c->acked[low] || c->refused[low])) low++;
    while (n < c->next && (c->acked[n] || c->refused[n])) n++; /* again, in order: what nobody acknowledged */
    if (n >= NUMBERS || n >= low + WINDOW) return;
    snprintf(topic, sizeof topic, "sk/v1/s/%s/m/flow", ids[i][0]);
    snprintf(payload, sizeof payload, "%d %u %u", i, c->epoch, n);
    struct mqtt_publish m = { .qos = 1, .id = (uint16_t)(n + 1), .topic = bytes_str(topic), .payload = bytes_str(payload) };
    if (!ok(mqtt_write_publish(c->front.version, &m, &b))) abort();
    client_send(s, c, &b);
    c->sent = n + 1;
    if (c->next < c->sent) c->next = c->sent;
}

static void client_delivered(struct sim *s, struct client *c, struct bytes packet)
{
    struct mqtt_publish m;
    uint8_t reason;
    unsigned who, epoch, number;
    struct buffer b = BUFFER(64);
    if (!ok(mqtt_read_publish(packet, c->front.version, &m, &reason)) || !parse(m.payload, &who, &epoch, &number)) {
        fault(s, "a delivery is not what was sent");
        return;
    }
    if (epoch == c->seen_epoch[who] && number <= c->seen[who]) fault(s, "a subscriber saw another order");
    if (epoch < c->seen_epoch[who]) fault(s, "a subscriber saw connections in another order");
    c->seen_epoch[who] = epoch;
    c->seen[who] = number;
    struct mqtt_ack a = { .id = m.id };
    if (m.qos == 0) return;
    if (!ok(mqtt_write_ack(c->front.version, MQTT_PUBACK, &a, &b))) abort();
    client_send(s, c, &b);
}

static void client_packet(struct sim *s, struct client *c, int i, struct bytes packet)
{
    struct mqtt_ack a;
    uint8_t reason;
    switch (packet.at[0] >> 4) {
    case MQTT_CONNACK: client_greeted(s, c, i); break;
    case MQTT_PUBLISH: client_delivered(s, c, packet); break;
    case MQTT_PUBACK:
        if (!ok(mqtt_read_ack(packet, c->front.version, &a, &reason)) || a.id == 0 || a.id > NUMBERS) fault(s, "an answer nobody can read");
        else if (a.reason < 0x80) c->acked[a.id - 1] = true, s->acks++;
        else c->refused[a.id - 1] = true;
        break;
    }
}

static void client_receive(struct sim *s, struct client *c, int i)
{
    while (c->link && pipe_take(&c->down, &c->client_in)) {
        enum mqtt_type type;
        size_t n;
        while (ok(mqtt_frame(buffer_view(&c->client_in), 2000000, &type, &n)) && n <= c->client_in.n) {
            client_packet(s, c, i, bytes_of(c->client_in.at, n));
            buffer_drop(&c->client_in, n);
        }
    }
    if (c->link && c->closing && c->down.n == 0) line_down(s, c, false);
}

/* ---- the server's turn ---- */

static void server_receive(struct sim *s, struct client *c)
{
    struct buffer answer = BUFFER(4096);
    while (c->link && !c->closing && pipe_take(&c->up, &c->server_in)) {
        struct front_step step = { 0 };
        while (c->link && !c->closing && (step = front_mqtt(&c->front, buffer_view(&c->server_in), &answer)).does == FRONT_FORWARD) {
            outcome o = exchange_packet(s->exchange, c->link, bytes_of(c->server_in.at, step.n));
            buffer_drop(&c->server_in, step.n);
            if (!ok(o)) c->closing = true;
        }
        if (step.does == FRONT_REFUSE) fault(s, "the framing refused a good packet");
    }
    buffer_deinit(&answer);
}

static void server_turn(struct sim *s)
{
    for (int i = 0; i < CLIENTS; i++) server_receive(s, &s->clients[i]);
    (void)exchange_turn(s->exchange);
    (void)ledger_turn(s->ledger, port_mono_ms(), false);
    if (draw(&s->d, 3)) (void)sim_record_step(s->ledger); /* the disk is slow at times */
    if (port_mono_ms() - s->published_ms > 1000 && ok(ledger_health(s->ledger))) publish_head(s, 500);
    exchange_durable(s->exchange, ledger_durable(s->ledger));
}

/* ---- what goes wrong ---- */

static void crash(struct sim *s, bool power)
{
    sim_fail(0);
    s->fail_until_ms = 0;
    stop(s);
    if (power) sim_cut(draw(&s->d, UINT64_MAX));
    else sim_kill();
    s->cuts++;
    start(s);
    if (!s->wrong) judge_record(s);
}

static void revoke(struct sim *s, int i)
{
    if (s->clients[i].revoked) return;
    s->clients[i].revoked = true;
    char json[256];
    snprintf(json, sizeof json, "{\"id\":\"%s\",\"what\":\"trust\",\"from\":\"attested\",\"event\":\"revoke\",\"to\":\"revoked\",\"why\":\"t\",\"by\":\"t\"}", ids[i][0]);
    apply(s, ENTRY_LIFE, json);
    exchange_rejudge(s->exchange);
}

static void misfortune(struct sim *s)
{
    int i = (int)draw(&s->d, CLIENTS);
    switch (draw(&s->d, 12)) {
    case 0: crash(s, true); break;
    case 1: crash(s, false); break;
    case 2: sim_clock((int64_t)draw(&s->d, 2 * 86400000) - 86400000, 0); break;
    case 3: sim_clock(5000, 5000); break;
    case 4:
    case 5:
        sim_fail(1 + draw(&s->d, 6));
        s->fail_until_ms = port_mono_ms() + (int64_t)draw(&s->d, 2000);
        break;
    case 6:
        if (draw(&s->d, 6) == 0) revoke(s, PUBLISHERS + 1);
        break;
    default: line_down(s, &s->clients[i], true);
    }
}

static void step(struct sim *s)
{
    int64_t ms = (int64_t)draw(&s->d, 12);
    sim_clock(ms, ms);
    if (s->fail_until_ms && port_mono_ms() > s->fail_until_ms) {
        sim_fail(0);
        s->fail_until_ms = 0;
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &s->clients[i];
        if (!c->link && !c->revoked && draw(&s->d, 8) == 0) client_connect(s, c, i);
        if (c->link) client_receive(s, c, i);
        if (c->link && c->greeted && i < PUBLISHERS && draw(&s->d, 2)) client_publish(s, c, i);
    }
    server_turn(s);
    if (draw(&s->d, 60) == 0) misfortune(s);
}

/* At the end all misfortune ends: everything is delivered and acknowledged, the last restart judged. */
static void settle(struct sim *s)
{
    sim_fail(0);
    for (int k = 0; k < 400; k++) {
        sim_clock(20, 20);
        for (int i = 0; i < CLIENTS; i++) client_receive(s, &s->clients[i], i);
        server_turn(s);
        (void)sim_record_step(s->ledger);
    }
    if (!ok(ledger_sync(s->ledger))) fault(s, "it does not recover when the disk is good again");
    crash(s, true);
}

static const char *run(uint64_t seed, struct key *key, unsigned *ret_acks)
{
    struct sim s = { .seed = seed, .d = { seed }, .key = key, .scratch = BUFFER(1u << 20) };
    s.clients = calloc(CLIENTS, sizeof *s.clients);
    for (int i = 0; i < CLIENTS; i++) s.clients[i].server_in = s.clients[i].client_in = BUFFER(1u << 20);
    sim_reset(seed);
    if (!ok(sim_record_make("/s/ledger", "sim.example", key, 16384))) abort();
    start(&s);
    publish_head(&s, 0);
    sim_log_free(sim_take());
    for (int k = 0; k < STEPS && !s.wrong; k++) step(&s);
    if (!s.wrong) settle(&s);
    stop(&s);
    for (int i = 0; i < CLIENTS; i++) {
        buffer_deinit(&s.clients[i].server_in);
        buffer_deinit(&s.clients[i].client_in);
    }
    free(s.clients);
    buffer_deinit(&s.scratch);
    *ret_acks += s.acks;
    return s.wrong;
}

int main(void)
{
    const char *one = getenv("SEED"), *release = getenv("RELEASE"), *seconds = getenv("SIM_SECONDS");
    struct key *key;
    unsigned acks = 0;
    size_t seeds = 0, wrong = 0;
    uint64_t seed = one && *one ? strtoull(one, NULL, 10) : FIRST_SEED;
    time_t end = time(NULL) + (seconds ? atoi(seconds) : SECONDS);
    if (one && !*one) one = NULL;
    if (!ok(key_new(KEY_ED25519, &key))) return 1;
    do {
        const char *what = run(seed, key, &acks);
        seeds++;
        wrong += what != NULL;
        if (what) printf("# again with: make sim SEED=%llu\n", (unsigned long long)seed);
        seed++;
    } while (!one && wrong < 5 && (release ? seeds < SEEDS_RELEASE : time(NULL) < end));
    printf("# %zu seeds, %u messages acknowledged\n", seeds, acks);
    CHECK(acks > 0);
    CHECK(wrong == 0);
    key_free(key);
    return TEST_END;
}
