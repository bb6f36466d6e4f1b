/* Making the crypto library ready, once, before a process locks itself in: no configuration file is
 * ever read, error texts and the random generators are loaded and seeded now, so that nothing has
 * to be opened later. Optional in programs that have no sandbox. */
#ifndef CRYPTO_INIT_H
#define CRYPTO_INIT_H

#include "base/outcome.h"

/* Call from the first thread. E_CRYPTO when the library cannot give randomness. */
MUST outcome crypto_init(void);

#endif
