// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest run` and `vmtest shell`: any program of this machine under any kernel. */
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
#include "cmd.h"
#include "hostprog.h"
#include "job.h"
#include "kernel.h"
#include "payload.h"
#include "saved.h"
#include "util.h"

/* As timeout(1), env(1) and docker-run(1) have it: below, the status is the program's own. */
enum { RUN_SPLAT = 123, RUN_TIMEOUT = 124, RUN_HARNESS = 125 };

struct run_options {
	const char *kernel, *accel, *append;
	const char *copies[64], *modules[64], *env[64];
	unsigned copies_n, modules_n, env_n, mem_mib, cpus;
	double boot_s, timeout_s;
	bool cold, tty;
	char **argv;
};

struct session {
	uv_loop_t loop;
	const struct run_options *o;
	struct vm_config config;
	struct vm *vm;
	struct vm_end end;
	bool splat;
	int signum; /* that stopped us */
	uv_fs_t read;
	char input[65536];
	uv_signal_t signals[3];
};

static const struct option long_options[] = {
	{"kernel", required_argument, NULL, 'k'},
	{"copy", required_argument, NULL, 'c'},
	{"module", required_argument, NULL, 'M'},
	{"env", required_argument, NULL, 'e'},
	{"accel", required_argument, NULL, 'a'},
	{"append", required_argument, NULL, 'A'},
	{"memory", required_argument, NULL, 'm'},
	{"timeout", required_argument, NULL, 't'},
	{"boot-timeout", required_argument, NULL, 'b'},
	{"cold", no_argument, NULL, 'C'},
	{"help", no_argument, NULL, 'h'},
	{},
};

static const char run_help[] =
	"usage: vmtest run --kernel K [options] -- COMMAND [ARGUMENT...]\n\n"
	"Runs a program of this machine, unmodified, in a fresh VM under kernel K: with its shared\n"
	"libraries, its standard input, output and error, and its exit status. The guest has nothing\n"
	"else: name other files with --copy. The working directory has the same name there.\n\n"
	"  --kernel K          a series (6.12), a release, or the path of a bzImage\n"
	"  --copy FILE[:TO]    a file or directory to take along, to the same path or to TO\n"
	"  --module NAME       a kernel module to load, with what it depends on\n"
	"  --env NAME=VALUE    for the program; PATH, HOME and TERM are set\n"
	"  --accel auto|kvm|tcg\n"
	"  --append TEXT       more for the kernel command line\n"
	"  --memory MIB        of the VM (512)\n"
	"  --timeout S         for the program (3600)\n"
	"  --boot-timeout S    from start to init (60)\n"
	"  --cold              boot instead of restoring a saved machine\n\n"
	"exit: the program's own status, 128+N when signal N killed it; 123 the kernel panicked or\n"
	"reported a bug, 124 it took too long or the guest hung, 125 the harness failed, 2 wrong usage\n\n"
	"examples:\n"
	"  vmtest run --kernel 6.1 -- uname -r\n"
	"  vmtest run --kernel 5.10 --copy prog.bpf.o --module veth -- ./my-test -v prog.bpf.o\n";

static const char shell_help[] =
	"usage: vmtest shell --kernel K [options of vmtest run]\n\n"
	"A shell in a fresh VM under kernel K: busybox, if this machine has it, else /bin/sh with what\n"
	"--copy brings. The VM ends with the shell.\n";

static void on_output(void *ctx, int stream, const char *data, size_t len)
{
	(void)ctx;
	if (write_all(stream, data, len) < 0 && errno == EPIPE)
		exit(128 + SIGPIPE); /* nobody reads us; QEMU goes with us */
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
		err("%s: %s", outcome_name(worst ? worst->kind : end->outcome),
		    worst ? worst->line : end->reason);
	}
	uv_stop(&s->loop);
}

static const struct vm_ops ops = {vm_ignore_line, on_output, on_done};

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

static void launch(void *ctx, int state_fd, const struct vm_end *end)
{
	struct session *s = ctx;

	if (end->outcome != OC_PASS) {
		s->end = *end;
		err("%s: %s", outcome_name(end->outcome), end->reason);
		uv_stop(&s->loop);
		return;
	}
	s->config.state_fd = state_fd;
	s->vm = vm_start(&s->loop, &s->config, &ops, s);
	if (state_fd >= 0)
		close(state_fd);
	if (s->vm) {
		read_input(s);
	} else {
		s->end.outcome = OC_QEMU_DIED;
		uv_stop(&s->loop);
	}
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct session *s = h->data;

	s->signum = signum;
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
	for (unsigned i = 0; i < o->env_n; i++) {
		const char *eq = strchr(o->env[i], '=');
		char *name = fmt("%.*s", (int)(eq - o->env[i]), o->env[i]);

		json_object_set_new(env, name, json_string(eq + 1));
		free(name);
	}
	if (!getcwd(dir, sizeof(dir)))
		strcpy(dir, "/");
	job = json_pack("{s:s, s:o, s:o, s:s, s:b, s:b}", "program", program, "argv", argv, "env",
			env, "dir", dir, "attended", 1, "stdin", 1);
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
	for (unsigned i = 0; i < o->copies_n; i++) {
		char *from = xstrdup(o->copies[i]), *to = strchr(from, ':'), *whole;
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
	    add_copies(w, o) == 0 && payload_add_modules(w, k, o->modules, o->modules_n) == 0 &&
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
		return 128 + s->signum;
	default:
		return RUN_HARNESS;
	}
}

static struct termios saved_terminal;

static void restore_terminal(void)
{
	tcsetattr(0, TCSADRAIN, &saved_terminal);
}

/* Every key goes to the guest's terminal, which makes of ^C what it should. */
static void raw_terminal(void)
{
	struct termios raw;

	if (tcgetattr(0, &saved_terminal) < 0)
		return; /* never restored either: tcsetattr fails on what is no terminal */
	raw = saved_terminal;
	cfmakeraw(&raw);
	tcsetattr(0, TCSADRAIN, &raw);
}

/* Returns only when nothing was started. */
static int run(const struct run_options *o)
{
	static const int signums[] = {SIGINT, SIGTERM, SIGHUP};
	static const struct vm_end boot = {.outcome = OC_PASS};
	static struct session s;
	char *console = fmt("/proc/self/fd/%d", memfd_create("console", MFD_CLOEXEC));
	struct kernel *k;
	bool usage;

	k = kernel_get(o->kernel, &usage);
	if (!k)
		return usage ? EXIT_USAGE : RUN_HARNESS;
	s.o = o;
	s.config = (struct vm_config){
		.vmlinuz = k->vmlinuz,
		.release = k->release,
		.initrd_fd = payload_initramfs(k),
		.payload_fd = build_payload(o, k),
		.state_fd = -1,
		.append = o->append,
		.profile = profile_find("default"),
		.cpus = 1,
		.mem_mib = o->mem_mib,
		.console_path = console,
		.boot_ms = o->boot_s * 1000,
		.job_ms = o->timeout_s * 1000,
		.silence_ms = JOB_SILENCE_MS,
		.end_ms = JOB_END_MS,
	};
	if (s.config.initrd_fd < 0 || s.config.payload_fd < 0)
		return RUN_HARNESS;
	s.config.accel = accel_choose(o->accel, k);

	uv_loop_init(&s.loop);
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++) {
		uv_signal_init(&s.loop, &s.signals[i]);
		s.signals[i].data = &s;
		uv_signal_start(&s.signals[i], on_signal, signums[i]);
	}
	if (o->tty)
		raw_terminal();
	if (o->cold)
		launch(&s, -1, &boot);
	else
		saved_get(&s.loop, &s.config, launch, &s);
	if (s.vm || s.end.outcome == OC_PASS)
		uv_run(&s.loop, UV_RUN_DEFAULT);
	if (o->tty)
		restore_terminal();
	fflush(NULL);
	/* Not exit(): libuv would wait for its thread that reads our standard input, for ever. */
	_exit(exit_code(&s));
}

static bool seconds(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value > 0 && *value <= 86400;
}

static bool push(const char **list, unsigned *n, const char *item)
{
	if (*n == 64)
		return false;
	list[(*n)++] = item;
	return true;
}

/* An exit code, or -1 to go on. */
static int parse(int argc, char **argv, struct run_options *o, const char *help)
{
	bool ok = true;
	int c;

	*o = (struct run_options){.accel = "auto", .mem_mib = 512, .boot_s = 60, .timeout_s = 3600};
	while (ok && (c = getopt_long(argc, argv, "+k:c:e:h", long_options, NULL)) >= 0) {
		switch (c) {
		case 'k':
			o->kernel = optarg;
			break;
		case 'c':
			ok = push(o->copies, &o->copies_n, optarg);
			break;
		case 'M':
			ok = push(o->modules, &o->modules_n, optarg);
			break;
		case 'e':
			ok = strchr(optarg, '=') && push(o->env, &o->env_n, optarg);
			break;
		case 'A':
			o->append = optarg;
			break;
		case 'm':
			o->mem_mib = atoi(optarg);
			ok = o->mem_mib >= 128 && o->mem_mib <= 65536;
			break;
		case 't':
			ok = seconds(optarg, &o->timeout_s);
			break;
		case 'b':
			ok = seconds(optarg, &o->boot_s);
			break;
		case 'C':
			o->cold = true;
			break;
		case 'a':
			o->accel = optarg;
			ok = accel_known(optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			fprintf(stderr, "Try `vmtest %s --help`.\n", argv[0]);
			return EXIT_USAGE;
		}
	}
	if (!ok) {
		err("option --%c: \"%s\" is not what it takes; try `vmtest %s --help`", c, optarg,
		    argv[0]);
		return EXIT_USAGE;
	}
	if (!o->kernel) {
		err("which kernel? Give --kernel, e.g. --kernel 6.12 (`vmtest kernels list` shows them)");
		return EXIT_USAGE;
	}
	o->argv = argv + optind;
	return -1;
}

int cmd_run(int argc, char **argv)
{
	struct run_options o;
	int code = parse(argc, argv, &o, run_help);

	if (code >= 0)
		return code;
	if (!o.argv[0]) {
		err("run what? Give a command after --, e.g. -- uname -r");
		return EXIT_USAGE;
	}
	set_quiet(true);
	return run(&o);
}

int cmd_shell(int argc, char **argv)
{
	static char *busybox[] = {"busybox", "sh", NULL}, *sh[] = {"/bin/sh", NULL};
	struct run_options o;
	int code = parse(argc, argv, &o, shell_help);

	if (code >= 0)
		return code;
	o.argv = access("/bin/busybox", X_OK) == 0 ? busybox : sh;
	o.tty = isatty(0);
	return run(&o);
}
