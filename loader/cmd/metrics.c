// SPDX-License-Identifier: GPL-2.0-only
/*
 * corepath metrics: all that counts, as Prometheus reads it: once, or over HTTP.
 *
 * HTTP is the work of corepath-metrics, a program beside this one. This one is static, which the
 * HTTP library of the distribution cannot be (it comes with TLS), and whoever only loads a datapath
 * needs neither.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"

#define EXPORTER "corepath-metrics"

static int once(const struct args *args)
{
	struct corepath_sample s;

	if (corepath_keep_only_bpf() || corepath_sample(args->pin_dir, &s))
		return report_failure(args, false);
	corepath_metrics_write(&s, COREPATH_METRICS_TEXT, stdout);
	corepath_sample_free(&s);
	return EXIT_DONE;
}

/* Returns only if it cannot be run. */
static int serve(const struct args *args)
{
	char path[PATH_MAX + sizeof(EXPORTER)], *slash;
	const char *argv[6] = {EXPORTER, "--pin-dir", args->pin_dir};
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (args->listen) {
		argv[3] = "--listen";
		argv[4] = args->listen;
	}
	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		strcpy(slash ? slash + 1 : path, EXPORTER);
		execv(path, (char **)argv);
	}
	fprintf(stderr,
		"corepath: metrics: %s: %s; it is installed beside this command and needs "
		"libmicrohttpd; 'corepath metrics --once' needs neither\n",
		n > 0 ? path : EXPORTER, strerror(errno));
	return EXIT_FAILED;
}

int cmd_metrics(const struct args *args)
{
	if (!args->once)
		return serve(args);
	if (args->listen)
		return report_usage("metrics: --once prints and ends, and listens nowhere; leave "
				    "out --listen");
	return once(args);
}
