/* A link's plaintext at the gate: first byte even = MQTT, odd = HTTP. However the bytes arrive, whole
 * or a few at a time, the same units come out and the same peer is refused. */
#include "fuzz.h"
#include "gate/front.h"

enum { UNITS_MAX = 64 };

struct cuts {
    size_t n, at[UNITS_MAX];
    bool refused;
};

static struct front_step step(bool http, struct front *f, struct bytes in)
{
    struct buffer answer = BUFFER(8192);
    struct front_step s = http ? front_http(f, in, &answer) : front_mqtt(f, in, &answer);
    HOLDS(answer.n <= 8192);
    HOLDS(s.does != FRONT_FORWARD || (s.n && s.n <= in.n && f->greeted));
    HOLDS(s.does != FRONT_REFUSE || s.why == LINK_FIRST_PACKET || s.why == LINK_FRAMING);
    buffer_deinit(&answer);
    return s;
}

/* Everything there is in arrived bytes from c's last cut on. */
static void cut(bool http, struct front *f, struct bytes arrived, struct cuts *c)
{
    while (c->n < UNITS_MAX && !c->refused) {
        size_t at = c->n ? c->at[c->n - 1] : 0;
        struct bytes head = bytes_of(arrived.at + at, arrived.n - at);
        if (!head.n) return;
        struct front_step s = step(http, f, head);
        if (s.does == FRONT_WAIT) return;
        if (s.does == FRONT_REFUSE) c->refused = true;
        else c->at[c->n++] = at + s.n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct front whole = { 0 }, pieces = { 0 };
    struct cuts a = { 0 }, b = { 0 };
    if (n < 2) return 0;
    bool http = data[0] & 1;
    size_t piece = 1 + n / 64;
    struct bytes in = bytes_of(data + 1, n - 1);
    cut(http, &whole, in, &a);
    for (size_t some = 0; some < in.n;) {
        some = in.n - some > piece ? some + piece : in.n;
        cut(http, &pieces, bytes_of(in.at, some), &b);
    }
    HOLDS(a.n == b.n && a.refused == b.refused && memcmp(a.at, b.at, sizeof a.at) == 0);
    HOLDS(whole.greeted == pieces.greeted && whole.version == pieces.version);
    return 0;
}
