/* What a survey means to a plant, in the order of danger; each kind with what it is, why it matters and what to do, in
 * both languages. Pure. */
#ifndef WATCH_FINDING_H
#define WATCH_FINDING_H

#include "watch/survey.h"

enum finding_level { LEVEL_DANGER, LEVEL_WARNING, LEVEL_NOTE };

/* kind, word, level, what ja/en, why ja/en, do this ja/en */
#define FINDINGS(X)                                                                                                              \
    X(SCAN, "scan", DANGER, "多数の相手を次々と試す動き（走査）", "somebody tries one host or port after the other (scan)",         \
        "侵入者や不正プログラムが次の標的を探すときの動きです", "this is how an intruder or malware looks for the next target",       \
        "その機器を誰が何に使っているか確かめ、心当たりがなければ切り離してください",                                              \
        "find who uses that host and for what; unplug it if nobody knows")                                                        \
    X(TWO_MACS, "two-macs", DANGER, "一つのIPアドレスを二つの機器が名乗っている", "two devices claim one address",                   \
        "通信の横取り、または設定の重複です。どちらでも制御が途切れます",                                                          \
        "either traffic is being intercepted or an address was given twice; both interrupt control",                              \
        "二つのMACアドレスの機器を探し、正しい方だけを残してください", "find both devices by their hardware addresses, keep the right one") \
    X(CONTROL_OUTSIDE, "control-outside", DANGER, "制御の通信が組織の外と行われている", "control traffic with the outside",          \
        "外から運転を読まれ、変えられます", "the plant can be read and changed from outside",                                       \
        "出口で直ちに止め、必要なら関守またはVPNを経由させてください", "stop it at the border; if it is needed, lead it through Sekimori or a VPN") \
    X(CONTROL_WRITE, "control-write", DANGER, "認証のない書き込みで機器の値が変えられている", "values are set in machines without any authentication", \
        "この回線に届く者は誰でも同じ書き込みができます", "whoever reaches this wire can write the same",                           \
        "送り手がその機器だけか確かめ、書き込み元をゲートウェイに絞ってください", "check that only this sender writes, and let only the gateway reach the machine") \
    X(REMOTE_OUTSIDE, "remote-outside", DANGER, "外部との遠隔操作・保守回線がつながっている", "a remote access link to the outside is up", \
        "保守が終わっても開いたままの回線は、最も多い侵入口です", "maintenance links left open are the most common way in",           \
        "相手と作業の申請を確かめ、作業時間外は切ってください", "check who it is and for which work; close it outside work hours")      \
    X(PASSWORD, "password", DANGER, "パスワードが暗号化されずに流れている", "passwords cross the wire readable",                      \
        "聞いている者がそのまま使えます", "whoever listens can use them",                                                           \
        "TLSまたはSSHに替え、流れたパスワードを変更してください", "move to TLS or SSH and change the passwords that crossed")            \
    X(PLAIN_COMMAND, "plain-command", DANGER, "指令が暗号化されずに流れている", "commands cross the wire readable",                    \
        "途中で読まれ、書き換えられても分かりません", "they can be read and changed on the way, and nobody would know",                \
        "この接続を相互TLSに替えてください", "move this connection to mutual TLS")                                                  \
    X(REMOTE, "remote", WARNING, "遠隔操作・保守の接続がある", "a remote access connection inside",                                   \
        "人が操作できる入口です。申請のない接続は見分けがつきません", "a person can work through it; without a permit nobody can tell whose it is", \
        "いつから、誰が、何のために使っているか確かめてください", "check since when, by whom and for what it is used")                  \
    X(TLS_OLD, "tls-old", WARNING, "古いTLSが使われている", "an old version of TLS is in use",                                       \
        "1.2より前の版は解読・改ざんの手段が知られています", "versions before 1.2 are known to be broken",                             \
        "機器を更新するか、ゲートウェイの後ろに置いてください", "update the device or place it behind a gateway")                       \
    X(CERT_EXPIRED, "cert-expired", WARNING, "期限切れの証明書", "an expired certificate",                                            \
        "接続する側が検証していない証拠です", "whoever connects cannot be checking it",                                             \
        "証明書を更新し、検証を有効にしてください", "renew it, and make the clients verify")                                         \
    X(SNMP_DEFAULT, "snmp-default", WARNING, "SNMPが既定のコミュニティ名を使っている", "SNMP with a well-known community",            \
        "パスワードを変えていないのと同じです", "it is as good as a default password",                                               \
        "SNMPv3に替えるか、コミュニティ名を変えて相手を絞ってください", "move to SNMPv3, or change it and restrict who may ask")         \
    X(CERT_EXPIRING, "cert-expiring", WARNING, "30日以内に切れる証明書", "a certificate that expires within 30 days",                 \
        "切れると通信が止まります", "when it expires the connection stops",                                                         \
        "更新を予定してください", "plan its renewal")                                                                             \
    X(PLAIN_DATA, "plain-data", WARNING, "データが暗号化されずに流れている", "data crosses the wire readable",                         \
        "読まれ、すり替えられても分かりません", "it can be read and replaced, and nobody would know",                                \
        "TLSに替えるか、その区間を閉じた回線にしてください", "move to TLS, or keep that stretch on a closed line")                      \
    X(OUTSIDE, "outside", NOTE, "機器が組織の外と通信している", "a device talks with the outside",                                    \
        "情報の出口、または更新・クラウドの通信です", "a way out for data, or an update or cloud service",                            \
        "相手が台帳や契約にあるか確かめてください", "check that the peer is one you know and agreed to")                              \
    X(CERT_SELF, "cert-self", NOTE, "自己署名の証明書", "a self-signed certificate",                                                 \
        "相手が本物かどうか、証明書だけでは分かりません", "by itself it does not tell who the server is",                              \
        "その証明書を登録して照合するか、サイトのCAで発行し直してください", "pin it, or issue one from the site's CA")                  \
    X(CYCLIC, "cyclic", NOTE, "制御装置どうしの周期通信（同報）", "controllers exchange cyclic broadcasts",                              \
        "認証のない同報です。見知らぬ機器が混ざると値が乱れます", "nothing authenticates them; a stranger on the segment disturbs the values", \
        "参加する機器を台帳と照合してください", "compare who takes part with the inventory")                                        \
    X(NOT_SEEN, "not-seen", NOTE, "読めなかった通信がある", "traffic that could not be read",                                        \
        "ここにない機器や通信が、まだあるかもしれません", "there may be hosts and traffic that this list does not show",                \
        "採取の場所・長さ・切り詰めを見直してください", "look again at where, how long and how completely it was captured")

enum finding_kind {
#define X(name, ...) FINDING_##name,
    FINDINGS(X)
#undef X
        FINDING_COUNT
};

struct finding_words {
    const char *word;
    enum finding_level level;
    const char *what_ja, *what_en, *why_ja, *why_en, *do_ja, *do_en;
};
const struct finding_words *finding_words(enum finding_kind k);
const struct finding_words *finding_words_of(const char *word); /* NULL when there is none */
const char *level_word(enum finding_level l);

enum { FINDING_NONE_OF = UINT32_MAX, FINDING_DETAIL = 192 };

struct finding {
    enum finding_kind kind;
    uint32_t host, peer, flow; /* of the survey; FINDING_NONE_OF */
    int64_t since_ms;
    bool open;                 /* still going on when last looked at */
    char detail[FINDING_DETAIL];
};

/* At most cap, the most dangerous first, then the oldest; how many there were besides goes to *ret_more. */
size_t findings_of(const struct survey *s, struct finding *ret, size_t cap, size_t *ret_more);

#endif
