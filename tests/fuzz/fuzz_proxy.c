/* The header of a balancer: what is taken is inside the input, and a prefix of it is never taken for a whole one. */
#include <arpa/inet.h>

#include "fuzz.h"
#include "wire/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char source[LINK_ADDRESS_MAX] = "?", again[LINK_ADDRESS_MAX];
    uint8_t address[16];
    size_t taken = 0, other = 0;
    struct bytes in = bytes_of(data, n);
    outcome o = proxy_take(in, &taken, source);
    HOLDS(ok(o) || (taken == 0 && source[0] == '?'));
    HOLDS(o.code != E_SHORT || n < PROXY_MAX);
    if (!ok(o)) return 0;
    HOLDS(taken >= 16 && taken <= n && taken <= PROXY_MAX);
    HOLDS(!source[0] || inet_pton(AF_INET, source, address) == 1 || inet_pton(AF_INET6, source, address) == 1);
    for (size_t some = 0; some < taken; some++) HOLDS(proxy_take(bytes_of(data, some), &other, again).code == E_SHORT);
    return 0;
}
