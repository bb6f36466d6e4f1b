/* A survey as the document the sensor hands over: plain JSON of texts, integers and lists. */
#ifndef WATCH_SURVEY_DOC_H
#define WATCH_SURVEY_DOC_H

#include "watch/finding.h"
#include "wire/doc.h"

enum { SURVEY_FINDINGS = 1000, SURVEY_JSON_MAX = 64 << 20 };

/* {"packets", "bytes", "from", "to", "unread", "cut", "fragments", "other_links", "lost", "hosts": [...], "flows": [...],
 * "findings": [...], "findings_more"}. In the arena; NULL = out of memory. */
struct doc *survey_doc(const struct survey *s, struct arena *a);
/* One flow as it happens: {"flow", "said", "client_names", "server_names"}. */
struct doc *survey_line(const struct survey *s, size_t flow, const char *said, struct arena *a);

#endif
