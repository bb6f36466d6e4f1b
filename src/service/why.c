/* "Why?": the judgement as a tree, for whoever stands before a refusal. The steps are access_explain's and
 * assurance_explain's own; here they get what to do, whom to ask, and the entries of the record that prove them. */
#include <stdio.h>

#include "service/internal.h"

static enum action action_of(const char *word)
{
    static const struct { const char *word; enum action action; } rows[] = { { "publish", ACT_PUBLISH }, { "command", ACT_PUBLISH },
        { "subscribe", ACT_SUBSCRIBE }, { "receive", ACT_RECEIVE }, { "history", ACT_HISTORY }, { "administer", ACT_ADMINISTER }, { "connect", ACT_CONNECT } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(word, rows[i].word) == 0) return rows[i].action;
    return word[0] ? ACTIONS : ACT_CONNECT;
}

static struct doc *add(struct arena *a, struct doc *list, const char *step, const char *ja, const char *en)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "step", step);
    doc_set_text(a, d, "result", "");
    doc_set_text(a, d, "text_ja", ja);
    doc_set_text(a, d, "text_en", en);
    doc_add(list, d);
    return d;
}

/* ---- what to do ---- */

/* who: whose word it is, where the policy names nobody to ask. */
enum keeper { KEEPER_POLICY, KEEPER_DEVICES, KEEPER_DECISION, KEEPERS };
static const struct todo { const char *word; enum grant_miss missing; enum keeper keeper; const char *ja, *en; } todos[] = {
    { "no-grant", MISS_TRUST, KEEPER_DEVICES, "機器の証拠を取り直します（sekimori device attest ID）", "prove the device anew (sekimori device attest ID)" },
    { "no-grant", MISS_TIME, KEEPER_POLICY, "許可の時間を待つか、時間外の作業を申請します", "wait for the hours, or ask for work outside them" },
    { "no-grant", MISS_PERMIT, KEEPER_POLICY, "作業許可（人・対象・時間）を申請します", "ask for a work permit: who, which stream, from when to when" },
    { "no-grant", MISS_PURPOSE, KEEPER_POLICY, "目的を述べます（MQTT は CONNECT の利用者属性 sk-purpose、API は ?purpose=）。述べた目的は記録されます",
        "state the purpose (MQTT: user property sk-purpose of CONNECT; API: ?purpose=); what is stated is recorded" },
    { "no-grant", MISS_NONE, KEEPER_POLICY, "必要な許可なら、定めのファイルに行を加え、sekimori grant test で確かめ、システム責任者が署名します",
        "if it is needed: add a row to the policy file, check it with sekimori grant test, have the asset owner sign it" },
    { "no-grant", MISS_EMERGENCY, KEEPER_POLICY, "緊急のときは、二人で緊急アクセスを開けます（sekimori emergency request / open）。平時は許可の行を加えます",
        "in an emergency two people can open access (sekimori emergency request / open); otherwise have a row added" },
    { "label", MISS_NONE, KEEPER_POLICY, "区分の低いデータ種別を使うか、許可の上限（upto）を見直してもらいます", "use a stream of a lower label, or have the ceiling (upto) looked at" },
    { "unknown-identity", MISS_NONE, KEEPER_DEVICES, "機器なら登録コードを発行し、人なら登録します（sekimori invite new / user new）", "register it: sekimori invite new for a device, sekimori user new for a person" },
    { "not-enrolled", MISS_NONE, KEEPER_DEVICES, "登録コードで登録を済ませます（sekimori invite new ID）", "have it enrol with an invite (sekimori invite new ID)" },
    { "revoked", MISS_NONE, KEEPER_DEVICES, "失効は戻せません。調べてから、新しい名前で登録します", "a revocation is final: look into it, then enrol under a new name" },
    { "quarantined", MISS_NONE, KEEPER_DEVICES, "原因を確かめ、証拠を取り直すか隔離を解きます（sekimori device attest / release ID --reason）",
        "find the cause, then prove it anew or release it (sekimori device attest / release ID --reason)" },
    { "publisher-not-permitted", MISS_NONE, KEEPER_POLICY, "発信元への許可を確かめます（sekimori why 発信元 publish トピック）", "look at the publisher's right (sekimori why PUBLISHER publish TOPIC)" },
    { "limit", MISS_NONE, KEEPER_DECISION, "条件を元に戻します。急ぐ指令は二人の承認で一度だけ送れます（sekimori limit release 保留番号）",
        "put the condition right; an urgent command can be released once by two people (sekimori limit release HOLD)" },
    { "no-permit", MISS_NONE, KEEPER_POLICY, "作業を申請します（sekimori work request）。急ぐ指令は二人の承認で一度だけ送れます（sekimori limit release 保留番号）",
        "ask for a work permit (sekimori work request); an urgent command can be released once by two people (sekimori limit release HOLD)" },
    { "two-person", MISS_NONE, KEEPER_DEVICES, "送信者ではない人が承認します（sekimori command approve 保留番号）", "another person than its sender approves it (sekimori command approve HOLD)" },
    { "checklist", MISS_NONE, KEEPER_DEVICES, "接続前の確認に答え、システム責任者の署名を得ます（sekimori connect show / answer / sign ID）",
        "answer its connection checklist and have the asset owner sign it (sekimori connect show / answer / sign ID)" },
    { "contained", MISS_NONE, KEEPER_DEVICES, "対処の理由を確かめ、要らなければ戻します（sekimori react list / undo ID --reason）。時間が来れば自動で戻ります",
        "look into the measure and undo it where it is not needed (sekimori react list / undo ID --reason); it ends by itself" },
    { "outside-profile", MISS_NONE, KEEPER_DEVICES, "製造者の定めにない通信です。正しい動きなら対処を戻し、定めを改めます（sekimori react undo / profile）",
        "its maker's profile does not list this; if it is right, undo the measure and mend the profile (sekimori react undo / profile)" },
    { "peer", MISS_NONE, KEEPER_DECISION, "二人の承認で一度だけ送れます（sekimori limit release 保留番号）", "two people can release it once (sekimori limit release HOLD)" },
};

static const struct { const char *ja, *en; } keepers[KEEPERS] = {
    [KEEPER_POLICY] = { "システム責任者（許可の定めに署名する人。sekimori charter show）", "the asset owner, who signs the policy (sekimori charter show)" },
    [KEEPER_DEVICES] = { "当番の運用者（sekimori user list）", "the operator on duty (sekimori user list)" },
    [KEEPER_DECISION] = { "業務責任者と経営者層（判断に署名した人。sekimori decision list）", "the mission owner and the executive, who signed the decision (sekimori decision list)" },
};

/* The row that spoke or nearly did names whom to ask, or else its policy does. */
static const char *appeal_of(const struct access *a, const char *grant)
{
    size_t n;
    const struct grant *rows = grants_rows(a->grants, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].id, grant) == 0 && rows[i].appeal[0]) return rows[i].appeal;
    return grants_appeal(a->grants);
}

/* The id of the first row tried: the nearest. */
static const char *nearest_grant(const struct doc *list)
{
    for (const struct doc *s = list->first; s; s = s->next)
        if (strcmp(doc_text(s, "step", ""), "tried") == 0) return doc_text(s, "grant", "");
    return "";
}

static void add_todo(struct service *s, struct arena *a, const struct verdict *v, struct doc *list)
{
    if (v->ruling == RULING_ALLOW || v->ruling == RULING_FLAG) return;
    const struct todo *found = NULL;
    for (size_t i = 0; i < sizeof todos / sizeof *todos && !found; i++)
        if (strcmp(todos[i].word, v->word) == 0 && todos[i].missing == v->missing) found = &todos[i];
    const char *named = found && found->keeper == KEEPER_POLICY ? appeal_of(s->port.access, nearest_grant(list)) : "";
    enum keeper k = found ? found->keeper : KEEPER_DEVICES;
    if (found) (void)add(a, list, "todo", found->ja, found->en);
    (void)add(a, list, "ask", named[0] ? named : keepers[k].ja, named[0] ? named : keepers[k].en);
}

/* Whose tool asks, where it is a person's; where a second person is waited for, also that nobody said so. */
static void add_person(struct arena *a, const struct identity *who, const struct verdict *v, struct doc *list)
{
    char ja[ID_MAX + 160], en[ID_MAX + 160];
    bool waits = strcmp(v->word ? v->word : "", "two-person") == 0;
    if (!who || !role_personal(who->role) || (!who->person[0] && !waits)) return;
    snprintf(ja, sizeof ja, "%s の道具です%s", who->person, waits ? "。本人は、別の資格情報でも二人目になれません" : "");
    snprintf(en, sizeof en, "a tool of %s%s", who->person, waits ? ", who cannot be the second person by another credential either" : "");
    if (who->person[0]) doc_set_text(a, add(a, list, "person", ja, en), "result", "known");
    else doc_set_text(a, add(a, list, "person", "誰の道具か登録されていないので、名前だけを比べます（sekimori invite new ID --person 人）",
        "nobody said whose tool it is: names alone are compared (sekimori invite new ID --person PERSON)"), "result", "unknown");
}

/* ---- proof ---- */

/* What of the platform's own steps stands in the record; assurance's rows name theirs ("ref"). */
static void name_refs(struct arena *a, const struct question *ask, const struct stream *stream, struct doc *list)
{
    const char *id = ask->who ? ask->who->id : "";
    for (struct doc *s = list->first; s; s = s->next) {
        char ref[128] = "";
        const char *step = doc_text(s, "step", "");
        if (strcmp(step, "identity") == 0) snprintf(ref, sizeof ref, "identity:%s", id);
        else if (strcmp(step, "trust") == 0 || strcmp(step, "life") == 0) snprintf(ref, sizeof ref, "life:%s", id);
        else if (strcmp(step, "grant") == 0) snprintf(ref, sizeof ref, "grants");
        else if (strcmp(step, "stream") == 0 && stream) snprintf(ref, sizeof ref, "stream:%s", stream->name);
        if (ref[0] && !doc_get(s, "ref")) doc_set_text(a, s, "ref", ref);
    }
}

static void resolve_refs(struct service *s, struct arena *a, struct doc *list)
{
    uint64_t index;
    for (struct doc *row = list->first; row; row = row->next) {
        const char *ref = doc_text(row, "ref", "");
        if (ref[0] && s->port.latest && ok(s->port.latest(s->port.ctx, ref, &index))) doc_set_int(a, row, "entry", (int64_t)index);
    }
}

/* ---- the whole ---- */

/* A command is judged twice; the second question is about whom it goes to. */
static struct verdict explain_delivery(struct service *s, struct request *q, const struct question *first, struct doc *list)
{
    char id[ID_MAX] = "";
    struct topic_parts parts;
    struct question ask = { .action = ACT_RECEIVE, .topic = first->topic, .payload = first->payload, .from = first->who, .now_ms = first->now_ms };
    struct doc *own = doc_list(&q->arena);
    if (!access_topic(s->port.access, first->topic, &parts) || !ok(bytes_to_text(parts.device, id, sizeof id))) id[0] = 0;
    ask.who = registry_identity(s->port.registry, id);
    (void)add(&q->arena, list, "delivery", "受け取る機器についての判定", "and at the device that would receive it");
    struct verdict v = access_explain(s->port.access, &ask, &q->arena, own);
    name_refs(&q->arena, &ask, registry_stream(s->port.registry, ask.topic), own);
    for (struct doc *row = own->first, *next; row; row = next) {
        next = row->next;
        row->next = NULL;
        doc_add(list, row);
    }
    return v;
}

struct doc *why_doc(struct service *s, struct request *q, const struct why *w, struct verdict *ret)
{
    static const char *const words[] = { "deny", "allow", "hold", "flag" };
    struct doc *d = doc_map(&q->arena), *list = doc_list(&q->arena);
    const struct question *ask = w->asks;
    const struct stream *stream = NULL;
    struct verdict v = access_explain(s->port.access, ask, &q->arena, list);
    bool command = ask->topic.n && access_is_command(s->port.access, ask->topic, &stream);
    name_refs(&q->arena, ask, stream, list);
    if (v.ruling != RULING_DENY && ask->action == ACT_PUBLISH && command) v = explain_delivery(s, q, ask, list);
    if (v.limit) assurance_explain(s->port.assurance, v.limit->id, &q->arena, list, ask->now_ms);
    add_person(&q->arena, ask->who, &v, list);
    add_todo(s, &q->arena, &v, list);
    resolve_refs(s, &q->arena, list);
    doc_set_text(&q->arena, d, "subject", ask->who ? ask->who->id : "");
    doc_set_text(&q->arena, d, "action", w->said);
    doc_set_text(&q->arena, d, "ruling", words[v.ruling]);
    doc_set_text(&q->arena, d, "word", v.word ? v.word : "");
    doc_set_bool(&q->arena, d, "observed_only", v.observed_only);
    doc_set_bool(&q->arena, d, "safe_direction", v.safe_direction);
    doc_set_text(&q->arena, d, "limit", v.limit ? v.limit->id : "");
    doc_set(&q->arena, d, "steps", list);
    *ret = v;
    return d;
}

static outcome param(const struct request *q, const char *name, char *text, size_t size)
{
    text[0] = 0;
    struct bytes b = http_query(q->http, name);
    return b.n ? http_decode(b, text, size) : DONE;
}

struct asked { char subject[ID_MAX], action[24], topic[MQTT_TOPIC_MAX + 1], payload[512], purpose[32], hold[16]; };

static bool held_asked(struct service *s, struct asked *a)
{
    const struct held *rows[1024];
    size_t n = exchange_held(s->port.exchange, rows, 1024);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i]->id, a->hold) != 0) continue;
        snprintf(a->subject, sizeof a->subject, "%s", rows[i]->from);
        snprintf(a->topic, sizeof a->topic, "%s", rows[i]->topic);
        snprintf(a->action, sizeof a->action, "command");
        return true;
    }
    return false;
}

/* GET /api/v1/why?subject=&action=&topic=[&payload=][&purpose=], or ?hold=H-1: why that command waits. */
outcome get_why(struct service *s, struct request *q)
{
    struct asked a;
    struct identity person;
    struct verdict v;
    TRY(param(q, "subject", a.subject, sizeof a.subject));
    TRY(param(q, "action", a.action, sizeof a.action));
    TRY(param(q, "topic", a.topic, sizeof a.topic));
    TRY(param(q, "payload", a.payload, sizeof a.payload));
    TRY(param(q, "purpose", a.purpose, sizeof a.purpose));
    TRY(param(q, "hold", a.hold, sizeof a.hold));
    if (a.hold[0] && !held_asked(s, &a)) return answer_problem(q, 404, "SK-1406", "hold: not held (released, expired or never)", a.hold);
    struct question ask = { .who = registry_identity(s->port.registry, a.subject), .action = action_of(a.action),
        .topic = bytes_str(a.topic), .payload = bytes_str(a.payload), .purpose = a.purpose, .now_ms = s->port.wall_ms(s->port.ctx), .passing = true };
    if (ask.action == ACTIONS) return answer_problem(q, 400, "SK-1401", "action: expected command, publish, subscribe, receive, history or administer", a.action);
    if (!ask.who && person_identity(s, a.subject, &person)) ask.who = &person;
    struct doc *d = why_doc(s, q, &(struct why) { &ask, a.action }, &v);
    doc_set_text(&q->arena, d, "topic", a.topic);
    if (!ask.who) doc_set_text(&q->arena, d, "asked", a.subject);
    if (a.hold[0]) doc_set_text(&q->arena, d, "hold", a.hold);
    return answer_doc(q, d);
}
