/* The trial of learned profiles: a plant's life through one profile a device; what was found, how late, and what was
 * called out though nothing happened. */
#ifndef BENCH_PROFILE_TRIAL_H
#define BENCH_PROFILE_TRIAL_H

#include <stdio.h>
#include <stdlib.h>

#include "base/port/port.h"
#include "base/time.h"
#include "tests/bench/plant_life.h"
#include "watch/profile.h"

enum { TRIAL_DAYS_MAX = 60, TRIAL_AFTER_STEPS = 12 };

struct trial {
    uint64_t seed;
    int devices, days, attacked; /* attacked: devices for each attack */
    int found[ATTACKS], tried[ATTACKS];
    int *delays[ATTACKS];        /* minutes, of those found */
    long false_alarms, by_metric[METRICS], by_thing[THINGS];
    double clean_days;
    int64_t spent_ns;
    long updates;
};

struct trial_ear { /* alarms of one device in one step */
    int n;
    struct profile_alarm last;
    struct trial *t;
};

static void trial_hear(void *ctx, const struct profile_alarm *a)
{
    struct trial_ear *e = ctx;
    e->n++;
    e->last = *a;
}

static void trial_feed(struct trial *t, struct profile *p, const struct life_step *s, int64_t at_ms, const struct profile_sink *sink)
{
    static const enum profile_thing things[] = { [LIFE_PEER] = THING_PEER, [LIFE_SOURCE] = THING_SOURCE, [LIFE_TOPIC] = THING_TOPIC };
    const float x[METRICS] = { [METRIC_MESSAGES] = (float)s->messages, [METRIC_BYTES] = (float)s->bytes, [METRIC_SIZE] = (float)s->size,
        [METRIC_COMMANDS] = (float)s->commands, [METRIC_FAILURES] = (float)s->failures, [METRIC_RESIDUAL] = (float)s->residual };
    unsigned has = (1u << METRICS) - 1;
    if (!s->has_residual) has &= ~(1u << METRIC_RESIDUAL);
    if (s->messages == 0) has &= ~(1u << METRIC_SIZE);
    int64_t before = port_mono_ns();
    for (int i = 0; i < s->n_names; i++)
        profile_saw(p, things[s->names[i].what], bytes_of(&s->names[i].number, sizeof s->names[i].number), at_ms, sink);
    profile_interval(p, at_ms, x, has, sink);
    t->spent_ns += port_mono_ns() - before;
    t->updates++;
}

static void trial_device(struct trial *t, int number)
{
    struct life_device d = life_born(t->seed, (uint64_t)number);
    int kind = number / t->attacked + 1, first = t->days / 2 * LIFE_STEPS_A_DAY, last = (t->days - 2) * LIFE_STEPS_A_DAY;
    struct profile p = PROFILE;
    bool found = false;
    if (kind < ATTACKS) life_attacked(&d, (enum life_attack)kind, first, last);
    if (d.attack) t->tried[d.attack]++;
    for (int step = 0; step < t->days * LIFE_STEPS_A_DAY; step++) {
        struct trial_ear ear = { .t = t };
        const struct profile_sink sink = { &ear, trial_hear };
        struct life_step s = life_live(&d, step);
        trial_feed(t, &p, &s, 1699920000000 + (int64_t)step * LIFE_STEP_S * 1000, &sink);
        bool attack = d.attack && step >= d.start && step < d.start + life_attack_steps[d.attack] + TRIAL_AFTER_STEPS;
        if (!attack && step >= PROFILE_LEARN_DAYS * LIFE_STEPS_A_DAY) {
            t->clean_days += 1.0 / LIFE_STEPS_A_DAY;
            t->false_alarms += ear.n;
            if (ear.n && ear.last.thing) t->by_thing[ear.last.what]++;
            else if (ear.n) t->by_metric[ear.last.metric]++;
        }
        if (attack && ear.n && !found) {
            found = true;
            t->delays[d.attack][t->found[d.attack]++] = (step - d.start + 1) * LIFE_STEP_S / 60;
        }
    }
}

static void trial_run(struct trial *t)
{
    for (int a = 0; a < ATTACKS; a++) t->delays[a] = calloc((size_t)t->attacked, sizeof(int));
    for (int i = 0; i < t->devices; i++) trial_device(t, i);
}

static void trial_free(struct trial *t)
{
    for (int a = 0; a < ATTACKS; a++) free(t->delays[a]);
}

#endif
