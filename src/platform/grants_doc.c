/* A policy as a document again: what is shown and compared. */
#include <stdio.h>

#include "platform/grants_internal.h"

static struct doc *words_of(struct arena *a, const char *text)
{
    struct doc *list = doc_list(a);
    while (*(text += strspn(text, " "))) {
        size_t n = strcspn(text, " ");
        doc_add(list, doc_text_new(a, arena_text(a, bytes_of(text, n))));
        text += n;
    }
    return list;
}

static void set_when(struct arena *a, struct doc *row, const struct grant *g)
{
    static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
    char text[16];
    if (!g->trusted && !g->timed && !g->permitted && !g->emergency && !g->purposes[0]) return;
    struct doc *when = doc_map(a);
    if (g->trusted) doc_set_text(a, when, "trust", trust_word(g->trust));
    if (g->timed) {
        snprintf(text, sizeof text, "%02u:%02u-%02u:%02u", g->from_min / 60u % 100, g->from_min % 60u, g->to_min / 60u % 100, g->to_min % 60u);
        doc_set_text(a, when, "time", text);
    }
    struct doc *list = doc_list(a);
    for (unsigned d = 0; d < 7; d++)
        if (g->days & 1u << d) doc_add(list, doc_text_new(a, days[d]));
    if (g->timed && g->days != 0x7f) doc_set(a, when, "days", list);
    if (g->permitted) doc_set_bool(a, when, "permit", true);
    if (g->emergency) doc_set_bool(a, when, "emergency", true);
    if (g->purposes[0]) doc_set(a, when, "purpose", words_of(a, g->purposes));
    doc_set(a, row, "when", when);
}

static struct doc *row_doc(struct arena *a, const struct grant *g)
{
    static const char *const words[] = { "publish", "subscribe", "history", "command", "administer" };
    char subject[ID_MAX + 8];
    struct doc *row = doc_map(a), *actions = doc_list(a);
    doc_set_text(a, row, "id", g->id);
    doc_set_text(a, row, "subject", grant_subject_text(g, subject, sizeof subject));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (g->actions & 1u << i) doc_add(actions, doc_text_new(a, words[i]));
    doc_set(a, row, "action", actions);
    if (g->deny) doc_set_bool(a, row, "deny", true);
    else doc_set_text(a, row, "upto", label_word(g->upto));
    set_when(a, row, g);
    if (g->why[0]) doc_set_text(a, row, "why", g->why);
    if (g->authority[0]) doc_set_text(a, row, "authority", g->authority);
    if (g->appeal[0]) doc_set_text(a, row, "appeal", g->appeal);
    return row;
}

/* Needed by every timed row; kept where none is, as what else follows it. */
static void set_zone(struct arena *a, struct doc *d, const struct grants *g)
{
    char text[16];
    bool timed = false;
    for (size_t i = 0; g && i < g->n; i++) timed |= g->rows[i].timed;
    if (!g || (!timed && !g->zone_min)) return;
    unsigned min = (unsigned)(g->zone_min < 0 ? -g->zone_min : g->zone_min);
    snprintf(text, sizeof text, "%c%02u:%02u", g->zone_min < 0 ? '-' : '+', min / 60 % 100, min % 60);
    doc_set_text(a, d, "zone", text);
}

struct doc *grants_doc(const struct grants *g, const char *site, struct arena *a)
{
    size_t n;
    const struct grant *rows = grants_rows(g, &n);
    struct doc *d = doc_map(a), *list = doc_list(a), *streams = NULL;
    doc_set_text(a, d, "schema", GRANTS_SCHEMA);
    doc_set_text(a, d, "site", g ? g->site : site);
    set_zone(a, d, g);
    if (grants_source(g)[0]) doc_set_text(a, d, "source", g->source);
    if (grants_appeal(g)[0]) doc_set_text(a, d, "appeal", g->appeal);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(rows[i].id, rows[i - 1].id) != 0) {
            struct doc *row = row_doc(a, &rows[i]);
            streams = doc_list(a);
            if (grants_source(g)[0] && rows[i].line > 0) doc_set_int(a, row, "line", rows[i].line);
            doc_set(a, row, "stream", streams);
            doc_add(list, row);
        }
        doc_add(streams, doc_text_new(a, rows[i].stream[0] ? rows[i].stream : rows[i].pattern));
    }
    doc_set(a, d, "grants", list);
    return d;
}
