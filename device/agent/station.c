#include "device/agent/station.h"

#include <poll.h>
#include <stdio.h>

#include "base/port/port.h"
#include "base/time.h"

enum {
    OUTBOX_COUNT = 2000,
    OUTBOX_BYTES = 512 << 10,
    KEEP_ALIVE_S = 30,
    HEAD_EVERY_MS = 3600000,
};

static void tell(struct station *s, enum station_told what, const char *detail)
{
    if (s->setup.tell != NULL) s->setup.tell(s->setup.ctx, s->state.device, what, detail);
}

static MUST outcome topic_of(const struct station *s, const char *tail, char ret[STATION_TOPIC_MAX])
{
    int n = snprintf(ret, STATION_TOPIC_MAX, "sk/v1/%s/%s/%s", s->state.site, s->state.device, tail);
    return n > 0 && n < STATION_TOPIC_MAX ? DONE : REFUSE(E_TOO_LARGE);
}

outcome station_publish(struct station *s, const char *tail, struct bytes payload, bool retain)
{
    char topic[STATION_TOPIC_MAX];
    TRY(topic_of(s, tail, topic));
    return mqtt_client_publish(&s->mqtt, topic, payload, retain, NULL);
}

outcome station_reading(struct station *s, const struct reading *r, int64_t wall_ms)
{
    char text[READING_MAX], tail[READING_NAME_MAX + 2];
    struct reading numbered = *r;
    if (s->deliver.spool != NULL) numbered.n = deliver_next(&s->deliver);
    TRY(reading_write(&numbered, wall_ms, text, sizeof text));
    snprintf(tail, sizeof tail, "m/%s", r->name);
    if (s->deliver.spool == NULL) return station_publish(s, tail, bytes_str(text), false);
    outcome o = deliver_put(&s->deliver, tail, bytes_str(text), wall_ms);
    if (ok(o)) return DONE;
    tell(s, STATION_NOT_KEPT, code_word(o.code)); /* a disk that takes nothing must not stop what can go now */
    TRY(reading_write(r, wall_ms, text, sizeof text));
    return station_publish(s, tail, bytes_str(text), false);
}

/* s/agent, retained: what stands behind this identity, stated plainly. */
static MUST outcome publish_self(struct station *s)
{
    char text[256];
    struct out o = out_of(text, sizeof text);
    put_fmt(&o, "{\"agent\":\"0.1.0\",\"key\":\"file\",\"simulated\":%s,\"t\":%lld,\"tpm\":%s,\"version\":\"%s\"}",
        s->setup.simulated ? "true" : "false", (long long)port_wall_ms(), s->state.ak.n > 0 ? "true" : "false",
        s->setup.version);
    TRY(out_done(&o));
    return station_publish(s, "s/agent", out_view(&o), true);
}

/* e/head: the head this device keeps, or nothing yet; the newest comes in answer. */
static void show_head(struct station *s)
{
    s->head_next_ms = port_mono_ms() + HEAD_EVERY_MS;
    outcome o = station_publish(s, "e/head", buffer_view(&s->state.head), false);
    if (!ok(o)) tell(s, STATION_REFUSED, code_word(o.code));
}

/* The kept head is only ever replaced by a later one. */
static void on_head(struct station *s, struct bytes given)
{
    enum head_step step;
    outcome o = head_judge(buffer_view(&s->state.head), given, &step);
    if (ok(o) && (step == HEAD_EARLIER || step == HEAD_OTHER)) {
        tell(s, STATION_HEAD_BACK, head_step_word(step));
        return;
    }
    if (!ok(o) || step == HEAD_SAME) return;
    s->state.head.n = 0;
    if (ok(buffer_put(&s->state.head, given))) o = state_store_head(&s->state);
    if (!ok(o)) tell(s, STATION_REFUSED, code_word(o.code));
}

static void on_up(void *ctx)
{
    struct station *s = ctx;
    tell(s, STATION_SESSION, "");
    s->alone_since_ms = 0;
    s->away = false;
    if (s->setup.suffix[0] != 0) return;
    outcome o = publish_self(s);
    if (!ok(o)) tell(s, STATION_REFUSED, code_word(o.code));
    if (s->setup.witness) show_head(s);
}

static void on_down(void *ctx, outcome why, uint8_t reason)
{
    struct station *s = ctx;
    char text[48];
    if (s->alone_since_ms == 0) s->alone_since_ms = port_mono_ms();
    s->challenged = false; /* its nonce belonged to that session */
    snprintf(text, sizeof text, "%s 0x%02x", code_word(why.code), reason);
    tell(s, STATION_DOWN, text);
}

static void on_acknowledged(void *ctx, uint32_t ticket, uint8_t reason, struct bytes why)
{
    struct station *s = ctx;
    char text[96];
    (void)why;
    bool evidence = ticket == s->evidence_ticket && ticket != 0;
    if (evidence) s->evidence_acknowledged = reason < 0x80;
    if (reason < 0x80) return;
    if (evidence) s->evidence_ticket = 0;
    snprintf(text, sizeof text, "0x%02x", reason);
    tell(s, STATION_REFUSED, text);
}

static enum command_result simulate(struct station *s, const struct command *c)
{
    bool start = strcmp(c->act, "start") == 0, stop = strcmp(c->act, "stop") == 0;
    if (!start && !stop && strcmp(c->act, "set") != 0) return COMMAND_UNKNOWN;
    if (start || stop) s->simulated_pump = start;
    return COMMAND_DONE;
}

enum command_result station_execute(struct station *s, const struct command *c)
{
    uint16_t raw;
    if (s->setup.simulated) return simulate(s, c);
    const struct map_write *w = s->setup.controller == NULL
        ? NULL : map_file_write_find(s->setup.map, c->name, c->act);
    if (w == NULL) return COMMAND_UNKNOWN;
    if (w->given && !c->has_value) return COMMAND_MALFORMED;
    if (!ok(map_file_raw(w, c->value_milli, &raw))) return COMMAND_RANGE;
    return ok(controller_write(s->setup.controller, w, raw)) ? COMMAND_DONE : COMMAND_FAILED;
}

static void on_command(struct station *s, struct bytes name, struct bytes payload)
{
    struct command c;
    struct buffer receipt = BUFFER(8192);
    char tail[READING_NAME_MAX + 16];
    enum command_result result = COMMAND_MALFORMED;
    if (ok(command_read(name, payload, &c))) {
        result = command_judge(&c, &s->seen, port_wall_ms());
        if (result == COMMAND_DONE) result = station_execute(s, &c);
    }
    tell(s, STATION_COMMAND, command_result_word(result));
    outcome o = c.name[0] == 0 ? REFUSE(E_MALFORMED)
                               : receipt_write(&c, result, s->state.device, s->state.key, port_wall_ms(), &receipt);
    snprintf(tail, sizeof tail, "cmd/%s/reply", c.name);
    if (ok(o)) o = station_publish(s, tail, buffer_view(&receipt), false);
    if (!ok(o)) tell(s, STATION_REFUSED, code_word(o.code));
    buffer_deinit(&receipt);
}

static void on_message(void *ctx, const struct mqtt_publish *m)
{
    struct station *s = ctx;
    struct challenge c;
    if (s->setup.challenges && bytes_equal_str(m->topic, s->filter_challenge)) {
        if (!ok(challenge_read(m->payload, &c))) return;
        bool again = memcmp(c.nonce, s->challenge.nonce, sizeof c.nonce) == 0 && c.pcrs == s->challenge.pcrs;
        if (again && s->evidence_ticket != 0) return; /* asked again, answered already: QoS 1 brings it there */
        s->challenge = c; /* a newer one replaces an unanswered one */
        s->challenged = true;
        return;
    }
    if (s->setup.witness && bytes_equal_str(m->topic, s->filter_head)) {
        on_head(s, m->payload);
        return;
    }
    if (s->setup.renews && bytes_equal_str(m->topic, s->filter_renew)) {
        renewal_called(&s->renewal, &s->state, m->payload);
        return;
    }
    size_t base = strlen(s->filter_command) - 1; /* without "+" */
    if (!s->setup.commands || m->topic.n <= base || memcmp(m->topic.at, s->filter_command, base) != 0) return;
    struct bytes name = bytes_of(m->topic.at + base, m->topic.n - base);
    if (memchr(name.at, '/', name.n) == NULL && !m->retain) on_command(s, name, m->payload);
}

static MUST outcome setup_mqtt(struct station *s)
{
    struct mqtt_client_config c = { .tls = s->tls, .host = s->state.host, .port = s->state.mqtt_port,
        .client_id = s->client_id, .keep_alive_s = KEEP_ALIVE_S, .outbox_count_max = OUTBOX_COUNT,
        .outbox_bytes_max = OUTBOX_BYTES,
        .events = { s, on_up, on_down, on_message, on_acknowledged, NULL } };
    TRY(topic_of(s, "cmd/+", s->filter_command));
    TRY(topic_of(s, "att/challenge", s->filter_challenge));
    TRY(topic_of(s, "cfg/head", s->filter_head));
    TRY(topic_of(s, "cfg/renew", s->filter_renew));
    if (s->setup.renews) c.filters[c.n_filters++] = s->filter_renew;
    if (s->setup.witness) c.filters[c.n_filters++] = s->filter_head;
    if (s->setup.commands) c.filters[c.n_filters++] = s->filter_command;
    if (s->setup.challenges) c.filters[c.n_filters++] = s->filter_challenge;
    snprintf(s->client_id, sizeof s->client_id, "%s%s", s->state.device, s->setup.suffix);
    mqtt_client_init(&s->mqtt, &c);
    return DONE;
}

static MUST outcome setup_buffer(struct station *s)
{
    char dir[AGENT_PATH_MAX + 16];
    struct spool *spool = NULL;
    struct deliver_setup d = { .tls = s->tls, .host = s->state.host, .port = s->state.mqtt_port, .site = s->state.site,
        .device = s->state.device, .key = s->state.key, .sync_ms = s->setup.sync_ms };
    if (s->setup.buffer_bytes == 0) return DONE;
    snprintf(dir, sizeof dir, "%s/%s", s->state.dir, STATE_BUFFER);
    TRY(spool_open(dir, s->setup.buffer_bytes, &spool));
    return deliver_init(&s->deliver, spool, &d);
}

outcome station_init(struct station *s, struct state *state, const struct station_setup *setup)
{
    *s = (struct station) { .setup = *setup, .state = *state, .renewal = { .line = { .state = LINE_CLOSED, .fd = -1 } } };
    *state = (struct state) { 0 };
    outcome o = tls_client_new(buffer_view(&s->state.authority), NULL, buffer_view(&s->state.certificate),
        s->state.key, &s->tls);
    if (ok(o)) o = setup_mqtt(s);
    if (ok(o)) o = setup_buffer(s);
    s->alone_since_ms = port_mono_ms();
    if (ok(o)) o = renewal_plan(&s->renewal, &s->state);
    if (!ok(o)) station_deinit(s);
    return o;
}

void station_deinit(struct station *s)
{
    if (s->mqtt.config.host != NULL) mqtt_client_deinit(&s->mqtt);
    deliver_deinit(&s->deliver);
    renewal_deinit(&s->renewal);
    if (s->tls != NULL) tls_context_free(s->tls);
    s->tls = NULL;
    state_free(&s->state);
}

/* The next sessions show the new certificate; this one ends now, what waits to be sent stays. */
static MUST outcome renewed(struct station *s)
{
    struct tls_context *next = NULL;
    char until[TIME_TEXT];
    TRY(tls_client_new(buffer_view(&s->state.authority), NULL, buffer_view(&s->state.certificate), s->state.key, &next));
    mqtt_client_stop(&s->mqtt);
    if (s->deliver.spool != NULL) mqtt_client_stop(&s->deliver.mqtt);
    tls_context_free(s->tls);
    s->tls = s->mqtt.config.tls = s->deliver.mqtt.config.tls = next;
    time_text(s->state.not_after_ms, until);
    tell(s, STATION_RENEWED, until);
    return DONE;
}

/* Long enough without the site: the settings that the map declares safe, once, until a session is there again. */
static void alone(struct station *s, int64_t now_ms)
{
    const struct map_file *m = s->setup.map;
    uint16_t raw;
    if (s->setup.controller == NULL || m->away_s == 0 || s->away || s->alone_since_ms == 0) return;
    if (now_ms - s->alone_since_ms < m->away_s * INT64_C(1000)) return;
    const struct map_write *w = map_file_write_find(m, m->away_name, m->away_act); /* checked when the file was read */
    outcome o = map_file_raw(w, 0, &raw);
    if (ok(o)) o = controller_write(s->setup.controller, w, raw);
    tell(s, STATION_ALONE, ok(o) ? m->away_act : code_word(o.code));
    if (!ok(o)) return; /* again at the next turn */
    s->away = true;
    struct reading r = { .name = "away", .scaled = (now_ms - s->alone_since_ms) / 1000, .unit = "s" };
    o = station_reading(s, &r, port_wall_ms());
    if (!ok(o)) tell(s, STATION_NOT_KEPT, code_word(o.code));
}

void station_polls(const struct station *s, struct pollfd *ret)
{
    ret[0] = (struct pollfd) { mqtt_client_fd(&s->mqtt), mqtt_client_poll_events(&s->mqtt), 0 };
    ret[1] = (struct pollfd) { renewal_fd(&s->renewal), renewal_events(&s->renewal), 0 };
    ret[2] = (struct pollfd) { -1, 0, 0 };
    if (s->deliver.spool != NULL)
        ret[2] = (struct pollfd) { mqtt_client_fd(&s->deliver.mqtt), mqtt_client_poll_events(&s->deliver.mqtt), 0 };
}

int station_wait_ms(const struct station *s, int64_t now_ms)
{
    int wait = mqtt_client_wait_ms(&s->mqtt, now_ms), w;
    if (s->setup.renews && (w = renewal_wait_ms(&s->renewal, now_ms, port_wall_ms())) < wait) wait = w;
    if (s->deliver.spool != NULL && (w = deliver_wait_ms(&s->deliver, now_ms)) < wait) wait = w;
    return wait;
}

static short found(const struct pollfd *p)
{
    return p->fd >= 0 ? p->revents : 0;
}

void station_turn(struct station *s, const struct pollfd *polled, int64_t now_ms)
{
    bool fresh = false;
    short renewal = found(&polled[1]);
    mqtt_client_turn(&s->mqtt, found(&polled[0]), now_ms);
    if (s->deliver.spool != NULL) deliver_turn(&s->deliver, found(&polled[2]), now_ms);
    alone(s, now_ms);
    if (s->setup.witness && s->head_next_ms && now_ms >= s->head_next_ms) show_head(s);
    if (!s->setup.renews) return;
    outcome o = renewal_turn(&s->renewal, &s->state, s->tls, renewal, &fresh);
    if (ok(o) && fresh) o = renewed(s);
    if (!ok(o)) tell(s, STATION_NOT_RENEWED, code_word(o.code));
}

void station_answer(struct station *s, struct tpm *t)
{
    struct buffer json = BUFFER(8192);
    char topic[STATION_TOPIC_MAX];
    s->challenged = false;
    s->evidence_ticket = 0;
    outcome o = evidence_write(t, buffer_view(&s->state.ak), &s->challenge, s->setup.version, &json);
    if (ok(o)) o = topic_of(s, "att/evidence", topic);
    if (ok(o)) o = mqtt_client_publish(&s->mqtt, topic, buffer_view(&json), false, &s->evidence_ticket);
    tell(s, ok(o) ? STATION_EVIDENCE : STATION_NO_EVIDENCE, ok(o) ? "" : code_word(o.code));
    buffer_deinit(&json);
}
