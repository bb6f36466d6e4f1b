#include "ledger/data.h"

outcome data_write(const struct data *d, struct buffer *b)
{
    b->n = 0;
    if (d->from.n > UINT16_MAX || d->topic.n > UINT16_MAX) return REFUSE(E_TOO_LARGE);
    if (d->session.n > UINT16_MAX || d->properties.n > UINT16_MAX) return REFUSE(E_TOO_LARGE);
    size_t n = 6 + d->from.n + d->topic.n;
    if (d->flags & DATA_SESSION) n += 4 + d->session.n;
    if (d->flags & DATA_PROPERTIES) n += 2 + d->properties.n;
    TRY(buffer_reserve(b, n + d->payload.n));
    struct out o = out_of(b->at, n + d->payload.n);
    put_u8(&o, d->flags);
    put_u8(&o, d->qos);
    put_field16(&o, d->from);
    put_field16(&o, d->topic);
    if (d->flags & DATA_SESSION) {
        put_field16(&o, d->session);
        put_u16(&o, d->packet_id);
    }
    if (d->flags & DATA_PROPERTIES) put_field16(&o, d->properties);
    put(&o, d->payload);
    TRY(out_done(&o));
    b->n = o.n;
    return DONE;
}

outcome data_read(struct bytes in, struct data *ret)
{
    struct data d = { 0 };
    TRY(take_u8(&in, &d.flags));
    TRY(take_u8(&in, &d.qos));
    TRY(take_field16(&in, &d.from));
    TRY(take_field16(&in, &d.topic));
    if (d.qos > 2 || d.flags & ~(DATA_RETAIN | DATA_FLAGGED | DATA_JSON | DATA_PROPERTIES | DATA_SESSION))
        return REFUSE(E_MALFORMED);
    if (d.flags & DATA_SESSION) {
        TRY(take_field16(&in, &d.session));
        TRY(take_u16(&in, &d.packet_id));
    }
    if (d.flags & DATA_PROPERTIES) TRY(take_field16(&in, &d.properties));
    d.payload = in;
    *ret = d;
    return DONE;
}
