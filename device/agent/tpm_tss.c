/* The TPM through ESAPI. Every call leaves the TPM's transient slots (three in a plain TPM) as it
 * found them, but for the primary, which lives from first use to tpm_close. */
#include "device/agent/tpm.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "crypto/sign.h"

struct tpm {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR primary; /* ESYS_TR_NONE until needed */
};

enum { LEFTOVERS_MAX = 16 };
#define TRANSIENT_FIRST UINT32_C(0x80000000) /* the header's own shifts into a sign bit */

static MUST outcome answer(TSS2_RC rc)
{
    return rc == TSS2_RC_SUCCESS ? DONE : REFUSE_SYS(E_IO, (int)rc);
}

/* A TPM without resource manager keeps what a killed user loaded: three of those and it is full. */
static void flush_leftovers(ESYS_CONTEXT *e)
{
    TPMS_CAPABILITY_DATA *found = NULL;
    TPMI_YES_NO more;
    TSS2_RC rc = Esys_GetCapability(e, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
        TRANSIENT_FIRST, LEFTOVERS_MAX, &more, &found);
    if (rc != TSS2_RC_SUCCESS) return; /* not started yet */
    for (uint32_t i = 0; i < found->data.handles.count && i < LEFTOVERS_MAX; i++) {
        ESYS_TR object;
        rc = Esys_TR_FromTPMPublic(e, found->data.handles.handle[i], ESYS_TR_NONE, ESYS_TR_NONE,
            ESYS_TR_NONE, &object);
        if (rc == TSS2_RC_SUCCESS && Esys_FlushContext(e, object) != TSS2_RC_SUCCESS) break;
    }
    Esys_Free(found);
}

outcome tpm_open(const char *tcti, struct tpm **ret)
{
    struct tpm *t = mem_new(sizeof *t);
    if (t == NULL) return REFUSE(E_MEMORY);
    t->primary = ESYS_TR_NONE;
    setenv("TSS2_LOG", "all+NONE", 0); /* libraries never log */
    TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &t->tcti);
    if (rc == TSS2_RC_SUCCESS) rc = Esys_Initialize(&t->esys, t->tcti, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        if (t->tcti != NULL) Tss2_TctiLdr_Finalize(&t->tcti);
        mem_free(t);
        return REFUSE_SYS(E_IO, (int)rc);
    }
    flush_leftovers(t->esys);
    *ret = t;
    return DONE;
}

void tpm_close(struct tpm *t)
{
    if (t == NULL) return;
    if (t->primary != ESYS_TR_NONE) Esys_FlushContext(t->esys, t->primary);
    Esys_Finalize(&t->esys);
    Tss2_TctiLdr_Finalize(&t->tcti);
    mem_free(t);
}

outcome tpm_start(struct tpm *t)
{
    TSS2_RC rc = Esys_Startup(t->esys, TPM2_SU_CLEAR);
    return rc == TPM2_RC_INITIALIZE ? DONE : answer(rc);
}

static TPML_PCR_SELECTION selection_of(uint32_t pcrs)
{
    TPML_PCR_SELECTION s = { .count = 1 };
    s.pcrSelections[0].hash = TPM2_ALG_SHA256;
    s.pcrSelections[0].sizeofSelect = 3;
    for (int i = 0; i < 3; i++) s.pcrSelections[0].pcrSelect[i] = (uint8_t)(pcrs >> (8 * i));
    return s;
}

outcome tpm_pcr_read(struct tpm *t, uint8_t pcr, uint8_t ret[32])
{
    TPML_PCR_SELECTION want = selection_of(UINT32_C(1) << pcr), *got = NULL;
    TPML_DIGEST *values = NULL;
    uint32_t counter;
    TRY(answer(Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want, &counter, &got,
        &values)));
    bool good = values->count == 1 && values->digests[0].size == 32;
    if (good) memcpy(ret, values->digests[0].buffer, 32);
    Esys_Free(got);
    Esys_Free(values);
    return good ? DONE : REFUSE(E_UNSUPPORTED); /* no SHA-256 bank */
}

outcome tpm_pcr_extend(struct tpm *t, uint8_t pcr, const uint8_t digest[32])
{
    TPML_DIGEST_VALUES v = { .count = 1 };
    v.digests[0].hashAlg = TPM2_ALG_SHA256;
    memcpy(v.digests[0].digest.sha256, digest, 32);
    return answer(Esys_PCR_Extend(t->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
        ESYS_TR_NONE, &v));
}

/* Same seed and template, same primary: nothing about it needs keeping. */
static const TPM2B_PUBLIC primary_template = {
    .publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_NODA,
        .parameters.eccDetail = {
            .symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
            .scheme.scheme = TPM2_ALG_NULL,
            .curveID = TPM2_ECC_NIST_P256,
            .kdf.scheme = TPM2_ALG_NULL,
        },
    },
};
/* Restricted: signs only what the TPM itself made, so a quote cannot be imitated with it. */
static const TPM2B_PUBLIC ak_template = {
    .publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA,
        .parameters.eccDetail = {
            .symmetric.algorithm = TPM2_ALG_NULL,
            .scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
            .curveID = TPM2_ECC_NIST_P256,
            .kdf.scheme = TPM2_ALG_NULL,
        },
    },
};

static MUST outcome primary_need(struct tpm *t)
{
    TPM2B_SENSITIVE_CREATE sensitive = { 0 };
    TPM2B_DATA outside = { 0 };
    TPML_PCR_SELECTION no_pcr = { 0 };
    if (t->primary != ESYS_TR_NONE) return DONE;
    return answer(Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
        ESYS_TR_NONE, &sensitive, &primary_template, &outside, &no_pcr, &t->primary, NULL, NULL, NULL, NULL));
}

static MUST outcome spki_put(const TPMS_ECC_POINT *p, struct buffer *ret)
{
    uint8_t spki[KEY_P256_SPKI];
    if (!ok(key_p256_spki(bytes_of(p->x.buffer, p->x.size), bytes_of(p->y.buffer, p->y.size), spki))) return REFUSE(E_UNSUPPORTED);
    return buffer_put(ret, bytes_of(spki, sizeof spki));
}

static MUST outcome blob_put(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, struct buffer *ret)
{
    uint8_t raw[sizeof *public + sizeof *private];
    size_t n = 0;
    TRY(answer(Tss2_MU_TPM2B_PUBLIC_Marshal(public, raw, sizeof raw, &n)));
    TRY(answer(Tss2_MU_TPM2B_PRIVATE_Marshal(private, raw, sizeof raw, &n)));
    return buffer_put(ret, bytes_of(raw, n));
}

outcome tpm_ak_new(struct tpm *t, struct buffer *ret_blob, struct buffer *ret_spki)
{
    TPM2B_SENSITIVE_CREATE sensitive = { 0 };
    TPM2B_DATA outside = { 0 };
    TPML_PCR_SELECTION no_pcr = { 0 };
    TPM2B_PRIVATE *private = NULL;
    TPM2B_PUBLIC *public = NULL;
    TRY(primary_need(t));
    TRY(answer(Esys_Create(t->esys, t->primary, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
        &ak_template, &outside, &no_pcr, &private, &public, NULL, NULL, NULL)));
    outcome o = blob_put(public, private, ret_blob);
    if (ok(o)) o = spki_put(&public->publicArea.unique.ecc, ret_spki);
    Esys_Free(public);
    Esys_Free(private);
    return o;
}

static MUST outcome ak_load(struct tpm *t, struct bytes blob, ESYS_TR *ret)
{
    TPM2B_PUBLIC public = { 0 };
    TPM2B_PRIVATE private = { 0 };
    size_t at = 0;
    TRY(answer(Tss2_MU_TPM2B_PUBLIC_Unmarshal(blob.at, blob.n, &at, &public)));
    TRY(answer(Tss2_MU_TPM2B_PRIVATE_Unmarshal(blob.at, blob.n, &at, &private)));
    TRY(primary_need(t));
    return answer(Esys_Load(t->esys, t->primary, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private,
        &public, ret));
}

outcome tpm_quote(struct tpm *t, struct bytes ak_blob, const uint8_t nonce[32], uint32_t pcrs,
    struct buffer *ret_attest, struct buffer *ret_signature)
{
    TPM2B_DATA qualifying = { .size = 32 };
    TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL }; /* the key's own */
    TPML_PCR_SELECTION want = selection_of(pcrs);
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    ESYS_TR ak;
    memcpy(qualifying.buffer, nonce, 32);
    TRY(ak_load(t, ak_blob, &ak));
    TSS2_RC rc = Esys_Quote(t->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &qualifying, &scheme,
        &want, &attest, &signature);
    Esys_FlushContext(t->esys, ak);
    TRY(answer(rc));
    uint8_t raw[sizeof *signature];
    size_t n = 0;
    outcome o = answer(Tss2_MU_TPMT_SIGNATURE_Marshal(signature, raw, sizeof raw, &n));
    if (ok(o)) o = buffer_put(ret_signature, bytes_of(raw, n));
    if (ok(o)) o = buffer_put(ret_attest, bytes_of(attest->attestationData, attest->size));
    Esys_Free(attest);
    Esys_Free(signature);
    return o;
}

/* The endorsement keys a maker certifies, best first (TCG EK Credential Profile 2.5, 2.2.1 and B). Their templates are
 * fixed: the TPM makes the certified key again from its seed. */
static const TPM2B_PUBLIC ek_p384 = { /* H-3 */
    .publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA384,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
        .authPolicy = { .size = 48, .buffer = { 0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5,
            0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca,
            0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12 } },
        .parameters.eccDetail = {
            .symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 256, .mode.aes = TPM2_ALG_CFB },
            .scheme.scheme = TPM2_ALG_NULL,
            .curveID = TPM2_ECC_NIST_P384,
            .kdf.scheme = TPM2_ALG_NULL,
        },
    },
};
static const TPM2B_PUBLIC ek_rsa = { /* L-1 */
    .publicArea = {
        .type = TPM2_ALG_RSA,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN
            | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
        .authPolicy = { .size = 32, .buffer = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46,
            0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa } },
        .parameters.rsaDetail = {
            .symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
            .scheme.scheme = TPM2_ALG_NULL,
            .keyBits = 2048,
        },
        .unique.rsa.size = 256,
    },
};
static const struct ek {
    uint32_t index; /* NV, of the certificate */
    bool by_policy; /* used by PolicySecret of the endorsement hierarchy */
    const TPM2B_PUBLIC *template;
} eks[] = { { 0x01c00016, false, &ek_p384 }, { 0x01c00002, true, &ek_rsa } };

static MUST outcome nv_read(struct tpm *t, uint32_t index, struct buffer *ret)
{
    ESYS_TR nv;
    TPM2B_NV_PUBLIC *public = NULL;
    if (Esys_TR_FromTPMPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv) != TSS2_RC_SUCCESS)
        return REFUSE(E_MISSING);
    outcome o = answer(Esys_NV_ReadPublic(t->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL));
    uint16_t size = ok(o) ? public->nvPublic.dataSize : 0;
    Esys_Free(public);
    for (uint16_t at = 0; ok(o) && at < size;) {
        TPM2B_MAX_NV_BUFFER *part = NULL;
        uint16_t n = size - at > 512 ? 512 : (uint16_t)(size - at);
        o = answer(Esys_NV_Read(t->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, n, at, &part));
        if (ok(o)) o = part->size == 0 ? REFUSE(E_MALFORMED) : buffer_put(ret, bytes_of(part->buffer, part->size));
        if (ok(o)) at = (uint16_t)(at + part->size);
        Esys_Free(part);
    }
    Esys_TR_Close(t->esys, &nv);
    return o;
}

/* What stands behind the certificate (some makers fill the index up) is not part of it. */
static void der_cut(struct buffer *b)
{
    size_t whole = b->n > 4 && b->at[0] == 0x30 && b->at[1] == 0x82 ? 4u + ((size_t)b->at[2] << 8 | b->at[3]) : b->n;
    if (whole < b->n) b->n = whole;
}

outcome tpm_ek_certificate(struct tpm *t, struct buffer *ret_der)
{
    for (size_t i = 0; i < sizeof eks / sizeof eks[0]; i++) {
        ret_der->n = 0;
        outcome o = nv_read(t, eks[i].index, ret_der);
        if (o.code == E_MISSING) continue;
        der_cut(ret_der);
        return o;
    }
    return REFUSE(E_MISSING);
}

/* The one the certificate of tpm_ek_certificate is for. */
static MUST outcome ek_of(struct tpm *t, const struct ek **ret)
{
    for (size_t i = 0; i < sizeof eks / sizeof eks[0]; i++) {
        ESYS_TR nv;
        if (Esys_TR_FromTPMPublic(t->esys, eks[i].index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv) != TSS2_RC_SUCCESS) continue;
        Esys_TR_Close(t->esys, &nv);
        *ret = &eks[i];
        return DONE;
    }
    return REFUSE(E_MISSING);
}

static MUST outcome ek_session(struct tpm *t, const struct ek *e, ESYS_TR *ret)
{
    static const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
    *ret = ESYS_TR_PASSWORD;
    if (!e->by_policy) return DONE;
    TRY(answer(Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
        TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, ret)));
    return answer(Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *ret, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL,
        NULL, 0, NULL, NULL));
}

struct activation {
    ESYS_TR ak, ek, session;
    TPM2B_ID_OBJECT credential;
    TPM2B_ENCRYPTED_SECRET seed;
};

static MUST outcome activation_read(struct bytes credential, struct bytes seed, struct activation *a)
{
    size_t at = 0, also = 0;
    TRY(answer(Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential.at, credential.n, &at, &a->credential)));
    TRY(answer(Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(seed.at, seed.n, &also, &a->seed)));
    return at == credential.n && also == seed.n ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome activation_run(struct tpm *t, struct activation *a, struct bytes ak_blob, struct buffer *ret_secret)
{
    const struct ek *e;
    TPM2B_SENSITIVE_CREATE sensitive = { 0 };
    TPM2B_DATA outside = { 0 };
    TPML_PCR_SELECTION no_pcr = { 0 };
    TPM2B_DIGEST *secret = NULL;
    TRY(ek_of(t, &e));
    TRY(ak_load(t, ak_blob, &a->ak));
    TRY(answer(Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
        e->template, &outside, &no_pcr, &a->ek, NULL, NULL, NULL, NULL)));
    TRY(ek_session(t, e, &a->session));
    TRY(answer(Esys_ActivateCredential(t->esys, a->ak, a->ek, ESYS_TR_PASSWORD, a->session, ESYS_TR_NONE, &a->credential, &a->seed,
        &secret)));
    outcome o = buffer_put(ret_secret, bytes_of(secret->buffer, secret->size));
    explicit_bzero(secret, sizeof *secret);
    Esys_Free(secret);
    return o;
}

outcome tpm_activate(struct tpm *t, struct bytes ak_blob, struct bytes credential, struct bytes seed, struct buffer *ret_secret)
{
    struct activation a = { .ak = ESYS_TR_NONE, .ek = ESYS_TR_NONE, .session = ESYS_TR_PASSWORD };
    TRY(activation_read(credential, seed, &a));
    outcome o = activation_run(t, &a, ak_blob, ret_secret);
    if (a.session != ESYS_TR_PASSWORD) Esys_FlushContext(t->esys, a.session);
    if (a.ek != ESYS_TR_NONE) Esys_FlushContext(t->esys, a.ek);
    if (a.ak != ESYS_TR_NONE) Esys_FlushContext(t->esys, a.ak);
    return o;
}

/* swtpm's control channel listens one port above: CMD_INIT (2) with no flags starts it afresh. */
outcome tpm_power_cycle(const char *tcti)
{
    char host[64];
    unsigned port;
    if (sscanf(tcti, "swtpm:host=%63[0-9.],port=%u", host, &port) != 2 || port >= 65535)
        return REFUSE(E_UNSUPPORTED);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(port + 1)) };
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) return REFUSE(E_UNSUPPORTED);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return REFUSE(E_IO);
    static const uint8_t init[8] = { 0, 0, 0, 2, 0, 0, 0, 0 };
    uint8_t result[4] = { 0xff };
    struct timeval patience = { .tv_sec = 5 };
    bool good = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0
        && connect(fd, (struct sockaddr *)&to, sizeof to) == 0
        && send(fd, init, sizeof init, MSG_NOSIGNAL) == (ssize_t)sizeof init
        && recv(fd, result, sizeof result, MSG_WAITALL) == (ssize_t)sizeof result
        && memcmp(result, (uint8_t[4]) { 0 }, 4) == 0;
    close(fd);
    return good ? DONE : REFUSE(E_IO);
}
