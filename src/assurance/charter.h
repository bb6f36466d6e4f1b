/* The charter: which three keys hold the three roles of a site. Written once by `sekimori init`; every
 * signed document is checked against it. Keys differ: one person, one role (a small organisation says
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
struct charter {
    char site[CHARTER_SITE_MAX];
    bool small_organisation;
    struct {
        struct key *key;    /* public; owned */
        char key_id[65];
    } roles[CHARTER_ROLES];
};

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
