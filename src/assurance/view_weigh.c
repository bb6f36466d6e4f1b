/* A limit weighed: the risk it avoids against the service it withholds (utility). From the model's own answers only; where they do
 * not say enough, nothing is claimed. It weighs, it decides nothing. */
#include "assurance/state.h"

#include <stdio.h>

#define WITHHELD_NOTHING 0u
#define WITHHELD_AROUND 100u    /* a work-around serves meanwhile: as in the edges of the model */

struct weight {
    struct assess_stake stake;      /* avoided, given the event the limit answers */
    uint32_t withheld_mille;        /* of the mission's service, at most */
    int64_t yen_an_hour;            /* withheld; 0 = the model states no utility, or nothing is withheld */
    int64_t lasts_min;              /* how long it may stand before it withholds more than it avoids; -1 = no limit to that */
};

static const struct model_mission *mission_of(const struct assurance *a, const struct limit *row)
{
    const struct case_file *c = case_find(a, row->decision);
    size_t at = c ? model_mission(a->model, c->decision.mission) : a->model->n_missions == 1 ? 0 : SIZE_MAX;
    return at == SIZE_MAX ? NULL : &a->model->missions[at];
}

/* The worst edge from the asset's group to a function: what withholding its commands may cost at most. */
static uint32_t edge_mille(const struct assurance *a, const char *asset)
{
    const char *group = evidence_group(a->evidence, a->model, asset);
    uint32_t worst = 0;
    for (size_t i = 0; i < a->model->n_functions; i++)
        for (size_t k = 0; k < a->model->functions[i].n_depends; k++) {
            const struct model_function *f = &a->model->functions[i];
            if (strcmp(f->depends[k], group) != 0) continue;
            uint32_t effect = *f->by[k] ? WITHHELD_AROUND : f->effect_mille[k];
            worst = effect > worst ? effect : worst;
        }
    return worst;
}

static bool weigh(const struct assurance *a, size_t at, struct weight *ret)
{
    const struct limit *row = &a->limits.rows[at];
    const char *asset = row->device[0] ? row->device : a->limits.notes[at].cause.asset;
    const struct model_mission *m = a->model && asset[0] ? mission_of(a, row) : NULL;
    if (!m) return false;
    *ret = (struct weight) { .lasts_min = -1 };
    assess_at_stake(a->model, a->evidence, &asset, 1, &ret->stake);
    if (ret->stake.n_functions == 0) return false;
    ret->withheld_mille = row->mode == LIMIT_FLAG ? WITHHELD_NOTHING : edge_mille(a, asset);
    ret->yen_an_hour = (int64_t)((__int128)m->utility_yen * ret->withheld_mille / 1000);
    if (ret->yen_an_hour > 0) ret->lasts_min = (int64_t)((__int128)ret->stake.loss_yen * 60 / ret->yen_an_hour);
    return true;
}

static void put_lasting(const struct weight *w, char *ja, char *en, size_t size)
{
    long long hours = (long long)(w->lasts_min / 60);
    if (w->withheld_mille == WITHHELD_NOTHING) {
        (void)snprintf(ja, size, "差し控えるサービスはありません");
        (void)snprintf(en, size, "No service is withheld");
    } else if (w->lasts_min < 0) {
        (void)snprintf(ja, size, "差し控えるサービスは最大 %u %%（1時間あたりの価値 utility が未設定のため比べません）", w->withheld_mille / 10);
        (void)snprintf(en, size, "At most %u %% of the service is withheld (the model states no utility, so they are not compared)", w->withheld_mille / 10);
    } else {
        (void)snprintf(ja, size, "差し控えるサービスは最大 %u %%。およそ %lld 時間続くまでは、避けるリスクのほうが大きい", w->withheld_mille / 10, hours);
        (void)snprintf(en, size, "At most %u %% of the service is withheld; until it has stood for about %lld h it avoids more than it withholds", w->withheld_mille / 10, hours);
    }
}

struct doc *view_weight(const struct assurance *a, size_t at, int64_t now_ms, struct arena *arena)
{
    struct weight w;
    struct sentence loss;
    char lasts_ja[400], lasts_en[400], ja[1300], en[1300];
    if (!weigh(a, at, &w)) return NULL;
    struct doc *d = doc_map(arena);
    bool over = w.lasts_min >= 0 && now_ms - a->limits.rows[at].since_ms > w.lasts_min * MS_MINUTE;
    sentence_money(w.stake.loss_yen, &loss);
    put_lasting(&w, lasts_ja, lasts_en, sizeof lasts_ja);
    (void)snprintf(ja, sizeof ja, "避けるリスク：起きれば平均 %s（約 %u 世帯）。%s。%s", loss.ja, w.stake.customers, lasts_ja,
        over ? "いまは失うサービスのほうが大きくなっています：見直してください。" : "");
    (void)snprintf(en, sizeof en, "Risk avoided: %s on average if it happens (about %u households). %s.%s", loss.en, w.stake.customers, lasts_en,
        over ? " By now it withholds more than it avoids: look at it again." : "");
    doc_set_int(arena, d, "avoided_yen", w.stake.loss_yen);
    doc_set_int(arena, d, "avoided_households", w.stake.customers);
    doc_set_int(arena, d, "withheld_mille", w.withheld_mille);
    doc_set_int(arena, d, "withheld_yen_an_hour", w.yen_an_hour);
    doc_set_int(arena, d, "lasts_min", w.lasts_min);
    doc_set_bool(arena, d, "costs_more", over);
    set_both(arena, d, "text", ja, en);
    return d;
}
