/* A certificate as a listener reads it. */
#include "fuzz.h"
#include "watch/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct certificate c = { 0 };
    if (!ok(certificate_read(bytes_of(data, n), &c))) return 0;
    HOLDS(memchr(c.subject, 0, sizeof c.subject) && bytes_is_utf8(bytes_str(c.subject)));
    return 0;
}
