/* What the residual risk is made of, tried with other inputs, and judged by design before anything runs. The
 * numbers come from the same engine as the site's; here they are only asked for and printed. */
#include <stdio.h>

#include "assurance/insight.h"
#include "assurance/model_value.h"
#include "assurance/sentence.h"
#include "cli/cli.h"
#include "risk/words.h"

struct subject { /* a model, its coverage now and before */
    struct model *model;
    struct assess_inputs *now, *before;
    bool has_before;
    struct insight *insight;
    size_t mission;
    const char *assessment, *as_of;
};

static void subject_free(struct subject *s)
{
    insight_free(s->insight);
    mem_free(s->now);
    mem_free(s->before);
    mem_free(s->model);
}

/* ---- where model and coverage come from ---- */

/* The model as it was signed: the site's view of it without what the view adds. */
static struct doc *as_signed(struct cli *c, const struct doc *view)
{
    static const char *const added[] = { "hash", "at", "signers" };
    struct doc *d = doc_map(&c->arena);
    for (const struct doc *m = view->first; m; m = m->next) {
        bool skip = false;
        for (size_t i = 0; i < sizeof added / sizeof *added; i++) skip |= strcmp(m->key, added[i]) == 0;
        struct doc *own = skip ? NULL : arena_new(&c->arena, sizeof *own);
        if (!own) continue;
        *own = *m;
        own->next = NULL;
        doc_set(&c->arena, d, m->key, own);
    }
    return d;
}

static int model_from_site(struct cli *c, struct model **ret)
{
    const struct doc *d;
    struct model_error error;
    size_t n;
    int code = ask(c, "GET", "/api/v1/model", BYTES_NONE, &d);
    if (code) return code;
    struct model *m = mem_new(sizeof *m);
    outcome o = m ? model_read(as_signed(c, d), m, &error, 1, &n) : REFUSE(E_MEMORY);
    if (ok(o)) *ret = m;
    else mem_free(m);
    return ok(o) ? EXIT_OK : complain(c, EXIT_NOT_FOUND, "SK-1060", cli_say(c, W_NOT_ASSESSABLE), NULL, "sekimori mission apply");
}

int read_assessment(struct cli *c, const char *path, const struct doc **ret)
{
    struct buffer text;
    struct doc *d = NULL;
    int code = read_file(c, path, &text);
    if (code) return code;
    outcome o = doc_read_json(buffer_view(&text), &c->arena, &d);
    buffer_deinit(&text);
    if (!ok(o)) return complain(c, EXIT_CONFIGURATION, "SK-1061", code_word(o.code), path, NULL);
    *ret = doc_get(d, "payload") ? doc_get(d, "payload") : d;
    return EXIT_OK;
}

static int inputs_of(struct cli *c, struct subject *s, const struct doc *now, const struct doc *before)
{
    s->assessment = doc_text(now, "id", "");
    s->as_of = doc_text(now, "as_of", "");
    if (!ok(assess_inputs_read(doc_get(now, "results"), s->model, s->now)))
        return complain(c, EXIT_CONFLICT, "SK-1062", cli_say(c, W_NOT_OF_MODEL), s->assessment, "sekimori assessment list");
    bool same_model = before && strcmp(doc_text(before, "model_hash", ""), doc_text(now, "model_hash", "?")) == 0;
    s->has_before = same_model && ok(assess_inputs_read(doc_get(before, "results"), s->model, s->before));
    return EXIT_OK;
}

static int insight_ready(struct cli *c, struct subject *s)
{
    if (ok(insight_new(s->model, &s->insight))) return EXIT_OK;
    return complain(c, EXIT_CONFIGURATION, "SK-1060", cli_say(c, W_NOT_ASSESSABLE), NULL, NULL);
}

static const char *mission_at(const void *ctx, size_t i)
{
    const struct model *m = ctx;
    return i < m->n_missions ? m->missions[i].id : NULL;
}

static int mission_of(struct cli *c, struct subject *s)
{
    s->mission = c->n_args ? model_mission(s->model, c->args[0]) : 0;
    if (s->mission != SIZE_MAX) return EXIT_OK;
    return complain(c, EXIT_NOT_FOUND, "SK-1063", cli_say(c, W_NO_MISSION), c->args[0],
        model_nearest(c->args[0], mission_at, s->model));
}

static int subject_load(struct cli *c, struct subject *s)
{
    const struct doc *now = NULL, *before = NULL;
    struct doc *tree;
    const char *model = flag(c, "model"), *file = flag(c, "assessment");
    *s = (struct subject) { .now = mem_new(sizeof *s->now), .before = mem_new(sizeof *s->before) };
    if (c->n_args > 1 || !s->now || !s->before) return complain_usage(c);
    if (!model != !file) return need_flag(c, model ? "assessment" : "model");
    int code = model ? read_model(c, model, &tree, &s->model) : model_from_site(c, &s->model);
    if (!code) code = mission_of(c, s);
    if (!code) code = file ? read_assessment(c, file, &now) : ask_assessments(c, NULL, &now, &before);
    if (!code) code = inputs_of(c, s, now, before);
    return code ? code : insight_ready(c, s);
}

int load_assessed(struct cli *c, struct model **ret_model, struct assess_inputs *ret)
{
    struct subject s;
    size_t words = c->n_args;
    c->n_args = 0; /* the words are not a mission */
    int code = subject_load(c, &s);
    c->n_args = words;
    if (!code) {
        *ret = *s.now;
        *ret_model = s.model;
        s.model = NULL;
    }
    subject_free(&s);
    return code;
}

/* ---- printing ---- */

static const char *said_yen(const struct cli *c, const struct doc *d, const char *key)
{
    char name[64];
    snprintf(name, sizeof name, "%s_text", key);
    return doc_said(c, d, name);
}

static void print_steps(struct cli *c, const struct doc *list, enum word title)
{
    printf("%s\n", cli_say(c, title));
    if (!list->count) printf("  %s\n", cli_say(c, W_NOT_MOVED));
    for (const struct doc *s = list->first; s; s = s->next) {
        int64_t yen = doc_int(s, "change_yen", 0), stops = doc_int(s, "change_outages_ppb", 0);
        struct sentence rate;
        printf("  %-6s %s  ", doc_text(s, "id", ""), doc_said(c, s, "name"));
        if (yen) printf("%s%s", yen < 0 ? "−" : "+", said_yen(c, s, "change"));
        sentence_rate(stops < 0 ? -stops : stops, &rate);
        if (!yen && stops) printf("%s: %s%s", cli_say(c, W_STOPS), stops < 0 ? "−" : "+", c->ja ? rate.ja : rate.en);
        printf("\n");
    }
}

static void print_options(struct cli *c, const struct doc *o)
{
    printf("%s\n", cli_say(c, W_OPTIONS));
    for (const struct doc *x = doc_get(o, "alone")->first; x; x = x->next) {
        struct sentence stops;
        sentence_rate(doc_int(x, "outages_ppb", 0), &stops);
        printf("  %-8s %s  %s / −%s / %lld %% / %s / %s%s%s\n", doc_text(x, "id", ""), doc_said(c, x, "name"), said_yen(c, x, "cost"),
            said_yen(c, x, "saved"), (long long)doc_int(x, "rosi_percent", 0), said_yen(c, x, "left"), c->ja ? stops.ja : stops.en,
            doc_bool(x, "duty", false) ? "  " : "", doc_bool(x, "duty", false) ? cli_say(c, W_DUTY) : "");
    }
    static const struct { const char *key; enum word word; } sets[] = { { "net", W_NET }, { "reach", W_REACH } };
    for (size_t i = 0; i < 2; i++) {
        const struct doc *set = doc_get(o, sets[i].key);
        char cost[32];
        if (!set) continue;
        snprintf(cost, sizeof cost, "%s_cost", sets[i].key);
        printf("  %s:", cli_say(c, sets[i].word));
        for (const struct doc *x = set->first; x; x = x->next) printf(" %s", x->text);
        printf("  (%s)\n", said_yen(c, o, cost));
    }
}

static void print_functions(struct cli *c, const struct doc *d)
{
    for (const struct doc *f = doc_get(d, "functions")->first; f; f = f->next)
        printf("  %s: %s %s – %s; %s %.1f – %.1f\n", doc_said(c, f, "name"), cli_say(c, W_STOPS), doc_said(c, f, "outage_expected"),
            doc_said(c, f, "outage_decision"), cli_say(c, W_HOURS_LOST), (double)doc_int(f, "hours_expected_mille", 0) / 1000,
            (double)doc_int(f, "hours_decision_mille", 0) / 1000);
}

static void print_threats(struct cli *c, const struct doc *d)
{
    printf("%s\n", cli_say(c, W_THREATS));
    for (const struct doc *t = doc_get(d, "threats")->first; t; t = t->next)
        printf("  %s %-4s %s  %lld %%  %s  (%s)\n", doc_text(t, "rank", ""), doc_text(t, "id", ""), doc_said(c, t, "name"),
            (long long)doc_int(t, "bypass_ppb", 0) / 10000000, said_yen(c, t, "decision"), doc_said(c, t, "nist_800_30_i2"));
}

static void print_figures(struct cli *c, const struct doc *d)
{
    printf("%s\n", doc_said(c, d, "sentence"));
    printf("%s: %s %s → %s %s → %s %s  [%s %s]  %s\n", cli_say(c, W_CAUTIOUS), cli_say(c, W_INHERENT), said_yen(c, d, "inherent"),
        cli_say(c, W_RESIDUAL), said_yen(c, d, "residual"), cli_say(c, W_POTENTIAL), said_yen(c, d, "potential"),
        cli_say(c, W_TOLERANCE), said_yen(c, d, "tolerance"), cli_say(c, doc_bool(d, "within", false) ? W_WITHIN : W_OVER));
    printf("%s: %s   %s %lld / %lld / %lld %%\n", cli_say(c, W_EXPECTED), said_yen(c, d, "expected"), cli_say(c, W_SHARE),
        (long long)doc_int(d, "measured_mille", 0) / 10, (long long)doc_int(d, "declared_mille", 0) / 10,
        (long long)doc_int(d, "default_mille", 0) / 10);
    print_functions(c, d);
}

static void print_insight(struct cli *c, const struct doc *d)
{
    print_figures(c, d);
    print_steps(c, doc_get(d, "steps"), W_STEPS);
    if (doc_get(d, "moved")) print_steps(c, doc_get(d, "moved"), W_MOVED);
    printf("%s\n", cli_say(c, W_HANGS_ON));
    size_t shown = 0;
    for (const struct doc *s = doc_get(d, "hangs_on")->first; s && shown < 5; s = s->next, shown++)
        printf("  %-6s %s (%s)  %s – %s\n", doc_text(s, "id", ""), doc_said(c, s, "name"), doc_said(c, s, "kind"),
            said_yen(c, s, "good"), said_yen(c, s, "bad"));
    if (doc_get(d, "options")) print_options(c, doc_get(d, "options"));
    printf("%s: %s\n", cli_say(c, W_SPEND), said_yen(c, d, "spend_at_most"));
    print_threats(c, d);
}

/* --budget 300万: the best set of options a year's money buys. */
static int plan_set(struct cli *c, struct subject *s, struct doc *d)
{
    const char *text = flag(c, "budget");
    int64_t budget;
    struct insight_plan p;
    struct sentence cost, left, stops;
    if (!text) return EXIT_OK;
    struct model_reader r = { .errors = NULL };
    if (!model_value_yen(&r, doc_text_new(&c->arena, text), "budget", &budget)) return complain(c, EXIT_USAGE, "SK-1066", cli_say(c, W_BUDGET_IS), text, NULL);
    outcome o = insight_budget(s->insight, s->mission, s->now, budget, &p);
    if (!ok(o)) return complain(c, EXIT_USAGE, "SK-1067", cli_say(c, o.code == E_RANGE ? W_BUDGET_DUTIES : W_BUDGET_MANY), text, NULL);
    struct doc *plan = doc_map(&c->arena), *list = doc_list(&c->arena);
    sentence_yen(p.cost_yen, &cost), sentence_yen(p.decision_yen, &left), sentence_rate(p.outage_ppb, &stops);
    for (size_t i = 0; i < s->model->n_options; i++)
        if (p.options >> i & 1) doc_add(list, doc_text_new(&c->arena, s->model->options[i].id));
    doc_set_int(&c->arena, plan, "budget_yen", budget);
    doc_set(&c->arena, plan, "options", list);
    doc_set_int(&c->arena, plan, "cost_yen", p.cost_yen);
    doc_set_int(&c->arena, plan, "left_yen", p.decision_yen);
    doc_set_int(&c->arena, plan, "outages_ppb", p.outage_ppb);
    doc_set_int(&c->arena, plan, "hours_mille", p.hours_ppb / 1000000);
    doc_set_text(&c->arena, plan, "cost_text_ja", cost.ja), doc_set_text(&c->arena, plan, "cost_text_en", cost.en);
    doc_set_text(&c->arena, plan, "left_text_ja", left.ja), doc_set_text(&c->arena, plan, "left_text_en", left.en);
    doc_set_text(&c->arena, plan, "outages_text_ja", stops.ja), doc_set_text(&c->arena, plan, "outages_text_en", stops.en);
    doc_set(&c->arena, d, "plan", plan);
    return EXIT_OK;
}

static void print_plan(struct cli *c, const struct doc *p)
{
    if (!p) return;
    printf("%s %s:", cli_say(c, W_BUDGET_PLAN), flag(c, "budget"));
    for (const struct doc *x = doc_get(p, "options")->first; x; x = x->next) printf(" %s", x->text);
    printf("  (%s / %s / %s %s)\n", said_yen(c, p, "cost"), said_yen(c, p, "left"), cli_say(c, W_STOPS), doc_said(c, p, "outages_text"));
}

int cmd_risk_show(struct cli *c)
{
    struct subject s;
    int code = subject_load(c, &s);
    struct doc *d = code ? NULL : insight_doc(s.insight, s.mission, s.now, s.has_before ? s.before : NULL, &c->arena);
    if (!code && !d) code = EXIT_FAILED;
    if (!code) code = plan_set(c, &s, d);
    if (!code) {
        doc_set_text(&c->arena, d, "assessment", s.assessment);
        doc_set_text(&c->arena, d, "as_of", s.as_of);
        if (c->json) print_json(d);
        else {
            printf("%s  %s %s %s\n", doc_said(c, d, "name"), s.assessment, cli_say(c, W_ASOF), s.as_of);
            print_insight(c, d);
            print_plan(c, doc_get(d, "plan"));
        }
    }
    subject_free(&s);
    return code;
}

/* ---- what if ---- */

static const char *input_at(const void *ctx, size_t i)
{
    const struct model *m = ctx;
    if (i < m->n_controls) return m->controls[i].id;
    i -= m->n_controls;
    return i < m->n_threats ? m->threats[i].id : NULL;
}

/* "0.95" or "1" in ppb. */
static bool share_of(const char *text, int64_t *ret)
{
    int64_t v = 0, scale = RISK_PPB;
    bool point = false;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || scale == 1) return false;
        v = v * 10 + (*text - '0') * (int64_t)1;
        if (point) scale /= 10;
        if (v > RISK_PPB) return false;
    }
    *ret = v * scale;
    return *ret <= RISK_PPB;
}

static int bad_set(struct cli *c, struct subject *s, const char *text, const char *id)
{
    const char *meant = model_nearest(id, input_at, s->model);
    return complain(c, EXIT_USAGE, "SK-1064", cli_say(c, W_SET_WHAT), text, meant);
}

static int set_one(struct cli *c, struct subject *s, const char *text)
{
    char id[MODEL_ID] = "";
    const char *is = strchr(text, '=');
    int64_t share;
    if (!is || (size_t)(is - text) >= sizeof id) return bad_set(c, s, text, text);
    memcpy(id, text, (size_t)(is - text));
    size_t control = model_control(s->model, id), threat = model_threat(s->model, id);
    if (control != SIZE_MAX && share_of(is + 1, &share)) {
        struct evidence_coverage *v = &s->now->coverage[control];
        struct risk_coverage r = risk_cover(share, 0);
        v->p_ppb = share, v->f_ppb = 0, v->proven_ppb = r.proven, v->expected_ppb = r.expected;
        for (size_t k = 0; k < s->model->controls[control].n_scope; k++) {
            size_t at = model_alternative(s->model, s->model->controls[control].scope[k]);
            if (at != SIZE_MAX) s->now->alternatives[at][RISK_EXPECTED] = r.expected, s->now->alternatives[at][RISK_DECISION] = r.proven;
        }
        return EXIT_OK;
    }
    if (threat != SIZE_MAX && ok(risk_frequency(is + 1, s->model->threats[threat].rate_ppb))) return EXIT_OK;
    return bad_set(c, s, text, id);
}

static int buy_one(struct cli *c, struct subject *s, const char *id)
{
    size_t at = model_option(s->model, id);
    if (at == SIZE_MAX) return complain(c, EXIT_USAGE, "SK-1065", cli_say(c, W_NO_OPTION), id, "sekimori risk show");
    insight_buy(s->model, (uint64_t)1 << at, s->now);
    return EXIT_OK;
}

static int try_inputs(struct cli *c, struct subject *s)
{
    const char *text;
    int code = EXIT_OK;
    for (size_t k = 0; !code && (text = flag_nth(c, "set", k)); k++) code = set_one(c, s, text);
    for (size_t k = 0; !code && (text = flag_nth(c, "buy", k)); k++) code = buy_one(c, s, text);
    if (code) return code;
    insight_free(s->insight); /* rates may be others now */
    s->insight = NULL;
    return insight_ready(c, s);
}

int cmd_risk_what_if(struct cli *c)
{
    struct subject s;
    if (!flag(c, "set") && !flag(c, "buy")) return need_flag(c, "set");
    int code = subject_load(c, &s);
    struct doc *was = code ? NULL : insight_doc(s.insight, s.mission, s.now, NULL, &c->arena), *is = NULL, *both;
    if (!code) {
        *s.before = *s.now;
        code = try_inputs(c, &s);
    }
    if (!code) is = insight_doc(s.insight, s.mission, s.now, s.before, &c->arena);
    if (!code && (!was || !is)) code = EXIT_FAILED;
    if (!code && c->json) {
        both = doc_map(&c->arena);
        doc_set(&c->arena, both, "as_is", was);
        doc_set(&c->arena, both, "tried", is);
        print_json(both);
    } else if (!code) {
        printf("[%s]\n", cli_say(c, W_AS_IS));
        print_figures(c, was);
        printf("[%s]\n", cli_say(c, W_TRIED));
        print_figures(c, is);
        print_steps(c, doc_get(is, "moved"), W_TRIED);
        printf("%s\n", cli_say(c, W_DRY_RUN));
    }
    subject_free(&s);
    return code;
}

/* ---- by design ---- */

static void set_ids(struct cli *c, struct doc *d, const char *key, const struct model *m, uint64_t controls)
{
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < m->n_controls; i++)
        if (controls >> i & 1) doc_add(list, doc_text_new(&c->arena, m->controls[i].id));
    doc_set(&c->arena, d, key, list);
}

static struct doc *expired_suppliers(struct cli *c, const struct model *m)
{
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < m->n_suppliers; i++)
        if (m->suppliers[i].expires_ms < port_wall_ms()) doc_add(list, doc_text_new(&c->arena, m->suppliers[i].id));
    return list;
}

static uint64_t all_controls(const struct model *m)
{
    return m->n_controls == 64 ? UINT64_MAX : ((uint64_t)1 << m->n_controls) - 1;
}

/* Inherent, then as designed, per mission; then what cannot be left out. */
static struct doc *check_doc(struct cli *c, struct subject *s, bool *ret_within)
{
    const struct model *m = s->model;
    struct arena *a = &c->arena;
    struct doc *d = doc_map(a), *missions = doc_list(a);
    uint64_t set = 0;
    bool exact = false;
    insight_nothing(m, s->before);
    insight_design(m, all_controls(m), s->now);
    *ret_within = true;
    for (size_t i = 0; i < m->n_missions; i++) {
        struct doc *x = doc_map(a);
        doc_set(a, x, "inherent", insight_doc(s->insight, i, s->before, NULL, a));
        doc_set(a, x, "designed", insight_doc(s->insight, i, s->now, NULL, a));
        *ret_within = *ret_within && doc_bool(doc_get(x, "designed"), "within", false);
        doc_add(missions, x);
    }
    bool enough = ok(insight_required(s->insight, &set, &exact));
    doc_set(a, d, "missions", missions);
    doc_set_bool(a, d, "within", *ret_within);
    if (enough) set_ids(c, d, "required", m, set);
    if (enough) set_ids(c, d, "beyond", m, all_controls(m) & ~set);
    doc_set_bool(a, d, "cheapest", exact);
    doc_set(a, d, "suppliers_expired", expired_suppliers(c, m));
    return d;
}

static void print_check(struct cli *c, const struct model *m, const struct doc *d)
{
    for (const struct doc *x = doc_get(d, "missions")->first; x; x = x->next) {
        const struct doc *was = doc_get(x, "inherent"), *is = doc_get(x, "designed");
        printf("%s\n  %s: %s\n  %s: %s  [%s %s]  %s\n", doc_said(c, is, "name"), cli_say(c, W_INHERENT), said_yen(c, was, "residual"),
            cli_say(c, W_DESIGNED), said_yen(c, is, "residual"), cli_say(c, W_TOLERANCE), said_yen(c, is, "tolerance"),
            cli_say(c, doc_bool(is, "within", false) ? W_WITHIN : W_OVER));
        print_functions(c, is);
        print_threats(c, was);
    }
    const struct doc *set = doc_get(d, "required");
    if (!set) printf("%s\n", cli_say(c, W_NOT_ENOUGH));
    else if (!set->count) printf("%s\n", cli_say(c, W_NONE_NEEDED));
    else printf("%s %s\n", cli_say(c, W_REQUIRED), cli_say(c, doc_bool(d, "cheapest", false) ? W_REQUIRED_SMALL : W_REQUIRED_LEAN));
    for (const struct doc *id = set ? set->first : NULL; id; id = id->next) {
        const struct model_text *name = &m->controls[model_control(m, id->text)].name;
        printf("  %-6s %s\n", id->text, c->ja ? name->ja : name->en);
    }
    for (const struct doc *id = doc_get(d, "suppliers_expired")->first; id; id = id->next)
        printf("%s: %s\n", cli_say(c, W_SUPPLIER_OVER), id->text);
    printf("%s\n", cli_say(c, W_YEARLY_RISK));
}

int cmd_risk_check(struct cli *c)
{
    struct doc *tree, *d = NULL;
    bool within = false;
    if (c->n_args != 1) return complain_usage(c);
    struct subject s = { .now = mem_new(sizeof *s.now), .before = mem_new(sizeof *s.before) };
    int code = s.now && s.before ? read_model(c, c->args[0], &tree, &s.model) : EXIT_FAILED;
    if (!code) code = insight_ready(c, &s);
    if (!code && !(d = check_doc(c, &s, &within))) code = EXIT_FAILED;
    if (!code && c->json) print_json(d);
    else if (!code) print_check(c, s.model, d);
    subject_free(&s);
    return code ? code : within ? EXIT_OK : EXIT_LIMITED;
}
