# SPDX-License-Identifier: GPL-2.0-only
"""Masquerading at the uplink: which packets, which ports, for how long (RFC 3022, RFC 4787)."""

from scapy.layers.inet import IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP
from scapy.packet import Raw

from lb_table import LbTable, command, eth, ip
from snat_table import (AGE, DPORT, ENDPOINT, FAMILIES, OTHER, PORT, PROTOS, SECOND, SERVER, SWEEP, UPLINK,
                        answer, back, evict, expect, l4, leaves, out, returns, sent, shot, stays, world)

table = LbTable()

for family in FAMILIES:
    v, six = f"v{family}", family == 6
    size = 14 + (40 if six else 20)

    for proto in PROTOS:
        name = f"{v}_{proto}"

        # ---- which port --------------------------------------------------------------------------
        table.row(f"{name}_keeps_its_port", *world("32768-65535"), out(family, proto), back(family, proto),
                  out(family, proto), back(family, proto), expect(flows=1, collisions=0))
        table.row(f"{name}_gets_a_port", *world("30000-30000"), out(family, proto, port=30000, sport=1000),
                  back(family, proto, port=30000, dport=1000), expect(flows=1, collisions=0))
        table.row(f"{name}_at_the_ends_of_the_range", *world("40000-40002"), out(family, proto),
                  out(family, proto, port=40002, sport=40002), expect(flows=2, collisions=0))
        table.row(f"{name}_same_port_of_two_endpoints", *world(), out(family, proto),
                  out(family, proto, port=40001, src=SECOND), back(family, proto),
                  back(family, proto, port=40001, dst=SECOND), out(family, proto),
                  out(family, proto, port=40001, src=SECOND), expect(flows=2))
        # RFC 4787 has no rule against it: the answers tell them apart by their source
        table.row(f"{name}_same_port_to_two_destinations", *world(), out(family, proto),
                  out(family, proto, src=SECOND, dst=OTHER), back(family, proto),
                  back(family, proto, src=OTHER, dst=SECOND), expect(flows=2, collisions=0))
        table.row(f"{name}_no_port_left", *world("40000-40000"), out(family, proto),
                  shot(sent(family, proto, src=SECOND), "nat_no_port"), expect(flows=1, collisions=16),
                  back(family, proto), out(family, proto))
        table.row(f"{name}_flows_of_one_endpoint", *world("40000-40015"), out(family, proto),
                  out(family, proto, port=40001, sport=40001), out(family, proto, port=40002, sport=40002),
                  back(family, proto, port=40002, dport=40002), back(family, proto), expect(flows=3))

        # ---- which packets -----------------------------------------------------------------------
        table.row(f"{name}_other_source_stays", *world(), stays(sent(family, proto, src=OTHER)),
                  expect(flows=0))
        table.row(f"{name}_excluded_stays", *world(), command(f"uplink exclude add {SERVER[family]}"),
                  stays(sent(family, proto)), out(family, proto, dst=OTHER), expect(flows=1))
        table.row(f"{name}_no_longer_excluded", *world(), command(f"uplink exclude add {SERVER[family]}"),
                  stays(sent(family, proto)), command(f"uplink exclude del {SERVER[family]}"),
                  out(family, proto))
        table.row(f"{name}_flow_outlives_its_exclusion", *world(), out(family, proto),
                  command(f"uplink exclude add {SERVER[family]}"), out(family, proto), back(family, proto),
                  stays(sent(family, proto, src=SECOND)))
        table.row(f"{name}_no_address_stays", *world(), command(f"uplink set masquerade{family}=none"),
                  stays(sent(family, proto)), stays(answer(family, proto), "in"), expect(flows=0))
        table.row(f"{name}_flow_keeps_its_address", *world(), out(family, proto),
                  command("uplink set masquerade4=203.0.113.2 masquerade6=2001:db8:f::2"),
                  out(family, proto), back(family, proto))
        table.row(f"{name}_answer_nobody_asked_for_stays", *world(), stays(answer(family, proto), "in"),
                  out(family, proto), stays(answer(family, proto, dport=40001), "in"),
                  stays(answer(family, proto, src=OTHER), "in"), expect(flows=1))
        for tags in (("q",), ("ad", "q")):
            table.row(f"{name}_tags_{len(tags)}", *world(), out(family, proto, port=40000, tags=tags),
                      back(family, proto, tags=tags))

        # ---- the host's own ----------------------------------------------------------------------
        host = sent(family, proto, src=UPLINK)
        table.row(f"{name}_of_the_host_holds_its_port", *world(), stays(host), expect(flows=1),
                  out(family, proto, port=40001), stays(answer(family, proto), "in"),
                  back(family, proto, port=40001), stays(host), expect(flows=2))
        table.row(f"{name}_of_the_host_finds_its_port_taken", *world(), out(family, proto),
                  out(family, proto, port=40001, src=UPLINK), back(family, proto),
                  back(family, proto, port=40001, dst=UPLINK), expect(flows=2))
        table.row(f"{name}_of_the_host_out_of_range_holds_none", *world(),
                  stays(sent(family, proto, src=UPLINK, sport=1000)), expect(flows=0))
        table.row(f"{name}_of_the_host_to_excluded_holds_none", *world(),
                  command(f"uplink exclude add {SERVER[family]}"), stays(host), expect(flows=0))

        # ---- time --------------------------------------------------------------------------------
        table.row(f"{name}_port_of_an_old_flow", *world("40000-40000"), out(family, proto), AGE,
                  stays(answer(family, proto), "in"), out(family, proto, src=SECOND),
                  back(family, proto, dst=SECOND), expect(flows=1, expired=1, collisions=0))
        table.row(f"{name}_old_flow_goes_on", *world("40000-40000"), out(family, proto), AGE,
                  out(family, proto), back(family, proto), expect(flows=1))
        table.row(f"{name}_sweep", *world("40000-40000"), out(family, proto), SWEEP, expect(flows=1),
                  back(family, proto), AGE, SWEEP, expect(flows=0), stays(answer(family, proto), "in"))
        # evicted: either half comes back by the flow's next packet
        table.row(f"{name}_evicted_out", *world(), out(family, proto), *evict("nat_out"), out(family, proto),
                  back(family, proto), expect(flows=1, collisions=0))
        table.row(f"{name}_evicted_out_answered", *world(), out(family, proto), *evict("nat_out"),
                  back(family, proto), out(family, proto), expect(flows=1, collisions=0))
        table.row(f"{name}_evicted_in", *world(), out(family, proto), *evict("nat_in"), out(family, proto),
                  back(family, proto), expect(flows=1, collisions=0))
        table.row(f"{name}_evicted_in_and_taken", *world(), out(family, proto), *evict("nat_in"),
                  out(family, proto, src=SECOND), out(family, proto, port=40001),
                  back(family, proto, dst=SECOND), back(family, proto, port=40001))
        table.row(f"{name}_evicted_in_swept", *world(), out(family, proto), *evict("nat_in"), SWEEP,
                  out(family, proto), expect(flows=1))

    # how long a flow may be idle: RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2
    def said(flags):
        return out(family, flags=flags)

    def heard(flags):
        return back(family, flags=flags)

    table.row(f"{v}_tcp_time_opening", *world(), said("S"), expect(left=240), said("A"), expect(left=240))
    table.row(f"{v}_tcp_time_open", *world(), said("S"), heard("SA"), expect(left=7440), said("A"),
              expect(left=7440))
    for flags in ("FA", "R", "RA"):
        table.row(f"{v}_tcp_time_after_{flags}_of_the_endpoint", *world(), said("S"), heard("SA"), said(flags),
                  expect(left=240), heard("A"), expect(left=240))
        table.row(f"{v}_tcp_time_after_{flags}_of_the_server", *world(), said("S"), heard("SA"), heard(flags),
                  expect(left=240), said("A"), expect(left=240))
    table.row(f"{v}_tcp_time_opened_again", *world(), said("S"), heard("SA"), said("FA"), said("S"),
              expect(left=240), heard("SA"), expect(left=7440))
    table.row(f"{v}_udp_time", *world(), out(family, "udp"), expect(left=300), back(family, "udp"),
              expect(left=300))
    table.row(f"{v}_echo_time", *world(), out(family, "echo"), expect(left=60), back(family, "echo"),
              expect(left=60))

    # ---- checksums ---------------------------------------------------------------------------------
    for data in (b"", b"x", b"odd", bytes(range(200)) * 7):
        table.row(f"{v}_payload_of_{len(data)}", *world(),
                  *(step for proto in PROTOS for step in (out(family, proto, data=data),
                                                          back(family, proto, data=data))))
    table.row(f"{v}_udp_without_checksum", *world("30000-30000"),
              out(family, "udp", port=30000, sport=7, chksum=0),
              back(family, "udp", port=30000, dport=7, chksum=0))

    def sum_of(number, src, sport):
        frame = bytes(sent(family, "udp", src=src, sport=sport, data=number.to_bytes(2, "big")))
        return int.from_bytes(frame[size + 6:size + 8], "big")

    # RFC 768: a sum of 0 is sent as all ones. The payload that makes it so is what the sum is
    # without it.
    special = sum_of(0, UPLINK, 30000)
    assert sum_of(special, UPLINK, 30000) == 0xffff
    table.row(f"{v}_udp_checksum_of_zero", *world("30000-30000"),
              out(family, "udp", port=30000, sport=7, data=special.to_bytes(2, "big")))
    right, wrong = bytes(sent(family, src=UPLINK)), bytes(sent(family))
    at = slice(size + 16, size + 18)

    def one_more(frame):
        """Its checksum is off by one: ones' complement has no other carry to mind but 0xffff."""
        value = int.from_bytes(frame[at], "big") + 1
        assert value < 0xffff
        return frame[:at.start] + value.to_bytes(2, "big") + frame[at.stop:]

    table.row(f"{v}_wrong_checksum_stays_wrong", *world(), leaves(one_more(wrong), one_more(right)))

    # ---- what is no flow ---------------------------------------------------------------------------
    number = (lambda n: {"nh": n}) if six else (lambda n: {"proto": n})
    for proto in (132, 47, 50):
        raw = Raw(bytes(40))
        table.row(f"{v}_protocol_{proto}", *world(),
                  shot(eth() / ip(ENDPOINT[family], SERVER[family], **number(proto)) / raw,
                       "nat_unsupported"),
                  stays(eth() / ip(OTHER[family], SERVER[family], **number(proto)) / raw),
                  stays(eth() / ip(SERVER[family], UPLINK[family], **number(proto)) / raw, "in"))
    cut = {"tcp": (6, 19), "udp": (17, 7), "icmp": (58 if six else 1, 7)}
    for name, (proto, length) in cut.items():
        table.row(f"{v}_{name}_cut", *world(),
                  shot(eth() / ip(ENDPOINT[family], SERVER[family], **number(proto)) / Raw(bytes(length)),
                       "malformed_l4"),
                  stays(eth() / ip(OTHER[family], SERVER[family], **number(proto)) / Raw(bytes(length))),
                  stays(eth() / ip(SERVER[family], UPLINK[family], **number(proto)) / Raw(bytes(length)), "in"))
    table.row(f"{v}_longer_than_the_frame", *world(), shot(bytes(sent(family))[:-1], f"malformed_ip{family}"),
              shot(bytes(answer(family))[:-1], f"malformed_ip{family}", "in"))

    # ---- flows from outside to the endpoint's own address --------------------------------------------
    for proto in ("tcp", "udp"):
        asks = eth() / ip(SERVER[family], ENDPOINT[family]) / l4(proto, family, 5000, DPORT)
        says = eth() / ip(ENDPOINT[family], SERVER[family]) / l4(proto, family, DPORT, 5000, back=True)
        table.row(f"{v}_{proto}_from_outside_is_answered_as_it_was_asked", *world(), stays(asks, "in"),
                  stays(says), stays(asks, "in"), stays(says), expect(flows=0))
        table.row(f"{v}_{proto}_nobody_asked", *world("30000-30000"), leaves(says, eth() / ip(
            UPLINK[family], SERVER[family]) / l4(proto, family, 30000, 5000, back=True)))
    # a source port of 0 is one that wants no answer (RFC 768), and an echo may have any identifier
    for proto in PROTOS:
        table.row(f"{v}_{proto}_port_0", *world("30000-30000"), out(family, proto, port=30000, sport=0),
                  back(family, proto, port=30000, dport=0), expect(flows=1))
    echo = eth() / ip(ENDPOINT[family], SERVER[family]) / l4("echo", family, 0, 7, back=True)
    table.row(f"{v}_echo_reply_stays", *world(), stays(echo))

    # ---- past the stack: what is not simple is the stack's, unchanged, and why is counted ----------
    # loopback, which rows run on, has the address 0 and no forwarding in a new namespace
    def to_loopback(frame):
        frame.dst = "00:00:00:00:00:00"
        return frame

    direct, hop = (*world(), command("uplink set forward=direct")), "hlim" if six else "ttl"
    passing = eth() / ip(SERVER[family], ENDPOINT[family]) / l4("udp", family, 5000, DPORT)
    table.row(f"{v}_direct_where_forwarding_is_off", *direct, stays(to_loopback(passing.copy()), "in"),
              expect(fwd_disabled=1, fwd_direct=0))
    table.row(f"{v}_direct_last_hop", *direct, stays(to_loopback(eth() / ip(
        SERVER[family], ENDPOINT[family], **{hop: 1}) / l4("udp", family, 5000, DPORT)), "in"),
              expect(fwd_hops=1, fwd_disabled=0))
    table.row(f"{v}_direct_to_another_station", *direct, stays(passing.copy(), "in"), expect(fwd_not_ours=1))
    table.row(f"{v}_direct_tagged", *direct, stays(to_loopback(eth("q") / ip(
        SERVER[family], ENDPOINT[family]) / l4("udp", family, 5000, DPORT)), "in"), expect(fwd_not_ours=1))
    table.row(f"{v}_direct_answer", *direct, out(family), returns(
        to_loopback(answer(family)), to_loopback(answer(family, dst=ENDPOINT))), expect(fwd_disabled=1))
    table.row(f"{v}_not_direct", *world(), stays(to_loopback(passing.copy()), "in"),
              expect(fwd_disabled=0, fwd_not_ours=0))

    # ---- fragments -----------------------------------------------------------------------------------
    def pieces(whole, identity=9):
        """Cut every 64 bytes after the IP header; the checksums are those of the whole."""
        head, body = whole.copy(), bytes(whole)[size:]
        protocol = whole[IPv6].nh if six else whole[IP].proto
        network = head[IPv6 if six else IP]
        parts = []
        for offset in range(0, len(body), 64):
            more, data = offset + 64 < len(body), Raw(body[offset:offset + 64])
            if six:
                parts.append(eth() / IPv6(src=network.src, dst=network.dst) / IPv6ExtHdrFragment(
                    nh=protocol, offset=offset // 8, m=int(more), id=identity) / data)
            else:
                parts.append(eth() / IP(src=network.src, dst=network.dst, proto=protocol, id=identity,
                                        flags="MF" if more else 0, frag=offset // 8) / data)
        return parts

    def built(frame):
        return frame.__class__(bytes(frame))

    data = bytes(range(150))
    for proto in PROTOS:
        went = pieces(built(sent(family, proto, sport=7, data=data)))
        gone = pieces(built(sent(family, proto, src=UPLINK, sport=30000, data=data)))
        came = pieces(built(answer(family, proto, dport=30000, data=data)))
        come = pieces(built(answer(family, proto, dst=ENDPOINT, dport=7, data=data)))
        setup = world("30000-30000")
        table.row(f"{v}_{proto}_fragments", *setup, *(leaves(a, b) for a, b in zip(went, gone)),
                  *(returns(a, b) for a, b in zip(came, come)), expect(flows=1))
        table.row(f"{v}_{proto}_fragments_out_of_order", *setup,
                  *(leaves(went[i], gone[i]) for i in (0, 2, 1)))
        table.row(f"{v}_{proto}_fragment_without_the_first", *setup, shot(went[1], "nat_frag_unknown"),
                  stays(came[1], "in"))
        # what leaves under its own address does so to its last fragment
        if proto == "udp":
            asks = eth() / ip(SERVER[family], ENDPOINT[family]) / l4(proto, family, 5000, DPORT)
            says = pieces(built(eth() / ip(ENDPOINT[family], SERVER[family]) / l4(
                proto, family, DPORT, 5000, data=data)))
            table.row(f"{v}_udp_fragments_from_outside_are_answered_so", *setup, stays(asks, "in"),
                      *(stays(piece) for piece in says))
        if proto == "echo":
            table.row(f"{v}_echo_reply_in_fragments_stays", *setup, *(stays(piece) for piece in pieces(built(
                eth() / ip(ENDPOINT[family], SERVER[family]) / l4(proto, family, 0, 7, back=True, data=data)))))
        table.row(f"{v}_{proto}_fragment_of_no_source_stays", *setup,
                  *(stays(piece) for piece in pieces(built(sent(family, proto, src=OTHER, data=data)))[1:]))

# ---- headers between -----------------------------------------------------------------------------
table.row("v4_options", *world(), out(4, ipf={"options": [IPOption_Router_Alert()]}),
          back(4, ipf={"options": [IPOption_Router_Alert()]}))


def with_option(frame):
    copy = frame.copy()
    inner = copy[IPv6].payload
    copy[IPv6].remove_payload()
    return copy / IPv6ExtHdrDestOpt() / inner


table.row("v6_extension_header", *world(), leaves(with_option(sent(6)), with_option(sent(6, src=UPLINK))),
          returns(with_option(answer(6)), with_option(answer(6, dst=ENDPOINT))))
table.row("v6_neighbour_solicitation_stays", *world(),
          stays(eth() / IPv6(src=UPLINK[6], dst="ff02::1:ff00:7", hlim=255) / ICMPv6ND_NS(tgt=SERVER[6])),
          stays(eth() / IPv6(src=ENDPOINT[6], dst="ff02::1:ff00:7", hlim=255) / ICMPv6ND_NS(tgt=SERVER[6])))
table.row("arp_stays", *world(), stays(eth() / ARP()), stays(eth() / ARP(), "in"))
DIRECT = command("uplink set forward=direct")
for name, frame in (("v4_direct_options", eth() / IP(src=SERVER[4], dst=ENDPOINT[4], options=[
        IPOption_Router_Alert()]) / l4("udp", 4, 5000, DPORT)),
                    ("v6_direct_extension_header", eth() / IPv6(src=SERVER[6], dst=ENDPOINT[6]) /
                     IPv6ExtHdrDestOpt() / l4("udp", 6, 5000, DPORT))):
    frame.dst = "00:00:00:00:00:00"
    table.row(name, *world(), DIRECT, stays(frame, "in"), expect(fwd_options=1))
# ::/0 is a prefix of IPv6 only, though IPv4 is IPv4-mapped in the tries
table.row("v6_everything_is_not_v4", world()[0], command("uplink source add ::/0"), stays(sent(4)), out(6))
table.row("v4_everything_is_not_v6", world()[0], command("uplink source add 0.0.0.0/0"), stays(sent(6)), out(4))
table.row("v6_all_excluded_is_not_v4", *world(), command("uplink exclude add ::/0"), stays(sent(6)), out(4))
