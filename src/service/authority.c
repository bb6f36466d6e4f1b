/* Who issues certificates, and what became of those given out: revocation lists (RFC 5280) and OCSP (RFC 6960). What is said
 * is made of the registry's own rows and signed by the seal; of a question only serials and a nonce are taken. Asked by whoever
 * shows a certificate of ours at the enrolment door, or may see the site: a list tells strangers who was thrown out and when. */
#include <stdio.h>

#include "assurance/document.h"
#include "service/internal.h"

enum { FACTS_MAX = 8, FRESH_MS = MS_HOUR, GOOD_MS = MS_DAY, ROWS_MAX = 1 << 16 };

struct issuers { struct x509_facts at[FACTS_MAX]; size_t n; }; /* newest first, without the root */

static MUST outcome issuers_read(const struct service *s, struct issuers *ret)
{
    TRY(x509_facts_all(buffer_view(s->port.ca_chain), ret->at, FACTS_MAX, &ret->n));
    if (ret->n < 2) return REFUSE(E_CONFIG);
    ret->n--;
    return ret->n <= sizeof ((struct service *)0)->crls / sizeof (struct crl) ? DONE : REFUSE(E_CONFIG);
}

/* What an older record does not say is the eldest's. */
static bool is_of(const uint8_t authority[CERTIFICATE_AUTHORITY], const struct issuers *i, size_t which)
{
    static const uint8_t unsaid[CERTIFICATE_AUTHORITY] = { 0 };
    bool silent = memcmp(authority, unsaid, sizeof unsaid) == 0;
    return silent ? which + 1 == i->n : memcmp(authority, i->at[which].key_id, CERTIFICATE_AUTHORITY) == 0;
}

static bool issued_by(const struct certificate *k, const struct issuers *i, size_t which)
{
    return is_of(k->authority, i, which);
}

/* Whose newest certificate is a former issuer's: who would be cut off. list NULL: how many. */
static MUST outcome unmoved(const struct service *s, const struct issuers *i, size_t which, struct arena *a, struct doc *list, uint32_t *ret_n)
{
    size_t n = registry_identities(s->port.registry, NULL, 0);
    const struct identity **all = arena_new(a, (n + 1) * sizeof *all);
    int64_t now = s->port.wall_ms(s->port.ctx);
    *ret_n = 0;
    if (!all) return REFUSE(E_MEMORY);
    n = registry_identities(s->port.registry, all, n);
    for (size_t k = 0; k < n; k++) {
        const struct identity *who = all[k];
        bool acts = who->has_key && who->life == LIFE_ENROLLED && who->trust != TRUST_REVOKED && who->not_after_ms > now;
        if (!acts || !is_of(who->authority, i, which)) continue;
        if (list) doc_add(list, doc_text_new(a, who->id));
        ++*ret_n;
    }
    return DONE;
}

static void status_of(const struct certificate *k, struct x509_status *ret)
{
    *ret = (struct x509_status) { .serial_n = k->serial_n, .state = k->ended_ms ? STATUS_REVOKED : STATUS_GOOD, .reason = (uint8_t)k->reason,
        .at_ms = k->ended_ms };
    memcpy(ret->serial, k->serial, sizeof ret->serial);
}

/* Those of `which` that are not over by their date and ended all the same. rows NULL: how many. */
static size_t ended_rows(const struct service *s, const struct issuers *i, size_t which, int64_t now_ms, struct x509_status *rows)
{
    size_t at = 0, n = 0;
    for (const struct certificate *k; (k = certificates_next(registry_certificates(s->port.registry), &at));) {
        if (!k->ended_ms || k->not_after_ms < now_ms || !issued_by(k, i, which)) continue;
        if (rows) status_of(k, &rows[n]);
        n++;
    }
    return n;
}

static MUST outcome crl_make(struct service *s, const struct issuers *i, size_t which, struct crl *ret)
{
    int64_t now = s->port.wall_ms(s->port.ctx);
    size_t n = ended_rows(s, i, which, now, NULL);
    if (!s->port.certify_status) return REFUSE(E_UNKNOWN);
    if (n > ROWS_MAX) return REFUSE(E_TOO_LARGE);
    struct x509_status *rows = mem_new_array(n + 1, sizeof *rows);
    if (!rows) return REFUSE(E_MEMORY);
    ret->der.n = 0;
    struct x509_report r = { .at_ms = now, .next_ms = now + GOOD_MS, .rows = rows, .n = ended_rows(s, i, which, now, rows) };
    outcome o = s->port.certify_status(s->port.ctx, (unsigned)which, false, &r, &ret->der);
    mem_free(rows);
    TRY(o);
    memcpy(ret->authority, i->at[which].key_id, sizeof ret->authority);
    ret->epoch = registry_epoch(s->port.registry);
    ret->at_ms = now;
    return DONE;
}

/* Made anew with every change of who may, and every hour. */
static MUST outcome crl_take(struct service *s, const struct issuers *i, size_t which, struct bytes *ret)
{
    struct crl *have = &s->crls[which];
    int64_t age = s->port.wall_ms(s->port.ctx) - have->at_ms;
    bool same = have->der.n && memcmp(have->authority, i->at[which].key_id, sizeof have->authority) == 0
        && have->epoch == registry_epoch(s->port.registry) && age < FRESH_MS;
    if (!same) TRY(crl_make(s, i, which, have));
    *ret = buffer_view(&have->der);
    return DONE;
}

static void key_text(const struct x509_facts *f, char ret[17])
{
    hex_of(bytes_of(f->key_id, sizeof f->key_id), ret);
}

/* {} is the issuer's key id; nothing: the one that issues. */
outcome get_crl(struct service *s, struct request *q)
{
    struct issuers i;
    struct bytes der;
    char key[17];
    TRY(issuers_read(s, &i));
    for (size_t which = 0; which < i.n; which++) {
        key_text(&i.at[which], key);
        if (*q->arg[0] && strcmp(q->arg[0], key) != 0) continue;
        TRY(crl_take(s, &i, which, &der));
        return answer_text(q, "application/pkix-crl", der);
    }
    return REFUSE(E_UNKNOWN);
}

/* RFC 6960, 4.2.1: an answer that is none has no signature. */
static outcome ocsp_refused(struct request *q, outcome why)
{
    enum { MALFORMED = 1, INTERNAL = 2, TRY_LATER = 3, UNAUTHORIZED = 6 };
    uint8_t answer[] = { 0x30, 3, 0x0a, 1, TRY_LATER };
    switch (why.code) {
    case E_UNKNOWN: answer[4] = UNAUTHORIZED; break;
    case E_MALFORMED: case E_TOO_LARGE: case E_UNSUPPORTED: answer[4] = MALFORMED; break;
    case E_MEMORY: answer[4] = INTERNAL; break;
    default: break;
    }
    return answer_text(q, "application/ocsp-response", bytes_of(answer, sizeof answer));
}

static MUST outcome ocsp_answer(struct service *s, const struct x509_question *asked, const struct issuers *i, struct buffer *ret)
{
    struct x509_status rows[X509_QUESTIONS];
    int64_t now = s->port.wall_ms(s->port.ctx);
    for (size_t k = 0; k < asked->n; k++) {
        const struct certificate *found = certificates_find(registry_certificates(s->port.registry), bytes_of(asked->rows[k].serial, asked->rows[k].serial_n));
        rows[k] = asked->rows[k];
        rows[k].state = STATUS_UNKNOWN; /* nobody was given this one */
        if (!found || !issued_by(found, i, asked->authority)) continue;
        status_of(found, &rows[k]);
        rows[k].sha256 = asked->rows[k].sha256;
    }
    struct x509_report r = { .at_ms = now, .next_ms = now + FRESH_MS, .rows = rows, .n = asked->n, .nonce = bytes_of(asked->nonce, asked->nonce_n) };
    return s->port.certify_status(s->port.ctx, asked->authority, true, &r, ret);
}

outcome get_ocsp(struct service *s, struct request *q)
{
    struct issuers i;
    struct x509_question asked;
    struct buffer der = BUFFER(16384);
    TRY(issuers_read(s, &i));
    outcome o = s->port.certify_status ? x509_ocsp_read(q->http->body, buffer_view(s->port.ca_chain), &asked) : REFUSE(E_UNKNOWN);
    if (ok(o) && asked.authority >= i.n) o = REFUSE(E_UNKNOWN); /* the root's own are not ours to speak of */
    if (ok(o)) o = ocsp_answer(s, &asked, &i, &der);
    o = ok(o) ? answer_text(q, "application/ocsp-response", buffer_view(&der)) : ocsp_refused(q, o);
    buffer_deinit(&der);
    return o;
}

static outcome no_certificate(struct request *q)
{
    return answer_problem(q, 401, "SK-1422", "no-certificate-shown", NULL);
}

outcome est_crl(struct service *s, struct request *q)
{
    return q->caller->kind == CALLER_DEVICE ? get_crl(s, q) : no_certificate(q);
}

outcome est_ocsp(struct service *s, struct request *q)
{
    return q->caller->kind == CALLER_DEVICE ? get_ocsp(s, q) : no_certificate(q);
}

static MUST outcome authority_doc(struct service *s, struct request *q, const struct issuers *i, size_t which, struct doc *d)
{
    char key[17], until[TIME_TEXT];
    struct bytes der;
    struct buffer pem = BUFFER(1u << 18);
    size_t at = 0, good = 0;
    int64_t now = s->port.wall_ms(s->port.ctx);
    for (const struct certificate *k; (k = certificates_next(registry_certificates(s->port.registry), &at));)
        good += !k->ended_ms && k->not_after_ms > now && issued_by(k, i, which);
    key_text(&i->at[which], key);
    time_text(i->at[which].not_after_ms, until);
    doc_set_text(&q->arena, d, "key", key);
    doc_set_bool(&q->arena, d, "issues", which == 0);
    doc_set_text(&q->arena, d, "until", until);
    doc_set_int(&q->arena, d, "good", (int64_t)good);
    doc_set_int(&q->arena, d, "ended", (int64_t)ended_rows(s, i, which, now, NULL));
    struct doc *left = doc_list(&q->arena);
    uint32_t left_n;
    TRY(unmoved(s, i, which, &q->arena, which ? left : NULL, &left_n));
    doc_set(&q->arena, d, "left", left);
    TRY(crl_take(s, i, which, &der));
    outcome o = x509_pem_of("X509 CRL", der, &pem);
    char *text = ok(o) ? arena_new(&q->arena, pem.n + 1) : NULL;
    if (text) memcpy(text, pem.at, pem.n);
    if (text) doc_set_text(&q->arena, d, "crl", text);
    buffer_deinit(&pem);
    return ok(o) && !text ? REFUSE(E_MEMORY) : o;
}

static outcome say_why(char why[ASSURANCE_WHY], outcome o, const char *text)
{
    snprintf(why, ASSURANCE_WHY, "%s", text);
    return o;
}

static MUST outcome retirement_judge(struct service *s, struct request *q, const struct assurance_signed *d, char why[ASSURANCE_WHY])
{
    struct issuers i;
    char key[17];
    uint32_t left;
    int64_t now = s->port.wall_ms(s->port.ctx);
    TRY(issuers_read(s, &i));
    if (d->at_ms > now + 5 * MS_MINUTE || d->at_ms < now - 7 * MS_DAY) return say_why(why, REFUSE(E_EXPIRED), "signed more than 7 days ago, or ahead of time");
    for (size_t which = 1; which < i.n; which++) {
        key_text(&i.at[which], key);
        if (strcmp(key, doc_text(d->payload, "authority", "")) != 0) continue;
        TRY(unmoved(s, &i, which, &q->arena, NULL, &left));
        return doc_int(d->payload, "left", -1) == left ? DONE : say_why(why, REFUSE(E_CONFLICT), "another number of devices has not moved than the order says");
    }
    return say_why(why, REFUSE(E_UNKNOWN), "no such former CA");
}

/* The asset owner's order. What it orders the machine's own command does then: core cannot touch the keys. */
outcome accept_retirement(struct service *s, struct request *q, char why[ASSURANCE_WHY])
{
    struct assurance_signed d;
    TRY(assurance_verify(s->port.assurance, "retirement", q->http->body, s->port.wall_ms(s->port.ctx), &q->arena, &d, why));
    TRY(retirement_judge(s, q, &d, why));
    struct doc *entry = doc_map(&q->arena), *order = arena_new(&q->arena, sizeof *order);
    if (!order) return REFUSE(E_MEMORY);
    *order = *d.envelope;
    doc_set_text(&q->arena, entry, "what", "authority-retired");
    doc_set_text(&q->arena, entry, "authority", doc_text(d.payload, "authority", ""));
    doc_set(&q->arena, entry, "order", order);
    return s->port.write(s->port.ctx, ENTRY_AUDIT, entry, true);
}

/* [{"key","issues","until","good","ended","left","crl"}], newest first. */
outcome get_authorities(struct service *s, struct request *q)
{
    struct issuers i;
    struct doc *list = doc_list(&q->arena);
    TRY(issuers_read(s, &i));
    for (size_t which = 0; which < i.n; which++) {
        struct doc *d = doc_map(&q->arena);
        TRY(authority_doc(s, q, &i, which, d));
        doc_add(list, d);
    }
    return answer_doc(q, list);
}
