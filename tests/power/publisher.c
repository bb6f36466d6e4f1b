/* A publisher that keeps its own book, fast enough to judge durability under load: numbered QoS 1 messages over
 * MQTT 5 and TLS, a window in flight; what is not acknowledged is sent again, in order, on the next connection. The
 * same arguments and the same book as tests/scenarios/publisher.py, whose words it is judged by. It shares no code
 * with the broker.
 *
 * usage: publisher HOST PORT CA CERT KEY ID TOPIC BOOK RATE
 * book: one line per acknowledged message: its number and the monotonic time; `x REASON` for a refusal. Ends on
 * SIGTERM, once all it sent is acknowledged. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/line.h"
#include "tests/bench/talk.h"

enum { WINDOW = 100 /* the server's receive maximum */, BOOK_ROOM = 65536, PAUSE_NS = 20000000, GREET_S = 5 };
static const double LATE_S = 0.1; /* a pause is not made up for beyond this */

struct publisher {
    struct line_place place;
    struct line line;
    const char *id, *topic;
    int book;
    double rate, paid;
    unsigned next, low;       /* numbers from 1: below `low` all are answered */
    bool answered[WINDOW];    /* of number % WINDOW, from low to next */
    bool greeted, over;
};

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_number(struct publisher *p, unsigned n)
{
    char text[96];
    snprintf(text, sizeof text, "%s %u", p->id, n);
    struct talk_publish m = { 5, 1, p->topic, (uint16_t)(n % 65535 + 1), strlen(text), text };
    talk_publish(&p->line, &m, NULL);
}

static void send_due(struct publisher *p)
{
    double at = now();
    if (at - p->paid > LATE_S) p->paid = at - LATE_S;
    while (!stopping && p->next - p->low < WINDOW && p->paid + 1 / p->rate <= at) {
        p->answered[p->next % WINDOW] = false;
        send_number(p, p->next++);
        p->paid += 1 / p->rate;
    }
}

static void send_again(struct publisher *p)
{
    for (unsigned n = p->low; n < p->next; n++)
        if (!p->answered[n % WINDOW]) send_number(p, n);
}

/* The number that this packet id stands for; 0: nothing we wait for. */
static unsigned number_of(const struct publisher *p, uint16_t id)
{
    for (unsigned n = p->low; n < p->next; n++)
        if (n % 65535 + 1 == id) return p->answered[n % WINDOW] ? 0 : n;
    return 0;
}

static void write_book(const struct publisher *p, const char *text, size_t n)
{
    if (n && write(p->book, text, n) != (ssize_t)n) exit(3); /* a book with a hole would judge wrongly */
}

static void hear(struct publisher *p, const struct heard *h, char *text, size_t *n)
{
    if (h->type == TALK_CONNACK && h->reason == 0) {
        p->greeted = true;
        send_again(p);
    } else if (h->type == TALK_CONNACK || h->type == TALK_DISCONNECT) {
        fprintf(stderr, "%.3f %s: packet %d, reason %u\n", now(), p->id, h->type, h->reason);
        p->over = true;
    }
    unsigned number = h->type == TALK_PUBACK ? number_of(p, h->id) : 0;
    if (!number) return;
    p->answered[number % WINDOW] = true;
    while (p->low < p->next && p->answered[p->low % WINDOW]) p->low++;
    if (h->reason >= 0x80) *n += (size_t)snprintf(text + *n, BOOK_ROOM - *n, "x %02x\n", h->reason);
    else *n += (size_t)snprintf(text + *n, BOOK_ROOM - *n, "%u %.4f\n", number, now());
}

static void hear_all(struct publisher *p)
{
    static char text[BOOK_ROOM];
    struct line *l = &p->line;
    struct heard h;
    size_t n = 0, at = 0, size;
    bool alive = line_fill(l);
    while (talk_hear(l->in + at, l->in_n - at, 5, &h, &size) > 0) {
        at += size;
        hear(p, &h, text, &n);
        if (n > BOOK_ROOM / 2) write_book(p, text, n), n = 0;
    }
    write_book(p, text, n);
    if (at) memmove(l->in, l->in + at, l->in_n - at);
    l->in_n -= at;
    p->over |= !alive;
}

static bool done(const struct publisher *p)
{
    return stopping && p->low == p->next;
}

static void advance(struct publisher *p)
{
    enum line_state before = p->line.state;
    line_advance(&p->line);
    if (p->line.state == LINE_DEAD) p->over = true;
    if (before < LINE_GREETING && p->line.state == LINE_GREETING) talk_connect(&p->line, 5, p->id);
}

static void one_line(struct publisher *p)
{
    struct epoll_event e;
    double began = now();
    p->greeted = p->over = false;
    if (!line_open(&p->line, &p->place)) return;
    while (!p->over && !done(p)) {
        epoll_wait(p->place.epoll_fd, &e, 1, 1);
        if (p->line.state < LINE_GREETING) advance(p);
        if (p->line.state == LINE_GREETING) hear_all(p);
        if (p->greeted) send_due(p);
        else if (now() - began > GREET_S) break;
        if (p->line.state == LINE_GREETING && !line_flush(&p->line, p->place.epoll_fd)) break;
    }
    line_close(&p->line);
}

int main(int argc, char **argv)
{
    static struct publisher p;
    if (argc != 10) {
        fprintf(stderr, "usage: publisher HOST PORT CA CERT KEY ID TOPIC BOOK RATE\n");
        return 2;
    }
    struct sigaction s = { .sa_handler = stop };
    sigaction(SIGTERM, &s, NULL);
    signal(SIGPIPE, SIG_IGN);
    p.place = (struct line_place) { .host = argv[1], .port = (uint16_t)strtoul(argv[2], NULL, 10), .tls = line_tls(argv[3], argv[4], argv[5], false),
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
    p.id = argv[6];
    p.topic = argv[7];
    p.book = open(argv[8], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    p.rate = strtod(argv[9], NULL);
    p.next = p.low = 1;
    p.paid = now();
    if (!p.place.tls || p.book < 0 || p.place.epoll_fd < 0 || p.rate <= 0) {
        fprintf(stderr, "publisher: CA, CERT, KEY or BOOK cannot be used\n");
        return 1;
    }
    while (!done(&p)) {
        one_line(&p);
        nanosleep(&(struct timespec) { .tv_nsec = PAUSE_NS }, NULL);
    }
    return 0;
}
