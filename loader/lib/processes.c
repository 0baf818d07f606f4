// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs that tell of processes: on raw tracepoints while somebody watches, each by a link
 * pinned as trace_PROGRAM. The caller has the pin directory's exclusive lock.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "internal.h"
#include "refusal.h"
#include "sec_process.skel.h"
#include "upgrade.h"

const void *cp_elf_processes(size_t *size)
{
	return sec_process__elf_bytes(size);
}

static const char *const programs[] = {"sec_exec", "sec_fork", "sec_exit"};
#define N_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void pin_name(const char *program, char pin[32])
{
	snprintf(pin, 32, "trace_%s", program);
}

/* What is put together at the same time, per CPU: SEC_SCRATCH_PER_CPU of bpf-src/lib/sec_maps.h,
 * which is what one CPU has in the object. */
int cp_scratch_resize(struct bpf_object *obj)
{
	static const char *const names[] = {CP_MAP_SEC_SCRATCH, CP_MAP_SEC_TAKEN};
	int cpus = libbpf_num_possible_cpus(), err = 0;
	struct bpf_map *map;
	size_t i;

	if (cpus < 0)
		return cpus;
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++) {
		map = bpf_object__find_map_by_name(obj, names[i]);
		err = map ? bpf_map__set_max_entries(map, cpus * bpf_map__max_entries(map))
			  : -ENOENT;
	}
	return err;
}

int cp_trace_attach(const struct cp_dir *dir, int prog_fd, const char *pin)
{
	int fd = bpf_raw_tracepoint_open(NULL, prog_fd), err;

	if (fd == -EINVAL) /* an iterator */
		fd = bpf_link_create(prog_fd, 0, BPF_TRACE_ITER, NULL);
	if (fd < 0)
		return fd;
	err = cp_pin_put(dir, pin, fd);
	close(fd); /* which detaches if it could not be pinned */
	return err;
}

/* Unlinking alone detaches later, from an RCU callback, unless ours is the last reference. Links of
 * this kind cannot be detached by themselves (bpf_link_detach). */
int cp_trace_remove(const struct cp_dir *dir, const char *pin)
{
	int fd = cp_pin_get(dir, pin), err;

	err = cp_pin_remove(dir, pin);
	if (fd >= 0)
		close(fd);
	return err;
}

static bool all_there(const struct cp_dir *dir)
{
	char pin[32];
	size_t i;

	for (i = 0; i < N_PROGRAMS; i++) {
		pin_name(programs[i], pin);
		if (!cp_pin_there(dir, pin))
			return false;
	}
	return true;
}

static int load(const struct cp_dir *dir, struct sec_process *skel)
{
	char pin[32];
	int err;
	size_t i;

	err = cp_scratch_resize(skel->obj);
	if (!err)
		err = cp_maps_share(dir, skel->obj);
	if (!err)
		err = sec_process__load(skel);
	if (!err)
		err = cp_maps_pin(dir, skel->obj);
	for (i = 0; i < N_PROGRAMS && !err; i++) {
		pin_name(programs[i], pin);
		err = cp_trace_attach(
			dir,
			bpf_program__fd(bpf_object__find_program_by_name(skel->obj, programs[i])),
			pin);
	}
	return err;
}

int cp_processes_attach(const struct cp_dir *dir)
{
	struct sec_process *skel;
	int err;

	if (all_there(dir))
		return 0;
	err = cp_processes_detach(dir); /* what a killed command left */
	if (err)
		return err;
	cp_log_start();
	skel = sec_process__open();
	err = skel ? load(dir, skel) : -errno;
	sec_process__destroy(skel);
	if (!err)
		return 0;
	cp_processes_detach(dir);
	return cp_fail_load(err, "watch processes");
}

int cp_processes_detach(const struct cp_dir *dir)
{
	char pin[32];
	int err = 0;
	size_t i;

	for (i = 0; i < N_PROGRAMS && !err; i++) {
		pin_name(programs[i], pin);
		err = cp_trace_remove(dir, pin);
	}
	return err;
}

int cp_processes_unpin(const struct cp_dir *dir)
{
	static const char *const maps[] = {CP_MAP_SEC_SCRATCH, CP_MAP_SEC_TAKEN, CP_MAP_SEC_ENDED};
	int err = cp_processes_detach(dir);
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]) && !err; i++)
		err = cp_pin_remove(dir, maps[i]);
	return err;
}
