/* What a TLS 1.3 server signs (RFC 8446, 4.4.3): 64 spaces, a label, a zero byte, the transcript hash.
 * The process with the connection takes the hash out, the process with the key builds the rest. */
#ifndef CRYPTO_TLS_CONTENT_H
#define CRYPTO_TLS_CONTENT_H

#include "base/bytes.h"

#define TLS_CONTENT_BYTES_MAX 146

/* transcript_hash: 32 or 48 bytes, else E_MALFORMED. */
MUST outcome tls_content_make(struct bytes transcript_hash, struct out *o);
/* E_MALFORMED for anything that tls_content_make would not have written. */
MUST outcome tls_content_read(struct bytes content, struct bytes *ret_transcript_hash);

#endif
