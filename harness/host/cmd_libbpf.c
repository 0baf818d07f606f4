// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest libbpf`: the sources the loader is built with. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "cmd.h"
#include "config.h"
#include "util.h"

static const char libbpf_help[] =
	"usage: vmtest libbpf fetch [VERSION] --output FILE\n\n"
	"Brings the pinned libbpf sources of kernels/matrix.yaml (the first one listed unless VERSION is\n"
	"given) to FILE, by their sha256.\n";

int cmd_libbpf(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	const struct matrix *m = matrix_load();
	const struct libbpf_build *b = NULL;
	const char *output = NULL, *version;
	char *program, *state, *dir, *file;
	int c, ret = EXIT_HARNESS;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0) {
		if (c != 'o') {
			fputs(libbpf_help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_OK : EXIT_USAGE;
		}
		output = optarg;
	}
	if (!m)
		return EXIT_USAGE;
	if (!output || optind >= argc || strcmp(argv[optind], "fetch")) {
		fputs(libbpf_help, stderr);
		return EXIT_USAGE;
	}
	version = optind + 1 < argc ? argv[optind + 1] : m->libbpf[0].version;
	for (unsigned i = 0; i < m->libbpf_count; i++)
		if (!strcmp(m->libbpf[i].version, version))
			b = &m->libbpf[i];
	if (!b) {
		err("libbpf %s is not in kernels/matrix.yaml", version);
		return EXIT_USAGE;
	}
	program = fmt("%s/kernels/providers/packages", home_dir());
	state = fmt("%s/packages", cache_dir());
	dir = fmt("%s/sources", cache_dir());
	file = fmt("%s/%s", dir, b->file);
	if (make_dirs(dir) < 0 || make_dirs(state) < 0) {
		err("%s: %s", dir, strerror(errno));
	} else {
		char *argv_fetch[] = {program,	 "source", state,     dir, b->suite,
				      b->source, b->file,  b->sha256, NULL};
		size_t len;
		char *data;
		/* the provider has one index for all sources, and `make builds` asks for several */
		char *lock = fmt("%s/source.lock", state);
		int locked = cache_lock(lock);

		free(lock);
		if (access(file, R_OK) < 0)
			note("fetching libbpf %s", b->version);
		if (locked >= 0 && run_command(argv_fetch, NULL) == 0 &&
		    (data = read_file(file, &len))) {
			if (write_file(output, data, len) == 0)
				ret = EXIT_OK;
			else
				err("%s: %s", output, strerror(errno));
			free(data);
		}
		if (locked >= 0)
			close(locked);
	}
	free(program);
	free(state);
	free(dir);
	free(file);
	return ret;
}
