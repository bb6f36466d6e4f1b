/* The two tables. An empty cell is a step that cannot happen. */
#include "platform/life.h"

#include <string.h>

/* Cells hold state + 1, so that an empty cell is 0. */
#define TO(state) ((uint8_t)((state) + 1))

/* clang-format off */
static const uint8_t next_life[LIVES][LIFE_EVENTS] = {
    [LIFE_NONE]        = { [LIFE_INVITE] = TO(LIFE_EXPECTED) },
    [LIFE_DESIGNED]    = { [LIFE_INVITE] = TO(LIFE_EXPECTED), [LIFE_RETIRE] = TO(LIFE_RETIRED) },
    [LIFE_MADE]        = { [LIFE_INVITE] = TO(LIFE_EXPECTED), [LIFE_RETIRE] = TO(LIFE_RETIRED),
                           [LIFE_LOSE] = TO(LIFE_LOST) },
    [LIFE_EXPECTED]    = { [LIFE_INVITE] = TO(LIFE_EXPECTED), [LIFE_ENROL] = TO(LIFE_ENROLLED),
                           [LIFE_RETIRE] = TO(LIFE_RETIRED), [LIFE_LOSE] = TO(LIFE_LOST) },
    /* invited or enrolled again: a new key for the same device; the old one serves until then */
    [LIFE_ENROLLED]    = { [LIFE_INVITE] = TO(LIFE_ENROLLED), [LIFE_ENROL] = TO(LIFE_ENROLLED),
                           [LIFE_TRANSFER] = TO(LIFE_TRANSFERRED), [LIFE_RETIRE] = TO(LIFE_RETIRED),
                           [LIFE_LOSE] = TO(LIFE_LOST) },
    [LIFE_TRANSFERRED] = { [LIFE_INVITE] = TO(LIFE_EXPECTED), [LIFE_RETIRE] = TO(LIFE_RETIRED),
                           [LIFE_LOSE] = TO(LIFE_LOST) },
    [LIFE_RETIRED]     = { [LIFE_DESTROY] = TO(LIFE_DESTROYED), [LIFE_LOSE] = TO(LIFE_LOST) },
    [LIFE_DESTROYED]   = { 0 },
    [LIFE_LOST]        = { [LIFE_INVITE] = TO(LIFE_EXPECTED), [LIFE_RETIRE] = TO(LIFE_RETIRED) },
};

static const uint8_t next_trust[TRUSTS][TRUST_EVENTS] = {
    [TRUST_UNATTESTED]  = { [TRUST_QUOTE_GOOD] = TO(TRUST_ATTESTED), [TRUST_QUOTE_BAD] = TO(TRUST_QUARANTINED),
                            [TRUST_QUOTE_OLD] = TO(TRUST_UNATTESTED), [TRUST_QUARANTINE] = TO(TRUST_QUARANTINED),
                            [TRUST_REVOKE] = TO(TRUST_REVOKED) },
    [TRUST_ATTESTED]    = { [TRUST_QUOTE_GOOD] = TO(TRUST_ATTESTED), [TRUST_QUOTE_BAD] = TO(TRUST_QUARANTINED),
                            [TRUST_QUOTE_OLD] = TO(TRUST_DEGRADED), [TRUST_QUARANTINE] = TO(TRUST_QUARANTINED),
                            [TRUST_REVOKE] = TO(TRUST_REVOKED) },
    [TRUST_DEGRADED]    = { [TRUST_QUOTE_GOOD] = TO(TRUST_ATTESTED), [TRUST_QUOTE_BAD] = TO(TRUST_QUARANTINED),
                            [TRUST_QUOTE_OLD] = TO(TRUST_DEGRADED), [TRUST_QUARANTINE] = TO(TRUST_QUARANTINED),
                            [TRUST_REVOKE] = TO(TRUST_REVOKED) },
    /* a good quote lifts what a bad quote did; what was ordered, only a release (registry_trust_step) */
    [TRUST_QUARANTINED] = { [TRUST_QUOTE_GOOD] = TO(TRUST_ATTESTED), [TRUST_QUOTE_BAD] = TO(TRUST_QUARANTINED),
                            [TRUST_QUOTE_OLD] = TO(TRUST_QUARANTINED), [TRUST_QUARANTINE] = TO(TRUST_QUARANTINED),
                            [TRUST_RELEASE] = TO(TRUST_UNATTESTED), [TRUST_REVOKE] = TO(TRUST_REVOKED) },
    [TRUST_REVOKED]     = { 0 },
};

static const char *const life_words[LIVES][2] = {
    [LIFE_NONE] = { "none", "未登録" },
    [LIFE_DESIGNED] = { "designed", "設計済み" },
    [LIFE_MADE] = { "made", "製造済み" },
    [LIFE_EXPECTED] = { "expected", "登録待ち" },
    [LIFE_ENROLLED] = { "enrolled", "登録済み" },
    [LIFE_TRANSFERRED] = { "transferred", "移管済み" },
    [LIFE_RETIRED] = { "retired", "廃止" },
    [LIFE_DESTROYED] = { "destroyed", "廃棄済み" },
    [LIFE_LOST] = { "lost", "紛失" },
};
static const char *const trust_words[TRUSTS][2] = {
    [TRUST_UNATTESTED] = { "unattested", "未確認" },
    [TRUST_ATTESTED] = { "attested", "確認済み" },
    [TRUST_DEGRADED] = { "degraded", "期限切れ" },
    [TRUST_QUARANTINED] = { "quarantined", "隔離" },
    [TRUST_REVOKED] = { "revoked", "失効" },
};
static const char *const life_events[LIFE_EVENTS] = {
    [LIFE_INVITE] = "invite", [LIFE_ENROL] = "enrol", [LIFE_TRANSFER] = "transfer",
    [LIFE_RETIRE] = "retire", [LIFE_DESTROY] = "destroy", [LIFE_LOSE] = "lose",
};
static const char *const trust_events[TRUST_EVENTS] = {
    [TRUST_QUOTE_GOOD] = "quote-good", [TRUST_QUOTE_BAD] = "quote-bad", [TRUST_QUOTE_OLD] = "quote-old",
    [TRUST_QUARANTINE] = "quarantine", [TRUST_RELEASE] = "release", [TRUST_REVOKE] = "revoke",
};
/* clang-format on */

outcome life_step(enum life now, enum life_event e, enum life *ret)
{
    assert(now < LIVES && e < LIFE_EVENTS);
    if (next_life[now][e] == 0) return REFUSE(E_CONFLICT);
    *ret = (enum life)(next_life[now][e] - 1);
    return DONE;
}

outcome trust_step(enum trust now, enum trust_event e, enum trust *ret)
{
    assert(now < TRUSTS && e < TRUST_EVENTS);
    if (next_trust[now][e] == 0) return REFUSE(E_CONFLICT);
    *ret = (enum trust)(next_trust[now][e] - 1);
    return DONE;
}

const char *life_word(enum life l)
{
    return l < LIVES ? life_words[l][0] : "?";
}

const char *life_word_ja(enum life l)
{
    return l < LIVES ? life_words[l][1] : "?";
}

const char *trust_word(enum trust t)
{
    return t < TRUSTS ? trust_words[t][0] : "?";
}

const char *trust_word_ja(enum trust t)
{
    return t < TRUSTS ? trust_words[t][1] : "?";
}

const char *life_event_word(enum life_event e)
{
    return e < LIFE_EVENTS ? life_events[e] : "?";
}

const char *trust_event_word(enum trust_event e)
{
    return e < TRUST_EVENTS ? trust_events[e] : "?";
}

outcome life_parse(const char *word, enum life *ret)
{
    for (int l = 0; l < LIVES; l++) {
        if (strcmp(word, life_words[l][0]) != 0) continue;
        *ret = (enum life)l;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

outcome trust_parse(const char *word, enum trust *ret)
{
    for (int t = 0; t < TRUSTS; t++) {
        if (strcmp(word, trust_words[t][0]) != 0) continue;
        *ret = (enum trust)t;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

outcome life_event_parse(const char *word, enum life_event *ret)
{
    for (int e = 0; e < LIFE_EVENTS; e++) {
        if (strcmp(word, life_events[e]) != 0) continue;
        *ret = (enum life_event)e;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

outcome trust_event_parse(const char *word, enum trust_event *ret)
{
    for (int e = 0; e < TRUST_EVENTS; e++) {
        if (strcmp(word, trust_events[e]) != 0) continue;
        *ret = (enum trust_event)e;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}
