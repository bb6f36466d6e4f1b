/* Reaction with care: what each measure would stop and whom it touches, before it is taken; taking it, undoing it. */
#include <stdio.h>

#include "ledger/data.h"
#include "service/internal.h"

enum { LOOK_BACK = 50000, SHOWN_MAX = 200 }; /* entries; a bound on what one question costs */

static int64_t now(struct service *s)
{
    return s->port.wall_ms(s->port.ctx);
}

/* GET /api/v1/reactions: newest first */
outcome get_reactions(struct service *s, struct request *q)
{
    const struct reactions *all = s->port.reactions;
    struct doc *d = doc_map(&q->arena), *taken = doc_list(&q->arena), *rules = doc_list(&q->arena), *profiles = doc_list(&q->arena), *causes = doc_list(&q->arena);
    for (size_t i = all ? all->n : 0, shown = 0; i-- > 0 && shown < SHOWN_MAX; shown++) doc_add(taken, reaction_doc(&q->arena, all->at[i], now(s)));
    for (size_t i = 0; all && i < all->n_rules; i++) doc_add(rules, reaction_rule_doc(&q->arena, &all->rules[i]));
    for (size_t i = 0; all && i < all->n_profiles; i++) doc_add(profiles, reaction_profile_doc(&q->arena, all->profiles[i]));
    for (size_t i = 0; reaction_causes[i]; i++) doc_add(causes, doc_text_new(&q->arena, reaction_causes[i]));
    char next[REACTION_ID] = "RR-1";
    if (all) reaction_next_rule(all, next);
    doc_set(&q->arena, d, "reactions", taken);
    doc_set(&q->arena, d, "rules", rules);
    doc_set(&q->arena, d, "profiles", profiles);
    doc_set(&q->arena, d, "causes", causes);
    doc_set_text(&q->arena, d, "next_rule", arena_text(&q->arena, bytes_str(next)));
    return answer_doc(q, d);
}

/* ---- what it would stop ---- */

struct impact { /* of the last 24 hours, within the newest LOOK_BACK entries */
    const char *device;
    const struct reaction_profile *profile;
    int64_t commands_to, commands_from, messages, outside;
    bool whole;
};

static void count_message(struct impact *m, const struct ledger_entry *e)
{
    struct data d;
    if (e->pruned || e->erased || !ok(data_read(e->payload, &d)) || !bytes_equal_str(d.from, m->device)) return;
    m->messages++;
    m->outside += m->profile && !reaction_inside(m->profile, false, d.topic);
}

static void count_command(struct impact *m, const struct ledger_entry *e, const char *prefix)
{
    struct arena a = ARENA(65536);
    struct doc *d = NULL;
    if (!e->pruned && ok(doc_read_json(e->payload, &a, &d)) && strcmp(doc_text(d, "what", ""), "command-delivered") == 0) {
        m->commands_to += bytes_starts(bytes_str(doc_text(d, "topic", "")), bytes_str(prefix));
        m->commands_from += strcmp(doc_text(d, "from", ""), m->device) == 0;
    }
    arena_deinit(&a);
}

static void look_back(struct service *s, struct impact *m)
{
    char prefix[2 * ID_MAX + 16];
    struct buffer b = BUFFER(1u << 20);
    uint64_t size = ledger_size(s->port.ledger), from = size > LOOK_BACK ? size - LOOK_BACK : 0;
    int64_t since = now(s) - MS_DAY;
    snprintf(prefix, sizeof prefix, "sk/v1/%s/%s/", s->port.site, m->device);
    m->whole = from == 0;
    for (uint64_t i = size; i-- > from;) {
        struct ledger_entry e;
        if (!ok(ledger_read(s->port.ledger, i, &b, &e))) continue;
        if (e.at_ms < since) {
            m->whole = true;
            break;
        }
        if (e.kind == ENTRY_DATA) count_message(m, &e);
        if (e.kind == ENTRY_COMMAND) count_command(m, &e, prefix);
    }
    buffer_deinit(&b);
}

/* The safe directions of the commands this device takes: they pass whatever is done. */
static struct doc *safe_of(struct service *s, struct request *q, const char *device)
{
    const struct stream *rows[256];
    char filter[2 * ID_MAX + 24];
    struct doc *list = doc_list(&q->arena);
    snprintf(filter, sizeof filter, "sk/v1/%s/%s/cmd/x", s->port.site, device);
    size_t n = registry_streams(s->port.registry, rows, 256);
    for (size_t i = 0; i < n && i < 256; i++) {
        char *last = strrchr(filter, '/');
        const char *name = strrchr(rows[i]->pattern, '/');
        if (!rows[i]->command || !name || strlen(name) > ID_MAX) continue;
        snprintf(last, (size_t)(filter + sizeof filter - last), "%.20s", name);
        if (!mqtt_matches(bytes_str(rows[i]->pattern), bytes_str(filter))) continue;
        for (size_t k = 0; k < 4 && rows[i]->safe[k][0]; k++) doc_add(list, doc_text_new(&q->arena, rows[i]->safe[k]));
    }
    return list;
}

static void say_stops(const struct impact *m, enum measure measure, bool device, char *ja, char *en, size_t size)
{
    long long to = (long long)(m->commands_to + m->commands_from), outside = (long long)m->outside, all = (long long)m->messages;
    if (measure == MEASURE_NARROW) {
        snprintf(ja, size, "定めにない宛先への送信と購読を拒否します（この24時間の記録では %lld 件中 %lld 件）", all, outside);
        snprintf(en, size, "refuses what it publishes or subscribes to outside its profile (%lld of %lld recorded in the last 24 h)", outside, all);
    } else if (measure == MEASURE_HOLD) {
        snprintf(ja, size, "この機器への指令、この機器からの指令を二人の承認待ちにします（この24時間に %lld 件）", to);
        snprintf(en, size, "commands to it and from it wait for two people (%lld in the last 24 h)", to);
    } else if (device) {
        snprintf(ja, size, "この機器へは安全側の操作と確認要求だけを届け、この機器の送信には印を付けます（この24時間に指令 %lld 件、送信 %lld 件）", to, all);
        snprintf(en, size, "only safe directions and challenges reach it, what it sends is marked (%lld commands, %lld messages in the last 24 h)", to, all);
    } else {
        snprintf(ja, size, "この資格では何も送れず、何も受け取れません（この24時間に指令 %lld 件、送信 %lld 件）", to, all);
        snprintf(en, size, "it sends and gets nothing (%lld commands, %lld messages in the last 24 h)", to, all);
    }
}

static const char *cannot(struct service *s, const struct impact *m, enum measure measure)
{
    if (measure == MEASURE_NARROW && !m->profile) return "no-profile";
    return reaction_on(s->port.reactions, m->device, measure, now(s)) ? "in-force" : "";
}

/* One measure: what would stop, what goes on, who and which mission is touched. */
static struct doc *measure_doc(struct service *s, struct request *q, const struct impact *m, enum measure measure)
{
    struct doc *d = doc_map(&q->arena);
    char ja[400], en[400];
    const struct identity *i = registry_identity(s->port.registry, m->device);
    const char *not_now = cannot(s, m, measure);
    say_stops(m, measure, i && i->role == ROLE_DEVICE, ja, en, sizeof ja);
    doc_set_text(&q->arena, d, "measure", measure_word(measure));
    doc_set_text(&q->arena, d, "measure_ja", measure_ja(measure));
    doc_set_text(&q->arena, d, "measure_en", measure_en(measure));
    doc_set_bool(&q->arena, d, "possible", !*not_now);
    doc_set_text(&q->arena, d, "not_now", not_now);
    doc_set_text(&q->arena, d, "stops_ja", arena_text(&q->arena, bytes_str(ja)));
    doc_set_text(&q->arena, d, "stops_en", arena_text(&q->arena, bytes_str(en)));
    doc_set_int(&q->arena, d, "commands_24h", m->commands_to + m->commands_from);
    doc_set_int(&q->arena, d, "messages_24h", m->messages);
    doc_set_int(&q->arena, d, "outside_24h", m->outside);
    return d;
}

static outcome proposal(struct service *s, struct request *q, const char *device, struct doc **ret)
{
    const struct identity *i = registry_identity(s->port.registry, device);
    struct impact m = { .device = device, .profile = reaction_profile_of(s->port.reactions, device) };
    struct doc *d = doc_map(&q->arena), *list = doc_list(&q->arena);
    if (!i || i->role == ROLE_PEER || !s->port.reactions) return REFUSE(E_UNKNOWN);
    look_back(s, &m);
    for (unsigned k = MEASURE_NARROW; k < MEASURES; k++) doc_add(list, measure_doc(s, q, &m, (enum measure)k));
    doc_set_text(&q->arena, d, "device", i->id);
    doc_set_text(&q->arena, d, "group", i->group);
    doc_set_bool(&q->arena, d, "counted_whole", m.whole);
    doc_set(&q->arena, d, "measures", list);
    doc_set(&q->arena, d, "touched", assurance_touched(s->port.assurance, &q->arena, i->id));
    doc_set(&q->arena, d, "safe", safe_of(s, q, i->id));
    doc_set_text(&q->arena, d, "goes_on_ja", "警報、安全側の操作、機器の現場制御は止まりません");
    doc_set_text(&q->arena, d, "goes_on_en", "alarms, safe directions and local control go on");
    *ret = d;
    return DONE;
}

/* GET /api/v1/reactions/{device} */
outcome propose_reactions(struct service *s, struct request *q)
{
    struct doc *d;
    TRY(proposal(s, q, q->arg[0], &d));
    return answer_doc(q, d);
}

/* ---- taking and undoing ---- */

static outcome record_it(struct service *s, struct request *q, const struct doc *d)
{
    char why[REACTION_WHY] = "";
    outcome o = s->port.reaction_judge(s->port.ctx, d, why);
    if (o.code == E_RANGE || o.code == E_MALFORMED) return answer_problem(q, 400, "SK-1401", why, NULL);
    if (!ok(o)) return answer_outcome(q, o, why, doc_text(d, "device", doc_text(d, "id", "")));
    TRY(s->port.write(s->port.ctx, ENTRY_REACTION, d, true));
    service_event(s, "reaction", d);
    return DONE;
}

/* POST /api/v1/reactions {"device","measure","minutes","reason","cause","dry_run"} */
outcome change_reactions(struct service *s, struct request *q)
{
    struct doc *in, *shown;
    struct reaction_begin b = { .rule = "", .by = q->caller->name };
    outcome no = DONE;
    char place[2 * ID_MAX + 160], why[REACTION_WHY] = "";
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "device", "measure", "minutes", "reason", "cause", "dry_run", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.reactions) return REFUSE(E_UNSUPPORTED);
    b.device = doc_text(in, "device", "");
    snprintf(place, sizeof place, "sk/v1/%s/%.63s", s->port.site, b.device);
    if (!may_administer(s, q, place, &no)) return no;
    if (!ok(measure_parse(doc_text(in, "measure", ""), &b.measure))) return answer_problem(q, 400, "SK-1401", "measure: expected narrow, hold or quarantine", NULL);
    if (!*doc_text(in, "reason", "")) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    b.why = doc_text(in, "reason", "");
    b.cause = doc_text(in, "cause", "");
    int64_t minutes = doc_int(in, "minutes", 0);
    if (minutes < 1 || minutes > REACTION_LONGEST / MS_MINUTE) return answer_problem(q, 400, "SK-1401", "minutes: expected 1 to 10080", NULL);
    b.until_ms = now(s) + minutes * MS_MINUTE;
    const struct doc *d = reaction_begin_doc(&q->arena, s->port.reactions, &b);
    if (doc_bool(in, "dry_run", false)) {
        outcome o = s->port.reaction_judge(s->port.ctx, d, why);
        if (!ok(o)) return answer_outcome(q, o, why, b.device);
        TRY(proposal(s, q, b.device, &shown));
        return answer_doc(q, shown);
    }
    const char *id = doc_text(d, "id", "");
    TRY(record_it(s, q, d));
    const struct reaction *r = q->status == 200 ? reaction_find(s->port.reactions, id) : NULL;
    return r ? answer_doc(q, reaction_doc(&q->arena, r, now(s))) : DONE;
}

/* POST /api/v1/reactions/{RC-n}/undo, /api/v1/reactions/{RR-n}/end {"reason"} */
outcome change_reaction(struct service *s, struct request *q)
{
    struct doc *in;
    bool undo = strcmp(q->arg[1], "undo") == 0, rule = strcmp(q->arg[1], "end") == 0;
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", NULL }));
    if (q->status != 200) return DONE;
    if ((!undo && !rule) || !s->port.reactions) return REFUSE(E_UNKNOWN);
    bool owner = q->caller->kind == CALLER_LOCAL_ROOT || (q->caller->roles & USER_BIT(USER_ASSET_OWNER));
    if (rule && !owner) return answer_problem(q, 403, "SK-1415", "not-your-role", "asset-owner");
    if (!*doc_text(in, "reason", "")) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    struct doc *d = reaction_end_doc(&q->arena, q->arg[0], q->caller->name, doc_text(in, "reason", ""));
    if (rule) doc_set_text(&q->arena, d, "what", "rule-end");
    TRY(record_it(s, q, d));
    const struct reaction *r = q->status == 200 && undo ? reaction_find(s->port.reactions, q->arg[0]) : NULL;
    if (r) return answer_doc(q, reaction_doc(&q->arena, r, now(s)));
    return q->status == 200 ? answer_doc(q, d) : DONE;
}

/* POST /api/v1/profiles {"device","name","publish":[],"subscribe":[]}: the topics of a maker's profile; two empty lists: none. */
outcome change_profiles(struct service *s, struct request *q)
{
    struct doc *in;
    outcome no = DONE;
    char place[2 * ID_MAX + 160];
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "device", "name", "publish", "subscribe", NULL }));
    if (q->status != 200) return DONE;
    if (!s->port.reactions) return REFUSE(E_UNSUPPORTED);
    snprintf(place, sizeof place, "sk/v1/%s/%.63s", s->port.site, doc_text(in, "device", ""));
    if (!may_administer(s, q, place, &no)) return no;
    doc_set_text(&q->arena, in, "what", "profile");
    doc_set_text(&q->arena, in, "by", q->caller->name);
    TRY(record_it(s, q, in));
    return q->status == 200 ? answer_doc(q, in) : DONE;
}
