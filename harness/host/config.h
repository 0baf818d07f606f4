/* SPDX-License-Identifier: GPL-2.0-only */
/* The YAML files: the matrix (kernels/matrix.yaml) and the suites (vmtests/suites.yaml). */
#ifndef VMTEST_CONFIG_H
#define VMTEST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "profile.h"

struct series {
	char *series;	/* "6.12" */
	char *provider; /* a program in kernels/providers */
	char *flavour;	/* of a package; NULL with provider "source", which has the next two */
	char *version;	/* the pinned release: "6.6.119" */
	char *sha256;	/* of its tarball */
	char *lost;	/* "modules", when the archive has none of them any more; or NULL */
	bool required;
};

struct libbpf_build {
	char *version; /* "1.5.0" */
	char *source;  /* NAME=VERSION of the source package */
	char *suite;
	char *file;
	char *sha256;
};

/* Of the object set. */
struct compiler {
	char *clang;  /* major version: "19" */
	char *cpu;    /* of -mcpu: "v3" */
	char *since;  /* the first series that knows its instructions; NULL: all we have */
	char *cannot; /* why there is no such build, or NULL */
};

struct archive {
	char **suites;
	unsigned suites_count;
};

struct matrix {
	struct archive archive;
	struct series *kernels;
	unsigned kernels_count;
	struct profile *profiles;
	unsigned profiles_count;
	struct libbpf_build *libbpf;
	unsigned libbpf_count;
	struct compiler *compilers;
	unsigned compilers_count;
};

struct suite {
	char *name;
	char *about;
	char **files; /* into the guest's /work, by their last component; see builds.h for
			 "{guest}/..." */
	unsigned files_count;
	char **programs; /* of this machine, at their own paths and with their libraries */
	unsigned programs_count;
	char **argv;
	unsigned argv_count;
	char **list; /* a program and its arguments that print the names of the suite's tests */
	unsigned list_count;
	char **one; /* as argv, to run a single test: "{}" stands for its name */
	unsigned one_count;
	char **modules; /* without the ones they depend on */
	unsigned modules_count;
	char *profile;	  /* see profile.h */
	unsigned cpus;	  /* of its machine; 0: not said */
	unsigned timeout; /* seconds the job may take in the guest, by the host's clock */
};

struct suites {
	struct suite *suites;
	unsigned suites_count;
};

/* NULL after an error was said with file, line, field. The result lives until the program ends. */
const struct matrix *matrix_load(void);
const struct suites *suites_load(const char *path);

/* The same for any other file, by its libcyaml schema. */
struct cyaml_schema_value;
void *config_load(const char *path, const struct cyaml_schema_value *schema);

#endif
