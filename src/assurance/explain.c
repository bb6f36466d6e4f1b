/* `sekimori why`, below a limit: from what is withheld down to who may change it. */
#include "assurance/state.h"

#include <stdio.h>

struct text { const char *ja, *en; };

struct rows {
    struct assurance *a;
    struct arena *arena;
    struct doc *list;
    int64_t now_ms;
};

/* How deep a step stands in the tree: below the limit its decision and condition, below those who signed and what was found. */
static int level_of(const char *step)
{
    static const char *const deep[] = { "evidence", "signer", "authority" };
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++)
        if (strcmp(step, deep[i]) == 0) return 2;
    return 1;
}

/* ref, may be NULL: what stands in the record, "decision:D-1"; found there by whoever keeps it. */
static void row_of(const struct rows *r, const char *step, const char *result, const struct text *text, const char *ref)
{
    struct doc *d = doc_map(r->arena);
    doc_set_text(r->arena, d, "step", step);
    doc_set_int(r->arena, d, "level", level_of(step));
    if (ref) doc_set_text(r->arena, d, "ref", ref);
    doc_set_text(r->arena, d, "result", result);
    set_both(r->arena, d, "text", text->ja, text->en);
    doc_add(r->list, d);
}

static void row(const struct rows *r, const char *step, const char *result, const char *ja, const char *en)
{
    row_of(r, step, result, &(struct text) { ja, en }, NULL);
}

static const struct { const char *ja, *en; } method_rows[FACT_METHODS] = {
    [FACT_BY_GATE] = { "自らの接続ゲートウェイで観測", "seen by our own gate" },
    [FACT_BY_QUOTE] = { "TPMの署名つき証明", "a TPM's signed quote" },
    [FACT_BY_AGENT] = { "機器の署名つき報告", "the device's signed report" },
    [FACT_BY_THIRD] = { "第三者の報告", "a third party's report" },
    [FACT_BY_PEER] = { "連携先の表明", "a peer's statement" },
    [FACT_BY_DECLARATION] = { "人の申告", "a person's declaration" },
};

static void limit_row(const struct rows *r, size_t at)
{
    const struct limit *l = &r->a->limits.rows[at];
    struct doc *view = view_limit(r->a, at, r->now_ms, r->arena);
    char since[TIME_TEXT], ja[1400], en[1400], ref[LIMIT_ID_MAX + 8];
    time_text(l->since_ms, since);
    (void)snprintf(ja, sizeof ja, "制限 %s（%s から）：%s%s", l->id, since, doc_text(view, "text_ja", ""),
        doc_text(view, "withholds_ja", ""));
    (void)snprintf(en, sizeof en, "limit %s (since %s): %s %s", l->id, since, doc_text(view, "text_en", ""),
        doc_text(view, "withholds_en", ""));
    (void)snprintf(ref, sizeof ref, "limit:%s", l->id);
    row_of(r, "limit", l->enforced ? decision_mode_word(l->mode) : "observed", &(struct text) { ja, en }, ref);
}

static void condition_row(const struct rows *r, size_t at)
{
    const struct limit *l = &r->a->limits.rows[at];
    const struct limit_note *n = &r->a->limits.notes[at];
    struct doc *view = view_limit(r->a, at, r->now_ms, r->arena);
    const struct rule *rule = rule_find(r->a, n->condition_id, l->stream);
    char ja[600], en[600];
    (void)snprintf(ja, sizeof ja, "条件 %s「%s」：%s（データ種別 %s）", n->condition_id, doc_text(view, "name_ja", ""),
        l->condition, l->stream);
    (void)snprintf(en, sizeof en, "condition %s \"%s\": %s, as the model says: %s (stream %s)", n->condition_id,
        doc_text(view, "name_en", ""), l->condition, rule ? rule->text : "-", l->stream);
    row(r, "condition", doc_text(view, "state", "broken"), ja, en);
}

static void evidence_text(const struct rows *r, const struct limit_cause *c, const char *when_ja, const char *when_en)
{
    const struct model *m = r->a->model;
    size_t at = m ? model_control(m, c->control) : SIZE_MAX;
    const struct model_control *k = at != SIZE_MAX ? &m->controls[at] : NULL;
    char time[TIME_TEXT] = "-", ja[900], en[900], ref[FACT_CONTROL_MAX + FACT_ASSET_MAX + 16];
    if (c->at_ms) time_text(c->at_ms, time);
    bool counted = !c->at_ms && c->result != EVIDENCE_UNKNOWN; /* a coverage: no single check */
    const char *how_ja = c->at_ms ? method_rows[c->method].ja : counted ? "対象全体の集計" : "確認なし";
    const char *how_en = c->at_ms ? method_rows[c->method].en : counted ? "a count over the scope" : "nobody yet";
    long long fresh = k ? (long long)(k->fresh_ms / MS_HOUR) : 24, stale = k ? (long long)(k->stale_ms / MS_HOUR) : 72;
    (void)snprintf(ja, sizeof ja,
        "%s %s（%s）%s：%s%s%s。確認 %s、方法 %s。基準：%lld時間以内の合格（%lld時間で無効）、不合格は新しい合格まで消えない",
        when_ja, c->control, k ? k->name.ja : "", c->asset, evidence_state_word_ja(c->result), c->detail[0] ? "・" : "",
        c->detail, time, how_ja, fresh, stale);
    (void)snprintf(en, sizeof en,
        "%s: %s (%s) of %s: %s%s%s; checked %s by %s. Norm: a pass not older than %lld h (void after %lld h); a fail "
        "stands until a newer pass",
        when_en, c->control, k ? k->name.en : "", c->asset, evidence_state_word(c->result), c->detail[0] ? ", " : "",
        c->detail, time, how_en, fresh, stale);
    (void)snprintf(ref, sizeof ref, "evidence:%s/%s", c->control, c->asset);
    row_of(r, "evidence", evidence_state_word(c->result), &(struct text) { ja, en }, ref);
}

/* What broke it, and, when that changed, how it stands now. */
static void evidence_rows(const struct rows *r, size_t at)
{
    const struct limit_note *n = &r->a->limits.notes[at];
    if (!n->cause.control[0]) return;
    evidence_text(r, &n->cause, "破れた理由", "what broke it");
    size_t k = r->a->model ? model_control(r->a->model, n->cause.control) : SIZE_MAX;
    if (k == SIZE_MAX) return;
    const struct model_control *c = &r->a->model->controls[k];
    struct evidence_row now;
    evidence_look(r->a->evidence, c->id, n->cause.asset, c->fresh_ms, c->stale_ms, r->now_ms, &now);
    if (!n->cause.at_ms || now.at_ms == n->cause.at_ms || now.state == EVIDENCE_UNKNOWN) return;
    struct limit_cause later = { .result = now.state, .method = now.method, .at_ms = now.at_ms };
    memcpy(later.control, n->cause.control, sizeof later.control);
    memcpy(later.asset, n->cause.asset, sizeof later.asset);
    memcpy(later.detail, now.detail, sizeof later.detail);
    evidence_text(r, &later, "現在", "now");
}

static void decision_rows(const struct rows *r, const struct case_file *c)
{
    struct doc *view = view_case(r->a, c, r->arena, r->now_ms);
    char ja[900], en[900], ref[DECISION_ID + 16];
    (void)snprintf(ja, sizeof ja, "%s。根拠 評価 %s。理由：%s", doc_text(view, "text_ja", ""), c->decision.assessment_id,
        c->decision.reason.ja);
    (void)snprintf(en, sizeof en, "%s; rests on assessment %s; reason: %s", doc_text(view, "text_en", ""),
        c->decision.assessment_id, c->decision.reason.en);
    (void)snprintf(ref, sizeof ref, "decision:%s", c->decision.id);
    row_of(r, "decision", doc_text(view, "state", ""), &(struct text) { ja, en }, ref);
    for (unsigned i = 0; i < CHARTER_ROLES; i++) {
        enum charter_role role = (enum charter_role)i;
        if (!(c->by.roles & 1u << i)) continue;
        (void)snprintf(ja, sizeof ja, "%s%sが署名（鍵 %.16s…）", charter_role_ja(role), c->by.deputies & 1u << i ? "の代理" : "", c->by.key_ids[i]);
        (void)snprintf(en, sizeof en, "signed by the %s%s (key %.16s...)", charter_role_en(role), c->by.deputies & 1u << i ? "'s deputy" : "", c->by.key_ids[i]);
        row(r, "signer", charter_role_word(role), ja, en);
    }
    (void)snprintf(ja, sizeof ja, "権限：%s の憲章が三つの役割の鍵を定めています。管理者は変えられません。", r->a->charter.site);
    (void)snprintf(en, sizeof en, "authority: the charter of %s names the three roles' keys; no administrator can change "
        "it", r->a->charter.site);
    row(r, "authority", "charter", ja, en);
}

static void end_rows(const struct rows *r, size_t at)
{
    const struct limit *l = &r->a->limits.rows[at];
    const struct limit_note *n = &r->a->limits.notes[at];
    bool automatic = n->loosen == DECISION_LOOSEN_AUTO;
    struct doc *view = view_limit(r->a, at, r->now_ms, r->arena);
    char until[TIME_TEXT] = "", ja[500], en[500];
    if (l->until_ms != NO_END_MS) time_text(l->until_ms, until);
    (void)snprintf(ja, sizeof ja, "終わり：条件が元に戻り、%s%s%s", automatic ? "定めた時間が過ぎたとき自動で" : "二人が署名したとき",
        until[0] ? "。判断の期限 " : "", until);
    (void)snprintf(en, sizeof en, "it ends when the condition holds again and %s%s%s",
        automatic ? "the agreed time has passed" : "two people sign", until[0] ? "; the decision ends " : "", until);
    row(r, "end", automatic ? "auto" : "two", ja, en);
    row(r, "appeal", "release", doc_text(view, "next_ja", ""), doc_text(view, "next_en", ""));
}

void assurance_explain(struct assurance *a, const char *limit_id, struct arena *arena, struct doc *list, int64_t now_ms)
{
    struct rows r = { a, arena, list, now_ms };
    size_t at = limits_find_id(&a->limits, limit_id);
    if (at == SIZE_MAX) return;
    limit_row(&r, at);
    condition_row(&r, at);
    evidence_rows(&r, at);
    const struct case_file *c = case_find(a, a->limits.rows[at].decision);
    if (c) decision_rows(&r, c);
    end_rows(&r, at);
}
