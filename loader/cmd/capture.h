/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured packets in files: pcap and pcapng are read, pcap is written.
 *
 * Not by libpcap: linked statically, as this command is, Debian's wants D-Bus and systemd for
 * sources that are no file. The formats are those of the IETF drafts draft-ietf-opsawg-pcap and
 * draft-ietf-opsawg-pcapng.
 */
#ifndef COREPATH_CAPTURE_H
#define COREPATH_CAPTURE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct capture;

struct capture_packet {
	__u64 time_ns;	     /* since 1970; 0 if the file does not say */
	__u32 length;	     /* on the wire */
	__u32 captured;	     /* bytes of data */
	unsigned char *data; /* until the next packet is read */
};

/* Opens a file, or standard input for "-". NULL after capture_error() was set. */
struct capture *capture_open(const char *path);

/* 1 and a packet, 0 at the end, or -1 after capture_error() was set: where the file is damaged,
 * what is before was read. Frames are Ethernet's: others are an error. */
int capture_read(struct capture *c, struct capture_packet *p);
void capture_close(struct capture *c);

/* Creates a pcap file of Ethernet frames with nanoseconds; "-" is standard output. NULL on failure.
 */
struct capture *capture_create(const char *path);

/* These return 0, or -1 after capture_error() was set. */
int capture_write(struct capture *c, const struct capture_packet *p);
int capture_finish(struct capture *c);

/* "FILE: what is wrong; what to do" */
const char *capture_error(void);

#endif
