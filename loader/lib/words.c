// SPDX-License-Identifier: GPL-2.0-only
/* "key=value" words and what is in them, for all commands alike. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"

bool cp_parse_number(const char *s, unsigned long long max, unsigned long long *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return !errno && !*end && *out <= max;
}

bool cp_parse_mac(const char *text, __u8 *mac)
{
	int end = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &end) == 6 &&
	       end == 17 && !text[end];
}

bool cp_same_bits(const void *a, const void *b, __u32 bits)
{
	__u32 whole = bits / 8, rest = bits % 8;
	const __u8 *x = a, *y = b;

	return !memcmp(x, y, whole) && (!rest || !((x[whole] ^ y[whole]) >> (8 - rest)));
}

void cp_addr_of_prefix(struct corepath_addr *a, const struct corepath_prefix *p)
{
	memset(a, 0, sizeof(*a));
	if (p->family == AF_INET) {
		a->w[2] = htonl(0xffff);
		memcpy(&a->w[3], p->addr, 4);
	} else {
		memcpy(a, p->addr, 16);
	}
}

const char *cp_word_value(const char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) || word[n] != '=' ? NULL : word + n + 1;
}

int cp_word_fail(const char *word, const char *use)
{
	return cp_fail(EINVAL, "'%.80s': %s", word, use);
}

bool cp_word_rate(const char *s, __u32 *rate, __u32 *seconds)
{
	unsigned long long n, per = 1;
	const char *slash = strchr(s, '/');
	char number[24];

	snprintf(number, sizeof(number), "%.*s", (int)(slash ? slash - s : 23), s);
	if (!cp_parse_number(number, 100000000, &n) ||
	    (slash && (!cp_parse_number(slash + 1, 86400, &per) || !per)))
		return false;
	*rate = n;
	*seconds = per;
	return true;
}
