#include "device/agent/est.h"

#include "base/test.h"
#include "wire/http.h"

static void test_request(void)
{
    struct invitation i = { .host = "gw", .port = 8444, .token = "tok-en_" };
    struct buffer b = BUFFER(1 << 16);
    uint8_t csr[300] = { 0x30 }, ak[91] = { 0x30 };
    struct http_request r;
    CHECK_OK(est_request_write(&i, bytes_of(csr, sizeof csr), bytes_of(ak, sizeof ak), &b));
    CHECK_OK(http_read(buffer_view(&b), 8192, &r)); /* as our own server reads it */
    CHECK(bytes_equal_str(r.path, "/.well-known/est/simpleenroll") && r.body.n == 400);
    CHECK(bytes_equal_str(http_field(&r, "authorization"), "Basic ZGV2aWNlOnRvay1lbl8="));
    CHECK(http_field(&r, "sekimori-ak").n == 124);
    buffer_deinit(&b);
    struct buffer c = BUFFER(1 << 16);
    CHECK_OK(est_request_write(&i, bytes_of(csr, sizeof csr), BYTES_NONE, &c));
    CHECK_OK(http_read(buffer_view(&c), 8192, &r));
    CHECK(http_field(&r, "sekimori-ak").n == 0);
    buffer_deinit(&c);
    struct buffer again = BUFFER(1 << 16);
    i.token[0] = 0;
    CHECK_OK(est_request_write(&i, bytes_of(csr, sizeof csr), BYTES_NONE, &again));
    CHECK_OK(http_read(buffer_view(&again), 8192, &r));
    CHECK(bytes_equal_str(r.path, "/.well-known/est/simplereenroll") && http_field(&r, "authorization").n == 0 && r.body.n == 400);
    buffer_deinit(&again);
}

static void test_answer(void)
{
    static const char good[] = "HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime\r\nsekimori-site: ws-1\r\n"
                               "Sekimori-MQTT: 8883\r\ncontent-length: 4\r\n\r\nAAAA";
    struct est_answer a;
    CHECK_OK(est_answer_read(bytes_str(good), &a));
    CHECK(a.status == 200 && a.mqtt_port == 8883 && strcmp(a.site, "ws-1") == 0 && bytes_equal_str(a.body, "AAAA"));
    CHECK(a.total == sizeof good - 1);
    size_t short_ones = 0;
    for (size_t n = 0; n < sizeof good - 1; n++)
        short_ones += est_answer_read(bytes_of(good, n), &a).code == E_SHORT;
    CHECK(short_ones == sizeof good - 1);
    static const char *const bad[] = { "HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nSekimori-MQTT: 70000\r\nContent-Length: 0\r\n\r\n" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        outcome o = est_answer_read(bytes_str(bad[i]), &a);
        CHECK(!ok(o) && o.code != E_SHORT);
    }
    CHECK_OK(est_status_outcome(200));
    CHECK_IS(est_status_outcome(401), E_DENIED);
    CHECK_IS(est_status_outcome(409), E_CONFLICT);
    CHECK_IS(est_status_outcome(429), E_AGAIN);
    CHECK_IS(est_status_outcome(500), E_MALFORMED);
}

int main(void)
{
    test_request();
    test_answer();
    return TEST_END;
}
