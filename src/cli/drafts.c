/* Decisions on their way in the record: fetched to be signed offline, handed in with a signature more, sent or taken back. */
#include <stdio.h>

#include "cli/cli.h"

static int find(struct cli *c, const char *id, const struct doc **ret)
{
    const struct doc *list;
    int code = ask(c, "GET", "/api/v1/drafts", BYTES_NONE, &list);
    if (code) return code;
    for (const struct doc *d = list->first; d; d = d->next)
        if (strcmp(doc_text(d, "id", ""), id) == 0) return *ret = d, EXIT_OK;
    return complain(c, EXIT_NOT_FOUND, "SK-1117", cli_say(c, W_NO_DRAFT), id, "sekimori draft list");
}

/* The envelope as it stands: `sekimori draft sign` adds a signature anywhere, `sekimori draft apply` hands it in. */
int cmd_draft_export(struct cli *c)
{
    const struct doc *d;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "out")) return need_flag(c, "out");
    int code = find(c, c->args[0], &d);
    return code ? code : store_doc(c, flag(c, "out"), doc_get(d, "envelope"));
}

/* Only the signatures that the record does not have yet are handed in: the file may hold all. */
static int only_new(struct cli *c, const struct doc *file, struct doc **ret)
{
    const struct doc *all = doc_get(file, "signatures"), *drafts;
    int code = ask(c, "GET", "/api/v1/drafts", BYTES_NONE, &drafts);
    if (code || !all || all->kind != DOC_LIST) return code ? code : complain(c, EXIT_USAGE, "SK-1024", "malformed", c->args[0], NULL);
    struct doc *out = doc_map(&c->arena), *list = doc_list(&c->arena);
    const struct doc *known = NULL;
    for (const struct doc *d = drafts->first; d && !known; d = d->next)
        if (strcmp(doc_text(doc_get(d, "envelope"), "payload", ""), doc_text(file, "payload", "x")) == 0) known = doc_get(doc_get(d, "envelope"), "signatures");
    for (struct doc *s = all->first, *next; s; s = next) {
        const struct doc *k = known ? known->first : NULL;
        while (k && strcmp(doc_text(k, "keyid", ""), doc_text(s, "keyid", "x")) != 0) k = k->next;
        next = s->next;
        s->next = NULL;
        if (!k) doc_add(list, s);
    }
    doc_set_text(&c->arena, out, "payload", doc_text(file, "payload", ""));
    doc_set_text(&c->arena, out, "payloadType", doc_text(file, "payloadType", ""));
    doc_set(&c->arena, out, "signatures", list->count ? list : (struct doc *)all);
    *ret = out;
    return EXIT_OK;
}

int cmd_draft_apply(struct cli *c)
{
    struct buffer in, b = BUFFER(2u << 20);
    struct doc *file, *out = NULL;
    const struct doc *answer;
    if (c->n_args != 1) return complain_usage(c);
    int code = read_file(c, c->args[0], &in);
    if (code) return code;
    outcome o = doc_read_json(buffer_view(&in), &c->arena, &file);
    code = ok(o) ? only_new(c, file, &out) : complain(c, EXIT_USAGE, "SK-1024", code_word(o.code), c->args[0], NULL);
    if (!code && !ok(doc_write_json(out, &b))) code = EXIT_FAILED;
    if (!code && c->dry_run) printf("draft: %s\n", cli_say(c, W_DRY_RUN));
    else if (!code) code = ask(c, "POST", "/api/v1/documents/draft", buffer_view(&b), &answer);
    if (!code && !c->dry_run) printf("draft: %s\n", cli_say(c, W_APPLIED));
    buffer_deinit(&in);
    buffer_deinit(&b);
    return code;
}

/* send-back (asset owner, executive) or withdraw (mission owner), with words; signed like any document. */
int cmd_draft_answer(struct cli *c)
{
    struct buffer b = BUFFER(8192);
    const struct doc *payload;
    bool back = strcmp(c->command->verb, "return") == 0;
    if (c->n_args != 1) return complain_usage(c);
    if (!flag(c, "reason")) return need_flag(c, "reason");
    struct doc *wish = doc_map(&c->arena);
    doc_set_text(&c->arena, wish, "draft", c->args[0]);
    doc_set_text(&c->arena, wish, "answer", back ? "send-back" : "withdraw");
    doc_set_text(&c->arena, wish, "text", flag(c, "reason"));
    int code = ok(doc_write_json(wish, &b)) ? ask(c, "POST", "/api/v1/drafts/opinion", buffer_view(&b), &payload) : EXIT_FAILED;
    buffer_deinit(&b);
    return code ? code : sign_and_apply(c, payload);
}
