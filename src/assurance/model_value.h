/* Reading one map of a model by a table of fields: kinds of values in humane notation, their bounds,
 * and errors that say where, what was expected, and what was probably meant. Used by model*.c only. */
#ifndef ASSURANCE_MODEL_VALUE_H
#define ASSURANCE_MODEL_VALUE_H

#include "assurance/model.h"

struct model_reader {
    struct model *model; /* being filled */
    struct model_error *errors;
    size_t cap, n;       /* n counts all, also those over cap */
    char place[96];      /* "threats[2]" */
};

enum field_kind {
    FIELD_ID,       /* char[size]: letters, digits, - and _ */
    FIELD_TEXT,     /* char[size] */
    FIELD_PAIR,     /* struct model_text: {ja, en} */
    FIELD_WORD,     /* char[size], one of words */
    FIELD_BOOL,     /* bool */
    FIELD_COUNT,    /* uint32_t */
    FIELD_YEN,      /* int64_t: 12000000, "12,000,000", "1200万" */
    FIELD_MINUTES,  /* uint32_t: "4h", "30min" */
    FIELD_MS,       /* int64_t: "24h", "7d" */
    FIELD_HOURS,    /* uint32_t thousandths: "6.5h" */
    FIELD_MILLE,    /* uint32_t thousandths of "0.25" */
    FIELD_DATE,     /* int64_t ms of "2026-11-01" */
    FIELD_DAY,      /* char[size]: "2026-11-01" */
    FIELD_OWN,      /* by its own function */
};

struct field {
    const char *key;
    enum field_kind kind;
    bool required;
    size_t at, size;
    int64_t low, high;              /* for numbers, in the member's own unit; 0, 0 = 0 .. its type's largest */
    const char *const *words;       /* NULL-ended */
    void (*own)(struct model_reader *r, const struct doc *d, void *base);
};

/* Adds one error at d's line: "line N: place.key: expected ...". key may be "". */
void model_complain(struct model_reader *r, const struct doc *d, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The candidate nearest to got by edit distance, if near enough to be what was meant; else NULL. */
const char *model_nearest(const char *got, const char *(*candidate)(const void *ctx, size_t i), const void *ctx);
/* Fills base from the map d by the rows (ended by key NULL): unknown and missing keys are errors. */
void model_read_map(struct model_reader *r, const struct doc *d, const struct field *rows, void *base);

/* Values; each complains and returns false when it is not one. */
bool model_value_ppb(struct model_reader *r, const struct doc *d, const char *key, int64_t high_ppb, int64_t *ret);
bool model_value_yen(struct model_reader *r, const struct doc *d, const char *key, int64_t *ret);
bool model_value_word(struct model_reader *r, const struct doc *d, const char *key, const char *const *words,
    char *to, size_t size);
bool model_id_good(const char *id, size_t size);

/* References: model_refer.c. What an id may mean, several of these at once. */
enum target { TO_FUNCTION = 1, TO_GROUP = 2, TO_ALTERNATIVE = 4, TO_THREAT = 8, TO_CONTROL = 16, TO_SITE = 32, TO_ZONE = 64 };
/* Index by id in any array of structs that begin with their id. */
size_t model_find(const void *array, size_t n, size_t size, const char *id);
/* The nearest target's id; NULL when none is near. */
const char *model_meant(const struct model *m, int kinds, const char *id);
/* id is one of the targets; else complains with what was probably meant. */
bool model_refers(struct model_reader *r, const struct doc *at, const char *key, const char *id, int kinds, const char *noun);
/* A list of ids into rows of MODEL_ID bytes, without repetition. */
void model_read_ids(struct model_reader *r, const struct doc *d, const char *key, char (*to)[MODEL_ID], size_t cap, size_t *n);

/* Parts: model_parts.c. */
extern const struct field model_flow_rows[], model_zone_rows[], model_supplier_rows[], model_option_rows[];
void model_read_group_depends(struct model_reader *r, const struct doc *d, void *base);
void model_read_observed(struct model_reader *r, const struct doc *d, void *base);
/* What needs the whole: p_conn by zones, zones that exist, cost of options, live rates. */
void model_parts_finish(struct model_reader *r, const struct doc *d);
/* The m-th member of a section, for the line of an error. */
const struct doc *model_member(const struct doc *d, const char *section, size_t at);
extern const char *const model_effects[];
extern const uint32_t model_effects_mille[];

#endif
