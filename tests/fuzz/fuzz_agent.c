/* What a site, or whoever stands in its place, can send a device; and the device's own small files. */
#include "device/agent/command.h"
#include "device/agent/est.h"
#include "device/agent/evidence.h"
#include "device/agent/invite.h"
#include "device/agent/readings.h"
#include "fuzz.h"

static void check_command(struct bytes in)
{
    struct command c;
    struct command_seen seen = { 0 };
    if (!ok(command_read(BYTES_LIT("pump"), in, &c))) return;
    HOLDS(c.act[0] != 0 && c.value_milli >= 0 && c.value_milli <= INT64_C(10000000000) * 1000);
    bool stop = strcmp(c.act, "stop") == 0;
    enum command_result first = command_judge(&c, &seen, 0), second = command_judge(&c, &seen, 0);
    HOLDS(!stop || (first == COMMAND_DONE && second == COMMAND_DONE));
    HOLDS(stop || c.id[0] == 0 || second != COMMAND_DONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    struct challenge ch;
    struct est_answer a;
    struct invitation i;
    struct map_file m;
    struct reading r;
    int line;
    if (ok(challenge_read(in, &ch))) HOLDS(ch.pcrs != 0 && ch.pcrs < 1u << 24);
    check_command(in);
    if (ok(est_answer_read(in, &a)))
        HOLDS(fuzz_inside(a.body, in) && a.total <= n && strlen(a.site) < sizeof a.site);
    if (ok(invitation_read(in, &i))) HOLDS(i.host[0] != 0 && i.port != 0);
    if (ok(map_file_read(in, &m, &line))) HOLDS(m.reads <= MAP_ROWS_MAX && m.writes <= MAP_ROWS_MAX);
    if (ok(reading_loadavg(in, &r)) || ok(reading_memory(in, &r))) {
        char text[READING_MAX];
        HOLDS(ok(reading_write(&r, 0, text, sizeof text)));
    }
    return 0;
}
