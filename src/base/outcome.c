#include "base/outcome.h"

const char *code_word(enum code code)
{
    static const char *const words[OUTCOME_COUNT] = {
#define X(name, word) [name] = word,
        OUTCOME_CODES(X)
#undef X
    };
    return (unsigned)code < OUTCOME_COUNT ? words[code] : "?";
}
