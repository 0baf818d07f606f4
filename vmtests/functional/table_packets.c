// SPDX-License-Identifier: GPL-2.0-only
/*
 * A packet of a table, through the XDP chain or through a tc program, by BPF_PROG_RUN.
 *
 * A tc program gets a socket buffer that came in on, or goes out of, the device the step names; the
 * kernel takes its index and the packet's mark from user space since 5.5 (net/bpf/test_run.c). A
 * redirect is only asked for, not done: its verdict says so, and where to is for tests of traffic.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "packets.h"
#include "table_steps.h"

struct run {
	unsigned char in[PACKET_MAX], expected[PACKET_MAX], out[2 * PACKET_MAX];
	size_t in_len, expected_len, out_len;
	struct __sk_buff ctx;
	bool tc;
	unsigned int verdict;
};

static unsigned int find_reason(const char *name)
{
	unsigned int reason = 0;

	while (reason < COREPATH_DROP_COUNT && strcmp(corepath_drop_name(reason), name))
		reason++;
	if (reason == COREPATH_DROP_COUNT)
		checkrun_error("the ABI has no reason '%s'", name);
	return reason;
}

int table_xdp_program(void)
{
	struct corepath_status status;
	int fd;

	table_must(corepath_status(TABLE_PIN_DIR, &status));
	fd = status.n_devs ? bpf_prog_get_fd_by_id(status.devs[0].prog_id) : -1;
	free(status.devs);
	if (fd < 0)
		checkrun_error("the XDP program: %s", strerror(errno));
	return fd;
}

static void run_program(json_t *step, struct run *run)
{
	const char *dev = json_string_value(json_object_get(step, "dev"));
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = run->in, .data_size_in = run->in_len,
		    .data_out = run->out, .data_size_out = sizeof(run->out), .repeat = 1);
	const char *name = json_string_value(json_object_get(step, "program"));
	int fd = name ? table_pin(name) : table_xdp_program(), err;

	run->tc = name;
	if (run->tc) {
		run->ctx.ifindex = dev ? if_nametoindex(dev) : 0;
		if (dev && !run->ctx.ifindex)
			checkrun_error("%s: no such device", dev);
		run->ctx.mark = json_integer_value(json_object_get(step, "mark"));
		opts.ctx_in = opts.ctx_out = &run->ctx;
		opts.ctx_size_in = opts.ctx_size_out = sizeof(run->ctx);
	}
	err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	if (err)
		checkrun_error("BPF_PROG_TEST_RUN of a packet of %zu bytes: %s", run->in_len,
			       strerror(errno));
	run->verdict = opts.retval;
	run->out_len = opts.data_size_out;
}

void table_packet(json_t *step, size_t index, struct corepath_counter *want)
{
	const char *verdict = packets_text(step, "verdict"), *got;
	unsigned int reason = find_reason(packets_text(step, "reason"));
	json_int_t mark = json_integer_value(json_object_get(step, "mark_out"));
	static struct run run;

	memset(&run, 0, sizeof(run));
	run.in_len = packets_bytes(packets_text(step, "packet"), run.in);
	run.expected_len = packets_bytes(packets_text(step, "packet_out"), run.expected);
	want[reason].packets++;
	want[reason].bytes += run.in_len;
	run_program(step, &run);
	got = run.tc ? packets_tc_verdict(run.verdict) : packets_verdict(run.verdict);
	if (strcmp(got, verdict))
		ck_abort_msg("step %zu: verdict: expected %s (%s), got %s\npacket in: %s", index,
			     verdict, packets_text(step, "reason"), got,
			     packets_text(step, "packet"));
	if (run.out_len != run.expected_len || memcmp(run.out, run.expected, run.out_len))
		ck_abort_msg("step %zu: another packet came out (%zu bytes, expected %zu)\n"
			     "packet in:  %s\nexpected:   %s\npacket out: %s",
			     index, run.out_len, run.expected_len, packets_text(step, "packet"),
			     packets_text(step, "packet_out"), packets_hex(run.out, run.out_len));
	if (run.tc && run.ctx.mark != mark)
		ck_abort_msg("step %zu: mark: expected %#llx, got %#x\npacket in: %s", index, mark,
			     run.ctx.mark, packets_text(step, "packet"));
}
