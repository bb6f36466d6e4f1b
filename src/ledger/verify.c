/* The verifier's frame: identity, head, the directory's names; then the walk. */
#include "ledger/verify_inside.h"

#include <stdio.h>

#include "base/port/port.h"

void verify_report_file(struct verify *v, enum code code, const char *file, uint64_t offset, const char *what)
{
    struct verify_finding f = { .code = code, .offset = offset, .index = FORMAT_NONE };
    snprintf(f.file, sizeof f.file, "%s", file);
    snprintf(f.what, sizeof f.what, "%s", what);
    v->result->findings++;
    if (v->fn) v->fn(v->ctx, &f);
}

void verify_report(struct verify *v, enum code code, struct spot at, const char *what)
{
    struct verify_finding f = { .code = code, .offset = at.at.offset, .index = at.index };
    format_file_name(at.files, at.at.segment, f.file);
    snprintf(f.what, sizeof f.what, "%s", what);
    v->result->findings++;
    if (v->answer && at.index == v->answer->index)
        v->answer->fate = code == E_MISSING ? VERIFY_MISSING : VERIFY_CHANGED;
    if (v->fn) v->fn(v->ctx, &f);
}

void verify_size(struct verify *v, unsigned files, uint32_t segment, uint64_t signed_used, uint64_t used)
{
    const struct ledger_shape *shape = &v->identity.shape;
    uint64_t size = v->rows[files].size, least = format_file_size(shape, signed_used);
    uint64_t most = format_file_size(shape, used);
    struct spot at = { files, { segment, size }, FORMAT_NONE };
    if (v->tail_seen) {
        most = format_file_size(shape, used + SLACK_BYTES);
        if (signed_used == 0 && segment > 0) least = 0;
    }
    if (most > shape->segment_bytes) most = shape->segment_bytes;
    if (size < least || size % shape->chunk_bytes)
        verify_report(v, size > most ? E_CHANGED : E_MISSING, at, "the file ends where it should not");
    else if (size > most) {
        at.at.offset = most;
        verify_report(v, E_CHANGED, at, "the file is longer than it should be");
    }
}

bool verify_zero(struct verify *v, unsigned files, struct place from, const char *what)
{
    struct rows *r = &v->rows[files];
    const uint8_t *b;
    size_t n;
    for (; (n = rows_get(r, from, 4096, &b)) > 0; from.offset += n) {
        if (format_is_zero(bytes_of(b, n))) continue;
        size_t k = 0;
        while (b[k] == 0) k++;
        from.offset += k;
        verify_report(v, E_CHANGED, (struct spot) { files, from, FORMAT_NONE }, what);
        return false;
    }
    return true;
}

/* ---- identity and head ---- */

static outcome load(struct verify *v, const char *name, size_t max, struct buffer *ret)
{
    char path[FORMAT_PATH];
    TRY(format_path(v->dir, name, path));
    outcome o = port_file_load(path, max, ret);
    if (o.code == E_MISSING) verify_report_file(v, E_MISSING, name, 0, "the file is gone");
    else if (o.code == E_TOO_LARGE) verify_report_file(v, E_CHANGED, name, max, "the file is longer than it should be");
    else if (!ok(o)) verify_report_file(v, E_MISSING, name, 0, "the file cannot be read");
    return o;
}

/* Where a text first differs in form is not known; the file is small and named. */
static bool check_identity(struct verify *v, const char *pin)
{
    struct buffer b;
    uint8_t key[32];
    if (!ok(load(v, "ledger", FORMAT_IDENTITY_MAX, &b))) return false;
    bool good = ok(format_identity_read(buffer_view(&b), &v->identity));
    buffer_deinit(&b);
    if (!good) {
        verify_report_file(v, E_CHANGED, "ledger", 0, "the ledger's identity was changed");
        return false;
    }
    if (pin[0] && (!ok(hex_to(bytes_str(pin), key, 32)) || memcmp(key, v->identity.key, 32) != 0)) {
        verify_report_file(v, E_CRYPTO, "ledger", 0, "the ledger has another key than the one expected");
        memcpy(v->identity.key, key, 32);
    }
    snprintf(v->result->origin, sizeof v->result->origin, "%s", v->identity.origin);
    return true;
}

static void judge_head(struct verify *v, struct bytes text)
{
    struct note n;
    outcome o = note_read(text, v->identity.key, &n);
    if (o.code == E_MALFORMED) verify_report_file(v, E_MALFORMED, "checkpoint", 0, "not a signed head");
    else if (!ok(o)) verify_report_file(v, E_CRYPTO, "checkpoint", 0, "the head is not signed by the ledger's key");
    else if (strcmp(n.origin, v->identity.origin) != 0)
        verify_report_file(v, E_CRYPTO, "checkpoint", 0, "the head of another ledger");
    else {
        v->head = n;
        v->head_good = true;
    }
}

/* The note that stands at `at`, up to its first zero; what follows it there must be zeros. */
static struct bytes half_text(struct verify *v, struct bytes file, size_t at)
{
    size_t end = at + FORMAT_CHECKPOINT_HALF < file.n ? at + FORMAT_CHECKPOINT_HALF : file.n, n = at;
    if (at >= file.n) return BYTES_NONE;
    while (n < end && file.at[n]) n++;
    size_t rest = n;
    while (rest < end && file.at[rest] == 0) rest++;
    if (rest < end) verify_report_file(v, E_CHANGED, "checkpoint", rest, "bytes after the head");
    return bytes_of(file.at + at, n - at);
}

/* The head stands a second time; a power cut may have left another head of ours there, nothing else. */
static void judge_twin(struct verify *v, struct bytes file, struct bytes head)
{
    struct bytes twin = half_text(v, file, FORMAT_CHECKPOINT_HALF);
    struct note n;
    size_t same = 0;
    if (bytes_equal(twin, head)) return;
    if (ok(note_read(twin, v->identity.key, &n)) && strcmp(n.origin, v->identity.origin) == 0) return;
    while (same < twin.n && same < head.n && twin.at[same] == head.at[same]) same++;
    verify_report_file(v, E_CHANGED, "checkpoint", FORMAT_CHECKPOINT_HALF + same, "the head's second copy was changed");
}

static void check_head(struct verify *v)
{
    struct buffer b;
    if (!ok(load(v, "checkpoint", FORMAT_CHECKPOINT, &b))) return;
    if (b.n != FORMAT_CHECKPOINT)
        verify_report_file(v, E_MISSING, "checkpoint", b.n, "the file ends where it should not");
    struct bytes text = half_text(v, buffer_view(&b), 0);
    if (text.n == 0) verify_report_file(v, E_MISSING, "checkpoint", 0, "there is no signed head");
    else judge_head(v, text);
    if (b.n == FORMAT_CHECKPOINT && v->head_good) judge_twin(v, buffer_view(&b), text);
    buffer_deinit(&b);
    v->result->signed_size = v->head.size;
    if (v->head_good) hex_of(hash_view(&v->head.root), v->result->head_root);
    if (!v->head_good || v->head.size > 0) return;
    struct hash empty;
    tree_empty_root(&empty);
    if (!hash_equal(&empty, &v->head.root))
        verify_report_file(v, E_CHANGED, "checkpoint", 0, "the head of no entries has another root");
}

/* ---- names ---- */

static outcome judge_top_name(void *ctx, const char *name)
{
    struct verify *v = ctx;
    bool known = strcmp(name, "ledger") == 0 || strcmp(name, "checkpoint") == 0;
    for (unsigned f = 0; f < FILES; f++) known = known || strcmp(name, format_files_word(f)) == 0;
    if (!known) verify_report_file(v, E_CONFLICT, name, 0, "a file that has no place here");
    return DONE;
}

struct naming {
    struct verify *v;
    unsigned files;
};

static outcome judge_name(void *ctx, const char *name)
{
    struct naming *n = ctx;
    struct rows *r = &n->v->rows[n->files];
    uint32_t number;
    char file[256];
    if (!ok(format_segment_number(name, &number))) {
        snprintf(file, sizeof file, "%s/%.200s", format_files_word(n->files), name);
        verify_report_file(n->v, E_CONFLICT, file, 0, "a file that has no place here");
    } else if (number >= r->count) {
        r->count = number + 1;
    }
    return DONE;
}

static void list_files(struct verify *v, unsigned files)
{
    char path[FORMAT_PATH];
    struct naming n = { v, files };
    v->rows[files] = (struct rows) { .dir = v->dir, .files = files, .shape = v->identity.shape, .fd = -1 };
    outcome o = format_path(v->dir, format_files_word(files), path);
    if (ok(o)) o = port_dir_list(path, judge_name, &n);
    if (!ok(o)) verify_report_file(v, E_MISSING, format_files_word(files), 0, "the folder is gone");
}

static void verify_run(struct verify *v, const char *pin)
{
    if (!check_identity(v, pin)) return; /* the shape of every other file is in it */
    check_head(v);
    for (unsigned f = 0; f < FILES; f++) list_files(v, f);
    verify_withheld(v);
    verify_walk(v);
    for (unsigned f = 0; f < FILES; f++) {
        if (v->rows[f].broken)
            verify_report_file(v, E_MISSING, format_files_word(f), 0, "a file cannot be read");
        rows_deinit(&v->rows[f]);
    }
    v->result->tail = v->edge.size > v->head.size ? v->edge.size - v->head.size : 0;
}

outcome ledger_verify(const char *dir, const char *public_key_hex,
    void (*fn)(void *ctx, const struct verify_finding *f), void *ctx, struct verify_result *ret)
{
    return ledger_verify_entry(dir, public_key_hex, fn, ctx, ret, NULL);
}

outcome ledger_verify_entry(const char *dir, const char *public_key_hex,
    void (*fn)(void *ctx, const struct verify_finding *f), void *ctx, struct verify_result *ret,
    struct verify_answer *ret_answer)
{
    return ledger_verify_asked(&(struct verify_request) { dir, public_key_hex, fn, ctx, ret_answer, { 0 } }, ret);
}

outcome ledger_verify_asked(const struct verify_request *q, struct verify_result *ret)
{
    uint8_t key[32];
    *ret = (struct verify_result) { 0 };
    if (q->public_key_hex[0]) TRY(hex_to(bytes_str(q->public_key_hex), key, sizeof key));
    struct verify *v = mem_new(sizeof *v);
    if (!v) return REFUSE(E_MEMORY);
    *v = (struct verify) { .dir = q->dir, .fn = q->fn, .ctx = q->ctx, .result = ret, .root_known = true,
        .tree_gap = FORMAT_NONE, .erased = MAP, .answer = q->answer, .each = q->each };
    if (q->answer) *q->answer = (struct verify_answer) { q->answer->index, VERIFY_NO_SUCH, 0 };
    for (unsigned c = 0; c < CLASSES; c++) v->last[c] = FORMAT_NONE;
    for (unsigned f = 0; f < FILES; f++) v->rows[f].fd = -1;
    outcome o = port_dir_list(q->dir, judge_top_name, v);
    if (ok(o)) verify_run(v, q->public_key_hex);
    pruned_deinit(&v->pruned);
    map_deinit(&v->erased);
    mem_free(v);
    return ok(o) ? DONE : REFUSE_SYS(E_IO, o.sys);
}
