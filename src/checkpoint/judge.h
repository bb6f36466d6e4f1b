/* The judgement of one flow in one direction (risk-method.md, section 5): what the peer is worth, what our checkpoint
 * takes away, whether the rest is tolerable; beside it the lattice of requirement levels (IEC 62443); the stricter
 * wins. Pure, exact integers. */
#ifndef CHECKPOINT_JUDGE_H
#define CHECKPOINT_JUDGE_H

#include "checkpoint/stage.h"

enum flow_verdict { FLOW_DENY, FLOW_LIMIT, FLOW_ALLOW };
const char *flow_verdict_word(enum flow_verdict v);

/* What our own side has seen of an authenticated peer: enum, word, 日本語. */
#define SIGHTS(X)                                                                                  \
    X(SIGHT_UNLISTED, "unlisted-topic", "合意にない宛先")                                          \
    X(SIGHT_SCHEMA, "broken-schema", "形式または範囲の違反")                                       \
    X(SIGHT_REPLAY, "replay", "再送・時刻の異常")                                                  \
    X(SIGHT_FLOOD, "flood", "過大な頻度")                                                          \
    X(SIGHT_IMPLAUSIBLE, "implausible", "自前の計測と不一致")                                      \
    X(SIGHT_VERB, "unlisted-verb", "合意にない操作")                                               \
    X(SIGHT_HISTORY, "history-rewritten", "証跡記録の書き換え")
enum sight {
#define X(name, word, ja) name,
    SIGHTS(X)
#undef X
        SIGHT_COUNT
};
const char *sight_word(enum sight s);
const char *sight_word_ja(enum sight s);
/* What a stage's refusal is a sight of; SIGHT_COUNT: of nothing adverse. */
enum sight sight_of(const char *refusal);

struct judging {
    const struct agreement *agreement;
    const struct flow *flow;
    unsigned proven;         /* stages whose self-test holds */
    unsigned sights;         /* bits of enum sight */
    bool expired;            /* the agreement */
};
struct judgement {
    enum flow_verdict verdict;
    unsigned stages;         /* to run, STAGES_ALWAYS included */
    int64_t rate_used_ppb, bypass_ppb, added_yen, added_bare_yen;
    bool tolerable, lattice; /* of the stages chosen; at deny: of all that could be had */
    bool fallback;           /* no set suffices: the agreement's fallback stands */
    bool human;              /* tightened: only people loosen it */
    int64_t since_ms;
};

/* The rate we must assume. */
int64_t judge_rate(const struct agreement *a, unsigned sights);
/* The figure a year behind these stages. */
int64_t judge_figure(const struct flow *f, int64_t rate_ppb, unsigned stages, int64_t *ret_bypass_ppb);
bool judge_lattice(const struct agreement *a, const struct flow *f, unsigned sights, unsigned stages);
/* The first judgement: opening at <= 0.8 of what is tolerable, with the cheapest sufficient set. */
struct judgement judge_open(const struct judging *j, int64_t now_ms);
/* Again: what holds at 1.0 stays; else it tightens at once. Never loosens: that takes a new agreement. */
struct judgement judge_again(const struct judging *j, const struct judgement *before, int64_t now_ms);

#endif
