/* For the gate's tests: a gate in a child process, with this process as keeper, core, seal (a
 * thread) and peers. Everything real but the site. */
#ifndef GATE_RIG_H
#define GATE_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/port/pass.h"
#include "base/port/port.h"
#include "base/test.h"
#include "crypto/init.h"
#include "crypto/tls.h"
#include "gate/gate.h"
#include "wire/channel.h"
#include "wire/link.h"
#include "wire/mqtt.h"
#include "wire/sealing.h"

enum { RIG_WAIT_MS = 5000 };

struct rig_site { /* certificates of a made-up site */
    struct key *root, *issuing, *server, *device;
    struct buffer root_pem, issuing_pem, chain, ca, device_chain;
};

struct rig {
    pid_t gate;
    int control;
    int seal; /* the seal's end */
    pthread_t sealer;
    bool sealing;
    struct channel core;
    uint16_t ports[LISTENERS];
    const char *console; /* where the console listens; NULL = 127.0.0.1 */
    struct rig_site site;
    uint8_t *record;
};

struct rig_record {
    enum link_kind kind;
    uint32_t link;
    struct bytes rest; /* in rig->record */
};

static inline void must(outcome o)
{
    if (!ok(o)) printf("Bail out! %s at %s\n", code_word(o.code), o.at ? o.at : "");
    if (!ok(o)) fflush(stdout);
    assert(ok(o));
}

static inline void rig_device(struct rig_site *s, struct key *key, int days, struct buffer *ret_chain)
{
    struct buffer spki = BUFFER(4096), der = BUFFER(8192);
    must(key_write_public_der(key, &spki));
    must(x509_make_device(
        s->issuing, buffer_view(&s->issuing_pem), buffer_view(&spki), "gw-01", days, &der));
    must(x509_der_to_pem(buffer_view(&der), ret_chain));
    must(buffer_put(ret_chain, buffer_view(&s->issuing_pem)));
    buffer_deinit(&spki);
    buffer_deinit(&der);
}

static inline void rig_site_make(struct rig_site *s)
{
    static const char *const names[] = { "localhost", "127.0.0.1" };
    const struct x509_names n = { names, 2 };
    *s = (struct rig_site) { .root_pem = BUFFER(16384), .issuing_pem = BUFFER(16384),
        .chain = BUFFER(32768), .ca = BUFFER(32768), .device_chain = BUFFER(32768) };
    must(key_new(KEY_P256, &s->root));
    must(key_new(KEY_P256, &s->issuing));
    must(key_new(KEY_P256, &s->server));
    must(key_new(KEY_P256, &s->device));
    must(x509_make_root(s->root, "test", 10, &s->root_pem));
    must(x509_make_issuing(
        s->root, buffer_view(&s->root_pem), s->issuing, "test", 5, &s->issuing_pem));
    must(x509_make_server(
        s->issuing, buffer_view(&s->issuing_pem), s->server, &n, 90, &s->chain));
    must(buffer_put(&s->chain, buffer_view(&s->issuing_pem)));
    must(buffer_put(&s->ca, buffer_view(&s->issuing_pem)));
    must(buffer_put(&s->ca, buffer_view(&s->root_pem)));
    rig_device(s, s->device, 30, &s->device_chain);
}

static inline void rig_site_free(struct rig_site *s)
{
    key_free(s->root);
    key_free(s->issuing);
    key_free(s->server);
    key_free(s->device);
    buffer_deinit(&s->root_pem);
    buffer_deinit(&s->issuing_pem);
    buffer_deinit(&s->chain);
    buffer_deinit(&s->ca);
    buffer_deinit(&s->device_chain);
}

/* RFC 8446, 4.4.3 */
static inline void *rig_seal(void *at)
{
    struct rig *r = at;
    static const char context[] = "TLS 1.3, server CertificateVerify";
    for (;;) {
        uint8_t request[256], answer[512], content[256], signature[160];
        size_t signature_n;
        ssize_t n = recv(r->seal, request, sizeof request, 0);
        if (n <= 2) return 0;
        struct out o = out_of(answer, sizeof answer), c = out_of(content, sizeof content);
        for (int i = 0; i < 64; i++) put_u8(&c, ' ');
        put(&c, bytes_of(context, sizeof context));
        put(&c, bytes_of(request + 2, (size_t)n - 2));
        must(key_sign(request[1] == SEAL_DOOR_WEB ? r->site.device : r->site.server, out_view(&c), signature, sizeof signature, &signature_n));
        put_u8(&o, request[0] == SEAL_HANDSHAKE ? OK : E_DENIED);
        put_field16(&o, bytes_of(signature, signature_n));
        if (send(r->seal, answer, o.n, MSG_NOSIGNAL) < 0) return 0;
    }
}

static inline void rig_fresh_channel(struct rig *r)
{
    int fds[3];
    channel_close(&r->core);
    must(port_shared_memory(channel_bytes(), &fds[0]));
    fds[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    fds[2] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(port_pass(r->control, CHANNEL_FRESH, fds, 3));
    must(channel_open(&r->core, fds, CHANNEL_CORE));
}

static inline void rig_seal_start(struct rig *r)
{
    int pair[2];
    must(port_pair(pair));
    r->seal = pair[0];
    assert(pthread_create(&r->sealer, 0, rig_seal, r) == 0);
    r->sealing = true;
    must(port_pass(r->control, CHANNEL_SEAL, &pair[1], 1));
    close(pair[1]);
}

static inline void rig_seal_stop(struct rig *r)
{
    if (!r->sealing) return;
    r->sealing = false;
    shutdown(r->seal, SHUT_RDWR);
    pthread_join(r->sealer, 0);
    close(r->seal);
}

static inline void rig_send(struct rig *r, enum link_kind kind, uint32_t link, struct bytes rest)
{
    uint8_t head[8];
    struct out o = out_of(head, sizeof head);
    link_put_head(&o, kind, link);
    struct bytes parts[] = { out_view(&o), rest };
    must(ring_put(&r->core.put, parts, 2));
    ring_flush(&r->core.put);
}

static inline void rig_send_u32(struct rig *r, enum link_kind kind, uint32_t link, uint32_t v)
{
    uint8_t b[4];
    struct out o = out_of(b, sizeof b);
    put_u32(&o, v);
    rig_send(r, kind, link, out_view(&o));
}

/* The next record of the gate within the time, else false. */
static inline bool rig_take(struct rig *r, int wait_ms, struct rig_record *ret)
{
    int64_t until = port_mono_ms() + wait_ms;
    for (;;) {
        struct out o = out_of(r->record, RING_RECORD_MAX);
        outcome t = ring_take(&r->core.get, &o);
        if (ok(t)) {
            struct bytes in = out_view(&o);
            must(link_take_head(&in, &ret->kind, &ret->link));
            ret->rest = in;
            return true;
        }
        assert(t.code == E_AGAIN);
        int left = (int)(until - port_mono_ms());
        struct pollfd p = { .fd = r->core.get.wake_fd, .events = POLLIN };
        if (left <= 0 || poll(&p, 1, left) == 0) return false;
        channel_woken(&r->core);
    }
}

/* Skips records until one of this kind. */
static inline bool rig_expect(struct rig *r, enum link_kind kind, struct rig_record *ret)
{
    while (rig_take(r, RIG_WAIT_MS, ret))
        if (ret->kind == kind) return true;
    return false;
}

/* Below the ports that the kernel gives to whoever connects, and apart for tests that run beside one another: between
 * here and the gate's own bind nobody else takes it. */
static inline uint16_t rig_free_port(void)
{
    static unsigned next;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    do a.sin_port = htons((uint16_t)(10240 + ((unsigned)getpid() * 64 + next++ % 64) % 10240));
    while (bind(fd, (struct sockaddr *)&a, sizeof a) != 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void rig_configure(struct rig *r, uint32_t handshakes, uint32_t connections,
    uint32_t per_source)
{
    uint8_t b[32768];
    for (int l = 0; l < LISTENERS; l++) {
        struct out o = out_of(b, sizeof b);
        put_u8(&o, (uint8_t)l);
        bool other = l == LISTENER_CONSOLE && r->console;
        put_field16(&o, bytes_str(other ? r->console : "127.0.0.1"));
        put_u16(&o, r->ports[l]);
        rig_send(r, LINK_LISTEN, 0, out_view(&o));
    }
    struct out trust = out_of(b, sizeof b);
    put_field32(&trust, buffer_view(&r->site.chain));
    put_field32(&trust, buffer_view(&r->site.ca));
    put_field32(&trust, BYTES_NONE);
    must(out_done(&trust));
    rig_send(r, LINK_TRUST, 0, out_view(&trust));
    struct out guard = out_of(b, sizeof b);
    put_u32(&guard, handshakes);
    put_u32(&guard, connections);
    put_u32(&guard, per_source);
    rig_send(r, LINK_GUARD, 0, out_view(&guard));
    rig_send(r, LINK_START, 0, BYTES_NONE);
}

static inline void rig_start_with(struct rig *r, struct gate_options o)
{
    int pair[2];
    must(crypto_init());
    *r = (struct rig) { .core = CHANNEL_NONE };
    r->record = mem_new(RING_RECORD_MAX);
    assert(r->record);
    rig_site_make(&r->site);
    for (int l = 0; l < LISTENERS; l++) r->ports[l] = rig_free_port();
    must(port_pair(pair));
    fflush(stdout);
    r->gate = fork();
    assert(r->gate >= 0);
    if (r->gate == 0) {
        char why[160];
        o.control_fd = pair[1];
        close(pair[0]);
        outcome end = gate_run(&o, why);
        if (!ok(end)) fprintf(stderr, "# gate: %s\n", why);
        if (!o.sandbox) exit(ok(end) ? 0 : 1); /* lets a leak checker speak */
        _exit(ok(end) ? 0 : 1);
    }
    close(pair[1]);
    r->control = pair[0];
    rig_fresh_channel(r);
    rig_seal_start(r);
}

static inline void rig_start(struct rig *r, int connect_ms, bool sandbox)
{
    rig_start_with(r, (struct gate_options) { .connect_ms = connect_ms, .sandbox = sandbox });
}

/* The gate's exit status after the keeper let go of it. */
static inline int rig_stop(struct rig *r)
{
    int status = -1;
    close(r->control);
    assert(waitpid(r->gate, &status, 0) == r->gate);
    rig_seal_stop(r);
    channel_close(&r->core);
    rig_site_free(&r->site);
    mem_free(r->record);
    return status;
}

/* --- peers --- */

static inline int rig_dial(const struct rig *r, enum listener l)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(r->ports[l]) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* Bytes received within the time; 0 = closed, -1 = nothing came, -2 = reset. */
static inline ssize_t rig_receive(int fd, void *to, size_t cap, int wait_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    if (poll(&p, 1, wait_ms) <= 0) return -1;
    ssize_t n = recv(fd, to, cap, 0);
    return n < 0 ? -2 : n;
}

struct rig_peer {
    int fd;
    struct tls_context *context;
    struct tls *tls;
};

static inline bool rig_peer_flush(struct rig_peer *p)
{
    struct bytes out;
    while ((out = tls_pending(p->tls)).n) {
        ssize_t n = send(p->fd, out.at, out.n, MSG_NOSIGNAL);
        if (n < 0) return false;
        tls_sent(p->tls, (size_t)n);
    }
    return true;
}

static inline bool rig_peer_more(struct rig_peer *p, int wait_ms)
{
    uint8_t b[16384];
    ssize_t n = rig_receive(p->fd, b, sizeof b, wait_ms);
    return n > 0 && ok(tls_feed(p->tls, bytes_of(b, (size_t)n)));
}

/* The handshake alone, on p->fd. */
static inline outcome rig_shake(struct rig *r, struct bytes chain, const struct key *key, struct rig_peer *p)
{
    must(tls_client_new(buffer_view(&r->site.root_pem), 0, chain, key, &p->context));
    must(tls_new(p->context, "localhost", &p->tls));
    for (;;) {
        outcome o = tls_handshake(p->tls);
        if (!rig_peer_flush(p)) return REFUSE(E_CLOSED);
        if (o.code != E_AGAIN) return o;
        if (!rig_peer_more(p, RIG_WAIT_MS)) return REFUSE(E_TIMEOUT);
    }
}

/* A handshake with this chain and key (NULL: without a certificate). */
static inline outcome rig_peer_open(struct rig *r, enum listener l, struct bytes chain,
    const struct key *key, struct rig_peer *p)
{
    *p = (struct rig_peer) { .fd = rig_dial(r, l) };
    return rig_shake(r, chain, key, p);
}

static inline bool rig_peer_write(struct rig_peer *p, struct bytes b)
{
    return ok(tls_write(p->tls, b)) && rig_peer_flush(p);
}

/* Plaintext; 0 = closed (or refused by an alert), -1 = nothing came in time. */
static inline ssize_t rig_peer_read(struct rig_peer *p, uint8_t *to, size_t cap, int wait_ms)
{
    for (;;) {
        size_t n;
        outcome o = tls_read(p->tls, to, cap, &n);
        if (ok(o)) return (ssize_t)n;
        if (o.code != E_AGAIN) return 0;
        uint8_t b[16384];
        ssize_t got = rig_receive(p->fd, b, sizeof b, wait_ms);
        if (got == -1) return -1;
        if (got <= 0 || !ok(tls_feed(p->tls, bytes_of(b, (size_t)got)))) return 0;
    }
}

/* What came is read first, as any client does: else the kernel says reset, and what was sent may be lost with it. */
static inline void rig_peer_close(struct rig_peer *p)
{
    uint8_t b[4096];
    while (recv(p->fd, b, sizeof b, MSG_DONTWAIT) > 0) continue;
    tls_free(p->tls);
    tls_context_free(p->context);
    close(p->fd);
}

static inline outcome rig_device_open(struct rig *r, struct rig_peer *p)
{
    return rig_peer_open(
        r, LISTENER_MQTT, buffer_view(&r->site.device_chain), r->site.device, p);
}

static inline struct bytes rig_connect_packet(uint8_t version, struct buffer *b)
{
    struct mqtt_connect c = { .version = version, .clean_start = true, .keep_alive_s = 30,
        .client_id = BYTES_LIT("gw-01") };
    must(mqtt_write_connect(&c, b));
    return buffer_view(b);
}

#endif
