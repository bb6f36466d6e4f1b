/* Manufacturer Usage Descriptions (RFC 8520, with ACLs of RFC 8519 and names of ietf-acldns): what a device's maker says
 * it does, compiled to allow rules; everything else leaves the profile. Our extension "sekimori-topics" lists MQTT topics.
 * Pure. A profile is a claim of whoever wrote the file: the caller decides whose files it takes. */
#ifndef WATCH_MUD_H
#define WATCH_MUD_H

#include "watch/address.h"
#include "wire/doc.h"

enum { MUD_RULES_MAX = 1024, MUD_TOPICS_MAX = 64, MUD_TEXT = 128, MUD_UNKNOWN = -1 };

enum mud_initiated { INITIATED_ANY, INITIATED_FROM_DEVICE, INITIATED_TO_DEVICE };

struct mud_ports {
    int low, high; /* MUD_UNKNOWN, MUD_UNKNOWN: any */
};

struct mud_rule {
    const char *ace;          /* its name */
    bool to_device;
    int ethertype, protocol;  /* MUD_UNKNOWN: any */
    int icmp_type, icmp_code;
    struct mud_ports source, destination;
    enum mud_initiated initiated;
    bool local, has_network, has_mac; /* all that is set must hold of the peer */
    uint8_t mac[6];
    struct address network;
    uint8_t bits;
    const char *name;         /* of the peer, or NULL */
    const char *controller;   /* class of the peer (URN), "my-controller", or NULL */
};

struct mud_profile {
    const char *url, *systeminfo;
    struct mud_rule *rules;
    size_t n;
    const char *publish[MUD_TOPICS_MAX], *subscribe[MUD_TOPICS_MAX]; /* filters */
    size_t n_publish, n_subscribe;
    bool has_topics;
};

/* E_MALFORMED, E_UNSUPPORTED (an access list that is named and not there, a match we do not know: refused, because a rule
 * that is read too widely would allow what its maker did not); why says where. Rules and texts live in the arena. */
MUST outcome mud_compile(const struct doc *d, struct arena *a, struct mud_profile *ret, char why[MUD_TEXT]);

/* One packet, or one flow as its packet from the client to the server with the client's port unknown. */
struct mud_packet {
    bool from_device;
    int ethertype, protocol, source_port, destination_port, icmp_type, icmp_code; /* MUD_UNKNOWN where not known */
    bool opened_by_device;    /* TCP */
    struct address peer;
    bool has_mac;
    uint8_t mac_to[6];
};

/* What the site knows: which names an address was seen to answer to, which addresses are of a class of controllers. NULL
 * functions know nothing; an unknown class is met by nobody (RFC 8520, 8.1). */
struct mud_world {
    void *ctx;
    bool (*named)(void *ctx, const struct address *a, const char *name);
    bool (*controls)(void *ctx, const struct address *a, const char *urn);
};

/* The first rule that allows it; NULL: it leaves the profile. */
const struct mud_rule *mud_allows(const struct mud_profile *p, const struct mud_world *w, const struct mud_packet *packet);
/* Without our extension a profile says nothing about topics: everything is inside. */
bool mud_topic_inside(const struct mud_profile *p, bool publish, struct bytes topic);

#endif
