#include "crypto/note.h"

#include "base/test.h"

static struct note note_example(void)
{
    struct note n = { .origin = "水道局-example", .size = 20852163 };
    hash_sha256(BYTES_LIT("root"), &n.root);
    return n;
}

static void test_round(void)
{
    struct key *k = NULL, *other = NULL;
    struct buffer text = BUFFER(NOTE_BYTES_MAX);
    struct note n = note_example(), back = { 0 };
    uint8_t public_key[32], wrong[32];
    CHECK_OK(key_new(KEY_ED25519, &k));
    CHECK_OK(key_new(KEY_ED25519, &other));
    CHECK_OK(key_write_ed25519_raw(k, public_key));
    CHECK_OK(key_write_ed25519_raw(other, wrong));
    CHECK_OK(note_make(&n, k, &text));
    CHECK(bytes_starts(buffer_view(&text),
        BYTES_LIT("水道局-example\n20852163\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n\n— 水道局-example ")));
    CHECK_OK(note_read(buffer_view(&text), public_key, &back));
    CHECK(back.size == n.size && hash_equal(&back.root, &n.root) && strcmp(back.origin, n.origin) == 0);
    CHECK_IS(note_read(buffer_view(&text), wrong, &back), E_UNKNOWN);
    for (size_t i = 0; i < text.n; i++) {
        CHECK_QUIET(!ok(note_read(bytes_of(text.at, i), public_key, &back)));
        for (int bit = 0; bit < 8; bit++) {
            text.at[i] ^= (uint8_t)(1 << bit);
            CHECK_QUIET(!ok(note_read(buffer_view(&text), public_key, &back)));
            text.at[i] ^= (uint8_t)(1 << bit);
        }
    }
    CHECK_OK(note_read(buffer_view(&text), public_key, &back));
    CHECK_OK(buffer_put(&text, BYTES_LIT("\n")));
    CHECK_IS(note_read(buffer_view(&text), public_key, &back), E_MALFORMED);
    key_free(k), key_free(other);
    buffer_deinit(&text);
}

/* A head of a public log's own test vector kind: made by other software (Go's x/mod/sumdb/note,
 * key "PeterNeumann"), whose body is not a checkpoint: the reader must say so, not crash. */
static void test_foreign(void)
{
    static const char text[] = "If you think cryptography is the answer to your problem,\n"
                               "then you don't know what your problem is.\n\n"
                               "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
                               "qdngotpRZb6KE6RyyBwJnAM=\n";
    struct note n;
    uint8_t key[32] = { 0 };
    CHECK_IS(note_read(bytes_str(text), key, &n), E_MALFORMED);
}

static void test_bounds(void)
{
    static const struct { const char *claim; const char *origin; bool good; } rows[] = {
        { "plain", "site", true },
        { "url-like", "example.jp/log", true },
        { "empty", "", false },
        { "space", "a b", false },
        { "plus", "a+b", false },
        { "line feed", "a\nb", false },
        { "not UTF-8", "a\xff", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("# %s\n", rows[i].claim);
        CHECK(ok(note_origin_check(bytes_str(rows[i].origin))) == rows[i].good);
    }
    struct key *k = NULL;
    struct buffer text = BUFFER(NOTE_BYTES_MAX);
    struct note n = { .size = UINT64_MAX }, back;
    uint8_t public_key[32];
    memset(n.origin, 'o', NOTE_ORIGIN_MAX - 1);
    CHECK_OK(key_new(KEY_ED25519, &k));
    CHECK_OK(key_write_ed25519_raw(k, public_key));
    CHECK_OK(note_make(&n, k, &text));
    CHECK_OK(note_read(buffer_view(&text), public_key, &back));
    CHECK(back.size == UINT64_MAX);
    key_free(k);
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_IS(note_make(&n, k, &text), E_UNSUPPORTED);
    key_free(k);
    buffer_deinit(&text);
}

int main(void)
{
    test_round();
    test_foreign();
    test_bounds();
    return TEST_END;
}
