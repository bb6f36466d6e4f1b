/* Sessions: a link, an identity, a client id bound to it. They end with their link. */
#include <stdio.h>

#include "platform/exchange_internal.h"

#define CLIENT_ID_MAX 128
#define HAS(name) ((uint64_t)1 << MQTT_HAS_##name)
#define BAD_AUTHENTICATION_METHOD 0x8C /* MQTT 5, 3.2.2.2 */

static struct bytes link_key(const uint32_t *link)
{
    return bytes_of(link, sizeof *link);
}

static void *slot_of(uint32_t index)
{
    return (void *)((uintptr_t)index + 1);
}

struct session *session_of(struct exchange *x, struct handle h)
{
    if (h.index >= x->sessions_top) return NULL;
    struct session *s = &x->sessions[h.index];
    return s->used && s->generation == h.generation ? s : NULL;
}

struct handle session_handle(const struct exchange *x, const struct session *s)
{
    return (struct handle) { (uint32_t)(s - x->sessions), s->generation };
}

struct session *session_on(struct exchange *x, uint32_t link)
{
    uintptr_t found = (uintptr_t)map_get(&x->links, link_key(&link));
    return found ? &x->sessions[found - 1] : NULL;
}

static struct standing standing_of(const struct identity *i)
{
    return (struct standing) { i->role, i->life, i->trust };
}

outcome exchange_up(struct exchange *x, uint32_t link, const struct identity *who)
{
    assert(who);
    if (session_on(x, link)) return REFUSE(E_CONFLICT);
    uint32_t index = x->sessions_free;
    if (index == NONE && x->sessions_top >= x->bounds.sessions) return REFUSE(E_FULL);
    if (index == NONE) index = x->sessions_top;
    TRY(map_put(&x->links, link_key(&link), slot_of(index)));
    struct session *s = &x->sessions[index];
    if (index == x->sessions_top) x->sessions_top++;
    else x->sessions_free = s->next_free;
    *s = (struct session) { .generation = s->generation + 1, .used = true, .link = link, .who = who, .subs = NONE,
        .standing = standing_of(who) };
    x->counts.links++;
    return DONE;
}

void session_send(struct exchange *x, struct session *s)
{
    x->port.send(x->port.ctx, s->link, buffer_view(&x->out));
}

/* ---- the end ---- */

static void undoom(struct exchange *x, struct session *s)
{
    uint32_t *at = &x->doomed;
    while (*at != NONE && &x->sessions[*at] != s) at = &x->sessions[*at].doom_next;
    if (*at != NONE) *at = s->doom_next;
}

static void publish_will(struct exchange *x, struct parcel *will)
{
    struct cargo stored, c;
    struct answer a;
    cargo_from_parcel(x, &stored, will, PATH_WILL);
    cargo_from_message(x, &c, &stored.m, PATH_WILL);
    if (will->expires_ms != NEVER) {
        c.expiry_s = will->expiry_s;
        c.expires_ms = mono(x) + (int64_t)will->expiry_s * 1000;
    }
    publish_accept(x, &c, &a);
    cargo_done(x, &c);
    cargo_done(x, &stored);
}

static void goodbye(struct exchange *x, struct session *s, uint8_t reason, const char *word)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = reason, .word = word };
    struct message m = { .from = s->who, .topic = bytes_str(s->client_id) };
    tell(x, reason == MQTT_TAKEN_OVER ? "takeover" : "link-closed", &m, &v, NULL);
    x->out.n = 0;
    if (s->version == 5 && ok(mqtt_write_disconnect(5, reason, word, &x->out))) session_send(x, s);
}

void session_end(struct exchange *x, struct session *s, uint8_t reason, const char *word, bool will)
{
    assert(s->used && !x->routing);
    if (reason) goodbye(x, s, reason, word);
    undoom(x, s);
    while (s->subs != NONE) sub_drop(x, s->subs);
    queue_clear(x, s);
    (void)map_take(&x->links, link_key(&s->link));
    if (s->client_id) {
        (void)map_take(&x->clients, bytes_str(s->client_id));
        x->counts.sessions--;
    }
    mem_free(s->client_id);
    mem_free(s->inflight);
    struct parcel *last = s->will;
    uint32_t index = (uint32_t)(s - x->sessions);
    *s = (struct session) { .generation = s->generation, .next_free = x->sessions_free, .subs = NONE };
    x->sessions_free = index;
    x->counts.links--;
    if (!last) return;
    if (will) publish_will(x, last);
    parcel_drop(x, last);
}

void session_doom(struct exchange *x, struct session *s, uint8_t reason, const char *word)
{
    if (s->doomed) return;
    s->doomed = true;
    s->doom_reason = reason;
    s->doom_word = word;
    s->doom_next = x->doomed;
    x->doomed = (uint32_t)(s - x->sessions);
}

/* A will may doom others; each round ends one session, so it ends. */
void session_reap(struct exchange *x)
{
    while (x->doomed != NONE) {
        struct session *s = &x->sessions[x->doomed];
        uint32_t link = s->link;
        session_end(x, s, s->doom_reason, s->doom_word, true);
        x->port.close(x->port.ctx, link);
    }
}

void exchange_down(struct exchange *x, uint32_t link, bool clean)
{
    struct session *s = session_on(x, link);
    if (!s) return;
    session_end(x, s, 0, NULL, !clean);
    session_reap(x);
}

/* ---- CONNECT ---- */

static MUST outcome refuse(struct exchange *x, struct session *s, uint8_t version, uint8_t reason, const char *word)
{
    struct mqtt_properties p = { .has = HAS(reason_string), .reason_string = bytes_str(word) };
    struct verdict v = { .ruling = RULING_DENY, .reason = reason, .word = word };
    struct message m = { .from = s->who };
    tell(x, "connect-refused", &m, &v, NULL);
    x->out.n = 0;
    if (ok(mqtt_write_connack(version, false, reason, &p, &x->out))) session_send(x, s);
    session_end(x, s, 0, NULL, false);
    return REFUSE(reason == MQTT_NOT_AUTHORIZED || reason == MQTT_BAD_CLIENT_ID ? E_DENIED : E_MALFORMED);
}

/* "", the identity's own id, or that and a suffix. 0, or the reason to refuse with. */
static uint8_t client_id_judge(const struct exchange *x, const struct session *s, const struct mqtt_connect *c)
{
    struct bytes id = c->client_id;
    char base[ID_MAX];
    if (id.n == 0) return c->version == 4 && !c->clean_start ? MQTT_BAD_CLIENT_ID : 0; /* MQTT 3.1.1, 3.1.3-8 */
    if (id.n > CLIENT_ID_MAX) return MQTT_BAD_CLIENT_ID;
    if (x->access->open) return 0;
    const uint8_t *slash = memchr(id.at, '/', id.n);
    struct bytes first = bytes_of(id.at, slash ? (size_t)(slash - id.at) : id.n);
    if (bytes_equal_str(first, s->who->id)) return 0;
    bool anothers = ok(bytes_to_text(first, base, sizeof base)) && registry_identity(x->access->registry, base);
    return anothers ? MQTT_NOT_AUTHORIZED : MQTT_BAD_CLIENT_ID;
}

static MUST outcome client_id_take(struct exchange *x, struct session *s, struct bytes id)
{
    char made[CLIENT_ID_MAX + 1];
    if (id.n == 0) {
        int n = snprintf(made, sizeof made, "%s/auto-%llu", s->who->id, (unsigned long long)++x->client_next);
        id = bytes_of(made, (size_t)n);
    }
    uintptr_t found = (uintptr_t)map_get(&x->clients, id);
    if (found) { /* the same identity: its id is bound to it */
        struct session *old = &x->sessions[found - 1];
        uint32_t link = old->link;
        assert(old->who == s->who);
        session_end(x, old, MQTT_TAKEN_OVER, "taken-over", true);
        x->port.close(x->port.ctx, link);
    }
    char *mine = mem_text(id);
    if (!mine) return REFUSE(E_MEMORY);
    outcome o = map_put(&x->clients, id, slot_of((uint32_t)(s - x->sessions)));
    if (!ok(o)) {
        mem_free(mine);
        return o;
    }
    s->client_id = mine;
    x->counts.sessions++;
    return DONE;
}

/* The will is kept whole; its right is judged now and again when it is published. */
static MUST outcome will_take(struct exchange *x, struct session *s, const struct mqtt_connect *c, const char **word)
{
    struct cargo cargo;
    struct message m = { .from = s->who, .topic = c->will_topic, .payload = c->will_payload,
        .properties = &c->will_properties, .qos = c->will_qos, .retain = c->will_retain };
    struct question q = { .who = s->who, .action = ACT_PUBLISH, .topic = m.topic, .payload = m.payload, .now_ms = wall(x) };
    struct verdict v = access_judge(x->access, &q);
    *word = v.word;
    if (v.ruling == RULING_DENY || !mqtt_topic_valid(m.topic)) {
        tell(x, "will-refused", &m, &v, NULL);
        return REFUSE(E_DENIED);
    }
    cargo_from_message(x, &cargo, &m, PATH_WILL);
    struct parcel *p = cargo_keep(x, &cargo);
    s->will = p ? parcel_share(p) : NULL;
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
    return wanted * 1500;
}

static void welcome_properties(const struct exchange *x, const struct session *s, const struct mqtt_connect *c,
    struct mqtt_properties *p)
{
    p->has |= HAS(receive_maximum) | HAS(maximum_qos) | HAS(retain_available) | HAS(maximum_packet) | HAS(topic_alias_maximum)
        | HAS(wildcard_available) | HAS(subscription_ids_available) | HAS(shared_available);
    p->receive_maximum = (uint16_t)x->bounds.inflight;
    p->maximum_qos = 1;
    p->retain_available = 1;
    p->maximum_packet = x->bounds.packet_bytes;
    p->wildcard_available = 1;
    if (mqtt_has(&c->properties, MQTT_HAS_session_expiry_s) && c->properties.session_expiry_s) p->has |= HAS(session_expiry_s);
    if (c->client_id.n) return;
    p->has |= HAS(assigned_client_id);
    p->assigned_client_id = bytes_str(s->client_id);
}

static uint16_t lesser(uint32_t a, uint32_t b)
{
    uint32_t least = a < b ? a : b;
    return (uint16_t)(least < UINT16_MAX ? least : UINT16_MAX);
}

static MUST outcome prepare(struct exchange *x, struct session *s, const struct mqtt_connect *c)
{
    const struct mqtt_properties *p = &c->properties;
    bool says = mqtt_has(p, MQTT_HAS_receive_maximum);
    s->receive_max = lesser(says ? p->receive_maximum : UINT16_MAX, x->bounds.inflight);
    s->packet_max = mqtt_has(p, MQTT_HAS_maximum_packet) ? p->maximum_packet : UINT32_MAX;
    s->problems = !mqtt_has(p, MQTT_HAS_request_problem) || p->request_problem;
    s->inflight = mem_new_array(s->receive_max, sizeof *s->inflight);
    if (!s->inflight) return REFUSE(E_MEMORY);
    return client_id_take(x, s, c->client_id);
}

static MUST outcome welcome(struct exchange *x, struct session *s, const struct mqtt_connect *c)
{
    struct mqtt_properties p = { 0 };
    uint32_t idle_ms = keep_alive(x, c, &p);
    welcome_properties(x, s, c, &p);
    s->version = c->version;
    s->standing = standing_of(s->who);
    x->out.n = 0;
    outcome o = mqtt_write_connack(c->version, false, MQTT_SUCCESS, &p, &x->out);
    if (!ok(o)) {
        session_end(x, s, 0, NULL, false);
        return o;
    }
    session_send(x, s);
    x->port.idle(x->port.ctx, s->link, idle_ms);
    return DONE;
}

outcome session_connect(struct exchange *x, struct session *s, struct bytes packet)
{
    struct mqtt_connect c;
    uint8_t reason = MQTT_MALFORMED;
    const char *word = "";
    if (!ok(mqtt_read_connect(packet, &c, &reason)))
        return refuse(x, s, mqtt_connect_version(packet), reason, "connect-malformed");
    struct question q = { .who = s->who, .action = ACT_CONNECT, .now_ms = wall(x) };
    struct verdict v = access_judge(x->access, &q);
    if (v.ruling == RULING_DENY) return refuse(x, s, c.version, v.reason, v.word);
    if (mqtt_has(&c.properties, MQTT_HAS_auth_method))
        return refuse(x, s, c.version, BAD_AUTHENTICATION_METHOD, "authentication-method");
    reason = client_id_judge(x, s, &c);
    if (reason) return refuse(x, s, c.version, reason, "client-id-not-bound");
    if (c.has_will && c.will_qos == 2) return refuse(x, s, c.version, MQTT_NO_QOS, "qos-2");
    outcome o = c.has_will ? will_take(x, s, &c, &word) : DONE;
    if (o.code == E_DENIED) return refuse(x, s, c.version, MQTT_NOT_AUTHORIZED, word);
    if (ok(o)) o = prepare(x, s, &c);
    if (!ok(o)) return refuse(x, s, c.version, MQTT_QUOTA, "memory");
    return welcome(x, s, &c);
}

/* ---- judged again ---- */

static void rejudge_subscriptions(struct exchange *x, struct session *s)
{
    char text[MQTT_TOPIC_MAX];
    for (uint32_t sub = s->subs, next; sub != NONE; sub = next) {
        next = x->subs[sub].own_next;
        struct message m = { .from = s->who, .topic = sub_filter(x, sub, text) };
        struct question q = { .who = s->who, .action = ACT_SUBSCRIBE, .topic = m.topic, .now_ms = wall(x) };
        struct verdict v = access_judge(x->access, &q);
        if (v.ruling != RULING_DENY) continue;
        tell(x, "subscription-withdrawn", &m, &v, NULL);
        sub_drop(x, sub);
    }
}

void exchange_rejudge(struct exchange *x)
{
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        if (!s->used || s->version == 0) continue; /* before CONNECT: judged there */
        struct standing now = standing_of(s->who), *was = &s->standing;
        if (now.role == was->role && now.life == was->life && now.trust == was->trust) continue;
        *was = now;
        struct question q = { .who = s->who, .action = ACT_CONNECT, .now_ms = wall(x) };
        struct verdict v = access_judge(x->access, &q);
        bool life = now.life != LIFE_ENROLLED;
        if (v.ruling == RULING_DENY) session_doom(x, s, life ? MQTT_ADMINISTRATIVE : MQTT_NOT_AUTHORIZED, v.word);
        else rejudge_subscriptions(x, s);
    }
    session_reap(x);
}
