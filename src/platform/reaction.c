#include "platform/reaction.h"

#include <stdio.h>

#include "platform/registry.h"
#include "platform/member.h"
#include "wire/mqtt.h"

static const struct { const char *word, *ja, *en; } measures[MEASURES] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    MEASURES_(X)
#undef X
};

const char *const reaction_causes[] = { "left-profile", "messages", "bytes", "size", "commands", "failures", "new-peer", "new-topic", "new-command",
    "new-source", "two-sources", NULL };

const char *measure_word(enum measure m) { return measures[m].word; }
const char *measure_ja(enum measure m) { return measures[m].ja; }
const char *measure_en(enum measure m) { return measures[m].en; }

outcome measure_parse(const char *word, enum measure *ret)
{
    for (unsigned m = MEASURE_NARROW; m < MEASURES; m++)
        if (strcmp(measures[m].word, word) == 0) return *ret = (enum measure)m, DONE;
    return REFUSE(E_MALFORMED);
}

static outcome refuse(enum code code, const char *text, char why[REACTION_WHY])
{
    if (why) snprintf(why, REACTION_WHY, "%s", text);
    return (outcome) { code, 0, __FILE__ };
}

/* ---- reading ---- */

struct text_row { const char *key; char *to; size_t size; bool needed; };

static MUST outcome read_texts(const struct doc *d, const struct text_row *rows, size_t n, char why[REACTION_WHY])
{
    for (size_t i = 0; i < n; i++) {
        const char *text = doc_text(d, rows[i].key, "");
        bool good = member_plain(text) && strlen(text) < rows[i].size && (*text || !rows[i].needed);
        if (!good) return refuse(E_MALFORMED, rows[i].key, why);
        TRY(bytes_to_text(bytes_str(text), rows[i].to, rows[i].size));
    }
    return DONE;
}

static MUST outcome read_begin(const struct doc *d, struct reaction *r, char why[REACTION_WHY])
{
    const struct text_row rows[] = { { "id", r->id, sizeof r->id, true }, { "device", r->device, sizeof r->device, true },
        { "cause", r->cause, sizeof r->cause, false }, { "rule", r->rule, sizeof r->rule, false }, { "by", r->by, sizeof r->by, true },
        { "why", r->why, sizeof r->why, true } };
    TRY(read_texts(d, rows, sizeof rows / sizeof *rows, why));
    if (!registry_id_valid(bytes_str(r->device))) return refuse(E_MALFORMED, "device", why);
    if (!ok(measure_parse(doc_text(d, "measure", ""), &r->measure))) return refuse(E_MALFORMED, "measure: expected narrow, hold or quarantine", why);
    return ok(time_parse(bytes_str(doc_text(d, "until", "")), &r->until_ms)) ? DONE : refuse(E_MALFORMED, "until", why);
}

static bool cause_known(const char *cause)
{
    for (size_t i = 0; reaction_causes[i]; i++)
        if (strcmp(reaction_causes[i], cause) == 0) return true;
    return false;
}

static MUST outcome read_rule(const struct doc *d, struct reaction_rule *r, char why[REACTION_WHY])
{
    const struct text_row rows[] = { { "id", r->id, sizeof r->id, true }, { "cause", r->cause, sizeof r->cause, true },
        { "device", r->device, sizeof r->device, false }, { "group", r->group, sizeof r->group, false }, { "by", r->by, sizeof r->by, true } };
    TRY(read_texts(d, rows, sizeof rows / sizeof *rows, why));
    if (!cause_known(r->cause)) return refuse(E_MALFORMED, "cause: expected what an identity's own link shows (left-profile, new-topic, commands, ...)", why);
    if (!r->device[0] == !r->group[0]) return refuse(E_MALFORMED, "expected either device or group", why);
    if (!ok(measure_parse(doc_text(d, "measure", ""), &r->measure))) return refuse(E_MALFORMED, "measure: expected narrow, hold or quarantine", why);
    r->minutes = doc_int(d, "minutes", 0);
    r->at_most = doc_int(d, "at_most", 0);
    if (r->minutes < 1 || r->minutes > REACTION_RULE_LONGEST / MS_MINUTE) return refuse(E_RANGE, "minutes: expected 1 to 1440", why);
    return r->at_most >= 1 && r->at_most <= 1000 ? DONE : refuse(E_RANGE, "at_most: expected 1 to 1000", why);
}

static MUST outcome read_filters(const struct doc *list, char why[REACTION_WHY])
{
    if (!list || list->kind != DOC_LIST || list->count > REACTION_FILTERS_MAX) return refuse(E_MALFORMED, "publish, subscribe: expected lists of at most 64 filters", why);
    for (const struct doc *d = list->first; d; d = d->next)
        if (d->kind != DOC_TEXT || !member_plain(d->text) || !mqtt_filter_valid(bytes_str(d->text))) return refuse(E_MALFORMED, "expected MQTT topic filters", why);
    return DONE;
}

static MUST outcome keep_filters(struct arena *a, const struct doc *list, const char ***ret, size_t *ret_n)
{
    const char **to = list->count ? arena_new(a, list->count * sizeof *to) : NULL;
    size_t n = 0;
    if (list->count && !to) return REFUSE(E_MEMORY);
    for (const struct doc *d = list->first; d; d = d->next)
        if (!(to[n++] = arena_text(a, bytes_str(d->text)))) return REFUSE(E_MEMORY);
    *ret = to;
    *ret_n = n;
    return DONE;
}

/* ---- judging ---- */

static MUST outcome judge_begin(const struct reactions *all, const struct doc *d, int64_t now_ms, char why[REACTION_WHY])
{
    struct reaction r = { .measure = MEASURE_NONE };
    char next[REACTION_ID];
    TRY(read_begin(d, &r, why));
    reaction_next_id(all, next);
    if (strcmp(r.id, next) != 0) return refuse(E_CONFLICT, "id: not the next number", why);
    if (all->n == REACTIONS_MAX) return refuse(E_FULL, "no room for another", why);
    if (r.until_ms <= now_ms || r.until_ms - now_ms > (r.rule[0] ? REACTION_RULE_LONGEST : REACTION_LONGEST))
        return refuse(E_RANGE, "until: at most 7 days (by a rule: 24 hours)", why);
    if (reaction_on(all, r.device, r.measure, now_ms)) return refuse(E_CONFLICT, "it is in force already", why);
    const struct reaction_profile *p = reaction_profile_of(all, r.device);
    if (r.measure == MEASURE_NARROW && !p) return refuse(E_CONFLICT, "it has no profile to be narrowed to (sekimori react profile)", why);
    return DONE;
}

static MUST outcome judge_end(const struct reactions *all, const struct doc *d, char why[REACTION_WHY])
{
    const struct reaction *r = reaction_find(all, doc_text(d, "id", ""));
    if (!doc_text(d, "by", "")[0] || !member_plain(doc_text(d, "by", "")) || !member_plain(doc_text(d, "why", ""))) return refuse(E_MALFORMED, "by", why);
    if (!r) return refuse(E_UNKNOWN, "no such measure", why);
    return r->ended_ms ? refuse(E_CONFLICT, "it is over already", why) : DONE;
}

static struct reaction_rule *rule_find(const struct reactions *all, const char *id)
{
    for (size_t i = 0; i < all->n_rules; i++)
        if (strcmp(all->rules[i].id, id) == 0) return &all->rules[i];
    return NULL;
}

static MUST outcome judge_rule(const struct reactions *all, const struct doc *d, char why[REACTION_WHY])
{
    struct reaction_rule r = { .measure = MEASURE_NONE };
    char next[REACTION_ID];
    TRY(read_rule(d, &r, why));
    reaction_next_rule(all, next);
    if (strcmp(r.id, next) != 0) return refuse(E_CONFLICT, "id: not the next number", why);
    return all->n_rules < REACTION_RULES_MAX ? DONE : refuse(E_FULL, "no room for another rule", why);
}

static MUST outcome judge_profile(const struct doc *d, char why[REACTION_WHY])
{
    struct reaction_profile p = { .at_ms = 0 };
    const struct text_row rows[] = { { "device", p.device, sizeof p.device, true }, { "name", p.name, sizeof p.name, false }, { "by", p.by, sizeof p.by, true } };
    TRY(read_texts(d, rows, sizeof rows / sizeof *rows, why));
    if (!registry_id_valid(bytes_str(p.device))) return refuse(E_MALFORMED, "device", why);
    TRY(read_filters(doc_get(d, "publish"), why));
    return read_filters(doc_get(d, "subscribe"), why);
}

outcome reaction_judge(const struct reactions *all, const struct doc *d, int64_t now_ms, char why[REACTION_WHY])
{
    const char *what = doc_text(d, "what", "");
    if (strcmp(what, "begin") == 0) return judge_begin(all, d, now_ms, why);
    if (strcmp(what, "end") == 0) return judge_end(all, d, why);
    if (strcmp(what, "rule") == 0) return judge_rule(all, d, why);
    if (strcmp(what, "profile") == 0) return judge_profile(d, why);
    if (strcmp(what, "rule-end") != 0) return refuse(E_MALFORMED, "what", why);
    const struct reaction_rule *r = rule_find(all, doc_text(d, "id", ""));
    if (!r) return refuse(E_UNKNOWN, "no such rule", why);
    return r->ended_ms ? refuse(E_CONFLICT, "it is over already", why) : DONE;
}

/* ---- applying ---- */

static MUST outcome grow(void **at, size_t n, size_t *cap)
{
    if (n < *cap) return DONE;
    size_t more = *cap ? 2 * *cap : 16;
    void **to = mem_grow(*at, more * sizeof *to);
    if (!to) return REFUSE(E_MEMORY);
    *at = to;
    *cap = more;
    return DONE;
}

static MUST outcome begin(struct reactions *all, const struct doc *d, int64_t at_ms)
{
    TRY(grow((void **)&all->at, all->n, &all->cap));
    struct reaction *r = mem_new(sizeof *r);
    if (!r) return REFUSE(E_MEMORY);
    outcome o = read_begin(d, r, NULL);
    if (!ok(o)) {
        mem_free(r);
        return o;
    }
    r->from_ms = at_ms;
    all->at[all->n++] = r;
    all->running++;
    return DONE;
}

static void end(struct reactions *all, const struct doc *d, int64_t at_ms)
{
    struct reaction *r = (struct reaction *)reaction_find(all, doc_text(d, "id", ""));
    r->ended_ms = at_ms;
    snprintf(r->ended_by, sizeof r->ended_by, "%.63s", doc_text(d, "by", ""));
    snprintf(r->ended_why, sizeof r->ended_why, "%.150s", doc_text(d, "why", ""));
    all->running--;
}

static MUST outcome add_rule(struct reactions *all, const struct doc *d, int64_t at_ms)
{
    struct reaction_rule *rows = mem_grow(all->rules, (all->n_rules + 1) * sizeof *rows);
    if (!rows) return REFUSE(E_MEMORY);
    all->rules = rows;
    rows[all->n_rules] = (struct reaction_rule) { .at_ms = at_ms };
    TRY(read_rule(d, &rows[all->n_rules], NULL));
    all->n_rules++;
    return DONE;
}

static void profile_free(struct reaction_profile *p)
{
    arena_deinit(&p->arena);
    mem_free(p);
}

static MUST outcome read_profile(struct reaction_profile *p, const struct doc *d)
{
    snprintf(p->device, sizeof p->device, "%s", doc_text(d, "device", ""));
    snprintf(p->name, sizeof p->name, "%.159s", doc_text(d, "name", ""));
    snprintf(p->by, sizeof p->by, "%.63s", doc_text(d, "by", ""));
    TRY(keep_filters(&p->arena, doc_get(d, "publish"), &p->publish, &p->n_publish));
    return keep_filters(&p->arena, doc_get(d, "subscribe"), &p->subscribe, &p->n_subscribe);
}

static size_t profile_at(const struct reactions *all, const char *device)
{
    size_t i = 0;
    while (i < all->n_profiles && strcmp(all->profiles[i]->device, device) != 0) i++;
    return i;
}

static MUST outcome put_profile(struct reactions *all, const struct doc *d, int64_t at_ms)
{
    size_t i = profile_at(all, doc_text(d, "device", ""));
    bool none = !doc_get(d, "publish")->count && !doc_get(d, "subscribe")->count;
    if (none && i < all->n_profiles) {
        profile_free(all->profiles[i]);
        all->profiles[i] = all->profiles[--all->n_profiles];
    }
    if (none) return DONE;
    if (all->n_profiles == REACTION_PROFILES_MAX && i == all->n_profiles) return REFUSE(E_FULL);
    TRY(grow((void **)&all->profiles, all->n_profiles, &all->cap_profiles));
    struct reaction_profile *p = mem_new(sizeof *p);
    if (!p) return REFUSE(E_MEMORY);
    *p = (struct reaction_profile) { .at_ms = at_ms, .arena = ARENA(1 << 20) };
    outcome o = read_profile(p, d);
    if (!ok(o)) {
        profile_free(p);
        return o;
    }
    if (i < all->n_profiles) profile_free(all->profiles[i]);
    else all->n_profiles++;
    all->profiles[i] = p;
    return DONE;
}

outcome reaction_apply(struct reactions *all, const struct doc *d, int64_t at_ms)
{
    const char *what = doc_text(d, "what", "");
    TRY(reaction_judge(all, d, at_ms, NULL));
    if (strcmp(what, "begin") == 0) TRY(begin(all, d, at_ms));
    else if (strcmp(what, "end") == 0) end(all, d, at_ms);
    else if (strcmp(what, "rule") == 0) TRY(add_rule(all, d, at_ms));
    else if (strcmp(what, "rule-end") == 0) rule_find(all, doc_text(d, "id", ""))->ended_ms = at_ms;
    else TRY(put_profile(all, d, at_ms));
    all->epoch++;
    return DONE;
}

void reactions_deinit(struct reactions *all)
{
    for (size_t i = 0; i < all->n; i++) mem_free(all->at[i]);
    for (size_t i = 0; i < all->n_profiles; i++) profile_free(all->profiles[i]);
    mem_free(all->at);
    mem_free(all->profiles);
    mem_free(all->rules);
    *all = (struct reactions) { .at = NULL };
}

/* ---- asking ---- */

void reaction_next_id(const struct reactions *all, char id[REACTION_ID])
{
    snprintf(id, REACTION_ID, "RC-%zu", all->n + 1);
}

void reaction_next_rule(const struct reactions *all, char id[REACTION_ID])
{
    snprintf(id, REACTION_ID, "RR-%zu", all->n_rules + 1);
}

const struct reaction *reaction_find(const struct reactions *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->at[i]->id, id) == 0) return all->at[i];
    return NULL;
}

/* The newest stand at the end, and those that run are seldom old. */
const struct reaction *reaction_on(const struct reactions *all, const char *device, enum measure m, int64_t now_ms)
{
    size_t left = all ? all->running : 0;
    for (size_t i = all ? all->n : 0; left && i-- > 0;) {
        const struct reaction *r = all->at[i];
        if (r->ended_ms) continue;
        left--;
        if (r->measure == m && now_ms < r->until_ms && strcmp(r->device, device) == 0) return r;
    }
    return NULL;
}

bool reaction_overdue(const struct reaction *r, int64_t now_ms)
{
    return !r->ended_ms && now_ms >= r->until_ms;
}

const struct reaction_profile *reaction_profile_of(const struct reactions *all, const char *device)
{
    size_t i = all ? profile_at(all, device) : 0;
    return all && i < all->n_profiles ? all->profiles[i] : NULL;
}

bool reaction_inside(const struct reaction_profile *p, bool subscribe, struct bytes topic)
{
    size_t n = subscribe ? p->n_subscribe : p->n_publish;
    for (size_t i = 0; i < n; i++) {
        struct bytes filter = bytes_str(subscribe ? p->subscribe[i] : p->publish[i]);
        if (subscribe ? mqtt_covers(filter, topic) : mqtt_matches(filter, topic)) return true;
    }
    return false;
}

/* Those in force by this rule; *ret_let_go: a person ended one of this device a short while ago. */
static int64_t contained_by(const struct reactions *all, const struct reaction_rule *rule, const struct reaction_case *c, bool *ret_let_go)
{
    int64_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct reaction *r = all->at[i];
        if (!r->rule[0]) continue;
        bool mine = strcmp(r->device, c->device) == 0, by_person = strcmp(r->ended_by, "sekimori") != 0;
        n += !r->ended_ms && strcmp(r->rule, rule->id) == 0;
        if (mine && r->ended_ms && by_person && c->now_ms - r->ended_ms < REACTION_OVERRULED_MS) *ret_let_go = true;
    }
    return n;
}

const struct reaction_rule *reaction_rule_for(const struct reactions *all, const struct reaction_case *c)
{
    const struct reaction_rule *found = NULL;
    bool let_go = false;
    for (size_t i = 0; i < all->n_rules; i++) {
        const struct reaction_rule *r = &all->rules[i];
        bool mine = r->device[0] ? strcmp(r->device, c->device) == 0 : c->group[0] && strcmp(r->group, c->group) == 0;
        if (r->ended_ms || !mine || strcmp(r->cause, c->cause) != 0) continue;
        if (!found || r->device[0]) found = r;
    }
    if (!found || contained_by(all, found, c, &let_go) >= found->at_most || let_go) return NULL;
    return found;
}

/* ---- documents ---- */

struct doc *reaction_doc(struct arena *a, const struct reaction *r, int64_t now_ms)
{
    struct doc *d = doc_map(a);
    bool over = r->ended_ms || now_ms >= r->until_ms;
    doc_set_text(a, d, "id", r->id);
    doc_set_text(a, d, "device", r->device);
    doc_set_text(a, d, "measure", measure_word(r->measure));
    doc_set_text(a, d, "measure_ja", measure_ja(r->measure));
    doc_set_text(a, d, "measure_en", measure_en(r->measure));
    doc_set_text(a, d, "cause", r->cause);
    doc_set_text(a, d, "rule", r->rule);
    doc_set_text(a, d, "by", r->by);
    doc_set_text(a, d, "why", r->why);
    doc_set_time(a, d, "from", r->from_ms);
    doc_set_time(a, d, "until", r->until_ms);
    doc_set_bool(a, d, "in_force", !over);
    doc_set_time(a, d, "ended", r->ended_ms);
    doc_set_text(a, d, "ended_by", r->ended_by);
    doc_set_text(a, d, "ended_why", r->ended_why);
    return d;
}

struct doc *reaction_rule_doc(struct arena *a, const struct reaction_rule *r)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", r->id);
    doc_set_text(a, d, "cause", r->cause);
    doc_set_text(a, d, "device", r->device);
    doc_set_text(a, d, "group", r->group);
    doc_set_text(a, d, "measure", measure_word(r->measure));
    doc_set_text(a, d, "measure_ja", measure_ja(r->measure));
    doc_set_text(a, d, "measure_en", measure_en(r->measure));
    doc_set_int(a, d, "minutes", r->minutes);
    doc_set_int(a, d, "at_most", r->at_most);
    doc_set_text(a, d, "by", r->by);
    doc_set_time(a, d, "at", r->at_ms);
    doc_set_time(a, d, "ended", r->ended_ms);
    return d;
}

static struct doc *texts_doc(struct arena *a, const char *const *texts, size_t n)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < n; i++) doc_add(list, doc_text_new(a, texts[i]));
    return list;
}

struct doc *reaction_profile_doc(struct arena *a, const struct reaction_profile *p)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "device", p->device);
    doc_set_text(a, d, "name", p->name);
    doc_set_text(a, d, "by", p->by);
    doc_set_time(a, d, "at", p->at_ms);
    doc_set(a, d, "publish", texts_doc(a, p->publish, p->n_publish));
    doc_set(a, d, "subscribe", texts_doc(a, p->subscribe, p->n_subscribe));
    return d;
}

struct doc *reaction_begin_doc(struct arena *a, const struct reactions *all, const struct reaction_begin *b)
{
    struct doc *d = doc_map(a);
    char id[REACTION_ID];
    reaction_next_id(all, id);
    doc_set_text(a, d, "what", "begin");
    doc_set_text(a, d, "id", arena_text(a, bytes_str(id)));
    doc_set_text(a, d, "device", b->device);
    doc_set_text(a, d, "measure", measure_word(b->measure));
    doc_set_text(a, d, "cause", b->cause);
    doc_set_text(a, d, "rule", b->rule);
    doc_set_text(a, d, "by", b->by);
    doc_set_text(a, d, "why", b->why);
    doc_set_time(a, d, "until", b->until_ms);
    return d;
}

struct doc *reaction_end_doc(struct arena *a, const char *id, const char *by, const char *why)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "what", "end");
    doc_set_text(a, d, "id", id);
    doc_set_text(a, d, "by", by);
    doc_set_text(a, d, "why", why);
    return d;
}
