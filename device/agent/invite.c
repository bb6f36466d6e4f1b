/* Reads an invite URL; trusts nothing in it but its form. */
#include "device/agent/invite.h"

/* What stands before `end`, which is consumed too. */
static MUST outcome take_until(struct bytes *in, char end, struct bytes *ret)
{
    const uint8_t *at = in->n > 0 ? memchr(in->at, end, in->n) : NULL;
    struct bytes skipped;
    if (at == NULL) return REFUSE(E_MALFORMED);
    TRY(take(in, (size_t)(at - in->at), ret));
    return take(in, 1, &skipped);
}

static MUST outcome take_literal(struct bytes *in, struct bytes literal)
{
    struct bytes found;
    if (!bytes_starts(*in, literal)) return REFUSE(E_MALFORMED);
    return take(in, literal.n, &found);
}

static MUST outcome port_read(struct bytes text, uint16_t *ret)
{
    uint32_t v = 0;
    if (text.n == 0 || text.n > 5) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (uint32_t)(text.at[i] - '0');
    }
    if (v == 0 || v > 65535) return REFUSE(E_RANGE);
    *ret = (uint16_t)v;
    return DONE;
}

static MUST outcome bytes32_read(struct bytes text, uint8_t ret[32])
{
    uint8_t raw[48];
    size_t n = 0;
    if (text.n < 43 || text.n > 44) return REFUSE(E_MALFORMED);
    TRY(base64_to(text, raw, sizeof raw, &n));
    if (n != 32) return REFUSE(E_MALFORMED);
    memcpy(ret, raw, 32);
    return DONE;
}

outcome invitation_read(struct bytes url, struct invitation *ret)
{
    struct invitation i = { 0 };
    struct bytes host, port, token;
    uint8_t raw[32];
    TRY(take_literal(&url, BYTES_LIT("https://")));
    if (bytes_starts(url, BYTES_LIT("["))) { /* an IPv6 address */
        TRY(take_literal(&url, BYTES_LIT("[")));
        TRY(take_until(&url, ']', &host));
        TRY(take_literal(&url, BYTES_LIT(":")));
    } else {
        TRY(take_until(&url, ':', &host));
    }
    TRY(take_until(&url, '/', &port));
    TRY(take_literal(&url, BYTES_LIT("join#")));
    TRY(take_until(&url, '@', &token));
    if (host.n == 0) return REFUSE(E_MALFORMED);
    for (size_t n = 0; n < host.n; n++)
        if (host.at[n] <= ' ' || host.at[n] >= 0x7f || strchr("/@\\\"", host.at[n]) != NULL)
            return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(host, i.host, sizeof i.host));
    TRY(port_read(port, &i.port));
    TRY(bytes32_read(token, raw));
    TRY(bytes_to_text(token, i.token, sizeof i.token));
    TRY(bytes32_read(url, i.ca_key_hash.at));
    *ret = i;
    return DONE;
}
