/* Devices of a plant and what they do, in steps of five minutes, with attacks of strengths fixed beforehand. Knows nothing
 * of any detector: it says what happened, as counts, bytes, names. Everything follows from the seed. */
#ifndef BENCH_PLANT_LIFE_H
#define BENCH_PLANT_LIFE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LIFE_STEP_S = 300, LIFE_STEPS_A_DAY = 288, LIFE_NAMES = 64 };

enum life_attack { ATTACK_NONE, ATTACK_FLOOD, ATTACK_EXFILTRATION, ATTACK_NEW_PEER, ATTACK_STOLEN, ATTACK_REPLAY, ATTACK_SCAN, ATTACK_SPOOF, ATTACKS };
static const char *const life_attack_words[ATTACKS] = { "none", "flood 3x, 30 min", "exfiltration +50 %, 24 h", "new peer", "stolen identity, 1 h",
    "replay of an hour, 1 h", "scan 10 hosts/min, 10 min", "level spoofing 2 sd, 2 h" };
/* In steps. */
static const int life_attack_steps[ATTACKS] = { 0, 6, LIFE_STEPS_A_DAY, 1, 12, 12, 2, 24 };

enum life_kind { LIFE_SENSOR, LIFE_DAILY, LIFE_EVENTS, LIFE_STREAM, LIFE_KINDS };

struct life_device {
    uint64_t random;
    enum life_kind kind;
    double base, day, phase, weekend, season, burst, size_bytes, size_spread, mood, failures;
    bool has_level;
    double noise;
    int topics, peers, source, silent, owed;
    enum life_attack attack;
    int start; /* step */
};

struct life_name {
    enum { LIFE_PEER, LIFE_SOURCE, LIFE_TOPIC } what;
    int number;
};

struct life_step {
    double messages, bytes, size, commands, failures, residual;
    bool has_residual;
    int n_names;
    struct life_name names[LIFE_NAMES];
};

static double life_uniform(struct life_device *d)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 7;
    d->random ^= d->random << 17;
    return (double)(d->random >> 11) / 9007199254740992.0;
}

static double life_normal(struct life_device *d)
{
    double u = life_uniform(d), v = life_uniform(d);
    return sqrt(-2 * log(u > 1e-300 ? u : 1e-300)) * cos(6.283185307179586 * v);
}

static double life_poisson(struct life_device *d, double mean)
{
    if (mean <= 0) return 0;
    if (mean > 40) {
        double x = floor(mean + sqrt(mean) * life_normal(d) + 0.5);
        return x < 0 ? 0 : x;
    }
    double p = 1, limit = exp(-mean);
    int k = 0;
    for (; k < 400; k++) {
        p *= life_uniform(d);
        if (p <= limit) break;
    }
    return k;
}

static double life_between(struct life_device *d, double low, double high)
{
    return low + (high - low) * life_uniform(d);
}

static struct life_device life_born(uint64_t seed, uint64_t number)
{
    struct life_device d = { .random = (seed * 0x9E3779B97F4A7C15ull + number + 1) * 0xBF58476D1CE4E5B9ull | 1 };
    for (int i = 0; i < 16; i++) life_uniform(&d);
    double kind = life_uniform(&d);
    d.kind = kind < 0.4 ? LIFE_SENSOR : kind < 0.65 ? LIFE_DAILY : kind < 0.85 ? LIFE_EVENTS : LIFE_STREAM;
    d.base = d.kind == LIFE_SENSOR ? floor(life_between(&d, 1, 60)) : d.kind == LIFE_STREAM ? life_between(&d, 200, 2000) : life_between(&d, 4, 60);
    d.day = d.kind == LIFE_DAILY ? life_between(&d, 0.2, 0.6) : 0;
    d.phase = life_between(&d, 0, 24);
    d.weekend = d.kind == LIFE_DAILY ? life_between(&d, 0.7, 1.0) : 1;
    d.season = d.kind == LIFE_SENSOR ? 0 : life_between(&d, -0.15, 0.15);
    d.burst = d.kind == LIFE_EVENTS ? life_between(&d, 0.1, 0.35) : d.kind == LIFE_STREAM ? 0.05 : 0;
    d.size_bytes = d.kind == LIFE_STREAM ? life_between(&d, 600, 1400) : life_between(&d, 40, 400);
    d.size_spread = life_between(&d, 0.01, 0.1);
    d.failures = life_uniform(&d) < 0.2 ? 0.01 : 0.0005;
    d.has_level = d.kind <= LIFE_DAILY && life_uniform(&d) < 0.4;
    d.noise = life_between(&d, 0.2, 2.0);
    d.topics = 1 + (int)life_between(&d, 0, 20);
    d.peers = 1 + (int)life_between(&d, 0, 6);
    return d;
}

static void life_attacked(struct life_device *d, enum life_attack attack, int first, int last)
{
    d->attack = attack;
    d->start = first + (int)(life_uniform(d) * (last - first));
    if (attack == ATTACK_SPOOF) d->has_level = true;
}

static bool life_under_attack(const struct life_device *d, int step)
{
    return d->attack && step >= d->start && step < d->start + life_attack_steps[d->attack];
}

static void life_name(struct life_step *s, int what, int number)
{
    if (s->n_names < LIFE_NAMES) s->names[s->n_names++] = (struct life_name) { what, number };
}

static double life_rate(struct life_device *d, int step)
{
    double hour = step % LIFE_STEPS_A_DAY / 12.0, days = (double)step / LIFE_STEPS_A_DAY;
    bool weekend = (int)days % 7 >= 5;
    double rate = d->base * (1 + d->day * sin((hour - d->phase) * 0.2617993877991494)) * (1 + d->season * days / 30);
    if (weekend) rate *= d->weekend;
    if (d->burst > 0) {
        double keep = d->kind == LIFE_STREAM ? 0.97 : 0.6;
        d->mood = keep * d->mood + sqrt(1 - keep * keep) * life_normal(d);
        rate *= exp(d->burst * d->mood - d->burst * d->burst / 2);
    }
    return rate;
}

/* Restarts: silent for one or two steps, then what was missed follows. */
static double life_restarts(struct life_device *d, double messages)
{
    if (d->silent > 0) {
        d->owed += (int)messages;
        d->silent--;
        return 0;
    }
    if (life_uniform(d) < 1.0 / (15 * LIFE_STEPS_A_DAY)) d->silent = 1 + (life_uniform(d) < 0.5);
    messages += d->owed;
    d->owed = 0;
    return messages;
}

static void life_names(struct life_device *d, struct life_step *s)
{
    if (life_uniform(d) < 1.0 / (60.0 * LIFE_STEPS_A_DAY)) d->source++; /* another address was given to it */
    if (life_uniform(d) < 0.001 / LIFE_STEPS_A_DAY) d->topics++;
    life_name(s, LIFE_SOURCE, d->source);
    if (s->messages > 0) life_name(s, LIFE_TOPIC, (int)(life_uniform(d) * d->topics));
    if (s->messages > 0) life_name(s, LIFE_PEER, (int)(life_uniform(d) * d->peers));
}

static void life_harm(struct life_device *d, int step, struct life_step *s)
{
    switch (d->attack) {
    case ATTACK_FLOOD: s->messages *= 3, s->bytes *= 3; break;
    case ATTACK_EXFILTRATION: s->bytes *= 1.5; break;
    case ATTACK_NEW_PEER: life_name(s, LIFE_PEER, 1000); break;
    case ATTACK_STOLEN: /* the owner and the thief put each other off */
        for (int i = 0; i < 2; i++) life_name(s, LIFE_SOURCE, 1000), life_name(s, LIFE_SOURCE, d->source);
        break;
    case ATTACK_REPLAY: s->messages *= 2, s->bytes *= 2; break;
    case ATTACK_SCAN:
        for (int i = 0; i < 50; i++) life_name(s, LIFE_PEER, 2000 + (step - d->start) * 50 + i);
        break;
    case ATTACK_SPOOF: s->residual += 2 * d->noise; break;
    default: break;
    }
}

static struct life_step life_live(struct life_device *d, int step)
{
    struct life_step s = { 0 };
    double rate = life_rate(d, step);
    double messages = d->kind == LIFE_SENSOR ? rate + (life_uniform(d) < 0.1 ? (life_uniform(d) < 0.5 ? -1 : 1) : 0) : life_poisson(d, rate);
    s.messages = life_restarts(d, messages < 0 ? 0 : messages);
    double spread = d->size_spread / sqrt(s.messages > 1 ? s.messages : 1);
    s.bytes = s.messages * d->size_bytes * (1 + spread * life_normal(d));
    s.size = s.messages > 0 ? d->size_bytes * (1 + 2.5 * d->size_spread + 0.3 * d->size_spread * life_normal(d)) : 0;
    s.commands = d->kind == LIFE_DAILY ? life_poisson(d, 0.1) : 0;
    s.failures = life_poisson(d, d->failures);
    s.has_residual = d->has_level;
    s.residual = d->noise * life_normal(d) + (life_uniform(d) < 4.0 / LIFE_STEPS_A_DAY ? 3 * d->noise : 0); /* a pump switched */
    life_names(d, &s);
    if (life_under_attack(d, step)) life_harm(d, step, &s);
    return s;
}

#endif
