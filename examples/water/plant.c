/* 模擬: a water works, simulated, behind a plain Modbus TCP controller. Nothing here is a real plant.
 * The controller's own loop keeps the water running with nobody connected: the physics and the loop
 * have a thread of their own, which a stuck or hostile Modbus client cannot hold up. The register map
 * is examples/water/README.md. */
#include <errno.h>
#include <math.h>
#include <modbus.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum coil { COIL_PUMP, COIL_LOOP, COILS };                 /* COIL_LOOP: read-only, always 1 */
enum discrete { DISCRETE_RUNNING, DISCRETE_SIMULATED, DISCRETES };
enum holding { HOLDING_START, HOLDING_STOP, HOLDING_CHLORINE, HOLDING_SPEED, HOLDINGS };
enum input { INPUT_LOWER, INPUT_UPPER, INPUT_FLOW, INPUT_DEMAND, INPUT_PRESSURE, INPUT_CHLORINE, INPUT_HOURS,
    INPUT_CLOCK, INPUT_STARTS, INPUT_MODE, INPUT_ALARMS, INPUTS };
enum mode { MODE_LOOP_STOPPED, MODE_LOOP_RUNNING, MODE_ORDERED_STOP, MODE_ORDERED_START };
enum alarm { ALARM_UPPER_LOW = 1, ALARM_UPPER_HIGH = 2, ALARM_LOWER_LOW = 4, ALARM_CHLORINE_LOW = 8,
    ALARM_CHLORINE_HIGH = 16 };

enum {
    STEP_MS = 100,
    CLIENTS_MAX = 16,
    SCALE = 60, /* simulated seconds a second: a day in 24 minutes */
};

static const struct {
    uint16_t initial, low, high;
} holdings[HOLDINGS] = {
    [HOLDING_START] = { 250, 50, 400 },    /* m x 100 */
    [HOLDING_STOP] = { 450, 100, 480 },    /* m x 100 */
    [HOLDING_CHLORINE] = { 60, 10, 100 },  /* mg/L x 100 */
    [HOLDING_SPEED] = { 1000, 400, 1000 }, /* % x 10 */
};

static const double lower_area_m2 = 1000, upper_area_m2 = 800, height_m = 5.0, pump_m3h = 620,
                    source_m3h = 360, mean_demand_m3h = 300, elevation_m = 35, decay_per_h = 0.02,
                    lower_dry_m = 0.5, upper_full_m = 4.9;

struct plant {
    double lower_m, upper_m, chlorine, clock_h; /* state */
    double flow_m3h, demand_m3h, pressure_kpa;  /* of the last step */
    bool running, was_ordered;
    enum mode mode;
    uint16_t starts;
};

struct shared { /* between the control thread and the Modbus thread */
    pthread_mutex_t lock;
    modbus_mapping_t *map;
    struct plant plant;
    double scale;
};

/* Two peaks, morning and evening; never nothing. */
static double demand_at(double hour)
{
    double morning = exp(-pow((hour - 7.5) / 2.0, 2)), evening = exp(-pow((hour - 19.0) / 2.6, 2));
    return mean_demand_m3h * (0.55 + 0.95 * morning + 1.05 * evening);
}

/* The controller's own loop: start at the low mark, stop at the high mark. An order by coil 0 counts
 * until the loop itself would act again, so that a stop from outside can never empty the reservoir. */
static void control(struct plant *p, const uint16_t *set, bool ordered)
{
    bool was = p->running;
    double start_m = set[HOLDING_START] / 100.0, stop_m = set[HOLDING_STOP] / 100.0;
    if (ordered != p->was_ordered) {
        p->running = ordered;
        p->mode = ordered ? MODE_ORDERED_START : MODE_ORDERED_STOP;
    }
    if (!p->running && p->upper_m <= start_m
        && !(p->mode == MODE_ORDERED_STOP && p->upper_m > start_m / 2)) { /* an ordered stop holds to half */
        p->running = true;
        p->mode = MODE_LOOP_RUNNING;
    }
    if (p->running && p->upper_m >= stop_m) {
        p->running = false;
        p->mode = MODE_LOOP_STOPPED;
    }
    if (p->running && (p->lower_m < lower_dry_m || p->upper_m > upper_full_m)) { /* protections */
        p->running = false;
        p->mode = MODE_LOOP_STOPPED;
    }
    if (p->running && !was) p->starts++;
    p->was_ordered = p->running;
}

static double within(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void physics(struct plant *p, const uint16_t *set, double hours)
{
    double speed = set[HOLDING_SPEED] / 1000.0, dose = set[HOLDING_CHLORINE] / 100.0 + 0.05;
    double volume = within(p->upper_m, 0.05, height_m) * upper_area_m2;
    double source = p->lower_m < 4.5 ? source_m3h : 0; /* a float valve */
    p->clock_h = fmod(p->clock_h + hours, 24);
    p->flow_m3h = p->running ? pump_m3h * speed : 0;
    p->demand_m3h = p->upper_m > 0.01 ? demand_at(p->clock_h) : 0;
    p->chlorine += (p->flow_m3h * (dose - p->chlorine) / volume - decay_per_h * p->chlorine) * hours;
    p->lower_m = within(p->lower_m + (source - p->flow_m3h) * hours / lower_area_m2, 0, height_m);
    p->upper_m = within(p->upper_m + (p->flow_m3h - p->demand_m3h) * hours / upper_area_m2, 0, height_m);
    p->pressure_kpa = p->upper_m > 0.01
        ? 9.81 * (elevation_m + p->upper_m) - 60 * pow(p->demand_m3h / 450, 2) : 0;
}

static uint16_t alarms(const struct plant *p)
{
    return (uint16_t)((p->upper_m < 1.0 ? ALARM_UPPER_LOW : 0) | (p->upper_m > 4.8 ? ALARM_UPPER_HIGH : 0)
        | (p->lower_m < 0.7 ? ALARM_LOWER_LOW : 0) | (p->chlorine < 0.1 ? ALARM_CHLORINE_LOW : 0)
        | (p->chlorine > 1.0 ? ALARM_CHLORINE_HIGH : 0));
}

static uint16_t scaled(double v, double times)
{
    return (uint16_t)within(v * times + 0.5, 0, 65535);
}

static void publish(const struct plant *p, modbus_mapping_t *m)
{
    uint16_t *in = m->tab_input_registers;
    in[INPUT_LOWER] = scaled(p->lower_m, 100);
    in[INPUT_UPPER] = scaled(p->upper_m, 100);
    in[INPUT_FLOW] = scaled(p->flow_m3h, 10);
    in[INPUT_DEMAND] = scaled(p->demand_m3h, 10);
    in[INPUT_PRESSURE] = scaled(p->pressure_kpa, 10);
    in[INPUT_CHLORINE] = scaled(p->chlorine, 100);
    in[INPUT_HOURS] = scaled(p->demand_m3h > 0 ? p->upper_m * upper_area_m2 / p->demand_m3h : 0, 10);
    in[INPUT_CLOCK] = scaled(p->clock_h, 60);
    in[INPUT_STARTS] = p->starts;
    in[INPUT_MODE] = (uint16_t)p->mode;
    in[INPUT_ALARMS] = alarms(p);
    m->tab_input_bits[DISCRETE_RUNNING] = p->running;
    m->tab_input_bits[DISCRETE_SIMULATED] = 1;
    m->tab_bits[COIL_PUMP] = p->running; /* what reads back is what runs */
    m->tab_bits[COIL_LOOP] = 1;
}

/* Whoever writes a setpoint, the controller keeps it within its own limits. */
static void limit_setpoints(uint16_t *set)
{
    for (int i = 0; i < HOLDINGS; i++)
        set[i] = set[i] < holdings[i].low ? holdings[i].low : set[i] > holdings[i].high ? holdings[i].high : set[i];
    if (set[HOLDING_STOP] < set[HOLDING_START] + 20) set[HOLDING_STOP] = (uint16_t)(set[HOLDING_START] + 20);
}

static void *control_thread(void *arg)
{
    struct shared *s = arg;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    for (;;) {
        pthread_mutex_lock(&s->lock);
        limit_setpoints(s->map->tab_registers);
        control(&s->plant, s->map->tab_registers, s->map->tab_bits[COIL_PUMP] != 0);
        physics(&s->plant, s->map->tab_registers, STEP_MS / 1000.0 * s->scale / 3600);
        publish(&s->plant, s->map);
        pthread_mutex_unlock(&s->lock);
        at.tv_nsec += STEP_MS * 1000000L;
        if (at.tv_nsec >= 1000000000L) at.tv_sec++, at.tv_nsec -= 1000000000L;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    return NULL;
}

/* One request of one client; false when it is gone. */
static bool serve_one(struct shared *s, modbus_t *bus, int fd)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(bus, fd);
    int n = modbus_receive(bus, query);
    if (n == 0) return true;
    if (n < 0) return false;
    pthread_mutex_lock(&s->lock);
    int answered = modbus_reply(bus, query, n, s->map);
    pthread_mutex_unlock(&s->lock);
    return answered >= 0;
}

static void serve(struct shared *s, modbus_t *bus, int door, int ending)
{
    struct pollfd p[CLIENTS_MAX + 2] = { { door, POLLIN, 0 }, { ending, POLLIN, 0 } };
    nfds_t n = 2;
    for (;;) {
        p[0].events = n < CLIENTS_MAX + 2 ? POLLIN : 0; /* full: others wait in the backlog */
        if (poll(p, n, -1) < 0 && errno != EINTR) return;
        if (p[1].revents != 0) return;
        for (nfds_t i = n; i-- > 2;) {
            if (p[i].revents == 0 || serve_one(s, bus, p[i].fd)) continue;
            close(p[i].fd);
            p[i] = p[--n];
        }
        if (p[0].revents == 0) continue;
        int fd = accept(door, NULL, NULL);
        if (fd >= 0) p[n++] = (struct pollfd) { fd, POLLIN, 0 };
    }
}

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool start(struct shared *s, const char *host, int port, modbus_t **ret_bus, int *ret_door)
{
    pthread_t thread;
    *ret_bus = modbus_new_tcp(host, port);
    s->map = modbus_mapping_new(COILS, DISCRETES, HOLDINGS, INPUTS);
    if (*ret_bus == NULL || s->map == NULL) return false;
    for (int i = 0; i < HOLDINGS; i++) s->map->tab_registers[i] = holdings[i].initial;
    publish(&s->plant, s->map);
    *ret_door = modbus_tcp_listen(*ret_bus, CLIENTS_MAX);
    if (*ret_door < 0) return false;
    modbus_set_indication_timeout(*ret_bus, 1, 0);
    modbus_set_byte_timeout(*ret_bus, 0, 200000);
    return pthread_create(&thread, NULL, control_thread, s) == 0 && pthread_detach(thread) == 0;
}

/* A whole number in low..high, or -1. */
static int number(const char *text, long low, long high)
{
    char *end;
    long v = strtol(text, &end, 10);
    return *text != 0 && *end == 0 && v >= low && v <= high ? (int)v : -1;
}

int main(int argc, char **argv)
{
    static struct shared s = { .lock = PTHREAD_MUTEX_INITIALIZER, .scale = SCALE,
        .plant = { .lower_m = 3.0, .upper_m = 3.2, .chlorine = 0.55, .clock_h = 6, .demand_m3h = 300 } };
    const char *host = argc == 5 && strcmp(argv[3], "--host") == 0 ? argv[4] : "127.0.0.1";
    int port = argc >= 2 ? number(argv[1], 1, 65535) : -1;
    int scale = argc >= 3 && argv[2][0] != '-' ? number(argv[2], 1, 3600) : SCALE;
    modbus_t *bus = NULL;
    int door = -1, ending = signals_open();
    if (port < 0 || scale < 0 || argc == 4 || argc > 5) {
        fprintf(stderr, "usage: sekimori-water-plant PORT [SCALE [--host ADDRESS]]\n"
                        "SCALE: simulated seconds a second (60)\n");
        return 2;
    }
    s.scale = scale;
    if (ending < 0 || !start(&s, host, port, &bus, &door)) {
        fprintf(stderr, "error: %s:%d: %s\n", host, port, strerror(errno));
        return 75;
    }
    printf("模擬 ○○市水道局 浄水池・ポンプ・配水池 (SIMULATED water works), Modbus TCP %s:%d\n", host, port);
    fflush(stdout);
    serve(&s, bus, door, ending);
    modbus_free(bus); /* the map stays: the control thread works with it to the end */
    return 0;
}
