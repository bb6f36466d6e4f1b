/* The worked example of the method as a whole mission: model from tests/models, evidence as facts about
 * 1,000 assets, so that its golden values can be reached end to end. */
#ifndef ASSURANCE_EXAMPLE_TEST_H
#define ASSURANCE_EXAMPLE_TEST_H

#include "assurance/assess.h"
#include "base/test.h"
#include "base/time.h"

#define EXAMPLE_NOW INT64_C(1795000000000)
#define EXAMPLE_ASSETS 1000

static inline char *example_file(const char *name)
{
    static char text[1 << 16];
    char path[512];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/%s", root ? root : ".", name);
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    if (!f) exit(1);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static inline struct doc *example_doc(struct arena *a)
{
    struct doc *d = NULL;
    CHECK_OK(doc_read_json(bytes_str(example_file("models/worked-example.json")), a, &d));
    return d;
}

static inline void example_model(struct model *m)
{
    struct arena a = ARENA(1 << 22);
    struct model_error errors[4];
    size_t n;
    CHECK_OK(model_read(example_doc(&a), m, errors, 4, &n));
    arena_deinit(&a);
}

static inline struct evidence_change example_fact(struct evidence *e, const char *control, const char *asset,
    enum fact_result result, enum fact_method method, int64_t at_ms)
{
    struct fact f = { .result = result, .method = method, .authenticated = true, .at_ms = at_ms };
    struct evidence_change change = { 0 };
    snprintf(f.control, sizeof f.control, "%s", control);
    snprintf(f.asset, sizeof f.asset, "%s", asset);
    snprintf(f.detail, sizeof f.detail, "test");
    outcome o = evidence_fact(e, &f, EXAMPLE_NOW, &change);
    CHECK_QUIET(ok(o));
    return change;
}

static inline const char *example_asset(size_t i)
{
    static char id[16];
    snprintf(id, sizeof id, "a-%04zu", i);
    return id;
}

/* Per mille pass and fail of each control, in the model's order. Assets from `first` on, round. */
static inline void example_evidence(struct evidence *e, const struct model *m, size_t first, size_t step)
{
    static const int rows[10][2] = { { 950, 20 }, { 700, 200 }, { 900, 50 }, { 800, 0 }, { 990, 5 }, { 600, 0 },
        { 850, 100 }, { 0, 0 }, { 1000, 0 }, { 1000, 0 } };
    for (size_t i = 0; i < EXAMPLE_ASSETS; i++)
        CHECK_QUIET(ok(evidence_asset(e, example_asset((first + i * step) % EXAMPLE_ASSETS), "all", true)));
    for (size_t c = 0; c < m->n_controls; c++)
        for (size_t i = 0; i < EXAMPLE_ASSETS; i++) {
            size_t at = (first + i * step) % EXAMPLE_ASSETS;
            int pass = rows[c][0], fail = rows[c][1];
            if ((int)at < pass) example_fact(e, m->controls[c].id, example_asset(at), FACT_PASS, FACT_BY_GATE, EXAMPLE_NOW - 5);
            else if ((int)at < pass + fail)
                example_fact(e, m->controls[c].id, example_asset(at), FACT_FAIL, FACT_BY_GATE, EXAMPLE_NOW - 5);
        }
}

#endif
