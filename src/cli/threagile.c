/* `sekimori mission import FILE`: a Threagile model (https://threagile.io, model file 1.0) as the beginning of a mission model: technical assets
 * become groups, trust boundaries zones, communication links flows with what stands on them. What Threagile does not know (loss, frequency,
 * tolerance) is the catalogue's, marked to be made one's own. Reads a file, writes a file; no site is asked. */
#include <stdio.h>
#include <unistd.h>

#include "assurance/model.h"
#include "cli/cli.h"
#include "cli/embedded.h"

enum { ASSETS_MAX = 120, LINKS_MAX = 240 };

struct import {
    struct cli *c;
    const struct doc *in;
    const struct doc *catalogue;
    struct buffer out;
    struct imported { const char *id, *layer; const struct doc *of; const char *title; int weight; bool redundant, joined; } assets[ASSETS_MAX];
    size_t n_assets, n_links, n_zones, n_left;
    const char *links[LINKS_MAX];
};

/* ---- words of Threagile ---- */

/* technology, our layer; what is not listed is a service. */
static const struct { const char *technology, *layer; } layers[] = {
    { "iot-device", "device" }, { "hsm", "device" }, { "mainframe", "platform" }, { "database", "platform" }, { "file-server", "platform" },
    { "local-file-system", "platform" }, { "block-storage", "platform" }, { "message-queue", "platform" }, { "stream-processing", "platform" },
    { "search-engine", "platform" }, { "search-index", "platform" }, { "big-data-platform", "platform" }, { "data-lake", "platform" },
    { "identity-provider", "platform" }, { "identity-store-ldap", "platform" }, { "identity-store-database", "platform" }, { "vault", "platform" },
    { "gateway", "network" }, { "load-balancer", "network" }, { "reverse-proxy", "network" }, { "waf", "network" }, { "ids", "network" },
    { "ips", "network" }, { "service-mesh", "network" }, { "service-registry", "network" }, { "browser", "user" }, { "desktop", "user" },
    { "client-system", "user" }, { "mobile-app", "user" }, { "cli", "user" }, { "devops-client", "user" },
};
static const char *const ratings[] = { "archive", "operational", "important", "critical", "mission-critical" };
static const char *const outages[] = { "72h", "24h", "8h", "4h", "1h" };
static const char *const encrypted[] = { "https", "wss", "ssh", "ssh-tunnel", "sftp", "scp", "ftps", "ldaps" };

static int rating(const struct doc *d, const char *key)
{
    for (int i = 0; i < 5; i++)
        if (strcmp(doc_text(d, key, ""), ratings[i]) == 0) return i;
    return 2;
}

static const char *layer_of(const struct doc *asset)
{
    if (doc_bool(asset, "out_of_scope", false)) return "organisation";
    if (doc_bool(asset, "used_as_client_by_human", false)) return "user";
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (strcmp(doc_text(asset, "technology", ""), layers[i].technology) == 0) return layers[i].layer;
    return strcmp(doc_text(asset, "type", ""), "datastore") == 0 ? "platform" : "service";
}

static bool link_encrypted(const struct doc *link)
{
    const char *p = doc_text(link, "protocol", "");
    size_t n = strlen(p);
    for (size_t i = 0; i < sizeof encrypted / sizeof *encrypted; i++)
        if (strcmp(p, encrypted[i]) == 0) return true;
    return doc_bool(link, "vpn", false) || (n > 10 && strcmp(p + n - 10, "-encrypted") == 0);
}

/* How strong who asks is known on this link; NULL: not at all. */
static const char *link_known(const struct doc *link)
{
    const char *a = doc_text(link, "authentication", "");
    if (strcmp(a, "client-certificate") == 0 || strcmp(a, "two-factor") == 0) return "strong";
    if (strcmp(a, "token") == 0 || strcmp(a, "session-id") == 0) return "medium";
    return strcmp(a, "credentials") == 0 || strcmp(a, "externalized") == 0 ? "weak" : NULL;
}

/* ---- writing ---- */

static void say_line(struct import *m, const char *text)
{
    (void)!ok(buffer_put(&m->out, bytes_str(text)));
    (void)!ok(buffer_put(&m->out, bytes_str("\n")));
}

/* One row of a section: JSON's flow form is YAML's. */
static void row(struct import *m, const struct doc *d)
{
    (void)!ok(buffer_put(&m->out, bytes_str("  - ")));
    (void)!ok(doc_write_json(d, &m->out));
    (void)!ok(buffer_put(&m->out, bytes_str("\n")));
}

/* At most as much as a text of the model holds, cut between characters. */
static const char *short_text(struct import *m, const char *text)
{
    size_t n = strlen(text);
    if (n >= MODEL_TEXT) {
        n = MODEL_TEXT - 1;
        while (n && ((uint8_t)text[n] & 0xC0) == 0x80) n--;
    }
    const char *t = arena_text(&m->c->arena, bytes_of(text, n));
    return t ? t : "";
}

static struct doc *both(struct import *m, const char *text)
{
    struct doc *d = doc_map(&m->c->arena);
    doc_set_text(&m->c->arena, d, "ja", short_text(m, text));
    doc_set_text(&m->c->arena, d, "en", short_text(m, text));
    return d;
}

static struct doc *named(struct import *m, const char *id, const char *title)
{
    struct doc *d = doc_map(&m->c->arena);
    doc_set_text(&m->c->arena, d, "id", id);
    doc_set(&m->c->arena, d, "name", both(m, title));
    return d;
}

/* Letters, digits and '-' of an id or a title; "" when nothing is left of it. */
static const char *slug(struct import *m, const char *text)
{
    char id[MODEL_ID];
    size_t n = 0;
    for (; *text && n < sizeof id - 1; text++) {
        bool good = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9');
        if (good) id[n++] = *text;
        else if (n && id[n - 1] != '-') id[n++] = '-';
    }
    while (n && id[n - 1] == '-') n--;
    const char *t = arena_text(&m->c->arena, bytes_of(id, n));
    return t ? t : "";
}

/* ---- reading ---- */

static const struct imported *asset_of(const struct import *m, const char *id)
{
    for (size_t i = 0; i < m->n_assets; i++)
        if (strcmp(doc_text(m->assets[i].of, "id", ""), id) == 0) return &m->assets[i];
    return NULL;
}

static bool id_taken(const struct import *m, const char *id)
{
    for (size_t i = 0; i < m->n_assets; i++)
        if (strcmp(m->assets[i].id, id) == 0) return true;
    return strcmp(id, "site") == 0;
}

static int refuse(struct import *m, const char *what, int line)
{
    char at[300];
    if (line) snprintf(at, sizeof at, "%.240s:%d", m->c->args[0], line);
    return complain(m->c, EXIT_CONFIGURATION, "SK-1116", what, line ? at : m->c->args[0], "https://threagile.io");
}

static int read_assets(struct import *m)
{
    const struct doc *all = doc_get(m->in, "technical_assets");
    if (!all || all->kind != DOC_MAP || !all->first) return refuse(m, cli_say(m->c, W_NO_THREAGILE), 0);
    for (const struct doc *x = all->first; x; x = x->next) {
        const char *id = slug(m, doc_text(x, "id", x->key));
        if (x->kind != DOC_MAP || !id[0] || id_taken(m, id)) return refuse(m, cli_say(m->c, W_IMPORT_ID), x->line);
        if (m->n_assets == ASSETS_MAX) return refuse(m, cli_say(m->c, W_IMPORT_MANY), x->line);
        m->assets[m->n_assets++] = (struct imported) { .id = id, .layer = layer_of(x), .of = x, .title = x->key,
            .weight = rating(x, "availability"), .redundant = doc_bool(x, "redundant", false) };
    }
    return EXIT_OK;
}

/* The boundary an asset stands in; NULL: none. */
static const struct doc *boundary_of(const struct import *m, const struct doc *asset)
{
    const struct doc *all = doc_get(m->in, "trust_boundaries");
    for (const struct doc *b = all && all->kind == DOC_MAP ? all->first : NULL; b; b = b->next) {
        const struct doc *inside = doc_get(b, "technical_assets_inside");
        for (const struct doc *i = inside && inside->kind == DOC_LIST ? inside->first : NULL; i; i = i->next)
            if (i->kind == DOC_TEXT && strcmp(i->text, doc_text(asset, "id", "")) == 0) return b;
    }
    return NULL;
}

static const char *zone_id(struct import *m, const struct doc *boundary)
{
    return slug(m, doc_text(boundary, "id", boundary->key));
}

/* ---- sections ---- */

static const char *effect_of(const struct imported *a)
{
    if (strcmp(a->layer, "organisation") == 0 || a->weight <= 0) return "nominal";
    return a->weight >= 3 && !a->redundant ? "fail" : "degrade";
}

static void put_head(struct import *m)
{
    const char *title = doc_text(m->in, "title", "Imported");
    struct doc *d = both(m, title);
    say_line(m, "# Begun from a Threagile model. Read it from the top and make it your own: the mission's words and tolerance, losses, frequencies and");
    say_line(m, "# strengths are placeholders of the catalogue; groups, zones and flows are the design's. Then: sekimori mission check, sekimori risk check.");
    say_line(m, "schema: sekimori/1");
    (void)!ok(buffer_put(&m->out, bytes_str("organisation: ")));
    (void)!ok(doc_write_json(d, &m->out));
    say_line(m, "\n\nmissions:");
    say_line(m, "  - id: main");
    (void)!ok(buffer_put(&m->out, bytes_str("    name: ")));
    (void)!ok(doc_write_json(both(m, title), &m->out));
    say_line(m, "\n    sentence: {ja: \"今後1年にサービスが{time}を超えて止まるおそれ\", en: \"Chance that the service stops for more than {time} in the coming year\"}");
    say_line(m, "    safety: S0\n    tolerance: {yen: \"1000万\", outages: \"0.5\"}\n    functions: [service]\n");
}

static void put_function(struct import *m)
{
    char line[200];
    say_line(m, "functions:\n  - id: service\n    name: {ja: \"サービス\", en: \"The service\"}");
    say_line(m, "    minimum: {ja: \"守る水準を書く\", en: \"write the level to be kept\"}");
    snprintf(line, sizeof line, "    tolerable_outage: %s\n    customers: 1\n    depends:", outages[rating(m->in, "business_criticality")]);
    say_line(m, line);
    for (size_t pass = 0, n = 0; pass < 2; pass++)
        for (size_t i = 0; i < m->n_assets; i++) { /* what fails it first: a function names sixteen */
            const char *effect = effect_of(&m->assets[i]);
            bool hard = strcmp(effect, "fail") == 0;
            if (strcmp(effect, "nominal") == 0 || hard != (pass == 0)) continue;
            if (n++ >= 16) {
                m->n_left++;
                continue;
            }
            m->assets[i].joined = true;
            snprintf(line, sizeof line, "      - {group: %s, effect: %s}", m->assets[i].id, effect);
            say_line(m, line);
        }
}

static void put_zones(struct import *m)
{
    const struct doc *all = doc_get(m->in, "trust_boundaries");
    say_line(m, "\nzones:");
    for (const struct doc *b = all && all->kind == DOC_MAP ? all->first : NULL; b; b = b->next, m->n_zones++) row(m, named(m, zone_id(m, b), b->key));
    row(m, named(m, "elsewhere", "elsewhere"));
}

static void put_groups(struct import *m)
{
    say_line(m, "\n# One a technical asset; enrolled devices join the group named in their invite.\ngroups:");
    for (size_t i = 0; i < m->n_assets; i++) {
        const struct imported *a = &m->assets[i];
        const struct doc *b = boundary_of(m, a->of);
        struct doc *d = named(m, a->id, a->title);
        doc_set_text(&m->c->arena, d, "layer", a->layer);
        doc_set_text(&m->c->arena, d, "zone", b ? zone_id(m, b) : "elsewhere");
        row(m, d);
    }
}

static const char *link_id(struct import *m, const struct imported *a, const char *title)
{
    char id[MODEL_ID];
    const char *text = slug(m, title);
    snprintf(id, sizeof id, "%.20s-%.24s", a->id, text[0] ? text : "link");
    for (unsigned n = 2;; n++) {
        size_t i = 0;
        while (i < m->n_links && strcmp(m->links[i], id) != 0) i++;
        if (i == m->n_links) break;
        snprintf(id, sizeof id, "%.20s-%.18s-%u", a->id, text[0] ? text : "link", n);
    }
    const char *t = arena_text(&m->c->arena, bytes_str(id));
    return t ? t : "link";
}

static int put_link(struct import *m, const struct imported *a, const struct doc *link)
{
    const struct imported *to = asset_of(m, doc_text(link, "target", ""));
    if (link->kind != DOC_MAP || !to) return refuse(m, cli_say(m->c, W_IMPORT_TARGET), link->line);
    if (m->n_links == LINKS_MAX) return refuse(m, cli_say(m->c, W_IMPORT_MANY), link->line);
    struct arena *arena = &m->c->arena;
    struct doc *d = doc_map(arena), *controls = doc_map(arena);
    const char *known = link_known(link);
    m->links[m->n_links] = link_id(m, a, link->key);
    doc_set_text(arena, d, "id", m->links[m->n_links++]);
    doc_set_text(arena, d, "from", a->id);
    doc_set_text(arena, d, "to", to->id);
    doc_set_text(arena, d, "carries", short_text(m, link->key));
    if (doc_bool(link, "ip_filtered", false)) doc_set_bool(arena, d, "checkpoint", true);
    if (link_encrypted(link)) doc_set_text(arena, controls, "C5", "strong");
    if (known) doc_set_text(arena, controls, "C1", known);
    if (controls->count) doc_set(arena, d, "controls", controls);
    row(m, d);
    return EXIT_OK;
}

static int put_flows(struct import *m)
{
    int code = EXIT_OK;
    say_line(m, "\n# Ways a compromise may take: each communication link, with what the design says stands on it.\nflows:");
    size_t before = m->out.n;
    for (size_t i = 0; i < m->n_assets; i++) {
        const struct doc *links = doc_get(m->assets[i].of, "communication_links");
        for (const struct doc *l = links && links->kind == DOC_MAP ? links->first : NULL; l && !code; l = l->next) code = put_link(m, &m->assets[i], l);
    }
    if (m->out.n == before) say_line(m, "  []");
    return code;
}

/* Of this layer, the asset whose loss weighs most and on which the function depends; NULL: none. */
static const struct imported *struck(const struct import *m, const char *layer)
{
    const struct imported *best = NULL;
    for (size_t i = 0; i < m->n_assets; i++) {
        const struct imported *a = &m->assets[i];
        if (strcmp(a->layer, layer) != 0 || !a->joined) continue;
        if (!best || a->weight > best->weight) best = a;
    }
    return best;
}

static struct doc *copied(struct import *m, const struct doc *from, const char *const *members)
{
    struct doc *d = doc_map(&m->c->arena);
    for (size_t i = 0; members[i]; i++) {
        const struct doc *x = doc_get(from, members[i]);
        struct doc *own = x ? arena_new(&m->c->arena, sizeof *own) : NULL;
        if (!own) continue;
        *own = *x;
        own->next = NULL;
        doc_set(&m->c->arena, d, members[i], own);
    }
    return d;
}

static void put_threats(struct import *m, struct doc *kept)
{
    static const char *const members[] = { "id", "name", "layer", "rate", "outage", "probes", NULL };
    say_line(m, "\n# The deck's threats where this design has their layer; frequency and loss wait to be judged.\nthreats:");
    for (const struct doc *t = doc_get(m->catalogue, "threats")->first; t; t = t->next) {
        const struct imported *at = struck(m, doc_text(t, "layer", ""));
        if (strcmp(doc_text(t, "class", ""), "deck") != 0 || !at) continue;
        struct doc *d = copied(m, t, members), *loss = doc_map(&m->c->arena);
        doc_set_text(&m->c->arena, loss, "low", "100万");
        doc_set_text(&m->c->arena, loss, "high", "3000万");
        doc_set(&m->c->arena, d, "loss", loss);
        doc_set_text(&m->c->arena, d, "strikes", at->id);
        doc_set_text(&m->c->arena, d, "author", "imported, to be made your own");
        doc_set_text(&m->c->arena, d, "source", "catalogue 1");
        doc_set_text(&m->c->arena, d, "reviewed", doc_text(t, "reviewed", ""));
        doc_add(kept, doc_text_new(&m->c->arena, doc_text(t, "id", "")));
        row(m, d);
    }
}

static bool has(const struct doc *list, const char *id)
{
    for (const struct doc *x = list->first; x; x = x->next)
        if (strcmp(x->text, id) == 0) return true;
    return false;
}

static void put_controls(struct import *m, const struct doc *threats)
{
    static const char *const members[] = { "id", "name", "layer", "root", "fresh", "stale", NULL };
    say_line(m, "\ncontrols:");
    for (const struct doc *k = doc_get(m->catalogue, "controls")->first; k; k = k->next) {
        struct doc *d = copied(m, k, members), *strength = doc_map(&m->c->arena), *scope = doc_list(&m->c->arena);
        const struct doc *all = doc_get(k, "strength");
        for (const struct doc *s = all ? all->first : NULL; s; s = s->next)
            if (has(threats, s->key)) doc_set_text(&m->c->arena, strength, s->key, s->text);
        if (!strength->count) continue;
        doc_add(scope, doc_text_new(&m->c->arena, "site"));
        doc_set(&m->c->arena, d, "scope", scope);
        doc_set(&m->c->arena, d, "strength", strength);
        row(m, d);
    }
}

static int put_all(struct import *m)
{
    struct doc *threats = doc_list(&m->c->arena);
    put_head(m);
    put_function(m);
    put_zones(m);
    put_groups(m);
    int code = put_flows(m);
    if (code) return code;
    put_threats(m, threats);
    if (!threats->count) return refuse(m, cli_say(m->c, W_IMPORT_NOTHING), 0);
    put_controls(m, threats);
    say_line(m, "\n# What a decision may bind; add what fits your streams (docs/model.md).\nconditions: []");
    return EXIT_OK;
}

static int store(struct import *m, const char *out)
{
    struct doc *again;
    if (access(out, F_OK) == 0) return complain(m->c, EXIT_CONFLICT, "SK-1071", cli_say(m->c, W_EXISTS), out, NULL);
    int code = write_file(m->c, out, buffer_view(&m->out), 0644);
    if (!code) code = read_model(m->c, out, &again, NULL); /* nothing is left behind that the reader would refuse */
    if (code) {
        unlink(out);
        return code;
    }
    printf("%s: %s: %zu, %zu, %zu\n", out, cli_say(m->c, W_IMPORT_DONE), m->n_assets, m->n_zones, m->n_links);
    if (m->n_left) printf("  %s: %zu\n", cli_say(m->c, W_IMPORT_LEFT), m->n_left);
    printf("  %s: sekimori mission check %s; sekimori risk check %s\n", cli_say(m->c, W_TRY), out, out);
    return EXIT_OK;
}

int cmd_mission_import(struct cli *c)
{
    struct import *m = mem_new(sizeof *m);
    struct doc *in = NULL, *catalogue = NULL;
    const struct embedded *e = embedded_find("catalogue.json");
    if (!m) return EXIT_FAILED;
    if (c->n_args != 1 || !flag(c, "out")) {
        mem_free(m);
        return c->n_args != 1 ? complain_usage(c) : need_flag(c, "out");
    }
    int code = read_yaml(c, c->args[0], &in);
    if (!code && (!e || !ok(doc_read_json(bytes_of(e->at, e->n), &c->arena, &catalogue)))) code = EXIT_FAILED;
    *m = (struct import) { .c = c, .in = in, .catalogue = catalogue, .out = BUFFER(4u << 20) };
    if (!code) code = read_assets(m);
    if (!code) code = put_all(m);
    if (!code) code = store(m, flag(c, "out"));
    buffer_deinit(&m->out);
    mem_free(m);
    return code;
}
