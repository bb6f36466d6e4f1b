/* The public statement: drafted from the model and the newest assessment, then signed and applied like any other document. */
#include <stdio.h>

#include "assurance/document.h"
#include "assurance/public.h"
#include "assurance/sentence.h"
#include "cli/cli.h"

static const struct doc *row_of(const struct doc *list, const char *id)
{
    for (const struct doc *x = list ? list->first : NULL; x; x = x->next)
        if (strcmp(doc_text(x, "id", ""), id) == 0) return x;
    return NULL;
}

static struct doc *pair(struct cli *c, const char *ja, const char *en)
{
    struct doc *d = doc_map(&c->arena);
    doc_set_text(&c->arena, d, "ja", ja);
    doc_set_text(&c->arena, d, "en", en);
    return d;
}

static struct doc *achieved(struct cli *c, const struct doc *f, int64_t measured_mille)
{
    char ja[SENTENCE_MAX], en[SENTENCE_MAX];
    snprintf(ja, sizeof ja, "最低水準を限度より長く下回る見込み：%.120s〜%.120s（実測 %lld %%）", doc_text(f, "outage_expected_ja", "?"),
        doc_text(f, "outage_decision_ja", "?"), (long long)measured_mille / 10);
    snprintf(en, sizeof en, "below its minimum for too long: %.120s to %.120s (measured %lld %%)", doc_text(f, "outage_expected_en", "?"),
        doc_text(f, "outage_decision_en", "?"), (long long)measured_mille / 10);
    return pair(c, ja, en);
}

/* Every function whose users' expectation the model states, beside what the newest assessment says of it. */
static struct doc *services(struct cli *c, const struct doc *model, const struct doc *insight)
{
    struct doc *list = doc_list(&c->arena);
    const struct doc *functions = doc_get(model, "functions");
    for (const struct doc *f = functions ? functions->first : NULL; f; f = f->next) {
        const struct doc *expects = doc_get(f, "expects"), *now = row_of(doc_get(insight, "functions"), doc_text(f, "id", ""));
        if (!expects || !now) continue;
        struct doc *d = doc_map(&c->arena);
        doc_set_text(&c->arena, d, "id", doc_text(f, "id", ""));
        doc_set(&c->arena, d, "name", pair(c, doc_text(now, "name_ja", ""), doc_text(now, "name_en", "")));
        doc_set(&c->arena, d, "expects", pair(c, doc_text(expects, "ja", ""), doc_text(expects, "en", "")));
        doc_set(&c->arena, d, "achieved", achieved(c, now, doc_int(insight, "measured_mille", 0)));
        doc_add(list, d);
    }
    return list;
}

static int ask_both(struct cli *c, const struct doc **model, const struct doc **insight)
{
    const struct doc *mission;
    char path[128];
    int code = ask(c, "GET", "/api/v1/mission", BYTES_NONE, &mission);
    if (!code) code = ask(c, "GET", "/api/v1/model", BYTES_NONE, model);
    snprintf(path, sizeof path, "/api/v1/missions/%.48s/insight", code ? "" : doc_text(mission, "id", ""));
    return code ? code : ask(c, "GET", path, BYTES_NONE, insight);
}

int cmd_public_new(struct cli *c)
{
    const struct doc *model = NULL, *insight = NULL;
    char site[CHARTER_SITE_MAX];
    static const char *const needed[] = { "id", "out" };
    for (size_t i = 0; i < 2; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    bool withdraw = flag(c, "withdraw") != NULL;
    int days = flag_number(c, "days", 180), code = charter_site(c, site);
    if (days < 1 || days > PUBLIC_DAYS_MAX) return complain_usage(c);
    if (!withdraw && (!flag(c, "text-ja") || !flag(c, "text-en"))) return need_flag(c, flag(c, "text-ja") ? "text-en" : "text-ja");
    if (!code && !withdraw) code = ask_both(c, &model, &insight);
    if (code) return code;
    int64_t at = port_wall_ms();
    struct doc *d = doc_map(&c->arena), *list = withdraw ? NULL : services(c, model, insight);
    if (list && !list->count) return complain(c, EXIT_CONFIGURATION, "SK-1074", cli_say(c, W_NO_EXPECTATION), NULL, "docs/model.md: functions, expects");
    doc_set_text(&c->arena, d, "type", document_type_word(DOCUMENT_PUBLIC));
    doc_set_text(&c->arena, d, "site", site);
    doc_set_time(&c->arena, d, "at", at);
    doc_set_text(&c->arena, d, "id", flag(c, "id"));
    doc_set_time(&c->arena, d, "expires", at + days * MS_DAY);
    doc_set_bool(&c->arena, d, "withdrawn", withdraw);
    if (list) doc_set(&c->arena, d, "services", list);
    if (list) doc_set(&c->arena, d, "text", pair(c, flag(c, "text-ja"), flag(c, "text-en")));
    return store_doc(c, flag(c, "out"), d);
}

int cmd_public_show(struct cli *c)
{
    const struct doc *d;
    int code = ask(c, "GET", "/api/v1/public", BYTES_NONE, &d);
    if (code) return code;
    if (c->json) return print_json(d), EXIT_OK;
    const struct doc *text = doc_get(d, "text"), *list = doc_get(d, "services");
    const char *lang = c->ja ? "ja" : "en";
    printf("%s  %s – %s\n%s\n", doc_text(d, "id", ""), doc_text(d, "at", ""), doc_text(d, "expires", ""), doc_text(text, lang, ""));
    for (const struct doc *x = list ? list->first : NULL; x; x = x->next)
        printf("  %s: %s\n    %s\n", doc_text(doc_get(x, "name"), lang, ""), doc_text(doc_get(x, "expects"), lang, ""),
            doc_text(doc_get(x, "achieved"), lang, ""));
    return EXIT_OK;
}
