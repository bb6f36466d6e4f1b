/* What a peer's broker can make us read: the courier's records with its messages, and payloads at the stages. */
#include "checkpoint/stage.h"
#include "fuzz.h"
#include "wire/courier.h"

static void check_flat(struct bytes in)
{
    struct flat f;
    if (!ok(flat_read(in, &f))) return;
    HOLDS(f.n <= FLAT_MAX);
    for (size_t i = 0; i < f.n; i++) {
        HOLDS(fuzz_inside(f.at[i].name, in) && fuzz_inside(f.at[i].raw, in) && fuzz_inside(f.at[i].text, in) && f.at[i].name.n > 0);
        for (size_t k = 0; k < i; k++) HOLDS(!bytes_equal(f.at[i].name, f.at[k].name));
    }
}

/* A flow with every stage: what passes is on its topic, within its range, and reduced to what may leave. */
static void check_stages(struct bytes in)
{
    static const uint8_t key[32];
    struct flow flow = { .direction = FLOW_OUT, .remote = "a", .per_minute = 60, .bytes_max = 64, .n_fields = 1, .age_s = 60, .time_field = "t",
        .fields = { { .name = "v", .number = true, .ranged = true, .low_milli = 0, .high_milli = 5000 } }, .keep = { "v" } };
    struct flow_memory memory = { 0 };
    struct flat f, again;
    struct buffer out = BUFFER(65536);
    struct stage_case c = { .flow = &flow, .memory = &memory, .direction = FLOW_OUT, .topic = BYTES_LIT("a"), .payload = in, .wall_ms = 1000,
        .mono_ms = 1, .alias_key = key, .out = &out };
    if (ok(flat_read(in, &f))) c.flat = &f;
    enum stage_result r = stages_run(&c, STAGES_ALWAYS | 1u << STAGE_SCHEMA | 1u << STAGE_REDUCE);
    if (r == STAGE_PASSES) {
        HOLDS(ok(flat_read(buffer_view(&out), &again)) && again.n == 1 && again.at[0].numeric);
        HOLDS(again.at[0].milli >= 0 && again.at[0].milli <= 5000 && in.n <= 64);
    }
    buffer_deinit(&out);
}

static void check_record(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    enum courier_kind kind;
    uint32_t peer;
    struct courier_message m;
    struct courier_peer p;
    static uint8_t room[1 << 20];
    struct out o = out_of(room, sizeof room);
    if (n > sizeof room / 2 || !ok(courier_take_head(&in, &kind, &peer))) return;
    if (ok(courier_take_message(in, &m))) courier_put_message(&o, kind, peer, &m);
    else if (kind == COURIER_PEER && ok(courier_take_peer(in, &p))) courier_put_peer(&o, peer, &p);
    else return;
    HOLDS(ok(out_done(&o)) && bytes_equal(out_view(&o), bytes_of(data, n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    check_flat(bytes_of(data, n));
    check_stages(bytes_of(data, n));
    check_record(data, n);
    return 0;
}
