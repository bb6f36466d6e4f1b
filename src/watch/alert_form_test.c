/* What leaves as an alert, in each form; attacker text in it is escaped (N60). */
#include "watch/alert_form.h"

#include <stdio.h>

#include "base/test.h"
#include "wire/doc.h"

static struct alert_out plain(void)
{
    return (struct alert_out) { .site = "mizu", .host = "sekimori.example", .id = "new-topic.gw-1.3", .cause = "new-topic.gw-1", .what = "new-topic",
        .device = "gw-1", .group = "gateways", .text_ja = "初めてのトピック", .text_en = "a topic it never used", .at_ms = 1764331200123, .first_ms = 1764331200123,
        .count = 2, .level = ALERT_HIGH };
}

static void escapes(void)
{
    static const struct { const char *raw, *want; } rows[] = { { "plain 水", "plain 水" }, { "a\x1b[2Jb", "a\\x1b[2Jb" }, { "a\nb\rc", "a\\x0ab\\x0dc" },
        { "a\xffz", "a\\xffz" }, { "\xe6\xb0", "\\xe6\\xb0" }, { "a\xc2\x85z", "a\\xc2\\x85z" }, { "a\xe2\x80\xa8z", "a\\xe2\\x80\\xa8z" }, { "x\xe2\x80\xaey", "x\\xe2\\x80\\xaey" } };
    char text[64], small[8];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        alert_safe(rows[i].raw, text, sizeof text);
        if (strcmp(text, rows[i].want) != 0) printf("# %s\n", text);
        CHECK(strcmp(text, rows[i].want) == 0);
    }
    alert_safe("0123456789", small, sizeof small);
    CHECK(strlen(small) < sizeof small);
}

static void syslog_line(void)
{
    struct alert_out a = plain();
    struct buffer b = BUFFER(65536);
    CHECK_OK(alert_syslog(&a, &b));
    static const char want[] = "<107>1 2025-11-28T12:00:00.123Z sekimori.example sekimori - new-topic [sekimori@32473 site=\"mizu\" id=\"new-topic.gw-1.3\""
        " cause=\"new-topic.gw-1\" device=\"gw-1\" count=\"2\" ja=\"初めてのトピック\"] \xEF\xBB\xBF" "a topic it never used";
    if (!bytes_equal_str(buffer_view(&b), want)) printf("# %.*s\n", (int)b.n, (const char *)b.at);
    CHECK(bytes_equal_str(buffer_view(&b), want));
    b.n = 0;
    a.text_en = "x\n<13>1 - - forged\x1b[31m", a.device = "a\"] \\b", a.host = "two words", a.what = "";
    CHECK_OK(alert_syslog(&a, &b));
    CHECK(!memchr(b.at, '\n', b.n) && !memchr(b.at, 27, b.n) && memmem(b.at, b.n, "two_words sekimori - - [", 24));
    CHECK(memmem(b.at, b.n, "device=\"a\\\"\\] \\\\b\"", 18) != NULL);
    buffer_deinit(&b);
}

static void event(void)
{
    struct alert_out a = plain();
    struct buffer b = BUFFER(65536);
    struct arena r = ARENA(1 << 18);
    struct doc *d = NULL;
    a.text_en = "x\n\xff";
    CHECK_OK(alert_event(&a, &b));
    CHECK_OK(doc_read_json(buffer_view(&b), &r, &d));
    const struct doc *data = doc_get(d, "data"), *info = doc_get(data, "finding_info");
    CHECK(strcmp(doc_text(d, "specversion", ""), "1.0") == 0 && strcmp(doc_text(d, "source", ""), "urn:sekimori:mizu") == 0);
    CHECK(doc_int(data, "class_uid", 0) == 2004 && doc_int(data, "type_uid", 0) == 200401 && doc_int(data, "severity_id", 0) == 4);
    CHECK(strcmp(doc_text(info, "uid", ""), "new-topic.gw-1") == 0 && strcmp(doc_text(data, "message", ""), "x\\x0a\\xff") == 0);
    a.first_ms--;
    b.n = 0;
    CHECK_OK(alert_event(&a, &b));
    CHECK_OK(doc_read_json(buffer_view(&b), &r, &d));
    CHECK(doc_int(doc_get(d, "data"), "type_uid", 0) == 200402);
    buffer_deinit(&b);
    arena_deinit(&r);
}

static void mail(void)
{
    struct alert_out a = plain();
    const struct alert_mail m = { "seki@example.jp", "duty@example.jp" };
    struct buffer b = BUFFER(65536);
    a.text_ja = "とても長い日本語の件名でも、一つの符号化語は七十五文字までに分けます";
    a.text_en = "x\r\nBcc: everyone@example.jp";
    CHECK_OK(alert_mail_text(&a, &m, &b));
    CHECK_OK(buffer_put(&b, BYTES_LIT("\0")));
    const char *text = (const char *)b.at;
    CHECK(strstr(text, "Date: Fri, 28 Nov 2025 12:00:00 +0000\r\n") && strstr(text, "Message-ID: <new-topic.gw-1.3@mizu.sekimori.invalid>\r\n"));
    CHECK(!strstr(text, "\nBcc:") && strstr(text, "x\\x0d\\x0aBcc:"));
    size_t longest = 0;
    for (const char *p = text; (p = strstr(p, "=?UTF-8?B?")); p++) {
        size_t n = (size_t)(strstr(p + 10, "?=") + 2 - p);
        if (n > longest) longest = n;
    }
    CHECK(longest > 0 && longest <= 75);
    buffer_deinit(&b);
}

int main(void)
{
    escapes();
    syslog_line();
    event();
    mail();
    return TEST_END;
}
