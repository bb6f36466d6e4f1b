/* Typed results. Every function that can be refused returns an outcome; nobody may ignore one.
 * Wrong program -> assert (on in release). Expected refusal -> outcome. Libraries never log. */
#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST __attribute__((warn_unused_result))
/* A large local that is filled before it is read: without the compiler's own clearing of it. Only with a function
 * that sets what is read later, named x_begin. */
#define UNSET __attribute__((uninitialized))

/* code, word. The word is what tests, logs and problem+json print. */
#define OUTCOME_CODES(X)                                                                           \
    X(OK, "ok")                                                                                    \
    X(E_AGAIN, "again")             /* not now: would block, nothing consumed */                   \
    X(E_SHORT, "short")             /* more bytes are needed */                                    \
    X(E_MALFORMED, "malformed")     /* the peer broke the format */                                \
    X(E_RANGE, "out-of-range")      /* a value outside its bounds */                               \
    X(E_TOO_LARGE, "too-large")     /* over a declared bound */                                    \
    X(E_FULL, "full")               /* a bounded queue or table is full */                         \
    X(E_DENIED, "denied")           /* policy refuses */                                           \
    X(E_HELD, "held")               /* waits for two people's release */                           \
    X(E_EXPIRED, "expired")         /* valid once, not now */                                      \
    X(E_REVOKED, "revoked")         /* withdrawn */                                                \
    X(E_UNKNOWN, "unknown")         /* no such thing */                                            \
    X(E_CONFLICT, "conflict")       /* exists already, or state forbids it */                      \
    X(E_CHANGED, "changed")         /* verification failed: bytes differ from what was signed */   \
    X(E_MISSING, "missing")         /* verification failed: bytes are gone */                      \
    X(E_CRYPTO, "crypto")           /* a signature, key or certificate is not good */              \
    X(E_IO, "io")                   /* the system refused; .sys is errno */                        \
    X(E_MEMORY, "memory")           /* allocation failed */                                        \
    X(E_CLOSED, "closed")           /* the other end is gone */                                    \
    X(E_TIMEOUT, "timeout")         /* deadline passed */                                          \
    X(E_UNSUPPORTED, "unsupported") /* well-formed, but not something we do */                     \
    X(E_CONFIG, "configuration")    /* a reviewed file is wrong */                                 \
    X(E_USAGE, "usage")             /* the command line is wrong */

enum code {
#define X(name, word) name,
    OUTCOME_CODES(X)
#undef X
        OUTCOME_COUNT
};

#define OUTCOME_STR2(x) #x
#define OUTCOME_STR(x) OUTCOME_STR2(x)
#define OUTCOME_HERE __FILE__ ":" OUTCOME_STR(__LINE__)

/* 16 bytes, returned in two registers; `at` is a literal naming where it arose. */
typedef struct {
    enum code code;
    int sys;
    const char *at;
} outcome;

#define DONE ((outcome) { OK, 0, 0 })
#define REFUSE(c) ((outcome) { (c), 0, OUTCOME_HERE })
#define REFUSE_SYS(c, err) ((outcome) { (c), (err), OUTCOME_HERE })

/* The one control-flow macro. */
#define TRY(e)                                                                                     \
    do {                                                                                           \
        outcome o_ = (e);                                                                          \
        if (o_.code != OK) return o_;                                                              \
    } while (0)

static inline bool ok(outcome o)
{
    return o.code == OK;
}

/* The word of a code, never NULL. */
const char *code_word(enum code code);

#endif
