/* What devices usually do, learnt from their own admitted links (watch/profile.h), and the alarms when one does not. Alarms
 * are recorded and shown; they tighten nothing. */
#ifndef NODE_LEARN_H
#define NODE_LEARN_H

#include "platform/exchange.h"

struct core;
struct learn;

/* Reads what was learnt before from the state directory; a file of another form is left out, learning begins anew. */
MUST outcome learn_open(struct core *c);
void learn_close(struct core *c); /* keeps what was learnt */
/* Each may be called from the exchange's port: nothing is written before learn_turn. */
void learn_message(struct core *c, const struct message *m, bool command);
void learn_refused(struct core *c, const struct message *m);
/* A contractor's attempt that no work permit covers: an alarm, at most as many an hour as of any device. */
void learn_unpermitted(struct core *c, const struct message *m);
void learn_link(struct core *c, const char *id, const char *source);
/* An alarm of another kind: recorded and shown like these. */
struct alert_said;
void learn_said(struct core *c, const struct alert_said *a);
void learn_turn(struct core *c, int64_t wall_ms);
/* Something a sensor's operator on this machine reports about an address: {"address", "what", "protocol"}; what is
 * "unknown-host". Recorded at most once an address and 100 times an hour: whoever sends packets on the plant's network chooses
 * addresses. E_MALFORMED; E_FULL over that; E_CONFLICT: told already. */
MUST outcome learn_observed(void *ctx, const struct doc *d);
/* An ENTRY_ALERT of the record: shown again after a restart. */
void learn_replay(struct core *c, const struct doc *d);
/* The newest alarms, newest first: {"at", "device", "group", "what", "name", "norm", "value", "since", "text_ja", "text_en"}. */
struct doc *learn_alerts(void *ctx, struct arena *arena);

#endif
