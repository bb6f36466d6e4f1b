/* Asking the seal, one blocking round trip at a time with a deadline; see wire/sealing.h. The core stands still
 * while it waits: not long, and not again for a while when there was no answer. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "node/core.h"
#include "crypto/seal_keys.h"
#include "wire/sealing.h"

enum { ASK_MS = 2000, HEAD_MS = 500, QUIET_MS = 3000 };

static outcome receive(int fd, int64_t until_ms, uint8_t *answer, size_t cap, size_t *ret_n)
{
    for (;;) {
        int64_t left = until_ms - port_mono_ms();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, left > 0 ? (int)left : 0) == 0) return REFUSE(E_TIMEOUT);
        ssize_t n = recv(fd, answer, cap, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) return REFUSE_SYS(E_CLOSED, n < 0 ? errno : 0);
        *ret_n = (size_t)n;
        return DONE;
    }
}

/* The answers come in the order of the questions: those to questions given up are taken first, and are nobody's. */
static outcome exchange_words(struct core *c, struct bytes request, int wait_ms, uint8_t *answer, size_t cap, size_t *ret_n)
{
    int64_t until = port_mono_ms() + wait_ms;
    if (send(c->seal_fd, request.at, request.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)request.n)
        return REFUSE_SYS(errno == EAGAIN ? E_TIMEOUT : E_CLOSED, errno);
    c->seal_owed++;
    do {
        TRY(receive(c->seal_fd, until, answer, cap, ret_n));
        c->seal_owed--;
    } while (c->seal_owed);
    return DONE;
}

static outcome ask(struct core *c, struct bytes request, int wait_ms, uint8_t *answer, size_t cap, struct bytes *ret)
{
    size_t n = 0;
    if (c->seal_fd < 0) return REFUSE(E_CLOSED);
    if (port_mono_ms() < c->seal_quiet_ms) return REFUSE(E_TIMEOUT);
    outcome o = exchange_words(c, request, wait_ms, answer, cap, &n);
    if (o.code == E_TIMEOUT) c->seal_quiet_ms = port_mono_ms() + QUIET_MS;
    TRY(o);
    struct bytes in = bytes_of(answer, n);
    uint8_t code;
    TRY(take_u8(&in, &code));
    if (code != OK) return REFUSE(code < OUTCOME_COUNT ? (enum code)code : E_MALFORMED);
    *ret = in;
    return DONE;
}

outcome seal_public(struct core *c, struct seal_public *ret)
{
    static const uint8_t kind = SEAL_PUBLIC;
    uint8_t answer[SEALING_ANSWER_MAX];
    struct bytes in, chain, server, key, site, web;
    TRY(ask(c, bytes_of(&kind, 1), ASK_MS, answer, sizeof answer, &in));
    TRY(take_field32(&in, &chain));
    TRY(take_field32(&in, &server));
    TRY(take_field16(&in, &key));
    TRY(take_field16(&in, &site));
    TRY(take_field32(&in, &web));
    if (key.n != sizeof ret->ledger_key) return REFUSE(E_MALFORMED);
    struct seal_public p = { BUFFER(65536), BUFFER(65536), BUFFER(65536), { 0 } };
    memcpy(p.ledger_key, key.at, key.n);
    outcome o = buffer_put(&p.ca_chain, chain);
    if (ok(o)) o = buffer_put(&p.server, server);
    if (ok(o)) o = buffer_put(&p.web, web);
    if (!ok(o)) {
        buffer_deinit(&p.ca_chain);
        buffer_deinit(&p.server);
        buffer_deinit(&p.web);
        return o;
    }
    *ret = p;
    return DONE;
}

outcome seal_head(struct core *c, uint64_t size, const struct hash *root, struct buffer *ret_note)
{
    uint8_t request[64], answer[SEALING_ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, note;
    put_u8(&o, SEAL_HEAD);
    put_u64(&o, size);
    put(&o, hash_view(root));
    TRY(ask(c, out_view(&o), HEAD_MS, answer, sizeof answer, &in));
    TRY(take_field16(&in, &note));
    return buffer_put(ret_note, note);
}

outcome seal_device(struct core *c, const char *id, struct bytes spki, unsigned days, struct buffer *ret_der)
{
    uint8_t request[SEALING_REQUEST_MAX], answer[SEALING_ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, der;
    put_u8(&o, SEAL_DEVICE);
    put_field16(&o, bytes_str(id));
    put_field16(&o, spki);
    put_u16(&o, (uint16_t)days);
    TRY(out_done(&o));
    TRY(ask(c, out_view(&o), ASK_MS, answer, sizeof answer, &in));
    TRY(take_field32(&in, &der));
    return buffer_put(ret_der, der);
}

outcome seal_statement(struct core *c, const struct seal_statement *s, struct buffer *ret_payload, uint8_t ret_signature[64])
{
    uint8_t request[SEALING_REQUEST_MAX], answer[SEALING_ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, payload, signature;
    put_u8(&o, SEAL_STATEMENT);
    put_field16(&o, s->to);
    put_field16(&o, s->verdict);
    put_u64(&o, (uint64_t)s->at_ms);
    put_u64(&o, (uint64_t)s->until_ms);
    put_u32(&o, s->claimed);
    put(&o, bytes_of(s->levels, sizeof s->levels));
    put(&o, bytes_of(s->terms, sizeof s->terms));
    put_u64(&o, s->seen_size);
    put(&o, bytes_of(s->seen_root, sizeof s->seen_root));
    TRY(out_done(&o));
    TRY(ask(c, out_view(&o), HEAD_MS, answer, sizeof answer, &in));
    TRY(take_field32(&in, &payload));
    TRY(take_field16(&in, &signature));
    if (signature.n != 64) return REFUSE(E_MALFORMED);
    memcpy(ret_signature, signature.at, 64);
    return buffer_put(ret_payload, payload);
}

outcome seal_status(struct core *c, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret_der)
{
    uint8_t request[SEALING_REQUEST_MAX], answer[SEALING_ANSWER_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, der;
    if (r->n > SEALING_STATUS_ROWS) return REFUSE(E_TOO_LARGE);
    put_u8(&o, SEAL_STATUS);
    put_u8(&o, ocsp);
    put_u8(&o, (uint8_t)which);
    put_u64(&o, (uint64_t)r->at_ms);
    put_u64(&o, (uint64_t)r->next_ms);
    put_field16(&o, r->nonce);
    put_u16(&o, (uint16_t)r->n);
    for (size_t i = 0; i < r->n; i++) {
        put_field16(&o, bytes_of(r->rows[i].serial, r->rows[i].serial_n));
        put_u8(&o, (uint8_t)r->rows[i].state);
        put_u8(&o, r->rows[i].reason);
        put_u8(&o, r->rows[i].sha256);
        put_u64(&o, (uint64_t)r->rows[i].at_ms);
    }
    TRY(out_done(&o));
    TRY(ask(c, out_view(&o), HEAD_MS, answer, sizeof answer, &in));
    TRY(take_field32(&in, &der));
    return buffer_put(ret_der, der);
}

outcome seal_server(struct core *c)
{
    static const uint8_t kind = SEAL_SERVER;
    uint8_t answer[SEALING_ANSWER_MAX];
    struct bytes in;
    return ask(c, bytes_of(&kind, 1), ASK_MS, answer, sizeof answer, &in); /* SEAL_PUBLIC shows the new one */
}
