// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching: a ring of one's own, which the datapath fills with the packets one asked for.
 *
 * A watcher is a number from 0 to COREPATH_WATCHERS - 1: its ring's place in event_rings and its
 * bit in event_config. It is held by a lock on the folder watcher_N in the pin directory, which the
 * kernel lets go of when the process ends, however it ends. What a killed watcher leaves costs the
 * datapath a lost event for each packet, until the next who watches sweeps it away.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "internal.h"

struct corepath_watch {
	struct cp_dir dir; /* not open, but while something changes */
	char *pin_dir;
	unsigned int number;
	int lock; /* of the folder */
	int rings, config, lost;
	struct ring_buffer *reader;
	corepath_watch_fn fn;
	void *arg;
};

static void folder_name(unsigned int number, char name[32])
{
	snprintf(name, 32, "watcher_%u", number);
}

/* The locked folder of a watcher's number; -EWOULDBLOCK if somebody has it. */
static int folder_lock(const struct cp_dir *dir, unsigned int number, bool make)
{
	char name[32];
	int fd, err;

	folder_name(number, name);
	if (make && mkdirat(dir->fd, name, 0700) && errno != EEXIST)
		return -errno;
	fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void want_each(__u8 *watchers, size_t n, unsigned int number, const bool *wanted)
{
	size_t i;

	for (i = 0; i < n; i++) {
		watchers[i] &= ~(1u << number);
		if (wanted && wanted[i])
			watchers[i] |= 1u << number;
	}
}

/* Writes a watcher's bit of every reason and kind; NULL: none. The caller has the directory's
 * exclusive lock, so nobody else writes. */
static int want(int config, unsigned int number, const bool *reasons, const bool *kinds)
{
	struct corepath_event_config c;
	__u32 zero = 0;
	int err;

	err = bpf_map_lookup_elem(config, &zero, &c);
	if (err)
		return err;
	want_each(c.wanted, COREPATH_DROP_COUNT, number, reasons);
	want_each(c.kinds, COREPATH_EVENT_KINDS, number, kinds);
	return bpf_map_update_elem(config, &zero, &c, BPF_ANY);
}

/* Nobody watches processes any more: who does not is not to pay for it. */
static void detach_unwanted(const struct cp_dir *dir, int config)
{
	struct corepath_event_config c;
	__u32 zero = 0;
	size_t i;

	if (bpf_map_lookup_elem(config, &zero, &c))
		return;
	for (i = 0; i < COREPATH_KINDS_MAX; i++)
		if (c.kinds[i])
			return;
	cp_processes_detach(dir);
}

void cp_watch_sweep(const struct cp_dir *dir, bool all)
{
	int rings = cp_pin_get(dir, CP_MAP_EVENT_RINGS);
	int config = cp_pin_get(dir, CP_MAP_EVENT_CONFIG);
	char name[32];
	__u32 i;
	int fd;

	for (i = 0; i < COREPATH_WATCHERS; i++) {
		fd = folder_lock(dir, i, false);
		if (fd == -ENOENT || (fd < 0 && !all))
			continue;
		want(config, i, NULL, NULL);
		bpf_map_delete_elem(rings, &i);
		folder_name(i, name);
		unlinkat(dir->fd, name, AT_REMOVEDIR);
		if (fd >= 0)
			close(fd);
	}
	if (config >= 0)
		detach_unwanted(dir, config);
	if (rings >= 0)
		close(rings);
	if (config >= 0)
		close(config);
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct corepath_watch *w = ctx;
	const struct corepath_event *e = data;

	if (size < sizeof(*e) || e->size > size)
		return 0; /* of a datapath that we do not know */
	return w->fn(e, w->arg);
}

static int claim(struct corepath_watch *w)
{
	unsigned int i;

	for (i = 0; i < COREPATH_WATCHERS; i++) {
		w->lock = folder_lock(&w->dir, i, true);
		if (w->lock >= 0) {
			w->number = i;
			return 0;
		}
		if (w->lock != -EWOULDBLOCK)
			return cp_fail(-w->lock, "watch %s: %s; run as root", w->dir.path,
				       strerror(-w->lock));
	}
	return cp_fail(EBUSY, "watch %s: %d are watching, and there is no room for more; end one",
		       w->dir.path, COREPATH_WATCHERS);
}

static int make_ring(struct corepath_watch *w, size_t bytes)
{
	int ring, err;

	ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "event_ring", 0, 0, bytes, NULL);
	if (ring < 0)
		return cp_fail(-ring,
			       "a ring of %zu bytes: %s; its size must be a power of two and whole "
			       "pages",
			       bytes, strerror(-ring));
	w->reader = ring_buffer__new(ring, on_event, w, NULL);
	err = w->reader ? 0 : -errno;
	if (!err)
		err = cp_percpu_clear(w->lost, w->number, 1);
	if (!err)
		err = bpf_map_update_elem(w->rings, &w->number, &ring, BPF_ANY);
	close(ring);
	return err ? cp_fail(-err, "watch %s: %s; run as root", w->dir.path, strerror(-err)) : 0;
}

static int open_maps(struct corepath_watch *w)
{
	w->rings = cp_map_get(&w->dir, CP_MAP_EVENT_RINGS);
	if (w->rings < 0)
		return w->rings;
	w->config = cp_map_get(&w->dir, CP_MAP_EVENT_CONFIG);
	if (w->config < 0)
		return w->config;
	w->lost = cp_map_get(&w->dir, CP_MAP_EVENT_LOST);
	return w->lost < 0 ? w->lost : 0;
}

static bool wants_processes(const struct corepath_watch_request *req)
{
	size_t i;

	for (i = 0; req->kinds && i < COREPATH_EVENT_KINDS; i++)
		if (req->kinds[i])
			return true;
	return false;
}

static int start(struct corepath_watch *w, const struct corepath_watch_request *req)
{
	int err;

	cp_watch_sweep(&w->dir, false);
	err = wants_processes(req) ? cp_processes_attach(&w->dir) : 0;
	if (!err)
		err = open_maps(w);
	if (!err)
		err = claim(w);
	if (!err)
		err = make_ring(w, req->ring_bytes ?: COREPATH_WATCH_RING);
	if (!err) {
		err = want(w->config, w->number, req->reasons, req->kinds);
		if (err)
			cp_fail(-err, "watch %s: %s; run as root", w->dir.path, strerror(-err));
	}
	return err;
}

static void free_watch(struct corepath_watch *w)
{
	int fds[] = {w->lock, w->rings, w->config, w->lost};
	size_t i;

	ring_buffer__free(w->reader);
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(w->pin_dir);
	free(w);
}

int corepath_watch_open(const struct corepath_watch_request *req, struct corepath_watch **watch)
{
	struct corepath_watch *w = calloc(1, sizeof(*w));
	int err;

	if (w)
		w->pin_dir = strdup(req->pin_dir);
	if (!w || !w->pin_dir) {
		free(w);
		return cp_fail(ENOMEM, "watch: out of memory; free some");
	}
	w->lock = w->rings = w->config = w->lost = -1;
	w->fn = req->fn;
	w->arg = req->arg;
	err = cp_dir_open(&w->dir, req->pin_dir, wants_processes(req) ? CP_CREATE : CP_CHANGE);
	if (!err) {
		err = start(w, req);
		if (err) { /* what was begun is swept like a killed one's */
			if (w->lock >= 0)
				close(w->lock);
			w->lock = -1;
			cp_watch_sweep(&w->dir, false);
		}
		cp_dir_close(&w->dir);
	}
	if (err)
		free_watch(w);
	else
		*watch = w;
	return err;
}

int corepath_watch_poll(struct corepath_watch *w, int timeout_ms)
{
	int n = ring_buffer__poll(w->reader, timeout_ms);

	if (n >= 0 || n == -EINTR || n == -ECANCELED)
		return n;
	return cp_fail(-n, "watch %s: read its ring: %s", w->pin_dir, strerror(-n));
}

int corepath_watch_lost(struct corepath_watch *w, __u64 *lost)
{
	int err;

	*lost = 0;
	err = cp_percpu_add(w->lost, w->number, lost, 1);
	return err ? cp_fail(-err, "map %s/%s: read: %s", w->pin_dir, CP_MAP_EVENT_LOST,
			     strerror(-err))
		   : 0;
}

int corepath_watch_stop(struct corepath_watch *w)
{
	int err = cp_dir_open(&w->dir, w->pin_dir, CP_CHANGE);

	if (err) /* it went down meanwhile: nothing is told to anybody */
		return err == -ENOENT ? 0 : err;
	err = want(w->config, w->number, NULL, NULL);
	cp_dir_close(&w->dir);
	return err ? cp_fail(-err, "watch %s: stop: %s", w->pin_dir, strerror(-err)) : 0;
}

void corepath_watch_close(struct corepath_watch *w)
{
	if (!w)
		return;
	close(w->lock);
	w->lock = -1;
	if (!cp_dir_open(&w->dir, w->pin_dir, CP_CHANGE)) {
		cp_watch_sweep(&w->dir, false);
		cp_dir_close(&w->dir);
	}
	free_watch(w);
}

const char *corepath_hook_name(enum corepath_hook hook)
{
	static const char *const names[] = {
		[COREPATH_HOOK_XDP] = "xdp",
		[COREPATH_HOOK_TC_INGRESS] = "tc-ingress",
		[COREPATH_HOOK_TC_EGRESS] = "tc-egress",
		[COREPATH_HOOK_TRACEPOINT] = "tracepoint",
		[COREPATH_HOOK_LSM] = "lsm",
		[COREPATH_HOOK_FENTRY] = "fentry",
		[COREPATH_HOOK_FMOD_RET] = "fmod_ret",
		[COREPATH_HOOK_ITERATOR] = "iterator",
	};

	return hook < sizeof(names) / sizeof(names[0]) && names[hook] ? names[hook] : "?";
}

static const char *const kinds[COREPATH_EVENT_KINDS] = {
	[COREPATH_EVENT_PACKET] = "packet", [COREPATH_EVENT_EXEC] = "exec",
	[COREPATH_EVENT_FORK] = "fork",	    [COREPATH_EVENT_EXIT] = "exit",
	[COREPATH_EVENT_RULE] = "rule",
};

const char *corepath_event_kind_name(enum corepath_event_kind kind)
{
	return kind < COREPATH_EVENT_KINDS && kinds[kind] ? kinds[kind] : "?";
}

int corepath_event_kind_parse(const char *name, enum corepath_event_kind *kind)
{
	int i;

	for (i = 0; i < COREPATH_EVENT_KINDS; i++) {
		if (kinds[i] && !strcmp(name, kinds[i])) {
			*kind = i;
			return 0;
		}
	}
	return cp_fail(EINVAL, "'%s' is no kind of event; use exec, fork, exit or rule", name);
}

int corepath_exec_text(const struct corepath_exec_event *e, struct corepath_exec_text *out)
{
	if (e->head.size < sizeof(*e) ||
	    e->head.size - sizeof(*e) < (size_t)e->path_len + e->cwd_len + e->args_len)
		return cp_fail(EINVAL,
			       "exec event: its texts are longer than it is; is the datapath of "
			       "another version?");
	out->path = e->data;
	out->cwd = out->path + e->path_len;
	out->args = out->cwd + e->cwd_len;
	return 0;
}

int corepath_rule_text(const struct corepath_rule_event *e, const char **path, const char **exe)
{
	if (e->head.size < sizeof(*e) ||
	    e->head.size - sizeof(*e) < (size_t)e->path_len + e->exe_len ||
	    !memchr(e->name, '\0', sizeof(e->name)))
		return cp_fail(
			EINVAL,
			"rule event: its texts are longer than it is; is the datapath of another version?");
	*path = e->data;
	*exe = e->data + e->path_len;
	return 0;
}
