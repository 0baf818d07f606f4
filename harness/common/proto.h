/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host (vmtest) and the guest (init) say to each other.
 *
 * One virtio-serial port, VT_PORT_CONTROL, carries frames both ways: a header, then `len` bytes.
 * All integers are little-endian, as is every machine the two halves run on together.
 *
 * The guest speaks first (VT_HELLO). At that point the machine may be saved, and each machine
 * restored from it begins here, without another hello. The host then sends one payload (VT_PAYLOAD
 * frames, closed by VT_PAYLOAD_END): a newc cpio archive that is unpacked over the root. It holds
 * the job description (VT_JOB_PATH) and the job's files. When the initramfs already holds a job,
 * nothing is awaited: a deterministic VM must not be sent anything at a moment the host chooses.
 */
#ifndef VMTEST_PROTO_H
#define VMTEST_PROTO_H

#include <stdint.h>

#define VT_PORT_CONTROL "vmtest.control"

#define VT_MAGIC 0x31545456u /* "VTT1" on the wire; a new number for a new protocol */

/* A frame larger than this is a fault of the sender: lines are below 64 KiB, data is cut to fit. */
#define VT_FRAME_MAX (256u << 10)

enum vt_frame_type {
	/* guest to host */
	VT_HELLO = 1, /* JSON: {"release", "protocol"}; modules are loaded, mounts are done */
	VT_ALIVE,     /* empty: the job begins; then every VT_ALIVE_MS: init's loop still turns */
	VT_RESULT,    /* one line a test wrote to VMTEST_RESULT_FD, without its newline */
	VT_STDOUT,    /* bytes of the job's standard output; on a terminal, of both */
	VT_STDERR,    /* bytes of its standard error */
	VT_EXIT,      /* JSON: {"status": N} or {"signal": N}, "more": true before the last step */
	/* host to guest */
	VT_PAYLOAD = 64, /* bytes of the cpio archive */
	VT_PAYLOAD_END,	 /* empty */
	VT_STDIN,	 /* bytes for the job's standard input; empty: there will be no more */
	VT_BYE,		 /* empty: VT_EXIT has arrived, the guest may power off */
};

struct vt_frame {
	uint32_t magic;
	uint32_t type;
	uint32_t len;
};

#define VT_ALIVE_MS 500

/*
 * The job, as init reads it: JSON
 *   {"steps": [[argv, ..], ..], "program": path, "env": {"K": "V", ..}, "dir": "/work",
 *    "attended": true, "stdin": true, "tty": {"rows": N, "columns": N}}
 * The steps run one after the other, each ended by a VT_EXIT. "program" is what to execute when it
 * is not to be looked for as argv[0] in PATH. "stdin": VT_STDIN frames will come; without it
 * standard input is at its end. "tty": run on a terminal of this size.
 *
 * An attended job sends VT_ALIVE and waits for VT_BYE. "time_ns" (wall clock since the epoch) and
 * "entropy" (hexadecimal) are for a restored machine, whose clock and random numbers would
 * otherwise be those of every other machine restored from the same state. Under icount neither is
 * possible: an idle guest's clock runs ahead of the host's and would send without end, and nothing
 * may reach the guest at a moment the host chooses.
 */
#define VT_JOB_PATH "/vmtest/job.json"

/*
 * Modules, in the order to load them, one path per line; absent when there is none to load. The
 * machine's own come with the initramfs, the job's with its payload: one saved machine serves all
 * jobs.
 */
#define VT_MODULES_PATH	    "/vmtest/modules"
#define VT_JOB_MODULES_PATH "/vmtest/job.modules"

/*
 * On the kernel command line, with a number above 0: init preempts the job on every CPU at moments
 * drawn from it. Under icount the same number disturbs in the same way, and another one in another.
 * "later": init stops the machine just before the job, by the pvpanic device, and reads the number
 * when it goes on: VT_SEED_DIGITS decimal digits in QEMU's firmware configuration file.
 */
#define VT_DISTURB_OPTION "vmtest.disturb="
#define VT_DISTURB_LATER  "later"
#define VT_SEED_FILE	  "opt/vmtest/seed"
#define VT_SEED_DIGITS	  10

/* Markers init writes to the kernel log, so that console text can be laid to the test that ran. */
#define VT_MARK_READY "vmtest: ready"
#define VT_MARK_START "vmtest: start "
#define VT_MARK_END   "vmtest: end"

#endif
