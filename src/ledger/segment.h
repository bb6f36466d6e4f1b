/* One row of numbered files seen as space: opens, makes, grows and syncs them. Used by one thread. */
#ifndef LEDGER_SEGMENT_H
#define LEDGER_SEGMENT_H

#include "ledger/format.h"

struct segments {
    const char *dir; /* the ledger's; not owned */
    unsigned files;
    struct ledger_shape shape;
    bool writable;
    int fd; /* of `number`, -1 when none is open */
    uint32_t number;
    uint64_t size; /* of the open file, as last seen */
    bool dirty;    /* written since the last sync */
    bool named;    /* made, but its name is not on disk yet: the folder's sync failed */
};

void segments_init(struct segments *s, const char *dir, unsigned files, struct ledger_shape shape,
    bool writable);
void segments_deinit(struct segments *s); /* closes; does not sync */
/* E_MISSING when there is no such file or it ends before. */
MUST outcome segments_read(struct segments *s, struct place at, void *to, size_t n);
/* Within one segment; makes and grows the file. Synced before another segment is turned to. */
MUST outcome segments_write(struct segments *s, struct place at, struct bytes b);
MUST outcome segments_sync(struct segments *s);
/* Space without gaps: leaves and stored hashes. May cross segments. */
struct place segments_place(const struct segments *s, uint64_t linear);
MUST outcome segments_write_linear(struct segments *s, uint64_t linear, struct bytes b);
/* Makes every byte after `end` zero and every file the size it has then, drops later segments.
 * *ret_cut grows by the bytes up to the last one that was not zero. */
MUST outcome segments_cut(struct segments *s, struct place end, uint64_t *ret_cut);

#endif
