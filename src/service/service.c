/* One table of routes; what is not in it does not exist. Absent and forbidden answer alike to whoever may
 * not see. */
#include "service/service.h"

#include <stdio.h>

#include "service/internal.h"

#define DOOR(l) (1u << (l))
#define PEOPLE (DOOR(LISTENER_HTTPS) | DOOR(LISTENER_CONSOLE))
#define EVERY (PEOPLE | DOOR(LISTENER_EST))

static outcome health(struct service *s, struct request *q)
{
    (void)s;
    return answer_text(q, "text/plain", BYTES_LIT("ok\n"));
}

static outcome ready(struct service *s, struct request *q)
{
    outcome o = ledger_health(s->port.ledger);
    return ok(o) ? answer_text(q, "text/plain", BYTES_LIT("ready\n")) : o;
}

static const struct route routes[] = {
    { "GET", "/health", EVERY, NEED_NOTHING, health },
    { "GET", "/ready", EVERY, NEED_NOTHING, ready },
    { "GET", "/public", PEOPLE, NEED_NOTHING, get_public_page },
    { "GET", "/api/v1/public", PEOPLE, NEED_NOTHING, get_public },
    { "GET", "/.well-known/est/cacerts", EVERY, NEED_NOTHING, est_cacerts },
    { "GET", "/.well-known/est/csrattrs", DOOR(LISTENER_EST), NEED_NOTHING, est_csrattrs },
    { "POST", "/.well-known/sekimori/endorse", DOOR(LISTENER_EST), NEED_NOTHING, est_endorse },
    { "POST", "/.well-known/est/simpleenroll", DOOR(LISTENER_EST), NEED_NOTHING, est_enroll },
    { "POST", "/.well-known/est/simplereenroll", DOOR(LISTENER_EST), NEED_NOTHING, est_reenroll },
    { "GET", "/.well-known/sekimori/crl", DOOR(LISTENER_EST), NEED_NOTHING, est_crl },
    { "GET", "/.well-known/sekimori/crl/{}", DOOR(LISTENER_EST), NEED_NOTHING, est_crl },
    { "POST", "/.well-known/sekimori/ocsp", DOOR(LISTENER_EST), NEED_NOTHING, est_ocsp },
    { "GET", "/api/v1/authorities", PEOPLE, NEED_SIGHT, get_authorities },
    { "GET", "/api/v1/crl", PEOPLE, NEED_SIGHT, get_crl },
    { "GET", "/api/v1/crl/{}", PEOPLE, NEED_SIGHT, get_crl },
    { "POST", "/api/v1/ocsp", PEOPLE, NEED_SIGHT, get_ocsp },
    { "POST", "/api/v1/session", PEOPLE, NEED_NOTHING, handle_start },
    { "POST", "/api/v1/session/challenge", PEOPLE, NEED_NOTHING, passkey_challenge },
    { "POST", "/api/v1/session/end", PEOPLE, NEED_SESSION, handle_end },
    { "POST", "/api/v1/me/password", PEOPLE, NEED_SELF, change_password },
    { "POST", "/api/v1/me/passkeys/challenge", PEOPLE, NEED_SELF, passkey_register_challenge },
    { "POST", "/api/v1/me/passkeys", PEOPLE, NEED_SELF, passkey_register },
    { "POST", "/api/v1/me/passkeys/remove", PEOPLE, NEED_SELF, passkey_remove },
    { "GET", "/api/v1/users", PEOPLE, NEED_SIGHT, get_users },
    { "GET", "/api/v1/users/{}", PEOPLE, NEED_SIGHT, get_user },
    { "POST", "/api/v1/users", PEOPLE, NEED_PEOPLE, change_users },
    { "POST", "/api/v1/users/{}/{}", PEOPLE, NEED_PEOPLE, change_user },
    { "GET", "/api/v1/tokens", PEOPLE, NEED_SIGHT, get_tokens },
    { "POST", "/api/v1/tokens", PEOPLE, NEED_PEOPLE, change_tokens },
    { "POST", "/api/v1/tokens/{}/revoke", PEOPLE, NEED_PEOPLE, change_token },
    { "GET", "/api/v1/me", PEOPLE, NEED_SIGHT, handle_me },
    { "GET", "/api/v1/status", PEOPLE, NEED_SIGHT, get_status },
    { "GET", "/api/v1/devices", PEOPLE, NEED_SIGHT, get_devices },
    { "GET", "/api/v1/devices/{}", PEOPLE, NEED_SIGHT, get_device },
    { "GET", "/api/v1/devices/{}/evidence", PEOPLE, NEED_SIGHT, get_evidence },
    { "POST", "/api/v1/devices/{}/{}", PEOPLE, NEED_OPERATE, change_device },
    { "GET", "/api/v1/readings", PEOPLE, NEED_SIGHT, get_readings },
    { "GET", "/api/v1/history", PEOPLE, NEED_SIGHT, get_history },
    { "GET", "/api/v1/lineage/{}", PEOPLE, NEED_SIGHT, get_lineage },
    { "GET", "/api/v1/mission", PEOPLE, NEED_SIGHT, get_mission },
    { "GET", "/api/v1/missions/{}", PEOPLE, NEED_SIGHT, get_mission },
    { "GET", "/api/v1/missions/{}/insight", PEOPLE, NEED_SIGHT, get_insight },
    { "GET", "/api/v1/missions/{}/what-if", PEOPLE, NEED_SIGHT, get_what_if },
    { "GET", "/api/v1/missions/{}/curve", PEOPLE, NEED_SIGHT, get_curve },
    { "GET", "/api/v1/controls", PEOPLE, NEED_SIGHT, get_controls },
    { "GET", "/api/v1/compliance", PEOPLE, NEED_SIGHT, get_compliance },
    { "GET", "/api/v1/decisions", PEOPLE, NEED_SIGHT, get_decisions },
    { "GET", "/api/v1/improvement", PEOPLE, NEED_SIGHT, get_improvement },
    { "POST", "/api/v1/improvement", PEOPLE, NEED_IMPROVE, change_improvement },
    { "POST", "/api/v1/improvement/{}/{}", PEOPLE, NEED_IMPROVE, change_improvement_step },
    { "GET", "/api/v1/drafts", PEOPLE, NEED_SIGHT, get_drafts },
    { "POST", "/api/v1/drafts/{}", PEOPLE, NEED_DOCUMENTS, compose_draft },
    { "GET", "/api/v1/limits", PEOPLE, NEED_SIGHT, get_limits },
    { "GET", "/api/v1/holds", PEOPLE, NEED_SIGHT, get_held },
    { "POST", "/api/v1/holds/{}/approve", PEOPLE, NEED_OPERATE, approve_hold },
    { "POST", "/api/v1/blocked/{}/harmless", PEOPLE, NEED_OPERATE, find_harmless },
    { "POST", "/api/v1/holds/{}/{}", PEOPLE, NEED_DOCUMENTS, change_hold },
    { "GET", "/api/v1/assessments", PEOPLE, NEED_SIGHT, get_assessments },
    { "GET", "/api/v1/ledger/entries/{}", PEOPLE, NEED_SIGHT, get_assessment },
    { "GET", "/api/v1/charter", PEOPLE, NEED_SIGHT, get_charter },
    { "GET", "/api/v1/model", PEOPLE, NEED_SIGHT, get_model },
    { "GET", "/api/v1/streams", PEOPLE, NEED_SIGHT, get_streams },
    { "GET", "/api/v1/grants", PEOPLE, NEED_SIGHT, get_grants },
    { "GET", "/api/v1/peers", PEOPLE, NEED_SIGHT, get_peers },
    { "POST", "/api/v1/peers/{}/{}", PEOPLE, NEED_ROOT, change_peer },
    { "POST", "/api/v1/streams", PEOPLE, NEED_ENROL, change_stream },
    { "GET", "/api/v1/alerts", PEOPLE, NEED_SIGHT, get_alerts },
    { "GET", "/api/v1/checks", PEOPLE, NEED_SIGHT, get_checks },
    { "POST", "/api/v1/alerts", 0, NEED_ROOT, change_alerts },
    { "GET", "/metrics", PEOPLE, NEED_SIGHT, get_metrics },
    { "GET", "/api/v1/causes", PEOPLE, NEED_SIGHT, get_causes },
    { "POST", "/api/v1/causes/{}/{}", PEOPLE, NEED_OPERATE, change_cause },
    { "GET", "/api/v1/unmanaged", PEOPLE, NEED_SIGHT, get_unmanaged },
    { "POST", "/api/v1/unmanaged", 0, NEED_ROOT, change_unmanaged },
    { "GET", "/api/v1/incidents", PEOPLE, NEED_SIGHT, get_incidents },
    { "POST", "/api/v1/incidents", PEOPLE, NEED_DOCUMENTS, change_incidents },
    { "POST", "/api/v1/incidents/{}/{}", PEOPLE, NEED_DOCUMENTS, change_incident },
    { "GET", "/api/v1/emergency", PEOPLE, NEED_SIGHT, get_emergencies },
    { "POST", "/api/v1/emergency", PEOPLE, NEED_ASK_EMERGENCY, change_emergencies },
    { "POST", "/api/v1/emergency/{}/{}", PEOPLE, NEED_EMERGENCY, change_emergency },
    { "GET", "/api/v1/checklists", PEOPLE, NEED_SIGHT, get_checklists },
    { "GET", "/api/v1/checklists/{}", PEOPLE, NEED_SIGHT, get_checklist },
    { "POST", "/api/v1/checklists", PEOPLE, NEED_OWNER, change_checklists },
    { "POST", "/api/v1/checklists/{}/{}", PEOPLE, NEED_REACT, change_checklist },
    { "GET", "/api/v1/reactions", PEOPLE, NEED_SIGHT, get_reactions },
    { "GET", "/api/v1/reactions/{}", PEOPLE, NEED_SIGHT, propose_reactions },
    { "POST", "/api/v1/reactions", PEOPLE, NEED_OPERATE, change_reactions },
    { "POST", "/api/v1/reactions/{}/{}", PEOPLE, NEED_REACT, change_reaction },
    { "POST", "/api/v1/profiles", PEOPLE, NEED_REACT, change_profiles },
    { "GET", "/api/v1/work", PEOPLE, NEED_WORK, get_works },
    { "GET", "/api/v1/work/{}", PEOPLE, NEED_WORK, get_work },
    { "POST", "/api/v1/work", PEOPLE, NEED_WORK, change_works },
    { "POST", "/api/v1/work/{}/{}", PEOPLE, NEED_WORK, change_work },
    { "GET", "/api/v1/invites", PEOPLE, NEED_SIGHT, get_invites },
    { "POST", "/api/v1/invites", PEOPLE, NEED_ENROL, change_invite },
    { "POST", "/api/v1/documents/{}", PEOPLE, NEED_DOCUMENTS, change_document },
    { "GET", "/api/v1/ledger", PEOPLE, NEED_SIGHT, get_ledger },
    { "POST", "/api/v1/ledger/head", 0, NEED_ROOT, change_head },
    { "POST", "/api/v1/backup", 0, NEED_ROOT, change_backup },
    { "POST", "/api/v1/ledger/prune", 0, NEED_ROOT, change_prune },
    { "POST", "/api/v1/ledger/erase/{}", 0, NEED_ROOT, change_erase },
    { "GET", "/api/v1/certificates", PEOPLE, NEED_SIGHT, get_certificates },
    { "POST", "/api/v1/certificates/again", 0, NEED_ROOT, change_certificates },
    { "GET", "/api/v1/ledger/consistency", PEOPLE, NEED_SIGHT, get_consistency },
    { "GET", "/checkpoint", PEOPLE, NEED_SIGHT, get_checkpoint },
    { "GET", "/tile/{..}", PEOPLE, NEED_SIGHT, get_tile },
    { "GET", "/api/v1/ledger/entries", PEOPLE, NEED_SIGHT, get_entries },
    { "GET", "/api/v1/ledger/proofs/{}", PEOPLE, NEED_SIGHT, get_proof },
    { "GET", "/api/v1/why", PEOPLE, NEED_SIGHT, get_why },
    { "POST", "/api/v1/login", 0, NEED_ROOT, handle_login },
    { "GET", "/events", PEOPLE, NEED_SIGHT, handle_events },
};
enum { ROUTES = sizeof routes / sizeof *routes };

static struct bytes next_segment(struct bytes *path)
{
    struct bytes all = *path;
    const uint8_t *slash = all.n > 1 ? memchr(all.at + 1, '/', all.n - 1) : NULL;
    size_t n = slash ? (size_t)(slash - all.at) : all.n;
    *path = bytes_of(all.at + n, all.n - n);
    return bytes_of(all.at, n);
}

/* Fills the {} parts; refuses a part that does not decode. */
static bool path_meets(const char *pattern, struct bytes path, struct request *q)
{
    struct bytes want = bytes_str(pattern);
    size_t args = 0;
    while (want.n && path.n) {
        struct bytes w = next_segment(&want), p = next_segment(&path);
        if (bytes_equal_str(w, "/{..}")) { /* all that is left */
            struct bytes rest = bytes_of(p.at + 1, p.n + path.n - 1);
            return p.n > 1 && ok(http_decode(rest, q->arg[args], sizeof q->arg[0]));
        }
        if (!bytes_equal_str(w, "/{}")) {
            if (!bytes_equal(w, p)) return false;
        } else if (p.n < 2 || !ok(http_decode(bytes_of(p.at + 1, p.n - 1), q->arg[args++], sizeof q->arg[0]))) return false;
    }
    return want.n == 0 && path.n == 0;
}

static bool door_open(const struct route *r, const struct caller *c)
{
    return c->listener == LISTENERS || (r->doors & DOOR(c->listener));
}

static bool may(const struct route *r, const struct caller *c)
{
    static const struct { unsigned roles, scope; } rows[NEEDS] = {
#define X(name, roles, scope) [name] = { roles, scope },
        SERVICE_NEEDS(X)
#undef X
    };
    if (r->need == NEED_NOTHING) return true;
    if (r->need == NEED_SESSION) return c->kind == CALLER_SESSION;
    if (r->need == NEED_SELF) return c->kind == CALLER_SESSION && c->person;
    if (c->kind == CALLER_LOCAL_ROOT) return true;
    if (c->kind == CALLER_SESSION) return r->need == NEED_SIGHT || (c->roles & rows[r->need].roles);
    return c->kind == CALLER_TOKEN && (c->scopes & rows[r->need].scope) && (c->roles & rows[r->need].roles);
}

/* Before a handler looks for anything: the same whether the thing is there or not. */
static outcome refused(struct request *q)
{
    bool known = q->caller->kind == CALLER_SESSION || q->caller->kind == CALLER_TOKEN;
    return known ? answer_problem(q, 403, "SK-1415", "not-your-role", NULL) : answer_problem(q, 401, "SK-1401", "not-signed-in", NULL);
}

static outcome outside_permit(struct service *s, struct request *q)
{
    TRY(audit_named(s, q, "outside-permit", q->caller->name, ""));
    return answer_problem(q, 403, "SK-1419", "no-permit", "sekimori work list");
}

static outcome dispatch(struct service *s, struct request *q)
{
    bool path_known = false, found;
    for (size_t i = 0; i < ROUTES; i++) {
        if (!door_open(&routes[i], q->caller) || !path_meets(routes[i].path, q->http->path, q)) continue;
        path_known = true;
        if (!bytes_equal_str(q->http->method, routes[i].method)) continue;
        if (!may(&routes[i], q->caller)) return refused(q);
        if (routes[i].need > NEED_SELF && routes[i].need != NEED_WORK && contractor_waits(s, q->caller)) return outside_permit(s, q);
        TRY(emergency_note(s, q));
        return routes[i].handle(s, q);
    }
    if (q->caller->kind == CALLER_NOBODY && bytes_starts(q->http->path, BYTES_LIT("/api/")))
        return answer_problem(q, 401, "SK-1401", "not-signed-in", NULL);
    if (path_known) return answer_problem(q, 405, "SK-1413", "method-not-allowed", NULL);
    if (q->caller->listener != LISTENER_EST && bytes_equal_str(q->http->method, "GET")) {
        TRY(files_serve(s, q, &found));
        if (found) return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

/* A browser names the page's origin: anything but our own is not our page (DNS rebinding, cross-site). */
static bool origin_good(const struct service *s, const struct request *q)
{
    struct bytes origin = http_field(q->http, "origin"), host = http_field(q->http, "host");
    char own[3][200];
    if (q->caller->listener == LISTENERS) return true;
    if (q->caller->listener == LISTENER_CONSOLE) {
        snprintf(own[0], sizeof own[0], "localhost:%u", s->port.console_port);
        snprintf(own[1], sizeof own[1], "127.0.0.1:%u", s->port.console_port);
        snprintf(own[2], sizeof own[2], "[::1]:%u", s->port.console_port);
        bool known = bytes_equal_str(host, own[0]) || bytes_equal_str(host, own[1]) || bytes_equal_str(host, own[2]);
        if (!known) return false;
    }
    /* A person's page always names itself where it changes something; a program has a token, and no cookie. */
    if (!origin.n) return q->caller->kind != CALLER_SESSION || bytes_equal_str(q->http->method, "GET") || bytes_equal_str(q->http->method, "HEAD");
    struct bytes scheme = q->caller->listener == LISTENER_CONSOLE ? BYTES_LIT("http://") : BYTES_LIT("https://");
    return bytes_starts(origin, scheme) && bytes_equal(bytes_of(origin.at + scheme.n, origin.n - scheme.n), host);
}

outcome service_request(struct service *s, const struct caller *c, uint32_t link, const struct http_request *r,
    struct buffer *b, bool *ret_stream, bool *ret_close)
{
    struct caller caller = *c;
    struct request q = { .caller = &caller, .http = r, .link = link, .arena = ARENA(REQUEST_ARENA_BYTES), .status = 200,
        .body = BUFFER(8u << 20) };
    if (hashing_owes(s->hashing, link) && link != UINT32_MAX) { /* one answer at a time: this is no browser */
        *ret_stream = false;
        *ret_close = true;
        service_link_down(s, link);
        return DONE;
    }
    session_name_caller(s, &caller, r);
    emergency_widen(s, &caller);
    outcome o = origin_good(s, &q) ? dispatch(s, &q) : answer_problem(&q, 403, "SK-1414", "foreign-origin", NULL);
    if (!ok(o)) {
        q.doc = NULL;
        q.body.n = 0;
        o = answer_outcome(&q, o, NULL, NULL);
    }
    *ret_close = q.later ? false : r->close;
    emergency_header(s, &q);
    if (ok(o) && !q.later) o = answer_write(&q, b, ret_close);
    *ret_stream = q.stream || q.later;
    buffer_deinit(&q.body);
    arena_deinit(&q.arena);
    return o;
}

outcome service_new(const struct service_port *port, struct service **ret)
{
    struct service *s = mem_new(sizeof *s);
    if (!s) return REFUSE(E_MEMORY);
    s->port = *port;
    port_random(s->challenge_secret, sizeof s->challenge_secret);
    s->readings = mem_new_array(SERVICE_READINGS_MAX, sizeof *s->readings);
    for (size_t i = 0; i < sizeof s->crls / sizeof *s->crls; i++) s->crls[i].der = BUFFER(1u << 18);
    s->started_ms = port->wall_ms(port->ctx);
    outcome o = s->readings ? files_load(s) : REFUSE(E_MEMORY);
    if (ok(o)) o = hashing_new(port->wake, port->ctx, &s->hashing);
    if (ok(o)) o = events_open(s);
    if (!ok(o)) {
        service_free(s);
        return o;
    }
    *ret = s;
    return DONE;
}

void service_free(struct service *s)
{
    if (!s) return;
    hashing_free(s->hashing);
    for (size_t i = 0; i < s->n_files; i++) buffer_deinit(&s->files[i].body);
    map_deinit(&s->reading_of);
    for (size_t i = 0; i < sizeof s->crls / sizeof *s->crls; i++) buffer_deinit(&s->crls[i].der);
    mem_free(s->readings);
    mem_free(s);
}
