/* Requests to the seal, the only process that holds private keys; one SOCK_SEQPACKET pair for
 * each asker. The seal builds what it signs from fixed profiles; it never signs bytes it was
 * handed. Request: u8 kind + fields. Answer: u8 enum code (OK or why not) + fields. At most 8 kinds. */
#ifndef WIRE_SEALING_H
#define WIRE_SEALING_H

#include "base/bytes.h"

enum sealing {
    SEAL_PUBLIC = 1, /* -> field32 issuing CA chain PEM (issuing, root), field32 server certificate PEM,
                           field16 ledger public key (32 bytes Ed25519), field16 site name,
                           field32 chain PEM of the people's door (empty: the site brought none) */
    SEAL_HEAD,       /* u64 size, 32 bytes root -> field16 signed note (text). Never two roots of one
                        size, never a smaller size: high-water mark on disk. From core only. */
    SEAL_DEVICE,     /* field16 id, field16 SubjectPublicKeyInfo DER, u16 days
                        -> field32 certificate DER. Client-auth profile. From core only. */
    SEAL_SERVER,     /* nothing -> field32 certificate PEM: the server certificate again, 90 days, for the
                        names fixed at init. From core only. */
    SEAL_HANDSHAKE,  /* u8 enum seal_door, 32 or 48 bytes transcript hash -> field16 DER signature over the TLS 1.3
                        server CertificateVerify content (RFC 8446 4.4.3) built here, by that door's key. From gate only. */
    SEAL_STATEMENT,  /* field16 to, field16 verdict (one of four words), u64 at ms, u64 until ms (at most 7 days later),
                        u32 claimed, 7 levels, 32 bytes terms, u64 seen size, 32 bytes seen root
                        -> field32 payload (JSON, this site's newest signed head in it), field16 Ed25519 signature
                        over its DSSE encoding. From core only. */
    SEAL_STATUS,     /* u8 0 a revocation list, 1 an OCSP answer; u8 authority (0 the issuing one, 1 the former); u64 at ms,
                        u64 next ms (at most 7 days later), field16 nonce, u16 n, n rows: field16 serial, u8 state, u8 reason,
                        u8 named by SHA-256, u64 since ms -> field32 DER, built and signed here. From core only. */
};

/* Which certificate a door shows: the site's own, or the one it brought for people's browsers. */
enum seal_door { SEAL_DOOR_SITE, SEAL_DOOR_WEB };

#define SEALING_STATUS_ROWS 1500
#define SEALING_REQUEST_MAX 65536
#define SEALING_ANSWER_MAX 131072

#endif
