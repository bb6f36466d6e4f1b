/* Asking the seal, one blocking round trip at a time with a deadline; see wire/sealing.h. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "node/core.h"
#include "wire/sealing.h"

static outcome ask(int fd, struct bytes request, uint8_t *answer, size_t cap, struct bytes *ret)
{
    struct timeval limit = { 2, 0 };
    if (fd < 0) return REFUSE(E_CLOSED);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (send(fd, request.at, request.n, MSG_NOSIGNAL) != (ssize_t)request.n) return REFUSE_SYS(E_CLOSED, errno);
    ssize_t n;
    do n = recv(fd, answer, cap, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0) return REFUSE_SYS(errno == EAGAIN ? E_TIMEOUT : E_CLOSED, errno);
    if (n == 0) return REFUSE(E_CLOSED);
    struct bytes in = bytes_of(answer, (size_t)n);
    uint8_t code;
    TRY(take_u8(&in, &code));
    if (code != OK) return REFUSE(code < OUTCOME_COUNT ? (enum code)code : E_MALFORMED);
    *ret = in;
    return DONE;
}

outcome seal_public(int fd, struct seal_public *ret)
{
    static const uint8_t kind = SEAL_PUBLIC;
    uint8_t answer[SEALING_ANSWER_MAX];
    struct bytes in, chain, server, key, site;
    TRY(ask(fd, bytes_of(&kind, 1), answer, sizeof answer, &in));
    TRY(take_field32(&in, &chain));
    TRY(take_field32(&in, &server));
    TRY(take_field16(&in, &key));
    TRY(take_field16(&in, &site));
    if (key.n != sizeof ret->ledger_key) return REFUSE(E_MALFORMED);
    struct seal_public p = { BUFFER(65536), BUFFER(65536), { 0 } };
    memcpy(p.ledger_key, key.at, key.n);
    outcome o = buffer_put(&p.ca_chain, chain);
    if (ok(o)) o = buffer_put(&p.server, server);
    if (!ok(o)) {
        buffer_deinit(&p.ca_chain);
        buffer_deinit(&p.server);
        return o;
    }
    *ret = p;
    return DONE;
}

outcome seal_head(int fd, uint64_t size, const struct hash *root, struct buffer *ret_note)
{
    uint8_t request[64], answer[SEALING_ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, note;
    put_u8(&o, SEAL_HEAD);
    put_u64(&o, size);
    put(&o, hash_view(root));
    TRY(ask(fd, out_view(&o), answer, sizeof answer, &in));
    TRY(take_field16(&in, &note));
    return buffer_put(ret_note, note);
}

outcome seal_device(int fd, const char *id, struct bytes spki, unsigned days, struct buffer *ret_der)
{
    uint8_t request[SEALING_REQUEST_MAX], answer[SEALING_ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, der;
    put_u8(&o, SEAL_DEVICE);
    put_field16(&o, bytes_str(id));
    put_field16(&o, spki);
    put_u16(&o, (uint16_t)days);
    TRY(out_done(&o));
    TRY(ask(fd, out_view(&o), answer, sizeof answer, &in));
    TRY(take_field32(&in, &der));
    return buffer_put(ret_der, der);
}

outcome seal_server(int fd)
{
    static const uint8_t kind = SEAL_SERVER;
    uint8_t answer[SEALING_ANSWER_MAX];
    struct bytes in;
    return ask(fd, bytes_of(&kind, 1), answer, sizeof answer, &in); /* SEAL_PUBLIC shows the new one */
}
