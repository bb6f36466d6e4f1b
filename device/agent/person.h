/* The people who may operate at the device itself: a file `people` (0600) in the state folder, a line each,
 *   NAME = VERIFIER WRONG UNTIL        argon2id; wrong PINs since the last right one; locked until (seconds since the epoch)
 * and, for a panel without PIN, a file `shifts` that a person of the site writes (0600 or 0644: nobody else may),
 *   shift = 2026-11-28T00:00:00Z 2026-11-28T08:00:00Z NAME
 * There is no person and no PIN before somebody adds one. Everything here runs in the command's process: argon2id takes 46 MiB,
 * more than the agent may have. */
#ifndef DEVICE_AGENT_PERSON_H
#define DEVICE_AGENT_PERSON_H

#include "base/time.h"
#include "crypto/password.h"
#include "device/agent/state.h"

#define PERSON_NAME_MAX 49
#define PERSON_MAX 64
#define PERSON_WRONG_MAX 5
#define PERSON_LOCK_S (15 * 60)
#define PIN_MIN 6
#define PIN_MAX 64

struct person {
    char name[PERSON_NAME_MAX];
    char verifier[PASSWORD_VERIFIER_MAX];
    uint32_t wrong, locked_until_s;
};
struct people {
    struct person row[PERSON_MAX];
    size_t n;
};
enum pin_fault { PIN_GOOD, PIN_SHORT, PIN_LONG, PIN_GUESSED };

/* UTF-8 without blanks, control characters and what the files use themselves (= # " \). */
bool person_name_good(struct bytes name);
/* PIN_GUESSED: one of the first that anybody tries: 000000, 123456, 121212, two characters only, the person's name, "password". */
enum pin_fault pin_judge(const char *name, struct bytes pin);

/* Lines of the file; E_CONFIG and the like with the line. */
MUST outcome people_read(struct bytes text, struct people *ret, int *ret_line);
/* No file: nobody. E_CONFIG: not our form, or others may read it. */
MUST outcome people_load(const char *dir, struct people *ret);
MUST outcome people_store(const char *dir, const struct people *p);
/* One command at a time works with the file, so that guesses do not run beside each other; until the process ends. */
MUST outcome people_claim(const char *dir);
struct person *people_find(struct people *p, const char *name); /* NULL: not registered */
/* E_CONFLICT: registered, or (ret_taken) somebody else has this PIN; E_FULL. Not stored. */
MUST outcome people_add(struct people *p, const char *name, struct bytes pin, bool *ret_taken);
/* The wrong PIN is counted on the disk before it is judged. E_DENIED: wrong, or one that people_add would not take; E_AGAIN: locked. */
MUST outcome people_try(struct people *p, const char *dir, struct person *who, struct bytes pin, int64_t now_ms);
/* How many default or empty PINs this person's verifier takes: each is tried, whoever wrote the file. */
size_t person_probe(const struct person *who);

/* Who is on shift. E_UNKNOWN: nobody, or no list; E_CONFLICT: two; E_CONFIG with the line. */
MUST outcome shift_find(struct bytes text, int64_t now_ms, char ret[PERSON_NAME_MAX], int *ret_line);
/* The same from the folder's file; E_CONFIG also when others may write it. */
MUST outcome shift_now(const char *dir, int64_t now_ms, char ret[PERSON_NAME_MAX]);

#endif
