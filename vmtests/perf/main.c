// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf: what a packet costs, one result line per case. Figures are instructions per packet when
 * VMTEST_PROFILE is "icount", and advisory nanoseconds otherwise.
 *
 *	perf [run] [lb] [guard] [tc] [sock] [sec] [pktgen] [compare]
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
	bool named; /* only when it is */
} groups[] = {
	{"run", perf_run, false},
	{"lb", perf_lb, false},
	{"guard", perf_guard, false},
	{"tc", perf_tc, false},
	{"sock", perf_sock, false},
	{"sec", perf_sec, false},
	{"pktgen", perf_pktgen, false},
	{"compare-drop", perf_compare_drop, true},
	{"compare-nft", perf_compare_nft, true},
	{"compare-xdp", perf_compare_xdp, true},
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
	fputs("usage: perf [GROUP...]\n"
	      "Measures all but the last three, or those named:\n"
	      "  run      the prefilter alone\n"
	      "  lb       with the load balancer behind it\n"
	      "  guard    with signatures and rates behind it\n"
	      "  tc       endpoints and the uplink\n"
	      "  sock     connect() of a socket\n"
	      "  sec      open(), execve() and connect() under rules\n"
	      "  pktgen   the prefilter behind a veth\n"
	      "  compare-drop  nftables beside the prefilter\n"
	      "  compare-nft   DNAT by nftables, for compare-xdp, by the balancer\n"
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
		bool wanted = argc == 1 && !groups[group].named;

		for (int i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], groups[group].name);
		if (wanted)
			groups[group].run();
	}
	return 0;
}
