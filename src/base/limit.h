/* What a signed decision imposes on the data's path, in the words exchange and gate obey. Made by
 * assurance, handed over by node, looked up by access at the single point of egress. */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include "base/outcome.h"

enum limit_mode {
    LIMIT_NONE,
    LIMIT_FLAG, /* pass and flag (user property sk-flag) */
    LIMIT_HOLD, /* hold for release by two people; safe direction passes */
    LIMIT_SAFE, /* safe direction only; others are refused, not held */
    LIMIT_DENY, /* refused; safe direction passes all the same */
    LIMIT_MODES
};

#define LIMIT_ID_MAX 24
#define LIMIT_PATTERN_MAX 128
#define LIMIT_MAX 4096

struct limit {
    char id[LIMIT_ID_MAX];               /* "L-7" */
    char decision[LIMIT_ID_MAX];         /* "D-1": the authority it cites */
    char condition[48];                  /* "attested(gw-02)": what broke */
    char device[64];                     /* scope; "" = every device the stream pattern meets */
    char stream[LIMIT_PATTERN_MAX];      /* MQTT filter over topics */
    enum limit_mode mode;
    bool enforced; /* false: observe mode, judged and counted, nothing withheld */
    int64_t since_ms, until_ms; /* wall clock; until is the decision's end */
};

/* Whose streams yield when more comes than can be carried: place 0 never does, the highest place first. A group
 * without a row serves no mission: it stands at the last place. */
struct precedence {
    char group[48];
    uint8_t place; /* of the most important mission that the group serves */
};

/* The whole set in force, swapped in one step. Owned by whoever made it. */
struct limits {
    const struct limit *rows;
    size_t n;
    uint64_t epoch;
    const struct precedence *places; /* no rows: nobody has said what matters more, and nobody yields */
    size_t n_places;
    uint8_t last_place;
    uint64_t places_epoch;           /* another number after any change of places */
};

#endif
