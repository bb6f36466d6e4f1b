/* YAML as a tree with lines, through libyaml; the daemon never sees YAML. Anchors, tags, several documents
 * and duplicate keys are refused: a reviewed file says one thing once. Files as well. */
#include <errno.h>
#include <stdio.h>
#include <yaml.h>

#include "cli/cli.h"

enum { FILE_BYTES_MAX = 16 << 20, DEPTH_MAX = 32 };

struct yaml_reader {
    yaml_parser_t parser;
    struct arena *arena;
    const char *wrong;   /* why, when refused */
    int line;
};

static bool plain_int(const char *s, int64_t *ret)
{
    bool minus = *s == '-';
    uint64_t v = 0;
    if (minus) s++;
    if (!*s || strlen(s) > 18 || (s[0] == '0' && s[1])) return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9') return false;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    *ret = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

static struct doc *scalar(struct yaml_reader *r, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    int64_t v;
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) return doc_bool_new(r->arena, text[0] == 't');
    if (plain && plain_int(text, &v)) return doc_int_new(r->arena, v);
    if (plain && (!*text || strcmp(text, "null") == 0 || strcmp(text, "~") == 0)) return arena_new(r->arena, sizeof(struct doc));
    return doc_text_new(r->arena, text);
}

static struct doc *node_of(struct yaml_reader *r, const yaml_event_t *e)
{
    struct doc *d = NULL;
    r->line = (int)e->start_mark.line + 1;
    switch (e->type) {
    case YAML_SCALAR_EVENT: d = scalar(r, e); break;
    case YAML_MAPPING_START_EVENT: d = doc_map(r->arena); break;
    case YAML_SEQUENCE_START_EVENT: d = doc_list(r->arena); break;
    case YAML_ALIAS_EVENT: r->wrong = "anchors and aliases are not used here"; return NULL;
    default: r->wrong = "unexpected structure"; return NULL;
    }
    if (!d) r->wrong = "too large";
    else d->line = r->line;
    return d;
}

/* One step of the tree walk: where the next node goes. */
struct place {
    struct doc *parent;
    char *key; /* a map waiting for its value */
    int line;  /* of that key: what people look for, also where the value starts below it */
};

static bool attach(struct yaml_reader *r, struct place *p, struct doc *d, const yaml_event_t *e)
{
    if (p->parent->kind == DOC_LIST) {
        doc_add(p->parent, d);
        return true;
    }
    if (!p->key) {
        if (e->type != YAML_SCALAR_EVENT) return r->wrong = "a key must be a word", false;
        p->key = arena_text(r->arena, bytes_str((const char *)e->data.scalar.value));
        p->line = d->line;
        if (p->key && doc_get(p->parent, p->key)) return r->wrong = "this key is given twice", false;
        return p->key != NULL;
    }
    d->line = p->line;
    doc_set(r->arena, p->parent, p->key, d);
    p->key = NULL;
    return true;
}

static bool is_key(const struct place *p)
{
    return p->parent && p->parent->kind == DOC_MAP && !p->key;
}

static bool take_event(struct yaml_reader *r, const yaml_event_t *e, struct place *stack, size_t *depth, struct doc **root)
{
    struct place *top = &stack[*depth];
    if (e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT) {
        (*depth)--;
        return true;
    }
    struct doc *d = node_of(r, e);
    if (!d) return false;
    bool key = is_key(top);
    if (!top->parent) {
        if (*root) return r->wrong = "more than one document", false;
        *root = d;
    } else if (!attach(r, top, d, e)) return false;
    if (key || e->type == YAML_SCALAR_EVENT) return true;
    if (*depth + 1 >= DEPTH_MAX) return r->wrong = "nested too deeply", false;
    stack[++*depth] = (struct place) { d, NULL, 0 };
    return true;
}

static bool parse(struct yaml_reader *r, struct doc **ret)
{
    struct place stack[DEPTH_MAX] = { { NULL, NULL, 0 } };
    size_t depth = 0;
    struct doc *root = NULL;
    for (bool more = true; more;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&r->parser, &e)) {
            r->line = (int)r->parser.problem_mark.line + 1;
            r->wrong = r->parser.problem;
            return false;
        }
        bool structure = e.type == YAML_STREAM_START_EVENT || e.type == YAML_DOCUMENT_START_EVENT
            || e.type == YAML_DOCUMENT_END_EVENT || e.type == YAML_STREAM_END_EVENT;
        more = e.type != YAML_STREAM_END_EVENT;
        bool good = structure || take_event(r, &e, stack, &depth, &root);
        yaml_event_delete(&e);
        if (!good) return false;
    }
    *ret = root;
    if (!root) r->wrong = "the file is empty";
    return root != NULL;
}

int read_file(struct cli *c, const char *path, struct buffer *ret)
{
    outcome o = port_file_load(path, FILE_BYTES_MAX, ret);
    if (ok(o)) return EXIT_OK;
    char what[200];
    snprintf(what, sizeof what, "%s: %s", cli_say(c, W_FILE), o.sys ? strerror(o.sys) : code_word(o.code));
    return complain(c, EXIT_CONFIGURATION, "SK-1004", what, path, NULL);
}

int write_file(struct cli *c, const char *path, struct bytes b, int mode)
{
    outcome o = port_file_store(path, b, mode);
    if (ok(o)) return EXIT_OK;
    char what[200];
    snprintf(what, sizeof what, "%s: %s", cli_say(c, W_WRITE), strerror(o.sys));
    return complain(c, EXIT_FAILED, "SK-1005", what, path, NULL);
}

int read_yaml(struct cli *c, const char *path, struct doc **ret)
{
    struct buffer text;
    struct yaml_reader r = { .arena = &c->arena, .wrong = "out of memory" };
    int code = read_file(c, path, &text);
    if (code) return code;
    bool good = yaml_parser_initialize(&r.parser) == 1;
    if (good) {
        yaml_parser_set_input_string(&r.parser, text.at, text.n);
        good = parse(&r, ret);
        yaml_parser_delete(&r.parser);
    }
    buffer_deinit(&text);
    if (good) return EXIT_OK;
    char what[300], at[300];
    snprintf(what, sizeof what, "%s: %s", cli_say(c, W_YAML), r.wrong ? r.wrong : "?");
    snprintf(at, sizeof at, "%s:%d", path, r.line);
    return complain(c, EXIT_CONFIGURATION, "SK-1006", what, at, NULL);
}

/* Control characters end no line and steer no terminal: they become blanks. */
void print_cell(const char *text, bool last)
{
    bool formula = *text && strchr("=+-@\t\r", *text);
    bool quoted = formula || strpbrk(text, ",\"\n\r");
    if (quoted) putchar('"');
    if (formula) putchar('\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"') putchar('"');
        putchar((unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p);
    }
    if (quoted) putchar('"');
    fputs(last ? "\r\n" : ",", stdout);
}

void print_json(const struct doc *d)
{
    struct buffer b = BUFFER(64u << 20);
    if (ok(doc_write_json(d, &b))) printf("%.*s\n", (int)b.n, (const char *)b.at);
    buffer_deinit(&b);
}
