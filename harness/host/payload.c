// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "../common/proto.h"
#include "payload.h"
#include "util.h"

/* What every VM needs to talk to us; built in on some kernels, modules on others. */
static const char *const base_modules[] = {"virtio_pci", "virtio_console"};

/* Chooses; a bare bzImage may have them built in, which the boot will tell. */
static int choose(const struct kernel *k, const char *const *names, size_t n,
		  struct module_set *set)
{
	const char *missing;

	if (modules_choose(k->modules, names, n, set, &missing) < 0)
		return -1;
	if (missing && k->modules)
		return err("kernel %s has no module %s, nor is it built in", k->release, missing);
	return 0;
}

int payload_initramfs(const struct kernel *k)
{
	char *init = fmt("%s/build/guest/init", home_dir());
	struct module_set set;
	int fd = -1;

	if (choose(k, base_modules, ARRAY_SIZE(base_modules), &set) == 0)
		fd = initramfs_build(init, &set);
	modules_free(&set);
	free(init);
	return fd;
}

int payload_add_modules(struct cpio_writer *w, const struct kernel *k, const char *const *names,
			size_t n)
{
	struct module_set set;
	int ret = choose(k, names, n, &set);

	if (ret == 0)
		ret = cpio_add_modules(w, VT_JOB_MODULES_PATH, &set);
	modules_free(&set);
	return ret;
}

void payload_refresh(json_t *job)
{
	unsigned char bytes[64];
	char hex[2 * sizeof(bytes) + 1];
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	json_object_set_new(job, "time_ns", json_integer(ts.tv_sec * 1000000000ll + ts.tv_nsec));
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	json_object_set_new(job, "entropy", json_string(hex));
}

/* Everything in one initramfs: nothing reaches an unattended guest while it runs. */
int payload_join(int initrd_fd, int payload_fd)
{
	struct cpio_writer *w = cpio_new();

	if (!w || cpio_append(w, initrd_fd) < 0 || cpio_append(w, payload_fd) < 0)
		return -1;
	return cpio_close(w);
}
