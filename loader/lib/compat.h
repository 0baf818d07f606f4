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

#endif
