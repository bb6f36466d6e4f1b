#include "watch/address.h"

#include <arpa/inet.h>
#include <stdio.h>

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(a->at, b->at, sizeof a->at) == 0;
}

void address_text(const struct address *a, char text[ADDRESS_TEXT])
{
    text[0] = 0;
    if (a->family == 4) (void)inet_ntop(AF_INET, a->at, text, ADDRESS_TEXT);
    if (a->family == 6) (void)inet_ntop(AF_INET6, a->at, text, ADDRESS_TEXT);
}

outcome address_parse(const char *text, struct address *ret)
{
    struct address a = { 0 };
    if (inet_pton(AF_INET, text, a.at) == 1) a.family = 4;
    else if (inet_pton(AF_INET6, text, a.at) == 1) a.family = 6;
    else return REFUSE(E_MALFORMED);
    *ret = a;
    return DONE;
}

bool address_many(const struct address *a)
{
    static const uint8_t all[4] = { 255, 255, 255, 255 };
    if (a->family == 4) return (a->at[0] & 0xF0) == 0xE0 || memcmp(a->at, all, 4) == 0;
    return a->family == 6 && a->at[0] == 0xFF;
}

bool address_host(const struct address *a)
{
    static const uint8_t none[16] = { 0 };
    return a->family && !address_many(a) && memcmp(a->at, none, sizeof none) != 0;
}

bool address_inside(const struct address *a)
{
    static const struct { uint8_t family, bits, at[2]; } rows[] = {
        { 4, 8, { 10, 0 } }, { 4, 12, { 172, 16 } }, { 4, 16, { 192, 168 } }, { 4, 16, { 169, 254 } },
        { 4, 8, { 127, 0 } }, { 4, 10, { 100, 64 } }, { 6, 7, { 0xFC, 0 } }, { 6, 10, { 0xFE, 0x80 } },
    };
    static const uint8_t loop6[16] = { [15] = 1 };
    unsigned first = (unsigned)a->at[0] << 8 | a->at[1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned want = (unsigned)rows[i].at[0] << 8 | rows[i].at[1];
        if (a->family == rows[i].family && (first ^ want) >> (16 - rows[i].bits) == 0) return true;
    }
    return a->family == 6 && memcmp(a->at, loop6, sizeof loop6) == 0;
}

void mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

outcome mac_parse(const char *text, uint8_t ret[6])
{
    char digits[13];
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        if (*p == ':' || *p == '-' || *p == '.') continue;
        if (n == 12) return REFUSE(E_MALFORMED);
        digits[n++] = *p;
    }
    if (n != 12) return REFUSE(E_MALFORMED);
    return hex_to(bytes_of(digits, n), ret, 6);
}

/* Bytes of the character at the head of b, 0 when it is not UTF-8; its code point. */
static size_t character(struct bytes b, uint32_t *ret_point)
{
    uint8_t first = b.at[0];
    size_t n = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : (first & 0xF8) == 0xF0 ? 4 : 0;
    if (!n || n > b.n) return 0;
    if (n > 1 && !bytes_is_utf8(bytes_of(b.at, n))) return 0;
    uint32_t point = n == 1 ? first : first & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) point = point << 6 | (b.at[i] & 0x3F);
    *ret_point = point;
    return n;
}

static bool shows(uint32_t point)
{
    static const struct { uint32_t from, to; } hidden[] = { { 0, 0x1F }, { '\\', '\\' }, { 0x7F, 0x9F }, { 0xAD, 0xAD },
        { 0x061C, 0x061C }, { 0x180E, 0x180E }, { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0xE000, 0xF8FF },
        { 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFF }, { 0xE0000, 0x10FFFF } };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (point >= hidden[i].from && point <= hidden[i].to) return false;
    return true;
}

size_t text_shown(struct bytes raw, char *text, size_t size)
{
    size_t n = 0;
    while (raw.n && size) {
        uint32_t point = 0;
        size_t took = character(raw, &point);
        bool plain = took && shows(point);
        if (!took) took = 1;
        size_t wants = plain ? took : 4 * took;
        if (n + wants >= size) break;
        if (plain) memcpy(text + n, raw.at, took);
        for (size_t i = 0; !plain && i < took; i++) snprintf(text + n + 4 * i, 5, "\\x%02x", raw.at[i]);
        n += wants;
        raw = bytes_of(raw.at + took, raw.n - took);
    }
    if (size) text[n] = 0;
    return n;
}
