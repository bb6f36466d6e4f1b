/* A declared form and the payload judged by it: JSON declaration, a zero byte, payload. A good payload's numbers are within
 * what was declared; what is said of a bad one is printable and fits a reason string. */
#include "platform/declared.h"
#include "platform/schema.h"

#include "fuzz.h"

static void check_good(const struct stream *s, struct bytes payload)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct stream_field *f = &s->fields[i];
        int64_t milli;
        const char *unit;
        if (!ok(schema_number(s, payload, f->name, &milli, &unit))) continue;
        HOLDS((!f->has_min || milli >= f->min_milli) && (!f->has_max || milli <= f->max_milli) && strcmp(unit, f->unit) == 0);
    }
}

static void check_payload(const struct stream *s, struct bytes payload)
{
    char text[SCHEMA_TEXT] = "";
    enum breach b = schema_judge(s, payload, text);
    HOLDS(b < BREACHES && breach_word(b)[0] && (b != BREACH_NONE) == (text[0] != 0));
    for (const char *p = text; *p; p++) HOLDS((unsigned char)*p >= ' ');
    if (!b && s->n_fields) check_good(s, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *zero = n ? memchr(data, 0, n) : NULL;
    size_t head = zero ? (size_t)(zero - data) : n;
    struct arena a = ARENA(1 << 20);
    struct doc *d = NULL, *again = NULL;
    struct stream s, same;
    struct declared_wrong w = { 0 };
    struct buffer b = BUFFER(65536);
    if (ok(doc_read_json(bytes_of(data, head), &a, &d)) && ok(declared_read(d, &s, &w))) {
        HOLDS(ok(doc_write_json(registry_doc_stream(&a, &s), &b)) && ok(doc_read_json(buffer_view(&b), &a, &again)));
        HOLDS(ok(declared_read(again, &same, NULL)) && memcmp(&s, &same, sizeof s) == 0);
        check_payload(&s, zero ? bytes_of(zero + 1, n - head - 1) : BYTES_NONE);
    }
    buffer_deinit(&b);
    arena_deinit(&a);
    return 0;
}
