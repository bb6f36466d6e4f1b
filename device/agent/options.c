#include "device/agent/options.h"

#include <string.h>

#include "device/agent/settings.h"
#include "device/agent/spool.h"

static const struct {
    const char *word, *arguments, *ja, *en;
    size_t words; /* that must follow */
    size_t more;  /* that may */
} verbs[VERBS] = {
    [VERB_HELP] = { "help", "", "この説明", "this text", 0, 0 },
    [VERB_JOIN] = { "join", "URL", "招待URLでサイトに加わる", "join a site by an invite URL", 1, 0 },
    [VERB_BOOT] = { "boot", "--image FILE", "起動の計測：イメージのSHA-256をPCR 8に加える",
        "the boot step: measure the image into PCR 8", 0, 0 },
    [VERB_RUN] = { "run", "", "計測を送り、指令を実行し、完全性の証拠を答える",
        "send readings, carry out commands, answer for integrity", 0, 0 },
    [VERB_STATUS] = { "status", "", "この装置の登録状態", "what this device is enrolled as", 0, 0 },
    [VERB_ATTEST] = { "attest", "", "今すぐ完全性の証拠を出す", "give evidence of integrity now", 0, 0 },
    [VERB_PUB] = { "pub", "TOPIC PAYLOAD", "1件送る", "publish one message", 2, 0 },
    [VERB_SUB] = { "sub", "FILTER", "受け取って表示する", "print what arrives", 1, 0 },
    [VERB_LEAVE] = { "leave", "--wipe", "サイトを離れ、鍵を消す", "leave the site, erase the keys", 0, 0 },
    [VERB_PERSON] = { "person", "add NAME", "この装置で操作できる人（add remove list check）", "who may operate here (add, remove, list, check)", 1, 1 },
    [VERB_OPERATE] = { "operate", "WHAT [VALUE]", "本人として現場で操作する（例 pump.start）", "operate here as a person (pump.start)", 1, 1 },
};

void options_help(FILE *to, bool japanese)
{
    fprintf(to, japanese ? "使い方: sekimori-agent 動詞 [オプション]\n\n"
                         : "usage: sekimori-agent VERB [options]\n\n");
    for (int v = 0; v < VERBS; v++)
        fprintf(to, "  %-7s %-15s %s\n", verbs[v].word, verbs[v].arguments, japanese ? verbs[v].ja : verbs[v].en);
    fprintf(to, "\n");
#define X(name, argument, field, ja, en)                                                           \
    fprintf(to, "  %-17s %-10s %s\n", name, (argument) != NULL ? (const char *)(argument) : "", japanese ? ja : en);
    OPTION_ROWS(X)
#undef X
    fprintf(to, japanese
        ? "\n終了コード: 0 成功 1 失敗 2 使い方 3 拒否 4 認証 5 なし 6 矛盾 8 検証失敗 75 一時的 78 設定 130 中断\n"
        : "\nexit codes: 0 ok 1 failed 2 usage 3 refused 4 authentication 5 not found 6 conflict\n"
          "            8 verification failed 75 temporary 78 configuration 130 interrupted\n");
}

/* The field an option sets, NULL for an unknown one. */
static const char **field_of(struct options *o, const char *word, bool *ret_flag)
{
#define X(name, argument, field, ja, en)                                                           \
    if (strcmp(word, name) == 0) {                                                                 \
        *ret_flag = (argument) == NULL;                                                            \
        return &o->field;                                                                          \
    }
    OPTION_ROWS(X)
#undef X
    return NULL;
}

static MUST outcome word_read(struct options *o, const char *word)
{
    if (o->verb != VERBS) {
        if (o->n_words == OPTIONS_WORDS_MAX) return REFUSE(E_USAGE);
        o->words[o->n_words++] = word;
        return DONE;
    }
    for (int v = 0; v < VERBS; v++)
        if (strcmp(word, verbs[v].word) == 0) o->verb = (enum verb)v;
    return o->verb != VERBS ? DONE : REFUSE(E_USAGE);
}

static MUST outcome number(const char *text, uint32_t max, uint32_t *ret)
{
    if (text == NULL) return DONE;
    if (!ok(settings_number(bytes_str(text), max, ret)) || *ret == 0) return REFUSE(E_USAGE);
    return DONE;
}

static MUST outcome check(struct options *o, const char *language, const char **ret_wrong)
{
    *ret_wrong = o->lang != NULL ? o->lang : "";
    const char *lang = o->lang != NULL ? o->lang : language != NULL ? language : "";
    o->japanese = strncmp(lang, "ja", 2) == 0;
    if (o->lang != NULL && strcmp(lang, "ja") != 0 && strcmp(lang, "en") != 0) return REFUSE(E_USAGE);
    *ret_wrong = o->verb == VERBS ? "" : verbs[o->verb].word;
    if (o->verb == VERBS) return REFUSE(E_USAGE);
    if (o->n_words < verbs[o->verb].words || o->n_words > verbs[o->verb].words + verbs[o->verb].more) return REFUSE(E_USAGE);
    if (o->verb == VERB_OPERATE && (o->person == NULL) == (o->shift == NULL)) return REFUSE(E_USAGE); /* nobody by default */
    if (o->verb != VERB_OPERATE && (o->person != NULL || o->shift != NULL)) return REFUSE(E_USAGE);
    if (o->verb == VERB_BOOT && o->image == NULL) return REFUSE(E_USAGE);
    if (o->verb == VERB_LEAVE && o->wipe == NULL) return REFUSE(E_USAGE); /* leaving means forgetting */
    if ((o->modbus == NULL) != (o->map == NULL)) return REFUSE(E_USAGE);
    if (o->only_controller != NULL && o->modbus == NULL) return REFUSE(E_USAGE);
    *ret_wrong = "--count --every --timeout --buffer --sync";
    TRY(number(o->count, 100000, &o->count_n));
    TRY(number(o->every, 86400000, &o->every_ms));
    TRY(number(o->timeout, 86400, &o->timeout_s));
    TRY(number(o->buffer, 1 << 30, &o->buffer_kb));
    if (o->buffer != NULL && o->buffer_kb < SPOOL_BYTES_MIN >> 10) return REFUSE(E_USAGE);
    TRY(number(o->sync, 60000, &o->sync_ms));
    if (o->sim != NULL && (o->count_n == 0 || o->count_n > 2000)) return REFUSE(E_USAGE);
    if (o->state == NULL) return state_default_dir(o->state_dir);
    *ret_wrong = "--state";
    return ok(bytes_to_text(bytes_str(o->state), o->state_dir, sizeof o->state_dir)) ? DONE : REFUSE(E_USAGE);
}

outcome options_read(int argc, char **argv, const char *language, struct options *ret, const char **ret_wrong)
{
    *ret = (struct options) { .verb = VERBS, .japanese = language != NULL && strncmp(language, "ja", 2) == 0 };
    for (int i = 1; i < argc; i++) {
        bool flag = false;
        *ret_wrong = argv[i];
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            ret->verb = VERB_HELP;
            ret->n_words = 0;
            break;
        }
        if (argv[i][0] != '-') {
            TRY(word_read(ret, argv[i]));
            continue;
        }
        const char **field = field_of(ret, argv[i], &flag);
        if (field == NULL || *field != NULL || (!flag && i + 1 == argc)) return REFUSE(E_USAGE);
        *field = flag ? "" : argv[++i];
    }
    return check(ret, language, ret_wrong);
}
