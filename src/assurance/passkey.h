/* Does a passkey's answer hold: the right site, the question asked, a person there and verified, the signature good.
 * One judgement for signing in (service) and for signing documents (document.h). Pure. */
#ifndef ASSURANCE_PASSKEY_H
#define ASSURANCE_PASSKEY_H

#include "crypto/sign.h"
#include "wire/webauthn.h"

struct passkey_want {
    bool create;               /* registration: no signature yet */
    struct bytes challenge;    /* the question's bytes */
    const char *rp;            /* name the browser trusts */
    const char *origin;        /* NULL: any page of rp's host (a document signed wherever the console stood) */
};
/* spki: BYTES_NONE for a registration. E_DENIED with *ret_why (a literal), E_CRYPTO, E_MALFORMED. */
MUST outcome passkey_check(const struct passkey_want *w, struct bytes spki, const struct webauthn_assertion *a, struct webauthn_data *ret,
    const char **ret_why);

#endif
