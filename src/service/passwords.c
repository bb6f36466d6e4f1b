/* The file of password verifiers: private, whole, and bound to the record by the hash it keeps of each. Whoever edits
 * the file gives nobody a password: a verifier that the record does not know is none. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/port/port.h"
#include "service/users_inside.h"

enum { FILE_MAX = 256 * 1024 };
#define FORGOTTEN "forgotten"

static bool known(const struct user *who, const char *text)
{
    struct hash h;
    hash_sha256(bytes_str(text), &h);
    return who && who->has_password && bytes_equal_secret(bytes_of(who->verifier_hash, 32), hash_view(&h));
}

static MUST outcome refuse(enum code c, char *why, const char *text, const char *more)
{
    snprintf(why, USER_WHY, "%s%s", text, more);
    return REFUSE(c);
}

static MUST outcome line_read(struct users *u, struct bytes line)
{
    const uint8_t *space = line.n ? memchr(line.at, ' ', line.n) : NULL;
    struct verifier *v = &u->verifiers[u->n_verifiers];
    if (bytes_equal_str(line, FORGOTTEN)) {
        u->forgotten = true;
        return DONE;
    }
    if (!space || u->n_verifiers == 2 * USERS_MAX) return REFUSE(E_MALFORMED);
    struct bytes id = bytes_of(line.at, (size_t)(space - line.at));
    if (!registry_id_valid(id)) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(id, v->user, sizeof v->user));
    TRY(bytes_to_text(bytes_of(space + 1, line.n - id.n - 1), v->text, sizeof v->text));
    if (!password_verifier_good(v->text)) return REFUSE(E_MALFORMED);
    u->n_verifiers++;
    return DONE;
}

static MUST outcome lines_read(struct users *u, struct bytes text, unsigned *ret_line)
{
    for (*ret_line = 1; text.n; (*ret_line)++) {
        const uint8_t *end = memchr(text.at, '\n', text.n);
        if (!end) return REFUSE(E_SHORT);
        TRY(line_read(u, bytes_of(text.at, (size_t)(end - text.at))));
        text = bytes_of(end + 1, text.n - (size_t)(end + 1 - text.at));
    }
    return DONE;
}

/* What the record knows must be there; what is not is named. */
static const char *missing(struct users *u)
{
    for (size_t i = 0; i < u->n; i++)
        if (!u->rows[i].revoked && u->rows[i].has_password && !users_verifier(u, &u->rows[i])) return u->rows[i].id;
    return NULL;
}

static MUST outcome load(struct users *u, struct buffer *b, char *why)
{
    struct stat st;
    unsigned line;
    if (stat(u->path, &st) < 0) return errno == ENOENT ? DONE : REFUSE_SYS(E_IO, errno);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077)) return refuse(E_DENIED, why, "others may read it: chmod 600", "");
    TRY(port_file_load(u->path, FILE_MAX, b));
    char number[40];
    outcome o = lines_read(u, buffer_view(b), &line);
    if (ok(o)) return DONE;
    snprintf(number, sizeof number, "line %u", line);
    return refuse(E_MALFORMED, why, "is not \"PERSON VERIFIER\": ", number);
}

outcome users_passwords_open(struct users *u, const char *path, char why[USER_WHY])
{
    struct buffer b = BUFFER(FILE_MAX);
    why[0] = 0;
    snprintf(u->path, sizeof u->path, "%s", path);
    outcome o = load(u, &b, why);
    buffer_wipe(&b);
    TRY(o);
    const char *who = u->forgotten ? NULL : missing(u);
    if (who) return refuse(E_MISSING, why, "the record knows a password that is not there, of: ", who);
    return DONE;
}

const char *users_verifier(const struct users *u, const struct user *who)
{
    for (size_t i = 0; i < u->n_verifiers; i++)
        if (strcmp(u->verifiers[i].user, who->id) == 0 && known(who, u->verifiers[i].text)) return u->verifiers[i].text;
    return NULL;
}

/* Drops what the record does not know (any more). */
static void tidy(struct users *u)
{
    size_t kept = 0;
    for (size_t i = 0; i < u->n_verifiers; i++) {
        const struct user *who = users_find(u, u->verifiers[i].user);
        if (who && !who->revoked && known(who, u->verifiers[i].text)) u->verifiers[kept++] = u->verifiers[i];
    }
    u->n_verifiers = kept;
}

outcome users_verifier_put(struct users *u, const char *id, const char *verifier, uint8_t ret_hash[32])
{
    struct buffer b = BUFFER(FILE_MAX);
    struct hash h;
    tidy(u);
    if (u->n_verifiers == 2 * USERS_MAX) return REFUSE(E_FULL);
    struct verifier *v = &u->verifiers[u->n_verifiers++];
    snprintf(v->user, sizeof v->user, "%s", id);
    snprintf(v->text, sizeof v->text, "%s", verifier);
    outcome o = u->forgotten ? buffer_put(&b, BYTES_LIT(FORGOTTEN "\n")) : DONE;
    for (size_t i = 0; ok(o) && i < u->n_verifiers; i++) o = buffer_fmt(&b, "%s %s\n", u->verifiers[i].user, u->verifiers[i].text);
    if (ok(o)) o = port_file_store(u->path, buffer_view(&b), 0600);
    buffer_wipe(&b);
    if (!ok(o)) u->n_verifiers--;
    hash_sha256(bytes_str(verifier), &h);
    memcpy(ret_hash, h.at, sizeof h.at);
    return o;
}
