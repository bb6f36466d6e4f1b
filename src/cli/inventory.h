/* An inventory file in whatever form and character set it was exported. */
#ifndef CLI_INVENTORY_H
#define CLI_INVENTORY_H

#include "cli/cli.h"
#include "watch/inventory.h"

/* Rows live in c's arena. Complains itself. */
int inventory_file(struct cli *c, const char *path, struct inventory *ret);

#endif
