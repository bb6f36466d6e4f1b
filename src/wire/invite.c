/* One writer and one reader, so that what a site prints is what a device takes. */
#include "wire/invite.h"

#define TOKEN_TEXT (4 * ((INVITE_TOKEN_BYTES + 2) / 3) + 1)

static void put_base64url(struct out *o, const uint8_t b[32])
{
    char text[TOKEN_TEXT];
    base64_of(bytes_of(b, 32), text);
    for (const char *c = text; *c != 0 && *c != '='; c++)
        put_u8(o, (uint8_t)(*c == '+' ? '-' : *c == '/' ? '_' : *c));
}

static bool host_valid(struct bytes host)
{
    if (host.n == 0 || host.n >= INVITE_HOST_MAX) return false;
    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || c == '.' || c == '-' || c == ':' || c == '_';
        if (!good) return false;
    }
    return true;
}

outcome invite_url_make(const struct invite_url *i, char url[INVITE_URL_MAX])
{
    if (!host_valid(bytes_str(i->host)) || i->port == 0) return REFUSE(E_RANGE);
    bool v6 = strchr(i->host, ':') != NULL;
    struct out o = out_of(url, INVITE_URL_MAX - 1);
    put_fmt(&o, v6 ? "https://[%s]:%u/join#" : "https://%s:%u/join#", i->host, i->port);
    put_base64url(&o, i->token);
    put_u8(&o, '@');
    put_base64url(&o, i->ca_key_hash);
    TRY(out_done(&o));
    url[o.n] = 0;
    return DONE;
}

/* What stands before the first `end`, which is consumed too. */
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

outcome invite_token_read(struct bytes text, uint8_t ret[INVITE_TOKEN_BYTES])
{
    uint8_t raw[48];
    size_t n = 0;
    if (text.n < 43 || text.n > 44) return REFUSE(E_MALFORMED);
    TRY(base64_to(text, raw, sizeof raw, &n));
    if (n != 32) return REFUSE(E_MALFORMED);
    memcpy(ret, raw, 32);
    return DONE;
}

outcome invite_url_read(struct bytes url, struct invite_url *ret)
{
    struct invite_url i = { 0 };
    struct bytes host, port, token;
    if (url.n >= INVITE_URL_MAX) return REFUSE(E_TOO_LARGE);
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
    if (!host_valid(host)) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(host, i.host, sizeof i.host));
    TRY(port_read(port, &i.port));
    TRY(invite_token_read(token, i.token));
    TRY(invite_token_read(url, i.ca_key_hash));
    *ret = i;
    return DONE;
}
