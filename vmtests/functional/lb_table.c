// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of commands and packets in turn, through the chain of XDP programs that `corepath up` makes
 * and through the tc programs that other commands load.
 *
 * The datapath is brought up once, by the library the command is made of: a load costs more than
 * a hundred packets. Each row begins with no service, no endpoint, no flow and all counters at 0.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "packets.h"
#include "table_steps.h"

static bool is_up, has_devices;
static char up_error[1024];

/* What packets may leave behind, and the array entries that do. The rest is made by commands. */
static const char *const flow_maps[] = {
	"lb_conns", "lb_replies", "lb_affinity", "lb_rates", "lb_frags", "guard_sources", "nat_out",
	"nat_in",   "nat_direct", "nat_frags",	 "ct_flows", "ct_new",	 "ct_frags"};
static const struct {
	const char *name;
	unsigned int entries;
} arrays[] = {{"drop_counters", COREPATH_DROP_COUNT},
	      {"lb_guards", 2},
	      {"guard_new", 1},
	      {"uplink_counters", COREPATH_UPLINK_COUNTERS}};

#define N(array) (sizeof(array) / sizeof(*(array)))

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

/* Both ends are up: a device that is not is given no packet by some helpers. */
static int make_devices(void)
{
	char name[16], peer[24], mac[18], peer_mac[18];
	int here = net_namespace(), there = here < 0 ? -1 : net_new_namespace();

	for (int i = 0; i < TABLE_ENDPOINTS && there >= 0; i++) {
		snprintf(name, sizeof(name), TABLE_DEVICE, i);
		snprintf(peer, sizeof(peer), "%sw", name);
		snprintf(mac, sizeof(mac), TABLE_MAC, i);
		snprintf(peer_mac, sizeof(peer_mac), "02:00:00:00:20:%02x", i);
		if (net_veth(name, mac, peer, peer_mac, i < TABLE_ENDPOINTS - 1 ? there : here) ||
		    net_up(name))
			return -1;
	}
	return there;
}

static void bring_up(void)
{
	const char *const devs[] = {"lo"};
	struct corepath_attachment at;
	struct corepath_up_request req = {
		.pin_dir = TABLE_PIN_DIR, .devs = devs, .n_devs = 1, .mode = COREPATH_XDP_GENERIC};

	hurry_rcu();
	if (net_unshare() < 0)
		snprintf(up_error, sizeof(up_error), "ERROR: %s", net_error());
	else if (corepath_up(&req, &at))
		snprintf(up_error, sizeof(up_error), "up: %s", corepath_error());
	is_up = true;
}

void lb_table_open(bool devices)
{
	if (!is_up)
		bring_up();
	if (!devices || has_devices || *up_error)
		return;
	has_devices = true;
	if (make_devices() < 0)
		snprintf(up_error, sizeof(up_error), "ERROR: %s", net_error());
}

int table_pin_if_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", TABLE_PIN_DIR, name);
	return bpf_obj_get(path);
}

int table_pin(const char *name)
{
	int fd = table_pin_if_there(name);

	if (fd < 0)
		checkrun_error("%s/%s: %s", TABLE_PIN_DIR, name, strerror(errno));
	return fd;
}

void table_must(int err)
{
	if (err)
		ck_abort_msg("%s", corepath_error());
}

static void clear_flows(const char *name)
{
	int fd = table_pin_if_there(name), err;
	unsigned char key[64];

	if (fd < 0) /* nothing was loaded that has it */
		return;
	while (!(err = bpf_map_get_next_key(fd, NULL, key)))
		if (bpf_map_delete_elem(fd, key))
			checkrun_error("map %s cannot be emptied", name);
	close(fd);
}

/* Per-CPU arrays: zeros in every slot. */
static void clear_array(const char *name, unsigned int entries)
{
	int fd = table_pin_if_there(name), cpus = libbpf_num_possible_cpus();
	unsigned char *zeros = calloc(cpus, 16);

	for (unsigned int i = 0; i < entries && fd >= 0; i++)
		if (!zeros || bpf_map_update_elem(fd, &i, zeros, BPF_ANY))
			checkrun_error("map %s cannot be set to 0", name);
	free(zeros);
	if (fd >= 0)
		close(fd);
}

/* What marks the entries of tables for their end (bpf-src/lib/ct_gc.h). */
static void clear_queue(const char *name)
{
	int fd = table_pin_if_there(name);
	unsigned char value[64];

	while (fd >= 0 && !bpf_map_lookup_and_delete_elem(fd, NULL, value))
		;
	if (fd >= 0)
		close(fd);
}

static void reset(void)
{
	table_commands_reset();
	clear_queue("ct_flow_marks");
	clear_queue("ct_new_marks");
	for (size_t i = 0; i < N(flow_maps); i++)
		clear_flows(flow_maps[i]);
	for (size_t i = 0; i < N(arrays); i++)
		clear_array(arrays[i].name, arrays[i].entries);
}

static void compare_counters(const struct corepath_counter *want)
{
	struct corepath_counter got[COREPATH_DROP_COUNT];

	table_must(corepath_counters(TABLE_PIN_DIR, got));
	for (int i = 0; i < COREPATH_DROP_COUNT; i++)
		if (got[i].packets != want[i].packets || got[i].bytes != want[i].bytes)
			ck_abort_msg("counter %s: expected %llu packets %llu bytes, got %llu "
				     "packets %llu bytes",
				     corepath_drop_name(i), want[i].packets, want[i].bytes,
				     got[i].packets, got[i].bytes);
}

/* What was sent to backends, and nothing else, was served by the services. */
static void compare_served(const struct corepath_counter *want)
{
	const struct corepath_counter *tunneled = &want[COREPATH_DROP_LB_TUNNELED],
				      *translated = &want[COREPATH_DROP_LB_TRANSLATED];
	struct corepath_served got;
	struct corepath_status st;

	table_must(corepath_status(TABLE_PIN_DIR, &st));
	free(st.devs);
	got = st.served;
	if (got.packets != tunneled->packets + translated->packets ||
	    got.bytes != tunneled->bytes + translated->bytes)
		ck_abort_msg("services: expected %llu packets %llu bytes, got %llu packets %llu "
			     "bytes",
			     tunneled->packets + translated->packets,
			     tunneled->bytes + translated->bytes, got.packets, got.bytes);
}

int lb_table_begin(void)
{
	if (!strncmp(up_error, "ERROR: ", 7))
		checkrun_error("%s", up_error + 7);
	if (*up_error)
		ck_abort_msg("%s", up_error);
	reset();
	return table_xdp_program();
}

void lb_table_command(const char *line)
{
	char *copy = strdup(line), *rest = copy;
	const char *words[TABLE_WORDS];
	size_t n = 0;

	while (copy && n < TABLE_WORDS && (words[n] = strsep(&rest, " ")))
		n++;
	table_command(words, n);
	free(copy);
}

void lb_table_counters(struct corepath_counter *counters)
{
	table_must(corepath_counters(TABLE_PIN_DIR, counters));
}

/* A service that is deleted takes its numbers with it, and what endpoints send is not counted. */
static bool counts_else(json_t *command)
{
	const char *what = json_string_value(json_array_get(command, 0));
	const char *how = json_string_value(json_array_get(command, 1));

	return what && how &&
	       (!strcmp(what, "endpoint") || (!strcmp(what, "service") && !strcmp(how, "del")));
}

static void run_words(json_t *list)
{
	const char *words[TABLE_WORDS];
	size_t n = json_array_size(list);

	if (n > TABLE_WORDS)
		checkrun_error("a command of %zu words", n);
	for (size_t i = 0; i < n; i++)
		words[i] = json_string_value(json_array_get(list, i));
	table_command(words, n);
}

void lb_table_run(json_t *row)
{
	struct corepath_counter want[COREPATH_DROP_COUNT] = {};
	bool other = false;
	json_t *step;
	size_t i;

	close(lb_table_begin());
	json_array_foreach (json_object_get(row, "steps"), i, step) {
		other |= counts_else(json_object_get(step, "command"));
		if (json_object_get(step, "command"))
			run_words(json_object_get(step, "command"));
		else if (!table_state(step, i))
			table_packet(step, i, want);
	}
	compare_counters(want);
	if (!other)
		compare_served(want);
}
