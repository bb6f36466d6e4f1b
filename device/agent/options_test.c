#include "device/agent/options.h"

#include "base/test.h"

static outcome parse(const char *line, const char *language, struct options *o)
{
    static char text[512];
    char *argv[16] = { text };
    int argc = 1;
    const char *wrong;
    snprintf(text, sizeof text, "agent %s", line);
    for (char *c = text; *c != 0; c++) {
        if (*c != ' ') continue;
        *c = 0;
        argv[argc++] = c + 1;
    }
    return options_read(argc, argv, language, o, &wrong);
}

int main(void)
{
    struct options o;
    CHECK_OK(parse("join https://x --state /s --tcti device:/dev/tpmrm0", "ja_JP.UTF-8", &o));
    CHECK(o.verb == VERB_JOIN && strcmp(o.words[0], "https://x") == 0 && o.japanese);
    CHECK(strcmp(o.state_dir, "/s") == 0 && strcmp(o.tcti, "device:/dev/tpmrm0") == 0);
    CHECK_OK(parse("run --sim gateway --count 500 --state /s --every 250 --lang en", "ja_JP.UTF-8", &o));
    CHECK(o.count_n == 500 && o.every_ms == 250 && !o.japanese);
    CHECK_OK(parse("pub cmd/pump {}", NULL, &o));
    CHECK(o.n_words == 2 && o.state_dir[0] == '/');
    CHECK_OK(parse("leave --wipe --state /s", NULL, &o));
    CHECK_OK(parse("run --help --nonsense", NULL, &o));
    CHECK(o.verb == VERB_HELP);
    CHECK_OK(parse("operate pump.set 12.5 --person sato --state /s", NULL, &o));
    CHECK(o.verb == VERB_OPERATE && o.n_words == 2 && strcmp(o.person, "sato") == 0);
    CHECK_OK(parse("operate pump.stop --shift", NULL, &o));
    static const char *const bad[] = { "dance", "join", "join a b", "run extra", "run --state", "run --speed 9",
        "leave", "boot", "pub one", "run --every 0", "run --every x", "run --sim m", "run --sim m --count 5000",
        "run --modbus 127.0.0.1:502", "run --map f", "run --only-controller", "run --lang fr", "run --state /a --state /b",
        "operate pump.stop", "operate pump.stop --shift --person sato", "operate --shift", "person", "person add a b", "run --person sato" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK_IS(parse(bad[i], NULL, &o), E_USAGE);
    return TEST_END;
}
