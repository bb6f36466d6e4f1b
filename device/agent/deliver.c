#include "device/agent/deliver.h"

#include <stdio.h>

#include "base/port/port.h"
#include "wire/origin.h"

enum {
    SYNC_ROWS = DELIVER_WINDOW / 2, /* so many wait for no interval */
    RESUME_S = 30 * 86400,
    KEEP_ALIVE_S = 30,
    IDS = 65535,
};

static uint16_t id_of(uint64_t n)
{
    return (uint16_t)(1 + (n - 1) % IDS);
}

static void sync_soon(struct deliver *d, int64_t at_ms)
{
    if (d->sync_at_ms == 0 || at_ms < d->sync_at_ms) d->sync_at_ms = at_ms;
}

static void under_way_add(struct deliver *d, uint64_t n, enum deliver_stage stage)
{
    assert(d->under_way_n < 2 * DELIVER_WINDOW);
    d->under_way[d->under_way_n].n = n;
    d->under_way[d->under_way_n++].stage = stage;
}

static void under_way_drop(struct deliver *d, size_t i)
{
    memmove(&d->under_way[i], &d->under_way[i + 1], (d->under_way_n - i - 1) * sizeof d->under_way[0]);
    d->under_way_n--;
}

/* The session may be there still: identifiers it holds are freed, what it may not have comes again. */
static void on_up(void *ctx)
{
    struct deliver *d = ctx;
    uint64_t taken = spool_is_taken(d->spool), done = spool_is_done(d->spool);
    d->down_since_ms = 0;
    d->was_up = true;
    d->under_way_n = 0;
    d->again_to = d->mqtt.present ? taken + DELIVER_WINDOW : 0;
    d->sent = taken;
    if (!d->mqtt.present) spool_done(d->spool, taken);
    else if (taken - done > DELIVER_WINDOW) done = taken - DELIVER_WINDOW; /* gaps between: never under way */
    for (uint64_t n = done + 1; d->mqtt.present && n <= taken; n++) under_way_add(d, n, DELIVER_TAKEN);
    sync_soon(d, port_mono_ms());
}

static void on_down(void *ctx, outcome why, uint8_t reason)
{
    struct deliver *d = ctx;
    (void)why, (void)reason;
    if (d->down_since_ms == 0) d->down_since_ms = port_mono_ms();
    d->under_way_n = 0;
}

static bool comes_later(uint8_t reason)
{
    return reason == MQTT_QUOTA || reason == MQTT_BUSY || reason == MQTT_UNAVAILABLE || reason == MQTT_UNSPECIFIED ||
        reason == MQTT_IMPLEMENTATION || reason == MQTT_RATE;
}

static size_t find(const struct deliver *d, uint16_t id)
{
    size_t i = 0;
    while (i < d->under_way_n && id_of(d->under_way[i].n) != id) i++;
    return i;
}

/* Up to where everything was taken: what is still under way stands before it. */
static void taken_on(struct deliver *d)
{
    uint64_t n = d->sent;
    for (size_t i = 0; i < d->under_way_n; i++) {
        if (d->under_way[i].stage != DELIVER_SENT) continue;
        n = d->under_way[i].n - 1;
        break;
    }
    spool_taken(d->spool, n);
}

static void on_received(void *ctx, uint16_t id, uint8_t reason)
{
    struct deliver *d = ctx;
    size_t i = find(d, id);
    if (i == d->under_way_n || d->under_way[i].stage != DELIVER_SENT) return;
    if (reason >= MQTT_UNSPECIFIED && comes_later(reason)) {
        d->mqtt.line.ended = true; /* not now: the next session begins with it */
        return;
    }
    if (reason >= MQTT_UNSPECIFIED) { /* never: the site has written down why; what is behind it shall not wait */
        d->refused++;
        under_way_drop(d, i);
    } else {
        d->under_way[i].stage = DELIVER_TAKEN;
    }
    taken_on(d);
    sync_soon(d, port_mono_ms() + d->sync_ms);
}

static void on_completed(void *ctx, uint16_t id, uint8_t reason)
{
    struct deliver *d = ctx;
    size_t i = find(d, id);
    (void)reason; /* unknown there: freed already */
    if (i == d->under_way_n || d->under_way[i].stage != DELIVER_RELEASED) return;
    under_way_drop(d, i);
    uint64_t taken = spool_is_taken(d->spool);
    uint64_t n = d->under_way_n > 0 ? d->under_way[0].n - 1 : taken;
    spool_done(d->spool, n < taken ? n : taken);
}

/* What no batch covers, from what is kept: after the newest batch, or all of it where that one went. */
static MUST outcome origin_resume(struct deliver *d)
{
    struct spool_row r;
    uint64_t after = 0;
    outcome o;
    while (ok(o = spool_read(d->spool, after, &r))) { /* ends: numbers grow */
        bool batch = bytes_equal_str(r.tail, ORIGIN_TAIL);
        if (batch) origin_clear(&d->origin);
        o = origin_add(&d->origin, r.n, r.tail, r.payload, port_mono_ms());
        if (o.code == E_FULL || o.code == E_CONFLICT) { /* a hole, or signing failed for long: begin again */
            origin_clear(&d->origin);
            o = origin_add(&d->origin, r.n, r.tail, r.payload, port_mono_ms());
        }
        TRY(o);
        after = r.n;
    }
    spool_hold(d->spool, d->origin.count > 0 ? d->origin.first - 1 : after);
    return o.code == E_UNKNOWN ? DONE : o;
}

outcome deliver_init(struct deliver *d, struct spool *s, const struct deliver_setup *setup)
{
    *d = (struct deliver) { .spool = s, .sync_ms = setup->sync_ms, .key = setup->key, .site = setup->site, .device = setup->device, .synced = spool_next(s) - 1, .down_since_ms = port_mono_ms() };
    int n = snprintf(d->prefix, sizeof d->prefix, "sk/v1/%s/%s/", setup->site, setup->device);
    if (n < 0 || (size_t)n >= sizeof d->prefix) return REFUSE(E_TOO_LARGE);
    snprintf(d->client_id, sizeof d->client_id, "%s/data", setup->device);
    struct mqtt_client_config c = { .tls = setup->tls, .host = setup->host, .port = setup->port, .client_id = d->client_id,
        .keep_alive_s = KEEP_ALIVE_S, .resume_s = RESUME_S,
        .events = { .ctx = d, .up = on_up, .down = on_down, .received = on_received, .completed = on_completed } };
    mqtt_client_init(&d->mqtt, &c);
    return origin_resume(d);
}

void deliver_deinit(struct deliver *d)
{
    if (d->mqtt.config.host != NULL) mqtt_client_deinit(&d->mqtt);
    spool_free(d->spool);
    *d = (struct deliver) { 0 };
}

/* The row is kept; its leaf joins the next batch. */
static MUST outcome put_row(struct deliver *d, const char *tail, struct bytes payload, int64_t wall_ms)
{
    uint64_t n = spool_next(d->spool);
    int64_t now_ms = port_mono_ms();
    TRY(spool_put(d->spool, tail, payload, wall_ms));
    outcome o = origin_add(&d->origin, n, bytes_str(tail), payload, now_ms);
    if (o.code == E_FULL || o.code == E_CONFLICT) { /* signing fails: what is too much stays without */
        origin_clear(&d->origin);
        o = origin_add(&d->origin, n, bytes_str(tail), payload, now_ms);
    }
    return o;
}

static MUST outcome batch_put(struct deliver *d)
{
    struct buffer b = BUFFER(SPOOL_PAYLOAD_MAX);
    outcome o = origin_sign(&d->origin, d->site, d->device, d->key, &b);
    if (ok(o)) {
        origin_clear(&d->origin);
        uint64_t n = spool_next(d->spool);
        o = put_row(d, ORIGIN_TAIL, buffer_view(&b), port_wall_ms());
        if (ok(o)) spool_hold(d->spool, n - 1);
        sync_soon(d, port_mono_ms() + d->sync_ms);
    }
    buffer_deinit(&b);
    return o;
}

/* Not a key that signs so: nothing is held for a batch. */
static void unsigned_on(struct deliver *d)
{
    d->key = NULL;
    spool_hold(d->spool, UINT64_MAX);
}

/* After the row that made it due: numbers given out by deliver_next stay true. */
static MUST outcome batch_when_due(struct deliver *d, int64_t now_ms)
{
    if (d->key == NULL || !origin_due(&d->origin, now_ms)) return DONE;
    outcome o = batch_put(d);
    if (o.code != E_UNSUPPORTED) return o;
    unsigned_on(d);
    return DONE;
}

outcome deliver_put(struct deliver *d, const char *tail, struct bytes payload, int64_t wall_ms)
{
    int64_t now_ms = port_mono_ms();
    TRY(put_row(d, tail, payload, wall_ms));
    bool many = spool_next(d->spool) - 1 - d->synced >= SYNC_ROWS;
    sync_soon(d, many ? now_ms : now_ms + d->sync_ms);
    outcome o = batch_when_due(d, now_ms);
    (void)o; /* the row itself is kept; the batch is tried again at the next turn */
    return DONE;
}

/* e/gap: what the buffer had to give up, by number and time. A row of its own, so that it is kept like any other. */
static MUST outcome tell_gap(struct deliver *d)
{
    struct spool_gap g = *spool_gap(d->spool);
    char text[240];
    int64_t wall_ms = port_wall_ms();
    if (g.to == 0) return DONE;
    struct out o = out_of(text, sizeof text);
    put_fmt(&o, "{\"n\":%llu,\"t\":%lld,\"from\":%llu,\"to\":%llu,\"lost\":%llu,\"since\":%lld,\"until\":%lld}",
        (unsigned long long)spool_next(d->spool), (long long)wall_ms, (unsigned long long)g.from, (unsigned long long)g.to,
        (unsigned long long)(g.to - g.from + 1), (long long)g.since_ms, (long long)g.until_ms);
    TRY(out_done(&o));
    TRY(deliver_put(d, "e/gap", out_view(&o), wall_ms));
    return spool_gap_told(d->spool, &g);
}

static MUST outcome sync_now(struct deliver *d)
{
    d->sync_at_ms = 0;
    TRY(spool_sync(d->spool));
    d->synced = spool_next(d->spool) - 1;
    for (size_t i = 0; i < d->under_way_n && d->mqtt.state == MQTT_UP; i++) {
        if (d->under_way[i].stage != DELIVER_TAKEN) continue;
        TRY(mqtt_client_release(&d->mqtt, id_of(d->under_way[i].n)));
        d->under_way[i].stage = DELIVER_RELEASED;
    }
    return DONE;
}

static MUST outcome send_rows(struct deliver *d)
{
    size_t window = d->mqtt.window < DELIVER_WINDOW ? d->mqtt.window : DELIVER_WINDOW;
    char topic[DELIVER_TOPIC_MAX];
    struct spool_row r;
    while (d->mqtt.state == MQTT_UP && d->under_way_n < window && d->sent < d->synced) { /* ends: sent grows */
        outcome o = spool_read(d->spool, d->sent, &r);
        if (o.code == E_UNKNOWN || (ok(o) && r.n > d->synced)) return DONE;
        TRY(o);
        snprintf(topic, sizeof topic, "%s%.*s", d->prefix, (int)r.tail.n, (const char *)r.tail.at);
        TRY(mqtt_client_publish_twice(&d->mqtt, id_of(r.n), topic, r.payload, r.n <= d->again_to));
        under_way_add(d, r.n, DELIVER_SENT);
        d->sent = r.n;
    }
    return DONE;
}

int deliver_wait_ms(const struct deliver *d, int64_t now_ms)
{
    int wait = mqtt_client_wait_ms(&d->mqtt, now_ms);
    int origin = d->key != NULL ? origin_wait_ms(&d->origin, now_ms) : -1;
    if (origin >= 0 && origin < wait) wait = origin;
    if (d->sync_at_ms == 0) return wait;
    int64_t left = d->sync_at_ms <= now_ms ? 0 : d->sync_at_ms - now_ms;
    return left < wait ? (int)left : wait;
}

static size_t waiting_for_release(const struct deliver *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->under_way_n; i++) n += d->under_way[i].stage == DELIVER_TAKEN;
    return n;
}

void deliver_turn(struct deliver *d, short revents, int64_t now_ms)
{
    outcome o = DONE;
    mqtt_client_turn(&d->mqtt, revents, now_ms);
    if (d->mqtt.state == MQTT_UP && spool_gap(d->spool)->to != 0) o = tell_gap(d);
    if (ok(o)) o = batch_when_due(d, now_ms);
    bool now = (d->sync_at_ms != 0 && now_ms >= d->sync_at_ms) || waiting_for_release(d) >= SYNC_ROWS;
    if (ok(o) && now) o = sync_now(d);
    if (ok(o)) o = send_rows(d);
    if (!ok(o) && d->mqtt.state == MQTT_UP) d->mqtt.line.ended = true; /* the buffer or the link: begin again, later */
    if (!ok(o)) sync_soon(d, now_ms + 1000);
}

int64_t deliver_alone_ms(const struct deliver *d, int64_t now_ms)
{
    return d->down_since_ms == 0 ? 0 : now_ms - d->down_since_ms;
}
