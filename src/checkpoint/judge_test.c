/* Section 5's golden figures through the judgement; the lattice as rows; what tightens and what never loosens. */
#include "checkpoint/example_test.h"
#include "checkpoint/judge.h"

static struct agreement a;

static void test_golden(void)
{
    static const struct { enum risk_claim vouched; int64_t bare, checked; } rows[] = { { RISK_CLAIM_NONE, 11718019, 1267890 },
        { RISK_CLAIM_SELF, 5038748, 545193 }, { RISK_CLAIM_THIRD, 1699113, 183844 } };
    for (size_t i = 0; i < 3; i++) {
        int64_t bypass;
        a.vouched = rows[i].vouched;
        int64_t rate = judge_rate(&a, 0);
        CHECK(judge_figure(&a.flows[0], rate, STAGES_ALWAYS, &bypass) == rows[i].bare && bypass == RISK_PPB);
        CHECK(judge_figure(&a.flows[0], rate, STAGES_ALWAYS | 1u << STAGE_SCHEMA, &bypass) == rows[i].checked);
    }
    a.vouched = RISK_CLAIM_NONE;
}

static struct judging asked(const struct flow *f, unsigned sights)
{
    return (struct judging) { .agreement = &a, .flow = f, .proven = f->offered, .sights = sights };
}

static void test_choice(void)
{
    struct flow f = a.flows[0];
    struct judging j = asked(&f, 0);
    struct judgement got = judge_open(&j, 1);
    CHECK(got.verdict == FLOW_LIMIT && got.stages == (STAGES_ALWAYS | 1u << STAGE_SCHEMA) && got.added_yen == 1267890);
    f.tolerance_yen = 15000000; /* 0.8 of it bears the bare figure, but integrity does not flow up unchecked */
    CHECK(judge_open(&j, 1).verdict == FLOW_LIMIT);
    memset(f.need, 0, sizeof f.need);
    CHECK(judge_open(&j, 1).verdict == FLOW_ALLOW && judge_open(&j, 1).stages == STAGES_ALWAYS);
    f.tolerance_yen = 14600000; /* within tolerance, beyond 0.8 of it: opened with stages */
    CHECK(judge_open(&j, 1).verdict == FLOW_LIMIT);
    f.tolerance_yen = 1;
    CHECK(judge_open(&j, 1).verdict == FLOW_DENY && judge_open(&j, 1).fallback);
    f.fallback_pass = true;
    CHECK(judge_open(&j, 1).verdict == FLOW_LIMIT && judge_open(&j, 1).stages == f.offered && judge_open(&j, 1).fallback);
    j.expired = true;
    f.tolerance_yen = INT64_C(1000000000);
    CHECK(judge_open(&j, 1).fallback);
}

static void test_hysteresis(void)
{
    struct flow f = a.flows[0];
    struct judging j = asked(&f, 0), worse = asked(&f, 1u << SIGHT_FLOOD | 1u << SIGHT_REPLAY);
    struct judgement open = judge_open(&j, 1), tight = judge_again(&worse, &open, 2), after = judge_again(&j, &tight, 3);
    CHECK(judge_rate(&a, worse.sights) == 6000000000);
    CHECK(tight.verdict == FLOW_LIMIT && (tight.stages & open.stages) == open.stages && tight.stages != open.stages && tight.human && tight.since_ms == 2);
    CHECK(after.stages == tight.stages && after.human && after.since_ms == 2); /* improvements loosen nothing */
    CHECK(judge_again(&j, &open, 5).stages == open.stages && !judge_again(&j, &open, 5).human && judge_again(&j, &open, 5).since_ms == 1);
    f.tolerance_yen = 1300000; /* above 0.8 and below 1.0: what is open stays */
    CHECK(judge_again(&j, &open, 4).stages == open.stages);
    j.proven &= ~(1u << STAGE_SCHEMA); /* the control that made it tolerable fails */
    CHECK(judge_again(&j, &open, 6).verdict == FLOW_DENY && judge_again(&j, &open, 6).fallback);
    j = asked(&f, 0);
    j.proven &= ~(1u << STAGE_ALLOW);
    CHECK(judge_open(&j, 7).verdict == FLOW_DENY);
}

/* level claimed, vouched, needed, stages -> holds */
static void test_lattice(void)
{
    static const struct { uint8_t level; enum risk_claim vouched; uint8_t need; unsigned stages, sights; bool want; } rows[] = {
        { 0, RISK_CLAIM_NONE, 0, 0, 0, true }, { 0, RISK_CLAIM_NONE, 1, 0, 0, false }, { 4, RISK_CLAIM_NONE, 1, 0, 0, false },
        { 4, RISK_CLAIM_SELF, 1, 0, 0, true }, { 4, RISK_CLAIM_SELF, 2, 0, 0, false }, { 3, RISK_CLAIM_THIRD, 3, 0, 0, true },
        { 3, RISK_CLAIM_THIRD, 4, 0, 0, false }, { 3, RISK_CLAIM_THIRD, 4, 1u << STAGE_SCHEMA, 0, true },
        { 0, RISK_CLAIM_NONE, 2, 1u << STAGE_SCHEMA | 1u << STAGE_FRESH, 0, true },
        { 0, RISK_CLAIM_NONE, 3, 1u << STAGE_SCHEMA | 1u << STAGE_FRESH | 1u << STAGE_PLAUSIBLE, 0, false }, /* credit ends at 2 */
        { 3, RISK_CLAIM_THIRD, 3, 0, 1, false } }; /* seen misbehaving: its claim counts nothing */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flow f = { .need = { [2] = rows[i].need } };
        a.vouched = rows[i].vouched;
        memset(a.sl, rows[i].level, sizeof a.sl);
        CHECK(judge_lattice(&a, &f, rows[i].sights, rows[i].stages) == rows[i].want);
    }
    a.vouched = RISK_CLAIM_NONE;
    memset(a.sl, 0, sizeof a.sl);
}

/* More stages never add; more sights never lower; a worse voucher never lowers. */
static void test_monotone(void)
{
    int64_t bypass;
    for (unsigned sights = 0; sights < 1u << SIGHT_COUNT; sights++)
        for (unsigned stages = 0; stages < 1u << STAGE_COUNT; stages++)
            for (unsigned s = 0; s < STAGE_COUNT; s++) {
                int64_t one = judge_figure(&a.flows[0], judge_rate(&a, sights), stages, &bypass);
                CHECK_QUIET(judge_figure(&a.flows[0], judge_rate(&a, sights), stages | 1u << s, &bypass) <= one);
                CHECK_QUIET(s >= SIGHT_COUNT || judge_figure(&a.flows[0], judge_rate(&a, sights | 1u << s), stages, &bypass) >= one);
            }
}

int main(void)
{
    struct arena arena = ARENA(1 << 20);
    struct agreement_error e = { 0 };
    size_t n = 0;
    CHECK_OK(example_read(EXAMPLE, &arena, &a, &e, &n));
    test_golden();
    test_choice();
    test_hysteresis();
    test_lattice();
    test_monotone();
    struct judging command = asked(&a.flows[2], 0);
    CHECK(judge_open(&command, 1).stages & 1u << STAGE_HOLD); /* whatever the figures say */
    arena_deinit(&arena);
    return TEST_END;
}
