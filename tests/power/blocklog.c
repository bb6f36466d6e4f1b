/* A block log: one file, served through FUSE over a mount point that is a file, that remembers every write and flush
 * in their order and when each arrived. A loop device with a file system stands on it; from the log, the disk can be
 * rebuilt as a power cut at any instant would have left it (tests/scenarios/powercut_test.py). The kernel's FUSE
 * protocol is spoken as linux/fuse.h has it: it is nine requests here, and no library is needed.
 *
 * usage: blocklog IMAGE LOG MOUNTPOINT     root only; ends when it is unmounted
 * log:   per operation u64 time (CLOCK_MONOTONIC, ns), u64 offset, u32 bytes, u32 kind (1 write, 2 flush), then the
 *        bytes of a write; host byte order. An operation is in the log before it is answered. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_MAX = 1 << 20, ROOM = WRITE_MAX + 65536, FRESH_S = 3600, LOG_WRITE = 1, LOG_FLUSH = 2 };

struct blocklog {
    int fuse, image, log;
};
struct request {
    const struct fuse_in_header *head;
    const void *body;
    size_t n;
};
struct log_row {
    uint64_t time_ns, offset;
    uint32_t bytes, kind;
};

static int answer(const struct blocklog *b, const struct request *r, int error, const void *body, size_t n)
{
    struct fuse_out_header head = { .len = (uint32_t)(sizeof head + n), .error = -error, .unique = r->head->unique };
    struct iovec parts[2] = { { &head, sizeof head }, { (void *)(uintptr_t)body, n } };
    return writev(b->fuse, parts, 2) < 0 && errno != ENOENT ? -1 : 0;
}

static int remember(const struct blocklog *b, uint32_t kind, uint64_t offset, const void *data, uint32_t n)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    struct log_row row = { (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, offset, n, kind };
    struct iovec parts[2] = { { &row, sizeof row }, { (void *)(uintptr_t)data, n } };
    return writev(b->log, parts, 2) == (ssize_t)(sizeof row + n) ? 0 : EIO;
}

static int do_init(const struct blocklog *b, const struct request *r)
{
    const struct fuse_init_in *in = r->body;
    struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = in->max_readahead,
        .flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES, .max_background = 64, .congestion_threshold = 48, .max_write = WRITE_MAX,
        .time_gran = 1, .max_pages = WRITE_MAX / 4096 };
    return answer(b, r, 0, &out, sizeof out);
}

static int do_attributes(const struct blocklog *b, const struct request *r)
{
    struct stat s;
    if (fstat(b->image, &s) != 0) return answer(b, r, errno, NULL, 0);
    struct fuse_attr_out out = { .attr_valid = FRESH_S,
        .attr = { .ino = FUSE_ROOT_ID, .size = (uint64_t)s.st_size, .blocks = (uint64_t)s.st_size / 512, .mode = S_IFREG | 0600,
            .nlink = 1, .blksize = 4096 } };
    return answer(b, r, 0, &out, sizeof out);
}

static int do_read(const struct blocklog *b, const struct request *r)
{
    static char room[WRITE_MAX];
    const struct fuse_read_in *in = r->body;
    ssize_t n = pread(b->image, room, in->size < WRITE_MAX ? in->size : WRITE_MAX, (off_t)in->offset);
    return n < 0 ? answer(b, r, errno, NULL, 0) : answer(b, r, 0, room, (size_t)n);
}

static int do_write(const struct blocklog *b, const struct request *r)
{
    const struct fuse_write_in *in = r->body;
    const char *data = (const char *)r->body + sizeof *in;
    struct fuse_write_out out = { .size = in->size };
    if (r->n < sizeof *in + in->size) return answer(b, r, EINVAL, NULL, 0);
    int error = remember(b, LOG_WRITE, in->offset, data, in->size);
    if (!error && pwrite(b->image, data, in->size, (off_t)in->offset) != (ssize_t)in->size) error = EIO;
    return error ? answer(b, r, error, NULL, 0) : answer(b, r, 0, &out, sizeof out);
}

static int serve_one(const struct blocklog *b, const struct request *r)
{
    const struct fuse_open_out opened = { .open_flags = FOPEN_KEEP_CACHE };
    const struct fuse_statfs_out room = { .st = { .bsize = 4096, .namelen = 255, .frsize = 4096 } };
    switch (r->head->opcode) {
    case FUSE_INIT: return do_init(b, r);
    case FUSE_GETATTR:
    case FUSE_SETATTR: return do_attributes(b, r);
    case FUSE_OPEN: return answer(b, r, 0, &opened, sizeof opened);
    case FUSE_READ: return do_read(b, r);
    case FUSE_WRITE: return do_write(b, r);
    case FUSE_FSYNC: return answer(b, r, remember(b, LOG_FLUSH, 0, NULL, 0), NULL, 0);
    case FUSE_STATFS: return answer(b, r, 0, &room, sizeof room);
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_DESTROY: return answer(b, r, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return 0; /* no answer is due */
    default: return answer(b, r, ENOSYS, NULL, 0);
    }
}

static int serve(const struct blocklog *b)
{
    static _Alignas(8) char room[ROOM];
    for (;;) {
        ssize_t n = read(b->fuse, room, sizeof room);
        if (n < 0 && errno == ENODEV) return 0; /* unmounted */
        if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
        if (n < (ssize_t)sizeof(struct fuse_in_header)) return 1;
        const struct fuse_in_header *head = (const void *)room;
        struct request r = { head, room + sizeof *head, (size_t)n - sizeof *head };
        if (serve_one(b, &r) != 0) return 1;
    }
}

int main(int argc, char **argv)
{
    char options[128];
    if (argc != 4) {
        fprintf(stderr, "usage: blocklog IMAGE LOG MOUNTPOINT\n");
        return 2;
    }
    struct blocklog b = { .fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), .image = open(argv[1], O_RDWR | O_CLOEXEC),
        .log = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) };
    snprintf(options, sizeof options, "fd=%d,rootmode=%o,user_id=0,group_id=0", b.fuse, (unsigned)S_IFREG | 0600);
    if (b.fuse < 0 || b.image < 0 || b.log < 0 || mount("blocklog", argv[3], "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
        fprintf(stderr, "blocklog: %s\n", strerror(errno));
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    return serve(&b);
}
