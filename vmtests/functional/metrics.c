// SPDX-License-Identifier: GPL-2.0-only
/* functional.metrics.*: what is counted, as `corepath metrics` and `corepath top` say it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "path.h"

#define SERVICE	   "192.0.2.9:5000" /* where path.c's datagrams of IPv4 go to */
#define DATAGRAMS  5
#define PORT	   19435
#define CAP_BPF_IN "0000008000000000" /* bit 39 */

/* Of path.c: the datagram's bytes. */
static void send_some(const struct path *path, int n)
{
	static const char datagram[32];

	while (n--)
		if (send(path->good[PATH_V4], datagram, sizeof(datagram), 0) < 0)
			checkrun_error("send: %s", strerror(errno));
}

static void add_service(void)
{
	command_good("service", "add", "udp", SERVICE);
	command_good("backend", "add", "udp", SERVICE, "10.9.9.1");
	command_good("backend", "add", "udp", SERVICE, "10.9.9.2");
	command_good("backend", "set-state", "udp", SERVICE, "10.9.9.2", "draining");
}

static void begin(struct path *path)
{
	path_open(path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	command_good("prefilter", "add", PATH_DENIED6);
	add_service();
	send_some(path, DATAGRAMS);
	/* behind those: when it is here, they are counted */
	if (path_denied_arrives(path, PATH_V6))
		ck_abort_msg("the denied datagram arrived");
}

static void expect_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, line, n) && at[n] == '\n')
			return;
	}
	ck_abort_msg("there is no line\n%s\nin\n%s", line, text);
}

static void expect_none(const char *text, const char *what)
{
	if (strstr(text, what))
		ck_abort_msg("there still is %s in\n%s", what, text);
}

/* Five datagrams of 14 + 20 + 8 + 32 bytes to one of two backends, one of 14 + 40 + 8 + 32 denied;
 * one flow. */
static const char *const lines[] = {
	"corepath_up 1",
	"corepath_attachments{role=\"prefilter\",hook=\"xdp\",dev=\"cp0\",mode=\"native\",state="
	"\"attached\"} 1",
	"corepath_service_packets_total{proto=\"udp\",service=\"192.0.2.9:5000\"} 5",
	"corepath_service_bytes_total{proto=\"udp\",service=\"192.0.2.9:5000\"} 370",
	"corepath_service_connections_total{proto=\"udp\",service=\"192.0.2.9:5000\"} 0",
	"corepath_service_info{proto=\"udp\",service=\"192.0.2.9:5000\",mode=\"tunnel\"} 1",
	"corepath_service_backends{proto=\"udp\",service=\"192.0.2.9:5000\",state=\"active\"} 1",
	"corepath_service_backends{proto=\"udp\",service=\"192.0.2.9:5000\",state=\"draining\"} 1",
	"corepath_service_backends{proto=\"udp\",service=\"192.0.2.9:5000\",state=\"down\"} 0",
	"corepath_packets_total{reason=\"lb_tunneled\",verdict=\"passed\"} 5",
	"corepath_bytes_total{reason=\"lb_tunneled\",verdict=\"passed\"} 370",
	"corepath_packets_total{reason=\"denied_src6\",verdict=\"dropped\"} 1",
	"corepath_bytes_total{reason=\"denied_src6\",verdict=\"dropped\"} 94",
	"corepath_table_entries{table=\"prefilter_src4\"} 0",
	"corepath_table_entries{table=\"prefilter_src6\"} 1",
	"corepath_table_max_entries{table=\"prefilter_src6\"} 65536",
	"corepath_table_entries{table=\"lb_services\"} 1",
	"corepath_table_entries{table=\"lb_conns\"} 1",
	"corepath_events_lost_total{watcher=\"0\"} 0",
};

static void expect_counts(const char *text)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		expect_line(text, lines[i]);
}

/* ---- HTTP, by hand ---- */

static int dial(bool v6)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(PORT),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in to4 = {.sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || (v6 ? connect(fd, (struct sockaddr *)&to6, sizeof(to6))
			  : connect(fd, (struct sockaddr *)&to4, sizeof(to4))))
		ck_abort_msg("connect to port %d of the loopback address: %s", PORT,
			     strerror(errno));
	return fd;
}

/* Header and body of the answer, until the connection is closed. */
static const char *ask(bool v6, const char *method, const char *path, const char *header)
{
	static char answer[1 << 17];
	struct pollfd wait = {.fd = dial(v6), .events = POLLIN};
	size_t used = 0;
	ssize_t n = 0;

	dprintf(wait.fd, "%s %s HTTP/1.1\r\nHost: localhost\r\n%sConnection: close\r\n\r\n", method,
		path, header);
	while (used < sizeof(answer) - 1 && poll(&wait, 1, 60000) == 1 &&
	       (n = read(wait.fd, answer + used, sizeof(answer) - 1 - used)) > 0)
		used += n;
	if (n)
		ck_abort_msg("%s %s: no whole answer: %s", method, path, strerror(errno));
	answer[used] = '\0';
	close(wait.fd);
	return answer;
}

static const char *expect_status(const char *answer, const char *status)
{
	const char *body = strstr(answer, "\r\n\r\n");

	if (strncmp(answer, "HTTP/1.1 ", 9) || strncmp(answer + 9, status, 3) || !body)
		ck_abort_msg("expected status %s, got\n%s", status, answer);
	return body + 4;
}

static void expect_header(const char *answer, const char *line)
{
	char whole[128];

	snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
	if (!strcasestr(answer, whole))
		ck_abort_msg("the answer has no header %s\n%s", line, answer);
}

static void expect_privileges(int pid)
{
	char path[64], status[4096];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		checkrun_error("%s: %s", path, strerror(errno));
	status[fread(status, 1, sizeof(status) - 1, f)] = '\0';
	fclose(f);
	if (!strstr(status, "CapPrm:\t" CAP_BPF_IN "\n") ||
	    !strstr(status, "CapEff:\t" CAP_BPF_IN "\n") || !strstr(status, "NoNewPrivs:\t1\n"))
		ck_abort_msg("the exporter keeps more than CAP_BPF\n%s", status);
}

/* Line for line what --once says, but for packets that the kernels send of themselves. */
static void expect_same(const char *body, const char *once)
{
	while (*body && *once) {
		size_t n = strcspn(body, "\n"), m = strcspn(once, "\n");
		bool own = n < 4096 && memmem(body, n, "\"forwarded\"", 11);

		if (!own && (n != m || memcmp(body, once, n)))
			ck_abort_msg("HTTP says\n%.*s\nand --once\n%.*s", (int)n, body, (int)m,
				     once);
		body += n + !!body[n];
		once += m + !!once[m];
	}
	if (*body || *once)
		ck_abort_msg("HTTP and --once do not say equally much");
}

static void serves(int index __attribute__((unused)))
{
	static char once[sizeof(command_output)];
	struct command exporter;
	struct path path;
	const char *answer, *line;

	begin(&path);
	exporter = command_start("metrics", NULL);
	line = command_line(&exporter);
	if (!line || !strstr(line, "http://127.0.0.1:19435/metrics"))
		ck_abort_msg("the exporter does not say where it listens: %s", line ?: "");
	line = command_line(&exporter);
	if (!line || !strstr(line, "http://[::1]:19435/metrics"))
		ck_abort_msg("the exporter does not say where it listens: %s", line ?: "");
	expect_privileges(exporter.pid);

	command_good("metrics", "--once");
	strcpy(once, command_output);
	expect_counts(once);
	for (int v6 = 0; v6 < 2; v6++) {
		answer = ask(v6, "GET", "/metrics", "");
		expect_header(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8");
		expect_same(expect_status(answer, "200"), once);
	}
	answer = ask(false, "GET", "/metrics",
		     "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n");
	expect_header(answer,
		      "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8");
	expect_counts(expect_status(answer, "200"));
	if (strcmp(answer + strlen(answer) - 6, "# EOF\n"))
		ck_abort_msg("OpenMetrics does not end with # EOF");

	ck_assert_str_eq(expect_status(ask(false, "HEAD", "/metrics", ""), "200"), "");
	answer = ask(false, "POST", "/metrics", "Content-Length: 0\r\n");
	expect_status(answer, "405");
	expect_header(answer, "Allow: GET, HEAD");
	expect_status(ask(false, "GET", "/", ""), "404");
	expect_status(ask(false, "GET", "/metrics/../etc/passwd", ""), "404");

	/* a service that goes takes its numbers with it, and its place is the next one's, at 0 */
	command_good("service", "del", "udp", SERVICE);
	expect_none(expect_status(ask(false, "GET", "/metrics", ""), "200"), "192.0.2.9:5000");
	command_good("service", "add", "udp", "192.0.2.8:53");
	expect_line(expect_status(ask(false, "GET", "/metrics", ""), "200"),
		    "corepath_service_packets_total{proto=\"udp\",service=\"192.0.2.8:53\"} 0");
	command_good("down");
	answer = expect_status(ask(false, "GET", "/metrics", ""), "200");
	expect_line(answer, "corepath_up 0");
	expect_none(answer, "corepath_packets");
	if (command_end(&exporter, SIGTERM))
		ck_abort_msg("the exporter, at its end: %s", command_output);
}

static void listens_where_told(int index __attribute__((unused)))
{
	struct command exporter;
	struct path path;

	path_open(&path, PATH_PLAIN);
	exporter = command_start("metrics", "--listen", "192.0.2.9:9100", NULL);
	if (!strstr(command_line(&exporter) ?: "", "http://192.0.2.9:9100/metrics"))
		ck_abort_msg("the exporter does not listen\n%s", command_output);
	if (!command_run("metrics", "--listen", "192.0.2.9:9100", NULL) ||
	    !strstr(command_output, "Address already in use"))
		ck_abort_msg("a second one listens there too\n%s", command_output);
	if (!command_run("metrics", "--listen", "host:9100", NULL) ||
	    !strstr(command_output, "not ADDRESS:PORT"))
		ck_abort_msg("a name is taken for an address\n%s", command_output);
	if (command_end(&exporter, SIGINT))
		ck_abort_msg("the exporter, at its end: %s", command_output);
}

/* Packets all the while, so some are between its two looks. */
static void tops(int index __attribute__((unused)))
{
	struct pollfd wait = {.events = POLLIN};
	struct command top;
	struct path path;
	double packets;
	char *at;

	begin(&path);
	top = command_start("top", "--once", NULL);
	wait.fd = top.output;
	while (!poll(&wait, 1, 0))
		send_some(&path, 1);
	if (command_end(&top, 0))
		ck_abort_msg("top: %s", command_output);
	at = strstr(command_output, "udp 192.0.2.9:5000 ");
	if (!at || sscanf(at + strlen("udp 192.0.2.9:5000 "), "%lf", &packets) != 1 || packets <= 0)
		ck_abort_msg("top shows no packets of the service\n%s", command_output);
	if (!strstr(at, " 1/2 ") || !strstr(command_output, "\nlb_tunneled "))
		ck_abort_msg("top lacks backends, or reasons\n%s", command_output);
	if (strchr(command_output, '\033'))
		ck_abort_msg("top draws where there is no terminal");
	command_good("service", "list");
	if (!strstr(command_output, SERVICE " mode=tunnel # ") ||
	    strstr(command_output, "# 0 packets"))
		ck_abort_msg("service list does not count\n%s", command_output);
	command_good("down");
	if (!command_run("top", "--once", NULL) || !strstr(command_output, "nothing is up"))
		ck_abort_msg("top of nothing: %s", command_output);
}

/* A terminal of 24 lines, and what it is shown up to @until; NULL if it is closed before. */
static const char *read_screen(int terminal, const char *until)
{
	static char screen[1 << 16];
	struct pollfd wait = {.fd = terminal, .events = POLLIN};
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(screen) - 1 && poll(&wait, 1, 60000) == 1 &&
	       (n = read(terminal, screen + used, sizeof(screen) - 1 - used)) > 0) {
		used += n;
		screen[used] = '\0';
		if (strstr(screen, until))
			return screen;
	}
	return NULL;
}

/* It draws on a terminal of its own mode, and gives back the one there was. */
static void draws(int sig)
{
	struct termios before, during, after;
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), inside, status;
	const char *pin_dir = command_pin_dir(); /* of this process, not of the child */
	struct path path;
	pid_t pid;

	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		checkrun_error("a terminal: %s", strerror(errno));
	inside = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (inside < 0 || tcgetattr(inside, &before))
		checkrun_error("a terminal: %s", strerror(errno));
	begin(&path);
	pid = fork();
	if (!pid) {
		for (int fd = 0; fd < 3; fd++)
			dup2(inside, fd);
		execlp("corepath", "corepath", "top", "--pin-dir", pin_dir, NULL);
		_exit(127);
	}
	if (!read_screen(terminal, "udp " SERVICE))
		ck_abort_msg("top shows no service on a terminal");
	tcgetattr(inside, &during);
	/* Ctrl-C must still be the signal */
	if (during.c_lflag & (ICANON | ECHO) || !(during.c_lflag & ISIG))
		ck_abort_msg("top does not read keys");
	if (sig)
		kill(pid, sig);
	else
		dprintf(terminal, "q");
	if (!read_screen(terminal, "\033[?25h\033[?1049l"))
		ck_abort_msg("top does not give the screen back");
	if (waitpid(pid, &status, 0) != pid || status)
		ck_abort_msg("top ended with status %d", status);
	tcgetattr(inside, &after);
	if (before.c_lflag != after.c_lflag || memcmp(before.c_cc, after.c_cc, sizeof(before.c_cc)))
		ck_abort_msg("top does not give the terminal back");
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.metrics.ends_by_q", draws, 0},
	{"functional.metrics.ends_by_ctrl_c", draws, SIGINT},
	{"functional.metrics.serves", serves, 0},
	{"functional.metrics.listens_where_told", listens_where_told, 0},
	{"functional.metrics.tops", tops, 0},
};

void metrics_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
