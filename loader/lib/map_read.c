// SPDX-License-Identifier: GPL-2.0-only
/* All of a map at once. */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "internal.h"

int cp_map_size(int fd, __u32 *max)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_map_get_info_by_fd(fd, &info, &len);

	*max = info.max_entries;
	return err;
}

/* Of what is counted, this much is read at once: a bucket must fit. */
#define COUNTED 4096

int cp_hash_usage(int fd, struct corepath_usage *u)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), at = 0, n;
	void *keys, *values, *from = NULL;
	int err = bpf_map_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	u->used = 0;
	u->max = info.max_entries;
	keys = malloc((size_t)COUNTED * info.key_size);
	values = malloc((size_t)COUNTED * info.value_size);
	err = keys && values ? 0 : -ENOMEM;
	while (!err) {
		n = COUNTED;
		err = bpf_map_lookup_batch(fd, from, &at, keys, values, &n, NULL);
		u->used += err && err != -ENOENT ? 0 : n;
		from = &at;
	}
	free(keys);
	free(values);
	return err == -ENOENT ? 0 : err; /* "no more after these" */
}

/* For types that have no batches: a trie, before 5.14 (f56387c53456). */
static int read_each(int fd, const struct bpf_map_info *info, char *keys, char *values, __u32 *n)
{
	char *key = NULL, *next = keys;
	int err = 0;

	for (*n = 0; *n < info->max_entries; (*n)++) {
		err = bpf_map_get_next_key(fd, key, next);
		if (!err)
			err = bpf_map_lookup_elem(fd, next, values + *n * info->value_size);
		if (err)
			break;
		key = next;
		next += info->key_size;
	}
	return err == -ENOENT ? 0 : err;
}

int cp_map_read(int fd, void **keys, void **values, __u32 *n, __u32 *max)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	void *place = NULL;
	int err;

	*keys = *values = NULL;
	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	*max = *n = info.max_entries;
	*keys = malloc((size_t)*n * info.key_size);
	*values = malloc((size_t)*n * info.value_size);
	/* a key of a trie, a number of a hash */
	place = malloc(info.key_size + sizeof(__u32));
	err = *keys && *values && place ? 0 : -ENOMEM;
	if (!err)
		err = bpf_map_lookup_batch(fd, NULL, place, *keys, *values, n, NULL);
	if (err == -ENOENT) /* "no more after these" */
		err = 0;
	else if (err == -CP_KERNEL_ENOTSUPP || err == -EOPNOTSUPP)
		err = read_each(fd, &info, *keys, *values, n);
	free(place);
	if (err) {
		free(*keys);
		free(*values);
		*keys = *values = NULL;
	}
	return err;
}
