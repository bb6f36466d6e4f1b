/* WebSocket frames (RFC 6455) as a server that carries MQTT over them reads and writes them: a strict
 * subset. Binary messages only (MQTT 5, 6.0), no extensions; frames of a client are masked, lengths
 * minimal, control frames whole and at most 125 bytes. The data is a stream: MQTT packets need not
 * meet the borders of frames. Pure; nothing is held back but the head and a control frame. */
#ifndef WIRE_WS_H
#define WIRE_WS_H

#include "base/mem.h"

#define WS_FRAME_MAX 2000000u  /* data of one frame */
#define WS_FRAGMENTS_MAX 1024u /* frames of one message */
#define WS_BARREN_MAX 256u     /* frames without data, pings too, between two bytes of data */
#define WS_CONTROL_MAX 125u    /* RFC 6455, 5.5 */
#define WS_KEY_TEXT 25         /* room for Sec-WebSocket-Key: base64 of 16 bytes */

enum ws_code { WS_NORMAL = 1000, WS_GOING_AWAY = 1001, WS_PROTOCOL = 1002, WS_DATA_TYPE = 1003, WS_POLICY = 1008,
    WS_TOO_BIG = 1009 };

struct ws {
    uint8_t head[14];    /* what has come of the head of a frame */
    uint8_t head_n;
    bool in_frame;       /* the head is whole; left bytes of payload follow */
    bool fin;
    uint8_t opcode;
    uint8_t mask[4];
    uint64_t left, taken;
    bool in_message;     /* a message without its last fragment yet */
    uint32_t fragments, barren;
    uint8_t control[WS_CONTROL_MAX];
    bool over;           /* a close frame was sent or the peer broke the rules: nothing more is read */
};

/* Bytes of the peer. Data is appended to data, a pong or close frame to answer.
 * E_CLOSED: the peer said goodbye (its close frame was answered). E_MALFORMED: it broke the rules and was
 * told why by a close frame. E_MEMORY, E_TOO_LARGE: data or answer could not hold it. */
MUST outcome ws_take(struct ws *w, struct bytes in, struct buffer *data, struct buffer *answer);

/* One unfragmented binary frame, unmasked. */
MUST outcome ws_put_data(struct bytes payload, struct buffer *b);
/* Head alone: at most 10 bytes; the payload follows it. */
size_t ws_head(size_t payload_n, uint8_t ret[10]);
/* A close frame, once; nothing when one was sent already. */
MUST outcome ws_put_close(struct ws *w, enum ws_code code, struct buffer *b);

#endif
