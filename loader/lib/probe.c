// SPDX-License-Identifier: GPL-2.0-only
/* Whether new programs do what they should: packets before they are in anybody's way, and a command
 * of the operator's after. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pkt_cls.h>
#include "upgrade.h"

/*
 * None opens a connection or is sent on: a request for an address (ARP), an IPv4 header that is cut
 * short, and a UDP datagram of each family between addresses kept for documentation (RFC 5737,
 * RFC 3849) to the discard port.
 */
static const struct frame {
	const char *what;
	int xdp; /* the verdict, whatever is configured; -1: the one that the old program comes to
		  */
	bool tc; /* has a whole IP header or none, as BPF_PROG_RUN wants it for tc programs */
	__u8 len;
	__u8 bytes[64];
} frames[] = {
	{"an ARP request", XDP_PASS, true, 42, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,
						1,    8,    6,	  0,	1,    8,    0, 6, 4, 0, 1}},
	{"an IPv4 header that is cut short", XDP_DROP, false, 24, {2, 0,  0, 0, 0, 2, 2,    0,
								   0, 0,  0, 1, 8, 0, 0x45, 0,
								   0, 40, 0, 0, 0, 0, 64,   17}},
	{"an IPv4 datagram", -1, false, 42, {2,	   0,	 0,   0,  0, 2, 2,   0, 0,  0,
					     0,	   1,	 8,   0, /* UDP without a checksum */
					     0x45, 0,	 0,   28, 0, 0, 0,   0, 64, 17,
					     0xf6, 0xcd, 192, 0,  2, 1, 192, 0, 2,  2,
					     0xff, 0xff, 0,   9,  0, 8, 0,   0}},
	{"an IPv6 datagram", -1, false, 62, {2,	   0,	 0,    0,    0,	   2,	 2,    0,    0,
					     0,	   0,	 1,    0x86, 0xdd, 0x60, 0,    0,    0,
					     0,	   8,	 17,   64,   0x20, 1,	 0x0d, 0xb8, 0,
					     0,	   0,	 0,    0,    0,	   0,	 0,    0,    0,
					     0,	   1,	 0x20, 1,    0x0d, 0xb8, 0,    0,    0,
					     0,	   0,	 0,    0,    0,	   0,	 0,    0,    2,
					     0xff, 0xff, 0,    9,    0,	   8,	 0xa4, 0x60}},
};
#define N_FRAMES (sizeof(frames) / sizeof(frames[0]))

/* The verdict, or a negative errno. */
static int run(int prog_fd, const struct frame *f)
{
	char out[256]; /* room for what a program puts in front */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);
	int err = bpf_prog_test_run_opts(prog_fd, &opts);

	return err ?: (int)opts.retval;
}

static enum bpf_prog_type type_of(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_prog_get_info_by_fd(prog_fd, &info, &len) ? BPF_PROG_TYPE_UNSPEC : info.type;
}

int cp_probe_packets(const char *name, int old_prog, int new_prog)
{
	bool xdp = type_of(new_prog) == BPF_PROG_TYPE_XDP;
	size_t i;

	/* of cgroups and tracepoints none can be run by itself */
	if (!xdp && type_of(new_prog) != BPF_PROG_TYPE_SCHED_CLS)
		return 0;
	for (i = 0; i < N_FRAMES; i++) {
		const struct frame *f = &frames[i];
		int want, got;

		if (!xdp && !f->tc)
			continue;
		want = xdp && f->xdp >= 0 ? f->xdp : run(old_prog, f);
		got = run(new_prog, f);
		if (got == want)
			continue;
		return cp_fail(EPROTO,
			       "probe: the new %s says %d to %s, and not %d; what ran before was "
			       "not touched",
			       name, got, f->what, want);
	}
	return 0;
}

/* ---- the operator's ---- */

/* Its descriptor becomes readable when it ends. */
static pid_t begin(const char *command, int *pidfd)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		setpgid(0, 0); /* what it starts ends with it */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	*pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

int cp_probe_command(const char *command, unsigned int seconds)
{
	struct pollfd wait = {.events = POLLIN};
	int status, n;
	pid_t pid = begin(command, &wait.fd);

	if (pid < 0)
		return cp_fail(errno, "probe '%s': %s", command, strerror(errno));
	while ((n = poll(&wait, 1, seconds * 1000)) < 0 && errno == EINTR)
		;
	close(wait.fd);
	if (!n)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!n)
		return cp_fail(ETIMEDOUT, "probe '%s': not done within %u s", command, seconds);
	if (WIFSIGNALED(status))
		return cp_fail(EPROTO, "probe '%s': ended by %s", command,
			       strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status)
		       ? cp_fail(EPROTO, "probe '%s': exit status %d", command, WEXITSTATUS(status))
		       : 0;
}
