/* What core is held to, tried from inside: each child confines itself as core does, then tries one thing. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/port/confine.h"
#include "base/test.h"
#include "node/core.h"

static char state[64];
static struct config config;

static const char *in_state(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", state, name);
    return path;
}

static bool opens(const char *name, int flags)
{
    int fd = open(in_state(name), flags, 0600);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

/* True: it could be done. */
static bool read_key(void) { return opens("keys/ledger.key", O_RDONLY); }
static bool write_key(void) { return opens("keys/head.mark", O_RDWR); }
static bool make_in_keys(void) { return opens("keys/new", O_RDWR | O_CREAT); }
static bool rename_key(void)
{
    char from[200];
    snprintf(from, sizeof from, "%s", in_state("keys/ledger.key"));
    return rename(from, in_state("core/mine")) == 0;
}
static bool read_system(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool write_outside(void) { return opens("new", O_RDWR | O_CREAT); }
static bool write_console(void) { return opens("console/index.html", O_RDWR); }
static bool read_console(void) { return opens("console/index.html", O_RDONLY); }
static bool write_ledger(void)
{
    int fd = -1;
    return ok(port_file_store(in_state("ledger/x"), BYTES_LIT("x"), 0600)) && ok(port_file_open(in_state("ledger/y"), true, &fd))
        && ok(port_file_preallocate(fd, 4096)) && ok(port_file_sync(fd)) && ok(port_file_punch(fd, 0, 4096)) && ok(port_file_truncate(fd, 1))
        && ok(port_file_remove(in_state("ledger/y"))) && ok(port_dir_make(in_state("ledger/data"), 0700));
}
static bool write_cache(void) { return ok(port_file_store(in_state("core/retained.index"), BYTES_LIT("x"), 0600)); }
static bool unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool internet_socket(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }
static bool packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
static bool do_fork(void)
{
    pid_t p = fork();
    if (p == 0) _exit(0);
    return p > 0;
}
static void *nothing(void *at) { return at; }
static bool make_thread(void)
{
    pthread_t t;
    return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}
static bool map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
static bool become_root(void) { return setuid(0) == 0 && access("/", W_OK) == 0 && setgid(1) == 0; }
static bool do_exec(void) { return execl("/bin/true", "true", (char *)0) == 0; }
static bool do_connect(void)
{
    struct sockaddr a = { .sa_family = AF_UNIX };
    return connect(0, &a, sizeof a) == 0;
}
static bool do_kill(void) { return kill(getppid(), 0) == 0; }

enum fate { CAN, CANNOT, ENDS, NOT_CONFINED };
static bool landlock;

/* How a child ends that is confined as core is, and tries. */
static enum fate fate(bool (*act)(void))
{
    fflush(stdout);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        const char *how = "";
        if (!ok(core_confine(state, &config, &how))) _exit(8);
        int said = how[0] == 'l' ? 4 : 0;
        _exit(said + (act() ? 0 : 1));
    }
    int status = -1;
    assert(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? ENDS : NOT_CONFINED;
    landlock = WEXITSTATUS(status) & 4;
    if (WEXITSTATUS(status) & 8) return NOT_CONFINED;
    return WEXITSTATUS(status) & 1 ? CANNOT : CAN;
}

static void make_state(void)
{
    static const char *const names[] = { "ledger", "keys", "console" };
    snprintf(state, sizeof state, "/tmp/sekimori-confine-%d", getpid());
    assert(mkdir(state, 0700) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert(mkdir(in_state(names[i]), 0700) == 0);
    assert(ok(port_file_store(in_state("keys/ledger.key"), BYTES_LIT("k"), 0600)));
    assert(ok(port_file_store(in_state("keys/head.mark"), BYTES_LIT("m"), 0600)));
    assert(ok(port_file_store(in_state("console/index.html"), BYTES_LIT("<p>"), 0644)));
    assert(ok(port_file_store(in_state("alias.key"), BYTES_LIT("a"), 0600)));
    snprintf(config.console_dir, sizeof config.console_dir, "%s", in_state("console"));
}

static outcome remove_one(void *ctx, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
    if (unlink(path) != 0 && rmdir(path) != 0) (void)!ok(port_dir_list(path, remove_one, path));
    (void)!rmdir(path);
    return DONE;
}

int main(void)
{
    make_state();
    CHECK(fate(write_ledger) == CAN);
    CHECK(fate(write_cache) == CAN);
    CHECK(access(in_state("core/alias.key"), F_OK) == 0); /* moved where core may write */
    CHECK(fate(read_console) == CAN);
    CHECK(fate(unix_socket) == CAN);
    CHECK(fate(make_thread) == CAN);
    CHECK(fate(internet_socket) == CANNOT);
    CHECK(fate(packet_socket) == CANNOT);
    CHECK(fate(do_fork) == CANNOT);
    CHECK(fate(map_code) == CANNOT);
    CHECK(fate(become_root) == CANNOT);
    CHECK(fate(do_exec) == ENDS);
    CHECK(fate(do_connect) == ENDS);
    CHECK(fate(do_kill) == ENDS);
    if (landlock) {
        CHECK(fate(read_key) == CANNOT);
        CHECK(fate(write_key) == CANNOT);
        CHECK(fate(make_in_keys) == CANNOT);
        CHECK(fate(rename_key) == CANNOT);
        CHECK(fate(read_system) == CANNOT);
        CHECK(fate(write_outside) == CANNOT);
        CHECK(fate(write_console) == CANNOT);
    } else {
        printf("# this kernel has no Landlock: paths are not judged\n");
    }
    CHECK(opens("keys/ledger.key", O_RDONLY)); /* this process is not confined */
    (void)!ok(remove_one("", state));
    return TEST_END;
}
