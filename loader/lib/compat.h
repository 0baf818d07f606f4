/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the loader calls and the oldest libbpf it is built with (kernels/matrix.yaml) lacks, under
 * its later name, with the version that brought it. The only place that asks which libbpf this is.
 */
#ifndef COREPATH_COMPAT_H
#define COREPATH_COMPAT_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#if LIBBPF_MAJOR_VERSION < 1
#error "libbpf 1.0 or later is needed: kernels/README.md says what earlier ones lack"
#endif

#define CP_LIBBPF_BEFORE(minor) (LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION < (minor))

#if CP_LIBBPF_BEFORE(2) /* libbpf 1.2 */
static inline int bpf_prog_get_info_by_fd(int fd, struct bpf_prog_info *info, __u32 *len)
{
	return bpf_obj_get_info_by_fd(fd, info, len);
}

static inline int bpf_map_get_info_by_fd(int fd, struct bpf_map_info *info, __u32 *len)
{
	return bpf_obj_get_info_by_fd(fd, info, len);
}

static inline int bpf_link_get_info_by_fd(int fd, struct bpf_link_info *info, __u32 *len)
{
	return bpf_obj_get_info_by_fd(fd, info, len);
}
#endif

/* The uapi header of Linux 6.6 (e420bed02507) has these as enumerators, which no #if can see; so
 * they are taken from nobody's header. */
#define BPF_TCX_INGRESS ((enum bpf_attach_type)46)
#define BPF_TCX_EGRESS	((enum bpf_attach_type)47)

/* info.tcx.ifindex, likewise. All kinds of links of a device begin with its index; 0: it is gone.
 */
static inline __u32 cp_tcx_ifindex(const struct bpf_link_info *info)
{
	return info->xdp.ifindex;
}

#endif
