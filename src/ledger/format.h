/* The bytes of a ledger directory, shared by the writer and the verifier; pure, no files.
 *
 *   ledger               identity: origin, key, shape; never changes
 *   checkpoint           4096 bytes: the newest signed head, then zeros; rewritten in place
 *   leaves/000000 ...    128-byte leaf records, one an entry; a leaf on disk commits its entry
 *   control/000000 ...   payload frames of CLASS_CONTROL, in order of index
 *   data/000000 ...      payload frames of CLASS_DATA
 *   tree/000000 ...      32-byte stored hashes in post-order, for entries no newer than `checkpoint`
 *                        (or TREE_LAG entries): a copy taken while running holds no hash it cannot check
 *
 * Files grow by whole chunks of zeros and hold segment_bytes at most, so that every byte has a
 * value the verifier knows: a record, or zero. Payloads are written and synced before their leaves.
 * Integers are big-endian. */
#ifndef LEDGER_FORMAT_H
#define LEDGER_FORMAT_H

#include "crypto/note.h"
#include "ledger/ledger.h"

#define FORMAT_LEAF 128u
#define FORMAT_FRAME 32u /* header; payload and zero padding to FORMAT_ALIGN follow */
#define FORMAT_ALIGN 16u
#define FORMAT_HASH 32u
/* The head's file: the note twice, at 0 and at half, zeros behind each. It is written in place by one write; wherever that
 * one ends early, or whichever sectors of it a power cut keeps, one of the two is whole. */
#define FORMAT_CHECKPOINT 4096u
#define FORMAT_CHECKPOINT_HALF 2048u
#define FORMAT_IDENTITY_MAX 1024u
#define FORMAT_PATH 4096u
#define FORMAT_NONE UINT64_MAX
#define FORMAT_BATCH_ENTRIES 65536u /* entries one commit may hold; a hole after a crash is no wider */

/* Sizes of files; part of the identity, so that tests can have small ones. */
struct ledger_shape {
    uint64_t chunk_bytes;   /* growth; a multiple of 128, at least 256 */
    uint64_t segment_bytes; /* a multiple of chunk_bytes */
};
#define LEDGER_SHAPE ((struct ledger_shape) { 1u << 20, 64u << 20 })

/* The numbered files. The first CLASSES are enum ledger_class. */
enum { FILES_LEAVES = CLASSES, FILES_TREE, FILES };
const char *format_files_word(unsigned files);
/* "leaves/000000"; name must hold 32. */
void format_file_name(unsigned files, uint32_t segment, char name[32]);
/* dir "/" name; E_TOO_LARGE. */
MUST outcome format_path(const char *dir, const char *name, char path[FORMAT_PATH]);
/* "000012" -> 12; E_MALFORMED for any other form. */
MUST outcome format_segment_number(const char *name, uint32_t *ret);
/* used rounded up to whole chunks, one at least. */
uint64_t format_file_size(const struct ledger_shape *s, uint64_t used);

struct identity {
    char origin[NOTE_ORIGIN_MAX];
    uint8_t key[32]; /* Ed25519, of the seal */
    struct ledger_shape shape;
};
/* Makes an empty ledger of that shape; ledger_create is this with LEDGER_SHAPE. */
MUST outcome ledger_create_shaped(const char *dir, const struct identity *i);
MUST outcome format_identity_write(const struct identity *i, struct buffer *b);
/* Exactly what write makes: any changed byte is E_CHANGED. */
MUST outcome format_identity_read(struct bytes in, struct identity *ret);

/* Where a payload frame lies. */
struct place {
    uint32_t segment;
    uint64_t offset;
};
/* Bytes a payload of n takes with header and padding. */
uint64_t format_frame_size(uint32_t n);
/* Where the next frame of size bytes starts when the last one ended at `end`: here or in the next segment. */
struct place format_place(const struct ledger_shape *s, struct place end, uint64_t size);

struct leaf {
    uint64_t index;
    int64_t at_ms;
    uint8_t kind, class;
    struct place place;
    uint32_t length;      /* of the payload, without header and padding */
    uint64_t prev_same;   /* index of the entry of this class before, FORMAT_NONE */
    uint64_t prev_other;  /* newest entry of the other class before, FORMAT_NONE */
    uint8_t salt[16];     /* so that a pruned payload cannot be guessed from its hash */
    struct hash payload;  /* SHA-256(salt || payload) */
};
void format_payload_hash(const uint8_t salt[16], struct bytes payload, struct hash *ret);
void format_leaf_write(const struct leaf *l, uint8_t ret[FORMAT_LEAF]);
/* E_CHANGED unless every byte is as written for this index. Not: whether the tree agrees. */
MUST outcome format_leaf_read(const uint8_t in[FORMAT_LEAF], uint64_t index, struct leaf *ret);

/* A leaf record that a short write ended within its last bytes: all of it right, then zeros. */
bool format_leaf_is_short(const uint8_t in[FORMAT_LEAF]);

struct frame {
    uint64_t index;
    uint32_t length;
    uint8_t check[16];
};
/* Fills the header in front of the payload. */
void format_frame_write(uint64_t index, struct bytes payload, uint8_t ret[FORMAT_FRAME]);
/* The header's own form only; E_MALFORMED. */
MUST outcome format_frame_read(const uint8_t in[FORMAT_FRAME], struct frame *ret);
/* Whether the payload and the header belong together. */
bool format_frame_good(const uint8_t header[FORMAT_FRAME], struct bytes payload);

bool format_is_zero(struct bytes b);
/* A record that a copy or a crash left half written: some aligned 16 bytes of it are still zero (no
 * whole record has such), and it is more than a stray byte. Only ever an excuse after the signed size. */
bool format_is_torn(struct bytes b);

#endif
