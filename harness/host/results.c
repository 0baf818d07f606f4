// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "features.h"
#include "features_skip.h"
#include "results.h"
#include "util.h"

/* What the build noted of its own tools (build/toolchain.json), or an empty object. */
static json_t *tools(void)
{
	char *path = fmt("%s/build/toolchain.json", home_dir());
	json_t *t = json_load_file(path, 0, NULL);

	free(path);
	return t ? t : json_object();
}

int run_open(struct run *run, const char *base, int argc, char **argv)
{
	char stamp[32], started[40], *console, *path, *qemu;
	time_t now = time(NULL);
	struct utsname u;
	struct tm tm;
	json_t *command = json_array();

	*run = (struct run){.fd = -1};
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	run->id = fmt("%s-%d", stamp, (int)getpid());
	run->base = xstrdup(base);
	run->dir = fmt("%s/%s", base, run->id);
	console = fmt("%s/console", run->dir);
	path = fmt("%s/results.jsonl", run->dir);
	if (make_dirs(console) < 0)
		return err("%s: %s", console, strerror(errno));
	run->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
	if (run->fd < 0)
		return err("%s: %s", path, strerror(errno));
	free(path);
	free(console);

	utc_now(started, sizeof(started));
	uname(&u);
	qemu = qemu_version();
	json_array_append_new(command, json_string("vmtest"));
	for (int i = 0; i < argc; i++)
		json_array_append_new(command, json_string(argv[i]));
	run->meta = json_pack("{s:i, s:s, s:s, s:o, s:{s:s, s:s, s:i, s:s}, s:o, s:[]}", "v", 1,
			      "run", run->id, "started", started, "command", command, "host",
			      "machine", u.machine, "kernel", u.release, "cpus",
			      (int)sysconf(_SC_NPROCESSORS_ONLN), "qemu", qemu, "tools", tools(),
			      "cells");
	free(qemu);
	return 0;
}

json_t *run_cell(const struct kernel *k, const struct build *b, const char *profile,
		 enum accel accel)
{
	char *id = fmt("%s_%s_%s", k->release ? k->release : k->asked, b->id, profile);
	json_t *cell = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "kernel", k->asked,
				 "arch", "x86_64", "loader", b->loader, "compiler", b->compiler,
				 "profile", profile);

	if (k->release)
		json_object_update_new(cell, json_pack("{s:s, s:s, s:s, s:s}", "release",
						       k->release, "package", k->package, "version",
						       k->version, "accel", accel_name(accel)));
	free(id);
	return cell;
}

static void set_string(json_t *o, const char *key, const char *value)
{
	json_t *v = json_string(value);

	/* Console text and logs are bytes; what is not UTF-8 is replaced, not lost with the line.
	 */
	if (!v) {
		char *copy = xstrdup(value);

		for (char *p = copy; *p; p++)
			if ((unsigned char)*p >= 0x80 ||
			    ((unsigned char)*p < 0x20 && !strchr("\n\t", *p)))
				*p = '?';
		v = json_string(copy);
		free(copy);
	}
	json_object_set_new(o, key, v);
}

static void set_origin(json_t *line, const struct line_origin *from)
{
	json_object_set(line, "cell", from->cell);
	set_string(line, "suite", from->suite);
	if (from->vm)
		set_string(line, "vm", from->vm);
	if (from->try > 1)
		json_object_set_new(line, "try", json_integer(from->try));
	if (from->seed)
		json_object_set_new(line, "seed", json_integer(from->seed));
	if (from->console)
		set_string(line, "console", from->console);
}

static const struct profile *profile_of(const json_t *cell)
{
	return profile_find(json_string_value(json_object_get(cell, "profile")));
}

enum outcome run_line(struct run *run, const struct line_origin *from, enum outcome outcome,
		      json_t *line)
{
	char now[40], *text, *with_newline;

	if (outcome == OC_SKIP && !from->explained &&
	    skip_judge(features_of(from->kernel), profile_of(from->cell), line) == SKIP_WRONG)
		outcome = OC_FAIL;
	utc_now(now, sizeof(now));
	json_object_set_new(line, "v", json_integer(1));
	set_string(line, "run", run->id);
	set_string(line, "time", now);
	set_origin(line, from);
	set_string(line, "status", status_name(outcome_status(outcome)));
	set_string(line, "outcome", outcome_name(outcome));

	text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	if (!text) {
		err("a result line could not be written as JSON");
		run->exit = EXIT_HARNESS;
		return outcome;
	}
	with_newline = fmt("%s\n", text);
	if (write_all(run->fd, with_newline, strlen(with_newline)) < 0) {
		err("%s/results.jsonl: %s", run->dir, strerror(errno));
		run->exit = EXIT_HARNESS;
	}
	free(with_newline);
	free(text);
	return outcome;
}

enum outcome run_line_for(struct run *run, const struct line_origin *from, enum outcome outcome,
			  const char *test, const char *reason, const char *log)
{
	json_t *line = json_object();

	set_string(line, "test", test);
	set_string(line, "reason", reason);
	if (log && *log)
		set_string(line, "log", log);
	return run_line(run, from, outcome, line);
}

void run_count(struct run *run, const unsigned counts[OC_COUNT])
{
	for (int i = 0; i < OC_COUNT; i++)
		run->counts[i] += counts[i];
}

/* The machines of one suite in one cell share an entry. */
static json_t *vm_entry(json_t *all, const json_t *cell, const char *suite)
{
	const json_t *id = json_object_get(cell, "id");
	json_t *o;
	size_t i;

	json_array_foreach (all, i, o)
		if (json_equal(json_object_get(o, "id"), id) &&
		    !strcmp(json_string_value(json_object_get(o, "suite")), suite))
			return o;
	o = json_deep_copy(cell);
	json_object_set_new(o, "suite", json_string(suite));
	json_object_set_new(o, "boots_ns", json_array());
	json_array_append_new(all, o);
	return o;
}

static void add_to(json_t *o, const char *key, json_int_t more)
{
	json_object_set_new(o, key,
			    json_integer(json_integer_value(json_object_get(o, key)) + more));
}

void run_vm(struct run *run, const json_t *cell, const char *suite, uint64_t boot_ns,
	    uint64_t wall_ns, const char *console)
{
	json_t *o = vm_entry(json_object_get(run->meta, "cells"), cell, suite);

	if (!json_object_get(o, "console")) {
		json_object_set_new(o, "boot_ns", json_integer(boot_ns));
		json_object_set_new(o, "console", json_string(console));
	}
	add_to(o, "vms", 1);
	add_to(o, "wall_ns", wall_ns);
	json_array_append_new(json_object_get(o, "boots_ns"), json_integer(boot_ns));
}

int run_exit(const unsigned counts[OC_COUNT])
{
	int worst = EXIT_OK;
	unsigned lines = 0;

	for (int i = 0; i < OC_COUNT; i++) {
		lines += counts[i];
		if (!counts[i])
			continue;
		if (outcome_exit(i) == EXIT_PRODUCT)
			worst = EXIT_PRODUCT;
		else if (outcome_exit(i) == EXIT_HARNESS && worst == EXIT_OK)
			worst = EXIT_HARNESS;
	}
	return lines ? worst : EXIT_HARNESS;
}

static void point_latest(const struct run *run)
{
	char *tmp = fmt("%s/.latest-%s", run->base, run->id), *latest = fmt("%s/latest", run->base);

	if (symlink(run->id, tmp) < 0 || rename(tmp, latest) < 0)
		warn("%s: %s", latest, strerror(errno));
	free(tmp);
	free(latest);
}

int run_close(struct run *run, bool quiet, bool silent, const char *formats)
{
	char finished[40], *path = fmt("%s/run.json", run->dir), *text;
	char *script = fmt("%s/scripts/report.py", home_dir()), *said = NULL;
	int code = run_exit(run->counts);

	if (code == EXIT_OK) /* trouble of the store itself */
		code = run->exit;
	utc_now(finished, sizeof(finished));
	set_string(run->meta, "finished", finished);
	json_object_set_new(run->meta, "exit", json_integer(code));
	text = json_dumps(run->meta, JSON_INDENT(1));
	if (!text || write_file(path, text, strlen(text)) < 0) {
		err("%s: %s", path, strerror(errno));
		code = code == EXIT_OK ? EXIT_HARNESS : code;
	}
	free(text);
	close(run->fd);
	point_latest(run);

	char *argv[8] = {"/usr/bin/python3", script, run->dir};
	int n = 3;

	if (quiet)
		argv[n++] = "--quiet";
	if (formats) {
		argv[n++] = "--format";
		argv[n++] = (char *)formats;
	}
	if (run_command(argv, silent ? &said : NULL) != 0) {
		err("the report could not be rendered; the results are in %s", run->dir);
		code = code == EXIT_OK ? EXIT_HARNESS : code;
	}
	free(said);
	free(path);
	free(script);
	json_decref(run->meta);
	return code;
}
