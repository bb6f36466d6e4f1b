/* What the files of the load generator share. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "line.h"
#include "meter.h"
#include "talk.h"

enum { SLOTS = 4096, IDS = 60000, SHAKING_MAX = 64, DRAIN_S = 5 };

enum mode { MODE_PAIRS, MODE_FAN_IN, MODE_FAN_OUT, MODE_WILDCARD, MODE_IDLE, MODE_HANDSHAKES, MODES };

struct options {
    enum mode mode;
    const char *host, *ca, *cert, *key, *sub_cert, *sub_key, *pub_id, *sub_id, *prefix;
    uint32_t port, pubs, subs, window, rate, sources, size, resume;
    int version, qos;
    double seconds, warm;
    struct processes pids;
};

struct slot { /* a message not yet delivered to all and acknowledged */
    uint16_t waits;
    int64_t sent_ns;
};
struct publisher {
    uint32_t next, outstanding;
    int64_t moved_ns;
    bool ready;
    struct slot slots[SLOTS];
};
struct seen { /* of one publisher at one subscriber: the newest number + 1, and which of the 64 below came */
    uint32_t last;
    uint64_t bits;
};
struct counts {
    uint64_t sent, delivered, acknowledged, refused, duplicates, disordered, held_back, lines_lost, shaken, resumed;
};
struct measure {
    double seconds;
    int64_t cpu_ns, rss_kib;
    uint64_t delivered, acknowledged;
};

struct bench {
    struct options o;
    SSL_CTX *tls_pub, *tls_sub;
    int epoll_fd;
    struct line *lines; /* subscribers, then publishers */
    uint32_t lines_n, lines_ready;
    uint32_t *dirty, *ready, dirty_n, ready_n;
    struct publisher *publishers;
    struct seen *seen;
    uint32_t receivers; /* of each message */
    uint64_t expected;
    bool sending, measuring;
    int64_t now, due_ns, interval_ns;
    uint32_t turn;
    struct counts count;
    struct latencies delivery, acknowledgement;
    struct measure measure;
};

/* scene.c: who says what to whom */
bool bench_options(int argc, char **argv, struct options *ret);
void bench_topic(const struct bench *b, uint32_t publisher, char ret[256]);
void bench_filter(const struct bench *b, uint32_t subscriber, char ret[256]);
void bench_client(const struct bench *b, uint32_t line, char ret[96]);
bool bench_init(struct bench *b);
void bench_report(const struct bench *b, bool good);
/* One connection after the other on each line, for a while. */
bool bench_handshakes(struct bench *b);
void bench_shaken(struct bench *b, struct line *l);

/* load.c: the loop */
bool bench_run(struct bench *b);
void bench_turn(struct bench *b);
void bench_open(struct bench *b, uint32_t index);
bool bench_connect(struct bench *b);

#endif
