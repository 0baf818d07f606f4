// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of the load balancer's tables: commands and packets in turn, through the whole chain that
 * `corepath up` makes.
 *
 * The datapath is brought up once, by the library the command is made of: a load costs more than
 * a hundred packets. Each row begins with no service, no flow and all counters at 0.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "packets.h"

#define WORDS_MAX 16

static char pin_dir[64];
static int program = -1;
static char up_error[1024];

/* What a row may leave behind. The rest is emptied by deleting services. */
static const char *const flow_maps[] = {"lb_conns", "lb_replies", "lb_affinity", "lb_rates",
					"lb_frags"};

/* Replacing a Maglev table waits for a grace period: tens of milliseconds, in most rows twice. A
 * kernel without the switch is slower, not wrong. */
static void hurry_rcu(void)
{
	int fd = open("/sys/kernel/rcu_expedited", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		fprintf(stderr, "functional: /sys/kernel/rcu_expedited: %s\n", strerror(errno));
	close(fd);
}

void lb_table_open(void)
{
	const char *const devs[] = {"lo"};
	struct corepath_attachment at;
	struct corepath_up_request req = {
		.pin_dir = pin_dir, .devs = devs, .n_devs = 1, .mode = COREPATH_XDP_GENERIC};

	if (*pin_dir)
		return;
	hurry_rcu();
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/functional-lb");
	if (net_unshare() < 0)
		snprintf(up_error, sizeof(up_error), "ERROR: %s", net_error());
	else if (corepath_up(&req, &at))
		snprintf(up_error, sizeof(up_error), "up: %s", corepath_error());
	else
		program = bpf_prog_get_fd_by_id(at.prog_id);
}

static int open_map(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		checkrun_error("%s: %s", path, strerror(-fd));
	return fd;
}

static void clear_flows(const char *name)
{
	int fd = open_map(name), err;
	unsigned char key[64];

	while (!(err = bpf_map_get_next_key(fd, NULL, key)))
		if (bpf_map_delete_elem(fd, key))
			checkrun_error("map %s cannot be emptied", name);
	close(fd);
}

/* Per-CPU arrays: zeros in every slot. */
static void clear_array(const char *name, unsigned int entries)
{
	int fd = open_map(name), cpus = libbpf_num_possible_cpus();
	unsigned char *zeros = calloc(cpus, 16);

	for (unsigned int i = 0; i < entries; i++)
		if (!zeros || bpf_map_update_elem(fd, &i, zeros, BPF_ANY))
			checkrun_error("map %s cannot be set to 0", name);
	free(zeros);
	close(fd);
}

static void must(int err)
{
	if (err)
		ck_abort_msg("%s", corepath_error());
}

static void reset(void)
{
	static const struct corepath_balancer settings = {
		.source4 = {.family = AF_INET, .addr = {172, 16}, .len = 16},
		.source6 = {.family = AF_INET6, .addr = {1}, .len = 96},
		.mtu = 1500,
		.conn_rate = 1000,
	};
	struct corepath_service_info *services;
	struct corepath_prefix *prefixes;
	size_t n;

	must(corepath_service_list(pin_dir, &services, &n));
	for (size_t i = 0; i < n; i++)
		must(corepath_service_del(pin_dir, &services[i].spec.id));
	corepath_service_free(services, n);
	must(corepath_prefix_list(pin_dir, &prefixes, &n));
	must(corepath_prefix_del(pin_dir, prefixes, n));
	free(prefixes);
	must(corepath_balancer_set(pin_dir, &settings));
	for (size_t i = 0; i < sizeof(flow_maps) / sizeof(*flow_maps); i++)
		clear_flows(flow_maps[i]);
	clear_array("drop_counters", COREPATH_DROP_COUNT);
	clear_array("lb_guards", 2);
}

/* ---- commands, as loader/cmd/ takes them ---- */

static void service_add(const char **words, size_t n)
{
	struct corepath_service_spec spec = {.mode = COREPATH_LB_TUNNEL};

	must(corepath_service_parse(words[0], words[1], &spec.id));
	for (size_t i = 2; i < n; i++)
		must(corepath_service_option(words[i], &spec));
	must(corepath_service_add(pin_dir, &spec));
	free(spec.sources);
}

static void backend(const char *what, const char **words, size_t n)
{
	struct corepath_service_id id;
	struct corepath_backend_spec b;

	must(corepath_service_parse(words[0], words[1], &id));
	must(corepath_backend_parse(words[2], &b));
	if (!strcmp(what, "add")) {
		for (size_t i = 3; i < n; i++)
			must(corepath_backend_option(words[i], &b));
		must(corepath_backend_add(pin_dir, &id, &b));
	} else if (!strcmp(what, "del")) {
		must(corepath_backend_del(pin_dir, &id, &b.addr, b.port));
	} else {
		must(corepath_backend_state_parse(words[3], &b.state));
		must(corepath_backend_set_state(pin_dir, &id, &b.addr, b.port, b.state));
	}
}

static void balancer_set(const char **words, size_t n)
{
	struct corepath_balancer b;

	must(corepath_balancer_get(pin_dir, &b));
	for (size_t i = 0; i < n; i++)
		must(corepath_balancer_option(words[i], &b));
	must(corepath_balancer_set(pin_dir, &b));
}

static void run_words(const char **words, size_t n)
{
	struct corepath_service_id id;
	struct corepath_prefix prefix;

	if (n < 3)
		checkrun_error("a command of %zu words", n);
	if (!strcmp(words[0], "service") && !strcmp(words[1], "add")) {
		service_add(words + 2, n - 2);
	} else if (!strcmp(words[0], "service") && !strcmp(words[1], "del")) {
		must(corepath_service_parse(words[2], words[3], &id));
		must(corepath_service_del(pin_dir, &id));
	} else if (!strcmp(words[0], "backend")) {
		backend(words[1], words + 2, n - 2);
	} else if (!strcmp(words[0], "balancer")) {
		balancer_set(words + 2, n - 2);
	} else if (!strcmp(words[0], "prefilter")) {
		if (corepath_prefix_parse(words[2], &prefix) < 0)
			checkrun_error("%s", corepath_error());
		must(corepath_prefix_add(pin_dir, &prefix, 1));
	} else {
		checkrun_error("no such command: %s %s", words[0], words[1]);
	}
}

static void run_command(json_t *list)
{
	const char *words[WORDS_MAX];
	size_t n = json_array_size(list);

	if (n > WORDS_MAX)
		checkrun_error("a command of %zu words", n);
	for (size_t i = 0; i < n; i++)
		words[i] = json_string_value(json_array_get(list, i));
	run_words(words, n);
}

void lb_table_command(const char *line)
{
	char *copy = strdup(line), *rest = copy;
	const char *words[WORDS_MAX];
	size_t n = 0;

	while (copy && n < WORDS_MAX && (words[n] = strsep(&rest, " ")))
		n++;
	run_words(words, n);
	free(copy);
}

/* ---- packets ---- */

static void run_packet(json_t *step, size_t index, struct corepath_counter *want)
{
	unsigned char in[PACKET_MAX], expected[PACKET_MAX], out[2 * PACKET_MAX];
	const char *verdict = packets_text(step, "verdict");
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);
	size_t len = packets_bytes(packets_text(step, "packet_out"), expected);
	unsigned int reason = 0;

	run.data_size_in = packets_bytes(packets_text(step, "packet"), in);
	while (reason < COREPATH_DROP_COUNT &&
	       strcmp(corepath_drop_name(reason), packets_text(step, "reason")))
		reason++;
	if (reason == COREPATH_DROP_COUNT)
		checkrun_error("the ABI has no reason '%s'", packets_text(step, "reason"));
	want[reason].packets++;
	want[reason].bytes += run.data_size_in;
	if (bpf_prog_test_run_opts(program, &run))
		checkrun_error("BPF_PROG_TEST_RUN of a packet of %u bytes: %s", run.data_size_in,
			       strerror(errno));
	if (strcmp(packets_verdict(run.retval), verdict))
		ck_abort_msg("step %zu: verdict: expected %s (%s), got %s\npacket in: %s", index,
			     verdict, packets_text(step, "reason"), packets_verdict(run.retval),
			     packets_text(step, "packet"));
	if (run.data_size_out != len || memcmp(out, expected, len))
		ck_abort_msg("step %zu: another packet came out (%u bytes, expected %zu)\n"
			     "packet in:  %s\nexpected:   %s\npacket out: %s",
			     index, run.data_size_out, len, packets_text(step, "packet"),
			     packets_text(step, "packet_out"), packets_hex(out, run.data_size_out));
}

static void compare_counters(const struct corepath_counter *want)
{
	struct corepath_counter got[COREPATH_DROP_COUNT];

	must(corepath_counters(pin_dir, got));
	for (int i = 0; i < COREPATH_DROP_COUNT; i++)
		if (got[i].packets != want[i].packets || got[i].bytes != want[i].bytes)
			ck_abort_msg("counter %s: expected %llu packets %llu bytes, got %llu "
				     "packets %llu bytes",
				     corepath_drop_name(i), want[i].packets, want[i].bytes,
				     got[i].packets, got[i].bytes);
}

int lb_table_begin(void)
{
	if (!strncmp(up_error, "ERROR: ", 7))
		checkrun_error("%s", up_error + 7);
	if (*up_error || program < 0)
		ck_abort_msg("%s", up_error);
	reset();
	return program;
}

void lb_table_counters(struct corepath_counter *counters)
{
	must(corepath_counters(pin_dir, counters));
}

void lb_table_run(json_t *row)
{
	struct corepath_counter want[COREPATH_DROP_COUNT] = {};
	json_t *step;
	size_t i;

	lb_table_begin();
	json_array_foreach (json_object_get(row, "steps"), i, step) {
		if (json_object_get(step, "command"))
			run_command(json_object_get(step, "command"));
		else
			run_packet(step, i, want);
	}
	compare_counters(want);
}
