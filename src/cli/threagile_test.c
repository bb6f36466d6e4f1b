/* A Threagile model becomes the beginning of a mission model that the reader takes; what it cannot be is refused with its line. */
#include "cli/typed_test.h"

static const char design[] =
    "threagile_version: 1.0.0\ntitle: Pump station\ndate: 2026-01-02\nbusiness_criticality: critical\n"
    "data_assets:\n  Readings:\n    id: readings\n    confidentiality: internal\n"
    "technical_assets:\n"
    "  SCADA server:\n    id: scada\n    description: >\n      Some <b>text</b>\n    type: process\n    technology: application-server\n"
    "    availability: critical\n    redundant: false\n    communication_links:\n"
    "      To the historian:\n        target: historian\n        protocol: jdbc\n        authentication: credentials\n"
    "      To the historian, again:\n        target: %s\n        protocol: jdbc-encrypted\n        authentication: two-factor\n"
    "  Historian:\n    id: historian\n    type: datastore\n    availability: operational\n    redundant: true\n    communication_links:\n"
    "  Gateway device:\n    id: rtu 1\n    technology: iot-device\n    availability: mission-critical\n    communication_links:\n"
    "      Readings:\n        target: scada\n        protocol: mqtt\n        vpn: true\n        ip_filtered: true\n        authentication: none\n"
    "  Vendor:\n    id: vendor\n    type: external-entity\n    out_of_scope: true\n    availability: critical\n"
    "trust_boundaries:\n  Plant:\n    id: plant\n    technical_assets_inside:\n      - rtu 1\n";

static int import(const char *text, const char *out)
{
    char path[80], line[400];
    snprintf(path, sizeof path, "%s/threagile.yaml", folder);
    FILE *f = fopen(path, "we");
    assert(f);
    fputs(text, f);
    fclose(f);
    snprintf(line, sizeof line, "mission import %s --out %s/%s", path, folder, out);
    return typed(line);
}

static bool file_has(const char *name, const char *part)
{
    static char text[65536];
    char path[80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (!f) return false;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return strstr(text, part) != NULL;
}

static void test_imported(void)
{
    char text[sizeof design + 32], line[200];
    snprintf(text, sizeof text, design, "historian");
    CHECK(import(text, "model.yaml") == EXIT_OK);
    CHECK(strstr(said, ": 4, 1, 3") != NULL);
    CHECK(file_has("model.yaml", "{group: scada, effect: fail}"));
    CHECK(file_has("model.yaml", "{group: historian, effect: degrade}"));
    CHECK(!file_has("model.yaml", "{group: vendor"));
    CHECK(file_has("model.yaml", "\"id\":\"rtu-1\",\"layer\":\"device\""));
    CHECK(file_has("model.yaml", "\"zone\":\"plant\""));
    CHECK(file_has("model.yaml", "\"checkpoint\":true,\"controls\":{\"C5\":\"strong\"},\"from\":\"rtu-1\""));
    CHECK(file_has("model.yaml", "\"controls\":{\"C1\":\"weak\"},\"from\":\"scada\",\"id\":\"scada-To-the-historian\""));
    CHECK(file_has("model.yaml", "\"controls\":{\"C1\":\"strong\",\"C5\":\"strong\"},\"from\":\"scada\""));
    CHECK(file_has("model.yaml", "tolerable_outage: 4h"));
    snprintf(line, sizeof line, "mission check %s/model.yaml", folder);
    CHECK(typed(line) == EXIT_OK);
    snprintf(line, sizeof line, "risk check %s/model.yaml", folder);
    CHECK(typed(line) == EXIT_OK || strstr(said, "over") != NULL);
    CHECK(import(text, "model.yaml") == EXIT_CONFLICT);
}

static void test_refused(void)
{
    char text[sizeof design + 32];
    snprintf(text, sizeof text, design, "nowhere");
    CHECK(import(text, "none.yaml") == EXIT_CONFIGURATION);
    CHECK(strstr(said, "error[SK-1116]") && strstr(said, "threagile.yaml:23"));
    CHECK(import("title: x\n", "none.yaml") == EXIT_CONFIGURATION);
    CHECK(strstr(said, "technical_assets") != NULL);
    CHECK(import("technical_assets:\n  A: {id: a}\n  B: {id: a}\n", "none.yaml") == EXIT_CONFIGURATION);
    CHECK(import("technical_assets:\n  A: {id: \"!!\"}\n", "none.yaml") == EXIT_CONFIGURATION);
    CHECK(import("technical_assets:\n  A: [1]\n", "none.yaml") == EXIT_CONFIGURATION);
    CHECK(import("technical_assets:\n  A: {id: a, availability: archive}\n", "none.yaml") == EXIT_CONFIGURATION);
    CHECK(!file_has("none.yaml", "schema"));
    CHECK(typed("mission import") == EXIT_USAGE);
}

/* As many assets as there may be, and one more. */
static void test_many(void)
{
    static char text[65536];
    for (unsigned n = 120; n <= 121; n++) {
        size_t at = (size_t)snprintf(text, sizeof text, "technical_assets:\n");
        for (unsigned i = 0; i < n; i++) at += (size_t)snprintf(text + at, sizeof text - at, "  Asset %u: {id: asset-%u, availability: critical}\n", i, i);
        CHECK(import(text, n == 120 ? "many.yaml" : "more.yaml") == (n == 120 ? EXIT_OK : EXIT_CONFIGURATION));
        CHECK(n == 121 || strstr(said, "not joined to it: 104"));
    }
}

int main(void)
{
    typed_begin();
    test_imported();
    test_refused();
    test_many();
    typed_end();
    return TEST_END;
}
