# SPDX-License-Identifier: GPL-2.0-only
"""What endpoints may send and be sent: who they are, their policies, limits, and each other."""

from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from lb_table import EVICT, TcTable, age, command, flows, opened, rules, sweep
from tc_table import (ADDRESS, DPORT, FAMILIES, HOST_MAC, MAC, SPORT, THERE, add, back, delivered, echo, host, into, out,
                      received, sent, tcp, udp, unreachable)

table = TcTable()
NO_IN, NO_OUT, LIMIT = "policy_denied_in", "policy_denied_out", "conn_limit"


def rule(words):
    return command(f"policy add ep0 {words}")


# The precedence, one rule less each time: (rule, what the packet of identity 200 to port 80 is decided by).
LEVELS = ["identity=200 proto=tcp port=80", "proto=tcp port=80", "identity=200 proto=tcp", "proto=tcp", "identity=200", ""]
KEYS = ["200/6/80", "0/6/80", "200/6/0", "0/6/0", "200/0/0", "0/0/0"]

for family, v in FAMILIES:
    there = THERE[family]
    known = command(f"identity add {there}{'/32' if family == 4 else '/128'} 200")
    syn_in = received(family, tcp())
    syn_out = sent(family, tcp())

    # ---- who sends -----------------------------------------------------------------------------
    table.row(f"{v}_source_of_another", add(), add(1), out(sent(family, tcp(), n=1), reason="endpoint_spoofed"), flows())
    stranger = sent(family, tcp())
    stranger.src = MAC[1]
    table.row(f"{v}_mac_of_another", add(), out(stranger, reason="endpoint_spoofed"))
    table.row(f"{v}_tagged", add(), out(Ether(src=MAC[0], dst=HOST_MAC[0]) / Dot1Q(vlan=5) / sent(family, tcp()).payload,
                                        reason="endpoint_tagged"))
    only_other = command(f"endpoint add ep0 {ADDRESS[4 if family == 6 else 6][0]}")
    table.row(f"{v}_family_it_does_not_have", only_other, out(sent(family, tcp()), reason="endpoint_spoofed"))

    # ---- default, and each kind of rule -----------------------------------------------------------
    table.row(f"{v}_no_policy", add(), into(syn_in), out(sent(family, udp())))
    table.row(f"{v}_default_deny_in_its_direction", add(), rule("in allow proto=udp port=9"), into(syn_in, reason=NO_IN),
              into(syn_in, reason=NO_IN), flows(), out(syn_out))
    table.row(f"{v}_default_deny_out", add(), rule("out allow proto=udp port=9"), out(syn_out, reason=NO_OUT), into(syn_in))
    table.row(f"{v}_last_rule_gone", add(), rule("in allow proto=udp port=9"), into(syn_in, reason=NO_IN),
              command("policy del ep0 in proto=udp port=9"), into(syn_in))
    for n, level in enumerate(LEVELS):
        later = [f"in allow {words}" for words in LEVELS[n:]]
        table.row(f"{v}_precedence_{n + 1}_of_6", add(), known, *map(rule, later), into(syn_in),
                  rules(*(f"ep0 in allow {key} {1 if key == KEYS[n] else 0}" for key in KEYS[n:])))
        # a rule that denies wins, however little it says, over all that allow
        denies = f"in deny {level}"
        others = [f"in allow {words}" for m, words in enumerate(LEVELS) if m != n]
        table.row(f"{v}_deny_wins_{n + 1}_of_6", add(), known, rule(denies), *map(rule, others), into(syn_in, reason=NO_IN),
                  rules(f"ep0 in deny {KEYS[n]} 1", *(f"ep0 in allow {key} 0" for m, key in enumerate(KEYS) if m != n)))
    table.row(f"{v}_wrong_port", add(), rule("in allow proto=tcp port=81"), into(syn_in, reason=NO_IN))
    table.row(f"{v}_wrong_proto", add(), rule("in allow proto=udp port=80"), into(syn_in, reason=NO_IN))
    table.row(f"{v}_wrong_identity", add(), known, rule("in allow identity=201"), into(syn_in, reason=NO_IN))
    table.row(f"{v}_out_by_identity", add(), known, rule("out allow identity=200 proto=tcp port=80"), out(syn_out),
              out(sent(family, tcp(dport=81)), reason=NO_OUT))
    icmp = "icmp" if family == 4 else "icmpv6"
    table.row(f"{v}_ping_only", add(), rule(f"in allow proto={icmp}"), into(received(family, echo(family))),
              out(sent(family, echo(family, reply=True))), into(syn_in, reason=NO_IN))
    net, part = {4: ("198.51.0.0/16", "198.51.100.0/24"), 6: ("2001:db8::/32", "2001:db8:f::/48")}[family]
    table.row(f"{v}_longest_prefix", add(), command(f"identity add {net} 300"), rule("in allow identity=300"), into(syn_in),
              command(f"identity add {part} 301"), into(received(family, tcp(sport=9)), reason=NO_IN),
              command(f"identity del {part}"), into(received(family, tcp(sport=9))))
    table.row(f"{v}_world", add(), rule("in allow identity=1"), into(syn_in), known,
              into(received(family, tcp(sport=9)), reason=NO_IN))

    # ---- answers, and changes under open connections -------------------------------------------------
    answer = out(sent(family, back(tcp("SA"))))
    nothing_out = rule("out allow proto=udp port=9")
    table.row(f"{v}_answers_need_no_rule", add(), nothing_out, into(syn_in), answer, into(received(family, tcp("A"))))
    table.row(f"{v}_error_about_an_allowed_packet", add(), rule("in allow proto=udp port=9"), out(sent(family, udp())),
              into(received(family, unreachable(family, sent(family, udp()).payload))))
    data = into(received(family, tcp("PA", payload=b"x")))
    table.row(f"{v}_connection_survives_a_change", add(), rule("in allow proto=tcp port=80"), into(syn_in), answer, data,
              rule("in allow proto=tcp port=81"), data, out(sent(family, back(tcp("A")))),
              command("policy del ep0 in proto=tcp port=81"), data)
    # and one that is no more allowed ends, both ways
    table.row(f"{v}_connection_denied_later", add(), rule("in allow proto=tcp"), into(syn_in), answer, data,
              rule("in deny proto=tcp port=80"), into(received(family, tcp("PA", payload=b"x")), reason=NO_IN),
              out(sent(family, back(tcp("A"))), reason="ct_invalid"))
    table.row(f"{v}_audit", add(0, "audit=yes"), rule("in allow proto=udp port=9"), into(syn_in, reason="policy_audited"),
              out(sent(family, back(tcp("SA")))), rules("ep0 in allow 0/17/9 0"))
    table.row(f"{v}_audit_of_a_deny_rule", add(0, "audit=yes"), rule("in deny"), into(syn_in, reason="policy_audited"),
              rules("ep0 in deny 0/0/0 1"))

    # ---- limits ----------------------------------------------------------------------------------
    def port(n, flags="S", f=family):
        return received(f, tcp(flags, sport=n))

    def answers(n, flags, f=family):
        return out(sent(f, back(tcp(flags, sport=n))))

    def in_use(n, f=family):
        return f"tcp {host(f, THERE[f])(n)} {host(f, ADDRESS[f][0])(DPORT)} syn"

    table.row(f"{v}_limit", add(0, "limit-in=2"), into(port(1)), into(port(1)), into(port(2)), into(port(2)),
              opened("ep0 in 2 out 0"), into(port(3), reason=LIMIT), into(port(3), reason=LIMIT), opened("ep0 in 2 out 0"),
              into(received(family, udp())), into(port(1)))
    table.row(f"{v}_slot_returned_on_close", add(0, "limit-in=1"), into(port(1)), answers(1, "SA"), into(port(1, "A")),
              into(port(2), reason=LIMIT), answers(1, "FA"), into(port(2), reason=LIMIT), into(port(1, "FA")),
              opened("ep0 in 0 out 0"), into(port(2)))
    table.row(f"{v}_slot_returned_on_reset", add(0, "limit-in=1"), into(port(1)), answers(1, "RA"), into(port(2)),
              opened("ep0 in 1 out 0"))
    table.row(f"{v}_slot_taken_again_after_a_spurious_reset", add(), into(port(1)), answers(1, "SA"), into(port(1, "R")),
              opened("ep0 in 0 out 0"), into(port(1, "A")), opened("ep0 in 1 out 0"))
    table.row(f"{v}_slot_of_a_reopened_connection", add(0, "limit-in=1"), into(port(1)), answers(1, "RA"), into(port(1)),
              opened("ep0 in 1 out 0"))
    table.row(f"{v}_slot_of_an_ended_connection", add(0, "limit-in=1"), into(port(1)), age(61), into(port(1)),
              opened("ep0 in 1 out 0"), into(port(2), reason=LIMIT), age(61), into(port(2)), flows(in_use(2)), opened("ep0 in 1 out 0"))
    # as many as there may be, answered or not, and everybody forgot them: they leave by themselves
    both = (into(port(1)), answers(1, "SA"), into(port(2)))
    table.row(f"{v}_slots_of_ended_connections", add(0, "limit-in=2"), *both, into(port(3), reason=LIMIT), age(21601),
              into(port(3)), into(port(4)), into(port(5), reason=LIMIT), flows(in_use(3), in_use(4)))
    table.row(f"{v}_leak_is_healed", add(0, "limit-in=2"), into(port(1)), into(port(2)), EVICT,
              into(port(3), reason=LIMIT), sweep(0, 0, 1), opened("ep0 in 0 out 0"), into(port(3)))
    table.row(f"{v}_limit_out", add(0, "limit-out=1"), out(sent(family, tcp())), out(sent(family, tcp(sport=9)), reason=LIMIT),
              into(syn_in), opened("ep0 in 1 out 1"))

    # ---- between endpoints ---------------------------------------------------------------------------
    to_1 = sent(family, tcp(), dst=1)
    from_1 = sent(family, back(tcp("SA")), n=1, dst=0)
    hop = "hlim" if family == 6 else "ttl"
    table.row(f"{v}_local", add(), add(1), delivered(to_1, 1), delivered(from_1, 0, n=1),
              opened("ep0 in 0 out 1", "ep1 in 1 out 0"))
    policy_1 = command("policy add ep1 in allow identity=500 proto=tcp port=80")
    table.row(f"{v}_local_denied", add(), add(1), policy_1, out(to_1, reason=NO_IN), flows(),
              opened("ep0 in 0 out 0", "ep1 in 0 out 0"))
    table.row(f"{v}_local_by_identity", add(0, "identity=500"), add(1), policy_1, delivered(to_1, 1),
              rules("ep1 in allow 500/6/80 1"))
    table.row(f"{v}_local_denied_out", add(), add(1), rule("out deny"), out(to_1, reason=NO_OUT))
    table.row(f"{v}_local_limit", add(), add(1, "limit-in=1"), delivered(to_1, 1),
              out(sent(family, tcp(sport=9), dst=1), reason=LIMIT), opened("ep0 in 0 out 1", "ep1 in 1 out 0"))
    # no pair with its other end elsewhere: out of its device, where its own program asks its policy, once
    to_3 = sent(family, tcp(), dst=3)
    arrives = received(family, tcp(), n=3, src=0)
    table.row(f"{v}_local_no_peer", add(), add(3), command("policy add ep3 in allow proto=tcp port=80"), delivered(to_3, 3),
              into(arrives, n=3), rules("ep3 in allow 0/6/80 1"), opened("ep0 in 0 out 1", "ep3 in 1 out 0"))
    table.row(f"{v}_local_no_peer_denied", add(), add(3), command("policy add ep3 in deny"), delivered(to_3, 3),
              into(arrives, n=3, reason=NO_IN), rules("ep3 in deny 0/0/0 1"))
    # what ep3 was refused opens no way around the policy of ep0, or of ep3 itself
    table.row(f"{v}_refused_question_needs_no_answer", add(), add(3), command("policy add ep3 in deny"),
              command("policy add ep3 out deny"), delivered(sent(family, udp(), dst=3), 3),
              into(received(family, udp(), n=3, src=0), n=3, reason=NO_IN),
              out(sent(family, back(udp()), n=3, dst=0), n=3, reason=NO_OUT))
    table.row(f"{v}_local_last_hop", add(), add(1), out(sent(family, tcp(), dst=1, **{hop: 1})))
    unknown_mac = command(f"endpoint add ep1 {ADDRESS[family][1]}")
    table.row(f"{v}_local_without_mac", add(), unknown_mac, out(to_1))
    table.row(f"{v}_local_audited", add(), add(1, "audit=yes"), command("policy add ep1 in deny"),
              delivered(to_1, 1, reason="policy_audited"), delivered(to_1, 1))

# ---- ARP and neighbour discovery speak for the endpoint alone -------------------------------------


def arp(**fields):
    return Ether(src=MAC[0], dst="ff:ff:ff:ff:ff:ff", type=0x0806) / ARP(
        **{"hwsrc": MAC[0], "psrc": ADDRESS[4][0], "pdst": "10.0.0.1", **fields})


table.row("arp", add(), out(arp()), out(arp(psrc="0.0.0.0")), out(arp(psrc=ADDRESS[4][1]), reason="endpoint_spoofed"),
          out(arp(hwsrc=MAC[1]), reason="endpoint_spoofed"), into(arp()), flows())
LINK_LOCAL = "fe80::1"


def nd(message, src=LINK_LOCAL):
    return Ether(src=MAC[0], dst=HOST_MAC[0]) / IPv6(src=src, dst="ff02::1", hlim=255) / message


table.row("discovery", add(), command("policy add ep0 out deny"), command("policy add ep0 in deny"),
          out(nd(ICMPv6ND_NS(tgt="2001:db8:a::1"))), out(nd(ICMPv6ND_NS(tgt=ADDRESS[6][0]), src="::")),
          out(nd(ICMPv6ND_NA(tgt=ADDRESS[6][0]), src=ADDRESS[6][0])), into(nd(ICMPv6ND_NS(tgt=ADDRESS[6][0]))),
          out(nd(ICMPv6ND_NA(tgt=ADDRESS[6][0]), src=ADDRESS[6][1]), reason="endpoint_spoofed"), flows())
table.row("link_local_is_for_discovery", add(), out(nd(tcp()), reason="endpoint_spoofed"))
