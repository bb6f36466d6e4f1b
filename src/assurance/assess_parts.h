/* What assess.c and assess_doc.c share: the inputs of the figures, once evidence has become coverage. */
#ifndef ASSURANCE_ASSESS_PARTS_H
#define ASSURANCE_ASSESS_PARTS_H

#include "assurance/assess.h"

struct assess_inputs {
    struct evidence_coverage coverage[64];         /* by index in model.controls */
    int64_t alternatives[32][RISK_FIGURES];        /* how far each alternative is proven */
};

void assess_gather(const struct model *m, const struct evidence *e, int64_t as_of_ms, struct assess_inputs *ret);
/* Everything of ret but as_of and hashes. E_MEMORY. */
MUST outcome assess_figures(const struct model *m, const struct assess_inputs *in, struct assessment *ret);

/* The parameters of a model that figures depend on, as a document, and back (names stay empty). The
 * reader refuses whatever the figures could not be computed from: E_MALFORMED. */
struct doc *assess_params(const struct model *m, struct arena *a);
MUST outcome assess_params_read(const struct doc *d, struct model *ret);

#endif
