#include "port_sim.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES_MAX = 4096, NAMES_MAX = 4096, FDS_MAX = 256, SECTOR = 512 };
enum op_kind { OP_WRITE, OP_SIZE, OP_SYNC, OP_CREATE, OP_REMOVE, OP_RENAME, OP_DIR_SYNC, OP_MARK };

struct op {
    enum op_kind kind;
    uint32_t file;
    int mark;
    uint64_t at; /* write: offset; size: new size; mark: value */
    uint8_t *data;
    size_t n;
    char *name, *to;
};
struct content {
    uint8_t *at;
    size_t n, cap;
};
struct name {
    char *text;
    uint32_t file;
};
struct disk {
    struct content files[FILES_MAX];
    uint32_t files_n;
    struct name names[NAMES_MAX];
    size_t names_n;
};
struct sim_log {
    struct disk base;
    struct op *ops;
    size_t n, cap;
};

static struct {
    struct disk disk;
    struct sim_log *log;
    int64_t fds[FDS_MAX]; /* file + 1 */
    int64_t wall_ms, mono_ms;
    struct draws random, faults;
    uint64_t fail_one_in;
} sim; /* the world of one test program */

uint64_t draw(struct draws *d, uint64_t below)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return below ? z % below : z;
}

bool draw_one_in(struct draws *d, uint64_t n)
{
    return n && draw(d, n) == 0;
}

static void *sure(void *p)
{
    if (!p) abort();
    return p;
}

/* ---- disk ---- */

static void content_size(struct content *c, uint64_t n)
{
    if (n > c->cap) {
        size_t cap = c->cap ? c->cap : 1024;
        while (cap < n) cap *= 2;
        c->at = sure(realloc(c->at, cap));
        c->cap = cap;
    }
    if (n > c->n) memset(c->at + c->n, 0, n - c->n);
    c->n = n;
}

static void content_write(struct content *c, uint64_t at, const uint8_t *data, size_t n)
{
    if (n == 0) return;
    if (at + n > c->n) content_size(c, at + n);
    memcpy(c->at + at, data, n);
}

static void disk_clear(struct disk *d)
{
    for (uint32_t i = 0; i < d->files_n; i++) free(d->files[i].at);
    for (size_t i = 0; i < d->names_n; i++) free(d->names[i].text);
    memset(d, 0, sizeof *d);
}

static void disk_copy(struct disk *to, const struct disk *from)
{
    disk_clear(to);
    to->files_n = from->files_n;
    for (uint32_t i = 0; i < from->files_n; i++) content_write(&to->files[i], 0, from->files[i].at, from->files[i].n);
    to->names_n = from->names_n;
    for (size_t i = 0; i < from->names_n; i++) to->names[i] = (struct name) { sure(strdup(from->names[i].text)), from->names[i].file };
}

static struct name *disk_name(struct disk *d, const char *text)
{
    for (size_t i = 0; i < d->names_n; i++)
        if (strcmp(d->names[i].text, text) == 0) return &d->names[i];
    return NULL;
}

static void name_set(struct disk *d, const char *text, uint32_t file)
{
    struct name *n = disk_name(d, text);
    if (n) {
        n->file = file;
        return;
    }
    assert(d->names_n < NAMES_MAX);
    d->names[d->names_n++] = (struct name) { sure(strdup(text)), file };
}

static void name_drop(struct disk *d, const char *text)
{
    struct name *n = disk_name(d, text);
    if (!n) return;
    free(n->text);
    *n = d->names[--d->names_n];
}

static void apply_name(struct disk *d, const struct op *o)
{
    if (o->kind == OP_CREATE) name_set(d, o->name, o->file);
    else if (o->kind == OP_REMOVE) name_drop(d, o->name);
    else {
        name_drop(d, o->name);
        name_set(d, o->to, o->file);
    }
}

/* ---- log ---- */

static void log_clear(struct sim_log *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->ops[i].data);
        free(l->ops[i].name);
        free(l->ops[i].to);
    }
    free(l->ops);
    disk_clear(&l->base);
    *l = (struct sim_log) { .ops = NULL };
}

static void log_begin(void)
{
    if (!sim.log) sim.log = sure(calloc(1, sizeof *sim.log));
    log_clear(sim.log);
    disk_copy(&sim.log->base, &sim.disk);
}

static struct op *log_op(enum op_kind kind, uint32_t file)
{
    struct sim_log *l = sim.log;
    if (l->n == l->cap) l->ops = sure(realloc(l->ops, (l->cap = l->cap ? 2 * l->cap : 256) * sizeof *l->ops));
    l->ops[l->n] = (struct op) { .kind = kind, .file = file };
    return &l->ops[l->n++];
}

static void log_data(struct op *o, const uint8_t *data, size_t n)
{
    o->data = sure(malloc(n + 1));
    if (n) memcpy(o->data, data, n);
    o->n = n;
}

void sim_mark(int kind, uint64_t value, struct bytes text)
{
    struct op *o = log_op(OP_MARK, 0);
    o->mark = kind;
    o->at = value;
    log_data(o, text.at, text.n);
}

int sim_log_mark(const struct sim_log *l, size_t at, uint64_t *ret_value, struct bytes *ret_text)
{
    const struct op *o = &l->ops[at];
    if (o->kind != OP_MARK) return 0;
    *ret_value = o->at;
    *ret_text = bytes_of(o->data, o->n);
    return o->mark;
}

struct sim_log *sim_take(void)
{
    struct sim_log *l = sim.log;
    sim.log = NULL;
    log_begin();
    return l;
}

void sim_log_free(struct sim_log *l)
{
    log_clear(l);
    free(l);
}

size_t sim_log_size(const struct sim_log *l)
{
    return l->n;
}

/* ---- power ---- */

static bool in_dir(const char *name, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(name, dir, n) == 0 && name[n] == '/' && !strchr(name + n + 1, '/');
}

/* A write that no flush followed: all of it, nothing, its beginning, or some of its sectors. A sector is written
 * whole or not at all. */
static void maybe_write(struct content *c, const struct op *o, struct draws *d)
{
    uint64_t how = draw(d, 4);
    if (how == 0) return;
    if (how == 1) content_write(c, o->at, o->data, o->n);
    else if (how == 2) {
        uint64_t end = (o->at + draw(d, o->n + 1)) / SECTOR * SECTOR;
        if (end > o->at) content_write(c, o->at, o->data, (size_t)(end - o->at));
    } else
        for (uint64_t at = o->at; at < o->at + o->n;) {
            uint64_t end = (at / SECTOR + 1) * SECTOR;
            if (end > o->at + o->n) end = o->at + o->n;
            if (draw(d, 2)) content_write(c, at, o->data + (at - o->at), (size_t)(end - at));
            at = end;
        }
}

struct rebuild {
    struct disk *to;
    const struct sim_log *log;
    size_t n;
    struct draws d;
};

static void rebuild_contents(struct rebuild *r)
{
    size_t *synced = sure(calloc(FILES_MAX, sizeof *synced));
    for (size_t i = 0; i < r->n; i++)
        if (r->log->ops[i].kind == OP_SYNC) synced[r->log->ops[i].file] = i + 1;
    for (size_t i = 0; i < r->n; i++) {
        const struct op *o = &r->log->ops[i];
        struct content *c = &r->to->files[o->file];
        bool sure_there = i < synced[o->file];
        if (o->kind == OP_WRITE && sure_there) content_write(c, o->at, o->data, o->n);
        else if (o->kind == OP_WRITE) maybe_write(c, o, &r->d);
        else if (o->kind == OP_SIZE && (sure_there || draw(&r->d, 2))) content_size(c, o->at);
    }
    free(synced);
}

/* Names not flushed with their folder: those up to a drawn one are there (a journal keeps their order). */
static void rebuild_names(struct rebuild *r)
{
    bool keeps = true;
    for (size_t i = 0; i < r->n; i++) {
        const struct op *o = &r->log->ops[i];
        if (o->kind != OP_CREATE && o->kind != OP_REMOVE && o->kind != OP_RENAME) continue;
        bool flushed = false;
        for (size_t k = i; k < r->n && !flushed; k++)
            flushed = r->log->ops[k].kind == OP_DIR_SYNC && in_dir(o->name, r->log->ops[k].name);
        if (!flushed && keeps) keeps = draw(&r->d, 2);
        if (flushed || keeps) apply_name(r->to, o);
    }
}

static void close_all(void)
{
    memset(sim.fds, 0, sizeof sim.fds);
}

void sim_build(const struct sim_log *l, size_t n, uint64_t seed)
{
    disk_copy(&sim.disk, &l->base);
    for (size_t i = 0; i < n; i++)
        if (l->ops[i].kind == OP_CREATE && l->ops[i].file >= sim.disk.files_n) sim.disk.files_n = l->ops[i].file + 1;
    struct rebuild r = { &sim.disk, l, n, { seed } };
    rebuild_contents(&r);
    rebuild_names(&r);
    close_all();
    log_begin();
}

void sim_cut(uint64_t seed)
{
    struct sim_log *l = sim_take();
    sim_build(l, l->n, seed);
    sim_log_free(l);
}

void sim_kill(void)
{
    close_all();
}

void sim_reset(uint64_t seed)
{
    disk_clear(&sim.disk);
    close_all();
    sim.wall_ms = 1800000000000;
    sim.mono_ms = 1000;
    sim.random.state = seed;
    sim.faults.state = seed ^ 0x5eed;
    sim.fail_one_in = 0;
    log_begin();
}

void sim_clock(int64_t wall_add_ms, int64_t mono_add_ms)
{
    assert(mono_add_ms >= 0);
    sim.wall_ms += wall_add_ms;
    sim.mono_ms += mono_add_ms;
}

void sim_fail(uint64_t one_in)
{
    sim.fail_one_in = one_in;
}

/* ---- the port ---- */

int64_t port_wall_ms(void)
{
    return sim.wall_ms;
}

int64_t port_mono_ms(void)
{
    return sim.mono_ms;
}

int64_t port_mono_ns(void)
{
    return sim.mono_ms * 1000000;
}

void port_random(void *at, size_t n)
{
    for (uint8_t *p = at; n; n--) *p++ = (uint8_t)draw(&sim.random, 256);
}

static uint32_t file_of(int fd)
{
    assert(fd >= 0 && fd < FDS_MAX && sim.fds[fd]);
    return (uint32_t)(sim.fds[fd] - 1);
}

static outcome open_file(uint32_t file, int *ret_fd)
{
    for (int fd = 3; fd < FDS_MAX; fd++)
        if (!sim.fds[fd]) {
            sim.fds[fd] = file + 1;
            *ret_fd = fd;
            return DONE;
        }
    return REFUSE_SYS(E_IO, EMFILE);
}

outcome port_file_open(const char *path, bool create, int *ret_fd)
{
    struct name *n = disk_name(&sim.disk, path);
    if (n) return open_file(n->file, ret_fd);
    if (!create) return REFUSE_SYS(E_MISSING, ENOENT);
    assert(sim.disk.files_n < FILES_MAX);
    struct op *o = log_op(OP_CREATE, sim.disk.files_n++);
    o->name = sure(strdup(path));
    apply_name(&sim.disk, o);
    return open_file(o->file, ret_fd);
}

outcome port_file_open_read(const char *path, int *ret_fd)
{
    return port_file_open(path, false, ret_fd);
}

void port_file_close(int fd)
{
    if (fd >= 0 && fd < FDS_MAX) sim.fds[fd] = 0;
}

outcome port_file_size(int fd, uint64_t *ret)
{
    *ret = sim.disk.files[file_of(fd)].n;
    return DONE;
}

outcome port_file_read(int fd, uint64_t at, void *to, size_t n)
{
    const struct content *c = &sim.disk.files[file_of(fd)];
    if (at > c->n || n > c->n - at) return REFUSE(E_SHORT);
    if (n) memcpy(to, c->at + at, n);
    return DONE;
}

static void do_write(int fd, uint64_t at, struct bytes b)
{
    struct op *o = log_op(OP_WRITE, file_of(fd));
    o->at = at;
    log_data(o, b.at, b.n);
    content_write(&sim.disk.files[o->file], at, b.at, b.n);
}

static bool fails(void)
{
    return draw_one_in(&sim.faults, sim.fail_one_in);
}

outcome port_file_write(int fd, uint64_t at, struct bytes b)
{
    if (!fails()) {
        do_write(fd, at, b);
        return DONE;
    }
    do_write(fd, at, bytes_of(b.at, (size_t)draw(&sim.faults, b.n + 1)));
    return REFUSE_SYS(E_IO, ENOSPC);
}

/* A flush that failed may have flushed nothing: the ops before it count as unflushed. */
outcome port_file_sync(int fd)
{
    if (fails()) return REFUSE_SYS(E_IO, EIO);
    (void)log_op(OP_SYNC, file_of(fd));
    return DONE;
}

outcome port_file_preallocate(int fd, uint64_t size)
{
    if (fails()) return REFUSE_SYS(E_IO, ENOSPC);
    return size > sim.disk.files[file_of(fd)].n ? port_file_truncate(fd, size) : DONE;
}

outcome port_file_truncate(int fd, uint64_t size)
{
    struct op *o = log_op(OP_SIZE, file_of(fd));
    o->at = size;
    content_size(&sim.disk.files[o->file], size);
    return DONE;
}

outcome port_file_punch(int fd, uint64_t at, uint64_t n)
{
    uint8_t *zeros = sure(calloc(1, n + 1));
    bool failed = fails();
    if (!failed) do_write(fd, at, bytes_of(zeros, n));
    free(zeros);
    return failed ? REFUSE_SYS(E_IO, EIO) : DONE;
}

outcome port_file_remove(const char *path)
{
    if (!disk_name(&sim.disk, path)) return REFUSE_SYS(E_MISSING, ENOENT);
    struct op *o = log_op(OP_REMOVE, 0);
    o->name = sure(strdup(path));
    apply_name(&sim.disk, o);
    return DONE;
}

outcome port_file_load(const char *path, size_t max, struct buffer *ret)
{
    struct name *n = disk_name(&sim.disk, path);
    struct buffer b = BUFFER(max + 1);
    if (!n) return REFUSE_SYS(E_MISSING, ENOENT);
    const struct content *c = &sim.disk.files[n->file];
    if (c->n > max) return REFUSE(E_TOO_LARGE);
    TRY(buffer_reserve(&b, c->n + 1));
    if (c->n) memcpy(b.at, c->at, c->n);
    b.n = c->n;
    b.at[b.n] = 0;
    *ret = b;
    return DONE;
}

static outcome write_new(const char *path, struct bytes b)
{
    int fd;
    if (disk_name(&sim.disk, path)) TRY(port_file_remove(path));
    TRY(port_file_open(path, true, &fd));
    outcome o = port_file_write(fd, 0, b);
    if (ok(o)) o = port_file_sync(fd);
    port_file_close(fd);
    return o;
}

outcome port_file_store(const char *path, struct bytes b, int mode)
{
    char temp[512], dir[512];
    (void)mode;
    snprintf(temp, sizeof temp, "%s.new", path);
    TRY(write_new(temp, b));
    if (fails()) return REFUSE_SYS(E_IO, EIO);
    struct op *o = log_op(OP_RENAME, disk_name(&sim.disk, temp)->file);
    o->name = sure(strdup(temp));
    o->to = sure(strdup(path));
    apply_name(&sim.disk, o);
    snprintf(dir, sizeof dir, "%s", path);
    return port_dir_sync(dirname(dir));
}

outcome port_dir_make(const char *path, int mode)
{
    (void)path, (void)mode;
    return DONE; /* folders are where their files are */
}

outcome port_dir_sync(const char *path)
{
    if (fails()) return REFUSE_SYS(E_IO, EIO);
    log_op(OP_DIR_SYNC, 0)->name = sure(strdup(path));
    return DONE;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Files of the folder, and the folders in it that have files. */
outcome port_dir_list(const char *path, outcome (*fn)(void *ctx, const char *name), void *ctx)
{
    char *found[NAMES_MAX];
    size_t n = 0, deep = strlen(path);
    outcome o = DONE;
    for (size_t i = 0; i < sim.disk.names_n; i++) {
        const char *text = sim.disk.names[i].text;
        if (strncmp(text, path, deep) != 0 || text[deep] != '/') continue;
        size_t len = strcspn(text + deep + 1, "/");
        found[n++] = sure(strndup(text + deep + 1, len));
    }
    qsort(found, n, sizeof *found, by_text);
    for (size_t i = 0; i < n; i++) {
        bool again = i > 0 && strcmp(found[i], found[i - 1]) == 0;
        if (ok(o) && !again) o = fn(ctx, found[i]);
    }
    for (size_t i = 0; i < n; i++) free(found[i]);
    return o;
}
