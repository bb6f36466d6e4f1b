/* Shared by survey.c and survey_tcp.c only. */
#ifndef WATCH_SURVEY_INSIDE_H
#define WATCH_SURVEY_INSIDE_H

#include "base/mem.h"
#include "watch/survey.h"

enum { WAYS = 4, NO_FLOW = UINT32_MAX };

/* The first bytes of one side of a conversation, in order, until they are understood. */
struct head {
    bool begun, spoke, done; /* where it begins is known; it sent data; nothing more is wanted */
    uint32_t next;
    uint8_t *at;
    uint32_t n, cap;
};

struct conversation {
    bool used;
    uint16_t client, server, client_port, server_port;
    int64_t last_ms;
    uint32_t flow;
    struct head heads[2]; /* from the client, from the server */
};

struct name_row {
    struct address address;
    char name[FOUND_NAME];
};

struct survey {
    struct survey_counts counts;
    struct host *hosts;
    struct flow *flows;
    struct conversation *talks; /* sets of WAYS */
    struct name_row *names;
    size_t n_hosts, n_flows, n_names, name_next;
    struct map host_of, flow_of;
    size_t head_bytes;
    uint64_t seed;
    void (*on_flow)(void *ctx, size_t flow, const char *said);
    void *ctx;
};

/* One frame being taken in. */
struct sight {
    int64_t at_ms;
    uint32_t wire_bytes;
    const struct frame *f;
    uint16_t from, to;
};

/* NO_FLOW when the table is full. client and server are of hosts. */
uint32_t flow_at(struct survey *s, const struct sight *w, bool from_client, uint16_t port);
/* NO_FLOW when there is none yet. */
uint32_t flow_find(const struct survey *s, uint16_t client, uint16_t server, uint8_t transport, uint16_t port);
void flow_count(struct survey *s, uint32_t flow, const struct sight *w, bool from_client);
void flow_found(struct survey *s, uint32_t flow, const struct sight *w, const struct found *f);
/* w->from calls w->f->to. */
void attempt_note(struct survey *s, const struct sight *w, uint16_t port);
void attempt_fruit(struct survey *s, uint16_t from, const struct address *called, uint16_t port);

void tcp_sight(struct survey *s, const struct sight *w);
void tcp_deinit(struct survey *s);

#endif
