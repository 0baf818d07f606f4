/* SPDX-License-Identifier: GPL-2.0-only */
/* Which service a packet is for, and whether its sender may use it. */
#ifndef COREPATH_LB_H
#define COREPATH_LB_H

#include "lb_maps.h"
#include "place.h"
#include "ratelimit.h"

static __always_inline const struct corepath_lb_config *lb_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lb_config, &zero);
}

/* The longest prefix that has services. What is to no such address ends here, after one lookup. */
static __always_inline struct corepath_vip *find_vip(const struct corepath_addr *dst)
{
	struct corepath_vip_key key = {.prefixlen = 128, .addr = *dst};

	return bpf_map_lookup_elem(&lb_vips, &key);
}

/* The service of the port, or else the one of any port. */
static __always_inline struct corepath_service *find_service(__u32 vip, __be16 port, __u8 proto)
{
	struct corepath_service_key key = {.vip = vip, .port = port, .proto = proto};
	struct corepath_service *svc;

	svc = bpf_map_lookup_elem(&lb_services, &key);
	if (svc)
		return svc;
	key.port = 0;
	return bpf_map_lookup_elem(&lb_services, &key);
}

/* A client's bucket of a service that has a rate. */
static __always_inline bool client_take(const struct corepath_client *client,
					const struct corepath_service *svc)
{
	struct corepath_bucket *b = bpf_map_lookup_elem(&lb_rates, client);
	struct corepath_bucket fresh;

	if (b)
		return bucket_take(b, svc->rate_interval_ns, svc->rate_window_ns);
	fresh.due_ns = bpf_ktime_get_ns() + svc->rate_interval_ns;
	bpf_map_update_elem(&lb_rates, client, &fresh, BPF_ANY);
	return true;
}

static __always_inline enum corepath_drop admit(const struct corepath_flow *f,
						const struct corepath_service *svc)
{
	struct corepath_source_key source = {.prefixlen = 160, .service = svc->id, .addr = f->src};
	struct corepath_client client = {.addr = f->src, .service = svc->id};

	if (svc->flags & COREPATH_SERVICE_SOURCES && !bpf_map_lookup_elem(&lb_sources, &source))
		return COREPATH_DROP_LB_SOURCE_DENIED;
	if (svc->rate_interval_ns && !client_take(&client, svc))
		return COREPATH_DROP_LB_RATE_LIMITED;
	return COREPATH_DROP_FORWARDED;
}

#endif
