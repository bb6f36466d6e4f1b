#include "device/agent/person.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"

#define NOW (INT64_C(1795824000) * MS_S) /* 2026-11-28T00:00:00Z */

static struct people p, q;

static void pins(void)
{
    static const char *const guessed[] = { "000000", "111111", "123456", "654321", "789012", "121212", "123123", "112211", "password", "satosato", "abcdef" };
    static const char *const good[] = { "480217", "90 31 7", "3141592", "correct horse" };
    for (size_t i = 0; i < sizeof guessed / sizeof *guessed; i++) CHECK(pin_judge("sato", bytes_str(guessed[i])) == PIN_GUESSED);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(pin_judge("sato", bytes_str(good[i])) == PIN_GOOD);
    CHECK(pin_judge("sato", BYTES_NONE) == PIN_SHORT && pin_judge("sato", bytes_str("0000")) == PIN_SHORT && pin_judge("sato", bytes_str("48021")) == PIN_SHORT);
    CHECK(pin_judge("tanaka9", bytes_str("tanaka9")) == PIN_GUESSED);
    char longer[PIN_MAX + 1];
    memset(longer, 'x', sizeof longer);
    CHECK(pin_judge("sato", bytes_of(longer, sizeof longer)) == PIN_LONG);
    static const char *const names[] = { "", "a b", "a=b", "a#b", "a\"b", "a\\b", "a\nb", "\xff", "0123456789012345678901234567890123456789012345678" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(!person_name_good(bytes_str(names[i])));
    CHECK(person_name_good(bytes_str("佐藤花子")) && person_name_good(bytes_str("t.sato")));
}

static void registered(const char *dir)
{
    bool taken;
    CHECK_OK(people_load(dir, &p));
    CHECK(p.n == 0); /* nobody by default */
    CHECK_OK(people_add(&p, "佐藤", bytes_str("480217"), &taken));
    CHECK_IS(people_add(&p, "佐藤", bytes_str("773105"), &taken), E_CONFLICT);
    CHECK(!taken);
    CHECK_IS(people_add(&p, "tanaka", bytes_str("480217"), &taken), E_CONFLICT);
    CHECK(taken && p.n == 1);
    CHECK_IS(people_add(&p, "tanaka", bytes_str("123456"), &taken), E_USAGE);
    CHECK_OK(people_add(&p, "tanaka", bytes_str("773105"), &taken));
    CHECK_OK(people_store(dir, &p));
    CHECK_OK(people_load(dir, &q));
    CHECK(q.n == 2 && memcmp(&p, &q, sizeof p) == 0);
    memcpy(q.row[1].verifier, q.row[0].verifier, sizeof q.row[1].verifier); /* somebody else's, in the file */
    CHECK_IS(people_try(&q, dir, &q.row[1], bytes_str("480217"), NOW), E_DENIED);
    CHECK_OK(people_store(dir, &p));
}

static void probed(const char *dir)
{
    static const uint8_t salt[PASSWORD_SALT_BYTES] = { 1 };
    static const char secret[] = "sekimori person\0sato\0" "1234"; /* a file that was not made by us */
    struct person low = { .name = "sato" };
    CHECK_OK(password_make(bytes_of(secret, sizeof secret - 1), salt, low.verifier));
    CHECK(person_probe(&low) == 1);
    p = (struct people) { .row = { low }, .n = 1 };
    CHECK_IS(people_try(&p, dir, &p.row[0], bytes_str("1234"), NOW), E_DENIED);
}

static void locked(const char *dir)
{
    CHECK_OK(people_load(dir, &p));
    struct person *who = people_find(&p, "tanaka");
    for (int i = 0; i < PERSON_WRONG_MAX; i++) {
        CHECK_IS(people_try(&p, dir, who, bytes_str("773106"), NOW), E_DENIED);
        CHECK_OK(people_load(dir, &p)); /* each counted on the disk */
        CHECK(who->wrong == (uint32_t)i + 1);
    }
    CHECK_IS(people_try(&p, dir, who, bytes_str("773105"), NOW + 1), E_AGAIN); /* also the right one */
    CHECK_IS(people_try(&p, dir, who, bytes_str("773105"), NOW + PERSON_LOCK_S * MS_S - MS_S), E_AGAIN);
    CHECK_OK(people_try(&p, dir, people_find(&p, "佐藤"), bytes_str("480217"), NOW)); /* by person */
    CHECK_IS(people_try(&p, dir, who, bytes_str("773105"), NOW - MS_DAY), E_AGAIN); /* the clock was set back: */
    CHECK_OK(people_try(&p, dir, who, bytes_str("773105"), NOW - MS_DAY + PERSON_LOCK_S * MS_S)); /* not locked for a day */
    CHECK(who->wrong == 0 && who->locked_until_s == 0);
}

static void files(const char *dir)
{
    char path[128];
    struct stat st;
    int line;
    snprintf(path, sizeof path, "%s/people", dir);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK(chmod(path, 0644) == 0);
    CHECK_IS(people_load(dir, &p), E_CONFIG); /* others could try PINs at their leisure */
    static const char *const bad[] = { "sato = x 0 0\n", "sato = \n", "= x\n", "sato\n" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!ok(people_read(bytes_str(bad[i]), &p, &line)) && line == 1);
    CHECK(unlink(path) == 0);
}

static void shifts(void)
{
    static const char text[] = "# night and day\nshift = 2026-11-27T16:00:00Z 2026-11-28T00:00:00Z 佐藤\n"
                               "shift = 2026-11-28T00:00:00Z 2026-11-28T08:00:00Z tanaka\n";
    static const char *const bad[] = { "shift = 2026-11-28T00:00:00Z tanaka\n", "turn = 1 2 x\n", "shift = 2026-11-28T08:00:00Z 2026-11-28T00:00:00Z x\n",
        "shift = 2026-11-27T00:00:00Z 2026-11-29T00:00:00Z\n", "shift = 2026-11-27T00:00:00Z 2026-11-29T00:00:00Z a b\n" };
    char name[PERSON_NAME_MAX];
    int line;
    CHECK_OK(shift_find(bytes_str(text), NOW - 1, name, &line));
    CHECK(strcmp(name, "佐藤") == 0);
    CHECK_OK(shift_find(bytes_str(text), NOW, name, &line));
    CHECK(strcmp(name, "tanaka") == 0);
    CHECK_IS(shift_find(bytes_str(text), NOW + 8 * MS_HOUR, name, &line), E_UNKNOWN);
    CHECK_IS(shift_find(BYTES_NONE, NOW, name, &line), E_UNKNOWN);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_IS(shift_find(bytes_str(bad[i]), NOW, name, &line), E_CONFIG);
    CHECK_IS(shift_find(bytes_str("shift = 2026-11-27T00:00:00Z 2026-11-29T00:00:00Z a\nshift = 2026-11-27T00:00:00Z 2026-11-29T00:00:00Z b\n"), NOW,
        name, &line), E_CONFLICT);
}

int main(void)
{
    char dir[] = "/tmp/sk-person-XXXXXX", path[64];
    CHECK(mkdtemp(dir) != NULL);
    pins();
    probed(dir);
    CHECK_OK(people_store(dir, &(struct people) { 0 }));
    registered(dir);
    locked(dir);
    files(dir);
    shifts();
    snprintf(path, sizeof path, "%s/people.lock", dir);
    CHECK_OK(people_claim(dir));
    CHECK(unlink(path) == 0 && rmdir(dir) == 0);
    return TEST_END;
}
