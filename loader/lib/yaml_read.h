/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading YAML whose keys and values are the words of the command line ("mode: nat" is "mode=nat"):
 * a value is read by what reads it there, and nothing is said twice. Every error names file, line
 * and field. All functions return 0 or a negative errno with an error text.
 */
#ifndef COREPATH_YAML_READ_H
#define COREPATH_YAML_READ_H

#include <stdio.h>
#include <yaml.h>
#include "internal.h"

struct cp_yaml_reader {
	const char *file;
	yaml_document_t doc;
	char path[160]; /* of the node that is read: "services[2].backends[0]" */
};

/* Reads the value of a key, or with key "" the item of a list. */
typedef int (*cp_yaml_fn)(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into);

/* "file:12: services[0].mode: ..." */
#define CP_YAML_FAIL(r, node, key, fmt, ...)                                                       \
	cp_fail(EINVAL, "%s:%zu: %s%s%s: " fmt, (r)->file, (node)->start_mark.line + 1, (r)->path, \
		*(r)->path && *(key) ? "." : "", key, ##__VA_ARGS__)

/* Reads the file ("-": standard input), a mapping or nothing, and calls fn for each of its keys. */
int cp_yaml_read(struct cp_yaml_reader *r, const char *path, cp_yaml_fn fn, void *into);

/* The same step by step; a file or, as if it were in one, a text. Close what was opened. */
int cp_yaml_open(struct cp_yaml_reader *r, const char *path);
int cp_yaml_open_text(struct cp_yaml_reader *r, const char *file, const char *text);
void cp_yaml_close(struct cp_yaml_reader *r);

/* NULL if there is nothing in it. */
yaml_node_t *cp_yaml_root(struct cp_yaml_reader *r);

int cp_yaml_expect(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		   yaml_node_type_t type);

/* Of a scalar. */
const char *cp_yaml_text(const yaml_node_t *node);

/* Puts a place in the file before the last error, of what reads the command line's words. */
int cp_yaml_place(struct cp_yaml_reader *r, yaml_node_t *node, const char *key);

/* Calls fn for each pair; a key that is there twice is an error, not the last one's. */
int cp_yaml_each_pair(struct cp_yaml_reader *r, yaml_node_t *node, cp_yaml_fn fn, void *into);

/* Calls fn for each item of a list, with the path of the item. */
int cp_yaml_each_item(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, cp_yaml_fn fn,
		      void *into);

/* cp_yaml_each_pair() of a key's value, with the path of the key. */
int cp_yaml_within(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, cp_yaml_fn fn,
		   void *into);

/* Gives a pair, or a list as "key=a,b", as one word of a command line to what reads those. */
int cp_yaml_word(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		 int (*option)(const char *word, void *spec), void *spec);

/* The value of a mapping's key, or NULL. */
yaml_node_t *cp_yaml_find(struct cp_yaml_reader *r, const yaml_node_t *mapping, const char *key);

/* The value of the key that says what an item is. NULL after an error text. */
yaml_node_t *cp_yaml_must_find(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			       const char *example);

#endif
