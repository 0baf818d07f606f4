// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf.sec.*: what rules about processes add to open(), execve() and connect(), as whole system
 * calls above the same ones before any rule was loaded.
 */
#include <arpa/inet.h>
#include <corepath.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "calls.h"

#define PIN_DIR "/sys/fs/bpf/perf-sec"
#define RULES	"/perf-sec.yaml"

/* Rules are about /usr/local/lib/NNNN/ and 127.N.N.0/25; what is called is beside number 500, and
 * differs from it in the last bit: what a lookup goes through is as long as it can be without a
 * match. */
#define FOLDER	"/usr/local/lib"
#define TARGET	FOLDER "/0500.so"
#define ADDRESS "127.1.244.129"

static int open_file(void)
{
	return open(TARGET, O_RDWR | O_CLOEXEC);
}

/* The kernel asks who judges and only then looks what the file is: text is no program. Nothing
 * hides behind another program's start, whose length differs from one to the next. */
static int run_file(void)
{
	char *const args[] = {"0500.so", NULL}, *const environment[] = {NULL};

	return execve(TARGET, args, environment) && errno == ENOEXEC ? 0 : -1;
}

static int connect_socket(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(30840)};
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, ADDRESS, &to.sin_addr);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

/* Number @n of the conditions that the call does not meet. */
static void other_path(FILE *f, int n)
{
	fprintf(f, "path: " FOLDER "/%04d/*", n);
}

static void other_address(FILE *f, int n)
{
	fprintf(f, "dest: 127.%d.%d.0/25", n >> 8, n & 255);
}

static const struct sec_call {
	const char *name, *op;
	int (*act)(void); /* -1: it failed; else a descriptor to close, or 0 */
	void (*other)(FILE *f, int n);
	const char *same; /* the condition that it meets */
} calls[] = {
	{"open", "write", open_file, other_path, "path: " TARGET},
	{"execve", "exec", run_file, other_path, "path: " TARGET},
	{"connect", "connect", connect_socket, other_address, "dest: 127.1.244.128/25"},
};

static const struct sec_state {
	const char *name;
	int first, others; /* rules that are not met, which would deny */
	bool same;	   /* and one that is, and is only counted */
} states[] = {
	{"1_rule", 500, 1, false},
	{"1000_rules", 0, 1000, false},
	{"1000_rules_match", 0, 999, true},
	{"idle", 0, 0, false}, /* the last: its hooks are those the others left */
};

/* The least of each run's calls: an execve() makes an address space, and whatever the kernel does
 * besides, such as giving pages back, only adds to it. */
static bool measure(const char *test, const struct sec_call *call, double *runs)
{
	double durations[PERF_CALLS];

	for (int i = 0; i < PERF_RUNS; i++) {
		for (int n = 0; n < PERF_CALLS; n++) {
			double start = perf_now();
			int fd = call->act();

			durations[n] = perf_now() - start;
			if (fd < 0) {
				result_report(test, RESULT_ERROR, "%s: %s", call->name,
					      strerror(errno));
				return false;
			}
			if (fd > 0)
				close(fd);
		}
		perf_median_of(durations, PERF_CALLS);
		runs[i] = durations[0];
	}
	return true;
}

static bool write_rules(const struct sec_call *call, const struct sec_state *state)
{
	FILE *f = fopen(RULES, "w");
	bool good;

	if (!f)
		return false;
	fputs("rules:\n", f);
	for (int i = state->first; i < state->first + state->others; i++) {
		fprintf(f, "  - {name: r%d, on: %s, action: deny, ", i, call->op);
		call->other(f, i);
		fputs("}\n", f);
	}
	if (state->same)
		fprintf(f, "  - {name: it, on: %s, action: log, %s}\n", call->op, call->same);
	if (!state->others)
		fputs("  - {name: it, on: ptrace, action: log, path: /none}\n", f);
	good = !ferror(f);
	return !fclose(f) && good;
}

/* How often rules matched; -1 with the library's text. */
static long long matches(void)
{
	struct corepath_security_status st;
	long long hits = 0;

	if (corepath_security_status(PIN_DIR, &st))
		return -1;
	for (size_t i = 0; i < st.n; i++)
		hits += st.rules[i].hits;
	free(st.rules);
	return hits;
}

static void measure_state(const struct sec_call *call, const struct sec_state *state, double floor)
{
	long long want = state->same ? PERF_RUNS * PERF_CALLS : 0, hits;
	double runs[PERF_RUNS];
	char test[64];

	snprintf(test, sizeof(test), "perf.sec.%s_%s", call->name, state->name);
	result_start(test);
	if (!write_rules(call, state)) {
		result_report(test, RESULT_ERROR, RULES ": %s", strerror(errno));
		return;
	}
	if (corepath_security_load(PIN_DIR, RULES)) {
		result_report(test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	if (!measure(test, call, runs))
		return;
	hits = matches();
	if (hits != want)
		result_report(test, RESULT_FAIL, "%lld matches, expected %lld", hits, want);
	else
		perf_report(test, "call", runs, &floor);
}

static void measure_call(const struct sec_call *call)
{
	double runs[PERF_RUNS];
	char test[64];

	snprintf(test, sizeof(test), "perf.sec.%s_floor", call->name);
	result_start(test);
	if (!measure(test, call, runs))
		return;
	perf_report(test, "call", runs, NULL);
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		measure_state(call, &states[i], perf_median(runs));
	corepath_down(PIN_DIR, NULL, 0); /* an execve opens files, too */
}

static bool make_target(void)
{
	static const char *const folders[] = {"/usr", "/usr/local", FOLDER};
	bool good;
	int fd;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (mkdir(folders[i], 0755) && errno != EEXIST)
			return false;
	fd = open(TARGET, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	good = fd >= 0 && write(fd, "text\n", 5) == 5;
	close(fd);
	return good;
}

void perf_sec(void)
{
	if (net_unshare() < 0 || net_up("lo")) {
		result_start("perf.sec.up");
		result_report("perf.sec.up", RESULT_ERROR, "%s", net_error());
		return;
	}
	if (!make_target()) {
		result_start("perf.sec.up");
		result_report("perf.sec.up", RESULT_ERROR, TARGET ": %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		measure_call(&calls[i]);
}
