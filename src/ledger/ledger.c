/* Making, opening, appending. Nothing here touches a file after open: see commit.c. */
#include "ledger/inside.h"

#include <stdio.h>

#include "base/port/port.h"

static outcome make_dirs(const char *dir)
{
    char path[FORMAT_PATH];
    TRY(port_dir_make(dir, 0700));
    for (unsigned f = 0; f < FILES; f++) {
        TRY(format_path(dir, format_files_word(f), path));
        TRY(port_dir_make(path, 0700));
    }
    return DONE;
}

static outcome make_files(const char *dir, struct ledger_shape shape)
{
    for (unsigned f = 0; f < FILES; f++) {
        struct segments s;
        uint8_t first[FORMAT_ALIGN] = { 0 }, none[1] = { 0 };
        segments_init(&s, dir, f, shape, true);
        outcome o = segments_read(&s, (struct place) { 0, 0 }, first, sizeof first);
        bool used = ok(o) && !format_is_zero(bytes_of(first, sizeof first));
        o = used ? REFUSE(E_CONFLICT) : segments_write(&s, (struct place) { 0, 0 }, bytes_of(none, 1));
        if (ok(o)) o = segments_sync(&s);
        segments_deinit(&s);
        TRY(o);
    }
    return DONE;
}

/* The identity comes last: a directory with one is complete. */
outcome ledger_create_shaped(const char *dir, const struct identity *i)
{
    static const uint8_t empty[FORMAT_CHECKPOINT];
    char path[FORMAT_PATH];
    int fd;
    struct buffer b = BUFFER(FORMAT_IDENTITY_MAX);
    TRY(format_path(dir, "ledger", path));
    if (ok(port_file_open_read(path, &fd))) {
        port_file_close(fd);
        return REFUSE(E_CONFLICT);
    }
    outcome o = format_identity_write(i, &b);
    if (ok(o)) o = make_dirs(dir);
    if (ok(o)) o = make_files(dir, i->shape);
    char head[FORMAT_PATH];
    if (ok(o)) o = format_path(dir, "checkpoint", head);
    if (ok(o)) o = port_file_store(head, bytes_of(empty, sizeof empty), 0600);
    if (ok(o)) o = port_file_store(path, buffer_view(&b), 0600);
    buffer_deinit(&b);
    return o;
}

outcome ledger_create(const char *dir, const char *origin, struct bytes public_key32)
{
    struct identity i = { .shape = LEDGER_SHAPE };
    if (public_key32.n != sizeof i.key) return REFUSE(E_RANGE);
    TRY(bytes_to_text(bytes_str(origin), i.origin, sizeof i.origin));
    memcpy(i.key, public_key32.at, sizeof i.key);
    return ledger_create_shaped(dir, &i);
}

/* ---- open and close ---- */

static void batch_free(struct batch *b)
{
    if (!b) return;
    for (unsigned c = 0; c < CLASSES; c++) mem_free(b->frames[c].at);
    mem_free(b->rows);
    mem_free(b);
}

static struct batch *batch_new(void)
{
    struct batch *b = mem_new(sizeof *b);
    if (!b) return NULL;
    bool good = (b->rows = mem_new_array(FORMAT_BATCH_ENTRIES, sizeof *b->rows)) != NULL;
    for (unsigned c = 0; c < CLASSES; c++) {
        b->frames[c].at = mem_new(BATCH_BYTES);
        good = good && b->frames[c].at;
    }
    if (good) return b;
    batch_free(b);
    return NULL;
}

static void ledger_free(struct ledger *l)
{
    for (unsigned f = 0; f < FILES; f++) {
        segments_deinit(&l->readers[f]);
        segments_deinit(&l->writers[f]);
    }
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->lock);
    batch_free(l->fill);
    batch_free(l->flush);
    keyring_free(l->keys);
    buffer_deinit(&l->sealed);
    pruned_deinit(&l->pruned);
    mem_free(l->leaves);
    mem_free(l->nodes);
    mem_free(l);
}

static struct ledger *ledger_new(void)
{
    struct ledger *l = mem_new(sizeof *l);
    if (!l) return NULL;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, &clock);
    pthread_cond_init(&l->done, NULL);
    pthread_condattr_destroy(&clock);
    l->commit_ms = INT64_MIN / 2;
    l->punch_since_ms = -1;
    l->sealed = BUFFER(LEDGER_PAYLOAD_MAX);
    l->fill = batch_new();
    l->flush = batch_new();
    l->leaves = mem_new((size_t)FORMAT_BATCH_ENTRIES * FORMAT_LEAF);
    for (unsigned f = 0; f < FILES; f++) l->readers[f].fd = l->writers[f].fd = -1;
    if (l->fill && l->flush && l->leaves) return l;
    ledger_free(l);
    return NULL;
}

static outcome load_identity(struct ledger *l, const char *dir)
{
    char path[FORMAT_PATH];
    struct buffer b;
    int n = snprintf(l->dir, sizeof l->dir, "%s", dir);
    if (n < 0 || (size_t)n >= sizeof l->dir) return REFUSE(E_TOO_LARGE);
    TRY(format_path(dir, "ledger", path));
    outcome o = port_file_load(path, FORMAT_IDENTITY_MAX, &b);
    if (!ok(o)) return o.code == E_TOO_LARGE ? REFUSE(E_CHANGED) : o;
    o = format_identity_read(buffer_view(&b), &l->identity);
    buffer_deinit(&b);
    return o;
}

static outcome open_files(struct ledger *l, bool threaded, uint64_t *ret_cut)
{
    for (unsigned f = 0; f < FILES; f++) {
        segments_init(&l->readers[f], l->dir, f, l->identity.shape, false);
        segments_init(&l->writers[f], l->dir, f, l->identity.shape, true);
    }
    TRY(ledger_recover_files(l, ret_cut));
    if (!threaded) return DONE;
    if (pthread_create(&l->thread, NULL, ledger_log_thread, l) != 0) return REFUSE(E_MEMORY);
    l->running = true;
    return DONE;
}

static outcome open_with(const char *dir, const struct ledger_options *with, struct ledger **ret, uint64_t *ret_cut)
{
    uint64_t cut = 0;
    struct ledger *l = ledger_new();
    if (!l) return REFUSE(E_MEMORY);
    l->wake = with->wake;
    l->window_ms = with->window_ms;
    outcome o = load_identity(l, dir);
    if (ok(o)) o = open_files(l, with->threaded, &cut);
    if (!ok(o)) {
        ledger_free(l);
        return o;
    }
    *ret = l;
    *ret_cut = cut;
    return DONE;
}

outcome ledger_open(const char *dir, struct ledger_wake wake, unsigned commit_window_ms,
    struct ledger **ret, uint64_t *ret_cut)
{
    return open_with(dir, &(struct ledger_options) { wake, commit_window_ms, true }, ret, ret_cut);
}

outcome ledger_open_stepped(const char *dir, struct ledger **ret, uint64_t *ret_cut)
{
    return open_with(dir, &(struct ledger_options) { { 0 }, 0, false }, ret, ret_cut);
}

void ledger_drop(struct ledger *l)
{
    assert(!l->running);
    ledger_free(l);
}

outcome ledger_keys(struct ledger *l, const char *dir)
{
    assert(!l->keys);
    return keyring_new(dir, &l->keys);
}

void ledger_close(struct ledger *l)
{
    if (!l) return;
    outcome last = ledger_sync(l);
    (void)last; /* what is not durable now was never acknowledged */
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
    if (l->running) pthread_join(l->thread, NULL);
    ledger_free(l);
}

/* ---- append ---- */

static outcome batch_put(struct ledger *l, struct leaf *leaf, struct bytes payload)
{
    struct batch *b = l->fill;
    uint64_t size = format_frame_size(leaf->length);
    size_t at = b->frames[leaf->class].n;
    if (b->n == FORMAT_BATCH_ENTRIES || at + size > BATCH_BYTES) return REFUSE(E_FULL);
    uint8_t *frame = b->frames[leaf->class].at + at;
    memset(frame, 0, size);
    if (payload.n) memcpy(frame + FORMAT_FRAME, payload.at, payload.n);
    b->frames[leaf->class].n += size;
    b->rows[b->n++] = (struct pending) { *leaf, at };
    return DONE;
}

outcome ledger_append(struct ledger *l, enum ledger_kind kind, int64_t at_ms, struct bytes payload,
    uint64_t *ret_index)
{
    enum ledger_class class = ledger_kind_class(kind);
    assert(class < CLASSES);
    if (payload.n > LEDGER_PAYLOAD_MAX) return REFUSE(E_TOO_LARGE);
    uint64_t size = format_frame_size((uint32_t)payload.n);
    if (size > l->identity.shape.segment_bytes) return REFUSE(E_TOO_LARGE);
    TRY(ledger_health(l));
    struct leaf leaf = { .index = l->size, .at_ms = at_ms, .kind = (uint8_t)kind,
        .class = (uint8_t)class, .length = (uint32_t)payload.n, .prev_same = l->last[class],
        .prev_other = l->last[class == CLASS_CONTROL ? CLASS_DATA : CLASS_CONTROL] };
    leaf.place = format_place(&l->identity.shape, l->end[class], size);
    pthread_mutex_lock(&l->lock);
    outcome o = batch_put(l, &leaf, payload);
    pthread_mutex_unlock(&l->lock);
    TRY(o);
    l->end[class] = (struct place) { leaf.place.segment, leaf.place.offset + size };
    l->last[class] = leaf.index;
    *ret_index = l->size++;
    return DONE;
}

outcome ledger_append_for(struct ledger *l, const char *subject, int64_t at_ms, struct bytes payload,
    uint64_t *ret_index)
{
    if (!l->keys) return ledger_append(l, ENTRY_DATA, at_ms, payload, ret_index);
    if (payload.n + KEYRING_OVERHEAD > LEDGER_PAYLOAD_MAX) return REFUSE(E_TOO_LARGE);
    TRY(ledger_health(l)); /* no key is made for what will not be stored */
    TRY(keyring_seal(l->keys, subject, l->size, payload, &l->sealed));
    return ledger_append(l, ENTRY_DATA, at_ms, buffer_view(&l->sealed), ret_index);
}

outcome ledger_seal(struct ledger *l, const char *subject, uint64_t number, struct bytes plain, struct buffer *b)
{
    assert(number >> 63);
    b->n = 0;
    return l->keys ? keyring_seal(l->keys, subject, number, plain, b) : buffer_put(b, plain);
}

outcome ledger_unseal(struct ledger *l, uint64_t number, uint8_t *stored, size_t n, struct bytes *ret_plain)
{
    uint8_t id[KEYRING_ID];
    *ret_plain = bytes_of(stored, n);
    if (!keyring_is_sealed(*ret_plain, id)) return DONE;
    return l->keys ? keyring_unseal(l->keys, number, stored, n, ret_plain) : REFUSE(E_UNKNOWN);
}

static int sooner(int a, int b)
{
    if (a < 0) return b;
    return b < 0 || a < b ? a : b;
}

int ledger_turn(struct ledger *l, int64_t mono_ms, bool force)
{
    int next = sooner(sooner(ledger_turn_heads(l, mono_ms), ledger_turn_punch(l, mono_ms)), ledger_turn_keys(l, mono_ms));
    pthread_mutex_lock(&l->lock);
    bool waits = l->fill->n > 0 && !l->commit_wanted;
    int64_t left = waits ? l->commit_ms + l->window_ms - mono_ms : -1;
    if (waits && (force || left <= 0)) {
        l->commit_wanted = true;
        l->commit_ms = mono_ms;
        left = -1;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&l->lock);
    return sooner(next, (int)left);
}

outcome ledger_sync(struct ledger *l)
{
    outcome o = DONE;
    pthread_mutex_lock(&l->lock);
    uint64_t failed = l->attempts_failed;
    while (ok(o) && atomic_load(&l->durable) < l->size) {
        l->commit_wanted = true;
        pthread_cond_signal(&l->work);
        ledger_await(l);
        if (l->attempts_failed != failed) o = l->trouble; /* unless a retry worked meanwhile */
        failed = l->attempts_failed;
    }
    pthread_mutex_unlock(&l->lock);
    return o;
}

uint64_t ledger_durable(const struct ledger *l)
{
    return atomic_load(&l->durable);
}

uint64_t ledger_size(const struct ledger *l)
{
    return l->size;
}

outcome ledger_health(const struct ledger *l)
{
    if (!atomic_load(&l->failing)) return DONE;
    struct ledger *mine = (struct ledger *)(uintptr_t)l; /* the lock only */
    pthread_mutex_lock(&mine->lock);
    outcome o = l->trouble;
    pthread_mutex_unlock(&mine->lock);
    return ok(o) ? DONE : o;
}

outcome ledger_since(struct ledger *l, int64_t at_ms, uint64_t *ret)
{
    uint64_t low = 0, high = ledger_durable(l);
    struct buffer b = BUFFER(LEDGER_PAYLOAD_MAX + 64);
    outcome o = DONE;
    while (ok(o) && low < high) {
        struct ledger_entry e;
        uint64_t mid = low + (high - low) / 2;
        o = ledger_read(l, mid, &b, &e);
        if (ok(o) && e.at_ms < at_ms) low = mid + 1;
        else high = mid;
    }
    buffer_deinit(&b);
    *ret = low;
    return o;
}
