/* Computes derived streams. An input counts once it is recorded; a window is published from the turn, by the site itself, through
 * the same door as everything, and its message names the entries it is from. State is a fold over the record: after a start,
 * what no derived message of the record covers is computed again, so that in the record each input counts once. */
#include <stdio.h>

#include "platform/derived.h"
#include "platform/exchange_internal.h"

enum { DERIVES_MAX = 64, WINDOWS_MAX = 4096, RETRY_MS = 1000, TURN_MOST = 64 };

struct window {
    int64_t start_ms, sum, min, max; /* wall; thousandths */
    uint64_t first, last, n, left_out;
    uint8_t *payload;                /* reduced: what is said; else NULL */
    size_t size;
};

struct derived {
    const struct stream *out, *in[DERIVE_INPUTS];
    uint64_t done;                   /* entries below it are in the record's derived messages */
    struct window *windows;          /* in order; of an aggregate the last may be open */
    size_t n, cap;
};

struct derive {
    struct derived rows[DERIVES_MAX];
    size_t n;
    uint64_t declared;               /* epoch it was made for */
    int64_t retry_ms;                /* mono: not before */
    uint64_t lost;                   /* inputs no room was left for */
};

static void window_free(struct window *w)
{
    mem_free(w->payload);
    w->payload = NULL;
}

static void forget(struct derived *d)
{
    for (size_t i = 0; i < d->n; i++) window_free(&d->windows[i]);
    mem_free(d->windows);
    *d = (struct derived) { 0 };
}

void derive_free(struct exchange *x)
{
    if (!x->derive) return;
    for (size_t i = 0; i < x->derive->n; i++) forget(&x->derive->rows[i]);
    mem_free(x->derive);
    x->derive = NULL;
}

/* ---- which ---- */

static struct derived *row_of(struct derive *v, const struct stream *out)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->rows[i].out == out) return &v->rows[i];
    return NULL;
}

/* Streams live as long as the registry; what they declare may have changed. Windows of what goes on stay. */
static void look(struct exchange *x, const struct stream *const *all, size_t n)
{
    struct derive *v = x->derive;
    for (size_t i = 0; i < n; i++) {
        struct derived *d = row_of(v, all[i]);
        if (!d && all[i]->derive.how && v->n < DERIVES_MAX) {
            d = &v->rows[v->n++];
            *d = (struct derived) { .out = all[i] };
        }
        if (!d) continue;
        for (size_t k = 0; k < DERIVE_INPUTS; k++)
            d->in[k] = k < all[i]->derive.n ? registry_stream_named(x->access->registry, all[i]->derive.from[k]) : NULL;
    }
}

/* NULL: nothing is derived, or memory is out. */
static struct derive *derive_of(struct exchange *x)
{
    const struct registry *r = x->access->registry;
    uint64_t now = registry_declared_epoch(r) + 1;
    if (x->derive_seen == now) return x->derive;
    size_t n = registry_streams(r, NULL, 0), any = 0;
    const struct stream **all = n ? mem_new_array(n, sizeof *all) : NULL;
    if (n && !all) return x->derive;
    if (n) n = registry_streams(r, all, n);
    for (size_t i = 0; i < n; i++) any += all[i]->derive.how != DERIVE_NONE;
    if (any && !x->derive) x->derive = mem_new(sizeof *x->derive);
    if (x->derive) look(x, all, n);
    if (!any || x->derive) x->derive_seen = now;
    mem_free(all);
    return x->derive;
}

static bool is_input(const struct derived *d, const struct stream *s)
{
    for (size_t i = 0; i < DERIVE_INPUTS; i++)
        if (s && d->in[i] == s) return d->out->derive.how != DERIVE_NONE;
    return false;
}

/* ---- counting ---- */

static struct window *window_new(struct derive *v, struct derived *d, int64_t start_ms, uint64_t index)
{
    if (d->n == WINDOWS_MAX) return v->lost++, NULL;
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 4;
        struct window *more = mem_grow(d->windows, cap * sizeof *more);
        if (!more) return v->lost++, NULL;
        d->windows = more;
        d->cap = cap;
    }
    struct window *w = &d->windows[d->n++];
    *w = (struct window) { .start_ms = start_ms, .first = index, .last = index };
    return w;
}

static void count_value(struct derived *d, struct window *w, const struct stream *in, const struct message *m)
{
    const char *unit;
    int64_t milli = 0;
    bool counts = d->out->derive.how == DERIVE_COUNT || ok(schema_number(in, m->payload, d->out->derive.field, &milli, &unit));
    if (!counts || m->flagged || __builtin_add_overflow(w->sum, milli, &w->sum)) {
        w->left_out++;
        return;
    }
    if (!w->n || milli < w->min) w->min = milli;
    if (!w->n || milli > w->max) w->max = milli;
    w->n++;
}

static void count_reduced(struct exchange *x, struct derived *d, const struct stream *in, const struct message *m, uint64_t index, int64_t at_ms)
{
    size_t i = 0;
    while (i < in->n_reductions && in->reductions[i].to != d->out->derive.to) i++;
    if (i == in->n_reductions || !ok(reduce_form(in, &in->reductions[i], m->payload, x->access->name_key, &x->cut.payload))) return;
    struct window *w = window_new(x->derive, d, at_ms, index);
    if (!w) return;
    w->payload = mem_new(x->cut.payload.n + 1);
    w->n = 1;
    if (!w->payload) {
        d->n--;
        x->derive->lost++;
        return;
    }
    w->size = x->cut.payload.n;
    memcpy(w->payload, x->cut.payload.at, w->size);
}

static void count(struct exchange *x, struct derived *d, const struct stream *in, const struct message *m, uint64_t index, int64_t at_ms)
{
    if (index < d->done) return;
    if (d->out->derive.how == DERIVE_REDUCED) {
        count_reduced(x, d, in, m, index, at_ms);
        return;
    }
    int64_t every_ms = (int64_t)d->out->derive.every_s * 1000, start_ms = at_ms - at_ms % every_ms;
    struct window *w = d->n ? &d->windows[d->n - 1] : NULL;
    if (!w || start_ms > w->start_ms) w = window_new(x->derive, d, start_ms, index); /* a clock set back stays in the window it is in */
    if (!w) return;
    w->last = index;
    count_value(d, w, in, m);
}

static void note(struct exchange *x, const struct stream *s, const struct message *m, uint64_t index, int64_t at_ms)
{
    struct derive *v = derive_of(x);
    for (size_t i = 0; v && i < v->n; i++)
        if (is_input(&v->rows[i], s)) count(x, &v->rows[i], s, m, index, at_ms);
}

void derive_note(struct exchange *x, const struct cargo *c)
{
    if (c->index == NO_INDEX || !c->m.from || c->command || c->kept_back) return; /* the last good value counted when it came */
    note(x, c->stream, &c->m, c->index, wall(x));
}

/* ---- saying ---- */

static int64_t value_of(enum derive_how how, const struct window *w)
{
    switch (how) {
    case DERIVE_MIN: return w->min;
    case DERIVE_MAX: return w->max;
    case DERIVE_SUM: return w->sum;
    case DERIVE_COUNT: return (int64_t)w->n * 1000;
    default: return w->sum / (int64_t)w->n;
    }
}

static struct bytes payload_of(const struct stream *s, const struct window *w, char *text, size_t size)
{
    char v[48];
    if (w->payload) return bytes_of(w->payload, w->size);
    (void)snprintf(text, size, "{\"v\":%s,\"n\":%llu,\"from\":%lld,\"to\":%lld}", schema_milli(value_of(s->derive.how, w), "", v, sizeof v),
        (unsigned long long)w->n, (long long)w->start_ms, (long long)w->start_ms + (long long)s->derive.every_s * 1000);
    return bytes_str(text);
}

/* false: it could not be recorded; it stays. */
static bool say(struct exchange *x, const struct stream *s, const struct window *w)
{
    char text[200], inputs[120];
    struct mqtt_properties p UNSET;
    struct cargo c UNSET;
    struct answer a UNSET;
    if (w->n == 0 || (!w->payload && w->n < s->derive.at_least)) return true;
    (void)snprintf(inputs, sizeof inputs, "%llu-%llu n=%llu left-out=%llu", (unsigned long long)w->first, (unsigned long long)w->last,
        (unsigned long long)w->n, (unsigned long long)w->left_out);
    mqtt_properties_begin(&p);
    p.user[p.users++] = (struct mqtt_user) { BYTES_LIT(DERIVED_BY), bytes_str(s->name) };
    p.user[p.users++] = (struct mqtt_user) { BYTES_LIT(DERIVED_INPUTS), bytes_str(inputs) };
    struct message m = { .topic = bytes_str(s->pattern), .payload = payload_of(s, w, text, sizeof text), .properties = &p, .qos = 1,
        .retain = !w->payload };
    cargo_from_message(x, &c, &m, PATH_SERVER);
    publish_accept(x, &c, &a);
    cargo_done(x, &c);
    return ok(a.refused);
}

static bool closed(const struct exchange *x, const struct derived *d)
{
    const struct window *w = d->windows;
    if (!d->n) return false;
    return w->payload || d->n > 1 || wall(x) >= w->start_ms + (int64_t)d->out->derive.every_s * 1000;
}

static void first_out(struct derived *d)
{
    d->done = d->windows[0].last + 1;
    window_free(&d->windows[0]);
    d->n--;
    memmove(d->windows, d->windows + 1, d->n * sizeof *d->windows);
}

static int64_t wait_of(const struct exchange *x, const struct derived *d)
{
    if (!d->n) return NEVER;
    int64_t left = d->windows[0].payload || d->n > 1 ? 0 : d->windows[0].start_ms + (int64_t)d->out->derive.every_s * 1000 - wall(x);
    return left < 0 ? 0 : left;
}

int derive_turn(struct exchange *x)
{
    struct derive *v = x->derive;
    int64_t least = NEVER, now = mono(x);
    for (size_t i = 0; v && i < v->n; i++) {
        struct derived *d = &v->rows[i];
        bool gone = d->out->derive.how == DERIVE_NONE; /* declared anew as something else: what is open is not its any more */
        for (int k = 0; k < TURN_MOST && now >= v->retry_ms && closed(x, d); k++) {
            if (!gone && !say(x, d->out, &d->windows[0])) v->retry_ms = now + RETRY_MS;
            else first_out(d);
        }
        int64_t left = wait_of(x, d);
        if (v->retry_ms > now && left < v->retry_ms - now) left = v->retry_ms - now;
        if (left < least) least = left;
    }
    if (v && v->lost) {
        struct verdict full = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "derive-full" };
        struct message m = { .topic = BYTES_LIT("(derived)") };
        tell(x, "derived-lost", &m, &full, NULL);
        v->lost = 0;
    }
    return least == NEVER ? -1 : least > 60000 ? 60000 : (int)least;
}

/* ---- after a start ---- */

int64_t exchange_derive_span_ms(struct exchange *x)
{
    struct derive *v = derive_of(x);
    int64_t most = -1;
    for (size_t i = 0; v && i < v->n; i++) {
        int64_t ms = v->rows[i].out->derive.how ? ((int64_t)v->rows[i].out->derive.every_s * 2 + 60) * 1000 : -1;
        if (ms > most) most = ms;
    }
    return most;
}

static struct bytes own_word(const struct mqtt_properties *p, const char *name)
{
    for (size_t i = 0; p && i < p->users; i++)
        if (bytes_equal_str(p->user[i].name, name)) return p->user[i].value;
    return BYTES_NONE;
}

/* What a recorded message was derived from; only the site's own word. */
static bool derived_from(const struct message *m, struct derived_inputs *ret)
{
    return !m->from && ok(derived_inputs_read(own_word(m->properties, DERIVED_INPUTS), ret));
}

void exchange_derive_done(struct exchange *x, const struct recorded *r)
{
    struct derive *v = derive_of(x);
    struct derived_inputs in;
    struct derived *d = v ? row_of(v, registry_stream(x->access->registry, r->m.topic)) : NULL;
    if (d && derived_from(&r->m, &in) && in.last >= d->done) d->done = in.last + 1;
}

void exchange_derive_replay(struct exchange *x, uint64_t index, const struct recorded *r)
{
    bool stale = bytes_equal_str(own_word(r->m.properties, "sk-flag"), "stale");
    if (r->m.from && !stale) note(x, registry_stream(x->access->registry, r->m.topic), &r->m, index, r->at_ms);
}
