// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/proto.h"
#include "initrd.h"
#include "job.h"
#include "payload.h"
#include "saved.h"
#include "tail.h"
#include "util.h"

#define OUTPUT_KEPT  (16u << 10) /* of the suite's own output, the tail: log_excerpt of KCIDB */
#define CONSOLE_NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-"
#define LOG_TAIL     (16u << 10)

struct job {
	struct run *run;
	const struct kernel *kernel;
	const struct suite *suite;
	enum job_kind kind;
	char *test_case;
	char *list_text, **cases; /* of a JOB_LIST */
	size_t list_len;
	uint64_t wall_ns;
	struct job_options options;
	json_t *cell;
	json_t *open; /* started tests without a line yet: name -> true, in order */
	struct vm *vm;
	struct vm_config vm_config;
	int initrd_fd, payload_fd;
	uv_loop_t *loop;
	char *console_path;
	char *console; /* relative to the run's directory */
	struct tail output;
	unsigned lines, counts[OC_COUNT];
	bool interrupted;
	char summary[256];
	void (*finished)(void *ctx, struct job *job);
	void *ctx;
};

static json_t *job_argv(const struct job *j)
{
	const struct suite *s = j->suite;
	char **words = j->kind == JOB_LIST ? s->list : j->kind == JOB_CASE ? s->one : s->argv;
	unsigned n = j->kind == JOB_LIST   ? s->list_count
		     : j->kind == JOB_CASE ? s->one_count
					   : s->argv_count;
	json_t *argv = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(argv,
				      json_string(j->kind == JOB_CASE && !strcmp(words[i], "{}")
							  ? j->test_case
							  : words[i]));
	return argv;
}

static char *job_description(const struct job *j, bool attended)
{
	json_t *argv = job_argv(j), *o;
	char *text;

	o = json_pack("{s:o, s:{s:s, s:s, s:s, s:s}, s:s, s:b}", "argv", argv, "env", "PATH",
		      "/work:/bin:/sbin", "HOME", "/tmp", "VMTEST_KERNEL", j->kernel->release,
		      "VMTEST_PROFILE", j->suite->profile, "dir", "/work", "attended", attended);
	if (attended)
		payload_refresh(o);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* job.json and the suite's files in the guest's working directory. fd, or -1 after err(). */
static int build_payload(const struct job *j, bool attended)
{
	struct cpio_writer *w = cpio_new();
	char *text;
	int ret;

	if (!w)
		return -1;
	text = job_description(j, attended);
	ret = cpio_add_dir(w, "work");
	if (ret == 0)
		ret = cpio_add_dir(w, "vmtest");
	for (unsigned i = 0; ret == 0 && i < j->suite->files_count; i++) {
		const char *file = j->suite->files[i], *slash = strrchr(file, '/');
		char *name = fmt("work/%s", slash ? slash + 1 : file);
		char *path = file[0] == '/' || !j->options.base
				     ? xstrdup(file)
				     : fmt("%s/%s", j->options.base, file);

		ret = cpio_add_file(w, name, 0755, path);
		free(name);
		free(path);
	}
	if (ret == 0)
		ret = payload_add_modules(w, j->kernel, (const char *const *)j->suite->modules,
					  j->suite->modules_count);
	if (ret == 0)
		ret = cpio_add(w, VT_JOB_PATH, 0644, text, strlen(text));
	free(text);
	if (ret < 0) {
		close(cpio_close(w));
		return -1;
	}
	return cpio_close(w);
}

static void count_line(struct job *j, enum outcome o)
{
	j->lines++;
	j->counts[o]++;
}

static void line_for(struct job *j, enum outcome o, const char *test, const char *reason,
		     const char *log)
{
	run_line_for(j->run, j->cell, j->suite->name, o, test, reason, log, j->console);
	count_line(j, o);
}

static void own_line(struct job *j, enum outcome o, const char *what, const char *reason,
		     const char *log)
{
	char *test = fmt("%s.%s", j->suite->name, what);

	line_for(j, o, test, reason, log);
	free(test);
}

static void on_result(void *ctx, const char *text, size_t len)
{
	struct job *j = ctx;
	json_error_t e;
	json_t *o = json_loadb(text, len, 0, &e);
	const char *start = json_string_value(json_object_get(o, "start"));
	const char *test = json_string_value(json_object_get(o, "test"));
	const char *status = json_string_value(json_object_get(o, "status"));
	int outcome = status ? outcome_of_word(status) : -1;

	if (start) {
		json_object_set_new(j->open, start, json_true());
	} else if (test && outcome >= 0) {
		json_object_del(j->open, test);
		count_line(j, outcome);
		run_line(j->run, j->cell, j->suite->name, outcome, json_incref(o), j->console);
	} else {
		char *reason = fmt("a result line is not one: %s: %.200s",
				   !o	   ? e.text
				   : !test ? "no \"test\""
					   : "no known \"status\"",
				   text);

		own_line(j, OC_ERROR, "result_lines", reason, NULL);
		free(reason);
	}
	json_decref(o);
}

static void append_list(struct job *j, const char *data, size_t len)
{
	char *more = xcalloc(1, j->list_len + len + 1);

	if (j->list_len)
		memcpy(more, j->list_text, j->list_len);
	memcpy(more + j->list_len, data, len);
	free(j->list_text);
	j->list_text = more;
	j->list_len += len;
}

static void on_output(void *ctx, int stream, const char *data, size_t len)
{
	struct job *j = ctx;

	if (j->kind == JOB_LIST && stream == 1)
		append_list(j, data, len);
	/* a suite's log is both streams, as they came */
	tail_add(&j->output, data, len);
}

/* One line for each test that began and never ended; the last of them was running. */
static bool lines_for_open_tests(struct job *j, enum outcome running, enum outcome before,
				 const char *reason, const char *log)
{
	const char *name;
	json_t *v;
	size_t left = json_object_size(j->open);
	bool any = left > 0;

	json_object_foreach (j->open, name, v) {
		(void)v;
		if (--left == 0)
			line_for(j, running, name, reason, log);
		else
			line_for(j, before, name, "the suite ended without this test's result",
				 NULL);
	}
	json_object_clear(j->open);
	return any;
}

/* The names of the tests, one per line. */
static void judge_list(struct job *j, const struct vm_end *end)
{
	char *line, *save, *log = tail_text(&j->output, OUTPUT_KEPT);
	size_t n = 0;

	if (!end->signal && !end->status && j->list_len) {
		j->cases = xcalloc(j->list_len + 1, sizeof(char *));
		for (line = strtok_r(j->list_text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			j->cases[n++] = line;
	}
	if (n == 0)
		own_line(j, OC_ERROR, "list", "the suite did not list its tests", log);
	free(log);
}

/* The job ended by itself and so did the machine. Was it a whole suite? */
static void judge_suite(struct job *j, const struct vm_end *end)
{
	char *log = tail_text(&j->output, OUTPUT_KEPT), *reason;

	if (end->signal)
		reason = fmt("the suite was killed by signal %d (%s)", end->signal,
			     strsignal(end->signal));
	else
		reason = fmt("the suite ended with exit status %d", end->status);
	if (!lines_for_open_tests(j, OC_UNFINISHED, OC_UNFINISHED, reason, log) &&
	    (end->signal || end->status))
		own_line(j, OC_ERROR, "exit", reason, log);
	else if (j->lines == 0)
		own_line(j, OC_NO_RESULTS, "results", "the suite ended without a single result",
			 log);
	free(reason);
	free(log);
}

/* What the kernel said while everything seemed well counts, also after the last test. */
static void judge_console(struct job *j, const struct console *console)
{
	const struct splat *s = console_worst(console);
	char *reason, *log;

	if (!s)
		return;
	reason = s->test ? fmt("%s (while %s ran)", s->line, s->test) : xstrdup(s->line);
	log = console_tail(console, LOG_TAIL);
	own_line(j, s->kind, "kernel_log", reason, log);
	free(reason);
	free(log);
}

static void summarize(struct job *j, const struct vm_end *end)
{
	char *p = j->summary, *stop = p + sizeof(j->summary);
	const char *sep = ": ";

	p += snprintf(p, stop - p, "%.100s on %.60s", j->test_case ? j->test_case : j->suite->name,
		      j->kernel->release);
	for (int i = 0; i < OC_COUNT && p < stop; i++) {
		if (!j->counts[i])
			continue;
		p += snprintf(p, stop - p, "%s%u %s", sep, j->counts[i], outcome_name(i));
		sep = ", ";
	}
	if (p < stop && end)
		snprintf(p, stop - p, " (up after %.1f s, %.1f s in all)", end->boot_ns / 1e9,
			 end->wall_ns / 1e9);
}

static void over(struct job *j, const struct vm_end *end)
{
	summarize(j, end);
	j->finished(j->ctx, j);
}

static void on_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	struct job *j = ctx;

	if (end->outcome == OC_PASS) {
		if (j->kind == JOB_LIST)
			judge_list(j, end);
		else
			judge_suite(j, end);
		judge_console(j, console);
	} else {
		char *log = console_tail(console, LOG_TAIL);
		bool after = end->job_ended; /* the tests' own verdicts stand; this is one more */

		if (after ||
		    !lines_for_open_tests(j, end->outcome, OC_UNFINISHED, end->reason, log))
			own_line(j, end->outcome, "vm", end->reason, log);
		free(log);
	}
	if (end->boot_ns == 0 && j->vm_config.state_fd >= 0)
		saved_discard(
			&j->vm_config); /* the restored machine never spoke: not that one again */
	j->wall_ns = end->wall_ns;
	if (j->kind != JOB_LIST)
		run_vm(j->run, j->cell, j->suite->name, j->kind == JOB_CASE, end->boot_ns,
		       end->wall_ns, j->console);
	j->vm = NULL;
	over(j, end);
}

/* The machine that was to be saved ended before it was up; its console is the job's. */
static void vm_never_up(struct job *j, const struct vm_end *end)
{
	size_t len;
	char *text = read_file(j->console_path, &len);

	own_line(j, end->outcome, "vm", end->reason,
		 text ? text + (len > LOG_TAIL ? len - LOG_TAIL : 0) : NULL);
	run_vm(j->run, j->cell, j->suite->name, false, end->boot_ns, end->wall_ns, j->console);
	free(text);
}

static const struct vm_ops ops = {on_result, on_output, on_done};

/* The archives the VM is given. 0, or -1 after err(). */
static int prepare(struct job *j, bool attended)
{
	j->initrd_fd = payload_initramfs(j->kernel);
	if (j->initrd_fd < 0)
		return -1;
	j->payload_fd = build_payload(j, attended);
	if (j->payload_fd < 0)
		return -1;
	if (!attended) {
		int joined = payload_join(j->initrd_fd, j->payload_fd);

		close(j->initrd_fd);
		close(j->payload_fd);
		j->initrd_fd = joined;
		j->payload_fd = -1;
	}
	return j->initrd_fd < 0 ? -1 : 0;
}

/* The state to restore is known, or that there is none. */
static void launch(void *ctx, int state_fd, const struct vm_end *end)
{
	struct job *j = ctx;

	j->vm_config.state_fd = state_fd;
	if (end->outcome != OC_PASS) {
		vm_never_up(j, end);
		over(j, end);
		return;
	}
	j->vm = vm_start(j->loop, &j->vm_config, &ops, j);
	if (state_fd >= 0)
		close(state_fd); /* QEMU has its own */
	if (!j->vm) {
		own_line(j, OC_QEMU_DIED, "vm", "QEMU could not be started (see above)", NULL);
		over(j, NULL);
	}
}

struct job *job_new(struct run *run, const struct kernel *kernel, const struct suite *suite,
		    enum job_kind kind, const char *test_case, const struct job_options *options,
		    void (*finished)(void *ctx, struct job *job), void *ctx)
{
	const struct profile *profile = profile_find(suite->profile);
	struct job *j = xcalloc(1, sizeof(*j));

	j->run = run;
	j->kernel = kernel;
	j->suite = suite;
	j->kind = kind;
	j->test_case = test_case ? xstrdup(test_case) : NULL;
	j->options = *options;
	j->finished = finished;
	j->ctx = ctx;
	j->initrd_fd = j->payload_fd = -1;
	tail_init(&j->output, OUTPUT_KEPT);
	j->open = json_object();
	j->console = test_case
			     ? fmt("console/%s-%s-%s.log", kernel->release, suite->name, test_case)
			     : fmt("console/%s-%s.log", kernel->release, suite->name);
	for (char *p = strchr(j->console, '/') + 1; *p; p++)
		if (!strchr(CONSOLE_NAME, *p))
			*p = '_';
	j->console_path = fmt("%s/%s", run->dir, j->console);
	j->vm_config = (struct vm_config){
		.vmlinuz = kernel->vmlinuz,
		.release = kernel->release,
		.state_fd = -1,
		.append = options->append,
		.profile = profile,
		.accel = profile->icount ? ACCEL_TCG : options->accel,
		.cpus = 1,
		.mem_mib = options->mem_mib,
		.console_path = j->console_path,
		.boot_ms = options->boot_s * 1000,
		.job_ms = (options->job_s ? options->job_s : suite->timeout) * 1000,
		.silence_ms = JOB_SILENCE_MS,
		.end_ms = JOB_END_MS,
	};
	j->cell = run_cell(kernel, suite->profile, j->vm_config.accel);
	return j;
}

void job_start(struct job *j, uv_loop_t *loop)
{
	static const struct vm_end boot = {.outcome = OC_PASS};

	j->loop = loop;
	if (prepare(j, !j->vm_config.profile->icount) < 0) {
		own_line(j, OC_ERROR, "setup",
			 "the VM's files could not be put together (see above)", NULL);
		over(j, NULL);
		return;
	}
	j->vm_config.initrd_fd = j->initrd_fd;
	j->vm_config.payload_fd = j->payload_fd;
	if (j->options.cold)
		launch(j, -1, &boot);
	else
		saved_get(loop, &j->vm_config, launch, j);
}

void job_interrupt(struct job *j)
{
	if (j->vm)
		vm_kill(j->vm, OC_INTERRUPTED, "the run was stopped");
	else
		saved_cancel(j);
}

const struct kernel *job_kernel(const struct job *j)
{
	return j->kernel;
}

const struct suite *job_suite(const struct job *j)
{
	return j->suite;
}

enum job_kind job_kind(const struct job *j)
{
	return j->kind;
}

uint64_t job_wall_ns(const struct job *j)
{
	return j->wall_ns;
}

const char *const *job_cases(struct job *j)
{
	return (const char *const *)j->cases;
}

const char *job_summary(const struct job *j)
{
	return j->summary;
}

void job_free(struct job *j)
{
	if (j->initrd_fd >= 0)
		close(j->initrd_fd);
	if (j->payload_fd >= 0)
		close(j->payload_fd);
	json_decref(j->cell);
	json_decref(j->open);
	free(j->console);
	free(j->console_path);
	tail_free(&j->output);
	free(j->test_case);
	free(j->list_text);
	free(j->cases);
	free(j);
}
