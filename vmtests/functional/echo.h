/* SPDX-License-Identifier: GPL-2.0-only */
/* What the servers of real traffic do with a connection. */
#ifndef FUNCTIONAL_ECHO_H
#define FUNCTIONAL_ECHO_H

#include <stddef.h>

/* Says @greeting, @len bytes, and then all that comes, back to who sent it, until that side is
 * done. Ends the process. */
_Noreturn void echo_connection(int fd, const char *greeting, size_t len);

#endif
