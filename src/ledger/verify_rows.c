#include "ledger/verify_inside.h"

#include "base/port/port.h"

#define BLOCK_BYTES 65536u

bool rows_turn(struct rows *r, uint32_t number)
{
    char name[32], path[FORMAT_PATH];
    int fd;
    if (r->fd >= 0 && r->number == number) return true;
    if (number >= r->count) return false;
    format_file_name(r->files, number, name);
    if (!ok(format_path(r->dir, name, path)) || !ok(port_file_open_read(path, &fd))) return false;
    port_file_close(r->fd);
    r->fd = fd;
    r->number = number;
    r->block_n = 0;
    if (ok(port_file_size(fd, &r->size))) return true;
    r->broken = true;
    r->size = 0;
    return true;
}

static bool rows_fill(struct rows *r, uint64_t at, size_t n)
{
    size_t want = n > BLOCK_BYTES ? n : BLOCK_BYTES;
    if (want > r->block_cap) {
        uint8_t *grown = mem_grow(r->block, want);
        if (!grown) return false;
        r->block = grown;
        r->block_cap = want;
    }
    if (want > r->size - at) want = (size_t)(r->size - at);
    r->block_n = 0;
    if (!ok(port_file_read(r->fd, at, r->block, want))) return false;
    r->block_at = at;
    r->block_n = want;
    return true;
}

size_t rows_get(struct rows *r, struct place at, size_t n, const uint8_t **ret)
{
    if (!rows_turn(r, at.segment) || at.offset >= r->size) return 0;
    if (n > r->size - at.offset) n = (size_t)(r->size - at.offset);
    bool have = at.offset >= r->block_at && at.offset + n <= r->block_at + r->block_n;
    if (!have && !rows_fill(r, at.offset, n)) {
        r->broken = true;
        return 0;
    }
    *ret = r->block + (at.offset - r->block_at);
    return n;
}

struct place rows_place(const struct rows *r, uint64_t linear)
{
    return (struct place) { (uint32_t)(linear / r->shape.segment_bytes),
        linear % r->shape.segment_bytes };
}

void rows_deinit(struct rows *r)
{
    port_file_close(r->fd);
    mem_free(r->block);
    r->fd = -1;
    r->block = NULL;
}
