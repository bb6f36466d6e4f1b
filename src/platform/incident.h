/* Incidents (事案): opened with the record's root of that moment, manual operation declared, reports due by their clocks, a timeline,
 * closed with the loss there really was. A fold over ENTRY_INCIDENT; here is no clock. While one is open nothing recorded
 * is given up. Which reports are due is data of who opens it (catalogue/duties.json) and stands in the entry. */
#ifndef PLATFORM_INCIDENT_H
#define PLATFORM_INCIDENT_H

#include "base/time.h"
#include "wire/doc.h"

enum { INCIDENT_MAX = 1024, INCIDENT_ID = 16, INCIDENT_TEXT = 400, INCIDENT_DUTIES = 16, INCIDENT_DUTY_ID = 32 };
#define INCIDENT_MINUTES_MAX ((int64_t)60 * 24 * 365)

struct incident_duty {
    char id[INCIDENT_DUTY_ID];
    int64_t due_ms, done_ms;       /* done: 0 while it is owed */
    bool waived;                   /* it did not apply; why says so */
    bool told;                     /* that it was missed; not recorded */
    char by[64], why[INCIDENT_TEXT];
};

struct incident {
    char id[INCIDENT_ID];          /* "INC-7" */
    char cause[96], title[INCIDENT_TEXT], finding[INCIDENT_TEXT], manual[INCIDENT_TEXT];
    char opened_by[64], manual_by[64], closed_by[64], root[65];
    int64_t opened_ms, noticed_ms, manual_ms, closed_ms; /* 0: not */
    uint64_t size;                 /* of the record when it was opened, under root */
    int64_t loss_yen, loss_minutes;
    struct incident_duty duties[INCIDENT_DUTIES];
    size_t n_duties;
};

struct incidents {
    struct incident *at;           /* INC-1 is at[0] */
    size_t n, cap;
};

/* {"what": "open", "id", "by", "cause", "title", "noticed", "size", "root", "duties": [{"id", "minutes"}]};
 * {"what": "manual"|"note"|"sent"|"waive"|"close", "id", "by", "why"}, sent and waive with "duty", close with "loss_yen" and
 * "loss_minutes". E_MALFORMED, E_UNKNOWN, E_RANGE, E_FULL, E_CONFLICT; why, where not NULL, says it. */
MUST outcome incident_judge(const struct incidents *all, const struct doc *d, int64_t at_ms, const char **ret_why);
MUST outcome incident_apply(struct incidents *all, const struct doc *d, int64_t at_ms);
void incidents_deinit(struct incidents *all);

struct incident *incident_find(const struct incidents *all, const char *id);
void incident_next_id(const struct incidents *all, char id[INCIDENT_ID]);
bool incidents_open(const struct incidents *all);
bool incident_missed(const struct incident_duty *d, int64_t now_ms);
struct doc *incident_doc(struct arena *a, const struct incident *i, int64_t now_ms);

#endif
