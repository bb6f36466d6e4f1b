#include "device/agent/readings.h"

#include <unistd.h>

#include "base/test.h"
#include "wire/doc.h"

static bool writes(const struct reading *r, const char *want)
{
    char text[READING_MAX];
    if (!ok(reading_write(r, 1700000000123, text, sizeof text))) return false;
    struct arena a = ARENA(1 << 16);
    struct doc *d = NULL;
    bool parses = ok(doc_read_json(bytes_str(text), &a, &d)); /* what the site reads it with */
    arena_deinit(&a);
    if (strcmp(text, want) != 0) printf("# %s\n", text);
    return parses && strcmp(text, want) == 0;
}

int main(void)
{
    struct reading r;
    CHECK_OK(reading_loadavg(bytes_str("0.42 0.50 0.60 1/234 5678\n"), &r));
    CHECK(writes(&r, "{\"t\":1700000000123,\"u\":\"\",\"v\":\"0.42\"}"));
    CHECK_OK(reading_loadavg(bytes_str("12.05 0.50"), &r));
    CHECK(r.scaled == 1205);
    CHECK_OK(reading_uptime(bytes_str("350735.47 234388.90\n"), &r));
    CHECK(writes(&r, "{\"t\":1700000000123,\"u\":\"s\",\"v\":350735}"));
    CHECK_OK(reading_memory(bytes_str("MemTotal: 1 kB\nMemFree: 2 kB\nMemAvailable:    8052132 kB\n"), &r));
    CHECK(r.scaled == 8052132 && strcmp(r.unit, "kB") == 0);
    CHECK_IS(reading_memory(bytes_str("MemTotal: 1 kB\n"), &r), E_UNKNOWN);
    CHECK_OK(reading_temperature(bytes_str("45678\n"), &r));
    CHECK(writes(&r, "{\"t\":1700000000123,\"u\":\"degC\",\"v\":\"45.6\"}"));
    CHECK_OK(reading_temperature(bytes_str("-500\n"), &r));
    CHECK(writes(&r, "{\"t\":1700000000123,\"u\":\"degC\",\"v\":\"-0.5\"}"));
    static const char *const bad[] = { "", "\n", "x", "1.2.3", "-", "12345678901234567890" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!ok(reading_loadavg(bytes_str(bad[i]), &r)));

    char path[] = "/tmp/sekimori-packages-XXXXXX";
    static const char status[] = "Package: a\nStatus: install ok installed\n\n"
                                 "Package: b\nStatus: deinstall ok config-files\n\nPackage: c\nStatus: install ok installed\n";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, status, sizeof status - 1) == (ssize_t)sizeof status - 1);
    close(fd);
    CHECK_OK(reading_packages(path, &r));
    CHECK(r.scaled == 2 && strlen(r.digest) == 64);
    unlink(path);
    CHECK(!ok(reading_packages(path, &r)));

    struct reading s = { .scaled = 231, .digits = 2, .unit = "m", .simulated = true };
    CHECK(writes(&s, "{\"t\":1700000000123,\"u\":\"m\",\"v\":\"2.31\",\"sim\":true}"));
    struct reading rows[8];
    size_t n = 0;
    readings_machine(rows, 8, &n);
    CHECK(n >= 3); /* this machine has /proc */
    return TEST_END;
}
