/* The k-th allocation of a whole core fails (R5, N58), for every k, alone and with the nine after it: start, gate's channel, connect, subscribe, publish at
 * QoS 1 and 2 to recorded streams, a retained message, a subscriber that goes away, a kill and the start after it, a QoS 2
 * exchange taken up again. Real core, ledger, keys and rings on the simulation's disk; the test is the gate. Whatever k:
 * no crash, no leak (run under ASan), and after the next start what was acknowledged is in the record once where that was
 * said, is delivered to who was promised it, and the site goes on. RELEASE=1 takes every k, else K_STEP lies between them. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/port/pass.h"
#include "base/test.h"
#include "core_sim.h"
#include "ledger/data.h"
#include "ledger/verify.h"
#include "port_sim.h"
#include "record_sim.h"

enum { DEVICE = 1, VIEWER, LINKS, NUMBERS = 8, STATE = 6, K_STEP = 13, IN_BYTES = 1 << 18 };
enum packet { CONNECT_DEVICE, CONNECT_VIEWER, SUBSCRIBE, RELEASE_2, RELEASE_5, PUBLISH_FIRST, PACKETS = PUBLISH_FIRST + NUMBERS };

/* Made before anything fails: the test allocates nothing while it counts. */
static uint8_t packets[PACKETS][256];
static size_t packets_n[PACKETS];
static uint8_t room[RING_RECORD_MAX];

struct world {
    struct core core;
    struct channel gate;
    bool open;
    uint32_t link[LINKS];     /* 0: not connected */
    unsigned serial;
    struct { uint8_t at[IN_BYTES]; size_t n; } in[LINKS];
    bool greeted[LINKS], asked; /* asked: the viewer's subscription was granted */
    bool acked[NUMBERS], due[NUMBERS], seen[NUMBERS], completed[NUMBERS];
};

/* ---- packets ---- */

static void keep(enum packet p, struct buffer *b)
{
    assert(b->n <= sizeof packets[p]);
    memcpy(packets[p], b->at, packets_n[p] = b->n);
    buffer_deinit(b);
}

static uint8_t qos_of(unsigned n)
{
    return n == 2 || n == 5 ? 2 : 1;
}

static void packets_make(void)
{
    static struct mqtt_connect c[2] = { { .version = 5, .client_id = BYTES_LIT("gw-1") }, { .version = 5, .client_id = BYTES_LIT("v-1") } };
    static struct mqtt_subscribe s = { .id = 9, .n = 2, .rows = { { .filter = BYTES_LIT("sk/v1/s/+/m/#"), .qos = 2 }, { .filter = BYTES_LIT("sk/v1/s/+/s/#"), .qos = 1 } } };
    for (unsigned i = 0; i < 2; i++) {
        struct buffer b = BUFFER(256);
        c[i].properties.has = UINT64_C(1) << MQTT_HAS_session_expiry_s;
        c[i].properties.session_expiry_s = 3600;
        CHECK_OK(mqtt_write_connect(&c[i], &b));
        keep(i ? CONNECT_VIEWER : CONNECT_DEVICE, &b);
        struct mqtt_ack a;
        mqtt_ack_begin(&a, i ? 5 : 2, 0);
        b = BUFFER(256);
        CHECK_OK(mqtt_write_ack(5, MQTT_PUBREL, &a, &b));
        keep(i ? RELEASE_5 : RELEASE_2, &b);
    }
    struct buffer b = BUFFER(256);
    CHECK_OK(mqtt_write_subscribe(5, &s, &b));
    keep(SUBSCRIBE, &b);
    for (unsigned n = 0; n < NUMBERS; n++) {
        struct mqtt_publish m;
        char payload[8];
        mqtt_publish_begin(&m);
        snprintf(payload, sizeof payload, "%u", n);
        m.qos = qos_of(n);
        m.id = (uint16_t)(n ? n : 99);
        m.retain = n == STATE;
        m.topic = n == STATE ? BYTES_LIT("sk/v1/s/gw-1/s/mode") : BYTES_LIT("sk/v1/s/gw-1/m/flow");
        m.payload = bytes_str(payload);
        b = BUFFER(256);
        CHECK_OK(mqtt_write_publish(5, &m, &b));
        keep((enum packet)(PUBLISH_FIRST + n), &b);
    }
}

/* ---- the gate's side ---- */

static void gate_put(struct world *w, struct bytes record)
{
    if (!w->gate.memory || !ok(ring_put(&w->gate.put, &record, 1))) return;
    ring_flush(&w->gate.put);
}

static void gate_record(struct world *w, enum link_kind kind, uint32_t link, struct bytes body)
{
    uint8_t record[512];
    struct out o = out_of(record, sizeof record);
    link_put_head(&o, kind, link);
    put(&o, body);
    gate_put(w, out_view(&o));
}

static void heard_publish(struct world *w, struct bytes packet)
{
    static struct mqtt_publish m;
    uint8_t reason;
    if (!ok(mqtt_read_publish(packet, 5, &m, &reason)) || m.payload.n != 1) return;
    unsigned n = (unsigned)(m.payload.at[0] - '0');
    if (n < NUMBERS) w->seen[n] = true;
}

static void heard_ack(struct world *w, enum mqtt_type type, struct bytes packet)
{
    static struct mqtt_ack a;
    uint8_t reason;
    if (!ok(mqtt_read_ack(packet, 5, &a, &reason)) || a.id >= NUMBERS || a.reason >= 0x80) return;
    if (type == MQTT_PUBCOMP) w->completed[a.id] = true;
    else if (!w->acked[a.id]) w->acked[a.id] = true, w->due[a.id] = w->asked;
}

static void heard(struct world *w, unsigned who, struct bytes packet)
{
    uint8_t reason, codes[4];
    uint16_t id;
    size_t n;
    enum mqtt_type type = (enum mqtt_type)(packet.at[0] >> 4);
    if (type == MQTT_CONNACK) w->greeted[who] = packet.n > 3 && packet.at[3] == 0;
    else if (type == MQTT_PUBLISH) heard_publish(w, packet);
    else if (type == MQTT_SUBACK) w->asked |= ok(mqtt_read_suback(packet, 5, &id, codes, sizeof codes, &n, &reason)) && n == 2 && codes[0] < 3 && codes[1] < 3;
    else if (who == DEVICE && (type == MQTT_PUBACK || type == MQTT_PUBREC || type == MQTT_PUBCOMP)) heard_ack(w, type, packet);
}

static void gate_hears(struct world *w, uint32_t link, struct bytes body)
{
    for (unsigned who = 1; who < LINKS; who++) {
        if (w->link[who] != link || w->in[who].n + body.n > IN_BYTES) continue;
        memcpy(w->in[who].at + w->in[who].n, body.at, body.n);
        w->in[who].n += body.n;
        enum mqtt_type type;
        size_t n, from = 0;
        while (ok(mqtt_frame(bytes_of(w->in[who].at + from, w->in[who].n - from), 1 << 20, &type, &n)) && n <= w->in[who].n - from) {
            heard(w, who, bytes_of(w->in[who].at + from, n));
            from += n;
        }
        memmove(w->in[who].at, w->in[who].at + from, w->in[who].n -= from);
    }
}

static void gate_take(struct world *w)
{
    for (;;) {
        struct out o = out_of(room, sizeof room);
        if (!w->gate.memory || !ok(ring_take(&w->gate.get, &o))) return;
        struct bytes in = out_view(&o);
        enum link_kind kind;
        uint32_t link;
        if (!ok(link_take_head(&in, &kind, &link))) abort();
        for (unsigned who = 1; kind == LINK_CLOSE && who < LINKS; who++)
            if (w->link[who] == link) w->link[who] = 0;
        if (kind == LINK_SEND && in.n) gate_hears(w, link, in);
    }
}

/* ---- the core's turn ---- */

static void turn(struct world *w)
{
    struct core *c = &w->core;
    if (!w->open) return;
    if (channel_is_open(&c->gate.end)) {
        outcome o = links_drain(c);
        if (!ok(o) && o.code != E_AGAIN) links_lost(c, "malformed");
    }
    sim_clock(20, 20);
    (void)core_due(c);
    while (sim_record_step(c->ledger)) { }
    (void)core_due(c);
    gate_take(w);
}

static bool start(struct world *w)
{
    int ours[CHANNEL_FDS] = { -1, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) }, theirs[CHANNEL_FDS];
    memset(w->link, 0, sizeof w->link);
    memset(w->greeted, 0, sizeof w->greeted);
    memset(w->in, 0, sizeof w->in);
    w->gate = CHANNEL_NONE;
    w->open = ok(core_sim_open(&w->core));
    if (!ok(port_shared_memory(channel_bytes(), &ours[0]))) abort();
    for (int i = 0; i < CHANNEL_FDS; i++) theirs[i] = dup(ours[i]);
    if (!ok(channel_open(&w->gate, ours, CHANNEL_GATE))) abort();
    bool attached = w->open && ok(links_attach(&w->core, theirs));
    if (!w->open) for (int i = 0; i < CHANNEL_FDS; i++) close(theirs[i]);
    turn(w);
    return attached;
}

/* As kill -9 leaves it. */
static void end(struct world *w)
{
    core_sim_close(&w->core);
    channel_close(&w->gate);
    sim_kill();
    w->open = false;
}

static void up(struct world *w, unsigned who)
{
    uint8_t record[512];
    struct out o = out_of(record, sizeof record);
    struct link_up u = { .listener = LISTENER_MQTT, .source = "192.0.2.9", .has_certificate = true, .serial_n = 1,
        .not_after_ms = INT64_MAX / 2, .tls_version = 0x0304 };
    memset(u.key_hash, (int)who, sizeof u.key_hash);
    w->link[who] = ++w->serial;
    w->in[who].n = 0;
    link_put_up(&o, w->link[who], &u);
    gate_put(w, out_view(&o));
}

static void say(struct world *w, unsigned who, enum packet p)
{
    if (w->link[who]) gate_record(w, LINK_DATA, w->link[who], bytes_of(packets[p], packets_n[p]));
    turn(w);
}

static void come(struct world *w, unsigned who)
{
    up(w, who);
    turn(w);
    say(w, who, who == DEVICE ? CONNECT_DEVICE : CONNECT_VIEWER);
}

static void leave(struct world *w, unsigned who)
{
    static const uint8_t lost[1] = { LINK_END_PEER };
    if (w->link[who]) gate_record(w, LINK_DOWN, w->link[who], bytes_of(lost, 1));
    w->link[who] = 0;
    turn(w);
}

static void publish(struct world *w, unsigned n)
{
    say(w, DEVICE, (enum packet)(PUBLISH_FIRST + n));
}

static void story(struct world *w)
{
    (void)start(w);
    come(w, DEVICE);
    come(w, VIEWER);
    say(w, VIEWER, SUBSCRIBE);
    publish(w, 1);
    publish(w, 2);
    say(w, DEVICE, RELEASE_2);
    publish(w, STATE);
    leave(w, VIEWER);
    publish(w, 3);
    publish(w, 4);
    publish(w, 5); /* QoS 2, not released before the kill */
    end(w);
    (void)start(w);
    come(w, DEVICE);
    come(w, VIEWER);
    publish(w, 5);
    say(w, DEVICE, RELEASE_5);
    publish(w, 7);
    end(w);
}

/* ---- what must hold ---- */

struct counted {
    struct core *c;
    unsigned n[NUMBERS];
};

static outcome count(void *ctx, const struct ledger_entry *e)
{
    struct counted *k = ctx;
    struct data d;
    if (e->erased || e->pruned || !ok(data_read(e->payload, &d)) || d.payload.n != 1) return DONE;
    unsigned n = (unsigned)(d.payload.at[0] - '0');
    if (n < NUMBERS) k->n[n]++;
    return DONE;
}

static void say_finding(void *ctx, const struct verify_finding *f)
{
    (void)ctx;
    printf("# %s %s:%llu %s\n", code_word(f->code), f->file, (unsigned long long)f->offset, f->what);
}

static const char *judge(struct world *w)
{
    struct counted k = { .c = &w->core };
    struct verify_result r;
    if (!start(w)) return "it does not start";
    if (!ok(ledger_scan(w->core.ledger, 0, CLASS_DATA, count, &k))) return "the record cannot be read";
    for (unsigned n = 1; n < NUMBERS; n++) {
        if (w->acked[n] && k.n[n] == 0) return "an acknowledged message is not in the record";
        if (qos_of(n) == 2 && k.n[n] > 1) return "a message of QoS 2 is there twice";
    }
    come(w, DEVICE);
    come(w, VIEWER);
    turn(w);
    if (!w->greeted[DEVICE] || !w->greeted[VIEWER]) return "it lets nobody in";
    for (unsigned n = 1; n < NUMBERS; n++)
        if (w->due[n] && !w->seen[n]) return "an acknowledged message does not reach who was promised it";
    say(w, VIEWER, SUBSCRIBE);
    if (w->acked[STATE] && !w->seen[STATE]) return "the retained message is gone";
    w->acked[0] = w->seen[0] = false;
    publish(w, 7);
    if (!w->acked[7] || !w->seen[7]) return "it does not go on";
    if (!ok(ledger_verify("/s/ledger", "", say_finding, NULL, &r))) return "the record cannot be verified";
    return r.findings ? "the record does not verify" : NULL;
}

static void identity(struct core *c, unsigned who, enum role role, const char *id)
{
    struct arena a = ARENA(1 << 16);
    struct identity i = { .role = role, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED, .has_key = true, .not_after_ms = INT64_MAX / 2 };
    snprintf(i.id, sizeof i.id, "%s", id);
    memset(i.key_hash, (int)who, sizeof i.key_hash);
    CHECK_OK(core_write(c, ENTRY_IDENTITY, registry_doc_identity(&a, &i), true));
    arena_deinit(&a);
}

static void stream(struct core *c, const char *name, const char *pattern)
{
    struct arena a = ARENA(1 << 16);
    struct stream s = { .label = "internal", .recorded = true };
    snprintf(s.name, sizeof s.name, "%s", name);
    snprintf(s.pattern, sizeof s.pattern, "%s", pattern);
    CHECK_OK(core_write(c, ENTRY_STREAM, registry_doc_stream(&a, &s), true));
    arena_deinit(&a);
}

/* The disk every k begins with: the base of the log this returns. */
static struct sim_log *site(struct world *w)
{
    sim_reset(3);
    CHECK_OK(core_sim_make());
    CHECK_OK(core_sim_open(&w->core));
    identity(&w->core, DEVICE, ROLE_DEVICE, "gw-1");
    identity(&w->core, VIEWER, ROLE_VIEWER, "v-1");
    stream(&w->core, "flow", "sk/v1/s/+/m/flow");
    stream(&w->core, "mode", "sk/v1/s/+/s/mode");
    core_sim_close(&w->core);
    sim_kill();
    sim_log_free(sim_take());
    return sim_take();
}

struct fault {
    uint64_t k, n; /* n allocations from the k-th on are refused; k 0: none */
};

/* How many allocations the story made. */
static uint64_t round_of(struct world *w, const struct sim_log *disk, struct fault f, const char **ret_wrong)
{
    memset(w, 0, sizeof *w);
    sim_build(disk, 0, 0);
    (void)mem_count();
    mem_fail_run(f.k, f.n);
    story(w);
    mem_fail_at(0);
    uint64_t used = mem_count();
    *ret_wrong = judge(w);
    end(w);
    sim_log_free(sim_take());
    return used;
}

static void test_all(struct world *w, const struct sim_log *disk, uint64_t all, uint64_t n)
{
    uint64_t step = getenv("RELEASE") ? 1 : K_STEP, tried = 0, bad = 0;
    const char *wrong;
    for (uint64_t k = n > 1 ? 2 : 1; k <= all; k += step, tried++) {
        (void)round_of(w, disk, (struct fault) { k, n }, &wrong);
        if (wrong) printf("# %llu allocations fail from the %llu. on: %s\n", (unsigned long long)n, (unsigned long long)k, wrong);
        bad += wrong != NULL;
    }
    printf("# of %llu allocations %llu failed in turn, each with the %llu after it\n", (unsigned long long)all, (unsigned long long)tried, (unsigned long long)(n - 1));
    CHECK(tried > 20 && bad == 0);
}

int main(void)
{
    struct world *w = calloc(1, sizeof *w);
    const char *wrong = NULL;
    unsigned acked = 0, due = 0;
    packets_make();
    struct sim_log *disk = site(w);
    uint64_t all = round_of(w, disk, (struct fault) { 0, 0 }, &wrong);
    for (unsigned n = 1; n < NUMBERS; n++) acked += w->acked[n], due += w->due[n];
    printf("# %llu allocations; %u acknowledged, %u of them due to the subscriber%s%s\n", (unsigned long long)all, acked, due, wrong ? "; " : "", wrong ? wrong : "");
    CHECK(!wrong && acked == NUMBERS - 1 && due == NUMBERS - 1 && w->completed[2] && w->completed[5]);
    test_all(w, disk, all, 1);
    test_all(w, disk, all, 10);
    sim_log_free(disk);
    free(w);
    return TEST_END;
}
