#include "base/map.h"

#include "base/mem.h"
#include "base/test.h"

enum { MANY = 5000 };

static struct bytes key_of(char *text, int i)
{
    struct out o = out_of(text, 16);
    put_fmt(&o, "key-%d", i);
    return out_view(&o);
}

int main(void)
{
    static int values[MANY];
    char text[16];
    struct map m = MAP;
    CHECK(map_get(&m, BYTES_LIT("a")) == NULL);
    for (int i = 0; i < MANY; i++) CHECK_QUIET(ok(map_put(&m, key_of(text, i), &values[i])));
    CHECK(m.n == MANY);
    for (int i = 0; i < MANY; i++) CHECK_QUIET(map_get(&m, key_of(text, i)) == &values[i]);
    for (int i = 0; i < MANY; i += 2) CHECK_QUIET(map_take(&m, key_of(text, i)) == &values[i]);
    CHECK(m.n == MANY / 2);
    for (int i = 0; i < MANY; i++)
        CHECK_QUIET(map_get(&m, key_of(text, i)) == (i % 2 ? (void *)&values[i] : NULL));
    CHECK_OK(map_put(&m, key_of(text, 1), &values[0]));
    CHECK(map_get(&m, key_of(text, 1)) == &values[0] && m.n == MANY / 2);
    size_t at = 0, seen = 0;
    struct bytes key;
    void *value;
    while (map_next(&m, &at, &key, &value)) seen++;
    CHECK(seen == m.n);
    CHECK(map_take(&m, BYTES_LIT("absent")) == NULL);
    map_deinit(&m);
    mem_fail_at(1);
    CHECK_IS(map_put(&m, BYTES_LIT("a"), &values[0]), E_MEMORY);
    mem_fail_at(0);
    map_deinit(&m);
    return TEST_END;
}
