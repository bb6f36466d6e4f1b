/* Entries: what is written, replayed, sealed; and the two ports through which exchange and assurance
 * reach the record. */
#include "node/core.h"
#include "node/alerts.h"
#include "node/emergency.h"
#include "node/checks.h"
#include "node/learn.h"
#include "node/work.h"

#include <stdarg.h>
#include <stdio.h>

#include "ledger/data.h"

static void clear(struct buffer *b)
{
    b->n = 0;
}

void core_registry_changed(struct core *c)
{
    enum { IDENTITIES = 65536, STREAMS = 4096 };
    if (registry_epoch(c->registry) == c->registry_seen) return;
    c->registry_seen = registry_epoch(c->registry);
    const struct identity **who = mem_new_array(IDENTITIES, sizeof *who);
    const struct stream **what = mem_new_array(STREAMS, sizeof *what);
    size_t n = who ? registry_identities(c->registry, who, IDENTITIES) : 0;
    for (size_t i = 0; i < n; i++)
        (void)!ok(assurance_asset(c->assurance, who[i]->id, who[i]->group, who[i]->life == LIFE_ENROLLED || who[i]->life == LIFE_LOST));
    n = what ? registry_streams(c->registry, what, STREAMS) : 0;
    for (size_t i = 0; i < n; i++)
        (void)!ok(assurance_stream(c->assurance, what[i]->name, what[i]->pattern, what[i]->command));
    mem_free(who);
    mem_free(what);
    if (c->exchange) exchange_rejudge(c->exchange);
}

/* A lost device stays a risk of its group until it is found or given up (retired): its secret may be in anybody's hand. */
static void lost(struct core *c, const struct doc *d)
{
    if (strcmp(doc_text(d, "event", ""), "lose") != 0) return;
    core_fact(c, "C7", doc_text(d, "id", ""), FACT_FAIL, FACT_BY_DECLARATION, true, "lost");
}

/* A person's quarantine contains a confirmed event; the automatic one does not: nobody has looked yet. */
static void contained(struct core *c, const struct doc *d)
{
    if (strcmp(doc_text(d, "event", ""), "quarantine") != 0) return;
    core_fact(c, ASSURANCE_CONTAIN, doc_text(d, "id", ""), FACT_PASS, FACT_BY_GATE, false, "quarantined");
}

/* What node's own rooms make of an entry, written or replayed. */
static MUST outcome taken(struct core *c, unsigned kind, const struct doc *d, int64_t at_ms)
{
    if (kind == ENTRY_WORK) return work_taken(c, d, at_ms);
    if (kind == ENTRY_EMERGENCY) return emergency_taken(c, d, at_ms);
    if (kind == ENTRY_ACTION) return improve_apply(&c->improvement, d, at_ms);
    if (kind == ENTRY_CHECKLIST) return connect_taken(c, d, at_ms);
    if (kind == ENTRY_INCIDENT) return incident_apply(&c->incidents, d, at_ms);
    return kind == ENTRY_REACTION ? react_taken(c, d, at_ms) : DONE;
}

outcome core_write(struct core *c, unsigned kind, const struct doc *d, bool durable)
{
    uint64_t index;
    int64_t now = core_wall(c);
    if (!d) return REFUSE(E_MEMORY);
    TRY(registry_judge(c->registry, kind, d));
    TRY(users_judge(c->users, kind, d, NULL));
    if (kind == ENTRY_WORK) TRY(work_judge(&c->works, d, NULL));
    if (kind == ENTRY_EMERGENCY) TRY(emergency_judge(&c->emergencies, d, now, NULL));
    if (kind == ENTRY_INCIDENT) TRY(incident_judge(&c->incidents, d, now, NULL));
    if (kind == ENTRY_REACTION) TRY(react_judge(c, d, NULL));
    if (kind == ENTRY_ACTION) TRY(improve_judge(&c->improvement, d, now, NULL));
    if (kind == ENTRY_CHECKLIST) TRY(checklist_judge(&c->checklists, d, NULL));
    clear(&c->scratch);
    TRY(doc_write_json(d, &c->scratch));
    TRY(ledger_append(c->ledger, (enum ledger_kind)kind, now, buffer_view(&c->scratch), &index));
    latest_note(c, kind, d, index);
    if (durable) TRY(ledger_sync(c->ledger));
    TRY(registry_apply(c->registry, kind, d, now));
    TRY(users_apply(c->users, kind, d));
    TRY(taken(c, kind, d, now));
    core_registry_changed(c);
    if (kind == ENTRY_LIFE) contained(c, d);
    if (kind == ENTRY_LIFE) lost(c, d);
    return DONE;
}

void core_audit(struct core *c, const char *what, ...)
{
    struct arena a = ARENA(65536);
    struct doc *d = doc_map(&a);
    va_list args;
    va_start(args, what);
    doc_set_text(&a, d, "what", what);
    for (const char *key = va_arg(args, const char *); key; key = va_arg(args, const char *))
        doc_set_text(&a, d, key, va_arg(args, const char *));
    va_end(args);
    (void)!ok(core_write(c, ENTRY_AUDIT, d, false)); /* a full record shows as ledger health */
    arena_deinit(&a);
}

/* ---- replay ---- */

/* "H-12" -> the next hold is 13: a restarted core must not give an id of the record again. */
static void replay_hold(struct core *c, const struct doc *d)
{
    const char *id = doc_text(d, "hold", "");
    uint64_t n = 0;
    if (strncmp(id, "H-", 2) != 0) return;
    for (const char *p = id + 2; *p >= '0' && *p <= '9' && n < UINT32_MAX; p++) n = n * 10 + (uint64_t)(*p - '0');
    if (n >= c->holds_next) c->holds_next = n + 1;
}

static outcome replay_session(struct core *c, const struct ledger_entry *e)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    outcome o = doc_read_json(e->payload, &a, &d);
    if (ok(o)) o = exchange_replay(c->exchange, e->index, d);
    arena_deinit(&a);
    return o.code == E_MEMORY ? o : DONE; /* over a bound that was lowered: this session starts anew, the site starts */
}

/* An entry that the registry refuses by its rules changed nothing when it was written either: leaving it
 * out is what the state was. Failing on it would let one bad entry stop the site for good. */
static bool never_applied(outcome o)
{
    return o.code == E_CONFLICT || o.code == E_MALFORMED || o.code == E_RANGE || o.code == E_UNKNOWN || o.code == E_DENIED;
}

/* A signature that an entry rests on is verified again, against the charter of its time: an entry whose signature is not good
 * has no effect, whoever wrote it. */
static MUST outcome signed_then(struct core *c, const struct ledger_entry *e, const struct doc *d)
{
    bool permit = e->kind == ENTRY_WORK && strcmp(doc_text(d, "what", ""), "approve") == 0;
    bool rule = e->kind == ENTRY_REACTION && strcmp(doc_text(d, "what", ""), "rule") == 0;
    bool list = e->kind == ENTRY_CHECKLIST && strcmp(doc_text(d, "what", ""), "sign") == 0;
    if (list) return connect_signed_then(c, d, e->at_ms);
    if (permit) return work_approved_then(c, d, e->at_ms);
    return rule ? react_rule_then(c, d, e->at_ms) : DONE;
}

static outcome replay_control(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    if (e->pruned) return DONE;
    if (e->kind == ENTRY_PRUNED || e->kind == ENTRY_ERASED) return ledger_replay(c->ledger, e);
    if (e->kind == ENTRY_SESSION) return replay_session(c, e);
    struct arena a = ARENA(4u << 20);
    struct doc *d = NULL;
    outcome o = doc_read_json(e->payload, &a, &d);
    if (ok(o)) latest_note(c, e->kind, d, e->index);
    if (ok(o)) o = registry_apply(c->registry, e->kind, d, e->at_ms);
    if (ok(o)) o = users_apply(c->users, e->kind, d);
    if (ok(o)) o = signed_then(c, e, d);
    if (ok(o)) o = taken(c, e->kind, d, e->at_ms);
    if (never_applied(o)) {
        c->replay_skipped++;
        o = DONE;
    }
    if (ok(o)) o = assurance_replay(c->assurance, e->kind, e->payload, e->at_ms);
    if (ok(o) && e->kind == ENTRY_GRANTS) o = core_grants_replay(c, e->payload, e->at_ms);
    if (ok(o) && e->kind == ENTRY_AGREEMENT) o = core_agreement_replay(c, e->payload, e->at_ms);
    if (ok(o) && e->kind == ENTRY_STATEMENT) core_statement_replay(c, d, e->at_ms);
    if (ok(o) && e->kind == ENTRY_FLOW) core_flow_replay(c, d, e->at_ms);
    if (ok(o) && e->kind == ENTRY_HOLD) replay_hold(c, d);
    if (ok(o) && e->kind == ENTRY_ALERT && doc_get(d, "step")) alerts_replay(c, d);
    else if (ok(o) && e->kind == ENTRY_ALERT) learn_replay(c, d);
    arena_deinit(&a);
    return o;
}

/* What waits for sessions that were away, and the QoS 2 identifiers that came with messages. */
static outcome replay_data(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct recorded r;
    if (!core_recorded(c, e, &r)) return DONE;
    outcome o = exchange_replay_data(c->exchange, e->index, &r);
    return o.code == E_MEMORY ? o : DONE;
}

static outcome replay_sessions(struct core *c)
{
    uint64_t from = exchange_replay_from(c->exchange);
    if (from < ledger_size(c->ledger)) TRY(ledger_scan(c->ledger, from, CLASS_DATA, replay_data, c));
    exchange_replayed(c->exchange, ledger_size(c->ledger));
    return DONE;
}

static outcome derived_done(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct recorded r;
    if (core_recorded(c, e, &r)) exchange_derive_done(c->exchange, &r);
    return DONE;
}

static outcome derived_input(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct recorded r;
    if (core_recorded(c, e, &r)) exchange_derive_replay(c->exchange, e->index, &r);
    return DONE;
}

/* What was counted and not yet said when the core ended is counted again. */
static outcome replay_derived(struct core *c)
{
    uint64_t size = ledger_durable(c->ledger), from;
    int64_t span_ms = exchange_derive_span_ms(c->exchange);
    struct ledger_entry last;
    if (span_ms < 0 || size == 0) return DONE;
    TRY(ledger_read(c->ledger, size - 1, &c->read, &last));
    TRY(ledger_since(c->ledger, last.at_ms - span_ms, &from));
    if (from >= size) return DONE;
    TRY(ledger_scan(c->ledger, from, CLASS_DATA, derived_done, c));
    return ledger_scan(c->ledger, from, CLASS_DATA, derived_input, c);
}

static outcome value_of(void *ctx, const struct ledger_entry *e)
{
    struct core *c = ctx;
    struct recorded r;
    if (core_recorded(c, e, &r)) exchange_restore_value(c->exchange, e->index, &r);
    return DONE;
}

static bool needs_values(const struct core *c)
{
    const struct stream *rows[1024];
    size_t n = registry_streams(c->registry, rows, 1024);
    for (size_t i = 0; i < n; i++)
        if (rows[i]->recorded && (rows[i]->n_fields || rows[i]->fail == FAIL_HOLD_LAST)) return true;
    return false;
}

/* The newest good values: of the last day, as far as a start has time to look. */
static outcome replay_values(struct core *c)
{
    enum { BACK = 50000 };
    uint64_t size = ledger_durable(c->ledger), from;
    if (size == 0 || !needs_values(c)) return DONE;
    TRY(ledger_since(c->ledger, core_wall(c) - MS_DAY, &from));
    if (size > BACK && from < size - BACK) from = size - BACK;
    return from < size ? ledger_scan(c->ledger, from, CLASS_DATA, value_of, c) : DONE;
}

outcome core_replay(struct core *c)
{
    c->holds_next = 1;
    TRY(keep_open(c));
    TRY(ledger_scan_linked(c->ledger, CLASS_CONTROL, replay_control, c));
    exchange_holds_from(c->exchange, c->holds_next);
    TRY(keep_replay(c));
    TRY(replay_sessions(c));
    TRY(replay_values(c));
    return replay_derived(c);
}

/* ---- head ---- */

outcome core_seal_head(struct core *c, int64_t hold_ms)
{
    uint64_t size;
    struct hash root;
    ledger_root(c->ledger, &size, &root);
    if (size == c->sealed_size && hold_ms) return DONE;
    struct buffer note = BUFFER(4096);
    outcome o = seal_head(c, size, &root, &note);
    if (ok(o)) o = ledger_publish(c->ledger, buffer_view(&note), port_mono_ms(), hold_ms);
    if (ok(o)) c->sealed_size = size;
    buffer_deinit(&note);
    return o;
}

/* ---- the exchange's port ---- */

static void x_send(void *ctx, uint32_t link, struct bytes packet)
{
    if (peers_link(link)) {
        peers_packet(ctx, link, packet);
        return;
    }
    link_send(ctx, link, packet);
}

static void x_close(void *ctx, uint32_t link)
{
    if (peers_link(link)) peers_closed(ctx, link);
    else link_close(ctx, link);
}

static void x_idle(void *ctx, uint32_t link, uint32_t idle_ms)
{
    if (!peers_link(link)) link_idle(ctx, link, idle_ms);
}

/* Apart, because the room is large and the compiler clears it: most messages have no properties. */
static outcome record_with(struct core *c, struct data *d, const struct mqtt_properties *p, uint64_t *ret_index)
{
    uint8_t room[MQTT_PROPERTIES_BYTES_MAX + 4096];
    struct buffer list = { room, 0, sizeof room, sizeof room };
    TRY(mqtt_write_list(p, &list));
    d->properties = buffer_view(&list);
    return keep_append(c, d, ret_index);
}

static outcome x_record(void *ctx, const struct message *m, const struct stream *s, uint64_t *ret_index)
{
    struct core *c = ctx;
    learn_message(c, m, !s || s->command);
    checks_heard(c, m);
    if (!s || !s->recorded) return REFUSE(E_UNSUPPORTED);
    struct data d = { .flags = (uint8_t)((m->retain ? DATA_RETAIN : 0) | (m->flagged ? DATA_FLAGGED : 0)), .qos = m->qos,
        .from = bytes_str(m->from ? m->from->id : ""), .topic = m->topic, .payload = m->payload,
        .session = bytes_str(m->session), .packet_id = m->packet_id };
    bool properties = m->properties && (m->properties->has || m->properties->users);
    d.flags |= (uint8_t)((m->session ? DATA_SESSION : 0) | (properties ? DATA_PROPERTIES : 0));
    return properties ? record_with(c, &d, m->properties, ret_index) : keep_append(c, &d, ret_index);
}

/* A message as the entry has it; views into the entry and c. false: not to be read, or of nobody we know. */
bool core_recorded(struct core *c, const struct ledger_entry *e, struct recorded *ret)
{
    struct data d;
    char id[ID_MAX];
    bool readable = e->kind == ENTRY_DATA && !e->pruned && !e->erased;
    if (!readable || !ok(data_read(e->payload, &d)) || !ok(bytes_to_text(d.from, id, sizeof id))) return false;
    *ret = (struct recorded) { .at_ms = e->at_ms };
    ret->m = (struct message) { .from = registry_identity(c->registry, id), .topic = d.topic, .payload = d.payload,
        .qos = d.qos, .retain = d.flags & DATA_RETAIN, .flagged = d.flags & DATA_FLAGGED, .packet_id = d.packet_id };
    if (id[0] && !ret->m.from) return false;
    if (d.flags & DATA_PROPERTIES) {
        if (!ok(mqtt_read_list(d.properties, &c->read_properties))) return false;
        ret->m.properties = &c->read_properties;
    }
    if (!(d.flags & DATA_SESSION)) return true;
    c->read_session.n = 0;
    if (!ok(buffer_put(&c->read_session, d.session)) || !ok(buffer_put(&c->read_session, BYTES_LIT("\0")))) return false;
    ret->m.session = (const char *)c->read_session.at;
    return true;
}

static outcome x_read(void *ctx, uint64_t index, struct recorded *ret)
{
    struct core *c = ctx;
    struct ledger_entry e;
    TRY(ledger_read(c->ledger, index, &c->read, &e));
    return core_recorded(c, &e, ret) ? DONE : REFUSE(E_UNKNOWN);
}

static outcome x_session(void *ctx, const struct doc *d, uint64_t *ret_index)
{
    struct core *c = ctx;
    clear(&c->scratch);
    TRY(doc_write_json(d, &c->scratch));
    return ledger_append(c->ledger, ENTRY_SESSION, core_wall(c), buffer_view(&c->scratch), ret_index);
}

static unsigned tell_kind(const char *what)
{
    static const struct { const char *prefix; unsigned kind; } rows[] = { { "command-held", ENTRY_HOLD },
        { "command-released", ENTRY_RELEASE }, { "command-expired", ENTRY_HOLD }, { "command-dropped", ENTRY_HOLD },
        { "command-", ENTRY_COMMAND } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (bytes_starts(bytes_str(what), bytes_str(rows[i].prefix))) return rows[i].kind;
    return ENTRY_AUDIT;
}

static void tell_message(struct core *c, struct arena *a, struct doc *d, const struct message *m)
{
    char topic[MQTT_TOPIC_MAX + 1], hash_text[65];
    struct hash h;
    const struct permit *p = m->from ? permit_covering(c->access.permits, &(struct permit_ask) { m->from->id, m->topic, false, port_wall_ms() }) : NULL;
    doc_set_text(a, d, "from", m->from ? m->from->id : "");
    if (p) doc_set_text(a, d, "permit", p->id);
    const struct emergency *g = m->from ? emergency_of(&c->emergencies, m->from->id, core_wall(c)) : NULL;
    if (g) doc_set_text(a, d, "emergency", g->id);
    if (ok(bytes_to_text(m->topic, topic, sizeof topic))) doc_set_text(a, d, "topic", topic);
    hash_sha256(m->payload, &h);
    hex_of(hash_view(&h), hash_text);
    doc_set_text(a, d, "payload_sha256", hash_text);
}

static void x_tell(void *ctx, const char *what, const struct message *m, const struct verdict *v, const struct held *h)
{
    struct core *c = ctx;
    if (strstr(what, "refused")) learn_refused(c, m);
    checks_told(c, what, m);
    if (v && v->word && strcmp(v->word, "no-permit") == 0) learn_unpermitted(c, m);
    if (bytes_starts(bytes_str(what), BYTES_LIT("form-"))) forms_told(c, m, strcmp(what, "form-good") == 0 ? "form-good" : v->word);
    if (strcmp(what, "form-good") == 0) return;
    if (m && m->from && strstr(what, "e-refused")) react_saw(c, m->from, m->topic, what[0] == 's');
    if (tell_kind(what) == ENTRY_AUDIT) { /* whatever a peer can repeat is counted, not written each time */
        char detail[200];
        snprintf(detail, sizeof detail, "%.*s %s%s%s", m ? (int)(m->topic.n < 120 ? m->topic.n : 120) : 0,
            m && m->topic.n ? (const char *)m->topic.at : "", v && v->word ? v->word : "", v && v->detail ? " " : "",
            v && v->detail ? v->detail : "");
        char source[LIMIT_ID_MAX + ID_MAX];
        bool observed = v && v->limit && strcmp(what, "observed") == 0; /* counted by limit: `report observe` */
        snprintf(source, sizeof source, "%s%s%s", observed ? v->limit->id : "", observed ? " " : "", m && m->from ? m->from->id : "");
        core_counted(c, what, source, bytes_is_utf8(bytes_str(detail)) ? detail : "", 1);
        return;
    }
    struct arena a = ARENA(65536);
    struct doc *d = doc_map(&a);
    doc_set_text(&a, d, "what", what);
    if (m) tell_message(c, &a, d, m);
    if (v && v->word) doc_set_text(&a, d, "verdict", v->word);
    if (v && v->detail) doc_set_text(&a, d, "detail", v->detail);
    if (v && v->limit) {
        doc_set_text(&a, d, "limit", v->limit->id);
        doc_set_text(&a, d, "decision", v->limit->decision);
    }
    if (h) {
        char hash_text[65];
        hex_of(bytes_of(h->payload_hash, sizeof h->payload_hash), hash_text);
        doc_set_text(&a, d, "hold", h->id);
        doc_set_text(&a, d, "from", h->from);
        if (h->person[0]) doc_set_text(&a, d, "person", h->person);
        doc_set_text(&a, d, "to", h->to);
        doc_set_text(&a, d, "topic", h->topic);
        doc_set_text(&a, d, "payload_sha256", hash_text);
        doc_set_text(&a, d, "limit", h->limit);
        doc_set_text(&a, d, "decision", h->decision);
        doc_set_text(&a, d, "why", h->why);
        if (h->by[0]) doc_set_text(&a, d, "by", h->by);
    }
    (void)!ok(core_write(c, tell_kind(what), d, false));
    if (c->service) service_event(c->service, what, d);
    arena_deinit(&a);
}

static int64_t now_mono(void *ctx)
{
    (void)ctx;
    return port_mono_ms();
}

static int64_t now_wall(void *ctx)
{
    return core_wall(ctx);
}

static outcome x_attest(void *ctx, uint32_t link, const struct identity *who, struct bytes data, struct buffer *ret)
{
    return attest_by_auth(ctx, link, who, data, ret);
}

static void x_place(void *ctx, uint32_t link, uint8_t place)
{
    if (!peers_link(link)) link_place(ctx, link, place);
}

/* When it begins, moves and ends, and what it cost: an entry each. */
static void x_yielding(void *ctx, uint8_t from, uint64_t refused)
{
    struct core *c = ctx;
    char place[8], count[24];
    snprintf(place, sizeof place, "%u", from);
    snprintf(count, sizeof count, "%llu", (unsigned long long)refused);
    if (from) core_audit(c, "overload", "yields_from_place", place, "refused", count, NULL);
    else core_audit(c, "overload-over", "refused", count, NULL);
}

static void x_saw(void *ctx, const struct identity *who, struct bytes topic, bool subscribe)
{
    react_saw(ctx, who, topic, subscribe);
}

/* The same of the share each device has when nobody is left to yield. */
static void x_bounded(void *ctx, const char *greediest, uint32_t each, uint64_t refused)
{
    struct core *c = ctx;
    char share[16], count[24];
    snprintf(share, sizeof share, "%u", each);
    snprintf(count, sizeof count, "%llu", (unsigned long long)refused);
    if (each) core_audit(c, "overload-share", "each_per_s", share, "greediest", greediest, "refused", count, NULL);
    else core_audit(c, "overload-share-over", "refused", count, NULL);
}

void core_exchange_port(struct core *c, struct exchange_port *ret)
{
    *ret = (struct exchange_port) { c, x_send, x_close, x_idle, x_record, x_tell, now_mono, now_wall,
        x_session, x_read, x_attest, x_place, x_yielding, x_saw, x_bounded };
}

/* ---- assurance's port ---- */

static outcome a_write(void *ctx, unsigned kind, const struct doc *d, bool durable)
{
    return core_write(ctx, kind, d, durable);
}

static void a_limits(void *ctx, const struct limits *limits)
{
    struct core *c = ctx;
    c->limits = *limits;
    c->access.limits = &c->limits;
    if (c->exchange) exchange_rejudge(c->exchange);
}

/* _gate/<event>, retained, so that whoever may subscribe sees the site's own state. */
static void publish_gate(struct core *c, const char *name, const struct doc *d)
{
    char topic[160];
    struct buffer b = BUFFER(65536);
    snprintf(topic, sizeof topic, "sk/v1/%s/_gate/%s", c->config.site, name);
    if (ok(doc_write_json(d, &b))) {
        struct message m = { .topic = bytes_str(topic), .payload = buffer_view(&b), .qos = 1, .retain = true };
        (void)!ok(exchange_publish(c->exchange, &m));
    }
    buffer_deinit(&b);
}

static void a_tell(void *ctx, const char *event, const struct doc *d)
{
    struct core *c = ctx;
    if (c->service) service_event(c->service, event, d);
    if (c->exchange) publish_gate(c, event, d);
    alerts_told(c, event, d);
}

void core_assurance_port(struct core *c, struct assurance_port *ret)
{
    *ret = (struct assurance_port) { c, a_write, a_limits, a_tell };
}
