/* The exchange under several clients, a record that may refuse, a clock and crashes: the input is the story, one step
 * after the other. Whatever is told, nobody gets what breaks the standard, nothing is acknowledged before it is durable,
 * and nobody who keeps the rules gets a QoS 2 message twice. */
#include "platform/exchange_fixture.h"

#include "fuzz.h"

enum { PEERS = 6, IDS = 65536, MESSAGES = 4096 };

static const char *const who_of[PEERS] = { "gw-02", "gw-03", "op", "op2", "v", "gw-02" };
static const char *const name_of[PEERS] = { "gw-02", "gw-03", "op", "op2", "v", "gw-02/b" };
static const char *const topics[8] = { FLOW, "sk/v1/w/gw-02/m/x", STATE, PUMP, "sk/v1/w/gw-03/m/flow", "sk/v1/w/gw-02/a/low",
    "sk/v1/w/gw-02/cmd/pump/reply", "$SYS/x" };
static const char *const filters[8] = { "sk/v1/w/#", "sk/v1/w/+/m/flow", "$share/g/sk/v1/w/+/m/#", "$share/h/sk/v1/w/#",
    "sk/v1/w/gw-02/cmd/#", "sk/v1/w/+/s/#", "sk/v1/w/+/m/+", "#" };

struct peer { /* a client that keeps the rules of QoS 2 */
    bool held[IDS / 64]; /* identifiers received and not released; low ones only */
    uint8_t got[MESSAGES];
    uint16_t unanswered[64];
    uint8_t kind[64];
    size_t n;
    bool kept, shares; /* its session is one that lasts; has had shared subscriptions */
};

struct story {
    struct world *w;
    struct bytes in;
    struct peer peers[PEERS];
    uint16_t number;
    bool twice[MESSAGES]; /* published at QoS 2 of a recorded stream */
};

static uint8_t next(struct story *s)
{
    uint8_t v = 0;
    if (!ok(take_u8(&s->in, &v))) return 0;
    return v;
}

static void forget_peer(struct peer *p)
{
    *p = (struct peer) { 0 };
}

/* ---- what came out ---- */

static void owe(struct peer *p, uint16_t id, uint8_t kind)
{
    if (p->n == 64) return;
    p->unanswered[p->n] = id;
    p->kind[p->n++] = kind;
}

static void on_message(struct story *s, uint32_t link, struct bytes packet)
{
    struct peer *p = &s->peers[link];
    struct mqtt_publish m;
    uint8_t reason;
    unsigned number = 0;
    char text[16];
    HOLDS(ok(mqtt_read_publish(packet, s->w->version[link], &m, &reason)));
    HOLDS(m.properties.topic_alias <= 2 && (m.qos == 0) == (m.id == 0));
    HOLDS(m.topic.n || m.properties.topic_alias);
    if (m.qos) owe(p, m.id, m.qos);
    if (m.qos != 2 || m.id >= IDS / 64) return;
    bool known = p->held[m.id];
    p->held[m.id] = true;
    if (known || !ok(bytes_to_text(m.payload, text, sizeof text)) || sscanf(text, "n%u", &number) != 1) return;
    if (number >= MESSAGES || !s->twice[number] || !p->kept || p->shares || m.retain) return;
    HOLDS(p->got[number] == 0);
    p->got[number] = 1;
}

static void on_event(struct story *s, const struct event *e)
{
    struct bytes packet = bytes_of(e->at, e->n);
    enum mqtt_type type;
    size_t total;
    struct mqtt_ack a;
    uint8_t reason, version = s->w->version[e->link];
    HOLDS(ok(mqtt_frame(packet, SIZE_MAX, &type, &total)) && total == packet.n);
    if (type == MQTT_PUBLISH) on_message(s, e->link, packet);
    bool ack = (type >= MQTT_PUBACK && type <= MQTT_PUBCOMP) || type == MQTT_DISCONNECT || type == MQTT_AUTH;
    if (!ack) return;
    HOLDS(ok(mqtt_read_ack(packet, version, &a, &reason)));
    if (type == MQTT_PUBREL && a.id < IDS / 64) s->peers[e->link].held[a.id] = false;
    if (type == MQTT_PUBREL) owe(&s->peers[e->link], a.id, 3);
}

static void look(struct story *s)
{
    for (size_t i = 0; i < s->w->n; i++)
        if (s->w->events[i].type) on_event(s, &s->w->events[i]);
    w_forget(s->w);
}

/* ---- steps ---- */

static void connect_one(struct story *s, uint32_t link)
{
    uint8_t how = next(s);
    struct mqtt_connect c = { .version = how & 1 ? 5 : 4, .clean_start = how & 2, .client_id = bytes_str(name_of[link]) };
    c.properties.has = (how & 4 ? (uint64_t)1 << MQTT_HAS_session_expiry_s : 0) | (uint64_t)1 << MQTT_HAS_topic_alias_maximum
        | (uint64_t)1 << MQTT_HAS_receive_maximum;
    c.properties.session_expiry_s = how & 8 ? 5 : 100000;
    c.properties.topic_alias_maximum = how >> 4 & 3;
    c.properties.receive_maximum = (uint16_t)(1 + (how >> 6));
    c.has_will = how & 16;
    c.will_qos = how >> 5 & 1;
    c.will_topic = bytes_str(topics[how >> 5]);
    c.will_properties.has = (uint64_t)1 << MQTT_HAS_will_delay_s;
    c.will_properties.will_delay_s = how >> 6;
    exchange_down(s->w->x, link, how & 32);
    look(s);
    bool fresh = c.clean_start || !map_get(&s->w->x->clients, c.client_id);
    if (fresh) forget_peer(&s->peers[link]);
    s->peers[link].n = 0;
    s->peers[link].kept = c.version == 5 ? (how & 4) != 0 && !(how & 8) : !c.clean_start;
    (void)!ok(c_connect_with(s->w, link, who_of[link], &c));
    exchange_durable(s->w->x, s->w->records);
    if (!present(s->w, link)) forget_peer(&s->peers[link]), s->peers[link].kept = false; /* judged from its second link on */
}

static void publish_one(struct story *s, uint32_t link)
{
    uint8_t how = next(s);
    char payload[16];
    struct mqtt_publish p = { .qos = (uint8_t)(how % 3), .topic = bytes_str(topics[how >> 2 & 7]), .retain = how >> 7 };
    p.id = p.qos ? (uint16_t)(1 + next(s) % 6) : 0;
    s->number = (uint16_t)((s->number + 1) % MESSAGES);
    snprintf(payload, sizeof payload, "n%u", s->number);
    p.payload = bytes_str(how & 64 ? START : payload);
    bool again = p.qos == 2 && session_on(s->w->x, link) && receiving_find(session_on(s->w->x, link), p.id);
    s->twice[s->number] = p.qos == 2 && !again && strcmp(topics[how >> 2 & 7], FLOW) == 0 && !p.retain;
    for (int i = 0; i < PEERS; i++) s->peers[i].got[s->number] = 0;
    if (how & 32) {
        p.properties.has = (uint64_t)1 << MQTT_HAS_topic_alias;
        p.properties.topic_alias = (uint16_t)(1 + how % 4);
    }
    if (s->w->version[link]) (void)!ok(c_publish_with(s->w, link, &p));
}

static void answer_one(struct story *s, uint32_t link)
{
    struct peer *p = &s->peers[link];
    if (p->n == 0 || !session_on(s->w->x, link)) return;
    static const enum mqtt_type types[] = { MQTT_PUBACK, MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBCOMP };
    uint16_t id = p->unanswered[0];
    uint8_t kind = p->kind[0];
    p->n--;
    memmove(p->unanswered, p->unanswered + 1, p->n * sizeof p->unanswered[0]);
    memmove(p->kind, p->kind + 1, p->n);
    (void)!ok(c_reply(s->w, link, types[kind], id, 0));
}

static void subscribe_one(struct story *s, uint32_t link)
{
    uint8_t how = next(s);
    struct buffer b = BUFFER(4096);
    struct mqtt_subscribe q = { .id = 9, .n = 1 };
    q.rows[0].filter = bytes_str(filters[how & 7]);
    q.rows[0].qos = (uint8_t)((how >> 3) % 3);
    q.rows[0].retain_handling = (uint8_t)((how >> 5) % 3);
    q.properties.has = (uint64_t)(how >> 7) << MQTT_HAS_subscription_id;
    q.properties.subscription_id = 1 + (how & 7);
    uint8_t version = s->w->version[link] ? s->w->version[link] : 5;
    if ((how & 7) == 2 || (how & 7) == 3) s->peers[link].shares = true; /* a share's copy comes besides its own */
    outcome o = how == 0xFF ? mqtt_write_unsubscribe(version, &q, &b) : mqtt_write_subscribe(version, &q, &b);
    HOLDS(ok(o));
    (void)!ok(c_send(s->w, link, &b));
}

static void raw_one(struct story *s, uint32_t link)
{
    struct bytes packet;
    uint8_t n = next(s);
    if (!ok(take(&s->in, n < s->in.n ? n : s->in.n, &packet))) return;
    s->peers[link].kept = false; /* whoever sends anything may get anything twice */
    (void)!ok(exchange_packet(s->w->x, link, packet));
}

static void world_one(struct story *s)
{
    uint8_t how = next(s);
    switch (how & 7) {
    case 0: s->w->mono += how * 40; s->w->wall += how * 40; break;
    case 1: s->w->record_code = how & 8 ? E_FULL : OK; break;
    case 2: s->w->session_code = how & 8 ? E_IO : OK; break;
    case 3: w_limit(s->w, (enum limit_mode)(how >> 3 & 3), how & 64); break;
    case 4: /* a crash: what is durable stays; so does more, or less of what is not */
        look(s);
        w_crash(s->w, s->w->x->durable < s->w->records && how & 8 ? s->w->x->durable : s->w->records);
        for (int i = 0; i < PEERS; i++) s->peers[i].n = 0;
        break;
    default: (void)exchange_turn(s->w->x); break;
    }
}

static void step(struct story *s)
{
    uint8_t what = next(s);
    uint32_t link = (what >> 4) % PEERS;
    switch (what & 15) {
    case 0:
    case 1: connect_one(s, link); break;
    case 2: exchange_down(s->w->x, link, what & 128); break;
    case 3:
    case 4: subscribe_one(s, link); break;
    case 5:
    case 6:
    case 7: answer_one(s, link); break;
    case 8: raw_one(s, link); break;
    case 9:
    case 10: world_one(s); break;
    case 11: exchange_durable(s->w->x, s->w->records); break;
    case 12: if (s->w->version[link]) (void)!ok(c_reply(s->w, link, MQTT_PUBREL, (uint16_t)(1 + next(s) % 6), 0)); break;
    default: publish_one(s, link); break;
    }
    look(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct story *s = calloc(1, sizeof *s);
    HOLDS(s);
    s->w = w_new();
    s->in = bytes_of(data, n);
    for (int i = 0; i < 2000 && s->in.n; i++) step(s);
    w_free(s->w);
    free(s);
    HOLDS(test_failed_ == 0); /* what was written is read again */
    return 0;
}
