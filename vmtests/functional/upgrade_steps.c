// SPDX-License-Identifier: GPL-2.0-only
/* What tests of upgrades have in common: see upgrade_steps.h. */
#include "upgrade_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "watched.h"

/* Where the probe says that it runs, and is told how to end. */
#define TOLD   "/told"
#define ANSWER "/answer"
#define ASK    "ask " TOLD " " ANSWER

static void make_fifos(void)
{
	mkdir("/bin", 0755);
	if (access("/bin/sh", X_OK) && symlink(WATCHED_DIR "/probe", "/bin/sh"))
		checkrun_error("/bin/sh: %s", strerror(errno));
	unlink(TOLD);
	unlink(ANSWER);
	if (mkfifo(TOLD, 0600) || mkfifo(ANSWER, 0600))
		checkrun_error("a FIFO: %s", strerror(errno));
}

struct command upgrade_until_probe(struct many *m)
{
	int told;
	struct pollfd wait;
	struct command c;

	make_fifos();
	told = open(TOLD, O_RDONLY | O_NONBLOCK);
	c = command_start("upgrade", "--probe", ASK, "--probe-timeout", "100", NULL);
	do {
		if (m)
			many_round(m, "while programs are loaded and replaced");
		wait = (struct pollfd){.fd = told, .events = POLLIN};
		if (poll(&(struct pollfd){.fd = c.output, .events = 0}, 1, 0))
			ck_abort_msg("the upgrade ended before its probe: %s", command_line(&c));
	} while (!poll(&wait, 1, m ? 0 : 100)); /* the probe has opened it, and closed */
	close(told);
	return c;
}

void upgrade_answer(unsigned char status)
{
	int fd = open(ANSWER, O_WRONLY);

	if (fd < 0 || write(fd, &status, 1) != 1)
		checkrun_error("the answer to the probe: %s", strerror(errno));
	close(fd);
}

void upgrade_refused(const char *what, const char *word, const char *operand)
{
	if (command_run(word, operand, NULL) != 1 || !strstr(command_output, what))
		ck_abort_msg("'corepath %s': no failure that says '%s'\n%s", word, what,
			     command_output);
}
