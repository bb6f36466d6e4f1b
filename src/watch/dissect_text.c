/* Protocols that begin with words: HTTP, SSH, VNC, FTP, Telnet's options, syslog. */
#include <stdio.h>

#include "watch/dissect.h"

enum { HEADERS_MAX = 64 };

/* Up to and without end; all of it when there is none. */
static struct bytes until(struct bytes in, char end)
{
    const uint8_t *at = in.n ? memchr(in.at, end, in.n) : NULL;
    return at ? bytes_of(in.at, (size_t)(at - in.at)) : in;
}

static struct bytes behind(struct bytes in, size_t n)
{
    return n < in.n ? bytes_of(in.at + n, in.n - n) : BYTES_NONE;
}

static bool begins_word(struct bytes in, const char *word)
{
    for (size_t i = 0; word[i]; i++) {
        uint8_t c = i < in.n ? in.at[i] : 0;
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t)word[i]) return false;
    }
    return true;
}

static struct bytes trimmed(struct bytes in)
{
    while (in.n && (in.at[0] == ' ' || in.at[0] == '\t')) in = behind(in, 1);
    while (in.n && (in.at[in.n - 1] == '\r' || in.at[in.n - 1] == ' ')) in.n--;
    return in;
}

/* RFC 9112: what a request's header lines say about the host and a password. */
static void http_headers(struct bytes in, struct bytes *ret_host, struct found *f)
{
    for (int i = 0; i < HEADERS_MAX && in.n; i++) {
        struct bytes line = until(in, '\n');
        in = behind(in, line.n + 1);
        line = trimmed(line);
        if (!line.n) return;
        if (begins_word(line, "host:")) *ret_host = trimmed(behind(line, 5));
        if (begins_word(line, "authorization:") || begins_word(line, "cookie:")) f->marks |= MARK_PASSWORD;
    }
}

outcome dissect_http(const struct talk *t, struct found *ret)
{
    static const struct { const char *word; unsigned marks; } methods[] = { { "GET ", 0 }, { "HEAD ", 0 }, { "POST ", MARK_PUBLISH },
        { "PUT ", MARK_PUBLISH }, { "DELETE ", MARK_PUBLISH }, { "PATCH ", MARK_PUBLISH }, { "OPTIONS ", 0 }, { "CONNECT ", 0 },
        { "SUBSCRIBE ", 0 }, { "NOTIFY ", 0 }, { "M-SEARCH ", 0 } };
    bool wait = false;
    outcome answer = talk_begins(t->payload, "HTTP/1.");
    if (ok(answer)) {
        struct bytes line = trimmed(until(t->payload, '\n'));
        ret->said_by = SIDE_SERVER;
        text_shown(line, ret->name, sizeof ret->name);
        return DONE;
    }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        outcome o = talk_begins(t->payload, methods[i].word);
        wait |= o.code == E_SHORT;
        if (!ok(o)) continue;
        struct bytes line = until(t->payload, '\n'), host = BYTES_NONE, path;
        struct bytes rest = behind(line, strlen(methods[i].word));
        path = until(rest, ' ');
        if (line.n == t->payload.n && line.n < 4096) return REFUSE(E_SHORT);
        if (!begins_word(behind(rest, path.n), " http/1.")) return REFUSE(E_UNKNOWN);
        ret->said_by = SIDE_CLIENT;
        ret->marks = methods[i].marks;
        http_headers(behind(t->payload, line.n + 1), &host, ret);
        char shown[2 * FOUND_NAME];
        struct out o2 = out_of(shown, sizeof shown);
        put(&o2, bytes_of(host.at, host.n > 60 ? 60 : host.n));
        put(&o2, bytes_of(path.at, path.n > 100 ? 100 : path.n));
        text_shown(out_view(&o2), ret->name, sizeof ret->name);
        return DONE;
    }
    return wait || answer.code == E_SHORT ? REFUSE(E_SHORT) : REFUSE(E_UNKNOWN);
}

outcome dissect_ssh(const struct talk *t, struct found *ret)
{
    if (t->known == PROTO_SSH) return DONE;
    TRY(talk_begins(t->payload, "SSH-"));
    ret->said_by = talk_side(t, 22);
    text_shown(trimmed(until(t->payload, '\n')), ret->name, sizeof ret->name);
    return DONE;
}

/* RFC 6143, 7.1.1: the server speaks first, the client answers in the same form. */
outcome dissect_vnc(const struct talk *t, struct found *ret)
{
    if (t->known == PROTO_VNC) return DONE;
    TRY(talk_begins(t->payload, "RFB "));
    if (t->payload.n < 12) return REFUSE(E_SHORT);
    if (t->payload.at[7] != '.' || t->payload.at[11] != '\n') return REFUSE(E_UNKNOWN);
    text_shown(bytes_of(t->payload.at, 11), ret->name, sizeof ret->name);
    return DONE;
}

/* RFC 854: a side that begins with two or more option commands. */
outcome dissect_telnet(const struct talk *t, struct found *ret)
{
    struct bytes in = t->payload;
    if (t->known == PROTO_TELNET) return DONE;
    if (in.n < 3) return in.at[0] == 0xFF ? REFUSE(E_SHORT) : REFUSE(E_UNKNOWN);
    size_t wanted = talk_port(t, 23) ? 1 : 2;
    for (size_t i = 0; i < wanted; i++) {
        if (in.n < 3) return REFUSE(E_SHORT);
        if (in.at[0] != 0xFF || in.at[1] < 0xFA || in.at[1] > 0xFE || in.at[2] > 50) return REFUSE(E_UNKNOWN);
        in = behind(in, 3);
    }
    ret->said_by = talk_side(t, 23);
    ret->marks = MARK_PASSWORD; /* whoever logs in there does it readable */
    return DONE;
}

/* RFC 959. Mail servers greet alike, so the port has to agree. */
outcome dissect_ftp(const struct talk *t, struct found *ret)
{
    if (!talk_port(t, 21)) return REFUSE(E_UNKNOWN);
    ret->said_by = talk_side(t, 21);
    if (ret->said_by == SIDE_CLIENT) {
        if (begins_word(t->payload, "pass ")) ret->marks = MARK_PASSWORD;
        if (t->known == PROTO_FTP) return DONE;
        return begins_word(t->payload, "user ") || begins_word(t->payload, "auth ") ? DONE : REFUSE(E_UNKNOWN);
    }
    if (t->known != PROTO_FTP) TRY(talk_begins(t->payload, "220"));
    text_shown(trimmed(until(t->payload, '\n')), ret->name, sizeof ret->name);
    return DONE;
}

/* RFC 3164, 5424: <0> to <191>. */
outcome dissect_syslog(const struct talk *t, struct found *ret)
{
    unsigned priority = 0;
    size_t i = 1;
    struct bytes in = t->payload;
    if (!talk_port(t, 514) || in.at[0] != '<') return REFUSE(E_UNKNOWN);
    for (; i < in.n && i < 4 && in.at[i] >= '0' && in.at[i] <= '9'; i++) priority = priority * 10 + in.at[i] - '0';
    if (i == 1 || i >= in.n || in.at[i] != '>' || priority > 191) return REFUSE(E_UNKNOWN);
    ret->said_by = t->to_port == 514 ? SIDE_CLIENT : SIDE_SERVER;
    text_shown(bytes_of(in.at, in.n < 60 ? in.n : 60), ret->name, sizeof ret->name);
    return DONE;
}
