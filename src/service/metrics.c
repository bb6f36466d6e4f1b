/* GET /metrics: OpenMetrics 1.0 text, for whoever may see the site. Names only, no secrets, no payloads; labels are words of ours
 * and identities, escaped. */
#include <stdio.h>

#include "service/internal.h"

static MUST outcome put_family(struct buffer *b, const char *name, const char *type, const char *help)
{
    return buffer_fmt(b, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static MUST outcome put_counts(struct service *s, struct buffer *b)
{
    struct exchange_counts n;
    exchange_count(s->port.exchange, &n);
    const struct { const char *name, *help; bool total; uint64_t value; } rows[] = {
        { "sekimori_links", "MQTT links that are up", false, n.links }, { "sekimori_sessions", "sessions, with and without a link", false, n.sessions },
        { "sekimori_subscriptions", "subscriptions", false, n.subscriptions }, { "sekimori_retained", "retained messages", false, n.retained },
        { "sekimori_received", "messages received", true, n.received }, { "sekimori_delivered", "messages delivered", true, n.delivered },
        { "sekimori_denied", "messages and requests refused", true, n.denied }, { "sekimori_held", "commands held for two people", true, n.held },
        { "sekimori_flagged", "messages passed with a flag", true, n.flagged },
        { "sekimori_observed", "what a limit in observe mode would have met", true, n.observed },
        { "sekimori_dropped", "messages dropped", true, n.dropped }, { "sekimori_ledger_entries", "entries of the record", false, ledger_size(s->port.ledger) } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TRY(put_family(b, rows[i].name, rows[i].total ? "counter" : "gauge", rows[i].help));
        TRY(buffer_fmt(b, "%s%s %llu\n", rows[i].name, rows[i].total ? "_total" : "", (unsigned long long)rows[i].value));
    }
    return DONE;
}

static MUST outcome put_word(struct buffer *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\n') TRY(buffer_put(b, BYTES_LIT("\\n")));
        else if (*p == '"' || *p == '\\') TRY(buffer_fmt(b, "\\%c", *p));
        else TRY(buffer_put(b, bytes_of(p, 1)));
    }
    return DONE;
}

static MUST outcome put_labelled(struct buffer *b, const char *name, const char *label, const char *value, int64_t n)
{
    TRY(buffer_fmt(b, "%s{%s=\"", name, label));
    TRY(put_word(b, value));
    return buffer_fmt(b, "\"} %lld\n", (long long)n);
}

static MUST outcome put_causes(struct service *s, struct request *q, struct buffer *b)
{
    const struct doc *list = s->port.causes ? s->port.causes(s->port.ctx, &q->arena) : NULL;
    TRY(put_family(b, "sekimori_alerts", "counter", "alerts of this cause"));
    for (const struct doc *g = list ? list->first : NULL; g; g = g->next)
        TRY(put_labelled(b, "sekimori_alerts_total", "cause", doc_text(g, "cause", ""), doc_int(g, "count", 0)));
    TRY(put_family(b, "sekimori_alerts_undelivered", "counter", "dead letters of this cause"));
    for (const struct doc *g = list ? list->first : NULL; g; g = g->next)
        TRY(put_labelled(b, "sekimori_alerts_undelivered_total", "cause", doc_text(g, "cause", ""), doc_int(g, "dead", 0)));
    return DONE;
}

static MUST outcome put_state(struct service *s, struct request *q, struct buffer *b)
{
    static const char *const states[] = { "within", "near", "over", "unknown" };
    const struct doc *d = assurance_status(s->port.assurance, &q->arena, s->port.wall_ms(s->port.ctx)), *missions = doc_get(d, "missions");
    TRY(put_family(b, "sekimori_limits_enforced", "gauge", "limits in force"));
    TRY(buffer_fmt(b, "sekimori_limits_enforced %lld\n", (long long)doc_int(d, "limits_enforced", 0)));
    TRY(put_family(b, "sekimori_limits_observed", "gauge", "limits in observe mode"));
    TRY(buffer_fmt(b, "sekimori_limits_observed %lld\n", (long long)doc_int(d, "limits_observed", 0)));
    TRY(put_family(b, "sekimori_mission", "stateset", "how the mission stands against its tolerance"));
    for (const struct doc *m = missions ? missions->first : NULL; m; m = m->next)
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
            TRY(buffer_put(b, BYTES_LIT("sekimori_mission{id=\"")));
            TRY(put_word(b, doc_text(m, "id", "")));
            TRY(buffer_fmt(b, "\",sekimori_mission=\"%s\"} %d\n", states[i], strcmp(doc_text(m, "state", ""), states[i]) == 0));
        }
    return DONE;
}

outcome get_metrics(struct service *s, struct request *q)
{
    q->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    TRY(put_counts(s, &q->body));
    TRY(put_causes(s, q, &q->body));
    TRY(put_state(s, q, &q->body));
    return buffer_put(&q->body, BYTES_LIT("# EOF\n"));
}
