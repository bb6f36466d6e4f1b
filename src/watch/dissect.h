/* Which protocol is spoken, told by the content; a port number is a hint only where the content is too plain to tell.
 * Pure, bounded, keyless; every text that comes out is already safe to show (address.h, text_shown). */
#ifndef WATCH_DISSECT_H
#define WATCH_DISSECT_H

#include "watch/address.h"

enum { PROTO_READABLE = 1, /* who listens reads and changes it */
    PROTO_REMOTE = 2,      /* lets somebody work here from afar */
    PROTO_CONTROL = 4,     /* reads or sets what machines do */
    PROTO_QUIET = 8 };     /* the network's own housekeeping */

/* name, word in reports, what it is */
#define PROTOS(X)                                                                                                  \
    X(NONE, "?", 0) X(MQTT, "mqtt", PROTO_READABLE) X(HTTP, "http", PROTO_READABLE)                                \
    X(MODBUS, "modbus", PROTO_READABLE | PROTO_CONTROL) X(DNS, "dns", PROTO_QUIET) X(MDNS, "mdns", PROTO_QUIET)    \
    X(NTP, "ntp", PROTO_QUIET) X(DHCP, "dhcp", PROTO_QUIET) X(TLS, "tls", 0) X(QUIC, "quic", 0)                    \
    X(SSH, "ssh", PROTO_REMOTE) X(RDP, "rdp", PROTO_REMOTE) X(VNC, "vnc", PROTO_REMOTE)                            \
    X(TELNET, "telnet", PROTO_REMOTE | PROTO_READABLE) X(FTP, "ftp", PROTO_READABLE)                               \
    X(OPENVPN, "openvpn", PROTO_REMOTE) X(WIREGUARD, "wireguard", PROTO_REMOTE) X(IPSEC, "ipsec", PROTO_REMOTE)    \
    X(GRE, "gre", PROTO_REMOTE) X(FLNET, "fl-net", PROTO_READABLE | PROTO_CONTROL)                                 \
    X(CYCLIC, "cyclic", PROTO_READABLE | PROTO_CONTROL) X(SYSLOG, "syslog", PROTO_READABLE)                        \
    X(SNMP, "snmp", PROTO_READABLE) X(ICMP, "icmp", PROTO_QUIET)

enum proto {
#define X(name, word, is) PROTO_##name,
    PROTOS(X)
#undef X
        PROTO_COUNT
};
const char *proto_word(enum proto p);
unsigned proto_is(enum proto p);
MUST outcome proto_parse(const char *word, enum proto *ret);

enum { MARK_WRITE = 1,   /* sets something: a Modbus write, an SNMP set */
    MARK_COMMAND = 2,    /* a message to a topic of commands */
    MARK_PUBLISH = 4,    /* data is sent readable: MQTT publish, HTTP upload */
    MARK_PASSWORD = 8,   /* a password or token crossed readable */
    MARK_DEFAULT = 16,   /* a well-known community or name */
    MARK_CERTIFICATE = 32 };

enum side { SIDE_UNKNOWN, SIDE_CLIENT, SIDE_SERVER };

enum { FOUND_NAME = 112, FOUND_ADDRESSES = 8 };

struct certificate {
    char subject[FOUND_NAME]; /* common name, else the organisation, else "" */
    int64_t from_ms, until_ms;
    bool self_signed;         /* issuer and subject are the same name */
};

struct found {
    enum proto proto;
    enum side said_by;
    unsigned marks;
    bool more;               /* known, but further bytes of this side would tell more */
    uint16_t tls_version;    /* chosen (server) or best offered (client): 0x0300 ... 0x0304, 2 = SSL 2; 0 unknown */
    uint8_t code;            /* Modbus function, SNMP version */
    char name[FOUND_NAME];   /* topic, host and path, server name, question, version; "" */
    struct certificate certificate; /* while marks has MARK_CERTIFICATE */
    size_t n_addresses;      /* DNS: what `name` resolved to */
    struct address addresses[FOUND_ADDRESSES];
};

struct talk {
    uint8_t transport;       /* TRANSPORT_TCP or _UDP */
    uint16_t from_port, to_port;
    enum proto known;        /* of this conversation already; PROTO_NONE */
    struct bytes payload;    /* a datagram; of a TCP side: from its first byte, or one later segment once known */
};

/* E_SHORT: could be something we know when more bytes come. E_UNKNOWN: nothing we know. */
MUST outcome dissect(const struct talk *t, struct found *ret);

/* One each, for the table in dissect.c. */
MUST outcome dissect_tls(const struct talk *t, struct found *ret);
MUST outcome dissect_ssh(const struct talk *t, struct found *ret);
MUST outcome dissect_http(const struct talk *t, struct found *ret);
MUST outcome dissect_vnc(const struct talk *t, struct found *ret);
MUST outcome dissect_rdp(const struct talk *t, struct found *ret);
MUST outcome dissect_telnet(const struct talk *t, struct found *ret);
MUST outcome dissect_ftp(const struct talk *t, struct found *ret);
MUST outcome dissect_mqtt(const struct talk *t, struct found *ret);
MUST outcome dissect_modbus(const struct talk *t, struct found *ret);
MUST outcome dissect_dns(const struct talk *t, struct found *ret);
MUST outcome dissect_dns_tcp(const struct talk *t, struct found *ret);
MUST outcome dissect_dhcp(const struct talk *t, struct found *ret);
MUST outcome dissect_ntp(const struct talk *t, struct found *ret);
MUST outcome dissect_snmp(const struct talk *t, struct found *ret);
MUST outcome dissect_syslog(const struct talk *t, struct found *ret);
MUST outcome dissect_ipsec(const struct talk *t, struct found *ret);
MUST outcome dissect_wireguard(const struct talk *t, struct found *ret);
MUST outcome dissect_openvpn(const struct talk *t, struct found *ret);
MUST outcome dissect_openvpn_tcp(const struct talk *t, struct found *ret);
MUST outcome dissect_flnet(const struct talk *t, struct found *ret);
MUST outcome dissect_quic(const struct talk *t, struct found *ret);

/* certificate.c: an X.509 certificate's names and dates, unverified: what a listener sees. */
MUST outcome certificate_read(struct bytes der, struct certificate *ret);

static inline bool talk_port(const struct talk *t, uint16_t port)
{
    return t->from_port == port || t->to_port == port;
}
static inline enum side talk_side(const struct talk *t, uint16_t port)
{
    return t->from_port == t->to_port ? SIDE_UNKNOWN : t->to_port == port ? SIDE_CLIENT : t->from_port == port ? SIDE_SERVER : SIDE_UNKNOWN;
}
/* As prefix, so far as there are bytes: E_SHORT when all there is agrees. */
MUST outcome talk_begins(struct bytes in, const char *prefix);

#endif
