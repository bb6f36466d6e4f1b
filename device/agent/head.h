/* The newest signed head of the site's record that this device was given: it keeps it, shows it to the site at every
 * session, and says so when it is given an earlier one or another of the same size. A site that was set back to an
 * older directory, keys and all, is found out by what its devices kept. */
#ifndef DEVICE_AGENT_HEAD_H
#define DEVICE_AGENT_HEAD_H

#include "crypto/note.h"

enum head_step { HEAD_FIRST, HEAD_SAME, HEAD_LATER, HEAD_EARLIER, HEAD_OTHER, HEAD_STEPS };
/* "earlier" and so on, for people and programs. */
const char *head_step_word(enum head_step s);

/* kept: empty when none was ever given. E_MALFORMED when `given` is no head, E_UNKNOWN when it is of another record.
 * The device holds no key of the record: who gives it is known by TLS, and the site verifies what it is shown. */
MUST outcome head_judge(struct bytes kept, struct bytes given, enum head_step *ret);

#endif
