/* Allocation: only through here, counted, and failable by tests. Sizes are decided at start;
 * an arena serves one request or packet and is freed whole. Secrets are wiped. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/bytes.h"

/* Zeroed; NULL when memory is out (or when a test asked for it). */
MUST void *mem_new(size_t n);
MUST void *mem_new_array(size_t n, size_t size);
/* As realloc, new bytes not zeroed; on NULL the old block stays. */
MUST void *mem_grow(void *p, size_t n);
MUST char *mem_text(struct bytes b);
void mem_free(void *p);

/* For tests: fail the k-th allocation from now (0 = never), or n from the k-th on; the count since the last call. */
void mem_fail_at(uint64_t k);
void mem_fail_run(uint64_t k, uint64_t n);
uint64_t mem_count(void);

/* A bump allocator over a list of blocks; everything is freed by arena_deinit. */
struct arena {
    struct arena_block *head;
    size_t used_bytes, max_bytes;
};
#define ARENA(max) ((struct arena) { 0, 0, (max) })
/* Zeroed, 16-byte aligned; NULL over max_bytes or when memory is out. */
MUST void *arena_new(struct arena *a, size_t n);
MUST char *arena_text(struct arena *a, struct bytes b);
void arena_deinit(struct arena *a);

/* Key material: wiped by secret_deinit; has no printer. */
struct secret {
    uint8_t *at;
    size_t n;
};
MUST outcome secret_init(struct secret *s, size_t n);
void secret_deinit(struct secret *s);

/* A growing byte buffer with a hard bound. */
struct buffer {
    uint8_t *at;
    size_t n, cap, max;
};
#define BUFFER(max_bytes) ((struct buffer) { 0, 0, 0, (max_bytes) })
/* E_TOO_LARGE over max, E_MEMORY when memory is out; unchanged then. */
MUST outcome buffer_put(struct buffer *b, struct bytes data);
MUST outcome buffer_fmt(struct buffer *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at b->at + b->n; the caller then adds to b->n. */
MUST outcome buffer_reserve(struct buffer *b, size_t n);
/* Drops the first n bytes. */
void buffer_drop(struct buffer *b, size_t n);
void buffer_deinit(struct buffer *b);
/* What held a secret: all of its room becomes zero first. */
void buffer_wipe(struct buffer *b);
static inline struct bytes buffer_view(const struct buffer *b)
{
    return (struct bytes) { b->at, b->n };
}

#endif
