/* The registry: a fold over entries. Holds no secret (tokens and keys only as hashes), decides nothing
 * about flows (access does) and writes nothing (its caller appends, then applies). */
#include "platform/registry.h"

#include <stdio.h>

#include "base/port/port.h"
#include "ledger/ledger.h"
#include "platform/declared.h"
#include "platform/member.h"
#include "platform/derived.h"
#include "platform/stream_index.h"
#include "wire/mqtt.h"

struct list { /* pointers in order; grown before use so that adding cannot fail half way */
    void **at;
    size_t n, cap;
};

/* Answers of registry_stream, by topic: one message asks several times on its way, and topics come again. */
enum { MEMOS = 1 << 14, MEMO_TOPIC = 104 };
struct memo {
    uint64_t declared;
    const struct stream *stream;
    size_t n;
    uint8_t topic[MEMO_TOPIC];
};

struct finding { /* made anew at the first question after a declaration */
    struct stream_index index;
    bool stale;
};

struct registry {
    struct memo *memo;      /* MEMOS rows */
    struct finding *finding;
    uint64_t seed;          /* of their places */
    struct map ids, keys, eks, tokens, names;
    struct list identities, streams, invites; /* by id; by specificity; as they came */
    struct unmanaged_list unmanaged;
    struct certificates certificates;
    uint64_t epoch, declared;
};

static const char *const roles[ROLES] = { "none", "device", "operator", "viewer", "peer", "administrator", "contractor" };

const char *role_word(enum role r)
{
    return r < ROLES ? roles[r] : "?";
}

bool role_invited(enum role r)
{
    return r == ROLE_DEVICE || r == ROLE_OPERATOR || r == ROLE_VIEWER || r == ROLE_CONTRACTOR;
}

bool role_personal(enum role r)
{
    return role_invited(r) && r != ROLE_DEVICE;
}

outcome role_parse(const char *word, enum role *ret)
{
    for (int r = ROLE_DEVICE; r < ROLES; r++) {
        if (strcmp(word, roles[r]) != 0) continue;
        *ret = (enum role)r;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

bool registry_id_valid(struct bytes id)
{
    if (id.n == 0 || id.n >= ID_MAX || id.at[0] == '-') return false;
    for (size_t i = 0; i < id.n; i++) {
        uint8_t c = id.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
    }
    return true;
}

outcome registry_new(struct registry **ret)
{
    struct registry *r = mem_new(sizeof *r);
    if (!r) return REFUSE(E_MEMORY);
    port_random(&r->seed, sizeof r->seed);
    r->declared = 1;
    r->memo = mem_new_array(MEMOS, sizeof *r->memo);
    r->finding = mem_new(sizeof *r->finding);
    if (!r->memo || !r->finding) {
        mem_free(r->memo);
        mem_free(r->finding);
        mem_free(r);
        return REFUSE(E_MEMORY);
    }
    *ret = r;
    return DONE;
}

static void list_free(struct list *l)
{
    for (size_t i = 0; i < l->n; i++) mem_free(l->at[i]);
    mem_free(l->at);
}

void registry_free(struct registry *r)
{
    if (!r) return;
    map_deinit(&r->ids);
    map_deinit(&r->keys);
    map_deinit(&r->eks);
    map_deinit(&r->tokens);
    map_deinit(&r->names);
    list_free(&r->identities);
    list_free(&r->streams);
    list_free(&r->invites);
    unmanaged_deinit(&r->unmanaged);
    certificates_deinit(&r->certificates);
    stream_index_deinit(&r->finding->index);
    mem_free(r->finding);
    mem_free(r->memo);
    mem_free(r);
}

static MUST outcome list_reserve(struct list *l)
{
    if (l->n < l->cap) return DONE;
    size_t cap = l->cap ? 2 * l->cap : 16;
    void **at = mem_grow(l->at, cap * sizeof *at);
    if (!at) return REFUSE(E_MEMORY);
    l->at = at;
    l->cap = cap;
    return DONE;
}

/* Room was reserved. */
static void list_insert(struct list *l, size_t place, void *item)
{
    assert(l->n < l->cap && place <= l->n);
    memmove(l->at + place + 1, l->at + place, (l->n - place) * sizeof *l->at);
    l->at[place] = item;
    l->n++;
}

/* ---- reading documents ---- */

/* Hexadecimal of at most cap bytes; absent or "" gives none. */
static MUST outcome hex_of_key(const struct doc *d, const char *key, uint8_t *at, size_t cap, size_t *ret_n)
{
    const struct doc *m = doc_get(d, key);
    *ret_n = 0;
    if (m && m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
    if (!m || m->text[0] == 0) return DONE;
    size_t n = strlen(m->text) / 2;
    if (n > cap) return REFUSE(E_TOO_LARGE);
    TRY(hex_to(bytes_str(m->text), at, n));
    *ret_n = n;
    return DONE;
}

static MUST outcome role_of(const struct doc *d, enum role *ret)
{
    outcome o = role_parse(doc_text(d, "role", ""), ret);
    return ok(o) ? o : REFUSE(E_MALFORMED);
}

/* Whose tool it is; what is no person's tool says nobody. */
static MUST outcome person_of(const struct doc *d, enum role role, char ret[ID_MAX])
{
    TRY(member_id(d, "person", false, ret));
    return ret[0] && !role_personal(role) ? REFUSE(E_MALFORMED) : DONE;
}

static MUST outcome read_identity(const struct doc *d, struct identity *ret)
{
    static const char *const keys[] = { "id", "role", "group", "model", "life", "trust", "key", "serial",
        "not_after", "authority", "ak", "why", "ordered", "ek", "maker", "person" };
    struct identity i = { 0 };
    size_t n = 0;
    TRY(member_only(d, keys, COUNT(keys)));
    TRY(member_id(d, "id", true, i.id));
    TRY(member_id(d, "group", false, i.group));
    TRY(member_text(d, "model", i.model, sizeof i.model));
    TRY(member_text(d, "why", i.why, sizeof i.why));
    TRY(role_of(d, &i.role));
    TRY(person_of(d, i.role, i.person));
    if (!ok(life_parse(doc_text(d, "life", ""), &i.life))) return REFUSE(E_MALFORMED);
    if (!ok(trust_parse(doc_text(d, "trust", ""), &i.trust))) return REFUSE(E_MALFORMED);
    TRY(hex_of_key(d, "key", i.key_hash, sizeof i.key_hash, &n));
    if (n != 0 && n != sizeof i.key_hash) return REFUSE(E_MALFORMED);
    i.has_key = n != 0;
    TRY(hex_of_key(d, "serial", i.serial, sizeof i.serial, &n));
    i.serial_n = (uint8_t)n;
    TRY(hex_of_key(d, "authority", i.authority, sizeof i.authority, &n));
    if (n != 0 && n != sizeof i.authority) return REFUSE(E_MALFORMED);
    TRY(hex_of_key(d, "ak", i.ak_spki, sizeof i.ak_spki, &i.ak_spki_n));
    i.has_ak = i.ak_spki_n != 0;
    TRY(hex_of_key(d, "ek", i.ek_hash, sizeof i.ek_hash, &n));
    if (n != 0 && n != sizeof i.ek_hash) return REFUSE(E_MALFORMED);
    i.has_ek = n != 0;
    TRY(member_text(d, "maker", i.maker, sizeof i.maker));
    i.not_after_ms = doc_int(d, "not_after", 0);
    i.ordered = doc_bool(d, "ordered", false);
    *ret = i;
    return DONE;
}

static MUST outcome read_invite(const struct doc *d, struct invite *ret)
{
    static const char *const keys[] = { "token", "id", "role", "group", "model", "until", "used", "person" };
    struct invite i = { 0 };
    size_t n = 0;
    TRY(member_only(d, keys, COUNT(keys)));
    TRY(hex_of_key(d, "token", i.token_hash, sizeof i.token_hash, &n));
    if (n != sizeof i.token_hash) return REFUSE(E_MALFORMED);
    TRY(member_id(d, "id", true, i.id));
    TRY(member_id(d, "group", false, i.group));
    TRY(member_text(d, "model", i.model, sizeof i.model));
    TRY(role_of(d, &i.role));
    if (!role_invited(i.role)) return REFUSE(E_MALFORMED);
    TRY(person_of(d, i.role, i.person));
    i.until_ms = doc_int(d, "until", 0);
    i.used = doc_bool(d, "used", false);
    *ret = i;
    return DONE;
}

/* ---- applying ---- */

static struct identity *find(const struct registry *r, const char *id)
{
    return map_get(&r->ids, bytes_str(id));
}

/* Where id stands, or would stand, in the sorted list. */
static size_t place_of(const struct list *l, const char *id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct identity *i = l->at[middle];
        if (strcmp(i->id, id) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static MUST outcome add_identity(struct registry *r, const struct identity *i)
{
    TRY(list_reserve(&r->identities));
    struct identity *mine = mem_new(sizeof *mine);
    if (!mine) return REFUSE(E_MEMORY);
    *mine = *i;
    outcome o = map_put(&r->ids, bytes_str(i->id), mine);
    if (ok(o) && i->has_key) {
        o = map_put(&r->keys, bytes_of(i->key_hash, sizeof i->key_hash), mine);
        if (!ok(o)) (void)map_take(&r->ids, bytes_str(i->id));
    }
    if (ok(o) && i->has_ek) {
        o = map_put(&r->eks, bytes_of(i->ek_hash, sizeof i->ek_hash), mine);
        if (!ok(o)) (void)map_take(&r->ids, bytes_str(i->id));
        if (!ok(o) && i->has_key) (void)map_take(&r->keys, bytes_of(i->key_hash, sizeof i->key_hash));
    }
    if (!ok(o)) {
        mem_free(mine);
        return o;
    }
    list_insert(&r->identities, place_of(&r->identities, i->id), mine);
    return DONE;
}

/* Is there one step of the table from a to b? */
static bool life_reaches(enum life a, enum life b)
{
    enum life to;
    for (int e = 0; e < LIFE_EVENTS; e++)
        if (ok(life_step(a, (enum life_event)e, &to)) && to == b) return true;
    return a == b;
}

/* A tool stays with whoever it was said to be of; else it could be lent a name for one approval. */
static bool other_person(const struct identity *now, const char *person)
{
    return now->person[0] && strcmp(now->person, person) != 0;
}

static MUST outcome judge_identity(const struct registry *r, const struct doc *d, struct identity *ret)
{
    struct identity i = { 0 };
    TRY(read_identity(d, &i));
    const struct identity *now = find(r, i.id);
    if (i.has_key) {
        const struct identity *holder = registry_by_key(r, i.key_hash);
        if (holder && holder != now) return REFUSE(E_CONFLICT);
    }
    const struct identity *same = i.has_ek ? registry_by_ek(r, i.ek_hash) : NULL;
    if (same && same != now) return REFUSE(E_CONFLICT);
    *ret = i;
    if (!now) return DONE;
    if (other_person(now, i.person)) return REFUSE(E_CONFLICT);
    if (now->trust == TRUST_REVOKED && i.trust != TRUST_REVOKED) return REFUSE(E_CONFLICT);
    return life_reaches(now->life, i.life) ? DONE : REFUSE(E_CONFLICT);
}

static MUST outcome apply_identity(struct registry *r, const struct doc *d, int64_t at_ms)
{
    struct identity i;
    TRY(judge_identity(r, d, &i));
    i.changed_ms = at_ms;
    TRY(certificates_add(&r->certificates, &i, at_ms));
    struct identity *now = find(r, i.id);
    if (!now) return add_identity(r, &i);
    struct bytes fresh = bytes_of(i.key_hash, sizeof i.key_hash);
    struct bytes old = bytes_of(now->key_hash, sizeof now->key_hash);
    bool other_key = now->has_key && !(i.has_key && bytes_equal(old, fresh));
    if (i.has_ek) TRY(map_put(&r->eks, bytes_of(i.ek_hash, sizeof i.ek_hash), now));
    if (i.has_key) TRY(map_put(&r->keys, fresh, now));
    if (other_key) (void)map_take(&r->keys, old); /* the old certificate is no longer admitted */
    i.attested_ms = now->attested_ms;
    if (i.trust == TRUST_QUARANTINED && now->trust == TRUST_QUARANTINED) {
        i.ordered = now->ordered;
        memcpy(i.why, now->why, sizeof i.why);
    }
    *now = i;
    certificates_end(&r->certificates, now, at_ms);
    return DONE;
}

static MUST outcome judge_life(const struct registry *r, const struct doc *d, int64_t at_ms, struct identity *ret)
{
    static const char *const keys[] = { "id", "what", "from", "event", "to", "why", "by" };
    TRY(member_only(d, keys, COUNT(keys)));
    const struct identity *i = find(r, doc_text(d, "id", ""));
    if (!i) return REFUSE(E_UNKNOWN);
    const char *what = doc_text(d, "what", ""), *from = doc_text(d, "from", ""), *to = doc_text(d, "to", "");
    const char *event = doc_text(d, "event", "");
    struct identity next = *i;
    (void)snprintf(next.why, sizeof next.why, "%s", doc_text(d, "why", ""));
    if (strcmp(what, "life") == 0) {
        enum life_event e;
        if (!ok(life_event_parse(event, &e))) return REFUSE(E_MALFORMED);
        TRY(life_step(i->life, e, &next.life));
        if (strcmp(from, life_word(i->life)) != 0 || strcmp(to, life_word(next.life)) != 0) return REFUSE(E_CONFLICT);
    } else if (strcmp(what, "trust") == 0) {
        enum trust_event e;
        if (!ok(trust_event_parse(event, &e))) return REFUSE(E_MALFORMED);
        outcome o = registry_trust_step(i, e, &next.trust);
        if (!ok(o)) return REFUSE(E_CONFLICT);
        if (strcmp(from, trust_word(i->trust)) != 0 || strcmp(to, trust_word(next.trust)) != 0)
            return REFUSE(E_CONFLICT);
        next.ordered = next.trust == TRUST_QUARANTINED && (i->ordered || e == TRUST_QUARANTINE);
        if (e == TRUST_QUOTE_GOOD) next.attested_ms = at_ms;
    } else {
        return REFUSE(E_MALFORMED);
    }
    next.changed_ms = at_ms;
    *ret = next;
    return DONE;
}

static MUST outcome apply_life(struct registry *r, const struct doc *d, int64_t at_ms)
{
    struct identity next;
    TRY(judge_life(r, d, at_ms, &next));
    *find(r, next.id) = next;
    certificates_end(&r->certificates, &next, at_ms);
    return DONE;
}

/* The identity an invite speaks of exists from then on, as expected. */
static MUST outcome expect(struct registry *r, const struct invite *v, int64_t at_ms)
{
    struct identity *i = find(r, v->id);
    if (i) return life_step(i->life, LIFE_INVITE, &i->life);
    struct identity fresh = { .role = v->role, .life = LIFE_EXPECTED, .changed_ms = at_ms };
    memcpy(fresh.id, v->id, sizeof fresh.id);
    memcpy(fresh.group, v->group, sizeof fresh.group);
    memcpy(fresh.model, v->model, sizeof fresh.model);
    memcpy(fresh.person, v->person, sizeof fresh.person);
    return add_identity(r, &fresh);
}

static MUST outcome judge_invite(const struct registry *r, const struct doc *d, struct invite *ret)
{
    TRY(read_invite(d, ret));
    const struct invite *now = registry_invite(r, ret->token_hash);
    if (now) return strcmp(now->id, ret->id) != 0 || (now->used && !ret->used) ? REFUSE(E_CONFLICT) : DONE;
    const struct identity *i = find(r, ret->id);
    enum life to;
    if (i && i->role == ROLE_PEER) return REFUSE(E_CONFLICT);
    if (i && i->person[0] && !role_personal(ret->role)) return REFUSE(E_CONFLICT);
    if (i && ret->person[0] && other_person(i, ret->person)) return REFUSE(E_CONFLICT);
    return i && !ret->used ? life_step(i->life, LIFE_INVITE, &to) : DONE;
}

static MUST outcome apply_invite(struct registry *r, const struct doc *d, int64_t at_ms)
{
    struct invite v = { 0 };
    TRY(judge_invite(r, d, &v));
    struct bytes token = bytes_of(v.token_hash, sizeof v.token_hash);
    struct invite *now = map_get(&r->tokens, token);
    if (now) {
        *now = v;
        return DONE;
    }
    TRY(list_reserve(&r->invites));
    struct invite *mine = mem_new(sizeof *mine);
    if (!mine) return REFUSE(E_MEMORY);
    *mine = v;
    outcome o = map_put(&r->tokens, token, mine);
    if (ok(o) && !v.used) {
        o = expect(r, &v, at_ms);
        if (!ok(o)) (void)map_take(&r->tokens, token);
    }
    if (!ok(o)) {
        mem_free(mine);
        return o;
    }
    list_insert(&r->invites, r->invites.n, mine);
    return DONE;
}

/* The next level of a pattern; false when there is none left. */
static bool level(struct bytes *rest, bool *more, struct bytes *ret)
{
    if (!*more) return false;
    const uint8_t *slash = rest->n ? memchr(rest->at, '/', rest->n) : NULL;
    size_t n = slash ? (size_t)(slash - rest->at) : rest->n;
    *ret = bytes_of(rest->at, n);
    *more = slash != NULL;
    *rest = slash ? bytes_of(slash + 1, rest->n - n - 1) : BYTES_NONE;
    return true;
}

static int rank(struct bytes l)
{
    return bytes_equal(l, BYTES_LIT("#")) ? 0 : bytes_equal(l, BYTES_LIT("+")) ? 1 : 2;
}

/* Does a say more than b? Level by level: a word beats "+", "+" beats "#"; then the longer; then by name. */
static bool more_specific(const struct stream *a, const struct stream *b)
{
    struct bytes ra = bytes_str(a->pattern), rb = bytes_str(b->pattern), la, lb;
    bool ma = true, mb = true;
    while (true) {
        bool has_a = level(&ra, &ma, &la), has_b = level(&rb, &mb, &lb);
        if (!has_a || !has_b) return has_a != has_b ? has_a : strcmp(a->name, b->name) < 0;
        if (rank(la) != rank(lb)) return rank(la) > rank(lb);
    }
}

/* Labels of what is derived follow those of the inputs. */
static void relabel(struct registry *r)
{
    for (size_t i = 0; i < r->streams.n; i++) {
        struct stream *s = r->streams.at[i];
        if (s->derive.how) (void)snprintf(s->label, sizeof s->label, "%s", label_word(derived_label(r, s)));
    }
}

static MUST outcome judge_stream(const struct registry *r, const struct doc *d, struct stream *ret)
{
    char text[DERIVED_TEXT];
    TRY(declared_read(d, ret, NULL));
    return derived_wrong(r, ret, text) ? REFUSE(E_CONFLICT) : DONE;
}

static MUST outcome apply_stream(struct registry *r, const struct doc *d)
{
    struct stream s = { 0 };
    TRY(judge_stream(r, d, &s));
    TRY(list_reserve(&r->streams));
    struct stream *mine = map_get(&r->names, bytes_str(s.name));
    if (!mine) {
        mine = mem_new(sizeof *mine);
        if (!mine) return REFUSE(E_MEMORY);
        outcome o = map_put(&r->names, bytes_str(s.name), mine);
        if (!ok(o)) {
            mem_free(mine);
            return o;
        }
    } else {
        size_t at = 0;
        while (r->streams.at[at] != mine) at++;
        memmove(r->streams.at + at, r->streams.at + at + 1, (r->streams.n - at - 1) * sizeof *r->streams.at);
        r->streams.n--;
    }
    *mine = s;
    size_t place = 0, end = r->streams.n;
    while (place < end) {
        size_t mid = place + (end - place) / 2;
        if (more_specific(mine, r->streams.at[mid])) end = mid;
        else place = mid + 1;
    }
    r->finding->stale = true;
    list_insert(&r->streams, place, mine);
    relabel(r);
    return DONE;
}

outcome registry_judge(const struct registry *r, unsigned kind, const struct doc *d)
{
    struct identity i;
    struct invite v;
    struct stream s;
    switch (kind) {
    case ENTRY_IDENTITY: return judge_identity(r, d, &i);
    case ENTRY_LIFE: return judge_life(r, d, 0, &i);
    case ENTRY_INVITE: return judge_invite(r, d, &v);
    case ENTRY_STREAM: return judge_stream(r, d, &s);
    case ENTRY_UNMANAGED: return registry_identity(r, doc_text(d, "id", "")) ? REFUSE(E_CONFLICT) : unmanaged_judge(d);
    default: return DONE;
    }
}

outcome registry_apply(struct registry *r, unsigned kind, const struct doc *d, int64_t at_ms)
{
    switch (kind) {
    case ENTRY_IDENTITY: TRY(apply_identity(r, d, at_ms)); break;
    case ENTRY_LIFE: TRY(apply_life(r, d, at_ms)); break;
    case ENTRY_INVITE: TRY(apply_invite(r, d, at_ms)); break;
    case ENTRY_STREAM: TRY(apply_stream(r, d)); break;
    case ENTRY_UNMANAGED: return unmanaged_apply(&r->unmanaged, d, at_ms); /* nobody's access hangs on it */
    default: return DONE;
    }
    r->epoch++;
    if (kind != ENTRY_LIFE) r->declared++;
    return DONE;
}

const struct certificates *registry_certificates(const struct registry *r)
{
    return &r->certificates;
}

const struct unmanaged_list *registry_unmanaged(const struct registry *r)
{
    return &r->unmanaged;
}

outcome registry_trust_step(const struct identity *i, enum trust_event e, enum trust *ret)
{
    if (i->trust == TRUST_QUARANTINED && i->ordered && e == TRUST_QUOTE_GOOD) return REFUSE(E_DENIED);
    return trust_step(i->trust, e, ret);
}

/* ---- asking ---- */

const struct identity *registry_identity(const struct registry *r, const char *id)
{
    return find(r, id);
}

const char *registry_person(const struct registry *r, const char *id)
{
    const struct identity *i = find(r, id);
    return i ? i->person : "";
}

const struct identity *registry_by_key(const struct registry *r, const uint8_t key_hash[32])
{
    return map_get(&r->keys, bytes_of(key_hash, 32));
}

const struct identity *registry_by_ek(const struct registry *r, const uint8_t ek_hash[32])
{
    const struct identity *i = map_get(&r->eks, bytes_of(ek_hash, 32));
    bool still = i && i->has_ek && i->life == LIFE_ENROLLED && memcmp(i->ek_hash, ek_hash, 32) == 0;
    return still ? i : NULL;
}

const struct invite *registry_invite(const struct registry *r, const uint8_t token_hash[32])
{
    return map_get(&r->tokens, bytes_of(token_hash, 32));
}

/* Where memory is out, all are asked in order. */
static const struct stream *find_stream(const struct registry *r, struct bytes topic)
{
    struct finding *f = r->finding;
    if (f->stale) f->stale = !ok(stream_index_build(&f->index, r->streams.at, r->streams.n));
    if (!f->stale) return stream_index_find(&f->index, r->streams.at, topic);
    for (size_t i = 0; i < r->streams.n; i++) {
        const struct stream *s = r->streams.at[i];
        if (mqtt_matches(bytes_str(s->pattern), topic)) return s;
    }
    return NULL;
}

const struct stream *registry_stream(const struct registry *r, struct bytes topic)
{
    struct memo *m = &r->memo[topic_hash(r->seed, topic) % MEMOS];
    if (m->declared == r->declared && bytes_equal(bytes_of(m->topic, m->n), topic)) return m->stream;
    const struct stream *found = find_stream(r, topic);
    if (topic.n == 0 || topic.n > sizeof m->topic) return found;
    m->declared = r->declared;
    m->stream = found;
    m->n = topic.n;
    memcpy(m->topic, topic.at, topic.n);
    return found;
}

const struct stream *registry_stream_named(const struct registry *r, const char *name)
{
    return map_get(&r->names, bytes_str(name));
}

uint64_t registry_declared_epoch(const struct registry *r)
{
    return r->declared;
}

uint64_t topic_hash(uint64_t seed, struct bytes topic)
{
    const uint64_t odd = 0x9E3779B97F4A7C15u;
    uint64_t h = seed ^ topic.n * odd, word;
    const uint8_t *at = topic.at, *last = topic.at + (topic.n < sizeof word ? 0 : topic.n - sizeof word);
    for (; topic.n >= sizeof word && at < last; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        h = (h ^ word) * odd;
        h ^= h >> 32;
    }
    word = 0; /* the last eight, some of them again; or all there are */
    if (topic.n >= sizeof word) memcpy(&word, last, sizeof word);
    else if (topic.n) memcpy(&word, topic.at, topic.n);
    h = (h ^ word) * odd;
    return h ^ h >> 32;
}

uint64_t registry_epoch(const struct registry *r)
{
    return r->epoch;
}

static size_t copy_out(const struct list *l, void *ret, size_t cap)
{
    if (cap == 0) return l->n;
    size_t n = l->n < cap ? l->n : cap;
    if (n) memcpy(ret, l->at, n * sizeof *l->at);
    return n;
}

size_t registry_identities(const struct registry *r, const struct identity **ret, size_t cap)
{
    return copy_out(&r->identities, ret, cap);
}

size_t registry_streams(const struct registry *r, const struct stream **ret, size_t cap)
{
    return copy_out(&r->streams, ret, cap);
}

size_t registry_invites(const struct registry *r, const struct invite **ret, size_t cap)
{
    return copy_out(&r->invites, ret, cap);
}

/* ---- documents ---- */

static void set_hex(struct arena *a, struct doc *d, const char *key, struct bytes b)
{
    char text[2 * 256 + 1];
    assert(b.n <= 256);
    if (b.n == 0) return;
    hex_of(b, text);
    doc_set_text(a, d, key, text);
}

/* A setter that ran out of memory leaves a member out: then the document is none. */
static struct doc *whole(struct doc *d, size_t members)
{
    return d && d->count == members ? d : NULL;
}

struct doc *registry_doc_invite(struct arena *a, const struct invite *i)
{
    struct doc *d = doc_map(a);
    set_hex(a, d, "token", bytes_of(i->token_hash, sizeof i->token_hash));
    doc_set_text(a, d, "id", i->id);
    doc_set_text(a, d, "role", role_word(i->role));
    doc_set_text(a, d, "group", i->group);
    doc_set_text(a, d, "model", i->model);
    doc_set_int(a, d, "until", i->until_ms);
    doc_set_bool(a, d, "used", i->used);
    if (i->person[0]) doc_set_text(a, d, "person", i->person);
    return whole(d, 7 + (i->person[0] ? 1u : 0));
}

struct doc *registry_doc_identity(struct arena *a, const struct identity *i)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", i->id);
    doc_set_text(a, d, "role", role_word(i->role));
    doc_set_text(a, d, "group", i->group);
    doc_set_text(a, d, "model", i->model);
    doc_set_text(a, d, "life", life_word(i->life));
    doc_set_text(a, d, "trust", trust_word(i->trust));
    doc_set_text(a, d, "why", i->why);
    doc_set_int(a, d, "not_after", i->not_after_ms);
    doc_set_bool(a, d, "ordered", i->ordered);
    if (i->has_key) set_hex(a, d, "key", bytes_of(i->key_hash, sizeof i->key_hash));
    set_hex(a, d, "serial", bytes_of(i->serial, i->serial_n));
    bool authority = memcmp(i->authority, (uint8_t[sizeof i->authority]) { 0 }, sizeof i->authority) != 0;
    if (authority) set_hex(a, d, "authority", bytes_of(i->authority, sizeof i->authority));
    if (i->has_ak) set_hex(a, d, "ak", bytes_of(i->ak_spki, i->ak_spki_n));
    if (i->has_ek) set_hex(a, d, "ek", bytes_of(i->ek_hash, sizeof i->ek_hash));
    if (i->has_ek) doc_set_text(a, d, "maker", i->maker);
    if (i->person[0]) doc_set_text(a, d, "person", i->person);
    return whole(d, 9 + (i->person[0] ? 1u : 0) + (i->has_key ? 1u : 0) + (i->serial_n ? 1u : 0) + authority + (i->has_ak ? 1u : 0) + (i->has_ek ? 2u : 0));
}

struct doc *registry_doc_life(struct arena *a, const char *id, const char *what, const char *from,
    const char *event, const char *to, const char *why, const char *by)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "id", id);
    doc_set_text(a, d, "what", what);
    doc_set_text(a, d, "from", from);
    doc_set_text(a, d, "event", event);
    doc_set_text(a, d, "to", to);
    doc_set_text(a, d, "why", why);
    doc_set_text(a, d, "by", by);
    return whole(d, 7);
}
