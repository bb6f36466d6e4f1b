/* The connection checklist (接続前の確認): what has to be so before an identity goes online, the provider's part and the user's part.
 * Where it is asked for, whoever enrols is held until all of it is answered and the owner has signed exactly those answers; what is
 * measured is measured at that moment. A held device's readings pass marked, its alarms and safe directions pass; a held tool of a
 * person or contractor does nothing. A fold over ENTRY_CHECKLIST. Here is no clock, no signature, no measurement. */
#ifndef PLATFORM_CHECKLIST_H
#define PLATFORM_CHECKLIST_H

#include "base/map.h"
#include "base/time.h"
#include "platform/registry.h"
#include "platform/work.h"
#include "wire/doc.h"

enum { CHECKLIST_NOTE = 160, CHECKLIST_WHY = 160 };
enum checklist_part { PART_PROVIDER, PART_USER };
#define FOR_DEVICE 1u
#define FOR_PERSON 2u   /* tools of operators and contractors */

/* id, part, of whom, measured, 日本語, English. Source: IoT security guideline ver 1.0 (2016) points 8, 11-21; IEC 62443-2-4. */
#define CHECKLIST_ITEMS_(X)                                                                        \
    X("own-key", PART_PROVIDER, 3, true, "自分だけの鍵と、期限の切れていない証明書がある", "it has a key of its own and a certificate that is good") \
    X("known-place", PART_USER, 1, true, "資産グループに属し、任務との関係が分かる", "it belongs to an asset group, so that its missions are known") \
    X("declared-data", PART_USER, 1, true, "送受信するデータ種別が宣言されている", "a declared stream covers what it sends or takes") \
    X("permit-asked", PART_USER, 4, true, "作業申請が出ている", "a work permit was asked for")      \
    X("no-default-secret", PART_PROVIDER, 3, false, "初期パスワードや共有の資格情報が残っていない", "no default or shared password or secret is left") \
    X("closed-services", PART_PROVIDER, 1, false, "使わないサービス・ポート・接続口（USB、無線）を閉じた", "services, ports and interfaces (USB, radio) that are not needed are closed") \
    X("updates", PART_PROVIDER, 3, false, "更新の手段とサポート終了日が分かり、既知の弱点を直した", "how it is updated and until when is known; known weaknesses are mended") \
    X("contact", PART_PROVIDER, 3, false, "弱点や事故を知らせ合う連絡先がある", "whom to tell of a weakness or an incident is known on both sides") \
    X("erasure", PART_PROVIDER, 1, false, "廃棄・返却のとき秘密を消す方法がある", "how its secrets are erased at its end is known") \
    X("responsible", PART_USER, 3, false, "目的と責任者が決まっている", "its purpose and who answers for it are settled") \
    X("segment", PART_USER, 1, false, "狭域ネットワークの区画と経路（ゲートウェイ、無線、シリアル）が台帳にある", "its network segment and path (gateway, radio, serial) are in the inventory") \
    X("guarded", PART_USER, 1, false, "人が触れられる場所なら、物理的に守っている", "where people can reach it, it is physically guarded") \
    X("works-alone", PART_USER, 1, false, "通信が切れても本来機能が安全側で続くことを試した", "tried: without a connection its primary function goes on, on the safe side") \
    X("clean-tool", PART_PROVIDER, 2, false, "接続する端末は更新済みで、マルウェア検査をした", "the computer that connects is patched and was scanned for malware") \
    X("trained", PART_PROVIDER, 2, false, "作業者は個人名で分かり、教育と守秘の約束を済ませた", "who works is known by name, is trained and bound to secrecy") \
    X("supervised", PART_USER, 2, false, "立会者と、作業をすぐ止める方法が決まっている", "who supervises, and how the work is stopped at once, are settled")
enum { CHECKLIST_MAX = 32 };

struct checklist_item {
    const char *id, *ja, *en;
    enum checklist_part part;
    unsigned of;                 /* FOR_DEVICE, FOR_PERSON; 4: contractors only */
    bool measured;
};
extern const struct checklist_item checklist_items[];
extern const size_t checklist_items_n;
/* The item is asked of this role. */
bool checklist_asked(const struct checklist_item *item, enum role role);

enum checklist_answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO, ANSWER_NOT_APPLICABLE, CHECKLIST_ANSWERS };
const char *checklist_answer_word(enum checklist_answer a);

struct checklist {               /* of one identity */
    char subject[ID_MAX];
    enum role role;
    bool held;
    int64_t begun_ms, signed_ms;
    char signed_by[64];
    struct { enum checklist_answer answer; char note[CHECKLIST_NOTE], by[64]; int64_t at_ms; } answers[CHECKLIST_MAX];
};

struct checklists {
    bool asked[ROLES];           /* of whom it is asked from now on */
    struct map of;               /* id -> struct checklist, owned */
    uint64_t epoch;
};

/* {"what":"ask","role","on","by"}, {"what":"begin","subject","role"}, {"what":"answer","subject","item","answer","note","by"},
 * {"what":"sign","subject","by"}. E_MALFORMED, E_UNKNOWN, E_CONFLICT (measured items are not answered; begun already; an item not
 * asked of this role; signed with an item open). A "no", or a changed answer, after the signature holds again. */
MUST outcome checklist_judge(const struct checklists *all, const struct doc *d, char why[CHECKLIST_WHY]);
MUST outcome checklist_apply(struct checklists *all, const struct doc *d, int64_t at_ms);
void checklists_deinit(struct checklists *all);
const struct checklist *checklist_of(const struct checklists *all, const char *id); /* NULL: none was begun */
/* all may be NULL. */
bool checklist_holds(const struct checklists *all, const char *id);
/* The first item a person has to answer that is open or answered "no"; NULL: all are answered. */
const struct checklist_item *checklist_open(const struct checklist *c);
/* Its rows with what is known, and what is measured now. */
struct checklist_found { const char *item; bool good; };
struct checklist_site { const struct registry *registry; const struct works *works; const char *site; int64_t now_ms; };
size_t checklist_measure(const struct checklist_site *s, const struct checklist *c, struct checklist_found ret[CHECKLIST_MAX]);
struct doc *checklist_doc(struct arena *a, const struct checklist *c, const struct checklist_found *found, size_t n);
/* Hex SHA-256 over the answers, in the items' order: what the owner signs. */
MUST outcome checklist_sha256(const struct checklist *c, char ret[65]);

#endif
