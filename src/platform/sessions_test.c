/* Sessions that outlive their links and their broker, QoS 2, and what MQTT 5 adds to subscriptions and topics. */
#include "platform/exchange_fixture.h"

#define BIT_OF(name) ((uint64_t)1 << MQTT_HAS_##name)

static void settle(struct world *w)
{
    for (int i = 0; i < 4; i++) exchange_durable(w->x, w->records);
}

static outcome keep_connect(struct world *w, uint32_t link, const char *who, uint32_t expiry_s, bool clean)
{
    struct mqtt_connect c = { .version = 5, .clean_start = clean, .keep_alive_s = 60, .client_id = bytes_str(who) };
    c.properties.has = BIT_OF(session_expiry_s);
    c.properties.session_expiry_s = expiry_s;
    outcome o = c_connect_with(w, link, who, &c);
    settle(w);
    return o;
}

static outcome send_twice(struct world *w, uint32_t link, const char *topic, const char *payload, uint16_t id)
{
    struct mqtt_publish p = { .qos = 2, .id = id, .topic = bytes_str(topic), .payload = bytes_str(payload) };
    return c_publish_with(w, link, &p);
}

/* MQTT 5, 4.3.3: one delivery, whatever is repeated (N9). */
static void twice_in(uint8_t version)
{
    struct world *w = w_plant(version);
    CHECK_OK(send_twice(w, GW, FLOW, "1", 5));
    CHECK(got(w, V, MQTT_PUBLISH) == 1 && got(w, GW, MQTT_PUBREC) == 0); /* not before it is durable */
    CHECK_OK(c_reply(w, GW, MQTT_PUBREL, 5, 0));
    CHECK(ack_of(w, GW, MQTT_PUBCOMP).id == 5 && (version == 4 || ack_of(w, GW, MQTT_PUBCOMP).reason == MQTT_ID_UNKNOWN));
    settle(w);
    CHECK(ack_of(w, GW, MQTT_PUBREC).id == 5 && ack_of(w, GW, MQTT_PUBREC).reason == 0);
    CHECK_OK(send_twice(w, GW, FLOW, "other", 5));
    CHECK(got(w, V, MQTT_PUBLISH) == 1 && got(w, GW, MQTT_PUBREC) == 2);
    CHECK_OK(c_reply(w, GW, MQTT_PUBREL, 5, 0));
    CHECK(ack_of(w, GW, MQTT_PUBCOMP).reason == 0);
    CHECK_OK(send_twice(w, GW, FLOW, "2", 5));
    CHECK(got(w, V, MQTT_PUBLISH) == 2);
    if (version == 5) {
        CHECK_OK(send_twice(w, GW, "sk/v1/w/gw-03/m/x", "1", 6)); /* refused: the identifier is free at once */
        CHECK(ack_of(w, GW, MQTT_PUBREC).reason == MQTT_NOT_AUTHORIZED);
        CHECK_OK(c_publish(w, GW, FLOW, "x", 1));
        struct mqtt_publish p = { .qos = 1, .id = 5, .topic = BYTES_LIT(FLOW), .payload = BYTES_LIT("x") };
        CHECK_OK(c_publish_with(w, GW, &p));
        CHECK(puback(w, GW) == MQTT_ID_IN_USE);
    }
    w_free(w);
}

/* N8: never released. */
static void never_released(void)
{
    struct world *w = w_plant(5);
    for (uint16_t i = 1; i <= 4; i++) CHECK_OK(send_twice(w, GW, "sk/v1/w/gw-02/m/x", "1", i));
    CHECK_IS(send_twice(w, GW, "sk/v1/w/gw-02/m/x", "1", 5), E_MALFORMED);
    CHECK(disconnect(w, GW) == MQTT_RECEIVE_MAX);
    w_free(w);
}

static void twice_out(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_subscribe(w, V, "sk/v1/w/#", 2));
    CHECK_OK(send_twice(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    struct mqtt_publish p = delivered(w, V);
    CHECK(p.qos == 2 && !p.duplicate);
    CHECK_OK(c_ack(w, V, 999)); /* of what never was: no harm */
    CHECK_OK(c_reply(w, V, MQTT_PUBCOMP, 999, 0));
    CHECK(w->x->sessions[2].flights_n == 1);
    CHECK_OK(c_reply(w, V, MQTT_PUBREC, p.id, 0));
    CHECK(ack_of(w, V, MQTT_PUBREL).id == p.id && ack_of(w, V, MQTT_PUBREL).reason == 0);
    CHECK_OK(c_reply(w, V, MQTT_PUBREC, p.id, 0));
    CHECK(got(w, V, MQTT_PUBREL) == 2);
    CHECK_OK(c_reply(w, V, MQTT_PUBCOMP, p.id, 0));
    CHECK(w->x->sessions[2].flights_n == 0);
    CHECK_OK(c_reply(w, V, MQTT_PUBREC, p.id, 0));
    CHECK(ack_of(w, V, MQTT_PUBREL).reason == MQTT_ID_UNKNOWN);
    CHECK_OK(send_twice(w, GW, "sk/v1/w/gw-02/m/x", "2", 2));
    CHECK_OK(c_reply(w, V, MQTT_PUBREC, delivered(w, V).id, MQTT_UNSPECIFIED)); /* refused by the client: finished */
    CHECK(w->x->sessions[2].flights_n == 0 && got(w, V, MQTT_PUBREL) == 3);
    w_free(w);
}

/* An acknowledgement that its delivery cannot have costs the link: 0x82, in either version closed. */
static void wrong_kinds(uint8_t version)
{
    static const struct {
        uint8_t qos;
        enum mqtt_type first, wrong;
    } rows[] = {
        { 1, MQTT_PINGREQ, MQTT_PUBREC }, { 1, MQTT_PINGREQ, MQTT_PUBCOMP }, { 2, MQTT_PINGREQ, MQTT_PUBACK },
        { 2, MQTT_PINGREQ, MQTT_PUBCOMP }, { 2, MQTT_PUBREC, MQTT_PUBACK },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = w_plant(version);
        CHECK_OK(c_subscribe(w, V, "sk/v1/w/#", rows[i].qos));
        if (rows[i].qos == 1) CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
        else CHECK_OK(send_twice(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
        uint16_t id = delivered(w, V).id;
        if (rows[i].first == MQTT_PUBREC) CHECK_OK(c_reply(w, V, MQTT_PUBREC, id, 0));
        CHECK_IS(c_reply(w, V, rows[i].wrong, id, 0), E_MALFORMED);
        CHECK(version == 5 ? disconnect(w, V) == MQTT_PROTOCOL_ERROR : got(w, V, MQTT_DISCONNECT) == 0);
        CHECK(session_on(w->x, V) == NULL && session_on(w->x, GW));
        w_free(w);
    }
}

/* Away and back: what was in flight is repeated in its order, what waited follows. */
static void resumed(uint8_t qos)
{
    struct world *w = w_plant(5);
    CHECK_OK(keep_connect(w, OP2, "op2", 1000, true));
    CHECK(!present(w, OP2));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/+/m/#", qos));
    settle(w);
    CHECK(suback(w, OP2) == qos);
    CHECK_OK(send_twice(w, GW, FLOW, "a", 1));
    settle(w);
    uint16_t first = delivered(w, OP2).id;
    exchange_down(w->x, OP2, false);
    CHECK_OK(send_twice(w, GW, FLOW, "b", 2));
    CHECK_OK(c_publish(w, GW, FLOW, "not kept", 0));
    CHECK_OK(send_twice(w, GW, "sk/v1/w/gw-02/m/x", "c", 3)); /* not of a recorded stream: in memory */
    settle(w);
    w_forget(w);
    CHECK_OK(keep_connect(w, 20, "op2", 1000, false));
    CHECK(present(w, 20) && got(w, 20, MQTT_PUBLISH) == 3);
    struct mqtt_publish p;
    uint8_t reason;
    size_t n = 0;
    static const char *const want[] = { "a", "b", "c" };
    for (size_t i = 0; i < w->n; i++) {
        if (w->events[i].link != 20 || w->events[i].type != MQTT_PUBLISH) continue;
        CHECK_OK(mqtt_read_publish(bytes_of(w->events[i].at, w->events[i].n), 5, &p, &reason));
        CHECK(bytes_equal_str(p.payload, want[n]) && p.duplicate == (n == 0) && (n || p.id == first));
        n++;
    }
    w_forget(w);
    CHECK_OK(keep_connect(w, 21, "op2", 1000, true)); /* clean start: nothing of it is left */
    CHECK(!present(w, 21) && disconnect(w, 20) == MQTT_TAKEN_OVER && got(w, 21, MQTT_PUBLISH) == 0);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    CHECK(got(w, 21, MQTT_PUBLISH) == 0);
    w_free(w);
}

/* MQTT 5, 4.3.3-7 and 3.3.2-5: what was sent at QoS 2 is brought to its end however late; what only waited is not sent. */
static void begun_is_ended(void)
{
    struct world *w = w_plant(5);
    struct mqtt_publish p = { .qos = 2, .id = 1, .topic = BYTES_LIT("sk/v1/w/gw-02/m/x"), .payload = BYTES_LIT("begun") };
    p.properties.has = BIT_OF(message_expiry_s);
    p.properties.message_expiry_s = 5;
    CHECK_OK(keep_connect(w, OP2, "op2", 1000, true));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/+/m/#", 2));
    settle(w);
    CHECK_OK(c_publish_with(w, GW, &p));
    settle(w);
    uint16_t id = delivered(w, OP2).id;
    exchange_down(w->x, OP2, false);
    p.id = 2;
    p.payload = BYTES_LIT("waited");
    CHECK_OK(c_publish_with(w, GW, &p));
    settle(w);
    w->mono += 10000;
    w->wall += 10000;
    w_forget(w);
    CHECK_OK(keep_connect(w, 20, "op2", 1000, false));
    struct mqtt_publish again = delivered(w, 20);
    CHECK(got(w, 20, MQTT_PUBLISH) == 1 && again.id == id && again.duplicate && bytes_equal_str(again.payload, "begun"));
    CHECK(mqtt_has(&again.properties, MQTT_HAS_message_expiry_s) && again.properties.message_expiry_s == 0);
    w_free(w);
}

static void expired_session(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(keep_connect(w, OP2, "op2", 10, true));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/+/m/#", 1));
    exchange_down(w->x, OP2, true);
    w->mono += 9000;
    w->wall += 9000;
    CHECK(exchange_turn(w->x) >= 0);
    CHECK(w->x->counts.offline == 1);
    w->mono += 1000;
    w->wall += 1000;
    (void)exchange_turn(w->x);
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.offline == 0 && c.expired == 1 && c.sessions == 3);
    CHECK_OK(keep_connect(w, OP2, "op2", 10, false));
    CHECK(!present(w, OP2));
    static const uint8_t longer[] = { 0xE0, 7, 0, 5, 0x11, 0, 0, 0, 0 }; /* DISCONNECT with session expiry 0 */
    CHECK_OK(c_raw(w, OP2, longer, sizeof longer));
    CHECK(w->x->counts.offline == 0);
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    static const uint8_t raise[] = { 0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9 };
    CHECK_IS(c_raw(w, OP2, raise, sizeof raise), E_MALFORMED); /* MQTT 5, 3.14.2.2.2 */
    CHECK(disconnect(w, OP2) == MQTT_PROTOCOL_ERROR);
    /* 3.1.1: clean session 0 */
    struct mqtt_connect old = { .version = 4, .client_id = BYTES_LIT("op2") };
    CHECK_OK(c_connect_with(w, 22, "op2", &old));
    settle(w);
    exchange_down(w->x, 22, true);
    CHECK_OK(c_connect_with(w, 23, "op2", &old));
    settle(w);
    CHECK(present(w, 23));
    w_free(w);
}

/* After a crash at each length of the record: every acknowledged message arrives, at QoS 2 once. */
static void crash_at(uint64_t cut, uint8_t qos)
{
    struct world *w = w_plant(5);
    CHECK_QUIET(ok(keep_connect(w, OP2, "op2", 1000, true)) && ok(c_subscribe(w, OP2, "sk/v1/w/+/m/#", qos)));
    settle(w);
    size_t seen[8] = { 0 }, acked[8] = { 0 };
    for (uint16_t i = 1; i <= 6; i++) {
        char payload[2] = { (char)('0' + i), 0 };
        CHECK_QUIET(ok(send_twice(w, GW, FLOW, payload, i)));
        if (w->records > cut) break;
        settle(w);
        if (w->records > cut) break;
        acked[i] = ack_of(w, GW, MQTT_PUBREC).id == i;
        (void)!ok(c_reply(w, GW, MQTT_PUBREL, i, 0));
        settle(w);
        struct mqtt_publish p = delivered(w, OP2);
        if (p.topic.n) seen[p.payload.at[0] - '0'] = 1;
        if (i % 3 == 0 || !p.id) continue; /* unanswered */
        (void)!ok(c_reply(w, OP2, qos == 2 ? MQTT_PUBREC : MQTT_PUBACK, p.id, 0));
        settle(w);
        if (qos == 2 && i % 2) (void)!ok(c_reply(w, OP2, MQTT_PUBCOMP, p.id, 0));
        w->mono += 300;
        (void)exchange_turn(w->x);
    }
    w_crash(w, w->records < cut ? w->records : cut);
    bool known = w->x->counts.sessions == 1;
    size_t again[8] = { 0 };
    CHECK_QUIET(ok(keep_connect(w, 20, "op2", 1000, false)) && present(w, 20) == known);
    for (int round = 0; round < 20; round++) {
        size_t n = w->n;
        for (size_t i = 0; i < n; i++) {
            struct mqtt_publish p;
            uint8_t reason;
            if (w->events[i].link != 20 || w->events[i].type != MQTT_PUBLISH) continue;
            CHECK_QUIET(ok(mqtt_read_publish(bytes_of(w->events[i].at, w->events[i].n), 5, &p, &reason)));
            if (!p.duplicate) again[p.payload.at[0] - '0']++;
            else seen[p.payload.at[0] - '0'] = 1;
            w->events[i].type = MQTT_PINGREQ; /* looked at */
            (void)!ok(c_reply(w, 20, p.qos == 2 ? MQTT_PUBREC : MQTT_PUBACK, p.id, 0));
            if (p.qos == 2) (void)!ok(c_reply(w, 20, MQTT_PUBCOMP, p.id, 0));
        }
        settle(w);
    }
    for (int i = 1; known && i <= 6; i++) {
        CHECK_QUIET(!acked[i] || seen[i] + again[i] >= 1);          /* acknowledged: not lost */
        if (qos == 2) CHECK_QUIET(seen[i] + again[i] <= 1);         /* never as a new message again */
    }
    w_free(w);
}

static void crashes(void)
{
    for (uint64_t cut = 0; cut < 60; cut++) {
        crash_at(cut, 1);
        crash_at(cut, 2);
    }
    CHECK(true);
}

/* The client's QoS 2 identifier is kept with its message: repeated to the next broker it is known. */
static void once_over_a_crash(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(keep_connect(w, 20, "gw-02", 1000, true));
    CHECK_OK(send_twice(w, 20, FLOW, "1", 5));
    settle(w);
    CHECK(ack_of(w, 20, MQTT_PUBREC).id == 5);
    w_crash(w, w->records);
    uint64_t n = w->records;
    CHECK_OK(keep_connect(w, 20, "gw-02", 1000, false));
    CHECK(present(w, 20) && w->x->sessions[0].receiving_n == 1);
    n = w->records;
    CHECK_OK(send_twice(w, 20, FLOW, "1", 5));
    CHECK(w->records == n && ack_of(w, 20, MQTT_PUBREC).id == 5 && ack_of(w, 20, MQTT_PUBREC).reason == 0);
    CHECK_OK(c_reply(w, 20, MQTT_PUBREL, 5, 0));
    CHECK(got(w, 20, MQTT_PUBCOMP) == 0); /* its release first */
    settle(w);
    CHECK(got(w, 20, MQTT_PUBCOMP) == 1);
    w_crash(w, w->records);
    CHECK_OK(keep_connect(w, 20, "gw-02", 1000, false));
    CHECK_OK(send_twice(w, 20, FLOW, "2", 5)); /* free: a new message */
    CHECK(w->x->counts.received == 1 && w->x->sessions[0].receiving_n == 1);
    w_free(w);
}

static void shared(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    CHECK_OK(c_connect(w, 20, "op2", "op2/b", 5));
    CHECK_OK(c_subscribe(w, OP2, "$share/g/sk/v1/w/+/m/#", 1));
    CHECK_OK(c_subscribe(w, 20, "$share/g/sk/v1/w/+/m/#", 1));
    CHECK_OK(c_subscribe(w, OP, "$share/other/sk/v1/w/+/m/#", 1));
    for (int i = 0; i < 4; i++) CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 0));
    CHECK(got(w, OP2, MQTT_PUBLISH) == 2 && got(w, 20, MQTT_PUBLISH) == 2); /* fair */
    CHECK(got(w, OP, MQTT_PUBLISH) == 4 && got(w, V, MQTT_PUBLISH) == 4);   /* each share one copy, others theirs */
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/+/m/x", 1));
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 0));
    CHECK(got(w, OP2, MQTT_PUBLISH) + got(w, 20, MQTT_PUBLISH) == 6);
    /* who may not get it is passed over */
    w_forget(w);
    w_trust(w, "op", TRUST_REVOKE);
    CHECK_OK(c_subscribe(w, V, "$share/other/sk/v1/w/+/m/#", 1));
    for (int i = 0; i < 3; i++) CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 0));
    CHECK(got(w, OP, MQTT_PUBLISH) == 0 && got(w, V, MQTT_PUBLISH) == 6);
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.shared == 4);
    /* a retained message is not for a share */
    CHECK_OK(c_retain(w, GW, STATE, "on"));
    CHECK_OK(c_subscribe(w, OP2, "$share/g/sk/v1/w/+/s/#", 1));
    CHECK(!delivered(w, OP2).retain);
    w_free(w);
}

/* A share's message for a member that is away survives the crash, and stays its own. */
static void shared_and_away(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(keep_connect(w, OP2, "op2", 1000, true));
    CHECK_OK(c_subscribe(w, OP2, "$share/g/sk/v1/w/+/m/#", 1));
    settle(w);
    exchange_down(w->x, OP2, false);
    uint64_t before = w->records;
    CHECK_OK(c_publish(w, GW, FLOW, "1", 1));
    exchange_durable(w->x, before + 1);
    CHECK(got(w, GW, MQTT_PUBACK) == 0); /* whose it is must be durable too */
    settle(w);
    CHECK(got(w, GW, MQTT_PUBACK) == 1);
    w_crash(w, w->records);
    CHECK_OK(keep_connect(w, OP2, "op2", 1000, false));
    CHECK(present(w, OP2) && got(w, OP2, MQTT_PUBLISH) == 1);
    w_free(w);
}

static void subscription_ids(void)
{
    struct world *w = w_plant(5);
    static const struct { const char *filter; uint32_t id; } rows[] = { { "sk/v1/w/+/m/#", 7 }, { "sk/v1/w/gw-02/#", 300 }, { "sk/v1/w/+/m/x", 0 } };
    CHECK_OK(c_retain(w, GW, "sk/v1/w/gw-02/m/x", "old"));
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    for (size_t i = 0; i < 3; i++) {
        struct buffer b = BUFFER(4096);
        struct mqtt_subscribe s = { .id = 9, .n = 1 };
        s.rows[0].filter = bytes_str(rows[i].filter);
        s.rows[0].qos = 1;
        s.properties.has = rows[i].id ? BIT_OF(subscription_id) : 0;
        s.properties.subscription_id = rows[i].id;
        CHECK_OK(mqtt_write_subscribe(5, &s, &b));
        CHECK_OK(c_send(w, OP2, &b));
        struct mqtt_publish p = delivered(w, OP2);
        CHECK(p.retain && mqtt_has(&p.properties, MQTT_HAS_subscription_id) == (rows[i].id != 0) && p.properties.subscription_id == rows[i].id);
    }
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    struct mqtt_properties p = delivered(w, OP2).properties;
    CHECK(p.more_ids_n == 1 && p.subscription_id + p.more_ids[0] == 307);
    p = delivered(w, V).properties;
    CHECK(!mqtt_has(&p, MQTT_HAS_subscription_id));
    w_free(w);
}

static void aliases(void)
{
    struct world *w = w_plant(5);
    struct mqtt_publish p = { .topic = BYTES_LIT("sk/v1/w/gw-02/m/x"), .payload = BYTES_LIT("1") };
    p.properties.has = BIT_OF(topic_alias);
    p.properties.topic_alias = 4;
    CHECK_OK(c_publish_with(w, GW, &p));
    p.topic = BYTES_NONE;
    CHECK_OK(c_publish_with(w, GW, &p));
    CHECK(got(w, V, MQTT_PUBLISH) == 2 && bytes_equal_str(delivered(w, V).topic, "sk/v1/w/gw-02/m/x"));
    struct mqtt_properties plain = delivered(w, V).properties;
    CHECK(!mqtt_has(&plain, MQTT_HAS_topic_alias));
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("op2") };
    c.properties.has = BIT_OF(topic_alias_maximum);
    c.properties.topic_alias_maximum = 9;
    CHECK_OK(c_connect_with(w, OP2, "op2", &c));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/#", 1));
    static const char *const topics[] = { "m/x", "m/y", "m/x", "m/z", "m/y" };
    static const uint16_t want[] = { 1, 2, 1, 0, 2 };
    static const bool whole[] = { true, true, false, true, false };
    for (size_t i = 0; i < 5; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "sk/v1/w/gw-02/%s", topics[i]);
        CHECK_OK(c_publish(w, GW, topic, "1", 0));
        struct mqtt_publish d = delivered(w, OP2);
        CHECK(d.properties.topic_alias == want[i] && (d.topic.n != 0) == whole[i]);
    }
    CHECK(bytes_equal_str(delivered(w, V).topic, "sk/v1/w/gw-02/m/y"));
    w_free(w);
}

static void will_delay(void)
{
    struct world *w = w_plant(5);
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("gw-03"), .has_will = true, .will_qos = 2,
        .will_topic = BYTES_LIT("sk/v1/w/gw-03/a/gone"), .will_payload = BYTES_LIT("1") };
    c.properties.has = BIT_OF(session_expiry_s);
    c.properties.session_expiry_s = 100;
    c.will_properties.has = BIT_OF(will_delay_s);
    c.will_properties.will_delay_s = 5;
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    settle(w);
    exchange_down(w->x, GW3, false);
    CHECK(got(w, V, MQTT_PUBLISH) == 0);
    w->mono += 4999;
    (void)exchange_turn(w->x);
    CHECK(got(w, V, MQTT_PUBLISH) == 0);
    c.clean_start = false;
    CHECK_OK(c_connect_with(w, 20, "gw-03", &c)); /* back in time */
    settle(w);
    CHECK(present(w, 20));
    exchange_down(w->x, 20, false);
    w->mono += 5000;
    (void)exchange_turn(w->x);
    CHECK(got(w, V, MQTT_PUBLISH) == 1 && w->x->counts.offline == 1);
    CHECK_OK(c_connect_with(w, 21, "gw-03", &c));
    settle(w);
    exchange_down(w->x, 21, false);
    c.clean_start = true; /* the session ends: at once */
    CHECK_OK(c_connect_with(w, 22, "gw-03", &c));
    CHECK(got(w, V, MQTT_PUBLISH) == 2);
    c.properties.session_expiry_s = 2; /* the session's end comes before the delay's */
    CHECK_OK(c_connect_with(w, 23, "gw-03", &c));
    settle(w);
    CHECK(got(w, V, MQTT_PUBLISH) == 3); /* taken over with clean start: that session's end too */
    w_free(w);
}

static void commands_never_wait(void)
{
    struct world *w = w_plant(5);
    exchange_down(w->x, GW, true);
    CHECK_OK(keep_connect(w, GW, "gw-02", 1000, true));
    CHECK_OK(c_subscribe(w, GW, "sk/v1/w/gw-02/cmd/#", 1));
    settle(w);
    exchange_down(w->x, GW, false);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(puback(w, OP) == MQTT_NO_SUBSCRIBERS);
    w_forget(w);
    CHECK_OK(keep_connect(w, GW, "gw-02", 1000, false));
    CHECK(present(w, GW) && got(w, GW, MQTT_PUBLISH) == 0);
    for (int i = 0; i < 5; i++) { /* four in flight, one waits */
        CHECK_OK(c_publish(w, OP, PUMP, START, 1));
        settle(w);
    }
    CHECK(got(w, GW, MQTT_PUBLISH) == 4);
    exchange_down(w->x, GW, false);
    CHECK(told(w, "command-dropped", "link-closed") == 1);
    w_limit(w, LIMIT_DENY, true);
    w_forget(w);
    CHECK_OK(keep_connect(w, GW, "gw-02", 1000, false)); /* what was in flight is judged again */
    CHECK(got(w, GW, MQTT_PUBLISH) == 0 && told(w, "command-refused", "limit") == 4);
    w_free(w);
}

static void attestation(void)
{
    struct world *w = w_plant(5);
    struct buffer b = BUFFER(4096);
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("gw-03") };
    c.properties.has = BIT_OF(auth_method);
    c.properties.auth_method = BYTES_LIT("sekimori-attest");
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    CHECK(bytes_equal_str(connack(w, GW3).properties.auth_method, "sekimori-attest"));
    struct mqtt_ack a = { .reason = 0x19 };
    a.properties.has = BIT_OF(auth_method);
    a.properties.auth_method = BYTES_LIT("sekimori-attest");
    CHECK_OK(mqtt_write_ack(5, MQTT_AUTH, &a, &b));
    CHECK_OK(c_send(w, GW3, &b));
    CHECK(ack_of(w, GW3, MQTT_AUTH).reason == 0x18 && bytes_equal_str(ack_of(w, GW3, MQTT_AUTH).properties.auth_data, "nonce"));
    a.reason = 0x18;
    a.properties.has |= BIT_OF(auth_data);
    a.properties.auth_data = BYTES_LIT("quote");
    CHECK_OK(mqtt_write_ack(5, MQTT_AUTH, &a, &b));
    CHECK_OK(c_send(w, GW3, &b));
    CHECK(got(w, GW3, MQTT_AUTH) == 1 && w->attested == 2);
    exchange_attested(w->x, GW3, true);
    CHECK(got(w, GW3, MQTT_AUTH) == 2 && ack_of(w, GW3, MQTT_AUTH).reason == 0);
    CHECK_OK(mqtt_write_ack(5, MQTT_AUTH, &a, &b)); /* 0x18 out of turn */
    CHECK_IS(c_send(w, GW3, &b), E_MALFORMED);
    CHECK(disconnect(w, GW3) == MQTT_PROTOCOL_ERROR);
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    a.reason = 0x19;
    CHECK_OK(mqtt_write_ack(5, MQTT_AUTH, &a, &b));
    CHECK_OK(c_send(w, GW3, &b));
    exchange_attested(w->x, GW3, false);
    CHECK(disconnect(w, GW3) == MQTT_NOT_AUTHORIZED && got(w, GW3, CLOSED) == 1);
    w_free(w);
}

static void sys(void)
{
    struct world *w = w_new();
    struct exchange_port port = w_port(w);
    struct exchange_bounds bounds = small;
    bounds.sys_every_s = 10;
    bounds.retained = 100;
    exchange_free(w->x);
    w->access.open = true;
    CHECK_OK(exchange_new(&w->access, &port, &bounds, &w->x));
    CHECK_OK(c_connect(w, OP, "op", "any name at all", 5));
    CHECK_OK(c_subscribe(w, OP, "$SYS/broker/clients/connected", 0));
    CHECK_OK(c_subscribe(w, OP, "#", 0)); /* MQTT 5, 4.7.2-1: not for $ topics */
    CHECK(exchange_turn(w->x) == 10000);
    CHECK(got(w, OP, MQTT_PUBLISH) == 1 && bytes_equal_str(delivered(w, OP).payload, "1"));
    w->mono += 10000;
    (void)exchange_turn(w->x);
    CHECK(got(w, OP, MQTT_PUBLISH) == 2);
    CHECK_OK(c_subscribe(w, OP, "$SYS/broker/uptime", 0));
    CHECK(delivered(w, OP).retain && bytes_equal_str(delivered(w, OP).payload, "10 seconds"));
    CHECK_OK(c_publish(w, OP, "$SYS/broker/uptime", "forged", 1));
    CHECK(puback(w, OP) == MQTT_NOT_AUTHORIZED);
    w_free(w);
}

/* N18: kept sessions without end: the table is bounded, the oldest that is away makes room. */
static void sessions_without_end(void)
{
    struct world *w = w_new();
    for (int i = 0; i < 200; i++) {
        char id[32];
        snprintf(id, sizeof id, "v/%d", i);
        struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = bytes_str(id) };
        c.properties.has = BIT_OF(session_expiry_s);
        c.properties.session_expiry_s = UINT32_MAX;
        w->mono++;
        CHECK_QUIET(ok(c_connect_with(w, 1, "v", &c)));
        settle(w);
        exchange_down(w->x, 1, true);
    }
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.sessions == 32 && c.offline == 32 && told(w, "session-evicted", "sessions-full") == 168);
    w_crash(w, w->records);
    CHECK(w->x->counts.sessions == 32);
    w_free(w);
}

/* The record refuses: nothing is promised that is not written. */
static void not_written(void)
{
    struct world *w = w_plant(5);
    w->session_code = E_FULL;
    CHECK_IS(keep_connect(w, OP2, "op2", 100, true), E_MALFORMED);
    CHECK(connack(w, OP2).reason == MQTT_QUOTA && w->x->counts.sessions == 3);
    w->session_code = OK;
    CHECK_OK(keep_connect(w, OP2, "op2", 100, true));
    w->session_code = E_IO;
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/#", 1));
    CHECK(suback(w, OP2) == MQTT_QUOTA);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    CHECK(got(w, OP2, MQTT_PUBLISH) == 0);
    w_free(w);
}

/* The payloads of what link was sent since the last look are the numbers from *at on; *ret_id: the last identifier. */
static bool counts_on(struct world *w, uint32_t link, unsigned *at, uint16_t *ret_id)
{
    bool right = true;
    for (size_t i = 0; i < w->n; i++) {
        struct mqtt_publish p;
        uint8_t reason;
        char text[16];
        if (w->events[i].link != link || w->events[i].type != MQTT_PUBLISH) continue;
        CHECK_QUIET(ok(mqtt_read_publish(bytes_of(w->events[i].at, w->events[i].n), w->version[link], &p, &reason)));
        snprintf(text, sizeof text, "%u", (*at)++);
        right = right && bytes_equal_str(p.payload, text) && !p.duplicate;
        *ret_id = p.id;
    }
    w_forget(w);
    return right;
}

/* The client takes what is in flight, until nothing comes any more. */
static bool drain(struct world *w, uint32_t link, uint8_t qos, unsigned *at, uint16_t *id)
{
    bool right = true;
    for (uint16_t next = 1; next != 0 && next <= *id; next++) {
        CHECK_QUIET(ok(c_reply(w, link, qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, next, 0)));
        if (qos == 2) CHECK_QUIET(ok(c_reply(w, link, MQTT_PUBCOMP, next, 0)));
        right = counts_on(w, link, at, id) && right;
    }
    return right;
}

/* A burst of a recorded stream, far longer than what waits in memory, to a client that ends with its link and has
 * acknowledged nothing yet: the rest waits in the ledger, and all of it comes, once, in order. */
static void burst(uint8_t version, uint8_t qos)
{
    enum { BURST = 5000 };
    struct world *w = w_new();
    unsigned at = 0;
    uint16_t id = 0;
    bool right = true;
    w->x->bounds.inflight = 100;
    w->x->bounds.queue = 1000;
    w->x->bounds.unannounced = w->x->bounds.offline = w->x->bounds.cursors = 10000;
    CHECK_OK(c_connect(w, GW, "gw-02", "gw-02", 4));
    CHECK_OK(c_connect(w, V, "v", "", version));
    CHECK_OK(c_subscribe(w, V, FLOW, qos));
    w_forget(w);
    for (unsigned i = 0; i < BURST; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        struct mqtt_publish p = { .qos = qos, .id = (uint16_t)(i + 1), .topic = BYTES_LIT(FLOW), .payload = bytes_str(text) };
        CHECK_QUIET(ok(c_publish_with(w, GW, &p)));
        CHECK_QUIET(got(w, V, CLOSED) == 0 && got(w, GW, CLOSED) == 0 && w->tells_n == 0);
        right = counts_on(w, V, &at, &id) && right;
        if (i % 64 == 63) exchange_durable(w->x, w->records - 32);
    }
    CHECK(right && at == 100 && w->x->counts.dropped == 0);
    settle(w);
    w_forget(w);
    CHECK(drain(w, V, qos, &at, &id) && at == BURST && id == BURST);
    CHECK(w->x->counts.dropped == 0 && w->x->cursors_n == 0);
    w_free(w);
}

int main(void)
{
    for (uint8_t version = 4; version <= 5; version++) {
        burst(version, 1);
        burst(version, 2);
    }
    twice_in(4);
    twice_in(5);
    never_released();
    twice_out();
    wrong_kinds(4);
    wrong_kinds(5);
    resumed(1);
    resumed(2);
    begun_is_ended();
    expired_session();
    crashes();
    once_over_a_crash();
    shared();
    shared_and_away();
    subscription_ids();
    aliases();
    will_delay();
    commands_never_wait();
    attestation();
    sys();
    sessions_without_end();
    not_written();
    return TEST_END;
}
