// SPDX-License-Identifier: GPL-2.0-only
/* The control port: frames over a named virtio-serial port. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/*
 * Ports are found by name: /sys/class/virtio-ports/vportNpM/name. The host adds them to the device
 * after the driver is bound, through the device's control queue, so one may not be there yet when
 * init starts: it is looked for again until the host's boot bound ends the VM.
 */
static int port_find(const char *name, char *dev, size_t size)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	int found = -1;

	if (!dir)
		return -1;
	while (found < 0 && (e = readdir(dir))) {
		char path[300], text[64] = "";
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(text, sizeof(text), f)) {
			text[strcspn(text, "\n")] = '\0';
			if (!strcmp(text, name)) {
				snprintf(dev, size, "/dev/%s", e->d_name);
				found = 0;
			}
		}
		fclose(f);
	}
	closedir(dir);
	return found;
}

int port_open(const char *name)
{
	const struct timespec step = {.tv_nsec = 5 * 1000 * 1000};
	char dev[300];

	for (;;) {
		if (port_find(name, dev, sizeof(dev)) == 0) {
			int fd = open(dev, O_RDWR | O_CLOEXEC);

			if (fd >= 0 || (errno != ENOENT && errno != ENXIO))
				return fd;
		}
		nanosleep(&step, NULL);
	}
}

static void write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			die("control port: write");
		p += n;
		len -= n;
	}
}

static void read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			die("control port: read");
		if (n == 0) { /* the host's end is not open yet, or no more: poll says which */
			struct pollfd pfd = {.fd = fd, .events = POLLIN};

			poll(&pfd, 1, 100);
			continue;
		}
		p += n;
		len -= n;
	}
}

void port_send(int fd, enum vt_frame_type type, const void *data, size_t len)
{
	struct vt_frame head = {.magic = VT_MAGIC, .type = type, .len = len};

	write_all(fd, &head, sizeof(head));
	write_all(fd, data, len);
}

void port_receive(int fd, struct vt_frame *head, void *data)
{
	read_all(fd, head, sizeof(*head));
	if (head->magic != VT_MAGIC || head->len > VT_FRAME_MAX) {
		errno = EPROTO;
		die("control port");
	}
	read_all(fd, data, head->len);
}

void port_await_bye(int fd)
{
	static unsigned char ignored[VT_FRAME_MAX];
	struct vt_frame head;

	do
		port_receive(fd, &head, ignored);
	while (head.type != VT_BYE);
}

void say_hello(int fd)
{
	struct utsname u;
	char text[256];
	int n;

	uname(&u);
	n = snprintf(text, sizeof(text), "{\"release\": \"%s\"}", u.release);
	port_send(fd, VT_HELLO, text, n);
}

int payload_receive(int fd)
{
	static unsigned char buf[VT_FRAME_MAX];
	struct vt_frame head;
	struct cpio cpio;

	cpio_init(&cpio);
	for (;;) {
		port_receive(fd, &head, buf);
		if (head.type == VT_PAYLOAD_END)
			return cpio_finish(&cpio);
		if (head.type != VT_PAYLOAD) {
			errno = EPROTO;
			return -1;
		}
		if (cpio_feed(&cpio, buf, head.len) < 0)
			return -1;
	}
}
