// SPDX-License-Identifier: GPL-2.0-only
/* Prefixes as text: one, and a file of them; and which addresses they cover. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* Clears the bits past p->len; true if one was set. */
static bool clear_host_bits(struct corepath_prefix *p)
{
	unsigned int bits = p->family == AF_INET ? 32 : 128, bit;
	bool any = false;

	for (bit = p->len; bit < bits; bit++) {
		__u8 mask = 0x80 >> (bit % 8);

		any |= p->addr[bit / 8] & mask;
		p->addr[bit / 8] &= ~mask;
	}
	return any;
}

/* strtoul takes signs and blanks, and wraps; a prefix length is one to three digits. */
static bool parse_len(const char *s, __u32 *len)
{
	size_t i, n = strlen(s);

	if (n < 1 || n > 3)
		return false;
	for (*len = 0, i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		*len = *len * 10 + (s[i] - '0');
	}
	return true;
}

static bool is_v4_mapped(const struct corepath_prefix *p)
{
	static const __u8 head[12] = {[10] = 0xff, [11] = 0xff};

	return p->family == AF_INET6 && p->len >= 96 && !memcmp(p->addr, head, sizeof(head));
}

int corepath_prefix_parse(const char *text, struct corepath_prefix *p)
{
	const char *slash = strchrnul(text, '/');
	char addr[INET6_ADDRSTRLEN], v4[INET_ADDRSTRLEN];
	size_t n = slash - text;
	__u32 bits;

	memset(p, 0, sizeof(*p));
	p->verdict = COREPATH_DENY;
	p->family = memchr(text, ':', n) ? AF_INET6 : AF_INET;
	bits = p->family == AF_INET ? 32 : 128;

	if (n < sizeof(addr)) {
		memcpy(addr, text, n);
		addr[n] = '\0';
	}
	if (n >= sizeof(addr) || inet_pton(p->family, addr, p->addr) != 1)
		return cp_fail(EINVAL,
			       "'%.60s': not an %s address; write 192.0.2.0/24 or 2001:db8::/32",
			       text, p->family == AF_INET ? "IPv4" : "IPv6");
	p->len = bits;
	if (*slash && (!parse_len(slash + 1, &p->len) || p->len > bits))
		return cp_fail(EINVAL, "'%.60s': prefix length is not a number from 0 to %u; %s",
			       text, bits,
			       p->family == AF_INET ? "write 192.0.2.0/24" : "write 2001:db8::/32");
	if (is_v4_mapped(p)) {
		inet_ntop(AF_INET, p->addr + 12, v4, sizeof(v4));
		return cp_fail(EINVAL,
			       "'%.60s': an IPv4-mapped address is never on the wire; its packets "
			       "are IPv4, so write %s/%u",
			       text, v4, p->len - 96);
	}
	return clear_host_bits(p);
}

const char *corepath_prefix_format(const struct corepath_prefix *p, char *buf)
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(p->family, p->addr, addr, sizeof(addr));
	snprintf(buf, COREPATH_PREFIX_STRLEN, "%s/%u", addr, p->len);
	return buf;
}

bool corepath_prefix_covers(const struct corepath_prefix *p, const struct corepath_addr *addr)
{
	bool is4 = cp_is4(addr);

	return (p->family == AF_INET) == is4 &&
	       cp_same_bits(p->addr, &addr->w[is4 ? 3 : 0], p->len);
}

/* Cuts the comment and the blanks at both ends. */
static char *strip(char *s)
{
	char *end = strchrnul(s, '#');

	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static int parse_line(char *line, struct corepath_prefix *p)
{
	bool allow = *line == '!';
	int err;

	if (allow)
		line = strip(line + 1);
	err = corepath_prefix_parse(line, p);
	if (err < 0)
		return err;
	if (allow)
		p->verdict = COREPATH_ALLOW;
	return 0;
}

static int read_lines(FILE *f, const char *file, struct corepath_prefix **list, size_t *n)
{
	size_t room = 0, line_no = 0, size = 0;
	struct corepath_prefix *grown;
	char *line = NULL, *s, why[512];
	ssize_t len;
	int err = 0;

	while (!err && (len = getline(&line, &size, f)) >= 0) {
		line_no++;
		if (memchr(line, '\0', len)) {
			err = cp_fail(EINVAL,
				      "%s:%zu: has a NUL byte, so it is not text; nothing was "
				      "loaded",
				      file, line_no);
			break;
		}
		s = strip(line);
		if (!*s)
			continue;
		if (*n == room) {
			room = room ? room * 2 : 256;
			grown = reallocarray(*list, room, sizeof(**list));
			if (!grown) {
				err = cp_fail(ENOMEM, "%s:%zu: out of memory; load it in parts",
					      file, line_no);
				break;
			}
			*list = grown;
		}
		err = parse_line(s, &(*list)[*n]);
		if (err) {
			snprintf(why, sizeof(why), "%s", corepath_error());
			err = cp_fail(-err, "%s:%zu: %s; nothing was loaded", file, line_no, why);
		} else {
			(*n)++;
		}
	}
	if (!err && ferror(f))
		err = cp_fail(EIO, "%s:%zu: cannot be read to its end; nothing was loaded", file,
			      line_no);
	free(line);
	return err;
}

int corepath_prefix_read(const char *file, struct corepath_prefix **list, size_t *n)
{
	bool std = !strcmp(file, "-");
	FILE *f = std ? stdin : fopen(file, "re");
	int err;

	*list = NULL;
	*n = 0;
	if (!f)
		return cp_fail(errno,
			       "%s: %s; name a file that can be read, or - for standard "
			       "input",
			       file, strerror(errno));
	err = read_lines(f, std ? "standard input" : file, list, n);
	if (!std)
		fclose(f);
	if (err)
		free(*list);
	return err;
}
