/* Declared forms at ingress, and the one place where a stream says how it fails: what breaks its form, or what a limit or an
 * ordered quarantine acts on, is refused (closed), goes on marked (pass-flag), or its readers keep the last good value, marked
 * stale (hold-last). Alarms and safe directions go on, marked at most. A quarantine by evidence alone is no order: it marks. */
#include <stdio.h>

#include "platform/exchange_internal.h"

static bool unstoppable(const struct cargo *c, const struct verdict *judged)
{
    return judged->alarm || (c->command && access_safe_direction(c->stream, c->m.payload));
}

static bool removes(const struct cargo *c)
{
    return c->m.retain && c->m.payload.n == 0;
}

/* true: it was otherwise. */
static bool set_bad(struct value *row, bool bad)
{
    if (row->bad == bad) return false;
    row->bad = bad;
    row->source->bad += bad ? 1 : -1u;
    return true;
}

/* Told when a publisher's data begins to break its form, and when all of it is good again. */
static void note(struct exchange *x, const struct cargo *c, const struct verdict *v, bool bad)
{
    struct value *row = c->m.from ? values_make(x->access->values, c->m.topic, c->m.from->id) : NULL;
    if (!row) return;
    struct value_source *s = row->source;
    bool changed = set_bad(row, bad);
    if (changed && bad) tell(x, "form-broken", &c->m, v, NULL);
    if (!bad && s->bad == 0 && (changed || !s->heard)) tell(x, "form-good", &c->m, v, NULL);
    s->heard |= !bad;
}

static bool keep_last(struct exchange *x, struct cargo *c, const struct verdict *v)
{
    const struct value *last = values_find(x->access->values, c->m.topic);
    if (!last || !last->known) return false;
    tell(x, "publish-kept-back", &c->m, v, NULL);
    cargo_replace(x, c, bytes_of(last->payload, last->n));
    cargo_flag(c, "stale");
    cargo_own(c, BYTES_LIT("sk-stale-since"), bytes_str(last->since));
    if (last->index != NO_INDEX) cargo_own(c, BYTES_LIT("sk-source"), bytes_str(last->entry));
    c->kept_back = v->reason;
    c->kept_word = v->word;
    return true;
}

/* As the stream says; v: why. */
static bool fails(struct exchange *x, struct cargo *c, const struct verdict *judged, const struct verdict *v, struct answer *a)
{
    enum fail_policy fail = c->stream && !unstoppable(c, judged) ? c->stream->fail : FAIL_PASS_FLAG;
    if (fail == FAIL_PASS_FLAG) {
        if (v->detail) tell(x, "publish-flagged", &c->m, v, NULL);
        x->counts.flagged += !c->m.flagged;
        cargo_flag(c, v->word);
        return true;
    }
    if (fail == FAIL_HOLD_LAST && keep_last(x, c, v)) return true;
    publish_refuse(x, c, v, E_DENIED, a);
    return false;
}

bool form_may(struct exchange *x, struct cargo *c, const struct verdict *judged, struct answer *a)
{
    bool declared = c->stream && c->stream->n_fields && !removes(c);
    x->said[0] = 0;
    enum breach broken = declared ? schema_judge(c->stream, c->m.payload, x->said) : BREACH_NONE;
    struct verdict v = { .ruling = RULING_DENY, .reason = MQTT_PAYLOAD_FORMAT, .word = breach_word(broken), .detail = x->said };
    if (declared) note(x, c, &v, broken);
    if (broken) return fails(x, c, judged, &v, a);
    bool ordered = c->m.from && c->m.from->ordered;
    if (judged->ruling != RULING_FLAG || (!judged->limit && !ordered) || removes(c)) return true;
    v = *judged;
    v.ruling = RULING_DENY;
    v.reason = MQTT_NOT_AUTHORIZED;
    return fails(x, c, judged, &v, a);
}

static void keep(struct exchange *x, const struct cargo *c, int64_t wall_ms)
{
    const struct stream *s = c->stream;
    bool kept = s && (s->n_fields || s->fail == FAIL_HOLD_LAST) && (c->m.from || s->derive.how) && !c->command && !removes(c);
    struct value *old = kept ? values_find(x->access->values, c->m.topic) : NULL;
    if (old) old->marked = c->m.flagged;
    bool wanted = kept && !c->m.flagged;
    if (!wanted || c->m.payload.n > VALUE_BYTES) return;
    struct value *v = values_make(x->access->values, c->m.topic, c->m.from ? c->m.from->id : "");
    if (!v) return;
    v->known = true;
    v->wall_ms = wall_ms;
    v->index = c->index;
    time_text(v->wall_ms, v->since);
    (void)snprintf(v->entry, sizeof v->entry, "%llu", (unsigned long long)c->index);
    v->n = c->m.payload.n;
    memcpy(v->payload, c->m.payload.at, v->n);
}

void form_keep(struct exchange *x, const struct cargo *c)
{
    keep(x, c, wall(x));
}

/* Whether the newest of it broke its form is seen again; nobody is told: it was, when it came. */
void exchange_restore_value(struct exchange *x, uint64_t index, const struct recorded *r)
{
    struct cargo c UNSET;
    char said[SCHEMA_TEXT];
    cargo_from_recorded(x, &c, r, index, PATH_RETAINED);
    const struct stream *s = c.stream;
    if (c.command || !s || !s->recorded || (!s->n_fields && s->fail != FAIL_HOLD_LAST)) return;
    keep(x, &c, r->at_ms);
    struct value *v = values_find(x->access->values, c.m.topic);
    if (v && s->n_fields && !removes(&c)) (void)set_bad(v, v->marked && schema_judge(s, c.m.payload, said) != BREACH_NONE);
}
