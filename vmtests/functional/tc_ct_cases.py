# SPDX-License-Identifier: GPL-2.0-only
"""Connections of an endpoint: how they begin, live and end."""

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6ExtHdrFragment
from scapy.packet import Raw

from lb_table import EVICT, TcTable, age, command, flows, sweep
from tc_table import (ADDRESS, DPORT, FAMILIES, SPORT, THERE, add, alone, back, echo, host, into, ip, out, received, sent,
                      tcp, udp, unreachable)

table = TcTable()
INVALID = "ct_invalid"

for family, v in FAMILIES:
    here, there = host(family, ADDRESS[family][0]), host(family, THERE[family])
    proto_icmp = "icmp" if family == 4 else "icmpv6"

    def a(flags, payload=b"", f=family):
        """The workload's segment to the server."""
        return out(sent(f, tcp(flags, payload=payload)))

    def b(flags, payload=b"", reason="forwarded", f=family):
        """The server's to the workload."""
        return into(received(f, back(tcp(flags, payload=payload))), reason=reason)

    def lost(flags, f=family):
        return out(sent(f, tcp(flags)), reason=INVALID)

    def is_(state):
        return flows(f"tcp {here(SPORT)} {there(DPORT)} {state}")

    from_there = f"tcp {there(DPORT)} {here(SPORT)}"
    opens = (a("S"), b("SA"), a("A"))

    # ---- TCP's life ---------------------------------------------------------------------------
    table.row(f"{v}_tcp_life", add(), a("S"), is_("syn"), b("SA"), is_("established"), a("A"),
              a("PA", b"request"), b("PA", b"answer"), is_("established"), a("FA"), is_("established"),
              b("FA"), is_("closed"), a("A"), is_("closed"), age(31), is_("ended"), lost("A"))
    # who began it cannot make it long-lived alone: a flood would
    table.row(f"{v}_tcp_not_answered", add(), a("S"), a("S"), a("A"), a("PA", b"x"), is_("syn"), age(61),
              is_("ended"), b("SA", reason=INVALID))
    table.row(f"{v}_tcp_established_for_hours", add(), *opens, age(21000), a("A"), age(21000), b("A"),
              is_("established"), age(21601), lost("A"))
    table.row(f"{v}_tcp_half_closed_stays", add(), *opens, b("FA"), age(20000), a("PA", b"late"), is_("established"))
    table.row(f"{v}_tcp_begun_outside", add(), into(received(family, tcp("S"))), out(sent(family, back(tcp("SA")))),
              flows(f"tcp {there(SPORT)} {here(DPORT)} established"))

    # ---- RST ----------------------------------------------------------------------------------
    table.row(f"{v}_rst_ends_early", add(), *opens, b("R"), is_("reset"), age(41), is_("ended"), lost("A"))
    table.row(f"{v}_rst_refuses", add(), a("S"), b("RA"), is_("reset"))
    # somebody else sent it: the side it is said to come from goes on
    table.row(f"{v}_rst_spurious", add(), *opens, b("R"), is_("reset"), b("PA", b"still here"), is_("established"),
              age(41), a("A"), is_("established"))
    table.row(f"{v}_rst_spurious_of_the_workload", add(), *opens, a("R"), is_("reset"), a("A"), is_("established"))
    # what was on its way to the side that reset says nothing
    table.row(f"{v}_rst_and_the_other_sides_data", add(), *opens, b("R"), a("PA", b"on its way"), is_("reset"))

    # ---- the same ends again ------------------------------------------------------------------
    closes = (a("FA"), b("FA"))
    table.row(f"{v}_syn_reopens_closed", add(), *opens, *closes, is_("closed"), a("S"), is_("syn"), b("SA"),
              is_("established"))
    table.row(f"{v}_syn_reopens_reset", add(), *opens, b("R"), a("S"), is_("syn"))
    table.row(f"{v}_syn_reopens_from_the_other_side", add(), *opens, *closes, b("S"), flows(f"{from_there} syn"))
    table.row(f"{v}_syn_within_a_connection", add(), *opens, a("S"), is_("established"))

    # ---- what begins none -----------------------------------------------------------------------
    for name, flags in (("ack", "A"), ("syn_ack", "SA"), ("fin", "FA"), ("rst", "R"), ("data", "PA"),
                        ("null", ""), ("syn_fin", "SF"), ("syn_rst", "SR"), ("fin_alone", "F"), ("xmas", "FPU")):
        table.row(f"{v}_{name}_begins_nothing", add(), lost(flags),
                  into(received(family, tcp(flags)), reason=INVALID), flows())
    table.row(f"{v}_odd_flags_in_a_connection", add(), *opens, lost("SF"), lost(""), is_("established"))
    table.row(f"{v}_pickup", add(), command("ct set pickup=yes"), a("A"), is_("established"), b("PA", b"x"),
              out(sent(family, tcp("R", sport=5)), reason=INVALID),
              out(sent(family, tcp("SA", sport=6)), reason=INVALID))

    # ---- UDP, ICMP, others ---------------------------------------------------------------------
    asks, answers = out(sent(family, udp())), into(received(family, back(udp())))
    table.row(f"{v}_udp", add(), asks, flows(f"udp {here(SPORT)} {there(53)} udp"), asks,
              flows(f"udp {here(SPORT)} {there(53)} udp"), age(29), answers,
              flows(f"udp {here(SPORT)} {there(53)} udp-answered"), age(100), asks,
              flows(f"udp {here(SPORT)} {there(53)} udp-answered"), age(121), answers,
              flows(f"udp {there(53)} {here(SPORT)} udp"))
    ping, pong = out(sent(family, echo(family))), into(received(family, echo(family, reply=True)))
    table.row(f"{v}_ping", add(), ping, pong, flows(f"{proto_icmp} {here(77)} {THERE[family]} icmp"), age(61),
              into(received(family, echo(family, reply=True)), reason=INVALID))
    table.row(f"{v}_pong_alone", add(), into(received(family, echo(family, reply=True)), reason=INVALID), flows())
    table.row(f"{v}_pong_of_another_ping", add(), ping,
              into(received(family, echo(family, reply=True, ident=78)), reason=INVALID))
    table.row(f"{v}_other_protocol", add(), out(sent(family, Raw(b"gre, perhaps"), **{"nh" if family == 6 else "proto": 47})),
              flows(f"47 {ADDRESS[family][0]} {THERE[family]} other"))

    # ---- ICMP errors belong to the connection they quote -------------------------------------------
    router = {4: "203.0.113.1", 6: "2001:db8:99::1"}[family]
    for name, l4 in (("tcp", tcp()), ("udp", udp())):
        mine = sent(family, l4).payload
        error = received(family, unreachable(family, mine), src=router)
        table.row(f"{v}_error_about_{name}", add(), into(error, reason=INVALID), out(sent(family, l4)), into(error), age(61),
                  into(error, reason=INVALID))
        stranger = ip(family, ADDRESS[family][1], THERE[family]) / l4
        table.row(f"{v}_error_to_the_wrong_one_about_{name}", add(), out(sent(family, l4)),
                  into(received(family, unreachable(family, stranger), src=router), reason=INVALID))
    table.row(f"{v}_error_keeps_nothing_alive", add(), a("S"), age(50),
              into(received(family, unreachable(family, sent(family, tcp()).payload))), age(11), is_("ended"))
    table.row(f"{v}_error_about_an_answer", add(), into(received(family, udp())), out(sent(family, back(udp()))),
              into(received(family, unreachable(family, sent(family, back(udp())).payload))))
    table.row(f"{v}_error_of_the_workload", add(), into(received(family, udp())),
              out(sent(family, unreachable(family, received(family, udp()).payload))))
    table.row(f"{v}_error_cut", add(), out(sent(family, udp())),
              into(received(family, unreachable(family, bytes(sent(family, udp()).payload)[:24])), reason=INVALID))

    # ---- fragments ------------------------------------------------------------------------------
    whole = alone(family, udp(payload=b"f" * 64))
    if family == 4:
        first = sent(4, Raw(whole[:32]), proto=17, id=9, flags="MF")
        later = sent(4, Raw(whole[32:]), proto=17, id=9, frag=4)
        other = sent(4, Raw(whole[32:]), proto=17, id=10, frag=4)
    else:
        first = sent(6, IPv6ExtHdrFragment(nh=17, id=9, m=1) / Raw(whole[:32]))
        later = sent(6, IPv6ExtHdrFragment(nh=17, id=9, offset=4) / Raw(whole[32:]))
        other = sent(6, IPv6ExtHdrFragment(nh=17, id=10, offset=4) / Raw(whole[32:]))
    table.row(f"{v}_fragments", add(), out(later, reason="lb_frag_unknown"), out(first), out(later),
              out(other, reason="lb_frag_unknown"), flows(f"udp {here(SPORT)} {there(53)} udp"))

    # ---- settings, sweeping ---------------------------------------------------------------------
    table.row(f"{v}_timeouts_are_settings", add(), command("ct set syn=5 udp=7"), a("S"), asks, age(6),
              flows(f"tcp {here(SPORT)} {there(DPORT)} ended", f"udp {here(SPORT)} {there(53)} udp"))
    table.row(f"{v}_sweep", add(), *opens, asks, age(31), sweep(1, 1), is_("established"), sweep(0, 1))
    # whoever sends the next packet that begins a connection: nobody sweeps
    table.row(f"{v}_ended_leave_by_themselves", add(), *opens, asks, age(21601), out(sent(family, udp(sport=9))),
              flows(f"udp {here(9)} {there(53)} udp"))
    table.row(f"{v}_what_lives_stays", add(), *opens, asks, *(out(sent(family, udp(sport=p))) for p in (2, 3, 4)), age(31),
              out(sent(family, udp(sport=9))), out(sent(family, udp(sport=10))),
              flows(f"tcp {here(SPORT)} {there(DPORT)} established", f"udp {here(9)} {there(53)} udp",
                    f"udp {here(10)} {there(53)} udp"), a("A"))
    table.row(f"{v}_evicted", add(), *opens, EVICT, flows(), lost("A"), a("S"), is_("syn"))

    # ---- headers that are not all there -----------------------------------------------------------
    for name, payload, proto in (("tcp", alone(family, tcp())[:16], 6), ("udp", alone(family, udp())[:6], 17),
                                 ("icmp", alone(family, echo(family))[:6], 1 if family == 4 else 58)):
        frame = sent(family, Raw(payload), **{"nh" if family == 6 else "proto": proto})
        table.row(f"{v}_cut_{name}", add(), out(frame, reason="malformed_l4"), flows())
    table.row(f"{v}_tcp_header_longer_than_packet", add(),
              out(sent(family, TCP(sport=1, dport=2, flags="S", dataofs=15)), reason="malformed_l4"))
    table.row(f"{v}_udp_length_lies", add(), out(sent(family, UDP(sport=1, dport=2, len=100)), reason="malformed_l4"))
