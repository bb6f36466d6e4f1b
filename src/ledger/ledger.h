/* The tamper-evident record (証跡記録): append, tree, head, proofs, replay. One writer: the core's
 * loop appends to memory, a log thread makes batches durable (group commit); what is durable is told
 * by index. The verifier (verify.h) stands alone and shares only the format (format.h).
 * The tree is RFC 6962; the head a C2SP signed note ("checkpoint" of tlog-tiles), signed by the seal. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "base/mem.h"
#include "crypto/hash.h"

/* kind, id, name, class, 日本語. Ids are for ever. Class decides the payload's segment files. */
#define LEDGER_KINDS(X)                                                                            \
    X(ENTRY_CHARTER, 1, "charter", CLASS_CONTROL, "憲章（役割の鍵）")                              \
    X(ENTRY_SITE, 2, "site", CLASS_CONTROL, "サイト設定")                                          \
    X(ENTRY_IDENTITY, 3, "identity", CLASS_CONTROL, "機器・利用者の登録")                          \
    X(ENTRY_LIFE, 4, "life", CLASS_CONTROL, "機器の状態変化")                                      \
    X(ENTRY_INVITE, 5, "invite", CLASS_CONTROL, "登録コード")                                      \
    X(ENTRY_STREAM, 6, "stream", CLASS_CONTROL, "データ種別")                                      \
    X(ENTRY_MODEL, 7, "model", CLASS_CONTROL, "任務モデル")                                        \
    X(ENTRY_REFERENCE, 8, "reference", CLASS_CONTROL, "基準値（署名つき）")                        \
    X(ENTRY_EVIDENCE, 9, "evidence", CLASS_CONTROL, "確認結果")                                    \
    X(ENTRY_ASSESSMENT, 10, "assessment", CLASS_CONTROL, "残存リスク評価")                         \
    X(ENTRY_DECISION, 11, "decision", CLASS_CONTROL, "判断（決裁）")                               \
    X(ENTRY_LIMIT, 12, "limit", CLASS_CONTROL, "制限")                                             \
    X(ENTRY_HOLD, 13, "hold", CLASS_CONTROL, "承認待ち保留")                                       \
    X(ENTRY_RELEASE, 14, "release", CLASS_CONTROL, "保留の解除")                                   \
    X(ENTRY_COMMAND, 15, "command", CLASS_CONTROL, "指令")                                         \
    X(ENTRY_RECEIPT, 16, "receipt", CLASS_CONTROL, "受領証")                                       \
    X(ENTRY_AUDIT, 17, "audit", CLASS_CONTROL, "操作・拒否の記録")                                 \
    X(ENTRY_ALERT, 18, "alert", CLASS_CONTROL, "警報")                                             \
    X(ENTRY_DECLARATION, 19, "declaration", CLASS_CONTROL, "申告")                                 \
    X(ENTRY_START, 20, "start", CLASS_CONTROL, "起動・停止")                                       \
    X(ENTRY_GRANTS, 36, "grants", CLASS_CONTROL, "許可の定め（署名つき）")                         \
    X(ENTRY_AGREEMENT, 44, "agreement", CLASS_CONTROL, "相互連携の合意（署名つき）")              \
    X(ENTRY_FLOW, 45, "flow", CLASS_CONTROL, "連携データの状態と判定")                            \
    X(ENTRY_STATEMENT, 46, "statement", CLASS_CONTROL, "連携先の表明（署名つき）")                \
    X(ENTRY_TOKEN, 37, "token", CLASS_CONTROL, "APIトークン")                                      \
    X(ENTRY_UNMANAGED, 40, "unmanaged", CLASS_CONTROL, "管理外の機器（設備台帳）")               \
    X(ENTRY_EMERGENCY, 49, "emergency", CLASS_CONTROL, "緊急アクセス")                             \
    X(ENTRY_WORK, 48, "work", CLASS_CONTROL, "作業申請・作業許可")                                 \
    X(ENTRY_ACTION, 62, "action", CLASS_CONTROL, "是正処置・経営層による見直し")                  \
    X(ENTRY_INCIDENT, 60, "incident", CLASS_CONTROL, "事案")                                       \
    X(ENTRY_DRAFT, 57, "draft", CLASS_CONTROL, "起案・合議（決裁前の判断）")                       \
    X(ENTRY_REACTION, 58, "reaction", CLASS_CONTROL, "対処（絞り込み・保留・隔離）")                       \
    X(ENTRY_CHECKLIST, 59, "checklist", CLASS_CONTROL, "接続前の確認")                       \
    X(ENTRY_PUBLIC, 56, "public", CLASS_CONTROL, "公開の表示（署名つき）")                         \
    X(ENTRY_USER, 52, "user", CLASS_CONTROL, "人（利用者）の登録と変更")                              \
    X(ENTRY_DATA, 32, "data", CLASS_DATA, "記録データ")                                           \
    X(ENTRY_SESSION, 33, "session", CLASS_CONTROL, "接続の約束（セッション）")                                            \
    X(ENTRY_PRUNED, 34, "pruned", CLASS_CONTROL, "保存期間による削除")                             \
    X(ENTRY_ERASED, 35, "erased", CLASS_CONTROL, "鍵の破棄による消去")

enum ledger_class { CLASS_CONTROL, CLASS_DATA, CLASSES };
enum ledger_kind {
#define X(name, id, word, class, ja) name = id,
    LEDGER_KINDS(X)
#undef X
};
const char *ledger_kind_word(enum ledger_kind k); /* "?" when unknown */
enum ledger_class ledger_kind_class(enum ledger_kind k); /* CLASSES when unknown */
#define LEDGER_PAYLOAD_MAX (4u << 20)

struct ledger;

/* Payload of CLASS_CONTROL entries: canonical JSON. Of ENTRY_DATA: ledger/format.h, struct data. */
struct ledger_entry {
    uint64_t index;
    int64_t at_ms;
    enum ledger_kind kind;
    struct bytes payload; /* BYTES_NONE when pruned or erased; unsealed otherwise */
    bool pruned;
    bool erased; /* its data key is not here */
};

/* Called on the log thread. */
struct ledger_wake {
    void *ctx;
    void (*durable)(void *ctx);
};

/* Makes an empty ledger directory; E_CONFLICT when there is one. origin: the note's first line, site name. */
MUST outcome ledger_create(const char *dir, const char *origin, struct bytes public_key32);
/* Opens, recovers a torn tail (says how many bytes were cut in *ret_cut), starts the log thread.
 * Reads no payloads. commit_window_ms: group commit, default 2. */
MUST outcome ledger_open(const char *dir, struct ledger_wake wake, unsigned commit_window_ms,
    struct ledger **ret, uint64_t *ret_cut);
/* Makes everything durable and stops the thread. */
void ledger_close(struct ledger *l);

/* Appends to the current batch; *ret_index is final. E_FULL when the batch memory is exhausted (the
 * caller refuses the message with a reason), E_IO after a failed write or sync (nothing is acknowledged
 * until ledger_recover succeeds or space returns). */
MUST outcome ledger_append(struct ledger *l, enum ledger_kind kind, int64_t at_ms, struct bytes payload,
    uint64_t *ret_index);
/* An ENTRY_DATA sealed under the subject's own data key (keyring.h), made at its first message; as
 * ledger_append without ledger_keys. A subject's erasure leaves its later messages a new key. */
MUST outcome ledger_append_for(struct ledger *l, const char *subject, int64_t at_ms, struct bytes payload,
    uint64_t *ret_index);
/* Where the data keys are; before the first ledger_append_for and before replay. */
MUST outcome ledger_keys(struct ledger *l, const char *dir);
/* Data derived from a subject's messages, sealed beside the record under the same key, so that the key's end is its end too.
 * number: bit 63 set, none twice in a process. Unsealing what is not sealed gives it as it is; E_UNKNOWN: the key is no more. */
MUST outcome ledger_seal(struct ledger *l, const char *subject, uint64_t number, struct bytes plain, struct buffer *b);
MUST outcome ledger_unseal(struct ledger *l, uint64_t number, uint8_t *stored, size_t n, struct bytes *ret_plain);
/* Starts the batch's commit, but no two within one window unless force: whoever comes alone waits for no window, and
 * what comes while one is running or just began goes together. Cheap to call every turn. Returns the ms until it
 * wants to be called again, or -1. */
int ledger_turn(struct ledger *l, int64_t mono_ms, bool force);
/* Every entry with index < this is on disk. */
uint64_t ledger_durable(const struct ledger *l);
/* Blocks until all is durable: for init, tests, and "loosen: write durably, then apply". */
MUST outcome ledger_sync(struct ledger *l);
uint64_t ledger_size(const struct ledger *l);
/* OK, or why appending is refused now. */
MUST outcome ledger_health(const struct ledger *l);

/* Size and RFC 6962 root over what is durable. */
void ledger_root(const struct ledger *l, uint64_t *ret_size, struct hash *ret_root);
/* The root over the first `size` entries; E_RANGE when that is more than is durable. */
MUST outcome ledger_root_at(struct ledger *l, uint64_t size, struct hash *ret);
/* Publishes a head signed by the seal (text of the note); held back so that a running copy is
 * consistent: the file `checkpoint` shows it only hold_ms after now_ms (0 = at once: stop, export). */
MUST outcome ledger_publish(struct ledger *l, struct bytes note, int64_t now_ms, int64_t hold_ms);
/* The newest signed note in memory, BYTES_NONE if none. */
struct bytes ledger_head(const struct ledger *l);

/* The public key heads are checked with, from the directory's identity. */
void ledger_key(const struct ledger *l, uint8_t ret[32]);

/* Reads a durable entry; payload lives in b until the next call with it. E_UNKNOWN, E_CHANGED, E_MISSING. */
MUST outcome ledger_read(struct ledger *l, uint64_t index, struct buffer *b, struct ledger_entry *ret);
/* All entries from first on whose kind's class is `class`, oldest first, until fn refuses. Reads ahead. */
MUST outcome ledger_scan(struct ledger *l, uint64_t first, enum ledger_class class,
    outcome (*fn)(void *ctx, const struct ledger_entry *e), void *ctx);
/* The same of the whole class, by the links between its entries: the work is in their number, not in that of all
 * others. */
MUST outcome ledger_scan_linked(struct ledger *l, enum ledger_class class,
    outcome (*fn)(void *ctx, const struct ledger_entry *e), void *ctx);
/* RFC 6962 audit path for index in the tree of `size`; cap >= 64. And the leaf hash. */
MUST outcome ledger_prove(struct ledger *l, uint64_t index, uint64_t size, struct hash *path, size_t cap,
    size_t *ret_n, struct hash *ret_leaf);
MUST outcome ledger_prove_consistency(struct ledger *l, uint64_t old_size, uint64_t size, struct hash *path,
    size_t cap, size_t *ret_n);

/* ---- giving payloads up (retention.c); leaves, tree and proofs stay as they are ---- */

/* The oldest data entries: those before the first that is not older than before_ms, and as many as bring what
 * is kept under keep_bytes. 0 = not asked. */
struct ledger_rule {
    int64_t before_ms;
    uint64_t keep_bytes;
};
struct ledger_prunable {
    uint64_t end;            /* all data entries before this, but those kept */
    uint64_t entries, bytes; /* how many more that is */
    bool more;               /* the search stopped at its bound: ask again after pruning */
};
MUST outcome ledger_prunable(struct ledger *l, const struct ledger_rule *r, struct ledger_prunable *ret);
struct ledger_prune {
    struct ledger_rule rule;
    const char *rule_text, *by;
    const uint64_t *kept; /* rising indexes whose payloads stay: what is retained now */
    size_t kept_n;
    int64_t at_ms;
};
/* Writes a durable "pruned" entry; from then on the payloads read as pruned. Their space is given back by
 * ledger_turn once a signed head over that entry has been in `checkpoint` for the hold of a copy.
 * E_UNKNOWN: nothing to prune. */
MUST outcome ledger_prune(struct ledger *l, const struct ledger_prune *p, struct ledger_prunable *ret);
/* Writes a durable "erased" entry, then destroys the subject's data key. E_UNKNOWN: it has none. */
MUST outcome ledger_erase(struct ledger *l, const char *subject, const char *reason, const char *by, int64_t at_ms);
/* At start, of every control entry in order: kinds pruned and erased are applied (again), others ignored. */
MUST outcome ledger_replay(struct ledger *l, const struct ledger_entry *e);
/* Payloads of data entries before this are given up, but those kept. */
uint64_t ledger_pruned_end(const struct ledger *l);
/* Bytes the payloads of the data class take, pruned ones not counted. */
uint64_t ledger_data_bytes(const struct ledger *l);

/* The first durable entry that is not older, or how many there are; the record is in order of its own clock. */
MUST outcome ledger_since(struct ledger *l, int64_t at_ms, uint64_t *ret);

#endif
