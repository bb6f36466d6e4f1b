/* CONNECT: who may come, with which client id, to which session, on which terms. */
#include <stdio.h>

#include "platform/exchange_internal.h"

#define CLIENT_ID_MAX 128
#define HAS(name) ((uint64_t)1 << MQTT_HAS_##name)
#define BAD_AUTHENTICATION_METHOD 0x8C /* MQTT 5, 3.2.2.2 */

static MUST outcome refuse(struct exchange *x, struct session *s, uint8_t version, uint8_t reason, const char *word)
{
    struct mqtt_properties p = { .has = HAS(reason_string), .reason_string = bytes_str(word) };
    struct verdict v = { .ruling = RULING_DENY, .reason = reason, .word = word };
    struct message m = { .from = s->who };
    tell(x, "connect-refused", &m, &v, NULL);
    x->out.n = 0;
    s->barrier = s->back.n = 0;
    /* MQTT 5, 3.1.4-2, 3.1.4-6 and 3.2.2-7: the link is closed after it, what follows is not looked at */
    outcome o = mqtt_write_connack(version, false, reason, &p, &x->out);
    if (ok(o) && x->out.n > s->packet_max) { /* MQTT 5, 3.2.2-19 and 3.2.2-20: without the reason string; MQTT 5, 3.1.2-24: or not at all */
        p.has = x->out.n = 0;
        o = mqtt_write_connack(version, false, reason, &p, &x->out);
    }
    if (ok(o) && x->out.n <= s->packet_max) session_send(x, s);
    session_end(x, s, 0, NULL, false);
    return REFUSE(reason == MQTT_NOT_AUTHORIZED || reason == MQTT_BAD_CLIENT_ID ? E_DENIED : E_MALFORMED);
}

/* Where client ids are not bound to identities (the lab), a session still is to its own. */
static bool anothers_session(const struct exchange *x, const struct session *s, struct bytes id)
{
    uintptr_t found = (uintptr_t)map_get(&x->clients, id);
    return found && x->sessions[found - 1].who != s->who;
}

/* "", the identity's own id, or that and a suffix. 0, or the reason to refuse with. */
static uint8_t client_id_judge(const struct exchange *x, const struct session *s, const struct mqtt_connect *c)
{
    struct bytes id = c->client_id;
    char base[ID_MAX];
    if (id.n == 0) return c->version == 4 && !c->clean_start ? MQTT_BAD_CLIENT_ID : 0; /* MQTT 3.1.1, 3.1.3-8 */
    if (x->access->open) return anothers_session(x, s, id) ? MQTT_NOT_AUTHORIZED : 0;
    if (id.n > CLIENT_ID_MAX) return MQTT_BAD_CLIENT_ID;
    const uint8_t *slash = memchr(id.at, '/', id.n);
    struct bytes first = bytes_of(id.at, slash ? (size_t)(slash - id.at) : id.n);
    if (bytes_equal_str(first, s->who->id)) return 0;
    /* MQTT 5, 3.1.3-8. Of MQTT 5, 3.1.3-5 only so many are taken as are bound to the identity (3.1.4-2) */
    bool anothers = ok(bytes_to_text(first, base, sizeof base)) && registry_identity(x->access->registry, base);
    return anothers ? MQTT_NOT_AUTHORIZED : MQTT_BAD_CLIENT_ID;
}

/* MQTT 5, 3.1.3-6, 3.1.3-7 and 3.2.2-16: a unique one, told in CONNACK. */
static struct bytes client_id_make(struct exchange *x, const struct session *s, char *made, size_t size)
{
    struct bytes id;
    do {
        int n = snprintf(made, size, "%s/auto-%llu", s->who->id, (unsigned long long)++x->client_next);
        id = bytes_of(made, (size_t)n);
    } while (map_get(&x->clients, id)); /* at most one round a session */
    return id;
}

/* The old link of this client id ends (MQTT 5, 3.1.4-3), and with clean start the old session (3.1.2-4).
 * NULL: there is none to go on with. */
static struct session *predecessor(struct exchange *x, struct bytes id, bool clean)
{
    uintptr_t found = (uintptr_t)map_get(&x->clients, id);
    if (!found) return NULL;
    struct session *old = &x->sessions[found - 1];
    /* MQTT 5, 3.1.2-4 and 3.1.4-4 */
    if (clean) old->expiry_s = 0;
    if (old->online) {
        uint32_t link = old->link;
        session_end(x, old, MQTT_TAKEN_OVER, "taken-over", true);
        x->port.close(x->port.ctx, link);
    } else if (clean || old->expires_ms <= mono(x)) {
        session_destroy(x, old);
    }
    found = (uintptr_t)map_get(&x->clients, id); /* its will may have moved others, not this */
    return found ? &x->sessions[found - 1] : NULL;
}

static MUST outcome name_session(struct exchange *x, struct session *s, struct bytes id)
{
    char *mine = mem_text(id);
    if (!mine) return REFUSE(E_MEMORY);
    outcome o = map_put(&x->clients, id, (void *)((uintptr_t)(s - x->sessions) + 1));
    if (!ok(o)) {
        mem_free(mine);
        return o;
    }
    s->client_id = mine;
    x->counts.sessions++;
    return DONE;
}

/* *s becomes the session to go on with. */
static MUST outcome client_id_take(struct exchange *x, struct session **s, const struct mqtt_connect *c, bool *ret_present)
{
    char made[CLIENT_ID_MAX + 1];
    struct bytes id = c->client_id.n ? c->client_id : client_id_make(x, *s, made, sizeof made);
    struct session *old = predecessor(x, id, c->clean_start);
    /* MQTT 5, 3.1.2-5, 3.1.2-6, 3.1.3-2, 3.2.2-2 and 3.2.2-3: the session of this client id, or a new one */
    *ret_present = old;
    if (!old) return name_session(x, *s, id);
    assert(old->who == (*s)->who); /* its id is bound to it */
    TRY(session_adopt(x, old, *s));
    *s = old;
    return DONE;
}

/* The will is kept whole; its right is judged now and again when it is published. */
/* Anything else than an id says nothing. */
static void purpose_of(const struct mqtt_connect *c, char ret[sizeof ((struct session *)0)->purpose])
{
    ret[0] = 0;
    for (size_t i = 0; i < c->properties.users; i++) {
        if (!bytes_equal_str(c->properties.user[i].name, EXCHANGE_PURPOSE) || !registry_id_valid(c->properties.user[i].value)) continue;
        if (!ok(bytes_to_text(c->properties.user[i].value, ret, sizeof ((struct session *)0)->purpose))) ret[0] = 0;
        return;
    }
}

static MUST outcome will_take(struct exchange *x, struct session *s, const struct mqtt_connect *c, const char **word)
{
    struct cargo cargo;
    struct message m = { .from = s->who, .topic = c->will_topic, .payload = c->will_payload,
        .properties = &c->will_properties, .qos = c->will_qos, .retain = c->will_retain };
    char purpose[sizeof s->purpose];
    purpose_of(c, purpose);
    struct question q = { .who = s->who, .action = ACT_PUBLISH, .topic = m.topic, .payload = m.payload, .now_ms = wall(x), .purpose = purpose };
    struct verdict v = access_judge(x->access, &q);
    *word = v.word;
    if (v.ruling == RULING_DENY) {
        tell(x, "will-refused", &m, &v, NULL);
        return REFUSE(E_DENIED);
    }
    /* MQTT 5, 3.1.2-7 */
    cargo_from_message(x, &cargo, &m, PATH_WILL);
    struct parcel *p = cargo_keep(x, &cargo);
    s->will = p ? parcel_share(p) : NULL;
    s->will_delay_s = c->will_properties.will_delay_s;
    cargo_done(x, &cargo);
    return p ? DONE : REFUSE(E_MEMORY);
}

static uint32_t keep_alive(const struct exchange *x, const struct mqtt_connect *c, struct mqtt_properties *p)
{
    uint32_t wanted = c->keep_alive_s, most = x->bounds.keep_alive_s;
    /* MQTT 5, 3.2.2.3.14: the server's own; 3.1.1 has no way to say it, so the client's stands there */
    if (c->version == 5 && most && (wanted == 0 || wanted > most)) {
        wanted = most;
        p->has |= HAS(server_keep_alive_s);
        p->server_keep_alive_s = (uint16_t)most;
    }
    /* MQTT 5, 3.1.2-22: the gate closes, and the will goes; MQTT 5, 3.2.2-22: the client's own where none was said */
    return wanted * 1500;
}

/* MQTT 5, 3.1.2.11.2; 3.1.1: a session that is not clean lasts as long as we let any. */
static uint32_t expiry_of(const struct exchange *x, const struct mqtt_connect *c)
{
    uint32_t asked = c->properties.session_expiry_s, most = x->bounds.session_expiry_s;
    if (c->version == 4) asked = c->clean_start ? 0 : UINT32_MAX;
    else if (!mqtt_has(&c->properties, MQTT_HAS_session_expiry_s)) asked = 0;
    return asked < most ? asked : most;
}

static uint16_t lesser(uint32_t a, uint32_t b)
{
    uint32_t least = a < b ? a : b;
    return (uint16_t)(least < UINT16_MAX ? least : UINT16_MAX);
}

static void say_capabilities(const struct exchange *x, struct mqtt_properties *p)
{
    p->has |= HAS(receive_maximum) | HAS(maximum_packet) | HAS(topic_alias_maximum);
    p->receive_maximum = (uint16_t)x->bounds.inflight;
    p->maximum_packet = x->bounds.packet_bytes;
    p->topic_alias_maximum = x->bounds.alias_in;
    /* MQTT 5, 3.2.2-9, 3.2.2.3.4, 3.2.2.3.5 and 3.2.2.3.11 to 3.2.2.3.13: what is there is said by absence, so that CONNACK
     * fits a small client's Maximum Packet Size */
    if (x->bounds.maximum_qos < 2) p->has |= HAS(maximum_qos);
    p->maximum_qos = x->bounds.maximum_qos;
    if (!x->bounds.shared) p->has |= HAS(shared_available);
}

static void welcome_properties(const struct exchange *x, const struct session *s, const struct mqtt_connect *c,
    struct mqtt_properties *p, struct out *information)
{
    say_capabilities(x, p);
    if (mqtt_has(&c->properties, MQTT_HAS_session_expiry_s) && c->properties.session_expiry_s != s->expiry_s) {
        p->has |= HAS(session_expiry_s); /* MQTT 5, 3.2.2.3.2 */
        p->session_expiry_s = s->expiry_s;
    }
    if (c->properties.request_response) { /* MQTT 5, 3.1.2-28: only when asked */
        if (x->access->open) put_fmt(information, "reply/%s/", s->client_id);
        else put_fmt(information, "sk/v1/%s/", x->access->site);
        p->has |= HAS(response_information);
        p->response_information = out_view(information);
    }
    if (s->auth) { /* MQTT 5, 4.12: the method, again */
        p->has |= HAS(auth_method);
        p->auth_method = BYTES_LIT(AUTH_METHOD);
    }
    if (c->client_id.n) return;
    p->has |= HAS(assigned_client_id);
    p->assigned_client_id = bytes_str(s->client_id);
}

static uint32_t packet_max(const struct mqtt_connect *c)
{
    return mqtt_has(&c->properties, MQTT_HAS_maximum_packet) ? c->properties.maximum_packet : UINT32_MAX;
}

/* The terms of this link, and the session it goes on with. */
static MUST outcome prepare(struct exchange *x, struct session **at, const struct mqtt_connect *c, bool *ret_present)
{
    const struct mqtt_properties *p = &c->properties;
    bool says = mqtt_has(p, MQTT_HAS_receive_maximum);
    TRY(client_id_take(x, at, c, ret_present));
    struct session *s = *at;
    s->receive_max = lesser(says ? p->receive_maximum : UINT16_MAX, x->bounds.inflight);
    s->packet_max = packet_max(c);
    s->problems = !mqtt_has(p, MQTT_HAS_request_problem) || p->request_problem;
    s->expiry_s = expiry_of(x, c);
    s->auth = mqtt_has(p, MQTT_HAS_auth_method);
    s->version = c->version;
    s->standing = standing_of(s->who);
    /* MQTT 5, 3.1.2-26, 3.1.2-27 and 3.3.2-11 */
    s->alias_out_n = lesser(p->topic_alias_maximum, x->bounds.alias_out);
    s->alias_out_used = 0;
    TRY(flight_reserve(s, s->receive_max));
    return durable_open(x, s);
}

static MUST outcome welcome(struct exchange *x, struct session *s, const struct mqtt_connect *c, bool present)
{
    struct mqtt_properties p = { 0 };
    char text[ID_MAX + 512];
    struct out information = out_of(text, sizeof text);
    uint32_t idle_ms = keep_alive(x, c, &p);
    welcome_properties(x, s, c, &p, &information);
    x->out.n = 0;
    outcome o = mqtt_write_connack(c->version, present, MQTT_SUCCESS, &p, &x->out);
    if (ok(o) && x->out.n > s->packet_max) o = REFUSE(E_TOO_LARGE); /* MQTT 5, 3.1.2-24: closed without a word */
    if (!ok(o)) {
        if (!present) s->expiry_s = 0;
        session_end(x, s, 0, NULL, false);
        return o;
    }
    /* MQTT 5, 3.1.4-5, 3.2.0-1 and 3.14.0-1: the first packet, once */
    session_send(x, s);
    x->port.idle(x->port.ctx, s->link, idle_ms);
    yield_connected(x, s);
    deliver_pump(x, s);
    return DONE;
}

static bool method_good(const struct exchange *x, const struct mqtt_connect *c)
{
    const struct mqtt_properties *p = &c->properties;
    if (!mqtt_has(p, MQTT_HAS_auth_method)) return true;
    /* MQTT 5, 4.12.0-1 */
    return x->port.attest && bytes_equal_str(p->auth_method, AUTH_METHOD);
}

outcome session_connect(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_connect c;
    uint8_t reason = MQTT_MALFORMED;
    const char *word = "";
    bool present = false;
    if (!ok(mqtt_read_connect(packet, &c, &reason)))
        return refuse(x, s, mqtt_connect_version(packet), reason, "connect-malformed");
    s->packet_max = packet_max(&c);
    struct question q = { .who = s->who, .action = ACT_CONNECT, .now_ms = wall(x) };
    struct verdict v = access_judge(x->access, &q);
    if (v.ruling == RULING_DENY) return refuse(x, s, c.version, v.reason, v.word);
    if (!method_good(x, &c)) return refuse(x, s, c.version, BAD_AUTHENTICATION_METHOD, "authentication-method");
    reason = client_id_judge(x, s, &c);
    if (reason) return refuse(x, s, c.version, reason, "client-id-not-bound");
    /* MQTT 5, 3.2.2-12; MQTT 5, 3.2.2-13 cannot arise: messages may be retained */
    if (c.has_will && c.will_qos > x->bounds.maximum_qos) return refuse(x, s, c.version, MQTT_NO_QOS, "qos");
    if (c.has_will && c.will_properties.payload_format == 1 && !bytes_is_utf8(c.will_payload))
        return refuse(x, s, c.version, MQTT_PAYLOAD_FORMAT, "payload-format");
    if (c.has_will && !topic_fits(x, c.will_topic)) return refuse(x, s, c.version, MQTT_TOPIC_INVALID, "topic-too-long");
    outcome o = c.has_will ? will_take(x, s, &c, &word) : DONE;
    if (o.code == E_DENIED) return refuse(x, s, c.version, MQTT_NOT_AUTHORIZED, word);
    if (ok(o)) o = prepare(x, &s, &c, &present);
    purpose_of(&c, s->purpose);
    if (!ok(o) && !present) s->expiry_s = 0; /* nothing was promised */
    if (!ok(o)) return refuse(x, s, c.version, o.code == E_MEMORY ? MQTT_UNAVAILABLE : MQTT_QUOTA, "no-room");
    return welcome(x, s, &c, present);
}
