#include "checkpoint/judge.h"

enum { OPTIONAL = (1u << STAGE_COUNT) - 1 };

static const char *const verdicts[] = { [FLOW_DENY] = "deny", [FLOW_LIMIT] = "limit", [FLOW_ALLOW] = "allow" };
static const struct { const char *word, *ja; } sights[] = {
#define X(name, word, ja) [name] = { word, ja },
    SIGHTS(X)
#undef X
};

const char *flow_verdict_word(enum flow_verdict v)
{
    return verdicts[v];
}

const char *sight_word(enum sight s)
{
    return sights[s].word;
}

const char *sight_word_ja(enum sight s)
{
    return sights[s].ja;
}

enum sight sight_of(const char *refusal)
{
    static const struct { const char *word; enum sight sight; } rows[] = { { "topic-not-agreed", SIGHT_UNLISTED },
        { "schema", SIGHT_SCHEMA }, { "range", SIGHT_SCHEMA }, { "no-time", SIGHT_SCHEMA }, { "too-large", SIGHT_SCHEMA },
        { "replay", SIGHT_REPLAY }, { "late", SIGHT_REPLAY }, { "future", SIGHT_REPLAY }, { "rate", SIGHT_FLOOD },
        { "implausible", SIGHT_IMPLAUSIBLE }, { "verb-not-agreed", SIGHT_VERB } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].word, refusal) == 0) return rows[i].sight;
    return SIGHT_COUNT;
}

/* Whoever was seen doing what it vouched not to do is not believed; each kind of sight counts once, so that one bad
 * hour is not a thousand attacks a year. */
int64_t judge_rate(const struct agreement *a, unsigned seen)
{
    int64_t rate = risk_peer_rate(a->claim_ppb, a->default_ppb, seen ? RISK_CLAIM_NONE : a->vouched);
    for (unsigned left = seen; left; left &= left - 1) rate = risk_add(rate, a->default_ppb);
    return rate;
}

int64_t judge_figure(const struct flow *f, int64_t rate_ppb, unsigned stages, int64_t *ret_bypass_ppb)
{
    static const int64_t strength[] = { 0, 300000000, 700000000, 900000000 };
    int64_t checks[STAGE_COUNT * 2];
    size_t n = 0;
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        const struct stage *row = &stages_table[s];
        bool bounds = s != STAGE_SCHEMA; /* its second check is the range: only where one is declared */
        for (size_t i = 0; i < f->n_fields; i++) bounds |= f->fields[i].ranged;
        for (size_t k = 0; k < 2 && stages >> s & 1; k++)
            if (row->checks[k] && (k == 0 || bounds)) checks[n++] = strength[row->checks[k]];
    }
    struct risk_inbound in = { rate_ppb, f->connect_ppb, f->effect_ppb, f->loss_yen, checks, n };
    *ret_bypass_ppb = risk_checkpoint_bypass(checks, n);
    return risk_inbound_yen(&in);
}

/* SL-A of the source, as far as it is vouched for, and at most two levels of what the checkpoint proves. */
bool judge_lattice(const struct agreement *a, const struct flow *f, unsigned seen, unsigned stages)
{
    for (size_t r = 0; r < REQUIREMENTS; r++) {
        unsigned level = a->vouched == RISK_CLAIM_NONE || seen ? 0 : a->sl[r], credit = 0;
        if (a->vouched == RISK_CLAIM_SELF && level > 1) level = 1; /* a word of its own carries no further */
        for (unsigned s = 0; s < STAGE_COUNT; s++)
            if (stages >> s & 1) credit += stages_table[s].credit[r];
        if (level + (credit > 2 ? 2 : credit) < f->need[r]) return false;
    }
    return true;
}

static unsigned cost_of(unsigned stages)
{
    unsigned cost = 0;
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        if (stages >> s & 1) cost += stages_table[s].cost;
    return cost;
}

/* Confidentiality never flows down unreduced, and a command never in without two people. */
static unsigned floor_of(const struct flow *f)
{
    bool inner = strcmp(f->label, "confidential") == 0 || strcmp(f->label, "restricted") == 0;
    return (f->command ? 1u << STAGE_HOLD : 0) | (f->direction == FLOW_OUT && inner ? 1u << STAGE_REDUCE : 0);
}

struct choice { bool found; unsigned stages, cost; int64_t yen; };

static void consider(const struct judging *j, unsigned stages, int64_t most_yen, struct choice *best)
{
    int64_t bypass, yen = judge_figure(j->flow, judge_rate(j->agreement, j->sights), stages, &bypass);
    unsigned cost = cost_of(stages);
    if (yen > most_yen || !judge_lattice(j->agreement, j->flow, j->sights, stages)) return;
    bool better = !best->found || cost < best->cost || (cost == best->cost && yen < best->yen);
    if (better) *best = (struct choice) { true, stages, cost, yen };
}

/* All subsets of what is offered and proven, with at least `floor`. At most 2^6. */
static struct choice cheapest(const struct judging *j, unsigned floor, int64_t most_yen)
{
    struct choice best = { 0 };
    unsigned always = STAGES_ALWAYS & j->proven, free = j->flow->offered & j->proven & ~(unsigned)STAGES_ALWAYS & OPTIONAL & ~floor;
    bool whole = always == STAGES_ALWAYS && (floor & ~(j->flow->offered & j->proven)) == 0;
    if (!whole) return best; /* a stage that must be there does not prove itself */
    for (unsigned sub = free;; sub = (sub - 1) & free) {
        consider(j, always | floor | sub, most_yen, &best);
        if (!sub) break;
    }
    return best;
}

static struct judgement describe(const struct judging *j, unsigned stages, enum flow_verdict v, int64_t now_ms)
{
    struct judgement out = { .verdict = v, .stages = stages, .since_ms = now_ms };
    int64_t bare;
    out.rate_used_ppb = judge_rate(j->agreement, j->sights);
    out.added_yen = judge_figure(j->flow, out.rate_used_ppb, stages, &out.bypass_ppb);
    out.added_bare_yen = judge_figure(j->flow, out.rate_used_ppb, 0, &bare);
    out.tolerable = out.added_yen <= j->flow->tolerance_yen;
    out.lattice = judge_lattice(j->agreement, j->flow, j->sights, stages);
    return out;
}

static struct judgement none_suffices(const struct judging *j, int64_t now_ms)
{
    unsigned all = (j->flow->offered & j->proven) | STAGES_ALWAYS;
    bool proven = (all & ~j->proven) == 0;
    struct judgement out = describe(j, all, FLOW_DENY, now_ms);
    out.fallback = true;
    out.human = true;
    if (j->flow->fallback_pass && proven) out.verdict = FLOW_LIMIT;
    return out;
}

static enum flow_verdict verdict_of(unsigned stages)
{
    return stages & ~(unsigned)STAGES_ALWAYS ? FLOW_LIMIT : FLOW_ALLOW;
}

struct judgement judge_open(const struct judging *j, int64_t now_ms)
{
    struct choice best = cheapest(j, floor_of(j->flow), j->flow->tolerance_yen / 10 * 8);
    if (j->expired || !best.found) return none_suffices(j, now_ms);
    return describe(j, best.stages, verdict_of(best.stages), now_ms);
}

struct judgement judge_again(const struct judging *j, const struct judgement *before, int64_t now_ms)
{
    unsigned floor = (before->stages & ~(unsigned)STAGES_ALWAYS) | floor_of(j->flow);
    struct judgement out;
    if (before->fallback || j->expired) {
        out = none_suffices(j, now_ms);
    } else {
        struct choice best = cheapest(j, floor, j->flow->tolerance_yen);
        out = best.found ? describe(j, best.stages, verdict_of(best.stages), now_ms) : none_suffices(j, now_ms);
    }
    bool same = out.verdict == before->verdict && out.stages == before->stages && out.fallback == before->fallback;
    out.human |= before->human || !same;
    if (same) out.since_ms = before->since_ms;
    return out;
}
