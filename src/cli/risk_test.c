/* `sekimori risk` on files, as in a design's repository: nothing runs, exit codes decide. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "assurance/assess.h"
#include "assurance/model.h"
#include "base/test.h"
#include "cli/cli.h"
#include "cli/typed_test.h"

static char model_path[512], assessment_path[80];

/* The example, with its tolerance replaced. */
static void write_model(const char *yen)
{
    struct buffer b, changed = BUFFER(1 << 20);
    CHECK_QUIET(ok(port_file_load(source("examples/water/mission.yaml"), 1 << 20, &b)));
    CHECK_QUIET(ok(buffer_put(&b, bytes_of("", 1))));
    char *text = (char *)b.at, *at = strstr(text, "yen: \"1300万\"");
    CHECK(at != NULL);
    if (!at) exit(1);
    CHECK_QUIET(ok(buffer_put(&changed, bytes_of(text, (size_t)(at - text)))) && ok(buffer_put(&changed, bytes_str("yen: \""))));
    CHECK_QUIET(ok(buffer_put(&changed, bytes_str(yen))) && ok(buffer_put(&changed, bytes_str(at + strlen("yen: \"1300万")))));
    CHECK_QUIET(ok(port_file_store(model_path, buffer_view(&changed), 0600)));
    buffer_deinit(&b);
    buffer_deinit(&changed);
}

/* An assessment of that model in which firmware integrity was seen on the one gateway. */
static void write_assessment(void)
{
    struct cli c = { .arena = ARENA(64u << 20) };
    struct doc *tree;
    struct model *m;
    struct evidence *e;
    struct assessment *s = mem_new(sizeof *s);
    struct evidence_change change;
    struct buffer b = BUFFER(8 << 20);
    struct fact f = { .result = FACT_PASS, .method = FACT_BY_QUOTE, .authenticated = true, .at_ms = 1795000000000, .control = "C8b", .asset = "gw-1" };
    CHECK(read_model(&c, model_path, &tree, &m) == EXIT_OK);
    CHECK_OK(evidence_new(&e));
    CHECK_OK(evidence_asset(e, "gw-1", "gateways", true));
    CHECK_OK(evidence_fact(e, &f, f.at_ms, &change));
    CHECK_OK(assess(m, "m", e, f.at_ms, s));
    CHECK_OK(doc_write_json(assess_doc(m, e, s, &c.arena), &b));
    CHECK_OK(port_file_store(assessment_path, buffer_view(&b), 0600));
    buffer_deinit(&b);
    evidence_free(e);
    mem_free(s);
    mem_free(m);
    arena_deinit(&c.arena);
}

/* MODEL and FILES stand for what was written. */
static int risk(const char *words)
{
    static const char *const names[] = { "MODEL", "FILES" };
    char line[2048], files[800];
    snprintf(files, sizeof files, "--model %s --assessment %s", model_path, assessment_path);
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(words, names[i]);
        if (!at) continue;
        snprintf(line, sizeof line, "%.*s%s%s", (int)(at - words), words, i ? files : model_path, at + 5);
        return typed(line);
    }
    return typed(words);
}

static void by_design(void)
{
    write_model("1300万");
    CHECK(risk("risk check MODEL") == EXIT_OK && strstr(said, "controls without which tolerance is not met"));
    CHECK(strstr(said, "nothing was measured"));
    CHECK(risk("risk check MODEL -o json") == EXIT_OK);
    struct arena a = ARENA(8 << 20);
    struct doc *d = NULL;
    CHECK_OK(doc_read_json(bytes_str(said), &a, &d));
    CHECK(doc_bool(d, "within", false) && doc_bool(d, "cheapest", false) && doc_get(d, "required")->count > 0);
    CHECK(doc_get(doc_get(d, "missions")->first, "inherent") && doc_get(d, "missions")->count == 1);
    arena_deinit(&a);
    write_model("1万"); /* not even everything suffices: a design that must not ship */
    CHECK(risk("risk check MODEL") == EXIT_LIMITED && strstr(said, "not even every control"));
    write_model("1億円と少し");
    CHECK(risk("risk check MODEL") == EXIT_CONFIGURATION && strstr(said, "error[SK-1022]"));
    CHECK(typed("risk check /no/such.yaml") == EXIT_CONFIGURATION && typed("risk check") == EXIT_USAGE);
}

static void from_files(void)
{
    write_model("1300万");
    write_assessment();
    CHECK(risk("risk show mizu FILES") == EXIT_OK);
    CHECK(strstr(said, "what takes away how much") && strstr(said, "C8b") && strstr(said, "inputs this result hangs on"));
    CHECK(risk("risk show FILES -o json") == EXIT_OK && said[0] == '{');
    CHECK(risk("risk show mizo FILES") == EXIT_NOT_FOUND && strstr(said, "mizu"));
    CHECK(risk("risk show --model MODEL") == EXIT_USAGE);
    CHECK(risk("risk what-if --set C5=1 --set S1=F1 FILES") == EXIT_OK);
    CHECK(strstr(said, "[as it is]") && strstr(said, "[tried]") && strstr(said, "nothing was changed"));
    CHECK(risk("risk what-if --set C5=1.1 FILES") == EXIT_USAGE);
    CHECK(risk("risk what-if --set C55=1 FILES") == EXIT_USAGE && strstr(said, "C5"));
    CHECK(risk("risk what-if --set S1=often FILES") == EXIT_USAGE);
    CHECK(risk("risk what-if --buy new-pump FILES") == EXIT_USAGE && strstr(said, "SK-1065"));
    CHECK(risk("risk what-if FILES") == EXIT_USAGE);
    char other[600];
    snprintf(other, sizeof other, "risk show --model %s --assessment %s", source("tests/models/everything.json"), assessment_path);
    CHECK(typed(other) == EXIT_CONFLICT && strstr(said, "not of this model"));
}

/* A dry run of a new model says what it would change, and writes nothing. */
static void new_model(void)
{
    char words[1600];
    write_model("1300万");
    write_assessment();
    snprintf(words, sizeof words, "mission new %s --site w --out %s/draft.json", model_path, folder);
    CHECK(typed(words) == EXIT_OK);
    char draft[100];
    snprintf(draft, sizeof draft, "%s/draft.json", folder);
    snprintf(words, sizeof words, "mission apply %s --dry-run --model %s --assessment %s", draft, source("examples/water/mission.yaml"), assessment_path);
    int code = typed(words);
    CHECK(code == EXIT_OK && strstr(said, "→") && strstr(said, "conditions stay") && strstr(said, "nothing was changed"));
    snprintf(words, sizeof words, "mission apply %s --dry-run --model %s --assessment %s", model_path, model_path, assessment_path);
    CHECK(typed(words) == EXIT_OK && strstr(said, "conditions stay")); /* the reviewed file itself */
    snprintf(words, sizeof words, "mission apply %s --dry-run --model %s --assessment %s", draft, source("examples/water/mission.yaml"), assessment_path);
    struct buffer b;
    CHECK_OK(port_file_load(draft, 1 << 20, &b));
    CHECK_OK(buffer_put(&b, bytes_of("", 1)));
    char *at = strstr((char *)b.at, "\"scope\":[\"gateways\"],\"stale\":\"72h\",\"strength\":{\"D1\":\"strong\"");
    CHECK(at != NULL);
    if (at) memcpy(strstr(at, "\"gateways\""), " \"sensors\"", 10); /* C8b is now asked of the sensors */
    char *when = strstr((char *)b.at, "event-free(gateways)");
    CHECK(when != NULL);
    if (when) memcpy(when, "event-free(sensors) ", 20), when[19] = '"', when[20] = ' ';
    CHECK_OK(port_file_store(draft, bytes_of(b.at, b.n - 1), 0600));
    buffer_deinit(&b);
    code = typed(words);
    CHECK((code == EXIT_OK || code == EXIT_LIMITED) && strstr(said, "to be proven anew: C8b") && strstr(said, "changed no-event"));
}

int main(void)
{
    typed_begin();
    snprintf(model_path, sizeof model_path, "%s/m.yaml", folder);
    snprintf(assessment_path, sizeof assessment_path, "%s/a.json", folder);
    by_design();
    from_files();
    new_model();
    typed_end();
    return TEST_END;
}
