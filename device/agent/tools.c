/* The agent's short verbs: one thing, then the exit code. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/port/port.h"
#include "base/time.h"
#include "device/agent/invite.h"
#include "device/agent/join.h"
#include "device/agent/run.h"
#include "device/agent/say.h"
#include "device/agent/spool.h"

enum { TIMEOUT_S = 15 };

static int64_t deadline(const struct options *o)
{
    return port_mono_ms() + (o->timeout_s != 0 ? o->timeout_s : TIMEOUT_S) * INT64_C(1000);
}

static void say_state(const struct options *o, const struct state *s)
{
    char until[TIME_TEXT], server[AGENT_HOST_MAX + 8];
    time_text(s->not_after_ms, until);
    snprintf(server, sizeof server, "%s:%u", s->host, s->mqtt_port);
    say(stdout, o->japanese, SAY_DEVICE, s->device);
    say(stdout, o->japanese, SAY_SITE, s->site);
    say(stdout, o->japanese, SAY_SERVER, server);
    say(stdout, o->japanese, SAY_UNTIL, until);
    say(stdout, o->japanese, SAY_KEY_FILE, "");
    say(stdout, o->japanese, s->ak.n > 0 ? SAY_TPM : SAY_NO_TPM, s->tcti);
}

/* What waits, as the files say; an agent that runs may be ahead of it. */
static void say_buffer(const struct options *o, const struct state *s)
{
    char dir[AGENT_PATH_MAX + 16], text[64];
    struct spool_gap gap;
    uint64_t waiting;
    snprintf(dir, sizeof dir, "%s/%s", s->dir, STATE_BUFFER);
    if (!ok(spool_look(dir, &waiting, &gap))) return;
    snprintf(text, sizeof text, "%llu", (unsigned long long)waiting);
    say(stdout, o->japanese, SAY_BUFFER, text);
    if (gap.to == 0) return;
    snprintf(text, sizeof text, "%llu-%llu", (unsigned long long)gap.from, (unsigned long long)gap.to);
    say(stdout, o->japanese, SAY_BUFFER_GAP, text);
}

int tools_join(const struct options *o)
{
    struct tpm *t = NULL;
    struct state s = { 0 };
    outcome done = o->tcti == NULL ? DONE : tpm_open(o->tcti, &t);
    if (ok(done) && t != NULL) done = tpm_start(t);
    if (!ok(done)) {
        tpm_close(t);
        return say_error(o->japanese, done, o->tcti);
    }
    done = join_site(o->words[0], o->state_dir, t, o->tcti != NULL ? o->tcti : "");
    tpm_close(t);
    if (ok(done)) done = state_load(o->state_dir, &s);
    if (!ok(done)) {
        struct invitation i;
        char where[AGENT_HOST_MAX + 16] = "join"; /* where it wanted to go; never the token */
        if (ok(invitation_read(bytes_str(o->words[0]), &i)))
            snprintf(where, sizeof where, strchr(i.host, ':') ? "[%s]:%u" : "%s:%u", i.host, i.port);
        explicit_bzero(&i, sizeof i);
        return say_error(o->japanese, done, where);
    }
    say(stdout, o->japanese, SAY_JOINED, "");
    say_state(o, &s);
    state_free(&s);
    return 0;
}

int tools_boot(const struct options *o)
{
    struct tpm *t = NULL;
    struct state s = { 0 };
    uint8_t pcr[32];
    char hex[65], tcti[sizeof s.tcti] = "";
    outcome done = DONE;
    if (o->tcti != NULL) done = bytes_to_text(bytes_str(o->tcti), tcti, sizeof tcti);
    else if (ok(done = state_load(o->state_dir, &s))) memcpy(tcti, s.tcti, sizeof tcti);
    state_free(&s);
    if (ok(done) && tcti[0] == 0) done = REFUSE(E_UNSUPPORTED);
    if (ok(done) && o->power_cycle != NULL) done = tpm_power_cycle(tcti);
    if (ok(done)) done = tpm_open(tcti, &t);
    if (ok(done)) done = boot_measure(t, o->image, pcr);
    tpm_close(t);
    if (done.code == E_CONFLICT) {
        say(stderr, o->japanese, SAY_BOOTED_BEFORE, "");
        return say_exit_code(done);
    }
    if (!ok(done)) return say_error(o->japanese, done, o->image);
    hex_of(bytes_of(pcr, 32), hex);
    say(stdout, o->japanese, SAY_BOOTED, hex);
    return 0;
}

int tools_status(const struct options *o)
{
    struct state s = { 0 };
    outcome done = state_load(o->state_dir, &s);
    if (!ok(done)) return say_error(o->japanese, done, o->state_dir);
    say_state(o, &s);
    say_buffer(o, &s);
    bool expired = port_wall_ms() >= s.not_after_ms;
    if (expired) say(stdout, o->japanese, SAY_EXPIRED, "");
    state_free(&s);
    return expired ? 3 : 0;
}

int tools_attest(const struct options *o)
{
    struct state state = { 0 };
    struct station s;
    int signal_number = 0;
    struct station_setup setup = { .version = o->version != NULL ? o->version : "", .suffix = "/attest",
        .challenges = true, .ctx = (void *)o, .tell = run_tell };
    outcome done = state_load(o->state_dir, &state);
    if (ok(done) && state.ak.n == 0) {
        state_free(&state);
        done = REFUSE(E_UNSUPPORTED);
    }
    if (ok(done)) done = station_init(&s, &state, &setup);
    if (!ok(done)) return say_error(o->japanese, done, o->state_dir);
    struct loop l = { .stations = &s, .n = 1, .tcti = o->tcti != NULL ? o->tcti : s.state.tcti,
        .until_ms = deadline(o), .until_evidence = true };
    done = loop_run(&l, &signal_number);
    station_deinit(&s);
    if (!ok(done)) return say_error(o->japanese, done, "att/challenge");
    return signal_number == SIGINT ? 130 : 0;
}

/* pub and sub: one client, one purpose. */
struct errand {
    const struct options *o;
    struct state state;
    struct tls_context *tls;
    struct mqtt_client mqtt;
    char client_id[96], topic[STATION_TOPIC_MAX];
    uint32_t ticket, arrived, wanted;
    bool ended;
    int exit_code;
};

static void errand_acknowledged(void *ctx, uint32_t ticket, uint8_t reason, struct bytes why)
{
    struct errand *e = ctx;
    char text[160] = "";
    if (ticket != e->ticket) return;
    e->ended = true;
    if (reason < 0x80) return;
    struct out t = out_of(text, sizeof text - 1);
    put_fmt(&t, "0x%02x %.*s", reason, (int)(why.n < 120 ? why.n : 120), (const char *)why.at);
    text[t.n] = 0;
    say(stderr, e->o->japanese, SAY_SERVER_REFUSED, text);
    e->exit_code = 3;
}

static void errand_subscribed(void *ctx, const uint8_t *codes, size_t n)
{
    struct errand *e = ctx;
    char text[8];
    if (n == 1 && codes[0] < 0x80) return;
    snprintf(text, sizeof text, "0x%02x", n == 1 ? codes[0] : 0);
    say(stderr, e->o->japanese, SAY_SERVER_REFUSED, text);
    e->ended = true;
    e->exit_code = 3;
}

static void errand_message(void *ctx, const struct mqtt_publish *m)
{
    struct errand *e = ctx;
    if (e->ended) return; /* as many as were asked for */
    fwrite(m->topic.at, 1, m->topic.n, stdout);
    fputc(' ', stdout);
    fwrite(m->payload.at, 1, m->payload.n, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    if (++e->arrived == e->wanted) e->ended = true;
}

static void errand_down(void *ctx, outcome why, uint8_t reason)
{
    struct errand *e = ctx;
    (void)why;
    if (reason < 0x80) return; /* the network: tried again */
    char text[8];
    snprintf(text, sizeof text, "0x%02x", reason);
    say(stderr, e->o->japanese, SAY_SERVER_REFUSED, text);
    e->ended = true;
    e->exit_code = reason == MQTT_NOT_AUTHORIZED || reason == MQTT_BANNED ? 3 : 1;
}

static MUST outcome errand_open(const struct options *o, struct errand *e, const char *verb, bool subscribe)
{
    uint32_t number;
    TRY(state_load(o->state_dir, &e->state));
    TRY(tls_client_new(buffer_view(&e->state.authority), NULL, buffer_view(&e->state.certificate), e->state.key,
        &e->tls));
    bool absolute = strncmp(o->words[0], "sk/", 3) == 0 || o->words[0][0] == '$' || o->words[0][0] == '#';
    int n = absolute ? snprintf(e->topic, sizeof e->topic, "%s", o->words[0])
                     : snprintf(e->topic, sizeof e->topic, "sk/v1/%s/%s/%s", e->state.site, e->state.device, o->words[0]);
    if (n < 0 || (size_t)n >= sizeof e->topic) return REFUSE(E_USAGE);
    port_random(&number, sizeof number);
    snprintf(e->client_id, sizeof e->client_id, "%s/%s-%08x", e->state.device, verb, number);
    struct mqtt_client_config c = { .tls = e->tls, .host = e->state.host, .port = e->state.mqtt_port,
        .client_id = e->client_id, .keep_alive_s = 30, .outbox_count_max = 4, .outbox_bytes_max = 1 << 20,
        .n_filters = subscribe, .filters = { e->topic },
        .events = { e, NULL, errand_down, errand_message, errand_acknowledged, errand_subscribed } };
    mqtt_client_init(&e->mqtt, &c);
    return DONE;
}

static void errand_close(struct errand *e)
{
    if (e->mqtt.config.host != NULL) mqtt_client_deinit(&e->mqtt);
    if (e->tls != NULL) tls_context_free(e->tls);
    state_free(&e->state);
}

static MUST outcome errand_run(struct errand *e, int64_t until_ms)
{
    while (!e->ended) {
        int64_t now_ms = port_mono_ms();
        if (until_ms != 0 && now_ms >= until_ms) return REFUSE(E_TIMEOUT);
        struct pollfd p = { mqtt_client_fd(&e->mqtt), mqtt_client_poll_events(&e->mqtt), 0 };
        int wait = mqtt_client_wait_ms(&e->mqtt, now_ms);
        if (until_ms != 0 && until_ms - now_ms < wait) wait = (int)(until_ms - now_ms);
        if (poll(&p, 1, wait) < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
        mqtt_client_turn(&e->mqtt, p.revents, port_mono_ms());
    }
    return DONE;
}

int tools_publish(const struct options *o)
{
    struct errand e = { .o = o };
    outcome done = errand_open(o, &e, "pub", false);
    if (ok(done)) done = mqtt_client_publish(&e.mqtt, e.topic, bytes_str(o->words[1]), false, &e.ticket);
    if (ok(done)) done = errand_run(&e, deadline(o));
    errand_close(&e);
    return ok(done) ? e.exit_code : say_error(o->japanese, done, o->words[0]);
}

int tools_subscribe(const struct options *o)
{
    struct errand e = { .o = o, .wanted = o->count_n };
    outcome done = errand_open(o, &e, "sub", true);
    if (ok(done)) done = errand_run(&e, o->timeout_s != 0 ? deadline(o) : 0);
    errand_close(&e);
    return ok(done) ? e.exit_code : say_error(o->japanese, done, o->words[0]);
}

int tools_leave(const struct options *o)
{
    if (!state_exists(o->state_dir)) return say_error(o->japanese, REFUSE(E_UNKNOWN), o->state_dir);
    outcome done = state_wipe(o->state_dir);
    if (!ok(done)) return say_error(o->japanese, done, o->state_dir);
    say(stdout, o->japanese, SAY_WIPED, o->state_dir);
    return 0;
}
