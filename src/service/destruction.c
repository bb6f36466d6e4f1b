/* The end of a device: two people sign what was done to its media (NIST SP 800-88 rev. 1, appendix G); then what the site
 * recorded of it loses its data key, and the life table's last step is taken. The order: the people's word is written first,
 * so that nothing is erased without it. */
#include "service/internal.h"

#include "assurance/document.h"

enum { DAYS_MOST = 7 }; /* an older certificate was signed about another day */

static bool one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0) return true;
    return false;
}

/* What has to be stated; NULL: all is. */
static const char *unstated(const struct doc *p)
{
    static const char *const needed[] = { "device", "method", "technique", "verification", "by", "witness", "reason", NULL };
    static const char *const methods[] = { "clear", "purge", "destroy", NULL };
    for (size_t i = 0; needed[i]; i++)
        if (!*doc_text(p, needed[i], "")) return needed[i];
    if (!one_of(doc_text(p, "method", ""), methods)) return "method: clear, purge or destroy";
    return strcmp(doc_text(p, "by", ""), doc_text(p, "witness", "")) == 0 ? "witness: another person than by" : NULL;
}

static outcome say_why(char why[ASSURANCE_WHY], outcome o, const char *text)
{
    struct out t = out_of(why, ASSURANCE_WHY - 1);
    put_str(&t, text);
    why[t.n] = 0;
    return o;
}

static outcome write_certificate(struct service *s, struct request *q, const struct assurance_signed *d, const char *id)
{
    struct doc *entry = doc_map(&q->arena), *certificate = arena_new(&q->arena, sizeof *certificate);
    if (!certificate) return REFUSE(E_MEMORY);
    *certificate = *d->envelope;
    doc_set_text(&q->arena, entry, "what", "certificate-of-destruction");
    doc_set_text(&q->arena, entry, "id", id);
    doc_set(&q->arena, entry, "certificate", certificate);
    return s->port.write(s->port.ctx, ENTRY_AUDIT, entry, true);
}

outcome accept_destruction(struct service *s, struct request *q, char why[ASSURANCE_WHY])
{
    struct assurance_signed d;
    enum life to;
    int64_t now = s->port.wall_ms(s->port.ctx);
    TRY(assurance_verify(s->port.assurance, "destruction", q->http->body, now, &q->arena, &d, why));
    const char *missing = unstated(d.payload), *id = doc_text(d.payload, "device", "");
    if (missing) return say_why(why, REFUSE(E_MALFORMED), missing);
    if (d.at_ms > now + 5 * MS_MINUTE || d.at_ms < now - DAYS_MOST * MS_DAY) return say_why(why, REFUSE(E_EXPIRED), "signed more than 7 days ago, or ahead of time");
    const struct identity *who = registry_identity(s->port.registry, id);
    if (!who) return say_why(why, REFUSE(E_UNKNOWN), "no such device");
    if (!ok(life_step(who->life, LIFE_DESTROY, &to))) return say_why(why, REFUSE(E_CONFLICT), "retire the device first");
    TRY(write_certificate(s, q, &d, id));
    outcome o = s->port.erase(s->port.ctx, id, doc_text(d.payload, "reason", ""), q->caller->name);
    if (!ok(o) && o.code != E_UNKNOWN) return o; /* it never said anything that was recorded */
    return device_step(s, q, who, LIFE_DESTROY, doc_text(d.payload, "reason", ""));
}
