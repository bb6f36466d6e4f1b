#include "ledger/segment.h"

#include "base/port/port.h"

#define BLOCK 16384u

void segments_init(struct segments *s, const char *dir, unsigned files, struct ledger_shape shape,
    bool writable)
{
    *s = (struct segments) { dir, files, shape, writable, -1, 0, 0, false, false };
}

void segments_deinit(struct segments *s)
{
    port_file_close(s->fd);
    s->fd = -1;
    s->dirty = false;
}

static outcome file_path(const struct segments *s, uint32_t number, char path[FORMAT_PATH])
{
    char name[32];
    format_file_name(s->files, number, name);
    return format_path(s->dir, name, path);
}

/* A new name is durable before anything in the file is relied on; owed until the folder's sync worked. */
static outcome sync_names(struct segments *s)
{
    char dir[FORMAT_PATH];
    if (!s->named) return DONE;
    TRY(format_path(s->dir, format_files_word(s->files), dir));
    TRY(port_dir_sync(dir));
    s->named = false;
    return DONE;
}

static outcome make_file(struct segments *s, const char *path, int *ret_fd)
{
    TRY(port_file_open(path, true, ret_fd));
    s->named = true;
    outcome o = sync_names(s);
    if (!ok(o)) port_file_close(*ret_fd);
    return o;
}

static outcome turn_to(struct segments *s, uint32_t number, bool create)
{
    char path[FORMAT_PATH];
    int fd;
    uint64_t size;
    if (s->fd >= 0 && s->number == number) return DONE;
    TRY(segments_sync(s));
    TRY(sync_names(s));
    TRY(file_path(s, number, path));
    outcome o = s->writable ? port_file_open(path, false, &fd) : port_file_open_read(path, &fd);
    if (o.code == E_MISSING && create) o = make_file(s, path, &fd);
    TRY(o);
    o = port_file_size(fd, &size);
    if (!ok(o)) {
        port_file_close(fd);
        return o;
    }
    segments_deinit(s);
    s->fd = fd;
    s->number = number;
    s->size = size;
    return DONE;
}

outcome segments_read(struct segments *s, struct place at, void *to, size_t n)
{
    TRY(turn_to(s, at.segment, false));
    outcome o = port_file_read(s->fd, at.offset, to, n);
    return o.code == E_SHORT ? REFUSE(E_MISSING) : o;
}

outcome segments_write(struct segments *s, struct place at, struct bytes b)
{
    assert(s->writable && at.offset + b.n <= s->shape.segment_bytes);
    TRY(turn_to(s, at.segment, true));
    uint64_t want = format_file_size(&s->shape, at.offset + b.n);
    s->dirty = true;
    if (want > s->size) {
        TRY(port_file_preallocate(s->fd, want));
        s->size = want;
    }
    return port_file_write(s->fd, at.offset, b);
}

outcome segments_sync(struct segments *s)
{
    if (!s->dirty) return DONE;
    TRY(port_file_sync(s->fd));
    s->dirty = false;
    return DONE;
}

struct place segments_place(const struct segments *s, uint64_t linear)
{
    return (struct place) { (uint32_t)(linear / s->shape.segment_bytes),
        linear % s->shape.segment_bytes };
}

outcome segments_write_linear(struct segments *s, uint64_t linear, struct bytes b)
{
    while (b.n) {
        struct place at = segments_place(s, linear);
        uint64_t room = s->shape.segment_bytes - at.offset;
        struct bytes part;
        TRY(take(&b, b.n < room ? b.n : (size_t)room, &part));
        TRY(segments_write(s, at, part));
        linear += part.n;
    }
    return DONE;
}

/* ---- recovery ---- */

/* Offset after the last byte that is not zero, or `from`. */
static outcome last_nonzero(int fd, uint64_t from, uint64_t size, uint64_t *ret)
{
    uint8_t block[BLOCK];
    uint64_t last = from;
    while (from < size) {
        size_t n = size - from < BLOCK ? (size_t)(size - from) : BLOCK;
        TRY(port_file_read(fd, from, block, n));
        size_t k = n;
        while (k > 0 && block[k - 1] == 0) k--;
        if (k) last = from + k;
        from += n;
    }
    *ret = last;
    return DONE;
}

static outcome cut_file(struct segments *s, uint64_t used, uint64_t *ret_cut)
{
    uint64_t last = used, want = format_file_size(&s->shape, used);
    if (s->size < used) return REFUSE(E_MISSING);
    if (s->size > used) TRY(last_nonzero(s->fd, used, s->size, &last));
    if (last == used && s->size == want) return DONE;
    TRY(port_file_truncate(s->fd, used));
    s->size = used;
    TRY(port_file_preallocate(s->fd, want));
    s->size = want;
    s->dirty = true;
    *ret_cut += last - used;
    return segments_sync(s);
}

struct highest {
    bool any;
    uint32_t number;
};

static outcome highest_name(void *ctx, const char *name)
{
    struct highest *h = ctx;
    uint32_t number;
    if (!ok(format_segment_number(name, &number))) return DONE; /* verify names it */
    if (!h->any || number > h->number) *h = (struct highest) { true, number };
    return DONE;
}

outcome segments_cut(struct segments *s, struct place end, uint64_t *ret_cut)
{
    char path[FORMAT_PATH];
    struct highest h = { 0 };
    TRY(format_path(s->dir, format_files_word(s->files), path));
    TRY(port_dir_list(path, highest_name, &h));
    TRY(turn_to(s, end.segment, false));
    TRY(cut_file(s, end.offset, ret_cut));
    for (uint32_t n = end.segment; h.any && n < h.number; n++) {
        uint64_t last = 0;
        outcome o = turn_to(s, n + 1, false);
        if (o.code == E_MISSING) continue;
        TRY(o);
        TRY(last_nonzero(s->fd, 0, s->size, &last));
        *ret_cut += last;
        segments_deinit(s);
        TRY(file_path(s, n + 1, path));
        TRY(port_file_remove(path));
    }
    TRY(format_path(s->dir, format_files_word(s->files), path));
    return port_dir_sync(path);
}
