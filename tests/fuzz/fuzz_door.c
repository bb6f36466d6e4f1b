/* Whoever holds an agreed peer's key may send anything on the peers' door: the input is what it sends, packet by packet as the gate
 * frames it. Whatever comes, only what is agreed and passes its schema is recorded, in the peer's own name; only the agreed topic
 * leaves, reduced; nothing is acknowledged that is not recorded; a packet that is refused ends the link and no more. */
#include <stdio.h>

#include "fuzz.h"
#include "node/peers.h"
#include "tests/sim/port_sim.h"

#define HERE "sk/v1/s/peer-far/m/demand"
#define LEVEL "sk/v1/s/dev/m/level"
enum { DEVICE_LINK = 1, DOOR_LINK = 2, WINDOW = 64 };
static const char agreement[] = "{\"schema\":\"sekimori-agreement/1\",\"site\":\"s\",\"id\":\"far\",\"name_ja\":\"x\",\"name_en\":\"x\",\"contact\":\"x\",\"boundary\":\"x\","
    "\"retention\":\"x\",\"until\":\"2099-01-01T00:00:00Z\",\"dwell_s\":1,\"link\":{\"listen\":true,\"client_ca\":\"-----BEGIN CERTIFICATE-----\","
    "\"client_key\":\"0000000000000000000000000000000000000000000000000000000000000000\"},\"standing\":{\"claimed\":2000,\"class_default\":2000,\"vouched\":\"none\"},"
    "\"flows\":[{\"id\":\"demand\",\"direction\":\"in\",\"local\":\"" HERE "\",\"remote\":\"far/demand\",\"label\":\"internal\",\"purpose\":\"x\",\"quota\":{\"per_minute\":6000,"
    "\"bytes\":200},\"stages\":{\"schema\":{\"v\":{\"from\":0,\"to\":1000}}},\"risk\":{\"effect\":\"degrade\",\"loss_yen\":39060064,\"tolerance_yen\":500000,\"fallback\":\"all-stages\"}},"
    "{\"id\":\"level\",\"direction\":\"out\",\"local\":\"" LEVEL "\",\"remote\":\"in/level\",\"label\":\"internal\",\"purpose\":\"x\",\"quota\":{\"per_minute\":6000,\"bytes\":200},"
    "\"stages\":{\"reduce\":{\"keep\":[\"v\"]}},\"risk\":{\"loss_yen\":300000,\"tolerance_yen\":500000,\"fallback\":\"all-stages\"}}]}";

static struct { struct core core; unsigned recorded, taken, good; bool closed; } w;

/* ---- core, beside its peers ---- */

int64_t core_wall(struct core *c) { return (void)c, port_wall_ms(); }
void core_audit(struct core *c, const char *what, ...) { (void)c, (void)what; }
void core_counted(struct core *c, const char *reason, const char *source, const char *detail, uint64_t count) { (void)c, (void)reason, (void)source, (void)count; HOLDS(bytes_is_utf8(bytes_str(detail))); }
void core_fact(struct core *c, const char *control, const char *asset, enum fact_result r, enum fact_method m, bool confirmed, const char *d) { (void)c, (void)control, (void)asset, (void)m, (void)confirmed, (void)d; HOLDS(r == FACT_PASS); }
void service_event(struct service *s, const char *event, const struct doc *d) { (void)s, (void)event, (void)d; }
void links_peers(struct core *c) { (void)c; }
void link_idle(struct core *c, uint32_t link, uint32_t idle_ms) { (void)c, (void)link; HOLDS(idle_ms > 0 && idle_ms <= 180000); }
void link_close(struct core *c, uint32_t link) { (void)c, (void)link, w.closed = true; }
void witness_shown(struct core *c, const char *by, uint64_t size, const struct hash *root) { (void)c, (void)by, (void)size, (void)root; }
outcome seal_statement(struct core *c, const struct seal_statement *s, struct buffer *p, uint8_t signature[64]) { return (void)c, (void)s, (void)p, (void)signature, REFUSE(E_UNSUPPORTED); }
struct doc *assurance_status(struct assurance *a, struct arena *arena, int64_t now_ms) { return (void)a, (void)arena, (void)now_ms, NULL; }
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
    (void)durable;
    return registry_apply(c->registry, kind, d, port_wall_ms());
}

void link_send(struct core *c, uint32_t link, struct bytes b)
{
    struct mqtt_publish m;
    struct mqtt_ack a;
    uint8_t reason;
    (void)c;
    HOLDS(link == DOOR_LINK && b.n >= 2);
    switch (b.at[0] >> 4) {
    case MQTT_PUBLISH:
        HOLDS(ok(mqtt_read_publish(b, 5, &m, &reason)) && bytes_equal_str(m.topic, "in/level") && bytes_equal_str(m.payload, "{\"v\":1}"));
        return;
    case MQTT_PUBACK:
        HOLDS(ok(mqtt_read_ack(b, 5, &a, &reason)));
        w.taken += a.reason < 0x80;
        HOLDS(w.taken <= w.recorded);
        return;
    default: HOLDS(b.at[0] >> 4 == MQTT_CONNACK || b.at[0] >> 4 == MQTT_SUBACK || b.at[0] >> 4 == MQTT_PINGRESP);
    }
}

/* ---- the exchange's port ---- */

static void x_send(void *ctx, uint32_t link, struct bytes packet)
{
    if (peers_link(link)) peers_packet(ctx, link, packet);
}
static void x_close(void *ctx, uint32_t link)
{
    if (peers_link(link)) peers_closed(ctx, link);
}
static void x_idle(void *ctx, uint32_t link, uint32_t idle_ms) { (void)ctx, (void)link, (void)idle_ms; }
static outcome x_record(void *ctx, const struct message *m, const struct stream *stream, uint64_t *ret_index)
{
    struct flat f;
    const struct flat_member *v;
    (void)ctx;
    if (!stream || !m->from) return REFUSE(E_UNSUPPORTED);
    *ret_index = w.recorded;
    w.recorded++;
    if (strcmp(m->from->id, "dev") == 0) return w.taken++, DONE; /* our own: acknowledged to the device, not here */
    HOLDS(strcmp(m->from->id, "peer-far") == 0 && bytes_equal_str(m->topic, HERE) && ok(flat_read(m->payload, &f)) && f.n == 1);
    v = flat_get(&f, "v");
    HOLDS(v && v->numeric && v->milli >= 0 && v->milli <= 1000000);
    w.good++;
    return DONE;
}
static void x_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h) { (void)ctx, (void)what, (void)m, (void)v, (void)h; }
static int64_t x_mono(void *ctx) { return (void)ctx, port_mono_ms(); }
static int64_t x_wall(void *ctx) { return (void)ctx, port_wall_ms(); }
static outcome x_session(void *ctx, const struct doc *d, uint64_t *ret_index) { return (void)ctx, (void)d, *ret_index = w.recorded, DONE; }
static outcome x_read(void *ctx, uint64_t index, struct recorded *ret) { return (void)ctx, (void)index, (void)ret, REFUSE(E_UNKNOWN); }

/* ---- a site ---- */

static void apply(struct core *c, unsigned kind, const char *json)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    HOLDS(ok(doc_read_json(bytes_str(json), &a, &d)) && ok(registry_apply(c->registry, kind, d, 0)));
    arena_deinit(&a);
}

static void device(struct core *c)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_connect m = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("dev") };
    HOLDS(ok(exchange_up(c->exchange, DEVICE_LINK, registry_identity(c->registry, "dev"))) && ok(mqtt_write_connect(&m, &b)));
    HOLDS(ok(exchange_packet(c->exchange, DEVICE_LINK, buffer_view(&b))));
    buffer_deinit(&b);
}

static void reading(struct core *c, uint16_t id)
{
    struct buffer b = BUFFER(4096);
    struct mqtt_publish m = { .qos = 1, .id = id, .topic = BYTES_LIT(LEVEL), .payload = BYTES_LIT("{\"v\":1,\"who\":\"x\"}") };
    HOLDS(ok(mqtt_write_publish(5, &m, &b)) && ok(exchange_packet(c->exchange, DEVICE_LINK, buffer_view(&b))));
    buffer_deinit(&b);
}

static void turn(struct core *c)
{
    sim_clock(10, 10);
    (void)exchange_turn(c->exchange);
    exchange_durable(c->exchange, w.recorded);
    (void)peers_turn(c, port_mono_ms());
}

static void begin(struct core *c)
{
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    struct exchange_port port = { c, x_send, x_close, x_idle, x_record, x_tell, x_mono, x_wall, x_session, x_read, NULL, NULL, NULL };
    char why[ASSURANCE_WHY] = "";
    bounds.sessions = bounds.subscriptions = bounds.retained = 100;
    memset(&w, 0, sizeof w);
    sim_reset(1);
    c->control_fd = -1;
    snprintf(c->config.site, sizeof c->config.site, "s");
    snprintf(c->state, sizeof c->state, "/s");
    HOLDS(ok(registry_new(&c->registry)) && ok(port_dir_make("/s", 0700)) && ok(port_dir_make("/s/core", 0700)));
    apply(c, ENTRY_IDENTITY, "{\"id\":\"dev\",\"role\":\"device\",\"life\":\"enrolled\",\"trust\":\"attested\"}");
    apply(c, ENTRY_STREAM, "{\"name\":\"m\",\"pattern\":\"sk/v1/s/+/m/#\",\"recorded\":true,\"label\":\"internal\"}");
    c->access = (struct access) { .registry = c->registry, .site = "s" };
    HOLDS(ok(exchange_new(&c->access, &port, &bounds, &c->exchange)) && ok(peers_start(c)));
    device(c);
    HOLDS(ok(core_agreement(c, bytes_str(agreement), "owners", why)));
    turn(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t key[32], other[32] = { 1 };
    struct core *c = &w.core;
    struct bytes in = bytes_of(data, n);
    enum mqtt_type type;
    size_t total;
    char id[ID_MAX];
    begin(c);
    HOLDS(!door_admit(c, DOOR_LINK, other, id) && door_admit(c, DOOR_LINK, key, id));
    for (uint16_t k = 1; in.n && ok(mqtt_frame(in, COURIER_PAYLOAD_MAX + 1024, &type, &total)) && total <= in.n; k++) {
        outcome o = door_packet(c, DOOR_LINK, bytes_of(in.at, total));
        in = bytes_of(in.at + total, in.n - total);
        if (k % 4 == 0) reading(c, k);
        turn(c);
        struct peer_live *p = peer_find(c, "far");
        HOLDS(p && p->door.untaken <= WINDOW + 1);
        if (ok(o) && !w.closed) continue;
        door_down(c, DOOR_LINK, "refused");
        w.closed = false;
        HOLDS(!p->up && door_admit(c, DOOR_LINK, key, id)); /* it may come again */
    }
    peers_close(c);
    exchange_free(c->exchange);
    registry_free(c->registry);
    buffer_deinit(&c->scratch);
    return 0;
}
