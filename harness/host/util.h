/* SPDX-License-Identifier: GPL-2.0-only */
/* Small things every part of vmtest needs. Memory that can't be had ends the program (exit 3). */
#ifndef VMTEST_UTIL_H
#define VMTEST_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit codes of every command: a promise (see README.md). */
enum { EXIT_OK = 0, EXIT_PRODUCT = 1, EXIT_USAGE = 2, EXIT_HARNESS = 3 };

/* "vmtest: ..." to standard error; err() returns -1 so that it can be returned. */
int err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As warn, but silent under --quiet: what is going on, for who waits. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void set_quiet(bool quiet);
/* Called before each of these writes. */
void set_say_hook(void (*hook)(void));

void *xcalloc(size_t n, size_t size);
char *xstrdup(const char *s);
char *fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Room for one more behind the `count` things of `size` bytes of an array that only this made:
 * the array, moved.
 */
void *grow(void *array, size_t count, size_t size);

/* Whole file as a NUL-terminated buffer to free(); NULL with errno. *len may be NULL. */
char *read_file(const char *path, size_t *len);
/* Replaces `path` in one step: a reader sees the old contents or the new. 0, or -1 with errno. */
int write_file(const char *path, const void *data, size_t len);
int write_all(int fd, const void *data, size_t len);
/* mkdir -p. 0, or -1 with errno. */
int make_dirs(const char *path);
void remove_tree(const char *path);

/*
 * Runs argv[0] and waits. Standard output is returned in *out (to free()) when out is not NULL.
 * The command dies with us. Returns its exit status, 128 + N for signal N, -1 when it could not be
 * started (said on standard error).
 */
int run_command(char *const argv[], char **out);
/* The file of a program that is found in PATH, to free(); NULL when there is none. */
char *find_in_path(const char *program);
/* In a child after fork: die when the parent dies, whatever kills it. */
void die_with_parent(pid_t parent);

/* Where kernels and indexes are kept: $VMTEST_CACHE, else $XDG_CACHE_HOME/vmtest, else
 * ~/.cache/vmtest. */
const char *cache_dir(void);
/* The tree vmtest belongs to: $VMTEST_HOME, else two levels above the executable. */
const char *home_dir(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_ns(void);
/* RFC 3339 in UTC, to the millisecond, of the wall clock. */
void utc_now(char *buf, size_t size);

#endif
