/* Payload frames: each against its leaf; what lies after the last one against the form of a writer's
 * work in progress. */
#include "ledger/verify_inside.h"

static struct spot frame_spot(unsigned class, struct place at, uint64_t index)
{
    return (struct spot) { class, at, index };
}

/* The frames left this segment: its rest is zero and its size is as the writer made it. */
static void leave_segment(struct verify *v, unsigned class, uint32_t next, bool is_signed)
{
    struct place end = v->end[class];
    if (end.segment == next || v->lost[class]) return;
    if (!rows_turn(&v->rows[class], end.segment)) return; /* each of its frames was reported */
    verify_zero(v, class, end, "bytes after the last payload of a full file");
    verify_size(v, class, end.segment, is_signed ? end.offset : v->signed_end[class].offset, end.offset);
}

static bool frame_matches(const uint8_t *b, const struct leaf *l)
{
    struct frame f;
    struct hash h;
    uint64_t size = format_frame_size(l->length);
    struct bytes payload = bytes_of(b + FORMAT_FRAME, l->length);
    if (!ok(format_frame_read(b, &f)) || f.index != l->index || f.length != l->length) return false;
    if (!format_frame_good(b, payload)) return false;
    if (!format_is_zero(bytes_of(payload.at + payload.n, size - FORMAT_FRAME - payload.n))) return false;
    format_payload_hash(l->salt, payload, &h);
    return hash_equal(&h, &l->payload);
}

/* The signed record gave it up: gone, on its way, or still there; anything else was changed. */
static void judge_pruned(struct verify *v, const struct leaf *l, struct bytes b, bool good)
{
    bool gone = format_is_zero(b) || format_is_torn(b);
    if (!good && !gone) {
        verify_report(v, E_CHANGED, frame_spot(l->class, l->place, l->index), "a pruned payload was written over");
        return;
    }
    v->result->pruned++;
    if (v->answer && l->index == v->answer->index)
        *v->answer = (struct verify_answer) { l->index, VERIFY_PRUNED, v->pruned_by };
}

static void judge_good(struct verify *v, const struct leaf *l, const uint8_t *b)
{
    if (v->answer && l->index == v->answer->index) v->answer->fate = VERIFY_WHOLE;
    verify_note_erased(v, l, bytes_of(b + FORMAT_FRAME, l->length));
    if (v->each.fn) v->each.fn(v->each.ctx, l->index, l->kind, bytes_of(b + FORMAT_FRAME, l->length));
}

/* Absent or half there is the writer's business after the signed size, a finding before it. */
static void judge_frame(struct verify *v, const struct leaf *l, bool is_signed)
{
    const uint8_t *b = NULL;
    uint64_t size = format_frame_size(l->length);
    struct spot at = frame_spot(l->class, l->place, l->index);
    size_t n = rows_get(&v->rows[l->class], l->place, (size_t)size, &b);
    bool good = n == size && frame_matches(b, l);
    if (verify_is_pruned(v, l)) {
        judge_pruned(v, l, bytes_of(b, n), good);
        return;
    }
    if (good) {
        judge_good(v, l, b);
        return;
    }
    bool absent = n == 0 || format_is_zero(bytes_of(b, n));
    if (!is_signed && (absent || n < size || format_is_torn(bytes_of(b, n)))) return;
    if (absent || n < size) verify_report(v, E_MISSING, at, "the payload of an entry is gone");
    else verify_report(v, E_CHANGED, at, "a payload differs from what its entry records");
}

void verify_frame(struct verify *v, const struct leaf *l)
{
    bool is_signed = l->index < v->head.size;
    uint64_t size = format_frame_size(l->length);
    struct place leaf_at = rows_place(&v->rows[FILES_LEAVES], l->index * FORMAT_LEAF);
    struct spot at = { FILES_LEAVES, leaf_at, l->index };
    if (l->length > LEDGER_PAYLOAD_MAX || size > v->identity.shape.segment_bytes) {
        verify_report(v, E_CHANGED, at, "an entry claims a payload larger than there can be");
        v->lost[l->class] = true;
        return;
    }
    struct place want = format_place(&v->identity.shape, v->end[l->class], size);
    bool in_place = want.segment == l->place.segment && want.offset == l->place.offset;
    if (!in_place && !v->lost[l->class]) {
        verify_report(v, E_CHANGED, at, "an entry's payload is not where the one before ended");
        v->lost[l->class] = true;
        return;
    }
    leave_segment(v, l->class, l->place.segment, is_signed);
    judge_frame(v, l, is_signed);
    v->lost[l->class] = false;
    v->end[l->class] = (struct place) { l->place.segment, l->place.offset + size };
    if (is_signed) v->signed_end[l->class] = v->end[l->class];
}

static bool orphan_at(struct verify *v, unsigned class, struct place at, uint64_t index)
{
    const uint8_t *b;
    struct frame f;
    if (rows_get(&v->rows[class], at, FORMAT_FRAME, &b) < FORMAT_FRAME) return false;
    if (!ok(format_frame_read(b, &f)) || f.index != index || f.length > LEDGER_PAYLOAD_MAX) return false;
    uint64_t size = format_frame_size(f.length);
    leave_segment(v, class, at.segment, index < v->head.size);
    if (rows_get(&v->rows[class], at, (size_t)size, &b) < size
        || !format_frame_good(b, bytes_of(b + FORMAT_FRAME, f.length)))
        verify_report(v, E_CHANGED, frame_spot(class, at, index), "a payload differs from its own header");
    v->end[class] = (struct place) { at.segment, at.offset + size };
    if (index < v->head.size) v->signed_end[class] = v->end[class];
    return true;
}

void verify_frame_orphan(struct verify *v, uint64_t index)
{
    for (unsigned c = 0; c < CLASSES; c++) {
        if (orphan_at(v, c, v->end[c], index)) return;
        if (orphan_at(v, c, (struct place) { v->end[c].segment + 1, 0 }, index)) return;
    }
    for (unsigned c = 0; c < CLASSES; c++) v->lost[c] = true;
}

/* ---- after the last entry ---- */

/* A frame no leaf names yet: whole, or still being written. Returns the bytes to go on by. */
static uint64_t judge_unnamed(struct verify *v, unsigned class, struct place at, const struct frame *f)
{
    const uint8_t *b;
    uint64_t size = format_frame_size(f->length);
    size_t n = rows_get(&v->rows[class], at, (size_t)size, &b);
    bool good = n == size && format_frame_good(b, bytes_of(b + FORMAT_FRAME, f->length))
        && format_is_zero(bytes_of(b + FORMAT_FRAME + f->length, n - FORMAT_FRAME - f->length));
    if (!good && n == size && !format_is_torn(bytes_of(b, n)))
        verify_report(v, E_CHANGED, frame_spot(class, at, f->index), "an unfinished payload was changed");
    v->tail_seen = true;
    return n;
}

/* Bytes that begin no frame: the rest of one whose beginning a copy missed. Such a rest is long and
 * dense; a stray change is not. Returns its length, in whole rows. */
static uint64_t judge_fragment(struct verify *v, unsigned class, struct place at)
{
    const uint8_t *b;
    size_t nonzero = 0;
    uint64_t n = 0;
    for (;;) {
        struct place row = { at.segment, at.offset + n };
        size_t got = rows_get(&v->rows[class], row, FORMAT_ALIGN, &b);
        if (got < FORMAT_ALIGN || format_is_zero(bytes_of(b, got))) break;
        for (size_t i = 0; i < got; i++) nonzero += b[i] != 0;
        n += got;
    }
    bool dense = n >= 2 * FORMAT_ALIGN && nonzero >= n / 2;
    if (!dense)
        verify_report(v, E_CHANGED, frame_spot(class, at, FORMAT_NONE), "bytes after the last payload");
    return n > 0 ? n : FORMAT_ALIGN;
}

/* One file from `at` on. Returns the offset after the last byte that is not zero. */
static uint64_t judge_rest(struct verify *v, unsigned class, struct place at)
{
    struct rows *r = &v->rows[class];
    const uint8_t *b;
    struct frame f;
    uint64_t used = at.offset;
    for (;;) {
        size_t n = rows_get(r, at, FORMAT_FRAME, &b);
        if (n == 0) return used;
        if (format_is_zero(bytes_of(b, n < FORMAT_ALIGN ? n : FORMAT_ALIGN))) {
            at.offset += FORMAT_ALIGN;
            continue;
        }
        bool frame = n == FORMAT_FRAME && ok(format_frame_read(b, &f)) && f.index >= v->head.size
            && f.length <= LEDGER_PAYLOAD_MAX
            && at.offset + format_frame_size(f.length) <= r->shape.segment_bytes;
        at.offset += frame ? judge_unnamed(v, class, at, &f) : judge_fragment(v, class, at);
        used = at.offset;
    }
}

void verify_frames_end(struct verify *v, unsigned class)
{
    struct rows *r = &v->rows[class];
    if (v->lost[class]) return;
    if (!rows_turn(r, v->end[class].segment)) {
        bool early = v->end[class].segment <= v->signed_end[class].segment;
        if (early)
            verify_report(v, E_MISSING,
                frame_spot(class, (struct place) { v->end[class].segment, 0 }, FORMAT_NONE), "a file is gone");
        return;
    }
    for (uint32_t n = v->end[class].segment; n < r->count; n++) {
        bool first = n == v->end[class].segment;
        struct place at = { n, first ? v->end[class].offset : 0 };
        if (!first && !rows_turn(r, n)) continue;
        uint64_t used = judge_rest(v, class, at);
        if (first || used > 0) v->end[class] = (struct place) { n, used };
    }
}

/* After everything was read, when it is known whether the directory was closed. */
void verify_frames_size(struct verify *v, unsigned class)
{
    struct rows *r = &v->rows[class];
    struct place end = v->end[class], good = v->signed_end[class];
    if (v->lost[class]) return;
    if (rows_turn(r, end.segment))
        verify_size(v, class, end.segment, good.segment == end.segment ? good.offset : 0, end.offset);
    for (uint32_t n = end.segment + 1; n < r->count; n++) {
        bool next = v->tail_seen && n == end.segment + 1;
        if (!next && rows_turn(r, n))
            verify_report(v, E_CONFLICT, frame_spot(class, (struct place) { n, 0 }, FORMAT_NONE),
                "a file that has no place here");
    }
}
