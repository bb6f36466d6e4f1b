/* Reaction with care, wired: platform/reaction.h keeps the measures, access obeys them. Here what an identity's own link shows
 * meets the rules that were signed beforehand, within one turn of the loop; what is over ends by itself. */
#ifndef NODE_REACT_H
#define NODE_REACT_H

#include "assurance/assurance.h"
#include "platform/exchange.h"
#include "platform/reaction.h"

struct core;

enum { REACT_WAITING = 32 };
struct react_waiting { char device[ID_MAX], cause[REACTION_WORD], text[120]; };

/* An ENTRY_REACTION, written or replayed. */
MUST outcome react_taken(struct core *c, const struct doc *d, int64_t at_ms);
/* Judged, and nobody but an identity that may be contained. */
MUST outcome react_judge(const struct core *c, const struct doc *d, char why[REACTION_WHY]);
/* From the exchange's port: nothing is written before react_turn. */
void react_saw(struct core *c, const struct identity *who, struct bytes topic, bool subscribe);
/* An alarm about an admitted identity's own link. */
void react_alarm(struct core *c, const char *device, const char *cause, const char *text);
void react_turn(struct core *c, int64_t wall_ms);
/* A rule signed by the asset owner; why says what was wrong. */
MUST outcome core_reaction_rule(void *ctx, struct bytes json, char why[ASSURANCE_WHY]);

/* Of a rule in the record: its signature, verified again as it was then. E_DENIED. */
MUST outcome react_rule_then(struct core *c, const struct doc *d, int64_t at_ms);

#endif
