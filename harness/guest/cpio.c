// SPDX-License-Identifier: GPL-2.0-only
/*
 * newc cpio, the format of the kernel's own initramfs (Documentation/driver-api/early-userspace/
 * buffer-format.rst), unpacked from a stream. The same archive can thus be given to the kernel as a
 * second initrd or sent to a running VM.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

enum { HEAD, NAME, BODY, DONE };

#define NEWC_HEADER 110
#define ROUND4(n)   (((n) + 3u) & ~3u)

void cpio_init(struct cpio *c)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static int damaged(void)
{
	errno = EBADMSG;
	return -1;
}

/* The header is 13 fields of 8 hexadecimal digits after the 6 characters of magic. */
static int field(const struct cpio *c, int i, uint32_t *value)
{
	char text[9], *end;

	memcpy(text, c->head + 6 + 8 * i, 8);
	text[8] = '\0';
	*value = strtoul(text, &end, 16);
	return *end ? damaged() : 0;
}

static int parse_head(struct cpio *c)
{
	if (memcmp(c->head, "070701", 6) && memcmp(c->head, "070702", 6))
		return damaged();
	if (field(c, 1, &c->mode) || field(c, 6, &c->size) || field(c, 11, &c->namesize))
		return -1;
	if (c->namesize < 2 || c->namesize > sizeof(c->name))
		return damaged();
	return 0;
}

static void make_parents(const char *path)
{
	char dir[sizeof(((struct cpio *)0)->name)];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		memcpy(dir, path, p - path);
		dir[p - path] = '\0';
		mkdir(dir, 0755);
	}
}

/* Called with the name known and the body to come. */
static int entry_begin(struct cpio *c, char *path, size_t size)
{
	snprintf(path, size, "/%s", c->name[0] == '/' ? c->name + 1 : c->name);
	make_parents(path);
	if (S_ISDIR(c->mode)) {
		if (mkdir(path, c->mode & 07777) < 0 && errno != EEXIST)
			return -1;
	} else if (S_ISREG(c->mode)) {
		unlink(path);
		c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, c->mode & 07777);
		if (c->fd < 0)
			return -1;
	} else if (S_ISLNK(c->mode)) {
		if (c->size >= PATH_MAX)
			return damaged();
		c->link = calloc(1, c->size + 1);
		if (!c->link)
			return -1;
	}
	return 0;
}

static int entry_data(struct cpio *c, const unsigned char *data, size_t len)
{
	if (c->link)
		memcpy(c->link + (c->size - c->left), data, len);
	while (c->fd >= 0 && len) {
		ssize_t n = write(c->fd, data, len);

		if (n < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

static int entry_end(struct cpio *c, const char *path)
{
	int err = 0;

	if (c->fd >= 0)
		err = close(c->fd);
	c->fd = -1;
	if (c->link) {
		unlink(path);
		err = symlink(c->link, path);
	}
	free(c->link);
	c->link = NULL;
	return err;
}

static size_t take(struct cpio *c, void *to, size_t want, const unsigned char **data, size_t *len)
{
	size_t n = want - c->have < *len ? want - c->have : *len;

	memcpy((char *)to + c->have, *data, n);
	c->have += n;
	*data += n;
	*len -= n;
	return c->have == want;
}

int cpio_feed(struct cpio *c, const unsigned char *data, size_t len)
{
	static char path[sizeof(c->name) + 2];

	while (len) {
		size_t n = c->pad < len ? c->pad : len;

		c->pad -= n;
		data += n;
		len -= n;
		switch (c->state) {
		case HEAD:
			if (!len || !take(c, c->head, NEWC_HEADER, &data, &len))
				continue;
			if (parse_head(c))
				return -1;
			c->have = 0;
			c->state = NAME;
			break;
		case NAME:
			if (!take(c, c->name, c->namesize, &data, &len))
				continue;
			c->have = 0;
			c->name[c->namesize - 1] = '\0';
			c->pad = ROUND4(NEWC_HEADER + c->namesize) - (NEWC_HEADER + c->namesize);
			if (!strcmp(c->name, "TRAILER!!!")) {
				c->state = DONE;
				break;
			}
			if (entry_begin(c, path, sizeof(path)))
				return -1;
			c->left = c->size;
			c->state = BODY;
			if (c->left)
				break;
			if (entry_end(c, path))
				return -1;
			c->state = HEAD;
			break;
		case BODY:
			n = c->left < len ? c->left : len;
			if (entry_data(c, data, n))
				return -1;
			c->left -= n;
			data += n;
			len -= n;
			if (c->left)
				break;
			if (entry_end(c, path))
				return -1;
			c->pad = ROUND4(c->size) - c->size;
			c->state = HEAD;
			break;
		case DONE: /* zeroes pad it to its block size; then another archive may follow */
			while (len && !*data) {
				data++;
				len--;
			}
			if (len)
				c->state = HEAD;
			break;
		}
	}
	return 0;
}

int cpio_finish(struct cpio *c)
{
	if (c->state == DONE)
		return 0;
	errno = EPIPE;
	return -1;
}
