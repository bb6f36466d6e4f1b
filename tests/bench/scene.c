#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* ---- options ---- */

static const char *const modes[MODES] = { "pairs", "fan-in", "fan-out", "wildcard", "idle", "handshakes" };

enum kind { TEXT, COUNT, INT, REAL, PIDS };
struct row {
    const char *name;
    enum kind kind;
    size_t at;
};
#define AT(field) offsetof(struct options, field)
static const struct row rows[] = {
    { "host", TEXT, AT(host) }, { "ca", TEXT, AT(ca) }, { "cert", TEXT, AT(cert) }, { "key", TEXT, AT(key) },
    { "sub-cert", TEXT, AT(sub_cert) }, { "sub-key", TEXT, AT(sub_key) }, { "pub-id", TEXT, AT(pub_id) },
    { "sub-id", TEXT, AT(sub_id) }, { "prefix", TEXT, AT(prefix) }, { "port", COUNT, AT(port) }, { "pubs", COUNT, AT(pubs) },
    { "subs", COUNT, AT(subs) }, { "window", COUNT, AT(window) }, { "rate", COUNT, AT(rate) }, { "sources", COUNT, AT(sources) },
    { "size", COUNT, AT(size) }, { "resume", COUNT, AT(resume) }, { "version", INT, AT(version) }, { "qos", INT, AT(qos) }, { "seconds", REAL, AT(seconds) },
    { "warm", REAL, AT(warm) }, { "pids", PIDS, AT(pids) },
};

static bool set(struct options *o, const struct row *r, const char *value)
{
    void *to = (char *)o + r->at;
    char *end = NULL;
    switch (r->kind) {
    case TEXT: *(const char **)to = value; return true;
    case COUNT: *(uint32_t *)to = (uint32_t)strtoul(value, &end, 10); break;
    case INT: *(int *)to = (int)strtol(value, &end, 10); break;
    case REAL: *(double *)to = strtod(value, &end); break;
    case PIDS: return processes_parse(value, to);
    }
    return end && end != value && *end == 0;
}

static bool options_good(const struct options *o)
{
    bool idle = o->mode == MODE_IDLE || o->mode == MODE_HANDSHAKES;
    return o->port && o->port < 65536 && o->qos >= 0 && o->qos <= 2 && (o->version == 4 || o->version == 5)
        && o->size >= STAMP_BYTES && o->size <= 1 << 20 && o->window >= 1 && o->window < SLOTS && o->pubs >= 1
        && (idle || o->subs >= 1) && o->subs < 60000 && o->pubs < 60000 && (!o->cert || o->key);
}

bool bench_options(int argc, char **argv, struct options *ret)
{
    struct options o = { .host = "127.0.0.1", .pub_id = "pub", .sub_id = "sub", .prefix = "bench", .pubs = 1, .subs = 1,
        .window = 10, .size = 64, .version = 4, .seconds = 3, .warm = 0.5 };
    int m = 0;
    while (argc > 1 && m < MODES && strcmp(argv[1], modes[m]) != 0) m++;
    if (argc < 2 || m == MODES) return false;
    o.mode = (enum mode)m;
    for (int i = 2; i < argc; i += 2) {
        const struct row *found = NULL;
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, rows[k].name) == 0) found = &rows[k];
        if (!found || i + 1 >= argc || !set(&o, found, argv[i + 1])) return false;
    }
    if (o.mode == MODE_IDLE || o.mode == MODE_HANDSHAKES) o.subs = 0;
    if (o.mode == MODE_FAN_IN) o.subs = 1;
    if (o.mode == MODE_FAN_OUT) o.pubs = 1;
    if (o.mode == MODE_PAIRS || o.mode == MODE_WILDCARD) o.subs = o.pubs;
    if (!options_good(&o)) return false;
    *ret = o;
    return true;
}

/* ---- who says what to whom ---- */

void bench_topic(const struct bench *b, uint32_t publisher, char ret[256])
{
    snprintf(ret, 256, "%s/line%u/value%u", b->o.prefix, publisher, publisher);
}

void bench_filter(const struct bench *b, uint32_t subscriber, char ret[256])
{
    if (b->o.mode == MODE_FAN_IN) snprintf(ret, 256, "%s/#", b->o.prefix);
    else if (b->o.mode == MODE_FAN_OUT) snprintf(ret, 256, "%s/line0/value0", b->o.prefix);
    else if (b->o.mode == MODE_WILDCARD) snprintf(ret, 256, "%s/+/value%u", b->o.prefix, subscriber);
    else snprintf(ret, 256, "%s/line%u/value%u", b->o.prefix, subscriber, subscriber);
}

void bench_client(const struct bench *b, uint32_t line, char ret[96])
{
    bool sub = line < b->o.subs;
    snprintf(ret, 96, "%s/%u", sub ? b->o.sub_id : b->o.pub_id, sub ? line : line - b->o.subs);
}

static bool init_tls(struct bench *b)
{
    const struct options *o = &b->o;
    bool lean = o->mode == MODE_IDLE;
    if (!o->ca) return true;
    b->tls_pub = line_tls(o->ca, o->cert, o->key, lean);
    b->tls_sub = line_tls(o->ca, o->sub_cert ? o->sub_cert : o->cert, o->sub_cert ? o->sub_key : o->key, lean);
    if (o->resume && b->tls_pub) line_tls_resume(b->tls_pub);
    return b->tls_pub && b->tls_sub;
}

bool bench_init(struct bench *b)
{
    const struct options *o = &b->o;
    bool talk = o->mode != MODE_IDLE && o->mode != MODE_HANDSHAKES;
    b->lines_n = o->subs + o->pubs;
    b->receivers = o->mode == MODE_FAN_OUT ? o->subs : 1;
    b->lines = calloc(b->lines_n, sizeof *b->lines);
    b->dirty = calloc(b->lines_n, sizeof *b->dirty);
    b->ready = calloc(b->lines_n, sizeof *b->ready);
    if (talk) b->publishers = calloc(o->pubs, sizeof *b->publishers);
    if (talk) b->seen = calloc((size_t)o->subs * o->pubs, sizeof *b->seen);
    b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool memory = b->lines && b->dirty && b->ready && (!talk || (b->publishers && b->seen));
    if (memory && b->epoll_fd >= 0 && init_tls(b)) return true;
    fprintf(stderr, "cannot start: memory, or a certificate, key or CA file\n");
    return false;
}

/* ---- handshakes ---- */

void bench_shaken(struct bench *b, struct line *l)
{
    uint32_t index = l->index;
    if (b->measuring) latency_add(&b->delivery, meter_now_ns() - l->began_ns);
    b->count.shaken++;
    if (l->ssl && SSL_session_reused(l->ssl)) b->count.resumed++;
    talk_disconnect(l);
    (void)line_flush(l, b->epoll_fd);
    line_close(l);
    if (b->sending) bench_open(b, index);
}

bool bench_handshakes(struct bench *b)
{
    b->sending = true;
    for (uint32_t i = 0; i < b->lines_n; i++) bench_open(b, i);
    int64_t warm = meter_now_ns() + (int64_t)(b->o.warm * 1e9);
    while (meter_now_ns() < warm) bench_turn(b);
    int64_t cpu = processes_cpu_ns(&b->o.pids), began = meter_now_ns(), until = began + (int64_t)(b->o.seconds * 1e9);
    uint64_t before = b->count.shaken, resumed = b->count.resumed;
    b->measuring = true;
    while (meter_now_ns() < until) bench_turn(b);
    b->measure.seconds = (double)(meter_now_ns() - began) / 1e9;
    b->measure.cpu_ns = processes_cpu_ns(&b->o.pids) - cpu;
    b->measure.delivered = b->count.shaken - before;
    b->count.resumed -= resumed;
    b->sending = false;
    return b->measure.delivered > 0;
}

/* ---- the report ---- */

static void report_latencies(const char *name, const struct latencies *l)
{
    static const struct { const char *name; double share; } at[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };
    printf(", \"%s\": {\"n\": %" PRIu64, name, l->n);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        printf(", \"%s_us\": %.1f", at[i].name, (double)latency_at(l, at[i].share) / 1000);
    printf(", \"most_us\": %.1f}", (double)l->most_ns / 1000);
}

void bench_report(const struct bench *b, bool good)
{
    const struct counts *c = &b->count;
    const struct measure *m = &b->measure;
    double cpu_us = (double)m->cpu_ns / 1000, n = m->delivered ? (double)m->delivered : 1;
    uint64_t lost = b->expected > c->delivered ? b->expected - c->delivered : 0, unacked = 0;
    for (uint32_t i = 0; b->publishers && i < b->o.pubs; i++) unacked += b->publishers[i].outstanding;
    printf("{\"good\": %s, \"mode\": \"%s\", \"qos\": %d, \"lines\": %u, \"seconds\": %.3f", good ? "true" : "false", modes[b->o.mode],
        b->o.qos, b->lines_ready, m->seconds);
    printf(", \"per_s\": %.0f, \"cpu_us\": %.0f, \"cpu_us_each\": %.3f, \"cpu_share\": %.3f", (double)m->delivered / (m->seconds + 1e-9),
        cpu_us, cpu_us / n, cpu_us / (m->seconds * 1e6 + 1e-9));
    printf(", \"sent\": %" PRIu64 ", \"delivered\": %" PRIu64 ", \"acknowledged\": %" PRIu64 ", \"refused\": %" PRIu64, c->sent, c->delivered,
        c->acknowledged, c->refused);
    printf(", \"lost\": %" PRIu64 ", \"duplicates\": %" PRIu64 ", \"disordered\": %" PRIu64 ", \"unfinished\": %" PRIu64, lost, c->duplicates,
        c->disordered, unacked);
    printf(", \"resumed\": %" PRIu64 ", \"held_back\": %" PRIu64 ", \"lines_lost\": %" PRIu64 ", \"rss_kib\": %" PRId64, c->resumed, c->held_back, c->lines_lost, m->rss_kib);
    report_latencies("delivery", &b->delivery);
    report_latencies("acknowledgement", &b->acknowledgement);
    printf("}\n");
}
