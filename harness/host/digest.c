// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "digest.h"

struct digest *digest_new(void)
{
	XXH3_state_t *s = XXH3_createState();

	XXH3_128bits_reset(s);
	return (struct digest *)s;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	XXH3_128bits_update((XXH3_state_t *)d, data, len);
}

void digest_add_text(struct digest *d, const char *text)
{
	digest_add(d, text, strlen(text) + 1);
}

int digest_add_fd(struct digest *d, int fd)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_size == 0)
		return 0;
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -1;
	digest_add(d, data, st.st_size);
	munmap(data, st.st_size);
	return 0;
}

void digest_hex(const struct digest *d, char hex[DIGEST_HEX])
{
	XXH128_hash_t h = XXH3_128bits_digest((const XXH3_state_t *)d);

	snprintf(hex, DIGEST_HEX, "%016llx%016llx", (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
}

void digest_free(struct digest *d)
{
	XXH3_freeState((XXH3_state_t *)d);
}

int digest_of_fd(int fd, char hex[DIGEST_HEX])
{
	struct digest *d = digest_new();
	int ret = digest_add_fd(d, fd);

	if (ret == 0)
		digest_hex(d, hex);
	digest_free(d);
	return ret;
}

int digest_of_file(const char *path, char hex[DIGEST_HEX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = digest_of_fd(fd, hex);
	close(fd);
	return ret;
}
