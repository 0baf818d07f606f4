/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtual machine, from its start to its end, on a libuv loop. It always ends: every phase has
 * a bound, and QEMU dies with this process.
 */
#ifndef VMTEST_VM_H
#define VMTEST_VM_H

#include <uv.h>

#include "console.h"
#include "digest.h"
#include "outcome.h"
#include "qemu.h"

struct vm_config {
	const char *vmlinuz;
	const char *release;   /* uname -r, or NULL; which exceptions hold */
	int initrd_fd;	       /* the initramfs; for an unattended VM with the payload appended */
	int payload_fd;	       /* sent when the guest is ready; -1 when it is in the initramfs */
	int state_fd;	       /* a saved machine to begin from, or -1 to boot; see saved.h */
	const char *save_path; /* save the machine here when it is up, then end; or NULL */
	const char *append;    /* what the user adds to the kernel command line, or NULL */
	const struct profile *profile;
	enum accel accel;
	unsigned cpus, mem_mib;
	bool deterministic; /* icount, a fixed clock, nothing sent while it runs; implies TCG */
	bool attended;	    /* the job takes leave of us, though it be deterministic */
	unsigned seed;	    /* of a deterministic machine's random numbers */
	bool disturbed;	    /* init preempts the job at moments drawn from the seed */
	bool seed_later;    /* one saved machine serves all seeds */
	const char *console_path;
	/* A debugger has the machine, and all the time it wants: no bound holds. Or NULL */
	const struct qemu_debug *debug;
	/* Bounds, milliseconds of the host's clock */
	uint64_t boot_ms;    /* from start to init, or to the first word of a restored guest */
	uint64_t job_ms;     /* from init to the job's end */
	uint64_t silence_ms; /* between two signs of life of an attended guest */
	uint64_t end_ms;     /* from the job's end to QEMU's */
};

struct vm_end {
	enum outcome outcome; /* OC_PASS: the job ended by itself and the guest powered off */
	char reason[512];
	bool job_ended;
	int status;	       /* of the job, when it exited */
	int signal;	       /* that killed the job, or 0 */
	bool saved;	       /* save_path is complete */
	uint64_t boot_ns;      /* start to init, or to the first word of a restored guest */
	uint64_t wall_ns;      /* start to QEMU's end */
	char said[DIGEST_HEX]; /* of all the guest sent, in its order */
};

struct vm;

struct vm_ops {
	void (*result)(void *ctx, const char *line, size_t len);
	/* stream 1 is the job's standard output, 2 its standard error */
	void (*output)(void *ctx, int stream, const char *data, size_t len);
	/* One program of the job has ended and the next begins: its bound in milliseconds. */
	uint64_t (*step)(void *ctx, int status, int signal);
	/* Last call. The console is complete; it and the VM are gone when this returns. */
	void (*done)(void *ctx, const struct vm_end *end, const struct console *console);
};

/* For machines whose job says nothing that matters. */
void vm_ignore_line(void *ctx, const char *line, size_t len);
void vm_ignore_output(void *ctx, int stream, const char *data, size_t len);
uint64_t vm_no_step(void *ctx, int status, int signal);

/* NULL after err() when QEMU could not even be forked. Otherwise done() will be called. */
struct vm *vm_start(uv_loop_t *loop, const struct vm_config *config, const struct vm_ops *ops,
		    void *ctx);
/*
 * Sends bytes to the job's standard input; none: there will be no more. At most VT_FRAME_MAX at
 * once, copied. sent() is called when the next ones may come: the guest takes no more than its job
 * reads.
 */
void vm_stdin(struct vm *vm, const void *data, size_t len, void (*sent)(void *ctx));

/* True when the job is over and only the machine's power-off is awaited. */
bool vm_job_ended(const struct vm *vm);
/* Ends it now, with this outcome unless it has one already. done() follows. */
void vm_kill(struct vm *vm, enum outcome outcome, const char *reason);

#endif
