/* The seal's answers as the core reads them: whatever comes, what is taken has its whole form. */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "node/core.h"
#include "wire/sealing.h"

/* The answer lies in the channel before the question is put; the question is taken out afterwards. */
static void answer_with(int far, struct core *c, struct bytes in)
{
    c->seal_owed = 0;
    c->seal_quiet_ms = 0;
    HOLDS(send(far, in.at, in.n, MSG_NOSIGNAL) == (ssize_t)in.n);
}

static void question_out(int far, enum sealing kind)
{
    uint8_t q[SEALING_REQUEST_MAX + 1];
    ssize_t n = recv(far, q, sizeof q, MSG_DONTWAIT);
    HOLDS(n > 0 && n <= SEALING_REQUEST_MAX && q[0] == kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct core *c;
    int ends[2];
    struct seal_public p;
    struct hash root = { { 0 } };
    struct buffer note = BUFFER(SEALING_ANSWER_MAX), der = BUFFER(SEALING_ANSWER_MAX);
    struct bytes in = bytes_of(data, n);
    if (n == 0 || n > SEALING_ANSWER_MAX) return 0;
    if (!c) c = mem_new(sizeof *c);
    HOLDS(c && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    c->seal_fd = ends[0];
    answer_with(ends[1], c, in);
    if (ok(seal_public(c, &p))) {
        HOLDS(data[0] == OK && p.ca_chain.n + p.server.n + 32 < n);
        buffer_deinit(&p.ca_chain);
        buffer_deinit(&p.server);
    }
    question_out(ends[1], SEAL_PUBLIC);
    answer_with(ends[1], c, in);
    if (ok(seal_head(c, 1, &root, &note))) HOLDS(data[0] == OK && note.n + 3 <= n);
    question_out(ends[1], SEAL_HEAD);
    answer_with(ends[1], c, in);
    if (ok(seal_device(c, "gw-01", BYTES_LIT("key"), 30, &der))) HOLDS(data[0] == OK && der.n + 5 <= n);
    question_out(ends[1], SEAL_DEVICE);
    close(ends[0]);
    close(ends[1]);
    buffer_deinit(&note);
    buffer_deinit(&der);
    return 0;
}
