/* Conditions on evidence (tier A, risk-method.md section 1): now, crisp, no money. The words a model
 * names, and their judgement over the newest evidence. Pure; unknown text is refused, never passed over.
 *
 *   attested(device)                   each device whose evidence of C8b exists: fail or gone stale = broken
 *   attested(gateways)                 the same for the devices of one group
 *   attested(device, required)         a device that never attested breaks it too
 *   coverage(C8b, gateways) >= 900     proven coverage, thousandths
 *   encrypted(stream | asset | group)  newest C5 evidence
 *   event-free(device | group)         no confirmed event open
 *   within-tolerance(mission)          the decision figure: only where a decision signs it explicitly
 */
#ifndef ASSURANCE_CONDITION_H
#define ASSURANCE_CONDITION_H

#include "assurance/evidence.h"

enum condition_kind { CONDITION_ATTESTED, CONDITION_COVERAGE, CONDITION_ENCRYPTED, CONDITION_EVENT_FREE,
    CONDITION_TOLERANCE, CONDITION_KINDS };

struct condition {
    enum condition_kind kind;
    char scope[MODEL_ID];       /* "" = every device (written: device) or the guarded stream (written: stream) */
    char control[FACT_CONTROL_MAX]; /* whose evidence decides; "" for events and figures */
    uint32_t at_least_mille;    /* coverage */
    bool required;              /* attested */
};

#define CONDITION_ATTEST_CONTROL "C8b"
#define CONDITION_ENCRYPT_CONTROL "C5"

/* E_MALFORMED: not of the form; E_UNKNOWN: no such condition here (within, statement-valid, approved come with
 * the issues that bring their evidence). */
MUST outcome condition_read(const char *text, struct condition *ret);
/* Judged device by device, so that a limit meets the one that broke it; else the whole stream at once. */
bool condition_per_asset(const struct condition *c);
/* "attested(gw-02)": the condition with its subject, as limits name it. text[48]. */
void condition_name(const struct condition *c, const char *text, const char *subject, char ret[48]);

struct condition_world { /* what is judged over; views */
    const struct model *model;
    const struct evidence *evidence;
    const struct evidence_event *events; /* open ones, as evidence_events sorts them */
    size_t n_events;
    int64_t now_ms;
};
struct condition_verdict {
    bool broken;
    char control[FACT_CONTROL_MAX], asset[FACT_ASSET_MAX]; /* the evidence that decided; "" = none */
    struct evidence_row row;
    uint32_t measured_mille;    /* coverage */
    int64_t changes_ms;         /* when time alone may change the verdict; 0 = never */
};
/* One asset (per-asset kinds) or one stream-wide judgement (subject "" or a stream's name). Tolerance is not
 * judged here: it needs the assessment. */
void condition_judge(const struct condition *c, const struct condition_world *w, const char *subject,
    struct condition_verdict *ret);
/* Could this asset's evidence break it? By group; "" scope = any. */
bool condition_covers(const struct condition *c, const struct condition_world *w, const char *asset);
/* May a fact about (control, asset) change it? Cheap filter before judging. */
bool condition_concerns(const struct condition *c, const char *control);

#endif
