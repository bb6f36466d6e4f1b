/* `sekimori`: what people type. Commands are rows; each asks the daemon over its local socket or works
 * offline on files. Says things once, in the reader's language; exit codes as in the manual. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/port/port.h"
#include "base/time.h"
#include "cli/words.h"
#include "crypto/sign.h"
#include "wire/doc.h"

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3, EXIT_AUTH = 4, EXIT_NOT_FOUND = 5,
    EXIT_CONFLICT = 6, EXIT_LIMITED = 7, EXIT_VERIFY = 8, EXIT_TEMPORARY = 75, EXIT_CONFIGURATION = 78 };

enum { CLI_ARGS_MAX = 8, CLI_FLAGS_MAX = 24 };

struct cli {
    bool ja, json, dry_run, bannered;
    const char *state;            /* state directory */
    const char *output;           /* -o; NULL = table */
    const char *args[CLI_ARGS_MAX];
    size_t n_args;
    struct { const char *name, *value; } flags[CLI_FLAGS_MAX];
    size_t n_flags;
    struct arena arena;
    const struct command *command;
};

struct command {
    const char *noun, *verb;      /* verb "" = the noun alone */
    const char *usage;            /* what follows */
    const char *ja, *en;          /* what it does */
    int (*run)(struct cli *c);
};

const char *cli_say(const struct cli *c, enum word w);
/* A member in the reader's language: key + "_ja" or "_en". */
const char *doc_said(const struct cli *c, const struct doc *d, const char *key);
/* NULL when absent. Repeatable flags: the k-th. */
const char *flag(const struct cli *c, const char *name);
const char *flag_nth(const struct cli *c, const char *name, size_t k);
int complain(const struct cli *c, int code, const char *number, const char *what, const char *at, const char *try);
int complain_usage(const struct cli *c);
int need_flag(const struct cli *c, const char *name);

struct model;
struct assess_inputs;

/* oscal.c: the compliance document as OSCAL assessment results. */
int print_oscal(struct cli *c, const struct doc *guidelines);

/* client.c: exit code 0 and a document, or the complaint already printed. body NULL = GET. */
int ask(struct cli *c, const char *method, const char *path, struct bytes body, const struct doc **ret);
int ask_doc(struct cli *c, const char *path, const struct doc *body, const struct doc **ret);
/* Appends ?/&name=percent-encoded value. */
void add_query(struct out *o, bool first, const char *name, const char *value);

/* yaml.c: a file as a tree with lines. Complains itself. */
int read_yaml(struct cli *c, const char *path, struct doc **ret);
/* A file of streams, every mistake said with its place and what was probably meant. */
int streams_check(const char *path, const struct doc *d);
/* Without its folders: they are this machine's. NULL when it is too long to keep. */
const char *file_name(const char *path);
int cmd_lineage(struct cli *c);
int read_file(struct cli *c, const char *path, struct buffer *ret);
int write_file(struct cli *c, const char *path, struct bytes b, int mode);
void print_json(const struct doc *d);
/* One cell of a CSV row, quoted where needed; a cell a spreadsheet would run as a formula is disarmed. */
void print_cell(const char *text, bool last);
/* risk.c: the model and coverage of the newest assessment, from the site or from --model and --assessment. The model is the
 * caller's to mem_free. */
int load_assessed(struct cli *c, struct model **ret_model, struct assess_inputs *ret);
/* An exported assessment's own document, whether or not it stands in its entry. */
int read_assessment(struct cli *c, const char *path, const struct doc **ret);
/* change.c: what this model would change; EXIT_LIMITED when a mission would no longer be within tolerance. */
int show_model_change(struct cli *c, const struct doc *tree);
/* report.c: a model to begin with, into --out; an existing file stays. */
int write_template(struct cli *c);
/* record.c: every entry from `after` on (of one kind, or NULL), a page at a time; what the pages made is freed between them. */
int each_entry(struct cli *c, const char *after, const char *kind, void (*fn)(void *ctx, const struct doc *entry), void *ctx);
/* What the verifier found wrong, a line each; ctx: the cli. */
struct verify_finding;
void print_finding(void *ctx, const struct verify_finding *f);
/* record.c: the payloads of the two newest written assessments (or of the one named); EXIT_NOT_FOUND said by itself. */
int ask_assessments(struct cli *c, const char *id, const struct doc **ret, const struct doc **ret_before);
/* documents.c: a model file, every error named with its line; the model (may be NULL) is the caller's to mem_free. */
int read_model(struct cli *c, const char *path, struct doc **ret, struct model **ret_model);
/* A draft as a private file; prints its name. */
/* documents.c: the site a draft is made for (--site, else the daemon's); CHARTER_SITE_MAX bytes. */
int charter_site(struct cli *c, char *site);
int store_doc(struct cli *c, const char *path, const struct doc *d);
/* Signs with every --key and applies at once, or leaves the draft in --out for others to sign. */
int sign_and_apply(struct cli *c, const struct doc *draft);

/* The commands, by file. */
/* A whole number of at most seven digits; -1 when it is none. */
int flag_number(const struct cli *c, const char *name, int fallback);
/* Digits alone, read as long as they are below `stop`; -1: not a whole number. */
int64_t whole_number(const char *text, int64_t stop);

int cmd_init(struct cli *c);
int cmd_public_new(struct cli *c);
int cmd_public_show(struct cli *c);
int cmd_status(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_why(struct cli *c);
int cmd_login(struct cli *c);
int cmd_device_list(struct cli *c);
int cmd_device_show(struct cli *c);
int cmd_device_change(struct cli *c);
int cmd_device_evidence(struct cli *c);
int cmd_device_reference(struct cli *c);
int cmd_invite_new(struct cli *c);
int cmd_list(struct cli *c);
int cmd_stream_apply(struct cli *c);
int cmd_command_list(struct cli *c);
int cmd_command_change(struct cli *c);
int cmd_command_harmless(struct cli *c);
int cmd_report_blocked(struct cli *c);
int cmd_mission_show(struct cli *c);
int cmd_mission_check(struct cli *c);
int cmd_mission_draft(struct cli *c);
int cmd_risk_check(struct cli *c);
int cmd_risk_show(struct cli *c);
int cmd_risk_what_if(struct cli *c);
int cmd_report_compliance(struct cli *c);
int cmd_document_sign(struct cli *c);
int cmd_document_apply(struct cli *c);
int cmd_decision_new(struct cli *c);
int cmd_action_list(struct cli *c);
int cmd_action_new(struct cli *c);
int cmd_action_step(struct cli *c);
int cmd_mission_import(struct cli *c);
int cmd_mission_propose(struct cli *c);
int cmd_draft_export(struct cli *c);
int cmd_draft_apply(struct cli *c);
int cmd_draft_answer(struct cli *c);
int cmd_grant_test(struct cli *c);
int cmd_grant_new(struct cli *c);
int cmd_grant_diff(struct cli *c);
int cmd_grant_apply(struct cli *c);
int cmd_grant_list(struct cli *c);
int cmd_peer_invite(struct cli *c);
int cmd_peer_accept(struct cli *c);
/* cards.c: what an accepted card of the agreement's peer says, where d leaves it out. */
int card_fill(struct cli *c, struct doc *d);
int cmd_peer_new(struct cli *c);
int cmd_peer_list(struct cli *c);
int cmd_peer_show(struct cli *c);
int cmd_peer_change(struct cli *c);
int cmd_peer_state(struct cli *c);
int cmd_peer_stand(struct cli *c);
int cmd_peer_code(struct cli *c);
int cmd_flow_show(struct cli *c);
int cmd_flow_refuse(struct cli *c);
int cmd_evidence_new(struct cli *c);
int cmd_limit_release(struct cli *c);
int cmd_limit_loosen(struct cli *c);
int cmd_assessment_export(struct cli *c);
int cmd_assessment_replay(struct cli *c);
int cmd_charter_show(struct cli *c);
int cmd_charter_new(struct cli *c);
int cmd_deputy_new(struct cli *c);
int cmd_user_new(struct cli *c);
int cmd_user_list(struct cli *c);
int cmd_user_show(struct cli *c);
int cmd_user_change(struct cli *c);
int cmd_token_new(struct cli *c);
int cmd_token_list(struct cli *c);
int cmd_token_revoke(struct cli *c);
int cmd_ledger_verify(struct cli *c);
int cmd_ledger_list(struct cli *c);
int cmd_ledger_proof(struct cli *c);
int cmd_ledger_head(struct cli *c);
int cmd_ledger_prune(struct cli *c);
int cmd_ledger_erase(struct cli *c);
int cmd_ledger_consistency(struct cli *c);
int cmd_alert_list(struct cli *c);
int cmd_alert_step(struct cli *c);
int cmd_work_request(struct cli *c);
int cmd_login_answer(struct cli *c);
int cmd_emergency_list(struct cli *c);
int cmd_certificate_show(struct cli *c);
int cmd_certificate_request(struct cli *c);
int cmd_certificate_set(struct cli *c);
int cmd_certificate_remove(struct cli *c);
int cmd_emergency_request(struct cli *c);
int cmd_emergency_step(struct cli *c);
void print_emergencies(struct cli *c, const struct doc *list);
int cmd_work_list(struct cli *c);
int cmd_work_show(struct cli *c);
int cmd_work_approve(struct cli *c);
int cmd_work_step(struct cli *c);
int cmd_watch_checks(struct cli *c);
int cmd_report_observe(struct cli *c);
int cmd_connect_list(struct cli *c);
int cmd_connect_show(struct cli *c);
int cmd_connect_ask(struct cli *c);
int cmd_connect_answer(struct cli *c);
int cmd_connect_sign(struct cli *c);
int cmd_react_list(struct cli *c);
int cmd_react_propose(struct cli *c);
int cmd_react_apply(struct cli *c);
int cmd_react_undo(struct cli *c);
int cmd_react_rule(struct cli *c);
int cmd_react_end(struct cli *c);
int cmd_react_profile(struct cli *c);
int cmd_watch_discover(struct cli *c);
int cmd_watch_inventory(struct cli *c);
int cmd_watch_mud(struct cli *c);
int cmd_watch_hosts(struct cli *c);
int cmd_device_import(struct cli *c);
int cmd_device_destroy(struct cli *c);
int cmd_device_story(struct cli *c);
int cmd_history(struct cli *c);
int cmd_ca_list(struct cli *c);
int cmd_ca_crl(struct cli *c);
int cmd_ca_roll(struct cli *c);
int cmd_ca_retire(struct cli *c);
int cmd_backup_make(struct cli *c);
int cmd_audit_pack(struct cli *c);
int cmd_audit_page(struct cli *c);
int cmd_incident_list(struct cli *c);
int cmd_incident_show(struct cli *c);
int cmd_incident_open(struct cli *c);
int cmd_incident_step(struct cli *c);
int cmd_incident_report(struct cli *c);
void print_incidents(struct cli *c, const struct doc *list);
int cmd_backup_verify(struct cli *c);
int cmd_backup_restore(struct cli *c);

int cli_main(int argc, char **argv);

#endif
