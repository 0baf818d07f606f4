// SPDX-License-Identifier: GPL-2.0-only
#include "yaml_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(const yaml_node_t *node)
{
	return node->type == YAML_MAPPING_NODE	  ? "a mapping"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
						  : "a value";
}

int cp_yaml_expect(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		   yaml_node_type_t type)
{
	static const char *const wanted[] = {[YAML_SCALAR_NODE] = "one value",
					     [YAML_SEQUENCE_NODE] = "a list ('- item' lines)",
					     [YAML_MAPPING_NODE] =
						     "a mapping ('key: value' lines)"};

	return node->type == type ? 0
				  : CP_YAML_FAIL(r, node, key, "is %s; expected %s",
						 type_name(node), wanted[type]);
}

const char *cp_yaml_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

int cp_yaml_place(struct cp_yaml_reader *r, yaml_node_t *node, const char *key)
{
	char why[512];

	snprintf(why, sizeof(why), "%s", corepath_error());
	return CP_YAML_FAIL(r, node, key, "%s", why);
}

int cp_yaml_each_pair(struct cp_yaml_reader *r, yaml_node_t *node, cp_yaml_fn fn, void *into)
{
	yaml_node_pair_t *p, *q;
	int err = cp_yaml_expect(r, node, "", YAML_MAPPING_NODE);

	if (err)
		return err;
	for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top && !err; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);

		err = cp_yaml_expect(r, key, "", YAML_SCALAR_NODE);
		for (q = node->data.mapping.pairs.start; q < p && !err; q++)
			if (!strcmp(cp_yaml_text(key),
				    cp_yaml_text(yaml_document_get_node(&r->doc, q->key))))
				err = CP_YAML_FAIL(r, key, cp_yaml_text(key),
						   "is there twice; keep one");
		if (!err)
			err = fn(r, value, cp_yaml_text(key), into);
	}
	return err;
}

int cp_yaml_each_item(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, cp_yaml_fn fn,
		      void *into)
{
	size_t len = strlen(r->path), n = 0;
	yaml_node_item_t *item;
	int err = cp_yaml_expect(r, node, key, YAML_SEQUENCE_NODE);

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
static char *word_of(struct cp_yaml_reader *r, yaml_node_t *node, const char *key)
{
	yaml_node_item_t *item;
	char *word = NULL, *more;

	if (node->type == YAML_SCALAR_NODE) {
		if (asprintf(&word, "%s=%s", key, cp_yaml_text(node)) < 0)
			word = NULL;
		goto out;
	}
	if (cp_yaml_expect(r, node, key, YAML_SEQUENCE_NODE))
		return NULL;
	if (asprintf(&word, "%s=", key) < 0)
		word = NULL;
	for (item = node->data.sequence.items.start; word && item < node->data.sequence.items.top;
	     item++) {
		yaml_node_t *value = yaml_document_get_node(&r->doc, *item);

		if (cp_yaml_expect(r, value, key, YAML_SCALAR_NODE)) {
			free(word);
			return NULL;
		}
		if (asprintf(&more, "%s%s%s", word,
			     item == node->data.sequence.items.start ? "" : ",",
			     cp_yaml_text(value)) < 0)
			more = NULL;
		free(word);
		word = more;
	}
out:
	if (!word)
		cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	return word;
}

int cp_yaml_word(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		 int (*option)(const char *word, void *spec), void *spec)
{
	char *word = word_of(r, node, key);
	int err;

	if (!word)
		return -EINVAL;
	err = option(word, spec);
	free(word);
	return err ? cp_yaml_place(r, node, key) : 0;
}

yaml_node_t *cp_yaml_find(struct cp_yaml_reader *r, const yaml_node_t *mapping, const char *key)
{
	yaml_node_pair_t *p;

	if (mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (p = mapping->data.mapping.pairs.start; p < mapping->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);

		if (k->type == YAML_SCALAR_NODE && !strcmp(cp_yaml_text(k), key))
			return yaml_document_get_node(&r->doc, p->value);
	}
	return NULL;
}

yaml_node_t *cp_yaml_must_find(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			       const char *example)
{
	yaml_node_t *value;

	if (cp_yaml_expect(r, node, "", YAML_MAPPING_NODE))
		return NULL;
	value = cp_yaml_find(r, node, key);
	if (!value)
		CP_YAML_FAIL(r, node, key, "is missing; for example '%s: %s'", key, example);
	else if (cp_yaml_expect(r, value, key, YAML_SCALAR_NODE))
		return NULL;
	return value;
}

int cp_yaml_within(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, cp_yaml_fn fn,
		   void *into)
{
	size_t len = strlen(r->path);
	int err;

	snprintf(r->path + len, sizeof(r->path) - len, "%s%s", len ? "." : "", key);
	err = cp_yaml_each_pair(r, node, fn, into);
	r->path[len] = '\0';
	return err;
}

static int fail_read(const char *path, int err)
{
	return cp_fail(err, "%s: %s; name a file that can be read, or - for standard input", path,
		       strerror(err));
}

static int load(struct cp_yaml_reader *r, yaml_parser_t *parser)
{
	if (yaml_parser_load(parser, &r->doc))
		return 0;
	return cp_fail(EINVAL, "%s:%zu: not YAML: %s", r->file, parser->problem_mark.line + 1,
		       parser->problem ?: "cannot be read");
}

int cp_yaml_open(struct cp_yaml_reader *r, const char *path)
{
	bool std = !strcmp(path, "-");
	FILE *f = std ? stdin : fopen(path, "re");
	yaml_parser_t parser;
	int err;

	r->file = std ? "standard input" : path;
	r->path[0] = '\0';
	if (!f)
		return fail_read(path, errno);
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, f);
		errno = 0;
		err = load(r, &parser);
		if (err && ferror(f)) /* a folder, a disk that fails: no mistake of what is in it */
			err = fail_read(r->file, errno ?: EIO);
		yaml_parser_delete(&parser);
	} else {
		err = cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	}
	if (!std)
		fclose(f);
	return err;
}

int cp_yaml_open_text(struct cp_yaml_reader *r, const char *file, const char *text)
{
	yaml_parser_t parser;
	int err;

	r->file = file;
	r->path[0] = '\0';
	if (!yaml_parser_initialize(&parser))
		return cp_fail(ENOMEM, "%s: out of memory; free some", file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	err = load(r, &parser);
	yaml_parser_delete(&parser);
	return err;
}

yaml_node_t *cp_yaml_root(struct cp_yaml_reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);

	/* a file of comments alone */
	return root && root->type == YAML_SCALAR_NODE && !*cp_yaml_text(root) ? NULL : root;
}

void cp_yaml_close(struct cp_yaml_reader *r)
{
	yaml_document_delete(&r->doc);
}

int cp_yaml_read(struct cp_yaml_reader *r, const char *path, cp_yaml_fn fn, void *into)
{
	int err = cp_yaml_open(r, path);
	yaml_node_t *root;

	if (err)
		return err;
	root = cp_yaml_root(r);
	if (root)
		err = cp_yaml_each_pair(r, root, fn, into);
	cp_yaml_close(r);
	return err;
}
