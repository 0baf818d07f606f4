/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of libcorepath share and its users do not see. */
#ifndef COREPATH_INTERNAL_H
#define COREPATH_INTERNAL_H

#include <limits.h>
#include "compat.h"
#include "corepath.h"

/* error.c */

/* Sets corepath_error()'s text and returns -err. */
int cp_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Starts an empty log and routes libbpf's messages to it. */
void cp_log_start(void);

/* pins.c */

/* The pin directory, open and locked. */
struct cp_dir {
	char path[PATH_MAX];
	int fd;
	bool created; /* by this process */
};

enum cp_access {
	CP_READ,   /* shared lock; -ENOENT if the directory is not there */
	CP_CHANGE, /* exclusive lock; -ENOENT if the directory is not there */
	CP_CREATE, /* exclusive lock; made if it is not there */
};

int cp_dir_open(struct cp_dir *dir, const char *path, enum cp_access access);
void cp_dir_close(struct cp_dir *dir);

/* Each returns a file descriptor or a negative errno, without an error text. */
int cp_pin_get(const struct cp_dir *dir, const char *name);
int cp_pin_put(const struct cp_dir *dir, const char *name, int fd);

/* As cp_pin_get for a map that must be there, with an error text. */
int cp_map_get(const struct cp_dir *dir, const char *name);

/* links.c: the XDP links in the pin directory */

struct cp_link {
	char pin[NAME_MAX + 1];
	struct corepath_attachment at;
};

/* Every link, in no order. The caller frees *links. */
int cp_links_read(const struct cp_dir *dir, struct cp_link **links, size_t *n);

/* Detaches at once, without waiting for the last reference to go, and unpins. */
int cp_link_remove(const struct cp_dir *dir, const char *pin);

/*
 * Attaches the program to a->dev (a->ifindex) and pins the link; fills the rest of `a`. `pin` has
 * room for NAME_MAX + 1 bytes.
 */
int cp_link_create(const struct cp_dir *dir, int prog_fd, enum corepath_xdp_mode mode,
		   struct corepath_attachment *a, char *pin);

/* -EEXIST if we, -EBUSY if somebody else has an XDP program on a->dev; text names it. */
int cp_link_check_free(const struct cp_dir *dir, const struct corepath_attachment *a);

/* prefixes.c */

/* How many prefixes a trie holds. A negative errno without an error text. */
int cp_trie_usage(int map_fd, struct corepath_usage *u);

/* Map names, as in bpf-src/lib/maps.h. */
#define CP_MAP_SRC4	"prefilter_src4"
#define CP_MAP_SRC6	"prefilter_src6"
#define CP_MAP_COUNTERS "drop_counters"

#endif
