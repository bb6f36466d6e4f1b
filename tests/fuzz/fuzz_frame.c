/* Frames in a survey: u8 link's row, then frames, each u16 length and bytes. Views are inside, tables are bounded, and
 * the document that tells of them is whole JSON whatever was claimed. */
#include "fuzz.h"
#include "watch/survey_doc.h"

static void document_is_whole(const struct survey *s)
{
    struct arena a = ARENA(64 << 20);
    struct buffer b = BUFFER(8 << 20);
    struct doc *d = NULL;
    HOLDS(ok(doc_write_json(survey_doc(s, &a), &b)));
    HOLDS(ok(doc_read_json(buffer_view(&b), &a, &d)));
    for (size_t i = 0; i < b.n; i++) HOLDS(b.at[i] >= ' ' && b.at[i] != 0x7F);
    buffer_deinit(&b);
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint16_t links[] = { 1, 0, 12, 101, 108, 113, 228, 229, 276 };
    struct bytes in = bytes_of(data, n), packet;
    struct survey *s = NULL;
    uint8_t row = 0;
    if (!ok(take_u8(&in, &row)) || !ok(survey_new(&s))) return 0;
    uint16_t link = links[row % (sizeof links / sizeof *links)];
    for (int64_t at = 0; ok(take_field16(&in, &packet)); at += 100) {
        struct frame f;
        outcome o = frame_read(link, packet, &f);
        HOLDS(!ok(o) || fuzz_inside(f.payload, packet));
        survey_packet(s, link, at, (uint32_t)packet.n, packet);
    }
    survey_settle(s);
    HOLDS(survey_hosts(s) <= SURVEY_HOSTS && survey_flows(s) <= SURVEY_FLOWS);
    document_is_whole(s);
    survey_free(s);
    return 0;
}
