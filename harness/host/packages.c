// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "packages.h"
#include "unpack.h"
#include "util.h"

/* Debian releases a stable kernel every few weeks; a day's old index is new enough, --refresh is
 * not. */
#define INDEX_MAX_AGE_S (24 * 3600)

static char *provider_path(const char *provider)
{
	return fmt("%s/kernels/providers/%s", home_dir(), provider);
}

static char *state_dir(const char *provider)
{
	char *dir = fmt("%s/%s", cache_dir(), provider);

	if (make_dirs(dir) < 0)
		warn("%s: %s", dir, strerror(errno));
	return dir;
}

static int provider_update(const struct matrix *m, const char *program, const char *state)
{
	char **argv = xcalloc(m->archive.suites_count + 4, sizeof(char *));
	unsigned n = 0;
	int ret;

	argv[n++] = (char *)program;
	argv[n++] = "update";
	argv[n++] = (char *)state;
	for (unsigned i = 0; i < m->archive.suites_count; i++)
		argv[n++] = m->archive.suites[i];
	ret = run_command(argv, NULL);
	free(argv);
	return ret;
}

/* The first line of a kept list names its form and the suites it was made from: another set is
 * another list. */
static char *list_header(const struct matrix *m)
{
	char *head = xstrdup("#2");

	for (unsigned i = 0; i < m->archive.suites_count; i++) {
		char *more = fmt("%s %s", head, m->archive.suites[i]);

		free(head);
		head = more;
	}
	return head;
}

static bool is_fresh(const char *path, const char *header)
{
	struct stat st;
	char *text;
	bool same;

	if (stat(path, &st) < 0 || time(NULL) - st.st_mtime > INDEX_MAX_AGE_S)
		return false;
	text = read_file(path, NULL);
	same = text && !strncmp(text, header, strlen(header)) && text[strlen(header)] == '\n';
	free(text);
	return same;
}

/* The lists of several flavours are made from one index: `again` when it must be looked at anew. */
static int refresh_list(const struct matrix *m, const char *program, const char *state,
			const char *flavour, const char *path, const char *header, bool again)
{
	static bool updated;
	char *argv[] = {(char *)program, "list", (char *)state, (char *)flavour, NULL}, *out = NULL;
	int ret = -1;

	if (again || !updated) {
		note("refreshing the index of kernels");
		updated = provider_update(m, program, state) == 0;
	}
	if (updated && run_command(argv, &out) == 0 && out[0]) {
		char *text = fmt("%s\n%s", header, out);

		ret = write_file(path, text, strlen(text));
		if (ret < 0)
			err("%s: %s", path, strerror(errno));
		free(text);
	}
	free(out);
	return ret;
}

static struct listed *parse_list(char *text)
{
	struct listed *all;
	size_t lines = 1, n = 0;
	char *line, *save;

	for (char *p = text; *p; p++)
		lines += *p == '\n';
	all = xcalloc(lines + 1, sizeof(*all));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char up[64], rel[128], ver[64], pkg[512], sums[512];

		if (line[0] == '#' ||
		    sscanf(line, "%63s %127s %63s %511s %511s", up, rel, ver, pkg, sums) != 5)
			continue;
		all[n++] = (struct listed){xstrdup(up), xstrdup(rel), xstrdup(ver), xstrdup(pkg),
					   xstrdup(sums)};
	}
	return all;
}

struct listed *packages_list(const struct matrix *m, const char *provider, const char *flavour,
			     bool refresh)
{
	char *program = provider_path(provider), *state = state_dir(provider);
	char *path = fmt("%s/%s.list", state, flavour), *lock_path = fmt("%s/lock", state);
	char *header = list_header(m), *text;
	struct listed *all = NULL;
	int fd = cache_lock(lock_path);

	if (fd < 0)
		goto out;
	if ((refresh || !is_fresh(path, header)) &&
	    refresh_list(m, program, state, flavour, path, header, refresh) < 0) {
		if (access(path, R_OK) < 0) {
			err("no index of kernels, and it could not be fetched: is there a network? Set "
			    "VMTEST_DEBIAN_MIRROR to another mirror, or give the path of a bzImage");
			goto out;
		}
		warn("the index could not be refreshed: using the one kept in %s", path);
	}
	text = read_file(path, NULL);
	if (!text) {
		err("%s: %s", path, strerror(errno));
		goto out;
	}
	all = parse_list(text);
	free(text);
out:
	if (fd >= 0)
		close(fd);
	free(program);
	free(state);
	free(path);
	free(lock_path);
	free(header);
	return all;
}

struct listed *packages_kept(const struct matrix *m, const char *provider, const char *flavour)
{
	char *path = fmt("%s/%s/%s.list", cache_dir(), provider, flavour), *header = list_header(m);
	char *text = read_file(path, NULL);
	struct listed *all = NULL;

	if (text && !strncmp(text, header, strlen(header)) && text[strlen(header)] == '\n')
		all = parse_list(text);
	free(text);
	free(header);
	free(path);
	return all;
}

bool packages_list_is_fresh(const struct matrix *m, const char *provider, const char *flavour)
{
	char *path = fmt("%s/%s/%s.list", cache_dir(), provider, flavour), *header = list_header(m);
	bool fresh = is_fresh(path, header);

	free(header);
	free(path);
	return fresh;
}

/* What a kernel is made of, one package a line: "SHA256  PACKAGE=VERSION". */
static char *made_of(const struct listed *k)
{
	char *names = xstrdup(k->packages), *sums = xstrdup(k->sums), *text = xstrdup("");
	char *name, *sum, *save_name, *save_sum;

	name = strtok_r(names, ",", &save_name);
	sum = strtok_r(sums, ",", &save_sum);
	while (name && sum) {
		char *more = fmt("%s%s  %s=%s\n", text, sum, name, k->version);

		free(text);
		text = more;
		name = strtok_r(NULL, ",", &save_name);
		sum = strtok_r(NULL, ",", &save_sum);
	}
	free(names);
	free(sums);
	return text;
}

struct download {
	const char *provider;
	const struct listed *kernel;
};

static int note_packages(const char *dir, const struct listed *k)
{
	char *path = fmt("%s/packages", dir), *text = made_of(k);
	int ret = write_file(path, text, strlen(text));

	if (ret < 0)
		err("%s: %s", path, strerror(errno));
	free(path);
	free(text);
	return ret;
}

/* Downloads into `dir` and unpacks there. The packages themselves are not kept. */
static int download(const char *dir, void *context)
{
	const struct download *d = context;
	const struct listed *k = d->kernel;
	char *program = provider_path(d->provider), *state = state_dir(d->provider);
	char *list = made_of(k), *save, *line, *argv[16] = {0};
	int n = 0, ret;

	argv[n++] = program;
	argv[n++] = "fetch";
	argv[n++] = state;
	argv[n++] = (char *)dir;
	for (line = strtok_r(list, "\n", &save); line && n < 15; line = strtok_r(NULL, "\n", &save))
		argv[n++] = fmt("%s#%.64s", line + strcspn(line, " ") + 2, line);
	note("fetching kernel %s (%s)", k->release, k->packages);
	ret = run_command(argv, NULL);
	for (int i = 4; i < n; i++)
		free(argv[i]);
	free(list);
	free(program);
	free(state);
	if (ret != 0 || unpack_kernel_packages(dir, k->release) < 0)
		return -1;
	return note_packages(dir, k);
}

static char *cache_name(const struct listed *k)
{
	return fmt("%s_%s", k->release, k->version);
}

char *packages_fetch(const char *provider, const struct listed *k)
{
	struct download d = {provider, k};
	char *name = cache_name(k), *dir = cache_kernel(name, download, &d);

	free(name);
	return dir;
}

char *packages_cached(const struct listed *k, bool *same)
{
	char *name = cache_name(k), *dir = fmt("%s/kernels/%s", cache_dir(), name);
	char *path = fmt("%s/packages", dir), *wanted = made_of(k), *noted = read_file(path, NULL);

	*same = !noted || !strcmp(noted, wanted);
	if (access(dir, R_OK) < 0) {
		free(dir);
		dir = NULL;
	}
	free(name);
	free(path);
	free(wanted);
	free(noted);
	return dir;
}
