/* Mission assurance on live evidence: facts -> coverage, conditions, events -> figures -> limits named by
 * signed decisions. A machine without a world: facts, signed documents and time come in; entries to
 * write and the limits in force come out. Knows nothing of registry, exchange or sockets. */
#ifndef ASSURANCE_ASSURANCE_H
#define ASSURANCE_ASSURANCE_H

#include "base/fact.h"
#include "base/limit.h"
#include "crypto/sign.h"
#include "wire/doc.h"

struct assurance;

struct assurance_port {
    void *ctx;
    /* Write an entry (ledger_kind id, document). durable: return only when it is on disk. */
    outcome (*write)(void *ctx, unsigned kind, const struct doc *d, bool durable);
    /* The limits in force changed: swap them in now. rows stay valid until the next call. */
    void (*limits)(void *ctx, const struct limits *limits);
    /* Something people should see at once (SSE event name, document). */
    void (*tell)(void *ctx, const char *event, const struct doc *d);
};

MUST outcome assurance_new(const struct assurance_port *port, struct assurance **ret);
void assurance_free(struct assurance *a);

/* Replay of entries at start: charter, model, reference, evidence, decision, limit, declaration, life of limits. No effects.
 * payload: the entry's bytes (DSSE envelopes for signed kinds). */
MUST outcome assurance_replay(struct assurance *a, unsigned kind, struct bytes payload, int64_t at_ms);
/* Replay is over: recompute and hand out limits. */
MUST outcome assurance_start(struct assurance *a, int64_t now_ms);

/* Which assets exist (from the registry, by node): group "" = none. present = false: retired or destroyed. */
MUST outcome assurance_asset(struct assurance *a, const char *id, const char *group, bool present);
/* A declared stream, by name, so that a decision can name it. */
MUST outcome assurance_stream(struct assurance *a, const char *name, const char *pattern, bool command);

/* A fact with this control, result pass, authenticated: the asset was contained (quarantine by people, isolation). Its
 * open events stay listed until they are mended, but nothing is at stake any more. */
#define ASSURANCE_CONTAIN "contain"
/* A fact. The first adverse fact computes at once; followers coalesce for 1 s (assurance_turn). */
void assurance_fact(struct assurance *a, const struct fact *f, int64_t now_ms);
/* Expiries, freshness, coalesced recomputation. Returns ms until wanted again. */
int assurance_turn(struct assurance *a, int64_t now_ms);

/* Signed documents from people; each verified against the charter, then written, then applied. The refusal's
 * cause stands in why (English, stable). json: DSSE envelope. */
#define ASSURANCE_WHY 200
MUST outcome assurance_model(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
MUST outcome assurance_decision(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
MUST outcome assurance_reference(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
MUST outcome assurance_declaration(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
/* {"type":"release","hold":"H-1","payload_sha256":hex,"at":...} signed by two different charter roles' keys: OK = may be released. */
MUST outcome assurance_release(struct assurance *a, struct bytes json, int64_t now_ms, char ret_hold[16], char ret_payload_hash[65],
    char why[ASSURANCE_WHY]);
/* {"type":"charter"|"deputy",...} signed by two of the three themselves: another key for a role, a deputy for a time. */
MUST outcome assurance_charter_change(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
MUST outcome assurance_deputy(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
/* {"type":"loosen","limit":"L-1",...} signed as the decision's loosening rule says. */
MUST outcome assurance_loosen(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);

/* A signed document that another room applies ("grants"): signatures, site and date are judged, nothing is kept.
 * The trees live in the arena. From the record: now_ms = when it was written. */
struct assurance_signed {
    const struct doc *payload, *envelope;
    int64_t at_ms;
    const char *role, *person; /* whose signature: the first role that signed; person "" where the charter names none */
};
MUST outcome assurance_verify(struct assurance *a, const char *type, struct bytes json, int64_t now_ms, struct arena *arena,
    struct assurance_signed *ret, char why[ASSURANCE_WHY]);

/* The accepted reference documents of a device model (payload trees), for appraisal. */
size_t assurance_references(const struct assurance *a, const char *model, const struct doc **ret, size_t cap);

/* Views for service, console, CLI; built into the arena. NULL when memory is out. */
struct doc *assurance_status(struct assurance *a, struct arena *arena, int64_t now_ms);      /* state word, missions, layers, as_of, limits, decision */
struct doc *assurance_mission(struct assurance *a, struct arena *arena, const char *id, int64_t now_ms); /* sentence ja/en, service terms, measured share, at stake, figures */
/* One mission: whether it may go on today and on what that hangs, what the figure is made of, what moved, options. NULL when
 * there is no such mission or nothing assessed. id "" = the worst. */
struct doc *assurance_insight(struct assurance *a, struct arena *arena, const char *id, int64_t now_ms);
/* The figure with other inputs (insight.h, insight_try); nothing is stored. E_UNKNOWN, E_MALFORMED: why names the part. */
MUST outcome assurance_what_if(struct assurance *a, struct arena *arena, const char *id, const char *changes, const struct doc **ret,
    char why[ASSURANCE_WHY]);
/* How likely a year costs more than so much: points of both figures. E_UNKNOWN, E_RANGE. */
MUST outcome assurance_curve(struct assurance *a, struct arena *arena, const char *id, const struct doc **ret);
struct doc *assurance_controls(struct assurance *a, struct arena *arena, int64_t now_ms);    /* per control: proven, fail, unknown, oldest */
struct doc *assurance_decisions(struct assurance *a, struct arena *arena, int64_t now_ms);
struct doc *assurance_limits(struct assurance *a, struct arena *arena, int64_t now_ms);      /* each with condition, why, since, until, decision, what it withholds */
/* Who is touched when this asset does less: {"function", "name_ja", "name_en", "mission", "mission_ja", "mission_en", "effect_mille"}
 * for each function that rests on its group; empty: none is known to. */
struct doc *assurance_touched(struct assurance *a, struct arena *arena, const char *asset);
struct doc *assurance_assessments(struct assurance *a, struct arena *arena);
struct doc *assurance_charter(struct assurance *a, struct arena *arena);
struct doc *assurance_model_doc(struct assurance *a, struct arena *arena);
/* Rows {step, result, text_ja, text_en} below a limit: condition, evidence, decision, signers, authority, end, appeal. */
void assurance_explain(struct assurance *a, const char *limit_id, struct arena *arena, struct doc *list, int64_t now_ms);

/* Offline: recomputes an assessment from its snapshot document (the payload of an ENTRY_ASSESSMENT holds the whole snapshot
 * or its hashes and the entries that make it); *ret_same = the stored result hash equals. */
MUST outcome assurance_replay_assessment(const struct doc *assessment, char ret_hash[65], bool *ret_same);

#endif
