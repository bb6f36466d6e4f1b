/* The index over a real record: the same answers as the record itself, whatever is removed, damaged, erased or set back. */
#include "base/port/port.h"
#include "history/inside.h"
#include "ledger/data.h"
#include "ledger/fixture.h"

enum { STREAMS = 5 };

struct world {
    struct fixture f;
    char keys[96], dir[96];
    struct ledger *l;
    struct history *h;
    uint64_t rounds;
    struct history_sum sums[64];
    size_t n;              /* points seen */
    uint64_t last;
    bool rising;
    int64_t total;
};

static void open_all(struct world *w)
{
    CHECK_OK(fixture_open(&w->f, &w->l));
    CHECK_OK(ledger_keys(w->l, w->keys));
    CHECK_OK(history_open(w->l, w->dir, &w->h));
    w->h->part_least = 5000;
}

static void close_all(struct world *w)
{
    history_close(w->h);
    ledger_close(w->l);
}

static outcome append(struct world *w, const char *from, const char *topic, const char *payload)
{
    struct buffer b = BUFFER(4096);
    struct data d = { .from = bytes_str(from), .topic = bytes_str(topic), .payload = bytes_str(payload) };
    uint64_t index;
    outcome o = data_write(&d, &b);
    if (ok(o)) o = ledger_append_for(w->l, from, 1000 * (int64_t)ledger_size(w->l), buffer_view(&b), &index);
    buffer_deinit(&b);
    return o;
}

/* Every stream says its round number once a second; device 0 also a second field; a control entry between. */
static outcome speak(struct world *w, uint64_t rounds)
{
    for (uint64_t r = 0; r < rounds; r++, w->rounds++) {
        for (int k = 0; k < STREAMS; k++) {
            char from[32], topic[64], payload[96];
            uint64_t index;
            snprintf(from, sizeof from, "dev-%d", k);
            snprintf(topic, sizeof topic, "sk/v1/s/dev-%d/m/level", k);
            snprintf(payload, sizeof payload, k ? "{\"t\":%llu,\"u\":\"m\",\"v\":%llu}" : "{\"t\":%llu,\"u\":\"m\",\"v\":%llu,\"temp\":7}",
                1000ull * w->rounds, (unsigned long long)w->rounds);
            TRY(append(w, from, topic, payload));
            if (k == 3) TRY(ledger_append(w->l, ENTRY_AUDIT, 0, BYTES_LIT("{}"), &index));
        }
        if (r % 64 == 63) TRY(ledger_sync(w->l));
    }
    return ledger_sync(w->l);
}

static void index_all(struct world *w)
{
    for (int i = 0; i < 1 << 20 && history_end(w->h) < ledger_durable(w->l); i++) (void)history_turn(w->h, true);
    CHECK(history_end(w->h) == ledger_durable(w->l));
}

static enum history_form all(void *ctx, const struct history_series *s)
{
    (void)ctx, (void)s;
    return HISTORY_WHOLE;
}

static enum history_form not_two(void *ctx, const struct history_series *s)
{
    (void)ctx;
    return strcmp(s->subject, "dev-2") != 0 ? HISTORY_WHOLE : HISTORY_NOT;
}

static outcome see(void *ctx, const struct history_series *s, const struct point *p)
{
    struct world *w = ctx;
    (void)s;
    if (w->n && point_entry(p) <= w->last) w->rising = false;
    w->last = point_entry(p);
    w->total += p->milli;
    w->n++;
    return DONE;
}

/* How many points of the filter in the time; pages of `most`. */
static size_t points(struct world *w, const char *filter, const char *field, struct history_want t, size_t most)
{
    struct buffer series = BUFFER(1 << 20);
    struct history_ask a = { bytes_str(filter), field, ~0u, w, all };
    w->n = 0, w->rising = true, w->total = 0;
    CHECK_OK(history_match(w->h, &a, &series));
    t.series = (const uint32_t *)(const void *)series.at;
    t.n = series.n / 4;
    t.until_ms = INT64_MAX;
    for (int i = 0; i < 100000 && t.after < history_end(w->h); i++) CHECK_QUIET(ok(history_points(w->h, &t, most, see, w, &t.after)));
    CHECK_QUIET(w->rising);
    buffer_deinit(&series);
    return w->n;
}

static struct history_want ever(void)
{
    return (struct history_want) { .from_ms = 0, .to_ms = INT64_MAX, .before = UINT64_MAX };
}

static int64_t sums(struct world *w, const char *filter, enum history_form (*may)(void *, const struct history_series *), struct history_want t, int64_t every)
{
    struct buffer series = BUFFER(1 << 20);
    struct history_ask a = { bytes_str(filter), "", 1u << READING_MAIN, w, may };
    int64_t n = 0;
    memset(w->sums, 0, sizeof w->sums);
    CHECK_OK(history_match(w->h, &a, &series));
    t.series = (const uint32_t *)(const void *)series.at;
    t.n = series.n / 4;
    t.until_ms = INT64_MAX;
    CHECK_QUIET(ok(history_sums(w->h, &t, every, w->sums, &t.after)));
    for (size_t i = 0; i < 64; i++) n += w->sums[i].n;
    buffer_deinit(&series);
    return n;
}

/* What every row below may rely on. */
static bool complete(struct world *w, size_t streams)
{
    struct history_want t = { .from_ms = 100000, .to_ms = 199999, .before = UINT64_MAX };
    int64_t per = (int64_t)w->rounds / 50;
    if (points(w, "sk/v1/s/+/m/level", "", ever(), 977) != streams * w->rounds) return false;
    if (points(w, "sk/v1/s/dev-1/m/level", "", t, 1000) != 100 || w->total != 1000 * (100 + 199) * 50) return false;
    struct history_want whole = { .from_ms = 0, .to_ms = 1000 * (int64_t)w->rounds - 1, .before = UINT64_MAX };
    if (sums(w, "sk/v1/s/dev-1/m/level", all, whole, 1000 * per) != (int64_t)w->rounds) return false;
    for (int i = 0; i < 50; i++) {
        const struct history_sum *s = &w->sums[i];
        if (s->n != per || s->min != 1000 * per * i || s->max != 1000 * (per * (i + 1) - 1) || s->sum != (__int128)(s->min + s->max) * per / 2) return false;
    }
    return true;
}

static void damage(struct world *w, const char *name, uint64_t at)
{
    char path[256];
    int fd;
    uint8_t b;
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    CHECK_OK(port_file_open(path, false, &fd));
    CHECK_OK(port_file_read(fd, at, &b, 1));
    b ^= 0x40;
    CHECK_OK(port_file_write(fd, at, bytes_of(&b, 1)));
    port_file_close(fd);
}

static void truncate_to(struct world *w, const char *name, uint64_t n)
{
    char path[256];
    int fd;
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    CHECK_OK(port_file_open(path, false, &fd));
    CHECK_OK(port_file_truncate(fd, n));
    port_file_close(fd);
}

static size_t parts(struct world *w)
{
    struct history_size s;
    CHECK_OK(history_size(w->h, &s));
    return s.parts;
}

static void asks(struct world *w)
{
    CHECK(complete(w, STREAMS));
    CHECK(parts(w) > 1);
    CHECK(points(w, "sk/v1/s/+/m/level", "temp", ever(), 1000) == w->rounds);
    CHECK(points(w, "sk/v1/s/+/m/level", "none", ever(), 1000) == 0 && points(w, "sk/v1/s/other/m/#", "", ever(), 1000) == 0);
    CHECK(points(w, "sk/v1/s/dev-1/m/level", "", (struct history_want) { .from_ms = 0, .to_ms = INT64_MAX, .before = UINT64_MAX, .after = ledger_durable(w->l) - 12 }, 1) == 2);
    struct history_want whole = { .from_ms = 0, .to_ms = 1000 * (int64_t)w->rounds - 1, .before = UINT64_MAX };
    CHECK(sums(w, "sk/v1/s/+/m/level", not_two, whole, 1000 * (int64_t)w->rounds) == (STREAMS - 1) * (int64_t)w->rounds);
    CHECK(w->sums[0].min == 0 && w->sums[0].max == 1000 * (int64_t)(w->rounds - 1));
}

static void comes_back(struct world *w)
{
    close_all(w);
    open_all(w);
    CHECK(history_end(w->h) > 0 && history_end(w->h) < ledger_durable(w->l)); /* parts stay, what waited in memory is read again */
    index_all(w);
    CHECK(complete(w, STREAMS));
    fixture_remove(w->dir);
    close_all(w);
    open_all(w);
    CHECK(history_end(w->h) == 0);
    index_all(w);
    CHECK(complete(w, STREAMS));
}

/* Whatever byte of a part is changed, and wherever it is cut: found out when it is read, and made again. */
static void damaged(struct world *w)
{
    static const struct { uint64_t at; bool cut; } rows[] = { { 1, 0 }, { 10, 0 }, { 30, 0 }, { 80, 0 }, { 100, 0 }, { 3000, 0 }, { 4500, 0 }, { 50, 1 }, { 90, 1 }, { 6000, 1 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        close_all(w);
        if (rows[i].cut) truncate_to(w, "0000000000000000.part", rows[i].at);
        else damage(w, "0000000000000000.part", rows[i].at);
        open_all(w);
        for (int k = 0; k < 3; k++) {
            index_all(w);
            if (complete(w, STREAMS)) break; /* the first look may be the one that finds it */
        }
        CHECK(complete(w, STREAMS));
    }
    close_all(w);
    damage(w, "series", 40);
    open_all(w);
    CHECK(history_end(w->h) == 0);
    index_all(w);
    CHECK(complete(w, STREAMS));
}

static void erased(struct world *w)
{
    size_t was = w->rounds;
    history_erase(w->h, "dev-2");
    CHECK_OK(ledger_erase(w->l, "dev-2", "asked for", "test", 5));
    CHECK(points(w, "sk/v1/s/dev-2/#", "", ever(), 1000) == 0 && points(w, "sk/v1/s/+/m/level", "", ever(), 1000) == (STREAMS - 1) * was);
    CHECK(history_given_up(w->h, 0, INT64_MAX) == was);
    CHECK_OK(append(w, "dev-2", "sk/v1/s/dev-2/m/level", "3"));
    CHECK_OK(ledger_sync(w->l));
    index_all(w);
    CHECK(points(w, "sk/v1/s/dev-2/#", "", ever(), 1000) == 1);
    close_all(w);
    open_all(w);
    index_all(w);
    CHECK(points(w, "sk/v1/s/dev-2/#", "", ever(), 1000) == 1 && points(w, "sk/v1/s/+/m/level", "", ever(), 1000) == (STREAMS - 1) * was + 1);
    CHECK(history_given_up(w->h, 0, INT64_MAX) == was);
}

/* A topic whose subject has too many series is still found, by whoever reads. */
static void many(struct world *w)
{
    for (int i = 0; i < 4200; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "sk/v1/s/loud/m/n-%d", i);
        CHECK_QUIET(ok(append(w, "loud", topic, "1")));
    }
    CHECK_OK(ledger_sync(w->l));
    index_all(w);
    size_t own = points(w, "sk/v1/s/loud/#", "", ever(), 1000);
    CHECK(own == 4200); /* the last ones are READING_OTHER: they meet every filter */
    size_t others = points(w, "nothing/at/all", "", ever(), 1000);
    CHECK(others > 0 && others < 4200);
}

static void another_record(struct world *w)
{
    close_all(w);
    fixture_remove(w->f.dir);
    CHECK_OK(ledger_create_shaped(w->f.dir, &w->f.identity));
    CHECK_OK(fixture_open(&w->f, &w->l));
    CHECK_OK(ledger_keys(w->l, w->keys));
    for (int i = 0; i < 312; i++) {
        for (int k = 0; k < 64; k++) CHECK_QUIET(ok(append(w, "dev-9", "sk/v1/s/dev-9/m/level", "4")));
        CHECK_QUIET(ok(ledger_sync(w->l)));
    }
    CHECK_OK(history_open(w->l, w->dir, &w->h));
    CHECK(history_end(w->h) == 0);
    index_all(w);
    CHECK(points(w, "sk/v1/s/+/m/level", "", ever(), 1000) == 64 * 312);
}

int main(void)
{
    static struct world w;
    fixture_init(&w.f, 1 << 20, 64 << 20);
    snprintf(w.keys, sizeof w.keys, "%s/keys", w.f.root);
    snprintf(w.dir, sizeof w.dir, "%s/history", w.f.root);
    open_all(&w);
    CHECK_OK(speak(&w, 4000));
    index_all(&w);
    asks(&w);
    comes_back(&w);
    damaged(&w);
    erased(&w);
    many(&w);
    another_record(&w);
    close_all(&w);
    fixture_deinit(&w.f);
    return TEST_END;
}
