#include "wire/proxy.h"

#include <arpa/inet.h>

enum { VERSION_LOCAL = 0x20, VERSION_PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21, TCP4_N = 12, TCP6_N = 36 };

static const struct bytes signature = { (const uint8_t *)"\r\n\r\n\0\r\nQUIT\n", 12 };

static MUST outcome address_take(uint8_t family, struct bytes in, char ret_source[LINK_ADDRESS_MAX])
{
    struct bytes source;
    if (family != TCP4 && family != TCP6) return REFUSE(E_UNSUPPORTED);
    bool v6 = family == TCP6;
    if (in.n < (v6 ? TCP6_N : TCP4_N)) return REFUSE(E_MALFORMED);
    TRY(take(&in, v6 ? 16 : 4, &source));
    if (!inet_ntop(v6 ? AF_INET6 : AF_INET, source.at, ret_source, LINK_ADDRESS_MAX)) return REFUSE(E_MALFORMED);
    return DONE;
}

outcome proxy_take(struct bytes in, size_t *ret_n, char ret_source[LINK_ADDRESS_MAX])
{
    struct bytes first, rest = in, body;
    uint8_t command, family;
    uint16_t length;
    char source[LINK_ADDRESS_MAX] = "";
    size_t some = in.n < signature.n ? in.n : signature.n;
    if (!bytes_equal(bytes_of(in.at, some), bytes_of(signature.at, some))) return REFUSE(E_MALFORMED);
    TRY(take(&rest, signature.n, &first));
    TRY(take_u8(&rest, &command));
    if (command != VERSION_LOCAL && command != VERSION_PROXY) return REFUSE(E_MALFORMED);
    TRY(take_u8(&rest, &family));
    TRY(take_u16(&rest, &length));
    if (signature.n + 4 + length > PROXY_MAX) return REFUSE(E_TOO_LARGE);
    TRY(take(&rest, length, &body));
    if (command == VERSION_PROXY) TRY(address_take(family, body, source));
    memcpy(ret_source, source, sizeof source);
    *ret_n = in.n - rest.n;
    return DONE;
}
