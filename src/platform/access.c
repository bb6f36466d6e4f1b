/* The one judgement. A table of steps; each passes or speaks the verdict. Explaining is the same walk with a
 * list to write to: there is no second code that could say something else than what was done. */
#include "platform/judged.h"

#include "platform/interlock.h"
#include "platform/reduce.h"
#include "wire/mqtt.h"

struct judging {
    const struct access *a;
    const struct question *q;
    struct verdict v;
    bool settled;            /* a step has spoken: the walk ends */
    bool in_layout;
    struct topic_parts topic;
    const struct stream *stream;
    const struct grant *grant; /* that allows it */
    bool command, unsure;    /* unsure: an interlock could not be judged, and its stream says to go on */
    char order[STREAM_ORDER]; /* of a command: its "do" */
    enum varies varies;      /* a step whose answer hangs on more than judged.h names says so here */
    struct arena *arena;     /* both NULL when only judging */
    struct doc *list;
};

static bool is_command(const struct topic_parts *parts, const struct stream *s);

struct step {
    const char *name;
    unsigned actions;        /* bits 1 << ACT_x */
    void (*judge)(struct judging *j);
};

/* ---- saying ---- */

static const char *fill(struct judging *j, const char *text, const char *one, const char *two)
{
    char line[1000];
    struct out o = out_of(line, sizeof line - 1);
    put_said(&o, text, one, two);
    line[o.n] = 0;
    return arena_text(j->arena, out_view(&o));
}

struct says {
    const char *result, *en, *ja;
};

static void say(struct judging *j, const char *step, const struct says *s, const char *one, const char *two)
{
    if (!j->list) return;
    struct doc *row = doc_map(j->arena);
    doc_set_text(j->arena, row, "step", step);
    doc_set_text(j->arena, row, "result", s->result);
    doc_set_text(j->arena, row, "text_en", fill(j, s->en, one, two));
    doc_set_text(j->arena, row, "text_ja", fill(j, s->ja, one, two));
    doc_add(j->list, row);
}

/* A view as text for a row; only while explaining. */
static const char *words(struct judging *j, struct bytes b)
{
    if (!j->list) return "";
    const char *t = arena_text(j->arena, b);
    return t ? t : "";
}

static void settle(struct judging *j, enum ruling ruling, const char *word)
{
    static const uint8_t reasons[] = { [RULING_DENY] = MQTT_NOT_AUTHORIZED, [RULING_ALLOW] = MQTT_SUCCESS,
        [RULING_HOLD] = MQTT_IMPLEMENTATION, [RULING_FLAG] = MQTT_SUCCESS };
    j->v.ruling = ruling;
    j->v.reason = reasons[ruling];
    j->v.word = word;
    j->settled = true;
}

#define SAY(j, step, result, en, ja, one, two) \
    say((j), (step), &(struct says) { (result), (en), (ja) }, (one), (two))

/* ---- steps ---- */

static void step_identity(struct judging *j)
{
    const struct identity *i = j->q->who;
    if (!i || i->id[0] == 0 || i->role <= ROLE_NONE || i->role >= ROLES) {
        SAY(j, "identity", "deny", "not in the registry", "機器一覧にありません", "", "");
        settle(j, RULING_DENY, "unknown-identity");
        return;
    }
    SAY(j, "identity", "pass", "{1}, registered as {2}", "{1}（登録: {2}）", i->id, role_word(i->role));
}

static void step_life(struct judging *j)
{
    enum life l = j->q->who->life;
    bool good = l == LIFE_ENROLLED;
    SAY(j, "life", good ? "pass" : "deny", "its life is \"{1}\"", "状態は「{2}」です", life_word(l), life_word_ja(l));
    if (!good) settle(j, RULING_DENY, "not-enrolled");
}

static void step_trust(struct judging *j)
{
    const struct identity *i = j->q->who;
    if (i->trust == TRUST_REVOKED) {
        SAY(j, "trust", "deny", "revoked: {2}", "失効しています: {2}", "", i->why);
        settle(j, RULING_DENY, "revoked");
        return;
    }
    /* a person's tool or a service has no safe remainder: in quarantine it gets and says nothing */
    if (i->trust == TRUST_QUARANTINED && i->role != ROLE_DEVICE && j->q->action != ACT_CONNECT) {
        SAY(j, "trust", "deny", "quarantined: {2}", "隔離中です: {2}", "", i->why);
        settle(j, RULING_DENY, "quarantined");
        return;
    }
    SAY(j, "trust", i->trust == TRUST_QUARANTINED ? "flag" : "pass", "its trust is \"{1}\"", "信頼状態は「{2}」です",
        trust_word(i->trust), trust_word_ja(i->trust));
}

/* What the topic is: needed by all that follows, said once. */
static void step_stream(struct judging *j)
{
    bool filter = j->q->action == ACT_SUBSCRIBE && !mqtt_topic_valid(j->q->topic);
    if (filter) return;
    j->stream = registry_stream(j->a->registry, j->q->topic);
    j->command = is_command(j->in_layout ? &j->topic : NULL, j->stream);
    if (!j->list) return;
    if (j->stream)
        SAY(j, "stream", "pass", "stream {1}{2}", "データ種別 {1}{2}", j->stream->name, j->command ? " (command)" : "");
    else
        SAY(j, "stream", "pass", "no declared stream{1}{2}", "宣言されていないデータ種別{1}{2}", j->command ? " (command)" : "", "");
}

/* ---- work permits ---- */

/* A contractor's credentials are worth nothing but during the work they were given for. */
static void step_permit(struct judging *j)
{
    const struct identity *i = j->q->who;
    if (i->role != ROLE_CONTRACTOR) return;
    j->varies = VARIES_ALWAYS; /* hangs on the open permits and the time */
    const struct permit *p = permit_covering(j->a->permits, &(struct permit_ask) { i->id, j->q->topic, j->q->action == ACT_SUBSCRIBE, j->q->now_ms });
    if (p) {
        SAY(j, "work permit", "pass", "within work permit {1} ({2})", "作業許可{1}の時間・範囲内です（{2}）", p->id, p->stream);
        return;
    }
    if (j->q->action == ACT_PUBLISH && j->command) { /* judged again for the device it goes to: step_work */
        SAY(j, "work permit", "no", "{1} has no work permit for this now{2}", "{1}には、いまこの操作の作業許可がありません{2}", i->id, "");
        return;
    }
    SAY(j, "work permit", "deny", "{1} has no work permit for this now{2}", "{1}には、いまこの操作の作業許可がありません{2}", i->id, "");
    settle(j, RULING_DENY, "no-permit");
}

/* ---- grants ---- */

static enum grant_action grant_action_of(const struct judging *j)
{
    switch (j->q->action) {
    case ACT_PUBLISH: return j->command ? GRANT_COMMAND : GRANT_PUBLISH;
    case ACT_HISTORY: return GRANT_HISTORY;
    case ACT_ADMINISTER: return GRANT_ADMINISTER;
    default: return GRANT_SUBSCRIBE;
    }
}

/* The agreements allow; the site's own rows can only deny. */
static struct grant_found grant_for_peer(const struct access *a, const struct grant_ask *ask)
{
    struct grant_found none = { 0 };
    struct grant_found site = a->grants ? grants_find(a->grants, a->site, a->registry, ask) : none;
    if (!a->agreements || (site.row && site.row->deny)) return site.row && site.row->deny ? site : none;
    struct grant_found f = grants_find(a->agreements, a->site, a->registry, ask);
    f.varies |= site.varies;
    f.asks |= site.asks;
    return f;
}

static struct grant_ask grant_ask_of(const struct judging *j, const struct identity *who, enum grant_action action, bool standing)
{
    bool filter = j->q->action == ACT_SUBSCRIBE || (j->q->action == ACT_ADMINISTER && !mqtt_topic_valid(j->q->topic));
    return (struct grant_ask) { .who = who, .action = action, .filter = filter, .topic = j->q->topic, .stream = j->stream,
        .now_ms = j->q->now_ms, .purpose = j->q->purpose, .permits = j->a->permits, .standing = standing };
}

static struct grant_found grant_for(struct judging *j, const struct identity *who, enum grant_action action, bool standing)
{
    struct grant_ask ask = grant_ask_of(j, who, action, standing);
    struct grant_found f = who->role == ROLE_PEER ? grant_for_peer(j->a, &ask)
        : j->list || ask.filter || j->q->passing ? grants_find(j->a->grants, j->a->site, j->a->registry, &ask)
                                                 : grants_find_fast(j->a->grants, j->a->site, j->a->registry, &ask);
    if (f.varies) j->varies = f.asks || j->varies == VARIES_ALWAYS ? VARIES_ALWAYS : VARIES_BY_MINUTE;
    return f;
}

static const char *row_text(struct judging *j, const struct grant *g)
{
    char text[ID_MAX * 3 + STREAM_PATTERN_MAX + GRANT_WHY + GRANT_AUTHORITY + GRANT_SOURCE + 64], subject[ID_MAX + 8], place[GRANT_SOURCE + 16];
    if (!j->list) return "";
    struct out o = out_of(text, sizeof text - 1);
    put_fmt(&o, "%s ", grant_place(j->q->who->role == ROLE_PEER && !g->deny ? j->a->agreements : j->a->grants, g, place, sizeof place));
    put_fmt(&o, "%s (%s, %s%s)%s%s", g->id, grant_subject_text(g, subject, sizeof subject), g->stream, g->pattern,
        g->why[0] ? ": " : "", g->why);
    if (g->authority[0]) put_fmt(&o, " [%s]", g->authority);
    text[o.n] = 0;
    return words(j, out_view(&o));
}

/* Every row, and why it speaks or does not. */
static void say_tried(struct judging *j, const struct grant_ask *ask)
{
    if (!j->list) return;
    bool peer = ask->who->role == ROLE_PEER;
    if (peer && j->a->agreements) (void)grants_tried(j->a->agreements, j->a->site, j->a->registry, ask, j->arena, j->list);
    if (!peer || j->a->grants) (void)grants_tried(j->a->grants, j->a->site, j->a->registry, ask, j->arena, j->list);
}

static void step_grant(struct judging *j)
{
    const struct identity *i = j->q->who;
    struct grant_found f = grant_for(j, i, grant_action_of(j), false);
    j->grant = f.row;
    if (f.row && !f.row->deny)
        SAY(j, "grant", "pass", "granted by {1}{2}", "許可: {1}{2}", row_text(j, f.row), "");
    else if (f.row)
        SAY(j, "grant", "deny", "refused by {1}{2}", "拒否の定め: {1}{2}", row_text(j, f.row), "");
    else
        SAY(j, "grant", "deny", "no grant to {1} covers {2}", "{1}には{2}の許可がありません", i->id, words(j, j->q->topic));
    struct grant_ask ask = grant_ask_of(j, i, grant_action_of(j), false);
    say_tried(j, &ask);
    if (f.row && !f.row->deny) return;
    if (!f.row && f.missed) j->v.missing = grant_missing(f.missed, j->a->site, j->a->registry, &ask);
    settle(j, RULING_DENY, "no-grant");
}

/* Never up: what is read may not be above the ceiling of the row that grants it. */
static void step_label(struct judging *j)
{
    enum label l = label_of(j->stream);
    if (j->q->action == ACT_SUBSCRIBE && !j->stream) return; /* a filter: each delivery is judged */
    if (l <= j->grant->upto) {
        SAY(j, "label", "pass", "label {1}, granted up to {2}", "区分{1}（許可は{2}まで）", label_word(l), label_word(j->grant->upto));
        return;
    }
    j->v.reduction = reduce_choose(j->stream, j->grant->upto);
    if (j->v.reduction) {
        char how[REDUCE_TEXT];
        SAY(j, "label", "reduced", "label {1} is above what is granted: reduced to {2}", "区分{1}は許可を超えるため、簡約した形で渡します（{2}）", label_word(l),
            reduce_text(j->stream, &j->stream->reductions[j->v.reduction - 1], how));
        return;
    }
    SAY(j, "label", "deny", "label {1} is above what is granted ({2})", "区分{1}は許可（{2}まで）を超えます", label_word(l),
        label_word(j->grant->upto));
    settle(j, RULING_DENY, "label");
}

/* What was published under a right that has been withdrawn since (a retained message, a queue) goes nowhere. */
static void step_publisher(struct judging *j)
{
    const struct identity *i = j->q->from;
    if (!i) {
        SAY(j, "publisher", "pass", "the site's own server", "サイトのサーバー自身", "", "");
        return;
    }
    const struct grant *g = grant_for(j, i, j->command ? GRANT_COMMAND : GRANT_PUBLISH, true).row;
    if (i->life == LIFE_ENROLLED && i->trust != TRUST_REVOKED && g && !g->deny) {
        SAY(j, "publisher", "pass", "published by {1}, {2}", "発信元は{1}（{2}）", i->id, trust_word(i->trust));
        return;
    }
    SAY(j, "publisher", "deny", "{1} may not publish this any more", "{1}はもうこれを発信できません", i->id, "");
    settle(j, RULING_DENY, "publisher-not-permitted");
}

/* Alarms are never stopped, whatever limit is in force; those of a device in quarantine are flagged. */
static void step_alarm(struct judging *j)
{
    if (!j->in_layout || !bytes_equal_str(j->topic.class, "a") || j->command) return;
    bool flag = j->q->action == ACT_PUBLISH && j->q->who->trust == TRUST_QUARANTINED;
    j->v.alarm = true;
    SAY(j, "alarm", flag ? "flag" : "pass", "an alarm is never stopped{1}{2}", "警報は止めません{1}{2}", "", "");
    if (j->q->action == ACT_RECEIVE && j->q->who->trust == TRUST_QUARANTINED) return;
    settle(j, flag ? RULING_FLAG : RULING_ALLOW, flag ? "quarantined" : "alarm");
}

static bool safe_value(const struct stream *s, const char *value)
{
    for (size_t i = 0; i < sizeof s->safe / sizeof *s->safe; i++)
        if (s->safe[i][0] && strcmp(s->safe[i], value) == 0) return true;
    return false;
}

/* Payload field "do"; "" where there is none, or it does not parse, or repeats a key. */
static void order_of(struct bytes payload, char ret[STREAM_ORDER])
{
    struct arena arena = ARENA(65536);
    struct doc *d = NULL;
    ret[0] = 0;
    if (payload.n <= 16384 && ok(doc_read_json(payload, &arena, &d)) && !ok(bytes_to_text(bytes_str(doc_text(d, "do", "")), ret, STREAM_ORDER))) ret[0] = 0;
    arena_deinit(&arena);
}

bool access_safe_direction(const struct stream *s, struct bytes payload)
{
    char order[STREAM_ORDER];
    if (!s || !s->safe[0][0]) return false;
    order_of(payload, order);
    return safe_value(s, order);
}

/* The declared safe direction: payload field "do". What does not parse, or repeats a key, is not safe. */
static void step_direction(struct judging *j)
{
    if (!j->command) return;
    j->varies = VARIES_ALWAYS; /* the payload counts */
    order_of(j->q->payload, j->order);
    j->v.safe_direction = j->stream && safe_value(j->stream, j->order);
    if (j->v.safe_direction) SAY(j, "safe direction", "pass", "a declared safe direction", "宣言された安全側の操作です", "", "");
    else SAY(j, "safe direction", "no", "not a declared safe direction", "安全側の操作ではありません", "", "");
}

static void one_interlock(struct judging *j, const struct interlock *k)
{
    char *said = values_said(j->a->values), text[INTERLOCK_TEXT];
    if (!interlock_meets(k, j->order)) return;
    enum interlock_state is = interlock_judge(k, j->a->registry, j->a->values, j->q->now_ms, text);
    if (is == INTERLOCK_GOOD) {
        SAY(j, "interlock", "pass", "{1}{2}", "{1}{2}", text, "");
        return;
    }
    if (said) memcpy(said, text, sizeof text);
    j->v.detail = said;
    bool go_on = is == INTERLOCK_UNKNOWN && j->stream->fail == FAIL_PASS_FLAG;
    j->unsure |= go_on;
    if (go_on) {
        SAY(j, "interlock", "flag", "cannot be judged ({1}); its stream says to go on, marked{2}", "判定できません（{1}）。宣言により印を付けて通します{2}", text, "");
        return;
    }
    if (is == INTERLOCK_BROKEN) SAY(j, "interlock", "deny", "interlock: {1}{2}", "インターロック: {1}{2}", text, "");
    else SAY(j, "interlock", "deny", "the interlock cannot be judged: {1}{2}", "インターロックを判定できません: {1}{2}", text, "");
    settle(j, RULING_DENY, is == INTERLOCK_BROKEN ? "interlock" : "interlock-unknown");
}

/* Before holds: what must not be now is refused, not kept for later. The safe direction passes. */
static void step_interlock(struct judging *j)
{
    if (!j->command || !j->stream || j->v.safe_direction || j->q->who->role != ROLE_DEVICE) return;
    for (size_t i = 0; i < j->stream->n_interlocks && !j->settled; i++) one_interlock(j, &j->stream->interlocks[i]);
}

/* A second person, where the stream asks for one. */
static void step_people(struct judging *j)
{
    if (!j->command || !j->stream || !j->stream->two_people || j->q->who->role != ROLE_DEVICE) return;
    if (j->v.safe_direction || j->q->approved || j->q->released) {
        SAY(j, "second person", "pass", j->v.safe_direction ? "not asked for in the safe direction" : "approved by a second person",
            j->v.safe_direction ? "安全側の操作には要りません" : "二人目が承認しました", "", "");
        return;
    }
    SAY(j, "second person", "hold", "waits for a second person: sekimori command approve", "二人目の承認待ちです：sekimori command approve", "", "");
    settle(j, RULING_HOLD, "two-person");
}

static bool limit_device(const struct limit *l, const char *id)
{
    return l->device[0] == 0 || (l->device[0] == id[0] && strcmp(l->device, id) == 0);
}

static int weight(const struct limit *l)
{
    return l->enforced ? LIMIT_MODES + (int)l->mode : (int)l->mode;
}

/* The strictest row of modes [from, to] that meets id on this topic; enforced rows before observed ones. */
static const struct limit *limit_for(const struct judging *j, const char *id, enum limit_mode from, enum limit_mode to)
{
    const struct limits *all = j->a->limits;
    const struct limit *found = NULL;
    for (size_t i = 0; all && i < all->n; i++) {
        const struct limit *l = &all->rows[i];
        if (l->mode < from || l->mode > to || !limit_device(l, id)) continue;
        if (found && weight(found) >= weight(l)) continue;
        if (mqtt_matches(bytes_str(l->stream), j->q->topic)) found = l;
    }
    return found;
}

static void say_limit(struct judging *j, const char *result, const char *en, const char *ja)
{
    char name[LIMIT_ID_MAX * 2 + 16];
    if (!j->list) return;
    struct out o = out_of(name, sizeof name - 1);
    put_fmt(&o, "%s (%s)", j->v.limit->id, j->v.limit->decision);
    name[o.n] = 0;
    SAY(j, "limit", result, en, ja, name, j->v.limit->condition);
}

/* Commands to the device they are addressed to; nobody else's copy and no other class is ever withheld. */
static void step_limit(struct judging *j)
{
    const struct identity *i = j->q->who;
    if (!j->command || i->role != ROLE_DEVICE) return;
    const struct limit *l = limit_for(j, i->id, LIMIT_HOLD, LIMIT_DENY);
    j->v.limit = l;
    if (!l) {
        SAY(j, "limit", "pass", "no limit is in force for it", "有効な制限はありません", "", "");
    } else if (j->v.safe_direction) {
        say_limit(j, "pass", "limit {1}: the safe direction passes", "制限{1}: 安全側の操作は通します");
    } else if (!l->enforced) {
        j->v.observed_only = true;
        say_limit(j, "observed", "limit {1} would act ({2}); observe mode", "制限{1}の対象です（{2}）。見守り中のため通します");
    } else if (l->mode == LIMIT_HOLD && j->q->released) {
        say_limit(j, "pass", "limit {1}: released by two people", "制限{1}: 二人の承認により解除されました");
        settle(j, RULING_ALLOW, "released");
    } else if (l->mode == LIMIT_HOLD) {
        say_limit(j, "hold", "limit {1} holds it for two people's release: {2}", "制限{1}により二人の承認待ちです: {2}");
        settle(j, RULING_HOLD, "limit");
    } else {
        say_limit(j, "deny", "limit {1} refuses it: {2}", "制限{1}により拒否します: {2}");
        settle(j, RULING_DENY, "limit");
    }
}

/* What another system orders here, two people release. */
static void step_peer(struct judging *j)
{
    const struct identity *from = j->q->from;
    if (!j->command || j->q->who->role != ROLE_DEVICE || !from || from->role != ROLE_PEER) return;
    if (j->v.safe_direction || j->q->released) {
        SAY(j, "peer", "pass", "from the peer {1}{2}", "連携先{1}から{2}", from->id, j->q->released ? ", released by two people" : "");
        return;
    }
    SAY(j, "peer", "hold", "a peer's command ({1}) waits for two people{2}", "連携先（{1}）の指令は二人の承認待ちです{2}", from->id, "");
    settle(j, RULING_HOLD, "peer");
}

/* A command that no work permit covers: wanted after all, two people release it. */
static void step_work(struct judging *j)
{
    const struct identity *from = j->q->from;
    if (!j->command || j->q->who->role != ROLE_DEVICE || !from || from->role != ROLE_CONTRACTOR) return;
    const struct permit *p = permit_covering(j->a->permits, &(struct permit_ask) { from->id, j->q->topic, false, j->q->now_ms });
    if (p || j->v.safe_direction || j->q->released) {
        SAY(j, "work permit", "pass", "from {1}: {2}", "{1}から: {2}", from->id, p ? p->id : j->q->released ? "released by two people" : "safe direction");
        return;
    }
    SAY(j, "work permit", "hold", "{1} has no open work permit: the command waits for two people{2}",
        "{1}の作業許可の時間外・範囲外です。指令は二人の承認待ちです{2}", from->id, "");
    settle(j, RULING_HOLD, "no-permit");
}

/* After the limits, so that a decision which says "hold" is not silently made "deny". */
static void step_quarantine(struct judging *j)
{
    if (j->q->who->trust != TRUST_QUARANTINED) return;
    if (j->q->action == ACT_PUBLISH) {
        SAY(j, "quarantine", "flag", "passes flagged: it is in quarantine", "隔離中のため印を付けて通します", "", "");
        settle(j, RULING_FLAG, "quarantined");
        return;
    }
    if (!j->q->who->ordered) { /* bad evidence is no order: only a signed decision withholds (observe mode) */
        SAY(j, "quarantine", "pass", "in quarantine by its evidence: what is withheld is the decision's to say",
            "確認結果による隔離です。何を止めるかは判断（決裁）が定めます", "", "");
        return;
    }
    bool challenge = j->in_layout && bytes_equal_str(j->topic.class, "att") && bytes_equal_str(j->topic.name, "challenge");
    if (challenge || (j->command && j->v.safe_direction)) {
        SAY(j, "quarantine", "pass", "reaches a device in quarantine", "隔離中でも届けます", "", "");
        return;
    }
    SAY(j, "quarantine", "deny", "a device in quarantine gets only challenges and safe directions",
        "隔離中の機器には確認要求と安全側の操作だけを届けます", "", "");
    settle(j, RULING_DENY, "quarantined");
}

/* What the device's own path needs: its evidence, its alarms, the commands to it and their answers. */
static bool own_path(const struct judging *j)
{
    static const char *const classes[] = { "att", "a", "cmd" };
    for (size_t i = 0; j->in_layout && i < sizeof classes / sizeof *classes; i++)
        if (bytes_equal_str(j->topic.class, classes[i]) && bytes_equal_str(j->topic.device, j->q->who->id)) return true;
    return false;
}

/* Narrowed to its maker's profile. */
static void step_narrowed(struct judging *j)
{
    const struct reaction *r = reaction_on(j->a->reactions, j->q->who->id, MEASURE_NARROW, j->q->now_ms);
    const struct reaction_profile *p = r ? reaction_profile_of(j->a->reactions, j->q->who->id) : NULL;
    if (!p) return;
    if (own_path(j) || reaction_inside(p, j->q->action == ACT_SUBSCRIBE, j->q->topic)) {
        SAY(j, "measure", "pass", "{1}: inside its maker's profile ({2})", "{1}: 製造者の定め（{2}）の範囲内です", r->id, p->name);
        return;
    }
    SAY(j, "measure", "deny", "{1} narrows it to its maker's profile: {2}", "{1}により製造者の定めの範囲に絞っています: {2}", r->id, r->why);
    settle(j, RULING_DENY, "outside-profile");
}

/* Commands to it or from it wait for two people. */
static void step_measure_hold(struct judging *j)
{
    const struct identity *from = j->q->from;
    if (!j->command || j->q->who->role != ROLE_DEVICE) return;
    const struct reaction *r = reaction_on(j->a->reactions, j->q->who->id, MEASURE_HOLD, j->q->now_ms);
    if (!r && from) r = reaction_on(j->a->reactions, from->id, MEASURE_HOLD, j->q->now_ms);
    if (!r) return;
    if (j->v.safe_direction || j->q->released) {
        SAY(j, "measure", "pass", "{1}: {2}", "{1}: {2}", r->id, j->q->released ? "released by two people" : "safe direction");
        return;
    }
    SAY(j, "measure", "hold", "{1} holds it for two people's release: {2}", "{1}により二人の承認待ちです: {2}", r->id, r->why);
    settle(j, RULING_HOLD, "contained");
}

struct caging { const char *step, *word, *who, *why; }; /* who: what holds it */

/* A device: what it sends is marked, only challenges and safe directions reach it. Anybody's tool: nothing. */
static void cage(struct judging *j, const struct caging *g)
{
    if (j->q->who->role != ROLE_DEVICE) {
        SAY(j, g->step, "deny", "{1} holds it: {2}", "{1}により止めています: {2}", g->who, g->why);
        settle(j, RULING_DENY, g->word);
        return;
    }
    if (j->q->action == ACT_SUBSCRIBE) return; /* each delivery is judged */
    if (j->q->action == ACT_PUBLISH) {
        SAY(j, g->step, "flag", "{1}: passes flagged ({2})", "{1}のため印を付けて通します（{2}）", g->who, g->why);
        settle(j, RULING_FLAG, g->word);
        return;
    }
    bool challenge = j->in_layout && bytes_equal_str(j->topic.class, "att") && bytes_equal_str(j->topic.name, "challenge");
    if (challenge || (j->command && j->v.safe_direction)) {
        SAY(j, g->step, "pass", "{1}: challenges and safe directions reach it{2}", "{1}: 確認要求と安全側の操作は届けます{2}", g->who, "");
        return;
    }
    SAY(j, g->step, "deny", "{1} holds it: {2}", "{1}により止めています: {2}", g->who, g->why);
    settle(j, RULING_DENY, g->word);
}

/* As an ordered quarantine, for a time. */
static void step_measure_quarantine(struct judging *j)
{
    const struct reaction *r = reaction_on(j->a->reactions, j->q->who->id, MEASURE_QUARANTINE, j->q->now_ms);
    if (r) cage(j, &(struct caging) { "measure", "contained", r->id, r->why });
}

/* Not online before its checklist is signed. */
static void step_checklist(struct judging *j)
{
    const struct checklist *c = checklist_holds(j->a->checklists, j->q->who->id) ? checklist_of(j->a->checklists, j->q->who->id) : NULL;
    if (!c) return;
    const struct checklist_item *open = checklist_open(c);
    cage(j, &(struct caging) { "checklist", "checklist", "the connection checklist (接続前の確認)", open ? open->id : "not signed" });
}

static void step_flag(struct judging *j)
{
    const struct limit *l = limit_for(j, j->q->who->id, LIMIT_FLAG, LIMIT_FLAG);
    if (!l || j->command) return;
    j->v.limit = l;
    if (!l->enforced) {
        j->v.observed_only = true;
        say_limit(j, "observed", "limit {1} would flag it ({2}); observe mode", "制限{1}の印の対象です（{2}）。見守り中です");
        return;
    }
    say_limit(j, "flag", "limit {1} flags it: {2}", "制限{1}により印を付けます: {2}");
    settle(j, RULING_FLAG, "limit");
}

#define BIT(action) (1u << (action))
#define ANY ((1u << ACTIONS) - 1)
#define FLOW (BIT(ACT_PUBLISH) | BIT(ACT_RECEIVE))
static const struct step steps[] = {
    { "identity", ANY, step_identity },
    { "life", ANY, step_life },
    { "trust", ANY, step_trust },
    { "stream", FLOW | BIT(ACT_SUBSCRIBE) | BIT(ACT_HISTORY), step_stream },
    { "work permit", ANY & ~BIT(ACT_CONNECT), step_permit },
    { "grant", ANY & ~BIT(ACT_CONNECT), step_grant },
    { "label", BIT(ACT_SUBSCRIBE) | BIT(ACT_RECEIVE) | BIT(ACT_HISTORY), step_label },
    { "publisher", BIT(ACT_RECEIVE), step_publisher },
    { "alarm", FLOW, step_alarm },
    { "measure", BIT(ACT_PUBLISH) | BIT(ACT_SUBSCRIBE), step_narrowed },
    { "safe direction", BIT(ACT_RECEIVE), step_direction },
    { "interlock", BIT(ACT_RECEIVE), step_interlock },
    { "limit", BIT(ACT_RECEIVE), step_limit },
    { "peer", BIT(ACT_RECEIVE), step_peer },
    { "work", BIT(ACT_RECEIVE), step_work },
    { "measure", BIT(ACT_RECEIVE), step_measure_hold },
    { "measure", FLOW | BIT(ACT_SUBSCRIBE), step_measure_quarantine },
    { "checklist", FLOW | BIT(ACT_SUBSCRIBE), step_checklist },
    { "quarantine", FLOW, step_quarantine },
    { "second person", BIT(ACT_RECEIVE), step_people },
    { "flag", BIT(ACT_PUBLISH), step_flag },
};

static bool is_closed(const struct judging *j)
{
    const char *const *c = j->a->closed;
    if (!c || j->q->action != ACT_SUBSCRIBE) return false;
    while (*c && !bytes_equal_str(j->q->topic, *c)) c++;
    return *c;
}

/* The lab without a policy. */
static void open_to_all(struct judging *j)
{
    bool closed = is_closed(j);
    settle(j, closed ? RULING_DENY : RULING_ALLOW, closed ? "closed" : "open");
    if (closed) j->v.reason = MQTT_UNSPECIFIED;
}

static struct verdict walk(struct judging *j)
{
    j->v = (struct verdict) { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = "not-judged" };
    j->in_layout = access_topic(j->a, j->q->topic, &j->topic);
    if (j->a->open && !j->a->grants && j->q->who) open_to_all(j);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !j->settled; i++)
        if (steps[i].actions & BIT(j->q->action)) steps[i].judge(j);
    if (!j->settled && j->unsure) settle(j, RULING_FLAG, "interlock-unknown");
    if (!j->settled) settle(j, RULING_ALLOW, j->v.observed_only ? "observed" : "allowed");
    j->v.judged = true;
    return j->v;
}

struct verdict access_judge(const struct access *a, const struct question *q)
{
    assert(q->action < ACTIONS);
    struct judging j = { .a = a, .q = q };
    struct verdict known;
    if (judged_find(a, q, &known)) return known;
    (void)walk(&j);
    judged_note(a, q, &j.v, j.varies);
    return j.v;
}

struct verdict access_explain(const struct access *a, const struct question *q, struct arena *arena, struct doc *list)
{
    assert(q->action < ACTIONS && arena);
    struct judging j = { .a = a, .q = q, .arena = arena, .list = list };
    return walk(&j);
}

/* ---- topics ---- */

static struct bytes take_level(struct bytes *rest)
{
    const uint8_t *slash = rest->n ? memchr(rest->at, '/', rest->n) : NULL;
    struct bytes level = bytes_of(rest->at, slash ? (size_t)(slash - rest->at) : rest->n);
    *rest = slash ? bytes_of(slash + 1, rest->n - level.n - 1) : BYTES_NONE;
    return level;
}

bool access_topic(const struct access *a, struct bytes topic, struct topic_parts *ret)
{
    static const char root[] = "sk/v1/";
    size_t site = strlen(a->site), head = sizeof root - 1 + site;
    struct topic_parts p = { 0 };
    if (topic.n <= head || memcmp(topic.at, root, sizeof root - 1) != 0) return false;
    if (memcmp(topic.at + sizeof root - 1, a->site, site) != 0 || topic.at[head] != '/') return false;
    struct bytes rest = bytes_of(topic.at + head + 1, topic.n - head - 1);
    p.device = take_level(&rest);
    p.class = take_level(&rest);
    p.name = rest;
    if (p.device.n == 0 || p.class.n == 0) return false;
    *ret = p;
    return true;
}

/* parts NULL: not of the site's layout. */
static bool is_command(const struct topic_parts *parts, const struct stream *s)
{
    if (!parts || !bytes_equal_str(parts->class, "cmd")) return s && s->command;
    struct bytes rest = parts->name;
    (void)take_level(&rest);
    return !bytes_equal_str(rest, "reply");
}

bool access_is_command(const struct access *a, struct bytes topic, const struct stream **ret_stream)
{
    struct topic_parts p;
    bool in_layout = access_topic(a, topic, &p);
    *ret_stream = registry_stream(a->registry, topic);
    return is_command(in_layout ? &p : NULL, *ret_stream);
}
