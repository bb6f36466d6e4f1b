/* TLS as a listener sees it: versions, the server's name, and up to TLS 1.2 its certificate (RFC 8446, 5246, 6066). */
#include <stdio.h>

#include "watch/dissect.h"

enum { RECORD_HANDSHAKE = 22, HANDSHAKE_MAX = 16384, RECORD_MAX = 16384 + 2048, HELLO_CLIENT = 1, HELLO_SERVER = 2, CERTIFICATE = 11,
    EXTENSION_NAME = 0, EXTENSION_VERSIONS = 43, MESSAGES_MAX = 16, EXTENSIONS_MAX = 64, TLS_1_3 = 0x0304 };

struct handshake {
    size_t n;
    bool open; /* more records of it are to come */
    uint8_t at[HANDSHAKE_MAX];
};

/* The handshake's bytes out of the records that carry them. */
static MUST outcome records(struct bytes in, struct handshake *h)
{
    while (in.n) {
        uint8_t type = 0;
        uint16_t version = 0;
        struct bytes body;
        struct bytes rest = in;
        TRY(take_u8(&rest, &type));
        if (type < 20 || type > 24) return REFUSE(E_UNKNOWN);
        if (!ok(take_u16(&rest, &version))) return REFUSE(E_SHORT);
        if (version >> 8 != 3 || (version & 0xFF) > 4) return REFUSE(E_UNKNOWN);
        uint16_t n = 0;
        struct bytes length = rest;
        if (!ok(take_u16(&length, &n))) return REFUSE(E_SHORT);
        if (n > RECORD_MAX || !n) return REFUSE(E_UNKNOWN);
        h->open = true;
        if (type != RECORD_HANDSHAKE) h->open = false;
        if (type != RECORD_HANDSHAKE) return DONE; /* what follows is encrypted, or of no use here */
        size_t have = length.n < n ? length.n : n;
        body = bytes_of(length.at, have);
        if (h->n + body.n > sizeof h->at) body.n = sizeof h->at - h->n;
        memcpy(h->at + h->n, body.at, body.n);
        h->n += body.n;
        if (have < n) return DONE;
        in = bytes_of(length.at + n, length.n - n);
    }
    return DONE;
}

static bool grease(uint16_t v)
{
    return (v & 0x0F0F) == 0x0A0A;
}

/* The best version offered, or the one chosen. */
static void versions(struct bytes in, bool client, struct found *f)
{
    uint8_t n = 0;
    uint16_t v = 0;
    if (client && !ok(take_u8(&in, &n))) return;
    while (ok(take_u16(&in, &v)))
        if (!grease(v) && v > f->tls_version && v >> 8 == 3) f->tls_version = v;
}

static void server_name(struct bytes in, struct found *f)
{
    struct bytes list, name;
    uint8_t type = 0;
    if (!ok(take_field16(&in, &list)) || !ok(take_u8(&list, &type)) || !ok(take_field16(&list, &name))) return;
    if (type == 0) text_shown(name, f->name, sizeof f->name);
}

static void extensions(struct bytes in, bool client, struct found *f)
{
    struct bytes list, body;
    uint16_t type = 0;
    if (!ok(take_field16(&in, &list))) return;
    for (int i = 0; i < EXTENSIONS_MAX && ok(take_u16(&list, &type)); i++) {
        if (!ok(take_field16(&list, &body))) return;
        if (type == EXTENSION_VERSIONS) versions(body, client, f);
        if (type == EXTENSION_NAME && client) server_name(body, f);
    }
}

static MUST outcome hello(struct bytes in, bool client, struct found *f)
{
    struct bytes random, session, suites;
    uint8_t n = 0;
    TRY(take_u16(&in, &f->tls_version));
    TRY(take(&in, 32, &random));
    TRY(take_u8(&in, &n));
    TRY(take(&in, n, &session));
    if (client) {
        TRY(take_field16(&in, &suites));
        TRY(take_u8(&in, &n));
        TRY(take(&in, n, &session));
    } else {
        TRY(take(&in, 3, &suites));
    }
    if (f->tls_version >> 8 != 3) return REFUSE(E_UNKNOWN);
    extensions(in, client, f);
    return DONE;
}

static void first_certificate(struct bytes in, struct found *f)
{
    struct bytes skipped, der;
    uint8_t high = 0;
    uint16_t low = 0;
    if (!ok(take(&in, 3, &skipped)) || !ok(take_u8(&in, &high)) || !ok(take_u16(&in, &low))) return;
    if (!ok(take(&in, (size_t)high << 16 | low, &der))) return;
    if (ok(certificate_read(der, &f->certificate))) f->marks |= MARK_CERTIFICATE;
}

/* Messages of one side. E_SHORT: the hello is not whole yet. */
static MUST outcome messages(struct bytes in, bool open, struct found *f)
{
    for (int i = 0; i < MESSAGES_MAX && in.n; i++) {
        uint8_t type = 0, high = 0;
        uint16_t low = 0;
        struct bytes body;
        struct bytes rest = in;
        bool head = ok(take_u8(&rest, &type)) && ok(take_u8(&rest, &high)) && ok(take_u16(&rest, &low));
        size_t n = (size_t)high << 16 | low;
        if (!i && type != HELLO_CLIENT && type != HELLO_SERVER) return REFUSE(E_UNKNOWN);
        if (!i && n > HANDSHAKE_MAX) return REFUSE(E_UNKNOWN);
        if (!head || !ok(take(&rest, n, &body))) {
            f->more = open;
            return i ? DONE : REFUSE(E_SHORT);
        }
        if (type == HELLO_CLIENT || type == HELLO_SERVER) {
            f->said_by = type == HELLO_CLIENT ? SIDE_CLIENT : SIDE_SERVER;
            if (!ok(hello(body, type == HELLO_CLIENT, f))) return REFUSE(E_UNKNOWN);
        }
        if (type == CERTIFICATE) first_certificate(body, f);
        in = rest;
    }
    /* A server up to TLS 1.2 goes on readable until its certificate is there. */
    f->more = open && f->said_by == SIDE_SERVER && f->tls_version < TLS_1_3 && !(f->marks & MARK_CERTIFICATE);
    return DONE;
}

/* RFC 6101, E.1: a hello in the form of version 2. */
static bool ssl2(struct bytes in)
{
    if (in.n < 9) return false;
    bool version = (in.at[3] == 0 && in.at[4] == 2) || (in.at[3] == 3 && in.at[4] <= 3);
    return (in.at[0] & 0xC0) == 0x80 && in.at[2] == 1 && version && (size_t)((in.at[0] & 0x3F) << 8 | in.at[1]) + 2 == in.n && (in.at[5] << 8 | in.at[6]) % 3 == 0;
}

outcome dissect_tls(const struct talk *t, struct found *ret)
{
    struct handshake h;
    h.n = 0;
    h.open = false;
    if (ssl2(t->payload)) {
        ret->said_by = SIDE_CLIENT;
        ret->tls_version = t->payload.at[3] == 0 ? 2 : (uint16_t)(0x0300 | t->payload.at[4]);
        return DONE;
    }
    TRY(records(t->payload, &h));
    if (h.n) return messages(bytes_of(h.at, h.n), h.open, ret);
    /* Encrypted from the first byte we saw: the conversation is older than the capture. */
    return t->payload.n >= 5 && t->payload.at[0] == 23 ? DONE : REFUSE(E_UNKNOWN);
}
