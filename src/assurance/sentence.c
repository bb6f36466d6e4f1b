#include "assurance/sentence.h"

#include <stdio.h>

#include "base/time.h"

/* An output that may not end in half a character. */
static void finish(const struct out *o, char *text, size_t size)
{
    size_t n = o->n < size ? o->n : size - 1;
    while (n && !bytes_is_utf8(bytes_of(text, n))) n--;
    text[n] = 0;
}

static void put_grouped(struct out *o, int64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
    for (int i = 0; i < n; i++) {
        put_fmt(o, "%c", digits[i]);
        if (i + 1 < n && (n - i - 1) % 3 == 0) put_str(o, ",");
    }
}

/* --- rates --- */

#define RARE_PPB 1000000 /* once in 1,000 years: nothing rarer is claimed */

static int64_t round_to(int64_t v, int64_t step)
{
    return (v + step / 2) / step * step;
}

/* Years between two events as people say them; 0 = more often than every year and a half. */
static int64_t years_of(int64_t rate_ppb)
{
    if (rate_ppb >= 666666667) return 0;
    int64_t tenths = 10 * RISK_PPB / rate_ppb, years = (tenths + 5) / 10;
    if (years >= 100) return round_to(years, 50);
    return years >= 20 ? round_to(years, 5) : years;
}

static void put_rate(struct out *ja, struct out *en, int64_t rate_ppb, bool with_unit)
{
    if (rate_ppb < RARE_PPB) {
        put_str(ja, "1,000年に1度未満");
        put_str(en, with_unit ? "less than once in 1,000 years" : "less than once in 1,000");
        return;
    }
    int64_t years = years_of(rate_ppb);
    if (years) {
        put_grouped(ja, years);
        put_str(ja, "年に1度");
        put_str(en, "once in ");
        put_grouped(en, years);
        if (with_unit) put_str(en, " years");
        return;
    }
    int64_t times = rate_ppb / RISK_PPB + (rate_ppb % RISK_PPB >= RISK_PPB / 2);
    put_str(ja, "年");
    put_grouped(ja, times);
    put_str(ja, "回");
    if (times == 1) {
        put_str(en, "once a year");
    } else {
        put_grouped(en, times);
        put_str(en, " times a year");
    }
}

void sentence_rate(int64_t rate_ppb, struct sentence *ret)
{
    struct out ja = out_of(ret->ja, sizeof ret->ja - 1), en = out_of(ret->en, sizeof ret->en - 1);
    put_rate(&ja, &en, rate_ppb, true);
    finish(&ja, ret->ja, sizeof ret->ja);
    finish(&en, ret->en, sizeof ret->en);
}

/* --- the headline --- */

static void put_time(struct out *ja, struct out *en, uint32_t minutes)
{
    bool hours = minutes % 60 == 0;
    put_fmt(ja, "%u%s", hours ? minutes / 60 : minutes, hours ? "時間" : "分");
    put_fmt(en, "%u %s", hours ? minutes / 60 : minutes, hours ? "h" : "min");
}

static void put_phrase(struct out *o, const char *phrase, struct bytes time)
{
    const char *at = strstr(phrase, "{time}");
    if (!at) {
        put_str(o, phrase);
        return;
    }
    put(o, bytes_of(phrase, (size_t)(at - phrase)));
    put(o, time);
    put_str(o, at + strlen("{time}"));
}

/* The sentence speaks of the mission's first function: what people call the service. */
static void put_range(struct out *ja, struct out *en, int64_t expected_ppb, int64_t decision_ppb)
{
    struct sentence low, high;
    sentence_rate(expected_ppb, &low);
    sentence_rate(decision_ppb, &high);
    put_rate(ja, en, expected_ppb, strcmp(low.en, high.en) == 0 || years_of(decision_ppb < RARE_PPB ? RARE_PPB : decision_ppb) == 0);
    if (strcmp(low.ja, high.ja) != 0) {
        put_str(ja, "〜");
        put_str(en, " to ");
        put_rate(ja, en, decision_ppb, true);
    }
    put_str(ja, "程度");
}

void sentence_outage(const struct model *m, size_t mission, const struct assess_mission *s, struct sentence *ret)
{
    assert(mission < m->n_missions);
    const struct model_mission *x = &m->missions[mission];
    struct out ja = out_of(ret->ja, sizeof ret->ja - 1), en = out_of(ret->en, sizeof ret->en - 1);
    char time_ja[32], time_en[32];
    struct out tj = out_of(time_ja, sizeof time_ja), te = out_of(time_en, sizeof time_en);
    size_t at = x->n_functions ? model_function(m, x->functions[0]) : SIZE_MAX;
    put_time(&tj, &te, at == SIZE_MAX ? 240 : m->functions[at].outage_tolerable_min);
    put_phrase(&ja, x->sentence.ja, out_view(&tj));
    put_phrase(&en, x->sentence.en, out_view(&te));
    put_str(&ja, "：");
    put_str(&en, ": ");
    put_range(&ja, &en, s->function_outage_ppb[0][RISK_EXPECTED], s->function_outage_ppb[0][RISK_DECISION]);
    put_fmt(&ja, "（実測 %u %%）", s->measured_mille / 10);
    put_fmt(&en, " (measured %u %%)", s->measured_mille / 10);
    finish(&ja, ret->ja, sizeof ret->ja);
    finish(&en, ret->en, sizeof ret->en);
}

/* --- money, coverage, stake --- */

/* One significant figure; two when the first is 1, or 1.4 and 1.6 would read alike. */
static int64_t significant(int64_t yen)
{
    int64_t step = 1;
    while (yen / step >= 20) step *= 10;
    return round_to(yen, step);
}

static void put_scaled(struct out *o, int64_t v, int64_t unit)
{
    put_grouped(o, v / unit);
    if (v % unit) put_fmt(o, ".%d", (int)(v % unit / (unit / 10)));
}

static void put_money(struct out *ja, struct out *en, int64_t yen)
{
    int64_t v = significant(yen);
    if (v >= 100000000) {
        put_scaled(ja, v, 100000000);
        put_str(ja, "億");
    } else if (v >= 10000) {
        put_scaled(ja, v, 10000);
        put_str(ja, "万");
    } else {
        put_grouped(ja, v);
    }
    put_str(ja, "円");
    if (v >= 1000000000) put_scaled(en, v, 1000000000), put_str(en, " billion");
    else if (v >= 1000000) put_scaled(en, v, 1000000), put_str(en, " million");
    else put_grouped(en, v);
    put_str(en, " yen");
}

void sentence_money(int64_t yen, struct sentence *ret)
{
    struct out ja = out_of(ret->ja, sizeof ret->ja - 1), en = out_of(ret->en, sizeof ret->en - 1);
    put_money(&ja, &en, yen);
    finish(&ja, ret->ja, sizeof ret->ja);
    finish(&en, ret->en, sizeof ret->en);
}

void sentence_yen(int64_t yen, struct sentence *ret)
{
    struct out ja = out_of(ret->ja, sizeof ret->ja - 1), en = out_of(ret->en, sizeof ret->en - 1);
    put_str(&ja, "年");
    put_money(&ja, &en, yen);
    put_str(&en, " a year");
    finish(&ja, ret->ja, sizeof ret->ja);
    finish(&en, ret->en, sizeof ret->en);
}

static void put_age(struct out *ja, struct out *en, int64_t age_ms)
{
    if (age_ms < 0) age_ms = 0;
    static const struct { int64_t ms; const char *ja, *en; } units[] = {
        { 2 * MS_DAY, "日前", " d ago" }, { 2 * MS_HOUR, "時間前", " h ago" }, { 2 * MS_MINUTE, "分前", " min ago" },
        { 0, "秒前", " s ago" },
    };
    static const int64_t of[] = { MS_DAY, MS_HOUR, MS_MINUTE, MS_S };
    size_t i = 0;
    while (age_ms < units[i].ms) i++;
    put_fmt(ja, "%lld%s", (long long)(age_ms / of[i]), units[i].ja);
    put_fmt(en, "%lld%s", (long long)(age_ms / of[i]), units[i].en);
}

void sentence_coverage(const struct evidence_coverage *c, int64_t now_ms, struct sentence *ret)
{
    struct out ja = out_of(ret->ja, sizeof ret->ja - 1), en = out_of(ret->en, sizeof ret->en - 1);
    if (c->assets == 0) {
        put_str(&ja, "対象なし");
        put_str(&en, "nothing in scope");
    } else {
        unsigned pass = (unsigned)((uint64_t)c->pass * 100 / c->assets);
        unsigned fail = (unsigned)(((uint64_t)c->fail * 100 + c->assets - 1) / c->assets);
        put_fmt(&ja, "%sで合格 %u %%・不合格 %u %%・未確認 %u %%", c->measured || !c->declared ? "実測" : "申告", pass, fail,
            100 - pass - fail);
        put_fmt(&en, "%s: %u %% pass, %u %% fail, %u %% unknown", c->measured || !c->declared ? "Measured" : "Declared",
            pass, fail, 100 - pass - fail);
    }
    if (c->oldest_ms) {
        put_str(&ja, "・最も古い確認 ");
        put_str(&en, ", oldest ");
        put_age(&ja, &en, now_ms - c->oldest_ms);
    }
    finish(&ja, ret->ja, sizeof ret->ja);
    finish(&en, ret->en, sizeof ret->en);
}

void sentence_stake(const struct model *m, const struct assess_stake *s, struct sentence *ret)
{
    struct out ja = out_of(ret->ja, sizeof ret->ja - 1), en = out_of(ret->en, sizeof ret->en - 1);
    for (size_t i = 0; i < s->n_functions; i++) {
        put_str(&ja, i ? "・" : "影響が及び得るもの：");
        put_str(&en, i ? ", " : "At stake now: ");
        put_str(&ja, m->functions[s->functions[i]].name.ja);
        put_str(&en, m->functions[s->functions[i]].name.en);
    }
    if (s->n_functions && s->customers) {
        put_str(&ja, "（約");
        put_grouped(&ja, s->customers);
        put_str(&ja, "世帯）");
        put_str(&en, " (about ");
        put_grouped(&en, s->customers);
        put_str(&en, " households)");
    }
    if (s->n_functions && s->buffer_hours_mille) {
        uint32_t whole = s->buffer_hours_mille / 1000, tenth = s->buffer_hours_mille % 1000 / 100;
        put_fmt(&ja, "。貯えは %u.%u 時間分", whole, tenth);
        put_fmt(&en, ". The stock lasts %u.%u h", whole, tenth);
    }
    if (s->n_functions && s->worked_around) {
        put_str(&ja, "。代替の運転手段あり");
        put_str(&en, ". A work-around exists");
    }
    finish(&ja, ret->ja, sizeof ret->ja);
    finish(&en, ret->en, sizeof ret->en);
}
