#include "gate/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static void nothing(void) { }
static void do_open(void)
{
    (void)!open("/dev/null", O_RDONLY);
}
static void do_openat2(void)
{
    syscall(SYS_openat2, AT_FDCWD, "/dev/null", 0, 0);
}
static void do_socket(void)
{
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void do_exec(void)
{
    execl("/bin/true", "true", (char *)0);
}
static void do_fork(void)
{
    (void)!fork();
}
static void do_map_code(void)
{
    (void)!mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void do_stat(void)
{
    (void)!access("/etc/passwd", R_OK);
}
static void do_connect(void)
{
    struct sockaddr any = { 0 };
    (void)!connect(0, &any, sizeof any);
}
static void do_work(void)
{
    char *p = malloc(1 << 20);
    if (!p) _exit(9);
    memset(p, 1, 1 << 20);
    free(p);
    if (write(STDERR_FILENO, "", 0) != 0) _exit(9);
}

/* How a child ends that enters the sandbox and then does something. */
static int fate(void (*act)(void))
{
    fflush(stdout);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        bool landlock;
        outcome o = sandbox_enter(&landlock);
        if (!ok(o)) _exit(8);
        act();
        _exit(0);
    }
    int status = -1;
    assert(waitpid(child, &status, 0) == child);
    return status;
}

static bool killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}
static bool lived(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void do_prctl(void)
{
    prctl(PR_SET_DUMPABLE, 1);
}

int main(void)
{
    CHECK(lived(fate(nothing)));
    CHECK(lived(fate(do_work)));
    CHECK(killed(fate(do_open)));
    CHECK(killed(fate(do_openat2)));
    CHECK(killed(fate(do_socket)));
    CHECK(killed(fate(do_connect)));
    CHECK(killed(fate(do_exec)));
    CHECK(killed(fate(do_fork)));
    CHECK(killed(fate(do_map_code)));
    CHECK(killed(fate(do_stat)));
    CHECK(killed(fate(do_prctl)));
    return TEST_END;
}
