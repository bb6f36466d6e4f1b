/* The console's files, read once at start into memory: nothing on the disk is opened for a request. */
#include <stdio.h>

#include "service/internal.h"

enum { FILE_MAX = 4 << 20 };

static const char *type_of(const char *name)
{
    static const struct { const char *ending, *type; } rows[] = { { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" }, { ".css", "text/css; charset=utf-8" }, { ".svg", "image/svg+xml" },
        { ".json", "application/json" }, { ".ico", "image/x-icon" }, { ".txt", "text/plain; charset=utf-8" } };
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t e = strlen(rows[i].ending);
        if (n > e && strcmp(name + n - e, rows[i].ending) == 0) return rows[i].type;
    }
    return NULL; /* not served: an unknown kind in the folder is nobody's page */
}

struct loading {
    struct service *s;
    const char *dir, *prefix;
};

static outcome load_one(void *ctx, const char *name)
{
    const struct loading *l = ctx;
    struct service *s = l->s;
    char path[512];
    const char *type = type_of(name);
    if (!type || s->n_files == SERVICE_FILES_MAX) return DONE;
    snprintf(path, sizeof path, "%s/%s", l->dir, name);
    TRY(port_file_load(path, FILE_MAX, &s->files[s->n_files].body));
    snprintf(s->files[s->n_files].path, sizeof s->files->path, "%s/%s", l->prefix, name);
    s->files[s->n_files++].type = type;
    return DONE;
}

outcome files_load(struct service *s)
{
    char assets[300];
    struct loading top = { s, s->port.console_dir, "" }, below = { s, assets, "/assets" };
    if (!s->port.console_dir[0]) return DONE;
    snprintf(assets, sizeof assets, "%s/assets", s->port.console_dir);
    outcome o = port_dir_list(top.dir, load_one, &top);
    if (ok(o)) o = port_dir_list(assets, load_one, &below);
    return o.code == E_MISSING ? DONE : o; /* a site works without its page; files_serve says so */
}

/* Any path without a dot that is no API path is the console's single page. */
static bool is_page(struct bytes path)
{
    return !bytes_starts(path, BYTES_LIT("/api/")) && !bytes_starts(path, BYTES_LIT("/.well-known/"))
        && (path.n == 0 || !memchr(path.at, '.', path.n));
}

outcome files_serve(struct service *s, struct request *q, bool *ret_found)
{
    struct bytes path = is_page(q->http->path) ? BYTES_LIT("/index.html") : q->http->path;
    *ret_found = false;
    for (size_t i = 0; i < s->n_files; i++) {
        if (!bytes_equal_str(path, s->files[i].path)) continue;
        *ret_found = true;
        return answer_text(q, s->files[i].type, buffer_view(&s->files[i].body));
    }
    if (s->n_files || !is_page(q->http->path)) return DONE;
    *ret_found = true;
    q->status = 404;
    return answer_text(q, "text/plain; charset=utf-8",
        BYTES_LIT("The console is not installed on this site: set console-dir in sekimori.conf.\n"
                  "この関守には画面のファイルがありません。sekimori.conf の console-dir で場所を指定してください。\n"));
}
