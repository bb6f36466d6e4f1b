#include "watch/profile.h"

#include <math.h>
#include <stdio.h>

#include "base/time.h"
#include "watch/address.h"

/* Slack: a shift below it, in standard deviations, is nobody's alarm. Limit: how much excess adds up to one. Cap: no
 * single interval counts more, so that one burst after a reconnection is none. Tuned on seeds that the trial does not use. */
static const float slack = 1.0f, limit = 8.0f, cap = 5.0f;
static const float slow_slack = 0.5f, slow_limit = 30.0f, slow_cap = 3.0f; /* small shifts that last for hours */
static const float margin = 1.7f, peak_fades = 0.0002f; /* the limit is at least margin times what a sum reached by itself */
static const float learn_fast = 0.03f, learn_slow = 0.015f, learn_spread = 0.01f, learn_week = 0.01f;
enum { FIRST_INTERVALS = 36, SETTLED_INTERVALS = 576, FLIP_WINDOW_MS = 3600000, FLIPS_ALARM = 2 };

static const struct { const char *word; bool counted; float floor; const char *ja, *en; } metrics[METRICS] = {
#define X(name, word, counted, floor, ja, en) [METRIC_##name] = { word, counted, floor, ja, en },
    PROFILE_METRICS(X)
#undef X
};
static const struct { const char *word, *ja, *en; } things[THINGS] = {
#define X(name, word, ja, en) [THING_##name] = { word, ja, en },
    PROFILE_THINGS(X)
#undef X
};

const char *profile_metric_word(enum profile_metric m)
{
    return metrics[m].word;
}

const char *profile_thing_word(enum profile_thing t)
{
    return things[t].word;
}

/* Counts are compared by their ratio. */
static float transformed(enum profile_metric m, float x)
{
    return metrics[m].counted ? logf((x < 0 ? 0 : x) + 1.0f) : x;
}

static float back(enum profile_metric m, float y)
{
    return metrics[m].counted ? expf(y) - 1.0f : y;
}

static bool learnt(const struct profile *p, int64_t at_ms)
{
    return p->start_ms && at_ms - p->start_ms >= PROFILE_LEARN_DAYS * MS_DAY;
}

/* ---- things ---- */

static uint64_t mark_of(enum profile_thing t, struct bytes name)
{
    uint64_t h = 0xCBF29CE484222325ull ^ ((uint64_t)t + 1) * 0x9E3779B97F4A7C15ull;
    for (size_t i = 0; i < name.n; i++) h = (h ^ name.at[i]) * 0x100000001B3ull;
    h ^= h >> 32;
    return h * 0xD6E8FEB86659FD93ull;
}

/* Adds; whether it was there. */
static bool sketched(struct profile *p, uint64_t mark)
{
    bool there = true;
    for (int k = 0; k < 3; k++) {
        unsigned bit = (unsigned)(mark >> (20 * k)) % (PROFILE_SKETCH * 8);
        there &= p->sketch[bit / 8] >> (bit % 8) & 1;
        p->sketch[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    return there;
}

static void alarm_thing(enum profile_thing t, struct bytes name, int64_t at_ms, const struct profile_sink *sink)
{
    struct profile_alarm a = { .thing = true, .what = t, .since_ms = at_ms, .at_ms = at_ms };
    text_shown(name, a.name, sizeof a.name);
    sink->put(sink->ctx, &a);
}

/* A device moves once in a while; it does not move back and forth within the hour. */
static void saw_source(struct profile *p, struct bytes name, int64_t at_ms, const struct profile_sink *sink)
{
    uint32_t mark = (uint32_t)mark_of(THING_SOURCE, name);
    if (p->sources[0] == mark) return;
    bool earlier = false;
    for (size_t i = 1; i < PROFILE_SOURCES; i++) earlier |= p->sources[i] == mark;
    if (at_ms - p->flips_ms > FLIP_WINDOW_MS) p->flips = 0;
    if (earlier && at_ms - p->source_ms <= FLIP_WINDOW_MS) {
        if (!p->flips) p->flips_ms = at_ms;
        if (p->flips < UINT8_MAX) p->flips++;
        if (p->flips == FLIPS_ALARM && learnt(p, at_ms)) alarm_thing(THING_SOURCE, name, at_ms, sink);
    }
    memmove(p->sources + 1, p->sources, sizeof p->sources - sizeof *p->sources);
    p->sources[0] = mark;
    p->source_ms = at_ms;
}

void profile_saw(struct profile *p, enum profile_thing t, struct bytes name, int64_t at_ms, const struct profile_sink *sink)
{
    if (!p->start_ms) p->start_ms = at_ms;
    if (t == THING_SOURCE) {
        saw_source(p, name, at_ms, sink);
        return;
    }
    if (!sketched(p, mark_of(t, name)) && learnt(p, at_ms)) alarm_thing(t, name, at_ms, sink);
}

/* ---- metrics ---- */

static size_t hour_of(int64_t at_ms)
{
    return (size_t)(at_ms / MS_HOUR % PROFILE_HOURS);
}

static int16_t *week_of(struct profile *p, enum profile_metric m, int64_t at_ms)
{
    return (int)m < PROFILE_WEEKLY ? &p->week[m][at_ms / MS_DAY % 7] : NULL;
}

/* What this device does at this minute: between the hours' middles the norm goes straight. NAN: not known yet. */
static float expected(struct profile *p, enum profile_metric m, int64_t at_ms)
{
    const float *mean = p->norms[m].mean;
    size_t hour = hour_of(at_ms);
    float part = (float)(at_ms % MS_HOUR) / (float)MS_HOUR - 0.5f;
    float here = mean[hour], there = mean[(hour + (part < 0 ? PROFILE_HOURS - 1 : 1)) % PROFILE_HOURS];
    if (!metrics[m].counted) return 0; /* what differs from physics by itself is noise around none */
    if (here == 0) return NAN;
    const int16_t *week = week_of(p, m, at_ms);
    float way = part < 0 ? -part : part;
    return (there == 0 ? here : here + (there - here) * way) + (week ? (float)*week / 1000.0f : 0);
}

static void learn(struct profile *p, enum profile_metric m, int64_t at_ms, float y)
{
    struct profile_norm *n = &p->norms[m];
    float floor = metrics[m].floor, *mean = &n->mean[hour_of(at_ms)], norm = expected(p, m, at_ms), d = y - norm;
    bool first = isnan(norm);
    if (first) *mean = y, d = 0; /* the first day: as it comes */
    float rate = n->seen < PROFILE_LEARN_DAYS * 288 ? learn_fast : learn_slow;
    float most = 4 * (n->spread > floor ? n->spread : floor);
    if (n->seen > FIRST_INTERVALS && d > most) d = most;
    if (n->seen > FIRST_INTERVALS && d < -most) d = -most;
    int16_t *week = week_of(p, m, at_ms);
    if (week && !first) {
        float off = (float)*week + 1000 * learn_week * d;
        *week = (int16_t)(off > 3000 ? 3000 : off < -3000 ? -3000 : lrintf(off));
    }
    if (!first) *mean += rate * d;
    float variance = n->spread * n->spread;
    variance += (n->seen < FIRST_INTERVALS ? 0.1f : learn_spread) * (d * d - variance);
    n->spread = sqrtf(variance);
    if (n->seen < UINT16_MAX) n->seen++;
}

static float higher(float a, float b)
{
    return a > b ? a : b;
}

/* How high a sum rises by itself differs from device to device: the limit is learnt. */
static void peaked(float sum, float *high, float *peak, float weight)
{
    *peak -= *peak * peak_fades;
    *high = higher(*high, sum);
    if (sum > 0) return;
    *peak = higher(*peak, weight * *high);
    *high = 0;
}

/* It stays below twice its limit, so that it ends soon after what it tells of has ended. */
static float added(float sum, float z, float less, float most, float end)
{
    sum += (z > most ? most : z) - less;
    if (sum > end) sum = end;
    return sum < 0 ? 0 : sum;
}

static void judge(struct profile *p, enum profile_metric m, float x, int64_t at_ms, const struct profile_sink *sink)
{
    struct profile_norm *n = &p->norms[m];
    float norm = expected(p, m, at_ms), y = transformed(m, x), spread = n->spread > metrics[m].floor ? n->spread : metrics[m].floor;
    bool counted = metrics[m].counted;
    float z = isnan(norm) ? 0 : (y - norm) / spread, other_limit = counted ? slow_limit : limit;
    if (n->sum == 0 && n->other == 0) n->rising_s = (uint32_t)((at_ms - p->start_ms) / 1000);
    float end = higher(limit, margin * n->peak), other_end = higher(other_limit, margin * n->other_peak);
    n->sum = added(n->sum, z, slack, cap, 2 * end);
    n->other = counted ? added(n->other, z, slow_slack, slow_cap, 2 * other_end) : added(n->other, -z, slack, cap, 2 * other_end);
    bool rises = n->sum >= end || n->other >= other_end;
    /* Before it settled norms were still being found. An alarm that went by makes the next less ready. */
    float counts = n->seen < SETTLED_INTERVALS ? 0 : n->alarmed ? 1 / margin : 1;
    peaked(n->sum, &n->high, &n->peak, counts);
    peaked(n->other, &n->other_high, &n->other_peak, counts);
    if (n->sum == 0 && n->other == 0) n->alarmed = false;
    if (!rises || n->alarmed || !learnt(p, at_ms)) return;
    n->alarmed = true;
    const struct profile_alarm a = { .metric = m, .norm = back(m, isnan(norm) ? 0 : norm), .value = x,
        .since_ms = p->start_ms + (int64_t)n->rising_s * 1000, .at_ms = at_ms };
    sink->put(sink->ctx, &a);
}

void profile_interval(struct profile *p, int64_t at_ms, const float x[METRICS], unsigned has, const struct profile_sink *sink)
{
    if (!p->start_ms) p->start_ms = at_ms;
    p->last_ms = at_ms;
    for (int m = 0; m < METRICS; m++) {
        struct profile_norm *n = &p->norms[m];
        if (!(has >> m & 1)) continue;
        judge(p, (enum profile_metric)m, x[m], at_ms, sink);
        /* What may be an attack is not learnt as the norm; what stays for days is. */
        bool suspect = (n->sum > limit / 2 || n->other > limit) && learnt(p, at_ms);
        bool stays = suspect && at_ms - p->start_ms - (int64_t)n->rising_s * 1000 > 3 * MS_DAY;
        if (!suspect || stays) learn(p, (enum profile_metric)m, at_ms, transformed((enum profile_metric)m, x[m]));
    }
}

const char *profile_explain(const struct profile_alarm *a, bool ja, char *text, size_t size)
{
    char since[TIME_TEXT];
    time_text(a->since_ms, since);
    if (a->thing) snprintf(text, size, ja ? "%s：%s（%.16sZ から）" : "%s: %s (since %.16sZ)", ja ? things[a->what].ja : things[a->what].en, a->name, since);
    else snprintf(text, size, ja ? "%s：5分間に%.4g（この時間帯の普段は%.4g）、%.16sZ から" : "%s: %.4g in 5 minutes, usually %.4g at this hour, since %.16sZ",
        ja ? metrics[a->metric].ja : metrics[a->metric].en, (double)a->value, (double)a->norm, since);
    return text;
}
