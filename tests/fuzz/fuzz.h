/* One target per format: the same reader the product uses, and what must hold of anything it takes.
 * A broken promise aborts. libFuzzer calls the target, or replay_main.c with the kept inputs. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdlib.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Is the view inside the input (or nothing)? Reading outside is the bug we look for. */
static inline bool fuzz_inside(struct bytes view, struct bytes whole)
{
    return view.at == NULL
        || (view.at >= whole.at && view.at + view.n <= whole.at + whole.n);
}

#define HOLDS(claim)                                                                               \
    do {                                                                                           \
        if (!(claim)) abort();                                                                     \
    } while (0)

#endif
