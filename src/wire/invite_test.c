#include "wire/invite.h"

#include "base/test.h"

static const struct invite_url good = { .host = "h", .port = 1, .ca_key_hash = { 9, 8, 7 },
    .token = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252, 253, 254, 255 } };

static void test_there_and_back(void)
{
    static const char *const hosts[] = { "127.0.0.1", "gw.example.jp", "fd00::1", "localhost" };
    char url[INVITE_URL_MAX];
    struct invite_url got;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct invite_url u = good;
        u.port = 8444;
        snprintf(u.host, sizeof u.host, "%s", hosts[i]);
        CHECK_OK(invite_url_make(&u, url));
        printf("# %s\n", url);
        CHECK(strpbrk(strchr(url, '#'), "+/= ") == NULL);
        CHECK_OK(invite_url_read(bytes_str(url), &got));
        CHECK(strcmp(got.host, hosts[i]) == 0 && got.port == 8444);
        CHECK(memcmp(got.token, u.token, sizeof u.token) == 0 && memcmp(got.ca_key_hash, u.ca_key_hash, 32) == 0);
    }
}

static void test_cut_anywhere(void)
{
    char url[INVITE_URL_MAX];
    struct invite_url got;
    CHECK_OK(invite_url_make(&good, url));
    for (size_t n = 0; n < strlen(url); n++) CHECK_QUIET(!ok(invite_url_read(bytes_of(url, n), &got)));
}

static void test_refused(void)
{
    char url[INVITE_URL_MAX];
    struct invite_url got;
    static const struct { const char *host; uint16_t port; } to[] = { { "bad host", 8444 }, { "h/../x", 8444 }, { "", 1 }, { "h", 0 } };
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        struct invite_url u = good;
        snprintf(u.host, sizeof u.host, "%s", to[i].host);
        u.port = to[i].port;
        CHECK(!ok(invite_url_make(&u, url)));
    }
    static const char *const bad[] = { "", "http://h:1/join#A@B", "https://h/join#A@B", "https://h:0/join#A@B",
        "https://h:99999/join#A@B", "https://h:1/join", "https://h:1/join#A@B", "https://u@h:1/join#A@B" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!ok(invite_url_read(bytes_str(bad[i]), &got)));
}

int main(void)
{
    test_there_and_back();
    test_cut_anywhere();
    test_refused();
    return TEST_END;
}
