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

/* An address's half words, as they lie in memory. Global: where the number is from is no concern of
 * what the verifier goes through after it (lib/place.h). */
__attribute__((noinline)) __u32 vip_of(__u64 first, __u64 last)
{
	__u32 number = corepath_host_hash(first, last);
	struct corepath_addr addr = {{first, first >> 32, last, last >> 32}};
	struct corepath_vip_key key = {.prefixlen = 128, .addr = addr};
	const struct corepath_lb_config *cfg;
	struct corepath_host_bucket *bucket;
	struct corepath_vip *vip;
	int i;

	bucket = bpf_map_lookup_elem(&lb_hosts, &number);
	if (!bucket)
		return 0;
#pragma unroll
	for (i = 0; i < COREPATH_HOST_WAYS; i++)
		/* its last word first, by which IPv4 addresses differ; and one that leaves has none
		 */
		if (bucket->way[i].addr.w[3] == addr.w[3] &&
		    addr_equal(&bucket->way[i].addr, &addr) && bucket->way[i].id)
			return bucket->way[i].id;
	cfg = lb_settings();
	if (!cfg || cfg->hosts_only)
		return 0;
	vip = bpf_map_lookup_elem(&lb_vips, &key);
	return vip ? vip->id : 0;
}

/* The number of the address, or else of the longest prefix around it, that has services; 0: none
 * has. What is to no service ends here, after one lookup if there is no prefix. */
static __always_inline __u32 find_vip(const struct corepath_addr *dst)
{
	return vip_of((__u64)dst->w[1] << 32 | dst->w[0], (__u64)dst->w[3] << 32 | dst->w[2]);
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
