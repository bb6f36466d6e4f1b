#include "wire/origin.h"

#include "wire/cbor.h"

static const char mark[] = "sk-origin-1";

static MUST outcome name_take(struct bytes *in, struct bytes *ret)
{
    TRY(cbor_take_text(in, ret));
    return ret->n >= 1 && ret->n <= 64 ? DONE : REFUSE(E_RANGE);
}

outcome origin_read(struct bytes in, struct origin_batch *ret)
{
    struct origin_batch b = { 0 };
    struct cbor_head list;
    struct bytes what;
    int64_t first;
    TRY(cbor_take_head(&in, &list));
    if (list.major != CBOR_LIST || list.value != 5) return REFUSE(E_MALFORMED);
    TRY(cbor_take_text(&in, &what));
    if (!bytes_equal_str(what, mark)) return REFUSE(E_UNSUPPORTED);
    TRY(name_take(&in, &b.site));
    TRY(name_take(&in, &b.device));
    TRY(cbor_take_int(&in, &first));
    TRY(cbor_take_bytes(&in, &b.leaves));
    TRY(at_end(in));
    b.first = (uint64_t)first;
    b.count = b.leaves.n / ORIGIN_LEAF;
    if (first < 1 || first > INT64_MAX - ORIGIN_BATCH_MAX || b.leaves.n % ORIGIN_LEAF || !b.count || b.count > ORIGIN_BATCH_MAX)
        return REFUSE(E_RANGE);
    *ret = b;
    return DONE;
}

outcome origin_write(const struct origin_batch *b, struct buffer *ret)
{
    TRY(buffer_reserve(ret, sizeof mark + b->site.n + b->device.n + b->leaves.n + 40));
    struct out o = out_of(ret->at + ret->n, ret->cap - ret->n);
    cbor_put_head(&o, CBOR_LIST, 5);
    cbor_put_head(&o, CBOR_TEXT, sizeof mark - 1);
    put_str(&o, mark);
    cbor_put_head(&o, CBOR_TEXT, b->site.n);
    put(&o, b->site);
    cbor_put_head(&o, CBOR_TEXT, b->device.n);
    put(&o, b->device);
    cbor_put_head(&o, CBOR_UINT, b->first);
    cbor_put_head(&o, CBOR_BYTES, b->leaves.n);
    put(&o, b->leaves);
    TRY(out_done(&o));
    ret->n += o.n;
    return DONE;
}

void origin_put_leaf_head(struct out *o, uint64_t n, struct bytes tail, size_t payload_n)
{
    put(o, bytes_of(mark, sizeof mark)); /* with its zero */
    put_u64(o, n);
    put_field16(o, tail);
    put_u32(o, (uint32_t)payload_n);
}

bool origin_number(struct bytes payload, uint64_t *ret)
{
    static const struct bytes begins = { (const uint8_t *)"{\"n\":", 5 };
    uint64_t n = 0;
    if (!bytes_starts(payload, begins)) return false;
    size_t i = begins.n;
    for (; i < payload.n && i < begins.n + 18 && payload.at[i] >= '0' && payload.at[i] <= '9'; i++) n = n * 10 + (payload.at[i] - '0');
    if (n == 0 || i == payload.n || payload.at[i] != ',') return false;
    *ret = n;
    return true;
}

static bool level_take(struct bytes *in, struct bytes *ret)
{
    const uint8_t *end = in->n ? memchr(in->at, '/', in->n) : NULL;
    if (end == NULL) return false;
    *ret = bytes_of(in->at, (size_t)(end - in->at));
    *in = bytes_of(end + 1, in->n - ret->n - 1);
    return ret->n > 0;
}

bool origin_topic(struct bytes topic, struct bytes *ret_site, struct bytes *ret_device, struct bytes *ret_tail)
{
    static const struct bytes root = { (const uint8_t *)"sk/v1/", 6 };
    if (!bytes_starts(topic, root)) return false;
    struct bytes rest = bytes_of(topic.at + root.n, topic.n - root.n);
    if (!level_take(&rest, ret_site) || !level_take(&rest, ret_device) || rest.n == 0) return false;
    *ret_tail = rest;
    return true;
}
