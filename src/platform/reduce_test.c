/* Reductions: who reads below a stream's label gets the reduced form on every way out, or nothing; nothing undeclared passes. */
#include "platform/declared.h"
#include "platform/exchange_fixture.h"

#define FLOWS "sk/v1/w/gw-02/m/meter"
#define FIELDS "\"fields\":[{\"name\":\"v\",\"unit\":\"L\",\"unit_in\":\"u\",\"min\":0,\"max\":500},{\"name\":\"t\",\"type\":\"integer\"}," \
    "{\"name\":\"house\",\"type\":\"text\"},{\"name\":\"note\",\"type\":\"text\",\"optional\":true},{\"name\":\"open\",\"type\":\"bool\",\"optional\":true}]"
#define ROWS "[{\"to\":\"public\",\"drop\":[\"house\",\"note\",\"t\"],\"coarsen\":{\"v\":\"100\"}}," \
    "{\"to\":\"internal\",\"drop\":[\"note\"],\"coarsen\":{\"v\":\"0.5\",\"t\":3600000},\"pseudonym\":[\"house\"]}]"
#define METER(extra) "{\"name\":\"meter\",\"pattern\":\"sk/v1/w/+/m/meter\",\"recorded\":true,\"label\":\"confidential\"," FIELDS extra "}"
#define SAID "{\"v\":12.74,\"u\":\"L\",\"t\":1764300000123,\"house\":\"h-17\",\"note\":\"dog\",\"open\":true}"

static const uint8_t key[32] = { 7 };

static struct stream stream_of(const char *json)
{
    struct arena a = ARENA(1 << 18);
    struct doc *d = NULL;
    struct stream s = { 0 };
    struct declared_wrong w = { 0 };
    CHECK_OK(doc_read_json(bytes_str(json), &a, &d));
    CHECK_OK(declared_read(d, &s, &w));
    arena_deinit(&a);
    return s;
}

static void forms(void)
{
    struct stream s = stream_of(METER(",\"reduce\":" ROWS));
    struct buffer b = BUFFER(4096);
    char text[REDUCE_TEXT];
    CHECK(s.n_reductions == 2 && reduce_choose(&s, LABEL_PUBLIC) == 1 && reduce_choose(&s, LABEL_INTERNAL) == 2 && reduce_choose(NULL, LABEL_PUBLIC) == 0);
    CHECK_OK(reduce_form(&s, &s.reductions[0], bytes_str(SAID), BYTES_NONE, &b));
    CHECK(bytes_equal_str(buffer_view(&b), "{\"v\":0,\"u\":\"L\",\"open\":true}"));
    CHECK_OK(reduce_form(&s, &s.reductions[1], bytes_str(SAID), bytes_of(key, 32), &b));
    static const char start[] = "{\"v\":12.5,\"u\":\"L\",\"t\":1764298800000,\"house\":\"n-";
    CHECK(bytes_starts(buffer_view(&b), bytes_str(start)) && b.n == sizeof start - 1 + 16 + sizeof "\",\"open\":true}" - 1);
    char first[200], second[200];
    CHECK_OK(bytes_to_text(buffer_view(&b), first, sizeof first));
    CHECK_OK(reduce_form(&s, &s.reductions[1], bytes_str(SAID), bytes_of(key, 32), &b));
    CHECK_OK(bytes_to_text(buffer_view(&b), second, sizeof second));
    CHECK(strcmp(first, second) == 0); /* stable */
    CHECK(reduce_form(&s, &s.reductions[1], bytes_str(SAID), BYTES_NONE, &b).code == E_UNSUPPORTED);
    CHECK(strcmp(reduce_words(&s.reductions[1]), "drop,coarsen,pseudonym") == 0);
    CHECK(strcmp(reduce_text(&s, &s.reductions[1], text), "internal: v/0.5 L t/3600000 house=n-... -note") == 0);
    buffer_deinit(&b);
}

/* What is not of the declared form has no reduced one; a member nobody declared never passes; every prefix and one-byte change
 * gives a form that holds none of what is to be kept back, or none at all. */
static void hostile(void)
{
    static const char *const rows[] = { "", "{", "12", "[1]", "{\"v\":\"x\"}", "{\"v\":1,\"v\":2}", "{\"v\":{\"house\":\"h-17\"}}", "{\"t\":1.5}", "{\"open\":\"h-17\"}", "{\"v\":1e3}" };
    struct stream s = stream_of(METER(",\"others\":true,\"reduce\":" ROWS));
    struct buffer b = BUFFER(4096);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK(reduce_form(&s, &s.reductions[1], bytes_str(rows[i]), bytes_of(key, 32), &b).code == E_MALFORMED);
    CHECK_OK(reduce_form(&s, &s.reductions[1], BYTES_LIT("{\"secret\":1,\"v\":-0.1,\"u\":\"h-17\"}"), bytes_of(key, 32), &b));
    CHECK(bytes_equal_str(buffer_view(&b), "{\"v\":-0.5}"));
    char said[] = SAID;
    for (size_t i = 0; i < sizeof said - 1; i++) {
        if (ok(reduce_form(&s, &s.reductions[1], bytes_of(said, i), bytes_of(key, 32), &b))) CHECK_QUIET(!memmem(b.at, b.n, "h-17", 4));
        char was = said[i];
        said[i] ^= 1;
        if (ok(reduce_form(&s, &s.reductions[0], bytes_str(said), BYTES_NONE, &b))) CHECK_QUIET(!memmem(b.at, b.n, "h-17", 4) && !memmem(b.at, b.n, "dog", 3));
        said[i] = was;
    }
    s = stream_of("{\"name\":\"x\",\"pattern\":\"x\",\"label\":\"internal\",\"fields\":[{\"unit\":\"m\"}],\"reduce\":[{\"to\":\"public\",\"coarsen\":{\"payload\":\"0.5\"}}]}");
    CHECK_OK(reduce_form(&s, &s.reductions[0], BYTES_LIT("4.74"), BYTES_NONE, &b));
    CHECK(bytes_equal_str(buffer_view(&b), "4.5"));
    buffer_deinit(&b);
}

static void declarations(void)
{
    static const struct { const char *reduce, *says; } rows[] = {
        { "[{\"to\":\"public\"}]", "takes nothing away" },
        { "[{\"to\":\"confidential\",\"drop\":[\"note\"]}]", "not below the stream's label (confidential)" },
        { "[{\"to\":\"publik\",\"drop\":[\"note\"]}]", "expected the label" },
        { "[{\"to\":\"public\",\"drop\":[\"hose\"]}]", "no field \"hose\" is declared (did you mean \"house\"?)" },
        { "[{\"to\":\"public\",\"drop\":[\"house\"],\"pseudonym\":[\"house\"]}]", "named twice" },
        { "[{\"to\":\"public\",\"coarsen\":{\"house\":1}}]", "house is no number" },
        { "[{\"to\":\"public\",\"coarsen\":{\"v\":0}}]", "step above 0" },
        { "[{\"to\":\"public\",\"coarsen\":{\"t\":\"0.5\"}}]", "whole step above 0" },
        { "[{\"to\":\"public\",\"coarsen\":{\"v\":\"0.5 m\"}}]", "without its unit" },
        { "[{\"to\":\"public\",\"pseudonym\":[\"v\"]}]", "v is no name" },
        { "[{\"to\":\"public\",\"drop\":\"note\"}]", "expected a list of fields" },
        { "[{\"to\":\"public\",\"drop\":[\"note\"]},{\"to\":\"public\",\"drop\":[\"house\"]}]", "two rows to public" },
        { "[{\"to\":\"public\",\"dropp\":[\"note\"]}]", "expected to, drop, coarsen, pseudonym" },
        { "[]", "expected a list of 1 to 3" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[1200];
        struct arena a = ARENA(1 << 18);
        struct doc *d = NULL;
        struct stream s;
        struct declared_wrong w = { 0 };
        snprintf(json, sizeof json, "{\"name\":\"meter\",\"pattern\":\"m\",\"label\":\"confidential\"," FIELDS ",\"reduce\":%s}", rows[i].reduce);
        CHECK_OK(doc_read_json(bytes_str(json), &a, &d));
        CHECK(declared_read(d, &s, &w).code == E_MALFORMED && strstr(w.text, rows[i].says));
        arena_deinit(&a);
    }
    struct stream s = stream_of(METER(",\"reduce\":" ROWS));
    struct arena a = ARENA(1 << 18);
    struct doc *d = registry_doc_stream(&a, &s);
    struct stream again = { 0 };
    CHECK(d && ok(declared_read(d, &again, NULL)) && memcmp(&again, &s, sizeof s) == 0); /* written and read again */
    arena_deinit(&a);
}

/* ---- the ways out ---- */

static bool carries(const struct mqtt_publish *p, const char *name, const char *value)
{
    for (size_t i = 0; i < p->properties.users; i++)
        if (bytes_equal_str(p->properties.user[i].name, name)) return bytes_equal_str(p->properties.user[i].value, value);
    return !value;
}

static struct grants *policy(struct world *w, const char *upto)
{
    char json[800];
    struct arena a = ARENA(1 << 18);
    struct doc *d = NULL;
    struct grants *g = NULL;
    struct grants_error e;
    size_t n;
    snprintf(json, sizeof json, "{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grants\":["
        "{\"id\":\"say\",\"subject\":\"role:device\",\"action\":\"publish\",\"stream\":\"sk/v1/{site}/{own}/#\"},"
        "{\"id\":\"all\",\"subject\":\"role:operator\",\"action\":[\"subscribe\",\"history\"],\"stream\":\"#\",\"upto\":\"restricted\"},"
        "{\"id\":\"some\",\"subject\":\"role:viewer\",\"action\":[\"subscribe\",\"history\"],\"stream\":\"#\",\"upto\":\"%s\"}]}", upto);
    CHECK_OK(doc_read_json(bytes_str(json), &a, &d));
    CHECK_OK(grants_read(d, &g, &e, 1, &n));
    arena_deinit(&a);
    w->access.grants = g;
    exchange_rejudge(w->x);
    return g;
}

static void say(struct world *w, const char *payload, bool retain)
{
    struct mqtt_publish p = { .qos = 1, .id = 5, .topic = bytes_str(FLOWS), .payload = bytes_str(payload), .retain = retain };
    p.properties.users = 2;
    p.properties.user[0] = (struct mqtt_user) { BYTES_LIT("house"), BYTES_LIT("h-17") };
    p.properties.user[1] = (struct mqtt_user) { BYTES_LIT("sk-reduced"), BYTES_LIT("nothing") };
    CHECK_OK(c_publish_with(w, GW, &p));
    exchange_durable(w->x, w->records);
}

#define SHOWN "{\"v\":0,\"u\":\"L\",\"open\":true}"
static bool reduced(const struct mqtt_publish *p)
{
    return bytes_equal_str(p->payload, SHOWN) && carries(p, "sk-label", "public") && carries(p, "sk-reduced", "drop,coarsen") && carries(p, "house", NULL);
}

static bool whole(const struct mqtt_publish *p)
{
    return bytes_equal_str(p->payload, SAID) && carries(p, "sk-label", "confidential") && carries(p, "sk-reduced", NULL) && carries(p, "house", "h-17");
}

static void live_and_queued(void)
{
    struct world *w = w_plant(5);
    w->access.name_key = bytes_of(key, 32);
    w_apply(w, ENTRY_STREAM, METER(",\"reduce\":" ROWS));
    struct grants *g = policy(w, "public");
    CHECK_OK(c_subscribe(w, OP, FLOWS, 1));
    CHECK_OK(c_subscribe(w, V, FLOWS, 1)); /* by a plain topic above his ceiling: what he gets is reduced */
    w_forget(w);
    say(w, SAID, true);
    struct mqtt_publish p = delivered(w, V), q = delivered(w, OP);
    CHECK(reduced(&p) && whole(&q) && bytes_equal_str(bytes_of(w->log[0].payload, w->log[0].payload_n), SAID));
    w_forget(w);
    CHECK_OK(c_subscribe(w, V, "sk/v1/w/+/m/#", 1)); /* retained */
    p = delivered(w, V);
    CHECK(reduced(&p) && p.retain);
    w_forget(w);
    say(w, "{\"v\":true,\"house\":7}", false); /* flagged in its form: the whole to who may, the rest nothing */
    CHECK(got(w, OP, MQTT_PUBLISH) == 1 && got(w, V, MQTT_PUBLISH) == 0);
    struct mqtt_connect c = { .version = 5, .client_id = bytes_str("v"), .properties = { .has = (uint64_t)1 << MQTT_HAS_session_expiry_s, .session_expiry_s = 1000 } };
    exchange_down(w->x, V, true);
    CHECK_OK(c_connect_with(w, V, "v", &c));
    CHECK_OK(c_subscribe(w, V, "sk/v1/w/#", 1));
    exchange_down(w->x, V, true);
    say(w, SAID, false);
    w_forget(w);
    CHECK_OK(c_connect_with(w, V, "v", &c)); /* from the record */
    exchange_durable(w->x, w->records);
    p = delivered(w, V);
    CHECK(got(w, V, MQTT_PUBLISH) == 2 && reduced(&p)); /* what was in flight once more, and what waited */
    w_apply(w, ENTRY_STREAM, METER(""));
    w_forget(w);
    say(w, SAID, false);
    CHECK(got(w, V, MQTT_PUBLISH) == 0); /* no reduction any more: nothing, at once */
    w_free(w);
    grants_free(g);
}

struct heard { size_t n; char payload[128]; };
static void hear(void *ctx, const struct message *m, const struct verdict *v)
{
    struct heard *h = ctx;
    (void)v;
    h->n++;
    CHECK_QUIET(ok(bytes_to_text(m->payload, h->payload, sizeof h->payload)));
}

static void pages_and_taps(void)
{
    static const struct showing ways[] = { { false, NULL }, { true, NULL } };
    struct world *w = w_plant(5);
    struct heard h = { 0 };
    uint32_t tap;
    w_apply(w, ENTRY_STREAM, METER(",\"reduce\":" ROWS));
    struct grants *g = policy(w, "public");
    struct identity who = { .id = "yuki", .role = ROLE_VIEWER, .life = LIFE_ENROLLED };
    struct message m = { .from = registry_identity(w->r, "gw-02"), .topic = bytes_str(FLOWS), .payload = bytes_str(SAID) }, shown;
    for (size_t i = 0; i < 2; i++) {
        CHECK(exchange_shows(w->x, &who, &m, &ways[i], &shown) && bytes_equal_str(shown.payload, SHOWN) && !shown.properties);
        who.role = ROLE_OPERATOR;
        CHECK(exchange_shows(w->x, &who, &m, &ways[i], &shown) && shown.payload.at == m.payload.at);
        who.role = ROLE_VIEWER;
    }
    CHECK_OK(exchange_tap_new(w->x, registry_identity(w->r, "v"), bytes_str("sk/v1/w/#"), hear, &h, &tap));
    say(w, SAID, false);
    CHECK(h.n == 1 && strcmp(h.payload, SHOWN) == 0);
    exchange_tap_free(w->x, tap);
    grants_free(g);
    g = policy(w, "internal"); /* the finer one asks for the key, which is not there: nothing */
    CHECK(!exchange_shows(w->x, &who, &m, &ways[0], &shown));
    w->access.name_key = bytes_of(key, 32);
    CHECK(exchange_shows(w->x, &who, &m, &ways[0], &shown) && bytes_starts(shown.payload, BYTES_LIT("{\"v\":12.5,\"u\":\"L\",\"t\":1764298800000,\"house\":\"n-")));
    w_free(w);
    grants_free(g);
}

/* The way to another system is a session like any other: its agreement is its policy. */
static void peers(void)
{
    struct world *w = w_plant(5);
    struct arena a = ARENA(1 << 18);
    struct doc *d = NULL;
    struct grants *g = NULL;
    struct grants_error e;
    size_t n;
    w_apply(w, ENTRY_STREAM, METER(",\"reduce\":" ROWS));
    w_apply(w, ENTRY_IDENTITY, "{\"id\":\"peer-cloud\",\"role\":\"peer\",\"group\":\"\",\"model\":\"\",\"life\":\"enrolled\",\"trust\":\"unattested\"}");
    CHECK_OK(doc_read_json(BYTES_LIT("{\"schema\":\"sekimori-grants/1\",\"site\":\"w\",\"grants\":[{\"id\":\"out\",\"subject\":\"peer-cloud\",\"action\":\"subscribe\","
        "\"stream\":\"sk/v1/w/+/m/meter\",\"upto\":\"public\"}]}"), &a, &d));
    CHECK_OK(grants_read(d, &g, &e, 1, &n));
    w->access.agreements = g;
    CHECK_OK(c_connect(w, OP2, "peer-cloud", "peer-cloud/out", 5));
    CHECK_OK(c_subscribe(w, OP2, FLOWS, 1));
    w_forget(w);
    say(w, SAID, false);
    struct mqtt_publish p = delivered(w, OP2);
    CHECK(got(w, OP2, MQTT_PUBLISH) == 1 && reduced(&p));
    w_free(w);
    grants_free(g);
    arena_deinit(&a);
}

/* A verdict that is remembered remembers the form. */
static void remembered(void)
{
    struct world *w = w_plant(5);
    w_apply(w, ENTRY_STREAM, METER(",\"reduce\":" ROWS));
    struct grants *g = policy(w, "public");
    for (size_t i = 0; i < 4; i++) {
        w_forget(w);
        say(w, SAID, false);
        struct mqtt_publish p = delivered(w, V);
        CHECK(got(w, V, MQTT_PUBLISH) == 1 && reduced(&p));
    }
    w_free(w);
    grants_free(g);
}

int main(void)
{
    forms();
    hostile();
    declarations();
    live_and_queued();
    pages_and_taps();
    peers();
    remembered();
    return TEST_END;
}
