/* The verifier's own state. It shares format and tree with the writer, no code that writes. Memory is
 * bounded by one block a row of files, the largest payload, and MISMATCH_MAX. */
#ifndef LEDGER_VERIFY_INSIDE_H
#define LEDGER_VERIFY_INSIDE_H

#include "ledger/format.h"
#include "ledger/tree.h"
#include "base/map.h"
#include "ledger/verify.h"
#include "ledger/withheld.h"

#define MISMATCH_MAX 1024u
#define SLACK_BYTES (16u << 20) /* a running writer may have grown a file this far ahead of its bytes */

struct verify;

/* One row of numbered files, read forward through a block. */
struct rows {
    const char *dir;
    unsigned files;
    struct ledger_shape shape;
    uint32_t count; /* highest number + 1, from the directory; 0 = none */
    int fd;         /* of `number`, -1 none */
    uint32_t number;
    uint64_t size;
    uint8_t *block;
    size_t block_cap, block_n;
    uint64_t block_at;
    bool broken; /* the system refused a read */
};

/* Opens a segment; false when it is not there. */
bool rows_turn(struct rows *r, uint32_t number);
/* Up to n bytes at a place; *ret lives until the next call. Fewer where the file ends. */
size_t rows_get(struct rows *r, struct place at, size_t n, const uint8_t **ret);
struct place rows_place(const struct rows *r, uint64_t linear);
void rows_deinit(struct rows *r);

struct mismatch {
    uint64_t stored; /* position in the tree files */
    uint64_t leaf;   /* the entry when it is the hash of a leaf, else FORMAT_NONE */
};

struct verify {
    const char *dir;
    void (*fn)(void *ctx, const struct verify_finding *f);
    void *ctx;
    struct verify_result *result;
    struct identity identity;
    struct note head; /* size 0 when there is no good one */
    bool head_good;
    struct rows rows[FILES];

    bool tail_seen;    /* something lies after the signed size: the directory was not closed */
    bool links_lost;   /* a leaf could not be read: links of later ones are not judged */
    struct pruned pruned; /* of the newest signed entry that says so */
    uint64_t pruned_by;
    struct map erased;    /* key id -> index + 1 of the signed entry */
    struct verify_each each;
    struct verify_answer *answer; /* about one entry; NULL: not asked */
    uint64_t last[CLASSES];
    struct place end[CLASSES];        /* after the newest frame */
    struct place signed_end[CLASSES]; /* after the newest signed frame */
    bool lost[CLASSES];               /* the place of the next frame is not known */
    uint64_t leaves_used;             /* bytes up to the last record that is not zero */
    struct tree_edge edge;
    bool root_known, root_seen, root_good;
    uint64_t tree_gap;                /* first stored hash not there, FORMAT_NONE */
    uint64_t tree_used;
    size_t mismatches;
    struct mismatch mismatch[MISMATCH_MAX];
};

struct spot {
    unsigned files;
    struct place at;
    uint64_t index; /* FORMAT_NONE */
};
void verify_report(struct verify *v, enum code code, struct spot at, const char *what);
void verify_report_file(struct verify *v, enum code code, const char *file, uint64_t offset, const char *what);
/* Size of one file when its bytes end at `used`, of which signed_used are under the head; part: whether
 * the whole file lies in the signed part. */
void verify_size(struct verify *v, unsigned files, uint32_t segment, uint64_t signed_used, uint64_t used);
/* Everything in the file from `from` on is zero, else reported; true when it was. */
bool verify_zero(struct verify *v, unsigned files, struct place from, const char *what);

/* verify_withheld.c */
void verify_withheld(struct verify *v);
bool verify_is_pruned(const struct verify *v, const struct leaf *l);
void verify_note_erased(struct verify *v, const struct leaf *l, struct bytes payload); /* a whole one */
/* verify_walk.c: leaves, and with each its frame and its hashes. */
void verify_walk(struct verify *v);
/* verify_tree.c */
void verify_tree_add(struct verify *v, uint64_t index, const struct hash *leaf);
bool verify_tree_stored_leaf(struct verify *v, uint64_t index, struct hash *ret);
void verify_tree_end(struct verify *v);
/* verify_frames.c */
void verify_frame(struct verify *v, const struct leaf *l);
/* The leaf of this entry cannot be read: its frame is found by its own header. */
void verify_frame_orphan(struct verify *v, uint64_t index);
void verify_frames_end(struct verify *v, unsigned class);
void verify_frames_size(struct verify *v, unsigned class);

#endif
