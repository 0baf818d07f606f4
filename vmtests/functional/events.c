// SPDX-License-Identifier: GPL-2.0-only
/* functional.events.*: what watchers are told of packets. */
#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "path.h"

/* Starts "corepath observe" and waits until it misses nothing. */
static struct command observe(const char *reason)
{
	struct command command =
		command_start("observe", "--json", "--reason", reason, "--proto", "udp", NULL);
	const char *line = command_line(&command);

	if (!line || !strstr(line, "watching"))
		ck_abort_msg("observe does not say that it watches: %s", line ?: "(ended)");
	return command;
}

static void expect(json_t *event, const char *key, const char *want)
{
	json_t *value = json_object_get(event, key);
	char *got = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	if (!got || strcmp(got, want))
		ck_abort_msg("%s of the event: expected %s, got %s", key, want, got ?: "nothing");
	free(got);
}

static void expect_drop(const char *line, enum path_family family, size_t bytes)
{
	static const char *const source[] = {"\"198.51.100.7\"", "\"2001:db8:bad::7\""};
	static const char *const reason[] = {"\"denied_src4\"", "\"denied_src6\""};
	json_t *event = line ? json_loads(line, 0, NULL) : NULL;
	char size[16];

	if (!event)
		ck_abort_msg("no event, but: %s", line ?: "(ended)");
	expect(event, "hook", "\"xdp\"");
	expect(event, "dev", "\"" PATH_DEVICE "\"");
	expect(event, "reason", reason[family]);
	expect(event, "dropped", "true");
	expect(event, "proto", "\"udp\"");
	expect(event, "src", source[family]);
	expect(event, "dst", family == PATH_V4 ? "\"192.0.2.9\"" : "\"2001:db8:1::9\"");
	expect(event, "dport", "5000");
	snprintf(size, sizeof(size), "%zu", bytes);
	expect(event, "bytes", size);
	json_decref(event);
}

static void expect_event(struct command *watcher, enum path_family family, size_t bytes)
{
	expect_drop(command_line(watcher), family, bytes);
}

static void drop_one(struct path *path, enum path_family family)
{
	if (path_denied_arrives(path, family))
		ck_abort_msg("a denied datagram arrived");
}

static void end(struct command *watcher)
{
	int status = command_end(watcher, SIGINT);

	if (status)
		ck_abort_msg("observe exited with %d at SIGINT\n%s", status, command_output);
}

/* Each watcher gets what it asked for, all of it and nothing else, while it watches. */
static void told_of_drops(int index __attribute__((unused)))
{
	struct command both, six;
	struct path path;

	path_open(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	command_good("prefilter", "add", PATH_DENIED4, PATH_DENIED6);
	drop_one(&path, PATH_V4); /* nobody watches yet */
	both = observe("denied_src4,denied_src6");
	six = observe("denied_src6");
	for (int round = 0; round < 3; round++) {
		for (int family = 0; family < PATH_FAMILIES; family++) {
			drop_one(&path, family);
			expect_event(&both, family, path.frame[family]);
		}
		expect_event(&six, PATH_V6, path.frame[PATH_V6]);
	}
	end(&six);
	drop_one(&path, PATH_V6);
	expect_event(&both, PATH_V6, path.frame[PATH_V6]);
	end(&both);
	if (*command_output)
		ck_abort_msg("there was more to observe than was dropped\n%s", command_output);
	command_good("down");
}

/* ---- recorded ---- */

#define RECORDING "/tmp/events"

/* Drops one of each family while it is recorded. */
static void record_drops(struct path *path)
{
	struct command recorder = command_start("record", RECORDING, NULL);
	const char *line = command_line(&recorder);

	if (!line || !strstr(line, "watching"))
		ck_abort_msg("record does not say that it watches: %s", line ?: "(ended)");
	for (int family = 0; family < PATH_FAMILIES; family++)
		drop_one(path, family);
	if (command_end(&recorder, SIGINT) || *command_output)
		ck_abort_msg("record was to end without a word\n%s", command_output);
}

/* What `corepath observe` of the recording says: a packet of each family of those, in turn. */
static void expect_recorded(const struct path *path, const char *option, const char *value,
			    int first, int n)
{
	char *line, *rest = command_output;

	command_good("observe", "--from", RECORDING, "--json", option, value);
	for (; n > 0; n--, first = (first + 1) % PATH_FAMILIES) {
		line = strsep(&rest, "\n");
		expect_drop(line, first, path->frame[first]);
	}
	if (rest && *rest)
		ck_abort_msg("%s %s: more was recorded than was dropped\n%s", option, value, rest);
}

/* It can be asked later, when the datapath is gone, and while more is recorded. */
static void recorded(int index __attribute__((unused)))
{
	struct command follower;
	struct path path;

	unlink(RECORDING);
	path_open(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	command_good("prefilter", "add", PATH_DENIED4, PATH_DENIED6);
	record_drops(&path);
	drop_one(&path, PATH_V4); /* by nobody */
	follower = command_start("observe", "--from", RECORDING, "--last", "1", "--follow",
				 "--json", NULL);
	expect_event(&follower, PATH_V6, path.frame[PATH_V6]);
	record_drops(&path);
	expect_event(&follower, PATH_V4, path.frame[PATH_V4]);
	expect_event(&follower, PATH_V6, path.frame[PATH_V6]);
	end(&follower);
	command_good("down");
	expect_recorded(&path, "--since", "1d", PATH_V4, 4);
	expect_recorded(&path, "--last", "3", PATH_V6, 3);
	expect_recorded(&path, "--count", "1", PATH_V4, 1);
	expect_recorded(&path, "--since", "2100-01-01T00:00:00Z", PATH_V4, 0);
	expect_recorded(&path, "--proto", "tcp", PATH_V4, 0);
}

/* Watchers that are killed take no room from those who come after. */
static void killed_watchers_make_room(int index __attribute__((unused)))
{
	struct command watcher;
	struct path path;

	path_open(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	command_good("prefilter", "add", PATH_DENIED4);
	for (int i = 0; i < COREPATH_WATCHERS + 1; i++) {
		watcher = observe("denied_src4");
		if (command_end(&watcher, SIGKILL) != 128 + SIGKILL)
			ck_abort_msg("observe ended before it was killed\n%s", command_output);
	}
	watcher = observe("denied_src4");
	drop_one(&path, PATH_V4);
	expect_event(&watcher, PATH_V4, path.frame[PATH_V4]);
	/* down removes all although somebody watches, who then ends as well */
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s behind", command_pin_dir());
	end(&watcher);
}

static int count_event(const struct corepath_event *e __attribute__((unused)), void *arg)
{
	++*(unsigned long long *)arg;
	return 0;
}

/* A frame that is too short to be IPv4 after its Ethernet header. */
static const unsigned char cut_frame[14 + 8] = {[12] = 0x08};

static void drop_many(int program, unsigned int times)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = cut_frame, .data_size_in = sizeof(cut_frame),
		    .repeat = times);

	if (bpf_prog_test_run_opts(program, &run))
		checkrun_error("running the attached program failed");
}

/* More drops than a ring has room for: each is either read or counted as lost. */
static void lost_are_counted(int index __attribute__((unused)))
{
	enum { DROPS = 20000, RING = 64 * 1024 };
	bool reasons[COREPATH_DROP_COUNT] = {[COREPATH_DROP_MALFORMED_IP4] = true};
	unsigned long long received = 0;
	struct corepath_watch_request request = {
		.pin_dir = command_pin_dir(),
		.reasons = reasons,
		.ring_bytes = RING,
		.fn = count_event,
		.arg = &received,
	};
	struct corepath_watch *watch;
	long long dropped;
	__u64 lost;
	int program;

	if (net_unshare() < 0) /* a loopback device of our own */
		checkrun_error("%s", net_error());
	command_good("up", "--dev", "lo");
	if (corepath_watch_open(&request, &watch))
		ck_abort_msg("watch: %s", corepath_error());
	program = command_program();
	drop_many(program, DROPS);
	close(program);
	if (corepath_watch_stop(watch))
		ck_abort_msg("stop: %s", corepath_error());
	while (corepath_watch_poll(watch, 0) > 0)
		;
	if (corepath_watch_lost(watch, &lost))
		ck_abort_msg("lost: %s", corepath_error());
	dropped = command_counter("malformed_ip4", "packets");
	if (dropped != DROPS)
		checkrun_error("%lld drops were counted, %d were made", dropped, DROPS);
	if (received + lost != DROPS || !lost || !received)
		ck_abort_msg("%d events: %llu received and %llu lost", DROPS, received,
			     (unsigned long long)lost);
	corepath_watch_close(watch);
	command_good("down");
}

/* ---- a million ---- */

#define MILLION 1000000

/* What `corepath observe` has said: events, and how many it says that it has not. */
struct said {
	unsigned long long events, lost;
	char line[1024];
	size_t used;
};

static void hear_line(struct said *said)
{
	said->line[said->used] = '\0';
	if (said->line[0] == '{' && said->line[said->used - 1] == '}')
		said->events++;
	else if (sscanf(said->line, "corepath: %llu events lost", &said->lost) != 1)
		ck_abort_msg("observe says: %s", said->line);
	said->used = 0;
}

/* Until it says nothing more. Or until @producer has ended, which is not waited for but asked. */
static void hear(struct command *watcher, struct said *said, pid_t producer)
{
	static char chunk[65536];
	struct pollfd wait = {.fd = watcher->output, .events = POLLIN};
	int status = 0;

	while (!producer || waitpid(producer, &status, WNOHANG) == 0) {
		ssize_t n = poll(&wait, 1, 100) > 0 ? read(wait.fd, chunk, sizeof(chunk)) : -1;

		for (ssize_t i = 0; i < n; i++) {
			if (chunk[i] == '\n')
				hear_line(said);
			else if (said->used < sizeof(said->line) - 1)
				said->line[said->used++] = chunk[i];
		}
		if (n == 0)
			break;
	}
	if (status)
		checkrun_error("who drops packets ended with status %#x", status);
}

/* A device of our own, what drops its malformed packets, and who is told of them. */
static struct command watch_lo(void)
{
	struct command watcher;

	if (net_unshare() < 0)
		checkrun_error("%s", net_error());
	command_good("up", "--dev", "lo");
	watcher = command_start("observe", "--json", "--reason", "malformed_ip4", NULL);
	if (!strstr(command_line(&watcher) ?: "", "watching"))
		ck_abort_msg("observe does not watch");
	return watcher;
}

/* The rest of what a watcher says that was told to end: all of the drops, some of them as lost. */
static void hear_end(struct command *watcher, struct said *said, unsigned long long drops)
{
	int status;

	hear(watcher, said, 0);
	if (waitpid(watcher->pid, &status, 0) != watcher->pid || status)
		ck_abort_msg("observe ended with status %#x", status);
	if (said->events + said->lost != drops || !said->events)
		ck_abort_msg("%llu drops: observe told of %llu and says that it lost %llu", drops,
			     said->events, said->lost);
}

static void expect_metric(const char *name, const char *labels, unsigned long long value)
{
	char line[160];

	snprintf(line, sizeof(line), "\n%s_total{%s} %llu\n", name, labels, value);
	if (!strstr(command_output, line))
		ck_abort_msg("the metrics do not have%sbut\n%s", line, command_output);
}

/* As many drops as it takes for the command to fall behind: what it says and what it says that it
 * lost are all of them, and the counters and the metrics agree. */
static void a_million(int index __attribute__((unused)))
{
	struct command watcher;
	struct said said = {};
	pid_t producer;
	int program;

	watcher = watch_lo();
	program = command_program();
	producer = fork();
	if (producer == 0) {
		drop_many(program, MILLION);
		_exit(0);
	}
	hear(&watcher, &said, producer);
	ck_assert_int_eq(command_counter("malformed_ip4", "packets"), MILLION);
	kill(watcher.pid, SIGINT);
	hear_end(&watcher, &said, MILLION);
	command_good("metrics", "--once");
	expect_metric("corepath_packets", "reason=\"malformed_ip4\",verdict=\"dropped\"", MILLION);
	expect_metric("corepath_events_lost", "watcher=\"0\"", said.lost);
	command_good("down");
}

static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "re");
	if (!f)
		checkrun_error("%s: %s", path, strerror(errno));
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

/* Waits until the process sleeps in write(), as nobody reads. */
static void await_blocked(pid_t pid)
{
	char call[64];
	long nr = -1;

	do
		read_proc(pid, "syscall", call, sizeof(call));
	while (sscanf(call, "%ld", &nr) != 1 || nr != SYS_write);
}

/* Waits until the process has taken the signals it was sent. */
static void await_taken(pid_t pid)
{
	char status[4096];

	do
		read_proc(pid, "status", status, sizeof(status));
	while (!strstr(status, "ShdPnd:\t0000000000000000\n"));
}

#define UNHEARD 2000 /* more than a pipe has room for */

/* Ctrl-C while who reads is slow: nothing of what was told is cut off. */
static void ended_while_it_writes(int index __attribute__((unused)))
{
	struct command watcher;
	struct said said = {};
	int program;

	watcher = watch_lo();
	program = command_program();
	drop_many(program, UNHEARD);
	await_blocked(watcher.pid);
	kill(watcher.pid, SIGINT);
	await_taken(watcher.pid);
	hear_end(&watcher, &said, UNHEARD);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.events.told_of_drops", told_of_drops, 0},
	{"functional.events.killed_watchers_make_room", killed_watchers_make_room, 0},
	{"functional.events.lost_are_counted", lost_are_counted, 0},
	{"functional.events.ended_while_it_writes", ended_while_it_writes, 0},
	{"functional.events.recorded", recorded, 0},
};

void events_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}

static const struct functional_test many[] = {
	{"functional.events.a_million", a_million, 0},
};

void events_many_add(Suite *suite, const struct selection *selection)
{
	functional_add_long(suite, selection, many, 1, 600);
}
