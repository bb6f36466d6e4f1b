/* $SYS/broker/...: how the exchange is, under mosquitto's names, so that its exporters work. Retained, from the server
 * itself, through the same egress as all else; a row is a topic. */
#include "platform/exchange_internal.h"

typedef uint64_t (*reading)(const struct exchange *x);

#define COUNTS(X)                                                                                                      \
    X(clients_connected, x->counts.sessions - x->counts.offline)                                                       \
    X(clients_disconnected, x->counts.offline)                                                                         \
    X(clients_total, x->counts.sessions)                                                                               \
    X(clients_maximum, x->counts.most)                                                                                 \
    X(clients_expired, x->counts.expired)                                                                              \
    X(packets_in, x->counts.packets_in)                                                                                \
    X(packets_out, x->counts.packets_out)                                                                              \
    X(bytes_in, x->counts.bytes_in)                                                                                    \
    X(bytes_out, x->counts.bytes_out)                                                                                  \
    X(publishes_in, x->counts.received)                                                                                \
    X(publishes_out, x->counts.delivered)                                                                              \
    X(publishes_dropped, x->counts.dropped)                                                                            \
    X(publishes_yielded, x->counts.yielded)                                                                            \
    X(payload_in, x->counts.payload_in)                                                                                \
    X(payload_out, x->counts.payload_out)                                                                              \
    X(retained, x->retained_n)                                                                                         \
    X(subscriptions, x->counts.subscriptions)                                                                          \
    X(shared, x->counts.shared)                                                                                        \
    X(kept_bytes, x->kept_bytes)
#define X(name, what)                                                                                                  \
    static uint64_t name(const struct exchange *x)                                                                     \
    {                                                                                                                  \
        return what;                                                                                                   \
    }
COUNTS(X)
#undef X

static const struct {
    const char *topic;
    reading read;
} rows[] = {
    { "clients/connected", clients_connected },
    { "clients/active", clients_connected },
    { "clients/disconnected", clients_disconnected },
    { "clients/inactive", clients_disconnected },
    { "clients/total", clients_total },
    { "clients/maximum", clients_maximum },
    { "clients/expired", clients_expired },
    { "messages/received", packets_in },
    { "messages/sent", packets_out },
    { "messages/stored", retained },
    { "store/messages/count", retained },
    { "store/messages/bytes", kept_bytes },
    { "bytes/received", bytes_in },
    { "bytes/sent", bytes_out },
    { "publish/messages/received", publishes_in },
    { "publish/messages/sent", publishes_out },
    { "publish/messages/dropped", publishes_dropped },
    { "publish/messages/yielded", publishes_yielded },
    { "publish/bytes/received", payload_in },
    { "publish/bytes/sent", payload_out },
    { "retained messages/count", retained },
    { "subscriptions/count", subscriptions },
    { "shared_subscriptions/count", shared },
};

/* Not counted as received: nobody sent it. Unkept, the next one comes in ten seconds. */
static void say(struct exchange *x, const char *name, struct bytes payload)
{
    struct cargo c;
    char topic[96];
    struct out o = out_of(topic, sizeof topic);
    put_str(&o, "$SYS/broker/");
    put_str(&o, name);
    struct message m = { .topic = out_view(&o), .payload = payload, .retain = true };
    cargo_from_message(x, &c, &m, PATH_SERVER);
    if (ok(sub_collect(x, m.topic, c.source))) {
        (void)!ok(retained_put(x, &c));
        deliver_all(x, &c);
    }
    cargo_done(x, &c);
}

int sys_turn(struct exchange *x)
{
    int64_t now = mono(x), every_ms = (int64_t)x->bounds.sys_every_s * 1000;
    char text[64];
    if (every_ms == 0) return -1;
    if (x->sys_ms > now) return (int)(x->sys_ms - now);
    x->sys_ms = now + every_ms;
    say(x, "version", BYTES_LIT("sekimorid version " SEKIMORI_VERSION));
    struct out o = out_of(text, sizeof text);
    put_fmt(&o, "%lld seconds", (long long)((now - x->start_ms) / 1000));
    say(x, "uptime", out_view(&o));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        o = out_of(text, sizeof text);
        put_fmt(&o, "%llu", (unsigned long long)rows[i].read(x));
        say(x, rows[i].topic, out_view(&o));
    }
    return (int)every_ms;
}
