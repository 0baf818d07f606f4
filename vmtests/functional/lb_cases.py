# SPDX-License-Identifier: GPL-2.0-only
"""The load balancer's tunnels: packets to services, what becomes of them, and what does not."""

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP
from scapy.packet import Raw

from lb_table import (LAYOUT1, LbTable, NEAR_MAC, FAR_MAC, command, eth, flow_hash, ip, is6, packet, tunneled, vips)

table = LbTable()

PASS, DROP, TX = "pass", "drop", "tx"
TUNNELED, FORWARDED = "lb_tunneled", "forwarded"

# RFC 5737, RFC 3849
CLIENT = {4: "192.0.2.1", 6: "2001:db8:1::1"}
VIP = {4: "203.0.113.9", 6: "2001:db8:2::9"}
OTHER = {4: "203.0.113.10", 6: "2001:db8:2::a"}
NET = {4: "203.0.113.0/24", 6: "2001:db8:2::/48"}
PART = {4: "203.0.113.8/29", 6: "2001:db8:2::/64"}  # of NET, with VIP and OTHER
REST = {4: "203.0.113.200", 6: "2001:db8:2:1::9"}  # in NET alone
BACKEND = {4: "10.0.0.1", 6: "2001:db8:b::1"}
SECOND = {4: "10.0.0.2", 6: "2001:db8:b::2"}
THIRD = {4: "10.0.0.3", 6: "2001:db8:b::3"}
SPORT, PORT = 1000, 80
FAMILIES = (4, 6)


def at(address, port=PORT):
    return f"[{address}]:{port}" if is6(address) else f"{address}:{port}"


def service(family, proto="tcp", port=PORT, address=None, options=""):
    return command(f"service add {proto} {at(address or VIP[family], port)} {options}")


def backend(family, to=None, proto="tcp", port=PORT, address=None, options=""):
    return command(f"backend add {proto} {at(address or VIP[family], port)} "
                   f"{to or BACKEND[family]} {options}")


def l4(proto="tcp", sport=SPORT, dport=PORT, **fields):
    if proto == "tcp":
        return TCP(sport=sport, dport=dport, flags=fields.pop("flags", "S"), **fields) / b"hello"
    return UDP(sport=sport, dport=dport, **fields) / b"hello"


def to(family, inner=None, tags=(), dst=None, **fields):
    return eth(*tags) / ip(CLIENT[family], dst or VIP[family], **fields) / (
        l4() if inner is None else inner)


def hashed(family, sport=SPORT, dport=PORT, dst=None, src=None):
    return flow_hash(src or CLIENT[family], dst or VIP[family], sport, dport)


def tunnel(frame, family, via=None, **more):
    """The step: a packet of the usual flow goes to the usual backend."""
    hash_ = more.pop("hash_", None)
    return packet(frame, TX, TUNNELED, tunneled(frame, via or BACKEND[family],
                                                hashed(family) if hash_ is None else hash_, **more))


def passes(frame):
    return packet(frame, PASS, FORWARDED)


def drops(frame, reason):
    return packet(frame, DROP, reason)


# ---- every inner and outer family, both protocols ----------------------------------------------

for inner in FAMILIES:
    for outer in FAMILIES:
        for proto in ("tcp", "udp"):
            frame = to(inner, l4(proto))
            table.row(f"{proto}_v{inner}_in_v{outer}", service(inner, proto),
                      backend(inner, BACKEND[outer], proto), tunnel(frame, inner, BACKEND[outer]))
            table.row(f"gue_{proto}_v{inner}_in_v{outer}", service(inner, proto, options="mode=gue"),
                      backend(inner, BACKEND[outer], proto),
                      tunnel(frame, inner, BACKEND[outer], gue=True))
        # RFC 2983, RFC 6040: DSCP and ECN of the inner header are the outer's
        mark = {"tc": 0xb9} if inner == 6 else {"tos": 0xb9}
        table.row(f"dscp_ecn_v{inner}_in_v{outer}", service(inner), backend(inner, BACKEND[outer]),
                  tunnel(to(inner, **mark), inner, BACKEND[outer]))
        for tags in (("q",), ("ad", "q"), ("q", "q")):
            table.row(f"tags_{'_'.join(tags)}_v{inner}_in_v{outer}", service(inner),
                      backend(inner, BACKEND[outer]),
                      tunnel(to(inner, tags=tags), inner, BACKEND[outer]))

for family in FAMILIES:
    v = f"v{family}"
    world = (service(family), backend(family))
    hop = "hlim" if family == 6 else "ttl"
    size = 40 if family == 6 else 20

    # ---- which packets are a service's ---------------------------------------------------------
    table.row(f"{v}_other_port_passes", *world, passes(to(family, l4(dport=81))))
    table.row(f"{v}_other_protocol_passes", *world, passes(to(family, l4("udp"))))
    table.row(f"{v}_other_address_passes", *world, passes(to(family, dst=OTHER[family])))
    table.row(f"{v}_sctp_passes", *world,
              passes(to(family, Raw(bytes(40)), **({"nh": 132} if family == 6 else {"proto": 132}))))
    table.row(f"{v}_service_port_as_source_passes", *world,
              passes(to(family, l4(sport=PORT, dport=SPORT))))
    table.row(f"{v}_any_port", service(family, port=0), backend(family, port=0),
              tunnel(to(family, l4(dport=4711)), family, hash_=hashed(family, dport=4711)),
              tunnel(to(family, l4(dport=1)), family, hash_=hashed(family, dport=1)))
    table.row(f"{v}_port_before_any_port", service(family, port=0), backend(family, port=0),
              service(family), backend(family, SECOND[family]),
              tunnel(to(family), family, SECOND[family]),
              tunnel(to(family, l4(dport=81)), family, hash_=hashed(family, dport=81)))
    table.row(f"{v}_any_port_of_other_protocol_passes", service(family, "udp", 0),
              backend(family, proto="udp", port=0), passes(to(family)))
    table.row(f"{v}_prefix", service(family, address=NET[family]),
              backend(family, address=NET[family]), tunnel(to(family), family),
              tunnel(to(family, dst=OTHER[family]), family,
                     hash_=hashed(family, dst=OTHER[family])))
    table.row(f"{v}_address_before_prefix", service(family, address=NET[family]),
              backend(family, address=NET[family]), service(family),
              backend(family, SECOND[family]), tunnel(to(family), family, SECOND[family]),
              tunnel(to(family, dst=OTHER[family]), family,
                     hash_=hashed(family, dst=OTHER[family])))
    # the longest prefix decides, whether it has the port or not
    table.row(f"{v}_longer_prefix_without_the_port_passes", service(family, address=NET[family]),
              backend(family, address=NET[family]), service(family, port=81),
              backend(family, port=81), passes(to(family)))
    table.row(f"{v}_longer_prefix_without_the_protocol_passes", service(family, address=NET[family]),
              backend(family, address=NET[family]), service(family, "udp"), backend(family, proto="udp"),
              passes(to(family)))

    # whole addresses are in one map and prefixes in another; what comes and goes is found in both
    def tunnel_to(dst, via):
        return tunnel(to(family, dst=dst[family]), family, via[family], hash_=hashed(family, dst=dst[family]))

    def gone(address):
        return command(f"service del tcp {at(address[family])}")

    def comes(address, via):
        return (service(family, address=address[family]),
                backend(family, via[family], address=address[family]))

    table.row(f"{v}_address_in_two_prefixes", *comes(NET, BACKEND), *comes(PART, SECOND), *comes(VIP, THIRD),
              vips(1, 2), tunnel_to(VIP, THIRD), tunnel_to(OTHER, SECOND), tunnel_to(REST, BACKEND),
              gone(VIP), vips(0, 2), tunnel_to(VIP, SECOND), tunnel_to(OTHER, SECOND),
              gone(PART), vips(0, 1), tunnel_to(VIP, BACKEND), tunnel_to(OTHER, BACKEND),
              gone(NET), vips(0, 0), passes(to(family)), passes(to(family, dst=REST[family])))
    table.row(f"{v}_prefix_comes_and_goes", *comes(VIP, THIRD), vips(1, 0), passes(to(family, dst=OTHER[family])),
              *comes(NET, BACKEND), vips(1, 1), tunnel_to(VIP, THIRD), tunnel_to(OTHER, BACKEND),
              gone(NET), vips(1, 0), tunnel_to(VIP, THIRD), passes(to(family, dst=OTHER[family])))
    table.row(f"{v}_address_after_prefix_without_the_port", *comes(NET, BACKEND), tunnel_to(VIP, BACKEND),
              service(family, port=81), backend(family, port=81), passes(to(family)),
              command(f"service del tcp {at(VIP[family], 81)}"), tunnel_to(VIP, BACKEND))
    table.row(f"{v}_of_layout_1", *world, LAYOUT1, vips(0, 1), tunnel(to(family), family),
              *comes(OTHER, SECOND), vips(2, 0), tunnel(to(family), family), tunnel_to(OTHER, SECOND))
    table.row(f"{v}_of_layout_1_with_prefixes", *world, *comes(NET, SECOND), LAYOUT1, vips(0, 2),
              tunnel(to(family), family), tunnel_to(REST, SECOND), *comes(OTHER, THIRD), vips(2, 1),
              tunnel(to(family), family), tunnel_to(OTHER, THIRD), tunnel_to(REST, SECOND))
    table.row(f"{v}_of_layout_1_deleted", *world, LAYOUT1, gone(VIP), vips(0, 0), passes(to(family)))
    table.row(f"{v}_service_deleted", *world, tunnel(to(family), family),
              command(f"service del tcp {at(VIP[family])}"), passes(to(family)))
    table.row(f"{v}_service_deleted_other_stays", *world, service(family, port=81),
              backend(family, port=81), command(f"service del tcp {at(VIP[family])}"),
              passes(to(family)),
              tunnel(to(family, l4(dport=81)), family, hash_=hashed(family, dport=81)))
    table.row(f"{v}_denied_source_is_not_balanced", *world,
              command(f"prefilter add {CLIENT[family]}"),
              drops(to(family), f"denied_src{family}"))

    # ---- backends -------------------------------------------------------------------------------
    table.row(f"{v}_no_backend", service(family), drops(to(family), "lb_no_backend"))
    table.row(f"{v}_backend_down", service(family), backend(family, options="state=down"),
              drops(to(family), "lb_no_backend"))
    table.row(f"{v}_backend_draining_gets_nothing_new", service(family),
              backend(family, options="state=draining"), backend(family, SECOND[family]),
              tunnel(to(family), family, SECOND[family]))
    table.row(f"{v}_backend_deleted", *world, tunnel(to(family), family),
              command(f"backend del tcp {at(VIP[family])} {BACKEND[family]}"),
              drops(to(family), "lb_no_backend"))
    table.row(f"{v}_next_hop", service(family), backend(family, options="mac=02:00:00:00:00:99"),
              tunnel(to(family), family, mac="02:00:00:00:00:99"))
    fixed = {"source4": "192.0.2.77/32", "source6": "2001:db8:77::1/128"}
    table.row(f"{v}_fixed_source", command("balancer set source4=192.0.2.77/32 "
                                           "source6=2001:db8:77::1/128"),
              *world, tunnel(to(family), family, **fixed))

    # ---- hops -----------------------------------------------------------------------------------
    table.row(f"{v}_last_hop_dropped", *world, drops(to(family, **{hop: 1}), "ttl_exceeded"))
    table.row(f"{v}_no_hop_dropped", *world, drops(to(family, **{hop: 0}), "ttl_exceeded"))
    table.row(f"{v}_second_last_hop", *world, tunnel(to(family, **{hop: 2}), family))
    table.row(f"{v}_last_hop_to_no_service_passes", *world,
              passes(to(family, dst=OTHER[family], **{hop: 1})))

    # ---- what is inside is not touched ------------------------------------------------------------
    table.row(f"{v}_wrong_tcp_checksum_kept", *world, tunnel(to(family, l4(chksum=0x1234)), family))
    table.row(f"{v}_udp_without_checksum", service(family, "udp"), backend(family, proto="udp"),
              tunnel(to(family, l4("udp", chksum=0)), family))
    table.row(f"{v}_no_payload", *world, tunnel(to(family, TCP(sport=SPORT, dport=PORT)), family))
    table.row(f"{v}_tcp_options", *world,
              tunnel(to(family, TCP(sport=SPORT, dport=PORT,
                                    options=[("MSS", 1460), ("NOP", None), ("WScale", 7)])), family))

    # ---- L4 headers cut short -----------------------------------------------------------------------
    number = {"nh": 6} if family == 6 else {"proto": 6}
    whole = bytes(l4())
    for length in (0, 4, 8, 19):
        table.row(f"{v}_tcp_cut_at_{length}", *world,
                  drops(to(family, Raw(whole[:length]), **number), "malformed_l4"))
    number = {"nh": 17} if family == 6 else {"proto": 17}
    for length in (0, 7):
        table.row(f"{v}_udp_cut_at_{length}", service(family, "udp"), backend(family, proto="udp"),
                  drops(to(family, Raw(bytes(l4("udp"))[:length]), **number), "malformed_l4"))
    table.row(f"{v}_tcp_cut_to_no_service_passes", *world,
              passes(to(family, Raw(whole[:4]), dst=OTHER[family],
                        **({"nh": 6} if family == 6 else {"proto": 6}))))
    # the header is in the frame, but in the padding behind the IP packet
    cut = {"plen": 8, "nh": 6} if family == 6 else {"len": 28, "proto": 6}
    table.row(f"{v}_tcp_in_padding", *world,
              drops(to(family, Raw(whole[:8] + bytes(30)), **cut), "malformed_l4"))

    # ---- the MTU: what just fits ----------------------------------------------------------------------
    for outer, overhead in ((4, 20), (6, 40)):
        frame = to(family, TCP(sport=SPORT, dport=PORT) / (b"x" * (1500 - overhead - size - 20)))
        table.row(f"{v}_just_fits_v{outer}", service(family), backend(family, BACKEND[outer]),
                  tunnel(frame, family, BACKEND[outer]))

    # ---- clients ----------------------------------------------------------------------------------------
    inside = "192.0.2.0/24" if family == 4 else "2001:db8:1::/48"
    table.row(f"{v}_source_allowed", service(family, options=f"sources={inside}"), backend(family),
              tunnel(to(family), family))
    table.row(f"{v}_source_denied", service(family, options="sources=198.51.100.0/24,2001:db8:5::/48"),
              backend(family), drops(to(family), "lb_source_denied"))
    table.row(f"{v}_sources_of_another_service", service(family, options="sources=198.51.100.0/24"),
              backend(family), service(family, port=81, options=f"sources={inside}"),
              backend(family, port=81), drops(to(family), "lb_source_denied"),
              tunnel(to(family, l4(dport=81)), family, hash_=hashed(family, dport=81)))
    # two in an hour: the third is too many, whoever else sends
    limited = (service(family, options="rate=2/3600"), backend(family))
    other = "192.0.2.2" if family == 4 else "2001:db8:1::2"
    table.row(f"{v}_rate", *limited, tunnel(to(family), family), tunnel(to(family), family),
              drops(to(family), "lb_rate_limited"), drops(to(family), "lb_rate_limited"),
              tunnel(eth() / ip(other, VIP[family]) / l4(), family,
                     hash_=hashed(family, src=other)))

# ---- flows stay where they are ---------------------------------------------------------------------

HEAVY = "weight=65535"  # against a weight of 1: all slots of the table but one at most


def state(family, which, name):
    return command(f"backend set-state tcp {at(VIP[family])} {which} {name}")


for family in FAMILIES:
    v = f"v{family}"
    first, second = BACKEND[family], SECOND[family]
    world = (service(family), backend(family))
    flow, data = to(family), to(family, l4(flags="A"))
    grown = backend(family, second, options=HEAVY)
    new = to(family, l4(sport=2000))
    new_hash = hashed(family, sport=2000)
    table.row(f"{v}_flow_stays_when_backends_come", *world, tunnel(flow, family, first), grown,
              tunnel(data, family, first), tunnel(new, family, second, hash_=new_hash))
    table.row(f"{v}_flow_unknown_follows_the_table", *world, grown, tunnel(data, family, second))
    # nothing is remembered: what a flood is given, and still each packet goes to a backend
    table.row(f"{v}_flood_is_not_remembered", command("balancer set conn-rate=0"), *world,
              tunnel(flow, family, first), grown, tunnel(data, family, second))
    table.row(f"{v}_draining_keeps_flow", *world, tunnel(flow, family, first), grown,
              state(family, first, "draining"), tunnel(data, family, first),
              tunnel(new, family, second, hash_=new_hash))
    table.row(f"{v}_draining_refuses_reopened_flow", *world, tunnel(flow, family, first), grown,
              state(family, first, "draining"), tunnel(flow, family, second),
              tunnel(data, family, second))
    table.row(f"{v}_down_moves_flow", *world, tunnel(flow, family, first), grown,
              state(family, first, "down"), tunnel(data, family, second),
              state(family, first, "active"), tunnel(data, family, second))
    # its number is the third one's then
    third = "10.0.0.3" if family == 4 else "2001:db8:b::3"
    table.row(f"{v}_deleted_backends_number_is_reused", *world, tunnel(flow, family, first), grown,
              command(f"backend del tcp {at(VIP[family])} {first}"), backend(family, third),
              tunnel(data, family, second))
    table.row(f"{v}_only_backend_back_from_down", *world, state(family, first, "down"),
              drops(flow, "lb_no_backend"), state(family, first, "active"),
              tunnel(flow, family, first))
    sticky = (service(family, options="affinity=3600"), backend(family))
    table.row(f"{v}_affinity", *sticky, tunnel(flow, family, first), grown,
              tunnel(new, family, first, hash_=new_hash))
    table.row(f"{v}_no_affinity", *world, tunnel(flow, family, first), grown,
              tunnel(new, family, second, hash_=new_hash))
    other = "192.0.2.2" if family == 4 else "2001:db8:1::2"
    table.row(f"{v}_affinity_is_the_clients_own", *sticky, tunnel(flow, family, first), grown,
              tunnel(eth() / ip(other, VIP[family]) / l4(), family, second,
                     hash_=hashed(family, src=other)))
    table.row(f"{v}_affinity_leaves_draining", *sticky, tunnel(flow, family, first), grown,
              state(family, first, "draining"), tunnel(new, family, second, hash_=new_hash))

# ---- lengths that lie, frames to and from groups -------------------------------------------------------

for family in FAMILIES:
    v = f"v{family}"
    for mode in ("tunnel", "nat"):
        world = [step for proto in ("tcp", "udp") for step in (
            service(family, proto, options=f"mode={mode}"), backend(family, proto=proto))]
        for doff in (0, 4, 7, 15):
            table.row(f"{v}_{mode}_tcp_header_of_{doff}_words", *world,
                      drops(to(family, l4(dataofs=doff)), "malformed_l4"))
        for length in (0, 7, 14, 65535):
            table.row(f"{v}_{mode}_udp_length_{length}", *world,
                      drops(to(family, l4("udp", len=length)), "malformed_l4"))
        for group in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"):
            for field in ("src", "dst"):
                frame = to(family)
                setattr(frame, field, group)
                table.row(f"{v}_{mode}_{field}_group_{group[:2]}_passes", *world, passes(frame))

# ---- IPv4 options, IPv6 extension headers -------------------------------------------------------------

WORLD = {family: (service(family), backend(family)) for family in FAMILIES}
table.row("v4_options", *WORLD[4], tunnel(to(4, options=[IPOption_Router_Alert()]), 4))
table.row("v6_hop_by_hop", *WORLD[6], tunnel(to(6, IPv6ExtHdrHopByHop() / l4()), 6))
table.row("v6_two_extension_headers", *WORLD[6],
          tunnel(to(6, IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / l4()), 6))
chain = bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 6 + bytes([6, 0, 1, 4, 0, 0, 0, 0]) + bytes(l4())
table.row("v6_chain_too_long", *WORLD[6], drops(to(6, Raw(chain), nh=60), "exthdr_too_long"))
table.row("v4_icmpv6_passes", *WORLD[4], passes(to(4, Raw(bytes([128]) + bytes(15)), proto=58)))
table.row("v6_icmp_passes", *WORLD[6], passes(to(6, Raw(bytes([8]) + bytes(15)), nh=1)))
table.row("v4_wrong_header_checksum_kept_wrong", *WORLD[4], packet(
    to(4, chksum=0x0000), TX, TUNNELED,
    # RFC 1624: what was added to the field stays added to it
    tunneled(to(4), BACKEND[4], hashed(4))[:14 + 20 + 10] + b"\x01\x00" +
    tunneled(to(4), BACKEND[4], hashed(4))[14 + 20 + 12:]))
table.row("arp_passes", *WORLD[4], passes(eth() / ARP(psrc=CLIENT[4], pdst=VIP[4], hwsrc=FAR_MAC)))
table.row("padded_frame", *WORLD[4], packet(
    bytes(to(4)) + bytes(6), TX, TUNNELED, tunneled(to(4), BACKEND[4], hashed(4)) + bytes(6)))
