/* `sekimori device import`: an inventory becomes the list of unmanaged devices. All rows are judged before the first is
 * sent; a second run changes nothing. */
#include <stdio.h>

#include "base/map.h"
#include "cli/inventory.h"
#include "platform/unmanaged.h"

enum { ROWS_A_REQUEST = 100 };

static const char *const links[] = { [LINK_UNSAID] = "", [LINK_NETWORK] = "network", [LINK_SERIAL] = "serial", [LINK_RADIO] = "radio", [LINK_ALONE] = "alone" };

static struct doc *row_doc(struct arena *a, const struct inventory_row *r)
{
    static const enum inventory_field same[] = { FIELD_NAME, FIELD_MAC, FIELD_PLACE, FIELD_KIND, FIELD_OWNER, FIELD_GATEWAY, FIELD_FUNCTION,
        FIELD_GRADE, FIELD_MAKER, FIELD_MODEL };
    struct doc *d = doc_map(a);
    char addresses[INVENTORY_ADDRESSES * ADDRESS_TEXT], one[ADDRESS_TEXT];
    struct out o = out_of(addresses, sizeof addresses - 1);
    for (size_t i = 0; i < r->n_addresses; i++) {
        address_text(&r->addresses[i], one);
        put_fmt(&o, "%s%s", i ? " " : "", one);
    }
    addresses[o.n] = 0;
    doc_set_text(a, d, "id", r->cells[FIELD_ID]);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) doc_set_text(a, d, inventory_key(same[i]), r->cells[same[i]]);
    doc_set_text(a, d, "address", addresses);
    doc_set_text(a, d, "connection", links[r->link]);
    return d;
}

static bool wrong(const struct cli *c, const char *path, const struct inventory_row *r, enum word w)
{
    fprintf(stderr, "error[SK-1053]: %s:%d: %s %s\n", path, r->line, cli_say(c, w), r->cells[FIELD_ID]);
    return true;
}

/* How many rows cannot be registered; each is told with its line. */
static size_t judge(const struct cli *c, const char *path, const struct inventory *v)
{
    struct map ids = MAP;
    size_t bad = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct inventory_row *r = &v->rows[i];
        struct bytes id = bytes_str(r->cells[FIELD_ID]);
        bool long_cell = id.n >= UNMANAGED_ID_MAX;
        for (size_t f = 0; f < FIELD_COUNT; f++) long_cell |= strlen(r->cells[f]) >= UNMANAGED_TEXT_MAX;
        if (!id.n) bad += wrong(c, path, r, W_ROW_NO_ID);
        else if (map_get(&ids, id)) bad += wrong(c, path, r, W_ROW_TWICE);
        else if (long_cell) bad += wrong(c, path, r, W_ROW_LONG);
        else if (r->wrong) bad += wrong(c, path, r, W_CELL_WRONG);
        if (id.n && !ok(map_put(&ids, id, (void *)r))) bad++;
    }
    map_deinit(&ids);
    return bad;
}

static bool managed(const struct doc *devices, const char *id)
{
    for (const struct doc *d = devices->first; d; d = d->next)
        if (strcmp(doc_text(d, "id", ""), id) == 0) return true;
    return false;
}

static int send(struct cli *c, struct doc *rows, int64_t counts[3])
{
    static const char *const keys[] = { "new", "changed", "same" };
    const struct doc *answer;
    struct doc *body = doc_map(&c->arena);
    if (!rows->count) return EXIT_OK;
    doc_set(&c->arena, body, "rows", rows);
    doc_set_bool(&c->arena, body, "dry_run", c->dry_run);
    int code = ask_doc(c, "/api/v1/unmanaged", body, &answer);
    for (size_t i = 0; !code && i < 3; i++) counts[i] += doc_int(answer, keys[i], 0);
    return code;
}

static int send_all(struct cli *c, const struct inventory *v, const struct doc *devices)
{
    int64_t counts[3] = { 0 };
    int code = EXIT_OK;
    struct doc *rows = doc_list(&c->arena);
    for (size_t i = 0; !code && i < v->n; i++) {
        const char *id = v->rows[i].cells[FIELD_ID];
        if (managed(devices, id)) {
            printf("%s: %s\n", cli_say(c, W_MANAGED_ALREADY), id);
            continue;
        }
        doc_add(rows, row_doc(&c->arena, &v->rows[i]));
        if (!rows || rows->count < ROWS_A_REQUEST) continue;
        code = send(c, rows, counts);
        rows = doc_list(&c->arena);
    }
    if (!code) code = rows ? send(c, rows, counts) : EXIT_FAILED;
    if (code) return code;
    if (c->dry_run) printf("%s\n", cli_say(c, W_DRY_RUN));
    printf("%s: %lld, %lld, %lld\n", cli_say(c, W_IMPORTED), (long long)counts[0], (long long)counts[1], (long long)counts[2]);
    return EXIT_OK;
}

int cmd_device_import(struct cli *c)
{
    struct inventory v = { 0 };
    const struct doc *devices;
    if (!c->n_args) return complain_usage(c);
    int code = inventory_file(c, c->args[0], &v);
    if (code) return code;
    if (judge(c, c->args[0], &v)) return complain(c, EXIT_CONFIGURATION, "SK-1053", cli_say(c, W_ROWS_LEFT), c->args[0], NULL);
    code = ask(c, "GET", "/api/v1/devices", BYTES_NONE, &devices);
    return code ? code : send_all(c, &v, devices);
}
