#include "base/test.h"
#include "wire/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define B(s) BYTES_LIT(s)

static const struct {
    const char *claim;
    struct bytes in;
    enum code want;
    const char *source;
    size_t n;
} rows[] = {
    { "IPv4", B(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x30\x39\x22\xb3" "TLS"), OK, "192.0.2.7", 28 },
    { "IPv6", B(SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "\x30\x39\x22\xb3"),
        OK, "2001:db8::5", 52 },
    { "an extension is skipped", B(SIGNATURE "\x21\x11\0\x11\xc0\0\x02\x07\xc0\0\x02\x01\x30\x39\x22\xb3" "\x04\0\x02xy"), OK, "192.0.2.7", 33 },
    { "the balancer's own check", B(SIGNATURE "\x20\0\0\0"), OK, "", 16 },
    { "nothing yet", B(""), E_SHORT, NULL, 0 },
    { "version 1", B("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n"), E_MALFORMED, NULL, 0 },
    { "a TLS hello", B("\x16\x03\x01\x02\0\x01"), E_MALFORMED, NULL, 0 },
    { "another version", B(SIGNATURE "\x11\x11\0\x0c"), E_MALFORMED, NULL, 0 },
    { "another command", B(SIGNATURE "\x22\x11\0\x0c"), E_MALFORMED, NULL, 0 },
    { "addresses cut off", B(SIGNATURE "\x21\x11\0\x04\xc0\0\x02\x07"), E_MALFORMED, NULL, 0 },
    { "datagrams", B(SIGNATURE "\x21\x12\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x30\x39\x22\xb3"), E_UNSUPPORTED, NULL, 0 },
    { "a local socket's path", B(SIGNATURE "\x21\x31\0\0"), E_UNSUPPORTED, NULL, 0 },
    { "64 KiB of extensions", B(SIGNATURE "\x21\x11\xff\xff"), E_TOO_LARGE, NULL, 0 },
};

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char source[LINK_ADDRESS_MAX] = "?";
        size_t n = 0;
        printf("# %s\n", rows[i].claim);
        CHECK_IS(proxy_take(rows[i].in, &n, source), rows[i].want);
        CHECK(rows[i].want == OK ? n == rows[i].n && strcmp(source, rows[i].source) == 0 : n == 0 && source[0] == '?');
        for (size_t some = 0; rows[i].want == OK && some < rows[i].n; some++)
            CHECK_QUIET(proxy_take(bytes_of(rows[i].in.at, some), &n, source).code == E_SHORT);
    }
    return TEST_END;
}
