#include "device/agent/renew.h"

#include <poll.h>

#include "base/port/port.h"
#include "base/time.h"
#include "device/agent/est.h"
#include "device/agent/join.h"
#include "wire/doc.h"

enum { WITHIN_S_MAX = 604800, ATTEMPT_MS = 30000, REQUEST_MAX = 64 << 10 };

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

void renewal_called(struct renewal *r, const struct state *s, struct bytes json)
{
    struct arena a = ARENA(16384);
    struct doc *d = NULL;
    struct x509_facts f;
    char own[2 * sizeof f.by_key_id + 1];
    bool good = ok(doc_read_json(json, &a, &d)) && ok(x509_facts_pem(buffer_view(&s->certificate), &f));
    int64_t within = good ? doc_int(d, "within_s", 0) : 0;
    if (good) hex_of(bytes_of(f.by_key_id, sizeof f.by_key_id), own);
    good = good && within > 0 && within <= WITHIN_S_MAX && strcmp(own, doc_text(d, "authority", own)) != 0;
    arena_deinit(&a);
    if (!good) return;
    uint16_t drawn;
    port_random(&drawn, sizeof drawn);
    int64_t at = port_wall_ms() + within * MS_S * drawn / UINT16_MAX;
    if (at < r->due_ms) r->due_ms = at;
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

/* Whom to trust from now on; asked of a site that those trusted so far vouch for. */
static MUST outcome ask_anchors(struct renewal *r, const struct state *s)
{
    struct invitation to = { .port = s->est_port };
    struct buffer request = BUFFER(REQUEST_MAX);
    outcome o = bytes_to_text(bytes_str(s->host), to.host, sizeof to.host);
    if (ok(o)) o = est_anchors_write(&to, &request);
    if (ok(o)) o = line_send(&r->line, buffer_view(&request));
    buffer_deinit(&request);
    r->sent = ok(o);
    return o;
}

static MUST outcome answered(struct renewal *r, struct state *s, const struct est_answer *a, bool *renewed)
{
    TRY(est_status_outcome(a->status));
    if (r->anchored) {
        TRY(join_certificate_keep(s, a));
        *renewed = true;
        return DONE;
    }
    TRY(join_anchors_keep(s, a));
    r->anchored = true;
    buffer_drop(&r->line.in, a->total);
    return ask(r, s);
}

static MUST outcome advance(struct renewal *r, struct state *s, short revents, bool *renewed)
{
    struct est_answer a;
    TRY(line_turn(&r->line, revents));
    if (r->line.state == LINE_UP && !r->sent) TRY(ask_anchors(r, s));
    if (!r->sent) return DONE;
    outcome o = est_answer_read(buffer_view(&r->line.in), &a);
    if (o.code == E_SHORT) return r->line.ended ? REFUSE(E_CLOSED) : DONE;
    TRY(o);
    return answered(r, s, &a, renewed);
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
        r->sent = r->anchored = false;
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
