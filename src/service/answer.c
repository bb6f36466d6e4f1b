/* How an answer looks on the wire. */
#include <stdio.h>

#include "service/internal.h"

outcome answer_doc(struct request *q, const struct doc *d)
{
    if (!d) return REFUSE(E_MEMORY);
    q->doc = d;
    q->type = "application/json";
    return DONE;
}

outcome answer_text(struct request *q, const char *type, struct bytes body)
{
    q->type = type;
    return buffer_put(&q->body, body);
}

/* status -> what to do now, in both languages */
static const struct {
    int status;
    const char *ja, *en;
} next_steps[] = {
    { 400, "要求の形を docs の説明と比べてください", "compare the request with the documentation" },
    { 401, "画面で入り直すか、この機械で sekimori login を実行して表示されたリンクを開いてください", "sign in on the page, or run sekimori login on this machine and open the link it prints" },
    { 403, "誰が許可できるかは sekimori why で分かります", "sekimori why tells who may allow it" },
    { 404, "名前を確かめてください（sekimori device list など）", "check the name (sekimori device list and the like)" },
    { 405, "この道は別の方法で使います", "use another method on this path" },
    { 409, "今の状態を確かめてください（sekimori status）", "look at the state now (sekimori status)" },
    { 410, "新しいものを発行してもらってください", "ask for a new one" },
    { 413, "小さく分けて送ってください", "send less at a time" },
    { 429, "1分待ってからやり直してください", "wait a minute, then try again" },
    { 503, "少し待ってからやり直してください（sekimori doctor が原因を示します）", "try again shortly (sekimori doctor names the cause)" },
};

static struct doc *problem_doc(struct request *q, int status, const char *code, const char *cause, const char *detail)
{
    struct doc *d = doc_map(&q->arena);
    doc_set_text(&q->arena, d, "type", "about:blank");
    doc_set_int(&q->arena, d, "status", status);
    doc_set_text(&q->arena, d, "code", code);
    doc_set_text(&q->arena, d, "title", cause);
    doc_set_text(&q->arena, d, "detail", detail ? detail : "");
    for (size_t i = 0; i < sizeof next_steps / sizeof *next_steps; i++) {
        if (next_steps[i].status != status) continue;
        doc_set_text(&q->arena, d, "try_ja", next_steps[i].ja);
        doc_set_text(&q->arena, d, "try_en", next_steps[i].en);
    }
    return d;
}

static MUST outcome answer_with(struct request *q, int status, const struct doc *problem)
{
    q->status = status;
    TRY(answer_doc(q, problem));
    q->type = "application/problem+json";
    return DONE;
}

outcome answer_problem(struct request *q, int status, const char *code, const char *cause, const char *detail)
{
    return answer_with(q, status, problem_doc(q, status, code, cause, detail));
}

outcome answer_said(struct request *q, const struct problem *p, const char *detail)
{
    struct doc *d = problem_doc(q, p->status, p->code, p->en, detail);
    doc_set_text(&q->arena, d, "title_ja", p->ja);
    doc_set_text(&q->arena, d, "title_en", p->en);
    doc_set_text(&q->arena, d, "try_ja", p->try_ja);
    doc_set_text(&q->arena, d, "try_en", p->try_en);
    return answer_with(q, p->status, d);
}

outcome answer_outcome(struct request *q, outcome o, const char *cause, const char *detail)
{
    static const struct {
        enum code code;
        int status;
        const char *number;
    } rows[] = { { E_MALFORMED, 400, "SK-1400" }, { E_RANGE, 400, "SK-1401" }, { E_CONFIG, 400, "SK-1402" },
        { E_DENIED, 403, "SK-1403" }, { E_CRYPTO, 403, "SK-1404" }, { E_HELD, 403, "SK-1405" }, { E_UNKNOWN, 404, "SK-1406" },
        { E_CONFLICT, 409, "SK-1407" }, { E_EXPIRED, 410, "SK-1408" }, { E_REVOKED, 403, "SK-1409" },
        { E_TOO_LARGE, 413, "SK-1410" }, { E_UNSUPPORTED, 400, "SK-1411" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == o.code) return answer_problem(q, rows[i].status, rows[i].number, cause ? cause : code_word(o.code), detail);
    return answer_problem(q, 503, "SK-1500", cause ? cause : code_word(o.code), detail);
}

outcome answer_write(struct request *q, struct buffer *b, bool *ret_close)
{
    struct buffer json = BUFFER(32u << 20);
    struct http_response r = { .status = q->status, .type = q->type ? q->type : "text/plain", .fields = q->fields,
        .body = buffer_view(&q->body), .stream = q->stream, .close = q->http->close };
    outcome o = DONE;
    if (q->doc) {
        o = doc_write_json(q->doc, &json);
        r.body = buffer_view(&json);
    }
    if (ok(o)) o = http_write(&r, b);
    *ret_close = r.close;
    buffer_deinit(&json);
    return o;
}
