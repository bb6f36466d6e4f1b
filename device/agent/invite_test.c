#include "device/agent/invite.h"

#include "base/test.h"

#define T "AQIDBAUGBwgJ-vv8_f7_AAAAAAAAAAAAAAAAAAAAAAA"
#define H "CQgHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define URL(before, after) (before T "@" H after)

int main(void)
{
    struct invitation i;
    static const char good[] = "https://gw.example.jp:8444/join#" T "@" H;
    CHECK_OK(invitation_read(bytes_str(good), &i));
    CHECK(strcmp(i.host, "gw.example.jp") == 0 && i.port == 8444 && strcmp(i.token, T) == 0);
    CHECK(i.ca_key_hash.at[0] == 9 && i.ca_key_hash.at[1] == 8 && i.ca_key_hash.at[2] == 7);
    CHECK_OK(invitation_read(bytes_str("https://[fd00::1]:8444/join#" T "@" H), &i));
    CHECK(strcmp(i.host, "fd00::1") == 0);
    size_t accepted = 0;
    for (size_t n = 0; n < sizeof good - 1; n++) accepted += ok(invitation_read(bytes_of(good, n), &i));
    CHECK(accepted == 0);
    static const char *const bad[] = { URL("http://h:1/join#", ""), URL("https://h/join#", ""),
        URL("https://:1/join#", ""), URL("https://h:0/join#", ""), URL("https://h:65536/join#", ""),
        URL("https://h\":1/join#", ""), URL("https://h:1/join#", "AA"), URL("https://h:1/join?", ""),
        ("https://h:1/join#short@" H) };
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) CHECK(!ok(invitation_read(bytes_str(bad[n]), &i)));
    return TEST_END;
}
