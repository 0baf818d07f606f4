// SPDX-License-Identifier: GPL-2.0-only
/* datapath.yaml: what is read of it, what is said of a wrong one, and what changes between two. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "corepath.h"
#include "../../harness/tests/runner.h"

/* Reads a text as a file of that name in the present folder. */
static int read_text(const char *text, struct corepath_config **config)
{
	char name[] = "config_test.XXXXXX";
	int fd = mkstemp(name), err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	err = corepath_config_read(name, "/pins", config);
	unlink(name);
	return err;
}

static const struct {
	const char *text;
	const char *said; /* after the file's name */
} wrong[] = {
	{"devices: [", "2: not YAML: "},
	{"device: []\n",
	 "1: device: no such key; expected devices, prefilter, balancer, services, ct, uplink, "
	 "endpoints, policies, identities, sockets or security"},
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
	 "2: prefilter.drop: no such key; expected deny, allow, signatures, rate or max"},
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
	{"ct:\n  syn: 60\n  pickup: maybe\n", "3: ct.pickup: 'pickup=maybe': neither yes nor no"},
	{"ct:\n  established: 604801\n",
	 "2: ct.established: 'established=604801': not a number of "},
	{"prefilter: {max: 0}\n", "1: prefilter.max: 'max=0': not a number from 1"},
	{"prefilter: {max: 2147483648}\n", "1: prefilter.max: 'max=2147483648': not a number"},
	{"ct: {max: 0}\n", "1: ct.max: 'max=0': not a number from 1"},
	{"ct: {tcp: 5}\n", "1: ct.tcp: 'tcp=5': no such setting; use syn=, established=, "},
	{"ct: 60\n", "1: ct: is a value; expected a mapping"},
	{"uplink:\n  mask: 1\n", "2: uplink.mask: no such key; expected devices, masquerade4, "},
	{"uplink:\n  devices: [{name: eth0}]\n  masquerade4: 2001:db8::1\n",
	 "3: uplink.masquerade4: 'masquerade4=2001:db8::1': of the other address family"},
	{"uplink:\n  ports: 5-4\n", "2: uplink.ports: 'ports=5-4': not MIN-MAX"},
	{"uplink:\n  forward: fast\n", "2: uplink.forward: 'forward=fast': no way to forward"},
	{"uplink:\n  audit: maybe\n", "2: uplink.audit: 'audit=maybe': neither yes nor no"},
	{"uplink:\n  failsafe: [tcp/22, tcp]\n", "2: uplink.failsafe: 'failsafe=tcp/22,tcp': not"},
	{"uplink:\n  devices: [{name: a}, {name: a, tc: tcx}]\n",
	 "2: uplink.devices[1].name: a is there twice"},
	{"uplink:\n  devices:\n    - name: a\n      tc: xdp\n",
	 "4: uplink.devices[0].tc: 'xdp' is no mode; expected auto, tcx or clsact"},
	{"uplink:\n  devices: [{tc: tcx}]\n", "2: uplink.devices[0]: name is missing"},
	{"uplink:\n  sources: [10.0.0.0/8, 10.1.2.3/8]\n",
	 "2: uplink.sources[1]: '10.1.2.3/8' is there twice"},
	{"uplink:\n  excludes:\n    - ten\n", "3: uplink.excludes[0]: "},
	{"endpoints:\n  - addresses: [10.0.0.2]\n", "2: endpoints[0].device: is missing"},
	{"endpoints:\n  - device: veth7\n", "2: endpoints[0].addresses: is missing; for example"},
	{"endpoints:\n  - device: host\n    addresses: [10.0.0.2]\n",
	 "2: endpoints[0].device: 'host' is the host itself"},
	{"endpoints:\n  - device: veth7\n    addresses: [10.0.0.2, 10.0.0.3]\n",
	 "3: endpoints[0].addresses[1]: '10.0.0.3': a second address of this family"},
	{"endpoints:\n  - device: veth7\n    addresses: [10.0.0.2]\n    mac: 02:00\n",
	 "4: endpoints[0].mac: 'mac=02:00': not a MAC address"},
	{"endpoints:\n  - device: veth7\n    addresses: [10.0.0.2]\n    identity: 0\n",
	 "4: endpoints[0].identity: 'identity=0': not a number from 1"},
	{"endpoints:\n  - device: veth7\n    addresses: [10.0.0.2]\n    limit: 7\n",
	 "4: endpoints[0].limit: no such key; expected device, addresses, mac, identity, limit-in, "
	 "limit-out, audit or tc"},
	{"endpoints:\n  - {device: a, addresses: [10.0.0.2]}\n"
	 "  - {device: b, addresses: ['2001:db8::2', 10.0.0.2]}\n",
	 "3: endpoints[1].addresses: 10.0.0.2 is the address of a"},
	{"endpoints:\n  - {device: a, addresses: [10.0.0.2]}\n"
	 "  - {device: a, addresses: [10.0.0.3]}\n",
	 "3: endpoints[1].device: a is there twice"},
	{"policies:\n  - {direction: in, verdict: allow}\n", "2: policies[0].endpoint: is missing"},
	{"policies:\n  - {endpoint: host, verdict: allow}\n",
	 "2: policies[0].direction: is missing"},
	{"policies:\n  - {endpoint: host, direction: up, verdict: allow}\n",
	 "2: policies[0].direction: 'up': no direction"},
	{"policies:\n  - {endpoint: host, direction: in, verdict: drop}\n",
	 "2: policies[0].verdict: 'drop': no verdict"},
	{"policies:\n  - {endpoint: host, direction: in, verdict: deny, port: 80}\n",
	 "2: policies[0]: port=80: a rule with a port says proto"},
	{"policies:\n  - {endpoint: host, direction: in, verdict: allow, proto: tcp, proxy: 80}\n",
	 "2: policies[0]: proxy=80: only what an endpoint sends can be handed to a proxy"},
	{"policies:\n  - {endpoint: host, direction: in, verdict: deny, dport: 80}\n",
	 "2: policies[0].dport: no such key; expected endpoint, direction, verdict, identity, "
	 "proto, port or proxy"},
	{"policies:\n  - {endpoint: host, direction: in, verdict: deny, proto: tcp}\n"
	 "  - {endpoint: host, direction: in, verdict: allow, proto: tcp}\n",
	 "3: policies[1]: is the rule of line 2; keep one of the two"},
	{"endpoints: [{device: a, addresses: [10.0.0.2]}]\npolicies:\n"
	 "  - {endpoint: a, direction: in, verdict: deny}\n"
	 "  - {endpoint: b, direction: in, verdict: deny}\n",
	 "4: policies[1].endpoint: 'b' is none of the file's endpoints; name one of them, or host"},
	{"identities:\n  - identity: 7\n", "2: identities[0].prefix: is missing"},
	{"identities:\n  - prefix: 10.0.0.0/8\n", "2: identities[0].identity: is missing"},
	{"identities:\n  - {prefix: 10.0.0.0/8, identity: 0}\n",
	 "2: identities[0].identity: 'identity=0': not a number"},
	{"identities:\n  - {prefix: 10.0.0.0/8, id: 2}\n",
	 "2: identities[0].id: no such key; expected prefix or identity"},
	{"identities:\n  - {prefix: 10.0.0.0/8, identity: 2}\n"
	 "  - {prefix: 10.0.0.0/8, identity: 3}\n",
	 "3: identities[1].prefix: '10.0.0.0/8' is there twice"},
	{"identities:\n  - {prefix: 10.0.0.2, identity: 2}\n"
	 "endpoints: [{device: a, addresses: [10.0.0.2]}]\n",
	 "2: identities[0].prefix: is the address of endpoint a; give that the identity"},
	{"sockets:\n  cgroup: /sys/fs/cgroup\n",
	 "2: sockets.cgroup: no such key; expected cgroups"},
	{"sockets:\n  cgroups: [cgroup]\n", "2: sockets.cgroups[0]: 'cgroup' is no folder"},
	{"sockets:\n  cgroups: [/no/such, /no/such]\n",
	 "2: sockets.cgroups[1]: /no/such is there twice"},
	{"devices: []\nsecurity: no/such.yaml\n", "2: security: no/such.yaml: No such file"},
	{"security: ''\n", "1: security: is empty; give a file with rules"},
	{"security: []\n", "1: security.rules: is a list; expected a mapping"},
	{"security:\n  rules:\n    - {name: a, on: exec, action: deny, paths: /x}\n",
	 "3: security.paths: no such field"},
	{"security:\n  rules:\n    - {name: a, on: exec, path: /x}\n",
	 "3: security.action: is missing"},
	{"security:\n  rule: []\n", "2: security.rule: expected 'rules', 'scope'"},
	{"security:\n  rules: []\n  rules: []\n", "3: security.rules: is there twice"},
	{"security:\n  rules:\n    - {name: a, on: exec, action: deny, path: /x, path: /y}\n",
	 "3: security.path: is there twice; keep one"},
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
	/* what the kernel keeps of a rate is nanoseconds: 1e9/700000 is 1428, 1e9/1428 is 700280 */
	{"prefilter: {rate: {packets: 700280, conns: 7002801/10}}\n"
	 "balancer: {conn-rate: 700280}\n"
	 "services: [{service: 'tcp 1.2.3.4:80', rate: 700280}]",
	 "prefilter: {rate: {packets: 700000, conns: 7000000/10}}\n"
	 "balancer: {conn-rate: 700000}\n"
	 "services: [{service: 'tcp 1.2.3.4:80', rate: 700000}]",
	 ""},
	{"prefilter: {rate: {packets: 700281}}\n"
	 "balancer: {conn-rate: 700281}\n"
	 "services: [{service: 'tcp 1.2.3.4:80', rate: 100/10}]",
	 "prefilter: {rate: {packets: 700000}}\n"
	 "balancer: {conn-rate: 700000}\n"
	 "services: [{service: 'tcp 1.2.3.4:80', rate: 100/11}]",
	 "~ balancer source4=172.16.0.0/16 source6=100::/96 mtu=1500 conn-rate=700000\n"
	 "~ rate packets=700000/1 packets-prefix=32,64 conns=0/1 conns-prefix=32,64\n"
	 "~ service tcp 1.2.3.4:80 mode=tunnel affinity=0 rate=100 sources=0\n"},
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
#define VETHS                                                                                      \
	"endpoints:\n"                                                                             \
	"  - {device: a, addresses: [10.0.0.2, '2001:db8::2'], identity: 5}\n"                     \
	"  - {device: b, addresses: [10.0.0.3], limit-in: 9, audit: yes}\n"                        \
	"policies:\n"                                                                              \
	"  - {endpoint: a, direction: in, verdict: allow, proto: tcp, port: 80}\n"                 \
	"  - {endpoint: host, direction: in, verdict: deny, identity: 7}\n"                        \
	"identities: [{prefix: 10.20.0.0/16, identity: 7}]\n"
	{VETHS, VETHS, ""},
	/* an endpoint comes with its rules, after those of who is there; the host's need none */
	{"", VETHS,
	 "+ policy host in deny identity=7\n"
	 "+ identity 10.20.0.0/16 7\n"
	 "+ endpoint a 10.0.0.2 2001:db8::2 identity=5 tc=auto\n"
	 "+ policy a in allow proto=tcp port=80\n"
	 "+ endpoint b 10.0.0.3 identity=1 limit-in=9 audit=yes tc=auto\n"},
	/* a rule gets a proxy, and another one */
	{"endpoints: [{device: a, addresses: [10.0.0.2]}]\n"
	 "policies:\n"
	 "  - {endpoint: a, direction: out, verdict: allow, proto: tcp}\n"
	 "  - {endpoint: a, direction: out, verdict: allow, proto: udp, port: 53, proxy: 1053}\n",
	 "endpoints: [{device: a, addresses: [10.0.0.2]}]\n"
	 "policies:\n"
	 "  - {endpoint: a, direction: out, verdict: allow, proto: tcp, proxy: 15001}\n"
	 "  - {endpoint: a, direction: out, verdict: allow, proto: udp, port: 53, proxy: 2053}\n",
	 "~ policy a out allow proto=tcp proxy=15001\n"
	 "~ policy a out allow proto=udp port=53 proxy=2053\n"},
	/* its rules go with it */
	{VETHS, "endpoints: []\npolicies: []\nidentities: []",
	 "- endpoint a 10.0.0.2 2001:db8::2 identity=5 tc=auto\n"
	 "- endpoint b 10.0.0.3 identity=1 limit-in=9 audit=yes tc=auto\n"
	 "- identity 10.20.0.0/16 7\n"
	 "- policy host in deny identity=7\n"},
	/* what stays is changed in place, and its policies by one call with it */
	{VETHS,
	 "endpoints:\n"
	 "  - {device: a, addresses: [10.0.0.3, '2001:db8::2'], identity: 5, mac: 02:00:00:00:00:0a}\n"
	 "  - {device: c, addresses: [10.0.0.2]}\n"
	 "policies:\n"
	 "  - {endpoint: a, direction: in, verdict: deny, proto: tcp, port: 80}\n"
	 "  - {endpoint: a, direction: out, verdict: allow}\n"
	 "  - {endpoint: c, direction: in, verdict: allow}\n"
	 "identities: [{prefix: 10.20.0.0/16, identity: 8}, {prefix: '::/0', identity: 9}]\n",
	 "- endpoint b 10.0.0.3 identity=1 limit-in=9 audit=yes tc=auto\n"
	 "~ policy a in deny proto=tcp port=80\n"
	 "+ policy a out allow\n"
	 "~ endpoint a 10.0.0.3 2001:db8::2 mac=02:00:00:00:00:0a identity=5 tc=auto\n"
	 "~ identity 10.20.0.0/16 8\n"
	 "+ identity ::/0 9\n"
	 "- policy host in deny identity=7\n"
	 "+ endpoint c 10.0.0.2 identity=1 tc=auto\n"
	 "+ policy c in allow\n"},
	{"endpoints: [{device: a, addresses: [10.0.0.2], tc: tcx}]",
	 "endpoints: [{device: a, addresses: [10.0.0.2]}]", ""},
	{"endpoints: [{device: a, addresses: [10.0.0.2], tc: tcx}]",
	 "endpoints: [{device: a, addresses: [10.0.0.2], tc: clsact}]",
	 "~ endpoint a 10.0.0.2 identity=1 tc=clsact\n"},
#define UPLINK                                                                                     \
	"uplink:\n"                                                                                \
	"  devices: [{name: eth0}, {name: eth1, tc: tcx}]\n"                                       \
	"  masquerade4: 203.0.113.1\n"                                                             \
	"  sources: [10.0.0.0/16, 'fd00:10::/48']\n"                                               \
	"  excludes: [10.0.0.0/8]\n"
	{UPLINK,
	 "uplink:\n"
	 "  excludes: [10.1.1.1/8]\n"
	 "  sources: ['fd00:10::/48', 10.0.0.0/16]\n"
	 "  ports: 32768-65535\n"
	 "  failsafe: [tcp/22]\n"
	 "  forward: stack\n"
	 "  masquerade6: none\n"
	 "  audit: no\n"
	 "  masquerade4: 203.0.113.1\n"
	 "  devices: [{name: eth1}, {name: eth0, tc: auto}]\n",
	 ""},
	{"", UPLINK,
	 "~ uplink masquerade4=203.0.113.1 masquerade6=none ports=32768-65535 forward=stack "
	 "audit=no failsafe=tcp/22\n"
	 "+ uplink exclude 10.0.0.0/8\n"
	 "+ uplink source 10.0.0.0/16\n"
	 "+ uplink source fd00:10::/48\n"
	 "+ uplink device eth0 tc=auto\n"
	 "+ uplink device eth1 tc=tcx\n"},
	{UPLINK,
	 "uplink:\n"
	 "  devices: [{name: eth1, tc: clsact}]\n"
	 "  masquerade4: 203.0.113.1\n"
	 "  failsafe: [tcp/22, udp/53]\n"
	 "  sources: [10.0.0.0/16]\n",
	 "~ uplink masquerade4=203.0.113.1 masquerade6=none ports=32768-65535 forward=stack "
	 "audit=no failsafe=tcp/22,udp/53\n"
	 "- uplink device eth1 tc=tcx\n"
	 "+ uplink device eth1 tc=clsact\n"
	 "- uplink device eth0 tc=auto\n"
	 "- uplink source fd00:10::/48\n"
	 "- uplink exclude 10.0.0.0/8\n"},
#define CT_REST "reset=40 udp=30 udp-answered=120 icmp=60 other=600 "
	{"ct: {pickup: yes, max: 5}", "", ""},
	{"prefilter: {max: 5}", "", ""},
	{"", "prefilter: {max: 5}", ""},
	{"", "ct: {}", ""},
	{"", "ct: {established: 21600, pickup: no}", ""},
	{"ct: {udp-answered: 7, pickup: yes, max: 5}", "ct: {}",
	 "~ ct syn=60 established=21600 closed=30 " CT_REST "pickup=no\n"},
	{"ct: {max: 5}", "ct: {max: 5, closed: 7}",
	 "~ ct syn=60 established=21600 closed=7 " CT_REST "pickup=no max=5\n"},
	/* tables that are yet to be made get their size before whoever needs them comes */
	{"", "uplink: {audit: yes}\nct: {max: 5}",
	 "~ ct syn=60 established=21600 closed=30 " CT_REST "pickup=no max=5\n"
	 "~ uplink masquerade4=none masquerade6=none ports=32768-65535 forward=stack audit=yes "
	 "failsafe=tcp/22\n"},
	{"sockets: {cgroups: [/no/a, /no/b]}", "sockets: {cgroups: [/no/c, /no/b]}",
	 "+ sockets of /no/c\n- sockets of /no/a\n"},
#define RULES                                                                                      \
	"security:\n"                                                                              \
	"  rules:\n"                                                                               \
	"    - {name: one, on: exec, action: deny, path: /x, rate: 700000}\n"                      \
	"    - {name: two, on: [write, create], action: audit, path: [/a/*, '*.so'], uid-not: 0}\n"
	{RULES, RULES, ""},
	{"", RULES, "+ rule one action=deny\n+ rule two action=audit\n"},
	/* parts that the file leaves to their own commands */
	{VETHS UPLINK RULES "sockets: {cgroups: [/no/a]}", "", ""},
	{VETHS, "policies: [{endpoint: a, direction: in, verdict: allow, proto: tcp, port: 80}]",
	 "- policy host in deny identity=7\n"},
	{VETHS, "endpoints: [{device: a, addresses: [10.0.0.2, '2001:db8::2'], identity: 5}]",
	 "- endpoint b 10.0.0.3 identity=1 limit-in=9 audit=yes tc=auto\n"},
	{VETHS UPLINK "sockets: {cgroups: [/no/a]}", "policies: []\nuplink: {}\nsockets: {}",
	 "~ uplink masquerade4=none masquerade6=none ports=32768-65535 forward=stack audit=no "
	 "failsafe=tcp/22\n"
	 "- policy a in allow proto=tcp port=80\n"
	 "- policy host in deny identity=7\n"
	 "- uplink device eth0 tc=auto\n"
	 "- uplink device eth1 tc=tcx\n"
	 "- uplink source 10.0.0.0/16\n"
	 "- uplink source fd00:10::/48\n"
	 "- uplink exclude 10.0.0.0/8\n"
	 "- sockets of /no/a\n"},
	{RULES, "security: {rules: []}", "- rule one action=deny\n- rule two action=audit\n"},
	/* what it is about, what it does, how often it is told of, in what order */
	{RULES,
	 "security:\n"
	 "  rules:\n"
	 "    - {name: one, on: exec, action: deny, path: /y, rate: 700000}\n"
	 "    - {name: two, on: [write, create], action: audit, path: [/a/*, '*.so'], uid-not: 0}\n",
	 "~ rules of processes\n"},
	{RULES,
	 "security:\n"
	 "  rules:\n"
	 "    - {name: one, on: exec, action: kill, path: /x, rate: 700000}\n"
	 "    - {name: two, on: [write, create], action: audit, path: [/a/*, '*.so'], uid-not: 0}\n",
	 "~ rules of processes\n"},
	{RULES,
	 "security:\n"
	 "  rules:\n"
	 "    - {name: one, on: exec, action: deny, path: /x, rate: 100}\n"
	 "    - {name: two, on: [write, create], action: audit, path: [/a/*, '*.so'], uid-not: 0}\n",
	 "~ rules of processes\n"},
	{RULES,
	 "security:\n"
	 "  rules:\n"
	 "    - {name: one, on: exec, action: deny, path: /x, rate: 700000}\n"
	 "    - {name: three, on: exec, action: log, path: /x}\n",
	 "+ rule three action=log\n- rule two action=audit\n"},
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
	char text[4096] = "";
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

START_TEST(tables_keep_their_size)
{
	struct corepath_config *from, *to;
	struct corepath_plan *plan;

	ck_assert_int_eq(read_text("ct: {max: 5}", &from), 0);
	ck_assert_int_eq(read_text("ct: {max: 6}\nsockets: {cgroups: [/no/a]}", &to), 0);
	ck_assert_int_eq(corepath_plan_make(from, to, &plan), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), "ct.max: the tables are there with 5, and the "
					       "file has 6"),
		      "%s", corepath_error());
	corepath_config_free(from);
	corepath_config_free(to);
}
END_TEST

START_TEST(tries_keep_their_size)
{
	struct corepath_config *from, *to;
	struct corepath_plan *plan;

	ck_assert_int_eq(read_text("prefilter: {max: 5}", &from), 0);
	ck_assert_int_eq(read_text("prefilter: {max: 6, deny: [192.0.2.1]}", &to), 0);
	ck_assert_int_eq(corepath_plan_make(from, to, &plan), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), "prefilter.max: the tries are there with 5, and the "
					       "file has 6"),
		      "%s", corepath_error());
	corepath_config_free(from);
	corepath_config_free(to);
}
END_TEST

START_TEST(example_is_read)
{
	struct corepath_config *config;

	ck_assert_msg(!corepath_config_read("loader/datapath.example.yaml", "/pins", &config), "%s",
		      corepath_error());
	corepath_config_free(config);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(says_what_and_where, wrong),
		FOR_EACH(plans, changes),
		ONCE(tables_keep_their_size),
		ONCE(tries_keep_their_size),
		ONCE(example_is_read),
	};

	return RUN("config", tests);
}
