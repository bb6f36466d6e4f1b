/* CBOR in its shortest form only, and WebAuthn's bytes: every prefix and every changed byte of a good one is refused or read
 * within its bounds. */
#include "wire/webauthn.h"

#include <stdio.h>

#include "base/test.h"
#include "wire/cbor.h"

static void cbor_rows(void)
{
    static const struct { const char *hex; enum code code; size_t left; } rows[] = {
        { "00", OK, 0 }, { "1817", E_MALFORMED, 2 }, { "1818", OK, 0 }, { "190017", E_MALFORMED, 3 }, { "190100", OK, 0 },
        { "1a0000ffff", E_MALFORMED, 5 }, { "1a00010000", OK, 0 }, { "1b00000000ffffffff", E_MALFORMED, 9 }, { "1c", E_MALFORMED, 1 },
        { "1f", E_MALFORMED, 1 }, { "5f4101ff", E_MALFORMED, 4 }, { "9fff", E_MALFORMED, 2 }, { "43616263", OK, 0 }, { "436162", E_SHORT, 3 },
        { "8300f6f5", OK, 0 }, { "830000", E_SHORT, 3 }, { "a10102", OK, 0 }, { "a101", E_SHORT, 2 }, { "c100", OK, 0 }, { "c1", E_SHORT, 1 },
        { "f93c00", OK, 0 }, { "fb3ff0000000000000", OK, 0 }, { "f818", E_MALFORMED, 2 }, { "f820", OK, 0 }, { "9bffffffffffffffff", E_SHORT, 9 },
        { "bbffffffffffffffff", E_SHORT, 9 }, { "5bffffffffffffffff", E_SHORT, 9 }, { "", E_SHORT, 0 }, { "0001", OK, 1 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t room[16];
        size_t n = strlen(rows[i].hex) / 2;
        CHECK_QUIET(n == 0 || ok(hex_to(bytes_str(rows[i].hex), room, n)));
        struct bytes in = bytes_of(room, n);
        outcome o = cbor_skip(&in);
        if (o.code != rows[i].code || in.n != rows[i].left) printf("# %s: %s, %zu left\n", rows[i].hex, code_word(o.code), in.n);
        CHECK(o.code == rows[i].code && in.n == rows[i].left);
    }
}

static void heads_come_back(void)
{
    static const uint64_t values[] = { 0, 23, 24, 255, 256, 65535, 65536, 4294967295u, (uint64_t)1 << 32, UINT64_MAX };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t room[9];
        struct out o = out_of(room, sizeof room);
        struct cbor_head h;
        cbor_put_head(&o, CBOR_UINT, values[i]);
        struct bytes in = out_view(&o);
        CHECK(ok(cbor_take_head(&in, &h)) && in.n == 0 && h.value == values[i] && h.major == CBOR_UINT);
    }
}

static size_t registration(uint8_t *room, size_t cap, bool ec)
{
    struct out o = out_of(room, cap);
    uint8_t zeros[32] = { 0 };
    put(&o, bytes_of(zeros, 32));
    put_u8(&o, WEBAUTHN_PRESENT | WEBAUTHN_VERIFIED | WEBAUTHN_HAS_KEY);
    put_u32(&o, 3);
    put(&o, bytes_of(zeros, 16));
    put_u16(&o, 4);
    put_str(&o, "id-1");
    put(&o, ec ? BYTES_LIT("\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20") : BYTES_LIT("\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20"));
    put(&o, bytes_of(zeros, 32));
    if (ec) {
        put(&o, BYTES_LIT("\x22\x58\x20"));
        put(&o, bytes_of(zeros, 32));
    }
    return o.n;
}

static void keys_and_their_prefixes(void)
{
    for (int ec = 0; ec < 2; ec++) {
        uint8_t room[256], changed[256];
        struct webauthn_data d;
        size_t n = registration(room, sizeof room, ec);
        CHECK_OK(webauthn_read_data(bytes_of(room, n), &d));
        CHECK(bytes_equal_str(d.credential, "id-1") && d.count == 3 && d.algorithm == (ec ? WEBAUTHN_ES256 : WEBAUTHN_EDDSA));
        CHECK(d.spki_n == (ec ? 91u : 44u));
        for (size_t k = 0; k < n; k++) CHECK_QUIET(!ok(webauthn_read_data(bytes_of(room, k), &d)));
        for (size_t k = 55; k < n; k++) { /* after the fixed part: other labels, kinds, lengths */
            memcpy(changed, room, n);
            changed[k] ^= 0x40;
            (void)!ok(webauthn_read_data(bytes_of(changed, n), &d));
        }
        room[n] = 0;
        CHECK_IS(webauthn_read_data(bytes_of(room, n + 1), &d), E_MALFORMED); /* a byte too many */
    }
}

static void only_no_attestation(void)
{
    struct bytes data;
    CHECK_OK(webauthn_read_attestation(BYTES_LIT("\xa3\x63" "fmt\x64none\x67" "attStmt\xa0\x68" "authData\x43" "abc"), &data));
    CHECK(bytes_equal_str(data, "abc"));
    CHECK_IS(webauthn_read_attestation(BYTES_LIT("\xa3\x63" "fmt\x66packed\x67" "attStmt\xa0\x68" "authData\x43" "abc"), &data), E_UNSUPPORTED);
    CHECK_IS(webauthn_read_attestation(BYTES_LIT("\xa3\x63" "fmt\x64none\x67" "attStmt\xa1\x01\x02\x68" "authData\x43" "abc"), &data), E_UNSUPPORTED);
    CHECK_IS(webauthn_read_attestation(BYTES_LIT("\xa3\x63" "fmt\x64none\x63" "fmt\x64none\x68" "authData\x43" "abc"), &data), E_MALFORMED);
    CHECK_IS(webauthn_read_attestation(BYTES_LIT("\xa0"), &data), E_MALFORMED);
}

static void base64url_rows(void)
{
    static const struct { const char *in, *want; } rows[] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
        { "\xfb\xff\xfe", "-__-" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        webauthn_base64url(bytes_str(rows[i].in), text);
        CHECK(strcmp(text, rows[i].want) == 0);
    }
}

int main(void)
{
    cbor_rows();
    heads_come_back();
    keys_and_their_prefixes();
    only_no_attestation();
    base64url_rows();
    return TEST_END;
}
