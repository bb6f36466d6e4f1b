/* Asking: pick series once, then go through the parts that hold any of them, then what waits in memory. */
#include "history/inside.h"

#include <stdlib.h>

#include "base/port/port.h"
#include "wire/mqtt.h"

enum { GATHER_MAX = 512 << 20, HEADS_MAX = 64 << 20 };

static bool wanted(const struct series *s, const struct history_ask *a)
{
    if (s->dead) return false;
    if (s->is.kind == READING_OTHER) return true;
    bool field = *a->field ? s->is.kind != READING_TEXT && strcmp(s->is.field, a->field) == 0 : s->is.kind != READING_FIELD;
    return field && mqtt_matches(a->filter, bytes_str(s->is.topic));
}

static outcome form_of(struct map *asked, const struct history_ask *a, const struct series *s, enum history_form *ret)
{
    struct bytes key = bytes_of(s->is.subject, (size_t)(s->is.field - s->is.subject)); /* the two lie behind one another */
    uintptr_t known = (uintptr_t)map_get(asked, key);
    *ret = HISTORY_READ;
    if (s->is.kind == READING_OTHER) return DONE;
    *ret = known ? (enum history_form)(known - 1) : a->may(a->ctx, &s->is);
    return known ? DONE : map_put(asked, key, (void *)((uintptr_t)*ret + 1));
}

outcome history_match(struct history *h, const struct history_ask *a, struct buffer *ret_series)
{
    struct map asked = MAP; /* subject NUL topic -> form + 1 */
    outcome o = DONE;
    for (size_t i = 0; ok(o) && i < h->n; i++) {
        const struct series *s = h->series[i];
        enum history_form form;
        if (!wanted(s, a)) continue;
        o = form_of(&asked, a, s, &form);
        unsigned kind = form == HISTORY_READ ? READING_OTHER : s->is.kind;
        uint32_t number = (uint32_t)i | (form == HISTORY_READ ? HISTORY_BY_ENTRY : 0);
        if (ok(o) && form != HISTORY_NOT && a->kinds >> kind & 1) o = buffer_put(ret_series, bytes_of(&number, sizeof number));
    }
    map_deinit(&asked);
    return o;
}

static uint32_t number_of(uint32_t series)
{
    return series & ~HISTORY_BY_ENTRY;
}

/* ---- going through what is stored ---- */

struct walk {
    struct history *h;
    const struct history_want *w;
    uint64_t pruned;
    struct buffer heads;
    struct point points[BLOCK_POINTS];
    /* of one series: its points come in pieces; false: enough */
    bool (*take)(void *ctx, uint32_t series, const struct point *p, size_t n);
    /* a block that is wholly wanted; false: its points instead. NULL: always. */
    bool (*whole)(void *ctx, const struct block *b);
    void *ctx;
};

static bool within(const struct walk *k, const struct point *p)
{
    uint64_t entry = point_entry(p);
    return p->ms >= k->w->from_ms && p->ms <= k->w->to_ms && entry >= k->w->after && entry < k->w->before && entry >= k->pruned;
}

static bool give(struct walk *k, uint32_t series, const struct point *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t from = i;
        while (i < n && within(k, &p[i])) i++;
        if (i > from && !k->take(k->ctx, series, p + from, i - from)) return false;
        while (i < n && !within(k, &p[i])) i++;
    }
    return true;
}

static outcome walk_row(struct walk *k, int fd, const struct part_row *r, uint32_t series)
{
    TRY(part_heads(fd, k->h->ledger, r, &k->heads));
    for (size_t at = 0; at < k->heads.n; at += sizeof(struct block)) {
        struct block b;
        memcpy(&b, k->heads.at + at, sizeof b);
        if (b.ms_max < k->w->from_ms || b.ms_min > k->w->to_ms || b.last_entry < k->w->after || b.first.entry >= k->w->before || b.last_entry < k->pruned) continue;
        bool inside = b.ms_min >= k->w->from_ms && b.ms_max <= k->w->to_ms && b.first.entry >= k->w->after && b.last_entry < k->w->before
            && b.first.entry >= k->pruned;
        if (inside && k->whole && k->whole(k->ctx, &b)) continue;
        TRY(part_points(fd, k->h->ledger, &b, k->points));
        if (!give(k, series, k->points, b.n)) return DONE;
    }
    return DONE;
}

static outcome walk_part(struct walk *k, size_t i)
{
    char path[PART_PATH];
    const struct part *p = &k->h->parts[i].part;
    outcome o = DONE;
    int fd = -1;
    for (size_t s = 0; ok(o) && s < k->w->n; s++) {
        const struct part_row *r = part_row(p, number_of(k->w->series[s]));
        if (!r || r->ms_max < k->w->from_ms || r->ms_min > k->w->to_ms) continue;
        history_path(k->h, p->first, path);
        if (fd < 0) o = port_file_open_read(path, &fd);
        if (ok(o)) o = walk_row(k, fd, r, k->w->series[s]);
        if (o.code == E_UNKNOWN) o = DONE; /* its key ended a moment ago */
    }
    if (fd >= 0) port_file_close(fd);
    return o;
}

static void walk_memory(struct walk *k)
{
    for (size_t s = 0; s < k->w->n; s++) {
        const struct series *x = k->h->series[number_of(k->w->series[s])];
        if (!x->dead) (void)give(k, k->w->series[s], x->at, x->n);
    }
}

/* Part i, of all and then the memory. A damaged one is removed with those behind it: the record itself has it all. */
static outcome walk_step(struct walk *k, size_t i)
{
    if (i == k->h->n_parts) {
        walk_memory(k);
        return DONE;
    }
    outcome o = walk_part(k, i);
    if (ok(o) || o.code == E_MEMORY) return o;
    history_drop(k->h, i);
    return REFUSE(E_CHANGED);
}

static uint64_t end_of(const struct history *h, size_t i)
{
    return i < h->n_parts ? h->parts[i].part.end : h->end;
}

static bool passed(const struct walk *k, size_t i)
{
    const struct history *h = k->h;
    if (end_of(h, i) <= k->w->after) return true;
    return i < h->n_parts && (h->parts[i].ms_max < k->w->from_ms || h->parts[i].ms_min > k->w->to_ms);
}

static bool late(const struct walk *k)
{
    return port_mono_ms() >= k->w->until_ms;
}

static outcome walk_new(struct history *h, const struct history_want *w, struct walk **ret)
{
    struct walk *k = mem_new(sizeof *k);
    if (!k) return REFUSE(E_MEMORY);
    k->h = h;
    k->w = w;
    k->pruned = ledger_pruned_end(h->ledger);
    k->heads = BUFFER(HEADS_MAX);
    *ret = k;
    return DONE;
}

static void walk_free(struct walk *k)
{
    buffer_deinit(&k->heads);
    mem_free(k);
}

/* ---- points ---- */

struct found { struct point p; uint32_t series; };
struct gather { struct buffer found; size_t most, of_series; uint32_t series; outcome o; };

static bool gather(void *ctx, uint32_t series, const struct point *p, size_t n)
{
    struct gather *g = ctx;
    if (g->series != series || !g->found.n) g->of_series = 0;
    g->series = series;
    for (size_t i = 0; ok(g->o) && i < n && g->of_series <= g->most; i++, g->of_series++)
        g->o = buffer_put(&g->found, bytes_of(&(struct found) { p[i], series }, sizeof(struct found)));
    return ok(g->o) && g->of_series <= g->most;
}

static int by_entry(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    uint64_t i = point_entry(&x->p), k = point_entry(&y->p);
    return i < k ? -1 : i > k;
}

struct visit {
    outcome (*fn)(void *ctx, const struct history_series *s, const struct point *p);
    void *ctx;
    size_t left;
};

/* Of each series one more than was asked for was gathered: whoever has more is known. */
static outcome hand_out(struct walk *k, struct gather *g, struct visit *v, uint64_t end, uint64_t *ret_next)
{
    struct found *f = (struct found *)(void *)g->found.at;
    size_t n = g->found.n / sizeof *f;
    TRY(g->o);
    if (n) qsort(f, n, sizeof *f, by_entry);
    *ret_next = n > v->left ? point_entry(&f[v->left].p) : end;
    for (size_t i = 0; i < n && v->left; i++, v->left--) {
        struct history_series s = k->h->series[number_of(f[i].series)]->is;
        if (f[i].series & HISTORY_BY_ENTRY) s.kind = READING_OTHER;
        TRY(v->fn(v->ctx, &s, &f[i].p));
    }
    return DONE;
}

outcome history_points(struct history *h, const struct history_want *w, size_t most,
    outcome (*fn)(void *ctx, const struct history_series *s, const struct point *p), void *ctx, uint64_t *ret_next)
{
    struct walk *k;
    struct visit v = { fn, ctx, most };
    uint64_t next = w->after;
    TRY(walk_new(h, w, &k));
    outcome o = DONE;
    for (size_t i = 0; ok(o) && i <= h->n_parts && v.left; i++) {
        struct gather g = { .found = BUFFER(GATHER_MAX), .most = v.left, .o = DONE };
        uint64_t end = end_of(h, i);
        if (passed(k, i)) {
            if (end > next) next = end;
            continue;
        }
        if (next > w->after && late(k)) break;
        k->take = gather;
        k->ctx = &g;
        o = walk_step(k, i);
        if (ok(o)) o = hand_out(k, &g, &v, end, &next);
        buffer_deinit(&g.found);
        if (ok(o) && next < end) break;
    }
    walk_free(k);
    *ret_next = next;
    return o.code == E_CHANGED ? DONE : o; /* the record goes on where the index ends now */
}

/* ---- intervals ---- */

struct sums { struct history_sum *at; int64_t from_ms, every_ms; };

void history_count(struct history_sum *s, int64_t milli, uint64_t entry)
{
    if (!s->n || milli < s->min) s->min = milli;
    if (!s->n || milli > s->max) s->max = milli;
    if (!s->n || entry < s->first) s->first = entry;
    if (!s->n || entry > s->last) s->last = entry;
    s->sum += milli;
    s->n++;
}

static bool sum_points(void *ctx, uint32_t series, const struct point *p, size_t n)
{
    struct sums *s = ctx;
    (void)series;
    for (size_t i = 0; i < n; i++) history_count(&s->at[(p[i].ms - s->from_ms) / s->every_ms], p[i].milli, point_entry(&p[i]));
    return true;
}

static bool sum_whole(void *ctx, const struct block *b)
{
    struct sums *s = ctx;
    int64_t at = (b->ms_min - s->from_ms) / s->every_ms;
    if (at != (b->ms_max - s->from_ms) / s->every_ms) return false;
    struct history_sum *t = &s->at[at];
    if (!t->n || b->min < t->min) t->min = b->min;
    if (!t->n || b->max > t->max) t->max = b->max;
    if (!t->n || b->first.entry < t->first) t->first = b->first.entry;
    if (!t->n || b->last_entry > t->last) t->last = b->last_entry;
    t->sum += b->sum;
    t->n += b->n;
    return true;
}

outcome history_sums(struct history *h, const struct history_want *w, int64_t every_ms, struct history_sum *sums, uint64_t *ret_next)
{
    struct walk *k;
    struct sums s = { sums, w->from_ms, every_ms };
    uint64_t next = w->after;
    TRY(walk_new(h, w, &k));
    outcome o = DONE;
    k->take = sum_points;
    k->whole = sum_whole;
    k->ctx = &s;
    for (size_t i = 0; ok(o) && i <= h->n_parts && next < w->before; i++) {
        uint64_t end = end_of(h, i) < w->before ? end_of(h, i) : w->before;
        if (!passed(k, i)) {
            if (next > w->after && late(k)) break;
            o = walk_step(k, i);
        }
        if (ok(o) && end > next) next = end;
    }
    walk_free(k);
    *ret_next = next;
    return o;
}

uint64_t history_given_up(const struct history *h, int64_t from_ms, int64_t to_ms)
{
    uint64_t n = h->given_up;
    for (size_t i = 0; i < h->n_parts; i++) {
        const struct part *p = &h->parts[i].part;
        if (h->parts[i].ms_min <= to_ms && h->parts[i].ms_max >= from_ms) n += p->given_up;
        for (size_t k = 0; k < p->n; k++)
            if (h->series[p->rows[k].series]->dead && p->rows[k].ms_min <= to_ms && p->rows[k].ms_max >= from_ms) n += p->rows[k].points;
    }
    return n;
}
