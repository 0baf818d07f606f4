// SPDX-License-Identifier: GPL-2.0-only
/* What `corepath observe` shows of packets, processes and rules in one stream. */
#include <arpa/inet.h>
#include <string.h>
#include "../cmd/filter.h"
#include "../../harness/tests/runner.h"

/* main.c's, which is not linked here */
int report_usage(const char *fmt, ...)
{
	(void)fmt;
	return EXIT_USAGE;
}

static struct corepath_addr addr(const char *text)
{
	struct corepath_backend_spec b = {};

	ck_assert_int_eq(corepath_backend_parse(text, &b), 0);
	return b.addr;
}

static struct corepath_packet_event packet(enum corepath_drop reason)
{
	return (struct corepath_packet_event){
		.head = {.kind = COREPATH_EVENT_PACKET,
			 .size = sizeof(struct corepath_packet_event)},
		.reason = reason,
		.l3_proto = 0x0800,
		.flow = {.src = addr("198.51.100.7"),
			 .dst = addr("192.0.2.9"),
			 .sport = htons(1234),
			 .dport = htons(53),
			 .proto = 17},
	};
}

struct with_data {
	union {
		struct corepath_exec_event exec;
		struct corepath_rule_event rule;
	};
	char data[64];
};

static struct with_data runs(const char *path)
{
	struct with_data e = {.exec = {.head = {.kind = COREPATH_EVENT_EXEC,
						.size = sizeof(e.exec) + strlen(path)},
				       .process = {.pid = 42, .comm = "curl"},
				       .path_len = strlen(path)}};

	memcpy(e.exec.data, path, strlen(path));
	return e;
}

static struct with_data matches(bool prevented, const char *exe)
{
	struct with_data e = {.rule = {.head = {.kind = COREPATH_EVENT_RULE,
						.size = sizeof(e.rule) + strlen(exe)},
				       .process = {.pid = 42, .comm = "curl"},
				       .prevented = prevented,
				       .exe_len = strlen(exe)}};

	memcpy(e.rule.data, exe, strlen(exe));
	return e;
}

/* Of each kind, by itself, whether it is shown, of all that there is. */
static const struct {
	struct args args;
	bool dropped, passed, exec, prevented, logged;
} cases[] = {
	{{}, true, true, true, true, true},
	{{.verdict = "dropped"}, true, false, false, true, false},
	{{.verdict = "passed"}, false, true, false, false, true},
	{{.process = "42"}, false, false, true, true, true},
	{{.process = "4"}, false, false, false, false, false},
	{{.process = "curl"}, false, false, true, true, true},
	{{.process = "cur"}, false, false, false, false, false},
	{{.process = "/usr/bin/curl"}, false, false, true, true, true},
	{{.process = "/usr/bin/cur"}, false, false, false, false, false},
	{{.process = "42", .verdict = "dropped"}, false, false, false, true, false},
	{{.port = 53}, true, true, true, true, true},
	{{.port = 54}, false, false, true, true, true},
	{{.address = "198.51.100.0/24"}, true, true, true, true, true},
	{{.address = "198.51.101.0/24"}, false, false, true, true, true},
	{{.proto = "udp"}, true, true, true, true, true},
	{{.proto = "tcp"}, false, false, true, true, true},
};

START_TEST(shows)
{
	struct corepath_packet_event dropped = packet(COREPATH_DROP_DENIED_SRC4);
	struct corepath_packet_event passed = packet(COREPATH_DROP_LB_TUNNELED);
	struct with_data exec = runs("/usr/bin/curl"), deny = matches(true, "/usr/bin/curl"),
			 log = matches(false, "/usr/bin/curl");
	struct args args = cases[_i].args;
	struct filter f = {};

	args.reason = args.kind = "all";
	ck_assert_int_eq(filter_parse(&args, &f), EXIT_DONE);
	ck_assert_int_eq(filter_wants(&f, &dropped.head), cases[_i].dropped);
	ck_assert_int_eq(filter_wants(&f, &passed.head), cases[_i].passed);
	ck_assert_int_eq(filter_wants(&f, &exec.exec.head), cases[_i].exec);
	ck_assert_int_eq(filter_wants(&f, &deny.rule.head), cases[_i].prevented);
	ck_assert_int_eq(filter_wants(&f, &log.rule.head), cases[_i].logged);
}
END_TEST

/* What is asked of the datapath, where no reason and no kind is named. */
START_TEST(asks_for)
{
	static const struct args none = {}, passed = {.verdict = "passed"},
				 process = {.process = "curl"}, wrong = {.verdict = "denied"};
	struct filter f = {};

	ck_assert_int_eq(filter_parse(&none, &f), EXIT_DONE);
	ck_assert(f.reasons[COREPATH_DROP_DENIED_SRC4] && !f.reasons[COREPATH_DROP_LB_TUNNELED] &&
		  !f.kinds[COREPATH_EVENT_EXEC]);
	f = (struct filter){};
	ck_assert_int_eq(filter_parse(&passed, &f), EXIT_DONE);
	ck_assert(!f.reasons[COREPATH_DROP_DENIED_SRC4] && f.reasons[COREPATH_DROP_LB_TUNNELED]);
	f = (struct filter){};
	ck_assert_int_eq(filter_parse(&process, &f), EXIT_DONE);
	ck_assert(!f.reasons[COREPATH_DROP_DENIED_SRC4] && f.kinds[COREPATH_EVENT_EXEC] &&
		  f.kinds[COREPATH_EVENT_RULE]);
	ck_assert_int_eq(filter_parse(&wrong, &f), EXIT_USAGE);
}
END_TEST

/* A recording is shown whole, or what was asked for by name. */
START_TEST(of_a_recording)
{
	static const struct {
		struct args args;
		bool dropped, passed, exec;
	} shown[] = {
		{{.last = 5}, true, true, true},
		{{.since = "1m"}, true, true, true},
		{{.from = "f"}, true, true, true},
		{{.from = "f", .verdict = "dropped"}, true, false, false},
		{{.from = "f", .process = "curl"}, false, false, true},
		{{.from = "f", .port = 53}, true, true, false},
		{{.from = "f", .reason = "drops"}, true, false, false},
		{{.from = "f", .reason = "denied_src4"}, true, false, false},
		{{.from = "f", .reason = "drops,lb_tunneled"}, true, true, false},
		{{.from = "f", .kind = "exec"}, false, false, true},
		{{.from = "f", .kind = "fork"}, false, false, false},
		{{.from = "f", .reason = "drops", .kind = "exec"}, true, false, true},
	};
	struct corepath_packet_event dropped = packet(COREPATH_DROP_DENIED_SRC4);
	struct corepath_packet_event passed = packet(COREPATH_DROP_LB_TUNNELED);
	struct with_data exec = runs("/usr/bin/curl");
	size_t i;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct filter f = {};

		ck_assert_int_eq(filter_parse(&shown[i].args, &f), EXIT_DONE);
		ck_assert_msg(filter_wants(&f, &dropped.head) == shown[i].dropped &&
				      filter_wants(&f, &passed.head) == shown[i].passed &&
				      filter_wants(&f, &exec.exec.head) == shown[i].exec,
			      "row %zu", i);
	}
}
END_TEST

/* A reason that is no drop says so in its text; only two say it in other words. */
START_TEST(drops)
{
	int i;

	for (i = 0; i < COREPATH_DROP_COUNT; i++) {
		bool goes_on = i == COREPATH_DROP_FORWARDED || i == COREPATH_DROP_LB_ECHOED ||
			       !strncmp(corepath_drop_text(i), "not dropped: ", 13);

		ck_assert_msg(!corepath_is_drop(i) == goes_on, "%s", corepath_drop_name(i));
	}
}
END_TEST

int main(void)
{
	const struct test tests[] = {FOR_EACH(shows, cases), ONCE(asks_for), ONCE(of_a_recording),
				     ONCE(drops)};

	return RUN("filter", tests);
}
