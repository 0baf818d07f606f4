// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "plan.h"
#include "series.h"
#include "util.h"

#define WHY_MAX 256

static void add_suite(struct plan *plan, const struct suite *s)
{
	plan->suites = grow(plan->suites, plan->suites_n, sizeof(*plan->suites));
	plan->suites[plan->suites_n++] = s;
}

static void add_gap(struct plan *plan, struct plan_gap gap)
{
	plan->gaps = grow(plan->gaps, plan->gaps_n, sizeof(*plan->gaps));
	plan->gaps[plan->gaps_n++] = gap;
}

/* Each suite in each of the profiles asked for, when it does not insist on its own. */
static int multiply(struct plan *plan, const char *profiles, const struct suite *const *suites,
		    unsigned n)
{
	const struct profile **wanted = profiles ? profile_select(profiles) : NULL;

	if (profiles && !wanted)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (!wanted || strcmp(suites[i]->profile, "default")) {
			add_suite(plan, suites[i]);
			continue;
		}
		for (const struct profile **p = wanted; *p; p++) {
			struct suite *copy = xcalloc(1, sizeof(*copy));

			*copy = *suites[i];
			copy->profile = (*p)->name;
			add_suite(plan, copy);
		}
	}
	free(wanted);
	return 0;
}

static const char *flavour_of(const struct suite *s)
{
	return profile_find(s->profile)->flavour;
}

static bool same_flavour(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static char *module_names(const struct suite *s)
{
	char *list = NULL;

	for (unsigned i = 0; i < s->modules_count; i++) {
		char *more = list ? fmt("%s,module:%s", list, s->modules[i])
				  : fmt("module:%s", s->modules[i]);

		free(list);
		list = more;
	}
	return list;
}

/* True when the suite cannot run on this kernel, which is noted. */
static bool is_gap(struct plan *plan, const struct kernel *k, const struct suite *s)
{
	const struct profile *p = profile_find(s->profile);
	char why[WHY_MAX];

	if (!profile_possible(p, k, why, sizeof(why))) {
		add_gap(plan,
			(struct plan_gap){k, s, OC_SKIP, fmt("profile:%s", p->name),
					  fmt("%s cannot be booted so: %s", k->release, why)});
		return true;
	}
	if (k->modules || !k->archive || !s->modules_count)
		return false;
	if (k->lost && !strcmp(k->lost, "modules"))
		add_gap(plan,
			(struct plan_gap){
				k, s, OC_SKIP, module_names(s),
				fmt("the archive has lost the modules of %s, as kernels/matrix.yaml "
				    "says",
				    k->release)});
	else
		add_gap(plan,
			(struct plan_gap){
				k, s, OC_NO_KERNEL, NULL,
				fmt("the archive has no modules of %s any more, and this suite "
				    "needs some: take another release, or note the loss in "
				    "kernels/matrix.yaml",
				    k->release)});
	return true;
}

static void add_cell(struct plan *plan, const struct kernel *k, const char *flavour)
{
	struct plan_cell cell = {k, xcalloc(plan->suites_n, sizeof(*cell.suites)), 0};

	for (unsigned i = 0; i < plan->suites_n; i++)
		if (same_flavour(flavour_of(plan->suites[i]), flavour) &&
		    !is_gap(plan, k, plan->suites[i]))
			cell.suites[cell.n++] = plan->suites[i];
	plan->cells = grow(plan->cells, plan->cells_n, sizeof(*plan->cells));
	plan->cells[plan->cells_n++] = cell;
}

static void all_are_gaps(struct plan *plan, const struct kernel *k, const char *flavour,
			 enum outcome outcome, const char *reason)
{
	for (unsigned i = 0; i < plan->suites_n; i++) {
		const struct suite *s = plan->suites[i];

		if (!same_flavour(flavour_of(s), flavour))
			continue;
		add_gap(plan,
			(struct plan_gap){k, s, outcome,
					  outcome == OC_SKIP ? fmt("profile:%s", s->profile) : NULL,
					  xstrdup(reason)});
	}
}

/* One image of a kernel. 0, or an exit code after err(). */
static int add_image(struct plan *plan, const char *name, const char *flavour)
{
	bool usage;
	struct kernel *k = kernel_get_flavour(name, flavour, &usage), *own;
	char *reason;

	if (k) {
		add_cell(plan, k, flavour);
		return 0;
	}
	if (!usage) {
		k = xcalloc(1, sizeof(*k));
		k->asked = xstrdup(name);
		reason = fmt("kernel %s%s%s could not be had: vmtest's own messages say why", name,
			     flavour ? ", flavour " : "", flavour ? flavour : "");
		all_are_gaps(plan, k, flavour, OC_NO_KERNEL, reason);
		free(reason);
		return 0;
	}
	/* Not a name nobody knows, but one that has no such flavour? */
	own = flavour ? kernel_get(name, &usage) : NULL;
	if (!own)
		return usage ? EXIT_USAGE : EXIT_HARNESS;
	reason = fmt("there is no %s flavour of %s in the archive; what is not a package has none",
		     flavour, name);
	all_are_gaps(plan, own, flavour, OC_SKIP, reason);
	free(reason);
	return 0;
}

int plan_make(struct plan *plan, const char *kernels, const char *profiles,
	      const struct suite *const *suites, unsigned n)
{
	unsigned names_n;
	char **names;
	int code;

	*plan = (struct plan){0};
	if (multiply(plan, profiles, suites, n) < 0)
		return EXIT_USAGE;
	names = kernel_select(kernels, &names_n);
	if (!names)
		return EXIT_USAGE;
	for (unsigned i = 0; i < names_n; i++)
		for (unsigned k = 0; k < plan->suites_n; k++) {
			const char *flavour = flavour_of(plan->suites[k]);
			unsigned first = 0;

			while (!same_flavour(flavour_of(plan->suites[first]), flavour))
				first++;
			if (first != k)
				continue;
			code = add_image(plan, names[i], flavour);
			if (code)
				return code;
		}
	return 0;
}

static void report_gap(const struct plan_gap *gap, struct run *run, enum accel accel)
{
	json_t *line = json_pack("{s:s, s:s}", "test", gap->suite->name, "reason", gap->reason);
	unsigned counts[OC_COUNT] = {0};
	const struct line_origin from = {
		.kernel = gap->kernel,
		.cell = run_cell(gap->kernel, build_pinned(), gap->suite->profile, accel),
		.suite = gap->suite->name,
		.explained = true,
	};

	if (gap->missing)
		json_object_set_new(line, "missing", json_string(gap->missing));
	counts[run_line(run, &from, gap->outcome, line)]++;
	run_count(run, counts);
	json_decref(from.cell);
}

void plan_report(const struct plan *plan, struct run *run, enum accel accel)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < plan->cells_n; i++) {
		const struct kernel *k = plan->cells[i].kernel;
		json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "kernel", k->asked, "release",
				      k->release, "version", k->version, "pin", pin_name(k->pin));

		if (k->newer)
			json_object_set_new(o, k->pin == PIN_GONE ? "pinned" : "newer",
					    json_string(k->newer));
		json_array_append_new(all, o);
	}
	json_object_set_new(run->meta, "kernels", all);
	for (unsigned i = 0; i < plan->gaps_n; i++)
		report_gap(&plan->gaps[i], run, accel);
}
