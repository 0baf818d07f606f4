/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Putting other programs in the place of those that run.
 *
 * What an upgrade has made and not yet put in place is pinned in the folder `upgrade` of the pin
 * directory, which is locked while the upgrade lives:
 *
 *	old_PIN   the program that PIN (a link, or the record of a filter) had before
 *	new_PIN   what is to be pinned as PIN: a map, a program, a link
 *	commit    a folder: all is well, new_PIN only has to be moved to PIN
 *
 * So whoever finds the folder of an upgrade that was killed can take it back, or finish it.
 */
#ifndef COREPATH_UPGRADE_H
#define COREPATH_UPGRADE_H

#include "internal.h"

#define CP_STAGING "upgrade"
#define CP_OLD	   "old_"
#define CP_NEW	   "new_"
#define CP_COMMIT  "commit"

/* version.c */

#define CP_VERSION "version"

/* Who made what is there. -ENOENT, without an error text, if nobody said. */
int cp_version_read(const struct cp_dir *dir, struct corepath_running *r);

/* Pins our own as `pin`. A negative errno without an error text. */
int cp_version_write(const struct cp_dir *dir, const char *pin);

/* What `r` is to us, an error with its text if it is not ours to work with. */
int cp_version_check(const struct cp_dir *dir, enum cp_access access);

/* staging.c */

/* The folder, open and locked: 0; -ENOENT if there is none, -EWOULDBLOCK if a living upgrade has
 * it; both without an error text. */
int cp_staging_open(const struct cp_dir *dir, struct cp_dir *staging, bool make);

/* Takes back what is staged, or finishes it if it was committed; the folder is gone after. */
int cp_staging_settle(const struct cp_dir *dir, struct cp_dir *staging);

/* Runs the program in the place of the one that the link or filter pinned as `pin` has. One whose
 * device or cgroup is gone is no error. A negative errno without an error text. */
int cp_swap(const struct cp_dir *dir, const char *pin, int prog_fd);

/* carry.c: maps that outlive an upgrade */

enum cp_fit {
	CP_FITS,    /* the pinned map serves */
	CP_CARRIED, /* a new one is made, and takes over what is in the pinned one */
};

/* Which of the two, or a negative errno with an error text if neither. A map that will be made is
 * given the size it needs. */
int cp_carry_fit(const struct cp_dir *dir, const struct bpf_object *obj, struct bpf_map *map,
		 int pinned);

/* Whether the descriptor is a map's. */
bool cp_is_map(int fd);

/* carry_btf.c: whether what is in the values of the pinned map is where the object's map has it. */
bool cp_values_alike(const struct bpf_map_info *pinned, const struct bpf_object *obj,
		     const struct bpf_map *map);

/*
 * Copies all there is; values that grew get zeros at their ends. With `missing` only entries that
 * are not in `to`, and nothing but tables the datapath itself writes. Counts entries in *n. A
 * negative errno without an error text.
 */
int cp_carry(int from, int to, bool missing, size_t *n);

/* probe.c */

/* Runs packets through a new program, and the one it replaces: both must come to the same verdict.
 * Error with its text. */
int cp_probe_packets(const char *name, int old_prog, int new_prog);

/* Runs the shell command. Error with its text if it fails or does not end in time. */
int cp_probe_command(const char *command, unsigned int seconds);

/* upgrade_load.c */

#define CP_PARTS    8
#define CP_MAPS_MAX 128

/* A map of the new programs. */
struct cp_carried {
	char name[BPF_OBJ_NAME_LEN + 1];
	int fd, old; /* old: what is pinned under its name, or -1 */
	bool make;   /* it is another one than that */
};

struct cp_upgrade {
	const struct corepath_upgrade_request *req;
	struct corepath_upgrade_report *report;
	struct cp_dir dir, staging;
	struct bpf_object *objects[CP_PARTS]; /* NULL if that part is not there */
	struct cp_carried maps[CP_MAPS_MAX];
	size_t n_maps;
};

/* Loads the objects of all that is there. Nothing that runs is touched. */
int cp_upgrade_load(struct cp_upgrade *u);

/* Fills the new maps; with `missing` with what came into tables since. */
int cp_upgrade_carry(struct cp_upgrade *u, bool missing);

/* A new program, -ENOENT without an error text if no object has it. */
int cp_upgrade_program(const struct cp_upgrade *u, const char *name);

/* How the pins of a part's links begin, if they are of a kind that takes no other program. */
const char *cp_upgrade_trace(size_t part);

void cp_upgrade_free(struct cp_upgrade *u);

/* The built-in objects, as ELF files. */
const void *cp_elf_prefilter(size_t *size);
const void *cp_elf_guard(size_t *size);
const void *cp_elf_lb(size_t *size);
const void *cp_elf_endpoint(size_t *size);
const void *cp_elf_uplink(size_t *size);
const void *cp_elf_sockets(size_t *size);
const void *cp_elf_processes(size_t *size);
const void *cp_elf_rules(size_t *size);

#endif
