/* `sekimori mission propose`: what the site saw and the model file lacks, at most five a sitting; what the owner confirms goes into the file,
 * what he declines is kept beside it with his reason. Nothing of the site changes: the file goes on to check, sign and apply. */
#include "cli/proposing.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch/address.h"

enum { ROWS_MOST = 2 * PROPOSE_SITTING, LINE = 8192, PATH = 1024 };

struct sitting {
    struct cli *c;
    const char *path;                  /* the model file */
    char beside[PATH], person[PROPOSE_TEXT], day[TIME_TEXT];
    struct model *model;
    struct arena keep;                 /* what must outlive the pages of the record */
    struct doc *declined;
    struct proposals p;
    struct unplaced unplaced;
};

/* Rows for one list of one file. */
struct rows {
    const char *section;
    struct doc *docs[ROWS_MOST];
    char *lines[ROWS_MOST];
    size_t n;
};

/* ---- what is shown ---- */

static enum word class_word(enum seen_class k)
{
    static const enum word words[SEEN_CLASSES] = { W_SEEN_COMMAND, W_SEEN_PEER, W_SEEN_READING, W_SEEN_UNMANAGED, W_SEEN_HOST };
    return words[k];
}

static const char *row_line(const struct doc *row, char *text)
{
    struct out o = out_of(text, LINE - 1);
    propose_line(row, &o);
    text[o.over ? 0 : o.n] = 0;
    return text;
}

static void print_one(struct sitting *s, const struct proposal *x)
{
    const struct cli *c = s->c;
    char text[LINE];
    printf("%s  [%s]\n", x->id, cli_say(c, class_word(x->seen)));
    if (*x->to) printf("    %s → %s: %s → %s  %s\n", x->from, x->to, x->who, *x->whom ? x->whom : x->to, x->what);
    else printf("    %s  %s\n", x->who, x->what);
    printf("    %s %llu", cli_say(c, W_PROPOSE_COUNT), (unsigned long long)x->count);
    if (*x->since) printf("  %.19sZ – %.19sZ", x->since, x->last);
    for (size_t i = 0; i < PROPOSE_ENTRIES && x->entries[i]; i++) printf("%s%lld", i ? ", " : cli_say(c, W_PROPOSE_ENTRIES), (long long)x->entries[i]);
    printf("\n");
    if (x->seen == SEEN_COMMAND && !x->effect_mille) printf("    %s: %s\n", cli_say(c, W_PROPOSE_NEEDED), x->to);
    const struct doc *rows = propose_rows(x, &s->c->arena);
    for (const struct doc *d = rows->first; d; d = d->next) printf("    %s: - %s\n", doc_text(d, "section", ""), row_line(doc_get(d, "row"), text));
}

static void print_notes(const struct sitting *s)
{
    const struct cli *c = s->c;
    const struct unplaced *u = &s->unplaced;
    if (u->no_platform) printf("%s\n", cli_say(c, W_PROPOSE_PLATFORM));
    for (size_t i = 0; i < u->n; i++) printf("%s%s%s", i ? " " : cli_say(c, W_PROPOSE_UNPLACED), u->ids[i], i + 1 < u->n ? "" : u->more ? " …\n" : "\n");
}

static void print_sitting(struct sitting *s)
{
    const struct cli *c = s->c;
    size_t n = s->p.n < PROPOSE_SITTING ? s->p.n : PROPOSE_SITTING;
    if (!n) printf("%s\n", cli_say(c, W_PROPOSE_NOTHING));
    for (size_t i = 0; i < n; i++) print_one(s, &s->p.at[i]);
    if (s->p.n + s->p.left > n) printf("%s: %llu\n", cli_say(c, W_PROPOSE_LATER), (unsigned long long)(s->p.n + s->p.left - n));
    print_notes(s);
    if (n) printf("%s: sekimori mission propose %s --confirm %s | --decline %s --reason ...\n", cli_say(c, W_TRY), s->path, s->p.at[0].id, s->p.at[0].id);
}

static struct doc *one_doc(struct sitting *s, const struct proposal *x)
{
    struct arena *a = &s->c->arena;
    struct doc *d = doc_map(a), *entries = doc_list(a);
    const struct { const char *key, *text; } texts[] = { { "id", x->id }, { "seen", seen_word(x->seen) }, { "from", x->from }, { "to", x->to },
        { "group", x->group }, { "who", x->who }, { "whom", x->whom }, { "what", x->what }, { "since", x->since }, { "last", x->last } };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) doc_set_text(a, d, texts[i].key, texts[i].text);
    doc_set_int(a, d, "count", (int64_t)x->count);
    for (size_t i = 0; i < PROPOSE_ENTRIES && x->entries[i]; i++) doc_add(entries, doc_int_new(a, x->entries[i]));
    doc_set(a, d, "entries", entries);
    doc_set(a, d, "rows", propose_rows(x, a));
    return d;
}

static void print_sitting_json(struct sitting *s)
{
    struct arena *a = &s->c->arena;
    struct doc *d = doc_map(a), *list = doc_list(a), *unplaced = doc_list(a);
    size_t n = s->p.n < PROPOSE_SITTING ? s->p.n : PROPOSE_SITTING;
    for (size_t i = 0; i < n; i++) doc_add(list, one_doc(s, &s->p.at[i]));
    for (size_t i = 0; i < s->unplaced.n; i++) doc_add(unplaced, doc_text_new(a, s->unplaced.ids[i]));
    doc_set(a, d, "proposed", list);
    doc_set_int(a, d, "later", (int64_t)(s->p.n + s->p.left - n));
    doc_set(a, d, "without_group", unplaced);
    print_json(d);
}

/* ---- what is written ---- */

/* `note` follows the row as a comment: our own words and numbers only. */
static int add(struct sitting *s, struct rows *r, struct doc *row, const char *note)
{
    char text[LINE];
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(doc_text(r->docs[i], "id", ""), doc_text(row, "id", "")) == 0 && !*doc_text(row, "when", "")) return EXIT_OK; /* a peer of two flows */
    struct out o = out_of(text, sizeof text - 1);
    propose_line(row, &o);
    if (note) put_fmt(&o, "  # %s", note);
    char *line = o.over ? NULL : arena_text(&s->keep, out_view(&o));
    if (!line || r->n == ROWS_MOST) return EXIT_FAILED;
    r->docs[r->n] = row;
    r->lines[r->n++] = line;
    return EXIT_OK;
}

/* What the file must be afterwards: what it was, and these rows. */
static bool as_expected(struct cli *c, struct doc *was, const struct doc *is, const struct rows *r, size_t n)
{
    struct buffer a = BUFFER(64u << 20), b = BUFFER(64u << 20);
    for (size_t i = 0; i < n; i++) {
        struct doc *list = was->first;
        while (list && strcmp(list->key, r[i].section) != 0) list = list->next;
        if (!r[i].n) continue;
        if (!list || list->kind != DOC_LIST) doc_set(&c->arena, was, r[i].section, list = doc_list(&c->arena));
        for (size_t k = 0; k < r[i].n; k++) doc_add(list, r[i].docs[k]);
    }
    bool same = ok(doc_write_json(was, &a)) && ok(doc_write_json(is, &b)) && bytes_equal(buffer_view(&a), buffer_view(&b));
    buffer_deinit(&a);
    buffer_deinit(&b);
    return same;
}

static int insert(struct cli *c, const char *path, struct buffer *text, const struct rows *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buffer next = BUFFER(32u << 20);
        if (!r[i].n) continue;
        outcome o = propose_insert(buffer_view(text), r[i].section, (const char *const *)r[i].lines, r[i].n, &next);
        if (!ok(o)) {
            buffer_deinit(&next);
            return complain(c, EXIT_CONFIGURATION, "SK-1140", cli_say(c, W_PROPOSE_INLINE), r[i].section, path);
        }
        buffer_deinit(text);
        *text = next;
    }
    return EXIT_OK;
}

/* The text is read again before it becomes the file. */
static int proven(struct sitting *s, const char *path, struct bytes text, const struct rows *r, size_t n)
{
    char trial[PATH + 16];
    struct doc *was = NULL, *is = NULL;
    bool model = path != s->beside;
    snprintf(trial, sizeof trial, "%s.trial-%d", path, (int)getpid());
    int code = access(path, F_OK) == 0 ? read_yaml(s->c, path, &was) : EXIT_OK;
    if (!was) was = doc_map(&s->c->arena);
    if (!code) code = write_file(s->c, trial, text, 0600);
    if (!code) code = model ? read_model(s->c, trial, &is, NULL) : read_yaml(s->c, trial, &is);
    bool good = !code && as_expected(s->c, was, is, r, n);
    unlink(trial);
    if (!code && !good) code = EXIT_CONFIGURATION;
    return code ? complain(s->c, code, "SK-1141", cli_say(s->c, W_PROPOSE_UNSAFE), path, NULL) : EXIT_OK;
}

static void print_rows(const char *path, const struct rows *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r[i].n; k++) printf("%s: %s: + - %s\n", path, r[i].section, r[i].lines[k]);
}

static int write_rows(struct sitting *s, const char *path, const struct rows *r, size_t n)
{
    static const char first[] = "# What the site saw and an owner declined; `sekimori mission propose` does not ask it again until its row is taken out.\n";
    struct buffer text = BUFFER(32u << 20);
    struct stat st = { .st_mode = 0644 };
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += r[i].n;
    if (!total) return EXIT_OK;
    bool there = stat(path, &st) == 0;
    int code = there ? read_file(s->c, path, &text) : EXIT_OK;
    if (!code && !there && !ok(buffer_put(&text, bytes_str(first)))) code = EXIT_FAILED;
    if (!code) code = insert(s->c, path, &text, r, n);
    if (!code) code = proven(s, path, buffer_view(&text), r, n);
    if (!code && !s->c->dry_run) code = write_file(s->c, path, buffer_view(&text), st.st_mode & 0777);
    if (!code) print_rows(path, r, n);
    buffer_deinit(&text);
    return code;
}

/* ---- answers ---- */

static int confirm(struct sitting *s, const struct proposal *x, struct rows groups_flows[2])
{
    char note[300];
    struct doc *rows = propose_rows(x, &s->keep);
    struct out o = out_of(note, sizeof note - 1);
    put_fmt(&o, "seen %llu since %.10s, entries", (unsigned long long)x->count, *x->since ? x->since : s->day);
    for (size_t i = 0; i < PROPOSE_ENTRIES && x->entries[i]; i++) put_fmt(&o, " %lld", (long long)x->entries[i]);
    put_fmt(&o, "; confirmed by %.120s %.10s", s->person, s->day);
    note[o.n] = 0;
    int code = rows && !o.over ? EXIT_OK : EXIT_FAILED;
    for (struct doc *d = rows ? rows->first : NULL; d && !code; d = d->next) {
        struct doc *row = d->first;
        while (row && strcmp(row->key, "row") != 0) row = row->next;
        struct doc *copy = row ? arena_new(&s->keep, sizeof *copy) : NULL;
        if (!copy) return EXIT_FAILED;
        *copy = *row;
        copy->next = NULL, copy->key = NULL; /* it joins a list of its own */
        code = add(s, &groups_flows[strcmp(doc_text(d, "section", ""), "flows") == 0], copy, note);
    }
    return code;
}

static int decline(struct sitting *s, const struct proposal *x, const char *reason, struct rows *r)
{
    struct arena *a = &s->keep;
    char why[600];
    struct doc *d = doc_map(a), *members = doc_list(a);
    text_shown(bytes_str(reason), why, sizeof why);
    doc_set_text(a, d, "id", x->id);
    if (*x->to) doc_set_text(a, d, "from", x->from), doc_set_text(a, d, "to", x->to);
    for (size_t i = 0; i < x->n_members; i++) doc_add(members, doc_text_new(a, x->members[i]));
    if (x->n_members) doc_set(a, d, "members", members);
    doc_set_text(a, d, "reason", why);
    doc_set_text(a, d, "who", s->person);
    doc_set_text(a, d, "when", s->day);
    return add(s, r, d, NULL);
}

static struct proposal *asked(struct sitting *s, const char *id, int *code)
{
    struct proposal *x = propose_find(&s->p, id);
    if (!x) *code = complain(s->c, EXIT_NOT_FOUND, "SK-1142", cli_say(s->c, W_PROPOSE_UNKNOWN), id, "sekimori mission propose MODEL");
    return x;
}

static int answer(struct sitting *s)
{
    struct rows in[2] = { { .section = "groups" }, { .section = "flows" } }, out = { .section = "declined" };
    const char *id;
    int code = EXIT_OK;
    for (size_t k = 0; !code && (id = flag_nth(s->c, "confirm", k)); k++) {
        const struct proposal *x = asked(s, id, &code);
        if (x) code = confirm(s, x, in);
    }
    for (size_t k = 0; !code && (id = flag_nth(s->c, "decline", k)); k++) {
        const struct proposal *x = asked(s, id, &code);
        if (x) code = decline(s, x, flag_nth(s->c, "reason", k), &out);
    }
    if (!code) code = write_rows(s, s->path, in, 2);
    if (!code) code = write_rows(s, s->beside, &out, 1);
    if (code) return code;
    if (s->c->dry_run) printf("%s\n", cli_say(s->c, W_DRY_RUN));
    else if (in[1].n + in[0].n) printf("%s: sekimori mission check %s; sekimori mission new %s --out ...\n", cli_say(s->c, W_TRY), s->path, s->path);
    return EXIT_OK;
}

/* ---- the sitting ---- */

static size_t flags_of(const struct cli *c, const char *name)
{
    size_t n = 0;
    while (flag_nth(c, name, n)) n++;
    return n;
}

static int judged(const struct cli *c)
{
    size_t confirmed = flags_of(c, "confirm"), declined = flags_of(c, "decline"), reasons = flags_of(c, "reason");
    if (c->n_args != 1) return complain_usage(c);
    if (reasons < declined) return need_flag(c, "reason");
    if (reasons > declined) return complain_usage(c);
    for (size_t k = 0; k < declined; k++) {
        if (!*flag_nth(c, "reason", k)) return need_flag(c, "reason");
        for (size_t i = 0; i < confirmed; i++)
            if (strcmp(flag_nth(c, "confirm", i), flag_nth(c, "decline", k)) == 0) return complain_usage(c);
    }
    if (confirmed + declined > PROPOSE_SITTING) return complain(c, EXIT_USAGE, "SK-1143", cli_say(c, W_PROPOSE_FIVE), NULL, NULL);
    return EXIT_OK;
}

/* mission.yaml -> mission.declined.yaml */
static bool name_beside(struct sitting *s)
{
    size_t n = strlen(s->path);
    if (n > 5 && strcmp(s->path + n - 5, ".yaml") == 0) n -= 5;
    else if (n > 4 && strcmp(s->path + n - 4, ".yml") == 0) n -= 4;
    return (size_t)snprintf(s->beside, sizeof s->beside, "%.*s.declined.yaml", (int)n, s->path) < sizeof s->beside;
}

static void name_person(struct sitting *s)
{
    const struct passwd *me = getpwuid(getuid());
    const char *who = flag(s->c, "person") ? flag(s->c, "person") : getenv("SUDO_USER");
    if (!who || !*who) who = me ? me->pw_name : "?";
    text_shown(bytes_str(who), s->person, sizeof s->person);
    time_text(port_wall_ms(), s->day);
}

/* What was declined, kept where the pages of the record do not take it away. */
static int read_declined(struct sitting *s)
{
    struct buffer b = BUFFER(16u << 20);
    struct doc *d = NULL;
    if (access(s->beside, F_OK) != 0) return EXIT_OK;
    int code = read_yaml(s->c, s->beside, &d);
    if (code) return code;
    bool good = ok(doc_write_json(d, &b)) && ok(doc_read_json(buffer_view(&b), &s->keep, &d));
    buffer_deinit(&b);
    s->p.declined = good ? doc_get(d, "declined") : NULL;
    return good ? EXIT_OK : EXIT_FAILED;
}

static int sit(struct sitting *s)
{
    struct doc *tree;
    char *real = realpath(s->c->args[0], NULL);
    s->path = s->c->args[0];
    if (real && strlen(real) < PATH) s->path = arena_text(&s->keep, bytes_str(real)); /* a link stays a link */
    free(real);
    if (!s->path || !name_beside(s)) return EXIT_FAILED;
    name_person(s);
    int code = read_model(s->c, s->path, &tree, &s->model);
    if (!code) code = read_declined(s);
    s->p.model = s->model;
    if (!code) code = propose_look(s->c, &s->p, &s->unplaced);
    if (code) return code;
    if (flag(s->c, "confirm") || flag(s->c, "decline")) return answer(s);
    if (s->c->json) print_sitting_json(s);
    else print_sitting(s);
    return EXIT_OK;
}

int cmd_mission_propose(struct cli *c)
{
    int code = judged(c);
    if (code) return code;
    struct sitting *s = mem_new(sizeof *s);
    if (!s) return EXIT_FAILED;
    *s = (struct sitting) { .c = c, .keep = ARENA(32u << 20) };
    s->p.at = mem_new_array(PROPOSE_MOST, sizeof *s->p.at);
    code = s->p.at ? sit(s) : EXIT_FAILED;
    mem_free(s->p.at);
    mem_free(s->model);
    arena_deinit(&s->keep);
    mem_free(s);
    return code;
}
