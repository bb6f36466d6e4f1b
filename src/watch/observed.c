#include "watch/observed.h"

#include "watch/dissect.h"

_Static_assert(OBSERVED_ADDRESS == ADDRESS_TEXT, "an address as it is written");

outcome observed_host(const char *address, const char *protocol, char ret_address[OBSERVED_ADDRESS], const char **ret_word)
{
    struct address a;
    enum proto p;
    if (!ok(address_parse(address, &a)) || !ok(proto_parse(protocol, &p)) || !address_host(&a)) return REFUSE(E_MALFORMED);
    address_text(&a, ret_address);
    *ret_word = proto_word(p);
    return DONE;
}

void observed_text(struct bytes raw, char *text, size_t size)
{
    text_shown(raw, text, size);
}
