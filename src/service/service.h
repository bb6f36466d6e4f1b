/* API, users, console hosting: an HTTP request in, a response out. Runs in core; the gate frames.
 * The same handlers serve https, the loopback console and the local CLI socket. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "assurance/assurance.h"
#include "fleet/enrol.h"
#include "history/history.h"
#include "ledger/ledger.h"
#include "platform/emergency.h"
#include "platform/incident.h"
#include "platform/exchange.h"
#include "platform/improve.h"
#include "platform/checklist.h"
#include "platform/reaction.h"
#include "platform/work.h"
#include "service/users.h"
#include "wire/http.h"
#include "wire/link.h"

enum caller_kind { CALLER_NOBODY, CALLER_LOCAL_ROOT, CALLER_SESSION, CALLER_DEVICE, CALLER_TOKEN };
struct caller {
    enum caller_kind kind;
    enum listener listener;       /* which door; LISTENERS = the local CLI socket */
    char name[64];                /* who, for audit */
    unsigned roles;               /* USER_BIT of the person, also behind a token */
    unsigned scopes;              /* of a token */
    bool person;                  /* a session of somebody in the table of people; else root's */
    uint8_t session[32];          /* hash of a session's cookie */
    char token[64];               /* a token's name */
    char source[LINK_ADDRESS_MAX];
};

/* How a device's own numbers came since this core started: the newest, those that are missing unsaid, came again, or were named
 * lost by the device. */
struct origin_count { uint64_t last, missing, again, lost; };

struct service_alert_step { const char *cause, *step, *by, *reason; int64_t until_ms; };

/* What the handlers may ask of the daemon; filled by node. */
struct service_port {
    void *ctx;
    struct ledger *ledger;
    struct history *history;      /* NULL: no index, the record alone is read */
    struct registry *registry;
    struct exchange *exchange;
    struct assurance *assurance;
    struct access *access;
    struct users *users;
    const char *site, *site_name_ja, *site_name_en;
    const char *host;             /* for invite URLs */
    uint16_t est_port, mqtt_port, console_port, https_port;
    const struct buffer *ca_chain;  /* PEM: who issues, who did before and still counts, their root last; changes in place */
    struct bytes tpm_roots_pem;   /* who is trusted to have made TPMs; empty: nobody */
    const char *console_dir;      /* static files, loaded at start */
    int64_t (*wall_ms)(void *ctx);
    int64_t (*mono_ms)(void *ctx);
    /* Append and apply a registry or audit entry. */
    outcome (*write)(void *ctx, unsigned kind, const struct doc *d, bool durable);
    /* Ask the seal for a device certificate (DER). */
    outcome (*certify)(void *ctx, const char *id, struct bytes spki, struct buffer *ret_der);
    /* What became of certificates, signed by authority `which` (crypto/seal_keys.h), DER. NULL: nobody signs. */
    outcome (*certify_status)(void *ctx, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret_der);
    bool (*origin)(void *ctx, const char *id, struct origin_count *ret); /* false: it numbers nothing, or said nothing yet */
    /* Ask for fresh evidence of a device now. */
    outcome (*challenge)(void *ctx, const char *id);
    /* The newest raw evidence of a device: what an outside verifier needs. E_UNKNOWN when there is none. */
    outcome (*evidence)(void *ctx, const char *id, struct bytes *ret_json, const uint8_t **ret_nonce, const char **ret_word,
        int64_t *ret_at_ms);
    /* Seal and publish a head now. */
    outcome (*head)(void *ctx);
    /* The newest entry about something: "decision:D-1", "grants". E_UNKNOWN. NULL: nobody knows. */
    outcome (*latest)(void *ctx, const char *name, uint64_t *ret);
    /* Take a signed policy of grants; why says what was wrong. */
    outcome (*grants)(void *ctx, struct bytes json, const char *by, char why[ASSURANCE_WHY]);
    /* The same of an agreement with a peer; every peer with its flows; an operator's "suspend" or "end" of a peer. */
    outcome (*agreement)(void *ctx, struct bytes json, const char *by, char why[ASSURANCE_WHY]);
    struct doc *(*peers)(void *ctx, struct arena *arena);
    outcome (*statement)(void *ctx, const char *id, struct bytes json, char why[ASSURANCE_WHY]); /* a peer's, signed */
    outcome (*peer_change)(void *ctx, const char *id, const char *verb, const char *reason, const char *by);
    /* An open SSE response: push bytes to its link. */
    void (*push)(void *ctx, uint32_t link, struct bytes b);
    void (*close)(void *ctx, uint32_t link);
    /* From another thread: let the loop take a turn now (service_turn). */
    void (*wake)(void *ctx);
    /* Give payloads of recorded data up; write the entry that says so. */
    outcome (*prune)(void *ctx, const struct ledger_rule *rule, const char *why, const char *by, struct ledger_prunable *ret);
    /* Certificates shown now, PEM, leaf first: to devices, and to people's browsers (empty: the same one). Have them read again. */
    void (*certificates)(void *ctx, struct bytes *ret_site, struct bytes *ret_web);
    outcome (*certificate_again)(void *ctx, const char *by);
    /* Destroy the data key of a device. E_UNKNOWN: it has none. */
    outcome (*erase)(void *ctx, const char *id, const char *reason, const char *by);
    /* The newest alarms, newest first; a list. */
    struct doc *(*alerts)(void *ctx, struct arena *arena);
    /* The standing checks and what each found; a list (docs/watch.md). */
    struct doc *(*checks)(void *ctx, struct arena *arena);
    /* Alerts by cause; a person's step: "ack", "mute", "unmute", "test". E_UNKNOWN, E_RANGE. */
    struct doc *(*causes)(void *ctx, struct arena *arena);
    outcome (*cause_step)(void *ctx, const struct service_alert_step *s);
    const struct emergencies *emergencies; /* NULL: there are none */
    const struct improvement *improvement; /* likewise */
    const struct incidents *incidents; /* NULL: there are none */
    const struct works *works;    /* NULL: there are none */
    /* A signed approval of a work permit. */
    outcome (*permit)(void *ctx, struct bytes json, char why[ASSURANCE_WHY]);
    const struct checklists *checklists; /* NULL: there are none */
    /* A checklist signed by an owner. */
    outcome (*checklist)(void *ctx, struct bytes json, char why[ASSURANCE_WHY]);
    const struct reactions *reactions; /* NULL: there are none */
    /* Whether such an entry would be taken; a rule signed by the asset owner. */
    outcome (*reaction_judge)(void *ctx, const struct doc *d, char why[REACTION_WHY]);
    outcome (*reaction_rule)(void *ctx, struct bytes json, char why[ASSURANCE_WHY]);
    /* A sensor's observation: {"address", "what", "protocol"}. */
    outcome (*observed)(void *ctx, const struct doc *d);
    /* Count a refusal (token guesses) towards guard and audit. */
    void (*refused)(void *ctx, enum listener l, enum link_refusal why, const char *source);
};

struct service;
MUST outcome service_new(const struct service_port *port, struct service **ret);
void service_free(struct service *s);

/* One request. Writes the whole response to b. *ret_stream: the connection stays open on `link`: as SSE, or because the answer
 * comes later through the port (push, then close). *ret_close. */
MUST outcome service_request(struct service *s, const struct caller *c, uint32_t link, const struct http_request *r,
    struct buffer *b, bool *ret_stream, bool *ret_close);
/* The SSE link is gone. */
void service_link_down(struct service *s, uint32_t link);
/* Push an event to every open SSE link whose caller may see it. */
void service_event(struct service *s, const char *event, const struct doc *d);
int service_turn(struct service *s);
/* A one-time link for root or a person: 10 minutes, or a day. */
enum { LINK_ROOT_MINUTES = 10, LINK_PERSON_MINUTES = 24 * 60 };
struct service_link { char here[256], site[400]; int64_t minutes; };
MUST outcome service_link_new(struct service *s, const char *who, bool person, struct service_link *ret);
/* A one-time login link for the console: "http://localhost:8480/start#TOKEN", 10 min, one use. */
MUST outcome service_login_new(struct service *s, const char *who, char *ret_url, size_t size);

#endif
