#include "gate/front.h"

#include "wire/http.h"
#include "wire/mqtt.h"

enum { LEVEL_311 = 4, LEVEL_5 = 5, LEVEL_NONE = 0xFF, CODE_BAD_VERSION_311 = 1, CODE_BAD_CLIENT_ID_311 = 2, CODE_NOT_AUTHORIZED_311 = 5 };

/* Answers are a courtesy: without memory for one, the peer is closed without it. */
static void say(struct buffer *answer, struct bytes b)
{
    size_t before = answer->n;
    if (!ok(buffer_put(answer, b))) answer->n = before;
}

static struct front_step refuse(enum link_refusal why)
{
    return (struct front_step) { FRONT_REFUSE, 0, why };
}

/* The protocol level a peer claims in its first bytes, before they are known to be good: only to
 * choose the form of the refusal. LEVEL_NONE when they are not a CONNECT at all. */
static uint8_t claimed_level(struct bytes in)
{
    struct bytes name;
    uint8_t b, level;
    if (!ok(take_u8(&in, &b)) || b != MQTT_CONNECT << 4) return LEVEL_NONE;
    for (int i = 0; i < 4; i++) {
        if (!ok(take_u8(&in, &b))) return LEVEL_NONE;
        if (!(b & 0x80)) break;
    }
    if (!ok(take_field16(&in, &name)) || !ok(take_u8(&in, &level))) return LEVEL_NONE;
    bool known = bytes_equal(name, BYTES_LIT("MQTT")) || bytes_equal(name, BYTES_LIT("MQIsdp"));
    return known ? level : LEVEL_NONE;
}

/* CONNACK in the peer's own form: the v5 reason code, or one of the codes 3.1.1 knows; where
 * 3.1.1 has none, silence [MQTT 3.1.1, 3.1.4]. */
static void connack(uint8_t level, uint8_t reason, struct buffer *answer)
{
    uint8_t v5[] = { MQTT_CONNACK << 4, 3, 0, reason, 0 };
    uint8_t code = reason == MQTT_BAD_VERSION ? CODE_BAD_VERSION_311
        : reason == MQTT_BAD_CLIENT_ID        ? CODE_BAD_CLIENT_ID_311 /* MQTT 3.1.1, 3.1.3-8 and 3.1.3-9 */
        : reason == MQTT_NOT_AUTHORIZED       ? CODE_NOT_AUTHORIZED_311
                                              : 0;
    uint8_t v311[] = { MQTT_CONNACK << 4, 2, 0, code };
    if (level == LEVEL_NONE) return;
    if (level >= LEVEL_5) say(answer, bytes_of(v5, sizeof v5));
    else if (code) say(answer, bytes_of(v311, sizeof v311));
}

void front_mqtt_deny(const struct front *f, uint8_t reason, struct buffer *answer)
{
    connack(f->version, reason, answer);
}

void front_mqtt_part(const struct front *f, uint8_t reason, struct buffer *answer)
{
    const uint8_t packet[] = { MQTT_DISCONNECT << 4, 2, reason, 0 };
    if (f->greeted && f->version == LEVEL_5) say(answer, bytes_of(packet, sizeof packet));
}

static struct front_step mqtt_first(struct front *f, struct bytes in, struct buffer *answer)
{
    enum mqtt_type type;
    size_t total;
    outcome o = mqtt_frame(in, FRONT_FIRST_MAX, &type, &total);
    if (in.n && in.at[0] >> 4 != MQTT_CONNECT) return refuse(LINK_FIRST_PACKET);
    if (o.code == E_SHORT) return (struct front_step) { FRONT_WAIT, 0, 0 };
    if (!ok(o)) {
        connack(claimed_level(in), o.code == E_TOO_LARGE ? MQTT_TOO_LARGE : MQTT_MALFORMED, answer);
        return refuse(LINK_FIRST_PACKET);
    }
    if (in.n < total) return (struct front_step) { FRONT_WAIT, 0, 0 };
    struct bytes packet = bytes_of(in.at, total);
    struct mqtt_connect c;
    uint8_t reason = MQTT_MALFORMED;
    if (!ok(mqtt_read_connect(packet, &c, &reason))) {
        connack(claimed_level(packet), reason, answer);
        return refuse(LINK_FIRST_PACKET);
    }
    f->greeted = true;
    f->version = c.version;
    return (struct front_step) { FRONT_FORWARD, total, 0 };
}

struct front_step front_mqtt(struct front *f, struct bytes in, struct buffer *answer)
{
    /* MQTT 5, 4.2-1: over TLS, WebSocket, and plain in the lab */
    if (!f->greeted) return mqtt_first(f, in, answer);
    enum mqtt_type type;
    size_t total;
    outcome o = mqtt_frame(in, FRONT_PACKET_MAX, &type, &total);
    if (o.code == E_SHORT) return (struct front_step) { FRONT_WAIT, 0, 0 };
    if (!ok(o)) {
        front_mqtt_part(f, o.code == E_TOO_LARGE ? MQTT_TOO_LARGE : MQTT_MALFORMED, answer);
        return refuse(LINK_FRAMING);
    }
    if (in.n < total) return (struct front_step) { FRONT_WAIT, 0, 0 };
    return (struct front_step) { FRONT_FORWARD, total, 0 };
}

int front_http_status(struct bytes in, outcome o)
{
    if (o.code == E_UNSUPPORTED) return 501;
    if (o.code != E_TOO_LARGE) return 400;
    size_t lines = 0;
    for (size_t i = 0; i + 1 < in.n && i < HTTP_HEAD_MAX && lines <= HTTP_FIELDS_MAX + 1; i++) {
        if (in.at[i] != '\r' || in.at[i + 1] != '\n') continue;
        lines++;
        bool head_ends = in.n - i >= 4 && memcmp(in.at + i, "\r\n\r\n", 4) == 0;
        if (head_ends && lines <= HTTP_FIELDS_MAX + 1) return 413; /* so it was the body */
    }
    return 431;
}

static void http_error(int status, struct buffer *answer)
{
    struct http_response r = { .status = status, .type = "text/plain; charset=utf-8", .fields = "",
        .body = BYTES_LIT("refused\n"), .close = true };
    size_t before = answer->n;
    if (!ok(http_write(&r, answer))) answer->n = before;
}

/* An Expect field is answered once per request [RFC 9110, 10.1.1]. */
static void say_continue(struct front *f, const struct http_request *r, struct buffer *answer)
{
    struct bytes expect = http_field(r, "Expect");
    if (f->continued || expect.n == 0) return;
    f->continued = true;
    say(answer, BYTES_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
}

struct front_step front_http(struct front *f, struct bytes in, struct buffer *answer)
{
    struct http_request r;
    outcome o = http_read(in, FRONT_BODY_MAX, &r);
    if (o.code == E_SHORT) return (struct front_step) { FRONT_WAIT, 0, 0 };
    if (!ok(o)) {
        http_error(front_http_status(in, o), answer);
        return refuse(f->greeted ? LINK_FRAMING : LINK_FIRST_PACKET);
    }
    if (r.body_n && !r.body.at) {
        say_continue(f, &r, answer);
        return (struct front_step) { FRONT_WAIT, 0, 0 };
    }
    f->greeted = true;
    f->continued = false;
    return (struct front_step) { FRONT_FORWARD, r.head_n + r.body_n, 0 };
}
