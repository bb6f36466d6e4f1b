#include "node/config.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>

enum kind { KIND_ID, KIND_TEXT, KIND_NUMBER, KIND_ADDRESS };

struct row {
    const char *section, *key;
    enum kind kind;
    size_t at, size;
    uint32_t low, high;
    const char *fallback, *help;
};

#define TEXT_AT(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define LISTEN_AT(which) offsetof(struct config, listen) + (which) * sizeof(struct address), sizeof(struct address)

static const struct row rows[] = {
    { "site", "name", KIND_ID, TEXT_AT(site), 0, 0, "site", "the site's id in topics" },
    { "site", "title-ja", KIND_TEXT, TEXT_AT(name_ja), 0, 0, "", "name shown, Japanese" },
    { "site", "title-en", KIND_TEXT, TEXT_AT(name_en), 0, 0, "", "name shown, English" },
    { "site", "host", KIND_TEXT, TEXT_AT(host), 0, 0, "localhost", "name or address devices use" },
    { "site", "console-dir", KIND_TEXT, TEXT_AT(console_dir), 0, 0, "", "the console's files" },
    { "listen", "mqtt", KIND_ADDRESS, LISTEN_AT(LISTENER_MQTT), 0, 0, "0.0.0.0:8883", "MQTT over mutual TLS 1.3" },
    { "listen", "https", KIND_ADDRESS, LISTEN_AT(LISTENER_HTTPS), 0, 0, "0.0.0.0:8443", "HTTPS for people" },
    { "listen", "est", KIND_ADDRESS, LISTEN_AT(LISTENER_EST), 0, 0, "0.0.0.0:8444", "enrolment" },
    { "listen", "console", KIND_ADDRESS, LISTEN_AT(LISTENER_CONSOLE), 0, 0, "127.0.0.1:8480", "console, loopback only" },
    { "listen", "wss", KIND_ADDRESS, LISTEN_AT(LISTENER_WSS), 0, 0, "off", "MQTT over WebSocket (/mqtt), mutual TLS 1.3" },
    { "listen", "peers", KIND_ADDRESS, LISTEN_AT(LISTENER_PEER), 0, 0, "off", "other systems that connect in (checkpoint), mutual TLS 1.3" },
    { "listen", "proxy", KIND_TEXT, TEXT_AT(proxies), 0, 0, "off", "balancers that begin with a PROXY v2 header: addresses, or off" },
    { "guard", "handshakes", KIND_NUMBER, TEXT_AT(handshakes), 1, 4096, "256", "handshakes at once" },
    { "guard", "connections", KIND_NUMBER, TEXT_AT(connections), 1, 1000000, "20000", "connections at once" },
    { "guard", "per-source", KIND_NUMBER, TEXT_AT(per_source), 1, 1000000, "2000", "connections of one address" },
    { "ledger", "commit-window-ms", KIND_NUMBER, TEXT_AT(commit_window_ms), 0, 100, "2", "group commit window" },
    { "ledger", "keep-days", KIND_NUMBER, TEXT_AT(keep_days), 0, 36500, "0", "days recorded data stays readable, 0 for ever" },
    { "ledger", "keep-mib", KIND_NUMBER, TEXT_AT(keep_mib), 0, 100000000, "0", "MiB of recorded data kept readable, 0 all" },
    { "devices", "attest-every-s", KIND_NUMBER, TEXT_AT(attest_every_s), 1, 86400, "3600", "evidence besides every session" },
    { "devices", "renew-within", KIND_NUMBER, TEXT_AT(renew_within_s), 1, 604800, "3600", "seconds in which devices renew when the CA rolls over" },
    { "devices", "certificate-days", KIND_NUMBER, TEXT_AT(certificate_days), 1, 90, "30", "life of a device certificate" },
    { "alerts", "syslog", KIND_TEXT, TEXT_AT(alert_syslog), 0, 0, "off", "syslog over TLS: host:port; its CA in courier/syslog.ca.pem" },
    { "alerts", "webhook", KIND_TEXT, TEXT_AT(alert_webhook), 0, 0, "off", "https://host/path; its secret in courier/webhook.secret" },
    { "alerts", "mail", KIND_TEXT, TEXT_AT(alert_mail), 0, 0, "off", "host:port with TLS from the start, or of this machine without" },
    { "alerts", "mail-from", KIND_TEXT, TEXT_AT(alert_from), 0, 0, "", "sender's address" },
    { "alerts", "mail-to", KIND_TEXT, TEXT_AT(alert_to), 0, 0, "", "receiver's address" },
    { "alerts", "tries", KIND_NUMBER, TEXT_AT(alert_tries), 1, 100, "10", "attempts at one place, then a dead letter" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct bytes trim(struct bytes b)
{
    while (b.n && (b.at[0] == ' ' || b.at[0] == '\t')) b.at++, b.n--;
    while (b.n && (b.at[b.n - 1] == ' ' || b.at[b.n - 1] == '\t' || b.at[b.n - 1] == '\r')) b.n--;
    return b;
}

static outcome set_number(const struct row *r, struct bytes value, struct config *c)
{
    uint64_t v = 0;
    if (value.n == 0 || value.n > 9) return REFUSE(E_RANGE);
    for (size_t i = 0; i < value.n; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (value.at[i] - '0');
    }
    if (v < r->low || v > r->high) return REFUSE(E_RANGE);
    uint32_t n = (uint32_t)v;
    memcpy((uint8_t *)c + r->at, &n, sizeof n);
    return DONE;
}

/* "host:port", "[::1]:port" or "off". */
static outcome set_address(const struct row *r, struct bytes value, struct config *c)
{
    struct address a = { { 0 }, 0 };
    if (!bytes_equal_str(value, "off")) {
        size_t colon = value.n;
        while (colon && value.at[colon - 1] != ':') colon--;
        if (colon < 2) return REFUSE(E_MALFORMED);
        struct bytes host = bytes_of(value.at, colon - 1), port = bytes_of(value.at + colon, value.n - colon);
        if (host.n > 2 && host.at[0] == '[' && host.at[host.n - 1] == ']') host = bytes_of(host.at + 1, host.n - 2);
        struct row as_number = { .at = 0, .low = 1, .high = 65535 };
        struct config scratch;
        TRY(set_number(&as_number, port, &scratch));
        uint32_t n;
        memcpy(&n, &scratch, sizeof n);
        a.port = (uint16_t)n;
        TRY(bytes_to_text(host, a.host, sizeof a.host));
    }
    memcpy((uint8_t *)c + r->at, &a, sizeof a);
    return DONE;
}

static outcome set(const struct row *r, struct bytes value, struct config *c)
{
    switch (r->kind) {
    case KIND_NUMBER: return set_number(r, value, c);
    case KIND_ADDRESS: return set_address(r, value, c);
    case KIND_ID:
        if (!registry_id_valid(value)) return REFUSE(E_MALFORMED);
        break;
    case KIND_TEXT:
        if (!bytes_is_utf8(value)) return REFUSE(E_MALFORMED);
        break;
    }
    return bytes_to_text(value, (char *)c + r->at, r->size);
}

static void expected(const struct row *r, char *text, size_t size)
{
    switch (r->kind) {
    case KIND_NUMBER: snprintf(text, size, "a whole number from %u to %u", r->low, r->high); break;
    case KIND_ADDRESS: snprintf(text, size, "host:port, [v6]:port or off"); break;
    case KIND_ID: snprintf(text, size, "small letters, digits and '-', at most %d", ID_MAX - 1); break;
    case KIND_TEXT: snprintf(text, size, "at most %zu bytes of UTF-8", r->size - 1); break;
    }
}

/* Small edit distance, bounded words. */
static size_t distance(const char *a, struct bytes b)
{
    size_t n = strlen(a), row[32];
    if (n > 31 || b.n > 31) return 99;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; i <= b.n; i++) {
        size_t left = i, corner = i - 1;
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = corner + (a[j - 1] != (char)b.at[i - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (left + 1 < best) best = left + 1;
            corner = row[j];
            row[j] = left = best;
        }
    }
    return row[n];
}

struct reader {
    struct config *c;
    struct config_error *errors;
    size_t cap, n;
    int line;
    char section[32];
    bool seen[ROWS];
};

static void complain(struct reader *r, const char *text, const char *more)
{
    if (r->n < r->cap) {
        r->errors[r->n].line = r->line;
        snprintf(r->errors[r->n].text, sizeof r->errors->text, "%s%s", text, more);
    }
    r->n++;
}

static void complain_unknown(struct reader *r, struct bytes key)
{
    char text[160], more[64] = "";
    const struct row *near = NULL;
    size_t least = 3;
    for (size_t i = 0; i < ROWS; i++) {
        size_t d = distance(rows[i].key, key);
        if (d >= least) continue;
        least = d;
        near = &rows[i];
    }
    snprintf(text, sizeof text, "unknown key '%.*s' in [%s]", (int)(key.n < 40 ? key.n : 40), (const char *)key.at, r->section);
    for (char *p = text; *p; p++) /* the file may be anything: nothing of it steers a terminal */
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~') *p = '?';
    if (near) snprintf(more, sizeof more, "; did you mean '%s' in [%s]?", near->key, near->section);
    complain(r, text, more);
}

static void read_pair(struct reader *r, struct bytes key, struct bytes value)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (!bytes_equal_str(key, rows[i].key) || strcmp(r->section, rows[i].section) != 0) continue;
        char want[96], text[128];
        expected(&rows[i], want, sizeof want);
        snprintf(text, sizeof text, "%s: expected ", rows[i].key);
        if (r->seen[i]) complain(r, rows[i].key, " is given twice");
        else if (!ok(set(&rows[i], value, r->c))) complain(r, text, want);
        r->seen[i] = true;
        return;
    }
    complain_unknown(r, key);
}

static void read_line(struct reader *r, struct bytes line)
{
    line = trim(line);
    if (line.n == 0 || line.at[0] == '#') return;
    if (line.at[0] == '[') {
        bool closed = line.at[line.n - 1] == ']' && line.n > 2;
        struct bytes name = closed ? bytes_of(line.at + 1, line.n - 2) : BYTES_NONE;
        bool known = false;
        for (size_t i = 0; i < ROWS; i++) known = known || bytes_equal_str(name, rows[i].section);
        if (!known) complain(r, "unknown section; expected ", "[site], [listen], [guard], [ledger], [devices] or [alerts]");
        else if (!ok(bytes_to_text(name, r->section, sizeof r->section))) complain(r, "section name too long", "");
        return;
    }
    const uint8_t *equals = memchr(line.at, '=', line.n);
    if (!equals) {
        complain(r, "expected ", "key = value");
        return;
    }
    struct bytes key = trim(bytes_of(line.at, (size_t)(equals - line.at)));
    read_pair(r, key, trim(bytes_of(equals + 1, line.n - (size_t)(equals - line.at) - 1)));
}

void config_defaults(struct config *ret)
{
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < ROWS; i++) {
        outcome o = set(&rows[i], bytes_str(rows[i].fallback), ret);
        assert(ok(o));
    }
}

static bool loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* "off" or numeric addresses with commas between: a name would be whatever its resolver says. */
static bool proxies_good(const char *text)
{
    struct bytes rest = bytes_str(text);
    if (bytes_equal_str(rest, "off")) return true;
    while (true) {
        uint8_t address[16];
        char one[LINK_ADDRESS_MAX];
        const uint8_t *comma = rest.n ? memchr(rest.at, ',', rest.n) : NULL;
        size_t n = comma ? (size_t)(comma - rest.at) : rest.n;
        if (!ok(bytes_to_text(trim(bytes_of(rest.at, n)), one, sizeof one))) return false;
        if (inet_pton(AF_INET, one, address) != 1 && inet_pton(AF_INET6, one, address) != 1) return false;
        if (!comma) return true;
        rest = bytes_of(rest.at + n + 1, rest.n - n - 1);
    }
}

outcome config_place_read(const char *text, bool url, struct config_place *ret)
{
    struct config_place p = { .path = "/" };
    struct bytes rest = bytes_str(text);
    for (size_t i = 0; i < rest.n; i++)
        if (rest.at[i] <= ' ' || rest.at[i] >= 0x7F) return REFUSE(E_MALFORMED);
    bool https = bytes_starts(rest, BYTES_LIT("https://")), http = bytes_starts(rest, BYTES_LIT("http://"));
    if (url != (https || http)) return REFUSE(E_MALFORMED);
    if (url) rest = bytes_of(rest.at + (https ? 8 : 7), rest.n - (https ? 8 : 7));
    const uint8_t *slash = url && rest.n ? memchr(rest.at, '/', rest.n) : NULL;
    if (slash) TRY(bytes_to_text(bytes_of(slash, (size_t)(rest.at + rest.n - slash)), p.path, sizeof p.path));
    if (slash) rest.n = (size_t)(slash - rest.at);
    size_t colon = rest.n;
    while (colon && rest.at[colon - 1] != ':' && rest.at[colon - 1] != ']') colon--;
    bool port = colon && rest.at[colon - 1] == ':';
    if (!port && !https) return REFUSE(E_MALFORMED);
    p.port = 443;
    if (port) {
        struct row as_number = { .at = 0, .low = 1, .high = 65535 };
        struct config scratch;
        uint32_t n;
        TRY(set_number(&as_number, bytes_of(rest.at + colon, rest.n - colon), &scratch));
        memcpy(&n, &scratch, sizeof n);
        p.port = (uint16_t)n;
        rest.n = colon - 1;
    }
    if (rest.n > 2 && rest.at[0] == '[' && rest.at[rest.n - 1] == ']') rest = bytes_of(rest.at + 1, rest.n - 2);
    if (!rest.n || memchr(rest.at, '@', rest.n)) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(rest, p.host, sizeof p.host));
    p.plain = url ? http : false;
    *ret = p;
    return DONE;
}

static bool address_good(const char *text)
{
    const char *at = strchr(text, '@');
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p >= 0x7F || strchr("<>\"(),:;\\", *p)) return false;
    return at && at != text && at[1] && !strchr(at + 1, '@');
}

static void check_alerts(struct reader *r, const struct config *c)
{
    struct config_place p;
    if (strcmp(c->alert_syslog, "off") != 0 && !ok(config_place_read(c->alert_syslog, false, &p))) complain(r, "syslog: expected ", "host:port or off");
    if (strcmp(c->alert_webhook, "off") != 0 && (!ok(config_place_read(c->alert_webhook, true, &p)) || (p.plain && !loopback(p.host))))
        complain(r, "webhook: expected ", "https://host/path (http:// for 127.0.0.1 only) or off");
    if (strcmp(c->alert_mail, "off") == 0) return;
    if (!ok(config_place_read(c->alert_mail, false, &p))) complain(r, "mail: expected ", "host:port or off");
    if (!address_good(c->alert_from) || !address_good(c->alert_to)) complain(r, "mail-from, mail-to: expected ", "an address such as it@example.jp");
}

outcome config_read(struct bytes text, struct config *ret, struct config_error *errors, size_t cap, size_t *ret_n)
{
    struct config c;
    config_defaults(&c);
    struct reader r = { .c = &c, .errors = errors, .cap = cap };
    while (text.n) {
        const uint8_t *end = memchr(text.at, '\n', text.n);
        size_t n = end ? (size_t)(end - text.at) : text.n;
        r.line++;
        read_line(&r, bytes_of(text.at, n));
        text = bytes_of(text.at + n, text.n - n);
        if (end) text.at++, text.n--;
    }
    const struct address *console = &c.listen[LISTENER_CONSOLE];
    if (console->port && !loopback(console->host))
        complain(&r, "console: expected ", "a loopback address (127.0.0.1 or [::1]): it is plain HTTP");
    check_alerts(&r, &c);
    if (!proxies_good(c.proxies)) complain(&r, "proxy: expected ", "addresses with commas between, or off");
    *ret_n = r.n < cap ? r.n : cap;
    if (r.n) return REFUSE(E_CONFIG);
    *ret = c;
    return DONE;
}

static outcome write_value(const struct row *r, const struct config *c, struct buffer *b)
{
    const uint8_t *at = (const uint8_t *)c + r->at;
    if (r->kind == KIND_NUMBER) {
        uint32_t n;
        memcpy(&n, at, sizeof n);
        return buffer_fmt(b, "%s = %u\n", r->key, n);
    }
    if (r->kind == KIND_ADDRESS) {
        const struct address *a = (const struct address *)(const void *)at;
        if (!a->port) return buffer_fmt(b, "%s = off\n", r->key);
        bool v6 = strchr(a->host, ':') != NULL;
        return buffer_fmt(b, "%s = %s%s%s:%u\n", r->key, v6 ? "[" : "", a->host, v6 ? "]" : "", a->port);
    }
    return buffer_fmt(b, "%s = %s\n", r->key, (const char *)at);
}

outcome config_write(const struct config *c, struct buffer *b)
{
    const char *section = "";
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(section, rows[i].section) != 0) TRY(buffer_fmt(b, "%s[%s]\n", i ? "\n" : "", rows[i].section));
        section = rows[i].section;
        TRY(buffer_fmt(b, "# %s\n", rows[i].help));
        TRY(write_value(&rows[i], c, b));
    }
    return DONE;
}
