// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP links in the pin directory, one per device, pinned as xdp_IFINDEX_NAME.
 *
 * bpffs takes no '.' in a name (bpf_lookup() in kernel/bpf/inode.c) and a device name may have
 * one (eth0.100), so '.' is written ':', which a device name cannot have (dev_valid_name()).
 */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "internal.h"

static const char *const state_names[] = {
	[COREPATH_ATTACHED] = "attached",
	[COREPATH_GONE] = "gone",
	[COREPATH_ELSEWHERE] = "elsewhere",
};

static const char *const mode_names[] = {
	[COREPATH_XDP_AUTO] = "auto",
	[COREPATH_XDP_NATIVE] = "native",
	[COREPATH_XDP_GENERIC] = "generic",
};

const char *corepath_state_name(enum corepath_state state)
{
	return state_names[state];
}

const char *corepath_xdp_mode_name(enum corepath_xdp_mode mode)
{
	return mode_names[mode];
}

static void translate(char *s, char from, char to)
{
	for (; *s; s++)
		if (*s == from)
			*s = to;
}

static void pin_name(const struct corepath_attachment *a, char *pin)
{
	snprintf(pin, NAME_MAX + 1, "xdp_%u_%s", a->ifindex, a->dev);
	translate(pin, '.', ':');
}

static bool pin_parse(const char *pin, struct corepath_attachment *a)
{
	int end = 0;

	/* 15 is IF_NAMESIZE less the NUL */
	if (sscanf(pin, "xdp_%u_%15s%n", &a->ifindex, a->dev, &end) != 2 || pin[end])
		return false;
	translate(a->dev, ':', '.');
	return true;
}

/* Compares the link with what the device says it runs: an ifindex means nothing outside its
 * network namespace, and the kernel does not tell a link's. */
static void find_state(struct corepath_attachment *a, __u32 link_ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	a->mode = COREPATH_XDP_AUTO;
	if (!link_ifindex) {
		a->state = COREPATH_GONE;
		return;
	}
	a->state = COREPATH_ELSEWHERE;
	if (bpf_xdp_query(a->ifindex, 0, &q))
		return;
	if (q.drv_prog_id == a->prog_id)
		a->mode = COREPATH_XDP_NATIVE;
	else if (q.skb_prog_id == a->prog_id)
		a->mode = COREPATH_XDP_GENERIC;
	else
		return;
	a->state = COREPATH_ATTACHED;
	if_indextoname(a->ifindex, a->dev);
}

static int link_read(const struct cp_dir *dir, struct cp_link *l)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd, err;

	fd = cp_pin_get(dir, l->pin);
	if (fd < 0)
		return cp_fail(-fd, "link %s/%s: %s; remove the file if it is not a link",
			       dir->path, l->pin, strerror(-fd));
	err = bpf_link_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err)
		return cp_fail(-err, "link %s/%s: its info: %s; needs kernel 5.9 or later",
			       dir->path, l->pin, strerror(-err));
	l->at.prog_id = info.prog_id;
	l->at.link_id = info.id;
	find_state(&l->at, info.xdp.ifindex);
	return 0;
}

struct reading {
	const struct cp_dir *dir;
	struct cp_link *list;
	size_t n;
};

static int read_one(const char *name, void *arg)
{
	struct reading *r = arg;
	struct cp_link l = {}, *grown;
	int err;

	if (!pin_parse(name, &l.at))
		return 0;
	strcpy(l.pin, name);
	err = link_read(r->dir, &l);
	if (err)
		return err;
	grown = reallocarray(r->list, r->n + 1, sizeof(*grown));
	if (!grown)
		return cp_fail(ENOMEM, "list of links: out of memory; free some");
	r->list = grown;
	grown[r->n++] = l;
	return 0;
}

int cp_links_read(const struct cp_dir *dir, struct cp_link **links, size_t *n)
{
	struct reading r = {.dir = dir};
	int err = cp_pins_each(dir, "", read_one, &r);

	if (err)
		free(r.list);
	else
		*links = r.list;
	*n = err ? 0 : r.n;
	return err;
}

int cp_link_remove(const struct cp_dir *dir, const char *pin)
{
	int fd, err;

	/* unlink alone detaches later, from an RCU callback; a caller of `down` expects it done */
	fd = cp_pin_get(dir, pin);
	if (fd < 0)
		return cp_fail(-fd, "detach %s/%s: %s; run as root", dir->path, pin, strerror(-fd));
	err = bpf_link_detach(fd);
	close(fd);
	if (err && err != -ENOLINK) /* the device is gone, and the link dead */
		return cp_fail(-err, "detach %s/%s: %s; unlink it to let it go", dir->path, pin,
			       strerror(-err));
	if (unlinkat(dir->fd, pin, 0))
		return cp_fail(errno, "unpin %s/%s: %s; remove it by hand", dir->path, pin,
			       strerror(errno));
	return 0;
}

static int fail_foreign(const struct corepath_attachment *a, __u32 prog_id)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd >= 0) {
		bpf_prog_get_info_by_fd(fd, &info, &len);
		close(fd);
	}
	return cp_fail(EBUSY,
		       "%s: XDP program '%s' (id %u) is attached, and it is not of this datapath; "
		       "detach it with its own tool, or with 'ip link set dev %s xdp off'",
		       a->dev, info.name[0] ? info.name : "?", prog_id, a->dev);
}

static __u32 running_prog(unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query(ifindex, 0, &q))
		return 0;
	return q.drv_prog_id ?: q.skb_prog_id ?: q.hw_prog_id ?: q.prog_id;
}

int cp_link_check_free(const struct cp_dir *dir, const struct corepath_attachment *a)
{
	__u32 prog_id = running_prog(a->ifindex);
	struct cp_link *links;
	size_t i, n;
	int err;

	err = cp_links_read(dir, &links, &n);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		const struct corepath_attachment *at = &links[i].at;

		if (at->ifindex != a->ifindex)
			continue;
		if (at->state == COREPATH_ATTACHED)
			err = cp_fail(EEXIST,
				      "%s: the datapath is up on it already (%s mode, program id "
				      "%u); to load it anew, run 'corepath down --dev %s' first",
				      a->dev, corepath_xdp_mode_name(at->mode), at->prog_id,
				      a->dev);
		else if (at->state == COREPATH_ELSEWHERE && !strcmp(at->dev, a->dev))
			err = cp_fail(EEXIST,
				      "%s: %s/%s is of a device of the same name and index in "
				      "another network namespace; give each its own --pin-dir",
				      a->dev, dir->path, links[i].pin);
		else if (at->state == COREPATH_GONE) /* its name and index were given again */
			err = cp_link_remove(dir, links[i].pin);
	}
	free(links);
	if (!err && prog_id)
		err = fail_foreign(a, prog_id);
	return err;
}

static int attach(int prog_fd, unsigned int ifindex, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);

	return bpf_link_create(prog_fd, ifindex, BPF_XDP, &opts);
}

/* What a driver answers when it has no XDP, or none for this device as it is set up (MTU,
 * queues, offloads). Anything else is a failure of its own and not a reason to go slower. */
static bool native_unable(int err)
{
	return err == -EOPNOTSUPP || err == -EINVAL || err == -ERANGE;
}

static int fail_attach(const struct corepath_attachment *a, int err, enum corepath_xdp_mode mode)
{
	__u32 prog_id = running_prog(a->ifindex);

	if ((err == -EBUSY || err == -EEXIST) && prog_id)
		return fail_foreign(a, prog_id);
	if (mode == COREPATH_XDP_NATIVE && native_unable(err))
		return cp_fail(-err,
			       "%s: its driver refuses native XDP: %s; lower its MTU or "
			       "use --xdp-mode generic",
			       a->dev, strerror(-err));
	if (err == -EPERM)
		return cp_fail(EPERM, "%s: attach: %s; run as root", a->dev, strerror(-err));
	return cp_fail(-err, "%s: attach in %s mode: %s; see the kernel's log (dmesg)", a->dev,
		       corepath_xdp_mode_name(mode), strerror(-err));
}

int cp_link_create(const struct cp_dir *dir, int prog_fd, enum corepath_xdp_mode mode,
		   struct corepath_attachment *a, char *pin)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd = -EOPNOTSUPP, err;

	a->mode = mode == COREPATH_XDP_GENERIC ? COREPATH_XDP_GENERIC : COREPATH_XDP_NATIVE;
	if (a->mode == COREPATH_XDP_NATIVE) {
		fd = attach(prog_fd, a->ifindex, XDP_FLAGS_DRV_MODE);
		if (fd < 0 && mode == COREPATH_XDP_AUTO && native_unable(fd)) {
			a->native_error = -fd;
			a->mode = COREPATH_XDP_GENERIC;
		}
	}
	if (a->mode == COREPATH_XDP_GENERIC)
		fd = attach(prog_fd, a->ifindex, XDP_FLAGS_SKB_MODE);
	if (fd < 0)
		return fail_attach(a, fd, a->mode);

	pin_name(a, pin);
	err = cp_pin_put(dir, pin, fd);
	if (err)
		err = cp_fail(-err, "%s: pin its link as %s/%s: %s; run 'corepath down' and retry",
			      a->dev, dir->path, pin, strerror(-err));
	else if (!bpf_link_get_info_by_fd(fd, &info, &len)) {
		a->prog_id = info.prog_id;
		a->link_id = info.id;
	}
	if (err)
		bpf_link_detach(fd);
	close(fd);
	a->state = COREPATH_ATTACHED;
	return err;
}
