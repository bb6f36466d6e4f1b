/* The worked example of risk-method.md section 3 as inputs, and readers for tests/golden. */
#ifndef RISK_GOLDEN_TEST_H
#define RISK_GOLDEN_TEST_H

#include <inttypes.h>
#include <string.h>

#include "base/test.h"
#include "risk/engine.h"
#include "risk/loss.h"
#include "risk/words.h"

#define EXAMPLE_CONTROLS 10
#define EXAMPLE_THREATS 9
#define PPB_OF_MILLE(x) ((int64_t)(x) * 1000000)

struct example {
    struct risk_control controls[EXAMPLE_CONTROLS];
    struct risk_threat threats[EXAMPLE_THREATS];
    struct risk_model model;
};

/* clang-format off */
static const char *const example_controls[EXAMPLE_CONTROLS] = { "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9b", "C10q" };
static const int example_evidence[EXAMPLE_CONTROLS][2] = {
    { 950, 20 }, { 700, 200 }, { 900, 50 }, { 800, 0 }, { 990, 5 }, { 600, 0 }, { 850, 100 }, { 0, 0 }, { 1000, 0 }, { 1000, 0 },
};
static const struct {
    const char *id, *strengths; /* of C1..C8, backup, quota: none weak medium strong */
    int rate_mille[3], loss_man[2], outage_h, budget;
} example_threats[EXAMPLE_THREATS] = {
    { "S1", "3001010001", { 1000, 4000, 12000 }, {  200,  6000 },  8,  3 },
    { "S2", "0100020023", {  500, 2000,  6000 }, {  100,  2400 },  6,  1 },
    { "S3", "1301010000", { 1000, 3000, 10000 }, {  500,  9000 }, 24,  3 },
    { "P1", "0132000010", {  200,  500,  2000 }, {  500, 12000 }, 24,  3 },
    { "P2", "0131000000", {  200,  500,  2000 }, { 1000, 15000 },  0,  3 },
    { "N1", "0000310000", {  100,  300,  1000 }, {   50,  1500 },  0,  1 },
    { "N2", "0000310000", {  100,  300,  1000 }, {  100,  3000 },  0,  1 },
    { "D1", "0101012300", {  100,  400,  1500 }, {  300,  9000 }, 12,  3 },
    { "D2", "0000211300", {  100,  300,  1000 }, {  300,  9000 }, 12, 10 },
};
/* clang-format on */

static inline void example_fill(struct example *e, bool budget_per_threat)
{
    static const char *const words[] = { "none", "weak", "medium", "strong" };
    *e = (struct example) { .model = { e->controls, EXAMPLE_CONTROLS, e->threats, EXAMPLE_THREATS } };
    for (size_t i = 0; i < EXAMPLE_CONTROLS; i++) {
        int64_t p = PPB_OF_MILLE(example_evidence[i][0]), f = PPB_OF_MILLE(example_evidence[i][1]);
        struct risk_coverage c = risk_cover(p, f);
        e->controls[i] = (struct risk_control) { 0, { c.expected, c.proven }, p > 0 };
    }
    for (size_t i = 0; i < EXAMPLE_THREATS; i++) {
        struct risk_threat *t = &e->threats[i];
        int64_t outage = example_threats[i].outage_h > 4 ? RISK_PPB : 0;
        *t = (struct risk_threat) {
            .rate = { PPB_OF_MILLE(example_threats[i].rate_mille[1]), PPB_OF_MILLE(example_threats[i].rate_mille[2]) },
            .effect = { RISK_PPB, RISK_PPB }, .effect_off = RISK_PPB, .effect_full = RISK_PPB,
            .outage = { outage, outage },
            .budget = budget_per_threat ? (uint32_t)example_threats[i].budget : 1,
        };
        CHECK_OK(risk_loss_mean((int64_t)example_threats[i].loss_man[0] * 10000,
            (int64_t)example_threats[i].loss_man[1] * 10000, &t->loss_yen));
        for (size_t k = 0; k < EXAMPLE_CONTROLS; k++) {
            struct risk_strength s;
            CHECK_QUIET(ok(risk_strength(words[example_threats[i].strengths[k] - '0'], &s)));
            t->strength[k] = s.mid;
        }
    }
}

static inline size_t example_threat(const char *id)
{
    for (size_t i = 0; i < EXAMPLE_THREATS; i++)
        if (strcmp(example_threats[i].id, id) == 0) return i;
    return EXAMPLE_THREATS;
}

static inline size_t example_control(const char *id)
{
    for (size_t i = 0; i < EXAMPLE_CONTROLS; i++)
        if (strcmp(example_controls[i], id) == 0) return i;
    return EXAMPLE_CONTROLS;
}

/* A file of tests/golden as text; the test cannot pass without it. */
static inline char *golden_text(const char *name)
{
    static char text[16384];
    char path[512];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden/%s", root ? root : ".", name);
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    if (!f) exit(1);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

/* The number after these keys, looked up one behind the other in the text; INT64_MIN when absent. */
static inline int64_t golden_number(const char *text, const char *const *keys)
{
    for (; *keys; keys++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\":", *keys);
        text = strstr(text, quoted);
        if (!text) return INT64_MIN;
        text += strlen(quoted);
    }
    return strtoll(text, NULL, 10);
}
#define GOLDEN(text, ...) golden_number(text, (const char *const[]) { __VA_ARGS__, NULL })

#endif
