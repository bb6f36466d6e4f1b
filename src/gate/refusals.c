#include "gate/refusals.h"

static struct refusal_row *other_row(struct refusals *r, enum listener l, enum link_refusal why)
{
    return &r->rows[REFUSALS_MAX + (size_t)l * LINK_REFUSAL_COUNT + (size_t)why];
}

/* A row is free when nothing is owed and its minute is over. */
static bool row_idle(const struct refusal_row *row, int64_t now_ms)
{
    return !row->used || (row->count == 0 && row->next_ms <= now_ms);
}

static struct refusal_row *row_for(
    struct refusals *r, enum listener l, enum link_refusal why, const char *source, int64_t now_ms)
{
    struct refusal_row *idle = 0;
    for (size_t i = 0; i < REFUSALS_MAX; i++) {
        struct refusal_row *row = &r->rows[i];
        if (row->used && row->listener == l && row->why == why
            && strncmp(row->source, source, sizeof row->source - 1) == 0)
            return row;
        if (!idle && row_idle(row, now_ms)) idle = row;
    }
    struct refusal_row *row = idle ? idle : other_row(r, l, why);
    if (row->used && row == other_row(r, l, why)) return row;
    const char *name = idle ? source : "other";
    *row = (struct refusal_row) { .used = true, .listener = l, .why = why };
    size_t n = strnlen(name, sizeof row->source - 1);
    memcpy(row->source, name, n);
    return row;
}

void refusals_note(
    struct refusals *r, enum listener l, enum link_refusal why, const char *source, int64_t now_ms)
{
    assert(l < LISTENERS && why < LINK_REFUSAL_COUNT);
    char key[LINK_ADDRESS_MAX];
    link_source_key(source, key);
    struct refusal_row *row = row_for(r, l, why, key, now_ms);
    if (row->count == 0) {
        if (r->owed == 0 || row->next_ms < r->due_ms) r->due_ms = row->next_ms;
        r->owed++;
    }
    if (row->count < UINT32_MAX) row->count++;
}

const struct refusal_row *refusals_next(struct refusals *r, int64_t now_ms, uint32_t *ret_count)
{
    if (!r->owed || now_ms < r->due_ms) return 0;
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < sizeof r->rows / sizeof *r->rows; i++) {
        struct refusal_row *row = &r->rows[i];
        if (!row->count) continue;
        if (row->next_ms > now_ms) {
            if (row->next_ms < due) due = row->next_ms;
            continue;
        }
        *ret_count = row->count;
        row->count = 0;
        row->next_ms = now_ms + REFUSALS_EVERY_MS;
        r->owed--;
        return row;
    }
    r->due_ms = due;
    return 0;
}

void refusals_return(struct refusals *r, const struct refusal_row *row, uint32_t count)
{
    struct refusal_row *mine = &r->rows[row - r->rows];
    mine->count = count;
    mine->next_ms = 0;
    r->owed++;
    r->due_ms = 0;
}

int refusals_wait_ms(const struct refusals *r, int64_t now_ms)
{
    if (!r->owed) return -1;
    int64_t wait = r->due_ms - now_ms;
    return wait <= 0 ? 0 : wait > REFUSALS_EVERY_MS ? REFUSALS_EVERY_MS : (int)wait;
}
