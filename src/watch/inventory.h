/* 設備台帳 as people export it: a table of equipment, its columns found by their headings, matched with what was seen.
 * Pure; the text is UTF-8 by now (the caller converts). What a row says wrongly is told with its line, never dropped. */
#ifndef WATCH_INVENTORY_H
#define WATCH_INVENTORY_H

#include "base/mem.h"
#include "watch/address.h"

#define INVENTORY_FIELDS(X) /* name, key in documents, heading ja, heading en */                        \
    X(ID, "id", "設備番号", "id") X(NAME, "name", "名称", "name") X(ADDRESS, "address", "IPアドレス", "address")  \
    X(MAC, "mac", "MAC", "mac") X(PLACE, "place", "設置場所", "place") X(KIND, "kind", "種別", "kind")          \
    X(LINK, "link", "接続", "link") X(OWNER, "owner", "担当", "owner") X(GATEWAY, "gateway", "ゲートウェイ", "gateway") \
    X(FUNCTION, "function", "機能", "function") X(GRADE, "grade", "等級", "grade") X(MAKER, "maker", "メーカー", "maker") \
    X(MODEL, "model", "型式", "model")

enum inventory_field {
#define X(name, key, ja, en) FIELD_##name,
    INVENTORY_FIELDS(X)
#undef X
        FIELD_COUNT
};
const char *inventory_key(enum inventory_field f);
const char *inventory_heading(enum inventory_field f, bool ja);

enum inventory_link { LINK_UNSAID, LINK_NETWORK, LINK_SERIAL, LINK_RADIO, LINK_ALONE };

enum { INVENTORY_ROWS = 20000, INVENTORY_ADDRESSES = 4, INVENTORY_CELL = 200, INVENTORY_COLUMNS = 64, INVENTORY_BYTES = 16 << 20 };

struct inventory_row {
    int line;
    const char *cells[FIELD_COUNT]; /* "" when absent; safe to show */
    enum inventory_link link;
    size_t n_addresses;
    struct address addresses[INVENTORY_ADDRESSES];
    bool has_mac;
    uint8_t mac[6];
    const char *wrong;              /* heading of the cell that could not be understood, or NULL */
};

struct inventory {
    struct inventory_row *rows;
    size_t n;
    size_t unknown_columns;
    bool has[FIELD_COUNT];
};

/* E_UNSUPPORTED: no heading line with an address, hardware address, id or name in it. E_MALFORMED: a quoted cell without
 * its end. E_TOO_LARGE. Rows and texts live in the arena. The separator (comma, semicolon, tab) is the heading line's. */
MUST outcome inventory_read(struct bytes utf8, struct arena *a, struct inventory *ret);

enum inventory_match { MATCH_NONE, MATCH_SAME, MATCH_OTHER_MAC /* the address is there, in another device */ };
/* Whether that host is that row's equipment. mac NULL: not known. */
enum inventory_match inventory_matches(const struct inventory_row *row, const struct address *address, const uint8_t *mac);

#endif
