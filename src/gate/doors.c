/* Listeners: bound once before the sandbox, watched only while somebody may come in. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/inside.h"

outcome doors_ask(struct gate *g, enum listener l, struct bytes address, uint16_t port)
{
    struct door d = { .listener = l, .port = port, .fd = -1 };
    TRY(bytes_to_text(address, d.address, sizeof d.address));
    if (g->configured) return REFUSE(E_CONFLICT);
    if (g->n_asked >= GATE_DOORS_MAX) return REFUSE(E_FULL);
    struct door *have = &g->doors[g->n_asked++];
    if (!g->served) {
        *have = d;
        g->n_doors = g->n_asked;
    } else if (g->n_asked > g->n_doors || have->listener != l || have->port != port
        || strcmp(have->address, d.address) != 0) {
        g->doors_differ = true;
    }
    return DONE;
}

static outcome complain(struct gate *g, const struct door *d, const char *what, outcome o)
{
    snprintf(g->why, 160, "%s %s port %u: %s", what, d->address, d->port,
        o.sys ? strerror(o.sys) : code_word(o.code));
    return o;
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static outcome door_address(const struct gate *g, const struct door *d, union address *ret, socklen_t *ret_n)
{
    union address a = { 0 };
    bool loopback;
    if (inet_pton(AF_INET, d->address, &a.v4.sin_addr) == 1) {
        loopback = ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons(d->port);
        *ret_n = sizeof a.v4;
    } else if (inet_pton(AF_INET6, d->address, &a.v6.sin6_addr) == 1) {
        loopback = IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(d->port);
        *ret_n = sizeof a.v6;
    } else {
        return REFUSE(E_CONFIG);
    }
    if (gate_plain(g, d->listener) && !loopback) return REFUSE(E_DENIED);
    *ret = a;
    return DONE;
}

/* "::" alone takes IPv4 as well; beside an IPv4 listener of the same port it must not. */
static int only_v6(const struct gate *g, const struct door *d)
{
    for (size_t i = 0; i < g->n_doors; i++)
        if (g->doors[i].port == d->port && strchr(g->doors[i].address, '.')) return 1;
    return 0;
}

static outcome door_open(struct gate *g, struct door *d)
{
    union address a;
    socklen_t n;
    int yes = 1, v6 = only_v6(g, d);
    TRY(door_address(g, d, &a, &n));
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    bool good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0
        && (a.any.sa_family == AF_INET
            || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6, sizeof v6) == 0)
        && bind(fd, &a.any, n) == 0 && listen(fd, 4096) == 0;
    if (!good) {
        outcome o = REFUSE_SYS(E_IO, errno);
        close(fd);
        return o;
    }
    d->fd = fd;
    return DONE;
}

outcome doors_open(struct gate *g)
{
    if (g->served) {
        if (!g->doors_differ && g->n_asked == g->n_doors) return DONE;
        snprintf(g->why, 160, "other listeners were asked for: a new gate must bind them");
        return REFUSE(E_CONFLICT);
    }
    for (size_t i = 0; i < g->n_doors; i++) {
        outcome o = door_open(g, &g->doors[i]);
        if (!ok(o)) return complain(g, &g->doors[i], "cannot listen on", o);
    }
    return DONE;
}

void doors_close(struct gate *g)
{
    for (size_t i = 0; i < g->n_doors; i++)
        if (g->doors[i].fd >= 0) close(g->doors[i].fd);
    for (int l = 0; l < LISTENERS; l++)
        if (g->tls[l]) tls_context_free(g->tls[l]);
}

/* The door for people shows what the site brought for their browsers; where that cannot be used, the site's own. */
static outcome door_identity(struct gate *g, enum listener l, enum tls_client_auth auth, struct tls_context **ret)
{
    struct bytes ca = buffer_view(l == LISTENER_PEER && g->peers_ca.n ? &g->peers_ca : &g->ca);
    const struct tls_signer site = { &g->by_site, seal_side_sign }, web = { &g->by_web, seal_side_sign };
    if (l == LISTENER_HTTPS && g->web.n && ok(tls_server_new(buffer_view(&g->web), ca, auth, &web, ret))) return DONE;
    return tls_server_new(buffer_view(&g->chain), ca, auth, &site, ret);
}

outcome doors_trust(struct gate *g)
{
    static const enum tls_client_auth auth[LISTENERS] = {
        [LISTENER_MQTT] = TLS_AUTH_REQUIRED,
        [LISTENER_HTTPS] = TLS_AUTH_NONE,
        [LISTENER_EST] = TLS_AUTH_OPTIONAL,
        [LISTENER_WSS] = TLS_AUTH_REQUIRED,
        [LISTENER_PEER] = TLS_AUTH_REQUIRED,
    };
    for (size_t i = 0; i < g->n_doors; i++) {
        enum listener l = g->doors[i].listener;
        struct tls_context *fresh;
        if (gate_plain(g, l)) continue;
        outcome o = door_identity(g, l, auth[l], &fresh);
        if (!ok(o)) return complain(g, &g->doors[i], "no TLS identity for", o);
        if (g->tls[l]) tls_context_free(g->tls[l]);
        g->tls[l] = fresh;
        if (auth[l] == TLS_AUTH_REQUIRED) TRY(tls_resumption(fresh));
        /* A page or a mail client that was led here by a third party speaks something else [RFC 7301]. */
        if (listener_is_mqtt(l)) TRY(tls_protocol(fresh, l != LISTENER_WSS ? "mqtt" : "http/1.1"));
    }
    return DONE;
}

static void source_text(const union address *a, char ret[LINK_ADDRESS_MAX])
{
    const void *at = &a->v4.sin_addr;
    int family = a->any.sa_family;
    if (family == AF_INET6) {
        at = &a->v6.sin6_addr;
        /* IPv4 through a "::" listener: its plain form is the one people and caps know. */
        if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
            at = a->v6.sin6_addr.s6_addr + 12;
            family = AF_INET;
        }
    }
    if (!inet_ntop(family, at, ret, LINK_ADDRESS_MAX)) ret[0] = 0;
}

static void pause_for(struct gate *g, int ms)
{
    g->doors_closed_until_ms = g->now_ms + ms;
}

/* No descriptor left: give one up to take the newcomer and turn it away, so that it is told and
 * the queue does not stay full of the dead; then rest. */
static void no_descriptor(struct gate *g, struct door *d)
{
    pause_for(g, GATE_NO_FDS_PAUSE_MS);
    if (g->spare_fd < 0) return;
    close(g->spare_fd);
    union address a = { 0 };
    socklen_t n = sizeof a;
    char source[LINK_ADDRESS_MAX] = "";
    int fd = accept4(d->fd, &a.any, &n, SOCK_CLOEXEC);
    if (fd >= 0) {
        source_text(&a, source);
        close(fd);
        refusals_note(g->refusals, d->listener, LINK_TOO_MANY, source, g->now_ms);
    }
    g->spare_fd = fcntl(g->epoll_fd, F_DUPFD_CLOEXEC, 0);
}

/* With every handshake slot taken, the oldest unfinished one makes room, if it had its time. */
static bool make_room(struct gate *g)
{
    if (guard_may_shake(&g->guard)) return true;
    struct peer *oldest = g->queues[QUEUE_SHAKING].first;
    if (!oldest || g->now_ms - oldest->accepted_ms < GATE_OLD_SHAKE_MS) return false;
    refusals_note(g->refusals, oldest->listener, LINK_TIMEOUT, oldest->source, g->now_ms);
    peer_drop(g, oldest, LINK_END_IDLE);
    return true;
}

void doors_event(struct gate *g, struct door *d)
{
    for (int i = 0; i < GATE_ACCEPTS_A_TURN; i++) {
        union address a = { 0 };
        socklen_t n = sizeof a;
        char source[LINK_ADDRESS_MAX] = "";
        if (!gate_plain(g, d->listener) && !make_room(g)) {
            pause_for(g, GATE_PAUSE_MS);
            return;
        }
        int fd = accept4(d->fd, &a.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) no_descriptor(g, d);
        if (fd < 0 && (errno == ENOBUFS || errno == ENOMEM)) pause_for(g, GATE_NO_FDS_PAUSE_MS);
        if (fd < 0) return;
        source_text(&a, source);
        peer_accepted(g, d->listener, fd, source);
    }
}

static bool door_wanted(const struct gate *g, const struct door *d)
{
    if (!g->configured || g->now_ms < g->doors_closed_until_ms) return false;
    return gate_plain(g, d->listener) || g->seal.fd >= 0;
}

void doors_watch(struct gate *g)
{
    for (size_t i = 0; i < g->n_doors; i++) {
        struct door *d = &g->doors[i];
        bool want = door_wanted(g, d);
        if (d->fd < 0 || want == d->watched) continue;
        struct epoll_event e
            = { .events = EPOLLIN, .data.u64 = gate_tag(TAG_DOOR, (uint32_t)i) };
        if (epoll_ctl(g->epoll_fd, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, d->fd, &e) == 0)
            d->watched = want;
    }
}

int doors_wait_ms(const struct gate *g)
{
    int64_t wait = g->doors_closed_until_ms - g->now_ms;
    return wait <= 0 ? -1 : (int)wait;
}
