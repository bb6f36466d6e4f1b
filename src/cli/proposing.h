/* `sekimori mission propose` between its files: what is read from the running site. */
#ifndef CLI_PROPOSING_H
#define CLI_PROPOSING_H

#include "cli/cli.h"
#include "cli/propose.h"

/* What was seen but fits no group of the file. */
struct unplaced {
    char ids[16][64];
    size_t n;
    bool more, no_platform;
};

/* Fills p and orders it. 0, or the complaint already printed; what c's arena held before is gone. */
int propose_look(struct cli *c, struct proposals *p, struct unplaced *ret);

#endif
