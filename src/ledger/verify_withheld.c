/* Which payloads the signed record itself says were given up. Only entries under the signed head count:
 * an entry that nobody signed excuses no missing payload. */
#include "ledger/verify_inside.h"

static bool control_payload(struct verify *v, const struct leaf *l, struct bytes *ret)
{
    const uint8_t *b;
    struct hash h;
    uint64_t size = format_frame_size(l->length);
    if (l->class != CLASS_CONTROL || l->length > LEDGER_PAYLOAD_MAX) return false;
    if (rows_get(&v->rows[CLASS_CONTROL], l->place, (size_t)size, &b) < size) return false;
    *ret = bytes_of(b + FORMAT_FRAME, l->length);
    format_payload_hash(l->salt, *ret, &h);
    return hash_equal(&h, &l->payload);
}

static void note_pruned(struct verify *v, const struct leaf *l)
{
    struct bytes json;
    struct pruned p;
    if (!control_payload(v, l, &json) || !ok(pruned_read(json, &p))) return;
    bool newer = p.end >= v->pruned.end && p.end <= l->index;
    if (newer) {
        pruned_deinit(&v->pruned);
        v->pruned = p;
        v->pruned_by = l->index;
    } else pruned_deinit(&p);
}

static void note_erased(struct verify *v, const struct leaf *l)
{
    struct bytes json;
    uint8_t id[KEYRING_ID];
    if (!control_payload(v, l, &json) || !ok(erased_read(json, id))) return;
    (void)!ok(map_put(&v->erased, bytes_of(id, sizeof id), (void *)(uintptr_t)(l->index + 1)));
}

void verify_withheld(struct verify *v)
{
    struct rows *r = &v->rows[FILES_LEAVES];
    const uint8_t *record;
    struct leaf l;
    for (uint64_t index = 0; index < v->head.size; index++) {
        if (rows_get(r, rows_place(r, index * FORMAT_LEAF), FORMAT_LEAF, &record) < FORMAT_LEAF) continue;
        if (record[4] != ENTRY_PRUNED && record[4] != ENTRY_ERASED) continue;
        if (!ok(format_leaf_read(record, index, &l))) continue;
        if (l.kind == ENTRY_PRUNED) note_pruned(v, &l);
        else note_erased(v, &l);
    }
}

bool verify_is_pruned(const struct verify *v, const struct leaf *l)
{
    return l->class == CLASS_DATA && pruned_has(&v->pruned, l->index);
}

void verify_note_erased(struct verify *v, const struct leaf *l, struct bytes payload)
{
    uint8_t id[KEYRING_ID];
    if (l->kind != ENTRY_DATA || !keyring_is_sealed(payload, id)) return;
    uintptr_t by = (uintptr_t)map_get(&v->erased, bytes_of(id, sizeof id));
    if (!by) return;
    v->result->erased++;
    if (v->answer && l->index == v->answer->index) *v->answer = (struct verify_answer) { l->index, VERIFY_ERASED, by - 1 };
}
