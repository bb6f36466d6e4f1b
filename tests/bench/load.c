/* The load generator: many MQTT clients in one event loop, and what became of every message they sent. Every payload
 * carries who sent it, its number and when, so losses, duplicates and order are counted and never assumed. One line of
 * JSON on standard output.
 *
 * usage: sekimori-bench MODE [--name value ...]   (modes and names: the tables below) */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

static bool is_publisher(const struct bench *b, uint32_t line)
{
    return line >= b->o.subs;
}

static void dirty(struct bench *b, struct line *l)
{
    if (l->dirty) return;
    l->dirty = true;
    b->dirty[b->dirty_n++] = l->index;
}

static void lost_line(struct bench *b, struct line *l)
{
    if (l->state != LINE_DEAD) b->count.lines_lost++;
    line_close(l);
}

/* ---- publishing ---- */

static void ready(struct bench *b, struct publisher *p)
{
    if (p->ready) return;
    p->ready = true;
    b->ready[b->ready_n++] = (uint32_t)(p - b->publishers);
}

static void publish(struct bench *b, struct publisher *p, int64_t now)
{
    char topic[256];
    uint32_t index = (uint32_t)(p - b->publishers), number = p->next++;
    struct line *l = &b->lines[b->o.subs + index];
    struct stamp s = { index, number, now };
    struct talk_publish m = { b->o.version, b->o.qos, topic, (uint16_t)(number % IDS + 1), b->o.size, NULL };
    bench_topic(b, index, topic);
    talk_publish(l, &m, &s);
    p->slots[number % SLOTS] = (struct slot) { (uint16_t)(b->receivers + (b->o.qos ? 1 : 0)), now };
    p->outstanding++;
    b->count.sent++;
    b->expected += b->receivers;
    dirty(b, l);
}

static void one_of(struct bench *b, uint32_t index, uint32_t number, uint16_t parts)
{
    struct publisher *p = &b->publishers[index];
    struct slot *s = &p->slots[number % SLOTS];
    if (number >= p->next || p->next - number > SLOTS || s->waits < parts) return;
    s->waits = (uint16_t)(s->waits - parts);
    if (s->waits) return;
    p->outstanding--;
    p->moved_ns = b->now;
    if (b->sending && !b->o.rate) ready(b, p);
}

/* A whole window at once where a rate does not say when. */
static void fill_windows(struct bench *b)
{
    for (uint32_t i = 0; i < b->ready_n; i++) {
        struct publisher *p = &b->publishers[b->ready[i]];
        p->ready = false;
        while (b->sending && p->outstanding < b->o.window) publish(b, p, b->now);
    }
    b->ready_n = 0;
}

static void fill_rate(struct bench *b)
{
    while (b->sending && b->now >= b->due_ns) {
        struct publisher *p = &b->publishers[b->turn++ % b->o.pubs];
        if (p->outstanding < SLOTS - 1) publish(b, p, b->now);
        else b->count.held_back++;
        b->due_ns += b->interval_ns;
    }
}

/* ---- hearing ---- */

static void delivered(struct bench *b, struct line *l, const struct heard *h)
{
    if (h->qos) talk_ack(l, h->qos == 1 ? TALK_PUBACK : TALK_PUBREC, h->id);
    if (h->qos) dirty(b, l);
    if (!h->stamped || h->stamp.publisher >= b->o.pubs) return;
    struct seen *s = &b->seen[(size_t)l->index * b->o.pubs + h->stamp.publisher];
    uint32_t number = h->stamp.number + 1; /* 0: nothing yet */
    if (number > s->last) {
        uint32_t by = number - s->last;
        s->bits = by < 64 ? s->bits << by | 1 : 1;
        s->last = number;
    } else {
        uint32_t back = s->last - number;
        bool twice = back >= 64 || (s->bits >> back & 1);
        if (twice) b->count.duplicates++;
        else b->count.disordered++;
        if (twice) return;
        s->bits |= (uint64_t)1 << back;
    }
    b->count.delivered++;
    if (b->measuring) latency_add(&b->delivery, b->now - h->stamp.sent_ns);
    one_of(b, h->stamp.publisher, h->stamp.number, 1);
}

static void acknowledged(struct bench *b, struct line *l, const struct heard *h)
{
    uint32_t index = l->index - b->o.subs;
    struct publisher *p = &b->publishers[index];
    uint32_t newest = p->next - 1, back = (newest % IDS + 1 + IDS - h->id) % IDS, number = newest - back;
    const struct slot *s = &p->slots[number % SLOTS];
    if (b->measuring) latency_add(&b->acknowledgement, b->now - s->sent_ns);
    b->count.acknowledged++;
    bool refused = h->reason >= 0x80;
    if (refused) b->count.refused++;
    if (refused) b->expected -= b->receivers;
    one_of(b, index, number, refused ? (uint16_t)(b->receivers + 1) : 1);
}

static void greeted(struct bench *b, struct line *l)
{
    char filter[256];
    if (b->o.mode == MODE_HANDSHAKES) {
        bench_shaken(b, l);
        return;
    }
    if (l->index < b->o.subs) {
        bench_filter(b, l->index, filter);
        talk_subscribe(l, b->o.version, filter, b->o.qos);
        dirty(b, l);
        l->state = LINE_SUBSCRIBING;
    } else {
        l->state = LINE_READY;
        b->lines_ready++;
    }
}

static void hear(struct bench *b, struct line *l, const struct heard *h)
{
    if (h->type == TALK_CONNACK && l->state == LINE_GREETING && h->reason == 0) {
        greeted(b, l);
    } else if (h->type == TALK_SUBACK && l->state == LINE_SUBSCRIBING && h->reason < 0x80) {
        l->state = LINE_READY;
        b->lines_ready++;
    } else if (h->type == TALK_PUBLISH) {
        delivered(b, l, h);
    } else if (h->type == TALK_PUBREL || (h->type == TALK_PUBREC && h->reason < 0x80)) {
        talk_ack(l, h->type == TALK_PUBREL ? TALK_PUBCOMP : TALK_PUBREL, h->id);
        dirty(b, l);
    } else if ((h->type == TALK_PUBACK || h->type == TALK_PUBCOMP || h->type == TALK_PUBREC) && is_publisher(b, l->index)) {
        acknowledged(b, l, h);
    } else if (h->type == TALK_CONNACK || h->type == TALK_SUBACK || h->type == TALK_DISCONNECT) {
        fprintf(stderr, "line %u: refused by packet %d, reason %u\n", l->index, h->type, h->reason);
        lost_line(b, l);
    }
}

static void hear_all(struct bench *b, struct line *l)
{
    size_t at = 0, size;
    struct heard h;
    int got = 0;
    bool alive = line_fill(l);
    while (l->state >= LINE_GREETING && l->state != LINE_DEAD && (got = talk_hear(l->in + at, l->in_n - at, b->o.version, &h, &size)) > 0) {
        at += size;
        hear(b, l, &h);
    }
    if (l->state == LINE_DEAD || l->state == LINE_CONNECTING) return; /* closed or begun again while hearing */
    if (!alive || got < 0) {
        lost_line(b, l);
        return;
    }
    memmove(l->in, l->in + at, l->in_n - at);
    l->in_n -= at;
}

static void line_event(struct bench *b, struct line *l)
{
    char client[96];
    if (l->state == LINE_DEAD || l->state == LINE_NONE) return;
    if (l->state < LINE_GREETING) {
        line_advance(l);
        if (l->state == LINE_DEAD) lost_line(b, l);
        if (l->state != LINE_GREETING) return;
        bench_client(b, l->index, client);
        talk_connect(l, b->o.version, client);
    }
    dirty(b, l);
    hear_all(b, l);
}

static void flush_all(struct bench *b)
{
    for (uint32_t i = 0; i < b->dirty_n; i++) {
        struct line *l = &b->lines[b->dirty[i]];
        l->dirty = false;
        if (l->state == LINE_DEAD || l->state == LINE_CONNECTING) continue;
        if (!line_flush(l, b->epoll_fd)) lost_line(b, l);
    }
    b->dirty_n = 0;
}

/* ---- the loop ---- */

static void wait_for(struct bench *b, struct epoll_event *events, int cap, int *ret_n)
{
    int64_t wait = b->sending && b->o.rate ? b->due_ns - meter_now_ns() : 10000000;
    struct timespec t = { 0, wait < 0 ? 0 : wait > 10000000 ? 10000000 : wait };
    *ret_n = epoll_pwait2(b->epoll_fd, events, cap, &t, NULL);
}

void bench_turn(struct bench *b)
{
    struct epoll_event events[512];
    int n;
    wait_for(b, events, 512, &n);
    b->now = meter_now_ns();
    for (int i = 0; i < n; i++) line_event(b, &b->lines[events[i].data.u32]);
    if (b->o.rate && b->publishers) fill_rate(b);
    else fill_windows(b);
    flush_all(b);
}

void bench_open(struct bench *b, uint32_t index)
{
    struct line *l = &b->lines[index];
    bool sub = index < b->o.subs;
    struct line_place p = { b->o.host, (uint16_t)b->o.port, b->o.sources ? 2 + index % b->o.sources : 0,
        b->o.ca ? sub ? b->tls_sub : b->tls_pub : NULL, b->epoll_fd };
    l->index = index;
    if (!line_open(l, &p)) {
        fprintf(stderr, "line %u: %s\n", index, strerror(errno));
        b->count.lines_lost++;
        return;
    }
    l->began_ns = meter_now_ns();
}

/* All lines up, a bounded number at once. */
bool bench_connect(struct bench *b)
{
    uint32_t opened = 0;
    int64_t until = meter_now_ns() + (int64_t)120 * 1000000000;
    while (b->lines_ready < b->lines_n && !b->count.lines_lost && meter_now_ns() < until) {
        while (opened < b->lines_n && opened - b->lines_ready < SHAKING_MAX) bench_open(b, opened++);
        bench_turn(b);
    }
    return b->lines_ready == b->lines_n;
}

static void start_sending(struct bench *b)
{
    b->sending = true;
    b->now = b->due_ns = meter_now_ns();
    b->interval_ns = b->o.rate ? 1000000000 / (int64_t)b->o.rate : 0;
    for (uint32_t i = 0; !b->o.rate && i < b->o.pubs; i++) ready(b, &b->publishers[i]);
}

static void turn_for(struct bench *b, double seconds)
{
    int64_t until = meter_now_ns() + (int64_t)(seconds * 1e9);
    while (meter_now_ns() < until) bench_turn(b);
}

/* What is on its way arrives, or does not. */
static void drain(struct bench *b)
{
    int64_t until = meter_now_ns() + (int64_t)DRAIN_S * 1000000000;
    b->sending = false;
    while (meter_now_ns() < until) {
        uint64_t waits = 0;
        for (uint32_t i = 0; i < b->o.pubs; i++) waits += b->publishers[i].outstanding;
        if (!waits) return;
        bench_turn(b);
    }
}

static void messages(struct bench *b)
{
    struct measure *m = &b->measure;
    start_sending(b);
    turn_for(b, b->o.warm);
    b->measuring = true;
    int64_t cpu = processes_cpu_ns(&b->o.pids), began = meter_now_ns();
    struct counts before = b->count;
    turn_for(b, b->o.seconds);
    m->seconds = (double)(meter_now_ns() - began) / 1e9;
    m->cpu_ns = processes_cpu_ns(&b->o.pids) - cpu;
    m->delivered = b->count.delivered - before.delivered;
    m->acknowledged = b->count.acknowledged - before.acknowledged;
    b->measuring = false;
    drain(b);
}

bool bench_run(struct bench *b)
{
    int64_t rss = processes_rss_kib(&b->o.pids);
    if (b->o.mode == MODE_HANDSHAKES) return bench_handshakes(b);
    if (!bench_connect(b)) return false;
    if (b->o.mode != MODE_IDLE) {
        messages(b);
        return !b->count.lines_lost;
    }
    turn_for(b, b->o.warm);
    b->measure.rss_kib = processes_rss_kib(&b->o.pids) - rss;
    int64_t cpu = processes_cpu_ns(&b->o.pids);
    turn_for(b, b->o.seconds);
    b->measure.cpu_ns = processes_cpu_ns(&b->o.pids) - cpu;
    b->measure.seconds = b->o.seconds;
    return true;
}
