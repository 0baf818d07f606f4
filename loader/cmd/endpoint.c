// SPDX-License-Identifier: GPL-2.0-only
/* corepath endpoint. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "json.h"

int cmd_endpoint_add(const struct args *args)
{
	struct corepath_endpoint_info info;
	struct corepath_endpoint_spec spec;
	size_t i;

	if (corepath_endpoint_init(args->operands[0], &spec))
		return report_usage("%s", corepath_error());
	for (i = 1; i < args->n_operands; i++)
		if (corepath_endpoint_word(args->operands[i], &spec))
			return report_usage("%s", corepath_error());
	if (corepath_endpoint_add(args->pin_dir, &spec, args->tc_mode, &info))
		return report_failure(args, true);
	printf("%s: endpoint, %s\n", info.spec.dev, corepath_tc_mode_name(info.mode));
	return EXIT_DONE;
}

int cmd_endpoint_del(const struct args *args)
{
	if (corepath_endpoint_del(args->pin_dir, args->operands[0]))
		return report_failure(args, false);
	return EXIT_DONE;
}

static const char *addr_text(const struct corepath_addr *a, char buf[COREPATH_SERVICE_STRLEN])
{
	static const struct corepath_addr none;

	return memcmp(a, &none, sizeof(none)) ? corepath_endpoint_format(a, 0, buf) : NULL;
}

static json_t *list_json(const struct corepath_endpoint_info *list, size_t n)
{
	char v4[COREPATH_SERVICE_STRLEN], v6[COREPATH_SERVICE_STRLEN], mac[18];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		const struct corepath_endpoint_info *e = &list[i];

		/* a value that could not be made makes the whole NULL for print_json */
		if (json_array_append_new(
			    array, json_pack("{s:s, s:I, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:b}",
					     "dev", e->spec.dev, "ifindex", (json_int_t)e->ifindex,
					     "state", corepath_state_name(e->state), "mode",
					     corepath_tc_mode_name(e->mode), "ipv4",
					     addr_text(&e->spec.addr[0], v4), "ipv6",
					     addr_text(&e->spec.addr[1], v6), "mac",
					     mac_text(e->spec.mac, mac), "identity",
					     (json_int_t)e->spec.identity, "peer", (int)e->peer,
					     "audit", (int)e->spec.audit, "limit_in",
					     (json_int_t)e->spec.limit[COREPATH_IN], "limit_out",
					     (json_int_t)e->spec.limit[COREPATH_OUT], "open_in",
					     (json_int_t)e->open[COREPATH_IN], "open_out",
					     (json_int_t)e->open[COREPATH_OUT]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static void list_text(const struct corepath_endpoint_info *e)
{
	char text[COREPATH_ENDPOINT_SPEC_STRLEN];

	printf("%s open-in=%llu open-out=%llu state=%s mode=%s peer=%s\n",
	       corepath_endpoint_spec_format(&e->spec, text), e->open[COREPATH_IN],
	       e->open[COREPATH_OUT], corepath_state_name(e->state), corepath_tc_mode_name(e->mode),
	       e->peer ? "yes" : "no");
}

int cmd_endpoint_list(const struct args *args)
{
	struct corepath_endpoint_info *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_endpoint_list(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(list_json(list, n));
	for (i = 0; !args->json && i < n; i++)
		list_text(&list[i]);
	free(list);
	return status;
}
