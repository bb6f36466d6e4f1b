/* The record's files as the reader and the verifier meet them: a leaf, a payload's frame, the identity, the name of a
 * segment, a tile's path. What is taken is written back as the same bytes. */
#include "fuzz.h"
#include "ledger/format.h"
#include "ledger/tile.h"

static void check_leaf(struct bytes in)
{
    struct leaf l;
    uint8_t again[FORMAT_LEAF];
    if (in.n != FORMAT_LEAF) return;
    uint64_t index = 0;
    for (size_t i = 0; i < 8; i++) index = index << 8 | in.at[i];
    (void)format_leaf_is_short(in.at);
    if (!ok(format_leaf_read(in.at, index, &l))) return;
    format_leaf_write(&l, again);
    HOLDS(l.class < CLASSES && bytes_equal(in, bytes_of(again, sizeof again)));
    HOLDS(!ok(format_leaf_read(in.at, index + 1, &l)));
}

static void check_frame(struct bytes in)
{
    struct frame f;
    uint8_t again[FORMAT_FRAME];
    if (in.n < FORMAT_FRAME || !ok(format_frame_read(in.at, &f))) return;
    struct bytes payload = bytes_of(in.at + FORMAT_FRAME, in.n - FORMAT_FRAME);
    HOLDS(format_frame_size(f.length) >= FORMAT_FRAME + (uint64_t)f.length && format_frame_size(f.length) % FORMAT_ALIGN == 0);
    if (payload.n < f.length) return;
    payload.n = f.length;
    if (!format_frame_good(in.at, payload)) return;
    format_frame_write(f.index, payload, again);
    HOLDS(bytes_equal(bytes_of(in.at, FORMAT_FRAME), bytes_of(again, sizeof again)));
}

static void check_identity(struct bytes in)
{
    struct identity i;
    struct buffer b = BUFFER(FORMAT_IDENTITY_MAX);
    if (ok(format_identity_read(in, &i))) HOLDS(ok(format_identity_write(&i, &b)) && bytes_equal(in, buffer_view(&b)));
    buffer_deinit(&b);
}

static void check_names(struct bytes in)
{
    char text[64], again[32];
    uint32_t segment;
    struct tile t;
    if (ok(tile_parse(in, &t))) HOLDS(t.level <= 5 && t.width >= 1 && t.width <= TILE_WIDTH && (!t.entries || t.level == 0));
    if (!ok(bytes_to_text(in, text, sizeof text)) || !ok(format_segment_number(text, &segment))) return;
    format_file_name(FILES_LEAVES, segment, again);
    HOLDS(strcmp(again + strlen(again) - strlen(text), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    check_leaf(in);
    check_frame(in);
    check_identity(in);
    check_names(in);
    if (format_is_zero(in)) HOLDS(!n || !format_is_torn(in) || data[0] == 0);
    return 0;
}
