// SPDX-License-Identifier: GPL-2.0-only
/*
 * A suite that comes to a bad end, or to none: the first argument says how. It has one good test
 * before, so that what is lost can be told from what was had.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "ends: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(const char *line)
{
	const char *fd = getenv("VMTEST_RESULT_FD");

	if (!fd || dprintf(atoi(fd), "%s\n", line) < 0)
		die("VMTEST_RESULT_FD");
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

static void passed(void)
{
	say("{\"test\":\"ends.badly\",\"status\":\"PASS\"}");
	exit(0);
}

/* mishap.ko is beside us; what happens is in mishap.c. */
static void mishap(void)
{
	int fd = open("mishap.ko", O_RDONLY);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
		die("mishap.ko");
}

static void mishap_and_pass(void)
{
	mishap();
	passed();
}

static void panic(void)
{
	put("/proc/sysrq-trigger", "c");
}

/* init itself is frozen; nothing in the guest can answer then */
static void hang(void)
{
	if (mkdir("/sys/fs/cgroup/frozen", 0755))
		die("/sys/fs/cgroup/frozen");
	put("/sys/fs/cgroup/frozen/cgroup.procs", "1");
	put("/sys/fs/cgroup/frozen/cgroup.freeze", "1");
}

static void lockup(void)
{
	put("/proc/sys/kernel/watchdog_thresh", "1"); /* a lockup takes 2 s then */
	mishap_and_pass();
}

/* The mishap is another task's; this one goes on to its good end when the kernel has said so. */
static void mishap_until(const char *said)
{
	static char record[8192];
	int log = open("/dev/kmsg", O_RDONLY);
	ssize_t n;

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	if (fork() == 0)
		mishap();
	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		if (strstr(record, said))
			passed();
	}
	die("/dev/kmsg");
}

/* A removed file is freed after a grace period; without need for one, none can stall. */
static void need_grace_periods(void)
{
	if (fork())
		return;
	for (;;) {
		put("/tmp/removed", "");
		unlink("/tmp/removed");
		usleep(10000);
	}
}

static void rcu_stall(void)
{
	need_grace_periods();
	put("/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", "3");
	mishap_until("detected stall");
}

static void hung_task(void)
{
	put("/proc/sys/kernel/hung_task_timeout_secs", "1");
	mishap_until("blocked for more than");
}

static void out_of_memory(void)
{
	size_t some = 16 << 20;

	for (;;) {
		char *p = malloc(some);

		if (p)
			memset(p, 1, some);
	}
}

/* All of init's code becomes what no CPU can run. Newer kernels let only a tracer write there. */
static void kill_init(void)
{
	static char ud2[4096];
	FILE *maps = fopen("/proc/1/maps", "r");
	int mem = open("/proc/1/mem", O_WRONLY), status;
	unsigned long from, to;
	char line[512];

	for (size_t i = 0; i < sizeof(ud2); i++)
		ud2[i] = i % 2 ? 0x0b : 0x0f;
	if (ptrace(PTRACE_SEIZE, 1, 0, 0) || ptrace(PTRACE_INTERRUPT, 1, 0, 0) ||
	    waitpid(1, &status, __WALL) != 1)
		die("init cannot be traced");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "r-xp") || !strstr(line, "/init") ||
		    sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		for (unsigned long at = from; at < to; at += sizeof(ud2))
			if (pwrite(mem, ud2, sizeof(ud2), at) != sizeof(ud2))
				die("/proc/1/mem");
	}
	ptrace(PTRACE_DETACH, 1, 0, 0);
}

static void flood(void)
{
	static char lines[64 << 10];
	int console = open("/dev/console", O_WRONLY);

	memset(lines, 'x', sizeof(lines));
	for (size_t i = 79; i < sizeof(lines); i += 80)
		lines[i] = '\n';
	while (write(console, lines, sizeof(lines)) > 0)
		;
	die("/dev/console");
}

/* init's connection to the host: the descriptor's number in init. */
static int port_of_init(void)
{
	for (int fd = 0; fd < 64; fd++) {
		char link[32], target[64] = "";

		snprintf(link, sizeof(link), "/proc/1/fd/%d", fd);
		if (readlink(link, target, sizeof(target) - 1) > 0 && strstr(target, "/vport"))
			return fd;
	}
	die("init's port");
	return -1;
}

/* The port is init's alone: to open it again is refused by the kernel. */
static void port_again(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/1/fd/%d", port_of_init());
	if (open(path, O_RDWR) >= 0 || errno != EBUSY)
		die("a second open of init's port");
	passed();
}

/* Not by opening it, then, but by taking init's own descriptor. */
static void garbage(void)
{
	int init = syscall(SYS_pidfd_open, 1, 0);
	int port = syscall(SYS_pidfd_getfd, init, port_of_init(), 0);

	if (write(port, "this is no frame", 16) != 16)
		die("init's port");
}

static void unplug(void)
{
	char path[64], device[64] = "";
	ssize_t n;

	for (int i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/sys/bus/virtio/drivers/virtio_console/virtio%d", i);
		n = readlink(path, device, sizeof(device) - 1);
		if (n > 0) {
			put("/sys/bus/virtio/drivers/virtio_console/unbind",
			    strrchr(path, '/') + 1);
			return;
		}
	}
	die("virtio_console");
}

static void power_off(void)
{
	reboot(RB_POWER_OFF);
}

static void restart(void)
{
	reboot(RB_AUTOBOOT);
}

static void reset(void)
{
	put("/proc/sysrq-trigger", "b");
}

static void exit_139(void)
{
	exit(139);
}

static void segfault(void)
{
	raise(SIGSEGV);
}

static void killed(void)
{
	raise(SIGKILL);
}

static void unfinished(void)
{
	exit(0);
}

static void skip(void)
{
	say("{\"test\":\"ends.badly\",\"status\":\"SKIP\",\"reason\":\"no wish to run\"}");
	exit(0);
}

static void nonsense(void)
{
	say("{\"test\":\"ends.badly\",\"stat");
	exit(0);
}

static void forever(void)
{
}

static const struct {
	const char *name;
	void (*end)(void);
} ends[] = {
	{"mishap", mishap_and_pass},
	{"panic", panic},
	{"hang", hang},
	{"lockup", lockup},
	{"rcu_stall", rcu_stall},
	{"hung_task", hung_task},
	{"out_of_memory", out_of_memory},
	{"kill_init", kill_init},
	{"flood", flood},
	{"port_again", port_again},
	{"garbage", garbage},
	{"unplug", unplug},
	{"power_off", power_off},
	{"restart", restart},
	{"reset", reset},
	{"exit_139", exit_139},
	{"segfault", segfault},
	{"killed", killed},
	{"unfinished", unfinished},
	{"skip", skip},
	{"nonsense", nonsense},
	{"forever", forever},
};

int main(int argc, char **argv)
{
	const char *end = argc == 2 ? argv[1] : "";

	if (!strcmp(end, "silent"))
		return 0;
	say("{\"start\":\"ends.before\"}");
	say("{\"test\":\"ends.before\",\"status\":\"PASS\"}");
	if (!strcmp(end, "failed"))
		return 9;
	if (!strcmp(end, "well"))
		return 0;
	say("{\"start\":\"ends.badly\"}");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (strcmp(end, ends[i].name))
			continue;
		ends[i].end();
		for (;;)
			pause();
	}
	errno = EINVAL;
	die(end);
}
