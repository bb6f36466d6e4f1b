/* Which nodes a topic met the last time. Devices say the same topics again and again, and filters change rarely; one
 * change of the tree makes every row stale at once. Whoever chooses topics to push others' out costs them the walk
 * they would have had without a memo, nothing else. */
#include "platform/exchange_internal.h"

#define ROWS 1024u
#define ROW_NODES 7u
#define ROW_TOPIC 84u
#define MANY UINT8_MAX /* more nodes than a row holds: walk */

struct tree_memo {
    struct memo_row {
        uint64_t version;
        uint8_t topic_n, nodes_n;
        uint32_t nodes[ROW_NODES];
        uint8_t topic[ROW_TOPIC];
    } rows[ROWS];
};

outcome tree_memo_init(struct tree *t)
{
    t->memo = mem_new(sizeof *t->memo);
    return t->memo ? DONE : REFUSE(E_MEMORY);
}

static struct memo_row *row_of(struct tree *t, struct bytes topic)
{
    uint64_t h = topic.n, w;
    size_t i = 0;
    for (; i + sizeof w <= topic.n; i += sizeof w) {
        memcpy(&w, topic.at + i, sizeof w);
        h = (h ^ w) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 29;
    }
    for (; i < topic.n; i++) h = (h ^ topic.at[i]) * 0x100000001b3ULL;
    return &t->memo->rows[(h ^ h >> 32) % ROWS];
}

static void note(void *ctx, uint32_t node)
{
    struct memo_row *r = ctx;
    if (r->nodes_n < ROW_NODES) r->nodes[r->nodes_n++] = node;
    else r->nodes_n = MANY;
}

void tree_match_again(struct tree *t, struct bytes topic, tree_visit fn, void *ctx)
{
    if (!t->memo || topic.n > ROW_TOPIC) {
        tree_match_topic(t, topic, fn, ctx);
        return;
    }
    struct memo_row *r = row_of(t, topic);
    if (r->version != t->version || !bytes_equal(bytes_of(r->topic, r->topic_n), topic)) {
        r->version = t->version;
        r->topic_n = (uint8_t)topic.n;
        r->nodes_n = 0;
        if (topic.n) memcpy(r->topic, topic.at, topic.n);
        tree_match_topic(t, topic, note, r);
    }
    if (r->nodes_n == MANY) tree_match_topic(t, topic, fn, ctx);
    for (size_t i = 0; r->nodes_n != MANY && i < r->nodes_n; i++) fn(ctx, r->nodes[i]);
}
