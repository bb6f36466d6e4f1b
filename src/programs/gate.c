/* sekimorid-gate: started by the keeper with its control socket as descriptor 3 and nothing else. */
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/gate.h"

enum { CONTROL_FD = 3, CONNECT_MS = 10000, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static void raise_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0) return;
    r.rlim_cur = r.rlim_max;
    /* The gate lives with fewer as well: it pauses accepting when they run out. */
    if (setrlimit(RLIMIT_NOFILE, &r) != 0) return;
}

/* Record buffers come and go at the heap's end: giving them back to the kernel each time costs more than the message. */
static void keep_some_heap(void)
{
    enum { KEPT_BYTES = 4 << 20 };
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_TOP_PAD, KEPT_BYTES / 4);
}

int main(int argc, char **argv)
{
    int type = 0;
    socklen_t n = sizeof type;
    if (argc != 1 || getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0) {
        fprintf(stderr, "usage: %s is started by sekimorid\n", argv[0]);
        return EXIT_USAGE;
    }
    close_range(CONTROL_FD + 1, ~0u, 0);
    prctl(PR_SET_NAME, "sekimorid-gate");
    raise_descriptors();
    keep_some_heap();
    const struct gate_options options
        = { .control_fd = CONTROL_FD, .connect_ms = CONNECT_MS, .sandbox = true };
    char why[160];
    outcome o = gate_run(&options, why);
    if (!ok(o)) fprintf(stderr, "sekimorid-gate: %s\n", why);
    /* Not exit: nothing that runs at exit may need what the sandbox forbids. */
    _exit(ok(o) ? 0 : o.code == E_IO || o.code == E_DENIED ? EXIT_CONFIG : EXIT_FAILED);
}
