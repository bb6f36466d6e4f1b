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

/* SubjectPublicKeyInfo of an uncompressed P-256 point (RFC 5480). */
static MUST outcome spki_put(const TPMS_ECC_POINT *p, struct buffer *ret)
{
    static const uint8_t head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
        0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
    uint8_t point[64] = { 0 };
    if (p->x.size > 32 || p->y.size > 32) return REFUSE(E_UNSUPPORTED);
    memcpy(point + 32 - p->x.size, p->x.buffer, p->x.size);
    memcpy(point + 64 - p->y.size, p->y.buffer, p->y.size);
    TRY(buffer_put(ret, bytes_of(head, sizeof head)));
    return buffer_put(ret, bytes_of(point, sizeof point));
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
