/* A backup's medium, one folder:
 *   manifest.json  what it is of, when, which signed head, and size and SHA-256 of every other file
 *   ledger/        the record as it stands on disk: signed, its payloads sealed
 *   sealed         everything else of the state folder (keys, data keys, passwords, configuration), sealed for the root
 *                  key that lies in custody (crypto/box.h): the medium alone opens nothing */
#ifndef CLI_MEDIUM_H
#define CLI_MEDIUM_H

#include "cli/cli.h"

#define MEDIUM_PURPOSE "sekimori-backup/1"
#define MEDIUM_PATH 1024
#define MEDIUM_SEALED_MAX (256u << 20)
#define MEDIUM_FILE_MAX (64u << 20)

/* Every file below dir/below ("" for all), as "a/b" from dir; folders first. Sockets, links and what `skip` names are passed
 * over. skip: NULL-ended relative paths; NULL: nothing. */
typedef outcome (*medium_visit)(void *ctx, const char *relative, uint64_t size, unsigned mode);
MUST outcome medium_walk(const char *dir, const char *below, const char *const *skip, medium_visit fn, void *ctx);

/* Copies a file that may be growing, makes its folders, skips zeros, flushes. */
MUST outcome medium_copy(const char *from_dir, const char *to_dir, const char *relative);

/* The archive inside the sealed file: "SKB1", then path, mode and content of each file. */
MUST outcome medium_pack(const char *dir, const char *relative, unsigned mode, struct buffer *archive);
/* Each file of the archive; paths that are not below a folder are refused. */
typedef outcome (*medium_file)(void *ctx, const char *relative, unsigned mode, struct bytes content);
MUST outcome medium_unpack(struct bytes archive, medium_file fn, void *ctx);

/* Reads manifest.json and compares every file with it. *ret_wrong: the first file that differs or is missing, "" if none. */
MUST outcome medium_check(struct cli *c, const char *dir, const struct doc **ret_manifest, char ret_wrong[MEDIUM_PATH]);
/* "sha256" and "size" of a file into d. */
MUST outcome medium_describe(struct arena *a, const char *dir, const char *relative, struct doc *d);

/* SK-1080: what the disk said. */
int medium_failed(const struct cli *c, outcome o, const char *at);

/* root.key, or the folder it lies in. Complains itself. The caller frees. */
int medium_custody(struct cli *c, const char *path, struct key **ret);
/* The archive, opened. Complains itself. The caller wipes. */
int medium_open(struct cli *c, const char *dir, const struct key *root, struct buffer *ret);

#endif
