// SPDX-License-Identifier: GPL-2.0-only
/* A policy file: from text to struct cp_rules. Every error names file, line and field. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rules_read.h"

static int expect(struct reader *r, yaml_node_t *node, const char *key, yaml_node_type_t type)
{
	return cp_yaml_expect(&r->yaml, node, key, type);
}

typedef int (*item_fn)(struct reader *r, yaml_node_t *node, const char *key, void *into);

/* One value, or each of a list. */
static int each(struct reader *r, yaml_node_t *node, const char *key, item_fn fn, void *into)
{
	yaml_node_item_t *item;
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return fn(r, node, key, into);
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top && !err;
	     item++)
		err = fn(r, yaml_document_get_node(&r->yaml.doc, *item), key, into);
	return err;
}

static int add_condition(struct reader *r, struct cp_rule *rule, const struct cp_condition *c)
{
	struct cp_condition *grown =
		reallocarray(rule->conditions, rule->n_conditions + 1, sizeof(*grown));

	if (!grown)
		return cp_fail(ENOMEM, "%s: out of memory; free some", r->yaml.file);
	rule->conditions = grown;
	grown[rule->n_conditions++] = *c;
	return 0;
}

/* ---- conditions ---- */

/* "uid" or "uid-not" */
static const struct rule_kind *kind_of(const char *key, bool * not)
{
	size_t i, len;

	for (i = 0; i < cp_n_kinds; i++) {
		len = strlen(cp_kinds[i].name);
		*not = !strcmp(key + (strncmp(key, cp_kinds[i].name, len) ? strlen(key) : len),
			       "-not");
		if (!strcmp(key, cp_kinds[i].name) || *not)
			return &cp_kinds[i];
	}
	return NULL;
}

static int read_condition(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct cp_condition c = {};
	const struct rule_kind *kind = kind_of(key, &c.not);
	int err = expect(r, node, key, YAML_SCALAR_NODE);

	c.dim = kind->dim;
	c.kind = kind;
	if (!err)
		err = kind->parse(r, node, kind, &c);
	return err ? err : add_condition(r, into, &c);
}

/* ---- rules ---- */

static const char *all_ops(void)
{
	static char text[512];
	size_t used = 0;
	int i;

	for (i = 0; i < COREPATH_OPS; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
				 corepath_op_name(i));
	return text;
}

static int read_op(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct cp_rule *rule = into;
	int i, err = expect(r, node, key, YAML_SCALAR_NODE);

	for (i = 0; i < COREPATH_OPS && !err; i++)
		if (!strcmp(cp_yaml_text(node), corepath_op_name(i))) {
			rule->ops |= 1u << i;
			return 0;
		}
	return err ? err : FAIL(r, node, key, "'%s': expected %s", cp_yaml_text(node), all_ops());
}

static int read_name(struct reader *r, const yaml_node_t *node, struct cp_rule *rule)
{
	if (!*cp_yaml_text(node) || strlen(cp_yaml_text(node)) >= sizeof(rule->name))
		return FAIL(r, node, "name", "is %zu bytes long; expected 1 to %zu",
			    strlen(cp_yaml_text(node)), sizeof(rule->name) - 1);
	strcpy(rule->name, cp_yaml_text(node));
	return 0;
}

static int read_action(struct reader *r, const yaml_node_t *node, struct cp_rule *rule)
{
	int i;

	for (i = 0; i < COREPATH_ACTIONS; i++)
		if (!strcmp(cp_yaml_text(node), corepath_action_name(i))) {
			rule->action = rule->asked = i;
			return 0;
		}
	return FAIL(r, node, "action", "'%s': expected log, audit, deny or kill",
		    cp_yaml_text(node));
}

static int read_weaker(struct reader *r, const yaml_node_t *node, struct cp_rule *rule)
{
	rule->weaker = !strcmp(cp_yaml_text(node), "yes") || !strcmp(cp_yaml_text(node), "true");
	if (!rule->weaker && strcmp(cp_yaml_text(node), "no") &&
	    strcmp(cp_yaml_text(node), "false"))
		return FAIL(r, node, "weaker", "'%s': expected yes or no", cp_yaml_text(node));
	return 0;
}

static int read_rate(struct reader *r, const yaml_node_t *node, struct cp_rule *rule)
{
	if (!cp_word_rate(cp_yaml_text(node), &rule->rate, &rule->rate_s))
		return FAIL(r, node, "rate", "'%s': expected N or N/SECONDS", cp_yaml_text(node));
	return 0;
}

/* Everything but `any`. `seen` are the keys of a rule, NULL in an entry of `any`, which has
 * conditions alone. */
static int read_key(struct reader *r, yaml_node_t *node, const char *key, struct cp_rule *rule,
		    bool whole)
{
	static const struct {
		const char *name;
		int (*read)(struct reader *r, const yaml_node_t *node, struct cp_rule *rule);
	} keys[] = {{"name", read_name},
		    {"action", read_action},
		    {"weaker", read_weaker},
		    {"rate", read_rate}};
	bool not;
	size_t i;
	int err;

	if (kind_of(key, &not))
		return each(r, node, key, read_condition, rule);
	if (whole && !strcmp(key, "builtin")) /* read_rule() has seen it */
		return 0;
	if (whole && !strcmp(key, "on"))
		return each(r, node, key, read_op, rule);
	for (i = 0; whole && i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(key, keys[i].name)) {
			err = expect(r, node, key, YAML_SCALAR_NODE);
			return err ? err : keys[i].read(r, node, rule);
		}
	return FAIL(r, node, key, "no such field%s; 'corepath security load --help' shows them all",
		    whole ? "" : " in an entry of 'any'");
}

/* What cp_rule_read() fills. */
struct filled {
	struct reader *r;
	struct cp_rule *rule;
	yaml_node_t **any;
};

static int read_pair(struct cp_yaml_reader *yaml, yaml_node_t *node, const char *key, void *into)
{
	struct filled *f = into;
	int err;

	if (!f->any || strcmp(key, "any"))
		return read_key(f->r, node, key, f->rule, f->any);
	err = cp_yaml_expect(yaml, node, key, YAML_SEQUENCE_NODE);
	*f->any = node;
	return err;
}

int cp_rule_read(struct reader *r, yaml_node_t *node, struct cp_rule *rule, yaml_node_t **any)
{
	struct filled f = {r, rule, any};
	int err = expect(r, node, any ? "rules" : "any", YAML_MAPPING_NODE);

	return err ? err : cp_yaml_each_pair(&r->yaml, node, read_pair, &f);
}

/* Whether the scope has values of the same field, too. */
static bool in_scope(const struct reader *r, const struct cp_condition *c)
{
	size_t i;

	for (i = 0; i < r->scope.n_conditions && !c->not; i++)
		if (!r->scope.conditions[i].not&&r->scope.conditions[i].dim == c->dim)
			return true;
	return false;
}

static int check(struct reader *r, const yaml_node_t *node, const struct cp_rule *rule)
{
	size_t i;

	if (!*rule->name)
		return FAIL(r, node, "name", "is missing");
	if (!rule->ops)
		return FAIL(r, node, "on", "is missing in rule '%s'", rule->name);
	if (rule->action == COREPATH_ACTIONS)
		return FAIL(r, node, "action", "is missing in rule '%s'", rule->name);
	if (!rule->n_conditions)
		return FAIL(
			r, node, "rules",
			"rule '%s' has no condition, so all would meet it; give it one, such as "
			"'path: /*'",
			rule->name);
	/* values of one field are one list, so the rule's would widen the scope */
	for (i = r->scope.n_conditions; i < rule->n_conditions; i++)
		if (in_scope(r, &rule->conditions[i]))
			return FAIL(r, node, rule->conditions[i].kind->name,
				    "rule '%s' has it, and so has the scope; keep one", rule->name);
	for (i = 0; i < rule->n_conditions; i++)
		if (rule->ops & ~rule->conditions[i].kind->ops)
			return FAIL(r, node, rule->conditions[i].kind->name,
				    "rule '%s' is about what has none ('on'); make it two rules",
				    rule->name);
	return 0;
}

static int append(struct reader *r, const yaml_node_t *node, const struct cp_rule *rule)
{
	struct cp_rule *grown;

	if (r->rules->n == COREPATH_RULES_MAX)
		return FAIL(r, node, "rules",
			    "there are more than %d, each entry of 'any' counted; "
			    "leave some out",
			    COREPATH_RULES_MAX);
	grown = reallocarray(r->rules->list, r->rules->n + 1, sizeof(*grown));
	if (!grown)
		return cp_fail(ENOMEM, "%s: out of memory; free some", r->yaml.file);
	r->rules->list = grown;
	grown[r->rules->n++] = *rule;
	return 0;
}

/* A copy of the rule without the path conditions of `left_out`; true if any was left out. */
static int copy(struct reader *r, const struct cp_rule *from, int left_out, struct cp_rule *to)
{
	size_t i;
	int err = 0;

	*to = *from;
	to->conditions = NULL;
	to->n_conditions = 0;
	for (i = 0; i < from->n_conditions && !err; i++)
		if (from->conditions[i].not|| from->conditions[i].dim != left_out)
			err = add_condition(r, to, &from->conditions[i]);
	return err;
}

/* Paths and suffixes are looked up apart, and both would have to be met: two rules, either of which
 * is. */
static int append_split(struct reader *r, const yaml_node_t *node, struct cp_rule *rule)
{
	static const int dims[] = {COREPATH_DIM_PATH, COREPATH_DIM_PATH_END};
	bool has[2] = {};
	struct cp_rule half;
	size_t i, k;
	int err = check(r, node, rule);

	for (i = 0; i < rule->n_conditions; i++)
		for (k = 0; k < 2; k++)
			has[k] |= !rule->conditions[i].not && rule->conditions[i].dim == dims[k];
	for (k = 0; k < 2 && !err; k++) {
		if (!(has[0] && has[1]) && k)
			break;
		err = copy(r, rule, has[0] && has[1] ? dims[k] : -1, &half);
		if (!err)
			err = append(r, node, &half);
	}
	return err;
}

int cp_rule_append(struct reader *r, const yaml_node_t *node, struct reader *from,
		   struct cp_rule *rule, const yaml_node_t *any)
{
	yaml_node_item_t *item;
	struct cp_rule one;
	int err = 0;

	if (!any)
		return append_split(r, node, rule);
	for (item = any->data.sequence.items.start; !err && item < any->data.sequence.items.top;
	     item++) {
		yaml_node_t *entry = yaml_document_get_node(&from->yaml.doc, *item);

		err = copy(r, rule, -1, &one);
		if (!err)
			err = cp_rule_read(from, entry, &one, NULL);
		if (!err)
			err = append_split(r, from == r ? entry : node, &one);
		free(one.conditions);
	}
	return err;
}

int cp_rule_start(struct reader *r, const yaml_node_t *node, struct cp_rule *rule)
{
	int err = copy(r, &r->scope, -1, rule);

	rule->action = COREPATH_ACTIONS;
	rule->line = node->start_mark.line + 1;
	return err;
}

static int read_rule(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	yaml_node_t *any = NULL, *builtin = cp_yaml_find(&r->yaml, node, "builtin");
	struct cp_rule rule;
	int err;

	(void)key;
	(void)into;
	if (builtin) {
		err = expect(r, builtin, "builtin", YAML_SCALAR_NODE);
		return err ? err : cp_builtin_read(r, node, builtin);
	}
	err = cp_rule_start(r, node, &rule);
	if (!err)
		err = cp_rule_read(r, node, &rule, &any);
	if (!err)
		err = cp_rule_append(r, node, r, &rule, any);
	free(rule.conditions);
	return err;
}

/* Conditions of every rule: of who does it, as each can have them. */
static int read_scope(struct reader *r, yaml_node_t *node)
{
	size_t i;
	int err = expect(r, node, "scope", YAML_MAPPING_NODE);

	if (!err)
		err = cp_rule_read(r, node, &r->scope, NULL);
	for (i = 0; i < r->scope.n_conditions && !err; i++)
		if (r->scope.conditions[i].kind->ops != CP_OPS_ALL)
			err = FAIL(
				r, node, r->scope.conditions[i].kind->name,
				"is no condition of who does something; a scope has exe, parent, "
				"uid, cgroup and namespaces");
	return err;
}

static int read_top(struct cp_yaml_reader *yaml, yaml_node_t *node, const char *key, void *into)
{
	(void)into;
	/* read_document() reads them: the scope first, wherever it is */
	return !strcmp(key, "rules") || !strcmp(key, "scope")
		       ? 0
		       : CP_YAML_FAIL(yaml, node, key,
				      "expected 'rules', 'scope' and nothing else");
}

static int read_document(struct reader *r, yaml_node_t *root)
{
	yaml_node_t *value;
	size_t i, k;
	int err;

	err = expect(r, root, "rules", YAML_MAPPING_NODE);
	if (!err)
		err = cp_yaml_each_pair(&r->yaml, root, read_top, NULL);
	value = err ? NULL : cp_yaml_find(&r->yaml, root, "scope");
	if (value)
		err = read_scope(r, value);
	value = err ? NULL : cp_yaml_find(&r->yaml, root, "rules");
	if (!err && !value)
		err = FAIL(r, root, "rules", "is missing");
	if (!err)
		err = expect(r, value, "rules", YAML_SEQUENCE_NODE);
	if (!err)
		err = each(r, value, "rules", read_rule, NULL);
	for (i = 0; i < r->rules->n && !err; i++) {
		r->rules->ops |= r->rules->list[i].ops;
		for (k = 0; k < r->rules->list[i].n_conditions; k++)
			r->rules->dims |= 1u << r->rules->list[i].conditions[k].dim;
	}
	free(r->scope.conditions);
	if (err)
		cp_rules_free(r->rules);
	return err;
}

int cp_rules_read(const char *file, const char *pin_dir, struct cp_rules *rules)
{
	struct reader r = {.rules = rules, .pin_dir = pin_dir};
	yaml_node_t *root;
	int err;

	*rules = (struct cp_rules){};
	err = cp_yaml_open(&r.yaml, file);
	if (err)
		return err;
	rules->file = r.yaml.file;
	root = cp_yaml_root(&r.yaml);
	err = root ? read_document(&r, root)
		   : cp_fail(EINVAL, "%s:1: rules: is missing; the file is empty", r.yaml.file);
	cp_yaml_close(&r.yaml);
	return err;
}

int cp_rules_read_node(struct cp_yaml_reader *yaml, yaml_node_t *node, const char *pin_dir,
		       struct cp_rules *rules)
{
	struct reader r = {.yaml = *yaml, .rules = rules, .pin_dir = pin_dir};

	*rules = (struct cp_rules){.file = yaml->file};
	return read_document(&r, node);
}

void cp_rules_free(struct cp_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->n; i++)
		free(rules->list[i].conditions);
	free(rules->list);
	rules->list = NULL;
	rules->n = 0;
}
