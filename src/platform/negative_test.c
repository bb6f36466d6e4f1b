/* What a client may not do, by the numbers of the negative list (docs/negative-tests.md): each with the reason code of
 * the standard, and that nobody else is touched. */
#include "platform/exchange_fixture.h"

#define TOPIC "sk/v1/w/gw-02/m/x"

static void settle(struct world *w)
{
    exchange_durable(w->x, w->records);
}

static bool undisturbed(struct world *w)
{
    w_forget(w);
    return ok(c_publish(w, OP, PUMP, STOP, 1)) && got(w, GW, MQTT_PUBLISH) + got(w, GW3, MQTT_PUBLISH) <= 1;
}

/* One packet of GW, in a world of its own: the reason of its DISCONNECT; 0xFF when there was none. */
static uint8_t parted_by(const uint8_t *packet, size_t n)
{
    struct world *w = w_plant(5);
    CHECK_IS(c_raw(w, GW, packet, n), E_MALFORMED);
    uint8_t reason = disconnect(w, GW);
    CHECK(session_on(w->x, GW) == NULL && session_on(w->x, V) && undisturbed(w));
    w_free(w);
    return reason;
}

/* N3 a variable byte integer of five bytes, or not minimal: 0x81. */
static void n3(void)
{
    static const uint8_t five[] = { 0x30, 0x80, 0x80, 0x80, 0x80, 1 }, longer[] = { 0x40, 0x82, 0, 0, 1 };
    static const uint8_t list[] = { 0x30, 6, 0, 1, 'a', 0x80, 0, 'x' };
    CHECK(parted_by(five, sizeof five) == MQTT_MALFORMED);
    CHECK(parted_by(longer, sizeof longer) == MQTT_MALFORMED);
    CHECK(parted_by(list, sizeof list) == MQTT_MALFORMED); /* within: the property length */
}

/* N5 topics that are none: 0x81; "$" alone is one, and goes nowhere a wildcard looks. */
static void n5(void)
{
    static const struct {
        uint8_t packet[16];
        size_t n;
        uint8_t reason;
    } rows[] = {
        { { 0x30, 3, 0, 0, 0 }, 5, MQTT_PROTOCOL_ERROR }, /* MQTT 5, 3.3.2.1: length 0 and no alias */
        { { 0x30, 4, 0, 1, '#', 0 }, 6, MQTT_MALFORMED },
        { { 0x30, 6, 0, 3, 'a', '/', '+', 0 }, 8, MQTT_MALFORMED },
        { { 0x30, 4, 0, 1, 0, 0 }, 6, MQTT_MALFORMED },                /* U+0000 */
        { { 0x30, 6, 0, 3, 0xED, 0xA0, 0x80, 0 }, 8, MQTT_MALFORMED }, /* U+D800 */
        { { 0x30, 5, 0, 2, 0xC0, 0xAF, 0 }, 7, MQTT_MALFORMED },       /* overlong "/" */
        { { 0x30, 5, 0, 9, 'a', 'b', 0 }, 7, MQTT_MALFORMED },         /* longer than its packet */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) CHECK(parted_by(rows[i].packet, rows[i].n) == rows[i].reason);
    struct world *w = w_plant(5);
    w->access.open = true;
    CHECK_OK(c_subscribe(w, V, "#", 1));
    CHECK_OK(c_publish(w, GW, "$", "1", 1));
    CHECK(got(w, V, MQTT_PUBLISH) == 0);
    w_free(w);
}

/* N6 60,000 bytes of properties, 9,000 of them: 0x97 before any is looked at. */
static void n6(void)
{
    static uint8_t packet[65536] = { 0x30, 0x80 | (63010 & 127), 0x80 | (63010 >> 7 & 127), 63010 >> 14, /* what follows */
        0, 1, 'a', 0x80 | (63000 & 127), 0x80 | (63000 >> 7 & 127), 63000 >> 14 };                    /* the list */
    struct out o = out_of(packet, sizeof packet);
    o.n = 10;
    for (int i = 0; i < 9000; i++) put(&o, BYTES_LIT("\x26\x00\x01k\x00\x01v"));
    put(&o, BYTES_LIT("1234"));
    CHECK(!o.over && o.n == 63014);
    struct world *w = w_plant(5);
    w->x->bounds.packet_bytes = sizeof packet;
    CHECK_IS(c_raw(w, GW, packet, o.n), E_MALFORMED);
    CHECK(disconnect(w, GW) == MQTT_QUOTA && undisturbed(w));
    w_free(w);
}

/* N7 65,000 slashes: the filter alone is refused, SUBACK 0x8F; the topic, 0x90. A site takes 32 levels and 512 bytes. */
static void n7(void)
{
    static char slashes[65000];
    static const size_t sizes[] = { 32, 513, 1025, sizeof slashes };
    memset(slashes, '/', sizeof slashes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world *w = w_plant(5);
        struct buffer b = BUFFER(131072);
        struct mqtt_subscribe sub = { .id = 5, .n = 2 };
        struct mqtt_publish p = { .qos = 1, .id = 9, .topic = bytes_of(slashes, sizes[i]) };
        sub.rows[0].filter = p.topic;
        sub.rows[1].filter = BYTES_LIT("sk/v1/w/#");
        w->x->bounds.packet_bytes = 131072;
        CHECK_OK(mqtt_write_subscribe(5, &sub, &b));
        CHECK_OK(c_send(w, V, &b));
        struct bytes ack = last(w, V, MQTT_SUBACK);
        CHECK(ack.n > 6 && ack.at[ack.n - 2] == MQTT_FILTER_INVALID && ack.at[ack.n - 1] == 0);
        b = BUFFER(131072);
        CHECK_OK(mqtt_write_publish(5, &p, &b));
        CHECK_IS(c_send(w, GW, &b), E_MALFORMED);
        CHECK(disconnect(w, GW) == MQTT_TOPIC_INVALID && session_on(w->x, V) && undisturbed(w));
        w_free(w);
    }
    struct world *w = w_plant(4); /* 3.1.1 has no code that says so */
    CHECK_IS(c_subscribe(w, V, "/////////////////////////////////", 1), E_MALFORMED);
    CHECK(session_on(w->x, V) == NULL);
    w_free(w);
}

/* N8 QoS 2 never released, on every reconnect anew: 0x93, and what is kept stays within the Receive Maximum. */
static void n8(void)
{
    struct world *w = w_plant(5);
    for (uint16_t round = 0; round < 20; round++) {
        struct mqtt_connect c = { .version = 5, .clean_start = false, .client_id = BYTES_LIT("gw-02/n8") };
        c.properties.has = (uint64_t)1 << MQTT_HAS_session_expiry_s;
        c.properties.session_expiry_s = 1000;
        CHECK_QUIET(ok(c_connect_with(w, 9, "gw-02", &c)));
        settle(w);
        outcome o = DONE;
        uint16_t sent = 0;
        for (; ok(o) && sent < 100; sent++) {
            struct mqtt_publish p = { .qos = 2, .id = (uint16_t)(round * 100 + sent + 1), .topic = BYTES_LIT(TOPIC) };
            o = c_publish_with(w, 9, &p);
        }
        CHECK_QUIET(o.code == E_MALFORMED && sent == (round == 0 ? small.inflight + 1 : 1));
        CHECK_QUIET(disconnect(w, 9) == MQTT_RECEIVE_MAX);
        CHECK_QUIET(w->x->counts.offline == 1);
        w_forget(w);
    }
    for (uint32_t i = 0; i < w->x->sessions_top; i++)
        CHECK_QUIET(!w->x->sessions[i].used || w->x->sessions[i].receiving_n <= small.inflight);
    CHECK(undisturbed(w));
    w_free(w);
}

/* N9 the same identifier with another payload, before its release: answered again, not delivered again. */
static void n9(void)
{
    struct world *w = w_plant(5);
    for (int i = 0; i < 3; i++) {
        struct mqtt_publish p = { .qos = 2, .id = 7, .topic = BYTES_LIT(TOPIC), .payload = bytes_of(&"abc"[i], 1), .duplicate = i == 1 };
        CHECK_OK(c_publish_with(w, GW, &p));
    }
    CHECK(got(w, V, MQTT_PUBLISH) == 1 && bytes_equal_str(delivered(w, V).payload, "a"));
    CHECK(got(w, GW, MQTT_PUBREC) == 3 && ack_of(w, GW, MQTT_PUBREC).reason == MQTT_SUCCESS);
    w_free(w);
}

/* N11 the client id of ANOTHER identity: 0x87, and its owner hears nothing of it. */
static void n11(void)
{
    struct world *w = w_plant(5);
    CHECK_IS(c_connect(w, 9, "gw-03", "gw-02", 5), E_DENIED);
    CHECK(connack(w, 9).reason == MQTT_NOT_AUTHORIZED);
    CHECK_IS(c_connect(w, 10, "gw-03", "gw-02/auto-1", 5), E_DENIED);
    CHECK(connack(w, 10).reason == MQTT_NOT_AUTHORIZED);
    CHECK(disconnect(w, GW) == 0xFF && session_on(w->x, GW));
    w_free(w);
}

static outcome connect_with_will(struct world *w, const char *topic)
{
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("gw-02/will"), .has_will = true,
        .will_topic = bytes_str(topic), .will_payload = BYTES_LIT("gone") };
    return c_connect_with(w, 9, "gw-02", &c);
}

/* N12 a will to $ topics, or to where its client may not write: refused at CONNECT, told. */
static void n12(void)
{
    static const char *const topics[] = { "$SYS/broker/uptime", "$share/g/x", "$x", "sk/v1/w/gw-03/m/x", "sk/v1/w/_gate/risk" };
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        struct world *w = w_plant(5);
        CHECK_IS(connect_with_will(w, topics[i]), E_DENIED);
        CHECK(connack(w, 9).reason == MQTT_NOT_AUTHORIZED && told(w, "will-refused", NULL) == 1);
        w_free(w);
    }
}

#define N14_POLICY                                                                                                     \
    "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grants\":["                                                    \
    "{\"id\":\"own\",\"subject\":\"role:device\",\"action\":[\"publish\"],\"stream\":[\"sk/v1/{site}/{own}/#\"]},"     \
    "{\"id\":\"see\",\"subject\":\"any\",\"action\":[\"subscribe\"],\"stream\":[\"sk/v1/{site}/#\"]},"                 \
    "{\"id\":\"not\",\"subject\":\"v\",\"action\":[\"subscribe\"],\"stream\":[\"sk/v1/{site}/+/m/secret\"],\"deny\":true}]}"

static struct grants *n14_policy(void)
{
    struct arena a = ARENA(1 << 20);
    struct doc *d = NULL;
    struct grants *g = NULL;
    struct grants_error e = { 0 };
    size_t n = 0;
    CHECK_OK(doc_read_json(BYTES_LIT(N14_POLICY), &a, &d));
    CHECK_OK(grants_read(d, &g, &e, 1, &n));
    arena_deinit(&a);
    return g;
}

static void n14_tap(void *ctx, const struct message *m, const struct verdict *v)
{
    (void)v;
    *(int *)ctx += memmem(m->topic.at, m->topic.n, "/secret", 7) != NULL;
}

static size_t secrets(const struct world *w, uint32_t link)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += w->events[i].link == link && w->events[i].type == MQTT_PUBLISH && memmem(w->events[i].at, w->events[i].n, "/secret", 7);
    return n;
}

/* N14 deny sk/+/m/secret, allow sk/#: nothing of it by the eight ways a message goes: live, retained, durable replay,
 * shared, queue, will, tap (REST and events); a WebSocket is the same link. The others get it each way. */
static void n14(void)
{
    static const char secret[] = "sk/v1/w/gw-02/m/secret";
    struct world *w = w_plant(5);
    struct grants *g = n14_policy();
    int seen = 0;
    uint32_t tap;
    w->access.grants = g;
    CHECK_OK(c_subscribe(w, OP, "sk/v1/w/#", 1));
    CHECK_OK(exchange_tap_new(w->x, registry_identity(w->r, "v"), BYTES_LIT("sk/v1/w/#"), n14_tap, &seen, &tap));
    w_forget(w);
    CHECK_OK(c_publish(w, GW, secret, "live", 1));
    CHECK_OK(c_retain(w, GW, secret, "retained"));
    CHECK_OK(c_subscribe(w, V, "sk/v1/w/gw-02/#", 1)); /* what is retained */
    CHECK_OK(c_subscribe(w, V, "$share/s/sk/v1/w/#", 1));
    CHECK(suback(w, V) == 1); /* under rows of a file too: judged by what is shared */
    CHECK_OK(c_publish(w, GW, secret, "shared", 1));
    CHECK_OK(connect_with_will(w, secret));
    exchange_down(w->x, 9, false);
    CHECK(secrets(w, V) == 0 && seen == 0 && secrets(w, OP) >= 4);
    struct mqtt_connect c = { .version = 5, .client_id = BYTES_LIT("v/later") };
    c.properties.has = (uint64_t)1 << MQTT_HAS_session_expiry_s;
    c.properties.session_expiry_s = 1000;
    CHECK_OK(c_connect_with(w, 9, "v", &c));
    settle(w);
    CHECK_OK(c_subscribe(w, 9, "sk/v1/w/#", 1));
    exchange_down(w->x, 9, true);
    CHECK_OK(c_publish(w, GW, secret, "queued", 1));
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/flow", "queued", 1));
    settle(w);
    w_forget(w);
    CHECK_OK(c_connect_with(w, 9, "v", &c));
    settle(w);
    CHECK(secrets(w, 9) == 0 && got(w, 9, MQTT_PUBLISH) == 1); /* the queue; its place in the ledger, read again */
    CHECK_OK(c_subscribe(w, 9, secret, 1));
    CHECK(suback(w, 9) == MQTT_NOT_AUTHORIZED);
    exchange_tap_free(w->x, tap);
    w_free(w);
    grants_free(g);
}

static uint8_t greeted_with(const uint8_t *packet, size_t n)
{
    struct world *w = w_plant(5);
    w->version[9] = 5;
    CHECK_OK(exchange_up(w->x, 9, registry_identity(w->r, "v")));
    CHECK(!ok(c_raw(w, 9, packet, n)));
    uint8_t reason = connack(w, 9).reason;
    CHECK(session_on(w->x, 9) == NULL && undisturbed(w));
    w_free(w);
    return reason;
}

#define HELLO 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60

/* N16 the exact reason code of the standard. */
static void n16(void)
{
    static const uint8_t twice[] = { 0x10, 20, HELLO, 6, 0x21, 0, 9, 0x21, 0, 9, 0, 1, 'v' }; /* MQTT 5, 3.1.2.11.3 */
    static const uint8_t none[] = { 0x10, 17, HELLO, 3, 0x21, 0, 0, 0, 1, 'v' };
    static const uint8_t packet_0[] = { 0x10, 19, HELLO, 5, 0x27, 0, 0, 0, 0, 0, 1, 'v' };    /* MQTT 5, 3.1.2.11.4 */
    static const uint8_t data[] = { 0x10, 17, HELLO, 3, 0x16, 0, 0, 0, 1, 'v' };              /* MQTT 5, 3.1.2.11.10 */
    static const uint8_t id_0[] = { 0x82, 9, 0, 9, 2, 0x0B, 0, 0, 1, 'a', 0 };                /* MQTT 5, 3.8.2.1.2 */
    static const uint8_t alias_0[] = { 0x30, 7, 0, 1, 'a', 3, 0x23, 0, 0 };                   /* MQTT 5, 3.3.2.3.4 */
    static const uint8_t alias_5[] = { 0x30, 7, 0, 1, 'a', 3, 0x23, 0, 5 };
    static const uint8_t auth[] = { 0xF0, 2, 0x18, 0 };                                       /* MQTT 5, 3.15.2.2.2 */
    CHECK(greeted_with(twice, sizeof twice) == MQTT_PROTOCOL_ERROR);
    CHECK(greeted_with(none, sizeof none) == MQTT_PROTOCOL_ERROR);
    CHECK(greeted_with(packet_0, sizeof packet_0) == MQTT_PROTOCOL_ERROR);
    CHECK(greeted_with(data, sizeof data) == MQTT_PROTOCOL_ERROR);
    CHECK(parted_by(id_0, sizeof id_0) == MQTT_PROTOCOL_ERROR);
    CHECK(parted_by(alias_0, sizeof alias_0) == MQTT_ALIAS_INVALID);
    CHECK(parted_by(alias_5, sizeof alias_5) == MQTT_ALIAS_INVALID);
    CHECK(parted_by(auth, sizeof auth) == MQTT_PROTOCOL_ERROR);
}

/* ---- bounds that are not numbered ---- */

/* MQTT 5, 3.1.2-24: nothing larger than the client takes, CONNACK and DISCONNECT included. */
static void small_clients(void)
{
    static const struct {
        uint32_t takes;
        bool welcome;
    } rows[] = { { 2, false }, { 15, false }, { 40, true } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = w_plant(5);
        struct mqtt_connect c = { .version = 5, .clean_start = true, .keep_alive_s = 60, .client_id = BYTES_LIT("v/small") };
        c.properties.has = (uint64_t)1 << MQTT_HAS_maximum_packet;
        c.properties.maximum_packet = rows[i].takes;
        CHECK(ok(c_connect_with(w, 9, "v", &c)) == rows[i].welcome);
        CHECK(got(w, 9, MQTT_CONNACK) == rows[i].welcome && (session_on(w->x, 9) != NULL) == rows[i].welcome);
        if (rows[i].welcome) CHECK_OK(c_connect_with(w, 10, "v", &c)); /* DISCONNECT 0x8E, its reason string left out if need be */
        for (size_t k = 0; k < w->n; k++) CHECK_QUIET(w->events[k].link != 9 || w->events[k].n <= rows[i].takes);
        w_free(w);
    }
}

/* One publisher's waiting commands leave room for another's. */
static void held_each(void)
{
    struct world *w = w_plant(5);
    w->x->bounds.held = 10;
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    w_limit(w, LIMIT_HOLD, true);
    for (uint32_t i = 0; i < small.held_each; i++) {
        CHECK_OK(c_publish(w, OP, PUMP, START, 1));
        CHECK(puback(w, OP) == MQTT_IMPLEMENTATION);
    }
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(puback(w, OP) == MQTT_QUOTA && told(w, "command-refused", "holds-full") == 1);
    CHECK_OK(c_publish(w, OP, PUMP, STOP, 1)); /* the safe direction is never held */
    settle(w);
    CHECK(puback(w, OP) == MQTT_SUCCESS);
    CHECK_OK(c_publish(w, OP2, PUMP, START, 1));
    CHECK(puback(w, OP2) == MQTT_IMPLEMENTATION && exchange_held(w->x, NULL, 0) == small.held_each + 1);
    w_free(w);
}

int main(void)
{
    n3();
    n5();
    n6();
    n7();
    n8();
    n9();
    n11();
    n12();
    n14();
    n16();
    small_clients();
    held_each();
    return TEST_END;
}
