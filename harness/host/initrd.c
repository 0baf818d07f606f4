// SPDX-License-Identifier: GPL-2.0-only
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "../common/proto.h"
#include "initrd.h"
#include "util.h"

struct shared {
	char *path;
	struct shared *next;
};

struct cpio_writer {
	struct archive *a;
	int fd;
	unsigned inode;
	struct shared *shared;
};

struct cpio_writer *cpio_new(void)
{
	struct cpio_writer *w = xcalloc(1, sizeof(*w));

	w->fd = memfd_create("vmtest-initrd", MFD_CLOEXEC);
	w->a = archive_write_new();
	archive_write_set_format_cpio_newc(w->a);
	archive_write_set_bytes_per_block(w->a, 0);
	if (w->fd < 0 || archive_write_open_fd(w->a, w->fd) != ARCHIVE_OK) {
		err("initramfs: %s", w->fd < 0 ? strerror(errno) : archive_error_string(w->a));
		archive_write_free(w->a);
		free(w);
		return NULL;
	}
	return w;
}

static int add_entry(struct cpio_writer *w, const char *name, unsigned type, unsigned mode,
		     const void *data, size_t len)
{
	struct archive_entry *e = archive_entry_new();
	int ret = 0;

	archive_entry_set_pathname(e, name[0] == '/' ? name + 1 : name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, mode);
	archive_entry_set_size(e, len);
	archive_entry_set_ino(e, ++w->inode);
	archive_entry_set_mtime(e, 0, 0);
	if (archive_write_header(w->a, e) != ARCHIVE_OK ||
	    (len && archive_write_data(w->a, data, len) != (la_ssize_t)len))
		ret = err("initramfs: %s: %s", name, archive_error_string(w->a));
	archive_entry_free(e);
	return ret;
}

int cpio_add(struct cpio_writer *w, const char *name, unsigned mode, const void *data, size_t len)
{
	return add_entry(w, name, AE_IFREG, mode, data, len);
}

int cpio_add_dir(struct cpio_writer *w, const char *name)
{
	return add_entry(w, name, AE_IFDIR, 0755, NULL, 0);
}

int cpio_add_file(struct cpio_writer *w, const char *name, unsigned mode, const char *path)
{
	size_t len;
	char *data = read_file(path, &len);
	int ret;

	if (!data)
		return err("%s: %s", path, strerror(errno));
	ret = cpio_add(w, name, mode, data, len);
	free(data);
	return ret;
}

int cpio_add_shared(struct cpio_writer *w, const char *path)
{
	struct shared *s;

	for (s = w->shared; s; s = s->next)
		if (!strcmp(s->path, path))
			return 0;
	s = xcalloc(1, sizeof(*s));
	*s = (struct shared){xstrdup(path), w->shared};
	w->shared = s;
	return cpio_add_file(w, path, 0755, path);
}

int cpio_append(struct cpio_writer *w, int fd)
{
	/* Finish ours first: the kernel resumes at the next archive on a 4-byte boundary. */
	static char block[1 << 16];
	off_t at = 0;
	ssize_t n;

	if (archive_write_close(w->a) != ARCHIVE_OK)
		return err("initramfs: %s", archive_error_string(w->a));
	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		if (write_all(w->fd, block, n) < 0)
			return err("initramfs: %s", strerror(errno));
		at += n;
	}
	return n < 0 ? err("initramfs: %s", strerror(errno)) : 0;
}

int cpio_close(struct cpio_writer *w)
{
	int fd = w->fd;

	if (archive_write_close(w->a) != ARCHIVE_OK) {
		err("initramfs: %s", archive_error_string(w->a));
		close(fd);
		fd = -1;
	}
	archive_write_free(w->a);
	while (w->shared) {
		struct shared *next = w->shared->next;

		free(w->shared->path);
		free(w->shared);
		w->shared = next;
	}
	free(w);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

int cpio_add_modules(struct cpio_writer *w, const char *list, const struct module_set *modules)
{
	char *text = xstrdup("");
	int ret = 0;

	for (size_t i = 0; i < modules->order_count && ret == 0; i++) {
		const struct module *m = modules->order[i];
		char *name = fmt("/modules/%s.ko", m->name), *more = fmt("%s%s\n", text, name);

		free(text);
		text = more;
		ret = cpio_add(w, name, 0644, m->data, m->size);
		free(name);
	}
	if (ret == 0 && text[0])
		ret = cpio_add(w, list, 0644, text, strlen(text));
	free(text);
	return ret;
}

int initramfs_build(const char *init_path, const struct module_set *modules)
{
	static const char *const dirs[] = {"dev", "proc", "sys",    "tmp",
					   "run", "work", "vmtest", "modules"};
	struct cpio_writer *w = cpio_new();
	int ret = 0;

	if (!w)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && ret == 0; i++)
		ret = cpio_add_dir(w, dirs[i]);
	if (ret == 0)
		ret = cpio_add_file(w, "init", 0755, init_path);
	if (ret == 0)
		ret = cpio_add_modules(w, VT_MODULES_PATH, modules);
	if (ret < 0) {
		close(cpio_close(w));
		return -1;
	}
	return cpio_close(w);
}
