/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of a configuration: those of a file, or those in force. */
#ifndef COREPATH_CONFIG_RULES_H
#define COREPATH_CONFIG_RULES_H

#include "rules.h"

struct cp_config_rules {
	struct cp_rules rules; /* of a file; of what is in force there is the image alone */
	char *file;	       /* its name, which the rules point to */
	struct cp_rules_image image;
};

/* NULL after an error text. */
struct cp_config_rules *cp_config_rules_new(void);
void cp_config_rules_free(struct cp_config_rules *r);

#endif
