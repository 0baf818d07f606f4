// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services for the sockets of a cgroup: one link per program and cgroup, pinned as
 * cgroup_ID_PROGRAM. ID is the cgroup's inode number, which the kernel gives to no other one while
 * it lives, and by which a link says where it is.
 *
 * Every hook is in our oldest kernel (getpeername since 5.8: 1b66d253610c, sock_release since 5.9:
 * f5836749c9c0), so no program is optional.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "compat.h"
#include "refusal.h"
#include "sock_lb.skel.h"
#include "sockets.h"
#include "upgrade.h"

const void *cp_elf_sockets(size_t *size)
{
	return sock_lb__elf_bytes(size);
}

/* In this order they are attached: the way back is there before the way forth. */
static const struct {
	const char *name;
	enum bpf_attach_type type;
} programs[] = {
	{"sock_release", BPF_CGROUP_INET_SOCK_RELEASE},
	{"sock_getpeer4", BPF_CGROUP_INET4_GETPEERNAME},
	{"sock_getpeer6", BPF_CGROUP_INET6_GETPEERNAME},
	{"sock_recvmsg4", BPF_CGROUP_UDP4_RECVMSG},
	{"sock_recvmsg6", BPF_CGROUP_UDP6_RECVMSG},
	{"sock_sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
	{"sock_sendmsg6", BPF_CGROUP_UDP6_SENDMSG},
	{"sock_connect4", BPF_CGROUP_INET4_CONNECT},
	{"sock_connect6", BPF_CGROUP_INET6_CONNECT},
};
#define N_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static const char *const map_names[] = {CP_MAP_SOCK_PEERS, "sock_flows"};
#define N_MAPS (sizeof(map_names) / sizeof(map_names[0]))

static const char *const state_names[] = {
	[COREPATH_CGROUP_ATTACHED] = "attached",
	[COREPATH_CGROUP_PARTLY] = "partly",
	[COREPATH_CGROUP_GONE] = "gone",
};

const char *corepath_cgroup_state_name(enum corepath_cgroup_state state)
{
	return state_names[state];
}

static void pin_name(__u64 id, size_t program, char pin[NAME_MAX + 1])
{
	snprintf(pin, NAME_MAX + 1, "cgroup_%llu_%s", id, programs[program].name);
}

static bool pin_parse(const char *pin, __u64 *id)
{
	char program[NAME_MAX + 1];
	size_t i;

	if (sscanf(pin, "cgroup_%llu_%255s", id, program) != 2)
		return false;
	for (i = 0; i < N_PROGRAMS; i++)
		if (!strcmp(program, programs[i].name))
			return true;
	return false;
}

/* The cgroup, open, and its number. */
static int open_cgroup(const char *path, __u64 *id)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;
	int err;

	if (fd < 0 || fstatfs(fd, &fs) || fstat(fd, &st)) {
		err = errno;
		if (fd >= 0)
			close(fd);
		return cp_fail(err, "cgroup %s: %s; give its folder, such as /sys/fs/cgroup", path,
			       strerror(err));
	}
	if ((unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC) {
		close(fd);
		return cp_fail(EINVAL,
			       "cgroup %s: not a cgroup of version 2, and no other has programs; "
			       "mount one (mount -t cgroup2 none DIR) and give a folder of it",
			       path);
	}
	*id = st.st_ino;
	return fd;
}

/* ---- what is attached ---- */

/* Of struct file_handle's forms, the one cgroup file systems take (include/linux/exportfs.h):
 * the inode number alone. */
#define FILEID_KERNFS 0xfe

static char *path_on(const char *mount, __u64 id)
{
	struct {
		struct file_handle handle;
		__u64 id;
	} h = {.handle = {.handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS}};
	char link[64], path[PATH_MAX], *found = NULL;
	int at = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	ssize_t n;

	if (at < 0)
		return NULL;
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(at, &h.handle, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path));
		if (n > 0 && (size_t)n < sizeof(path))
			found = strndup(path, n);
		close(fd);
	}
	close(at);
	return found;
}

static char *path_of(__u64 id)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	char *path = NULL;

	while (mounts && !path && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			path = path_on(m->mnt_dir, id);
	if (mounts)
		endmntent(mounts);
	return path;
}

struct reading {
	struct corepath_cgroup *list;
	size_t n;
};

/* A cgroup has a pin for each program. */
static int add_once(const char *name, void *arg)
{
	struct reading *r = arg;
	struct corepath_cgroup *grown;
	__u64 id;
	size_t i;

	if (!pin_parse(name, &id))
		return 0;
	for (i = 0; i < r->n; i++)
		if (r->list[i].id == id)
			return 0;
	grown = reallocarray(r->list, r->n + 1, sizeof(*grown));
	if (!grown)
		return cp_fail(ENOMEM, "list of cgroups: out of memory; free some");
	r->list = grown;
	grown[r->n++] = (struct corepath_cgroup){.id = id};
	return 0;
}

static int read_state(const struct cp_dir *dir, struct corepath_cgroup *c)
{
	struct bpf_link_info info;
	char pin[NAME_MAX + 1];
	__u32 len;
	size_t i;
	int err, fd;

	c->state = COREPATH_CGROUP_ATTACHED;
	for (i = 0; i < N_PROGRAMS; i++) {
		pin_name(c->id, i, pin);
		fd = cp_pin_get(dir, pin);
		if (fd == -ENOENT) {
			c->state = COREPATH_CGROUP_PARTLY;
			continue;
		}
		len = sizeof(info);
		memset(&info, 0, len);
		err = fd < 0 ? fd : bpf_link_get_info_by_fd(fd, &info, &len);
		if (fd >= 0)
			close(fd);
		if (err)
			return cp_fail(-err, "link %s/%s: %s; run as root", dir->path, pin,
				       strerror(-err));
		if (!info.cgroup.cgroup_id) {
			c->state = COREPATH_CGROUP_GONE;
			return 0;
		}
	}
	c->path = path_of(c->id);
	return 0;
}

static int read_cgroups(const struct cp_dir *dir, struct corepath_cgroup **list, size_t *n)
{
	struct reading r = {};
	int err = cp_pins_each(dir, "", add_once, &r);
	size_t i;

	for (i = 0; i < r.n && !err; i++)
		err = read_state(dir, &r.list[i]);
	if (err) {
		corepath_socket_free(r.list, r.n);
		r = (struct reading){};
	}
	*list = r.list;
	*n = r.n;
	return err;
}

int corepath_socket_status(const char *pin_dir, struct corepath_cgroup **list, size_t *n)
{
	struct cp_dir dir;
	int err;

	*list = NULL;
	*n = 0;
	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	err = read_cgroups(&dir, list, n);
	cp_dir_close(&dir);
	return err;
}

void corepath_socket_free(struct corepath_cgroup *list, size_t n)
{
	size_t i;

	for (i = 0; list && i < n; i++)
		free(list[i].path);
	free(list);
}

/* ---- detaching ---- */

/* Those that are there, the last attached first. */
static int detach(const struct cp_dir *dir, __u64 id)
{
	char pin[NAME_MAX + 1];
	int err = 0;
	size_t i;

	for (i = N_PROGRAMS; i-- && !err;) {
		pin_name(id, i, pin);
		if (cp_pin_there(dir, pin))
			err = cp_link_remove(dir, pin);
	}
	return err;
}

static int detach_all(const struct cp_dir *dir)
{
	struct corepath_cgroup *list;
	size_t i, n;
	int err;

	err = read_cgroups(dir, &list, &n);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = detach(dir, list[i].id);
	corepath_socket_free(list, n);
	return err;
}

static int detach_one(const struct cp_dir *dir, const char *cgroup)
{
	char pin[NAME_MAX + 1];
	__u64 id;
	size_t i;
	int fd;

	fd = open_cgroup(cgroup, &id);
	if (fd < 0)
		return fd;
	close(fd);
	for (i = 0; i < N_PROGRAMS; i++) {
		pin_name(id, i, pin);
		if (cp_pin_there(dir, pin))
			return detach(dir, id);
	}
	return cp_fail(ENOENT,
		       "cgroup %s: its sockets are not balanced; 'corepath socket-lb status' shows "
		       "whose are",
		       cgroup);
}

int corepath_socket_down(const char *pin_dir, const char *cgroup)
{
	struct cp_dir dir;
	int err;

	err = cp_dir_open(&dir, pin_dir, CP_CHANGE);
	if (err)
		return err;
	err = cgroup ? detach_one(&dir, cgroup) : detach_all(&dir);
	cp_dir_close(&dir);
	return err;
}

int cp_sockets_remove(const struct cp_dir *dir)
{
	int err = detach_all(dir);
	size_t i;

	for (i = 0; i < N_MAPS && !err; i++)
		err = cp_pin_remove(dir, map_names[i]);
	return err;
}

/* ---- attaching ---- */

static int check_free(const struct cp_dir *dir, const char *cgroup, __u64 id)
{
	struct corepath_cgroup c = {.id = id};
	int err;

	err = read_state(dir, &c);
	free(c.path);
	if (err)
		return err;
	if (c.state == COREPATH_CGROUP_ATTACHED)
		return cp_fail(EEXIST,
			       "cgroup %s: its sockets are balanced already; to load the programs "
			       "anew, run 'corepath socket-lb down --cgroup %s' first",
			       cgroup, cgroup);
	return detach(dir, id); /* what a killed command or another cgroup of this number left */
}

static int pin_maps(const struct cp_dir *dir, struct sock_lb *skel)
{
	int err = 0;
	size_t i;

	for (i = 0; i < N_MAPS && !err; i++)
		if (!cp_pin_there(dir, map_names[i]))
			err = cp_pin_put(dir, map_names[i],
					 bpf_object__find_map_fd_by_name(skel->obj, map_names[i]));
	return err;
}

static int load(const struct cp_dir *dir, struct sock_lb **skel)
{
	int err;

	cp_log_start();
	*skel = sock_lb__open();
	err = *skel ? cp_maps_share(dir, (*skel)->obj) : -errno;
	if (!err)
		err = sock_lb__load(*skel);
	if (!err)
		err = pin_maps(dir, *skel);
	return err ? cp_fail_load(err, "load the socket programs") : 0;
}

static int attach(const struct cp_dir *dir, struct sock_lb *skel, size_t i, int cgroup_fd,
		  const char *cgroup, __u64 id)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, programs[i].name);
	char pin[NAME_MAX + 1];
	int fd, err;

	fd = bpf_link_create(bpf_program__fd(prog), cgroup_fd, programs[i].type, NULL);
	if (fd == -EPERM)
		return cp_fail(EPERM,
			       "cgroup %s: attach %s: %s; run as root; or a cgroup above has a "
			       "program that allows none below ('bpftool cgroup tree' shows it)",
			       cgroup, programs[i].name, strerror(EPERM));
	if (fd < 0)
		return cp_fail(-fd, "cgroup %s: attach %s: %s; see the kernel's log (dmesg)",
			       cgroup, programs[i].name, strerror(-fd));
	pin_name(id, i, pin);
	err = cp_pin_put(dir, pin, fd);
	if (err) {
		bpf_link_detach(fd);
		err = cp_fail(-err, "cgroup %s: pin its link as %s/%s: %s; run as root", cgroup,
			      dir->path, pin, strerror(-err));
	}
	close(fd);
	return err;
}

/* Quiet: the text of the error that led here is kept. */
static void undo(const struct cp_dir *dir, __u64 id)
{
	char pin[NAME_MAX + 1];
	size_t i;
	int fd;

	for (i = N_PROGRAMS; i--;) {
		pin_name(id, i, pin);
		fd = cp_pin_get(dir, pin);
		if (fd < 0)
			continue;
		bpf_link_detach(fd);
		close(fd);
		unlinkat(dir->fd, pin, 0);
	}
	if (!dir->created)
		return;
	for (i = 0; i < N_MAPS; i++)
		unlinkat(dir->fd, map_names[i], 0);
	cp_lb_unpin(dir);
	cp_dir_remove(dir);
}

static int up(const struct cp_dir *dir, const char *cgroup, int cgroup_fd, __u64 id)
{
	struct sock_lb *skel = NULL;
	size_t i;
	int err;

	err = check_free(dir, cgroup, id);
	if (err)
		return err;
	err = cp_lb_make_maps(dir);
	if (!err)
		err = load(dir, &skel);
	for (i = 0; i < N_PROGRAMS && !err; i++)
		err = attach(dir, skel, i, cgroup_fd, cgroup, id);
	if (err)
		undo(dir, id);
	sock_lb__destroy(skel);
	return err;
}

int corepath_socket_up(const char *pin_dir, const char *cgroup)
{
	struct cp_dir dir;
	int fd, err;
	__u64 id;

	fd = open_cgroup(cgroup, &id);
	if (fd < 0)
		return fd;
	err = cp_dir_open(&dir, pin_dir, CP_CREATE);
	if (!err) {
		err = up(&dir, cgroup, fd, id);
		cp_dir_close(&dir);
	}
	close(fd);
	return err;
}
