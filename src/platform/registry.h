/* Who and what: identities (devices, services, people's tools), invites, streams. State is a fold
 * over ledger entries: every change is made as a document, appended to the ledger by the caller, then
 * applied here by the same function that replays it at start. */
#ifndef PLATFORM_REGISTRY_H
#define PLATFORM_REGISTRY_H

#include "base/map.h"
#include "platform/certificates.h"
#include "platform/life.h"
#include "platform/unmanaged.h"
#include "wire/doc.h"

#define ID_MAX 64           /* [a-z0-9][a-z0-9-]{0,62} */
#define STREAM_PATTERN_MAX 128

/* A peer is another system behind an agreement: made by that, never invited, without a key, so that nobody logs in as it. */
/* A contractor acts within work permits only (platform/access.h). */
/* An administrator is a person only (table of people), never invited. */
enum role { ROLE_NONE, ROLE_DEVICE, ROLE_OPERATOR, ROLE_VIEWER, ROLE_PEER, ROLE_ADMINISTRATOR, ROLE_CONTRACTOR, ROLES };
bool role_invited(enum role r); /* may be given by an invite */
bool role_personal(enum role r); /* a person's tool: may say whose */
const char *role_word(enum role r);
MUST outcome role_parse(const char *word, enum role *ret);

struct identity {
    char id[ID_MAX];
    enum role role;
    char group[ID_MAX];     /* asset group of the mission model, "" if none */
    char model[ID_MAX];     /* device model, "" if none */
    char person[ID_MAX];    /* whose tool it is, by the id in the table of people; "": nobody said. Once said it stays. Never a device's */
    enum life life;
    enum trust trust;
    bool has_key;
    uint8_t key_hash[32];   /* of the current certificate */
    uint8_t serial[20];
    uint8_t serial_n;
    int64_t not_after_ms;
    uint8_t authority[CERTIFICATE_AUTHORITY]; /* the key that issued it, first octets of its key id; zeros: not said */
    bool has_ak;
    uint8_t ak_spki[256];   /* attestation key, SubjectPublicKeyInfo DER */
    size_t ak_spki_n;
    bool has_ek;            /* its TPM's endorsement was proved at enrolment: genuine hardware */
    uint8_t ek_hash[32];    /* of the endorsement key: no two devices have one */
    char maker[64];         /* who certified it */
    int64_t changed_ms;
    int64_t attested_ms;    /* last good quote; memory only */
    char why[160];          /* of the last trust change */
    bool ordered;           /* quarantined by a person's or detector's order: a good quote alone does not lift it */
};

struct invite {
    uint8_t token_hash[32];  /* SHA-256 of the token; the token itself is never stored */
    char id[ID_MAX];         /* the identity it enrols */
    enum role role;
    char group[ID_MAX], model[ID_MAX], person[ID_MAX];
    int64_t until_ms;
    bool used;
};

/* What becomes of a message that breaks its form, on which a limit or an ordered quarantine acts, or that cannot be judged:
 * refused; delivered with a mark; or its readers keep the last good value, marked stale. */
enum fail_policy { FAIL_CLOSED, FAIL_PASS_FLAG, FAIL_HOLD_LAST };

enum { STREAM_FIELDS = 8, STREAM_NAME = 24, STREAM_UNIT = 16 };
enum form_type { FORM_NUMBER, FORM_INTEGER, FORM_TEXT, FORM_BOOL, FORM_TYPES };

struct stream_field { /* a member of a flat JSON object, or (name "") the whole payload as one plain number */
    char name[STREAM_NAME];
    char unit[STREAM_UNIT];     /* "": has none */
    char unit_in[STREAM_NAME];  /* the member that must say this unit; "": it goes without saying */
    enum form_type type;
    bool optional, has_min, has_max;
    int64_t min_milli, max_milli; /* thousandths */
};

enum { STREAM_INTERLOCKS = 3, STREAM_ORDER = 24 };
struct interlock {              /* a command goes only while the newest good value of this topic is on this side of a bound */
    char topic[STREAM_PATTERN_MAX];
    char field[STREAM_NAME];    /* "": the payload is the number */
    char unit[STREAM_UNIT];
    bool below;                 /* else above */
    int64_t milli;
    uint32_t within_s;          /* an older value is none */
    char only[4][STREAM_ORDER]; /* values of "do" it is about; none: every order that is not in the safe direction */
};

enum { STREAM_REDUCTIONS = 3 };
struct reduction {              /* what a reader below the stream's label gets instead (platform/reduce.h) */
    uint8_t to;                 /* enum label of the reduced form, below the stream's */
    uint8_t drop, alias;        /* bits of fields: left out; named by a keyed stable name */
    int64_t step_milli[STREAM_FIELDS]; /* of numbers: the multiple at or below is told; 0: as it is */
};

enum { DERIVE_INPUTS = 4, STREAM_SOURCE = 96, DERIVE_EVERY_MAX_S = 86400 };
enum derive_how { DERIVE_NONE, DERIVE_MEAN, DERIVE_MIN, DERIVE_MAX, DERIVE_SUM, DERIVE_COUNT, DERIVE_REDUCED, DERIVE_HOWS };
struct derivation {             /* it is computed from others (platform/derived.h) */
    enum derive_how how;
    char from[DERIVE_INPUTS][ID_MAX];
    uint8_t n;
    char field[STREAM_NAME];    /* of each input; "": the payload is the number */
    uint32_t every_s, at_least; /* the window; with fewer values in it nothing is said */
    uint8_t to;                 /* reduced: the label whose reduction it is */
    bool labelled;              /* a label of its own was declared, this one: */
    uint8_t label;
};

struct stream { /* a declared topic pattern */
    char name[ID_MAX];
    char pattern[STREAM_PATTERN_MAX]; /* MQTT filter */
    char owner[ID_MAX];
    char label[16];         /* public internal confidential restricted */
    char unit[16];
    bool recorded;
    enum fail_policy fail;
    bool command;
    char safe[4][24];       /* safe-direction values of payload field "do" */
    uint32_t expiry_s;      /* commands: 60 by default */
    uint8_t n_fields;       /* 0: any payload */
    bool others;            /* members that are not declared are let pass */
    struct stream_field fields[STREAM_FIELDS];
    bool two_people;        /* commands: a second person approves */
    uint8_t n_interlocks;
    struct interlock interlocks[STREAM_INTERLOCKS];
    uint8_t n_reductions;
    struct reduction reductions[STREAM_REDUCTIONS];
    struct derivation derive;
    char source[STREAM_SOURCE]; /* the file it was declared in, and its line there; "" and 0 where unknown */
    int line;
};

struct registry;

MUST outcome registry_new(struct registry **ret);
void registry_free(struct registry *r);
/* kind: ENTRY_IDENTITY, ENTRY_LIFE, ENTRY_INVITE, ENTRY_STREAM, ENTRY_UNMANAGED. Others are ignored. Whole or not at all.
 * E_MALFORMED: unknown or missing keys, broken values. E_CONFLICT: what the tables forbid (a step that is not
 * in them, a key or token of somebody else, leaving "revoked"). An invite makes its identity "expected". */
MUST outcome registry_apply(struct registry *r, unsigned kind, const struct doc *d, int64_t at_ms);

/* What applying would answer, memory aside; changes nothing. Asked before a change is recorded: what the record
 * holds and cannot be applied would stand in the way of every start. */
MUST outcome registry_judge(const struct registry *r, unsigned kind, const struct doc *d);

/* [a-z0-9][a-z0-9-]{0,62} */
bool registry_id_valid(struct bytes id);
/* What e would make of i, before the entry is written: the trust table, and E_DENIED for a good quote
 * of a device whose quarantine was ordered (only TRUST_RELEASE lifts that). */
MUST outcome registry_trust_step(const struct identity *i, enum trust_event e, enum trust *ret);

/* Identities and streams live as long as the registry and change in place: pointers stay good. */
const struct identity *registry_identity(const struct registry *r, const char *id);
/* Whose tool id is; "": not known, or there is no such identity. */
const char *registry_person(const struct registry *r, const char *id);
const struct identity *registry_by_key(const struct registry *r, const uint8_t key_hash[32]);
/* Whose hardware an endorsement key is; NULL if nobody's who is in service. */
const struct identity *registry_by_ek(const struct registry *r, const uint8_t ek_hash[32]);
const struct invite *registry_invite(const struct registry *r, const uint8_t token_hash[32]);
/* Every certificate given out that is not over by its date. */
const struct certificates *registry_certificates(const struct registry *r);
/* The most specific declared stream that meets the topic; NULL if none. */
const struct stream *registry_stream(const struct registry *r, struct bytes topic);
const struct stream *registry_stream_named(const struct registry *r, const char *name); /* NULL if none */
/* Devices that do not run our code; those whose id became an identity's are managed by now. */
const struct unmanaged_list *registry_unmanaged(const struct registry *r);
/* Rises with every applied change but steps of life and trust: who belongs where, and what is declared. */
uint64_t registry_declared_epoch(const struct registry *r);
/* A fast hash of a topic, for tables that compare the whole topic besides. */
uint64_t topic_hash(uint64_t seed, struct bytes topic);
/* Rises with every applied change: cached authorisations compare it. */
uint64_t registry_epoch(const struct registry *r);
/* Each writes at most cap and returns how many it wrote; cap 0: how many there are. */
size_t registry_identities(const struct registry *r, const struct identity **ret, size_t cap); /* sorted by id */
size_t registry_streams(const struct registry *r, const struct stream **ret, size_t cap);
size_t registry_invites(const struct registry *r, const struct invite **ret, size_t cap);

/* The documents of changes; the caller appends and applies them. Arena-owned, NULL = out of memory. */
struct doc *registry_doc_invite(struct arena *a, const struct invite *i);
struct doc *registry_doc_identity(struct arena *a, const struct identity *i); /* whole identity */
/* One step of life or trust: {"id","what":"trust","from","event","to","why","by"}. */
struct doc *registry_doc_life(struct arena *a, const char *id, const char *what, const char *from,
    const char *event, const char *to, const char *why, const char *by);
struct doc *registry_doc_stream(struct arena *a, const struct stream *s);

#endif
