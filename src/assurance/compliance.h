/* Items of guidelines and standards against live evidence: which are backed by what was measured, declared, gone stale or
 * unknown. Evidence is mapped to items (catalogue/guidelines.json); nothing here says that anything conforms. Pure. */
#ifndef ASSURANCE_COMPLIANCE_H
#define ASSURANCE_COMPLIANCE_H

#include "wire/doc.h"

/* The guidelines as shipped. */
MUST outcome compliance_guidelines(struct arena *a, struct doc **ret);

/* controls: rows with "id" or "control", "assets", "measured", "declared", "stale", "fail" (the view of controls, or an
 * assessment's coverage). only: one guideline's id; NULL = all. [ { "id", "title_ja", "title_en", "items": [ { "id",
 * "title_ja", "title_en", "confirmed", "record_needed", "controls": [ id ], "state", "state_ja", "state_en", "measured_mille",
 * "declared_mille", "fail_mille" } ] } ]. The worst of an item's controls speaks for it. */
struct doc *compliance_doc(const struct doc *guidelines, const struct doc *controls, const char *only, struct arena *a);

#endif
