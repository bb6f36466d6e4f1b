/* Packs of every period of a record, under every head: they verify, and nothing can be changed or left out. */
#include "ledger/fixture.h"
#include "ledger/pack.h"

enum { ENTRIES = 90 };
static size_t most = ENTRIES; /* entries_max of every pack made */

static bool wanted(unsigned kind)
{
    return kind != ENTRY_SESSION;
}

/* Control entries a second apart, most indexes data. */
static void fill(struct ledger *l, int from, int to)
{
    uint64_t index;
    for (int i = from; i < to; i++) {
        enum ledger_kind kind = i % 5 == 0 ? ENTRY_AUDIT : i % 7 == 0 ? ENTRY_SESSION : ENTRY_DATA;
        CHECK_QUIET(ok(ledger_append(l, kind, i * 1000, BYTES_LIT("{\"what\":\"x\"}"), &index)));
    }
    CHECK_OK(ledger_sync(l));
}

static uint64_t controls(int from, int to)
{
    uint64_t n = 0;
    for (int i = from; i < to; i++) n += i % 5 == 0 || i % 7 == 0;
    return n;
}

static outcome make(const struct fixture *f, int from, int to, struct bytes earlier, struct buffer *b)
{
    struct pack_request q = { f->dir, from * 1000, to * 1000, earlier, wanted, most };
    b->n = 0;
    return pack_make(&q, b);
}

static void periods(const struct fixture *f, int size)
{
    struct buffer b = BUFFER(1 << 20);
    struct pack_result r;
    for (int from = 0; from < size + 3; from++)
        for (int to = from + 1; to < size + 3; to += 3) {
            int end = to < size ? to : size, begin = from < size ? from : size;
            CHECK_QUIET(ok(make(f, from, to, BYTES_NONE, &b)));
            CHECK_QUIET(ok(pack_verify(buffer_view(&b), "", &r)));
            CHECK_QUIET(r.entries == controls(begin, end) && r.closed == (controls(end, size) > 0) && r.size == (uint64_t)size);
        }
    buffer_deinit(&b);
}

/* The lines of `text` without line n, the hash made right again: what somebody does who knows the form. */
static outcome without(struct bytes text, size_t n, struct buffer *ret)
{
    struct hash h;
    char hex[65];
    size_t k = 0;
    ret->n = 0;
    for (struct bytes in = text; in.n;) {
        struct bytes one;
        size_t length = (size_t)((const uint8_t *)memchr(in.at, '\n', in.n) - in.at) + 1;
        TRY(take(&in, length, &one));
        if (k++ != n && in.n) TRY(buffer_put(ret, one));
    }
    hash_sha256(buffer_view(ret), &h);
    hex_of(hash_view(&h), hex);
    return buffer_fmt(ret, "sha256 %s\n", hex);
}

static void changes(struct buffer *b)
{
    struct pack_result r;
    struct buffer less = BUFFER(1 << 20);
    size_t lines = 0, found = 0, shorter = 0;
    for (size_t i = 0; i < b->n; i++) {
        lines += b->at[i] == '\n';
        b->at[i] ^= 1;
        found += !ok(pack_verify(buffer_view(b), "", &r));
        b->at[i] ^= 1;
        shorter += !ok(pack_verify(bytes_of(b->at, i), "", &r));
    }
    CHECK(found == b->n && shorter == b->n);
    for (size_t n = 0; n + 1 < lines; n++) {
        CHECK_OK(without(buffer_view(b), n, &less));
        bool alone = memmem(less.at, less.n, "\nearlier ", 9) == NULL; /* a shorter claim, not a false one */
        CHECK_QUIET(!ok(pack_verify(buffer_view(&less), "", &r)) || (alone && r.earlier == FORMAT_NONE));
    }
    buffer_deinit(&less);
}

int main(void)
{
    struct fixture f;
    struct ledger *l;
    struct buffer b = BUFFER(1 << 20), old = BUFFER(1 << 20), none = BUFFER(1 << 20);
    struct pack_result r;
    fixture_init(&f, 4096, 16384);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_IS(make(&f, 0, 9, BYTES_NONE, &none), E_UNKNOWN);
    fill(l, 0, 41);
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    periods(&f, 41);
    CHECK_OK(make(&f, 0, 30, BYTES_NONE, &old));
    fill(l, 41, ENTRIES);
    CHECK_OK(fixture_publish(&f, l, 0, 0));
    periods(&f, ENTRIES);
    CHECK_OK(make(&f, 30, 60, buffer_view(&old), &b));
    CHECK_OK(pack_verify(buffer_view(&b), "", &r));
    CHECK(r.earlier == 41 && r.closed && r.hashes > 0 && r.kinds[ENTRY_AUDIT] == 6);
    CHECK_OK(pack_verify(buffer_view(&b), r.key, &r));
    char pin[65];
    snprintf(pin, sizeof pin, "%s", r.key);
    pin[0] = pin[0] == 'a' ? 'b' : 'a';
    CHECK_IS(pack_verify(buffer_view(&b), pin, &r), E_CRYPTO);
    changes(&b);
    most = 4;
    CHECK_OK(make(&f, 30, 60, buffer_view(&old), &b));
    CHECK_OK(pack_verify(buffer_view(&b), "", &r));
    CHECK(!r.whole && r.entries == 6 && r.hashes == 0 && r.kinds[ENTRY_AUDIT] == 6);
    changes(&b);
    struct fixture other;
    fixture_init(&other, 4096, 16384);
    struct ledger *o;
    CHECK_OK(fixture_open(&other, &o));
    fill(o, 0, 41);
    CHECK_OK(fixture_publish(&other, o, 0, 0));
    CHECK_OK(make(&other, 0, 30, BYTES_NONE, &none));
    CHECK_IS(make(&f, 30, 60, buffer_view(&none), &b), E_CRYPTO);
    ledger_close(o);
    fixture_deinit(&other);
    buffer_deinit(&b);
    buffer_deinit(&old);
    buffer_deinit(&none);
    ledger_close(l);
    fixture_deinit(&f);
    return TEST_END;
}
