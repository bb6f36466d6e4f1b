/* The judgement and the path together, simulated: facts about four gateways, a signed decision that holds commands to
 * one that is not sound, the record and its disk, kills, power cuts, a disk that refuses, a clock that jumps. All of it
 * follows from one number: SEED=n shows a failing run again. Never:
 *   a command is delivered to a gateway that has been known unsound for more than a second; a command that was
 *   answered with a refusal or held is delivered, without release; a stop is withheld; a record that does not verify.
 * SIM_SECONDS bounds the run (10); RELEASE=1 runs 1,000 seeds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "assurance/story_test.h"
#include "ledger/verify.h"
#include "platform/exchange.h"
#include "port_sim.h"
#include "record_sim.h"

enum { GATEWAYS = 4, OPERATOR = GATEWAYS, CLIENTS, STEPS = 1200, NUMBERS = 4000, SEEDS_RELEASE = 1000, SECONDS = 10, IN_FORCE_MS = 1000 };
static const char *const ids[CLIENTS] = { "gw-01", "gw-02", "gw-03", "gw-04", "op" };

struct sim {
    uint64_t seed;
    struct draws d;
    struct key *key;              /* of the record */
    struct story story;           /* people's keys and pens, and the assurance there is now */
    struct ledger *ledger;
    struct registry *registry;
    struct access access;
    struct limits limits;
    struct exchange *exchange;
    struct steady clock;
    struct buffer scratch;
    bool sound[GATEWAYS];         /* in truth */
    int64_t told_ms[GATEWAYS];    /* mono: since when it is known unsound; 0: it is not */
    int64_t tell_at_ms[GATEWAYS]; /* mono: when it reports again; 0: nothing due */
    unsigned next;                /* command number, its PUBLISH id */
    bool refused[NUMBERS], stop[NUMBERS];
    unsigned delivered, withheld, restarts, stops;
    int64_t fail_until_ms;
    const char *wrong;
};

static void fault(struct sim *s, const char *what)
{
    if (!s->wrong) printf("# seed %llu: %s\n", (unsigned long long)s->seed, what);
    s->wrong = what;
}

static int64_t wall(struct sim *s)
{
    int64_t jump;
    return s->story.now = steady_look(&s->clock, port_wall_ms(), port_mono_ms(), &jump);
}

/* ---- ports ---- */

static unsigned number_of(struct bytes payload)
{
    char text[128];
    const char *at;
    if (!ok(bytes_to_text(payload, text, sizeof text)) || !(at = strstr(text, "\"n\":"))) return NUMBERS;
    return (unsigned)strtoul(at + 4, NULL, 10);
}

static void judge_delivery(struct sim *s, int gateway, struct bytes packet)
{
    struct mqtt_publish m;
    uint8_t reason;
    if (!ok(mqtt_read_publish(packet, 5, &m, &reason))) return;
    unsigned n = number_of(m.payload);
    if (n >= s->next) {
        fault(s, "a command nobody sent");
        return;
    }
    if (s->refused[n]) fault(s, "a command that was refused or held was delivered");
    if (s->stop[n]) s->stops++;
    else if (s->told_ms[gateway] && port_mono_ms() - s->told_ms[gateway] > IN_FORCE_MS)
        fault(s, "a command reached a gateway known unsound for more than a second");
    s->delivered++;
}

static void x_send(void *ctx, uint32_t link, struct bytes packet)
{
    struct sim *s = ctx;
    struct mqtt_ack a;
    uint8_t reason;
    if (packet.at[0] >> 4 == MQTT_PUBLISH && link <= GATEWAYS) judge_delivery(s, (int)link - 1, packet);
    if (packet.at[0] >> 4 != MQTT_PUBACK || !ok(mqtt_read_ack(packet, 5, &a, &reason)) || a.id == 0 || a.id > s->next) return;
    bool refused = a.reason >= 0x80;
    s->refused[a.id - 1] = refused;
    s->withheld += refused;
}

static void x_close(void *ctx, uint32_t link) { (void)ctx, (void)link; }
static void x_idle(void *ctx, uint32_t link, uint32_t idle_ms) { (void)ctx, (void)link, (void)idle_ms; }
static outcome x_record(void *ctx, const struct message *m, const struct stream *stream, uint64_t *ret_index)
{
    struct sim *s = ctx;
    (void)stream;
    return ledger_append(s->ledger, ENTRY_DATA, wall(s), m->payload, ret_index);
}
static void x_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h)
{
    (void)ctx, (void)what, (void)m, (void)v, (void)h;
}
static int64_t x_mono(void *ctx) { return (void)ctx, port_mono_ms(); }
static int64_t x_wall(void *ctx) { return wall(ctx); }

static outcome append(struct sim *s, unsigned kind, struct bytes json, bool durable)
{
    uint64_t index;
    TRY(ledger_append(s->ledger, (enum ledger_kind)kind, wall(s), json, &index));
    return durable ? ledger_sync(s->ledger) : DONE;
}

static outcome a_write(void *ctx, unsigned kind, const struct doc *d, bool durable)
{
    struct sim *s = ctx;
    struct buffer b = BUFFER(4u << 20);
    outcome o = doc_write_json(d, &b);
    if (ok(o)) o = append(s, kind, buffer_view(&b), durable);
    buffer_deinit(&b);
    return o;
}

static void a_limits(void *ctx, const struct limits *limits)
{
    struct sim *s = ctx;
    s->limits = *limits;
    s->access.limits = &s->limits;
    if (s->exchange) exchange_rejudge(s->exchange);
}

static void a_tell(void *ctx, const char *event, const struct doc *d) { (void)ctx, (void)event, (void)d; }

/* ---- start and stop ---- */

static void apply(struct sim *s, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    if (!ok(doc_read_json(bytes_str(json), &a, &d)) || !ok(registry_apply(s->registry, kind, d, 0))) abort();
    arena_deinit(&a);
}

static outcome replay(void *ctx, const struct ledger_entry *e)
{
    struct sim *s = ctx;
    return assurance_replay(s->story.a, e->kind, e->payload, e->at_ms);
}

static void connect_all(struct sim *s)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct buffer b = BUFFER(4096);
        struct mqtt_connect m = { .version = 5, .clean_start = true, .keep_alive_s = 0, .client_id = bytes_str(ids[i]) };
        struct mqtt_subscribe w = { .id = 1, .n = 1 };
        char filter[64];
        snprintf(filter, sizeof filter, "sk/v1/" SITE "/%s/cmd/#", ids[i]);
        w.rows[0].filter = bytes_str(filter);
        if (!ok(exchange_up(s->exchange, i + 1, registry_identity(s->registry, ids[i]))) || !ok(mqtt_write_connect(&m, &b))
            || !ok(exchange_packet(s->exchange, i + 1, buffer_view(&b))))
            abort();
        b.n = 0;
        if (i < GATEWAYS && (!ok(mqtt_write_subscribe(5, &w, &b)) || !ok(exchange_packet(s->exchange, i + 1, buffer_view(&b))))) abort();
        buffer_deinit(&b);
    }
}

static void open_platform(struct sim *s)
{
    char json[200];
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    struct exchange_port port = { s, x_send, x_close, x_idle, x_record, x_tell, x_mono, x_wall, NULL, NULL, NULL };
    bounds.sessions = bounds.subscriptions = bounds.retained = 100;
    if (!ok(registry_new(&s->registry))) abort();
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(json, sizeof json, "{\"id\":\"%s\",\"role\":\"%s\",\"life\":\"enrolled\",\"trust\":\"attested\"}", ids[i], i == OPERATOR ? "operator" : "device");
        apply(s, ENTRY_IDENTITY, json);
    }
    apply(s, ENTRY_STREAM, "{\"name\":\"command\",\"pattern\":\"" COMMANDS "\",\"command\":true,\"recorded\":true,\"safe\":[\"stop\"]}");
    s->access = (struct access) { .registry = s->registry, .site = SITE, .limits = &s->limits };
    if (!ok(exchange_new(&s->access, &port, &bounds, &s->exchange))) abort();
    connect_all(s);
}

/* As core does: replay, assets, start; every gateway is asked again. */
static void start(struct sim *s)
{
    struct assurance_port port = { s, a_write, a_limits, a_tell };
    if (!ok(sim_record_open("/s/ledger", &s->ledger)) || !ok(assurance_new(&port, &s->story.a))) {
        fault(s, "it does not start");
        return;
    }
    if (!ok(ledger_scan_linked(s->ledger, CLASS_CONTROL, replay, s))) fault(s, "the record is not replayed");
    for (int i = 0; i < GATEWAYS; i++) {
        if (!ok(assurance_asset(s->story.a, ids[i], "gateways", true))) abort();
        s->tell_at_ms[i] = port_mono_ms() + 1 + (int64_t)draw(&s->d, 500);
        s->told_ms[i] = 0; /* what nobody wrote in time is known again once it reports */
    }
    s->limits = (struct limits) { 0 };
    if (!ok(assurance_start(s->story.a, wall(s)))) fault(s, "assurance does not start");
    open_platform(s);
}

static void stop(struct sim *s)
{
    exchange_free(s->exchange);
    registry_free(s->registry);
    assurance_free(s->story.a);
    if (s->ledger) sim_record_drop(s->ledger);
    s->exchange = NULL;
    s->registry = NULL;
    s->story.a = NULL;
    s->ledger = NULL;
}

/* ---- what happens ---- */

static void report(struct sim *s, int i)
{
    s->tell_at_ms[i] = 0;
    (void)wall(s);
    story_fact(&s->story, "C8b", ids[i], s->sound[i] ? FACT_PASS : FACT_FAIL, s->sound[i] ? "good" : "firmware-mismatch");
    if (s->sound[i]) s->told_ms[i] = 0;
    else if (!s->told_ms[i]) s->told_ms[i] = port_mono_ms();
}

static void command(struct sim *s)
{
    char topic[64], payload[96];
    struct buffer b = BUFFER(4096);
    if (s->next >= NUMBERS) return;
    unsigned n = s->next++;
    s->stop[n] = draw(&s->d, 4) == 0;
    snprintf(topic, sizeof topic, "sk/v1/" SITE "/%s/cmd/pump", ids[draw(&s->d, GATEWAYS)]);
    snprintf(payload, sizeof payload, "{\"do\":\"%s\",\"n\":%u}", s->stop[n] ? "stop" : "start", n);
    struct mqtt_publish m = { .qos = 1, .id = (uint16_t)(n + 1), .topic = bytes_str(topic), .payload = bytes_str(payload) };
    unsigned stops = s->stops;
    bool healthy = ok(ledger_health(s->ledger));
    if (!ok(mqtt_write_publish(5, &m, &b)) || !ok(exchange_packet(s->exchange, OPERATOR + 1, buffer_view(&b)))) abort();
    if (s->stop[n] && healthy && s->stops == stops && !s->refused[n]) fault(s, "a stop was withheld");
    buffer_deinit(&b);
}

static void nobody(void *ctx, const struct verify_finding *f)
{
    (void)ctx;
    printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static void crash(struct sim *s, bool power)
{
    struct verify_result v;
    sim_fail(0);
    s->fail_until_ms = 0;
    stop(s);
    if (power) sim_cut(draw(&s->d, UINT64_MAX));
    else sim_kill();
    s->restarts++;
    start(s);
    if (!s->wrong && (!ok(ledger_verify("/s/ledger", "", nobody, s, &v)) || v.findings)) fault(s, "the record does not verify");
}

static void misfortune(struct sim *s)
{
    int i = (int)draw(&s->d, GATEWAYS);
    switch (draw(&s->d, 10)) {
    case 0: crash(s, true); break;
    case 1: crash(s, false); break;
    case 2: sim_clock((int64_t)draw(&s->d, 2 * MS_DAY) - MS_DAY, 0); break;
    case 3:
        sim_fail(1 + draw(&s->d, 6));
        s->fail_until_ms = port_mono_ms() + (int64_t)draw(&s->d, 2000);
        break;
    default:
        s->sound[i] = !s->sound[i];
        s->tell_at_ms[i] = port_mono_ms() + 1;
    }
}

static void step(struct sim *s)
{
    int64_t ms = (int64_t)draw(&s->d, 200), now;
    sim_clock(ms, ms);
    now = port_mono_ms();
    if (s->fail_until_ms && now > s->fail_until_ms) sim_fail(s->fail_until_ms = 0);
    for (int i = 0; i < GATEWAYS; i++)
        if (s->tell_at_ms[i] && now >= s->tell_at_ms[i]) report(s, i);
    (void)assurance_turn(s->story.a, wall(s));
    if (draw(&s->d, 2)) command(s);
    (void)exchange_turn(s->exchange);
    (void)ledger_turn(s->ledger, now, false);
    if (draw(&s->d, 3)) (void)sim_record_step(s->ledger);
    exchange_durable(s->exchange, ledger_durable(s->ledger));
    if (draw(&s->d, 40) == 0) misfortune(s);
}

/* Charter, model and decision, before anything may go wrong. */
static void found(struct sim *s)
{
    struct story *t = &s->story;
    story_charter(t);
    if (!ok(append(s, ENTRY_CHARTER, bytes_str(t->entries[0].json), true))) abort();
    if (!ok(assurance_start(t->a, wall(s)))) abort();
    for (int i = 0; i < GATEWAYS; i++) s->sound[i] = true, report(s, i);
    if (!ok(story_model_give(t, "3000万", KEYS(MO, AO)))) abort();
    for (int i = 0; i < GATEWAYS; i++) report(s, i);
    for (int k = 0; k < 10; k++) {
        sim_clock(500, 500);
        (void)assurance_turn(t->a, wall(s));
    }
    struct decision d = story_decision(t, "D-1", 30000000);
    d.loosen = DECISION_LOOSEN_AUTO;
    d.dwell_ms = 2000;
    if (!ok(story_decide(t, &d, KEYS(MO, AO, EX)))) {
        fprintf(stderr, "# %s\n", t->why);
        abort();
    }
    struct note n = { .origin = "sim.example" };
    struct buffer b = BUFFER(NOTE_BYTES_MAX);
    ledger_root(s->ledger, &n.size, &n.root);
    if (!ok(ledger_sync(s->ledger)) || !ok(note_make(&n, s->key, &b))) abort();
    (void)!ok(ledger_publish(s->ledger, buffer_view(&b), port_mono_ms(), 0));
    buffer_deinit(&b);
}

struct totals { unsigned delivered, withheld, restarts, stops; };

static const char *run(uint64_t seed, struct key *keys[], struct totals *t)
{
    struct sim *s = calloc(1, sizeof *s);
    struct assurance_port port = { s, a_write, a_limits, a_tell };
    *s = (struct sim) { .seed = seed, .d = { seed }, .key = keys[0], .scratch = BUFFER(1u << 20) };
    sim_reset(seed);
    (void)wall(s);
    for (size_t r = 0; r <= CHARTER_ROLES; r++) s->story.keys[r] = keys[r + 1];
    if (!ok(sim_record_make("/s/ledger", "sim.example", keys[0], 1u << 18)) || !ok(sim_record_open("/s/ledger", &s->ledger))
        || !ok(assurance_new(&port, &s->story.a)))
        abort();
    for (int i = 0; i < GATEWAYS; i++)
        if (!ok(assurance_asset(s->story.a, ids[i], "gateways", true))) abort();
    open_platform(s);
    found(s);
    sim_log_free(sim_take());
    for (int k = 0; k < STEPS && !s->wrong; k++) step(s);
    if (!s->wrong) crash(s, true);
    const char *wrong = s->wrong;
    *t = (struct totals) { t->delivered + s->delivered, t->withheld + s->withheld, t->restarts + s->restarts, t->stops + s->stops };
    stop(s);
    for (size_t i = 0; i < s->story.n; i++) mem_free(s->story.entries[i].json);
    mem_free(s->story.entries);
    buffer_deinit(&s->scratch);
    free(s);
    return wrong;
}

int main(void)
{
    const char *one = getenv("SEED"), *release = getenv("RELEASE"), *seconds = getenv("SIM_SECONDS");
    struct key *keys[CHARTER_ROLES + 2];
    struct totals t = { 0 };
    size_t seeds = 0, wrong = 0;
    if (one && !*one) one = NULL;
    uint64_t seed = one ? strtoull(one, NULL, 10) : 1;
    time_t end = time(NULL) + (seconds ? strtol(seconds, NULL, 10) : SECONDS);
    for (size_t i = 0; i < CHARTER_ROLES + 2; i++)
        if (!ok(key_new(i % 2 ? KEY_P256 : KEY_ED25519, &keys[i]))) return 1;
    do {
        const char *what = run(seed, keys, &t);
        seeds++;
        wrong += what != NULL;
        if (what) printf("# again with: make sim SEED=%llu\n", (unsigned long long)seed);
        seed++;
    } while (!one && wrong < 5 && (release ? seeds < SEEDS_RELEASE : time(NULL) < end));
    printf("# %zu seeds, %u commands delivered (%u stops), %u refused or held, %u restarts\n", seeds, t.delivered, t.stops, t.withheld, t.restarts);
    CHECK(wrong == 0);
    CHECK(one || (t.delivered > 100 && t.withheld > 100 && t.stops > 10));
    for (size_t i = 0; i < CHARTER_ROLES + 2; i++) key_free(keys[i]);
    return TEST_END;
}
