/* A row into a reviewed YAML file: one place is found, the lines go there, every other byte stays. Whoever calls reads the result again and
 * compares: what the text alone does not tell (a section inside a quoted text) is refused there. */
#include "cli/propose.h"

/* ---- a row as a line ---- */

static bool plain_text(const char *text)
{
    static const char *const taken[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };
    bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcasecmp(text, taken[i]) == 0) return false;
    for (const char *p = text; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *p)) return false;
    return letter;
}

/* A text in double quotes, as JSON has it: YAML reads it the same. */
static void put_text(const struct doc *d, struct out *o)
{
    struct buffer b = BUFFER(65536);
    if (plain_text(d->text)) put_str(o, d->text);
    else if (ok(doc_write_json(d, &b))) put(o, buffer_view(&b));
    else o->over = true;
    buffer_deinit(&b);
}

static void put_value(const struct doc *d, struct out *o, unsigned depth)
{
    bool map = d->kind == DOC_MAP;
    if (d->kind == DOC_TEXT) {
        put_text(d, o);
        return;
    }
    if ((!map && d->kind != DOC_LIST) || depth == 0) {
        o->over = true;
        return;
    }
    put_str(o, map ? "{" : "[");
    for (const struct doc *m = d->first; m; m = m->next) {
        if (map) put_fmt(o, "%s: ", m->key);
        put_value(m, o, depth - 1);
        if (m->next) put_str(o, ", ");
    }
    put_str(o, map ? "}" : "]");
}

void propose_line(const struct doc *row, struct out *o)
{
    if (row) put_value(row, o, 4);
    else o->over = true;
}

/* ---- where it goes ---- */

struct spot {
    size_t at, indent;          /* behind this byte */
    size_t cut_from, cut_to;    /* an empty [] that gives way; equal = none */
    bool found, items, crlf;
};

static bool blank_or_comment(struct bytes line)
{
    size_t i = 0;
    while (i < line.n && (line.at[i] == ' ' || line.at[i] == '\t' || line.at[i] == '\r')) i++;
    return i == line.n || line.at[i] == '#';
}

/* Behind "flows:": nothing, or [] alone. */
static outcome head(struct bytes line, size_t start, size_t colon, struct spot *s)
{
    size_t from = colon + 1, i = from;
    while (i < line.n && line.at[i] == ' ') i++;
    if (line.n - i >= 2 && line.at[i] == '[' && line.at[i + 1] == ']') {
        s->cut_from = start + from;
        s->cut_to = start + i + 2;
        i += 2;
    }
    struct bytes rest = bytes_of(line.at + i, line.n - i);
    bool apart = i == line.n || line.at[i] == ' ' || line.at[i] == '\r' || (line.at[i] == '#' && i > from);
    s->found = true;
    s->crlf = line.n && line.at[line.n - 1] == '\r';
    return apart && blank_or_comment(rest) ? DONE : REFUSE(E_UNSUPPORTED);
}

/* One line of the list. false: the list ended before it. */
static bool within(struct bytes line, struct spot *s, outcome *ret)
{
    size_t indent = 0;
    if (blank_or_comment(line)) return true;
    if (bytes_starts(line, BYTES_LIT("---")) || bytes_starts(line, BYTES_LIT("..."))) return false;
    while (indent < line.n && line.at[indent] == ' ') indent++;
    if (indent == 0 && line.at[0] != '-') return false;
    if (!s->items && line.at[indent] != '-') *ret = REFUSE(E_UNSUPPORTED);
    if (!s->items) s->indent = indent;
    s->items = true;
    return true;
}

static outcome find(struct bytes text, const char *section, struct spot *s)
{
    size_t n = strlen(section), end;
    outcome o = DONE;
    for (size_t start = 0; start < text.n && ok(o); start = end) {
        const uint8_t *nl = memchr(text.at + start, '\n', text.n - start);
        end = nl ? (size_t)(nl - text.at) + 1 : text.n;
        struct bytes line = bytes_of(text.at + start, end - start - (nl != NULL));
        if (!s->found) {
            bool here = line.n > n && memcmp(line.at, section, n) == 0 && line.at[n] == ':';
            if (here) o = head(line, start, n, s);
            if (here) s->at = end;
            continue;
        }
        if (!within(line, s, &o)) break;
        bool column0 = line.n && line.at[0] == '#';
        if (!column0 && line.n && !(blank_or_comment(line) && !memchr(line.at, '#', line.n))) s->at = end;
    }
    if (s->cut_to > s->cut_from && s->items) o = REFUSE(E_UNSUPPORTED);
    return o;
}

outcome propose_insert(struct bytes text, const char *section, const char *const *lines, size_t n, struct buffer *ret)
{
    struct spot s = { .indent = 2 };
    TRY(find(text, section, &s));
    if (!s.found) s.at = text.n, s.crlf = text.n > 1 && text.at[text.n - 2] == '\r';
    struct bytes nl = bytes_str(s.crlf ? "\r\n" : "\n");
    size_t cut = s.cut_to > s.cut_from ? s.cut_from : 0;
    TRY(buffer_put(ret, bytes_of(text.at, cut ? cut : s.at)));
    if (cut) TRY(buffer_put(ret, bytes_of(text.at + s.cut_to, s.at - s.cut_to)));
    if (s.at && text.at[s.at - 1] != '\n') TRY(buffer_put(ret, nl));
    if (!s.found) {
        if (s.at) TRY(buffer_put(ret, nl));
        TRY(buffer_put(ret, bytes_str(section)));
        TRY(buffer_put(ret, BYTES_LIT(":")));
        TRY(buffer_put(ret, nl));
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < s.indent; k++) TRY(buffer_put(ret, BYTES_LIT(" ")));
        TRY(buffer_put(ret, BYTES_LIT("- ")));
        TRY(buffer_put(ret, bytes_str(lines[i])));
        TRY(buffer_put(ret, nl));
    }
    return buffer_put(ret, bytes_of(text.at + s.at, text.n - s.at));
}
