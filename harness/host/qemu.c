// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/proto.h"
#include "qemu.h"
#include "util.h"

/*
 * panic=-1 with -no-reboot turns a panic into QEMU's exit. loglevel=5 shows warnings (a WARN is
 * printed at level 4) and nothing below. Init's markers must not be rate-limited. 5.10's built-in
 * lsm= list lacks bpf; of two lsm= the later counts, so that a profile may say another. The
 * kernel's test of the timer interrupt fails, with a panic, on a host too busy to deliver it in
 * time (arch/x86/kernel/apic/io_apic.c).
 */
#define APPEND_COMMON                                                                              \
	"panic=-1 loglevel=5 printk.devkmsg=on no_timer_check lsm=lockdown,yama,integrity,bpf"

char *qemu_version(void)
{
	char *argv[] = {QEMU_PROGRAM, "--version", NULL}, *out = NULL, *at, *version;
	int status = run_command(argv, &out);

	at = status == 0 && out ? strstr(out, "version ") : NULL;
	version = at ? fmt("%.*s", (int)strcspn(at + 8, " \n"), at + 8) : xstrdup("");
	free(out);
	return version;
}

const char *accel_name(enum accel a)
{
	return a == ACCEL_KVM ? "kvm" : "tcg";
}

/* Takes over `value`, which may be NULL. */
static void arg(struct qemu *q, const char *name, char *value)
{
	if (q->argc + 3 >= ARRAY_SIZE(q->argv)) {
		err("QEMU: too many arguments");
		abort();
	}
	q->argv[q->argc++] = xstrdup(name);
	if (value)
		q->argv[q->argc++] = value;
}

void qemu_append(struct qemu *q, const char *text)
{
	char *more = q->append ? fmt("%s %s", q->append, text) : xstrdup(text);

	free(q->append);
	q->append = more;
}

void qemu_machine(struct qemu *q, enum accel accel, unsigned cpus, unsigned mem_mib,
		  bool one_thread)
{
	q->argv[q->argc++] = xstrdup(QEMU_PROGRAM);
	arg(q, "-nodefaults", NULL);
	arg(q, "-no-user-config", NULL);
	arg(q, "-no-reboot", NULL);
	arg(q, "-display", xstrdup("none"));
	arg(q, "-machine", xstrdup("q35"));
	arg(q, "-m", fmt("%uM", mem_mib));
	arg(q, "-smp", fmt("%u", cpus));
	arg(q, "-accel",
	    xstrdup(accel == ACCEL_KVM	      ? "kvm"
		    : cpus > 1 && !one_thread ? "tcg,thread=multi"
					      : "tcg,thread=single"));
	/* Without erms and fsrm the kernel copies and zeroes by words: countable, and faster in
	 * TCG. */
	arg(q, "-cpu", xstrdup(accel == ACCEL_KVM ? "host" : "max,-erms,-fsrm"));
	qemu_append(q, APPEND_COMMON);
}

void qemu_icount(struct qemu *q)
{
	arg(q, "-icount", xstrdup("shift=0,sleep=off"));
	arg(q, "-rtc", xstrdup("base=2020-01-01T00:00:00,clock=vm"));
}

void qemu_seed(struct qemu *q, unsigned seed)
{
	arg(q, "-seed", fmt("%u", seed));
}

void qemu_seed_later(struct qemu *q, unsigned seed, bool save)
{
	qemu_seed(q, save ? 1 : seed);
	arg(q, "-fw_cfg",
	    fmt("name=" VT_SEED_FILE ",string=%0*u", VT_SEED_DIGITS, save ? 0 : seed));
	arg(q, "-device", xstrdup("pvpanic"));
	/* Restored, a panic ends it as it ends any other machine. */
	arg(q, "-action", xstrdup(save ? "panic=pause" : "panic=none"));
}

void qemu_kernel(struct qemu *q, const char *vmlinuz, int initrd_fd)
{
	arg(q, "-kernel", xstrdup(vmlinuz));
	arg(q, "-initrd", fmt("/proc/self/fd/%d", initrd_fd));
}

void qemu_console(struct qemu *q, int fd)
{
	arg(q, "-chardev", fmt("socket,id=console,fd=%d", fd));
	arg(q, "-serial", xstrdup("chardev:console"));
	qemu_append(q, "console=ttyS0");
}

/* With ioeventfd a write is seen by QEMU's main loop at a moment the host chooses. */
void qemu_serial_bus(struct qemu *q, bool synchronous)
{
	arg(q, "-device", fmt("virtio-serial-pci,id=ports%s", synchronous ? ",ioeventfd=off" : ""));
}

void qemu_port(struct qemu *q, const char *name, int fd)
{
	arg(q, "-chardev", fmt("socket,id=%s,fd=%d", name, fd));
	arg(q, "-device", fmt("virtserialport,bus=ports.0,chardev=%s,name=%s", name, name));
}

void qemu_monitor(struct qemu *q, int fd)
{
	arg(q, "-chardev", fmt("socket,id=monitor,fd=%d", fd));
	arg(q, "-mon", xstrdup("chardev=monitor,mode=control"));
}

void qemu_debug(struct qemu *q, const struct qemu_debug *d)
{
	if (!d)
		return;
	arg(q, "-S", NULL);
	arg(q, "-chardev", fmt("socket,id=gdb,fd=%d,server=on,wait=off", d->stub_fd));
	arg(q, "-gdb", xstrdup("chardev:gdb"));
	arg(q, "-chardev", fmt("socket,id=debug-monitor,fd=%d", d->monitor_fd));
	arg(q, "-mon", xstrdup("chardev=debug-monitor,mode=control"));
}

void qemu_incoming(struct qemu *q, int state_fd)
{
	arg(q, "-incoming", fmt("fd:%d", state_fd));
}

void qemu_finish(struct qemu *q)
{
	arg(q, "-append", xstrdup(q->append));
	q->argv[q->argc] = NULL;
}

pid_t qemu_fork(const struct qemu *q, int stderr_fd, const int *inherit, size_t count)
{
	pid_t self = getpid(), pid = fork();

	if (pid < 0)
		return err("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	die_with_parent(self);
	setpgid(0, 0); /* the terminal's Ctrl-C is ours to handle */
	for (size_t i = 0; i < count; i++)
		if (inherit[i] >= 0)
			fcntl(inherit[i], F_SETFD, 0);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(stderr_fd, 2);
	execvp(q->argv[0], q->argv);
	dprintf(2, "cannot run %s: %s (Debian's package is qemu-system-x86)\n", q->argv[0],
		strerror(errno));
	_exit(127);
}

void qemu_free(struct qemu *q)
{
	for (size_t i = 0; i < q->argc; i++)
		free(q->argv[i]);
	free(q->append);
	*q = (struct qemu){0};
}
