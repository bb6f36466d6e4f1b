/* `sekimori watch inventory`: the equipment people listed against the hosts a sensor saw. */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/inventory.h"
#include "cli/sensed.h"

/* ---- the file ---- */

static bool converted(const char *from, struct bytes in, struct arena *a, struct bytes *ret)
{
    size_t cap = in.n * 3 + 16, left = cap, n = in.n;
    char *to = arena_new(a, cap), *at = to, *text = (char *)in.at;
    iconv_t cd = to ? iconv_open("UTF-8", from) : (iconv_t)-1;
    if (cd == (iconv_t)-1) return false;
    bool good = iconv(cd, &text, &n, &at, &left) != (size_t)-1;
    iconv_close(cd);
    *ret = bytes_of(to, cap - left);
    return good;
}

/* UTF-8, what Excel calls Unicode, or what it writes in Japan. */
static bool as_utf8(struct bytes in, struct arena *a, struct bytes *ret)
{
    bool wide = in.n >= 2 && ((in.at[0] == 0xFF && in.at[1] == 0xFE) || (in.at[0] == 0xFE && in.at[1] == 0xFF));
    *ret = in;
    if (wide) return converted("UTF-16", in, a, ret);
    return bytes_is_utf8(in) || converted("CP932", in, a, ret);
}

int inventory_file(struct cli *c, const char *path, struct inventory *ret)
{
    struct buffer b = BUFFER(INVENTORY_BYTES);
    struct bytes text;
    outcome o = port_file_load(path, INVENTORY_BYTES, &b);
    char what[200];
    if (!ok(o)) {
        snprintf(what, sizeof what, "%s: %s", cli_say(c, W_FILE), o.sys ? strerror(o.sys) : code_word(o.code));
        return complain(c, EXIT_CONFIGURATION, "SK-1004", what, path, NULL);
    }
    bool good = as_utf8(buffer_view(&b), &c->arena, &text);
    o = good ? inventory_read(text, &c->arena, ret) : REFUSE(E_MALFORMED);
    buffer_deinit(&b);
    if (ok(o)) return EXIT_OK;
    return complain(c, EXIT_CONFIGURATION, "SK-1052", cli_say(c, o.code == E_UNSUPPORTED ? W_NO_HEADINGS : !good ? W_NO_CHARSET : W_NO_TABLE),
        path, o.code == E_UNSUPPORTED ? cli_say(c, W_HEADINGS_ARE) : NULL);
}

/* ---- what matches what ---- */

struct host_seen {
    const struct doc *doc;
    struct address address;
    bool has_mac;
    uint8_t mac[6];
    const struct inventory_row *row; /* whose it is, or NULL */
    bool other_mac;
};

struct matched {
    const struct inventory *v;
    struct host_seen *hosts;
    size_t n;
};

static bool none_of_ours(const struct doc *h)
{
    return doc_bool(h, "group", false) || !doc_bool(h, "inside", false) || doc_int(h, "packets", 0) == 0;
}

/* Hosts of the site that sent something: whom they talk to outside is no equipment of ours, and to be called is not to be
 * there. */
static bool match(struct cli *c, const struct inventory *v, const struct doc *hosts, struct matched *ret)
{
    *ret = (struct matched) { .v = v, .hosts = arena_new(&c->arena, ((hosts ? hosts->count : 0) + 1) * sizeof *ret->hosts) };
    for (const struct doc *d = hosts ? hosts->first : NULL; d && ret->hosts; d = d->next) {
        struct host_seen h = { .doc = d, .has_mac = ok(mac_parse(doc_text(d, "mac", ""), h.mac)) };
        if (none_of_ours(d) || !ok(address_parse(doc_text(d, "address", ""), &h.address))) continue;
        for (size_t i = 0; i < v->n && !h.row; i++) {
            enum inventory_match m = inventory_matches(&v->rows[i], &h.address, h.has_mac ? h.mac : NULL);
            if (m != MATCH_NONE) h.row = &v->rows[i];
            h.other_mac = m == MATCH_OTHER_MAC;
        }
        ret->hosts[ret->n++] = h;
    }
    return ret->hosts != NULL;
}

static const struct host_seen *seen_of(const struct matched *m, const struct inventory_row *r)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->hosts[i].row == r) return &m->hosts[i];
    return NULL;
}

/* Where a row stands; the words are those of the report. */
enum standing { SEEN, SILENT, UNSEEABLE };
static enum standing standing(const struct matched *m, const struct inventory_row *r)
{
    if (seen_of(m, r)) return SEEN;
    return r->link == LINK_NETWORK && (r->n_addresses || r->has_mac) && !r->wrong ? SILENT : UNSEEABLE;
}

static const char *why_unseeable(struct cli *c, const struct inventory_row *r)
{
    if (r->wrong) return cli_say(c, W_CELL_WRONG);
    if (r->link == LINK_SERIAL) return cli_say(c, W_SERIAL);
    if (r->link == LINK_RADIO) return cli_say(c, W_RADIO);
    return cli_say(c, r->link == LINK_ALONE ? W_ALONE : W_NO_ADDRESS);
}

/* ---- as a table ---- */

static void print_row(const struct inventory_row *r)
{
    static const enum inventory_field order[] = { FIELD_ID, FIELD_NAME, FIELD_ADDRESS, FIELD_PLACE, FIELD_KIND, FIELD_OWNER };
    printf(" ");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (*r->cells[order[i]]) printf(" %s", r->cells[order[i]]);
}

static void print_protocols(struct cli *c, const struct doc *h)
{
    for (int k = 0; k < 2; k++) {
        const struct doc *list = doc_get(h, k ? "uses" : "serves");
        if (!list || !list->count) continue;
        printf("  %s:", cli_say(c, k ? W_USES : W_SERVES));
        for (const struct doc *p = list->first; p; p = p->next) printf(" %s", p->text ? p->text : "");
    }
}

static void print_rows(struct cli *c, const struct matched *m, enum standing wanted, enum word heading)
{
    size_t n = 0;
    for (size_t i = 0; i < m->v->n; i++) n += standing(m, &m->v->rows[i]) == wanted;
    printf("\n%s: %zu\n", cli_say(c, heading), n);
    for (size_t i = 0; i < m->v->n; i++) {
        const struct inventory_row *r = &m->v->rows[i];
        if (standing(m, r) != wanted) continue;
        const struct host_seen *h = seen_of(m, r);
        print_row(r);
        if (h) print_protocols(c, h->doc);
        if (h && h->other_mac) printf("  ■ %s (%s)", cli_say(c, W_OTHER_MAC), doc_text(h->doc, "mac", ""));
        if (wanted == UNSEEABLE) printf("  [%s] %s:%d", why_unseeable(c, r), cli_say(c, W_LINE), r->line);
        printf("\n");
    }
}

static void print_unknown(struct cli *c, const struct matched *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) n += !m->hosts[i].row;
    printf("\n■ %s: %zu\n", cli_say(c, W_SEEN_UNKNOWN), n);
    for (size_t i = 0; i < m->n; i++) {
        const struct doc *d = m->hosts[i].doc;
        if (m->hosts[i].row) continue;
        printf("  %s %s %s", doc_text(d, "address", ""), doc_text(d, "mac", ""), doc_text(d, "name", ""));
        print_protocols(c, d);
        printf(c->ja ? "  %.19sZ から\n" : "  since %.19sZ\n", doc_text(d, "first", ""));
    }
    if (n) printf("  %s: %s\n", cli_say(c, W_TRY), cli_say(c, W_UNKNOWN_TRY));
}

/* ---- as a document ---- */

/* Without a look at the traffic nothing is known to be silent. */
static const char *const standings[] = { [SEEN] = "known-seen", [SILENT] = "known-silent", [UNSEEABLE] = "not-visible" };

static void report_doc(struct cli *c, const struct matched *m, bool looked)
{
    static const char *const links[] = { "", "network", "serial", "radio", "alone" };
    struct doc *list = doc_list(&c->arena);
    for (size_t i = 0; i < m->v->n; i++) {
        const struct inventory_row *r = &m->v->rows[i];
        const struct host_seen *h = seen_of(m, r);
        struct doc *d = doc_map(&c->arena);
        doc_set_text(&c->arena, d, "standing", !looked && standing(m, r) == SILENT ? "not-checked" : standings[standing(m, r)]);
        doc_set_text(&c->arena, d, "connection", links[r->link]);
        doc_set_int(&c->arena, d, "line", r->line);
        for (size_t f = 0; f < FIELD_COUNT; f++)
            if (*r->cells[f]) doc_set_text(&c->arena, d, inventory_key((enum inventory_field)f), r->cells[f]);
        if (h) doc_set_text(&c->arena, d, "seen_address", doc_text(h->doc, "address", ""));
        if (h && h->other_mac) doc_set_text(&c->arena, d, "other_mac", doc_text(h->doc, "mac", ""));
        if (r->wrong) doc_set_text(&c->arena, d, "wrong", r->wrong);
        doc_add(list, d);
    }
    for (size_t i = 0; i < m->n; i++) {
        struct doc *d = doc_map(&c->arena);
        if (m->hosts[i].row) continue;
        doc_set_text(&c->arena, d, "standing", "unknown-seen");
        doc_set_text(&c->arena, d, "seen_address", doc_text(m->hosts[i].doc, "address", ""));
        doc_set_text(&c->arena, d, "mac", doc_text(m->hosts[i].doc, "mac", ""));
        doc_set_text(&c->arena, d, "name", doc_text(m->hosts[i].doc, "name", ""));
        doc_add(list, d);
    }
    print_json(list);
}

static int report(struct cli *c, const struct inventory *v, const struct doc *hosts, bool looked)
{
    struct matched m;
    if (!match(c, v, hosts, &m)) return complain(c, EXIT_FAILED, "SK-1003", code_word(E_MEMORY), NULL, NULL);
    if (c->json) {
        report_doc(c, &m, looked);
        return EXIT_OK;
    }
    printf("%s: %zu", cli_say(c, W_LISTED), v->n);
    if (v->unknown_columns) printf("  (%s: %zu)", cli_say(c, W_COLUMNS_LEFT), v->unknown_columns);
    printf("\n");
    if (looked) print_unknown(c, &m);
    if (looked) print_rows(c, &m, SEEN, W_KNOWN_SEEN);
    print_rows(c, &m, SILENT, looked ? W_KNOWN_SILENT : W_TO_BE_SEEN);
    print_rows(c, &m, UNSEEABLE, W_NOT_VISIBLE);
    return EXIT_OK;
}

int cmd_watch_inventory(struct cli *c)
{
    struct inventory v = { 0 };
    struct sensed s = { .arena = ARENA(0) };
    const char *where = flag(c, "pcap") ? flag(c, "pcap") : flag(c, "interface");
    if (!c->n_args) return complain_usage(c);
    int code = inventory_file(c, c->args[0], &v);
    if (!code && where) code = sensed_get(c, where, &s);
    if (!code) code = report(c, &v, doc_get(s.doc, "hosts"), where != NULL);
    sensed_deinit(&s);
    return code;
}
