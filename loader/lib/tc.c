// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs on the tc hooks of devices: by a tcx link where the kernel has them (6.6), else by a
 * filter of a clsact qdisc. Whether it has them is found by trying: vendors carry them back.
 *
 * A link is pinned as tcx_KIND_in_IFINDEX_NAME or tcx_KIND_out_...; for a filter its program is, as
 * cls_KIND_..., a record that the filter at our priority is ours. Both come after what others have
 * put on the hook, and let them see what they let pass (TC_ACT_UNSPEC).
 *
 * A clsact qdisc that was made here is remembered as qdisc_IFINDEX_NAME, and goes with our last
 * filter if nobody else has one in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"

/*
 * Where our filter is. The kernel gives priorities from 49152 (0xc000, tcf_auto_prio() in
 * net/sched/cls_api.c) downwards to who asks for none, so ours is behind those.
 */
#define FILTER_PRIORITY 0xc0de
#define FILTER_HANDLE	1

static const char *const mode_names[] = {
	[COREPATH_TC_AUTO] = "auto",
	[COREPATH_TC_TCX] = "tcx",
	[COREPATH_TC_CLSACT] = "clsact",
};

const char *corepath_tc_mode_name(enum corepath_tc_mode mode)
{
	return mode_names[mode];
}

/* bpffs takes no '.', and a device name has no ':' (links.c) */
static void translate(char *s, char from, char to)
{
	for (; *s; s++)
		if (*s == from)
			*s = to;
}

static void pin_name(struct cp_tc *t, enum corepath_tc_mode mode)
{
	t->mode = mode;
	snprintf(t->pin, NAME_MAX + 1, "%s_%s_%s_%u_%s", mode == COREPATH_TC_TCX ? "tcx" : "cls",
		 t->kind, t->egress ? "out" : "in", t->ifindex, t->dev);
	translate(t->pin, '.', ':');
}

static void qdisc_name(const struct cp_tc *t, char pin[NAME_MAX + 1])
{
	snprintf(pin, NAME_MAX + 1, "qdisc_%u_%s", t->ifindex, t->dev);
	translate(pin, '.', ':');
}

static bool pin_parse(const char *pin, struct cp_tc *t)
{
	char how[4], side[4];
	int end = 0;

	/* 15 is IF_NAMESIZE less the NUL */
	if (sscanf(pin, "%3[a-z]_%7[a-z]_%3[a-z]_%u_%15s%n", how, t->kind, side, &t->ifindex,
		   t->dev, &end) != 5 ||
	    pin[end] || strlen(pin) > NAME_MAX || (strcmp(how, "tcx") && strcmp(how, "cls")) ||
	    (strcmp(side, "in") && strcmp(side, "out")))
		return false;
	t->mode = *how == 't' ? COREPATH_TC_TCX : COREPATH_TC_CLSACT;
	t->egress = *side == 'o';
	strcpy(t->pin, pin);
	translate(t->dev, ':', '.');
	return true;
}

static struct bpf_tc_hook hook_of(const struct cp_tc *t)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = t->ifindex,
		.attach_point = t->egress ? BPF_TC_EGRESS : BPF_TC_INGRESS,
	};
}

static enum bpf_attach_type tcx_type(const struct cp_tc *t)
{
	return t->egress ? BPF_TCX_EGRESS : BPF_TCX_INGRESS;
}

/* ---- finding again ---- */

/* A device's index means nothing outside its own network namespace: ask the device. */
static bool tcx_runs(const struct cp_tc *t)
{
	__u32 ids[64], n = 64, i;

	if (bpf_prog_query(t->ifindex, tcx_type(t), 0, NULL, ids, &n))
		return false;
	for (i = 0; i < n; i++)
		if (ids[i] == t->prog_id)
			return true;
	return false;
}

static bool filter_runs(const struct cp_tc *t)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	struct bpf_tc_hook hook = hook_of(t);

	return !bpf_tc_query(&hook, &opts) && opts.prog_id == t->prog_id;
}

static int read_pin(const struct cp_dir *dir, struct cp_tc *t)
{
	struct bpf_link_info link = {};
	struct bpf_prog_info prog = {};
	__u32 link_len = sizeof(link), prog_len = sizeof(prog);
	int err, fd = cp_pin_get(dir, t->pin);

	if (fd < 0)
		return cp_fail(-fd, "%s/%s: %s; remove the file if it is not a link or a program",
			       dir->path, t->pin, strerror(-fd));
	if (t->mode == COREPATH_TC_TCX) {
		err = bpf_link_get_info_by_fd(fd, &link, &link_len);
		t->prog_id = link.prog_id;
		t->state = !cp_tcx_ifindex(&link) ? COREPATH_GONE
			   : tcx_runs(t)	  ? COREPATH_ATTACHED
						  : COREPATH_ELSEWHERE;
	} else {
		err = bpf_prog_get_info_by_fd(fd, &prog, &prog_len);
		t->prog_id = prog.id;
		t->state = filter_runs(t) ? COREPATH_ATTACHED : COREPATH_GONE;
	}
	close(fd);
	if (err)
		return cp_fail(-err, "%s/%s: its info: %s; run as root", dir->path, t->pin,
			       strerror(-err));
	if (t->state == COREPATH_ATTACHED)
		if_indextoname(t->ifindex, t->dev);
	return 0;
}

struct reading {
	const struct cp_dir *dir;
	const char *kind; /* NULL: all */
	struct cp_tc *list;
	size_t n;
};

static int read_one(const char *name, void *arg)
{
	struct reading *r = arg;
	struct cp_tc t = {}, *grown;
	int err;

	if (!pin_parse(name, &t) || (r->kind && strcmp(r->kind, t.kind)))
		return 0;
	err = read_pin(r->dir, &t);
	if (err)
		return err;
	grown = reallocarray(r->list, r->n + 1, sizeof(t));
	if (!grown)
		return cp_fail(ENOMEM, "list of tc programs: out of memory; free some");
	r->list = grown;
	grown[r->n++] = t;
	return 0;
}

int cp_tc_read(const struct cp_dir *dir, const char *kind, struct cp_tc **list, size_t *n)
{
	struct reading r = {.dir = dir, .kind = kind};
	int err;

	cp_log_quiet();
	err = cp_pins_each(dir, "", read_one, &r);
	if (err) {
		free(r.list);
		r.list = NULL;
	}
	*list = r.list;
	*n = err ? 0 : r.n;
	return err;
}

/* ---- attaching ---- */

static int pin_as(const struct cp_dir *dir, const char *pin, int fd, const struct cp_tc *t)
{
	int err = cp_pin_put(dir, pin, fd);

	if (err == -EEXIST)
		return cp_fail(EEXIST,
			       "%s: %s/%s is there already; 'corepath endpoint list' shows what is "
			       "attached, 'corepath down' removes all",
			       t->dev, dir->path, pin);
	if (err)
		return cp_fail(-err, "%s: pin as %s/%s: %s; run as root", t->dev, dir->path, pin,
			       strerror(-err));
	return 0;
}

/* A negative errno without an error text if the kernel made no link: it may have no tcx. */
static int attach_tcx(const struct cp_dir *dir, const struct cp_tc *t, int prog_fd, int *err)
{
	int fd = bpf_link_create(prog_fd, t->ifindex, tcx_type(t), NULL);

	if (fd < 0)
		return fd;
	*err = pin_as(dir, t->pin, fd, t);
	if (*err)
		bpf_link_detach(fd);
	close(fd);
	return 0;
}

static int make_qdisc(const struct cp_dir *dir, const struct cp_tc *t, int prog_fd)
{
	struct bpf_tc_hook hook = hook_of(t);
	char pin[NAME_MAX + 1];
	int err;

	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	err = bpf_tc_hook_create(&hook);
	if (err == -EEXIST)
		return 0;
	if (err)
		return cp_fail(-err,
			       "%s: a clsact qdisc: %s; the kernel needs CONFIG_NET_SCH_INGRESS "
			       "(module sch_ingress), and we CAP_NET_ADMIN",
			       t->dev, strerror(-err));
	qdisc_name(t, pin);
	unlinkat(dir->fd, pin, 0); /* of a device that was there before */
	return pin_as(dir, pin, prog_fd, t);
}

/* Whether another filter of ours, of the other direction or kind, is in the device's qdisc. */
static bool in_use(const struct cp_dir *dir, const struct cp_tc *t)
{
	bool found = false;
	struct cp_tc *list;
	size_t i, n;

	if (cp_tc_read(dir, NULL, &list, &n))
		return true;
	for (i = 0; i < n; i++)
		found |= list[i].ifindex == t->ifindex && list[i].mode == COREPATH_TC_CLSACT &&
			 list[i].state == COREPATH_ATTACHED;
	free(list);
	return found;
}

/* After a filter of ours is gone: the qdisc, if it was made here and this was the last in it. What
 * others have put into it keeps it, and then it is theirs. */
static void drop_qdisc(const struct cp_dir *dir, const struct cp_tc *t)
{
	struct bpf_tc_hook hook = hook_of(t);
	char pin[NAME_MAX + 1];

	qdisc_name(t, pin);
	if (!cp_pin_there(dir, pin) || in_use(dir, t))
		return;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if (!cp_filters_count(t->ifindex))
		bpf_tc_hook_destroy(&hook);
	unlinkat(dir->fd, pin, 0);
}

static int attach_filter(const struct cp_dir *dir, const struct cp_tc *t, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY);
	struct bpf_tc_hook hook = hook_of(t);
	int err;

	/* the record first: a filter nobody knows of would stay for ever */
	err = pin_as(dir, t->pin, prog_fd, t);
	if (err)
		return err;
	err = make_qdisc(dir, t, prog_fd);
	if (!err) {
		err = bpf_tc_attach(&hook, &opts);
		if (err)
			err = cp_fail(-err,
				      "%s: a filter at priority %d of its clsact qdisc: %s; 'tc "
				      "filter show dev %s %s' shows what is there; the kernel "
				      "needs CONFIG_NET_CLS_BPF (module cls_bpf)",
				      t->dev, FILTER_PRIORITY, strerror(-err), t->dev,
				      t->egress ? "egress" : "ingress");
	}
	if (err) {
		unlinkat(dir->fd, t->pin, 0);
		drop_qdisc(dir, t);
	}
	return err;
}

/* What an earlier device of this index and name, or a killed command, left is removed. */
static int check_free(const struct cp_dir *dir, const struct cp_tc *t, enum corepath_tc_mode mode)
{
	struct cp_tc old = *t;
	int err;

	pin_name(&old, mode);
	if (!cp_pin_there(dir, old.pin))
		return 0;
	err = read_pin(dir, &old);
	if (err)
		return err;
	if (old.state != COREPATH_GONE)
		return cp_fail(EEXIST,
			       "%s: the datapath is on it already (%s, program id %u); remove it "
			       "first",
			       t->dev, mode_names[mode], old.prog_id);
	return cp_tc_detach(dir, &old);
}

int cp_tc_attach(const struct cp_dir *dir, struct cp_tc *t, int prog_fd, enum corepath_tc_mode mode)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int err, refused;

	cp_log_quiet();
	err = check_free(dir, t, COREPATH_TC_TCX);
	if (!err)
		err = check_free(dir, t, COREPATH_TC_CLSACT);
	if (err)
		return err;
	pin_name(t, mode == COREPATH_TC_CLSACT ? COREPATH_TC_CLSACT : COREPATH_TC_TCX);
	if (t->mode == COREPATH_TC_TCX) {
		refused = attach_tcx(dir, t, prog_fd, &err);
		/* before 6.6, or built without CONFIG_NET_XGRESS */
		if ((refused == -EINVAL || refused == -EOPNOTSUPP) && mode == COREPATH_TC_AUTO)
			pin_name(t, COREPATH_TC_CLSACT);
		else if (refused)
			err = cp_fail(-refused,
				      "%s: a tcx link: %s; tcx needs Linux 6.6: use --tc-mode "
				      "clsact or auto",
				      t->dev, strerror(-refused));
	}
	if (t->mode == COREPATH_TC_CLSACT)
		err = attach_filter(dir, t, prog_fd);
	if (err)
		return err;
	t->state = COREPATH_ATTACHED;
	if (!bpf_prog_get_info_by_fd(prog_fd, &info, &len))
		t->prog_id = info.id;
	return 0;
}

int cp_tc_swap(const struct cp_tc *t, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	LIBBPF_OPTS(bpf_tc_opts, now, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook hook = hook_of(t);

	cp_log_quiet();
	if (bpf_tc_query(&hook, &opts))
		return 0;
	return bpf_tc_attach(&hook, &now);
}

/* ---- removing ---- */

int cp_tc_detach(const struct cp_dir *dir, const struct cp_tc *t)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	struct bpf_tc_hook hook = hook_of(t);
	int fd, err = 0;

	if (t->mode == COREPATH_TC_TCX) {
		/* unlink alone detaches later; a caller expects it done */
		fd = cp_pin_get(dir, t->pin);
		err = fd < 0 ? fd : bpf_link_detach(fd);
		if (fd >= 0)
			close(fd);
		if (err == -ENOLINK) /* the device is gone, and the link dead */
			err = 0;
	} else if (t->state == COREPATH_ATTACHED) {
		err = bpf_tc_detach(&hook, &opts);
	}
	if (err)
		return cp_fail(-err, "detach %s/%s: %s; run as root", dir->path, t->pin,
			       strerror(-err));
	if (unlinkat(dir->fd, t->pin, 0))
		return cp_fail(errno, "unpin %s/%s: %s; remove it by hand", dir->path, t->pin,
			       strerror(errno));
	if (t->mode == COREPATH_TC_CLSACT)
		drop_qdisc(dir, t);
	return 0;
}
