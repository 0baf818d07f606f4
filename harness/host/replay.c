// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "cmd.h"
#include "options.h"
#include "replay.h"
#include "results.h"
#include "saved.h"
#include "util.h"

/* The initramfs, once for all machines that have the same. 0, or -1 with errno. */
static int keep_initramfs(const char *path, int fd)
{
	char *tmp = fmt("%s.%d", path, (int)getpid());
	off_t at = 0, size = lseek(fd, 0, SEEK_END);
	int to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), ret = -1;

	while (to >= 0 && at < size && sendfile(to, fd, &at, size - at) > 0)
		;
	if (to >= 0 && at == size && rename(tmp, path) == 0)
		ret = 0;
	if (to >= 0)
		close(to);
	if (ret < 0)
		unlink(tmp);
	free(tmp);
	return ret;
}

int replay_keep(const char *run_dir, const char *label, const struct vm_config *c,
		const struct kernel *k, const char *console, const struct vm_end *end,
		const unsigned counts[OC_COUNT])
{
	char kernel_sum[DIGEST_HEX], initramfs_sum[DIGEST_HEX], *qemu = qemu_version(), *text;
	char *dir = fmt("%s/replay", run_dir), *path = fmt("%s/%s.json", dir, label), *initramfs;
	int ret = -1;
	json_t *o;

	if (make_dirs(dir) < 0 || digest_of_file(c->vmlinuz, kernel_sum) < 0 ||
	    digest_of_fd(c->initrd_fd, initramfs_sum) < 0) {
		err("%s: %s", path, strerror(errno));
		goto out;
	}
	initramfs = fmt("%s/%s.cpio", dir, initramfs_sum);
	o = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:b, s:f, s:f, s:s, "
		"s:s, s:i, s:s}",
		"v", 1, "label", label, "kernel", k->asked, "release", k->release, "vmlinuz",
		c->vmlinuz, "kernel_xxh3", kernel_sum, "initramfs", initramfs_sum, "profile",
		c->profile->name, "cpus", (int)c->cpus, "memory_mib", (int)c->mem_mib, "seed",
		(int)c->seed, "disturbed", c->disturbed, "seed_later", c->seed_later, "boot_s",
		c->boot_ms / 1e3, "job_s", c->job_ms / 1e3, "outcome", outcome_name(end->outcome),
		"said", end->said, "exit", run_exit(counts), "qemu", qemu);
	json_object_set_new(o, "console", json_string(console));
	json_object_set_new(o, "outcomes", outcomes_json(counts));
	if (c->append)
		json_object_set_new(o, "append", json_string(c->append));
	text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	if ((access(initramfs, R_OK) < 0 && keep_initramfs(initramfs, c->initrd_fd) < 0) || !text ||
	    write_file(path, text, strlen(text)) < 0)
		err("%s: %s", path, strerror(errno));
	else
		ret = 0;
	free(text);
	free(initramfs);
out:
	free(qemu);
	free(path);
	free(dir);
	return ret;
}

struct replay {
	json_t *kept;
	char *run_dir;
	struct vm_config config;
	struct vm_end end;
	uv_loop_t loop;
};

static const char *text_of(const struct replay *r, const char *key)
{
	const char *text = json_string_value(json_object_get(r->kept, key));

	return text ? text : "";
}

static int number_of(const struct replay *r, const char *key)
{
	return json_integer_value(json_object_get(r->kept, key));
}

static void on_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	struct replay *r = ctx;

	(void)console;
	r->end = *end;
}

static const struct vm_ops ops = {vm_ignore_line, vm_ignore_output, vm_no_step, on_done};

/* 0, or an exit code after err(). */
static int load(struct replay *r)
{
	char sum[DIGEST_HEX], *qemu = qemu_version(), *initramfs;
	int ret = EXIT_HARNESS;

	initramfs = fmt("%s/replay/%s.cpio", r->run_dir, text_of(r, "initramfs"));
	r->config = (struct vm_config){
		.vmlinuz = text_of(r, "vmlinuz"),
		.release = text_of(r, "release"),
		.initrd_fd = open(initramfs, O_RDONLY | O_CLOEXEC),
		.payload_fd = -1,
		.state_fd = -1,
		.append = json_string_value(json_object_get(r->kept, "append")),
		.profile = profile_find(text_of(r, "profile")),
		.accel = ACCEL_TCG,
		.cpus = number_of(r, "cpus"),
		.mem_mib = number_of(r, "memory_mib"),
		.deterministic = true,
		.seed = number_of(r, "seed"),
		.disturbed = json_is_true(json_object_get(r->kept, "disturbed")),
		.seed_later = json_is_true(json_object_get(r->kept, "seed_later")),
		.boot_ms = json_number_value(json_object_get(r->kept, "boot_s")) * 1000,
		.job_ms = json_number_value(json_object_get(r->kept, "job_s")) * 1000,
	};
	if (number_of(r, "v") != 1 || !r->config.profile)
		err("%s was kept by another version of vmtest", text_of(r, "label"));
	else if (r->config.initrd_fd < 0)
		err("%s: %s", initramfs, strerror(errno));
	else if (digest_of_file(r->config.vmlinuz, sum) < 0)
		err("%s: %s: bring the kernel back with `vmtest kernels fetch %s`",
		    r->config.vmlinuz, strerror(errno), text_of(r, "kernel"));
	else if (strcmp(sum, text_of(r, "kernel_xxh3")))
		err("%s is another kernel than the one this was recorded with", r->config.vmlinuz);
	else
		ret = 0;
	if (ret == 0 && strcmp(qemu, text_of(r, "qemu")))
		warn("recorded with QEMU %s, this is %s: it may go differently", text_of(r, "qemu"),
		     qemu);
	free(qemu);
	free(initramfs);
	return ret;
}

/* The first line that differs, counted from 1; 0 when the files are the same. */
static unsigned differs_at(const char *was, size_t was_len, const char *is, size_t is_len)
{
	unsigned line = 1;

	for (size_t i = 0;; i++) {
		if (i == was_len && i == is_len)
			return 0;
		if (i == was_len || i == is_len || was[i] != is[i])
			return line;
		line += was[i] == '\n';
	}
}

/* The state to begin from is known; when it is gone from the cache it is made again, the same. */
static void launch(void *ctx, int state_fd, const struct vm_end *end, const char *console)
{
	struct replay *r = ctx;

	(void)console; /* where again() looks */

	r->config.state_fd = state_fd;
	if (end->outcome != OC_PASS)
		r->end = *end;
	else
		vm_start(&r->loop, &r->config, &ops, r);
	if (state_fd >= 0)
		close(state_fd);
	r->config.state_fd = -1;
}

static void say_same(const struct replay *r, unsigned n, unsigned times, size_t bytes)
{
	char *found = json_dumps(json_object_get(r->kept, "outcomes"), JSON_SORT_KEYS);

	printf("replay %u of %u of %s: again %s%s%s; console identical, %zu bytes\n", n, times,
	       text_of(r, "label"), found ? found : "", r->end.reason[0] ? ": " : "", r->end.reason,
	       bytes);
	free(found);
}

/* Runs it once more. True when it went as it did. */
static bool again(struct replay *r, unsigned n, unsigned times)
{
	char *was_path = fmt("%s/%s", r->run_dir, text_of(r, "console"));
	char *is_path = fmt("%s/replay/%s.log", r->run_dir, text_of(r, "label"));
	size_t was_len = 0, is_len = 0;
	char *was, *is;
	unsigned line;
	bool same = false;

	r->config.console_path = is_path;
	r->config.end_ms = r->config.boot_ms;
	r->end = (struct vm_end){.outcome = OC_QEMU_DIED, .reason = "QEMU could not be started"};
	saved_get(&r->loop, &r->config, launch, r);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	was = read_file(was_path, &was_len);
	is = read_file(is_path, &is_len);
	line = differs_at(was ? was : "", was_len, is ? is : "", is_len);
	if (!was || !is)
		err("%s: %s", was ? is_path : was_path, strerror(errno));
	else if (line)
		err("replay %u of %u of %s: %s: the console differs from line %u on: compare %s and %s",
		    n, times, text_of(r, "label"), outcome_name(r->end.outcome), line, was_path,
		    is_path);
	else if (strcmp(r->end.said, text_of(r, "said")))
		err("replay %u of %u of %s: the console is the same, what the tests reported is not",
		    n, times, text_of(r, "label"));
	else
		same = true;
	if (same)
		say_same(r, n, times, is_len);
	fflush(stdout);
	free(was);
	free(is);
	free(was_path);
	free(is_path);
	return same;
}

static int list_kept(const char *run_dir)
{
	char *dir = fmt("%s/replay", run_dir);
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		char *dot = strrchr(e->d_name, '.');

		if (e->d_name[0] != '.' && dot && !strcmp(dot, ".json")) {
			printf("%.*s\n", (int)(dot - e->d_name), e->d_name);
			n++;
		}
	}
	if (d)
		closedir(d);
	if (!n)
		note("%s keeps nothing to replay: only machines run with --seed (or the icount profile)"
		     " that ended badly are kept",
		     run_dir);
	free(dir);
	return EXIT_OK;
}

static const char help[] =
	"usage: vmtest replay [--run DIR] [--times N] [CELL]\n\n"
	"Repeats a failure bit for bit: the same machine, kernel, initramfs and seed. What is kept are\n"
	"machines of `vmtest test --seed` (and of the icount profile) that ended badly. Without CELL the\n"
	"kept ones are listed; the report names them, too.\n\n"
	"  --run DIR    the run's folder (results/latest)\n"
	"  --times N    so often (1)\n\n"
	"exit: as the recorded run's (1 the product failed, 3 a test or the machine); 3 when it did not\n"
	"go as it had gone\n\n"
	"example:\n"
	"  vmtest test --kernel 6.12 --suites race.yaml --seeds 1..100\n"
	"  vmtest replay 6.12.107+deb13-cloud-amd64-race-seed17\n";

int cmd_replay(int argc, char **argv)
{
	struct replay r = {.run_dir = "results/latest"};
	unsigned times = 1;
	const char *run_dir = r.run_dir;
	const struct opt table[] = {
		{OPT_TEXT, "run", 'r', &run_dir, 0, 0, NULL},
		{OPT_COUNT, "times", 'n', &times, 1, 100000, NULL},
		{.kind = OPT_END},
	};
	int code = opts_parse(argc, argv, OPT_TABLES(table), false, help);
	json_error_t e;
	char *path;

	if (code >= 0)
		return code;
	if (optind == argc)
		return list_kept(run_dir);
	if (optind + 1 < argc) {
		err("one CELL at a time");
		return EXIT_USAGE;
	}
	r.run_dir = (char *)run_dir;
	path = fmt("%s/replay/%s.json", run_dir, argv[optind]);
	r.kept = json_load_file(path, 0, &e);
	if (!r.kept) {
		err("%s: %s; `vmtest replay` lists what is kept", path, e.text);
		free(path);
		return EXIT_USAGE;
	}
	free(path);
	uv_loop_init(&r.loop);
	code = load(&r);
	for (unsigned n = 1; code == 0 && n <= times; n++)
		if (!again(&r, n, times))
			code = EXIT_HARNESS;
	if (code == 0)
		code = number_of(&r, "exit");
	json_decref(r.kept);
	return code;
}
