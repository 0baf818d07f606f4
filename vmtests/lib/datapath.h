/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real prefilter object, loaded without its loader: prefixes in, counters out.
 * The one place in vmtests/ that knows the object's map names and the layout of its ABI header.
 * Every function returns 0 or a negative errno and, then, says why in datapath_error().
 */
#ifndef VMTESTS_DATAPATH_H
#define VMTESTS_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_object;

struct datapath {
	struct bpf_object *object;
	int program; /* descriptor of xdp_prefilter */
	int trie4, trie6, counters;
};

struct datapath_count {
	unsigned long long packets;
	unsigned long long bytes;
};

/*
 * Loads the object file at @path with room for @max_prefixes in each trie. Returns -ENOENT when
 * there is no such file; anything else is the kernel or libbpf refusing the object.
 */
int datapath_open(struct datapath *datapath, const char *path, unsigned int max_prefixes);

void datapath_close(struct datapath *datapath);

/* Adds "address/length" of either family as denied, or as allowed. */
int datapath_add(struct datapath *datapath, const char *prefix, bool allow);

/* Empties both tries and sets all counters to 0. */
int datapath_clear(struct datapath *datapath);

/* The number of drop reasons, which are 0 .. count - 1. */
unsigned int datapath_reason_count(void);

/* The short name of a reason. */
const char *datapath_reason_name(unsigned int reason);

/* Fills @counts, datapath_reason_count() of them, each summed over the CPUs. */
int datapath_counts(struct datapath *datapath, struct datapath_count *counts);

/* What the last failed call says, one line. */
const char *datapath_error(void);

#endif
