/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs at both ends of an endpoint's wire share: its policy, its connections. */
#ifndef COREPATH_ENDPOINT_H
#define COREPATH_ENDPOINT_H

#include "conntrack.h"
#include "policy.h"

/* An endpoint judging a packet that it sent (OUT) or is to get (IN). */
struct judge {
	const struct corepath_endpoint *ep;
	__u32 ifindex;
	enum corepath_direction direction;
};

/* What judges say beside yes and no. In a map: the verifier would go through all that comes after
 * once for each value that it knows. */
struct judged {
	__u16 proxy;  /* a port, which what is allowed goes to; 0: it goes its way */
	bool audited; /* a policy denies it, and only audits */
};

static __always_inline bool judge_policy(const struct judge *j, const struct corepath_flow *f,
					 __u32 bytes, struct judged *out)
{
	bool sent = j->direction == COREPATH_OUT;
	/* an endpoint without rules in this direction has no policy in it */
	bool has = j->ep->flags & (COREPATH_ENDPOINT_POLICY << j->direction);
	__u32 verdict;

	out->proxy = 0;
	if (!has)
		return true;
	verdict = policy_allows(j->ifindex, identity_of(sent ? &f->dst : &f->src),
				policy_what(f->dport, f->proto, j->direction), bytes);
	out->proxy = verdict >> 16;
	if (verdict)
		return true;
	if (!(j->ep->flags & COREPATH_ENDPOINT_AUDIT))
		return false;
	out->audited = true;
	return true;
}

static __always_inline enum corepath_drop judge_denied(const struct judge *j)
{
	return j->direction == COREPATH_OUT ? COREPATH_DROP_POLICY_DENIED_OUT
					    : COREPATH_DROP_POLICY_DENIED_IN;
}

/*
 * The endpoint's word on a packet of a connection, which is *fresh if it has none yet, and what it
 * changes there. `side` is the endpoint's own. An answer needs none: the question was allowed.
 */
static __always_inline enum corepath_drop
judge_packet(const struct judge *j, struct corepath_ct *ct, __u32 side, bool answer,
	     const struct ct_packet *p, const struct corepath_flow *f, struct judged *out)
{
	__u32 limit = j->ep->limit[j->direction == COREPATH_OUT];
	__u8 bit = COREPATH_CT_COUNTED << (side & 1);

	side &= 1;
	if (ct->approved[side] == j->ep->generation || (answer && ct->approved[side]))
		return COREPATH_DROP_FORWARDED;
	if (!judge_policy(j, f, p->bytes, out)) {
		ct->approved[side] = 0; /* and so its answers are no more */
		return judge_denied(j);
	}
	/* a SYN that comes again has its slot */
	if (p->key.proto == IPPROTO_TCP && !(ct->flags & bit)) {
		if (!ct_take_slot(j->ifindex, j->direction, limit))
			return COREPATH_DROP_CONN_LIMIT;
		ct->flags |= bit;
	}
	/* only who begins a connection chooses where it goes */
	if (j->direction == COREPATH_OUT && !side)
		ct->proxy = out->proxy;
	ct->ifindex[side] = j->ifindex;
	ct->approved[side] = j->ep->generation;
	return COREPATH_DROP_FORWARDED;
}

#endif
