// SPDX-License-Identifier: GPL-2.0-only
/*
 * corepath-metrics: what 'corepath metrics' runs to answer Prometheus.
 *
 *	corepath-metrics --pin-dir DIR [--listen ADDRESS:PORT]
 *
 * One process, one thread: libcorepath has one error text. It looks at the datapath when it is
 * asked, keeps CAP_BPF alone from when it listens on, and changes nothing.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "exporter.h"

static const char *const loopback[] = {"127.0.0.1", "::1"};

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "corepath: metrics: %s: %s\n", what, why);
	return 1;
}

/* Those of the loopback addresses that this host has, one at least. */
static size_t listen_loopback(struct server servers[SERVERS_MAX])
{
	char address[64];
	size_t i, n = 0;
	int err;

	for (i = 0; i < SERVERS_MAX; i++) {
		snprintf(address, sizeof(address), i ? "[%s]:%d" : "%s:%d", loopback[i],
			 COREPATH_METRICS_PORT);
		err = server_listen(&servers[n], address);
		if (!err)
			n++;
		else if (err != -EADDRNOTAVAIL && err != -EAFNOSUPPORT)
			return fail(address, server_error()), 0;
	}
	if (!n)
		fail("listen", "this host has neither 127.0.0.1 nor ::1; give an address with "
			       "--listen ADDRESS:PORT");
	return n;
}

/* Until a signal says so. Signals arrive while it waits, and only then. */
static int serve(struct server *servers, size_t n)
{
	struct pollfd fds[SERVERS_MAX];
	struct timespec wait;
	sigset_t none;
	int ms, each;
	size_t i;

	sigemptyset(&none);
	for (i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = server_fd(&servers[i]), .events = POLLIN};
	while (!ended) {
		for (i = 0, ms = -1; i < n; i++) {
			server_run(&servers[i]);
			each = server_timeout(&servers[i]);
			ms = each >= 0 && (ms < 0 || each < ms) ? each : ms;
		}
		wait = (struct timespec){ms / 1000, ms % 1000 * 1000000l};
		if (ppoll(fds, n, ms < 0 ? NULL : &wait, &none) < 0 && errno != EINTR)
			return fail("wait", strerror(errno));
	}
	return 0;
}

static int run(const char *pin_dir, const char *listen)
{
	struct server servers[SERVERS_MAX] = {};
	size_t i, n = 0;
	int status = 1;

	if (!listen)
		n = listen_loopback(servers);
	else if (server_listen(&servers[0], listen))
		fail(listen, server_error());
	else
		n = 1;
	if (n && corepath_keep_only_bpf())
		fprintf(stderr, "corepath: %s\n", corepath_error());
	else if (n)
		status = 0;
	for (i = 0; i < n && !status; i++)
		if (server_start(&servers[i], pin_dir))
			status = fail("start", server_error());
	for (i = 0; i < n && !status; i++)
		printf("corepath: metrics at http://%s/metrics\n", servers[i].name);
	fflush(stdout);
	if (!status)
		status = serve(servers, n);
	for (i = 0; i < n; i++)
		server_close(&servers[i]);
	return status;
}

int main(int argc, char **argv)
{
	const char *pin_dir = COREPATH_PIN_DIR, *listen = NULL;
	struct sigaction ends = {.sa_handler = on_signal};
	sigset_t signals;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--pin-dir"))
			pin_dir = argv[i + 1];
		else if (!strcmp(argv[i], "--listen"))
			listen = argv[i + 1];
		else
			break;
	}
	if (i < argc) {
		fputs("corepath-metrics is a part of corepath: run 'corepath metrics', and see "
		      "'corepath metrics --help'\n",
		      stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigaction(SIGINT, &ends, NULL);
	sigaction(SIGTERM, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	return run(pin_dir, listen);
}
