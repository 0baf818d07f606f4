/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel built without frame pointers still knows how to walk its stack: by ORC, a table in its
 * image. A debugger knows DWARF. This says the one in the words of the other.
 */
#ifndef VMTEST_ORC_H
#define VMTEST_ORC_H

#include <stddef.h>
#include <stdint.h>

struct orc_table {
	const unsigned char *ips; /* .orc_unwind_ip */
	uint64_t ips_addr; /* where the kernel has it: its entries are relative to themselves */
	const unsigned char *entries; /* .orc_unwind */
	size_t count;
	const unsigned char *header; /* .orc_header, 20 bytes, or NULL */
	uint64_t end;		     /* of the kernel's own code */
	uint64_t call_lo, call_hi;   /* the code that system calls enter by, or 0 */
};

/* A .debug_frame section, to free(); NULL when the table is of a format nobody here knows. */
void *orc_to_debug_frame(const struct orc_table *t, size_t *len);

#endif
