#include "device/agent/origin.h"

#include "wire/cose.h"
#include "wire/origin.h"

enum { TAIL_MAX = 256, BATCH_BYTES = 8 << 10 };

outcome origin_add(struct origin *o, uint64_t n, struct bytes tail, struct bytes payload, int64_t now_ms)
{
    uint8_t head[64 + TAIL_MAX];
    struct out h = out_of(head, sizeof head);
    struct hash leaf;
    if (o->count == ORIGIN_BATCH_ROWS + 1) return REFUSE(E_FULL);
    if (o->count > 0 && n != o->first + o->count) return REFUSE(E_CONFLICT);
    origin_put_leaf_head(&h, n, tail, payload.n);
    TRY(out_done(&h));
    struct bytes parts[2] = { out_view(&h), payload };
    hash_sha256_parts(parts, 2, &leaf);
    if (o->count == 0) {
        o->first = n;
        o->since_ms = now_ms;
    }
    memcpy(o->leaves[o->count++], leaf.at, 32);
    return DONE;
}

/* A batch alone is no reason for the next. */
static bool worth_it(const struct origin *o)
{
    return o->count > 1;
}

bool origin_due(const struct origin *o, int64_t now_ms)
{
    return o->count >= ORIGIN_BATCH_ROWS || (worth_it(o) && now_ms - o->since_ms >= ORIGIN_BATCH_MS);
}

int origin_wait_ms(const struct origin *o, int64_t now_ms)
{
    if (origin_due(o, now_ms)) return 0;
    return worth_it(o) ? (int)(ORIGIN_BATCH_MS - (now_ms - o->since_ms)) : -1;
}

static MUST outcome sign(const struct key *k, struct bytes payload, struct buffer *ret)
{
    struct buffer protected = BUFFER(128), tbs = BUFFER(BATCH_BYTES), spki = BUFFER(1024);
    uint8_t signature[KEY_P256_SIGNATURE];
    struct hash id;
    outcome o = key_write_public_der(k, &spki);
    if (ok(o)) {
        hash_sha256(buffer_view(&spki), &id);
        o = cose_protected(hash_view(&id), &protected);
    }
    if (ok(o)) o = cose_signed(buffer_view(&protected), payload, &tbs);
    if (ok(o)) o = key_sign_p256(k, buffer_view(&tbs), signature);
    if (ok(o)) {
        struct cose_sign1 c = { .protected = buffer_view(&protected), .spki = buffer_view(&spki), .payload = payload,
            .signature = bytes_of(signature, sizeof signature) };
        o = cose_write(&c, ret);
    }
    buffer_deinit(&protected);
    buffer_deinit(&tbs);
    buffer_deinit(&spki);
    return o;
}

outcome origin_sign(const struct origin *o, const char *site, const char *device, const struct key *k, struct buffer *ret)
{
    struct buffer payload = BUFFER(BATCH_BYTES);
    struct origin_batch b = { bytes_str(site), bytes_str(device), o->first, o->count, bytes_of(o->leaves, 32 * o->count) };
    outcome done = o->count > 0 ? origin_write(&b, &payload) : REFUSE(E_UNKNOWN);
    if (ok(done)) done = sign(k, buffer_view(&payload), ret);
    buffer_deinit(&payload);
    return done;
}

void origin_clear(struct origin *o)
{
    o->first = 0;
    o->count = 0;
}
