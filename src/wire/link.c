/* Records between gate and core: heads, and the longest record. The ends do not trust each other. */
#include "wire/link.h"

#include <arpa/inet.h>

const char *link_refusal_word(enum link_refusal r)
{
    static const char *const words[LINK_REFUSAL_COUNT] = {
#define X(name, word) [name] = word,
        LINK_REFUSALS(X)
#undef X
    };
    return (unsigned)r < LINK_REFUSAL_COUNT ? words[r] : "?";
}

void link_source_key(const char *text, char ret_key[LINK_ADDRESS_MAX])
{
    struct in6_addr a;
    struct out o = out_of(ret_key, LINK_ADDRESS_MAX - 1);
    if (inet_pton(AF_INET6, text, &a) == 1) {
        memset(a.s6_addr + 8, 0, 8);
        char network[INET6_ADDRSTRLEN];
        put_str(&o, inet_ntop(AF_INET6, &a, network, sizeof network));
        put_str(&o, "/64");
    } else {
        put(&o, bytes_of(text, strnlen(text, LINK_ADDRESS_MAX - 1)));
    }
    ret_key[o.n] = 0;
}

static bool kind_known(uint8_t k)
{
    return (k >= LINK_LISTEN && k <= LINK_PEERS) || (k >= LINK_READY && k <= LINK_BEHIND)
        || (k >= LINK_ADMIT && k <= LINK_PLACE);
}

void link_put_head(struct out *o, enum link_kind kind, uint32_t link)
{
    put_u8(o, (uint8_t)kind);
    put_u32(o, link);
}

outcome link_take_head(struct bytes *in, enum link_kind *ret_kind, uint32_t *ret_link)
{
    struct bytes rest = *in;
    uint8_t k;
    uint32_t link;
    TRY(take_u8(&rest, &k));
    TRY(take_u32(&rest, &link));
    if (!kind_known(k)) return REFUSE(E_MALFORMED);
    *in = rest;
    *ret_kind = (enum link_kind)k;
    *ret_link = link;
    return DONE;
}

enum { UP_CERTIFICATE = 1, UP_EXPIRED = 2 };

void link_put_up(struct out *o, uint32_t link, const struct link_up *up)
{
    link_put_head(o, LINK_UP, link);
    put_u8(o, (uint8_t)up->listener);
    put_u8(o, (uint8_t)((up->has_certificate ? UP_CERTIFICATE : 0) | (up->expired ? UP_EXPIRED : 0)));
    put_field16(o, bytes_str(up->source));
    put(o, bytes_of(up->key_hash, sizeof up->key_hash));
    put_field16(o, bytes_of(up->serial, up->serial_n));
    put_u64(o, (uint64_t)up->not_after_ms);
    put_u16(o, up->tls_version);
}

outcome link_take_up(struct bytes in, struct link_up *ret)
{
    struct link_up up = { 0 };
    struct bytes source, key, serial;
    uint8_t listener, flags;
    uint64_t not_after;
    TRY(take_u8(&in, &listener));
    TRY(take_u8(&in, &flags));
    TRY(take_field16(&in, &source));
    TRY(take(&in, sizeof up.key_hash, &key));
    TRY(take_field16(&in, &serial));
    TRY(take_u64(&in, &not_after));
    TRY(take_u16(&in, &up.tls_version));
    TRY(at_end(in));
    if (flags & ~(UP_CERTIFICATE | UP_EXPIRED)) return REFUSE(E_MALFORMED);
    if (listener >= LISTENERS || serial.n > sizeof up.serial) return REFUSE(E_RANGE);
    TRY(bytes_to_text(source, up.source, sizeof up.source));
    up.listener = (enum listener)listener;
    up.has_certificate = flags & UP_CERTIFICATE;
    up.expired = flags & UP_EXPIRED;
    memcpy(up.key_hash, key.at, key.n);
    if (serial.n) memcpy(up.serial, serial.at, serial.n);
    up.serial_n = (uint8_t)serial.n;
    up.not_after_ms = (int64_t)not_after;
    *ret = up;
    return DONE;
}
