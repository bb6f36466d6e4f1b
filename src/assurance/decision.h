/* A decision (判断・決裁): what three people accept, on which assessment, until when, and what is imposed on
 * which stream when a condition breaks. Reading, building and judging one against the state it cites. Pure. */
#ifndef ASSURANCE_DECISION_H
#define ASSURANCE_DECISION_H

#include "assurance/condition.h"
#include "assurance/document.h"

#define DECISION_ID LIMIT_ID_MAX
#define DECISION_RULES_MAX 64

enum decision_accept { DECISION_ACCEPT, DECISION_CONDITIONS, DECISION_SEND_BACK, DECISION_ACCEPTS };
enum decision_loosen { DECISION_LOOSEN_TWO, DECISION_LOOSEN_AUTO };

struct decision_rule { /* one line of "enforce" */
    char condition[MODEL_ID];
    char stream[LIMIT_PATTERN_MAX];
    enum limit_mode mode;
    bool enforced;
};

#define DECISION_OPTIONS_MAX 5
#define DECISION_DIFFERENCES_MAX 6
struct decision_option { /* what was weighed: service lost, risk left */
    char id[MODEL_ID];           /* "as-is", or an option of the model */
    struct model_text name;
    int64_t cost_yen, left_yen, outages_ppb, hours_mille;
};
struct decision_difference { /* a view that differed: recorded as it was said, never averaged */
    enum charter_role role;
    char text[400];
};

struct decision {
    char id[DECISION_ID], site[CHARTER_SITE_MAX], mission[MODEL_ID];
    char assessment_id[24], assessment_hash[65];
    int64_t decision_yen, expected_yen;     /* of that assessment, as signed */
    int rank;                               /* 5 worst .. 1 */
    enum decision_accept accept;
    int64_t at_ms, expires_ms;
    struct decision_rule rules[DECISION_RULES_MAX];
    size_t n_rules;
    enum decision_loosen loosen;
    int64_t dwell_ms;
    int64_t tolerance_yen;
    uint32_t margin_mille;
    enum limit_mode fallback;
    struct model_text reason;
    struct decision_option options[DECISION_OPTIONS_MAX];
    struct decision_difference differences[DECISION_DIFFERENCES_MAX];
    size_t n_options, n_differences;
    char chosen[MODEL_ID];                  /* of the options; "" = none were weighed */
};

const char *decision_accept_word(enum decision_accept a);
/* "flag" "hold" "safe" "deny"; "" for LIMIT_NONE. */
const char *decision_mode_word(enum limit_mode m);
MUST outcome decision_mode_parse(const char *word, enum limit_mode *ret);

/* The payload of docs/api-views.md. E_MALFORMED; *ret_bad, when not NULL, names the first member that is wrong. */
MUST outcome decision_read(const struct doc *payload, struct decision *ret, const char **ret_bad);
/* What was weighed, of a mission's insight (insight.h): as it is, and each option of the model, with service lost and risk left. */
void decision_weigh(struct decision *d, const struct doc *insight);
/* One of the options weighed; "" = as it is, where any were. E_UNKNOWN. */
MUST outcome decision_choose(struct decision *d, const char *option);
/* The two lists alone, as they stand in a decision's document and in views. */
struct doc *decision_options_doc(const struct decision *d, struct arena *a);
struct doc *decision_differences_doc(const struct decision *d, struct arena *a);
struct doc *decision_doc(const struct decision *d, struct arena *a);

/* Longest validity of a rank: R5 7 d, R4 30 d, R3 90 d, R2 180 d, R1 365 d. */
int64_t decision_validity_ms(int rank);

#define DECISION_MARGIN_MILLE 200u        /* least room between figure and tolerance where a figure may limit */
#define DECISION_FIGURE_DWELL_MS ((int64_t)600000) /* and least dwell */
#define DECISION_ASSESSMENT_AGE_MS ((int64_t)7 * 86400000)
#define DECISION_AHEAD_MS ((int64_t)300000) /* a signer's clock may be ahead by so much */

struct decision_cited { /* the assessment a decision names, as this site knows it; id "" = unknown */
    char id[24], hash[65];
    int64_t at_ms;
    int64_t decision_yen, expected_yen;     /* of the decision's mission */
    int rank;
    bool other_model;                       /* it was made with a model that is no longer in force */
};
struct decision_world {
    const struct model *model;
    struct decision_cited cited;
    bool used;                              /* the id was used before */
    bool stream_declared[DECISION_RULES_MAX]; /* by rule: its stream is a declared one (name or pattern) */
    int64_t now_ms;
};
/* After document_verify: may it be accepted now? The refusal's cause stands in why. */
MUST outcome decision_judge(const struct decision *d, const struct decision_world *w, char why[DOCUMENT_WHY]);

#endif
