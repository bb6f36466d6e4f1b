#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 65536 };

SSL_CTX *line_tls(const char *ca, const char *cert, const char *key, bool lean)
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    bool good = c && SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1
        && SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256") == 1
        && SSL_CTX_load_verify_locations(c, ca, NULL) == 1;
    if (good && cert)
        good = SSL_CTX_use_certificate_chain_file(c, cert) == 1
            && SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) == 1;
    if (!good) {
        SSL_CTX_free(c);
        return NULL;
    }
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
            | (lean ? SSL_MODE_RELEASE_BUFFERS : 0));
    return c;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct line *l = SSL_get_app_data(ssl);
    if (!l) return 0;
    SSL_SESSION_free(l->session);
    l->session = session;
    return 1;
}

void line_tls_resume(SSL_CTX *c)
{
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c, keep_session);
}

static bool start(struct line *l, const struct line_place *p)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(p->port) };
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + p->source) };
    int yes = 1;
    if (inet_pton(AF_INET, p->host, &to.sin_addr) != 1) return false;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) return false;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(l->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (p->source && bind(l->fd, (struct sockaddr *)&from, sizeof from) != 0) return false;
    if (connect(l->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) return false;
    if (p->tls) {
        l->ssl = SSL_new(p->tls);
        if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1) return false;
        SSL_set_connect_state(l->ssl);
        SSL_set_app_data(l->ssl, l);
        if (l->session && SSL_set_session(l->ssl, l->session) != 1) return false;
    }
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.u32 = l->index };
    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, l->fd, &e) == 0;
}

bool line_open(struct line *l, const struct line_place *p)
{
    *l = (struct line) { .fd = -1, .index = l->index, .dirty = l->dirty, .session = l->session, .state = LINE_CONNECTING, .wants_out = true };
    if (start(l, p)) return true;
    line_close(l);
    return false;
}

void line_close(struct line *l)
{
    if (l->ssl) SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else OpenSSL spoils the session */
    SSL_free(l->ssl);
    if (l->fd >= 0) close(l->fd);
    free(l->in);
    free(l->out);
    *l = (struct line) { .fd = -1, .index = l->index, .dirty = l->dirty, .session = l->session, .state = LINE_DEAD };
}

void line_advance(struct line *l)
{
    if (l->state == LINE_CONNECTING) {
        int wrong = 0;
        socklen_t n = sizeof wrong;
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &wrong, &n);
        if (wrong) {
            l->state = LINE_DEAD;
            return;
        }
        l->state = l->ssl ? LINE_SHAKING : LINE_GREETING;
    }
    if (l->state != LINE_SHAKING) return;
    ERR_clear_error();
    int r = SSL_do_handshake(l->ssl);
    if (r == 1) {
        l->state = LINE_GREETING;
        return;
    }
    int why = SSL_get_error(l->ssl, r);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) l->state = LINE_DEAD;
}

static bool grow(uint8_t **at, size_t *cap, size_t want)
{
    size_t cap_new = *cap ? *cap : 256;
    if (want <= *cap) return true;
    while (cap_new < want) cap_new *= 2;
    uint8_t *fresh = realloc(*at, cap_new);
    if (!fresh) return false;
    *at = fresh;
    *cap = cap_new;
    return true;
}

/* Bytes read; 0: none there; -1: over. */
static ssize_t receive(struct line *l, uint8_t *to, size_t cap)
{
    if (!l->ssl) {
        ssize_t n = recv(l->fd, to, cap, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        return n > 0 ? n : -1;
    }
    ERR_clear_error();
    int n = SSL_read(l->ssl, to, (int)cap);
    if (n > 0) return n;
    return SSL_get_error(l->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

bool line_fill(struct line *l)
{
    static uint8_t chunk[CHUNK];
    for (;;) { /* to the end: what OpenSSL holds back raises no event; windows bound how much there is */
        ssize_t n = receive(l, chunk, sizeof chunk);
        if (n < 0) return false;
        if (n == 0) return true;
        if (!grow(&l->in, &l->in_cap, l->in_n + (size_t)n)) return false;
        memcpy(l->in + l->in_n, chunk, (size_t)n);
        l->in_n += (size_t)n;
        if (!l->ssl && (size_t)n < sizeof chunk) return true;
    }
}

uint8_t *line_room(struct line *l, size_t n)
{
    if (!grow(&l->out, &l->out_cap, l->out_n + n)) abort(); /* a generator without memory measures nothing */
    return l->out + l->out_n;
}

static ssize_t give(struct line *l)
{
    size_t n = l->out_n - l->out_at;
    if (!l->ssl) {
        ssize_t r = send(l->fd, l->out + l->out_at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (r < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        return r;
    }
    ERR_clear_error();
    int r = SSL_write(l->ssl, l->out + l->out_at, n > 1 << 20 ? 1 << 20 : (int)n);
    if (r > 0) return r;
    int why = SSL_get_error(l->ssl, r);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

bool line_flush(struct line *l, int epoll_fd)
{
    while (l->out_at < l->out_n) {
        ssize_t n = give(l);
        if (n < 0) return false;
        if (n == 0) break;
        l->out_at += (size_t)n;
    }
    bool waits = l->out_at < l->out_n;
    if (!waits) l->out_at = l->out_n = 0;
    if (waits == l->wants_out) return true;
    struct epoll_event e = { .events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.u32 = l->index };
    l->wants_out = waits;
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, l->fd, &e) == 0;
}
