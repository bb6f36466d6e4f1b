/* See judged.h. A topic and the verdicts about it share four lines of the cache: one row for who publishes it, four for who
 * receives it; a small table of tags says where to look. Whoever pushes others' topics out costs them the judgement they would have had without. */
#include "platform/judged.h"

#include "base/port/port.h"
#include "base/time.h"

enum { TOPICS = 1 << 15, WAYS = 4, ROWS = 5, TOPIC_MAX = 94, WORDS = 32 };

struct row {
    const struct identity *who, *from;
    uint32_t generation;    /* 0: free */
    uint32_t minute;        /* of the wall clock + 1 it holds for; 0: any */
    uint16_t limit;         /* row + 1 of the limits; 0: none */
    uint8_t action, ruling, reason, word, flags, missing;
};
enum { FLAG_OBSERVED = 1, FLAG_SAFE = 2, FLAG_ALARM = 4 };

struct place {
    uint8_t n, next;        /* bytes of the topic, 0: free; receivers' row to give up next */
    uint8_t topic[TOPIC_MAX];
    struct row rows[ROWS];  /* the first is the publisher's */
};
_Static_assert(sizeof(struct row) == 32 && sizeof(struct place) == 256, "a place is four lines of the cache");

/* All a verdict hangs on besides the question. Policies are told apart by a mark drawn for each, not by their address. */
struct stamp {
    uint64_t registry, grants, agreements, limits, permits;
    const struct permit *permit_rows;
    const struct limit *rows;
    size_t limits_n;
};

struct judged {
    uint64_t seed;
    struct stamp stamp;
    uint32_t generation;
    const char *words[WORDS]; /* literals; those of verdicts are few */
    size_t words_n;
    struct place *places;   /* TOPICS, in sets of WAYS */
    uint16_t *tags;         /* of each place, 0: free */
    unsigned turn;          /* which of a full set goes next */
    void *room;
};

outcome judged_new(struct judged **ret)
{
    enum { LINE = 64 };
    struct judged *m = mem_new(sizeof *m);
    if (!m) return REFUSE(E_MEMORY);
    m->room = mem_new_array(TOPICS + 1, sizeof *m->places);
    m->tags = mem_new_array(TOPICS, sizeof *m->tags);
    if (!m->room || !m->tags) {
        judged_free(m);
        return REFUSE(E_MEMORY);
    }
    m->places = (struct place *)(((uintptr_t)m->room + LINE - 1) & ~(uintptr_t)(LINE - 1));
    m->generation = 1;
    port_random(&m->seed, sizeof m->seed);
    *ret = m;
    return DONE;
}

void judged_free(struct judged *m)
{
    if (!m) return;
    mem_free(m->room);
    mem_free(m->tags);
    mem_free(m);
}

static bool remembered(const struct access *a, const struct question *q)
{
    bool kind = q->action == ACT_PUBLISH || q->action == ACT_RECEIVE;
    return a->judged && kind && q->who && !q->passing && !q->released && !q->approved && !a->open && q->topic.n && q->topic.n <= TOPIC_MAX;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->registry == b->registry && a->grants == b->grants && a->agreements == b->agreements && a->limits == b->limits
        && a->rows == b->rows && a->limits_n == b->limits_n && a->permits == b->permits && a->permit_rows == b->permit_rows;
}

static void look_at_stamp(struct judged *m, const struct access *a)
{
    struct stamp now = { registry_epoch(a->registry), grants_mark(a->grants), grants_mark(a->agreements) };
    if (a->permits) {
        now.permits = a->permits->epoch;
        now.permit_rows = a->permits->rows;
    }
    if (a->limits) {
        now.limits = a->limits->epoch;
        now.rows = a->limits->rows;
        now.limits_n = a->limits->n;
    }
    if (same_stamp(&now, &m->stamp)) return;
    m->stamp = now;
    if (++m->generation) return;
    memset(m->places, 0, (size_t)TOPICS * sizeof *m->places); /* after 2^32 changes none may look like new */
    m->generation = 1;
}

static bool holds(const struct place *p, struct bytes topic)
{
    return p->n == topic.n && memcmp(p->topic, topic.at, topic.n) == 0;
}

struct spot { size_t set; uint16_t tag; };

static struct spot spot_of(const struct judged *m, struct bytes topic)
{
    uint64_t h = topic_hash(m->seed, topic);
    return (struct spot) { (h >> 32) % (TOPICS / WAYS) * WAYS, (uint16_t)(h | 1) };
}

/* NULL: the topic has none. */
static struct place *place_of(const struct judged *m, struct spot s, struct bytes topic)
{
    for (size_t i = s.set; i < s.set + WAYS; i++) {
        struct place *p = &m->places[i];
        if (m->tags[i] != s.tag) continue;
        __builtin_prefetch(&p->rows[1]);
        __builtin_prefetch(&p->rows[3]);
        if (holds(p, topic)) return p;
    }
    return NULL;
}

static struct row *row_for(struct place *p, const struct question *q)
{
    if (q->action == ACT_PUBLISH) return p->rows[0].who == q->who ? &p->rows[0] : NULL;
    for (size_t i = 1; i < ROWS; i++)
        if (p->rows[i].who == q->who && p->rows[i].from == q->from) return &p->rows[i];
    return NULL;
}

static uint32_t minute_of(int64_t now_ms)
{
    return (uint32_t)(now_ms / MS_MINUTE) + 1;
}

bool judged_find(const struct access *a, const struct question *q, struct verdict *ret)
{
    if (!remembered(a, q)) return false;
    struct judged *m = a->judged;
    look_at_stamp(m, a);
    struct place *p = place_of(m, spot_of(m, q->topic), q->topic);
    const struct row *r = p ? row_for(p, q) : NULL;
    if (!r || r->generation != m->generation || (r->minute && r->minute != minute_of(q->now_ms))) return false;
    *ret = (struct verdict) { .ruling = r->ruling, .reason = r->reason, .word = m->words[r->word],
        .limit = r->limit ? &a->limits->rows[r->limit - 1] : NULL, .missing = r->missing,
        .observed_only = r->flags & FLAG_OBSERVED, .safe_direction = r->flags & FLAG_SAFE, .alarm = r->flags & FLAG_ALARM, .judged = true };
    return true;
}

/* The place of a topic; where all of its set hold others, one is given up. */
static struct place *place_for(struct judged *m, struct bytes topic)
{
    struct spot s = spot_of(m, topic);
    struct place *p = place_of(m, s, topic);
    size_t at = s.set;
    if (p) return p;
    while (at < s.set + WAYS && m->tags[at]) at++;
    if (at == s.set + WAYS) at = s.set + m->turn++ % WAYS;
    p = &m->places[at];
    m->tags[at] = s.tag;
    *p = (struct place) { .n = (uint8_t)topic.n, .next = 1 };
    memcpy(p->topic, topic.at, topic.n);
    return p;
}

static struct row *room_for(struct place *p, const struct judged *m, const struct question *q)
{
    if (q->action == ACT_PUBLISH) return &p->rows[0];
    struct row *r = row_for(p, q);
    for (size_t i = 1; i < ROWS && !r; i++)
        if (p->rows[i].generation != m->generation) r = &p->rows[i];
    if (r) return r;
    p->next = (uint8_t)(p->next % (ROWS - 1) + 1);
    return &p->rows[p->next];
}

/* Its place among the words; WORDS when there is no room: then nothing is remembered. */
static size_t word_of(struct judged *m, const char *word)
{
    for (size_t i = 0; i < m->words_n; i++)
        if (m->words[i] == word) return i;
    if (m->words_n == WORDS) return WORDS;
    m->words[m->words_n] = word;
    return m->words_n++;
}

void judged_note(const struct access *a, const struct question *q, const struct verdict *v, enum varies varies)
{
    if (varies == VARIES_ALWAYS || !remembered(a, q)) return;
    struct judged *m = a->judged;
    size_t word = word_of(m, v->word), limit = v->limit ? (size_t)(v->limit - a->limits->rows) + 1 : 0;
    if (word == WORDS || limit > UINT16_MAX) return;
    struct place *p = place_for(m, q->topic);
    struct row *r = room_for(p, m, q);
    *r = (struct row) { .who = q->who, .from = q->action == ACT_RECEIVE ? q->from : NULL, .generation = m->generation,
        .minute = varies == VARIES_BY_MINUTE ? minute_of(q->now_ms) : 0, .limit = (uint16_t)limit, .action = (uint8_t)q->action,
        .ruling = (uint8_t)v->ruling, .reason = v->reason, .word = (uint8_t)word, .missing = (uint8_t)v->missing,
        .flags = (uint8_t)((v->observed_only ? FLAG_OBSERVED : 0) | (v->safe_direction ? FLAG_SAFE : 0) | (v->alarm ? FLAG_ALARM : 0)) };
}
