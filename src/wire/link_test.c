#include "base/test.h"
#include "wire/link.h"

static struct link_up sample(void)
{
    struct link_up up = { .listener = LISTENER_EST, .source = "2001:db8::1", .has_certificate = true,
        .expired = true, .serial_n = 20, .not_after_ms = -1, .tls_version = 0x0304 };
    memset(up.key_hash, 0xA5, sizeof up.key_hash);
    memset(up.serial, 0x5A, sizeof up.serial);
    return up;
}

static bool same(const struct link_up *a, const struct link_up *b)
{
    return a->listener == b->listener && strcmp(a->source, b->source) == 0
        && a->has_certificate == b->has_certificate && a->expired == b->expired
        && memcmp(a->key_hash, b->key_hash, sizeof a->key_hash) == 0 && a->serial_n == b->serial_n
        && memcmp(a->serial, b->serial, a->serial_n) == 0 && a->not_after_ms == b->not_after_ms
        && a->tls_version == b->tls_version;
}

/* Head, then the fields; the kind and the link have to be right too. */
static outcome read_up(struct bytes in, struct link_up *ret)
{
    enum link_kind kind;
    uint32_t link;
    TRY(link_take_head(&in, &kind, &link));
    if (kind != LINK_UP || link != 0xABC00001) return REFUSE(E_CONFLICT);
    return link_take_up(in, ret);
}

static void test_up(void)
{
    uint8_t memory[256];
    struct link_up up = sample(), back = { 0 };
    for (unsigned v = 0; v < LISTENERS * 4; v++) {
        up.listener = (enum listener)(v / 4);
        up.has_certificate = v & 1;
        up.expired = v & 2;
        up.serial_n = (uint8_t)(v % 16 + 5);
        struct out o = out_of(memory, sizeof memory);
        link_put_up(&o, 0xABC00001, &up);
        CHECK_QUIET(ok(out_done(&o)));
        CHECK_QUIET(ok(read_up(out_view(&o), &back)) && same(&up, &back));
    }
    up = sample();
    memset(up.source, 'x', sizeof up.source - 1); /* as long as it gets */
    struct out o = out_of(memory, sizeof memory);
    link_put_up(&o, 0xABC00001, &up);
    CHECK_OK(read_up(out_view(&o), &back));
    CHECK(same(&up, &back));
    struct out small = out_of(memory, o.n - 1);
    link_put_up(&small, 1, &up);
    CHECK_IS(out_done(&small), E_TOO_LARGE);
}

/* The gate could be anyone: whatever it says, the core takes it or refuses it whole. */
static void test_damage(void)
{
    uint8_t memory[256];
    struct link_up up = sample(), back = { .tls_version = 77 };
    struct out o = out_of(memory, sizeof memory);
    link_put_up(&o, 0xABC00001, &up);
    for (size_t n = 0; n < o.n; n++) {
        uint8_t *copy = malloc(n + 1);
        assert(copy);
        memcpy(copy, memory, n);
        CHECK_QUIET(!ok(read_up(bytes_of(copy, n), &back)) && back.tls_version == 77);
        free(copy);
    }
    CHECK_IS(read_up(bytes_of(memory, o.n + 1), &back), E_MALFORMED);
    for (size_t at = 0; at < o.n; at++) {
        uint8_t was = memory[at];
        for (int v = 0; v < 256; v++) {
            memory[at] = (uint8_t)v;
            if (!ok(read_up(out_view(&o), &back))) continue;
            CHECK_QUIET(back.listener < LISTENERS && back.serial_n <= sizeof back.serial);
            CHECK_QUIET(strlen(back.source) < sizeof back.source);
        }
        memory[at] = was;
    }
    CHECK_OK(read_up(out_view(&o), &back));
    memory[5] = LISTENERS;
    CHECK_IS(read_up(out_view(&o), &back), E_RANGE);
    memory[5] = LISTENER_MQTT;
    memory[6] = 4; /* a flag nobody defined */
    CHECK_IS(read_up(out_view(&o), &back), E_MALFORMED);
}

/* Only kinds in the table pass, with any link. */
static void test_heads(void)
{
    size_t known = 0;
    for (unsigned k = 0; k < 256; k++) {
        uint8_t memory[5] = { (uint8_t)k, 0xFF, 0xFF, 0xFF, 0xFE };
        struct bytes in = bytes_of(memory, sizeof memory);
        enum link_kind kind;
        uint32_t link = 0;
        if (!ok(link_take_head(&in, &kind, &link))) {
            CHECK_QUIET(in.n == sizeof memory); /* nothing taken */
            continue;
        }
        known++;
        CHECK_QUIET(in.n == 0 && link == 0xFFFFFFFE && (unsigned)kind == k);
        struct out o = out_of(memory, sizeof memory);
        link_put_head(&o, kind, link);
        CHECK_QUIET(ok(out_done(&o)) && memory[0] == k && memory[4] == 0xFE);
    }
    CHECK(known == 6 + 6 + 5);
}

static void test_words(void)
{
    for (int i = 0; i < LINK_REFUSAL_COUNT; i++)
        for (int k = 0; k < i; k++)
            CHECK_QUIET(strcmp(link_refusal_word((enum link_refusal)i),
                               link_refusal_word((enum link_refusal)k)) != 0);
    CHECK(strcmp(link_refusal_word(LINK_TOKEN), "wrong-token") == 0);
    CHECK(strcmp(link_refusal_word((enum link_refusal)LINK_REFUSAL_COUNT), "?") == 0);
}

static void test_keys(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "192.0.2.7", "192.0.2.7" },
        { "127.0.0.1", "127.0.0.1" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "2001:db8:1:2::9", "2001:db8:1:2::/64" },
        { "::1", "::/64" },
        { "", "" },
        { "not an address", "not an address" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[LINK_ADDRESS_MAX];
        link_source_key(rows[i].text, key);
        CHECK(strcmp(key, rows[i].want) == 0);
    }
    char longest[LINK_ADDRESS_MAX + 40], key[LINK_ADDRESS_MAX];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    link_source_key(longest, key);
    CHECK(strlen(key) == LINK_ADDRESS_MAX - 1);
}

int main(void)
{
    test_keys();
    test_up();
    test_damage();
    test_heads();
    test_words();
    return TEST_END;
}
