/* For tests of this room: a site with three people's keys, a small model, a record in memory, and the
 * people's pens. Time is an argument everywhere. */
#ifndef ASSURANCE_STORY_TEST_H
#define ASSURANCE_STORY_TEST_H

#include "assurance/assurance.h"
#include "assurance/decision.h"
#include "base/test.h"
#include "base/time.h"
#include "ledger/ledger.h"

#define SITE "mizu"
#define T0 ((int64_t)1795392000000) /* 2026-11-23 */
#define COMMANDS "sk/v1/mizu/+/cmd/+"

static const char story_model[] =
    "{\"schema\":\"sekimori/1\",\"organisation\":{\"ja\":\"試験\",\"en\":\"Test\"},"
    "\"missions\":[{\"id\":\"mizu\",\"name\":{\"ja\":\"水\",\"en\":\"Water\"},"
    "\"sentence\":{\"ja\":\"今後1年に給水が{time}を超えて止まるおそれ\",\"en\":\"Chance that supply stops for {time}\"},"
    "\"safety\":\"S2\",\"tolerance\":{\"yen\":\"%s\",\"outages\":\"2\"},\"functions\":[\"supply\"]}],"
    "\"functions\":[{\"id\":\"supply\",\"name\":{\"ja\":\"給水\",\"en\":\"Supply\"},"
    "\"minimum\":{\"ja\":\"水圧\",\"en\":\"Pressure\"},\"tolerable_outage\":\"4h\",\"customers\":4100,"
    "\"depends\":[{\"group\":\"gateways\",\"effect\":\"fail\"},{\"group\":\"computers\",\"effect\":\"degrade\"}],"
    "\"alternatives\":[\"reservoir\"]}],"
    "\"groups\":[{\"id\":\"gateways\",\"name\":{\"ja\":\"ゲートウェイ\",\"en\":\"Gateways\"},\"layer\":\"device\",\"zone\":\"p\"},"
    "{\"id\":\"computers\",\"name\":{\"ja\":\"計算機\",\"en\":\"Computers\"},\"layer\":\"device\",\"zone\":\"o\"}],"
    "\"alternatives\":[{\"id\":\"reservoir\",\"name\":{\"ja\":\"配水池\",\"en\":\"Reservoir\"},\"kind\":\"buffer\",\"hours\":\"6.5h\"}],"
    "\"threats\":[{\"id\":\"D1\",\"name\":{\"ja\":\"改ざん\",\"en\":\"Tampering\"},\"layer\":\"device\",\"strikes\":\"gateways\","
    "\"rate\":{\"lo\":\"0.05\",\"mid\":\"0.1\",\"hi\":\"0.3\"},\"loss\":{\"low\":\"300万\",\"high\":\"9000万\"},\"outage\":\"12h\","
    "\"probes\":1,\"author\":\"t\",\"source\":\"t\",\"reviewed\":\"2026-11-01\"}],"
    "\"controls\":[{\"id\":\"C8b\",\"name\":{\"ja\":\"ファームウェアの完全性\",\"en\":\"Firmware integrity\"},\"layer\":\"device\","
    "\"root\":\"hw\",\"scope\":[\"gateways\"],\"fresh\":\"24h\",\"stale\":\"72h\",\"strength\":{\"D1\":\"strong\"}},"
    "{\"id\":\"C5\",\"name\":{\"ja\":\"暗号化\",\"en\":\"Encryption\"},\"layer\":\"network\",\"scope\":[\"site\"],"
    "\"fresh\":\"1h\",\"stale\":\"24h\",\"strength\":{\"D1\":\"weak\"}},"
    "{\"id\":\"H1\",\"name\":{\"ja\":\"備え\",\"en\":\"Declared\"},\"layer\":\"people\",\"scope\":[\"reservoir\"],"
    "\"fresh\":\"365d\",\"stale\":\"400d\",\"strength\":{\"D1\":\"weak\"}}],"
    "\"conditions\":[{\"id\":\"attested\",\"name\":{\"ja\":\"承認済みファームウェア\",\"en\":\"Approved firmware\"},"
    "\"when\":\"attested(device)\",\"stream\":\"" COMMANDS "\",\"mode\":\"hold\"},"
    "{\"id\":\"no-event\",\"name\":{\"ja\":\"事案なし\",\"en\":\"No event\"},\"when\":\"event-free(gateways)\","
    "\"stream\":\"sk/v1/mizu/+/m/#\",\"mode\":\"flag\"},"
    "{\"id\":\"coverage\",\"name\":{\"ja\":\"九割\",\"en\":\"Nine in ten\"},\"when\":\"coverage(C8b, gateways) >= 900\","
    "\"stream\":\"sk/v1/mizu/+/e/#\",\"mode\":\"flag\"},"
    "{\"id\":\"figure\",\"name\":{\"ja\":\"許容限度内\",\"en\":\"Within tolerance\"},\"when\":\"within-tolerance(mizu)\","
    "\"stream\":\"sk/v1/mizu/+/cfg/+\",\"mode\":\"hold\"},"
    "{\"id\":\"tls\",\"name\":{\"ja\":\"暗号化\",\"en\":\"Encrypted\"},\"when\":\"encrypted(site)\","
    "\"stream\":\"sk/v1/mizu/+/upd/+\",\"mode\":\"deny\"}]}";

struct story_entry {
    unsigned kind;
    int64_t at_ms;
    bool durable;
    char *json;
};
struct story {
    struct assurance *a;
    struct key *keys[CHARTER_ROLES + 1]; /* the three, and a stranger's */
    int64_t now;
    struct story_entry *entries;
    size_t n, cap;
    bool refuse_writes;
    struct limit rows[16];
    size_t n_limits, handed;     /* handed: times limits were swapped */
    size_t entries_at_hand_over; /* entries when they were swapped last */
    char told[16][16];
    size_t n_told;
    char why[ASSURANCE_WHY];
};

static inline outcome story_write(void *ctx, unsigned kind, const struct doc *d, bool durable)
{
    struct story *s = ctx;
    struct buffer b = BUFFER(32u << 20);
    if (s->refuse_writes) return REFUSE(E_IO);
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct story_entry *more = mem_grow(s->entries, cap * sizeof *more);
        if (!more) return REFUSE(E_MEMORY);
        s->entries = more;
        s->cap = cap;
    }
    outcome o = doc_write_json(d, &b);
    char *json = ok(o) ? mem_text(buffer_view(&b)) : NULL;
    buffer_deinit(&b);
    if (!json) return REFUSE(E_MEMORY);
    s->entries[s->n++] = (struct story_entry) { kind, s->now, durable, json };
    return DONE;
}

static inline void story_limits(void *ctx, const struct limits *limits)
{
    struct story *s = ctx;
    s->n_limits = limits->n;
    s->handed++;
    s->entries_at_hand_over = s->n;
    for (size_t i = 0; i < limits->n && i < 16; i++) s->rows[i] = limits->rows[i];
}

static inline void story_tell(void *ctx, const char *event, const struct doc *d)
{
    struct story *s = ctx;
    (void)d;
    (void)snprintf(s->told[s->n_told++ % 16], 16, "%s", event);
}

static inline struct assurance *story_machine(struct story *s)
{
    struct assurance *a = NULL;
    struct assurance_port port = { s, story_write, story_limits, story_tell };
    CHECK_OK(assurance_new(&port, &a));
    return a;
}

/* The charter, as init wrote it. */
static inline void story_charter(struct story *s)
{
    char pem[CHARTER_ROLES][400];
    const char *pems[CHARTER_ROLES];
    struct arena arena = ARENA(65536);
    for (size_t r = 0; r < CHARTER_ROLES; r++) {
        struct buffer b = BUFFER(4096);
        CHECK_OK(key_write_public_pem(s->keys[r], &b));
        CHECK_OK(bytes_to_text(buffer_view(&b), pem[r], sizeof pem[r]));
        pems[r] = pem[r];
        buffer_deinit(&b);
    }
    CHECK_OK(story_write(s, ENTRY_CHARTER, charter_doc(&arena, SITE, pems, false), true));
    struct story_entry *e = &s->entries[s->n - 1];
    CHECK_OK(assurance_replay(s->a, e->kind, bytes_str(e->json), e->at_ms));
    arena_deinit(&arena);
}

static inline void story_begin(struct story *s)
{
    *s = (struct story) { .now = T0 };
    for (size_t r = 0; r <= CHARTER_ROLES; r++) CHECK_OK(key_new(r % 2 ? KEY_ED25519 : KEY_P256, &s->keys[r]));
    s->a = story_machine(s);
    story_charter(s);
}

static inline void story_end(struct story *s)
{
    assurance_free(s->a);
    for (size_t r = 0; r <= CHARTER_ROLES; r++) key_free(s->keys[r]);
    for (size_t i = 0; i < s->n; i++) mem_free(s->entries[i].json);
    mem_free(s->entries);
}

/* The payload signed by these keys, in order; the text is the caller's to free. */
static inline char *story_sign(struct story *s, const struct doc *payload, const size_t *keys, size_t n)
{
    struct buffer b = BUFFER(1u << 20);
    CHECK_OK(doc_write_json(payload, &b));
    for (size_t i = 0; i < n; i++) {
        struct buffer next = BUFFER(2u << 20);
        CHECK_OK(document_sign(buffer_view(&b), s->keys[keys[i]], &next));
        buffer_deinit(&b);
        b = next;
    }
    char *text = mem_text(buffer_view(&b));
    buffer_deinit(&b);
    return text;
}

enum { MO = CHARTER_MISSION_OWNER, AO = CHARTER_ASSET_OWNER, EX = CHARTER_EXECUTIVE, STRANGER = CHARTER_ROLES };
#define KEYS(...) (const size_t[]) { __VA_ARGS__ }, sizeof((const size_t[]) { __VA_ARGS__ }) / sizeof(size_t)

typedef outcome (*story_door)(struct assurance *a, struct bytes json, int64_t now_ms, char *why);

static inline outcome story_give(struct story *s, story_door door, const struct doc *payload, const size_t *keys, size_t n)
{
    char *json = story_sign(s, payload, keys, n);
    outcome o = door(s->a, bytes_str(json), s->now, s->why);
    mem_free(json);
    return o;
}

/* The model's document with this tolerance ("1000万"). */
static inline struct doc *story_model_doc(struct arena *arena, const char *tolerance)
{
    static char text[sizeof story_model + 64];
    struct doc *d = NULL;
    (void)snprintf(text, sizeof text, story_model, tolerance);
    CHECK_OK(doc_read_json(bytes_str(text), arena, &d));
    return d;
}

static inline outcome story_model_give(struct story *s, const char *tolerance, const size_t *keys, size_t n)
{
    struct arena arena = ARENA(1u << 20);
    struct doc *d = document_model_new(&arena, SITE, story_model_doc(&arena, tolerance), s->now);
    outcome o = story_give(s, assurance_model, d, keys, n);
    arena_deinit(&arena);
    return o;
}

static inline void story_fact(struct story *s, const char *control, const char *asset, enum fact_result result,
    const char *detail)
{
    struct fact f = { .result = result, .method = FACT_BY_QUOTE, .authenticated = true,
        .confirmed = result == FACT_FAIL, .at_ms = s->now };
    (void)snprintf(f.control, sizeof f.control, "%s", control);
    (void)snprintf(f.asset, sizeof f.asset, "%s", asset);
    (void)snprintf(f.detail, sizeof f.detail, "%s", detail);
    assurance_fact(s->a, &f, s->now);
}

static inline void story_wait(struct story *s, int64_t ms)
{
    for (int64_t end = s->now + ms; s->now < end;) {
        int wait = assurance_turn(s->a, s->now);
        s->now += wait > 0 && s->now + wait < end ? wait : wait > 0 ? end - s->now : 1;
    }
    (void)assurance_turn(s->a, s->now);
}

/* A decision on the newest assessment, enforcing `attested`; the caller changes what it wants to try. */
static inline struct decision story_decision(struct story *s, const char *id, int64_t tolerance_yen)
{
    struct arena arena = ARENA(4u << 20);
    struct decision d = { .accept = DECISION_CONDITIONS, .at_ms = s->now, .loosen = DECISION_LOOSEN_TWO,
        .dwell_ms = 10 * MS_S, .tolerance_yen = tolerance_yen, .margin_mille = 200, .fallback = LIMIT_HOLD,
        .reason = { "理由", "reason" }, .n_rules = 1 };
    const struct doc *newest = assurance_assessments(s->a, &arena)->first;
    CHECK(newest != NULL);
    (void)snprintf(d.id, sizeof d.id, "%s", id);
    (void)snprintf(d.site, sizeof d.site, SITE);
    (void)snprintf(d.mission, sizeof d.mission, "mizu");
    (void)snprintf(d.assessment_id, sizeof d.assessment_id, "%s", doc_text(newest, "id", ""));
    (void)snprintf(d.assessment_hash, sizeof d.assessment_hash, "%s", doc_text(newest, "hash", ""));
    d.decision_yen = doc_int(newest, "decision_yen", 0);
    d.expected_yen = doc_int(newest, "expected_yen", 0);
    d.rank = doc_text(newest, "rank", "R5")[1] - '0';
    d.expires_ms = s->now + 6 * MS_DAY;
    d.rules[0] = (struct decision_rule) { "attested", COMMANDS, LIMIT_HOLD, true };
    arena_deinit(&arena);
    return d;
}

static inline outcome story_decide(struct story *s, const struct decision *d, const size_t *keys, size_t n)
{
    struct arena arena = ARENA(1u << 20);
    outcome o = story_give(s, assurance_decision, decision_doc(d, &arena), keys, n);
    arena_deinit(&arena);
    return o;
}

static inline bool story_why(const struct story *s, const char *word)
{
    size_t n = strlen(word);
    bool same = strncmp(s->why, word, n) == 0 && (s->why[n] == 0 || s->why[n] == ':');
    if (!same) printf("# why: %s\n", s->why);
    return same;
}

static inline size_t story_count(const struct story *s, unsigned kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->entries[i].kind == kind;
    return n;
}

/* The status as one canonical text; the caller frees it. */
static inline char *story_status(struct story *s, struct assurance *a)
{
    struct arena arena = ARENA(8u << 20);
    struct buffer b = BUFFER(8u << 20);
    CHECK_OK(doc_write_json(assurance_status(a, &arena, s->now), &b));
    char *text = mem_text(buffer_view(&b));
    buffer_deinit(&b);
    arena_deinit(&arena);
    return text;
}

#endif
