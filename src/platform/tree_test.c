/* The tree against the plain matcher: every filter and topic of a small alphabet, and 10,000 filters. */
#include "platform/exchange_fixture.h"

static const char *const levels[] = { "a", "b", "", "+", "#", "$x" };

static size_t paths(char out[][16], bool filters)
{
    size_t n = 0;
    for (int i = 0; i < 6 * 7 * 7; i++) {
        int l[3] = { i % 6, i / 6 % 7, i / 42 };
        if (l[1] == 6 && l[2] != 6) continue;
        char text[16];
        snprintf(text, sizeof text, "%s%s%s%s%s", levels[l[0]], l[1] < 6 ? "/" : "", l[1] < 6 ? levels[l[1]] : "",
            l[2] < 6 ? "/" : "", l[2] < 6 ? levels[l[2]] : "");
        struct bytes b = bytes_str(text);
        if (filters ? mqtt_filter_valid(b) : mqtt_topic_valid(b)) memcpy(out[n++], text, sizeof text);
    }
    return n;
}

struct seen {
    uint32_t node;
    size_t n;
};

static void visit(void *ctx, uint32_t node)
{
    struct seen *s = ctx;
    s->n += node == s->node;
}

static void against_the_matcher(void)
{
    static char filters[320][16], topics[320][16];
    size_t nf = paths(filters, true), nt = paths(topics, false);
    CHECK(nf > 80 && nt > 40);
    struct tree f, t;
    CHECK_OK(tree_init(&f, 4096));
    CHECK_OK(tree_init(&t, 4096));
    uint32_t node;
    for (size_t i = 0; i < nf; i++) CHECK_QUIET(ok(tree_put(&f, bytes_str(filters[i]), &node)));
    for (size_t i = 0; i < nt; i++) CHECK_QUIET(ok(tree_put(&t, bytes_str(topics[i]), &node)));
    size_t wrong = 0, hits = 0;
    for (size_t i = 0; i < nf; i++) {
        for (size_t k = 0; k < nt; k++) {
            struct bytes filter = bytes_str(filters[i]), topic = bytes_str(topics[k]);
            size_t want = mqtt_matches(filter, topic);
            struct seen by_topic = { tree_find(&f, filter), 0 }, by_filter = { tree_find(&t, topic), 0 };
            tree_match_topic(&f, topic, visit, &by_topic);
            tree_match_filter(&t, filter, visit, &by_filter);
            wrong += by_topic.n != want || by_filter.n != want;
            hits += want;
        }
    }
    CHECK(wrong == 0 && hits > 500);
    tree_deinit(&f);
    tree_deinit(&t);
}

static void trimmed(void)
{
    struct tree t;
    uint32_t node[100];
    char path[64];
    CHECK_OK(tree_init(&t, 1000));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(path, sizeof path, "a/%d/+/%d/#", i % 10, i);
            CHECK_QUIET(ok(tree_put(&t, bytes_str(path), &node[i])));
            t.nodes[node[i]].head = (uint32_t)i;
        }
        for (int i = 0; i < 100; i++) {
            t.nodes[node[i]].head = NONE;
            tree_trim(&t, node[i]);
        }
        CHECK(t.nodes[0].first_child == NONE && t.children.n == 0);
    }
    CHECK(t.n < 330); /* used again, not grown */
    tree_deinit(&t);
    CHECK_OK(tree_init(&t, 4));
    CHECK_OK(tree_put(&t, BYTES_LIT("a/b"), &node[0]));
    t.nodes[node[0]].head = 1;
    CHECK_IS(tree_put(&t, BYTES_LIT("c/d/e"), &node[1]), E_FULL);
    CHECK(tree_find(&t, BYTES_LIT("c")) == NONE && tree_find(&t, BYTES_LIT("a/b")) == node[0]); /* nothing left behind */
    tree_deinit(&t);
}

static void visit_count(void *ctx, uint32_t node)
{
    (void)node;
    (*(size_t *)ctx)++;
}

/* 20,000 filters: a topic touches a handful of nodes, not all of them. */
static void many(void)
{
    struct tree t;
    uint32_t node;
    char path[64];
    size_t seen = 0;
    CHECK_OK(tree_init(&t, 200000));
    for (int i = 0; i < 20000; i++) {
        snprintf(path, sizeof path, "sk/v1/w/d-%d/cmd/#", i);
        CHECK_QUIET(ok(tree_put(&t, bytes_str(path), &node)));
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(path, sizeof path, "sk/v1/w/d-%d/cmd/pump", i);
        tree_match_topic(&t, bytes_str(path), visit_count, &seen);
    }
    CHECK(seen == 20000);
    tree_deinit(&t);
}

struct met {
    uint32_t nodes[64];
    size_t n;
};

static void meet(void *ctx, uint32_t node)
{
    struct met *m = ctx;
    if (m->n < 64) m->nodes[m->n++] = node;
}

/* Filters come and go, topics repeat: what the memo says is what the walk says, in its order. */
static void test_memo(void)
{
    static const char *const filters[] = { "a/b", "a/+", "#", "a/#", "+/b", "+/+", "a/b/#", "x/y", "a/b/c", "$SYS/#", "+/#", "a/b/+" };
    static const char *const topics[] = { "a/b", "a/c", "x/y", "a/b/c", "$SYS/x", "q", "a",
        "a/long/topic/of/many/levels/that/no/row/of/the/memo/can/hold/because/it/is/longer/than/a/row/takes" };
    enum { FILTERS = sizeof filters / sizeof *filters, TOPICS = sizeof topics / sizeof *topics };
    struct tree t;
    uint32_t node[FILTERS];
    bool there[FILTERS] = { false };
    uint32_t dice = 7;
    unsigned wrong = 0, many = 0;
    CHECK_OK(tree_init(&t, 4096));
    CHECK_OK(tree_memo_init(&t));
    for (int round = 0; round < 4000; round++) {
        dice = dice * 1103515245u + 12345u;
        size_t f = (dice >> 16) % FILTERS;
        if (dice >> 30 == 0 && !there[f]) {
            CHECK_QUIET(ok(tree_put(&t, bytes_str(filters[f]), &node[f])));
            t.nodes[node[f]].head = 1;
            there[f] = true;
        } else if (dice >> 30 == 1 && there[f]) {
            t.nodes[node[f]].head = NONE;
            tree_trim(&t, node[f]);
            there[f] = false;
        }
        struct met walk = { .n = 0 }, again = { .n = 0 };
        struct bytes topic = bytes_str(topics[(dice >> 8) % TOPICS]);
        tree_match_topic(&t, topic, meet, &walk);
        tree_match_again(&t, topic, meet, &again);
        many += walk.n > 7;
        wrong += walk.n != again.n || memcmp(walk.nodes, again.nodes, walk.n * sizeof *walk.nodes) != 0;
    }
    CHECK(wrong == 0 && many > 0);
    tree_deinit(&t);
}

int main(void)
{
    against_the_matcher();
    trimmed();
    many();
    test_memo();
    return TEST_END;
}
