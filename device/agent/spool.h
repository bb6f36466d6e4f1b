/* The agent's buffer on disk: what is put is numbered from 1 without end and chained by SHA-256, so that what is kept
 * is in order, whole, and nobody's else. Bounded: when there is no more room the oldest file goes, and which numbers
 * went is kept until somebody was told (the gap). What was put survives the end of the process at any moment; the end
 * of the machine costs at most what was put since the last sync.
 *
 * A folder: NUMBER.log (16 hexadecimal digits, the first number in it) and `mark`, two copies of how far delivery is.
 * A .log: "SKBUF1\0\0", first number u64, chain before it (32 bytes), then rows: n u64, wall ms u64, tail field16,
 * payload field32, chain (32) = SHA-256(chain before || row so far). Integers big-endian. */
#ifndef DEVICE_AGENT_SPOOL_H
#define DEVICE_AGENT_SPOOL_H

#include "base/mem.h"

#define SPOOL_TAIL_MAX 128
#define SPOOL_PAYLOAD_MAX (16 << 10)
#define SPOOL_BYTES_MIN (64 << 10)

struct spool;

struct spool_row { /* views good until the next call */
    uint64_t n;
    int64_t wall_ms;
    struct bytes tail, payload;
};
struct spool_gap { /* numbers that are lost; none when to == 0 */
    uint64_t from, to;
    int64_t since_ms, until_ms; /* the times of the first and the last lost row; 0 = not known (damage) */
};

/* Makes the folder if need be; reads what is there. A row that does not fit the chain and all behind it in its file is
 * lost and becomes the gap; what was cut short at the end is cut off. E_RANGE below SPOOL_BYTES_MIN. */
MUST outcome spool_open(const char *dir, uint64_t bytes_max, struct spool **ret);
void spool_free(struct spool *s); /* NULL is fine; syncs */
/* The number the next row will have. */
uint64_t spool_next(const struct spool *s);
/* E_TOO_LARGE over the bounds above; E_IO: not kept. The oldest may go for it. */
MUST outcome spool_put(struct spool *s, const char *tail, struct bytes payload, int64_t wall_ms);
/* The first kept row after that number; E_UNKNOWN when there is none. */
MUST outcome spool_read(struct spool *s, uint64_t after, struct spool_row *ret);
/* Everything up to n is the server's for good (taken) / and it knows that we know (done). Never backwards. */
void spool_taken(struct spool *s, uint64_t n);
void spool_done(struct spool *s, uint64_t n);
/* Rows after n are kept although taken: whoever put them is not done with them. Nothing is held at first. */
void spool_hold(struct spool *s, uint64_t n);
uint64_t spool_is_taken(const struct spool *s);
uint64_t spool_is_done(const struct spool *s);
uint64_t spool_waiting(const struct spool *s); /* rows kept and not taken */
const struct spool_gap *spool_gap(const struct spool *s);
/* Told: the gap as it was is somebody's to know; what was added to it since begins where that ended. */
MUST outcome spool_gap_told(struct spool *s, const struct spool_gap *told);
/* What was put, taken and done is on the disk's own ground. */
MUST outcome spool_sync(struct spool *s);
bool spool_dirty(const struct spool *s);
/* Bytes of the whole folder now, and the bound. */
uint64_t spool_bytes(const struct spool *s);
/* What waits in a folder, read only: also while an agent runs. E_MISSING when there is none. */
MUST outcome spool_look(const char *dir, uint64_t *ret_waiting, struct spool_gap *ret_gap);
/* Random bytes over all of it before the names go. */
MUST outcome spool_wipe(const char *dir);

#endif
