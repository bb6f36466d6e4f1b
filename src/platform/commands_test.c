#include "platform/exchange_fixture.h"

static void delivered_once(uint8_t version)
{
    struct world *w = w_plant(version);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(bytes_equal_str(delivered(w, GW).payload, START) && told(w, "command-delivered", "allowed") == 1);
    CHECK(version == 4 || delivered(w, GW).properties.message_expiry_s == 60); /* the stream's default */
    CHECK(got(w, OP, MQTT_PUBACK) == 0 && w->records == 1);
    exchange_durable(w->x, 1);
    CHECK(puback(w, OP) == 0 && got(w, V, MQTT_PUBLISH) == 1); /* an observer sees it too */
    w_free(w);
}

static void nobody_there(void)
{
    struct world *w = w_plant(5);
    CHECK_OK(c_publish(w, OP, "sk/v1/w/gw-03/cmd/pump", START, 1));
    CHECK(puback(w, OP) == MQTT_NO_SUBSCRIBERS && puback_says(w, OP, "no-receiver") && w->records == 0);
    CHECK(got(w, V, MQTT_PUBLISH) == 0); /* observers are no receivers, and see only what went */
    CHECK_OK(c_publish(w, OP, "sk/v1/w/unknown/cmd/pump", START, 1));
    CHECK(puback(w, OP) == MQTT_NO_SUBSCRIBERS && told(w, "command-refused", "no-receiver") == 2);
    CHECK_OK(c_connect(w, GW3, "gw-03", "gw-03", 5));
    CHECK_OK(c_subscribe(w, GW3, "sk/v1/w/gw-03/cmd/#", 1));
    CHECK(got(w, GW3, MQTT_PUBLISH) == 0); /* never later */
    w_free(w);
}

static void held_and_released(void)
{
    struct world *w = w_plant(5);
    const struct held *h[2];
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(puback(w, OP) == MQTT_IMPLEMENTATION && puback_says(w, OP, "held H-1: limit L-7 of decision D-1; sekimori why op command sk/v1/w/gw-02/cmd/pump"));
    struct mqtt_ack a;
    uint8_t reason;
    CHECK_OK(mqtt_read_ack(last(w, OP, MQTT_PUBACK), 5, &a, &reason));
    CHECK(a.properties.users == 1 && bytes_equal_str(a.properties.user[0].name, "sk-hold") && bytes_equal_str(a.properties.user[0].value, "H-1"));
    CHECK(got(w, GW, MQTT_PUBLISH) == 0 && got(w, V, MQTT_PUBLISH) == 0 && told(w, "command-held", "limit") == 1 && w->records == 0);
    CHECK(exchange_held(w->x, h, 2) == 1 && strcmp(h[0]->id, "H-1") == 0 && strcmp(h[0]->to, "gw-02") == 0
        && strcmp(h[0]->from, "op") == 0 && strcmp(h[0]->limit, "L-7") == 0 && h[0]->until_ms == w->wall + 600000);
    CHECK_OK(c_publish(w, OP, PUMP, STOP, 1)); /* the safe direction passes */
    CHECK(got(w, GW, MQTT_PUBLISH) == 1 && bytes_equal_str(delivered(w, GW).payload, STOP));
    w_limit(w, LIMIT_NONE, false); /* restored trust alone delivers nothing */
    CHECK(exchange_turn(w->x) > 0 && got(w, GW, MQTT_PUBLISH) == 1);
    w_limit(w, LIMIT_HOLD, true);
    w->mono += 120000; /* longer than its own expiry: a release is a fresh start */
    CHECK_OK(exchange_release(w->x, "H-1"));
    CHECK(got(w, GW, MQTT_PUBLISH) == 2 && bytes_equal_str(delivered(w, GW).payload, START));
    CHECK(delivered(w, GW).properties.message_expiry_s == 60 && told(w, "command-released", "released") == 1);
    CHECK(told(w, "command-delivered", "released") == 1 && w->records == 2 && w->x->egress[PATH_RELEASE] >= 1);
    CHECK_IS(exchange_release(w->x, "H-1"), E_UNKNOWN); /* once */
    CHECK(got(w, GW, MQTT_PUBLISH) == 2 && exchange_held(w->x, NULL, 0) == 0);
    w_free(w);
}

/* In quarantine and held by a decision: the two people's release reaches the device. */
static void held_in_quarantine(void)
{
    struct world *w = w_plant(5);
    w_trust(w, "gw-02", TRUST_QUARANTINE);
    exchange_rejudge(w->x);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(puback(w, OP) == MQTT_NOT_AUTHORIZED && puback_says(w, OP, "quarantined; sekimori why op command sk/v1/w/gw-02/cmd/pump"));
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(puback(w, OP) == MQTT_IMPLEMENTATION);
    CHECK_OK(exchange_release(w->x, "H-1"));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1);
    w_free(w);
}

static void held_then(void)
{
    struct world *w = w_plant(5);
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK_OK(c_publish(w, OP, PUMP, START, 0));
    CHECK_OK(c_publish(w, OP, PUMP, START, 1)); /* bounds.held */
    CHECK(puback(w, OP) == MQTT_QUOTA && told(w, "command-refused", "holds-full") == 1);
    CHECK_OK(exchange_drop_held(w->x, "H-2"));
    CHECK_IS(exchange_drop_held(w->x, "H-2"), E_UNKNOWN);
    CHECK(told(w, "command-dropped", "dropped-by-order") == 1);
    /* nobody there: it stays; not recorded: it stays */
    exchange_down(w->x, GW, true);
    CHECK_IS(exchange_release(w->x, "H-1"), E_AGAIN);
    CHECK_OK(c_connect(w, GW, "gw-02", "gw-02", 5));
    CHECK_OK(c_subscribe(w, GW, "sk/v1/w/gw-02/cmd/#", 1));
    w->record_code = E_FULL;
    CHECK_IS(exchange_release(w->x, "H-1"), E_FULL);
    w->record_code = OK;
    CHECK(got(w, GW, MQTT_PUBLISH) == 0 && exchange_held(w->x, NULL, 0) == 1);
    /* a stricter limit since: refused for good */
    w_limit(w, LIMIT_DENY, true);
    CHECK_IS(exchange_release(w->x, "H-1"), E_DENIED);
    w_limit(w, LIMIT_NONE, true);
    CHECK_IS(exchange_release(w->x, "H-1"), E_UNKNOWN);
    CHECK(got(w, GW, MQTT_PUBLISH) == 0);
    /* its publisher has lost the right since */
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    w_trust(w, "op", TRUST_REVOKE);
    CHECK_IS(exchange_release(w->x, "H-3"), E_DENIED);
    CHECK(got(w, GW, MQTT_PUBLISH) == 0 && told(w, "command-refused", "revoked") == 1);
    w_free(w);
}

static void holds_expire(void)
{
    struct world *w = w_plant(5);
    exchange_holds_from(w->x, 12);
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    w->wall += 1000000000; /* the wall clock jumps: nothing happens */
    CHECK(exchange_turn(w->x) == 600000 && exchange_held(w->x, NULL, 0) == 1);
    w->mono += 599999;
    CHECK(exchange_turn(w->x) == 1);
    w->mono += 1;
    CHECK_IS(exchange_release(w->x, "H-12"), E_EXPIRED);
    CHECK(told(w, "command-expired", "expired") == 1 && got(w, GW, MQTT_PUBLISH) == 0);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    w->mono += 600000;
    CHECK(exchange_turn(w->x) == -1 && told(w, "command-expired", "expired") == 2 && exchange_held(w->x, NULL, 0) == 0);
    CHECK_IS(exchange_release(w->x, "H-13"), E_UNKNOWN);
    w_free(w);
}

static void refused(void)
{
    struct world *w = w_plant(5);
    static const enum limit_mode modes[] = { LIMIT_SAFE, LIMIT_DENY };
    for (size_t i = 0; i < 2; i++) {
        w_limit(w, modes[i], true);
        CHECK_OK(c_publish(w, OP, PUMP, START, 1));
        CHECK(puback(w, OP) == MQTT_NOT_AUTHORIZED && puback_says(w, OP, "limit L-7 of decision D-1; sekimori why op command sk/v1/w/gw-02/cmd/pump"));
    }
    CHECK(told(w, "command-refused", "limit") == 2 && w->records == 0);
    w_limit(w, LIMIT_NONE, true);
    CHECK(exchange_turn(w->x) == -1 && got(w, GW, MQTT_PUBLISH) == 0); /* never later */
    w_limit(w, LIMIT_HOLD, false); /* observe mode: said, counted, nothing withheld */
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1 && told(w, "observed", "observed") == 1);
    struct exchange_counts c;
    exchange_count(w->x, &c);
    CHECK(c.observed == 1);
    /* readings and alarms are met by no limit on commands */
    w_limit(w, LIMIT_DENY, true);
    CHECK_OK(c_publish(w, GW, FLOW, "1", 0));
    CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/a/low", "1", 0));
    CHECK(got(w, V, MQTT_PUBLISH) == 3);
    struct mqtt_publish p = { .qos = 1, .id = 4, .retain = true, .topic = BYTES_LIT(PUMP), .payload = BYTES_LIT(STOP) };
    CHECK_OK(c_publish_with(w, OP, &p));
    CHECK(puback_says(w, OP, "retained-command"));
    w->record_code = E_IO;
    CHECK_OK(c_publish(w, OP, PUMP, STOP, 1));
    CHECK(puback(w, OP) == MQTT_QUOTA && got(w, GW, MQTT_PUBLISH) == 1);
    w_free(w);
}

static void plain_acknowledgements(void)
{
    struct world *w = w_plant(4);
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(got(w, OP, MQTT_PUBACK) == 1 && last(w, OP, MQTT_PUBACK).n == 4 && told(w, "command-held", NULL) == 1);
    w_limit(w, LIMIT_DENY, true);
    CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(got(w, OP, MQTT_PUBACK) == 2 && told(w, "command-refused", "limit") == 1);
    w_free(w);
}

static void responses(void)
{
    static const struct { const char *topic; bool good; } rows[] = {
        { "sk/v1/w/gw-02/cmd/pump/reply", true }, { "sk/v1/w/gw-03/cmd/pump/reply", false },
        { "sk/v1/w/gw-02/cmd/pump", false }, { "sk/v1/w/gw-02/m/flow", false }, { "sk/v1/w/_gate/risk", false },
        { "sk/v1/x/gw-02/cmd/pump/reply", false }, { "sk/v1/w/gw-02/cmd/a/b/reply", false }, { "anything", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = w_plant(5);
        struct mqtt_publish p = { .qos = 1, .id = 4, .topic = BYTES_LIT(PUMP), .payload = BYTES_LIT(START) };
        p.properties.has = (uint64_t)1 << MQTT_HAS_response_topic | (uint64_t)1 << MQTT_HAS_correlation;
        p.properties.response_topic = bytes_str(rows[i].topic);
        p.properties.correlation = BYTES_LIT("c");
        CHECK_OK(c_publish_with(w, OP, &p));
        CHECK((got(w, GW, MQTT_PUBLISH) == 1) == rows[i].good);
        if (rows[i].good) CHECK(bytes_equal_str(delivered(w, GW).properties.response_topic, rows[i].topic));
        else CHECK(puback_says(w, OP, "response-topic"));
        CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/cmd/pump/reply", "done", 1));
        CHECK(bytes_equal_str(delivered(w, V).payload, "done"));
        w_free(w);
    }
}

/* A device that does not keep up: what waits is judged again when it would go, and expires where it stands. */
static void waiting(void)
{
    struct world *w = w_plant(5);
    for (int i = 0; i < 8; i++) { /* window 4, queue 4 */
        CHECK_OK(c_publish(w, OP, PUMP, START, 1));
        exchange_durable(w->x, w->records);
    }
    CHECK(got(w, GW, MQTT_PUBLISH) == 4 && told(w, "command-delivered", NULL) == 4);
    uint16_t first = (uint16_t)(delivered(w, GW).id - 3);
    CHECK_OK(c_ack(w, GW, first));
    CHECK(told(w, "command-delivered", NULL) == 5);
    w_limit(w, LIMIT_HOLD, true);
    CHECK_OK(c_ack(w, GW, (uint16_t)(first + 1)));
    CHECK(told(w, "command-delivered", NULL) == 5 && told(w, "command-held", NULL) == 2 && exchange_held(w->x, NULL, 0) == 2);
    CHECK(told(w, "command-refused", "holds-full") == 1);
    w_limit(w, LIMIT_NONE, true);
    CHECK_OK(c_ack(w, GW, (uint16_t)(first + 2)));
    CHECK(got(w, GW, MQTT_PUBLISH) == 5);
    CHECK_OK(exchange_release(w->x, "H-1"));
    CHECK(got(w, GW, MQTT_PUBLISH) == 6);
    for (int i = 0; i < 3; i++) CHECK_OK(c_publish(w, OP, PUMP, START, 1));
    CHECK(got(w, GW, MQTT_PUBLISH) == 7 && w->x->queued_commands == 2);
    w->mono += 59999;
    CHECK(exchange_turn(w->x) == 1000 && w->x->queued_commands == 2);
    w->mono += 1;
    (void)exchange_turn(w->x);
    CHECK(w->x->queued_commands == 0 && told(w, "command-expired", "expired") == 2);
    w_free(w);
    w = w_plant(5); /* full: said to the publisher, not lost in silence; the slow link ends */
    for (int i = 0; i < 9; i++) {
        CHECK_OK(c_publish(w, OP, PUMP, START, 1));
        exchange_durable(w->x, w->records);
    }
    CHECK(puback(w, OP) == MQTT_QUOTA && disconnect(w, GW) == MQTT_QUOTA);
    CHECK(told(w, "command-dropped", "link-closed") == 4); /* those that waited, each said */
    w_free(w);
}

static void expiry_given(void)
{
    struct world *w = w_plant(5);
    struct mqtt_publish p = { .qos = 1, .id = 4, .topic = BYTES_LIT(PUMP), .payload = BYTES_LIT(START) };
    p.properties.has = (uint64_t)1 << MQTT_HAS_message_expiry_s;
    p.properties.message_expiry_s = 5;
    CHECK_OK(c_publish_with(w, OP, &p));
    CHECK(delivered(w, GW).properties.message_expiry_s == 5);
    p.properties.message_expiry_s = 0;
    CHECK_OK(c_publish_with(w, OP, &p));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1 && told(w, "command-expired", "expired") == 1 && puback(w, OP) == MQTT_NOT_AUTHORIZED);
    w_free(w);
}

static void from_inside(void)
{
    struct world *w = w_plant(5);
    struct message m = { .from = registry_identity(w->r, "op"), .topic = BYTES_LIT(PUMP), .payload = BYTES_LIT(START), .qos = 1 };
    CHECK_OK(exchange_publish(w->x, &m));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1);
    w_limit(w, LIMIT_HOLD, true);
    CHECK_IS(exchange_publish(w->x, &m), E_HELD);
    m.topic = BYTES_LIT("sk/v1/w/gw-03/cmd/pump");
    CHECK_IS(exchange_publish(w->x, &m), E_UNKNOWN);
    w_free(w);
}

int main(void)
{
    delivered_once(4);
    delivered_once(5);
    nobody_there();
    held_and_released();
    held_in_quarantine();
    held_then();
    holds_expire();
    refused();
    plain_acknowledgements();
    responses();
    waiting();
    expiry_given();
    from_inside();
    return TEST_END;
}
