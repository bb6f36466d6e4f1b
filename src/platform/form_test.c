/* How streams fail: each policy, live, retained and from the record; what is never stopped. */
#include "platform/exchange_fixture.h"

#define LEVEL "sk/v1/w/gw-02/m/level"
#define FIELDS ",\"fields\":[{\"unit\":\"m\",\"min\":0,\"max\":5}]}"

static struct world *with(const char *fail)
{
    char json[300];
    struct world *w = w_plant(5);
    snprintf(json, sizeof json, "{\"name\":\"level\",\"pattern\":\"sk/v1/w/+/m/level\",\"recorded\":true,\"fail\":\"%s\"" FIELDS, fail);
    w_apply(w, ENTRY_STREAM, json);
    return w;
}

static bool carries(const struct mqtt_publish *p, const char *name, const char *value)
{
    for (size_t i = 0; i < p->properties.users; i++)
        if (bytes_equal_str(p->properties.user[i].name, name) && bytes_equal_str(p->properties.user[i].value, value)) return true;
    return false;
}

static void closed(void)
{
    struct world *w = with("closed");
    CHECK_OK(c_publish(w, GW, LEVEL, "7.2", 1));
    CHECK(puback(w, GW) == MQTT_PAYLOAD_FORMAT && puback_says(w, GW, "schema-range: payload: 7.2 m, expected 0 m to 5 m"));
    CHECK(got(w, V, MQTT_PUBLISH) == 0 && w->records == 0 && told(w, "publish-refused", "schema-range") == 1 && told(w, "form-broken", "schema-range") == 1);
    CHECK_OK(c_publish(w, GW, LEVEL, "9", 1));
    CHECK(told(w, "form-broken", NULL) == 1); /* at the change */
    CHECK_OK(c_publish(w, GW, LEVEL, "4.2", 1));
    CHECK(got(w, V, MQTT_PUBLISH) == 1 && w->records == 1 && told(w, "form-good", NULL) == 1 && !carries(&(struct mqtt_publish) { 0 }, "", ""));
    CHECK_OK(c_publish(w, GW, LEVEL, "4.3", 1));
    CHECK(told(w, "form-good", NULL) == 1);
    w_free(w);
}

static void flagged(void)
{
    struct world *w = with("pass-flag");
    CHECK_OK(c_publish(w, GW, LEVEL, "7.2", 1));
    exchange_durable(w->x, w->records);
    struct mqtt_publish p = delivered(w, V);
    CHECK(puback(w, GW) == 0 && bytes_equal_str(p.payload, "7.2") && carries(&p, "sk-flag", "schema-range"));
    CHECK(told(w, "publish-flagged", "schema-range") == 1 && w->log[0].flagged);
    w_free(w);
}

static void held(void)
{
    struct world *w = with("hold-last");
    CHECK_OK(c_publish(w, GW, LEVEL, "7.2", 1)); /* nothing to hold yet */
    CHECK(puback(w, GW) == MQTT_PAYLOAD_FORMAT && got(w, V, MQTT_PUBLISH) == 0);
    CHECK_OK(c_publish(w, GW, LEVEL, "4.25", 1));
    exchange_durable(w->x, w->records);
    CHECK(puback(w, GW) == 0);
    CHECK_OK(c_publish(w, GW, LEVEL, "-1", 1));
    struct mqtt_publish p = delivered(w, V);
    CHECK(puback(w, GW) == MQTT_PAYLOAD_FORMAT && puback_says(w, GW, "schema-range: payload: -1 m, expected 0 m to 5 m"));
    CHECK(bytes_equal_str(p.payload, "4.25") && carries(&p, "sk-flag", "stale") && carries(&p, "sk-source", "0")
        && carries(&p, "sk-stale-since", "1970-01-01T00:16:40.000Z") && carries(&p, "sk-label", "internal"));
    CHECK(told(w, "publish-kept-back", "schema-range") == 1 && w->records == 2 && w->log[1].flagged);
    CHECK_OK(c_publish(w, GW, LEVEL, "junk", 0)); /* what is held is the good one, not what was held */
    p = delivered(w, V);
    CHECK(bytes_equal_str(p.payload, "4.25") && carries(&p, "sk-source", "0"));
    w_free(w);
}

/* A new core finds the last good values in the record: what hold-last keeps, and how old it is; what was marked or broke its form is none. */
static void restored(void)
{
    struct world *w = with("hold-last");
    CHECK_OK(c_publish(w, GW, LEVEL, "4.25", 1));
    int64_t at = w->wall;
    w->wall += 5000;
    CHECK_OK(c_publish(w, GW, LEVEL, "9", 1)); /* recorded as what its readers got: 4.25, stale */
    exchange_durable(w->x, w->records);
    CHECK(w->records == 2);
    w_crash(w, w->records);
    values_free(w->access.values);
    CHECK_OK(values_new(&w->access.values));
    for (uint64_t i = 0; i < w->records; i++) {
        struct recorded r;
        CHECK_OK(w_read(w, i, &r));
        exchange_restore_value(w->x, i, &r);
    }
    const struct value *v = values_find(w->access.values, bytes_str(LEVEL));
    CHECK(v && v->known && v->marked && v->wall_ms == at && v->index == 0 && bytes_equal_str(bytes_of(v->payload, v->n), "4.25"));
    CHECK_OK(c_connect(w, GW, "gw-02", "gw-02", 5));
    CHECK_OK(c_connect(w, V, "v", "", 5));
    CHECK_OK(c_subscribe(w, V, LEVEL, 1));
    CHECK_OK(c_publish(w, GW, LEVEL, "-1", 1));
    struct mqtt_publish p = delivered(w, V);
    CHECK(bytes_equal_str(p.payload, "4.25") && carries(&p, "sk-flag", "stale") && carries(&p, "sk-source", "0") && carries(&p, "sk-stale-since", "1970-01-01T00:16:40.000Z"));
    w_free(w);
}

/* A reader that was away gets it from the record with the same marks; a publisher cannot write them. */
static void kept(void)
{
    struct world *w = with("hold-last");
    struct mqtt_connect c = { .version = 5, .client_id = bytes_str("op2"), .properties = { .has = (uint64_t)1 << MQTT_HAS_session_expiry_s, .session_expiry_s = 1000 } };
    CHECK_OK(c_connect_with(w, OP2, "op2", &c));
    CHECK_OK(c_subscribe(w, OP2, LEVEL, 1));
    exchange_down(w->x, OP2, true);
    struct mqtt_publish p = { .qos = 1, .id = 5, .topic = bytes_str(LEVEL), .payload = bytes_str("3") };
    p.properties.users = 1;
    p.properties.user[0] = (struct mqtt_user) { BYTES_LIT("sk-source"), BYTES_LIT("99") };
    CHECK_OK(c_publish_with(w, GW, &p));
    p.payload = bytes_str("8");
    CHECK_OK(c_publish_with(w, GW, &p));
    exchange_durable(w->x, w->records);
    w_forget(w);
    CHECK_OK(c_connect_with(w, OP2, "op2", &c));
    exchange_durable(w->x, w->records);
    CHECK(got(w, OP2, MQTT_PUBLISH) == 2);
    struct mqtt_publish d = delivered(w, OP2);
    CHECK(bytes_equal_str(d.payload, "3") && carries(&d, "sk-flag", "stale") && !carries(&d, "sk-source", "99") && carries(&d, "sk-label", "internal"));
    w_free(w);
}

static void order(struct world *w, bool ordered)
{
    w_trust(w, "gw-02", ordered ? TRUST_QUARANTINE : TRUST_QUOTE_BAD);
    exchange_rejudge(w->x);
}

static void acted_on(void)
{
    static const struct { const char *fail; uint8_t reason; size_t reaches; } rows[] = { { "closed", MQTT_NOT_AUTHORIZED, 0 }, { "pass-flag", 0, 1 },
        { "hold-last", MQTT_NOT_AUTHORIZED, 1 } };
    for (size_t i = 0; i < 3; i++) {
        struct world *w = with(rows[i].fail);
        CHECK_OK(c_publish(w, GW, LEVEL, "4", 1));
        exchange_durable(w->x, w->records);
        order(w, false); /* by evidence alone: marked, never withheld */
        w_forget(w);
        CHECK_OK(c_publish(w, GW, LEVEL, "4.5", 1));
        exchange_durable(w->x, w->records);
        CHECK(puback(w, GW) == 0 && bytes_equal_str(delivered(w, V).payload, "4.5"));
        order(w, true);
        w_forget(w);
        CHECK_OK(c_publish(w, GW, LEVEL, "4.6", 1));
        exchange_durable(w->x, w->records);
        CHECK(puback(w, GW) == rows[i].reason && got(w, V, MQTT_PUBLISH) == rows[i].reaches);
        struct mqtt_publish p = delivered(w, V);
        CHECK(i != 1 || (bytes_equal_str(p.payload, "4.6") && carries(&p, "sk-flag", "quarantined")));
        CHECK(i != 2 || (bytes_equal_str(p.payload, "4") && carries(&p, "sk-flag", "stale")));
        w_apply(w, ENTRY_STREAM, "{\"name\":\"alarm\",\"pattern\":\"sk/v1/w/+/a/#\",\"recorded\":true,\"fail\":\"closed\",\"fields\":[{\"unit\":\"m\"}]}");
        w_forget(w);
        CHECK_OK(c_publish(w, GW, "sk/v1/w/gw-02/a/low", "no number", 1)); /* an alarm is never stopped */
        exchange_durable(w->x, w->records);
        CHECK(puback(w, GW) == 0 && bytes_equal_str(delivered(w, V).payload, "no number"));
        w_free(w);
    }
}

static void limited(void)
{
    struct world *w = with("closed");
    w_limit(w, LIMIT_FLAG, true);
    snprintf(w->rows[0].stream, sizeof w->rows[0].stream, "sk/v1/w/+/m/#");
    CHECK_OK(c_publish(w, GW, LEVEL, "4", 1));
    CHECK(puback(w, GW) == MQTT_NOT_AUTHORIZED && puback_says(w, GW, "limit L-7 of decision D-1; sekimori why gw-02 publish " LEVEL));
    w->limits.epoch++;
    w->rows[0].enforced = false; /* observe: nothing is withheld */
    CHECK_OK(c_publish(w, GW, LEVEL, "4", 1));
    CHECK(got(w, V, MQTT_PUBLISH) == 1);
    w_free(w);
}

/* A command's form too, but never its safe direction. */
static void commands(void)
{
    struct world *w = w_plant(5);
    w_apply(w, ENTRY_STREAM, "{\"name\":\"pump\",\"pattern\":\"sk/v1/w/+/cmd/pump\",\"command\":true,\"recorded\":true,\"safe\":[\"stop\"],"
        "\"fields\":[{\"name\":\"do\",\"type\":\"text\"},{\"name\":\"value\",\"min\":1,\"max\":4,\"unit\":\"m\",\"optional\":true}]}");
    CHECK_OK(c_publish(w, OP, PUMP, "{\"do\":\"set\",\"value\":9}", 1));
    CHECK(puback(w, OP) == MQTT_PAYLOAD_FORMAT && puback_says(w, OP, "schema-range: value: 9 m, expected 1 m to 4 m") && got(w, GW, MQTT_PUBLISH) == 0);
    CHECK_OK(c_publish(w, OP, PUMP, "{\"do\":\"stop\",\"value\":9}", 1));
    CHECK(got(w, GW, MQTT_PUBLISH) == 1);
    w_free(w);
}

/* Nobody fills the table of values for others. */
static void bounded(void)
{
    struct values *v;
    char topic[32];
    CHECK_OK(values_new(&v));
    for (int i = 0; i < VALUES_EACH; i++) {
        snprintf(topic, sizeof topic, "t/%d", i);
        CHECK_QUIET(values_make(v, bytes_str(topic), "a") != NULL);
    }
    CHECK(!values_make(v, BYTES_LIT("more"), "a") && values_make(v, BYTES_LIT("more"), "b") && values_find(v, BYTES_LIT("t/3")));
    CHECK(!values_find(NULL, BYTES_LIT("t/3")) && !values_make(NULL, BYTES_LIT("t/3"), "a"));
    values_free(v);
}

/* Retained: a bad one neither takes the good one's place nor hinders its removal. */
static void retained(void)
{
    struct world *w = with("closed");
    CHECK_OK(c_retain(w, GW, LEVEL, "4"));
    CHECK_OK(c_retain(w, GW, LEVEL, "40"));
    CHECK(w->x->retained_n == 1);
    CHECK_OK(c_connect(w, OP2, "op2", "op2", 5));
    CHECK_OK(c_subscribe(w, OP2, LEVEL, 0));
    CHECK(bytes_equal_str(delivered(w, OP2).payload, "4"));
    CHECK_OK(c_retain(w, GW, LEVEL, ""));
    CHECK(w->x->retained_n == 0);
    w_free(w);
}

int main(void)
{
    closed();
    flagged();
    held();
    restored();
    kept();
    acted_on();
    limited();
    commands();
    bounded();
    retained();
    return TEST_END;
}
