#include "platform/interlock.h"

#include <stdio.h>

#include "platform/schema.h"

bool interlock_meets(const struct interlock *k, const char *order)
{
    if (!k->only[0][0]) return true;
    for (size_t i = 0; i < sizeof k->only / sizeof *k->only; i++)
        if (k->only[i][0] && strcmp(k->only[i], order) == 0) return true;
    return false;
}

static enum interlock_state unknown(const struct interlock *k, const char *why, char ret[INTERLOCK_TEXT])
{
    (void)snprintf(ret, INTERLOCK_TEXT, "%s of %s: %s", k->field[0] ? k->field : "value", k->topic, why);
    return INTERLOCK_UNKNOWN;
}

enum interlock_state interlock_judge(const struct interlock *k, const struct registry *r, const struct values *v, int64_t now_ms,
    char ret[INTERLOCK_TEXT])
{
    const struct value *seen = values_find(v, bytes_str(k->topic));
    char is[48], wanted[48];
    const char *unit = "";
    int64_t milli = 0;
    if (!seen || !seen->known) return unknown(k, "no good value was heard", ret);
    if (seen->bad || seen->marked) return unknown(k, "its newest value is not to be relied on", ret);
    if (now_ms - seen->wall_ms > (int64_t)k->within_s * 1000) return unknown(k, "its newest value is too old", ret);
    if (!ok(schema_number(registry_stream(r, bytes_str(k->topic)), bytes_of(seen->payload, seen->n), k->field, &milli, &unit)))
        return unknown(k, "is no declared number", ret);
    if (strcmp(unit, k->unit) != 0) return unknown(k, "is in another unit", ret);
    (void)snprintf(ret, INTERLOCK_TEXT, "%s of %s is %s, must be %s %s", k->field[0] ? k->field : "value", k->topic, schema_milli(milli, unit, is, sizeof is),
        k->below ? "below" : "above", schema_milli(k->milli, k->unit, wanted, sizeof wanted));
    return (k->below ? milli < k->milli : milli > k->milli) ? INTERLOCK_GOOD : INTERLOCK_BROKEN;
}
