/* What a device makes of the heads it is given (N34). */
#include "device/agent/head.h"

#include <stdio.h>

#include "base/test.h"
#include "crypto/sign.h"

static struct bytes make(const struct key *k, const char *origin, uint64_t size, uint8_t fill, struct buffer *b)
{
    struct note n = { .size = size };
    snprintf(n.origin, sizeof n.origin, "%s", origin);
    memset(n.root.at, fill, sizeof n.root.at);
    b->n = 0;
    assert(ok(note_make(&n, k, b)));
    return buffer_view(b);
}

int main(void)
{
    struct key *k;
    struct buffer kept = BUFFER(NOTE_BYTES_MAX), given = BUFFER(NOTE_BYTES_MAX);
    enum head_step step = HEAD_STEPS;
    assert(ok(key_new(KEY_ED25519, &k)));
    struct bytes old = make(k, "mizu", 100, 1, &kept);
    static const struct {
        const char *claim, *origin;
        uint64_t size;
        uint8_t fill;
        enum head_step want;
    } rows[] = { { "later", "mizu", 101, 2, HEAD_LATER }, { "the same", "mizu", 100, 1, HEAD_SAME },
        { "as long, another tree", "mizu", 100, 2, HEAD_OTHER }, { "earlier", "mizu", 99, 1, HEAD_EARLIER }, { "nothing at all", "mizu", 0, 1, HEAD_EARLIER } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes head = make(k, rows[i].origin, rows[i].size, rows[i].fill, &given);
        CHECK(ok(head_judge(old, head, &step)) && step == rows[i].want);
        CHECK(ok(head_judge(BYTES_NONE, head, &step)) && step == HEAD_FIRST);
        CHECK(ok(head_judge(BYTES_LIT("garbage"), head, &step)) && step == HEAD_FIRST);
    }
    CHECK(head_judge(old, make(k, "umi", 200, 1, &given), &step).code == E_UNKNOWN);
    struct bytes good = make(k, "mizu", 7, 3, &given);
    for (size_t n = 0; n < good.n; n++) CHECK_QUIET(head_judge(old, bytes_of(good.at, n), &step).code == E_MALFORMED);
    CHECK(head_judge(old, BYTES_LIT("{}"), &step).code == E_MALFORMED);
    buffer_deinit(&kept);
    buffer_deinit(&given);
    key_free(k);
    return TEST_END;
}
