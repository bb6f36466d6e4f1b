#include "platform/unmanaged.h"

#include "base/test.h"
#include "ledger/ledger.h"
#include "platform/registry.h"

static struct arena arena = ARENA(1 << 20);

static struct doc *doc(const char *json)
{
    struct doc *d = NULL;
    CHECK_QUIET(ok(doc_read_json(bytes_str(json), &arena, &d)));
    return d;
}

static const char pump[] = "{\"id\":\"設備-1\",\"name\":\"送水ポンプ\",\"owner\":\"施設課\",\"gateway\":\"gw-02\",\"connection\":\"serial\",\"grade\":\"A\"}";

static void listed_changed_and_taken_out(void)
{
    struct registry *r = NULL;
    CHECK_OK(registry_new(&r));
    uint64_t epoch = registry_epoch(r);
    CHECK_OK(registry_apply(r, ENTRY_UNMANAGED, doc(pump), 5));
    const struct unmanaged *u = unmanaged_find(registry_unmanaged(r), "設備-1");
    CHECK(u && strcmp(u->owner, "施設課") == 0 && u->changed_ms == 5 && registry_unmanaged(r)->n == 1);
    CHECK(unmanaged_same(registry_unmanaged(r), doc(pump)));
    CHECK(unmanaged_same(registry_unmanaged(r), unmanaged_doc(&arena, u)));
    CHECK_OK(registry_apply(r, ENTRY_UNMANAGED, doc("{\"id\":\"設備-1\",\"owner\":\"水道課\"}"), 6));
    CHECK(registry_unmanaged(r)->n == 1 && strcmp(u->owner, "水道課") == 0 && !u->name[0]);
    CHECK(!unmanaged_same(registry_unmanaged(r), doc(pump)));
    CHECK_OK(registry_apply(r, ENTRY_UNMANAGED, doc("{\"id\":\"設備-1\",\"gone\":true}"), 7));
    CHECK(u->gone);
    CHECK(registry_epoch(r) == epoch); /* nobody's access hangs on it */
    CHECK(registry_identity(r, "設備-1") == NULL);
    registry_free(r);
}

static void what_is_refused(void)
{
    static const char *const bad[] = { "{\"name\":\"x\"}", "{\"id\":\"\"}", "{\"id\":1}", "{\"id\":\"a\",\"role\":\"device\"}", "{\"id\":\"a\\u001b\"}",
        "{\"id\":\"a\",\"name\":\"a\\nb\"}", "{\"id\":\"a\",\"gone\":\"yes\"}", "[]",
        "{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123\"}" };
    struct registry *r = NULL;
    CHECK_OK(registry_new(&r));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_IS(registry_judge(r, ENTRY_UNMANAGED, doc(bad[i])), E_MALFORMED);
        CHECK_IS(registry_apply(r, ENTRY_UNMANAGED, doc(bad[i]), 0), E_MALFORMED);
    }
    CHECK(registry_unmanaged(r)->n == 0);
    CHECK_OK(registry_apply(r, ENTRY_IDENTITY, doc("{\"id\":\"gw-01\",\"role\":\"device\",\"life\":\"enrolled\",\"trust\":\"unattested\"}"), 0));
    CHECK_IS(registry_judge(r, ENTRY_UNMANAGED, doc("{\"id\":\"gw-01\"}")), E_CONFLICT);
    registry_free(r);
}

int main(void)
{
    listed_changed_and_taken_out();
    what_is_refused();
    arena_deinit(&arena);
    return TEST_END;
}
