// SPDX-License-Identifier: GPL-2.0-only
/* corepath up, down and upgrade. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"

int cmd_up(const struct args *args)
{
	struct corepath_up_request req = {
		.pin_dir = args->pin_dir,
		.devs = args->devs,
		.n_devs = args->n_devs,
		.mode = args->mode,
		.max_prefixes = args->max_prefixes,
	};
	struct corepath_attachment *out;
	int status = EXIT_DONE;
	size_t i;

	if (args->file && (args->n_devs || args->mode || args->max_prefixes))
		return report_usage("up: the file has the devices, and prefilter.max; leave --dev "
				    "and its like out");
	if (args->file)
		return cmd_up_file(args);
	if (!args->n_devs)
		return report_usage("up: --dev is missing; for example: corepath up --dev eth0");
	out = calloc(args->n_devs, sizeof(*out));
	if (!out) {
		fputs("corepath: up: out of memory; free some\n", stderr);
		return EXIT_FAILED;
	}
	if (corepath_up(&req, out))
		status = report_failure(args, true);
	for (i = 0; !status && i < args->n_devs; i++) {
		const struct corepath_attachment *a = &out[i];

		if (a->native_error)
			fprintf(stderr,
				"corepath: note: %s: its driver refuses native XDP (%s), so "
				"generic XDP is used, which is slower\n",
				a->dev, strerror(a->native_error));
		printf("%s: up, %s mode, program id %u\n", a->dev, corepath_xdp_mode_name(a->mode),
		       a->prog_id);
	}
	free(out);
	return status;
}

int cmd_down(const struct args *args)
{
	if (corepath_down(args->pin_dir, args->devs, args->n_devs))
		return report_failure(args, false);
	return EXIT_DONE;
}

int cmd_upgrade(const struct args *args)
{
	struct corepath_upgrade_request req = {
		.pin_dir = args->pin_dir,
		.probe = args->probe,
		.probe_seconds = args->probe_timeout,
	};
	struct corepath_upgrade_report r;

	if (args->probe_timeout && !args->probe)
		return report_usage("upgrade: --probe-timeout is of --probe, which is missing");
	if (corepath_upgrade(&req, &r))
		return report_failure(args, true);
	printf("upgraded from %s to %s: %zu links have new programs, %zu maps are as they were, "
	       "%zu carried over (%zu entries)\n",
	       r.from.version, COREPATH_VERSION, r.links, r.maps_kept, r.maps_carried, r.entries);
	return EXIT_DONE;
}
