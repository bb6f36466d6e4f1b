/* Records between core and courier (outbound connections to agreed peers), over a channel's two rings. Each: u8 kind,
 * u32 peer (chosen by the core), then the fields below, big-endian. The core says where to go, from signed agreements;
 * the courier never decides. Neither end trusts the other: a record that does not parse drops the whole channel. */
#ifndef WIRE_COURIER_H
#define WIRE_COURIER_H

#include "base/bytes.h"

#define COURIER_OPENING "opening"
/* Peers that run Sekimori tell each other how they stand on this topic, both ways; no flow may have it. */
#define PEER_STATEMENT_TOPIC "sekimori/statement"

enum courier_kind {
    /* core -> courier */
    COURIER_PEER = 64, /* struct courier_peer: connect and stay connected; answered by COURIER_DOWN with COURIER_OPENING, which parts
                          what is said of this session from what was said of one before */
    COURIER_END,       /* disconnect and forget this peer */
    COURIER_SEND,      /* struct courier_message: publish at QoS 1; flags RETAIN */
    COURIER_TAKEN,     /* u32 ticket: an arrived message is done with: acknowledge it */
    COURIER_LETTER,    /* struct courier_letter: deliver once, then say how it went; peer 0 */
    /* courier -> core */
    COURIER_UP = 80,   /* u8 n, n codes of the subscriptions (0x80 and above: refused) */
    COURIER_DOWN,      /* field16 why */
    COURIER_ARRIVED,   /* struct courier_message: on one of its filters */
    COURIER_SENT,      /* u32 ticket, u8 reason of the peer's acknowledgement */
    COURIER_REFUSED,   /* u32 count since last, field16 first topic: what came on no filter of ours */
    COURIER_LETTERED,  /* u32 ticket, u8 1 delivered or 0 not, field16 why; peer 0 */
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

/* An alert on its way out. The place to go is the site's reviewed configuration's, never an alert's. */
enum letter_kind { LETTER_SYSLOG, LETTER_WEBHOOK, LETTER_MAIL, LETTER_KINDS };
struct courier_letter { /* views */
    uint32_t ticket;
    enum letter_kind kind;
    struct bytes host, path; /* path: of a webhook */
    uint16_t port;
    bool plain;              /* without TLS: to this machine only */
    struct bytes from, to;   /* mail */
    struct bytes id, body;   /* id: webhook-id */
};

/* Writer and reader side by side; each put_ writes a whole record, takers come after link_take_head's like. */
void courier_put_head(struct out *o, enum courier_kind kind, uint32_t peer);
MUST outcome courier_take_head(struct bytes *in, enum courier_kind *ret_kind, uint32_t *ret_peer);
void courier_put_peer(struct out *o, uint32_t peer, const struct courier_peer *p);
MUST outcome courier_take_peer(struct bytes in, struct courier_peer *ret);
void courier_put_message(struct out *o, enum courier_kind kind, uint32_t peer, const struct courier_message *m);
MUST outcome courier_take_message(struct bytes in, struct courier_message *ret);

void courier_put_letter(struct out *o, const struct courier_letter *l);
MUST outcome courier_take_letter(struct bytes in, struct courier_letter *ret);
struct courier_lettered { uint32_t ticket; bool good; struct bytes why; };
void courier_put_lettered(struct out *o, const struct courier_lettered *l);
MUST outcome courier_take_lettered(struct bytes in, struct courier_lettered *ret);

#endif
