#include "node/config.h"

#include "base/test.h"

static void what_is_written_is_read_back(void)
{
    struct config c, back;
    struct config_error errors[4];
    size_t n;
    config_defaults(&c);
    memcpy(c.site, "mizu", 5);
    memcpy(c.name_ja, "○○市水道局", sizeof "○○市水道局");
    c.listen[LISTENER_EST].port = 0;
    memset(c.listen[LISTENER_EST].host, 0, sizeof c.listen[LISTENER_EST].host);
    c.connections = 77;
    struct buffer b = BUFFER(10000);
    CHECK_OK(config_write(&c, &b));
    CHECK_OK(config_read(buffer_view(&b), &back, errors, 4, &n));
    CHECK(memcmp(&c, &back, sizeof c) == 0);
    buffer_deinit(&b);
}

static void mistakes_are_named(void)
{
    static const struct {
        const char *text;
        int line;
        const char *says;
    } rows[] = {
        { "[site]\nnmae = mizu\n", 2, "did you mean 'name'" },
        { "[sites]\n", 1, "expected [site]" },
        { "[site]\nname = Mizu\n", 2, "small letters" },
        { "[listen]\n\nmqtt = 8883\n", 3, "host:port" },
        { "[listen]\nmqtt = 0.0.0.0:99999\n", 2, "host:port" },
        { "[guard]\nconnections = 0\n", 2, "from 1 to" },
        { "[guard]\nconnections = many\n", 2, "whole number" },
        { "[guard]\nconnections = 5\nconnections = 6\n", 3, "given twice" },
        { "[listen]\nconsole = 0.0.0.0:8480\n", 2, "loopback" },
        { "[site]\nname\n", 2, "key = value" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct config_error errors[4];
        size_t n = 0;
        CHECK_IS(config_read(bytes_str(rows[i].text), &c, errors, 4, &n), E_CONFIG);
        CHECK(n == 1 && errors[0].line == rows[i].line && strstr(errors[0].text, rows[i].says));
    }
}

int main(void)
{
    what_is_written_is_read_back();
    mistakes_are_named();
    return TEST_END;
}
