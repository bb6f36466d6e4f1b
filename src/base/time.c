#include "base/time.h"

#include <stdio.h>
#include <time.h>

void time_text(int64_t wall_ms, char *text)
{
    int64_t s = wall_ms / 1000, ms = wall_ms % 1000;
    if (ms < 0) ms += 1000, s--;
    time_t t = (time_t)s;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(text, TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(tm.tm_year + 1900) % 10000u,
        (unsigned)(tm.tm_mon + 1) % 100u, (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
        (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, (unsigned)ms % 1000u);
}

static outcome take_digits(struct bytes *in, size_t n, int *ret)
{
    struct bytes b;
    TRY(take(in, n, &b));
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (b.at[i] < '0' || b.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (b.at[i] - '0');
    }
    *ret = v;
    return DONE;
}

static outcome take_char(struct bytes *in, char c)
{
    uint8_t got;
    TRY(take_u8(in, &got));
    return got == (uint8_t)c ? DONE : REFUSE(E_MALFORMED);
}

/* Milliseconds of ".123"; any number of digits, the first three count. */
static outcome take_fraction(struct bytes *in, int *ret_ms)
{
    int ms = 0, digits = 0;
    *ret_ms = 0;
    if (in->n == 0 || in->at[0] != '.') return DONE;
    TRY(take_char(in, '.'));
    while (in->n && in->at[0] >= '0' && in->at[0] <= '9') {
        int d;
        TRY(take_digits(in, 1, &d));
        if (digits++ < 3) ms = ms * 10 + d;
    }
    if (digits == 0 || digits > 9) return REFUSE(E_MALFORMED);
    for (int i = digits; i < 3; i++) ms *= 10;
    *ret_ms = ms;
    return DONE;
}

outcome time_parse(struct bytes text, int64_t *ret_ms)
{
    struct tm tm = { 0 }, back;
    int ms;
    TRY(take_digits(&text, 4, &tm.tm_year));
    TRY(take_char(&text, '-'));
    TRY(take_digits(&text, 2, &tm.tm_mon));
    TRY(take_char(&text, '-'));
    TRY(take_digits(&text, 2, &tm.tm_mday));
    TRY(take_char(&text, 'T'));
    TRY(take_digits(&text, 2, &tm.tm_hour));
    TRY(take_char(&text, ':'));
    TRY(take_digits(&text, 2, &tm.tm_min));
    TRY(take_char(&text, ':'));
    TRY(take_digits(&text, 2, &tm.tm_sec));
    TRY(take_fraction(&text, &ms));
    TRY(take_char(&text, 'Z'));
    TRY(at_end(text));
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    back = tm;
    time_t t = timegm(&back);
    bool same = back.tm_mon == tm.tm_mon && back.tm_mday == tm.tm_mday && back.tm_hour == tm.tm_hour
        && back.tm_min == tm.tm_min && back.tm_sec == tm.tm_sec;
    if (!same) return REFUSE(E_RANGE);
    *ret_ms = (int64_t)t * 1000 + ms;
    return DONE;
}

static int64_t jump_of(struct steady *s, int64_t wall_ms, int64_t mono_ms)
{
    int64_t jump = (wall_ms - s->machine_ms) - (mono_ms - s->machine_mono);
    s->machine_ms = wall_ms;
    s->machine_mono = mono_ms;
    return jump >= CLOCK_JUMP_MS || jump <= -CLOCK_JUMP_MS ? jump : 0;
}

int64_t steady_look(struct steady *s, int64_t wall_ms, int64_t mono_ms, int64_t *ret_jump_ms)
{
    if (!s->started) *s = (struct steady) { true, wall_ms, mono_ms, wall_ms, mono_ms };
    *ret_jump_ms = jump_of(s, wall_ms, mono_ms);
    int64_t elapsed = mono_ms - s->mono_ms, slow = s->wall_ms + elapsed - elapsed / 10;
    if (wall_ms < slow && elapsed < 100) return slow; /* anchored anew only where a tenth counts */
    s->wall_ms = wall_ms > slow ? wall_ms : slow;
    s->mono_ms = mono_ms;
    return s->wall_ms;
}

outcome time_length(struct bytes text, int64_t *ret_ms)
{
    static const struct { char unit; int64_t ms; } units[] = { { 's', MS_S }, { 'm', MS_MINUTE }, { 'h', MS_HOUR }, { 'd', MS_DAY } };
    int64_t v = 0;
    if (text.n < 2) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        if ((v = v * 10 + (text.at[i] - '0')) > 1000000) return REFUSE(E_RANGE);
    }
    for (size_t i = 0; v > 0 && i < sizeof units / sizeof *units; i++) {
        if (text.at[text.n - 1] != units[i].unit) continue;
        *ret_ms = v * units[i].ms;
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}
