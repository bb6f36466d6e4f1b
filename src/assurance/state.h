/* Inside of assurance: the state that assurance.h's functions share. Each file owns a part:
 *   assurance.c  life, assets, facts, time
 *   judge.c      rules from decisions and model, conditions -> limits, loosening
 *   accept.c     signed documents: verify, write, apply
 *   draft.c      decisions on their way: drafted, deliberated, handed to the executive
 *   replay.c     the same documents and entries at start
 *   figures.c    assessments: when, what is written, what reopens a decision
 *   view*.c      documents for people
 * Only entries in the ledger survive; whatever is here can be rebuilt from them. */
#ifndef ASSURANCE_STATE_H
#define ASSURANCE_STATE_H

#include "assurance/assess_parts.h"
#include "assurance/assurance.h"
#include "assurance/limits.h"
#include "assurance/precedence.h"
#include "assurance/sentence.h"
#include "base/time.h"
#include "ledger/ledger.h"

/* A fact about this control contains the asset's open events (quarantine by people, isolation): node sends
 * it, result pass. It measures nothing. */
#define CONTAIN_CONTROL ASSURANCE_CONTAIN

#define RULES_MAX 3072                       /* 20 missions x (64 lines + their fallbacks), and the model's own */
#define DECISIONS_MAX 4096
#define ASSESSMENTS_MAX 4096
#define ASSESSMENTS_SHOWN 64
#define REFERENCES_MAX 1024
#define RELEASES_MAX 256
#define EVENTS_AT_START 256
#define NO_END_MS ((int64_t)253402300799000) /* 9999-12-31T23:59:59Z: a limit until people decide */
#define COALESCE_MS MS_S
#define WIDE_COALESCE_MS ((int64_t)500)      /* scopes: the first adverse fact at once, followers together */
#define FRESHEN_MS (5 * MS_S)                 /* newer evidence of what was known */
#define REFIGURE_MS MS_MINUTE                /* freshness moves figures slowly */
#define RELEASE_AGE_MS (10 * MS_MINUTE)

/* The state words of a mission. */
enum picture { PICTURE_WITHIN, PICTURE_NEAR, PICTURE_OVER, PICTURE_UNKNOWN, PICTURES };
#define NEAR_MILLE 800u

struct asset {
    char id[FACT_ASSET_MAX];
    char group[MODEL_ID];
    bool present;
};
struct stream_name {
    char name[64], pattern[LIMIT_PATTERN_MAX];
    bool command;
};
struct written { /* the newest evidence entry of a (control, asset, method) */
    enum fact_result result;
    bool confirmed;
    int64_t at_ms;
};
struct signed_by {
    uint8_t roles;                   /* mask */
    uint8_t deputies;                /* mask: for which a deputy signed */
    char key_ids[CHARTER_ROLES][65];
};
struct case_file { /* a decision and what became of it */
    struct decision decision;
    struct signed_by by;
    char model_hash[65];             /* of the model when it was accepted */
    bool expired;                    /* seen to be over: stays so if the clock goes back */
    bool draft;                      /* not decided yet: for show only, never among the cases */
    char superseded_by[DECISION_ID];
    unsigned reopened;               /* mask of enum reopening, as last told */
    struct assess_inputs *inputs;    /* of the assessment it cites; NULL: not known any more, or another model */
};
#define REOPENINGS(X)                                                                              \
    X(REOPEN_OVER, "over-tolerance", "許容限度を超えました", "the decision figure is over the tolerance")              \
    X(REOPEN_NEAR, "near-tolerance", "許容限度に近づきました", "the decision figure came near the tolerance")          \
    X(REOPEN_ROSE, "rose-20-percent", "判断時より2割以上増えました", "the decision figure rose by 20 % or more since")   \
    X(REOPEN_UNKNOWN, "unknown-share", "未確認の割合が2割を超えました", "more than 20 % is not confirmed")             \
    X(REOPEN_COVERAGE, "coverage-fell", "実測の裏づけが10ポイント以上下がりました", "proven coverage fell by 10 points or more") \
    X(REOPEN_EVENT, "confirmed-event", "確定した異常が続いています", "a confirmed event is open")                      \
    X(REOPEN_MODEL, "model-changed", "任務モデルが変わりました", "the mission model changed")
enum reopening {
#define X(name, word, ja, en) name,
    REOPENINGS(X)
#undef X
        REOPENING_COUNT
};

struct rule { /* what is imposed when a condition breaks; from decisions and, observed, from the model */
    struct condition condition;
    bool expired;                    /* no condition: the decision itself is over, its fallback stands */
    char condition_id[MODEL_ID];
    char text[MODEL_ID];
    char stream[LIMIT_PATTERN_MAX];  /* pattern */
    char stream_name[64];            /* declared name of it, "" if none */
    enum limit_mode mode;
    bool enforced;
    char decision[DECISION_ID];      /* "" = none */
    int64_t until_ms;
    enum decision_loosen loosen;
    int64_t dwell_ms;
};
struct figure_note { /* one assessment in the history */
    char id[24], hash[65], cause[12];
    char model_hash[65];
    int64_t at_ms;                   /* as_of */
    uint32_t coverage_mille;         /* proven, mean over the controls */
    struct figure_line {
        char id[MODEL_ID];
        int64_t decision_yen, expected_yen, outage_ppb;
        uint32_t unknown_mille;
        int rank;
        enum picture picture;
    } missions[20];
    size_t n_missions;
};
struct reference_doc {
    char model[64], version[64];
    int64_t at_ms;
    struct arena arena;
    struct doc *payload;
};

struct public_standing { /* the approved public statement */
    struct arena arena;
    const struct doc *payload;       /* NULL: none */
    int64_t at_ms, expires_ms;
    bool withdrawn;
};

struct assurance {
    struct assurance_port port;
    bool started;

    struct charter charter;          /* roles[0].key NULL before the charter */
    struct model *model;             /* NULL before the first */
    struct arena model_arena;
    const struct doc *model_doc;
    char model_hash[65];
    int64_t model_at_ms;             /* signed at */
    struct signed_by model_by;

    struct evidence *evidence;
    struct map written;              /* control 0x1f asset 0x1f method -> struct written, owned */
    struct evidence_event *events;   /* open ones, sorted */
    size_t n_events, cap_events;
    bool events_dirty;

    struct map asset_index;          /* id -> struct asset, owned by assets */
    struct asset **assets;
    size_t n_assets, cap_assets;
    struct stream_name *streams;
    size_t n_streams, cap_streams;

    struct case_file **cases;
    size_t n_cases;
    struct draft **drafts;           /* oldest first */
    size_t n_drafts;
    struct reference_doc **references;
    size_t n_references;
    char releases[RELEASES_MAX][160]; /* used releases, a ring: hold, hash, time */
    size_t n_releases;
    struct promise {                 /* declarations that end by themselves */
        char control[FACT_CONTROL_MAX], asset[FACT_ASSET_MAX];
        int64_t at_ms, expires_ms;   /* expires 0: as long as the control's evidence lasts */
    } *promises;
    size_t n_promises, cap_promises;
    struct public_standing published;

    struct rule rules[RULES_MAX];
    size_t n_rules;
    bool rules_due;
    struct limit_table limits;
    struct precedence places[MODEL_GROUPS_MAX]; /* of this model */
    size_t n_places;
    uint8_t last_place;
    uint64_t places_epoch;
    int64_t sweep_at_ms;             /* when time alone may break a condition; 0 = never */
    int64_t wide_judged_ms;          /* conditions over whole scopes were last judged for a fact */
    int64_t sweep_due_ms;            /* coalesced facts want a sweep; 0 = none */

    struct assess_live *live;        /* what figures were computed on, of this model; NULL until the next */
    struct assessment *picture;      /* the newest figures; valid when has_picture */
    bool has_picture;
    struct assess_inputs inputs[2];  /* of the newest written assessment, and of the one before it */
    unsigned n_inputs;               /* how many of these are of the model in force */
    struct figure_note *notes;       /* history, oldest first; at most ASSESSMENTS_MAX */
    size_t n_notes, cap_notes;
    int64_t computed_ms;             /* the newest computation, written or not */
    uint64_t last_assessment;        /* "A-<n>" */
    int64_t written_ms;              /* the newest assessment entry */
    int64_t figure_due_ms;           /* 0 = none */
    const char *figure_cause;
    bool write_failed;
    bool unwritten;                  /* some limit waits for the record */
};

/* assurance.c */
struct asset *asset_find(const struct assurance *a, const char *id);
void events_refresh(struct assurance *a);
/* Appends the document; false (and remembered) when the record did not take it. */
bool entry_write(struct assurance *a, unsigned kind, const struct doc *d, bool durable);
void say(struct assurance *a, const char *event, const struct doc *d);
MUST outcome evidence_entry_apply(struct assurance *a, const struct doc *d, int64_t at_ms);
/* A fact that is already trusted (a declaration): the whole way of assurance_fact. */
void fact_take(struct assurance *a, const struct fact *f, int64_t now_ms);
struct condition_world world_of(const struct assurance *a, int64_t now_ms);

/* judge.c */
void rules_build(struct assurance *a, int64_t now_ms);
/* All rules over all subjects: applies, changes and ends limits. durable_ended: what ends or weakens is on
 * disk before it is applied. */
void judge_all(struct assurance *a, int64_t now_ms);
void judge_fact(struct assurance *a, const struct fact *f, bool adverse, int64_t now_ms);
/* Conditions on figures, after the figures moved. */
void judge_figures(struct assurance *a, int64_t now_ms);
/* Marks decisions whose end has come; true when there was one. */
bool cases_expire(struct assurance *a, int64_t now_ms);
/* Loosens what its rule allows by now. */
void judge_loosen(struct assurance *a, int64_t now_ms);
/* Earliest moment at which time alone changes something about limits; 0 = never. */
int64_t judge_next(const struct assurance *a);
void limits_hand_over(struct assurance *a);
const struct rule *rule_find(const struct assurance *a, const char *condition_id, const char *stream);
struct case_file *case_find(const struct assurance *a, const char *id);
/* The decision of a mission that is not superseded; NULL if none. */
struct case_file *case_of_mission(const struct assurance *a, const char *mission);
const struct stream_name *stream_find(const struct assurance *a, const char *name_or_pattern);

/* figures.c */
void figures_compute(struct assurance *a, int64_t now_ms, const char *cause);
void figures_due(struct assurance *a, int64_t at_ms, const char *cause);
void figures_turn(struct assurance *a, int64_t now_ms);
int64_t figures_next(const struct assurance *a);
enum picture picture_of(const struct assurance *a, size_t mission);
size_t worst_mission(const struct assurance *a); /* index in the model; SIZE_MAX when there is none */
const char *picture_word(enum picture p);
const char *picture_ja(enum picture p);
const char *picture_en(enum picture p);
/* Mask of enum reopening: what speaks against the case as it was signed. */
unsigned reopenings(const struct assurance *a, const struct case_file *c);
const struct figure_line *figure_line_of(const struct figure_note *n, const char *mission);
MUST outcome figures_replay(struct assurance *a, const struct doc *d);
const struct figure_note *figure_find(const struct assurance *a, const char *id);
/* What that assessment was computed from; NULL when it is not among the newest two of the model in force. */
const struct assess_inputs *figure_inputs(const struct assurance *a, const char *id);
/* Another model: what was computed on the old one says nothing of it. */
void figures_forget(struct assurance *a);

/* Declarations past their own end stop counting. */
void declarations_expire(struct assurance *a, int64_t now_ms);

/* public.c */
MUST outcome public_replay(struct assurance *a, struct bytes json, int64_t at_ms);

/* draft.c */
MUST outcome draft_replay(struct assurance *a, struct bytes json, int64_t at_ms);
void drafts_free(struct assurance *a);
/* The decision is in force: its draft has come to its end. */
void draft_decided(struct assurance *a, const char *id);
/* Those that are under way, in a few words each: what the first page shows. */
struct doc *view_drafts(struct assurance *a, struct arena *arena, int64_t now_ms);
/* May this decision be taken now, whoever has signed it by then? The refusal's cause stands in why. */
MUST outcome decision_check(const struct assurance *a, const struct document *d, int64_t now_ms, struct decision *ret, char why[DOCUMENT_WHY]);
/* The newest assessment of its mission as a decision cites it; no id: there is none. */
void decision_cite(const struct assurance *a, struct decision *d);

/* accept.c: what both a new and a replayed document do once verified */
MUST outcome model_apply(struct assurance *a, const struct document *d, char why[DOCUMENT_WHY]);
MUST outcome case_apply(struct assurance *a, const struct document *d, const struct decision *in);
MUST outcome reference_apply(struct assurance *a, const struct document *d);
MUST outcome declaration_apply(struct assurance *a, const struct document *d, int64_t now_ms);
void release_remember(struct assurance *a, const struct doc *payload);
MUST outcome charter_apply(struct assurance *a, const struct document *d, char why[DOCUMENT_WHY]); /* from the record */
void signers_of(const struct document *d, const struct charter *c, struct signed_by *ret);

/* view parts shared by several files */
struct doc *view_limit(struct assurance *a, size_t at, int64_t now_ms, struct arena *arena);
/* Risk avoided against service withheld; NULL where the model does not say enough. */
struct doc *view_weight(const struct assurance *a, size_t at, int64_t now_ms, struct arena *arena);
struct doc *view_limits(struct assurance *a, struct arena *arena, int64_t now_ms);
struct doc *view_case_whole(struct assurance *a, const struct case_file *c, struct arena *arena, int64_t now_ms);
struct doc *view_case(struct assurance *a, const struct case_file *c, struct arena *arena, int64_t now_ms);
struct doc *view_stake(struct assurance *a, struct arena *arena, int64_t now_ms); /* NULL when nothing is */
struct doc *view_event(struct assurance *a, const struct evidence_event *e, struct arena *arena);
const char *case_state(const struct assurance *a, const struct case_file *c, int64_t now_ms);
void set_both(struct arena *arena, struct doc *d, const char *key, const char *ja, const char *en);
const char *layer_ja(const char *layer);
const char *layer_en(const char *layer);

#endif
