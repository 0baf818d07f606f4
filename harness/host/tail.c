// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "tail.h"
#include "util.h"

void tail_init(struct tail *t, size_t size)
{
	*t = (struct tail){.ring = xcalloc(1, size), .size = size};
}

void tail_add(struct tail *t, const char *data, size_t len)
{
	if (len > t->size) { /* all of it but the end is gone again at once */
		t->total += len - t->size;
		data += len - t->size;
		len = t->size;
	}
	while (len) {
		size_t at = t->total % t->size, n = t->size - at < len ? t->size - at : len;

		memcpy(t->ring + at, data, n);
		t->total += n;
		data += n;
		len -= n;
	}
}

char *tail_text(const struct tail *t, size_t max)
{
	size_t n = t->total < t->size ? t->total : t->size;
	char *text;

	if (n > max)
		n = max;
	text = xcalloc(1, n + 1);
	for (size_t i = 0; i < n; i++)
		text[i] = t->ring[(t->total - n + i) % t->size];
	return text;
}

void tail_free(struct tail *t)
{
	free(t->ring);
	*t = (struct tail){0};
}
