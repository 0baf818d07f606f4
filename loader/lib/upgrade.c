// SPDX-License-Identifier: GPL-2.0-only
/*
 * corepath upgrade: this build's programs in the place of those that run.
 *
 * All of them are loaded, and tried with packets, before anything is touched. Then what would be
 * needed to go back is pinned (upgrade.h), and each link gets its new program in one step: a packet
 * meets the old programs or the new ones, which have the slots they call each other by in a map of
 * their own. Every other map is shared where its shape is the same, so connections are simply
 * there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "upgrade.h"

/* ---- what is attached ---- */

/* The program of this build for what is pinned so, and NULL for what is no link or filter. */
static const char *program_of(const char *pin)
{
	static const struct {
		const char *begins, *program;
	} table[] = {
		{"xdp_", "xdp_prefilter"},
		{"tcx_ep_in_", CP_PROG_EP_FROM},
		{"cls_ep_in_", CP_PROG_EP_FROM},
		{"tcx_ep_out_", CP_PROG_EP_TO},
		{"cls_ep_out_", CP_PROG_EP_TO},
		{"tcx_uplink_in_", CP_PROG_UPLINK_IN},
		{"cls_uplink_in_", CP_PROG_UPLINK_IN},
		{"tcx_uplink_out_", CP_PROG_UPLINK_OUT},
		{"cls_uplink_out_", CP_PROG_UPLINK_OUT},
	};
	unsigned long long id;
	unsigned int ifindex;
	int end = 0;
	size_t i;

	if (sscanf(pin, "cgroup_%llu_%n", &id, &end) == 1 && end)
		return pin + end;
	/* there is a map, and a program, that is called xdp_something */
	if (!strncmp(pin, "xdp_", 4) && sscanf(pin, "xdp_%u_", &ifindex) != 1)
		return NULL;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strncmp(pin, table[i].begins, strlen(table[i].begins)))
			return table[i].program;
	return NULL;
}

/* Records of filters and of qdiscs are programs. */
static int running_program(const struct cp_dir *dir, const char *pin)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd = cp_pin_get(dir, pin), prog;

	if (fd < 0 || !strncmp(pin, "cls_", 4))
		return fd;
	prog = bpf_link_get_info_by_fd(fd, &info, &len) ? -errno
							: bpf_prog_get_fd_by_id(info.prog_id);
	close(fd);
	return prog;
}

typedef int (*link_fn)(struct cp_upgrade *u, const char *pin, const char *program, int prog_fd);

struct links {
	struct cp_upgrade *u;
	link_fn fn;
};

static int one_link(const char *pin, void *arg)
{
	struct links *l = arg;
	const char *program = program_of(pin);
	int fd;

	if (!program)
		return 0;
	fd = cp_upgrade_program(l->u, program);
	return fd < 0 ? cp_fail(ENOTSUP, "%s/%s: this version has no %s; nothing was changed",
				l->u->dir.path, pin, program)
		      : l->fn(l->u, pin, program, fd);
}

/* Calls `fn` for every link and filter that has a program of the datapath. */
static int for_each_link(struct cp_upgrade *u, link_fn fn)
{
	struct links l = {u, fn};

	return cp_pins_each(&u->dir, "", one_link, &l);
}

static int probe_link(struct cp_upgrade *u, const char *pin, const char *program, int prog_fd)
{
	int old = running_program(&u->dir, pin), err;

	if (old < 0)
		return 0; /* its device is gone */
	err = cp_probe_packets(program, old, prog_fd);
	close(old);
	return err;
}

static int fail_stage(const struct cp_upgrade *u, const char *name, int err)
{
	return cp_fail(-err, "%s/%s: %s; nothing was changed; run as root", u->staging.path, name,
		       strerror(-err));
}

static int stage_link(struct cp_upgrade *u, const char *pin, const char *program, int prog_fd)
{
	char name[NAME_MAX + 8];
	int old = running_program(&u->dir, pin), err;

	(void)program;
	if (old < 0)
		return 0;
	snprintf(name, sizeof(name), CP_OLD "%s", pin);
	err = cp_pin_put(&u->staging, name, old);
	close(old);
	if (!err && !strncmp(pin, "cls_", 4)) { /* the record */
		snprintf(name, sizeof(name), CP_NEW "%s", pin);
		err = cp_pin_put(&u->staging, name, prog_fd);
	}
	return err ? fail_stage(u, name, err) : 0;
}

static int swap_link(struct cp_upgrade *u, const char *pin, const char *program, int prog_fd)
{
	int err = cp_swap(&u->dir, pin, prog_fd);

	(void)program;
	u->report->links += !err;
	return err ? cp_fail(-err, "%s/%s: its new program: %s", u->dir.path, pin, strerror(-err))
		   : 0;
}

/* ---- steps ---- */

static int stage_new(struct cp_upgrade *u, const char *pin, int fd)
{
	char name[NAME_MAX + 8];
	int err;

	snprintf(name, sizeof(name), CP_NEW "%s", pin);
	err = cp_pin_put(&u->staging, name, fd);
	return err ? fail_stage(u, name, err) : 0;
}

static int stage_programs(struct cp_upgrade *u)
{
	struct bpf_program *prog;
	size_t i;
	int err = 0;

	for (i = 0; i < CP_PARTS; i++) {
		if (!u->objects[i])
			continue;
		bpf_object__for_each_program (prog, u->objects[i])
			if (!err && cp_pin_there(&u->dir, bpf_program__name(prog)))
				err = stage_new(u, bpf_program__name(prog), bpf_program__fd(prog));
	}
	return err;
}

struct qdiscs {
	struct cp_upgrade *u;
	int fd;
};

static int stage_qdisc(const char *pin, void *arg)
{
	const struct qdiscs *q = arg;

	return stage_new(q->u, pin, q->fd);
}

/* What says that we made a qdisc (tc.c) is a program, and would keep the old ones' maps. */
static int stage_qdiscs(struct cp_upgrade *u)
{
	struct qdiscs q = {u, cp_upgrade_program(u, CP_PROG_EP_TO)};

	if (q.fd < 0)
		q.fd = cp_upgrade_program(u, CP_PROG_UPLINK_OUT);
	return q.fd < 0 ? 0 : cp_pins_each(&u->dir, "qdisc_", stage_qdisc, &q);
}

/* All that is needed to go back, or on, from wherever we are killed. */
static int stage(struct cp_upgrade *u)
{
	size_t i;
	int err = for_each_link(u, stage_link);

	for (i = 0; i < u->n_maps && !err; i++)
		if (u->maps[i].make)
			err = stage_new(u, u->maps[i].name, u->maps[i].fd);
	if (!err)
		err = stage_programs(u);
	if (!err)
		err = stage_qdiscs(u);
	if (!err) {
		err = cp_version_write(&u->staging, CP_NEW CP_VERSION);
		if (err)
			fail_stage(u, CP_NEW CP_VERSION, err);
	}
	return err;
}

/* Links of tracepoints and of the LSM cannot get another program: the new ones are attached beside
 * the old ones, which go when the new ones take their pins. So none is unseen, and what happens in
 * between is told twice. */
static int attach_traces(struct cp_upgrade *u)
{
	struct bpf_program *prog;
	char pin[NAME_MAX + 1];
	size_t i;
	int err = 0;

	for (i = 0; i < CP_PARTS; i++) {
		if (!u->objects[i] || !cp_upgrade_trace(i))
			continue;
		bpf_object__for_each_program (prog, u->objects[i]) {
			if (err || !bpf_program__autoload(prog))
				continue;
			snprintf(pin, sizeof(pin), CP_NEW "%s%s", cp_upgrade_trace(i),
				 bpf_program__name(prog));
			err = cp_trace_attach(&u->staging, bpf_program__fd(prog), pin);
			if (err)
				cp_fail(-err, "attach the new %s: %s", bpf_program__name(prog),
					strerror(-err));
			u->report->links += !err;
		}
	}
	return err;
}

/* Readers may look while it runs; who wants to change something waits for the folder's lock. */
static int probe(struct cp_upgrade *u)
{
	int err;

	if (!u->req->probe)
		return 0;
	flock(u->dir.fd, LOCK_SH);
	err = cp_probe_command(u->req->probe, u->req->probe_seconds ?: 10);
	flock(u->dir.fd, LOCK_EX);
	return err;
}

static int commit(struct cp_upgrade *u)
{
	if (mkdirat(u->staging.fd, CP_COMMIT, 0700))
		return fail_stage(u, CP_COMMIT, -errno);
	return 0;
}

/* The error's text is kept, with what came of it. */
static int fail_back(struct cp_upgrade *u, int err)
{
	char *why = strdup(corepath_error());
	int back = cp_staging_settle(&u->dir, &u->staging);

	if (back)
		return cp_fail(-back, "%s; and %s", why ?: "", strdup(corepath_error()) ?: "");
	cp_fail(-err, "%s; taken back: %s runs as before", why ?: "", u->report->from.version);
	free(why);
	return err;
}

static int run(struct cp_upgrade *u)
{
	int err = cp_upgrade_load(u);

	if (!err)
		err = cp_upgrade_carry(u, false);
	if (!err)
		err = for_each_link(u, probe_link);
	if (err)
		return err;
	err = cp_staging_open(&u->dir, &u->staging, true);
	if (err)
		return fail_stage(u, "", err);
	err = stage(u);
	if (!err)
		err = attach_traces(u);
	if (!err)
		err = for_each_link(u, swap_link);
	if (!err)
		err = cp_upgrade_carry(u, true);
	if (!err)
		err = probe(u);
	if (!err)
		err = commit(u);
	return err ? fail_back(u, err) : cp_staging_settle(&u->dir, &u->staging);
}

int corepath_upgrade(const struct corepath_upgrade_request *req,
		     struct corepath_upgrade_report *report)
{
	struct cp_upgrade u = {.req = req, .report = report};
	int err;

	*report = (struct corepath_upgrade_report){};
	err = cp_dir_open(&u.dir, req->pin_dir, CP_UPGRADE);
	if (err)
		return err;
	cp_version_read(&u.dir, &report->from);
	if (!*report->from.version)
		strcpy(report->from.version, "of before 0.1.0");
	err = run(&u);
	cp_upgrade_free(&u);
	cp_dir_close(&u.dir);
	return err;
}
