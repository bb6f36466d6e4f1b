/* X.509 as a listener reads it: names and dates, nothing verified (RFC 5280, 4.1). DER, definite lengths only. */
#include <stdio.h>

#include "base/time.h"
#include "watch/dissect.h"

enum { DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_INTEGER = 2, DER_OID = 6, DER_UTC = 0x17, DER_TIME = 0x18, DER_VERSION = 0xA0,
    NAMES_MAX = 32 };

static MUST outcome der(struct bytes *in, uint8_t *ret_tag, struct bytes *ret_body)
{
    uint8_t n = 0, byte = 0;
    size_t length = 0;
    TRY(take_u8(in, ret_tag));
    TRY(take_u8(in, &n));
    length = n;
    if (n & 0x80) {
        if (n == 0x80 || n > 0x83) return REFUSE(E_MALFORMED);
        length = 0;
        for (int i = n & 0x7F; i > 0; i--) {
            TRY(take_u8(in, &byte));
            length = length << 8 | byte;
        }
    }
    return take(in, length, ret_body);
}

static MUST outcome der_of(struct bytes *in, uint8_t want, struct bytes *ret_body)
{
    uint8_t tag = 0;
    TRY(der(in, &tag, ret_body));
    return tag == want ? DONE : REFUSE(E_MALFORMED);
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ, made an RFC 3339 text for the one reader of times. */
static MUST outcome date(struct bytes *in, int64_t *ret)
{
    uint8_t tag = 0;
    struct bytes t;
    char text[32];
    TRY(der(in, &tag, &t));
    if (tag != DER_UTC && tag != DER_TIME) return REFUSE(E_MALFORMED);
    size_t year = tag == DER_UTC ? 2 : 4;
    if (t.n != year + 11) return REFUSE(E_MALFORMED);
    const char *s = (const char *)t.at, *d = s + year;
    const char *century = tag == DER_TIME ? "" : t.at[0] >= '5' ? "19" : "20";
    snprintf(text, sizeof text, "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2sZ", century, (int)year, s, d, d + 2, d + 4, d + 6, d + 8);
    return time_parse(bytes_str(text), ret);
}

/* The common name (2.5.4.3), else the organisation (2.5.4.10). */
static void subject(struct bytes names, char text[FOUND_NAME])
{
    static const uint8_t common[] = { 0x55, 4, 3 }, organisation[] = { 0x55, 4, 10 };
    text[0] = 0;
    for (int i = 0; i < NAMES_MAX && names.n; i++) {
        struct bytes set, pair, oid, value;
        uint8_t tag = 0;
        if (!ok(der_of(&names, DER_SET, &set)) || !ok(der_of(&set, DER_SEQUENCE, &pair))) return;
        if (!ok(der_of(&pair, DER_OID, &oid)) || !ok(der(&pair, &tag, &value))) return;
        bool is_common = bytes_equal(oid, bytes_of(common, 3));
        if (is_common || (!text[0] && bytes_equal(oid, bytes_of(organisation, 3)))) text_shown(value, text, FOUND_NAME);
        if (is_common) return;
    }
}

outcome certificate_read(struct bytes in, struct certificate *ret)
{
    struct bytes whole, body, skipped, issuer, dates, name;
    struct certificate c = { 0 };
    uint8_t tag = 0;
    TRY(der_of(&in, DER_SEQUENCE, &whole));
    TRY(der_of(&whole, DER_SEQUENCE, &body));
    TRY(der(&body, &tag, &skipped));
    if (tag == DER_VERSION) TRY(der(&body, &tag, &skipped));
    if (tag != DER_INTEGER) return REFUSE(E_MALFORMED);
    TRY(der_of(&body, DER_SEQUENCE, &skipped));
    TRY(der_of(&body, DER_SEQUENCE, &issuer));
    TRY(der_of(&body, DER_SEQUENCE, &dates));
    TRY(date(&dates, &c.from_ms));
    TRY(date(&dates, &c.until_ms));
    TRY(der_of(&body, DER_SEQUENCE, &name));
    subject(name, c.subject);
    c.self_signed = bytes_equal(issuer, name);
    *ret = c;
    return DONE;
}
