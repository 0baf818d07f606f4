/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is on the wire: header layouts and numbers.
 *
 * Not the structs of vmlinux.h: those are relocated to the running kernel's layout (CO-RE), and
 * no kernel has a say in the layout of a packet. vmlinux.h carries no macros either; the names
 * of the uapi headers are kept, each with the header it comes from.
 */
#ifndef COREPATH_WIRE_H
#define COREPATH_WIRE_H

/* include/uapi/linux/if_ether.h */
#define ETH_P_IP     0x0800
#define ETH_P_ARP    0x0806
#define ETH_P_8021Q  0x8100
#define ETH_P_IPV6   0x86DD
#define ETH_P_8021AD 0x88A8

/* include/uapi/linux/in6.h; the destination options header is 60. vmlinux.h has in.h's enum */
#define IPPROTO_HOPOPTS	 0
#define IPPROTO_ROUTING	 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH	 51
#define IPPROTO_ICMPV6	 58
#define IPPROTO_DSTOPTS	 60

/* include/uapi/linux/icmp.h, include/uapi/linux/icmpv6.h */
#define ICMP_ECHOREPLY	    0
#define ICMP_DEST_UNREACH   3
#define ICMP_FRAG_NEEDED    4
#define ICMP_ECHO	    8
#define ICMP_TIME_EXCEEDED  11
#define ICMP_PARAMETERPROB  12
#define ICMPV6_PKT_TOOBIG   2
#define ICMPV6_PARAMPROB    4
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY   129

/* IANA: Generic UDP Encapsulation */
#define GUE_PORT 6080

/* include/net/ip.h and include/net/ipv6.h: the fragment fields, in host order */
#define IP_DF	   0x4000
#define IP_MF	   0x2000
#define IP_OFFSET  0x1FFF
#define IP6_MF	   0x0001
#define IP6_OFFSET 0xFFF8

/* IEEE 802.3. Not packed: clang would read the type a byte at a time. */
struct wire_eth {
	__u8 dst[6];
	__u8 src[6];
	__be16 type;
};

/* IEEE 802.1Q, from after the TPID that announced it */
struct wire_vlan {
	__be16 tci;
	__be16 type;
};

/* RFC 791 section 3.1 */
struct wire_ip4 {
	__u8 version_ihl;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__be32 saddr;
	__be32 daddr;
};

/* RFC 8200 section 3 */
struct wire_ip6 {
	__be32 version_class_flow;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__be32 saddr[4];
	__be32 daddr[4];
};

/* RFC 8200 section 4.5. The first two bytes are those of every extension header. */
struct wire_ip6_ext {
	__u8 nexthdr;
	__u8 len; /* not for fragment headers, where it is reserved */
	__be16 frag_off;
	__be32 frag_id;
};

/* RFC 9293 section 3.1, as far as the datapath reads it */
struct wire_tcp {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 doff;
	__u8 flags;
	__be16 window;
	__be16 check;
	__be16 urgent;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* RFC 768 */
struct wire_udp {
	__be16 sport;
	__be16 dport;
	__be16 len;
	__be16 check;
};

/* RFC 792, RFC 4443; what follows depends on the type */
struct wire_icmp {
	__u8 type;
	__u8 code;
	__be16 check;
	union {
		__be32 rest;
		struct {
			__be16 id; /* of an echo */
			__be16 sequence;
		};
	};
};

#endif
