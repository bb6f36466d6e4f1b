#include "ledger/fixture.h"
#include "ledger/proof.h"

int main(void)
{
    struct fixture f;
    struct ledger *l;
    struct buffer b = BUFFER(PROOF_BYTES_MAX);
    struct proof_result r;
    char pin[65];
    size_t changed = 0, refused = 0;
    fixture_init(&f, 4096, 16384);
    CHECK_OK(fixture_open(&f, &l));
    CHECK_IS(proof_make(l, 0, &b), E_UNKNOWN);
    CHECK_OK(fixture_append(l, 50));
    CHECK_OK(ledger_sync(l));
    CHECK_OK(fixture_publish(&f, l, 0, 5000));
    CHECK_OK(fixture_append(l, 3));
    CHECK_OK(ledger_sync(l));
    CHECK_IS(proof_make(l, 50, &b), E_RANGE);
    for (uint64_t i = 0; i < 50; i++) {
        b.n = 0;
        CHECK_QUIET(ok(proof_make(l, i, &b)));
        CHECK_QUIET(ok(proof_verify(buffer_view(&b), "", &r)) && r.index == i && r.size == 50);
    }
    hex_of(bytes_of(f.identity.key, 32), pin);
    CHECK_OK(proof_verify(buffer_view(&b), pin, &r));
    CHECK(strcmp(r.origin, "water.example") == 0);
    pin[0] = pin[0] == 'a' ? 'b' : 'a';
    CHECK(!ok(proof_verify(buffer_view(&b), pin, &r)));
    for (size_t i = 0; i < b.n; i++, changed++) {
        b.at[i] ^= 1;
        refused += !ok(proof_verify(buffer_view(&b), "", &r));
        b.at[i] ^= 1;
    }
    CHECK(changed > 500 && refused == changed);
    for (size_t n = 0; n < b.n; n++) CHECK_QUIET(!ok(proof_verify(bytes_of(b.at, n), "", &r)));
    char path[128];
    snprintf(path, sizeof path, "%s/proof", f.root);
    CHECK_OK(port_file_store(path, buffer_view(&b), 0600));
    CHECK_OK(proof_verify_file(path, "", &r));
    CHECK_IS(proof_verify_file("/nowhere", "", &r), E_MISSING);
    buffer_deinit(&b);
    ledger_close(l);
    fixture_deinit(&f);
    return TEST_END;
}
