/* Origin: every message of a device that signs is proved; altered, taken away, said twice, signed by another: each found. */
#include "ledger/origin.h"

#include <stdio.h>

#include "base/test.h"
#include "crypto/init.h"
#include "wire/cose.h"

enum { ROWS = 20 };

static struct { int n[4]; uint64_t first, last, entry; } seen;
static void on_finding(void *ctx, const struct origin_finding *f)
{
    (void)ctx;
    seen.n[f->what]++;
    seen.first = f->n;
    seen.last = f->last;
    seen.entry = f->entry;
}

struct bench {
    struct key *key;
    uint8_t key_hash[32];
    struct origin_check *c;
    uint64_t entry;
};

static struct bytes reading(uint64_t n, int v, char text[64])
{
    snprintf(text, 64, "{\"n\":%llu,\"v\":%d}", (unsigned long long)n, v);
    return bytes_str(text);
}

static void batch(const struct bench *b, uint64_t first, uint64_t count, struct buffer *ret)
{
    static uint8_t leaves[64 * ORIGIN_LEAF];
    struct buffer payload = BUFFER(8192), protected = BUFFER(128), tbs = BUFFER(16384), spki = BUFFER(512);
    uint8_t signature[64];
    for (uint64_t i = 0; i < count; i++) {
        char text[64];
        struct hash h;
        origin_leaf(first + i, bytes_str("m/level"), reading(first + i, 5, text), &h);
        memcpy(leaves + i * ORIGIN_LEAF, h.at, ORIGIN_LEAF);
    }
    struct origin_batch o = { bytes_str("w"), bytes_str("gw"), first, count, bytes_of(leaves, count * ORIGIN_LEAF) };
    ret->n = 0;
    CHECK_QUIET(ok(origin_write(&o, &payload)) && ok(cose_protected(bytes_of(b->key_hash, 32), &protected)) &&
        ok(key_write_public_der(b->key, &spki)) && ok(cose_signed(buffer_view(&protected), buffer_view(&payload), &tbs)) &&
        ok(key_sign_p256(b->key, buffer_view(&tbs), signature)));
    struct cose_sign1 s = { .protected = buffer_view(&protected), .spki = buffer_view(&spki), .payload = buffer_view(&payload),
        .signature = bytes_of(signature, 64) };
    CHECK_QUIET(ok(cose_write(&s, ret)));
    buffer_deinit(&payload);
    buffer_deinit(&protected);
    buffer_deinit(&tbs);
    buffer_deinit(&spki);
}

static void begin(struct bench *b, bool enrolled)
{
    memset(&seen, 0, sizeof seen);
    b->entry = 100;
    CHECK_QUIET(ok(origin_check_new(on_finding, NULL, &b->c)));
    if (enrolled) CHECK_QUIET(ok(origin_check_key(b->c, bytes_str("gw"), b->key_hash)));
}

static void say(struct bench *b, const char *topic, struct bytes payload)
{
    CHECK_QUIET(ok(origin_check_message(b->c, b->entry++, bytes_str(topic), payload)));
}

static void say_rows(struct bench *b, uint64_t but, int v)
{
    char text[64];
    for (uint64_t n = 1; n <= ROWS; n++)
        if (n != but) say(b, "sk/v1/w/gw/m/level", reading(n, 5, text));
        else if (v >= 0) say(b, "sk/v1/w/gw/m/level", reading(n, v, text));
}

static int findings(void)
{
    return seen.n[0] + seen.n[1] + seen.n[2] + seen.n[3];
}

static void good(struct bench *b, struct bytes signed_)
{
    struct origin_answer a = { .entry = 106 };
    begin(b, true);
    origin_check_ask(b->c, &a);
    say_rows(b, 0, 0);
    say(b, "sk/v1/w/gw/e/origin", signed_);
    say(b, "sk/v1/w/gw/m/other", bytes_str("{\"v\":1}")); /* carries no number: nothing is claimed of it */
    origin_check_end(b->c);
    const struct origin_device *d = origin_check_device(b->c, 0);
    CHECK(findings() == 0 && d->proved == ROWS && d->first == 1 && d->last == ROWS && d->batches == 1 && d->waiting == 1);
    CHECK(a.n == 7 && a.proved && strcmp(a.device, "gw") == 0 && origin_check_device(b->c, 1) == NULL);
    origin_check_free(b->c);
    begin(b, true); /* the batch first: brokers may turn the order round */
    say(b, "sk/v1/w/gw/e/origin", signed_);
    say_rows(b, 0, 0);
    origin_check_end(b->c);
    CHECK(findings() == 0 && origin_check_device(b->c, 0)->proved == ROWS);
    origin_check_free(b->c);
}

static void wrong(struct bench *b, struct bytes signed_)
{
    static const struct { const char *claim; uint64_t but; int v; enum origin_found want; } rows[] = {
        { "altered", 7, 6, ORIGIN_CHANGED }, { "taken away", 7, -1, ORIGIN_MISSING } };
    char text[64];
    for (size_t i = 0; i < 2; i++) {
        begin(b, true);
        say_rows(b, rows[i].but, rows[i].v);
        say(b, "sk/v1/w/gw/e/origin", signed_);
        origin_check_end(b->c);
        CHECK(findings() == 1 && seen.n[rows[i].want] == 1 && seen.first == 7 && seen.last == 7);
        CHECK(origin_check_device(b->c, 0)->proved == ROWS - 1);
        origin_check_free(b->c);
    }
    begin(b, true);
    say_rows(b, 0, 0);
    say(b, "sk/v1/w/gw/m/level", reading(3, 5, text)); /* before and after it is signed */
    say(b, "sk/v1/w/gw/e/origin", signed_);
    say(b, "sk/v1/w/gw/m/level", reading(4, 5, text));
    say(b, "sk/v1/w/gw/e/origin", signed_);
    CHECK(findings() == 3 && seen.n[ORIGIN_REPEATED] == 3); /* the batch is a message with a number, too */
    origin_check_free(b->c);
    struct buffer later = BUFFER(16384);
    batch(b, 41, 5, &later); /* the batch in between was taken away with all it covers */
    begin(b, true);
    say_rows(b, 0, 0);
    say(b, "sk/v1/w/gw/e/origin", signed_);
    for (uint64_t n = 41; n <= 45; n++) say(b, "sk/v1/w/gw/m/level", reading(n, 5, text));
    say(b, "sk/v1/w/gw/e/origin", buffer_view(&later));
    origin_check_end(b->c);
    CHECK(findings() == 1 && seen.n[ORIGIN_MISSING] == 1 && seen.first == 22 && seen.last == 40);
    origin_check_free(b->c);
    buffer_deinit(&later);
    begin(b, true);
    say(b, "sk/v1/w/gw2/e/origin", signed_); /* another's */
    CHECK(seen.n[ORIGIN_FOREIGN] == 1);
    origin_check_free(b->c);
    begin(b, false); /* nobody enrolled with this key */
    say_rows(b, 0, 0);
    say(b, "sk/v1/w/gw/e/origin", signed_);
    CHECK(seen.n[ORIGIN_FOREIGN] == 1 && origin_check_device(b->c, 0)->proved == 0);
    origin_check_free(b->c);
}

static void named_as_lost(struct bench *b, struct bytes signed_)
{
    char text[64];
    begin(b, true);
    say(b, "sk/v1/w/gw/m/level", reading(1, 5, text));
    for (uint64_t n = 11; n <= ROWS; n++) say(b, "sk/v1/w/gw/m/level", reading(n, 5, text));
    say(b, "sk/v1/w/gw/e/gap", bytes_str("{\"n\":22,\"from\":2,\"to\":10}"));
    say(b, "sk/v1/w/gw/e/origin", signed_);
    origin_check_end(b->c);
    CHECK(findings() == 0 && origin_check_device(b->c, 0)->lost == 9 && origin_check_device(b->c, 0)->proved == 11);
    origin_check_free(b->c);
}

static void any_byte(struct bench *b, struct bytes signed_)
{
    uint8_t copy[4096];
    struct origin_batch o;
    struct hash key;
    size_t opened = 0;
    CHECK(signed_.n < sizeof copy && ok(origin_open(signed_, &o, &key)) && memcmp(key.at, b->key_hash, 32) == 0);
    for (size_t i = 0; i < signed_.n; i++) {
        memcpy(copy, signed_.at, signed_.n);
        copy[i] ^= 0x10;
        opened += ok(origin_open(bytes_of(copy, signed_.n), &o, &key));
    }
    CHECK(opened == 0);
}

int main(void)
{
    struct bench b = { 0 };
    struct buffer signed_ = BUFFER(16384);
    struct hash id;
    CHECK_OK(crypto_init());
    CHECK_OK(key_new(KEY_P256, &b.key));
    CHECK_OK(key_id(b.key, &id));
    memcpy(b.key_hash, id.at, 32);
    batch(&b, 1, ROWS, &signed_);
    good(&b, buffer_view(&signed_));
    wrong(&b, buffer_view(&signed_));
    named_as_lost(&b, buffer_view(&signed_));
    any_byte(&b, buffer_view(&signed_));
    buffer_deinit(&signed_);
    key_free(b.key);
    return TEST_END;
}
