/* What a process gives up once it has what it needs: privileges, paths, system calls. Each step is for the rest of
 * the process's life; take them before any thread is made, in this order: files are opened, privileges, paths, calls.
 * What a process may still do is a table of its own. Linux: capabilities, Landlock, seccomp. */
#ifndef BASE_PORT_CONFINE_H
#define BASE_PORT_CONFINE_H

#include <stdint.h>

#include "base/outcome.h"

/* Root becomes the user who owns this folder (a folder of root's: stays root, which without capabilities is nobody
 * special but an owner of files); NULL: "nobody". In every case: no capability, no new privileges, no core dump, no
 * debugger of the same user. Not root: the same without a change of user. */
MUST outcome confine_privileges(const char *owner_of);

/* Below these paths alone files may be opened; a path that is not there is left out. Nothing may be executed, no
 * device made, no TCP port bound or connected to. ret_held is false where the kernel has no Landlock: then only the
 * other steps hold. */
struct confine_path {
    const char *path;
    bool write; /* a folder: make, change, rename, remove in it; else read only */
};
MUST outcome confine_paths(const struct confine_path *paths, size_t n, bool *ret_held);
/* The same for a process whose work is to connect out. */
MUST outcome confine_paths_out(const struct confine_path *paths, size_t n, bool *ret_held);

/* One system call, where argument `arg` masked equals value; mask 0: whatever its arguments. */
struct confine_call {
    int call;
    unsigned arg;
    uint64_t mask, value;
};
#define CONFINE_NO_CODE(call) { call, 2, 4 /* PROT_EXEC */, 0 }
struct confine_calls {
    const struct confine_call *allowed;
    size_t allowed_n;
    const int *fatal; /* end the process although the others are only refused (ENOSYS) */
    size_t fatal_n;
    bool all_fatal;   /* whatever is not allowed ends the process */
};
MUST outcome confine_calls(const struct confine_calls *c);

#endif
