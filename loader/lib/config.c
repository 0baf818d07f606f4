// SPDX-License-Identifier: GPL-2.0-only
/* Configurations: the one that runs, and what every one needs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "config.h"
#include "internal.h"

void *cp_config_more(void *array, size_t *n, size_t size)
{
	char **at = array, *grown = *at;

	/* the room is a power of two: full whenever n is one */
	if (!(*n & (*n - 1)))
		grown = reallocarray(*at, *n ? *n * 2 : 1, size);
	if (!grown) {
		cp_fail(ENOMEM, "configuration: out of memory; free some");
		return NULL;
	}
	*at = grown;
	return memset(grown + (*n)++ * size, 0, size);
}

int cp_config_compare_prefix(const void *va, const void *vb)
{
	const struct corepath_prefix *a = va, *b = vb;
	int d;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	d = memcmp(a->addr, b->addr, a->family == AF_INET ? 4 : 16);
	return d ? d : (a->len > b->len) - (a->len < b->len);
}

int cp_config_compare_service(const void *a, const void *b)
{
	const struct corepath_service_info *sa = a, *sb = b;

	return memcmp(&sa->spec.id, &sb->spec.id, sizeof(sa->spec.id));
}

static int running_devices(const char *pin_dir, struct corepath_config *c)
{
	struct cp_config_device *d;
	struct cp_link *links;
	struct cp_dir dir;
	size_t i, n;
	int err;

	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	err = cp_links_read(&dir, &links, &n);
	cp_dir_close(&dir);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		if (links[i].at.state != COREPATH_ATTACHED)
			continue;
		d = cp_config_more(&c->devices, &c->n_devices, sizeof(*d));
		if (!d) {
			err = -ENOMEM;
		} else {
			memcpy(d->name, links[i].at.dev, sizeof(d->name));
			d->mode = links[i].at.mode;
		}
	}
	free(links);
	return err;
}

const struct corepath_signature *cp_config_find_signature(const struct corepath_config *c, __u32 id)
{
	size_t i;

	for (i = 0; i < c->n_signatures; i++)
		if (c->signatures[i].id == id)
			return &c->signatures[i];
	return NULL;
}

static int running_guard(const char *pin_dir, struct corepath_config *c)
{
	struct corepath_signature_info list[COREPATH_SIGNATURES_MAX];
	struct corepath_signature *s;
	size_t i, n;
	int err;

	err = corepath_signature_list(pin_dir, list, &n);
	for (i = 0; i < n && !err; i++) {
		s = cp_config_more(&c->signatures, &c->n_signatures, sizeof(*s));
		if (!s)
			return -ENOMEM;
		*s = list[i].signature;
	}
	return err ? err : corepath_rates_get(pin_dir, &c->rates);
}

int corepath_config_running(const char *pin_dir, struct corepath_config **config)
{
	struct corepath_config *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return cp_fail(ENOMEM, "configuration: out of memory; free some");
	c->parts = CP_PARTS_ALL;
	err = running_devices(pin_dir, c);
	if (!err)
		err = cp_prefixes_read(pin_dir, &c->prefixes, &c->n_prefixes, &c->max_prefixes);
	if (!err)
		err = running_guard(pin_dir, c);
	if (!err)
		err = corepath_balancer_get(pin_dir, &c->balancer);
	if (!err)
		err = cp_services_read(pin_dir, &c->services, &c->n_services);
	if (!err)
		err = cp_config_running_tc(pin_dir, c);
	if (!err)
		err = cp_config_running_host(pin_dir, c);
	if (err)
		corepath_config_free(c);
	else
		*config = c;
	return err;
}

void corepath_config_free(struct corepath_config *c)
{
	if (!c)
		return;
	free(c->devices);
	free(c->prefixes);
	free(c->signatures);
	corepath_service_free(c->services, c->n_services);
	cp_config_free_tc(c);
	cp_config_free_host(c);
	free(c);
}
