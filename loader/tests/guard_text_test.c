// SPDX-License-Identifier: GPL-2.0-only
/* Signatures and rates as text: what is taken, as what, and what the refusals say. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "corepath.h"
#include "../../harness/tests/runner.h"

/* Parses the words of `text`, which it changes. */
static int parse(char *text, struct corepath_signature *s)
{
	char *word, *rest = text;
	int err = corepath_signature_parse("7", s);

	while (!err && (word = strsep(&rest, " ")))
		err = corepath_signature_option(word, s);
	return err ? err : corepath_signature_check(s);
}

static const struct {
	const char *text, *means;
} signatures[] = {
	{"proto=udp", "7 proto=udp action=drop"},
	{"proto=132 family=6", "7 family=6 proto=sctp action=drop"},
	{"proto=200 family=4 action=count", "7 family=4 proto=200 action=count"},
	{"sport=53 dport=1-1023", "7 sport=53 dport=1-1023 action=drop"},
	{"dport=0", "7 dport=0 action=drop"},
	{"flags=FS", "7 proto=tcp flags=FS action=drop"},
	{"flags=S/SA", "7 proto=tcp flags=S/SA action=drop"},
	{"flags=", "7 proto=tcp flags= action=drop"},
	{"ttl=1 len=0-60 frag=later", "7 frag=later ttl=1 len=0-60 action=drop"},
	{"frag=no", "7 frag=no action=drop"},
	{"bytes=DEad at=3", "7 from=payload at=3 bytes=dead/ffff action=drop"},
	{"bytes=dead/0f0f from=l4", "7 from=l4 at=0 bytes=0e0d/0f0f action=drop"},
	{"bytes=000102030405060708090a0b0c0d0e0f from=ip at=2047",
	 "7 from=ip at=2047 bytes=000102030405060708090a0b0c0d0e0f/"
	 "ffffffffffffffffffffffffffffffff action=drop"},
	{"action=count", "7 action=count"},
};

/* What is printed is taken again, and means the same. */
START_TEST(takes_signatures)
{
	char text[COREPATH_SIGNATURE_STRLEN], again[COREPATH_SIGNATURE_STRLEN];
	struct corepath_signature s, t;

	strcpy(text, signatures[_i].text);
	ck_assert_msg(!parse(text, &s), "%s", corepath_error());
	ck_assert_str_eq(corepath_signature_format(&s, text), signatures[_i].means);
	strcpy(again, text + strlen("7 "));
	ck_assert_msg(!parse(again, &t), "%s", corepath_error());
	ck_assert_mem_eq(&s, &t, sizeof(s));
}
END_TEST

static const struct {
	const char *text, *why;
} bad_signatures[] = {
	{"family=5", "neither 4 nor 6"},
	{"proto=nonsense", "no protocol"},
	{"proto=256", "no protocol"},
	{"dport=65536", "no port"},
	{"dport=2-1", "no port"},
	{"sport=1-", "no port"},
	{"flags=X", "FSRPAUEC"},
	{"flags=SA/S", "FSRPAUEC"},
	{"ttl=256", "up to 255"},
	{"len=-1", "up to 65535"},
	{"frag=maybe", "no, yes, first or later"},
	{"bytes=", "1 to 16 bytes"},
	{"bytes=abc", "1 to 16 bytes"},
	{"bytes=ab/ffff", "1 to 16 bytes"},
	{"bytes=0001020304050607080910111213141516", "1 to 16 bytes"},
	{"at=2048", "up to 2047"},
	{"from=tail", "ip, l4 or payload"},
	{"action=pass", "neither drop nor count"},
	{"colour=red", "no such key"},
	{"proto", "no such key"},
	{"action=drop", "matches every packet"},
	{"at=4", "matches every packet"},
};

START_TEST(refuses_signatures)
{
	char text[COREPATH_SIGNATURE_STRLEN];
	struct corepath_signature s;

	strcpy(text, bad_signatures[_i].text);
	ck_assert_int_eq(parse(text, &s), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), bad_signatures[_i].why), "'%s': said: %s",
		      bad_signatures[_i].text, corepath_error());
}
END_TEST

START_TEST(refuses_numbers)
{
	static const char *const numbers[] = {"0", "-1", "x", "", "4294967296"};
	struct corepath_signature s;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ck_assert_int_eq(corepath_signature_parse(numbers[i], &s), -EINVAL);
}
END_TEST

START_TEST(takes_rates)
{
	struct corepath_rates r = {};

	ck_assert_int_eq(corepath_rates_option("packets=1000", &r), 0);
	ck_assert_int_eq(corepath_rates_option("conns=100/60", &r), 0);
	ck_assert_int_eq(corepath_rates_option("conns-prefix=24,56", &r), 0);
	ck_assert_uint_eq(r.packets.rate, 1000);
	ck_assert_uint_eq(r.packets.seconds, 1);
	ck_assert_uint_eq(r.conns.rate, 100);
	ck_assert_uint_eq(r.conns.seconds, 60);
	ck_assert_uint_eq(r.conns.len4, 24);
	ck_assert_uint_eq(r.conns.len6, 56);
}
END_TEST

static const struct {
	const char *text, *why;
} bad_rates[] = {
	{"packets=many", "NUMBER/SECONDS"},	    {"conns=1/0", "NUMBER/SECONDS"},
	{"conns-prefix=24", "LENGTH,LENGTH"},	    {"packets-prefix=33,64", "LENGTH,LENGTH"},
	{"packets-prefix=32,129", "LENGTH,LENGTH"}, {"bytes=1", "no such rate"},
};

START_TEST(refuses_rates)
{
	struct corepath_rates r = {};

	ck_assert_int_eq(corepath_rates_option(bad_rates[_i].text, &r), -EINVAL);
	ck_assert_msg(strstr(corepath_error(), bad_rates[_i].why), "'%s': said: %s",
		      bad_rates[_i].text, corepath_error());
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(takes_signatures, signatures),
		FOR_EACH(refuses_signatures, bad_signatures),
		ONCE(refuses_numbers),
		ONCE(takes_rates),
		FOR_EACH(refuses_rates, bad_rates),
	};

	return RUN("guard_text", tests);
}
