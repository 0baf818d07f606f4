// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of a test VM. It mounts what BPF programs and tests need, loads the modules the host put
 * beside it, takes one job, runs it, tells the host how it went and powers the machine off.
 * Nothing else lives in the guest: no shell, no library, no distribution.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static int kmsg_fd = -1;

/* To the kernel log, loud enough for the console at its default level under "quiet". */
void kmsg(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "<2>");
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n'; /* without it the kernel waits for a continuation before it prints */
	if (kmsg_fd >= 0 && write(kmsg_fd, line, n) < 0)
		return; /* nowhere left to say it */
}

/* The end of everything. The host takes an unannounced end as a lost connection, never a pass. */
void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void die(const char *what)
{
	kmsg("vmtest: init: %s: %s", what, strerror(errno));
	power_off();
}

static const struct {
	const char *type, *dir, *options;
	bool optional; /* the file system depends on the kernel's configuration */
} mounts[] = {
	{"proc", "/proc", NULL, false},
	{"sysfs", "/sys", NULL, false},
	{"devtmpfs", "/dev", NULL, false},
	{"devpts", "/dev/pts", NULL, true},
	{"tmpfs", "/dev/shm", NULL, true},
	{"tmpfs", "/tmp", NULL, false},
	{"tmpfs", "/run", NULL, false},
	{"bpf", "/sys/fs/bpf", NULL, true},
	{"cgroup2", "/sys/fs/cgroup", NULL, true},
	{"debugfs", "/sys/kernel/debug", NULL, true},
	{"tracefs", "/sys/kernel/tracing", NULL, true},
	{"securityfs", "/sys/kernel/security", NULL, true},
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, mounts[i].options) == 0)
			continue;
		if (!mounts[i].optional)
			die(mounts[i].dir);
	}
}

/* init_module wants the module's bytes; they were unpacked on the host, where time is cheap. */
static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		kmsg("vmtest: module %s: %s", path, strerror(errno));
		return;
	}
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		kmsg("vmtest: module %s: %s", path, strerror(errno));
	close(fd);
}

static void load_modules(const char *list)
{
	FILE *f = fopen(list, "re");
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			load_module(line);
	}
	fclose(f);
}

static void loopback_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		kmsg("vmtest: lo: %s", strerror(errno));
	close(fd);
}

/* libbpf raises it by itself; a test that creates its maps by hand should not need to know. */
static void lift_limits(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

/*
 * Above whatever the test does at normal priority: a line it writes is passed on before its next
 * instruction, so that a test that starts and at once takes the kernel down is known by name.
 */
static void go_first(void)
{
	const struct sched_param p = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p) < 0)
		kmsg("vmtest: real-time priority: %s", strerror(errno));
}

static void console_as_stdio(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* What a step left behind shall not disturb the next one. */
static void end_all(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* What the job needs is there; nothing more is awaited from the host. */
static void take_job(struct job *job)
{
	if (job_read(VT_JOB_PATH, job) < 0)
		die(VT_JOB_PATH);
	load_modules(VT_JOB_MODULES_PATH);
	job_refresh(job);
}

static void do_job(const struct job *job, unsigned seed, int port)
{
	for (size_t i = 0; i < job->steps_count; i++) {
		if (i)
			end_all();
		disturb_start(seed);
		job_run(job, i, port);
	}
	kmsg(VT_MARK_END);
	if (job->attended)
		port_await_bye(port);
}

int main(void)
{
	unsigned seed = 0;
	bool unattended;
	struct job job;
	int port;

	mount_all();
	kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	console_as_stdio();
	load_modules(VT_MODULES_PATH);
	loopback_up();
	lift_limits();
	go_first();

	port = port_open(VT_PORT_CONTROL);
	if (port < 0)
		die("virtio-serial port " VT_PORT_CONTROL);
	unattended = access(VT_JOB_PATH, F_OK) == 0;
	if (unattended) {
		take_job(&job);
		seed = disturb_seed();
	}
	kmsg(VT_MARK_READY);
	say_hello(port);
	if (!unattended) {
		if (payload_receive(port) < 0)
			die("payload");
		take_job(&job);
	}
	do_job(&job, seed, port);
	power_off();
}
