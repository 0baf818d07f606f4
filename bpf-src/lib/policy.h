/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a policy says of a connection: six lookups, from the rule that says most to the one that
 * says least (struct corepath_policy_key). All are needed, as a rule that denies wins over all that
 * allow; so a verdict is remembered with its connection (lib/conntrack.h) and given anew when the
 * policy changes.
 */
#ifndef COREPATH_POLICY_H
#define COREPATH_POLICY_H

#include "ep_maps.h"

/* Who is behind the address. */
static __always_inline __u32 identity_of(const struct corepath_addr *addr)
{
	struct corepath_identity_key key = {.prefixlen = 128, .addr = *addr};
	__u32 *identity = bpf_map_lookup_elem(&identities, &key);

	return identity ? *identity : COREPATH_IDENTITY_WORLD;
}

/* The best rule so far: one that denies before one that allows, then the earlier one. */
static __always_inline struct corepath_policy_rule *
policy_try(const struct corepath_policy_key *key, struct corepath_policy_rule *best)
{
	struct corepath_policy_rule *rule = bpf_map_lookup_elem(&policy_rules, key);

	if (!rule)
		return best;
	if (best && (best->verdict == COREPATH_DENY || rule->verdict != COREPATH_DENY))
		return best;
	return rule;
}

/* The rule that decides, NULL if none matches. `key` says all of the packet, and is used up. */
static __always_inline struct corepath_policy_rule *policy_find(struct corepath_policy_key *key)
{
	__u32 identity = key->identity;
	struct corepath_policy_rule *rule = NULL;
	__u16 port = key->port;

	if (port) {
		rule = policy_try(key, rule);
		key->identity = COREPATH_IDENTITY_ANY;
		rule = policy_try(key, rule);
	}
	key->port = 0;
	key->identity = identity;
	rule = policy_try(key, rule);
	key->identity = COREPATH_IDENTITY_ANY;
	rule = policy_try(key, rule);
	key->proto = 0;
	key->identity = identity;
	rule = policy_try(key, rule);
	key->identity = COREPATH_IDENTITY_ANY;
	return policy_try(key, rule);
}

/* `what` is a packet's port (network order), protocol and direction, as one number. */
static __always_inline __u32 policy_what(__be16 port, __u8 proto, enum corepath_direction direction)
{
	return port | (__u32)proto << 16 | (__u32)direction << 24;
}

/*
 * Whether the policy allows the packet, which is counted with the rule that says so: 0 is not, as
 * if no rule matches. Else the port of the proxy it goes to, 0 for none, in the upper half. A
 * global function of numbers: verified once, for all hooks.
 */
#define POLICY_ALLOWED 1

__attribute__((noinline)) __u32 policy_allows(__u32 scope, __u32 identity, __u32 what, __u32 bytes)
{
	struct corepath_policy_key key = {
		.scope = scope,
		.identity = identity,
		.port = what,
		.proto = what >> 16,
		.direction = what >> 24,
	};
	struct corepath_policy_rule *rule = policy_find(&key);

	if (!rule)
		return 0;
	/* rules are shared by all CPUs; what is allowed comes here once for each connection */
	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, bytes);
	return rule->verdict == COREPATH_ALLOW ? POLICY_ALLOWED | rule->proxy << 16 : 0;
}

#endif
