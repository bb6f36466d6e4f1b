#include "watch/survey.h"

#include "base/test.h"
#include "watch/finding.h"
#include "watch/packets_test.h"
#include "watch/survey_doc.h"

static struct survey *fresh(void)
{
    struct survey *s = NULL;
    CHECK_QUIET(ok(survey_new(&s)));
    return s;
}

/* How many findings of that kind; the first of them. */
static size_t count(const struct survey *s, enum finding_kind kind, struct finding *ret)
{
    static struct finding all[2000];
    size_t more = 0, found = 0, n = findings_of(s, all, 2000, &more);
    for (size_t i = n; i > 0; i--)
        if (all[i - 1].kind == kind) found++, *ret = all[i - 1];
    for (size_t i = 1; i < n; i++) CHECK_QUIET(all[i - 1].kind <= all[i].kind);
    return found;
}

static const struct ends writer = { "10.0.0.20", "10.0.0.5", TRANSPORT_TCP, 40000, 502, 0, 0 };

static void a_write_is_found_with_its_sender_and_time(void)
{
    struct survey *s = fresh();
    struct finding f;
    made_tcp(s, 1000, writer, BYTES_LIT("\0\1\0\0\0\6\1\3\0\x10\0\2"), BYTES_LIT("\0\1\0\0\0\7\1\3\4\0\1\0\2"));
    CHECK(count(s, FINDING_CONTROL_WRITE, &f) == 0 && count(s, FINDING_PLAIN_DATA, &f) == 1);
    /* a later segment of the same conversation writes */
    struct made m;
    struct ends e = writer;
    e.flags = TCP_ACK, e.seq = 1013;
    struct bytes p = made_packet(&m, &e, BYTES_LIT("\0\2\0\0\0\6\1\6\0\x0c\0\x22"));
    survey_packet(s, 1, 61000, (uint32_t)p.n, p);
    CHECK(count(s, FINDING_CONTROL_WRITE, &f) == 1 && f.since_ms == 61000);
    CHECK(last_byte("10.0.0.20") == survey_host(s, f.host)->address.at[3] && survey_host(s, f.peer)->address.at[3] == 5);
    CHECK(strcmp(f.detail, "FC6 @12 = 34 (1)") == 0);
    CHECK(survey_flows(s) == 1 && survey_flow(s, 0)->connections == 1 && survey_flow(s, 0)->port == 502);
    survey_free(s);
}

/* The strength: ten hosts a minute. */
static void a_slow_scan_is_found_and_a_busy_master_is_not(void)
{
    struct survey *s = fresh();
    struct finding f;
    char to[32];
    for (int i = 0; i < 40; i++) { /* one master reads forty controllers every second */
        snprintf(to, sizeof to, "10.0.1.%d", i + 1);
        struct ends e = { "10.0.0.2", to, TRANSPORT_TCP, (uint16_t)(41000 + i), 502, 0, 0 };
        made_tcp(s, 1000 + i * 20, e, BYTES_LIT("\0\1\0\0\0\6\1\3\0\x10\0\2"), BYTES_LIT("\0\1\0\0\0\7\1\3\4\0\1\0\2"));
    }
    survey_settle(s);
    CHECK(count(s, FINDING_SCAN, &f) == 0);
    for (int i = 0; i < 9; i++) {
        snprintf(to, sizeof to, "10.0.2.%d", i + 1);
        struct ends e = { "10.0.0.66", to, TRANSPORT_TCP, 42000, 502, TCP_SYN, 1 };
        struct made m;
        struct bytes p = made_packet(&m, &e, BYTES_NONE);
        survey_packet(s, 1, 10000 + i * 6000, (uint32_t)p.n, p);
    }
    survey_settle(s);
    CHECK(count(s, FINDING_SCAN, &f) == 0);
    struct ends last = { "10.0.0.66", "10.0.2.10", TRANSPORT_TCP, 42000, 502, TCP_SYN, 1 };
    struct made m;
    struct bytes p = made_packet(&m, &last, BYTES_NONE);
    survey_packet(s, 1, 10000 + 9 * 6000, (uint32_t)p.n, p);
    survey_settle(s);
    CHECK(count(s, FINDING_SCAN, &f) == 1 && survey_host(s, f.host)->address.at[3] == 66 && f.since_ms == 10000);
    survey_free(s);
}

static void arp_sweeps_and_port_scans_are_scans(void)
{
    struct survey *s = fresh();
    struct made m;
    struct finding f;
    char to[32];
    for (int i = 0; i < 12; i++) {
        snprintf(to, sizeof to, "10.0.0.%d", 100 + i);
        struct bytes p = made_arp(&m, true, 7, "10.0.0.7", to);
        survey_packet(s, 1, 1000 + i * 500, (uint32_t)p.n, p);
    }
    survey_settle(s);
    CHECK(count(s, FINDING_SCAN, &f) == 1 && survey_host(s, f.host)->address.at[3] == 7);
    for (int i = 0; i < 12; i++) {
        struct ends e = { "10.0.0.8", "10.0.0.5", TRANSPORT_TCP, 42000, (uint16_t)(20 + i), TCP_SYN, 1 };
        struct ends no = { "10.0.0.5", "10.0.0.8", TRANSPORT_TCP, (uint16_t)(20 + i), 42000, TCP_RST | TCP_ACK, 0 };
        struct bytes p = made_packet(&m, &e, BYTES_NONE);
        survey_packet(s, 1, 20000 + i, (uint32_t)p.n, p);
        p = made_packet(&m, &no, BYTES_NONE);
        survey_packet(s, 1, 20000 + i, (uint32_t)p.n, p);
    }
    survey_settle(s);
    CHECK(count(s, FINDING_SCAN, &f) == 2);
    survey_free(s);
}

static void two_devices_of_one_address_are_found(void)
{
    struct survey *s = fresh();
    struct made m;
    struct finding f;
    struct bytes p = made_arp(&m, false, 5, "10.0.0.5", "10.0.0.5");
    survey_packet(s, 1, 1000, (uint32_t)p.n, p);
    survey_packet(s, 1, 1500, (uint32_t)p.n, p);
    CHECK(count(s, FINDING_TWO_MACS, &f) == 0);
    p = made_arp(&m, false, 6, "10.0.0.5", "10.0.0.5");
    survey_packet(s, 1, 2000, (uint32_t)p.n, p);
    CHECK(count(s, FINDING_TWO_MACS, &f) == 1 && f.since_ms == 2000);
    CHECK(strcmp(f.detail, "02:00:00:00:00:05, 02:00:00:00:00:06") == 0);
    survey_free(s);
}

static void links_of_maintenance_and_the_outside(void)
{
    struct survey *s = fresh();
    struct finding f;
    struct ends inside = { "10.0.0.30", "10.0.0.5", TRANSPORT_TCP, 40000, 2222, 0, 0 };
    struct ends out = { "10.0.0.30", "203.0.113.9", TRANSPORT_TCP, 40001, 443, 0, 0 };
    struct ends nobody = { "10.0.0.30", "203.0.113.10", TRANSPORT_TCP, 40002, 22, TCP_SYN, 0 };
    struct made m;
    made_tcp(s, 1000, inside, BYTES_LIT("SSH-2.0-x\r\n"), BYTES_LIT("SSH-2.0-y\r\n"));
    CHECK(count(s, FINDING_REMOTE, &f) == 1 && f.open && f.since_ms == 1000);
    made_tcp(s, 400000, out, BYTES_LIT("\0\x0e\x38\1\2\3\4\5\6\7\x08\0\0\0\0\0"), BYTES_NONE);
    CHECK(count(s, FINDING_REMOTE_OUTSIDE, &f) == 1); /* OpenVPN on the port of the web */
    CHECK(count(s, FINDING_REMOTE, &f) == 1 && !f.open);
    struct bytes p = made_packet(&m, &nobody, BYTES_NONE);
    survey_packet(s, 1, 500000, (uint32_t)p.n, p);
    CHECK(count(s, FINDING_REMOTE_OUTSIDE, &f) == 1);
    survey_free(s);
}

static void cyclic_broadcasts_are_told_by_their_beat(void)
{
    struct survey *s = fresh();
    struct finding f;
    struct ends e = { "10.0.0.5", "10.0.0.255", TRANSPORT_UDP, 55001, 55002, 0, 0 };
    for (int i = 0; i < 30; i++) made_udp(s, 1000 + i * 50, e, BYTES_LIT("\1\2\3\4 cyclic data of thirty-two bytes"));
    CHECK(count(s, FINDING_CYCLIC, &f) == 1 && survey_flow(s, f.flow)->port == 55002);
    survey_free(s);
}

static void names_come_from_answers(void)
{
    struct survey *s = fresh();
    struct address a;
    struct ends e = { "10.0.0.1", "10.0.0.5", TRANSPORT_UDP, 53, 40000, 0, 0 };
    made_udp(s, 1000, e, BYTES_LIT("\x12\x34\x81\x80\0\1\0\2\0\0\0\0\3plc\4city\0\0\1\0\1\xc0\x0c\0\5\0\1\0\0\0\x3c\0\3\1b\0\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\x63"));
    CHECK_OK(address_parse("10.0.0.99", &a));
    CHECK(survey_named(s, &a, "plc.city") && !survey_named(s, &a, "plc.cit"));
    made_tcp(s, 2000, (struct ends) { "10.0.0.5", "10.0.0.99", TRANSPORT_TCP, 1025, 80, 0, 0 }, BYTES_LIT("GET / HTTP/1.1\r\n\r\n"), BYTES_NONE);
    CHECK(strcmp(survey_host(s, survey_host_of(s, &a))->name, "plc.city") == 0);
    survey_free(s);
}

static void a_hello_in_pieces_and_out_of_a_middle(void)
{
    struct survey *s = fresh();
    struct made m;
    struct ends e = { "10.0.0.5", "10.0.0.9", TRANSPORT_TCP, 1025, 8443, TCP_ACK, 50 };
    struct ends other = { "10.0.0.9", "10.0.0.5", TRANSPORT_TCP, 9000, 1026, TCP_ACK, 50 };
    struct bytes hello = BYTES_LIT("\x16\3\1\0\x2d\1\0\0\x29\3\3" "0123456789abcdef0123456789abcdef" "\0\0\2\x13\1\1\0");
    for (size_t at = 0; at < hello.n; at += 7) {
        struct bytes p = made_packet(&m, &e, bytes_of(hello.at + at, hello.n - at < 7 ? hello.n - at : 7));
        survey_packet(s, 1, 1000 + (int64_t)at, (uint32_t)p.n, p);
        e.seq += 7;
    }
    CHECK(survey_flows(s) == 1 && survey_flow(s, 0)->proto == PROTO_TLS && survey_flow(s, 0)->tls_version == 0x0303);
    struct bytes p = made_packet(&m, &other, BYTES_LIT("HTTP/1.1 404 Not Found\r\n\r\n"));
    survey_packet(s, 1, 2000, (uint32_t)p.n, p);
    CHECK(survey_flows(s) == 2 && survey_flow(s, 1)->proto == PROTO_HTTP && survey_flow(s, 1)->port == 9000);
    survey_free(s);
}

/* More hosts than the table holds: bounded, counted, shown; the document is whole JSON still. */
static void full_tables_are_said(void)
{
    struct survey *s = fresh();
    struct finding f;
    char from[32];
    for (int i = 0; i < SURVEY_HOSTS + 50; i++) {
        snprintf(from, sizeof from, "10.%d.%d.1", 1 + i / 250, i % 250);
        made_udp(s, 1000 + i, (struct ends) { from, "10.0.0.255", TRANSPORT_UDP, 9, 9, 0, 0 }, BYTES_LIT("x\x1b\xff"));
    }
    CHECK(survey_hosts(s) == SURVEY_HOSTS && survey_counts(s)->lost_hosts == 51);
    CHECK(count(s, FINDING_NOT_SEEN, &f) == 1);
    struct arena a = ARENA(256 << 20);
    struct buffer b = BUFFER(SURVEY_JSON_MAX);
    CHECK_OK(doc_write_json(survey_doc(s, &a), &b));
    struct doc *d = NULL;
    CHECK_OK(doc_read_json(buffer_view(&b), &a, &d));
    CHECK(doc_get(d, "hosts")->count == SURVEY_HOSTS && doc_int(d, "lost", 0) == 51);
    buffer_deinit(&b);
    arena_deinit(&a);
    survey_free(s);
}

static void every_kind_has_its_words(void)
{
    for (int k = 0; k < FINDING_COUNT; k++) {
        const struct finding_words *w = finding_words((enum finding_kind)k);
        CHECK_QUIET(finding_words_of(w->word) == w && *w->what_ja && *w->what_en && *w->why_ja && *w->why_en && *w->do_ja && *w->do_en);
    }
    CHECK(finding_words_of("nothing") == NULL);
}

int main(void)
{
    a_write_is_found_with_its_sender_and_time();
    a_slow_scan_is_found_and_a_busy_master_is_not();
    arp_sweeps_and_port_scans_are_scans();
    two_devices_of_one_address_are_found();
    links_of_maintenance_and_the_outside();
    cyclic_broadcasts_are_told_by_their_beat();
    names_come_from_answers();
    a_hello_in_pieces_and_out_of_a_middle();
    full_tables_are_said();
    every_kind_has_its_words();
    return TEST_END;
}
