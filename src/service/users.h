/* People of a site: who they are, what they may, how they prove it, and the tokens of their programs. State is
 * replayed from ENTRY_USER and ENTRY_TOKEN; each entry says actor, source, reason, before and after.
 * Here are no secrets: the record holds hashes of password verifiers and of tokens, public keys of passkeys.
 * The verifiers themselves stand in one private file (users_passwords_open), bound to the record by those hashes.
 * No role here signs anything: who may sign is the charter's keys alone (assurance/charter.h). */
#ifndef SERVICE_USERS_H
#define SERVICE_USERS_H

#include "crypto/password.h"
#include "platform/registry.h"

/* name, word, 日本語, English */
#define USER_ROLES(X)                                                                              \
    X(USER_OPERATOR, "operator", "運用者", "operator")                                             \
    X(USER_MISSION_OWNER, "mission-owner", "業務責任者", "mission owner")                          \
    X(USER_ASSET_OWNER, "asset-owner", "システム責任者", "asset owner")                            \
    X(USER_EXECUTIVE, "executive", "経営者層", "executive")                                        \
    X(USER_AUDITOR, "auditor", "監査者", "auditor")                                                \
    X(USER_ADMINISTRATOR, "administrator", "管理者", "administrator")                              \
    X(USER_CONTRACTOR, "contractor", "作業者（委託先など）", "contractor")
enum user_role {
#define X(name, word, ja, en) name,
    USER_ROLES(X)
#undef X
        USER_ROLE_COUNT
};
#define USER_BIT(role) (1u << (role))
#define USER_SIGNING (USER_BIT(USER_MISSION_OWNER) | USER_BIT(USER_ASSET_OWNER) | USER_BIT(USER_EXECUTIVE))

/* What a token may be for; a token does at most what its person may do now. */
#define TOKEN_SCOPES(X)                                                                            \
    X(SCOPE_READ, "read", "閲覧", "see what the page shows")                                       \
    X(SCOPE_OPERATE, "operate", "機器の操作", "attest, quarantine and release devices")            \
    X(SCOPE_ENROL, "enrol", "登録", "invite devices, declare streams")                             \
    X(SCOPE_DOCUMENTS, "documents", "署名済み文書の提出", "hand in signed documents")
enum token_scope {
#define X(name, word, ja, en) name,
    TOKEN_SCOPES(X)
#undef X
        TOKEN_SCOPE_COUNT
};

enum { USERS_MAX = 256, TOKENS_MAX = 512, PASSKEYS_MAX = 6, PASSKEY_ID_MAX = 128, PASSKEY_SPKI_MAX = 128, USER_NAME_MAX = 96,
    USER_WHY = 160, TOKEN_DAYS_MAX = 365 };
#define TOKEN_PREFIX "sekimori_" /* then 64 hexadecimal digits: what a scanner of leaked secrets looks for */

struct passkey {
    uint8_t id[PASSKEY_ID_MAX], spki[PASSKEY_SPKI_MAX];
    size_t id_n, spki_n;
    char rp[128];              /* the name the browser trusted */
    char label[48];
    uint32_t count;            /* its signature counter when last seen; 0: it has none */
};

struct user {
    char id[ID_MAX], name[USER_NAME_MAX];
    unsigned roles;            /* USER_BIT */
    bool revoked, has_password;
    uint8_t verifier_hash[32];
    struct passkey keys[PASSKEYS_MAX];
    size_t n_keys;
    unsigned wrong;            /* passwords in a row; not recorded */
    int64_t locked_until_ms, wrong_at_ms; /* mono */
};

struct token {
    char name[64], user[ID_MAX];
    unsigned scopes;           /* 1 << enum token_scope */
    uint8_t hash[32];
    int64_t until_ms;          /* wall */
    bool revoked;
};

struct users;
MUST outcome users_new(struct users **ret);
void users_free(struct users *u);

/* Would this entry be taken; takes it. Other kinds are nothing to them. why, where not NULL, says what is wrong.
 * E_CONFLICT: duties that must stay apart, an id that is taken, one that was revoked. */
MUST outcome users_judge(const struct users *u, unsigned kind, const struct doc *d, char why[USER_WHY]);
MUST outcome users_apply(struct users *u, unsigned kind, const struct doc *d);

size_t users_count(const struct users *u);
struct user *users_at(struct users *u, size_t i);
struct user *users_find(struct users *u, const char *id); /* NULL; revoked ones too */
/* Of an active person; *ret_key is the key. */
struct user *users_by_passkey(struct users *u, struct bytes credential, struct passkey **ret_key);
size_t users_tokens(const struct users *u, const struct token **ret, size_t cap);
const struct token *users_token_named(const struct users *u, const char *name);
/* A token's whole text, prefix and all; NULL unless it is known, not revoked, not over, and its person is active. */
const struct token *users_token(struct users *u, struct bytes text, int64_t wall_ms, struct user **ret_user);

MUST outcome user_roles_read(const struct doc *list, unsigned *ret);
struct doc *user_roles_doc(struct arena *a, unsigned roles);
MUST outcome token_scopes_read(const struct doc *list, unsigned *ret);
/* A person as recorded, also the "before" and "after" of an entry. */
struct doc *user_doc(struct arena *a, const struct user *who);
struct doc *token_doc(struct arena *a, const struct token *t);
/* An entry: what happened ("new", "roles", "password", ...) by whom, from where, why. before NULL: there was none. */
struct user_change { const char *what, *by, *source, *reason; };
struct doc *user_entry(struct arena *a, const struct user_change *c, struct doc *before, struct doc *after);

/* The file of verifiers, "PERSON VERIFIER" lines, mode 0600. Refuses, with the cause in why: E_DENIED others may read it;
 * E_MALFORMED a line is none; E_MISSING the record knows a password that is not there (also: another one is).
 * A line "forgotten" stands for what was lost with the file: those people sign in by a one-time link. */
MUST outcome users_passwords_open(struct users *u, const char *path, char why[USER_WHY]);
/* NULL when there is none, or the record does not know it. */
const char *users_verifier(const struct users *u, const struct user *who);
/* Durably; what the record knows now stays beside it until it knows this one. ret_hash: for the record. */
MUST outcome users_verifier_put(struct users *u, const char *id, const char *verifier, uint8_t ret_hash[32]);

#endif
