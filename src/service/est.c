/* Enrolment over EST (RFC 7030, 8951): cacerts for everybody, simpleenroll for whoever holds an invite. */
#include <stdio.h>

#include "service/internal.h"

static outcome base64_body(struct request *q, struct bytes der, const char *type)
{
    char *text = arena_new(&q->arena, 4 * ((der.n + 2) / 3) + 1);
    if (!text) return REFUSE(E_MEMORY);
    base64_of(der, text);
    return answer_text(q, type, bytes_str(text));
}

outcome est_cacerts(struct service *s, struct request *q)
{
    struct buffer der = BUFFER(65536);
    outcome o = x509_pkcs7_from_pem(s->port.ca_chain_pem, &der);
    if (ok(o)) o = base64_body(q, buffer_view(&der), "application/pkcs7-mime; smime-type=certs-only");
    snprintf(q->fields, sizeof q->fields, "Content-Transfer-Encoding: base64\r\n");
    buffer_deinit(&der);
    return o;
}

/* The password of "Authorization: Basic base64(user:password)"; the user does not matter, the token does. */
static outcome basic_password(const struct http_request *r, uint8_t *room, size_t cap, struct bytes *ret)
{
    struct bytes v = http_field(r, "authorization");
    size_t n;
    if (!bytes_starts(v, BYTES_LIT("Basic "))) return REFUSE(E_DENIED);
    TRY(base64_to(bytes_of(v.at + 6, v.n - 6), room, cap, &n));
    const uint8_t *colon = n ? memchr(room, ':', n) : NULL;
    if (!colon) return REFUSE(E_MALFORMED);
    *ret = bytes_of(colon + 1, n - (size_t)(colon + 1 - room));
    return DONE;
}

static outcome register_key(struct service *s, struct request *q, const struct enrolment *e, struct bytes der)
{
    struct x509_facts f;
    struct identity who = { .role = e->invite->role, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED, .has_key = true };
    const struct identity *now = registry_identity(s->port.registry, e->invite->id);
    if (now && now->trust == TRUST_QUARANTINED) who.trust = TRUST_QUARANTINED; /* a fresh certificate releases nobody */
    TRY(x509_facts_der(der, &f));
    snprintf(who.id, sizeof who.id, "%s", e->invite->id);
    snprintf(who.group, sizeof who.group, "%s", e->invite->group);
    snprintf(who.model, sizeof who.model, "%s", e->invite->model);
    memcpy(who.key_hash, f.key_hash, sizeof who.key_hash);
    memcpy(who.serial, f.serial, f.serial_n);
    who.serial_n = (uint8_t)f.serial_n;
    who.not_after_ms = f.not_after_ms;
    if (e->ak_spki.n > sizeof who.ak_spki) return REFUSE(E_TOO_LARGE);
    who.has_ak = e->ak_spki.n > 0;
    if (who.has_ak) memcpy(who.ak_spki, e->ak_spki.at, e->ak_spki.n);
    who.ak_spki_n = e->ak_spki.n;
    struct invite used = *e->invite;
    used.used = true;
    TRY(s->port.write(s->port.ctx, ENTRY_INVITE, registry_doc_invite(&q->arena, &used), false));
    return s->port.write(s->port.ctx, ENTRY_IDENTITY, registry_doc_identity(&q->arena, &who), true);
}

/* The answer that carries a certificate. */
static outcome issued(struct service *s, struct request *q, struct bytes der)
{
    struct buffer pem = BUFFER(16384), p7 = BUFFER(65536);
    outcome o = x509_der_to_pem(der, &pem);
    if (ok(o)) o = x509_pkcs7_from_pem(buffer_view(&pem), &p7);
    if (ok(o)) o = base64_body(q, buffer_view(&p7), "application/pkcs7-mime; smime-type=certs-only");
    snprintf(q->fields, sizeof q->fields, "Content-Transfer-Encoding: base64\r\nSekimori-Site: %s\r\nSekimori-MQTT: %u\r\n",
        s->port.site, s->port.mqtt_port);
    buffer_deinit(&pem);
    buffer_deinit(&p7);
    return o;
}

static outcome enrol(struct service *s, struct request *q, const struct enrolment *e)
{
    struct buffer der = BUFFER(8192);
    outcome o = s->port.certify(s->port.ctx, e->invite->id, buffer_view(&e->spki), &der);
    if (ok(o)) o = issued(s, q, buffer_view(&der));
    if (ok(o)) o = register_key(s, q, e, buffer_view(&der));
    buffer_deinit(&der);
    return o;
}

static outcome token_refused(struct service *s, struct request *q, outcome o)
{
    guess_wrong(s, q->caller->source);
    s->port.refused(s->port.ctx, q->caller->listener, LINK_TOKEN, q->caller->source);
    snprintf(q->fields, sizeof q->fields, "WWW-Authenticate: Basic realm=\"sekimori\"\r\n");
    return answer_problem(q, 401, "SK-1421", o.code == E_CONFLICT ? "invite-used" : o.code == E_EXPIRED ? "invite-expired" : "wrong-token", NULL);
}

outcome est_enroll(struct service *s, struct request *q)
{
    uint8_t room[512];
    struct bytes password;
    struct enrolment e = { .spki = BUFFER(2048), .ak_spki = BUFFER(2048) };
    if (!guess_allowed(s, q->caller->source)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
    outcome o = basic_password(q->http, room, sizeof room, &password);
    if (!ok(o)) return token_refused(s, q, o);
    o = enrol_judge(s->port.registry, password, q->http->body, http_field(q->http, "sekimori-ak"),
        s->port.wall_ms(s->port.ctx), &e);
    bool token = o.code == E_UNKNOWN || o.code == E_CONFLICT || o.code == E_EXPIRED || o.code == E_DENIED;
    if (ok(o)) o = enrol(s, q, &e);
    else if (token) o = token_refused(s, q, o);
    buffer_deinit(&e.spki);
    buffer_deinit(&e.ak_spki);
    return o;
}

/* RFC 8951, 3.2.1 and RFC 7030, 4.5.2: what a request should carry. One attribute: the signature we expect. */
outcome est_csrattrs(struct service *s, struct request *q)
{
    static const uint8_t ecdsa_with_sha256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
    (void)s;
    snprintf(q->fields, sizeof q->fields, "Content-Transfer-Encoding: base64\r\n");
    return base64_body(q, bytes_of(ecdsa_with_sha256, sizeof ecdsa_with_sha256), "application/csrattrs");
}

enum { RENEWED_MS = 60000 }; /* a certificate that would end within this of the last one is not worth an entry */

/* The same identity with its next certificate. Trust, group, keys: all stay as they are. */
static outcome renew(struct service *s, struct request *q, const struct identity *who, struct bytes spki)
{
    struct buffer der = BUFFER(8192);
    struct identity next = *who;
    struct x509_facts f;
    outcome o = s->port.certify(s->port.ctx, who->id, spki, &der);
    if (ok(o)) o = x509_facts_der(buffer_view(&der), &f);
    if (ok(o) && f.not_after_ms - who->not_after_ms < RENEWED_MS) {
        snprintf(q->fields, sizeof q->fields, "Retry-After: %d\r\n", RENEWED_MS / 1000);
        o = answer_problem(q, 429, "SK-1429", "renewed-just-now", NULL);
    } else if (ok(o)) {
        memcpy(next.serial, f.serial, f.serial_n);
        next.serial_n = (uint8_t)f.serial_n;
        next.not_after_ms = f.not_after_ms;
        o = issued(s, q, buffer_view(&der));
        if (ok(o)) o = s->port.write(s->port.ctx, ENTRY_IDENTITY, registry_doc_identity(&q->arena, &next), true);
    }
    buffer_deinit(&der);
    return o;
}

outcome est_reenroll(struct service *s, struct request *q)
{
    const struct identity *who;
    struct buffer spki;
    if (q->caller->kind != CALLER_DEVICE) return answer_problem(q, 401, "SK-1422", "no-certificate-shown", NULL);
    outcome o = enrol_renew_judge(s->port.registry, q->caller->name, q->http->body, &who, &spki);
    if (o.code == E_DENIED) return answer_problem(q, 403, "SK-1423", "another-key-or-name", NULL);
    TRY(o);
    o = renew(s, q, who, buffer_view(&spki));
    buffer_deinit(&spki);
    return o;
}
