/* The edges of the operating system that decide behaviour: clock, randomness, files. The real
 * port is port_linux.c; the simulator links another file with this header. */
#ifndef BASE_PORT_PORT_H
#define BASE_PORT_PORT_H

#include "base/bytes.h"
#include "base/mem.h"

/* Milliseconds since the epoch (may jump) and since some start (never goes back). */
int64_t port_wall_ms(void);
int64_t port_mono_ms(void);
/* Nanoseconds, monotonic, for measuring only. */
int64_t port_mono_ns(void);
/* Cryptographic randomness; never fails (asserts). */
void port_random(void *at, size_t n);

/* Files. Paths are relative to the process's working directory or absolute. E_IO carries errno. */
MUST outcome port_file_open(const char *path, bool create, int *ret_fd); /* read-write */
MUST outcome port_file_open_read(const char *path, int *ret_fd);
void port_file_close(int fd);
MUST outcome port_file_size(int fd, uint64_t *ret);
/* The whole of it or an outcome; a short read is E_SHORT. */
MUST outcome port_file_read(int fd, uint64_t at, void *to, size_t n);
MUST outcome port_file_write(int fd, uint64_t at, struct bytes b);
MUST outcome port_file_sync(int fd); /* fdatasync */
MUST outcome port_file_preallocate(int fd, uint64_t size); /* zero-filled, size grows */
MUST outcome port_file_truncate(int fd, uint64_t size);
/* Gives the space of n bytes at `at` back; they read as zero, the size stays. */
MUST outcome port_file_punch(int fd, uint64_t at, uint64_t n);
MUST outcome port_file_remove(const char *path);
/* Whole-file helpers. max bounds what is read; write is temp + fsync + rename + directory fsync. */
MUST outcome port_file_load(const char *path, size_t max, struct buffer *ret);
MUST outcome port_file_store(const char *path, struct bytes b, int mode);
MUST outcome port_dir_make(const char *path, int mode); /* existing is fine; a new one is synced into its parent */
MUST outcome port_dir_sync(const char *path);
/* Names in a directory, sorted, without . and ..; each passed to fn; stops on its first refusal. */
MUST outcome port_dir_list(const char *path, outcome (*fn)(void *ctx, const char *name), void *ctx);

#endif
