/* The real edges: Linux. */
#include "base/port/port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t id)
{
    struct timespec t;
    int r = clock_gettime(id, &t);
    assert(r == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t port_wall_ms(void)
{
    return clock_ns(CLOCK_REALTIME) / 1000000;
}

int64_t port_mono_ms(void)
{
    return clock_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t port_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

void port_random(void *at, size_t n)
{
    uint8_t *to = at;
    while (n) {
        ssize_t got = getrandom(to, n < 256 ? n : 256, 0);
        if (got < 0 && errno == EINTR) continue;
        assert(got > 0);
        to += got;
        n -= (size_t)got;
    }
}

static outcome open_with(const char *path, int flags, int *ret_fd)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) return REFUSE_SYS(errno == ENOENT ? E_MISSING : E_IO, errno);
    *ret_fd = fd;
    return DONE;
}

outcome port_file_open(const char *path, bool create, int *ret_fd)
{
    return open_with(path, O_RDWR | (create ? O_CREAT : 0), ret_fd);
}

outcome port_file_open_read(const char *path, int *ret_fd)
{
    return open_with(path, O_RDONLY, ret_fd);
}

void port_file_close(int fd)
{
    if (fd >= 0) close(fd);
}

outcome port_file_size(int fd, uint64_t *ret)
{
    struct stat s;
    if (fstat(fd, &s) < 0) return REFUSE_SYS(E_IO, errno);
    *ret = (uint64_t)s.st_size;
    return DONE;
}

outcome port_file_read(int fd, uint64_t at, void *to, size_t n)
{
    uint8_t *p = to;
    while (n) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return REFUSE_SYS(E_IO, errno);
        if (got == 0) return REFUSE(E_SHORT);
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return DONE;
}

outcome port_file_write(int fd, uint64_t at, struct bytes b)
{
    while (b.n) {
        ssize_t put_n = pwrite(fd, b.at, b.n, (off_t)at);
        if (put_n < 0 && errno == EINTR) continue;
        if (put_n <= 0) return REFUSE_SYS(E_IO, put_n < 0 ? errno : ENOSPC);
        b.at += put_n;
        b.n -= (size_t)put_n;
        at += (uint64_t)put_n;
    }
    return DONE;
}

outcome port_file_sync(int fd)
{
    return fdatasync(fd) < 0 ? REFUSE_SYS(E_IO, errno) : DONE;
}

outcome port_file_preallocate(int fd, uint64_t size)
{
    int err = posix_fallocate(fd, 0, (off_t)size);
    return err ? REFUSE_SYS(E_IO, err) : DONE;
}

outcome port_file_truncate(int fd, uint64_t size)
{
    return ftruncate(fd, (off_t)size) < 0 ? REFUSE_SYS(E_IO, errno) : DONE;
}

/* Where the file system has no holes, zeros are written instead. */
outcome port_file_punch(int fd, uint64_t at, uint64_t n)
{
    static const uint8_t zeros[65536];
    if (n == 0) return DONE;
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)n) == 0) return DONE;
    if (errno != EOPNOTSUPP) return REFUSE_SYS(E_IO, errno);
    for (uint64_t k = 0; k < n; k += sizeof zeros)
        TRY(port_file_write(fd, at + k, bytes_of(zeros, n - k < sizeof zeros ? (size_t)(n - k) : sizeof zeros)));
    return DONE;
}

outcome port_file_remove(const char *path)
{
    return unlink(path) < 0 ? REFUSE_SYS(errno == ENOENT ? E_MISSING : E_IO, errno) : DONE;
}

outcome port_file_load(const char *path, size_t max, struct buffer *ret)
{
    int fd;
    uint64_t size;
    TRY(port_file_open_read(path, &fd));
    struct buffer b = BUFFER(max + 1);
    outcome o = port_file_size(fd, &size);
    if (ok(o) && size > max) o = REFUSE(E_TOO_LARGE);
    if (ok(o)) o = buffer_reserve(&b, (size_t)size + 1);
    if (ok(o) && size) o = port_file_read(fd, 0, b.at, (size_t)size);
    port_file_close(fd);
    if (!ok(o)) {
        buffer_deinit(&b);
        return o;
    }
    b.n = (size_t)size;
    b.at[b.n] = 0; /* convenient for text; not counted */
    *ret = b;
    return DONE;
}

static outcome write_new(const char *path, struct bytes b, int mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    outcome o = fchmod(fd, (mode_t)mode) < 0 ? REFUSE_SYS(E_IO, errno) : port_file_write(fd, 0, b);
    if (ok(o) && fsync(fd) < 0) o = REFUSE_SYS(E_IO, errno);
    close(fd);
    if (!ok(o)) unlink(path);
    return o;
}

outcome port_file_store(const char *path, struct bytes b, int mode)
{
    char temp[4096], dir[4096];
    int n = snprintf(temp, sizeof temp, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temp) return REFUSE(E_TOO_LARGE);
    TRY(write_new(temp, b, mode));
    if (rename(temp, path) < 0) {
        outcome o = REFUSE_SYS(E_IO, errno);
        unlink(temp);
        return o;
    }
    snprintf(dir, sizeof dir, "%s", path);
    return port_dir_sync(dirname(dir));
}

outcome port_dir_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    int r = fsync(fd), err = errno;
    close(fd);
    return r < 0 ? REFUSE_SYS(E_IO, err) : DONE;
}

/* A new folder's own name is made durable in its parent; a parent that may be written and not read is let be. */
outcome port_dir_make(const char *path, int mode)
{
    char parent[4096];
    if (mkdir(path, (mode_t)mode) < 0) return errno == EEXIST ? DONE : REFUSE_SYS(E_IO, errno);
    int n = snprintf(parent, sizeof parent, "%s", path);
    if (n < 0 || (size_t)n >= sizeof parent) return REFUSE(E_TOO_LARGE);
    outcome o = port_dir_sync(dirname(parent));
    return o.sys == EACCES ? DONE : o;
}

outcome port_dir_list(const char *path, outcome (*fn)(void *ctx, const char *name), void *ctx)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) return REFUSE_SYS(errno == ENOENT ? E_MISSING : E_IO, errno);
    outcome o = DONE;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        bool self = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        if (!self && ok(o)) o = fn(ctx, name);
        free(names[i]);
    }
    free(names);
    return o;
}
