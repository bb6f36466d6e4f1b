#include "watch/alert_form.h"

#include <stdio.h>
#include <time.h>

#include "wire/doc.h"

enum { SAFE = 1024, FACILITY_AUDIT = 13, PRODUCT_CLASS = 2004 };

/* Bytes of the UTF-8 character that begins here; 0 for none. */
static size_t character(const char *at)
{
    for (size_t n = 1; n <= 4; n++) {
        if (memchr(at, 0, n)) return 0;
        if (bytes_is_utf8(bytes_of(at, n))) return n;
    }
    return 0;
}

/* C0, DEL; C1 and the line and paragraph separators (U+2028, U+2029) as UTF-8. */
static bool control(const char *at, size_t n)
{
    uint8_t a = (uint8_t)at[0], b = n > 1 ? (uint8_t)at[1] : 0, c = n > 2 ? (uint8_t)at[2] : 0;
    if (n == 1) return a < ' ' || a == 0x7F;
    if (n == 2) return a == 0xC2 && b < 0xA0;
    return n == 3 && a == 0xE2 && b == 0x80 && (c == 0xA8 || c == 0xA9 || (c >= 0xAA && c <= 0xAE));
}

void alert_safe(const char *raw, char *text, size_t size)
{
    size_t o = 0;
    for (const char *p = raw; *p && o + 5 < size;) {
        size_t n = character(p);
        if (n && !control(p, n)) {
            memcpy(text + o, p, n);
            o += n, p += n;
            continue;
        }
        o += (size_t)snprintf(text + o, 5, "\\x%02x", (unsigned)(uint8_t)*p++);
    }
    text[o] = 0;
}

/* ---- syslog ---- */

/* A value of structured data: ", \ and ] have a backslash before them (RFC 5424, 6.3.3). */
static MUST outcome put_param(struct buffer *b, const char *name, const char *raw)
{
    char safe[SAFE];
    alert_safe(raw, safe, sizeof safe);
    TRY(buffer_fmt(b, " %s=\"", name));
    for (const char *p = safe; *p; p++) {
        if (*p == '"' || *p == '\\' || *p == ']') TRY(buffer_put(b, BYTES_LIT("\\")));
        TRY(buffer_put(b, bytes_of(p, 1)));
    }
    return buffer_put(b, BYTES_LIT("\""));
}

/* A header field: printable ASCII without blanks, "-" for none. */
static void header_word(const char *raw, char *text, size_t size)
{
    size_t o = 0;
    for (const char *p = raw; *p && o + 1 < size; p++) text[o++] = *p > ' ' && *p < 0x7F ? *p : '_';
    text[o] = 0;
    if (!o) snprintf(text, size, "-");
}

outcome alert_syslog(const struct alert_out *a, struct buffer *b)
{
    static const int severities[] = { [ALERT_LOW] = 5, [ALERT_MEDIUM] = 4, [ALERT_HIGH] = 3, [ALERT_CRITICAL] = 2 };
    char at[TIME_TEXT], host[256], what[33], text[SAFE], count[16];
    time_text(a->at_ms, at);
    header_word(a->host, host, sizeof host);
    header_word(a->what, what, sizeof what);
    snprintf(count, sizeof count, "%u", a->count);
    TRY(buffer_fmt(b, "<%d>1 %s %s sekimori - %s [sekimori@32473", FACILITY_AUDIT * 8 + severities[a->level], at, host, what));
    TRY(put_param(b, "site", a->site));
    TRY(put_param(b, "id", a->id));
    TRY(put_param(b, "cause", a->cause));
    TRY(put_param(b, "device", a->device));
    TRY(put_param(b, "count", count));
    alert_safe(a->text_ja, text, sizeof text);
    TRY(put_param(b, "ja", text));
    alert_safe(a->text_en, text, sizeof text);
    return buffer_fmt(b, "] \xEF\xBB\xBF%s", text);
}

/* ---- CloudEvents with OCSF ---- */

static void set_safe(struct arena *a, struct doc *d, const char *key, const char *raw)
{
    char safe[SAFE];
    alert_safe(raw, safe, sizeof safe);
    const char *own = arena_text(a, bytes_str(safe));
    doc_set_text(a, d, key, own ? own : "");
}

/* Detection Finding, class 2004 of OCSF 1.3. */
static struct doc *finding(struct arena *r, const struct alert_out *a)
{
    struct doc *d = doc_map(r), *info = doc_map(r), *meta = doc_map(r), *product = doc_map(r), *types = doc_list(r), *own = doc_map(r);
    doc_set_int(r, d, "activity_id", a->at_ms == a->first_ms ? 1 : 2); /* create, update */
    doc_set_int(r, d, "category_uid", 2);
    doc_set_int(r, d, "class_uid", PRODUCT_CLASS);
    doc_set_int(r, d, "type_uid", PRODUCT_CLASS * 100 + (a->at_ms == a->first_ms ? 1 : 2));
    doc_set_int(r, d, "time", a->at_ms);
    doc_set_int(r, d, "severity_id", (int)a->level + 1);
    doc_set_int(r, d, "status_id", 1);
    doc_set_int(r, d, "count", a->count);
    set_safe(r, d, "message", a->text_en);
    set_safe(r, info, "uid", a->cause);
    set_safe(r, info, "title", a->what);
    set_safe(r, info, "desc", a->text_en);
    doc_set_int(r, info, "created_time", a->first_ms);
    doc_add(types, doc_text_new(r, a->what));
    doc_set(r, info, "types", types);
    doc_set(r, d, "finding_info", info);
    doc_set_text(r, product, "name", "Sekimori");
    doc_set_text(r, product, "vendor_name", "Sekimori");
    doc_set_text(r, meta, "version", "1.3.0");
    set_safe(r, meta, "uid", a->id);
    doc_set(r, meta, "product", product);
    doc_set(r, d, "metadata", meta);
    if (a->device[0]) {
        struct doc *list = doc_list(r), *one = doc_map(r);
        set_safe(r, one, "name", a->device);
        set_safe(r, one, "group", a->group);
        doc_set_text(r, one, "type", "device");
        doc_add(list, one);
        doc_set(r, d, "resources", list);
    }
    set_safe(r, own, "text_ja", a->text_ja);
    set_safe(r, own, "site", a->site);
    doc_set(r, d, "unmapped", own);
    return d;
}

outcome alert_event(const struct alert_out *a, struct buffer *b)
{
    struct arena r = ARENA(1 << 18);
    struct doc *d = doc_map(&r);
    char source[128], at[TIME_TEXT];
    snprintf(source, sizeof source, "urn:sekimori:%.90s", a->site);
    time_text(a->at_ms, at);
    doc_set_text(&r, d, "specversion", "1.0");
    set_safe(&r, d, "id", a->id);
    set_safe(&r, d, "source", source);
    doc_set_text(&r, d, "type", "jp.sekimori.alert.v1");
    doc_set_text(&r, d, "time", at);
    set_safe(&r, d, "subject", a->cause);
    doc_set_text(&r, d, "datacontenttype", "application/json");
    doc_set(&r, d, "data", finding(&r, a));
    outcome o = doc_write_json(d, b);
    arena_deinit(&r);
    return o;
}

/* ---- mail ---- */

static MUST outcome put_date(struct buffer *b, int64_t at_ms)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t t = (time_t)(at_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&t, &tm)) return REFUSE(E_RANGE);
    return buffer_fmt(b, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
        tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* RFC 2047: words of at most 75 characters; each holds whole characters of UTF-8. */
static MUST outcome put_subject(struct buffer *b, const char *text)
{
    enum { PIECE = 42 };
    TRY(buffer_put(b, BYTES_LIT("Subject:")));
    for (const char *p = text; *p;) {
        char word[4 * PIECE];
        size_t n = 0;
        for (size_t k = character(p); p[n] && k && n + k <= PIECE; k = character(p + n)) n += k;
        if (!n) n = 1;
        base64_of(bytes_of(p, n), word);
        TRY(buffer_fmt(b, "%s =?UTF-8?B?%s?=", p == text ? "" : "\r\n", word));
        p += n;
    }
    return buffer_put(b, BYTES_LIT("\r\n"));
}

outcome alert_mail_text(const struct alert_out *a, const struct alert_mail *m, struct buffer *b)
{
    char ja[SAFE], en[SAFE], id[SAFE], device[SAFE], at[TIME_TEXT], subject[SAFE], word[160];
    alert_safe(a->text_ja, ja, sizeof ja);
    alert_safe(a->text_en, en, sizeof en);
    alert_safe(a->id, id, sizeof id);
    alert_safe(a->device, device, sizeof device);
    header_word(a->id, word, sizeof word);
    time_text(a->at_ms, at);
    snprintf(subject, sizeof subject, "[関守 %.60s] %.600s", a->site, ja);
    TRY(buffer_fmt(b, "From: <%s>\r\nTo: <%s>\r\n", m->from, m->to));
    TRY(put_date(b, a->at_ms));
    TRY(put_subject(b, subject));
    TRY(buffer_fmt(b, "Message-ID: <%s@%s.sekimori.invalid>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n", word, a->site));
    return buffer_fmt(b, "%s\r\n%s\r\n\r\n時刻 time: %s\r\n機器 device: %s\r\n件数 count: %u\r\n番号 id: %s\r\n"
        "確かめる look: sekimori alert list\r\n", ja, en, at, device, a->count, id);
}
