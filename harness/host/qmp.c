// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "qmp.h"
#include "util.h"

struct command {
	uv_write_t req;
	char *text;
};

static void on_sent(uv_write_t *req, int status)
{
	struct command *c = req->data;

	(void)status; /* a failed write is a dead QEMU: its end says so */
	free(c->text);
	free(c);
}

/* Takes over `text`. */
static void send_text(struct qmp *q, char *text)
{
	struct command *c = xcalloc(1, sizeof(*c));
	uv_buf_t buf = uv_buf_init(text, strlen(text));

	c->text = text;
	c->req.data = c;
	if (uv_write(&c->req, (uv_stream_t *)&q->pipe, &buf, 1, on_sent))
		on_sent(&c->req, 0);
}

void qmp_save_now(struct qmp *q)
{
	q->saving = true;
	send_text(q,
		  fmt("{\"execute\": \"migrate-set-capabilities\", \"arguments\": "
		      "{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}}\n"
		      "{\"execute\": \"migrate-set-parameters\", \"arguments\": "
		      "{\"max-bandwidth\": %lld}}\n"
		      "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"exec:cat >'%s'\"}}\n",
		      1ll << 40, q->path));
}

static void ask_status(struct qmp *q)
{
	send_text(q, xstrdup("{\"execute\": \"query-status\"}\n"));
}

/* Asked too early, cont would only mean what a machine that ran when it was saved does anyway. */
static void on_status(struct qmp *q, const char *status)
{
	if (!strcmp(status, "inmigrate")) {
		ask_status(q);
		return;
	}
	q->loaded = true;
	if (q->goal == QMP_RESUME)
		send_text(q, xstrdup("{\"execute\": \"cont\"}\n"));
	else
		q->done(q->ctx, NULL);
}

static void on_return(struct qmp *q, const json_t *value)
{
	const char *status = json_string_value(json_object_get(value, "status"));
	bool asks = q->goal == QMP_RESUME || q->goal == QMP_TELL_LOADED;

	if (asks && !q->ready)
		ask_status(q);
	else if (asks && !q->loaded && status)
		on_status(q, status);
	q->ready = true;
}

static void on_event(struct qmp *q, const char *event, const char *status)
{
	if (!strcmp(event, "STOP") && q->goal == QMP_SAVE_STOPPED && !q->saving)
		qmp_save_now(q);
	if (strcmp(event, "MIGRATION") || !status || !q->saving)
		return;
	if (!strcmp(status, "completed"))
		q->done(q->ctx, NULL);
	else if (!strcmp(status, "failed"))
		q->done(q->ctx, "QEMU could not write the machine's state");
}

static void on_line(struct qmp *q)
{
	json_t *o = json_loads(q->line, 0, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	json_t *error = json_object_get(o, "error"), *value = json_object_get(o, "return");

	if (error)
		q->done(q->ctx, json_string_value(json_object_get(error, "desc")));
	else if (value)
		on_return(q, value);
	else if (event)
		on_event(q, event,
			 json_string_value(json_object_get(json_object_get(o, "data"), "status")));
	json_decref(o);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct qmp *q = (struct qmp *)s;

	if (n < 0)
		uv_read_stop(s);
	for (ssize_t i = 0; i < n; i++) {
		if (buf->base[i] != '\n' && q->have < sizeof(q->line) - 1) {
			q->line[q->have++] = buf->base[i];
			continue;
		}
		q->line[q->have] = '\0';
		q->have = 0;
		on_line(q);
	}
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	static char room[4096]; /* read and used up before the next one */

	(void)h;
	(void)suggested;
	*buf = uv_buf_init(room, sizeof(room));
}

void qmp_open(struct qmp *q, uv_loop_t *loop, int fd, enum qmp_goal goal, const char *path,
	      void (*done)(void *ctx, const char *error), void *ctx)
{
	uv_pipe_init(loop, &q->pipe, 0);
	uv_pipe_open(&q->pipe, fd);
	q->goal = goal;
	q->path = path;
	q->done = done;
	q->ctx = ctx;
	if (goal == QMP_NONE)
		return;
	uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read);
	send_text(q, xstrdup("{\"execute\": \"qmp_capabilities\"}\n"));
}
