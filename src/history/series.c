/* The catalogue of series: a file that grows, one row each; a series is its row's number. What is torn at its end is cut.
 *   "SKHS1\n" | row ...   row: subject field16 | seal u64 | check u64 | stored field32
 *   stored, sealed for the subject: kind u8 | topic field16 | field field16 | unit field16 */
#include "history/inside.h"
#include "history/part.h"

#include <stdio.h>

#include "base/port/port.h"

#define MAGIC "SKHS1\n"
enum { FILE_MAX = 512 << 20, ROW_PLAIN = 2048, ROW_MAX = 4096, SUBJECT_MAX = 160 };

static void file_path(const struct history *h, char path[PART_PATH])
{
    snprintf(path, PART_PATH, "%s/series", h->dir);
}

void series_free(struct series *s)
{
    if (!s) return;
    mem_free(s->text);
    mem_free(s->at);
    mem_free(s);
}

outcome series_add(struct series *s, const struct point *p)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        struct point *at = mem_grow(s->at, cap * sizeof *at);
        if (!at) return REFUSE(E_MEMORY);
        s->at = at;
        s->cap = cap;
    }
    s->at[s->n++] = *p;
    return DONE;
}

/* Copies the texts behind one another; kept by their lengths, none holds NUL. */
static outcome series_new(const struct history_series *is, struct series **ret)
{
    const char *from[] = { is->subject, is->topic, is->field, is->unit };
    size_t total = 0, len[4];
    for (int i = 0; i < 4; i++) total += len[i] = strlen(from[i]) + 1;
    struct series *s = mem_new(sizeof *s);
    char *text = s ? mem_new(total) : NULL;
    if (!text) {
        mem_free(s);
        return REFUSE(E_MEMORY);
    }
    const char **to[] = { &s->is.subject, &s->is.topic, &s->is.field, &s->is.unit };
    s->text = text;
    s->is.kind = is->kind;
    for (int i = 0; i < 4; text += len[i++]) {
        memcpy(text, from[i], len[i]);
        *to[i] = text;
    }
    *ret = s;
    return DONE;
}

static outcome key_of(const struct history_series *s, struct out *o)
{
    put_u8(o, (uint8_t)s->kind);
    put_field16(o, bytes_str(s->subject));
    put_field16(o, bytes_str(s->topic));
    put_field16(o, bytes_str(s->field));
    put_field16(o, bytes_str(s->unit));
    return out_done(o);
}

static struct subject *subject_of(struct history *h, const char *id)
{
    struct subject *u = map_get(&h->subjects, bytes_str(id));
    if (u) return u;
    u = mem_new(sizeof *u);
    if (u && ok(map_put(&h->subjects, bytes_str(id), u))) return u;
    mem_free(u);
    return NULL;
}

/* Takes s over. s->dead: a number that nothing is looked up by. */
static outcome keep(struct history *h, struct series *s)
{
    uint8_t key[ROW_PLAIN];
    struct out o = out_of(key, sizeof key);
    struct subject *u = s->dead ? NULL : subject_of(h, s->is.subject);
    outcome r = key_of(&s->is, &o);
    if (ok(r) && !s->dead && !u) r = REFUSE(E_MEMORY);
    if (ok(r) && h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 64;
        struct series **at = mem_grow(h->series, cap * sizeof *at);
        if (at) h->series = at, h->cap = cap;
        else r = REFUSE(E_MEMORY);
    }
    if (ok(r) && !s->dead) r = map_put(&h->by_key, out_view(&o), (void *)(uintptr_t)(h->n + 1));
    if (!ok(r)) {
        series_free(s);
        return r;
    }
    if (u) u->series++;
    if (u && s->is.kind == READING_OTHER) u->other = (uint32_t)h->n + 1;
    h->series[h->n++] = s;
    return DONE;
}

outcome series_for(struct history *h, const struct history_series *is, uint32_t *ret)
{
    uint8_t key[ROW_PLAIN];
    struct out o = out_of(key, sizeof key);
    struct series *s;
    TRY(key_of(is, &o));
    uintptr_t found = (uintptr_t)map_get(&h->by_key, out_view(&o));
    struct subject *u = found ? NULL : subject_of(h, is->subject);
    if (!found && !u) return REFUSE(E_MEMORY);
    if (found || (is->kind == READING_OTHER && u->other)) {
        *ret = (uint32_t)(found ? found : u->other) - 1;
        return DONE;
    }
    bool many = u->series >= SERIES_OF_SUBJECT || h->n >= SERIES_MAX;
    if (many && is->kind != READING_OTHER) return series_for(h, &(struct history_series) { is->subject, "", "", "", READING_OTHER }, ret);
    if (h->n >= PART_SERIES_MAX) return REFUSE(E_FULL);
    TRY(series_new(is, &s));
    TRY(keep(h, s));
    *ret = (uint32_t)h->n - 1;
    return DONE;
}

/* Also where memory is out on the way: then the keys of the others are made again as their messages come, as new series. */
void series_forget(struct history *h, const char *subject)
{
    mem_free(map_take(&h->subjects, bytes_str(subject)));
    map_deinit(&h->by_key);
    h->by_key = MAP;
    for (size_t i = 0; i < h->n; i++) {
        uint8_t key[ROW_PLAIN];
        struct out o = out_of(key, sizeof key);
        if (h->series[i]->dead || !ok(key_of(&h->series[i]->is, &o))) continue;
        (void)!ok(map_put(&h->by_key, out_view(&o), (void *)(uintptr_t)(i + 1)));
    }
}

/* ---- the file ---- */

static outcome row_plain(const struct series *s, struct out *o)
{
    put_u8(o, (uint8_t)s->is.kind);
    put_field16(o, bytes_str(s->is.topic));
    put_field16(o, bytes_str(s->is.field));
    put_field16(o, bytes_str(s->is.unit));
    return out_done(o);
}

static outcome row_write(struct history *h, const struct series *s, struct buffer *b)
{
    uint8_t plain[ROW_PLAIN], row[ROW_MAX];
    struct out p = out_of(plain, sizeof plain), o = out_of(row, sizeof row);
    struct buffer sealed = BUFFER(ROW_MAX);
    uint64_t number = h->seal.next++;
    TRY(row_plain(s, &p));
    bool open = s->dead || !s->is.subject[0]; /* of a dead one nothing is said */
    outcome r = open ? buffer_put(&sealed, s->dead ? BYTES_NONE : out_view(&p)) : ledger_seal(h->ledger, s->is.subject, number, out_view(&p), &sealed);
    put_field16(&o, bytes_str(s->is.subject));
    put_u64(&o, number);
    put_u64(&o, history_check(buffer_view(&sealed)));
    put_field32(&o, buffer_view(&sealed));
    if (ok(r)) r = out_done(&o);
    if (ok(r)) r = buffer_put(b, out_view(&o));
    buffer_deinit(&sealed);
    return r;
}

outcome series_save(struct history *h)
{
    char path[PART_PATH];
    struct buffer b = BUFFER(FILE_MAX);
    int fd = -1;
    file_path(h, path);
    outcome o = h->file_bytes ? DONE : buffer_put(&b, BYTES_LIT(MAGIC));
    for (size_t i = h->saved; ok(o) && i < h->n; i++) o = row_write(h, h->series[i], &b);
    if (ok(o)) o = port_file_open(path, true, &fd);
    if (ok(o)) o = port_file_write(fd, h->file_bytes, buffer_view(&b));
    if (ok(o)) {
        h->file_bytes += b.n;
        h->saved = h->n;
    }
    if (fd >= 0) port_file_close(fd);
    buffer_deinit(&b);
    return o;
}

static outcome text16(struct bytes *in, char *ret, size_t size)
{
    struct bytes b;
    TRY(take_field16(in, &b));
    return bytes_to_text(b, ret, size);
}

static outcome row_open(struct history *h, const char *subject, struct bytes in)
{
    static const struct history_series gone = { "", "", "", "", READING_TEXT };
    char topic[ROW_PLAIN], field[FLAT_NAME_MAX + 1], unit[FLAT_NAME_MAX + 1];
    struct series *s;
    uint8_t kind = READING_OTHER + 1;
    bool dead = !in.n;
    if (!dead) {
        TRY(take_u8(&in, &kind));
        TRY(text16(&in, topic, sizeof topic));
        TRY(text16(&in, field, sizeof field));
        TRY(text16(&in, unit, sizeof unit));
        TRY(at_end(in));
        if (kind > READING_OTHER) return REFUSE(E_MALFORMED);
    }
    struct history_series is = { subject, topic, field, unit, (enum reading_kind)kind };
    TRY(series_new(dead ? &gone : &is, &s));
    s->dead = dead;
    return keep(h, s);
}

static outcome row_read(struct history *h, struct bytes *in)
{
    char subject[SUBJECT_MAX];
    struct bytes stored, plain;
    uint64_t number, check;
    struct buffer b = BUFFER(ROW_MAX);
    TRY(text16(in, subject, sizeof subject));
    TRY(take_u64(in, &number));
    TRY(take_u64(in, &check));
    TRY(take_field32(in, &stored));
    if (history_check(stored) != check) return REFUSE(E_CHANGED);
    outcome o = buffer_put(&b, stored);
    if (ok(o)) o = ledger_unseal(h->ledger, number, b.at, b.n, &plain);
    if (o.code == E_UNKNOWN) o = row_open(h, subject, BYTES_NONE);
    else if (ok(o)) o = row_open(h, subject, plain);
    buffer_deinit(&b);
    return o;
}

outcome series_load(struct history *h)
{
    char path[PART_PATH];
    struct buffer b;
    struct bytes magic;
    file_path(h, path);
    outcome o = port_file_load(path, FILE_MAX, &b);
    if (o.code == E_MISSING) return DONE;
    TRY(o);
    struct bytes in = buffer_view(&b);
    size_t good = 0;
    if (ok(take(&in, sizeof MAGIC - 1, &magic)) && bytes_equal_str(magic, MAGIC)) good = b.n - in.n;
    while (good && in.n && ok(o)) {
        o = row_read(h, &in);
        if (ok(o)) good = b.n - in.n;
    }
    buffer_deinit(&b);
    h->file_bytes = good;
    h->saved = h->n;
    if (o.code == E_MEMORY || o.code == E_IO) return o;
    return DONE; /* the rest is torn: written over by the next row */
}
