/* One row a protocol as its specification writes it, on the port people use and on another: content decides. */
#include "watch/dissect.h"

#include "base/test.h"
#include "watch/frame.h"

enum { TCP = TRANSPORT_TCP, UDP = TRANSPORT_UDP };

#define ROW(transport, from, to, payload, proto, side, marks, name) { transport, from, to, BYTES_LIT(payload), proto, side, marks, name }

static const struct { uint8_t transport; uint16_t from, to; struct bytes payload; enum proto proto; enum side side; unsigned marks; const char *name; }
    rows[] = {
    ROW(TCP, 40000, 502, "\0\1\0\0\0\6\1\3\0\x10\0\2", PROTO_MODBUS, SIDE_CLIENT, 0, "FC3 @16 x2"),
    ROW(TCP, 40000, 5020, "\0\1\0\0\0\6\1\6\0\x0c\0\x22", PROTO_MODBUS, SIDE_UNKNOWN, MARK_WRITE, "FC6 @12 = 34"),
    ROW(TCP, 40000, 9, "\0\1\0\0\0\x0b\1\x10\0\1\0\2\4\0\1\0\2", PROTO_MODBUS, SIDE_CLIENT, MARK_WRITE, "FC16 @1 x2"),
    ROW(TCP, 502, 40000, "\0\1\0\0\0\3\1\x83\2", PROTO_MODBUS, SIDE_SERVER, 0, "FC3 @0 x0"),
    ROW(TCP, 40000, 9, "\0\1\0\0\0\3\1\x83\2", PROTO_NONE, 0, 0, ""), /* too little to tell without the port */
    ROW(TCP, 40000, 502, "\0\1\0\1\0\6\1\3\0\x10\0\2", PROTO_NONE, 0, 0, ""), /* another protocol's number */
    ROW(TCP, 40000, 1883, "\x10\x14\0\4MQTT\4\xc2\0\x3c\0\2p1\0\1u\0\1p", PROTO_MQTT, SIDE_CLIENT, MARK_PASSWORD, "p1"),
    ROW(TCP, 40000, 9999, "\x10\x0e\0\4MQTT\4\2\0\x3c\0\2p1\x30\x0d\0\7a/cmd/bpump", PROTO_MQTT, SIDE_CLIENT, MARK_PUBLISH | MARK_COMMAND, "a/cmd/b"),
    ROW(TCP, 40000, 1883, "\x30\x0a\0\4a/lvl 42", PROTO_MQTT, SIDE_CLIENT, MARK_PUBLISH, "a/lv"),
    ROW(TCP, 40000, 80, "GET /x HTTP/1.1\r\nHost: plc\r\nAuthorization: Basic YTpi\r\n\r\n", PROTO_HTTP, SIDE_CLIENT, MARK_PASSWORD, "plc/x"),
    ROW(TCP, 40000, 8081, "POST /set HTTP/1.1\r\nHost: a\x1b[m\r\n\r\n", PROTO_HTTP, SIDE_CLIENT, MARK_PUBLISH, "a\\x1b[m/set"),
    ROW(TCP, 8081, 40000, "HTTP/1.1 200 OK\r\n", PROTO_HTTP, SIDE_SERVER, 0, "HTTP/1.1 200 OK"),
    ROW(TCP, 2222, 40000, "SSH-2.0-OpenSSH_9.2\r\n", PROTO_SSH, SIDE_UNKNOWN, 0, "SSH-2.0-OpenSSH_9.2"),
    ROW(TCP, 5900, 40000, "RFB 003.008\n", PROTO_VNC, SIDE_UNKNOWN, 0, "RFB 003.008"),
    ROW(TCP, 40000, 13389, "\3\0\0\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=opr\r\n\1\0\x08\0\3\0\0\0", PROTO_RDP, SIDE_CLIENT, 0, "opr"),
    ROW(TCP, 40000, 102, "\3\0\0\x16\x11\xe0\0\0\0\1\0\xc1\2\1\0\xc2\2\1\2\xc0\1\x0a", PROTO_NONE, 0, 0, ""), /* S7 over the same X.224 */
    ROW(TCP, 23, 40000, "\xff\xfd\x18\xff\xfd\x20", PROTO_TELNET, SIDE_SERVER, MARK_PASSWORD, ""),
    ROW(TCP, 40000, 21, "USER admin\r\n", PROTO_FTP, SIDE_CLIENT, 0, ""),
    ROW(UDP, 40000, 53, "\x12\x34\1\0\0\1\0\0\0\0\0\0\3plc\4city\0\0\1\0\1", PROTO_DNS, SIDE_CLIENT, 0, "plc.city"),
    ROW(UDP, 40000, 53, "\x12\x34\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", PROTO_NONE, 0, 0, ""), /* a name that points at itself */
    ROW(UDP, 5353, 5353, "\0\0\x84\0\0\0\0\1\0\0\0\0\3plc\5local\0\0\1\0\1\0\0\0\x78\0\4\x0a\0\0\5", PROTO_MDNS, SIDE_SERVER, 0, ""),
    ROW(UDP, 123, 123, "\xe3\0\3\xfa\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08", PROTO_NTP, SIDE_CLIENT, 0, "NTPv4"),
    ROW(UDP, 40000, 161, "\x30\x1a\2\1\1\4\6public\xa0\x0d\2\1\1\2\1\0\2\1\0\x30\2\5\0", PROTO_SNMP, SIDE_CLIENT, MARK_DEFAULT | MARK_PASSWORD, "SNMPv2c"),
    ROW(UDP, 40000, 161, "\x30\x1b\2\1\1\4\6public\xa0\x0d\2\1\1\2\1\0\2\1\0\x30\2\5\0", PROTO_NONE, 0, 0, ""), /* its length lies */
    ROW(UDP, 40000, 161, "\x30\x18\2\1\1\4\6public\xa3\x0b\2\1\1\2\1\0\2\1\0\x30\0", PROTO_SNMP, SIDE_CLIENT, MARK_WRITE | MARK_DEFAULT | MARK_PASSWORD, "SNMPv2c"),
    ROW(UDP, 40000, 514, "<34>Oct 11 22:14:15 gw su: failed\n", PROTO_SYSLOG, SIDE_CLIENT, 0, "<34>Oct 11 22:14:15 gw su: failed\\x0a"),
    ROW(UDP, 40000, 51820, "\4\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08\1\2\3\4\5\6\7\x08", PROTO_WIREGUARD, 0, 0, ""),
    ROW(UDP, 40000, 7, "\4\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08\1\2\3\4\5\6\7\x08", PROTO_NONE, 0, 0, ""),
    ROW(UDP, 40000, 11940, "\x38\1\2\3\4\5\6\7\x08\0\0\0\0\0", PROTO_OPENVPN, SIDE_CLIENT, 0, ""),
    ROW(UDP, 500, 500, "\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x1c", PROTO_IPSEC, SIDE_CLIENT, 0, "IKEv2"),
    ROW(UDP, 4500, 4500, "\xde\xad\xbe\xef\0\0\0\1abcdefgh", PROTO_IPSEC, 0, 0, "ESP"),
    ROW(UDP, 55001, 55000, "FACN\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", PROTO_FLNET, 0, 0, ""),
    ROW(UDP, 40000, 40001, "hello there", PROTO_NONE, 0, 0, ""),
};

static void content_decides(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct talk t = { rows[i].transport, rows[i].from, rows[i].to, PROTO_NONE, rows[i].payload };
        struct found f = { 0 };
        outcome o = dissect(&t, &f);
        if (!ok(o)) f = (struct found) { 0 };
        bool good = f.proto == rows[i].proto && f.said_by == rows[i].side && f.marks == rows[i].marks && strcmp(f.name, rows[i].name) == 0;
        if (!good) printf("# row %zu: %s side %d marks %u '%s'\n", i, proto_word(f.proto), f.said_by, f.marks, f.name);
        CHECK(good);
    }
}

static void every_prefix_and_changed_byte_is_survived(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t room[256];
        struct found f;
        for (size_t n = 0; n <= rows[i].payload.n; n++)
            for (int k = 0; k < 3 && rows[i].payload.n <= sizeof room; k++) {
                memcpy(room, rows[i].payload.at, rows[i].payload.n);
                if (n < rows[i].payload.n) room[n] ^= k == 1 ? 0xFF : k == 2 ? 0x01 : 0;
                struct talk t = { rows[i].transport, rows[i].from, rows[i].to, k ? rows[i].proto : PROTO_NONE,
                    bytes_of(room, k ? rows[i].payload.n : n) };
                outcome o = dissect(&t, &f);
                CHECK_QUIET(!ok(o) || bytes_is_utf8(bytes_str(f.name)));
            }
    }
    CHECK(true);
}

/* A server hello of TLS 1.2 and one that chooses 1.3 by its extension. */
static void tls_says_what_was_chosen(void)
{
    uint8_t room[256];
    for (int k = 0; k < 2; k++) {
        struct out o = out_of(room, sizeof room);
        struct found f = { 0 };
        put(&o, BYTES_LIT("\x16\3\3"));
        put_u16(&o, k ? 4 + 38 + 8 : 4 + 38);
        put(&o, BYTES_LIT("\2\0\0"));
        put_u8(&o, k ? 46 : 38);
        put(&o, BYTES_LIT("\3\3"));
        for (int i = 0; i < 32; i++) put_u8(&o, (uint8_t)i);
        put(&o, BYTES_LIT("\0\x13\1\0"));
        if (k) put(&o, BYTES_LIT("\0\6\0\x2b\0\2\3\4"));
        struct talk t = { TCP, 4433, 40000, PROTO_NONE, out_view(&o) };
        CHECK_OK(dissect(&t, &f));
        CHECK(f.proto == PROTO_TLS && f.said_by == SIDE_SERVER && f.tls_version == (k ? 0x0304 : 0x0303) && f.more == !k);
        t.payload.n -= 1;
        CHECK_IS(dissect(&t, &f), E_SHORT);
    }
    struct found f = { 0 };
    struct talk old = { TCP, 40000, 443, PROTO_NONE, BYTES_LIT("\x80\x0f\1\0\2\0\3\0\0\0\3\1\0\x80" "abc") };
    CHECK_OK(dissect(&old, &f));
    CHECK(f.tls_version == 2);
}

int main(void)
{
    content_decides();
    every_prefix_and_changed_byte_is_survived();
    tls_says_what_was_chosen();
    return TEST_END;
}
