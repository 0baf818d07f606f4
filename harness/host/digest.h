/* SPDX-License-Identifier: GPL-2.0-only */
/* Checksums (XXH3, 128 bits) as hexadecimal text: for recognition, not against an adversary. */
#ifndef VMTEST_DIGEST_H
#define VMTEST_DIGEST_H

#include <stddef.h>

#define DIGEST_HEX 33 /* with its NUL */

struct digest;

struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);
/* The text and its NUL. */
void digest_add_text(struct digest *d, const char *text);
/* The whole file, wherever its offset is. 0, or -1 with errno. */
int digest_add_fd(struct digest *d, int fd);
/* Writes the sum so far. */
void digest_hex(const struct digest *d, char hex[DIGEST_HEX]);
void digest_free(struct digest *d);

/* Of a whole file. 0, or -1 with errno. */
int digest_of_fd(int fd, char hex[DIGEST_HEX]);
int digest_of_file(const char *path, char hex[DIGEST_HEX]);

#endif
