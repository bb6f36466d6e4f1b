/* Records between gate and core, over two rings (gate -> core, core -> gate). The gate frames, the
 * core decides. Each record: u8 kind, u32 link, then the fields below, big-endian.
 * A link handle is index | generation << 20, chosen by the gate; the core treats it as opaque.
 * Neither end trusts the other: a record that does not parse drops the whole channel. */
#ifndef WIRE_LINK_H
#define WIRE_LINK_H

#include "base/bytes.h"

enum link_kind {
    /* core -> gate, before anything else: where to listen and with which identity */
    LINK_LISTEN = 1, /* u8 listener, field16 address ("0.0.0.0", "::", "127.0.0.1"), u16 port */
    LINK_TRUST,      /* field32 server chain PEM, field32 client CA PEM, field32 chain PEM of the people's door (empty: the
                        server's); may be re-sent: hot reload */
    LINK_START,      /* the configuration is complete: bind, sandbox, serve */
    LINK_GUARD,      /* u32 handshakes at once, u32 connections, u32 per source address */
    LINK_PROXIES,    /* field16 addresses, comma-separated: who must begin with a PROXY header (wire/proxy.h) */
    LINK_PEERS,      /* field32 PEM: whose certificates LISTENER_PEER takes; may be re-sent */
    /* gate -> core */
    LINK_READY = 16, /* bound and sandboxed; u8 listener count */
    LINK_UP,         /* struct link_up: TLS done; core answers ADMIT or CLOSE */
    LINK_DATA,       /* one complete MQTT packet, or one complete HTTP request (head and body) */
    LINK_DOWN,       /* u8 enum link_end */
    LINK_REFUSED,    /* u8 listener, u8 enum link_refusal, u32 count since last, field16 source address */
    LINK_BEHIND,     /* links have been waiting for room in this ring: said every 250 ms while it is so */
    /* core -> gate */
    LINK_ADMIT = 32, /* u32 idle_ms: close after this long without a packet (0 = never) */
    LINK_SEND,       /* bytes to write */
    LINK_CLOSE,      /* write what is queued, then close */
    LINK_IDLE,       /* u32 idle_ms, replaces */
    LINK_PLACE,      /* u8 place, replaces: what this link may fill of the ring when it is short (base/limit.h); 0 at first */
};

enum listener {
    LISTENER_MQTT,    /* 8883: mutual TLS 1.3, MQTT */
    LISTENER_HTTPS,   /* 8443: TLS 1.3, people; asks for no certificate */
    LISTENER_EST,     /* 8444: TLS 1.3, enrolment; certificate asked for, not required */
    LISTENER_CONSOLE, /* 8480: plain HTTP, loopback only */
    LISTENER_WSS,     /* off by default: mutual TLS 1.3, MQTT over WebSocket at /mqtt */
    LISTENER_PEER,    /* off by default: mutual TLS 1.3, MQTT; other systems, by certificates of their own */
    LISTENERS
};

/* MQTT packets flow on these, and a certificate is asked for. */
static inline bool listener_is_mqtt(enum listener l)
{
    return l == LISTENER_MQTT || l == LISTENER_WSS || l == LISTENER_PEER;
}

enum link_end {
    LINK_END_PEER,      /* the peer closed */
    LINK_END_ERROR,     /* TLS or socket error */
    LINK_END_FRAMING,   /* broke the framing */
    LINK_END_IDLE,      /* keep alive or deadline passed */
    LINK_END_SLOW,      /* did not read: its output bound was reached */
    LINK_END_ASKED,     /* core said CLOSE */
    LINK_ENDS
};

/* Why the gate itself turned somebody away. The word stands in audit entries. */
#define LINK_REFUSALS(X)                                                                           \
    X(LINK_NO_CERTIFICATE, "no-certificate")                                                       \
    X(LINK_FOREIGN_CERTIFICATE, "foreign-certificate")                                             \
    X(LINK_EXPIRED_CERTIFICATE, "expired-certificate")                                             \
    X(LINK_BAD_CERTIFICATE, "bad-certificate")                                                     \
    X(LINK_TLS_VERSION, "tls-version")                                                             \
    X(LINK_TLS_OTHER, "tls-handshake")                                                             \
    X(LINK_TIMEOUT, "handshake-timeout")                                                           \
    X(LINK_TOO_MANY, "too-many-connections")                                                       \
    X(LINK_FIRST_PACKET, "first-packet")                                                           \
    X(LINK_FRAMING, "framing")                                                                     \
    X(LINK_NO_PROXY_HEADER, "proxy-header")                                                        \
    /* below: decided by the core, same table so that audit has one vocabulary */                  \
    X(LINK_UNREGISTERED, "unregistered")                                                           \
    X(LINK_REVOKED, "revoked")                                                                     \
    X(LINK_TOKEN, "wrong-token")                                                                   \
    X(LINK_LIFE, "not-admitted-in-this-life")                                                      \
    X(LINK_HARDWARE, "not-genuine-hardware")
enum link_refusal {
#define X(name, word) name,
    LINK_REFUSALS(X)
#undef X
        LINK_REFUSAL_COUNT
};
const char *link_refusal_word(enum link_refusal r);

#define LINK_ADDRESS_MAX 64
#define LINK_PROXIES_MAX 512

struct link_up {
    enum listener listener;
    char source[LINK_ADDRESS_MAX]; /* numeric peer address, no port */
    bool has_certificate;
    bool expired;                  /* only ever true on LISTENER_EST */
    uint8_t key_hash[32];          /* SHA-256 of the certificate's SubjectPublicKeyInfo DER */
    uint8_t serial[20];
    uint8_t serial_n;
    int64_t not_after_ms;
    uint16_t tls_version;          /* 0x0304; 0 on LISTENER_CONSOLE */
};

/* Writer and reader side by side; each put_ writes a whole record. */
void link_put_head(struct out *o, enum link_kind kind, uint32_t link);
MUST outcome link_take_head(struct bytes *in, enum link_kind *ret_kind, uint32_t *ret_link);
void link_put_up(struct out *o, uint32_t link, const struct link_up *up);
MUST outcome link_take_up(struct bytes in, struct link_up *ret); /* after the head */

/* What one source is wherever sources are counted (connections, refusals, guesses): an IPv4 address, or the /64
 * network of an IPv6 address (one subscriber owns a whole /64). text is numeric; an unreadable one is its own key. */
void link_source_key(const char *text, char ret_key[LINK_ADDRESS_MAX]);

#endif
