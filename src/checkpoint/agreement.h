/* An interconnection agreement (相互連携協定): one peer, its flows, each with direction, topics, ceiling, purpose, quota,
 * stages and fallback. Read from a reviewed file or the signed document made of it by one reader; what is not in it
 * does not pass. Also the life of a flow, as a table. */
#ifndef CHECKPOINT_AGREEMENT_H
#define CHECKPOINT_AGREEMENT_H

#include "risk/peering.h"
#include "wire/doc.h"

#define AGREEMENT_SCHEMA "sekimori-agreement/1"
enum { AGREEMENT_FLOWS_MAX = 16, FLOW_ID = 33, FLOW_TOPIC = 128, FLOW_FIELDS = 8, FLOW_WORD = 32, REQUIREMENTS = 7 };

enum flow_direction { FLOW_IN, FLOW_OUT };
const char *flow_direction_word(enum flow_direction d);

/* The stages of the checkpoint. The first three are the flow's own definition: always run. */
#define STAGES(X) /* enum, word, 日本語 */                                                         \
    X(STAGE_ALLOW, "allow-list", "許可した宛先と操作だけ")                                         \
    X(STAGE_ONE_WAY, "one-way", "一方向")                                                          \
    X(STAGE_RATE, "rate", "頻度と量の上限")                                                        \
    X(STAGE_SCHEMA, "schema", "形式と値の範囲")                                                    \
    X(STAGE_FRESH, "fresh", "新しさと順序")                                                        \
    X(STAGE_PLAUSIBLE, "plausible", "自前の計測との照合")                                          \
    X(STAGE_REDUCE, "reduce", "仮名化と間引き")                                                    \
    X(STAGE_DELAY, "delay", "遅延と留め置き")                                                      \
    X(STAGE_HOLD, "hold", "承認待ち保留")
enum stage_id {
#define X(name, word, ja) name,
    STAGES(X)
#undef X
        STAGE_COUNT
};
#define STAGES_ALWAYS (1u << STAGE_ALLOW | 1u << STAGE_ONE_WAY | 1u << STAGE_RATE)
const char *stage_word(enum stage_id s);
const char *stage_word_ja(enum stage_id s);

/* enum, word, 日本語: a flow's life. */
#define FLOW_STATES(X)                                                                             \
    X(FLOW_REQUESTED, "requested", "申込み")  /* drafted */                                         \
    X(FLOW_OFFERED, "offered", "提示")        /* signed by one owner */                             \
    X(FLOW_AGREED, "agreed", "合意")          /* signed by both, in the record */                   \
    X(FLOW_VERIFIED, "verified", "確認済み")  /* the peer was reached as agreed */                  \
    X(FLOW_LIVE, "live", "稼働中")                                                                 \
    X(FLOW_SUSPENDED, "suspended", "停止中")                                                       \
    X(FLOW_ENDED, "ended", "終了")
enum flow_state {
#define X(name, word, ja) name,
    FLOW_STATES(X)
#undef X
        FLOW_STATE_COUNT
};
enum flow_event { FLOW_OFFER, FLOW_AGREE, FLOW_VERIFY, FLOW_OPEN, FLOW_SUSPEND, FLOW_END, FLOW_EVENTS };
const char *flow_state_word(enum flow_state s);
const char *flow_state_word_ja(enum flow_state s);
/* E_CONFLICT when the table has no such step. */
MUST outcome flow_step(enum flow_state now, enum flow_event e, enum flow_state *ret);

struct flow_field { char name[FLOW_WORD]; bool number, ranged; int64_t low_milli, high_milli; };

struct flow {
    char id[FLOW_ID];
    enum flow_direction direction;
    char local[FLOW_TOPIC], remote[FLOW_TOPIC]; /* topics, no wildcards */
    char label[16], purpose[160];
    bool command;                               /* inbound: `local` is a command */
    char verbs[4][FLOW_WORD];                   /* values of "do" that may come */
    uint32_t per_minute, bytes_max;             /* quota: messages, bytes of each */
    unsigned offered;                           /* bits of stages it may use, with these settings: */
    struct flow_field fields[FLOW_FIELDS];      /* schema: exactly these */
    size_t n_fields;
    char time_field[FLOW_WORD];                 /* fresh: ms since the epoch, must rise */
    uint32_t age_s;
    char like[FLOW_TOPIC], like_field[FLOW_WORD]; /* plausible: our own sensor's topic */
    int64_t within_milli;
    char keep[FLOW_FIELDS][FLOW_WORD], alias[FLOW_FIELDS][FLOW_WORD]; /* reduce */
    uint32_t every_s;
    uint32_t delay_s;
    bool fallback_pass;                         /* no sufficient set: with all offered stages; else nothing passes */
    int64_t effect_ppb, connect_ppb;            /* w, p_conn */
    int64_t loss_yen, tolerance_yen;            /* a year; out: loss_yen = records x unit */
    uint8_t need[REQUIREMENTS];                 /* SL-T of the receiver by FR (IEC 62443-3-3); 0: none */
};

struct agreement {
    char site[64], id[25];
    char name_ja[96], name_en[96], contact[160], boundary[240], retention[120];
    char host[128], client_id[96];
    uint16_t port;
    bool plaintext;                             /* loopback only */
    uint8_t version;
    const char *ca_pem;                         /* in the reader's arena */
    bool inbound;                               /* they connect to us, on the peers' door: */
    const char *client_ca;                      /* PEM that signed the certificate they show, in the reader's arena, */
    uint8_t client_key[32];                     /* and the SHA-256 of its SubjectPublicKeyInfo */
    bool speaks;                                /* we sign statements to them, by ourselves, of this: */
    int64_t our_claim;                          /* attempts in 1,000 years we assume of ourselves */
    uint8_t our_sl[REQUIREMENTS];               /* while every condition of our missions holds */
    int64_t until_ms;
    uint32_t dwell_s;
    int64_t claim_ppb, default_ppb;             /* attempts a year */
    enum risk_claim vouched;
    uint8_t sl[REQUIREMENTS];                   /* SL-A the peer claims */
    char statement_site[64];                    /* a peer that signs statements (statement.h): whose, and with which key; */
    const char *statement_key;                  /* PEM in the reader's arena; "": none */
    struct flow flows[AGREEMENT_FLOWS_MAX];
    size_t n;
};

/* What both sides sign of an agreement, each in its own document: the sites, the end, and of each flow where from, where
 * to, topic on the way, label, purpose, quota, what it may order. Equal texts make one hex SHA-256. Only for a peer with a
 * statement key. */
MUST outcome agreement_terms(const struct agreement *a, char ret_hex[65]);

struct agreement_error { int line; char text[240]; };
/* d: the map of the file, or the signed payload (which has "type" and "at" besides). E_CONFIG with up to cap errors;
 * *ret is written only when there is none; its texts view d's arena. */
MUST outcome agreement_read(const struct doc *d, struct agreement *ret, struct agreement_error *errors, size_t cap, size_t *ret_n);

#endif
