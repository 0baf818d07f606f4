// SPDX-License-Identifier: GPL-2.0-only
/* sweep.json: what a sweep found, and what it did not look at. */
#include <stdlib.h>
#include <string.h>

#include "sweep_cause.h"
#include "sweep_run.h"
#include "util.h"

static const char *name_of(const struct sweep_run *s, unsigned r)
{
	return s->releases.all[r].listed->upstream;
}

static json_t *release_list(const struct sweep_run *s)
{
	json_t *all = json_array();

	for (unsigned r = 0; r < s->releases.n; r++) {
		const struct listed *l = s->releases.all[r].listed;
		json_t *o = json_pack("{s:s, s:s, s:s, s:b}", "release", l->upstream, "uname",
				      l->release, "version", l->version, "tried",
				      (int)s->sweep.tried[r]);

		if (s->kernels[r])
			json_object_set_new(o, "modules", json_boolean(s->kernels[r]->modules));
		if (s->trouble[r])
			json_object_set_new(o, "trouble", json_string(s->trouble[r]));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *untried_between(const struct sweep_run *s, unsigned a, unsigned b)
{
	json_t *names = json_array();

	for (unsigned r = a + 1; r < b; r++)
		if (!s->sweep.tried[r])
			json_array_append_new(names, json_string(name_of(s, r)));
	return names;
}

/* Between neighbours that were tried, wherever a release can lie between them. */
static json_t *gaps(const struct sweep_run *s)
{
	json_t *all = json_array();
	unsigned last = s->releases.n;

	for (unsigned r = 0; r < s->releases.n; r++) {
		if (!s->sweep.tried[r])
			continue;
		if (last < r && releases_have_room(&s->releases.all[last], &s->releases.all[r]))
			json_array_append_new(all,
					      json_pack("{s:s, s:s, s:o}", "after",
							name_of(s, last), "before", name_of(s, r),
							"in_archive", untried_between(s, last, r)));
		last = r;
	}
	return all;
}

static json_t *stretch(const struct sweep_run *s, const struct sweep_stretch *t)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:s}", "first", name_of(s, t->first), "last",
			      name_of(s, t->last), "tried", (int)t->tried, "verdict",
			      t->verdict == SWEEP_WORKS ? "works" : "fails");

	if (t->verdict != SWEEP_WORKS)
		json_object_set_new(o, "cause", json_string(sweep_cause_name(t->verdict)));
	return o;
}

/* Where a verdict ends and the next begins: exact when the archive has nothing between them. */
static json_t *boundary(const struct sweep_run *s, const struct sweep_stretch *a,
			const struct sweep_stretch *b)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "after", name_of(s, a->last), "before",
			 name_of(s, b->first), "from", sweep_cause_name(a->verdict), "to",
			 sweep_cause_name(b->verdict), "untried",
			 untried_between(s, a->last, b->first));
}

/* Failing stretches with a working one before and after; neighbours are one hole. */
static json_t *holes(const struct sweep_run *s, const struct sweep_stretch *all, unsigned n)
{
	unsigned first = 0, last = n;
	json_t *found = json_array();

	while (first < n && all[first].verdict != SWEEP_WORKS)
		first++;
	while (last > first && all[last - 1].verdict != SWEEP_WORKS)
		last--;
	for (unsigned i = first; i < last; i++) {
		json_t *causes;
		unsigned from = i, untried;

		if (all[i].verdict == SWEEP_WORKS)
			continue;
		causes = json_array();
		for (; all[i].verdict != SWEEP_WORKS; i++)
			json_array_append_new(causes,
					      json_string(sweep_cause_name(all[i].verdict)));
		untried = sweep_untried(&s->sweep, all[from - 1].last, all[from].first) +
			  sweep_untried(&s->sweep, all[i - 1].last, all[i].first);
		json_array_append_new(found, json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "after",
						       name_of(s, all[from - 1].last), "first",
						       name_of(s, all[from].first), "last",
						       name_of(s, all[i - 1].last), "before",
						       name_of(s, all[i].first), "exact", !untried,
						       "causes", causes));
	}
	return found;
}

static json_t *needs_json(const struct program_needs *needs)
{
	json_t *names = json_array();

	for (size_t i = 0; i < needs->n; i++)
		json_array_append_new(names, json_string(needs->names[i]));
	return names;
}

static json_t *tried_json(const struct sweep_run *s, const struct sweep_program *p)
{
	json_t *all = json_array();

	for (unsigned r = 0; r < s->releases.n; r++) {
		json_t *o;

		if (!s->sweep.tried[r])
			continue;
		o = p->at[r] ? json_deep_copy(p->at[r]) : json_object();
		json_object_set_new(o, "release", json_string(name_of(s, r)));
		if (!json_object_get(o, "verdict"))
			json_object_set_new(o, "verdict", json_string("none"));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *program(const struct sweep_run *s, unsigned i)
{
	const struct sweep_program *p = &s->programs[i];
	struct sweep_stretch *all = xcalloc(s->releases.n + 1, sizeof(*all));
	unsigned n = sweep_stretches(&s->sweep, i, all);
	json_t *stretches = json_array(), *boundaries = json_array(), *o;

	o = json_pack("{s:s, s:s, s:s}", "test", p->test, "object", p->object, "program", p->name);
	if (p->needs)
		json_object_set_new(o, "needs", needs_json(p->needs));
	for (unsigned k = 0; k < n; k++) {
		json_array_append_new(stretches, stretch(s, &all[k]));
		if (k)
			json_array_append_new(boundaries, boundary(s, &all[k - 1], &all[k]));
		if (all[k].verdict != SWEEP_WORKS)
			continue;
		if (!json_object_get(o, "first_good"))
			json_object_set_new(o, "first_good", json_string(name_of(s, all[k].first)));
		json_object_set_new(o, "last_good", json_string(name_of(s, all[k].last)));
	}
	json_object_set_new(o, "holes", holes(s, all, n));
	json_object_set_new(o, "stretches", stretches);
	json_object_set_new(o, "boundaries", boundaries);
	json_object_set_new(o, "tried", tried_json(s, p));
	free(all);
	return o;
}

json_t *sweep_document(const struct sweep_run *s)
{
	json_t *programs = json_array();

	for (unsigned i = 0; i < s->sweep.programs_n; i++)
		json_array_append_new(programs, program(s, i));
	return json_pack("{s:i, s:s, s:s, s:i, s:i, s:b, s:o, s:o, s:o, s:O}", "v", 1, "run",
			 s->run->id, "kernels", s->selector, "budget", (int)s->sweep.budget,
			 "tried", (int)s->sweep.tried_n, "interrupted", (int)s->interrupted,
			 "programs", programs, "gaps", gaps(s), "releases", release_list(s),
			 "notes", s->notes);
}
