#include "assurance/sentence.h"

#include "assurance/example_test.h"

static struct model model;

static void test_rates(void)
{
    /* clang-format off */
    static const struct { int64_t ppb; const char *ja, *en; } rows[] = {
        { 0,             "1,000年に1度未満", "less than once in 1,000 years" },
        { 999999,        "1,000年に1度未満", "less than once in 1,000 years" },
        { 1000000,       "1,000年に1度", "once in 1,000 years" },
        { 8000000,       "150年に1度", "once in 150 years" },
        { 50000000,      "20年に1度", "once in 20 years" },
        { 43000000,      "25年に1度", "once in 25 years" },
        { 125000000,     "8年に1度", "once in 8 years" },
        { 666666666,     "2年に1度", "once in 2 years" },
        { 666666667,     "年1回", "once a year" },
        { 1499999999,    "年1回", "once a year" },
        { 1500000000,    "年2回", "2 times a year" },
        { 1234500000000, "年1,235回", "1,235 times a year" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sentence s;
        sentence_rate(rows[i].ppb, &s);
        CHECK(strcmp(s.ja, rows[i].ja) == 0 && strcmp(s.en, rows[i].en) == 0);
    }
    for (int64_t last = INT64_MAX, ppb = 1; ppb < INT64_C(100000000000); ppb += ppb / 7 + 1) { /* never less often as rates rise */
        struct sentence s;
        sentence_rate(ppb, &s);
        int64_t years = strstr(s.ja, "未満") ? 1001 : strncmp(s.ja, "年", 3) == 0 ? 0 : strtoll(s.ja, NULL, 10);
        if (strncmp(s.ja, "1,000年", 8) == 0 && years == 1) years = 1000;
        CHECK_QUIET(years <= last);
        last = years;
    }
}

static void test_outage(void)
{
    static struct assess_mission m;
    struct sentence s;
    m.measured_mille = 629;
    m.function_outage_ppb[0][RISK_EXPECTED] = 50000000;
    m.function_outage_ppb[0][RISK_DECISION] = 125000000;
    sentence_outage(&model, 0, &m, &s);
    CHECK(strcmp(s.ja, "今後1年に給水が4時間を超えて止まるおそれ：20年に1度〜8年に1度程度（実測 62 %）") == 0);
    CHECK(strcmp(s.en, "Chance that supply stops for more than 4 h in the coming year: once in 20 to once in 8 years (measured 62 %)") == 0);
    m.function_outage_ppb[0][RISK_DECISION] = 50000001;
    sentence_outage(&model, 0, &m, &s);
    CHECK(strstr(s.ja, "：20年に1度程度（") && strstr(s.en, ": once in 20 years ("));
    m.function_outage_ppb[0][RISK_DECISION] = 3000000000;
    sentence_outage(&model, 0, &m, &s);
    CHECK(strstr(s.ja, "20年に1度〜年3回程度") && strstr(s.en, "once in 20 years to 3 times a year ("));
    model.functions[0].outage_tolerable_min = 90;
    sentence_outage(&model, 0, &m, &s);
    CHECK(strstr(s.ja, "90分を超えて") && strstr(s.en, "90 min in"));
    model.functions[0].outage_tolerable_min = 240;
}

static void test_yen(void)
{
    /* clang-format off */
    static const struct { int64_t yen; const char *ja, *en; } rows[] = {
        { 0, "年0円", "0 yen a year" }, { 17, "年17円", "17 yen a year" }, { 949, "年900円", "900 yen a year" },
        { 1234567, "年120万円", "1.2 million yen a year" }, { 28922682, "年3,000万円", "30 million yen a year" },
        { 112333019, "年1.1億円", "110 million yen a year" }, { 854201556, "年9億円", "900 million yen a year" },
        { 15500, "年1.6万円", "16,000 yen a year" }, { 199999999, "年2億円", "200 million yen a year" },
        { 1250000000, "年13億円", "1.3 billion yen a year" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sentence s;
        sentence_yen(rows[i].yen, &s);
        if (strcmp(s.ja, rows[i].ja) || strcmp(s.en, rows[i].en)) printf("# %s | %s\n", s.ja, s.en);
        CHECK(strcmp(s.ja, rows[i].ja) == 0 && strcmp(s.en, rows[i].en) == 0);
    }
}

static void test_coverage(void)
{
    struct sentence s;
    struct evidence_coverage c = { .assets = 100, .pass = 95, .fail = 2, .unknown = 3, .measured = 97,
        .oldest_ms = EXAMPLE_NOW - 31 * MS_HOUR };
    sentence_coverage(&c, EXAMPLE_NOW, &s);
    CHECK(strcmp(s.ja, "実測で合格 95 %・不合格 2 %・未確認 3 %・最も古い確認 31時間前") == 0);
    CHECK(strcmp(s.en, "Measured: 95 % pass, 2 % fail, 3 % unknown, oldest 31 h ago") == 0);
    c = (struct evidence_coverage) { .assets = 5000, .pass = 4999, .fail = 1, .measured = 5000, .oldest_ms = EXAMPLE_NOW };
    sentence_coverage(&c, EXAMPLE_NOW, &s);
    CHECK(strstr(s.ja, "合格 99 %・不合格 1 %・未確認 0 %")); /* one bad device is never rounded away */
    c = (struct evidence_coverage) { .assets = 2, .pass = 2, .declared = 2, .oldest_ms = EXAMPLE_NOW + 5 };
    sentence_coverage(&c, EXAMPLE_NOW, &s);
    CHECK(strstr(s.ja, "申告で合格 100 %") && strstr(s.ja, "0秒前"));
    c = (struct evidence_coverage) { 0 };
    sentence_coverage(&c, EXAMPLE_NOW, &s);
    CHECK(strcmp(s.ja, "対象なし") == 0);
}

static void test_stake(void)
{
    struct sentence s;
    struct assess_stake none = { 0 }, x = { .functions = { 0 }, .n_functions = 1, .customers = 41000, .buffer_hours_mille = 6500,
        .worked_around = true };
    sentence_stake(&model, &none, &s);
    CHECK(*s.ja == 0 && *s.en == 0);
    sentence_stake(&model, &x, &s);
    CHECK(strcmp(s.en, "At stake now: supply (about 41,000 households). The stock lasts 6.5 h. A work-around exists") == 0);
    CHECK(strstr(s.ja, "約41,000世帯") && strstr(s.ja, "6.5 時間分"));
}

/* A phrase too long is cut between characters. */
static void test_cut(void)
{
    static struct assess_mission m;
    struct sentence s;
    struct model_text *t = &model.missions[0].sentence;
    for (size_t i = 0; i + 4 < sizeof t->ja; i += 3) memcpy(t->ja + i, "水", 4);
    for (size_t i = 0; i < 6; i++) model.functions[0].name = *t;
    struct assess_stake x = { .functions = { 0, 0, 0, 0, 0, 0 }, .n_functions = 6 };
    sentence_stake(&model, &x, &s);
    CHECK(strlen(s.ja) < sizeof s.ja && bytes_is_utf8(bytes_str(s.ja)) && strlen(s.ja) > 400);
    sentence_outage(&model, 0, &m, &s);
    CHECK(bytes_is_utf8(bytes_str(s.ja)) && strstr(s.ja, "未満"));
}

int main(void)
{
    example_model(&model);
    test_rates();
    test_outage();
    test_yen();
    test_coverage();
    test_stake();
    test_cut();
    return TEST_END;
}
