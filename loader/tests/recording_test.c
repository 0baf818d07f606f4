// SPDX-License-Identifier: GPL-2.0-only
/* Recordings: what is written is read, whatever happened in between. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../cmd/recording.h"
#include "../../harness/tests/runner.h"

#define MANY (1ull << 20)

static char folder[] = "/tmp/recording_test.XXXXXX";
static char name[64], older[64];

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/events", folder);
	snprintf(older, sizeof(older), "%s/events.1", folder);
}

static void end(void)
{
	unlink(name);
	unlink(older);
	rmdir(folder);
}

/* An event of a process whose text is as long as `n` asks. */
struct made {
	struct corepath_exec_event e;
	char text[4096];
};

static void add(struct recorder *r, unsigned int n)
{
	struct made made = {.e.head = {.kind = COREPATH_EVENT_EXEC,
				       .size = sizeof(made.e) + n * 7 % 4000,
				       .time_ns = n}};
	struct recorded what = {.time_ns = 1000 + n, .dev = "eth0", .event = &made.e.head};

	memset(made.text, 'a' + n % 26, sizeof(made.text));
	ck_assert_int_eq(recorder_add(r, &what), 0);
}

static void is_event(const struct recorded *what, unsigned int n)
{
	const struct made *made = (const void *)what->event;
	unsigned int i;

	ck_assert_ptr_nonnull(what->event);
	ck_assert_uint_eq(what->time_ns, 1000 + n);
	ck_assert_str_eq(what->dev, "eth0");
	ck_assert_uint_eq(what->event->size, sizeof(made->e) + n * 7 % 4000);
	for (i = sizeof(made->e); i < what->event->size; i++)
		ck_assert_int_eq(((const char *)made)[i], 'a' + n % 26);
}

static void write_events(__u64 max, unsigned int from, unsigned int to)
{
	struct recorder r;

	ck_assert_int_eq(recorder_open(&r, name, max), 0);
	for (; from < to; from++)
		add(&r, from);
	ck_assert_int_eq(recorder_flush(&r), 0);
	recorder_close(&r);
}

/* Expects the events from `from` to `to`, and then the end, or that it is damaged. */
static void expect_events(unsigned int from, unsigned int to, bool damaged)
{
	struct recorded what;
	struct reading r;

	ck_assert_int_eq(reading_open(&r, name, false), 0);
	for (; from < to; from++) {
		ck_assert_int_eq(reading_next(&r, &what), 1);
		is_event(&what, from);
	}
	ck_assert_int_eq(reading_next(&r, &what) < 0, damaged);
	reading_close(&r);
}

static off_t size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) ? -1 : st.st_size;
}

START_TEST(goes_on_where_it_was)
{
	struct recorded what = {.lost = 7}, got;
	struct recorder w;
	struct reading r;

	begin();
	write_events(MANY, 0, 10);
	write_events(MANY, 10, 12);
	expect_events(0, 12, false);
	ck_assert_int_eq(recorder_open(&w, name, MANY), 0);
	ck_assert_int_eq(recorder_add(&w, &what), 0);
	ck_assert_int_eq(recorder_flush(&w), 0);
	recorder_close(&w);
	ck_assert_int_eq(reading_open(&r, name, false), 0);
	while (reading_next(&r, &got) > 0 && got.event)
		;
	ck_assert_uint_eq(got.lost, 7);
	reading_close(&r);
	end();
}
END_TEST

/* A machine that lost its power: what was whole stays, and what comes is after it. */
START_TEST(torn_anywhere)
{
	off_t whole, last, at;

	begin();
	write_events(MANY, 0, 2);
	whole = size_of(name);
	write_events(MANY, 2, 3);
	last = size_of(name);
	for (at = last - 1; at >= whole; at--) {
		ck_assert_int_eq(truncate(name, at), 0);
		expect_events(0, 2, false);
		write_events(MANY, 2, 3);
		expect_events(0, 3, false);
	}
	end();
}
END_TEST

START_TEST(never_larger_than_asked)
{
	struct recorder w;
	struct recorded what;
	struct reading r;
	unsigned int i, n = 0;

	begin();
	ck_assert_int_eq(recorder_open(&w, name, MANY), 0);
	for (i = 0; i < 3000; i++) {
		add(&w, i);
		if (i % 100 == 0) {
			ck_assert_int_eq(recorder_flush(&w), 0);
			ck_assert_int_le(size_of(name), MANY / 2);
			ck_assert_int_le(size_of(older), MANY / 2);
		}
	}
	ck_assert_int_eq(recorder_flush(&w), 0);
	recorder_close(&w);
	/* what is left is the end of it, without a gap */
	ck_assert_int_eq(reading_open(&r, name, false), 0);
	ck_assert_int_eq(reading_next(&r, &what), 1);
	i = what.time_ns - 1000;
	ck_assert_uint_gt(i, 0);
	do {
		is_event(&what, i++);
		n++;
	} while (reading_next(&r, &what) > 0);
	ck_assert_uint_eq(i, 3000);
	ck_assert_uint_gt(n, 100); /* the older half is there, too */
	reading_close(&r);
	end();
}
END_TEST

/* Who reads while it is written sees all of it once, over each change of files. */
START_TEST(followed)
{
	struct recorder w;
	struct recorded what;
	struct reading r;
	unsigned int i, next = 0;

	begin();
	ck_assert_int_eq(recorder_open(&w, name, MANY), 0);
	ck_assert_int_eq(reading_open(&r, name, true), 0);
	for (i = 0; i < 3000; i++) {
		add(&w, i);
		if (i % 7)
			continue;
		ck_assert_int_eq(recorder_flush(&w), 0);
		ck_assert_int_eq(reading_wait(&r, 60000), 0);
		while (reading_next(&r, &what) > 0)
			is_event(&what, next++);
		ck_assert_uint_eq(next, i + 1);
	}
	recorder_close(&w);
	reading_close(&r);
	end();
}
END_TEST

static void write_text(const char *file, const char *text, size_t n)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	fclose(f);
}

START_TEST(other_files_stay)
{
	static const char *const texts[] = {"c", "# notes\n", "cp-events are noted here"};
	char got[64] = "";
	struct recorder w;
	struct reading r;
	struct recorded what;
	FILE *f;

	begin();
	write_text(name, texts[_i], strlen(texts[_i]));
	ck_assert_int_ne(recorder_open(&w, name, MANY), 0);
	f = fopen(name, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(got, 1, sizeof(got) - 1, f), strlen(texts[_i]));
	ck_assert_str_eq(got, texts[_i]);
	fclose(f);
	ck_assert_int_eq(reading_open(&r, name, false), 0);
	ck_assert_int_le(reading_next(&r, &what), 0);
	reading_close(&r);
	end();
}
END_TEST

/* After an upgrade: what the old version recorded stays, for it to be read by that. */
START_TEST(of_another_layout)
{
	__u32 head[4];
	FILE *f;

	begin();
	write_events(MANY, 0, 3);
	f = fopen(name, "r+");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(head, sizeof(head), 1, f), 1);
	head[3]++;
	rewind(f);
	ck_assert_uint_eq(fwrite(head, sizeof(head), 1, f), 1);
	fclose(f);
	expect_events(0, 0, false);
	write_events(MANY, 3, 5);
	ck_assert_int_gt(size_of(older), 0);
	expect_events(3, 5, false);
	end();
}
END_TEST

START_TEST(one_at_a_time)
{
	struct recorder w, other;

	begin();
	ck_assert_int_eq(recorder_open(&w, name, MANY), 0);
	ck_assert_int_ne(recorder_open(&other, name, MANY), 0);
	add(&w, 0);
	ck_assert_int_eq(recorder_flush(&w), 0);
	recorder_close(&w);
	expect_events(0, 1, false);
	end();
}
END_TEST

/* Every byte of sizes and marks, one after the other, as no recorder writes it. */
START_TEST(damage_is_told)
{
	char data[4096];
	struct recorded what;
	struct reading r;
	FILE *f;
	size_t n, i;

	begin();
	write_events(MANY, 0, 3);
	f = fopen(name, "r");
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (i = 0; i < n; i++) {
		data[i] ^= 0xff;
		write_text(name, data, n);
		data[i] ^= 0xff;
		ck_assert_int_eq(reading_open(&r, name, false), 0);
		while (reading_next(&r, &what) > 0)
			;
		reading_close(&r);
	}
	data[16] ^= 1; /* the first entry's size */
	write_text(name, data, n);
	expect_events(0, 0, true);
	write_events(MANY, 5, 6); /* and a recorder begins anew beside it */
	ck_assert_int_eq(size_of(older), n);
	ck_assert_int_eq(unlink(older), 0);
	expect_events(5, 6, false);
	end();
}
END_TEST

/* Events that say of themselves what is not so. */
START_TEST(texts_that_are_not_there)
{
	struct corepath_exec_event exec = {
		.head = {.kind = COREPATH_EVENT_EXEC, .size = sizeof(exec)}, .args_len = 1};
	struct corepath_rule_event path = {
		.head = {.kind = COREPATH_EVENT_RULE, .size = sizeof(path)}, .path_len = 1};
	struct corepath_rule_event unended = {
		.head = {.kind = COREPATH_EVENT_RULE, .size = sizeof(unended)}};
	const struct corepath_event *const events[] = {&exec.head, &path.head, &unended.head};
	struct recorded what = {.event = events[_i]};
	struct recorder w;

	memset(unended.name, 'a', sizeof(unended.name));
	begin();
	ck_assert_int_eq(recorder_open(&w, name, MANY), 0);
	add(&w, 0);
	ck_assert_int_eq(recorder_add(&w, &what), 0);
	ck_assert_int_eq(recorder_flush(&w), 0);
	recorder_close(&w);
	expect_events(0, 1, true);
	end();
}
END_TEST

START_TEST(since)
{
	static const struct {
		const char *text;
		__u64 ns; /* 0: refused */
	} cases[] = {
		{"90s", 999910000000000},
		{"10m", 999400000000000},
		{"2h", 992800000000000},
		{"1d", 913600000000000},
		{"1970-01-02T00:00:00Z", 86400000000000},
		{"1970-01-02T00:00:00.250001Z", 86400250001000},
		{"2000-02-29T12:00:00Z", 951825600000000000},
		{"", 0},
		{"10", 0},
		{"m", 0},
		{"10mm", 0},
		{"-1m", 0},
		{"9999999999s", 0},
		{"1970-01-02", 0},
		{"1970-01-02T00:00:00", 0},
		{"1970-01-02T00:00:00+01:00", 0},
	};
	__u64 ns = 0;
	int err;

	err = recording_since(cases[_i].text, 1000000000000000, &ns);
	ck_assert_msg(!err == !!cases[_i].ns, "%s", cases[_i].text);
	ck_assert_uint_eq(ns, cases[_i].ns);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		ONCE(goes_on_where_it_was),    ONCE(torn_anywhere),
		ONCE(never_larger_than_asked), ONCE(followed),
		{other_files_stay, 3},	       ONCE(of_another_layout),
		ONCE(one_at_a_time),	       ONCE(damage_is_told),
		{texts_that_are_not_there, 3}, {since, 16},
	};

	return RUN("recording", tests);
}
