# SPDX-License-Identifier: GPL-2.0-only
"""Packets for the XDP prefilter: what goes in, what must come out.

Expectations are written by hand from the RFCs named beside them and from the behaviour that
bpf-src/README.md documents; none was taken from the program's output. One row() per test; its name
becomes functional.prefilter.NAME. gen_cases.py turns the table into JSON for the guest.

A row's counters default to one packet of the whole frame's length under its reason and nothing
under any other. The packet must leave as it came.
"""

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from gen_cases import Table

table = Table()

# The short names of bpf-src/include/corepath/abi.h.
FORWARDED = "forwarded"
DENIED4 = "denied_src4"
DENIED6 = "denied_src6"
BAD_L2 = "malformed_l2"
BAD4HDR = "malformed_ip4"
BAD6HDR = "malformed_ip6"
VLAN_DEEP = "vlan_too_deep"
EXT_LONG = "exthdr_too_long"
EXT_CUT = "exthdr_truncated"

# bpf-src/lib/limits.h, LIMIT_EXTHDRS: the row that has as many and the one that has one more say
# where the limit is.
LIMIT_EXTHDRS = 6

PASS, DROP = "pass", "drop"

# RFC 5737 and RFC 3849: addresses for documentation. NET4 and NET6 are what rows deny.
NET4, BAD4, GOOD4, DST4 = "198.51.100.0/24", "198.51.100.7", "192.0.2.1", "203.0.113.9"
NET6, BAD6, GOOD6, DST6 = "2001:db8:bad::/48", "2001:db8:bad::7", "2001:db8:1::1", "2001:db8:2::9"
DENY_BOTH = [NET4, NET6]


def eth(kind=None):
    """An Ethernet header with fixed, locally administered addresses."""
    header = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    if kind is not None:
        header.type = kind
    return header


def v4(src=GOOD4, inner=None, **fields):
    return IP(src=src, dst=DST4, **fields) / (inner or UDP(sport=1000, dport=2000) / (b"x" * 18))


def v6(src=GOOD6, inner=None, **fields):
    return IPv6(src=src, dst=DST6, **fields) / (inner or UDP(sport=1000, dport=2000) / (b"x" * 18))


def udp():
    return UDP(sport=1000, dport=2000) / (b"x" * 18)


def cut(packet, size):
    """The first bytes of a frame whose headers claim all of it."""
    return bytes(packet)[:size]


def row(name, packet, verdict, reason=FORWARDED, deny=(), allow=()):
    table.row(name, bytes(packet), verdict, {reason: 1}, deny=deny, allow=allow)


# ---- nothing configured ------------------------------------------------------------------------

row("empty_tries_v4_passes", eth() / v4(), PASS)
row("empty_tries_v6_passes", eth() / v6(), PASS)
row("empty_tries_zero_source_passes", eth() / v4("0.0.0.0"), PASS)

# ---- one prefix, both families -----------------------------------------------------------------

row("v4_denied_by_24", eth() / v4(BAD4), DROP, DENIED4, [NET4])
row("v4_other_source_passes", eth() / v4(), PASS, deny=[NET4])
row("v6_denied_by_48", eth() / v6(BAD6), DROP, DENIED6, [NET6])
row("v6_other_source_passes", eth() / v6(), PASS, deny=[NET6])
row("v4_tcp_denied", eth() / v4(BAD4, TCP(dport=80)), DROP, DENIED4, [NET4])
row("v4_icmp_denied", eth() / v4(BAD4, ICMP()), DROP, DENIED4, [NET4])
row("v4_denied_destination_is_not_a_source", eth() / v4(), PASS, deny=[DST4 + "/32"])
row("v6_denied_destination_is_not_a_source", eth() / v6(), PASS, deny=[DST6 + "/128"])

# ---- the edges of a prefix: first, last, one outside on each side ------------------------------

row("v4_24_first", eth() / v4("198.51.100.0"), DROP, DENIED4, [NET4])
row("v4_24_last", eth() / v4("198.51.100.255"), DROP, DENIED4, [NET4])
row("v4_24_one_before", eth() / v4("198.51.99.255"), PASS, deny=[NET4])
row("v4_24_one_after", eth() / v4("198.51.101.0"), PASS, deny=[NET4])
row("v4_25_last_of_lower_half", eth() / v4("198.51.100.127"), DROP, DENIED4, ["198.51.100.0/25"])
row("v4_25_first_of_upper_half", eth() / v4("198.51.100.128"), PASS, deny=["198.51.100.0/25"])
row("v4_31_second", eth() / v4("198.51.100.7"), DROP, DENIED4, ["198.51.100.6/31"])
row("v4_31_one_after", eth() / v4("198.51.100.8"), PASS, deny=["198.51.100.6/31"])
row("v6_48_first", eth() / v6("2001:db8:bad::"), DROP, DENIED6, [NET6])
row("v6_48_last", eth() / v6("2001:db8:bad:ffff:ffff:ffff:ffff:ffff"), DROP, DENIED6, [NET6])
row("v6_48_one_before", eth() / v6("2001:db8:bac:ffff:ffff:ffff:ffff:ffff"), PASS, deny=[NET6])
row("v6_48_one_after", eth() / v6("2001:db8:bae::"), PASS, deny=[NET6])
# Lengths beside a multiple of 32 and 64 bits, where a trie over words would go wrong.
row("v6_33_inside", eth() / v6("2001:db8:7fff::1"), DROP, DENIED6, ["2001:db8::/33"])
row("v6_33_outside", eth() / v6("2001:db8:8000::1"), PASS, deny=["2001:db8::/33"])
row("v6_65_inside", eth() / v6("2001:db8::7fff:0:0:1"), DROP, DENIED6, ["2001:db8::/65"])
row("v6_65_outside", eth() / v6("2001:db8::8000:0:0:1"), PASS, deny=["2001:db8::/65"])

# ---- whole and single addresses ----------------------------------------------------------------

row("v4_0_denies_all", eth() / v4(), DROP, DENIED4, ["0.0.0.0/0"])
row("v4_0_leaves_v6", eth() / v6(), PASS, deny=["0.0.0.0/0"])
row("v6_0_denies_all", eth() / v6(), DROP, DENIED6, ["::/0"])
row("v6_0_leaves_v4", eth() / v4(), PASS, deny=["::/0"])
row("v4_32_exact", eth() / v4(BAD4), DROP, DENIED4, [BAD4 + "/32"])
row("v4_32_neighbour", eth() / v4("198.51.100.6"), PASS, deny=[BAD4 + "/32"])
row("v6_128_exact", eth() / v6(BAD6), DROP, DENIED6, [BAD6 + "/128"])
row("v6_128_neighbour", eth() / v6("2001:db8:bad::6"), PASS, deny=[BAD6 + "/128"])

# ---- the longest prefix decides, whichever way -------------------------------------------------

row("v4_allow_in_deny", eth() / v4(BAD4), PASS, deny=[NET4], allow=[BAD4 + "/32"])
row("v4_allow_in_deny_beside", eth() / v4("198.51.100.8"), DROP, DENIED4, [NET4], [BAD4 + "/32"])
row("v4_deny_in_allow", eth() / v4(BAD4), DROP, DENIED4, [BAD4 + "/32"], [NET4])
row("v4_deny_in_allow_in_deny", eth() / v4(BAD4), DROP, DENIED4, ["198.51.0.0/16", BAD4 + "/32"],
    [NET4])
row("v4_allow_in_deny_in_allow", eth() / v4(BAD4), PASS, FORWARDED, [NET4],
    ["198.51.0.0/16", BAD4 + "/32"])
row("v4_all_denied_but_one", eth() / v4(GOOD4), PASS, FORWARDED, ["0.0.0.0/0"], [GOOD4 + "/32"])
row("v6_allow_in_deny", eth() / v6(BAD6), PASS, FORWARDED, [NET6], ["2001:db8:bad::/64"])
row("v6_allow_in_deny_beside", eth() / v6("2001:db8:bad:1::7"), DROP, DENIED6, [NET6],
    ["2001:db8:bad::/64"])
row("v6_deny_in_allow_in_deny", eth() / v6(BAD6), DROP, DENIED6, ["2001:db8::/32", BAD6 + "/128"],
    [NET6])
row("allow_alone_denies_nobody", eth() / v4(BAD4), PASS, allow=[GOOD4 + "/32"])

# ---- two families do not touch each other ------------------------------------------------------

row("both_denied_v4", eth() / v4(BAD4), DROP, DENIED4, DENY_BOTH)
row("both_denied_v6", eth() / v6(BAD6), DROP, DENIED6, DENY_BOTH)
row("v4_deny_leaves_v4_mapped_v6", eth() / v6("::ffff:" + BAD4), PASS, deny=[BAD4 + "/32"])
row("v4_mapped_deny_leaves_v4", eth() / v4(BAD4), PASS, deny=["::ffff:" + BAD4 + "/128"])
# The first 4 bytes of this source are those of 32.1.13.184.
row("v4_deny_leaves_v6_with_the_same_bytes", eth() / v6(BAD6), PASS, deny=["32.1.13.184/32"])

# ---- VLAN: IEEE 802.1Q-2018 --------------------------------------------------------------------

row("vlan_v4_denied", eth() / Dot1Q(vlan=10) / v4(BAD4), DROP, DENIED4, DENY_BOTH)
row("vlan_v4_passes", eth() / Dot1Q(vlan=10) / v4(), PASS, deny=DENY_BOTH)
row("vlan_v6_denied", eth() / Dot1Q(vlan=10) / v6(BAD6), DROP, DENIED6, DENY_BOTH)
row("vlan_v6_passes", eth() / Dot1Q(vlan=10) / v6(), PASS, deny=DENY_BOTH)
row("vlan_priority_tag_denied", eth() / Dot1Q(vlan=0, prio=5) / v4(BAD4), DROP, DENIED4, DENY_BOTH)
row("vlan_service_tag_alone_denied", eth() / Dot1AD(vlan=10) / v4(BAD4), DROP, DENIED4, DENY_BOTH)
row("qinq_88a8_8100_v4_denied", eth() / Dot1AD(vlan=7) / Dot1Q(vlan=10) / v4(BAD4), DROP, DENIED4,
    DENY_BOTH)
row("qinq_88a8_8100_v4_passes", eth() / Dot1AD(vlan=7) / Dot1Q(vlan=10) / v4(), PASS,
    deny=DENY_BOTH)
row("qinq_8100_8100_v4_denied", eth() / Dot1Q(vlan=7) / Dot1Q(vlan=10) / v4(BAD4), DROP, DENIED4,
    DENY_BOTH)
row("qinq_8100_8100_v6_denied", eth() / Dot1Q(vlan=7) / Dot1Q(vlan=10) / v6(BAD6), DROP, DENIED6,
    DENY_BOTH)
# A third tag could hide any source, so it is refused whoever sent it.
row("vlan_three_tags_dropped", eth() / Dot1AD(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / v4(), DROP,
    VLAN_DEEP)
row("vlan_three_tags_denied_source", eth() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) /
    v4(BAD4), DROP, VLAN_DEEP, DENY_BOTH)
row("vlan_cut_in_tag", eth(0x8100) / b"\x00\x0a", DROP, BAD_L2)
row("vlan_cut_in_second_tag", eth() / Dot1Q(vlan=10, type=0x8100) / b"\x00\x0b", DROP, BAD_L2)

# ---- not IP: none of the prefilter's business --------------------------------------------------

row("arp_passes", eth() / ARP(psrc=BAD4, pdst=DST4, hwsrc="02:00:00:00:00:01"), PASS,
    deny=DENY_BOTH)
row("arp_in_vlan_passes", eth() / Dot1Q(vlan=10) / ARP(psrc=BAD4, pdst=DST4,
                                                        hwsrc="02:00:00:00:00:01"), PASS,
    deny=DENY_BOTH)
row("lldp_passes", eth(0x88cc) / Raw(b"\x02\x07\x04" + b"\x02" * 6 + b"\x00\x00"), PASS,
    deny=DENY_BOTH)
# Below 1536 the field is a length (IEEE 802.3): a spanning tree frame.
row("llc_length_passes", eth(38) / Raw(b"\x42\x42\x03" + bytes(35)), PASS, deny=DENY_BOTH)
row("ethernet_header_alone_passes", eth(0x88cc), PASS, deny=DENY_BOTH)

# ---- IPv4 options and fragments: RFC 791 -------------------------------------------------------

ROUTER_ALERT = b"\x94\x04\x00\x00"  # RFC 2113


def v4_options(src, options):
    """IPv4 with raw options; scapy would parse and pad them."""
    inner = bytes(udp())
    words = 5 + len(options) // 4
    head = bytearray(bytes(IP(src=src, dst=DST4, ihl=words, proto=17,
                              len=4 * words + len(inner), chksum=0))[:20])
    return Raw(bytes(head) + options + inner)


row("v4_options_denied", eth(0x0800) / v4_options(BAD4, ROUTER_ALERT), DROP, DENIED4, DENY_BOTH)
row("v4_options_passes", eth(0x0800) / v4_options(GOOD4, ROUTER_ALERT), PASS, deny=DENY_BOTH)
row("v4_longest_header_denied", eth(0x0800) / v4_options(BAD4, b"\x01" * 40), DROP, DENIED4,
    DENY_BOTH)
row("v4_longest_header_passes", eth(0x0800) / v4_options(GOOD4, b"\x01" * 40), PASS,
    deny=DENY_BOTH)
row("v4_first_fragment_denied", eth() / v4(BAD4, flags="MF"), DROP, DENIED4, DENY_BOTH)
row("v4_middle_fragment_denied", eth() / v4(BAD4, Raw(b"\xff" * 32), flags="MF", frag=64, proto=17),
    DROP, DENIED4, DENY_BOTH)
row("v4_last_fragment_denied", eth() / v4(BAD4, Raw(b"\xff" * 5), frag=128, proto=17), DROP,
    DENIED4, DENY_BOTH)
row("v4_first_fragment_passes", eth() / v4(flags="MF"), PASS, deny=DENY_BOTH)
row("v4_last_fragment_passes", eth() / v4(GOOD4, Raw(b"\xff" * 5), frag=128, proto=17), PASS,
    deny=DENY_BOTH)
row("v4_header_alone_passes", eth() / IP(src=GOOD4, dst=DST4, proto=255), PASS, deny=DENY_BOTH)
row("v4_unknown_protocol_denied", eth() / IP(src=BAD4, dst=DST4, proto=253) / b"data", DROP,
    DENIED4, DENY_BOTH)

# ---- IPv6 extension headers: RFC 8200 ----------------------------------------------------------

AH_NEXT_UDP = bytes([17, 4]) + bytes(22)  # RFC 4302: length in 4-byte words minus 2, so 24 bytes
ESP = bytes(range(32))  # RFC 4303: opaque behind its first 8 bytes

CHAINS = {
    "hop_by_hop": IPv6ExtHdrHopByHop() / udp(),
    "routing": IPv6ExtHdrRouting(addresses=["2001:db8:2::5"]) / udp(),
    "dest_opts": IPv6ExtHdrDestOpt() / udp(),
    "first_fragment": IPv6ExtHdrFragment(offset=0, m=1, id=1) / udp(),
    "atomic_fragment": IPv6ExtHdrFragment(offset=0, m=0, id=1) / udp(),
    "nested": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() /
              IPv6ExtHdrRouting(addresses=["2001:db8:2::5"]) / IPv6ExtHdrFragment(m=1, id=1) /
              udp(),
}
for chain, inner in CHAINS.items():
    row(f"v6_{chain}_denied", eth() / v6(BAD6, inner), DROP, DENIED6, DENY_BOTH)
    row(f"v6_{chain}_passes", eth() / v6(GOOD6, inner), PASS, deny=DENY_BOTH)

# Raw chains: (next header of the fixed header, bytes).
RAW_CHAINS = {
    "auth_header": (51, AH_NEXT_UDP + bytes(udp())),
    "esp": (50, ESP),
    "no_next_header": (59, b""),
    "no_next_header_with_bytes": (59, b"ignored, RFC 8200 section 4.7"),
    "unknown_protocol": (253, b"RFC 3692"),
    # Behind a fragment that is not the first there are no headers to walk, whatever the byte
    # says: here "hop-by-hop" with an impossible length.
    "later_fragment": (44, bytes([0, 0, 0x01, 0x00, 0, 0, 0, 1]) + b"\xff" * 16),
}
for chain, (number, inner) in RAW_CHAINS.items():
    row(f"v6_{chain}_denied", eth() / v6(BAD6, Raw(inner), nh=number, plen=len(inner)), DROP,
        DENIED6, DENY_BOTH)
    row(f"v6_{chain}_passes", eth() / v6(GOOD6, Raw(inner), nh=number, plen=len(inner)), PASS,
        deny=DENY_BOTH)


# Each header must be walked by its own length: behind it a destination options header that ends
# beyond the packet is found only by a walk that neither stops nor lands beside it. Bytes that a
# wrong length would read as a header are 0xff, or make it end outside of the packet.
CUT_OPTIONS = bytes([17, 255, 1, 4, 0, 0, 0, 0])
GOOD_OPTIONS = bytes([17, 0, 1, 4, 0, 0, 0, 0])
BEFORE = {
    "hop_by_hop": (0, bytes([60, 1, 1, 12]) + b"\xff" * 12),
    "routing": (43, bytes([60, 2, 0, 0]) + b"\xff" * 20),
    "first_fragment": (44, bytes([60, 255, 0, 1, 0, 0, 0, 1])),
    "auth_header": (51, bytes([60, 4]) + b"\xff" * 22),
    "dest_opts": (60, bytes([60, 1, 1, 12]) + b"\xff" * 12),
}
for before, (number, header) in BEFORE.items():
    inner = header + CUT_OPTIONS
    row(f"v6_{before}_then_cut_options", eth() / v6(GOOD6, Raw(inner), nh=number, plen=len(inner)),
        DROP, EXT_CUT)
    inner = header + GOOD_OPTIONS
    row(f"v6_{before}_then_options_passes", eth() / v6(GOOD6, Raw(inner), nh=number,
                                                       plen=len(inner)), PASS)


def dest_opts_chain(count):
    """That many destination options headers of 8 bytes (PadN), then UDP."""
    chain = bytes([60, 0, 1, 4, 0, 0, 0, 0]) * (count - 1) + bytes([17, 0, 1, 4, 0, 0, 0, 0])
    return Raw(chain + bytes(udp()))


def v6_chain(src, count):
    inner = dest_opts_chain(count)
    return v6(src, inner, nh=60, plen=len(inner))


# The longest chain RFC 8200 section 4.1 has a use for; one more; far more.
row("v6_chain_at_limit_passes", eth() / v6_chain(GOOD6, LIMIT_EXTHDRS), PASS, deny=DENY_BOTH)
row("v6_chain_at_limit_denied", eth() / v6_chain(BAD6, LIMIT_EXTHDRS), DROP, DENIED6, DENY_BOTH)
row("v6_chain_over_limit_dropped", eth() / v6_chain(GOOD6, LIMIT_EXTHDRS + 1), DROP, EXT_LONG)
row("v6_chain_of_40_dropped", eth() / v6_chain(GOOD6, 40), DROP, EXT_LONG, DENY_BOTH)
row("v6_chain_of_40_denied_source", eth() / v6_chain(BAD6, 40), DROP, DENIED6, DENY_BOTH)
row("v6_chain_cut_in_header", eth() / v6(GOOD6, Raw(b"\x11\x00\x01"), nh=60, plen=3), DROP,
    EXT_CUT, DENY_BOTH)
row("v6_chain_length_beyond_packet", eth() / v6(GOOD6, Raw(b"\x11\xff" + bytes(14)), nh=60,
                                                plen=16), DROP, EXT_CUT, DENY_BOTH)
row("v6_chain_cut_fragment_header", eth() / v6(GOOD6, Raw(b"\x11\x00\x00\x00"), nh=44, plen=4),
    DROP, EXT_CUT, DENY_BOTH)
# The header is in the frame, but in its padding, behind the end of the IPv6 packet.
row("v6_chain_in_padding", bytes(eth() / v6(GOOD6, Raw(b"\x11\x00\x01\x04"), nh=60, plen=4)) +
    bytes(12), DROP, EXT_CUT)
# RFC 2675: payload length 0 and a hop-by-hop header is a jumbogram, too long for any frame here.
row("v6_jumbogram", eth() / v6(GOOD6, Raw(bytes([17, 0, 0xc2, 4, 0, 1, 0, 0]) + bytes(udp())), nh=0,
                               plen=0), DROP, EXT_CUT)
row("v6_chain_cut_denied_source", eth() / v6(BAD6, Raw(b"\x11\x00\x01"), nh=60, plen=3), DROP,
    DENIED6, DENY_BOTH)

# ---- truncated: the frame ends before the header does ------------------------------------------

# A frame shorter than 14 bytes has no row: BPF_PROG_TEST_RUN refuses to make one.
row("v4_no_header", cut(eth(0x0800), 14), DROP, BAD4HDR)
row("v4_cut_in_header", cut(eth() / v4(), 14 + 19), DROP, BAD4HDR)
row("v4_cut_in_options", cut(eth(0x0800) / v4_options(GOOD4, b"\x01" * 40), 14 + 59), DROP, BAD4HDR)
row("v6_no_header", cut(eth(0x86dd), 14), DROP, BAD6HDR)
row("v6_cut_in_header", cut(eth() / v6(), 14 + 39), DROP, BAD6HDR)
row("vlan_v4_cut_in_header", cut(eth() / Dot1Q(vlan=10) / v4(), 18 + 19), DROP, BAD4HDR)
row("v4_cut_in_header_denied_source", cut(eth() / v4(BAD4), 14 + 19), DROP, BAD4HDR, DENY_BOTH)

# ---- lengths and versions that lie -------------------------------------------------------------

row("v4_total_length_one_beyond_frame", eth() / v4(len=47), DROP, BAD4HDR)
row("v4_total_length_exact", eth() / v4(len=46), PASS)
row("v4_total_length_below_header", eth() / v4(len=19), DROP, BAD4HDR)
row("v4_total_length_zero", eth() / v4(len=0), DROP, BAD4HDR)
row("v4_total_length_below_options", eth(0x0800) / Raw(
    bytes(IP(src=GOOD4, dst=DST4, ihl=6, len=20, proto=17))[:20] + ROUTER_ALERT + bytes(22)),
    DROP, BAD4HDR)
row("v4_ihl_4", eth() / v4(ihl=4), DROP, BAD4HDR)
row("v4_ihl_0", eth() / v4(ihl=0), DROP, BAD4HDR)
row("v4_version_6", eth(0x0800) / v4(version=6), DROP, BAD4HDR)
row("v4_version_0", eth(0x0800) / v4(version=0), DROP, BAD4HDR)
row("v6_version_4", eth(0x86dd) / v6(version=4), DROP, BAD6HDR)
row("v6_payload_one_beyond_frame", eth() / v6(plen=27), DROP, BAD6HDR)
row("v6_payload_exact", eth() / v6(plen=26), PASS)
row("v6_payload_cut", cut(eth() / v6(), 14 + 40 + 25), DROP, BAD6HDR)

# ---- Ethernet padding is not a lie: frames are at least 60 bytes (IEEE 802.3) ------------------

row("v4_padded_short_frame_passes", bytes(eth() / v4(inner=UDP())) + bytes(18), PASS,
    deny=DENY_BOTH)
row("v4_padded_short_frame_denied", bytes(eth() / v4(BAD4, UDP())) + bytes(18), DROP, DENIED4,
    DENY_BOTH)
row("v6_padded_frame_passes", bytes(eth() / v6(inner=UDP())) + bytes(2), PASS, deny=DENY_BOTH)
row("v4_mostly_padding_passes", bytes(eth() / v4(inner=UDP())) + bytes(1472), PASS, deny=DENY_BOTH)
row("v4_full_frame_denied", eth() / v4(BAD4, UDP() / (b"x" * 1472)), DROP, DENIED4, DENY_BOTH)
row("v6_full_frame_passes", eth() / v6(GOOD6, UDP() / (b"x" * 1452)), PASS, deny=DENY_BOTH)
