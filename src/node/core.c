/* Start, loop, stop. Order in a turn: what arrived, what is due, what is durable, one flush. */
#include "node/core.h"
#include "node/alerts.h"
#include "node/checks.h"
#include "node/emergency.h"
#include "node/incident.h"
#include "node/learn.h"
#include "node/work.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONTROL_FD = 3, HEAD_EVERY_MS = 1000, HEAD_HOLD_MS = 5000, REFUSALS_EVERY_MS = 5000, SERVER_RENEW_DAYS = 30 };

static void on_durable(void *ctx)
{
    struct core *c = ctx;
    uint64_t one = 1;
    (void)!write(c->durable_fd, &one, sizeof one);
}

static outcome watch_fd(struct core *c, int fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? REFUSE_SYS(E_IO, errno) : DONE;
}

/* ---- the clock ---- */

int64_t core_wall(struct core *c)
{
    int64_t jump, now = steady_look(&c->clock, port_wall_ms(), port_mono_ms(), &jump);
    c->jumped_ms += jump;
    return now;
}

static void audit_clock(struct core *c, const char *what, int64_t by_ms)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)by_ms);
    core_audit(c, what, "by_ms", text, NULL);
}

static void clock_turn(struct core *c)
{
    if (!c->jumped_ms) return;
    audit_clock(c, "clock-jumped", c->jumped_ms);
    c->jumped_ms = 0;
}

/* The newest entry is of a later day than this: the clock was set back while nobody ran. Order is that of the record. */
static void clock_start(struct core *c)
{
    struct ledger_entry e;
    uint64_t size = ledger_size(c->ledger);
    if (!size || !ok(ledger_read(c->ledger, size - 1, &c->read, &e))) return;
    if (e.at_ms - core_wall(c) >= CLOCK_JUMP_MS) audit_clock(c, "clock-set-back", core_wall(c) - e.at_ms);
}

/* ---- the service's port ---- */

static int64_t s_wall(void *ctx)
{
    return core_wall(ctx);
}

static int64_t s_mono(void *ctx)
{
    (void)ctx;
    return port_mono_ms();
}

static outcome s_write(void *ctx, unsigned kind, const struct doc *d, bool durable)
{
    return core_write(ctx, kind, d, durable);
}

static outcome s_certify(void *ctx, const char *id, struct bytes spki, struct buffer *ret_der)
{
    struct core *c = ctx;
    return seal_device(c, id, spki, c->config.certificate_days, ret_der);
}

static outcome s_certify_status(void *ctx, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret_der)
{
    return seal_status(ctx, which, ocsp, r, ret_der);
}

static bool s_origin(void *ctx, const char *id, struct origin_count *ret)
{
    return origin_counted(ctx, id, ret);
}

static outcome s_challenge(void *ctx, const char *id)
{
    return attest_ask(ctx, id);
}

static outcome s_evidence(void *ctx, const char *id, struct bytes *ret_json, const uint8_t **ret_nonce,
    const char **ret_word, int64_t *ret_at_ms)
{
    const struct challenge *ch = attest_of(ctx, id);
    if (!ch || !ch->answered_ms) return REFUSE(E_UNKNOWN);
    *ret_json = buffer_view(&ch->evidence);
    *ret_nonce = ch->nonce;
    *ret_word = appraisal_word(ch->last);
    *ret_at_ms = ch->answered_ms;
    return DONE;
}

static outcome s_head(void *ctx)
{
    struct core *c = ctx;
    TRY(ledger_sync(c->ledger));
    return core_seal_head(c, HEAD_HOLD_MS);
}

static void s_push(void *ctx, uint32_t link, struct bytes b)
{
    link_send(ctx, link, b);
}

static void s_close(void *ctx, uint32_t link)
{
    link_close(ctx, link);
}

static void s_refused(void *ctx, enum listener l, enum link_refusal why, const char *source)
{
    core_refused(ctx, l, why, source, 1);
}

static outcome s_prune(void *ctx, const struct ledger_rule *rule, const char *why, const char *by, struct ledger_prunable *ret)
{
    return keep_prune(ctx, rule, why, by, ret);
}

/* Only the seal reads keys, and only when it starts: another one is started, which costs no link that stands. */
static outcome s_certificate_again(void *ctx, const char *by)
{
    static const char again = (char)CHANNEL_SEAL_AGAIN;
    struct core *c = ctx;
    core_audit(c, "certificate-again", "by", by, NULL);
    return send(c->control_fd, &again, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? DONE : REFUSE_SYS(E_AGAIN, errno);
}

static void s_certificates(void *ctx, struct bytes *ret_site, struct bytes *ret_web)
{
    const struct core *c = ctx;
    *ret_site = buffer_view(&c->server_chain);
    *ret_web = buffer_view(&c->web_chain);
}

static outcome s_erase(void *ctx, const char *id, const char *reason, const char *by)
{
    return keep_erase(ctx, id, reason, by);
}

static outcome s_cause_step(void *ctx, const struct service_alert_step *s)
{
    return alerts_step(ctx, &(struct alert_step) { s->cause, s->step, s->by, s->reason, s->until_ms });
}

static outcome s_reaction_judge(void *ctx, const struct doc *d, char why[REACTION_WHY])
{
    return react_judge(ctx, d, why);
}

static void service_port_fill(struct core *c, struct service_port *p)
{
    *p = (struct service_port) { .ctx = c, .ledger = c->ledger, .history = c->history, .registry = c->registry, .exchange = c->exchange,
        .assurance = c->assurance, .access = &c->access, .site = c->config.site, .site_name_ja = c->config.name_ja,
        .site_name_en = c->config.name_en, .host = c->config.host, .est_port = c->config.listen[LISTENER_EST].port,
        .mqtt_port = c->config.listen[LISTENER_MQTT].port, .console_port = c->config.listen[LISTENER_CONSOLE].port,
        .ca_chain = &c->ca_chain, .tpm_roots_pem = buffer_view(&c->tpm_roots), .console_dir = c->config.console_dir, .wall_ms = s_wall,
        .mono_ms = s_mono, .write = s_write, .certify = s_certify, .origin = s_origin, .certify_status = s_certify_status, .challenge = s_challenge, .evidence = s_evidence, .head = s_head,
        .push = s_push, .close = s_close, .wake = on_durable, .users = c->users,
        .https_port = c->config.listen[LISTENER_HTTPS].port, .refused = s_refused, .grants = core_grants, .latest = latest_find,
        .agreement = core_agreement, .peers = core_peers, .peer_change = core_peer_change, .statement = core_statement, .prune = s_prune, .erase = s_erase, .certificates = s_certificates, .certificate_again = s_certificate_again,
        .alerts = learn_alerts, .checks = checks_doc, .observed = learn_observed, .causes = alerts_causes, .cause_step = s_cause_step, .works = &c->works, .emergencies = &c->emergencies, .improvement = &c->improvement, .incidents = &c->incidents, .permit = core_permit, .checklists = &c->checklists, .checklist = core_checklist, .reactions = &c->reactions, .reaction_rule = core_reaction_rule, .reaction_judge = s_reaction_judge };
}

/* ---- control messages of the keeper ---- */

/* The gate shows its whole chain, so that a joining device can pin the CA's key. */
static outcome take_public(struct core *c)
{
    struct seal_public p;
    TRY(seal_public(c, &p));
    struct buffer before = c->ca_chain;
    buffer_deinit(&c->server_chain);
    c->ca_chain = p.ca_chain;
    authorities_changed(c, buffer_view(&before));
    buffer_deinit(&before);
    buffer_deinit(&c->web_chain);
    c->server_chain = p.server;
    c->web_chain = p.web;
    memcpy(c->ledger_key, p.ledger_key, sizeof c->ledger_key);
    return buffer_put(&c->server_chain, buffer_view(&c->ca_chain));
}

static bool server_near_end(struct core *c)
{
    struct x509_facts f, by;
    if (!ok(x509_facts_pem(buffer_view(&c->server_chain), &f)) || !ok(x509_facts_pem(buffer_view(&c->ca_chain), &by))) return true;
    return memcmp(f.by_key_id, by.key_id, sizeof by.key_id) != 0 || f.not_after_ms - core_wall(c) < SERVER_RENEW_DAYS * MS_DAY;
}

/* The seal keeps a renewed server certificate in memory only: ask at every new seal, and every day. */
static outcome server_renew(struct core *c)
{
    c->server_next_ms = port_mono_ms() + MS_DAY;
    if (!server_near_end(c)) return DONE;
    TRY(seal_server(c));
    TRY(take_public(c));
    return channel_is_open(&c->gate.end) ? links_trust(c) : DONE;
}

static outcome seal_attach(struct core *c, int fd)
{
    if (c->seal_fd >= 0) close(c->seal_fd);
    c->seal_fd = fd;
    c->seal_owed = 0;
    c->seal_quiet_ms = 0;
    TRY(take_public(c));
    TRY(server_renew(c));
    return channel_is_open(&c->gate.end) ? links_trust(c) : DONE; /* it may have come with another certificate for people */
}

static outcome on_control(struct core *c)
{
    char kind;
    int fds[CHANNEL_FDS];
    TRY(channel_receive(CONTROL_FD, &kind, fds));
    if (kind == CHANNEL_SEAL) return seal_attach(c, fds[0]);
    if (kind == CHANNEL_COURIER && c->peers) {
        TRY(peers_attach(c, fds));
        return watch_fd(c, peers_wake_fd(c));
    }
    if (kind != CHANNEL_FRESH) return REFUSE(E_MALFORMED);
    TRY(links_attach(c, fds));
    return watch_fd(c, c->gate.end.get.wake_fd);
}

/* The first 's' must come before the site can start: it carries the CA. */
static outcome await_seal(struct core *c)
{
    while (c->seal_fd < 0) {
        char kind;
        int fds[CHANNEL_FDS];
        outcome o = channel_receive(CONTROL_FD, &kind, fds);
        if (o.code == E_AGAIN) {
            usleep(1000);
            continue;
        }
        TRY(o);
        if (kind == CHANNEL_SEAL) TRY(seal_attach(c, fds[0]));
        else if (kind == CHANNEL_FRESH) memcpy(c->first_channel, fds, sizeof fds);
        else return REFUSE(E_MALFORMED);
    }
    return DONE;
}

/* ---- start ---- */

outcome core_rooms(struct core *c)
{
    struct assurance_port ap;
    struct exchange_port xp;
    struct exchange_bounds bounds = EXCHANGE_BOUNDS;
    core_assurance_port(c, &ap);
    core_exchange_port(c, &xp);
    bounds.sessions = c->config.connections;
    TRY(registry_new(&c->registry));
    TRY(users_new(&c->users));
    TRY(assurance_new(&ap, &c->assurance));
    c->access = (struct access) { .registry = c->registry };
    TRY(judged_new(&c->access.judged));
    TRY(values_new(&c->access.values));
    snprintf(c->access.site, sizeof c->access.site, "%s", c->config.site);
    return exchange_new(&c->access, &xp, &bounds, &c->exchange);
}

/* `sekimori backup restore` left a word: from which head this site was made again. It becomes an entry, once. */
static void tell_restored(struct core *c)
{
    char path[600], size[24];
    struct arena a = ARENA(65536);
    struct buffer b = BUFFER(65536);
    struct doc *d = NULL;
    snprintf(path, sizeof path, "%s/core/restored.json", c->state);
    outcome o = port_file_load(path, 65536, &b);
    if (ok(o)) o = doc_read_json(buffer_view(&b), &a, &d);
    if (ok(o)) {
        snprintf(size, sizeof size, "%lld", (long long)doc_int(d, "signed", 0));
        core_audit(c, "restored", "from_backup_of", doc_text(d, "at", ""), "head", doc_text(d, "head", ""), "signed", size, NULL);
        o = ledger_sync(c->ledger);
    }
    if (ok(o)) (void)!ok(port_file_remove(path));
    buffer_deinit(&b);
    arena_deinit(&a);
}

outcome core_begin(struct core *c, uint64_t cut)
{
    char cut_text[24];
    TRY(learn_open(c));
    TRY(alerts_open(c));
    TRY(checks_open(c));
    TRY(core_replay(c));
    clock_start(c);
    TRY(core_grants_default(c));
    core_registry_changed(c);
    snprintf(cut_text, sizeof cut_text, "%llu", (unsigned long long)cut);
    core_audit(c, "started", "torn_bytes_cut", cut_text, "confined", c->confined, NULL);
    tell_restored(c);
    return DONE;
}

static outcome open_ledger(struct core *c)
{
    char dir[600];
    uint64_t cut = 0;
    snprintf(dir, sizeof dir, "%s/ledger", c->state);
    TRY(ledger_open(dir, (struct ledger_wake) { c, on_durable }, c->config.commit_window_ms, &c->ledger, &cut));
    TRY(core_begin(c, cut));
    snprintf(dir, sizeof dir, "%s/core/history", c->state);
    return history_open(c->ledger, dir, &c->history); /* after replay: what was given up is known */
}

/* A file of passwords that is not as it must be refuses the start: better nobody's password than a stranger's. */
static outcome open_passwords(struct core *c)
{
    char path[600], why[USER_WHY];
    snprintf(path, sizeof path, "%s/core/passwords", c->state);
    outcome o = users_passwords_open(c->users, path, why);
    if (ok(o)) return o;
    fprintf(stderr, "error[SK-0103]: %s: %s\n  try: restore it from a backup; or put the one line \"forgotten\" into it (chmod 600) and give "
        "people new links: sekimori user link ID\n", path, why[0] ? why : code_word(o.code));
    return o;
}

/* Before any thread is made: a thread that does not block SIGTERM would be killed by it, and the head of
 * the stop never signed. */
static outcome signals(struct core *c)
{
    sigset_t set;
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a refused write like any other */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return c->signal_fd < 0 ? REFUSE_SYS(E_IO, errno) : watch_fd(c, c->signal_fd);
}

/* STATE/tpm-roots.pem: makers of TPMs that this site trusts. Without it no endorsement is judged. */
static outcome tpm_roots_load(struct core *c)
{
    char path[600];
    snprintf(path, sizeof path, "%s/tpm-roots.pem", c->state);
    c->tpm_roots = BUFFER(ENDORSEMENT_ROOTS_MAX);
    outcome o = port_file_load(path, ENDORSEMENT_ROOTS_MAX, &c->tpm_roots);
    return o.code == E_MISSING ? DONE : o;
}

outcome core_serve(struct core *c)
{
    struct service_port sp;
    service_port_fill(c, &sp);
    return service_new(&sp, &c->service);
}

outcome core_start(struct core *c)
{
    TRY(assurance_start(c->assurance, core_wall(c)));
    TRY(peers_start(c));
    TRY(attest_start(c));
    TRY(self_start(c));
    TRY(origin_start(c));
    return witness_start(c);
}

outcome core_open(struct core *c, const char *state, const struct config *config)
{
    *c = (struct core) { .config = *config, .control_fd = CONTROL_FD, .seal_fd = -1, .local_fd = -1,
        .first_channel = { -1, -1, -1 }, .scratch = BUFFER(RING_RECORD_MAX), .read = BUFFER(LEDGER_PAYLOAD_MAX + 64), .read_session = BUFFER(65536 + 8), .gate = { .end = CHANNEL_NONE, .backlog = BUFFER(64u << 20) } };
    snprintf(c->state, sizeof c->state, "%s", state);
    TRY(tpm_roots_load(c)); /* a file of the site that core may not change: read before it is confined */
    TRY(core_confine(state, config, &c->confined));
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->durable_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->gate.room = mem_new(RING_RECORD_MAX);
    if (c->epoll_fd < 0 || c->durable_fd < 0 || !c->gate.room) return REFUSE_SYS(E_IO, errno);
    TRY(signals(c));
    TRY(await_seal(c));
    TRY(core_rooms(c));
    TRY(open_ledger(c));
    TRY(open_passwords(c));
    TRY(core_serve(c));
    TRY(core_start(c));
    TRY(local_open(c));
    TRY(watch_fd(c, c->local_fd));
    TRY(watch_fd(c, CONTROL_FD));
    TRY(watch_fd(c, c->durable_fd));
    if (c->first_channel[0] < 0) return DONE;
    TRY(links_attach(c, c->first_channel));
    return watch_fd(c, c->gate.end.get.wake_fd);
}

/* ---- the loop ---- */

static int sooner(int a, int b)
{
    if (a < 0) return b;
    return b < 0 || a < b ? a : b;
}

static void head_turn(struct core *c, int64_t mono_ms)
{
    if (mono_ms < c->seal_next_ms) return;
    c->seal_next_ms = mono_ms + HEAD_EVERY_MS;
    (void)!ok(core_seal_head(c, HEAD_HOLD_MS)); /* the seal may be restarting: the next second tries again */
}

int core_due(struct core *c)
{
    int64_t mono = port_mono_ms(), wall = core_wall(c);
    int wait = HEAD_EVERY_MS;
    clock_turn(c);
    wait = sooner(wait, attest_turn(c, mono));
    wait = sooner(wait, assurance_turn(c->assurance, wall));
    wait = sooner(wait, exchange_turn(c->exchange));
    wait = sooner(wait, service_turn(c->service));
    if (witness_turn(c)) wait = 0;
    self_turn(c, mono);
    learn_turn(c, wall);
    work_turn(c, wall);
    emergency_turn(c, wall);
    incident_turn(c, wall);
    react_turn(c, wall);
    forms_turn(c);
    origin_turn(c, mono);
    checks_turn(c, mono);
    alerts_turn(c, wall, mono);
    keep_turn(c, mono);
    if (mono >= c->server_next_ms && !ok(server_renew(c))) c->server_next_ms = mono + MS_MINUTE;
    if (mono >= c->refusals_next_ms) {
        core_refusals_turn(c, mono);
        c->refusals_next_ms = mono + REFUSALS_EVERY_MS;
    }
    wait = sooner(wait, ledger_turn(c->ledger, mono, false));
    head_turn(c, mono);
    exchange_durable(c->exchange, ledger_durable(c->ledger));
    wait = sooner(wait, peers_turn(c, mono));
    links_flush(c);
    if (c->history) wait = sooner(wait, history_turn(c->history, false)); /* last: acknowledgements are on their way */
    return c->gate.backlog.n ? 1 : wait;
}

static void empty_eventfd(int fd)
{
    uint64_t n;
    (void)!read(fd, &n, sizeof n);
}

static outcome handle(struct core *c, int fd, bool *again)
{
    if (fd == CONTROL_FD) return on_control(c);
    if (fd == c->durable_fd) empty_eventfd(fd);
    else if (fd == c->signal_fd) c->stopping = true;
    else if (fd == c->local_fd) local_accept(c);
    else if (fd == peers_wake_fd(c)) peers_drain(c);
    else if (channel_is_open(&c->gate.end) && fd == c->gate.end.get.wake_fd) {
        outcome o = links_drain(c);
        *again = o.code == E_AGAIN;
        if (!ok(o) && !*again) links_lost(c, "malformed"); /* a gate that breaks the records loses them all */
    } else local_read(c, fd);
    return DONE;
}

outcome core_run(struct core *c)
{
    bool again = false;
    while (!c->stopping) {
        struct epoll_event events[32];
        int wait = core_due(c);
        int n = epoll_wait(c->epoll_fd, events, 32, again ? 0 : wait);
        if (n < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
        if (again) (void)!ok(handle(c, c->gate.end.get.wake_fd, &again));
        for (int i = 0; i < n; i++) {
            outcome o = handle(c, events[i].data.fd, &again);
            if (o.code == E_CLOSED) return DONE; /* the keeper is gone */
            if (!ok(o) && o.code != E_AGAIN) core_audit(c, "control-refused", "cause", code_word(o.code), NULL);
        }
    }
    return DONE;
}

void core_rooms_free(struct core *c)
{
    learn_close(c);
    checks_close(c);
    alerts_close(c);
    links_drop(c);
    peers_close(c);
    service_free(c->service);
    exchange_free(c->exchange);
    values_free(c->access.values);
    map_deinit(&c->forms);
    origin_close(c);
    clones_close(c);
    assurance_free(c->assurance);
    registry_free(c->registry);
    users_free(c->users);
    grants_free(c->grants);
    judged_free(c->access.judged);
    explicit_bzero(c->name_key, sizeof c->name_key);
    work_close(c);
    emergencies_deinit(&c->emergencies);
    improve_deinit(&c->improvement);
    incidents_deinit(&c->incidents);
    map_deinit(&c->retained);
    map_deinit(&c->latest);
    map_deinit(&c->left_profile);
    reactions_deinit(&c->reactions);
    checklists_deinit(&c->checklists);
}

void core_close(struct core *c)
{
    local_close(c);
    if (c->ledger) {
        core_audit(c, "stopped", NULL);
        (void)!ok(keep_save(c));
        (void)!ok(core_seal_head(c, 0));
    }
    core_rooms_free(c);
    history_close(c->history);
    if (c->ledger) ledger_close(c->ledger);
}
