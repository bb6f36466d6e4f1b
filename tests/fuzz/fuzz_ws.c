/* WebSocket frames of a peer: however the bytes arrive, the same data and the same answers come out; nothing is
 * made up; what is answered is bounded by what came. */
#include "fuzz.h"
#include "wire/ws.h"

enum { ROOM = 1 << 20 };

static outcome take_all(struct bytes in, size_t piece, struct buffer *data, struct buffer *answer)
{
    struct ws w = { 0 };
    outcome o = DONE;
    for (size_t at = 0; at < in.n && ok(o); at += piece) {
        size_t n = in.n - at < piece ? in.n - at : piece;
        o = ws_take(&w, bytes_of(in.at + at, n), data, answer);
        HOLDS(ok(o) || o.code == E_CLOSED || o.code == E_MALFORMED);
        HOLDS(ok(o) || w.over);
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
    struct buffer a = BUFFER(ROOM), b = BUFFER(ROOM), said = BUFFER(ROOM), said_too = BUFFER(ROOM), frame = BUFFER(ROOM);
    if (n > ROOM / 2) return 0;
    struct bytes in = bytes_of(input, n);
    outcome whole = take_all(in, n ? n : 1, &a, &said), pieces = take_all(in, 1 + n / 64, &b, &said_too);
    HOLDS(whole.code == pieces.code);
    HOLDS(bytes_equal(buffer_view(&a), buffer_view(&b)) && bytes_equal(buffer_view(&said), buffer_view(&said_too)));
    HOLDS(a.n <= n && said.n <= n + 4);
    HOLDS(ok(ws_put_data(in, &frame)) && frame.n > n && frame.n <= n + 10);
    buffer_deinit(&a);
    buffer_deinit(&b);
    buffer_deinit(&said);
    buffer_deinit(&said_too);
    buffer_deinit(&frame);
    return 0;
}
