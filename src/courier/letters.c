/* Alerts on their way out: one connection a letter, one attempt, then the core hears how it went and decides whether to try again.
 * Syslog over TLS (RFC 5425), a signed webhook (HMAC-SHA256 as in the Standard Webhooks specification), mail (RFC 5321). */
#include <poll.h>
#include <stdio.h>

#include "base/port/port.h"
#include "courier/courier.h"
#include "crypto/hash.h"

enum { PATIENCE_MS = 15000, REQUEST_MAX = COURIER_PAYLOAD_MAX + 4096, ANSWER_MAX = 16384, FILE_MAX = 1 << 20 };
static const char system_ca[] = "/etc/ssl/certs/ca-certificates.crt";
static const char *const names[LETTER_KINDS] = { [LETTER_SYSLOG] = "syslog", [LETTER_WEBHOOK] = "webhook", [LETTER_MAIL] = "mail" };

/* ---- its end ---- */

static void tell(struct courier *c, uint32_t ticket, bool good, const char *why)
{
    uint8_t room[64 + COURIER_WHY_MAX];
    struct out o = out_of(room, sizeof room);
    courier_put_lettered(&o, &(struct courier_lettered) { ticket, good, bytes_str(why) });
    if (ok(out_done(&o))) courier_say(c, out_view(&o));
}

void letter_close(struct letter *l)
{
    if (!l->used) return;
    line_close(&l->line);
    if (l->tls) tls_context_free(l->tls);
    buffer_deinit(&l->body);
    *l = (struct letter) { .line = { .fd = -1 } };
}

static void over(struct courier *c, struct letter *l, bool good, const char *why)
{
    tell(c, l->ticket, good, why);
    letter_close(l);
}

/* ---- its beginning ---- */

static MUST outcome load(const struct courier *c, const char *name, const char *end, struct buffer *ret)
{
    char path[600];
    int n = snprintf(path, sizeof path, "%s/%s%s", c->dir, name, end);
    return n < 0 || (size_t)n >= sizeof path ? REFUSE(E_TOO_LARGE) : port_file_load(path, FILE_MAX, ret);
}

static MUST outcome make_tls(const struct courier *c, struct letter *l)
{
    struct buffer ca = BUFFER(FILE_MAX), chain = BUFFER(FILE_MAX), pem = BUFFER(FILE_MAX);
    struct key *key = NULL;
    outcome o = load(c, names[l->kind], ".ca.pem", &ca);
    if (o.code == E_MISSING) o = port_file_load(system_ca, FILE_MAX, &ca);
    bool own = ok(o) && ok(load(c, names[l->kind], ".pem", &chain));
    if (own) o = load(c, names[l->kind], ".key", &pem);
    if (own && ok(o)) o = key_read_private_pem(buffer_view(&pem), &key);
    if (ok(o)) o = tls_client_new(buffer_view(&ca), NULL, own ? buffer_view(&chain) : BYTES_NONE, key, &l->tls);
    buffer_wipe(&pem);
    key_free(key);
    buffer_deinit(&chain);
    buffer_deinit(&ca);
    return o;
}

static MUST outcome begin(const struct courier *c, const struct courier_letter *w, struct letter *l)
{
    char host[COURIER_HOST_MAX];
    TRY(bytes_to_text(w->host, host, sizeof host));
    TRY(bytes_to_text(w->host, l->host, sizeof l->host));
    TRY(bytes_to_text(w->path, l->path, sizeof l->path));
    TRY(bytes_to_text(w->from, l->from, sizeof l->from));
    TRY(bytes_to_text(w->to, l->to, sizeof l->to));
    TRY(bytes_to_text(w->id, l->id, sizeof l->id));
    TRY(buffer_put(&l->body, w->body));
    if (!w->plain) TRY(make_tls(c, l));
    return line_open(&l->line, l->tls, host, w->port);
}

static const char *word_of(outcome o)
{
    return o.code == E_CRYPTO ? "certificate" : code_word(o.code);
}

outcome letter_open(struct courier *c, const struct courier_letter *w)
{
    struct letter *l = NULL;
    for (size_t i = 0; i < COURIER_LETTERS_MAX && !l; i++)
        if (!c->letters[i].used) l = &c->letters[i];
    if (!l) {
        tell(c, w->ticket, false, "busy");
        return DONE;
    }
    *l = (struct letter) { .used = true, .ticket = w->ticket, .kind = w->kind, .port = w->port, .until_ms = port_mono_ms() + PATIENCE_MS,
        .line = { .fd = -1 }, .body = BUFFER(REQUEST_MAX) };
    outcome o = begin(c, w, l);
    if (!ok(o)) over(c, l, false, word_of(o));
    return DONE;
}

/* ---- what is said ---- */

static MUST outcome say_syslog(struct letter *l)
{
    struct buffer b = BUFFER(REQUEST_MAX);
    outcome o = buffer_fmt(&b, "%zu ", l->body.n);
    if (ok(o)) o = buffer_put(&b, buffer_view(&l->body));
    if (ok(o)) o = line_send(&l->line, buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

/* id "." time "." body, under the secret both know. */
static MUST outcome signature(const struct courier *c, const struct letter *l, const char *time, char text[64])
{
    struct buffer secret = BUFFER(FILE_MAX);
    struct hash h;
    TRY(load(c, names[LETTER_WEBHOOK], ".secret", &secret));
    struct bytes key = buffer_view(&secret);
    while (key.n && (key.at[key.n - 1] == '\n' || key.at[key.n - 1] == '\r')) key.n--;
    bool strong = key.n >= 16;
    const struct bytes parts[] = { bytes_str(l->id), BYTES_LIT("."), bytes_str(time), BYTES_LIT("."), buffer_view(&l->body) };
    hash_hmac_sha256(key, parts, sizeof parts / sizeof *parts, &h);
    base64_of(hash_view(&h), text);
    buffer_wipe(&secret);
    return strong ? DONE : REFUSE(E_CONFIG);
}

static MUST outcome say_webhook(const struct courier *c, struct letter *l)
{
    char time[24], sign[64];
    struct buffer b = BUFFER(REQUEST_MAX);
    snprintf(time, sizeof time, "%lld", (long long)(port_wall_ms() / 1000));
    TRY(signature(c, l, time, sign));
    outcome o = buffer_fmt(&b, "POST %s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: sekimori\r\nConnection: close\r\n"
        "Content-Type: application/cloudevents+json; charset=utf-8\r\nContent-Length: %zu\r\nwebhook-id: %s\r\nwebhook-timestamp: %s\r\n"
        "webhook-signature: v1,%s\r\n\r\n", l->path[0] ? l->path : "/", l->host, l->port, l->body.n, l->id, time, sign);
    if (ok(o)) o = buffer_put(&b, buffer_view(&l->body));
    if (ok(o)) o = line_send(&l->line, buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

/* ---- mail: what each answer must be, and what is said then ---- */

/* A line that begins with a dot gets another (RFC 5321, 4.5.2). */
static MUST outcome say_body(struct letter *l)
{
    struct buffer b = BUFFER(2 * REQUEST_MAX);
    outcome o = DONE;
    bool begins = true;
    for (size_t i = 0; ok(o) && i < l->body.n; i++) {
        if (begins && l->body.at[i] == '.') o = buffer_put(&b, BYTES_LIT("."));
        if (ok(o)) o = buffer_put(&b, bytes_of(l->body.at + i, 1));
        begins = l->body.at[i] == '\n';
    }
    if (ok(o)) o = buffer_put(&b, BYTES_LIT("\r\n.\r\n"));
    if (ok(o)) o = line_send(&l->line, buffer_view(&b));
    buffer_deinit(&b);
    return o;
}

static MUST outcome say_mail(struct letter *l)
{
    char line[256];
    struct out o = out_of(line, sizeof line);
    switch (l->step) {
    case 0: put_str(&o, "EHLO sekimori.invalid\r\n"); break;
    case 1: put_fmt(&o, "MAIL FROM:<%s>%s\r\n", l->from, l->eight_bit ? " BODY=8BITMIME" : ""); break;
    case 2: put_fmt(&o, "RCPT TO:<%s>\r\n", l->to); break;
    case 3: put_str(&o, "DATA\r\n"); break;
    default: return say_body(l);
    }
    TRY(out_done(&o));
    return line_send(&l->line, out_view(&o));
}

/* The number of a whole answer ("250-..." lines, then "250 ..."), 0: not yet. Takes it out of the line. */
static int mail_answer(struct letter *l)
{
    struct buffer *in = &l->line.in;
    for (size_t at = 0; at < in->n;) {
        const uint8_t *end = memchr(in->at + at, '\n', in->n - at);
        if (!end) return 0;
        const uint8_t *p = in->at + at;
        size_t n = (size_t)(end - p);
        l->eight_bit = l->eight_bit || memmem(p, n, "8BITMIME", 8);
        at += n + 1;
        if (n < 3 || p[0] < '2' || p[0] > '5') return 999;
        if (n > 3 && p[3] == '-') continue;
        int number = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
        buffer_drop(in, at);
        return number;
    }
    return 0;
}

static void on_mail(struct courier *c, struct letter *l)
{
    static const int wanted[] = { 220, 250, 250, 250, 354, 250 };
    char why[32];
    int number = mail_answer(l);
    if (!number) return;
    if (number != wanted[l->step] && !(l->step == 3 && number == 251)) {
        snprintf(why, sizeof why, "smtp-%d", number);
        over(c, l, false, why);
        return;
    }
    if (l->step == 5) {
        over(c, l, true, "");
        return;
    }
    outcome o = say_mail(l);
    l->step++;
    if (!ok(o)) over(c, l, false, word_of(o));
}

/* ---- a turn ---- */

static void on_webhook(struct courier *c, struct letter *l)
{
    const struct buffer *in = &l->line.in;
    char why[32];
    if (in->n < 12 || !memchr(in->at, '\n', in->n)) {
        if (in->n > ANSWER_MAX || l->line.ended) over(c, l, false, "no-answer");
        return;
    }
    bool good = memcmp(in->at, "HTTP/1.", 7) == 0 && in->at[9] == '2';
    snprintf(why, sizeof why, "http-%.3s", (const char *)in->at + 9);
    for (char *p = why; *p; p++)
        if (*p < ' ' || *p > '~') *p = '?';
    over(c, l, good, good ? "" : why);
}

static MUST outcome first_words(const struct courier *c, struct letter *l)
{
    l->begun = true;
    if (l->kind == LETTER_SYSLOG) return say_syslog(l);
    return l->kind == LETTER_WEBHOOK ? say_webhook(c, l) : DONE; /* mail: the other end begins */
}

void letter_turn(struct courier *c, struct letter *l, short revents, int64_t now_ms)
{
    outcome o = line_turn(&l->line, revents);
    if (ok(o) && l->line.state == LINE_UP && !l->begun) o = first_words(c, l);
    if (!ok(o)) {
        over(c, l, false, word_of(o));
        return;
    }
    if (l->begun && l->kind == LETTER_WEBHOOK) on_webhook(c, l);
    else if (l->begun && l->kind == LETTER_MAIL) on_mail(c, l);
    else if (l->begun && !(line_events(&l->line) & POLLOUT)) over(c, l, true, ""); /* syslog has no answer */
    if (!l->used) return;
    if (l->line.ended) over(c, l, false, "closed");
    else if (now_ms >= l->until_ms) over(c, l, false, "timeout");
}
