/* What the sensor saw, as the command line asks for it: the sensor runs as a child in its own cage, so that no byte of a
 * capture is parsed here. */
#ifndef CLI_SENSED_H
#define CLI_SENSED_H

#include "cli/cli.h"

struct sensed {
    struct arena arena;
    const struct doc *doc; /* watch/survey_doc.h */
};

/* target: a capture file, or an interface to listen to. Exit code 0, or the complaint already printed. Release with
 * sensed_deinit in any case. */
int sensed_get(struct cli *c, const char *target, struct sensed *ret);
/* An interface as it happens: line is called with each flow that is new or about which more became known:
 * {"flow", "said", "client_names", "server_names"}; what it points at lives until it returns. */
int sensed_follow(struct cli *c, const char *interface, void (*line)(void *ctx, const struct doc *line), void *ctx);
void sensed_deinit(struct sensed *s);
/* The host with that address, or NULL. */
const struct doc *sensed_host(const struct sensed *s, const char *address);

struct mud_profile;
/* mud.c: a maker's profile from a file, compiled; complains itself. */
int load_mud(struct cli *c, const char *path, struct mud_profile *ret);

#endif
