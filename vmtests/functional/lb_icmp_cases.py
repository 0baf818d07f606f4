# SPDX-License-Identifier: GPL-2.0-only
"""ICMP at the load balancer, packets that do not fit, and fragments."""

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6EchoReply, ICMPv6PacketTooBig,
                                ICMPv6TimeExceeded, IPv6, IPv6ExtHdrFragment)
from scapy.packet import Raw

from lb_cases import (BACKEND, CLIENT, FAMILIES, NET, OTHER, PORT, SPORT, VIP, at, backend, drops, hashed,
                      l4, passes, service, to, tunnel)
from lb_nat_cases import BPORT, SERVER_MAC, answer, forward, reply
from lb_table import FAR_MAC, LbTable, NEAR_MAC, command, eth, ip, packet, split, translated, turned

table = LbTable()

TX, ROUTER = "tx", {4: "198.51.100.1", 6: "2001:db8:3::1"}
WORLD = {family: (service(family), backend(family)) for family in FAMILIES}


def echo(family, dst=None, tags=(), kind=None, **fields):
    message = (ICMPv6EchoRequest(id=7, seq=3, data=b"ping") if family == 6 else
               ICMP(type=8, id=7, seq=3) / b"ping")
    return eth(*tags) / ip(CLIENT[family], dst or VIP[family], **fields) / (kind or message)


def echoed(family, tags=(), src=None, **fields):
    message = (ICMPv6EchoReply(id=7, seq=3, data=b"ping") if family == 6 else
               ICMP(type=0, id=7, seq=3) / b"ping")
    hops = {"hlim": 64} if family == 6 else {"ttl": 64}
    return turned(eth(*tags)) / ip(src or VIP[family], CLIENT[family], **hops, **fields) / message


def quoted(family, proto="tcp", src=None, sport=PORT, dport=SPORT):
    """What the backend sent the client, as far as a router quotes it."""
    return ip(src or VIP[family], CLIENT[family]) / l4(proto, sport=sport, dport=dport)


def fresh(frame):
    """Checksums and lengths made again."""
    for kind in (IP, ICMP, ICMPv6PacketTooBig, ICMPv6TimeExceeded):
        if kind in frame:
            for field in ("chksum", "cksum"):
                frame[kind].delfieldval(field) if field in frame[kind].fields else None
    return frame


def error(family, kind, quote, dst=None):
    """An ICMP error from a router to the service's address."""
    return eth() / ip(ROUTER[family], dst or VIP[family]) / kind / quote


ERRORS = {
    4: {"frag_needed": ICMP(type=3, code=4, nexthopmtu=1400), "unreachable": ICMP(type=3, code=1),
        "time_exceeded": ICMP(type=11, code=0), "parameter": ICMP(type=12, code=0)},
    6: {"too_big": ICMPv6PacketTooBig(mtu=1400), "time_exceeded": ICMPv6TimeExceeded()},
}

for family in FAMILIES:
    v = f"v{family}"
    hop = "hlim" if family == 6 else "ttl"
    six = family == 6

    number = {"nh": 58} if six else {"proto": 1}

    # ---- echo ------------------------------------------------------------------------------------
    table.row(f"{v}_echo", *WORLD[family], packet(echo(family), TX, "lb_echoed", echoed(family)))
    table.row(f"{v}_echo_last_hop", *WORLD[family],
              packet(echo(family, **{hop: 1}), TX, "lb_echoed", echoed(family)))
    table.row(f"{v}_echo_tagged", *WORLD[family],
              packet(echo(family, tags=("ad", "q")), TX, "lb_echoed", echoed(family, ("ad", "q"))))
    # RFC 1071: of a reply that is all zeros the sum is 0, and its complement 0xffff
    zeros = b"\x08\x00\xf7\xff" + bytes(4)
    if not six:
        table.row("v4_echo_of_zeros", *WORLD[4], packet(
            echo(4, kind=Raw(zeros), **number), TX, "lb_echoed",
            turned(eth()) / ip(VIP[4], CLIENT[4], proto=1) / Raw(b"\x00\x00\xff\xff" + bytes(4))))
    # RFC 1122 section 3.2.2, RFC 4443 section 2.4 e: to one host or not at all
    for nobody in (("::", "ff02::1") if six else
                   ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1")):
        tag = nobody.replace(":", "_").replace(".", "_")
        frame = eth() / ip(nobody, VIP[family]) / echo(family)[ICMPv6EchoRequest if six else ICMP]
        table.row(f"{v}_echo_from_{tag}_passes", *WORLD[family], passes(frame))
    table.row(f"{v}_echo_without_backend", service(family),
              packet(echo(family), TX, "lb_echoed", echoed(family)))
    table.row(f"{v}_echo_to_another_passes", *WORLD[family], passes(echo(family, OTHER[family])))
    # an address and a prefix around it: both answer, each as itself
    table.row(f"{v}_echo_of_address_in_prefix", *WORLD[family], service(family, address=NET[family]),
              packet(echo(family), TX, "lb_echoed", echoed(family)),
              packet(echo(family, OTHER[family]), TX, "lb_echoed", echoed(family, src=OTHER[family])),
              command(f"service del tcp {at(NET[family])}"), passes(echo(family, OTHER[family])),
              packet(echo(family), TX, "lb_echoed", echoed(family)))
    reply_ = ICMPv6EchoReply(id=7, seq=3) if six else ICMP(type=0, id=7, seq=3)
    table.row(f"{v}_echo_reply_passes", *WORLD[family], passes(echo(family, kind=reply_)))
    table.row(f"{v}_icmp_cut", *WORLD[family],
              drops(echo(family, kind=Raw(b"\x08\x00\x00"), **number), "malformed_l4"))

    # ---- errors go where the flow they quote goes ------------------------------------------------
    for name, kind in ERRORS[family].items():
        frame = error(family, kind, quoted(family))
        table.row(f"{v}_{name}", *WORLD[family], tunnel(frame, family))
    frame = error(family, next(iter(ERRORS[family].values())), quoted(family))
    kind = next(iter(ERRORS[family].values()))
    table.row(f"{v}_error_of_udp", service(family, "udp"), backend(family, proto="udp"),
              tunnel(error(family, kind, quoted(family, "udp")), family))
    table.row(f"{v}_error_follows_the_flow", *WORLD[family], tunnel(to(family), family),
              backend(family, "10.0.0.2" if not six else "2001:db8:b::2", options="weight=65535"),
              tunnel(frame, family))
    table.row(f"{v}_error_through_gue", service(family, options="mode=gue"), backend(family),
              tunnel(frame, family, gue=True))
    table.row(f"{v}_error_of_any_port", service(family, port=0), backend(family, port=0),
              tunnel(error(family, kind, quoted(family, sport=7)), family,
                     hash_=hashed(family, dport=7)))
    table.row(f"{v}_error_of_no_service_passes", *WORLD[family],
              passes(error(family, kind, quoted(family, sport=81))))
    table.row(f"{v}_error_quotes_another_address_passes", *WORLD[family],
              passes(error(family, kind, quoted(family, src=OTHER[family]))))
    table.row(f"{v}_error_to_another_passes", *WORLD[family],
              passes(error(family, kind, quoted(family), OTHER[family])))
    for length in (0, 20, 27) if not six else (0, 40, 47):
        table.row(f"{v}_error_quotes_{length}_bytes_passes", *WORLD[family],
                  passes(error(family, kind, Raw(bytes(quoted(family))[:length]))))
    table.row(f"{v}_error_quotes_28_bytes", *WORLD[family],
              tunnel(error(family, kind, Raw(bytes(quoted(family))[:48 if six else 28])), family))
    # RFC 5508 section 4.2: to the backend, quoting what the backend itself sent; the quoted L4
    # checksum is left as the client saw it
    for proto in ("tcp", "udp"):
        seen = quoted(family, proto)
        own = ip(BACKEND[family], CLIENT[family]) / l4(
            proto, sport=BPORT, dport=SPORT,
            chksum=seen.__class__(bytes(seen))[TCP if proto == "tcp" else UDP].chksum)
        hops = {"hlim": 63} if six else {"ttl": 63}
        nat = (service(family, proto, options="mode=nat"),
               backend(family, at(BACKEND[family], BPORT), proto))
        table.row(f"{v}_error_of_nat_{proto}", *nat, packet(
            error(family, kind, seen), TX, "lb_translated",
            turned(eth()) / ip(ROUTER[family], BACKEND[family], **hops) / kind / own))
        # the other way: a backend, or a router before it, about what the client sent; from the
        # service's address, quoting the service (RFC 5508 section 4.2)
        flow = to(family, l4(proto))
        went = ip(CLIENT[family], BACKEND[family], **hops) / l4(proto, dport=BPORT)
        sent = ip(CLIENT[family], VIP[family], **hops) / l4(
            proto, chksum=went.__class__(bytes(went))[TCP if proto == "tcp" else UDP].chksum)
        for name, sender in (("backend", BACKEND[family]), ("router", ROUTER[family])):
            for kind_name, kind_ in ERRORS[family].items():
                come = eth() / ip(sender, CLIENT[family]) / kind_ / went
                come.src = SERVER_MAC
                goes = turned(eth()) / ip(VIP[family], CLIENT[family], **hops) / kind_ / sent
                table.row(f"{v}_error_{kind_name}_from_{name}_{proto}", *nat, forward(
                    flow, family), packet(come, TX, "lb_replied", goes))
        table.row(f"{v}_error_from_backend_of_unknown_{proto}_passes", *nat, passes(come))
        elsewhere = come.copy()
        elsewhere[IPv6 if six else IP].dst = OTHER[family]
        table.row(f"{v}_error_from_backend_to_another_{proto}_passes", *nat, forward(flow, family),
                  passes(fresh(elsewhere)))
        come[IPv6 if six else IP].setfieldval(hop, 1)
        table.row(f"{v}_error_from_backend_{proto}_last_hop", *nat, forward(flow, family),
                  drops(fresh(come), "ttl_exceeded"))
        # quoted up to its ports and no further, and one byte less with the rest as padding
        head_ = 48 if six else 28
        for length in (head_, head_ - 1):
            part = Raw(bytes(went)[:length])
            come = eth() / ip(sender, CLIENT[family]) / kind / part
            come.src = SERVER_MAC
            if length == head_:
                table.row(f"{v}_error_from_backend_quoting_{length}_bytes_of_{proto}", *nat, forward(
                    flow, family), packet(come, TX, "lb_replied", turned(eth()) / ip(
                        VIP[family], CLIENT[family], **hops) / kind / Raw(bytes(sent)[:length])))
            else:
                table.row(f"{v}_error_from_backend_quote_in_padding_{proto}_passes", *nat, forward(
                    flow, family), passes(bytes(come) + bytes(went)[length:length + 9]))
    table.row(f"{v}_error_of_nat_last_hop", *nat, drops(
        eth() / ip(ROUTER[family], VIP[family], **{hop: 1}) / kind / quoted(family, "udp"),
        "ttl_exceeded"))
    table.row(f"{v}_error_no_backend", service(family), drops(frame, "lb_no_backend"))

    # ---- too big for the tunnel: the sender is told what fits -------------------------------------
    head = 40 if six else 20

    def big(over=1, outer=family, size=1500, **fields):
        room = size - (20 if outer == 4 else 40)
        return to(family, TCP(sport=SPORT, dport=PORT) / (b"x" * (room + over - head - 20)), **fields)

    def too_big(frame, mtu):
        """RFC 1191 section 4, RFC 4443 section 3.2; 504 bytes quoted (lib/limits.h)."""
        top, inner = split(frame)
        quote = Raw(bytes(inner)[:504])
        if six:
            return turned(top) / IPv6(src=VIP[6], dst=CLIENT[6], hlim=64) / ICMPv6PacketTooBig(
                mtu=mtu) / quote
        return turned(top) / IP(src=VIP[4], dst=CLIENT[4], ttl=64, tos=0xc0, id=0, flags="DF") / ICMP(
            type=3, code=4, nexthopmtu=mtu) / quote

    for outer, overhead in ((4, 20), (6, 40)):
        frame = big(outer=outer)
        table.row(f"{v}_too_big_for_v{outer}", service(family), backend(family, BACKEND[outer]),
                  packet(frame, TX, "lb_too_big", too_big(frame, 1500 - overhead)))
        table.row(f"{v}_too_big_for_gue_v{outer}", service(family, options="mode=gue"),
                  backend(family, BACKEND[outer]),
                  packet(big(-7, outer), TX, "lb_too_big", too_big(big(-7, outer),
                                                                   1500 - overhead - 8)))
    frame = big(tags=("q",))
    mtu = 1500 - (40 if six else 20)
    table.row(f"{v}_too_big_tagged", *WORLD[family],
              packet(frame, TX, "lb_too_big", too_big(frame, mtu)))
    frame = big(size=1280)
    table.row(f"{v}_too_big_for_a_smaller_mtu", command("balancer set mtu=1280"), *WORLD[family],
              packet(frame, TX, "lb_too_big", too_big(frame, mtu - 220)))
    table.row(f"{v}_larger_mtu", command("balancer set mtu=1540"), *WORLD[family],
              tunnel(big(), family))
    # RFC 1122 section 3.2.2, RFC 4443 section 2.4 e: not to a multicast source
    many = big()
    many[IPv6 if six else IP].src = "ff02::5" if six else "224.0.0.5"
    table.row(f"{v}_too_big_from_multicast", *WORLD[family], drops(many, "lb_too_big_silent"))

    # ---- fragments -----------------------------------------------------------------------------------
    def pieces(proto="udp", src=CLIENT, dst=VIP, identity=9, sport=SPORT, dport=PORT, parts=3, tags=()):
        """A datagram in pieces of 64 bytes, the last one of 5."""
        whole = bytes(ip(src[family], dst[family]) / (
            UDP(sport=sport, dport=dport) if proto == "udp" else TCP(sport=sport, dport=dport)) /
            Raw(bytes(range(64 * (parts - 1) + 5 - (8 if proto == "udp" else 20)))))[head:]
        protocol = 17 if proto == "udp" else 6
        out = []
        for part in range(parts):
            data, more = whole[64 * part:64 * part + 64], part < parts - 1
            if six:
                out.append(eth(*tags) / IPv6(src=src[6], dst=dst[6]) / IPv6ExtHdrFragment(
                    nh=protocol, offset=8 * part, m=int(more), id=identity) / Raw(data))
            else:
                out.append(eth(*tags) / IP(src=src[4], dst=dst[4], id=identity, proto=protocol,
                                           flags="MF" if more else 0, frag=8 * part) / Raw(data))
        return out

    udp = (service(family, "udp"), backend(family, proto="udp"))
    one, two, three = pieces()
    table.row(f"{v}_fragments", *udp, *(tunnel(piece, family) for piece in (one, two, three)))
    table.row(f"{v}_fragments_out_of_order_after_the_first", *udp,
              *(tunnel(piece, family) for piece in (one, three, two)))
    table.row(f"{v}_fragments_tagged", *udp,
              *(tunnel(piece, family) for piece in pieces(tags=("q",))))
    table.row(f"{v}_fragments_of_tcp", *WORLD[family],
              *(tunnel(piece, family) for piece in pieces("tcp")))
    table.row(f"{v}_fragment_without_the_first", *udp, drops(two, "lb_frag_unknown"),
              drops(three, "lb_frag_unknown"))
    table.row(f"{v}_fragment_of_another_packet", *udp, tunnel(one, family),
              drops(pieces(identity=10)[1], "lb_frag_unknown"))
    table.row(f"{v}_fragments_of_two_packets", *udp, tunnel(one, family),
              tunnel(pieces(identity=10, sport=7)[0], family, hash_=hashed(family, sport=7)),
              tunnel(two, family),
              tunnel(pieces(identity=10, sport=7)[1], family, hash_=hashed(family, sport=7)))
    table.row(f"{v}_fragment_of_another_protocol", *udp, *WORLD[family], tunnel(one, family),
              drops(pieces("tcp")[1], "lb_frag_unknown"))
    table.row(f"{v}_fragments_to_another_port_pass", *udp, passes(pieces(dport=81)[0]))
    table.row(f"{v}_fragments_to_another_pass", *udp,
              *(passes(piece) for piece in pieces(dst=OTHER)))
    # RFC 1858: the first fragment must hold the L4 header
    tiny = (IPv6ExtHdrFragment(nh=6, m=1, id=1) / Raw(bytes(l4())[:8]) if six else
            Raw(bytes(l4())[:8]))
    frame = to(family, tiny) if six else to(family, tiny, proto=6, flags="MF")
    table.row(f"{v}_first_fragment_too_small", *WORLD[family], drops(frame, "malformed_l4"))
    table.row(f"{v}_fragmented_echo_passes", *WORLD[family],
              passes(eth() / IPv6(src=CLIENT[6], dst=VIP[6]) / IPv6ExtHdrFragment(
                  nh=58, m=1, id=1) / Raw(bytes([128]) + bytes(15)) if six else
                     echo(4, flags="MF")))
    table.row(f"{v}_fragments_follow_the_flow", *udp, tunnel(one, family),
              backend(family, "10.0.0.2" if not six else "2001:db8:b::2", proto="udp",
                      options="weight=65535"), tunnel(two, family), tunnel(three, family))

    # later fragments have no ports to change; the first one's checksum covers all of them
    nat = (service(family, "udp", options="mode=nat"),
           backend(family, at(BACKEND[family], BPORT), "udp"))

    def through_nat(parts, new, reason, mac=None, **ports):
        """Each piece as the whole's translation cut up: the sum is that of the whole."""
        steps = []
        for before, after in zip(parts, new):
            hops = after[IPv6 if six else IP]
            if six:
                hops.hlim = 63
            else:
                hops.ttl = 63
            turned(after, mac)
            steps.append(packet(before, TX, reason, after))
        return steps

    table.row(f"{v}_fragments_of_nat", *nat,
              *through_nat(pieces(), pieces(dst=BACKEND, dport=BPORT), "lb_translated"),
              *through_nat(pieces(src=BACKEND, dst=CLIENT, sport=BPORT, dport=SPORT),
                           pieces(src=VIP, dst=CLIENT, sport=PORT, dport=SPORT), "lb_replied"))

    # an atomic fragment is whole (RFC 6946); IPv6 only
    if six:
        table.row("v6_atomic_fragment", *udp,
                  tunnel(to(6, IPv6ExtHdrFragment(nh=17, m=0, id=1) / l4("udp")), 6))
