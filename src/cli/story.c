/* `sekimori device story`: what the record says of one device, from the invite to its destruction, as sentences; and the
 * certificate that ends it. */
#include <stdio.h>

#include "assurance/document.h"
#include "base/fact.h"
#include "cli/cli.h"

/* ---- the story ---- */

/* kind of entry, which of its members tells rows apart, its value, what happened. The first row that fits. */
static const struct {
    const char *kind, *member, *value, *ja, *en;
} rows[] = {
    { "invite", "used", "yes", "登録コードが使われた", "its invite was used" },
    { "invite", NULL, NULL, "登録コードが発行された", "an invite was issued" },
    { "identity", "life", "expected", "登録を待っている", "expected" },
    { "identity", NULL, NULL, "鍵が登録された（証明書を受け取った）", "its key was registered (a certificate was issued)" },
    { "life", "event", "quote-good", "起動の証拠が基準値と一致した", "its quote matched the reference" },
    { "life", "event", "quote-bad", "起動の証拠が基準値と違った", "its quote did not match the reference" },
    { "life", "event", "quote-old", "起動の証拠が古くなった", "its quote grew too old" },
    { "life", "event", "quarantine", "隔離された", "quarantined" },
    { "life", "event", "release", "隔離が解かれた", "released from quarantine" },
    { "life", "event", "revoke", "失効した", "revoked" },
    { "life", "event", "lose", "紛失とされた", "declared lost" },
    { "life", "event", "transfer", "移管された", "transferred" },
    { "life", "event", "retire", "廃止された", "retired" },
    { "life", "event", "destroy", "廃棄された", "destroyed" },
    { "life", "event", "invite", "新しい登録コードが発行された", "invited again" },
    { "life", "event", "enrol", "登録された", "enrolled" },
    { "evidence", "result", "fail", "確認に通らなかった", "a check failed" },
    { "evidence", "result", "pass", "確認に通った", "a check passed" },
    { "hold", NULL, NULL, "指令が保留された", "a command was held" },
    { "release", NULL, NULL, "保留した指令が二人の承認で送られた", "a held command was released by two people" },
    { "command", NULL, NULL, "指令が届いた", "a command was delivered" },
    { "receipt", NULL, NULL, "指令を実行したと答えた", "it answered a command" },
    { "limit", "event", "applied", "制限がかかった", "a limit was put on it" },
    { "limit", "event", "loosened", "制限が解かれた", "a limit was loosened" },
    { "limit", "event", "ended", "制限が終わった", "a limit ended" },
    { "erased", NULL, NULL, "記録データの鍵が破棄された", "the key of its recorded data was destroyed" },
    { "audit", "what", "clone-seen", "鍵が二か所で使われた", "its key was used in two places" },
    { "audit", "what", "certificate-of-destruction", "廃棄証明書に二人が署名した", "two people signed its certificate of destruction" },
    { "audit", "what", "record-set-back", "手元の要約値が記録と食い違った", "the head it keeps contradicts the record" },
    { "alert", NULL, NULL, "いつもと違う動きの警報", "an alarm: other than usual" },
    { "declaration", NULL, NULL, "人が申告した", "people declared something about it" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *member_text(const struct doc *p, const char *key)
{
    const struct doc *d = doc_get(p, key);
    if (d && d->kind == DOC_BOOL) return doc_bool(p, key, false) ? "yes" : "no";
    return doc_text(p, key, "");
}

static size_t row_of(const char *kind, const struct doc *p)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].kind, kind) != 0) continue;
        if (!rows[i].member || strcmp(member_text(p, rows[i].member), rows[i].value) == 0) return i;
    }
    return SIZE_MAX;
}

static bool is_about(const struct doc *p, const char *id)
{
    static const char *const keys[] = { "id", "device", "asset", "subject", "to", "kept_by" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(doc_text(p, keys[i], ""), id) == 0) return true;
    return false;
}

/* The same check passing again and again is one line: what passes is said when it is new or after it failed. */
struct told {
    const struct cli *c;
    const char *id;
    char last[64][FACT_CONTROL_MAX + 16];
    size_t n;
    unsigned lines;
};

static bool says_again(struct told *t, const struct doc *p)
{
    char now[FACT_CONTROL_MAX + 16];
    const char *control = doc_text(p, "control", "");
    snprintf(now, sizeof now, "%.15s=%.12s", control, doc_text(p, "result", ""));
    size_t n = strlen(control), i = 0;
    while (i < t->n && !(strncmp(t->last[i], now, n) == 0 && t->last[i][n] == '=')) i++;
    if (i < t->n && strcmp(t->last[i], now) == 0) return true;
    if (i == t->n && t->n < 64) t->n++;
    if (i < t->n) memcpy(t->last[i], now, sizeof now);
    return false;
}

/* What only says that a quarantine is in force: the quarantine itself is told. */
static bool says_nothing(const char *kind, const struct doc *p, struct told *t)
{
    if (strcmp(kind, "evidence") != 0) return false;
    return strcmp(doc_text(p, "control", ""), "contain") == 0 || says_again(t, p);
}

static void detail(const struct cli *c, const struct doc *p)
{
    static const char *const keys[] = { "control", "detail", "why", "reason", "topic", "condition" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (*doc_text(p, keys[i], "")) printf(" · %s", doc_text(p, keys[i], ""));
    if (*doc_text(p, "by", "")) printf(" · %s %s", cli_say(c, W_BY), doc_text(p, "by", ""));
}

static void print_certificate(const struct cli *c, const struct doc *p)
{
    struct buffer b = BUFFER(DOCUMENT_BYTES_MAX);
    struct arena a = ARENA(4u << 20);
    struct document d;
    static const char *const ja[] = { "機器", "製造番号", "型式", "記憶媒体", "消去の水準", "方法", "道具", "確認方法", "その後", "実施者", "立会人", "理由" };
    const struct doc *certificate = doc_get(p, "certificate");
    if (certificate && ok(doc_write_json(certificate, &b)) && ok(document_open(buffer_view(&b), &a, &d)))
        for (size_t i = 0; document_destruction_members[i]; i++) {
            const char *text = doc_text(d.payload, document_destruction_members[i], "");
            if (*text) printf("        %s: %s\n", c->ja ? ja[i] : document_destruction_members[i], text);
        }
    buffer_deinit(&b);
    arena_deinit(&a);
}

static void tell(void *ctx, const struct doc *e)
{
    struct told *t = ctx;
    const struct cli *c = t->c;
    const struct doc *p = doc_get(e, "payload");
    const char *kind = doc_text(e, "kind", "");
    if (!p || !is_about(p, t->id)) return;
    size_t at = row_of(kind, p);
    if (at == SIZE_MAX || says_nothing(kind, p, t)) return;
    t->lines++;
    if (c->json) {
        struct buffer b = BUFFER(8u << 20);
        if (ok(doc_write_json(e, &b))) printf("%s%.*s", t->lines > 1 ? "," : "[", (int)b.n, (const char *)b.at);
        buffer_deinit(&b);
        return;
    }
    printf("%6lld %.19sZ  %s", (long long)doc_int(e, "index", 0), doc_text(e, "at", ""), c->ja ? rows[at].ja : rows[at].en);
    detail(c, p);
    printf("\n");
    if (strcmp(kind, "audit") == 0) print_certificate(c, p);
}

int cmd_device_story(struct cli *c)
{
    if (c->n_args != 1) return complain_usage(c);
    struct told t = { .c = c, .id = c->args[0] };
    int code = each_entry(c, "0", NULL, tell, &t);
    if (!code && c->json) printf(t.lines ? "]\n" : "[]\n");
    if (code || t.lines) return code;
    return complain(c, EXIT_NOT_FOUND, "SK-1090", cli_say(c, W_NO_STORY), c->args[0], "sekimori device list");
}

/* ---- its end ---- */

int cmd_device_destroy(struct cli *c)
{
    static const char *const needed[] = { "method", "technique", "verification", "by", "witness", "reason" };
    const char *texts[DOCUMENT_DESTRUCTION_MEMBERS] = { NULL };
    char site[CHARTER_SITE_MAX];
    if (c->n_args != 1) return complain_usage(c);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!flag(c, needed[i])) return need_flag(c, needed[i]);
    for (size_t i = 0; document_destruction_members[i]; i++) texts[i] = flag(c, document_destruction_members[i]);
    texts[0] = c->args[0];
    int code = charter_site(c, site);
    return code ? code : sign_and_apply(c, document_destruction_new(&c->arena, site, texts, port_wall_ms()));
}
