#include "base/test.h"
#include "gate/upgrade.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define HOST "Host: sekimori.example:8884\r\n"
#define WS "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define MQTT "Sec-WebSocket-Protocol: mqtt\r\n"

static const struct {
    const char *claim, *in;
    int status; /* 0: more bytes are needed */
} rows[] = {
    { "the usual", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "\r\n", 101 },
    { "words in any case, lists", "GET /mqtt HTTP/1.1\r\n" HOST "upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n" KEY "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n", 101 },
    { "this door's own page", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Origin: https://sekimori.example:8884\r\n\r\n", 101 },
    { "half a head", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY, 0 },
    { "another origin", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Origin: https://evil.example\r\n\r\n", 403 },
    { "an origin that only begins so", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Origin: https://sekimori.example:8884.evil\r\n\r\n", 403 },
    { "a page without protection", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Origin: http://sekimori.example:8884\r\n\r\n", 403 },
    { "no page at all", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Origin: null\r\n\r\n", 403 },
    { "two origins", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Origin: https://sekimori.example:8884\r\nOrigin: https://a\r\n\r\n", 403 },
    { "another path", "GET / HTTP/1.1\r\n" HOST WS KEY MQTT "\r\n", 404 },
    { "another method", "POST /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "\r\n", 405 },
    { "not for a WebSocket", "GET /mqtt HTTP/1.1\r\n" HOST "\r\n", 426 },
    { "another version", "GET /mqtt HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n" KEY MQTT "\r\n", 426 },
    { "no key", "GET /mqtt HTTP/1.1\r\n" HOST WS MQTT "\r\n", 400 },
    { "two keys", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY KEY MQTT "\r\n", 400 },
    { "a key of 15 bytes", "GET /mqtt HTTP/1.1\r\n" HOST WS "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n" MQTT "\r\n", 400 },
    { "no subprotocol", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY "\r\n", 400 },
    { "another subprotocol", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY "Sec-WebSocket-Protocol: chat\r\n\r\n", 400 },
    { "a body", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Content-Length: 1\r\n\r\nx", 413 },
    { "bare line feeds", "GET /mqtt HTTP/1.1\n" HOST "\n", 400 },
    { "chunks and a length", "GET /mqtt HTTP/1.1\r\n" HOST WS KEY MQTT "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400 },
};

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer answer = BUFFER(8192);
        char status[16];
        struct bytes in = bytes_str(rows[i].in);
        struct front_step s = upgrade_take(in, true, &answer);
        snprintf(status, sizeof status, "HTTP/1.1 %d ", rows[i].status);
        printf("# %s\n", rows[i].claim);
        CHECK(s.does == (rows[i].status == 101 ? FRONT_FORWARD : rows[i].status ? FRONT_REFUSE : FRONT_WAIT));
        CHECK(rows[i].status ? bytes_starts(buffer_view(&answer), bytes_str(status)) : answer.n == 0);
        CHECK(rows[i].status != 101 || s.n == in.n);
        buffer_deinit(&answer);
    }
    /* RFC 6455, 1.3: the example's accept value. */
    struct buffer answer = BUFFER(8192);
    CHECK(upgrade_take(bytes_str(rows[0].in), true, &answer).does == FRONT_FORWARD);
    CHECK_OK(buffer_put(&answer, bytes_of("", 1)));
    CHECK(strstr((const char *)answer.at, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != NULL);
    CHECK(strstr((const char *)answer.at, "Sec-WebSocket-Protocol: mqtt\r\n") != NULL);
    buffer_deinit(&answer);
    /* Never more than the first bytes a stranger may send. */
    static uint8_t endless[FRONT_FIRST_MAX];
    struct buffer refusal = BUFFER(8192);
    memset(endless, 'a', sizeof endless);
    memcpy(endless, "GET /mqtt HTTP/1.1\r\nX: ", 23);
    CHECK(upgrade_take(bytes_of(endless, sizeof endless), true, &refusal).does == FRONT_REFUSE);
    CHECK(bytes_starts(buffer_view(&refusal), BYTES_LIT("HTTP/1.1 431 ")));
    buffer_deinit(&refusal);
    return TEST_END;
}
