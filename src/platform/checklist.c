#include "platform/checklist.h"
#include "platform/member.h"

#include <stdio.h>

#include "crypto/hash.h"

const struct checklist_item checklist_items[] = {
#define X(id, part, of, measured, ja, en) { id, ja, en, part, of, measured },
    CHECKLIST_ITEMS_(X)
#undef X
};
const size_t checklist_items_n = sizeof checklist_items / sizeof *checklist_items;
_Static_assert(sizeof checklist_items / sizeof *checklist_items <= CHECKLIST_MAX, "an answer for each item");

static const char *const answers[CHECKLIST_ANSWERS] = { [ANSWER_NONE] = "", [ANSWER_YES] = "yes", [ANSWER_NO] = "no",
    [ANSWER_NOT_APPLICABLE] = "not-applicable" };

const char *checklist_answer_word(enum checklist_answer a)
{
    return answers[a];
}

bool checklist_asked(const struct checklist_item *item, enum role role)
{
    unsigned is = role == ROLE_DEVICE ? FOR_DEVICE : FOR_PERSON;
    if (role == ROLE_CONTRACTOR) is |= 4u;
    return item->of & is;
}

static outcome refuse(enum code code, const char *text, char why[CHECKLIST_WHY])
{
    if (why) snprintf(why, CHECKLIST_WHY, "%s", text);
    return (outcome) { code, 0, __FILE__ };
}

static size_t item_at(const char *id)
{
    size_t i = 0;
    while (i < checklist_items_n && strcmp(checklist_items[i].id, id) != 0) i++;
    return i;
}

static MUST outcome answer_parse(const char *word, enum checklist_answer *ret)
{
    for (unsigned a = ANSWER_YES; a < CHECKLIST_ANSWERS; a++)
        if (strcmp(answers[a], word) == 0) return *ret = (enum checklist_answer)a, DONE;
    return REFUSE(E_MALFORMED);
}

/* ---- judging ---- */

static MUST outcome judge_answer(const struct checklist *c, const struct doc *d, char why[CHECKLIST_WHY])
{
    enum checklist_answer a;
    size_t i = item_at(doc_text(d, "item", ""));
    if (i == checklist_items_n) return refuse(E_UNKNOWN, "item: no such item", why);
    if (!checklist_asked(&checklist_items[i], c->role)) return refuse(E_CONFLICT, "item: not asked of this identity", why);
    if (checklist_items[i].measured) return refuse(E_CONFLICT, "item: it is measured, not answered", why);
    if (!ok(answer_parse(doc_text(d, "answer", ""), &a))) return refuse(E_MALFORMED, "answer: expected yes, no or not-applicable", why);
    if (!member_words(doc_text(d, "by", ""), 64)) return refuse(E_MALFORMED, "by: expected who answers", why);
    if (!member_plain(doc_text(d, "note", "")) || strlen(doc_text(d, "note", "")) >= CHECKLIST_NOTE) return refuse(E_MALFORMED, "note: too long, or not plain text", why);
    bool needs = a == ANSWER_NOT_APPLICABLE && !doc_text(d, "note", "")[0];
    return needs ? refuse(E_MALFORMED, "note: expected why it is not applicable", why) : DONE;
}

static MUST outcome judge_sign(const struct checklist *c, const struct doc *d, char why[CHECKLIST_WHY])
{
    const struct checklist_item *open = checklist_open(c);
    if (!c->held) return refuse(E_CONFLICT, "it is signed already", why);
    if (!doc_text(d, "by", "")[0]) return refuse(E_MALFORMED, "by", why);
    return open ? refuse(E_CONFLICT, open->id, why) : DONE;
}

outcome checklist_judge(const struct checklists *all, const struct doc *d, char why[CHECKLIST_WHY])
{
    const char *what = doc_text(d, "what", "");
    enum role role = ROLE_NONE;
    bool by_role = strcmp(what, "ask") == 0 || strcmp(what, "begin") == 0;
    if (by_role && (!ok(role_parse(doc_text(d, "role", ""), &role)) || !role_invited(role))) return refuse(E_MALFORMED, "role: expected device, operator, viewer or contractor", why);
    if (strcmp(what, "ask") == 0) return doc_get(d, "on") ? DONE : refuse(E_MALFORMED, "on", why);
    const struct checklist *c = checklist_of(all, doc_text(d, "subject", ""));
    if (strcmp(what, "begin") == 0) {
        if (!registry_id_valid(bytes_str(doc_text(d, "subject", "")))) return refuse(E_MALFORMED, "subject", why);
        return c && c->held ? refuse(E_CONFLICT, "it is begun already", why) : DONE;
    }
    if (!c) return refuse(E_UNKNOWN, "no checklist is asked of this identity", why);
    if (strcmp(what, "answer") == 0) return judge_answer(c, d, why);
    return strcmp(what, "sign") == 0 ? judge_sign(c, d, why) : refuse(E_MALFORMED, "what", why);
}

/* ---- applying ---- */

static MUST outcome begin(struct checklists *all, const struct doc *d, int64_t at_ms)
{
    const char *id = doc_text(d, "subject", "");
    struct checklist *c = map_get(&all->of, bytes_str(id));
    bool fresh = !c;
    if (fresh && !(c = mem_new(sizeof *c))) return REFUSE(E_MEMORY);
    *c = (struct checklist) { .held = true, .begun_ms = at_ms };
    snprintf(c->subject, sizeof c->subject, "%.63s", id);
    (void)!ok(role_parse(doc_text(d, "role", ""), &c->role)); /* judged */
    outcome o = fresh ? map_put(&all->of, bytes_str(id), c) : DONE;
    if (!ok(o)) mem_free(c);
    return o;
}

static void answer(struct checklist *c, const struct doc *d, int64_t at_ms)
{
    size_t i = item_at(doc_text(d, "item", ""));
    (void)!ok(answer_parse(doc_text(d, "answer", ""), &c->answers[i].answer)); /* judged */
    snprintf(c->answers[i].note, CHECKLIST_NOTE, "%.159s", doc_text(d, "note", ""));
    snprintf(c->answers[i].by, sizeof c->answers[i].by, "%.63s", doc_text(d, "by", ""));
    c->answers[i].at_ms = at_ms;
    c->held = true; /* the signature was over other answers */
    c->signed_ms = 0;
}

outcome checklist_apply(struct checklists *all, const struct doc *d, int64_t at_ms)
{
    const char *what = doc_text(d, "what", "");
    enum role role = ROLE_NONE;
    TRY(checklist_judge(all, d, NULL));
    struct checklist *c = map_get(&all->of, bytes_str(doc_text(d, "subject", "")));
    if (strcmp(what, "ask") == 0) {
        TRY(role_parse(doc_text(d, "role", ""), &role));
        all->asked[role] = doc_bool(d, "on", false);
    } else if (strcmp(what, "begin") == 0) {
        TRY(begin(all, d, at_ms));
    } else if (strcmp(what, "answer") == 0) {
        answer(c, d, at_ms);
    } else {
        c->held = false;
        c->signed_ms = at_ms;
        snprintf(c->signed_by, sizeof c->signed_by, "%.63s", doc_text(d, "by", ""));
    }
    all->epoch++;
    return DONE;
}

void checklists_deinit(struct checklists *all)
{
    size_t at = 0;
    struct bytes key;
    void *c;
    while (map_next(&all->of, &at, &key, &c)) mem_free(c);
    map_deinit(&all->of);
}

/* ---- asking ---- */

const struct checklist *checklist_of(const struct checklists *all, const char *id)
{
    return all ? map_get(&all->of, bytes_str(id)) : NULL;
}

bool checklist_holds(const struct checklists *all, const char *id)
{
    const struct checklist *c = all && all->of.n ? map_get(&all->of, bytes_str(id)) : NULL;
    return c && c->held;
}

const struct checklist_item *checklist_open(const struct checklist *c)
{
    for (size_t i = 0; i < checklist_items_n; i++) {
        const struct checklist_item *item = &checklist_items[i];
        bool good = c->answers[i].answer == ANSWER_YES || c->answers[i].answer == ANSWER_NOT_APPLICABLE;
        if (!item->measured && checklist_asked(item, c->role) && !good) return item;
    }
    return NULL;
}

static const char *found_word(const char *item, const struct checklist_found *found, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(found[i].item, item) == 0) return answers[found[i].good ? ANSWER_YES : ANSWER_NO];
    return "";
}

static struct doc *row_doc(struct arena *a, const struct checklist *c, size_t i)
{
    const struct checklist_item *item = &checklist_items[i];
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "item", item->id);
    doc_set_text(a, d, "part", item->part == PART_PROVIDER ? "provider" : "user");
    doc_set_text(a, d, "text_ja", item->ja);
    doc_set_text(a, d, "text_en", item->en);
    doc_set_bool(a, d, "measured", item->measured);
    doc_set_text(a, d, "answer", answers[c->answers[i].answer]);
    doc_set_text(a, d, "note", c->answers[i].note);
    doc_set_text(a, d, "by", c->answers[i].by);
    doc_set_time(a, d, "at", c->answers[i].at_ms);
    return d;
}

struct doc *checklist_doc(struct arena *a, const struct checklist *c, const struct checklist_found *found, size_t n)
{
    struct doc *d = doc_map(a), *rows = doc_list(a);
    char sha256[65] = "";
    (void)!ok(checklist_sha256(c, sha256));
    for (size_t i = 0; i < checklist_items_n; i++) {
        if (!checklist_asked(&checklist_items[i], c->role)) continue;
        struct doc *row = row_doc(a, c, i);
        if (checklist_items[i].measured) doc_set_text(a, row, "answer", found_word(checklist_items[i].id, found, n));
        doc_add(rows, row);
    }
    doc_set_text(a, d, "subject", c->subject);
    doc_set_text(a, d, "role", role_word(c->role));
    doc_set_bool(a, d, "held", c->held);
    doc_set_time(a, d, "begun", c->begun_ms);
    doc_set_time(a, d, "signed", c->signed_ms);
    doc_set_text(a, d, "signed_by", c->signed_by);
    doc_set_text(a, d, "answers_sha256", arena_text(a, bytes_str(sha256)));
    doc_set(a, d, "items", rows);
    return d;
}

outcome checklist_sha256(const struct checklist *c, char ret[65])
{
    struct buffer b = BUFFER(65536);
    struct hash h;
    outcome o = buffer_put(&b, bytes_str(c->subject));
    for (size_t i = 0; ok(o) && i < checklist_items_n; i++) {
        char head[160];
        snprintf(head, sizeof head, "\n%s\n%s\n%s\n", checklist_items[i].id, answers[c->answers[i].answer], c->answers[i].by);
        o = buffer_put(&b, bytes_str(head));
        if (ok(o)) o = buffer_put(&b, bytes_str(c->answers[i].note));
    }
    if (ok(o)) {
        hash_sha256(buffer_view(&b), &h);
        hex_of(hash_view(&h), ret);
    }
    buffer_deinit(&b);
    return o;
}
