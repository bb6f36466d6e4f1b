/* Topic names and filters (MQTT 5, 4.7 and 4.8.2). What may be read or written hangs on these, so
 * they are small, iterative, and tested against every short filter and topic. */
#include "wire/mqtt.h"

/* Walks levels; "a//b" has three, "" has one. */
struct levels {
    struct bytes rest;
    bool more;
};

static struct levels levels_of(struct bytes text)
{
    return (struct levels) { text, true };
}

static bool level_next(struct levels *l, struct bytes *ret)
{
    if (!l->more) return false;
    const uint8_t *slash = l->rest.n ? memchr(l->rest.at, '/', l->rest.n) : NULL;
    size_t n = slash ? (size_t)(slash - l->rest.at) : l->rest.n;
    *ret = bytes_of(l->rest.at, n);
    l->more = slash;
    if (slash) l->rest = bytes_of(slash + 1, l->rest.n - n - 1);
    return true;
}

static bool is_one(struct bytes level, char c)
{
    return level.n == 1 && level.at[0] == (uint8_t)c;
}

static bool has_wildcard(struct bytes b)
{
    return b.n && (memchr(b.at, '+', b.n) || memchr(b.at, '#', b.n));
}

static bool starts_dollar(struct bytes b)
{
    return b.n && b.at[0] == '$';
}

/* MQTT 5, 4.7.3-1, 4.7.3-2 and 4.7.3-3: at least one character, UTF-8 without U+0000, at most 65,535 bytes. */
static bool text_formed(struct bytes b)
{
    return b.n > 0 && b.n <= UINT16_MAX && bytes_is_utf8(b);
}

size_t mqtt_levels(struct bytes text)
{
    size_t levels = 1;
    for (size_t i = 0; i < text.n; i++) levels += text.at[i] == '/';
    return levels;
}

/* Our bounds, which are narrower. */
static bool fits(struct bytes b)
{
    return b.n <= MQTT_TOPIC_MAX && mqtt_levels(b) <= MQTT_LEVELS_MAX;
}

bool mqtt_topic_formed(struct bytes topic)
{
    return text_formed(topic) && !has_wildcard(topic); /* MQTT 5, 3.3.2-2 and 4.7.0-1 */
}

bool mqtt_topic_valid(struct bytes topic)
{
    return mqtt_topic_formed(topic) && fits(topic);
}

/* MQTT 5, 4.8.2-1 and 4.8.2-2: $share/name/filter. false when it is shared but broken. */
static bool share_strip(struct bytes *filter)
{
    if (!bytes_starts(*filter, BYTES_LIT("$share/")) && !bytes_equal_str(*filter, "$share"))
        return true;
    struct levels l = levels_of(*filter);
    struct bytes share, name;
    if (!level_next(&l, &share) || !level_next(&l, &name)) return false;
    if (name.n == 0 || has_wildcard(name) || !l.more || l.rest.n == 0) return false;
    if (bytes_starts(l.rest, BYTES_LIT("$share/"))) return false; /* never strip twice */
    *filter = l.rest;
    return true;
}

bool mqtt_filter_formed(struct bytes filter)
{
    if (!text_formed(filter) || !share_strip(&filter)) return false;
    struct levels l = levels_of(filter);
    struct bytes level;
    while (level_next(&l, &level)) {
        if (is_one(level, '#')) return !l.more;  /* MQTT 5, 4.7.1-1: last */
        if (is_one(level, '+')) continue;        /* MQTT 5, 4.7.1-2: a whole level */
        if (has_wildcard(level)) return false;
    }
    return true;
}

bool mqtt_filter_valid(struct bytes filter)
{
    return mqtt_filter_formed(filter) && fits(filter);
}

bool mqtt_matches(struct bytes filter, struct bytes topic)
{
    if (!share_strip(&filter)) return false;
    /* MQTT 5, 4.7.3-4: byte by byte, nothing is normalised */
    /* MQTT 5, 4.7.2-1: a leading wildcard does not meet topics that begin with $ */
    if (starts_dollar(topic) && !starts_dollar(filter)) return false;
    struct levels f = levels_of(filter), t = levels_of(topic);
    struct bytes want, have;
    while (level_next(&f, &want)) {
        if (is_one(want, '#')) return !f.more; /* MQTT 5, 4.7.1.2: the parent level too */
        if (!level_next(&t, &have)) return false;
        if (!is_one(want, '+') && !bytes_equal(want, have)) return false;
    }
    return !t.more;
}

bool mqtt_covers(struct bytes outer, struct bytes inner)
{
    if (!share_strip(&outer) || !share_strip(&inner)) return false;
    if (starts_dollar(inner) && !starts_dollar(outer)) return false;
    /* every topic has a first level, so "#" means "+/#" */
    if (bytes_equal_str(inner, "#")) inner = BYTES_LIT("+/#");
    struct levels o = levels_of(outer), i = levels_of(inner);
    struct bytes want, have;
    while (level_next(&o, &want)) {
        if (is_one(want, '#')) return !o.more;
        if (!level_next(&i, &have)) return false;
        if (is_one(have, '#')) return false;
        if (!is_one(want, '+') && !bytes_equal(want, have)) return false;
    }
    return !i.more;
}
