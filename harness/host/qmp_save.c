// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "qmp_save.h"
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
static void send_text(struct qmp_save *q, char *text)
{
	struct command *c = xcalloc(1, sizeof(*c));
	uv_buf_t buf = uv_buf_init(text, strlen(text));

	c->text = text;
	c->req.data = c;
	if (uv_write(&c->req, (uv_stream_t *)&q->pipe, &buf, 1, on_sent))
		on_sent(&c->req, 0);
}

static void begin_migration(struct qmp_save *q)
{
	q->begun = true;
	send_text(q,
		  fmt("{\"execute\": \"migrate-set-capabilities\", \"arguments\": "
		      "{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}}\n"
		      "{\"execute\": \"migrate-set-parameters\", \"arguments\": "
		      "{\"max-bandwidth\": %lld}}\n"
		      "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"exec:cat >'%s'\"}}\n",
		      1ll << 40, q->path));
}

static void on_line(struct qmp_save *q)
{
	json_t *o = json_loads(q->line, 0, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	const char *status =
		json_string_value(json_object_get(json_object_get(o, "data"), "status"));
	json_t *error = json_object_get(o, "error");

	if (error) {
		q->done(q->ctx, json_string_value(json_object_get(error, "desc")));
	} else if (json_object_get(o, "return")) {
		if (!q->begun)
			begin_migration(q);
	} else if (event && status && !strcmp(event, "MIGRATION")) {
		if (!strcmp(status, "completed"))
			q->done(q->ctx, NULL);
		else if (!strcmp(status, "failed"))
			q->done(q->ctx, "QEMU could not write the machine's state");
	}
	json_decref(o);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct qmp_save *q = (struct qmp_save *)s;

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

void qmp_save_open(struct qmp_save *q, uv_loop_t *loop, int fd, const char *path,
		   void (*done)(void *ctx, const char *error), void *ctx)
{
	uv_pipe_init(loop, &q->pipe, 0);
	uv_pipe_open(&q->pipe, fd);
	q->path = path;
	q->done = done;
	q->ctx = ctx;
	if (path)
		uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read);
}

void qmp_save_begin(struct qmp_save *q)
{
	send_text(q, xstrdup("{\"execute\": \"qmp_capabilities\"}\n"));
}
