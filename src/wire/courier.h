/* Records between core and courier (outbound connections to agreed peers), over a channel's two rings. Each: u8 kind,
 * u32 peer (chosen by the core), then the fields below, big-endian. The core says where to go, from signed agreements;
 * the courier never decides. Neither end trusts the other: a record that does not parse drops the whole channel. */
#ifndef WIRE_COURIER_H
#define WIRE_COURIER_H

#include "base/bytes.h"

/* Peers that run Sekimori tell each other how they stand on this topic, both ways; no flow may have it. */
#define PEER_STATEMENT_TOPIC "sekimori/statement"

enum courier_kind {
    /* core -> courier */
    COURIER_PEER = 64, /* struct courier_peer: connect and stay connected */
    COURIER_END,       /* disconnect and forget this peer */
    COURIER_SEND,      /* struct courier_message: publish at QoS 1; flags RETAIN */
    COURIER_TAKEN,     /* u32 ticket: an arrived message is done with: acknowledge it */
    /* courier -> core */
    COURIER_UP = 80,   /* u8 n, n codes of the subscriptions (0x80 and above: refused) */
    COURIER_DOWN,      /* field16 why */
    COURIER_ARRIVED,   /* struct courier_message: on one of its filters */
    COURIER_SENT,      /* u32 ticket, u8 reason of the peer's acknowledgement */
    COURIER_REFUSED,   /* u32 count since last, field16 first topic: what came on no filter of ours */
};

enum { COURIER_FILTERS_MAX = 17, COURIER_NAME_MAX = 64, COURIER_HOST_MAX = 128, COURIER_CA_MAX = 65536,
    COURIER_PEERS_MAX = 32, COURIER_WINDOW = 64, COURIER_WHY_MAX = 160, COURIER_PAYLOAD_MAX = 65536 };

struct courier_peer { /* views */
    struct bytes name, host, client_id, ca_pem; /* ca_pem empty: plaintext, loopback only */
    uint16_t port;
    uint8_t version;                            /* MQTT: 4 or 5 */
    struct bytes filters[COURIER_FILTERS_MAX];
    size_t n;
};

enum { COURIER_RETAIN = 1, COURIER_DUPLICATE = 2 };
struct courier_message { /* views */
    uint32_t ticket;         /* sender's; comes back in SENT or TAKEN */
    uint8_t flags;
    struct bytes topic, payload;
};

/* Writer and reader side by side; each put_ writes a whole record, takers come after link_take_head's like. */
void courier_put_head(struct out *o, enum courier_kind kind, uint32_t peer);
MUST outcome courier_take_head(struct bytes *in, enum courier_kind *ret_kind, uint32_t *ret_peer);
void courier_put_peer(struct out *o, uint32_t peer, const struct courier_peer *p);
MUST outcome courier_take_peer(struct bytes in, struct courier_peer *ret);
void courier_put_message(struct out *o, enum courier_kind kind, uint32_t peer, const struct courier_message *m);
MUST outcome courier_take_message(struct bytes in, struct courier_message *ret);

#endif
