#include "device/agent/invite.h"

outcome invitation_read(struct bytes url, struct invitation *ret)
{
    struct invite_url u;
    struct invitation i = { 0 };
    TRY(invite_url_read(url, &u));
    memcpy(i.host, u.host, sizeof i.host);
    i.port = u.port;
    memcpy(i.ca_key_hash.at, u.ca_key_hash, sizeof u.ca_key_hash);
    const uint8_t *token = memchr(url.at, '#', url.n); /* as it stood: the form is known to be good */
    const uint8_t *end = memchr(token, '@', (size_t)(url.at + url.n - token));
    TRY(bytes_to_text(bytes_of(token + 1, (size_t)(end - token - 1)), i.token, sizeof i.token));
    *ret = i;
    explicit_bzero(&u, sizeof u);
    return DONE;
}
