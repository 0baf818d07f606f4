// SPDX-License-Identifier: GPL-2.0-only
/*
 * datapath.yaml: from text to struct corepath_config.
 *
 * The file has the words of the command line ("mode=nat" is "mode: nat"), so a value is read by
 * what reads it there and nothing is said twice. Every error names file, line and field.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "config.h"
#include "internal.h"

struct reader {
	const char *file;
	yaml_document_t doc;
	char path[160]; /* of the node that is read: "services[2].backends[0]" */
	struct corepath_config *config;
	void *seen; /* tsearch(3): services, copies of them with their names alone */
};

typedef int (*read_fn)(struct reader *r, yaml_node_t *node, const char *key, void *into);

/* "file:12: services[0].mode: ..." */
#define FAIL(r, node, key, fmt, ...)                                                               \
	cp_fail(EINVAL, "%s:%zu: %s%s%s: " fmt, (r)->file, (node)->start_mark.line + 1, (r)->path, \
		*(r)->path && *(key) ? "." : "", key, ##__VA_ARGS__)

static const char *type_name(const yaml_node_t *node)
{
	return node->type == YAML_MAPPING_NODE	  ? "a mapping"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
						  : "a value";
}

static int expect(struct reader *r, yaml_node_t *node, const char *key, yaml_node_type_t type)
{
	static const char *const wanted[] = {[YAML_SCALAR_NODE] = "one value",
					     [YAML_SEQUENCE_NODE] = "a list ('- item' lines)",
					     [YAML_MAPPING_NODE] =
						     "a mapping ('key: value' lines)"};

	return node->type == type
		       ? 0
		       : FAIL(r, node, key, "is %s; expected %s", type_name(node), wanted[type]);
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* An error of what reads the command line's words, with its place in the file. */
static int at_place(struct reader *r, yaml_node_t *node, const char *key)
{
	char why[512];

	snprintf(why, sizeof(why), "%s", corepath_error());
	return FAIL(r, node, key, "%s", why);
}

/* Calls fn for each pair; a key that is there twice is an error, not the last one's. */
static int each_pair(struct reader *r, yaml_node_t *node, read_fn fn, void *into)
{
	yaml_node_pair_t *p, *q;
	int err = expect(r, node, "", YAML_MAPPING_NODE);

	if (err)
		return err;
	for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top && !err; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);

		err = expect(r, key, "", YAML_SCALAR_NODE);
		for (q = node->data.mapping.pairs.start; q < p && !err; q++)
			if (!strcmp(text_of(key), text_of(yaml_document_get_node(&r->doc, q->key))))
				err = FAIL(r, key, text_of(key), "is there twice; keep one");
		if (!err)
			err = fn(r, value, text_of(key), into);
	}
	return err;
}

/* Calls fn for each item of a list, with the path of the item. */
static int each_item(struct reader *r, yaml_node_t *node, const char *key, read_fn fn, void *into)
{
	size_t len = strlen(r->path), n = 0;
	yaml_node_item_t *item;
	int err = expect(r, node, key, YAML_SEQUENCE_NODE);

	if (err)
		return err;
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top && !err;
	     item++) {
		snprintf(r->path + len, sizeof(r->path) - len, "%s%s[%zu]", len ? "." : "", key,
			 n++);
		err = fn(r, yaml_document_get_node(&r->doc, *item), "", into);
	}
	r->path[len] = '\0';
	return err;
}

/* "key=value" of a value, or "key=a,b" of a list of them. The caller frees it; NULL after an error
 * text. */
static char *word_of(struct reader *r, yaml_node_t *node, const char *key)
{
	yaml_node_item_t *item;
	char *word = NULL, *more;

	if (node->type == YAML_SCALAR_NODE) {
		if (asprintf(&word, "%s=%s", key, text_of(node)) < 0)
			word = NULL;
		goto out;
	}
	if (expect(r, node, key, YAML_SEQUENCE_NODE))
		return NULL;
	if (asprintf(&word, "%s=", key) < 0)
		word = NULL;
	for (item = node->data.sequence.items.start; word && item < node->data.sequence.items.top;
	     item++) {
		yaml_node_t *value = yaml_document_get_node(&r->doc, *item);

		if (expect(r, value, key, YAML_SCALAR_NODE)) {
			free(word);
			return NULL;
		}
		if (asprintf(&more, "%s%s%s", word,
			     item == node->data.sequence.items.start ? "" : ",",
			     text_of(value)) < 0)
			more = NULL;
		free(word);
		word = more;
	}
out:
	if (!word)
		cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	return word;
}

/* A pair as one word of a command line, to what reads those. */
static int read_word(struct reader *r, yaml_node_t *node, const char *key,
		     int (*option)(const char *word, void *spec), void *spec)
{
	char *word = word_of(r, node, key);
	int err;

	if (!word)
		return -EINVAL;
	err = option(word, spec);
	free(word);
	return err ? at_place(r, node, key) : 0;
}

static int service_option(const char *word, void *spec)
{
	return corepath_service_option(word, spec);
}

static int backend_option(const char *word, void *spec)
{
	return corepath_backend_option(word, spec);
}

static int balancer_option(const char *word, void *spec)
{
	return corepath_balancer_option(word, spec);
}

/* ---- devices ---- */

static int read_device_key(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct cp_config_device *d = into;
	enum corepath_xdp_mode mode;
	int err = expect(r, node, key, YAML_SCALAR_NODE);

	if (err)
		return err;
	if (!strcmp(key, "name")) {
		if (!*text_of(node) || strlen(text_of(node)) >= sizeof(d->name))
			return FAIL(r, node, key,
				    "'%.40s' is no name of a device; 'ip link' lists them",
				    text_of(node));
		strcpy(d->name, text_of(node));
		return 0;
	}
	if (strcmp(key, "xdp"))
		return FAIL(r, node, key, "no such key; expected name or xdp");
	for (mode = COREPATH_XDP_AUTO; mode <= COREPATH_XDP_GENERIC; mode++)
		if (!strcmp(text_of(node), corepath_xdp_mode_name(mode)))
			return d->mode = mode, 0;
	return FAIL(r, node, key, "'%.40s' is no mode; expected auto, native or generic",
		    text_of(node));
}

static int read_device(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_config *c = into;
	struct cp_config_device *d;
	size_t i;
	int err;

	d = cp_config_more(&c->devices, &c->n_devices, sizeof(*d));
	if (!d)
		return -ENOMEM;
	err = each_pair(r, node, read_device_key, d);
	if (!err && !*d->name)
		err = FAIL(r, node, key, "name is missing: the device, such as eth0");
	for (i = 0; i + 1 < c->n_devices && !err; i++)
		if (!strcmp(c->devices[i].name, d->name))
			err = FAIL(r, node, "name", "%s is there twice; keep one", d->name);
	return err;
}

/* ---- prefilter ---- */

static int read_prefix(struct reader *r, yaml_node_t *node, struct corepath_config *c,
		       enum corepath_verdict verdict)
{
	struct corepath_prefix *p;
	size_t i;
	int err = expect(r, node, "", YAML_SCALAR_NODE);

	if (err)
		return err;
	p = cp_config_more(&c->prefixes, &c->n_prefixes, sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (corepath_prefix_parse(text_of(node), p) < 0)
		return at_place(r, node, "");
	p->verdict = verdict;
	for (i = 0; i + 1 < c->n_prefixes; i++)
		if (!cp_config_compare_prefix(&c->prefixes[i], p))
			return FAIL(r, node, "", "'%.60s' is there twice; keep one", text_of(node));
	return 0;
}

static int read_deny(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	(void)key;
	return read_prefix(r, node, into, COREPATH_DENY);
}

static int read_allow(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	(void)key;
	return read_prefix(r, node, into, COREPATH_ALLOW);
}

static int read_prefilter_key(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	if (!strcmp(key, "deny"))
		return each_item(r, node, key, read_deny, into);
	if (!strcmp(key, "allow"))
		return each_item(r, node, key, read_allow, into);
	return FAIL(r, node, key, "no such key; expected deny or allow");
}

/* ---- services ---- */

static int read_backend_key(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	if (!strcmp(key, "address"))
		return 0; /* read before the others */
	return read_word(r, node, key, backend_option, into);
}

static yaml_node_t *find(struct reader *r, yaml_node_t *mapping, const char *key)
{
	yaml_node_pair_t *p;

	for (p = mapping->data.mapping.pairs.start; p < mapping->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);

		if (k->type == YAML_SCALAR_NODE && !strcmp(text_of(k), key))
			return yaml_document_get_node(&r->doc, p->value);
	}
	return NULL;
}

/* The value of the key that says what an item is, which must be there. */
static yaml_node_t *must_find(struct reader *r, yaml_node_t *node, const char *key,
			      const char *example)
{
	yaml_node_t *value;

	if (expect(r, node, "", YAML_MAPPING_NODE))
		return NULL;
	value = find(r, node, key);
	if (!value)
		FAIL(r, node, key, "is missing; for example '%s: %s'", key, example);
	else if (expect(r, value, key, YAML_SCALAR_NODE))
		return NULL;
	return value;
}

static int read_backend(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_service_info *s = into;
	yaml_node_t *address = must_find(r, node, "address", "10.0.0.1");
	struct corepath_backend_spec *b;
	size_t i;

	(void)key;
	if (!address)
		return -EINVAL;
	b = cp_config_more(&s->backends, &s->n_backends, sizeof(*b));
	if (!b)
		return -ENOMEM;
	if (corepath_backend_parse(text_of(address), b))
		return at_place(r, address, "address");
	for (i = 0; i + 1 < s->n_backends; i++)
		if (!memcmp(&s->backends[i].addr, &b->addr, sizeof(b->addr)) &&
		    s->backends[i].port == b->port)
			return FAIL(r, address, "address", "%s is there twice; keep one",
				    text_of(address));
	return each_pair(r, node, read_backend_key, b);
}

static int read_service_key(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_service_info *s = into;

	if (!strcmp(key, "service"))
		return 0; /* read before the others */
	if (!strcmp(key, "backends"))
		return each_item(r, node, key, read_backend, s);
	return read_word(r, node, key, service_option, &s->spec);
}

/* "tcp 203.0.113.9:80" */
static int read_service_id(struct reader *r, yaml_node_t *node, struct corepath_service_id *id)
{
	const char *text = text_of(node);
	size_t len = strcspn(text, " \t"), rest = len + strspn(text + len, " \t");
	char proto[8];

	if (!text[rest] || len >= sizeof(proto))
		return FAIL(r, node, "service",
			    "expected 'tcp ADDRESS:PORT' or 'udp ADDRESS:PORT'");
	snprintf(proto, sizeof(proto), "%.*s", (int)len, text);
	return corepath_service_parse(proto, text + rest, id) ? at_place(r, node, "service") : 0;
}

/* Whether the file has it already. */
static int check_once(struct reader *r, yaml_node_t *node, const struct corepath_service_info *s)
{
	struct corepath_service_info *copy = malloc(sizeof(*copy)), **found;

	if (copy)
		copy->spec.id = s->spec.id;
	found = copy ? tsearch(copy, &r->seen, cp_config_compare_service) : NULL;
	if (found && *found == copy)
		return 0;
	free(copy);
	return found ? FAIL(r, node, "service", "%s is there twice; keep one", text_of(node))
		     : cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
}

static int read_service(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	yaml_node_t *id = must_find(r, node, "service", "tcp 203.0.113.9:80");
	struct corepath_config *c = into;
	struct corepath_service_info *s;
	int err;

	(void)key;
	if (!id)
		return -EINVAL;
	s = cp_config_more(&c->services, &c->n_services, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->spec.mode = COREPATH_LB_TUNNEL;
	err = read_service_id(r, id, &s->spec.id);
	if (!err)
		err = check_once(r, id, s);
	return err ? err : each_pair(r, node, read_service_key, s);
}

/* ---- the whole ---- */

static int read_balancer_key(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	return read_word(r, node, key, balancer_option, into);
}

static int within(struct reader *r, yaml_node_t *node, const char *key, read_fn fn, void *into)
{
	int err;

	snprintf(r->path, sizeof(r->path), "%s", key);
	err = each_pair(r, node, fn, into);
	r->path[0] = '\0';
	return err;
}

static int read_top(struct reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_config *c = into;

	if (!strcmp(key, "devices"))
		return each_item(r, node, key, read_device, c);
	if (!strcmp(key, "prefilter"))
		return within(r, node, key, read_prefilter_key, c);
	if (!strcmp(key, "balancer"))
		return within(r, node, key, read_balancer_key, &c->balancer);
	if (!strcmp(key, "services"))
		return each_item(r, node, key, read_service, c);
	return FAIL(r, node, key, "no such key; expected devices, prefilter, balancer or services");
}

static int read_document(struct reader *r, FILE *f)
{
	yaml_parser_t parser;
	yaml_node_t *root;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	yaml_parser_set_input_file(&parser, f);
	if (!yaml_parser_load(&parser, &r->doc)) {
		err = cp_fail(EINVAL, "%s:%zu: not YAML: %s", r->file, parser.problem_mark.line + 1,
			      parser.problem ?: "cannot be read");
		yaml_parser_delete(&parser);
		return err;
	}
	root = yaml_document_get_root_node(&r->doc);
	if (root && !(root->type == YAML_SCALAR_NODE && !*text_of(root)))
		err = each_pair(r, root, read_top, r->config);
	yaml_document_delete(&r->doc);
	yaml_parser_delete(&parser);
	return err;
}

int corepath_config_read(const char *file, struct corepath_config **config)
{
	bool std = !strcmp(file, "-");
	struct reader r = {.file = std ? "standard input" : file};
	FILE *f = std ? stdin : fopen(file, "re");
	int err;

	if (!f)
		return cp_fail(errno,
			       "%s: %s; name a file that can be read, or - for standard input",
			       file, strerror(errno));
	r.config = calloc(1, sizeof(*r.config));
	if (r.config) {
		cp_lb_default_settings(&r.config->balancer);
		err = read_document(&r, f);
	} else {
		err = cp_fail(ENOMEM, "%s: out of memory; free some", file);
	}
	tdestroy(r.seen, free);
	if (!std)
		fclose(f);
	if (err)
		corepath_config_free(r.config);
	else
		*config = r.config;
	return err;
}
