// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's packet generator: see pktgen.h. */
#include "pktgen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/errtext.h"

/* Per network namespace: what /proc/net shows belongs to the reading process. */
#define DIRECTORY "/proc/net/pktgen/"
/* The thread of CPU 0; there is one per CPU that was online when the module came. */
#define THREAD "kpktgend_0"

const char *pktgen_error(void)
{
	return error_text;
}

/* One command, one write(2): pktgen takes each write as a whole command, and pgctrl cuts the last
 * byte off without a look at it, so that it must be the newline. */
static int command(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int command(const char *file, const char *format, ...)
{
	char path[128], text[128];
	va_list args;
	int fd, len, err = 0;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len + 1 >= sizeof(text))
		return fail("a command for pktgen is too long: '%.40s...'", text);
	text[len++] = '\n';
	text[len] = '\0';
	snprintf(path, sizeof(path), DIRECTORY "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s; is the module pktgen loaded?", path, strerror(errno));
	if (write(fd, text, len) != len)
		err = fail("%s: '%.*s': %s", path, len - 1, text, strerror(errno));
	close(fd);
	return err;
}

int pktgen_parse(const char *text, struct pktgen_result *result)
{
	const char *line = strstr(text, "\nResult: "), *errors;
	unsigned long long busy, idle;
	unsigned int size;

	if (!line)
		return fail("pktgen's report has no 'Result:' line");
	line++;
	/* "Result: OK: 65805(c65805+d0) usec, 20000 (60byte,0frags)", then "...errors: 0" */
	if (sscanf(line, "Result: OK: %llu(c%llu+d%llu) usec, %llu (%ubyte,", &result->usec, &busy,
		   &idle, &result->sent, &size) != 5)
		return fail("pktgen did not finish: '%.*s'", (int)strcspn(line, "\n"), line);
	errors = strstr(line, "errors: ");
	if (!errors || sscanf(errors, "errors: %llu", &result->errors) != 1)
		return fail("pktgen's report has no 'errors:' after its result");
	return 0;
}

static int read_result(const char *device, struct pktgen_result *result)
{
	char path[128], text[8192];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), DIRECTORY "%s", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len < 0)
		return fail("%s: %s", path, strerror(errno));
	text[len] = '\0';
	return pktgen_parse(text, result);
}

/* Both ends of a range are within it, here as in the kernel's words for it: max is one more. */
static int set_ports(const struct pktgen_flow *flow)
{
	const char *device = flow->device;

	if (!flow->dport)
		return 0;
	return command(device, "udp_src_min %u", flow->sport_first) ||
			       command(device, "udp_src_max %u", flow->sport_last + 1) ||
			       command(device, "udp_dst_min %u", flow->dport) ||
			       command(device, "udp_dst_max %u", flow->dport)
		       ? -1
		       : 0;
}

int pktgen_send(const struct pktgen_flow *flow, struct pktgen_result *result)
{
	const char *device = flow->device;

	/* 60 bytes is the smallest frame; clone_skb and burst are refused on veth, which keeps the
	 * packets it is given. One flow: one transmit queue. */
	if (command(THREAD, "rem_device_all") || command(THREAD, "add_device %s", device) ||
	    command(device, "count %u", flow->count) || command(device, "clone_skb 0") ||
	    command(device, "pkt_size 60") || command(device, "delay 0") ||
	    command(device, "dst_mac %s", flow->dst_mac) ||
	    command(device, "src_min %s", flow->source) ||
	    command(device, "src_max %s", flow->source) ||
	    command(device, "dst %s", flow->destination) || set_ports(flow) ||
	    command("pgctrl", "start"))
		return -1;
	return read_result(device, result);
}
