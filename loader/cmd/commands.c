// SPDX-License-Identifier: GPL-2.0-only
/* Every command and every option of corepath. */
#include "commands.h"
#include "recording.h"

#define UNLIMITED ((size_t)-1)

#define TEXT_OF(number) #number
#define TEXT(number)	TEXT_OF(number)
#define PORT		TEXT(COREPATH_METRICS_PORT)

const struct command_option options[N_OPTIONS] = {
	[OPT_DEV] = {"dev", "DEV", "network device; may be given more than once"},
	[OPT_FILE] = {"file", "FILE", "(or -f) the configuration, in YAML; - is standard input"},
	[OPT_XDP_MODE] = {"xdp-mode", "auto|native|generic",
			  "where XDP runs: in the driver (native), in the stack (generic, slower), "
			  "or the first that works (auto, the default)"},
	[OPT_TC_MODE] = {"tc-mode", "auto|tcx|clsact",
			 "how tc programs are attached: by a link (tcx, Linux 6.6), by a filter "
			 "(clsact), or the first that works (auto, the default)"},
	[OPT_MAX_PREFIXES] = {"max-prefixes", "N",
			      "room for N prefixes of each address family (default 65536); of "
			      "a file: prefilter.max"},
	[OPT_ALLOW] = {"allow", NULL, "except these from a shorter denied prefix"},
	[OPT_KILL_RUNNING] =
		{"kill-running", NULL,
		 "kill processes that run already and match a rule of exec with action kill"},
	[OPT_CGROUP] = {"cgroup", "DIR",
			"folder of a cgroup (version 2); those below it are included"},
	[OPT_REASON] =
		{"reason", "NAME,...",
		 "only these, as 'corepath counters' names them, drops or all (default: drops)"},
	[OPT_KIND] =
		{"kind", "exec|fork|exit|rule|all",
		 "processes that run a program, begin or end; a list with commas; no packets unless "
		 "--reason asks for them"},
	[OPT_ADDRESS] = {"address", "PREFIX", "only packets from or to this prefix"},
	[OPT_PORT] = {"port", "N", "only packets from or to this port"},
	[OPT_PROTO] = {"proto", "tcp|udp|icmp|...", "only packets of this protocol"},
	[OPT_VERDICT] = {"verdict", "dropped|passed",
			 "only packets, and matches of rules, of this end"},
	[OPT_PROCESS] =
		{"process", "PID|NAME|FILE",
		 "only what this process does, by its number, its name or the file it runs"},
	[OPT_COUNT] = {"count", "N", "end after N"},
	[OPT_HOOK] = {"hook", "xdp|tc-ingress|tc-egress|tc", "whose programs to run (default xdp)"},
	[OPT_MTU] = {"mtu", "BYTES", "of the network that the capture is of (default 1500)"},
	[OPT_OUTPUT] = {"output", "FILE", "(or -o) what leaves, as pcap; - is standard output"},
	[OPT_VERDICTS] = {"verdicts", "FILE", "the verdicts (default standard output)"},
	[OPT_FOR] = {"for", "SECONDS", "end after so many seconds"},
	[OPT_FROM] = {"from", "FILE",
		      "what 'corepath record' recorded there (default " RECORDING_FILE ")"},
	[OPT_SINCE] = {"since", "10m|TIME",
		       "what was recorded since: so many s, m, h or d ago, or a time as in "
		       "2026-01-31T12:00:00Z"},
	[OPT_LAST] = {"last", "N", "the last N that were recorded"},
	[OPT_FOLLOW] = {"follow", NULL, "after what was recorded, what is being recorded"},
	[OPT_SIZE] = {"size", "MIB",
		      "of all of the recording; the oldest goes (default " TEXT(RECORDING_MIB) ")"},
	[OPT_PROBE] = {"probe", "COMMAND",
		       "run by sh when the new programs are in place; if it fails, they go again"},
	[OPT_PROBE_TIMEOUT] = {"probe-timeout", "SECONDS",
			       "longer, and the probe has failed (default 10)"},
	[OPT_LISTEN] = {"listen", "ADDRESS:PORT",
			"where to answer (default 127.0.0.1:" PORT " and [::1]:" PORT ")"},
	[OPT_ONCE] = {"once", NULL, "print once and end"},
	[OPT_INTERVAL] = {"interval", "SECONDS", "how long to count for each print (default 1)"},
	[OPT_JSON] = {"json", NULL, "print JSON"},
	[OPT_PIN_DIR] = {"pin-dir", "DIR",
			 "where the state is pinned (default " COREPATH_PIN_DIR ")"},
	[OPT_VERBOSE] = {"verbose", NULL, "show what libbpf says as it says it"},
	[OPT_HELP] = {"help", NULL, "show this"},
};

const struct command commands[] = {
	{NULL, "up", "--dev DEV [--dev DEV2] | -f FILE",
	 "Load the datapath and attach it, to DEV or as a file has it. It stays when this command ends.\n"
	 "A file has, all but the first as it likes:\n"
	 "  devices:     name, xdp             prefilter:  deny, allow, signatures, rate, max\n"
	 "  balancer:    as 'balancer set'     services:   service, backends, as 'service add'\n"
	 "  ct:          as 'ct set'\n"
	 "  uplink:      devices, sources, excludes, as 'uplink set'\n"
	 "  endpoints:   device, addresses, as 'endpoint add'\n"
	 "  policies:    endpoint (or host), direction, verdict, identity, proto, port, proxy\n"
	 "  identities:  prefix, identity\n"
	 "  sockets:     cgroups, of 'socket-lb up'\n"
	 "  security:    a file of 'security load', from this one's folder, or what is in one",
	 "corepath up --dev eth0 --xdp-mode native",
	 BIT(OPT_DEV) | BIT(OPT_FILE) | BIT(OPT_XDP_MODE) | BIT(OPT_MAX_PREFIXES), 0, 0, cmd_up},
	{NULL, "reload", "-f FILE",
	 "Make what runs what the file says, and print each change. Devices, prefixes, signatures, rates,\n"
	 "settings and services that the file does not name go. So do endpoints, policies, identities, cgroups,\n"
	 "rules, times of connections and what the uplink has, if the file has that part at all ('endpoints: []':\n"
	 "none); else it is as its own commands leave it. What stays keeps its connections. A file that is wrong changes nothing, and\n"
	 "a change that fails is taken back with all before it.",
	 "corepath reload -f /etc/corepath/datapath.yaml", BIT(OPT_FILE), 0, 0, cmd_reload},
	{NULL, "diff", "-f FILE", "Print what 'reload' would change, and change nothing.",
	 "corepath diff -f /etc/corepath/datapath.yaml", BIT(OPT_FILE), 0, 0, cmd_diff},
	{NULL, "preflight", "",
	 "Say what of the datapath works on this kernel, and how that was found: by bringing each part "
	 "up, out of the way of everything that runs, and removing it again.",
	 "corepath preflight --json", BIT(OPT_JSON), 0, 0, cmd_preflight},
	{NULL, "down", "[--dev DEV]",
	 "Detach from DEV and keep the prefixes; without --dev, detach from all and remove all.",
	 "corepath down --dev eth0", BIT(OPT_DEV), 0, 0, cmd_down},
	{NULL, "upgrade", "[--probe COMMAND]",
	 "Put this version's programs in the place of those that run; connections stay. They are loaded "
	 "and tried with packets first, and if anything fails, what ran before goes on.\n"
	 "What is pinned in another shape is carried over. What a newer version runs is left alone.",
	 "corepath upgrade --probe 'curl -fsS --max-time 2 http://203.0.113.9/health'",
	 BIT(OPT_PROBE) | BIT(OPT_PROBE_TIMEOUT), 0, 0, cmd_upgrade},
	{NULL, "status", "", "Show what is attached where and how full the prefix lists are.",
	 "corepath status --json | jq '.devices[].mode'", BIT(OPT_JSON), 0, 0, cmd_status},
	{"prefilter", "add", "PREFIX...",
	 "Drop packets from these source prefixes; with --allow, let them in again. The longest "
	 "matching prefix decides.",
	 "corepath prefilter add 198.51.100.0/24 2001:db8:bad::/48", BIT(OPT_ALLOW), 1, UNLIMITED,
	 cmd_prefilter_add},
	{"prefilter", "del", "PREFIX...", "Forget these prefixes, denied or allowed.",
	 "corepath prefilter del 198.51.100.0/24", 0, 1, UNLIMITED, cmd_prefilter_del},
	{"prefilter", "list", "", "Print the prefixes in the form that 'prefilter load' reads.",
	 "corepath prefilter list > prefixes.txt", BIT(OPT_JSON), 0, 0, cmd_prefilter_list},
	{"prefilter", "load", "FILE",
	 "Add the prefixes in FILE (- is standard input): one per line, '#' starts a comment, a "
	 "leading '!' allows. A bad line fails the whole file.",
	 "corepath prefilter load prefixes.txt", 0, 1, 1, cmd_prefilter_load},
	{"prefilter signature", "add", "NUMBER KEY=VALUE...",
	 "Drop, or only count, packets that match all of these. 32 signatures, looked at in the order "
	 "of their numbers.\n"
	 "  family=4|6       the address family\n"
	 "  proto=P          tcp, udp, icmp, icmpv6, ... or a number\n"
	 "  sport=N or N-M   source port, or a range; dport= likewise\n"
	 "  flags=LETTERS    TCP flags of FSRPAUEC, these and no others; S/SA: of S and A only S\n"
	 "  ttl=N or N-M     time to live or hop limit\n"
	 "  len=N or N-M     bytes of the IP packet\n"
	 "  frag=F           no, yes, first or later\n"
	 "  bytes=HEX[/MASK] up to 16 bytes of the packet\n"
	 "  at=N             how far they are (default 0) from ...\n"
	 "  from=F           ... ip or l4, the header; payload, what follows it (default)\n"
	 "  action=A         drop (default), or count and look at the next signature",
	 "corepath prefilter signature add 7 proto=udp dport=1900 len=0-60 bytes=4d2d53", 0, 2,
	 UNLIMITED, cmd_signature_add},
	{"prefilter signature", "del", "NUMBER", "Forget the signature.",
	 "corepath prefilter signature del 7", 0, 1, 1, cmd_signature_del},
	{"prefilter signature", "list", "", "Print the signatures and what they matched.",
	 "corepath prefilter signature list --json", BIT(OPT_JSON), 0, 0, cmd_signature_list},
	{"prefilter rate", "set", "KEY=VALUE...",
	 "Limit what each source may send; what is beyond is dropped.\n"
	 "  packets=N[/SEC]     packets per second, or per SEC seconds; 0: no limit\n"
	 "  conns=N[/SEC]       new TCP connections\n"
	 "  packets-prefix=A,B  IPv4 and IPv6 addresses with the same first A and B bits are one source\n"
	 "                      (default 32,64); conns-prefix= likewise",
	 "corepath prefilter rate set packets=20000 conns=100/10 conns-prefix=24,56", 0, 1,
	 UNLIMITED, cmd_rate_set},
	{"prefilter rate", "show", "", "Print the limits.", "corepath prefilter rate show",
	 BIT(OPT_JSON), 0, 0, cmd_rate_show},
	{"service", "add", "PROTO ADDRESS:PORT [KEY=VALUE...]",
	 "Balance PROTO (tcp or udp) to ADDRESS:PORT over backends. ADDRESS may be a prefix, an IPv6 "
	 "one is in brackets, and PORT 0 is any port without a service of its own.\n"
	 "  mode=tunnel      the packet inside IP to the backend, which answers itself (default)\n"
	 "  mode=gue         the same inside UDP, port 6080\n"
	 "  mode=nat         the destination rewritten; answers must come back through this device\n"
	 "  sockets=yes|no   whether 'socket-lb' sends sockets of this host to the backends' own\n"
	 "                   addresses (default: yes if mode=nat, as other backends need not serve them);\n"
	 "                   what endpoints send is with mode=nat or sockets=yes\n"
	 "  affinity=SEC     a client stays with its backend for SEC seconds after its last flow\n"
	 "  sources=P,P...   only clients in these prefixes\n"
	 "  rate=N or N/SEC  packets that one client may send per second, or per SEC seconds",
	 "corepath service add tcp 203.0.113.9:80 mode=nat affinity=300", 0, 2, UNLIMITED,
	 cmd_service_add},
	{"service", "del", "PROTO ADDRESS:PORT", "Forget the service and its backends.",
	 "corepath service del tcp 203.0.113.9:80", 0, 2, 2, cmd_service_del},
	{"service", "list", "", "Print the services and their backends.",
	 "corepath service list --json", BIT(OPT_JSON), 0, 0, cmd_service_list},
	{"backend", "add", "PROTO ADDRESS:PORT BACKEND [KEY=VALUE...]",
	 "Give the service a backend: an address, with a port if mode=nat.\n"
	 "  weight=N         its share of new flows, relative to the others (default 1)\n"
	 "  state=STATE      active (default), draining or down; see 'backend set-state'\n"
	 "  mac=MAC          next hop to it; without one, where the packet came from (a router)",
	 "corepath backend add tcp 203.0.113.9:80 10.0.0.1:8080 weight=2", 0, 3, UNLIMITED,
	 cmd_backend_add},
	{"backend", "del", "PROTO ADDRESS:PORT BACKEND",
	 "Take the backend from the service; its flows go to others.",
	 "corepath backend del tcp 203.0.113.9:80 10.0.0.1:8080", 0, 3, 3, cmd_backend_del},
	{"backend", "set-state", "PROTO ADDRESS:PORT BACKEND STATE",
	 "active: gets flows. draining: keeps the flows it has. down: its flows go to others.",
	 "corepath backend set-state tcp 203.0.113.9:80 10.0.0.1:8080 draining", 0, 4, 4,
	 cmd_backend_set_state},
	{"balancer", "set", "KEY=VALUE...",
	 "Settings of all services.\n"
	 "  source4=PREFIX   source of tunnels to IPv4 backends; bits after the prefix vary by flow\n"
	 "  source6=PREFIX   the same to IPv6 backends\n"
	 "  mtu=BYTES        what fits the way to the backends; senders are told of less (1500)\n"
	 "  conn-rate=N      new flows each CPU remembers per second; a flood costs no more (125000)",
	 "corepath balancer set mtu=1540 source4=192.0.2.1/32", 0, 1, UNLIMITED, cmd_balancer_set},
	{"balancer", "show", "", "Print the settings.", "corepath balancer show", BIT(OPT_JSON), 0,
	 0, cmd_balancer_show},
	{"socket-lb", "up", "--cgroup DIR",
	 "Balance the sockets of this host that are in the cgroup: connect() and sendmsg() to a "
	 "service go to a backend's address, without a translation on the way, and no device needs "
	 "the datapath. It stays when this command ends. Services are as 'service add' has them; their "
	 "sources and rates are for packets from outside and do not apply.",
	 "corepath socket-lb up --cgroup /sys/fs/cgroup", BIT(OPT_CGROUP), 0, 0, cmd_socket_up},
	{"socket-lb", "down", "[--cgroup DIR]",
	 "Leave the cgroup's sockets alone again, or all; services stay, and so do connections.",
	 "corepath socket-lb down --cgroup /sys/fs/cgroup", BIT(OPT_CGROUP), 0, 0, cmd_socket_down},
	{"socket-lb", "status", "", "Show which cgroups' sockets are balanced.",
	 "corepath socket-lb status --json", BIT(OPT_JSON), 0, 0, cmd_socket_status},
	{"endpoint", "add", "DEV ADDRESS... [KEY=VALUE...]",
	 "Watch over the workload behind DEV, such as the host's end of its veth pair: what it sends "
	 "and what is sent to it. ADDRESS is the workload's own; one of each family.\n"
	 "  mac=MAC          the workload's own; without one it is not checked\n"
	 "  identity=N       who it is, in policies of others (default 1: the world)\n"
	 "  limit-in=N       TCP connections to it at a time; 0 (default) is any number\n"
	 "  limit-out=N      TCP connections from it at a time\n"
	 "  audit=yes        its policy counts what it denies (policy_audited), and lets it pass",
	 "corepath endpoint add veth7 10.0.0.2 2001:db8::2 identity=100", BIT(OPT_TC_MODE), 2,
	 UNLIMITED, cmd_endpoint_add},
	{"endpoint", "del", "DEV", "Leave the workload behind DEV alone again.",
	 "corepath endpoint del veth7", 0, 1, 1, cmd_endpoint_del},
	{"endpoint", "list", "", "Print the endpoints.", "corepath endpoint list --json",
	 BIT(OPT_JSON), 0, 0, cmd_endpoint_list},
	{"policy", "add", "DEV|host in|out allow|deny [KEY=VALUE...]",
	 "Give the endpoint behind DEV a rule for connections to it (in) or from it (out); or the host "
	 "itself, for those by its uplinks ('uplink set' has audit= and failsafe=). With a rule "
	 "in a direction all else is denied in it. A rule that denies wins; then the one that says "
	 "most, in this order: identity, proto and port; proto and port; identity and proto; proto; "
	 "identity; nothing.\n"
	 "  identity=N       of the other side: see 'identity add'\n"
	 "  proto=P          tcp, udp, icmp, icmpv6, sctp or a number\n"
	 "  port=N           where the connection goes to; TCP and UDP only\n"
	 "  proxy=N          out of an endpoint, TCP and UDP: what is allowed is not sent on but handed "
	 "to the socket of this host (IP_TRANSPARENT) that listens on port N at all addresses, which "
	 "sees whom it was for; while none listens it is dropped (policy_no_proxy). 'ip rule' and "
	 "table 2053 lead there while there is such a rule",
	 "corepath policy add veth7 in allow identity=200 proto=tcp port=443", 0, 3, UNLIMITED,
	 cmd_policy_add},
	{"policy", "del", "DEV|host in|out [KEY=VALUE...]", "Take the rule away again.",
	 "corepath policy del veth7 in identity=200 proto=tcp port=443", 0, 2, UNLIMITED,
	 cmd_policy_del},
	{"policy", "list", "", "Print the rules, and what each has decided.",
	 "corepath policy list --json", BIT(OPT_JSON), 0, 0, cmd_policy_list},
	{"identity", "add", "PREFIX N", "Say who is behind a prefix; the longest one decides.",
	 "corepath identity add 10.20.0.0/16 200", 0, 2, 2, cmd_identity_add},
	{"identity", "del", "PREFIX", "Forget who is behind the prefix.",
	 "corepath identity del 10.20.0.0/16", 0, 1, 1, cmd_identity_del},
	{"identity", "list", "", "Print the prefixes, those of endpoints too.",
	 "corepath identity list --json", BIT(OPT_JSON), 0, 0, cmd_identity_list},
	{"ct", "list", "", "Print the connections of endpoints: who began it, to whom, its state.",
	 "corepath ct list --json", BIT(OPT_JSON), 0, 0, cmd_ct_list},
	{"ct", "flush", "", "Forget all connections; what is open is dropped from then on.",
	 "corepath ct flush", 0, 0, 0, cmd_ct_flush},
	{"ct", "gc", "",
	 "Remove connections that ended, which leave by themselves as well while there are packets, and "
	 "count those of endpoints anew.",
	 "corepath ct gc", BIT(OPT_JSON), 0, 0, cmd_ct_gc},
	{"ct", "set", "KEY=VALUE...",
	 "Settings of connection tracking: seconds without a packet after which a connection is "
	 "forgotten, by its state (see 'ct show'), and:\n"
	 "  pickup=yes       take up TCP connections in their middle\n"
	 "  max=N            room for so many; before the first endpoint or uplink",
	 "corepath ct set established=7440 pickup=yes", 0, 1, UNLIMITED, cmd_ct_set},
	{"ct", "show", "", "Print the settings.", "corepath ct show", BIT(OPT_JSON), 0, 0,
	 cmd_ct_show},
	{"uplink", "attach", "DEV",
	 "Make DEV the way to the world: what leaves it is masqueraded as 'uplink set' and 'uplink "
	 "source' say, and answers come back.",
	 "corepath uplink attach eth0", BIT(OPT_TC_MODE), 1, 1, cmd_uplink_attach},
	{"uplink", "detach", "DEV", "Leave DEV alone again; settings and flows stay.",
	 "corepath uplink detach eth0", 0, 1, 1, cmd_uplink_detach},
	{"uplink", "set", "KEY=VALUE...",
	 "Settings of all uplinks.\n"
	 "  masquerade4=ADDR  the uplink's IPv4 address, which sources get; none: IPv4 is left alone\n"
	 "  masquerade6=ADDR  the same for IPv6\n"
	 "  ports=MIN-MAX     ports given to flows that cannot keep their own (32768-65535)\n"
	 "  forward=WAY       what comes in for others: by the stack, where netfilter sees it\n"
	 "                    (stack, the default), or past it to where the route says (direct)\n"
	 "  audit=yes         the host's policy counts what it denies (policy_audited), and lets it pass\n"
	 "  failsafe=LIST     ports of the host that no policy closes (tcp/22); none: not one",
	 "corepath uplink set masquerade4=203.0.113.1 masquerade6=2001:db8:f::1", 0, 1, UNLIMITED,
	 cmd_uplink_set},
	{"uplink", "source", "add|del PREFIX...",
	 "Masquerade packets from these networks, or no more.",
	 "corepath uplink source add 10.0.0.0/16 fd00:10::/48", 0, 2, UNLIMITED, cmd_uplink_source},
	{"uplink", "exclude", "add|del PREFIX...",
	 "Do not masquerade packets to these networks, or do again.",
	 "corepath uplink exclude add 10.0.0.0/8 fd00::/8", 0, 2, UNLIMITED, cmd_uplink_exclude},
	{"uplink", "show", "", "Print devices, settings, networks, and how ports were found.",
	 "corepath uplink show --json", BIT(OPT_JSON), 0, 0, cmd_uplink_show},
	{"uplink", "flows", "", "Print the flows that are masqueraded or hold a port.",
	 "corepath uplink flows --json | jq '.[].masqueraded'", BIT(OPT_JSON), 0, 0,
	 cmd_uplink_flows},
	{"uplink", "sweep", "", "Forget the flows past their time.", "corepath uplink sweep", 0, 0,
	 0, cmd_uplink_sweep},
	{"security", "load", "FILE",
	 "Put the rules of FILE (YAML; - is standard input) in force, all at once, in the place of those that are.\n"
	 "They outlive this command. A file with a mistake changes nothing. Processes that run already and\n"
	 "match a rule of exec are named, and told of as events; --kill-running kills those of action kill.\n"
	 "  rules:\n"
	 "    - name: NAME         as events and 'security status' call it\n"
	 "      on: [write, ...]   files: exec, write, create, unlink, rename, link, chmod, chown, xattr,\n"
	 "                         chattr (flags, as immutable); mount, umount, pivot_root; sockets: connect,\n"
	 "                         bind, listen; setuid, setgid, capability (one is gained), userns, unshare,\n"
	 "                         setns, ptrace, bpf, module (is loaded), module_request (the kernel is made\n"
	 "                         to ask for one)\n"
	 "      action: ACTION     log; deny: it fails (EPERM); kill: SIGKILL; audit: told as deny, let through\n"
	 "      weaker: yes        kill in place of deny on a kernel that cannot prevent\n"
	 "      rate: N or N/SEC   events of it\n"
	 "      path: [P, ...]     the file, mount point, or program that is traced: /exact, /prefix*, *suffix\n"
	 "      exe: [P, ...]      the program that does it; parent: that of its parent\n"
	 "      uid: [N, ...]      effective; cgroup: [/sys/fs/cgroup/DIR, ...], with those below\n"
	 "      pid-ns: host       it is in the host's PID namespace, or one of that number; also mnt-ns,\n"
	 "                         user-ns, net-ns\n"
	 "      args: [A, ...]     of exec: one of its arguments is A, or begins so ('--cap-add=*'); it can be\n"
	 "                         killed before it begins, not refused\n"
	 "      dest: [PREFIX,...] of connect; addr: of bind and listen; port: [N, ...]; argc: [N, ...] of exec\n"
	 "      to-uid: [N, ...]   of setuid; to-gid: of setgid; cap: [CAP_SYS_ADMIN, ...] that is gained\n"
	 "      namespace: [N,...] of unshare and setns: mnt, pid, net, user, ipc, uts, cgroup, time\n"
	 "      attribute: [A,...] of xattr, set or removed, its name: 'security.*', user.x\n"
	 "      mode: [M, ...]     of chmod, what is set: setuid, setgid, sticky, other-write\n"
	 "      cmd: [C, ...]      of bpf: prog_load, map_create, ...\n"
	 "      any: [{...}, ...]  conditions of which one entry must be met as well\n"
	 "    - builtin: NAME      rules of 'corepath security builtins'; further fields are added to each\n"
	 "  scope: {cgroup: ...}   conditions of who does it, for all rules of the file\n"
	 "  All conditions must be met, of a list one; path-not, exe-not, parent-not, uid-not, ...: none.",
	 "corepath security load rules.yaml", BIT(OPT_KILL_RUNNING), 1, 1, cmd_security_load},
	{"security", "unload", "", "Put no rule in force.", "corepath security unload", 0, 0, 0,
	 cmd_security_unload},
	{"security", "status", "",
	 "Print the rules in force, how often each matched, and whether they prevent.",
	 "corepath security status --json", BIT(OPT_JSON), 0, 0, cmd_security_status},
	{"security", "builtins", "",
	 "Print the policies that '- builtin: NAME' switches on, each as the rules it stands for.",
	 "corepath security builtins", BIT(OPT_JSON), 0, 0, cmd_security_builtins},
	{NULL, "counters", "", "Print packets and bytes by what became of them.",
	 "corepath counters --json | jq .denied_src4.packets", BIT(OPT_JSON), 0, 0, cmd_counters},
	{NULL, "metrics", "[--once | --listen ADDRESS:PORT]",
	 "Answer Prometheus at /metrics until Ctrl-C: packets by what became of them, services and their\n"
	 "backends, tables, rules, what is attached. It looks when it is asked, changes nothing, and keeps\n"
	 "CAP_BPF alone. Nobody is asked who he is, so it answers this host alone unless told otherwise.\n"
	 "With --once the metrics are printed, for node_exporter's textfile collector:\n"
	 "  corepath metrics --once > corepath.prom.tmp && mv corepath.prom.tmp corepath.prom",
	 "corepath metrics --listen '[2001:db8::1]:19435'", BIT(OPT_LISTEN) | BIT(OPT_ONCE), 0, 0,
	 cmd_metrics},
	{NULL, "top", "[--interval SECONDS] [--once]",
	 "Show packets and bits per second by service and by what became of them, the busiest first,\n"
	 "until q or Ctrl-C. Into a pipe it prints one table after the other; with --once, one.",
	 "corepath top --once --interval 5", BIT(OPT_INTERVAL) | BIT(OPT_ONCE), 0, 0, cmd_top},
	{NULL, "observe",
	 "[--reason NAME,...] [--kind KIND,...] [--verdict dropped|passed] [--address PREFIX] [--port N] "
	 "[--proto P] [--process PID|NAME|FILE]",
	 "Print packets as they are dropped, a line each, until Ctrl-C. Costs nothing while nobody does.\n"
	 "What a policy only audits is not dropped: --reason policy_audited shows it.\n"
	 "With --kind processes, too, which need nothing to be up: exec has the file that runs, its\n"
	 "arguments and the current directory, exit has status or signal. --reason all --kind all is both\n"
	 "in one stream, in the order in which it happened. It begins now; --since, --last and --from\n"
	 "show what 'corepath record' has recorded, all of it or what the same options ask for.",
	 "corepath observe --kind exec,exit --json",
	 BIT(OPT_REASON) | BIT(OPT_KIND) | BIT(OPT_ADDRESS) | BIT(OPT_PORT) | BIT(OPT_PROTO) |
		 BIT(OPT_VERDICT) | BIT(OPT_PROCESS) | BIT(OPT_COUNT) | BIT(OPT_FOR) |
		 BIT(OPT_FROM) | BIT(OPT_SINCE) | BIT(OPT_LAST) | BIT(OPT_FOLLOW) | BIT(OPT_JSON),
	 0, 0, cmd_observe},
	{NULL, "record",
	 "[FILE] [--size MIB] [--reason NAME,...] [--kind KIND,...] [--verdict dropped|passed] [--address PREFIX] "
	 "[--port N] [--proto P] [--process PID|NAME|FILE]",
	 "Record what 'corepath observe' would print, for 'corepath observe --since 10m', until Ctrl-C: in\n"
	 "FILE (default " RECORDING_FILE
	 "), and FILE.1 with what came before it. A recording that\n"
	 "is there is gone on with. corepath-record.service does it all the time.",
	 "corepath record --reason drops,policy_audited --kind rule",
	 BIT(OPT_REASON) | BIT(OPT_KIND) | BIT(OPT_ADDRESS) | BIT(OPT_PORT) | BIT(OPT_PROTO) |
		 BIT(OPT_VERDICT) | BIT(OPT_PROCESS) | BIT(OPT_COUNT) | BIT(OPT_FOR) |
		 BIT(OPT_SIZE),
	 0, 1, cmd_record},
	{NULL, "simulate", "IN.pcap -f FILE [-o OUT.pcap]",
	 "Say what would become of the packets of a capture (pcap or pcapng, - is standard input) if\n"
	 "FILE were in force: they are run through its programs, in order and with what those remember,\n"
	 "where nothing else comes by. One JSON object for each: index, time_ns, length, captured,\n"
	 "verdict (pass, drop, tx, redirect, aborted; 'not run' and why if the kernel runs none so long),\n"
	 "hook, reason, flow, connection (none, new, known, reply), and where there are: service, backend,\n"
	 "rewritten (the flow, or the tunnel's), output (number of the packet in OUT). Rates are by the\n"
	 "time it takes here, not by that of the capture. Takes CAP_SYS_ADMIN.\n"
	 "A capture has packets before a device has finished them, or after it has put several together:\n"
	 "what came by TCP and is longer than --mtu is run as the segments it is on the wire, an object\n"
	 "for each (segment, from 1, of segments), and a checksum that was left to the device is completed\n"
	 "first (checksum: completed). What a snap length cut off is zeros, and is not written to OUT.\n"
	 "At tc hooks of an endpoint's device (--dev), tc-ingress is what the workload sends, tc-egress what it\n"
	 "is sent, and tc is both, each packet by its own way; of an uplink's, what comes in and what leaves.\n"
	 "There the objects have identity (of src and dst), policy (the rule that was asked and decided;\n"
	 "null: denied, as none matched) and state (of the connection), too. Devices are made for it, and\n"
	 "nothing of the host's own routes is there, nor a proxy: what a rule hands to one is dropped, with\n"
	 "that rule (policy_no_proxy).",
	 "corepath simulate in.pcap -f datapath.yaml -o out.pcap --verdicts verdicts.jsonl",
	 BIT(OPT_FILE) | BIT(OPT_HOOK) | BIT(OPT_DEV) | BIT(OPT_MTU) | BIT(OPT_OUTPUT) |
		 BIT(OPT_VERDICTS),
	 1, 1, cmd_simulate},
	{NULL, "help", "",
	 "Print every command in a line; with --json all there is to say of them.",
	 "corepath help --json | jq '.commands[].name'", BIT(OPT_JSON), 0, 0, cmd_help},
	{NULL, "version", "", "Print the versions of corepath and libbpf.", "corepath version", 0,
	 0, 0, cmd_version},
};

const size_t n_commands = sizeof(commands) / sizeof(commands[0]);
