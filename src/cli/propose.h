/* What a running site was seen to do and its model file does not say: which rows the file lacks, the most consequential first, and how a
 * row goes into a reviewed file without touching anything else in it. Pure: what was seen is told by the caller. */
#ifndef CLI_PROPOSE_H
#define CLI_PROPOSE_H

#include "assurance/model.h"
#include "base/time.h"
#include "wire/doc.h"

enum { PROPOSE_MOST = 512, PROPOSE_SITTING = 5, PROPOSE_MEMBERS = 64, PROPOSE_ENTRIES = 3, PROPOSE_TEXT = 128 };

/* In order of consequence. Hosts that a sensor heard come last: whoever sends packets on the plant's network chooses them. */
enum seen_class { SEEN_COMMAND, SEEN_PEER, SEEN_READING, SEEN_UNMANAGED, SEEN_HOST, SEEN_CLASSES };
const char *seen_word(enum seen_class k);

struct proposal {
    enum seen_class seen;
    char id[MODEL_ID];                       /* the flow's, else the group's: as the file will have it */
    char from[MODEL_ID], to[MODEL_ID];       /* groups; both "": a group alone */
    char group[MODEL_ID], layer[16];         /* a group the file lacks as well; "" = none */
    char name_ja[PROPOSE_TEXT], name_en[PROPOSE_TEXT];
    char members[PROPOSE_MEMBERS][MODEL_ID];
    size_t n_members;
    char what[MODEL_TEXT], who[PROPOSE_TEXT], whom[PROPOSE_TEXT]; /* newest: what, from whom to whom; texts that are safe to show */
    uint64_t count;
    char since[TIME_TEXT], last[TIME_TEXT];
    int64_t entries[PROPOSE_ENTRIES];        /* of the record, newest first; 0 = fewer */
    uint32_t effect_mille;                   /* what losing `to` does to the worst function */
};

struct proposals {
    const struct model *model;
    const struct doc *declined;              /* a list of rows, or NULL */
    struct proposal *at;                     /* PROPOSE_MOST of them, the caller's */
    size_t n;
    uint64_t left;                           /* seen, but over PROPOSE_MOST */
};

/* One thing that was seen. Texts may be anything a stranger chose; entry 0 = not in the record; count 0 counts once. */
struct sighting {
    const char *who, *whom, *what, *at;
    int64_t entry;
    uint64_t count;
};

/* The group of the file this asset belongs to: the one that lists it, else the one it enrolled into. NULL: none of the file. */
const char *propose_group_of(const struct model *m, const char *asset, const char *enrolled);
/* An id the file accepts, made of any text. */
void propose_id(const char *text, char ret[MODEL_ID]);
bool propose_is_declined(const struct proposals *p, const char *from, const char *to, const char *member);

/* The row of this flow, begun where it is new. NULL: nothing to propose (the file has it, it was declined, it stays within one group). */
struct proposal *propose_flow(struct proposals *p, enum seen_class seen, const char *from, const char *to);
/* The row of a group the file lacks; found again by its id. NULL as above. */
struct proposal *propose_group(struct proposals *p, enum seen_class seen, const char *group);
void propose_saw(struct proposal *x, const struct sighting *s);
/* Orders them and gives each its id: free in the file, and the same the next time. */
void propose_rank(struct proposals *p);
struct proposal *propose_find(struct proposals *p, const char *id);

/* The rows it means, as {"section", "row"}. NULL: no memory. */
struct doc *propose_rows(const struct proposal *x, struct arena *a);
/* A row as one line of YAML: {id: a, from: b, to: c}. */
void propose_line(const struct doc *row, struct out *o);
/* The text with these lines (each behind its "- ") at the end of the list `section`; every other byte stays. A section that is not there is
 * begun at the end. E_UNSUPPORTED: the list is written inline; the text is not changed. */
MUST outcome propose_insert(struct bytes text, const char *section, const char *const *lines, size_t n, struct buffer *ret);

#endif
