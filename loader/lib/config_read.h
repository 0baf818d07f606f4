/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files share that read datapath.yaml. */
#ifndef COREPATH_CONFIG_READ_H
#define COREPATH_CONFIG_READ_H

#include "config.h"
#include "yaml_read.h"

struct cp_config_reader {
	struct cp_yaml_reader yaml; /* first: who has it has the whole */
	const char *pin_dir;	    /* NULL: what is of this host is not read */
	void *seen; /* tsearch(3): services, copies of them with their names alone */
};

/* A prefix that is not in the list yet, at its end. NULL after an error text. */
struct corepath_prefix *cp_config_read_prefix(struct cp_yaml_reader *r, yaml_node_t *node,
					      struct corepath_prefix **list, size_t *n);

/* The name of a device, IF_NAMESIZE bytes. */
int cp_config_read_device(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, char *name);

/* config_read_tc.c and config_read_host.c: values of keys of the file; `into` is the configuration.
 */
int cp_config_read_uplink(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into);
int cp_config_read_endpoint(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    void *into);
int cp_config_read_policy(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into);
int cp_config_read_identity(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    void *into);
int cp_config_read_sockets(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			   void *into);
int cp_config_read_security(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    struct corepath_config *c);

/* What only the whole file can say: policies of no endpoint, an endpoint's address elsewhere. */
int cp_config_check_tc(const char *file, const struct corepath_config *c);

#endif
