// SPDX-License-Identifier: GPL-2.0-only
/* Prefixes as text, without a kernel: what is taken, as what, and what the refusals say. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "corepath.h"
#include "../../harness/tests/runner.h"

/* What is taken, what it means in the canonical text of RFC 4632 and RFC 5952, host bits or not. */
static const struct {
	const char *text, *means;
	int host_bits;
} taken[] = {
	{"192.0.2.0/24", "192.0.2.0/24", 0},
	{"192.0.2.1", "192.0.2.1/32", 0},
	{"192.0.2.1/32", "192.0.2.1/32", 0},
	{"192.0.2.255/25", "192.0.2.128/25", 1},
	{"0.0.0.0/0", "0.0.0.0/0", 0},
	{"255.255.255.255/0", "0.0.0.0/0", 1},
	{"255.255.255.255/1", "128.0.0.0/1", 1},
	{"2001:db8::/32", "2001:db8::/32", 0},
	{"2001:DB8:0:0:0:0:0:1", "2001:db8::1/128", 0},
	{"2001:db8::1/127", "2001:db8::/127", 1},
	{"::/0", "::/0", 0},
	{"ffff::/9", "ff80::/9", 1},
	/* shorter than the mapped block ::ffff:0:0/96 (RFC 4291), so it holds more than it */
	{"::ffff:0:0/95", "::fffe:0:0/95", 1},
};

START_TEST(takes)
{
	char text[COREPATH_PREFIX_STRLEN];
	struct corepath_prefix p;

	ck_assert_int_eq(corepath_prefix_parse(taken[_i].text, &p), taken[_i].host_bits);
	ck_assert_str_eq(corepath_prefix_format(&p, text), taken[_i].means);
	ck_assert_int_eq(p.verdict, COREPATH_DENY);
}
END_TEST

static const struct {
	const char *text, *why;
} refused[] = {
	{"", "not an IPv4 address"},
	{"192.0.2", "not an IPv4 address"},
	{"192.0.2.0.0/24", "not an IPv4 address"},
	{"192.0.2.256", "not an IPv4 address"},
	{" 192.0.2.0", "not an IPv4 address"},
	{"example.net", "not an IPv4 address"},
	{"2001:db8::g", "not an IPv6 address"},
	{"2001:db8:::", "not an IPv6 address"},
	{"fe80::1%eth0", "not an IPv6 address"},
	{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/1", "not an IPv6 address"},
	{"192.0.2.0/33", "from 0 to 32"},
	{"2001:db8::/129", "from 0 to 128"},
	{"192.0.2.0/", "from 0 to 32"},
	{"192.0.2.0/-1", "from 0 to 32"},
	{"192.0.2.0/+8", "from 0 to 32"},
	{"192.0.2.0/ 8", "from 0 to 32"},
	{"192.0.2.0/8x", "from 0 to 32"},
	{"192.0.2.0/24/24", "from 0 to 32"},
	{"192.0.2.0/4294967304", "from 0 to 32"}, /* 8 in 32 bits */
	{"::ffff:192.0.2.0/120", "write 192.0.2.0/24"},
	{"::ffff:192.0.2.1", "write 192.0.2.1/32"},
	{"::ffff:0:0/96", "write 0.0.0.0/0"},
};

START_TEST(refuses)
{
	struct corepath_prefix p;

	ck_assert_int_eq(corepath_prefix_parse(refused[_i].text, &p), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), refused[_i].why), "'%s': said: %s", refused[_i].text,
		      corepath_error());
}
END_TEST

/* Writes the bytes to a file of the test's own and reads it as prefixes. */
static int read_bytes(const char *bytes, size_t len, struct corepath_prefix **list, size_t *n)
{
	char path[] = "/tmp/prefix_text_test.XXXXXX";
	int err, fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), len);
	close(fd);
	err = corepath_prefix_read(path, list, n);
	unlink(path);
	return err;
}

START_TEST(reads_a_file)
{
	static const char text[] = "# a list\n\n  192.0.2.0/24  # documentation\n"
				   "!192.0.2.128/25\r\n! 2001:db8::/32\n2001:db8::1/32";
	struct corepath_prefix *list;
	size_t n;

	ck_assert_int_eq(read_bytes(text, strlen(text), &list, &n), 0);
	ck_assert_uint_eq(n, 4);
	ck_assert_int_eq(list[0].verdict, COREPATH_DENY);
	ck_assert_int_eq(list[1].verdict, COREPATH_ALLOW);
	ck_assert_uint_eq(list[1].len, 25);
	ck_assert_int_eq(list[2].verdict, COREPATH_ALLOW);
	ck_assert_int_eq(list[2].family, AF_INET6);
	ck_assert_int_eq(list[3].verdict, COREPATH_DENY);
	ck_assert_mem_eq(list[2].addr, list[3].addr, sizeof(list[2].addr));
	free(list);
}
END_TEST

static const struct {
	const char *prefix, *addr;
	bool covers;
} covered[] = {
	{"192.0.2.0/24", "192.0.2.255", true},
	{"192.0.2.0/24", "192.0.3.0", false},
	{"192.0.2.128/25", "192.0.2.127", false},
	{"192.0.2.160/27", "192.0.2.191", true}, /* 101 of its last byte */
	{"192.0.2.160/27", "192.0.2.192", false},
	{"192.0.2.9", "192.0.2.9", true},
	{"192.0.2.9", "192.0.2.8", false},
	{"0.0.0.0/0", "203.0.113.1", true},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"2001:db8:8000::/33", "2001:db8:ffff::1", true},
	{"2001:db8:8000::/33", "2001:db8:7fff::1", false},
	{"2001:db8::1", "2001:db8::1", true},
	{"2001:db8::1", "2001:db8::3", false},
	{"::/0", "2001:db8::1", true},
	{"::/0", "192.0.2.1", false}, /* IPv4 is none of IPv6's, however it is kept */
};

START_TEST(covers)
{
	struct corepath_backend_spec b = {};
	struct corepath_prefix p;

	ck_assert_int_ge(corepath_prefix_parse(covered[_i].prefix, &p), 0);
	ck_assert_int_eq(corepath_backend_parse(covered[_i].addr, &b), 0);
	ck_assert_int_eq(corepath_prefix_covers(&p, &b.addr), covered[_i].covers);
}
END_TEST

START_TEST(reads_an_empty_file)
{
	struct corepath_prefix *list;
	size_t n;

	ck_assert_int_eq(read_bytes("# nothing\n", 10, &list, &n), 0);
	ck_assert_uint_eq(n, 0);
	free(list);
}
END_TEST

START_TEST(names_the_bad_line)
{
	static const char text[] = "192.0.2.0/24\n\n10.0.0.0/40\n";
	struct corepath_prefix *list;
	size_t n;

	ck_assert_int_eq(read_bytes(text, strlen(text), &list, &n), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), ":3: '10.0.0.0/40'"), "%s", corepath_error());
}
END_TEST

START_TEST(refuses_bytes_that_are_no_text)
{
	struct corepath_prefix *list;
	size_t n;

	ck_assert_int_eq(read_bytes("192.0.2.0/24\0x\n", 15, &list, &n), -EINVAL);
	ck_assert_ptr_nonnull(strstr(corepath_error(), "NUL"));
	ck_assert_int_eq(read_bytes("\033[31m\n", 6, &list, &n), -EINVAL);
	ck_assert_ptr_null(strchr(corepath_error(), '\033'));
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(takes, taken),
		FOR_EACH(refuses, refused),
		FOR_EACH(covers, covered),
		ONCE(reads_a_file),
		ONCE(reads_an_empty_file),
		ONCE(names_the_bad_line),
		ONCE(refuses_bytes_that_are_no_text),
	};

	return RUN("prefix_text", tests);
}
