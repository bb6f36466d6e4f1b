/* What anybody may read without signing in: the approved statement, as a page of plain HTML in both languages and as JSON. Only what was
 * signed is shown; nothing of the site's state. */
#include "assurance/public.h"
#include "service/internal.h"

static void put_html(struct out *o, const char *text)
{
    for (; *text; text++) {
        if (*text == '<') put_str(o, "&lt;");
        else if (*text == '>') put_str(o, "&gt;");
        else if (*text == '&') put_str(o, "&amp;");
        else if (*text == '"') put_str(o, "&quot;");
        else put_u8(o, (uint8_t)*text);
    }
}

static void put_cell(struct out *o, const struct doc *pair, const char *lang, const char *tag)
{
    put_fmt(o, "<%s%s>", tag, strcmp(tag, "th") == 0 ? " scope=\"row\"" : "");
    put_html(o, doc_text(pair, lang, ""));
    put_fmt(o, "</%s>", tag);
}

static const struct { const char *lang, *title, *service, *expects, *achieved, *until; } words[] = {
    { "ja", "セキュリティ品質の表示", "サービス", "利用者が期待するもの", "達成の状況（承認時の評価）", "承認・有効期限" },
    { "en", "Statement of security quality", "Service", "What its users expect", "Achieved (as assessed when approved)", "Approved, and valid until" },
};

static void put_language(struct out *o, const struct service *s, const struct doc *p, size_t at)
{
    const char *lang = words[at].lang;
    put_fmt(o, "<section lang=\"%s\"><h1>%s</h1><p>", lang, words[at].title);
    put_html(o, at == 0 ? s->port.site_name_ja : s->port.site_name_en);
    put_str(o, "</p><p>");
    put_html(o, doc_text(doc_get(p, "text"), lang, ""));
    put_fmt(o, "</p><table border=\"1\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th></tr></thead><tbody>",
        words[at].service, words[at].expects, words[at].achieved);
    for (const struct doc *x = doc_get(p, "services")->first; x; x = x->next) {
        put_str(o, "<tr>");
        put_cell(o, doc_get(x, "name"), lang, "th");
        put_cell(o, doc_get(x, "expects"), lang, "td");
        put_cell(o, doc_get(x, "achieved"), lang, "td");
        put_str(o, "</tr>");
    }
    put_fmt(o, "</tbody></table><p>%s: ", words[at].until);
    put_html(o, doc_text(p, "at", ""));
    put_str(o, " – ");
    put_html(o, doc_text(p, "expires", ""));
    put_str(o, "</p></section>");
}

outcome get_public_page(struct service *s, struct request *q)
{
    enum { PAGE_MAX = 256 << 10 };
    const struct doc *p = assurance_public_doc(s->port.assurance, s->port.wall_ms(s->port.ctx));
    if (!p) {
        q->status = 404;
        return answer_text(q, "text/plain; charset=utf-8",
            BYTES_LIT("公開の表示は承認されていません。\nNo public statement has been approved.\n"));
    }
    uint8_t *page = arena_new(&q->arena, PAGE_MAX);
    if (!page) return REFUSE(E_MEMORY);
    struct out o = out_of(page, PAGE_MAX);
    put_str(&o, "<!DOCTYPE html><html lang=\"ja\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>");
    put_html(&o, s->port.site_name_ja);
    put_str(&o, "</title></head><body><main>");
    for (size_t i = 0; i < 2; i++) put_language(&o, s, p, i);
    put_str(&o, "</main></body></html>\n");
    return o.over ? REFUSE(E_TOO_LARGE) : answer_text(q, "text/html; charset=utf-8", out_view(&o));
}

outcome get_public(struct service *s, struct request *q)
{
    const struct doc *p = assurance_public_doc(s->port.assurance, s->port.wall_ms(s->port.ctx));
    return p ? answer_doc(q, p) : REFUSE(E_UNKNOWN);
}
