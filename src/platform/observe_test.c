/* Observe mode over 30 simulated days: the same life in two worlds, one without limits and one where limits would hold and flag.
 * Byte for byte the same comes out of both; what would have been held is counted, each time. */
#include "platform/exchange_fixture.h"

enum { STEP_MS = 600000, DAYS = 30, STEPS = DAYS * 144 };

static uint32_t lot(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void connect_all(struct world *w)
{
    CHECK_OK(c_connect(w, 1, "gw-02", "gw-02", 5));
    CHECK_OK(c_connect(w, 2, "op", "op", 5));
    CHECK_OK(c_subscribe(w, 1, "sk/v1/w/gw-02/cmd/#", 0));
    CHECK_OK(c_subscribe(w, 2, "sk/v1/w/+/m/#", 0));
    w_forget(w);
}

/* Ten minutes: a reading, perhaps a command. Returns whether it was one that is not in the safe direction. */
static bool live(struct world *w, uint32_t draw)
{
    char text[32];
    w->wall += STEP_MS;
    w->mono += STEP_MS;
    (void)exchange_turn(w->x);
    if (draw % 50 == 0) { /* links come and go */
        exchange_down(w->x, 1, true);
        CHECK_QUIET(ok(c_connect(w, 1, "gw-02", "gw-02", 5)));
        CHECK_QUIET(ok(c_subscribe(w, 1, "sk/v1/w/gw-02/cmd/#", 0)));
    }
    snprintf(text, sizeof text, "%u", draw % 1000);
    CHECK_QUIET(ok(c_publish(w, 1, "sk/v1/w/gw-02/m/flow", text, 0)));
    if (draw % 6 == 1) CHECK_QUIET(ok(c_publish(w, 2, "sk/v1/w/gw-02/cmd/pump", "{\"do\":\"stop\"}", 0)));
    if (draw % 6 == 2) CHECK_QUIET(ok(c_publish(w, 2, "sk/v1/w/gw-02/cmd/pump", "{\"do\":\"start\"}", 0)));
    return draw % 6 == 2;
}

static bool same_events(const struct world *a, const struct world *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct event *x = &a->events[i], *y = &b->events[i];
        if (x->link != y->link || x->type != y->type || x->n != y->n || (x->n && memcmp(x->at, y->at, x->n) != 0)) return false;
    }
    return true;
}

static size_t observed(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->tells_n; i++) n += strcmp(w->tells[i].what, "observed") == 0;
    return n;
}

int main(void)
{
    struct world *plain = w_new(), *watched = w_new();
    uint32_t state = 20261128;
    size_t would = 0, said = 0, changed = 0, out = 0;
    watched->rows[0] = (struct limit) { .id = "L-1", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/+/cmd/#", .mode = LIMIT_HOLD };
    watched->rows[1] = (struct limit) { .id = "L-2", .decision = "D-1", .device = "gw-02", .stream = "sk/v1/w/+/m/#", .mode = LIMIT_FLAG };
    watched->limits.n = 2;
    watched->limits.epoch = 1;
    connect_all(plain);
    connect_all(watched);
    for (size_t i = 0; i < STEPS; i++) {
        uint32_t draw = lot(&state);
        would += live(plain, draw);
        (void)live(watched, draw);
        changed += !same_events(plain, watched);
        out += watched->n;
        said += observed(watched);
        CHECK_QUIET(observed(plain) == 0);
        w_forget(plain);
        w_forget(watched);
    }
    printf("# %d days: %zu packets out, %zu commands would have been held, %zu said, %zu steps differ\n", DAYS, out, would, said, changed);
    CHECK(out > STEPS && would > 500);
    CHECK(changed == 0);
    CHECK(said == would);
    watched->rows[0].enforced = true; /* and the test can fail: enforced, they differ */
    watched->limits.epoch++;
    for (size_t i = 0; i < 144; i++) {
        uint32_t draw = lot(&state);
        (void)live(plain, draw);
        (void)live(watched, draw);
        changed += !same_events(plain, watched);
        w_forget(plain);
        w_forget(watched);
    }
    CHECK(changed > 0);
    w_free(plain);
    w_free(watched);
    return TEST_END;
}
