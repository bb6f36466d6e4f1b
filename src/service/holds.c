/* A second person's word for a command that waits for one, and a person's finding about what was blocked. What two people must sign is not decided here (changes.c, release). */
#include <stdio.h>

#include "service/internal.h"

static const struct held *held_of(struct service *s, const char *id)
{
    const struct held *rows[1024];
    size_t n = exchange_held(s->port.exchange, rows, 1024);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i]->id, id) == 0) return rows[i];
    return NULL;
}

static const struct problem not_second[] = {
    [SECOND_ITSELF] = { 403, "SK-1422", "送信した本人は、二人目になれません", "the second person is another than its sender",
        "別の人が承認してください（sekimori user list）", "have another person approve it (sekimori user list)" },
    [SECOND_SAME_PERSON] = { 403, "SK-1430", "送信した道具の持ち主本人は、別の資格情報でも二人目になれません",
        "whoever's tool sent it cannot be its second person, by whatever credential",
        "別の人が承認してください（sekimori user list）", "have another person approve it (sekimori user list)" },
};

/* Whose tool sent it, as it was when it was held, or as it is known by now; "": not known. */
static const char *whose(struct service *s, const struct held *h)
{
    return h->person[0] ? h->person : registry_person(s->port.registry, h->from);
}

/* Who approves, where that is somebody in the table of people; "": root on the machine, who may be anybody. */
static const char *approver(struct service *s, const struct request *q)
{
    const struct user *u = q->caller->person || q->caller->kind == CALLER_TOKEN ? users_find(s->port.users, q->caller->name) : NULL;
    return u ? u->id : "";
}

/* What was compared: persons where both are known, else names alone. */
static void set_persons(struct service *s, struct request *q, const struct held *h, struct doc *d)
{
    const char *sender = whose(s, h), *second = approver(s, q);
    doc_set_text(&q->arena, d, "sender_person", sender);
    doc_set_text(&q->arena, d, "approver_person", second);
    doc_set_text(&q->arena, d, "compared", sender[0] && second[0] ? "persons" : "names");
}

/* Somebody tried to be both. */
static MUST outcome write_refused(struct service *s, struct request *q, const struct held *h, enum second why)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "what", "approval-refused");
    doc_set_text(&q->arena, d, "id", h->id);
    doc_set_text(&q->arena, d, "by", q->caller->name);
    if (q->caller->token[0]) doc_set_text(&q->arena, d, "token", q->caller->token);
    doc_set_text(&q->arena, d, "sender", h->from);
    doc_set_text(&q->arena, d, "topic", h->topic);
    doc_set_text(&q->arena, d, "reason", why == SECOND_SAME_PERSON ? "same-person" : "its-sender");
    set_persons(s, q, h, d);
    return s->port.write(s->port.ctx, ENTRY_AUDIT, d, false);
}

static MUST outcome cannot(struct service *s, struct request *q, const struct held *h)
{
    if (strcmp(h->why, "two-person") != 0)
        return answer_problem(q, 403, "SK-1421", "it waits for two people's signatures: sekimori limit release", h->limit[0] ? h->limit : h->why);
    enum second w = exchange_second(s->port.exchange, h, q->caller->name);
    if (w == SECOND_ANOTHER) return DONE;
    TRY(write_refused(s, q, h, w));
    return answer_said(q, &not_second[w], w == SECOND_SAME_PERSON ? whose(s, h) : h->from);
}

/* What would become of it now; changes nothing. */
static MUST outcome try_only(struct service *s, struct request *q, const struct held *h)
{
    static const char *const words[] = { "deny", "allow", "hold", "flag" };
    struct verdict v;
    struct doc *d = doc_map(&q->arena), *list = doc_list(&q->arena);
    set_persons(s, q, h, d);
    TRY(exchange_forecast_held(s->port.exchange, h->id, &q->arena, list, &v));
    doc_set_bool(&q->arena, d, "dry_run", true);
    doc_set_text(&q->arena, d, "ruling", words[v.ruling]);
    doc_set_text(&q->arena, d, "word", v.word);
    doc_set(&q->arena, d, "steps", list);
    return answer_doc(q, d);
}

/* Who, why and about what: durable before anything moves. */
static MUST outcome write_word(struct service *s, struct request *q, const struct held *h, const char *reason)
{
    char hash[65];
    struct doc *d = doc_map(&q->arena);
    hex_of(bytes_of(h->payload_hash, sizeof h->payload_hash), hash);
    doc_set_text(&q->arena, d, "what", "command-approved");
    doc_set_text(&q->arena, d, "id", h->id);
    doc_set_text(&q->arena, d, "by", q->caller->name);
    if (q->caller->token[0]) doc_set_text(&q->arena, d, "token", q->caller->token);
    doc_set_text(&q->arena, d, "sender", h->from);
    set_persons(s, q, h, d);
    doc_set_text(&q->arena, d, "topic", h->topic);
    doc_set_text(&q->arena, d, "payload_sha256", hash);
    doc_set_text(&q->arena, d, "reason", reason);
    return s->port.write(s->port.ctx, ENTRY_AUDIT, d, true);
}

static MUST outcome approve(struct service *s, struct request *q, const struct held *h, const char *reason)
{
    char id[sizeof h->id];
    struct doc *said = doc_map(&q->arena);
    memcpy(id, h->id, sizeof id);
    set_persons(s, q, h, said);
    TRY(write_word(s, q, h, reason));
    outcome o = exchange_approve(s->port.exchange, id, q->caller->name);
    if (o.code == E_AGAIN) return answer_problem(q, 409, "SK-1423", "the device is not connected; it is still held", id);
    if (o.code == E_HELD) return answer_problem(q, 409, "SK-1424", "a limit came into force: it waits for two people's signatures now", id);
    if (o.code == E_DENIED) return answer_problem(q, 403, "SK-1425", "it may not go any more and was refused for good; the record says why", id);
    return ok(o) ? answer_doc(q, said) : o;
}

/* POST /api/v1/holds/{id}/approve {"reason", "dry_run"} */
outcome approve_hold(struct service *s, struct request *q)
{
    struct doc *in;
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", "dry_run", NULL }));
    if (q->status != 200) return DONE;
    const struct held *h = held_of(s, q->arg[0]);
    const char *reason = doc_text(in, "reason", "");
    if (!h) return REFUSE(E_UNKNOWN);
    TRY(cannot(s, q, h));
    if (q->status != 200) return DONE;
    if (doc_bool(in, "dry_run", false)) return try_only(s, q, h);
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    return approve(s, q, h, reason);
}

/* An entry that says something was blocked, and did not go in the end. */
static bool blocked(const struct ledger_entry *e, struct arena *a)
{
    struct doc *d = NULL;
    bool kind = e->kind == ENTRY_COMMAND || e->kind == ENTRY_HOLD || e->kind == ENTRY_AUDIT;
    if (!kind || e->pruned || !ok(doc_read_json(e->payload, a, &d))) return false;
    const char *what = doc_text(d, "what", ""), *reason = doc_text(d, "reason", "");
    if (e->kind == ENTRY_COMMAND) return strcmp(what, "command-refused") == 0;
    if (e->kind == ENTRY_HOLD) return strcmp(what, "command-expired") == 0 || strcmp(what, "command-dropped") == 0;
    return strcmp(what, "refused") == 0 && (strcmp(reason, "publish-refused") == 0 || strcmp(reason, "publish-kept-back") == 0
        || strcmp(reason, "subscribe-refused") == 0);
}

/* POST /api/v1/blocked/{entry}/harmless {"reason", "dry_run"}: a person's finding; changes nothing but the count. */
outcome find_harmless(struct service *s, struct request *q)
{
    struct doc *in;
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 64);
    struct ledger_entry e;
    uint64_t index = 0;
    TRY(body_of(q, &in));
    TRY(only_members(s, q, in, (const char *const[]) { "reason", "dry_run", NULL }));
    if (q->status != 200) return DONE;
    if (!ok(number_of(q->arg[0], &index))) return REFUSE(E_UNKNOWN);
    const char *reason = doc_text(in, "reason", "");
    bool there = index < ledger_durable(s->port.ledger) && ok(ledger_read(s->port.ledger, index, &b, &e)) && blocked(&e, &q->arena);
    buffer_deinit(&b);
    if (!there) return answer_problem(q, 404, "SK-1426", "no such entry, or it is not about something that was blocked and did not go", q->arg[0]);
    if (doc_bool(in, "dry_run", false)) return answer_doc(q, doc_map(&q->arena));
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    TRY(audit_named(s, q, "found-harmless", q->arg[0], reason));
    return answer_doc(q, doc_map(&q->arena));
}
