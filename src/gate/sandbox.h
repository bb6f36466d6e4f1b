/* The gate's cage. After sandbox_enter the process can move bytes over descriptors it already has,
 * and nothing else: no file, no new socket but by accept, no exec, no capability, no ptrace. */
#ifndef GATE_SANDBOX_H
#define GATE_SANDBOX_H

#include "base/outcome.h"

/* seccomp is a must: an outcome means nothing may be served. Landlock is added where the kernel
 * has it; *ret_landlock tells. Irreversible, also on failure. */
MUST outcome sandbox_enter(bool *ret_landlock);

#endif
