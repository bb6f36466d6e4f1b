/* An agreement for the tests of this room, and one member of it changed. */
#ifndef CHECKPOINT_EXAMPLE_TEST_H
#define CHECKPOINT_EXAMPLE_TEST_H

#include "base/test.h"
#include "checkpoint/agreement.h"

#define EXAMPLE_HEAD "{\"schema\":\"sekimori-agreement/1\",\"site\":\"mizu\",\"id\":\"cloud\",\"name_ja\":\"監視\",\"name_en\":\"Watch\"," \
    "\"contact\":\"soc@cloud.example\",\"boundary\":\"to their broker\",\"retention\":\"90 days\",\"until\":\"2030-01-01T00:00:00Z\"," \
    "\"link\":{\"host\":\"127.0.0.1\",\"port\":1883,\"transport\":\"plaintext-loopback\"}," \
    "\"standing\":{\"claimed\":100,\"class_default\":2000,\"vouched\":\"none\"},"
#define EXAMPLE_IN "{\"id\":\"demand\",\"direction\":\"in\",\"local\":\"sk/v1/mizu/peer-cloud/m/demand\",\"remote\":\"out/demand\",\"label\":\"internal\"," \
    "\"purpose\":\"forecast\",\"quota\":{\"per_minute\":60,\"bytes\":200},\"stages\":{\"schema\":{\"v\":{\"from\":0,\"to\":\"9.5\"},\"t\":{\"number\":true}}," \
    "\"fresh\":{\"time\":\"t\",\"age_s\":60},\"plausible\":{\"like\":\"sk/v1/mizu/level-01/m/level\",\"field\":\"v\",\"within\":\"1.0\"},\"delay\":5}," \
    "\"risk\":{\"effect\":\"degrade\",\"connection\":\"same-zone\",\"loss_yen\":39060064,\"tolerance_yen\":2000000,\"needs\":{\"si\":1}}}"
#define EXAMPLE_OUT "{\"id\":\"level\",\"direction\":\"out\",\"local\":\"sk/v1/mizu/level-01/m/level\",\"remote\":\"in/level\",\"label\":\"internal\"," \
    "\"purpose\":\"monitoring\",\"quota\":{\"per_minute\":60,\"bytes\":200},\"stages\":{\"reduce\":{\"keep\":[\"v\",\"who\"],\"alias\":[\"who\"],\"every_s\":10}}," \
    "\"risk\":{\"loss_yen\":0,\"tolerance_yen\":100}}"
#define EXAMPLE_COMMAND "{\"id\":\"pump\",\"direction\":\"in\",\"local\":\"sk/v1/mizu/gw-02/cmd/pump\",\"remote\":\"out/pump\",\"label\":\"internal\"," \
    "\"purpose\":\"help\",\"command\":true,\"verbs\":[\"stop\",\"start\"],\"quota\":{\"per_minute\":6,\"bytes\":200},\"stages\":{\"hold\":true}," \
    "\"risk\":{\"effect\":\"fail\",\"connection\":\"checkpoint\",\"loss_yen\":1000,\"tolerance_yen\":1000000}}"
#define EXAMPLE EXAMPLE_HEAD "\"flows\":[" EXAMPLE_IN "," EXAMPLE_OUT "," EXAMPLE_COMMAND "]}"

/* Each test program reads it once. */
static inline outcome example_read(const char *json, struct arena *arena, struct agreement *ret, struct agreement_error *e, size_t *ret_n)
{
    struct doc *d;
    outcome o = doc_read_json(bytes_str(json), arena, &d);
    return ok(o) ? agreement_read(d, ret, e, 1, ret_n) : o;
}

#endif
