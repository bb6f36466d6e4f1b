/* See compliance.h. */
#include "assurance/compliance.h"

#include "base/embedded.h"

extern const struct embedded compliance_files[];

enum state { STATE_MEASURED, STATE_DECLARED, STATE_STALE, STATE_UNKNOWN, STATE_FAILING, STATE_RECORD, STATES };
static const struct { const char *word, *ja, *en; } states[STATES] = {
    { "measured", "実測", "measured" }, { "declared", "申告", "declared" }, { "stale", "期限切れ", "stale" },
    { "unknown", "未確認", "unknown" }, { "failing", "不合格あり", "failing" }, { "record", "人の記録による", "by people's records" },
};

static const struct doc *control_of(const struct doc *controls, const char *id)
{
    for (const struct doc *x = controls ? controls->first : NULL; x; x = x->next)
        if (strcmp(doc_text(x, "id", doc_text(x, "control", "")), id) == 0) return x;
    return NULL;
}

struct backing {
    enum state state;
    int64_t measured, declared, fail; /* per mille, mean over its controls */
    size_t n;
};

/* The worst of its controls speaks for the item. */
static void add_control(struct backing *b, const struct doc *x)
{
    static const int badness[STATES] = { [STATE_MEASURED] = 0, [STATE_DECLARED] = 1, [STATE_STALE] = 2, [STATE_UNKNOWN] = 3, [STATE_FAILING] = 4 };
    int64_t assets = x ? doc_int(x, "assets", 0) : 0, measured = x ? doc_int(x, "measured", 0) : 0, declared = x ? doc_int(x, "declared", 0) : 0;
    int64_t stale = x ? doc_int(x, "stale", 0) : 0, fail = x ? doc_int(x, "fail", 0) : 0;
    enum state s = STATE_MEASURED;
    b->n++;
    if (assets == 0 || measured + declared + stale < assets) s = STATE_UNKNOWN;
    else if (stale) s = STATE_STALE;
    else if (declared) s = STATE_DECLARED;
    if (fail) s = STATE_FAILING;
    if (b->n == 1 || badness[s] > badness[b->state]) b->state = s;
    if (assets == 0) return;
    b->measured += measured * 1000 / assets;
    b->declared += declared * 1000 / assets;
    b->fail += fail * 1000 / assets;
}

static struct doc *item_doc(struct arena *a, const struct doc *item, const struct doc *controls)
{
    struct doc *d = doc_map(a), *list = doc_list(a);
    struct backing b = { .state = STATE_UNKNOWN };
    const struct doc *title = doc_get(item, "title"), *ids = doc_get(item, "controls");
    for (const struct doc *id = ids->first; id; id = id->next) {
        add_control(&b, control_of(controls, id->text));
        doc_add(list, doc_text_new(a, id->text));
    }
    if (b.n == 0 && doc_bool(item, "record", false)) b.state = STATE_RECORD;
    doc_set_text(a, d, "id", doc_text(item, "id", ""));
    doc_set_text(a, d, "title_ja", doc_text(title, "ja", ""));
    doc_set_text(a, d, "title_en", doc_text(title, "en", ""));
    doc_set_bool(a, d, "confirmed", doc_bool(item, "confirmed", false));
    doc_set_bool(a, d, "record_needed", doc_bool(item, "record", false));
    doc_set(a, d, "controls", list);
    doc_set_text(a, d, "state", states[b.state].word);
    doc_set_text(a, d, "state_ja", states[b.state].ja);
    doc_set_text(a, d, "state_en", states[b.state].en);
    doc_set_int(a, d, "measured_mille", b.n ? b.measured / (int64_t)b.n : 0);
    doc_set_int(a, d, "declared_mille", b.n ? b.declared / (int64_t)b.n : 0);
    doc_set_int(a, d, "fail_mille", b.n ? b.fail / (int64_t)b.n : 0);
    return d;
}

outcome compliance_guidelines(struct arena *a, struct doc **ret)
{
    return doc_read_json(bytes_of(compliance_files[0].at, compliance_files[0].n), a, ret);
}

struct doc *compliance_doc(const struct doc *guidelines, const struct doc *controls, const char *only, struct arena *a)
{
    struct doc *all = doc_list(a);
    const struct doc *list = doc_get(guidelines, "guidelines");
    for (const struct doc *g = list ? list->first : NULL; g; g = g->next) {
        if (only && strcmp(doc_text(g, "id", ""), only) != 0) continue;
        struct doc *d = doc_map(a), *items = doc_list(a);
        doc_set_text(a, d, "id", doc_text(g, "id", ""));
        doc_set_text(a, d, "title_ja", doc_text(doc_get(g, "title"), "ja", ""));
        doc_set_text(a, d, "title_en", doc_text(doc_get(g, "title"), "en", ""));
        for (const struct doc *i = doc_get(g, "items")->first; i; i = i->next) doc_add(items, item_doc(a, i, controls));
        doc_set(a, d, "items", items);
        doc_add(all, d);
    }
    return all;
}
