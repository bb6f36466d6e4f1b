/* See judged.h. A topic with its publisher's and its one receiver's verdict is one line of the cache; the end of a long topic and
 * further receivers stand elsewhere. A small table of tags says where to look. Verdicts themselves are few, and each is kept
 * once. Whoever pushes others' topics out costs them the judgement they would have had without. */
#include "platform/judged.h"

#include "base/port/port.h"
#include "base/time.h"

enum { TOPICS = 1 << 15, WAYS = 4, NEAR_TOPIC = 36, TOPIC_MAX = 252, KINDS = 255, FAR = 1 << 15, FAR_WAYS = 2, LINE = 64 };

enum { HAS_WHO = 1, HAS_EAR = 2, HAS_FAR = 4 }; /* of this generation */
struct place {
    const struct identity *who, *ear; /* who publishes it, and who receives it from there */
    uint32_t generation;
    uint16_t minute, ear_minute; /* of the wall clock it holds for, see minute_of(); 0: any */
    uint8_t kind, ear_kind, has;
    uint8_t n;              /* bytes of the topic, 0: free */
    uint8_t topic[NEAR_TOPIC]; /* its beginning; the rest is in tails */
};
_Static_assert(sizeof(struct place) == LINE, "a place is one line of the cache");

struct far_row { /* of any other receiver */
    const struct identity *who, *from;
    uint32_t generation, place, version; /* generation 0: free */
    uint16_t minute;
    uint8_t kind;
};

/* All a verdict hangs on besides the question. Policies are told apart by a mark drawn for each, not by their address. */
struct stamp {
    uint64_t registry, grants, agreements, limits, permits, reactions, checklists;
    const struct permit *permit_rows;
    const struct limit *rows;
    size_t limits_n;
    uint32_t era;           /* of the clock: within one no two minutes have the same name */
};

struct judged {
    uint64_t seed;
    struct stamp stamp;
    uint32_t generation;
    struct verdict kinds[KINDS]; /* of this generation */
    size_t kinds_n;
    struct place *places;   /* TOPICS, in sets of WAYS */
    struct place *last;     /* what was looked at last: a publish and its deliveries ask for one topic */
    uint8_t (*tails)[TOPIC_MAX - NEAR_TOPIC]; /* of long topics, touched by no others */
    uint32_t *versions;     /* of each place: how many topics stood there */
    uint16_t *tags;         /* of each place, 0: free */
    struct far_row *far;    /* FAR, in sets of FAR_WAYS */
    unsigned turn;          /* which of a full set goes next */
    void *room;
};

outcome judged_new(struct judged **ret)
{
    struct judged *m = mem_new(sizeof *m);
    if (!m) return REFUSE(E_MEMORY);
    m->room = mem_new_array(TOPICS + 1, sizeof *m->places);
    m->tags = mem_new_array(TOPICS, sizeof *m->tags);
    m->tails = mem_new_array(TOPICS, sizeof *m->tails);
    m->versions = mem_new_array(TOPICS, sizeof *m->versions);
    m->far = mem_new_array(FAR, sizeof *m->far);
    if (!m->room || !m->tags || !m->tails || !m->versions || !m->far) {
        judged_free(m);
        return REFUSE(E_MEMORY);
    }
    m->places = (struct place *)(((uintptr_t)m->room + LINE - 1) & ~(uintptr_t)(LINE - 1));
    m->last = m->places;
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
    mem_free(m->tails);
    mem_free(m->versions);
    mem_free(m->far);
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
        && a->rows == b->rows && a->limits_n == b->limits_n && a->permits == b->permits && a->permit_rows == b->permit_rows && a->era == b->era
        && a->reactions == b->reactions && a->checklists == b->checklists;
}

/* Every row is stale from here on. */
static void forget(struct judged *m)
{
    m->kinds_n = 0;
    if (++m->generation) return;
    for (size_t i = 0; i < TOPICS; i++) m->places[i].generation = 0; /* after 2^32 changes none may look like new */
    memset(m->far, 0, FAR * sizeof *m->far);
    m->generation = 1;
}

enum { ERA_MINUTES = 1 << 15 };

static uint16_t minute_of(int64_t now_ms)
{
    return (uint16_t)((uint64_t)(now_ms / MS_MINUTE) % ERA_MINUTES + 1);
}

static void look_at_stamp(struct judged *m, const struct access *a, int64_t now_ms)
{
    struct stamp now = { registry_epoch(a->registry), grants_mark(a->grants), grants_mark(a->agreements),
        .era = (uint32_t)((uint64_t)(now_ms / MS_MINUTE) / ERA_MINUTES) };
    if (a->checklists) now.checklists = a->checklists->epoch;
    if (a->reactions) now.reactions = a->reactions->epoch;
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
    forget(m);
}

/* ---- where a topic stands ---- */

static size_t index_of(const struct judged *m, const struct place *p)
{
    return (size_t)(p - m->places);
}

static bool holds(const struct judged *m, const struct place *p, struct bytes topic)
{
    if (p->n != topic.n) return false;
    if (topic.n <= NEAR_TOPIC) return memcmp(p->topic, topic.at, topic.n) == 0;
    return memcmp(p->topic, topic.at, NEAR_TOPIC) == 0 && memcmp(m->tails[index_of(m, p)], topic.at + NEAR_TOPIC, topic.n - NEAR_TOPIC) == 0;
}

struct spot { size_t set; uint16_t tag; };

static struct spot spot_of(const struct judged *m, struct bytes topic)
{
    uint64_t h = topic_hash(m->seed, topic);
    return (struct spot) { (h >> 32) % (TOPICS / WAYS) * WAYS, (uint16_t)(h | 1) };
}

/* NULL: the topic has none. */
static struct place *place_of(struct judged *m, struct spot s, struct bytes topic)
{
    for (size_t i = s.set; i < s.set + WAYS; i++) {
        struct place *p = &m->places[i];
        if (m->tags[i] != s.tag) continue;
        if (holds(m, p, topic)) return m->last = p;
    }
    return NULL;
}

/* The same, of what was asked for a moment ago without looking it up. */
static struct place *place_known(struct judged *m, struct bytes topic)
{
    return holds(m, m->last, topic) ? m->last : place_of(m, spot_of(m, topic), topic);
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
    m->versions[at]++;
    *p = (struct place) { .n = (uint8_t)topic.n };
    memcpy(p->topic, topic.at, topic.n < NEAR_TOPIC ? topic.n : NEAR_TOPIC);
    if (topic.n > NEAR_TOPIC) memcpy(m->tails[at], topic.at + NEAR_TOPIC, topic.n - NEAR_TOPIC);
    return m->last = p;
}

/* ---- receivers ---- */

static struct far_row *far_set(const struct judged *m, const struct place *p, const struct question *q)
{
    uint64_t key[2] = { index_of(m, p), (uintptr_t)q->who };
    return &m->far[topic_hash(m->seed, bytes_of((const uint8_t *)key, sizeof key)) % (FAR / FAR_WAYS) * FAR_WAYS];
}

static bool far_is(const struct judged *m, const struct far_row *f, const struct place *p, const struct question *q)
{
    size_t at = index_of(m, p);
    return f->generation == m->generation && f->place == at && f->version == m->versions[at] && f->who == q->who && f->from == q->from;
}

static const struct far_row *far_of(const struct judged *m, const struct place *p, const struct question *q)
{
    const struct far_row *set = far_set(m, p, q);
    for (size_t i = 0; i < FAR_WAYS; i++)
        if (far_is(m, &set[i], p, q)) return &set[i];
    return NULL;
}

static void far_note(struct judged *m, const struct place *p, const struct question *q, uint16_t minute, uint8_t kind)
{
    struct far_row *set = far_set(m, p, q), *f = NULL;
    for (size_t i = 0; i < FAR_WAYS && !f; i++)
        if (far_is(m, &set[i], p, q) || set[i].generation != m->generation) f = &set[i];
    if (!f) f = &set[m->turn++ % FAR_WAYS];
    *f = (struct far_row) { .who = q->who, .from = q->from, .generation = m->generation, .place = (uint32_t)index_of(m, p),
        .version = m->versions[index_of(m, p)], .minute = minute, .kind = kind };
}

/* The receiver that stands beside the topic hears what its publisher says. */
static bool is_ear(const struct place *p, const struct question *q)
{
    return (p->has & (HAS_WHO | HAS_EAR)) == (HAS_WHO | HAS_EAR) && p->ear == q->who && p->who == q->from;
}

/* ---- verdicts ---- */

struct answer { uint16_t minute; uint8_t kind; bool known; };

static struct answer answer_of(const struct judged *m, const struct place *p, const struct question *q)
{
    if (p->generation != m->generation) return (struct answer) { 0 };
    if (q->action == ACT_PUBLISH) return (struct answer) { p->minute, p->kind, (p->has & HAS_WHO) && p->who == q->who };
    if (is_ear(p, q)) return (struct answer) { p->ear_minute, p->ear_kind, true };
    const struct far_row *f = p->has & HAS_FAR ? far_of(m, p, q) : NULL;
    return f ? (struct answer) { f->minute, f->kind, true } : (struct answer) { 0 };
}

bool judged_find(const struct access *a, const struct question *q, struct verdict *ret)
{
    if (!remembered(a, q)) return false;
    struct judged *m = a->judged;
    look_at_stamp(m, a, q->now_ms);
    const struct place *p = place_known(m, q->topic);
    struct answer found = p ? answer_of(m, p, q) : (struct answer) { 0 };
    if (!found.known || (found.minute && found.minute != minute_of(q->now_ms))) return false;
    *ret = m->kinds[found.kind];
    return true;
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->ruling == b->ruling && a->reduction == b->reduction && a->reason == b->reason && a->word == b->word && a->limit == b->limit && a->missing == b->missing
        && a->observed_only == b->observed_only && a->safe_direction == b->safe_direction && a->alarm == b->alarm && a->judged == b->judged;
}

static uint8_t kind_of(struct judged *m, const struct verdict *v)
{
    for (size_t i = 0; i < m->kinds_n; i++)
        if (same_verdict(&m->kinds[i], v)) return (uint8_t)i;
    if (m->kinds_n == KINDS) forget(m);
    m->kinds[m->kinds_n] = *v;
    return (uint8_t)m->kinds_n++;
}

static void note_receiver(struct judged *m, struct place *p, const struct question *q, uint16_t minute, uint8_t kind)
{
    bool beside = (p->has & HAS_WHO) && p->who == q->from && (!(p->has & HAS_EAR) || p->ear == q->who);
    if (!beside) {
        p->has |= HAS_FAR;
        far_note(m, p, q, minute, kind);
        return;
    }
    p->has |= HAS_EAR;
    p->ear = q->who;
    p->ear_minute = minute;
    p->ear_kind = kind;
}

/* Who received from another publisher is no longer beside the topic. */
static void note_publisher(struct place *p, const struct question *q, uint16_t minute, uint8_t kind)
{
    if (!(p->has & HAS_WHO) || p->who != q->who) p->has &= (uint8_t)~HAS_EAR;
    p->has |= HAS_WHO;
    p->who = q->who;
    p->minute = minute;
    p->kind = kind;
}

void judged_note(const struct access *a, const struct question *q, const struct verdict *v, enum varies varies)
{
    if (varies == VARIES_ALWAYS || v->detail || !remembered(a, q)) return;
    struct judged *m = a->judged;
    uint8_t kind = kind_of(m, v);
    uint16_t minute = varies == VARIES_BY_MINUTE ? minute_of(q->now_ms) : 0;
    struct place *p = place_for(m, q->topic);
    if (p->generation != m->generation) p->has = 0;
    p->generation = m->generation;
    if (q->action == ACT_RECEIVE) note_receiver(m, p, q, minute, kind);
    else note_publisher(p, q, minute, kind);
}
