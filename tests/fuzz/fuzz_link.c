/* A record from the other end of the ring. What is taken is written back as the same bytes. */
#include "fuzz.h"
#include "wire/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = bytes_of(data, n);
    uint8_t memory[256];
    enum link_kind kind;
    uint32_t link;
    struct link_up up;
    if (!ok(link_take_head(&in, &kind, &link))) return 0;
    struct out head = out_of(memory, sizeof memory);
    link_put_head(&head, kind, link);
    HOLDS(ok(out_done(&head)) && bytes_equal(out_view(&head), bytes_of(data, n - in.n)));
    if (kind != LINK_UP || !ok(link_take_up(in, &up))) return 0;
    HOLDS(up.listener < LISTENERS && up.serial_n <= sizeof up.serial);
    HOLDS(memchr(up.source, 0, sizeof up.source) != NULL);
    struct out o = out_of(memory, sizeof memory);
    link_put_up(&o, link, &up);
    HOLDS(ok(out_done(&o)) && bytes_equal(out_view(&o), bytes_of(data, n)));
    return 0;
}
