#include "base/test.h"
#include "wire/mqtt.h"

struct text_row {
    const char *claim;
    struct bytes in;
    bool topic, filter;
};
static const struct text_row texts[] = {
    { "a plain topic", BYTES_LIT("sk/v1/site/gw/m/level"), true, true },
    { "empty", BYTES_LIT(""), false, false },
    { "a lone slash has two empty levels", BYTES_LIT("/"), true, true },
    { "empty levels", BYTES_LIT("a//b/"), true, true },
    { "spaces and case", BYTES_LIT("Accounts payable"), true, true },
    { "a dollar topic", BYTES_LIT("$SYS/broker"), true, true },
    { "one level", BYTES_LIT("+"), false, true },
    { "all levels", BYTES_LIT("#"), false, true },
    { "both", BYTES_LIT("+/tennis/#"), false, true },
    { "the rest is not last", BYTES_LIT("a/#/b"), false, false },
    { "the rest with company", BYTES_LIT("a/b#"), false, false },
    { "one level with company", BYTES_LIT("a/b+"), false, false },
    { "one level in front of company", BYTES_LIT("+b/c"), false, false },
    { "two rests", BYTES_LIT("##"), false, false },
    { "NUL", BYTES_LIT("a\0b"), false, false },
    { "broken UTF-8", BYTES_LIT("a\xff"), false, false },
    { "a surrogate", BYTES_LIT("a\xed\xa0\x80"), false, false },
    { "Japanese", BYTES_LIT("\xe6\xb0\xb4/\xe9\x81\x93"), true, true },
    { "shared", BYTES_LIT("$share/g/a/#"), false, true },
    { "shared by a group with no filter", BYTES_LIT("$share/g"), true, false },
    { "shared, empty filter", BYTES_LIT("$share/g/"), true, false },
    { "shared, empty name", BYTES_LIT("$share//a"), true, false },
    { "shared, wildcard in the name", BYTES_LIT("$share/g+/a"), false, false },
    { "shared, name is a wildcard", BYTES_LIT("$share/#"), false, false },
    { "shared alone", BYTES_LIT("$share"), true, false },
    { "shared twice", BYTES_LIT("$share/g/$share/h/a"), true, false },
    { "shared, broken filter", BYTES_LIT("$share/g/a/#/b"), false, false },
    { "not shared, only alike", BYTES_LIT("$shared/g/a"), true, true },
};

struct match_row {
    const char *filter, *topic;
    bool want;
};
static const struct match_row matches[] = {
    { "sport/tennis/player1/#", "sport/tennis/player1", true },
    { "sport/tennis/player1/#", "sport/tennis/player1/ranking", true },
    { "sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true },
    { "sport/#", "sport", true },
    { "sport/#", "sports", false },
    { "#", "anything/at/all", true },
    { "sport/tennis/+", "sport/tennis/player1", true },
    { "sport/tennis/+", "sport/tennis/player1/ranking", false },
    { "sport/+", "sport", false },
    { "sport/+", "sport/", true },
    { "+/+", "/finance", true },
    { "/+", "/finance", true },
    { "+", "/finance", false },
    { "#", "$SYS/monitor/Clients", false },
    { "+/monitor/Clients", "$SYS/monitor/Clients", false },
    { "$SYS/#", "$SYS/monitor/Clients", true },
    { "$SYS/monitor/+", "$SYS/monitor/Clients", true },
    { "$share/g/a/+", "a/b", true },
    { "$share/g/#", "$SYS/x", false },
    { "$share/g/$SYS/#", "$SYS/x", true },
    { "a/b", "a/B", false },
    { "a", "a/", false },
    { "a/", "a", false },
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        printf("# %s\n", texts[i].claim);
        CHECK(mqtt_topic_valid(texts[i].in) == texts[i].topic);
        CHECK(mqtt_filter_valid(texts[i].in) == texts[i].filter);
    }
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
        const struct match_row *r = &matches[i];
        printf("# %s %s %s\n", r->filter, r->want ? "meets" : "does not meet", r->topic);
        CHECK(mqtt_matches(bytes_str(r->filter), bytes_str(r->topic)) == r->want);
    }
}

static void test_bounds(void)
{
    char text[MQTT_TOPIC_MAX + 1];
    memset(text, 'x', sizeof text);
    CHECK(mqtt_topic_valid(bytes_of(text, MQTT_TOPIC_MAX)));
    CHECK(!mqtt_topic_valid(bytes_of(text, MQTT_TOPIC_MAX + 1)));
    CHECK(!mqtt_filter_valid(bytes_of(text, MQTT_TOPIC_MAX + 1)));
    memset(text, '/', sizeof text);
    CHECK(mqtt_topic_valid(bytes_of(text, MQTT_LEVELS_MAX - 1)));
    CHECK(!mqtt_topic_valid(bytes_of(text, MQTT_LEVELS_MAX)));
    CHECK(mqtt_filter_valid(bytes_of(text, MQTT_LEVELS_MAX - 1)));
    CHECK(!mqtt_filter_valid(bytes_of(text, MQTT_LEVELS_MAX)));
}

#define LEVELS 4
/* The index-th string of 1..LEVELS levels out of words; false after the last. */
static bool nth(const char *const *words, size_t n_words, size_t index, char *text, size_t size)
{
    size_t depth = 1, count = n_words;
    while (index >= count) {
        index -= count;
        count *= n_words;
        if (++depth > LEVELS) return false;
    }
    struct out o = out_of(text, size);
    for (size_t k = 0; k < depth; k++, index /= n_words) {
        if (k) put_str(&o, "/");
        put_str(&o, words[index % n_words]);
    }
    put_u8(&o, 0);
    return ok(out_done(&o)) && text[0];
}

/* The standard's words, spelled out the slow way: split both, compare from the front. */
static bool slow_matches(const char *filter, const char *topic)
{
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
    while (true) {
        size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");
        if (f == 1 && *filter == '#') return true;
        bool one = f == 1 && *filter == '+';
        if (!one && (f != t || strncmp(filter, topic, f) != 0)) return false;
        bool f_more = filter[f], t_more = topic[t];
        if (!f_more && !t_more) return true;
        if (f_more && !t_more) return strcmp(filter + f, "/#") == 0;
        if (!f_more) return false;
        filter += f + 1;
        topic += t + 1;
    }
}

/* Covering means what it says, for every pair of short filters and every short topic. */
static void test_all_short(void)
{
    static const char *const filter_words[] = { "a", "+", "#", "$x", "" };
    static const char *const topic_words[] = { "a", "b", "$x", "" };
    static char filters[800][16], topics[400][16];
    size_t n_filters = 0, n_topics = 0, end = 5 + 25 + 125 + 625;
    for (size_t i = 0; i < end; i++)
        if (n_filters < 800 && nth(filter_words, 5, i, filters[n_filters], 16)
            && mqtt_filter_valid(bytes_str(filters[n_filters])))
            n_filters++;
    for (size_t i = 0; i < 4 + 16 + 64 + 256; i++)
        if (n_topics < 400 && nth(topic_words, 4, i, topics[n_topics], 16)) n_topics++;
    CHECK(n_filters > 100 && n_topics > 300);
    static uint8_t met[800][400];
    for (size_t f = 0; f < n_filters; f++)
        for (size_t t = 0; t < n_topics; t++) {
            met[f][t] = mqtt_matches(bytes_str(filters[f]), bytes_str(topics[t]));
            CHECK_QUIET(met[f][t] == slow_matches(filters[f], topics[t]));
        }
    size_t covered = 0;
    for (size_t o = 0; o < n_filters; o++) {
        for (size_t i = 0; i < n_filters; i++) {
            bool want = true, got = mqtt_covers(bytes_str(filters[o]), bytes_str(filters[i]));
            for (size_t t = 0; t < n_topics && want; t++) want = !met[i][t] || met[o][t];
            /* a filter as deep as our topics may meet none of them: no evidence either way */
            bool deep = strlen(filters[i]) && filters[i][strlen(filters[i]) - 1] == '#';
            if (got != want && !(deep && !got)) printf("# %s covers %s\n", filters[o], filters[i]);
            CHECK_QUIET(got == want || (deep && !got));
            covered += got;
        }
    }
    CHECK(covered > n_filters);
}

struct cover_row {
    const char *outer, *inner;
    bool want;
};
static const struct cover_row covers[] = {
    { "#", "#", true },           { "#", "a/#", true },      { "#", "$SYS/#", false },
    { "+/#", "#", true },         { "a/#", "a", true },      { "a/#", "a/#", true },
    { "a/+", "a/#", false },      { "a/+/#", "a/#", false }, { "a/#", "#", false },
    { "a/+/c", "a/b/c", true },   { "a/+/c", "a/+/c", true }, { "a/b/c", "a/+/c", false },
    { "a/#", "$share/g/a/b", true }, { "a/#", "$share/g/#", false }, { "a/#", "$share/g/b", false },
    { "#", "$share/g/$SYS/x", false }, { "#", "$share/g", false },
};

int main(void)
{
    test_rows();
    test_bounds();
    test_all_short();
    for (size_t i = 0; i < sizeof covers / sizeof *covers; i++) {
        const struct cover_row *r = &covers[i];
        printf("# %s %s %s\n", r->outer, r->want ? "covers" : "does not cover", r->inner);
        CHECK(mqtt_covers(bytes_str(r->outer), bytes_str(r->inner)) == r->want);
    }
    return TEST_END;
}
