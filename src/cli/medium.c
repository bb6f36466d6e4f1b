/* See medium.h. */
#include "cli/medium.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/box.h"

enum { BLOCK = 65536, DEPTH = 6 };

static MUST outcome join(char to[MEDIUM_PATH], const char *dir, const char *relative)
{
    int n = snprintf(to, MEDIUM_PATH, "%s%s%s", dir, *dir && *relative ? "/" : "", relative);
    return n < 0 || n >= MEDIUM_PATH ? REFUSE(E_TOO_LARGE) : DONE;
}

/* ---- walking ---- */

struct walk {
    const char *dir;
    const char *const *skip;
    medium_visit fn;
    void *ctx;
    int depth;
    const char *below;
};

static bool skipped(const struct walk *w, const char *relative)
{
    for (size_t i = 0; w->skip && w->skip[i]; i++)
        if (strcmp(w->skip[i], relative) == 0) return true;
    return false;
}

static MUST outcome walk_below(const struct walk *w, const char *relative);

static outcome walk_one(void *ctx, const char *name)
{
    const struct walk *w = ctx;
    char relative[MEDIUM_PATH], path[MEDIUM_PATH];
    struct stat s;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return DONE;
    TRY(join(relative, w->below, name));
    if (skipped(w, relative)) return DONE;
    TRY(join(path, w->dir, relative));
    if (lstat(path, &s) != 0) return errno == ENOENT ? DONE : REFUSE_SYS(E_IO, errno); /* it went meanwhile */
    if (S_ISDIR(s.st_mode)) return walk_below(w, relative);
    return S_ISREG(s.st_mode) ? w->fn(w->ctx, relative, (uint64_t)s.st_size, s.st_mode & 0777) : DONE;
}

static outcome walk_below(const struct walk *w, const char *relative)
{
    char path[MEDIUM_PATH];
    struct walk here = *w;
    here.below = relative;
    if (++here.depth > DEPTH) return REFUSE(E_TOO_LARGE);
    TRY(join(path, w->dir, relative));
    return port_dir_list(path, walk_one, &here);
}

outcome medium_walk(const char *dir, const char *below, const char *const *skip, medium_visit fn, void *ctx)
{
    struct walk w = { .dir = dir, .skip = skip, .fn = fn, .ctx = ctx };
    return walk_below(&w, below);
}

/* ---- copying ---- */

static MUST outcome folders_of(const char *path)
{
    char part[MEDIUM_PATH];
    for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        TRY(port_dir_make(part, 0700));
    }
    return DONE;
}

static bool all_zero(const uint8_t *b, size_t n)
{
    return n == 0 || (b[0] == 0 && memcmp(b, b + 1, n - 1) == 0);
}

static MUST outcome copy_blocks(int from, int to, uint64_t size)
{
    static uint8_t block[BLOCK];
    for (uint64_t at = 0; at < size; at += BLOCK) {
        size_t n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
        TRY(port_file_read(from, at, block, n));
        if (!all_zero(block, n)) TRY(port_file_write(to, at, bytes_of(block, n)));
    }
    TRY(port_file_truncate(to, size));
    return port_file_sync(to);
}

outcome medium_copy(const char *from_dir, const char *to_dir, const char *relative)
{
    char from[MEDIUM_PATH], to[MEDIUM_PATH];
    int in, out;
    uint64_t size;
    TRY(join(from, from_dir, relative));
    TRY(join(to, to_dir, relative));
    TRY(folders_of(to));
    TRY(port_file_open_read(from, &in));
    outcome o = port_file_open(to, true, &out);
    if (!ok(o)) {
        port_file_close(in);
        return o;
    }
    o = port_file_size(in, &size);
    if (ok(o)) o = copy_blocks(in, out, size);
    port_file_close(in);
    port_file_close(out);
    return o;
}

/* ---- the archive ---- */

outcome medium_pack(const char *dir, const char *relative, unsigned mode, struct buffer *archive)
{
    char path[MEDIUM_PATH];
    uint8_t head[MEDIUM_PATH + 16];
    struct out o = out_of(head, sizeof head);
    struct buffer b = BUFFER(0);
    TRY(join(path, dir, relative));
    outcome r = port_file_load(path, MEDIUM_FILE_MAX, &b);
    if (r.code == E_MISSING) return DONE;
    TRY(r);
    if (archive->n == 0) put_str(&o, "SKB1");
    put_field16(&o, bytes_str(relative));
    put_u16(&o, (uint16_t)mode);
    put_u32(&o, (uint32_t)b.n);
    r = out_done(&o);
    if (ok(r)) r = buffer_put(archive, out_view(&o));
    if (ok(r)) r = buffer_put(archive, buffer_view(&b));
    buffer_wipe(&b);
    return r;
}

/* Below the folder, and nothing clever. */
static bool path_good(const char *p)
{
    return *p && *p != '/' && !strstr(p, "..") && !strstr(p, "//") && strlen(p) < MEDIUM_PATH / 2;
}

outcome medium_unpack(struct bytes archive, medium_file fn, void *ctx)
{
    struct bytes word;
    TRY(take(&archive, 4, &word));
    if (!bytes_equal_str(word, "SKB1")) return REFUSE(E_MALFORMED);
    while (archive.n) {
        char relative[MEDIUM_PATH];
        struct bytes path, content;
        uint16_t mode;
        uint32_t n;
        TRY(take_field16(&archive, &path));
        TRY(bytes_to_text(path, relative, sizeof relative));
        TRY(take_u16(&archive, &mode));
        TRY(take_u32(&archive, &n));
        TRY(take(&archive, n, &content));
        if (!path_good(relative) || mode > 0777) return REFUSE(E_MALFORMED);
        TRY(fn(ctx, relative, mode, content));
    }
    return DONE;
}

/* ---- the manifest ---- */

outcome medium_describe(struct arena *a, const char *dir, const char *relative, struct doc *d)
{
    char path[MEDIUM_PATH], hex[65];
    struct stat s;
    struct hash h;
    TRY(join(path, dir, relative));
    if (stat(path, &s) != 0) return errno == ENOENT ? REFUSE(E_MISSING) : REFUSE_SYS(E_IO, errno);
    TRY(hash_sha256_file(path, &h));
    hex_of(hash_view(&h), hex);
    doc_set_text(a, d, "path", relative);
    doc_set_int(a, d, "size", (int64_t)s.st_size);
    doc_set_text(a, d, "sha256", hex);
    return DONE;
}

static bool as_described(struct cli *c, const char *dir, const struct doc *file)
{
    const char *path = doc_text(file, "path", "");
    struct doc *now = doc_map(&c->arena);
    return path_good(path) && now && ok(medium_describe(&c->arena, dir, path, now))
        && doc_int(now, "size", -1) == doc_int(file, "size", -2) && strcmp(doc_text(now, "sha256", ""), doc_text(file, "sha256", "?")) == 0;
}

outcome medium_check(struct cli *c, const char *dir, const struct doc **ret_manifest, char ret_wrong[MEDIUM_PATH])
{
    char path[MEDIUM_PATH];
    struct buffer b = BUFFER(0);
    struct doc *d = NULL;
    ret_wrong[0] = 0;
    TRY(join(path, dir, "manifest.json"));
    TRY(port_file_load(path, MEDIUM_FILE_MAX, &b));
    outcome o = doc_read_json(buffer_view(&b), &c->arena, &d);
    buffer_deinit(&b);
    TRY(o);
    if (strcmp(doc_text(d, "type", ""), MEDIUM_PURPOSE) != 0) return REFUSE(E_UNSUPPORTED);
    *ret_manifest = d;
    const struct doc *files = doc_get(d, "files");
    for (const struct doc *f = files ? files->first : NULL; f; f = f->next) {
        if (as_described(c, dir, f)) continue;
        snprintf(ret_wrong, MEDIUM_PATH, "%.900s", doc_text(f, "path", "?"));
        return DONE;
    }
    return DONE;
}

int medium_failed(const struct cli *c, outcome o, const char *at)
{
    return complain(c, EXIT_FAILED, "SK-1080", o.sys ? strerror(o.sys) : code_word(o.code), at, NULL);
}

/* ---- custody ---- */

int medium_custody(struct cli *c, const char *path, struct key **ret)
{
    char file[MEDIUM_PATH];
    struct stat s;
    struct buffer pem = BUFFER(0);
    bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
    outcome o = join(file, path, folder ? "root.key" : "");
    if (ok(o)) o = port_file_load(file, 8192, &pem);
    if (ok(o)) o = key_read_private_pem(buffer_view(&pem), ret);
    buffer_wipe(&pem);
    return ok(o) ? EXIT_OK : complain(c, EXIT_CONFIGURATION, "SK-1021", cli_say(c, W_KEY), file, cli_say(c, W_CUSTODY_IS));
}

int medium_open(struct cli *c, const char *dir, const struct key *root, struct buffer *ret)
{
    char path[MEDIUM_PATH];
    struct buffer box = BUFFER(0);
    *ret = BUFFER(MEDIUM_SEALED_MAX);
    outcome o = join(path, dir, "sealed");
    if (ok(o)) o = port_file_load(path, MEDIUM_SEALED_MAX, &box);
    if (ok(o)) o = box_open(root, MEDIUM_PURPOSE, buffer_view(&box), ret);
    buffer_deinit(&box);
    if (ok(o)) return EXIT_OK;
    return complain(c, EXIT_VERIFY, "SK-1081", cli_say(c, o.code == E_CHANGED ? W_BOX_SHUT : W_CHANGED), path, NULL);
}
