/* The reader: tables of keys; every error says where and what was expected. */
#include "checkpoint/agreement.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"
#include "base/time.h"
#include "wire/flat.h"
#include "checkpoint/statement.h"
#include "wire/mqtt.h"

struct reader {
    struct agreement_error *errors;
    size_t cap, n;
    char place[32];
};

__attribute__((format(printf, 4, 5)))
static void complain(struct reader *r, const struct doc *d, const char *key, const char *fmt, ...)
{
    size_t at = r->n++;
    if (at >= r->cap) return;
    struct agreement_error *e = &r->errors[at];
    *e = (struct agreement_error) { .line = d ? d->line : 0 };
    int n = snprintf(e->text, sizeof e->text, "%s%s%s: ", r->place, *key && r->place[0] ? "." : "", key);
    if (n < 0 || (size_t)n >= sizeof e->text) return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->text + n, sizeof e->text - (size_t)n, fmt, args);
    va_end(args);
}

static const char *word_at(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

/* Unknown keys are errors: a mistyped quota must not mean none. */
static bool map_good(struct reader *r, const struct doc *d, const char *key, const char *const *keys)
{
    if (!d || d->kind != DOC_MAP) {
        complain(r, d, key, "expected a map");
        return false;
    }
    for (const struct doc *m = d->first; m; m = m->next) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], m->key) != 0) i++;
        if (keys[i]) continue;
        const char *meant = text_nearest(m->key, word_at, keys);
        complain(r, m, key, "unknown key \"%.40s\"%s%s%s", m->key, meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
    }
    return true;
}

static void text(struct reader *r, const struct doc *map, const char *key, bool needed, char *to, size_t size)
{
    const struct doc *d = doc_get(map, key);
    if (!d && !needed) return;
    if (d && d->kind == DOC_TEXT && d->text[0] && strlen(d->text) < size) snprintf(to, size, "%s", d->text);
    else complain(r, d ? d : map, key, "expected a text of 1 to %zu bytes", size - 1);
}

static int64_t number(struct reader *r, const struct doc *map, const char *key, int64_t low, int64_t high, int64_t fallback)
{
    const struct doc *d = doc_get(map, key);
    if (!d && fallback >= low) return fallback;
    if (d && d->kind == DOC_INT && d->number >= low && d->number <= high) return d->number;
    complain(r, d ? d : map, key, "expected a whole number from %lld to %lld", (long long)low, (long long)high);
    return low;
}

/* Its place in words (NULL-ended); 0 after a complaint. */
static int word(struct reader *r, const struct doc *map, const char *key, const char *const *words, int fallback)
{
    char list[120] = "";
    const struct doc *d = doc_get(map, key);
    const char *got = d && d->kind == DOC_TEXT ? d->text : "";
    if (!d && fallback >= 0) return fallback;
    for (int i = 0; words[i]; i++)
        if (strcmp(got, words[i]) == 0) return i;
    for (size_t i = 0, n = 0; words[i] && n < 100; i++) n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", words[i]);
    const char *meant = *got ? text_nearest(got, word_at, words) : NULL;
    complain(r, d ? d : map, key, "expected one of %s%s%s%s", list, meant ? " (did you mean \"" : "", meant ? meant : "", meant ? "\"?)" : "");
    return 0;
}

static bool id_good(const char *id)
{
    for (const char *p = id; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || (*p == '-' && p != id))) return false;
    return id[0];
}

static void topic(struct reader *r, const struct doc *map, const char *key, char to[FLOW_TOPIC])
{
    text(r, map, key, true, to, FLOW_TOPIC);
    if (strncmp(to, "sekimori/", 9) == 0) complain(r, doc_get(map, key), key, "topics under sekimori/ are the checkpoint's own");
    if (to[0] && (!mqtt_topic_valid(bytes_str(to)) || to[0] == '$')) complain(r, doc_get(map, key), key, "expected one topic, no + or #: a flow is exactly one");
}

static void decimal(struct reader *r, const struct doc *d, const char *key, int64_t *ret)
{
    if (d && d->kind == DOC_INT && d->number > -INT64_C(1000000000000) && d->number < INT64_C(1000000000000)) *ret = d->number * 1000;
    else if (!d || d->kind != DOC_TEXT || !ok(flat_decimal(bytes_str(d->text), ret))) complain(r, d, key, "expected a number, one with a fraction in quotes: \"1.5\"");
}

/* A list of at most n words. */
static size_t words(struct reader *r, const struct doc *map, const char *key, char (*to)[FLOW_WORD], size_t cap)
{
    const struct doc *d = doc_get(map, key);
    size_t n = 0;
    if (!d) return 0;
    for (const struct doc *m = d->first; m && d->kind == DOC_LIST; m = m->next) {
        if (n == cap || m->kind != DOC_TEXT || !m->text[0] || strlen(m->text) >= FLOW_WORD) complain(r, m, key, "expected at most %zu short words", cap);
        else snprintf(to[n++], FLOW_WORD, "%s", m->text);
    }
    if (!n) complain(r, d, key, "expected a list of words");
    return n;
}

/* ---- stages ---- */

static void read_schema(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "number", "from", "to", NULL };
    if (d->kind != DOC_MAP || !d->first) complain(r, d, "stages.schema", "expected a map: field: {number: true, from: 0, to: 10}, or field: {}");
    for (const struct doc *m = d->first; m && d->kind == DOC_MAP; m = m->next) {
        struct flow_field row = { 0 };
        if (f->n_fields == FLOW_FIELDS || strlen(m->key) >= FLOW_WORD) {
            complain(r, m, "stages.schema", "at most %d fields of %d bytes", FLOW_FIELDS, FLOW_WORD - 1);
            return;
        }
        if (!map_good(r, m, "stages.schema", keys)) continue;
        snprintf(row.name, sizeof row.name, "%s", m->key);
        row.ranged = doc_get(m, "from") || doc_get(m, "to");
        row.number = row.ranged || doc_bool(m, "number", false);
        if (row.ranged) decimal(r, doc_get(m, "from"), "from", &row.low_milli), decimal(r, doc_get(m, "to"), "to", &row.high_milli);
        if (row.low_milli > row.high_milli) complain(r, m, "stages.schema", "\"from\" is above \"to\"");
        f->fields[f->n_fields++] = row;
    }
}

static void read_fresh(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "time", "age_s", NULL };
    if (!map_good(r, d, "stages.fresh", keys)) return;
    text(r, d, "time", true, f->time_field, sizeof f->time_field);
    f->age_s = (uint32_t)number(r, d, "age_s", 1, 86400, 0);
}

static void read_plausible(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "like", "field", "within", NULL };
    if (!map_good(r, d, "stages.plausible", keys)) return;
    topic(r, d, "like", f->like);
    text(r, d, "field", true, f->like_field, sizeof f->like_field);
    decimal(r, doc_get(d, "within"), "stages.plausible.within", &f->within_milli);
}

static void read_reduce(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "keep", "alias", "every_s", NULL };
    if (!map_good(r, d, "stages.reduce", keys)) return;
    if (words(r, d, "keep", f->keep, FLOW_FIELDS) == 0) complain(r, d, "stages.reduce.keep", "is needed: the fields that may leave");
    (void)words(r, d, "alias", f->alias, FLOW_FIELDS);
    f->every_s = (uint32_t)number(r, d, "every_s", 0, 86400, 0);
}

static void read_delay(struct reader *r, const struct doc *d, struct flow *f)
{
    if (d->kind == DOC_INT && d->number >= 1 && d->number <= 86400) f->delay_s = (uint32_t)d->number;
    else complain(r, d, "stages.delay", "expected seconds, 1 to 86400");
}

static void read_hold(struct reader *r, const struct doc *d, struct flow *f)
{
    if (d->kind != DOC_BOOL || !d->truth) complain(r, d, "stages.hold", "expected true");
    if (!f->command) complain(r, d, "stages.hold", "is for commands (command: true)");
}

static void read_stages(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "schema", "fresh", "plausible", "reduce", "delay", "hold", NULL };
    static const struct { enum stage_id stage; void (*read)(struct reader *r, const struct doc *d, struct flow *f); unsigned ways; } rows[] = {
        { STAGE_SCHEMA, read_schema, 3 }, { STAGE_FRESH, read_fresh, 1 }, { STAGE_PLAUSIBLE, read_plausible, 1 },
        { STAGE_REDUCE, read_reduce, 2 }, { STAGE_DELAY, read_delay, 1 }, { STAGE_HOLD, read_hold, 1 } };
    f->offered = STAGES_ALWAYS;
    if (!d || !map_good(r, d, "stages", keys)) return;
    for (size_t i = 0; keys[i]; i++) {
        const struct doc *s = doc_get(d, keys[i]);
        if (!s) continue;
        if (!(rows[i].ways >> f->direction & 1)) complain(r, s, "stages", "%s is not for this direction", keys[i]);
        rows[i].read(r, s, f);
        f->offered |= 1u << rows[i].stage;
    }
}

/* ---- flows ---- */

static const char *const requirement_words[REQUIREMENTS + 1] = { "iac", "uc", "si", "dc", "rdf", "tre", "ra", NULL };

static void read_levels(struct reader *r, const struct doc *map, const char *key, uint8_t to[REQUIREMENTS])
{
    const struct doc *d = doc_get(map, key);
    if (!d || !map_good(r, d, key, requirement_words)) return;
    for (size_t i = 0; i < REQUIREMENTS; i++) to[i] = (uint8_t)number(r, d, requirement_words[i], 0, 4, 0);
}

static void read_risk(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "effect", "connection", "loss_yen", "tolerance_yen", "needs", "fallback", NULL };
    static const char *const effects[] = { "fail", "degrade", "work-around", NULL };
    static const int64_t effect[] = { 1000000000, 500000000, 100000000 };
    static const char *const places[] = { "same-zone", "gate", "checkpoint", NULL };
    static const int64_t connect[] = { 300000000, 100000000, 30000000 };
    static const char *const fallbacks[] = { "deny", "all-stages", NULL };
    if (!map_good(r, d, "risk", keys)) return;
    f->effect_ppb = effect[word(r, d, "effect", effects, f->direction == FLOW_OUT ? 0 : -1)];
    f->connect_ppb = f->direction == FLOW_OUT ? RISK_PPB : connect[word(r, d, "connection", places, 2)];
    f->loss_yen = number(r, d, "loss_yen", 0, INT64_C(1000000000000000), -1);
    f->tolerance_yen = number(r, d, "tolerance_yen", 0, INT64_C(1000000000000000), -1);
    f->fallback_pass = word(r, d, "fallback", fallbacks, 0) == 1;
    read_levels(r, d, "needs", f->need);
}

static void read_flow(struct reader *r, const struct doc *d, struct flow *f)
{
    static const char *const keys[] = { "id", "direction", "local", "remote", "label", "purpose", "command", "verbs", "quota", "stages", "risk", NULL };
    static const char *const directions[] = { "in", "out", NULL }, *const labels[] = { "public", "internal", "confidential", "restricted", NULL };
    static const char *const quota_keys[] = { "per_minute", "bytes", NULL };
    const struct doc *quota = doc_get(d, "quota");
    if (!map_good(r, d, "", keys)) return;
    text(r, d, "id", true, f->id, sizeof f->id);
    if (!id_good(f->id)) complain(r, d, "id", "expected small letters, digits and '-'");
    f->direction = word(r, d, "direction", directions, -1) == 1 ? FLOW_OUT : FLOW_IN;
    topic(r, d, "local", f->local);
    topic(r, d, "remote", f->remote);
    snprintf(f->label, sizeof f->label, "%s", labels[word(r, d, "label", labels, -1)]);
    text(r, d, "purpose", true, f->purpose, sizeof f->purpose);
    f->command = doc_bool(d, "command", false);
    size_t verbs = words(r, d, "verbs", f->verbs, 4);
    if (f->command && (f->direction == FLOW_OUT || !verbs)) complain(r, d, "command", "is for direction: in, with \"verbs\": the values of \"do\" that may come");
    if (map_good(r, quota, "quota", quota_keys)) {
        f->per_minute = (uint32_t)number(r, quota, "per_minute", 1, 600000, 0);
        f->bytes_max = (uint32_t)number(r, quota, "bytes", 1, 65536, 0);
    }
    read_stages(r, doc_get(d, "stages"), f);
    if (f->command && !(f->offered >> STAGE_HOLD & 1)) complain(r, d, "stages", "a command from outside needs \"hold: true\"");
    read_risk(r, doc_get(d, "risk"), f);
    bool inner = strcmp(f->label, "confidential") == 0 || strcmp(f->label, "restricted") == 0;
    if (f->direction == FLOW_OUT && inner && !(f->offered >> STAGE_REDUCE & 1)) complain(r, d, "stages", "what is %s leaves only reduced: \"reduce\" is needed", f->label);
}

/* A peer speaks in its own name, or orders a device; nobody agrees it into being one of our sensors. */
static void local_good(struct reader *r, const struct doc *d, const struct agreement *a, const struct flow *f)
{
    char own[160], site[96];
    int n = snprintf(own, sizeof own, "sk/v1/%s/peer-%s/", a->site, a->id), m = snprintf(site, sizeof site, "sk/v1/%s/", a->site);
    bool mine = strncmp(f->local, own, (size_t)n) == 0, here = strncmp(f->local, site, (size_t)m) == 0;
    if (f->direction != FLOW_IN || !f->local[0]) return;
    if (f->command && !(here && strstr(f->local, "/cmd/"))) complain(r, d, "local", "expected a device's command: %s<device>/cmd/<name>", site);
    if (!f->command && !mine) complain(r, d, "local", "expected a topic in the peer's own name: %sm/<name>", own);
}

static bool taken(const struct agreement *a, const struct flow *f)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct flow *o = &a->flows[i];
        bool one_way = o->direction == f->direction;
        if (strcmp(o->id, f->id) == 0) return true;
        if (one_way && strcmp(o->remote, f->remote) == 0) return true;
        if (strcmp(o->local, f->local) == 0) return true; /* in and out on one topic: a loop */
    }
    return false;
}

static void read_flows(struct reader *r, const struct doc *d, struct agreement *a)
{
    size_t i = 0;
    if (!d || d->kind != DOC_LIST || !d->first) complain(r, d, "flows", "expected a list of at least one flow");
    for (const struct doc *m = d && d->kind == DOC_LIST ? d->first : NULL; m; m = m->next, i++) {
        struct flow f = { 0 };
        snprintf(r->place, sizeof r->place, "flows[%zu]", i);
        if (a->n == AGREEMENT_FLOWS_MAX) {
            complain(r, m, "", "at most %d flows", AGREEMENT_FLOWS_MAX);
            break;
        }
        read_flow(r, m, &f);
        local_good(r, m, a, &f);
        if (taken(a, &f)) complain(r, m, "", "an earlier flow has this id or topic");
        a->flows[a->n++] = f;
    }
    r->place[0] = 0;
}

/* ---- the peer ---- */

/* They connect to us. */
static void read_door(struct reader *r, const struct doc *d, struct agreement *a)
{
    a->inbound = true;
    a->version = 5;
    a->client_ca = doc_text(d, "client_ca", "");
    if (!strstr(a->client_ca, "-----BEGIN CERTIFICATE-----") || strlen(a->client_ca) > 8192) complain(r, d, "link.client_ca", "expected their card's PEM certificate (sekimori peer accept)");
    const char *key = doc_text(d, "client_key", "");
    if (!ok(hex_to(bytes_str(key), a->client_key, sizeof a->client_key))) complain(r, d, "link.client_key", "expected 64 hex digits, as their card has them");
    if (doc_get(d, "host") || doc_get(d, "port") || doc_get(d, "ca")) complain(r, d, "link", "with listen: true they connect; no host, port or ca");
}

static void read_link(struct reader *r, const struct doc *d, struct agreement *a)
{
    static const char *const keys[] = { "host", "port", "transport", "protocol", "ca", "client_id", "listen", "client_ca", "client_key", NULL };
    static const char *const transports[] = { "tls", "plaintext-loopback", NULL }, *const protocols[] = { "mqtt-5", "mqtt-3.1.1", NULL };
    if (!map_good(r, d, "link", keys)) return;
    if (doc_bool(d, "listen", false)) {
        read_door(r, d, a);
        return;
    }
    text(r, d, "host", true, a->host, sizeof a->host);
    text(r, d, "client_id", false, a->client_id, sizeof a->client_id);
    if (!a->client_id[0]) snprintf(a->client_id, sizeof a->client_id, "%.31s-%.60s", a->site, a->id);
    a->port = (uint16_t)number(r, d, "port", 1, 65535, 0);
    a->plaintext = word(r, d, "transport", transports, 0) == 1;
    a->version = word(r, d, "protocol", protocols, 0) == 1 ? 4 : 5;
    a->ca_pem = doc_text(d, "ca", "");
    bool pem = strstr(a->ca_pem, "-----BEGIN CERTIFICATE-----") && strlen(a->ca_pem) <= 65536;
    if (a->plaintext && a->ca_pem[0]) complain(r, d, "link.ca", "has no meaning without TLS");
    if (!a->plaintext && !pem) complain(r, d, "link.ca", "expected the PEM certificates that sign the peer's server");
    if (a->plaintext && strncmp(a->host, "127.", 4) != 0 && strcmp(a->host, "::1") != 0) complain(r, d, "link.host", "plaintext only to 127.x or ::1");
}

static void read_signer(struct reader *r, const struct doc *d, struct agreement *a)
{
    static const char *const keys[] = { "site", "key", NULL };
    char code[25];
    if (!d || !map_good(r, d, "standing.statement", keys)) return;
    text(r, d, "site", true, a->statement_site, sizeof a->statement_site);
    a->statement_key = doc_text(d, "key", "");
    if (!ok(statement_key_code(a->statement_key, code))) complain(r, d, "standing.statement.key", "expected the PEM public key of their asset owner");
}

/* What our own daemon may state of us; nothing is stated without it. */
static void read_ours(struct reader *r, const struct doc *d, struct agreement *a)
{
    static const char *const keys[] = { "claimed", "levels", NULL };
    if (!d || !map_good(r, d, "standing.ours", keys)) return;
    a->speaks = true;
    a->our_claim = number(r, d, "claimed", 0, 1000000, -1);
    read_levels(r, d, "levels", a->our_sl);
    if (!a->statement_site[0]) complain(r, d, "standing.ours", "needs \"statement\" as well: with whom statements are exchanged");
}

static void read_standing(struct reader *r, const struct doc *d, struct agreement *a)
{
    static const char *const keys[] = { "claimed", "class_default", "vouched", "levels", "statement", "ours", NULL };
    static const char *const claims[] = { "none", "self-declared", "third-party", NULL };
    if (!map_good(r, d, "standing", keys)) return;
    a->claim_ppb = number(r, d, "claimed", 0, 1000000, -1) * 1000000; /* attempts in 1,000 years */
    a->default_ppb = number(r, d, "class_default", 0, 1000000, -1) * 1000000;
    a->vouched = (enum risk_claim)word(r, d, "vouched", claims, 0);
    read_levels(r, d, "levels", a->sl);
    read_signer(r, doc_get(d, "statement"), a);
    read_ours(r, doc_get(d, "ours"), a);
}

static void read_end(struct reader *r, const struct doc *d, struct agreement *a)
{
    const char *until = doc_text(d, "until", "");
    if (!ok(time_parse(bytes_str(until), &a->until_ms))) complain(r, d, "until", "expected a time such as 2027-03-31T15:00:00Z");
    a->dwell_s = (uint32_t)number(r, d, "dwell_s", 1, 86400, 600);
}

outcome agreement_read(const struct doc *d, struct agreement *ret, struct agreement_error *errors, size_t cap, size_t *ret_n)
{
    static const char *const keys[] = { "schema", "type", "at", "site", "id", "name_ja", "name_en", "contact", "boundary", "retention", "until",
        "dwell_s", "link", "standing", "flows", NULL };
    static struct agreement a; /* large; one loop */
    struct reader r = { .errors = errors, .cap = cap };
    a = (struct agreement) { .statement_key = "", .ca_pem = "", .client_ca = "" };
    *ret_n = 0;
    if (map_good(&r, d, "", keys)) {
        if (strcmp(doc_text(d, "schema", ""), AGREEMENT_SCHEMA) != 0) complain(&r, d, "schema", "expected " AGREEMENT_SCHEMA);
        text(&r, d, "site", true, a.site, sizeof a.site);
        text(&r, d, "id", true, a.id, sizeof a.id);
        if (!id_good(a.id)) complain(&r, d, "id", "expected small letters, digits and '-'");
        text(&r, d, "name_ja", true, a.name_ja, sizeof a.name_ja);
        text(&r, d, "name_en", true, a.name_en, sizeof a.name_en);
        text(&r, d, "contact", true, a.contact, sizeof a.contact);
        text(&r, d, "boundary", true, a.boundary, sizeof a.boundary);
        text(&r, d, "retention", true, a.retention, sizeof a.retention);
        read_end(&r, d, &a);
        read_link(&r, doc_get(d, "link"), &a);
        read_standing(&r, doc_get(d, "standing"), &a);
        read_flows(&r, doc_get(d, "flows"), &a);
    }
    *ret_n = r.n < cap ? r.n : cap;
    if (r.n) return REFUSE(E_CONFIG);
    *ret = a;
    return DONE;
}
