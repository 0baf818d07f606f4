// SPDX-License-Identifier: GPL-2.0-only
/* Recordings of events: recording.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "recording.h"

#define NS 1000000000ull

struct head {
	char magic[8];
	__u32 form; /* of entries */
	__u32 layout;
};

static const struct head this_head = {"\177cpevent", 1, COREPATH_LAYOUT};

/* Followed by its event, if any, and by zeros up to a multiple of ALIGN. */
struct entry {
	__u32 size; /* of all of it */
	__u32 pad;
	__u64 time_ns;
	__u64 lost;
	char dev[IF_NAMESIZE];
};

#define ALIGN	  8
#define ENTRY_MAX (sizeof(struct entry) + UINT16_MAX + ALIGN) /* an event's size is 16 bits */

/* What comes next in a file. */
enum { NOT_WHOLE = 0, WHOLE = 1, FAILED = -1, OTHER_LAYOUT = -2, NO_RECORDING = -3, DAMAGED = -4 };

static int fail(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(const char *name, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "corepath: %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return FAILED;
}

/* ---- one file ---- */

static int read_head(FILE *file, __u64 *at)
{
	struct head head;
	size_t n = fread(&head, 1, sizeof(head), file);

	if (memcmp(head.magic, this_head.magic, n < sizeof(head.magic) ? n : sizeof(head.magic)))
		return NO_RECORDING;
	if (n < sizeof(head))
		return NOT_WHOLE;
	if (head.form != this_head.form || head.layout != this_head.layout)
		return OTHER_LAYOUT;
	*at = sizeof(head);
	return WHOLE;
}

static bool has_its_texts(const struct corepath_event *event)
{
	struct corepath_exec_text text;
	const char *path, *exe;

	switch (event->kind) {
	case COREPATH_EVENT_EXEC:
		return !corepath_exec_text((const void *)event, &text);
	case COREPATH_EVENT_RULE:
		return !corepath_rule_text((const void *)event, &path, &exe);
	default:
		return true;
	}
}

/* An entry that is whole in its size may still be none: of a disk that lied, or an editor. */
static bool is_entry(const struct entry *e)
{
	const struct corepath_event *event = (const void *)(e + 1);
	size_t with = e->size - sizeof(*e);

	if (!with)
		return e->lost;
	return with >= sizeof(*event) && event->size >= sizeof(*event) && event->size <= with &&
	       with - event->size < ALIGN && memchr(e->dev, '\0', sizeof(e->dev)) &&
	       has_its_texts(event);
}

/* Into `buf` of ENTRY_MAX. Goes back to *at if what is there is not whole. */
static int read_entry(FILE *file, char *buf, __u64 *at)
{
	struct entry *e = (struct entry *)buf;
	int got = NOT_WHOLE;

	if (!*at)
		got = read_head(file, at);
	if (*at) {
		got = NOT_WHOLE;
		if (fread(e, sizeof(*e), 1, file) == 1) {
			if (e->size < sizeof(*e) || e->size > ENTRY_MAX || e->size % ALIGN)
				return DAMAGED;
			if (e->size == sizeof(*e) ||
			    fread(e + 1, e->size - sizeof(*e), 1, file) == 1)
				got = is_entry(e) ? WHOLE : DAMAGED;
		}
	}
	if (got == WHOLE)
		*at += e->size;
	else if (got == NOT_WHOLE)
		fseeko(file, *at, SEEK_SET);
	return got;
}

static void older_name(const char *file, char name[4096])
{
	snprintf(name, 4096, "%s.1", file);
}

static __u64 inode(const char *name)
{
	struct stat st;

	return stat(name, &st) ? 0 : st.st_ino;
}

static void folder_of(const char *file, char folder[4096])
{
	char *slash;

	snprintf(folder, 4096, "%s", file);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	else
		strcpy(folder, ".");
}

/* ---- writing ---- */

/* What is there already: r->size is where its last whole entry ends. Returns what comes after it.
 */
static int find_end(struct recorder *r)
{
	int fd = dup(r->fd);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char *buf = malloc(ENTRY_MAX);
	__u64 at = 0;
	int got;

	if (!file || !buf) {
		if (!file && fd >= 0)
			close(fd);
		if (file)
			fclose(file);
		free(buf);
		return fail(r->file, "%s", strerror(errno));
	}
	do
		got = read_entry(file, buf, &at);
	while (got == WHOLE);
	r->size = at;
	fclose(file);
	free(buf);
	return got;
}

static int take(struct recorder *r)
{
	struct stat st;

	r->fd = open(r->file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
	if (r->fd < 0)
		return fail(r->file, "%s; name another file%s", strerror(errno),
			    errno == ENOENT ? ", or make its folder" : "");
	if (fstat(r->fd, &st) || !S_ISREG(st.st_mode))
		return fail(r->file, "not a file that can hold a recording; name another one");
	if (flock(r->fd, LOCK_EX | LOCK_NB))
		return fail(r->file, "another process records there; name another file");
	return 0;
}

static int put(struct recorder *r, const void *data, size_t n)
{
	if (r->used + n > r->room) {
		size_t room = (r->used + n) * 2;
		char *grown = realloc(r->buf, room);

		if (!grown)
			return fail(r->file, "out of memory; free some");
		r->buf = grown;
		r->room = room;
	}
	memcpy(r->buf + r->used, data, n);
	r->used += n;
	r->size += n;
	return 0;
}

/* FILE becomes FILE.1, whose events are forgotten. */
static int rotate(struct recorder *r)
{
	char older[4096];
	int was = r->fd, err;

	older_name(r->file, older);
	if (rename(r->file, older))
		return fail(r->file, "to %s: %s", older, strerror(errno));
	err = take(r);
	close(was);
	if (err)
		return err;
	r->size = 0;
	return put(r, &this_head, sizeof(this_head));
}

static int go_on(struct recorder *r)
{
	struct stat st;
	int got;

	if (take(r))
		return FAILED;
	got = find_end(r);
	if (got == FAILED)
		return FAILED;
	if (fstat(r->fd, &st))
		return fail(r->file, "%s", strerror(errno));
	if (got == NO_RECORDING || (got == NOT_WHOLE && !r->size && st.st_size))
		return fail(r->file, "is there, and no recording; name another file");
	if (got == OTHER_LAYOUT || got == DAMAGED)
		return rotate(r);
	if ((__u64)st.st_size > r->size && ftruncate(r->fd, r->size))
		return fail(r->file, "%s", strerror(errno));
	return r->size ? 0 : put(r, &this_head, sizeof(this_head));
}

int recorder_open(struct recorder *r, const char *file, __u64 max)
{
	*r = (struct recorder){.file = file, .max = max / 2, .fd = -1};
	if (strlen(file) + sizeof(".1") > 4096)
		return fail(file, "too long a name");
	if (!go_on(r) && !recorder_flush(r))
		return 0;
	recorder_close(r);
	return -1;
}

int recorder_may_go_on(const struct recorder *r)
{
	char folder[4096];

	folder_of(r->file, folder);
	return faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS)
		       ? fail(r->file,
			      "in a folder of another user, where root has no rights of its own "
			      "once it has only CAP_BPF left; name a file in one of root's")
		       : 0;
}

int recorder_flush(struct recorder *r)
{
	const char *from = r->buf;
	ssize_t n;

	for (; r->used; r->used -= n, from += n) {
		n = write(r->fd, from, r->used);
		if (n < 0)
			return fail(r->file, "%s; what is there can be read", strerror(errno));
	}
	return 0;
}

int recorder_add(struct recorder *r, const struct recorded *what)
{
	static const char zeros[ALIGN];
	size_t with = what->event ? what->event->size : 0, fill = -with % ALIGN;
	struct entry e = {.size = sizeof(e) + with + fill,
			  .time_ns = what->time_ns,
			  .lost = what->event ? 0 : what->lost};

	memcpy(e.dev, what->dev, sizeof(e.dev));
	if (r->size + e.size > r->max && (recorder_flush(r) || rotate(r)))
		return -1;
	return put(r, &e, sizeof(e)) || put(r, what->event, with) || put(r, zeros, fill) ? -1 : 0;
}

void recorder_close(struct recorder *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->buf);
}

/* ---- reading ---- */

static int follow(struct reading *r)
{
	char folder[4096];

	folder_of(r->file, folder);
	r->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->changes < 0 ||
	    inotify_add_watch(r->changes, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return fail(r->file, "cannot be followed: %s", strerror(errno));
	return 0;
}

/* What comes after that which was read to its end: FILE.1 if that has come between, else FILE.
 * NULL: nothing yet. */
static const char *next_name(const struct reading *r)
{
	struct stat st = {};
	__u64 older = inode(r->older), newest = inode(r->file);

	if (r->now && fstat(fileno(r->now), &st))
		return NULL;
	if (newest && newest == st.st_ino)
		return NULL;
	return older && older != st.st_ino && older != r->was ? r->older : newest ? r->file : NULL;
}

static int open_next(struct reading *r, const char *name)
{
	FILE *file = fopen(name, "re");
	struct stat st;

	if (!file)
		return errno == ENOENT ? 0 : fail(name, "%s", strerror(errno));
	if (r->now && !fstat(fileno(r->now), &st))
		r->was = st.st_ino;
	if (r->now)
		fclose(r->now);
	r->left_out = false;
	r->now = file;
	r->name = name;
	r->at = 0;
	return 1;
}

int reading_open(struct reading *r, const char *file, bool followed)
{
	*r = (struct reading){.file = file, .changes = -1};
	if (strlen(file) + sizeof(".1") > sizeof(r->older))
		return fail(file, "too long a name");
	older_name(file, r->older);
	r->entry = malloc(ENTRY_MAX);
	if (!r->entry)
		return fail(file, "out of memory; free some");
	if (inode(file) || inode(r->older))
		return followed ? follow(r) : 0;
	return fail(file, "%s; 'corepath record' makes one, or: systemctl start corepath-record",
		    strerror(errno));
}

static int judge(struct reading *r, int got)
{
	switch (got) {
	case NO_RECORDING:
		return fail(r->name, "no recording of corepath");
	case OTHER_LAYOUT:
		fail(r->name, "made by another version of corepath, which can show it");
		r->left_out = true;
		return NOT_WHOLE;
	case DAMAGED:
		return fail(r->name, "damaged at byte %llu; what comes after it is not shown",
			    (unsigned long long)r->at);
	default:
		return got;
	}
}

int reading_next(struct reading *r, struct recorded *what)
{
	const struct entry *e = (const struct entry *)r->entry;
	const char *next = NULL;
	int got;

	for (;;) {
		got = NOT_WHOLE;
		if (r->now && !r->left_out)
			got = judge(r, read_entry(r->now, r->entry, &r->at));
		if (got)
			break;
		if (next) { /* it was there before this one's end was read: the end is the end */
			got = open_next(r, next);
			if (got <= 0)
				break;
			next = NULL;
			continue;
		}
		next = next_name(r);
		if (!next)
			break;
	}
	if (got <= 0)
		return got;
	what->time_ns = e->time_ns;
	what->lost = e->lost;
	memcpy(what->dev, e->dev, sizeof(what->dev));
	what->event = e->size > sizeof(*e) ? (const void *)(e + 1) : NULL;
	return 1;
}

int reading_wait(struct reading *r, int timeout_ms)
{
	struct pollfd fd = {.fd = r->changes, .events = POLLIN};
	char news[4096];

	if (poll(&fd, 1, timeout_ms) < 0 && errno != EINTR)
		return fail(r->file, "%s", strerror(errno));
	while (read(r->changes, news, sizeof(news)) > 0)
		;
	return 0;
}

void reading_close(struct reading *r)
{
	if (r->now)
		fclose(r->now);
	if (r->changes >= 0)
		close(r->changes);
	free(r->entry);
}

/* ---- since when ---- */

static int since_then(const char *text, __u64 *since_ns)
{
	struct tm tm = {};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	__u64 ns = 0, digit = NS / 10;

	if (rest && *rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, digit /= 10)
			ns += digit * (*rest - '0');
	if (!rest || strcmp(rest, "Z"))
		return -EINVAL;
	*since_ns = timegm(&tm) * NS + ns;
	return 0;
}

int recording_since(const char *text, __u64 now_ns, __u64 *since_ns)
{
	static const char units[] = "smhd";
	static const unsigned int seconds[] = {1, 60, 3600, 86400};
	unsigned long long number;
	const char *unit;
	char *end;

	if (strspn(text, "0123456789") > 9 || strchr(text, '-'))
		return since_then(text, since_ns);
	number = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (end == text || !unit || end[1])
		return -EINVAL;
	number *= seconds[unit - units] * NS;
	*since_ns = number < now_ns ? now_ns - number : 0;
	return 0;
}
