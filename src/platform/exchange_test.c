#include "platform/exchange_fixture.h"

static void data_flows(uint8_t version)
{
    struct world *w = w_plant(version);
    CHECK_OK(c_publish(w, GW, FLOW, "12.5", 1));
    struct mqtt_publish p = delivered(w, V);
    CHECK(bytes_equal_str(p.topic, FLOW) && bytes_equal_str(p.payload, "12.5") && p.qos == 1 && !p.retain);
    CHECK(w->records == 1 && strcmp(w->recorded, FLOW) == 0);
    CHECK(got(w, GW, MQTT_PUBACK) == 0); /* not before it is durable */
    exchange_durable(w->x, 0);
    CHECK(got(w, GW, MQTT_PUBACK) == 0);
    exchange_durable(w->x, 1);
    CHECK(got(w, GW, MQTT_PUBACK) == 1 && puback(w, GW) == 0);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/unrecorded", "1", 1));
    CHECK(w->records == 1 && got(w, GW, MQTT_PUBACK) == 2);
    CHECK_OK(c_publish(w, GW, FLOW, "13", 0));
    CHECK(delivered(w, V).qos == 0 && got(w, GW, MQTT_PUBLISH) == 0);
    CHECK(got(w, OP, MQTT_PUBLISH) == 0); /* did not subscribe */
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.links == 3 && c.sessions == 3 && c.subscriptions == 3 && c.received == 3 && c.delivered == 3);
    w_free(w);
}

static void not_recorded(void)
{
    struct world *w = w_plant(5);
    w->record_code = E_FULL;
    CHECK_OK(c_publish(w, GW, FLOW, "1", 1));
    CHECK(puback(w, GW) == MQTT_QUOTA && got(w, V, MQTT_PUBLISH) == 0);
    w_free(w);
    w = w_plant(4); /* 3.1.1 has no negative acknowledgement: none at all, and the link ends */
    w->record_code = E_IO;
    CHECK_IS(c_publish(w, GW, FLOW, "1", 1), E_FULL);
    CHECK(got(w, GW, MQTT_PUBACK) == 0);
    w_free(w);
}

static void refusals(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-03/m/flow", "1", 1));
    CHECK(puback(w, GW) == MQTT_NOT_AUTHORIZED && puback_says(w, GW, "no-grant; sekimori why gw-02 publish sk/v1/w/gw-03/m/flow") && got(w, V, MQTT_PUBLISH) == 0);
    CHECK_OK(c_publish(w, V, FLOW, "1", 1));
    CHECK(puback(w, V) == MQTT_NOT_AUTHORIZED && told(w, "publish-refused", "no-grant") == 2);
    CHECK_OK(c_publish(w, OP, "sk/v1/w/_gate/risk", "1", 1));
    CHECK(puback(w, OP) == MQTT_NOT_AUTHORIZED);
    CHECK_OK(c_subscribe(w, V, "#", 1));
    CHECK(suback(w, V) == MQTT_NOT_AUTHORIZED);
    CHECK_OK(c_subscribe(w, V, "$SYS/#", 1));
    CHECK(suback(w, V) == MQTT_NOT_AUTHORIZED);
    CHECK_OK(c_subscribe(w, V, "$share/g/sk/v1/w/#", 1));
    CHECK(suback(w, V) == 1);
    CHECK_OK(c_subscribe(w, GW, "sk/v1/w/gw-03/cmd/#", 1));
    CHECK(suback(w, GW) == MQTT_NOT_AUTHORIZED && told(w, "subscribe-refused", "no-grant") == 3);
    CHECK_OK(c_subscribe(w, V, "sk/v1/w/+/m/#", 2));
    CHECK(suback(w, V) == 2);
    static const uint8_t with_id[] = { 0x82, 9, 0, 9, 2, 0x0B, 1, 0, 1, 'a', 0 };
    CHECK_OK(c_raw(w, V, with_id, sizeof with_id));
    CHECK(suback(w, V) == MQTT_NOT_AUTHORIZED);
    w_free(w);
}

/* Each costs its sender the link with this reason, and nobody else anything. */
static void protocol_errors(void)
{
#define PUB(flags, ...) { 0x30 | (flags), __VA_ARGS__ }
    static const struct {
        const char *claim;
        uint8_t packet[24];
        size_t n;
        uint8_t reason;
    } rows[] = {
        { "second CONNECT", { 0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 0, 0, 0, 0 }, 15, MQTT_PROTOCOL_ERROR },
        { "topic alias over the maximum", { 0x30, 7, 0, 1, 'a', 3, 0x23, 0, 5 }, 9, MQTT_ALIAS_INVALID }, /* N16 */
        { "topic alias 0", { 0x30, 7, 0, 1, 'a', 3, 0x23, 0, 0 }, 9, MQTT_ALIAS_INVALID },
        { "topic alias of nothing", { 0x30, 6, 0, 0, 3, 0x23, 0, 1 }, 8, MQTT_PROTOCOL_ERROR },
        { "subscription id 0", { 0x82, 9, 0, 9, 2, 0x0B, 0, 0, 1, 'a', 0 }, 11, MQTT_PROTOCOL_ERROR },
        { "subscription id in PUBLISH", { 0x30, 6, 0, 1, 'a', 2, 0x0B, 1 }, 8, MQTT_PROTOCOL_ERROR },
        { "a share without a filter", { 0x82, 15, 0, 9, 0, 0, 9, '$', 's', 'h', 'a', 'r', 'e', '/', 'g', '/' }, 17, MQTT_MALFORMED },
        { "no local on a share", { 0x82, 16, 0, 9, 0, 0, 10, '$', 's', 'h', 'a', 'r', 'e', '/', 'g', '/', 'a', 5 }, 18, MQTT_PROTOCOL_ERROR },
        { "no topic, no alias", { 0x30, 3, 0, 0, 0 }, 5, MQTT_PROTOCOL_ERROR },
        { "wildcard topic", { 0x30, 4, 0, 1, '#', 0 }, 6, MQTT_MALFORMED },
        { "CONNACK from a client", { 0x20, 3, 0, 0, 0 }, 5, MQTT_PROTOCOL_ERROR },
        { "AUTH", { 0xF0, 0 }, 2, MQTT_PROTOCOL_ERROR },
        { "two packets at once", { 0xC0, 0, 0xC0, 0 }, 4, MQTT_MALFORMED },
        { "no filters", { 0x82, 3, 0, 1, 0 }, 5, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = w_plant(5);
        outcome o = c_raw(w, GW, rows[i].packet, rows[i].n);
        CHECK_IS(o, E_MALFORMED);
        uint8_t why = disconnect(w, GW);
        if (why != rows[i].reason && rows[i].reason) printf("# %s: %02x\n", rows[i].claim, why);
        CHECK(rows[i].reason ? why == rows[i].reason : why >= 0x80 && why != 0xFF);
        CHECK_IS(c_publish(w, GW, FLOW, "1", 0), E_UNKNOWN); /* the session is gone */
        CHECK_OK(c_publish(w, OP, PUMP, START, 1));          /* the others are not */
        w_free(w);
    }
}

static void connects(void)
{
    struct world *w = w_new();
    static const uint8_t early[] = { 0x30, 4, 0, 1, 'a', 0 };
    CHECK_OK(exchange_up(w->x, 9, registry_identity(w->r, "v")));
    CHECK_IS(exchange_up(w->x, 9, registry_identity(w->r, "v")), E_CONFLICT);
    CHECK_IS(c_raw(w, 9, early, sizeof early), E_MALFORMED);
    CHECK(got(w, 9, MQTT_DISCONNECT) == 0);
    CHECK_IS(c_connect(w, 10, "v", "gw-02", 5), E_DENIED); /* N11: another's client id */
    CHECK(connack(w, 10).reason == MQTT_NOT_AUTHORIZED);
    CHECK_IS(c_connect(w, 11, "v", "some-name", 5), E_DENIED);
    CHECK(connack(w, 11).reason == MQTT_BAD_CLIENT_ID);
    CHECK_IS(c_connect(w, 12, "v", "v2/x", 4), E_DENIED);
    CHECK_OK(c_connect(w, 13, "v", "v/tablet", 5));
    struct mqtt_connect c = { .version = 5, .clean_start = true, .keep_alive_s = 1000 };
    c.properties.has = (uint64_t)1 << MQTT_HAS_session_expiry_s;
    c.properties.session_expiry_s = 99;
    CHECK_OK(c_connect_with(w, 14, "v", &c));
    CHECK(got(w, 14, MQTT_CONNACK) == 0); /* the session is promised when it is on disk */
    exchange_durable(w->x, w->records);
    struct mqtt_ack a = connack(w, 14);
    const struct mqtt_properties *p = &a.properties;
    CHECK(!mqtt_has(p, MQTT_HAS_session_expiry_s) && !mqtt_has(p, MQTT_HAS_maximum_qos));
    CHECK(p->receive_maximum == 4 && p->server_keep_alive_s == 300 && w->idle_ms[14] == 450000);
    CHECK(mqtt_has(p, MQTT_HAS_assigned_client_id) && bytes_starts(p->assigned_client_id, BYTES_LIT("v/auto-")));
    CHECK(!mqtt_has(p, MQTT_HAS_shared_available) && !mqtt_has(p, MQTT_HAS_retain_available)); /* absent: there */
    CHECK(p->topic_alias_maximum == 4);
    CHECK_OK(c_connect(w, 15, "gw-02", "", 4));
    CHECK(w->idle_ms[15] == 90000);
    struct mqtt_connect no_id = { .version = 4 };
    CHECK_IS(c_connect_with(w, 16, "gw-02", &no_id), E_DENIED); /* MQTT 3.1.1, 3.1.3-8 */
    c.properties.has = (uint64_t)1 << MQTT_HAS_auth_method;
    c.properties.auth_method = BYTES_LIT("SCRAM");
    CHECK_IS(c_connect_with(w, 17, "v", &c), E_MALFORMED);
    CHECK(connack(w, 17).reason == 0x8C);
    w_trust(w, "v", TRUST_REVOKE);
    CHECK_IS(c_connect(w, 18, "v", "v", 5), E_DENIED);
    CHECK(connack(w, 18).reason == MQTT_NOT_AUTHORIZED && told(w, "connect-refused", "revoked") == 1);
    w_free(w);
}

static void takeover(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_connect(w, 20, "gw-02", "gw-02", 5));
    CHECK(disconnect(w, GW) == MQTT_TAKEN_OVER && got(w, GW, CLOSED) == 1 && connack(w, 20).reason == 0);
    CHECK(told(w, "takeover", NULL) == 1);
    w_forget(w);
    CHECK_OK(c_connect(w, 21, "gw-02", "gw-02/second", 5)); /* another client id of the same device */
    CHECK(got(w, 20, CLOSED) == 0);
    CHECK_IS(c_connect(w, 22, "gw-03", "gw-02", 5), E_DENIED); /* N11: the victim is undisturbed */
    CHECK(got(w, 20, CLOSED) == 0 && got(w, 20, MQTT_DISCONNECT) == 0);
    exchange_down(w->x, GW, false); /* the gate's late word about the old link */
    CHECK_OK(c_publish(w, 20, FLOW, "1", 1));
    w_free(w);
}

static struct mqtt_connect with_will(const char *topic, const char *payload, bool retain)
{
    return (struct mqtt_connect) { .version = 5, .clean_start = true, .has_will = true, .will_qos = 1, .will_retain = retain,
        .will_topic = bytes_str(topic), .will_payload = bytes_str(payload) };
}

static void wills(void)
{
    struct world *w = w_plant(5);
    struct mqtt_connect c = with_will("sk/v1/w/gw-03/s/up", "0", true);
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    exchange_down(w->x, GW3, false);
    CHECK(bytes_equal_str(delivered(w, V).topic, "sk/v1/w/gw-03/s/up") && w->x->egress[PATH_WILL] == 1);
    w_forget(w);
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    exchange_down(w->x, GW3, true);
    CHECK(got(w, V, MQTT_PUBLISH) == 0);
    static const uint8_t bye[] = { 0xE0, 0 }, bye_with_will[] = { 0xE0, 1, 4 };
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    CHECK_OK(c_raw(w, GW3, bye, sizeof bye));
    CHECK(got(w, V, MQTT_PUBLISH) == 0 && got(w, GW3, CLOSED) == 1);
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    CHECK_OK(c_raw(w, GW3, bye_with_will, sizeof bye_with_will));
    CHECK(got(w, V, MQTT_PUBLISH) == 1);
    /* N12: to a topic it may not write */
    c = with_will("sk/v1/w/gw-02/s/up", "0", false);
    CHECK_IS(c_connect_with(w, GW3, "gw-03", &c), E_DENIED);
    CHECK(connack(w, GW3).reason == MQTT_NOT_AUTHORIZED && told(w, "will-refused", "no-grant") == 1);
    c = with_will("$SYS/x", "0", false);
    CHECK_IS(c_connect_with(w, GW3, "gw-03", &c), E_DENIED);
    /* the right is gone when the will comes */
    c = with_will("sk/v1/w/gw-03/a/gone", "0", false);
    CHECK_OK(c_connect_with(w, GW3, "gw-03", &c));
    w_trust(w, "gw-03", TRUST_REVOKE);
    w_forget(w);
    exchange_rejudge(w->x);
    CHECK(disconnect(w, GW3) == MQTT_NOT_AUTHORIZED && got(w, V, MQTT_PUBLISH) == 0);
    w_free(w);
}

static void retained(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_retain(w, GW, STATE, "on"));
    CHECK(!delivered(w, V).retain); /* live copies say so only when asked */
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    CHECK_OK(c_subscribe(w, OP2, "#", 1)); /* a refused filter brings nothing that is kept */
    CHECK(suback(w, OP2) == MQTT_NOT_AUTHORIZED && got(w, OP2, MQTT_PUBLISH) == 0);
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/+/s/#", 1));
    CHECK(delivered(w, OP2).retain && bytes_equal_str(delivered(w, OP2).payload, "on") && got(w, OP2, MQTT_PUBLISH) == 1);
    CHECK_OK(c_subscribe_with(w, OP2, "sk/v1/w/+/s/#", 1, 1, false, true)); /* 1: only when new */
    CHECK(got(w, OP2, MQTT_PUBLISH) == 1);
    CHECK_OK(c_subscribe_with(w, OP2, "sk/v1/w/gw-02/#", 1, 2, false, false)); /* 2: never */
    CHECK(got(w, OP2, MQTT_PUBLISH) == 1);
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/gw-02/#", 1));
    CHECK(got(w, OP2, MQTT_PUBLISH) == 2);
    CHECK_OK(c_retain(w, GW, STATE, "off")); /* overlapping filters: one copy, retain as published */
    CHECK(got(w, OP2, MQTT_PUBLISH) == 3 && delivered(w, OP2).retain);
    w_forget(w);
    CHECK_OK(c_retain(w, GW, STATE, ""));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/+/s/#", 1));
    CHECK(got(w, OP2, MQTT_PUBLISH) == 1 && delivered(w, OP2).payload.n == 0); /* the live one only */
    for (int i = 0; i < 9; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "sk/v1/w/gw-02/s/x%d", i);
        struct mqtt_publish p = { .retain = true, .qos = 1, .id = 5, .topic = bytes_str(topic), .payload = BYTES_LIT("1") };
        CHECK_OK(c_publish_with(w, GW, &p));
        CHECK(puback(w, GW) == (i < 8 ? 0 : MQTT_QUOTA)); /* bounds.retained */
    }
    w_free(w);
}

/* N13: written, then the right withdrawn: nobody gets it, neither now nor from a restored store. */
static void retained_without_right(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_retain(w, GW, STATE, "on"));
    w_trust(w, "gw-02", TRUST_REVOKE);
    CHECK_OK(exchange_restore_retained(w->x, BYTES_LIT("gw-02"), BYTES_LIT("sk/v1/w/gw-02/s/old"), BYTES_LIT("1"), 1));
    CHECK_IS(exchange_restore_retained(w->x, BYTES_LIT("nobody"), BYTES_LIT(STATE), BYTES_LIT("1"), 1), E_UNKNOWN);
    CHECK_IS(exchange_restore_retained(w->x, BYTES_LIT("op"), BYTES_LIT(PUMP), BYTES_LIT("1"), 1), E_DENIED);
    CHECK_OK(exchange_restore_retained(w->x, BYTES_LIT("gw-03"), BYTES_LIT("sk/v1/w/gw-03/s/old"), BYTES_LIT("1"), 1));
    w_forget(w);
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/#", 1));
    CHECK(got(w, OP2, MQTT_PUBLISH) == 1 && bytes_equal_str(delivered(w, OP2).topic, "sk/v1/w/gw-03/s/old"));
    w_free(w);
}

static void properties(void)
{
    struct world *w = w_plant(5);
    struct mqtt_publish p = { .topic = BYTES_LIT("sk/v1/w/gw-02/m/x"), .payload = BYTES_LIT("\xff"), .qos = 1, .id = 3 };
    struct mqtt_properties *q = &p.properties;
    q->has = (uint64_t)1 << MQTT_HAS_content_type | (uint64_t)1 << MQTT_HAS_correlation | (uint64_t)1 << MQTT_HAS_message_expiry_s;
    q->content_type = BYTES_LIT("text/plain");
    q->correlation = BYTES_LIT("c-1");
    q->message_expiry_s = 10;
    q->users = 3;
    q->user[0] = (struct mqtt_user) { BYTES_LIT("traceparent"), BYTES_LIT("00-1") };
    q->user[1] = (struct mqtt_user) { BYTES_LIT("sk-flag"), BYTES_LIT("forged") };
    q->user[2] = (struct mqtt_user) { BYTES_LIT("sk-origin"), BYTES_LIT("plc-1") };
    CHECK_OK(c_publish_with(w, GW, &p));
    struct mqtt_publish d = delivered(w, V);
    CHECK(bytes_equal_str(d.properties.content_type, "text/plain") && bytes_equal_str(d.properties.correlation, "c-1"));
    CHECK(d.properties.message_expiry_s == 10 && d.properties.users == 2);
    CHECK(bytes_equal_str(d.properties.user[0].name, "traceparent") && bytes_equal_str(d.properties.user[1].name, "sk-origin"));
    q->has |= (uint64_t)1 << MQTT_HAS_payload_format;
    q->payload_format = 1;
    CHECK_OK(c_publish_with(w, GW, &p));
    CHECK(puback(w, GW) == MQTT_PAYLOAD_FORMAT);
    /* retained and waiting: the time it waited is taken off; afterwards it is gone */
    q->has &= ~((uint64_t)1 << MQTT_HAS_payload_format);
    p.retain = true;
    CHECK_OK(c_publish_with(w, GW, &p));
    w->mono += 4000;
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/#", 1));
    CHECK(delivered(w, OP2).properties.message_expiry_s == 6 && delivered(w, OP2).retain);
    w->mono += 6000;
    w_forget(w);
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/#", 1));
    CHECK(got(w, OP2, MQTT_PUBLISH) == 0);
    w_free(w);
}

static size_t named(const struct mqtt_properties *p, const char *name, const char *value)
{
    size_t n = 0;
    for (size_t i = 0; i < p->users; i++)
        n += bytes_equal_str(p->user[i].name, name) && bytes_equal_str(p->user[i].value, value);
    return n;
}

/* The stream's label travels, live and retained, as it is declared now; what a publisher says of it never does. */
static void labels(void)
{
    struct world *w = w_plant(5);
    struct mqtt_publish p = { .topic = bytes_str(FLOW), .payload = BYTES_LIT("1"), .qos = 1, .id = 3, .retain = true };
    p.properties.users = MQTT_USER_PROPERTIES_MAX;
    for (size_t i = 0; i < MQTT_USER_PROPERTIES_MAX; i++) p.properties.user[i] = (struct mqtt_user) { BYTES_LIT("x"), BYTES_LIT("y") };
    p.properties.user[0] = (struct mqtt_user) { BYTES_LIT("sk-label"), BYTES_LIT("public") };
    CHECK_OK(c_publish_with(w, GW, &p));
    struct mqtt_publish d = delivered(w, V);
    CHECK(named(&d.properties, "sk-label", "internal") == 1 && named(&d.properties, "sk-label", "public") == 0);
    CHECK(named(&d.properties, "x", "y") == MQTT_USER_PROPERTIES_MAX - 1);
    p.properties.user[0].name = BYTES_LIT("x");
    w_trust(w, "gw-02", TRUST_QUOTE_BAD); /* flag and label both, at the bound */
    CHECK_OK(c_publish_with(w, GW, &p));
    d = delivered(w, V);
    CHECK(d.properties.users == MQTT_USER_PROPERTIES_MAX && named(&d.properties, "sk-label", "internal") == 1
        && named(&d.properties, "sk-flag", "quarantined") == 1);
    w_apply(w, ENTRY_STREAM, "{\"name\":\"flow\",\"pattern\":\"sk/v1/w/+/m/flow\",\"recorded\":true,\"label\":\"confidential\"}");
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    CHECK_OK(c_subscribe(w, OP2, "sk/v1/w/#", 1));
    d = delivered(w, OP2); /* retained under the old one */
    CHECK(named(&d.properties, "sk-label", "confidential") == 1 && named(&d.properties, "sk-label", "internal") == 0);
    w_free(w);
}

static void flags(void)
{
    struct world *w = w_plant(5);
    w_trust(w, "gw-02", TRUST_QUOTE_BAD);
    exchange_rejudge(w->x);
    CHECK(got(w, GW, CLOSED) == 0);
    CHECK_OK(c_publish(w, GW, FLOW, "9", 1));
    struct mqtt_publish d = delivered(w, V);
    CHECK(d.properties.users == 2 && bytes_equal_str(d.properties.user[0].name, "sk-label"));
    CHECK(bytes_equal_str(d.properties.user[1].name, "sk-flag") && bytes_equal_str(d.properties.user[1].value, "quarantined"));
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/a/low", "1", 1));
    CHECK(bytes_equal_str(delivered(w, V).topic, "sk/v1/w/gw-02/a/low") && puback(w, GW) == 0);
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.flagged == 2);
    w_free(w);
}

static void slow_consumer(void)
{
    struct world *w = w_plant(5);
    for (int i = 0; i < 12; i++) CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    CHECK(got(w, V, MQTT_PUBLISH) == 4 && told(w, "slow-consumer", NULL) == 1); /* inflight 4, queue 4, lost 4 */
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.dropped == 4);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "0", 0));
    CHECK(got(w, V, MQTT_PUBLISH) == 4);
    uint16_t first = delivered(w, V).id;
    CHECK_OK(c_ack(w, V, 60000)); /* not ours */
    CHECK(got(w, V, MQTT_PUBLISH) == 4);
    for (uint16_t i = 0; i < 8; i++) CHECK_OK(c_ack(w, V, (uint16_t)(first - 3 + i)));
    CHECK(got(w, V, MQTT_PUBLISH) == 8 && w->x->egress[PATH_QUEUE] == 4);
    /* of a recorded stream nothing is left out in silence */
    for (int i = 0; i < 8; i++) CHECK_OK(c_publish(w, GW, FLOW, "1", 0)); /* QoS 0 goes through */
    CHECK(got(w, V, MQTT_PUBLISH) == 16 && got(w, V, CLOSED) == 0);
    for (int i = 0; i < 21; i++) { /* 4 in flight, 16 wait: in memory, then by their place in the ledger */
        CHECK(got(w, V, CLOSED) == 0);
        CHECK_OK(c_publish(w, GW, FLOW, "1", 1));
        exchange_durable(w->x, w->records);
    }
    CHECK(disconnect(w, V) == MQTT_QUOTA && got(w, V, CLOSED) == 1);
    w_free(w);
}

/* Rights withdrawn while messages wait are seen when they would go. */
static void queued_and_revoked(void)
{
    struct world *w = w_plant(5);
    for (int i = 0; i < 6; i++) CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    uint16_t first = delivered(w, V).id;
    w_trust(w, "gw-02", TRUST_REVOKE);
    CHECK_OK(c_ack(w, V, first));
    CHECK(got(w, V, MQTT_PUBLISH) == 4 && w->x->egress[PATH_QUEUE] == 2);
    w_free(w);
}

static void receive_maximum(void)
{
    struct world *w = w_plant(5);
    for (int i = 0; i < 4; i++) CHECK_OK(c_publish(w, GW, FLOW, "1", 1));
    CHECK_IS(c_publish(w, GW, FLOW, "1", 1), E_MALFORMED);
    CHECK(disconnect(w, GW) == MQTT_RECEIVE_MAX);
    exchange_durable(w->x, 9); /* acknowledgements of a link that is gone go nowhere */
    CHECK(got(w, GW, MQTT_PUBACK) == 0);
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("op") };
    c.properties.has = (uint64_t)1 << MQTT_HAS_receive_maximum | (uint64_t)1 << MQTT_HAS_maximum_packet;
    c.properties.receive_maximum = 1;
    c.properties.maximum_packet = 60;
    exchange_down(w->x, OP, true);
    CHECK_OK(c_connect_with(w, OP, "op", &c));
    CHECK_OK(c_subscribe(w, OP, "sk/v1/w/#", 1));
    CHECK_OK(c_connect(w, GW, "gw-02", "gw-02", 5));
    w_forget(w);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "2", 1));
    CHECK(got(w, OP, MQTT_PUBLISH) == 1);
    CHECK_OK(c_ack(w, OP, delivered(w, OP).id));
    CHECK(got(w, OP, MQTT_PUBLISH) == 2);
    CHECK_OK(c_ack(w, OP, delivered(w, OP).id));
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "123456789012345678901234567890123456789012345678901234567890", 1));
    CHECK(got(w, OP, MQTT_PUBLISH) == 2); /* larger than it takes */
    w_free(w);
}

static void rejudged(void)
{
    struct world *w = w_plant(5);
    w_apply(w, ENTRY_LIFE, "{\"id\":\"gw-02\",\"what\":\"life\",\"from\":\"enrolled\",\"event\":\"retire\",\"to\":\"retired\"}");
    exchange_rejudge(w->x);
    CHECK(disconnect(w, GW) == MQTT_ADMINISTRATIVE && got(w, GW, CLOSED) == 1 && got(w, V, CLOSED) == 0);
    w_apply(w, ENTRY_IDENTITY, "{\"id\":\"v\",\"role\":\"device\",\"life\":\"enrolled\",\"trust\":\"attested\"}");
    exchange_rejudge(w->x); /* a viewer no more: its subscription goes, its link stays */
    CHECK(got(w, V, CLOSED) == 0 && told(w, "subscription-withdrawn", "no-grant") == 1);
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.subscriptions == 0 && c.sessions == 2);
    w_free(w);
}

struct heard {
    size_t n;
    char topic[128];
    bool flagged;
};

static void hear(void *ctx, const struct message *m, const struct verdict *v)
{
    struct heard *h = ctx;
    (void)v;
    h->n++;
    h->flagged = m->flagged;
    CHECK_QUIET(ok(bytes_to_text(m->topic, h->topic, sizeof h->topic)));
}

/* What a page shows is judged at the same place, for whoever was made for the question: nothing is remembered of him. */
static void pages(void)
{
    struct world *w = w_plant(5);
    struct identity who = { .id = "yuki", .role = ROLE_VIEWER, .life = LIFE_ENROLLED };
    static const struct showing live = { false, NULL }, was = { true, NULL };
    struct message m = { .from = registry_identity(w->r, "gw-02"), .topic = bytes_str(FLOW) }, shown;
    CHECK(exchange_shows(w->x, &who, &m, &live, &shown) && exchange_shows(w->x, &who, &m, &was, &shown));
    CHECK(w->x->egress[PATH_PAGE] == 1 && w->x->egress[PATH_HISTORY] == 1);
    who.role = ROLE_DEVICE;
    CHECK(!exchange_shows(w->x, &who, &m, &live, &shown) && !exchange_shows(w->x, &who, &m, &was, &shown));
    who.role = ROLE_VIEWER;
    w_trust(w, "gw-02", TRUST_REVOKE);
    CHECK(!exchange_shows(w->x, &who, &m, &live, &shown) && exchange_shows(w->x, &who, &m, &was, &shown)); /* what was, was */
    w_free(w);
}

static void taps(void)
{
    struct world *w = w_plant(5);
    struct heard all = { 0 }, own = { 0 };
    uint32_t a, b, again;
    CHECK_OK(c_retain(w, GW, STATE, "on"));
    CHECK_OK(c_retain(w, GW, "sk/v1/w/gw-02/att/evidence", "{}"));
    CHECK_OK(exchange_tap_new(w->x, registry_identity(w->r, "v"), BYTES_LIT("sk/v1/w/#"), hear, &all, &a));
    CHECK(all.n == 1 && strcmp(all.topic, STATE) == 0);
    CHECK_OK(exchange_tap_new(w->x, NULL, BYTES_LIT("sk/v1/w/+/att/evidence"), hear, &own, &b));
    CHECK(own.n == 1);
    own.n = 0;
    CHECK_IS(exchange_tap_new(w->x, registry_identity(w->r, "v"), BYTES_LIT("#"), hear, &all, &again), E_DENIED);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/att/evidence", "{}", 1));
    CHECK(own.n == 1 && all.n == 1 && got(w, V, MQTT_PUBLISH) == 1); /* evidence is the server's alone */
    CHECK_OK(c_publish(w, GW, FLOW, "1", 0));
    CHECK(all.n == 2);
    w_trust(w, "v", TRUST_REVOKE);
    CHECK_OK(c_publish(w, GW, FLOW, "1", 0));
    CHECK(all.n == 2 && w->x->egress[PATH_TAP] >= 4);
    exchange_tap_free(w->x, b);
    CHECK_OK(exchange_tap_new(w->x, NULL, BYTES_LIT("sk/v1/w/+/att/evidence"), hear, &own, &again));
    CHECK(own.n == 2);
    exchange_tap_free(w->x, b); /* an old number frees nothing */
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/att/evidence", "{}", 1));
    CHECK(own.n == 3);
    w_free(w);
}

static void server(void)
{
    struct world *w = w_plant(5);
    struct message m = { .topic = BYTES_LIT("sk/v1/w/gw-02/att/challenge"), .payload = BYTES_LIT("{}"), .qos = 1 };
    w_trust(w, "gw-02", TRUST_QUOTE_BAD);
    CHECK_OK(exchange_publish(w->x, &m));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1 && got(w, V, MQTT_PUBLISH) == 0 && w->x->egress[PATH_SERVER] == 2);
    m = (struct message) { .topic = BYTES_LIT("sk/v1/w/_gate/risk"), .payload = BYTES_LIT("{}"), .qos = 1, .retain = true };
    CHECK_OK(exchange_publish(w->x, &m));
    CHECK(got(w, V, MQTT_PUBLISH) == 1);
    m = (struct message) { .from = registry_identity(w->r, "v"), .topic = BYTES_LIT(PUMP), .payload = BYTES_LIT(START) };
    CHECK_IS(exchange_publish(w->x, &m), E_DENIED);
    m.topic = BYTES_LIT("a/#");
    CHECK_IS(exchange_publish(w->x, &m), E_MALFORMED);
    w_free(w);
}

static void odds(void)
{
    struct world *w = w_plant(4);
    static const uint8_t ping[] = { 0xC0, 0 };
    CHECK_OK(c_raw(w, V, ping, 2));
    CHECK(got(w, V, MQTT_PINGRESP) == 1);
    struct buffer b = BUFFER(4096);
    struct mqtt_subscribe s = { .id = 9, .n = 1, .rows = { { .filter = BYTES_LIT("sk/v1/w/#") } } };
    CHECK_OK(mqtt_write_unsubscribe(4, &s, &b));
    CHECK_OK(c_send(w, V, &b));
    CHECK_OK(c_publish(w, GW, FLOW, "1", 0));
    CHECK(got(w, V, MQTT_UNSUBACK) == 1 && got(w, V, MQTT_PUBLISH) == 0);
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-03/m/x", "1", 1)); /* 3.1.1: a plain PUBACK, and the word is told */
    CHECK(got(w, GW, MQTT_PUBACK) == 1 && told(w, "publish-refused", "no-grant") == 1);
    CHECK_OK(c_subscribe(w, V, "#", 1));
    CHECK(suback(w, V) == 0x80);
    w_free(w);
    w = w_plant(5); /* no local */
    CHECK_OK(c_subscribe_with(w, OP, "sk/v1/w/+/cmd/#", 1, 0, true, false));
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(got(w, OP, MQTT_PUBLISH) == 0 && got(w, GW, MQTT_PUBLISH) == 1);
    w_free(w);
}

/* Every session slot used, freed, used again; one more is refused. */
static void bounded(void)
{
    struct world *w = w_new();
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 32; i++) {
            char id[32];
            snprintf(id, sizeof id, "v/%u", i);
            CHECK_QUIET(ok(c_connect(w, i, "v", id, 5)) && ok(c_subscribe(w, i, "sk/v1/w/#", 1)) && ok(c_subscribe(w, i, "sk/v1/w/a", 1)));
            if (i == 31) CHECK_IS(exchange_up(w->x, 40, registry_identity(w->r, "v")), E_FULL);
        }
        CHECK_OK(c_subscribe(w, 0, "sk/v1/w/b", 1));
        CHECK(suback(w, 0) == MQTT_QUOTA); /* bounds.subscriptions */
        for (uint32_t i = 0; i < 32; i++) exchange_down(w->x, i, true);
        w_forget(w);
    }
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.links == 0 && c.sessions == 0 && c.subscriptions == 0);
    w_free(w);
}

int main(void)
{
    data_flows(4);
    data_flows(5);
    not_recorded();
    refusals();
    protocol_errors();
    connects();
    takeover();
    wills();
    retained();
    retained_without_right();
    properties();
    labels();
    flags();
    slow_consumer();
    queued_and_revoked();
    receive_maximum();
    rejudged();
    taps();
    pages();
    server();
    odds();
    bounded();
    return TEST_END;
}
