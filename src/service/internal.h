/* Inside the service room only: one request on its way through a handler. */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include "base/port/port.h"
#include "base/time.h"
#include "fleet/endorse.h"
#include "service/hashing.h"
#include "service/service.h"

enum { SERVICE_LINKS_MAX = 64, SERVICE_SESSIONS_MAX = 64, SERVICE_GUESS_SOURCES = 256, SERVICE_GUESS_NAMES = 1024, SERVICE_READINGS_MAX = 4096,
    SERVICE_FILES_MAX = 64, REQUEST_ARENA_BYTES = 32 << 20 };

/* need, roles that may, scope a token needs: what a route asks of its caller. Local root may all but what is a person's
 * own. SIGHT is everybody's who is known; SESSION whoever has one; SELF a person's own things. */
#define SERVICE_NEEDS(X)                                                                           \
    X(NEED_NOTHING, 0, 0)                                                                          \
    X(NEED_SESSION, 0, 0)                                                                          \
    X(NEED_SELF, 0, 0)                                                                             \
    X(NEED_SIGHT, ~0u, 1u << SCOPE_READ)                                                           \
    X(NEED_OPERATE, USER_BIT(USER_OPERATOR), 1u << SCOPE_OPERATE)                                  \
    X(NEED_ENROL, USER_BIT(USER_OPERATOR) | USER_BIT(USER_ADMINISTRATOR), 1u << SCOPE_ENROL)       \
    X(NEED_DOCUMENTS, USER_SIGNING | USER_BIT(USER_OPERATOR), 1u << SCOPE_DOCUMENTS)               \
    X(NEED_ASK_EMERGENCY, USER_BIT(USER_OPERATOR) | USER_BIT(USER_ADMINISTRATOR) | USER_SIGNING, 1u << SCOPE_OPERATE) \
    X(NEED_EMERGENCY, USER_BIT(USER_OPERATOR) | USER_BIT(USER_ADMINISTRATOR) | USER_SIGNING | USER_BIT(USER_AUDITOR), 1u << SCOPE_OPERATE) \
    X(NEED_OWNER, USER_BIT(USER_ASSET_OWNER), 1u << SCOPE_OPERATE)                               \
    X(NEED_REACT, USER_BIT(USER_OPERATOR) | USER_BIT(USER_ASSET_OWNER), 1u << SCOPE_OPERATE)      \
    X(NEED_IMPROVE, USER_BIT(USER_OPERATOR) | USER_BIT(USER_ADMINISTRATOR) | USER_SIGNING | USER_BIT(USER_AUDITOR), 1u << SCOPE_OPERATE) \
    X(NEED_WORK, USER_BIT(USER_OPERATOR) | USER_BIT(USER_ADMINISTRATOR) | USER_SIGNING | USER_BIT(USER_CONTRACTOR), 1u << SCOPE_OPERATE) \
    X(NEED_PEOPLE, USER_BIT(USER_ADMINISTRATOR), 0)                                                \
    X(NEED_ROOT, 0, 0)
enum need {
#define X(name, roles, scope) name,
    SERVICE_NEEDS(X)
#undef X
        NEEDS
};

struct request {
    const struct caller *caller;
    const struct http_request *http;
    uint32_t link;
    struct arena arena;
    char arg[2][160];        /* the path's {} parts, decoded */
    int status;
    const struct doc *doc;   /* a JSON answer, or */
    struct buffer body;      /* any other */
    const char *type;
    char fields[640];        /* extra header lines */
    bool stream;
    bool later;              /* the answer comes when the helper thread is done */
};

struct route {
    const char *method, *path; /* "{}" matches one segment, "{..}" at the end all that is left */
    unsigned doors;            /* bits of enum listener; local socket always */
    enum need need;
    outcome (*handle)(struct service *s, struct request *q);
};

struct session {
    uint8_t token_hash[32];
    char who[64];
    int64_t until_ms;          /* mono */
    bool once;                 /* a one-time link, not yet a session */
    bool person;               /* who is in the table of people */
    bool fresh;                /* began with a one-time link: may set a first password */
    bool strong;               /* began with a link or a passkey: may add and remove passkeys */
};

struct named_guess {           /* wrong passwords in a row of one name, whoever has it */
    uint8_t name_hash[32];
    char user[ID_MAX];         /* "": nobody */
    unsigned wrong;
    int64_t at_ms;             /* mono, of the newest */
};

struct reading {
    char topic[MQTT_TOPIC_MAX + 1];
    char from[ID_MAX];
    char value[512];           /* the payload when it is short UTF-8, else "" */
    int64_t at_ms;
    bool flagged;
};

enum { SERVICE_ANSWERED = 512 };
struct answered {              /* a challenge that was answered well: never again */
    uint8_t challenge[32];
    int64_t until_ms;          /* mono, when nobody could answer it any more; 0: a free row */
};

struct reader {                /* who reads a page, as the grants know him */
    bool root;                 /* the machine's own, who reads the record's files besides */
    char person[ID_MAX];       /* an operator, an administrator, or else a viewer of that id */
    char purpose[32];          /* what he says it is for (?purpose=), "" for nothing */
};

struct service {
    struct service_port port;
    uint8_t challenge_secret[32];
    struct answered answered[SERVICE_ANSWERED];
    struct endorse endorse;
    struct session sessions[SERVICE_SESSIONS_MAX];
    struct { uint32_t link; int64_t next_ping_ms; bool live, token; uint8_t session[32]; char name[64]; struct reader reader; } streams[SERVICE_LINKS_MAX];
    struct named_guess names[SERVICE_GUESS_NAMES];
    struct hashing *hashing;
    struct { char source[LINK_ADDRESS_MAX]; unsigned wrong; int64_t since_ms; } guesses[SERVICE_GUESS_SOURCES];
    struct { char path[160]; const char *type; struct buffer body; } files[SERVICE_FILES_MAX];
    size_t n_files;
    struct reading *readings;  /* newest of each topic, SERVICE_READINGS_MAX */
    size_t n_readings;
    struct map reading_of;     /* topic -> struct reading */
    int64_t started_ms;
    struct crl { struct buffer der; uint8_t authority[8]; uint64_t epoch; int64_t at_ms; } crls[2]; /* who issues, who did before */
};

/* answer.c: ways to answer */
MUST outcome answer_doc(struct request *q, const struct doc *d);
MUST outcome answer_text(struct request *q, const char *type, struct bytes body);
/* RFC 9457 problem: code "SK-1204", cause and next step in both languages. */
MUST outcome answer_problem(struct request *q, int status, const char *code, const char *cause, const char *detail);
/* The same where the cause is said in both languages, with a next step of its own. */
struct problem { int status; const char *code, *ja, *en, *try_ja, *try_en; };
MUST outcome answer_said(struct request *q, const struct problem *p, const char *detail);
MUST outcome answer_outcome(struct request *q, outcome o, const char *cause, const char *detail);
MUST outcome answer_write(struct request *q, struct buffer *b, bool *ret_close);

/* sessions.c */
const struct session *session_for(struct service *s, const struct http_request *r);
struct session *session_by_hash(struct service *s, const uint8_t hash[32]);
/* Says who asks, by session or token. */
void session_name_caller(struct service *s, struct caller *c, const struct http_request *r);
/* Answers with a cookie. */
MUST outcome session_begin(struct service *s, struct request *q, const struct session *as);
/* All of a person's, links too, but one. */
void sessions_end(struct service *s, const char *who, const uint8_t *but);
void session_text(char text[65]); /* 256 random bits, hexadecimal */
MUST outcome handle_end(struct service *s, struct request *q);
MUST outcome handle_start(struct service *s, struct request *q);
MUST outcome handle_login(struct service *s, struct request *q);
MUST outcome handle_me(struct service *s, struct request *q);
bool guess_allowed(struct service *s, const char *source);
void guess_wrong(struct service *s, const char *source);
void guess_right(struct service *s, const char *source); /* one less */

/* sign_in.c */
MUST outcome sign_in_by_password(struct service *s, struct request *q, const struct doc *d);
MUST outcome change_password(struct service *s, struct request *q);
void sign_in_turn(struct service *s);

/* passkeys.c */
MUST outcome passkey_challenge(struct service *s, struct request *q);
MUST outcome sign_in_offline(struct service *s, struct request *q, const struct doc *d);
MUST outcome sign_in_by_passkey(struct service *s, struct request *q, const struct doc *d);
MUST outcome passkey_register_challenge(struct service *s, struct request *q);
MUST outcome passkey_register(struct service *s, struct request *q);
MUST outcome passkey_remove(struct service *s, struct request *q);

/* people.c */
MUST outcome get_users(struct service *s, struct request *q);
MUST outcome get_user(struct service *s, struct request *q);
MUST outcome change_users(struct service *s, struct request *q);
MUST outcome change_user(struct service *s, struct request *q);
MUST outcome get_tokens(struct service *s, struct request *q);
MUST outcome change_tokens(struct service *s, struct request *q);
MUST outcome change_token(struct service *s, struct request *q);
/* Records it; where the rules refuse, the problem is answered and q->status tells. */
MUST outcome person_change(struct service *s, struct request *q, const char *what, const char *reason, const struct user *before,
    const struct user *after);

/* views.c: reading */
#define SERVICE_VIEWS(X) X(status) X(devices) X(device) X(evidence) X(readings) X(mission) X(controls) X(compliance) X(decisions) \
    X(limits) X(assessments) X(assessment) X(charter) X(model) X(streams) X(invites) X(ledger) X(entries) X(proof) X(held)
#define X(name) MUST outcome get_##name(struct service *s, struct request *q);
SERVICE_VIEWS(X)
#undef X
MUST outcome get_why(struct service *s, struct request *q); /* why.c */

/* missions.c: what a mission's figure is made of, inputs tried, the curve */
MUST outcome get_insight(struct service *s, struct request *q);
MUST outcome get_what_if(struct service *s, struct request *q);
MUST outcome get_curve(struct service *s, struct request *q);

/* public.c: to anybody */
MUST outcome get_public(struct service *s, struct request *q);
MUST outcome get_public_page(struct service *s, struct request *q);

/* changes.c: writing */
MUST outcome body_of(struct request *q, struct doc **ret);
/* A member that is none of these is refused and audited (400, q->status tells). */
MUST outcome only_members(struct service *s, struct request *q, const struct doc *body, const char *const *names);
/* An audit entry by the caller (by itself where nobody is signed in yet). */
MUST outcome audit_named(struct service *s, struct request *q, const char *what, const char *id, const char *reason);
MUST outcome change_invite(struct service *s, struct request *q);
MUST outcome change_device(struct service *s, struct request *q);
MUST outcome change_stream(struct service *s, struct request *q);
MUST outcome change_unmanaged(struct service *s, struct request *q);
MUST outcome change_alerts(struct service *s, struct request *q);
MUST outcome get_metrics(struct service *s, struct request *q); /* metrics.c */
MUST outcome get_causes(struct service *s, struct request *q);
MUST outcome change_cause(struct service *s, struct request *q);
MUST outcome get_alerts(struct service *s, struct request *q);
MUST outcome get_checks(struct service *s, struct request *q);
MUST outcome get_unmanaged(struct service *s, struct request *q);
MUST outcome change_document(struct service *s, struct request *q);
MUST outcome change_head(struct service *s, struct request *q);
MUST outcome accept_destruction(struct service *s, struct request *q, char why[ASSURANCE_WHY]);
MUST outcome device_step(struct service *s, struct request *q, const struct identity *who, enum life_event e, const char *why);
/* An entry's index as text. E_MALFORMED. */
MUST outcome number_of(const char *text, uint64_t *ret);
MUST outcome get_history(struct service *s, struct request *q);
MUST outcome get_lineage(struct service *s, struct request *q);
MUST outcome change_backup(struct service *s, struct request *q);

/* work.c */
MUST outcome get_works(struct service *s, struct request *q);
MUST outcome get_work(struct service *s, struct request *q);
MUST outcome change_works(struct service *s, struct request *q);
MUST outcome change_work(struct service *s, struct request *q);
/* A contractor outside any open permit of his: he gets nothing but his own things and his requests. */
bool contractor_waits(struct service *s, const struct caller *c);

/* holds.c */
MUST outcome approve_hold(struct service *s, struct request *q);
MUST outcome find_harmless(struct service *s, struct request *q);

/* retention.c */
MUST outcome change_prune(struct service *s, struct request *q);
MUST outcome change_erase(struct service *s, struct request *q);
MUST outcome get_certificates(struct service *s, struct request *q);
MUST outcome change_certificates(struct service *s, struct request *q);

/* incident.c */
MUST outcome get_incidents(struct service *s, struct request *q);
MUST outcome change_incidents(struct service *s, struct request *q);
MUST outcome change_incident(struct service *s, struct request *q);
void incident_status(struct service *s, struct arena *a, struct doc *status);
/* emergency.c */
MUST outcome get_emergencies(struct service *s, struct request *q);
MUST outcome change_emergencies(struct service *s, struct request *q);
MUST outcome change_emergency(struct service *s, struct request *q);
/* The open one of whoever asks; NULL: none. It makes him an operator as well (widen), each request of his is recorded (note). */
const struct emergency *emergency_of_caller(struct service *s, const struct caller *c);
void emergency_widen(struct service *s, struct caller *c);
MUST outcome emergency_note(struct service *s, struct request *q);
void emergency_header(struct service *s, struct request *q);
void emergency_status(struct service *s, struct arena *a, struct doc *status);

/* tiles.c */
MUST outcome get_checkpoint(struct service *s, struct request *q);
MUST outcome get_tile(struct service *s, struct request *q);
MUST outcome get_consistency(struct service *s, struct request *q);

/* checklists.c */
MUST outcome get_checklists(struct service *s, struct request *q);
MUST outcome get_checklist(struct service *s, struct request *q);
MUST outcome change_checklists(struct service *s, struct request *q);
MUST outcome change_checklist(struct service *s, struct request *q);

/* reactions.c */
MUST outcome get_reactions(struct service *s, struct request *q);
MUST outcome propose_reactions(struct service *s, struct request *q);
MUST outcome change_reactions(struct service *s, struct request *q);
MUST outcome change_reaction(struct service *s, struct request *q);
MUST outcome change_profiles(struct service *s, struct request *q);

/* grants.c */
MUST outcome get_grants(struct service *s, struct request *q);
/* The person as a subject of grants; false: nobody of that id, or revoked. */
bool person_identity(struct service *s, const char *id, struct identity *ret);
struct reader reader_of(const struct request *q);
/* Asks the grants for "administer". false: it is answered (403, with the whole tree). Root of the machine is not asked. */
bool may_administer(struct service *s, struct request *q, const char *topic, outcome *ret);

/* why.c: a verdict as a document: ruling, word, steps with what to do, whom to ask and the entries that prove it. */
struct why { const struct question *asks; const char *said; /* the action, as it was asked for */ };
struct doc *why_doc(struct service *s, struct request *q, const struct why *w, struct verdict *ret);
/* Asks the exchange's one egress for every message and every reader, at the moment it is shown. */
bool reader_sees(struct service *s, const struct reader *r, const struct message *m, bool history, struct message *ret);
/* In what form he reads the history of such messages, whatever they say. */
enum shown reader_form(struct service *s, const struct reader *r, const struct message *m);

/* improve.c */
MUST outcome get_improvement(struct service *s, struct request *q);
MUST outcome change_improvement(struct service *s, struct request *q);
MUST outcome change_improvement_step(struct service *s, struct request *q);
void improve_status(struct service *s, struct arena *a, struct doc *status);

/* drafts.c */
MUST outcome get_drafts(struct service *s, struct request *q);
MUST outcome compose_draft(struct service *s, struct request *q);

/* peers.c */
MUST outcome get_peers(struct service *s, struct request *q);
MUST outcome change_peer(struct service *s, struct request *q);
outcome change_hold(struct service *s, struct request *q);

/* est.c */
MUST outcome est_cacerts(struct service *s, struct request *q);
MUST outcome est_endorse(struct service *s, struct request *q);
MUST outcome est_csrattrs(struct service *s, struct request *q);
MUST outcome est_enroll(struct service *s, struct request *q);
MUST outcome est_reenroll(struct service *s, struct request *q);
/* authority.c: who issues, and what became of certificates */
MUST outcome est_crl(struct service *s, struct request *q);
MUST outcome est_ocsp(struct service *s, struct request *q);
MUST outcome get_crl(struct service *s, struct request *q);
MUST outcome get_ocsp(struct service *s, struct request *q);
MUST outcome get_authorities(struct service *s, struct request *q);
MUST outcome accept_retirement(struct service *s, struct request *q, char why[ASSURANCE_WHY]);

/* events.c */
MUST outcome handle_events(struct service *s, struct request *q);
MUST outcome events_open(struct service *s);
void events_sweep(struct service *s); /* closes pages whose session or token is over */

/* files.c */
MUST outcome files_load(struct service *s);
MUST outcome files_serve(struct service *s, struct request *q, bool *ret_found);

#endif
