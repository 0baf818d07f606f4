// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.uplink.rollback: a flow has both its entries or none.
 *
 * The second entry is refused only when two CPUs race or memory runs out. Here the object is loaded
 * with a table for it that is no LRU and has room for one, which then refuses every time.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath/abi.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "../lib/checkrun.h"
#include "functional.h"

/* The object under test, in the folder the suite runs in. */
#define OBJECT "tc_uplink.bpf.o"

struct uplink {
	struct bpf_object *object;
	int program, config, sources, out, in, counters;
};

static int find(const struct uplink *u, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(u->object, name);

	if (fd < 0)
		checkrun_error("%s has no map %s", OBJECT, name);
	return fd;
}

static void load(struct uplink *u)
{
	struct bpf_map *map;

	u->object = bpf_object__open_file(OBJECT, NULL);
	if (!u->object)
		checkrun_error("%s: %s", OBJECT, strerror(errno));
	map = bpf_object__find_map_by_name(u->object, "nat_out");
	if (!map || bpf_map__set_type(map, BPF_MAP_TYPE_HASH) || bpf_map__set_max_entries(map, 1))
		checkrun_error("%s: nat_out cannot be made small", OBJECT);
	if (bpf_object__load(u->object))
		ck_abort_msg("%s: %s", OBJECT, strerror(errno));
	u->program = bpf_program__fd(bpf_object__find_program_by_name(u->object, "tc_uplink_out"));
	u->config = find(u, "nat_config");
	u->sources = find(u, "nat_sources");
	u->out = find(u, "nat_out");
	u->in = find(u, "nat_in");
	u->counters = find(u, "uplink_counters");
}

static struct corepath_addr mapped(const char *text)
{
	struct corepath_addr a = {.w = {0, 0, htonl(0xffff)}};

	inet_pton(AF_INET, text, &a.w[3]);
	return a;
}

static void configure(const struct uplink *u)
{
	const struct corepath_nat_config config = {
		.masquerade4 = mapped("203.0.113.1"), .port_min = 40000, .port_max = 40000};
	const struct corepath_nat_prefix source = {96 + 8, mapped("10.0.0.0")};
	__u32 zero = 0, family = 4;

	if (bpf_map_update_elem(u->config, &zero, &config, BPF_ANY) ||
	    bpf_map_update_elem(u->sources, &source, &family, BPF_ANY))
		checkrun_error("the settings cannot be written: %s", strerror(errno));
}

/* The verdict on a datagram from port 40000 to port 80. */
static int run(const struct uplink *u, const char *src, const char *dst)
{
	/* RFC 894, RFC 791, RFC 768: no checksum in UDP, none checked in IPv4 */
	unsigned char out[256],
		frame[] = {
			2,    0,    0,	  0, 0, 2,  2, 0, 0, 0, 0,	    1,
			0x08, 0x00, 0x45, 0, 0, 28, 0, 1, 0, 0, 64,	    17,
			0,    0,    0,	  0, 0, 0,  0, 0, 0, 0, 40000 >> 8, 40000 & 0xff,
			0,    80,   0,	  8, 0, 0,
		};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	inet_pton(AF_INET, src, frame + 14 + 12);
	inet_pton(AF_INET, dst, frame + 14 + 16);
	if (bpf_prog_test_run_opts(u->program, &opts))
		checkrun_error("BPF_PROG_TEST_RUN: %s", strerror(errno));
	return opts.retval;
}

static int entries(int map)
{
	struct corepath_flow key, *prev = NULL;
	int n = 0;

	for (; !bpf_map_get_next_key(map, prev, &key); prev = &key)
		n++;
	return n;
}

static void expect(const struct uplink *u, const char *what, int verdict, int want, int in,
		   __u64 rolled_back)
{
	__u32 which = COREPATH_UPLINK_ROLLED_BACK;
	__u64 got = 0;

	if (verdict != want)
		ck_abort_msg("%s: verdict %d, not %d", what, verdict, want);
	if (entries(u->in) != in)
		ck_abort_msg("%s: %d flows hold a port, not %d", what, entries(u->in), in);
	if (bpf_map_lookup_elem(u->counters, &which, &got) || got != rolled_back)
		ck_abort_msg("%s: %llu ports were given back, not %llu", what, got, rolled_back);
}

#define FIRST  "10.0.0.2"
#define SECOND "10.0.0.3"
#define SERVER "198.51.100.7"
#define OTHER  "198.51.100.8"

static void rollback(int index __attribute__((unused)))
{
	const struct corepath_nat_out filler = {.port = 1};
	const struct corepath_flow nobody = {.proto = 255};
	struct corepath_flow key;
	struct uplink u;
	int verdict;

	load(&u);
	configure(&u);
	verdict = run(&u, FIRST, SERVER);
	expect(&u, "the first flow", verdict, -1, 1, 0); /* TC_ACT_UNSPEC: on */
	verdict = run(&u, SECOND, OTHER);
	expect(&u, "a flow without room for its second entry", verdict, TC_ACT_SHOT, 1, 1);
	verdict = run(&u, FIRST, SERVER);
	expect(&u, "the first flow again", verdict, -1, 1, 1);
	/* the first entry was there: it is not for this packet to take it away */
	if (bpf_map_get_next_key(u.out, NULL, &key) || bpf_map_delete_elem(u.out, &key) ||
	    bpf_map_update_elem(u.out, &nobody, &filler, BPF_ANY))
		checkrun_error("nat_out cannot be written: %s", strerror(errno));
	verdict = run(&u, FIRST, SERVER);
	expect(&u, "a flow that lost its second entry", verdict, TC_ACT_SHOT, 1, 1);
	if (bpf_map_delete_elem(u.out, &nobody))
		checkrun_error("nat_out cannot be emptied: %s", strerror(errno));
	verdict = run(&u, SECOND, OTHER);
	expect(&u, "the second flow, with room", verdict, -1, 2, 1);
	bpf_object__close(u.object);
}

static const struct functional_test tests[] = {{"functional.uplink.rollback", rollback, 0}};

void uplink_rollback_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
