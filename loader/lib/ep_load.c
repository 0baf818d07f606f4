// SPDX-License-Identifier: GPL-2.0-only
/* The endpoints' programs and maps: loaded when there is first an endpoint. */
#include <errno.h>
#include <string.h>
#include "internal.h"
#include "tc_endpoint.skel.h"
#include "upgrade.h"

const void *cp_elf_endpoint(size_t *size)
{
	return tc_endpoint__elf_bytes(size);
}

/* NULL after an error text. */
static struct tc_endpoint *open_object(void)
{
	struct tc_endpoint *skel = tc_endpoint__open();

	if (!skel)
		cp_fail(errno, "open the built-in endpoint programs: %s; this build is broken",
			strerror(errno));
	return skel;
}

int cp_ep_unpin(const struct cp_dir *dir)
{
	struct tc_endpoint *skel = open_object();
	int err = skel ? cp_object_unpin(dir, skel->obj, CP_PROG_EP_TO) : -errno;

	tc_endpoint__destroy(skel);
	return err;
}

/* What nobody answers has room for a small flood at least. Marks: bpf-src/lib/ct_maps.h. */
static int resize(struct tc_endpoint *skel, __u32 max)
{
	__u32 max_new = max < 1024 ? 1024 : max;
	int err = bpf_map__set_max_entries(skel->maps.ct_flows, max);

	if (!err)
		err = bpf_map__set_max_entries(skel->maps.ct_flow_marks, 2 * max);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.ct_new, max_new);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.ct_new_marks, 2 * max_new);
	return err;
}

int cp_ep_load(const struct cp_dir *dir, __u32 max_flows)
{
	struct tc_endpoint *skel;
	int err = 0;

	if (cp_pin_there(dir, CP_PROG_EP_TO))
		return 0;
	/* the balancer's own, so that services that come later, or were there before, are found */
	err = cp_lb_make_maps(dir);
	if (err)
		return err;
	cp_log_start();
	skel = open_object();
	if (!skel)
		return -errno;
	if (max_flows)
		err = resize(skel, max_flows);
	if (!err)
		err = cp_object_load(dir, skel->obj, CP_PROG_EP_TO, cp_ct_init);
	tc_endpoint__destroy(skel);
	return err;
}
