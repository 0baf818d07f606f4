# SPDX-License-Identifier: GPL-2.0-only
"""The guard: signatures of packets, and what one source may send."""

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop)
from scapy.layers.l2 import ARP
from scapy.packet import Raw

from lb_cases import (CLIENT, FAMILIES, OTHER, PORT, SPORT, VIP, backend, drops, l4, passes, service,
                      to, tunnel)
from lb_table import LbTable, command, eth, ip

table = LbTable()

SIGNED, RATE, CONNS = "signature", "source_rate", "source_conn_rate"
# RFC 5737, RFC 3849: the client's neighbour in its /24 or /64, and one beyond
NEAR = {4: "192.0.2.200", 6: "2001:db8:1::ffff"}
FAR = {4: "198.51.100.1", 6: "2001:db8:1:1::1"}


def add(number, words):
    return command(f"prefilter signature add {number} {words}")


def hits(number, count):
    return command(f"prefilter signature hits {number} {count}")


def rate(words):
    return command(f"prefilter rate set {words}")


def both(name, words, yes, no, *world):
    """One that matches is dropped, others are not; it is counted once."""
    table.row(name, *world, add(7, words), *(drops(frame, SIGNED) for frame in yes),
              *(passes(frame) for frame in no), hits(7, len(yes)))


for family in FAMILIES:
    v, six, other = f"v{family}", family == 6, 10 - family
    hop = "hlim" if six else "ttl"
    head = 40 if six else 20
    tcp, udp = to(family), to(family, l4("udp"))

    # ---- header fields -------------------------------------------------------------------------------
    both(f"{v}_family", f"family={family}", (tcp, udp), (to(other), eth() / ARP()))
    both(f"{v}_proto", "proto=udp", (udp,), (tcp,))
    both(f"{v}_proto_number", "proto=132", (to(family, Raw(b"x" * 12), **{"nh" if six else "proto": 132}),),
         (tcp, udp))
    both(f"{v}_dport", "proto=udp dport=53",
         (to(family, l4("udp", dport=53)),),
         (to(family, l4("udp", dport=54)), to(family, l4("udp", dport=52)), to(family, l4(dport=53)),
          to(family, l4("udp", sport=53))))
    both(f"{v}_ports_of_any_protocol", "dport=53", (to(family, l4("udp", dport=53)), to(family, l4(dport=53))),
         (tcp, to(family, Raw(b"\0\x35\0\x35" + bytes(12)), **{"nh" if six else "proto": 47})))
    both(f"{v}_port_ranges", "sport=1000-2000 dport=0-79",
         (to(family, l4(sport=1000, dport=79)), to(family, l4(sport=2000, dport=0))),
         (to(family, l4(sport=999, dport=79)), to(family, l4(sport=2001, dport=79)),
          to(family, l4(sport=1000, dport=80))))
    both(f"{v}_flags_exactly", "flags=SF", (to(family, l4(flags="SF")),),
         tuple(to(family, l4(flags=f)) for f in ("S", "F", "SFA", "")) + (udp,))
    both(f"{v}_flags_with_mask", "flags=S/SA", (to(family, l4(flags="S")), to(family, l4(flags="SEC"))),
         tuple(to(family, l4(flags=f)) for f in ("SA", "A", "F")))
    both(f"{v}_no_flags", "flags=", (to(family, l4(flags="")),), (to(family, l4(flags="C")), udp))
    both(f"{v}_hops", "ttl=0-4", (to(family, **{hop: 0}), to(family, **{hop: 4})),
         (to(family, **{hop: 5}), to(family, **{hop: 255})))
    # TCP of 20 bytes and "hello"
    both(f"{v}_length", f"len={head + 25}", (tcp, bytes(tcp) + bytes(9)),
         (to(family, TCP(sport=SPORT, dport=PORT) / b"hell"), to(family, TCP() / b"hello!")))
    both(f"{v}_behind_tags", "proto=udp dport=80",
         (to(family, l4("udp"), tags=("q",)), to(family, l4("udp"), tags=("ad", "q"))),
         (to(family, tags=("q",)),))

    # ---- fragments: ports are in the first one only ------------------------------------------------------
    def piece(offset, more, inner):
        if six:
            return to(6, IPv6ExtHdrFragment(nh=17, m=more, offset=offset, id=1) / inner)
        return to(4, inner, proto=17, flags="MF" if more else 0, frag=offset)

    first, later = piece(0, 1, l4("udp")), piece(3, 0, Raw(b"\x03\xe8\0\x50" + bytes(20)))
    for kind, yes, no in (("yes", (first, later), (udp,)), ("no", (udp,), (first, later)),
                          ("first", (first,), (udp, later)), ("later", (later,), (udp, first))):
        both(f"{v}_fragment_{kind}", f"frag={kind}", yes, no)
    both(f"{v}_later_fragment_has_no_ports", "dport=80", (udp, first), (later,))
    both(f"{v}_later_fragment_has_no_payload", "bytes=00 at=8", (piece(0, 1, l4("udp") / bytes(8)),), (later,))
    both(f"{v}_later_fragment_from_l4", "from=l4 bytes=03e80050", (later, udp), (to(family, l4(dport=81)),))

    # ---- bytes ---------------------------------------------------------------------------------------
    both(f"{v}_bytes_of_tcp", "bytes=68656c6c6f", (tcp,), (to(family, TCP() / b"hellp"), to(family, TCP() / b"hell")))
    both(f"{v}_bytes_behind_tcp_options", "bytes=68656c6c6f",
         (to(family, TCP(options=[("MSS", 1460)]) / b"hello"),), (to(family, TCP() / b"xhello"),))
    both(f"{v}_bytes_of_udp_at", "proto=udp at=2 bytes=6c6f", (to(family, UDP() / b"helo"),),
         (to(family, UDP() / b"lohe"), to(family, UDP() / b"hel")))
    both(f"{v}_bytes_with_mask", "at=1 bytes=f00f/f00f", (to(family, UDP() / b"\0\xff\xff"),
                                                         to(family, UDP() / b"\0\xf0\x0f")),
         (to(family, UDP() / b"\0\xe0\x0f"), to(family, UDP() / b"\0\xf0\x0e")))
    both(f"{v}_sixteen_bytes", "bytes=" + bytes(range(16)).hex(), (to(family, UDP() / bytes(range(16))),),
         (to(family, UDP() / bytes(range(15))), to(family, UDP() / (bytes(range(15)) + b"x")),
          to(family, UDP() / (bytes(7) + bytes(range(7, 16))))))
    both(f"{v}_far_bytes", "at=1200 bytes=abcd", (to(family, UDP() / (bytes(1200) + b"\xab\xcd")),),
         (to(family, UDP() / (bytes(1200) + b"\xab")), to(family, UDP() / (bytes(1201) + b"\xab\xcd"))))
    # the same bytes behind the packet are padding
    both(f"{v}_bytes_in_padding", "bytes=68656c6c6f", (tcp,), (bytes(to(family, TCP() / b"hell")) + b"o",))
    both(f"{v}_bytes_from_ip", f"from=ip at={7 if six else 8} bytes=11", (to(family, **{hop: 17}),), (tcp,))
    both(f"{v}_bytes_from_l4", "from=l4 at=13 bytes=02/02", (tcp,), (to(family, l4(flags="A")),))
    echo = (ICMPv6EchoRequest(id=7, seq=3, data=b"ping") if six else ICMP(type=8, id=7, seq=3) / b"ping")
    both(f"{v}_bytes_of_icmp", f"proto=icmp{'v6' if six else ''} bytes=70696e67", (to(family, echo),), (tcp,))

    # ---- more than one --------------------------------------------------------------------------------
    table.row(f"{v}_count_only", add(7, "proto=tcp action=count"), passes(tcp), passes(udp), passes(tcp),
              hits(7, 2))
    table.row(f"{v}_counted_then_dropped", add(9, "dport=80"), add(7, "proto=tcp action=count"),
              add(8, "proto=udp"), drops(tcp, SIGNED), drops(udp, SIGNED), hits(7, 1), hits(8, 1), hits(9, 1))
    table.row(f"{v}_first_number_that_drops", add(9, "action=count"), add(7, "proto=tcp"), drops(tcp, SIGNED),
              passes(udp), hits(7, 1), hits(9, 1))
    table.row(f"{v}_deleted", add(7, "proto=tcp"), add(8, "proto=udp"), drops(tcp, SIGNED),
              command("prefilter signature del 7"), passes(tcp), drops(udp, SIGNED), hits(8, 1),
              command("prefilter signature del 8"), passes(udp), add(7, "proto=tcp"), hits(7, 0),
              drops(tcp, SIGNED), hits(7, 1))
    table.row(f"{v}_last_of_32", *(add(n, f"dport={n}") for n in range(1, 32)), add(32, "proto=udp dport=80"),
              passes(tcp), drops(udp, SIGNED), drops(to(family, l4(dport=31)), SIGNED), hits(31, 1), hits(32, 1))
    table.row(f"{v}_denied_before_it_is_signed", command(f"prefilter add {CLIENT[family]}"), add(7, "proto=tcp"),
              drops(tcp, f"denied_src{family}"), hits(7, 0))

    # ---- with the balancer behind -------------------------------------------------------------------------
    world = (service(family), backend(family))
    table.row(f"{v}_before_the_balancer", *world, add(7, "flags=SF"), tunnel(tcp, family),
              drops(to(family, l4(flags="SF")), SIGNED))
    table.row(f"{v}_balancer_after_it", add(7, "flags=SF"), *world, tunnel(tcp, family),
              drops(to(family, l4(flags="SF")), SIGNED), command("prefilter signature del 7"),
              tunnel(tcp, family), tunnel(to(family, l4(flags="SF")), family))
    table.row(f"{v}_balancer_gone", add(7, "proto=udp"), *world, tunnel(tcp, family),
              command(f"service del tcp {'[' + VIP[6] + ']' if six else VIP[4]}:{PORT}"), passes(tcp),
              drops(udp, SIGNED))

    # ---- rates of sources: two in a thousand seconds ---------------------------------------------------------
    def frm(source, inner=None):
        return eth() / ip(source, OTHER[family]) / (inner or l4("udp"))

    mine, near, far = frm(CLIENT[family]), frm(NEAR[family]), frm(FAR[family])
    table.row(f"{v}_rate", rate("packets=2/1000"), passes(mine), passes(mine), drops(mine, RATE),
              passes(far), passes(far), drops(far, RATE), drops(mine, RATE))
    table.row(f"{v}_rate_by_default_prefix", rate("packets=2/1000"), passes(mine), passes(near),
              *((drops(mine, RATE), drops(near, RATE)) if six else (passes(mine), passes(near))), passes(far))
    table.row(f"{v}_rate_by_prefix", rate("packets=2/1000 packets-prefix=24,128"), passes(mine), passes(near),
              *((passes(mine), passes(near)) if six else (drops(mine, RATE), drops(near, RATE))), passes(far))
    table.row(f"{v}_rate_of_all", rate("packets=2/1000 packets-prefix=0,0"), passes(mine), passes(far),
              drops(near, RATE))
    table.row(f"{v}_rate_of_one_family", rate("packets=1/1000 packets-prefix=0,0"), passes(mine),
              passes(to(other, dst=OTHER[other])), drops(mine, RATE))
    table.row(f"{v}_rate_off", rate("packets=1/1000"), passes(mine), drops(mine, RATE), rate("packets=0"),
              passes(mine), passes(mine))
    table.row(f"{v}_rate_not_of_arp", rate("packets=1/1000"), *(passes(eth() / ARP()) for _ in range(3)))
    syn, ack = frm(CLIENT[family], l4(flags="S")), frm(CLIENT[family], l4(flags="A"))
    answered = frm(CLIENT[family], l4(flags="SA"))
    table.row(f"{v}_connections", rate("conns=2/1000"), passes(syn), passes(ack), passes(answered), passes(syn),
              drops(syn, CONNS), passes(ack), passes(answered), passes(mine),
              passes(frm(FAR[family], l4(flags="S"))))
    table.row(f"{v}_connections_with_ecn", rate("conns=1/1000"), passes(frm(CLIENT[family], l4(flags="SEC"))),
              drops(syn, CONNS))
    table.row(f"{v}_connections_by_prefix", rate("conns=1/1000 conns-prefix=24,48"), passes(syn),
              drops(frm(NEAR[family], l4(flags="S")), CONNS),
              (drops if six else lambda frame, _: passes(frame))(frm(FAR[family], l4(flags="S")), CONNS))
    table.row(f"{v}_both_rates", rate("packets=3/1000 conns=1/1000"), passes(syn), drops(syn, CONNS), passes(ack),
              drops(ack, RATE), drops(syn, RATE))
    table.row(f"{v}_signed_is_not_rated", add(7, "proto=udp"), rate("packets=1/1000"), drops(mine, SIGNED),
              drops(mine, SIGNED), passes(syn), drops(syn, RATE), drops(mine, SIGNED))
    table.row(f"{v}_rate_before_the_balancer", *world, rate("packets=1/1000"), tunnel(tcp, family),
              drops(tcp, RATE))

table.row("v4_options", add(7, "bytes=68656c6c6f"),
          drops(to(4, TCP() / b"hello", options=[IPOption_Router_Alert()]), SIGNED), hits(7, 1))
table.row("v6_extension_headers", add(7, "proto=tcp bytes=68656c6c6f"),
          drops(to(6, IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP() / b"hello"), SIGNED), hits(7, 1))
table.row("v4_tcp_header_that_lies", add(7, "bytes=68656c6c6f"), passes(to(4, TCP(dataofs=15) / b"hello")),
          passes(to(4, TCP(dataofs=6) / b"hello")))
