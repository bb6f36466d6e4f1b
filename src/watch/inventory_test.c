#include "watch/inventory.h"

#include "base/test.h"

static struct arena arena = ARENA(32 << 20);
static struct inventory v;

static outcome reads(const char *text)
{
    return inventory_read(bytes_str(text), &arena, &v);
}

static const char ledger[] = "\xEF\xBB\xBF設備番号,設備名称,ＩＰアドレス,MACアドレス,設置場所,種別,接続,担当課（係）,備考\r\n"
                             "P-001,送水ポンプ1号,１９２．１６８．１．１０,02:00:00:00:00:0a,第一浄水場,PLC,有線LAN,施設課,\r\n"
                             "P-002,\"水位計\r\n（配水池）\",,,北配水池,水位計,RS-485,施設課,\"予備\"\"あり\"\"\"\r\n"
                             ",,,,,,,,\r\n"
                             "P-003,流量計,192.168.1.999,,,,無線(920MHz),,\r\n"
                             "P-004,監視装置,192.168.1.20/192.168.1.21,,,,,,\r\n"
                             "P-005,無線カメラ,,02-00-00-00-00-55,,,無線LAN,,\r\n";

static void what_people_export_is_read(void)
{
    CHECK_OK(reads(ledger));
    CHECK(v.n == 5 && v.unknown_columns == 1 && v.has[FIELD_OWNER]);
    CHECK(v.rows[0].line == 2 && v.rows[0].n_addresses == 1 && v.rows[0].addresses[0].at[3] == 10 && v.rows[0].has_mac);
    CHECK(v.rows[0].link == LINK_NETWORK && strcmp(v.rows[0].cells[FIELD_OWNER], "施設課") == 0);
    CHECK(strcmp(v.rows[1].cells[FIELD_NAME], "水位計 （配水池）") == 0 && v.rows[1].link == LINK_SERIAL && !v.rows[1].wrong);
    CHECK(v.rows[2].line == 6 && v.rows[2].link == LINK_RADIO && v.rows[2].wrong && v.rows[2].n_addresses == 0);
    CHECK(v.rows[3].n_addresses == 2 && v.rows[3].addresses[1].at[3] == 21);
    CHECK(v.rows[4].link == LINK_NETWORK && v.rows[4].mac[5] == 0x55);
}

static void other_separators_and_headings(void)
{
    CHECK_OK(reads("Name\tIP Address\tType\npump\t10.0.0.5\tPLC\n"));
    CHECK(v.n == 1 && v.rows[0].addresses[0].at[3] == 5 && strcmp(v.rows[0].cells[FIELD_KIND], "PLC") == 0);
    CHECK_OK(reads("id;mac\n7;0200.0000.0007"));
    CHECK(v.n == 1 && v.rows[0].has_mac);
    CHECK_IS(reads("これは,台帳では,ない\n1,2,3\n"), E_UNSUPPORTED);
    CHECK_IS(reads(""), E_UNSUPPORTED);
    CHECK_IS(reads("id,name\n1,\"no end\n2,x\n"), E_MALFORMED);
    CHECK_OK(reads("id,name\n"));
    CHECK(v.n == 0);
}

/* N60 */
static void hostile_cells_are_shown_harmless(void)
{
    CHECK_OK(reads("id,name\n1,\x1b[2J\xff\n"));
    CHECK(strcmp(v.rows[0].cells[FIELD_NAME], "\\x1b[2J\\xff") == 0);
}

static void matching(void)
{
    struct address ten, other;
    const uint8_t right[6] = { 2, 0, 0, 0, 0, 10 }, wrong[6] = { 2, 0, 0, 0, 0, 11 };
    CHECK_OK(reads(ledger));
    CHECK(ok(address_parse("192.168.1.10", &ten)) && ok(address_parse("192.168.1.77", &other)));
    CHECK(inventory_matches(&v.rows[0], &ten, right) == MATCH_SAME);
    CHECK(inventory_matches(&v.rows[0], &ten, NULL) == MATCH_SAME);
    CHECK(inventory_matches(&v.rows[0], &ten, wrong) == MATCH_OTHER_MAC);
    CHECK(inventory_matches(&v.rows[0], &other, right) == MATCH_SAME); /* it was given another address */
    CHECK(inventory_matches(&v.rows[0], &other, wrong) == MATCH_NONE);
}

static void every_prefix_is_survived(void)
{
    for (size_t n = 0; n < sizeof ledger; n++) {
        struct arena a = ARENA(1 << 20);
        outcome o = inventory_read(bytes_of(ledger, n), &a, &v);
        CHECK_QUIET(ok(o) || o.code == E_MALFORMED || o.code == E_UNSUPPORTED);
        arena_deinit(&a);
    }
    CHECK(true);
}

int main(void)
{
    what_people_export_is_read();
    other_separators_and_headings();
    hostile_cells_are_shown_harmless();
    matching();
    every_prefix_is_survived();
    arena_deinit(&arena);
    return TEST_END;
}
