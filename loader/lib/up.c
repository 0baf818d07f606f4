// SPDX-License-Identifier: GPL-2.0-only
/* Loading and attaching, all or nothing; and removing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "refusal.h"
#include "sockets.h"
#include "upgrade.h"
#include "xdp_prefilter.skel.h"

const void *cp_elf_prefilter(size_t *size)
{
	return xdp_prefilter__elf_bytes(size);
}

static const char *const map_names[] = {
	CP_MAP_SRC4,	     CP_MAP_SRC6,	 CP_MAP_COUNTERS,   CP_MAP_STAGES,
	CP_MAP_EVENT_CONFIG, CP_MAP_EVENT_RINGS, CP_MAP_EVENT_LOST, CP_MAP_EVENT_MAKING,
};
#define N_MAPS (sizeof(map_names) / sizeof(map_names[0]))

/* What this call made, so that a failure can take it back. */
struct up {
	const struct corepath_up_request *req;
	struct corepath_attachment *out;
	struct cp_dir dir;
	struct xdp_prefilter *skel;
	bool map_shared[N_MAPS]; /* pinned before us */
	bool map_pinned[N_MAPS]; /* pinned by us */
	char (*links)[NAME_MAX + 1];
	size_t n_links;
};

static struct bpf_map *map_of(const struct up *u, size_t i)
{
	return bpf_object__find_map_by_name(u->skel->obj, map_names[i]);
}

static bool is_trie(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_LPM_TRIE;
}

static int check_devices(const struct up *u)
{
	size_t i, j;
	int err;

	for (i = 0; i < u->req->n_devs; i++) {
		struct corepath_attachment *a = &u->out[i];
		const char *dev = u->req->devs[i];

		memset(a, 0, sizeof(*a));
		a->ifindex = if_nametoindex(dev);
		if (!a->ifindex)
			return cp_fail(ENODEV,
				       "%s: no such device in this network namespace; 'ip link' "
				       "lists them",
				       dev);
		strcpy(a->dev, dev); /* if_nametoindex refuses a name that would not fit */
		for (j = 0; j < i; j++)
			if (u->out[j].ifindex == a->ifindex)
				return cp_fail(EINVAL, "%s: named twice; name each device once",
					       dev);
		err = cp_link_check_free(&u->dir, a);
		if (err)
			return err;
	}
	return 0;
}

/* A pinned map is taken over only if it is what this build would have made. */
static int share_map(struct up *u, size_t i, int fd)
{
	struct bpf_map *map = map_of(u, i);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err;

	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (err)
		return cp_fail(-err, "map %s/%s: its info: %s; run as root", u->dir.path,
			       map_names[i], strerror(-err));
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    (!is_trie(map) && info.max_entries != bpf_map__max_entries(map)))
		return cp_fail(EINVAL,
			       "map %s/%s: made by another version of corepath, in another shape; "
			       "run 'corepath upgrade'",
			       u->dir.path, map_names[i]);
	if (is_trie(map) && u->req->max_prefixes && info.max_entries != u->req->max_prefixes)
		return cp_fail(EINVAL,
			       "--max-prefixes %u: the tries are there with %u; leave it out, or "
			       "save 'corepath prefilter list', run 'corepath down' and start anew",
			       u->req->max_prefixes, info.max_entries);
	err = bpf_map__reuse_fd(map, fd);
	if (err)
		return cp_fail(-err, "map %s/%s: reuse: %s; run 'corepath down' and start anew",
			       u->dir.path, map_names[i], strerror(-err));
	u->map_shared[i] = true;
	return 0;
}

static int prepare_maps(struct up *u)
{
	int fd, err;
	size_t i;

	for (i = 0; i < N_MAPS; i++) {
		fd = cp_pin_get(&u->dir, map_names[i]);
		if (fd >= 0) {
			err = share_map(u, i, fd);
			close(fd);
		} else if (fd != -ENOENT) {
			err = cp_fail(-fd, "map %s/%s: %s; run as root", u->dir.path, map_names[i],
				      strerror(-fd));
		} else {
			err = 0;
			if (u->req->max_prefixes && is_trie(map_of(u, i)))
				err = bpf_map__set_max_entries(map_of(u, i), u->req->max_prefixes);
			if (err)
				err = cp_fail(-err, "--max-prefixes %u: %s; try a smaller number",
					      u->req->max_prefixes, strerror(-err));
		}
		if (err)
			return err;
	}
	return 0;
}

static int load(struct up *u)
{
	__u32 stage = COREPATH_STAGE_EVENT;
	int err, event;

	cp_log_start();
	u->skel = xdp_prefilter__open();
	if (!u->skel)
		return cp_fail(errno, "open the built-in BPF object: %s; this build is broken",
			       strerror(errno));
	err = prepare_maps(u);
	if (err)
		return err;
	err = xdp_prefilter__load(u->skel);
	if (!err) {
		event = bpf_program__fd(u->skel->progs.xdp_event);
		err = bpf_map_update_elem(bpf_map__fd(u->skel->maps.xdp_stages), &stage, &event,
					  BPF_ANY);
	}
	return err ? cp_fail_load(err, "load the datapath") : 0;
}

static int pin_maps(struct up *u)
{
	size_t i;
	int err;

	for (i = 0; i < N_MAPS; i++) {
		if (u->map_shared[i])
			continue;
		err = cp_pin_put(&u->dir, map_names[i], bpf_map__fd(map_of(u, i)));
		if (err)
			return cp_fail(-err, "pin map %s/%s: %s; run as root", u->dir.path,
				       map_names[i], strerror(-err));
		u->map_pinned[i] = true;
	}
	return 0;
}

static int attach(struct up *u)
{
	int err, prog_fd = bpf_program__fd(u->skel->progs.xdp_prefilter);
	size_t i;

	u->links = calloc(u->req->n_devs, sizeof(*u->links));
	if (!u->links)
		return cp_fail(ENOMEM, "attach: out of memory; free some");
	for (i = 0; i < u->req->n_devs; i++) {
		err = cp_link_create(&u->dir, prog_fd, u->req->mode, &u->out[i], u->links[i]);
		if (err)
			return err;
		u->n_links++;
	}
	return 0;
}

/* Takes back what this call made. Quiet: the text of the error that led here is kept. */
static void undo(struct up *u)
{
	size_t i;
	int fd;

	for (i = 0; i < u->n_links; i++) {
		fd = cp_pin_get(&u->dir, u->links[i]);
		if (fd >= 0) {
			bpf_link_detach(fd);
			close(fd);
		}
		unlinkat(u->dir.fd, u->links[i], 0);
	}
	for (i = 0; i < N_MAPS; i++)
		if (u->map_pinned[i]) {
			cp_pin_unlink(&u->dir, map_names[i]);
			unlinkat(u->dir.fd, CP_PROG_LB, 0); /* it counts in one of them */
		}
	if (u->dir.created)
		cp_dir_remove(&u->dir);
}

int corepath_up(const struct corepath_up_request *req, struct corepath_attachment *out)
{
	struct up u = {.req = req, .out = out};
	int err;

	err = cp_dir_open(&u.dir, req->pin_dir, CP_CREATE);
	if (err)
		return err;
	err = check_devices(&u);
	if (!err)
		err = load(&u);
	if (!err)
		err = pin_maps(&u);
	if (!err)
		err = cp_lb_resume(&u.dir);
	if (!err)
		err = attach(&u);
	if (err)
		undo(&u);
	free(u.links);
	xdp_prefilter__destroy(u.skel);
	cp_dir_close(&u.dir);
	return err;
}

static struct cp_link *find_link(struct cp_link *links, size_t n, const char *dev)
{
	unsigned int ifindex = if_nametoindex(dev);
	size_t i;

	/* today's name first; a device that is gone is known by its old name only */
	for (i = 0; i < n; i++)
		if (ifindex && links[i].at.ifindex == ifindex &&
		    links[i].at.state == COREPATH_ATTACHED)
			return &links[i];
	for (i = 0; i < n; i++)
		if (!strcmp(links[i].at.dev, dev))
			return &links[i];
	return NULL;
}

static int down_devices(const struct cp_dir *dir, struct cp_link *links, size_t n,
			const char *const *devs, size_t n_devs)
{
	size_t i;
	int err;

	for (i = 0; i < n_devs; i++)
		if (!find_link(links, n, devs[i]))
			return cp_fail(ENOENT,
				       "%s: the datapath is not up on it, so nothing was "
				       "detached; 'corepath status' shows where it is",
				       devs[i]);
	for (i = 0; i < n_devs; i++) {
		err = cp_link_remove(dir, find_link(links, n, devs[i])->pin);
		if (err)
			return err;
	}
	return 0;
}

static int detach_tc(const struct cp_dir *dir)
{
	struct cp_tc *list;
	size_t i, n;
	int err = cp_tc_read(dir, NULL, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = cp_tc_detach(dir, &list[i]);
	free(list);
	return err;
}

static int down_all(const struct cp_dir *dir, struct cp_link *links, size_t n)
{
	size_t i;
	int err;

	err = detach_tc(dir);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		err = cp_link_remove(dir, links[i].pin);
		if (err)
			return err;
	}
	cp_watch_sweep(dir, true);
	for (i = 0; i < N_MAPS; i++) {
		err = cp_pin_remove(dir, map_names[i]);
		if (err)
			return err;
	}
	err = cp_security_unpin(dir);
	if (!err)
		err = cp_processes_unpin(dir);
	if (!err)
		err = cp_sockets_remove(dir);
	if (!err)
		err = cp_lb_unpin(dir);
	if (!err)
		cp_policy_down(dir);
	if (!err)
		err = cp_ep_unpin(dir);
	if (!err)
		err = cp_guard_unpin(dir);
	if (!err)
		err = cp_uplink_unpin(dir);
	if (err)
		return err;
	err = cp_dir_remove(dir);
	return err ? cp_fail(-err,
			     "remove %s: %s; the datapath is down, what is left there is not "
			     "corepath's",
			     dir->path, strerror(-err))
		   : 0;
}

int corepath_down(const char *pin_dir, const char *const *devs, size_t n_devs)
{
	struct cp_link *links;
	struct cp_dir dir;
	size_t n;
	int err;

	err = cp_dir_open(&dir, pin_dir, n_devs ? CP_CHANGE : CP_DOWN);
	if (err)
		return err;
	err = cp_links_read(&dir, &links, &n);
	if (!err) {
		if (n_devs)
			err = down_devices(&dir, links, n, devs, n_devs);
		else
			err = down_all(&dir, links, n);
		free(links);
	}
	cp_dir_close(&dir);
	return err;
}
