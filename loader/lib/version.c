// SPDX-License-Identifier: GPL-2.0-only
/* Who made what is pinned, and whether we may work with it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "upgrade.h"

int cp_version_read(const struct cp_dir *dir, struct corepath_running *r)
{
	int fd = cp_pin_get(dir, CP_VERSION), err;
	__u32 zero = 0;

	*r = (struct corepath_running){};
	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &zero, r);
	close(fd);
	r->version[sizeof(r->version) - 1] = '\0';
	return err;
}

int cp_version_write(const struct cp_dir *dir, const char *pin)
{
	struct corepath_running r = {.layout = COREPATH_LAYOUT};
	__u32 zero = 0;
	int fd, err;

	snprintf(r.version, sizeof(r.version), "%s", COREPATH_VERSION);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cp_version", sizeof(zero), sizeof(r), 1, NULL);
	if (fd < 0)
		return fd;
	err = bpf_map_update_elem(fd, &zero, &r, BPF_ANY);
	if (!err)
		err = cp_pin_put(dir, pin, fd);
	close(fd);
	return err;
}

static int fail_newer(const struct cp_dir *dir, const struct corepath_running *r,
		      enum cp_access access)
{
	return cp_fail(
		ENOTSUP,
		"%s is run by corepath %s (layout %u), which is newer than this one (%s, layout "
		"%u)%s; nothing was changed. Use the newer one; to go back to this one, let the "
		"newer one's 'corepath down' remove it, and begin anew with 'corepath up'",
		dir->path, r->version, r->layout, COREPATH_VERSION, COREPATH_LAYOUT,
		access == CP_UPGRADE ? ", and what only it knows would be lost" : "");
}

int cp_version_check(const struct cp_dir *dir, enum cp_access access)
{
	struct corepath_running r;
	int err = cp_version_read(dir, &r);

	if (err == -ENOENT &&
	    !cp_pins_any(dir, "")) { /* ours to begin, or killed right after it was made */
		err = access == CP_CREATE ? cp_version_write(dir, CP_VERSION) : 0;
		return err ? cp_fail(-err, "%s/%s: %s; run as root, or with CAP_BPF", dir->path,
				     CP_VERSION, strerror(-err))
			   : 0;
	}
	if (err && err != -ENOENT)
		return cp_fail(-err, "%s/%s: %s; run as root", dir->path, CP_VERSION,
			       strerror(-err));
	if (r.layout > COREPATH_LAYOUT)
		return fail_newer(dir, &r, access);
	if (r.layout == COREPATH_LAYOUT || access == CP_DOWN || access == CP_UPGRADE)
		return 0;
	return cp_fail(ENOTSUP,
		       "%s is run by corepath %s (layout %u), and this one is %s (layout %u): run "
		       "'corepath upgrade' to put this one's programs in the place of those, or "
		       "use that one",
		       dir->path, *r.version ? r.version : "of before 0.1.0", r.layout,
		       COREPATH_VERSION, COREPATH_LAYOUT);
}

int corepath_running(const char *pin_dir, struct corepath_running *r)
{
	struct cp_dir dir;
	int err = cp_dir_open(&dir, pin_dir, CP_READ_ANY);

	if (err)
		return err;
	err = cp_version_read(&dir, r);
	cp_dir_close(&dir);
	return err == -ENOENT ? 0 : err;
}
