// SPDX-License-Identifier: GPL-2.0-only
/* Services, backends and settings as text: what is taken, as what, and what the refusals say. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "corepath.h"
#include "../../harness/tests/runner.h"

static const struct {
	const char *proto, *text, *means;
} services[] = {
	{"tcp", "203.0.113.9:80", "tcp 203.0.113.9:80"},
	{"udp", "203.0.113.9:0", "udp 203.0.113.9:0"},
	{"tcp", "203.0.113.0/24:65535", "tcp 203.0.113.0/24:65535"},
	{"tcp", "[2001:db8::9]:80", "tcp [2001:db8::9]:80"},
	{"udp", "[2001:db8::/32]:53", "udp [2001:db8::/32]:53"},
	{"tcp", "0.0.0.0/0:80", "tcp 0.0.0.0/0:80"},
	{"tcp", "[::/0]:80", "tcp [::/0]:80"},
};

START_TEST(takes_services)
{
	char text[COREPATH_SERVICE_STRLEN];
	struct corepath_service_id id;

	ck_assert_int_eq(corepath_service_parse(services[_i].proto, services[_i].text, &id), 0);
	ck_assert_str_eq(corepath_service_format(&id, text), services[_i].means);
}
END_TEST

static const struct {
	const char *proto, *text, *why;
} bad_services[] = {
	{"icmp", "203.0.113.9:80", "use tcp or udp"},
	{"t", "203.0.113.9:80", "use tcp or udp"},
	{"tcp", "203.0.113.9", "ADDRESS:PORT"},
	{"tcp", "203.0.113.9:", "ADDRESS:PORT"},
	{"tcp", "203.0.113.9:65536", "ADDRESS:PORT"},
	{"tcp", "203.0.113.9:+80", "ADDRESS:PORT"},
	{"tcp", "203.0.113.9:80x", "ADDRESS:PORT"},
	{"tcp", "2001:db8::9:80", "ADDRESS:PORT"},
	{"tcp", "[2001:db8::9]80", "ADDRESS:PORT"},
	{"tcp", "[2001:db8::9:80", "ADDRESS:PORT"},
	{"tcp", ":80", "not an IPv4 address"},
	{"tcp", "203.0.113.9/24:80", "host bits"},
	{"tcp", "203.0.113.0/33:80", "from 0 to 32"},
	{"tcp", "[::ffff:203.0.113.9]:80", "IPv4-mapped"},
};

START_TEST(refuses_services)
{
	struct corepath_service_id id;

	ck_assert_int_eq(corepath_service_parse(bad_services[_i].proto, bad_services[_i].text, &id),
			 -EINVAL);
	ck_assert_msg(strstr(corepath_error(), bad_services[_i].why), "'%s': said: %s",
		      bad_services[_i].text, corepath_error());
}
END_TEST

static const struct {
	const char *text, *means;
} backends[] = {
	{"10.0.0.1", "10.0.0.1"},
	{"10.0.0.1:8080", "10.0.0.1:8080"},
	{"2001:db8::1", "2001:db8::1"},
	{"[2001:db8::1]", "2001:db8::1"},
	{"[2001:db8::1]:8080", "[2001:db8::1]:8080"},
};

START_TEST(takes_backends)
{
	char text[COREPATH_SERVICE_STRLEN];
	struct corepath_backend_spec b;

	ck_assert_int_eq(corepath_backend_parse(backends[_i].text, &b), 0);
	ck_assert_str_eq(corepath_endpoint_format(&b.addr, b.port, text), backends[_i].means);
	ck_assert_int_eq(b.weight, 1);
	ck_assert_int_eq(b.state, COREPATH_BACKEND_ACTIVE);
}
END_TEST

static const char *const bad_backends[] = {
	"", "10.0.0", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.0/24", "[2001:db8::1]:", "host:80"};

START_TEST(refuses_backends)
{
	struct corepath_backend_spec b;

	ck_assert_int_eq(corepath_backend_parse(bad_backends[_i], &b), -EINVAL);
}
END_TEST

START_TEST(takes_options)
{
	struct corepath_service_spec s = {};
	struct corepath_backend_spec b = {};
	struct corepath_balancer l = {};
	static const __u8 mac[6] = {2, 0, 0, 0, 0xab, 0xcd};

	ck_assert_int_eq(corepath_service_option("mode=nat", &s), 0);
	ck_assert_int_eq(s.sockets, COREPATH_SOCKETS_DEFAULT);
	ck_assert_int_eq(corepath_service_option("sockets=no", &s), 0);
	ck_assert_int_eq(s.sockets, COREPATH_SOCKETS_NO);
	ck_assert_int_eq(corepath_service_option("sockets=yes", &s), 0);
	ck_assert_int_eq(s.sockets, COREPATH_SOCKETS_YES);
	ck_assert_int_eq(corepath_service_option("affinity=300", &s), 0);
	ck_assert_int_eq(corepath_service_option("rate=100/60", &s), 0);
	ck_assert_int_eq(corepath_service_option("sources=10.0.0.0/8,2001:db8::/32", &s), 0);
	ck_assert_int_eq(s.mode, COREPATH_LB_NAT);
	ck_assert_uint_eq(s.affinity_s, 300);
	ck_assert_uint_eq(s.rate, 100);
	ck_assert_uint_eq(s.rate_s, 60);
	ck_assert_uint_eq(s.n_sources, 2);
	ck_assert_uint_eq(s.sources[1].len, 32);
	free(s.sources);
	ck_assert_int_eq(corepath_service_option("rate=7", &s), 0);
	ck_assert_uint_eq(s.rate_s, 1);

	ck_assert_int_eq(corepath_backend_option("weight=65535", &b), 0);
	ck_assert_int_eq(corepath_backend_option("state=draining", &b), 0);
	ck_assert_int_eq(corepath_backend_option("mac=02:00:00:00:AB:cd", &b), 0);
	ck_assert_uint_eq(b.weight, 65535);
	ck_assert_int_eq(b.state, COREPATH_BACKEND_DRAINING);
	ck_assert_mem_eq(b.mac, mac, 6);

	ck_assert_int_eq(corepath_balancer_option("mtu=1280", &l), 0);
	ck_assert_int_eq(corepath_balancer_option("conn-rate=0", &l), 0);
	ck_assert_int_eq(corepath_balancer_option("source4=192.0.2.0/24", &l), 0);
	ck_assert_uint_eq(l.mtu, 1280);
	ck_assert_uint_eq(l.source4.len, 24);
}
END_TEST

static const char *const bad_options[] = {
	"mode=dsr",
	"mode",
	"affinity=-1",
	"affinity=",
	"rate=0",
	"rate=1/0",
	"rate=x",
	"sockets=",
	"sockets=maybe",
	"sources=",
	"sources=10/8",
	"sources=10.0.0.0/8,",
	"weight=0",
	"weight=65536",
	"state=free",
	"mac=02:00:00",
	"mac=02:00:00:00:00:01x",
	"mac=2:0:0:0:0:1",
	"mtu=1279",
	"mtu=9217",
	"conn-rate=-1",
	"source4=::/64",
	"source6=10.0.0.0/8",
	"colour=red",
};

START_TEST(refuses_options)
{
	struct corepath_service_spec s = {};
	struct corepath_backend_spec b = {};
	struct corepath_balancer l = {};

	ck_assert_int_eq(corepath_service_option(bad_options[_i], &s), -EINVAL);
	ck_assert_int_eq(corepath_backend_option(bad_options[_i], &b), -EINVAL);
	ck_assert_int_eq(corepath_balancer_option(bad_options[_i], &l), -EINVAL);
	free(s.sources);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(takes_services, services),
		FOR_EACH(refuses_services, bad_services),
		FOR_EACH(takes_backends, backends),
		FOR_EACH(refuses_backends, bad_backends),
		ONCE(takes_options),
		FOR_EACH(refuses_options, bad_options),
	};

	return RUN("lb_text", tests);
}
