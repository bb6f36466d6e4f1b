/* Incidents: what may follow what, clocks from when it was noticed, and that a wrong step changes nothing. */
#include "base/test.h"
#include "platform/incident.h"

#define ROOT64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct arena a = ARENA(1 << 20);

static outcome step(struct incidents *all, const char *json, int64_t at_ms)
{
    struct doc *d;
    TRY(doc_read_json(bytes_str(json), &a, &d));
    return incident_apply(all, d, at_ms);
}

#define OPEN(id, noticed, duties) "{\"what\":\"open\",\"id\":\"" id "\",\"by\":\"sato\",\"cause\":\"limit.gw-1\",\"title\":\"pump\",\"noticed\":\"" noticed "\"," \
    "\"size\":9,\"root\":\"" ROOT64 "\",\"duties\":" duties "}"
#define STEP(what, more) "{\"what\":\"" what "\",\"id\":\"INC-1\",\"by\":\"sato\",\"why\":\"because\"" more "}"
#define TWO "[{\"id\":\"first\",\"minutes\":60},{\"id\":\"second\",\"minutes\":120}]"

int main(void)
{
    struct incidents all = { 0 };
    enum { NOW = 3600000 };
    CHECK_IS(step(&all, OPEN("INC-2", "1970-01-01T00:00:00Z", TWO), NOW), E_CONFLICT);
    CHECK_IS(step(&all, OPEN("INC-1", "1970-01-01T02:00:00Z", TWO), NOW), E_RANGE);
    CHECK_IS(step(&all, OPEN("INC-1", "1970-01-01T00:00:00Z", "[{\"id\":\"x\",\"minutes\":1},{\"id\":\"x\",\"minutes\":2}]"), NOW), E_CONFLICT);
    CHECK_IS(step(&all, OPEN("INC-1", "1970-01-01T00:00:00Z", "[{\"id\":\"x\",\"minutes\":0}]"), NOW), E_RANGE);
    CHECK(!all.n && !incidents_open(&all));
    CHECK_OK(step(&all, OPEN("INC-1", "1970-01-01T00:30:00Z", TWO), NOW));
    const struct incident *i = incident_find(&all, "INC-1");
    CHECK(i && incidents_open(&all) && i->n_duties == 2 && i->duties[0].due_ms == 90 * MS_MINUTE);
    CHECK(!incident_missed(&i->duties[0], 90 * MS_MINUTE) && incident_missed(&i->duties[0], 90 * MS_MINUTE + 1));
    CHECK_IS(step(&all, STEP("close", ",\"loss_yen\":1,\"loss_minutes\":1"), NOW + 1), E_CONFLICT);
    CHECK_OK(step(&all, STEP("manual", ""), NOW + 1));
    CHECK_IS(step(&all, STEP("manual", ""), NOW + 2), E_CONFLICT);
    CHECK_OK(step(&all, STEP("note", ""), NOW + 2));
    CHECK_IS(step(&all, STEP("sent", ",\"duty\":\"third\""), NOW + 3), E_UNKNOWN);
    CHECK_OK(step(&all, STEP("sent", ",\"duty\":\"first\""), NOW + 3));
    CHECK_IS(step(&all, STEP("waive", ",\"duty\":\"first\""), NOW + 4), E_CONFLICT);
    CHECK(!incident_missed(&i->duties[0], 99 * MS_HOUR));
    CHECK_OK(step(&all, STEP("waive", ",\"duty\":\"second\""), NOW + 4));
    CHECK_IS(step(&all, STEP("close", ",\"loss_yen\":-1,\"loss_minutes\":1"), NOW + 5), E_RANGE);
    CHECK_IS(step(&all, "{\"what\":\"close\",\"id\":\"INC-1\",\"by\":\"sato\",\"loss_yen\":1,\"loss_minutes\":1}", NOW + 5), E_MALFORMED);
    CHECK_OK(step(&all, STEP("close", ",\"loss_yen\":1200000,\"loss_minutes\":35"), NOW + 5));
    CHECK(i->loss_yen == 1200000 && i->closed_ms == NOW + 5 && !incidents_open(&all));
    CHECK_IS(step(&all, STEP("note", ""), NOW + 6), E_CONFLICT);
    CHECK_IS(step(&all, STEP("vanish", ""), NOW + 6), E_MALFORMED);
    struct doc *d = incident_doc(&a, i, NOW + 7);
    CHECK(strcmp(doc_text(d, "state", ""), "closed") == 0 && doc_get(d, "duties")->count == 2);
    incidents_deinit(&all);
    arena_deinit(&a);
    return TEST_END;
}
