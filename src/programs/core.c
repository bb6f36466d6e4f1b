/* sekimorid-core: all state, one loop, no network socket. Started by the keeper with fd 3. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/core.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static int load(const char *path, struct config *ret)
{
    struct buffer text;
    struct config_error errors[20];
    size_t n = 0;
    outcome o = port_file_load(path, 1 << 20, &text);
    if (!ok(o)) {
        fprintf(stderr, "error[SK-0101]: %s: %s\n  try: sekimori init\n", path, o.sys ? strerror(o.sys) : code_word(o.code));
        return EXIT_CONFIG;
    }
    o = config_read(buffer_view(&text), ret, errors, 20, &n);
    buffer_deinit(&text);
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "error[SK-0102]: %s:%d: %s\n", path, errors[i].line, errors[i].text);
    return ok(o) ? 0 : EXIT_CONFIG;
}

int main(int argc, char **argv)
{
    const char *state = "/var/lib/sekimori", *file = NULL;
    bool check = false;
    char path[600];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0) check = true;
        else if (strcmp(argv[i], "--state") == 0 && i + 1 < argc) state = argv[++i];
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) file = argv[++i];
        else {
            fprintf(stderr, "usage: sekimorid-core [--state DIR] [--config FILE] [--check]\n");
            return EXIT_USAGE;
        }
    }
    static struct config config;
    static struct core core;
    snprintf(path, sizeof path, "%s/sekimori.conf", state);
    int code = load(file ? file : path, &config);
    if (code || check) {
        if (!code) printf("%s: ok\n", file ? file : path);
        return code;
    }
    outcome o = core_open(&core, state, &config);
    if (ok(o)) o = core_run(&core);
    if (!ok(o)) fprintf(stderr, "error[SK-0100]: core: %s (%s) at %s\n", code_word(o.code), strerror(o.sys), o.at);
    core_close(&core);
    fflush(NULL);
    _exit(ok(o) ? 0 : EXIT_FAILED); /* not exit: nothing that runs at exit may need what core gave up */
}
