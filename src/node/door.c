/* Peers that connect to us: the server's end of MQTT 5 on the peers' door, for one agreed peer on a link. It carries what
 * the courier carries for peers we connect to, and decides as little: what arrives goes to the flows, which judge; a
 * subscription gets the agreement's own topics and no other. There is no session: what was not acknowledged is still with
 * whoever sent it. */
#include <stdio.h>

#include "node/peers.h"

enum { DOOR_RECEIVE_MAX = 64, DOOR_KEEP_ALIVE_MAX_S = 120 };

struct peer_live *door_peer(const struct core *c, uint32_t link)
{
    for (size_t i = 0; c->peers && i < COURIER_PEERS_MAX; i++) {
        struct peer_live *p = c->peers->at[i];
        if (p && p->door.open && p->door.link == link) return p;
    }
    return NULL;
}

/* The agreement names one key; nobody else's certificate is this peer, whoever signed it. */
bool door_admit(struct core *c, uint32_t link, const uint8_t key_hash[32], char ret_id[ID_MAX])
{
    for (size_t i = 0; c->peers && i < COURIER_PEERS_MAX; i++) {
        struct peer_live *p = c->peers->at[i];
        if (!p || !p->a.inbound || memcmp(p->a.client_key, key_hash, 32) != 0 || !peer_wanted(p)) continue;
        door_close(p, "taken-over");
        p->door = (struct door_link) { .open = true, .link = link, .epoch = (uint16_t)(p->door.epoch + 1), .window = SENT_MAX };
        snprintf(ret_id, ID_MAX, "peer-%.50s", p->a.id);
        return true;
    }
    return false;
}

void door_down(struct core *c, uint32_t link, const char *why)
{
    struct peer_live *p = door_peer(c, link);
    if (!p) return;
    p->door.open = p->door.greeted = false;
    if (p->up) core_counted(c, "peer-down", p->a.id, why, 1);
    peer_down(p, why);
}

void door_close(struct peer_live *p, const char *why)
{
    if (!p->door.open) return;
    link_close(p->core, p->door.link);
    door_down(p->core, p->door.link, why);
}

/* ---- out ---- */

static void send(struct peer_live *p, struct buffer *b, outcome written)
{
    if (ok(written)) link_send(p->core, p->door.link, buffer_view(b));
    buffer_deinit(b);
}

void door_send(struct peer_live *p, uint32_t ticket, struct bytes topic, struct bytes payload)
{
    struct buffer b = BUFFER(COURIER_PAYLOAD_MAX + 1024);
    struct door_link *d = &p->door;
    size_t i = 0;
    while (i < SENT_MAX && d->sent[i].id) i++;
    if (!d->greeted || i == SENT_MAX) return; /* the flow's own window is never larger: it comes again with the next link */
    if (++d->next_id == 0) d->next_id = 1;
    d->sent[i].id = d->next_id;
    d->sent[i].ticket = ticket;
    struct mqtt_publish m UNSET;
    mqtt_publish_begin(&m);
    m.qos = 1;
    m.id = d->next_id;
    m.topic = topic;
    m.payload = payload;
    outcome o = mqtt_write_publish(5, &m, &b);
    send(p, &b, o);
}

void door_say(struct peer_live *p, struct bytes topic, struct bytes payload)
{
    struct buffer b = BUFFER(COURIER_PAYLOAD_MAX + 1024);
    if (!p->door.greeted) return;
    struct mqtt_publish m UNSET;
    mqtt_publish_begin(&m);
    m.topic = topic;
    m.payload = payload;
    outcome o = mqtt_write_publish(5, &m, &b);
    send(p, &b, o);
}

void door_taken(struct peer_live *p, uint32_t ticket, bool refused)
{
    struct buffer b = BUFFER(64);
    struct mqtt_ack a UNSET;
    if (!p->door.greeted || ticket >> 16 != p->door.epoch || !(ticket & 0xffff)) return;
    if (p->door.untaken) p->door.untaken--;
    mqtt_ack_begin(&a, (uint16_t)ticket, refused ? MQTT_NOT_AUTHORIZED : 0);
    outcome o = mqtt_write_ack(5, MQTT_PUBACK, &a, &b);
    send(p, &b, o);
}

/* ---- in ---- */

static MUST outcome on_connect(struct peer_live *p, struct bytes packet)
{
    struct mqtt_connect m;
    struct mqtt_properties answer UNSET;
    struct buffer b = BUFFER(256);
    uint8_t reason;
    TRY(mqtt_read_connect(packet, &m, &reason));
    if (p->door.greeted || m.version != 5) return REFUSE(E_MALFORMED);
    p->door.greeted = true;
    if (mqtt_has(&m.properties, MQTT_HAS_receive_maximum) && m.properties.receive_maximum < SENT_MAX) p->door.window = m.properties.receive_maximum;
    mqtt_properties_begin(&answer);
    answer.has = UINT64_C(1) << MQTT_HAS_receive_maximum | UINT64_C(1) << MQTT_HAS_maximum_qos;
    answer.receive_maximum = DOOR_RECEIVE_MAX;
    answer.maximum_qos = 1;
    outcome o = mqtt_write_connack(5, false, 0, &answer, &b);
    send(p, &b, o);
    uint32_t alive_s = m.keep_alive_s && m.keep_alive_s < DOOR_KEEP_ALIVE_MAX_S ? m.keep_alive_s : DOOR_KEEP_ALIVE_MAX_S;
    link_idle(p->core, p->door.link, alive_s * 1500);
    peer_up(p, flows_of(p, FLOW_IN));
    return DONE;
}

/* 0x87 for whatever is not agreed; nothing is read by a wildcard. */
static uint8_t subscribed(struct peer_live *p, struct bytes filter, unsigned *granted)
{
    if (p->a.speaks && bytes_equal_str(filter, PEER_STATEMENT_TOPIC)) return 1;
    for (size_t i = 0; i < p->a.n; i++) {
        if (p->a.flows[i].direction != FLOW_OUT || !bytes_equal_str(filter, p->a.flows[i].remote)) continue;
        *granted |= 1u << i;
        return 1;
    }
    core_counted(p->core, "peer-topic-not-agreed", p->a.id, bytes_is_utf8(filter) ? "subscribed" : "", 1);
    return MQTT_NOT_AUTHORIZED;
}

static MUST outcome on_subscribe(struct peer_live *p, struct bytes packet)
{
    static struct mqtt_subscribe s; /* large; one loop */
    uint8_t reason, codes[MQTT_FILTERS_MAX];
    unsigned granted = 0;
    struct buffer b = BUFFER(4096);
    TRY(mqtt_read_subscribe(packet, 5, &s, &reason));
    for (size_t i = 0; i < s.n; i++) codes[i] = s.rows[i].over ? 0x8f : subscribed(p, s.rows[i].filter, &granted);
    struct mqtt_grants g = { .id = s.id, .codes = codes, .n = s.n };
    outcome o = mqtt_write_suback(5, MQTT_SUBACK, &g, &b);
    send(p, &b, o);
    peer_up(p, p->granted | granted);
    return DONE;
}

static MUST outcome on_publish(struct peer_live *p, struct bytes packet)
{
    struct mqtt_publish m UNSET;
    uint8_t reason;
    TRY(mqtt_read_publish(packet, 5, &m, &reason));
    if (m.qos > 1 || !m.topic.n || mqtt_has(&m.properties, MQTT_HAS_topic_alias)) return REFUSE(E_MALFORMED);
    if (m.qos && ++p->door.untaken > DOOR_RECEIVE_MAX) return REFUSE(E_FULL);
    struct courier_message in = { .ticket = (uint32_t)p->door.epoch << 16 | m.id, .topic = m.topic, .payload = m.payload,
        .flags = (uint8_t)((m.retain ? COURIER_RETAIN : 0) | (m.duplicate ? COURIER_DUPLICATE : 0)) };
    if (m.payload.n > COURIER_PAYLOAD_MAX) return REFUSE(E_TOO_LARGE);
    peer_arrived(p, &in);
    return DONE;
}

static MUST outcome on_puback(struct peer_live *p, struct bytes packet)
{
    struct mqtt_ack a UNSET;
    uint8_t reason;
    TRY(mqtt_read_ack(packet, 5, &a, &reason));
    for (size_t i = 0; i < SENT_MAX && a.id; i++) {
        if (p->door.sent[i].id != a.id) continue;
        p->door.sent[i].id = 0;
        flow_sent(p, p->door.sent[i].ticket, a.reason);
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

static MUST outcome on_ping(struct peer_live *p)
{
    struct buffer b = BUFFER(16);
    outcome o = mqtt_write_ping(MQTT_PINGRESP, &b);
    send(p, &b, o);
    return DONE;
}

outcome door_packet(struct core *c, uint32_t link, struct bytes packet)
{
    struct peer_live *p = door_peer(c, link);
    if (!p || !packet.n) return REFUSE(E_CLOSED);
    unsigned type = packet.at[0] >> 4;
    if (!p->door.greeted && type != MQTT_CONNECT) return REFUSE(E_MALFORMED);
    switch (type) {
    case MQTT_CONNECT: return on_connect(p, packet);
    case MQTT_SUBSCRIBE: return on_subscribe(p, packet);
    case MQTT_PUBLISH: return on_publish(p, packet);
    case MQTT_PUBACK: return on_puback(p, packet);
    case MQTT_PINGREQ: return on_ping(p);
    case MQTT_DISCONNECT: return REFUSE(E_CLOSED);
    default: return REFUSE(E_MALFORMED);
    }
}
