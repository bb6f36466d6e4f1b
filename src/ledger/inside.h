/* The writer's own state, shared by its few files only. Two threads: the caller's loop (append, turn,
 * read) and the log thread (commit). Fields say whose they are; `lock` guards what both touch. */
#ifndef LEDGER_INSIDE_H
#define LEDGER_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "ledger/segment.h"
#include "ledger/tree.h"
#include "ledger/withheld.h"

#define BATCH_BYTES (8u << 20) /* frames of one class in one commit; over a frame of LEDGER_PAYLOAD_MAX */
#define TREE_LAG 65536u        /* entries whose hashes wait in memory for a head, at most twice this */
#define HEADS_WAITING 32u
#define RETRY_MS 100
#define KEYS_AGAIN_MS 1000
#define PUNCH_HOLD_MS 600000 /* a copy begun before the head that tells of the pruning has so long to read the payloads */

struct pending { /* an entry not yet on disk */
    struct leaf leaf;
    size_t at; /* of its frame in the batch's frames of its class */
};

struct batch {
    struct pending *rows; /* FORMAT_BATCH_ENTRIES */
    size_t n;
    struct {
        uint8_t *at; /* BATCH_BYTES */
        size_t n;
    } frames[CLASSES];
    bool prepared; /* hashes are in: a retry writes the same bytes */
};

struct signed_head {
    uint64_t size;
    int64_t tree_ms; /* its hashes may go to the tree files */
    int64_t due_ms;  /* and it to `checkpoint` */
    uint8_t note[NOTE_BYTES_MAX];
    size_t note_n;
};

struct ledger {
    char dir[FORMAT_PATH];
    struct identity identity;
    struct ledger_wake wake;
    unsigned window_ms;

    pthread_mutex_t lock;
    pthread_cond_t work; /* to the log thread */
    pthread_cond_t done; /* from it */
    pthread_t thread;
    bool running; /* false: no thread, see ledger_step */

    /* under lock */
    bool stop, commit_wanted;
    struct batch *fill;
    struct tree_edge edge; /* over what is durable */
    struct hash *nodes;    /* stored hashes from nodes_first on that the tree files lack */
    uint64_t nodes_first, nodes_n, nodes_cap;
    struct signed_head show; /* to be written to `checkpoint` */
    bool show_wanted;
    uint64_t flush_size; /* hashes up to here to the tree files; 0 nothing asked */
    uint64_t attempts_failed;
    outcome trouble; /* the last failure, while `failing` */

    /* set by the log thread, read anywhere */
    _Atomic uint64_t durable;
    atomic_bool failing;
    _Atomic uint64_t shown; /* size of the head in `checkpoint` */

    /* the caller's loop only */
    uint64_t size;
    struct place end[CLASSES];
    uint64_t last[CLASSES]; /* newest entry of each class */
    int64_t commit_ms;      /* when the last commit was asked for */
    struct signed_head head; /* newest; note_n = 0: none */
    struct signed_head waiting[HEADS_WAITING];
    size_t waiting_n;
    uint64_t flush_asked;
    struct segments readers[FILES];
    struct keyring *keys; /* NULL: payloads are stored as they are */
    struct buffer sealed;
    struct pruned pruned;
    uint64_t pruned_by;       /* its entry */
    struct place pruned_to;   /* where the payloads given up end */
    bool punch_wanted;
    int64_t keys_next_ms;     /* mono: when keys whose end was refused are tried again */
    int64_t punch_since_ms;   /* the head over it was first seen shown; -1 not yet */

    /* the log thread only */
    struct batch *flush;
    uint8_t *leaves; /* encoded records of the batch being committed */
    struct segments writers[FILES];
};

struct ledger_options {
    struct ledger_wake wake;
    unsigned window_ms;
    bool threaded;
};
/* A ledger without a thread, for simulations: ledger_step does its work. And its end without any more work. */
MUST outcome ledger_open_stepped(const char *dir, struct ledger **ret, uint64_t *ret_cut);
void ledger_drop(struct ledger *l);

/* recover.c: fills edge, nodes, size, ends, head from the files and cuts what is torn. */
MUST outcome ledger_recover_files(struct ledger *l, uint64_t *ret_cut);
/* commit.c: the log thread. */
void *ledger_log_thread(void *ctx);
/* Room for n more hashes; under lock. */
MUST outcome ledger_nodes_reserve(struct ledger *l, uint64_t n);
/* publish.c, on the log thread: hashes and note of a head to their files. */
/* The head's file, both copies of the note, on disk. */
MUST outcome ledger_checkpoint_write(const struct ledger *l, struct bytes note);
MUST outcome ledger_show(struct ledger *l, const struct signed_head *h);
MUST outcome ledger_flush_tree(struct ledger *l, uint64_t size);
/* retention.c: space of pruned payloads given back when it is time; ms until then, or -1. */
int ledger_turn_punch(struct ledger *l, int64_t mono_ms);
int ledger_turn_keys(struct ledger *l, int64_t mono_ms);
/* commit.c: without a thread (simulations) one round of its work, by the caller. True when it did something. */
bool ledger_step(struct ledger *l);
/* Waits for the log thread; without one, does its work. Under lock. */
void ledger_await(struct ledger *l);
/* Due heads to the log thread; ms until the next is due, or -1. On the caller's loop. */
int ledger_turn_heads(struct ledger *l, int64_t mono_ms);
/* read.c: stored hashes from memory or file; the caller's loop, under lock. */
struct tree_reader ledger_tree_reader(struct ledger *l);

#endif
