#include "device/agent/spool.h"

#include <stdio.h>

#include "base/port/port.h"
#include "crypto/hash.h"

enum {
    FILES_MAX = 64,
    FILE_PARTS = 16,        /* of the bound: so much goes when there is no more room */
    HEAD = 8 + 8 + 32,
    ROW_FIXED = 8 + 8 + 2 + 4 + 32,
    ROW_MAX = ROW_FIXED + SPOOL_TAIL_MAX + SPOOL_PAYLOAD_MAX,
    MARK_WORDS = 8,         /* generation, taken, done, told, the gap's four */
    MARK = 8 * MARK_WORDS + 32, /* and SHA-256 of these */
    MARK_SLOT = 512,
    PATH_BYTES = 320,
};
static const uint8_t magic[8] = "SKBUF1";

struct part { /* one file */
    uint64_t first, last;   /* last == first - 1: empty */
    uint64_t bytes;
    int64_t since_ms, until_ms;
};

struct spool {
    char dir[PATH_BYTES - 32];
    uint64_t bytes_max, bytes;
    struct part parts[FILES_MAX]; /* in order; the last is written to */
    size_t n_parts;
    int fd, mark_fd, read_fd;
    uint64_t read_first, read_at, read_n; /* the file under the reader, where the row after read_n begins */
    uint64_t next;
    uint8_t chain[32];
    uint64_t hold; /* rows after it stay */
    uint64_t generation, taken, done, told; /* told: gaps up to here are somebody's to know */
    struct spool_gap gap;
    bool dirty, mark_dirty;
    bool looking; /* read only */
    uint8_t row[ROW_MAX];
};

static void path_of(const struct spool *s, uint64_t first, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%016llx.log", s->dir, (unsigned long long)first);
}

/* ---- the mark ---- */

static MUST outcome mark_write(struct spool *s)
{
    uint8_t text[MARK];
    struct hash h;
    struct out o = out_of(text, sizeof text);
    s->generation++;
    put_u64(&o, s->generation);
    put_u64(&o, s->taken);
    put_u64(&o, s->done);
    put_u64(&o, s->told);
    put_u64(&o, s->gap.from);
    put_u64(&o, s->gap.to);
    put_u64(&o, (uint64_t)s->gap.since_ms);
    put_u64(&o, (uint64_t)s->gap.until_ms);
    hash_sha256(out_view(&o), &h);
    put(&o, hash_view(&h));
    s->mark_dirty = true;
    return port_file_write(s->mark_fd, s->generation % 2 * MARK_SLOT, out_view(&o));
}

/* One copy; true when it is good and newer than what we have. */
static bool mark_take(struct spool *s, struct bytes slot)
{
    uint64_t v[MARK_WORDS];
    struct hash h;
    struct bytes in = bytes_of(slot.at, MARK), said;
    hash_sha256(bytes_of(slot.at, MARK - 32), &h);
    for (size_t i = 0; i < MARK_WORDS; i++)
        if (!ok(take_u64(&in, &v[i]))) return false;
    if (!ok(take(&in, 32, &said)) || !bytes_equal(said, hash_view(&h)) || v[0] <= s->generation) return false;
    s->generation = v[0];
    s->taken = v[1];
    s->done = v[2];
    s->told = v[3];
    s->gap = (struct spool_gap) { v[4], v[5], (int64_t)v[6], (int64_t)v[7] };
    return true;
}

static MUST outcome mark_open(struct spool *s)
{
    char path[PATH_BYTES];
    uint8_t slots[2 * MARK_SLOT];
    uint64_t size;
    snprintf(path, sizeof path, "%s/mark", s->dir);
    TRY(s->looking ? port_file_open_read(path, &s->mark_fd) : port_file_open(path, true, &s->mark_fd));
    TRY(port_file_size(s->mark_fd, &size));
    if (s->looking && size < sizeof slots) return REFUSE(E_MISSING);
    if (size < sizeof slots) return port_file_preallocate(s->mark_fd, sizeof slots);
    TRY(port_file_read(s->mark_fd, 0, slots, sizeof slots));
    for (size_t i = 0; i < 2; i++) (void)mark_take(s, bytes_of(slots + i * MARK_SLOT, MARK_SLOT));
    return DONE;
}

/* ---- rows ---- */

/* The row at `at` in a file; s->row holds it. E_SHORT: the file ends in it. E_CHANGED: not what was written. */
static MUST outcome row_at(struct spool *s, int fd, uint64_t at, uint64_t end, struct spool_row *ret)
{
    uint64_t left = end - at;
    size_t n = left < ROW_MAX ? (size_t)left : ROW_MAX;
    struct bytes in;
    uint64_t wall;
    if (left < ROW_FIXED) return REFUSE(E_SHORT);
    TRY(port_file_read(fd, at, s->row, n));
    in = bytes_of(s->row, n);
    TRY(take_u64(&in, &ret->n));
    TRY(take_u64(&in, &wall));
    TRY(take_field16(&in, &ret->tail));
    TRY(take_field32(&in, &ret->payload));
    ret->wall_ms = (int64_t)wall;
    return in.n < 32 ? REFUSE(E_SHORT) : DONE;
}

static size_t row_bytes(const struct spool_row *r)
{
    return ROW_FIXED + r->tail.n + r->payload.n;
}

static void chain_on(const uint8_t chain[32], struct bytes row, uint8_t ret[32])
{
    struct bytes parts[2] = { bytes_of(chain, 32), row };
    struct hash h;
    hash_sha256_parts(parts, 2, &h);
    memcpy(ret, h.at, 32);
}

static void gap_more(struct spool *s, uint64_t from, uint64_t to, int64_t since_ms, int64_t until_ms)
{
    if (to < from) return;
    if (s->gap.to == 0) s->gap = (struct spool_gap) { .from = from, .since_ms = since_ms };
    if (from < s->gap.from) s->gap.from = from;
    if (to < s->gap.to) return;
    s->gap.to = to;
    s->gap.until_ms = until_ms;
}

/* ---- files ---- */

static struct part *last_part(struct spool *s)
{
    return s->n_parts ? &s->parts[s->n_parts - 1] : NULL;
}

static void part_forget(struct spool *s, size_t i)
{
    char path[PATH_BYTES];
    path_of(s, s->parts[i].first, path);
    if (s->read_first == s->parts[i].first) {
        port_file_close(s->read_fd);
        s->read_fd = -1;
        s->read_first = 0;
    }
    if (!s->looking) (void)!ok(port_file_remove(path)); /* one that stays is read again at the next start, and forgotten again */
    s->bytes -= s->parts[i].bytes;
    memmove(&s->parts[i], &s->parts[i + 1], (s->n_parts - i - 1) * sizeof s->parts[0]);
    s->n_parts--;
}

static MUST outcome part_new(struct spool *s)
{
    char path[PATH_BYTES];
    uint8_t head[HEAD];
    struct out o = out_of(head, sizeof head);
    int fd;
    if (s->fd >= 0) TRY(port_file_sync(s->fd));
    path_of(s, s->next, path);
    TRY(port_file_open(path, true, &fd));
    put(&o, bytes_of(magic, sizeof magic));
    put_u64(&o, s->next);
    put(&o, bytes_of(s->chain, 32));
    outcome made = port_file_truncate(fd, 0);
    if (ok(made)) made = port_file_write(fd, 0, out_view(&o));
    if (ok(made)) made = port_dir_sync(s->dir);
    if (!ok(made)) {
        port_file_close(fd);
        return made;
    }
    port_file_close(s->fd);
    s->fd = fd;
    s->parts[s->n_parts++] = (struct part) { .first = s->next, .last = s->next - 1, .bytes = HEAD };
    s->bytes += HEAD;
    return DONE;
}

static void taken_go(struct spool *s)
{
    uint64_t free_to = s->taken < s->hold ? s->taken : s->hold;
    while (s->n_parts > 1 && s->parts[0].last <= free_to) part_forget(s, 0);
}

/* What is the server's for good goes first, without a word; then the oldest, by name. */
static MUST outcome room_make(struct spool *s, size_t bytes)
{
    const struct part *last = last_part(s);
    taken_go(s);
    while (s->n_parts > 1 && (s->bytes + bytes + HEAD > s->bytes_max || s->n_parts == FILES_MAX)) {
        const struct part *p = &s->parts[0];
        gap_more(s, p->first > s->taken ? p->first : s->taken + 1, p->last, p->since_ms, p->until_ms);
        TRY(mark_write(s));
        TRY(port_file_sync(s->mark_fd)); /* named before it goes */
        part_forget(s, 0);
    }
    last = last_part(s);
    if (!last || (last->last >= last->first && last->bytes + bytes > s->bytes_max / FILE_PARTS)) return part_new(s);
    return DONE;
}

/* ---- opening ---- */

/* Reads a file through. Rows that do not fit, and all behind them, are lost; ret_chain: after the last good one. */
static MUST outcome part_check(struct spool *s, int fd, struct part *p, uint8_t chain[32], bool last)
{
    uint64_t at = HEAD, end = p->bytes;
    struct spool_row r;
    while (at < end) {
        uint8_t next[32];
        outcome o = row_at(s, fd, at, end, &r);
        if (o.code == E_IO) return o;
        if (!ok(o)) break;
        size_t n = row_bytes(&r);
        chain_on(chain, bytes_of(s->row, n - 32), next);
        if (r.n != p->last + 1 || memcmp(next, s->row + n - 32, 32) != 0) break;
        memcpy(chain, next, 32);
        if (p->last < p->first) p->since_ms = r.wall_ms;
        p->until_ms = r.wall_ms;
        p->last = r.n;
        at += n;
    }
    if (at < end && last && !s->looking) TRY(port_file_truncate(fd, at)); /* cut short by the end of the machine */
    if (last) p->bytes = at;
    return DONE;
}

static MUST outcome part_open(struct spool *s, size_t i, bool last)
{
    char path[PATH_BYTES];
    uint8_t head[HEAD];
    uint64_t first = 0;
    struct part *p = &s->parts[i];
    struct bytes in = bytes_of(head, HEAD), m, chain;
    int fd;
    path_of(s, p->first, path);
    TRY(s->looking ? port_file_open_read(path, &fd) : port_file_open(path, false, &fd));
    outcome o = port_file_size(fd, &p->bytes);
    p->last = p->first - 1;
    bool whole = ok(o) && p->bytes >= HEAD && ok(port_file_read(fd, 0, head, HEAD)) && ok(take(&in, 8, &m)) && ok(take_u64(&in, &first)) &&
        ok(take(&in, 32, &chain)) && bytes_equal(m, bytes_of(magic, 8)) && first == p->first;
    bool follows = i > 0 && p[-1].last + 1 == p->first;
    if (whole && follows && memcmp(s->chain, chain.at, 32) != 0) whole = false; /* of another chain */
    if (whole) memcpy(s->chain, chain.at, 32);
    if (whole) o = part_check(s, fd, p, s->chain, last);
    if (ok(o) && whole && last) s->fd = fd;
    else port_file_close(fd);
    if (ok(o) && !whole) p->first = 0; /* nothing in it: forgotten by the caller */
    return o;
}

static outcome name_take(void *ctx, const char *name)
{
    struct spool *s = ctx;
    uint8_t raw[8];
    struct bytes in = bytes_of(raw, 8);
    uint64_t first;
    if (strlen(name) != 20 || strcmp(name + 16, ".log") != 0 || !ok(hex_to(bytes_of(name, 16), raw, 8))) return DONE;
    TRY(take_u64(&in, &first));
    if (first == 0 || s->n_parts == FILES_MAX) return REFUSE(E_MALFORMED);
    s->parts[s->n_parts++] = (struct part) { .first = first };
    return DONE;
}

static MUST outcome read_all(struct spool *s)
{
    TRY(mark_open(s));
    TRY(port_dir_list(s->dir, name_take, s));
    uint64_t want = s->taken + 1;
    for (size_t i = 0; i < s->n_parts;) {
        struct part *p = &s->parts[i];
        uint64_t name = p->first;
        bool last = i + 1 == s->n_parts;
        TRY(part_open(s, i, last));
        if (p->first == 0) { /* no head: named by what stands around it */
            p->first = name;
            s->bytes += p->bytes;
            part_forget(s, i);
            continue;
        }
        uint64_t known = s->gap.to > s->told ? s->gap.to : s->told;
        gap_more(s, want > known ? want : known + 1, p->first - 1, 0, p->since_ms);
        s->bytes += p->bytes;
        want = p->last + 1 > want ? p->last + 1 : want;
        i++;
    }
    s->next = want > s->gap.to ? want : s->gap.to + 1;
    if (s->looking) return DONE;
    const struct part *p = last_part(s);
    if (p && s->next != p->last + 1) { /* the last file is behind what is known: a fresh one goes on */
        port_file_close(s->fd);
        s->fd = -1;
        return part_new(s);
    }
    return mark_write(s);
}

outcome spool_open(const char *dir, uint64_t bytes_max, struct spool **ret)
{
    struct spool *s = mem_new(sizeof *s);
    if (s == NULL) return REFUSE(E_MEMORY);
    s->fd = s->mark_fd = s->read_fd = -1;
    s->hold = UINT64_MAX;
    s->bytes_max = bytes_max;
    outcome o = bytes_max < SPOOL_BYTES_MIN ? REFUSE(E_RANGE) : bytes_to_text(bytes_str(dir), s->dir, sizeof s->dir);
    if (ok(o)) o = port_dir_make(dir, 0700);
    if (ok(o)) o = read_all(s);
    if (!ok(o)) {
        spool_free(s);
        return o;
    }
    *ret = s;
    return DONE;
}

outcome spool_look(const char *dir, uint64_t *ret_waiting, struct spool_gap *ret_gap)
{
    struct spool *s = mem_new(sizeof *s);
    if (s == NULL) return REFUSE(E_MEMORY);
    s->fd = s->mark_fd = s->read_fd = -1;
    s->looking = true;
    outcome o = bytes_to_text(bytes_str(dir), s->dir, sizeof s->dir);
    if (ok(o)) o = read_all(s);
    if (ok(o)) *ret_waiting = spool_waiting(s);
    if (ok(o)) *ret_gap = s->gap;
    spool_free(s);
    return o;
}

void spool_free(struct spool *s)
{
    if (s == NULL) return;
    (void)!ok(spool_sync(s)); /* what could not be synced now was never said to be */
    port_file_close(s->fd);
    port_file_close(s->mark_fd);
    port_file_close(s->read_fd);
    mem_free(s);
}

/* ---- in and out ---- */

uint64_t spool_next(const struct spool *s)
{
    return s->next;
}

outcome spool_put(struct spool *s, const char *tail, struct bytes payload, int64_t wall_ms)
{
    size_t tail_n = strlen(tail), bytes = ROW_FIXED + tail_n + payload.n;
    uint8_t chain[32];
    if (tail_n > SPOOL_TAIL_MAX || payload.n > SPOOL_PAYLOAD_MAX) return REFUSE(E_TOO_LARGE);
    TRY(room_make(s, bytes));
    struct part *p = last_part(s);
    struct out o = out_of(s->row, sizeof s->row);
    put_u64(&o, s->next);
    put_u64(&o, (uint64_t)wall_ms);
    put_field16(&o, bytes_str(tail));
    put_field32(&o, payload);
    chain_on(s->chain, out_view(&o), chain);
    put(&o, bytes_of(chain, 32));
    TRY(out_done(&o));
    TRY(port_file_write(s->fd, p->bytes, out_view(&o))); /* half a row is overwritten by the next, or cut off at a start */
    memcpy(s->chain, chain, 32);
    if (p->last < p->first) p->since_ms = wall_ms;
    p->until_ms = wall_ms;
    p->last = s->next++;
    p->bytes += bytes;
    s->bytes += bytes;
    s->dirty = true;
    return DONE;
}

/* The file that holds the first row after a number. */
static const struct part *part_after(const struct spool *s, uint64_t after)
{
    for (size_t i = 0; i < s->n_parts; i++)
        if (s->parts[i].last > after && s->parts[i].last >= s->parts[i].first) return &s->parts[i];
    return NULL;
}

static MUST outcome reader_to(struct spool *s, const struct part *p, uint64_t after)
{
    char path[PATH_BYTES];
    if (s->read_first == p->first && s->read_n <= after) return DONE; /* onward from where it is */
    if (s->read_first != p->first) {
        port_file_close(s->read_fd);
        s->read_fd = -1;
        s->read_first = 0;
        path_of(s, p->first, path);
        TRY(port_file_open_read(path, &s->read_fd));
    }
    s->read_first = p->first;
    s->read_at = HEAD;
    s->read_n = p->first - 1;
    return DONE;
}

outcome spool_read(struct spool *s, uint64_t after, struct spool_row *ret)
{
    const struct part *p = part_after(s, after);
    if (p == NULL) return REFUSE(E_UNKNOWN);
    TRY(reader_to(s, p, after));
    do { /* ends: each round goes one row on in a file that holds one after `after` */
        TRY(row_at(s, s->read_fd, s->read_at, p->bytes, ret));
        s->read_at += row_bytes(ret);
        s->read_n = ret->n;
    } while (ret->n <= after);
    return DONE;
}

void spool_taken(struct spool *s, uint64_t n)
{
    if (n <= s->taken) return;
    s->taken = n;
    if (n >= s->gap.from && n <= s->gap.to) s->gap.from = n + 1; /* was under way when it went, and had arrived */
    if (s->gap.from > s->gap.to) s->gap = (struct spool_gap) { 0 };
    (void)!ok(mark_write(s)); /* one that failed is written with the next */
    taken_go(s);
}

void spool_hold(struct spool *s, uint64_t n)
{
    s->hold = n;
    taken_go(s);
}

void spool_done(struct spool *s, uint64_t n)
{
    if (n <= s->done) return;
    s->done = n;
    (void)!ok(mark_write(s));
}

uint64_t spool_is_taken(const struct spool *s)
{
    return s->taken;
}

uint64_t spool_is_done(const struct spool *s)
{
    return s->done;
}

uint64_t spool_waiting(const struct spool *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        if (p->last > s->taken) n += p->last - (p->first > s->taken ? p->first - 1 : s->taken);
    }
    return n;
}

const struct spool_gap *spool_gap(const struct spool *s)
{
    return &s->gap;
}

outcome spool_gap_told(struct spool *s, const struct spool_gap *told)
{
    if (s->gap.to == 0 || told->to < s->gap.from) return DONE;
    s->told = told->to;
    s->gap.from = told->to + 1;
    s->gap.since_ms = told->until_ms;
    if (s->gap.from > s->gap.to) s->gap = (struct spool_gap) { 0 };
    return mark_write(s);
}

bool spool_dirty(const struct spool *s)
{
    return s->dirty || s->mark_dirty;
}

outcome spool_sync(struct spool *s)
{
    if (s->dirty && s->fd >= 0) TRY(port_file_sync(s->fd));
    s->dirty = false;
    if (s->mark_dirty && s->mark_fd >= 0) TRY(port_file_sync(s->mark_fd));
    s->mark_dirty = false;
    return DONE;
}

uint64_t spool_bytes(const struct spool *s)
{
    return s->bytes + 2 * MARK_SLOT;
}

static outcome wipe_one(void *ctx, const char *name)
{
    char path[PATH_BYTES + 256];
    uint8_t noise[4096];
    uint64_t size = 0;
    int fd;
    snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
    TRY(port_file_open(path, false, &fd));
    outcome o = port_file_size(fd, &size);
    for (uint64_t at = 0; ok(o) && at < size; at += sizeof noise) {
        port_random(noise, sizeof noise);
        o = port_file_write(fd, at, bytes_of(noise, size - at < sizeof noise ? (size_t)(size - at) : sizeof noise));
    }
    if (ok(o)) o = port_file_sync(fd);
    port_file_close(fd);
    TRY(o);
    return port_file_remove(path);
}

outcome spool_wipe(const char *dir)
{
    outcome o = port_dir_list(dir, wipe_one, (void *)dir);
    if (!ok(o) && (o.code == E_MISSING || o.code == E_UNKNOWN || o.sys == 2)) return DONE; /* none was ever kept */
    return o;
}
