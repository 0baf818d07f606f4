// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "judge.h"
#include "machine.h"
#include "util.h"
#include "vm_impl.h"

/* At its bound a job counts as a hang when the guest was not heard for this long: 6 heartbeats. */
#define ALIVE_WINDOW_MS 3000

void vm_ignore_line(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	(void)line;
	(void)len;
}

void vm_ignore_output(void *ctx, int stream, const char *data, size_t len)
{
	(void)stream;
	vm_ignore_line(ctx, data, len);
}

uint64_t vm_no_step(void *ctx, int status, int signal)
{
	(void)ctx;
	(void)status;
	(void)signal;
	return 0;
}

void vm_kill(struct vm *vm, enum outcome outcome, const char *reason)
{
	if (vm->killed)
		return;
	vm->killed = true;
	vm->end.outcome = outcome;
	snprintf(vm->end.reason, sizeof(vm->end.reason), "%s", reason);
	kill(vm->pid, SIGKILL);
}

/* What QEMU wrote to its standard error, the last line of it. */
static void qemu_said(struct vm *vm, char *text, size_t size)
{
	ssize_t n = pread(vm->stderr_fd, text, size - 1, 0);
	char *nl;

	text[n > 0 ? n : 0] = '\0';
	while ((nl = strrchr(text, '\n')) && !nl[1])
		*nl = '\0';
	if (nl)
		memmove(text, nl + 1, strlen(nl + 1) + 1);
}

static void handle_closed(uv_handle_t *h)
{
	struct vm *vm = h->data;
	char said[256];

	if (--vm->open_handles)
		return;
	qemu_said(vm, said, sizeof(said));
	judge_end(&vm->end, &(struct judge_facts){
				    .was_up = vm->phase != BOOTING,
				    .killed = vm->killed,
				    .wait_status = vm->wait_status,
				    .qemu_said = said,
				    .console = &vm->console,
			    });
	digest_hex(vm->said, vm->end.said);
	digest_free(vm->said);
	vm->ops->done(vm->ctx, &vm->end, &vm->console);
	console_free(&vm->console);
	close(vm->stderr_fd);
	close(vm->pidfd);
	if (vm->payload)
		munmap(vm->payload, vm->payload_size);
	qemu_free(&vm->qemu);
	free(vm);
}

void vm_stream_ended(struct vm *vm)
{
	if (--vm->open_streams)
		return;
	vm->end.wall_ns = now_ns() - vm->started;
	console_close(&vm->console);
	uv_close((uv_handle_t *)&vm->exited, handle_closed);
	uv_close((uv_handle_t *)&vm->console_pipe, handle_closed);
	uv_close((uv_handle_t *)&vm->control_pipe, handle_closed);
	uv_close((uv_handle_t *)&vm->monitor.pipe, handle_closed);
	uv_close((uv_handle_t *)&vm->bound, handle_closed);
	uv_close((uv_handle_t *)&vm->silence, handle_closed);
}

static void on_process_end(uv_poll_t *h, int status, int events)
{
	struct vm *vm = h->data;

	(void)status;
	(void)events;
	if (waitpid(vm->pid, &vm->wait_status, WNOHANG) != vm->pid)
		return;
	uv_poll_stop(h);
	vm_stream_ended(vm);
}

static void stopped_answering(struct vm *vm)
{
	char reason[160];

	snprintf(reason, sizeof(reason), "the guest stopped answering: no sign of life for %.1f s",
		 (now_ns() - vm->last_sign) / 1e9);
	vm_kill(vm, OC_HANG, reason);
}

static void on_bound(uv_timer_t *t)
{
	struct vm *vm = t->data;
	char reason[160];

	switch (vm->phase) {
	case BOOTING:
		snprintf(reason, sizeof(reason), "init was not reached within %.0f s",
			 vm->config.boot_ms / 1e3);
		vm_kill(vm, OC_NO_BOOT, reason);
		break;
	case RUNNING:
		if (!vm->config.deterministic &&
		    now_ns() - vm->last_sign > ALIVE_WINDOW_MS * 1000000ull) {
			stopped_answering(vm);
			break;
		}
		snprintf(reason, sizeof(reason), "not finished within its %.0f s",
			 vm->config.job_ms / 1e3);
		vm_kill(vm, OC_TIMEOUT, reason);
		break;
	case ENDING:
		snprintf(reason, sizeof(reason), "the guest did not power off within %.0f s",
			 vm->config.end_ms / 1e3);
		vm_kill(vm, OC_HANG, reason);
		break;
	}
}

static void on_silence(uv_timer_t *t)
{
	struct vm *vm = t->data;

	if (vm->phase == RUNNING && now_ns() - vm->last_sign > vm->config.silence_ms * 1000000ull)
		stopped_answering(vm);
}

void vm_enter(struct vm *vm, enum phase phase, uint64_t bound_ms)
{
	vm->phase = phase;
	if (!vm->config.debug) /* which may hold the guest for as long as it likes */
		uv_timer_start(&vm->bound, on_bound, bound_ms, 0);
}

bool vm_job_ended(const struct vm *vm)
{
	return vm->end.job_ended;
}

void vm_on_monitor(void *ctx, const char *error)
{
	struct vm *vm = ctx;

	vm->end.saved = !error;
	vm_kill(vm, error ? OC_QEMU_DIED : OC_PASS, error ? error : "");
}

void vm_on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct vm *vm = h->data;

	(void)suggested;
	*buf = uv_buf_init(vm->read_buf, sizeof(vm->read_buf));
}

static void on_console(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct vm *vm = s->data;
	char reason[96];

	if (n < 0) {
		uv_read_stop(s);
		vm_stream_ended(vm);
		return;
	}
	if (n > 0 && !console_feed(&vm->console, buf->base, n)) {
		snprintf(reason, sizeof(reason), "the console passed its bound of %u MiB",
			 CONSOLE_FLOOD >> 20);
		vm_kill(vm, OC_CONSOLE_FLOOD, reason);
	}
}

static enum qmp_goal monitor_goal(const struct vm_config *c)
{
	if (c->save_path)
		return c->deterministic ? QMP_SAVE_STOPPED : QMP_SAVE;
	return c->deterministic && c->state_fd >= 0 ? QMP_RESUME : QMP_NONE;
}

static void compose_run(struct vm *vm, int console_fd, int control_fd, int monitor_fd)
{
	const struct vm_config *c = &vm->config;

	machine_compose(&vm->qemu, c, c->initrd_fd, console_fd, control_fd);
	if (c->seed_later)
		qemu_seed_later(&vm->qemu, c->seed, c->save_path);
	if (monitor_goal(c) != QMP_NONE)
		qemu_monitor(&vm->qemu, monitor_fd);
	qemu_debug(&vm->qemu, c->debug);
	if (c->state_fd >= 0)
		qemu_incoming(&vm->qemu, c->state_fd);
	qemu_finish(&vm->qemu);
}

struct vm *vm_start(uv_loop_t *loop, const struct vm_config *config, const struct vm_ops *ops,
		    void *ctx)
{
	int console[2] = {-1, -1}, control[2] = {-1, -1};
	int monitor[2] = {-1, -1}, room = 4 << 20;
	int *const given[] = {&console[1], &control[1], &monitor[1]}; /* QEMU's ends */
	struct vm *vm = xcalloc(1, sizeof(*vm));

	vm->config = *config;
	vm->ops = ops;
	vm->ctx = ctx;
	vm->said = digest_new();
	vm->stderr_fd = memfd_create("qemu-stderr", MFD_CLOEXEC);
	if (console_open(&vm->console, config->console_path) < 0)
		goto fail;
	vm->console.release = config->release;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, console) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor) < 0) {
		err("socketpair: %s", strerror(errno));
		goto fail;
	}
	/* So that a guest under icount does not feel how fast we read. */
	setsockopt(console[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(control[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	compose_run(vm, console[1], control[1], monitor[1]);

	vm->started = vm->last_sign = now_ns();
	vm->pid = qemu_fork(&vm->qemu, vm->stderr_fd,
			    (int[]){console[1], control[1], monitor[1], config->initrd_fd,
				    config->state_fd, config->debug ? config->debug->stub_fd : -1,
				    config->debug ? config->debug->monitor_fd : -1},
			    7);
	if (vm->pid < 0)
		goto fail;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		close(*given[i]);
		*given[i] = -1;
	}
	vm->pidfd = syscall(SYS_pidfd_open, vm->pid, 0);
	if (vm->pidfd < 0) {
		err("pidfd_open: %s (Linux 5.3 or later is needed)", strerror(errno));
		kill(vm->pid, SIGKILL);
		waitpid(vm->pid, NULL, 0);
		goto fail;
	}

	vm->exited.data = vm->console_pipe.data = vm->control_pipe.data = vm->monitor.pipe.data =
		vm->bound.data = vm->silence.data = vm;
	vm->open_streams = 3;
	vm->open_handles = 6;
	uv_poll_init(loop, &vm->exited, vm->pidfd);
	uv_poll_start(&vm->exited, UV_READABLE, on_process_end);
	uv_pipe_init(loop, &vm->console_pipe, 0);
	uv_pipe_open(&vm->console_pipe, console[0]);
	uv_read_start((uv_stream_t *)&vm->console_pipe, vm_on_alloc, on_console);
	uv_pipe_init(loop, &vm->control_pipe, 0);
	uv_pipe_open(&vm->control_pipe, control[0]);
	uv_read_start((uv_stream_t *)&vm->control_pipe, vm_on_alloc, vm_on_control);
	qmp_open(&vm->monitor, loop, monitor[0], monitor_goal(config), config->save_path,
		 vm_on_monitor, vm);
	uv_timer_init(loop, &vm->bound);
	uv_timer_init(loop, &vm->silence);
	if (!config->deterministic && !config->debug)
		uv_timer_start(&vm->silence, on_silence, 1000, 1000);
	vm_enter(vm, BOOTING, config->boot_ms);
	if (config->state_fd >= 0 && config->payload_fd >= 0) {
		vm->console.ready =
			true; /* init's marker was printed before the machine was saved */
		vm_send_payload(vm);
	}
	return vm;
fail:
	for (int i = 0; i < 2; i++) {
		if (console[i] >= 0)
			close(console[i]);
		if (control[i] >= 0)
			close(control[i]);
		if (monitor[i] >= 0)
			close(monitor[i]);
	}
	if (vm->console.fd >= 0)
		close(vm->console.fd);
	console_free(&vm->console);
	close(vm->stderr_fd);
	qemu_free(&vm->qemu);
	digest_free(vm->said);
	free(vm);
	return NULL;
}
