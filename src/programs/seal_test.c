/* Drives the real sekimorid-seal over its three descriptors: who may ask what, every broken request,
 * a replaced channel, its end with the keeper, and that it survives a kill without going back. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/test.h"
#include "crypto/init.h"
#include "crypto/note.h"
#include "crypto/tls_content.h"
#include "crypto/x509.h"
#include "wire/dsse.h"
#include "wire/sealing.h"

struct seal {
    pid_t pid;
    int core, gate, control;
};

static char site_dir[64];
static struct key *server_key;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/keys/%s", site_dir, name);
    return path;
}

static void store(const char *name, struct buffer *b)
{
    CHECK_OK(port_file_store(path_of(name), buffer_view(b), 0600));
    b->n = 0;
}

static void store_key(const char *name, const struct key *k)
{
    struct buffer b = BUFFER(8192);
    CHECK_OK(key_write_private_pem(k, &b));
    store(name, &b);
    buffer_deinit(&b);
}

static void site_make(void)
{
    static const char *const names[] = { "gate.example" };
    const struct x509_names san = { names, 1 };
    struct key *root = NULL, *issuing = NULL, *ledger = NULL;
    struct buffer root_pem = BUFFER(8192), issuing_pem = BUFFER(8192), b = BUFFER(8192);
    snprintf(site_dir, sizeof site_dir, "/tmp/seki-sealing-XXXXXX");
    CHECK(mkdtemp(site_dir) != NULL);
    CHECK_OK(port_dir_make(path_of(""), 0700));
    CHECK_OK(key_new(KEY_P256, &root));
    CHECK_OK(key_new(KEY_P256, &issuing));
    CHECK_OK(key_new(KEY_P256, &server_key));
    CHECK_OK(key_new(KEY_ED25519, &ledger));
    CHECK_OK(x509_make_root(root, "water", 20, &root_pem));
    CHECK_OK(x509_make_issuing(root, buffer_view(&root_pem), issuing, "water", 5, &issuing_pem));
    CHECK_OK(x509_make_server(issuing, buffer_view(&issuing_pem), server_key, &san, 30, &b));
    store("server.pem", &b);
    CHECK_OK(buffer_put(&b, BYTES_LIT("water\n")));
    store("site", &b);
    store("root.pem", &root_pem);
    store("issuing.pem", &issuing_pem);
    store_key("issuing.key", issuing);
    store_key("server.key", server_key);
    store_key("ledger.key", ledger);
    key_free(root), key_free(issuing), key_free(ledger);
    buffer_deinit(&root_pem), buffer_deinit(&issuing_pem), buffer_deinit(&b);
}

static struct seal seal_start(void)
{
    int core[2], gate[2], control[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, core) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        const int ends[] = { core[1], gate[1], control[1] };
        int high[3];
        for (int i = 0; i < 3; i++) high[i] = fcntl(ends[i], F_DUPFD, 64);
        for (int i = 0; i < 3; i++) dup2(high[i], 3 + i);
        close_range(6, ~0u, 0);
        execl(getenv("SEAL"), "sekimorid-seal", site_dir, (char *)NULL);
        _exit(127);
    }
    close(core[1]), close(gate[1]), close(control[1]);
    const struct timeval limit = { 20, 0 }; /* a hung seal fails the test instead of hanging it */
    setsockopt(core[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(gate[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return (struct seal) { pid, core[0], gate[0], control[0] };
}

/* The exit status once it has ended. */
static int seal_end(struct seal *s)
{
    int status = -1;
    CHECK(waitpid(s->pid, &status, 0) == s->pid);
    close(s->core), close(s->gate), close(s->control);
    return status;
}

static uint8_t answer_bytes[SEALING_ANSWER_MAX];

/* The answer's code; its fields in *ret. OUTCOME_COUNT: the channel was closed instead. */
static enum code ask(int fd, struct bytes request, struct bytes *ret)
{
    uint8_t code = OUTCOME_COUNT;
    if (send(fd, request.at, request.n, MSG_NOSIGNAL) != (ssize_t)request.n) return OUTCOME_COUNT;
    ssize_t n = recv(fd, answer_bytes, sizeof answer_bytes, 0);
    if (n <= 0) return OUTCOME_COUNT;
    *ret = bytes_of(answer_bytes, (size_t)n);
    CHECK_QUIET(ok(take_u8(ret, &code)));
    return code;
}

static void test_public(struct seal *s, uint8_t ret_ledger[32])
{
    struct bytes in, chain, server, ledger, site, web;
    struct x509_facts f;
    struct hash id;
    CHECK(ask(s->core, BYTES_LIT("\x01"), &in) == OK);
    CHECK_OK(take_field32(&in, &chain));
    CHECK_OK(take_field32(&in, &server));
    CHECK_OK(take_field16(&in, &ledger));
    CHECK_OK(take_field16(&in, &site));
    CHECK_OK(take_field32(&in, &web));
    CHECK_OK(at_end(in));
    CHECK(web.n == 0 && ledger.n == 32 && bytes_equal_str(site, "water"));
    memcpy(ret_ledger, ledger.at, 32);
    CHECK_OK(x509_facts_pem(server, &f));
    CHECK_OK(key_id(server_key, &id));
    CHECK(memcmp(f.key_hash, id.at, 32) == 0 && strcmp(f.common_name, "Gate") == 0);
    CHECK_OK(x509_facts_pem(chain, &f));
    CHECK(strcmp(f.common_name, "Issuing CA") == 0);
    CHECK(ask(s->gate, BYTES_LIT("\x01"), &in) == OK);
}

static struct bytes head_request(uint64_t size, const char *root_of, uint8_t to[64])
{
    struct out o = out_of(to, 64);
    struct hash root;
    hash_sha256(bytes_str(root_of), &root);
    put_u8(&o, SEAL_HEAD);
    put_u64(&o, size);
    put(&o, hash_view(&root));
    return out_view(&o);
}

static void test_head(struct seal *s, const uint8_t ledger[32])
{
    uint8_t request[64];
    struct bytes in, text;
    struct note n;
    CHECK(ask(s->core, head_request(7, "a", request), &in) == OK);
    CHECK_OK(take_field16(&in, &text));
    CHECK_OK(note_read(text, ledger, &n));
    CHECK(n.size == 7 && strcmp(n.origin, "water") == 0);
    CHECK(ask(s->core, head_request(7, "b", request), &in) == E_CONFLICT && in.n == 0);
    CHECK(ask(s->core, head_request(7, "a", request), &in) == OK);
    CHECK(ask(s->core, head_request(6, "a", request), &in) == E_CONFLICT);
}

static struct bytes statement_request(const char *to, const char *verdict, uint64_t days, uint8_t level, uint8_t room[256])
{
    static const uint8_t zeros[64];
    struct out o = out_of(room, 256);
    put_u8(&o, SEAL_STATEMENT);
    put_field16(&o, bytes_str(to));
    put_field16(&o, bytes_str(verdict));
    put_u64(&o, 1764288000000);
    put_u64(&o, 1764288000000 + days * 86400000);
    put_u32(&o, 100);
    put(&o, bytes_of(zeros, 6));
    put_u8(&o, level);
    put(&o, bytes_of(zeros, 32));
    put_u64(&o, 5);
    put(&o, bytes_of(zeros, 32));
    return out_view(&o);
}

/* Only what a statement can be; the head in it is the newest the seal itself signed, whatever core thinks. */
static void test_statement(struct seal *s, const uint8_t ledger[32])
{
    static const struct { const char *to, *verdict; uint64_t days; uint8_t level; } wrong[] = { { "kawa", "fine", 1, 0 }, { "kawa", "within", 8, 0 },
        { "kawa", "within", 0, 0 }, { "kawa", "within", 1, 5 }, { "Kawa", "within", 1, 0 }, { "", "within", 1, 0 }, { "k\",\"x\":\"", "within", 1, 0 } };
    uint8_t room[256];
    struct bytes in, payload, signature;
    struct buffer pae = BUFFER(8192);
    struct key *key = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(ask(s->core, statement_request(wrong[i].to, wrong[i].verdict, wrong[i].days, wrong[i].level, room), &in) == E_RANGE);
    CHECK(ask(s->gate, statement_request("kawa", "within", 1, 2, room), &in) == E_DENIED);
    CHECK(ask(s->core, statement_request("kawa", "within", 7, 2, room), &in) == OK);
    CHECK_OK(take_field32(&in, &payload));
    CHECK_OK(take_field16(&in, &signature));
    CHECK_OK(dsse_pae("application/vnd.sekimori.statement+json", payload, &pae));
    CHECK_OK(key_read_ed25519_raw(bytes_of(ledger, 32), &key));
    CHECK_OK(key_verify(key, buffer_view(&pae), signature));
    struct arena arena = ARENA(65536);
    struct doc *d = NULL;
    struct buffer again = BUFFER(8192);
    CHECK_OK(doc_read_json(payload, &arena, &d));
    CHECK_OK(doc_write_json(d, &again));
    CHECK(bytes_equal(buffer_view(&again), payload)); /* canonical */
    CHECK(doc_int(doc_get(d, "head"), "size", 0) == 7 && doc_int(doc_get(d, "seen"), "size", 0) == 5 && doc_int(doc_get(d, "levels"), "ra", 0) == 2);
    CHECK(strcmp(doc_text(d, "site", ""), "water") == 0 && strcmp(doc_text(d, "to", ""), "kawa") == 0 && strcmp(doc_text(d, "verdict", ""), "within") == 0);
    buffer_deinit(&again);
    buffer_deinit(&pae);
    arena_deinit(&arena);
    key_free(key);
}

static void test_certificates(struct seal *s)
{
    uint8_t request[SEALING_REQUEST_MAX];
    struct out o = out_of(request, sizeof request);
    struct bytes in, der, pem;
    struct key *device = NULL;
    struct buffer spki = BUFFER(512);
    struct x509_facts f, g;
    CHECK_OK(key_new(KEY_P256, &device));
    CHECK_OK(key_write_public_der(device, &spki));
    put_u8(&o, SEAL_DEVICE);
    put_field16(&o, BYTES_LIT("gw-02"));
    put_field16(&o, buffer_view(&spki));
    put_u16(&o, 45);
    CHECK(ask(s->core, out_view(&o), &in) == OK);
    CHECK_OK(take_field32(&in, &der));
    CHECK_OK(x509_facts_der(der, &f));
    CHECK(strcmp(f.common_name, "gw-02") == 0);
    for (size_t i = 1; i < o.n; i++)
        CHECK_QUIET(ask(s->core, bytes_of(request, i), &in) == E_MALFORMED); /* every prefix */
    request[o.n - 1] = 91;
    CHECK(ask(s->core, out_view(&o), &in) == E_RANGE);
    CHECK(ask(s->core, BYTES_LIT("\x04"), &in) == OK);
    CHECK_OK(take_field32(&in, &pem));
    CHECK_OK(x509_facts_pem(pem, &f));
    CHECK(ask(s->gate, BYTES_LIT("\x01"), &in) == OK); /* the newest is the one told from now on */
    CHECK_OK(take_field32(&in, &pem));
    CHECK_OK(take_field32(&in, &pem));
    CHECK_OK(x509_facts_pem(pem, &g));
    CHECK(memcmp(&f, &g, sizeof f) == 0);
    key_free(device);
    buffer_deinit(&spki);
}

static void test_handshake(struct seal *s)
{
    uint8_t request[50] = { SEAL_HANDSHAKE, SEAL_DOOR_SITE, 9, 9 }, content[TLS_CONTENT_BYTES_MAX];
    static const size_t lengths[] = { 32, 48 };
    struct bytes in, signature;
    for (size_t i = 0; i < 2; i++) {
        struct out o = out_of(content, sizeof content);
        CHECK(ask(s->gate, bytes_of(request, 2 + lengths[i]), &in) == OK);
        CHECK_OK(take_field16(&in, &signature));
        CHECK_OK(at_end(in));
        CHECK_OK(tls_content_make(bytes_of(request + 2, lengths[i]), &o));
        CHECK_OK(key_verify(server_key, out_view(&o), signature));
    }
    for (size_t n = 1; n < sizeof request; n++)
        CHECK_QUIET(n == 34 || ask(s->gate, bytes_of(request, n), &in) == E_MALFORMED);
    request[1] = SEAL_DOOR_WEB; /* this site brought no certificate for people */
    CHECK(ask(s->gate, bytes_of(request, 34), &in) == E_MISSING);
    request[1] = SEAL_DOOR_WEB + 1;
    CHECK(ask(s->gate, bytes_of(request, 34), &in) == E_UNKNOWN);
}

static struct bytes status_request(uint8_t ocsp, uint8_t which, uint64_t days, uint8_t state, uint8_t room[256])
{
    struct out o = out_of(room, 256);
    put_u8(&o, SEAL_STATUS);
    put_u8(&o, ocsp);
    put_u8(&o, which);
    put_u64(&o, 1764288000000);
    put_u64(&o, 1764288000000 + days * 86400000);
    put_field16(&o, ocsp ? BYTES_LIT("nonce") : BYTES_NONE);
    put_u16(&o, 1);
    put_field16(&o, BYTES_LIT("\x40\x01"));
    put_u8(&o, state);
    put_u8(&o, 1);
    put_u8(&o, 0);
    put_u64(&o, 1764280000000);
    return out_view(&o);
}

/* Lists and answers of our own issuer, for at most a week; read back in crypto/x509_status_test.c. */
static void test_status(struct seal *s)
{
    static const struct { uint8_t ocsp, which, state; uint64_t days; } wrong[] = { { 2, 0, 1, 1 }, { 0, 1, 1, 1 }, { 0, 0, 3, 1 }, { 0, 0, 1, 8 }, { 1, 0, 1, 0 } };
    uint8_t room[256];
    struct bytes in, der;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(ask(s->core, status_request(wrong[i].ocsp, wrong[i].which, wrong[i].days, wrong[i].state, room), &in) == E_RANGE);
    for (uint8_t ocsp = 0; ocsp < 2; ocsp++) {
        struct bytes request = status_request(ocsp, 0, 1, 1, room);
        for (size_t cut = 1; cut < request.n; cut++) CHECK_QUIET(ask(s->core, bytes_of(request.at, cut), &in) == E_MALFORMED);
        CHECK(ask(s->gate, request, &in) == E_DENIED);
        CHECK(ask(s->core, request, &in) == OK);
        CHECK_OK(take_field32(&in, &der));
        CHECK(der.n > 200 && der.at[0] == 0x30 && memmem(der.at, der.n, "\x40\x01", 2) != NULL);
    }
}

/* Every kind by every asker; the form is judged after the asker. */
static void test_table(struct seal *s)
{
    static const struct { uint8_t kind; enum code core, gate; } rows[] = {
        { 0, E_UNKNOWN, E_UNKNOWN },
        { SEAL_PUBLIC, OK, OK },
        { SEAL_HEAD, E_MALFORMED, E_DENIED },
        { SEAL_DEVICE, E_MALFORMED, E_DENIED },
        { SEAL_SERVER, OK, E_DENIED },
        { SEAL_STATEMENT, E_MALFORMED, E_DENIED },
        { SEAL_HANDSHAKE, E_DENIED, E_MALFORMED },
        { SEAL_STATUS, E_MALFORMED, E_DENIED },
        { 8, E_UNKNOWN, E_UNKNOWN },
        { 255, E_UNKNOWN, E_UNKNOWN },
    };
    struct bytes in;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("# kind %d\n", rows[i].kind);
        CHECK(ask(s->core, bytes_of(&rows[i].kind, 1), &in) == rows[i].core);
        CHECK(ask(s->gate, bytes_of(&rows[i].kind, 1), &in) == rows[i].gate);
    }
    CHECK(ask(s->gate, BYTES_LIT("\x01" "extra"), &in) == E_MALFORMED);
}

static void send_channel(struct seal *s, char kind, int fd)
{
    union {
        struct cmsghdr align;
        char at[CMSG_SPACE(sizeof(int))];
    } space = { 0 };
    struct iovec part = { &kind, 1 };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.at, .msg_controllen = sizeof space.at };
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
    CHECK(sendmsg(s->control, &m, 0) == 1);
    close(fd);
}

/* A too long request costs its sender the channel and nobody else anything; the keeper brings a new one. */
static void test_replaced(struct seal *s)
{
    static uint8_t big[SEALING_REQUEST_MAX + 1] = { SEAL_PUBLIC };
    struct bytes in;
    int pair[2];
    CHECK(ask(s->gate, bytes_of(big, sizeof big), &in) == OUTCOME_COUNT);
    CHECK(ask(s->core, BYTES_LIT("\x01"), &in) == OK);
    send_channel(s, 'g', open("/dev/null", O_RDWR | O_CLOEXEC)); /* not a channel: ignored */
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    send_channel(s, 'g', pair[1]);
    close(s->gate);
    s->gate = pair[0];
    CHECK(ask(s->gate, BYTES_LIT("\x01"), &in) == OK);
    CHECK(ask(s->gate, BYTES_LIT("\x04"), &in) == E_DENIED);
    CHECK(ask(s->core, BYTES_LIT("\x01"), &in) == OK);
}

static void test_killed(const uint8_t ledger[32])
{
    uint8_t request[64];
    struct bytes in, text;
    struct note n;
    struct seal s = seal_start();
    CHECK(ask(s.core, head_request(8, "c", request), &in) == OK);
    kill(s.pid, SIGKILL);
    CHECK(WIFSIGNALED(seal_end(&s)));
    s = seal_start();
    CHECK(ask(s.core, head_request(7, "a", request), &in) == E_CONFLICT);
    CHECK(ask(s.core, head_request(8, "d", request), &in) == E_CONFLICT);
    CHECK(ask(s.core, head_request(8, "c", request), &in) == OK);
    CHECK_OK(take_field16(&in, &text));
    CHECK_OK(note_read(text, ledger, &n));
    shutdown(s.control, SHUT_RDWR);
    int status = seal_end(&s);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_readable_key(void)
{
    CHECK(chmod(path_of("server.key"), 0604) == 0);
    struct seal s = seal_start();
    int status = seal_end(&s);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 78);
    CHECK(chmod(path_of("server.key"), 0600) == 0);
}

static outcome remove_one(void *ctx, const char *name)
{
    (void)ctx;
    unlink(path_of(name));
    return DONE;
}

int main(void)
{
    uint8_t ledger[32] = { 0 };
    CHECK_OK(crypto_init());
    CHECK(getenv("SEAL") != NULL);
    site_make();
    struct seal s = seal_start();
    test_public(&s, ledger);
    test_head(&s, ledger);
    test_status(&s);
    test_statement(&s, ledger);
    test_certificates(&s);
    test_handshake(&s);
    test_table(&s);
    test_replaced(&s);
    shutdown(s.control, SHUT_RDWR);
    int status = seal_end(&s);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    test_killed(ledger);
    test_readable_key();
    key_free(server_key);
    CHECK_OK(port_dir_list(path_of(""), remove_one, NULL));
    rmdir(path_of(""));
    rmdir(site_dir);
    return TEST_END;
}
