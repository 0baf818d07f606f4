/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of a VM share: vm.c (its life), vm_port.c (what is said through its port). */
#ifndef VMTEST_VM_IMPL_H
#define VMTEST_VM_IMPL_H

#include "../common/proto.h"
#include "qmp.h"
#include "vm.h"

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
	struct qmp monitor;
	struct send *early; /* input that came before the payload could be sent */
	uv_timer_t bound, silence;
	int open_streams; /* console, control, process: what the end waits for */
	int open_handles;

	char read_buf[65536];
	char frame[VT_FRAME_MAX + sizeof(struct vt_frame)];
	size_t frame_have;
	struct digest *said;
};

/* vm.c */
void vm_enter(struct vm *vm, enum phase phase, uint64_t bound_ms);
void vm_stream_ended(struct vm *vm);
/* What the monitor was asked for is done, or failed. */
void vm_on_monitor(void *ctx, const char *error);
void vm_on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf);

/* vm_port.c */
void vm_on_control(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);
void vm_send_payload(struct vm *vm);

#endif
