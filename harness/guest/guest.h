/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMTEST_GUEST_H
#define VMTEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "../common/proto.h"

/* init.c */
void kmsg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void power_off(void) __attribute__((noreturn));
void die(const char *what) __attribute__((noreturn));

/* port.c: the control port. Fatal errors end the VM: there is nobody else to tell. */
int port_open(const char *name);
void port_send(int fd, enum vt_frame_type type, const void *data, size_t len);
/* Reads one whole frame's header, then its body into `data` of VT_FRAME_MAX bytes. */
void port_receive(int fd, struct vt_frame *head, void *data);
/* Blocks until the host says VT_BYE. A write to the port returns before the host has the data. */
void port_await_bye(int fd);
void say_hello(int fd);
/* Reads VT_PAYLOAD frames and unpacks them over the root. 0, or -1 with errno. */
int payload_receive(int fd);

/* cpio.c: newc archives, fed in pieces of any size. */
struct cpio {
	int state;
	unsigned char head[110];
	size_t have;
	uint32_t mode, size, left, namesize;
	char name[4096];
	size_t pad;
	int fd;
	char *link;
};
void cpio_init(struct cpio *c);
/* 0, or -1 with errno when the archive is damaged or a file can't be written. */
int cpio_feed(struct cpio *c, const unsigned char *data, size_t len);
/* 0 when the archive was complete, -1 with errno EPIPE when it ended early. */
int cpio_finish(struct cpio *c);

/* job.c */
struct job {
	const char *program;
	char ***steps; /* the arguments of each */
	size_t steps_count;
	char **env;
	const char *dir;
	bool attended, has_stdin, tty;
	struct winsize size; /* of the terminal */
	int64_t time_ns;     /* wall clock to set, or 0 */
	const char *entropy; /* hexadecimal, or NULL */
};
/* Gives a restored machine a clock and randomness of its own. */
void job_refresh(const struct job *job);
int job_read(const char *path, struct job *job);
/* Runs one step to its end and says so. */
void job_run(const struct job *job, size_t step, int port);

/*
 * disturb.c: the number the kernel command line gives or announces, or 0. The machine may be
 * stopped here and saved: what differs from one seed to the next comes after.
 */
unsigned disturb_seed(void);
/* Processes that go on until they are killed; none for 0. */
void disturb_start(unsigned seed);

#endif
