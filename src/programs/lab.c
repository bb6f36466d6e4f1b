/* sekimorid-lab PORT [--ws PORT] [--state DIR]: for conformance suites only. Says so on every start. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/port/port.h"
#include "node/lab.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static const char warning[] =
    "sekimorid-lab: 試験専用です。業務には使わないでください。暗号化も認証もなく、すべてを許可します。\n"
    "sekimorid-lab: for conformance tests only. Do not use it for anything else: no encryption, no sign-in, everything is allowed.\n";
static const char usage[] = "usage: sekimorid-lab PORT [--ws PORT] [--state DIR]\n";

static bool port_of(const char *text, uint16_t *ret)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || v < 1 || v > 65535) return false;
    *ret = (uint16_t)v;
    return true;
}

static bool options(int argc, char **argv, struct lab_options *o)
{
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (strcmp(argv[i], "--ws") == 0 && value) {
            if (!port_of(argv[++i], &o->ws_port)) return false;
        } else if (strcmp(argv[i], "--state") == 0 && value) {
            o->state = argv[++i];
        } else if (o->port || !port_of(argv[i], &o->port)) {
            return false;
        }
    }
    return o->port != 0;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s, (void)kind, (void)f;
    return remove(path);
}

int main(int argc, char **argv)
{
    char made[600] = "", why[160] = "";
    struct lab_options o = { 0 };
    if (!options(argc, argv, &o)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    fputs(warning, stderr);
    if (!o.state) {
        const char *tmp = getenv("TMPDIR");
        snprintf(made, sizeof made, "%s/sekimorid-lab-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        o.state = mkdtemp(made);
    }
    if (!o.state) {
        fprintf(stderr, "sekimorid-lab: no directory for its state\n");
        return EXIT_FAILED;
    }
    outcome end = lab_run(&o, why);
    if (!ok(end)) fprintf(stderr, "sekimorid-lab: %s (%s)\n", why, code_word(end.code));
    if (made[0]) nftw(made, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return ok(end) ? 0 : end.code == E_DENIED ? EXIT_CONFIG : EXIT_FAILED;
}
