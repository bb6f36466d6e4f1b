/* COSE_Sign1 against RFC 9052's own example, and against every prefix and changed byte of ours. */
#include "wire/cose.h"

#include "base/test.h"
#include "wire/origin.h"

/* RFC 9052, C.2.1 */
static const char example[] = "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23"
    "d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36";

static struct bytes unhex(const char *text, uint8_t *to)
{
    size_t n = strlen(text) / 2;
    CHECK_QUIET(ok(hex_to(bytes_str(text), to, n)));
    return bytes_of(to, n);
}

static void of_the_standard(void)
{
    uint8_t raw[256];
    struct cose_sign1 c;
    struct buffer tbs = BUFFER(1024);
    char hex[256];
    CHECK_OK(cose_read(unhex(example, raw), &c));
    CHECK(c.algorithm == COSE_ES256 && bytes_equal_str(c.kid, "11") && bytes_equal_str(c.payload, "This is the content."));
    CHECK(c.signature.n == COSE_SIGNATURE && c.spki.n == 0);
    CHECK_OK(cose_signed(c.protected, c.payload, &tbs));
    hex_of(buffer_view(&tbs), hex);
    CHECK(strcmp(hex, "846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e") == 0);
    buffer_deinit(&tbs);
    static const struct { const char *claim, *hex; enum code want; } rows[] = {
        { "no tag", "8443a10126a040", E_MALFORMED }, { "another tag", "d18443a10126a04040", E_MALFORMED },
        { "three members", "d28343a10126a040", E_MALFORMED }, { "a critical header", "d28444a1028101a04040", E_UNSUPPORTED },
        { "no payload", "d28443a10126a0f640", E_MALFORMED }, { "something after it", "d28443a10126a0404000", E_MALFORMED },
        { "no protected header", "d28440a04040", OK }, { "a text label", "d28443a10126a161780140 40", E_MALFORMED },
        { "an endless map", "d28443a10126bf40", E_MALFORMED } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strcspn(rows[i].hex, " ") / 2;
        outcome o = hex_to(bytes_of(rows[i].hex, 2 * n), raw, n);
        if (ok(o)) o = cose_read(bytes_of(raw, n), &c);
        if (o.code != rows[i].want && !(rows[i].want == E_MALFORMED && o.code == E_SHORT)) printf("# %s: %s\n", rows[i].claim, code_word(o.code));
        CHECK_QUIET(o.code == rows[i].want || (rows[i].want == E_MALFORMED && o.code == E_SHORT));
    }
}

static void ours(void)
{
    uint8_t leaves[3 * ORIGIN_LEAF] = { 7 };
    struct buffer payload = BUFFER(4096), protected = BUFFER(128), whole = BUFFER(8192);
    struct origin_batch b = { bytes_str("mizu"), bytes_str("gw-02"), 41, 3, bytes_of(leaves, sizeof leaves) }, again;
    struct cose_sign1 c;
    CHECK_OK(origin_write(&b, &payload));
    CHECK_OK(cose_protected(bytes_of(leaves, 32), &protected));
    struct cose_sign1 made = { .protected = buffer_view(&protected), .spki = bytes_str("key"), .payload = buffer_view(&payload),
        .signature = bytes_of(leaves, 64) };
    CHECK_OK(cose_write(&made, &whole));
    CHECK_OK(cose_read(buffer_view(&whole), &c));
    CHECK(c.algorithm == COSE_ES256 && c.kid.n == 32 && bytes_equal_str(c.spki, "key") && bytes_equal(c.payload, made.payload));
    CHECK_OK(origin_read(c.payload, &again));
    CHECK(again.first == 41 && again.count == 3 && bytes_equal_str(again.device, "gw-02") && bytes_equal_str(again.site, "mizu"));
    bool refused = true;
    for (size_t n = 0; n < whole.n; n++) refused = refused && !ok(cose_read(bytes_of(whole.at, n), &c));
    for (size_t n = 0; n < payload.n; n++) refused = refused && !ok(origin_read(bytes_of(payload.at, n), &again));
    CHECK(refused);
    b.leaves.n = 33;
    payload.n = 0;
    CHECK_OK(origin_write(&b, &payload));
    CHECK_IS(origin_read(buffer_view(&payload), &again), E_RANGE);
    buffer_deinit(&payload);
    buffer_deinit(&protected);
    buffer_deinit(&whole);
}

static void numbers_and_topics(void)
{
    uint64_t n = 0;
    struct bytes site, device, tail;
    CHECK(origin_number(bytes_str("{\"n\":17,\"t\":1}"), &n) && n == 17);
    static const char *const none[] = { "", "{}", "{\"n\":", "{\"n\":1", "{\"n\":0,", "{\"n\":-1,", "{\"n\":1}", "{\"n\":1234567890123456789,",
        "{\"v\":1,\"n\":1}", " {\"n\":1," };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) CHECK_QUIET(!origin_number(bytes_str(none[i]), &n));
    CHECK(origin_topic(bytes_str("sk/v1/mizu/gw-02/m/level"), &site, &device, &tail) && bytes_equal_str(site, "mizu") &&
        bytes_equal_str(device, "gw-02") && bytes_equal_str(tail, "m/level"));
    static const char *const other[] = { "", "sk/v1/", "sk/v1/mizu", "sk/v1/mizu/gw-02", "sk/v1/mizu/gw-02/", "sk/v1//gw/m", "x/v1/mizu/gw-02/m" };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) CHECK_QUIET(!origin_topic(bytes_str(other[i]), &site, &device, &tail));
}

int main(void)
{
    of_the_standard();
    ours();
    numbers_and_topics();
    return TEST_END;
}
