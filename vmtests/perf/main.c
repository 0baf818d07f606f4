// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf: what a packet costs, one result line per case. Figures are instructions per packet when
 * VMTEST_PROFILE is "icount", and advisory nanoseconds otherwise.
 *
 *	perf [run] [lb] [pktgen]
 *
 * Exit status: 0 when every case was tried; 2 for wrong usage; 3 when the suite broke.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/result.h"
#include "perf.h"

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"run", perf_run},
	{"lb", perf_lb},
	{"pktgen", perf_pktgen},
};

#define GROUPS (sizeof(groups) / sizeof(*groups))

int perf_load_floor(const char *test)
{
	struct bpf_object *object = bpf_object__open_file(PERF_FLOOR_OBJECT, NULL);
	int err = object ? bpf_object__load(object) : -errno;
	struct bpf_program *program = err ? NULL : bpf_object__next_program(object, NULL);

	if (!program) {
		result_report(test, RESULT_ERROR, "%s cannot be loaded: %s", PERF_FLOOR_OBJECT,
			      strerror(err ? -err : ENOENT));
		bpf_object__close(object);
		return -1;
	}
	return bpf_program__fd(program);
}

static int usage(FILE *to)
{
	fputs("usage: perf [run] [lb] [pktgen]\n"
	      "Measures the prefilter alone (run), with the load balancer behind it (lb), behind a veth\n"
	      "(pktgen), or all.\n"
	      "example: VMTEST_PROFILE=icount perf run\n",
	      to);
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout);
	for (int i = 1; i < argc; i++) {
		size_t group = 0;

		while (group < GROUPS && strcmp(argv[i], groups[group].name))
			group++;
		if (group == GROUPS) {
			fprintf(stderr, "perf: no group '%s'\n", argv[i]);
			return usage(stderr);
		}
	}
	for (size_t group = 0; group < GROUPS; group++) {
		bool wanted = argc == 1;

		for (int i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], groups[group].name);
		if (wanted)
			groups[group].run();
	}
	return 0;
}
