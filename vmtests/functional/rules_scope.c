// SPDX-License-Identifier: GPL-2.0-only
/* functional.rules.scope.*: conditions of who does it, for all rules of a file. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

static int enter(const char *folder)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0", 1) != 1 ? EIO : 0;
}

static int write_file(void)
{
	return ruled_result(open(watched_file("file"), O_WRONLY | O_CLOEXEC));
}

static int write_in_cgroup(void)
{
	return enter(RULED_CGROUP "/below") ? EIO : write_file();
}

static int write_in_other_cgroup(void)
{
	return enter(RULED_CGROUP "/other") ? EIO : write_file();
}

static int remove_in_cgroup(void)
{
	return enter(RULED_CGROUP "/below") ? EIO : ruled_result(unlink(watched_file("file")));
}

static int run_in_cgroup(void)
{
	if (enter(RULED_CGROUP "/below"))
		return EIO;
	return ruled_result(execl(watched_file("copy"), "copy", NULL));
}

static int write_as_2001(void)
{
	if (chmod(watched_file("file"), 0666) || chmod(watched_folder(), 0755))
		return EIO;
	return setresuid(2001, 2001, 2001) ? EIO : write_file();
}

static int write_in_namespace(int flag)
{
	return unshare(flag) ? EIO : write_file();
}

static int write_in_mount_namespace(void)
{
	return write_in_namespace(CLONE_NEWNS);
}

static int write_in_net_namespace(void)
{
	return write_in_namespace(CLONE_NEWNET);
}

/* In the cgroup and in another network namespace. */
static int write_in_both(void)
{
	return enter(RULED_CGROUP "/below") ? EIO : write_in_namespace(CLONE_NEWNET);
}

#define RULES                                                                                      \
	"  - {name: write, on: write, action: deny, path: %s/file}\n"                              \
	"  - {name: remove, on: unlink, action: deny, path: %s/file}\n"                            \
	"  - {name: run, on: exec, action: kill, path: %s/copy}\n"
#define IN_CGROUP "cgroup: " RULED_CGROUP

static const struct {
	const char *name, *scope;
	ruled_act inside; /* it is about */
	enum ruled_end end;
	ruled_act outside; /* and not about */
} scopes[] = {
	{"cgroup", IN_CGROUP, write_in_cgroup, RULED_REFUSED, write_file},
	{"cgroup_unlink", IN_CGROUP, remove_in_cgroup, RULED_REFUSED, write_file},
	{"cgroup_exec", IN_CGROUP, run_in_cgroup, RULED_KILLED, write_file},
	{"cgroups", "cgroup: [" RULED_CGROUP "/other, " RULED_CGROUP "/below]", write_in_cgroup,
	 RULED_REFUSED, write_file},
	{"cgroup_not", "cgroup-not: " RULED_CGROUP "/below", write_in_other_cgroup, RULED_REFUSED,
	 write_in_cgroup},
	{"mnt_ns", "mnt-ns: host", write_in_net_namespace, RULED_REFUSED, write_in_mount_namespace},
	{"net_ns_not", "net-ns-not: host", write_in_net_namespace, RULED_REFUSED,
	 write_in_mount_namespace},
	{"uid", "uid: [2001, 2002]", write_as_2001, RULED_REFUSED, write_file},
	{"exe_not", "exe-not: " WATCHED_DIR "/functional, " IN_CGROUP, run_in_cgroup, RULED_DONE,
	 write_in_cgroup},
	{"both", IN_CGROUP ", net-ns-not: host", write_in_both, RULED_REFUSED, write_in_cgroup},
};

#define SCOPES (sizeof(scopes) / sizeof(*scopes))

static void set_up(void)
{
	int fd;

	watched_copy(watched_file("copy"));
	fd = open(watched_file("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd))
		checkrun_error("%s: %s", watched_file("file"), strerror(errno));
	if ((mkdir(RULED_CGROUP, 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/below", 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/other", 0755) && errno != EEXIST))
		checkrun_error("cgroups: %s", strerror(errno));
}

/* Without the scope the rules stop both: it is the scope that makes the difference. */
static void one_scope(int index)
{
	const char *dir = watched_folder();

	ruled_none();
	set_up();
	ruled_load(RULES, dir, dir, dir);
	if (ruled_run(scopes[index].inside) == RULED_DONE ||
	    ruled_run(scopes[index].outside) == RULED_DONE)
		checkrun_error("the rules do not stop it without a scope");
	ruled_load(RULES "scope: {%s}\n", dir, dir, dir, scopes[index].scope);
	ruled_expect("in the scope", scopes[index].inside, scopes[index].end);
	ruled_expect("outside of it", scopes[index].outside, RULED_DONE);
	ruled_none();
}

/* A rule's own conditions and those of the scope must both be met. */
static void narrowed(int index __attribute__((unused)))
{
	ruled_none();
	set_up();
	ruled_load("  - {name: it, on: write, action: deny, path: %s/file, net-ns-not: host}\n"
		   "scope: {" IN_CGROUP "}\n",
		   watched_folder());
	ruled_expect("neither", write_file, RULED_DONE);
	ruled_expect("the scope alone", write_in_cgroup, RULED_DONE);
	ruled_expect("the rule's own alone", write_in_net_namespace, RULED_DONE);
	ruled_expect("both", write_in_both, RULED_REFUSED);
	ruled_none();
}

static int map_there(void)
{
	if (enter(RULED_CGROUP "/below"))
		return EIO;
	return ruled_result(unshare(CLONE_NEWUTS));
}

static int map_here(void)
{
	return ruled_result(unshare(CLONE_NEWUTS));
}

/* A builtin is in the scope as well, and what it needs the scope can give. */
static void of_builtins(int index __attribute__((unused)))
{
	ruled_none();
	set_up();
	ruled_load("  - {builtin: container-escape}\n"
		   "scope: {" IN_CGROUP "}\n");
	ruled_expect("in the scope", map_there, RULED_KILLED);
	ruled_expect("outside of it", map_here, RULED_DONE);
	ruled_none();
}

/* The first line of the rules is the second of the file. */
static const struct {
	const char *rules, *said;
} wrong[] = {
	{"  - {name: a, on: exec, action: deny, path: /x}\nscope: {path: /y}\n",
	 ":3: path: is no condition of who does something"},
	{"  - {name: a, on: exec, action: deny, path: /x}\nscope: {name: b}\n", ":3: name: "},
	{"  - {name: a, on: exec, action: deny, path: /x}\nscope: [uid]\n",
	 ":3: scope: is a list; expected"},
	{"  - {name: a, on: exec, action: deny, path: /x}\nscopes: {uid: 0}\n",
	 "expected 'rules', 'scope'"},
	{"  - {name: a, on: exec, action: deny, path: /x, uid: 7}\nscope: {uid: 0}\n",
	 ":2: uid: rule 'a' has it, and so has the scope"},
	{"  - {name: a, on: exec, action: deny, path: /x, any: [{argc: 1}, {uid: 7}]}\n"
	 "scope: {uid: 0}\n",
	 ":2: uid: rule 'a' has it, and so has the scope"},
};

static void wrong_scopes(int index __attribute__((unused)))
{
	ruled_none();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (ruled_try("%s", wrong[i].rules) != 1 || !strstr(command_output, wrong[i].said))
			ck_abort_msg("expected '%s' of\n%s\nand was told\n%s", wrong[i].said,
				     wrong[i].rules, command_output);
}

static const struct functional_test others[] = {
	{"functional.rules.scope.narrowed", narrowed, 0},
	{"functional.rules.scope.of_builtins", of_builtins, 0},
	{"functional.rules.scope.wrong", wrong_scopes, 0},
};

void rules_scope_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[SCOPES];
	static char names[SCOPES][64];

	for (size_t i = 0; i < SCOPES; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.scope.%s", scopes[i].name);
		tests[i] = (struct functional_test){names[i], one_scope, i};
	}
	functional_add(suite, selection, tests, SCOPES);
	functional_add(suite, selection, others, sizeof(others) / sizeof(*others));
}
