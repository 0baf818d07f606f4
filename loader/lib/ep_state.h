/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of internal.h, which includes it: endpoints, their policies, and who is behind an address.
 */
#ifndef COREPATH_EP_STATE_H
#define COREPATH_EP_STATE_H

#include "internal.h"

/* endpoints.c */

/* Detaches nothing; removes the pins of the endpoints' programs and maps. */
int cp_ep_unpin(const struct cp_dir *dir);

/* Their kind, to cp_tc_read(). */
#define CP_TC_ENDPOINT "ep"

/* Loads the endpoints' programs with room for that many connections, or the default (0). */
int cp_ep_load(const struct cp_dir *dir, __u32 max_flows);

/* The maps of endpoints and their policies. All are -1 if no endpoint was ever added, and not
 * `load`. The caller closes on 0. */
struct cp_eps {
	struct cp_dir dir;
	int endpoints, addrs, conns, identities, rules;
};

int cp_eps_open(struct cp_eps *m, const char *pin_dir, enum cp_access access, bool load);
void cp_eps_close(struct cp_eps *m);

/* -1 with an error text of that map. */
int cp_eps_fail(const struct cp_eps *m, const char *map, int err);

/* Gives the endpoint another generation, so that its connections are judged anew, or, of ifindex 0,
 * every endpoint; and the flags of its policy. */
int cp_eps_judge_anew(const struct cp_eps *m, __u32 ifindex);

/* A generation after that one, and never one that was. */
__u32 cp_next_generation(__u32 old);

/* The index of the endpoint's device, 0 after an error text. */
__u32 cp_eps_find(const struct cp_eps *m, const char *dev);

/* corepath_endpoint_add(), and these rules are in force from its first packet on. */
int cp_endpoint_add(const char *pin_dir, const struct corepath_endpoint_spec *spec,
		    enum corepath_tc_mode mode, const struct corepath_policy_spec *rules,
		    size_t n_rules, struct corepath_endpoint_info *out);

/* Says whose the address is, and who; none of that family is no error. */
int cp_ep_write_address(const struct cp_eps *m, const struct corepath_addr *a, __u32 ifindex,
			__u32 identity);

/* Both programs, or none. */
int cp_ep_attach(const struct cp_eps *m, const char *dev, __u32 ifindex, enum corepath_tc_mode mode,
		 struct cp_tc *to);

static inline struct corepath_identity_key cp_own_identity(const struct corepath_addr *a)
{
	return (struct corepath_identity_key){.prefixlen = 128, .addr = *a};
}

/* endpoint_set.c */
struct cp_endpoint_change {
	struct corepath_endpoint_spec spec;
	enum corepath_tc_mode mode; /* AUTO: as it is */
};

/* Makes endpoints that are there what these say; addresses may go from one of them to another. They
 * stay attached, if not in another way. Who calls has them judged anew (cp_eps_judge_anew()). */
int cp_endpoints_set(const struct cp_eps *m, const struct cp_endpoint_change *list, size_t n);

/* policy.c: deletes the rules of an endpoint that goes. */
void cp_policy_forget(const struct cp_eps *m, __u32 ifindex);

/* -EINVAL for a rule that is none. */
int cp_policy_check(const struct corepath_policy_spec *spec);

/* Whose the rule is. -ENOENT if the device has no endpoint. */
int cp_policy_scope(const struct cp_eps *m, const struct corepath_policy_spec *spec, __u32 *scope);

/* Writes and deletes; who calls has all judged anew. */
int cp_policy_put(const struct cp_eps *m, __u32 scope, const struct corepath_policy_spec *spec);
int cp_policy_remove(const struct cp_eps *m, __u32 scope, const struct corepath_policy_spec *spec);
int cp_identity_put(const struct cp_eps *m, const struct corepath_prefix *p, __u32 identity);
int cp_identity_remove(const struct cp_eps *m, const struct corepath_prefix *p);

/* A whole prefix as a key of the trie of identities. */
struct corepath_identity_key cp_identity_key(const struct corepath_prefix *p);

#endif
