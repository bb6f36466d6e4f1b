/* Inside users.c and passwords.c only. */
#ifndef SERVICE_USERS_INSIDE_H
#define SERVICE_USERS_INSIDE_H

#include "base/time.h"
#include "ledger/ledger.h"
#include "service/users.h"

struct verifier {
    char user[ID_MAX], text[PASSWORD_VERIFIER_MAX];
};

struct users {
    struct user rows[USERS_MAX];
    size_t n;
    struct token tokens[TOKENS_MAX];
    size_t n_tokens;
    char path[600];
    struct verifier verifiers[2 * USERS_MAX]; /* while one is changed there are two */
    size_t n_verifiers;
    bool forgotten;            /* the file was lost once: what it lacks is missing without a complaint */
};

#endif
