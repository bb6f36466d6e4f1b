/* Writing: every change is a document, recorded durably before it is answered. */
#include <stdio.h>

#include "assurance/draft.h"
#include "assurance/public.h"
#include "service/internal.h"
#include "platform/declared.h"
#include "platform/derived.h"
#include "wire/invite.h"

outcome body_of(struct request *q, struct doc **ret)
{
    TRY(doc_read_json(q->http->body, &q->arena, ret));
    return (*ret)->kind == DOC_MAP ? DONE : REFUSE(E_MALFORMED);
}

outcome audit_named(struct service *s, struct request *q, const char *what, const char *id, const char *reason)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "what", what);
    doc_set_text(&q->arena, d, "id", id);
    doc_set_text(&q->arena, d, "by", q->caller->name[0] ? q->caller->name : id);
    if (q->caller->token[0]) doc_set_text(&q->arena, d, "token", q->caller->token);
    doc_set_text(&q->arena, d, "from", q->caller->source);
    doc_set_text(&q->arena, d, "reason", reason);
    const struct emergency *e = emergency_of_caller(s, q->caller);
    if (e) doc_set_text(&q->arena, d, "emergency", e->id);
    return s->port.write(s->port.ctx, ENTRY_AUDIT, d, false);
}

outcome only_members(struct service *s, struct request *q, const struct doc *body, const char *const *names)
{
    for (const struct doc *m = body->first; m; m = m->next) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], m->key) != 0) i++;
        if (names[i]) continue;
        TRY(audit_named(s, q, "member-refused", q->caller->name, m->key));
        return answer_problem(q, 400, "SK-1416", "no such member", m->key);
    }
    return DONE;
}

/* Whose tool it will be: somebody in the table of people, and nobody else than it was said to be before. */
static MUST outcome person_asked(struct service *s, struct request *q, const struct invite *i)
{
    static const struct problem nobody = { 400, "SK-1431", "person：利用者の一覧にいないか、失効した人です", "person: nobody in the table of people, or revoked",
        "先に登録してください（sekimori user new ID）", "register the person first (sekimori user new ID)" };
    static const struct problem device = { 400, "SK-1432", "person：機器には付けられません。人の道具（operator、viewer、contractor）だけです",
        "person: is for a person's tool (operator, viewer, contractor), not for a device", "--role operator を付けてください", "add --role operator" };
    static const struct problem other = { 409, "SK-1433", "その道具は別の人のもの、または人の道具として登録されています。持ち主は変えられません",
        "it is another person's tool; whose it is does not change", "別のIDで登録コードを発行し、古いほうは失効させてください（sekimori device revoke）",
        "issue the invite for another id and revoke the old one (sekimori device revoke)" };
    static const struct problem lent = { 403, "SK-1434", "person：ほかの人の道具だと言えるのは、管理者かこの機械の root だけです",
        "person: only an administrator, or root on the machine, may say it is somebody else's tool", "管理者に登録コードの発行を頼んでください", "have an administrator issue the invite" };
    bool user = q->caller->person || q->caller->kind == CALLER_TOKEN;
    const char *now = registry_person(s->port.registry, i->id), *person = i->person;
    if (now[0] && (!role_personal(i->role) || (person[0] && strcmp(now, person) != 0))) return answer_said(q, &other, now);
    if (!person[0]) return DONE;
    if (!role_personal(i->role)) return answer_said(q, &device, role_word(i->role));
    if (user && !(q->caller->roles & USER_BIT(USER_ADMINISTRATOR)) && strcmp(person, q->caller->name) != 0) return answer_said(q, &lent, person);
    const struct user *u = users_find(s->port.users, person);
    return u && !u->revoked ? DONE : answer_said(q, &nobody, person);
}

/* What the body says; *ret_good false: a problem is answered. */
static outcome invite_of(struct service *s, struct request *q, struct invite *i, bool *ret_good)
{
    struct doc *in;
    TRY(body_of(q, &in));
    const char *id = doc_text(in, "id", "");
    int64_t days = doc_int(in, "days", 7);
    *ret_good = false;
    if (!registry_id_valid(bytes_str(id))) return answer_problem(q, 400, "SK-1401", "id: expected small letters, digits and '-'", id);
    if (days < 1 || days > 90) return answer_problem(q, 400, "SK-1401", "days: expected 1 to 90", NULL);
    if (!ok(role_parse(doc_text(in, "role", "device"), &i->role)) || !role_invited(i->role))
        return answer_problem(q, 400, "SK-1401", "role: expected device, operator, viewer or contractor", doc_text(in, "role", ""));
    snprintf(i->id, sizeof i->id, "%s", id);
    snprintf(i->group, sizeof i->group, "%s", doc_text(in, "group", ""));
    snprintf(i->model, sizeof i->model, "%s", doc_text(in, "model", ""));
    i->until_ms = s->port.wall_ms(s->port.ctx) + days * MS_DAY;
    if (!ok(bytes_to_text(bytes_str(doc_text(in, "person", "")), i->person, sizeof i->person))) return REFUSE(E_TOO_LARGE);
    *ret_good = true;
    return DONE;
}

/* "sk/v1/<site>/<id>": what stands for a device where the grants are asked for "administer". */
static void device_place(const struct service *s, const char *id, char *text, size_t size)
{
    snprintf(text, size, "sk/v1/%s/%s", s->port.site, id);
}

/* An invite pins the root: it outlives whoever issues when it is used. */
static MUST outcome root_key_hash(struct bytes chain_pem, struct hash *ret)
{
    struct x509_facts f[8];
    size_t n = 0;
    TRY(x509_facts_all(chain_pem, f, sizeof f / sizeof *f, &n));
    memcpy(ret->at, f[n - 1].key_hash, sizeof ret->at);
    return DONE;
}

/* {"id","role","group","model","days","person"} -> {"url","until"} */
outcome change_invite(struct service *s, struct request *q)
{
    struct invite i = { 0 };
    struct hash h, ca;
    struct invite_url to = { .port = s->port.est_port };
    char url[INVITE_URL_MAX], until[TIME_TEXT], place[2 * ID_MAX + 16];
    bool good;
    outcome no = DONE;
    TRY(invite_of(s, q, &i, &good));
    if (!good) return DONE;
    device_place(s, i.id, place, sizeof place);
    if (!may_administer(s, q, place, &no)) return no;
    TRY(person_asked(s, q, &i));
    if (q->status != 200) return DONE;
    port_random(to.token, sizeof to.token);
    hash_sha256(bytes_of(to.token, sizeof to.token), &h);
    memcpy(i.token_hash, h.at, sizeof h.at);
    TRY(root_key_hash(buffer_view(s->port.ca_chain), &ca));
    memcpy(to.ca_key_hash, ca.at, sizeof to.ca_key_hash);
    TRY(bytes_to_text(bytes_str(s->port.host), to.host, sizeof to.host));
    TRY(invite_url_make(&to, url));
    explicit_bzero(&to, sizeof to);
    TRY(s->port.write(s->port.ctx, ENTRY_INVITE, registry_doc_invite(&q->arena, &i), true));
    time_text(i.until_ms, until);
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "url", url);
    doc_set_text(&q->arena, d, "until", until);
    return answer_doc(q, d);
}

static outcome step(struct service *s, struct request *q, const struct identity *who, const char *what, const char *from,
    const char *event, const char *to, const char *why)
{
    const struct doc *d = registry_doc_life(&q->arena, who->id, what, from, event, to, why, q->caller->name);
    return s->port.write(s->port.ctx, ENTRY_LIFE, d, true);
}

outcome device_step(struct service *s, struct request *q, const struct identity *who, enum life_event e, const char *why)
{
    enum life to;
    TRY(life_step(who->life, e, &to));
    return step(s, q, who, "life", life_word(who->life), life_event_word(e), life_word(to), why);
}

/* Whether the verb is one of a device's life; its links end by themselves (enrol_admit, exchange_rejudge). */
static bool life_verb(const char *verb, enum life_event *ret)
{
    static const enum life_event rows[] = { LIFE_LOSE, LIFE_TRANSFER, LIFE_RETIRE }; /* destroying takes two people: destruction.c */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(life_event_word(rows[i]), verb) != 0) continue;
        *ret = rows[i];
        return true;
    }
    return false;
}

/* POST /api/v1/devices/{id}/{revoke|quarantine|attest|lose|transfer|retire} {"reason"} */
outcome change_device(struct service *s, struct request *q)
{
    static const struct { const char *verb; enum trust_event event; } rows[] = { { "revoke", TRUST_REVOKE },
        { "quarantine", TRUST_QUARANTINE }, { "release", TRUST_RELEASE } };
    const struct identity *who = registry_identity(s->port.registry, q->arg[0]);
    struct doc *in = NULL;
    enum trust to;
    enum life_event life;
    outcome no = DONE;
    char place[2 * ID_MAX + 160];
    device_place(s, q->arg[0], place, sizeof place);
    if (!may_administer(s, q, place, &no)) return no; /* before anything is looked for: the same for what is not there */
    if (!who) return REFUSE(E_UNKNOWN);
    if (strcmp(q->arg[1], "attest") == 0) {
        TRY(s->port.challenge(s->port.ctx, who->id));
        return answer_doc(q, doc_map(&q->arena));
    }
    TRY(body_of(q, &in));
    const char *reason = doc_text(in, "reason", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].verb, q->arg[1]) != 0) continue;
        if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
        TRY(registry_trust_step(who, rows[i].event, &to));
        TRY(step(s, q, who, "trust", trust_word(who->trust), rows[i].verb, trust_word(to), reason));
        TRY(audit_named(s, q, rows[i].verb, who->id, reason));
        return answer_doc(q, doc_map(&q->arena));
    }
    if (!life_verb(q->arg[1], &life)) return REFUSE(E_UNKNOWN);
    if (!*reason) return answer_problem(q, 400, "SK-1401", "reason: expected why (--reason)", NULL);
    if (who->role != ROLE_DEVICE) return answer_problem(q, 409, "SK-1409", "only a device is lost, transferred or retired; a person is revoked", who->id);
    TRY(device_step(s, q, who, life, reason));
    TRY(audit_named(s, q, q->arg[1], who->id, reason));
    return answer_doc(q, doc_map(&q->arena));
}

outcome change_stream(struct service *s, struct request *q)
{
    struct doc *in;
    outcome no = DONE;
    TRY(body_of(q, &in));
    if (!may_administer(s, q, doc_text(in, "pattern", ""), &no)) return no;
    struct stream made = { 0 };
    char wrong[DERIVED_TEXT];
    TRY(declared_read(in, &made, NULL));
    if (derived_wrong(s->port.registry, &made, wrong)) return answer_problem(q, 409, "SK-1409", wrong, made.name);
    TRY(s->port.write(s->port.ctx, ENTRY_STREAM, in, true));
    TRY(audit_named(s, q, "stream-declared", doc_text(in, "name", ""), ""));
    return answer_doc(q, doc_map(&q->arena));
}

static outcome release(struct service *s, struct request *q, int64_t now_ms, char why[ASSURANCE_WHY])
{
    char hold[16], hash[65], held_hash[65];
    const struct held *rows[1024];
    TRY(assurance_release(s->port.assurance, q->http->body, now_ms, hold, hash, why));
    size_t n = exchange_held(s->port.exchange, rows, 1024);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i]->id, hold) != 0) continue;
        hex_of(bytes_of(rows[i]->payload_hash, sizeof rows[i]->payload_hash), held_hash);
        if (strcmp(hash, held_hash) == 0) return exchange_release(s->port.exchange, hold);
        snprintf(why, ASSURANCE_WHY, "other-payload: the signature is for another command");
        return REFUSE(E_DENIED);
    }
    snprintf(why, ASSURANCE_WHY, "unknown-hold: %s is not held (released, expired or never)", hold);
    return REFUSE(E_UNKNOWN);
}

/* POST /api/v1/documents/{type}: a signed envelope. Root carries it; only the signatures count. */
outcome change_document(struct service *s, struct request *q)
{
    static const struct {
        const char *type;
        outcome (*take)(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
    } rows[] = { { "model", assurance_model }, { "decision", assurance_decision }, { "reference", assurance_reference },
        { "declaration", assurance_declaration }, { "loosen", assurance_loosen }, { "public", assurance_public }, { "draft", assurance_draft }, { "opinion", assurance_opinion },
        { "charter", assurance_charter_change }, { "deputy", assurance_deputy } };
    char why[ASSURANCE_WHY] = "";
    int64_t at = s->port.wall_ms(s->port.ctx);
    outcome o = REFUSE(E_UNKNOWN);
    if (strcmp(q->arg[0], "release") == 0) o = release(s, q, at, why);
    else if (strcmp(q->arg[0], "agreement") == 0) o = s->port.agreement(s->port.ctx, q->http->body, q->caller->name, why);
    else if (strcmp(q->arg[0], "permit") == 0 && s->port.permit) o = s->port.permit(s->port.ctx, q->http->body, why);
    else if (strcmp(q->arg[0], "checklist") == 0 && s->port.checklist) o = s->port.checklist(s->port.ctx, q->http->body, why);
    else if (strcmp(q->arg[0], "reaction") == 0 && s->port.reaction_rule) o = s->port.reaction_rule(s->port.ctx, q->http->body, why);
    else if (strcmp(q->arg[0], "destruction") == 0) o = accept_destruction(s, q, why);
    else if (strcmp(q->arg[0], "retirement") == 0) o = accept_retirement(s, q, why);
    else if (strcmp(q->arg[0], "grants") == 0) o = s->port.grants(s->port.ctx, q->http->body, q->caller->name, why);
    else
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (strcmp(rows[i].type, q->arg[0]) == 0) o = rows[i].take(s->port.assurance, q->http->body, at, why);
    TRY(audit_named(s, q, ok(o) ? "document-accepted" : "document-refused", q->arg[0], why));
    if (!ok(o)) return answer_outcome(q, o, why[0] ? why : NULL, q->arg[0]);
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "accepted", q->arg[0]);
    return answer_doc(q, d);
}

/* {"at","head","signed","manifest_sha256"}: this machine's root took a copy. Only the record hears of it. */
outcome change_backup(struct service *s, struct request *q)
{
    static const char *const texts[] = { "at", "head", "manifest_sha256" };
    struct doc *in, *d = doc_map(&q->arena);
    TRY(body_of(q, &in));
    doc_set_text(&q->arena, d, "what", "backup");
    doc_set_text(&q->arena, d, "by", q->caller->name);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = doc_text(in, texts[i], "");
        if (!*text || strlen(text) > 80) return answer_problem(q, 400, "SK-1401", "a backup has at, head and manifest_sha256", texts[i]);
        doc_set_text(&q->arena, d, texts[i], text);
    }
    doc_set_int(&q->arena, d, "signed", doc_int(in, "signed", 0));
    TRY(s->port.write(s->port.ctx, ENTRY_AUDIT, d, false));
    return answer_doc(q, d);
}

outcome change_head(struct service *s, struct request *q)
{
    TRY(s->port.head(s->port.ctx));
    return get_ledger(s, q);
}
