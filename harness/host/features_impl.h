/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files that make up features.h. */
#ifndef VMTEST_FEATURES_IMPL_H
#define VMTEST_FEATURES_IMPL_H

#include <bpf/btf.h>

#include "features.h"

/* Of what the scan finds: another number, another file in the cache. */
#define FEATURES_FORMAT 1

struct features {
	json_t *doc;
	char *release, *vmlinuz, *modules; /* modules may be NULL */
	struct btf *vmlinux;		   /* read when a type is asked for */
	bool no_vmlinux;
};

/* The kinds that are enums of the kernel's own types. */
struct enum_kind {
	const char *kind, *type, *value_prefix, *name_prefix;
};
extern const struct enum_kind enum_kinds[];
extern const size_t enum_kinds_n;

/*
 * What the scan leaves in the document, beside one object per kind:
 *
 *	btf			the image has BTF
 *	bpf			the kernel has the bpf() system call: its verifier is there
 *	kfuncs			"sets": all are listed; "none": older than kfuncs; "unlisted": the
 *				image does not tell them from other functions
 *	lsm_disabled		hooks that exist and that BPF may not use
 *	modules_without_btf	how many modules have types that are not known
 */
struct scan {
	json_t *doc;
	struct btf *vmlinux;
	bool marked; /* kernels since 6.9 mark their kfunc sets: 6f3189f38a3e */
};

/* Reads the kernel itself; first. What is not there is noted, never an error. */
void scan_vmlinux(struct scan *s, const void *elf, size_t len);
void scan_module(struct scan *s, const char *name, const void *elf, size_t len);

/* Lowers entries to "no" (or "unknown" without a config) where the config decides. */
void needs_apply(json_t *doc);

/* An option worth showing, and what it is for. */
struct shown_option {
	const char *name, *about;
};
extern const struct shown_option shown_options[];
extern const size_t shown_options_n;

/* The BTF of a module's ELF as a split of the kernel's, or NULL. */
struct btf *module_btf(struct btf *vmlinux, const void *elf, size_t len);
/* Answers type:, field: and func: from one BTF; of a split one, from the split alone. */
bool btf_has(const struct btf *btf, const char *kind, const char *name, char *why, size_t size);

#endif
