/* SPDX-License-Identifier: GPL-2.0-only */
/* The last bytes of a stream that may be endless. */
#ifndef VMTEST_TAIL_H
#define VMTEST_TAIL_H

#include <stddef.h>
#include <stdint.h>

struct tail {
	char *ring;
	size_t size;
	uint64_t total; /* bytes that ever came */
};

void tail_init(struct tail *t, size_t size);
void tail_add(struct tail *t, const char *data, size_t len);
/* The last `max` bytes (no more than are kept), NUL-terminated, to free(). */
char *tail_text(const struct tail *t, size_t max);
void tail_free(struct tail *t);

#endif
