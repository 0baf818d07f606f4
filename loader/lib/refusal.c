// SPDX-License-Identifier: GPL-2.0-only
/* Why the kernel refused to load an object, out of libbpf's messages. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "internal.h"
#include "refusal.h"

#define LOG_BEGIN "-- BEGIN PROG LOAD LOG --\n"
#define LOG_END	  "-- END PROG LOAD LOG --"

/* The last place of `what`. */
static const char *last(const char *text, const char *what)
{
	const char *found = NULL, *next;

	for (next = text; (next = strstr(next, what)); next++)
		found = next;
	return found;
}

/* Takes NAME of the last "KIND 'NAME': DID" in libbpf's messages, which have been such since
 * libbpf 1.0. */
static void name_of(const char *said, const char *kind, const char *did, char name[64])
{
	const char *at = last(said, did), *begin;

	*name = '\0';
	if (!at)
		return;
	for (begin = at; begin > said && begin[-1] != '\n';)
		begin--;
	begin = strstr(begin, kind);
	if (begin && begin < at)
		snprintf(name, 64, "%.*s", (int)(at - begin - strlen(kind)), begin + strlen(kind));
}

/* The last program's log, which the caller frees; NULL: there is none, or no memory (*err). */
static char *log_of(const char *said, int *err)
{
	const char *end = last(said, LOG_END), *begin, *next;
	char *log;

	if (!end)
		return NULL;
	for (begin = NULL, next = said; (next = strstr(next, LOG_BEGIN)) && next < end; next++)
		begin = next + strlen(LOG_BEGIN);
	if (!begin) { /* its head is gone, up to within a line */
		begin = said + strcspn(said, "\n");
		begin += begin < end && *begin == '\n';
	}
	if (begin > end)
		begin = end;
	log = strndup(begin, end - begin);
	if (!log)
		*err = -ENOMEM;
	return log;
}

int cp_refusal_read(int err, const char *said, struct cp_refusal *r)
{
	int failed = 0;
	char *log;

	*r = (struct cp_refusal){.err = err, .said = said, .log.insn = -1};
	name_of(said, "prog '", "': failed to load: ", r->program);
	name_of(said, "map '", "': failed to create: ", r->map);
	log = log_of(said, &failed);
	if (!log)
		return failed;
	failed = verifier_log_parse(log, &r->log);
	free(log);
	return failed;
}

void cp_refusal_free(struct cp_refusal *r)
{
	verifier_log_free(&r->log);
}

static const char *error_name(int err)
{
	return err == CP_KERNEL_ENOTSUPP ? "ENOTSUPP, an error of the kernel's own" : strerror(err);
}

/* Appends; what has no room is cut. */
static void add(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void add(char *out, size_t size, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + used, size - used, fmt, ap);
	va_end(ap);
}

static void add_place(const struct verifier_log *log, char *out, size_t size)
{
	if (log->file)
		add(out, size, "; at %s:%ld", log->file, log->line);
	if (log->text && *log->text)
		add(out, size, "%s '%s'", log->file ? ":" : "; at", log->text);
}

const char *cp_refusal_text(const struct cp_refusal *r, const struct cp_host *host,
			    const char *release, char *out, size_t size)
{
	const struct cp_known *known = cp_known_problem(r, host);

	*out = '\0';
	if (*r->program) {
		add(out, size, "the kernel refused program %s (%s): %s", r->program,
		    error_name(r->err), r->log.reason ?: "the verifier gave no reason");
		add_place(&r->log, out, size);
	} else if (*r->map) {
		add(out, size, "the kernel refused map %s (%s)", r->map, error_name(r->err));
	} else {
		add(out, size, "%s", error_name(r->err));
	}
	if (known)
		add(out, size, "; known: %s; %s", known->what, known->todo);
	else if (*r->program)
		add(out, size,
		    "; no known problem of a kernel (this is %s): please report it, with what "
		    "--verbose shows",
		    release);
	else
		add(out, size, "; run as root; --verbose shows what the kernel says");
	return out;
}

static bool is_confidential(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char text[64] = "";

	if (f && !fgets(text, sizeof(text), f))
		*text = '\0';
	if (f)
		fclose(f);
	return strstr(text, "[confidentiality]");
}

int cp_fail_load(int err, const char *what)
{
	struct cp_host host = {.confidential = is_confidential(),
			       .no_btf = access(CP_KERNEL_BTF, R_OK) && errno == ENOENT};
	struct utsname kernel = {};
	struct cp_refusal r;
	char text[2048];

	/* cp_fail() adds which; what the verifier says of it would mislead */
	if ((err == -EPERM || err == -EACCES) && cp_caps_lacking())
		return cp_fail(-err, "%s: %s; run as root", what, strerror(-err));
	if (cp_refusal_read(-err, corepath_log(), &r))
		return cp_fail(-err, "%s: %s; --verbose shows what the kernel says", what,
			       error_name(-err));
	uname(&kernel);
	cp_refusal_text(&r, &host, kernel.release, text, sizeof(text));
	cp_refusal_free(&r);
	return cp_fail(-err, "%s: %s", what, text);
}
