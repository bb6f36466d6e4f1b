#include "crypto/seal_keys.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/test.h"
#include "crypto/init.h"
#include "crypto/tls_content.h"

static char site_dir[64];
static struct key *root_key; /* in custody: for another CA */

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/keys/%s", site_dir, name);
    return path;
}

static void store(const char *name, struct buffer *b, int mode)
{
    CHECK_OK(port_file_store(path_of(name), buffer_view(b), mode));
    b->n = 0;
}

static void store_key(const char *name, const struct key *k)
{
    struct buffer b = BUFFER(8192);
    CHECK_OK(key_write_private_pem(k, &b));
    store(name, &b, 0600);
    buffer_deinit(&b);
}

static void site_make(void)
{
    static const char *const names[] = { "gate.example", "192.0.2.7" };
    const struct x509_names san = { names, 2 };
    struct key *root = NULL, *issuing = NULL, *server = NULL, *ledger = NULL;
    struct buffer root_pem = BUFFER(8192), issuing_pem = BUFFER(8192), server_pem = BUFFER(8192), text = BUFFER(99);
    snprintf(site_dir, sizeof site_dir, "/tmp/seki-seal-XXXXXX");
    CHECK(mkdtemp(site_dir) != NULL);
    CHECK_OK(port_dir_make(path_of(""), 0700));
    CHECK_OK(key_new(KEY_P256, &root));
    CHECK_OK(key_new(KEY_P256, &issuing));
    CHECK_OK(key_new(KEY_P256, &server));
    CHECK_OK(key_new(KEY_ED25519, &ledger));
    CHECK_OK(x509_make_root(root, "water", 20, &root_pem));
    CHECK_OK(x509_make_issuing(root, buffer_view(&root_pem), issuing, "water", 5, &issuing_pem));
    CHECK_OK(x509_make_server(issuing, buffer_view(&issuing_pem), server, &san, 30, &server_pem));
    CHECK_OK(buffer_put(&text, BYTES_LIT("water\n")));
    store("site", &text, 0644);
    store("root.pem", &root_pem, 0644);
    store("issuing.pem", &issuing_pem, 0644);
    store("server.pem", &server_pem, 0644);
    store_key("issuing.key", issuing);
    store_key("server.key", server);
    store_key("ledger.key", ledger);
    root_key = root;
    key_free(issuing), key_free(server), key_free(ledger);
    buffer_deinit(&root_pem), buffer_deinit(&issuing_pem), buffer_deinit(&server_pem), buffer_deinit(&text);
}

static void reopen(struct seal_keys *k)
{
    const char *what = "";
    seal_keys_close(k);
    CHECK_OK(seal_keys_open(site_dir, k, &what));
}

static struct hash root_named(const char *text)
{
    struct hash h;
    hash_sha256(bytes_str(text), &h);
    return h;
}

static void test_heads(struct seal_keys *k)
{
    static const struct { const char *claim; uint64_t size; const char *root; enum code want; } rows[] = {
        { "nothing, its root", 0, "", OK },
        { "nothing, another root", 0, "a", E_CONFLICT },
        { "first", 5, "a", OK },
        { "again the same", 5, "a", OK },
        { "another root of one size", 5, "b", E_CONFLICT },
        { "smaller", 4, "a", E_CONFLICT },
        { "larger", 6, "b", OK },
        { "the one before", 5, "a", E_CONFLICT },
        { "largest", UINT64_MAX, "c", OK },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer b = BUFFER(NOTE_BYTES_MAX);
        struct hash root = root_named(rows[i].root);
        struct note n;
        printf("# %s\n", rows[i].claim);
        CHECK_IS(seal_keys_head(k, rows[i].size, &root, &b), rows[i].want);
        CHECK(b.n > 0 || rows[i].want != OK);
        if (b.n) {
            CHECK_OK(note_read(buffer_view(&b), k->ledger_public, &n));
            CHECK(n.size == rows[i].size && hash_equal(&n.root, &root) && strcmp(n.origin, "water") == 0);
        }
        buffer_deinit(&b);
        if (i % 2) reopen(k); /* the mark is on disk, not in memory */
    }
}

/* Whatever byte of one slot is lost, the other still forbids going back. */
static void test_torn_mark(struct seal_keys *k)
{
    struct buffer whole = BUFFER(4096), b = BUFFER(NOTE_BYTES_MAX);
    struct hash older = root_named("b");
    const char *what = "";
    CHECK_OK(port_file_load(path_of("head.mark"), 4096, &whole));
    CHECK(whole.n == 1024);
    for (size_t i = 0; i < whole.n; i += 13) {
        struct seal_keys again;
        whole.at[i] ^= 1;
        CHECK_QUIET(ok(port_file_store(path_of("head.mark"), buffer_view(&whole), 0600)));
        CHECK_QUIET(ok(seal_keys_open(site_dir, &again, &what)));
        CHECK_QUIET(seal_keys_head(&again, 5, &older, &b).code == E_CONFLICT);
        seal_keys_close(&again);
        whole.at[i] ^= 1;
    }
    whole.at[3] ^= 1, whole.at[515] ^= 1;
    CHECK_OK(port_file_store(path_of("head.mark"), buffer_view(&whole), 0600));
    seal_keys_close(k);
    CHECK_IS(seal_keys_open(site_dir, k, &what), E_CHANGED);
    CHECK(strcmp(what, "head.mark") == 0);
    whole.at[3] ^= 1, whole.at[515] ^= 1;
    CHECK_OK(port_file_store(path_of("head.mark"), buffer_view(&whole), 0600));
    CHECK_OK(seal_keys_open(site_dir, k, &what));
    buffer_deinit(&whole), buffer_deinit(&b);
}

static void test_devices(struct seal_keys *k)
{
    static const struct { const char *id; unsigned days; bool good; } rows[] = {
        { "gw-02", 90, true }, { "a", 1, true }, { "gw-02", 91, false }, { "gw-02", 0, false },
        { "", 7, false }, { "-gw", 7, false }, { "Gw", 7, false }, { "g w", 7, false }, { "gw/CN=x", 7, false },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 7, true },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 7, false },
    };
    struct key *device = NULL;
    struct buffer spki = BUFFER(512), der = BUFFER(4096);
    struct x509_facts f;
    CHECK_OK(key_new(KEY_P256, &device));
    CHECK_OK(key_write_public_der(device, &spki));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        der.n = 0;
        printf("# id '%s' for %u days\n", rows[i].id, rows[i].days);
        CHECK(ok(seal_keys_device(k, bytes_str(rows[i].id), buffer_view(&spki), rows[i].days, &der)) == rows[i].good);
        if (!rows[i].good) continue;
        CHECK_OK(x509_facts_der(buffer_view(&der), &f));
        CHECK(strcmp(f.common_name, rows[i].id) == 0);
    }
    CHECK(!ok(seal_keys_device(k, bytes_of("a\0b", 3), buffer_view(&spki), 7, &der)));
    spki.at[0] ^= 1;
    CHECK(!ok(seal_keys_device(k, BYTES_LIT("gw"), buffer_view(&spki), 7, &der)));
    key_free(device);
    buffer_deinit(&spki), buffer_deinit(&der);
}

static void test_server(struct seal_keys *k)
{
    struct x509_facts before, after;
    uint8_t hash[32] = { 1 }, content[TLS_CONTENT_BYTES_MAX], signature[144];
    struct out o = out_of(content, sizeof content);
    size_t n = 0;
    CHECK_OK(x509_facts_pem(buffer_view(&k->server_pem), &before));
    CHECK_OK(seal_keys_server(k));
    CHECK_OK(x509_facts_pem(buffer_view(&k->server_pem), &after));
    CHECK(memcmp(before.key_hash, after.key_hash, 32) == 0 && memcmp(before.serial, after.serial, 16) != 0);
    CHECK(after.not_after_ms > before.not_after_ms);
    CHECK_OK(seal_keys_handshake(k->server, bytes_of(hash, 32), signature, sizeof signature, &n));
    CHECK_OK(tls_content_make(bytes_of(hash, 32), &o));
    CHECK_OK(key_verify(k->server, out_view(&o), bytes_of(signature, n)));
    CHECK_IS(seal_keys_handshake(k->server, bytes_of(hash, 31), signature, sizeof signature, &n), E_MALFORMED);
}

static void store_web(const struct key *key, struct bytes chain)
{
    struct buffer pem = BUFFER(16384);
    CHECK_OK(key_write_private_pem(key, &pem));
    CHECK_OK(buffer_put(&pem, chain));
    CHECK_OK(port_file_store(path_of("web.pem"), buffer_view(&pem), 0600));
    buffer_deinit(&pem);
}

/* Nothing that stands in web.pem keeps the seal from opening. */
static void test_web(struct seal_keys *k)
{
    static const char *const names[] = { "console.example" };
    const struct x509_names one = { names, 1 };
    struct seal_keys other;
    struct key *web = NULL, *another = NULL, *wrong = NULL;
    struct buffer chain = BUFFER(8192);
    const char *what = "";
    CHECK(!k->web && !k->web_why && k->web_pem.n == 0);
    CHECK_OK(key_new(KEY_P256, &web));
    CHECK_OK(key_new(KEY_P256, &another));
    CHECK_OK(key_new(KEY_ED25519, &wrong));
    CHECK_OK(x509_make_server(k->issuing, buffer_view(&k->issuing_pem), web, &one, 30, &chain));
    const struct { const struct key *key; struct bytes chain; const char *why; } rows[] = { { web, buffer_view(&chain), NULL },
        { another, buffer_view(&chain), "configuration" }, { wrong, buffer_view(&chain), "unsupported" }, { web, BYTES_LIT("no chain"), "malformed" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        store_web(rows[i].key, rows[i].chain);
        seal_keys_close(k);
        CHECK_OK(seal_keys_open(site_dir, k, &what));
        CHECK(!rows[i].why == !k->web_why && (!rows[i].why || strcmp(k->web_why, rows[i].why) == 0));
        CHECK(!rows[i].why == (k->web != NULL) && !rows[i].why == (k->web_pem.n != 0));
    }
    CHECK(chmod(path_of("web.pem"), 0644) == 0); /* others may read the key: it is not used */
    CHECK_OK(seal_keys_open(site_dir, &other, &what));
    CHECK(other.web_why && strcmp(other.web_why, "denied") == 0);
    seal_keys_close(&other);
    CHECK(unlink(path_of("web.pem")) == 0);
    key_free(web), key_free(another), key_free(wrong);
    buffer_deinit(&chain);
}

static void test_refused_directories(struct seal_keys *k)
{
    static const char *const keys[] = { "issuing.key", "server.key", "ledger.key" };
    struct seal_keys other;
    const char *what = "";
    seal_keys_close(k);
    for (size_t i = 0; i < 3; i++) {
        CHECK(chmod(path_of(keys[i]), 0640) == 0);
        CHECK_IS(seal_keys_open(site_dir, &other, &what), E_DENIED);
        CHECK(strcmp(what, keys[i]) == 0);
        CHECK(chmod(path_of(keys[i]), 0600) == 0);
    }
    struct key *wrong = NULL, *ledger = NULL;
    struct buffer pem = BUFFER(4096);
    CHECK_OK(key_new(KEY_P256, &wrong));
    CHECK_OK(port_file_load(path_of("ledger.key"), 4096, &pem));
    CHECK_OK(key_read_private_pem(buffer_view(&pem), &ledger));
    store_key("ledger.key", wrong);
    CHECK_IS(seal_keys_open(site_dir, &other, &what), E_UNSUPPORTED);
    store_key("ledger.key", ledger);
    store_key("server.key", wrong);
    CHECK_IS(seal_keys_open(site_dir, &other, &what), E_CONFIG);
    CHECK(strcmp(what, "server.pem") == 0);
    CHECK(unlink(path_of("root.pem")) == 0);
    CHECK(!ok(seal_keys_open(site_dir, &other, &what)));
    CHECK_IS(seal_keys_open("/nowhere", &other, &what), E_MISSING);
    key_free(wrong), key_free(ledger);
    buffer_deinit(&pem);
}

static outcome remove_one(void *ctx, const char *name)
{
    (void)ctx;
    unlink(path_of(name));
    return DONE;
}

/* Key and certificate of another CA in one file, signed by this root. */
static void next_make(const struct key *by, const char *site, struct hash *ret)
{
    struct key *k = NULL;
    struct buffer both = BUFFER(8192), own_root = BUFFER(8192), certificate = BUFFER(8192);
    CHECK_OK(key_new(KEY_P256, &k));
    CHECK_OK(key_id(k, ret));
    CHECK_OK(key_write_private_pem(k, &both));
    CHECK_OK(x509_make_root(by, "water", 20, &own_root));
    CHECK_OK(x509_make_issuing(by, buffer_view(&own_root), k, site, 5, &certificate));
    CHECK_OK(buffer_put(&both, buffer_view(&certificate)));
    store("next.pem", &both, 0600);
    key_free(k);
    buffer_deinit(&both), buffer_deinit(&own_root), buffer_deinit(&certificate);
}

static size_t authorities(const struct seal_keys *k, struct x509_facts *f)
{
    size_t n = 0;
    CHECK_OK(x509_facts_all(buffer_view(&k->chain_pem), f, 4, &n));
    return n;
}

static void move(const char *from, const char *to)
{
    char old[256];
    snprintf(old, sizeof old, "%s", path_of(from));
    CHECK(rename(old, path_of(to)) == 0);
}

/* The CA rolls over and the former one ends: every state on the way is one the seal starts from. */
static void test_roll(struct seal_keys *k)
{
    static const struct x509_report nothing = { 1800000000000, 1800003600000, NULL, 0, { 0, 0 } };
    struct x509_facts before[4], f[4], shown;
    struct hash next;
    struct buffer der = BUFFER(65536);
    const char *what = "";
    struct key *stranger = NULL;
    CHECK(authorities(k, before) == 2);
    CHECK_IS(seal_keys_status(k, 1, false, &nothing, &der), E_RANGE); /* nobody issued before */
    next_make(root_key, "water", &next);
    reopen(k);
    CHECK(authorities(k, f) == 3 && memcmp(f[0].key_hash, next.at, 32) == 0 && memcmp(f[1].key_hash, before[0].key_hash, 32) == 0);
    CHECK_OK(seal_keys_server(k));
    CHECK_OK(x509_facts_pem(buffer_view(&k->server_pem), &shown));
    CHECK(memcmp(shown.by_key_id, f[0].key_id, sizeof shown.by_key_id) == 0);
    CHECK_OK(seal_keys_status(k, 0, false, &nothing, &der));
    CHECK_OK(seal_keys_status(k, 1, false, &nothing, &der));
    CHECK_IS(seal_keys_status(k, 2, false, &nothing, &der), E_RANGE);
    move("issuing.key", "kept.key"); /* its end, step by step: the key goes first */
    reopen(k);
    CHECK(authorities(k, f) == 2 && memcmp(f[0].key_hash, next.at, 32) == 0);
    move("kept.key", "issuing.key");
    move("issuing.pem", "kept.pem"); /* not a state of ours: told, and what is named is what is wrong */
    seal_keys_close(k);
    CHECK(!ok(seal_keys_open(site_dir, k, &what)) && strcmp(what, "issuing.key") == 0);
    move("kept.pem", "issuing.pem");
    CHECK_OK(key_new(KEY_P256, &stranger)); /* a CA that our root never signed does not issue, and the former one not again */
    next_make(stranger, "water", &next);
    CHECK(!ok(seal_keys_open(site_dir, k, &what)) && strcmp(what, "next.pem") == 0);
    CHECK(unlink(path_of("next.pem")) == 0);
    CHECK_OK(seal_keys_open(site_dir, k, &what));
    CHECK(authorities(k, f) == 2 && memcmp(f[0].key_hash, before[0].key_hash, 32) == 0);
    key_free(stranger);
    buffer_deinit(&der);
}

int main(void)
{
    struct seal_keys k = { .mark_fd = -1 };
    const char *what = "";
    CHECK_OK(crypto_init());
    site_make();
    CHECK_OK(seal_keys_open(site_dir, &k, &what));
    CHECK(strcmp(k.site, "water") == 0 && k.mark.size == 0);
    test_heads(&k);
    test_torn_mark(&k);
    test_devices(&k);
    test_server(&k);
    test_web(&k);
    test_roll(&k);
    test_refused_directories(&k);
    key_free(root_key);
    CHECK_OK(port_dir_list(path_of(""), remove_one, NULL));
    rmdir(path_of(""));
    rmdir(site_dir);
    return TEST_END;
}
