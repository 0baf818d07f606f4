// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "digest.h"
#include "gdb.h"
#include "symbols.h"
#include "util.h"

/* A busy machine may let gdb wait for an answer longer than the 2 s it would grant. */
#define GDB_WAIT "set remotetimeout 300"

bool gdb_installed(void)
{
	char *file = find_in_path("gdb");
	bool found = !!file;

	free(file);
	return found;
}

/* What a guest says of itself, from a machine like the one to be looked at: it is saved by that. */
static char *kallsyms(const struct vm_options *vm, const struct profile *profile)
{
	char *memory = fmt("%u", vm->mem_mib), *cpus = fmt("%u", vm->cpus ? vm->cpus : 1),
	     *boot = fmt("%g", vm->boot_s), *text = NULL;
	char *argv[24] = {"/proc/self/exe", "run",
			  "--kernel",	    (char *)vm->kernels,
			  "--accel",	    (char *)vm->accel,
			  "--append",	    (char *)vm->append,
			  "--memory",	    memory,
			  "--cpus",	    cpus,
			  "--boot-timeout", boot};
	unsigned n = 14;
	int status;

	/* A flavour is another image; icount is the same one, and slow. */
	if (!profile->icount) {
		argv[n++] = "--profile";
		argv[n++] = (char *)profile->name;
	}
	if (kernel_strict_lock)
		argv[n++] = "--locked";
	argv[n++] = "--";
	argv[n++] = "cat";
	argv[n++] = "/proc/kallsyms";
	status = run_command(argv, &text);
	free(memory);
	free(cpus);
	free(boot);
	if (status == 0)
		return text;
	free(text);
	err("the guest did not tell its symbols (see above); --symbols FILE does without");
	return NULL;
}

static char *make_symbols(const struct kernel *k, const struct vm_options *vm,
			  const struct profile *profile)
{
	char sum[DIGEST_HEX], *dir = fmt("%s/symbols", cache_dir()), *path, *tmp, *text = NULL;
	int ret = -1;

	if (digest_of_file(k->vmlinuz, sum) < 0 || make_dirs(dir) < 0) {
		err("%s: %s", dir, strerror(errno));
		free(dir);
		return NULL;
	}
	path = fmt("%s/%s-%s." SYMBOLS_VERSION ".elf", dir, k->release, sum);
	tmp = fmt("%s.%d", path, (int)getpid());
	free(dir);
	if (access(path, R_OK) == 0) {
		free(tmp);
		return path;
	}
	note("collecting the symbols of %s, once", k->release);
	text = kallsyms(vm, profile);
	if (text && symbols_write(k->vmlinuz, text, tmp) == 0)
		ret = rename(tmp, path);
	unlink(tmp);
	free(text);
	free(tmp);
	if (ret == 0)
		return path;
	free(path);
	return NULL;
}

int gdb_prepare(struct gdb *g, const struct gdb_options *o, const struct kernel *k,
		const struct vm_options *vm, const struct profile *profile)
{
	*g = (struct gdb){.o = o, .debug = {-1, -1}};
	if (o->symbols && access(o->symbols, R_OK) < 0)
		return err("--symbols %s: %s", o->symbols, strerror(errno));
	for (unsigned i = 0; i < o->scripts.n; i++)
		if (access(o->scripts.items[i], R_OK) < 0)
			return err("--script %s: %s", o->scripts.items[i], strerror(errno));
	g->symbols = o->symbols ? xstrdup(o->symbols) : make_symbols(k, vm, profile);
	return g->symbols ? 0 : -1;
}

static void on_exit_of_gdb(uv_poll_t *h, int status, int events)
{
	struct gdb *g = h->data;

	(void)status;
	(void)events;
	if (waitpid(g->pid, NULL, WNOHANG) != g->pid)
		return;
	uv_poll_stop(h);
	close(g->pidfd);
	g->pid = 0;
	g->ended(g->ctx);
}

static void exec_gdb(const struct gdb *g)
{
	const struct gdb_options *o = g->o;
	char *argv[16 + 2 * (2 * OPT_LIST_MOST)];
	unsigned n = 0;

	argv[n++] = "gdb";
	argv[n++] = "-q";
	if (o->batch)
		argv[n++] = "-batch";
	argv[n++] = g->symbols;
	argv[n++] = "-ex";
	argv[n++] = GDB_WAIT;
	argv[n++] = "-ex";
	argv[n++] = fmt("target remote %s", g->path);
	for (unsigned i = 0; i < o->scripts.n; i++) {
		argv[n++] = "-x";
		argv[n++] = (char *)o->scripts.items[i];
	}
	for (unsigned i = 0; i < o->commands.n; i++) {
		argv[n++] = "-ex";
		argv[n++] = (char *)o->commands.items[i];
	}
	argv[n] = NULL;
	execvp(argv[0], argv);
	dprintf(2, "vmtest: cannot run gdb: %s\n", strerror(errno));
	_exit(127);
}

/* In our process group: the terminal and its Ctrl-C are gdb's. */
static void start_gdb(struct gdb *g)
{
	pid_t self = getpid();

	g->pid = fork();
	if (g->pid == 0) {
		die_with_parent(self);
		signal(SIGPIPE, SIG_DFL);
		exec_gdb(g);
	}
	g->pidfd = g->pid > 0 ? syscall(SYS_pidfd_open, g->pid, 0) : -1;
	if (g->pidfd < 0) {
		err("gdb could not be started: %s", strerror(errno));
		g->pid = 0;
		g->ended(g->ctx);
		return;
	}
	g->exited.data = g;
	uv_poll_init(g->loop, &g->exited, g->pidfd);
	uv_poll_start(&g->exited, UV_READABLE, on_exit_of_gdb);
}

/* gdb reads the registers when it connects: not before they are those of the saved machine. */
static void on_loaded(void *ctx, const char *error)
{
	struct gdb *g = ctx;

	if (!error) {
		start_gdb(g);
		return;
	}
	err("QEMU's monitor: %s", error);
	g->ended(g->ctx);
}

/* It listens before QEMU runs: whoever connects finds it. Only we may enter the directory. */
static int listen_in(struct gdb *g, const char *parent)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	g->dir = fmt("%s/vmtest-gdb-XXXXXX", parent);
	if (!mkdtemp(g->dir)) {
		free(g->dir);
		g->dir = NULL;
		return -1;
	}
	g->path = fmt("%s/socket", g->dir);
	if (strlen(g->path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(addr.sun_path, g->path);
	g->debug.stub_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(g->debug.stub_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	return listen(g->debug.stub_fd, 1);
}

const struct qemu_debug *gdb_open(struct gdb *g, uv_loop_t *loop, void (*ended)(void *ctx),
				  void *ctx)
{
	const char *tmp = getenv("TMPDIR");
	int monitor[2];

	g->loop = loop;
	g->ended = ended;
	g->ctx = ctx;
	if (listen_in(g, tmp ? tmp : "/tmp") < 0) {
		err("no socket for gdb below %s: %s", tmp ? tmp : "/tmp", strerror(errno));
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor) < 0) {
		err("socketpair: %s", strerror(errno));
		return NULL;
	}
	g->debug.monitor_fd = monitor[1];
	qmp_open(&g->monitor, loop, monitor[0], QMP_TELL_LOADED, NULL, on_loaded, g);
	return &g->debug;
}

void gdb_opened(struct gdb *g)
{
	close(g->debug.stub_fd);
	close(g->debug.monitor_fd);
}

void gdb_stop(struct gdb *g)
{
	if (g->pid)
		kill(g->pid, SIGTERM);
}

void gdb_close(struct gdb *g)
{
	if (g->path)
		unlink(g->path);
	if (g->dir)
		rmdir(g->dir);
}
