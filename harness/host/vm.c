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

#include "../common/proto.h"
#include "util.h"
#include "vm.h"

/* At its bound a job counts as a hang when the guest was not heard for this long: 6 heartbeats. */
#define ALIVE_WINDOW_MS 3000

enum phase { BOOTING, RUNNING, ENDING };

struct vm {
	struct vm_config config;
	const struct vm_ops *ops;
	void *ctx;
	struct qemu qemu;
	struct console console;
	struct vm_end end;
	enum phase phase;
	bool killed, saving;
	char *save_command;
	uint64_t started, last_sign;

	pid_t pid;
	int wait_status;
	int stderr_fd, pidfd;
	char *payload;
	size_t payload_size;
	uv_poll_t exited;
	uv_pipe_t console_pipe, control_pipe, monitor_pipe;
	uv_timer_t bound, silence;
	int open_streams; /* console, control, process: what the end waits for */
	int open_handles;

	char monitor_line[8192];
	size_t monitor_have;

	char read_buf[65536];
	char frame[VT_FRAME_MAX + sizeof(struct vt_frame)];
	size_t frame_have;
};

static void set_end(struct vm *vm, enum outcome outcome, const char *reason, ...)
	__attribute__((format(printf, 3, 4)));

static void set_end(struct vm *vm, enum outcome outcome, const char *reason, ...)
{
	va_list ap;

	vm->end.outcome = outcome;
	va_start(ap, reason);
	vsnprintf(vm->end.reason, sizeof(vm->end.reason), reason, ap);
	va_end(ap);
}

void vm_kill(struct vm *vm, enum outcome outcome, const char *reason)
{
	if (vm->killed)
		return;
	vm->killed = true;
	set_end(vm, outcome, "%s", reason);
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

/*
 * QEMU is gone and everything it said is read: what happened? A splat that raced a lost connection
 * or a bound is the splat; before init, whatever happened is a failed boot.
 */
static void judge(struct vm *vm)
{
	const struct splat *splat = console_worst(&vm->console);
	bool panicked = splat && splat->kind == OC_PANIC;
	char said[256];

	if (vm->killed && vm->end.outcome == OC_INTERRUPTED)
		return;
	if (vm->phase == BOOTING) {
		qemu_said(vm, said, sizeof(said));
		if (vm->console.init_failed)
			set_end(vm, OC_INIT_DIED, "init: %s",
				vm->console.init_said ? vm->console.init_said : "killed");
		else if (panicked)
			set_end(vm, OC_NO_BOOT, "%s", splat->line);
		else if (vm->killed)
			return;
		else if (vm->console.total == 0 || !WIFEXITED(vm->wait_status) ||
			 WEXITSTATUS(vm->wait_status))
			set_end(vm, OC_QEMU_DIED, "QEMU ended before the guest was up: %s",
				said[0] ? said : "it said nothing");
		else
			set_end(vm, OC_NO_BOOT, "the guest powered off before it reached init");
		return;
	}
	if (vm->console.init_failed)
		set_end(vm, OC_INIT_DIED, "init: %s",
			vm->console.init_said ? vm->console.init_said : "killed");
	else if (panicked)
		set_end(vm, OC_PANIC, "%s", splat->line);
	else if (vm->killed || vm->end.outcome != OC_PASS)
		return;
	else if (WIFSIGNALED(vm->wait_status))
		set_end(vm, OC_QEMU_DIED, "QEMU was killed by signal %d",
			WTERMSIG(vm->wait_status));
	else if (WEXITSTATUS(vm->wait_status)) {
		qemu_said(vm, said, sizeof(said));
		set_end(vm, OC_QEMU_DIED, "QEMU exited with %d: %s", WEXITSTATUS(vm->wait_status),
			said);
	} else if (!vm->end.job_ended)
		set_end(vm, OC_CONNECTION_LOST, "the guest powered off while the job ran");
}

static void handle_closed(uv_handle_t *h)
{
	struct vm *vm = h->data;

	if (--vm->open_handles)
		return;
	judge(vm);
	vm->ops->done(vm->ctx, &vm->end, &vm->console);
	console_free(&vm->console);
	close(vm->stderr_fd);
	close(vm->pidfd);
	if (vm->payload)
		munmap(vm->payload, vm->payload_size);
	qemu_free(&vm->qemu);
	free(vm->save_command);
	free(vm);
}

static void stream_ended(struct vm *vm)
{
	if (--vm->open_streams)
		return;
	vm->end.wall_ns = now_ns() - vm->started;
	console_close(&vm->console);
	uv_close((uv_handle_t *)&vm->exited, handle_closed);
	uv_close((uv_handle_t *)&vm->console_pipe, handle_closed);
	uv_close((uv_handle_t *)&vm->control_pipe, handle_closed);
	uv_close((uv_handle_t *)&vm->monitor_pipe, handle_closed);
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
	stream_ended(vm);
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
		if (!vm->config.profile->icount &&
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

struct send {
	uv_write_t req;
	struct vt_frame head;
};

static void on_sent(uv_write_t *req, int status)
{
	(void)status; /* a failed write is a dead guest: the end says so */
	free(req->data);
}

/* `data` must live until it is sent. */
static void send_frame(struct vm *vm, enum vt_frame_type type, const void *data, size_t len)
{
	struct send *s = xcalloc(1, sizeof(*s));
	uv_buf_t bufs[2];

	s->head = (struct vt_frame){.magic = VT_MAGIC, .type = type, .len = len};
	s->req.data = s;
	bufs[0] = uv_buf_init((char *)&s->head, sizeof(s->head));
	bufs[1] = uv_buf_init((char *)data, len);
	if (uv_write(&s->req, (uv_stream_t *)&vm->control_pipe, bufs, len ? 2 : 1, on_sent))
		free(s);
}

static void send_payload(struct vm *vm)
{
	off_t size = lseek(vm->config.payload_fd, 0, SEEK_END);
	char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, vm->config.payload_fd, 0);

	if (data == MAP_FAILED) {
		vm_kill(vm, OC_QEMU_DIED, "the payload could not be read");
		return;
	}
	vm->payload = data;
	vm->payload_size = size;
	for (off_t at = 0; at < size; at += VT_FRAME_MAX)
		send_frame(vm, VT_PAYLOAD, data + at,
			   size - at < VT_FRAME_MAX ? size - at : VT_FRAME_MAX);
	send_frame(vm, VT_PAYLOAD_END, NULL, 0);
}

static void enter(struct vm *vm, enum phase phase, uint64_t bound_ms)
{
	vm->phase = phase;
	uv_timer_start(&vm->bound, on_bound, bound_ms, 0);
}

static void job_ended(struct vm *vm, const char *text, size_t len)
{
	json_t *o = json_loadb(text, len, 0, NULL), *v;

	vm->end.job_ended = true;
	if ((v = json_object_get(o, "signal")))
		vm->end.signal = json_integer_value(v);
	else
		vm->end.status = json_integer_value(json_object_get(o, "status"));
	json_decref(o);
	enter(vm, ENDING, vm->config.end_ms);
	if (!vm->config.profile->icount)
		send_frame(vm, VT_BYE, NULL, 0);
}

static void came_up(struct vm *vm)
{
	vm->end.boot_ns = vm->last_sign - vm->started;
	enter(vm, RUNNING, vm->config.job_ms);
}

static void monitor_send(struct vm *vm, const char *command)
{
	struct send *s = xcalloc(1, sizeof(*s));
	uv_buf_t buf = uv_buf_init((char *)command, strlen(command));

	s->req.data = s;
	if (uv_write(&s->req, (uv_stream_t *)&vm->monitor_pipe, &buf, 1, on_sent))
		free(s);
}

/*
 * The saving machine's monitor. It is saved while it runs: the guest waits for its payload and
 * dirties next to nothing, and a machine saved running needs no monitor to go on when it is
 * restored. https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html
 */
static void monitor_line(struct vm *vm, const char *line)
{
	json_t *o = json_loads(line, 0, NULL), *data = json_object_get(o, "data");
	const char *event = json_string_value(json_object_get(o, "event"));
	const char *status = json_string_value(json_object_get(data, "status"));
	json_t *error = json_object_get(o, "error");

	if (error) {
		vm_kill(vm, OC_QEMU_DIED, json_string_value(json_object_get(error, "desc")));
	} else if (event && !strcmp(event, "MIGRATION") && status) {
		if (!strcmp(status, "completed")) {
			vm->end.saved = true;
			vm_kill(vm, OC_PASS, "");
		} else if (!strcmp(status, "failed")) {
			vm_kill(vm, OC_QEMU_DIED, "QEMU could not save the machine");
		}
	} else if (json_object_get(o, "return") && !vm->saving) {
		vm->saving = true;
		monitor_send(
			vm,
			"{\"execute\": \"migrate-set-capabilities\", \"arguments\": {\"capabilities\": "
			"[{\"capability\": \"events\", \"state\": true}]}}\n"
			"{\"execute\": \"migrate-set-parameters\", \"arguments\": {\"max-bandwidth\": "
			"1099511627776}}\n");
		monitor_send(vm, vm->save_command);
	}
	json_decref(o);
}

static void on_monitor(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct vm *vm = s->data;

	if (n < 0) {
		uv_read_stop(s);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf->base[i] != '\n' && vm->monitor_have < sizeof(vm->monitor_line) - 1) {
			vm->monitor_line[vm->monitor_have++] = buf->base[i];
			continue;
		}
		vm->monitor_line[vm->monitor_have] = '\0';
		vm->monitor_have = 0;
		monitor_line(vm, vm->monitor_line);
	}
}

static void on_frame(struct vm *vm, const struct vt_frame *f, const char *data)
{
	vm->last_sign = now_ns();
	switch (f->type) {
	case VT_HELLO:
		came_up(vm);
		if (vm->config.save_path)
			monitor_send(vm, "{\"execute\": \"qmp_capabilities\"}\n");
		else if (vm->config.payload_fd >= 0)
			send_payload(vm);
		break;
	case VT_ALIVE:
		if (vm->phase == BOOTING) /* restored: it said hello when it was saved */
			came_up(vm);
		break;
	case VT_RESULT:
		vm->ops->result(vm->ctx, data, f->len);
		break;
	case VT_OUTPUT:
		vm->ops->output(vm->ctx, data, f->len);
		break;
	case VT_EXIT:
		job_ended(vm, data, f->len);
		break;
	}
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct vm *vm = h->data;

	(void)suggested;
	*buf = uv_buf_init(vm->read_buf, sizeof(vm->read_buf));
}

static void on_control(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct vm *vm = s->data;
	struct vt_frame f;
	const char *p = buf->base;

	if (n < 0) {
		uv_read_stop(s);
		stream_ended(vm);
		return;
	}
	while (n > 0) {
		size_t room = sizeof(vm->frame) - vm->frame_have,
		       take = (size_t)n < room ? (size_t)n : room;
		size_t at = 0;

		memcpy(vm->frame + vm->frame_have, p, take);
		vm->frame_have += take;
		p += take;
		n -= take;
		while (vm->frame_have - at >= sizeof(f)) {
			memcpy(&f, vm->frame + at, sizeof(f));
			if (f.magic != VT_MAGIC || f.len > VT_FRAME_MAX) {
				vm_kill(vm, OC_CONNECTION_LOST,
					"the guest sent something that is no frame");
				vm->frame_have = 0;
				return;
			}
			if (vm->frame_have - at < sizeof(f) + f.len)
				break;
			on_frame(vm, &f, vm->frame + at + sizeof(f));
			at += sizeof(f) + f.len;
		}
		memmove(vm->frame, vm->frame + at, vm->frame_have - at);
		vm->frame_have -= at;
	}
}

static void on_console(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct vm *vm = s->data;
	char reason[96];

	if (n < 0) {
		uv_read_stop(s);
		stream_ended(vm);
		return;
	}
	if (n > 0 && !console_feed(&vm->console, buf->base, n)) {
		snprintf(reason, sizeof(reason), "the console passed its bound of %u MiB",
			 CONSOLE_FLOOD >> 20);
		vm_kill(vm, OC_CONSOLE_FLOOD, reason);
	}
}

static int fork_qemu(struct vm *vm, const int *inherit, size_t count)
{
	pid_t self = getpid();

	vm->pid = fork();
	if (vm->pid < 0)
		return err("fork: %s", strerror(errno));
	if (vm->pid > 0)
		return 0;
	die_with_parent(self);
	setpgid(0, 0); /* the terminal's Ctrl-C is ours to handle */
	for (size_t i = 0; i < count; i++)
		fcntl(inherit[i], F_SETFD, 0);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(vm->stderr_fd, 2);
	execvp(vm->qemu.argv[0], vm->qemu.argv);
	dprintf(2, "cannot run %s: %s\n", vm->qemu.argv[0], strerror(errno));
	_exit(127);
}

static void compose(struct vm *vm, int console_fd, int control_fd, int monitor_fd)
{
	const struct vm_config *c = &vm->config;
	struct qemu *q = &vm->qemu;

	qemu_machine(q, c->accel, c->cpus, c->mem_mib);
	if (c->profile->icount)
		qemu_icount(q, 1);
	qemu_kernel(q, c->vmlinuz, c->initrd_fd);
	qemu_console(q, console_fd);
	qemu_serial_bus(q, c->profile->icount);
	qemu_port(q, VT_PORT_CONTROL, control_fd);
	if (c->save_path) {
		qemu_monitor(q, monitor_fd);
		vm->save_command = fmt("{\"execute\": \"migrate\", \"arguments\": "
				       "{\"uri\": \"exec:cat >%s\"}}\n",
				       c->save_path);
	}
	if (c->state_fd >= 0)
		qemu_incoming(q, c->state_fd);
	qemu_append(q, c->profile->append);
	if (c->append)
		qemu_append(q, c->append);
	qemu_finish(q);
}

struct vm *vm_start(uv_loop_t *loop, const struct vm_config *config, const struct vm_ops *ops,
		    void *ctx)
{
	int console[2] = {-1, -1}, control[2] = {-1, -1};
	int monitor[2] = {-1, -1}, room = 4 << 20;
	struct vm *vm = xcalloc(1, sizeof(*vm));

	vm->config = *config;
	vm->ops = ops;
	vm->ctx = ctx;
	vm->stderr_fd = memfd_create("qemu-stderr", MFD_CLOEXEC);
	if (console_open(&vm->console, config->console_path) < 0)
		goto fail;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, console) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor) < 0) {
		err("socketpair: %s", strerror(errno));
		goto fail;
	}
	/* So that a guest under icount does not feel how fast we read. */
	setsockopt(console[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(control[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	compose(vm, console[1], control[1], monitor[1]);

	vm->started = vm->last_sign = now_ns();
	if (fork_qemu(vm,
		      (int[]){console[1], control[1], monitor[1], config->initrd_fd,
			      config->state_fd},
		      config->state_fd >= 0 ? 5 : 4) < 0)
		goto fail;
	close(console[1]);
	close(control[1]);
	close(monitor[1]);
	vm->pidfd = syscall(SYS_pidfd_open, vm->pid, 0);
	if (vm->pidfd < 0) {
		err("pidfd_open: %s (Linux 5.3 or later is needed)", strerror(errno));
		kill(vm->pid, SIGKILL);
		waitpid(vm->pid, NULL, 0);
		goto fail;
	}

	vm->exited.data = vm->console_pipe.data = vm->control_pipe.data = vm->monitor_pipe.data =
		vm->bound.data = vm->silence.data = vm;
	vm->open_streams = 3;
	vm->open_handles = 6;
	uv_poll_init(loop, &vm->exited, vm->pidfd);
	uv_poll_start(&vm->exited, UV_READABLE, on_process_end);
	uv_pipe_init(loop, &vm->console_pipe, 0);
	uv_pipe_open(&vm->console_pipe, console[0]);
	uv_read_start((uv_stream_t *)&vm->console_pipe, on_alloc, on_console);
	uv_pipe_init(loop, &vm->control_pipe, 0);
	uv_pipe_open(&vm->control_pipe, control[0]);
	uv_read_start((uv_stream_t *)&vm->control_pipe, on_alloc, on_control);
	uv_pipe_init(loop, &vm->monitor_pipe, 0);
	uv_pipe_open(&vm->monitor_pipe, monitor[0]);
	if (config->save_path)
		uv_read_start((uv_stream_t *)&vm->monitor_pipe, on_alloc, on_monitor);
	uv_timer_init(loop, &vm->bound);
	uv_timer_init(loop, &vm->silence);
	if (!config->profile->icount)
		uv_timer_start(&vm->silence, on_silence, 1000, 1000);
	enter(vm, BOOTING, config->boot_ms);
	if (config->state_fd >= 0) {
		vm->console.ready =
			true; /* init's marker was printed before the machine was saved */
		send_payload(vm);
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
	free(vm);
	return NULL;
}
