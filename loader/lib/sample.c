// SPDX-License-Identifier: GPL-2.0-only
/* One look at all that counts, for whoever shows it: metrics, top. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"
#include "sockets.h"
#include "upgrade.h"

/* What is asked for here is there or it is not; that it goes in between is as if it was not. */
static int unless_gone(int err)
{
	return err == -ENOENT ? 0 : err;
}

/* ---- tables ---- */

static const struct {
	const char *name;
	bool trie;
} tables[] = {
	{CP_MAP_SRC4, true},	    {CP_MAP_SRC6, true},	 {CP_MAP_LB_SERVICES, false},
	{"lb_conns", false},	    {"lb_replies", false},	 {"lb_affinity", false},
	{CP_MAP_SOCK_PEERS, false}, {CP_MAP_CT_FLOWS, false},	 {CP_MAP_CT_NEW, false},
	{CP_MAP_ENDPOINTS, false},  {CP_MAP_RULES, false},	 {CP_MAP_IDENTITIES, true},
	{CP_MAP_NAT_OUT, false},    {CP_MAP_NAT_IN, false},	 {CP_MAP_NAT_DIRECT, false},
	{CP_MAP_NAT_SOURCES, true}, {CP_MAP_NAT_EXCLUDES, true}, {"guard_sources", false},
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static int read_tables(const struct cp_dir *dir, struct corepath_sample *s)
{
	int err = 0, fd;
	size_t i;

	s->tables = calloc(N_TABLES, sizeof(*s->tables));
	if (!s->tables)
		return cp_fail(ENOMEM, "sample: out of memory; free some");
	for (i = 0; i < N_TABLES && !err; i++) {
		struct corepath_table_usage *t = &s->tables[s->n_tables];

		fd = cp_pin_get(dir, tables[i].name);
		if (fd == -ENOENT)
			continue;
		t->name = tables[i].name;
		err = fd < 0	       ? fd
		      : tables[i].trie ? cp_trie_usage(fd, &t->usage)
				       : cp_hash_usage(fd, &t->usage);
		if (fd >= 0)
			close(fd);
		s->n_tables += !err;
		if (err)
			cp_fail(-err, "map %s/%s: read: %s; run as root", dir->path, tables[i].name,
				strerror(-err));
	}
	return err;
}

/* ---- what is attached ---- */

static int add_hook(struct corepath_sample *s, const struct corepath_hooked *h)
{
	struct corepath_hooked *grown = reallocarray(s->hooks, s->n_hooks + 1, sizeof(*grown));

	if (!grown)
		return cp_fail(ENOMEM, "sample: out of memory; free some");
	s->hooks = grown;
	grown[s->n_hooks++] = *h;
	return 0;
}

static int read_xdp(const struct cp_dir *dir, struct corepath_sample *s)
{
	struct cp_link *links;
	size_t i, n;
	int err = cp_links_read(dir, &links, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		struct corepath_hooked h = {.hook = COREPATH_HOOK_XDP,
					    .role = "prefilter",
					    .mode = "",
					    .state = links[i].at.state};

		memcpy(h.dev, links[i].at.dev, sizeof(h.dev));
		if (h.state == COREPATH_ATTACHED)
			h.mode = corepath_xdp_mode_name(links[i].at.mode);
		err = add_hook(s, &h);
	}
	free(links);
	return err;
}

static int read_tc(const struct cp_dir *dir, struct corepath_sample *s)
{
	struct cp_tc *list;
	size_t i, n;
	int err = cp_tc_read(dir, NULL, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		struct corepath_hooked h = {.hook = list[i].egress ? COREPATH_HOOK_TC_EGRESS
								   : COREPATH_HOOK_TC_INGRESS,
					    .mode = corepath_tc_mode_name(list[i].mode),
					    .state = list[i].state};

		h.role = strcmp(list[i].kind, CP_TC_ENDPOINT) ? "uplink" : "endpoint";
		memcpy(h.dev, list[i].dev, sizeof(h.dev));
		err = add_hook(s, &h);
	}
	free(list);
	return err;
}

static int read_cgroups(const char *pin_dir, struct corepath_sample *s)
{
	struct corepath_cgroup *list;
	size_t i, n;
	int err = corepath_socket_status(pin_dir, &list, &n);

	for (i = 0; i < n && !err; i++)
		s->n_cgroups[list[i].state]++;
	corepath_socket_free(list, n);
	return err;
}

/* ---- events ---- */

static int read_lost(const struct cp_dir *dir, struct corepath_sample *s)
{
	int fd = cp_pin_get(dir, CP_MAP_EVENT_LOST), err = 0;
	__u32 i;

	for (i = 0; i < COREPATH_WATCHERS && fd >= 0 && !err; i++)
		err = cp_percpu_add(fd, i, &s->lost[i], 1);
	if (fd >= 0)
		close(fd);
	return err ? cp_fail(-err, "map %s/%s: read: %s; run as root", dir->path, CP_MAP_EVENT_LOST,
			     strerror(-err))
		   : 0;
}

/* ---- all of it ---- */

static int read_parts(const char *pin_dir, const struct cp_dir *dir, struct corepath_sample *s)
{
	int err = 0;

	if (cp_pin_there(dir, CP_MAP_COUNTERS)) {
		err = corepath_counters(pin_dir, s->counters);
		s->has_counters = !err;
	}
	if (!err)
		err = corepath_service_list(pin_dir, &s->services, &s->n_services);
	if (!err)
		err = corepath_signature_list(pin_dir, s->signatures, &s->n_signatures);
	if (!err)
		err = corepath_endpoint_list(pin_dir, &s->endpoints, &s->n_endpoints);
	if (!err)
		err = corepath_policy_list(pin_dir, &s->policies, &s->n_policies);
	if (!err && cp_pin_there(dir, CP_PROG_UPLINK_OUT)) {
		err = corepath_uplink_counters(pin_dir, s->uplink);
		s->has_uplink = !err;
	}
	if (!err) {
		/* rules that are not there are an error of their own */
		err = corepath_security_status(pin_dir, &s->security);
		s->has_security = !err;
		err = unless_gone(err);
	}
	return err;
}

static int read_all(const char *pin_dir, const struct cp_dir *dir, struct corepath_sample *s)
{
	int err = cp_version_read(dir, &s->running);

	if (err && err != -ENOENT)
		return cp_fail(-err, "%s: who made it: %s; run as root", dir->path, strerror(-err));
	err = read_parts(pin_dir, dir, s);
	if (!err)
		err = read_lost(dir, s);
	if (!err)
		err = read_tables(dir, s);
	if (!err)
		err = read_xdp(dir, s);
	if (!err)
		err = read_tc(dir, s);
	return err ? err : read_cgroups(pin_dir, s);
}

int corepath_sample(const char *pin_dir, struct corepath_sample *s)
{
	struct cp_dir dir;
	int err;

	memset(s, 0, sizeof(*s));
	/* held all the time: what is there at the beginning is there at the end */
	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return unless_gone(err);
	err = read_all(pin_dir, &dir, s);
	cp_dir_close(&dir);
	if (err)
		corepath_sample_free(s);
	s->up = !err;
	return err;
}

void corepath_sample_free(struct corepath_sample *s)
{
	corepath_service_free(s->services, s->n_services);
	free(s->hooks);
	free(s->tables);
	free(s->endpoints);
	free(s->policies);
	free(s->security.rules);
	memset(s, 0, sizeof(*s));
}
