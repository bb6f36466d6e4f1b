/* Datagrams: names (DNS, multicast DNS, DHCP), time, SNMP, and tunnels; RDP's and OpenVPN's opening over TCP. */
#include <stdio.h>

#include "watch/dissect.h"

enum { LABELS_MAX = 64, RECORDS_MAX = 64, NAME_MAX = 255 };

/* ---- RFC 1035 ---- */

/* A name at `at` of the message, with compression; pointers go backwards only, so that it ends. */
static MUST outcome dns_name(struct bytes message, size_t *at, struct out *ret)
{
    size_t place = *at, lowest = *at;
    bool jumped = false;
    for (int i = 0; i < LABELS_MAX; i++) {
        if (place >= message.n) return REFUSE(E_MALFORMED);
        uint8_t n = message.at[place];
        if (n >= 0xC0) {
            if (place + 2 > message.n) return REFUSE(E_MALFORMED);
            size_t to = (size_t)(n & 0x3F) << 8 | message.at[place + 1];
            if (!jumped) *at = place + 2;
            if (to >= lowest) return REFUSE(E_MALFORMED);
            lowest = place = to;
            jumped = true;
            continue;
        }
        if (n > 63 || place + 1 + n > message.n) return REFUSE(E_MALFORMED);
        if (n == 0) {
            if (!jumped) *at = place + 1;
            return out_done(ret);
        }
        if (ret->n) put_u8(ret, '.');
        put(ret, bytes_of(message.at + place + 1, n));
        place += 1 + (size_t)n;
    }
    return REFUSE(E_MALFORMED);
}

static MUST outcome dns_skip_name(struct bytes message, size_t *at)
{
    uint8_t room[NAME_MAX + 1];
    struct out o = out_of(room, sizeof room);
    return dns_name(message, at, &o);
}

static MUST outcome dns_record(struct bytes message, size_t *at, struct found *f)
{
    struct bytes in, data;
    uint16_t type = 0, class = 0;
    uint32_t ttl = 0;
    TRY(dns_skip_name(message, at));
    in = bytes_of(message.at + *at, message.n - *at);
    TRY(take_u16(&in, &type));
    TRY(take_u16(&in, &class));
    TRY(take_u32(&in, &ttl));
    TRY(take_field16(&in, &data));
    *at = message.n - in.n;
    bool four = type == 1 && data.n == 4, six = type == 28 && data.n == 16;
    if ((!four && !six) || f->n_addresses == FOUND_ADDRESSES) return DONE;
    struct address *a = &f->addresses[f->n_addresses++];
    a->family = four ? 4 : 6;
    memcpy(a->at, data.at, data.n);
    return DONE;
}

static MUST outcome dns_read(struct bytes message, struct found *f)
{
    uint8_t room[NAME_MAX + 1];
    struct out name = out_of(room, sizeof room);
    struct bytes in = message;
    uint16_t id = 0, flags = 0, questions = 0, answers = 0;
    size_t at = 12;
    TRY(take_u16(&in, &id));
    TRY(take_u16(&in, &flags));
    TRY(take_u16(&in, &questions));
    TRY(take_u16(&in, &answers));
    if (message.n < 12 || (flags & 0x7800) || questions > 16 || answers > 256) return REFUSE(E_UNKNOWN);
    bool answer = flags & 0x8000;
    if (!questions && !(answer && answers)) return REFUSE(E_UNKNOWN);
    for (int i = 0; i < questions; i++) {
        struct out other = out_of(room, sizeof room);
        TRY(dns_name(message, &at, i ? &other : &name));
        if (at + 4 > message.n) return REFUSE(E_MALFORMED);
        at += 4;
        if (!i) text_shown(out_view(&name), f->name, sizeof f->name);
    }
    f->said_by = answer ? SIDE_SERVER : SIDE_CLIENT;
    for (int i = 0; i < answers && i < RECORDS_MAX; i++)
        if (!ok(dns_record(message, &at, f))) break; /* a cut answer is an answer still */
    return DONE;
}

outcome dissect_dns(const struct talk *t, struct found *ret)
{
    bool local = talk_port(t, 5353) || talk_port(t, 5355);
    if (!ok(dns_read(t->payload, ret))) return REFUSE(E_UNKNOWN);
    if (!local && !talk_port(t, 53) && !ret->name[0]) return REFUSE(E_UNKNOWN);
    if (local) ret->proto = PROTO_MDNS;
    return DONE;
}

outcome dissect_dns_tcp(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload, message;
    if (!talk_port(t, 53)) return REFUSE(E_UNKNOWN);
    if (!ok(take_field16(&in, &message))) return REFUSE(E_SHORT);
    return ok(dns_read(message, ret)) ? DONE : REFUSE(E_UNKNOWN);
}

/* ---- RFC 2131 ---- */

outcome dissect_dhcp(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload, skipped, value;
    uint32_t cookie = 0;
    uint8_t option = 0, n = 0;
    if (!talk_port(t, 67) && !talk_port(t, 68)) return REFUSE(E_UNKNOWN);
    TRY(take(&in, 236, &skipped));
    TRY(take_u32(&in, &cookie));
    if (cookie != 0x63825363) return REFUSE(E_UNKNOWN);
    ret->said_by = skipped.at[0] == 2 ? SIDE_SERVER : SIDE_CLIENT;
    for (int i = 0; i < RECORDS_MAX && ok(take_u8(&in, &option)) && option != 255; i++) {
        if (option == 0) continue;
        if (!ok(take_u8(&in, &n)) || !ok(take(&in, n, &value))) break;
        if (option == 12) text_shown(value, ret->name, sizeof ret->name);
    }
    return DONE;
}

/* ---- RFC 5905: too plain a header to be told by itself ---- */

outcome dissect_ntp(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    if (!talk_port(t, 123) || in.n < 8) return REFUSE(E_UNKNOWN);
    unsigned version = in.at[0] >> 3 & 7, mode = in.at[0] & 7;
    if (mode >= 6 && version >= 2 && version <= 4) { /* questions to the server itself (RFC 9327) */
        snprintf(ret->name, sizeof ret->name, "NTPv%u mode %u", version, mode);
        return DONE;
    }
    if (in.n < 48) return REFUSE(E_UNKNOWN);
    if (version < 1 || version > 4 || mode < 1 || mode > 5 || in.at[1] > 16) return REFUSE(E_UNKNOWN);
    ret->said_by = mode == 4 || mode == 5 ? SIDE_SERVER : mode == 3 ? SIDE_CLIENT : SIDE_UNKNOWN;
    snprintf(ret->name, sizeof ret->name, "NTPv%u", version);
    return DONE;
}

/* ---- RFC 1157, 3416, 3412: BER, lengths of one to three bytes ---- */

static MUST outcome ber(struct bytes *in, uint8_t *ret_tag, struct bytes *ret_body)
{
    uint8_t n = 0, byte = 0;
    size_t length = 0;
    TRY(take_u8(in, ret_tag));
    TRY(take_u8(in, &n));
    length = n;
    if (n & 0x80) {
        if (n > 0x83 || n == 0x80) return REFUSE(E_MALFORMED);
        length = 0;
        for (int i = n & 0x7F; i > 0; i--) {
            TRY(take_u8(in, &byte));
            length = length << 8 | byte;
        }
    }
    return take(in, length, ret_body);
}

static MUST outcome snmp_read(struct bytes in, struct found *f)
{
    uint8_t tag = 0;
    struct bytes body, version, community, pdu;
    TRY(ber(&in, &tag, &body));
    if (tag != 0x30 || in.n) return REFUSE(E_UNKNOWN);
    TRY(ber(&body, &tag, &version));
    if (tag != 2 || version.n != 1 || version.at[0] > 3 || version.at[0] == 2) return REFUSE(E_UNKNOWN);
    f->code = version.at[0];
    TRY(ber(&body, &tag, &community));
    if (f->code == 3) return tag == 0x30 ? DONE : REFUSE(E_UNKNOWN);
    if (tag != 4) return REFUSE(E_UNKNOWN);
    TRY(ber(&body, &tag, &pdu));
    if (tag < 0xA0 || tag > 0xA8) return REFUSE(E_UNKNOWN);
    f->marks |= MARK_PASSWORD; /* the community is all there is of a password */
    if (tag == 0xA3) f->marks |= MARK_WRITE;
    if (bytes_equal_str(community, "public") || bytes_equal_str(community, "private")) f->marks |= MARK_DEFAULT;
    return DONE;
}

outcome dissect_snmp(const struct talk *t, struct found *ret)
{
    if (!ok(snmp_read(t->payload, ret))) return REFUSE(E_UNKNOWN);
    ret->said_by = t->to_port == 161 || t->to_port == 162 ? SIDE_CLIENT : talk_side(t, 161);
    snprintf(ret->name, sizeof ret->name, "SNMP%s", ret->code == 0 ? "v1" : ret->code == 1 ? "v2c" : "v3");
    return DONE;
}

/* ---- tunnels: RFC 7296 and 3948, WireGuard's paper section 5.4, OpenVPN's protocol page ---- */

static bool ike(struct bytes in)
{
    static const uint8_t none[8] = { 0 };
    struct bytes whole = in, spis;
    uint8_t next = 0, version = 0, exchange = 0, flags = 0;
    uint32_t id = 0, n = 0;
    if (!ok(take(&in, 16, &spis)) || !ok(take_u8(&in, &next)) || !ok(take_u8(&in, &version)) || !ok(take_u8(&in, &exchange))) return false;
    if (!ok(take_u8(&in, &flags)) || !ok(take_u32(&in, &id)) || !ok(take_u32(&in, &n))) return false;
    bool known = (version == 0x10 && exchange >= 1 && exchange <= 6) || (version == 0x10 && exchange == 32)
        || (version == 0x20 && exchange >= 34 && exchange <= 43);
    return known && memcmp(spis.at, none, 8) != 0 && n >= 28 && n >= whole.n; /* longer: the rest came in fragments */
}

outcome dissect_ipsec(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    uint32_t marker = 1;
    if (ike(in) && (talk_port(t, 500) || t->payload.n >= 28)) {
        ret->said_by = in.at[19] & 0x20 || in.at[17] == 0x10 ? SIDE_UNKNOWN : SIDE_CLIENT;
        snprintf(ret->name, sizeof ret->name, "IKEv%u", in.at[17] >> 4);
        return DONE;
    }
    if (!talk_port(t, 4500)) return REFUSE(E_UNKNOWN);
    if (in.n == 1 && in.at[0] == 0xFF) return DONE; /* keeps the address translation alive */
    TRY(take_u32(&in, &marker));
    if (marker == 0 && !ike(in)) return REFUSE(E_UNKNOWN);
    snprintf(ret->name, sizeof ret->name, "%s", marker ? "ESP" : "IKE");
    return DONE;
}

outcome dissect_wireguard(const struct talk *t, struct found *ret)
{
    static const struct { uint8_t type; size_t n; enum side side; } rows[] = { { 1, 148, SIDE_CLIENT }, { 2, 92, SIDE_SERVER },
        { 3, 64, SIDE_SERVER } };
    struct bytes in = t->payload;
    if (in.n < 32 || in.at[1] || in.at[2] || in.at[3]) return REFUSE(E_UNKNOWN);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (in.at[0] == rows[i].type && in.n == rows[i].n) {
            ret->said_by = rows[i].side;
            return DONE;
        }
    bool data = in.at[0] == 4 && in.n % 16 == 0 && (t->known == PROTO_WIREGUARD || talk_port(t, 51820));
    return data ? DONE : REFUSE(E_UNKNOWN);
}

/* The opening packets are told by themselves; later ones need the port. */
static MUST outcome openvpn(const struct talk *t, struct bytes in, struct found *ret)
{
    static const uint8_t client[] = { 0x38, 0x50 }, server = 0x40;
    static const size_t lengths[] = { 14, 42, 54, 86 }; /* bare; with HMAC of SHA-1, SHA-256, SHA-512 and a packet id */
    bool hint = talk_port(t, 1194) || t->known == PROTO_OPENVPN;
    if (in.n < 14) return REFUSE(E_UNKNOWN);
    bool asks = in.at[0] == client[0] || in.at[0] == client[1];
    bool opens = false;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) opens |= in.n == lengths[i] && (asks || in.at[0] == server);
    unsigned opcode = in.at[0] >> 3;
    if (!opens && !(hint && opcode >= 3 && opcode <= 11)) return REFUSE(E_UNKNOWN);
    ret->said_by = asks ? SIDE_CLIENT : in.at[0] == server ? SIDE_SERVER : SIDE_UNKNOWN;
    return DONE;
}

outcome dissect_openvpn(const struct talk *t, struct found *ret)
{
    return openvpn(t, t->payload, ret);
}

outcome dissect_openvpn_tcp(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload, packet;
    if (t->known == PROTO_OPENVPN) return DONE;
    if (in.at[0] != 0) return REFUSE(E_UNKNOWN);
    TRY(take_field16(&in, &packet));
    if (in.n) return REFUSE(E_UNKNOWN);
    return openvpn(t, packet, ret);
}

/* RFC 9000, 17.2: a long header of version 1 or 2. */
outcome dissect_quic(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    uint8_t first = 0;
    uint32_t version = 0;
    if (t->known == PROTO_QUIC) return DONE;
    TRY(take_u8(&in, &first));
    TRY(take_u32(&in, &version));
    if ((first & 0xC0) != 0xC0 || (version != 1 && version != 0x6B3343CF) || in.n < 15 || in.at[0] > 20) return REFUSE(E_UNKNOWN);
    ret->said_by = talk_side(t, 443);
    return DONE;
}

/* ---- [MS-RDPBCGR] 2.2.1: TPKT, X.224 connection request or confirm ---- */

outcome dissect_rdp(const struct talk *t, struct found *ret)
{
    static const char cookie[] = "Cookie: mstshash=";
    struct bytes in = t->payload, head, user;
    uint16_t tpkt = 0, n = 0;
    if (t->known == PROTO_RDP) return DONE;
    if (in.at[0] != 3) return REFUSE(E_UNKNOWN);
    TRY(take_u16(&in, &tpkt));
    TRY(take_u16(&in, &n));
    if (tpkt != 0x0300 || n < 11 || n > 512) return REFUSE(E_UNKNOWN);
    TRY(take(&in, 7, &head));
    bool asks = head.at[1] == 0xE0;
    if ((!asks && head.at[1] != 0xD0) || head.at[0] != n - 5) return REFUSE(E_UNKNOWN);
    bool named = ok(talk_begins(in, cookie));
    bool negotiates = in.n >= 8 && in.at[0] <= 3 && in.at[0] && in.at[2] == 8 && in.at[3] == 0;
    if (!named && !negotiates && !talk_port(t, 3389)) return REFUSE(E_UNKNOWN); /* X.224 carries other things as well */
    ret->said_by = asks ? SIDE_CLIENT : SIDE_SERVER;
    if (!named) return DONE;
    user = bytes_of(in.at + sizeof cookie - 1, in.n - (sizeof cookie - 1));
    const uint8_t *end = user.n ? memchr(user.at, '\r', user.n) : NULL;
    text_shown(end ? bytes_of(user.at, (size_t)(end - user.at)) : user, ret->name, sizeof ret->name);
    return DONE;
}
