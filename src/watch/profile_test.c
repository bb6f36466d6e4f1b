/* The parts of a profile by themselves, then a small version of the trial (tests/bench/profile_bench.c): same plant, other
 * seed, fewer devices. */
#include "watch/profile.h"

#include "base/test.h"
#include "tests/bench/profile_trial.h"

static struct trial_ear ear;
static const struct profile_sink sink = { &ear, trial_hear };
static const int64_t monday = 1699833600000;

static int64_t step_ms(int step)
{
    return monday + (int64_t)step * PROFILE_INTERVAL_S * 1000;
}

/* A steady device for so many days. */
static struct profile steady(int days)
{
    struct profile p = PROFILE;
    float x[METRICS] = { [METRIC_MESSAGES] = 30, [METRIC_BYTES] = 3000, [METRIC_SIZE] = 110 };
    for (int step = 0; step < days * 288; step++) {
        x[METRIC_MESSAGES] = (float)(30 + step % 3);
        profile_saw(&p, THING_PEER, BYTES_LIT("broker"), step_ms(step), &sink);
        profile_saw(&p, THING_TOPIC, BYTES_LIT("m/flow"), step_ms(step), &sink);
        profile_saw(&p, THING_SOURCE, BYTES_LIT("10.0.0.5"), step_ms(step), &sink);
        profile_interval(&p, step_ms(step), x, 63, &sink);
    }
    return p;
}

static void a_flood_is_found_and_explained(void)
{
    ear = (struct trial_ear) { 0 };
    struct profile p = steady(10);
    char text[200];
    const float flood[METRICS] = { [METRIC_MESSAGES] = 90, [METRIC_BYTES] = 3000, [METRIC_SIZE] = 110 };
    CHECK(ear.n == 0);
    int step = 10 * 288;
    for (; step < 10 * 288 + 6 && !ear.n; step++) profile_interval(&p, step_ms(step), flood, 63, &sink);
    CHECK(ear.n == 1 && !ear.last.thing && ear.last.metric == METRIC_MESSAGES && step <= 10 * 288 + 3);
    CHECK(ear.last.value == 90 && ear.last.norm > 29 && ear.last.norm < 33 && ear.last.since_ms == step_ms(10 * 288));
    profile_explain(&ear.last, false, text, sizeof text);
    CHECK(strstr(text, "messages sent: 90 in 5 minutes, usually 3") && strstr(text, "since 2023-11-23T00:00Z"));
    CHECK(strstr(profile_explain(&ear.last, true, text, sizeof text), "送信数：5分間に90"));
    /* It is one alarm, and the norm does not learn it. */
    for (; step < 10 * 288 + 100; step++) profile_interval(&p, step_ms(step), flood, 63, &sink);
    CHECK(ear.n == 1 && p.norms[METRIC_MESSAGES].mean[0] < logf(36));
}

static void new_things_are_told_once_and_only_when_learnt(void)
{
    ear = (struct trial_ear) { 0 };
    struct profile young = steady(3), p = steady(8);
    profile_saw(&young, THING_PEER, BYTES_LIT("stranger"), step_ms(3 * 288), &sink);
    CHECK(ear.n == 0);
    profile_saw(&p, THING_PEER, BYTES_LIT("evil\x1b[2J"), step_ms(8 * 288), &sink);
    profile_saw(&p, THING_PEER, BYTES_LIT("evil\x1b[2J"), step_ms(8 * 288), &sink);
    CHECK(ear.n == 1 && ear.last.thing && ear.last.what == THING_PEER && strcmp(ear.last.name, "evil\\x1b[2J") == 0);
    profile_saw(&p, THING_TOPIC, BYTES_LIT("broker"), step_ms(8 * 288), &sink); /* the same word, another thing */
    CHECK(ear.n == 2 && ear.last.what == THING_TOPIC);
}

static void one_identity_from_two_places(void)
{
    ear = (struct trial_ear) { 0 };
    struct profile p = steady(8);
    int64_t at = step_ms(8 * 288);
    profile_saw(&p, THING_SOURCE, BYTES_LIT("10.0.0.6"), at, &sink); /* it moved */
    CHECK(ear.n == 0);
    for (int i = 1; i < 4; i++) profile_saw(&p, THING_SOURCE, i % 2 ? BYTES_LIT("10.0.0.5") : BYTES_LIT("10.0.0.6"), at + i * 60000, &sink);
    CHECK(ear.n == 1 && ear.last.what == THING_SOURCE);
}

static void silence_and_catching_up_is_no_alarm(void)
{
    ear = (struct trial_ear) { 0 };
    struct profile p = steady(9);
    const float none[METRICS] = { 0 }, twice[METRICS] = { [METRIC_MESSAGES] = 60, [METRIC_BYTES] = 6000, [METRIC_SIZE] = 110 };
    profile_interval(&p, step_ms(9 * 288), none, 63, &sink);
    profile_interval(&p, step_ms(9 * 288 + 1), twice, 63, &sink);
    CHECK(ear.n == 0);
}

static void the_trial_in_small(void)
{
    struct trial t = { .seed = 77, .devices = 140, .days = 20, .attacked = 20 };
    trial_run(&t);
    int found = 0, tried = 0;
    for (int a = 1; a < ATTACKS; a++) {
        printf("# %s: %d of %d\n", life_attack_words[a], t.found[a], t.tried[a]);
        found += t.found[a], tried += t.tried[a];
        CHECK(t.found[a] * 10 >= t.tried[a] * 8);
    }
    printf("# %d of %d, %.4f false alarms a device-day\n", found, tried, (double)t.false_alarms / t.clean_days);
    CHECK(tried == 140 && found * 100 >= tried * 93);
    CHECK((double)t.false_alarms / t.clean_days <= 0.01);
    trial_free(&t);
}

int main(void)
{
    CHECK(sizeof(struct profile) <= 1024);
    a_flood_is_found_and_explained();
    new_things_are_told_once_and_only_when_learnt();
    one_identity_from_two_places();
    silence_and_catching_up_is_no_alarm();
    the_trial_in_small();
    return TEST_END;
}
