// SPDX-License-Identifier: GPL-2.0-only
/* datapath.yaml: what is read of it, what is said of a wrong one, and what changes between two. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "corepath.h"
#include "runner.h"

/* Reads a text as a file of that name in the present folder. */
static int read_text(const char *text, struct corepath_config **config)
{
	char name[] = "config_test.XXXXXX";
	int fd = mkstemp(name), err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	err = corepath_config_read(name, config);
	unlink(name);
	return err;
}

static const struct {
	const char *text;
	const char *said; /* after the file's name */
} wrong[] = {
	{"devices: [", "2: not YAML: "},
	{"device: []\n",
	 "1: device: no such key; expected devices, prefilter, balancer or services"},
	{"- eth0\n", "1: : is a list; expected a mapping"},
	{"devices:\n  - xdp: native\n", "2: devices[0]: name is missing"},
	{"devices:\n  - name: eth0\n    xdp: fast\n", "3: devices[0].xdp: 'fast' is no mode"},
	{"devices: [{name: a}, {name: a}]\n", "1: devices[1].name: a is there twice"},
	{"devices:\n  - name: abcdefghijklmnop\n",
	 "2: devices[0].name: 'abcdefghijklmnop' is no name"},
	{"prefilter:\n  deny:\n    - 10.0.0.0/8\n    - 10.0.0.0/33\n", "4: prefilter.deny[1]: "},
	{"prefilter:\n  deny: [10.0.0.1]\n  allow: [10.0.0.1/32]\n",
	 "3: prefilter.allow[0]: '10.0.0.1/32' is there twice"},
	{"prefilter:\n  deny: 10.0.0.1\n", "2: prefilter.deny: is a value; expected a list"},
	{"prefilter:\n  drop: []\n",
	 "2: prefilter.drop: no such key; expected deny, allow, signatures or rate"},
	{"balancer:\n  mtu: 100\n", "2: balancer.mtu: 'mtu=100': not a number of bytes"},
	{"balancer:\n  mtu: 1500\n  mtu: 1400\n", "3: balancer.mtu: is there twice"},
	{"services:\n  - mode: nat\n", "2: services[0].service: is missing; for example"},
	{"services:\n  - service: 203.0.113.9:80\n",
	 "2: services[0].service: expected 'tcp ADDRESS:PORT'"},
	{"services:\n  - service: tcp 203.0.113.9\n", "2: services[0].service: "},
	{"services:\n  - service: tcp 1.2.3.4:80\n  - service: tcp 1.2.3.4:80\n",
	 "3: services[1].service: tcp 1.2.3.4:80 is there twice"},
	{"services:\n  - service: tcp 1.2.3.4:80\n    mode: fast\n",
	 "3: services[0].mode: 'mode=fast': no such mode"},
	{"services:\n  - service: tcp 1.2.3.4:80\n    backends:\n      - address: 10.0.0.1\n"
	 "        weight: 0\n",
	 "5: services[0].backends[0].weight: 'weight=0': not a number from 1"},
	{"services:\n  - service: tcp 1.2.3.4:80\n    backends:\n      - weight: 1\n",
	 "4: services[0].backends[0].address: is missing"},
	{"services:\n  - service: tcp 1.2.3.4:80\n    sources: [10.0.0.0/8, [1]]\n",
	 "3: services[0].sources: is a list; expected one value"},
};

START_TEST(says_what_and_where)
{
	struct corepath_config *config;
	const char *said, *at;

	ck_assert_int_eq(read_text(wrong[_i].text, &config), -EINVAL);
	said = corepath_error();
	at = strchr(said, ':');
	ck_assert_msg(at && !strncmp(at + 1, wrong[_i].said, strlen(wrong[_i].said)),
		      "expected ...:%s, got %s", wrong[_i].said, said);
}
END_TEST

#define BASE                                                                                       \
	"devices: [{name: eth0}]\n"                                                                \
	"prefilter: {deny: [198.51.100.0/24], allow: [198.51.100.7]}\n"                            \
	"services:\n"                                                                              \
	"  - service: tcp 203.0.113.9:80\n"                                                        \
	"    mode: nat\n"                                                                          \
	"    sources: [10.0.0.0/8, 192.0.2.0/24]\n"                                                \
	"    backends: [{address: 10.0.0.1}, {address: 10.0.0.2}]\n"

static const struct {
	const char *from, *to;
	const char *plan; /* all lines */
} changes[] = {
	{BASE, BASE, ""},
	/* the same, written otherwise */
	{BASE,
	 "prefilter: {allow: [198.51.100.7/32], deny: [198.51.100.9/24]}\n"
	 "services:\n"
	 "  - service: tcp 203.0.113.9:80\n"
	 "    mode: nat\n"
	 "    sources: [192.0.2.0/24, 10.0.0.0/8]\n"
	 "    sockets: 'yes'\n"
	 "    backends: [{address: 10.0.0.2, weight: 1}, {address: 10.0.0.1, state: active}]\n"
	 "devices: [{name: eth0, xdp: auto}]\n",
	 ""},
	{"", "prefilter: {deny: [10.0.0.0/8]}", "+ deny 10.0.0.0/8\n"},
	{"prefilter: {deny: [10.0.0.0/8]}", "", "- deny 10.0.0.0/8\n"},
	{"prefilter: {deny: [10.0.0.0/8]}", "prefilter: {allow: [10.0.0.0/8]}",
	 "~ allow 10.0.0.0/8\n"},
	/* what comes is there before what goes */
	{"prefilter: {deny: [10.0.0.0/8]}", "prefilter: {deny: [10.0.0.0/9, 10.128.0.0/9]}",
	 "+ deny 10.0.0.0/9\n+ deny 10.128.0.0/9\n- deny 10.0.0.0/8\n"},
	{"", "balancer: {mtu: 1400}",
	 "~ balancer source4=172.16.0.0/16 source6=100::/96 mtu=1400 conn-rate=125000\n"},
	{"devices: [{name: a}]", "devices: [{name: b, xdp: generic}]",
	 "+ device b xdp=generic\n- device a\n"},
	/* a mode is changed by detaching first */
	{"devices: [{name: a, xdp: native}]", "devices: [{name: a, xdp: generic}]",
	 "- device a\n+ device a xdp=generic\n"},
	{"devices: [{name: a, xdp: native}]", "devices: [{name: a}]", ""},
	{"",
	 "services: [{service: 'udp [2001:db8::9]:53', backends: [{address: 'fd00::1', weight: 3}]}]",
	 "+ service udp [2001:db8::9]:53 mode=tunnel affinity=0 rate=0 sources=0\n"
	 "+ backend udp [2001:db8::9]:53 fd00::1 weight=3 state=active\n"},
	{BASE,
	 "devices: [{name: eth0}]\n"
	 "prefilter: {deny: [198.51.100.0/24], allow: [198.51.100.7]}\n"
	 "services:\n"
	 "  - service: tcp 203.0.113.9:80\n"
	 "    mode: nat\n"
	 "    affinity: 60\n"
	 "    sources: [10.0.0.0/8, 192.0.2.0/25]\n"
	 "    backends: [{address: 10.0.0.2, state: draining}, {address: 10.0.0.3}]\n",
	 "~ service tcp 203.0.113.9:80 mode=nat affinity=60 rate=0 sources=2\n"
	 "~ backend tcp 203.0.113.9:80 10.0.0.2 weight=1 state=draining\n"
	 "+ backend tcp 203.0.113.9:80 10.0.0.3 weight=1 state=active\n"
	 "- backend tcp 203.0.113.9:80 10.0.0.1 weight=1 state=active\n"},
	/* other backends altogether: the service goes and comes */
	{"services: [{service: 'tcp 1.2.3.4:80', mode: nat, backends: [{address: 10.0.0.1}]}]",
	 "services: [{service: 'tcp 1.2.3.4:80', backends: [{address: 10.0.0.1}]}]",
	 "- service tcp 1.2.3.4:80 mode=nat affinity=0 rate=0 sources=0\n"
	 "+ service tcp 1.2.3.4:80 mode=tunnel affinity=0 rate=0 sources=0\n"
	 "+ backend tcp 1.2.3.4:80 10.0.0.1 weight=1 state=active\n"},
};

START_TEST(plans)
{
	struct corepath_config *from, *to;
	struct corepath_plan *plan;
	char text[2048] = "";
	size_t i;

	ck_assert_msg(!read_text(changes[_i].from, &from), "%s", corepath_error());
	ck_assert_msg(!read_text(changes[_i].to, &to), "%s", corepath_error());
	ck_assert_int_eq(corepath_plan_make(from, to, &plan), 0);
	for (i = 0; i < corepath_plan_size(plan); i++) {
		strcat(text, corepath_plan_text(plan, i));
		strcat(text, "\n");
	}
	ck_assert_str_eq(text, changes[_i].plan);
	corepath_plan_free(plan);
	corepath_config_free(from);
	corepath_config_free(to);
}
END_TEST

START_TEST(example_is_read)
{
	struct corepath_config *config;

	ck_assert_msg(!corepath_config_read("loader/datapath.example.yaml", &config), "%s",
		      corepath_error());
	corepath_config_free(config);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(says_what_and_where, wrong),
		FOR_EACH(plans, changes),
		ONCE(example_is_read),
	};

	return RUN("config", tests);
}
