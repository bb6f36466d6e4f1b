/* An alert as other systems take it: syslog (RFC 5424), a CloudEvents 1.0 event whose data is an OCSF Detection Finding, a
 * mail (RFC 5322). Pure. Whatever a stranger chose is escaped once more: control characters and bytes that are not UTF-8
 * become \xNN, so that one alert is one line, one event, one mail. */
#ifndef WATCH_ALERT_FORM_H
#define WATCH_ALERT_FORM_H

#include "base/mem.h"
#include "base/time.h"

enum alert_level { ALERT_LOW = 1, ALERT_MEDIUM, ALERT_HIGH, ALERT_CRITICAL }; /* OCSF severity less one: 2 to 5 */

struct alert_out { /* views */
    const char *site, *host; /* the site's id; this machine's name */
    const char *id;          /* unique within the site: a receiver leaves out what it has */
    const char *cause, *what, *device, *group;
    const char *text_ja, *text_en;
    int64_t at_ms, first_ms; /* of the newest, of the first of this cause */
    uint32_t count;          /* of this cause since the last that was sent */
    enum alert_level level;
};

/* Each appends one whole message. E_TOO_LARGE: over the buffer's bound. */
MUST outcome alert_syslog(const struct alert_out *a, struct buffer *b);
MUST outcome alert_event(const struct alert_out *a, struct buffer *b);
struct alert_mail { const char *from, *to; };
MUST outcome alert_mail_text(const struct alert_out *a, const struct alert_mail *m, struct buffer *b);

/* "a\x1b[2J" for people and lines; size at least 5. */
void alert_safe(const char *raw, char *text, size_t size);

#endif
