// SPDX-License-Identifier: GPL-2.0-only
/* corepath socket-lb. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include "cmd.h"
#include "json.h"

int cmd_socket_up(const struct args *args)
{
	if (!args->cgroup)
		return report_usage("socket-lb up: --cgroup is missing; for example: corepath "
				    "socket-lb up --cgroup /sys/fs/cgroup");
	if (corepath_socket_up(args->pin_dir, args->cgroup))
		return report_failure(args, true);
	return EXIT_DONE;
}

int cmd_socket_down(const struct args *args)
{
	if (corepath_socket_down(args->pin_dir, args->cgroup))
		return report_failure(args, false);
	return EXIT_DONE;
}

json_t *cgroups_json(const struct corepath_cgroup *list, size_t n)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		/* a value that could not be made makes the whole NULL for print_json */
		if (json_array_append_new(
			    array, json_pack("{s:I, s:s, s:s?}", "id", (json_int_t)list[i].id,
					     "state", corepath_cgroup_state_name(list[i].state),
					     "path", list[i].path))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

void print_cgroups(const struct corepath_cgroup *list, size_t n)
{
	size_t i;

	if (!n)
		puts("attached to no cgroup");
	for (i = 0; i < n; i++) {
		if (list[i].path)
			printf("%s", list[i].path);
		else
			printf("cgroup %llu", list[i].id);
		switch (list[i].state) {
		case COREPATH_CGROUP_ATTACHED:
			puts(": attached");
			break;
		case COREPATH_CGROUP_PARTLY:
			puts(": an 'up' was killed half-way; run 'corepath socket-lb up' again");
			break;
		case COREPATH_CGROUP_GONE:
			puts(": gone; the cgroup was removed; 'corepath socket-lb down' forgets "
			     "it");
			break;
		}
	}
}

int cmd_socket_status(const struct args *args)
{
	struct corepath_cgroup *list = NULL;
	int err, status = EXIT_DONE;
	size_t n = 0;

	err = corepath_socket_status(args->pin_dir, &list, &n);
	if (err && !(err == -ENOENT && args->json)) /* "nothing is up" is an answer to a program */
		return report_failure(args, false);
	if (args->json)
		status = print_json(json_pack("{s:o}", "cgroups", cgroups_json(list, n)));
	else
		print_cgroups(list, n);
	corepath_socket_free(list, n);
	return status;
}
