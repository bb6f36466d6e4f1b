#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Test hooks: the only mutable globals of this room, and never read by anything but mem_*. */
static _Atomic uint64_t mem_fail_in, mem_fail_left;
static _Atomic uint64_t mem_calls;

static bool mem_refused(void)
{
    atomic_fetch_add_explicit(&mem_calls, 1, memory_order_relaxed);
    uint64_t in = atomic_load_explicit(&mem_fail_in, memory_order_relaxed);
    if (in == 0) return false;
    if (in > 1) {
        atomic_fetch_sub(&mem_fail_in, 1);
        return false;
    }
    if (atomic_fetch_sub(&mem_fail_left, 1) <= 1) atomic_store(&mem_fail_in, 0);
    return true;
}

void mem_fail_run(uint64_t k, uint64_t n)
{
    atomic_store(&mem_fail_left, n);
    atomic_store(&mem_fail_in, k);
}

void mem_fail_at(uint64_t k)
{
    mem_fail_run(k, 1);
}

uint64_t mem_count(void)
{
    return atomic_exchange(&mem_calls, 0);
}

void *mem_new(size_t n)
{
    return mem_refused() ? NULL : calloc(1, n ? n : 1);
}

void *mem_new_array(size_t n, size_t size)
{
    return mem_refused() ? NULL : calloc(n ? n : 1, size);
}

void *mem_grow(void *p, size_t n)
{
    return mem_refused() ? NULL : realloc(p, n ? n : 1);
}

char *mem_text(struct bytes b)
{
    char *text = mem_new(b.n + 1);
    if (text && b.n) memcpy(text, b.at, b.n);
    return text;
}

void mem_free(void *p)
{
    free(p);
}

struct arena_block {
    struct arena_block *next;
    size_t n, cap;
    _Alignas(16) uint8_t at[];
};

enum { ARENA_BLOCK = 16384 };

void *arena_new(struct arena *a, size_t n)
{
    size_t want = (n + 15) & ~(size_t)15;
    if (want < n || want > a->max_bytes - a->used_bytes) return NULL;
    struct arena_block *b = a->head;
    if (!b || b->cap - b->n < want) {
        size_t cap = want > ARENA_BLOCK ? want : ARENA_BLOCK;
        b = mem_new(sizeof *b + cap);
        if (!b) return NULL;
        b->cap = cap;
        b->next = a->head;
        a->head = b;
    }
    void *p = b->at + b->n;
    b->n += want;
    a->used_bytes += want;
    return p;
}

char *arena_text(struct arena *a, struct bytes b)
{
    char *text = arena_new(a, b.n + 1);
    if (text && b.n) memcpy(text, b.at, b.n);
    return text;
}

void arena_deinit(struct arena *a)
{
    for (struct arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    a->head = NULL;
    a->used_bytes = 0;
}

outcome secret_init(struct secret *s, size_t n)
{
    uint8_t *at = mem_new(n);
    if (!at) return REFUSE(E_MEMORY);
    (void)!mlock(at, n); /* best effort: RLIMIT_MEMLOCK may be 0 */
    *s = (struct secret) { at, n };
    return DONE;
}

void secret_deinit(struct secret *s)
{
    if (!s->at) return;
    explicit_bzero(s->at, s->n);
    munlock(s->at, s->n);
    mem_free(s->at);
    *s = (struct secret) { 0, 0 };
}

outcome buffer_reserve(struct buffer *b, size_t n)
{
    if (n > b->max || b->n > b->max - n) return REFUSE(E_TOO_LARGE);
    if (b->n + n <= b->cap) return DONE;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < b->n + n) cap *= 2;
    if (cap > b->max) cap = b->max;
    uint8_t *at = mem_grow(b->at, cap);
    if (!at) return REFUSE(E_MEMORY);
    b->at = at;
    b->cap = cap;
    return DONE;
}

outcome buffer_put(struct buffer *b, struct bytes data)
{
    TRY(buffer_reserve(b, data.n));
    if (data.n) memcpy(b->at + b->n, data.at, data.n);
    b->n += data.n;
    return DONE;
}

outcome buffer_fmt(struct buffer *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) return REFUSE(E_MALFORMED);
    TRY(buffer_reserve(b, (size_t)n));
    char *text = mem_new((size_t)n + 1);
    if (!text) return REFUSE(E_MEMORY);
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    memcpy(b->at + b->n, text, (size_t)n);
    b->n += (size_t)n;
    mem_free(text);
    return DONE;
}

void buffer_drop(struct buffer *b, size_t n)
{
    assert(n <= b->n);
    if (n && n < b->n) memmove(b->at, b->at + n, b->n - n);
    b->n -= n;
}

void buffer_deinit(struct buffer *b)
{
    mem_free(b->at);
    b->at = NULL;
    b->n = b->cap = 0;
}

void buffer_wipe(struct buffer *b)
{
    if (b->at) explicit_bzero(b->at, b->cap);
    buffer_deinit(b);
}
