/* What judging by grants costs a message: 1,000 rows, 10,000 declared streams, devices that publish and an operator who
 * receives. Run by hand (sekimori-grants-bench); never part of a test run. Prints nanoseconds of CPU
 * a message. */
#include <stdio.h>
#include <time.h>

#include "ledger/ledger.h"
#include "platform/access.h"

enum { STREAMS = 10000, MESSAGES = 4000000 };

static struct grants *policy(struct arena *a, int count)
{
    struct doc *d = doc_map(a), *rows = doc_list(a);
    struct grants *g = NULL;
    struct grants_error e = { 0 };
    size_t n;
    doc_set_text(a, d, "schema", GRANTS_SCHEMA);
    doc_set_text(a, d, "site", "w");
    for (int i = 0; i < count; i++) {
        char id[32], stream[80];
        struct doc *row = doc_map(a);
        snprintf(id, sizeof id, "row-%d", i);
        doc_set_text(a, row, "id", id);
        doc_set_text(a, row, "subject", i % 2 ? "role:operator" : "role:device");
        doc_set_text(a, row, "action", i % 2 ? "subscribe" : "publish");
        snprintf(stream, sizeof stream, i < count - 2 ? "sk/v1/w/area-%d/#" : i % 2 ? "sk/v1/{site}/#" : "sk/v1/{site}/{own}/m/#", i);
        doc_set_text(a, row, "stream", stream);
        doc_add(rows, row);
    }
    doc_set(a, d, "grants", rows);
    if (!ok(grants_read(d, &g, &e, 1, &n))) printf("%s\n", e.text);
    return g;
}

static bool declare(struct registry *r, struct identity *devices)
{
    for (int i = 0; i < STREAMS; i++) {
        struct arena a = ARENA(65536);
        struct stream s = { .label = "internal" };
        snprintf(s.name, sizeof s.name, "s-%d", i);
        snprintf(s.pattern, sizeof s.pattern, "sk/v1/w/dev-%d/m/flow", i);
        devices[i] = (struct identity) { .role = ROLE_DEVICE, .life = LIFE_ENROLLED, .trust = TRUST_ATTESTED };
        snprintf(devices[i].id, sizeof devices[i].id, "dev-%d", i);
        bool good = ok(registry_apply(r, ENTRY_STREAM, registry_doc_stream(&a, &s), 0));
        arena_deinit(&a);
        if (!good) return false;
    }
    return true;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct load {
    const struct access *a;
    const struct identity *devices, *operator;
    char (*topics)[48];
    int active;  /* of the streams, how many speak */
};

/* Publish and one delivery of each message; nanoseconds a message. */
static double run(const struct load *l, int messages)
{
    uint64_t allowed = 0;
    double began = now_ns();
    for (int i = 0; i < messages; i++) {
        int at = (int)((uint64_t)i * 7919 % (uint64_t)l->active);
        struct question p = { .who = &l->devices[at], .action = ACT_PUBLISH, .topic = bytes_str(l->topics[at]) };
        struct question d = { .who = l->operator, .action = ACT_RECEIVE, .topic = p.topic, .from = p.who };
        allowed += access_judge(l->a, &p).ruling == RULING_ALLOW && access_judge(l->a, &d).ruling == RULING_ALLOW;
    }
    double ns = (now_ns() - began) / messages;
    if (allowed != (uint64_t)messages) printf("wrong: %llu of %d allowed\n", (unsigned long long)allowed, messages);
    return ns;
}

struct world {
    struct identity devices[STREAMS], operator;
    char topics[STREAMS][48];
    struct registry *registry;
};

/* One beside the other: verdicts remembered, and judged from the ground up; the best of three each. */
static void measure(struct world *w, struct access *access, struct judged *judged, int rows)
{
    struct load l = { access, w->devices, &w->operator, w->topics, STREAMS };
    printf("%6d rows, first time, every topic: %.0f ns a message\n", rows, run(&l, STREAMS));
    for (int active = 100; active <= STREAMS; active *= 10) {
        double ns[2] = { 0 };
        l.active = active;
        for (int pair = 0; pair < 6; pair++) {
            access->judged = pair % 2 ? judged : NULL;
            (void)run(&l, active);
            double one = run(&l, pair % 2 ? MESSAGES / 8 : MESSAGES / 40);
            if (!ns[pair % 2] || one < ns[pair % 2]) ns[pair % 2] = one;
        }
        printf("%6d rows, %5d topics speaking: %.0f ns a message, published and delivered once (%.0f where verdicts are not remembered)\n", rows,
            active, ns[1], ns[0]);
    }
    access->judged = NULL;
}

int main(int argc, char **argv)
{
    static struct world w = { .operator = { .id = "op", .role = ROLE_OPERATOR, .life = LIFE_ENROLLED } };
    static const int counts[] = { 1000, GRANTS_MAX };
    size_t sizes = argc > 1 ? 1 : sizeof counts / sizeof *counts; /* any argument: the first size alone, for callgrind */
    struct judged *judged = NULL;
    (void)argv;
    if (!ok(registry_new(&w.registry)) || !declare(w.registry, w.devices) || !ok(judged_new(&judged))) return 1;
    for (int i = 0; i < STREAMS; i++) snprintf(w.topics[i], sizeof w.topics[i], "sk/v1/w/dev-%d/m/flow", i);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizes; i++) {
        struct arena a = ARENA(64 << 20);
        struct grants *g = policy(&a, counts[i]);
        struct access access = { .registry = w.registry, .site = "w", .grants = g };
        if (g) measure(&w, &access, judged, counts[i]);
        grants_free(g);
        arena_deinit(&a);
    }
    judged_free(judged);
    registry_free(w.registry);
    return 0;
}
