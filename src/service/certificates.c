/* Which certificates the doors show. Keys never pass here: the machine's own command puts the file beside the seal's keys, and
 * this asks that it be read. */
#include "crypto/x509.h"
#include "service/internal.h"

static struct doc *shown(struct request *q, struct bytes pem)
{
    struct x509_facts f;
    struct buffer names = BUFFER(4096);
    char text[TIME_TEXT], key[65];
    struct doc *d = doc_map(&q->arena);
    if (!pem.n || !ok(x509_facts_pem(pem, &f))) return NULL;
    if (ok(x509_pem_names(pem, &names)) && ok(buffer_put(&names, BYTES_LIT("\0")))) doc_set_text(&q->arena, d, "names", (const char *)names.at);
    buffer_deinit(&names);
    time_text(f.not_before_ms, text);
    doc_set_text(&q->arena, d, "from", text);
    time_text(f.not_after_ms, text);
    doc_set_text(&q->arena, d, "until", text);
    hex_of(bytes_of(f.key_hash, sizeof f.key_hash), key);
    doc_set_text(&q->arena, d, "key", key);
    return d;
}

/* GET /api/v1/certificates -> {"site": {"names", "from", "until", "key"}, "web": the same, absent where the site brought none} */
outcome get_certificates(struct service *s, struct request *q)
{
    struct bytes site, web;
    struct doc *d = doc_map(&q->arena), *one;
    s->port.certificates(s->port.ctx, &site, &web);
    if ((one = shown(q, site))) doc_set(&q->arena, d, "site", one);
    if ((one = shown(q, web))) doc_set(&q->arena, d, "web", one);
    return answer_doc(q, d);
}

/* POST /api/v1/certificates/again */
outcome change_certificates(struct service *s, struct request *q)
{
    struct doc *d = doc_map(&q->arena);
    TRY(s->port.certificate_again(s->port.ctx, q->caller->name));
    doc_set_bool(&q->arena, d, "asked", true);
    return answer_doc(q, d);
}
