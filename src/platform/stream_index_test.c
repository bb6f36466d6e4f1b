/* The index says what asking every stream in order would say. */
#include "platform/stream_index.h"

#include "base/test.h"
#include "wire/mqtt.h"

enum { STREAMS = 200, ASKED = 4000 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* Levels of a few words; as a pattern with wildcards. */
static void text_of(uint64_t *seed, bool pattern, char *to, size_t size)
{
    static const char *const words[] = { "a", "b", "c", "", "$x" };
    struct out o = out_of(to, size - 1);
    uint32_t levels = 1 + draw(seed, 6);
    for (uint32_t i = 0; i < levels; i++) {
        if (i) put_u8(&o, '/');
        uint32_t kind = pattern ? draw(seed, 6) : 0;
        bool last = i + 1 == levels;
        put_str(&o, kind == 5 && last ? "#" : kind == 4 ? "+" : words[draw(seed, 5)]);
    }
    to[o.n] = 0;
}

int main(void)
{
    static struct stream streams[STREAMS];
    void *rows[STREAMS];
    uint64_t seed = 7;
    for (size_t n = 0; n <= STREAMS; n += 50) {
        struct stream_index x = { 0 };
        unsigned found = 0, wrong = 0;
        for (size_t i = 0; i < n; i++) {
            text_of(&seed, true, streams[i].pattern, sizeof streams[i].pattern);
            rows[i] = &streams[i];
        }
        CHECK_OK(stream_index_build(&x, rows, n));
        for (int k = 0; k < ASKED; k++) {
            char topic[64];
            const struct stream *want = NULL;
            text_of(&seed, false, topic, sizeof topic);
            for (size_t i = 0; i < n && !want; i++)
                if (mqtt_matches(bytes_str(streams[i].pattern), bytes_str(topic))) want = &streams[i];
            found += want != NULL;
            wrong += stream_index_find(&x, rows, bytes_str(topic)) != want;
        }
        CHECK(wrong == 0 && (n == 0 || found > ASKED / 20));
        mem_fail_at(1 + n % 100 / 50);
        CHECK_IS(stream_index_build(&x, rows, n), E_MEMORY);
        mem_fail_at(0);
        CHECK(stream_index_find(&x, rows, BYTES_LIT("a/b")) == NULL);
        stream_index_deinit(&x);
    }
    return TEST_END;
}
