// SPDX-License-Identifier: GPL-2.0-only
/* The verifier log, line by line: see verifier_log.h. */
#include "verifier_log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest reason kept, bytes; further error lines are left to the raw log. */
#define REASON_MAX 512

/* Starts of lines that are the verifier thinking aloud, not refusing. */
static const char *const noise[] = {
	"; ",		 /* source line */
	"func#",	 /* subprogram list, any level before 6.x */
	"Func#",	 /* "Func#1 is safe for any args..." */
	"Validating ",	 /* "Validating f() func#1..." */
	"last_idx ",	 /* precision tracking, up to 6.3 */
	"regs=",	 /* the same */
	"parent ",	 /* the same */
	"mark_precise:", /* precision tracking, since 6.4 */
	"propagating ",	 /* state merging */
	"caller:",	 /* call and return, with states on the next line */
	"callee:", "returning from callee:", "to caller at ",
	"cur state:",	       /* the two states of "infinite loop detected" */
	"old state:", "from ", /* "from 5 to 9: R0=..." */
	/* What is said of a function's argument before its type is known not to matter: a context
	 * whose type is void, a static subprogram. Seen on 5.10, 6.1, and from 6.12 on. */
	"arg#0 type is not a struct", "Unrecognized arg#", "reg type unsupported for arg#",
	"arg#0 reference type('UNKNOWN", "verification time ", "stack depth ", "processed ",
	"insns processed ", /* 7.2: per-subprogram figures */
};

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* "R1=ctx()", "R0_w=0", "R3rw=...", "frame1: R6=...", "fp-8=": a register state. */
static bool is_state(const char *text)
{
	const char *c = text;

	while (*c == ' ')
		c++;
	if (starts_with(c, "frame")) {
		c += strlen("frame");
		while (isdigit((unsigned char)*c))
			c++;
		return *c == ':';
	}
	if (starts_with(c, "fp-"))
		return true;
	if (*c != 'R' || !isdigit((unsigned char)c[1]))
		return false;
	for (c++; isalnum((unsigned char)*c) || *c == '_'; c++)
		;
	return *c == '=';
}

/* "12: (85) call bpf_map_lookup_elem#1" or libbpf's "12: <invalid CO-RE relocation>": sets *@insn.
 * "12: R1=ctx()" is a state. */
static bool is_insn(const char *text, long *insn)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)*text))
		return false;
	value = strtol(text, &end, 10);
	if (!starts_with(end, ": <") &&
	    (!starts_with(end, ": (") || !isxdigit((unsigned char)end[3]) ||
	     !isxdigit((unsigned char)end[4]) || end[5] != ')'))
		return false;
	*insn = value;
	return true;
}

static bool is_numbered_state(const char *text)
{
	if (!isdigit((unsigned char)*text))
		return false;
	while (isdigit((unsigned char)*text))
		text++;
	return *text == ':' && is_state(text + 1);
}

static bool is_noise(const char *text)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++)
		if (starts_with(text, noise[i]))
			return true;
	return !*text || is_state(text) || is_numbered_state(text);
}

/* The number after @key in @text, -1 when either is missing. */
static long number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	char *end;
	long value;

	if (!at)
		return -1;
	at += strlen(key);
	value = strtol(at, &end, 10);
	return end == at ? -1 : value;
}

/* "stack depth 144+255"; 7.2 adds " max 400", which is 0 for a rejected program; 7.3 has that
 * alone, and the rest in parse_subprog()'s lines. */
static void parse_stack(const char *text, struct verifier_log *out)
{
	const char *at = text + strlen("stack depth ");
	char *end;

	out->stack_count = 0;
	while (out->stack_count < VERIFIER_LOG_SUBPROGS) {
		long depth = strtol(at, &end, 10);

		if (end == at)
			break;
		out->stack[out->stack_count++] = depth;
		if (*end != '+')
			break;
		at = end + 1;
	}
}

/* "subprog 0 (f) main insns_self 3 insns_total 3 stack 16", a line for each since 7.3. */
static void parse_subprog(const char *text, struct verifier_log *out)
{
	long depth = number_after(text, " stack ");

	if (depth >= 0 && out->stack_count < VERIFIER_LOG_SUBPROGS)
		out->stack[out->stack_count++] = depth;
}

static void parse_figures(const char *text, struct verifier_log *out)
{
	out->complete = true;
	out->insns = number_after(text, "processed ");
	out->max_states_per_insn = number_after(text, "max_states_per_insn ");
	out->total_states = number_after(text, "total_states ");
	out->peak_states = number_after(text, "peak_states ");
}

/* "; text" or, since 6.8, "; text @ file.c:12". */
static int parse_source(const char *text, struct verifier_log *out)
{
	const char *body = text + 2, *at = NULL, *next = body;
	size_t len = strlen(body);

	while ((next = strstr(next, " @ ")))
		at = next++;
	free(out->text);
	free(out->file);
	out->file = NULL;
	out->line = 0;
	if (at) {
		const char *colon = strrchr(at, ':');
		char *end;
		long line = colon ? strtol(colon + 1, &end, 10) : 0;

		if (line > 0 && !*end) {
			out->file = strndup(at + 3, colon - at - 3);
			out->line = line;
			len = at - body;
			if (!out->file)
				return -ENOMEM;
		}
	}
	out->text = strndup(body, len);
	return out->text ? 0 : -ENOMEM;
}

/* State of one walk over a log. */
struct walk {
	char reason[REASON_MAX];
	/* Since 7.3: the words of "Verification failed:" and of its "Reason:", used when the
	 * classic error line is not there. */
	char report[REASON_MAX];
	enum { CLASSIC, REPORT, REPORT_REASON, REPORT_AT } part;
};

static void append(char *buffer, const char *separator, const char *text)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, REASON_MAX - used, "%s%s", used ? separator : "", text);
}

/* A line of the 7.3 report. Returns false when @text is none of its lines. */
static bool read_report(struct walk *walk, const char *text, struct verifier_log *out)
{
	if (starts_with(text, "Verification failed:")) {
		walk->part = REPORT;
		append(walk->report, "; ", text + strlen("Verification failed: "));
		return true;
	}
	if (walk->part == CLASSIC || starts_with(text, "processed ") ||
	    starts_with(text, "verification time ") || starts_with(text, "stack depth ") ||
	    starts_with(text, "subprog "))
		return false;
	if (starts_with(text, "Reason:")) {
		walk->part = REPORT_REASON;
	} else if (starts_with(text, "At:")) {
		walk->part = REPORT_AT;
	} else if (*text && *text != ' ') {
		walk->part = REPORT;
	} else if (walk->part == REPORT_REASON && *text) {
		append(walk->report, ": ", text + strspn(text, " "));
	} else if (walk->part == REPORT_AT && out->insn < 0) {
		out->insn = number_after(text, "  insn ");
	}
	return true;
}

static int read_line(struct walk *walk, const char *text, struct verifier_log *out)
{
	long insn;

	if (read_report(walk, text, out))
		return 0;
	if (is_insn(text, &insn)) {
		/* What was said before a further step was not what stopped it. */
		out->insn = insn;
		walk->reason[0] = '\0';
		return 0;
	}
	if (starts_with(text, "; "))
		return parse_source(text, out);
	if (starts_with(text, "processed "))
		parse_figures(text, out);
	else if (starts_with(text, "stack depth "))
		parse_stack(text, out);
	else if (starts_with(text, "subprog "))
		parse_subprog(text, out);
	else if (starts_with(text, "verification time "))
		out->verification_us = number_after(text, "verification time ");
	else if (!is_noise(text))
		append(walk->reason, "; ", text);
	return 0;
}

int verifier_log_parse(const char *log, struct verifier_log *out)
{
	struct walk walk = {.part = CLASSIC};
	int err = 0;

	memset(out, 0, sizeof(*out));
	out->insn = out->insns = out->max_states_per_insn = -1;
	out->total_states = out->peak_states = out->verification_us = -1;

	while (*log && !err) {
		size_t len = strcspn(log, "\n");
		char *text = strndup(log, len);

		if (!text)
			err = -ENOMEM;
		else
			err = read_line(&walk, text, out);
		free(text);
		log += len + (log[len] == '\n');
	}
	if (!err && (walk.reason[0] || walk.report[0])) {
		long said;

		out->reason = strdup(walk.reason[0] ? walk.reason : walk.report);
		err = out->reason ? 0 : -ENOMEM;
		/* "infinite loop detected at insn 5" knows better than the last step printed;
		 * "unreachable insn 7" comes before any step. */
		said = number_after(walk.reason, "at insn ");
		if (said < 0 && out->insn < 0)
			said = number_after(walk.reason, "insn ");
		if (said >= 0)
			out->insn = said;
	}
	if (err)
		verifier_log_free(out);
	return err;
}

void verifier_log_free(struct verifier_log *log)
{
	free(log->reason);
	free(log->text);
	free(log->file);
	memset(log, 0, sizeof(*log));
}
