/* Inputs tried out: what the figure would be if one of them were another. On copies; nothing is stored. */
#include "assurance/insight.h"

static MUST outcome number_of(struct bytes text, int64_t max, int64_t *ret)
{
    int64_t v = 0;
    if (text.n == 0 || text.n > 18) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < text.n; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return REFUSE(E_MALFORMED);
        v = v * 10 + (text.at[i] - '0');
    }
    if (v > max) return REFUSE(E_MALFORMED);
    *ret = v;
    return DONE;
}

static struct bytes cut(struct bytes *rest, char at)
{
    const uint8_t *found = rest->n ? memchr(rest->at, at, rest->n) : NULL;
    size_t n = found ? (size_t)(found - rest->at) : rest->n;
    struct bytes part = bytes_of(rest->at, n);
    *rest = bytes_of(rest->at + n + (found != NULL), rest->n - n - (found != NULL));
    return part;
}

/* Proven on this share of its scope, with the alternatives it vouches for. */
static MUST outcome try_control(struct model *m, struct assess_inputs *in, const char *id, struct bytes value)
{
    size_t at = model_control(m, id);
    int64_t mille;
    if (at == SIZE_MAX) return REFUSE(E_UNKNOWN);
    TRY(number_of(value, 1000, &mille));
    struct risk_coverage r = risk_cover(mille * 1000000, 0);
    struct evidence_coverage *c = &in->coverage[at];
    c->p_ppb = mille * 1000000, c->f_ppb = 0, c->proven_ppb = r.proven, c->expected_ppb = r.expected;
    for (size_t k = 0; k < m->controls[at].n_scope; k++) {
        size_t other = model_alternative(m, m->controls[at].scope[k]);
        if (other == SIZE_MAX) continue;
        in->alternatives[other][RISK_EXPECTED] = r.expected;
        in->alternatives[other][RISK_DECISION] = r.proven;
    }
    return DONE;
}

static MUST outcome try_rate(struct model *m, struct assess_inputs *in, const char *id, struct bytes value)
{
    size_t at = model_threat(m, id);
    int64_t ppb;
    (void)in;
    if (at == SIZE_MAX) return REFUSE(E_UNKNOWN);
    TRY(number_of(value, 1000 * RISK_PPB, &ppb));
    if (ppb == 0) return REFUSE(E_MALFORMED);
    for (size_t i = 0; i < 3; i++) m->threats[at].rate_ppb[i] = ppb;
    return DONE;
}

static MUST outcome try_loss(struct model *m, struct assess_inputs *in, const char *id, struct bytes value)
{
    size_t at = model_threat(m, id);
    (void)in;
    if (at == SIZE_MAX) return REFUSE(E_UNKNOWN);
    return number_of(value, 1000000000000000, &m->threats[at].loss_mean_yen);
}

static MUST outcome try_buy(struct model *m, struct assess_inputs *in, const char *id, struct bytes value)
{
    size_t at = model_option(m, id);
    if (value.n) return REFUSE(E_MALFORMED);
    if (at == SIZE_MAX) return REFUSE(E_UNKNOWN);
    insight_buy(m, (uint64_t)1 << at, in);
    return DONE;
}

static MUST outcome try_one(struct bytes part, struct model *m, struct assess_inputs *in)
{
    static const struct {
        const char *word;
        outcome (*change)(struct model *m, struct assess_inputs *in, const char *id, struct bytes value);
    } rows[] = { { "control", try_control }, { "rate", try_rate }, { "loss", try_loss }, { "buy", try_buy } };
    struct bytes word = cut(&part, ':'), name = cut(&part, ':');
    char id[MODEL_ID];
    TRY(bytes_to_text(name, id, sizeof id));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (bytes_equal_str(word, rows[i].word)) return rows[i].change(m, in, id, part);
    return REFUSE(E_MALFORMED);
}

outcome insight_try(const char *changes, struct model *m, struct assess_inputs *in, struct bytes *ret_bad)
{
    struct bytes rest = bytes_str(changes);
    *ret_bad = rest;
    if (rest.n == 0) return REFUSE(E_MALFORMED);
    for (size_t n = 0; rest.n; n++) {
        *ret_bad = cut(&rest, ',');
        if (n == TRIAL_MAX) return REFUSE(E_TOO_LARGE);
        TRY(try_one(*ret_bad, m, in));
    }
    return DONE;
}
