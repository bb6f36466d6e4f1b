/* Reaction with care (対処): a measure on one identity, for a time, that undoes itself; taken by a person, or by a rule the asset
 * owner signed beforehand. Narrow: nothing outside its maker's profile. Hold: commands to it, or from it, wait for two people.
 * Quarantine: flagged, and only the safe direction reaches it. None of them touches alarms, the safe direction or local control.
 * A fold over ENTRY_REACTION. Here is no clock and no signature: the caller checks both before an entry is written. */
#ifndef PLATFORM_REACTION_H
#define PLATFORM_REACTION_H

#include "base/time.h"
#include "platform/life.h"
#include "wire/doc.h"

enum { REACTION_ID = 24, REACTION_SUBJECT = 64, REACTION_TEXT = 160, REACTION_WORD = 24, REACTIONS_MAX = 4096, REACTION_RULES_MAX = 64,
    REACTION_PROFILES_MAX = 4096, REACTION_FILTERS_MAX = 64, REACTION_WHY = 160 };
#define REACTION_LONGEST (7 * MS_DAY)       /* by a person */
#define REACTION_RULE_LONGEST MS_DAY        /* by a rule: then a person has had a day to look */
#define REACTION_OVERRULED_MS MS_HOUR       /* whom a person let go, no rule contains for so long */

/* name, word, 日本語, English */
#define MEASURES_(X)                                                                               \
    X(MEASURE_NONE, "none", "なし", "none")                                                        \
    X(MEASURE_NARROW, "narrow", "通信を製造者の定めの範囲に絞る", "narrow it to its maker's profile") \
    X(MEASURE_HOLD, "hold", "指令を承認待ちにする", "hold its commands for two people")            \
    X(MEASURE_QUARANTINE, "quarantine", "隔離する", "quarantine it")
enum measure {
#define X(name, word, ja, en) name,
    MEASURES_(X)
#undef X
        MEASURES
};
const char *measure_word(enum measure m);
const char *measure_ja(enum measure m);
const char *measure_en(enum measure m);
MUST outcome measure_parse(const char *word, enum measure *ret);

struct reaction_profile {        /* the part of a maker's profile that the data's path sees */
    char device[REACTION_SUBJECT], name[REACTION_TEXT], by[64];
    int64_t at_ms;
    const char **publish, **subscribe; /* MQTT filters; in arena */
    size_t n_publish, n_subscribe;
    struct arena arena;
};

struct reaction_rule {           /* "RR-1": signed beforehand */
    char id[REACTION_ID], cause[REACTION_WORD], device[REACTION_SUBJECT], group[REACTION_SUBJECT], by[64];
    enum measure measure;
    int64_t minutes, at_most;    /* at_most: identities it contains at one time */
    int64_t at_ms, ended_ms;     /* ended_ms 0: in force */
};

struct reaction {                /* "RC-1" */
    char id[REACTION_ID], device[REACTION_SUBJECT], cause[REACTION_WORD], rule[REACTION_ID], by[64], why[REACTION_TEXT];
    enum measure measure;
    int64_t from_ms, until_ms, ended_ms; /* ended_ms 0: in force until until_ms */
    char ended_by[64], ended_why[REACTION_TEXT];
};

struct reactions {
    struct reaction **at;        /* RC-1 is at[0] */
    size_t n, cap, running;      /* running: not ended */
    struct reaction_rule *rules;
    size_t n_rules;
    struct reaction_profile **profiles;
    size_t n_profiles, cap_profiles;
    uint64_t epoch;              /* rises with every change: remembered verdicts compare it */
};

/* Causes a rule may react to: all are seen on the identity's own authenticated link. What a sensor hears on a wire is not
 * among them: a stranger's packets never tighten anything. NULL-terminated. */
extern const char *const reaction_causes[];

/* Would this entry be taken: {"what":"begin","id","device","measure","cause","rule","by","why","until"},
 * {"what":"end","id","by","why"}, {"what":"rule","id","cause","device" or "group","measure","minutes","at_most","by"},
 * {"what":"rule-end","id","by","why"}, {"what":"profile","device","name","publish","subscribe","by"} (two empty lists: no profile
 * any more). E_MALFORMED, E_UNKNOWN, E_CONFLICT (in force already, ended already, nothing to narrow to), E_RANGE, E_FULL. */
MUST outcome reaction_judge(const struct reactions *all, const struct doc *d, int64_t now_ms, char why[REACTION_WHY]);
/* Whole or not at all. */
MUST outcome reaction_apply(struct reactions *all, const struct doc *d, int64_t at_ms);
void reactions_deinit(struct reactions *all);

void reaction_next_id(const struct reactions *all, char id[REACTION_ID]);
void reaction_next_rule(const struct reactions *all, char id[REACTION_ID]);
const struct reaction *reaction_find(const struct reactions *all, const char *id);
/* The one of this measure in force on this identity; NULL: none. all may be NULL. */
const struct reaction *reaction_on(const struct reactions *all, const char *device, enum measure m, int64_t now_ms);
/* Not ended, and its time is over: wants an "end". */
bool reaction_overdue(const struct reaction *r, int64_t now_ms);
const struct reaction_profile *reaction_profile_of(const struct reactions *all, const char *device);
/* Inside: for a subscription the whole filter. */
bool reaction_inside(const struct reaction_profile *p, bool subscribe, struct bytes topic);
/* The rule that speaks: of the device before of its group; NULL when none does, it contains as many as it may, or a person
 * let this device go within REACTION_OVERRULED_MS. */
struct reaction_case { const char *device, *group, *cause; int64_t now_ms; };
const struct reaction_rule *reaction_rule_for(const struct reactions *all, const struct reaction_case *c);

struct doc *reaction_doc(struct arena *a, const struct reaction *r, int64_t now_ms);
struct doc *reaction_rule_doc(struct arena *a, const struct reaction_rule *r);
struct doc *reaction_profile_doc(struct arena *a, const struct reaction_profile *p);
/* The document of a beginning. NULL: out of memory. */
struct reaction_begin { const char *device, *cause, *rule, *by, *why; enum measure measure; int64_t until_ms; };
struct doc *reaction_begin_doc(struct arena *a, const struct reactions *all, const struct reaction_begin *b);
struct doc *reaction_end_doc(struct arena *a, const char *id, const char *by, const char *why);

#endif
