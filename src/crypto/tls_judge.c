/* Whether a peer's certificate is good, and in which of our few words it is not. */
#include "crypto/tls_context.h"

static struct tls *tls_of(X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = ssl ? SSL_get_app_data(ssl) : NULL;
    assert(t);
    return t;
}

static enum tls_why why_of_verify(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_WHY_EXPIRED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return TLS_WHY_FOREIGN;
    default:
        return TLS_WHY_BAD;
    }
}

/* What the library's own purpose check lets through: a certificate that names no purpose at all. */
static bool has_purpose(X509_STORE_CTX *store, uint32_t purpose)
{
    X509 *leaf = X509_STORE_CTX_get_current_cert(store);
    if (X509_STORE_CTX_get_error_depth(store) != 0) return true;
    bool named = (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) != 0;
    if (named && X509_get_extended_key_usage(leaf) & purpose) return true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
    return false;
}

static int refuse(struct tls *t, X509_STORE_CTX *store)
{
    t->why = why_of_verify(X509_STORE_CTX_get_error(store));
    return 0;
}

/* Called for each certificate of a chain that leads to our CA (good), and for each fault. Signatures
 * are checked before dates, so what is expired here is at least ours. */
int tls_judge_client(int good, X509_STORE_CTX *store)
{
    struct tls *t = tls_of(store);
    bool late = !good && X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_HAS_EXPIRED
        && X509_STORE_CTX_get_error_depth(store) == 0;
    if (late && t->context->auth == TLS_AUTH_OPTIONAL) {
        t->expired = true;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        good = 1;
    }
    if (!good || !has_purpose(store, XKU_SSL_CLIENT)) return refuse(t, store);
    return 1;
}

int tls_judge_chain(X509_STORE_CTX *store, void *context)
{
    (void)context;
    int good = X509_verify_cert(store);
    if (good == 1) X509_STORE_CTX_set0_verified_chain(store, NULL);
    return good;
}

int tls_judge_server(int good, X509_STORE_CTX *store)
{
    struct tls *t = tls_of(store);
    if (!good || !has_purpose(store, XKU_SSL_SERVER)) return refuse(t, store);
    return 1;
}

/* The presented CA certificate with the pinned key, or NULL. */
static X509 *pinned_authority(X509_STORE_CTX *store, const struct hash *pin)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 1; i < sk_X509_num(chain) && i <= CERTIFICATES_MAX; i++) {
        X509 *ca = sk_X509_value(chain, i);
        struct hash h;
        if (ok(certificate_key_hash(ca, &h)) && hash_equal(&h, pin) && X509_check_ca(ca) == 1) return ca;
    }
    return NULL;
}

/* Joining: nothing is trusted but the presented CA certificate whose key the invite names; name,
 * dates and purpose are judged as ever. */
int tls_judge_pinned(X509_STORE_CTX *store, void *context)
{
    const struct tls_context *c = context;
    X509 *ca = pinned_authority(store, &c->pin);
    STACK_OF(X509) *anchors = ca ? sk_X509_new_null() : NULL;
    if (!anchors || sk_X509_push(anchors, ca) <= 0) {
        sk_X509_free(anchors);
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
        return refuse(tls_of(store), store);
    }
    X509_STORE_CTX_set0_trusted_stack(store, anchors);
    X509_STORE_CTX_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    int good = X509_verify_cert(store);
    if (good != 1 && tls_of(store)->why == TLS_WHY_NONE) (void)refuse(tls_of(store), store);
    X509_STORE_CTX_set0_trusted_stack(store, NULL);
    sk_X509_free(anchors);
    return good == 1;
}

/* Our own refusals and the alerts of the other side say the same things. */
static const struct {
    int reason;
    enum tls_why why;
} reasons[] = {
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_WHY_NO_CERTIFICATE },
    { SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, TLS_WHY_NO_CERTIFICATE },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_WHY_FOREIGN },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, TLS_WHY_EXPIRED },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_WHY_BAD },
    { SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, TLS_WHY_BAD },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, TLS_WHY_BAD },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLS_WHY_BAD },
    { SSL_R_TLSV1_ALERT_DECRYPT_ERROR, TLS_WHY_BAD },
    { SSL_R_BAD_SIGNATURE, TLS_WHY_BAD },
    { SSL_R_WRONG_SIGNATURE_TYPE, TLS_WHY_BAD },
    { SSL_R_WRONG_CERTIFICATE_TYPE, TLS_WHY_BAD },
    { SSL_R_UNKNOWN_CERTIFICATE_TYPE, TLS_WHY_BAD },
    { SSL_R_CERTIFICATE_VERIFY_FAILED, TLS_WHY_BAD },
    { SSL_R_EXCESSIVE_MESSAGE_SIZE, TLS_WHY_BAD },
    { SSL_R_EE_KEY_TOO_SMALL, TLS_WHY_BAD },
    { SSL_R_CA_KEY_TOO_SMALL, TLS_WHY_BAD },
    { SSL_R_CA_MD_TOO_WEAK, TLS_WHY_BAD },
    { SSL_R_UNSUPPORTED_PROTOCOL, TLS_WHY_VERSION },
    { SSL_R_VERSION_TOO_LOW, TLS_WHY_VERSION },
    { SSL_R_WRONG_SSL_VERSION, TLS_WHY_VERSION },
    { SSL_R_WRONG_VERSION_NUMBER, TLS_WHY_VERSION },
    { SSL_R_UNKNOWN_PROTOCOL, TLS_WHY_VERSION },
    { SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_WHY_VERSION },
};

enum tls_why tls_judge_failure(void)
{
    enum tls_why why = TLS_WHY_NONE;
    unsigned long e = 0;
    while (why == TLS_WHY_NONE && (e = ERR_get_error()) != 0) {
        for (size_t i = 0; ERR_GET_LIB(e) == ERR_LIB_SSL && i < sizeof reasons / sizeof *reasons; i++)
            if (ERR_GET_REASON(e) == reasons[i].reason) why = reasons[i].why;
    }
    ERR_clear_error();
    return why == TLS_WHY_NONE ? TLS_WHY_OTHER : why;
}
