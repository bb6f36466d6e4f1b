/* The order in which missions keep their streams when more comes than can be carried: by safety (S3 first), then by what
 * an hour of the service is worth, then as the model lists them. A group takes the place of the most important mission that
 * rests on it, directly or through what other groups depend on. */
#ifndef ASSURANCE_PRECEDENCE_H
#define ASSURANCE_PRECEDENCE_H

#include "assurance/model.h"

/* rows: MODEL_GROUPS_MAX of them. Returns how many were filled; *ret_last: the place of whoever serves no mission. */
size_t precedence_of(const struct model *m, struct precedence rows[MODEL_GROUPS_MAX], uint8_t *ret_last);

#endif
