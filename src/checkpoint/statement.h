/* A peer's signed assurance statement: how it stands, for a week at most, to one reader. Least disclosure: a verdict, its
 * requirement levels, the attempts a year it assumes of itself. What is not valid in every respect counts as none. */
#ifndef CHECKPOINT_STATEMENT_H
#define CHECKPOINT_STATEMENT_H

#include "checkpoint/agreement.h"

#define STATEMENT_TYPE "application/vnd.sekimori.statement+json"
#define STATEMENT_POLICY "sekimori-risk/1"
enum { STATEMENT_DAYS_MAX = 7, STATEMENT_BYTES_MAX = 65536 };

/* enum, word, 日本語: what became of one. */
#define STATEMENT_RESULTS(X)                                                                       \
    X(STATEMENT_NONE, "none", "なし")                                                              \
    X(STATEMENT_VALID, "valid", "有効")                                                            \
    X(STATEMENT_MALFORMED, "malformed", "形式の誤り")                                              \
    X(STATEMENT_UNSIGNED, "unsigned", "合意した鍵の署名がない")                                    \
    X(STATEMENT_TAMPERED, "tampered", "署名と内容が合わない")                                      \
    X(STATEMENT_OTHER_SITE, "other-site", "別のサイトのもの")                                      \
    X(STATEMENT_OTHER_POLICY, "other-policy", "別の評価手法のもの")                                \
    X(STATEMENT_FUTURE, "future", "未来の日付")                                                    \
    X(STATEMENT_EXPIRED, "expired", "期限切れ")                                                    \
    X(STATEMENT_TOO_LONG, "too-long", "7日を超える有効期間")                                       \
    X(STATEMENT_REPLAYED, "replayed", "古い表明の再提出")
enum statement_result {
#define X(name, word, ja) name,
    STATEMENT_RESULTS(X)
#undef X
        STATEMENT_RESULT_COUNT
};
const char *statement_word(enum statement_result r);
const char *statement_word_ja(enum statement_result r);

struct stated_head { uint64_t size; uint8_t root[32]; }; /* of a record; size 0: none */

struct statement {
    int64_t at_ms, until_ms;
    bool within;             /* its missions are within tolerance, and every condition on them holds */
    char verdict[16];
    int64_t claim_ppb;
    uint8_t sl[REQUIREMENTS];
    char terms[65];          /* agreement_terms as they signed them; "": a statement made by hand */
    struct stated_head head; /* of their record */
    struct stated_head seen; /* of ours, as they last saw it proved: cosigned by this statement's signature */
};

/* json: a DSSE envelope, for the agreement a. last_at_ms: of the newest taken before, 0 for none. *ret is written only
 * for STATEMENT_VALID. */
enum statement_result statement_read(struct bytes json, const struct agreement *a, int64_t last_at_ms, int64_t now_ms, struct statement *ret);

/* How the peer stands now: a's claim, levels and voucher are set from what people signed and from s (NULL: none, or none
 * valid; then nothing vouches). Without a statement in the agreement nothing changes. */
void statement_stand(struct agreement *a, enum risk_claim signed_vouched, const struct statement *s);
/* Something in s is worse than in before. */
bool statement_worse(const struct statement *s, const struct statement *before);

/* "1a2b-3c4d-5e6f-7081-92a3": of a public key, for two people to compare over the telephone. E_CRYPTO. */
MUST outcome statement_key_code(const char *pem, char ret[25]);

#endif
