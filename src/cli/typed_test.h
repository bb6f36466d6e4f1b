/* The command line as a person types it, in a folder of its own. */
#ifndef CLI_TYPED_TEST_H
#define CLI_TYPED_TEST_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "cli/cli.h"

static char folder[64], said[262144];

/* The exit code; what went to stderr and stdout is in `said`. */
static inline int typed(const char *words)
{
    char text[2048], path[80], *argv[24] = { "sekimori", "--lang", "en" };
    int argc = 3;
    snprintf(text, sizeof text, "%s", words);
    for (char *w = text; *w && argc < 24;) {
        argv[argc++] = w;
        w += strcspn(w, " ");
        if (*w) *w++ = 0;
    }
    snprintf(path, sizeof path, "%s/said", folder);
    fflush(stdout);
    int out = dup(1), err = dup(2);
    FILE *f = fopen(path, "w+e");
    assert(f && dup2(fileno(f), 1) == 1 && dup2(fileno(f), 2) == 2);
    int code = cli_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1), dup2(err, 2), close(out), close(err);
    rewind(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    fclose(f);
    return code;
}

static inline const char *source(const char *name)
{
    static char path[512];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
    return path;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st, (void)kind, (void)f;
    return remove(path);
}

static inline void typed_begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/cli-test-XXXXXX");
    assert(mkdtemp(folder));
}

static inline void typed_end(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
