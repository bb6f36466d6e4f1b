#include "ledger/tile.h"

#include "ledger/fixture.h"
#include "ledger/tree.h"

static void test_parse(void)
{
    static const struct {
        const char *path;
        bool good, entries;
        unsigned level, width;
        uint64_t number;
    } rows[] = {
        { "0/000", true, false, 0, 256, 0 },
        { "0/255.p/1", true, false, 0, 1, 255 },
        { "3/x001/x234/067", true, false, 3, 256, 1234067 },
        { "entries/x001/000.p/255", true, true, 0, 255, 1000 },
        { "5/999", true, false, 5, 256, 999 },
        { "6/000", false }, { "00/000", false }, { "0/0", false }, { "0/0000", false }, { "0/000/", false },
        { "0/x000/001", false }, { "0/x001/x002", false }, { "0/x001", false }, { "0/000.p/0", false }, { "0/000.p/256", false },
        { "0/000.p/01", false }, { "0/000.p/", false }, { "0/000.p", false }, { "0/000.q/1", false }, { "", false }, { "0", false },
        { "0/", false }, { "data/000", false }, { "entries", false }, { "-1/000", false }, { "0/x001/x001/x001/x001/x001/x001/001", false },
        { "0/ 00", false }, { "0/000.p/1/2", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tile t;
        bool good = ok(tile_parse(bytes_str(rows[i].path), &t));
        CHECK(good == rows[i].good);
        if (good)
            CHECK(t.entries == rows[i].entries && t.level == rows[i].level && t.width == rows[i].width && t.number == rows[i].number);
    }
}

/* Level 1 is the hash of each whole tile of level 0; entries hash to level 0; nothing beyond the head. */
static void test_write(void)
{
    struct fixture f;
    struct ledger *l;
    struct buffer b = BUFFER(TILE_BYTES_MAX), up = BUFFER(TILE_BYTES_MAX), rows = BUFFER(TILE_BYTES_MAX);
    fixture_init(&f, 1024, 8192);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_OK(fixture_append(l, 600));
    CHECK_OK(ledger_sync(l));
    CHECK_IS(tile_write(l, &(struct tile) { .width = 1 }, &b), E_UNKNOWN); /* no head yet */
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    CHECK_OK(fixture_append(l, 100));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(tile_write(l, &(struct tile) { .level = 1, .width = 2 }, &up));
    for (uint64_t n = 0; n < 2; n++) {
        struct tree_edge edge = { 0 };
        struct hash h, stored[TREE_LEVELS];
        b.n = rows.n = 0;
        CHECK_OK(tile_write(l, &(struct tile) { .number = n, .width = 256 }, &b));
        CHECK_OK(tile_write(l, &(struct tile) { .entries = true, .number = n, .width = 256 }, &rows));
        bool same = b.n == 256 * 32 && rows.n == 256 * 130;
        for (size_t i = 0; same && i < 256; i++) {
            tree_leaf_hash(bytes_of(rows.at + 130 * i + 2, 128), &h);
            same = memcmp(h.at, b.at + 32 * i, 32) == 0;
            (void)tree_append(&edge, &h, stored);
        }
        tree_edge_root(&edge, &h);
        CHECK(same && memcmp(h.at, up.at + 32 * n, 32) == 0);
    }
    CHECK_OK(tile_write(l, &(struct tile) { .number = 2, .width = 88 }, &b));
    CHECK_IS(tile_write(l, &(struct tile) { .number = 2, .width = 89 }, &b), E_UNKNOWN);
    CHECK_IS(tile_write(l, &(struct tile) { .number = 3, .width = 1 }, &b), E_UNKNOWN);
    CHECK_IS(tile_write(l, &(struct tile) { .level = 1, .width = 3 }, &b), E_UNKNOWN);
    CHECK_IS(tile_write(l, &(struct tile) { .level = 5, .number = UINT64_MAX / 256, .width = 256 }, &b), E_UNKNOWN);
    buffer_deinit(&b);
    buffer_deinit(&up);
    buffer_deinit(&rows);
    ledger_close(l);
    fixture_deinit(&f);
}

int main(void)
{
    test_parse();
    test_write();
    return TEST_END;
}
