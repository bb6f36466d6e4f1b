#include "watch/address.h"

#include "base/test.h"

static bool shown(struct bytes raw, const char *want)
{
    char text[64];
    return text_shown(raw, text, sizeof text) == strlen(want) && strcmp(text, want) == 0;
}

/* N60: what an attacker writes into a name moves no cursor and ends no line. */
static void hostile_text_is_shown_harmless(void)
{
    CHECK(shown(BYTES_LIT("pump/level"), "pump/level"));
    CHECK(shown(BYTES_LIT("配水池"), "配水池"));
    CHECK(shown(BYTES_LIT("\x1b[2Jall good"), "\\x1b[2Jall good"));
    CHECK(shown(BYTES_LIT("a\nb\r\tc\0d"), "a\\x0ab\\x0d\\x09c\\x00d"));
    CHECK(shown(BYTES_LIT("\xff\xfe\xc3"), "\\xff\\xfe\\xc3"));
    CHECK(shown(BYTES_LIT("\xc2\x9b\x33\x31m"), "\\xc2\\x9b31m")); /* C1's CSI */
    CHECK(shown(BYTES_LIT("\xe2\x80\xae" "evil"), "\\xe2\\x80\\xaeevil")); /* right to left */
    CHECK(shown(BYTES_LIT("a\\x41"), "a\\x5cx41")); /* nobody can write our escapes */
    CHECK(shown(BYTES_LIT("\xed\xa0\x80"), "\\xed\\xa0\\x80")); /* a surrogate */
    char text[8];
    CHECK(text_shown(BYTES_LIT("配水池と"), text, sizeof text) == 6 && bytes_is_utf8(bytes_str(text))); /* cut at a character */
    CHECK(text_shown(BYTES_LIT("ab\x01\x02"), text, sizeof text) == 6 && strcmp(text, "ab\\x01") == 0);
}

static void addresses_know_where_they_belong(void)
{
    static const struct { const char *text; bool inside, host; } rows[] = { { "10.0.0.1", true, true }, { "172.31.9.9", true, true },
        { "172.32.0.1", false, true }, { "192.168.255.254", true, true }, { "192.169.0.1", false, true }, { "8.8.8.8", false, true },
        { "169.254.1.1", true, true }, { "224.0.0.1", false, false }, { "255.255.255.255", false, false }, { "0.0.0.0", false, false },
        { "fe80::1", true, true }, { "fd12::1", true, true }, { "2001:db8::1", false, true }, { "ff02::1", false, false }, { "::1", true, true },
        { "100.64.1.1", true, true }, { "100.128.1.1", false, true } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a;
        char text[ADDRESS_TEXT];
        CHECK_QUIET(ok(address_parse(rows[i].text, &a)));
        address_text(&a, text);
        CHECK_QUIET(strcmp(text, rows[i].text) == 0);
        if (address_inside(&a) != rows[i].inside || address_host(&a) != rows[i].host) printf("# %s\n", rows[i].text);
        CHECK(address_inside(&a) == rows[i].inside && address_host(&a) == rows[i].host);
    }
    struct address a;
    CHECK_IS(address_parse("10.0.0", &a), E_MALFORMED);
    CHECK_IS(address_parse("10.0.0.1 ", &a), E_MALFORMED);
}

static void hardware_addresses_in_every_writing(void)
{
    static const char *const good[] = { "02:00:5e:10:00:ff", "02-00-5E-10-00-FF", "0200.5e10.00ff", "02005E1000FF" };
    uint8_t mac[6];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(ok(mac_parse(good[i], mac)) && mac[0] == 2 && mac[5] == 0xFF);
    CHECK_IS(mac_parse("02:00:5e:10:00", mac), E_MALFORMED);
    CHECK_IS(mac_parse("02:00:5e:10:00:ff:00", mac), E_MALFORMED);
    CHECK_IS(mac_parse("02:00:5e:10:00:fg", mac), E_MALFORMED);
}

int main(void)
{
    hostile_text_is_shown_harmless();
    addresses_know_where_they_belong();
    hardware_addresses_in_every_writing();
    return TEST_END;
}
