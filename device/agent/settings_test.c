#include "device/agent/settings.h"

#include "base/test.h"

struct seen {
    int n;
    char last[64];
};

static outcome note(void *ctx, struct bytes key, struct bytes value)
{
    struct seen *s = ctx;
    s->n++;
    if (bytes_equal_str(key, "stop")) return REFUSE(E_UNKNOWN);
    snprintf(s->last, sizeof s->last, "%.*s|%.*s", (int)key.n, (const char *)key.at, (int)value.n,
        (const char *)value.at);
    return DONE;
}

int main(void)
{
    struct seen s = { 0 };
    int line = 0;
    CHECK_OK(settings_read(bytes_str("# note\n\n a = b c \r\nx=\n"), note, &s, &line));
    CHECK(s.n == 2 && strcmp(s.last, "x|") == 0);
    CHECK_OK(settings_read(bytes_str("last = one"), note, &s, &line));
    CHECK(strcmp(s.last, "last|one") == 0);
    CHECK_IS(settings_read(bytes_str("a = 1\nno equals\n"), note, &s, &line), E_CONFIG);
    CHECK(line == 2);
    CHECK_IS(settings_read(bytes_str("a = 1\n\nstop = 1\nb = 2\n"), note, &s, &line), E_UNKNOWN);
    CHECK(line == 3);
    CHECK_IS(settings_read(bytes_str(" = 1\n"), note, &s, &line), E_CONFIG);
    CHECK_OK(settings_read(BYTES_NONE, note, &s, &line));

    struct bytes in = bytes_str("  one\ttwo "), word;
    CHECK_OK(settings_word(&in, &word));
    CHECK(bytes_equal_str(word, "one"));
    CHECK_OK(settings_word(&in, &word));
    CHECK(bytes_equal_str(word, "two") && in.n == 0);
    CHECK_IS(settings_word(&in, &word), E_SHORT);

    uint32_t v;
    CHECK_OK(settings_number(bytes_str("65535"), 65535, &v));
    CHECK(v == 65535);
    CHECK(!ok(settings_number(bytes_str("65536"), 65535, &v)));
    CHECK(!ok(settings_number(bytes_str("-1"), 65535, &v)));
    CHECK(!ok(settings_number(bytes_str(""), 65535, &v)));
    CHECK(!ok(settings_number(bytes_str("99999999999"), UINT32_MAX, &v)));
    return TEST_END;
}
