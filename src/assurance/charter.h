/* The charter: which three keys hold the three roles of a site. Begun by `sekimori init`; afterwards two of the three change a
 * key (rotation, a lost one) or name a deputy for a time, and nobody else does. Every signed document is checked against it. Keys differ: one person, one role (a small organisation says
 * so, and has at least two persons). */
#ifndef ASSURANCE_CHARTER_H
#define ASSURANCE_CHARTER_H

#include "crypto/sign.h"
#include "wire/doc.h"

/* name, word, 日本語, English */
#define CHARTER_ROLE_ROWS(X)                                                                       \
    X(CHARTER_MISSION_OWNER, "mission-owner", "業務責任者（任務責任者）", "mission owner")         \
    X(CHARTER_ASSET_OWNER, "asset-owner", "システム責任者（資産責任者）", "asset owner")           \
    X(CHARTER_EXECUTIVE, "executive", "経営者層", "executive")
enum charter_role {
#define X(name, word, ja, en) name,
    CHARTER_ROLE_ROWS(X)
#undef X
        CHARTER_ROLES
};
const char *charter_role_word(enum charter_role r);
const char *charter_role_ja(enum charter_role r);
const char *charter_role_en(enum charter_role r);
MUST outcome charter_role_parse(const char *word, enum charter_role *ret);

#define CHARTER_SITE_MAX 64
enum { CHARTER_DEPUTIES = 16, CHARTER_DEPUTY_DAYS = 90 };
struct charter_holder {
    struct key *key;        /* public; owned */
    char key_id[65];
    char rp[128];           /* not "": the key is a passkey's, of this name (webauthn) */
    char person[64];        /* "" for the first three */
};
struct charter_deputy {     /* 職務代理・代決 */
    char id[32];
    enum charter_role role;
    struct charter_holder holder;
    int64_t from_ms, until_ms;
    int rank;               /* the worst rank of a decision it may sign: 5 worst .. 1 */
};
struct charter {
    char site[CHARTER_SITE_MAX];
    bool small_organisation;
    struct charter_holder roles[CHARTER_ROLES];
    struct charter_deputy deputies[CHARTER_DEPUTIES];
    size_t n_deputies;
    int64_t changed_ms;     /* date of the newest change; a change is later than it */
};

/* Who this key is at this time. E_UNKNOWN: nobody, or a deputy outside its dates. In a small organisation a person holding two
 * roles is known by the first. */
struct charter_signer {
    const struct charter_holder *holder;
    enum charter_role role;
    uint8_t roles;          /* mask: one, but in a small organisation */
    int rank;               /* 5, or a deputy's */
    bool deputy;
};
MUST outcome charter_signer(const struct charter *c, const char *key_id, int64_t at_ms, struct charter_signer *ret);

/* A signed change ("charter" or "deputy") read against what is in force; its signatures are the caller's to check. ret_why: the
 * member that is wrong. Takes nothing until applied; then the charter owns the key. */
enum charter_change_kind { CHARTER_ROTATES, CHARTER_DEPUTES };
struct charter_change {
    enum charter_change_kind kind;
    enum charter_role role;
    struct charter_holder holder;
    struct charter_deputy deputy; /* without its holder */
    int64_t at_ms;
};
MUST outcome charter_change_read(const struct charter *c, const struct doc *payload, struct charter_change *ret, const char **ret_why);
void charter_change_free(struct charter_change *n);
void charter_change_apply(struct charter *c, struct charter_change *n);
struct charter_draft {
    const char *role, *key_pem, *rp, *person, *reason;
    const char *deputy_id, *from, *until, *rank; /* deputy_id NULL: a key for the role itself */
    int64_t at_ms;
};
struct doc *charter_change_doc(struct arena *a, const char *site, const struct charter_draft *in);

/* {"type":"charter","site","roles":{word:{"key":PEM}},"small_organisation"}. E_MALFORMED; E_CONFLICT when two
 * roles share a key (all three, in a small organisation). *ret owns keys: charter_deinit. */
MUST outcome charter_read(const struct doc *d, struct charter *ret);
void charter_deinit(struct charter *c);
/* The document `sekimori init` writes; pems: public keys in the order of the roles. NULL = out of memory. */
struct doc *charter_doc(struct arena *a, const char *site, const char *const pems[CHARTER_ROLES],
    bool small_organisation);
/* The view of docs/api-views.md. */
struct doc *charter_view(const struct charter *c, struct arena *a);

#endif
