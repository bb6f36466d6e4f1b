/* The headline: one sentence in service terms, made from the results and from nothing else. */
#ifndef ASSURANCE_SENTENCE_H
#define ASSURANCE_SENTENCE_H

#include "assurance/assess.h"

#define SENTENCE_MAX 480
struct sentence { char ja[SENTENCE_MAX], en[SENTENCE_MAX]; };

/* 「今後1年に給水が4時間を超えて止まるおそれ：20年に1度〜8年に1度程度（実測 62 %）」 */
void sentence_outage(const struct model *m, size_t mission, const struct assess_mission *s, struct sentence *ret);
/* "20年に1度" / "once in 20 years"; two or more a year: "年3回" / "3 times a year". */
void sentence_rate(int64_t rate_ppb, struct sentence *ret);
/* "年120万円" / "1.2 million yen a year": one significant figure, as section 2 asks (two below 2). */
void sentence_yen(int64_t yen, struct sentence *ret);
/* The same of one event: "120万円" / "1.2 million yen". */
void sentence_money(int64_t yen, struct sentence *ret);
/* 「実測で合格 95 %・不合格 2 %・未確認 3 %・最も古い確認 31 時間前」 */
void sentence_coverage(const struct evidence_coverage *c, int64_t now_ms, struct sentence *ret);
/* 「給水（約41,000世帯）。配水池の残り 6.5 時間…」 what is at stake given confirmed events; "" when nothing is. */
void sentence_stake(const struct model *m, const struct assess_stake *s, struct sentence *ret);

#endif
