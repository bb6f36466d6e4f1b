#include "device/agent/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/port/port.h"
#include "device/agent/probe.h"
#include "device/agent/say.h"

enum {
    EVERY_MS = 1000,
    MACHINE_EVERY_MS = 10000,
    PACKAGES_EVERY_MS = 600000,
    PROBE_EVERY_MS = 300000,
    ANSWERS_A_TURN = 4, /* quotes before the network gets its turn again */
    MAP_MAX = 64 << 10,
    BUFFER_KB = 64 << 10,
    SYNC_MS = 100,
};

static const char packages_path[] = "/var/lib/dpkg/status";

/* Answers waiting challenges. The TPM is opened for them and given back when none is left. */
static void answer_challenges(struct loop *l, struct tpm **tpm)
{
    size_t waiting = 0, answered = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct station *s = &l->stations[i];
        if (!s->challenged) continue;
        if (s->state.ak.n == 0) {
            s->challenged = false; /* without a TPM there is nothing honest to answer */
            continue;
        }
        if (answered == ANSWERS_A_TURN) {
            waiting++;
            continue;
        }
        outcome o = *tpm != NULL ? DONE : tpm_open(l->tcti, tpm);
        if (ok(o)) station_answer(s, *tpm);
        else if (s->setup.tell != NULL)
            s->setup.tell(s->setup.ctx, s->state.device, STATION_NO_EVIDENCE, code_word(o.code));
        s->challenged = false;
        answered++;
    }
    if (waiting > 0 || *tpm == NULL) return;
    tpm_close(*tpm);
    *tpm = NULL;
}

static int sooner(int wait_ms, int64_t at_ms, int64_t now_ms)
{
    int64_t left = at_ms <= now_ms ? 0 : at_ms - now_ms;
    return left < wait_ms ? (int)left : wait_ms;
}

static int next_wait(struct loop *l, bool busy, int64_t now_ms)
{
    int wait = busy ? 0 : 60000;
    for (size_t i = 0; i < l->n; i++) {
        const struct station *s = &l->stations[i];
        int w = station_wait_ms(s, now_ms);
        if (w < wait) wait = w;
        if (l->every_ms > 0) wait = sooner(wait, l->stations[i].next_ms, now_ms);
    }
    if (l->local != NULL && local_wait_ms(l->local, now_ms) < wait) wait = local_wait_ms(l->local, now_ms);
    return l->until_ms != 0 ? sooner(wait, l->until_ms, now_ms) : wait;
}

static void turn(struct loop *l, const struct pollfd *polled)
{
    int64_t now_ms = port_mono_ms();
    for (size_t i = 0; i < l->n; i++) {
        struct station *s = &l->stations[i];
        station_turn(s, &polled[STATION_FDS * i], now_ms);
        if (l->every_ms == 0 || now_ms < s->next_ms) continue;
        s->next_ms += l->every_ms;
        if (s->next_ms <= now_ms) s->next_ms = now_ms + l->every_ms; /* fell behind: do not catch up in a burst */
        l->measure(l->ctx, s, now_ms);
    }
}

static MUST outcome signals_open(int *ret)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return REFUSE_SYS(E_IO, errno);
    *ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret >= 0 ? DONE : REFUSE_SYS(E_IO, errno);
}

static MUST outcome loop_turns(struct loop *l, struct pollfd *p, struct tpm **tpm, int *ret_signal)
{
    for (;;) {
        const size_t signals = STATION_FDS * l->n;
        for (size_t i = 0; i < l->n; i++) station_polls(&l->stations[i], &p[STATION_FDS * i]);
        if (l->local != NULL) local_poll(l->local, &p[signals + 1]);
        int wait = next_wait(l, *tpm != NULL, port_mono_ms());
        if (poll(p, signals + 2, wait) < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
        struct signalfd_siginfo info;
        if (p[signals].revents != 0 && read(p[signals].fd, &info, sizeof info) == (ssize_t)sizeof info) {
            *ret_signal = (int)info.ssi_signo;
            return DONE;
        }
        turn(l, p);
        if (l->local != NULL) local_turn(l->local, &l->stations[0], p[signals + 1].revents, port_mono_ms());
        answer_challenges(l, tpm);
        if (l->until_evidence && l->stations[0].evidence_acknowledged) return DONE;
        if (l->until_ms != 0 && port_mono_ms() >= l->until_ms) return REFUSE(E_TIMEOUT);
    }
}

outcome loop_run(struct loop *l, int *ret_signal)
{
    struct pollfd *p = mem_new_array(STATION_FDS * l->n + 2, sizeof *p), *signals;
    struct tpm *tpm = NULL;
    *ret_signal = 0;
    if (p == NULL) return REFUSE(E_MEMORY);
    signals = &p[STATION_FDS * l->n];
    signals->events = POLLIN;
    signals[1].fd = -1; /* nobody operates here, unless l->local says so */
    outcome o = signals_open(&signals->fd);
    if (ok(o)) {
        o = loop_turns(l, p, &tpm, ret_signal);
        close(signals->fd);
    }
    tpm_close(tpm);
    mem_free(p);
    return o;
}

outcome boot_measure(struct tpm *t, const char *image, uint8_t ret_pcr[32])
{
    static const uint8_t reset[32] = { 0 };
    struct hash h;
    TRY(tpm_start(t));
    TRY(tpm_pcr_read(t, TPM_BOOT_PCR, ret_pcr));
    if (memcmp(ret_pcr, reset, 32) != 0) return REFUSE(E_CONFLICT); /* measured since power-on: never twice */
    TRY(hash_sha256_file(image, &h));
    TRY(tpm_pcr_extend(t, TPM_BOOT_PCR, h.at));
    return tpm_pcr_read(t, TPM_BOOT_PCR, ret_pcr);
}

void run_tell(void *ctx, const char *device, enum station_told what, const char *detail)
{
    static const enum say words[] = { [STATION_SESSION] = SAY_SESSION, [STATION_DOWN] = SAY_DOWN,
        [STATION_EVIDENCE] = SAY_EVIDENCE, [STATION_NO_EVIDENCE] = SAY_NO_EVIDENCE,
        [STATION_COMMAND] = SAY_COMMAND, [STATION_REFUSED] = SAY_SERVER_REFUSED, [STATION_RENEWED] = SAY_RENEWED,
        [STATION_NOT_RENEWED] = SAY_NOT_RENEWED, [STATION_HEAD_BACK] = SAY_HEAD_BACK, [STATION_NOT_KEPT] = SAY_NOT_KEPT, [STATION_ALONE] = SAY_ALONE,
        [STATION_OPERATED] = SAY_OPERATED };
    const struct options *o = ctx;
    char text[160];
    struct out line = out_of(text, sizeof text - 1);
    put_fmt(&line, detail[0] != 0 ? "%s %s" : "%s", device, detail);
    text[line.n] = 0;
    say(stderr, o->japanese, words[what], text);
}

/* A real gateway: itself, and the controller behind it. */
struct gateway {
    struct map_file map;
    struct controller *controller;
    bool only_controller;
    int64_t machine_ms, packages_ms;
    int64_t packages_changed;
    bool probing;
    struct probe probe;
    int64_t probe_ms;
};

static void measure_controller(struct gateway *g, struct station *s, int64_t wall_ms)
{
    struct reading r = { .name = "controller", .unit = "reachable" };
    bool reached = true;
    for (size_t i = 0; i < g->map.reads && reached; i++) {
        const struct map_read *row = &g->map.read[i];
        uint16_t raw;
        outcome o = controller_read(g->controller, row, &raw);
        reached = ok(o) || o.code == E_DENIED; /* it refused one register: it is there */
        if (!ok(o)) continue;
        struct reading value = { .scaled = raw, .digits = row->digits };
        memcpy(value.name, row->name, sizeof value.name);
        memcpy(value.unit, row->unit, sizeof value.unit);
        o = station_reading(s, &value, wall_ms);
        if (!ok(o)) return; /* the outbox cannot take more; what is dropped is counted there */
    }
    r.scaled = reached;
    outcome o = station_reading(s, &r, wall_ms);
    (void)o; /* as above */
}

static void measure_packages(struct gateway *g, struct station *s, int64_t now_ms, int64_t wall_ms)
{
    struct stat st;
    struct reading r;
    if (stat(packages_path, &st) != 0) return;
    int64_t changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    if (changed == g->packages_changed && now_ms < g->packages_ms) return;
    if (!ok(reading_packages(packages_path, &r)) || !ok(station_reading(s, &r, wall_ms))) return;
    g->packages_changed = changed;
    g->packages_ms = now_ms + PACKAGES_EVERY_MS;
}

/* e/probe: what a stranger's three attempts at the listener met. */
static void measure_probe(struct gateway *g, struct station *s, int64_t now_ms, int64_t wall_ms)
{
    char text[400];
    if (!g->probing || now_ms < g->probe_ms) return;
    g->probe_ms = now_ms + PROBE_EVERY_MS;
    probe_run(&g->probe, buffer_view(&s->state.authority));
    outcome o = probe_write(&g->probe, wall_ms, text, sizeof text);
    if (ok(o)) o = station_publish(s, "e/probe", bytes_str(text), false);
    if (!ok(o)) g->probe_ms = now_ms + MACHINE_EVERY_MS;
}

static void measure_gateway(void *ctx, struct station *s, int64_t now_ms)
{
    struct gateway *g = ctx;
    int64_t wall_ms = port_wall_ms();
    if (g->controller != NULL) measure_controller(g, s, wall_ms);
    measure_probe(g, s, now_ms, wall_ms);
    if (g->only_controller || now_ms < g->machine_ms) return;
    g->machine_ms = now_ms + MACHINE_EVERY_MS;
    struct reading rows[8];
    size_t n;
    readings_machine(rows, sizeof rows / sizeof rows[0], &n);
    for (size_t i = 0; i < n; i++)
        if (!ok(station_reading(s, &rows[i], wall_ms))) break;
    measure_packages(g, s, now_ms, wall_ms);
}

static MUST outcome gateway_open(const struct options *o, struct gateway *g, char *where, size_t size)
{
    struct buffer text = BUFFER(MAP_MAX);
    int line = 0;
    if (o->modbus == NULL) return DONE;
    snprintf(where, size, "%s", o->map);
    outcome read = port_file_load(o->map, MAP_MAX, &text);
    if (ok(read)) {
        read = map_file_read(buffer_view(&text), &g->map, &line);
        if (!ok(read)) {
            snprintf(where, size, "%s:%d: %s", o->map, line, code_word(read.code));
            read = REFUSE(E_CONFIG);
        }
    }
    buffer_deinit(&text);
    TRY(read);
    snprintf(where, size, "%s", o->modbus);
    return controller_new(o->modbus, &g->map, &g->controller);
}

/* A device whose boot step was not run apart measures its image now. */
static MUST outcome measure_late(const struct options *o, const char *tcti)
{
    struct tpm *t = NULL;
    uint8_t pcr[32];
    if (o->image == NULL || tcti[0] == 0) return DONE;
    TRY(tpm_open(tcti, &t));
    outcome done = boot_measure(t, o->image, pcr);
    tpm_close(t);
    return done.code == E_CONFLICT ? DONE : done;
}

static MUST outcome run_station(const struct options *o, struct gateway *g, struct state *state, int *ret_signal)
{
    char tcti[sizeof state->tcti];
    struct station s;
    TRY(bytes_to_text(bytes_str(o->tcti != NULL ? o->tcti : state->tcti), tcti, sizeof tcti));
    outcome measured = measure_late(o, tcti);
    if (!ok(measured)) run_tell((void *)o, state->device, STATION_NO_EVIDENCE, code_word(measured.code));
    struct station_setup setup = { .version = o->version != NULL ? o->version : "", .suffix = "",
        .commands = true, .challenges = true, .renews = true, .witness = true,
        .buffer_bytes = (uint64_t)(o->buffer_kb != 0 ? o->buffer_kb : BUFFER_KB) << 10, .sync_ms = o->sync_ms != 0 ? o->sync_ms : SYNC_MS,
        .map = &g->map, .controller = g->controller, .ctx = (void *)o,
        .tell = run_tell };
    TRY(station_init(&s, state, &setup));
    struct loop l = { .stations = &s, .n = 1, .tcti = tcti, .ctx = g, .measure = measure_gateway,
        .every_ms = o->every_ms != 0 ? o->every_ms : EVERY_MS };
    if (o->timeout_s != 0) l.until_ms = port_mono_ms() + o->timeout_s * INT64_C(1000);
    struct local local;
    outcome opened = local_open(o->state_dir, &local);
    if (ok(opened)) l.local = &local;
    else say(stderr, o->japanese, SAY_NO_LOCAL, code_word(opened.code));
    outcome ended = loop_run(&l, ret_signal);
    local_close(&local);
    station_deinit(&s);
    return ended.code == E_TIMEOUT ? DONE : ended; /* --timeout: a run of that length is a whole run */
}

int run_verb(const struct options *o)
{
    struct gateway g = { .only_controller = o->only_controller != NULL, .probing = o->probe != NULL };
    struct state state = { 0 };
    char where[AGENT_PATH_MAX + 64] = "";
    int signal_number = 0;
    if (o->sim != NULL) return sim_verb(o);
    snprintf(where, sizeof where, "%s", o->probe != NULL ? o->probe : "");
    outcome done = o->probe != NULL ? probe_target(o->probe, &g.probe) : DONE;
    if (ok(done)) snprintf(where, sizeof where, "%s", o->state_dir);
    if (ok(done)) done = state_load(o->state_dir, &state);
    if (ok(done)) done = state_claim(o->state_dir);
    if (ok(done)) done = gateway_open(o, &g, where, sizeof where);
    if (ok(done)) done = run_station(o, &g, &state, &signal_number);
    else state_free(&state);
    controller_free(g.controller);
    if (!ok(done)) return say_error(o->japanese, done, where);
    return signal_number == SIGINT ? 130 : 0;
}
