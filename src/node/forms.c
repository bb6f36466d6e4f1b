/* Declared forms as facts (control C13, by device): told when its data begins to break its form and when all of it is good
 * again. Kept until the loop's next turn, since the exchange tells of it in the middle of a message. */
#include "node/core.h"

void forms_told(struct core *c, const struct message *m, const char *word)
{
    if (m && m->from) (void)!ok(map_put(&c->forms, bytes_str(m->from->id), (void *)(uintptr_t)word)); /* a literal */
}

void forms_turn(struct core *c)
{
    struct bytes id;
    void *value;
    char text[ID_MAX];
    if (!c->forms.n) return;
    struct map now = c->forms;
    c->forms = MAP;
    for (size_t at = 0; map_next(&now, &at, &id, &value);) {
        bool good = strcmp(value, "form-good") == 0;
        if (ok(bytes_to_text(id, text, sizeof text)))
            core_fact(c, "C13", text, good ? FACT_PASS : FACT_FAIL, FACT_BY_GATE, false, value);
    }
    map_deinit(&now);
}
