#include "ledger/verify_origin.h"

#include "base/port/port.h"
#include "ledger/data.h"
#include "ledger/format.h"
#include "ledger/keyring.h"
#include "wire/doc.h"

struct walk {
    const struct verify_origin *q;
    struct verify_origin_result *result;
    struct origin_check *check;
    struct keyring *keys;
    struct buffer opened;
    outcome failed;
};

static void on_found(void *ctx, const struct origin_finding *f)
{
    struct walk *w = ctx;
    w->result->findings++;
    w->q->finding(w->q->ctx, f);
}

/* {"id", "key": hex of SHA-256 of the public key, ...} */
static MUST outcome identity(struct walk *w, struct bytes json)
{
    struct arena a = ARENA(256 << 10);
    struct doc *d = NULL;
    uint8_t hash[32];
    outcome o = DONE;
    if (ok(doc_read_json(json, &a, &d)) && d->kind == DOC_MAP && ok(hex_to(bytes_str(doc_text(d, "key", "")), hash, sizeof hash)))
        o = origin_check_key(w->check, bytes_str(doc_text(d, "id", "")), hash);
    arena_deinit(&a);
    return o;
}

static MUST outcome message(struct walk *w, uint64_t index, struct bytes stored)
{
    uint8_t id[KEYRING_ID];
    struct bytes plain = stored;
    struct data d;
    if (keyring_is_sealed(stored, id)) {
        w->opened.n = 0;
        TRY(buffer_put(&w->opened, stored));
        if (!ok(keyring_unseal(w->keys, index, w->opened.at, w->opened.n, &plain))) {
            w->result->closed++;
            return DONE;
        }
    }
    if (!ok(data_read(plain, &d))) return DONE; /* the record's own verifier speaks of what is no entry */
    return origin_check_message(w->check, index, d.topic, d.payload);
}

static void on_entry(void *ctx, uint64_t index, unsigned kind, struct bytes payload)
{
    struct walk *w = ctx;
    if (!ok(w->failed)) return;
    if (kind == ENTRY_IDENTITY) w->failed = identity(w, payload);
    if (kind == ENTRY_DATA) w->failed = message(w, index, payload);
}

static outcome any_name(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return DONE;
}

static MUST outcome walk_through(struct walk *w)
{
    struct verify_request r = { w->q->dir, w->q->public_key_hex, w->q->record, w->q->ctx, NULL, { on_entry, w } };
    TRY(ledger_verify_asked(&r, &w->result->record));
    TRY(w->failed);
    origin_check_end(w->check);
    const struct origin_device *d;
    for (size_t i = 0; (d = origin_check_device(w->check, i)) != NULL; i++) w->q->device(w->q->ctx, d);
    return DONE;
}

outcome ledger_verify_origin(const struct verify_origin *q, struct verify_origin_result *ret)
{
    struct walk w = { .q = q, .result = ret, .opened = BUFFER(LEDGER_PAYLOAD_MAX) };
    *ret = (struct verify_origin_result) { 0 };
    TRY(port_dir_list(q->keys_dir, any_name, NULL)); /* keyring_new would make it */
    TRY(keyring_new(q->keys_dir, &w.keys));
    outcome o = origin_check_new(on_found, &w, &w.check);
    if (ok(o) && q->answer) origin_check_ask(w.check, q->answer);
    if (ok(o)) o = walk_through(&w);
    origin_check_free(w.check);
    keyring_free(w.keys);
    buffer_deinit(&w.opened);
    return o;
}
