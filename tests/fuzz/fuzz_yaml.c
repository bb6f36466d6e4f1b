/* A file people wrote, as the command line reads it: a tree with lines, or one complaint. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "fuzz.h"

static void check_lines(const struct doc *d, int last)
{
    HOLDS(d->line >= 0 && d->line <= last);
    size_t n = 0;
    for (const struct doc *m = d->kind == DOC_MAP || d->kind == DOC_LIST ? d->first : NULL; m; m = m->next, n++) check_lines(m, last);
    HOLDS((d->kind != DOC_MAP && d->kind != DOC_LIST) || n == d->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool quiet;
    char path[64];
    struct cli c = { .arena = ARENA(64 << 20) };
    struct doc *d = NULL;
    int fd = memfd_create("yaml", MFD_CLOEXEC), lines = 2;
    if (!quiet) quiet = freopen("/dev/null", "w", stderr) != NULL; /* each complaint is written once */
    HOLDS(fd >= 0 && (n == 0 || write(fd, data, n) == (ssize_t)n));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < n; i++) lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
    int code = read_yaml(&c, path, &d);
    HOLDS(code == EXIT_CONFIGURATION || (code == EXIT_OK && d));
    if (code == EXIT_OK) check_lines(d, lines);
    close(fd);
    arena_deinit(&c.arena);
    return 0;
}
