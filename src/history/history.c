#include "history/inside.h"

#include <stdio.h>

#include "base/port/port.h"
#include "ledger/data.h"

enum {
    PIECE = 256,               /* data entries looked at in one turn */
    PIECE_WRITTEN = 8192,      /* points put into a part in one turn */
    PART_LEAST = 1 << 18, PART_MOST = 1 << 21, POINTS_A_SERIES = 256, /* a part is full: so that blocks of many series are not tiny */
    LAG = 256, WAIT_MS = 250, RETRY_MS = 1000,  /* fewer new entries wait so long for company */
};

void history_path(const struct history *h, uint64_t first, char path[PART_PATH])
{
    snprintf(path, PART_PATH, "%s/%016llx.part", h->dir, (unsigned long long)first);
}

static void temp_path(const struct history *h, char path[PART_PATH])
{
    snprintf(path, PART_PATH, "%s/next.tmp", h->dir);
}

uint64_t history_end(const struct history *h)
{
    return h->end;
}

/* ---- parts ---- */

outcome history_keep(struct history *h, const struct part *p)
{
    if (h->n_parts == h->parts_cap) {
        size_t cap = h->parts_cap ? 2 * h->parts_cap : 64;
        void *at = cap <= PARTS_MAX ? mem_grow(h->parts, cap * sizeof *h->parts) : NULL;
        if (!at) return REFUSE(E_MEMORY);
        h->parts = at;
        h->parts_cap = cap;
    }
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < p->n; i++) {
        if (p->rows[i].ms_min < least) least = p->rows[i].ms_min;
        if (p->rows[i].ms_max > most) most = p->rows[i].ms_max;
    }
    h->parts[h->n_parts].part = *p;
    h->parts[h->n_parts].ms_min = least;
    h->parts[h->n_parts++].ms_max = most;
    return DONE;
}

static void forget_points(struct history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        mem_free(h->series[i]->at);
        h->series[i]->at = NULL;
        h->series[i]->n = h->series[i]->cap = 0;
    }
    h->points = 0;
    h->given_up = 0;
}

static void stop_making(struct history *h)
{
    part_maker_deinit(&h->maker);
    h->making = false;
}

static void remove_part(struct history *h, size_t i)
{
    char path[PART_PATH];
    history_path(h, h->parts[i].part.first, path);
    (void)!ok(port_file_remove(path)); /* one that stays is judged again at the next start */
    part_deinit(&h->parts[i].part);
}

void history_drop(struct history *h, size_t i)
{
    uint64_t from = h->parts[i].part.first;
    for (size_t k = i; k < h->n_parts; k++) remove_part(h, k);
    h->n_parts = i;
    stop_making(h);
    forget_points(h);
    h->first = h->end = from;
}

/* ---- open ---- */

struct names { uint64_t *first; size_t n, cap; outcome o; };

static outcome note_name(void *ctx, const char *name)
{
    struct names *s = ctx;
    uint8_t raw[8];
    size_t n = strlen(name);
    if (n != 16 + 5 || strcmp(name + 16, ".part") != 0 || !ok(hex_to(bytes_of(name, 16), raw, 8))) return DONE;
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        uint64_t *at = cap <= 2 * PARTS_MAX ? mem_grow(s->first, cap * sizeof *at) : NULL;
        if (!at) return REFUSE(E_MEMORY);
        s->first = at;
        s->cap = cap;
    }
    struct bytes in = bytes_of(raw, 8);
    return take_u64(&in, &s->first[s->n++]);
}

static bool rows_known(const struct history *h, const struct part *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->rows[i].series >= h->n || (i && p->rows[i].series <= p->rows[i - 1].series)) return false;
    return true;
}

/* Parts lie end to end; from the first that does not, or is not whole, all are removed. */
static outcome load_parts(struct history *h, const struct names *s)
{
    char path[PART_PATH];
    size_t i = 0;
    for (; i < s->n; i++) {
        struct part p;
        history_path(h, s->first[i], path);
        outcome o = part_open(path, &p);
        if (o.code == E_MEMORY) return o;
        if (!ok(o)) break;
        bool fits = p.first == s->first[i] && (!h->n_parts || p.first == h->end) && rows_known(h, &p) && p.end <= ledger_durable(h->ledger);
        if (fits) o = history_keep(h, &p);
        if (!fits || !ok(o)) part_deinit(&p);
        TRY(o);
        if (!fits) break;
        h->first = h->end = p.end;
    }
    for (; i < s->n; i++) {
        history_path(h, s->first[i], path);
        (void)!ok(port_file_remove(path));
    }
    return DONE;
}

/* The newest part must be of this very record, to its root; a record that was set back or taken from elsewhere is not. */
static void check_roots(struct history *h)
{
    while (h->n_parts) {
        struct hash root;
        const struct part *p = &h->parts[h->n_parts - 1].part;
        if (ok(ledger_root_at(h->ledger, p->end, &root)) && hash_equal(&root, &p->root)) return;
        history_drop(h, h->n_parts - 1);
    }
}

static outcome load(struct history *h)
{
    struct names s = { 0 };
    TRY(series_load(h));
    outcome o = port_dir_list(h->dir, note_name, &s);
    if (ok(o)) o = load_parts(h, &s);
    mem_free(s.first);
    TRY(o);
    check_roots(h);
    if (!h->n_parts) h->first = h->end = ledger_pruned_end(h->ledger);
    return DONE;
}

outcome history_open(struct ledger *l, const char *dir, struct history **ret)
{
    struct history *h = mem_new(sizeof *h);
    if (!h) return REFUSE(E_MEMORY);
    *h = (struct history) { .ledger = l, .by_key = MAP, .subjects = MAP, .maker = { .fd = -1 }, .part_least = PART_LEAST, .seal = { .ledger = l } };
    port_random(&h->seal.next, sizeof h->seal.next);
    h->seal.next = (h->seal.next >> 2) | (uint64_t)1 << 63;
    int n = snprintf(h->dir, sizeof h->dir, "%s", dir);
    outcome o = n < 0 || n >= (int)sizeof h->dir ? REFUSE(E_TOO_LARGE) : port_dir_make(dir, 0700);
    if (ok(o)) o = load(h);
    if (ok(o)) *ret = h;
    else history_close(h);
    return o;
}

void history_close(struct history *h)
{
    struct bytes key;
    void *value;
    if (!h) return;
    stop_making(h);
    for (size_t i = 0; i < h->n_parts; i++) part_deinit(&h->parts[i].part);
    for (size_t i = 0; i < h->n; i++) series_free(h->series[i]);
    for (size_t at = 0; map_next(&h->subjects, &at, &key, &value);) mem_free(value);
    map_deinit(&h->by_key);
    map_deinit(&h->subjects);
    mem_free(h->parts);
    mem_free(h->series);
    mem_free(h);
}

/* ---- taking entries in ---- */

struct place { const char *subject, *topic, *unit; };

static outcome place_value(struct history *h, const struct place *at, const struct reading_value *v, uint32_t *ret)
{
    char field[FLAT_NAME_MAX + 1];
    if (!ok(bytes_to_text(v->field, field, sizeof field))) return REFUSE(E_TOO_LARGE);
    return series_for(h, &(struct history_series) { at->subject, at->topic, field, v->kind == READING_TEXT ? "" : at->unit, v->kind }, ret);
}

/* The message whole in its own series, or whole in READING_OTHER: it is never counted twice. */
static outcome take_reading(struct history *h, const struct place *at, struct point *p)
{
    const struct said *r = &h->reading;
    uint32_t series[1 + READING_FIELDS], other;
    size_t placed = 0;
    for (; placed < r->n; placed++) {
        outcome o = place_value(h, at, &r->at[placed], &series[placed]);
        if (o.code == E_MEMORY) return o;
        if (!ok(o) || h->series[series[placed]]->is.kind == READING_OTHER) break;
    }
    h->points++;
    if (placed < r->n) {
        TRY(series_for(h, &(struct history_series) { at->subject, "", "", "", READING_OTHER }, &other));
        return series_add(h->series[other], p);
    }
    for (size_t i = 0; i < r->n; i++) {
        p->milli = r->at[i].milli;
        TRY(series_add(h->series[series[i]], p));
    }
    h->points += r->n - 1;
    return DONE;
}

static outcome take_entry(struct history *h, const struct ledger_entry *e)
{
    struct data d;
    char subject[160], topic[2048], unit[FLAT_NAME_MAX + 1];
    if (e->pruned) return DONE;
    if (e->erased) h->given_up++;
    if (e->erased || !ok(data_read(e->payload, &d))) return DONE;
    if (!ok(bytes_to_text(d.from, subject, sizeof subject)) || !ok(bytes_to_text(d.topic, topic, sizeof topic))) return DONE;
    reading_of(d.payload, e->at_ms, &h->reading);
    if (!ok(bytes_to_text(h->reading.unit, unit, sizeof unit))) unit[0] = 0;
    struct point p = { h->reading.measured_ms, e->at_ms, 0, e->index | (d.flags & DATA_FLAGGED ? POINT_FLAGGED : 0) };
    return take_reading(h, &(struct place) { subject, topic, unit }, &p);
}

struct piece { struct history *h; unsigned looked; };

static outcome look(void *ctx, const struct ledger_entry *e)
{
    struct piece *k = ctx;
    if (k->looked++ >= PIECE) return REFUSE(E_FULL);
    TRY(take_entry(k->h, e));
    k->h->end = e->index + 1;
    return DONE;
}

/* Memory is out in the midst of a message: what is half there goes, with all that is made again from the record. */
static void start_over(struct history *h)
{
    stop_making(h);
    forget_points(h);
    h->end = h->first;
}

/* false: the record cannot be read here; whoever asks is told by the record itself. */
static bool take_piece(struct history *h)
{
    struct piece k = { h, 0 };
    uint64_t durable = ledger_durable(h->ledger);
    outcome o = ledger_scan(h->ledger, h->end, CLASS_DATA, look, &k);
    if (ok(o) && h->end < durable) h->end = durable;
    if (o.code == E_MEMORY) start_over(h);
    return ok(o) || o.code == E_FULL;
}

/* ---- writing a part ---- */

static bool full(const struct history *h)
{
    size_t wanted = h->n * POINTS_A_SERIES;
    if (wanted < h->part_least) wanted = h->part_least;
    return h->points >= (wanted > PART_MOST ? PART_MOST : wanted);
}

static outcome begin_part(struct history *h)
{
    char path[PART_PATH];
    temp_path(h, path);
    TRY(part_make(&h->maker, path, &h->seal));
    h->making = true;
    h->made = 0;
    return DONE;
}

static outcome finish_part(struct history *h)
{
    char from[PART_PATH], to[PART_PATH];
    struct part p;
    TRY(series_save(h));
    TRY(ledger_root_at(h->ledger, h->end, &h->maker.part.root));
    h->maker.part.first = h->first;
    h->maker.part.end = h->end;
    h->maker.part.given_up = h->given_up;
    temp_path(h, from);
    history_path(h, h->first, to);
    TRY(part_finish(&h->maker, from, to, &p));
    outcome o = history_keep(h, &p);
    if (!ok(o)) part_deinit(&p);
    TRY(o);
    stop_making(h);
    forget_points(h);
    h->first = h->end;
    return DONE;
}

static outcome write_piece(struct history *h)
{
    size_t written = 0;
    if (!h->making) return begin_part(h);
    for (; h->made < h->n && written < PIECE_WRITTEN; h->made++) {
        const struct series *s = h->series[h->made];
        if (s->dead || !s->n) continue;
        TRY(part_add(&h->maker, (uint32_t)h->made, s->is.subject, s->at, s->n));
        written += s->n;
    }
    return h->made < h->n ? DONE : finish_part(h);
}

/* Parts that retention has passed. */
static void prune(struct history *h)
{
    uint64_t end = ledger_pruned_end(h->ledger);
    size_t gone = 0;
    while (gone < h->n_parts && h->parts[gone].part.end <= end) remove_part(h, gone++);
    if (!gone) return;
    memmove(h->parts, h->parts + gone, (h->n_parts - gone) * sizeof *h->parts);
    h->n_parts -= gone;
}

int history_turn(struct history *h, bool at_once)
{
    uint64_t lag = ledger_durable(h->ledger) - h->end;
    int64_t now = port_mono_ms();
    prune(h);
    if (now < h->retry_ms) return (int)(h->retry_ms - now);
    if (h->making || full(h)) {
        outcome o = write_piece(h);
        if (ok(o)) return 0;
        stop_making(h); /* no space, no memory: what waits is still found */
        h->retry_ms = now + RETRY_MS;
        return RETRY_MS;
    }
    if (!lag) {
        h->since_ms = 0;
        return -1;
    }
    if (!h->since_ms) h->since_ms = now;
    if (!at_once && lag < LAG && now - h->since_ms < WAIT_MS) return (int)(WAIT_MS - (now - h->since_ms));
    h->since_ms = 0;
    if (!take_piece(h)) h->retry_ms = now + RETRY_MS;
    return h->end < ledger_durable(h->ledger) ? 0 : -1;
}

/* Its rows in the parts say how many points that were (history_given_up). */
void history_erase(struct history *h, const char *subject)
{
    stop_making(h);
    for (size_t i = 0; i < h->n; i++) {
        struct series *s = h->series[i];
        if (s->dead || strcmp(s->is.subject, subject) != 0) continue;
        h->given_up += s->n;
        h->points -= s->n;
        mem_free(s->at);
        s->at = NULL;
        s->n = s->cap = 0;
        s->dead = true;
    }
    series_forget(h, subject);
}

outcome history_size(const struct history *h, struct history_size *ret)
{
    char path[PART_PATH];
    struct history_size s = { .points = h->points, .parts = h->n_parts, .series = h->n, .bytes = h->file_bytes };
    for (size_t i = 0; i < h->n_parts; i++) {
        uint64_t bytes = 0;
        int fd;
        history_path(h, h->parts[i].part.first, path);
        TRY(port_file_open_read(path, &fd));
        outcome o = port_file_size(fd, &bytes);
        port_file_close(fd);
        TRY(o);
        s.bytes += bytes;
        for (size_t k = 0; k < h->parts[i].part.n; k++) s.points += h->parts[i].part.rows[k].points;
    }
    *ret = s;
    return DONE;
}
