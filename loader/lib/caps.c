// SPDX-License-Identifier: GPL-2.0-only
/* The capabilities that the datapath needs: three, since Linux 5.8 split them off CAP_SYS_ADMIN. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "internal.h"

bool cp_cap_held(unsigned int cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	return !syscall(SYS_capget, &head, data) && data[cap / 32].effective & 1u << cap % 32;
}

const char *cp_caps_lacking(void)
{
	static const struct {
		unsigned int cap;
		const char *name;
	} caps[] = {
		{CAP_BPF, "CAP_BPF"},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{CAP_PERFMON, "CAP_PERFMON"},
	};
	static char text[64];
	size_t i, used = 0;

	*text = '\0';
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (!cp_cap_held(caps[i].cap))
			used += snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
					 caps[i].name);
	return used ? text : NULL;
}

int corepath_keep_only_bpf(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};

	if (cp_cap_held(CAP_BPF))
		data[CAP_BPF / 32].effective = data[CAP_BPF / 32].permitted = 1u << CAP_BPF % 32;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &head, data))
		return cp_fail(errno, "drop capabilities: %s; a seccomp filter may forbid it",
			       strerror(errno));
	return 0;
}
