// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job_impl.h"
#include "machine.h"
#include "payload.h"
#include "replay.h"
#include "saved.h"
#include "util.h"

#define OUTPUT_KEPT  (16u << 10) /* of the suite's own output, the tail: log_excerpt of KCIDB */
#define CONSOLE_TEXT (16u << 10) /* of a machine that was to be saved */
#define LABEL_CHARS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~_-"

static json_t *job_argv(const struct job *j, const struct suite *s)
{
	char **words = j->spec.kind == JOB_LIST	  ? s->list
		       : j->spec.kind == JOB_CASE ? s->one
						  : s->argv;
	unsigned n = j->spec.kind == JOB_LIST	? s->list_count
		     : j->spec.kind == JOB_CASE ? s->one_count
						: s->argv_count;
	json_t *argv = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			argv, json_string(j->spec.kind == JOB_CASE && !strcmp(words[i], "{}")
						  ? j->test_case
						  : words[i]));
	return argv;
}

static json_t *job_description(const struct job *j)
{
	const char *profile = job_suite_now(j)->profile;
	json_t *steps = json_array(), *o;

	for (unsigned i = 0; i < j->spec.suites_n; i++)
		json_array_append_new(steps, job_argv(j, j->spec.suites[i]));
	o = json_pack("{s:o, s:{s:s, s:s, s:s, s:s}, s:s, s:b}", "steps", steps, "env", "PATH",
		      "/work:/bin:/sbin", "HOME", "/tmp", "VMTEST_KERNEL", j->spec.kernel->release,
		      "VMTEST_PROFILE", profile, "dir", "/work", "attended",
		      !j->vm_config.deterministic);
	if (!j->vm_config.deterministic)
		payload_refresh(o);
	return o;
}

static void on_result(void *ctx, const char *text, size_t len)
{
	job_result(ctx, text, len);
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

	if (j->spec.kind == JOB_LIST && stream == 1)
		append_list(j, data, len);
	/* a suite's log is both streams, as they came */
	tail_add(&j->output, data, len);
}

/* Milliseconds the suite may take. */
static uint64_t bound_of(const struct job *j, const struct suite *s)
{
	return (j->options->vm->timeout_s ? j->options->vm->timeout_s : s->timeout) * 1000;
}

static uint64_t on_step(void *ctx, int status, int signal)
{
	struct job *j = ctx;

	job_judge_program(j, status, signal);
	j->at++;
	j->lines = 0;
	tail_free(&j->output);
	tail_init(&j->output, OUTPUT_KEPT);
	return bound_of(j, job_suite_now(j));
}

static void summarize(struct job *j, const struct vm_end *end)
{
	char *p = j->summary, *stop = p + sizeof(j->summary);
	const char *sep = ": ";

	p += snprintf(p, stop - p, "%.150s", j->label);
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

static void note_vm(struct job *j, const struct vm_end *end)
{
	for (unsigned i = 0; i < j->spec.suites_n && j->spec.kind != JOB_LIST; i++)
		run_vm(j->run, j->cell, j->spec.suites[i]->name, end->boot_ns, end->wall_ns,
		       j->console);
}

/* A machine that nothing from outside could disturb did something wrong: so it will again. */
static void keep_for_replay(struct job *j, const struct vm_end *end)
{
	if (run_exit(j->counts) == EXIT_OK || !j->vm_config.deterministic ||
	    end->outcome == OC_INTERRUPTED)
		return;
	if (replay_keep(j->run->dir, j->label, &j->vm_config, j->spec.kernel, j->console, end,
			j->counts) < 0)
		warn("%s cannot be replayed: it could not be kept", j->label);
}

static void on_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	struct job *j = ctx;

	if (end->outcome == OC_PASS)
		job_judge_program(j, end->status, end->signal);
	job_judge_machine(j, end, console);
	if (end->boot_ns == 0 && j->vm_config.state_fd >= 0)
		saved_discard(
			&j->vm_config); /* the restored machine never spoke: not that one again */
	j->wall_ns = end->wall_ns;
	note_vm(j, end);
	keep_for_replay(j, end);
	j->vm = NULL;
	over(j, end);
}

/* The machine that was to be saved ended before it was up; its console is the job's as well. */
static void vm_never_up(struct job *j, const struct vm_end *end, const char *console)
{
	size_t len;
	char *text = read_file(console, &len);

	if (strcmp(console, j->console_path) && link(console, j->console_path) < 0)
		warn("%s: %m", j->console_path);
	job_own_line(j, end->outcome, "vm", end->reason,
		     text ? text + (len > CONSOLE_TEXT ? len - CONSOLE_TEXT : 0) : NULL);
	j->infra_failed = end->outcome != OC_INTERRUPTED;
	note_vm(j, end);
	free(text);
}

static const struct vm_ops ops = {on_result, on_output, on_step, on_done};

/* The archives the VM is given. 0, or -1 after err(). */
static int prepare(struct job *j)
{
	int files =
		payload_files(j->spec.kernel, j->spec.suites, j->spec.suites_n, j->options->base);

	if (files < 0)
		return -1;
	j->vm_config.payload_fd = payload_with_job(files, job_description(j));
	close(files);
	j->vm_config.initrd_fd = payload_initramfs(j->spec.kernel);
	if (j->vm_config.payload_fd < 0 || j->vm_config.initrd_fd < 0)
		return -1;
	if (j->vm_config.deterministic) {
		int joined = payload_join(j->vm_config.initrd_fd, j->vm_config.payload_fd);

		close(j->vm_config.initrd_fd);
		close(j->vm_config.payload_fd);
		j->vm_config.initrd_fd = joined;
		j->vm_config.payload_fd = -1;
	}
	return j->vm_config.initrd_fd < 0 ? -1 : 0;
}

/* The state to restore is known, or that there is none. */
static void launch(void *ctx, int state_fd, const struct vm_end *end, const char *console)
{
	struct job *j = ctx;

	j->vm_config.state_fd = state_fd;
	if (end->outcome != OC_PASS) {
		vm_never_up(j, end, console);
		over(j, end);
		return;
	}
	j->vm = vm_start(j->loop, &j->vm_config, &ops, j);
	if (state_fd >= 0)
		close(state_fd); /* QEMU has its own */
	if (!j->vm) {
		job_own_line(j, OC_QEMU_DIED, "vm", "QEMU could not be started (see above)", NULL);
		over(j, NULL);
	}
}

/* A suite's usual profile goes without saying. */
static bool says_profile(const struct job_spec *s)
{
	const struct profile *p = profile_find(s->suites[0]->profile);

	return s->suites_n == 1 && !p->icount && strcmp(p->name, "default");
}

static char *make_label(const struct job_spec *s)
{
	const char *what = s->suites_n > 1 ? s->suites[0]->profile : s->suites[0]->name;
	char *profile = says_profile(s) ? fmt("-%s", s->suites[0]->profile) : xstrdup("");
	char *kind = s->kind == JOB_LIST   ? xstrdup("-list")
		     : s->kind == JOB_CASE ? fmt("-%s", s->test_case)
					   : xstrdup(""),
	     *seed = s->seed ? fmt("-seed%u", s->seed) : xstrdup(""),
	     *build = s->build->name ? fmt("-%s", s->build->name) : xstrdup(""),
	     *label = fmt("%s-%s%s%s%s%s", s->kernel->release, what, profile, build, kind, seed);

	for (char *p = label; *p; p++)
		if (!strchr(LABEL_CHARS, *p))
			*p = '_';
	free(profile);
	free(kind);
	free(build);
	free(seed);
	return label;
}

struct job *job_new(struct run *run, const struct job_spec *spec, const struct job_options *options,
		    void (*finished)(void *ctx, struct job *job), void *ctx)
{
	struct job *j = xcalloc(1, sizeof(*j));
	const struct suite *first = spec->suites[0];
	unsigned cpus = 1;

	j->run = run;
	j->spec = *spec;
	j->test_case = spec->test_case ? xstrdup(spec->test_case) : NULL;
	j->options = options;
	j->finished = finished;
	j->ctx = ctx;
	tail_init(&j->output, OUTPUT_KEPT);
	j->open = json_object();
	j->label = make_label(spec);
	j->console = fmt("console/%s%s.log", j->label, spec->try > 1 ? "-try2" : "");
	j->console_path = fmt("%s/%s", run->dir, j->console);
	for (unsigned i = 0; i < spec->suites_n; i++)
		if (spec->suites[i]->cpus > cpus)
			cpus = spec->suites[i]->cpus;
	machine_config(&j->vm_config, options->vm, spec->kernel, profile_find(first->profile),
		       options->accel);
	if (!options->vm->cpus)
		j->vm_config.cpus = cpus;
	if (spec->seed)
		machine_seed(&j->vm_config, spec->seed, options->vm->cold);
	j->vm_config.console_path = j->console_path;
	j->vm_config.job_ms = bound_of(j, first);
	j->cell = run_cell(spec->kernel, spec->build, first->profile, j->vm_config.accel);
	return j;
}

void job_start(struct job *j, uv_loop_t *loop)
{
	static const struct vm_end boot = {.outcome = OC_PASS};

	j->loop = loop;
	j->started_ns = now_ns();
	if (prepare(j) < 0) {
		job_own_line(j, OC_ERROR, "setup",
			     "the VM's files could not be put together (see above)", NULL);
		over(j, NULL);
		return;
	}
	if (j->options->vm->cold)
		launch(j, -1, &boot, NULL);
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

const struct job_spec *job_spec(const struct job *j)
{
	return &j->spec;
}

const char *job_label(const struct job *j)
{
	return j->label;
}

uint64_t job_started_ns(const struct job *j)
{
	return j->started_ns;
}

uint64_t job_wall_ns(const struct job *j)
{
	return j->wall_ns;
}

const unsigned *job_counts(const struct job *j)
{
	return j->counts;
}

bool job_infra_failed(const struct job *j)
{
	for (int i = 0; i < OC_COUNT; i++)
		if (j->counts[i] && outcome_exit(i) == EXIT_PRODUCT)
			return false;
	return j->infra_failed;
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
	if (j->vm_config.initrd_fd >= 0)
		close(j->vm_config.initrd_fd);
	if (j->vm_config.payload_fd >= 0)
		close(j->vm_config.payload_fd);
	json_decref(j->cell);
	json_decref(j->open);
	free(j->label);
	free(j->console);
	free(j->console_path);
	tail_free(&j->output);
	free(j->test_case);
	free(j->list_text);
	free(j->cases);
	free(j);
}
