/* base/port/port.h for simulations: linked in place of port_linux.c. A disk in memory that remembers every write,
 * flush and name, so that it can be rebuilt as a power cut at any point would have left it; a clock that only moves
 * when it is told; randomness from a seed. One thread. */
#ifndef SIM_PORT_SIM_H
#define SIM_PORT_SIM_H

#include "base/port/port.h"

/* Draws of its own seed: a test's choices do not change what the code under test draws. */
struct draws {
    uint64_t state;
};
uint64_t draw(struct draws *d, uint64_t below); /* 0 .. below-1 */
bool draw_one_in(struct draws *d, uint64_t n);

void sim_reset(uint64_t seed); /* empty disk, empty log, clock at a start */
void sim_clock(int64_t wall_add_ms, int64_t mono_add_ms); /* the wall may go back, mono never */
/* From now on one in n writes, growths and flushes fails, a failed write having done a drawn part; 0 = none. */
void sim_fail(uint64_t one_in);

/* What was done to the disk since sim_reset or sim_build. */
struct sim_log;
struct sim_log *sim_take(void); /* the log becomes the caller's; the disk stays, a new log begins */
void sim_log_free(struct sim_log *l);
size_t sim_log_size(const struct sim_log *l);
/* A remark in the log; ret_kind 0 where the op is none. */
void sim_mark(int kind, uint64_t value, struct bytes text);
int sim_log_mark(const struct sim_log *l, size_t at, uint64_t *ret_value, struct bytes *ret_text);
/* The disk after a power cut behind the first n ops: what was not flushed is there, absent or torn, as drawn; all
 * descriptors are closed. */
void sim_build(const struct sim_log *l, size_t n, uint64_t seed);
/* A power cut now. */
void sim_cut(uint64_t seed);
/* A kill now: descriptors close, all that was written stays. */
void sim_kill(void);

#endif
