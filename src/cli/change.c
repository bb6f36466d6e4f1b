/* What a new model would change, before it is applied: figures with the evidence there is, conditions, and which
 * evidence would no longer count. From the site, or from files. */
#include <stdio.h>

#include "assurance/decision.h"
#include "assurance/insight.h"
#include "assurance/model_value.h"
#include "assurance/sentence.h"
#include "cli/cli.h"

struct change {
    struct model *was, *is;
    struct assess_inputs *before, *after;
    struct insight *old, *new;
};

static bool same_scope(const struct model_control *a, const struct model_control *b)
{
    if (a->n_scope != b->n_scope) return false;
    for (size_t i = 0; i < a->n_scope; i++)
        if (model_find(b->scope, b->n_scope, sizeof *b->scope, a->scope[i]) == SIZE_MAX) return false;
    return true;
}

/* Evidence of a control counts on when its scope is the same; otherwise nothing of it is proven yet. */
static void carry(struct cli *c, const struct change *x, struct doc *lost)
{
    for (size_t i = 0; i < x->is->n_controls; i++) {
        size_t at = model_control(x->was, x->is->controls[i].id);
        if (at != SIZE_MAX && same_scope(&x->was->controls[at], &x->is->controls[i])) x->after->coverage[i] = x->before->coverage[at];
        else doc_add(lost, doc_text_new(&c->arena, x->is->controls[i].id));
    }
    for (size_t i = 0; i < x->is->n_alternatives; i++) {
        size_t at = model_alternative(x->was, x->is->alternatives[i].id);
        if (at != SIZE_MAX) memcpy(x->after->alternatives[i], x->before->alternatives[at], sizeof x->after->alternatives[i]);
    }
}

static void set_figures(struct cli *c, struct doc *d, const char *prefix, const struct assess_mission *m)
{
    char key[48];
    snprintf(key, sizeof key, "%s_yen", prefix);
    doc_set_int(&c->arena, d, key, m->figure[RISK_DECISION].residual_yen);
    snprintf(key, sizeof key, "%s_outages_ppb", prefix);
    doc_set_int(&c->arena, d, key, m->figure[RISK_DECISION].outage_ppb);
    snprintf(key, sizeof key, "%s_within", prefix);
    doc_set_bool(&c->arena, d, key, m->within);
}

static struct doc *missions_doc(struct cli *c, struct change *x, bool *ret_worse)
{
    struct doc *list = doc_list(&c->arena);
    const struct assessment *old = insight_of(x->old, x->before), *new = insight_of(x->new, x->after);
    for (size_t i = 0; i < x->is->n_missions; i++) {
        size_t at = model_mission(x->was, x->is->missions[i].id);
        struct doc *d = doc_map(&c->arena);
        doc_set_text(&c->arena, d, "id", x->is->missions[i].id);
        doc_set_text(&c->arena, d, "name_ja", x->is->missions[i].name.ja);
        doc_set_text(&c->arena, d, "name_en", x->is->missions[i].name.en);
        if (at != SIZE_MAX) set_figures(c, d, "before", &old->missions[at]);
        set_figures(c, d, "after", &new->missions[i]);
        if ((at == SIZE_MAX || old->missions[at].within) && !new->missions[i].within) *ret_worse = true;
        doc_add(list, d);
    }
    return list;
}

static void add_condition(struct cli *c, struct doc *list, const char *what, const struct model_condition *k)
{
    struct doc *d = doc_map(&c->arena);
    doc_set_text(&c->arena, d, "change", what);
    doc_set_text(&c->arena, d, "id", k->id);
    doc_set_text(&c->arena, d, "when", k->text);
    doc_set_text(&c->arena, d, "stream", k->stream);
    doc_set_text(&c->arena, d, "mode", decision_mode_word(k->mode));
    doc_add(list, d);
}

static struct doc *conditions_doc(struct cli *c, const struct change *x)
{
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < x->is->n_conditions; i++) {
        const struct model_condition *k = &x->is->conditions[i];
        size_t at = model_condition(x->was, k->id);
        const struct model_condition *old = at == SIZE_MAX ? NULL : &x->was->conditions[at];
        bool same = old && strcmp(old->text, k->text) == 0 && strcmp(old->stream, k->stream) == 0 && old->mode == k->mode;
        if (!same) add_condition(c, list, old ? "changed" : "new", k);
    }
    for (size_t i = 0; i < x->was->n_conditions; i++)
        if (model_condition(x->is, x->was->conditions[i].id) == SIZE_MAX) add_condition(c, list, "gone", &x->was->conditions[i]);
    return list;
}

static void print_change(struct cli *c, const struct doc *d)
{
    struct sentence s;
    for (const struct doc *m = doc_get(d, "missions")->first; m; m = m->next) {
        printf("%s: ", doc_said(c, m, "name"));
        sentence_yen(doc_int(m, "before_yen", 0), &s);
        if (doc_get(m, "before_yen")) printf("%s → ", c->ja ? s.ja : s.en);
        sentence_yen(doc_int(m, "after_yen", 0), &s);
        printf("%s  %s", c->ja ? s.ja : s.en, cli_say(c, doc_bool(m, "after_within", false) ? W_WITHIN : W_OVER));
        sentence_rate(doc_int(m, "after_outages_ppb", 0), &s);
        printf("  %s %s\n", cli_say(c, W_STOPS), c->ja ? s.ja : s.en);
    }
    static const struct { const char *change; enum word word; } rows[] = { { "new", W_NEW }, { "changed", W_CHANGED }, { "gone", W_GONE } };
    for (const struct doc *k = doc_get(d, "conditions")->first; k; k = k->next)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (strcmp(rows[i].change, doc_text(k, "change", "")) == 0)
                printf("  %s %s: %s  %s  %s\n", cli_say(c, rows[i].word), doc_text(k, "id", ""), doc_text(k, "when", ""), doc_text(k, "stream", ""),
                    doc_text(k, "mode", ""));
    if (!doc_get(d, "conditions")->count) printf("  %s\n", cli_say(c, W_CONDITIONS_SAME));
    if (doc_get(d, "evidence_lost")->count) printf("%s:", cli_say(c, W_EVIDENCE_LOST));
    for (const struct doc *id = doc_get(d, "evidence_lost")->first; id; id = id->next) printf(" %s%s", id->text, id->next ? "" : "\n");
}

static int compare(struct cli *c, struct change *x)
{
    struct doc *d = doc_map(&c->arena), *lost = doc_list(&c->arena);
    bool worse = false;
    if (!ok(insight_new(x->was, &x->old)) || !ok(insight_new(x->is, &x->new))) return EXIT_FAILED;
    carry(c, x, lost);
    doc_set(&c->arena, d, "missions", missions_doc(c, x, &worse));
    doc_set(&c->arena, d, "conditions", conditions_doc(c, x));
    doc_set(&c->arena, d, "evidence_lost", lost);
    if (c->json) print_json(d);
    else print_change(c, d);
    return worse ? EXIT_LIMITED : EXIT_OK;
}

static int new_model(struct cli *c, const struct doc *tree, struct model **ret)
{
    struct model_error error = { 0 };
    size_t n;
    struct model *m = mem_new(sizeof *m);
    outcome o = m ? model_read(tree, m, &error, 1, &n) : REFUSE(E_MEMORY);
    if (ok(o)) *ret = m;
    else mem_free(m);
    return ok(o) ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1022", error.text, NULL, NULL);
}

int show_model_change(struct cli *c, const struct doc *tree)
{
    struct change x = { .before = mem_new(sizeof *x.before), .after = mem_new(sizeof *x.after) };
    int code = x.before && x.after ? new_model(c, tree, &x.is) : EXIT_FAILED;
    if (!code) code = load_assessed(c, &x.was, x.before);
    if (!code) code = compare(c, &x);
    insight_free(x.old);
    insight_free(x.new);
    mem_free(x.before);
    mem_free(x.after);
    mem_free(x.was);
    mem_free(x.is);
    return code;
}
