/* The first bytes of a stranger on a TLS port. Without the keys nobody completes a handshake; what we
 * read before that is bounded, and a refusal stays one. */
#include "crypto/init.h"
#include "crypto/tls.h"
#include "fuzz.h"

static struct tls_context *context;

static outcome never(void *ctx, struct bytes hash, uint8_t *ret, size_t cap, size_t *ret_n)
{
    (void)ctx, (void)ret, (void)cap, (void)ret_n;
    HOLDS(hash.n == 32 || hash.n == 48);
    return REFUSE(E_CLOSED);
}

static void prepare(void)
{
    static const char *const names[] = { "gate.example" };
    const struct x509_names san = { names, 1 };
    const struct tls_signer signer = { NULL, never };
    struct key *k = NULL, *server = NULL;
    struct buffer ca = BUFFER(8192), leaf = BUFFER(8192);
    HOLDS(ok(crypto_init()) && ok(key_new(KEY_P256, &k)) && ok(key_new(KEY_P256, &server)));
    HOLDS(ok(x509_make_root(k, "water", 1, &ca)));
    HOLDS(ok(x509_make_server(k, buffer_view(&ca), server, &san, 1, &leaf)));
    HOLDS(ok(tls_server_new(buffer_view(&leaf), buffer_view(&ca), TLS_AUTH_OPTIONAL, &signer, &context)));
    key_free(k);
    key_free(server);
    buffer_deinit(&ca);
    buffer_deinit(&leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct tls *t = NULL;
    if (!context) prepare();
    HOLDS(ok(tls_new(context, NULL, &t)) && ok(tls_feed(t, bytes_of(data, n))));
    outcome o = tls_handshake(t);
    HOLDS(!ok(o));
    HOLDS((o.code == E_AGAIN) == (tls_why(t) == TLS_WHY_NONE));
    if (o.code != E_AGAIN) HOLDS(tls_handshake(t).code == o.code);
    HOLDS(tls_pending(t).n < 65536);
    tls_free(t);
    return 0;
}
