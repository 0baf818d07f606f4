// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

#include "hostprog.h"
#include "util.h"

char *hostprog_find(const char *command)
{
	char *found;

	if (strchr(command, '/')) {
		found = realpath(command, NULL);
		if (!found)
			err("%s: %s", command, strerror(errno));
		return found;
	}
	found = find_in_path(command);
	if (!found)
		err("%s: not found in PATH", command);
	return found;
}

/* The ELF interpreter of a dynamic program, to free(); NULL for a static one or no ELF. */
static char *elf_interpreter(char *data, size_t len)
{
	Elf *elf;
	char *interpreter = NULL;
	size_t n = 0;

	elf_version(EV_CURRENT);
	elf = elf_memory(data, len);
	if (elf && elf_kind(elf) == ELF_K_ELF)
		elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n && !interpreter; i++) {
		GElf_Phdr ph;

		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_INTERP &&
		    ph.p_offset + ph.p_filesz <= len)
			interpreter = fmt("%.*s", (int)ph.p_filesz, data + ph.p_offset);
	}
	elf_end(elf);
	return interpreter;
}

/* The folders of a file, which the kernel does not make for what it unpacks at boot. */
static int add_folders(struct cpio_writer *w, const char *path)
{
	int ret = 0;

	for (const char *slash = path + 1; ret == 0 && (slash = strchr(slash, '/')); slash++) {
		char *folder = fmt("%.*s", (int)(slash - path), path);

		ret = cpio_add_dir(w, folder);
		free(folder);
	}
	return ret;
}

static int add_library(struct cpio_writer *w, const char *file)
{
	int ret = add_folders(w, file);

	return ret < 0 ? ret : cpio_add_shared(w, file);
}

/*
 * Lines of ld.so --list:  "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)", the loader itself
 * and the vDSO without an arrow, "libx.so => not found".
 */
static int add_libraries(struct cpio_writer *w, const char *loader, const char *path)
{
	char *argv[] = {(char *)loader, "--list", (char *)path, NULL}, *out = NULL, *line, *save;
	int ret = 0;

	if (run_command(argv, &out) != 0) {
		free(out);
		return err("%s: the dynamic loader %s cannot list its libraries", path, loader);
	}
	for (line = strtok_r(out, "\n", &save); line && ret == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		char *arrow = strstr(line, "=> "), *file, *end;

		if (!arrow)
			continue;
		file = arrow + 3;
		end = strstr(file, " (");
		if (!end) {
			ret = err("%s needs a library that is not here:%s", path, line);
			break;
		}
		*end = '\0';
		ret = add_library(w, file);
	}
	free(out);
	return ret;
}

static int add_script(struct cpio_writer *w, const char *data)
{
	const char *p = data + 2;
	char *interpreter;
	int ret;

	while (*p == ' ' || *p == '\t')
		p++;
	interpreter = fmt("%.*s", (int)strcspn(p, " \t\n"), p);
	ret = hostprog_add(w, interpreter);
	if (ret == 0 && strstr(interpreter, "/env")) { /* "#!/usr/bin/env PROGRAM" */
		char *name, *found;

		p += strcspn(p, " \t\n");
		p += strspn(p, " \t");
		name = fmt("%.*s", (int)strcspn(p, " \t\n"), p);
		found = hostprog_find(name);
		ret = found ? hostprog_add(w, found) : -1;
		free(found);
		free(name);
	}
	free(interpreter);
	return ret;
}

static int add_dynamic(struct cpio_writer *w, const char *loader, const char *path)
{
	int ret = add_library(w, loader);

	return ret < 0 ? ret : add_libraries(w, loader, path);
}

int hostprog_add_libraries(struct cpio_writer *w, const char *path)
{
	size_t len;
	char *data = read_file(path, &len), *loader;
	int ret = 0;

	if (!data)
		return err("%s: %s", path, strerror(errno));
	loader = elf_interpreter(data, len);
	if (loader && !access(loader, X_OK))
		ret = add_dynamic(w, loader, path);
	free(loader);
	free(data);
	return ret;
}

int hostprog_add(struct cpio_writer *w, const char *path)
{
	size_t len;
	char *data = read_file(path, &len), *loader;
	int ret;

	if (!data)
		return err("%s: %s", path, strerror(errno));
	ret = add_folders(w, path);
	if (ret == 0)
		ret = cpio_add(w, path, 0755, data, len);
	if (ret == 0 && len > 2 && !memcmp(data, "#!", 2)) {
		ret = add_script(w, data);
	} else if (ret == 0 && (loader = elf_interpreter(data, len))) {
		ret = add_dynamic(w, loader, path);
		free(loader);
	}
	free(data);
	return ret;
}

static struct {
	struct cpio_writer *w;
	size_t skip;
	const char *to;
} walk; /* nftw has no context argument */

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *to = fmt("%s%s", walk.to, path + walk.skip);
	int ret = 0;

	(void)ftw;
	if (type == FTW_D)
		ret = cpio_add_dir(walk.w, to);
	else if (type == FTW_F && S_ISREG(st->st_mode))
		ret = cpio_add_file(walk.w, to, st->st_mode & 07777, path);
	free(to);
	return ret;
}

int hostprog_copy(struct cpio_writer *w, const char *from, const char *to)
{
	struct stat st;

	if (stat(from, &st) < 0)
		return err("%s: %s", from, strerror(errno));
	if (S_ISREG(st.st_mode)) {
		int ret = cpio_add_file(w, to, st.st_mode & 07777, from);

		return ret < 0 || !(st.st_mode & 0111) ? ret : hostprog_add_libraries(w, from);
	}
	walk.w = w;
	walk.skip = strlen(from);
	walk.to = to;
	return nftw(from, copy_one, 16, 0) ? -1 : 0;
}
