/* Alerts by their cause, and on their way out: one of a cause at once, then at most one in ten minutes with how many there were;
 * none while somebody has it in hand (acknowledged, until it was quiet for an hour) or muted it until a time. Each goes to every
 * place of the configuration until that place took it; what it does not take is a dead letter of the record. Steps are entries
 * "alert" with a "step"; after a restart what was not taken is sent again under the same id. */
#ifndef NODE_ALERTS_H
#define NODE_ALERTS_H

#include "wire/courier.h"
#include "wire/doc.h"

struct core;

enum { ALERT_CAUSE_MAX = 96, ALERT_CAUSES_MAX = 512 };

struct alert_said { /* an alarm just recorded or replayed */
    const char *what, *device, *group, *name, *text_ja, *text_en;
    int64_t at_ms;
};

MUST outcome alerts_open(struct core *c);
void alerts_close(struct core *c);
void alerts_raise(struct core *c, const struct alert_said *a);
/* Of something else than a device's profile: recorded in the next turn. May be called from anywhere. */
void alerts_note(struct core *c, const struct alert_said *a);
/* Something that assurance tells: a limit that began, a mission over its tolerance, a confirmed event. */
void alerts_told(struct core *c, const char *event, const struct doc *d);
void alerts_replay(struct core *c, const struct doc *d); /* an entry with a "step" */
void alerts_turn(struct core *c, int64_t wall_ms, int64_t mono_ms);
void alerts_lettered(struct core *c, const struct courier_lettered *l);
void alerts_courier_gone(struct core *c);

/* The causes, newest first. */
struct doc *alerts_causes(void *ctx, struct arena *a);
/* step: "ack", "mute" (until_ms), "unmute", "test" (cause is not looked at). E_UNKNOWN, E_RANGE. */
struct alert_step { const char *cause, *step, *by, *reason; int64_t until_ms; };
MUST outcome alerts_step(void *ctx, const struct alert_step *s);

#endif
