/* The k-th allocation fails, for every k (N58): no crash, no leak (run under ASan), no false acknowledgement, and the
 * world goes on. */
#include "platform/exchange_fixture.h"

/* Without CHECKs on outcomes: any step may be refused. */
static void story(struct world *w)
{
    struct mqtt_connect c = { .version = 5, .clean_start = true, .client_id = BYTES_LIT("gw-03"), .has_will = true,
        .will_topic = BYTES_LIT("sk/v1/w/gw-03/s/up"), .will_payload = BYTES_LIT("0"), .will_retain = true };
    struct buffer b = BUFFER(4096);
    w->version[GW3] = 5;
    if (ok(exchange_up(w->x, GW3, registry_identity(w->r, "gw-03"))) && ok(mqtt_write_connect(&c, &b)))
        (void)!ok(exchange_packet(w->x, GW3, buffer_view(&b)));
    buffer_deinit(&b);
    for (int i = 0; i < 3; i++) (void)!ok(c_publish(w, OP, PUMP, START, 1));
    (void)!ok(c_retain(w, GW, STATE, "on"));
    (void)!ok(c_subscribe(w, V, "sk/v1/w/+/s/#", 1));
    for (int i = 0; i < 6; i++) (void)!ok(c_publish(w, GW, "sk/v1/w/gw-02/m/x", "1", 1));
    w_limit(w, LIMIT_HOLD, true);
    (void)!ok(c_publish(w, OP, PUMP, START, 1));
    (void)!ok(exchange_release(w->x, "H-1"));
    exchange_down(w->x, GW3, false);
    exchange_durable(w->x, w->records);
    w_limit(w, LIMIT_NONE, true);
}

/* How often the last k met no allocation any more. */
static bool round_of(uint64_t k)
{
    struct world *w = w_plant(5);
    mem_count();
    mem_fail_at(k);
    story(w);
    mem_fail_at(0);
    uint64_t used = mem_count();
    /* every QoS 1 publish of a recorded stream that was acknowledged with success was recorded */
    size_t good = 0;
    for (size_t i = 0; i < w->n; i++) {
        struct mqtt_ack a;
        uint8_t reason;
        if (w->events[i].link != OP || w->events[i].type != MQTT_PUBACK) continue;
        CHECK_QUIET(ok(mqtt_read_ack(bytes_of(w->events[i].at, w->events[i].n), 5, &a, &reason)));
        good += a.reason == 0;
    }
    CHECK_QUIET(good <= w->records);
    w_forget(w);
    exchange_down(w->x, OP2, true);
    CHECK_QUIET(ok(c_connect(w, OP2, "op2", "op2", 5)) && ok(c_subscribe(w, OP2, "sk/v1/w/+/m/#", 1)));
    if (session_on(w->x, GW)) CHECK_QUIET(ok(c_publish(w, GW, FLOW, "1", 0)) && got(w, OP2, MQTT_PUBLISH) == 1);
    w_free(w);
    return used >= k;
}

int main(void)
{
    uint64_t k = 1;
    while (k < 5000 && round_of(k)) k++;
    printf("# %llu allocations failed in turn\n", (unsigned long long)(k - 1));
    CHECK(k > 50 && k < 5000);
    for (k = 1; k < 12; k++) {
        struct world w = { 0 };
        struct exchange_port port = w_port(&w);
        struct exchange *x = NULL;
        mem_fail_at(k);
        outcome o = exchange_new(&w.access, &port, &small, &x);
        mem_fail_at(0);
        CHECK_QUIET(ok(o) || o.code == E_MEMORY);
        exchange_free(x);
    }
    return TEST_END;
}
