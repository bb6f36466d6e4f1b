#include "crypto/tls_content.h"

#define BLANKS "                                                                "
#define CONTENT_START BYTES_LIT(BLANKS "TLS 1.3, server CertificateVerify\0")
static_assert(sizeof BLANKS == 64 + 1, "RFC 8446, 4.4.3: 64 spaces");

static bool hash_length(size_t n)
{
    return n == 32 || n == 48; /* SHA-256, SHA-384: the suites of TLS 1.3 have no other */
}

outcome tls_content_make(struct bytes transcript_hash, struct out *o)
{
    if (!hash_length(transcript_hash.n)) return REFUSE(E_MALFORMED);
    put(o, CONTENT_START);
    put(o, transcript_hash);
    return out_done(o);
}

outcome tls_content_read(struct bytes content, struct bytes *ret_transcript_hash)
{
    struct bytes start;
    if (!ok(take(&content, CONTENT_START.n, &start))) return REFUSE(E_MALFORMED);
    if (!bytes_equal(start, CONTENT_START) || !hash_length(content.n)) return REFUSE(E_MALFORMED);
    *ret_transcript_hash = content;
    return DONE;
}
