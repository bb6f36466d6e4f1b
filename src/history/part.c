#include "history/part.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/port/port.h"
#include "base/time.h"

enum { BLOCK_LEAST = 64, ROWS_FIRST = 256, CHECK = 16, BLOB_MAX = 64 << 20 };

uint64_t history_check(struct bytes b)
{
    struct hash h;
    uint64_t v;
    hash_sha256(b, &h);
    memcpy(&v, h.at, sizeof v);
    return v;
}

/* ---- writing ---- */

outcome part_make(struct part_maker *m, const char *path, struct part_seal *seal)
{
    *m = (struct part_maker) { .fd = -1, .at = PART_HEAD, .plain = BUFFER(BLOCK_BYTES_MAX), .sealed = BUFFER(BLOB_MAX), .heads = BUFFER(BLOB_MAX), .seal = seal };
    outcome o = port_file_remove(path);
    if (!ok(o) && o.code != E_MISSING) return o;
    return port_file_open(path, true, &m->fd);
}

static outcome put_blob(struct part_maker *m, const char *subject, struct bytes plain, struct part_row *ret)
{
    ret->seal = m->seal->next++;
    ret->at = m->at;
    m->sealed.n = 0;
    TRY(*subject ? ledger_seal(m->seal->ledger, subject, ret->seal, plain, &m->sealed) : buffer_put(&m->sealed, plain));
    ret->bytes = (uint32_t)m->sealed.n;
    ret->check = history_check(buffer_view(&m->sealed));
    TRY(port_file_write(m->fd, m->at, buffer_view(&m->sealed)));
    m->at += m->sealed.n;
    return DONE;
}

static outcome put_block(struct part_maker *m, const char *subject, const struct point *p, size_t n)
{
    struct block b;
    struct part_row where;
    uint8_t head[BLOCK_HEAD];
    TRY(buffer_reserve(&m->plain, BLOCK_BYTES_MAX - m->plain.n));
    struct out o = out_of(m->plain.at, BLOCK_BYTES_MAX), h = out_of(head, sizeof head);
    block_write(p, n, &b, &o);
    TRY(out_done(&o));
    TRY(put_blob(m, subject, out_view(&o), &where));
    b.at = where.at, b.seal = where.seal, b.check = where.check, b.bytes = where.bytes;
    block_head_write(&b, &h);
    return buffer_put(&m->heads, out_view(&h));
}

/* Days begin at 0:00 in UTC and in Japan: a block that ends there is counted into its day without being opened. Short ones go on. */
static int64_t half_of(int64_t ms)
{
    int64_t day = ms / MS_DAY;
    return 2 * day + (ms - day * MS_DAY >= 15 * MS_HOUR);
}

static size_t block_end(const struct point *p, size_t n)
{
    if (n > BLOCK_POINTS) n = BLOCK_POINTS;
    for (size_t i = BLOCK_LEAST; i < n; i++)
        if (half_of(p[i].ms) != half_of(p[i - 1].ms)) return i;
    return n;
}

static outcome row_room(struct part_maker *m)
{
    if (m->part.n < m->cap) return DONE;
    size_t cap = m->cap ? 2 * m->cap : ROWS_FIRST;
    struct part_row *rows = m->part.n < PART_SERIES_MAX ? mem_grow(m->part.rows, cap * sizeof *rows) : NULL;
    if (!rows) return REFUSE(E_MEMORY);
    m->part.rows = rows;
    m->cap = cap;
    return DONE;
}

outcome part_add(struct part_maker *m, uint32_t series, const char *subject, const struct point *p, size_t n)
{
    struct part_row r = { .series = series, .points = (uint32_t)n, .ms_min = INT64_MAX, .ms_max = INT64_MIN };
    if (!n) return DONE;
    TRY(row_room(m));
    m->heads.n = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i].ms < r.ms_min) r.ms_min = p[i].ms;
        if (p[i].ms > r.ms_max) r.ms_max = p[i].ms;
    }
    for (size_t i = 0, k; i < n; i += k, r.blocks++) {
        k = block_end(p + i, n - i);
        TRY(put_block(m, subject, p + i, k));
    }
    TRY(put_blob(m, subject, buffer_view(&m->heads), &r));
    m->part.rows[m->part.n++] = r;
    return DONE;
}

static void row_write(const struct part_row *r, struct out *o)
{
    put_u32(o, r->series);
    put_u32(o, r->blocks);
    put_u32(o, r->points);
    put_u32(o, r->bytes);
    put_u64(o, r->at);
    put_u64(o, r->seal);
    put_u64(o, r->check);
    put_u64(o, (uint64_t)r->ms_min);
    put_u64(o, (uint64_t)r->ms_max);
}

static void head_write(const struct part *p, uint64_t directory, struct out *o)
{
    put_str(o, "SKH1");
    put_u64(o, p->first);
    put_u64(o, p->end);
    put(o, hash_view(&p->root));
    put_u32(o, (uint32_t)p->n);
    put_u64(o, directory);
    put_u64(o, p->given_up);
}

/* Head and directory in one memory, as the check covers them. */
outcome part_finish(struct part_maker *m, const char *from, const char *to, struct part *ret)
{
    size_t n = PART_HEAD - CHECK + m->part.n * PART_ROW;
    struct buffer b = BUFFER(n + CHECK);
    struct hash h;
    TRY(buffer_reserve(&b, n));
    struct out o = out_of(b.at, n);
    head_write(&m->part, m->at, &o);
    for (size_t i = 0; i < m->part.n; i++) row_write(&m->part.rows[i], &o);
    outcome r = out_done(&o);
    hash_sha256(out_view(&o), &h);
    if (ok(r)) r = port_file_write(m->fd, m->at, bytes_of(b.at + PART_HEAD - CHECK, n - (PART_HEAD - CHECK)));
    if (ok(r)) r = port_file_write(m->fd, PART_HEAD - CHECK, bytes_of(h.at, CHECK));
    if (ok(r)) r = port_file_write(m->fd, 0, bytes_of(b.at, PART_HEAD - CHECK));
    buffer_deinit(&b);
    TRY(r);
    if (rename(from, to) != 0) return REFUSE(E_IO);
    *ret = m->part;
    m->part = (struct part) { 0 };
    return DONE;
}

void part_maker_deinit(struct part_maker *m)
{
    if (m->fd >= 0) port_file_close(m->fd);
    part_deinit(&m->part);
    buffer_deinit(&m->plain);
    buffer_deinit(&m->sealed);
    buffer_deinit(&m->heads);
    *m = (struct part_maker) { .fd = -1 };
}

/* ---- reading ---- */

static outcome row_read(struct bytes *in, struct part_row *r)
{
    uint64_t ms_min, ms_max;
    TRY(take_u32(in, &r->series));
    TRY(take_u32(in, &r->blocks));
    TRY(take_u32(in, &r->points));
    TRY(take_u32(in, &r->bytes));
    TRY(take_u64(in, &r->at));
    TRY(take_u64(in, &r->seal));
    TRY(take_u64(in, &r->check));
    TRY(take_u64(in, &ms_min));
    TRY(take_u64(in, &ms_max));
    r->ms_min = (int64_t)ms_min;
    r->ms_max = (int64_t)ms_max;
    return r->bytes > BLOB_MAX ? REFUSE(E_MALFORMED) : DONE;
}

static outcome head_read(struct bytes in, struct part *p, uint32_t *ret_rows, uint64_t *ret_directory)
{
    struct bytes part;
    TRY(take(&in, 4, &part));
    if (!bytes_equal_str(part, "SKH1")) return REFUSE(E_UNSUPPORTED);
    TRY(take_u64(&in, &p->first));
    TRY(take_u64(&in, &p->end));
    TRY(take(&in, sizeof p->root.at, &part));
    memcpy(p->root.at, part.at, part.n);
    TRY(take_u32(&in, ret_rows));
    TRY(take_u64(&in, ret_directory));
    TRY(take_u64(&in, &p->given_up));
    return p->end <= p->first || *ret_rows > PART_SERIES_MAX ? REFUSE(E_MALFORMED) : DONE;
}

static outcome rows_read(int fd, struct part *p, uint8_t head[PART_HEAD], uint32_t rows, uint64_t directory)
{
    size_t n = PART_HEAD - CHECK + rows * (size_t)PART_ROW;
    struct buffer b = BUFFER(n);
    struct hash h;
    TRY(buffer_put(&b, bytes_of(head, PART_HEAD - CHECK)));
    outcome o = buffer_reserve(&b, n - b.n);
    if (ok(o) && rows) o = port_file_read(fd, directory, b.at + b.n, n - b.n);
    if (ok(o)) hash_sha256(bytes_of(b.at, n), &h);
    if (ok(o) && memcmp(h.at, head + PART_HEAD - CHECK, CHECK) != 0) o = REFUSE(E_CHANGED);
    p->rows = ok(o) ? mem_new_array(rows + 1, sizeof *p->rows) : NULL;
    if (ok(o) && !p->rows) o = REFUSE(E_MEMORY);
    struct bytes in = bytes_of(b.at + PART_HEAD - CHECK, n - (PART_HEAD - CHECK));
    for (; ok(o) && p->n < rows; p->n++) o = row_read(&in, &p->rows[p->n]);
    buffer_deinit(&b);
    return o;
}

outcome part_open(const char *path, struct part *ret)
{
    uint8_t head[PART_HEAD];
    struct part p = { 0 };
    uint32_t rows = 0;
    uint64_t directory = 0;
    int fd;
    TRY(port_file_open_read(path, &fd));
    outcome o = port_file_read(fd, 0, head, sizeof head);
    if (ok(o)) o = head_read(bytes_of(head, sizeof head), &p, &rows, &directory);
    if (ok(o)) o = rows_read(fd, &p, head, rows, directory);
    port_file_close(fd);
    if (ok(o)) *ret = p;
    else part_deinit(&p);
    return o;
}

void part_deinit(struct part *p)
{
    mem_free(p->rows);
    *p = (struct part) { 0 };
}

const struct part_row *part_row(const struct part *p, uint32_t series)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (p->rows[mid].series < series) low = mid + 1;
        else high = mid;
    }
    return low < p->n && p->rows[low].series == series ? &p->rows[low] : NULL;
}

struct blob { uint64_t at, seal, check; uint32_t n; };

static outcome get_blob(int fd, struct ledger *l, const struct blob *k, struct buffer *b, struct bytes *ret)
{
    b->n = 0;
    TRY(buffer_reserve(b, k->n));
    TRY(port_file_read(fd, k->at, b->at, k->n));
    b->n = k->n;
    if (history_check(buffer_view(b)) != k->check) return REFUSE(E_CHANGED);
    return ledger_unseal(l, k->seal, b->at, b->n, ret);
}

outcome part_heads(int fd, struct ledger *l, const struct part_row *r, struct buffer *b)
{
    struct buffer stored = BUFFER(BLOB_MAX);
    struct bytes in = BYTES_NONE;
    struct block k;
    b->n = 0;
    outcome o = get_blob(fd, l, &(struct blob) { r->at, r->seal, r->check, r->bytes }, &stored, &in);
    if (ok(o) && in.n != r->blocks * (size_t)BLOCK_HEAD) o = REFUSE(E_MALFORMED);
    while (ok(o) && in.n) {
        o = block_head_read(&in, &k);
        if (ok(o)) o = buffer_put(b, bytes_of(&k, sizeof k));
    }
    buffer_deinit(&stored);
    return o;
}

outcome part_points(int fd, struct ledger *l, const struct block *k, struct point ret[BLOCK_POINTS])
{
    struct buffer stored = BUFFER(BLOCK_BYTES_MAX + 1024);
    struct bytes in = BYTES_NONE;
    outcome o = get_blob(fd, l, &(struct blob) { k->at, k->seal, k->check, k->bytes }, &stored, &in);
    if (ok(o)) o = block_read(k, in, ret);
    buffer_deinit(&stored);
    return o;
}
