#include "wire/ws.h"

enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { BIT_FIN = 0x80, BITS_RSV = 0x70, BITS_OPCODE = 0x0F, BIT_MASK = 0x80, BITS_LENGTH = 0x7F };
enum { LENGTH_16 = 126, LENGTH_64 = 127, MASK_N = 4 };

static bool is_control(uint8_t opcode)
{
    return opcode & 8;
}

static MUST outcome put_control(uint8_t opcode, struct bytes payload, struct buffer *b)
{
    uint8_t frame[2 + WS_CONTROL_MAX];
    struct out o = out_of(frame, sizeof frame);
    put_u8(&o, BIT_FIN | opcode);
    put_u8(&o, (uint8_t)payload.n);
    put(&o, payload);
    TRY(out_done(&o));
    return buffer_put(b, out_view(&o));
}

outcome ws_put_close(struct ws *w, enum ws_code code, struct buffer *b)
{
    const uint8_t payload[] = { (uint8_t)(code >> 8), (uint8_t)code };
    if (w->over) return DONE;
    w->over = true;
    return put_control(OP_CLOSE, bytes_of(payload, sizeof payload), b);
}

size_t ws_head(size_t payload_n, uint8_t ret[10])
{
    struct out o = out_of(ret, 10);
    put_u8(&o, BIT_FIN | OP_BINARY);
    if (payload_n < LENGTH_16) {
        put_u8(&o, (uint8_t)payload_n);
    } else if (payload_n <= UINT16_MAX) {
        put_u8(&o, LENGTH_16);
        put_u16(&o, (uint16_t)payload_n);
    } else {
        put_u8(&o, LENGTH_64);
        put_u64(&o, payload_n);
    }
    return o.n;
}

outcome ws_put_data(struct bytes payload, struct buffer *b)
{
    uint8_t head[10];
    size_t before = b->n, n = ws_head(payload.n, head);
    TRY(buffer_put(b, bytes_of(head, n)));
    outcome o = buffer_put(b, payload);
    if (!ok(o)) b->n = before;
    return o;
}

static MUST outcome broken(struct ws *w, enum ws_code code, struct buffer *answer)
{
    TRY(ws_put_close(w, code, answer));
    return REFUSE(E_MALFORMED);
}

/* Bytes the head has, as far as it can be told from what came. */
static size_t head_needs(const struct ws *w)
{
    if (w->head_n < 2) return 2;
    uint8_t length = w->head[1] & BITS_LENGTH;
    return 2 + (length == LENGTH_16 ? 2u : length == LENGTH_64 ? 8u : 0u) + MASK_N;
}

/* 0, or why the frame is refused [RFC 6455, 5.2 to 5.5; MQTT 5, 6.0]. */
static enum ws_code judge_first(const struct ws *w)
{
    uint8_t opcode = w->head[0] & BITS_OPCODE, length = w->head[1] & BITS_LENGTH;
    bool fin = w->head[0] & BIT_FIN;
    if (w->head[0] & BITS_RSV) return WS_PROTOCOL;
    if (!(w->head[1] & BIT_MASK)) return WS_PROTOCOL; /* 5.1: a client masks */
    switch (opcode) {
    case OP_CONTINUE:
        if (!w->in_message) return WS_PROTOCOL;
        return w->fragments >= WS_FRAGMENTS_MAX ? WS_PROTOCOL : 0;
    /* MQTT 5, 6.0.0-1 and 6.0.0-2: binary, and their borders mean nothing */
    case OP_BINARY: return w->in_message ? WS_PROTOCOL : 0;
    case OP_TEXT: return WS_DATA_TYPE; /* MQTT-6.0.0-1 */
    case OP_CLOSE:
    case OP_PING:
    case OP_PONG: return fin && length <= WS_CONTROL_MAX ? 0 : WS_PROTOCOL;
    default: return WS_PROTOCOL;
    }
}

static enum ws_code judge_length(const struct ws *w, uint64_t n)
{
    uint8_t length = w->head[1] & BITS_LENGTH;
    if (length == LENGTH_16 && n < LENGTH_16) return WS_PROTOCOL;
    if (length == LENGTH_64 && (n <= UINT16_MAX || n >> 63)) return WS_PROTOCOL;
    return n > WS_FRAME_MAX ? WS_TOO_BIG : 0;
}

static MUST outcome head_whole(struct ws *w, struct buffer *answer)
{
    struct bytes in = bytes_of(w->head + 2, (size_t)w->head_n - 2), mask;
    uint8_t length = w->head[1] & BITS_LENGTH;
    uint16_t n16;
    uint64_t n = length;
    if (length == LENGTH_16) {
        TRY(take_u16(&in, &n16));
        n = n16;
    } else if (length == LENGTH_64) {
        TRY(take_u64(&in, &n));
    }
    TRY(take(&in, MASK_N, &mask));
    enum ws_code why = judge_length(w, n);
    if (why) return broken(w, why, answer);
    memcpy(w->mask, mask.at, MASK_N);
    w->opcode = w->head[0] & BITS_OPCODE;
    w->fin = w->head[0] & BIT_FIN;
    w->left = n;
    w->taken = 0;
    w->in_frame = true;
    w->head_n = 0;
    w->barren++;
    if (w->barren > WS_BARREN_MAX) return broken(w, WS_PROTOCOL, answer);
    if (is_control(w->opcode)) return DONE;
    w->fragments = w->opcode == OP_CONTINUE ? w->fragments + 1 : 1;
    w->in_message = !w->fin;
    return DONE;
}

static void unmask(const struct ws *w, uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) at[i] ^= w->mask[(w->taken + i) % MASK_N];
}

/* RFC 6455, 7.4: codes a peer may send. */
static bool code_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static MUST outcome closed(struct ws *w, struct buffer *answer)
{
    struct bytes in = bytes_of(w->control, (size_t)w->taken);
    uint16_t code = WS_NORMAL;
    if (in.n == 1) return broken(w, WS_PROTOCOL, answer);
    if (in.n) TRY(take_u16(&in, &code));
    if (!code_valid(code) || !bytes_is_utf8(in)) return broken(w, WS_PROTOCOL, answer);
    TRY(ws_put_close(w, (enum ws_code)code, answer));
    return REFUSE(E_CLOSED);
}

static MUST outcome frame_whole(struct ws *w, struct buffer *answer)
{
    w->in_frame = false;
    if (w->opcode == OP_CLOSE) return closed(w, answer);
    if (w->opcode == OP_PING) return put_control(OP_PONG, bytes_of(w->control, (size_t)w->taken), answer);
    return DONE;
}

static MUST outcome payload(struct ws *w, struct bytes in, struct buffer *data)
{
    uint8_t *to = w->control + w->taken;
    if (is_control(w->opcode)) {
        assert(w->taken + in.n <= WS_CONTROL_MAX); /* judged with the head */
        memcpy(to, in.at, in.n);
    } else {
        TRY(buffer_put(data, in));
        to = data->at + data->n - in.n;
        w->barren = 0;
    }
    unmask(w, to, in.n);
    w->taken += in.n;
    w->left -= in.n;
    return DONE;
}

static MUST outcome head_more(struct ws *w, struct bytes *in, struct buffer *answer)
{
    TRY(take_u8(in, &w->head[w->head_n]));
    w->head_n++;
    if (w->head_n == 2) {
        enum ws_code why = judge_first(w);
        if (why) return broken(w, why, answer);
    }
    return w->head_n == head_needs(w) ? head_whole(w, answer) : DONE;
}

outcome ws_take(struct ws *w, struct bytes in, struct buffer *data, struct buffer *answer)
{
    /* Every pass takes a byte of the input or ends a frame whose head was taken from it. */
    while (!w->over) {
        if (!w->in_frame) {
            if (!in.n) break;
            TRY(head_more(w, &in, answer));
            continue;
        }
        struct bytes some;
        size_t n = w->left < in.n ? (size_t)w->left : in.n;
        TRY(take(&in, n, &some));
        if (n) TRY(payload(w, some, data));
        if (w->left) break;
        TRY(frame_whole(w, answer));
    }
    return w->over ? REFUSE(E_CLOSED) : DONE;
}
