/* sekimori-profile-trial [SEED [DEVICES [DAYS]]]: detection, delay and false alarms of learned profiles as a table. Seeds
 * from 1000 on are held out: nothing was tuned on them. */
#include "tests/bench/profile_trial.h"

static int order(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
    struct trial t = { .seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, .devices = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2000,
        .days = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 30 };
    t.attacked = t.devices / 20;
    if (t.attacked < 1 || t.days < 16 || t.days > TRIAL_DAYS_MAX) return 2;
    trial_run(&t);
    printf("seed %llu: %d devices, %d days (%d of learning), attacks on %d devices each\n", (unsigned long long)t.seed, t.devices, t.days,
        PROFILE_LEARN_DAYS, t.attacked);
    printf("| attack | found | share | median delay, min | worst, min |\n|---|---|---|---|---|\n");
    for (int a = 1; a < ATTACKS; a++) {
        int n = t.found[a];
        qsort(t.delays[a], (size_t)n, sizeof(int), order);
        printf("| %s | %d of %d | %.1f %% | %d | %d |\n", life_attack_words[a], n, t.tried[a], 100.0 * n / t.tried[a], n ? t.delays[a][n / 2] : 0,
            n ? t.delays[a][n - 1] : 0);
    }
    printf("false alarms: %ld in %.0f device-days = %.5f a device-day (", t.false_alarms, t.clean_days, (double)t.false_alarms / t.clean_days);
    for (int m = 0; m < METRICS; m++) printf("%s %ld, ", profile_metric_word((enum profile_metric)m), t.by_metric[m]);
    for (int k = 0; k < THINGS; k++) printf("%s %ld%s", profile_thing_word((enum profile_thing)k), t.by_thing[k], k + 1 < THINGS ? ", " : ")\n");
    printf("memory: %zu bytes a device; time: %.0f ns an update (all names and metrics of five minutes, clock included)\n", sizeof(struct profile),
        (double)t.spent_ns / (double)t.updates);
    trial_free(&t);
    return 0;
}
