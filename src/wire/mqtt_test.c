/* Packets as bytes: what the readers take, what they refuse and with which reason. */
#include "base/test.h"
#include "wire/mqtt.h"

/* Reads any packet with its reader. */
static outcome read_any(struct bytes p, uint8_t version, uint8_t *ret_reason)
{
    static struct mqtt_connect c;
    static struct mqtt_publish m;
    static struct mqtt_subscribe s;
    static struct mqtt_ack a;
    uint8_t codes[256];
    size_t n;
    uint16_t id;
    bool present;
    *ret_reason = MQTT_SUCCESS;
    switch (p.n ? p.at[0] >> 4 : 0) {
    case MQTT_CONNECT: return mqtt_read_connect(p, &c, ret_reason);
    case MQTT_CONNACK: return mqtt_read_connack(p, version, &present, &a, ret_reason);
    case MQTT_PUBLISH: return mqtt_read_publish(p, version, &m, ret_reason);
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE: return mqtt_read_subscribe(p, version, &s, ret_reason);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK: return mqtt_read_suback(p, version, &id, codes, sizeof codes, &n, ret_reason);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: {
        enum mqtt_type type;
        size_t total;
        outcome o = mqtt_frame(p, SIZE_MAX, &type, &total);
        return ok(o) && total == p.n ? DONE : REFUSE(E_MALFORMED);
    }
    default: return mqtt_read_ack(p, version, &a, ret_reason);
    }
}

struct row {
    const char *claim;
    uint8_t version;
    struct bytes in;
    enum code want;
    uint8_t reason;
};
#define P(s) BYTES_LIT(s)

static const struct row good[] = {
    { "CONNECT 3.1.1", 4, P("\x10\x0d\0\4MQTT\4\2\0\x3c\0\1a") },
    { "CONNECT 5", 5, P("\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1a") },
    { "CONNECT 5, empty client identifier", 5, P("\x10\x0d\0\4MQTT\5\0\0\x3c\0\0\0") },
    { "CONNECT 5, password without user", 5, P("\x10\x10\0\4MQTT\5\x42\0\x3c\0\0\0\0\1p") },
    { "CONNECT 5, will, user, password, properties", 5,
      P("\x10\x29\0\4MQTT\5\xee\0\x3c\5\x11\0\0\0\x0a\0\1a\5\x18\0\0\0\5\0\1w\0\2no\0\1u\0\4pass") },
    { "CONNACK 3.1.1", 4, P("\x20\2\1\0") },
    { "CONNACK 3.1.1, refused", 4, P("\x20\2\0\5") },
    { "CONNACK 5", 5, P("\x20\6\0\0\3\x21\0\x0a") },
    { "PUBLISH 3.1.1, QoS 0", 4, P("\x30\5\0\1thi") },
    { "PUBLISH 3.1.1, QoS 1, empty payload", 4, P("\x32\5\0\1t\0\7") },
    { "PUBLISH 5, QoS 2, retained, duplicate", 5, P("\x3d\x08\0\1t\0\7\0hi") },
    { "PUBLISH 5, an alias instead of the topic", 5, P("\x30\6\0\0\3\x23\0\1") },
    { "PUBLISH 5, properties", 5,
      P("\x30\x13\0\1t\x0e\1\1\2\0\0\0\x3c\x26\0\1k\0\1vh") },
    { "PUBLISH 5, two subscription identifiers", 5, P("\x30\x08\0\1t\4\x0b\5\x0b\6") },
    { "PUBACK 3.1.1", 4, P("\x40\2\0\1") },
    { "PUBACK 5, short", 5, P("\x40\2\0\1") },
    { "PUBACK 5, reason only", 5, P("\x40\3\0\1\x10") },
    { "PUBREC 5, reason and empty properties", 5, P("\x50\4\0\1\x87\0") },
    { "PUBREL", 4, P("\x62\2\0\1") },
    { "PUBCOMP 5, reason string", 5, P("\x70\x08\0\1\x92\4\x1f\0\1x") },
    { "SUBSCRIBE 3.1.1", 4, P("\x82\x0c\0\1\0\3a/b\1\0\1#\0") },
    { "SUBSCRIBE 5, all options", 5, P("\x82\x09\0\1\2\x0b\5\0\1#\x2e") },
    { "SUBACK 3.1.1", 4, P("\x90\4\0\1\2\x80") },
    { "SUBACK 5", 5, P("\x90\5\0\1\0\1\x87") },
    { "UNSUBSCRIBE 3.1.1", 4, P("\xa2\5\0\1\0\1#") },
    { "UNSUBSCRIBE 5", 5, P("\xa2\6\0\1\0\0\1#") },
    { "UNSUBACK 3.1.1", 4, P("\xb0\2\0\1") },
    { "UNSUBACK 5", 5, P("\xb0\4\0\1\0\x11") },
    { "PINGREQ", 4, P("\xc0\0") },
    { "PINGRESP", 5, P("\xd0\0") },
    { "DISCONNECT 3.1.1", 4, P("\xe0\0") },
    { "DISCONNECT 5, short", 5, P("\xe0\0") },
    { "DISCONNECT 5, with will", 5, P("\xe0\1\4") },
    { "DISCONNECT 5, session expiry", 5, P("\xe0\7\0\5\x11\0\0\0\0") },
    { "AUTH 5", 5, P("\xf0\x09\x18\7\x15\0\1m\x16\0\0") },
};

static const struct row bad[] = {
    /* fixed header (MQTT 5, 2.1) */
    { "type 0", 5, P("\0\0"), E_MALFORMED, 0x81 },
    { "CONNECT with flags", 4, P("\x11\x0d\0\4MQTT\4\2\0\x3c\0\1a"), E_MALFORMED, 0x81 },
    { "PUBREL without its flag", 4, P("\x60\2\0\1"), E_MALFORMED, 0x81 },
    { "SUBSCRIBE without its flag", 4, P("\x80\6\0\1\0\1a\0"), E_MALFORMED, 0x81 },
    { "UNSUBSCRIBE without its flag", 4, P("\xa0\5\0\1\0\1#"), E_MALFORMED, 0x81 },
    { "PUBACK with flags", 4, P("\x42\2\0\1"), E_MALFORMED, 0x81 },
    { "AUTH in 3.1.1", 4, P("\xf0\0"), E_MALFORMED, 0x81 },
    { "PINGREQ with a body", 4, P("\xc0\1x"), E_MALFORMED, 0 },
    { "a length that is not minimal", 4, P("\x40\x82\0\0\1"), E_MALFORMED, 0x81 },
    { "a length of five bytes", 4, P("\x30\x80\x80\x80\x80\1"), E_MALFORMED, 0x81 },
    { "bytes after the packet", 4, P("\x40\2\0\1x"), E_MALFORMED, 0x81 },
    /* CONNECT (3.1) */
    { "reserved connect flag", 4, P("\x10\x0d\0\4MQTT\4\3\0\x3c\0\1a"), E_MALFORMED, 0x81 },
    { "version 3", 4, P("\x10\x0f\0\6MQIsdp\3\2\0\x3c\0\1a"), E_UNSUPPORTED, 0x84 },
    { "version 6", 5, P("\x10\x0e\0\4MQTT\6\2\0\x3c\0\0\1a"), E_UNSUPPORTED, 0x84 },
    { "version 3 under the new name", 4, P("\x10\x0d\0\4MQTT\3\2\0\x3c\0\1a"), E_UNSUPPORTED, 0x84 },
    { "another protocol", 4, P("\x10\x0d\0\4MQTt\4\2\0\x3c\0\1a"), E_UNSUPPORTED, 0x84 },
    { "will QoS without a will", 4, P("\x10\x0d\0\4MQTT\4\x0a\0\x3c\0\1a"), E_MALFORMED, 0x81 },
    { "will retain without a will", 4, P("\x10\x0d\0\4MQTT\4\x22\0\x3c\0\1a"), E_MALFORMED, 0x81 },
    { "will QoS 3", 4, P("\x10\x12\0\4MQTT\4\x1e\0\x3c\0\1a\0\1w\0\0"), E_MALFORMED, 0x81 },
    { "will topic with a wildcard", 4, P("\x10\x12\0\4MQTT\4\6\0\x3c\0\1a\0\1#\0\0"), E_MALFORMED,
      0x81 },
    { "will topic empty", 4, P("\x10\x11\0\4MQTT\4\6\0\x3c\0\1a\0\0\0\0"), E_MALFORMED, 0x81 },
    { "3.1.1: password without user", 4, P("\x10\x0f\0\4MQTT\4\x42\0\x3c\0\1a\0\0"), E_MALFORMED,
      0x81 },
    { "3.1.1: no client identifier, no clean session", 4, P("\x10\x0c\0\4MQTT\4\0\0\x3c\0\0"),
      E_MALFORMED, 0x85 },
    { "client identifier with NUL", 4, P("\x10\x0d\0\4MQTT\4\2\0\x3c\0\1\0"), E_MALFORMED, 0x81 },
    { "client identifier with a surrogate", 4, P("\x10\x0f\0\4MQTT\4\2\0\x3c\0\3\xed\xa0\x80"),
      E_MALFORMED, 0x81 },
    { "user flag without a user", 4, P("\x10\x0d\0\4MQTT\4\x82\0\x3c\0\1a"), E_MALFORMED, 0x81 },
    { "a user name not UTF-8", 4, P("\x10\x10\0\4MQTT\4\x82\0\x3c\0\1a\0\1\xff"), E_MALFORMED, 0x81 },
    { "a user without the flag", 4, P("\x10\x10\0\4MQTT\4\2\0\x3c\0\1a\0\1u"), E_MALFORMED, 0x81 },
    { "receive maximum 0", 5, P("\x10\x11\0\4MQTT\5\2\0\x3c\3\x21\0\0\0\1a"), E_MALFORMED, 0x82 },
    { "maximum packet 0", 5, P("\x10\x13\0\4MQTT\5\2\0\x3c\5\x27\0\0\0\0\0\1a"), E_MALFORMED, 0x82 },
    { "request problem 2", 5, P("\x10\x10\0\4MQTT\5\2\0\x3c\2\x17\2\0\1a"), E_MALFORMED, 0x82 },
    { "authentication data without a method", 5, P("\x10\x11\0\4MQTT\5\2\0\x3c\3\x16\0\0\0\1a"),
      E_MALFORMED, 0x82 },
    { "a message's property in CONNECT", 5, P("\x10\x10\0\4MQTT\5\2\0\x3c\2\1\1\0\1a"), E_MALFORMED,
      0x81 },
    { "will delay outside the will", 5, P("\x10\x13\0\4MQTT\5\2\0\x3c\5\x18\0\0\0\1\0\1a"),
      E_MALFORMED, 0x81 },
    { "the same property twice", 5, P("\x10\x14\0\4MQTT\5\2\0\x3c\6\x21\0\1\x21\0\1\0\1a"),
      E_MALFORMED, 0x82 },
    { "an unknown property", 5, P("\x10\x10\0\4MQTT\5\2\0\x3c\2\x7f\1\0\1a"), E_MALFORMED, 0x81 },
    { "properties longer than the packet", 5, P("\x10\x0e\0\4MQTT\5\2\0\x3c\x7f\0\1a"), E_MALFORMED,
      0x81 },
    { "a property cut by its list", 5, P("\x10\x10\0\4MQTT\5\2\0\x3c\2\x21\0\0\1a"), E_MALFORMED,
      0x81 },
    /* CONNACK (3.2) */
    { "CONNACK flags", 4, P("\x20\2\2\0"), E_MALFORMED, 0x81 },
    { "session present in a refusal", 5, P("\x20\3\1\x87\0"), E_MALFORMED, 0x82 },
    { "3.1.1: return code 6", 4, P("\x20\2\0\6"), E_MALFORMED, 0x81 },
    { "a reason CONNACK cannot have", 5, P("\x20\3\0\x8e\0"), E_MALFORMED, 0x82 },
    { "CONNACK 5 without properties", 5, P("\x20\2\0\0"), E_MALFORMED, 0x81 },
    /* PUBLISH (3.3) */
    { "QoS 3", 4, P("\x36\5\0\1t\0\1"), E_MALFORMED, 0x81 },
    { "duplicate at QoS 0", 4, P("\x38\3\0\1t"), E_MALFORMED, 0x81 },
    { "packet identifier 0", 4, P("\x32\5\0\1t\0\0"), E_MALFORMED, 0x81 },
    { "3.1.1: empty topic", 4, P("\x30\2\0\0"), E_MALFORMED, 0x82 },
    { "empty topic without an alias", 5, P("\x30\3\0\0\0"), E_MALFORMED, 0x82 },
    { "alias 0", 5, P("\x30\6\0\0\3\x23\0\0"), E_MALFORMED, 0x94 },
    { "a wildcard in the topic", 5, P("\x30\4\0\1+\0"), E_MALFORMED, 0x81 },
    { "a NUL in the topic", 4, P("\x30\3\0\1\0"), E_MALFORMED, 0x81 },
    { "subscription identifier 0", 5, P("\x30\6\0\1t\2\x0b\0"), E_MALFORMED, 0x82 },
    { "second subscription identifier 0", 5, P("\x30\x08\0\1t\4\x0b\1\x0b\0"), E_MALFORMED, 0x82 },
    { "a wildcard in the response topic", 5, P("\x30\x08\0\1t\4\x08\0\1#"), E_MALFORMED, 0x81 },
    { "content type not UTF-8", 5, P("\x30\x08\0\1t\4\3\0\1\xff"), E_MALFORMED, 0x81 },
    { "user property cut short", 5, P("\x30\x08\0\1t\4\x26\0\1k"), E_MALFORMED, 0x81 },
    { "receive maximum in PUBLISH", 5, P("\x30\7\0\1t\3\x21\0\1"), E_MALFORMED, 0x81 },
    /* acknowledgements (3.4 to 3.7) */
    { "PUBACK identifier 0", 4, P("\x40\2\0\0"), E_MALFORMED, 0x81 },
    { "3.1.1: PUBACK with a reason", 4, P("\x40\3\0\1\0"), E_MALFORMED, 0x81 },
    { "a reason PUBACK cannot have", 5, P("\x40\3\0\1\x92"), E_MALFORMED, 0x82 },
    { "a reason PUBREL cannot have", 5, P("\x62\3\0\1\x10"), E_MALFORMED, 0x82 },
    { "bytes after the properties", 5, P("\x40\5\0\1\0\0x"), E_MALFORMED, 0x81 },
    /* SUBSCRIBE, UNSUBSCRIBE (3.8, 3.10) */
    { "no filters", 4, P("\x82\2\0\1"), E_MALFORMED, 0x82 },
    { "no filters in 5", 5, P("\x82\3\0\1\0"), E_MALFORMED, 0x82 },
    { "no filters to leave", 4, P("\xa2\2\0\1"), E_MALFORMED, 0x82 },
    { "identifier 0", 4, P("\x82\6\0\0\0\1a\0"), E_MALFORMED, 0x81 },
    { "QoS 3 asked", 4, P("\x82\6\0\1\0\1a\3"), E_MALFORMED, 0x82 },
    { "3.1.1: reserved option bits", 4, P("\x82\6\0\1\0\1a\4"), E_MALFORMED, 0x81 },
    { "5: reserved option bits", 5, P("\x82\7\0\1\0\0\1a\x40"), E_MALFORMED, 0x81 },
    { "retain handling 3", 5, P("\x82\7\0\1\0\0\1a\x30"), E_MALFORMED, 0x82 },
    { "no local on a shared filter", 5, P("\x82\x10\0\1\0\0\x0a$share/g/a\4"), E_MALFORMED, 0x82 },
    { "empty filter", 4, P("\x82\5\0\1\0\0\0"), E_MALFORMED, 0x81 },
    { "broken filter", 4, P("\x82\x08\0\1\0\3#/a\0"), E_MALFORMED, 0x81 },
    { "broken shared filter", 5, P("\x82\x0e\0\1\0\0\x08$share/g\0"), E_MALFORMED, 0x81 },
    { "filter without options", 4, P("\x82\5\0\1\0\1a"), E_MALFORMED, 0x81 },
    { "two subscription identifiers in SUBSCRIBE", 5, P("\x82\x0b\0\1\4\x0b\1\x0b\1\0\1a\0"),
      E_MALFORMED, 0x82 },
    { "subscription identifier in UNSUBSCRIBE", 5, P("\xa2\x08\0\1\2\x0b\1\0\1a"), E_MALFORMED,
      0x81 },
    /* SUBACK, UNSUBACK (3.9, 3.11) */
    { "SUBACK without codes", 4, P("\x90\2\0\1"), E_MALFORMED, 0x82 },
    { "3.1.1: code 3", 4, P("\x90\3\0\1\3"), E_MALFORMED, 0x82 },
    { "a reason SUBACK cannot have", 5, P("\x90\4\0\1\0\x10"), E_MALFORMED, 0x82 },
    { "3.1.1: UNSUBACK with a payload", 4, P("\xb0\3\0\1\0"), E_MALFORMED, 0x81 },
    /* DISCONNECT, AUTH (3.14, 3.15) */
    { "3.1.1: DISCONNECT with a body", 4, P("\xe0\1\0"), E_MALFORMED, 0x81 },
    { "a reason DISCONNECT cannot have", 5, P("\xe0\1\x84"), E_MALFORMED, 0x82 },
    { "AUTH without a method", 5, P("\xf0\2\x18\0"), E_MALFORMED, 0x82 },
    { "AUTH with another packet's reason", 5, P("\xf0\6\x87\4\x15\0\1m"), E_MALFORMED, 0x82 },
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint8_t reason;
        printf("# %s\n", good[i].claim);
        CHECK_OK(read_any(good[i].in, good[i].version, &reason));
        CHECK(reason == MQTT_SUCCESS);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t reason;
        printf("# %s\n", bad[i].claim);
        CHECK_IS(read_any(bad[i].in, bad[i].version, &reason), bad[i].want);
        if (reason != bad[i].reason) printf("# reason %02x, not %02x\n", reason, bad[i].reason);
        CHECK(reason == bad[i].reason);
    }
}

/* No prefix is accepted: it is short to the gate and malformed to a reader. No one-byte change hurts. */
static void test_damage(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct bytes whole = good[i].in;
        enum mqtt_type type;
        size_t total;
        uint8_t reason;
        for (size_t n = 0; n < whole.n; n++) {
            uint8_t *copy = malloc(n + 1); /* its own block, so that a stray read is seen */
            assert(copy);
            memcpy(copy, whole.at, n);
            outcome o = mqtt_frame(bytes_of(copy, n), 1 << 20, &type, &total);
            CHECK_QUIET(o.code == E_SHORT || (ok(o) && total == whole.n));
            if (n > 0) CHECK_QUIET(!ok(read_any(bytes_of(copy, n), good[i].version, &reason)));
            free(copy);
        }
        uint8_t *copy = malloc(whole.n);
        assert(copy);
        for (size_t at = 0; at < whole.n; at++) {
            for (int v = 0; v < 256; v++) {
                memcpy(copy, whole.at, whole.n);
                copy[at] = (uint8_t)v;
                for (uint8_t version = 4; version <= 5; version++) {
                    outcome o = read_any(bytes_of(copy, whole.n), version, &reason);
                    CHECK_QUIET(ok(o) ? reason == 0 : o.code != E_SHORT);
                }
            }
        }
        free(copy);
    }
    CHECK(sizeof good / sizeof *good > 30);
}

struct frame_row {
    const char *claim;
    struct bytes in;
    size_t max;
    enum code want;
    size_t total;
};
static const struct frame_row frames[] = {
    { "nothing yet", BYTES_NONE, 100, E_SHORT, 0 },
    { "half a header", P("\x30"), 100, E_SHORT, 0 },
    { "half a length", P("\x30\x80"), 100, E_SHORT, 0 },
    { "three quarters of a length", P("\x30\xff\xff\xff"), 100, E_SHORT, 0 },
    { "header only", P("\x30\x05"), 100, OK, 7 },
    { "the next packet does not matter", P("\xc0\0\xff"), 100, OK, 2 },
    { "exactly the bound", P("\x30\x62"), 100, OK, 100 },
    { "one over the bound", P("\x30\x63"), 100, E_TOO_LARGE, 0 },
    { "the largest there is", P("\x30\xff\xff\xff\x7f"), SIZE_MAX, OK, 268435460 },
    { "the largest, refused", P("\x30\xff\xff\xff\x7f"), 2000000, E_TOO_LARGE, 0 },
    { "not minimal", P("\x30\x85\0"), 100, E_MALFORMED, 0 },
    { "five bytes", P("\x30\xff\xff\xff\xff"), 100, E_MALFORMED, 0 },
    { "reserved type seen at once", P("\x0f"), 100, E_MALFORMED, 0 },
    { "wrong flags seen at once", P("\x81"), 100, E_MALFORMED, 0 },
};

static void test_frames(void)
{
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        enum mqtt_type type = MQTT_AUTH;
        size_t total = 0;
        printf("# %s\n", frames[i].claim);
        CHECK_IS(mqtt_frame(frames[i].in, frames[i].max, &type, &total), frames[i].want);
        CHECK(total == frames[i].total);
        if (frames[i].want == OK) CHECK(type == (enum mqtt_type)(frames[i].in.at[0] >> 4));
    }
}

/* The fields come out where they belong. */
static void test_fields(void)
{
    static struct mqtt_connect c;
    static struct mqtt_publish m;
    static struct mqtt_subscribe s;
    uint8_t reason;
    CHECK_OK(mqtt_read_connect(good[4].in, &c, &reason));
    CHECK(c.version == 5 && c.clean_start && c.keep_alive_s == 60 && c.will_qos == 1);
    CHECK(c.properties.session_expiry_s == 10 && mqtt_has(&c.properties, MQTT_HAS_session_expiry_s));
    CHECK(c.has_will && c.will_retain && c.will_properties.will_delay_s == 5);
    CHECK(bytes_equal_str(c.client_id, "a") && bytes_equal_str(c.will_topic, "w"));
    CHECK(bytes_equal_str(c.will_payload, "no") && bytes_equal_str(c.user, "u"));
    CHECK(c.has_password && bytes_equal_str(c.password, "pass"));
    CHECK_OK(mqtt_read_publish(P("\x30\x13\0\1t\x0e\1\1\2\0\0\0\x3c\x26\0\1k\0\1vh"), 5, &m, &reason));
    CHECK(m.properties.payload_format == 1 && m.properties.message_expiry_s == 60);
    CHECK(m.properties.users == 1 && bytes_equal_str(m.properties.user[0].value, "v"));
    CHECK(bytes_equal_str(m.payload, "h") && !m.qos && !m.id);
    CHECK_OK(mqtt_read_publish(P("\x30\x08\0\1t\4\x0b\5\x0b\6"), 5, &m, &reason));
    CHECK(m.properties.subscription_id == 5); /* the first is kept */
    CHECK_OK(mqtt_read_subscribe(P("\x82\x09\0\1\2\x0b\5\0\1#\x2e"), 5, &s, &reason));
    CHECK(s.n == 1 && s.rows[0].qos == 2 && s.rows[0].no_local && s.rows[0].retain_as_published);
    CHECK(s.rows[0].retain_handling == 2 && s.properties.subscription_id == 5);
    CHECK(mqtt_connect_version(P("\x10\x0e\0\4MQTT\6\2\0\x3c\0\0\1a")) == 5);
    CHECK(mqtt_connect_version(P("\x10\x0f\0\6MQIsdp\3\2\0\x3c\0\1a")) == 4);
    CHECK(mqtt_connect_version(P("\x10\0")) == 4 && mqtt_connect_version(BYTES_NONE) == 4);
}

/* A version 5 PUBLISH on topic "t" with these properties. */
static struct bytes publish_with(struct bytes list, uint8_t *to, size_t cap)
{
    struct out o = out_of(to, cap);
    size_t body_n = 3 + 2 + list.n; /* both lengths of two bytes */
    put_u8(&o, 0x30);
    put_u8(&o, (uint8_t)(0x80 | (body_n & 0x7F)));
    put_u8(&o, (uint8_t)(body_n >> 7));
    put(&o, P("\0\1t"));
    put_u8(&o, (uint8_t)(0x80 | (list.n & 0x7F)));
    put_u8(&o, (uint8_t)(list.n >> 7));
    put(&o, list);
    assert(ok(out_done(&o)));
    return out_view(&o);
}

static void test_bounds(void)
{
    static struct mqtt_publish m;
    static struct mqtt_subscribe s;
    static uint8_t packet[20000], list[16000];
    uint8_t reason;
    for (size_t n = MQTT_USER_PROPERTIES_MAX; n <= MQTT_USER_PROPERTIES_MAX + 1; n++) {
        struct out o = out_of(list, sizeof list);
        for (size_t i = 0; i < n; i++) put(&o, P("\x26\0\1k\0\1v"));
        outcome r = mqtt_read_publish(publish_with(out_view(&o), packet, sizeof packet), 5, &m, &reason);
        CHECK_IS(r, n > MQTT_USER_PROPERTIES_MAX ? E_TOO_LARGE : OK);
        CHECK(reason == (n > MQTT_USER_PROPERTIES_MAX ? 0x97 : 0));
    }
    static const uint8_t zeros[MQTT_PROPERTIES_BYTES_MAX];
    for (size_t n = MQTT_PROPERTIES_BYTES_MAX; n <= MQTT_PROPERTIES_BYTES_MAX + 1; n++) {
        struct out o = out_of(list, sizeof list);
        put_u8(&o, 0x09); /* correlation data */
        put_u16(&o, (uint16_t)(n - 3));
        put(&o, bytes_of(zeros, n - 3));
        outcome r = mqtt_read_publish(publish_with(out_view(&o), packet, sizeof packet), 5, &m, &reason);
        CHECK_IS(r, n > MQTT_PROPERTIES_BYTES_MAX ? E_TOO_LARGE : OK);
    }
    for (size_t n = MQTT_FILTERS_MAX; n <= MQTT_FILTERS_MAX + 1; n++) {
        struct out o = out_of(packet, sizeof packet);
        size_t body_n = 2 + 4 * n;
        put_u8(&o, 0x82);
        put_u8(&o, (uint8_t)(0x80 | (body_n & 0x7F)));
        put_u8(&o, (uint8_t)(body_n >> 7));
        put(&o, P("\0\1"));
        for (size_t i = 0; i < n; i++) put(&o, P("\0\1a\1"));
        CHECK_IS(mqtt_read_subscribe(out_view(&o), 4, &s, &reason), n > MQTT_FILTERS_MAX ? E_TOO_LARGE : OK);
        CHECK(n > MQTT_FILTERS_MAX ? reason == 0x97 : s.n == n);
    }
    uint8_t codes[1];
    uint16_t id;
    size_t n;
    CHECK_IS(mqtt_read_suback(P("\x90\4\0\1\1\1"), 4, &id, codes, 1, &n, &reason), E_TOO_LARGE);
}

int main(void)
{
    test_frames();
    test_rows();
    test_fields();
    test_bounds();
    test_damage();
    return TEST_END;
}
