/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets of this host that were sent to backends: sockets.c, and what closes them. */
#ifndef CP_SOCKETS_H
#define CP_SOCKETS_H

#include "internal.h"

/* sock_diag.c */

/* A socket that was sent to a backend. */
struct cp_sock {
	struct corepath_sock_key at;
	__u8 proto;
};

/* Closes those of the present network namespace that are connected there, by netlink, and counts
 * them in *closed. A negative errno, without an error text, if the kernel cannot. */
int cp_diag_close(const struct cp_sock *socks, size_t n, size_t *closed);

/* Whether the kernel could, for TCP and UDP. */
bool cp_diag_there(void);

/* sock_term.c */

/* Closes the sockets that are connected to a backend which goes; no other is sent there any more.
 * What could not be done is a note, for the backend is gone by then. */
void cp_sockets_close(const struct cp_dir *dir, __u32 backend, __u32 generation);

/* Whether BPF can close sockets here, tried on one of ours, which stays open. */
bool cp_sockets_closable(void);

/* sockets.c */

#define CP_MAP_SOCK_PEERS "sock_peers"

/* Detaches from every cgroup and removes the maps of the socket programs. */
int cp_sockets_remove(const struct cp_dir *dir);

#endif
