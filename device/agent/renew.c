#include "device/agent/renew.h"

#include <poll.h>

#include "base/port/port.h"
#include "base/time.h"
#include "device/agent/est.h"
#include "device/agent/join.h"

enum { ATTEMPT_MS = 30000, REQUEST_MAX = 64 << 10 };

outcome renewal_plan(struct renewal *r, const struct state *s)
{
    struct x509_facts f;
    uint16_t drawn;
    TRY(x509_facts_pem(buffer_view(&s->certificate), &f));
    int64_t life = f.not_after_ms - f.not_before_ms;
    port_random(&drawn, sizeof drawn);
    *r = (struct renewal) { .due_ms = f.not_before_ms + life / 3 * 2 + life / 20 * drawn / UINT16_MAX,
        .retry_ms = RENEW_RETRY_MIN_MS, .line = { .state = LINE_CLOSED, .fd = -1 } };
    return DONE;
}

void renewal_deinit(struct renewal *r)
{
    line_close(&r->line);
}

int renewal_fd(const struct renewal *r)
{
    return r->line.state == LINE_CLOSED ? -1 : r->line.fd;
}

short renewal_events(const struct renewal *r)
{
    return r->line.state == LINE_CLOSED ? 0 : line_events(&r->line);
}

int renewal_wait_ms(const struct renewal *r, int64_t mono_ms, int64_t wall_ms)
{
    int64_t left = r->due_ms - wall_ms, rest = r->next_ms - mono_ms;
    if (r->line.state != LINE_CLOSED) left = r->until_ms - mono_ms;
    else if (rest > left) left = rest;
    return left <= 0 ? 0 : left > MS_HOUR ? (int)MS_HOUR : (int)left;
}

static MUST outcome ask(struct renewal *r, const struct state *s)
{
    struct invitation to = { .port = s->est_port };
    struct buffer csr = BUFFER(8192), request = BUFFER(REQUEST_MAX);
    outcome o = bytes_to_text(bytes_str(s->host), to.host, sizeof to.host);
    if (ok(o)) o = x509_request_make(s->key, s->device, &csr);
    if (ok(o)) o = est_request_write(&to, buffer_view(&csr), BYTES_NONE, &request);
    if (ok(o)) o = line_send(&r->line, buffer_view(&request));
    buffer_deinit(&csr);
    buffer_deinit(&request);
    r->sent = ok(o);
    return o;
}

static MUST outcome advance(struct renewal *r, struct state *s, short revents, bool *renewed)
{
    struct est_answer a;
    TRY(line_turn(&r->line, revents));
    if (r->line.state == LINE_UP && !r->sent) TRY(ask(r, s));
    if (!r->sent) return DONE;
    outcome o = est_answer_read(buffer_view(&r->line.in), &a);
    if (o.code == E_SHORT) return r->line.ended ? REFUSE(E_CLOSED) : DONE;
    TRY(o);
    TRY(est_status_outcome(a.status));
    TRY(join_certificate_keep(s, &a));
    *renewed = true;
    return DONE;
}

static void put_off(struct renewal *r, int64_t mono_ms)
{
    line_close(&r->line);
    r->next_ms = mono_ms + r->retry_ms;
    r->retry_ms = r->retry_ms < RENEW_RETRY_MAX_MS / 2 ? 2 * r->retry_ms : RENEW_RETRY_MAX_MS;
}

outcome renewal_turn(struct renewal *r, struct state *s, struct tls_context *tls, short revents, bool *ret_renewed)
{
    int64_t mono_ms = port_mono_ms();
    bool renewed = false;
    outcome o = DONE;
    if (r->line.state == LINE_CLOSED) {
        if (renewal_wait_ms(r, mono_ms, port_wall_ms()) > 0) return DONE;
        r->until_ms = mono_ms + ATTEMPT_MS;
        r->sent = false;
        o = line_open(&r->line, tls, s->host, s->est_port);
    } else {
        o = mono_ms >= r->until_ms ? REFUSE(E_TIMEOUT) : revents ? advance(r, s, revents, &renewed) : DONE;
    }
    if (!ok(o)) put_off(r, mono_ms);
    TRY(o);
    if (!renewed) return DONE;
    line_close(&r->line);
    *ret_renewed = true;
    return renewal_plan(r, s);
}
