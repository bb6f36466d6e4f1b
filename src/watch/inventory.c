#include "watch/inventory.h"

#include <stdio.h>

static const struct { const char *key, *ja, *en; } fields[FIELD_COUNT] = {
#define X(name, key, ja, en) [FIELD_##name] = { key, ja, en },
    INVENTORY_FIELDS(X)
#undef X
};

const char *inventory_key(enum inventory_field f)
{
    return fields[f].key;
}

const char *inventory_heading(enum inventory_field f, bool ja)
{
    return ja ? fields[f].ja : fields[f].en;
}

/* Headings as people write them, after plain(): no blanks, half-width, lower case, nothing in brackets. */
static const struct { const char *heading; enum inventory_field field; } headings[] = {
    { "設備番号", FIELD_ID }, { "機器番号", FIELD_ID }, { "管理番号", FIELD_ID }, { "設備no", FIELD_ID }, { "設備no.", FIELD_ID }, { "機器id", FIELD_ID },
    { "設備id", FIELD_ID }, { "資産番号", FIELD_ID }, { "番号", FIELD_ID }, { "no", FIELD_ID }, { "no.", FIELD_ID }, { "id", FIELD_ID }, { "assetid", FIELD_ID },
    { "tag", FIELD_ID }, { "名称", FIELD_NAME }, { "設備名", FIELD_NAME }, { "設備名称", FIELD_NAME }, { "機器名", FIELD_NAME }, { "機器名称", FIELD_NAME },
    { "品名", FIELD_NAME }, { "name", FIELD_NAME }, { "hostname", FIELD_NAME }, { "ホスト名", FIELD_NAME }, { "ipアドレス", FIELD_ADDRESS },
    { "ip", FIELD_ADDRESS }, { "ipv4", FIELD_ADDRESS }, { "ipv4アドレス", FIELD_ADDRESS }, { "アドレス", FIELD_ADDRESS }, { "address", FIELD_ADDRESS },
    { "ipaddress", FIELD_ADDRESS }, { "mac", FIELD_MAC }, { "macアドレス", FIELD_MAC }, { "macaddress", FIELD_MAC }, { "物理アドレス", FIELD_MAC },
    { "設置場所", FIELD_PLACE }, { "場所", FIELD_PLACE }, { "所在", FIELD_PLACE }, { "施設", FIELD_PLACE }, { "施設名", FIELD_PLACE }, { "place", FIELD_PLACE },
    { "location", FIELD_PLACE }, { "site", FIELD_PLACE }, { "種別", FIELD_KIND }, { "種類", FIELD_KIND }, { "区分", FIELD_KIND }, { "機種", FIELD_KIND },
    { "kind", FIELD_KIND }, { "type", FIELD_KIND }, { "接続", FIELD_LINK }, { "接続方式", FIELD_LINK }, { "接続形態", FIELD_LINK }, { "通信方式", FIELD_LINK },
    { "通信", FIELD_LINK }, { "回線", FIELD_LINK }, { "link", FIELD_LINK }, { "connection", FIELD_LINK }, { "interface", FIELD_LINK },
    { "担当", FIELD_OWNER }, { "担当者", FIELD_OWNER }, { "担当課", FIELD_OWNER }, { "管理者", FIELD_OWNER }, { "所管", FIELD_OWNER }, { "責任者", FIELD_OWNER },
    { "owner", FIELD_OWNER }, { "ゲートウェイ", FIELD_GATEWAY }, { "接続先", FIELD_GATEWAY }, { "上位機器", FIELD_GATEWAY }, { "gateway", FIELD_GATEWAY },
    { "機能", FIELD_FUNCTION }, { "用途", FIELD_FUNCTION }, { "役割", FIELD_FUNCTION }, { "function", FIELD_FUNCTION }, { "等級", FIELD_GRADE },
    { "重要度", FIELD_GRADE }, { "ランク", FIELD_GRADE }, { "grade", FIELD_GRADE }, { "メーカー", FIELD_MAKER }, { "メーカ", FIELD_MAKER },
    { "製造者", FIELD_MAKER }, { "製造元", FIELD_MAKER }, { "maker", FIELD_MAKER }, { "vendor", FIELD_MAKER }, { "manufacturer", FIELD_MAKER },
    { "型式", FIELD_MODEL }, { "型番", FIELD_MODEL }, { "model", FIELD_MODEL } };

static const struct { const char *word; enum inventory_link link; } links[] = { { "シリアル", LINK_SERIAL }, { "rs-232", LINK_SERIAL },
    { "rs232", LINK_SERIAL }, { "rs-485", LINK_SERIAL }, { "rs485", LINK_SERIAL }, { "rs-422", LINK_SERIAL }, { "rtu", LINK_SERIAL }, { "serial", LINK_SERIAL },
    { "4-20ma", LINK_SERIAL }, { "接点", LINK_SERIAL }, { "アナログ", LINK_SERIAL }, { "専用線", LINK_SERIAL }, { "無線lan", LINK_NETWORK }, { "wi-fi", LINK_NETWORK },
    { "wifi", LINK_NETWORK }, { "無線", LINK_RADIO }, { "lora", LINK_RADIO }, { "920m", LINK_RADIO }, { "zigbee", LINK_RADIO }, { "bluetooth", LINK_RADIO },
    { "特小", LINK_RADIO }, { "lte", LINK_RADIO }, { "携帯", LINK_RADIO }, { "radio", LINK_RADIO }, { "なし", LINK_ALONE }, { "無し", LINK_ALONE },
    { "単独", LINK_ALONE }, { "スタンドアロン", LINK_ALONE }, { "none", LINK_ALONE }, { "lan", LINK_NETWORK }, { "イーサ", LINK_NETWORK },
    { "ethernet", LINK_NETWORK }, { "有線", LINK_NETWORK }, { "network", LINK_NETWORK }, { "ip", LINK_NETWORK } };

/* For comparing: full-width ASCII made half-width, lower case, without blanks; what stands in brackets left out when
 * brackets is set. */
static void plain(const char *from, bool brackets, char *to, size_t size)
{
    size_t n = 0;
    bool within = false;
    for (const uint8_t *p = (const uint8_t *)from; *p && n + 4 < size;) {
        uint32_t c = *p++;
        if (c == 0xEF && (p[0] == 0xBC || p[0] == 0xBD) && p[1] >= 0x80) {
            uint32_t point = 0xF000u | (uint32_t)(p[0] & 0x3F) << 6 | (p[1] & 0x3F);
            if (point >= 0xFF01 && point <= 0xFF5E) c = point - 0xFF01 + '!', p += 2;
        } else if (c == 0xE3 && p[0] == 0x80 && p[1] == 0x80) { /* the ideographic blank */
            p += 2;
            continue;
        }
        if (c == '(' && brackets) within = true;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || within) {
            within = within && c != ')';
            continue;
        }
        to[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    to[n] = 0;
}

static enum inventory_field field_of(const char *heading)
{
    char text[INVENTORY_CELL];
    plain(heading, true, text, sizeof text);
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        if (strcmp(headings[i].heading, text) == 0) return headings[i].field;
    return FIELD_COUNT;
}

/* ---- RFC 4180, with the separators spreadsheets use ---- */

struct table {
    struct bytes in;
    char separator;
    int line;
    struct arena *arena;
};

/* One cell; *ret_last: it ended its row. Text is made safe to show; the line feeds of a quoted cell become blanks. */
static MUST outcome cell(struct table *t, const char **ret, bool *ret_last)
{
    uint8_t raw[INVENTORY_CELL];
    char shown[2 * INVENTORY_CELL];
    size_t n = 0;
    bool quoted = t->in.n && t->in.at[0] == '"', open = quoted;
    if (quoted) t->in = bytes_of(t->in.at + 1, t->in.n - 1);
    *ret_last = true;
    while (t->in.n) {
        uint8_t c = t->in.at[0];
        bool twice = open && c == '"' && t->in.n > 1 && t->in.at[1] == '"';
        t->in = bytes_of(t->in.at + 1 + twice, t->in.n - 1 - twice);
        t->line += c == '\n';
        if (open && c == '"' && !twice) {
            open = false;
            continue;
        }
        if (!open && c == (uint8_t)t->separator) *ret_last = false;
        if (!open && (c == (uint8_t)t->separator || c == '\n')) break;
        if (c == '\r' || (c == '\n' && !open)) continue;
        if (n < sizeof raw) raw[n++] = c == '\n' || c == '\t' ? ' ' : c;
    }
    if (open) return REFUSE(E_MALFORMED);
    while (n && raw[n - 1] == ' ') n--;
    text_shown(bytes_of(raw, n), shown, sizeof shown);
    *ret = arena_text(t->arena, bytes_str(shown));
    return *ret ? DONE : REFUSE(E_MEMORY);
}

/* The cells of a row; what is over INVENTORY_COLUMNS is read past. */
static MUST outcome cells(struct table *t, const char **ret, size_t *ret_n)
{
    bool last = false;
    size_t n = 0;
    while (!last) { /* each turn takes a byte or ends the row */
        const char *text = "";
        TRY(cell(t, &text, &last));
        if (n < INVENTORY_COLUMNS) ret[n++] = text;
    }
    *ret_n = n;
    return DONE;
}

static char separator_of(struct bytes in)
{
    static const char wanted[] = { '\t', ';', ',' };
    size_t most = 0;
    char best = ',';
    for (size_t k = 0; k < sizeof wanted; k++) {
        size_t n = 0;
        for (size_t i = 0; i < in.n && in.at[i] != '\n'; i++) n += in.at[i] == (uint8_t)wanted[k];
        if (n >= most && n) most = n, best = wanted[k];
    }
    return best;
}

/* ---- one row ---- */

static void read_addresses(struct inventory_row *r)
{
    char text[INVENTORY_CELL], one[ADDRESS_TEXT];
    plain(r->cells[FIELD_ADDRESS], true, text, sizeof text);
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",;/|");
        struct address a;
        bool fits = n < sizeof one;
        if (fits) memcpy(one, p, n), one[n] = 0;
        bool good = fits && n && ok(address_parse(one, &a));
        if (good && r->n_addresses < INVENTORY_ADDRESSES) r->addresses[r->n_addresses++] = a;
        if (!good && n && strcmp(text, "-") != 0 && strcmp(text, "dhcp") != 0) r->wrong = fields[FIELD_ADDRESS].ja;
        p += n + (p[n] != 0);
    }
}

static void read_row(struct inventory_row *r)
{
    char text[INVENTORY_CELL];
    read_addresses(r);
    plain(r->cells[FIELD_MAC], true, text, sizeof text);
    r->has_mac = *text && ok(mac_parse(text, r->mac));
    if (*text && !r->has_mac && strcmp(text, "-") != 0) r->wrong = fields[FIELD_MAC].ja;
    plain(r->cells[FIELD_LINK], false, text, sizeof text);
    for (size_t i = 0; i < sizeof links / sizeof *links && r->link == LINK_UNSAID; i++)
        if (strstr(text, links[i].word)) r->link = links[i].link;
    if (r->link == LINK_UNSAID && (r->n_addresses || r->has_mac)) r->link = LINK_NETWORK;
}

static MUST outcome heading_row(struct table *t, enum inventory_field at[INVENTORY_COLUMNS], struct inventory *ret)
{
    const char *row[INVENTORY_COLUMNS];
    size_t n = 0;
    TRY(cells(t, row, &n));
    for (size_t i = 0; i < INVENTORY_COLUMNS; i++) at[i] = FIELD_COUNT;
    for (size_t i = 0; i < n; i++) {
        enum inventory_field f = field_of(row[i]);
        bool taken = f < FIELD_COUNT && ret->has[f]; /* the first of two alike */
        if (f < FIELD_COUNT && !taken) at[i] = f, ret->has[f] = true;
        else ret->unknown_columns += *row[i] != 0;
    }
    bool useful = ret->has[FIELD_ADDRESS] || ret->has[FIELD_MAC] || ret->has[FIELD_ID] || ret->has[FIELD_NAME];
    return useful ? DONE : REFUSE(E_UNSUPPORTED);
}

outcome inventory_read(struct bytes utf8, struct arena *a, struct inventory *ret)
{
    struct table t = { .in = utf8, .line = 1, .arena = a };
    struct inventory v = { 0 };
    enum inventory_field at[INVENTORY_COLUMNS];
    if (bytes_starts(t.in, BYTES_LIT("\xEF\xBB\xBF"))) t.in = bytes_of(t.in.at + 3, t.in.n - 3);
    t.separator = separator_of(t.in);
    TRY(heading_row(&t, at, &v));
    size_t cap = 0;
    for (size_t i = 0; i < t.in.n; i++) cap += t.in.at[i] == '\n';
    if (++cap > INVENTORY_ROWS) return REFUSE(E_TOO_LARGE);
    v.rows = arena_new(a, cap * sizeof *v.rows);
    if (!v.rows) return REFUSE(E_MEMORY);
    while (t.in.n && v.n < cap) {
        const char *row[INVENTORY_COLUMNS];
        size_t n = 0;
        struct inventory_row *r = &v.rows[v.n];
        bool empty = true;
        r->line = t.line;
        for (size_t f = 0; f < FIELD_COUNT; f++) r->cells[f] = "";
        TRY(cells(&t, row, &n));
        for (size_t i = 0; i < n; i++) {
            empty &= !*row[i];
            if (at[i] < FIELD_COUNT) r->cells[at[i]] = row[i];
        }
        if (empty) continue;
        read_row(r);
        v.n++;
    }
    *ret = v;
    return DONE;
}

enum inventory_match inventory_matches(const struct inventory_row *row, const struct address *address, const uint8_t *mac)
{
    bool same = row->has_mac && mac && memcmp(row->mac, mac, 6) == 0;
    if (same) return MATCH_SAME;
    for (size_t i = 0; i < row->n_addresses; i++) {
        if (!address_equal(&row->addresses[i], address)) continue;
        return row->has_mac && mac ? MATCH_OTHER_MAC : MATCH_SAME;
    }
    return MATCH_NONE;
}
