/* CBOR (RFC 8949), as much as authenticators speak: definite lengths, shortest heads (CTAP2 canonical form). Takes from the
 * front of a view; nothing is copied, nothing recurses. E_SHORT: bytes are missing; E_MALFORMED: not this form. */
#ifndef WIRE_CBOR_H
#define WIRE_CBOR_H

#include "base/bytes.h"

enum cbor_major { CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_LIST, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE };
struct cbor_head {
    enum cbor_major major;
    uint64_t value;        /* number, length or count; the bits of a float */
};
MUST outcome cbor_take_head(struct bytes *in, struct cbor_head *ret);
MUST outcome cbor_take_bytes(struct bytes *in, struct bytes *ret);
MUST outcome cbor_take_text(struct bytes *in, struct bytes *ret);
MUST outcome cbor_take_int(struct bytes *in, int64_t *ret);
MUST outcome cbor_take_map(struct bytes *in, uint64_t *ret_pairs);
/* One whole item, whatever is in it. */
MUST outcome cbor_skip(struct bytes *in);
void cbor_put_head(struct out *o, enum cbor_major major, uint64_t value);

#endif
