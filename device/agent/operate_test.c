#include "device/agent/operate.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

static void words(void)
{
    static const char *const bad[] = { "", "pump", ".start", "pump.", "a.b.c", "pump.a-word-much-too-long-to-do" };
    struct operation o = { 0 };
    CHECK_OK(operation_of("pump.set", "12.5", &o));
    CHECK(strcmp(o.name, "pump") == 0 && strcmp(o.act, "set") == 0 && strcmp(o.value, "12.5") == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_IS(operation_of(bad[i], NULL, &o), E_USAGE);
    CHECK_IS(operation_of("pump.set", "1234567890123", &o), E_USAGE);
}

static void packets(void)
{
    struct operation o = { .person = "佐藤", .name = "pump", .act = "start", .declared = true }, back;
    struct buffer b = BUFFER(OPERATION_MAX);
    CHECK_OK(operation_write(&o, &b));
    CHECK_OK(operation_read(buffer_view(&b), &back));
    CHECK(memcmp(&o, &back, sizeof o) == 0);
    static const char *const bad[] = { "", "{}", "[]", "{\"do\":\"start\",\"name\":\"pump\",\"person\":\"\",\"value\":\"\"}",
        "{\"do\":\"start\",\"name\":\"pump\",\"value\":\"\"}", "{\"do\":\"\",\"name\":\"pump\",\"person\":\"a\",\"value\":\"\"}",
        "{\"do\":\"start\",\"name\":\"pump\",\"person\":\"a b\",\"value\":\"\"}", "{\"do\":\"start\",\"name\":\"pump\",\"person\":\"a\",\"value\":1}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!ok(operation_read(bytes_str(bad[i]), &back))); /* nobody operates nothing */
    b.n = 0;
    CHECK_OK(operation_row(&o, "done", 7, 5, &b));
    CHECK(bytes_equal_str(buffer_view(&b), "{\"n\":7,\"identity\":\"declared\",\"person\":\"佐藤\",\"result\":\"done\",\"t\":5,\"what\":\"pump.start\"}"));
    b.n = 0;
    o.declared = false;
    memcpy(o.value, "1", 2);
    CHECK_OK(operation_row(&o, "done", 0, 5, &b));
    CHECK(bytes_equal_str(buffer_view(&b), "{\"identity\":\"pin\",\"person\":\"佐藤\",\"result\":\"done\",\"t\":5,\"value\":\"1\",\"what\":\"pump.start\"}"));
    buffer_deinit(&b);
}

static void probes(void)
{
    static const char *const bad[] = { "", "{}", "{\"persons\":2}", "{\"default_pin\":0}", "{\"default_pin\":3,\"persons\":2}",
        "{\"default_pin\":0,\"persons\":65}", "{\"default_pin\":-1,\"persons\":2}" };
    struct people_probe p = { .persons = 2, .default_pin = 1 }, back;
    struct buffer b = BUFFER(OPERATION_MAX);
    CHECK_OK(people_probe_row(&p, 9, 5, &b));
    CHECK(bytes_equal_str(buffer_view(&b), "{\"n\":9,\"default_pin\":1,\"persons\":2,\"t\":5}"));
    CHECK_OK(people_probe_read(buffer_view(&b), &back));
    CHECK(back.persons == 2 && back.default_pin == 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!ok(people_probe_read(bytes_str(bad[i]), &back)));
    buffer_deinit(&b);
}

static void nobody_there(void)
{
    struct operation o = { .person = "sato", .name = "pump", .act = "stop" };
    char result[32];
    CHECK_IS(local_ask("/nonexistent", &o, result), E_CLOSED);
}

/* It takes the packet and ends: not "nothing was carried out". */
static void no_answer(void)
{
    char dir[] = "/tmp/sk-operate-XXXXXX", result[32];
    struct operation o = { .person = "sato", .name = "pump", .act = "stop" };
    struct local l;
    struct stat st;
    struct pollfd p;
    CHECK(mkdtemp(dir) != NULL);
    CHECK_OK(local_open(dir, &l));
    CHECK(stat(l.path, &st) == 0 && (st.st_mode & 0777) == 0600);
    local_poll(&l, &p);
    pid_t child = fork();
    if (child == 0) _exit(poll(&p, 1, 10000) == 1 && close(accept(l.listener, NULL, NULL)) == 0 ? 0 : 1);
    outcome asked = local_ask(dir, &o, result);
    CHECK(asked.code == E_TIMEOUT || asked.sys == EPIPE); /* or it ended before the packet came */
    CHECK(waitpid(child, NULL, 0) == child);
    local_close(&l);
    CHECK_IS(local_ask(dir, &o, result), E_CLOSED);
    CHECK(rmdir(dir) == 0); /* nothing is left there */
}

int main(void)
{
    words();
    packets();
    probes();
    nobody_there();
    no_answer();
    return TEST_END;
}
