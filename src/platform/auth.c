/* Enhanced authentication (MQTT 5, 4.12) of one method: attestation again without reconnecting. TLS has said who it
 * is; this asks what it is. AUTH 0x19 asks for a question, AUTH 0x18 carries question and answer, AUTH 0x00 is the
 * good end. The bad end is DISCONNECT 0x87. */
#include "platform/exchange_internal.h"

#define HAS(name) ((uint64_t)1 << MQTT_HAS_##name)
#define CONTINUE 0x18
#define AGAIN 0x19
#define BAD_METHOD 0x8C

/* MQTT 5, 4.12.0-2; MQTT 5, 3.15.2-2 and 3.15.2-3: no string and no user property goes with it. */
static void say(struct exchange *x, struct session *s, uint8_t reason, struct bytes data)
{
    struct mqtt_ack a = { .reason = reason };
    a.properties.has = HAS(auth_method) | (data.n ? HAS(auth_data) : 0);
    a.properties.auth_method = BYTES_LIT(AUTH_METHOD);
    a.properties.auth_data = data;
    x->out.n = 0;
    if (ok(mqtt_write_ack(5, MQTT_AUTH, &a, &x->out)) && x->out.n <= s->packet_max) session_send(x, s);
    else session_doom(x, s, MQTT_TOO_LARGE, "authentication");
}

outcome auth_packet(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_ack a;
    uint8_t reason = MQTT_MALFORMED;
    if (s->version == 4) return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "auth-in-3.1.1");
    if (!ok(mqtt_read_ack(packet, 5, &a, &reason))) return packet_fail(x, s, reason, "auth-malformed");
    if (!s->auth) return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "auth-without-method"); /* MQTT 5, 4.12.0-6 */
    if (!bytes_equal_str(a.properties.auth_method, AUTH_METHOD)) /* MQTT 5, 4.12.0-5, 4.12.1-1 */
        return packet_fail(x, s, BAD_METHOD, "authentication-method");
    if (a.reason != AGAIN && !(a.reason == CONTINUE && s->authing)) return packet_fail(x, s, MQTT_PROTOCOL_ERROR, "auth-order");
    struct buffer question = BUFFER(65535);
    outcome o = x->port.attest(x->port.ctx, s->link, s->who, a.properties.auth_data, &question);
    if (ok(o)) {
        s->authing = true;
        if (question.n) say(x, s, CONTINUE, buffer_view(&question));
    }
    buffer_deinit(&question);
    return ok(o) ? DONE : packet_fail(x, s, MQTT_NOT_AUTHORIZED, "attestation"); /* MQTT 5, 4.12.1-2 and 4.12.0-4 */
}

void exchange_attested(struct exchange *x, uint32_t link, bool good)
{
    struct session *s = session_on(x, link);
    if (!s || !s->authing) return;
    s->authing = false;
    if (good) say(x, s, MQTT_SUCCESS, BYTES_NONE);
    else session_doom(x, s, MQTT_NOT_AUTHORIZED, "attestation");
    session_reap(x);
}
