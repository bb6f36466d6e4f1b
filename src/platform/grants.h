/* Grants: rows of subject, action, stream, ceiling, condition. Deny wins; what no row allows is denied. Read from a
 * reviewed file or a signed document by one reader, looked up by access at ingress and at the one egress. */
#ifndef PLATFORM_GRANTS_H
#define PLATFORM_GRANTS_H

#include "base/permit.h"
#include "platform/registry.h"

#define GRANTS_SCHEMA "sekimori-grants/1"
enum { GRANTS_MAX = 16384, GRANT_WHY = 160, GRANT_AUTHORITY = 96, GRANT_APPEAL = 120,
    GRANT_PURPOSE = 96, GRANT_SOURCE = 96 };

enum grant_subject { SUBJECT_ANY, SUBJECT_IDENTITY, SUBJECT_ROLE, SUBJECT_MODEL, SUBJECT_GROUP };
enum grant_action { GRANT_PUBLISH = 1, GRANT_SUBSCRIBE = 2, GRANT_HISTORY = 4, GRANT_COMMAND = 8, GRANT_ADMINISTER = 16 };

/* Confidentiality; a stream nobody declared is internal. */
enum label { LABEL_PUBLIC, LABEL_INTERNAL, LABEL_CONFIDENTIAL, LABEL_RESTRICTED, LABELS };
const char *label_word(enum label l);
enum label label_of(const struct stream *s); /* NULL: internal; a word we do not know: restricted */

struct grant { /* one stream of one row */
    char id[ID_MAX];
    enum grant_subject kind;
    char subject[ID_MAX];              /* "" for SUBJECT_ANY */
    unsigned actions;
    char stream[ID_MAX];               /* a declared stream by name, or "" and */
    char pattern[STREAM_PATTERN_MAX];  /* an MQTT filter with {own} and {site} */
    bool deny;
    enum label upto;                   /* what is read: the highest label */
    bool trusted, timed, permitted;    /* has a condition on: trust, time, an open work permit */
    bool emergency;                    /* ... an open emergency access */
    char purposes[GRANT_PURPOSE];      /* "" or words between blanks: " billing repair " */
    enum trust trust;
    uint16_t from_min, to_min;         /* of the day; from > to: over midnight */
    uint8_t days;                      /* bit 0 = Monday, of the day it began */
    int16_t zone_min;                  /* east of UTC */
    char why[GRANT_WHY], authority[GRANT_AUTHORITY], appeal[GRANT_APPEAL]; /* appeal: whom to ask; "": the policy's own */
    int line;                          /* of the file the policy was written in; 0 = unknown */
    uint16_t prefix;                   /* bytes of the pattern before the first wildcard or variable */
};

struct grants;

struct grants_error { int line; char text[240]; }; /* "grants[2].action: expected ..."; line 0 = unknown */
/* d: the map of the file, or the payload of the signed document (which has "type" and "at" besides). Fills errors up
 * to cap; E_CONFIG when there is any, also for a policy without rows. *ret is written only when there is none. */
MUST outcome grants_read(const struct doc *d, struct grants **ret, struct grants_error *errors, size_t cap, size_t *ret_n);
void grants_free(struct grants *g);
const char *grants_site(const struct grants *g);
int grants_zone(const struct grants *g); /* minutes east of UTC; 0 where the policy names none */
size_t grants_count(const struct grants *g);
const char *grants_source(const struct grants *g); /* the file it was written in; "" where unknown */
const char *grants_appeal(const struct grants *g); /* whom to ask about it; "" where it names nobody */
bool grants_spoke(const struct grants *g, size_t row); /* it allowed somebody something since it was read */
uint64_t grants_mark(const struct grants *g);      /* drawn anew for every policy read: tells one from another */
/* Rows in force for g; NULL: those of a new site, used until a policy is applied. */
const struct grant *grants_rows(const struct grants *g, size_t *ret_n);
const char *grant_subject_text(const struct grant *g, char *text, size_t size); /* "role:operator" */

/* The rows as a policy that grants_read reads again; site for NULL. */
struct doc *grants_doc(const struct grants *g, const char *site, struct arena *a);

struct grant_ask {
    const struct identity *who;
    enum grant_action action;
    bool filter;                 /* topic is a subscription's filter: a row must cover it whole */
    struct bytes topic;
    const struct stream *stream; /* of the topic; NULL for filters and where none is declared */
    int64_t now_ms;
    const char *purpose;         /* what the asker says it is for; NULL: nothing */
    const struct permits *permits; /* the open ones; NULL: none */
    bool standing;               /* only rows without conditions deny, and conditions do not keep a row from allowing:
                                  * what was rightly published stays so when a window closes */
};

struct grant_found {
    const struct grant *row;     /* a deny row, or the allowing row of the highest label; NULL: none */
    const struct grant *missed;  /* would allow but for its condition */
    bool varies;                 /* hangs on the clock, a permit or a purpose: may not be remembered */
    bool asks;                   /* not on the minute of the clock alone */
};

/* g NULL: the rows of a new site. */
struct grant_found grants_find(const struct grants *g, const char *site, const struct registry *r, const struct grant_ask *ask);

/* The same, remembered by identity, action and topic while nothing it hangs on has changed. Never for filters. */
struct grant_found grants_find_fast(const struct grants *g, const char *site, const struct registry *r,
    const struct grant_ask *ask);

bool grant_timely(const struct grant *g, int64_t now_ms);

/* Writes text; {1} and {2} in it stand for the words. */
void put_said(struct out *o, const char *text, const char *one, const char *two);

/* Why a row does not speak for a question: the first of these that is so. */
enum grant_miss { MISS_NONE, MISS_SUBJECT, MISS_ACTION, MISS_STREAM, MISS_TRUST, MISS_TIME, MISS_PERMIT, MISS_PURPOSE, MISS_EMERGENCY, GRANT_MISSES };
enum grant_miss grant_missing(const struct grant *g, const char *site, const struct registry *r, const struct grant_ask *ask);
/* The open permit of this subject that covers a topic (or, wholly, a filter); NULL: none. */
struct permit_ask { const char *subject; struct bytes topic; bool filter; int64_t now_ms; bool emergency; };
const struct permit *permit_covering(const struct permits *all, const struct permit_ask *ask);
/* The permit that opens it now; NULL: none. */
const struct permit *grant_permit(const struct grant_ask *ask);

/* Every row of a policy, tried: those that nearly speak as rows {step "tried", level, result, grant, at, text_en, text_ja},
 * the nearest first and at most GRANT_TRIED; of the others how many, and why. Returns how many speak. */
enum { GRANT_TRIED = 24 };
size_t grants_tried(const struct grants *g, const char *site, const struct registry *r, const struct grant_ask *ask,
    struct arena *arena, struct doc *list);
/* "grants.yaml:14", or the row's id where its file is not known. */
const char *grant_place(const struct grants *g, const struct grant *row, char *text, size_t size);
/* "trust attested, 08:30-17:15 mon fri, work permit, purpose billing"; "" without conditions. */
const char *grant_when_text(const struct grant *g, char *text, size_t size);

#endif
