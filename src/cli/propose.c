/* Which rows a model file lacks; see propose.h. */
#include "cli/propose.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "watch/address.h"

const char *seen_word(enum seen_class k)
{
    static const char *const words[SEEN_CLASSES] = { "command", "peer", "reading", "unmanaged", "unknown-host" };
    return words[k];
}

static void keep(char *to, size_t size, const char *text)
{
    size_t n = strlen(text);
    while (n >= size) n--;
    while (n && n < strlen(text) && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    memcpy(to, text, n);
    to[n] = 0;
}

/* ---- ids ---- */

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What had to be changed or cut gets four bytes of its hash: two such texts stay two ids. */
void propose_id(const char *text, char ret[MODEL_ID])
{
    size_t n = 0, most = MODEL_ID - 10;
    bool same = true;
    for (const char *p = text; *p; p++) {
        bool good = letter(*p) || ((*p == '-' || *p == '_') && n);
        same = same && good;
        if (n == most) break;
        if (good) ret[n++] = *p;
        else if (n && ret[n - 1] != '-') ret[n++] = '-';
    }
    if (same && n && strlen(text) == n) {
        ret[n] = 0;
        return;
    }
    struct hash h;
    hash_sha256(bytes_str(text), &h);
    while (n && ret[n - 1] == '-') n--;
    struct bytes b = hash_view(&h);
    snprintf(ret + n, MODEL_ID - n, "%s%02x%02x%02x%02x", n ? "-" : "x", b.at[0], b.at[1], b.at[2], b.at[3]);
}

static bool flow_id_taken(const struct model *m, const char *id)
{
    for (size_t i = 0; i < m->n_flows; i++)
        if (strcmp(m->flows[i].id, id) == 0) return true;
    return false;
}

static void free_id(const struct proposals *p, const char *wish, char ret[MODEL_ID])
{
    propose_id(wish, ret);
    size_t n = strlen(ret);
    for (unsigned k = 2; k < 1000; k++) {
        bool taken = flow_id_taken(p->model, ret);
        for (size_t i = 0; i < p->n; i++) taken |= p->at[i].id != ret && strcmp(p->at[i].id, ret) == 0; /* ret may be its own */
        if (!taken) return;
        snprintf(ret + n, MODEL_ID - n, "-%u", k);
    }
}

const char *propose_group_of(const struct model *m, const char *asset, const char *enrolled)
{
    for (size_t i = 0; i < m->n_groups; i++)
        for (size_t k = 0; k < m->groups[i].n_members; k++)
            if (strcmp(m->groups[i].members[k], asset) == 0) return m->groups[i].id;
    size_t at = *enrolled ? model_group(m, enrolled) : SIZE_MAX;
    return at == SIZE_MAX ? NULL : m->groups[at].id;
}

/* ---- what the file lacks ---- */

static bool has_flow(const struct model *m, const char *from, const char *to)
{
    for (size_t i = 0; i < m->n_flows; i++)
        if (strcmp(m->flows[i].from, from) == 0 && strcmp(m->flows[i].to, to) == 0) return true;
    return false;
}

static bool lists(const struct doc *list, const char *text)
{
    for (const struct doc *m = list && list->kind == DOC_LIST ? list->first : NULL; m; m = m->next)
        if (m->kind == DOC_TEXT && strcmp(m->text, text) == 0) return true;
    return false;
}

bool propose_is_declined(const struct proposals *p, const char *from, const char *to, const char *member)
{
    for (const struct doc *d = p->declined && p->declined->kind == DOC_LIST ? p->declined->first : NULL; d; d = d->next) {
        if (member && lists(doc_get(d, "members"), member)) return true;
        if (*to && strcmp(doc_text(d, "from", ""), from) == 0 && strcmp(doc_text(d, "to", ""), to) == 0) return true;
    }
    return false;
}

static struct proposal *begin(struct proposals *p, enum seen_class seen)
{
    if (p->n == PROPOSE_MOST) {
        p->left++;
        return NULL;
    }
    struct proposal *x = &p->at[p->n++];
    *x = (struct proposal) { .seen = seen };
    return x;
}

struct proposal *propose_flow(struct proposals *p, enum seen_class seen, const char *from, const char *to)
{
    if (!*from || !*to || strcmp(from, to) == 0 || has_flow(p->model, from, to) || propose_is_declined(p, from, to, NULL)) return NULL;
    for (size_t i = 0; i < p->n; i++) {
        struct proposal *x = &p->at[i];
        if (strcmp(x->from, from) != 0 || strcmp(x->to, to) != 0) continue;
        if (seen < x->seen) x->seen = seen;
        return x;
    }
    struct proposal *x = begin(p, seen);
    if (!x) return NULL;
    keep(x->from, sizeof x->from, from);
    keep(x->to, sizeof x->to, to);
    return x;
}

struct proposal *propose_group(struct proposals *p, enum seen_class seen, const char *group)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->at[i].group, group) == 0) return &p->at[i];
    struct proposal *x = begin(p, seen);
    if (x) keep(x->group, sizeof x->group, group);
    return x;
}

static void note_entry(struct proposal *x, int64_t entry)
{
    size_t at = 0;
    while (at < PROPOSE_ENTRIES && x->entries[at] > entry) at++;
    if (entry <= 0 || at == PROPOSE_ENTRIES || x->entries[at] == entry) return;
    memmove(&x->entries[at + 1], &x->entries[at], (PROPOSE_ENTRIES - 1 - at) * sizeof x->entries[0]);
    x->entries[at] = entry;
}

void propose_saw(struct proposal *x, const struct sighting *s)
{
    x->count += s->count ? s->count : 1;
    if (*s->at && (!x->since[0] || strcmp(s->at, x->since) < 0)) keep(x->since, sizeof x->since, s->at);
    note_entry(x, s->entry);
    if (x->what[0] && strcmp(s->at, x->last) < 0) return;
    keep(x->last, sizeof x->last, s->at);
    text_shown(bytes_str(s->what), x->what, sizeof x->what);
    text_shown(bytes_str(s->who), x->who, sizeof x->who);
    text_shown(bytes_str(s->whom), x->whom, sizeof x->whom);
}

/* ---- order ---- */

static uint32_t effect_of(const struct model *m, const char *group)
{
    uint32_t most = 0;
    for (size_t i = 0; i < m->n_functions; i++)
        for (size_t k = 0; k < m->functions[i].n_depends; k++)
            if (strcmp(m->functions[i].depends[k], group) == 0 && m->functions[i].effect_mille[k] > most) most = m->functions[i].effect_mille[k];
    return most;
}

static int by_consequence(const void *a, const void *b)
{
    const struct proposal *x = a, *y = b;
    if (x->seen != y->seen) return x->seen < y->seen ? -1 : 1;
    if (x->effect_mille != y->effect_mille) return x->effect_mille > y->effect_mille ? -1 : 1;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    int from = strcmp(x->from, y->from), to = strcmp(x->to, y->to);
    return from ? from : to ? to : strcmp(x->group, y->group);
}

void propose_rank(struct proposals *p)
{
    char wish[2 * MODEL_ID];
    for (size_t i = 0; i < p->n; i++) {
        struct proposal *x = &p->at[i];
        x->effect_mille = effect_of(p->model, x->to);
        snprintf(wish, sizeof wish, "%s-%s", x->from, x->to);
        if (*x->to) free_id(p, wish, x->id);
        else keep(x->id, sizeof x->id, x->group);
    }
    qsort(p->at, p->n, sizeof *p->at, by_consequence);
}

struct proposal *propose_find(struct proposals *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->at[i].id, id) == 0) return &p->at[i];
    return NULL;
}

/* ---- rows ---- */

static void add_row(struct arena *a, struct doc *rows, const char *section, struct doc *row)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "section", section);
    doc_set(a, d, "row", row);
    doc_add(rows, d);
}

static struct doc *group_row(const struct proposal *x, struct arena *a)
{
    struct doc *row = doc_map(a), *name = doc_map(a), *members = doc_list(a);
    doc_set_text(a, name, "ja", x->name_ja);
    doc_set_text(a, name, "en", x->name_en);
    doc_set_text(a, row, "id", x->group);
    doc_set(a, row, "name", name);
    doc_set_text(a, row, "layer", x->layer);
    for (size_t i = 0; i < x->n_members; i++) doc_add(members, doc_text_new(a, x->members[i]));
    if (x->n_members) doc_set(a, row, "members", members);
    return row;
}

struct doc *propose_rows(const struct proposal *x, struct arena *a)
{
    struct doc *rows = doc_list(a), *row = doc_map(a);
    if (*x->group) add_row(a, rows, "groups", group_row(x, a));
    if (!*x->to) return rows;
    doc_set_text(a, row, "id", x->id);
    doc_set_text(a, row, "from", x->from);
    doc_set_text(a, row, "to", x->to);
    doc_set_text(a, row, "carries", x->what);
    add_row(a, rows, "flows", row);
    return rows;
}
