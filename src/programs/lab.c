/* sekimorid-lab PORT [--ws PORT] [--state DIR] [--grants FILE] [--passing FILTER]: for conformance suites only. Says so on every start. */
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
static const char usage[] =
    "usage: sekimorid-lab PORT [--ws PORT] [--state DIR] [--grants FILE] [--passing FILTER]\n"
    "  PORT           MQTT 3.1.1 and 5 on 127.0.0.1, plaintext\n"
    "  --ws PORT      MQTT over WebSocket, path /mqtt\n"
    "  --state DIR    keeps sessions, retained messages and the record here; without it they end with the program\n"
    "  --grants FILE  who may what (JSON, from sekimori grant new FILE --out); without it everybody everything, but\n"
    "                 subscribe to test/nosubscribe and nosubscribe, which is refused with 0x80\n"
    "  --passing F    topics under this filter are not recorded (where DIR is new); without it all are\n";

static bool port_of(const char *text, uint16_t *ret)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || v < 1 || v > 65535) return false;
    *ret = (uint16_t)v;
    return true;
}

/* What is wrong with the arguments; NULL: nothing. */
static const char *options(int argc, char **argv, struct lab_options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool option = argv[i][0] == '-';
        if (option && !value) return argv[i];
        if (strcmp(argv[i], "--state") == 0) o->state = value;
        else if (strcmp(argv[i], "--grants") == 0) o->grants = value;
        else if (strcmp(argv[i], "--passing") == 0) o->passing = value;
        else if (strcmp(argv[i], "--ws") == 0 && !port_of(value, &o->ws_port)) return value;
        else if (option && strcmp(argv[i], "--ws") != 0) return argv[i];
        else if (!option && (o->port || !port_of(argv[i], &o->port))) return argv[i];
        i += option;
    }
    return o->port ? NULL : "PORT";
}

static int usage_wrong(const char *what)
{
    bool help = strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0;
    if (!help) fprintf(stderr, "error[SK-0002]: sekimorid-lab: not understood, or its value is missing: %s\n", what);
    fputs(usage, help ? stdout : stderr);
    return help ? 0 : EXIT_USAGE;
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
    const char *wrong = options(argc, argv, &o);
    if (wrong) return usage_wrong(wrong);
    fputs(warning, stderr);
    if (!o.state) {
        const char *tmp = getenv("TMPDIR");
        snprintf(made, sizeof made, "%s/sekimorid-lab-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        o.state = mkdtemp(made);
    }
    if (!o.state) {
        fprintf(stderr, "error[SK-0003]: sekimorid-lab: no directory for its state\n  at: TMPDIR\n  try: --state DIR\n");
        return EXIT_FAILED;
    }
    outcome end = lab_run(&o, why);
    if (!ok(end)) fprintf(stderr, "error[SK-0004]: sekimorid-lab: %s (%s)\n  at: %s\n", why, code_word(end.code), o.state);
    if (made[0]) nftw(made, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return ok(end) ? 0 : end.code == E_DENIED || end.code == E_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}
