// SPDX-License-Identifier: GPL-2.0-only
/*
 * Console logs with the verdict they must get: console/NAME/console.log as the serial port gave it,
 * console/NAME/expected as README.md here describes. However the bytes come in, the answer is one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../host/console.h"
#include "../host/exceptions.h"
#include "../host/util.h"
#include "runner.h"

#define CASES "harness/tests/console"
#define NONE  "exceptions: []\n"

static struct dirent **cases;
static int cases_n;

/* The value of "key: value" on a line of its own, to free(); NULL when there is none. */
static char *value_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, key, n) && !strncmp(p + n, ": ", 2))
			return strndup(p + n + 2, strcspn(p + n + 2, "\n"));
	return NULL;
}

static char *case_file(const char *name, const char *file, size_t *len)
{
	char *path = fmt("%s/%s/%s", CASES, name, file), *text = read_file(path, len);

	ck_assert_msg(text, "%s: cannot be read", path);
	free(path);
	return text;
}

/* Pieces of 1 to `most` bytes; all at once for 0. The sizes follow from the seed. */
static void feed(struct console *c, const char *data, size_t len, unsigned most, unsigned seed)
{
	while (len) {
		size_t n = most ? 1 + rand_r(&seed) % most : len;

		n = n < len ? n : len;
		console_feed(c, data, n);
		data += n;
		len -= n;
	}
	console_close(c);
}

/* What was understood, as `expected` says it. */
static char *verdict(const struct console *c)
{
	const struct splat *s = console_worst(c);
	char *text =
		fmt("kind: %s\nfatal: %s\ntest: %s\nline: %s\ninit_failed: %s\n",
		    s ? outcome_name(s->kind) : "none", s && s->fatal ? "yes" : "no",
		    s && s->test ? s->test : "-", s ? s->line : "-", c->init_failed ? "yes" : "no");
	return text;
}

static void use_exceptions(const char *text)
{
	int fd = memfd_create("exceptions", 0);
	char *path = fmt("/proc/self/fd/%d", fd);

	ck_assert_int_eq(write_all(fd, text, strlen(text)), 0);
	ck_assert_int_eq(exceptions_load(path), 0);
	close(fd);
	free(path);
}

static char *read_case(const char *name, const char *expected, unsigned most, unsigned seed)
{
	char *restored = value_of(expected, "restored"), *release = value_of(expected, "release");
	struct console c;
	char *log, *got;
	size_t len;

	log = case_file(name, "console.log", &len);
	ck_assert_int_eq(console_open(&c, "/dev/null"), 0);
	c.ready = restored;
	c.release = release;
	feed(&c, log, len, most, seed);
	got = verdict(&c);
	console_free(&c);
	free(log);
	free(restored);
	free(release);
	return got;
}

static void expect(const char *name, const char *expected, const char *got, const char *key,
		   const char *otherwise)
{
	char *want = value_of(expected, key), *is = value_of(got, key);
	size_t n;

	if (!want)
		want = strdup(otherwise);
	n = strlen(want);
	if (n > 3 && !strcmp(want + n - 3, "...")) {
		want[n - 3] = '\0';
		is[strnlen(is, n - 3)] = '\0';
	}
	ck_assert_msg(!strcmp(want, is), "%s: %s should be \"%s\", is \"%s\"", name, key, want, is);
	free(want);
	free(is);
}

START_TEST(golden)
{
	static const unsigned sizes[] = {1, 2, 7, 100, 5000};
	const char *name = cases[_i]->d_name;
	char *expected = case_file(name, "expected", NULL), *whole, *source;

	use_exceptions(NONE);
	source = fmt("%s/%s/exceptions.yaml", CASES, name);
	if (access(source, F_OK) == 0)
		ck_assert_int_eq(exceptions_load(source), 0);
	free(source);
	source = value_of(expected, "source");
	ck_assert_msg(source, "%s: expected does not say where the log is from", name);
	free(source);

	whole = read_case(name, expected, 0, 0);
	expect(name, expected, whole, "kind", "none");
	expect(name, expected, whole, "fatal", "no");
	expect(name, expected, whole, "test", "-");
	expect(name, expected, whole, "line", "-");
	expect(name, expected, whole, "init_failed", "no");
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *split = read_case(name, expected, sizes[i], 42 + i);

		ck_assert_msg(!strcmp(split, whole), "%s: in pieces of up to %u bytes: %s", name,
			      sizes[i], split);
		free(split);
	}
	free(whole);
	free(expected);
}
END_TEST

/* More than is kept: the file has the first and the last, says what is missing, nothing twice. */
START_TEST(long_log_is_bounded)
{
	const size_t total = CONSOLE_HEAD + 3 * CONSOLE_TAIL + 123;
	int fd = memfd_create("log", 0);
	char *path = fmt("/proc/self/fd/%d", fd), *log = xcalloc(1, total + 1), *kept, *left_out;
	struct console c;
	size_t len;

	for (size_t i = 0; i < total; i++)
		log[i] = i % 50 == 49 ? '\n' : 'a' + i / 50 % 26;
	ck_assert_int_eq(console_open(&c, path), 0);
	feed(&c, log, total, 70000, 7);
	kept = read_file(path, &len);
	left_out = fmt("\n[... vmtest left out %zu bytes ...]\n", (size_t)2 * CONSOLE_TAIL + 123);
	ck_assert_uint_eq(len, CONSOLE_HEAD + strlen(left_out) + CONSOLE_TAIL);
	ck_assert_int_eq(memcmp(kept, log, CONSOLE_HEAD), 0);
	ck_assert_int_eq(memcmp(kept + CONSOLE_HEAD, left_out, strlen(left_out)), 0);
	ck_assert_int_eq(
		memcmp(kept + len - CONSOLE_TAIL, log + total - CONSOLE_TAIL, CONSOLE_TAIL), 0);
	console_free(&c);
	free(left_out);
	free(kept);
	free(log);
	free(path);
	close(fd);
}
END_TEST

START_TEST(flood_is_noticed)
{
	static char chunk[1u << 20];
	struct console c;
	unsigned mib = 0;

	memset(chunk, 'x', sizeof(chunk));
	ck_assert_int_eq(console_open(&c, "/dev/null"), 0);
	while (console_feed(&c, chunk, sizeof(chunk)))
		mib++;
	ck_assert_uint_eq(mib, (CONSOLE_FLOOD >> 20) - 1);
	console_close(&c);
	console_free(&c);
}
END_TEST

START_TEST(tail_has_whole_lines)
{
	struct console c;
	char *tail;

	ck_assert_int_eq(console_open(&c, "/dev/null"), 0);
	console_feed(&c, "first\nsecond\nthird\n", 19);
	tail = console_tail(&c, 9);
	ck_assert_str_eq(tail, "third\n");
	free(tail);
	tail = console_tail(&c, 100);
	ck_assert_str_eq(tail, "first\nsecond\nthird\n");
	free(tail);
	console_close(&c);
	console_free(&c);
}
END_TEST

/* Not in the golden logs: the tree holds text only. */
START_TEST(nul_bytes)
{
	static const char log[] = "\0vmtest: ready\n\0\0[    1.000000] BUG: a\0b\0\r\n";
	struct console c;

	ck_assert_int_eq(console_open(&c, "/dev/null"), 0);
	console_feed(&c, log, sizeof(log) - 1);
	ck_assert_ptr_nonnull(console_worst(&c));
	ck_assert_str_eq(console_worst(&c)->line, "BUG: ab");
	console_close(&c);
	console_free(&c);
}
END_TEST

/* A file, and the line that the complaint must name. */
#define ENTRY(match, expires)                                                                      \
	"exceptions:\n  - match: " match "\n    reason: r\n    link: l\n    expires: " expires "\n"
static const struct {
	const char *text, *line;
} wrong_files[] = {
	{ENTRY("x", "2026-02-30"), ":5: \"2026-02-30\""},
	{ENTRY("x", "2026-2-3 0"), ":5: \"2026-2-3 0\""},
	{ENTRY("x", "tomorrow"), "line: 5"},
	{ENTRY("/a(b/", "2026-01-31"), ":2: \"/a(b/\""},
	{"exceptions:\n  - match: x\n    reason: r\n    expires: 2026-01-31\n", "line: 2"},
	{"exceptions:\n  - match: x\n    why: r\n", "line: 2"},
	{"exceptions: [\n", "line: "},
};

START_TEST(wrong_exceptions)
{
	int fd = memfd_create("exceptions", 0), said = memfd_create("said", 0), saved;
	char *path = fmt("/proc/self/fd/%d", fd), *where = fmt("/proc/self/fd/%d", said), *text;
	bool expired;

	ck_assert_int_eq(write_all(fd, wrong_files[_i].text, strlen(wrong_files[_i].text)), 0);
	saved = dup(STDERR_FILENO);
	dup2(said, STDERR_FILENO);
	ck_assert_int_eq(exceptions_load(path), -1);
	dup2(saved, STDERR_FILENO);
	text = read_file(where, NULL);
	ck_assert_msg(strstr(text, path), "the file is not named: %s", text);
	ck_assert_msg(strstr(text, wrong_files[_i].line), "not %s: %s", wrong_files[_i].line, text);
	ck_assert_ptr_null(exceptions_find("x", NULL, "2000-01-01", &expired));
	free(text);
	free(path);
	free(where);
}
END_TEST

static const struct {
	const char *message, *release, *today;
	bool found, expired;
} lookups[] = {
	{"BUG: a fault in f", "6.12.117+deb13-cloud-amd64", "2026-06-30", true, false},
	{"BUG: a fault in f", "6.12.117+deb13-cloud-amd64", "2026-07-01", true, true},
	{"BUG: a fault in f", "6.18.15", "2026-06-30", true, false},
	{"BUG: a fault in f", "6.18.150", "2026-06-30", false, false},
	{"BUG: a fault in f", "6.120.1", "2026-06-30", false, false},
	{"BUG: a fault in f", NULL, "2026-06-30", false, false},
	{"BUG: another fault", "6.12.117", "2026-06-30", false, false},
	{"WARNING: x.c:12 at g+0x1", NULL, "2026-06-30", true, false},
	{"WARNING: x.c:ab at g+0x1", NULL, "2026-06-30", false, false},
	{"twice", NULL, "2026-06-30", true, false}, /* one of two still holds */
};

START_TEST(exceptions_lookup)
{
	bool expired = false;
	const struct exception *e;

	use_exceptions("exceptions:\n"
		       "  - {match: a fault, kernels: ['6.12', 6.18.15], reason: r, link: l,"
		       " expires: 2026-06-30}\n"
		       "  - {match: '/x\\.c:[0-9]+ at/', reason: r, link: l, expires: 2026-12-31}\n"
		       "  - {match: twice, reason: r, link: l, expires: 2026-01-31}\n"
		       "  - {match: twice, reason: r, link: l, expires: 2026-12-31}\n");
	e = exceptions_find(lookups[_i].message, lookups[_i].release, lookups[_i].today, &expired);
	ck_assert_int_eq(!!e, lookups[_i].found);
	ck_assert_int_eq(expired, lookups[_i].expired);
}
END_TEST

START_TEST(own_exceptions_are_well_formed)
{
	ck_assert_int_eq(exceptions_load("harness/exceptions.yaml"), 0);
}
END_TEST

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(void)
{
	struct test tests[] = {
		{golden, 0},
		ONCE(long_log_is_bounded),
		ONCE(flood_is_noticed),
		ONCE(tail_has_whole_lines),
		ONCE(nul_bytes),
		FOR_EACH(wrong_exceptions, wrong_files),
		FOR_EACH(exceptions_lookup, lookups),
		ONCE(own_exceptions_are_well_formed),
	};

	cases_n = scandir(CASES, &cases, visible, alphasort);
	if (cases_n <= 0) {
		fprintf(stderr, "no cases in " CASES ": run this from the top of the tree\n");
		return EXIT_FAILURE;
	}
	set_quiet(true);
	tests[0].times = cases_n;
	return RUN("console", tests);
}
