/* Judges evidence: did this device's own TPM sign these measurements for this nonce, and are they
 * the ones a signed reference expects? Pure; keeps nothing, never talks to a device. */
#include "fleet/appraise.h"

#include "fleet/quote.h"

enum {
    EVIDENCE_MAX = 8192, /* bytes of JSON */
    PCRS = 24,
};

const char *appraisal_word(enum appraisal a)
{
    static const char *const words[] = {
#define X(name, word) [name] = word,
        APPRAISALS(X)
#undef X
    };
    return (size_t)a < sizeof words / sizeof words[0] ? words[a] : "unknown";
}

/* Keeps rows ascending: the order in which a TPM concatenates. */
static MUST outcome reference_put(struct reference *r, uint8_t pcr, const uint8_t value[32])
{
    size_t i = r->n;
    if (r->n == REFERENCE_PCRS_MAX) return REFUSE(E_TOO_LARGE);
    for (; i > 0 && r->rows[i - 1].pcr > pcr; i--) r->rows[i] = r->rows[i - 1];
    if (i > 0 && r->rows[i - 1].pcr == pcr) return REFUSE(E_MALFORMED);
    r->rows[i].pcr = pcr;
    memcpy(r->rows[i].value, value, 32);
    r->n++;
    return DONE;
}

/* "0" .. "23", no leading zero. */
static MUST outcome pcr_parse(const char *text, uint8_t *ret)
{
    unsigned v = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 2 || (n == 2 && text[0] == '0')) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (unsigned)(text[i] - '0');
    }
    if (v >= PCRS) return REFUSE(E_RANGE);
    *ret = (uint8_t)v;
    return DONE;
}

outcome reference_read(const struct doc *d, struct reference *ret)
{
    struct reference r = { 0 };
    const struct doc *pcrs = doc_get(d, "pcrs");
    TRY(bytes_to_text(bytes_str(doc_text(d, "model", "")), r.model, sizeof r.model));
    TRY(bytes_to_text(bytes_str(doc_text(d, "version", "")), r.version, sizeof r.version));
    if (r.model[0] == 0 || r.version[0] == 0) return REFUSE(E_MALFORMED);
    if (pcrs == NULL || pcrs->kind != DOC_MAP || pcrs->first == NULL) return REFUSE(E_MALFORMED);
    for (const struct doc *m = pcrs->first; m != NULL; m = m->next) {
        uint8_t pcr, value[32];
        if (m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
        TRY(pcr_parse(m->key, &pcr));
        TRY(hex_to(bytes_str(m->text), value, sizeof value));
        TRY(reference_put(&r, pcr, value));
    }
    *ret = r;
    return DONE;
}

outcome reference_from_file(const char *path, uint8_t ret_value[32])
{
    static const uint8_t reset[32] = { 0 };
    struct hash file, pcr;
    TRY(hash_sha256_file(path, &file));
    struct bytes parts[] = { { reset, sizeof reset }, hash_view(&file) };
    hash_sha256_parts(parts, 2, &pcr); /* TPM2_PCR_Extend: PCR = H(PCR || digest) */
    memcpy(ret_value, pcr.at, 32);
    return DONE;
}

static uint32_t reference_selection(const struct reference *r)
{
    uint32_t pcrs = 0;
    for (size_t i = 0; i < r->n; i++) pcrs |= UINT32_C(1) << r->rows[i].pcr;
    return pcrs;
}

static bool reference_meets(const struct reference *r, const struct quote *q)
{
    struct bytes parts[REFERENCE_PCRS_MAX];
    struct hash want;
    for (size_t i = 0; i < r->n; i++) parts[i] = bytes_of(r->rows[i].value, 32);
    hash_sha256_parts(parts, r->n, &want);
    return bytes_equal(hash_view(&want), q->pcr_digest);
}

static enum appraisal judge_measurements(const struct quote *q, const struct reference *references,
    size_t n, struct appraised *ret)
{
    enum appraisal result = n == 0 ? APPRAISE_NO_REFERENCE : APPRAISE_SELECTION;
    for (size_t i = 0; i < n; i++) {
        if (references[i].n == 0 || reference_selection(&references[i]) != q->pcrs) continue;
        result = APPRAISE_PCR;
        if (!reference_meets(&references[i], q)) continue;
        memcpy(ret->version, references[i].version, sizeof ret->version);
        return APPRAISE_GOOD;
    }
    return result;
}

/* The two signed parts of the evidence, decoded. */
struct evidence {
    uint8_t attest[1024], signature[256];
    size_t attest_n, signature_n;
};

static MUST outcome evidence_read(struct bytes json, struct evidence *ret)
{
    struct arena arena = ARENA(64u << 10);
    struct doc *d = NULL;
    outcome o = json.n > EVIDENCE_MAX ? REFUSE(E_TOO_LARGE) : doc_read_json(json, &arena, &d);
    if (ok(o)) o = d->kind == DOC_MAP ? DONE : REFUSE(E_MALFORMED);
    if (ok(o))
        o = base64_to(bytes_str(doc_text(d, "quote", "")), ret->attest, sizeof ret->attest, &ret->attest_n);
    if (ok(o))
        o = base64_to(bytes_str(doc_text(d, "signature", "")), ret->signature, sizeof ret->signature,
            &ret->signature_n);
    arena_deinit(&arena);
    return o;
}

/* E_CRYPTO covers a key that cannot be read, too: nothing can have been signed by it. */
static MUST outcome verify(const struct identity *who, struct bytes message, struct bytes der)
{
    struct key *ak = NULL;
    if (!ok(key_read_public_der(bytes_of(who->ak_spki, who->ak_spki_n), &ak))) return REFUSE(E_CRYPTO);
    outcome o = key_verify(ak, message, der);
    key_free(ak);
    return o;
}

static enum appraisal judge(const struct identity *who, struct bytes json, const uint8_t nonce[32],
    struct evidence *e, struct quote *q)
{
    uint8_t der[QUOTE_DER_MAX];
    size_t der_n = 0;
    if (!who->has_ak) return APPRAISE_NO_KEY;
    if (!ok(evidence_read(json, e))) return APPRAISE_MALFORMED;
    struct bytes attest = bytes_of(e->attest, e->attest_n);
    if (!ok(quote_signature_der(bytes_of(e->signature, e->signature_n), der, &der_n)))
        return APPRAISE_MALFORMED;
    outcome o = quote_read(attest, q);
    if (!ok(o) && o.code != E_UNSUPPORTED) return APPRAISE_MALFORMED;
    if (!ok(verify(who, attest, bytes_of(der, der_n)))) return APPRAISE_SIGNATURE;
    if (!ok(o)) return APPRAISE_SELECTION;
    if (!bytes_equal(q->nonce, bytes_of(nonce, 32))) return APPRAISE_NONCE;
    return APPRAISE_GOOD;
}

void appraise(const struct identity *who, struct bytes evidence_json, const uint8_t nonce[32],
    const struct reference *references, size_t n, struct appraised *ret)
{
    struct evidence e = { 0 };
    struct quote q = { 0 };
    struct appraised a = { 0 };
    a.result = judge(who, evidence_json, nonce, &e, &q);
    if (a.result == APPRAISE_GOOD) {
        a.reset_count = q.reset_count;
        a.restart_count = q.restart_count;
        a.clock = q.clock;
        memcpy(a.pcr_digest, q.pcr_digest.at, 32);
        a.result = judge_measurements(&q, references, n, &a);
    }
    *ret = a;
}

void appraise_after(const struct appraised *before, struct appraised *now)
{
    /* outside the endorsement hierarchy the TPM adds a constant of the key (part 1, 36.7): it may wrap */
    bool fell = (int32_t)(now->reset_count - before->reset_count) < 0;
    if (now->result == APPRAISE_GOOD && fell) now->result = APPRAISE_RESET;
}
