/* Certificates by fixed profile: what each kind may do stands in one table, and callers choose only
 * the row, the name and the days. */
#include <arpa/inet.h>
#include <openssl/pem.h>

#include "base/port/port.h"
#include "base/time.h"
#include "crypto/openssl.h"

enum profile_kind { PROFILE_ROOT, PROFILE_ISSUING, PROFILE_SERVER, PROFILE_DEVICE, PROFILES };

/* RFC 5280, 4.2.1.3: bit numbers of keyUsage */
enum { USAGE_DIGITAL_SIGNATURE = 0, USAGE_CERT_SIGN = 5, USAGE_CRL_SIGN = 6 };

struct profile {
    bool ca;
    int path_length;    /* of a CA */
    uint32_t usage;     /* keyUsage bits as 1 << number, critical */
    int extended_usage; /* NID, 0 = none */
    const char *common_name; /* NULL: the caller's */
};

/* clang-format off */
static const struct profile profiles[PROFILES] = {
    [PROFILE_ROOT]    = { true,  1, 1 << USAGE_CERT_SIGN | 1 << USAGE_CRL_SIGN, 0, "Root CA" },
    [PROFILE_ISSUING] = { true,  0, 1 << USAGE_CERT_SIGN | 1 << USAGE_CRL_SIGN, 0, "Issuing CA" },
    [PROFILE_SERVER]  = { false, 0, 1 << USAGE_DIGITAL_SIGNATURE, NID_server_auth, "Gate" },
    [PROFILE_DEVICE]  = { false, 0, 1 << USAGE_DIGITAL_SIGNATURE, NID_client_auth, NULL },
};
/* clang-format on */

#define BACKDATE_MS (5 * MS_MINUTE) /* for clocks that run behind */
#define YEARS_MAX 30
#define DAYS_MAX 3653
#define NAMES_MAX 32

struct wish { /* what a profile leaves open */
    enum profile_kind kind;
    EVP_PKEY *subject;
    const char *site;        /* O, CA rows; else taken from the issuer */
    const char *common_name; /* rows without one */
    const struct x509_names *names;
    int days;
    const X509 *old; /* names are taken over from there */
};

static outcome name_put(X509_NAME *name, int nid, const char *text)
{
    struct bytes b = bytes_str(text);
    if (b.n == 0 || b.n > 64 || !bytes_is_utf8(b)) return REFUSE(E_RANGE);
    if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, b.at, (int)b.n, -1, 0) != 1)
        return REFUSE_CLEAN(E_MALFORMED);
    return DONE;
}

static outcome make_serial(X509 *x)
{
    uint8_t raw[16];
    port_random(raw, sizeof raw);
    raw[0] = (uint8_t)((raw[0] & 0x7f) | 0x40); /* positive, and 16 bytes always */
    BIGNUM *number = BN_bin2bn(raw, sizeof raw, NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
    return good ? DONE : REFUSE_CLEAN(E_MEMORY);
}

/* From five minutes ago for the days asked, never beyond the issuer's own end. */
static outcome make_time(X509 *x, const X509 *issuer, int days)
{
    int64_t now_ms = port_wall_ms();
    time_t from = (time_t)((now_ms - BACKDATE_MS) / MS_S);
    time_t until = (time_t)((now_ms + days * MS_DAY) / MS_S);
    if (!ASN1_TIME_set(X509_getm_notBefore(x), from) || !ASN1_TIME_set(X509_getm_notAfter(x), until))
        return REFUSE_CLEAN(E_MEMORY);
    if (!issuer) return DONE;
    const ASN1_TIME *end = X509_get0_notAfter(issuer);
    if (ASN1_TIME_compare(end, X509_get0_notAfter(x)) >= 0) return DONE;
    if (ASN1_TIME_compare(end, X509_get0_notBefore(x)) <= 0) return REFUSE_CLEAN(E_EXPIRED);
    return X509_set1_notAfter(x, end) == 1 ? DONE : REFUSE_CLEAN(E_MEMORY);
}

static outcome make_names(X509 *x, const X509 *issuer, const struct wish *w)
{
    X509_NAME *name = X509_get_subject_name(x);
    char site[65];
    if (w->site) {
        TRY(name_put(name, NID_organizationName, w->site));
    } else {
        AUTO_TEXT uint8_t *text = NULL;
        const X509_NAME *from = X509_get_subject_name(issuer);
        int at = X509_NAME_get_index_by_NID(from, NID_organizationName, -1);
        if (at < 0) return REFUSE(E_MALFORMED);
        int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(from, at)));
        if (n <= 0) return REFUSE_CLEAN(E_MALFORMED);
        TRY(bytes_to_text(bytes_of(text, (size_t)n), site, sizeof site));
        TRY(name_put(name, NID_organizationName, site));
    }
    const char *fixed = profiles[w->kind].common_name;
    TRY(name_put(name, NID_commonName, fixed ? fixed : w->common_name));
    const X509_NAME *by = issuer ? X509_get_subject_name(issuer) : name;
    return X509_set_issuer_name(x, by) == 1 ? DONE : REFUSE_CLEAN(E_MEMORY);
}

/* value may be NULL, when memory was out where it was made. */
static outcome extension_put(X509 *x, int nid, void *value, bool critical)
{
    if (!value || X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_DEFAULT) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    return DONE;
}

static outcome extend_constraints(X509 *x, const struct profile *p)
{
    BASIC_CONSTRAINTS *c = BASIC_CONSTRAINTS_new();
    if (c && p->ca) {
        c->ca = 0xff;
        c->pathlen = ASN1_INTEGER_new();
        if (!c->pathlen || ASN1_INTEGER_set(c->pathlen, p->path_length) != 1) {
            BASIC_CONSTRAINTS_free(c);
            return REFUSE_CLEAN(E_MEMORY);
        }
    }
    outcome o = extension_put(x, NID_basic_constraints, c, true);
    BASIC_CONSTRAINTS_free(c);
    return o;
}

static outcome extend_usage(X509 *x, const struct profile *p)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool good = bits != NULL;
    for (int i = 0; good && i < 9; i++)
        if (p->usage >> i & 1) good = ASN1_BIT_STRING_set_bit(bits, i, 1) == 1;
    outcome o = extension_put(x, NID_key_usage, good ? bits : NULL, true);
    ASN1_BIT_STRING_free(bits);
    if (!ok(o) || !p->extended_usage) return o;
    EXTENDED_KEY_USAGE *use = EXTENDED_KEY_USAGE_new();
    if (use) good = sk_ASN1_OBJECT_push(use, OBJ_nid2obj(p->extended_usage)) > 0;
    o = extension_put(x, NID_ext_key_usage, good ? use : NULL, false);
    EXTENDED_KEY_USAGE_free(use);
    return o;
}

/* RFC 7093, 2, method 1: the first 160 bits of SHA-256 over the public key's bits. */
static outcome extend_key_ids(X509 *x, const X509 *issuer)
{
    struct hash h;
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(x);
    hash_sha256(bytes_of(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)), &h);
    ASN1_OCTET_STRING *own = ASN1_OCTET_STRING_new();
    if (!own || ASN1_OCTET_STRING_set(own, h.at, 20) != 1) {
        ASN1_OCTET_STRING_free(own);
        return REFUSE_CLEAN(E_MEMORY);
    }
    outcome o = extension_put(x, NID_subject_key_identifier, own, false);
    const ASN1_OCTET_STRING *by = issuer ? X509_get0_subject_key_id((X509 *)issuer) : own;
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    if (authority && by) authority->keyid = ASN1_OCTET_STRING_dup(by);
    bool good = authority && authority->keyid;
    if (ok(o)) o = extension_put(x, NID_authority_key_identifier, good ? authority : NULL, false);
    AUTHORITY_KEYID_free(authority);
    ASN1_OCTET_STRING_free(own);
    return o;
}

/* A numeric address becomes iPAddress, letters-digits-hyphens-dots dNSName, all else is refused. */
static outcome alternative_name(const char *text, GENERAL_NAMES *list)
{
    uint8_t raw[16];
    size_t n = inet_pton(AF_INET, text, raw) == 1 ? 4 : inet_pton(AF_INET6, text, raw) == 1 ? 16 : 0;
    size_t length = strlen(text);
    if (length == 0 || length > 253) return REFUSE(E_RANGE);
    for (const char *p = text; !n && *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *p)) return REFUSE(E_MALFORMED);
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = n ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    bool good = name && value
        && ASN1_STRING_set(value, n ? (const void *)raw : text, (int)(n ? n : length)) == 1;
    if (good) GENERAL_NAME_set0_value(name, n ? GEN_IPADD : GEN_DNS, value);
    else ASN1_STRING_free(value);
    if (good && sk_GENERAL_NAME_push(list, name) > 0) return DONE;
    GENERAL_NAME_free(name);
    return REFUSE_CLEAN(E_MEMORY);
}

AUTO_OF(names, GENERAL_NAMES, GENERAL_NAMES_free)

static outcome alternative_names(const struct x509_names *names, GENERAL_NAMES **ret)
{
    if (names->n == 0 || names->n > NAMES_MAX) return REFUSE(E_RANGE);
    AUTO(names) GENERAL_NAMES *list = GENERAL_NAMES_new();
    if (!list) return REFUSE_CLEAN(E_MEMORY);
    for (size_t i = 0; i < names->n; i++) TRY(alternative_name(names->names[i], list));
    *ret = list;
    list = NULL;
    return DONE;
}

static outcome extend_alternative_names(X509 *x, const struct x509_names *names)
{
    AUTO(names) GENERAL_NAMES *list = NULL;
    TRY(alternative_names(names, &list));
    return extension_put(x, NID_subject_alt_name, list, false);
}

static outcome extend_names_of(X509 *x, const X509 *old)
{
    AUTO(names) GENERAL_NAMES *list = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);
    if (!list) return REFUSE_CLEAN(E_MALFORMED);
    return extension_put(x, NID_subject_alt_name, list, false);
}

/* issuer NULL: self-signed. */
static outcome certificate_make(const struct wish *w, const struct key *by, const X509 *issuer, X509 **ret)
{
    const struct profile *p = &profiles[w->kind];
    AUTO(x509) X509 *x = X509_new();
    if (!x || X509_set_version(x, X509_VERSION_3) != 1 || X509_set_pubkey(x, w->subject) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    if (!by->private) return REFUSE(E_DENIED);
    if (issuer && X509_check_private_key(issuer, by->pkey) != 1) return REFUSE_CLEAN(E_CRYPTO);
    TRY(key_policy_certificate(w->subject));
    TRY(make_serial(x));
    TRY(make_time(x, issuer, w->days));
    TRY(make_names(x, issuer, w));
    TRY(extend_constraints(x, p));
    TRY(extend_usage(x, p));
    TRY(extend_key_ids(x, issuer));
    if (w->names) TRY(extend_alternative_names(x, w->names));
    if (w->old) TRY(extend_names_of(x, w->old));
    if (X509_sign(x, by->pkey, key_digest(by->pkey)) <= 0) return REFUSE_CLEAN(E_CRYPTO);
    *ret = x;
    x = NULL;
    return DONE;
}

/* As PEM; issuer_pem BYTES_NONE: self-signed. */
static outcome make_pem(const struct wish *w, const struct key *by, struct bytes issuer_pem, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *issuers = NULL;
    AUTO(x509) X509 *x = NULL;
    if (issuer_pem.n) TRY(certificates_read(issuer_pem, NULL, &issuers));
    TRY(certificate_make(w, by, issuers ? sk_X509_value(issuers, 0) : NULL, &x));
    return certificate_write(x, ret);
}

outcome x509_make_root(const struct key *root, const char *site, int years, struct buffer *ret)
{
    if (years < 1 || years > YEARS_MAX) return REFUSE(E_RANGE);
    struct wish w = { PROFILE_ROOT, root->pkey, site, NULL, NULL, years * 365, NULL };
    return make_pem(&w, root, BYTES_NONE, ret);
}

outcome x509_make_issuing(const struct key *root, struct bytes root_pem, const struct key *issuing,
    const char *site, int years, struct buffer *ret)
{
    if (years < 1 || years > YEARS_MAX) return REFUSE(E_RANGE);
    if (root_pem.n == 0) return REFUSE(E_MALFORMED);
    struct wish w = { PROFILE_ISSUING, issuing->pkey, site, NULL, NULL, years * 365, NULL };
    return make_pem(&w, root, root_pem, ret);
}

outcome x509_make_server(const struct key *issuing, struct bytes issuing_pem, const struct key *server,
    const struct x509_names *names, int days, struct buffer *ret)
{
    if (days < 1 || days > DAYS_MAX) return REFUSE(E_RANGE);
    if (issuing_pem.n == 0) return REFUSE(E_MALFORMED);
    struct wish w = { PROFILE_SERVER, server->pkey, NULL, NULL, names, days, NULL };
    return make_pem(&w, issuing, issuing_pem, ret);
}

outcome x509_make_server_again(const struct key *issuing, struct bytes issuing_pem, struct bytes old_pem,
    int days, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *old = NULL;
    if (days < 1 || days > DAYS_MAX) return REFUSE(E_RANGE);
    if (issuing_pem.n == 0) return REFUSE(E_MALFORMED);
    TRY(certificates_read(old_pem, NULL, &old));
    const X509 *leaf = sk_X509_value(old, 0);
    EVP_PKEY *subject = X509_get0_pubkey(leaf);
    if (!subject) return REFUSE_CLEAN(E_UNSUPPORTED);
    struct wish w = { PROFILE_SERVER, subject, NULL, NULL, NULL, days, leaf };
    return make_pem(&w, issuing, issuing_pem, ret);
}

outcome x509_make_device(const struct key *issuing, struct bytes issuing_pem, struct bytes spki,
    const char *id, int days, struct buffer *ret)
{
    if (days < 1 || days > DAYS_MAX) return REFUSE(E_RANGE);
    if (spki.n == 0 || spki.n > 4096) return REFUSE(E_MALFORMED);
    AUTO(certificates) STACK_OF(X509) *issuers = NULL;
    AUTO(x509) X509 *x = NULL;
    const uint8_t *at = spki.at;
    AUTO(pkey) EVP_PKEY *subject = d2i_PUBKEY(NULL, &at, (long)spki.n);
    if (!subject || at != spki.at + spki.n) return REFUSE_CLEAN(E_MALFORMED);
    TRY(certificates_read(issuing_pem, NULL, &issuers));
    struct wish w = { PROFILE_DEVICE, subject, NULL, id, NULL, days, NULL };
    TRY(certificate_make(&w, issuing, sk_X509_value(issuers, 0), &x));
    AUTO_TEXT uint8_t *der = NULL;
    int n = i2d_X509(x, &der);
    if (n <= 0) return REFUSE_CLEAN(E_MEMORY);
    return buffer_put(ret, bytes_of(der, (size_t)n));
}

outcome x509_request_make(const struct key *k, const char *id, struct buffer *ret)
{
    AUTO(req) X509_REQ *r = X509_REQ_new();
    if (!r || X509_REQ_set_version(r, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(r, k->pkey) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    TRY(name_put(X509_REQ_get_subject_name(r), NID_commonName, id));
    if (X509_REQ_sign(r, k->pkey, key_digest(k->pkey)) <= 0) return REFUSE_CLEAN(E_CRYPTO);
    AUTO_TEXT uint8_t *der = NULL;
    int n = i2d_X509_REQ(r, &der);
    if (n <= 0) return REFUSE_CLEAN(E_MEMORY);
    return buffer_put(ret, bytes_of(der, (size_t)n));
}

static void auto_extensions(STACK_OF(X509_EXTENSION) **p)
{
    sk_X509_EXTENSION_pop_free(*p, X509_EXTENSION_free);
}

static outcome request_names(X509_REQ *r, const struct x509_names *names)
{
    AUTO(names) GENERAL_NAMES *list = NULL;
    AUTO(extensions) STACK_OF(X509_EXTENSION) *all = NULL;
    TRY(alternative_names(names, &list));
    if (X509V3_add1_i2d(&all, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) != 1) return REFUSE_CLEAN(E_MEMORY);
    return X509_REQ_add_extensions(r, all) == 1 ? DONE : REFUSE_CLEAN(E_MEMORY);
}

outcome x509_request_make_server(const struct key *k, const struct x509_names *names, struct buffer *ret)
{
    AUTO(req) X509_REQ *r = X509_REQ_new();
    AUTO(bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!names->n) return REFUSE(E_RANGE);
    if (!r || !bio || X509_REQ_set_version(r, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(r, k->pkey) != 1)
        return REFUSE_CLEAN(E_MEMORY);
    TRY(name_put(X509_REQ_get_subject_name(r), NID_commonName, names->names[0]));
    TRY(request_names(r, names));
    if (X509_REQ_sign(r, k->pkey, key_digest(k->pkey)) <= 0) return REFUSE_CLEAN(E_CRYPTO);
    if (PEM_write_bio_X509_REQ(bio, r) != 1) return REFUSE_CLEAN(E_MEMORY);
    return bio_to_buffer(bio, ret);
}

static outcome name_text(const GENERAL_NAME *name, struct buffer *ret)
{
    char text[INET6_ADDRSTRLEN] = "";
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD) return DONE;
    struct bytes raw = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (type == GEN_IPADD && !inet_ntop(raw.n == 4 ? AF_INET : AF_INET6, raw.at, text, sizeof text)) return REFUSE(E_MALFORMED);
    if (ret->n) TRY(buffer_put(ret, BYTES_LIT(" ")));
    return buffer_put(ret, type == GEN_DNS ? raw : bytes_str(text));
}

outcome x509_pem_names(struct bytes pem, struct buffer *ret)
{
    AUTO(certificates) STACK_OF(X509) *list = NULL;
    TRY(certificates_read(pem, NULL, &list));
    AUTO(names) GENERAL_NAMES *names = X509_get_ext_d2i(sk_X509_value(list, 0), NID_subject_alt_name, NULL, NULL);
    if (!names) return REFUSE_CLEAN(E_MISSING);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) TRY(name_text(sk_GENERAL_NAME_value(names, i), ret));
    return ret->n ? DONE : REFUSE(E_MISSING);
}
