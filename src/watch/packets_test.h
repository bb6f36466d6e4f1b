/* Packets for tests, made by hand: Ethernet, IPv4 or IPv6, TCP or UDP, ARP; and the ends of a small plant. */
#ifndef WATCH_PACKETS_TEST_H
#define WATCH_PACKETS_TEST_H

#include <arpa/inet.h>

#include "watch/survey.h"

struct made {
    uint8_t room[4096];
    struct out o;
};

static inline void made_mac(struct made *m, unsigned last)
{
    put(&m->o, BYTES_LIT("\x02\x00\x00\x00\x00"));
    put_u8(&m->o, (uint8_t)last);
}

static inline void made_address(struct made *m, const char *text)
{
    struct address a;
    assert(ok(address_parse(text, &a)));
    put(&m->o, bytes_of(a.at, a.family == 4 ? 4 : 16));
}

/* One frame from a to b (texts), ports and flags, with that payload. The hardware addresses are the last byte's. */
struct ends {
    const char *from, *to;
    uint8_t transport;
    uint16_t from_port, to_port;
    uint8_t flags;
    uint32_t seq;
};

static inline unsigned last_byte(const char *text)
{
    struct address a;
    assert(ok(address_parse(text, &a)));
    return a.at[a.family == 4 ? 3 : 15];
}

static inline void made_transport(struct made *m, const struct ends *e, struct bytes payload)
{
    if (e->transport == TRANSPORT_TCP || e->transport == TRANSPORT_UDP) {
        put_u16(&m->o, e->from_port);
        put_u16(&m->o, e->to_port);
    }
    if (e->transport == TRANSPORT_TCP) {
        put_u32(&m->o, e->seq);
        put_u32(&m->o, 0);
        put_u8(&m->o, 0x50);
        put_u8(&m->o, e->flags);
        put(&m->o, BYTES_LIT("\xff\xff\0\0\0\0"));
    } else if (e->transport == TRANSPORT_UDP) {
        put_u16(&m->o, (uint16_t)(8 + payload.n));
        put_u16(&m->o, 0);
    }
    put(&m->o, payload);
}

static inline struct bytes made_packet(struct made *m, const struct ends *e, struct bytes payload)
{
    bool six = strchr(e->from, ':');
    size_t head = e->transport == TRANSPORT_TCP ? 20 : e->transport == TRANSPORT_UDP ? 8 : 0;
    m->o = out_of(m->room, sizeof m->room);
    if (last_byte(e->to) == 255) put(&m->o, BYTES_LIT("\xff\xff\xff\xff\xff\xff"));
    else made_mac(m, last_byte(e->to));
    made_mac(m, last_byte(e->from));
    put_u16(&m->o, six ? 0x86DD : 0x0800);
    if (six) {
        put_u32(&m->o, 0x60000000);
        put_u16(&m->o, (uint16_t)(head + payload.n));
        put_u8(&m->o, e->transport);
        put_u8(&m->o, 64);
    } else {
        put_u16(&m->o, 0x4500);
        put_u16(&m->o, (uint16_t)(20 + head + payload.n));
        put_u32(&m->o, 0);
        put_u8(&m->o, 64);
        put_u8(&m->o, e->transport);
        put_u16(&m->o, 0);
    }
    made_address(m, e->from);
    made_address(m, e->to);
    made_transport(m, e, payload);
    assert(!m->o.over);
    return out_view(&m->o);
}

static inline struct bytes made_arp(struct made *m, bool request, unsigned mac, const char *from, const char *to)
{
    m->o = out_of(m->room, sizeof m->room);
    put(&m->o, BYTES_LIT("\xff\xff\xff\xff\xff\xff"));
    made_mac(m, mac);
    put_u16(&m->o, 0x0806);
    put(&m->o, BYTES_LIT("\0\1\x08\0\6\4"));
    put_u16(&m->o, request ? 1 : 2);
    made_mac(m, mac);
    made_address(m, from);
    put(&m->o, BYTES_LIT("\0\0\0\0\0\0"));
    made_address(m, to);
    return out_view(&m->o);
}

/* A whole TCP conversation of one question and one answer, from its SYN. */
static inline void made_tcp(struct survey *s, int64_t at_ms, struct ends e, struct bytes ask, struct bytes answer)
{
    struct made m;
    struct ends back = { e.to, e.from, TRANSPORT_TCP, e.to_port, e.from_port, TCP_SYN | TCP_ACK, 5000 };
    struct bytes p;
    e.transport = TRANSPORT_TCP;
    e.flags = TCP_SYN;
    e.seq = 1000;
    p = made_packet(&m, &e, BYTES_NONE);
    survey_packet(s, 1, at_ms, (uint32_t)p.n, p);
    p = made_packet(&m, &back, BYTES_NONE);
    survey_packet(s, 1, at_ms, (uint32_t)p.n, p);
    e.flags = back.flags = TCP_ACK;
    e.seq++;
    back.seq++;
    if (ask.n) p = made_packet(&m, &e, ask), survey_packet(s, 1, at_ms + 1, (uint32_t)p.n, p);
    if (answer.n) p = made_packet(&m, &back, answer), survey_packet(s, 1, at_ms + 2, (uint32_t)p.n, p);
}

static inline void made_udp(struct survey *s, int64_t at_ms, struct ends e, struct bytes payload)
{
    struct made m;
    e.transport = TRANSPORT_UDP;
    struct bytes p = made_packet(&m, &e, payload);
    survey_packet(s, 1, at_ms, (uint32_t)p.n, p);
}

#endif
