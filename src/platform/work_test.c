#include "platform/work.h"

#include <stdio.h>

#include "base/test.h"

static struct arena arena = ARENA(1 << 20);
static struct works all;

static struct doc *request(const char *id, const char *more)
{
    char text[1200];
    struct doc *d = NULL;
    snprintf(text, sizeof text, "{\"what\":\"request\",\"id\":\"%s\",\"subject\":\"con-1\",\"person\":\"山田 太郎\",\"company\":\"水機工業\","
        "\"stream\":\"sk/v1/w/gw-02/#\",\"number\":\"2026-41\",\"supervisor\":\"sato\",\"purpose\":\"pump check\",\"requester\":\"sato\","
        "\"from\":\"2026-01-01T00:00:00Z\",\"until\":\"2026-01-01T02:00:00Z\"%s}", id, more);
    CHECK_QUIET(ok(doc_read_json(bytes_str(text), &arena, &d)));
    return d;
}

static struct doc *changed(const char *id, const char *key, const char *value)
{
    struct doc *d = request(id, "");
    doc_set_text(&arena, d, key, value);
    return d;
}

static outcome step(const char *what, const char *id, int64_t at_ms)
{
    struct work_step s = { what, id, "sato", "" };
    return work_apply(&all, work_step_doc(&arena, &s), at_ms);
}

static int64_t at(const char *text)
{
    int64_t t = 0;
    CHECK_QUIET(ok(time_parse(bytes_str(text), &t)));
    return t;
}

/* Every step in every state: only the table's. */
static void the_life(void)
{
    static const char *const whats[] = { "approve", "start", "stop", "refuse", "close" };
    static const struct { const char *way[4]; enum work_state end; const char *allowed; } rows[] = {
        { { NULL }, WORK_REQUESTED, "approve refuse close" }, { { "approve" }, WORK_APPROVED, "start refuse close" },
        { { "approve", "start" }, WORK_STARTED, "stop close" }, { { "approve", "start", "stop" }, WORK_STOPPED, "" },
        { { "approve", "start", "close" }, WORK_CLOSED, "" }, { { "refuse" }, WORK_REFUSED, "" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char id[PERMIT_ID_MAX], why[WORK_WHY];
        work_next_id(&all, id);
        CHECK_OK(work_apply(&all, request(id, ""), 5));
        for (size_t k = 0; rows[i].way[k]; k++) CHECK_OK(step(rows[i].way[k], id, 6));
        CHECK(work_find(&all, id)->state == rows[i].end && work_find(&all, id)->step[rows[i].end].at_ms);
        for (size_t k = 0; k < sizeof whats / sizeof *whats; k++) {
            struct work_step s = { whats[k], id, "sato", "" };
            bool taken = ok(work_judge(&all, work_step_doc(&arena, &s), why));
            if (taken != (strstr(rows[i].allowed, whats[k]) != NULL)) printf("# %s in %s\n", whats[k], work_state_word(rows[i].end));
            CHECK(taken == (strstr(rows[i].allowed, whats[k]) != NULL));
        }
        if (rows[i].end == WORK_STARTED) CHECK_OK(step("stop", id, 7));
    }
}

static void what_is_refused(void)
{
    static const struct { const char *key, *value; enum code want; } rows[] = {
        { "person", "", E_MALFORMED }, { "person", "水機工業", E_MALFORMED }, { "person", "水機工業株式会社", E_MALFORMED },
        { "person", "Pumps Ltd", E_MALFORMED }, { "person", "a\x1b[2J", E_MALFORMED }, { "stream", "a/#/b", E_MALFORMED },
        { "stream", "", E_MALFORMED }, { "number", "", E_MALFORMED }, { "supervisor", "con-1", E_CONFLICT }, { "id", "WP-999", E_CONFLICT },
        { "until", "2026-01-01T00:00:00Z", E_RANGE }, { "until", "2026-02-01T00:00:00Z", E_RANGE }, { "until", "tomorrow", E_MALFORMED },
        { "colour", "red", E_MALFORMED } };
    char id[PERMIT_ID_MAX], why[WORK_WHY];
    work_next_id(&all, id);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome o = work_judge(&all, changed(id, rows[i].key, rows[i].value), why);
        if (o.code != rows[i].want) printf("# %s=%s: %s (%s)\n", rows[i].key, rows[i].value, code_word(o.code), why);
        CHECK(o.code == rows[i].want && why[0]);
    }
    CHECK_IS(step("start", "WP-999", 1), E_UNKNOWN);
    CHECK_IS(step("unknown", "WP-1", 1), E_MALFORMED);
}

/* One credential is one person's at a time. */
static void one_person_a_credential(void)
{
    char id[PERMIT_ID_MAX], why[WORK_WHY];
    work_next_id(&all, id);
    CHECK_OK(work_apply(&all, request(id, ""), 5));
    work_next_id(&all, id);
    CHECK_IS(work_judge(&all, changed(id, "person", "鈴木 花子"), why), E_CONFLICT);
    CHECK_OK(work_judge(&all, request(id, ""), why));
}

static void the_window(void)
{
    char id[PERMIT_ID_MAX];
    work_next_id(&all, id);
    CHECK_OK(work_apply(&all, request(id, ""), 5));
    const struct work *w = work_find(&all, id);
    CHECK_OK(step("approve", id, 6));
    CHECK(!work_open(w, at("2026-01-01T01:00:00Z")));
    CHECK_OK(step("start", id, 7));
    CHECK(!work_open(w, at("2025-12-31T23:59:59Z")) && work_open(w, at("2026-01-01T00:00:00Z")) && work_open(w, at("2026-01-01T01:59:59Z")));
    CHECK(!work_open(w, at("2026-01-01T02:00:00Z")) && work_overdue(w, at("2026-01-01T02:00:00Z")) && !work_overdue(w, at("2026-01-01T01:59:59Z")));
    CHECK(works_next_end(&all) == at("2026-01-01T02:00:00Z"));
    CHECK_OK(step("unusual", id, 8));
    CHECK(w->unusual == 1 && w->state == WORK_STARTED);
    CHECK(strlen(w->sha256) == 64 && strcmp(doc_text(work_doc(&arena, w), "state_ja", ""), "作業中") == 0);
}

int main(void)
{
    the_life();
    what_is_refused();
    one_person_a_credential();
    the_window();
    works_deinit(&all);
    arena_deinit(&arena);
    return TEST_END;
}
