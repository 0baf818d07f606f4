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
#include "judge.h"
#include "machine.h"
#include "qmp_save.h"
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
	bool killed;
	uint64_t started, last_sign;

	pid_t pid;
	int wait_status;
	int stderr_fd, pidfd;
	char *payload;
	size_t payload_size;
	uv_poll_t exited;
	uv_pipe_t console_pipe, control_pipe;
	struct qmp_save saver;
	uv_timer_t bound, silence;
	int open_streams; /* console, control, process: what the end waits for */
	int open_handles;

	char read_buf[65536];
	char frame[VT_FRAME_MAX + sizeof(struct vt_frame)];
	size_t frame_have;
};

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
	vm->ops->done(vm->ctx, &vm->end, &vm->console);
	console_free(&vm->console);
	close(vm->stderr_fd);
	close(vm->pidfd);
	if (vm->payload)
		munmap(vm->payload, vm->payload_size);
	qemu_free(&vm->qemu);
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
	uv_close((uv_handle_t *)&vm->saver.pipe, handle_closed);
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
	char *copy; /* of what was sent, or NULL */
	void (*sent)(void *ctx);
	void *ctx;
};

static void on_sent(uv_write_t *req, int status)
{
	struct send *s = req->data;

	if (s->sent && status == 0) /* a failed write is a dead guest: its end says so */
		s->sent(s->ctx);
	free(s->copy);
	free(s);
}

static void send_bytes(struct vm *vm, struct send *s, enum vt_frame_type type, const void *data,
		       size_t len)
{
	uv_buf_t bufs[2];

	s->head = (struct vt_frame){.magic = VT_MAGIC, .type = type, .len = len};
	s->req.data = s;
	bufs[0] = uv_buf_init((char *)&s->head, sizeof(s->head));
	bufs[1] = uv_buf_init((char *)data, len);
	if (uv_write(&s->req, (uv_stream_t *)&vm->control_pipe, bufs, len ? 2 : 1, on_sent)) {
		free(s->copy);
		free(s);
	}
}

/* `data` must live until it is sent. */
static void send_frame(struct vm *vm, enum vt_frame_type type, const void *data, size_t len)
{
	send_bytes(vm, xcalloc(1, sizeof(struct send)), type, data, len);
}

void vm_stdin(struct vm *vm, const void *data, size_t len, void (*sent)(void *ctx))
{
	struct send *s = xcalloc(1, sizeof(*s));

	s->copy = xcalloc(1, len + 1);
	memcpy(s->copy, data, len);
	s->sent = sent;
	s->ctx = vm->ctx;
	send_bytes(vm, s, VT_STDIN, s->copy, len);
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

static void on_saved(void *ctx, const char *error)
{
	struct vm *vm = ctx;

	vm->end.saved = !error;
	vm_kill(vm, error ? OC_QEMU_DIED : OC_PASS, error ? error : "");
}

static void on_frame(struct vm *vm, const struct vt_frame *f, const char *data)
{
	vm->last_sign = now_ns();
	switch (f->type) {
	case VT_HELLO:
		came_up(vm);
		if (vm->config.save_path)
			qmp_save_begin(&vm->saver);
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
	case VT_STDOUT:
	case VT_STDERR:
		vm->ops->output(vm->ctx, f->type == VT_STDOUT ? 1 : 2, data, f->len);
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

static void compose_run(struct vm *vm, int console_fd, int control_fd, int monitor_fd)
{
	const struct vm_config *c = &vm->config;

	machine_compose(&vm->qemu, c, c->initrd_fd, console_fd, control_fd);
	if (c->save_path)
		qemu_monitor(&vm->qemu, monitor_fd);
	if (c->state_fd >= 0)
		qemu_incoming(&vm->qemu, c->state_fd);
	qemu_finish(&vm->qemu);
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
	vm->pid = qemu_fork(
		&vm->qemu, vm->stderr_fd,
		(int[]){console[1], control[1], monitor[1], config->initrd_fd, config->state_fd},
		5);
	if (vm->pid < 0)
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

	vm->exited.data = vm->console_pipe.data = vm->control_pipe.data = vm->saver.pipe.data =
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
	qmp_save_open(&vm->saver, loop, monitor[0], config->save_path, on_saved, vm);
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
