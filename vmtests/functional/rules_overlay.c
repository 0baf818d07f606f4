// SPDX-License-Identifier: GPL-2.0-only
/* functional.rules.overlay.*: files of an overlay, which have other paths in its layers. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

static int write_to(const char *name)
{
	int fd = open(watched_file(name), O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : write(fd, "changed", 7) == 7 ? 0 : EIO;
}

static int write_merged(void)
{
	return write_to("merged/file");
}

static int write_lower(void)
{
	return write_to("lower/file");
}

static int write_upper(void)
{
	return write_to("upper/over");
}

static int remove_merged(void)
{
	return unlink(watched_file("merged/file")) ? errno : 0;
}

static int rename_merged(void)
{
	return rename(watched_file("merged/over"), watched_file("merged/file")) ? errno : 0;
}

static const struct {
	const char *name, *on, *file;
	ruled_act act;
	enum ruled_end end;
} rows[] = {
	{"write", "write", "merged/file", write_merged, RULED_REFUSED},
	{"unlink", "unlink", "merged/file", remove_merged, RULED_REFUSED},
	{"rename", "rename", "merged/file", rename_merged, RULED_REFUSED},
	/* copied up: the file that is named is as it was */
	{"lower_kept", "write", "lower/file", write_merged, RULED_DONE},
	{"lower", "write", "lower/*", write_lower, RULED_REFUSED},
	{"upper", "write", "upper/*", write_upper, RULED_REFUSED},
	{"limit_lower", "write", "merged/*", write_lower, RULED_DONE},
	{"limit_upper", "write", "merged/*", write_upper, RULED_DONE},
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static void make_file(const char *name)
{
	int fd = open(watched_file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, "content", 7) != 7 || close(fd))
		checkrun_error("%s: %s", watched_file(name), strerror(errno));
}

static void mount_anew(void)
{
	static const char *const folders[] = {"lower", "upper", "work", "merged"};
	const char *dir = watched_folder();
	char options[512];

	umount2(watched_file("merged"), MNT_DETACH);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (mkdir(watched_file(folders[i]), 0755) && errno != EEXIST)
			checkrun_error("%s: %s", watched_file(folders[i]), strerror(errno));
	unlink(watched_file("upper/file"));
	make_file("lower/file");
	make_file("upper/over");
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 dir, dir, dir);
	if (mount("overlay", watched_file("merged"), "overlay", 0, options))
		checkrun_error("overlay: %s", strerror(errno));
}

static void expect_content(const char *name, const char *want)
{
	char got[16] = "";
	int fd = open(watched_file(name), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, got, sizeof(got) - 1) < 0)
		checkrun_error("%s: %s", watched_file(name), strerror(errno));
	close(fd);
	if (strcmp(got, want))
		ck_abort_msg("%s: expected '%s', has '%s'", name, want, got);
}

static void one_row(int index)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		checkrun_error("a mount namespace: %s", strerror(errno));
	ruled_none();
	mount_anew();
	if (ruled_run(rows[index].act) != RULED_DONE)
		checkrun_error("it does not work without a rule either");
	mount_anew();
	ruled_load("  - {name: it, on: %s, action: deny, path: '%s/%s'}\n", rows[index].on,
		   watched_folder(), rows[index].file);
	ruled_expect("under the rule", rows[index].act, rows[index].end);
	if (rows[index].act == write_merged)
		expect_content("lower/file", "content");
	ruled_none();
}

void rules_overlay_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[ROWS];
	static char names[ROWS][64];

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.overlay.%s", rows[i].name);
		tests[i] = (struct functional_test){names[i], one_row, i};
	}
	functional_add(suite, selection, tests, ROWS);
}
