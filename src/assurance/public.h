/* The public statement (セキュリティ品質の表示): what a service's users expect and what was achieved, in words that the mission owner
 * and the executive body approved by signature, for anybody to read. Never live status: only what was signed, until its own end. */
#ifndef ASSURANCE_PUBLIC_H
#define ASSURANCE_PUBLIC_H

#include "assurance/assurance.h"

#define PUBLIC_SERVICES_MAX 16
#define PUBLIC_TEXT_MAX 2000
#define PUBLIC_DAYS_MAX 400

/* {"type":"public","site","at","id","expires","withdrawn":bool,"text":{"ja","en"},"services":[{"id","name":{..},"expects":{..},
 * "achieved":{..}}]}. E_MALFORMED; *ret_bad names the first member that is wrong. */
MUST outcome public_read(const struct doc *payload, int64_t at_ms, int64_t *ret_expires_ms, const char **ret_bad);

/* A signed one is taken, recorded, and stands in the place of the one before. */
MUST outcome assurance_public(struct assurance *a, struct bytes json, int64_t now_ms, char why[ASSURANCE_WHY]);
/* Its payload while it stands; NULL: none was approved, it is over, or it was withdrawn. */
const struct doc *assurance_public_doc(const struct assurance *a, int64_t now_ms);

#endif
