/* What a sensor's operator reports about a host, checked and in the one form it is kept in. */
#ifndef WATCH_OBSERVED_H
#define WATCH_OBSERVED_H

#include "base/bytes.h"

enum { OBSERVED_ADDRESS = 46 };

/* address: as anybody writes it -> as it is always written; protocol: a word of dissect.h. E_MALFORMED. */
MUST outcome observed_host(const char *address, const char *protocol, char ret_address[OBSERVED_ADDRESS], const char **ret_word);

/* Bytes a stranger chose, safe to show and to store (address.h, text_shown). */
void observed_text(struct bytes raw, char *text, size_t size);

#endif
