/* The loop: the keeper's control socket, the core's ring, each peer's line. */
#include "courier/courier.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/port/port.h"

enum { BACKLOG_MAX = 32 << 20, RECORDS_A_TURN = 1024, LETTERS_AT = 2 + COURIER_PEERS_MAX, POLLED = LETTERS_AT + COURIER_LETTERS_MAX };

static void channel_end(struct courier *c)
{
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) peer_close(&c->peers[i]);
    for (size_t i = 0; i < COURIER_LETTERS_MAX; i++) letter_close(&c->letters[i]);
    channel_close(&c->channel);
    c->backlog.n = 0;
    c->lost = false;
}

void courier_say(struct courier *c, struct bytes record)
{
    if (channel_is_open(&c->channel) && !c->lost) c->lost = !ok(channel_put(&c->channel, &c->backlog, &record, 1));
}

outcome courier_record(struct courier *c, struct bytes in)
{
    enum courier_kind kind;
    uint32_t index, ticket;
    struct courier_peer wanted;
    struct courier_message m;
    struct courier_letter l;
    TRY(courier_take_head(&in, &kind, &index));
    struct peer *p = &c->peers[index];
    switch (kind) {
    case COURIER_PEER:
        TRY(courier_take_peer(in, &wanted));
        return peer_open(c, index, &wanted);
    case COURIER_END: peer_close(p); return at_end(in);
    case COURIER_SEND:
        TRY(courier_take_message(in, &m));
        return p->used ? peer_send(p, &m) : DONE;
    case COURIER_LETTER:
        TRY(courier_take_letter(in, &l));
        return letter_open(c, &l);
    case COURIER_TAKEN:
        TRY(take_u32(&in, &ticket));
        if (p->used && !ok(peer_acknowledge(p, ticket))) p->client.line.ended = true;
        return DONE;
    default: return REFUSE(E_MALFORMED);
    }
}

static MUST outcome drain(struct courier *c)
{
    channel_woken(&c->channel);
    for (size_t i = 0; i < RECORDS_A_TURN; i++) {
        struct out o = out_of(c->room, RING_RECORD_MAX);
        outcome got = ring_take(&c->channel.get, &o);
        if (got.code == E_AGAIN) return DONE;
        if (ok(got)) got = courier_record(c, out_view(&o));
        if (!ok(got)) return got;
    }
    return REFUSE(E_AGAIN);
}

static MUST outcome on_control(struct courier *c)
{
    char kind;
    int fds[CHANNEL_FDS];
    outcome o = channel_receive(c->control_fd, &kind, fds);
    if (o.code == E_AGAIN) return DONE;
    TRY(o);
    if (kind != CHANNEL_FRESH) return REFUSE(E_MALFORMED);
    channel_end(c);
    return channel_open(&c->channel, fds, CHANNEL_GATE);
}

static int wait_for(const struct courier *c, struct pollfd *p, bool again)
{
    int64_t now = port_mono_ms();
    int wait = again || c->backlog.n ? 5 : 1000;
    p[0] = (struct pollfd) { c->control_fd, POLLIN, 0 };
    p[1] = (struct pollfd) { channel_is_open(&c->channel) ? c->channel.get.wake_fd : -1, POLLIN, 0 };
    for (size_t i = 0; i < COURIER_PEERS_MAX; i++) {
        const struct peer *peer = &c->peers[i];
        p[2 + i] = (struct pollfd) { peer->used ? mqtt_client_fd(&peer->client) : -1,
            peer->used ? mqtt_client_poll_events(&peer->client) : 0, 0 };
        int w = peer->used ? mqtt_client_wait_ms(&peer->client, now) : wait;
        if (w < wait) wait = w;
    }
    for (size_t i = 0; i < COURIER_LETTERS_MAX; i++) {
        const struct letter *l = &c->letters[i];
        p[LETTERS_AT + i] = (struct pollfd) { l->used ? l->line.fd : -1, l->used ? line_events(&l->line) : 0, 0 };
    }
    return again ? 0 : wait;
}

outcome courier_run(const char *dir, int control_fd)
{
    static struct courier c;
    struct pollfd p[POLLED];
    bool again = false;
    c = (struct courier) { .dir = dir, .control_fd = control_fd, .channel = CHANNEL_NONE, .backlog = BUFFER(BACKLOG_MAX),
        .room = mem_new(RING_RECORD_MAX) };
    if (!c.room) return REFUSE(E_MEMORY);
    while (true) {
        if (poll(p, POLLED, wait_for(&c, p, again)) < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
        if (p[0].revents) {
            outcome o = on_control(&c);
            if (!ok(o)) return o.code == E_CLOSED ? DONE : o;
        }
        if (channel_is_open(&c.channel)) {
            outcome o = drain(&c);
            again = o.code == E_AGAIN;
            if (!ok(o) && !again) {
                fprintf(stderr, "sekimorid-courier: a record of the core: %s at %s\n", code_word(o.code), o.at);
                channel_end(&c);
            }
        }
        for (size_t i = 0; i < COURIER_PEERS_MAX; i++)
            if (c.peers[i].used) peer_turn(&c.peers[i], p[2 + i].fd >= 0 ? p[2 + i].revents : 0, port_mono_ms());
        for (size_t i = 0; i < COURIER_LETTERS_MAX; i++)
            if (c.letters[i].used) letter_turn(&c, &c.letters[i], p[LETTERS_AT + i].fd >= 0 ? p[LETTERS_AT + i].revents : 0, port_mono_ms());
        if (c.lost) return REFUSE(E_FULL); /* the core does not read: the keeper starts us again, with a channel of our own */
        if (channel_is_open(&c.channel)) channel_flush(&c.channel, &c.backlog);
    }
}
