#include "talk.h"

#include <string.h>

static uint8_t *put_u16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    size_t n = strlen(text);
    p = put_u16(p, n);
    memcpy(p, text, n);
    return p + n;
}

static uint8_t *put_head(uint8_t *p, uint8_t first, size_t left)
{
    *p++ = first;
    do {
        *p++ = (uint8_t)(left % 128 | (left > 127 ? 128 : 0));
        left /= 128;
    } while (left);
    return p;
}

void talk_connect(struct line *l, int version, const char *client)
{
    size_t left = 10 + 2 + strlen(client) + (version == 5);
    uint8_t *start = line_room(l, left + 5), *p = put_head(start, 0x10, left);
    p = put_text(p, "MQTT");
    *p++ = (uint8_t)version;
    *p++ = 2; /* clean */
    p = put_u16(p, 0);
    if (version == 5) *p++ = 0;
    p = put_text(p, client);
    l->out_n += (size_t)(p - start);
}

void talk_subscribe(struct line *l, int version, const char *filter, int qos)
{
    size_t left = 2 + 2 + strlen(filter) + 1 + (version == 5);
    uint8_t *start = line_room(l, left + 5), *p = put_head(start, 0x82, left);
    p = put_u16(p, 1);
    if (version == 5) *p++ = 0;
    p = put_text(p, filter);
    *p++ = (uint8_t)qos;
    l->out_n += (size_t)(p - start);
}

void talk_publish(struct line *l, const struct talk_publish *m, const struct stamp *s)
{
    size_t left = 2 + strlen(m->topic) + (m->qos ? 2 : 0) + (m->version == 5) + m->size;
    uint8_t *start = line_room(l, left + 5), *p = put_head(start, (uint8_t)(0x30 | m->qos << 1), left);
    p = put_text(p, m->topic);
    if (m->qos) p = put_u16(p, m->id);
    if (m->version == 5) *p++ = 0;
    if (m->payload) {
        memcpy(p, m->payload, m->size);
    } else {
        memcpy(p, s, STAMP_BYTES);
        memset(p + STAMP_BYTES, 'x', m->size - STAMP_BYTES);
    }
    l->out_n += (size_t)(p - start) + m->size;
}

void talk_ack(struct line *l, enum talk_type type, uint16_t id)
{
    uint8_t *p = line_room(l, 4);
    p = put_head(p, (uint8_t)(type << 4 | (type == TALK_PUBREL ? 2 : 0)), 2);
    put_u16(p, id);
    l->out_n += 4;
}

void talk_disconnect(struct line *l)
{
    uint8_t *p = line_room(l, 2);
    put_head(p, 0xe0, 0);
    l->out_n += 2;
}

static size_t get_u16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

/* Bytes of the length field, 0 when it is cut off. */
static size_t get_varint(const uint8_t *p, size_t n, size_t *ret)
{
    size_t v = 0;
    for (size_t k = 0; k < 4 && k < n; k++) {
        v |= (size_t)(p[k] & 127) << 7 * k;
        if (p[k] >= 128) continue;
        *ret = v;
        return k + 1;
    }
    return 0;
}

static bool hear_publish(const uint8_t *p, size_t n, int version, struct heard *h)
{
    size_t properties = 0, at = n >= 2 ? 2 + get_u16(p) : n + 1;
    h->qos = h->qos >> 1 & 3;
    if (h->qos && at + 2 <= n) h->id = (uint16_t)get_u16(p + at);
    at += h->qos ? 2 : 0;
    if (at > n) return false;
    if (version == 5) {
        size_t used = get_varint(p + at, n - at, &properties);
        if (!used) return false;
        at += used + properties;
    }
    if (at > n) return false;
    h->stamped = n - at >= STAMP_BYTES;
    if (h->stamped) memcpy(&h->stamp, p + at, STAMP_BYTES);
    return true;
}

int talk_hear(const uint8_t *at, size_t n, int version, struct heard *ret, size_t *ret_size)
{
    size_t left = 0, used = n < 2 ? 0 : get_varint(at + 1, n - 1, &left);
    if (!used) return n > 5 ? -1 : 0;
    if (n < 1 + used + left) return 0;
    const uint8_t *body = at + 1 + used;
    *ret = (struct heard) { .type = (enum talk_type)(at[0] >> 4), .qos = at[0] & 15 };
    *ret_size = 1 + used + left;
    if (ret->type == TALK_PUBLISH) return hear_publish(body, left, version, ret) ? 1 : -1;
    if (ret->type == TALK_CONNACK) ret->reason = left >= 2 ? body[1] : 255;
    else if (ret->type == TALK_SUBACK) ret->reason = left >= 3 ? body[left - 1] : 255;
    else if (left >= 2) ret->id = (uint16_t)get_u16(body);
    if (ret->type >= TALK_PUBACK && ret->type <= TALK_PUBCOMP && left >= 3) ret->reason = body[2];
    return 1;
}
