/* What a device usually does, learnt in at most 1 KiB: for each metric an hour-of-day norm (EWMA) with how far the days of the week lie off it, its spread, and a
 * cumulative sum that rises while values stay above the norm (CUSUM; E. S. Page 1954); for peers, sources, topics and commands
 * a sketch of those seen. Pure and deterministic; knows nothing of links or time but what it is told. */
#ifndef WATCH_PROFILE_H
#define WATCH_PROFILE_H

#include "base/bytes.h"

enum { PROFILE_INTERVAL_S = 300, PROFILE_LEARN_DAYS = 7, PROFILE_HOURS = 24, PROFILE_SKETCH = 128, PROFILE_SOURCES = 4, PROFILE_WEEKLY = 2,
    PROFILE_WHAT = 112 };

/* name, word, counted (a number of things; else a measured value), floor of the spread, ja, en */
#define PROFILE_METRICS(X)                                                                                         \
    X(MESSAGES, "messages", true, 0.2f, "送信数", "messages sent")                                                 \
    X(BYTES, "bytes", true, 0.2f, "送信量", "bytes sent")                                                          \
    X(SIZE, "size", true, 0.2f, "最大の長さ", "largest message")                                                   \
    X(COMMANDS, "commands", true, 0.5f, "指令の数", "commands sent")                                               \
    X(FAILURES, "failures", true, 0.5f, "拒否された操作の数", "operations refused")                                 \
    X(RESIDUAL, "residual", false, 1e-6f, "値と物理の食い違い", "value against physics")

enum profile_metric {
#define X(name, ...) METRIC_##name,
    PROFILE_METRICS(X)
#undef X
        METRICS
};

/* Things that are new or not. */
#define PROFILE_THINGS(X)                                                                                          \
    X(PEER, "new-peer", "新しい相手", "a new peer") X(SOURCE, "two-sources", "二か所から同じ資格で", "one identity from two places")    \
    X(TOPIC, "new-topic", "新しい宛先", "a new topic") X(COMMAND, "new-command", "新しい指令", "a new command")

enum profile_thing {
#define X(name, ...) THING_##name,
    PROFILE_THINGS(X)
#undef X
        THINGS
};

struct profile_norm {
    float mean[PROFILE_HOURS]; /* of the transformed value */
    float spread;              /* standard deviation */
    float sum, other;          /* CUSUM; the other: small shifts that last, or a value below its norm */
    float high, other_high;    /* since those last were 0 */
    float peak, other_peak;    /* the highest they rose by themselves and fell again */
    uint16_t seen;             /* intervals, saturating */
    bool alarmed;
    uint32_t rising_s;         /* seconds since start: when the sum left zero */
};

struct profile {
    int64_t start_ms, last_ms;
    struct profile_norm norms[METRICS];
    int16_t week[PROFILE_WEEKLY][7];  /* of the first metrics: how far each day of the week lies off, in 1/1000 */
    uint8_t sketch[PROFILE_SKETCH];   /* Bloom filter over (thing, name), 3 bits each */
    uint32_t sources[PROFILE_SOURCES]; /* marks of the last ones, newest first */
    int64_t source_ms;                /* when the newest became it */
    uint8_t flips;                    /* changes back to an earlier source within the hour */
    int64_t flips_ms;
};
_Static_assert(sizeof(struct profile) <= 1024, "a profile is at most 1 KiB");
#define PROFILE ((struct profile) { .start_ms = 0 })

struct profile_alarm {
    bool thing;               /* which of the two below */
    enum profile_metric metric;
    enum profile_thing what;
    float norm, value;        /* in the metric's own unit */
    int64_t since_ms, at_ms;
    char name[PROFILE_WHAT];  /* of a thing; safe to show */
};

struct profile_sink {
    void *ctx;
    void (*put)(void *ctx, const struct profile_alarm *a);
};

/* The device did something with that name. Alarms at most once for a name that is new after the days of learning; a
 * source alarms when two of them take turns, or when it is of another network than all before (the caller names the
 * network as a THING_PEER if it wishes so). */
void profile_saw(struct profile *p, enum profile_thing t, struct bytes name, int64_t at_ms, const struct profile_sink *sink);

/* at_ms is the site's local time as milliseconds: people's days and hours count. One interval's values; has: bit METRIC_ for those that were measured. Call once every PROFILE_INTERVAL_S. */
void profile_interval(struct profile *p, int64_t at_ms, const float x[METRICS], unsigned has, const struct profile_sink *sink);

const char *profile_metric_word(enum profile_metric m);
const char *profile_thing_word(enum profile_thing t);
/* "messages sent: 900 in 5 min, usually 300 at this hour, since ..." in that language; returns text. */
const char *profile_explain(const struct profile_alarm *a, bool ja, char *text, size_t size);

#endif
