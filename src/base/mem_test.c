#include "base/mem.h"
#include "base/test.h"

int main(void)
{
    struct arena a = ARENA(100000);
    char *t = arena_text(&a, BYTES_LIT("hello"));
    CHECK(t && strcmp(t, "hello") == 0);
    CHECK(((uintptr_t)arena_new(&a, 3) & 15) == 0);
    CHECK(arena_new(&a, 60000) != NULL);
    CHECK(arena_new(&a, 60000) == NULL);
    CHECK(arena_new(&a, SIZE_MAX - 3) == NULL);
    arena_deinit(&a);

    struct buffer b = BUFFER(10);
    CHECK_OK(buffer_put(&b, BYTES_LIT("12345678")));
    CHECK_IS(buffer_put(&b, BYTES_LIT("123")), E_TOO_LARGE);
    CHECK(b.n == 8);
    buffer_drop(&b, 6);
    CHECK(bytes_equal_str(buffer_view(&b), "78"));
    CHECK_OK(buffer_fmt(&b, "%d", 42));
    CHECK(bytes_equal_str(buffer_view(&b), "7842"));
    CHECK_IS(buffer_fmt(&b, "%s", "1234567"), E_TOO_LARGE);
    mem_fail_at(1);
    struct buffer c = BUFFER(10);
    CHECK_IS(buffer_put(&c, BYTES_LIT("1")), E_MEMORY);
    mem_fail_at(0);
    buffer_deinit(&b);

    struct secret s;
    CHECK_OK(secret_init(&s, 32));
    secret_deinit(&s);
    CHECK(s.at == NULL);
    return TEST_END;
}
