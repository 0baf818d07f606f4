// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "accel.h"
#include "initrd.h"
#include "payload.h"
#include "util.h"
#include "vm.h"

/* A working KVM reaches init in well under a second; TCG needs two to three. */
#define PROBE_BOOT_MS 8000

static void probe_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	(void)console;
	*(bool *)ctx = end->boot_ns != 0;
}

/* Boots with nothing to do: a payload without a job makes init power off. */
static bool boots_under_kvm(const struct kernel *k)
{
	static const struct vm_ops ops = {vm_ignore_line, vm_ignore_output, vm_no_step, probe_done};
	struct cpio_writer *empty = cpio_new();
	uv_loop_t loop;
	bool booted = false;
	int initrd = payload_initramfs(k), payload = empty ? cpio_close(empty) : -1;

	if (initrd >= 0 && payload >= 0) {
		const struct vm_config config = {
			.vmlinuz = k->vmlinuz,
			.initrd_fd = initrd,
			.payload_fd = payload,
			.state_fd = -1,
			.profile = profile_find("default"),
			.accel = ACCEL_KVM,
			.cpus = 1,
			.mem_mib = 512,
			.console_path = "/dev/null",
			.boot_ms = PROBE_BOOT_MS,
			.job_ms = PROBE_BOOT_MS,
			.silence_ms = PROBE_BOOT_MS,
			.end_ms = PROBE_BOOT_MS,
		};

		uv_loop_init(&loop);
		if (vm_start(&loop, &config, &ops, &booted))
			uv_run(&loop, UV_RUN_DEFAULT);
		uv_loop_close(&loop);
	}
	if (initrd >= 0)
		close(initrd);
	if (payload >= 0)
		close(payload);
	return booted;
}

enum accel accel_probe(const struct kernel *k)
{
	enum accel answer = ACCEL_TCG;
	struct utsname u;
	struct stat st;
	char *path, *kept;

	if (access("/dev/kvm", R_OK | W_OK) < 0)
		return ACCEL_TCG;
	uname(&u);
	/* The device node's birth marks this boot of this machine: a cache may move between
	 * machines. */
	stat("/dev/kvm", &st);
	path = fmt("%s/accel-%s-%lld", cache_dir(), u.release, (long long)st.st_ctime);
	kept = read_file(path, NULL);
	if (kept) {
		answer = strcmp(kept, "kvm") ? ACCEL_TCG : ACCEL_KVM;
		free(kept);
	} else {
		note("/dev/kvm exists: trying to boot %s under it (at most %d s, once)", k->release,
		     PROBE_BOOT_MS / 1000);
		if (boots_under_kvm(k))
			answer = ACCEL_KVM;
		note(answer == ACCEL_KVM ? "KVM works"
					 : "KVM does not boot a kernel here: using TCG");
		if (write_file(path, accel_name(answer), strlen(accel_name(answer))) < 0)
			warn("%s: %m", path);
	}
	free(path);
	return answer;
}

enum accel accel_choose(const char *word, const struct kernel *k)
{
	if (!strcmp(word, "auto"))
		return accel_probe(k);
	return strcmp(word, "kvm") ? ACCEL_TCG : ACCEL_KVM;
}
