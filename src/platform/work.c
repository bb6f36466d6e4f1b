#include "platform/work.h"
#include "platform/member.h"

#include <stdio.h>

#include "crypto/hash.h"
#include "wire/mqtt.h"

static const struct { const char *word, *ja, *en; } states[WORK_STATES] = {
#define X(name, word, ja, en) [name] = { word, ja, en },
    WORK_STATES_(X)
#undef X
};

const char *work_state_word(enum work_state s) { return states[s].word; }
const char *work_state_ja(enum work_state s) { return states[s].ja; }
const char *work_state_en(enum work_state s) { return states[s].en; }

/* What is not in it cannot happen: an ended permit is never opened again, a new one is asked for. */
static const struct { const char *what; unsigned from; enum work_state to; } steps[] = {
    { "approve", 1u << WORK_REQUESTED, WORK_APPROVED },
    { "start", 1u << WORK_APPROVED, WORK_STARTED },
    { "stop", 1u << WORK_STARTED, WORK_STOPPED },
    { "refuse", 1u << WORK_REQUESTED | 1u << WORK_APPROVED, WORK_REFUSED },
    { "close", 1u << WORK_REQUESTED | 1u << WORK_APPROVED | 1u << WORK_STARTED, WORK_CLOSED },
};
enum { STEPS = sizeof steps / sizeof *steps };

static const struct { const char *key; size_t at; } texts[] = {
#define X(name) { #name, offsetof(struct work, name) },
    WORK_TEXTS(X)
#undef X
};
enum { TEXTS = sizeof texts / sizeof *texts };

static outcome refuse(enum code code, const char *text, char why[WORK_WHY])
{
    if (why) snprintf(why, WORK_WHY, "%s", text);
    return (outcome) { code, 0, __FILE__ };
}

/* ---- a request ---- */

static MUST outcome read_text(const struct doc *m, char to[WORK_TEXT_MAX], char why[WORK_WHY])
{
    if (m->kind != DOC_TEXT || !member_plain(m->text) || strlen(m->text) >= WORK_TEXT_MAX) return refuse(E_MALFORMED, m->key, why);
    return bytes_to_text(bytes_str(m->text), to, WORK_TEXT_MAX);
}

static MUST outcome read_member(const struct doc *m, struct work *w, char why[WORK_WHY])
{
    if (strcmp(m->key, "what") == 0) return DONE;
    if (strcmp(m->key, "id") == 0) return bytes_to_text(bytes_str(m->kind == DOC_TEXT ? m->text : ""), w->id, sizeof w->id);
    if (strcmp(m->key, "from") == 0 || strcmp(m->key, "until") == 0)
        return m->kind == DOC_TEXT ? time_parse(bytes_str(m->text), m->key[0] == 'f' ? &w->from_ms : &w->until_ms) : refuse(E_MALFORMED, m->key, why);
    for (size_t i = 0; i < TEXTS; i++)
        if (strcmp(m->key, texts[i].key) == 0) return read_text(m, (char *)w + texts[i].at, why);
    return refuse(E_MALFORMED, m->key, why);
}

/* "who" is somebody who can be asked by name afterwards. */
static bool is_company(const struct work *w)
{
    static const char *const marks[] = { "株式会社", "有限会社", "合同会社", "（株）", "(株)", "㈱", "（有）", "(有)", "㈲", "御中", " Co.", " Inc", " Ltd", " GmbH", " LLC" };
    if (w->company[0] && strcmp(w->person, w->company) == 0) return true;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(w->person, marks[i])) return true;
    return false;
}

static bool done(const struct work *w)
{
    return w->state == WORK_STOPPED || w->state == WORK_CLOSED || w->state == WORK_REFUSED;
}

static MUST outcome judge_request(const struct works *all, const struct work *w, char why[WORK_WHY])
{
    static const struct { size_t at; const char *key; } needed[] = { { offsetof(struct work, subject), "subject" },
        { offsetof(struct work, person), "person" }, { offsetof(struct work, stream), "stream" }, { offsetof(struct work, number), "number" },
        { offsetof(struct work, supervisor), "supervisor" }, { offsetof(struct work, purpose), "purpose" }, { offsetof(struct work, requester), "requester" } };
    char next[PERMIT_ID_MAX];
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!((const char *)w)[needed[i].at]) return refuse(E_MALFORMED, needed[i].key, why);
    work_next_id(all, next);
    if (strcmp(w->id, next) != 0) return refuse(E_CONFLICT, "id: not the next number", why);
    if (all->n == WORK_MAX) return refuse(E_FULL, "no room for another permit", why);
    if (strlen(w->subject) >= sizeof((struct permit *)0)->subject) return refuse(E_MALFORMED, "subject", why);
    if (strlen(w->stream) >= PERMIT_STREAM_MAX || !mqtt_filter_valid(bytes_str(w->stream))) return refuse(E_MALFORMED, "stream: expected an MQTT topic filter", why);
    if (w->until_ms <= w->from_ms) return refuse(E_RANGE, "until: expected later than from", why);
    if (w->until_ms - w->from_ms > WORK_WINDOW_MAX) return refuse(E_RANGE, "until: a window is at most 14 days", why);
    if (is_company(w)) return refuse(E_MALFORMED, "person: expected a person's name, not a company's", why);
    if (strcmp(w->supervisor, w->subject) == 0) return refuse(E_CONFLICT, "supervisor: nobody supervises himself", why);
    for (size_t i = 0; i < all->n; i++) {
        const struct work *o = all->at[i];
        bool meets = !done(o) && strcmp(o->subject, w->subject) == 0 && o->from_ms < w->until_ms && w->from_ms < o->until_ms;
        if (meets && strcmp(o->person, w->person) != 0) return refuse(E_CONFLICT, "subject: another person has this credential in that window", why);
    }
    return DONE;
}

static MUST outcome read_request(const struct doc *d, struct work *ret, char why[WORK_WHY])
{
    struct work w = { .state = WORK_REQUESTED };
    struct buffer b = BUFFER(65536);
    struct hash h;
    for (const struct doc *m = d->first; m; m = m->next) {
        outcome o = read_member(m, &w, why);
        if (!ok(o)) return refuse(o.code, m->key, why);
    }
    outcome o = doc_write_json(d, &b);
    if (ok(o)) {
        hash_sha256(buffer_view(&b), &h);
        hex_of(hash_view(&h), w.sha256);
    }
    buffer_deinit(&b);
    TRY(o);
    snprintf(w.step[WORK_REQUESTED].by, sizeof w.step[0].by, "%.63s", w.requester);
    *ret = w;
    return DONE;
}

/* ---- a step ---- */

static MUST outcome judge_step(const struct works *all, const struct doc *d, const struct work **ret, enum work_state *ret_to, char why[WORK_WHY])
{
    const struct work *w = work_find(all, doc_text(d, "id", ""));
    const char *what = doc_text(d, "what", "");
    if (!w) return refuse(E_UNKNOWN, "no such permit", why);
    *ret = w;
    *ret_to = w->state;
    if (strcmp(what, "unusual") == 0) return DONE;
    if (!doc_text(d, "by", "")[0] || !member_plain(doc_text(d, "by", "")) || !member_plain(doc_text(d, "why", ""))) return refuse(E_MALFORMED, "by", why);
    for (size_t i = 0; i < STEPS; i++) {
        if (strcmp(steps[i].what, what) != 0) continue;
        if (!(steps[i].from & (1u << w->state))) return refuse(E_CONFLICT, states[w->state].en, why);
        *ret_to = steps[i].to;
        return DONE;
    }
    return refuse(E_MALFORMED, "what", why);
}

outcome work_judge(const struct works *all, const struct doc *d, char why[WORK_WHY])
{
    struct work w;
    const struct work *now;
    enum work_state to;
    if (!d || d->kind != DOC_MAP) return refuse(E_MALFORMED, "expected a map", why);
    if (strcmp(doc_text(d, "what", ""), "request") != 0) return judge_step(all, d, &now, &to, why);
    TRY(read_request(d, &w, why));
    return judge_request(all, &w, why);
}

static MUST outcome add(struct works *all, const struct work *w)
{
    if (all->n == all->cap) {
        size_t cap = all->cap ? 2 * all->cap : 16;
        struct work **at = mem_grow(all->at, cap * sizeof *at);
        if (!at) return REFUSE(E_MEMORY);
        all->at = at;
        all->cap = cap;
    }
    struct work *mine = mem_new(sizeof *mine);
    if (!mine) return REFUSE(E_MEMORY);
    *mine = *w;
    all->at[all->n++] = mine;
    return DONE;
}

outcome work_apply(struct works *all, const struct doc *d, int64_t at_ms)
{
    struct work fresh;
    const struct work *now;
    enum work_state to;
    TRY(work_judge(all, d, NULL));
    if (strcmp(doc_text(d, "what", ""), "request") == 0) {
        TRY(read_request(d, &fresh, NULL));
        fresh.step[WORK_REQUESTED].at_ms = at_ms;
        return add(all, &fresh);
    }
    TRY(judge_step(all, d, &now, &to, NULL));
    struct work *w = (struct work *)now;
    if (to == w->state) {
        w->unusual++;
        return DONE;
    }
    w->state = to;
    w->step[to].at_ms = at_ms;
    snprintf(w->step[to].by, sizeof w->step[0].by, "%.63s", doc_text(d, "by", ""));
    snprintf(w->step[to].why, sizeof w->step[0].why, "%.150s", doc_text(d, "why", ""));
    return DONE;
}

void works_deinit(struct works *all)
{
    for (size_t i = 0; i < all->n; i++) mem_free(all->at[i]);
    mem_free(all->at);
    *all = WORKS;
}

/* ---- asking ---- */

const struct work *work_find(const struct works *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->at[i]->id, id) == 0) return all->at[i];
    return NULL;
}

void work_next_id(const struct works *all, char id[PERMIT_ID_MAX])
{
    snprintf(id, PERMIT_ID_MAX, "WP-%zu", all->n + 1);
}

bool work_open(const struct work *w, int64_t now_ms)
{
    return w->state == WORK_STARTED && now_ms >= w->from_ms && now_ms < w->until_ms;
}

bool work_overdue(const struct work *w, int64_t now_ms)
{
    return !done(w) && now_ms >= w->until_ms;
}

int64_t works_next_end(const struct works *all)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < all->n; i++)
        if (!done(all->at[i]) && all->at[i]->until_ms < next) next = all->at[i]->until_ms;
    return next;
}

struct doc *work_doc(struct arena *a, const struct work *w)
{
    struct doc *d = doc_map(a), *list = doc_list(a);
    doc_set_text(a, d, "id", w->id);
    for (size_t i = 0; i < TEXTS; i++) doc_set_text(a, d, texts[i].key, (const char *)w + texts[i].at);
    doc_set_time(a, d, "from", w->from_ms);
    doc_set_time(a, d, "until", w->until_ms);
    doc_set_text(a, d, "request_sha256", w->sha256);
    doc_set_text(a, d, "state", work_state_word(w->state));
    doc_set_text(a, d, "state_ja", work_state_ja(w->state));
    doc_set_text(a, d, "state_en", work_state_en(w->state));
    doc_set_int(a, d, "unusual", w->unusual);
    for (int s = 0; s < WORK_STATES; s++) {
        if (!w->step[s].at_ms) continue;
        struct doc *m = doc_map(a);
        doc_set_text(a, m, "state", states[s].word);
        doc_set_text(a, m, "state_ja", states[s].ja);
        doc_set_text(a, m, "state_en", states[s].en);
        doc_set_text(a, m, "by", w->step[s].by);
        doc_set_text(a, m, "why", w->step[s].why);
        doc_set_time(a, m, "at", w->step[s].at_ms);
        doc_add(list, m);
    }
    doc_set(a, d, "steps", list);
    return d;
}

struct doc *work_step_doc(struct arena *a, const struct work_step *s)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "what", s->what);
    doc_set_text(a, d, "id", s->id);
    doc_set_text(a, d, "by", s->by);
    doc_set_text(a, d, "why", s->why ? s->why : "");
    return d;
}
