/* Who talks to whom, since when, in which protocol: tables of hosts, flows and names that captured frames fill. Pure but
 * for memory; every table has a bound, and what found no room is counted and shown. Nothing here judges; finding.h does.
 * What packets say is a claim of whoever sent them: it is shown, and never alone tightens anything. */
#ifndef WATCH_SURVEY_H
#define WATCH_SURVEY_H

#include "base/map.h"
#include "watch/dissect.h"
#include "watch/frame.h"

enum { SURVEY_HOSTS = 4096, SURVEY_FLOWS = 16384, SURVEY_TALKS = 8192, SURVEY_NAMES = 2048, SURVEY_ATTEMPTS = 32, FLOW_TOPICS = 8,
    SURVEY_HEAD_MAX = 16384, SURVEY_HEADS_BYTES = 8 << 20 };

struct attempt { /* somebody was called; fruitful: and answered with data */
    uint32_t to; /* a mark of the address */
    uint16_t port;
    bool fruitful;
    int64_t at_ms;
};

struct host {
    struct address address;
    bool has_mac;
    uint8_t mac[6], other_mac[6];
    bool two_macs;        /* two devices announced this address */
    int64_t two_macs_ms;
    char name[FOUND_NAME];  /* it gave itself (DHCP, mDNS) or a name server gave it; "" */
    int64_t first_ms, last_ms;
    uint64_t packets, sent_bytes, received_bytes;
    uint32_t serves, uses; /* 1 << enum proto */
    int64_t scan_ms;      /* when it began to try many; 0 = never */
    uint32_t scan_hosts, scan_ports; /* the most within a minute */
    uint8_t attempts_n;
    struct attempt attempts[SURVEY_ATTEMPTS];
};

struct flow {
    uint16_t client, server; /* of hosts; server may be a group's address */
    uint16_t port, vlan;     /* the server's; 0 where the transport has none */
    uint8_t transport;
    bool to_group;           /* multicast or broadcast */
    enum proto proto;
    unsigned marks;          /* MARK_ */
    int64_t first_ms, last_ms, mark_ms; /* mark_ms: first write, command or password */
    uint64_t packets, up_bytes, down_bytes; /* up: from the client */
    uint32_t connections, refused, answered; /* TCP; answered: with data */
    uint32_t writes, commands, publishes;
    uint16_t tls_version;
    uint8_t code;
    uint32_t same_size;      /* packets as long as the one before */
    uint32_t last_size;
    uint32_t topics[FLOW_TOPICS]; /* marks of those written last */
    uint8_t topic_next;
    char name[FOUND_NAME];
    struct certificate certificate; /* while marks has MARK_CERTIFICATE */
};

struct survey_counts {
    uint64_t packets, bytes, unread, cut, fragments, foreign_link;
    uint64_t lost_hosts, lost_flows; /* packets that found a table full */
    uint64_t dropped;                /* which the kernel could not hand over in time */
    int64_t from_ms, to_ms;
};

struct survey;

/* E_MEMORY. */
MUST outcome survey_new(struct survey **ret);
void survey_free(struct survey *s);
/* Called with each flow that is new, or whose protocol, name or marks became known, or in which another topic was written
 * than the last few: said is that topic, else "". May be NULL. */
void survey_watch(struct survey *s, void (*on_flow)(void *ctx, size_t flow, const char *said), void *ctx);

/* One captured packet. What cannot be read is counted; never an error. */
void survey_packet(struct survey *s, uint16_t link, int64_t at_ms, uint32_t wire_bytes, struct bytes packet);

/* Packets that never reached us. */
void survey_dropped(struct survey *s, uint64_t packets);
/* Judges the calls of the last seconds too, for which an answer might have come: at the end of a capture. */
void survey_settle(struct survey *s);

const struct survey_counts *survey_counts(const struct survey *s);
size_t survey_hosts(const struct survey *s);
const struct host *survey_host(const struct survey *s, size_t i);
size_t survey_flows(const struct survey *s);
const struct flow *survey_flow(const struct survey *s, size_t i);
/* SIZE_MAX when it was not seen. */
size_t survey_host_of(const struct survey *s, const struct address *a);
/* The k-th name that address was seen to answer to; NULL behind the last. */
const char *survey_name(const struct survey *s, const struct address *a, size_t k);
/* Whether a name server was seen to answer that name with that address. */
bool survey_named(const struct survey *s, const struct address *a, const char *name);

#endif
