/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that a test runs and watches. */
#ifndef FUNCTIONAL_WATCHED_H
#define FUNCTIONAL_WATCHED_H

#include <corepath.h>
#include <stdbool.h>
#include <sys/types.h>

/* Where the suite's files are in the guest (vmtests/suites.yaml), this program among them; the one
 * that is run to be watched. */
#define WATCHED_DIR "/work"
#define WATCHED_ACT WATCHED_DIR "/act"

/* A folder of the test's own, made when first asked for. */
const char *watched_folder(void);

/* "FOLDER/name", one of eight that are kept. */
const char *watched_file(const char *name);

/* A copy of the program at @path, executable. */
void watched_copy(const char *path);

/* Begins to tell of these kinds. */
void watched_start(bool exec, bool fork, bool exit);

/* Runs @run in a child, which must end by itself, and waits for it. Returns its wait status; *pid
 * is its number. A @run that returns ends the child with status 99. */
int watched_run(void (*run)(void), pid_t *pid);

/* The events of the process so far, in order, of one kind; NULL if there are fewer than @nth + 1.
 */
const struct corepath_event *watched_event(pid_t pid, enum corepath_event_kind kind, int nth);

/* How many there are. */
int watched_count(pid_t pid, enum corepath_event_kind kind);

/* The exec event, which there must be, and its texts as strings. */
const struct corepath_exec_event *watched_exec(pid_t pid, int nth);
const char *watched_path(const struct corepath_exec_event *e);
const char *watched_cwd(const struct corepath_exec_event *e);

/* Events lost so far. */
unsigned long long watched_lost(void);

/* Ends watching; `down` removes what it left. */
void watched_end(void);

#endif
