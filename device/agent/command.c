#include "device/agent/command.h"

#include "wire/dsse.h"

const char *command_result_word(enum command_result r)
{
    static const char *const words[] = {
#define X(name, word) [name] = word,
        COMMAND_RESULTS(X)
#undef X
    };
    assert((size_t)r < sizeof words / sizeof words[0]);
    return words[r];
}

/* An integer, or a decimal text of at most three places. */
static MUST outcome value_read(const struct doc *d, int64_t *ret)
{
    int64_t v = 0;
    int decimals = -1;
    if (d->kind == DOC_INT) {
        if (d->number < 0 || d->number > 1000000) return REFUSE(E_RANGE);
        *ret = d->number * 1000;
        return DONE;
    }
    if (d->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
    size_t n = strlen(d->text);
    if (n == 0 || n > 10) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < n; i++) {
        char c = d->text[i];
        if (c == '.' && decimals < 0 && i > 0) decimals = 0;
        else if (c < '0' || c > '9' || decimals == 3) return REFUSE(E_MALFORMED);
        else {
            v = v * 10 + (c - '0');
            if (decimals >= 0) decimals++;
        }
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 3; i++) v *= 10;
    *ret = v;
    return DONE;
}

static MUST outcome fields_read(const struct doc *d, struct command *c)
{
    const struct doc *value = doc_get(d, "value");
    if (d->kind != DOC_MAP) return REFUSE(E_MALFORMED);
    TRY(bytes_to_text(bytes_str(doc_text(d, "do", "")), c->act, sizeof c->act));
    if (c->act[0] == 0) return REFUSE(E_MALFORMED);
    outcome id = bytes_to_text(bytes_str(doc_text(d, "id", "")), c->id, sizeof c->id);
    if (strcmp(c->act, "stop") == 0) return DONE; /* nothing else in it can make a stop wrong */
    TRY(id);
    c->expires_ms = doc_int(d, "expires", 0);
    if (value == NULL || value->kind == DOC_NULL) return DONE;
    TRY(value_read(value, &c->value_milli));
    c->has_value = true;
    return DONE;
}

outcome command_read(struct bytes name, struct bytes payload, struct command *ret)
{
    struct arena arena = ARENA(64 << 10);
    struct doc *d = NULL;
    struct hash h;
    *ret = (struct command) { 0 };
    hash_sha256(payload, &h);
    memcpy(ret->payload_hash, h.at, sizeof ret->payload_hash);
    TRY(bytes_to_text(name, ret->name, sizeof ret->name));
    if (payload.n > COMMAND_PAYLOAD_MAX) return REFUSE(E_TOO_LARGE);
    outcome o = doc_read_json(payload, &arena, &d);
    if (ok(o)) o = fields_read(d, ret);
    arena_deinit(&arena);
    return o;
}

static bool seen_before(struct command_seen *seen, const char *id)
{
    for (size_t i = 0; i < COMMAND_SEEN_MAX; i++)
        if (strcmp(seen->ids[i], id) == 0) return true;
    memcpy(seen->ids[seen->next], id, COMMAND_ID_MAX);
    seen->next = (seen->next + 1) % COMMAND_SEEN_MAX;
    return false;
}

enum command_result command_judge(const struct command *c, struct command_seen *seen, int64_t now_ms)
{
    if (strcmp(c->act, "stop") == 0) return COMMAND_DONE;
    if (c->expires_ms != 0 && now_ms >= c->expires_ms) return COMMAND_EXPIRED;
    if (c->id[0] != 0 && seen_before(seen, c->id)) return COMMAND_DUPLICATE;
    return COMMAND_DONE;
}

static MUST outcome receipt_payload(const struct command *c, enum command_result result, const char *device,
    int64_t now_ms, struct buffer *ret)
{
    struct arena a = ARENA(16 << 10);
    char hex[65];
    struct doc *d = doc_map(&a);
    hex_of(bytes_of(c->payload_hash, 32), hex);
    doc_set_int(&a, d, "at", now_ms);
    doc_set_text(&a, d, "command", c->name);
    doc_set_text(&a, d, "device", device);
    doc_set_text(&a, d, "do", c->act);
    doc_set_text(&a, d, "id", c->id);
    doc_set_text(&a, d, "payload_sha256", hex);
    doc_set_text(&a, d, "result", command_result_word(result));
    outcome o = d == NULL ? REFUSE(E_MEMORY) : doc_write_json(d, ret);
    arena_deinit(&a);
    return o;
}

outcome receipt_write(const struct command *c, enum command_result result, const char *device,
    const struct key *key, int64_t now_ms, struct buffer *ret)
{
    struct buffer payload = BUFFER(4096), pae = BUFFER(8192);
    uint8_t signature[160];
    char key_hex[65];
    struct hash id;
    size_t n = 0;
    outcome o = receipt_payload(c, result, device, now_ms, &payload);
    if (ok(o)) o = dsse_pae(RECEIPT_TYPE, buffer_view(&payload), &pae);
    if (ok(o)) o = key_sign(key, buffer_view(&pae), signature, sizeof signature, &n);
    if (ok(o)) o = key_id(key, &id);
    if (ok(o)) {
        struct dsse d = { .type = RECEIPT_TYPE, .payload = buffer_view(&payload), .n = 1 };
        hex_of(hash_view(&id), key_hex);
        d.signatures[0].key_id = key_hex;
        d.signatures[0].signature = bytes_of(signature, n);
        o = dsse_write(&d, ret);
    }
    buffer_deinit(&payload);
    buffer_deinit(&pae);
    return o;
}
