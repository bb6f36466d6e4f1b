/* See condition.h. */
#include "assurance/condition.h"

static const char *const condition_words[CONDITION_KINDS] = {
    [CONDITION_ATTESTED] = "attested",       [CONDITION_COVERAGE] = "coverage",
    [CONDITION_ENCRYPTED] = "encrypted",     [CONDITION_EVENT_FREE] = "event-free",
    [CONDITION_TOLERANCE] = "within-tolerance",
};

static void skip_space(struct bytes *in)
{
    struct bytes one;
    while (in->n > 0 && in->at[0] == ' ')
        if (!ok(take(in, 1, &one))) return;
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'
        || c == '.' || c == '/';
}

static MUST outcome take_word(struct bytes *in, char *ret, size_t size)
{
    struct bytes word;
    size_t n = 0;
    skip_space(in);
    while (n < in->n && is_word(in->at[n])) n++;
    if (n == 0) return REFUSE(E_MALFORMED);
    TRY(take(in, n, &word));
    skip_space(in);
    return bytes_to_text(word, ret, size);
}

static bool take_mark(struct bytes *in, struct bytes mark)
{
    struct bytes gone;
    skip_space(in);
    return bytes_starts(*in, mark) && ok(take(in, mark.n, &gone));
}

static MUST outcome take_number(struct bytes *in, uint32_t *ret)
{
    uint32_t v = 0;
    size_t digits = 0;
    skip_space(in);
    for (; in->n > 0 && in->at[0] >= '0' && in->at[0] <= '9'; digits++) {
        uint8_t c;
        TRY(take_u8(in, &c));
        if (digits == 4) return REFUSE(E_RANGE);
        v = v * 10 + (uint32_t)(c - '0');
    }
    if (digits == 0) return REFUSE(E_MALFORMED);
    if (v > 1000) return REFUSE(E_RANGE);
    *ret = v;
    return DONE;
}

/* "device", "stream": everything the limit's stream meets. */
static void scope_open(struct condition *c, const char *word)
{
    if (strcmp(c->scope, word) == 0) c->scope[0] = '\0';
}

static MUST outcome arguments_read(struct bytes *in, struct condition *c)
{
    char flag[16];
    switch (c->kind) {
    case CONDITION_ATTESTED:
        TRY(take_word(in, c->scope, sizeof c->scope));
        scope_open(c, "device");
        if (take_mark(in, BYTES_LIT(","))) {
            TRY(take_word(in, flag, sizeof flag));
            if (strcmp(flag, "required") != 0) return REFUSE(E_MALFORMED);
            c->required = true;
        }
        return bytes_to_text(bytes_str(CONDITION_ATTEST_CONTROL), c->control, sizeof c->control);
    case CONDITION_COVERAGE:
        TRY(take_word(in, c->control, sizeof c->control));
        if (!take_mark(in, BYTES_LIT(","))) return REFUSE(E_MALFORMED);
        return take_word(in, c->scope, sizeof c->scope);
    case CONDITION_ENCRYPTED:
        TRY(take_word(in, c->scope, sizeof c->scope));
        scope_open(c, "stream");
        return bytes_to_text(bytes_str(CONDITION_ENCRYPT_CONTROL), c->control, sizeof c->control);
    case CONDITION_EVENT_FREE:
        TRY(take_word(in, c->scope, sizeof c->scope));
        scope_open(c, "device");
        return DONE;
    case CONDITION_TOLERANCE: return take_word(in, c->scope, sizeof c->scope);
    case CONDITION_KINDS: break;
    }
    return REFUSE(E_MALFORMED);
}

outcome condition_read(const char *text, struct condition *ret)
{
    struct condition c = { 0 };
    struct bytes in = bytes_str(text);
    char word[24];
    unsigned kind = 0;
    TRY(take_word(&in, word, sizeof word));
    while (kind < CONDITION_KINDS && strcmp(word, condition_words[kind]) != 0) kind++;
    if (kind == CONDITION_KINDS) return REFUSE(E_UNKNOWN);
    c.kind = (enum condition_kind)kind;
    if (!take_mark(&in, BYTES_LIT("("))) return REFUSE(E_MALFORMED);
    TRY(arguments_read(&in, &c));
    if (!take_mark(&in, BYTES_LIT(")"))) return REFUSE(E_MALFORMED);
    if (c.kind == CONDITION_COVERAGE) {
        if (!take_mark(&in, BYTES_LIT(">=")) && !take_mark(&in, BYTES_LIT("\xe2\x89\xa5")))
            return REFUSE(E_MALFORMED);
        TRY(take_number(&in, &c.at_least_mille));
    }
    skip_space(&in);
    TRY(at_end(in));
    *ret = c;
    return DONE;
}

bool condition_per_asset(const struct condition *c)
{
    return c->kind == CONDITION_ATTESTED || c->kind == CONDITION_EVENT_FREE;
}

void condition_name(const struct condition *c, const char *text, const char *subject, char ret[48])
{
    struct out o = out_of(ret, 47);
    if (condition_per_asset(c) && subject[0]) put_fmt(&o, "%s(%s)", condition_words[c->kind], subject);
    else put_str(&o, text);
    if (o.over) { /* a long device id: the start of it says enough, the limit names the device besides */
        o = out_of(ret, 47);
        put_fmt(&o, "%s(%.28s)", condition_words[c->kind], subject[0] ? subject : "...");
    }
    ret[o.n] = '\0';
}

static const struct model_control *control_of(const struct model *m, const char *id)
{
    for (size_t i = 0; m && i < m->n_controls; i++)
        if (strcmp(m->controls[i].id, id) == 0) return &m->controls[i];
    return NULL;
}

/* Shortens what does not fit: these texts are for people. */
static void copy_text(const char *from, char *to, size_t size)
{
    size_t n = strlen(from);
    if (n >= size) n = size - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

static void look(const struct condition *c, const struct condition_world *w, const char *asset,
    struct condition_verdict *ret)
{
    const struct model_control *k = control_of(w->model, c->control);
    int64_t fresh = k ? k->fresh_ms : 86400000, stale = k ? k->stale_ms : 3 * 86400000LL;
    evidence_look(w->evidence, c->control, asset, fresh, stale, w->now_ms, &ret->row);
    if (ret->row.state == EVIDENCE_PASS) ret->changes_ms = ret->row.at_ms + stale;
    copy_text(c->control, ret->control, sizeof ret->control);
    copy_text(asset, ret->asset, sizeof ret->asset);
}

static void judge_coverage(const struct condition *c, const struct condition_world *w,
    struct condition_verdict *ret)
{
    const struct model_control *k = control_of(w->model, c->control);
    struct evidence_coverage cover = { 0 };
    if (k) evidence_cover(w->evidence, w->model, k, c->scope, w->now_ms, &cover);
    ret->measured_mille = (uint32_t)(cover.proven_ppb / 1000000);
    ret->broken = cover.proven_ppb < (int64_t)c->at_least_mille * 1000000;
    copy_text(c->control, ret->control, sizeof ret->control);
    copy_text(c->scope, ret->asset, sizeof ret->asset);
    ret->row.state = ret->broken ? EVIDENCE_FAIL : EVIDENCE_PASS;
    struct out o = out_of(ret->row.detail, sizeof ret->row.detail - 1);
    put_fmt(&o, "proven %u of 1000, wanted %u", ret->measured_mille, c->at_least_mille);
    ret->row.detail[o.n] = '\0';
    ret->changes_ms = cover.changes_ms;
}

#define ENCRYPTED_SCOPE_MAX 256

/* The stream's own evidence and the site's, or every asset of a named scope: one fail breaks it. */
static void judge_encrypted(const struct condition *c, const struct condition_world *w, const char *subject,
    struct condition_verdict *ret)
{
    const char *assets[ENCRYPTED_SCOPE_MAX] = { subject, EVIDENCE_SITE };
    size_t n = 2;
    if (c->scope[0]) {
        n = evidence_assets(w->evidence, w->model, c->scope, assets, ENCRYPTED_SCOPE_MAX);
        if (n == 0) assets[n++] = c->scope;
        if (n > ENCRYPTED_SCOPE_MAX) n = ENCRYPTED_SCOPE_MAX;
    }
    struct condition_verdict newest = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (assets[i][0] == '\0') continue;
        struct condition_verdict one = { 0 };
        look(c, w, assets[i], &one);
        one.broken = one.row.state == EVIDENCE_FAIL || one.row.state == EVIDENCE_STALE;
        if ((one.broken && !newest.broken) || (one.broken == newest.broken && one.row.at_ms >= newest.row.at_ms))
            newest = one;
    }
    *ret = newest;
}

/* The first open event of the asset, by bisection: events come sorted by asset. */
static const struct evidence_event *event_of(const struct condition_world *w, const char *asset)
{
    size_t low = 0, high = w->n_events;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(w->events[middle].asset, asset) < 0) low = middle + 1;
        else high = middle;
    }
    return low < w->n_events && strcmp(w->events[low].asset, asset) == 0 ? &w->events[low] : NULL;
}

static void judge_events(const struct condition_world *w, const char *asset, struct condition_verdict *ret)
{
    const struct evidence_event *event = event_of(w, asset);
    if (!event) return;
    struct condition one = { 0 };
    memcpy(one.control, event->control, sizeof one.control);
    look(&one, w, asset, ret);
    ret->broken = true;
}

void condition_judge(const struct condition *c, const struct condition_world *w, const char *subject,
    struct condition_verdict *ret)
{
    struct condition_verdict v = { 0 };
    switch (c->kind) {
    case CONDITION_ATTESTED:
        look(c, w, subject, &v);
        v.broken = v.row.state == EVIDENCE_FAIL || v.row.state == EVIDENCE_STALE
            || (c->required && v.row.state == EVIDENCE_UNKNOWN);
        break;
    case CONDITION_COVERAGE: judge_coverage(c, w, &v); break;
    case CONDITION_ENCRYPTED: judge_encrypted(c, w, subject, &v); break;
    case CONDITION_EVENT_FREE: judge_events(w, subject, &v); break;
    case CONDITION_TOLERANCE:
    case CONDITION_KINDS: break;
    }
    *ret = v;
}

bool condition_covers(const struct condition *c, const struct condition_world *w, const char *asset)
{
    return c->scope[0] == '\0' || strcmp(c->scope, asset) == 0
        || strcmp(evidence_group(w->evidence, w->model, asset), c->scope) == 0;
}

bool condition_concerns(const struct condition *c, const char *control)
{
    return c->kind == CONDITION_EVENT_FREE || (c->control[0] && strcmp(c->control, control) == 0);
}
