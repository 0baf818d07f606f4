/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel has, without booting it: from the BTF of its image and of its modules, and from its
 * config. Everything has one name:
 *
 *	helper:bpf_loop		enum bpf_func_id
 *	map:ringbuf		enum bpf_map_type
 *	prog:xdp		enum bpf_prog_type
 *	attach:tcx_ingress	enum bpf_attach_type
 *	link:netkit		enum bpf_link_type
 *	cmd:prog_bind_map	enum bpf_cmd
 *	lsm:file_open		FUNC bpf_lsm_file_open
 *	tracepoint:sched_switch	TYPEDEF btf_trace_sched_switch
 *	kfunc:bpf_ct_release	DECL_TAG bpf_kfunc, or a BTF_SET8 of .BTF_ids
 *	module:nf_conntrack	a file, or built in
 *	config:BPF_LSM		y or m
 *	config:HZ=250		that value; of a list (config:LSM=bpf) a member
 *	type:nf_conn		struct, union, enum, typedef
 *	field:sk_buff.mark	also task_struct.se.vruntime, and of anonymous members
 *	func:tcp_v4_rcv		FUNC
 *
 * Tracepoints, kfuncs, types, fields and functions are looked for in the modules too.
 *
 * What an entry of an enum needs of the config (features_needs.c) is part of the answer. What no
 * image can tell: which program type may call a helper or kfunc, flags that are macros, what the
 * kernel command line turns on or off, what the JIT of an architecture can do, and the verifier.
 */
#ifndef VMTEST_FEATURES_H
#define VMTEST_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "kernel.h"

/* Absent is said only when what would show it could be read. */
enum has { HAS_NO, HAS_YES, HAS_UNKNOWN };

struct features;

/*
 * Of a kernel, from the cache, or computed and put there: some seconds, as every module is
 * decompressed. A kernel without BTF or config has features too: unknown ones. NULL after err():
 * the image or its modules cannot be read.
 */
struct features *features_get(const struct kernel *k);
void features_free(struct features *f);
/* The same, had once in this process for each image, and never freed. */
struct features *features_of(const struct kernel *k);

/*
 * Asks for a name as above. The reason goes to `why` (one line; size 0 for none), also when the
 * name is none: then the answer is HAS_UNKNOWN, and features_is_name() false.
 */
enum has features_has(struct features *f, const char *name, char *why, size_t size);
/* Whether a text is a name of the list above in form; nothing is looked up. */
bool features_is_name(const char *name);
const char *has_name(enum has has);

/* The module that defines a kfunc, "" for the kernel itself; NULL when neither does. */
const char *features_kfunc_module(const struct features *f, const char *kfunc);

/* The whole answer, as `vmtest kernels features --json` prints it. A borrowed reference. */
const json_t *features_doc(const struct features *f);

/* `vmtest kernels features K [NAME...]`, as text or JSON. An exit code. */
int features_print(const struct kernel *k, char **names, int n, bool as_json);

#endif
