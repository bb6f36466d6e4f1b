/* Capture files: a packet handed out is inside the input, whatever the bytes say, and it ends. */
#include "fuzz.h"
#include "watch/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes whole = bytes_of(data, n), in = whole;
    struct capture c = CAPTURE;
    struct captured p;
    for (size_t taken = 0; ok(capture_next(&c, &in, &p)); taken++) {
        HOLDS(fuzz_inside(p.packet, whole) && p.packet.n <= CAPTURE_RECORD_MAX);
        HOLDS(taken <= n / 12);
    }
    HOLDS(in.n <= n && c.n_interfaces <= CAPTURE_INTERFACES_MAX);
    return 0;
}
