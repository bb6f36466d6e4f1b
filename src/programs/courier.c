/* sekimorid-courier: connections out to agreed peers. Started by the keeper with its control socket as descriptor 3
 * and the folder of its own keys as argument. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "courier/courier.h"

enum { CONTROL_FD = 3, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
    int type = 0;
    socklen_t n = sizeof type;
    struct rlimit none = { 0, 0 };
    if (argc != 2 || getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0) {
        fprintf(stderr, "usage: %s is started by sekimorid\n", argv[0]);
        return EXIT_USAGE;
    }
    close_range(CONTROL_FD + 1, ~0u, 0);
    prctl(PR_SET_NAME, "sekimorid-courier");
    if (setrlimit(RLIMIT_CORE, &none) != 0) return EXIT_FAILED; /* it may hold a peer's password */
    outcome o = courier_confine(argv[1]);
    if (ok(o)) o = courier_run(argv[1], CONTROL_FD);
    if (!ok(o)) fprintf(stderr, "sekimorid-courier: %s at %s\n", code_word(o.code), o.at);
    return ok(o) ? 0 : EXIT_FAILED;
}
