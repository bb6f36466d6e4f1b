#include "gate/seal_side.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/port/port.h"
#include "wire/sealing.h"

enum { ANSWER_MAX = 4096 }; /* a signature and its code; what is longer is none */

/* An answer that came after its question had timed out must not be taken for the next one's. */
static void forget_late_answers(int fd)
{
    uint8_t late[ANSWER_MAX];
    for (int i = 0; i < 64; i++)
        if (recv(fd, late, sizeof late, MSG_DONTWAIT) <= 0) return;
}

static outcome wait_for(int fd)
{
    int64_t until = port_mono_ms() + SEAL_WAIT_MS;
    for (;;) {
        int64_t left = until - port_mono_ms();
        if (left <= 0) return REFUSE(E_TIMEOUT);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int n = poll(&p, 1, (int)left);
        if (n > 0) return DONE;
        if (n < 0 && errno != EINTR) return REFUSE_SYS(E_IO, errno);
    }
}

static outcome read_answer(struct bytes in, uint8_t *ret, size_t cap, size_t *ret_n)
{
    uint8_t code;
    struct bytes signature;
    TRY(take_u8(&in, &code));
    if (code != OK) return REFUSE(code < OUTCOME_COUNT ? (enum code)code : E_MALFORMED);
    TRY(take_field16(&in, &signature));
    TRY(at_end(in));
    if (signature.n > cap || !signature.n) return REFUSE(E_RANGE);
    memcpy(ret, signature.at, signature.n);
    *ret_n = signature.n;
    return DONE;
}

static outcome ask(const struct seal_way *w, struct bytes transcript_hash, uint8_t *ret, size_t cap, size_t *ret_n)
{
    const struct seal_side *s = w->side;
    uint8_t request[2 + 64], answer[ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    if (s->fd < 0) return REFUSE(E_CLOSED);
    put_u8(&o, SEAL_HANDSHAKE);
    put_u8(&o, w->door);
    put(&o, transcript_hash);
    TRY(out_done(&o));
    forget_late_answers(s->fd);
    if (send(s->fd, request, o.n, MSG_NOSIGNAL) != (ssize_t)o.n) return REFUSE_SYS(E_CLOSED, errno);
    TRY(wait_for(s->fd));
    ssize_t n = recv(s->fd, answer, sizeof answer, MSG_DONTWAIT);
    if (n <= 0) return REFUSE(E_CLOSED);
    return read_answer(bytes_of(answer, (size_t)n), ret, cap, ret_n);
}

outcome seal_side_sign(
    void *ctx, struct bytes transcript_hash, uint8_t *ret, size_t cap, size_t *ret_n)
{
    const struct seal_way *w = ctx;
    struct seal_side *s = w->side;
    int64_t now_ms = port_mono_ms();
    outcome o = now_ms < s->quiet_until_ms ? REFUSE(E_TIMEOUT) : ask(w, transcript_hash, ret, cap, ret_n);
    if (o.code == E_TIMEOUT && now_ms >= s->quiet_until_ms)
        s->quiet_until_ms = port_mono_ms() + SEAL_QUIET_MS;
    s->failed = !ok(o);
    return o;
}
