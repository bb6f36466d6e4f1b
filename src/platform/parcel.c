/* Messages in views (cargo) and kept (parcels). What travels with a message and what does not is decided here. */
#include "platform/derived.h"
#include "platform/exchange_internal.h"

#define HAS(name) ((uint64_t)1 << MQTT_HAS_##name)
#define PASSED (HAS(payload_format) | HAS(content_type) | HAS(response_topic) | HAS(correlation))

/* Names that only the site itself may write. */
static bool reserved(struct bytes name)
{
    static const char *const names[] = { "sk-flag", "sk-hold", "sk-label", "sk-stale-since", "sk-source",
        "sk-reduced", DERIVED_BY, DERIVED_INPUTS };
    if (!bytes_starts(name, BYTES_LIT("sk-"))) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_equal_str(name, names[i])) return true;
    return false;
}

/* Of these, what the record keeps as it was: the rest is said anew. */
static bool lasting(struct bytes name)
{
    return reserved(name) && !bytes_equal_str(name, "sk-hold") && !bytes_equal_str(name, "sk-label") && !bytes_equal_str(name, "sk-reduced");
}

static bool has_own(const struct mqtt_properties *p, struct bytes name)
{
    for (size_t i = 0; i < p->users; i++)
        if (bytes_equal(p->user[i].name, name)) return true;
    return false;
}

/* The site's own word must get through: over the bound of user properties it takes the publisher's last one's place. */
static void set_own(struct mqtt_properties *p, struct bytes name, struct bytes value)
{
    size_t at = 0;
    while (at < p->users && !bytes_equal(p->user[at].name, name)) at++;
    if (at == MQTT_USER_PROPERTIES_MAX)
        for (at--; at && reserved(p->user[at].name); ) at--;
    p->user[at] = (struct mqtt_user) { name, value };
    if (at == p->users) p->users++;
}

/* The label travels with what a declared stream carries, as it is declared now; a publisher's own word never does. */
static void set_label(const struct exchange *x, struct cargo *c)
{
    if (c->stream && !x->access->open) /* the lab declares one stream for all it is given, and hands it on unaltered */
        set_own(&c->out.properties, BYTES_LIT("sk-label"), bytes_str(label_word(label_of(c->stream))));
}

static void copy_properties(struct mqtt_properties *to, const struct mqtt_properties *p, bool ours)
{
    /* MQTT 5, 3.3.2-4, 3.3.2-15, 3.3.2-16, 3.3.2-17, 3.3.2-18 and 3.3.2-20: unaltered, in their order, but for
     * the names reserved here */
    to->has = p->has & PASSED;
    to->payload_format = p->payload_format;
    to->content_type = p->content_type;
    to->response_topic = p->response_topic;
    to->correlation = p->correlation;
    for (size_t i = 0; i < p->users; i++)
        if (!reserved(p->user[i].name) || (ours && lasting(p->user[i].name))) to->user[to->users++] = p->user[i];
}

static void set_expiry(struct exchange *x, struct cargo *c, uint32_t expiry_s)
{
    c->expiry_s = expiry_s;
    c->expires_ms = mono(x) + (int64_t)expiry_s * 1000;
}

/* Every field but the room for user properties, which is large and mostly not used. */
static void cargo_begin(struct cargo *c, enum path path)
{
    memset(c, 0, offsetof(struct cargo, out));
    mqtt_publish_begin(&c->out);
    c->path = path;
    c->source = (struct handle) { NONE, 0 };
    c->index = NO_INDEX;
}

/* A command of a declared stream lives no longer than its stream says, whatever its sender wishes. */
static uint32_t within(const struct cargo *c, uint32_t expiry_s)
{
    return c->command && c->stream && expiry_s > c->stream->expiry_s ? c->stream->expiry_s : expiry_s;
}

/* ours: what the site wrote on it itself is to be believed. */
static void from_message(struct exchange *x, struct cargo *c, const struct message *m, enum path path, bool ours)
{
    cargo_begin(c, path);
    c->m = *m;
    c->expires_ms = NEVER;
    const struct mqtt_properties *p = m->properties;
    if (p) copy_properties(&c->out.properties, p, ours);
    c->out.topic = m->topic;
    c->out.payload = m->payload;
    c->m.properties = &c->out.properties;
    c->command = access_is_command(x->access, m->topic, &c->stream);
    set_label(x, c);
    if (p && mqtt_has(p, MQTT_HAS_message_expiry_s)) set_expiry(x, c, within(c, p->message_expiry_s));
    else if (c->command) set_expiry(x, c, c->stream ? c->stream->expiry_s : COMMAND_EXPIRY_S);
    if (m->flagged && (!ours || !has_own(&c->out.properties, BYTES_LIT("sk-flag")))) cargo_flag(c, m->flag_word);
}

void cargo_from_message(struct exchange *x, struct cargo *c, const struct message *m, enum path path)
{
    from_message(x, c, m, path, m->from == NULL);
}

void cargo_from_parcel(struct exchange *x, struct cargo *c, struct parcel *p, enum path path)
{
    cargo_begin(c, path);
    c->expires_ms = p->expires_ms;
    c->expiry_s = p->expiry_s;
    c->command = p->command;
    c->released = p->released;
    c->approved = p->approved;
    c->kept = parcel_share(p);
    c->m = (struct message) { .from = p->from, .topic = p->topic, .payload = p->payload, .qos = p->qos, .retain = p->retain };
    struct mqtt_properties *to = &c->out.properties;
    to->has = p->has;
    to->payload_format = p->payload_format;
    to->content_type = p->content_type;
    to->response_topic = p->response_topic;
    to->correlation = p->correlation;
    to->users = p->users;
    if (p->users) memcpy(to->user, p->user, p->users * sizeof *p->user);
    c->m.properties = to;
    c->out.topic = p->topic;
    c->out.payload = p->payload;
    (void)access_is_command(x->access, p->topic, &c->stream);
    set_label(x, c);
    if (p->flagged) cargo_flag(c, p->flag_word);
}

/* As it was when it was recorded: its time has run since. */
void cargo_from_recorded(struct exchange *x, struct cargo *c, const struct recorded *r, uint64_t index, enum path path)
{
    from_message(x, c, &r->m, path, true);
    c->index = index;
    if (c->expires_ms == NEVER) return;
    int64_t since_ms = wall(x) - r->at_ms;
    c->expires_ms -= since_ms > 0 ? since_ms : 0;
}

void cargo_expiry(struct exchange *x, const struct cargo *c, struct mqtt_properties *p)
{
    if (c->expires_ms == NEVER) return;
    int64_t left_ms = c->expires_ms - mono(x); /* MQTT 5, 3.3.2-6: less the time it waited here */
    p->has |= HAS(message_expiry_s);
    p->message_expiry_s = left_ms > 0 ? (uint32_t)((left_ms + 999) / 1000) : 0;
}

void cargo_flag(struct cargo *c, const char *word)
{
    c->m.flagged = true;
    c->m.flag_word = word;
    set_own(&c->out.properties, BYTES_LIT("sk-flag"), bytes_str(word ? word : "flagged"));
}

void cargo_own_list(struct mqtt_properties *p, struct bytes name, struct bytes value)
{
    set_own(p, name, value);
}

void cargo_own(struct cargo *c, struct bytes name, struct bytes value)
{
    set_own(&c->out.properties, name, value);
}

void cargo_replace(struct exchange *x, struct cargo *c, struct bytes payload)
{
    c->out.properties.has = 0;
    c->out.properties.users = 0;
    c->m.payload = c->out.payload = payload;
    c->m.session = NULL;
    set_label(x, c);
}

static struct bytes store(struct out *o, struct bytes b)
{
    struct bytes mine = bytes_of(o->at + o->n, b.n);
    put(o, b);
    return mine;
}

struct parcel *cargo_keep(struct exchange *x, struct cargo *c)
{
    if (c->kept) return c->kept;
    const struct mqtt_properties *p = &c->out.properties;
    size_t n = c->m.topic.n + c->m.payload.n + p->content_type.n + p->response_topic.n + p->correlation.n;
    for (size_t i = 0; i < p->users; i++) n += p->user[i].name.n + p->user[i].value.n;
    size_t head = sizeof(struct parcel) + p->users * sizeof(struct mqtt_user);
    if (x->kept_bytes + head + n > KEPT_BYTES_MAX) return NULL;
    struct parcel *k = mem_new(head + n);
    if (!k) return NULL;
    struct out o = out_of((uint8_t *)k + head, n);
    k->refs = 1;
    k->size = head + n;
    k->from = c->m.from;
    k->flagged = c->m.flagged;
    k->flag_word = c->m.flag_word;
    k->expires_ms = c->expires_ms;
    k->expiry_s = c->expiry_s;
    k->qos = c->m.qos;
    k->retain = c->m.retain;
    k->command = c->command;
    k->released = c->released;
    k->approved = c->approved;
    k->has = p->has;
    k->payload_format = p->payload_format;
    k->topic = store(&o, c->m.topic);
    k->payload = store(&o, c->m.payload);
    k->content_type = store(&o, p->content_type);
    k->response_topic = store(&o, p->response_topic);
    k->correlation = store(&o, p->correlation);
    k->users = p->users;
    for (size_t i = 0; i < p->users; i++)
        k->user[i] = (struct mqtt_user) { store(&o, p->user[i].name), store(&o, p->user[i].value) };
    assert(!o.over);
    x->kept_bytes += k->size;
    c->kept = k;
    return k;
}

void cargo_done(struct exchange *x, struct cargo *c)
{
    if (c->kept) parcel_drop(x, c->kept);
    c->kept = NULL;
}

struct parcel *parcel_share(struct parcel *p)
{
    p->refs++;
    return p;
}

void parcel_drop(struct exchange *x, struct parcel *p)
{
    assert(p->refs > 0);
    if (--p->refs) return;
    x->kept_bytes -= p->size;
    mem_free(p);
}
