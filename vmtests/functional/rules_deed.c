// SPDX-License-Identifier: GPL-2.0-only
/*
 * One row of a table of rules: log and audit let it happen, deny refuses it (or kills, where the
 * kernel cannot refuse), kill kills; and with a condition that is not met nothing happens.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

int ruled_fd = -1;

bool ruled_lsm(void)
{
	char list[256] = "";
	FILE *f = fopen("/sys/kernel/security/lsm", "r");

	if (!f || !fgets(list, sizeof(list), f))
		checkrun_error("/sys/kernel/security/lsm: %s", strerror(errno));
	fclose(f);
	return strstr(list, "bpf");
}

static const struct btf *kernel_types(void)
{
	static struct btf *btf;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	if (!btf)
		checkrun_error("the kernel's types: %s", strerror(errno));
	return btf;
}

bool ruled_kernel_has(const char *function)
{
	return btf__find_by_name_kind(kernel_types(), function, BTF_KIND_FUNC) > 0;
}

bool ruled_kernel_has_member(const char *structure, const char *member)
{
	const struct btf *btf = kernel_types();
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), member))
			return true;
	return false;
}

static enum ruled_end denied(enum ruled_denial denial)
{
	bool kills = denial == DENIAL_KILLS ||
		     (denial == DENIAL_KILLS_WITHOUT_LSM && !ruled_lsm()) ||
		     (denial == DENIAL_KILLS_WITHOUT_USERNS &&
		      !ruled_kernel_has("security_create_user_ns"));

	return kills ? RULED_KILLED : RULED_REFUSED;
}

static void make_file(const char *name, mode_t mode)
{
	int fd = open(watched_file(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || close(fd) || chmod(watched_file(name), mode))
		checkrun_error("%s: %s", watched_file(name), strerror(errno));
}

static void set_up(void)
{
	static const char *const gone[] = {"made", "name"};

	watched_copy(watched_file("copy"));
	watched_copy(watched_file("privileged"));
	make_file("privileged", 06755);
	make_file("file", 0644);
	if (mkdir(watched_file("folder"), 0755) && errno != EEXIST)
		checkrun_error("%s: %s", watched_file("folder"), strerror(errno));
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		if (unlink(watched_file(gone[i])) && errno == EISDIR)
			rmdir(watched_file(gone[i]));
	close(ruled_fd);
	ruled_fd = open(watched_file("file"), O_RDWR | O_CLOEXEC);
}

/* The condition with the folder in place of @. */
static const char *in_folder(const char *condition)
{
	static char texts[2][512];
	static int next;
	char *text = texts[next++ % 2], *to = text;

	for (; *condition; condition++) {
		if (*condition == '@')
			to = stpcpy(to, watched_folder());
		else
			*to++ = *condition;
	}
	*to = '\0';
	return text;
}

void ruled_deed_load(const struct ruled_deed *deed, const char *action, const char *condition)
{
	ruled_none();
	set_up();
	ruled_load("  - {name: it, on: %s, action: %s, weaker: yes, %s}\n", deed->on, action,
		   in_folder(condition));
}

static void judge(const struct ruled_deed *deed, const char *action, const char *condition,
		  enum ruled_end want, unsigned int least)
{
	unsigned long long hits;
	char what[128];

	ruled_deed_load(deed, action, condition);
	snprintf(what, sizeof(what), "%s, %s", action, least ? "condition met" : "not met");
	ruled_expect(what, deed->act, want);
	hits = ruled_hits();
	if (hits < least || (!least && hits))
		ck_abort_msg("%s: the rule matched %llu times", what, hits);
}

bool ruled_deed_unseen(const struct ruled_deed *deed)
{
	ruled_none();
	return ruled_try("  - {name: it, on: %s, action: log, %s}\n", deed->on,
			 in_folder(deed->met)) == 1 &&
	       strstr(command_output, "cannot be seen on this kernel");
}

void ruled_begin(void)
{
	if (net_unshare() < 0 || net_up("lo"))
		checkrun_error("%s", net_error());
	if ((mkdir(RULED_CGROUP, 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/below", 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/other", 0755) && errno != EEXIST))
		checkrun_error("cgroups: %s", strerror(errno));
}

void ruled_deed(const struct ruled_deed *deed)
{
	ruled_begin();
	if (deed->denial == DENIAL_CANNOT_WITHOUT_STRUCT &&
	    !ruled_kernel_has_member("btf_func_model", "arg_flags")) {
		if (!ruled_deed_unseen(deed))
			ck_abort_msg("a rule that cannot be: %s", command_output);
		return;
	}
	judge(deed, "deny", deed->unmet, RULED_DONE, 0);
	judge(deed, "log", deed->met, RULED_DONE, 1);
	judge(deed, "audit", deed->met, RULED_DONE, 1);
	judge(deed, "deny", deed->met, denied(deed->denial), 1);
	judge(deed, "kill", deed->met, RULED_KILLED, 1);
	ruled_none();
	set_up();
	ruled_expect("without the rule", deed->act, RULED_DONE);
}

void ruled_add(Suite *suite, const struct selection *selection, const struct ruled_table *table,
	       struct functional_test *tests, char (*names)[64], void (*run)(int))
{
	for (size_t i = 0; i < table->n; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.%s", table->deeds[i].name);
		tests[i] = (struct functional_test){names[i], run, i};
	}
	functional_add(suite, selection, tests, table->n);
}
