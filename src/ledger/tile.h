/* The record in C2SP tlog-tiles form (https://c2sp.org/tlog-tiles): Merkle tree tiles of 256 hashes and bundles of
 * 256 entries, rendered from the stored tree. An entry is its 128-byte leaf record: payloads are not served. */
#ifndef LEDGER_TILE_H
#define LEDGER_TILE_H

#include "ledger/ledger.h"

#define TILE_WIDTH 256u
#define TILE_BYTES_MAX (TILE_WIDTH * 130u)

struct tile {
    bool entries;   /* a bundle of entries, else of hashes */
    unsigned level; /* 0..5 */
    uint64_t number;
    unsigned width; /* 1..256; under 256 it is a partial tile */
};
/* "0/x001/234", "entries/000.p/17": what follows "/tile/". E_MALFORMED. */
MUST outcome tile_parse(struct bytes path, struct tile *ret);
/* Under the newest signed head. E_UNKNOWN where that does not cover the tile. Appends. */
MUST outcome tile_write(struct ledger *l, const struct tile *t, struct buffer *b);

#endif
