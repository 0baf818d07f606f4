// SPDX-License-Identifier: GPL-2.0-only
/* The uplink's settings as text: what is taken, as what, and what is refused and why. */
#include <errno.h>
#include <string.h>
#include "corepath.h"
#include "../../harness/tests/runner.h"

/* The longest list there can be. */
#define EIGHT "tcp/65528,udp/65529,tcp/65530,udp/65531,tcp/65532,udp/65533,tcp/65534,udp/65535"

START_TEST(takes_options)
{
	char text[COREPATH_SERVICE_STRLEN], list[COREPATH_FAILSAFE_STRLEN];
	struct corepath_uplink u = {};

	ck_assert_int_eq(corepath_uplink_option("masquerade4=203.0.113.1", &u), 0);
	ck_assert_int_eq(corepath_uplink_option("masquerade6=2001:db8:f::1", &u), 0);
	ck_assert_int_eq(corepath_uplink_option("ports=1024-65535", &u), 0);
	ck_assert_str_eq(corepath_uplink_address(&u.masquerade4, text), "203.0.113.1");
	ck_assert_str_eq(corepath_uplink_address(&u.masquerade6, text), "2001:db8:f::1");
	ck_assert_uint_eq(u.port_min, 1024);
	ck_assert_uint_eq(u.port_max, 65535);
	ck_assert_int_eq(corepath_uplink_option("ports=7-7", &u), 0);
	ck_assert_uint_eq(u.port_min, 7);
	ck_assert_uint_eq(u.port_max, 7);
	ck_assert_int_eq(corepath_uplink_option("forward=direct", &u), 0);
	ck_assert(u.direct);
	ck_assert_int_eq(corepath_uplink_option("forward=stack", &u), 0);
	ck_assert(!u.direct);
	ck_assert_int_eq(corepath_uplink_option("audit=yes", &u), 0);
	ck_assert(u.audit);
	ck_assert_int_eq(corepath_uplink_option("audit=no", &u), 0);
	ck_assert(!u.audit);
	ck_assert_str_eq(corepath_uplink_failsafe(&u, list), "none");
	ck_assert_int_eq(corepath_uplink_option("failsafe=" EIGHT, &u), 0);
	ck_assert_str_eq(corepath_uplink_failsafe(&u, list), EIGHT);
	ck_assert_int_eq(corepath_uplink_option("failsafe=udp/53", &u), 0);
	ck_assert_str_eq(corepath_uplink_failsafe(&u, list), "udp/53");
	ck_assert_int_eq(corepath_uplink_option("failsafe=none", &u), 0);
	ck_assert_str_eq(corepath_uplink_failsafe(&u, list), "none");
	ck_assert_int_eq(corepath_uplink_option("masquerade4=none", &u), 0);
	ck_assert_str_eq(corepath_uplink_address(&u.masquerade4, text), "none");
	ck_assert_str_eq(corepath_uplink_address(&u.masquerade6, text), "2001:db8:f::1");
}
END_TEST

static const struct {
	const char *word, *why;
} bad_options[] = {
	{"masquerade4=2001:db8::1", "other address family"},
	{"masquerade6=203.0.113.1", "other address family"},
	{"masquerade4=203.0.113.0/24", "leave the length out"},
	{"masquerade4=0.0.0.0", "write none"},
	{"masquerade6=::", "write none"},
	{"masquerade4=", "not an IPv4 address"},
	{"masquerade6=::ffff:203.0.113.1", "never on the wire"},
	{"ports=0-7", "MIN-MAX"},
	{"ports=7", "MIN-MAX"},
	{"ports=8-7", "MIN-MAX"},
	{"ports=7-65536", "MIN-MAX"},
	{"ports=-7", "MIN-MAX"},
	{"ports=000000000000000000001-7", "MIN-MAX"},
	{"ports=1-2-3", "MIN-MAX"},
	{"forward=", "use stack or direct"},
	{"forward=sideways", "use stack or direct"},
	{"audit=maybe", "neither yes nor no"},
	{"failsafe=", "PROTO/PORT"},
	{"failsafe=22", "PROTO/PORT"},
	{"failsafe=tcp/0", "PROTO/PORT"},
	{"failsafe=tcp/65536", "PROTO/PORT"},
	{"failsafe=sctp/22", "PROTO/PORT"},
	{"failsafe=tcp/22,", "PROTO/PORT"},
	{"failsafe=tcp/22,none", "PROTO/PORT"},
	{"failsafe=" EIGHT ",tcp/1", "up to 8"},
	{"failsafe=tcp/1,tcp/2,tcp/3,tcp/4,tcp/5,tcp/6,tcp/7,tcp/8,tcp/9", "up to 8"},
	{"colour=red", "no such setting"},
	{"ports", "no such setting"},
};

START_TEST(refuses_options)
{
	struct corepath_uplink u = {.port_min = 1, .port_max = 2}, before = u;

	ck_assert_int_eq(corepath_uplink_option(bad_options[_i].word, &u), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), bad_options[_i].why), "%s: %s", bad_options[_i].word,
		      corepath_error());
	ck_assert_mem_eq(&u, &before, sizeof(u));
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		ONCE(takes_options),
		FOR_EACH(refuses_options, bad_options),
	};

	return RUN("uplink_text", tests);
}
