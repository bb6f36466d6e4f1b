/* 模擬: many simulated gateways in one process. Their readings are made up and say so ("sim":true,
 * s/agent "simulated":true); their keys, sessions and quotes are real. */
#include <signal.h>
#include <stdio.h>

#include "base/port/port.h"
#include "device/agent/join.h"
#include "device/agent/run.h"
#include "device/agent/say.h"

enum {
    SIM_EVERY_MS = 5000,
    SIM_SYNC_MS = 100,
    INVITES_MAX_BYTES = 4 << 20,
};

static void simulated_reading(struct station *s, const char *name, const char *unit, int64_t scaled, int64_t wall_ms)
{
    struct reading r = { .scaled = scaled, .digits = 2, .simulated = true };
    snprintf(r.name, sizeof r.name, "%s", name);
    snprintf(r.unit, sizeof r.unit, "%s", unit);
    outcome o = station_reading(s, &r, wall_ms);
    (void)o; /* a full outbox counts what it drops */
}

/* A tank that fills while its pump runs. */
static void measure_simulated(void *ctx, struct station *s, int64_t now_ms)
{
    uint8_t noise;
    (void)ctx, (void)now_ms;
    port_random(&noise, 1);
    if (s->simulated_level < 120) s->simulated_pump = true;
    if (s->simulated_level > 480) s->simulated_pump = false;
    s->simulated_level += (s->simulated_pump ? 3 : -2) + noise % 3 - 1;
    int64_t wall_ms = port_wall_ms();
    simulated_reading(s, "level", "m", s->simulated_level, wall_ms);
    simulated_reading(s, "flow", "m3/h", s->simulated_pump ? 4200 + noise : 0, wall_ms);
}

/* The i-th line of the file that holds a URL. */
static MUST outcome invite_take(struct bytes *text, char *url, size_t size)
{
    while (text->n > 0) {
        const uint8_t *end = memchr(text->at, '\n', text->n);
        size_t n = end != NULL ? (size_t)(end - text->at) : text->n;
        struct bytes line = bytes_of(text->at, n);
        size_t used = end != NULL ? n + 1 : n;
        *text = bytes_of(text->at + used, text->n - used);
        while (line.n > 0 && (line.at[line.n - 1] == '\r' || line.at[line.n - 1] == ' ')) line.n--;
        if (bytes_starts(line, BYTES_LIT("https://"))) return bytes_to_text(line, url, size);
    }
    return REFUSE(E_MISSING);
}

struct crowd {
    const struct options *o;
    struct buffer invites;
    struct bytes left;
    struct tpm *tpm;
    struct station *stations;
    size_t n;
};

static MUST outcome member_state(struct crowd *c, size_t i, struct state *ret)
{
    char dir[AGENT_PATH_MAX], url[512];
    int n = snprintf(dir, sizeof dir, "%s/sim-%04zu", c->o->state_dir, i + 1);
    if (n < 0 || (size_t)n >= sizeof dir) return REFUSE(E_TOO_LARGE);
    if (!state_exists(dir)) {
        const char *tcti = c->o->tcti != NULL ? c->o->tcti : "";
        TRY(invite_take(&c->left, url, sizeof url));
        if (c->tpm == NULL && tcti[0] != 0) TRY(tpm_open(tcti, &c->tpm));
        TRY(join_site(url, dir, c->tpm, tcti));
    }
    return state_load(dir, ret);
}

static MUST outcome crowd_gather(struct crowd *c)
{
    int64_t now_ms = port_mono_ms();
    uint32_t every_ms = c->o->every_ms != 0 ? c->o->every_ms : SIM_EVERY_MS;
    struct station_setup setup = { .version = c->o->version != NULL ? c->o->version : "", .suffix = "",
        .simulated = true, .commands = true, .challenges = true, .renews = true,
        .buffer_bytes = (uint64_t)c->o->buffer_kb << 10, .sync_ms = c->o->sync_ms != 0 ? c->o->sync_ms : SIM_SYNC_MS };
    TRY(port_dir_make(c->o->state_dir, 0700));
    for (size_t i = 0; i < c->o->count_n; i++) {
        struct state state = { 0 };
        struct station *s = &c->stations[i];
        TRY(member_state(c, i, &state));
        TRY(station_init(s, &state, &setup));
        c->n++;
        s->next_ms = now_ms + (int64_t)(every_ms * i / c->o->count_n); /* spread over the interval */
        s->simulated_level = 150 + (int64_t)(i * 37 % 300);
    }
    tpm_close(c->tpm);
    c->tpm = NULL;
    return DONE;
}

static MUST outcome crowd_measure(struct crowd *c)
{
    struct tpm *t = NULL;
    uint8_t pcr[32];
    if (c->o->tcti == NULL || c->o->image == NULL) return DONE;
    TRY(tpm_open(c->o->tcti, &t));
    outcome o = boot_measure(t, c->o->image, pcr);
    tpm_close(t);
    return o.code == E_CONFLICT ? DONE : o;
}

static MUST outcome crowd_run(struct crowd *c, int *ret_signal)
{
    if (c->o->invites != NULL) TRY(port_file_load(c->o->invites, INVITES_MAX_BYTES, &c->invites));
    c->left = buffer_view(&c->invites);
    c->stations = mem_new_array(c->o->count_n, sizeof *c->stations);
    if (c->stations == NULL) return REFUSE(E_MEMORY);
    TRY(crowd_measure(c));
    TRY(crowd_gather(c));
    char text[96];
    snprintf(text, sizeof text, "%s x %zu", c->o->sim, c->n);
    say(stderr, c->o->japanese, SAY_SIMULATED, text);
    struct loop l = { .stations = c->stations, .n = c->n, .measure = measure_simulated,
        .tcti = c->o->tcti != NULL ? c->o->tcti : c->stations[0].state.tcti,
        .every_ms = c->o->every_ms != 0 ? c->o->every_ms : SIM_EVERY_MS };
    if (c->o->timeout_s != 0) l.until_ms = port_mono_ms() + c->o->timeout_s * INT64_C(1000);
    outcome ended = loop_run(&l, ret_signal);
    return ended.code == E_TIMEOUT ? DONE : ended;
}

int sim_verb(const struct options *o)
{
    struct crowd c = { .o = o, .invites = BUFFER(INVITES_MAX_BYTES) };
    int signal_number = 0;
    outcome done = crowd_run(&c, &signal_number);
    for (size_t i = 0; i < c.n; i++) station_deinit(&c.stations[i]);
    mem_free(c.stations);
    tpm_close(c.tpm);
    buffer_deinit(&c.invites);
    if (!ok(done)) return say_error(o->japanese, done, done.code == E_MISSING ? "--invites" : o->state_dir);
    return signal_number == SIGINT ? 130 : 0;
}
