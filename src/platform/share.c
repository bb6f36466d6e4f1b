/* Overload when there is nobody left to yield: one device of the first mission may not take the room of the others. While it
 * lasts each device's messages are counted by the second; whoever sends more than a share, which begins at half of what the greediest
 * sends and halves while that does not suffice, is told to come later. Never below FLOOR a second, never commands and alarms. */
#include "platform/exchange_internal.h"

enum {
    FLOOR = 100,       /* messages a second that every device may send whatever happens */
    WINDOW_MS = 1000,
    TIGHTEN_MS = 1000, /* behind for so long under the present share: half of it */
    CALM_MS = 5000,    /* not behind for so long, and nobody sends more than the share: it ends */
    TRY_MS = 30000,    /* not behind for so long: twice the share, whatever is sent */
    PROBES = 8,
};

/* NULL: so many others spoke in this second that it is not counted. */
static struct share_row *row_of(struct share *h, const struct identity *who)
{
    size_t at = (size_t)(((uintptr_t)who >> 4) * 0x9E3779B97F4A7C15u >> 32);
    for (size_t i = 0; i < PROBES; i++) {
        struct share_row *r = &h->rows[(at + i) % SHARE_ROWS];
        if (r->window == h->window && r->who == who) return r;
        if (r->window == h->window) continue;
        *r = (struct share_row) { .who = who, .window = h->window };
        return r;
    }
    return NULL;
}

bool share_over(struct exchange *x, const struct identity *who)
{
    struct share *h = &x->share;
    struct share_row *r = row_of(h, who);
    if (!r) return false;
    if (++r->came > h->most) {
        h->most = r->came;
        h->greediest = who;
    }
    return h->each && r->came > h->each;
}

static void say(struct exchange *x)
{
    const struct share *h = &x->share;
    if (x->port.bounded) x->port.bounded(x->port.ctx, h->greediest_then ? h->greediest_then->id : "", h->each, h->refused);
}

static void set_share(struct exchange *x, uint32_t each, int64_t now)
{
    struct share *h = &x->share;
    if (each == h->each) return;
    if (!h->each) h->refused = 0;
    h->each = each;
    h->moved_ms = now;
    say(x);
}

static uint32_t at_least_floor(uint32_t n)
{
    return n < FLOOR ? FLOOR : n;
}

static void window(struct share *h, int64_t now)
{
    if (now - h->window_ms < WINDOW_MS) return;
    h->most_then = h->most;
    h->greediest_then = h->greediest;
    h->most = 0;
    h->window++;
    h->window_ms = now;
}

bool share_turn(struct exchange *x, int64_t now, int64_t behind_ms, int64_t calm_ms)
{
    struct share *h = &x->share;
    window(h, now);
    if (behind_ms >= TIGHTEN_MS && now - h->moved_ms >= TIGHTEN_MS && h->most_then > FLOOR)
        set_share(x, at_least_floor(h->each ? h->each / 2 : h->most_then / 2), now);
    else if (h->each && calm_ms >= CALM_MS && now - h->moved_ms >= CALM_MS && h->most_then <= h->each)
        set_share(x, 0, now);
    else if (h->each && calm_ms >= TRY_MS && now - h->moved_ms >= TRY_MS)
        set_share(x, h->each > h->most_then / 2 ? 0 : h->each * 2, now);
    return h->each != 0;
}
