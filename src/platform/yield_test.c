/* More comes than can be carried: the least important mission's streams are told to come later, commands, alarms and the
 * first mission's are not, and it ends by itself. */
#include "platform/exchange_fixture.h"

enum { PUMPS = 20, LAMPS, GUEST, OLD };

static uint8_t placed[LINKS], from;
static uint64_t refused;

static void on_place(void *ctx, uint32_t link, uint8_t place)
{
    (void)ctx;
    placed[link] = place;
}

static void on_yielding(void *ctx, uint8_t at, uint64_t n)
{
    (void)ctx;
    from = at;
    refused = n;
}

static struct precedence places[] = { { "pumps", 0 }, { "lamps", 1 } };

static void device(struct world *w, const char *id, const char *group)
{
    char json[200];
    snprintf(json, sizeof json, "{\"id\":\"%s\",\"role\":\"device\",\"group\":\"%s\",\"life\":\"enrolled\",\"trust\":\"attested\"}", id, group);
    w_apply(w, ENTRY_IDENTITY, json);
}

static struct world *overloaded_world(void)
{
    struct world *w = w_new();
    w->mono = 1000;
    w->x->port.place = on_place;
    w->x->port.yielding = on_yielding;
    w->limits.places = places;
    w->limits.n_places = 2;
    w->limits.last_place = 2;
    w->limits.places_epoch = 1;
    device(w, "pump-1", "pumps");
    device(w, "lamp-1", "lamps");
    device(w, "guest-1", "");
    device(w, "old-1", "");
    exchange_rejudge(w->x);
    CHECK_OK(c_connect(w, PUMPS, "pump-1", "pump-1", 5));
    CHECK_OK(c_connect(w, LAMPS, "lamp-1", "lamp-1", 5));
    CHECK_OK(c_connect(w, GUEST, "guest-1", "guest-1", 5));
    CHECK_OK(c_connect(w, OLD, "old-1", "old-1", 4));
    CHECK(placed[PUMPS] == 0 && placed[LAMPS] == 1 && placed[GUEST] == 2 && placed[OLD] == 2);
    return w;
}

/* Behind all the while; n turns of 250 ms. */
static void behind(struct world *w, int n)
{
    for (int i = 0; i < n; i++) {
        w->mono += YIELD_EVERY_MS;
        exchange_behind(w->x);
        (void)exchange_turn(w->x);
    }
}

/* The reason of one more QoS 1 reading. */
static uint8_t says(struct world *w, uint32_t link, const char *topic)
{
    w_forget(w);
    CHECK_OK(c_publish(w, link, topic, "1", 1));
    return puback(w, link);
}

static void test_order(void)
{
    struct world *w = overloaded_world();
    behind(w, 3);
    CHECK(from == 0 && says(w, GUEST, "sk/v1/w/guest-1/m/x") < 0x80);
    behind(w, 2); /* a second without a pause */
    CHECK(from == 2);
    CHECK(says(w, GUEST, "sk/v1/w/guest-1/m/x") == MQTT_QUOTA);
    CHECK(says(w, LAMPS, "sk/v1/w/lamp-1/m/x") < 0x80);
    CHECK(says(w, PUMPS, "sk/v1/w/pump-1/m/x") < 0x80);
    CHECK(says(w, GUEST, "sk/v1/w/guest-1/a/fire") < 0x80); /* an alarm */
    CHECK(says(w, OLD, "sk/v1/w/old-1/m/x") == 0);          /* 3.1.1 has no word for it */
    CHECK(w->tells_n == 0);
    behind(w, 5);
    CHECK(from == 1 && says(w, LAMPS, "sk/v1/w/lamp-1/m/x") == MQTT_QUOTA);
    behind(w, 40);
    CHECK(from == 1 && says(w, PUMPS, "sk/v1/w/pump-1/m/x") < 0x80); /* the first mission never */
    struct exchange_counts counts;
    exchange_count(w->x, &counts);
    CHECK(counts.yielded == 2);
    w_free(w);
}

static void calm(struct world *w, int turns, bool asking)
{
    for (int i = 0; i < turns; i++) {
        w->mono += YIELD_EVERY_MS;
        for (int k = 0; asking && k < 3; k++) (void)says(w, GUEST, "sk/v1/w/guest-1/m/x");
        (void)exchange_turn(w->x);
    }
}

static void test_end(void)
{
    struct world *w = overloaded_world();
    behind(w, 5);
    CHECK(from == 2);
    for (int i = 0; i < 8; i++) { /* a flood that goes on */
        for (int k = 0; k < 3; k++) CHECK_QUIET(says(w, GUEST, "sk/v1/w/guest-1/m/x") == MQTT_QUOTA);
        behind(w, 1);
    }
    calm(w, 40, true); /* there is room because they are refused: that is no reason to stop */
    CHECK(from > 0);
    calm(w, 28, false); /* the flood is over */
    CHECK(from == 0 && refused > 0);
    CHECK(says(w, GUEST, "sk/v1/w/guest-1/m/x") < 0x80);
    CHECK(yield_turn(w->x) == -1); /* and nobody is woken for it any more */
    w_free(w);
}

static void test_tried_again(void)
{
    struct world *w = overloaded_world();
    behind(w, 5);
    calm(w, 130, true); /* half a minute of a flood that fits now */
    CHECK(from == 0);
    w_free(w);
}

static void test_a_pause_begins_anew(void)
{
    struct world *w = overloaded_world();
    for (int i = 0; i < 20; i++) {
        behind(w, 2);
        w->mono += 700;
        (void)exchange_turn(w->x);
    }
    CHECK(from == 0);
    w_free(w);
}

static void test_places_move(void)
{
    struct world *w = overloaded_world();
    places[1].place = 0;
    w->limits.places_epoch++;
    exchange_rejudge(w->x);
    CHECK(placed[LAMPS] == 0 && placed[GUEST] == 2);
    places[1].place = 1;
    w->limits.n_places = 0; /* nobody has said what matters more */
    w->limits.places_epoch++;
    exchange_rejudge(w->x);
    CHECK(placed[GUEST] == 0);
    behind(w, 40);
    CHECK(from == 0 && says(w, GUEST, "sk/v1/w/guest-1/m/x") < 0x80);
    w_free(w);
}

static uint32_t share;
static char greediest[64];

static void on_bounded(void *ctx, const char *who, uint32_t each, uint64_t n)
{
    (void)ctx, (void)n;
    share = each;
    snprintf(greediest, sizeof greediest, "%s", who);
}

/* A second in which pump-1 sends so many readings, pump-2 and the old one eight; how many of pump-1's were let through. */
static unsigned second(struct world *w, unsigned many, bool too_much)
{
    enum { PUMP_2 = LINKS - 1 };
    unsigned through = 0;
    for (int turn = 0; turn < 1000 / YIELD_EVERY_MS; turn++) {
        for (unsigned i = 0; i < many / 4; i++) through += says(w, PUMPS, "sk/v1/w/pump-1/m/x") < 0x80;
        for (int i = 0; i < 2; i++) CHECK_QUIET(says(w, PUMP_2, "sk/v1/w/pump-2/m/x") < 0x80); /* whoever sends little is never asked */
        CHECK_QUIET(says(w, PUMPS, "sk/v1/w/pump-1/a/high") < 0x80);                          /* nor is an alarm */
        w->mono += YIELD_EVERY_MS;
        if (too_much) exchange_behind(w->x);
        (void)exchange_turn(w->x);
    }
    return through;
}

/* Everybody who may yield does, and one device of the first mission sends as much as all others. */
static void test_share(void)
{
    enum { PUMP_2 = LINKS - 1, MANY = 2000 };
    struct world *w = overloaded_world();
    w->x->port.bounded = on_bounded;
    device(w, "pump-2", "pumps");
    exchange_rejudge(w->x);
    CHECK_OK(c_connect(w, PUMP_2, "pump-2", "pump-2", 5));
    CHECK(second(w, MANY, false) == MANY && share == 0); /* there is room: nobody is bounded */
    for (int i = 0; i < 3; i++) (void)second(w, MANY, true);
    CHECK(from == 1 && share == 0); /* the others first */
    for (int i = 0; i < 3; i++) (void)second(w, MANY, true);
    CHECK(share >= 100 && share <= MANY / 2 && strcmp(greediest, "pump-1") == 0);
    for (int i = 0; i < 8; i++) (void)second(w, MANY, true);
    CHECK(share == 100 && second(w, MANY, true) < MANY / 2);
    CHECK(placed[PUMPS] == 3 && placed[PUMP_2] == 0); /* it is read last */
    CHECK(says(w, PUMPS, "sk/v1/w/pump-1/m/x") == MQTT_QUOTA && w->tells_n == 0);
    for (int i = 0; i < 8; i++) (void)second(w, MANY, false);
    CHECK(share == 100); /* there is room because it is refused: that is no reason to stop */
    for (int i = 0; i < 40; i++) (void)second(w, 40, false);
    CHECK(share == 0 && from == 0 && placed[PUMPS] == 0 && second(w, MANY, false) == MANY);
    CHECK(yield_turn(w->x) == -1);
    w_free(w);
}

int main(void)
{
    test_order();
    from = 0;
    test_end();
    test_tried_again();
    from = 0;
    test_a_pause_begins_anew();
    test_places_move();
    test_share();
    return TEST_END;
}
