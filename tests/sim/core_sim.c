#include "core_sim.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/learn.h"
#include "node/work.h"
#include "record_sim.h"

static outcome first_head(const struct key *key)
{
    struct ledger *l;
    struct note n = { .origin = "s" };
    struct buffer b = BUFFER(NOTE_BYTES_MAX);
    TRY(sim_record_open("/s/ledger", &l));
    ledger_root(l, &n.size, &n.root);
    outcome o = note_make(&n, key, &b);
    if (ok(o)) o = ledger_publish(l, buffer_view(&b), port_mono_ms(), 0);
    sim_record_drop(l);
    buffer_deinit(&b);
    return o;
}

/* The key is nobody's afterwards: there is no seal. */
outcome core_sim_make(void)
{
    struct key *key;
    TRY(key_new(KEY_ED25519, &key));
    outcome o = sim_record_make("/s/ledger", "s", key, 65536);
    if (ok(o)) o = first_head(key);
    key_free(key);
    return o;
}

outcome core_sim_open(struct core *c)
{
    char why[USER_WHY];
    *c = (struct core) { .control_fd = -1, .seal_fd = -1, .local_fd = -1, .signal_fd = -1, .epoll_fd = -1, .durable_fd = -1, .confined = "",
        .state = "/s", .scratch = BUFFER(RING_RECORD_MAX), .read = BUFFER(LEDGER_PAYLOAD_MAX + 64), .read_session = BUFFER(65536 + 8),
        .gate = { .end = CHANNEL_NONE, .backlog = BUFFER(64u << 20) } };
    config_defaults(&c->config);
    snprintf(c->config.site, sizeof c->config.site, "s");
    c->config.console_dir[0] = 0;
    for (size_t i = 0; i < LOCAL_MAX; i++) c->local[i].fd = -1;
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->durable_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->gate.room = mem_new(RING_RECORD_MAX);
    if (c->epoll_fd < 0 || c->durable_fd < 0 || !c->gate.room) return REFUSE(E_MEMORY);
    TRY(core_rooms(c));
    TRY(sim_record_open("/s/ledger", &c->ledger));
    TRY(core_begin(c, 0));
    TRY(users_passwords_open(c->users, "/s/core/passwords", why));
    TRY(core_serve(c));
    return core_start(c);
}

static void maps_free(struct core *c)
{
    struct bytes key;
    void *value;
    for (size_t at = 0; map_next(&c->challenges, &at, &key, &value);) {
        buffer_deinit(&((struct challenge *)value)->evidence);
        mem_free(value);
    }
    for (size_t at = 0; map_next(&c->refusals, &at, &key, &value);) mem_free(value);
    map_deinit(&c->challenges);
    map_deinit(&c->refusals);
}

void core_sim_close(struct core *c)
{
    for (size_t i = 0; i < LOCAL_MAX; i++) {
        if (c->local[i].fd < 0) continue;
        close(c->local[i].fd);
        buffer_deinit(&c->local[i].in);
        buffer_deinit(&c->local[i].out);
    }
    core_rooms_free(c);
    if (c->ledger) sim_record_drop(c->ledger);
    maps_free(c);
    mem_free(c->gate.room);
    mem_free(c->links);
    struct buffer *all[] = { &c->gate.backlog, &c->scratch, &c->read, &c->read_session, &c->ca_chain, &c->server_chain, &c->tpm_roots };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buffer_deinit(all[i]);
    if (c->epoll_fd >= 0) close(c->epoll_fd);
    if (c->durable_fd >= 0) close(c->durable_fd);
}
