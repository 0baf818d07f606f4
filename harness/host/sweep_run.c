// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builds.h"
#include "features.h"
#include "sweep_cause.h"
#include "sweep_run.h"
#include "util.h"

/* Packages of a cloud kernel, over all that the archive has: 13 to 52 MB, 30 in the mean. */
#define PACKAGES_MB 30

/* As the verifier suite names objects and programs in its lines. */
static char *line_name(const char *path, const char *end)
{
	const char *base = strrchr(path, '/');
	char *name = xstrdup(base ? base + 1 : path);
	size_t len = strlen(name);

	if (end && len > 6 && !strcmp(name + len - 6, ".bpf.o"))
		name[len - 6] = '\0';
	else if (end && len > 2 && !strcmp(name + len - 2, ".o"))
		name[len - 2] = '\0';
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			*p = '_';
	return name;
}

static struct sweep_program *add_program(struct sweep_run *s, const char *object, const char *name,
					 char *test)
{
	unsigned n = sweep_add_program(&s->sweep);
	struct sweep_program *more = xcalloc(n + 1, sizeof(*more));

	if (n)
		memcpy(more, s->programs, n * sizeof(*more));
	free(s->programs);
	s->programs = more;
	more[n] = (struct sweep_program){
		.test = test, .object = xstrdup(object), .name = xstrdup(name)};
	more[n].at = xcalloc(s->releases.n + 1, sizeof(*more[n].at));
	return &more[n];
}

void sweep_run_init(struct sweep_run *s, struct run *run, const struct suite *suite,
		    char *const *objects, unsigned objects_n)
{
	char why[512];

	s->run = run;
	s->suite = suite;
	s->kernels = xcalloc(s->releases.n + 1, sizeof(*s->kernels));
	s->trouble = xcalloc(s->releases.n + 1, sizeof(*s->trouble));
	s->spoke = xcalloc(s->releases.n + 1, sizeof(*s->spoke));
	s->notes = json_array();
	for (unsigned i = 0; i < objects_n; i++) {
		struct needs *needs = xcalloc(1, sizeof(*needs)); /* programs point into it */
		char *object = line_name(objects[i], ".o");

		if (needs_read(objects[i], needs, why, sizeof(why)) < 0) {
			json_array_append_new(s->notes,
					      json_sprintf("nothing is predicted: %s", why));
			warn("nothing can be predicted: %s", why);
		}
		for (size_t k = 0; k < needs->n; k++) {
			char *name = line_name(needs->programs[k].program, NULL);

			add_program(s, object, needs->programs[k].program,
				    fmt("verifier.%s.%s", object, name))
				->needs = &needs->programs[k];
			free(name);
		}
		free(object);
	}
}

static struct sweep_program *find_program(struct sweep_run *s, const char *test)
{
	for (unsigned i = 0; i < s->sweep.programs_n; i++)
		if (!strcmp(s->programs[i].test, test))
			return &s->programs[i];
	return NULL;
}

static void predict(struct sweep_run *s, unsigned r)
{
	for (unsigned i = 0; i < s->sweep.programs_n; i++) {
		struct sweep_program *p = &s->programs[i];
		struct features *f = p->needs ? features_of(s->kernels[r]) : NULL;
		json_t *missing = json_array();
		char *said = xstrdup("");

		for (size_t k = 0; f && k < p->needs->n; k++) {
			char *more;

			if (features_has(f, p->needs->names[k], NULL, 0) != HAS_NO ||
			    (!s->kernels[r]->modules &&
			     sweep_need_may_be_module(p->needs->names[k])))
				continue;
			json_array_append_new(missing, json_string(p->needs->names[k]));
			more = fmt("%s%s%s", said, *said ? ", " : "", p->needs->names[k]);
			free(said);
			said = more;
		}
		if (!p->at[r])
			p->at[r] = json_object();
		if (f)
			json_object_set(p->at[r], "missing", missing);
		if (*said)
			note("%s: predicted on %s: %s missing", p->test,
			     s->releases.all[r].listed->upstream, said);
		json_decref(missing);
		free(said);
	}
}

bool sweep_run_fetch(struct sweep_run *s, unsigned r)
{
	const struct release *release = &s->releases.all[r];
	const struct listed *l = release->listed;
	char *image, *dir;

	if (s->kernels[r])
		return true;
	image = fmt("%.*s", (int)strcspn(l->packages, ","), l->packages);
	dir = packages_fetch(release->provider, l);
	if (dir)
		s->kernels[r] = kernel_from_dir(l->upstream, dir, l->version, image);
	free(image);
	free(dir);
	if (s->kernels[r]) {
		predict(s, r);
		return true;
	}
	warn("kernel %s could not be had: it counts as tried, without a verdict", l->upstream);
	s->trouble[r] = xstrdup("no_kernel: it could not be fetched from the archive");
	return false;
}

static int release_of(const struct sweep_run *s, const json_t *line)
{
	const json_t *cell = json_object_get(line, "cell");
	const char *asked = json_string_value(json_object_get(cell, "kernel"));

	for (unsigned r = 0; asked && r < s->releases.n; r++)
		if (!strcmp(s->releases.all[r].listed->upstream, asked))
			return r;
	return -1;
}

/* The verifier's own log as a file of the run, so that it can be linked. */
static void keep_log(struct sweep_run *s, json_t *at, const char *release, const char *test,
		     const char *log)
{
	char *dir = fmt("%s/verifier", s->run->dir),
	     *name = fmt("verifier/%s-%s.log", release, test);
	char *path = fmt("%s/%s", s->run->dir, name);

	if (make_dirs(dir) < 0 || write_file(path, log, strlen(log)) < 0)
		warn("%s: %s", path, strerror(errno));
	else
		json_object_set_new(at, "log", json_string(name));
	free(dir);
	free(name);
	free(path);
}

/* How a prediction and the kernel's answer compare; NULL when there was none of either. */
static const char *compare(const json_t *missing, int verdict)
{
	json_t *need;
	size_t i;

	if (!missing || verdict < SWEEP_WORKS)
		return NULL;
	if (!json_array_size(missing))
		return verdict == SWEEP_WORKS ? "works_as_predicted" : "predicted_to_work";
	if (verdict == SWEEP_WORKS)
		return "predicted_to_fail";
	json_array_foreach (missing, i, need)
		if (sweep_cause_is_of(verdict, json_string_value(need)))
			return "confirmed";
	return "fails_otherwise";
}

static void take_verdict(struct sweep_run *s, struct sweep_program *p, unsigned r,
			 const json_t *line)
{
	int verdict = sweep_cause_of_line(line);
	const char *log = json_string_value(json_object_get(line, "log"));
	const char *release = s->releases.all[r].listed->upstream, *prediction;
	static const char *const kept[] = {"reason", "source", "console"};

	if (!p->at[r])
		p->at[r] = json_object();
	if (!s->kernels[r]->modules && sweep_cause_may_be_module(verdict))
		verdict = SWEEP_NO_VERDICT;
	s->sweep.verdict[p - s->programs][r] = verdict;
	json_object_set_new(p->at[r], "verdict",
			    json_string(verdict == SWEEP_WORKS	 ? "works"
					: verdict >= SWEEP_FAILS ? "fails"
								 : "none"));
	if (verdict >= SWEEP_FAILS)
		json_object_set_new(p->at[r], "cause", json_string(sweep_cause_name(verdict)));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (json_object_get(line, kept[i]))
			json_object_set(p->at[r], kept[i], json_object_get(line, kept[i]));
	if (verdict >= SWEEP_FAILS && log && *log)
		keep_log(s, p->at[r], release, p->test, log);
	prediction = compare(json_object_get(p->at[r], "missing"), verdict);
	if (prediction)
		json_object_set_new(p->at[r], "prediction", json_string(prediction));
	note("%s on %s: %s%s", p->test, release, sweep_cause_name(verdict),
	     !prediction				? ""
	     : !strcmp(prediction, "confirmed")		? ", as predicted"
	     : !strcmp(prediction, "fails_otherwise")	? ", predicted for another reason"
	     : !strncmp(prediction, "predicted_to", 12) ? ", though predicted otherwise"
							: "");
}

static void take_line(struct sweep_run *s, const json_t *line)
{
	const json_t *verifier = json_object_get(line, "verifier");
	const char *test = json_string_value(json_object_get(line, "test"));
	const char *object = json_string_value(json_object_get(verifier, "object"));
	const char *name = json_string_value(json_object_get(verifier, "program"));
	const char *outcome = json_string_value(json_object_get(line, "outcome"));
	const char *reason = json_string_value(json_object_get(line, "reason"));
	const json_t *later = json_object_get(line, "try");
	unsigned try = later ? json_integer_value(later) : 1;
	struct sweep_program *p = test ? find_program(s, test) : NULL;
	int r = release_of(s, line);

	if (r < 0 || !test || !outcome)
		return;
	if (try > s->spoke[r]) { /* what ended the machine's first try is past */
		free(s->trouble[r]);
		s->trouble[r] = NULL;
	}
	s->spoke[r] = try;
	if (!p && object && name)
		p = add_program(s, object, name, xstrdup(test));
	if (p) {
		take_verdict(s, p, r, line);
	} else if (strcmp(outcome, "pass")) {
		free(s->trouble[r]);
		s->trouble[r] = fmt("%s: %s: %s", test, outcome, reason ? reason : "");
	}
	s->interrupted |= !strcmp(outcome, "interrupted");
}

/* The lines that came since the last call. */
static void read_lines(struct sweep_run *s)
{
	char *path = fmt("%s/results.jsonl", s->run->dir), *text = NULL;
	size_t room = 0;

	if (!s->lines)
		s->lines = fopen(path, "re");
	while (s->lines && getline(&text, &room, s->lines) > 0) {
		json_t *line = json_loads(text, 0, NULL);

		take_line(s, line);
		json_decref(line);
	}
	if (!s->lines)
		err("%s: %s", path, strerror(errno));
	else
		clearerr(s->lines);
	free(text);
	free(path);
}

static void note_fetches(const struct sweep_run *s, const unsigned *batch, unsigned n)
{
	unsigned absent = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct listed *l = s->releases.all[batch[i]].listed;
		char *dir = fmt("%s/kernels/%s_%s", cache_dir(), l->release, l->version);

		absent += access(dir, R_OK) < 0;
		free(dir);
	}
	if (absent)
		note("%u kernel%s to fetch, some %u MB", absent, absent == 1 ? "" : "s",
		     absent * PACKAGES_MB);
}

static bool has_verdict(const struct sweep_run *s, unsigned r)
{
	for (unsigned p = 0; p < s->sweep.programs_n; p++)
		if (s->sweep.verdict[p][r] >= SWEEP_WORKS)
			return true;
	return false;
}

/* Objects that cannot be opened, or that cannot be judged alone, give no verdict anywhere. */
static bool any_verdict(const struct sweep_run *s)
{
	for (unsigned r = 0; r < s->releases.n; r++)
		if (has_verdict(s, r))
			return true;
	return false;
}

void sweep_run_all(struct sweep_run *s, unsigned at_once)
{
	unsigned *batch = xcalloc(s->releases.n + 1, sizeof(*batch)), n;
	bool first = true;

	/* all anchors at once; then as many as run at the same time, each informing the next */
	while (!s->interrupted &&
	       (n = sweep_next(&s->sweep, batch, first ? s->releases.n : at_once))) {
		struct schedule *schedule = schedule_new(s->run, s->options, &s->how);

		first = false;
		note("%u of at most %u kernels tried, %u next", s->sweep.tried_n, s->sweep.budget,
		     n);
		note_fetches(s, batch, n);
		for (unsigned i = 0; i < n; i++)
			if (sweep_run_fetch(s, batch[i]))
				schedule_add(schedule, s->kernels[batch[i]], build_pinned(),
					     &s->suite, 1);
		schedule_run(schedule);
		read_lines(s);
		/* a machine that the user stopped, or that was never started, tells nothing */
		for (unsigned i = 0; i < n; i++)
			if (!s->interrupted || has_verdict(s, batch[i]))
				sweep_note_tried(&s->sweep, batch[i]);
		if (!any_verdict(s) && !s->interrupted) {
			warn("no program had a verdict on any of %u kernels: there is nothing to search",
			     s->sweep.tried_n);
			break;
		}
	}
	free(batch);
}
