#include "device/agent/join.h"

#include "base/port/port.h"
#include "client/line.h"
#include "wire/doc.h"

enum {
    CONNECT_MS = 10000,
    ANSWER_MS = 30000,
    PEM_MAX = 64 << 10,
    CERTIFICATES_MAX = 8,
};

struct joining {
    struct invitation invitation;
    struct tpm *tpm; /* NULL without */
    struct buffer csr, request, ak_spki;
    struct state state;
};

static MUST outcome keys_make(struct joining *j)
{
    TRY(key_new(KEY_P256, &j->state.key));
    TRY(x509_request_make(j->state.key, "device", &j->csr));
    return j->tpm == NULL ? DONE : tpm_ak_new(j->tpm, &j->state.ak, &j->ak_spki);
}

/* Waits for a whole answer; the views in *ret point into the line. */
static MUST outcome answer_wait(struct line *l, struct est_answer *ret)
{
    int64_t until = port_mono_ms() + ANSWER_MS;
    for (;;) {
        outcome o = est_answer_read(buffer_view(&l->in), ret);
        if (o.code != E_SHORT) return o;
        if (l->ended) return REFUSE(E_CLOSED);
        int64_t left = until - port_mono_ms();
        if (left <= 0) return REFUSE(E_TIMEOUT);
        TRY(line_wait(l, false, (int)left));
    }
}

struct issued { /* what a site issued: ours first (its key is our key), then the rest */
    struct buffer chain;
    char name[AGENT_ID_MAX];
    int64_t not_after_ms;
};

/* E_CRYPTO when none is ours. */
static MUST outcome certificates_sort(const struct key *key, struct bytes pem, struct issued *ret)
{
    static const char mark[] = "-----BEGIN CERTIFICATE-----";
    struct hash own;
    struct buffer others = BUFFER(PEM_MAX);
    outcome o = key_id(key, &own);
    bool found = false;
    for (size_t i = 0; ok(o) && i < CERTIFICATES_MAX && pem.n > 0; i++) {
        struct x509_facts f;
        const uint8_t *next = pem.n > sizeof mark ? memmem(pem.at + 1, pem.n - 1, mark, sizeof mark - 1) : NULL;
        struct bytes one = bytes_of(pem.at, next != NULL ? (size_t)(next - pem.at) : pem.n);
        pem = bytes_of(one.at + one.n, pem.n - one.n);
        o = x509_facts_pem(one, &f);
        if (!ok(o)) break;
        bool ours = memcmp(f.key_hash, own.at, 32) == 0;
        if (ours && !found) {
            o = bytes_to_text(bytes_str(f.common_name), ret->name, sizeof ret->name);
            ret->not_after_ms = f.not_after_ms;
        }
        if (ok(o)) o = buffer_put(ours && !found ? &ret->chain : &others, one);
        found |= ours;
    }
    if (ok(o) && (!found || ret->name[0] == 0)) o = REFUSE(E_CRYPTO);
    if (ok(o)) o = buffer_put(&ret->chain, buffer_view(&others));
    buffer_deinit(&others);
    return o;
}

/* A word that may stand in a topic level and in our settings file. */
static bool name_valid(const char *name)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return name[0] != 0 && name[strspn(name, fine)] == 0;
}

/* The caller deinits ret->chain, also after a refusal. */
static MUST outcome issued_read(const struct key *key, struct bytes body, struct issued *ret)
{
    uint8_t *der = mem_new(body.n + 1);
    struct buffer pem = BUFFER(PEM_MAX);
    size_t n = 0;
    if (der == NULL) return REFUSE(E_MEMORY);
    outcome o = base64_to(body, der, body.n + 1, &n);
    if (ok(o)) o = x509_pkcs7_to_pem(bytes_of(der, n), &pem);
    if (ok(o)) o = certificates_sort(key, buffer_view(&pem), ret);
    mem_free(der);
    buffer_deinit(&pem);
    return o;
}

static void issued_take(struct state *s, struct issued *i)
{
    buffer_deinit(&s->certificate);
    s->certificate = i->chain;
    s->not_after_ms = i->not_after_ms;
    i->chain = BUFFER(PEM_MAX);
}

outcome join_certificate_keep(struct state *s, const struct est_answer *a)
{
    struct issued i = { .chain = BUFFER(PEM_MAX) };
    outcome o = issued_read(s->key, a->body, &i);
    if (ok(o) && (strcmp(i.name, s->device) != 0 || i.not_after_ms <= s->not_after_ms)) o = REFUSE(E_CRYPTO);
    if (ok(o)) {
        issued_take(s, &i);
        o = state_store_certificate(s);
    }
    buffer_deinit(&i.chain);
    return o;
}

/* One of the new anchors must be one of the old: so that no single answer can take a device away from its site. */
static MUST outcome anchors_judge(struct bytes old_pem, struct bytes new_pem)
{
    struct x509_facts old[CERTIFICATES_MAX], fresh[CERTIFICATES_MAX];
    size_t n_old, n_fresh;
    TRY(x509_facts_all(old_pem, old, CERTIFICATES_MAX, &n_old));
    TRY(x509_facts_all(new_pem, fresh, CERTIFICATES_MAX, &n_fresh));
    for (size_t i = 0; i < n_old * n_fresh; i++)
        if (memcmp(old[i % n_old].key_hash, fresh[i / n_old].key_hash, sizeof old->key_hash) == 0) return DONE;
    return REFUSE(E_CRYPTO);
}

static MUST outcome anchors_store(struct state *s, struct buffer *pem)
{
    struct tls_context *usable = NULL;
    TRY(anchors_judge(buffer_view(&s->authority), buffer_view(pem)));
    TRY(tls_client_new(buffer_view(pem), NULL, buffer_view(&s->certificate), s->key, &usable));
    tls_context_free(usable);
    struct buffer before = s->authority;
    s->authority = *pem;
    *pem = before;
    outcome o = state_store_authority(s);
    if (ok(o)) return o;
    *pem = s->authority;
    s->authority = before;
    return o;
}

outcome join_anchors_keep(struct state *s, const struct est_answer *a)
{
    uint8_t *der = mem_new(a->body.n + 1);
    struct buffer pem = BUFFER(PEM_MAX);
    size_t n = 0;
    if (der == NULL) return REFUSE(E_MEMORY);
    outcome o = base64_to(a->body, der, a->body.n + 1, &n);
    if (ok(o)) o = x509_pkcs7_to_pem(bytes_of(der, n), &pem);
    if (ok(o) && !bytes_equal(buffer_view(&pem), buffer_view(&s->authority))) o = anchors_store(s, &pem);
    mem_free(der);
    buffer_deinit(&pem);
    return o;
}

static MUST outcome answer_keep(struct joining *j, const struct est_answer *a)
{
    struct issued i = { .chain = BUFFER(PEM_MAX) };
    outcome o = issued_read(j->state.key, a->body, &i);
    if (ok(o)) o = bytes_to_text(bytes_str(i.name), j->state.device, sizeof j->state.device);
    if (ok(o)) issued_take(&j->state, &i);
    buffer_deinit(&i.chain);
    TRY(o);
    if (!name_valid(a->site) || !name_valid(j->state.device)) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(bytes_str(a->site), j->state.site, sizeof j->state.site));
    j->state.mqtt_port = a->mqtt_port != 0 ? a->mqtt_port : 8883;
    j->state.est_port = j->invitation.port;
    return bytes_to_text(bytes_str(j->invitation.host), j->state.host, sizeof j->state.host);
}

/* Credential and seed of the site's answer. */
static MUST outcome question_read(struct bytes json, struct buffer *ret_credential, struct buffer *ret_seed)
{
    struct arena a = ARENA(16384);
    struct doc *d;
    uint8_t raw[1024];
    size_t n = 0;
    outcome o = doc_read_json(json, &a, &d);
    if (ok(o)) o = base64_to(bytes_str(doc_text(d, "credential", "")), raw, sizeof raw, &n);
    if (ok(o)) o = buffer_put(ret_credential, bytes_of(raw, n));
    if (ok(o)) o = base64_to(bytes_str(doc_text(d, "seed", "")), raw, sizeof raw, &n);
    if (ok(o)) o = buffer_put(ret_seed, bytes_of(raw, n));
    arena_deinit(&a);
    return o;
}

static MUST outcome activate(struct joining *j, struct bytes json)
{
    struct buffer credential = BUFFER(1024), seed = BUFFER(1024), secret = BUFFER(64);
    outcome o = question_read(json, &credential, &seed);
    if (ok(o)) o = tpm_activate(j->tpm, buffer_view(&j->state.ak), buffer_view(&credential), buffer_view(&seed), &secret);
    if (ok(o) && secret.n != 32) o = REFUSE(E_MALFORMED);
    if (ok(o)) base64_of(buffer_view(&secret), j->invitation.secret);
    buffer_wipe(&secret);
    buffer_deinit(&credential);
    buffer_deinit(&seed);
    return o;
}

/* TPM2B_PUBLIC stands first in the blob. */
static struct bytes ak_public(struct bytes blob)
{
    struct bytes rest = blob, area;
    return ok(take_field16(&rest, &area)) ? bytes_of(blob.at, blob.n - rest.n) : BYTES_NONE;
}

/* A device with an endorsed TPM proves it first. A site that trusts no maker (404) takes it as it takes one without. */
static MUST outcome endorse(struct joining *j, struct line *l, struct bytes certificate)
{
    struct est_answer a;
    struct buffer request = BUFFER(PEM_MAX);
    outcome o = est_endorse_write(&j->invitation, certificate, ak_public(buffer_view(&j->state.ak)), &request);
    if (ok(o)) o = line_send(l, buffer_view(&request));
    buffer_wipe(&request);
    if (ok(o)) o = answer_wait(l, &a);
    TRY(o);
    if (a.status != 404) {
        TRY(est_status_outcome(a.status));
        TRY(activate(j, a.body));
    }
    buffer_drop(&l->in, a.total);
    return DONE;
}

static MUST outcome endorse_if_there(struct joining *j, struct line *l)
{
    struct buffer certificate = BUFFER(8192);
    if (j->tpm == NULL) return DONE;
    outcome o = tpm_ek_certificate(j->tpm, &certificate);
    if (ok(o)) o = endorse(j, l, buffer_view(&certificate));
    else if (o.code == E_MISSING) o = DONE; /* what is missing lowers the grade, it does not refuse */
    buffer_deinit(&certificate);
    return o;
}

static MUST outcome exchange_certificates(struct joining *j, struct line *l)
{
    struct est_answer a;
    outcome up = line_wait(l, true, CONNECT_MS);
    if (up.code == E_DENIED) return REFUSE(E_CRYPTO); /* we refused them: not the authority the invite names */
    TRY(up);
    TRY(tls_peer_chain_pem(l->tls, &j->state.authority));
    TRY(endorse_if_there(j, l));
    TRY(est_request_write(&j->invitation, buffer_view(&j->csr), buffer_view(&j->ak_spki), &j->request));
    TRY(line_send(l, buffer_view(&j->request)));
    TRY(answer_wait(l, &a));
    TRY(est_status_outcome(a.status));
    return answer_keep(j, &a);
}

static MUST outcome enrol(struct joining *j)
{
    struct tls_context *tls = NULL;
    struct line l = { .state = LINE_CLOSED, .fd = -1 };
    TRY(tls_client_new(BYTES_NONE, &j->invitation.ca_key_hash, BYTES_NONE, NULL, &tls));
    outcome o = line_open(&l, tls, j->invitation.host, j->invitation.port);
    if (ok(o)) o = exchange_certificates(j, &l);
    line_close(&l);
    tls_context_free(tls);
    return o;
}

outcome join_site(const char *url, const char *dir, struct tpm *t, const char *tcti)
{
    struct joining j = { .tpm = t, .csr = BUFFER(8192), .request = BUFFER(PEM_MAX), .ak_spki = BUFFER(512),
        .state = { .certificate = BUFFER(PEM_MAX), .authority = BUFFER(PEM_MAX), .ak = BUFFER(8192) } };
    if (state_exists(dir)) return REFUSE(E_CONFLICT);
    TRY(bytes_to_text(bytes_str(dir), j.state.dir, sizeof j.state.dir));
    if (t != NULL) TRY(bytes_to_text(bytes_str(tcti), j.state.tcti, sizeof j.state.tcti));
    if (!ok(invitation_read(bytes_str(url), &j.invitation))) return REFUSE(E_USAGE);
    outcome o = keys_make(&j);
    if (ok(o)) o = enrol(&j);
    if (ok(o)) o = state_store(&j.state);
    explicit_bzero(&j.invitation, sizeof j.invitation);
    buffer_wipe(&j.request);
    buffer_deinit(&j.csr);
    buffer_deinit(&j.ak_spki);
    state_free(&j.state);
    return o;
}
