/* The compliance document as OSCAL assessment results (NIST, 1.1). One observation an item, with what kind of evidence backs it;
 * a finding only where something failed: "satisfied" is never said, because people judge. Ids are made of the content. */
#include <stdio.h>

#include "cli/cli.h"
#include "crypto/hash.h"

struct writing {
    struct arena *a;
    char at[TIME_TEXT];
};

/* A version 5 style id: the same content has the same id, whoever exports it. */
static void set_uuid(struct writing *w, struct doc *d, const char *key, const char *one, const char *two)
{
    struct hash h;
    char hex[65], text[40];
    const struct bytes parts[] = { bytes_str("sekimori oscal "), bytes_str(one), BYTES_LIT("/"), bytes_str(two) };
    hash_sha256_parts(parts, sizeof parts / sizeof *parts, &h);
    hex_of(hash_view(&h), hex);
    snprintf(text, sizeof text, "%.8s-%.4s-5%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
    doc_set_text(w->a, d, key, text);
}

static struct doc *metadata(struct writing *w)
{
    struct doc *d = doc_map(w->a);
    doc_set_text(w->a, d, "title", "Sekimori: evidence behind guideline items");
    doc_set_text(w->a, d, "last-modified", w->at);
    doc_set_text(w->a, d, "version", SEKIMORI_VERSION);
    doc_set_text(w->a, d, "oscal-version", "1.1.3");
    doc_set_text(w->a, d, "remarks", "Evidence mapped to items. No conformity is claimed: people judge.");
    return d;
}

static void control_id(const struct doc *item, const char *guideline, char *text, size_t size)
{
    snprintf(text, size, "%.60s_%.60s", guideline, doc_text(item, "id", ""));
}

static void add_prop(struct writing *w, struct doc *list, const char *name, const char *value)
{
    struct doc *d = doc_map(w->a);
    doc_set_text(w->a, d, "name", name);
    doc_set_text(w->a, d, "ns", "https://sekimori.example/ns/oscal");
    doc_set_text(w->a, d, "value", value);
    doc_add(list, d);
}

static struct doc *props(struct writing *w, const struct doc *item)
{
    static const char *const shares[][2] = { { "measured_mille", "measured-per-mille" }, { "declared_mille", "declared-per-mille" },
        { "fail_mille", "failing-per-mille" } };
    struct doc *list = doc_list(w->a);
    char text[24];
    add_prop(w, list, "state", doc_text(item, "state", ""));
    add_prop(w, list, "mapping-confirmed", doc_bool(item, "confirmed", false) ? "true" : "false");
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        snprintf(text, sizeof text, "%lld", (long long)doc_int(item, shares[i][0], 0));
        add_prop(w, list, shares[i][1], text);
    }
    for (const struct doc *id = doc_get(item, "controls")->first; id; id = id->next) add_prop(w, list, "control", id->text);
    return list;
}

static struct doc *methods(struct writing *w, const struct doc *item)
{
    struct doc *list = doc_list(w->a);
    if (doc_int(item, "measured_mille", 0)) doc_add(list, doc_text_new(w->a, "TEST"));
    if (doc_int(item, "declared_mille", 0)) doc_add(list, doc_text_new(w->a, "EXAMINE"));
    if (!list->count) doc_add(list, doc_text_new(w->a, "UNKNOWN"));
    return list;
}

static struct doc *observation(struct writing *w, const struct doc *item, const char *id)
{
    struct doc *d = doc_map(w->a);
    set_uuid(w, d, "uuid", "observation", id);
    doc_set_text(w->a, d, "title", doc_text(item, "title_en", ""));
    doc_set_text(w->a, d, "description", doc_text(item, "state_en", ""));
    doc_set(w->a, d, "props", props(w, item));
    doc_set(w->a, d, "methods", methods(w, item));
    doc_set_text(w->a, d, "collected", w->at);
    return d;
}

static struct doc *finding(struct writing *w, const struct doc *item, const char *id)
{
    struct doc *d = doc_map(w->a), *target = doc_map(w->a), *status = doc_map(w->a), *list = doc_list(w->a), *one = doc_map(w->a);
    set_uuid(w, d, "uuid", "finding", id);
    doc_set_text(w->a, d, "title", doc_text(item, "title_en", ""));
    doc_set_text(w->a, d, "description", "At least one check of a control behind this item failed.");
    doc_set_text(w->a, status, "state", "not-satisfied");
    doc_set_text(w->a, target, "type", "objective-id");
    doc_set_text(w->a, target, "target-id", id);
    doc_set(w->a, target, "status", status);
    doc_set(w->a, d, "target", target);
    set_uuid(w, one, "observation-uuid", "observation", id);
    doc_add(list, one);
    doc_set(w->a, d, "related-observations", list);
    return d;
}

static struct doc *result(struct writing *w, const struct doc *g)
{
    struct doc *d = doc_map(w->a), *observations = doc_list(w->a), *findings = doc_list(w->a), *ids = doc_list(w->a);
    struct doc *selection = doc_map(w->a), *selections = doc_list(w->a), *reviewed = doc_map(w->a);
    char id[140];
    for (const struct doc *i = doc_get(g, "items")->first; i; i = i->next) {
        struct doc *one = doc_map(w->a);
        control_id(i, doc_text(g, "id", ""), id, sizeof id);
        doc_set_text(w->a, one, "control-id", id);
        doc_add(ids, one);
        doc_add(observations, observation(w, i, id));
        if (strcmp(doc_text(i, "state", ""), "failing") == 0) doc_add(findings, finding(w, i, id));
    }
    doc_set(w->a, selection, "include-controls", ids);
    doc_add(selections, selection);
    doc_set(w->a, reviewed, "control-selections", selections);
    set_uuid(w, d, "uuid", "result", doc_text(g, "id", ""));
    doc_set_text(w->a, d, "title", doc_text(g, "title_en", ""));
    doc_set_text(w->a, d, "description", "What backs each item now: measured, declared, stale, unknown or failing.");
    doc_set_text(w->a, d, "start", w->at);
    doc_set(w->a, d, "reviewed-controls", reviewed);
    doc_set(w->a, d, "observations", observations);
    if (findings->count) doc_set(w->a, d, "findings", findings);
    return d;
}

int print_oscal(struct cli *c, const struct doc *guidelines)
{
    struct writing w = { .a = &c->arena };
    struct doc *all = doc_map(w.a), *d = doc_map(w.a), *plan = doc_map(w.a), *results = doc_list(w.a);
    time_text(port_wall_ms(), w.at);
    set_uuid(&w, d, "uuid", "results", w.at);
    doc_set(w.a, d, "metadata", metadata(&w));
    doc_set_text(w.a, plan, "href", "#");
    doc_set_text(w.a, plan, "remarks", "Measured all the time: there is no plan of one occasion.");
    doc_set(w.a, d, "import-ap", plan);
    for (const struct doc *g = guidelines->first; g; g = g->next) doc_add(results, result(&w, g));
    doc_set(w.a, d, "results", results);
    doc_set(w.a, all, "assessment-results", d);
    print_json(all);
    return EXIT_OK;
}
