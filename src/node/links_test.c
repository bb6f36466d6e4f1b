/* The core's side of the gate's records, with the test as the gate: who is admitted, what a refusal costs
 * the record, that an entry is on disk when it must be, and that a gate that breaks the form loses its channel. */
#include <ftw.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/port/pass.h"
#include "base/test.h"
#include "node/core.h"

struct world {
    struct core c;
    struct channel gate; /* our end */
    char folder[64];
    uint8_t *room;
};

/* ---- a core without a seal, and a gate's end of its channel ---- */

static void open_rooms(struct core *c)
{
    struct assurance_port ap;
    struct exchange_port xp;
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    core_assurance_port(c, &ap);
    core_exchange_port(c, &xp);
    CHECK_OK(registry_new(&c->registry));
    CHECK_OK(assurance_new(&ap, &c->assurance));
    c->access = (struct access) { .registry = c->registry, .site = "w" };
    CHECK_OK(exchange_new(&c->access, &xp, &bounds, &c->exchange));
}

static void open_channel(struct world *w)
{
    int ours[CHANNEL_FDS] = { -1, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    int theirs[CHANNEL_FDS];
    CHECK_OK(port_shared_memory(channel_bytes(), &ours[0]));
    for (int i = 0; i < CHANNEL_FDS; i++) theirs[i] = dup(ours[i]);
    CHECK_OK(channel_open(&w->gate, ours, CHANNEL_GATE));
    CHECK_OK(channel_open(&w->c.gate.end, theirs, CHANNEL_CORE));
}

static void w_init(struct world *w)
{
    char dir[80];
    uint8_t key[32] = { 3 };
    uint64_t cut;
    struct core *c = &w->c;
    *w = (struct world) { .gate = CHANNEL_NONE, .room = mem_new(RING_RECORD_MAX) };
    *c = (struct core) { .control_fd = -1, .seal_fd = -1, .local_fd = -1, .scratch = BUFFER(RING_RECORD_MAX),
        .gate = { .end = CHANNEL_NONE, .backlog = BUFFER(64u << 20), .room = mem_new(RING_RECORD_MAX) } };
    config_defaults(&c->config);
    snprintf(c->config.site, sizeof c->config.site, "w");
    snprintf(w->folder, sizeof w->folder, "%s/node-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert(mkdtemp(w->folder));
    snprintf(dir, sizeof dir, "%s/ledger", w->folder);
    CHECK_OK(ledger_create(dir, "w", bytes_of(key, sizeof key)));
    CHECK_OK(ledger_open(dir, (struct ledger_wake) { 0 }, 2, &c->ledger, &cut));
    open_rooms(c);
    open_channel(w);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st, (void)kind, (void)f;
    return remove(path);
}

static void w_deinit(struct world *w)
{
    struct core *c = &w->c;
    size_t at = 0;
    struct bytes key;
    void *value;
    links_drop(c);
    channel_close(&w->gate);
    exchange_free(c->exchange);
    assurance_free(c->assurance);
    registry_free(c->registry);
    ledger_close(c->ledger);
    nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    while (map_next(&c->refusals, &at, &key, &value)) mem_free(value);
    map_deinit(&c->refusals);
    map_deinit(&c->latest);
    buffer_deinit(&c->scratch);
    buffer_deinit(&c->gate.backlog);
    mem_free(c->gate.room);
    mem_free(c->links);
    mem_free(w->room);
}

/* ---- the gate's side ---- */

static outcome gate_says(struct world *w, struct bytes record)
{
    CHECK_QUIET(ok(ring_put(&w->gate.put, &record, 1)));
    ring_flush(&w->gate.put);
    outcome o = links_drain(&w->c);
    links_flush(&w->c);
    return o;
}

/* Takes all that the core said; how many of that kind were for that link. */
static size_t core_said(struct world *w, enum link_kind kind, uint32_t link)
{
    size_t n = 0;
    for (;;) {
        struct out o = out_of(w->room, RING_RECORD_MAX);
        if (!ok(ring_take(&w->gate.get, &o))) return n;
        struct bytes in = out_view(&o);
        enum link_kind k;
        uint32_t l;
        CHECK_QUIET(ok(link_take_head(&in, &k, &l)));
        n += k == kind && l == link;
    }
}

enum { STRANGER, ENROLLED = 10, REVOKED = 20, RETIRED = 30, EXPECTED = 40 };

static outcome up(struct world *w, uint32_t link, uint8_t key, int64_t not_after_ms, bool certificate)
{
    uint8_t record[512];
    struct out o = out_of(record, sizeof record);
    struct link_up u = { .listener = LISTENER_MQTT, .source = "192.0.2.9", .has_certificate = certificate, .serial_n = 1,
        .not_after_ms = not_after_ms, .tls_version = 0x0304 };
    memset(u.key_hash, key, sizeof u.key_hash);
    link_put_up(&o, link, &u);
    return gate_says(w, out_view(&o));
}

static void register_all(struct world *w)
{
    static const struct { const char *id; uint8_t key; enum life life; enum trust trust; } rows[] = {
        { "gw-01", ENROLLED, LIFE_ENROLLED, TRUST_UNATTESTED }, { "gw-02", REVOKED, LIFE_ENROLLED, TRUST_REVOKED },
        { "gw-03", RETIRED, LIFE_RETIRED, TRUST_UNATTESTED } };
    struct arena a = ARENA(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct identity who = { .role = ROLE_DEVICE, .life = rows[i].life, .trust = rows[i].trust, .has_key = true,
            .not_after_ms = port_wall_ms() + MS_DAY };
        snprintf(who.id, sizeof who.id, "%s", rows[i].id);
        memset(who.key_hash, rows[i].key, sizeof who.key_hash);
        CHECK_OK(core_write(&w->c, ENTRY_IDENTITY, registry_doc_identity(&a, &who), true));
    }
    arena_deinit(&a);
}

static void written_is_on_disk(struct world *w)
{
    uint64_t before = ledger_durable(w->c.ledger);
    register_all(w);
    CHECK(ledger_durable(w->c.ledger) == before + 3); /* core_write(durable) returned: no loosening before its entry */
    CHECK(registry_identity(w->c.registry, "gw-01") != NULL);
}

static void only_the_allow_list_is_admitted(struct world *w)
{
    int64_t later = port_wall_ms() + MS_DAY, before = port_wall_ms() - 1;
    static const struct { const char *claim; uint8_t key; bool expired, certificate, admitted; } rows[] = {
        { "registered", ENROLLED, false, true, true },
        { "a good certificate nobody registered", STRANGER, false, true, false },
        { "revoked", REVOKED, false, true, false },
        { "retired", RETIRED, false, true, false },
        { "expired", ENROLLED, true, true, false },
        { "no certificate, whatever its hash says", ENROLLED, false, false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t link = (uint32_t)i + 1;
        printf("# %s\n", rows[i].claim);
        CHECK_OK(up(w, link, rows[i].key, rows[i].expired ? before : later, rows[i].certificate));
        CHECK(w->c.links[link].live == rows[i].admitted && w->c.links[link].session == rows[i].admitted);
        CHECK(core_said(w, rows[i].admitted ? LINK_ADMIT : LINK_CLOSE, link) == 1);
    }
}

/* A packet of a link that was never admitted, or of an old generation of its slot, goes nowhere. */
static void strangers_packets_go_nowhere(struct world *w)
{
    uint8_t record[64];
    static const uint32_t links[] = { 2, 1 | 5u << 20, 999999 };
    struct exchange_counts before, after;
    exchange_count(w->c.exchange, &before);
    for (size_t i = 0; i < 3; i++) {
        struct out o = out_of(record, sizeof record);
        link_put_head(&o, LINK_DATA, links[i]);
        put(&o, BYTES_LIT("\xC0\x00"));
        CHECK_OK(gate_says(w, out_view(&o)));
    }
    exchange_count(w->c.exchange, &after);
    CHECK(memcmp(&before, &after, sizeof before) == 0 && core_said(w, LINK_SEND, 1) == 0);
}

/* One entry per (reason, source) a minute, then a count: strangers cannot fill the record. */
static void refusals_are_counted(struct world *w)
{
    core_refusals_turn(&w->c, port_mono_ms() + MS_MINUTE + 1); /* what admission left */
    uint64_t size = ledger_size(w->c.ledger);
    for (int i = 0; i < 10000; i++) core_refused(&w->c, LISTENER_MQTT, LINK_FOREIGN_CERTIFICATE, "203.0.113.1", 1);
    CHECK(ledger_size(w->c.ledger) == size + 1);
    core_refused(&w->c, LISTENER_MQTT, LINK_NO_CERTIFICATE, "203.0.113.1", 1);
    core_refused(&w->c, LISTENER_MQTT, LINK_FOREIGN_CERTIFICATE, "203.0.113.2", 1);
    CHECK(ledger_size(w->c.ledger) == size + 3);
    core_refusals_turn(&w->c, port_mono_ms() + MS_MINUTE + 1);
    CHECK(ledger_size(w->c.ledger) == size + 4); /* what came since, once */
    CHECK_OK(ledger_sync(w->c.ledger));
    struct buffer b = BUFFER(65536);
    struct ledger_entry e;
    CHECK_OK(ledger_read(w->c.ledger, size + 3, &b, &e));
    CHECK(e.kind == ENTRY_AUDIT && memmem(e.payload.at, e.payload.n, "\"9999\"", 6) != NULL);
    for (int i = 0; i < 5000; i++) {
        char source[32];
        snprintf(source, sizeof source, "2001:db8::%x", i);
        core_refused(&w->c, LISTENER_MQTT, LINK_TLS_OTHER, source, 1);
    }
    CHECK(ledger_size(w->c.ledger) == size + 5); /* one subscriber owns the /64: one row */
    for (int i = 0; i < 5000; i++) {
        char source[32];
        snprintf(source, sizeof source, "2001:db8:0:%x::1", i + 1);
        core_refused(&w->c, LISTENER_MQTT, LINK_TLS_OTHER, source, 1);
    }
    CHECK(w->c.refusals.n <= 1200 && ledger_size(w->c.ledger) < size + 1300);
    buffer_deinit(&b);
}

/* The gate parses strangers' bytes: whatever it says out of form is refused, not guessed at. */
static void broken_records_are_refused(struct world *w)
{
    static const struct { const char *claim, *bytes; size_t n; } rows[] = { { "no head", "\x11", 1 },
        { "a kind only the core may say", "\x20\x00\x00\x00\x01", 5 }, { "an unknown kind", "\x63\x00\x00\x00\x01", 5 },
        { "a link that came up without its fields", "\x11\x00\x00\x00\x01\x00", 6 },
        { "a refusal of an unknown reason", "\x14\x00\x00\x00\x00\x00\xFF\x00\x00\x00\x01\x00\x01x", 14 },
        { "a refusal whose source is not text", "\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02\xC3\x28", 15 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("# %s\n", rows[i].claim);
        CHECK(!ok(gate_says(w, bytes_of(rows[i].bytes, rows[i].n))));
    }
}

/* A gate that does not read, with more waiting for it than may wait: nothing is left out in silence. Its channel and all
 * its links go, that is written down, and the keeper is asked for a fresh one. */
static void a_gate_that_does_not_read(struct world *w)
{
    static const uint8_t half[1 << 19];
    int keeper[2];
    char said = 0;
    CHECK_OK(port_pair(keeper));
    w->c.control_fd = keeper[0];
    CHECK_OK(up(w, 50, ENROLLED, port_wall_ms() + MS_DAY, true));
    for (int i = 0; i < 3 * 64; i++) link_send(&w->c, 50, bytes_of(half, sizeof half)); /* 96 MB */
    CHECK(w->c.gate.lost && w->c.links[50].live);
    uint64_t size = ledger_size(w->c.ledger);
    links_flush(&w->c);
    CHECK(!channel_is_open(&w->c.gate.end) && !w->c.links[50].live && w->c.gate.backlog.n == 0);
    CHECK(ledger_size(w->c.ledger) > size);
    CHECK(recv(keeper[1], &said, 1, MSG_DONTWAIT) == 1 && said == CHANNEL_BROKEN);
    channel_close(&w->gate);
    open_channel(w); /* the fresh one */
    CHECK(!w->c.gate.lost);
    CHECK_OK(up(w, 51, ENROLLED, port_wall_ms() + MS_DAY, true));
    CHECK(core_said(w, LINK_ADMIT, 51) == 1);
    w->c.control_fd = -1;
    close(keeper[0]);
    close(keeper[1]);
}

/* The same state comes out of the record at the next start. */
static void replay_makes_the_same_state(struct world *w)
{
    struct core again = { .ledger = w->c.ledger, .control_fd = -1, .seal_fd = -1, .scratch = BUFFER(RING_RECORD_MAX), .gate = { .end = CHANNEL_NONE } };
    CHECK_OK(ledger_sync(w->c.ledger));
    open_rooms(&again);
    CHECK_OK(core_replay(&again));
    const struct identity *a = registry_identity(w->c.registry, "gw-02"), *b = registry_identity(again.registry, "gw-02");
    CHECK(a && b && b->trust == TRUST_REVOKED && memcmp(a->key_hash, b->key_hash, 32) == 0);
    exchange_free(again.exchange);
    assurance_free(again.assurance);
    registry_free(again.registry);
    map_deinit(&again.latest);
    buffer_deinit(&again.scratch);
}

int main(void)
{
    static struct world w;
    w_init(&w);
    written_is_on_disk(&w);
    only_the_allow_list_is_admitted(&w);
    strangers_packets_go_nowhere(&w);
    refusals_are_counted(&w);
    broken_records_are_refused(&w);
    a_gate_that_does_not_read(&w);
    replay_makes_the_same_state(&w);
    w_deinit(&w);
    return TEST_END;
}
