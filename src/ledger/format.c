#include "ledger/format.h"

#include <stdio.h>

#define LEAF_MAGIC 0x534b4c31u  /* "SKL1" */
#define FRAME_MAGIC 0x534b5031u /* "SKP1" */
#define LEAF_VERSION 1
#define LEAF_CHECK 16u
#define TORN_BYTES_MIN 4u

const char *ledger_kind_word(enum ledger_kind k)
{
    switch (k) {
#define X(name, id, word, class, ja)                                                               \
    case name:                                                                                     \
        return word;
        LEDGER_KINDS(X)
#undef X
    }
    return "?";
}

enum ledger_class ledger_kind_class(enum ledger_kind k)
{
    switch (k) {
#define X(name, id, word, class, ja)                                                               \
    case name:                                                                                     \
        return class;
        LEDGER_KINDS(X)
#undef X
    }
    return CLASSES;
}

const char *format_files_word(unsigned files)
{
    static const char *const words[FILES] = {
        [CLASS_CONTROL] = "control",
        [CLASS_DATA] = "data",
        [FILES_LEAVES] = "leaves",
        [FILES_TREE] = "tree",
    };
    assert(files < FILES);
    return words[files];
}

void format_file_name(unsigned files, uint32_t segment, char name[32])
{
    snprintf(name, 32, "%s/%06u", format_files_word(files), segment);
}

outcome format_path(const char *dir, const char *name, char path[FORMAT_PATH])
{
    int n = snprintf(path, FORMAT_PATH, "%s/%s", dir, name);
    return n < 0 || (size_t)n >= FORMAT_PATH ? REFUSE(E_TOO_LARGE) : DONE;
}

outcome format_segment_number(const char *name, uint32_t *ret)
{
    uint32_t v = 0;
    if (strlen(name) != 6) return REFUSE(E_MALFORMED);
    for (const char *p = name; *p; p++) {
        if (*p < '0' || *p > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint32_t)(*p - '0');
    }
    *ret = v;
    return DONE;
}

uint64_t format_file_size(const struct ledger_shape *s, uint64_t used)
{
    uint64_t chunks = (used + s->chunk_bytes - 1) / s->chunk_bytes;
    return (chunks ? chunks : 1) * s->chunk_bytes;
}

/* ---- identity ---- */

static outcome shape_check(const struct ledger_shape *s)
{
    if (s->chunk_bytes < 256 || s->chunk_bytes % FORMAT_LEAF || s->chunk_bytes > (64u << 20))
        return REFUSE(E_RANGE);
    if (s->segment_bytes < s->chunk_bytes || s->segment_bytes % s->chunk_bytes) return REFUSE(E_RANGE);
    return s->segment_bytes > (1u << 30) ? REFUSE(E_RANGE) : DONE;
}

outcome format_identity_write(const struct identity *i, struct buffer *b)
{
    char key[65], sum[65];
    struct hash h;
    TRY(note_origin_check(bytes_str(i->origin)));
    TRY(shape_check(&i->shape));
    hex_of(bytes_of(i->key, 32), key);
    TRY(buffer_fmt(b, "sekimori-ledger/1\norigin %s\nkey %s\nchunk %llu\nsegment %llu\n", i->origin,
        key, (unsigned long long)i->shape.chunk_bytes, (unsigned long long)i->shape.segment_bytes));
    hash_sha256(buffer_view(b), &h);
    hex_of(hash_view(&h), sum);
    return buffer_fmt(b, "sha256 %s\n", sum);
}

/* The text after `word` up to the end of the line. */
static outcome take_line(struct bytes *in, const char *word, struct bytes *ret)
{
    struct bytes got;
    size_t n = strlen(word);
    const uint8_t *end = in->n ? memchr(in->at, '\n', in->n) : NULL;
    if (!end || (size_t)(end - in->at) < n || memcmp(in->at, word, n) != 0) return REFUSE(E_CHANGED);
    TRY(take(in, n, &got));
    TRY(take(in, (size_t)(end - got.at) - n, ret));
    return take(in, 1, &got);
}

static outcome line_number(struct bytes text, uint64_t *ret)
{
    uint64_t v = 0;
    if (text.n == 0 || text.n > 12) return REFUSE(E_CHANGED);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_CHANGED);
        v = v * 10 + (uint64_t)(text.at[i] - '0');
    }
    *ret = v;
    return DONE;
}

static outcome identity_parse(struct bytes in, struct identity *ret)
{
    struct bytes t;
    TRY(take_line(&in, "sekimori-ledger/1", &t));
    TRY(take_line(&in, "origin ", &t));
    TRY(bytes_to_text(t, ret->origin, sizeof ret->origin));
    TRY(take_line(&in, "key ", &t));
    TRY(hex_to(t, ret->key, 32));
    TRY(take_line(&in, "chunk ", &t));
    TRY(line_number(t, &ret->shape.chunk_bytes));
    TRY(take_line(&in, "segment ", &t));
    return line_number(t, &ret->shape.segment_bytes);
}

outcome format_identity_read(struct bytes in, struct identity *ret)
{
    struct identity i = { 0 };
    struct buffer b = BUFFER(FORMAT_IDENTITY_MAX);
    if (!ok(identity_parse(in, &i))) return REFUSE(E_CHANGED);
    outcome o = format_identity_write(&i, &b);
    bool same = ok(o) && bytes_equal(buffer_view(&b), in);
    buffer_deinit(&b);
    if (!ok(o) && o.code == E_MEMORY) return o;
    if (!same) return REFUSE(E_CHANGED);
    *ret = i;
    return DONE;
}

/* ---- leaves and frames ---- */

uint64_t format_frame_size(uint32_t n)
{
    return (FORMAT_FRAME + (uint64_t)n + FORMAT_ALIGN - 1) / FORMAT_ALIGN * FORMAT_ALIGN;
}

struct place format_place(const struct ledger_shape *s, struct place end, uint64_t size)
{
    assert(size <= s->segment_bytes);
    if (end.offset + size <= s->segment_bytes) return end;
    return (struct place) { end.segment + 1, 0 };
}

void format_payload_hash(const uint8_t salt[16], struct bytes payload, struct hash *ret)
{
    struct bytes parts[2] = { bytes_of(salt, 16), payload };
    hash_sha256_parts(parts, 2, ret);
}

/* No aligned 16 bytes of a leaf are ever all zero: see format_is_torn. */
void format_leaf_write(const struct leaf *l, uint8_t ret[FORMAT_LEAF])
{
    struct out o = out_of(ret, FORMAT_LEAF);
    struct hash check;
    put_u32(&o, LEAF_MAGIC);
    put_u8(&o, l->kind);
    put_u8(&o, l->class);
    put_u16(&o, LEAF_VERSION);
    put_u64(&o, l->index);
    put(&o, bytes_of(l->salt, 16));
    put(&o, hash_view(&l->payload));
    put_u64(&o, (uint64_t)l->at_ms);
    put_u32(&o, l->place.segment);
    put_u32(&o, l->length + FORMAT_FRAME);
    put_u64(&o, l->place.offset);
    put(&o, BYTES_LIT("sekimori"));
    put_u64(&o, l->prev_same);
    put_u64(&o, l->prev_other);
    hash_sha256(out_view(&o), &check);
    put(&o, bytes_of(check.at, LEAF_CHECK));
    assert(!o.over && o.n == FORMAT_LEAF);
}

static outcome leaf_parse(struct bytes in, struct leaf *l)
{
    uint32_t magic, length;
    uint16_t version;
    uint64_t at;
    struct bytes t;
    TRY(take_u32(&in, &magic));
    TRY(take_u8(&in, &l->kind));
    TRY(take_u8(&in, &l->class));
    TRY(take_u16(&in, &version));
    TRY(take_u64(&in, &l->index));
    TRY(take(&in, 16, &t));
    memcpy(l->salt, t.at, 16);
    TRY(take(&in, 32, &t));
    memcpy(l->payload.at, t.at, 32);
    TRY(take_u64(&in, &at));
    TRY(take_u32(&in, &l->place.segment));
    TRY(take_u32(&in, &length));
    TRY(take_u64(&in, &l->place.offset));
    TRY(take(&in, 8, &t));
    TRY(take_u64(&in, &l->prev_same));
    TRY(take_u64(&in, &l->prev_other));
    if (magic != LEAF_MAGIC || version != LEAF_VERSION || length < FORMAT_FRAME)
        return REFUSE(E_CHANGED);
    if (!bytes_equal(t, BYTES_LIT("sekimori")) || l->class >= CLASSES) return REFUSE(E_CHANGED);
    l->at_ms = (int64_t)at;
    l->length = length - FORMAT_FRAME;
    return DONE;
}

outcome format_leaf_read(const uint8_t in[FORMAT_LEAF], uint64_t index, struct leaf *ret)
{
    struct leaf l = { 0 };
    struct hash check;
    hash_sha256(bytes_of(in, FORMAT_LEAF - LEAF_CHECK), &check);
    if (memcmp(check.at, in + FORMAT_LEAF - LEAF_CHECK, LEAF_CHECK) != 0) return REFUSE(E_CHANGED);
    TRY(leaf_parse(bytes_of(in, FORMAT_LEAF - LEAF_CHECK), &l));
    if (l.index != index) return REFUSE(E_CHANGED);
    *ret = l;
    return DONE;
}

bool format_leaf_is_short(const uint8_t in[FORMAT_LEAF])
{
    struct hash check;
    size_t n = LEAF_CHECK;
    const uint8_t *have = in + FORMAT_LEAF - LEAF_CHECK;
    hash_sha256(bytes_of(in, FORMAT_LEAF - LEAF_CHECK), &check);
    while (n > 0 && have[n - 1] == 0) n--;
    return n < LEAF_CHECK && memcmp(have, check.at, n) == 0;
}

static void frame_check(const uint8_t header[16], struct bytes payload, struct hash *ret)
{
    struct bytes parts[2] = { bytes_of(header, 16), payload };
    hash_sha256_parts(parts, 2, ret);
}

void format_frame_write(uint64_t index, struct bytes payload, uint8_t ret[FORMAT_FRAME])
{
    struct out o = out_of(ret, FORMAT_FRAME);
    struct hash check;
    put_u32(&o, FRAME_MAGIC);
    put_u32(&o, (uint32_t)payload.n);
    put_u64(&o, index);
    frame_check(ret, payload, &check);
    put(&o, bytes_of(check.at, 16));
    assert(!o.over && o.n == FORMAT_FRAME);
}

outcome format_frame_read(const uint8_t in[FORMAT_FRAME], struct frame *ret)
{
    struct bytes b = bytes_of(in, FORMAT_FRAME), t;
    struct frame f = { 0 };
    uint32_t magic;
    TRY(take_u32(&b, &magic));
    TRY(take_u32(&b, &f.length));
    TRY(take_u64(&b, &f.index));
    TRY(take(&b, 16, &t));
    memcpy(f.check, t.at, 16);
    if (magic != FRAME_MAGIC) return REFUSE(E_MALFORMED);
    *ret = f;
    return DONE;
}

bool format_frame_good(const uint8_t header[FORMAT_FRAME], struct bytes payload)
{
    struct hash check;
    frame_check(header, payload, &check);
    return memcmp(check.at, header + 16, 16) == 0;
}

/* ---- what is not there yet ---- */

bool format_is_zero(struct bytes b)
{
    return b.n == 0 || (b.at[0] == 0 && memcmp(b.at, b.at + 1, b.n - 1) == 0);
}

bool format_is_torn(struct bytes b)
{
    size_t nonzero = 0;
    bool gap = false;
    for (size_t at = 0; at < b.n; at += FORMAT_ALIGN) {
        size_t n = b.n - at < FORMAT_ALIGN ? b.n - at : FORMAT_ALIGN;
        if (format_is_zero(bytes_of(b.at + at, n))) gap = gap || n == FORMAT_ALIGN;
        else for (size_t i = 0; i < n; i++) nonzero += b.at[at + i] != 0;
    }
    return gap && (nonzero == 0 || nonzero >= TORN_BYTES_MIN);
}
