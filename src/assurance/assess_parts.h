/* What assess.c and assess_doc.c share: the inputs of the figures, once evidence has become coverage. */
#ifndef ASSURANCE_ASSESS_PARTS_H
#define ASSURANCE_ASSESS_PARTS_H

#include "assurance/assess.h"

struct assess_inputs {
    struct evidence_coverage coverage[64];         /* by index in model.controls */
    int64_t alternatives[32][RISK_FIGURES];        /* how far each alternative is proven */
};

/* One picture after another on one model: what did not move is not computed again, and the result is exactly
 * that of the whole. The model must outlive it. */
MUST outcome assess_live_new(const struct model *m, struct assess_live **ret); /* E_MEMORY, E_MALFORMED */
void assess_live_free(struct assess_live *l);
const struct model *assess_live_model(const struct assess_live *l);
/* Coverage as of then; valid until the next call. */
const struct assess_inputs *assess_live_gather(struct assess_live *l, const struct evidence *e, int64_t as_of_ms);
/* Everything of ret but as_of and hashes. */
void assess_live_figures(struct assess_live *l, const struct assess_inputs *in, struct assessment *ret);
/* After figures: one mission in the engine's own arrays, valid until the next figures; and a control's place there. */
void assess_live_risk(struct assess_live *l, size_t mission, struct risk_model *ret);
size_t assess_live_place(const struct assess_live *l, size_t control);
/* Coverage and alternatives as an assessment's results hold them; the model is the one it was made of. E_MALFORMED. */
MUST outcome assess_inputs_read(const struct doc *results, const struct model *m, struct assess_inputs *ret);
/* After figures: the rate at which each group is compromised, flows included; by group of the model. */
void assess_live_groups(struct assess_live *l, int64_t *ret_ppb, int figure);

/* The whole, once. E_MEMORY, E_MALFORMED. */
MUST outcome assess_figures(const struct model *m, const struct assess_inputs *in, struct assessment *ret);

/* The parameters of a model that figures depend on, as a document, and back (names stay empty). The
 * reader refuses whatever the figures could not be computed from: E_MALFORMED. engine: which one made it. */
struct doc *assess_params(const struct model *m, struct arena *a);
MUST outcome assess_params_read(const struct doc *d, unsigned engine, struct model *ret);

#endif
