/* What the running site has recorded and seen, as sightings: commands that were delivered, what peers carried, readings, devices nobody
 * manages. Only reads, by the API that everybody has. */
#include "cli/proposing.h"

#include <stdio.h>

#include "assurance/charter.h"
#include "base/map.h"
#include "watch/address.h"

enum { NAME = 64, LOOKS_MOST = 200 };

struct who {
    char id[NAME], group[NAME], role[NAME];
};

struct mark {
    char since[TIME_TEXT], last[TIME_TEXT];
    int64_t entry;
};

struct looker {
    struct cli *c;
    struct proposals *p;
    struct unplaced *unplaced;
    struct arena keep;        /* the command's own arena is freed between pages of the record */
    struct map who, marks, hosts;
    char prefix[CHARTER_SITE_MAX + 8]; /* sk/v1/SITE/ */
    const char *platform;     /* the group this site itself is; NULL = none in the file */
    unsigned looks;
};

static void keep(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%.*s", (int)(size - 1), text);
}

/* ---- who is who ---- */

static const char *peer_of(const char *id)
{
    return strncmp(id, "peer-", 5) == 0 && id[5] ? id + 5 : id;
}

static void miss(struct looker *l, const char *id)
{
    struct unplaced *u = l->unplaced;
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->ids[i], id) == 0) return;
    if (u->n < sizeof u->ids / sizeof *u->ids) keep(u->ids[u->n++], sizeof u->ids[0], id);
    else u->more = true;
}

/* The group of the file: false when there is none; a peer's may be begun. */
static bool group_for(struct looker *l, const char *id, char ret[MODEL_ID], bool *ret_new)
{
    const struct who *w = map_get(&l->who, bytes_str(id));
    bool peer = w && strcmp(w->role, "peer") == 0;
    const char *group = propose_group_of(l->p->model, id, w ? w->group : "");
    if (!group && peer) group = propose_group_of(l->p->model, peer_of(id), peer_of(id));
    *ret_new = !group && peer;
    if (*ret_new) propose_id(peer_of(id), ret);
    else if (group) keep(ret, MODEL_ID, group);
    else if (*id) miss(l, id);
    return group || *ret_new;
}

/* Words of others: what steers a terminal or hides is shown as what it is. */
static void shown(char *to, const char *text)
{
    text_shown(bytes_str(text), to, PROPOSE_TEXT);
}

static void begin_peer(struct proposal *x, const char *id, const char *group)
{
    keep(x->group, sizeof x->group, group);
    keep(x->layer, sizeof x->layer, "organisation");
    shown(x->name_ja, peer_of(id));
    shown(x->name_en, peer_of(id));
}

static void name_peer(struct looker *l, const struct doc *peer)
{
    char group[MODEL_ID];
    propose_id(doc_text(peer, "peer", ""), group);
    for (size_t i = 0; i < l->p->n; i++) {
        struct proposal *x = &l->p->at[i];
        if (strcmp(x->group, group) != 0 || strcmp(x->layer, "organisation") != 0) continue;
        if (*doc_text(peer, "name_ja", "")) shown(x->name_ja, doc_text(peer, "name_ja", ""));
        if (*doc_text(peer, "name_en", "")) shown(x->name_en, doc_text(peer, "name_en", ""));
    }
}

/* sk/v1/SITE/DEVICE/...: the device. false: another form. */
static bool device_of(const struct looker *l, const char *topic, char ret[NAME])
{
    size_t n = strlen(l->prefix);
    if (strncmp(topic, l->prefix, n) != 0) return false;
    size_t len = strcspn(topic + n, "/");
    if (!len || len >= NAME || !topic[n + len]) return false;
    snprintf(ret, NAME, "%.*s", (int)len, topic + n);
    return true;
}

/* ---- commands ---- */

static void take_command(void *ctx, const struct doc *e)
{
    struct looker *l = ctx;
    const struct doc *p = doc_get(e, "payload");
    const char *who = doc_text(p, "from", ""), *topic = doc_text(p, "topic", "");
    char from[MODEL_ID], to[MODEL_ID], whom[NAME];
    bool fresh = false, other = false;
    if (strcmp(doc_text(p, "what", ""), "command-delivered") != 0 || !device_of(l, topic, whom)) return;
    bool placed = group_for(l, who, from, &fresh);
    if (!group_for(l, whom, to, &other) || !placed || other) return;
    struct proposal *x = propose_flow(l->p, SEEN_COMMAND, from, to);
    if (!x) return;
    if (fresh) begin_peer(x, who, from);
    propose_saw(x, &(struct sighting) { who, whom, topic, doc_text(e, "at", ""), doc_int(e, "index", 0), 1 });
}

/* ---- peers ---- */

/* The first and the newest entry of something. */
static void mark(struct looker *l, const char *key, const struct doc *e)
{
    struct mark *x = map_get(&l->marks, bytes_str(key));
    if (!x) {
        x = arena_new(&l->keep, sizeof *x);
        if (!x || !ok(map_put(&l->marks, bytes_str(key), x))) return;
        *x = (struct mark) { .entry = 0 };
        keep(x->since, sizeof x->since, doc_text(e, "at", ""));
    }
    keep(x->last, sizeof x->last, doc_text(e, "at", ""));
    x->entry = doc_int(e, "index", 0);
}

static void mark_flow(void *ctx, const struct doc *e)
{
    char key[2 * NAME];
    const struct doc *p = doc_get(e, "payload");
    snprintf(key, sizeof key, "%.60s/%.60s", doc_text(p, "peer", ""), doc_text(p, "flow", ""));
    mark(ctx, key, e);
}

static void mark_unmanaged(void *ctx, const struct doc *e)
{
    mark(ctx, doc_text(doc_get(e, "payload"), "id", ""), e);
}

static void take_flow(struct looker *l, const char *peer, const struct doc *f)
{
    char id[NAME], key[2 * NAME], group[MODEL_ID];
    bool out = strcmp(doc_text(f, "direction", ""), "out") == 0, fresh = false;
    if (doc_int(f, "passed", 0) <= 0 || doc_bool(f, "command", false)) return; /* its commands are in the record, with their target */
    snprintf(id, sizeof id, "peer-%.50s", peer);
    if (!l->platform || !group_for(l, id, group, &fresh)) return;
    struct proposal *x = propose_flow(l->p, SEEN_PEER, out ? l->platform : group, out ? group : l->platform);
    if (!x) return;
    if (fresh) begin_peer(x, id, group);
    snprintf(key, sizeof key, "%.60s/%.60s", peer, doc_text(f, "flow", ""));
    const struct mark *seen = map_get(&l->marks, bytes_str(key));
    struct sighting s = { out ? l->platform : id, out ? id : l->platform, doc_text(f, "local", ""), seen ? seen->last : "", seen ? seen->entry : 0,
        (uint64_t)doc_int(f, "passed", 0) };
    propose_saw(x, &s);
    if (seen) keep(x->since, sizeof x->since, seen->since);
}

/* ---- readings ---- */

static int ask_history(struct looker *l, const char *topic, const char *every, const struct doc **ret)
{
    char path[1600], now[TIME_TEXT];
    struct out o = out_of(path, sizeof path - 1);
    time_text(port_wall_ms() + MS_DAY, now);
    put_str(&o, "/api/v1/history");
    add_query(&o, true, "topic", topic);
    add_query(&o, false, "from", "2020-01-01T00:00:00Z");
    add_query(&o, false, "to", now);
    if (every) add_query(&o, false, "every", every);
    if (o.over) return EXIT_NOT_FOUND;
    path[o.n] = 0;
    return ask(l->c, "GET", path, BYTES_NONE, ret);
}

/* How many of this topic the record has, and which; a topic that is not recorded is seen once, now. */
static int look_up(struct looker *l, struct proposal *x, struct sighting *s)
{
    const struct doc *sums, *points;
    char since[TIME_TEXT] = "";
    int code = l->looks++ < LOOKS_MOST ? ask_history(l, s->what, "400d", &sums) : EXIT_NOT_FOUND;
    if (!code) code = ask_history(l, s->what, NULL, &points);
    if (code) {
        propose_saw(x, s);
        return code == EXIT_NOT_FOUND ? EXIT_OK : code;
    }
    const struct doc *list = doc_get(sums, "intervals"), *first = doc_get(points, "points");
    for (const struct doc *d = list ? list->first : NULL; d; d = d->next) {
        s->count += (uint64_t)doc_int(d, "n", 0);
        s->entry = doc_int(d, "last", s->entry);
    }
    first = first ? first->first : NULL;
    if (first) time_text(doc_int(first, "recorded_ms", 0), since);
    propose_saw(x, s);
    if (since[0] && strcmp(since, x->since) < 0) keep(x->since, sizeof x->since, since);
    return EXIT_OK;
}

static int take_readings(struct looker *l)
{
    const struct doc *list;
    int code = ask(l->c, "GET", "/api/v1/readings", BYTES_NONE, &list);
    for (const struct doc *d = code ? NULL : list->first; d && !code; d = d->next) {
        const char *who = doc_text(d, "from", "");
        const struct who *w = map_get(&l->who, bytes_str(who));
        char from[MODEL_ID];
        bool fresh = false;
        if (!w || strcmp(w->role, "peer") == 0 || !group_for(l, who, from, &fresh)) continue; /* a peer's are its flows */
        struct proposal *x = l->platform ? propose_flow(l->p, SEEN_READING, from, l->platform) : NULL;
        struct sighting s = { who, l->platform, doc_text(d, "topic", ""), doc_text(d, "at", ""), 0, 0 };
        if (x) code = look_up(l, x, &s);
    }
    return code;
}

/* ---- what nobody manages ---- */

static bool in_model(const struct proposals *p, const char *id)
{
    return propose_group_of(p->model, id, id) != NULL;
}

/* Devices of one kind behind one gateway are one group; a second one when the file has it already, or it is full. */
static struct proposal *bundle(struct proposals *p, const char *wish, const char *to)
{
    char base[MODEL_ID], id[MODEL_ID + 8];
    propose_id(wish, base);
    base[MODEL_ID - 5] = 0;
    for (unsigned k = 1; k < 1000; k++) {
        snprintf(id, sizeof id, k > 1 ? "%s-%u" : "%s", base, k);
        if (model_group(p->model, id) != SIZE_MAX) continue;
        struct proposal *x = *to ? propose_flow(p, SEEN_UNMANAGED, id, to) : propose_group(p, SEEN_UNMANAGED, id);
        if (!x && p->n == PROPOSE_MOST) return NULL;
        if (!x || x->n_members == PROPOSE_MEMBERS) continue;
        keep(x->group, sizeof x->group, id);
        return x;
    }
    return NULL;
}

static void take_unmanaged(struct looker *l, const struct doc *d)
{
    char member[MODEL_ID], wish[400], to[MODEL_ID] = "";
    const char *gateway = doc_text(d, "gateway", ""), *kind = doc_text(d, "kind", ""), *name = doc_text(d, "name", "");
    bool fresh = false;
    for (const char *p = doc_text(d, "address", ""); *p; p += strcspn(p, " "), p += *p == ' ') {
        char one[NAME];
        snprintf(one, sizeof one, "%.*s", (int)(strcspn(p, " ") < NAME - 1 ? strcspn(p, " ") : NAME - 1), p);
        (void)!ok(map_put(&l->hosts, bytes_str(one), l)); /* listed: no host that nobody knows */
    }
    propose_id(doc_text(d, "id", ""), member);
    if (in_model(l->p, member) || propose_is_declined(l->p, "", "", member)) return;
    bool known = *gateway && map_get(&l->who, bytes_str(gateway));
    if (known && !group_for(l, gateway, to, &fresh)) to[0] = 0;
    snprintf(wish, sizeof wish, "unmanaged%s%s%s%s", *to ? "-" : "", to, *kind ? "-" : "", kind);
    struct proposal *x = bundle(l->p, wish, to);
    if (!x) return;
    keep(x->layer, sizeof x->layer, "device");
    shown(x->name_ja, *kind ? kind : "管理外の機器");
    shown(x->name_en, *kind ? kind : "Unmanaged devices");
    keep(x->members[x->n_members++], MODEL_ID, member);
    const struct mark *seen = map_get(&l->marks, bytes_str(doc_text(d, "id", "")));
    propose_saw(x, &(struct sighting) { doc_text(d, "id", ""), gateway, *name ? name : kind, seen ? seen->last : "", seen ? seen->entry : 0, 1 });
}

static void take_host(void *ctx, const struct doc *e)
{
    struct looker *l = ctx;
    const struct doc *p = doc_get(e, "payload");
    const char *address = doc_text(p, "name", "");
    char wish[NAME + 8], id[MODEL_ID];
    if (strcmp(doc_text(p, "what", ""), "unknown-host") != 0 || !*address || map_get(&l->hosts, bytes_str(address))) return;
    snprintf(wish, sizeof wish, "host-%.60s", address);
    for (char *c = wish; *c; c++)
        if (*c == '.' || *c == ':') *c = '-';
    propose_id(wish, id);
    if (in_model(l->p, id) || propose_is_declined(l->p, "", "", id)) return;
    struct proposal *x = propose_group(l->p, SEEN_HOST, id);
    if (!x) return;
    keep(x->layer, sizeof x->layer, "device");
    snprintf(x->name_ja, sizeof x->name_ja, "台帳にない機器 %.60s", address);
    snprintf(x->name_en, sizeof x->name_en, "Host no inventory lists, %.60s", address);
    keep(x->members[0], MODEL_ID, id);
    x->n_members = 1;
    propose_saw(x, &(struct sighting) { address, "", doc_text(p, "text_en", ""), doc_text(e, "at", ""), doc_int(e, "index", 0), 1 });
}

/* ---- all of it ---- */

static int identities(struct looker *l)
{
    const struct doc *list;
    int code = ask(l->c, "GET", "/api/v1/devices", BYTES_NONE, &list);
    for (const struct doc *d = code ? NULL : list->first; d; d = d->next) {
        struct who *w = arena_new(&l->keep, sizeof *w);
        if (!w) return EXIT_FAILED;
        keep(w->id, sizeof w->id, doc_text(d, "id", ""));
        keep(w->group, sizeof w->group, doc_text(d, "group", ""));
        keep(w->role, sizeof w->role, doc_text(d, "role", ""));
        if (!ok(map_put(&l->who, bytes_str(w->id), w))) return EXIT_FAILED;
    }
    return code;
}

static void the_platform(struct looker *l)
{
    const struct model *m = l->p->model;
    for (size_t i = 0; i < m->n_groups && !l->platform; i++)
        if (strcmp(m->groups[i].layer, "platform") == 0) l->platform = m->groups[i].id;
    l->unplaced->no_platform = !l->platform;
}

static int unmanaged(struct looker *l)
{
    const struct doc *list;
    int code = each_entry(l->c, "0", "unmanaged", mark_unmanaged, l);
    if (!code) code = ask(l->c, "GET", "/api/v1/unmanaged", BYTES_NONE, &list);
    for (const struct doc *d = code ? NULL : list->first; d; d = d->next) take_unmanaged(l, d);
    return code ? code : each_entry(l->c, "0", "alert", take_host, l);
}

static int peers(struct looker *l)
{
    const struct doc *list;
    int code = each_entry(l->c, "0", "flow", mark_flow, l);
    if (!code) code = ask(l->c, "GET", "/api/v1/peers", BYTES_NONE, &list);
    for (const struct doc *p = code ? NULL : list->first; p; p = p->next) {
        const struct doc *flows = doc_get(p, "flows");
        for (const struct doc *f = flows ? flows->first : NULL; f; f = f->next) take_flow(l, doc_text(p, "peer", ""), f);
        name_peer(l, p);
    }
    return code;
}

static int look(struct looker *l)
{
    char site[CHARTER_SITE_MAX];
    int code = charter_site(l->c, site);
    if (!code) code = identities(l);
    if (code) return code;
    snprintf(l->prefix, sizeof l->prefix, "sk/v1/%s/", site);
    the_platform(l);
    code = unmanaged(l);
    if (!code) code = each_entry(l->c, "0", "command", take_command, l);
    if (!code) code = peers(l);
    return code ? code : take_readings(l);
}

int propose_look(struct cli *c, struct proposals *p, struct unplaced *ret)
{
    struct looker l = { .c = c, .p = p, .unplaced = ret, .keep = ARENA(64u << 20), .who = MAP, .marks = MAP, .hosts = MAP };
    int code = look(&l);
    map_deinit(&l.who);
    map_deinit(&l.marks);
    map_deinit(&l.hosts);
    arena_deinit(&l.keep);
    if (!code) propose_rank(p);
    return code;
}
