/* Anything in any order: garbled packets, and a seeded storm of clients, limits, trusts and clock steps with the
 * promises checked after every step. */
#include "platform/exchange_fixture.h"

/* Every prefix and many one-byte changes of good packets: only the sender may suffer. */
static void garble(struct world *w, const struct buffer *good, bool connected)
{
    for (size_t i = 0; i < good->n; i++) {
        for (int change = 0; change < 6; change++) {
            static const uint8_t values[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF };
            uint8_t packet[512];
            size_t n = change == 5 ? i : good->n;
            memcpy(packet, good->at, good->n);
            if (change < 5) packet[i] = values[change];
            exchange_down(w->x, OP2, true);
            if (connected) CHECK_QUIET(ok(c_connect(w, OP2, "op2", "op2", 5)));
            else CHECK_QUIET(ok(exchange_up(w->x, OP2, registry_identity(w->r, "op2"))));
            (void)!ok(exchange_packet(w->x, OP2, bytes_of(packet, n)));
            CHECK_QUIET(session_on(w->x, GW) && session_on(w->x, OP) && session_on(w->x, V));
            w_forget(w);
        }
    }
}

static void garbled(void)
{
    struct world *w = w_plant(5);
    struct buffer b = BUFFER(512);
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("op2"), .has_will = true,
        .will_topic = BYTES_LIT(PUMP), .will_payload = BYTES_LIT(STOP), .keep_alive_s = 9 };
    c.properties.has = (uint64_t)1 << MQTT_HAS_receive_maximum;
    c.properties.receive_maximum = 2;
    CHECK_OK(mqtt_write_connect(&c, &b));
    garble(w, &b, false);
    b.n = 0;
    struct mqtt_publish p = { .qos = 1, .id = 4, .topic = BYTES_LIT(PUMP), .payload = BYTES_LIT(START) };
    p.properties.has = (uint64_t)1 << MQTT_HAS_response_topic | (uint64_t)1 << MQTT_HAS_message_expiry_s;
    p.properties.response_topic = BYTES_LIT("sk/v1/w/gw-02/cmd/pump/reply");
    p.properties.message_expiry_s = 9;
    p.properties.users = 1;
    p.properties.user[0] = (struct mqtt_user) { BYTES_LIT("a"), BYTES_LIT("b") };
    CHECK_OK(mqtt_write_publish(5, &p, &b));
    for (uint32_t i = 0; i < 4; i++) exchange_down(w->x, GW, true); /* an unknown link is nothing */
    CHECK_OK(c_connect(w, GW, "gw-02", "gw-02", 5));
    garble(w, &b, true);
    b.n = 0;
    struct mqtt_subscribe s = { .id = 1, .n = 2, .rows = { { .filter = BYTES_LIT("sk/v1/w/+/m/#"), .qos = 1 },
        { .filter = BYTES_LIT("sk/v1/w/a") } } };
    CHECK_OK(mqtt_write_subscribe(5, &s, &b));
    garble(w, &b, true);
    b.n = 0;
    CHECK_OK(mqtt_write_unsubscribe(5, &s, &b));
    garble(w, &b, true);
    buffer_deinit(&b);
    w_free(w);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33) % below;
}

static const char *const who_of[] = { "gw-02", "gw-02", "op", "op2", "v", "gw-03" };
static const char *const id_of[] = { "gw-02", "gw-02/b", "op", "", "v", "gw-03" };
static const char *const topic_of[] = { PUMP, FLOW, STATE, "sk/v1/w/gw-02/a/low", "sk/v1/w/gw-03/cmd/valve",
    "sk/v1/w/gw-03/m/x", "sk/v1/w/gw-02/att/evidence" };
static const char *const filter_of[] = { "sk/v1/w/gw-02/cmd/#", "sk/v1/w/#", "sk/v1/w/+/s/#", "sk/v1/w/gw-03/cmd/+",
    "sk/v1/w/gw-02/att/challenge", "#", "$share/g/sk/v1/w/+/m/#", "$share/g/sk/v1/w/#" };

static void storm_connect(struct world *w, uint64_t *seed, uint32_t link)
{
    struct mqtt_connect c = { .version = draw(seed, 2) ? 5 : 4, .clean_start = draw(seed, 2), .keep_alive_s = 60,
        .client_id = bytes_str(id_of[link]) };
    c.properties.has = (uint64_t)1 << MQTT_HAS_session_expiry_s | (uint64_t)1 << MQTT_HAS_topic_alias_maximum;
    c.properties.session_expiry_s = draw(seed, 3) * 40;
    c.properties.topic_alias_maximum = (uint16_t)draw(seed, 3);
    if (c.client_id.n == 0) c.clean_start = true;
    (void)!ok(c_connect_with(w, link, who_of[link], &c));
}

static void step_client(struct world *w, uint64_t *seed, uint32_t link)
{
    bool up = session_on(w->x, link) != NULL;
    uint8_t qos = (uint8_t)draw(seed, 3);
    switch (up ? 1 + draw(seed, 24) : 0) {
    case 0: storm_connect(w, seed, link); break;
    case 1: exchange_down(w->x, link, draw(seed, 2)); break;
    case 2:
    case 3: (void)!ok(c_subscribe(w, link, filter_of[draw(seed, 8)], qos)); break;
    case 4: (void)!ok(c_retain(w, link, topic_of[draw(seed, 7)], draw(seed, 4) ? "1" : "")); break;
    case 5: {
        const struct session *s = session_on(w->x, link);
        static const enum mqtt_type types[] = { MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBCOMP, MQTT_PUBREL };
        enum mqtt_type type = types[draw(seed, 4)];
        bool right = s->flights_n && draw(seed, 16) > 0; /* the wrong kind costs the link */
        if (right) type = s->flights[0].qos == 1 ? MQTT_PUBACK : s->flights[0].released ? MQTT_PUBCOMP : MQTT_PUBREC;
        uint16_t id = s->flights_n && type != MQTT_PUBREL ? s->flights[0].id : (uint16_t)(1 + draw(seed, 99));
        (void)!ok(c_reply(w, link, type, id, 0));
        break;
    }
    default: (void)!ok(c_publish(w, link, topic_of[draw(seed, 7)], draw(seed, 5) ? START : STOP, qos)); break;
    }
}

static void step_trust(struct world *w, uint64_t *seed)
{
    static const enum trust_event events[] = { TRUST_QUOTE_GOOD, TRUST_QUOTE_GOOD, TRUST_QUOTE_BAD, TRUST_QUOTE_OLD };
    const char *id = who_of[draw(seed, 6)];
    enum trust to;
    enum trust_event e = events[draw(seed, 4)];
    if (ok(trust_step(registry_identity(w->r, id)->trust, e, &to))) w_trust(w, id, e);
    if (draw(seed, 2)) exchange_rejudge(w->x);
}

static void step_site(struct world *w, uint64_t *seed)
{
    const struct held *h[2];
    size_t n = exchange_held(w->x, h, 2);
    switch (draw(seed, 8)) {
    case 0: w_limit(w, (enum limit_mode)draw(seed, LIMIT_MODES), draw(seed, 4) != 0); break;
    case 1: step_trust(w, seed); break;
    case 2: w->mono += draw(seed, 30000); break;
    case 3: w->record_code = draw(seed, 5) ? OK : E_FULL; break;
    case 4: if (n) (void)!ok(exchange_release(w->x, h[draw(seed, (uint32_t)n)]->id)); break;
    case 5: if (n && draw(seed, 4) == 0) (void)!ok(exchange_drop_held(w->x, h[0]->id)); break;
    case 6: exchange_durable(w->x, w->records); break;
    default: (void)exchange_turn(w->x); break;
    }
}

/* What just went out, against the world as it is now. The storm changes the world and lets things flow in
 * different steps, so that the two can be compared. */
static void promises(struct world *w, const char *released)
{
    for (size_t i = 0; i < w->n; i++) {
        uint32_t link = w->events[i].link;
        if (w->events[i].type != MQTT_PUBLISH) continue;
        struct mqtt_publish p;
        uint8_t reason;
        struct bytes b = bytes_of(w->events[i].at, w->events[i].n);
        CHECK_QUIET(ok(mqtt_read_publish(b, w->version[link], &p, &reason)));
        bool device = registry_identity(w->r, who_of[link])->role == ROLE_DEVICE;
        bool pump = bytes_equal_str(p.topic, PUMP), start = bytes_equal_str(p.payload, START);
        CHECK_QUIET(!bytes_equal_str(p.topic, "sk/v1/w/gw-02/att/evidence"));
        if (!device || !pump || !start) continue;
        const struct limit *l = w->limits.n && w->rows[0].enforced ? &w->rows[0] : NULL;
        CHECK_QUIET(link <= 1);
        CHECK_QUIET(!l || (l->mode != LIMIT_DENY && l->mode != LIMIT_SAFE));
        CHECK_QUIET(!l || l->mode != LIMIT_HOLD || released);
    }
}

static void storm(uint64_t seed)
{
    struct world *w = w_new();
    uint64_t first = seed;
    for (int i = 0; i < 20000; i++) {
        bool site = draw(&seed, 4) == 0;
        size_t holds = exchange_held(w->x, NULL, 0);
        if (site) step_site(w, &seed);
        else step_client(w, &seed, draw(&seed, 6));
        /* a released command that waits in a queue may go in a client's step: told by its verdict */
        bool released = told(w, "command-delivered", "released") > 0 || holds > exchange_held(w->x, NULL, 0);
        promises(w, released ? "yes" : NULL);
        CHECK_QUIET(told(w, "command-delivered", "limit") == 0);
        w_forget(w);
    }
    struct exchange_counts c;
    exchange_count(w->x, &c);
    printf("# seed %llu: received %llu delivered %llu denied %llu held %llu dropped %llu acknowledged %llu\n",
        (unsigned long long)first, (unsigned long long)c.received, (unsigned long long)c.delivered,
        (unsigned long long)c.denied, (unsigned long long)c.held, (unsigned long long)c.dropped,
        (unsigned long long)c.acknowledged);
    CHECK(c.delivered > 500 && c.held > 10 && c.denied > 1000 && c.dropped > 10 && w->x->egress[PATH_QUEUE] > 0);
    for (uint32_t i = 0; i < 6; i++) exchange_down(w->x, i, true);
    exchange_count(w->x, &c);
    CHECK(c.links == 0 && c.sessions == c.offline);
    w->mono += (int64_t)small.session_expiry_s * 1000; /* every session's end */
    (void)exchange_turn(w->x);
    exchange_count(w->x, &c);
    CHECK(c.links == 0 && c.sessions == 0 && c.subscriptions == 0 && w->x->queued_commands == 0);
    for (int i = 0; i < PATHS; i++)
        if (i != PATH_TAP && i != PATH_SERVER && i != PATH_WILL && i != PATH_PAGE && i != PATH_HISTORY) CHECK_QUIET(w->x->egress[i] > 0);
    w_free(w);
}

int main(void)
{
    garbled();
    for (uint64_t seed = 1; seed <= 5; seed++) storm(seed);
    return TEST_END;
}
