// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "../common/proto.h"
#include "accel.h"
#include "hostprog.h"
#include "kernel.h"
#include "machine.h"
#include "payload.h"
#include "run_session.h"
#include "saved.h"
#include "series.h"
#include "util.h"

/* A program may take so long unless it is told otherwise: an hour, in milliseconds. */
#define JOB_MS 3600000

struct session {
	uv_loop_t loop;
	const struct run_options *o;
	struct vm_config config;
	struct vm *vm;
	struct vm_end end;
	struct gdb gdb;
	bool gdb_left;
	bool splat;
	int signum; /* that stopped us */
	uv_fs_t read;
	char input[65536];
	uv_signal_t signals[3];
	uv_timer_t time; /* gdb's, or what is left after it */
};

static void on_output(void *ctx, int stream, const char *data, size_t len)
{
	(void)ctx;
	if (write_all(stream, data, len) < 0 && errno == EPIPE)
		exit(128 + SIGPIPE); /* nobody reads us; QEMU goes with us */
}

/* A suite run by hand shows its results where it would without a VM, on its standard output. */
static void on_result(void *ctx, const char *line, size_t len)
{
	on_output(ctx, 1, line, len);
	on_output(ctx, 1, "\n", 1);
}

static void on_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	struct session *s = ctx;
	const struct splat *worst = console_worst(console);

	s->end = *end;
	s->vm = NULL;
	s->splat = worst && end->outcome == OC_PASS;
	if (end->outcome != OC_PASS || worst) {
		char *tail = console_tail(console, 8192);

		fprintf(stderr, "%s", tail);
		free(tail);
		if (!worst && s->o->gdb && end->outcome == OC_RESET)
			err("the machine reset, or gdb killed it");
		else
			err("%s: %s", outcome_name(worst ? worst->kind : end->outcome),
			    worst ? worst->line : end->reason);
	}
	if (!s->gdb.pid) /* it may have something to say about the end, and its user to read */
		uv_stop(&s->loop);
}

static const struct vm_ops ops = {on_result, on_output, vm_no_step, on_done};

static void read_input(void *ctx);

static void on_input(uv_fs_t *req)
{
	struct session *s = req->data;
	ssize_t n = req->result;

	uv_fs_req_cleanup(req);
	if (!s->vm)
		return;
	vm_stdin(s->vm, s->input, n > 0 ? n : 0, n > 0 ? read_input : NULL);
}

/* A file, a pipe or a terminal alike; the next piece is read when the guest has room for it. */
static void read_input(void *ctx)
{
	struct session *s = ctx;
	uv_buf_t buf = uv_buf_init(s->input, sizeof(s->input));

	s->read.data = s;
	uv_fs_read(&s->loop, &s->read, 0, &buf, 1, -1, on_input);
}

static void on_time(uv_timer_t *t)
{
	struct session *s = t->data;

	if (s->vm)
		vm_kill(s->vm, s->gdb_left ? OC_HANG : OC_TIMEOUT,
			s->gdb_left ? "the guest did not power off"
				    : "not finished within the time given");
	gdb_stop(&s->gdb);
}

static void gdb_ended(void *ctx)
{
	struct session *s = ctx;

	s->gdb_left = true;
	if (!s->vm)
		uv_stop(&s->loop);
	else if (vm_job_ended(s->vm)) /* it may be about to power off */
		uv_timer_start(&s->time, on_time, s->config.end_ms, 0);
	else
		vm_kill(s->vm, OC_INTERRUPTED, "gdb was left before the program had ended");
}

static void launch(void *ctx, int state_fd, const struct vm_end *end, const char *console)
{
	struct session *s = ctx;

	(void)console;

	if (end->outcome != OC_PASS) {
		s->end = *end;
		err("%s: %s", outcome_name(end->outcome), end->reason);
		uv_stop(&s->loop);
		return;
	}
	s->config.state_fd = state_fd;
	if (s->o->gdb)
		s->config.debug = gdb_open(&s->gdb, &s->loop, gdb_ended, s);
	if (!s->o->gdb || s->config.debug)
		s->vm = vm_start(&s->loop, &s->config, &ops, s);
	if (state_fd >= 0)
		close(state_fd);
	if (s->o->gdb)
		gdb_opened(&s->gdb);
	if (s->vm && !s->o->gdb) {
		read_input(s);
	} else if (!s->vm) {
		s->end.outcome = OC_QEMU_DIED;
		uv_stop(&s->loop);
	}
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct session *s = h->data;

	if (s->o->gdb && signum == SIGINT)
		return; /* gdb has it too, and stops the guest */
	s->signum = signum;
	gdb_stop(&s->gdb);
	if (s->vm)
		vm_kill(s->vm, OC_INTERRUPTED, "stopped");
	else
		saved_cancel(s);
}

static char *job_text(const struct run_options *o, const char *program)
{
	json_t *argv = json_array(), *env, *job;
	const char *term = getenv("TERM");
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	char dir[PATH_MAX], *text;

	for (char **a = o->argv; *a; a++)
		json_array_append_new(argv, json_string(*a));
	env = json_pack("{s:s, s:s, s:s}", "PATH",
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME",
			"/tmp", "TERM", term ? term : "dumb");
	for (unsigned i = 0; i < o->env.n; i++) {
		const char *eq = strchr(o->env.items[i], '=');
		char *name = fmt("%.*s", (int)(eq - o->env.items[i]), o->env.items[i]);

		json_object_set_new(env, name, json_string(eq + 1));
		free(name);
	}
	if (!getcwd(dir, sizeof(dir)))
		strcpy(dir, "/");
	job = json_pack("{s:s, s:[o], s:o, s:s, s:b, s:b}", "program", program, "steps", argv,
			"env", env, "dir", dir, "attended", 1, "stdin", !o->gdb);
	if (o->tty) {
		ioctl(0, TIOCGWINSZ, &size);
		json_object_set_new(
			job, "tty",
			json_pack("{s:i, s:i}", "rows", size.ws_row, "columns", size.ws_col));
	}
	payload_refresh(job);
	text = json_dumps(job, JSON_COMPACT);
	json_decref(job);
	return text;
}

static int add_copies(struct cpio_writer *w, const struct run_options *o)
{
	for (unsigned i = 0; i < o->copies.n; i++) {
		char *from = xstrdup(o->copies.items[i]), *to = strchr(from, ':'), *whole;
		int ret;

		if (to)
			*to++ = '\0';
		whole = realpath(from, NULL);
		if (!whole)
			return err("--copy %s: %s", from, strerror(errno));
		ret = hostprog_copy(w, whole, to ? to : whole);
		free(whole);
		free(from);
		if (ret < 0)
			return -1;
	}
	return 0;
}

/* fd, or -1 after err(). */
static int build_payload(const struct run_options *o, const struct kernel *k)
{
	struct cpio_writer *w = cpio_new();
	char *program = hostprog_find(o->argv[0]), *text, dir[PATH_MAX];
	int ret = -1;

	if (!w || !program)
		return -1;
	text = job_text(o, program);
	if (getcwd(dir, sizeof(dir)) && cpio_add_dir(w, dir) == 0 &&
	    cpio_add_dir(w, "vmtest") == 0 && hostprog_add(w, program) == 0 &&
	    add_copies(w, o) == 0 &&
	    payload_add_modules(w, k, o->modules.items, o->modules.n) == 0 &&
	    cpio_add(w, VT_JOB_PATH, 0644, text, strlen(text)) == 0)
		ret = 0;
	free(program);
	free(text);
	if (ret < 0) {
		close(cpio_close(w));
		return -1;
	}
	return cpio_close(w);
}

static int exit_code(const struct session *s)
{
	switch (s->end.outcome) {
	case OC_PASS:
		if (s->splat)
			return RUN_SPLAT;
		return s->end.signal ? 128 + s->end.signal : s->end.status;
	case OC_PANIC:
		return RUN_SPLAT;
	case OC_TIMEOUT:
	case OC_HANG:
		return RUN_TIMEOUT;
	case OC_INTERRUPTED:
		return s->signum ? 128 + s->signum : RUN_HARNESS;
	default:
		return RUN_HARNESS;
	}
}

static struct termios saved_terminal;
static bool is_terminal;

static void restore_terminal(void)
{
	if (is_terminal)
		tcsetattr(0, TCSADRAIN, &saved_terminal);
}

/* Every key goes to the guest's terminal, which makes of ^C what it should. */
static void raw_terminal(void)
{
	struct termios raw = saved_terminal;

	cfmakeraw(&raw);
	tcsetattr(0, TCSADRAIN, &raw);
}

/* What a selector stands for, or NULL after err(). */
static const char *one_kernel(const char *selector)
{
	unsigned n = 0;
	char **names;

	if (strchr(selector, '/'))
		return selector;
	names = kernel_select(selector, &n);
	if (names && n != 1)
		err("--kernel %s: one kernel at a time: these are %u", selector, n);
	return n == 1 ? names[0] : NULL;
}

int run_session(const struct run_options *o)
{
	static const int signums[] = {SIGINT, SIGTERM, SIGHUP};
	static const struct vm_end boot = {.outcome = OC_PASS};
	static struct session s;
	char *console = fmt("/proc/self/fd/%d", memfd_create("console", MFD_CLOEXEC));
	const struct profile *profile;
	const char *asked;
	struct kernel *k;
	char why[256];
	bool usage;

	profile = profile_find(o->vm.profile ? o->vm.profile : "default");
	if (!profile) {
		err("--profile %s: expected one of %s", o->vm.profile, profiles_list());
		return EXIT_USAGE;
	}
	asked = one_kernel(o->vm.kernels);
	if (!asked)
		return EXIT_USAGE;
	k = kernel_get_flavour(asked, profile->flavour, &usage);
	if (!k && usage && profile->flavour)
		err("--profile %s: only kernels of the archive have a flavour %s", profile->name,
		    profile->flavour);
	if (!k)
		return usage ? EXIT_USAGE : RUN_HARNESS;
	if (!profile_possible(profile, k, why, sizeof(why))) {
		err("--profile %s: %s cannot be booted so: %s", profile->name, k->release, why);
		return EXIT_USAGE;
	}
	s.o = o;
	if (o->gdb && gdb_prepare(&s.gdb, o->gdb, k, &o->vm, profile) < 0)
		return RUN_HARNESS;
	machine_config(&s.config, &o->vm, k, profile, ACCEL_TCG);
	s.config.attended = true;
	if (!s.config.job_ms)
		s.config.job_ms = JOB_MS;
	s.config.initrd_fd = payload_initramfs(k);
	s.config.payload_fd = build_payload(o, k);
	s.config.console_path = console;
	if (s.config.initrd_fd < 0 || s.config.payload_fd < 0)
		return RUN_HARNESS;
	s.config.accel = accel_choose(o->vm.accel, k);

	uv_loop_init(&s.loop);
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++) {
		uv_signal_init(&s.loop, &s.signals[i]);
		s.signals[i].data = &s;
		uv_signal_start(&s.signals[i], on_signal, signums[i]);
	}
	is_terminal = tcgetattr(0, &saved_terminal) == 0;
	if (o->tty && is_terminal)
		raw_terminal();
	uv_timer_init(&s.loop, &s.time);
	s.time.data = &s;
	if (o->gdb && o->vm.timeout_s > 0)
		uv_timer_start(&s.time, on_time, o->vm.timeout_s * 1000, 0);
	if (o->vm.cold)
		launch(&s, -1, &boot, NULL);
	else
		saved_get(&s.loop, &s.config, launch, &s);
	if (s.vm || s.end.outcome == OC_PASS)
		uv_run(&s.loop, UV_RUN_DEFAULT);
	restore_terminal();
	gdb_close(&s.gdb);
	fflush(NULL);
	/* Not exit(): libuv would wait for its thread that reads our standard input, for ever. */
	_exit(exit_code(&s));
}

/* An exit code, or -1 to go on. */
int run_parse(int argc, char **argv, struct run_options *o, const struct opt *more,
	      const char *help)
{
	const struct opt own[] = {
		{OPT_LIST, "copy", 'c', &o->copies, 0, 0, NULL},
		{OPT_LIST, "module", 'M', &o->modules, 0, 0, NULL},
		{OPT_LIST, "env", 'e', &o->env, 0, 0, NULL},
		{.kind = OPT_END},
	};
	int code;

	*o = (struct run_options){.vm = VM_OPTIONS_DEFAULT};
	code = opts_parse(argc, argv, OPT_TABLES(own, vm_options_table(&o->vm), more), true, help);
	if (code >= 0)
		return code;
	for (unsigned i = 0; i < o->env.n; i++) {
		if (strchr(o->env.items[i], '='))
			continue;
		err("--env %s: expected NAME=VALUE", o->env.items[i]);
		return EXIT_USAGE;
	}
	if (!vm_options_complete(&o->vm))
		return EXIT_USAGE;
	o->argv = argv + optind;
	return -1;
}
