/* Topic aliases (MQTT 5, 3.3.2.3.4): of one link, in each direction its own, at most bounds.alias_in and
 * min(bounds.alias_out, what the client takes). Ours are given first come, first served, and stay. */
#include "platform/exchange_internal.h"

static void forget(struct alias *a)
{
    mem_free(a->topic);
    *a = (struct alias) { 0 };
}

static bool learn(struct alias *a, struct bytes topic)
{
    char *mine = mem_text(topic);
    if (!mine) return false;
    forget(a);
    *a = (struct alias) { mine, topic.n };
    return true;
}

static bool table(struct alias **at, uint16_t n)
{
    if (!*at) *at = mem_new_array(n, sizeof **at);
    return *at;
}

uint8_t alias_resolve(struct exchange *x, struct session *s, struct mqtt_publish *p)
{
    if (!mqtt_has(&p->properties, MQTT_HAS_topic_alias)) return p->topic.n ? 0 : MQTT_PROTOCOL_ERROR;
    uint16_t n = p->properties.topic_alias;
    if (n == 0 || n > x->bounds.alias_in) return MQTT_ALIAS_INVALID; /* MQTT 5, 3.3.2-8, 3.3.2-9 */
    /* MQTT 5, 3.3.2-12 */
    if (!table(&s->alias_in, x->bounds.alias_in)) return MQTT_QUOTA;
    s->alias_in_n = x->bounds.alias_in;
    struct alias *a = &s->alias_in[n - 1];
    if (p->topic.n) return learn(a, p->topic) ? 0 : MQTT_QUOTA;
    if (!a->topic) return MQTT_PROTOCOL_ERROR; /* MQTT 5, 3.3.4: nothing it stands for */
    p->topic = bytes_of(a->topic, a->n);
    return 0;
}

void alias_use(struct session *s, struct mqtt_publish *m, uint32_t *ret_new)
{
    *ret_new = NONE;
    m->properties.has &= ~((uint64_t)1 << MQTT_HAS_topic_alias);
    if (s->alias_out_n == 0) return;
    uint32_t at = 0;
    while (at < s->alias_out_used && !bytes_equal(bytes_of(s->alias_out[at].topic, s->alias_out[at].n), m->topic)) at++;
    if (at == s->alias_out_n) return;
    if (at == s->alias_out_used) *ret_new = at;
    else m->topic = BYTES_NONE;
    m->properties.has |= (uint64_t)1 << MQTT_HAS_topic_alias;
    m->properties.topic_alias = (uint16_t)(at + 1);
}

void alias_learn(struct session *s, uint32_t at, struct bytes topic)
{
    if (!table(&s->alias_out, s->alias_out_n)) return; /* the topic itself is sent again, which is right too */
    if (learn(&s->alias_out[at], topic)) s->alias_out_used++;
}

void alias_free(struct session *s)
{
    for (uint16_t i = 0; s->alias_in && i < s->alias_in_n; i++) forget(&s->alias_in[i]);
    for (uint16_t i = 0; s->alias_out && i < s->alias_out_n; i++) forget(&s->alias_out[i]);
    mem_free(s->alias_in);
    mem_free(s->alias_out);
    s->alias_in = s->alias_out = NULL;
    s->alias_in_n = s->alias_out_n = s->alias_out_used = 0;
}
