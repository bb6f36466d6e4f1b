/* Other processes: starting one, handing it descriptors, hearing of signals, telling a service
 * manager. Edges of the system that more than one program needs. */
#ifndef BASE_PORT_PASS_H
#define BASE_PORT_PASS_H

#include "base/outcome.h"

#define PASS_FDS_MAX 3

/* Two ends of a SOCK_SEQPACKET, close-on-exec. */
MUST outcome port_pair(int ret[2]);
/* One byte with n <= PASS_FDS_MAX descriptors, without waiting. Both stay the caller's. */
MUST outcome port_pass(int to, char kind, const int *fds, size_t n);
/* An anonymous file of that size which nobody can shrink or grow. */
MUST outcome port_shared_memory(size_t size, int *ret_fd);
/* Starts path with args (NULL-terminated, args[0] the name). The child has the standard descriptors
 * and the n given ones from 3 on, nothing else; it dies when this thread does. It exits with 78
 * when path cannot be run. */
MUST outcome port_spawn(
    const char *path, const char *const *args, const int *fds, size_t n, int *ret_pid);
/* SIGCHLD, SIGTERM, SIGINT and SIGHUP from now on arrive here (signalfd). */
MUST outcome port_signals(int *ret_fd);
/* sd_notify(3) READY=1, when a service manager asked for it. */
void port_tell_ready(void);

#endif
