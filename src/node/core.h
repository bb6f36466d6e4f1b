/* The core process: one deterministic loop that owns all state, wired here and nowhere else. Facts go
 * from rooms to assurance, limits from assurance to access; the log thread tells what is durable.
 * It owns no network socket: links arrive over the ring, people on the machine over a Unix socket. */
#ifndef NODE_CORE_H
#define NODE_CORE_H

#include "base/port/port.h"
#include "base/time.h"
#include "crypto/endorsement.h"
#include "fleet/appraise.h"
#include "platform/emergency.h"
#include "platform/improve.h"
#include "platform/incident.h"
#include "platform/work.h"
#include "history/history.h"
#include "node/config.h"
#include "node/connect.h"
#include "node/react.h"
#include "service/service.h"
#include "wire/channel.h"

enum { CORE_LINKS_MAX = 1 << 20, LOCAL_MAX = 16, CHALLENGE_TRIES = 40 };

struct core_link {
    uint32_t link;
    bool live;
    bool session;              /* an MQTT link the exchange knows */
    bool peer;                 /* another system's, on the peers' door */
    enum listener listener;
    char source[LINK_ADDRESS_MAX];
    char id[ID_MAX];           /* MQTT: the admitted identity; EST: whose certificate was shown, "" for none */
    int64_t not_after_ms;      /* of the certificate it showed */
    uint8_t authority[CERTIFICATE_AUTHORITY]; /* who issued it; zeros: the record does not say */
    uint16_t tls_version;
};

struct gate_channel {
    struct channel end;
    bool ready;                /* the gate said LINK_READY */
    bool lost;                 /* it does not read: more waits for it than backlog takes */
    struct buffer backlog;     /* records that found the ring full: u32 length + bytes */
    uint8_t *room;             /* one record, RING_RECORD_MAX */
};

struct challenge {
    char id[ID_MAX];
    uint8_t nonce[32];
    bool open;                 /* waiting for evidence */
    bool soon;                 /* wanted again so early that it has to wait */
    int tries;
    bool arrived;              /* evidence waits to be appraised */
    bool ignored;              /* an answer to another question came */
    int64_t next_ms, asked_ms; /* mono */
    int64_t answered_ms;       /* wall; 0 = never */
    enum appraisal last;
    struct appraised good;     /* newest good one, while has_good */
    bool has_good;
    struct buffer evidence;    /* newest raw evidence */
    bool by_auth;              /* asked for by MQTT's AUTH: the answer goes to auth_link */
    uint32_t auth_link;
};

enum { REFUSAL_REASON_MAX = 40 };
struct refusal {               /* one row of (what, who) */
    char reason[REFUSAL_REASON_MAX];
    char source[LINK_ADDRESS_MAX];
    char detail[200];          /* of the first since the last entry */
    uint64_t count;            /* since the last entry */
    int64_t until_ms;          /* mono: when the next entry may be written */
};

enum { WITNESS_WAITING = 64, WITNESS_NOTE_MAX = 1024 };
struct witness_shown {
    char id[ID_MAX];
    size_t note_n;
    uint8_t note[WITNESS_NOTE_MAX];
};
struct witness {
    struct witness_shown waiting[WITNESS_WAITING];
    size_t n;
    unsigned said;             /* entries written about it since the start */
    bool set_back;             /* a device keeps a head this record does not lead to */
};

struct core {
    struct config config;
    char state[512];
    int epoll_fd, control_fd, seal_fd, durable_fd, local_fd, signal_fd;
    int first_channel[CHANNEL_FDS]; /* came before the site was open */
    bool stopping;
    const char *confined;      /* what the kernel holds core to */
    struct ledger *ledger;
    struct history *history;   /* NULL where there is none (lab, simulations) */
    unsigned seal_owed;        /* answers to questions given up: they still come, in order */
    int64_t seal_quiet_ms;     /* mono: a seal that did not answer is not waited for before */
    uint64_t sealed_size;
    int64_t seal_next_ms, self_next_ms, refusals_next_ms, links_next_ms, ended_next_ms, server_next_ms;
    struct registry *registry;
    struct access access;
    uint8_t name_key[32];      /* of pseudonyms; where it cannot be had, whoever would get one gets nothing */
    struct grants *grants;     /* applied policy; NULL: a new site's rows */
    int64_t grants_at_ms;
    char grants_hash[65];      /* of its payload, "" for none */
    struct works works;        /* work permits, and the open ones as access reads them */
    struct emergencies emergencies;
    struct improvement improvement;
    struct incidents incidents;
    struct permit *permit_rows;
    struct permits permits;
    struct checklists checklists; /* who is held until it is signed */
    struct reactions reactions; /* measures on single identities, their rules, makers' profiles */
    struct react_waiting reacting[REACT_WAITING];
    size_t n_reacting;
    struct map left_profile;   /* device -> hour in which it was said that it left its profile */
    struct exchange *exchange;
    struct alerts *alerts;     /* NULL: none are kept (lab) */
    struct checks *checks;     /* NULL: none (lab) */
    struct learn *learn;       /* NULL: nothing is learnt (lab) */
    struct assurance *assurance;
    struct users *users;
    struct service *service;
    struct gate_channel gate;
    struct core_link *links;
    size_t links_cap;
    struct map challenges;     /* id -> struct challenge */
    int64_t challenge_next_ms;
    struct map refusals;       /* "reason source" -> struct refusal */
    bool rolling;              /* another CA issues than did: who has not moved is told */
    struct buffer ca_chain, server_chain, web_chain, tpm_roots;
    uint8_t ledger_key[32];
    struct buffer read, read_session; /* an entry being read; the client id in it */
    struct mqtt_properties read_properties;
    struct buffer scratch;     /* canonical JSON of the entry being written */
    struct { int fd; struct buffer in, out; size_t sent; } local[LOCAL_MAX]; /* out: an answer on its way */
    struct limits limits;      /* copy of what assurance handed out */
    struct map latest;         /* "decision:D-1" -> index + 1 of the newest entry about it */
    struct map forms;          /* device id -> word: what its data was found to be since the last turn */
    struct map clones;         /* device id -> where its last links came from (clones.c) */
    struct map origins;        /* device id -> how its numbers came (origin.c) */
    bool origins_new;          /* something is to be told of them, or waits to be named */
    int64_t origins_due_ms;
    struct map retained;       /* topic -> index + 1 of the entry that holds its retained message */
    uint64_t cached_size;      /* entries the retained cache covers */
    int64_t prune_next_ms;
    uint64_t registry_seen;    /* epoch last given to assurance */
    bool probe_waits;          /* an outside probe's result, to be made a fact */
    enum fact_result probe_seen;
    char probe_detail[FACT_DETAIL_MAX];
    struct witness witness;
    struct steady clock;
    int64_t jumped_ms;         /* the machine's clock jumped; to be written */
    struct peers *peers;       /* NULL: no agreement was ever made */
    uint64_t holds_next;       /* learnt in replay */
    uint64_t replay_skipped;   /* entries that never applied: said in "started" */
};

/* core.c */
/* confine.c: gives up what core does not need, before any thread is made; how: what holds, in words. */
enum { CORE_FOLDERS = 4 };
MUST outcome core_confine(const char *state, const struct config *config, const char **ret_how);

/* The wall clock all of core lives by: it never goes back while the process lives (base/time.h). */
int64_t core_wall(struct core *c);

MUST outcome core_open(struct core *c, const char *state, const struct config *config);
/* Parts of core_open, in its order: rooms; what the opened record says (cut: torn bytes its opening dropped); the
 * service; what watches. Apart, so that a core can live in one process with its test. */
MUST outcome core_rooms(struct core *c);
void core_rooms_free(struct core *c); /* all of them, however far core_begin came; the ledger is the caller's */
MUST outcome core_begin(struct core *c, uint64_t cut);
MUST outcome core_serve(struct core *c);
MUST outcome core_start(struct core *c);
/* What is due; returns ms until something is due again. */
int core_due(struct core *c);
MUST outcome core_run(struct core *c);
void core_close(struct core *c);

/* record.c: entries. Appends, applies to registry (and to links when identities changed). */
MUST outcome core_write(struct core *c, unsigned kind, const struct doc *d, bool durable);
MUST outcome core_replay(struct core *c);
void core_registry_changed(struct core *c);
MUST outcome core_seal_head(struct core *c, int64_t hold_ms);
void core_exchange_port(struct core *c, struct exchange_port *ret);
bool core_recorded(struct core *c, const struct ledger_entry *e, struct recorded *ret);
void core_assurance_port(struct core *c, struct assurance_port *ret);
/* The envelope in an entry's "envelope", verified as it was when it was written. E_DENIED. */
struct signed_then { int64_t at_ms; struct arena *arena; struct assurance_signed *ret; };
MUST outcome core_signed_then(struct core *c, const char *type, const struct doc *entry, const struct signed_then *t);
/* An audit entry {"what", ...pairs}; pairs end with NULL. */
void core_audit(struct core *c, const char *what, ...);

/* latest.c: the newest entry about something, for answers to "why?"; kind word and id, "decision:D-1". */
void latest_note(struct core *c, unsigned kind, const struct doc *d, uint64_t index);
MUST outcome latest_find(void *ctx, const char *name, uint64_t *ret);

/* witness.c: heads that devices kept. witness_turn: true while more wait. */
MUST outcome witness_start(struct core *c);
/* clones.c: a link of this identity was let in */
void clones_up(struct core *c, const struct identity *who, const char *source);
void clones_close(struct core *c);
/* origin.c: numbers that are missing and that came again, by device */
MUST outcome origin_start(struct core *c);
void origin_turn(struct core *c, int64_t mono_ms);
bool origin_counted(const struct core *c, const char *id, struct origin_count *ret);
void origin_close(struct core *c);
/* A head our own seal signed, whoever kept it. */
void witness_shown(struct core *c, const char *by, uint64_t size, const struct hash *root);
bool witness_turn(struct core *c);

/* keep.c: what stays readable */
struct data;
/* own_key.c: 32 random bytes in the core's own folder, made when first asked for. */
MUST outcome own_key(const struct core *c, const char *name, uint8_t ret[32]);
MUST outcome keep_open(struct core *c);
MUST outcome keep_replay(struct core *c);
MUST outcome keep_append(struct core *c, const struct data *d, uint64_t *ret_index);
MUST outcome keep_save(struct core *c);
MUST outcome keep_prune(struct core *c, const struct ledger_rule *rule, const char *why, const char *by, struct ledger_prunable *ret);
MUST outcome keep_erase(struct core *c, const char *id, const char *reason, const char *by);
void keep_turn(struct core *c, int64_t mono_ms);

/* forms.c: word is a literal, "form-good" or what broke it. */
void forms_told(struct core *c, const struct message *m, const char *word);
void forms_turn(struct core *c);

/* grants.c: a signed policy; why as assurance's doors. */
MUST outcome core_grants(void *ctx, struct bytes json, const char *by, char why[ASSURANCE_WHY]);
MUST outcome core_grants_replay(struct core *c, struct bytes json, int64_t at_ms);
/* Where no policy was replayed: a new site's rows as one, whose answers are remembered. */
MUST outcome core_grants_default(struct core *c);

/* agree.c, stand.c, peers.c, flows.c, peers_shown.c: other systems behind agreements (node/peers.h); nothing runs while there is none. */
MUST outcome core_agreement(void *ctx, struct bytes json, const char *by, char why[ASSURANCE_WHY]);
MUST outcome core_agreement_replay(struct core *c, struct bytes json, int64_t at_ms);
void core_flow_replay(struct core *c, const struct doc *d, int64_t at_ms);
MUST outcome core_peer_change(void *ctx, const char *id, const char *verb, const char *reason, const char *by);
MUST outcome core_statement(void *ctx, const char *id, struct bytes json, char why[ASSURANCE_WHY]);
void core_statement_replay(struct core *c, const struct doc *d, int64_t at_ms);
struct doc *core_peers(void *ctx, struct arena *arena);
MUST outcome peers_start(struct core *c);
void peers_close(struct core *c);
MUST outcome peers_attach(struct core *c, const int fds[CHANNEL_FDS]);
int peers_wake_fd(const struct core *c); /* -1: no courier */
void peers_drain(struct core *c);
int peers_turn(struct core *c, int64_t mono_ms);
bool peers_link(uint32_t link);          /* one of ours, not of the gate */
void peers_packet(struct core *c, uint32_t link, struct bytes packet);
void peers_closed(struct core *c, uint32_t link);
/* door.c: peers that connect to us; link is the gate's. ret_id: "peer-<id>". A refusal of a packet ends the link. */
bool door_admit(struct core *c, uint32_t link, const uint8_t key_hash[32], char ret_id[ID_MAX]);
MUST outcome door_packet(struct core *c, uint32_t link, struct bytes packet);
void door_down(struct core *c, uint32_t link, const char *why);
/* PEM of all that may show a certificate there. */
MUST outcome peers_ca(const struct core *c, struct buffer *ret);

/* seal_client.c */
struct seal_public { struct buffer ca_chain, server, web; uint8_t ledger_key[32]; };
MUST outcome seal_public(struct core *c, struct seal_public *ret);
MUST outcome seal_head(struct core *c, uint64_t size, const struct hash *root, struct buffer *ret_note);
MUST outcome seal_device(struct core *c, const char *id, struct bytes spki, unsigned days, struct buffer *ret_der);
/* E_TOO_LARGE: more rows than one request carries. */
MUST outcome seal_status(struct core *c, unsigned which, bool ocsp, const struct x509_report *r, struct buffer *ret_der);

struct seal_statement; /* crypto/seal_keys.h */
MUST outcome seal_statement(struct core *c, const struct seal_statement *s, struct buffer *ret_payload, uint8_t ret_signature[64]);
MUST outcome seal_server(struct core *c); /* a new server certificate for the same key and names */

/* authorities.c: what a change of the CA means for who is here */
void authorities_changed(struct core *c, struct bytes before_pem); /* c->ca_chain is the new one */
void authorities_link_up(struct core *c, const char *id);

/* links.c */
void links_retire(struct core *c, const uint8_t (*gone)[CERTIFICATE_AUTHORITY], size_t n); /* links by certificates of these end now */
MUST outcome links_attach(struct core *c, const int fds[CHANNEL_FDS]); /* a fresh gate: configures it */
void links_drop(struct core *c);                                       /* the gate is gone */
/* A gate that breaks the records or does not read: written down, its channel dropped, the keeper asked for a fresh one. */
void links_lost(struct core *c, const char *why);
MUST outcome links_drain(struct core *c);                              /* what the gate sent */
void links_flush(struct core *c);
MUST outcome links_trust(struct core *c);                              /* (re)send certificates */
void links_peers(struct core *c);                                      /* (re)send whose certificates the peers' door takes */
void link_send(struct core *c, uint32_t link, struct bytes b);
void link_close(struct core *c, uint32_t link);
void link_idle(struct core *c, uint32_t link, uint32_t idle_ms);
void link_place(struct core *c, uint32_t link, uint8_t place);
void core_refused(struct core *c, enum listener l, enum link_refusal why, const char *source, uint64_t count);
/* The same for anything a peer can repeat: what, by whom, the first one's detail. */
void core_counted(struct core *c, const char *reason, const char *source, const char *detail, uint64_t count);
void core_refusals_turn(struct core *c, int64_t mono_ms);

/* attest.c: challenges, evidence, trust */
MUST outcome attest_start(struct core *c);
MUST outcome attest_ask(struct core *c, const char *id);
void attest_link_up(struct core *c, const char *id);
/* Attestation by AUTH (platform/exchange.h, attest): no data asks for a question, data is the evidence. */
MUST outcome attest_by_auth(struct core *c, uint32_t link, const struct identity *who, struct bytes data, struct buffer *ret);
int attest_turn(struct core *c, int64_t mono_ms);
const struct challenge *attest_of(const struct core *c, const char *id);

/* selfcheck.c: facts the core measures about itself and every admitted link */
void self_link_fact(struct core *c, const struct core_link *l);
MUST outcome self_start(struct core *c);
void self_turn(struct core *c, int64_t mono_ms);
void core_fact(struct core *c, const char *control, const char *asset, enum fact_result result,
    enum fact_method method, bool confirmed, const char *detail);

/* local.c: the CLI's Unix socket */
MUST outcome local_open(struct core *c);
void local_accept(struct core *c);
void local_read(struct core *c, int fd);
void local_close(struct core *c);

#endif
