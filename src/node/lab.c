#include "node/lab.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/port/pass.h"
#include "crypto/init.h"
#include "gate/gate.h"
#include "node/core.h"
#include "wire/mqtt.h"

enum { LAB_LINKS = 16384, LAB_CONNECTIONS = 10000, LAB_RECORDS_A_TURN = 4096, LAB_TURN_MS = 1000, LAB_LAST_MS = 50, CONNECT_MS = 10000,
    LINK_INDEX_BITS = 20 };

struct lab_link {
    uint32_t link;
    bool live, session;
};

struct lab {
    struct core core; /* of which the lab uses record, registry, exchange and the way to the gate */
    struct lab_link links[LAB_LINKS];
    int gate_fd;      /* the keeper's end of the gate's control socket */
    pthread_t gate;
    struct gate_options gate_options;
    outcome gate_end;
    char gate_why[160]; /* or what else keeps it from starting */
    bool gate_runs, stopping;
    int64_t until_ms; /* mono: asked to end, it serves what has come already; 0: not asked */
};

/* ---- the gate, a thread ---- */

static void *gate_thread(void *at)
{
    struct lab *l = at;
    l->gate_end = gate_run(&l->gate_options, l->gate_why);
    close(l->gate_options.control_fd); /* the loop sees the end by it */
    return NULL;
}

static outcome gate_start(struct lab *l)
{
    int pair[2], fds[CHANNEL_FDS];
    TRY(port_pair(pair));
    l->gate_fd = pair[0];
    l->gate_options = (struct gate_options) { .control_fd = pair[1], .connect_ms = CONNECT_MS, .plain = true };
    TRY(port_shared_memory(channel_bytes(), &fds[0]));
    fds[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    fds[2] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fds[1] < 0 || fds[2] < 0) return REFUSE_SYS(E_IO, errno);
    TRY(port_pass(l->gate_fd, CHANNEL_FRESH, fds, CHANNEL_FDS));
    TRY(links_attach(&l->core, fds));
    if (pthread_create(&l->gate, NULL, gate_thread, l) != 0) return REFUSE(E_MEMORY);
    l->gate_runs = true;
    return DONE;
}

static void gate_stop(struct lab *l)
{
    if (l->gate_fd >= 0) close(l->gate_fd);
    l->gate_fd = -1;
    if (l->gate_runs) pthread_join(l->gate, NULL);
    l->gate_runs = false;
}

/* ---- links ---- */

/* The lab's own word to the gate: what links.c says for the core needs a site. */
static void admit(struct lab *l, uint32_t link)
{
    uint8_t record[16];
    struct out o = out_of(record, sizeof record);
    link_put_head(&o, LINK_ADMIT, link);
    put_u32(&o, CONNECT_MS);
    struct bytes part = out_view(&o);
    (void)!ok(ring_put(&l->core.gate.end.put, &part, 1)); /* full: the link ends by the gate's deadline */
}

static struct lab_link *slot_of(struct lab *l, uint32_t link)
{
    return &l->links[(link & ((1u << LINK_INDEX_BITS) - 1)) % LAB_LINKS];
}

static void down(struct lab *l, struct lab_link *k, bool clean)
{
    k->live = false;
    if (k->session) exchange_down(l->core.exchange, k->link, clean);
    k->session = false;
}

/* With a policy its subjects are named as they name themselves: by user name, else by client id. */
static struct bytes name_of(const struct lab *l, const struct mqtt_connect *c)
{
    return l->core.grants && c->has_user ? c->user : c->client_id;
}

/* The same after a restart. */
static void id_of(const struct lab *l, struct bytes name, char id[ID_MAX])
{
    struct hash h;
    char text[65];
    if (l->core.grants && registry_id_valid(name) && ok(bytes_to_text(name, id, ID_MAX))) return;
    hash_sha256(name, &h);
    hex_of(hash_view(&h), text);
    snprintf(id, ID_MAX, "c-%.40s", text);
}

static outcome identity_of(struct lab *l, struct bytes name, const struct identity **ret)
{
    struct identity i = { .role = ROLE_OPERATOR, .life = LIFE_ENROLLED, .trust = TRUST_ATTESTED };
    uint64_t index;
    id_of(l, name, i.id);
    *ret = registry_identity(l->core.registry, i.id);
    if (*ret) return DONE;
    struct arena a = ARENA(65536);
    struct doc *d = registry_doc_identity(&a, &i);
    l->core.scratch.n = 0;
    outcome o = d ? doc_write_json(d, &l->core.scratch) : REFUSE(E_MEMORY);
    if (ok(o)) o = ledger_append(l->core.ledger, ENTRY_IDENTITY, port_wall_ms(), buffer_view(&l->core.scratch), &index);
    if (ok(o)) o = registry_apply(l->core.registry, ENTRY_IDENTITY, d, port_wall_ms());
    arena_deinit(&a);
    if (ok(o)) *ret = registry_identity(l->core.registry, i.id);
    return o;
}

static outcome first_packet(struct lab *l, struct lab_link *k, struct bytes packet)
{
    struct mqtt_connect c;
    const struct identity *who = NULL;
    uint8_t reason;
    TRY(mqtt_read_connect(packet, &c, &reason));
    TRY(identity_of(l, name_of(l, &c), &who));
    TRY(exchange_up(l->core.exchange, k->link, who));
    k->session = true;
    return DONE;
}

static void on_data(struct lab *l, uint32_t link, struct bytes packet)
{
    struct lab_link *k = slot_of(l, link);
    if (!k->live || k->link != link) return;
    outcome o = k->session ? DONE : first_packet(l, k, packet);
    if (ok(o)) o = exchange_packet(l->core.exchange, link, packet);
    if (!ok(o)) link_close(&l->core, link);
}

static outcome on_record(struct lab *l, struct bytes in)
{
    enum link_kind kind;
    uint32_t link;
    uint8_t end;
    TRY(link_take_head(&in, &kind, &link));
    struct lab_link *k = slot_of(l, link);
    switch (kind) {
    case LINK_UP:
        if (k->live) down(l, k, false);
        *k = (struct lab_link) { .link = link, .live = true };
        admit(l, link);
        return DONE;
    case LINK_DATA: on_data(l, link, in); return DONE;
    case LINK_DOWN:
        TRY(take_u8(&in, &end));
        if (k->live && k->link == link) down(l, k, end == LINK_END_ASKED);
        return DONE;
    case LINK_READY:
    case LINK_REFUSED:
    case LINK_BEHIND: return DONE;
    default: return REFUSE(E_MALFORMED);
    }
}

static outcome drain(struct lab *l, bool *ret_more)
{
    *ret_more = false;
    channel_woken(&l->core.gate.end);
    for (int i = 0; i < LAB_RECORDS_A_TURN; i++) {
        struct out o = out_of(l->core.gate.room, RING_RECORD_MAX);
        outcome taken = ring_take(&l->core.gate.end.get, &o);
        if (taken.code == E_AGAIN) return DONE;
        TRY(taken);
        TRY(on_record(l, out_view(&o)));
    }
    *ret_more = true;
    return DONE;
}

/* ---- start ---- */

static void on_durable(void *ctx)
{
    struct lab *l = ctx;
    uint64_t one = 1;
    (void)!write(l->core.durable_fd, &one, sizeof one);
}

/* What a suite provokes on purpose is not written down. */
static void tell_nobody(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h)
{
    (void)ctx, (void)what, (void)m, (void)v, (void)h;
}

static bool exists(const char *dir, const char *name)
{
    char path[600];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &s) == 0;
}

/* For the suites that ask a server to refuse a subscription. */
static const char *const closed[] = { "test/nosubscribe", "nosubscribe", NULL };

enum { GRANTS_BYTES = 4 << 20 };

static outcome read_grants(struct lab *l, const char *path)
{
    struct arena a = ARENA(GRANTS_BYTES * 4);
    struct buffer b = BUFFER(GRANTS_BYTES);
    struct grants_error error = { .text = "not the JSON that `sekimori grant new FILE --out` writes" };
    struct doc *d = NULL;
    size_t n = 0;
    outcome o = port_file_load(path, GRANTS_BYTES, &b);
    if (!ok(o)) snprintf(error.text, sizeof error.text, "%s", o.sys ? strerror(o.sys) : "cannot be read");
    if (ok(o)) o = doc_read_json(buffer_view(&b), &a, &d);
    if (ok(o)) o = grants_read(d, &l->core.grants, &error, 1, &n);
    if (!ok(o)) snprintf(l->gate_why, sizeof l->gate_why, "%.60s: %.90s", path, error.text);
    buffer_deinit(&b);
    arena_deinit(&a);
    return ok(o) ? DONE : REFUSE(E_CONFIG);
}

static outcome open_rooms(struct lab *l)
{
    struct core *c = &l->core;
    struct exchange_port xp;
    struct assurance_port ap;
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    core_assurance_port(c, &ap);
    core_exchange_port(c, &xp);
    xp.tell = tell_nobody;
    bounds.keep_alive_s = 60;
    bounds.inflight = 20;   /* at most 100: a suite's burst must meet it */
    bounds.queue = 100000;
    bounds.session_expiry_s = UINT32_MAX;
    bounds.topic_bytes = MQTT_TOPIC_MAX;
    bounds.levels = MQTT_LEVELS_MAX;
    bounds.alias_in = 10;
    TRY(registry_new(&c->registry));
    TRY(assurance_new(&ap, &c->assurance)); /* replay passes through it; it judges nothing here */
    c->access = (struct access) { .registry = c->registry, .site = "lab", .open = true, .closed = closed, .grants = c->grants };
    if (c->grants) snprintf(c->access.site, sizeof c->access.site, "%s", grants_site(c->grants));
    TRY(judged_new(&c->access.judged));
    return exchange_new(&c->access, &xp, &bounds, &c->exchange);
}

static outcome declare(struct core *c, const struct stream *s)
{
    struct arena a = ARENA(65536);
    uint64_t index;
    struct doc *d = registry_doc_stream(&a, s);
    c->scratch.n = 0;
    outcome o = d ? doc_write_json(d, &c->scratch) : REFUSE(E_MEMORY);
    if (ok(o)) o = ledger_append(c->ledger, ENTRY_STREAM, port_wall_ms(), buffer_view(&c->scratch), &index);
    if (ok(o)) o = registry_apply(c->registry, ENTRY_STREAM, d, port_wall_ms());
    arena_deinit(&a);
    return o;
}

/* Every topic is of a recorded stream, an acknowledgement means "on disk" here too, but of those that only pass. */
static outcome declare_all(struct core *c, const char *passing)
{
    struct stream all = { .name = "all", .pattern = "#", .label = "public", .recorded = true };
    struct stream only = { .name = "passing", .label = "public" };
    TRY(declare(c, &all));
    if (!passing) return DONE;
    TRY(bytes_to_text(bytes_str(passing), only.pattern, sizeof only.pattern));
    return declare(c, &only);
}

static outcome open_record(struct lab *l, const char *passing)
{
    struct core *c = &l->core;
    char dir[600];
    uint8_t nobodys_key[32]; /* heads are not signed here, and nobody could */
    uint64_t cut;
    snprintf(dir, sizeof dir, "%s/ledger", c->state);
    port_random(nobodys_key, sizeof nobodys_key);
    bool fresh = !exists(c->state, "ledger");
    if (fresh) TRY(ledger_create(dir, "sekimorid-lab", bytes_of(nobodys_key, sizeof nobodys_key)));
    TRY(ledger_open(dir, (struct ledger_wake) { l, on_durable }, c->config.commit_window_ms, &c->ledger, &cut));
    if (fresh) return declare_all(c, passing);
    return core_replay(c);
}

static outcome watch(struct lab *l, int fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(l->core.epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? DONE : REFUSE_SYS(E_IO, errno);
}

/* Before any thread is made, so that the loop alone hears of them. */
static outcome signals(struct lab *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return REFUSE(E_IO);
    l->core.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->core.signal_fd >= 0 ? watch(l, l->core.signal_fd) : REFUSE_SYS(E_IO, errno);
}

static void configure(struct config *c, const struct lab_options *o)
{
    config_defaults(c);
    memset(c->listen, 0, sizeof c->listen);
    c->listen[LISTENER_MQTT] = (struct address) { "127.0.0.1", o->port };
    c->listen[LISTENER_WSS] = (struct address) { "127.0.0.1", o->ws_port };
    c->connections = c->per_source = LAB_CONNECTIONS;
}

static outcome lab_open(struct lab *l, const struct lab_options *o)
{
    struct core *c = &l->core;
    *c = (struct core) { .control_fd = -1, .seal_fd = -1, .local_fd = -1, .signal_fd = -1,
        .scratch = BUFFER(RING_RECORD_MAX), .read = BUFFER(LEDGER_PAYLOAD_MAX + 64), .read_session = BUFFER(65536 + 8), .gate = { .end = CHANNEL_NONE, .backlog = BUFFER(64u << 20) } };
    configure(&c->config, o);
    snprintf(c->state, sizeof c->state, "%s", o->state);
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->durable_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->gate.room = mem_new(RING_RECORD_MAX);
    if (c->epoll_fd < 0 || c->durable_fd < 0 || !c->gate.room) return REFUSE_SYS(E_IO, errno);
    TRY(crypto_init());
    if (o->grants) TRY(read_grants(l, o->grants));
    TRY(port_dir_make(c->state, 0700));
    TRY(signals(l));
    TRY(open_rooms(l));
    TRY(open_record(l, o->passing));
    TRY(gate_start(l));
    TRY(watch(l, c->durable_fd));
    TRY(watch(l, l->gate_fd));
    return watch(l, c->gate.end.get.wake_fd);
}

/* ---- the loop ---- */

static int due(struct lab *l)
{
    struct core *c = &l->core;
    int wait = exchange_turn(c->exchange), commit = ledger_turn(c->ledger, port_mono_ms(), false);
    if (wait < 0 || wait > LAB_TURN_MS) wait = LAB_TURN_MS;
    if (l->until_ms && wait > LAB_LAST_MS) wait = LAB_LAST_MS;
    if (commit >= 0 && commit < wait) wait = commit;
    exchange_durable(c->exchange, ledger_durable(c->ledger));
    l->stopping |= c->gate.lost; /* its gate is a thread: there is no other */
    links_flush(c);
    return c->gate.backlog.n ? 1 : wait;
}

static void asked_to_end(struct lab *l)
{
    struct signalfd_siginfo s;
    while (read(l->core.signal_fd, &s, sizeof s) == sizeof s)
        if (!l->until_ms) l->until_ms = port_mono_ms() + LAB_LAST_MS;
}

static bool ended(const struct lab *l)
{
    return l->stopping || (l->until_ms && port_mono_ms() >= l->until_ms);
}

static void event(struct lab *l, int fd, bool *more)
{
    uint64_t n;
    if (fd == l->core.durable_fd) (void)!read(fd, &n, sizeof n);
    else if (fd == l->core.signal_fd) asked_to_end(l);
    else if (fd == l->gate_fd) l->stopping = true;
    else if (!ok(drain(l, more))) l->stopping = true;
}

static outcome serve(struct lab *l)
{
    bool more = false;
    while (!ended(l)) {
        struct epoll_event events[8];
        int wait = due(l);
        int n = epoll_wait(l->core.epoll_fd, events, 8, more ? 0 : wait);
        if (n < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
        if (more) event(l, l->core.gate.end.get.wake_fd, &more);
        for (int i = 0; i < n; i++) event(l, events[i].data.fd, &more);
    }
    return DONE;
}

static void lab_close(struct lab *l)
{
    struct core *c = &l->core;
    gate_stop(l);
    if (c->exchange)
        for (size_t i = 0; i < LAB_LINKS; i++)
            if (l->links[i].live) down(l, &l->links[i], false);
    channel_close(&c->gate.end);
    if (c->ledger) ledger_close(c->ledger);
    exchange_free(c->exchange);
    assurance_free(c->assurance);
    registry_free(c->registry);
    grants_free(c->grants);
    judged_free(c->access.judged);
    map_deinit(&c->retained);
    buffer_deinit(&c->scratch);
    buffer_deinit(&c->read);
    buffer_deinit(&c->read_session);
    buffer_deinit(&c->gate.backlog);
    mem_free(c->gate.room);
    close(c->epoll_fd);
    close(c->durable_fd);
    if (c->signal_fd >= 0) close(c->signal_fd);
}

outcome lab_run(const struct lab_options *o, char ret_why[160])
{
    if (exists(o->state, "keys") || exists(o->state, "sekimori.conf")) {
        snprintf(ret_why, 160, "a site lives in this directory (keys, sekimori.conf): not for the lab");
        return REFUSE(E_DENIED);
    }
    struct lab *l = mem_new(sizeof *l);
    if (!l) return REFUSE(E_MEMORY);
    l->gate_fd = -1;
    outcome end = lab_open(l, o);
    if (ok(end)) end = serve(l);
    lab_close(l);
    if (ok(end)) end = l->gate_end;
    snprintf(ret_why, 160, "%s", l->gate_why[0] ? l->gate_why : ok(end) ? "" : end.sys ? strerror(end.sys) : code_word(end.code));
    mem_free(l);
    return end;
}
