#include "assurance/evidence.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "risk/words.h"

/* Only the newest time of each result is kept per method: maxima commute, so the order in which
 * facts arrive cannot matter. */
struct slot {
    int64_t pass_ms, fail_ms, error_ms, confirmed_ms; /* 0 = never */
};

struct pair {
    char control[FACT_CONTROL_MAX], asset[FACT_ASSET_MAX];
    struct slot slots[FACT_METHODS];
    int64_t detail_ms;
    char detail[FACT_DETAIL_MAX]; /* of the newest authenticated fact */
    uint32_t unauthenticated;
    size_t at;                    /* in pairs */
};

struct asset {
    char id[FACT_ASSET_MAX], group[MODEL_ID];
    uint64_t group_key; /* of group: most assets are of another one, and that is seen at a glance */
    bool present;
    int64_t contained_ms;
};

static uint64_t key_of(const char *group)
{
    uint64_t key = 14695981039346656037u;
    while (*group) key = (key ^ (unsigned char)*group++) * 1099511628211u;
    return key;
}

struct evidence {
    struct map by_pair, by_asset;
    struct asset **assets; /* sorted by id */
    size_t n_assets, cap_assets;
    struct by_group {      /* the same by group, then id; made when first asked for after a change */
        struct asset **assets;
        size_t n;
        uint64_t turn;
    } *by_group;
    struct pair **pairs;
    size_t n_pairs, cap_pairs;
    uint64_t unauthenticated;
    uint64_t turn_all;     /* of every control */
    struct { char control[FACT_CONTROL_MAX]; uint64_t turn; } turns[128];
    size_t n_turns;
};

/* --- storage --- */

outcome evidence_new(struct evidence **ret)
{
    struct evidence *e = mem_new(sizeof *e);
    if (!e) return REFUSE(E_MEMORY);
    e->by_pair = MAP;
    e->by_asset = MAP;
    e->turn_all = 1;
    e->by_group = mem_new(sizeof *e->by_group);
    if (!e->by_group) {
        mem_free(e);
        return REFUSE(E_MEMORY);
    }
    *ret = e;
    return DONE;
}

void evidence_free(struct evidence *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n_assets; i++) mem_free(e->assets[i]);
    for (size_t i = 0; i < e->n_pairs; i++) mem_free(e->pairs[i]);
    map_deinit(&e->by_pair);
    map_deinit(&e->by_asset);
    mem_free(e->by_group->assets);
    mem_free(e->by_group);
    mem_free(e->assets);
    mem_free(e->pairs);
    mem_free(e);
}

static struct bytes pair_key(const char *control, const char *asset, char text[FACT_CONTROL_MAX + FACT_ASSET_MAX + 2])
{
    int n = snprintf(text, FACT_CONTROL_MAX + FACT_ASSET_MAX + 2, "%s %s", control, asset);
    return bytes_of(text, n > 0 ? (size_t)n : 0);
}

static struct pair *pair_find(const struct evidence *e, const char *control, const char *asset)
{
    char text[FACT_CONTROL_MAX + FACT_ASSET_MAX + 2];
    if (strlen(control) >= FACT_CONTROL_MAX || strlen(asset) >= FACT_ASSET_MAX) return NULL;
    return map_get(&e->by_pair, pair_key(control, asset, text));
}

/* Room for one more pointer in a list. */
static MUST outcome grow(void **list, size_t n, size_t *cap)
{
    if (n < *cap) return DONE;
    size_t more = *cap ? *cap * 2 : 64;
    void *p = mem_grow(*list, more * sizeof(void *));
    if (!p) return REFUSE(E_MEMORY);
    *list = p;
    *cap = more;
    return DONE;
}

static MUST outcome pair_make(struct evidence *e, const char *control, const char *asset, struct pair **ret)
{
    char text[FACT_CONTROL_MAX + FACT_ASSET_MAX + 2];
    if ((*ret = pair_find(e, control, asset))) return DONE;
    if (e->n_pairs == EVIDENCE_PAIRS_MAX) return REFUSE(E_FULL);
    TRY(grow((void **)&e->pairs, e->n_pairs, &e->cap_pairs));
    struct pair *p = mem_new(sizeof *p);
    if (!p) return REFUSE(E_MEMORY);
    snprintf(p->control, sizeof p->control, "%s", control);
    snprintf(p->asset, sizeof p->asset, "%s", asset);
    outcome o = map_put(&e->by_pair, pair_key(control, asset, text), p);
    if (!ok(o)) {
        mem_free(p);
        return o;
    }
    e->pairs[e->n_pairs++] = p;
    *ret = p;
    return DONE;
}

static struct asset *asset_find(const struct evidence *e, const char *id)
{
    return map_get(&e->by_asset, bytes_str(id));
}

/* A name that stands in a key and in a snapshot's row: no spaces, no control characters. */
static bool name_good(const char *s, size_t size)
{
    size_t n = strnlen(s, size);
    if (n == 0 || n == size) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= ' ' || s[i] == 127) return false;
    return bytes_is_utf8(bytes_of(s, n));
}

static void turned(struct evidence *e, const char *control)
{
    size_t i = 0;
    while (i < e->n_turns && strcmp(e->turns[i].control, control) != 0) i++;
    if (i == sizeof e->turns / sizeof *e->turns) {
        e->turn_all++;
        return;
    }
    if (i == e->n_turns) snprintf(e->turns[e->n_turns++].control, FACT_CONTROL_MAX, "%s", control);
    e->turns[i].turn++;
}

uint64_t evidence_turn(const struct evidence *e, const char *control)
{
    for (size_t i = 0; i < e->n_turns; i++)
        if (strcmp(e->turns[i].control, control) == 0) return e->turn_all + e->turns[i].turn;
    return e->turn_all;
}

outcome evidence_asset(struct evidence *e, const char *id, const char *group, bool present)
{
    if (!name_good(id, FACT_ASSET_MAX) || strlen(group) >= MODEL_ID) return REFUSE(E_RANGE);
    struct asset *a = asset_find(e, id);
    if (!a) {
        if (e->n_assets == EVIDENCE_PAIRS_MAX) return REFUSE(E_FULL);
        TRY(grow((void **)&e->assets, e->n_assets, &e->cap_assets));
        if (!(a = mem_new(sizeof *a))) return REFUSE(E_MEMORY);
        snprintf(a->id, sizeof a->id, "%s", id);
        outcome o = map_put(&e->by_asset, bytes_str(id), a);
        if (!ok(o)) {
            mem_free(a);
            return o;
        }
        size_t at = e->n_assets++;
        for (; at > 0 && strcmp(e->assets[at - 1]->id, id) > 0; at--) e->assets[at] = e->assets[at - 1];
        e->assets[at] = a;
    }
    snprintf(a->group, sizeof a->group, "%s", group);
    a->group_key = key_of(a->group);
    a->present = present;
    e->turn_all++;
    return DONE;
}

/* --- what a pair says --- */

static int64_t trust(size_t method)
{
    return risk_trust((enum risk_method)method);
}

/* The newest pass of a method trusted at least as much as this one. */
static int64_t vouched_ms(const struct pair *p, size_t method)
{
    int64_t newest = 0;
    for (size_t k = 0; k < FACT_METHODS; k++)
        if (trust(k) >= trust(method) && p->slots[k].pass_ms > newest) newest = p->slots[k].pass_ms;
    return newest;
}

/* A fail stands until a strictly newer pass that is trusted at least as much. */
static bool fails(const struct pair *p, size_t method)
{
    return p->slots[method].fail_ms && p->slots[method].fail_ms >= vouched_ms(p, method);
}

static bool event_open(const struct pair *p, size_t method)
{
    return p->slots[method].confirmed_ms && p->slots[method].confirmed_ms >= vouched_ms(p, method);
}

static bool passes(const struct slot *s)
{
    return s->pass_ms > s->error_ms && s->pass_ms > s->fail_ms;
}

struct standing {
    bool fail, pass, event;
    int64_t newest_ms;
};

static struct standing standing(const struct pair *p)
{
    struct standing s = { 0 };
    for (size_t k = 0; k < FACT_METHODS; k++) {
        s.fail |= fails(p, k);
        s.event |= event_open(p, k);
        s.pass |= passes(&p->slots[k]);
        if (p->slots[k].pass_ms > s.newest_ms) s.newest_ms = p->slots[k].pass_ms;
        if (p->slots[k].fail_ms > s.newest_ms) s.newest_ms = p->slots[k].fail_ms;
    }
    s.pass = s.pass && !s.fail;
    return s;
}

static void raise_to(int64_t *at, int64_t ms)
{
    if (ms > *at) *at = ms;
}

static void record(struct pair *p, const struct fact *f, int64_t at)
{
    struct slot *s = &p->slots[f->method];
    switch (f->result) {
    case FACT_PASS: raise_to(&s->pass_ms, at); break;
    case FACT_FAIL:
        raise_to(&s->fail_ms, at);
        if (f->confirmed) raise_to(&s->confirmed_ms, at);
        break;
    default: raise_to(&s->error_ms, at); break;
    }
    if (at < p->detail_ms) return;
    p->detail_ms = at;
    memcpy(p->detail, f->detail, sizeof p->detail);
    p->detail[sizeof p->detail - 1] = 0;
}

outcome evidence_fact(struct evidence *e, const struct fact *f, int64_t now_ms, struct evidence_change *ret)
{
    *ret = (struct evidence_change) { 0 };
    bool good = name_good(f->control, sizeof f->control) && name_good(f->asset, sizeof f->asset);
    if (!good || (unsigned)f->result >= FACT_RESULTS || (unsigned)f->method >= FACT_METHODS) return REFUSE(E_RANGE);
    struct pair *p;
    if (!f->authenticated) {
        e->unauthenticated++;
        p = pair_find(e, f->control, f->asset);
        if (p && p->unauthenticated < UINT32_MAX) p->unauthenticated++;
        if (p) turned(e, p->control);
        return DONE;
    }
    int64_t at = f->at_ms < now_ms ? f->at_ms : now_ms;
    if (at <= 0) return REFUSE(E_RANGE);
    TRY(pair_make(e, f->control, f->asset, &p));
    struct standing before = standing(p);
    record(p, f, at);
    turned(e, p->control);
    struct standing after = standing(p);
    ret->adverse = after.fail && !before.fail;
    ret->event = after.event && !before.event;
    ret->cleared = (before.fail && !after.fail) || (before.event && !after.event);
    ret->changed = after.fail != before.fail || after.pass != before.pass || after.event != before.event;
    ret->refreshed = !ret->changed && after.newest_ms != before.newest_ms;
    return DONE;
}

const char *evidence_state_word(enum evidence_state s)
{
    static const char *const words[EVIDENCE_STATES] = { "unknown", "stale", "pass", "fail" };
    assert(s < EVIDENCE_STATES);
    return words[s];
}

const char *evidence_state_word_ja(enum evidence_state s)
{
    static const char *const words[EVIDENCE_STATES] = { "未確認", "期限切れ", "合格", "不合格" };
    assert(s < EVIDENCE_STATES);
    return words[s];
}

/* The fail that stands and is newest. */
static bool look_fail(const struct pair *p, struct evidence_row *row)
{
    for (size_t k = 0; k < FACT_METHODS; k++) {
        if (!fails(p, k)) continue;
        if (row->state == EVIDENCE_FAIL && p->slots[k].fail_ms <= row->at_ms) continue;
        row->state = EVIDENCE_FAIL;
        row->method = (enum fact_method)k;
        row->at_ms = p->slots[k].fail_ms;
        row->value_ppb = 0;
    }
    for (size_t k = 0; k < FACT_METHODS; k++) row->confirmed |= event_open(p, k);
    return row->state == EVIDENCE_FAIL;
}

static void look_pair(const struct pair *p, int64_t fresh_ms, int64_t stale_ms, int64_t now_ms,
    struct evidence_row *row)
{
    *row = (struct evidence_row) { 0 };
    if (!p) return;
    memcpy(row->detail, p->detail, sizeof row->detail);
    row->unauthenticated = p->unauthenticated;
    if (look_fail(p, row)) return;
    for (size_t k = 0; k < FACT_METHODS; k++) {
        if (!passes(&p->slots[k])) continue;
        int64_t fresh = risk_freshness(now_ms - p->slots[k].pass_ms, fresh_ms, stale_ms);
        int64_t value = risk_mul(trust(k), fresh);
        if (row->at_ms && value <= row->value_ppb) continue;
        row->state = value ? EVIDENCE_PASS : EVIDENCE_STALE;
        row->method = (enum fact_method)k;
        row->at_ms = p->slots[k].pass_ms;
        row->value_ppb = value;
    }
}

void evidence_look(const struct evidence *e, const char *control, const char *asset, int64_t fresh_ms,
    int64_t stale_ms, int64_t now_ms, struct evidence_row *ret)
{
    look_pair(pair_find(e, control, asset), fresh_ms, stale_ms, now_ms, ret);
}

/* --- scopes --- */

struct visit {
    void *ctx;
    void (*fn)(void *ctx, const char *asset);
    size_t n;
};

static void visit_one(struct visit *v, const char *asset)
{
    v->n++;
    if (v->fn) v->fn(v->ctx, asset);
}

static bool is_non_ict(const char *layer)
{
    static const char *const elements[] = { "organisation", "people", "things", "data", "procedure", "system" };
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (strcmp(layer, elements[i]) == 0) return true;
    return false;
}

static int group_order(const void *a, const void *b)
{
    const struct asset *x = *(struct asset *const *)a, *y = *(struct asset *const *)b;
    if (x->group_key != y->group_key) return x->group_key < y->group_key ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Assets whose group has this key lie together; *ret_last: one behind them. All of them when memory is out. */
static struct asset **assets_of(const struct evidence *e, uint64_t key, struct asset ***ret_last)
{
    struct by_group *g = e->by_group;
    if (g->turn != e->turn_all && e->n_assets) {
        struct asset **more = mem_grow(g->assets, e->n_assets * sizeof(struct asset *));
        if (more) {
            memcpy(more, e->assets, e->n_assets * sizeof(struct asset *));
            qsort(more, e->n_assets, sizeof *more, group_order);
            *g = (struct by_group) { more, e->n_assets, e->turn_all };
        }
    }
    *ret_last = e->assets + e->n_assets;
    if (g->turn != e->turn_all) return e->assets;
    size_t low = 0, high = g->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (g->assets[mid]->group_key < key) low = mid + 1;
        else high = mid;
    }
    size_t last = low;
    while (last < g->n && g->assets[last]->group_key == key) last++;
    *ret_last = g->assets + last;
    return g->assets + low;
}

static void visit_group(const struct evidence *e, const struct model_group *g, struct visit *v)
{
    size_t before = v->n;
    struct asset **last, **at = assets_of(e, key_of(g->id), &last);
    for (; at < last; at++)
        if ((*at)->present && strcmp((*at)->group, g->id) == 0) visit_one(v, (*at)->id);
    for (size_t i = 0; i < g->n_members; i++)
        if (!asset_find(e, g->members[i])) visit_one(v, g->members[i]);
    if (v->n == before && g->n_members == 0 && is_non_ict(g->layer)) visit_one(v, g->id);
}

/* A registered asset that left is in no scope, whatever its name. */
static void visit_scope(const struct evidence *e, const struct model *m, const char *scope, struct visit *v)
{
    size_t at = model_group(m, scope);
    if (at != SIZE_MAX) {
        visit_group(e, &m->groups[at], v);
        return;
    }
    const struct asset *a = asset_find(e, scope);
    if (!a || a->present) visit_one(v, scope);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct gather {
    const char **to;
    size_t n, cap;
};

static void gather_one(void *ctx, const char *asset)
{
    struct gather *g = ctx;
    if (g->n < g->cap) g->to[g->n++] = asset;
}

size_t evidence_assets(const struct evidence *e, const struct model *m, const char *scope, const char **ret, size_t cap)
{
    struct gather g = { ret, 0, cap };
    struct visit v = { &g, gather_one, 0 };
    visit_scope(e, m, scope, &v);
    if (g.n) qsort(ret, g.n, sizeof *ret, by_text);
    return v.n;
}

const char *evidence_group(const struct evidence *e, const struct model *m, const char *asset)
{
    const struct asset *a = asset_find(e, asset);
    if (a) return a->group;
    for (size_t i = 0; i < m->n_groups; i++)
        for (size_t k = 0; k < m->groups[i].n_members; k++)
            if (strcmp(m->groups[i].members[k], asset) == 0) return m->groups[i].id;
    return model_group(m, asset) != SIZE_MAX ? m->groups[model_group(m, asset)].id : "";
}

/* --- coverage --- */

struct covering {
    const struct evidence *e;
    const struct model_control *c;
    int64_t now_ms;
    struct evidence_coverage *ret;
    int64_t value; /* sum of pass values; at most 1e9 x assets */
};

static void next_change(struct covering *v, const struct evidence_row *row)
{
    if (row->state != EVIDENCE_PASS) return;
    int64_t age = v->now_ms - row->at_ms, at = row->at_ms + v->c->fresh_ms;
    if (age >= v->c->fresh_ms) {
        v->ret->falling = true;
        at = v->now_ms + 60000; /* falling all the time: look again in a minute, or when it is gone */
        if (at > row->at_ms + v->c->stale_ms) at = row->at_ms + v->c->stale_ms;
    }
    if (v->ret->changes_ms == 0 || at < v->ret->changes_ms) v->ret->changes_ms = at;
}

static void cover_one(void *ctx, const char *asset)
{
    struct covering *v = ctx;
    struct evidence_coverage *ret = v->ret;
    struct evidence_row row;
    look_pair(pair_find(v->e, v->c->id, asset), v->c->fresh_ms, v->c->stale_ms, v->now_ms, &row);
    ret->assets++;
    ret->unauthenticated += row.unauthenticated;
    if (row.state == EVIDENCE_PASS) ret->pass++;
    else if (row.state == EVIDENCE_FAIL) ret->fail++;
    else ret->unknown++;
    if (row.state == EVIDENCE_STALE) ret->stale++;
    next_change(v, &row);
    if (row.state != EVIDENCE_PASS && row.state != EVIDENCE_FAIL) return;
    bool stated = row.method == FACT_BY_DECLARATION || row.method == FACT_BY_PEER;
    *(stated ? &ret->declared : &ret->measured) += 1;
    v->value += row.value_ppb;
    if (ret->oldest_ms == 0 || row.at_ms < ret->oldest_ms) ret->oldest_ms = row.at_ms;
}

void evidence_cover(const struct evidence *e, const struct model *m, const struct model_control *c, const char *group,
    int64_t now_ms, struct evidence_coverage *ret)
{
    *ret = (struct evidence_coverage) { 0 };
    struct covering v = { e, c, now_ms, ret, 0 };
    struct visit each = { &v, cover_one, 0 };
    if (group && *group) visit_scope(e, m, group, &each);
    else
        for (size_t i = 0; i < c->n_scope; i++) visit_scope(e, m, c->scope[i], &each);
    int64_t n = ret->assets;
    if (n) {
        ret->p_ppb = v.value / n; /* rounded against us, both */
        ret->f_ppb = ((int64_t)ret->fail * RISK_PPB + n - 1) / n;
    }
    struct risk_coverage cover = risk_cover(ret->p_ppb, ret->f_ppb);
    ret->proven_ppb = cover.proven;
    ret->expected_ppb = cover.expected;
    ret->possible_ppb = cover.possible;
}

/* --- events --- */

static bool event_of(const struct evidence *e, const struct pair *p, struct evidence_event *ret)
{
    int64_t at = 0;
    for (size_t k = 0; k < FACT_METHODS; k++)
        if (event_open(p, k)) raise_to(&at, p->slots[k].confirmed_ms);
    const struct asset *a = asset_find(e, p->asset);
    if (at == 0 || (a && !a->present)) return false;
    *ret = (struct evidence_event) { .at_ms = at, .contained = a && a->contained_ms >= at };
    memcpy(ret->control, p->control, sizeof ret->control);
    memcpy(ret->asset, p->asset, sizeof ret->asset);
    memcpy(ret->detail, p->detail, sizeof ret->detail);
    return true;
}

static int by_asset(const void *a, const void *b)
{
    const struct evidence_event *x = a, *y = b;
    int order = strcmp(x->asset, y->asset);
    return order ? order : strcmp(x->control, y->control);
}

size_t evidence_events(const struct evidence *e, struct evidence_event *ret, size_t cap)
{
    size_t n = 0;
    struct evidence_event one;
    for (size_t i = 0; i < e->n_pairs; i++) {
        if (!event_of(e, e->pairs[i], &one)) continue;
        if (n < cap) ret[n] = one;
        n++;
    }
    if (n && cap) qsort(ret, n < cap ? n : cap, sizeof *ret, by_asset);
    return n;
}

void evidence_contain(struct evidence *e, const char *asset, int64_t at_ms)
{
    struct asset *a = asset_find(e, asset);
    if (a) raise_to(&a->contained_ms, at_ms);
}

uint64_t evidence_unauthenticated(const struct evidence *e)
{
    return e->unauthenticated;
}

/* --- snapshot --- */

struct snapshot {
    const struct evidence *e;
    const struct model_control *c;
    struct arena *a;
    struct doc *rows;
};

static void snapshot_pair(void *ctx, const char *asset)
{
    struct snapshot *s = ctx;
    const struct pair *p = pair_find(s->e, s->c->id, asset);
    for (size_t k = 0; p && k < FACT_METHODS; k++) {
        const struct slot *x = &p->slots[k];
        if (!(x->pass_ms | x->fail_ms | x->error_ms)) continue;
        char row[256];
        snprintf(row, sizeof row, "%s %s %zu %lld %lld %lld %lld", p->control, p->asset, k, (long long)x->pass_ms,
            (long long)x->fail_ms, (long long)x->error_ms, (long long)x->confirmed_ms);
        doc_add(s->rows, doc_text_new(s->a, row));
    }
}

static struct doc *snapshot_assets(const struct evidence *e, struct arena *a)
{
    struct doc *list = doc_list(a);
    for (size_t i = 0; i < e->n_assets; i++) {
        char row[FACT_ASSET_MAX + MODEL_ID + 8];
        snprintf(row, sizeof row, "%s %d %s", e->assets[i]->id, e->assets[i]->present, e->assets[i]->group);
        doc_add(list, doc_text_new(a, row));
    }
    return list;
}

static int by_control(const void *a, const void *b)
{
    return strcmp((*(const struct model_control *const *)a)->id, (*(const struct model_control *const *)b)->id);
}

static int by_row(const void *a, const void *b)
{
    return strcmp((*(const struct doc *const *)a)->text, (*(const struct doc *const *)b)->text);
}

/* Members of one control's rows come by scope; sorting the list makes it independent of the model's order. */
static bool sort_rows(struct doc *list, struct arena *a)
{
    if (list->count < 2) return true;
    struct doc **at = arena_new(a, list->count * sizeof *at);
    if (!at) return false;
    size_t n = 0;
    for (struct doc *d = list->first; d; d = d->next) at[n++] = d;
    qsort(at, n, sizeof *at, by_row);
    list->first = at[0];
    list->last = at[n - 1];
    for (size_t i = 0; i < n; i++) at[i]->next = i + 1 < n ? at[i + 1] : NULL;
    return true;
}

struct doc *evidence_snapshot(const struct evidence *e, const struct model *m, struct arena *a)
{
    const struct model_control *controls[64];
    for (size_t i = 0; i < m->n_controls; i++) controls[i] = &m->controls[i];
    qsort(controls, m->n_controls, sizeof *controls, by_control);
    struct doc *d = doc_map(a), *rows = doc_list(a), *assets = snapshot_assets(e, a);
    if (!rows) return NULL;
    for (size_t i = 0; i < m->n_controls; i++) {
        struct snapshot s = { e, controls[i], a, rows };
        struct visit v = { &s, snapshot_pair, 0 };
        for (size_t k = 0; k < controls[i]->n_scope; k++) visit_scope(e, m, controls[i]->scope[k], &v);
    }
    if (!sort_rows(rows, a)) return NULL;
    doc_set(a, d, "assets", assets);
    doc_set(a, d, "rows", rows);
    return d;
}

static bool row_good(const struct slot *s)
{
    return s->pass_ms >= 0 && s->fail_ms >= 0 && s->error_ms >= 0 && s->confirmed_ms >= 0;
}

static MUST outcome restore_row(struct evidence *e, const char *text)
{
    char control[FACT_CONTROL_MAX], asset[FACT_ASSET_MAX];
    unsigned method;
    long long pass, fail, error, confirmed;
    int end = 0;
    static_assert(FACT_CONTROL_MAX == 16 && FACT_ASSET_MAX == 64, "the widths below");
    if (strlen(text) > 200 || sscanf(text, "%15s %63s %1u %19lld %19lld %19lld %19lld%n", control, asset, &method, &pass,
            &fail, &error, &confirmed, &end) != 7 || text[end])
        return REFUSE(E_MALFORMED);
    struct slot s = { pass, fail, error, confirmed };
    if (method >= FACT_METHODS || !row_good(&s) || !name_good(control, sizeof control) || !name_good(asset, sizeof asset))
        return REFUSE(E_MALFORMED);
    struct pair *p;
    TRY(pair_make(e, control, asset, &p));
    p->slots[method] = s;
    turned(e, control);
    return DONE;
}

static MUST outcome restore_asset(struct evidence *e, const char *text)
{
    char id[FACT_ASSET_MAX], group[MODEL_ID] = "";
    unsigned present;
    static_assert(MODEL_ID == 48, "the width below");
    if (strlen(text) > 200 || sscanf(text, "%63s %1u %47s", id, &present, group) < 2 || present > 1)
        return REFUSE(E_MALFORMED);
    outcome o = evidence_asset(e, id, group, present);
    return o.code == E_RANGE ? REFUSE(E_MALFORMED) : o;
}

outcome evidence_restore(struct evidence *e, const struct doc *snapshot)
{
    const struct doc *assets = doc_get(snapshot, "assets"), *rows = doc_get(snapshot, "rows");
    if (!assets || assets->kind != DOC_LIST || !rows || rows->kind != DOC_LIST) return REFUSE(E_MALFORMED);
    for (const struct doc *d = assets->first; d; d = d->next) {
        if (d->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
        TRY(restore_asset(e, d->text));
    }
    for (const struct doc *d = rows->first; d; d = d->next) {
        if (d->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
        TRY(restore_row(e, d->text));
    }
    return DONE;
}
