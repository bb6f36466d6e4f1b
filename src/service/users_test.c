/* People and tokens as state, without a site: what one person may be at once, what is given never again, and the file of
 * passwords that anybody may have touched (N24). */
#include "service/users.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "ledger/ledger.h"
#include "base/port/port.h"

static struct doc *entry(struct arena *a, const char *what, const struct user *who)
{
    return user_entry(a, &(struct user_change) { what, "root", "local", "test" }, NULL, user_doc(a, who));
}

static void duties_stay_apart(void)
{
    enum { O = USER_BIT(USER_OPERATOR), M = USER_BIT(USER_MISSION_OWNER), A = USER_BIT(USER_ASSET_OWNER), E = USER_BIT(USER_EXECUTIVE),
        U = USER_BIT(USER_AUDITOR), D = USER_BIT(USER_ADMINISTRATOR), C = USER_BIT(USER_CONTRACTOR) };
    struct arena a = ARENA(1 << 20);
    struct users *u;
    CHECK_OK(users_new(&u));
    for (unsigned roles = 0; roles < 1u << USER_ROLE_COUNT; roles++) {
        struct user who = { .id = "p", .name = "P", .roles = roles };
        unsigned signing = roles & (M | A | E);
        bool good = roles && __builtin_popcount(signing) <= 1 && !((roles & D) && signing) && (!(roles & U) || roles == U) && (!(roles & C) || roles == C);
        CHECK_QUIET(ok(users_judge(u, ENTRY_USER, entry(&a, "new", &who), NULL)) == good);
    }
    struct user two = { .id = "p", .name = "P", .roles = O | M };
    CHECK_OK(users_apply(u, ENTRY_USER, entry(&a, "new", &two)));
    two.roles = M | E;
    CHECK_IS(users_apply(u, ENTRY_USER, entry(&a, "roles", &two)), E_CONFLICT);
    CHECK(users_find(u, "p")->roles == (O | M));
    users_free(u);
    arena_deinit(&a);
}

static void revoked_is_for_good(void)
{
    struct arena a = ARENA(1 << 20);
    struct users *u;
    struct user who = { .id = "p", .name = "P", .roles = USER_BIT(USER_OPERATOR) }, root = { .id = "root", .name = "R", .roles = 1 };
    char text[80];
    snprintf(text, sizeof text, TOKEN_PREFIX "%064d", 7);
    struct token t = { .name = "t", .user = "p", .scopes = 1, .until_ms = 1000 };
    struct hash h;
    struct user *owner;
    hash_sha256(bytes_str(text), &h);
    memcpy(t.hash, h.at, 32);
    CHECK_OK(users_new(&u));
    CHECK_IS(users_apply(u, ENTRY_USER, entry(&a, "new", &root)), E_CONFLICT);
    CHECK_IS(users_apply(u, ENTRY_USER, entry(&a, "roles", &who)), E_UNKNOWN);
    CHECK_OK(users_apply(u, ENTRY_USER, entry(&a, "new", &who)));
    CHECK_IS(users_apply(u, ENTRY_USER, entry(&a, "new", &who)), E_CONFLICT);
    struct user_change c = { "new", "root", "local", "test" };
    CHECK_OK(users_apply(u, ENTRY_TOKEN, user_entry(&a, &c, NULL, token_doc(&a, &t))));
    CHECK_IS(users_apply(u, ENTRY_TOKEN, user_entry(&a, &c, NULL, token_doc(&a, &t))), E_CONFLICT);
    CHECK(users_token(u, bytes_str(text), 999, &owner) && strcmp(owner->id, "p") == 0);
    CHECK(!users_token(u, bytes_str(text), 1000, &owner)); /* over */
    CHECK(!users_token(u, bytes_of(text, strlen(text) - 1), 999, &owner));
    who.revoked = true;
    CHECK_OK(users_apply(u, ENTRY_USER, entry(&a, "revoked", &who)));
    CHECK(!users_token(u, bytes_str(text), 999, &owner)); /* its person is gone */
    who.revoked = false;
    CHECK_IS(users_apply(u, ENTRY_USER, entry(&a, "roles", &who)), E_REVOKED);
    CHECK_IS(users_apply(u, ENTRY_USER, entry(&a, "new", &who)), E_CONFLICT);
    users_free(u);
    arena_deinit(&a);
}

static void put_file(const char *path, const char *text, int mode)
{
    unlink(path);
    CHECK_OK(port_file_store(path, bytes_str(text), mode));
    CHECK(chmod(path, (mode_t)mode) == 0);
}

static void restarted(const char *path, const struct user *known, enum code want)
{
    struct arena a = ARENA(1 << 20);
    struct users *u;
    char why[USER_WHY];
    CHECK_OK(users_new(&u));
    if (known) CHECK_OK(users_apply(u, ENTRY_USER, entry(&a, "new", known)));
    outcome o = users_passwords_open(u, path, why);
    CHECK(o.code == want && (ok(o) || why[0]));
    users_free(u);
    arena_deinit(&a);
}

/* N24 */
static void a_file_of_passwords_is_whole_or_refuses(void)
{
    char path[] = "/tmp/sekimori-users-test-XXXXXX", verifier[PASSWORD_VERIFIER_MAX], other[PASSWORD_VERIFIER_MAX], line[300], why[USER_WHY];
    struct user who = { .id = "p", .name = "P", .roles = 1, .has_password = true };
    uint8_t salt[PASSWORD_SALT_BYTES] = { 9 };
    struct users *u;
    struct arena a = ARENA(1 << 20);
    close(mkstemp(path));
    CHECK_OK(password_make(BYTES_LIT("one of its own"), salt, verifier));
    CHECK_OK(password_make(BYTES_LIT("another of its own"), salt, other));
    unlink(path);
    CHECK_OK(users_new(&u));
    CHECK_OK(users_passwords_open(u, path, why)); /* a new site has none */
    CHECK_OK(users_verifier_put(u, "p", verifier, who.verifier_hash));
    CHECK_OK(users_apply(u, ENTRY_USER, entry(&a, "new", &who)));
    CHECK(users_verifier(u, users_find(u, "p")) != NULL);
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    restarted(path, &who, OK);
    chmod(path, 0644);
    restarted(path, &who, E_DENIED);
    unlink(path);
    restarted(path, &who, E_MISSING);
    restarted(path, NULL, OK);
    put_file(path, "", 0600);
    restarted(path, &who, E_MISSING);
    put_file(path, "p $argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA\n", 0600); /* weaker than ours */
    restarted(path, &who, E_MALFORMED);
    put_file(path, "garbage", 0600);
    restarted(path, &who, E_MALFORMED);
    snprintf(line, sizeof line, "p %s\n", other); /* root's own password for somebody: the record does not know it */
    put_file(path, line, 0600);
    restarted(path, &who, E_MISSING);
    put_file(path, "forgotten\n", 0600);
    restarted(path, &who, OK);
    unlink(path);
    users_free(u);
    arena_deinit(&a);
}

int main(void)
{
    duties_stay_apart();
    revoked_is_for_good();
    a_file_of_passwords_is_whole_or_refuses();
    return TEST_END;
}
