/* Data keys: one for each subject (a device), under which its recorded messages are sealed at rest, so
 * that destroying one key makes all of the subject's payloads unreadable while every proof holds: leaves
 * cover what is stored, the sealed bytes. Keys are files of one folder beside the ledger, never in it.
 * A sealed payload:  80 'S' 'K' 'E' 01 | key id 16 | nonce 12 | AES-256-GCM of the payload, bound to the index. */
#ifndef LEDGER_KEYRING_H
#define LEDGER_KEYRING_H

#include "base/mem.h"

#define KEYRING_ID 16u
#define KEYRING_SUBJECT_MAX 96u
#define KEYRING_HEAD (5u + KEYRING_ID + 12u)
#define KEYRING_OVERHEAD (KEYRING_HEAD + 16u)

struct keyring;

/* The id of the key a payload is sealed under; false: it is not sealed. */
bool keyring_is_sealed(struct bytes payload, uint8_t ret_id[KEYRING_ID]);

/* Makes the folder when there is none and reads its keys; what is no whole key is passed over. */
MUST outcome keyring_new(const char *dir, struct keyring **ret);
void keyring_free(struct keyring *k); /* wipes */
/* Seals into b (cleared first) under the subject's key, which is made and on disk before it is used. */
MUST outcome keyring_seal(struct keyring *k, const char *subject, uint64_t index, struct bytes plain, struct buffer *b);
/* In place: *ret_plain is a part of sealed. E_UNKNOWN: its key is not here. E_CHANGED. */
MUST outcome keyring_unseal(const struct keyring *k, uint64_t index, uint8_t *sealed, size_t n, struct bytes *ret_plain);
/* E_UNKNOWN when the subject has none. */
MUST outcome keyring_id(const struct keyring *k, const char *subject, uint8_t ret_id[KEYRING_ID]);
/* Overwritten, synced, removed, and gone from memory. Fine when there is no such key. Where that is refused, the key is
 * retired: it seals and opens nothing, whatever is left of its file. */
MUST outcome keyring_destroy(struct keyring *k, const uint8_t id[KEYRING_ID]);
/* Entry `by`, not durable yet, says that it is destroyed: it seals and opens nothing from here on. */
void keyring_retire(struct keyring *k, const uint8_t id[KEYRING_ID], uint64_t by);
/* Destroys what was retired by the first `durable` entries. The first refusal; the others are tried all the same. */
MUST outcome keyring_finish(struct keyring *k, uint64_t durable);
size_t keyring_retired(const struct keyring *k); /* not destroyed yet */
size_t keyring_count(const struct keyring *k);

#endif
