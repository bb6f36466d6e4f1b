/* Facts the core measures about itself and about every admitted link. Each check tries the forbidden or
 * verifies the promised; none takes a component's word for it. */
#include <stdio.h>

#include "ledger/tree.h"
#include "node/core.h"

enum { SELF_EVERY_MS = 30000, ENDED_EVERY_MS = 5000, LINKS_EVERY_MS = 20 * 60 * 1000 };

void core_fact(struct core *c, const char *control, const char *asset, enum fact_result result,
    enum fact_method method, bool confirmed, const char *detail)
{
    struct fact f = { .result = result, .method = method, .authenticated = true, .confirmed = confirmed,
        .at_ms = core_wall(c) };
    snprintf(f.control, sizeof f.control, "%s", control);
    snprintf(f.asset, sizeof f.asset, "%s", asset);
    snprintf(f.detail, sizeof f.detail, "%s", detail);
    assurance_fact(c->assurance, &f, f.at_ms);
}

/* A device renews at two thirds of its certificate's life: at a quarter that is overdue (14 days at the most, as
 * the method's C5 has it for certificates that live longer). */
static int64_t near_end_ms(const struct core *c)
{
    int64_t quarter = (int64_t)c->config.certificate_days * MS_DAY / 4;
    return quarter < 14 * MS_DAY ? quarter : 14 * MS_DAY;
}

/* What a live link proves of its device: again and again, since a pass ages while the link stays up. */
void self_link_fact(struct core *c, const struct core_link *l)
{
    bool lasting = l->not_after_ms - core_wall(c) > near_end_ms(c);
    bool sound = l->tls_version == 0x0304 && lasting;
    core_fact(c, "C5", l->id, sound ? FACT_PASS : FACT_FAIL, FACT_BY_GATE, false,
        sound ? "tls13-mutual" : lasting ? "weak-session" : "certificate-near-end");
    core_fact(c, "C7", l->id, FACT_PASS, FACT_BY_GATE, false, "own-key-admitted");
}

/* A certificate that ends while its link is up ends the link: it was admitted until then. */
static void links_end(struct core *c, int64_t mono_ms)
{
    if (mono_ms < c->ended_next_ms) return;
    c->ended_next_ms = mono_ms + ENDED_EVERY_MS;
    int64_t wall_ms = core_wall(c);
    for (size_t i = 0; i < c->links_cap; i++) {
        const struct core_link *l = &c->links[i];
        if (!l->live || !l->session || l->not_after_ms > wall_ms) continue;
        core_refused(c, l->listener, LINK_EXPIRED_CERTIFICATE, l->source, 1);
        link_close(c, l->link);
    }
}

static void links_again(struct core *c, int64_t mono_ms)
{
    if (mono_ms < c->links_next_ms) return;
    c->links_next_ms = mono_ms + LINKS_EVERY_MS;
    for (size_t i = 0; i < c->links_cap; i++)
        if (c->links[i].live && c->links[i].session) self_link_fact(c, &c->links[i]);
}

/* C5 from outside: what a device's probe met at our listener. Something answered that must be refused is a
 * confirmed event; an unreachable listener proves nothing. Taps run inside the exchange, so the fact waits. */
static void on_probe(void *ctx, const struct message *m, const struct verdict *v)
{
    struct core *c = ctx;
    struct arena a = ARENA(16384);
    struct doc *d;
    (void)v;
    if (m->from && ok(doc_read_json(m->payload, &a, &d))) {
        static const char *const tried[] = { "plain", "tls12", "anonymous" };
        c->probe_seen = FACT_PASS;
        snprintf(c->probe_detail, sizeof c->probe_detail, "refused-all, seen by %s", m->from->id);
        for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
            const char *word = doc_text(d, tried[i], "");
            if (strcmp(word, "answered") == 0) c->probe_seen = FACT_FAIL;
            else if (strcmp(word, "refused") != 0 && c->probe_seen == FACT_PASS) c->probe_seen = FACT_ERROR;
            if (strcmp(word, "refused") != 0)
                snprintf(c->probe_detail, sizeof c->probe_detail, "%s %.20s, seen by %s", tried[i], word, m->from->id);
        }
        c->probe_waits = true;
    }
    arena_deinit(&a);
}

outcome self_start(struct core *c)
{
    char filter[160];
    uint32_t tap;
    snprintf(filter, sizeof filter, "sk/v1/%s/+/e/probe", c->config.site);
    return exchange_tap_new(c->exchange, NULL, bytes_str(filter), on_probe, c, &tap);
}

static void take_probe(struct core *c)
{
    if (!c->probe_waits) return;
    c->probe_waits = false;
    core_fact(c, "C5", "listener-mqtt", c->probe_seen, FACT_BY_AGENT, c->probe_seen == FACT_FAIL, c->probe_detail);
}

/* C1: a request without a session must be refused by the very handlers people use. */
static void check_service(struct core *c)
{
    static const char text[] = "GET /api/v1/devices HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct http_request r;
    struct buffer b = BUFFER(65536);
    bool stream = false, close = false;
    struct caller nobody = { .kind = CALLER_NOBODY, .listener = LISTENER_HTTPS, .source = "self-check" };
    outcome o = http_read(bytes_str(text), 0, &r);
    if (ok(o)) o = service_request(c->service, &nobody, UINT32_MAX, &r, &b, &stream, &close);
    bool refused = ok(o) && b.n > 12 && memcmp(b.at + 9, "401", 3) == 0;
    core_fact(c, "C1", "site", refused ? FACT_PASS : FACT_FAIL, FACT_BY_GATE, !refused,
        refused ? "anonymous-refused" : "anonymous-not-refused");
    buffer_deinit(&b);
}

/* C3: a device that writes another's topic must be denied by the one judging function. */
static void check_access(struct core *c)
{
    struct identity nobody = { .id = "self-check", .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_ATTESTED };
    char topic[128];
    snprintf(topic, sizeof topic, "sk/v1/%s/another-device/m/forbidden", c->config.site);
    struct question q = { .who = &nobody, .action = ACT_PUBLISH, .topic = bytes_str(topic), .now_ms = core_wall(c) };
    bool denied = access_judge(&c->access, &q).ruling == RULING_DENY;
    core_fact(c, "C3", "site", denied ? FACT_PASS : FACT_FAIL, FACT_BY_GATE, !denied,
        denied ? "foreign-topic-denied" : "foreign-topic-allowed");
}

/* The seal never signs a smaller or another tree than it once did: its refusal tells that the directory is
 * not the one that was written. A seal that is restarting tells nothing. */
static outcome seal_agrees(struct core *c, uint64_t size, const struct hash *root)
{
    struct buffer note = BUFFER(4096);
    outcome o = seal_head(c, size, root, &note);
    buffer_deinit(&note);
    return o.code == E_CONFLICT ? o : DONE;
}

/* C4: the newest durable entry reads back, and its inclusion proof leads to the root. */
static void check_ledger(struct core *c)
{
    uint64_t size;
    struct hash root, leaf, path[64];
    size_t n = 0;
    struct buffer b = BUFFER(4u << 20);
    struct ledger_entry e;
    ledger_root(c->ledger, &size, &root);
    outcome o = ledger_health(c->ledger);
    if (ok(o) && size == 0) o = REFUSE(E_MISSING);
    if (ok(o)) o = ledger_read(c->ledger, size - 1, &b, &e);
    if (ok(o)) o = ledger_prove(c->ledger, size - 1, size, path, 64, &n, &leaf);
    bool good = ok(o) && ok(tree_check(size - 1, size, &leaf, path, n, &root));
    bool changed = o.code == E_CHANGED || o.code == E_MISSING || (ok(o) && !good);
    bool set_back = c->witness.set_back, older = set_back || !ok(seal_agrees(c, size, &root));
    good = good && !older;
    core_fact(c, "C4", "site", good ? FACT_PASS : changed || older ? FACT_FAIL : FACT_ERROR, FACT_BY_GATE, changed || older,
        good ? "newest-entry-proved" : set_back ? "set-back-by-a-kept-head" : older ? "older-than-its-signed-head" : code_word(o.code));
    buffer_deinit(&b);
}

/* C10q: quotas are in force only once the gate said that it serves with them. */
static void check_quota(struct core *c)
{
    bool on = c->gate.ready && c->config.connections > 0 && c->config.handshakes > 0;
    core_fact(c, "C10q", "site", on ? FACT_PASS : FACT_ERROR, FACT_BY_GATE, false, on ? "guard-in-force" : "gate-not-ready");
}

void self_turn(struct core *c, int64_t mono_ms)
{
    take_probe(c);
    links_end(c, mono_ms);
    links_again(c, mono_ms);
    if (mono_ms < c->self_next_ms) return;
    c->self_next_ms = mono_ms + SELF_EVERY_MS;
    check_service(c);
    check_access(c);
    check_ledger(c);
    check_quota(c);
}
