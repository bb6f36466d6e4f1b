/* A decision on its way (起案 → 合議 → 決裁): from the drafter's signature on it lives in the record, is answered by the asset owner and
 * signed by the executive body; with the third signature it is a decision like any other. Each signs the exact bytes
 * of the decision itself; nothing here signs, and nothing here may be taken that a decision might not be. A difference of view is
 * words inside those bytes, so whoever signed before them signs again. */
#ifndef ASSURANCE_DRAFT_H
#define ASSURANCE_DRAFT_H

#include "assurance/assurance.h"

#define DRAFTS_MAX 128u          /* kept; the oldest that is over makes room */
#define DRAFTS_OPEN_MAX 16u      /* under way at once */
#define DRAFT_REVISIONS_MAX 64u
#define DRAFT_WORDS 400

/* A decision that some of the three have signed. The first must be the mission owner's; then the same bytes with another's signature,
 * or other bytes: the mission owner's as he likes, another's only with a difference of view of his own added. The third signature
 * decides: the whole is judged and taken as by assurance_decision. Executives sign last. */
MUST outcome assurance_draft(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
/* {"type":"opinion","site","at","decision","payload_sha256","answer":"send-back"|"withdraw","text"}, signed by one: the asset owner
 * or executive sends a draft back, the mission owner takes it back. */
MUST outcome assurance_opinion(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);

/* Newest first: the decision with finished words, whose turn it is, what would be refused now, and the envelope itself. */
struct doc *assurance_drafts(struct assurance *a, struct arena *arena, int64_t now_ms);

/* The bytes to sign, of what a person wants: {"mission", "choose", "days" or "expires", "accept", "fallback", "loosen", "dwell_s",
 * "enforce": [id], "observe": [id], "reason_ja", "reason_en"}; or of a draft under way, {"draft", "role", "difference"}. Nothing is
 * kept. ret: the payload; E_MALFORMED, E_UNKNOWN with why. */
MUST outcome assurance_compose(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena, const struct doc **ret,
    char why[ASSURANCE_WHY]);
/* Likewise of an opinion: {"draft", "answer", "text"}. */
MUST outcome assurance_compose_opinion(struct assurance *a, const struct doc *wish, int64_t now_ms, struct arena *arena,
    const struct doc **ret, char why[ASSURANCE_WHY]);

#endif
