/* Everything written is read back as it was, in both versions. */
#include "base/test.h"
#include "wire/mqtt_parts.h"

static const uint8_t versions[] = { 4, 5 };

static bool bytes_same(struct bytes a, struct bytes b)
{
    return bytes_equal(a, b);
}
static bool number_same(uint32_t a, uint32_t b)
{
    return a == b;
}
/* Each property's own kind of sameness. */
#define SAME(x, y) _Generic((x), struct bytes: bytes_same, default: number_same)(x, y)

static bool same(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    if (a->has != b->has || a->users != b->users) return false;
#define X(name, id, type)                                                                          \
    if (mqtt_has(a, MQTT_HAS_##name) && !SAME(a->name, b->name)) return false;
    MQTT_PROPERTIES(X)
#undef X
    for (size_t i = 0; i < a->users; i++)
        if (!bytes_equal(a->user[i].name, b->user[i].name)
            || !bytes_equal(a->user[i].value, b->user[i].value))
            return false;
    return true;
}

static uint32_t number_of_property(size_t row)
{
    return row == MQTT_HAS_subscription_id ? 300000 : 1; /* 1 is good everywhere */
}
static struct bytes text_of_property(size_t row)
{
    return row % 2 ? BYTES_LIT("\xe6\xb0\xb4") : BYTES_LIT("text");
}
#define VALUE(type, row)                                                                           \
    _Generic((type){ 0 }, struct bytes: text_of_property, default: number_of_property)(row)

/* Every property there is, set. */
static void fill(struct mqtt_properties *p)
{
#define X(name, id, type)                                                                          \
    p->name = (type)VALUE(type, MQTT_HAS_##name);                                                  \
    p->has |= (uint64_t)1 << MQTT_HAS_##name;
    MQTT_PROPERTIES(X)
#undef X
    p->users = MQTT_USER_PROPERTIES_MAX;
    for (size_t i = 0; i < p->users; i++)
        p->user[i] = (struct mqtt_user){ BYTES_LIT("name"), BYTES_LIT("") };
}

/* MQTT 5, table 2-4, once more and by hand: how many properties each type may carry. */
static const struct {
    enum mqtt_type type;
    int count;
} carries[] = {
    { MQTT_WILL, 6 },        { MQTT_CONNECT, 8 },  { MQTT_CONNACK, 16 }, { MQTT_PUBLISH, 7 },
    { MQTT_PUBACK, 1 },      { MQTT_PUBREC, 1 },   { MQTT_PUBREL, 1 },   { MQTT_PUBCOMP, 1 },
    { MQTT_SUBSCRIBE, 1 },   { MQTT_SUBACK, 1 },   { MQTT_UNSUBSCRIBE, 0 }, { MQTT_UNSUBACK, 1 },
    { MQTT_DISCONNECT, 3 },  { MQTT_AUTH, 3 },
};

static void test_properties(void)
{
    static struct mqtt_properties all, back;
    static uint8_t memory[4096];
    memset(&all, 0, sizeof all);
    fill(&all);
    for (size_t i = 0; i < sizeof carries / sizeof *carries; i++) {
        struct out o = out_of(memory, sizeof memory);
        mqtt_put_properties(&o, &all, carries[i].type);
        CHECK_OK(out_done(&o));
        uint8_t reason = 0;
        struct bytes in = out_view(&o);
        memset(&back, 0, sizeof back);
        CHECK_OK(mqtt_take_properties(&in, carries[i].type, &back, &reason));
        CHECK(in.n == 0);
        CHECK(__builtin_popcountll(back.has) == carries[i].count);
        struct mqtt_properties want = all;
        want.has = back.has;
        CHECK(same(&want, &back));
        for (size_t row = 0; row < MQTT_PROPERTY_ROWS; row++) /* each alone, in every type */
            for (size_t k = 0; k < sizeof carries / sizeof *carries; k++) {
                static struct mqtt_properties one;
                one = all;
                one.users = 0;
                one.has = (uint64_t)1 << row | (row == MQTT_HAS_auth_data ? (uint64_t)1 << MQTT_HAS_auth_method : 0);
                struct out single = out_of(memory, sizeof memory);
                mqtt_put_properties(&single, &one, carries[k].type);
                bool carried = single.n > 1;
                struct bytes list = out_view(&single);
                memset(&back, 0, sizeof back);
                outcome r = mqtt_take_properties(&list, carries[i].type, &back, &reason);
                bool may = false;
                memset(&back, 0, sizeof back);
                struct out other = out_of(memory + 2048, 2048);
                mqtt_put_properties(&other, &one, carries[i].type);
                may = other.n > 1;
                if (carried) CHECK_QUIET(ok(r) == may);
            }
    }
}

static void test_connect(void)
{
    static struct mqtt_connect c, back;
    for (size_t v = 0; v < 2; v++) {
        memset(&c, 0, sizeof c);
        c.version = versions[v];
        for (unsigned bits = 0; bits < 64; bits++) {
            c.clean_start = bits & 1;
            c.has_will = bits & 2;
            c.will_retain = c.has_will && bits & 4;
            c.will_qos = c.has_will ? bits >> 3 & 1 : 0;
            c.has_user = bits & 16;
            c.has_password = bits & 32 && (c.has_user || c.version == 5);
            c.keep_alive_s = 65535;
            c.client_id = BYTES_LIT("gw-01");
            c.will_topic = BYTES_LIT("sk/v1/s/gw-01/e/gone");
            c.will_payload = BYTES_LIT("\0\1\2");
            c.user = BYTES_LIT("user");
            c.password = BYTES_LIT("\0secret");
            memset(&c.properties, 0, sizeof c.properties);
            memset(&c.will_properties, 0, sizeof c.will_properties);
            if (c.version == 5) fill(&c.properties);
            if (c.version == 5 && c.has_will) fill(&c.will_properties);
            struct buffer b = BUFFER(1 << 16);
            uint8_t reason;
            CHECK_QUIET(ok(mqtt_write_connect(&c, &b)));
            CHECK_QUIET(ok(mqtt_read_connect(buffer_view(&b), &back, &reason)));
            CHECK_QUIET(back.clean_start == c.clean_start && back.has_will == c.has_will);
            CHECK_QUIET(back.will_retain == c.will_retain && back.will_qos == c.will_qos);
            CHECK_QUIET(back.has_user == c.has_user && back.has_password == c.has_password);
            CHECK_QUIET(bytes_equal(back.client_id, c.client_id) && back.keep_alive_s == 65535);
            CHECK_QUIET(!c.has_will || bytes_equal(back.will_topic, c.will_topic));
            CHECK_QUIET(!c.has_will || bytes_equal(back.will_payload, c.will_payload));
            CHECK_QUIET(!c.has_user || bytes_equal(back.user, c.user));
            CHECK_QUIET(!c.has_password || bytes_equal(back.password, c.password));
            CHECK_QUIET(__builtin_popcountll(back.properties.has) == (c.version == 5 ? 8 : 0));
            CHECK_QUIET(__builtin_popcountll(back.will_properties.has)
                        == (c.version == 5 && c.has_will ? 6 : 0));
            buffer_deinit(&b);
        }
        CHECK(back.version == versions[v]);
    }
}

static void test_publish(void)
{
    static struct mqtt_publish m, back;
    static uint8_t payload[20000];
    for (size_t v = 0; v < 2; v++) {
        for (uint8_t qos = 0; qos <= 2; qos++) {
            for (size_t n = 0; n <= sizeof payload; n = n * 2 + 1) {
                m = (struct mqtt_publish){ .duplicate = n & 1, .retain = n & 2, .qos = qos,
                    .id = qos ? 0xFFFF : 0, .topic = BYTES_LIT("sk/v1/s/d/m/x"),
                    .payload = bytes_of(payload, n) };
                if (versions[v] == 5) fill(&m.properties);
                struct buffer b = BUFFER(1 << 16);
                uint8_t reason;
                CHECK_QUIET(ok(buffer_put(&b, BYTES_LIT("before"))));
                CHECK_QUIET(ok(mqtt_write_publish(versions[v], &m, &b)));
                struct bytes packet = bytes_of(b.at + 6, b.n - 6);
                CHECK_QUIET(ok(mqtt_read_publish(packet, versions[v], &back, &reason)));
                CHECK_QUIET(back.qos == qos && back.id == m.id && back.retain == m.retain);
                CHECK_QUIET(back.duplicate == (m.duplicate && qos));
                CHECK_QUIET(bytes_equal(back.payload, m.payload) && bytes_equal(back.topic, m.topic));
                CHECK_QUIET(__builtin_popcountll(back.properties.has) == (versions[v] == 5 ? 7 : 0));
                CHECK_QUIET(memcmp(b.at, "before", 6) == 0);
                buffer_deinit(&b);
            }
        }
        CHECK(back.topic.n == 13);
    }
}

static void test_acks(void)
{
    static struct mqtt_ack a, back;
    static const enum mqtt_type types[] = { MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP,
        MQTT_DISCONNECT, MQTT_AUTH };
    for (size_t v = 0; v < 2; v++) {
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            bool has_id = types[t] <= MQTT_PUBCOMP;
            for (unsigned reason = 0; reason < 256; reason++) {
                memset(&a, 0, sizeof a);
                a.id = has_id ? 7 : 0;
                a.reason = (uint8_t)reason;
                if (reason & 1 || types[t] == MQTT_AUTH) fill(&a.properties);
                struct buffer b = BUFFER(1 << 16);
                uint8_t why;
                outcome o = mqtt_write_ack(versions[v], types[t], &a, &b);
                bool none = versions[v] == 4 && types[t] == MQTT_AUTH;
                bool may = versions[v] == 4 || mqtt_reason_allowed(types[t], a.reason);
                CHECK_QUIET(none ? o.code == E_UNSUPPORTED && b.n == 0 : may ? ok(o) : o.code == E_RANGE && b.n == 0);
                if (none || !may) continue;
                o = mqtt_read_ack(buffer_view(&b), versions[v], &back, &why);
                CHECK_QUIET(ok(o));
                if (ok(o)) CHECK_QUIET(back.id == a.id);
                if (ok(o)) CHECK_QUIET(back.reason == (versions[v] == 5 ? a.reason : 0));
                if (ok(o) && versions[v] == 5) CHECK_QUIET(back.properties.users == a.properties.users);
                buffer_deinit(&b);
            }
        }
    }
    CHECK(back.reason == 0x19); /* the last that AUTH may have */
}

static void test_connack(void)
{
    static struct mqtt_properties p;
    static struct mqtt_ack back;
    fill(&p);
    for (size_t v = 0; v < 2; v++) {
        for (unsigned reason = 0; reason < 256; reason++) {
            if (reason && reason < 0x80) continue; /* no such reasons for CONNACK */
            struct buffer b = BUFFER(1 << 16);
            bool present = false;
            uint8_t why;
            bool may = versions[v] == 4 || mqtt_reason_allowed(MQTT_CONNACK, (uint8_t)reason);
            outcome o = mqtt_write_connack(versions[v], true, (uint8_t)reason, &p, &b);
            CHECK_QUIET(may ? ok(o) : o.code == E_RANGE && b.n == 0);
            if (!may) continue;
            o = mqtt_read_connack(buffer_view(&b), versions[v], &present, &back, &why);
            CHECK_QUIET(ok(o));
            if (ok(o)) CHECK_QUIET(present == (reason == 0) && !back.reason == !reason);
            if (ok(o) && versions[v] == 5) CHECK_QUIET(back.reason == reason);
            buffer_deinit(&b);
        }
    }
    CHECK(mqtt_return_code(MQTT_BAD_VERSION) == 1 && mqtt_return_code(MQTT_BAD_CLIENT_ID) == 2);
    CHECK(mqtt_return_code(MQTT_NOT_AUTHORIZED) == 5 && mqtt_return_code(MQTT_BANNED) == 5);
    CHECK(mqtt_return_code(MQTT_BUSY) == 3 && mqtt_return_code(MQTT_SUCCESS) == 0);
}

static void test_subscribe(void)
{
    static struct mqtt_subscribe s, back;
    for (size_t v = 0; v < 2; v++) {
        bool five = versions[v] == 5;
        memset(&s, 0, sizeof s);
        s.id = 9;
        s.n = 3 * 2 * 2 * 3;
        for (size_t i = 0; i < s.n; i++) {
            s.rows[i].filter = i & 1 ? BYTES_LIT("a/+/#") : BYTES_LIT("\xe6\xb0\xb4");
            s.rows[i].qos = (uint8_t)(i % 3);
            s.rows[i].no_local = five && i / 3 % 2;
            s.rows[i].retain_as_published = five && i / 6 % 2;
            s.rows[i].retain_handling = (uint8_t)(five ? i / 12 % 3 : 0);
        }
        if (five) fill(&s.properties);
        struct buffer b = BUFFER(1 << 16);
        uint8_t reason;
        CHECK_OK(mqtt_write_subscribe(versions[v], &s, &b));
        CHECK_OK(mqtt_read_subscribe(buffer_view(&b), versions[v], &back, &reason));
        CHECK(back.id == 9 && back.n == s.n && back.properties.users == s.properties.users);
        for (size_t i = 0; i < s.n; i++) {
            CHECK_QUIET(bytes_equal(s.rows[i].filter, back.rows[i].filter));
            CHECK_QUIET(s.rows[i].qos == back.rows[i].qos && s.rows[i].no_local == back.rows[i].no_local);
            CHECK_QUIET(s.rows[i].retain_as_published == back.rows[i].retain_as_published);
            CHECK_QUIET(s.rows[i].retain_handling == back.rows[i].retain_handling);
        }
        b.n = 0;
        CHECK_OK(mqtt_write_unsubscribe(versions[v], &s, &b));
        CHECK_OK(mqtt_read_subscribe(buffer_view(&b), versions[v], &back, &reason));
        CHECK(back.n == s.n && back.rows[0].qos == 0);
        buffer_deinit(&b);
    }
}

static void test_subacks(void)
{
    const uint8_t want[] = { 0, 1, 2, 0x80, 0x87, 0x8F }, left[] = { 0, 0x11, 0x87 };
    for (size_t v = 0; v < 2; v++) {
        struct buffer b = BUFFER(1 << 16);
        uint8_t codes[8], reason;
        uint16_t id;
        size_t n;
        CHECK_OK(mqtt_write_suback(versions[v], MQTT_SUBACK, &(struct mqtt_grants) { 3, want, sizeof want, NULL }, &b));
        CHECK_OK(mqtt_read_suback(buffer_view(&b), versions[v], &id, codes, sizeof codes, &n, &reason));
        CHECK(id == 3 && n == sizeof want && memcmp(codes, want, 4) == 0);
        CHECK(codes[4] == (versions[v] == 5 ? 0x87 : 0x80));
        b.n = 0;
        CHECK_OK(mqtt_write_suback(versions[v], MQTT_UNSUBACK, &(struct mqtt_grants) { 4, left, sizeof left, NULL }, &b));
        CHECK_OK(mqtt_read_suback(buffer_view(&b), versions[v], &id, codes, sizeof codes, &n, &reason));
        CHECK(id == 4 && n == (versions[v] == 5 ? sizeof left : 0));
        buffer_deinit(&b);
    }
}

static void test_small(void)
{
    struct buffer b = BUFFER(1 << 16);
    static struct mqtt_ack back;
    uint8_t reason;
    CHECK_OK(mqtt_write_ping(MQTT_PINGREQ, &b));
    CHECK_OK(mqtt_write_ping(MQTT_PINGRESP, &b));
    CHECK(b.n == 4 && memcmp(b.at, "\xc0\0\xd0\0", 4) == 0);
    b.n = 0;
    CHECK_OK(mqtt_write_disconnect(4, MQTT_TAKEN_OVER, "another session", &b));
    CHECK(b.n == 2 && memcmp(b.at, "\xe0\0", 2) == 0);
    b.n = 0;
    CHECK_OK(mqtt_write_disconnect(5, MQTT_TAKEN_OVER, "another session", &b));
    CHECK_OK(mqtt_read_ack(buffer_view(&b), 5, &back, &reason));
    CHECK(back.reason == MQTT_TAKEN_OVER && bytes_equal_str(back.properties.reason_string, "another session"));
    b.n = 0;
    CHECK_OK(mqtt_write_disconnect(5, MQTT_SUCCESS, NULL, &b));
    CHECK(b.n == 2);
    buffer_deinit(&b);
}

/* What does not fit leaves the buffer as it was. */
static void test_refusals(void)
{
    static uint8_t big[70000];
    static struct mqtt_publish m;
    struct buffer b = BUFFER(64), wide = BUFFER(1 << 20);
    m = (struct mqtt_publish){ .topic = BYTES_LIT("t"), .payload = bytes_of(big, 100) };
    CHECK_IS(mqtt_write_publish(4, &m, &b), E_TOO_LARGE);
    CHECK(b.n == 0);
    m = (struct mqtt_publish){ .topic = bytes_of(big, sizeof big) };
    CHECK_IS(mqtt_write_publish(5, &m, &wide), E_TOO_LARGE);
    m = (struct mqtt_publish){ .topic = BYTES_LIT("t"), .payload = bytes_of(big, (size_t)MQTT_VBI_MAX) };
    CHECK_IS(mqtt_write_publish(5, &m, &wide), E_TOO_LARGE); /* refused before it is read */
    CHECK(wide.n == 0);
    mem_fail_at(1);
    struct buffer none = BUFFER(64);
    CHECK_IS(mqtt_write_ping(MQTT_PINGREQ, &none), E_MEMORY);
    mem_fail_at(0);
    buffer_deinit(&b);
    buffer_deinit(&wide);
}

int main(void)
{
    test_properties();
    test_connect();
    test_publish();
    test_acks();
    test_connack();
    test_subscribe();
    test_subacks();
    test_small();
    test_refusals();
    return TEST_END;
}
