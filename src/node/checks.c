#include "node/checks.h"

#include <stdio.h>

#include "node/alerts.h"
#include "node/core.h"

enum { IDENTITIES_MAX = 20000, SOURCES = 3, EVERY_MS = 10000, WINDOW_MS = 1800000, STREAMS_MAX = 4096 };
/* More than this within the hour is worth a person's look. */
enum { TAKEOVERS = 3, CONNECTS = 30, LOSSES = 10, REFUSED = 10 };
enum { LATE_DAYS = 7, OWN_DAYS = 14, SILENT_HOURS = 24, UNUSED_DAYS = 30 };

enum { COUNT_UP, COUNT_LOST, COUNT_TAKEN, COUNT_REFUSED, COUNT_SLOW, COUNTS };

/* Two half hours, the one that runs and the one before: what is shown is of the last 30 to 60 minutes. */
struct activity {
    int64_t window;
    uint32_t now[COUNTS], before[COUNTS];
    uint64_t sources[SOURCES]; /* hashes; 0: free */
    int64_t sources_window;
    int64_t heard_ms;
};

struct finding { /* of one check, being looked at */
    struct arena *arena;
    struct doc *list;      /* NULL: only counted */
    size_t n;
    bool unknown;          /* it cannot be told yet */
    char first[ID_MAX];
};

struct check {
    const char *id, *ja, *en, *todo_ja, *todo_en;
    void (*look)(struct core *c, struct finding *f);
    bool alert;            /* else it is for whoever reads the list */
};

enum { CHECKS_MAX = 24 };

struct checks {
    struct map of;         /* id -> struct activity */
    int64_t next_ms, began_ms;
    uint64_t policy;       /* mark of the grants in force, and since when */
    int64_t policy_ms;
    int64_t since_ms[CHECKS_MAX]; /* wall; 0: good */
};

/* ---- what is counted ---- */

static void roll(struct activity *a, int64_t window)
{
    if (window == a->window) return;
    if (window == a->window + 1) memcpy(a->before, a->now, sizeof a->before);
    else memset(a->before, 0, sizeof a->before);
    memset(a->now, 0, sizeof a->now);
    a->window = window;
}

static struct activity *activity_of(struct core *c, const char *id)
{
    struct checks *k = c->checks;
    if (!k || !id[0]) return NULL;
    struct activity *a = map_get(&k->of, bytes_str(id));
    if (!a && k->of.n < IDENTITIES_MAX) {
        a = mem_new(sizeof *a);
        if (!a || !ok(map_put(&k->of, bytes_str(id), a))) {
            mem_free(a);
            return NULL;
        }
    }
    if (a) roll(a, port_mono_ms() / WINDOW_MS);
    return a;
}

static void count(struct core *c, const char *id, int what)
{
    struct activity *a = activity_of(c, id);
    if (a) a->now[what]++;
}

void checks_link_up(struct core *c, const char *id, const char *source)
{
    struct activity *a = activity_of(c, id);
    if (!a) return;
    a->heard_ms = core_wall(c);
    a->now[COUNT_UP]++;
    if (a->sources_window != a->window) memset(a->sources, 0, sizeof a->sources);
    a->sources_window = a->window;
    uint64_t h = topic_hash(1, bytes_str(source)) | 1;
    for (size_t i = 0; i < SOURCES; i++) {
        if (a->sources[i] == h) return;
        if (a->sources[i]) continue;
        a->sources[i] = h;
        return;
    }
}

void checks_link_lost(struct core *c, const char *id)
{
    count(c, id, COUNT_LOST);
}

void checks_told(struct core *c, const char *what, const struct message *m)
{
    if (!m || !m->from) return;
    if (strcmp(what, "takeover") == 0) count(c, m->from->id, COUNT_TAKEN);
    else if (strcmp(what, "slow-consumer") == 0) count(c, m->from->id, COUNT_SLOW);
    else if (strstr(what, "refused")) count(c, m->from->id, COUNT_REFUSED);
}

void checks_heard(struct core *c, const struct message *m)
{
    struct activity *a = m->from ? activity_of(c, m->from->id) : NULL;
    if (a) a->heard_ms = core_wall(c);
}

/* ---- what is found ---- */

static void found(struct finding *f, const char *who, const char *detail)
{
    if (!f->n++) snprintf(f->first, sizeof f->first, "%s", who);
    if (!f->list || f->list->count >= CHECKS_FOUND) return;
    struct doc *d = doc_map(f->arena);
    doc_set_text(f->arena, d, "who", who);
    doc_set_text(f->arena, d, "detail", detail);
    doc_add(f->list, d);
}

static void each_identity(struct core *c, struct finding *f, void (*look)(struct core *c, const struct identity *i, struct finding *f))
{
    size_t n = registry_identities(c->registry, NULL, 0);
    const struct identity **all = mem_new_array(n ? n : 1, sizeof *all);
    if (!all) return;
    n = registry_identities(c->registry, all, n);
    for (size_t i = 0; i < n; i++) look(c, all[i], f);
    mem_free(all);
}

static bool may_connect(const struct identity *i)
{
    return i->life == LIFE_ENROLLED && i->trust != TRUST_REVOKED;
}

static bool serves(const struct identity *i)
{
    return i->has_key && may_connect(i);
}

static void late_one(struct core *c, const struct identity *i, struct finding *f)
{
    char until[TIME_TEXT];
    int64_t left = i->not_after_ms - core_wall(c);
    if (!serves(i) || left > LATE_DAYS * MS_DAY || left <= 0) return;
    time_text(i->not_after_ms, until);
    found(f, i->id, until);
}

static void ended_one(struct core *c, const struct identity *i, struct finding *f)
{
    char until[TIME_TEXT];
    if (!serves(i) || i->not_after_ms > core_wall(c)) return;
    time_text(i->not_after_ms, until);
    found(f, i->id, until);
}

static void silent_one(struct core *c, const struct identity *i, struct finding *f)
{
    char heard[TIME_TEXT] = "-";
    struct activity *a = map_get(&c->checks->of, bytes_str(i->id));
    int64_t now = core_wall(c), last = a && a->heard_ms ? a->heard_ms : c->checks->began_ms;
    if (!serves(i) || i->role != ROLE_DEVICE || now - last < SILENT_HOURS * MS_HOUR) return;
    if (a && a->heard_ms) time_text(a->heard_ms, heard);
    found(f, i->id, heard);
}

static void look_late(struct core *c, struct finding *f) { each_identity(c, f, late_one); }
static void look_ended(struct core *c, struct finding *f) { each_identity(c, f, ended_one); }

static void look_silent(struct core *c, struct finding *f)
{
    each_identity(c, f, silent_one);
    f->unknown = !f->n && core_wall(c) - c->checks->began_ms < SILENT_HOURS * MS_HOUR;
}

/* The gate must have closed these within a second. */
static void look_revoked(struct core *c, struct finding *f)
{
    for (size_t i = 0; i < c->links_cap; i++) {
        const struct core_link *l = &c->links[i];
        const struct identity *who = l->live && l->session ? registry_identity(c->registry, l->id) : NULL;
        if (who && !may_connect(who)) found(f, who->id, l->source);
    }
}

static void look_own(struct core *c, struct finding *f)
{
    const struct { const char *who; struct bytes pem; } rows[] = { { "server", buffer_view(&c->server_chain) },
        { "web", buffer_view(&c->web_chain) }, { "issuing-ca", buffer_view(&c->ca_chain) } };
    char until[TIME_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct x509_facts x;
        if (!rows[i].pem.n || !ok(x509_facts_pem(rows[i].pem, &x)) || x.not_after_ms - core_wall(c) > OWN_DAYS * MS_DAY) continue;
        time_text(x.not_after_ms, until);
        found(f, rows[i].who, until);
    }
}

static void over(struct core *c, struct finding *f, int what, uint32_t most)
{
    struct bytes key;
    void *value;
    char id[ID_MAX], text[24];
    int64_t window = port_mono_ms() / WINDOW_MS;
    for (size_t at = 0; map_next(&c->checks->of, &at, &key, &value);) {
        struct activity *a = value;
        roll(a, window);
        uint32_t n = a->now[what] + a->before[what];
        if (n < most || !ok(bytes_to_text(key, id, sizeof id))) continue;
        snprintf(text, sizeof text, "%u", n);
        found(f, id, text);
    }
}

static void look_conflict(struct core *c, struct finding *f) { over(c, f, COUNT_TAKEN, TAKEOVERS); }
static void look_connects(struct core *c, struct finding *f) { over(c, f, COUNT_UP, CONNECTS); }
static void look_losses(struct core *c, struct finding *f) { over(c, f, COUNT_LOST, LOSSES); }
static void look_refused(struct core *c, struct finding *f) { over(c, f, COUNT_REFUSED, REFUSED); }
static void look_slow(struct core *c, struct finding *f) { over(c, f, COUNT_SLOW, 1); }

static void look_sources(struct core *c, struct finding *f)
{
    struct bytes key;
    void *value;
    char id[ID_MAX];
    for (size_t at = 0; map_next(&c->checks->of, &at, &key, &value);) {
        const struct activity *a = value;
        bool recent = port_mono_ms() / WINDOW_MS - a->sources_window <= 1;
        if (recent && a->sources[SOURCES - 1] && ok(bytes_to_text(key, id, sizeof id))) found(f, id, "3+");
    }
}

/* May act for others than itself: published or ordered topics that are not under its own name, for whoever is a device or
 * anybody at all. */
static bool broad(const struct grant *g)
{
    bool acts = g->actions & (GRANT_PUBLISH | GRANT_COMMAND), many = g->kind == SUBJECT_ANY || (g->kind == SUBJECT_ROLE && strcmp(g->subject, role_word(ROLE_DEVICE)) == 0);
    if (g->deny || !g->pattern[0] || g->emergency || g->permitted) return false; /* those open for somebody only, for a time */
    if (acts && many && !strstr(g->pattern, "{own}")) return true;
    return g->kind == SUBJECT_ANY && g->pattern[strlen(g->pattern) - 1] == '#' && !strstr(g->pattern, "{own}");
}

static void each_grant(struct core *c, struct finding *f, bool (*is)(struct core *c, const struct grant *g, size_t at))
{
    char where[GRANT_SOURCE + 16], text[STREAM_PATTERN_MAX + ID_MAX + 24];
    size_t n = 0;
    const struct grant *rows = grants_rows(c->access.grants, &n);
    for (size_t i = 0; i < n; i++) {
        if (!is(c, &rows[i], i)) continue;
        snprintf(text, sizeof text, "%s %s%s", rows[i].id, rows[i].stream, rows[i].pattern);
        found(f, grant_place(c->access.grants, &rows[i], where, sizeof where), text);
    }
}

static bool is_broad(struct core *c, const struct grant *g, size_t at)
{
    (void)c, (void)at;
    return broad(g);
}

static bool is_unused(struct core *c, const struct grant *g, size_t at)
{
    return !g->deny && !grants_spoke(c->access.grants, at);
}

static void look_broad(struct core *c, struct finding *f) { each_grant(c, f, is_broad); }

static void look_unused(struct core *c, struct finding *f)
{
    f->unknown = !c->access.grants || core_wall(c) - c->checks->policy_ms < UNUSED_DAYS * MS_DAY;
    if (!f->unknown) each_grant(c, f, is_unused);
}

static void look_unrecorded(struct core *c, struct finding *f)
{
    const struct stream **all = mem_new_array(STREAMS_MAX, sizeof *all);
    if (!all) return;
    size_t n = registry_streams(c->registry, all, STREAMS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!all[i]->recorded) found(f, all[i]->name, all[i]->pattern);
    mem_free(all);
}

/* Who signs for the site, or changes its people, with nothing but a password. */
static void look_people(struct core *c, struct finding *f)
{
    for (size_t i = 0; i < users_count(c->users); i++) {
        const struct user *u = users_at(c->users, i);
        if (!u->revoked && u->has_password && !u->n_keys && (u->roles & (USER_SIGNING | USER_BIT(USER_ADMINISTRATOR)))) found(f, u->id, u->name);
    }
}

/* clang-format off */
static const struct check table[] = {
    { "certificate-late", "機器の証明書が7日以内に切れる", "a device's certificate ends within 7 days",
      "更新は期限の三分の二で始まります。機器が動いていて入口（8444）に届くかを確かめてください", "renewal begins at two thirds: see that the device runs and reaches the enrolment door (8444)", look_late, true },
    { "certificate-ended", "運用中の機器の証明書が切れている", "a device in service whose certificate has ended",
      "機器を起動すれば更新できます。もう使わないなら retire で廃止してください", "started, it renews itself; when it is no longer used, retire it", look_ended, true },
    { "certificate-own", "サイトの証明書が14日以内に切れる", "a certificate of the site ends within 14 days",
      "sekimori certificate show で確かめてください", "see sekimori certificate show", look_own, true },
    { "revoked-connected", "失効・廃止した機器がつながっている", "a revoked or retired device is connected",
      "あってはならないことです。入口を止め、記録とともに知らせてください", "this must never be: close the door and report it with the record", look_revoked, true },
    { "identity-conflict", "同じ機器を名乗る接続が奪い合っている", "connections of one identity displace each other",
      "鍵の複製か、同じ設定を二台に入れた疑いがあります。機器を隔離して確かめてください", "a copied key, or one configuration in two devices: quarantine it and look", look_conflict, true },
    { "many-sources", "30分に三つ以上の場所からつながる機器", "a device that came from three or more addresses within 30 minutes",
      "鍵の複製か、不安定な回線です", "a copied key, or a line that changes", look_sources, true },
    { "many-connections", "1時間に30回以上つなぎ直す機器", "a device that connected 30 times or more within the hour",
      "設定の誤り、電波、電源を確かめてください", "see its configuration, radio, power", look_connects, true },
    { "many-losses", "1時間に10回以上切れた機器", "a device whose link broke 10 times or more within the hour",
      "電波、電源、中継機器を確かめてください", "see radio, power, what lies between", look_losses, true },
    { "refused-operations", "1時間に10回以上拒否された機器・人", "somebody who was refused 10 times or more within the hour",
      "sekimori why で理由を見て、定めか設定を直してください", "see sekimori why, then mend the policy or its configuration", look_refused, true },
    { "slow-consumer", "受け取りが追いつかない相手", "somebody who does not take what is sent to him",
      "購読を絞るか、受け取る側を速くしてください", "narrow the subscription, or make the receiver faster", look_slow, true },
    { "silent", "24時間何も送っていない機器", "a device that sent nothing for 24 hours",
      "動いているか確かめてください。もう使わないなら retire で廃止してください", "see whether it runs; when it is no longer used, retire it", look_silent, true },
    { "grant-broad", "広すぎる許可", "a grant that is too broad",
      "{own} で自分の名前の下だけに絞ってください", "narrow it to what stands under its own name, by {own}", look_broad, false },
    { "grant-unused", "30日使われていない許可", "a grant that nobody used for 30 days",
      "要らない許可は消してください（sekimori grant diff で影響を見られます）", "take it away (sekimori grant diff shows whose access changes)", look_unused, false },
    { "stream-unrecorded", "記録しないデータ種別", "a stream that is not recorded",
      "わざと記録しないのでなければ recorded: true にしてください", "unless it is meant so, declare it with recorded: true", look_unrecorded, false },
    { "password-only", "署名や人の登録をするのに、パスワードだけの人", "somebody who signs or manages people with a password alone",
      "パスキーを登録してもらってください", "have a passkey registered", look_people, false },
};
/* clang-format on */
enum { ROWS = sizeof table / sizeof *table };
static_assert((int)ROWS <= (int)CHECKS_MAX, "room for when each began");

static struct finding look(struct core *c, const struct check *k, struct arena *arena, bool list)
{
    struct finding f = { .arena = arena, .list = list ? doc_list(arena) : NULL };
    k->look(c, &f);
    return f;
}

struct doc *checks_doc(void *ctx, struct arena *a)
{
    struct core *c = ctx;
    struct doc *all = doc_list(a);
    for (size_t i = 0; i < ROWS; i++) {
        const struct check *k = &table[i];
        struct finding f = look(c, k, a, true);
        struct doc *d = doc_map(a);
        doc_set_text(a, d, "check", k->id);
        doc_set_text(a, d, "title_ja", k->ja);
        doc_set_text(a, d, "title_en", k->en);
        doc_set_text(a, d, "todo_ja", k->todo_ja);
        doc_set_text(a, d, "todo_en", k->todo_en);
        doc_set_text(a, d, "state", f.n ? "bad" : f.unknown ? "unknown" : "good");
        if (f.n && c->checks->since_ms[i]) doc_set_time(a, d, "since", c->checks->since_ms[i]);
        doc_set_int(a, d, "count", (int64_t)f.n);
        doc_set(a, d, "found", f.list);
        doc_add(all, d);
    }
    return all;
}

/* ---- turn ---- */

static void raise_alert(struct core *c, const struct check *k, const struct finding *f)
{
    char ja[256], en[256];
    const struct identity *who = registry_identity(c->registry, f->first);
    snprintf(ja, sizeof ja, "点検：%s（%zu件、%s など）", k->ja, f->n, f->first);
    snprintf(en, sizeof en, "check: %s (%zu, %s among them)", k->en, f->n, f->first);
    alerts_note(c, &(struct alert_said) { .what = k->id, .device = who ? who->id : "", .group = who ? who->group : "", .name = "check",
        .text_ja = ja, .text_en = en, .at_ms = core_wall(c) });
}

void checks_turn(struct core *c, int64_t mono_ms)
{
    struct checks *k = c->checks;
    if (!k || mono_ms < k->next_ms) return;
    k->next_ms = mono_ms + EVERY_MS;
    if (c->access.grants && grants_mark(c->access.grants) != k->policy) {
        k->policy = grants_mark(c->access.grants);
        k->policy_ms = core_wall(c);
    }
    for (size_t i = 0; i < ROWS; i++) {
        struct finding f = look(c, &table[i], NULL, false);
        bool fresh = f.n && !k->since_ms[i];
        if (fresh) k->since_ms[i] = core_wall(c);
        if (!f.n) k->since_ms[i] = 0;
        if (fresh && table[i].alert) raise_alert(c, &table[i], &f);
    }
}

outcome checks_open(struct core *c)
{
    c->checks = mem_new(sizeof *c->checks);
    if (!c->checks) return REFUSE(E_MEMORY);
    *c->checks = (struct checks) { .of = MAP, .began_ms = core_wall(c), .policy_ms = core_wall(c), .next_ms = port_mono_ms() + EVERY_MS };
    return DONE;
}

void checks_close(struct core *c)
{
    struct bytes key;
    void *value;
    if (!c->checks) return;
    for (size_t at = 0; map_next(&c->checks->of, &at, &key, &value);) mem_free(value);
    map_deinit(&c->checks->of);
    mem_free(c->checks);
    c->checks = NULL;
}
