/* The verifier: checks a ledger directory with nothing else running, naming file and offset of what
 * is wrong. Links base, crypto and this file's own reading of the format; never the writer. */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "crypto/sign.h"

struct verify_finding {
    enum code code;        /* E_CHANGED, E_MISSING, E_MALFORMED, E_CRYPTO (head), E_CONFLICT (a file that has no place) */
    char file[256];        /* relative to the directory */
    uint64_t offset;       /* of the first wrong byte's record, in that file */
    uint64_t index;        /* entry, UINT64_MAX when none */
    char what[160];        /* English; the CLI translates by code */
};

struct verify_result {
    uint64_t entries;      /* checked */
    uint64_t signed_size;  /* covered by the signed head */
    uint64_t tail;         /* after the head, chain checked, not yet signed */
    uint64_t pruned;       /* payloads given up by rule; the record says so */
    uint64_t erased;       /* payloads whose data key was destroyed; the record says so */
    char head_root[65];
    char origin[128];
    size_t findings;       /* total; each was passed to fn */
};

/* public_key: pin of the ledger key (hex of 32 bytes) or "" to take the directory's own (said in output).
 * Goes on after a finding as far as it can. OK with findings == 0 means: whole. E_IO when the directory
 * cannot be read at all. */
MUST outcome ledger_verify(const char *dir, const char *public_key_hex,
    void (*fn)(void *ctx, const struct verify_finding *f), void *ctx, struct verify_result *ret);

struct verify_answer;
/* What is asked of the verifier beside the plain question: each payload that is as it was recorded, in order, its memory
 * good during the call; data as it is stored (sealed). */
struct verify_each {
    void (*fn)(void *ctx, uint64_t index, unsigned kind, struct bytes payload);
    void *ctx;
};
struct verify_request {
    const char *dir, *public_key_hex;
    void (*fn)(void *ctx, const struct verify_finding *f);
    void *ctx;
    struct verify_answer *answer; /* NULL: of no entry in particular */
    struct verify_each each;      /* .fn NULL: not asked */
};
MUST outcome ledger_verify_asked(const struct verify_request *q, struct verify_result *ret);

/* What became of one entry: four different answers for a payload that cannot be read. */
enum verify_fate { VERIFY_NO_SUCH, VERIFY_WHOLE, VERIFY_PRUNED, VERIFY_ERASED, VERIFY_MISSING, VERIFY_CHANGED };
struct verify_answer {
    uint64_t index; /* asked */
    enum verify_fate fate;
    uint64_t by;    /* the entry that tells: pruned, erased */
};
/* As ledger_verify, of the whole directory, and what of it concerns ret_answer->index. */
MUST outcome ledger_verify_entry(const char *dir, const char *public_key_hex,
    void (*fn)(void *ctx, const struct verify_finding *f), void *ctx, struct verify_result *ret,
    struct verify_answer *ret_answer);

#endif
