/* The verbs of people at the device: who may operate, and operating. */
#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/port/port.h"
#include "device/agent/run.h"
#include "device/agent/say.h"

enum word { W_PIN, W_AGAIN, W_ADDED, W_REMOVED, W_PERSON, W_LOCKED, W_NONE, W_SHIFT, W_RESULT, W_CHECKED, WORDS };
static const struct { const char *ja, *en; } words[WORDS] = {
    [W_PIN] = { "暗証番号", "PIN" },
    [W_AGAIN] = { "もう一度", "again" },
    [W_ADDED] = { "登録しました", "registered" },
    [W_REMOVED] = { "登録を消しました", "removed" },
    [W_PERSON] = { "操作できる人", "may operate" },
    [W_LOCKED] = { "操作できる人（今は止められている、解除の時刻まで）", "may operate (locked now, until)" },
    [W_NONE] = { "操作できる人はいません（この装置での操作は受け付けません）", "nobody is registered (operations here are refused)" },
    [W_SHIFT] = { "今の当番（当番表による）", "on shift now (by the declared list)" },
    [W_RESULT] = { "結果", "result" },
    [W_CHECKED] = { "よくある暗証番号と空の暗証番号は、どれも通りませんでした。人数",
        "no common and no empty PIN is taken by anybody; persons" },
};

enum why { WHY_NOBODY, WHY_UNKNOWN, WHY_SHORT, WHY_LONG, WHY_GUESSED, WHY_TAKEN, WHY_DIFFER, WHY_NAME, WHY_EXISTS, WHY_FULL, WHY_WRONG,
    WHY_LOCKED, WHY_NO_SHIFT, WHY_TWO_SHIFTS, WHY_AGENT, WHY_RESULT, WHY_DEFAULT, WHY_UNSURE, WHYS };
static const struct { int number, exit; const char *ja, *en, *ja_try, *en_try; } whys[WHYS] = {
    [WHY_NOBODY] = { 2020, 4, "操作できる人が誰も登録されていません", "nobody is registered to operate here", "sekimori-agent person add 名前", "sekimori-agent person add NAME" },
    [WHY_UNKNOWN] = { 2021, 5, "その人は登録されていません", "this person is not registered", "sekimori-agent person list", "sekimori-agent person list" },
    [WHY_SHORT] = { 2022, 2, "暗証番号が短すぎます", "the PIN is too short", "6文字以上にする", "use at least 6 characters" },
    [WHY_LONG] = { 2023, 2, "暗証番号が長すぎます", "the PIN is too long", "64文字までにする", "use at most 64 characters" },
    [WHY_GUESSED] = { 2024, 2, "すぐに当てられる暗証番号です（000000、123456、名前など）", "a PIN that is guessed at once (000000, 123456, a name)",
        "規則のない数字にする", "use figures without a pattern" },
    [WHY_TAKEN] = { 2025, 6, "この暗証番号は使えません", "this PIN cannot be used", "別の暗証番号にする", "choose another" },
    [WHY_DIFFER] = { 2026, 2, "2回の暗証番号が違います", "the two PINs differ", "もう一度", "try again" },
    [WHY_NAME] = { 2027, 2, "名前に使えない文字があるか、長さが合いません", "not a name that can be used",
        "空白と = # \" \\ のない、48バイトまで", "no blanks and no = # \" \\, at most 48 bytes" },
    [WHY_EXISTS] = { 2028, 6, "その名前は登録されています", "this name is registered", "先に sekimori-agent person remove 名前", "first sekimori-agent person remove NAME" },
    [WHY_FULL] = { 2029, 6, "これ以上登録できません（64人まで）", "no more can be registered (64)", "辞めた人を消す", "remove who has left" },
    [WHY_WRONG] = { 2030, 4, "暗証番号が違います", "the PIN is wrong", "もう一度（5回違うと15分止まる）", "try again (five wrong ones lock for 15 minutes)" },
    [WHY_LOCKED] = { 2031, 4, "違う暗証番号が続いたため、この人の操作は止められています", "locked after wrong PINs", "解除の時刻を待つ。ほかの人は操作できる",
        "wait until then; others may operate" },
    [WHY_NO_SHIFT] = { 2032, 4, "今の当番が当番表にありません", "the shift list names nobody for now", "STATE/shifts に shift = 開始 終了 名前 を書く",
        "write shift = FROM TO NAME into STATE/shifts" },
    [WHY_TWO_SHIFTS] = { 2033, 78, "今の当番が2人います", "the shift list names two for now", "時刻が重ならないように直す", "let the times not overlap" },
    [WHY_AGENT] = { 2034, 75, "エージェントが動いていません。何も実行していません", "the agent does not run here; nothing was carried out", "systemctl start sekimori-agent",
        "systemctl start sekimori-agent" },
    [WHY_RESULT] = { 2035, 3, "実行されませんでした", "not carried out", "操作の名前と値を対応表と比べる", "compare name and value with the map" },
    [WHY_UNSURE] = { 2037, 75, "エージェントが答えません。実行されたかもしれません", "the agent did not answer; it may have been carried out", "設備と記録（e/operation）を見てから",
        "look at the plant and the record (e/operation) first" },
    [WHY_DEFAULT] = { 2036, 8, "よくある暗証番号か空の暗証番号が通ります", "a common or empty PIN is taken", "その人を消して登録し直す", "remove and register that person anew" },
};

static const char *word(const struct options *o, enum word w)
{
    return o->japanese ? words[w].ja : words[w].en;
}

static void line(const struct options *o, enum word w, const char *detail)
{
    printf(detail[0] != 0 ? "%s: %s\n" : "%s\n", word(o, w), detail);
}

static int refuse(const struct options *o, enum why w, const char *where)
{
    fprintf(stderr, "error[SK-%d]: %s\n", whys[w].number, o->japanese ? whys[w].ja : whys[w].en);
    if (where[0] != 0) fprintf(stderr, "at: %s\n", where);
    fprintf(stderr, "try: %s\n", o->japanese ? whys[w].ja_try : whys[w].en_try);
    return whys[w].exit;
}

enum { INTERRUPT = 3 }; /* ^C: comes as a character, so that the terminal is never left silent */

/* One line of standard input; what is longer than any PIN is taken whole, and refused as too long. */
static size_t line_read(uint8_t *to, size_t cap)
{
    size_t n = 0;
    uint8_t c;
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n' && c != INTERRUPT)
        if (n < cap) to[n++] = c;
    return n;
}

/* Not shown where it is typed. */
static struct bytes pin_ask(const struct options *o, enum word prompt, uint8_t at[PIN_MAX + 1])
{
    struct termios shown, hidden;
    bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    hidden = shown;
    if (terminal) {
        hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        terminal = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
        fprintf(stderr, "%s: ", word(o, prompt));
    }
    size_t n = line_read(at, PIN_MAX + 1);
    if (terminal && tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown) == 0) fputc('\n', stderr);
    return bytes_of(at, n);
}

static int add_refused(const struct options *o, outcome why, bool taken, const char *name)
{
    if (taken) return refuse(o, WHY_TAKEN, name);
    if (why.code == E_CONFLICT) return refuse(o, WHY_EXISTS, name);
    if (why.code == E_FULL) return refuse(o, WHY_FULL, name);
    return say_error(o->japanese, why, o->state_dir);
}

static int add(const struct options *o, struct people *p, const char *name)
{
    static const enum why faults[] = { [PIN_SHORT] = WHY_SHORT, [PIN_LONG] = WHY_LONG, [PIN_GUESSED] = WHY_GUESSED };
    uint8_t first[PIN_MAX + 1], second[PIN_MAX + 1];
    bool taken = false;
    if (!person_name_good(bytes_str(name))) return refuse(o, WHY_NAME, "");
    struct bytes pin = pin_ask(o, W_PIN, first);
    enum pin_fault fault = pin_judge(name, pin);
    if (fault != PIN_GOOD) return refuse(o, faults[fault], name);
    if (!bytes_equal_secret(pin, pin_ask(o, W_AGAIN, second))) return refuse(o, WHY_DIFFER, name);
    outcome done = people_claim(o->state_dir);
    if (ok(done)) done = people_load(o->state_dir, p);
    if (ok(done)) done = people_add(p, name, pin, &taken);
    explicit_bzero(first, sizeof first);
    explicit_bzero(second, sizeof second);
    if (ok(done)) done = people_store(o->state_dir, p);
    if (!ok(done)) return add_refused(o, done, taken, name);
    line(o, W_ADDED, name);
    return 0;
}

static int take_away(const struct options *o, struct people *p, const char *name)
{
    outcome done = people_claim(o->state_dir);
    if (ok(done)) done = people_load(o->state_dir, p);
    struct person *who = ok(done) ? people_find(p, name) : NULL;
    if (ok(done) && who == NULL) return refuse(o, WHY_UNKNOWN, name);
    if (ok(done)) {
        *who = p->row[--p->n];
        done = people_store(o->state_dir, p);
    }
    if (!ok(done)) return say_error(o->japanese, done, o->state_dir);
    line(o, W_REMOVED, name);
    return 0;
}

static int list(const struct options *o, struct people *p)
{
    char detail[PERSON_NAME_MAX + TIME_TEXT + 2], until[TIME_TEXT], name[PERSON_NAME_MAX];
    int64_t now_ms = port_wall_ms();
    for (size_t i = 0; i < p->n; i++) {
        int64_t until_ms = p->row[i].locked_until_s * MS_S;
        bool locked = until_ms > now_ms;
        time_text(until_ms, until);
        snprintf(detail, sizeof detail, locked ? "%s %s" : "%s", p->row[i].name, until);
        line(o, locked ? W_LOCKED : W_PERSON, detail);
    }
    if (p->n == 0) line(o, W_NONE, "");
    outcome shift = shift_now(o->state_dir, now_ms, name);
    if (ok(shift)) line(o, W_SHIFT, name);
    if (shift.code == E_CONFLICT) return refuse(o, WHY_TWO_SHIFTS, "shifts");
    return ok(shift) || shift.code == E_UNKNOWN ? 0 : say_error(o->japanese, shift, "shifts");
}

static int probe(const struct options *o, const struct people *p)
{
    struct people_probe found = { .persons = (uint32_t)p->n };
    const char *first = "";
    char count[16];
    for (size_t i = p->n; i-- > 0;) {
        if (person_probe(&p->row[i]) == 0) continue;
        found.default_pin++;
        first = p->row[i].name;
    }
    outcome told = local_tell(o->state_dir, &found);
    if (!ok(told) && told.code != E_CLOSED) return say_error(o->japanese, told, "operate");
    if (found.default_pin > 0) return refuse(o, WHY_DEFAULT, first);
    snprintf(count, sizeof count, "%zu", p->n);
    line(o, W_CHECKED, count);
    return 0;
}

int people_verb(const struct options *o)
{
    static struct people p;
    const char *what = o->words[0], *name = o->n_words > 1 ? o->words[1] : NULL;
    if (!state_exists(o->state_dir)) return say_error(o->japanese, REFUSE(E_UNKNOWN), o->state_dir);
    if (name != NULL && strcmp(what, "add") == 0) return add(o, &p, name);
    if (name != NULL && strcmp(what, "remove") == 0) return take_away(o, &p, name);
    bool lists = strcmp(what, "list") == 0;
    if (name != NULL || (!lists && strcmp(what, "check") != 0)) return say_error(o->japanese, REFUSE(E_USAGE), what);
    outcome done = people_load(o->state_dir, &p);
    if (!ok(done)) return say_error(o->japanese, done, "people");
    return lists ? list(o, &p) : probe(o, &p);
}

/* The person's PIN; 0 and who it is, else the exit code. */
static int by_pin(const struct options *o, struct operation *op)
{
    static struct people p;
    uint8_t at[PIN_MAX + 1];
    char result[32];
    outcome done = people_load(o->state_dir, &p);
    if (!ok(done)) return say_error(o->japanese, done, "people");
    if (p.n == 0) return refuse(o, WHY_NOBODY, o->state_dir);
    if (people_find(&p, o->person) == NULL) return refuse(o, WHY_UNKNOWN, o->person);
    struct bytes pin = pin_ask(o, W_PIN, at);
    if (pin.n == 0) return refuse(o, WHY_SHORT, o->person); /* none was given: not a try */
    done = people_claim(o->state_dir);
    if (ok(done)) done = people_load(o->state_dir, &p); /* as it is now, with nobody beside us */
    struct person *who = ok(done) ? people_find(&p, o->person) : NULL;
    if (ok(done) && who == NULL) return refuse(o, WHY_UNKNOWN, o->person);
    if (ok(done)) done = people_try(&p, o->state_dir, who, pin, port_wall_ms());
    explicit_bzero(at, sizeof at);
    memcpy(op->person, o->person, strlen(o->person) + 1); /* found, hence no longer than a name */
    if (ok(done)) return 0;
    if (done.code == E_AGAIN) return refuse(o, WHY_LOCKED, o->person);
    if (done.code != E_DENIED) return say_error(o->japanese, done, "people");
    op->wrong_pin = true;
    outcome told = local_ask(o->state_dir, op, result);
    (void)told; /* no agent: nobody could have operated */
    return refuse(o, WHY_WRONG, o->person);
}

static int by_shift(const struct options *o, struct operation *op)
{
    op->declared = true;
    outcome done = shift_now(o->state_dir, port_wall_ms(), op->person);
    if (ok(done)) return 0;
    if (done.code == E_UNKNOWN) return refuse(o, WHY_NO_SHIFT, "shifts");
    if (done.code == E_CONFLICT) return refuse(o, WHY_TWO_SHIFTS, "shifts");
    return say_error(o->japanese, done, "shifts");
}

int operate_verb(const struct options *o)
{
    struct operation op = { 0 };
    char result[32];
    if (!state_exists(o->state_dir)) return say_error(o->japanese, REFUSE(E_UNKNOWN), o->state_dir);
    outcome done = operation_of(o->words[0], o->n_words > 1 ? o->words[1] : NULL, &op);
    if (!ok(done)) return say_error(o->japanese, done, o->words[0]);
    int code = o->person != NULL ? by_pin(o, &op) : by_shift(o, &op);
    if (code != 0) return code;
    done = local_ask(o->state_dir, &op, result);
    if (done.code == E_CLOSED) return refuse(o, WHY_AGENT, o->state_dir);
    if (done.code == E_TIMEOUT) return refuse(o, WHY_UNSURE, o->words[0]);
    if (!ok(done)) return say_error(o->japanese, done, o->words[0]);
    if (strcmp(result, command_result_word(COMMAND_DONE)) != 0) return refuse(o, WHY_RESULT, result);
    line(o, W_RESULT, result);
    return 0;
}
