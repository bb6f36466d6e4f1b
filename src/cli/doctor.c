/* `sekimori doctor`: each check a row; says what is wrong and what to do, exits 1 when something is. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cli/cli.h"

enum { FREE_MIN_MB = 512 };

struct finding {
    bool good;
    char text[200];
};

static void check_clock(struct cli *c, struct finding *f)
{
    static const int64_t built_ms = 1763769600000; /* 2025-11-22: no clock may be before the program */
    char text[TIME_TEXT];
    (void)c;
    time_text(port_wall_ms(), text);
    f->good = port_wall_ms() > built_ms;
    snprintf(f->text, sizeof f->text, "%s", text);
}

static void check_keys(struct cli *c, struct finding *f)
{
    static const char *const names[] = { "issuing.key", "server.key", "ledger.key" };
    f->good = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[700];
        struct stat s;
        snprintf(path, sizeof path, "%s/keys/%s", c->state, names[i]);
        if (stat(path, &s) == 0 && (s.st_mode & 077) == 0) continue;
        f->good = false;
        snprintf(f->text, sizeof f->text, "chmod 600 %.180s", path);
    }
}

static void check_custody(struct cli *c, struct finding *f)
{
    char path[700];
    struct stat s;
    snprintf(path, sizeof path, "%s/keys/root.key", c->state);
    f->good = stat(path, &s) != 0;
    if (!f->good) snprintf(f->text, sizeof f->text, "%.190s", path);
}

static void check_disk(struct cli *c, struct finding *f)
{
    struct statvfs v;
    unsigned long long mb = statvfs(c->state, &v) == 0 ? (unsigned long long)v.f_bavail * v.f_frsize >> 20 : 0;
    f->good = mb >= FREE_MIN_MB;
    snprintf(f->text, sizeof f->text, "%llu MB", mb);
}

/* backup.json is what `backup make` left behind. */
static void check_backup(struct cli *c, struct finding *f)
{
    char path[700];
    struct buffer b = BUFFER(0);
    struct doc *d = NULL;
    int64_t at = 0;
    snprintf(path, sizeof path, "%s/backup.json", c->state);
    outcome o = port_file_load(path, 65536, &b);
    if (ok(o)) o = doc_read_json(buffer_view(&b), &c->arena, &d);
    if (ok(o)) o = time_parse(bytes_str(doc_text(d, "at", "")), &at);
    buffer_deinit(&b);
    f->good = ok(o) && port_wall_ms() - at < 7 * MS_DAY;
    snprintf(f->text, sizeof f->text, "%s", ok(o) ? doc_text(d, "at", "") : "sekimori backup make DIR");
}

static void row(struct cli *c, enum word name, const struct finding *f, int *bad)
{
    printf("%s %s  %s  %s\n", f->good ? "●" : "■", cli_say(c, name), f->good ? cli_say(c, W_FINE) : cli_say(c, W_BAD), f->text);
    if (!f->good) ++*bad;
}

/* Nothing brought is as good; something brought that is not shown, or soon ends, is not. */
static void check_certificate(struct cli *c, int *bad)
{
    const struct doc *d = NULL, *web;
    char path[700];
    struct stat s;
    int64_t until = 0;
    struct finding f = { .good = true };
    snprintf(path, sizeof path, "%s/keys/web.pem", c->state);
    if (stat(path, &s) != 0 || ask(c, "GET", "/api/v1/certificates", BYTES_NONE, &d) != EXIT_OK) return;
    web = doc_get(d, "web");
    f.good = web && ok(time_parse(bytes_str(doc_text(web, "until", "")), &until)) && until - port_wall_ms() > 14 * MS_DAY;
    snprintf(f.text, sizeof f.text, "%.190s", web ? doc_text(web, "until", "") : path);
    row(c, W_DOC_CERTIFICATE, &f, bad);
}

static void check_daemon(struct cli *c, int *bad)
{
    const struct doc *d = NULL;
    struct finding f = { .good = ask(c, "GET", "/api/v1/status", BYTES_NONE, &d) == EXIT_OK };
    row(c, W_DOC_DAEMON, &f, bad);
    if (!f.good) return;
    const struct doc *l = doc_get(d, "ledger"), *decision = doc_get(d, "decision"), *model = doc_get(d, "model");
    f.good = l && strcmp(doc_text(l, "health", ""), "ok") == 0;
    snprintf(f.text, sizeof f.text, "%lld %s", l ? (long long)doc_int(l, "size", 0) : 0, cli_say(c, W_ENTRIES));
    row(c, W_DOC_RECORD, &f, bad);
    f.good = model != NULL;
    snprintf(f.text, sizeof f.text, "%s", model ? doc_text(model, "at", "") : "sekimori mission check FILE; mission new; sign; apply");
    row(c, W_DOC_MODEL, &f, bad);
    f.good = decision && strcmp(doc_text(decision, "state", ""), "in-force") == 0;
    snprintf(f.text, sizeof f.text, "%s", decision ? doc_said(c, decision, "text") : "sekimori decision new; sign; apply");
    row(c, W_DOC_DECISION, &f, bad);
    check_certificate(c, bad);
}

int cmd_doctor(struct cli *c)
{
    static const struct { enum word name; void (*check)(struct cli *c, struct finding *f); } rows[] = { { W_DOC_CLOCK, check_clock },
        { W_DOC_KEYS, check_keys }, { W_DOC_CUSTODY, check_custody }, { W_DOC_DISK, check_disk },
        { W_DOC_BACKUP, check_backup } };
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct finding f = { 0 };
        rows[i].check(c, &f);
        row(c, rows[i].name, &f, &bad);
    }
    check_daemon(c, &bad);
    return bad ? EXIT_FAILED : EXIT_OK;
}
