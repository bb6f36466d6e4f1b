/* Fills a stopped site's record with readings, as the core would have: for measuring a start.
 * usage: ledger-fill STATE N */
#include <stdio.h>
#include <stdlib.h>

#include "base/port/port.h"
#include "ledger/data.h"
#include "ledger/ledger.h"

static outcome fill(struct ledger *l, uint64_t n)
{
    char from[32], topic[64], value[64];
    struct buffer b = BUFFER(4096);
    uint64_t index;
    for (uint64_t i = 0; i < n; i++) {
        snprintf(from, sizeof from, "meter-%llu", (unsigned long long)(i % 100));
        snprintf(topic, sizeof topic, "sk/v1/fill/%s/m/flow", from);
        snprintf(value, sizeof value, "{\"v\":%llu}", (unsigned long long)i);
        struct data d = { .flags = i % 1000 == 0 ? DATA_RETAIN : 0, .qos = 1, .from = bytes_str(from), .topic = bytes_str(topic),
            .payload = bytes_str(value) };
        TRY(data_write(&d, &b));
        outcome o = ledger_append_for(l, from, port_wall_ms(), buffer_view(&b), &index);
        if (o.code == E_FULL) {
            TRY(ledger_sync(l));
            o = ledger_append_for(l, from, port_wall_ms(), buffer_view(&b), &index);
        }
        TRY(o);
    }
    buffer_deinit(&b);
    return ledger_sync(l);
}

int main(int argc, char **argv)
{
    char path[512];
    struct ledger *l = NULL;
    uint64_t cut;
    if (argc != 3) return 2;
    snprintf(path, sizeof path, "%s/ledger", argv[1]);
    outcome o = ledger_open(path, (struct ledger_wake) { 0 }, 2, &l, &cut);
    snprintf(path, sizeof path, "%s/data-keys", argv[1]);
    if (ok(o)) o = ledger_keys(l, path);
    if (ok(o)) o = fill(l, strtoull(argv[2], NULL, 10));
    if (l) ledger_close(l);
    if (!ok(o)) fprintf(stderr, "ledger-fill: %s at %s\n", code_word(o.code), o.at);
    return ok(o) ? 0 : 1;
}
