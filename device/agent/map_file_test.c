#include "device/agent/map_file.h"

#include "base/test.h"

static void test_good(void)
{
    struct map_file m;
    int line;
    CHECK_OK(map_file_read(bytes_str("station = 7\nread.level-upper = input 0 100 m\n"
                                     "read.running = coil 3 1\ncommand.pump.start = coil 0 1\n"
                                     "command.pump.set = set 2 10 5 50 Hz\ncommand.valve.open = holding 9 65280\n"),
        &m, &line));
    CHECK(m.away_s == 0);
    CHECK(m.station == 7 && m.reads == 2 && m.writes == 3);
    CHECK(m.read[0].kind == MAP_INPUT && m.read[0].digits == 2 && strcmp(m.read[0].unit, "m") == 0);
    CHECK(m.read[1].kind == MAP_COIL && m.read[1].address == 3 && m.read[1].unit[0] == 0);
    const struct map_write *w = map_file_write_find(&m, "pump", "set");
    CHECK(w != NULL && w->given && w->address == 2);
    CHECK(map_file_write_find(&m, "pump", "burn") == NULL);
    uint16_t raw = 0;
    CHECK_OK(map_file_raw(w, 42500, &raw));
    CHECK(raw == 425);
    CHECK_IS(map_file_raw(w, 42550, &raw), E_RANGE); /* finer than a step */
    CHECK_IS(map_file_raw(w, 4999, &raw), E_RANGE);
    CHECK_IS(map_file_raw(w, 50100, &raw), E_RANGE);
    CHECK_IS(map_file_raw(w, -1, &raw), E_RANGE);
    CHECK_OK(map_file_raw(map_file_write_find(&m, "valve", "open"), 0, &raw));
    CHECK(raw == 65280);
    CHECK_OK(map_file_read(bytes_str("command.pump.stop = coil 0 0\naway = 3600 pump stop\n"), &m, &line));
    CHECK(m.away_s == 3600 && map_file_write_find(&m, m.away_name, m.away_act) == &m.write[0]);
}

static void test_bad(void)
{
    static const struct {
        const char *text;
        int line;
    } rows[] = {
        { "read.level = input 0 100 m extra", 1 },
        { "read.level = input 65536 1", 1 },
        { "read.level = input 0 7", 1 },
        { "read.level = register 0 1", 1 },
        { "read.Level = input 0 1", 1 },
        { "read.level/x = input 0 1", 1 },
        { "read. = input 0 1", 1 },
        { "read.level =", 1 },
        { "station = 1\nread.a = input 0 1\nread.a = input 1 1", 3 },
        { "command.pump = coil 0 1", 1 },
        { "command.pump.start = coil 0 2", 1 },
        { "command.pump.start = input 0 1", 1 },
        { "command.pump.set = set 2 10 50 5", 1 },
        { "command.pump.start = coil 0 1\ncommand.pump.start = coil 1 1", 2 },
        { "station = 248", 1 },
        { "speed = 9600", 1 },
        { "away = 60 pump stop", 1 }, /* not known yet */
        { "command.pump.stop = coil 0 0\naway = 0 pump stop", 2 },
        { "command.pump.set = set 2 10 5 50\naway = 60 pump set", 2 },
        { "command.pump.stop = coil 0 0\naway = 60 pump stop now", 2 },
        { "command.pump.stop = coil 0 0\naway = 60 pump stop\naway = 60 pump stop", 3 },
        { "read.level = input 0 1 \"", 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct map_file m;
        int line = 0;
        CHECK(!ok(map_file_read(bytes_str(rows[i].text), &m, &line)) && line == rows[i].line);
    }
    static char many[MAP_ROWS_MAX * 40 + 80];
    size_t n = 0;
    for (int i = 0; i <= MAP_ROWS_MAX; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, "read.r%d = input %d 1\n", i, i);
    struct map_file m;
    int line = 0;
    CHECK_IS(map_file_read(bytes_of(many, n), &m, &line), E_TOO_LARGE);
    CHECK(line == MAP_ROWS_MAX + 1);
}

int main(void)
{
    test_good();
    test_bad();
    return TEST_END;
}
