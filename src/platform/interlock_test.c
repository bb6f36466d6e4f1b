/* Commands under conditions: the interlock on another stream's newest value, the second person, the longest life. */
#include "platform/exchange_fixture.h"

#define LEVEL "sk/v1/w/gw-03/m/level"
#define PUMP_STREAM "{\"name\":\"pump\",\"pattern\":\"sk/v1/w/+/cmd/pump\",\"command\":true,\"recorded\":true,\"safe\":[\"stop\"],\"expiry_s\":30,"
#define LOCK "\"interlock\":[{\"topic\":\"" LEVEL "\",\"unit\":\"m\",\"below\":\"4.5\",\"within_s\":10,\"do\":[\"start\"]}]"

static struct world *with(const char *more)
{
    char json[500];
    struct world *w = w_plant(5);
    CHECK_QUIET(ok(c_connect(w, GW3, "gw-03", "gw-03", 5)));
    w_apply(w, ENTRY_STREAM, "{\"name\":\"level\",\"pattern\":\"sk/v1/w/+/m/level\",\"recorded\":true,\"fields\":[{\"unit\":\"m\",\"min\":0,\"max\":5}]}");
    snprintf(json, sizeof json, "%s%s}", PUMP_STREAM, more);
    w_apply(w, ENTRY_STREAM, json);
    return w;
}

/* Orders it; whether the device got it. */
static bool goes(struct world *w, const char *order)
{
    w_forget(w);
    CHECK_OK(c_publish(w, OP, PUMP, order, 1));
    exchange_durable(w->x, w->records);
    if (got(w, GW, MQTT_PUBLISH)) CHECK_OK(c_ack(w, GW, delivered(w, GW).id));
    return got(w, GW, MQTT_PUBLISH) == 1;
}

static void locked(void)
{
    struct world *w = with(LOCK);
    CHECK(!goes(w, START) && puback(w, OP) == MQTT_NOT_AUTHORIZED && told(w, "command-refused", "interlock-unknown") == 1);
    CHECK(puback_says(w, OP, "interlock-unknown: value of " LEVEL ": no good value was heard; sekimori why op command " PUMP));
    CHECK_OK(c_publish(w, GW3, LEVEL, "4.4", 0));
    CHECK(goes(w, START));
    CHECK_OK(c_publish(w, GW3, LEVEL, "4.5", 0));
    CHECK(!goes(w, START) && told(w, "command-refused", "interlock") == 1);
    CHECK(puback_says(w, OP, "interlock: value of " LEVEL " is 4.5 m, must be below 4.5 m; sekimori why op command " PUMP));
    CHECK(goes(w, STOP) && goes(w, "{\"do\":\"slower\"}")); /* the safe direction; another order than it is about */
    CHECK_OK(c_publish(w, GW3, LEVEL, "1", 0));
    CHECK(goes(w, START));
    w->wall += 11000;
    CHECK(!goes(w, START) && told(w, "command-refused", "interlock-unknown") == 1); /* too old */
    CHECK_OK(c_publish(w, GW3, LEVEL, "1", 0));
    CHECK_OK(c_publish(w, GW3, LEVEL, "77", 0)); /* impossible: the good one before it is not relied on either */
    CHECK(!goes(w, START));
    CHECK_OK(c_publish(w, GW3, LEVEL, "1", 0));
    CHECK(goes(w, START));
    w_trust(w, "gw-03", TRUST_QUOTE_BAD); /* marked: not to be relied on */
    CHECK_OK(c_publish(w, GW3, LEVEL, "1", 0));
    CHECK(!goes(w, START));
    w_free(w);
}

/* What the stream says where it cannot be judged; never where it is known to be broken. */
static void unsure(void)
{
    struct world *w = with("\"fail\":\"pass-flag\"," LOCK);
    CHECK(goes(w, START));
    struct mqtt_publish p = delivered(w, GW);
    bool flagged = false;
    for (size_t i = 0; i < p.properties.users; i++)
        flagged |= bytes_equal_str(p.properties.user[i].name, "sk-flag") && bytes_equal_str(p.properties.user[i].value, "interlock-unknown");
    CHECK(flagged);
    CHECK_OK(c_publish(w, GW3, LEVEL, "4.9", 0));
    CHECK(!goes(w, START) && told(w, "command-refused", "interlock") == 1);
    w_free(w);
}

static void other_unit(void)
{
    struct world *w = with("\"interlock\":[{\"topic\":\"" LEVEL "\",\"unit\":\"ft\",\"below\":10}]");
    CHECK_OK(c_publish(w, GW3, LEVEL, "1", 0));
    CHECK(!goes(w, START) && told(w, "command-refused", "interlock-unknown") == 1);
    w_free(w);
}

static void two_people(void)
{
    struct world *w = with("\"people\":2");
    const struct held *h[2];
    CHECK(!goes(w, START) && puback(w, OP) == MQTT_IMPLEMENTATION && told(w, "command-held", "two-person") == 1);
    CHECK(goes(w, STOP));
    CHECK(exchange_held(w->x, h, 2) == 1 && strcmp(h[0]->why, "two-person") == 0 && h[0]->limit[0] == 0);
    char id[16];
    snprintf(id, sizeof id, "%s", h[0]->id);
    CHECK_IS(exchange_approve(w->x, id, "op"), E_DENIED); /* its sender */
    CHECK_IS(exchange_approve(w->x, id, ""), E_DENIED);
    CHECK_IS(exchange_approve(w->x, "H-99", "hanako"), E_UNKNOWN);
    struct arena a = ARENA(65536);
    struct verdict v;
    CHECK(ok(exchange_forecast_held(w->x, id, &a, doc_list(&a), &v)) && v.ruling == RULING_ALLOW);
    arena_deinit(&a);
    w_forget(w);
    CHECK_OK(exchange_approve(w->x, id, "hanako"));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1 && bytes_equal_str(delivered(w, GW).payload, START) && told(w, "command-released", NULL) == 1);
    CHECK_IS(exchange_approve(w->x, id, "hanako"), E_UNKNOWN); /* once */
    CHECK(!goes(w, START));
    CHECK(exchange_held(w->x, h, 2) == 1);
    snprintf(id, sizeof id, "%s", h[0]->id);
    w_limit(w, LIMIT_HOLD, true); /* what two must sign, one cannot approve */
    CHECK_IS(exchange_approve(w->x, id, "hanako"), E_HELD);
    CHECK(exchange_held(w->x, h, 2) == 1 && strcmp(h[0]->why, "limit") == 0 && strcmp(h[0]->limit, "L-7") == 0 && h[0]->by[0] == 0);
    CHECK_IS(exchange_approve(w->x, id, "hanako"), E_DENIED);
    w_forget(w);
    CHECK_OK(exchange_release(w->x, id));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1);
    w_limit(w, LIMIT_NONE, false);
    CHECK(!goes(w, START) && exchange_held(w->x, h, 1) == 1);
    snprintf(id, sizeof id, "%s", h[0]->id);
    w->mono += 600001;
    CHECK_IS(exchange_approve(w->x, id, "hanako"), E_EXPIRED);
    w_free(w);
}

#define TOOL "{\"id\":\"%s\",\"role\":\"operator\",\"life\":\"enrolled\",\"trust\":\"attested\",\"person\":\"%s\"}"

static void tool_of(struct world *w, const char *id, const char *person)
{
    char json[200];
    snprintf(json, sizeof json, TOOL, id, person);
    w_apply(w, ENTRY_IDENTITY, json);
}

/* One person with two credentials is one person. */
static void two_credentials(void)
{
    struct world *w = with("\"people\":2");
    const struct held *h[1];
    tool_of(w, "op2", "hanako");
    CHECK(!goes(w, START) && exchange_held(w->x, h, 1) == 1 && h[0]->person[0] == 0); /* nobody said whose it is: names */
    CHECK(exchange_second(w->x, h[0], "op") == SECOND_ITSELF && exchange_second(w->x, h[0], "") == SECOND_ITSELF);
    CHECK(exchange_second(w->x, h[0], "hanako") == SECOND_ANOTHER && exchange_second(w->x, h[0], "op2") == SECOND_ANOTHER);
    tool_of(w, "op", "hanako"); /* said while it waits: it counts at once */
    CHECK(exchange_second(w->x, h[0], "hanako") == SECOND_SAME_PERSON);
    CHECK_OK(exchange_drop_held(w->x, h[0]->id));
    CHECK(!goes(w, START) && exchange_held(w->x, h, 1) == 1 && strcmp(h[0]->person, "hanako") == 0);
    char id[16];
    snprintf(id, sizeof id, "%s", h[0]->id);
    CHECK(exchange_second(w->x, h[0], "op2") == SECOND_SAME_PERSON && exchange_second(w->x, h[0], "op") == SECOND_ITSELF);
    w_forget(w);
    CHECK_IS(exchange_approve(w->x, id, "hanako"), E_DENIED);
    CHECK_IS(exchange_approve(w->x, id, "op2"), E_DENIED);
    CHECK(got(w, GW, MQTT_PUBLISH) == 0 && exchange_held(w->x, h, 1) == 1 && h[0]->by[0] == 0); /* it waits on */
    CHECK_OK(exchange_approve(w->x, id, "jiro"));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1);
    w_free(w);
}

/* Approved, but the interlock has closed meanwhile: refused for good. */
static void approved_too_late(void)
{
    struct world *w = with("\"people\":2," LOCK);
    const struct held *h[1];
    CHECK_OK(c_publish(w, GW3, LEVEL, "1", 0));
    CHECK(!goes(w, START) && exchange_held(w->x, h, 1) == 1);
    char id[16];
    snprintf(id, sizeof id, "%s", h[0]->id);
    CHECK_OK(c_publish(w, GW3, LEVEL, "4.9", 0));
    w_forget(w);
    CHECK_IS(exchange_approve(w->x, id, "hanako"), E_DENIED);
    CHECK(got(w, GW, MQTT_PUBLISH) == 0 && exchange_held(w->x, NULL, 0) == 0 && told(w, "command-refused", "interlock") == 1);
    w_free(w);
}

static void life(void)
{
    struct world *w = with("\"people\":1");
    struct mqtt_publish p = { .qos = 1, .id = 5, .topic = bytes_str(PUMP), .payload = bytes_str(START) };
    p.properties.has = (uint64_t)1 << MQTT_HAS_message_expiry_s;
    p.properties.message_expiry_s = 100000;
    CHECK_OK(c_publish_with(w, OP, &p));
    CHECK(delivered(w, GW).properties.message_expiry_s == 30); /* no longer than its stream says */
    p.properties.message_expiry_s = 5;
    CHECK_OK(c_publish_with(w, OP, &p));
    CHECK(delivered(w, GW).properties.message_expiry_s == 5);
    w_free(w);
}

int main(void)
{
    locked();
    unsure();
    other_unit();
    two_people();
    two_credentials();
    approved_too_late();
    life();
    return TEST_END;
}
