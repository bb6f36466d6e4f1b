/* What people sign: DSSE envelopes over canonical JSON, type "application/vnd.sekimori.<type>+json".
 * Builders for the drafts the CLI writes, adding a signature, and checking one envelope against the
 * charter. Pure: no clock, no file. What a document *means* is judged elsewhere (decision.h, assurance.c). */
#ifndef ASSURANCE_DOCUMENT_H
#define ASSURANCE_DOCUMENT_H

#include "assurance/charter.h"
#include "wire/dsse.h"

#define DOCUMENT_WHY 200            /* a refusal's cause: "word" or "word: detail" */
#define DOCUMENT_BYTES_MAX (1u << 20)

/* name, word, mask of roles that must all sign; 0: any two different roles; -1: asset or mission owner */
#define DOCUMENT_TYPES(X)                                                                          \
    X(DOCUMENT_MODEL, "model", 3)                                                                  \
    X(DOCUMENT_DECISION, "decision", 7)                                                            \
    X(DOCUMENT_REFERENCE, "reference", 2)                                                          \
    X(DOCUMENT_DECLARATION, "declaration", -1)                                                     \
    X(DOCUMENT_RELEASE, "release", 0)                                                              \
    X(DOCUMENT_CHARTER, "charter", 0)                                                              \
    X(DOCUMENT_DEPUTY, "deputy", 0)                                                                \
    X(DOCUMENT_LOOSEN, "loosen", 0)                                                                \
    X(DOCUMENT_GRANTS, "grants", 2)                                                                \
    X(DOCUMENT_AGREEMENT, "agreement", 3)                                                          \
    X(DOCUMENT_STATEMENT, "statement", 2)                                                          \
    X(DOCUMENT_PERMIT, "permit", -1)                                                               \
    X(DOCUMENT_CHECKLIST, "checklist", -1)                                                         \
    X(DOCUMENT_REACTION, "reaction", 2)                                                            \
    X(DOCUMENT_DESTRUCTION, "destruction", 0)                                                      \
    X(DOCUMENT_RETIREMENT, "retirement", 2)                                                        \
    X(DOCUMENT_LOGIN, "login", -2)                                                                 \
    X(DOCUMENT_PUBLIC, "public", 5)                                                                \
    X(DOCUMENT_OPINION, "opinion", -2)
enum document_type {
#define X(name, word, rule) name,
    DOCUMENT_TYPES(X)
#undef X
        DOCUMENT_KINDS
};
const char *document_type_word(enum document_type t);

/* Every cause a signed document is refused for, here or in assurance.c; stable words. */
#define DOCUMENT_CAUSES(X)                                                                         \
    X(CAUSE_MALFORMED, "malformed", E_MALFORMED)                   /* not an envelope, or a member missing or wrong */ \
    X(CAUSE_TYPE, "wrong-type", E_MALFORMED)                       /* payloadType and payload differ from what is asked */ \
    X(CAUSE_NO_CHARTER, "no-charter", E_DENIED)                                                    \
    X(CAUSE_SITE, "other-site", E_DENIED)                          /* signed for another site */   \
    X(CAUSE_SIGNER, "unknown-signer", E_DENIED)                    /* a key the charter does not name */ \
    X(CAUSE_SIGNATURE, "bad-signature", E_CRYPTO)                                                  \
    X(CAUSE_DEPUTY, "not-for-a-deputy", E_DENIED)                  /* a charter is changed by the three themselves */ \
    X(CAUSE_DEPUTY_RANK, "above-deputy-rank", E_DENIED)            /* the decision is worse than a deputy may accept */ \
    X(CAUSE_ONE_PERSON, "one-person-twice", E_DENIED)              /* the same key in two roles or two slots */ \
    X(CAUSE_MISSING, "signature-missing", E_DENIED)                /* detail: the role */          \
    X(CAUSE_REPLAYED, "replayed", E_CONFLICT)                      /* id used before, or older than what is in force */ \
    X(CAUSE_EXPIRED, "expired", E_EXPIRED)                                                         \
    X(CAUSE_FUTURE, "not-yet", E_DENIED)                           /* dated more than 5 minutes ahead */ \
    X(CAUSE_MODEL, "model-wrong", E_CONFIG)                        /* detail: the first error */   \
    X(CAUSE_NO_MODEL, "no-model", E_DENIED)                                                        \
    X(CAUSE_MISSION, "unknown-mission", E_UNKNOWN)                                                 \
    X(CAUSE_CONDITION, "unknown-condition", E_UNKNOWN)                                             \
    X(CAUSE_IN_FORCE, "condition-in-force", E_CONFLICT)            /* a model may not drop or change what a decision enforces */ \
    X(CAUSE_STREAM, "wrong-stream", E_DENIED)                      /* not what the condition guards */ \
    X(CAUSE_ASSESSMENT, "unknown-assessment", E_UNKNOWN)                                           \
    X(CAUSE_SNAPSHOT, "other-snapshot", E_DENIED)                  /* hash or figures are not that assessment's */ \
    X(CAUSE_OLD, "old-assessment", E_EXPIRED)                      /* older than the model in force, or 7 days */ \
    X(CAUSE_RANK, "rank-too-low", E_DENIED)                        /* the assessment says worse */ \
    X(CAUSE_TOO_LONG, "expiry-beyond-rank", E_DENIED)                                              \
    X(CAUSE_TOLERANCE, "other-tolerance", E_DENIED)                /* not the model's */           \
    X(CAUSE_MARGIN, "margin-too-small", E_DENIED)                                                  \
    X(CAUSE_TURN, "not-your-turn", E_CONFLICT)                     /* detail: whose signature comes first */ \
    X(CAUSE_DRAFT, "unknown-draft", E_UNKNOWN)                                                     \
    X(CAUSE_OTHER_DRAFT, "other-draft", E_CONFLICT)                /* signed over words that have changed since */ \
    X(CAUSE_DRAFTS, "too-many-drafts", E_FULL)                                                     \
    X(CAUSE_OPTION, "unknown-option", E_UNKNOWN)                                                   \
    X(CAUSE_LIMIT, "unknown-limit", E_UNKNOWN)                                                     \
    X(CAUSE_STILL_BROKEN, "condition-still-broken", E_CONFLICT)                                    \
    X(CAUSE_WRITE, "not-written", E_IO)                            /* the record did not take it: nothing applied */ \
    X(CAUSE_MEMORY, "memory", E_MEMORY)
enum document_cause {
#define X(name, word, code) name,
    DOCUMENT_CAUSES(X)
#undef X
        DOCUMENT_CAUSE_COUNT
};
/* Writes "word: detail" (detail may be NULL) into why and returns the cause's refusal. */
MUST outcome document_refuse(enum document_cause c, const char *detail, char why[DOCUMENT_WHY]);

struct document { /* an opened envelope; views into the arena */
    enum document_type type;
    struct dsse envelope;
    const struct doc *payload;   /* tree */
    const struct doc *json;      /* the envelope itself as a tree: what the ledger keeps */
    int64_t judged_ms;           /* set by the caller before document_verify: deputies have dates; 0: none counts */
    const char *key_of[CHARTER_ROLES]; /* set by document_verify: who signed for it */
    int rank_worst;              /* likewise: the worst rank that every signer may sign for */
    uint8_t roles;               /* mask of roles whose signature is good; set by document_verify */
};

/* document_open, with the cause: also tells one key that signed twice from what is merely malformed. */
MUST outcome document_open_why(struct bytes json, struct arena *a, struct document *ret, char why[DOCUMENT_WHY]);
/* Opens an envelope of any of the types; nothing is verified. E_MALFORMED. */
MUST outcome document_open(struct bytes json, struct arena *a, struct document *ret);
/* As opened, of this type, for the charter's site, every signature good and by a different charter role, and
 * the type's rule met. The refusal's cause stands in why. */
MUST outcome document_verify(const struct charter *c, enum document_type want, struct document *d,
    char why[DOCUMENT_WHY]);
/* The same while signatures are still to come: those that are there are good and by different roles; at least one. */
MUST outcome document_verify_begun(const struct charter *c, enum document_type want, struct document *d, char why[DOCUMENT_WHY]);
/* Drops every signature that is not good at judged_ms (its key was replaced since); sets roles, key_of and rank_worst of the rest. */
void document_keep_good(const struct charter *c, struct document *d);
/* Who signed, for show: roles[i] = the role of signature i, CHARTER_ROLES when the charter does not know the
 * key; good[i] = it verifies. Arrays of DSSE_SIGNATURES_MAX. */
void document_signers(const struct charter *c, const struct document *d, enum charter_role *roles, bool *good);
/* Roles whose signature is still wanted, as a mask; for "any two" types those that have not signed. 0 = complete. */
uint8_t document_wanting(const struct charter *c, const struct document *d);

/* Adds k's signature. in: a draft (the payload as JSON, any spacing) or an envelope already signed by others.
 * E_CONFLICT when k signed it already. Writes the whole envelope to ret. */
MUST outcome document_sign(struct bytes in, const struct key *k, struct buffer *ret);
/* Puts the signatures of two envelopes over the same payload together; E_CHANGED when they differ. */
MUST outcome document_merge(struct bytes one, struct bytes other, struct buffer *ret);

/* Drafts. NULL = out of memory. Times in wall ms. Decisions: decision.h. */
struct doc *document_model_new(struct arena *a, const char *site, const struct doc *model, int64_t at_ms);
struct doc *document_reference_new(struct arena *a, const char *site, const char *model, const char *version,
    const struct doc *pcrs, int64_t at_ms);
struct doc *document_declaration_new(struct arena *a, const char *site, const char *control, const char *asset,
    bool pass, const char *detail, int64_t at_ms, int64_t expires_ms);
struct doc *document_release_new(struct arena *a, const char *site, const char *hold, const char *payload_sha256,
    int64_t at_ms);
/* policy: the map of a grants file (platform/grants.h). */
/* source: the file it was written in, kept with each row's line for answers to "why?"; NULL: not known. */
struct doc *document_grants_new(struct arena *a, const char *site, const struct doc *policy, const char *source, int64_t at_ms);
/* agreement: the map of an agreement's file (checkpoint/agreement.h). */
struct doc *document_agreement_new(struct arena *a, const char *site, const struct doc *agreement, int64_t at_ms);
/* How we stand, to another site: verdict "within" or not, attempts in 1,000 years, requirement levels. */
struct statement_draft { const char *to, *policy, *verdict; int64_t until_ms, claimed; const struct doc *levels; };
struct doc *document_statement_new(struct arena *a, const char *site, const struct statement_draft *s, int64_t at_ms);
/* The answer to a challenge that was carried to where the person's key is. */
struct doc *document_login_new(struct arena *a, const char *site, const char *user, const char *challenge, int64_t at_ms);
/* An approval of a work permit: request is the permit as asked for (platform/work.h, work_doc). */
struct doc *document_permit_new(struct arena *a, const char *site, const struct doc *request, int64_t at_ms);
/* The members of a request that its approval repeats, ended by NULL. */
extern const char *const document_permit_members[];
/* A connection checklist as answered (platform/checklist.h, checklist_doc). */
struct doc *document_checklist_new(struct arena *a, const char *site, const struct doc *list, int64_t at_ms);
/* A rule of reaction, signed before it is needed (platform/reaction.h): id, cause, device or group, measure, minutes, at_most. */
struct doc *document_reaction_new(struct arena *a, const char *site, const struct doc *rule, int64_t at_ms);
/* A certificate that a device's media were sanitised (NIST SP 800-88 rev. 1, appendix G): what it says of each member of
 * document_destruction_members, texts in that order; NULL or "" where not stated. */
extern const char *const document_destruction_members[];
enum { DOCUMENT_DESTRUCTION_MEMBERS = 12 };
/* An order that a former CA counts no more; left: how many devices have not moved and are cut off by it. */
struct doc *document_retirement_new(struct arena *a, const char *site, const char *authority, uint32_t left, int64_t at_ms);
struct doc *document_destruction_new(struct arena *a, const char *site, const char *const texts[DOCUMENT_DESTRUCTION_MEMBERS], int64_t at_ms);
struct doc *document_loosen_new(struct arena *a, const char *site, const char *limit, int64_t at_ms);

/* The model within a signed model's payload: the same map without type, site and at. NULL = out of memory. */
struct doc *document_model_of(struct arena *a, const struct doc *payload);
/* Hex SHA-256 of a document's canonical JSON. */
MUST outcome document_hash(const struct doc *d, char ret_hex[65]);
/* RFC 3339 member as wall ms; E_MALFORMED when absent or not a time. */
MUST outcome document_time(const struct doc *d, const char *key, int64_t *ret_ms);

#endif
