#include "base/bytes.h"
#include "base/test.h"

static void takes_in_order(void)
{
    static const uint8_t wire[] = { 1, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c' };
    struct bytes in = bytes_of(wire, sizeof wire), ab, c;
    uint8_t one;
    CHECK_OK(take_u8(&in, &one));
    CHECK(one == 1);
    CHECK_OK(take_field16(&in, &ab));
    CHECK(bytes_equal_str(ab, "ab"));
    CHECK_OK(take_field32(&in, &c));
    CHECK(bytes_equal_str(c, "c"));
    CHECK_OK(at_end(in));
    CHECK_IS(take_u8(&in, &one), E_SHORT);
}

static void a_short_field_consumes_nothing(void)
{
    static const uint8_t wire[] = { 0, 5, 'a' };
    struct bytes in = bytes_of(wire, sizeof wire), f;
    CHECK_IS(take_field16(&in, &f), E_SHORT);
    CHECK(in.n == sizeof wire);
}

static void utf8_rows(void)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = { { "", true }, { "abc", true }, { "水道", true }, { "\xF0\x9F\x9A\xB0", true }, { "\xC0\x80", false },
        { "\xED\xA0\x80", false }, { "\xF4\x90\x80\x80", false }, { "\xE3\x81", false }, { "\xFF", false },
        { "\xE0\x80\x80", false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK(bytes_is_utf8(bytes_str(rows[i].text)) == rows[i].good);
    CHECK(!bytes_is_utf8(bytes_of("a\0b", 3)));
}

static void base64_rows(void)
{
    static const struct {
        const char *text, *plain;
    } rows[] = { { "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "Zm9v\r\nYmE=\n", "fooba" },
        { "Zg", "f" } };
    char text[16];
    uint8_t plain[16];
    size_t n = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_OK(base64_to(bytes_str(rows[i].text), plain, sizeof plain, &n));
        CHECK(bytes_equal_str(bytes_of(plain, n), rows[i].plain));
    }
    base64_of(BYTES_LIT("fooba"), text);
    CHECK(bytes_equal_str(bytes_str(text), "Zm9vYmE="));
    CHECK_IS(base64_to(BYTES_LIT("Zh=="), plain, sizeof plain, &n), E_MALFORMED);
    CHECK_IS(base64_to(BYTES_LIT("Z"), plain, sizeof plain, &n), E_MALFORMED);
    CHECK_IS(base64_to(BYTES_LIT("Zm9v!"), plain, sizeof plain, &n), E_MALFORMED);
    CHECK_IS(base64_to(BYTES_LIT("Zm9v"), plain, 2, &n), E_TOO_LARGE);
}

static void hex_rows(void)
{
    uint8_t b[2];
    char text[5];
    CHECK_OK(hex_to(BYTES_LIT("0aF9"), b, 2));
    hex_of(bytes_of(b, 2), text);
    CHECK(bytes_equal_str(bytes_str(text), "0af9"));
    CHECK_IS(hex_to(BYTES_LIT("0g00"), b, 2), E_MALFORMED);
    CHECK_IS(hex_to(BYTES_LIT("00"), b, 2), E_RANGE);
}

static void out_never_overruns(void)
{
    uint8_t room[4];
    struct out o = out_of(room, sizeof room);
    put_u16(&o, 0x0102);
    put_u32(&o, 1);
    CHECK(o.over && o.n == 2);
    CHECK_IS(out_done(&o), E_TOO_LARGE);
    o = out_of(room, sizeof room);
    put_fmt(&o, "%d", 12345);
    CHECK(o.over);
}

static void text_refuses_nul_and_size(void)
{
    char t[3];
    CHECK_OK(bytes_to_text(BYTES_LIT("ab"), t, sizeof t));
    CHECK_IS(bytes_to_text(BYTES_LIT("abc"), t, sizeof t), E_TOO_LARGE);
    CHECK_IS(bytes_to_text(bytes_of("a\0", 2), t, sizeof t), E_MALFORMED);
    CHECK(bytes_compare(BYTES_LIT("a"), BYTES_LIT("ab")) < 0);
    CHECK(bytes_equal_secret(BYTES_LIT("ab"), BYTES_LIT("ab")) && !bytes_equal_secret(BYTES_LIT("ab"), BYTES_LIT("ac")));
}

int main(void)
{
    takes_in_order();
    a_short_field_consumes_nothing();
    utf8_rows();
    base64_rows();
    hex_rows();
    out_never_overruns();
    text_refuses_nul_and_size();
    return TEST_END;
}
