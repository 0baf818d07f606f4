// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's own policy, which the uplink asks. Its rules are in the map of all rules, of scope
 * COREPATH_SCOPE_HOST; the datapath looks for them while nat_config says that there are any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"

#define POLICY_FLAGS                                                                               \
	((COREPATH_ENDPOINT_POLICY << COREPATH_IN) | (COREPATH_ENDPOINT_POLICY << COREPATH_OUT))

static const __u32 scope = COREPATH_SCOPE_HOST;

/* ---- the host among the endpoints ---- */

int cp_host_enter(int endpoints)
{
	const struct corepath_endpoint fresh = {.generation = cp_next_generation(0)};
	int err = bpf_map_update_elem(endpoints, &scope, &fresh, BPF_NOEXIST);

	return err == -EEXIST ? 0 : err;
}

bool cp_host_has_rules(int endpoints)
{
	struct corepath_endpoint e;

	return !bpf_map_lookup_elem(endpoints, &scope, &e) && e.flags & POLICY_FLAGS;
}

int cp_host_commit(const struct cp_dir *dir, int endpoints)
{
	struct corepath_nat_config cfg;
	int fd, err;
	__u32 zero = 0;

	if (!cp_pin_there(dir, CP_PROG_UPLINK_OUT)) /* it is told when it is loaded */
		return 0;
	fd = cp_map_get(dir, CP_MAP_NAT_CONFIG);
	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &zero, &cfg);
	if (!err) {
		cfg.flags &= ~COREPATH_UPLINK_HOST;
		if (cp_host_has_rules(endpoints))
			cfg.flags |= COREPATH_UPLINK_HOST;
		err = bpf_map_update_elem(fd, &zero, &cfg, BPF_ANY);
	}
	close(fd);
	return err ? cp_fail(-err, "map %s/%s: %s; run as root", dir->path, CP_MAP_NAT_CONFIG,
			     strerror(-err))
		   : 0;
}

/* ---- whether it only audits ---- */

bool cp_host_audits(int endpoints)
{
	struct corepath_endpoint e;

	return !bpf_map_lookup_elem(endpoints, &scope, &e) && e.flags & COREPATH_ENDPOINT_AUDIT;
}

/* What was let pass only for that is judged anew. */
int cp_host_set_audit(int endpoints, bool audit)
{
	struct corepath_endpoint e;
	int err = cp_host_enter(endpoints);

	if (err || cp_host_audits(endpoints) == audit)
		return err;
	err = bpf_map_lookup_elem(endpoints, &scope, &e);
	if (err)
		return err;
	e.generation = cp_next_generation(e.generation);
	e.flags ^= COREPATH_ENDPOINT_AUDIT;
	return bpf_map_update_elem(endpoints, &scope, &e, BPF_EXIST);
}

/* ---- failsafe ports ---- */

void cp_failsafe_defaults(struct corepath_failsafe list[COREPATH_FAILSAFES])
{
	memset(list, 0, COREPATH_FAILSAFES * sizeof(*list));
	list[0] = (struct corepath_failsafe){.port = htons(22), .proto = IPPROTO_TCP};
}

int cp_failsafe_parse(const char *word, const char *text,
		      struct corepath_failsafe list[COREPATH_FAILSAFES])
{
	struct corepath_failsafe parsed[COREPATH_FAILSAFES] = {};
	char copy[COREPATH_FAILSAFE_STRLEN], *rest = copy, *item;
	unsigned long long port;
	size_t n = 0;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return cp_word_fail(word, "too long; up to 8 ports can be failsafe");
	while (strcmp(text, "none") && (item = strsep(&rest, ","))) {
		bool tcp = !strncmp(item, "tcp/", 4);

		if ((!tcp && strncmp(item, "udp/", 4)) ||
		    !cp_parse_number(item + 4, 65535, &port) || !port)
			return cp_word_fail(word, "not PROTO/PORT,...; write failsafe=tcp/22 or "
						  "failsafe=none");
		if (n == COREPATH_FAILSAFES)
			return cp_word_fail(word, "up to 8 ports can be failsafe");
		parsed[n++] = (struct corepath_failsafe){.port = htons(port),
							 .proto = tcp ? IPPROTO_TCP : IPPROTO_UDP};
	}
	memcpy(list, parsed, sizeof(parsed));
	return 0;
}

const char *corepath_uplink_failsafe(const struct corepath_uplink *u, char *buf)
{
	size_t i, used = 0;

	strcpy(buf, "none");
	for (i = 0; i < COREPATH_FAILSAFES && u->failsafe[i].port; i++)
		used += sprintf(buf + used, "%s%s/%u", i ? "," : "",
				u->failsafe[i].proto == IPPROTO_TCP ? "tcp" : "udp",
				ntohs(u->failsafe[i].port));
	return buf;
}
