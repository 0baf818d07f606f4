// SPDX-License-Identifier: GPL-2.0-only
/* The real prefilter object, loaded without its loader: see datapath.h. */
#include "datapath.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath/abi.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM	 "xdp_prefilter"
#define TRIE4	 "prefilter_src4"
#define TRIE6	 "prefilter_src6"
#define COUNTERS "drop_counters"

static const char *const reason_names[] = {
#define COREPATH_X(sym, num, name, text) [num] = name,
	COREPATH_DROP_REASONS(COREPATH_X)
#undef COREPATH_X
};

static char error_text[1024];

/* The last warning of libbpf, which says more than errno. */
static char libbpf_said[512];

const char *datapath_error(void)
{
	return error_text;
}

static int fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error_text, sizeof(error_text), format, args);
	va_end(args);
	return err < 0 ? err : -EINVAL;
}

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	/* The first one is the cause. */
	if (level == LIBBPF_WARN && !*libbpf_said) {
		vsnprintf(libbpf_said, sizeof(libbpf_said), format, args);
		libbpf_said[strcspn(libbpf_said, "\n")] = '\0';
	}
	return 0;
}

static int find_map(struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	return fd < 0 ? fail(-EINVAL, "the object has no map '%s'", name) : fd;
}

int datapath_open(struct datapath *datapath, const char *path, unsigned int max_prefixes)
{
	static const char *const tries[] = {TRIE4, TRIE6};
	struct bpf_program *program;
	int err;

	memset(datapath, 0, sizeof(*datapath));
	*libbpf_said = '\0';
	libbpf_set_print(keep_warning);
	datapath->object = bpf_object__open_file(path, NULL);
	if (!datapath->object)
		return fail(-errno, "%s cannot be opened: %s %s", path, strerror(errno),
			    libbpf_said);
	for (int i = 0; i < 2; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(datapath->object, tries[i]);

		err = map ? bpf_map__set_max_entries(map, max_prefixes) : -EINVAL;
		if (err)
			return fail(err, "%s: map '%s': %s", path, tries[i],
				    map ? strerror(-err) : "there is none");
	}
	err = bpf_object__load(datapath->object);
	if (err)
		return fail(err, "%s cannot be loaded: %s: %s", path, strerror(-err), libbpf_said);
	program = bpf_object__find_program_by_name(datapath->object, PROGRAM);
	if (!program)
		return fail(-EINVAL, "%s has no program '%s'", path, PROGRAM);
	datapath->program = bpf_program__fd(program);
	datapath->trie4 = find_map(datapath->object, TRIE4);
	datapath->trie6 = find_map(datapath->object, TRIE6);
	datapath->counters = find_map(datapath->object, COUNTERS);
	return datapath->trie4 < 0 || datapath->trie6 < 0 || datapath->counters < 0 ? -EINVAL : 0;
}

void datapath_close(struct datapath *datapath)
{
	bpf_object__close(datapath->object);
	memset(datapath, 0, sizeof(*datapath));
}

int datapath_add(struct datapath *datapath, const char *prefix, bool allow)
{
	struct corepath_prefix_value value = {allow ? COREPATH_ALLOW : COREPATH_DENY};
	struct corepath_prefix4 key4 = {};
	struct corepath_prefix6 key6 = {};
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(prefix, '/');
	int err;

	if (!slash || (size_t)(slash - prefix) >= sizeof(address))
		return fail(-EINVAL, "'%s' is not a prefix", prefix);
	snprintf(address, sizeof(address), "%.*s", (int)(slash - prefix), prefix);
	key4.prefixlen = key6.prefixlen = strtoul(slash + 1, NULL, 10);
	if (inet_pton(AF_INET, address, key4.addr) == 1)
		err = bpf_map_update_elem(datapath->trie4, &key4, &value, BPF_ANY);
	else if (inet_pton(AF_INET6, address, key6.addr) == 1)
		err = bpf_map_update_elem(datapath->trie6, &key6, &value, BPF_ANY);
	else
		return fail(-EINVAL, "'%s' is not a prefix", prefix);
	return err ? fail(err, "prefix %s cannot be added: %s", prefix, strerror(-err)) : 0;
}

static int clear_trie(int map, const char *name)
{
	/* The larger of the two keys. */
	struct corepath_prefix6 key;
	int err;

	while (!(err = bpf_map_get_next_key(map, NULL, &key)))
		if ((err = bpf_map_delete_elem(map, &key)))
			break;
	return err == -ENOENT ? 0
			      : fail(err, "map '%s' cannot be emptied: %s", name, strerror(-err));
}

int datapath_clear(struct datapath *datapath)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct corepath_counter *zeros;

	if (cpus < 0)
		return fail(cpus, "the number of CPUs cannot be read: %s", strerror(-cpus));
	err = clear_trie(datapath->trie4, TRIE4);
	if (!err)
		err = clear_trie(datapath->trie6, TRIE6);
	if (err)
		return err;
	zeros = calloc(cpus, sizeof(*zeros));
	if (!zeros)
		return fail(-ENOMEM, "out of memory for counters of %d CPUs", cpus);
	for (__u32 reason = 0; reason < COREPATH_DROP_COUNT && !err; reason++)
		err = bpf_map_update_elem(datapath->counters, &reason, zeros, BPF_ANY);
	free(zeros);
	return err ? fail(err, "the drop counters cannot be set: %s", strerror(-err)) : 0;
}

unsigned int datapath_reason_count(void)
{
	return COREPATH_DROP_COUNT;
}

const char *datapath_reason_name(unsigned int reason)
{
	return reason < COREPATH_DROP_COUNT ? reason_names[reason] : "unknown";
}

int datapath_counts(struct datapath *datapath, struct datapath_count *counts)
{
	int cpus = libbpf_num_possible_cpus();
	struct corepath_counter *slots;
	int err = 0;

	if (cpus < 0)
		return fail(cpus, "the number of CPUs cannot be read: %s", strerror(-cpus));
	slots = calloc(cpus, sizeof(*slots));
	if (!slots)
		return fail(-ENOMEM, "out of memory for counters of %d CPUs", cpus);
	for (__u32 reason = 0; reason < COREPATH_DROP_COUNT && !err; reason++) {
		err = bpf_map_lookup_elem(datapath->counters, &reason, slots);
		counts[reason] = (struct datapath_count){};
		for (int cpu = 0; cpu < cpus && !err; cpu++) {
			counts[reason].packets += slots[cpu].packets;
			counts[reason].bytes += slots[cpu].bytes;
		}
	}
	free(slots);
	return err ? fail(err, "the drop counters cannot be read: %s", strerror(-err)) : 0;
}
