/* What people sign: drafts, signatures, handing over. Works offline but for "apply" and what asks the
 * daemon for the facts a draft cites. A draft or envelope is one JSON file that can travel on a medium. */
#include <stdio.h>

#include "assurance/decision.h"
#include "assurance/document.h"
#include "assurance/model.h"
#include "assurance/model_value.h"
#include "cli/cli.h"
#include "fleet/appraise.h"

enum { MODEL_ERRORS = 20 };

int store_doc(struct cli *c, const char *path, const struct doc *d)
{
    struct buffer b = BUFFER(16u << 20);
    outcome o = d ? doc_write_json(d, &b) : REFUSE(E_MEMORY);
    int code = ok(o) ? write_file(c, path, buffer_view(&b), 0600) : complain(c, EXIT_FAILED, "SK-1020", code_word(o.code), path, NULL);
    buffer_deinit(&b);
    if (!code) printf("%s\n", path);
    return code;
}

static int load_key(struct cli *c, const char *path, struct key **ret)
{
    struct buffer pem;
    int code = read_file(c, path, &pem);
    if (code) return code;
    outcome o = key_read_private_pem(buffer_view(&pem), ret);
    buffer_wipe(&pem);
    return ok(o) ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1021", cli_say(c, W_KEY), path, NULL);
}

/* The site's charter and id, from the daemon: what a draft is made for. */
int charter_site(struct cli *c, char *site)
{
    const struct doc *d;
    if (flag(c, "site")) return snprintf(site, CHARTER_SITE_MAX, "%s", flag(c, "site")) < 0;
    int code = ask(c, "GET", "/api/v1/charter", BYTES_NONE, &d);
    if (!code) snprintf(site, CHARTER_SITE_MAX, "%s", doc_text(d, "site", ""));
    return code;
}

/* ---- models ---- */

int read_model(struct cli *c, const char *path, struct doc **ret, struct model **ret_model)
{
    struct model *m = mem_new(sizeof *m);
    struct model_error errors[MODEL_ERRORS];
    size_t n = 0;
    int code = m ? read_yaml(c, path, ret) : EXIT_FAILED;
    if (code) {
        mem_free(m);
        return code;
    }
    outcome o = model_read(*ret, m, errors, MODEL_ERRORS, &n);
    for (size_t i = 0; i < n && i < MODEL_ERRORS; i++) {
        const char *text = errors[i].text, *behind = strncmp(text, "line ", 5) == 0 ? strstr(text, ": ") : NULL;
        fprintf(stderr, "error[SK-1022]: %s:%d: %s\n", path, errors[i].line, behind ? behind + 2 : text);
    }
    if (ok(o) && ret_model) *ret_model = m;
    else mem_free(m);
    return ok(o) ? EXIT_OK : EXIT_CONFIGURATION;
}

static int model_of(struct cli *c, const char *path, struct doc **ret)
{
    return read_model(c, path, ret, NULL);
}

int cmd_mission_check(struct cli *c)
{
    struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    int code = model_of(c, c->args[0], &d);
    if (!code) printf("%s: %s\n", c->args[0], cli_say(c, W_MODEL_GOOD));
    return code;
}

int cmd_mission_draft(struct cli *c)
{
    struct doc *d;
    char site[CHARTER_SITE_MAX];
    if (flag(c, "template")) return write_template(c);
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "out")) return need_flag(c, "out");
    int code = model_of(c, c->args[0], &d);
    if (!code) code = charter_site(c, site);
    return code ? code : store_doc(c, flag(c, "out"), document_model_new(&c->arena, site, d, port_wall_ms()));
}

/* ---- signing ---- */

static int sign_bytes(struct cli *c, const char *key_path, struct buffer *b)
{
    struct key *k;
    struct buffer out = BUFFER(DOCUMENT_BYTES_MAX * 2);
    int code = load_key(c, key_path, &k);
    if (code) return code;
    outcome o = document_sign(buffer_view(b), k, &out);
    key_free(k);
    if (!ok(o)) {
        buffer_deinit(&out);
        return complain(c, o.code == E_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED, "SK-1023", code_word(o.code), key_path, NULL);
    }
    buffer_deinit(b);
    *b = out;
    return EXIT_OK;
}

int cmd_document_sign(struct cli *c)
{
    struct buffer b;
    const char *key = flag(c, "key"), *out = flag(c, "out");
    if (c->n_args != 1) return complain_usage(c);
    if (!key) return need_flag(c, "key");
    int code = read_file(c, c->args[0], &b);
    if (code) return code;
    for (size_t k = 0; !code && (key = flag_nth(c, "key", k)); k++) code = sign_bytes(c, key, &b);
    if (!code) code = write_file(c, out ? out : c->args[0], buffer_view(&b), 0600);
    if (!code) printf("%s: %s\n", cli_say(c, W_SIGNED), out ? out : c->args[0]);
    buffer_deinit(&b);
    return code;
}

/* A model may be tried before anybody signs it: the reviewed file itself, or its draft. */
static int try_unsigned(struct cli *c)
{
    struct doc *d;
    int code = read_yaml(c, c->args[0], &d);
    if (code) return code;
    bool draft = strcmp(doc_text(d, "type", ""), "model") == 0;
    code = draft ? EXIT_OK : model_of(c, c->args[0], &d);
    if (code) return code;
    code = show_model_change(c, draft ? document_model_of(&c->arena, d) : d);
    if (!c->json) printf("%s\n", cli_say(c, W_DRY_RUN));
    return code;
}

static int apply_bytes(struct cli *c, struct bytes b)
{
    struct document d;
    const struct doc *answer;
    char path[64];
    outcome o = document_open(b, &c->arena, &d);
    if (!ok(o) && c->dry_run && strcmp(c->command->noun, "mission") == 0) return try_unsigned(c);
    if (!ok(o)) return complain(c, EXIT_USAGE, "SK-1024", code_word(o.code), c->n_args ? c->args[0] : NULL, NULL);
    const char *type = document_type_word(d.type);
    if (c->dry_run) {
        int judged = d.type == DOCUMENT_MODEL ? show_model_change(c, document_model_of(&c->arena, d.payload)) : EXIT_OK;
        if (!c->json) printf("%s: %s\n", type, cli_say(c, W_DRY_RUN));
        return judged;
    }
    snprintf(path, sizeof path, "/api/v1/documents/%s", type);
    int code = ask(c, "POST", path, b, &answer);
    if (!code) printf("%s: %s\n", type, cli_say(c, W_APPLIED));
    return code;
}

int cmd_document_apply(struct cli *c)
{
    struct buffer b;
    if (c->n_args != 1) return complain_usage(c);
    int code = read_file(c, c->args[0], &b);
    if (code) return code;
    code = apply_bytes(c, buffer_view(&b));
    buffer_deinit(&b);
    return code;
}

int sign_and_apply(struct cli *c, const struct doc *draft)
{
    struct buffer b = BUFFER(DOCUMENT_BYTES_MAX * 2);
    const char *key;
    int code = EXIT_OK;
    if (!flag(c, "key")) return flag(c, "out") ? store_doc(c, flag(c, "out"), draft) : need_flag(c, "key");
    outcome o = draft ? doc_write_json(draft, &b) : REFUSE(E_MEMORY);
    if (!ok(o)) code = EXIT_FAILED;
    for (size_t k = 0; !code && (key = flag_nth(c, "key", k)); k++) code = sign_bytes(c, key, &b);
    if (!code) code = apply_bytes(c, buffer_view(&b));
    buffer_deinit(&b);
    return code;
}

/* ---- signing in where no key is ---- */

/* Works on any machine, without a site: the page's challenge in, a signed answer out. */
int cmd_login_answer(struct cli *c)
{
    struct buffer b = BUFFER(DOCUMENT_BYTES_MAX);
    int code = EXIT_OK;
    if (c->n_args != 1 || strlen(c->args[0]) != 64) return complain_usage(c);
    static const char *const needed[] = { "site", "user", "key", "out" };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    const struct doc *d = document_login_new(&c->arena, flag(c, "site"), flag(c, "user"), c->args[0], port_wall_ms());
    outcome o = d ? doc_write_json(d, &b) : REFUSE(E_MEMORY);
    if (!ok(o)) code = EXIT_FAILED;
    if (!code) code = sign_bytes(c, flag(c, "key"), &b);
    if (!code) code = write_file(c, flag(c, "out"), buffer_view(&b), 0600);
    buffer_deinit(&b);
    return code;
}

/* ---- decisions ---- */

static const char *condition_id(const void *ctx, size_t i)
{
    const struct doc *x = doc_get(ctx, "conditions") ? doc_get(ctx, "conditions")->first : NULL;
    for (; x && i; x = x->next) i--;
    return x ? doc_text(x, "id", "") : NULL;
}

static const struct doc *condition_of(const struct doc *model, const char *id)
{
    const struct doc *x = doc_get(model, "conditions") ? doc_get(model, "conditions")->first : NULL;
    while (x && strcmp(doc_text(x, "id", ""), id) != 0) x = x->next;
    return x;
}

/* A condition the model does not have is refused: a decision that enforces less than was meant is worse than none. */
static int add_rules(struct cli *c, struct decision *d, const struct doc *model, const char *name, bool enforced)
{
    const char *want;
    char what[200];
    for (size_t k = 0; (want = flag_nth(c, name, k)); k++) {
        const struct doc *x = condition_of(model, want);
        if (!x || d->n_rules == DECISION_RULES_MAX) {
            const char *meant = x ? NULL : model_nearest(want, condition_id, model);
            snprintf(what, sizeof what, "--%s: %s: %.60s", name, cli_say(c, W_NO_CONDITION), want);
            return complain(c, EXIT_USAGE, "SK-1026", what, NULL, meant ? meant : "sekimori mission show");
        }
        struct decision_rule *r = &d->rules[d->n_rules++];
        snprintf(r->condition, sizeof r->condition, "%s", want);
        snprintf(r->stream, sizeof r->stream, "%s", doc_text(x, "stream", ""));
        r->enforced = enforced;
        r->mode = LIMIT_HOLD;
        (void)!ok(decision_mode_parse(doc_text(x, "mode", "hold"), &r->mode));
    }
    return EXIT_OK;
}

/* The newest written assessment: what a decision may cite; figures of the moment may already have moved. */
static void cite(struct decision *d, const struct doc *assessments, const struct doc *mission)
{
    const struct doc *a = assessments->first, *t = doc_get(mission, "tolerance");
    while (a && strcmp(doc_text(a, "mission", ""), doc_text(mission, "id", "")) != 0) a = a->next;
    snprintf(d->mission, sizeof d->mission, "%s", doc_text(mission, "id", ""));
    d->tolerance_yen = t ? doc_int(t, "yen", 0) : 0;
    d->rank = 5;
    if (!a) return;
    snprintf(d->assessment_id, sizeof d->assessment_id, "%s", doc_text(a, "id", ""));
    snprintf(d->assessment_hash, sizeof d->assessment_hash, "%s", doc_text(a, "hash", ""));
    d->decision_yen = doc_int(a, "decision_yen", 0);
    d->expected_yen = doc_int(a, "expected_yen", 0);
    const char *rank = doc_text(a, "rank", "R5");
    if (rank[0] == 'R' && rank[1] >= '1' && rank[1] <= '5') d->rank = rank[1] - '0';
}

int64_t whole_number(const char *text, int64_t stop)
{
    int64_t v = 0;
    for (; *text >= '0' && *text <= '9' && v < stop; text++) v = v * 10 + (*text - '0');
    return *text ? -1 : v;
}

int flag_number(const struct cli *c, const char *name, int fallback)
{
    const char *text = flag(c, name);
    return text ? (int)whole_number(text, 1000000) : fallback;
}

static int ask_assessment(struct cli *c, const struct doc **mission, const struct doc **model, const struct doc **list)
{
    char path[128];
    const char *id = flag(c, "mission");
    snprintf(path, sizeof path, "/api/v1/mission%s%s", id ? "s/" : "", id ? id : "");
    int code = ask(c, "GET", path, BYTES_NONE, mission);
    if (!code) code = ask(c, "GET", "/api/v1/assessments", BYTES_NONE, list);
    return code ? code : ask(c, "GET", "/api/v1/model", BYTES_NONE, model);
}

/* ---- what was weighed, and where views differed ---- */

static int choose(struct cli *c, struct decision *d)
{
    const char *want = flag(c, "choose") ? flag(c, "choose") : "";
    return ok(decision_choose(d, want)) ? EXIT_OK : complain(c, EXIT_USAGE, "SK-1065", cli_say(c, W_NO_OPTION), want, "sekimori risk show");
}

/* --difference ROLE:TEXT, as it was said. */
static int differ(struct cli *c, struct decision *d)
{
    const char *text;
    char role[32] = "";
    for (size_t k = 0; (text = flag_nth(c, "difference", k)); k++) {
        const char *colon = strchr(text, ':');
        size_t n = colon ? (size_t)(colon - text) : 0;
        if (!n || n >= sizeof role || !colon[1] || k == DECISION_DIFFERENCES_MAX) return complain(c, EXIT_USAGE, "SK-1027", cli_say(c, W_DIFFERENCE_IS), text, NULL);
        struct decision_difference *x = &d->differences[d->n_differences++];
        snprintf(role, sizeof role, "%.*s", (int)n, text);
        bool good = ok(charter_role_parse(role, &x->role)) && ok(bytes_to_text(bytes_str(colon + 1), x->text, sizeof x->text));
        if (!good) return complain(c, EXIT_USAGE, "SK-1027", cli_say(c, W_DIFFERENCE_IS), text, NULL);
    }
    return EXIT_OK;
}

static int deliberated(struct cli *c, struct decision *d)
{
    const struct doc *insight;
    char path[128];
    snprintf(path, sizeof path, "/api/v1/missions/%s/insight", d->mission);
    int code = ask(c, "GET", path, BYTES_NONE, &insight);
    if (code) return code;
    decision_weigh(d, insight);
    code = choose(c, d);
    return code ? code : differ(c, d);
}

int cmd_decision_new(struct cli *c)
{
    const struct doc *mission, *model, *list;
    struct decision d = { .accept = DECISION_ACCEPT, .margin_mille = DECISION_MARGIN_MILLE, .fallback = LIMIT_HOLD, .at_ms = port_wall_ms() };
    if (!flag(c, "id")) return need_flag(c, "id");
    if (!flag(c, "out")) return need_flag(c, "out");
    int code = ask_assessment(c, &mission, &model, &list);
    if (!code) code = charter_site(c, d.site);
    if (code) return code;
    snprintf(d.id, sizeof d.id, "%s", flag(c, "id"));
    cite(&d, list, mission);
    int days = flag_number(c, "days", (int)(decision_validity_ms(d.rank) / MS_DAY)), dwell = flag_number(c, "dwell", 10);
    if (days < 1 || dwell < 0) return complain_usage(c);
    d.expires_ms = d.at_ms + days * MS_DAY;
    d.dwell_ms = dwell * MS_S;
    if (flag(c, "loosen") && strcmp(flag(c, "loosen"), "auto") != 0 && strcmp(flag(c, "loosen"), "two") != 0) return complain_usage(c);
    d.loosen = flag(c, "loosen") && strcmp(flag(c, "loosen"), "auto") == 0 ? DECISION_LOOSEN_AUTO : DECISION_LOOSEN_TWO;
    snprintf(d.reason.ja, sizeof d.reason.ja, "%s", flag(c, "reason-ja") ? flag(c, "reason-ja") : "");
    snprintf(d.reason.en, sizeof d.reason.en, "%s", flag(c, "reason-en") ? flag(c, "reason-en") : "");
    code = add_rules(c, &d, model, "enforce", true);
    if (!code) code = add_rules(c, &d, model, "observe", false);
    if (!code) code = deliberated(c, &d);
    return code ? code : store_doc(c, flag(c, "out"), decision_doc(&d, &c->arena));
}

/* ---- declarations, references, releases ---- */

int cmd_evidence_new(struct cli *c)
{
    static const char *const needed[] = { "control", "asset", "detail" };
    char site[CHARTER_SITE_MAX];
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    int days = flag_number(c, "days", 365), code = charter_site(c, site);
    if (days < 1) return complain_usage(c);
    int64_t now = port_wall_ms();
    return code ? code : sign_and_apply(c, document_declaration_new(&c->arena, site, flag(c, "control"), flag(c, "asset"), true,
                                               flag(c, "detail"), now, now + days * MS_DAY));
}

int cmd_device_reference(struct cli *c)
{
    static const char *const needed[] = { "model", "version", "image" };
    char site[CHARTER_SITE_MAX], text[65];
    uint8_t value[32];
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    outcome o = reference_from_file(flag(c, "image"), value);
    if (!ok(o)) return complain(c, EXIT_CONFIGURATION, "SK-1004", cli_say(c, W_FILE), flag(c, "image"), NULL);
    int code = charter_site(c, site);
    if (code) return code;
    struct doc *pcrs = doc_map(&c->arena);
    hex_of(bytes_of(value, sizeof value), text);
    doc_set_text(&c->arena, pcrs, "8", text);
    return sign_and_apply(c, document_reference_new(&c->arena, site, flag(c, "model"), flag(c, "version"), pcrs, port_wall_ms()));
}

int cmd_limit_release(struct cli *c)
{
    const struct doc *holds;
    char site[CHARTER_SITE_MAX];
    if (c->n_args != 1) return complain_usage(c);
    int code = ask(c, "GET", "/api/v1/holds", BYTES_NONE, &holds);
    if (!code) code = charter_site(c, site);
    if (code) return code;
    for (const struct doc *h = holds->first; h; h = h->next)
        if (strcmp(doc_text(h, "id", ""), c->args[0]) == 0)
            return sign_and_apply(c, document_release_new(&c->arena, site, c->args[0], doc_text(h, "payload_sha256", ""), port_wall_ms()));
    return complain(c, EXIT_NOT_FOUND, "SK-1025", cli_say(c, W_NO_ROOM), c->args[0], "sekimori limit list");
}

int cmd_limit_loosen(struct cli *c)
{
    char site[CHARTER_SITE_MAX];
    if (c->n_args != 1) return complain_usage(c);
    int code = charter_site(c, site);
    return code ? code : sign_and_apply(c, document_loosen_new(&c->arena, site, c->args[0], port_wall_ms()));
}
