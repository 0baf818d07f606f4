// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeded disturbance: on every CPU a real-time process wakes up at moments drawn from the seed and
 * keeps the CPU for a while drawn from it. Each wake-up preempts what runs there, and under icount
 * it is also where QEMU turns from one virtual CPU to the next: so a race that needs a switch in a
 * few instructions' window is met by some seed, and by the same seed again.
 */
#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/* Sleeps are below 2^0 to 2^11 microseconds, all scales alike: races have windows of any width. */
#define SCALES 12
#define BUSY   4096 /* at most so many turns of an empty loop */

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

static void disturb(int cpu, uint64_t seed)
{
	const struct sched_param p = {.sched_priority = 1};
	uint64_t state = (seed + 1) * 1000003 + cpu;
	cpu_set_t set;

	prctl(PR_SET_NAME, "disturb");
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		_exit(1);
	for (;;) {
		uint64_t r = next(&state), below = 1ull << (r >> 32) % SCALES;
		struct timespec t = {.tv_nsec = 1000 * (r % below) + r % 1000};

		nanosleep(&t, NULL);
		for (volatile unsigned busy = next(&state) % BUSY; busy; busy--)
			;
	}
}

/* QEMU docs/specs/pvpanic.rst and fw_cfg.rst: x86 port numbers, selectors, the directory's form. */
#define PVPANIC_PORT	 0x505
#define PVPANIC_PANICKED 1
#define FW_CFG_SELECTOR	 0x510
#define FW_CFG_DATA	 0x511
#define FW_CFG_FILE_DIR	 0x19

struct fw_cfg_file {
	uint32_t size; /* big endian, as all of it */
	uint16_t select, reserved;
	char name[56];
};

static void fw_cfg_read(void *data, size_t len)
{
	for (unsigned char *p = data; len--; p++)
		*p = inb(FW_CFG_DATA);
}

static unsigned fw_cfg_seed(void)
{
	char digits[VT_SEED_DIGITS + 1] = "";
	struct fw_cfg_file file;
	uint32_t count;

	outw(FW_CFG_FILE_DIR, FW_CFG_SELECTOR);
	fw_cfg_read(&count, sizeof(count));
	for (count = be32toh(count); count; count--) {
		fw_cfg_read(&file, sizeof(file));
		if (strncmp(file.name, VT_SEED_FILE, sizeof(file.name)))
			continue;
		outw(be16toh(file.select), FW_CFG_SELECTOR);
		fw_cfg_read(digits, VT_SEED_DIGITS);
		break;
	}
	return strtoul(digits, NULL, 10);
}

/* The machine stands still at this instruction, and is saved; restored, it goes on here. */
static unsigned stop_for_seed(void)
{
	if (ioperm(PVPANIC_PORT, 1, 1) < 0 || ioperm(FW_CFG_SELECTOR, 2, 1) < 0) {
		kmsg("vmtest: no access to I/O ports: %s", strerror(errno));
		return 0;
	}
	outb(PVPANIC_PANICKED, PVPANIC_PORT);
	return fw_cfg_seed();
}

unsigned disturb_seed(void)
{
	char line[4096] = "", *at;
	FILE *f = fopen("/proc/cmdline", "re");

	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	at = strstr(line, VT_DISTURB_OPTION);
	if (!at)
		return 0;
	at += strlen(VT_DISTURB_OPTION);
	return strncmp(at, VT_DISTURB_LATER, strlen(VT_DISTURB_LATER)) ? strtoul(at, NULL, 10)
								       : stop_for_seed();
}

void disturb_start(unsigned seed)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (int cpu = 0; seed && cpu < cpus; cpu++)
		if (fork() == 0)
			disturb(cpu, seed);
}
