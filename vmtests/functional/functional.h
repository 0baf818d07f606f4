/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of the functional suite. Each adds its test cases to the suite given. */
#ifndef FUNCTIONAL_H
#define FUNCTIONAL_H

#include <check.h>
#include <jansson.h>

/*
 * Adds one test per row of the JSON table at @path (functional/gen_cases.py makes it); they are
 * named functional.TABLE.ROW after the file. @only, when not NULL, is a pattern (fnmatch) of the
 * names wanted. A table that cannot be read ends the program.
 */
void table_add(Suite *suite, const char *path, const char *only);

/* The line of the Python table that @test comes from, for its result line; NULL if from none. */
json_t *table_source(const char *test);

/* Adds the tests that send real packets through the corepath command, functional.traffic.*. */
void traffic_add(Suite *suite, const char *only);

#endif
