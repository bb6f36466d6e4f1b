/* Overload: the streams of the least important mission yield first. Who stands where comes with the limits; that there is
 * too much comes from whoever brings the packets. */
#include "platform/exchange_internal.h"

enum {
    BEHIND_MS = 1000,  /* behind for so long without a pause: the next place yields */
    CALM_MS = 5000,    /* not behind for so long, and less is asked for: the last place that yielded comes back */
    TRY_MS = 30000,    /* not behind for so long: it comes back whatever is asked for */
    PAUSE_MS = 2 * YIELD_EVERY_MS,
    LAST_READ = 3,     /* of the gate's places the last */
    WINDOW_MS = 1000,
};

/* People and services stand at place 0: what they send is commands. */
static uint8_t place_of(const struct exchange *x, const struct identity *who)
{
    const struct limits *l = x->access->limits;
    if (!l || !l->n_places || who->role != ROLE_DEVICE) return 0;
    for (size_t i = 0; i < l->n_places; i++)
        if (strcmp(l->places[i].group, who->group) == 0) return l->places[i].place;
    return l->last_place;
}

static void say_place(struct exchange *x, struct session *s, uint8_t place)
{
    if (s->place == place) return;
    s->place = place;
    if (x->port.place && !s->pushed_back) x->port.place(x->port.ctx, s->link, place);
}

void yield_connected(struct exchange *x, struct session *s)
{
    s->place = 0; /* a new link is told anew */
    s->pushed_back = false;
    say_place(x, s, place_of(x, s->who));
}

void yield_replaced(struct exchange *x)
{
    const struct limits *l = x->access->limits;
    if (!l || l->places_epoch == x->yielding.places_epoch) return;
    x->yielding.places_epoch = l->places_epoch;
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        if (s->used && s->online && s->client_id) say_place(x, s, place_of(x, s->who));
    }
}

static bool is_alarm(const struct exchange *x, struct bytes topic)
{
    struct topic_parts parts;
    return access_topic(x->access, topic, &parts) && bytes_equal_str(parts.class, "a");
}

/* What is refused still has to be read: the link waits behind the others until the share is over. */
static void push_back(struct exchange *x, struct session *s)
{
    if (s->pushed_back) return;
    s->pushed_back = true;
    if (x->port.place) x->port.place(x->port.ctx, s->link, LAST_READ);
}

static void bring_back(struct exchange *x)
{
    for (uint32_t i = 0; i < x->sessions_top; i++) {
        struct session *s = &x->sessions[i];
        if (!s->used || !s->pushed_back) continue;
        s->pushed_back = false;
        if (s->online && x->port.place) x->port.place(x->port.ctx, s->link, s->place);
    }
}

const struct verdict *yield_asks(struct exchange *x, struct session *s, const struct cargo *c)
{
    static const struct verdict later = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "overload: a more important mission goes first" };
    static const struct verdict less = { .ruling = RULING_DENY, .reason = MQTT_QUOTA, .word = "overload: this device sends more than its share" };
    struct yielding *y = &x->yielding;
    bool yields = y->from && s->place >= y->from;
    bool over = !yields && (y->since_ms || x->share.each) && s->who->role == ROLE_DEVICE && share_over(x, s->who);
    y->came += yields;
    if (over) push_back(x, s);
    if (!yields && !over) return NULL;
    if (c->command || is_alarm(x, c->m.topic) || (s->version != 5 && c->m.qos > 0)) return NULL;
    if (yields) y->refused++;
    else x->share.refused++;
    return yields ? &later : &less;
}

void exchange_behind(struct exchange *x)
{
    int64_t now = mono(x);
    struct yielding *y = &x->yielding;
    if (now - y->behind_ms > PAUSE_MS || !y->since_ms) y->since_ms = now;
    y->behind_ms = now;
}

static void move(struct exchange *x, uint8_t from, int64_t now)
{
    struct yielding *y = &x->yielding;
    if (!y->from) y->refused = 0;
    y->from = from;
    y->moved_ms = y->since_ms = now;
    y->window_ms = now;
    y->came = 0;
    y->demand = y->demand_then = UINT64_MAX; /* not known before a whole window has passed */
    if (x->port.yielding) x->port.yielding(x->port.ctx, from, y->refused);
}

static void count(struct yielding *y, int64_t now)
{
    if (!y->from || now - y->window_ms < WINDOW_MS) return;
    y->demand = y->came;
    if (y->demand_then == UINT64_MAX) y->demand_then = y->came;
    y->came = 0;
    y->window_ms = now;
}

int yield_turn(struct exchange *x)
{
    struct yielding *y = &x->yielding;
    const struct limits *l = x->access->limits;
    uint8_t last = l && l->n_places ? l->last_place : 0;
    int64_t now = mono(x), calm = now - y->behind_ms;
    if (!y->from && !y->since_ms && !x->share.each) return -1;
    count(y, now);
    bool behind = calm <= PAUSE_MS;
    uint8_t next = y->from ? y->from - 1 : last;
    bool shared_before = x->share.each;
    bool shared = share_turn(x, now, behind && next == 0 ? now - y->since_ms : 0, behind ? 0 : calm);
    if (shared_before && !shared) bring_back(x);
    if (behind) {
        if (now - y->since_ms >= BEHIND_MS && next > 0) move(x, next, now);
    } else {
        bool less = y->demand < y->demand_then / 2 || y->demand == 0;
        if (y->from > last) move(x, 0, now); /* the model has fewer missions now */
        else if (y->from && now - y->moved_ms >= CALM_MS && ((calm >= CALM_MS && less) || calm >= TRY_MS))
            move(x, y->from < last ? y->from + 1 : 0, now);
        if (!y->from) y->since_ms = 0;
    }
    return y->from || y->since_ms || shared ? YIELD_EVERY_MS : -1;
}
