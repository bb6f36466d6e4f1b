#include "watch/dissect.h"

#include "watch/frame.h"

static const struct { const char *word; unsigned is; } protos[PROTO_COUNT] = {
#define X(name, word, is) [PROTO_##name] = { word, is },
    PROTOS(X)
#undef X
};

const char *proto_word(enum proto p)
{
    return protos[p].word;
}

unsigned proto_is(enum proto p)
{
    return protos[p].is;
}

outcome proto_parse(const char *word, enum proto *ret)
{
    for (size_t i = 0; i < PROTO_COUNT; i++)
        if (strcmp(protos[i].word, word) == 0) {
            *ret = (enum proto)i;
            return DONE;
        }
    return REFUSE(E_UNKNOWN);
}

outcome talk_begins(struct bytes in, const char *prefix)
{
    struct bytes want = bytes_str(prefix);
    size_t n = in.n < want.n ? in.n : want.n;
    if (n && memcmp(in.at, want.at, n) != 0) return REFUSE(E_UNKNOWN);
    return in.n < want.n ? REFUSE(E_SHORT) : DONE;
}

/* In the order in which they are asked: those with the plainest marks first. */
static const struct { uint8_t transport; enum proto proto; outcome (*read)(const struct talk *t, struct found *ret); } readers[] = {
    { TRANSPORT_TCP, PROTO_TLS, dissect_tls }, { TRANSPORT_TCP, PROTO_SSH, dissect_ssh }, { TRANSPORT_TCP, PROTO_HTTP, dissect_http },
    { TRANSPORT_TCP, PROTO_VNC, dissect_vnc }, { TRANSPORT_TCP, PROTO_RDP, dissect_rdp }, { TRANSPORT_TCP, PROTO_MQTT, dissect_mqtt },
    { TRANSPORT_TCP, PROTO_MODBUS, dissect_modbus }, { TRANSPORT_TCP, PROTO_TELNET, dissect_telnet },
    { TRANSPORT_TCP, PROTO_FTP, dissect_ftp }, { TRANSPORT_TCP, PROTO_DNS, dissect_dns_tcp },
    { TRANSPORT_TCP, PROTO_OPENVPN, dissect_openvpn_tcp }, { TRANSPORT_UDP, PROTO_FLNET, dissect_flnet },
    { TRANSPORT_UDP, PROTO_DHCP, dissect_dhcp }, { TRANSPORT_UDP, PROTO_SNMP, dissect_snmp }, { TRANSPORT_UDP, PROTO_NTP, dissect_ntp },
    { TRANSPORT_UDP, PROTO_IPSEC, dissect_ipsec }, { TRANSPORT_UDP, PROTO_WIREGUARD, dissect_wireguard },
    { TRANSPORT_UDP, PROTO_OPENVPN, dissect_openvpn }, { TRANSPORT_UDP, PROTO_SYSLOG, dissect_syslog },
    { TRANSPORT_UDP, PROTO_QUIC, dissect_quic }, { TRANSPORT_UDP, PROTO_DNS, dissect_dns },
    { TRANSPORT_UDP, PROTO_MDNS, dissect_dns },
};

outcome dissect(const struct talk *t, struct found *ret)
{
    bool wait = false;
    if (!t->payload.n) return REFUSE(E_SHORT);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (readers[i].transport != t->transport) continue;
        if (t->known != PROTO_NONE && t->known != readers[i].proto) continue;
        struct found f = { .proto = readers[i].proto };
        outcome o = readers[i].read(t, &f);
        if (ok(o)) *ret = f;
        if (ok(o)) return o;
        wait |= o.code == E_SHORT;
    }
    return wait && t->transport == TRANSPORT_TCP ? REFUSE(E_SHORT) : REFUSE(E_UNKNOWN);
}
