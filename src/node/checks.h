/* Standing checks of the site: certificates, identities, connections, grants, streams, people. Looked at every ten seconds and when
 * somebody asks; what one finds anew is an alert. Their word tightens nothing. */
#ifndef NODE_CHECKS_H
#define NODE_CHECKS_H

#include "platform/exchange.h"

struct core;
struct checks;

MUST outcome checks_open(struct core *c);
void checks_close(struct core *c);
/* What identities do, counted by the hour. Each may be called from the exchange's port. */
void checks_link_up(struct core *c, const char *id, const char *source);
void checks_link_lost(struct core *c, const char *id);
void checks_told(struct core *c, const char *what, const struct message *m);
void checks_heard(struct core *c, const struct message *m);
void checks_turn(struct core *c, int64_t mono_ms);

/* Every check in the table's order: {"check", "title_ja", "title_en", "todo_ja", "todo_en", "state" ("good", "bad",
 * "unknown"), "since", "count", "found": [{"who", "detail"}]}; at most CHECKS_FOUND of what was found, all are counted.
 * A list in the caller's arena; NULL = out of memory. */
enum { CHECKS_FOUND = 20 };
struct doc *checks_doc(void *ctx, struct arena *a);

#endif
