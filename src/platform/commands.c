/* Commands: judged for the device before anything moves, held for two people where a decision says so, delivered
 * once or never. What expired, was refused or dropped is not delivered later. */
#include <stdio.h>

#include "crypto/hash.h"
#include "platform/exchange_internal.h"

static const struct identity *addressee(const struct exchange *x, const struct cargo *c)
{
    struct topic_parts p;
    char id[ID_MAX];
    if (!access_topic(x->access, c->m.topic, &p) || !ok(bytes_to_text(p.device, id, sizeof id))) return NULL;
    return registry_identity(x->access->registry, id);
}

bool command_is_for(const struct exchange *x, struct bytes topic, const struct identity *who)
{
    struct topic_parts p;
    return access_topic(x->access, topic, &p) && bytes_equal_str(p.device, who->id);
}

/* <class cmd>/<name>/reply of the device itself, which may publish it. */
bool response_topic_good(const struct exchange *x, const struct cargo *c)
{
    const struct mqtt_properties *p = &c->out.properties;
    struct topic_parts asked, answer;
    if (!mqtt_has(p, MQTT_HAS_response_topic)) return true;
    if (!mqtt_topic_valid(p->response_topic)) return false;
    if (x->access->open) return true;
    if (!access_topic(x->access, c->m.topic, &asked) || !access_topic(x->access, p->response_topic, &answer)) return false;
    if (!bytes_equal(asked.device, answer.device) || !bytes_equal_str(answer.class, "cmd")) return false;
    const struct identity *device = addressee(x, c);
    struct question q = { .who = device, .action = ACT_PUBLISH, .topic = p->response_topic, .now_ms = wall(x) };
    enum ruling r = access_judge(x->access, &q).ruling;
    return r == RULING_ALLOW || r == RULING_FLAG;
}

static void refuse(struct exchange *x, struct cargo *c, const struct verdict *v, enum code code, struct answer *a)
{
    answer_of(a, code, v->reason, v, NULL);
    answer_point(a, v, c);
    tell(x, code == E_EXPIRED ? "command-expired" : "command-refused", &c->m, v, NULL);
}

bool command_may_go(struct exchange *x, struct cargo *c, struct answer *a)
{
    static const struct verdict nobody = { .ruling = RULING_DENY, .reason = MQTT_NO_SUBSCRIBERS, .word = "no-receiver" };
    c->target = addressee(x, c);
    if (!c->target) {
        refuse(x, c, &nobody, E_UNKNOWN, a);
        return false;
    }
    struct verdict v = deliver_forecast(x, c->target, c);
    if (v.observed_only) {
        x->counts.observed++;
        tell(x, "observed", &c->m, &v, NULL);
    }
    if (v.ruling == RULING_HOLD) {
        command_hold(x, c, &v, a);
        return false;
    }
    if (v.ruling == RULING_DENY) {
        bool late = strcmp(v.word, "expired") == 0;
        x->counts.denied++;
        refuse(x, c, &v, late ? E_EXPIRED : E_DENIED, a);
        return false;
    }
    if (v.ruling == RULING_FLAG) cargo_flag(c, v.word);
    if (deliver_reaches(x, c->target)) return true;
    refuse(x, c, &nobody, E_UNKNOWN, a);
    return false;
}

/* ---- holds ---- */

/* Nobody's waiting commands may keep another's from being held: each publisher has its share of the table. */
static bool share_used(const struct exchange *x, const struct cargo *c)
{
    const char *from = c->m.from ? c->m.from->id : "";
    uint32_t mine = 0;
    for (uint32_t i = 0; i < x->holds_n; i++) mine += strcmp(x->holds[i].held.from, from) == 0;
    return mine >= x->bounds.held_each;
}

static MUST outcome hold_room(struct exchange *x, const struct cargo *c)
{
    if (x->holds_n >= x->bounds.held || share_used(x, c)) return REFUSE(E_FULL);
    if (x->holds_n < x->holds_cap) return DONE;
    uint32_t cap = x->holds_cap ? x->holds_cap * 2 : 16;
    struct hold *holds = mem_grow(x->holds, cap * sizeof *holds);
    if (!holds) return REFUSE(E_MEMORY);
    x->holds = holds;
    x->holds_cap = cap;
    return DONE;
}

static bool held_already(const struct exchange *x, const struct parcel *p)
{
    for (uint32_t i = 0; i < x->holds_n; i++)
        if (x->holds[i].parcel == p) return true;
    return false;
}

static void held_by(struct held *h, const struct verdict *v)
{
    (void)snprintf(h->why, sizeof h->why, "%s", v->word);
    (void)snprintf(h->limit, sizeof h->limit, "%s", v->limit ? v->limit->id : "");
    (void)snprintf(h->decision, sizeof h->decision, "%s", v->limit ? v->limit->decision : "");
}

static void describe(struct exchange *x, const struct cargo *c, const struct verdict *v, struct held *h)
{
    struct hash hash;
    *h = (struct held) { .since_ms = wall(x) };
    h->until_ms = h->since_ms + HOLD_MS;
    (void)snprintf(h->id, sizeof h->id, "H-%llu", (unsigned long long)x->hold_next);
    (void)snprintf(h->from, sizeof h->from, "%s", c->m.from ? c->m.from->id : "");
    (void)snprintf(h->person, sizeof h->person, "%s", c->m.from ? c->m.from->person : "");
    (void)snprintf(h->to, sizeof h->to, "%s", c->target ? c->target->id : "");
    (void)snprintf(h->topic, sizeof h->topic, "%.*s", (int)c->m.topic.n, (const char *)c->m.topic.at);
    held_by(h, v);
    hash_sha256(c->m.payload, &hash);
    memcpy(h->payload_hash, hash.at, sizeof h->payload_hash);
}

void command_hold(struct exchange *x, struct cargo *c, const struct verdict *v, struct answer *a)
{
    static const struct verdict full = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "holds-full" };
    if (c->kept && held_already(x, c->kept)) return; /* queued for two links of one device */
    struct parcel *p = ok(hold_room(x, c)) ? cargo_keep(x, c) : NULL;
    if (!p) {
        refuse(x, c, &full, E_FULL, a);
        return;
    }
    struct hold *h = &x->holds[x->holds_n++];
    describe(x, c, v, &h->held);
    h->parcel = parcel_share(p);
    h->until_mono_ms = mono(x) + HOLD_MS;
    x->hold_next++;
    x->counts.held++;
    answer_of(a, E_HELD, v->reason, v, h->held.id);
    answer_point(a, v, c);
    tell(x, "command-held", &c->m, v, &h->held);
}

static struct hold *hold_find(struct exchange *x, const char *id)
{
    for (uint32_t i = 0; i < x->holds_n; i++)
        if (strcmp(x->holds[i].held.id, id) == 0) return &x->holds[i];
    return NULL;
}

/* Out of the table for good. The order of the rest stays. */
static struct hold hold_take(struct exchange *x, struct hold *h)
{
    struct hold mine = *h;
    size_t at = (size_t)(h - x->holds);
    memmove(h, h + 1, (x->holds_n - at - 1) * sizeof *h);
    x->holds_n--;
    return mine;
}

static void hold_end(struct exchange *x, struct hold *h, const char *what, const struct verdict *v)
{
    struct cargo c;
    struct hold mine = hold_take(x, h);
    cargo_from_parcel(x, &c, mine.parcel, PATH_RELEASE);
    tell(x, what, &c.m, v, &mine.held);
    cargo_done(x, &c);
    parcel_drop(x, mine.parcel);
}

static const struct verdict expired = { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = "expired" };

/* Everything but the limit that held it is judged as if it came now. */
static MUST outcome judge_again(struct exchange *x, struct cargo *c, struct verdict *ret)
{
    static const struct verdict gone = { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = "unknown-identity" };
    *ret = gone;
    c->target = addressee(x, c);
    if (!c->target) return REFUSE(E_DENIED);
    struct question q = { .who = c->m.from, .action = ACT_PUBLISH, .topic = c->m.topic, .payload = c->m.payload,
        .now_ms = wall(x) };
    if (c->m.from) *ret = access_judge(x->access, &q);
    if (c->m.from && ret->ruling == RULING_DENY) return REFUSE(E_DENIED);
    *ret = deliver_forecast(x, c->target, c);
    return ret->ruling == RULING_ALLOW || ret->ruling == RULING_FLAG ? DONE : REFUSE(E_DENIED);
}

/* signed_: two people signed; else one approved. */
static MUST outcome release(struct exchange *x, struct hold *h, bool signed_)
{
    struct cargo c;
    struct verdict v;
    bool recorded = false;
    uint64_t index = 0;
    cargo_from_parcel(x, &c, h->parcel, PATH_RELEASE);
    c.released = signed_;
    c.approved = !signed_;
    c.expires_ms = mono(x) + (int64_t)c.expiry_s * 1000;
    outcome o = judge_again(x, &c, &v);
    if (!ok(o) && v.ruling == RULING_HOLD) { /* a limit came into force meanwhile: that is not one person's to lift */
        held_by(&h->held, &v);
        cargo_done(x, &c);
        return REFUSE(E_HELD);
    }
    if (!ok(o)) {
        cargo_done(x, &c);
        x->counts.denied++;
        hold_end(x, h, "command-refused", &v);
        return o;
    }
    o = sub_collect(x, c.m.topic, (struct handle) { NONE, 0 });
    if (ok(o) && !deliver_reaches(x, c.target)) o = REFUSE(E_AGAIN);
    if (ok(o)) o = publish_record(x, &c, &recorded, &index);
    if (ok(o)) {
        struct hold mine = hold_take(x, h); /* before anything is sent: once is once */
        mine.parcel->released = signed_;
        mine.parcel->approved = !signed_;
        mine.parcel->expires_ms = c.expires_ms;
        tell(x, "command-released", &c.m, &v, &mine.held);
        deliver_all(x, &c);
        parcel_drop(x, mine.parcel);
        if (c.reached == 0) o = REFUSE(E_CLOSED);
    }
    cargo_done(x, &c);
    return o;
}

/* Still held, and its time not over. */
static MUST outcome held_now(struct exchange *x, const char *hold_id, struct hold **ret)
{
    struct hold *h = hold_find(x, hold_id);
    if (!h) return REFUSE(E_UNKNOWN);
    if (h->until_mono_ms <= mono(x)) {
        hold_end(x, h, "command-expired", &expired);
        return REFUSE(E_EXPIRED);
    }
    *ret = h;
    return DONE;
}

outcome exchange_release(struct exchange *x, const char *hold_id)
{
    struct hold *h;
    TRY(held_now(x, hold_id, &h));
    outcome o = release(x, h, true);
    session_reap(x);
    return o;
}

enum second exchange_second(const struct exchange *x, const struct held *h, const char *by)
{
    const struct registry *r = x->access->registry;
    const char *whose = registry_person(r, by), *senders[] = { h->person, registry_person(r, h->from) };
    if (!by[0] || strcmp(by, h->from) == 0) return SECOND_ITSELF;
    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++)
        if (senders[i][0] && (strcmp(senders[i], by) == 0 || strcmp(senders[i], whose) == 0)) return SECOND_SAME_PERSON;
    return SECOND_ANOTHER;
}

outcome exchange_approve(struct exchange *x, const char *hold_id, const char *by)
{
    struct hold *h;
    TRY(held_now(x, hold_id, &h));
    if (strcmp(h->held.why, "two-person") != 0 || exchange_second(x, &h->held, by) != SECOND_ANOTHER) return REFUSE(E_DENIED);
    (void)snprintf(h->held.by, sizeof h->held.by, "%s", by);
    outcome o = release(x, h, false);
    if (!ok(o) && (h = hold_find(x, hold_id))) h->held.by[0] = 0;
    session_reap(x);
    return o;
}

outcome exchange_forecast_held(struct exchange *x, const char *hold_id, struct arena *arena, struct doc *list, struct verdict *ret)
{
    struct hold *h;
    TRY(held_now(x, hold_id, &h));
    struct cargo c;
    cargo_from_parcel(x, &c, h->parcel, PATH_RELEASE);
    struct question q = { .who = addressee(x, &c), .action = ACT_RECEIVE, .topic = c.m.topic, .payload = c.m.payload, .from = c.m.from,
        .now_ms = wall(x), .approved = true };
    *ret = access_explain(x->access, &q, arena, list);
    cargo_done(x, &c);
    return DONE;
}

outcome exchange_drop_held(struct exchange *x, const char *hold_id)
{
    static const struct verdict by_order = { .ruling = RULING_DENY, .reason = MQTT_ADMINISTRATIVE, .word = "dropped-by-order" };
    struct hold *h = hold_find(x, hold_id);
    if (!h) return REFUSE(E_UNKNOWN);
    hold_end(x, h, "command-dropped", &by_order);
    return DONE;
}

size_t exchange_held(const struct exchange *x, const struct held **ret, size_t cap)
{
    if (cap == 0) return x->holds_n;
    size_t n = x->holds_n < cap ? x->holds_n : cap;
    for (size_t i = 0; i < n; i++) ret[i] = &x->holds[i].held;
    return n;
}

void exchange_holds_from(struct exchange *x, uint64_t next)
{
    if (next > x->hold_next) x->hold_next = next;
}

int command_turn(struct exchange *x)
{
    int64_t now = mono(x), next = NEVER;
    for (uint32_t i = 0; i < x->holds_n;) {
        if (x->holds[i].until_mono_ms <= now) {
            hold_end(x, &x->holds[i], "command-expired", &expired);
            continue;
        }
        if (x->holds[i].until_mono_ms < next) next = x->holds[i].until_mono_ms;
        i++;
    }
    queue_sweep(x);
    if (x->queued_commands) return 1000;
    return next == NEVER ? -1 : (int)(next - now);
}
