/* The public statement: only what the mission owner and the executive body signed, only until its end, and again after a restart. */
#include "assurance/public.h"

#include "assurance/story_test.h"

static struct doc *pair(struct arena *a, const char *ja, const char *en)
{
    struct doc *d = doc_map(a);
    doc_set_text(a, d, "ja", ja);
    doc_set_text(a, d, "en", en);
    return d;
}

static struct doc *draft(struct arena *a, int64_t at_ms, int64_t days)
{
    struct doc *d = doc_map(a), *list = doc_list(a), *x = doc_map(a);
    doc_set_text(a, d, "type", "public");
    doc_set_text(a, d, "site", SITE);
    doc_set_time(a, d, "at", at_ms);
    doc_set_text(a, d, "id", "P-1");
    doc_set_time(a, d, "expires", at_ms + days * MS_DAY);
    doc_set_bool(a, d, "withdrawn", false);
    doc_set(a, d, "text", pair(a, "安全な水を届けます <b>", "We deliver safe water"));
    doc_set_text(a, x, "id", "supply");
    doc_set(a, x, "name", pair(a, "給水", "Supply"));
    doc_set(a, x, "expects", pair(a, "止まらない", "does not stop"));
    doc_set(a, x, "achieved", pair(a, "20年に1度", "once in 20 years"));
    doc_add(list, x);
    doc_set(a, d, "services", list);
    return d;
}

static bool stands(const struct story *s, int64_t now_ms)
{
    return assurance_public_doc(s->a, now_ms) != NULL;
}

static void test_published(struct story *s, struct arena *a)
{
    CHECK(!stands(s, s->now));
    CHECK_IS(story_give(s, assurance_public, draft(a, s->now, 30), KEYS(MO, AO)), E_DENIED); /* the executive is missing */
    CHECK_IS(story_give(s, assurance_public, draft(a, s->now, 30), KEYS(EX)), E_DENIED);
    CHECK(!stands(s, s->now));
    CHECK_OK(story_give(s, assurance_public, draft(a, s->now, 30), KEYS(MO, EX)));
    CHECK(stands(s, s->now) && stands(s, s->now + 30 * MS_DAY - 1) && !stands(s, s->now + 30 * MS_DAY));
    CHECK_IS(story_give(s, assurance_public, draft(a, s->now, 30), KEYS(MO, EX)), E_CONFLICT); /* the same again */
    s->now += MS_HOUR;
    s->refuse_writes = true;
    CHECK_IS(story_give(s, assurance_public, draft(a, s->now, 10), KEYS(MO, EX)), E_IO); /* not recorded: not shown */
    s->refuse_writes = false;
    CHECK(stands(s, s->now + 20 * MS_DAY));
}

static void test_refused(struct story *s, struct arena *a)
{
    static const char *const members[] = { "id", "expires", "text", "services" };
    s->now += MS_HOUR;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct doc *d = draft(a, s->now, 30);
        doc_set_text(a, d, members[i], "");
        CHECK_IS(story_give(s, assurance_public, d, KEYS(MO, EX)), E_MALFORMED);
        CHECK(strstr(s->why, members[i]) != NULL);
    }
    CHECK_IS(story_give(s, assurance_public, draft(a, s->now, PUBLIC_DAYS_MAX + 1), KEYS(MO, EX)), E_MALFORMED);
    CHECK_IS(story_give(s, assurance_public, draft(a, s->now - 40 * MS_DAY, 30), KEYS(MO, EX)), E_CONFLICT);
    CHECK(stands(s, s->now));
}

static void test_again_and_withdrawn(struct story *s, struct arena *a)
{
    struct story copy = *s;
    copy.n = 0, copy.cap = 0, copy.entries = NULL;
    copy.a = story_machine(&copy);
    for (size_t i = 0; i < s->n; i++)
        CHECK_QUIET(ok(assurance_replay(copy.a, s->entries[i].kind, bytes_str(s->entries[i].json), s->entries[i].at_ms)));
    CHECK(stands(&copy, s->now));
    assurance_free(copy.a);
    struct doc *d = draft(a, s->now, 30);
    doc_set_bool(a, d, "withdrawn", true);
    CHECK_OK(story_give(s, assurance_public, d, KEYS(MO, EX)));
    CHECK(!stands(s, s->now));
}

int main(void)
{
    struct story s;
    struct arena a = ARENA(4u << 20);
    story_begin(&s);
    CHECK_OK(assurance_start(s.a, s.now));
    test_published(&s, &a);
    test_refused(&s, &a);
    test_again_and_withdrawn(&s, &a);
    arena_deinit(&a);
    story_end(&s);
    return TEST_END;
}
