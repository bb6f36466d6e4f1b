/* The command line as people meet it: reviewed files are read with their lines, mistakes are named with
 * place and expectation, exit codes are those of the manual, and nothing is written when something is wrong. */
#include "cli/typed_test.h"

static struct buffer example(void)
{
    struct buffer b;
    CHECK_QUIET(ok(port_file_load(source("examples/water/mission.yaml"), 1 << 20, &b)));
    return b;
}

/* mission check of a text; the code. */
static int judged(struct bytes text)
{
    char path[80], line[120];
    snprintf(path, sizeof path, "%s/m.yaml", folder);
    CHECK_QUIET(ok(port_file_store(path, text, 0600)));
    snprintf(line, sizeof line, "mission check %s", path);
    return typed(line);
}

/* The example with one piece of its text replaced. *ret_line: where that piece is. */
static int judged_with(const char *was, const char *is, int *ret_line)
{
    struct buffer b = example(), changed = BUFFER(1 << 20);
    CHECK_QUIET(ok(buffer_put(&b, bytes_of("", 1))));
    char *text = (char *)b.at, *at = strstr(text, was);
    CHECK_QUIET(at != NULL);
    if (!at) exit(1);
    *ret_line = 1;
    for (char *p = text; p < at; p++) *ret_line += *p == '\n';
    CHECK_QUIET(ok(buffer_put(&changed, bytes_of(text, (size_t)(at - text)))));
    CHECK_QUIET(ok(buffer_put(&changed, bytes_str(is))));
    CHECK_QUIET(ok(buffer_put(&changed, bytes_str(at + strlen(was)))));
    int code = judged(buffer_view(&changed));
    buffer_deinit(&b);
    buffer_deinit(&changed);
    return code;
}

static void the_example_is_good(void)
{
    struct buffer b = example();
    CHECK(judged(buffer_view(&b)) == EXIT_OK);
    buffer_deinit(&b);
}

static void yaml_says_one_thing_once(void)
{
    static const struct { const char *text, *says; int line; } rows[] = {
        { "schema: sekimori/1\nmissions: []\nmissions: []\n", "given twice", 3 },
        { "a: &x 1\nb: *x\n", "anchors", 2 },
        { "a: 1\n---\nb: 2\n", "more than one document", 3 },
        { "a: [1, 2\nb: 3\n", "", 2 },
        { "? [a]\n: b\n", "a key must be a word", 1 },
        { "", "empty", 0 },
        { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ ]", "nested too deeply", 1 },
        { "a:\n\t- b\n", "", 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char place[32];
        snprintf(place, sizeof place, "m.yaml:%d", rows[i].line);
        CHECK(judged(bytes_str(rows[i].text)) == EXIT_CONFIGURATION);
        bool named = strstr(said, "error[SK-1006]") && strstr(said, rows[i].says) && strstr(said, rows[i].line ? place : "m.yaml:");
        if (!named) printf("# %s\n", said);
        CHECK(named);
    }
}

static void mistakes_in_the_model_have_a_line(void)
{
    static const struct { const char *was, *is, *says; } rows[] = {
        { "\nthreats:", "\nthreat:", "did you mean \"threats\"?" },
        { "tolerable_outage: 4h", "tolerable_outage: 4", "expected a duration" },
        { "customers:", "custmers:", "did you mean \"customers\"?" },
        { "schema: sekimori/1", "schema: sekimori/9", "expected one of sekimori/1" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char place[32];
        int line = 0;
        CHECK(judged_with(rows[i].was, rows[i].is, &line) == EXIT_CONFIGURATION);
        snprintf(place, sizeof place, "m.yaml:%d:", line + (rows[i].was[0] == '\n'));
        bool named = strstr(said, rows[i].says) && strstr(said, place);
        if (!named) printf("# wanted %s %s\n# %s\n", place, rows[i].says, said);
        CHECK(named);
    }
}

/* A wrong model writes nothing, whatever it was asked to write. */
static void nothing_is_written(void)
{
    char words[1024], out[100];
    static const char wrong[] = "schema: sekimori/1\nmisions: []\n";
    CHECK(judged(bytes_str(wrong)) == EXIT_CONFIGURATION);
    snprintf(out, sizeof out, "%s/out.json", folder);
    snprintf(words, sizeof words, "mission new %s/m.yaml --site w --out %s", folder, out);
    CHECK(typed(words) == EXIT_CONFIGURATION && access(out, F_OK) != 0);
    snprintf(words, sizeof words, "mission new %s --site w --out %s", source("examples/water/mission.yaml"), out);
    CHECK(typed(words) == EXIT_OK && access(out, F_OK) == 0);
}

/* A signature needs its key file, and the same key does not count twice. */
static void drafts_are_signed(void)
{
    char words[1024], draft[100], path[100];
    struct key *k = NULL;
    struct buffer pem = BUFFER(4096), before, after;
    snprintf(draft, sizeof draft, "%s/out.json", folder);
    snprintf(path, sizeof path, "%s/owner.key", folder);
    CHECK_OK(key_new(KEY_ED25519, &k));
    CHECK_OK(key_write_private_pem(k, &pem));
    CHECK_OK(port_file_store(path, buffer_view(&pem), 0600));
    snprintf(words, sizeof words, "mission sign %s --key %s/no-such.key", draft, folder);
    CHECK_OK(port_file_load(draft, 1 << 20, &before));
    CHECK(typed(words) == EXIT_CONFIGURATION && strstr(said, "no-such.key"));
    snprintf(words, sizeof words, "mission sign %s --key %s", draft, draft);
    CHECK(typed(words) == EXIT_CONFIGURATION);
    CHECK_OK(port_file_load(draft, 1 << 20, &after));
    CHECK(bytes_equal(buffer_view(&before), buffer_view(&after)));
    snprintf(words, sizeof words, "mission sign %s --key %s", draft, path);
    CHECK(typed(words) == EXIT_OK);
    CHECK(typed(words) == EXIT_CONFLICT);
    key_free(k);
    buffer_deinit(&pem);
    buffer_deinit(&before);
    buffer_deinit(&after);
}

static void codes_of_the_manual(void)
{
    static const struct { const char *words, *says; int code; } rows[] = {
        { "", "sekimori", EXIT_USAGE },
        { "--help", "ledger verify", EXIT_OK },
        { "--version", "sekimori ", EXIT_OK },
        { "misson check x", "SK-1000", EXIT_USAGE },
        { "mission chek x", "sekimori mission check", EXIT_USAGE },
        { "mission check", "sekimori mission check", EXIT_USAGE },
        { "mission check /no/such/file.yaml", "/no/such/file.yaml", EXIT_CONFIGURATION },
        { "mission sign x", "--key", EXIT_USAGE },
        { "ledger verify /no/such/ledger", "/no/such/ledger", EXIT_FAILED },
        { "assessment replay /no/such/file", "/no/such/file", EXIT_CONFIGURATION },
        { "--state", "", EXIT_USAGE },
        { "decision new --out x", "--id", EXIT_USAGE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int code = typed(rows[i].words);
        bool good = code == rows[i].code && strstr(said, rows[i].says);
        if (!good) printf("# %s: %d, %s\n", rows[i].words, code, said);
        CHECK(good);
    }
    char words[200];
    snprintf(words, sizeof words, "--state %s status", folder);
    CHECK(typed(words) == EXIT_TEMPORARY); /* nobody serves there */
    snprintf(words, sizeof words, "ledger verify %s", folder);
    CHECK(typed(words) == EXIT_VERIFY); /* a folder that is no record */
}

/* ---- grants ---- */

static int grant_test(const char *was, const char *is, int *ret_line)
{
    struct buffer b, changed = BUFFER(1 << 20);
    char path[80], line[700];
    CHECK_QUIET(ok(port_file_load(source("examples/water/grants.yaml"), 1 << 20, &b)) && ok(buffer_put(&b, bytes_of("", 1))));
    char *text = (char *)b.at, *at = strstr(text, was);
    CHECK_QUIET(at != NULL);
    if (!at) exit(1);
    *ret_line = 1;
    for (char *p = text; p < at; p++) *ret_line += *p == '\n';
    CHECK_QUIET(ok(buffer_put(&changed, bytes_of(text, (size_t)(at - text)))) && ok(buffer_put(&changed, bytes_str(is)))
        && ok(buffer_put(&changed, bytes_str(at + strlen(was)))));
    snprintf(path, sizeof path, "%s/g.yaml", folder);
    CHECK_QUIET(ok(port_file_store(path, buffer_view(&changed), 0600)));
    buffer_deinit(&b);
    buffer_deinit(&changed);
    snprintf(line, sizeof line, "grant test %s --streams %s", path, source("examples/water/streams.yaml"));
    return typed(line);
}

/* The five of docs/grants.md, and that a wrong expectation is shown with the steps that led elsewhere. */
static void mistakes_in_a_policy_have_a_line(void)
{
    static const struct { const char *was, *is, *says; } rows[] = {
        { "subject: role:operator", "subject: rol:operator", "did you mean \"role:...\"?" },
        { "action: command", "action: comand", "did you mean \"command\"?" },
        { "sk/v1/{site}/{own}/m/#", "sk/v1/{site}/{own}/m#", "+ stands for a whole level" },
        { "[pump-command,", "[pump-comand,", "did you mean \"pump-command\"?" },
        { "deny: true\n    why: evidence", "deni: true\n    why: evidence", "did you mean \"deny\"?" },
    };
    int line;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char place[32];
        CHECK(grant_test(rows[i].was, rows[i].is, &line) == EXIT_CONFIGURATION);
        snprintf(place, sizeof place, "g.yaml:%d:", line);
        bool named = strstr(said, rows[i].says) && (strstr(said, place) || i == 3);
        if (!named) printf("# line %d: %s\n", line, said);
        CHECK(named);
    }
    CHECK(grant_test("stream: sk/v1/{site}/+/att/evidence\n    deny", "stream: sk/v1/{site}/#\n    deny", &line) == EXIT_FAILED); /* its own questions say so too */
    CHECK(strstr(said, "operator-reads: never allows anything: row \"evidence-stays\"") && strstr(said, "warning[SK-1041]"));
    CHECK(grant_test("m/level, want: allow", "m/level, want: deny", &line) == EXIT_FAILED);
    CHECK(strstr(said, "WRONG") && strstr(said, "granted by line ") && strstr(said, "device-says (role:device"));
    CHECK(grant_test("why: a device", "why: a device", &line) == EXIT_OK && !strstr(said, "WRONG"));
}

int main(void)
{
    typed_begin();
    the_example_is_good();
    yaml_says_one_thing_once();
    mistakes_in_the_model_have_a_line();
    nothing_is_written();
    drafts_are_signed();
    codes_of_the_manual();
    mistakes_in_a_policy_have_a_line();
    typed_end();
    return TEST_END;
}
