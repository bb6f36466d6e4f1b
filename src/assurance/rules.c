/* Rules in force: what decisions impose, and, observed only, what the model's conditions would. */
#include "assurance/state.h"

#include <stdio.h>

struct case_file *case_find(const struct assurance *a, const char *id)
{
    for (size_t i = 0; i < a->n_cases; i++)
        if (strcmp(a->cases[i]->decision.id, id) == 0) return a->cases[i];
    return NULL;
}

struct case_file *case_of_mission(const struct assurance *a, const char *mission)
{
    for (size_t i = a->n_cases; i-- > 0;) {
        struct case_file *c = a->cases[i];
        if (!c->superseded_by[0] && strcmp(c->decision.mission, mission) == 0) return c;
    }
    return NULL;
}

const struct stream_name *stream_find(const struct assurance *a, const char *name_or_pattern)
{
    for (size_t i = 0; i < a->n_streams; i++)
        if (strcmp(a->streams[i].name, name_or_pattern) == 0) return &a->streams[i];
    for (size_t i = 0; i < a->n_streams; i++)
        if (strcmp(a->streams[i].pattern, name_or_pattern) == 0) return &a->streams[i];
    return NULL;
}

const struct rule *rule_find(const struct assurance *a, const char *condition_id, const char *stream)
{
    for (size_t i = 0; i < a->n_rules; i++)
        if (strcmp(a->rules[i].condition_id, condition_id) == 0 && strcmp(a->rules[i].stream, stream) == 0)
            return &a->rules[i];
    return NULL;
}

static bool stricter(const struct rule *r, const struct rule *than)
{
    if (r->enforced != than->enforced) return r->enforced;
    return r->mode > than->mode;
}

/* Two decisions may name one condition of one stream: the stricter stands. */
static void rule_put(struct assurance *a, const struct rule *r)
{
    struct rule *old = (struct rule *)rule_find(a, r->condition_id, r->stream);
    if (old && stricter(r, old)) *old = *r;
    if (old || a->n_rules == RULES_MAX) return;
    a->rules[a->n_rules++] = *r;
}

static void stream_set(const struct assurance *a, struct rule *r, const char *stream)
{
    const struct stream_name *s = stream_find(a, stream);
    (void)snprintf(r->stream, sizeof r->stream, "%s", s ? s->pattern : stream);
    (void)snprintf(r->stream_name, sizeof r->stream_name, "%s", s ? s->name : "");
}

static enum limit_mode harder(enum limit_mode a, enum limit_mode b)
{
    return a > b ? a : b;
}

/* What stands when the decision is over: its streams fall back as was signed, until people decide again. */
static void fallback_put(struct assurance *a, const struct case_file *c, const struct rule *line)
{
    struct rule r = { .expired = true, .mode = c->decision.fallback, .enforced = true, .until_ms = NO_END_MS };
    (void)snprintf(r.condition_id, sizeof r.condition_id, "%s", LIMITS_EXPIRED);
    (void)snprintf(r.text, sizeof r.text, "%s(%s)", LIMITS_EXPIRED, c->decision.id);
    memcpy(r.decision, c->decision.id, sizeof r.decision);
    memcpy(r.stream, line->stream, sizeof r.stream);
    memcpy(r.stream_name, line->stream_name, sizeof r.stream_name);
    rule_put(a, &r);
}

static void line_put(struct assurance *a, const struct case_file *c, const struct decision_rule *line)
{
    const struct decision *d = &c->decision;
    size_t at = a->model ? model_condition(a->model, line->condition) : SIZE_MAX;
    const struct model_condition *m = at != SIZE_MAX ? &a->model->conditions[at] : NULL;
    struct rule r = { .mode = line->mode, .enforced = line->enforced, .until_ms = d->expires_ms,
        .loosen = d->loosen, .dwell_ms = d->dwell_ms };
    if (!m || !ok(condition_read(m->text, &r.condition))) return; /* model_apply refuses to drop one in force */
    memcpy(r.condition_id, m->id, sizeof r.condition_id);
    memcpy(r.text, m->text, sizeof r.text);
    memcpy(r.decision, d->id, sizeof r.decision);
    stream_set(a, &r, line->stream);
    if (c->expired && line->enforced) {
        r.mode = harder(r.mode, d->fallback);
        r.until_ms = NO_END_MS;
        fallback_put(a, c, &r);
    }
    rule_put(a, &r);
}

static void model_put(struct assurance *a, const struct model_condition *m)
{
    struct rule r = { .mode = m->mode, .until_ms = NO_END_MS, .loosen = DECISION_LOOSEN_AUTO };
    if (!ok(condition_read(m->text, &r.condition))) return;
    memcpy(r.condition_id, m->id, sizeof r.condition_id);
    memcpy(r.text, m->text, sizeof r.text);
    stream_set(a, &r, m->stream);
    if (!rule_find(a, r.condition_id, r.stream)) rule_put(a, &r);
}

void rules_build(struct assurance *a, int64_t now_ms)
{
    (void)now_ms;
    a->n_rules = 0;
    for (size_t i = 0; i < a->n_cases; i++) {
        const struct case_file *c = a->cases[i];
        if (c->superseded_by[0] || c->decision.accept == DECISION_SEND_BACK) continue;
        for (size_t k = 0; k < c->decision.n_rules; k++) line_put(a, c, &c->decision.rules[k]);
    }
    for (size_t i = 0; a->model && i < a->model->n_conditions; i++) model_put(a, &a->model->conditions[i]);
}

bool cases_expire(struct assurance *a, int64_t now_ms)
{
    bool any = false;
    for (size_t i = 0; i < a->n_cases; i++) {
        struct case_file *c = a->cases[i];
        if (c->expired || c->superseded_by[0] || now_ms < c->decision.expires_ms) continue;
        c->expired = any = true;
        struct arena arena = ARENA(262144);
        say(a, "decision", view_case(a, c, &arena, now_ms));
        arena_deinit(&arena);
    }
    return any;
}
