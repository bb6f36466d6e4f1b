#include "crypto/seal_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/port/port.h"
#include "base/time.h"
#include "crypto/tls_content.h"

#define FILE_BYTES_MAX 16384u

/* --- the mark: two slots written in turn, so that a write cut short never loses the other --- */

#define SLOT_BYTES 512u
#define MARK_BYTES (2 * SLOT_BYTES)

static void slot_write(const struct note *n, uint8_t slot[SLOT_BYTES])
{
    char root[65], check[65];
    struct hash h;
    struct out o = out_of(slot, SLOT_BYTES);
    hex_of(hash_view(&n->root), root);
    put_fmt(&o, "%" PRIu64 " %s ", n->size, root);
    hash_sha256(out_view(&o), &h);
    hex_of(hash_view(&h), check);
    put_fmt(&o, "%s\n", check);
    assert(!o.over);
    memset(slot + o.n, '\n', SLOT_BYTES - o.n);
}

/* Read back by writing again: a slot has one form only. */
static bool slot_read(const uint8_t slot[SLOT_BYTES], struct note *n)
{
    uint8_t again[SLOT_BYTES];
    size_t i = 0;
    uint64_t size = 0;
    for (; i < 20 && slot[i] >= '0' && slot[i] <= '9'; i++)
        if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, slot[i] - '0', &size))
            return false;
    if (slot[i] != ' ' || !ok(hex_to(bytes_of(slot + i + 1, 64), n->root.at, sizeof n->root.at))) return false;
    n->size = size;
    slot_write(n, again);
    return memcmp(slot, again, SLOT_BYTES) == 0;
}

static outcome mark_create(const char *path)
{
    struct note empty = { .size = 0 };
    uint8_t both[MARK_BYTES];
    hash_sha256(BYTES_NONE, &empty.root); /* RFC 6962, 2.1: the root of no entries */
    slot_write(&empty, both);
    slot_write(&empty, both + SLOT_BYTES);
    return port_file_store(path, bytes_of(both, sizeof both), 0600);
}

static outcome mark_read(struct seal_keys *k)
{
    uint8_t both[MARK_BYTES];
    struct note slots[2];
    uint64_t size = 0;
    TRY(port_file_size(k->mark_fd, &size));
    if (size != MARK_BYTES) return REFUSE(E_CHANGED);
    TRY(port_file_read(k->mark_fd, 0, both, sizeof both));
    bool first = slot_read(both, &slots[0]), second = slot_read(both + SLOT_BYTES, &slots[1]);
    if (!first && !second) return REFUSE(E_CHANGED);
    unsigned newest = !first || (second && slots[1].size > slots[0].size);
    k->mark.size = slots[newest].size;
    k->mark.root = slots[newest].root;
    k->mark_slot = !newest;
    return DONE;
}

static outcome mark_open(const char *path, struct seal_keys *k)
{
    if (access(path, F_OK) != 0 && errno == ENOENT) TRY(mark_create(path));
    k->mark_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (k->mark_fd < 0) return REFUSE_SYS(E_IO, errno);
    return mark_read(k);
}

static outcome mark_write(struct seal_keys *k, const struct note *n)
{
    uint8_t slot[SLOT_BYTES];
    slot_write(n, slot);
    TRY(port_file_write(k->mark_fd, k->mark_slot * SLOT_BYTES, bytes_of(slot, sizeof slot)));
    TRY(port_file_sync(k->mark_fd));
    k->mark_slot = !k->mark_slot;
    k->mark.size = n->size;
    k->mark.root = n->root;
    return DONE;
}

/* --- opening --- */

struct opening {
    const char *site_dir;
    char path[4096];
};

static outcome opening_path(struct opening *o, const char *name)
{
    int n = snprintf(o->path, sizeof o->path, "%s/keys/%s", o->site_dir, name);
    return n > 0 && (size_t)n < sizeof o->path ? DONE : REFUSE(E_TOO_LARGE);
}

static outcome load_public(struct opening *o, const char *name, struct buffer *ret)
{
    TRY(opening_path(o, name));
    return port_file_load(o->path, FILE_BYTES_MAX, ret);
}

static outcome read_secret_fd(int fd, struct secret *ret)
{
    struct stat s;
    if (fstat(fd, &s) < 0) return REFUSE_SYS(E_IO, errno);
    if (!S_ISREG(s.st_mode) || (s.st_mode & 077) || (s.st_uid != geteuid() && s.st_uid != 0))
        return REFUSE(E_DENIED);
    if (s.st_size <= 0 || s.st_size > (off_t)FILE_BYTES_MAX) return REFUSE(E_MALFORMED);
    TRY(secret_init(ret, (size_t)s.st_size));
    outcome o = port_file_read(fd, 0, ret->at, ret->n);
    if (!ok(o)) secret_deinit(ret);
    return o;
}

static outcome read_key_fd(int fd, struct key **ret)
{
    struct secret pem;
    TRY(read_secret_fd(fd, &pem));
    outcome o = key_read_private_pem(bytes_of(pem.at, pem.n), ret);
    secret_deinit(&pem);
    return o;
}

static outcome open_private(struct opening *o, const char *name, int *ret_fd)
{
    TRY(opening_path(o, name));
    *ret_fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 ? REFUSE_SYS(errno == ENOENT ? E_MISSING : E_IO, errno) : DONE;
}

static outcome load_key(struct opening *o, const char *name, struct key **ret)
{
    int fd;
    TRY(open_private(o, name, &fd));
    outcome got = read_key_fd(fd, ret);
    close(fd);
    return got;
}

outcome seal_keys_pair(struct bytes pem, struct key **ret_key, struct bytes *ret_chain)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    struct hash key, certificate;
    const uint8_t *at = pem.n ? memmem(pem.at, pem.n, begin, sizeof begin - 1) : NULL;
    if (!at) return REFUSE(E_MALFORMED);
    size_t head = (size_t)(at - pem.at);
    struct bytes chain = bytes_of(at, pem.n - head);
    struct key *k = NULL;
    TRY(key_read_private_pem(bytes_of(pem.at, head), &k));
    outcome o = key_is_p256(k) ? key_id(k, &key) : REFUSE(E_UNSUPPORTED);
    if (ok(o)) o = x509_pem_key_hash(chain, &certificate);
    if (ok(o) && !hash_equal(&key, &certificate)) o = REFUSE(E_CONFIG);
    if (!ok(o)) return key_free(k), o;
    *ret_key = k;
    *ret_chain = chain;
    return DONE;
}

static outcome read_web_fd(int fd, struct seal_keys *k)
{
    struct secret pem;
    struct bytes chain;
    TRY(read_secret_fd(fd, &pem));
    outcome o = seal_keys_pair(bytes_of(pem.at, pem.n), &k->web, &chain);
    if (ok(o)) o = buffer_put(&k->web_pem, chain);
    secret_deinit(&pem);
    return o;
}

/* What the site brought for people's browsers must not be able to stop the site: what is wrong with it is told, and the
 * site's own certificate serves. */
static void load_web(struct opening *o, struct seal_keys *k)
{
    int fd = -1;
    outcome got = open_private(o, "web.pem", &fd);
    if (got.code == E_MISSING) return;
    if (ok(got)) got = read_web_fd(fd, k);
    if (fd >= 0) close(fd);
    if (ok(got)) return;
    k->web_why = code_word(got.code);
    key_free(k->web);
    k->web = NULL;
}

static outcome load_site(struct opening *o, struct seal_keys *k)
{
    struct buffer text = BUFFER(FILE_BYTES_MAX);
    TRY(load_public(o, "site", &text));
    struct bytes name = buffer_view(&text);
    if (name.n && name.at[name.n - 1] == '\n') name.n--;
    outcome got = note_origin_check(name);
    if (ok(got)) got = bytes_to_text(name, k->site, sizeof k->site);
    buffer_deinit(&text);
    memcpy(k->mark.origin, k->site, sizeof k->mark.origin);
    return got;
}

static outcome belongs(const struct key *k, const struct buffer *pem)
{
    struct hash key, certificate;
    TRY(key_id(k, &key));
    TRY(x509_pem_key_hash(buffer_view(pem), &certificate));
    return hash_equal(&key, &certificate) ? DONE : REFUSE(E_CONFIG);
}

/* Only what our root signed: a file that is broken is told, never passed over, or the former one would issue again. */
static outcome read_next(struct opening *o, struct seal_keys *k, struct bytes root_pem)
{
    int fd = -1;
    struct secret pem;
    struct bytes chain;
    struct buffer spki = BUFFER(1024);
    struct key *root = NULL;
    TRY(open_private(o, "next.pem", &fd));
    outcome got = read_secret_fd(fd, &pem);
    close(fd);
    TRY(got);
    got = seal_keys_pair(bytes_of(pem.at, pem.n), &k->issuing, &chain);
    if (ok(got)) got = buffer_put(&k->issuing_pem, chain);
    secret_deinit(&pem);
    if (ok(got)) got = x509_pem_key(root_pem, &spki);
    if (ok(got)) got = key_read_public_der(buffer_view(&spki), &root);
    if (ok(got)) got = x509_pem_signed_by(buffer_view(&k->issuing_pem), root);
    key_free(root);
    buffer_deinit(&spki);
    return got;
}

/* issuing.* beside a next.pem. On the way from one to the other, parts may be missing or be the same as next.pem: then
 * there is no former one. */
static outcome read_former(struct opening *o, struct seal_keys *k)
{
    struct hash own, former;
    outcome got = load_key(o, "issuing.key", &k->former);
    if (got.code == E_MISSING) return DONE;
    if (ok(got)) got = load_public(o, "issuing.pem", &k->former_pem);
    if (ok(got)) got = key_id(k->issuing, &own);
    if (ok(got)) got = key_id(k->former, &former);
    TRY(got);
    if (!hash_equal(&own, &former)) return belongs(k->former, &k->former_pem);
    key_free(k->former);
    k->former = NULL;
    k->former_pem.n = 0;
    return DONE;
}

static outcome load_issuing(struct opening *o, struct seal_keys *k, struct bytes root_pem, const char **what)
{
    *what = "next.pem";
    outcome next = read_next(o, k, root_pem);
    if (!ok(next) && next.code != E_MISSING) return next;
    *what = "issuing.key";
    if (ok(next)) return read_former(o, k);
    TRY(load_key(o, "issuing.key", &k->issuing));
    *what = "issuing.pem";
    TRY(load_public(o, "issuing.pem", &k->issuing_pem));
    return belongs(k->issuing, &k->issuing_pem);
}

static outcome join_chain(struct seal_keys *k, struct bytes root_pem)
{
    struct hash checked;
    TRY(buffer_put(&k->chain_pem, buffer_view(&k->issuing_pem)));
    TRY(buffer_put(&k->chain_pem, buffer_view(&k->former_pem)));
    TRY(buffer_put(&k->chain_pem, root_pem));
    return x509_pem_key_hash(buffer_view(&k->chain_pem), &checked); /* all must parse */
}

static outcome load_authorities(struct opening *o, struct seal_keys *k, const char **what)
{
    struct buffer root = BUFFER(FILE_BYTES_MAX);
    *what = "root.pem";
    outcome got = load_public(o, "root.pem", &root);
    if (ok(got)) got = load_issuing(o, k, buffer_view(&root), what);
    if (ok(got)) got = join_chain(k, buffer_view(&root));
    buffer_deinit(&root);
    return got;
}

static outcome load_all(struct opening *o, struct seal_keys *k, const char **what)
{
    *what = "site";
    TRY(load_site(o, k));
    TRY(load_authorities(o, k, what));
    *what = "server.key";
    TRY(load_key(o, "server.key", &k->server));
    *what = "ledger.key";
    TRY(load_key(o, "ledger.key", &k->ledger));
    TRY(key_write_ed25519_raw(k->ledger, k->ledger_public));
    *what = "server.pem";
    TRY(load_public(o, "server.pem", &k->server_pem));
    TRY(belongs(k->server, &k->server_pem));
    load_web(o, k);
    *what = "head.mark";
    TRY(opening_path(o, "head.mark"));
    return mark_open(o->path, k);
}

outcome seal_keys_open(const char *site_dir, struct seal_keys *ret, const char **ret_what)
{
    struct opening o = { .site_dir = site_dir };
    struct seal_keys k = { .mark_fd = -1, .chain_pem = BUFFER(3 * FILE_BYTES_MAX), .former_pem = BUFFER(FILE_BYTES_MAX),
        .issuing_pem = BUFFER(FILE_BYTES_MAX), .server_pem = BUFFER(FILE_BYTES_MAX),
        .web_pem = BUFFER(FILE_BYTES_MAX) };
    outcome got = load_all(&o, &k, ret_what);
    if (ok(got)) *ret = k;
    else seal_keys_close(&k);
    return got;
}

void seal_keys_close(struct seal_keys *k)
{
    key_free(k->issuing);
    key_free(k->former);
    key_free(k->server);
    key_free(k->ledger);
    key_free(k->web);
    buffer_deinit(&k->web_pem);
    buffer_deinit(&k->chain_pem);
    buffer_deinit(&k->issuing_pem);
    buffer_deinit(&k->former_pem);
    buffer_deinit(&k->server_pem);
    if (k->mark_fd >= 0) close(k->mark_fd);
    *k = (struct seal_keys) { .mark_fd = -1 };
}

/* --- what the keys do --- */

outcome seal_keys_head(struct seal_keys *k, uint64_t size, const struct hash *root, struct buffer *ret)
{
    struct note n = k->mark;
    bool same = size == n.size && hash_equal(root, &n.root);
    if (size < n.size || (size == n.size && !same)) return REFUSE(E_CONFLICT);
    n.size = size;
    n.root = *root;
    if (!same) TRY(mark_write(k, &n));
    return note_make(&n, k->ledger, ret);
}

static outcome id_check(struct bytes id, char text[SEAL_ID_MAX + 1])
{
    if (id.n == 0 || id.n > SEAL_ID_MAX) return REFUSE(E_RANGE);
    for (size_t i = 0; i < id.n; i++) {
        uint8_t c = id.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && !(c == '-' && i > 0)) return REFUSE(E_RANGE);
    }
    return bytes_to_text(id, text, SEAL_ID_MAX + 1);
}

static outcome statement_check(const struct seal_statement *s, char to[SEAL_ID_MAX + 1], char verdict[16])
{
    static const char *const words[] = { "within", "near", "over", "unknown", "limited" };
    size_t i = 0, n = sizeof words / sizeof *words;
    TRY(id_check(s->to, to));
    while (i < n && !bytes_equal_str(s->verdict, words[i])) i++;
    if (i == n || s->at_ms < 0 || s->until_ms <= s->at_ms || s->until_ms - s->at_ms > 7 * MS_DAY) return REFUSE(E_RANGE);
    for (size_t k = 0; k < sizeof s->levels; k++)
        if (s->levels[k] > 4) return REFUSE(E_RANGE);
    return bytes_to_text(s->verdict, verdict, 16);
}

/* Canonical: members in the order of their names, no spaces. */
static outcome statement_write(const struct seal_keys *k, const struct seal_statement *s, struct buffer *ret)
{
    char to[SEAL_ID_MAX + 1], verdict[16], at[TIME_TEXT], until[TIME_TEXT], root[65], seen[65], terms[65];
    const uint8_t *l = s->levels; /* iac uc si dc rdf tre ra */
    TRY(statement_check(s, to, verdict));
    time_text(s->at_ms, at);
    time_text(s->until_ms, until);
    hex_of(hash_view(&k->mark.root), root);
    hex_of(bytes_of(s->seen_root, sizeof s->seen_root), seen);
    hex_of(bytes_of(s->terms, sizeof s->terms), terms);
    TRY(buffer_fmt(ret, "{\"at\":\"%s\",\"claimed\":%" PRIu32 ",\"head\":{\"root\":\"%s\",\"size\":%" PRIu64 "},", at, s->claimed, root, k->mark.size));
    TRY(buffer_fmt(ret, "\"levels\":{\"dc\":%u,\"iac\":%u,\"ra\":%u,\"rdf\":%u,\"si\":%u,\"tre\":%u,\"uc\":%u},\"policy\":\"sekimori-risk/1\",",
        l[3], l[0], l[6], l[4], l[2], l[5], l[1]));
    TRY(buffer_fmt(ret, "\"seen\":{\"root\":\"%s\",\"size\":%" PRIu64 "},\"site\":\"%s\",\"terms\":\"%s\",", seen, s->seen_size, k->site, terms));
    return buffer_fmt(ret, "\"to\":\"%s\",\"type\":\"statement\",\"until\":\"%s\",\"verdict\":\"%s\"}", to, until, verdict);
}

outcome seal_keys_statement(const struct seal_keys *k, const struct seal_statement *s, struct buffer *ret_payload, uint8_t ret_signature[64])
{
    static const char type[] = "application/vnd.sekimori.statement+json";
    struct buffer pae = BUFFER(8192);
    uint8_t signature[144];
    size_t n = 0;
    TRY(statement_write(k, s, ret_payload));
    outcome o = buffer_fmt(&pae, "DSSEv1 %zu %s %zu ", sizeof type - 1, type, ret_payload->n);
    if (ok(o)) o = buffer_put(&pae, buffer_view(ret_payload));
    if (ok(o)) o = key_sign(k->ledger, buffer_view(&pae), signature, sizeof signature, &n);
    if (ok(o) && n != 64) o = REFUSE(E_CRYPTO);
    if (ok(o)) memcpy(ret_signature, signature, 64);
    buffer_deinit(&pae);
    return o;
}

outcome seal_keys_device(const struct seal_keys *k, struct bytes id, struct bytes spki, unsigned days,
    struct buffer *ret)
{
    char text[SEAL_ID_MAX + 1];
    TRY(id_check(id, text));
    if (days < 1 || days > SEAL_DEVICE_DAYS_MAX) return REFUSE(E_RANGE);
    return x509_make_device(k->issuing, buffer_view(&k->issuing_pem), spki, text, (int)days, ret);
}

outcome seal_keys_server(struct seal_keys *k)
{
    struct buffer fresh = BUFFER(FILE_BYTES_MAX);
    outcome o = x509_make_server_again(k->issuing, buffer_view(&k->issuing_pem), buffer_view(&k->server_pem),
        SEAL_SERVER_DAYS, &fresh);
    if (!ok(o)) {
        buffer_deinit(&fresh);
        return o;
    }
    buffer_deinit(&k->server_pem);
    k->server_pem = fresh;
    return DONE;
}

outcome seal_keys_status(const struct seal_keys *k, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret)
{
    const struct key *by = which == 0 ? k->issuing : which == 1 ? k->former : NULL;
    if (!by || r->at_ms < 0 || r->next_ms <= r->at_ms || r->next_ms - r->at_ms > 7 * MS_DAY) return REFUSE(E_RANGE);
    return (ocsp ? x509_make_ocsp : x509_make_crl)(by, buffer_view(which == 0 ? &k->issuing_pem : &k->former_pem), r, ret);
}

outcome seal_keys_handshake(const struct key *by, struct bytes transcript_hash, uint8_t *ret, size_t cap, size_t *ret_n)
{
    uint8_t content[TLS_CONTENT_BYTES_MAX];
    struct out o = out_of(content, sizeof content);
    if (!by) return REFUSE(E_MISSING);
    TRY(tls_content_make(transcript_hash, &o));
    return key_sign(by, out_view(&o), ret, cap, ret_n);
}
