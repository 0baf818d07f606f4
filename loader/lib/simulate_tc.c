// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames through the programs of an endpoint or an uplink. Which rule decided is told by its own
 * counter, which connection by the tables that the programs keep.
 */
#include "simulate_tc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include "frame.h"

/* ---- whose ---- */

static bool is_uplink(const struct corepath_config *c, const char *dev)
{
	size_t i;

	for (i = 0; i < c->n_uplink_devices; i++)
		if (!strcmp(c->uplink_devices[i].name, dev))
			return true;
	return false;
}

/* The only device that has such a hook. NULL after an error text. */
static const char *only_device(const struct corepath_config *c)
{
	if (c->n_endpoints + c->n_uplink_devices == 1)
		return c->n_endpoints ? c->endpoints[0].spec.dev : c->uplink_devices[0].name;
	cp_fail(EINVAL, c->n_endpoints + c->n_uplink_devices
				? "the file has more than one endpoint or uplink; say which one's "
				  "hook with --dev"
				: "the file has neither endpoints nor devices of an uplink, whose "
				  "hooks these are; name one");
	return NULL;
}

int cp_sim_tc_find(struct cp_sim_tc *tc, const struct corepath_config *config,
		   const struct corepath_simulate_request *req)
{
	*tc = (struct cp_sim_tc){.config = config,
				 .both_ways = req->both_ways,
				 .egress = req->hook == COREPATH_HOOK_TC_EGRESS,
				 .identities = -1,
				 .nat_out = -1,
				 .flows = {-1, -1},
				 .programs = {-1, -1}};
	tc->dev = req->dev ?: only_device(config);
	if (!tc->dev)
		return -EINVAL;
	tc->endpoint = cp_config_find_endpoint(config, tc->dev);
	if (!tc->endpoint && !is_uplink(config, tc->dev))
		return cp_fail(
			ENODEV,
			"--dev %s: none of the file's endpoints, and no device of its uplink",
			tc->dev);
	if (!tc->endpoint && tc->both_ways)
		return cp_fail(
			EINVAL,
			"%s is an uplink, where addresses do not tell what comes in from what "
			"leaves; take one way, tc-ingress or tc-egress",
			tc->dev);
	return 0;
}

int cp_sim_tc_open(struct cp_sim_tc *tc, const char *pin_dir)
{
	struct cp_dir dir;
	int err;

	tc->pin_dir = pin_dir;
	tc->ifindex = if_nametoindex(tc->dev);
	err = corepath_policy_list(pin_dir, &tc->rules, &tc->n_rules);
	if (!err)
		err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	tc->programs[0] = cp_map_get(&dir, tc->endpoint ? CP_PROG_EP_FROM : CP_PROG_UPLINK_IN);
	tc->programs[1] = cp_map_get(&dir, tc->endpoint ? CP_PROG_EP_TO : CP_PROG_UPLINK_OUT);
	err = tc->programs[0] < 0 ? tc->programs[0] : tc->programs[1] < 0 ? tc->programs[1] : 0;
	/* what there is not is not asked for */
	tc->identities = cp_pin_get(&dir, CP_MAP_IDENTITIES);
	tc->nat_out = cp_pin_get(&dir, CP_MAP_NAT_OUT);
	tc->flows[0] = cp_pin_get(&dir, CP_MAP_CT_FLOWS);
	tc->flows[1] = cp_pin_get(&dir, CP_MAP_CT_NEW);
	cp_dir_close(&dir);
	return err;
}

void cp_sim_tc_close(struct cp_sim_tc *tc)
{
	int fds[] = {tc->identities, tc->nat_out,     tc->flows[0],
		     tc->flows[1],   tc->programs[0], tc->programs[1]};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(tc->rules);
}

/* ---- a run ---- */

static __u32 identity_of(const struct cp_sim_tc *tc, const struct corepath_addr *addr)
{
	struct corepath_identity_key key = {.prefixlen = 128, .addr = *addr};
	__u32 identity;

	return tc->identities < 0 || bpf_map_lookup_elem(tc->identities, &key, &identity)
		       ? COREPATH_IDENTITY_WORLD
		       : identity;
}

/* Whether it came to the host by a device: an endpoint sent it, or somebody in a network that is
 * masqueraded. Else the host sent it itself. */
static bool is_forwarded(const struct cp_sim_tc *tc, const struct corepath_addr *src)
{
	const struct corepath_config *c = tc->config;
	size_t i;

	for (i = 0; i < c->n_endpoints; i++)
		if (!memcmp(&c->endpoints[i].spec.addr[!cp_is4(src)], src, sizeof(*src)))
			return true;
	for (i = 0; i < c->n_uplink_lists[COREPATH_UPLINK_SOURCES]; i++)
		if (corepath_prefix_covers(&c->uplink_lists[COREPATH_UPLINK_SOURCES][i], src))
			return true;
	return false;
}

/* Whether the endpoint sent it. */
static bool is_sent(const struct corepath_endpoint_spec *ep, const unsigned char *frame,
		    const struct corepath_flow *f)
{
	return !memcmp(ep->mac, frame + 6, sizeof(ep->mac)) ||
	       (f->proto && !memcmp(&ep->addr[!cp_is4(&f->src)], &f->src, sizeof(f->src)));
}

static int test_run(struct cp_sim_tc *tc, const void *frame, size_t length,
		    struct corepath_outcome *v)
{
	bool egress = v->hook == COREPATH_HOOK_TC_EGRESS;
	struct __sk_buff skb = {.ifindex = tc->ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = length,
		    .data_out = v->frame, .data_size_out = sizeof(v->frame), .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);
	int err;

	/* where it came in; any device will do */
	if (!tc->no_origin && (!egress || is_forwarded(tc, &v->before.src)))
		skb.ingress_ifindex = tc->ifindex;
	err = bpf_prog_test_run_opts(tc->programs[egress], &run);
	if (err == -EINVAL && skb.ingress_ifindex) {
		tc->no_origin = true;
		return test_run(tc, frame, length, v);
	}
	v->action = run.retval == TC_ACT_SHOT	    ? XDP_DROP
		    : run.retval == TC_ACT_REDIRECT ? XDP_REDIRECT
						    : XDP_PASS;
	v->length = run.data_size_out;
	return err ? cp_fail(-err, "simulation: run: %s", strerror(-err)) : 0;
}

int cp_sim_tc_run(struct cp_sim_tc *tc, const void *frame, size_t length,
		  struct corepath_outcome *v)
{
	struct corepath_nat_out out;
	const unsigned char *to = frame;
	bool egress = tc->both_ways ? !is_sent(&tc->endpoint->spec, frame, &v->before) : tc->egress;

	v->hook = egress ? COREPATH_HOOK_TC_EGRESS : COREPATH_HOOK_TC_INGRESS;
	/* what came to the host did so by its MAC address, which is said by the frame alone; the
	 * kernel compares them (eth_type_trans()) */
	if (!egress && !(to[0] & 1) && memcmp(to, tc->mac, sizeof(tc->mac))) {
		if (cp_sim_own(tc->dev, to))
			return -EINVAL;
		memcpy(tc->mac, to, sizeof(tc->mac));
	}
	v->identity[0] = identity_of(tc, &v->before.src);
	v->identity[1] = identity_of(tc, &v->before.dst);
	v->tracked = v->decided = false;
	v->connection = tc->nat_out >= 0 && !bpf_map_lookup_elem(tc->nat_out, &v->before, &out)
				? COREPATH_CONNECTION_KNOWN
				: COREPATH_CONNECTION_NEW;
	return test_run(tc, frame, length, v);
}

/* ---- what is told of it ---- */

/* As ct_is_high() and ct_sort() of bpf-src/lib/conntrack.h. */
static struct corepath_flow sorted(const struct corepath_flow *f, bool *high)
{
	struct corepath_flow key = *f;
	int i;

	for (i = 0; i < 3 && f->src.w[i] == f->dst.w[i]; i++)
		;
	*high = f->src.w[i] != f->dst.w[i] ? f->src.w[i] > f->dst.w[i] : f->sport > f->dport;
	if (*high)
		key = (struct corepath_flow){.src = f->dst,
					     .dst = f->src,
					     .sport = f->dport,
					     .dport = f->sport,
					     .proto = f->proto};
	return key;
}

static bool find_connection(const struct cp_sim_tc *tc, const struct corepath_flow *f,
			    struct corepath_outcome *v)
{
	bool high, from_high;
	struct corepath_flow key = sorted(f, &high);
	struct corepath_ct ct;
	int i;

	for (i = 0; i < 2 && !v->tracked; i++)
		v->tracked = tc->flows[i] >= 0 && !bpf_map_lookup_elem(tc->flows[i], &key, &ct);
	if (!v->tracked)
		return false;
	from_high = ct.flags & COREPATH_CT_HIGH;
	v->state = ct.state;
	v->connection = from_high != high   ? COREPATH_CONNECTION_REPLY
			: ct.packets[0] > 1 ? COREPATH_CONNECTION_KNOWN
					    : COREPATH_CONNECTION_NEW;
	return true;
}

/* The rule whose packets have become more. */
static int find_rule(struct cp_sim_tc *tc, struct corepath_outcome *v)
{
	struct corepath_policy_info *now;
	size_t i, n;
	int err;

	if (!tc->n_rules)
		return 0;
	err = corepath_policy_list(tc->pin_dir, &now, &n);
	if (err)
		return err;
	for (i = 0; i < n && i < tc->n_rules; i++)
		if (now[i].packets != tc->rules[i].packets) {
			v->decided = true;
			v->rule = now[i].spec;
		}
	free(tc->rules);
	tc->rules = now;
	tc->n_rules = n;
	return 0;
}

int cp_sim_tc_tell(struct cp_sim_tc *tc, struct corepath_outcome *v)
{
	/* an event has the flow as it was told; what left is what counts */
	cp_frame_flow(v->frame, v->length, &v->after);
	if (v->reason == COREPATH_DROP_NAT_RETURNED)
		v->connection = COREPATH_CONNECTION_REPLY;
	else if (v->reason != COREPATH_DROP_NAT_MASQUERADED &&
		 (v->action == XDP_DROP ||
		  (!find_connection(tc, &v->before, v) && !find_connection(tc, &v->after, v))))
		v->connection = COREPATH_CONNECTION_NONE;
	return find_rule(tc, v);
}
