/* The newest evidence per (control, asset) and what it covers. Facts come in, coverage and
 * confirmed events come out; nothing here judges a decision or a limit. Rules (risk-method.md 2):
 * a fail never expires, and only a newer pass of a method at least as trusted clears it; an error
 * is "unknown", never a pass and never clears a fail; unauthenticated facts are counted and shown,
 * and never move p or f; whatever was not measured counts as not working. */
#ifndef ASSURANCE_EVIDENCE_H
#define ASSURANCE_EVIDENCE_H

#include "assurance/model.h"
#include "base/fact.h"

#define EVIDENCE_PAIRS_MAX 131072u /* (control, asset) pairs kept */
#define EVIDENCE_SITE "site"       /* the asset of controls that cover the whole site */

struct evidence;

MUST outcome evidence_new(struct evidence **ret);
void evidence_free(struct evidence *e);

/* Which assets exist. group "" = none. present = false: leaves every scope, its events close. */
MUST outcome evidence_asset(struct evidence *e, const char *id, const char *group, bool present);

/* What one fact changed. */
struct evidence_change {
    bool changed; /* the pair's state is another one now: p, f or an event may differ */
    bool refreshed; /* newer evidence of what was known already: only freshness moved */
    bool adverse; /* authenticated, and a pass or unknown became a fail: compute at once */
    bool event;   /* a confirmed event opened (tier B) */
    bool cleared; /* a fail or event was closed by this fact */
};
/* at_ms later than now_ms counts as now_ms. The order of arrival is irrelevant: only times count. E_RANGE
 * for a fact without control or asset, or with a space in them; E_FULL, E_MEMORY. ret may not be NULL. */
MUST outcome evidence_fact(struct evidence *e, const struct fact *f, int64_t now_ms, struct evidence_change *ret);

/* One pair as it stands at now_ms. */
enum evidence_state { EVIDENCE_UNKNOWN, EVIDENCE_STALE, EVIDENCE_PASS, EVIDENCE_FAIL, EVIDENCE_STATES };
const char *evidence_state_word(enum evidence_state s);    /* unknown stale pass fail */
const char *evidence_state_word_ja(enum evidence_state s); /* 未確認 期限切れ 合格 不合格 */
struct evidence_row {
    enum evidence_state state;
    enum fact_method method;
    int64_t at_ms;         /* 0: never seen */
    int64_t value_ppb;     /* trust x freshness of a pass, else 0 */
    bool confirmed;        /* the fail is a confirmed event */
    char detail[FACT_DETAIL_MAX];
    uint32_t unauthenticated; /* facts about this pair that nobody vouched for */
};
/* fresh_ms, stale_ms: the control's T_f and T_max (model_control). */
void evidence_look(const struct evidence *e, const char *control, const char *asset, int64_t fresh_ms,
    int64_t stale_ms, int64_t now_ms, struct evidence_row *ret);

/* Coverage of one control over its declared scope, or over one group of it. */
struct evidence_coverage {
    uint32_t assets, pass, fail, unknown, stale; /* assets = pass + fail + unknown; stale is part of unknown */
    uint32_t measured, declared;                 /* known assets (pass or fail) by kind of method */
    int64_t p_ppb, f_ppb;                        /* pass (trust and freshness inside), fail */
    int64_t proven_ppb, expected_ppb, possible_ppb;
    int64_t oldest_ms;                           /* at_ms of the oldest evidence counted, 0 = none */
    int64_t changes_ms;                          /* when freshness alone next changes this, 0 = never */
    uint32_t unauthenticated;
    bool falling;                                /* some pass is past its fresh time: this changes all the time */
};
/* group NULL or "": the control's whole scope; else that group, "site", or one asset's id. An
 * empty scope has coverage 0. */
void evidence_cover(const struct evidence *e, const struct model *m, const struct model_control *c,
    const char *group, int64_t now_ms, struct evidence_coverage *ret);

/* A scope is a group (its registered assets, its declared members that nobody registered, or, for a
 * non-ICT group that has neither, the group itself as one asset), an alternative, "site", or one asset. */
/* Assets of a scope (group, "site", alternative or asset id), sorted, at most cap; returns how many there are. */
size_t evidence_assets(const struct evidence *e, const struct model *m, const char *scope,
    const char **ret, size_t cap);
/* The group of an asset: from evidence_asset, else from the model's members; "" if none. */
const char *evidence_group(const struct evidence *e, const struct model *m, const char *asset);

/* Tier B: confirmed events not yet closed (by a newer pass of the same control, or by the asset leaving). */
struct evidence_event {
    char control[FACT_CONTROL_MAX], asset[FACT_ASSET_MAX], detail[FACT_DETAIL_MAX];
    int64_t at_ms;
    bool contained; /* evidence_contain was called after it: held, but not yet mended */
};
size_t evidence_events(const struct evidence *e, struct evidence_event *ret, size_t cap); /* sorted by asset, control */
/* The asset was contained (quarantine): its open events say so. */
void evidence_contain(struct evidence *e, const char *asset, int64_t at_ms);
/* Facts from strangers, all together (for the page). */
uint64_t evidence_unauthenticated(const struct evidence *e);

/* Grows whenever something that coverage of this control rests on may have changed: facts, assets. */
uint64_t evidence_turn(const struct evidence *e, const char *control);

/* The evidence an assessment uses: assets and newest facts in the model's scopes, sorted; the same
 * state gives the same bytes whatever the order of arrival. NULL = out of memory. */
struct doc *evidence_snapshot(const struct evidence *e, const struct model *m, struct arena *a);
/* The reverse, into an empty store. E_MALFORMED. */
MUST outcome evidence_restore(struct evidence *e, const struct doc *snapshot);

#endif
