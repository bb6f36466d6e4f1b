/* Server-sent events: the newest readings kept for the page, and what happens pushed to open pages. The
 * exchange is heard through a tap; before a byte goes to a page its reader is judged at the same egress (reader_sees). */
#include <stdio.h>

#include "service/internal.h"

enum { PING_MS = 15000, READINGS_OF_ONE_MAX = 256 };

static MUST outcome frame(const char *event, struct bytes data, struct buffer *b)
{
    b->n = 0;
    TRY(buffer_fmt(b, "event: %s\ndata: ", event));
    TRY(buffer_put(b, data));
    return buffer_put(b, BYTES_LIT("\n\n"));
}

static bool anybody(const struct service *s)
{
    for (size_t i = 0; i < SERVICE_LINKS_MAX; i++)
        if (s->streams[i].live) return true;
    return false;
}

/* To everybody who has a page open. */
void service_event(struct service *s, const char *event, const struct doc *d)
{
    struct buffer b = BUFFER(1u << 20), f = BUFFER(1u << 20);
    if (!anybody(s)) return;
    bool good = ok(doc_write_json(d, &b)) && ok(frame(event, buffer_view(&b), &f));
    for (size_t i = 0; good && i < SERVICE_LINKS_MAX; i++)
        if (s->streams[i].live) s->port.push(s->port.ctx, s->streams[i].link, buffer_view(&f));
    buffer_deinit(&b);
    buffer_deinit(&f);
}

outcome handle_events(struct service *s, struct request *q)
{
    for (size_t i = 0; i < SERVICE_LINKS_MAX; i++) {
        if (s->streams[i].live) continue;
        s->streams[i].live = true;
        s->streams[i].link = q->link;
        s->streams[i].next_ping_ms = s->port.mono_ms(s->port.ctx) + PING_MS;
        s->streams[i].reader = reader_of(q);
        s->streams[i].token = q->caller->kind == CALLER_TOKEN;
        memcpy(s->streams[i].session, q->caller->session, sizeof s->streams[i].session);
        snprintf(s->streams[i].name, sizeof s->streams[i].name, "%s", q->caller->token);
        q->stream = true;
        return answer_text(q, "text/event-stream", BYTES_LIT(": open\n\n"));
    }
    return answer_problem(q, 503, "SK-1501", "too many open pages", NULL);
}

static bool over(struct service *s, size_t i)
{
    if (!s->streams[i].token) return !session_by_hash(s, s->streams[i].session);
    const struct token *t = users_token_named(s->port.users, s->streams[i].name);
    const struct user *who = t ? users_find(s->port.users, t->user) : NULL;
    return !who || who->revoked || t->revoked || t->until_ms <= s->port.wall_ms(s->port.ctx);
}

void events_sweep(struct service *s)
{
    for (size_t i = 0; i < SERVICE_LINKS_MAX; i++) {
        if (!s->streams[i].live || !over(s, i)) continue;
        s->streams[i].live = false;
        s->port.close(s->port.ctx, s->streams[i].link);
    }
}

void service_link_down(struct service *s, uint32_t link)
{
    for (size_t i = 0; i < SERVICE_LINKS_MAX; i++)
        if (s->streams[i].live && s->streams[i].link == link) s->streams[i].live = false;
    hashing_forget(s->hashing, link);
}

int service_turn(struct service *s)
{
    int64_t now = s->port.mono_ms(s->port.ctx);
    sign_in_turn(s);
    events_sweep(s);
    for (size_t i = 0; i < SERVICE_LINKS_MAX; i++) {
        if (!s->streams[i].live || now < s->streams[i].next_ping_ms) continue;
        s->streams[i].next_ping_ms = now + PING_MS;
        s->port.push(s->port.ctx, s->streams[i].link, BYTES_LIT(": ping\n\n"));
    }
    return anybody(s) ? PING_MS / 3 : -1;
}

/* ---- newest readings ---- */

static size_t readings_of(const struct service *s, const char *from)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_readings; i++) n += strcmp(s->readings[i].from, from) == 0;
    return n;
}

/* One source has its share of the table: whoever makes up topics takes no place of the others'. */
static struct reading *reading_find(struct service *s, struct bytes topic, const char *from)
{
    struct reading *r = map_get(&s->reading_of, topic);
    if (r || s->n_readings == SERVICE_READINGS_MAX || topic.n > MQTT_TOPIC_MAX) return r;
    if (readings_of(s, from) >= READINGS_OF_ONE_MAX) return NULL;
    r = &s->readings[s->n_readings];
    if (!ok(bytes_to_text(topic, r->topic, sizeof r->topic)) || !ok(map_put(&s->reading_of, topic, r))) return NULL;
    s->n_readings++;
    return r;
}

static MUST outcome reading_frame(const struct reading *r, const char *payload, bool reduced, struct buffer *ret)
{
    struct arena a = ARENA(16384);
    struct buffer b = BUFFER(1u << 16);
    struct doc *d = doc_map(&a);
    char at[TIME_TEXT];
    time_text(r->at_ms, at);
    doc_set_text(&a, d, "topic", r->topic);
    doc_set_text(&a, d, "from", r->from);
    doc_set_text(&a, d, "payload", payload);
    doc_set_bool(&a, d, "flagged", r->flagged);
    if (reduced) doc_set_bool(&a, d, "reduced", true);
    doc_set_text(&a, d, "at", at);
    outcome o = doc_write_json(d, &b);
    if (ok(o)) o = frame("reading", buffer_view(&b), ret);
    buffer_deinit(&b);
    arena_deinit(&a);
    return o;
}

/* To those who may see it, each in the form he may see. */
static void push_reading(struct service *s, const struct reading *r, const struct message *m)
{
    struct buffer whole = BUFFER(1u << 16), other = BUFFER(1u << 16);
    bool good = ok(reading_frame(r, r->value, false, &whole));
    for (size_t i = 0; good && i < SERVICE_LINKS_MAX; i++) {
        struct message shown;
        char text[sizeof r->value];
        if (!s->streams[i].live || !reader_sees(s, &s->streams[i].reader, m, false, &shown)) continue;
        bool reduced = shown.payload.at != m->payload.at;
        if (reduced && (!ok(bytes_to_text(shown.payload, text, sizeof text)) || !ok(reading_frame(r, text, true, &other)))) continue;
        s->port.push(s->port.ctx, s->streams[i].link, buffer_view(reduced ? &other : &whole));
    }
    buffer_deinit(&whole);
    buffer_deinit(&other);
}

static void on_message(void *ctx, const struct message *m, const struct verdict *v)
{
    struct service *s = ctx;
    const char *from = m->from ? m->from->id : "";
    struct reading *r = reading_find(s, m->topic, from);
    (void)v;
    if (!r) return;
    bool text = bytes_is_utf8(m->payload) && ok(bytes_to_text(m->payload, r->value, sizeof r->value));
    if (!text) r->value[0] = 0;
    snprintf(r->from, sizeof r->from, "%s", from);
    r->at_ms = s->port.wall_ms(s->port.ctx);
    r->flagged = m->flagged;
    if (anybody(s)) push_reading(s, r, m);
}

outcome events_open(struct service *s)
{
    static const char *const classes[] = { "m", "e", "a", "s" };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        char filter[160];
        uint32_t tap;
        snprintf(filter, sizeof filter, "sk/v1/%s/+/%s/#", s->port.site, classes[i]);
        TRY(exchange_tap_new(s->port.exchange, NULL, bytes_str(filter), on_message, s, &tap));
    }
    return DONE;
}
