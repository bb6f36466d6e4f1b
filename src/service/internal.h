/* Inside the service room only: one request on its way through a handler. */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include "base/port/port.h"
#include "base/time.h"
#include "service/service.h"

enum { SERVICE_LINKS_MAX = 64, SERVICE_SESSIONS_MAX = 64, SERVICE_GUESS_SOURCES = 256, SERVICE_READINGS_MAX = 4096,
    SERVICE_FILES_MAX = 64, REQUEST_ARENA_BYTES = 32 << 20 };

enum need { NEED_NOTHING, NEED_SIGHT, NEED_ROOT }; /* who may: anybody, a session or local root, local root */

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
};

struct reading {
    char topic[MQTT_TOPIC_MAX + 1];
    char from[ID_MAX];
    char value[512];           /* the payload when it is short UTF-8, else "" */
    int64_t at_ms;
    bool flagged;
};

struct service {
    struct service_port port;
    struct session sessions[SERVICE_SESSIONS_MAX];
    struct { uint32_t link; int64_t next_ping_ms; bool live; } streams[SERVICE_LINKS_MAX];
    struct { char source[LINK_ADDRESS_MAX]; unsigned wrong; int64_t since_ms; } guesses[SERVICE_GUESS_SOURCES];
    struct { char path[160]; const char *type; struct buffer body; } files[SERVICE_FILES_MAX];
    size_t n_files;
    struct reading *readings;  /* newest of each topic, SERVICE_READINGS_MAX */
    size_t n_readings;
    struct map reading_of;     /* topic -> struct reading */
    int64_t started_ms;
};

/* answer.c: ways to answer */
MUST outcome answer_doc(struct request *q, const struct doc *d);
MUST outcome answer_text(struct request *q, const char *type, struct bytes body);
/* RFC 9457 problem: code "SK-1204", cause and next step in both languages. */
MUST outcome answer_problem(struct request *q, int status, const char *code, const char *cause, const char *detail);
MUST outcome answer_outcome(struct request *q, outcome o, const char *cause, const char *detail);
MUST outcome answer_write(struct request *q, struct buffer *b, bool *ret_close);

/* sessions.c */
const struct session *session_for(struct service *s, const struct http_request *r);
MUST outcome handle_start(struct service *s, struct request *q);
MUST outcome handle_login(struct service *s, struct request *q);
MUST outcome handle_me(struct service *s, struct request *q);
bool guess_allowed(struct service *s, const char *source);
void guess_wrong(struct service *s, const char *source);

/* views.c: reading */
#define SERVICE_VIEWS(X) X(status) X(devices) X(device) X(evidence) X(readings) X(mission) X(controls) X(decisions) \
    X(limits) X(assessments) X(assessment) X(charter) X(model) X(streams) X(invites) X(ledger) X(entries) X(proof) X(why) X(held)
#define X(name) MUST outcome get_##name(struct service *s, struct request *q);
SERVICE_VIEWS(X)
#undef X

/* changes.c: writing */
MUST outcome change_invite(struct service *s, struct request *q);
MUST outcome change_device(struct service *s, struct request *q);
MUST outcome change_stream(struct service *s, struct request *q);
MUST outcome change_unmanaged(struct service *s, struct request *q);
MUST outcome get_unmanaged(struct service *s, struct request *q);
MUST outcome change_document(struct service *s, struct request *q);
MUST outcome change_head(struct service *s, struct request *q);

/* retention.c */
MUST outcome change_prune(struct service *s, struct request *q);
MUST outcome change_erase(struct service *s, struct request *q);

/* tiles.c */
MUST outcome get_checkpoint(struct service *s, struct request *q);
MUST outcome get_tile(struct service *s, struct request *q);
MUST outcome get_consistency(struct service *s, struct request *q);

/* grants.c */
MUST outcome get_grants(struct service *s, struct request *q);

/* peers.c */
MUST outcome get_peers(struct service *s, struct request *q);
MUST outcome change_peer(struct service *s, struct request *q);

/* est.c */
MUST outcome est_cacerts(struct service *s, struct request *q);
MUST outcome est_csrattrs(struct service *s, struct request *q);
MUST outcome est_enroll(struct service *s, struct request *q);
MUST outcome est_reenroll(struct service *s, struct request *q);

/* events.c */
MUST outcome handle_events(struct service *s, struct request *q);
MUST outcome events_open(struct service *s);

/* files.c */
MUST outcome files_load(struct service *s);
MUST outcome files_serve(struct service *s, struct request *q, bool *ret_found);

#endif
