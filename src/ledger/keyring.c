#include "ledger/keyring.h"

#include <stdio.h>

#include "base/map.h"
#include "base/port/port.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#define FILE_MAX 256u
#define FILE_CHECK 16u
#define PATH_BYTES 4096u

static const uint8_t magic[5] = { 0x80, 'S', 'K', 'E', 1 };

struct data_key {
    uint8_t id[KEYRING_ID], key[AEAD_KEY];
    char subject[KEYRING_SUBJECT_MAX];
    bool retired;
    uint64_t by; /* the entry that says so */
};

struct keyring {
    char dir[PATH_BYTES];
    struct map by_id, by_subject; /* -> struct data_key; by_id owns */
    struct aead_sealer *sealer;
    size_t retired;
    uint8_t start[4];             /* of this process's nonces: an index used again after a crash makes no nonce again */
};

bool keyring_is_sealed(struct bytes payload, uint8_t ret_id[KEYRING_ID])
{
    if (payload.n < KEYRING_OVERHEAD || memcmp(payload.at, magic, sizeof magic) != 0) return false;
    memcpy(ret_id, payload.at + sizeof magic, KEYRING_ID);
    return true;
}

/* ---- key files ---- */

static outcome data_key_path(const struct keyring *k, const uint8_t id[KEYRING_ID], char path[PATH_BYTES])
{
    char hex[2 * KEYRING_ID + 1];
    hex_of(bytes_of(id, KEYRING_ID), hex);
    int n = snprintf(path, PATH_BYTES, "%s/%s", k->dir, hex);
    return n < 0 || n >= (int)PATH_BYTES ? REFUSE(E_TOO_LARGE) : DONE;
}

static void data_key_write(const struct data_key *d, struct out *o)
{
    struct hash check;
    put_str(o, "SKD1");
    put_field16(o, bytes_str(d->subject));
    put(o, bytes_of(d->key, sizeof d->key));
    hash_sha256(out_view(o), &check);
    put(o, bytes_of(check.at, FILE_CHECK));
}

static outcome data_key_read(struct bytes in, struct data_key *ret)
{
    struct bytes whole = in, part;
    struct hash check;
    TRY(take(&in, 4, &part));
    if (!bytes_equal_str(part, "SKD1")) return REFUSE(E_MALFORMED);
    TRY(take_field16(&in, &part));
    TRY(bytes_to_text(part, ret->subject, sizeof ret->subject));
    TRY(take(&in, AEAD_KEY, &part));
    memcpy(ret->key, part.at, AEAD_KEY);
    hash_sha256(bytes_of(whole.at, whole.n - in.n), &check);
    TRY(take(&in, FILE_CHECK, &part));
    if (memcmp(part.at, check.at, FILE_CHECK) != 0) return REFUSE(E_MALFORMED);
    return at_end(in);
}

static void data_key_free(struct data_key *d)
{
    if (d) explicit_bzero(d, sizeof *d);
    mem_free(d);
}

static outcome data_key_keep(struct keyring *k, struct data_key *d)
{
    TRY(map_put(&k->by_id, bytes_of(d->id, sizeof d->id), d));
    outcome o = map_put(&k->by_subject, bytes_str(d->subject), d);
    if (!ok(o)) (void)map_take(&k->by_id, bytes_of(d->id, sizeof d->id));
    return o;
}

static outcome load_one(void *ctx, const char *name)
{
    struct keyring *k = ctx;
    char path[PATH_BYTES];
    struct buffer b;
    uint8_t id[KEYRING_ID];
    if (!ok(hex_to(bytes_str(name), id, sizeof id))) return DONE;
    TRY(data_key_path(k, id, path));
    outcome o = port_file_load(path, FILE_MAX, &b);
    if (o.code == E_TOO_LARGE) return DONE;
    TRY(o);
    struct data_key *d = mem_new(sizeof *d);
    bool good = d && ok(data_key_read(buffer_view(&b), d));
    buffer_wipe(&b);
    if (!d) return REFUSE(E_MEMORY);
    memcpy(d->id, id, sizeof id);
    o = good ? data_key_keep(k, d) : DONE; /* half a key: its payloads are lost, others are not */
    if (!good || !ok(o)) data_key_free(d);
    return o;
}

outcome keyring_new(const char *dir, struct keyring **ret)
{
    struct keyring *k = mem_new(sizeof *k);
    if (!k) return REFUSE(E_MEMORY);
    *k = (struct keyring) { .by_id = MAP, .by_subject = MAP };
    int n = snprintf(k->dir, sizeof k->dir, "%s", dir);
    outcome o = n < 0 || n >= (int)sizeof k->dir ? REFUSE(E_TOO_LARGE) : port_dir_make(dir, 0700);
    port_random(k->start, sizeof k->start);
    if (ok(o)) o = aead_sealer_new(&k->sealer);
    /* A key whose folder was never flushed (its maker was refused, then killed) must not seal before it is sure to stay. */
    if (ok(o)) o = port_dir_sync(dir);
    if (ok(o)) o = port_dir_list(dir, load_one, k);
    if (ok(o)) *ret = k;
    else keyring_free(k);
    return o;
}

void keyring_free(struct keyring *k)
{
    struct bytes key;
    void *value;
    if (!k) return;
    for (size_t at = 0; map_next(&k->by_id, &at, &key, &value);) data_key_free(value);
    map_deinit(&k->by_id);
    map_deinit(&k->by_subject);
    aead_sealer_free(k->sealer);
    mem_free(k);
}

static outcome data_key_store(struct keyring *k, struct data_key *d)
{
    char path[PATH_BYTES];
    uint8_t file[FILE_MAX];
    struct out o = out_of(file, sizeof file);
    data_key_write(d, &o);
    outcome r = out_done(&o);
    if (ok(r)) r = data_key_path(k, d->id, path);
    if (ok(r)) r = port_file_store(path, out_view(&o), 0600);
    explicit_bzero(file, sizeof file);
    return r;
}

static outcome data_key_for(struct keyring *k, const char *subject, const struct data_key **ret)
{
    struct data_key *d = map_get(&k->by_subject, bytes_str(subject));
    *ret = d;
    if (d) return DONE;
    if (!*subject || strlen(subject) >= KEYRING_SUBJECT_MAX) return REFUSE(E_RANGE);
    if (!(d = mem_new(sizeof *d))) return REFUSE(E_MEMORY);
    snprintf(d->subject, sizeof d->subject, "%s", subject);
    port_random(d->id, sizeof d->id);
    port_random(d->key, sizeof d->key);
    outcome o = data_key_store(k, d);
    if (ok(o)) o = data_key_keep(k, d);
    if (ok(o)) *ret = d;
    else data_key_free(d);
    return o;
}

/* ---- sealing ---- */

static void bound_of(uint64_t index, uint8_t ret[8])
{
    struct out o = out_of(ret, 8);
    put_u64(&o, index);
}

outcome keyring_seal(struct keyring *k, const char *subject, uint64_t index, struct bytes plain, struct buffer *b)
{
    const struct data_key *d;
    uint8_t bound[8], nonce[AEAD_NONCE];
    b->n = 0;
    TRY(data_key_for(k, subject, &d));
    TRY(buffer_reserve(b, KEYRING_OVERHEAD + plain.n));
    bound_of(index, bound);
    memcpy(nonce, k->start, sizeof k->start);
    memcpy(nonce + sizeof k->start, bound, sizeof bound);
    struct out o = out_of(b->at, KEYRING_HEAD);
    put(&o, bytes_of(magic, sizeof magic));
    put(&o, bytes_of(d->id, sizeof d->id));
    put(&o, bytes_of(nonce, sizeof nonce));
    struct aead a = { d->key, nonce, bytes_of(bound, sizeof bound) };
    TRY(aead_sealer_seal(k->sealer, &a, plain, b->at + KEYRING_HEAD));
    b->n = KEYRING_OVERHEAD + plain.n;
    return DONE;
}

outcome keyring_unseal(const struct keyring *k, uint64_t index, uint8_t *sealed, size_t n, struct bytes *ret_plain)
{
    uint8_t bound[8], id[KEYRING_ID];
    if (!keyring_is_sealed(bytes_of(sealed, n), id)) return REFUSE(E_CHANGED);
    const struct data_key *d = map_get(&k->by_id, bytes_of(id, sizeof id));
    if (!d || d->retired) return REFUSE(E_UNKNOWN);
    bound_of(index, bound);
    struct aead a = { d->key, sealed + sizeof magic + KEYRING_ID, bytes_of(bound, sizeof bound) };
    TRY(aead_open(&a, bytes_of(sealed + KEYRING_HEAD, n - KEYRING_HEAD), sealed + KEYRING_HEAD));
    *ret_plain = bytes_of(sealed + KEYRING_HEAD, n - KEYRING_OVERHEAD);
    return DONE;
}

outcome keyring_id(const struct keyring *k, const char *subject, uint8_t ret_id[KEYRING_ID])
{
    const struct data_key *d = map_get(&k->by_subject, bytes_str(subject));
    if (!d) return REFUSE(E_UNKNOWN);
    memcpy(ret_id, d->id, sizeof d->id);
    return DONE;
}

/* The name goes last: a crash on the way leaves a file that is no key. */
static outcome shred(const char *path)
{
    static const uint8_t zeros[FILE_MAX];
    int fd;
    uint64_t size = 0;
    outcome o = port_file_open(path, false, &fd);
    if (o.code == E_MISSING) return DONE;
    TRY(o);
    o = port_file_size(fd, &size);
    if (ok(o)) o = port_file_write(fd, 0, bytes_of(zeros, size < FILE_MAX ? (size_t)size : FILE_MAX));
    if (ok(o)) o = port_file_sync(fd);
    port_file_close(fd);
    return ok(o) ? port_file_remove(path) : o;
}

/* Nothing may be sealed under a key whose file may be half gone, or whose end may be in the record already. */
void keyring_retire(struct keyring *k, const uint8_t id[KEYRING_ID], uint64_t by)
{
    struct data_key *d = map_get(&k->by_id, bytes_of(id, KEYRING_ID));
    if (!d || d->retired) return;
    d->retired = true;
    d->by = by;
    k->retired++;
    if (map_get(&k->by_subject, bytes_str(d->subject)) == d) (void)map_take(&k->by_subject, bytes_str(d->subject));
    aead_sealer_forget(k->sealer);
}

outcome keyring_destroy(struct keyring *k, const uint8_t id[KEYRING_ID])
{
    char path[PATH_BYTES];
    keyring_retire(k, id, 0);
    TRY(data_key_path(k, id, path));
    TRY(shred(path));
    TRY(port_dir_sync(k->dir));
    struct data_key *d = map_take(&k->by_id, bytes_of(id, KEYRING_ID));
    if (d) k->retired--;
    data_key_free(d);
    return DONE;
}

static struct data_key *due(const struct keyring *k, uint64_t durable, size_t *at)
{
    struct bytes key;
    void *value;
    while (map_next(&k->by_id, at, &key, &value)) {
        struct data_key *d = value;
        if (d->retired && d->by < durable) return d;
    }
    return NULL;
}

outcome keyring_finish(struct keyring *k, uint64_t durable)
{
    outcome first = DONE;
    size_t at = 0;
    for (struct data_key *d; k->retired && (d = due(k, durable, &at));) {
        outcome o = keyring_destroy(k, d->id);
        if (ok(o)) at = 0; /* the map has moved */
        else if (ok(first)) first = o;
    }
    return first;
}

size_t keyring_retired(const struct keyring *k)
{
    return k->retired;
}

size_t keyring_count(const struct keyring *k)
{
    return k->by_id.n;
}
