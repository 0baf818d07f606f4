// SPDX-License-Identifier: GPL-2.0-only
/* The control port of a VM: frames from its guest, and to it. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "util.h"
#include "vm_impl.h"

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
	s->head.len = len;
	if (vm->phase == BOOTING && vm->config.state_fd < 0)
		vm->early = s;
	else
		send_bytes(vm, s, VT_STDIN, s->copy, len);
}

void vm_send_payload(struct vm *vm)
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
	if (vm->early)
		send_bytes(vm, vm->early, VT_STDIN, vm->early->copy, vm->early->head.len);
}

static void came_up(struct vm *vm)
{
	vm->end.boot_ns = vm->last_sign - vm->started;
	vm_enter(vm, RUNNING, vm->config.job_ms);
}

static void program_ended(struct vm *vm, const char *text, size_t len)
{
	json_t *o = json_loadb(text, len, 0, NULL);
	int signal = json_integer_value(json_object_get(o, "signal"));
	int status = json_integer_value(json_object_get(o, "status"));
	bool more = json_is_true(json_object_get(o, "more"));

	json_decref(o);
	if (more) {
		vm_enter(vm, RUNNING, vm->ops->step(vm->ctx, status, signal));
		return;
	}
	vm->end.job_ended = true;
	vm->end.signal = signal;
	vm->end.status = status;
	vm_enter(vm, ENDING, vm->config.end_ms);
	if (!vm->config.deterministic || vm->config.attended)
		send_frame(vm, VT_BYE, NULL, 0);
}

static void on_frame(struct vm *vm, const struct vt_frame *f, const char *data)
{
	vm->last_sign = now_ns();
	switch (f->type) {
	case VT_HELLO:
		came_up(vm);
		if (vm->config.save_path && vm->config.deterministic)
			vm_on_monitor(vm, "the guest may not stop itself: is it locked down?");
		else if (vm->config.save_path)
			qmp_save_now(&vm->monitor);
		else if (vm->config.payload_fd >= 0)
			vm_send_payload(vm);
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
		program_ended(vm, data, f->len);
		break;
	}
}

void vm_on_control(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct vm *vm = s->data;
	struct vt_frame f;
	const char *p = buf->base;

	if (n < 0) {
		uv_read_stop(s);
		vm_stream_ended(vm);
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
			digest_add(vm->said, vm->frame + at, sizeof(f) + f.len);
			on_frame(vm, &f, vm->frame + at + sizeof(f));
			at += sizeof(f) + f.len;
		}
		memmove(vm->frame, vm->frame + at, vm->frame_have - at);
		vm->frame_have -= at;
	}
}
