#include "device/agent/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/port/port.h"
#include "device/agent/settings.h"
#include "device/agent/spool.h"

enum { FILE_MAX_BYTES = 64 << 10 };

static MUST outcome path_of(const char *dir, const char *name, char ret[AGENT_PATH_MAX + 32])
{
    int n = snprintf(ret, AGENT_PATH_MAX + 32, "%s/%s", dir, name);
    return n > 0 && n < AGENT_PATH_MAX + 32 ? DONE : REFUSE(E_TOO_LARGE);
}

static MUST outcome load(const char *dir, const char *name, struct buffer *ret)
{
    char path[AGENT_PATH_MAX + 32];
    TRY(path_of(dir, name, path));
    return port_file_load(path, FILE_MAX_BYTES, ret);
}

static MUST outcome store(const char *dir, const char *name, struct bytes content, int mode)
{
    char path[AGENT_PATH_MAX + 32];
    TRY(path_of(dir, name, path));
    return port_file_store(path, content, mode);
}

bool state_exists(const char *dir)
{
    char path[AGENT_PATH_MAX + 32];
    struct stat st;
    return ok(path_of(dir, "device.pem", path)) && stat(path, &st) == 0;
}

static MUST outcome setting(void *ctx, struct bytes key, struct bytes value)
{
    struct state *s = ctx;
    uint32_t port;
    if (bytes_equal_str(key, "site")) return bytes_to_text(value, s->site, sizeof s->site);
    if (bytes_equal_str(key, "host")) return bytes_to_text(value, s->host, sizeof s->host);
    if (bytes_equal_str(key, "tcti")) return bytes_to_text(value, s->tcti, sizeof s->tcti);
    bool est = bytes_equal_str(key, "est_port");
    if (!est && !bytes_equal_str(key, "mqtt_port")) return REFUSE(E_CONFIG);
    TRY(settings_number(value, 65535, &port));
    *(est ? &s->est_port : &s->mqtt_port) = (uint16_t)port;
    return DONE;
}

static MUST outcome read_all(struct state *s)
{
    struct buffer text = BUFFER(FILE_MAX_BYTES), pem = BUFFER(FILE_MAX_BYTES);
    struct x509_facts facts;
    int line;
    s->est_port = 8444; /* where a folder of an earlier version does not say */
    TRY(load(s->dir, "device.pem", &s->certificate));
    TRY(load(s->dir, "authority.pem", &s->authority));
    outcome o = load(s->dir, "agent.conf", &text);
    if (ok(o)) o = settings_read(buffer_view(&text), setting, s, &line);
    buffer_deinit(&text);
    TRY(o);
    o = load(s->dir, "device.key", &pem);
    if (ok(o)) o = key_read_private_pem(buffer_view(&pem), &s->key);
    buffer_wipe(&pem);
    TRY(o);
    if (s->tcti[0] != 0) TRY(load(s->dir, "ak.blob", &s->ak));
    o = load(s->dir, "head", &s->head);
    if (!ok(o) && o.code != E_MISSING) return o;
    TRY(x509_facts_pem(buffer_view(&s->certificate), &facts));
    s->not_after_ms = facts.not_after_ms;
    return bytes_to_text(bytes_str(facts.common_name), s->device, sizeof s->device);
}

outcome state_load(const char *dir, struct state *ret)
{
    struct state s = { .certificate = BUFFER(FILE_MAX_BYTES), .authority = BUFFER(FILE_MAX_BYTES),
        .ak = BUFFER(8192), .head = BUFFER(FILE_MAX_BYTES) };
    TRY(bytes_to_text(bytes_str(dir), s.dir, sizeof s.dir));
    if (!state_exists(dir)) return REFUSE(E_UNKNOWN);
    outcome o = read_all(&s);
    if (!ok(o)) {
        state_free(&s);
        return o;
    }
    *ret = s;
    return DONE;
}

void state_free(struct state *s)
{
    key_free(s->key);
    s->key = NULL;
    buffer_deinit(&s->certificate);
    buffer_deinit(&s->authority);
    buffer_deinit(&s->ak);
    buffer_deinit(&s->head);
}

outcome state_store(const struct state *s)
{
    struct buffer text = BUFFER(4096), pem = BUFFER(4096);
    TRY(port_dir_make(s->dir, 0700));
    outcome o = key_write_private_pem(s->key, &pem);
    if (ok(o)) o = store(s->dir, "device.key", buffer_view(&pem), 0600);
    buffer_wipe(&pem);
    TRY(o);
    if (s->ak.n > 0) TRY(store(s->dir, "ak.blob", buffer_view(&s->ak), 0600));
    TRY(store(s->dir, "authority.pem", buffer_view(&s->authority), 0644));
    o = buffer_fmt(&text, "site = %s\nhost = %s\nmqtt_port = %u\nest_port = %u\n", s->site, s->host, s->mqtt_port, s->est_port);
    if (ok(o) && s->tcti[0] != 0) o = buffer_fmt(&text, "tcti = %s\n", s->tcti);
    if (ok(o)) o = store(s->dir, "agent.conf", buffer_view(&text), 0644);
    buffer_deinit(&text);
    TRY(o);
    return state_store_certificate(s);
}

outcome state_store_certificate(const struct state *s)
{
    return store(s->dir, "device.pem", buffer_view(&s->certificate), 0644);
}

outcome state_claim(const char *dir)
{
    char path[AGENT_PATH_MAX + 32];
    TRY(path_of(dir, "lock", path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return REFUSE_SYS(errno == ENOENT ? E_UNKNOWN : E_IO, errno);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return DONE; /* the kernel lets go of it with the process, however it ends */
    outcome o = errno == EWOULDBLOCK ? REFUSE(E_FULL) : REFUSE_SYS(E_IO, errno);
    close(fd);
    return o;
}

outcome state_store_authority(const struct state *s)
{
    return store(s->dir, "authority.pem", buffer_view(&s->authority), 0644);
}

outcome state_store_head(const struct state *s)
{
    return store(s->dir, "head", buffer_view(&s->head), 0600);
}

/* Random bytes over the content before the name goes; on flash and journals this is best effort. */
static MUST outcome wipe_file(const char *path)
{
    struct stat st;
    uint8_t noise[4096];
    int fd;
    if (stat(path, &st) != 0) return errno == ENOENT ? DONE : REFUSE_SYS(E_IO, errno);
    TRY(port_file_open(path, false, &fd));
    outcome o = DONE;
    for (uint64_t at = 0; ok(o) && at < (uint64_t)st.st_size; at += sizeof noise) {
        uint64_t left = (uint64_t)st.st_size - at;
        port_random(noise, sizeof noise);
        o = port_file_write(fd, at, bytes_of(noise, left < sizeof noise ? (size_t)left : sizeof noise));
    }
    if (ok(o)) o = port_file_sync(fd);
    port_file_close(fd);
    TRY(o);
    return unlink(path) == 0 ? DONE : REFUSE_SYS(E_IO, errno);
}

outcome state_wipe(const char *dir)
{
    static const char *const names[] = { "device.key", "ak.blob", "device.pem", "authority.pem", "agent.conf", "head",
        "people", "people.lock", "shifts" };
    char path[AGENT_PATH_MAX + 32];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        TRY(path_of(dir, names[i], path));
        TRY(wipe_file(path));
    }
    TRY(path_of(dir, STATE_BUFFER, path));
    TRY(spool_wipe(path));
    return port_dir_sync(dir);
}

outcome state_default_dir(char ret[AGENT_PATH_MAX])
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (geteuid() == 0) n = snprintf(ret, AGENT_PATH_MAX, "/var/lib/sekimori-agent");
    else if (xdg != NULL && xdg[0] == '/') n = snprintf(ret, AGENT_PATH_MAX, "%s/sekimori-agent", xdg);
    else if (home != NULL) n = snprintf(ret, AGENT_PATH_MAX, "%s/.local/state/sekimori-agent", home);
    else return REFUSE(E_CONFIG);
    return n > 0 && n < AGENT_PATH_MAX ? DONE : REFUSE(E_TOO_LARGE);
}
