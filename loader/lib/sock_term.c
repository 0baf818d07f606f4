// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing the sockets that are connected to a backend which goes: by BPF iterators where the kernel
 * has bpf_sock_destroy (6.5), else by netlink. Both see the network namespace of who asks, so each
 * that a process is in is visited.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "compat.h"
#include "sock_term.skel.h"
#include "sockets.h"

struct term {
	struct cp_sock *socks;
	size_t n;
	size_t closed;
	struct sock_term *skel; /* NULL: by netlink */
	ino_t *seen;		/* namespaces */
	size_t n_seen;
};

/* The sockets that were sent to the backend, connected or not. */
static int read_socks(struct term *t, int peers, __u32 backend, __u32 generation)
{
	struct corepath_sock_key key, *last = NULL;
	struct bpf_map_info info = {};
	struct corepath_sock_peer peer;
	__u32 len = sizeof(info), i;
	struct cp_sock *grown;
	int err;

	err = bpf_map_get_info_by_fd(peers, &info, &len);
	/* a key that goes while it is the last one read starts it anew: bounded */
	for (i = 0; !err && i < 2 * info.max_entries; i++, last = &key) {
		if (bpf_map_get_next_key(peers, last, &key))
			break;
		if (bpf_map_lookup_elem(peers, &key, &peer) || peer.backend != backend ||
		    peer.generation != generation)
			continue;
		grown = reallocarray(t->socks, t->n + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		t->socks = grown;
		grown[t->n++] = (struct cp_sock){key, peer.proto};
	}
	return err;
}

/* ---- by iterators ---- */

static int iterate(const struct bpf_program *prog)
{
	int err = 0, iter, link;
	char ignored[64];
	ssize_t n = 1;

	link = bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		return link;
	iter = bpf_iter_create(link); /* of the present namespace */
	while (iter >= 0 && n > 0) {
		n = read(iter, ignored, sizeof(ignored));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			n = 1;
		else if (n < 0)
			err = -errno;
	}
	if (iter >= 0)
		close(iter);
	close(link);
	return iter < 0 ? iter : err;
}

static int close_by_iterators(struct term *t)
{
	int err = iterate(t->skel->progs.sock_term_tcp);

	if (!err)
		err = iterate(t->skel->progs.sock_term_udp);
	if (!err && !t->skel->bss->term_able)
		err = -EOPNOTSUPP;
	t->closed += t->skel->bss->term_closed;
	t->skel->bss->term_closed = 0;
	return err;
}

static void load(struct term *t, const struct cp_dir *dir, __u32 backend, __u32 generation)
{
	cp_log_start();
	t->skel = sock_term__open();
	if (!t->skel)
		return;
	if (cp_maps_share(dir, t->skel->obj) || sock_term__load(t->skel)) {
		sock_term__destroy(t->skel);
		t->skel = NULL;
		return;
	}
	t->skel->bss->term_backend = backend;
	t->skel->bss->term_generation = generation;
}

bool cp_sockets_closable(void)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sock_term *skel;
	bool able = false;

	cp_log_start();
	skel = sock_term__open_and_load();
	/* bound, or the iterator does not come by */
	if (skel && fd >= 0 && !bind(fd, (struct sockaddr *)&any, sizeof(any)) &&
	    !iterate(skel->progs.sock_term_udp))
		able = skel->bss->term_able;
	sock_term__destroy(skel);
	if (fd >= 0)
		close(fd);
	return able;
}

/* In the present namespace. */
static int close_here(struct term *t)
{
	if (t->skel && !close_by_iterators(t))
		return 0;
	sock_term__destroy(t->skel);
	t->skel = NULL;
	return cp_diag_close(t->socks, t->n, &t->closed);
}

/* ---- namespaces ---- */

static bool is_new(struct term *t, int ns)
{
	struct stat st;
	ino_t *grown;
	size_t i;

	if (fstat(ns, &st))
		return false;
	for (i = 0; i < t->n_seen; i++)
		if (t->seen[i] == st.st_ino)
			return false;
	grown = reallocarray(t->seen, t->n_seen + 1, sizeof(*grown));
	if (!grown)
		return false;
	t->seen = grown;
	grown[t->n_seen++] = st.st_ino;
	return true;
}

static int visit(struct term *t, const char *pid)
{
	char path[64];
	int ns, err = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return errno == ENOENT ? 0 : -errno; /* it has ended */
	if (is_new(t, ns)) {
		err = setns(ns, CLONE_NEWNET) ? -errno : 0;
		if (!err)
			err = close_here(t);
	}
	close(ns);
	return err;
}

/* Our own namespace first, which most sockets are in; the others until all sockets are closed. */
static int visit_all(struct term *t)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), err;
	struct dirent *e;
	DIR *proc;

	if (home < 0)
		return -errno;
	is_new(t, home);
	err = close_here(t);
	proc = opendir("/proc");
	if (!proc && !err)
		err = -errno;
	while (proc && !err && t->closed < t->n && (e = readdir(proc)))
		if (isdigit((unsigned char)*e->d_name))
			err = visit(t, e->d_name);
	if (proc)
		closedir(proc);
	if (t->n_seen > 1 && setns(home, CLONE_NEWNET) && !err)
		err = -errno;
	close(home);
	return err;
}

void cp_sockets_close(const struct cp_dir *dir, __u32 backend, __u32 generation)
{
	struct term t = {};
	int err, peers;

	peers = cp_pin_get(dir, CP_MAP_SOCK_PEERS);
	if (peers < 0)
		return; /* no socket was ever sent anywhere */
	err = read_socks(&t, peers, backend, generation);
	close(peers);
	if (!err && t.n) {
		load(&t, dir, backend, generation);
		err = visit_all(&t);
	}
	if (err == -EOPNOTSUPP || err == -ENOENT)
		cp_note("done, but sockets connected to the backend stay so until they fail: this "
			"kernel can close them neither by BPF (bpf_sock_destroy, 6.5) nor by netlink "
			"(CONFIG_INET_DIAG_DESTROY and the modules tcp_diag and udp_diag)");
	else if (err)
		cp_note("done, but not all sockets connected to the backend could be closed: %s; run "
			"as root",
			strerror(-err));
	sock_term__destroy(t.skel);
	free(t.socks);
	free(t.seen);
}
