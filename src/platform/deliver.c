/* The single point of egress, and of the form in which it lets something pass: whole, or reduced for who reads below its label. Nothing is written to a link or handed to a tap that egress() did not let pass:
 * live, will, server, release, shares (deliver_all), retained (deliver_retained), queued and repeated (deliver_pump),
 * taps, pages and history (exchange_shows), and the forecast that decides about commands. It is static, and it counts its callers by path. */
#include <stdio.h>

#include "platform/exchange_internal.h"

static bool passes(const struct verdict *v)
{
    return v->ruling == RULING_ALLOW || v->ruling == RULING_FLAG;
}

/* The reduced form beside the whole one, for this receiver. What has none goes to him not at all. Nothing its publisher wrote
 * besides the payload stays; the site's mark does. */
static void cut(struct exchange *x, struct cargo *c, struct verdict *v)
{
    static const struct verdict label = { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = "label" };
    const struct stream *s = c->stream;
    const struct reduction *r = s && v->reduction <= s->n_reductions ? &s->reductions[v->reduction - 1] : NULL;
    struct cut *k = &x->cut;
    if (!r || !ok(reduce_form(s, r, c->m.payload, x->access->name_key, &k->payload))) {
        uint8_t wanted = v->reduction;
        *v = label;
        v->reduction = wanted;
        return;
    }
    mqtt_publish_begin(&k->out);
    k->out.topic = c->m.topic;
    k->out.payload = buffer_view(&k->payload);
    cargo_own_list(&k->out.properties, BYTES_LIT("sk-label"), bytes_str(label_word((enum label)r->to)));
    cargo_own_list(&k->out.properties, BYTES_LIT("sk-reduced"), bytes_str(reduce_words(r)));
    if (c->m.flagged) cargo_own_list(&k->out.properties, BYTES_LIT("sk-flag"), bytes_str(c->m.flag_word ? c->m.flag_word : "flagged"));
    k->m = c->m;
    k->m.payload = k->out.payload;
    k->m.properties = &k->out.properties;
    k->m.session = NULL;
    c->cut = k;
}

/* As this receiver gets it. */
static const struct message *form_of(const struct cargo *c)
{
    return c->cut ? &c->cut->m : &c->m;
}

/* purpose: what the receiver said it is for; NULL: nothing. */
static struct verdict egress(struct exchange *x, const struct identity *who, struct cargo *c, enum path path, const char *purpose)
{
    x->egress[path]++;
    c->cut = NULL;
    if (c->expires_ms != NEVER && c->expires_ms <= mono(x) && !c->begun) /* MQTT 5, 3.3.2-5 */
        return (struct verdict) { .ruling = RULING_DENY, .reason = MQTT_NOT_AUTHORIZED, .word = "expired" };
    if (!who) {
        assert(path == PATH_TAP);
        return (struct verdict) { .ruling = RULING_ALLOW, .word = "server" };
    }
    struct question q = { .who = who, .action = ACT_RECEIVE, .topic = c->m.topic, .payload = c->m.payload,
        .from = c->m.from, .now_ms = wall(x), .purpose = purpose, .released = c->released, .approved = c->approved,
        .passing = path == PATH_PAGE || path == PATH_HISTORY };
    if (path == PATH_HISTORY) q.action = ACT_HISTORY;
    struct verdict v = access_judge(x->access, &q);
    if (v.reduction && passes(&v)) cut(x, c, &v);
    if (v.ruling == RULING_DENY && path < PATH_FORECAST) x->counts.denied++;
    return v;
}

struct verdict deliver_forecast(struct exchange *x, const struct identity *who, struct cargo *c)
{
    return egress(x, who, c, PATH_FORECAST, NULL);
}

static struct verdict page(struct exchange *x, const struct identity *who, const struct message *m, const struct showing *how, struct cargo *c)
{
    assert(who);
    cargo_from_message(x, c, m, how->history ? PATH_HISTORY : PATH_PAGE);
    struct verdict v = egress(x, who, c, c->path, how->purpose);
    return v;
}

bool exchange_shows(struct exchange *x, const struct identity *who, const struct message *m, const struct showing *how, struct message *ret)
{
    struct cargo c UNSET;
    struct verdict v = page(x, who, m, how, &c);
    if (!passes(&v)) return false;
    *ret = *m;
    if (!c.cut) return true;
    ret->payload = c.cut->m.payload;
    ret->properties = NULL;
    return true;
}

enum shown exchange_shown(struct exchange *x, const struct identity *who, const struct message *m, const struct showing *how)
{
    struct cargo c UNSET;
    struct verdict v = page(x, who, m, how, &c);
    if (v.reduction) return SHOWN_REDUCED;
    return passes(&v) ? SHOWN_WHOLE : SHOWN_NOT;
}

/* ---- to a link ---- */

/* OVERSIZE: the client does not take packets so large, which is as if it had been sent (MQTT 5, 3.1.2-25).
 * BLOCKED: what must be written first could not be; it waits. */
enum sent { SENT, QUEUED, DROPPED, OVERSIZE, BLOCKED, SKIPPED };

static void add_id(struct mqtt_properties *p, uint32_t id)
{
    bool first = !mqtt_has(p, MQTT_HAS_subscription_id);
    p->has |= (uint64_t)1 << MQTT_HAS_subscription_id;
    if (first) p->subscription_id = id;
    else if (p->more_ids_n < MQTT_SUBSCRIPTION_IDS_MAX - 1) p->more_ids[p->more_ids_n++] = id;
}

/* MQTT 5, 3.3.4-3 and 3.3.4-4: the identifiers of all its subscriptions that meet the topic. */
static void set_ids(struct exchange *x, struct session *s, const struct cargo *c, struct mqtt_properties *p, uint32_t sub_id)
{
    char text[MQTT_TOPIC_MAX] UNSET;
    struct handle h = session_handle(x, s);
    bool own = h.index == c->source.index && h.generation == c->source.generation;
    p->has &= ~((uint64_t)1 << MQTT_HAS_subscription_id);
    p->more_ids_n = 0;
    if (s->version != 5 || s->ids_n == 0 || sub_id == NONE) return;
    if (sub_id) {
        add_id(p, sub_id);
        return;
    }
    for (uint32_t i = s->subs; i != NONE; i = x->subs[i].own_next) {
        const struct sub *u = &x->subs[i];
        if (u->id == 0 || u->share || (own && u->no_local)) continue;
        if (mqtt_matches(sub_filter(x, i, text), c->m.topic)) add_id(p, u->id);
    }
}

static enum sent write_link(struct exchange *x, struct session *s, struct cargo *c, const struct flight *f, bool again)
{
    uint32_t fresh = NONE;
    struct mqtt_publish *out = c->cut ? &c->cut->out : &c->out;
    out->duplicate = again; /* MQTT 5, 3.3.1-1 and 3.3.1-3: of this delivery alone; MQTT 5, 4.3.1-1: never at QoS 0 */
    out->qos = f->qos;
    out->retain = f->retain;
    out->id = f->id;
    cargo_expiry(x, c, &out->properties);
    set_ids(x, s, c, &out->properties, f->sub_id);
    alias_use(s, out, &fresh);
    x->out.n = 0;
    outcome o = mqtt_write_publish(s->version, out, &x->out);
    out->topic = c->m.topic;
    if (!ok(o)) return o.code == E_TOO_LARGE ? OVERSIZE : DROPPED;
    if (x->out.n > s->packet_max) return OVERSIZE;
    if (fresh != NONE) alias_learn(s, fresh, c->m.topic);
    session_send(x, s);
    x->counts.delivered++;
    x->counts.payload_out += out->payload.n;
    return SENT;
}

static void stall(struct exchange *x, struct session *s)
{
    s->stalled = x->stalled = true;
}

/* Its identifier is being written: it goes when that is durable (resend). */
static enum sent send_noted(struct exchange *x, struct session *s, struct cargo *c, struct flight *f)
{
    if (!ok(durable_flight(x, s, "sent", f->id, c->index != NO_INDEX && x->port.read ? f->index : NO_INDEX, true))) return BLOCKED;
    f->noted = f->fresh = true;
    if (f->parcel) (void)parcel_share(f->parcel);
    flight_add(s, f);
    stall(x, s);
    return QUEUED;
}

/* For the first time, at QoS 1 or 2. Whatever a session that outlives its link needs to repeat it is kept first. */
static enum sent send_flight(struct exchange *x, struct session *s, struct cargo *c, struct flight f)
{
    /* MQTT 5, 2.2.1-4, 4.3.2-1, 4.3.2-2, 4.3.3-1 and 4.3.3-2; MQTT 5, 4.3.2-3 and 4.3.3-3: kept until it is acknowledged
     * */
    if (!f.id) f.id = flight_id(s);
    f.index = c->index;
    bool readable = c->index != NO_INDEX && x->port.read;
    if (s->expiry_s && !readable) {
        f.parcel = cargo_keep(x, c);
        if (!f.parcel) return DROPPED;
    }
    if (f.qos == 2 && durable_is(x, s)) return send_noted(x, s, c, &f);
    enum sent sent = write_link(x, s, c, &f, false);
    if (sent != SENT) return sent;
    f.sent = true;
    if (f.parcel) (void)parcel_share(f.parcel);
    flight_add(s, &f);
    return SENT;
}

/* Its place in the ledger is enough to send it later: for who outlives the link, and for who is slow on a live one.
 * A command is for who takes it now: beyond what waits in memory it is dropped, and that is told. */
static bool by_place(const struct exchange *x, const struct session *s, const struct cargo *c, uint8_t qos)
{
    if (qos == 0 || c->index == NO_INDEX || !x->port.read) return false;
    return s->expiry_s || (s->online && !c->command);
}

static enum sent enqueue(struct exchange *x, struct session *s, struct cargo *c, const struct flight *f)
{
    struct waiting w = { .index = c->index, .sub_id = f->sub_id, .qos = f->qos, .retain = f->retain,
        .stored = c->path == PATH_RETAINED };
    bool readable = by_place(x, s, c, f->qos);
    if (f->qos == 0) w.index = NO_INDEX; /* nobody was promised it */
    if (!readable || s->online) w.parcel = cargo_keep(x, c);
    if (w.parcel && ok(queue_push(x, s, w))) return QUEUED;
    w.parcel = NULL; /* its place in the ledger is enough */
    return readable && ok(queue_push(x, s, w)) ? QUEUED : DROPPED;
}

/* A consumer that does not keep up loses what is not recorded, and is told once; from a recorded stream, where even
 * its place in the ledger has no room, nothing is left out in silence: its link is closed, it sees the break and can
 * ask the record. */
static void lost(struct exchange *x, struct session *s, const struct cargo *c, uint8_t qos)
{
    struct verdict v = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "slow-consumer" };
    struct message m = { .from = s->who, .topic = c->m.topic };
    x->counts.dropped++;
    if (!s->told_slow) tell(x, "slow-consumer", &m, &v, NULL);
    s->told_slow = true;
    if (qos && c->stream && c->stream->recorded) session_doom(x, s, MQTT_QUOTA, "slow-consumer");
}

/* May a message of this QoS go now, as far as what is held back is concerned? */
static bool may_go(const struct exchange *x, const struct session *s, uint8_t qos)
{
    return (qos == 2 && durable_is(x, s)) || !session_waits(x, s);
}

/* f: its QoS is the one granted. */
static enum sent to_session(struct exchange *x, struct session *s, struct cargo *c, struct flight f)
{
    /* MQTT 5, 3.8.4-8 and 4.8.2-3 */
    if (c->m.qos < f.qos) f.qos = c->m.qos;
    enum sent sent = DROPPED;
    bool away = !s->online || s->doomed;
    if (f.qos == 0) {
        if (away) return SKIPPED; /* MQTT 5, 3.1.2.4: only QoS 1 and 2 wait */
        bool full = s->queue_n >= x->bounds.queue && c->path != PATH_RETAINED;
        if (!full) sent = session_waits(x, s) ? enqueue(x, s, c, &f) : write_link(x, s, c, &f, false);
        if (sent == QUEUED) stall(x, s);
    } else {
        bool now = !away && flight_room(s) && s->queue_n == 0 && may_go(x, s, f.qos);
        if (!away && !now && session_waits(x, s)) stall(x, s);
        sent = now ? send_flight(x, s, c, f) : BLOCKED;
        if (sent == BLOCKED) sent = enqueue(x, s, c, &f);
    }
    if (sent == DROPPED) lost(x, s, c, f.qos);
    x->counts.dropped += sent == OVERSIZE;
    return sent;
}

/* What became of a command at the device it is for. */
static void account(struct exchange *x, struct cargo *c, enum sent sent, const struct verdict *v)
{
    bool gone = sent == DROPPED || sent == OVERSIZE;
    if (sent == SENT) tell(x, "command-delivered", &c->m, v, NULL);
    if (gone) tell(x, "command-dropped", &c->m, v, NULL);
    if (gone) c->dropped++;
    else c->reached++;
}

static void one_session(struct exchange *x, struct cargo *c, const struct destination *d)
{
    struct session *s = session_of(x, d->owner);
    bool own = s && c->command && s->who == c->target;
    if (!s || (s->doomed && !s->expiry_s)) return;
    if (own && !s->online) return; /* a command is never delivered later */
    struct verdict v = egress(x, s->who, c, c->path, s->purpose);
    if (!passes(&v)) return;
    /* MQTT 5, 3.3.1-12 and 3.3.1-13 */
    struct flight f = { .qos = d->qos, .retain = c->m.retain && d->as_published };
    enum sent sent = to_session(x, s, c, f);
    if (own) account(x, c, sent, &v);
}

/* ---- to one member of a share ---- */

/* Who has a link and room comes first, then who has a link, then who is away; among equals who waited
 * longest, and before anybody was served who subscribed first (the list begins with the newest). */
static uint32_t share_next(struct exchange *x, const struct sub *share, uint8_t qos)
{
    uint32_t best = NONE;
    unsigned best_rank = UINT32_MAX;
    for (uint32_t i = x->filters.nodes[share->node].head; i != NONE; i = x->subs[i].next) {
        const struct sub *u = &x->subs[i];
        if (!u->share || u->tried == x->mark || strcmp(u->share, share->share) != 0) continue;
        struct session *s = session_of(x, u->owner);
        bool away = !s || !s->online || s->doomed;
        if (away && (!s || !s->expiry_s || qos == 0 || u->qos == 0)) continue;
        unsigned rank = away ? 2 : flight_room(s) && s->queue_n == 0 ? 0 : 1;
        if (rank > best_rank || (rank == best_rank && u->served > x->subs[best].served)) continue;
        best = i;
        best_rank = rank;
    }
    return best;
}

/* MQTT 5, 4.8.2-4: it stays its member's. After a crash nobody could tell whose it was: for a session that outlives it, that is written. */
static bool assign(struct exchange *x, struct session *s, struct cargo *c, const struct flight *f)
{
    uint64_t index;
    struct waiting w = { .index = c->index, .qos = c->m.qos < f->qos ? c->m.qos : f->qos, .sub_id = f->sub_id };
    if (w.qos == 0 || c->index == NO_INDEX) return true;
    if (!ok(durable_assigned(x, s, &w, &index))) return false;
    if (index > c->obliged) c->obliged = index;
    return true;
}

static void one_share(struct exchange *x, struct cargo *c, const struct destination *d)
{
    const struct sub *share = &x->subs[d->share];
    for (uint32_t at; (at = share_next(x, share, c->m.qos)) != NONE;) { /* each member once */
        struct sub *u = &x->subs[at];
        struct session *s = session_of(x, u->owner);
        bool own = c->command && s->who == c->target;
        u->tried = x->mark;
        struct verdict v = egress(x, s->who, c, c->path, s->purpose);
        struct flight f = { .qos = u->qos, .retain = c->m.retain && u->as_published, .sub_id = u->id ? u->id : NONE };
        if (!passes(&v) || (own && !s->online) || !assign(x, s, c, &f)) continue;
        u->served = x->mark;
        enum sent sent = to_session(x, s, c, f);
        if (own) account(x, c, sent, &v);
        return;
    }
}

static void one_tap(struct exchange *x, struct cargo *c, const struct destination *d)
{
    struct tap *t = &x->taps[d->owner.index];
    if (!t->used || t->generation != d->owner.generation) return;
    struct verdict v = egress(x, t->who, c, PATH_TAP, NULL);
    if (passes(&v)) t->fn(t->ctx, form_of(c), &v);
}

bool deliver_reaches(struct exchange *x, const struct identity *who)
{
    for (uint32_t i = 0; i < x->destinations_n; i++) {
        if (x->destinations[i].tap || x->destinations[i].share != NONE) continue;
        struct session *s = session_of(x, x->destinations[i].owner);
        if (s && s->online && !s->doomed && s->who == who) return true;
    }
    return false;
}

void deliver_all(struct exchange *x, struct cargo *c)
{
    assert(!x->routing);
    /* MQTT 5, 4.6.0-5 and 4.6.0-6: one message after another, each queue in the order of coming */
    x->routing = true;
    for (uint32_t i = 0; i < x->destinations_n; i++) {
        const struct destination *d = &x->destinations[i];
        if (d->tap) one_tap(x, c, d);
        else if (d->share != NONE) one_share(x, c, d);
        else one_session(x, c, d);
    }
    x->routing = false;
}

/* ---- retained ---- */

struct catching { /* who catches up with what is retained */
    struct exchange *x;
    struct handle session;
    struct tap *tap;
    uint8_t qos;
    uint32_t sub_id;
};

static void catch_up(void *ctx, uint32_t node)
{
    const struct catching *k = ctx;
    struct exchange *x = k->x;
    struct parcel *p = x->topics.nodes[node].item;
    struct session *s = k->tap ? NULL : session_of(x, k->session);
    if (!p || (!k->tap && (!s || s->doomed))) return;
    struct cargo c UNSET;
    cargo_from_parcel(x, &c, p, PATH_RETAINED);
    const struct identity *who = k->tap ? k->tap->who : s->who;
    struct verdict v = egress(x, who, &c, k->tap ? PATH_TAP : PATH_RETAINED, s ? s->purpose : NULL);
    if (passes(&v) && k->tap) k->tap->fn(k->tap->ctx, form_of(&c), &v);
    else if (passes(&v)) (void)to_session(x, s, &c, (struct flight) { .qos = k->qos, .retain = true, .sub_id = k->sub_id });
    cargo_done(x, &c);
}

void deliver_retained(struct exchange *x, struct session *s, struct bytes filter, const struct sub *options)
{
    struct catching k = { x, session_handle(x, s), NULL, options->qos, options->id ? options->id : NONE };
    tree_match_filter(&x->topics, filter, catch_up, &k);
}

void deliver_retained_tap(struct exchange *x, uint32_t tap, struct bytes filter)
{
    struct catching k = { x, { NONE, 0 }, &x->taps[tap], 1, NONE };
    tree_match_filter(&x->topics, filter, catch_up, &k);
}

/* ---- what waited ---- */

enum loaded { LOADED, NOT_YET, GONE };

/* From memory, or from the ledger once it is there. */
static enum loaded load(struct exchange *x, struct session *s, struct parcel *p, uint64_t index, struct cargo *c)
{
    struct recorded r;
    if (p) {
        cargo_from_parcel(x, c, p, PATH_QUEUE);
        c->index = index;
    } else {
        if (index == NO_INDEX || !x->port.read) return GONE;
        if (index >= x->durable) return NOT_YET;
        if (!ok(x->port.read(x->port.ctx, index, &r))) return GONE; /* pruned, erased, or its publisher destroyed */
        cargo_from_recorded(x, c, &r, index, PATH_QUEUE);
    }
    /* the addressee again: what waited knows the topic, not the device */
    if (c->command && command_is_for(x, c->m.topic, s->who)) c->target = s->who;
    return LOADED;
}

static void not_now(struct exchange *x, const struct cargo *c, const struct verdict *v)
{
    x->counts.dropped++;
    bool late = strcmp(v->word, "expired") == 0;
    if (c->target) tell(x, late ? "command-expired" : "command-refused", &c->m, v, NULL);
}

static enum sent one_queued(struct exchange *x, struct session *s, struct cargo *c, const struct waiting *w)
{
    struct answer a;
    struct verdict v = egress(x, s->who, c, PATH_QUEUE, s->purpose);
    /* its turn takes an identifier whether it may still go or not: who counts them sees what was left out */
    struct flight f = { .qos = w->qos, .retain = w->retain, .sub_id = w->sub_id, .id = w->qos ? flight_id(s) : 0 };
    if (passes(&v)) {
        enum sent sent = w->qos ? send_flight(x, s, c, f) : write_link(x, s, c, &f, false);
        if (sent == BLOCKED) return sent;
        if (sent == DROPPED) lost(x, s, c, w->qos);
        if (c->target) account(x, c, sent, &v);
    } else if (c->command && v.ruling == RULING_HOLD) {
        command_hold(x, c, &v, &a); /* a limit came into force while it waited */
    } else {
        not_now(x, c, &v);
    }
    return SENT;
}

/* On this link, for the first time or once more. false: it may not go any more, or cannot. */
static bool repeat(struct exchange *x, struct session *s, const struct flight *f, bool *ret_wait)
{
    struct cargo c UNSET;
    enum loaded got = load(x, s, f->parcel, f->index, &c);
    *ret_wait = got == NOT_YET;
    if (got != LOADED) return got == NOT_YET;
    /* MQTT 5, 4.3.3-7; but a command is never delivered late, whatever its QoS */
    c.begun = f->qos == 2 && !f->fresh && !c.command;
    struct verdict v = egress(x, s->who, &c, PATH_QUEUE, s->purpose);
    bool sent = passes(&v) && write_link(x, s, &c, f, !f->fresh) == SENT;
    if (!passes(&v)) not_now(x, &c, &v);
    if (sent && f->fresh && c.target) account(x, &c, SENT, &v);
    cargo_done(x, &c);
    return sent;
}

/* MQTT 5, 4.4.0-1, 4.6.0-1, 4.3.3-5 and 4.3.3-6: what was in flight, in its order. What may not be repeated is given up; at QoS 2 its
 * identifier is freed by PUBREL, so that the client does not take the next message with it for a repetition. */
static bool resend(struct exchange *x, struct session *s)
{
    uint32_t i = 0;
    while (i < s->flights_n && s->sent_n < s->receive_max && !s->doomed) {
        struct flight *f = &s->flights[i];
        bool wait = session_waits(x, s);
        if (wait && !f->sent) return false;
        if (!f->sent && !f->released && !repeat(x, s, f, &wait)) {
            if (f->qos == 1) flight_take(x, s, f);
            else f->released = true;
            continue;
        }
        if (wait) return false;
        s->fresh_n -= f->fresh;
        f->fresh = false;
        struct mqtt_ack release UNSET;
        mqtt_ack_begin(&release, f->id, 0);
        if (!f->sent && f->released) send_ack(x, s, MQTT_PUBREL, &release);
        s->sent_n += !f->sent;
        f->sent = true;
        i++;
    }
    return true;
}

void deliver_pump(struct exchange *x, struct session *s)
{
    const struct waiting *first;
    s->stalled = false;
    if (!s->online || s->version == 0) return;
    bool stuck = s->sent_n < s->flights_n && !resend(x, s);
    while (!s->doomed && flight_room(s) && (first = queue_first(s))) {
        struct waiting w = *first;
        struct cargo c UNSET;
        enum loaded got = may_go(x, s, w.qos) ? load(x, s, w.parcel, w.index, &c) : NOT_YET;
        bool stays = got == NOT_YET || (got == LOADED && one_queued(x, s, &c, &w) == BLOCKED);
        if (got == LOADED) cargo_done(x, &c);
        stuck |= stays;
        if (stays) break;
        x->counts.dropped += got == GONE;
        (void)queue_pop(x, s, &w);
        if (w.parcel) parcel_drop(x, w.parcel);
        if (w.index != NO_INDEX) s->dirty = x->dirty = true;
    }
    if (stuck) stall(x, s);
}
