/* Derived streams: what they say, of which entries, under which label; and that in the record each input counts once, wherever the
 * core is killed. */
#include "platform/declared.h"
#include "platform/derived.h"
#include "platform/exchange_fixture.h"

#define LEVEL "sk/v1/w/gw-02/m/level"
#define MEAN "sk/v1/w/site/d/mean"
#define INPUT "{\"name\":\"level\",\"pattern\":\"sk/v1/w/+/m/level\",\"recorded\":true,\"label\":\"confidential\",\"fields\":[{\"name\":\"v\",\"unit\":\"m\",\"min\":0,\"max\":5}," \
    "{\"name\":\"who\",\"type\":\"text\",\"optional\":true}],\"reduce\":[{\"to\":\"public\",\"drop\":[\"who\"],\"coarsen\":{\"v\":1}}]}"
#define DERIVED(label, least) "{\"name\":\"mean\",\"pattern\":\"" MEAN "\",\"unit\":\"m\"" label ",\"derive\":{\"from\":[\"level\"],\"how\":\"mean\",\"field\":\"v\",\"every_s\":60,\"at_least\":" least "}}"

static struct world *plant(const char *derived)
{
    struct world *w = w_plant(5);
    w_apply(w, ENTRY_STREAM, INPUT);
    w_apply(w, ENTRY_STREAM, derived);
    return w;
}

static void say(struct world *w, const char *payload)
{
    CHECK_QUIET(ok(c_publish(w, GW, LEVEL, payload, 1)));
    exchange_durable(w->x, w->records);
}

static void pass(struct world *w, int64_t ms)
{
    w->wall += ms;
    w->mono += ms;
    (void)exchange_turn(w->x);
    exchange_durable(w->x, w->records);
}

static struct bytes own(const struct mqtt_publish *p, const char *name)
{
    for (size_t i = 0; i < p->properties.users; i++)
        if (bytes_equal_str(p->properties.user[i].name, name)) return p->properties.user[i].value;
    return BYTES_NONE;
}

static void to_minute(struct world *w)
{
    pass(w, 60000 - w->wall % 60000);
    w_forget(w);
}

static void means(void)
{
    struct world *w = plant(DERIVED("", "1"));
    CHECK(strcmp(registry_stream_named(w->r, "mean")->label, "confidential") == 0); /* as its input */
    to_minute(w);
    say(w, "{\"v\":1}");
    say(w, "{\"v\":2.5}");
    say(w, "{\"v\":9}"); /* out of range: marked, and left out */
    w_forget(w);
    pass(w, 59000);
    CHECK(got(w, V, MQTT_PUBLISH) == 0);
    pass(w, 1000);
    struct entry *e = &w->log[w->records - 1];
    CHECK(w->records == 4 && !e->from && bytes_equal_str(bytes_of(e->topic, e->topic_n), MEAN) && bytes_starts(bytes_of(e->payload, e->payload_n), BYTES_LIT("{\"v\":1.75,\"n\":2,\"from\":")));
    pass(w, 600000);
    CHECK(w->records == 4); /* nothing came, nothing is said */
    say(w, "{\"v\":3}");
    CHECK_OK(c_publish(w, GW, MEAN, "{\"v\":1}", 1)); /* no device says what is derived */
    CHECK(puback(w, GW) == MQTT_NOT_AUTHORIZED && puback_says(w, GW, "derived-stream"));
    w_free(w);
}

static void labels(void)
{
    struct world *w = plant(DERIVED(",\"label\":\"public\"", "2"));
    to_minute(w);
    say(w, "{\"v\":1}");
    pass(w, 60000);
    CHECK(w->records == 1); /* one value's mean is that value */
    say(w, "{\"v\":1}");
    say(w, "{\"v\":2}");
    w_forget(w);
    pass(w, 60000);
    struct mqtt_publish p = delivered(w, V);
    CHECK(bytes_equal_str(own(&p, "sk-label"), "public") && bytes_equal_str(own(&p, "sk-derived"), "mean") && bytes_equal_str(own(&p, "sk-inputs"), "1-2 n=2 left-out=0"));
    static const struct { const char *json, *says; } rows[] = {
        { DERIVED(",\"label\":\"public\"", "1"), "label: public is below its inputs' (confidential)" },
        { "{\"name\":\"m\",\"pattern\":\"a/b\",\"derive\":{\"from\":[\"levle\"],\"how\":\"mean\",\"field\":\"v\",\"every_s\":60}}", "no stream \"levle\" is declared (did you mean \"level\"?)" },
        { "{\"name\":\"m\",\"pattern\":\"a/b\",\"derive\":{\"from\":[\"mean\"],\"how\":\"mean\",\"field\":\"v\",\"every_s\":60}}", "derived itself" },
        { "{\"name\":\"m\",\"pattern\":\"a/b\",\"derive\":{\"from\":[\"level\"],\"how\":\"mean\",\"field\":\"who\",\"every_s\":60}}", "declares no number \"who\"" },
        { "{\"name\":\"m\",\"pattern\":\"a/b\",\"derive\":{\"from\":[\"level\"],\"how\":\"reduced\",\"to\":\"internal\"}}", "declares no reduction to internal" },
        { "{\"name\":\"level\",\"pattern\":\"sk/v1/w/+/m/level\"}", "\"mean\" is derived from it" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = ARENA(1 << 18);
        struct doc *d = NULL;
        struct stream s = { 0 };
        char text[DERIVED_TEXT] = "";
        CHECK_OK(doc_read_json(bytes_str(rows[i].json), &a, &d));
        CHECK_OK(declared_read(d, &s, NULL));
        CHECK(derived_wrong(w->r, &s, text) && strstr(text, rows[i].says) && registry_judge(w->r, ENTRY_STREAM, d).code == E_CONFLICT);
        arena_deinit(&a);
    }
    w_free(w);
}

static void declarations(void)
{
    static const struct { const char *derive, *says; } rows[] = { { "{\"from\":[\"x\"],\"how\":\"meen\"}", "did you mean \"mean\"?" }, { "{\"from\":[],\"how\":\"mean\"}", "list of 1 to 4" },
        { "{\"from\":[\"x\"],\"how\":\"mean\",\"field\":\"v\"}", "every_s: expected a window" }, { "{\"from\":[\"x\"],\"how\":\"reduced\"}", "to: expected the label" },
        { "{\"from\":[\"x\"],\"how\":\"mean\",\"every\":60}", "expected from, how, field" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[300];
        struct arena a = ARENA(1 << 18);
        struct doc *d = NULL;
        struct stream s;
        struct declared_wrong wrong = { 0 };
        snprintf(json, sizeof json, "{\"name\":\"m\",\"pattern\":\"a/b\",\"derive\":%s}", rows[i].derive);
        CHECK_OK(doc_read_json(bytes_str(json), &a, &d));
        CHECK(declared_read(d, &s, &wrong).code == E_MALFORMED && strstr(wrong.text, rows[i].says));
        arena_deinit(&a);
    }
}

/* A new core over the record's first n entries. */
static void killed(struct world *w, uint64_t n)
{
    struct recorded r;
    w_crash(w, n);
    CHECK_QUIET(exchange_derive_span_ms(w->x) == 180000);
    for (uint64_t i = 0; i < n; i++)
        if (ok(w_read(w, i, &r))) exchange_derive_done(w->x, &r);
    for (uint64_t i = 0; i < n; i++)
        if (ok(w_read(w, i, &r))) exchange_derive_replay(w->x, i, &r);
    exchange_durable(w->x, n);
    (void)exchange_turn(w->x);
}

/* Every input in exactly one derived message of the record, up to those whose window is open. */
static void count_all(const struct world *w, uint64_t *ret_counted, bool *ret_twice)
{
    static bool counted[256];
    memset(counted, 0, sizeof counted);
    *ret_counted = 0;
    *ret_twice = false;
    for (uint64_t i = 0; i < w->records; i++) {
        struct mqtt_properties p;
        struct derived_inputs in = { 0 };
        const struct entry *e = &w->log[i];
        if (e->from || !e->data || !ok(mqtt_read_list(bytes_of(e->list, e->list_n), &p))) continue;
        for (size_t k = 0; k < p.users; k++)
            if (bytes_equal_str(p.user[k].name, DERIVED_INPUTS)) CHECK_QUIET(ok(derived_inputs_read(p.user[k].value, &in)));
        for (uint64_t k = in.first; k <= in.last; k++) {
            if (!w->log[k].from) continue;
            *ret_twice |= counted[k];
            counted[k] = true;
            ++*ret_counted;
        }
    }
}

static void kills(void)
{
    for (uint64_t cut = 1; cut < 20; cut++) {
        struct world *w = plant(DERIVED("", "1"));
        uint64_t counted, inputs = 0;
        bool twice;
        to_minute(w);
        for (int i = 0; i < 16; i++) {
            say(w, "{\"v\":2}");
            pass(w, 17000);
        }
        uint64_t kept = w->records < cut ? w->records : cut;
        killed(w, kept);
        CHECK_OK(c_connect(w, GW, "gw-02", "gw-02", 5));
        for (int i = 0; i < 8; i++) {
            say(w, "{\"v\":2}");
            pass(w, 17000);
        }
        pass(w, 120000);
        count_all(w, &counted, &twice);
        for (uint64_t i = 0; i < w->records; i++) inputs += w->log[i].data && w->log[i].from;
        if (twice || counted != inputs) printf("# cut %llu: %llu of %llu\n", (unsigned long long)cut, (unsigned long long)counted, (unsigned long long)inputs);
        CHECK(!twice && counted == inputs);
        w_free(w);
    }
}

/* Message for message: a public stream of a confidential one. */
static void reduced(void)
{
    struct world *w = plant("{\"name\":\"open\",\"pattern\":\"sk/v1/w/site/d/open\",\"derive\":{\"from\":[\"level\"],\"how\":\"reduced\",\"to\":\"public\"}}");
    CHECK(strcmp(registry_stream_named(w->r, "open")->label, "public") == 0);
    say(w, "{\"v\":4.25,\"who\":\"h-17\"}");
    w_forget(w);
    pass(w, 1);
    struct mqtt_publish p = delivered(w, V);
    CHECK(bytes_equal_str(p.topic, "sk/v1/w/site/d/open") && bytes_equal_str(p.payload, "{\"v\":4}") && bytes_equal_str(own(&p, "sk-label"), "public")
        && bytes_equal_str(own(&p, "sk-inputs"), "0-0 n=1 left-out=0"));
    w->record_code = E_FULL; /* a record that refuses: it is said later, once */
    say(w, "{\"v\":3}");
    w->record_code = OK;
    say(w, "{\"v\":3}");
    w->record_code = E_FULL;
    w_forget(w);
    pass(w, 1);
    CHECK(got(w, V, MQTT_PUBLISH) == 0);
    w->record_code = OK;
    pass(w, 1000);
    pass(w, 1000);
    CHECK(got(w, V, MQTT_PUBLISH) == 1 && bytes_equal_str(delivered(w, V).payload, "{\"v\":3}"));
    w_free(w);
}

int main(void)
{
    means();
    labels();
    declarations();
    kills();
    reduced();
    return TEST_END;
}
