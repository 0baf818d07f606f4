// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

static bool quiet_mode;
static void (*say_hook)(void);

static void say(const char *format, va_list ap)
{
	if (say_hook)
		say_hook();
	fputs("vmtest: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

int err(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
	return -1;
}

void warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void note(const char *format, ...)
{
	va_list ap;

	if (quiet_mode)
		return;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void set_quiet(bool quiet)
{
	quiet_mode = quiet;
}

void set_say_hook(void (*hook)(void))
{
	say_hook = hook;
}

static void *or_die(void *p)
{
	if (!p) {
		err("out of memory");
		exit(EXIT_HARNESS);
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n, size));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s));
}

char *fmt(const char *format, ...)
{
	char *s;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		s = NULL;
	va_end(ap);
	return or_die(s);
}

/* It has room for the next power of two of them. */
void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return or_die(reallocarray(array, count ? 2 * count : 1, size));
}

char *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0, room = 65536;
	char *buf;
	ssize_t n;

	if (fd < 0)
		return NULL;
	buf = xcalloc(1, room);
	while ((n = read(fd, buf + have, room - have - 1)) > 0) {
		have += n;
		if (room - have < 4096)
			buf = or_die(realloc(buf, room *= 2));
	}
	if (n < 0) {
		int saved = errno;

		free(buf);
		close(fd);
		errno = saved;
		return NULL;
	}
	close(fd);
	buf[have] = '\0';
	if (len)
		*len = have;
	return buf;
}

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

int write_file(const char *path, const void *data, size_t len)
{
	char *tmp = fmt("%s.%d.new", path, (int)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), ret = -1;

	if (fd >= 0) {
		ret = write_all(fd, data, len);
		if (close(fd) < 0 || ret < 0 || rename(tmp, path) < 0) {
			ret = -1;
			unlink(tmp);
		}
	}
	free(tmp);
	return ret;
}

int make_dirs(const char *path)
{
	char *copy = xstrdup(path);
	int ret = 0;

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			ret = -1;
		*p = '/';
	}
	if (mkdir(copy, 0755) < 0 && errno != EEXIST)
		ret = -1;
	free(copy);
	return ret;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died between fork and prctl */
		_exit(127);
}

char *find_in_path(const char *program)
{
	const char *path = getenv("PATH");
	char *dirs = xstrdup(path ? path : "/usr/bin:/bin"), *save, *found = NULL;

	for (char *dir = strtok_r(dirs, ":", &save); dir && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		found = fmt("%s/%s", dir, program);
		if (access(found, X_OK) < 0) {
			free(found);
			found = NULL;
		}
	}
	free(dirs);
	return found;
}

int run_command(char *const argv[], char **out)
{
	int pipefd[2] = {-1, -1}, status;
	size_t have = 0, room = 65536;
	pid_t self = getpid(), pid;

	if (out && pipe2(pipefd, O_CLOEXEC) < 0)
		return err("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return err("fork: %s", strerror(errno));
	if (pid == 0) {
		die_with_parent(self);
		if (out)
			dup2(pipefd[1], 1);
		execvp(argv[0], argv);
		err("cannot run %s: %s", argv[0], strerror(errno));
		_exit(127);
	}
	if (out) {
		ssize_t n;

		close(pipefd[1]);
		*out = xcalloc(1, room);
		while ((n = read(pipefd[0], *out + have, room - have - 1)) != 0) {
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				break;
			have += n;
			if (room - have < 4096)
				*out = or_die(realloc(*out, room *= 2));
		}
		(*out)[have] = '\0';
		close(pipefd[0]);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err("waitpid: %s", strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *cache_dir(void)
{
	static char *dir;

	if (!dir) {
		const char *own = getenv("VMTEST_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
			   *home = getenv("HOME");

		if (own && *own)
			dir = xstrdup(own);
		else if (xdg && *xdg)
			dir = fmt("%s/vmtest", xdg);
		else
			dir = fmt("%s/.cache/vmtest", home && *home ? home : "/tmp");
	}
	return dir;
}

const char *home_dir(void)
{
	static char *dir;

	if (!dir) {
		const char *own = getenv("VMTEST_HOME");
		char exe[PATH_MAX];
		ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

		if (own && *own)
			return dir = xstrdup(own);
		exe[n > 0 ? n : 0] = '\0';
		for (int up = 0; up < 3; up++) { /* build/bin/vmtest */
			char *slash = strrchr(exe, '/');

			if (slash)
				*slash = '\0';
		}
		dir = xstrdup(exe[0] ? exe : "/");
	}
	return dir;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void utc_now(char *buf, size_t size)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%03ldZ", ts.tv_nsec / 1000000);
}
