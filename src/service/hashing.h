/* One helper thread for what is slow by intent: passwords. The core's loop puts work in and takes
 * results out; nothing else is shared. Bounded: whoever floods it is told to come again. */
#ifndef SERVICE_HASHING_H
#define SERVICE_HASHING_H

#include "crypto/password.h"
#include "platform/registry.h"
#include "wire/link.h"

enum { HASHING_QUEUE = 8 };
enum hashing_kind { HASHING_SIGN_IN, HASHING_CHANGE };

struct hashing_work {
    enum hashing_kind kind;
    uint32_t link;             /* who waits for the answer */
    bool gone;                 /* nobody any more */
    enum listener listener;
    char source[LINK_ADDRESS_MAX], user[ID_MAX];
    uint8_t session[32];       /* CHANGE: hash of the asking session's token */
    char verifier[PASSWORD_VERIFIER_MAX]; /* to check against; "": nothing to check */
    bool real;                 /* it is a person's; else it is there to take the same time */
    uint8_t now[PASSWORD_BYTES_MAX], next[PASSWORD_BYTES_MAX]; /* wiped when done */
    size_t now_n, next_n;
    uint8_t salt[PASSWORD_SALT_BYTES];
    outcome result;            /* of the check, then of the making */
    char made[PASSWORD_VERIFIER_MAX];
};

struct hashing;
/* wake: called from the helper thread when a result is ready. */
MUST outcome hashing_new(void (*wake)(void *ctx), void *ctx, struct hashing **ret);
/* Waits for what runs; the rest is dropped. */
void hashing_free(struct hashing *h);
/* A copy is taken. E_FULL. */
MUST outcome hashing_put(struct hashing *h, const struct hashing_work *w);
/* The oldest result. E_AGAIN when there is none. The caller wipes nothing: passwords are gone already. */
MUST outcome hashing_take(struct hashing *h, struct hashing_work *ret);
/* Is an answer still owed to this link; the link is gone. */
bool hashing_owes(struct hashing *h, uint32_t link);
void hashing_forget(struct hashing *h, uint32_t link);

#endif
