#include "crypto/tls_far_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>

#include "crypto/tls_content.h"

#define FAR_NAME "sekimori"
#define FAR_SIGNATURE "SEKIMORI-FAR" /* a name no other provider has: nobody else is asked to sign */
#define FAR_SIGNER "sekimori-signer"
#define POINT_BYTES 33
#define SIGNATURE_BYTES_MAX 72

struct far_key {
    bool has_point;
    uint8_t point[POINT_BYTES]; /* compressed (SEC 1, 2.3.3) */
    struct tls_signer signer;   /* .sign NULL: can only be compared */
};

struct far_signing {
    const struct far_key *key;
};

/* --- key management --- */

static void *far_new(void *provider)
{
    (void)provider;
    return mem_new(sizeof(struct far_key));
}

static void far_free(void *key)
{
    mem_free(key);
}

static int far_has(const void *key, int selection)
{
    const struct far_key *k = key;
    if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) return 0;
    return k && (!(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) || k->has_point);
}

static int far_match(const void *a, const void *b, int selection)
{
    const struct far_key *ka = a, *kb = b;
    if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR)) return 1; /* one curve only */
    return ka->has_point && kb->has_point && memcmp(ka->point, kb->point, POINT_BYTES) == 0;
}

/* Both forms of a point become the compressed one. */
static bool far_point(const uint8_t *from, size_t n, uint8_t to[POINT_BYTES])
{
    bool whole = n == 2 * POINT_BYTES - 1 && from[0] == 4;
    if (!whole && !(n == POINT_BYTES && (from[0] == 2 || from[0] == 3))) return false;
    memcpy(to, from, POINT_BYTES);
    if (whole) to[0] = (uint8_t)(2 | (from[n - 1] & 1));
    return true;
}

static int far_import(void *key, int selection, const OSSL_PARAM params[])
{
    struct far_key *k = key;
    const void *at = NULL;
    size_t n = 0;
    char curve[32], *text = curve;
    (void)selection;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    if (!p || OSSL_PARAM_get_utf8_string(p, &text, sizeof curve) != 1) return 0;
    if (strcmp(curve, SN_X9_62_prime256v1) != 0) return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    if (!p || OSSL_PARAM_get_octet_string_ptr(p, &at, &n) != 1 || !far_point(at, n, k->point)) return 0;
    k->has_point = true;
    p = OSSL_PARAM_locate_const(params, FAR_SIGNER);
    if (!p) return 1;
    if (OSSL_PARAM_get_octet_string_ptr(p, &at, &n) != 1 || n != sizeof k->signer) return 0;
    memcpy(&k->signer, at, n);
    return 1;
}

static int far_export(void *key, int selection, OSSL_CALLBACK *callback, void *ctx)
{
    struct far_key *k = key;
    (void)selection;
    if (!k->has_point) return 0;
    char curve[] = SN_X9_62_prime256v1;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, k->point, POINT_BYTES),
        OSSL_PARAM_construct_end(),
    };
    return callback(params, ctx);
}

static const OSSL_PARAM *far_types(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_END,
    };
    return selection & OSSL_KEYMGMT_SELECT_ALL ? types : NULL;
}

static int far_get_params(void *key, OSSL_PARAM params[])
{
    static const struct { const char *name; int value; } rows[] = {
        { OSSL_PKEY_PARAM_BITS, 256 },
        { OSSL_PKEY_PARAM_SECURITY_BITS, 128 },
        { OSSL_PKEY_PARAM_MAX_SIZE, SIGNATURE_BYTES_MAX },
    };
    (void)key;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        OSSL_PARAM *p = OSSL_PARAM_locate(params, rows[i].name);
        if (p && OSSL_PARAM_set_int(p, rows[i].value) != 1) return 0;
    }
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
    return !p || OSSL_PARAM_set_utf8_string(p, SN_X9_62_prime256v1);
}

static const OSSL_PARAM *far_gettable(void *provider)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)provider;
    return types;
}

static const char *far_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? FAR_SIGNATURE : NULL;
}

/* --- signature --- */

static void *far_signing_new(void *provider, const char *properties)
{
    (void)provider, (void)properties;
    return mem_new(sizeof(struct far_signing));
}

static void far_signing_free(void *signing)
{
    mem_free(signing);
}

/* ecdsa_secp256r1_sha256 is the only scheme of this key (RFC 8446, 4.2.3). */
static int far_sign_init(void *signing, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct far_signing *s = signing;
    (void)params;
    if (digest && OPENSSL_strcasecmp(digest, "SHA256") && OPENSSL_strcasecmp(digest, "SHA2-256")) return 0;
    s->key = key;
    return key != NULL;
}

static int far_sign(void *signing, unsigned char *signature, size_t *n, size_t cap,
    const unsigned char *content, size_t content_n)
{
    const struct far_signing *s = signing;
    struct bytes transcript_hash;
    size_t made = 0;
    if (!s->key || !s->key->signer.sign) return 0;
    if (!signature) {
        *n = SIGNATURE_BYTES_MAX;
        return 1;
    }
    if (cap < SIGNATURE_BYTES_MAX) return 0;
    if (!ok(tls_content_read(bytes_of(content, content_n), &transcript_hash))) return 0;
    if (!ok(s->key->signer.sign(s->key->signer.ctx, transcript_hash, signature, cap, &made))) return 0;
    if (made == 0 || made > cap) return 0;
    *n = made;
    return 1;
}

/* Signing in pieces would hide the whole content from tls_content_read: refused. */
static int far_sign_update(void *signing, const unsigned char *part, size_t n)
{
    (void)signing, (void)part, (void)n;
    return 0;
}

static int far_sign_final(void *signing, unsigned char *signature, size_t *n, size_t cap)
{
    (void)signing, (void)signature, (void)n, (void)cap;
    return 0;
}

/* --- tables OpenSSL reads --- */

#define ROW(id, fn) { id, (void (*)(void))fn }

static const OSSL_DISPATCH far_key_table[] = {
    ROW(OSSL_FUNC_KEYMGMT_NEW, far_new),
    ROW(OSSL_FUNC_KEYMGMT_FREE, far_free),
    ROW(OSSL_FUNC_KEYMGMT_HAS, far_has),
    ROW(OSSL_FUNC_KEYMGMT_MATCH, far_match),
    ROW(OSSL_FUNC_KEYMGMT_IMPORT, far_import),
    ROW(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, far_types),
    ROW(OSSL_FUNC_KEYMGMT_EXPORT, far_export),
    ROW(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, far_types),
    ROW(OSSL_FUNC_KEYMGMT_GET_PARAMS, far_get_params),
    ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, far_gettable),
    ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, far_operation),
    { 0, NULL },
};
static const OSSL_DISPATCH far_signature_table[] = {
    ROW(OSSL_FUNC_SIGNATURE_NEWCTX, far_signing_new),
    ROW(OSSL_FUNC_SIGNATURE_FREECTX, far_signing_free),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, far_sign_init),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, far_sign_update),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, far_sign_final),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, far_sign),
    { 0, NULL },
};

static const OSSL_ALGORITHM *far_query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keys[] = {
        { "EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" FAR_NAME, far_key_table, NULL },
        { NULL, NULL, NULL, NULL },
    };
    static const OSSL_ALGORITHM signatures[] = {
        { FAR_SIGNATURE, "provider=" FAR_NAME, far_signature_table, NULL },
        { NULL, NULL, NULL, NULL },
    };
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int far_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
    void **provider)
{
    static const OSSL_DISPATCH table[] = {
        ROW(OSSL_FUNC_PROVIDER_QUERY_OPERATION, far_query),
        { 0, NULL },
    };
    (void)in;
    *out = table;
    *provider = (void *)handle;
    return 1;
}

/* --- what the rest of the room uses --- */

outcome far_library_init(struct far_library *ret)
{
    struct far_library l = { OSSL_LIB_CTX_new(), NULL, NULL };
    bool good = l.library && OSSL_PROVIDER_add_builtin(l.library, FAR_NAME, far_provider) == 1
        && (l.usual = OSSL_PROVIDER_load(l.library, "default")) != NULL
        && (l.ours = OSSL_PROVIDER_load(l.library, FAR_NAME)) != NULL
        /* every other EC key (key shares, certificates) goes on using the usual implementation */
        && EVP_set_default_properties(l.library, "?provider=default") == 1;
    if (!good) {
        far_library_deinit(&l);
        return REFUSE_CLEAN(E_CRYPTO);
    }
    *ret = l;
    return DONE;
}

void far_library_deinit(struct far_library *l)
{
    if (l->ours) OSSL_PROVIDER_unload(l->ours);
    if (l->usual) OSSL_PROVIDER_unload(l->usual);
    OSSL_LIB_CTX_free(l->library);
    *l = (struct far_library) { 0 };
}

outcome far_key_new(const struct far_library *l, const X509 *leaf, const struct tls_signer *signer,
    EVP_PKEY **ret)
{
    uint8_t point[2 * POINT_BYTES - 1];
    size_t n = 0;
    char curve[32] = "";
    EVP_PKEY *pkey = X509_get0_pubkey(leaf), *made = NULL;
    if (!pkey || !EVP_PKEY_is_a(pkey, "EC")
        || EVP_PKEY_get_group_name(pkey, curve, sizeof curve, &n) != 1
        || strcmp(curve, SN_X9_62_prime256v1) != 0)
        return REFUSE_CLEAN(E_UNSUPPORTED);
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    struct tls_signer s = *signer;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, n),
        OSSL_PARAM_construct_octet_string(FAR_SIGNER, &s, sizeof s),
        OSSL_PARAM_construct_end(),
    };
    AUTO(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(l->library, "EC", "provider=" FAR_NAME);
    if (!c || EVP_PKEY_fromdata_init(c) != 1
        || EVP_PKEY_fromdata(c, &made, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return REFUSE_CLEAN(E_CRYPTO);
    *ret = made;
    return DONE;
}
