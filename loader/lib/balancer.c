// SPDX-License-Identifier: GPL-2.0-only
/* The settings of the load balancer. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "lb_state.h"

/* As Katran has it (MAX_CONN_RATE); measured there on one core. */
#define DEFAULT_CONN_RATE 125000

static int fail_read(const struct cp_lb *lb, const char *map, int err)
{
	return cp_fail(-err, "map %s/%s: read: %s; run as root", lb->dir.path, map, strerror(-err));
}

static int read_config(const struct cp_lb *lb, struct corepath_lb_config *cfg)
{
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(lb->config, &zero, cfg);

	return err ? fail_read(lb, CP_MAP_LB_CONFIG, err) : 0;
}

static int write_config(const struct cp_lb *lb, const struct corepath_lb_config *cfg)
{
	__u32 zero = 0;
	int err = bpf_map_update_elem(lb->config, &zero, cfg, BPF_ANY);

	return err ? cp_lb_fail(lb, CP_MAP_LB_CONFIG, err) : 0;
}

/* The last 32 bits a prefix leaves free, in network order. */
static __u32 host_bits(const struct corepath_prefix *p)
{
	__u32 bits = p->family == AF_INET ? 32 - p->len : 128 - p->len;

	return htonl(bits >= 32 ? 0xffffffff : (1u << bits) - 1);
}

static void to_config(const struct corepath_balancer *b, struct corepath_lb_config *cfg)
{
	memset(&cfg->source4, 0, sizeof(cfg->source4));
	cfg->source4.w[2] = htonl(0xffff);
	memcpy(&cfg->source4.w[3], b->source4.addr, 4);
	memcpy(&cfg->source6, b->source6.addr, 16);
	cfg->source4_vary = host_bits(&b->source4);
	cfg->source6_vary = host_bits(&b->source6);
	cfg->mtu = b->mtu;
	cfg->conn_interval_ns = cp_pace_of(b->conn_rate, 1).interval_ns;
}

/* RFC 1918, and RFC 6666: addresses nobody answers from */
static const struct corepath_balancer defaults = {
	.source4 = {.family = AF_INET, .addr = {172, 16}, .len = 16},
	.source6 = {.family = AF_INET6, .addr = {1}, .len = 96},
	.mtu = 1500,
	.conn_rate = DEFAULT_CONN_RATE,
};

void cp_lb_default_settings(struct corepath_balancer *b)
{
	*b = defaults;
}

int cp_lb_defaults(int config_fd)
{
	struct corepath_lb_config cfg = {};
	__u32 zero = 0;

	to_config(&defaults, &cfg);
	cfg.hosts_only = 1; /* of new maps */
	return bpf_map_update_elem(config_fd, &zero, &cfg, BPF_ANY);
}

int corepath_balancer_get(const char *pin_dir, struct corepath_balancer *b)
{
	struct corepath_lb_config cfg;
	struct cp_lb lb;
	int err;

	*b = defaults;
	err = cp_lb_open(&lb, pin_dir, CP_READ, false);
	if (err)
		return err;
	if (lb.config >= 0)
		err = read_config(&lb, &cfg);
	if (!err && lb.config >= 0) {
		b->source4.family = AF_INET;
		b->source6.family = AF_INET6;
		memcpy(b->source4.addr, &cfg.source4.w[3], 4);
		memcpy(b->source6.addr, &cfg.source6, 16);
		b->source4.len = 32 - __builtin_popcount(cfg.source4_vary);
		b->source6.len = 128 - __builtin_popcount(cfg.source6_vary);
		b->mtu = cfg.mtu;
		b->conn_rate =
			cp_pace_rate((struct cp_pace){cfg.conn_interval_ns, CP_NSEC_PER_SEC});
	}
	cp_lb_close(&lb);
	return err;
}

int corepath_balancer_set(const char *pin_dir, const struct corepath_balancer *b)
{
	struct corepath_lb_config cfg;
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = read_config(&lb, &cfg);
	if (!err) {
		to_config(b, &cfg);
		err = write_config(&lb, &cfg);
	}
	cp_lb_close(&lb);
	return err;
}
