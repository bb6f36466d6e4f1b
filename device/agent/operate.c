#include "device/agent/operate.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/port/port.h"
#include "wire/doc.h"

enum { ASKER_MS = 2000, ANSWER_S = 10, BACKLOG = 4 };

outcome operation_of(const char *what, const char *value, struct operation *ret)
{
    const char *dot = strchr(what, '.');
    if (dot == NULL || dot == what || dot[1] == 0 || strchr(dot + 1, '.') != NULL) return REFUSE(E_USAGE);
    if (!ok(bytes_to_text(bytes_of(what, (size_t)(dot - what)), ret->name, sizeof ret->name))) return REFUSE(E_USAGE);
    if (!ok(bytes_to_text(bytes_str(dot + 1), ret->act, sizeof ret->act))) return REFUSE(E_USAGE);
    if (value == NULL) return DONE;
    return ok(bytes_to_text(bytes_str(value), ret->value, sizeof ret->value)) ? DONE : REFUSE(E_USAGE);
}

outcome operation_write(const struct operation *o, struct buffer *ret)
{
    struct arena a = ARENA(16 << 10);
    struct doc *d = doc_map(&a);
    doc_set_text(&a, d, "person", o->person);
    doc_set_bool(&a, d, "declared", o->declared);
    doc_set_bool(&a, d, "wrong-pin", o->wrong_pin);
    doc_set_text(&a, d, "name", o->name);
    doc_set_text(&a, d, "do", o->act);
    doc_set_text(&a, d, "value", o->value);
    outcome done = doc_write_json(d, ret);
    arena_deinit(&a);
    return done;
}

static MUST outcome text_take(const struct doc *d, const char *key, char *ret, size_t size)
{
    const struct doc *m = doc_get(d, key);
    if (m == NULL || m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
    return ok(bytes_to_text(bytes_str(m->text), ret, size)) ? DONE : REFUSE(E_MALFORMED);
}

static MUST outcome fields(const struct doc *d, struct operation *o)
{
    TRY(text_take(d, "person", o->person, sizeof o->person));
    TRY(text_take(d, "name", o->name, sizeof o->name));
    TRY(text_take(d, "do", o->act, sizeof o->act));
    TRY(text_take(d, "value", o->value, sizeof o->value));
    o->declared = doc_bool(d, "declared", false);
    o->wrong_pin = doc_bool(d, "wrong-pin", false);
    bool whole = person_name_good(bytes_str(o->person)) && o->name[0] != 0 && o->act[0] != 0;
    return whole ? DONE : REFUSE(E_MALFORMED); /* nobody, or nothing: not carried out */
}

outcome operation_read(struct bytes packet, struct operation *ret)
{
    struct arena a = ARENA(16 << 10);
    struct doc *d = NULL;
    *ret = (struct operation) { 0 };
    outcome o = packet.n > OPERATION_MAX ? REFUSE(E_TOO_LARGE) : doc_read_json(packet, &a, &d);
    if (ok(o)) o = fields(d, ret);
    arena_deinit(&a);
    return o;
}

outcome operation_row(const struct operation *o, const char *result, uint64_t n, int64_t wall_ms, struct buffer *ret)
{
    struct arena a = ARENA(16 << 10);
    struct buffer text = BUFFER(OPERATION_MAX);
    char what[READING_NAME_MAX + MAP_DO_MAX + 2];
    struct doc *d = doc_map(&a);
    snprintf(what, sizeof what, "%s.%s", o->name, o->act);
    doc_set_int(&a, d, "t", wall_ms);
    doc_set_text(&a, d, "person", o->person);
    doc_set_text(&a, d, "identity", o->declared ? "declared" : "pin");
    doc_set_text(&a, d, "what", what);
    if (o->value[0] != 0) doc_set_text(&a, d, "value", o->value);
    doc_set_text(&a, d, "result", result);
    outcome done = doc_write_json(d, &text);
    if (ok(done)) done = n == 0 ? buffer_put(ret, BYTES_LIT("{")) : buffer_fmt(ret, "{\"n\":%llu,", (unsigned long long)n);
    if (ok(done)) done = buffer_put(ret, bytes_of(text.at + 1, text.n - 1)); /* the number stands first, as in a reading */
    buffer_deinit(&text);
    arena_deinit(&a);
    return done;
}

outcome people_probe_read(struct bytes packet, struct people_probe *ret)
{
    struct arena a = ARENA(16 << 10);
    struct doc *d = NULL;
    outcome o = packet.n > OPERATION_MAX ? REFUSE(E_TOO_LARGE) : doc_read_json(packet, &a, &d);
    int64_t persons = ok(o) ? doc_int(d, "persons", -1) : -1, bad = ok(o) ? doc_int(d, "default_pin", -1) : -1;
    arena_deinit(&a);
    TRY(o);
    if (persons < 0 || persons > PERSON_MAX || bad < 0 || bad > persons) return REFUSE(E_MALFORMED);
    *ret = (struct people_probe) { (uint32_t)persons, (uint32_t)bad };
    return DONE;
}

outcome people_probe_row(const struct people_probe *p, uint64_t n, int64_t wall_ms, struct buffer *ret)
{
    TRY(n == 0 ? buffer_put(ret, BYTES_LIT("{")) : buffer_fmt(ret, "{\"n\":%llu,", (unsigned long long)n));
    return buffer_fmt(ret, "\"default_pin\":%u,\"persons\":%u,\"t\":%lld}", p->default_pin, p->persons, (long long)wall_ms);
}

/* One of the two. */
struct said {
    const struct operation *operation;
    const char *result;
    const struct people_probe *probe;
};

static MUST outcome said_row(const struct said *w, uint64_t n, int64_t wall_ms, struct buffer *ret)
{
    if (w->probe != NULL) return people_probe_row(w->probe, n, wall_ms, ret);
    return operation_row(w->operation, w->result, n, wall_ms, ret);
}

/* Like a reading: kept and numbered; where the disk takes nothing, as it comes. */
static MUST outcome tell_site(struct station *s, const struct said *w)
{
    const char *tail = w->probe != NULL ? "e/people" : "e/operation";
    struct buffer row = BUFFER(OPERATION_MAX);
    int64_t wall_ms = port_wall_ms();
    bool buffered = s->deliver.spool != NULL;
    outcome done = said_row(w, buffered ? deliver_next(&s->deliver) : 0, wall_ms, &row);
    if (ok(done) && buffered) done = deliver_put(&s->deliver, tail, buffer_view(&row), wall_ms);
    if (!ok(done) || !buffered) {
        row.n = 0;
        done = said_row(w, 0, wall_ms, &row);
        if (ok(done)) done = station_publish(s, tail, buffer_view(&row), false);
    }
    buffer_deinit(&row);
    return done;
}

static const char *carry_out(struct station *s, const struct operation *o)
{
    struct buffer payload = BUFFER(OPERATION_MAX);
    struct command c;
    struct arena a = ARENA(16 << 10);
    enum command_result result = COMMAND_MALFORMED;
    if (o->wrong_pin) return "refused-pin";
    struct doc *d = doc_map(&a);
    doc_set_text(&a, d, "do", o->act);
    if (o->value[0] != 0) doc_set_text(&a, d, "value", o->value);
    outcome read = doc_write_json(d, &payload);
    if (ok(read)) read = command_read(bytes_str(o->name), buffer_view(&payload), &c); /* one reader of values */
    if (ok(read)) result = station_execute(s, &c);
    buffer_deinit(&payload);
    arena_deinit(&a);
    return command_result_word(result);
}

static void answer(struct local *l, struct station *s, struct bytes packet)
{
    struct operation o;
    struct people_probe probe;
    outcome told = DONE;
    char line[160];
    const char *result = command_result_word(COMMAND_MALFORMED);
    if (ok(people_probe_read(packet, &probe))) {
        told = tell_site(s, &(struct said) { .probe = &probe });
        result = command_result_word(COMMAND_DONE);
    } else if (ok(operation_read(packet, &o))) {
        result = carry_out(s, &o);
        told = tell_site(s, &(struct said) { .operation = &o, .result = result });
        snprintf(line, sizeof line, "%s %s.%s %s", o.person, o.name, o.act, result);
        if (s->setup.tell != NULL) s->setup.tell(s->setup.ctx, s->state.device, STATION_OPERATED, line);
    }
    if (!ok(told) && s->setup.tell != NULL) s->setup.tell(s->setup.ctx, s->state.device, STATION_NOT_KEPT, code_word(told.code));
    ssize_t sent = send(l->asker, result, strlen(result), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* whoever asked has gone: it is done and recorded all the same */
}

static void asker_end(struct local *l)
{
    if (l->asker >= 0) close(l->asker);
    l->asker = -1;
}

static MUST outcome address_of(const char *dir, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un) { .sun_family = AF_UNIX };
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/operate", dir);
    return n > 0 && (size_t)n < sizeof ret->sun_path ? DONE : REFUSE(E_TOO_LARGE);
}

static MUST outcome listen_on(const char *path, int fd, const struct sockaddr_un *at)
{
    if (unlink(path) != 0 && errno != ENOENT) return REFUSE_SYS(E_IO, errno);
    mode_t before = umask(0177);
    int bound = bind(fd, (const struct sockaddr *)at, sizeof *at), why = errno;
    umask(before);
    if (bound != 0) return REFUSE_SYS(E_IO, why);
    return listen(fd, BACKLOG) == 0 ? DONE : REFUSE_SYS(E_IO, errno);
}

outcome local_open(const char *dir, struct local *ret)
{
    struct sockaddr_un at;
    *ret = (struct local) { .listener = -1, .asker = -1 };
    TRY(address_of(dir, &at));
    TRY(bytes_to_text(bytes_str(at.sun_path), ret->path, sizeof ret->path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    outcome o = listen_on(ret->path, fd, &at);
    if (ok(o)) ret->listener = fd;
    else close(fd);
    return o;
}

void local_close(struct local *l)
{
    asker_end(l);
    if (l->listener < 0) return;
    close(l->listener);
    unlink(l->path);
    l->listener = -1;
}

void local_poll(const struct local *l, struct pollfd *ret)
{
    *ret = (struct pollfd) { l->asker >= 0 ? l->asker : l->listener, POLLIN, 0 };
}

int local_wait_ms(const struct local *l, int64_t now_ms)
{
    if (l->asker < 0) return 60000;
    return l->asker_until_ms <= now_ms ? 0 : (int)(l->asker_until_ms - now_ms);
}

/* The folder's mode keeps others out; this does even where somebody opened it. */
static bool may_ask(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0) return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

void local_turn(struct local *l, struct station *s, short revents, int64_t now_ms)
{
    uint8_t packet[OPERATION_MAX + 1];
    if (l->listener < 0) return;
    if (l->asker < 0) {
        if (revents == 0) return;
        l->asker = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        l->asker_until_ms = now_ms + ASKER_MS;
        if (l->asker >= 0 && !may_ask(l->asker)) asker_end(l);
        return;
    }
    ssize_t n = recv(l->asker, packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && now_ms < l->asker_until_ms) return;
    if (n > 0) answer(l, s, bytes_of(packet, (size_t)n));
    asker_end(l);
}

static MUST outcome exchange(int fd, struct bytes packet, char ret_result[32])
{
    struct timeval limit = { .tv_sec = ANSWER_S };
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) return REFUSE_SYS(E_IO, errno);
    if (send(fd, packet.at, packet.n, MSG_NOSIGNAL) != (ssize_t)packet.n) return REFUSE_SYS(E_CLOSED, errno);
    ssize_t n = recv(fd, ret_result, 31, 0);
    if (n <= 0) return REFUSE(E_TIMEOUT); /* it has it: whether it was carried out before it ended, nobody here knows */
    ret_result[n] = 0;
    return DONE;
}

static MUST outcome hand_over(const char *dir, struct bytes packet, char ret_result[32])
{
    struct sockaddr_un at;
    TRY(address_of(dir, &at));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return REFUSE_SYS(E_IO, errno);
    outcome done = connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 ? DONE : REFUSE_SYS(E_CLOSED, errno);
    if (ok(done)) done = exchange(fd, packet, ret_result);
    close(fd);
    return done;
}

outcome local_ask(const char *dir, const struct operation *o, char ret_result[32])
{
    struct buffer packet = BUFFER(OPERATION_MAX);
    outcome done = operation_write(o, &packet);
    if (ok(done)) done = hand_over(dir, buffer_view(&packet), ret_result);
    buffer_deinit(&packet);
    return done;
}

outcome local_tell(const char *dir, const struct people_probe *p)
{
    struct buffer packet = BUFFER(OPERATION_MAX);
    char result[32];
    outcome done = people_probe_row(p, 0, port_wall_ms(), &packet); /* the agent says when */
    if (ok(done)) done = hand_over(dir, buffer_view(&packet), result);
    buffer_deinit(&packet);
    return done;
}
