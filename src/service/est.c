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
    outcome o = x509_pkcs7_from_pem(buffer_view(s->port.ca_chain), &der);
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

/* Before it is enrolled: no moment in which it is online and its checklist not asked for. */
static MUST outcome checklist_begins(struct service *s, struct request *q, const struct identity *who)
{
    const struct checklist *c = checklist_of(s->port.checklists, who->id);
    if (!s->port.checklists || !s->port.checklists->asked[who->role] || (c && c->held)) return DONE;
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "what", "begin");
    doc_set_text(&q->arena, d, "subject", who->id);
    doc_set_text(&q->arena, d, "role", role_word(who->role));
    return s->port.write(s->port.ctx, ENTRY_CHECKLIST, d, false);
}

static outcome register_key(struct service *s, struct request *q, const struct enrolment *e, const struct endorsement *by, struct bytes der)
{
    struct x509_facts f;
    struct identity who = { .role = e->invite->role, .life = LIFE_ENROLLED, .trust = TRUST_UNATTESTED, .has_key = true };
    const struct identity *now = registry_identity(s->port.registry, e->invite->id);
    if (now && now->trust == TRUST_QUARANTINED) who.trust = TRUST_QUARANTINED; /* a fresh certificate releases nobody */
    TRY(x509_facts_der(der, &f));
    snprintf(who.id, sizeof who.id, "%s", e->invite->id);
    snprintf(who.group, sizeof who.group, "%s", e->invite->group);
    snprintf(who.model, sizeof who.model, "%s", e->invite->model);
    snprintf(who.person, sizeof who.person, "%s", e->invite->person[0] || !now ? e->invite->person : now->person);
    memcpy(who.key_hash, f.key_hash, sizeof who.key_hash);
    memcpy(who.serial, f.serial, f.serial_n);
    who.serial_n = (uint8_t)f.serial_n;
    who.not_after_ms = f.not_after_ms;
    memcpy(who.authority, f.by_key_id, sizeof who.authority);
    if (e->ak_spki.n > sizeof who.ak_spki) return REFUSE(E_TOO_LARGE);
    who.has_ak = e->ak_spki.n > 0;
    if (who.has_ak) memcpy(who.ak_spki, e->ak_spki.at, e->ak_spki.n);
    who.ak_spki_n = e->ak_spki.n;
    who.has_ek = by != NULL;
    if (by) memcpy(who.ek_hash, by->key_hash, sizeof who.ek_hash);
    if (by) memcpy(who.maker, by->maker, sizeof who.maker);
    struct invite used = *e->invite;
    used.used = true;
    TRY(checklist_begins(s, q, &who));
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

static outcome enrol(struct service *s, struct request *q, const struct enrolment *e, const struct endorsement *by)
{
    struct buffer der = BUFFER(8192);
    outcome o = s->port.certify(s->port.ctx, e->invite->id, buffer_view(&e->spki), &der);
    if (ok(o)) o = issued(s, q, buffer_view(&der));
    if (ok(o)) o = register_key(s, q, e, by, buffer_view(&der));
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

/* A TPM with a proved endorsement that another device of ours already has is a copy, whoever asks. */
static bool of_another(const struct service *s, const struct endorsement *by, const char *id)
{
    const struct identity *holder = registry_by_ek(s->port.registry, by->key_hash);
    return holder && strcmp(holder->id, id) != 0;
}

/* The pre-step: certificate and key in, a secret for that TPM and that key out. */
static outcome endorse_answer_doc(struct request *q, struct bytes credential, struct bytes seed)
{
    struct doc *d = doc_map(&q->arena);
    char *c = arena_new(&q->arena, 4 * ((credential.n + 2) / 3) + 1), *k = arena_new(&q->arena, 4 * ((seed.n + 2) / 3) + 1);
    if (!c || !k) return REFUSE(E_MEMORY);
    base64_of(credential, c);
    base64_of(seed, k);
    doc_set_text(&q->arena, d, "credential", c);
    doc_set_text(&q->arena, d, "seed", k);
    return answer_doc(q, d);
}

static outcome endorse_read(struct request *q, uint8_t *room, size_t cap, struct endorse_asked *ret)
{
    struct doc *d;
    size_t n = 0;
    TRY(doc_read_json(q->http->body, &q->arena, &d));
    TRY(base64_to(bytes_str(doc_text(d, "certificate", "")), room, cap, &n));
    ret->certificate = bytes_of(room, n);
    room += n;
    cap -= n;
    TRY(base64_to(bytes_str(doc_text(d, "ak", "")), room, cap, &n));
    ret->ak = bytes_of(room, n);
    return DONE;
}

static outcome endorse_step(struct service *s, struct request *q, const struct invite *v)
{
    uint8_t room[ENDORSEMENT_CERTIFICATE_MAX + 1024];
    struct endorse_asked ask = { .token_hash = v->token_hash, .roots_pem = s->port.tpm_roots_pem };
    struct buffer credential = BUFFER(1024), seed = BUFFER(1024);
    if (s->port.tpm_roots_pem.n == 0) return answer_problem(q, 404, "SK-1424", "no-tpm-makers-trusted", NULL);
    TRY(endorse_read(q, room, sizeof room, &ask));
    outcome o = endorse_ask(&s->endorse, &ask, s->port.mono_ms(s->port.ctx), &credential, &seed);
    if (o.code == E_DENIED) o = answer_problem(q, 403, "SK-1425", "not-genuine-hardware", NULL);
    else if (ok(o)) o = endorse_answer_doc(q, buffer_view(&credential), buffer_view(&seed));
    buffer_deinit(&credential);
    buffer_deinit(&seed);
    return o;
}

outcome est_endorse(struct service *s, struct request *q)
{
    uint8_t room[512];
    struct bytes password;
    const struct invite *v;
    if (!guess_allowed(s, q->caller->source)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
    outcome o = basic_password(q->http, room, sizeof room, &password);
    if (ok(o)) o = enrol_invite(s->port.registry, password, s->port.wall_ms(s->port.ctx), &v);
    if (!ok(o)) return token_refused(s, q, o);
    o = endorse_step(s, q, v);
    if (q->status == 403) s->port.refused(s->port.ctx, q->caller->listener, LINK_HARDWARE, q->caller->source);
    return o;
}

/* What the secret behind the token proves; the attestation key is then the one it was wrapped for. */
static outcome proved(struct service *s, struct enrolment *e, struct bytes secret, struct endorsed *ret)
{
    uint8_t raw[48];
    size_t n = 0;
    if (!ok(base64_to(secret, raw, sizeof raw, &n))) return REFUSE(E_DENIED);
    TRY(endorse_answer(&s->endorse, e->invite->token_hash, bytes_of(raw, n), s->port.mono_ms(s->port.ctx), ret));
    e->ak_spki.n = 0;
    return buffer_put(&e->ak_spki, bytes_of(ret->ak.spki, sizeof ret->ak.spki));
}

static outcome enrol_proved(struct service *s, struct request *q, struct enrolment *e, struct bytes secret)
{
    struct endorsed what;
    if (secret.n == 0) return enrol(s, q, e, NULL);
    if (!ok(proved(s, e, secret, &what))) return answer_problem(q, 403, "SK-1425", "not-genuine-hardware", NULL);
    if (of_another(s, &what.by, e->invite->id)) return answer_problem(q, 409, "SK-1426", "hardware-of-another-device", NULL);
    return enrol(s, q, e, &what.by);
}

outcome est_enroll(struct service *s, struct request *q)
{
    uint8_t room[512];
    struct bytes password, token, secret;
    struct enrolment e = { .spki = BUFFER(2048), .ak_spki = BUFFER(2048) };
    if (!guess_allowed(s, q->caller->source)) return answer_problem(q, 429, "SK-1429", "too-many-guesses", NULL);
    outcome o = basic_password(q->http, room, sizeof room, &password);
    if (!ok(o)) return token_refused(s, q, o);
    enrol_password(password, &token, &secret);
    o = enrol_judge(s->port.registry, token, q->http->body, secret.n ? BYTES_NONE : http_field(q->http, "sekimori-ak"),
        s->port.wall_ms(s->port.ctx), &e);
    bool wrong = o.code == E_UNKNOWN || o.code == E_CONFLICT || o.code == E_EXPIRED || o.code == E_DENIED;
    if (ok(o)) o = enrol_proved(s, q, &e, secret);
    else if (wrong) o = token_refused(s, q, o);
    if (q->status == 403 || q->status == 409) s->port.refused(s->port.ctx, q->caller->listener, LINK_HARDWARE, q->caller->source);
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

/* Whoever renews again and again fills the list of what would have to be revoked: a bound for each. */
static bool has_enough(const struct service *s, const char *id)
{
    return certificates_good(registry_certificates(s->port.registry), id, s->port.wall_ms(s->port.ctx)) >= CERTIFICATES_EACH;
}

enum { RENEWED_MS = 60000 }; /* a certificate that would end within this of the last one is not worth an entry */

/* The same identity with its next certificate. Trust, group, keys: all stay as they are. */
static outcome renew(struct service *s, struct request *q, const struct identity *who, struct bytes spki)
{
    struct buffer der = BUFFER(8192);
    struct identity next = *who;
    struct x509_facts f;
    if (has_enough(s, who->id)) return answer_problem(q, 429, "SK-1429", "too-many-certificates", NULL);
    outcome o = s->port.certify(s->port.ctx, who->id, spki, &der);
    if (ok(o)) o = x509_facts_der(buffer_view(&der), &f);
    if (ok(o) && f.not_after_ms - who->not_after_ms < RENEWED_MS && memcmp(f.by_key_id, who->authority, sizeof f.by_key_id) == 0) {
        snprintf(q->fields, sizeof q->fields, "Retry-After: %d\r\n", RENEWED_MS / 1000);
        o = answer_problem(q, 429, "SK-1429", "renewed-just-now", NULL);
    } else if (ok(o)) {
        memcpy(next.serial, f.serial, f.serial_n);
        next.serial_n = (uint8_t)f.serial_n;
        next.not_after_ms = f.not_after_ms;
        memcpy(next.authority, f.by_key_id, sizeof next.authority);
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
