// SPDX-License-Identifier: GPL-2.0-only
/* functional.config.*: the datapath from a file, brought up and changed while it runs. */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"

#define FILE_NAME "/tmp/datapath.yaml"

static void write_file(const char *text)
{
	FILE *file = fopen(FILE_NAME, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		checkrun_error("%s: %s", FILE_NAME, strerror(errno));
}

/* The services of both families, with the first backend in a state and the second there or not. */
static void write_services(const char *first_state, bool second)
{
	char text[2048];
	int used = snprintf(text, sizeof(text), "devices: [{name: %s}]\nservices:\n", PATH_DEVICE);

	for (int f = 0; f < PATH_FAMILIES; f++) {
		used += snprintf(text + used, sizeof(text) - used,
				 f == PATH_V4 ? "  - service: tcp %s:%d\n"
					      : "  - service: tcp [%s]:%d\n",
				 lb_vip[f], LB_PORT);
		used += snprintf(text + used, sizeof(text) - used,
				 "    mode: nat\n    backends:\n"
				 "      - {address: '%s', state: %s}\n",
				 lb_backend[0][f], first_state);
		if (second)
			used += snprintf(text + used, sizeof(text) - used,
					 "      - {address: '%s'}\n", lb_backend[1][f]);
	}
	write_file(text);
}

static int connect_to(const struct lb_path *path, int family, char want, const char *when)
{
	char server;
	int fd = lb_path_connect(path, family, &server);

	if (server != want)
		ck_abort_msg("%s: the connection is to backend %c, not %c", when, server, want);
	lb_path_exchange(fd);
	return fd;
}

/* Nothing to change, by the command's own words. */
static void expect_no_change(const char *when)
{
	command_good("diff", "-f", FILE_NAME);
	if (*command_output)
		ck_abort_msg("%s: what runs is not what the file says\n%s", when, command_output);
}

static void reload_keeps_connections(int index __attribute__((unused)))
{
	int old[PATH_FAMILIES];
	struct lb_path path;

	lb_path_open(&path);
	write_services("active", false);
	command_good("up", "-f", FILE_NAME);
	expect_no_change("after up");
	for (int f = 0; f < PATH_FAMILIES; f++)
		old[f] = connect_to(&path, f, '1', "one backend");
	write_services("draining", true);
	command_good("diff", "-f", FILE_NAME);
	if (!strstr(command_output, "state=draining") || !strstr(command_output, "+ backend"))
		ck_abort_msg("diff does not say what reload would do\n%s", command_output);
	for (int f = 0; f < PATH_FAMILIES; f++)
		close(connect_to(&path, f, '1', "diff has changed something"));
	command_good("reload", "-f", FILE_NAME);
	expect_no_change("after reload");
	for (int f = 0; f < PATH_FAMILIES; f++) {
		lb_path_exchange(old[f]); /* drains, and goes on */
		close(old[f]);
		close(connect_to(&path, f, '2', "a new connection while the first drains"));
	}
	command_good("down");
}

/* Counts of packets are behind it: an open connection's go on. */
static void drop_comments(char *text)
{
	char *to = text;
	bool dropping = false;

	for (; *text; text++) {
		dropping = *text != '\n' && (dropping || *text == '#');
		if (!dropping)
			*to++ = *text;
	}
	*to = '\0';
}

/* What services, prefixes and signatures there are, as the command lists them. The caller frees it.
 */
static char *snapshot(void)
{
	char *services, *prefixes, *all;

	command_good("service", "list");
	services = strdup(command_output);
	command_good("prefilter", "list");
	prefixes = strdup(command_output);
	command_good("prefilter", "signature", "list");
	if (!services || !prefixes ||
	    asprintf(&all, "%s%s%s", services, prefixes, command_output) < 0)
		checkrun_error("out of memory");
	drop_comments(all);
	free(services);
	free(prefixes);
	return all;
}

static void expect_refused(const char *text, const char *said)
{
	char *before = snapshot(), *after;

	write_file(text);
	if (!command_run("reload", "-f", FILE_NAME, NULL))
		ck_abort_msg("a file that is wrong was taken\n%s", text);
	if (!strstr(command_output, said))
		ck_abort_msg("the error does not say '%s'\n%s", said, command_output);
	after = snapshot();
	if (strcmp(before, after))
		ck_abort_msg("the refused file has changed what runs, from\n%sto\n%s", before,
			     after);
}

/* A mistake in the file's last line, and one that only the running datapath can find, when most of
 * the file has been applied: nothing is changed by either. */
static void refused_changes_nothing(int index __attribute__((unused)))
{
	struct lb_path path;
	char server;
	int fd;

	lb_path_open(&path);
	write_services("active", true);
	command_good("up", "-f", FILE_NAME);
	fd = lb_path_connect(&path, PATH_V4, &server);
	command_good("prefilter", "add", "198.51.100.0/24");
	command_good("prefilter", "signature", "add", "5", "dport=1900");
	expect_refused("prefilter: {deny: [203.0.113.0/24], signatures: [{number: 6, dport: 7}]}\n"
		       "services:\n"
		       "  - service: tcp 192.0.2.1:80\n"
		       "    mode: fast\n",
		       FILE_NAME ":4: services[0].mode");
	expect_refused("devices: [{name: " PATH_DEVICE "}]\n"
		       "prefilter: {deny: [192.0.2.128/25], signatures: [{number: 6, dport: 7}]}\n"
		       "services:\n"
		       "  - service: tcp 192.0.2.1:80\n"
		       "    mode: tunnel\n"
		       "    backends: [{address: 10.9.9.1}, {address: 10.9.9.2:8080}]\n",
		       "what ran before runs again");
	lb_path_exchange(fd);
	close(fd);
	command_good("down");
}

static void write_guard(const char *signatures, const char *rate)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "devices: [{name: lo, xdp: generic}]\n"
		 "prefilter:\n"
		 "  signatures: [%s]\n"
		 "  rate: {%s}\n",
		 signatures, rate);
	write_file(text);
}

/* Exactly these lines of diff, in any order. */
static void expect_diff(const char *const *lines, size_t n)
{
	size_t said = 0;

	command_good("diff", "-f", FILE_NAME);
	for (const char *at = command_output; (at = strchr(at, '\n')); at++)
		said++;
	for (size_t i = 0; i < n; i++)
		if (!strstr(command_output, lines[i]))
			ck_abort_msg("diff does not say '%s'\n%s", lines[i], command_output);
	if (said != n)
		ck_abort_msg("diff says %zu lines and not %zu\n%s", said, n, command_output);
}

/* Packets to 127.0.0.1:9 come by lo twice, and signatures see them where XDP is: on their way in.
 */
static void send_datagram(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		checkrun_error("a datagram to lo: %s", strerror(errno));
	close(fd);
}

static long long hits_of(int number)
{
	long long hits = -1;
	json_t *list, *s;
	size_t i;

	command_good("prefilter", "signature", "list", "--json");
	list = json_loads(command_output, 0, NULL);
	json_array_foreach (list, i, s)
		if (json_integer_value(json_object_get(s, "id")) == number)
			hits = json_integer_value(json_object_get(s, "packets"));
	json_decref(list);
	return hits;
}

static void guard_is_as_the_file_says(int index __attribute__((unused)))
{
	static const char *const changes[] = {
		"~ signature 2 ", "+ signature 3 ", "- signature 9 ",
		"~ rate packets=0/1 packets-prefix=32,64 conns=50/10 conns-prefix=24,56"};

	if (checkrun_skip_without_jit())
		return;
	if (net_unshare() < 0 || net_up("lo") < 0)
		checkrun_error("%s", net_error());
	write_guard("{number: 1, proto: udp, dport: 9, action: count}, "
		    "{number: 2, dport: 1900}, {number: 9, dport: 11211}",
		    "packets: 700000");
	command_good("up", "-f", FILE_NAME);
	expect_no_change("after up");
	send_datagram();
	if (hits_of(1) != 1)
		ck_abort_msg("signature 1 of the file has not met a datagram\n%s", command_output);
	write_guard("{number: 3, dport: 53}, {number: 2, dport: 1901}, "
		    "{number: 1, proto: udp, dport: 9, action: count}",
		    "conns: 50/10, conns-prefix: [24, 56]");
	expect_diff(changes, sizeof(changes) / sizeof(*changes));
	command_good("reload", "-f", FILE_NAME);
	expect_no_change("after reload");
	if (hits_of(1) != 1 || hits_of(2) || hits_of(3) || hits_of(9) != -1)
		ck_abort_msg("what stays does not keep its count, or what goes stays\n%s",
			     command_output);
	send_datagram();
	if (hits_of(1) != 2)
		ck_abort_msg("signature 1 is not in force after a reload\n%s", command_output);
	write_guard("", "");
	command_good("reload", "-f", FILE_NAME);
	expect_no_change("after a reload without any");
	if (hits_of(1) != -1)
		ck_abort_msg("signature 1 has stayed\n%s", command_output);
	command_good("down");
}

/* A first `up` that fails leaves nothing. */
static void failed_up_leaves_nothing(int index __attribute__((unused)))
{
	struct lb_path path;

	lb_path_open(&path);
	write_file("devices: [{name: " PATH_DEVICE "}]\n"
		   "services:\n"
		   "  - service: tcp 192.0.2.1:80\n"
		   "    backends: [{address: 10.9.9.2:8080}]\n");
	if (!command_run("up", "-f", FILE_NAME, NULL))
		ck_abort_msg("up took a backend that its service cannot have\n%s", command_output);
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("a failed up left its pin directory %s behind", command_pin_dir());
	write_services("active", true);
	command_good("up", "-f", FILE_NAME);
	if (!command_run("up", "-f", FILE_NAME, NULL) || !strstr(command_output, "reload"))
		ck_abort_msg("a second up does not point to reload\n%s", command_output);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.config.reload_keeps_connections", reload_keeps_connections, 0},
	{"functional.config.refused_changes_nothing", refused_changes_nothing, 0},
	{"functional.config.guard_is_as_the_file_says", guard_is_as_the_file_says, 0},
	{"functional.config.failed_up_leaves_nothing", failed_up_leaves_nothing, 0},
};

void config_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
