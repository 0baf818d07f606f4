// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "unpack.h"
#include "util.h"

/*
 * Where a member of the package goes below the kernel's directory, to free(); NULL to leave it out.
 * Kernels before 6.19 keep the image in /boot, later ones beside their modules; /lib moved into
 * /usr.
 */
static char *destination(const char *member, const char *release)
{
	char *modules = fmt("lib/modules/%s/", release), *to = NULL;
	size_t n = strlen(modules);

	if (!strncmp(member, "./", 2))
		member += 2;
	if (!strncmp(member, "usr/", 4))
		member += 4;
	if (!strncmp(member, "boot/vmlinuz-", 13)) {
		to = xstrdup("vmlinuz");
	} else if (!strncmp(member, "boot/config-", 12)) {
		to = xstrdup("config");
	} else if (!strncmp(member, modules, n)) {
		const char *rest = member + n;

		if (!strcmp(rest, "vmlinuz") || !strcmp(rest, "config"))
			to = xstrdup(rest);
		else if (!strncmp(rest, "kernel/", 7) || !strncmp(rest, "modules.builtin", 15))
			to = fmt("modules/%s", rest);
	}
	free(modules);
	return to;
}

static int copy_data(struct archive *from, struct archive *to)
{
	const void *block;
	size_t size;
	la_int64_t offset;
	int r;

	while ((r = archive_read_data_block(from, &block, &size, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(to, block, size, offset) < 0)
			return err("unpacking: %s", archive_error_string(to));
	return r == ARCHIVE_EOF ? 0 : err("unpacking: %s", archive_error_string(from));
}

static int unpack_members(struct archive *tar, const char *dir, const char *release)
{
	struct archive *disk = archive_write_disk_new();
	struct archive_entry *e;
	int r, ret = 0;

	archive_write_disk_set_options(disk, ARCHIVE_EXTRACT_SECURE_NODOTDOT);
	while (ret == 0 && (r = archive_read_next_header(tar, &e)) == ARCHIVE_OK) {
		char *to = destination(archive_entry_pathname(e), release), *path;

		if (!to || archive_entry_filetype(e) != AE_IFREG) {
			free(to);
			continue;
		}
		path = fmt("%s/%s", dir, to);
		archive_entry_set_pathname(e, path);
		archive_entry_set_perm(e, 0644);
		if (archive_write_header(disk, e) != ARCHIVE_OK)
			ret = err("%s: %s", path, archive_error_string(disk));
		else
			ret = copy_data(tar, disk);
		if (ret == 0 && archive_write_finish_entry(disk) != ARCHIVE_OK)
			ret = err("%s: %s", path, archive_error_string(disk));
		free(path);
		free(to);
	}
	if (ret == 0 && r != ARCHIVE_EOF)
		ret = err("unpacking: %s", archive_error_string(tar));
	archive_write_free(disk);
	return ret;
}

/* deb(5): an ar archive whose member data.tar.* is the file system. Inner bytes come from the
 * outer. */
static la_ssize_t read_outer(struct archive *inner, void *outer, const void **buffer)
{
	static char block[1 << 16];

	(void)inner;
	*buffer = block;
	return archive_read_data(outer, block, sizeof(block));
}

static int unpack_deb(const char *deb, const char *dir, const char *release)
{
	struct archive *ar = archive_read_new();
	struct archive_entry *e;
	int ret = -1;

	archive_read_support_format_ar(ar);
	if (archive_read_open_filename(ar, deb, 1 << 16) != ARCHIVE_OK) {
		err("%s: %s", deb, archive_error_string(ar));
		archive_read_free(ar);
		return -1;
	}
	while (archive_read_next_header(ar, &e) == ARCHIVE_OK) {
		struct archive *tar;

		if (strncmp(archive_entry_pathname(e), "data.tar", 8))
			continue;
		tar = archive_read_new();
		archive_read_support_filter_all(tar);
		archive_read_support_format_tar(tar);
		if (archive_read_open(tar, ar, NULL, read_outer, NULL) == ARCHIVE_OK)
			ret = unpack_members(tar, dir, release);
		else
			err("%s: %s", deb, archive_error_string(tar));
		archive_read_free(tar);
		break;
	}
	archive_read_free(ar);
	return ret;
}

int unpack_kernel_packages(const char *dir, const char *release)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int ret = 0;
	char *image;

	if (!d)
		return err("%s: %s", dir, strerror(errno));
	while (ret == 0 && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		char *deb;

		if (n < 4 || strcmp(e->d_name + n - 4, ".deb"))
			continue;
		deb = fmt("%s/%s", dir, e->d_name);
		ret = unpack_deb(deb, dir, release);
		unlink(deb);
		free(deb);
	}
	closedir(d);
	image = fmt("%s/vmlinuz", dir);
	if (ret == 0 && access(image, R_OK) < 0)
		ret = err("the packages of %s hold no kernel image", release);
	free(image);
	return ret;
}
