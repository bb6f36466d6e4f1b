#include "device/agent/readings.h"

#include <stdio.h>

#include "base/port/port.h"
#include "crypto/hash.h"
#include "device/agent/settings.h"

enum { PROC_MAX = 16384 };

/* "12.345" with exactly `digits` decimals kept (more are cut, fewer are filled). */
static MUST outcome decimal_read(struct bytes text, int digits, int64_t *ret)
{
    int64_t v = 0;
    size_t i = 0;
    bool negative = text.n > 0 && text.at[0] == '-';
    int decimals = -1; /* -1: before the point */
    if (negative) i = 1;
    if (i == text.n || text.n > 16) return REFUSE(E_MALFORMED);
    for (; i < text.n; i++) {
        if (text.at[i] == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        if (decimals >= digits) continue;
        v = v * 10 + (text.at[i] - '0');
        if (decimals >= 0) decimals++;
    }
    for (int d = decimals < 0 ? 0 : decimals; d < digits; d++) v *= 10;
    *ret = negative ? -v : v;
    return DONE;
}

outcome reading_write(const struct reading *r, int64_t wall_ms, char *text, size_t size)
{
    static const int64_t tens[] = { 1, 10, 100, 1000 };
    struct out o = out_of(text, size - 1);
    assert(r->digits >= 0 && r->digits <= 3);
    int64_t whole = r->scaled / tens[r->digits], rest = r->scaled % tens[r->digits];
    put_str(&o, "{");
    if (r->n != 0) put_fmt(&o, "\"n\":%llu,", (unsigned long long)r->n);
    put_fmt(&o, "\"t\":%lld,\"u\":\"%s\",\"v\":", (long long)wall_ms, r->unit);
    if (r->digits == 0) put_fmt(&o, "%lld", (long long)r->scaled);
    else
        put_fmt(&o, "\"%s%lld.%0*lld\"", r->scaled < 0 ? "-" : "", (long long)(whole < 0 ? -whole : whole),
            r->digits, (long long)(rest < 0 ? -rest : rest));
    if (r->digest[0] != 0) put_fmt(&o, ",\"sha256\":\"%s\"", r->digest);
    if (r->simulated) put_str(&o, ",\"sim\":true");
    put_str(&o, "}");
    TRY(out_done(&o));
    text[o.n] = 0;
    return DONE;
}

static void label(struct reading *r, const char *name, const char *unit, int digits)
{
    *r = (struct reading) { .digits = digits };
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->unit, sizeof r->unit, "%s", unit);
}

static MUST outcome first_word(struct bytes text, const char *name, const char *unit, int digits,
    struct reading *ret)
{
    struct bytes line = text, word;
    struct reading r;
    const uint8_t *end = memchr(text.at, '\n', text.n);
    if (end != NULL) line.n = (size_t)(end - text.at);
    label(&r, name, unit, digits);
    TRY(settings_word(&line, &word));
    TRY(decimal_read(word, digits, &r.scaled));
    *ret = r;
    return DONE;
}

outcome reading_loadavg(struct bytes text, struct reading *ret)
{
    return first_word(text, "load", "", 2, ret);
}

outcome reading_uptime(struct bytes text, struct reading *ret)
{
    return first_word(text, "uptime", "s", 0, ret);
}

outcome reading_temperature(struct bytes text, struct reading *ret)
{
    struct reading r;
    TRY(first_word(text, "temperature", "degC", 0, &r)); /* the kernel's millidegrees */
    r.digits = 1;
    r.scaled /= 100;
    *ret = r;
    return DONE;
}

outcome reading_memory(struct bytes text, struct reading *ret)
{
    static const char want[] = "MemAvailable:";
    const uint8_t *at = memmem(text.at, text.n, want, sizeof want - 1);
    if (at == NULL) return REFUSE(E_UNKNOWN);
    size_t from = (size_t)(at - text.at) + sizeof want - 1;
    return first_word(bytes_of(text.at + from, text.n - from), "memory-available", "kB", 0, ret);
}

/* Kernel files have no size: read until they end. */
static size_t slurp(const char *path, uint8_t *to, size_t cap)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) return 0;
    size_t n = fread(to, 1, cap, f);
    fclose(f);
    return n;
}

void readings_machine(struct reading *ret, size_t cap, size_t *ret_n)
{
    static const struct {
        const char *path;
        outcome (*read)(struct bytes text, struct reading *ret);
    } rows[] = {
        { "/proc/loadavg", reading_loadavg },
        { "/proc/meminfo", reading_memory },
        { "/proc/uptime", reading_uptime },
        { "/sys/class/thermal/thermal_zone0/temp", reading_temperature },
    };
    uint8_t text[PROC_MAX];
    *ret_n = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && *ret_n < cap; i++) {
        size_t n = slurp(rows[i].path, text, sizeof text);
        if (n > 0 && ok(rows[i].read(bytes_of(text, n), &ret[*ret_n]))) (*ret_n)++;
    }
}

outcome reading_packages(const char *status_path, struct reading *ret)
{
    struct reading r;
    struct hash h;
    char line[256];
    bool whole = true; /* fgets gave the start of a line */
    label(&r, "packages", "packages", 0);
    TRY(hash_sha256_file(status_path, &h));
    FILE *f = fopen(status_path, "re");
    if (f == NULL) return REFUSE(E_IO);
    while (fgets(line, sizeof line, f) != NULL) {
        if (whole && strcmp(line, "Status: install ok installed\n") == 0) r.scaled++;
        whole = strchr(line, '\n') != NULL;
    }
    fclose(f);
    hex_of(hash_view(&h), r.digest);
    *ret = r;
    return DONE;
}
