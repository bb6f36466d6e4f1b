#include "device/agent/person.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/port/port.h"
#include "device/agent/settings.h"

enum { FILE_MAX_BYTES = 64 << 10, SECRET_MAX = PERSON_NAME_MAX + PIN_MAX + 32 };

/* What is hashed names its use and its person: a verifier copied to another line is good for nothing. */
static struct bytes secret_of(const char *name, struct bytes pin, uint8_t at[SECRET_MAX])
{
    static const char use[] = "sekimori person";
    struct out o = out_of(at, SECRET_MAX);
    put(&o, bytes_of(use, sizeof use));
    put(&o, bytes_of(name, strlen(name) + 1));
    put(&o, pin);
    return ok(out_done(&o)) ? out_view(&o) : bytes_of(at, 0); /* too long: no password has no bytes */
}

static bool verifies(const struct person *p, struct bytes pin)
{
    uint8_t secret[SECRET_MAX];
    outcome o = password_verify(p->verifier, secret_of(p->name, pin, secret));
    explicit_bzero(secret, sizeof secret);
    return ok(o);
}

bool person_name_good(struct bytes name)
{
    if (name.n == 0 || name.n >= PERSON_NAME_MAX || !bytes_is_utf8(name)) return false;
    for (size_t i = 0; i < name.n; i++)
        if (name.at[i] <= ' ' || name.at[i] == 0x7f || strchr("=#\"\\", name.at[i]) != NULL) return false;
    return true;
}

/* It goes on as it began: one after the other, or the same few again and again. */
static bool pattern(struct bytes pin)
{
    bool up = true, down = true;
    size_t kinds = 0;
    for (size_t i = 0; i < pin.n; i++) {
        kinds += memchr(pin.at, pin.at[i], i) == NULL;
        if (i == 0) continue;
        int step = pin.at[i] - pin.at[i - 1];
        up = up && (step == 1 || step == -9);
        down = down && (step == -1 || step == 9);
    }
    if (up || down || kinds < 3) return true;
    for (size_t every = 1; every <= pin.n / 2; every++)
        if (pin.n % every == 0 && memcmp(pin.at, pin.at + every, pin.n - every) == 0) return true;
    return false;
}

enum pin_fault pin_judge(const char *name, struct bytes pin)
{
    static const char *const known[] = { "password", "administrator", "operator", "sekimori", "qwerty", "admin1", "112233", "159753", "147258" };
    if (pin.n < PIN_MIN) return PIN_SHORT;
    if (pin.n > PIN_MAX) return PIN_LONG;
    if (pattern(pin) || bytes_equal_str(pin, name)) return PIN_GUESSED;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (bytes_equal_str(pin, known[i])) return PIN_GUESSED;
    return PIN_GOOD;
}

static MUST outcome row_put(void *ctx, struct bytes name, struct bytes value)
{
    struct people *p = ctx;
    struct person row = { 0 };
    struct bytes word;
    if (p->n == PERSON_MAX) return REFUSE(E_TOO_LARGE);
    if (!person_name_good(name)) return REFUSE(E_CONFIG);
    TRY(bytes_to_text(name, row.name, sizeof row.name));
    if (people_find(p, row.name) != NULL) return REFUSE(E_CONFLICT);
    TRY(settings_word(&value, &word));
    TRY(bytes_to_text(word, row.verifier, sizeof row.verifier));
    if (!password_verifier_good(row.verifier)) return REFUSE(E_CONFIG);
    TRY(settings_word(&value, &word));
    TRY(settings_number(word, PERSON_WRONG_MAX, &row.wrong));
    TRY(settings_word(&value, &word));
    TRY(settings_number(word, UINT32_MAX, &row.locked_until_s));
    TRY(at_end(value));
    p->row[p->n++] = row;
    return DONE;
}

outcome people_read(struct bytes text, struct people *ret, int *ret_line)
{
    *ret = (struct people) { 0 };
    return settings_read(text, row_put, ret, ret_line);
}

static MUST outcome path_of(const char *dir, const char *name, char ret[AGENT_PATH_MAX + 32])
{
    int n = snprintf(ret, AGENT_PATH_MAX + 32, "%s/%s", dir, name);
    return n > 0 && n < AGENT_PATH_MAX + 32 ? DONE : REFUSE(E_TOO_LARGE);
}

/* forbidden: bits of the mode that would let others in. */
static MUST outcome load(const char *dir, const char *name, mode_t forbidden, struct buffer *ret)
{
    char path[AGENT_PATH_MAX + 32];
    struct stat st;
    TRY(path_of(dir, name, path));
    if (lstat(path, &st) != 0) return REFUSE_SYS(errno == ENOENT ? E_MISSING : E_IO, errno);
    if (!S_ISREG(st.st_mode) || (st.st_mode & forbidden) != 0) return REFUSE(E_CONFIG);
    return port_file_load(path, FILE_MAX_BYTES, ret);
}

outcome people_load(const char *dir, struct people *ret)
{
    struct buffer text = BUFFER(FILE_MAX_BYTES);
    int line;
    *ret = (struct people) { 0 };
    outcome o = load(dir, "people", 077, &text);
    if (ok(o)) o = people_read(buffer_view(&text), ret, &line);
    else if (o.code == E_MISSING) o = DONE;
    buffer_deinit(&text);
    return ok(o) || o.code == E_IO ? o : REFUSE(E_CONFIG);
}

outcome people_store(const char *dir, const struct people *p)
{
    struct buffer text = BUFFER(FILE_MAX_BYTES);
    char path[AGENT_PATH_MAX + 32];
    outcome o = path_of(dir, "people", path);
    for (size_t i = 0; ok(o) && i < p->n; i++) {
        const struct person *r = &p->row[i];
        o = buffer_fmt(&text, "%s = %s %u %u\n", r->name, r->verifier, r->wrong, r->locked_until_s);
    }
    if (ok(o)) o = port_file_store(path, buffer_view(&text), 0600);
    buffer_deinit(&text);
    return o;
}

outcome people_claim(const char *dir)
{
    char path[AGENT_PATH_MAX + 32];
    TRY(path_of(dir, "people.lock", path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return REFUSE_SYS(errno == ENOENT ? E_UNKNOWN : E_IO, errno);
    while (flock(fd, LOCK_EX) != 0) { /* ends: whoever holds it works for a moment, and the kernel lets go for it */
        if (errno == EINTR) continue;
        close(fd);
        return REFUSE_SYS(E_IO, errno);
    }
    return DONE; /* open until the process ends */
}

struct person *people_find(struct people *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->row[i].name, name) == 0) return &p->row[i];
    return NULL;
}

outcome people_add(struct people *p, const char *name, struct bytes pin, bool *ret_taken)
{
    uint8_t salt[PASSWORD_SALT_BYTES], secret[SECRET_MAX];
    struct person row = { 0 };
    *ret_taken = false;
    if (people_find(p, name) != NULL) return REFUSE(E_CONFLICT);
    if (p->n == PERSON_MAX) return REFUSE(E_FULL);
    if (!person_name_good(bytes_str(name)) || pin_judge(name, pin) != PIN_GOOD) return REFUSE(E_USAGE);
    for (size_t i = 0; i < p->n; i++) {
        if (!verifies(&p->row[i], pin)) continue;
        *ret_taken = true;
        return REFUSE(E_CONFLICT);
    }
    TRY(bytes_to_text(bytes_str(name), row.name, sizeof row.name));
    port_random(salt, sizeof salt);
    outcome o = password_make(secret_of(name, pin, secret), salt, row.verifier);
    explicit_bzero(secret, sizeof secret);
    TRY(o);
    p->row[p->n++] = row;
    return DONE;
}

outcome people_try(struct people *p, const char *dir, struct person *who, struct bytes pin, int64_t now_ms)
{
    uint32_t now_s = (uint32_t)(now_ms / MS_S);
    if (who->locked_until_s > now_s) {
        if (who->locked_until_s - now_s <= PERSON_LOCK_S) return REFUSE(E_AGAIN);
        who->locked_until_s = now_s + PERSON_LOCK_S; /* the clock was set back: from now on, no longer than that */
        TRY(people_store(dir, p));
        return REFUSE(E_AGAIN);
    }
    if (who->locked_until_s != 0) who->wrong = who->locked_until_s = 0;
    if (who->wrong < PERSON_WRONG_MAX) who->wrong++;
    if (who->wrong == PERSON_WRONG_MAX) who->locked_until_s = now_s + PERSON_LOCK_S;
    TRY(people_store(dir, p)); /* first: ending the process at the right moment gives no try for nothing */
    if (pin_judge(who->name, pin) != PIN_GOOD || !verifies(who, pin)) return REFUSE(E_DENIED); /* a default PIN opens nothing, whoever wrote the file */
    who->wrong = who->locked_until_s = 0;
    return people_store(dir, p);
}

size_t person_probe(const struct person *who)
{
    static const char *const tried[] = { "", "0000", "1111", "1234", "4321", "9999", "000000", "111111", "123456", "654321", "121212",
        "00000000", "12345678", "admin", "password", "operator" };
    size_t n = verifies(who, bytes_str(who->name));
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) n += verifies(who, bytes_str(tried[i]));
    return n;
}

struct shift_look {
    int64_t now_ms;
    char *name;
};

static MUST outcome shift_put(void *ctx, struct bytes key, struct bytes value)
{
    struct shift_look *l = ctx;
    struct bytes from, to, name;
    int64_t from_ms, to_ms;
    if (!bytes_equal_str(key, "shift")) return REFUSE(E_CONFIG);
    TRY(settings_word(&value, &from));
    TRY(settings_word(&value, &to));
    TRY(settings_word(&value, &name));
    TRY(at_end(value));
    TRY(time_parse(from, &from_ms));
    TRY(time_parse(to, &to_ms));
    if (from_ms >= to_ms || !person_name_good(name)) return REFUSE(E_CONFIG);
    if (l->now_ms < from_ms || l->now_ms >= to_ms) return DONE;
    if (l->name[0] != 0) return REFUSE(E_CONFLICT);
    return bytes_to_text(name, l->name, PERSON_NAME_MAX);
}

outcome shift_find(struct bytes text, int64_t now_ms, char ret[PERSON_NAME_MAX], int *ret_line)
{
    struct shift_look l = { now_ms, ret };
    ret[0] = 0;
    outcome o = settings_read(text, shift_put, &l, ret_line);
    if (!ok(o)) return o.code == E_CONFLICT ? o : REFUSE(E_CONFIG);
    return ret[0] != 0 ? DONE : REFUSE(E_UNKNOWN);
}

outcome shift_now(const char *dir, int64_t now_ms, char ret[PERSON_NAME_MAX])
{
    struct buffer text = BUFFER(FILE_MAX_BYTES);
    int line;
    outcome o = load(dir, "shifts", 022, &text);
    if (ok(o)) o = shift_find(buffer_view(&text), now_ms, ret, &line);
    else if (o.code == E_MISSING) o = REFUSE(E_UNKNOWN);
    buffer_deinit(&text);
    return o;
}
