# SPDX-License-Identifier: GPL-2.0-only
"""Services for what endpoints send: to a backend, its answers back, and to themselves (RFC 3022)."""

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6, IPv6ExtHdrFragment
from scapy.packet import Raw

from lb_table import TcTable, command, flows, opened, rules, tc
from tc_table import (ADDRESS, FAMILIES, HOST_MAC, MAC, SPORT, add, alone, back, delivered, echo, host, into, ip, out,
                      received, routed, sent, tcp, udp)

table = TcTable()

VIP = {4: "192.0.2.80", 6: "2001:db8:80::80"}
NET = {4: "192.0.2.0/24", 6: "2001:db8:80::/48"}  # around VIP and NEXT
NEXT = {4: "192.0.2.90", 6: "2001:db8:80::90"}
FAR = {4: "203.0.113.50", 6: "2001:db8:50::50"}
FAR2 = {4: "203.0.113.51", 6: "2001:db8:50::51"}
HAIRPIN = {4: "192.0.0.8", 6: "100::c000:8"}  # what a workload that reaches itself believes to be asked by
PORT, BPORT = 80, 8080
COLLISION, INVALID = "lb_nat_collision", "ct_invalid"


def bracket(address):
    return f"[{address}]" if ":" in address else address


def service(family, proto="tcp", port=PORT, options="mode=nat", vip=VIP):
    return command(f"service add {proto} {bracket(vip[family])}:{port} {options}")


def backend(family, to=FAR, bport=BPORT, proto="tcp", port=PORT, vip=VIP, options=""):
    to = to if isinstance(to, str) else to[family]
    to = f"{bracket(to)}:{bport}" if bport else to
    return command(f"backend add {proto} {bracket(vip[family])}:{port} {to} {options}".strip())


def state(family, to, word, proto="tcp"):
    return command(f"backend set-state {proto} {bracket(VIP[family])}:{PORT} {bracket(to[family])}:{BPORT} {word}")


def changed(frame, **changes):
    """The frame with src, dst, sport or dport changed, its checksums made from scratch."""
    frame = frame.copy()
    l3 = frame[IPv6 if IPv6 in frame else IP]
    for key, value in changes.items():
        setattr(l3 if key in ("src", "dst") else l3[TCP if TCP in l3 else UDP], key, value)
    return frame


def served(frame, n=0, to=None, verdict="next", reason="lb_translated", dport=BPORT):
    """An endpoint's packet to a service, to a backend."""
    family = 6 if IPv6 in frame else 4
    return tc("tc_from_endpoint", f"ep{n}", frame, verdict, reason, changed(frame, dst=to or FAR[family], dport=dport))


def refused(frame, reason, **more):
    """As served, and then dropped for another reason: nobody sees what became of it."""
    return served(frame, verdict="shot", reason=reason, **more)


def replied(frame, n=0, sport=PORT, src=None):
    """A backend's answer, as its endpoint must get it."""
    family = 6 if IPv6 in frame else 4
    return tc("tc_to_endpoint", f"ep{n}", frame, "next", "lb_replied", changed(frame, src=src or VIP[family], sport=sport))


def handed(frame, n, to, reason="endpoint_delivered", **changes):
    """From endpoint n straight into endpoint `to`, changed."""
    return tc("tc_from_endpoint", f"ep{n}", frame, "redirect", reason, routed(changed(frame, **changes), to))


def error(family, quoted):
    """Port unreachable, quoting all of a small packet."""
    if family == 4:
        return ICMP(type=3, code=3) / Raw(bytes(quoted))
    return ICMPv6DestUnreach(code=4) / Raw(bytes(quoted))


for family, v in FAMILIES:
    here, far = host(family, ADDRESS[family][0]), host(family, FAR[family])
    vip = VIP[family]
    for proto, l4, answer, first in (("tcp", tcp(), back(tcp(), flags="SA"), "syn"),
                                     ("udp", udp(dport=PORT), back(udp(dport=PORT)), "udp")):
        world = (service(family, proto), backend(family, proto=proto))
        ask = sent(family, l4, dst=vip)
        from_far = changed(received(family, answer, src=FAR[family]), sport=BPORT)
        then = "established" if proto == "tcp" else "udp-answered"
        t = f"{v}_{proto}"

        table.row(t, add(), *world, served(ask), flows(f"{proto} {here(SPORT)} {far(BPORT)} {first}"), replied(from_far),
                  flows(f"{proto} {here(SPORT)} {far(BPORT)} {then}"))
        table.row(f"{t}_service_before_endpoint", *world, add(), served(ask), replied(from_far))
        table.row(f"{t}_same_port", add(), service(family, proto), backend(family, proto=proto, bport=0), served(ask, dport=PORT),
                  replied(changed(from_far, sport=PORT)))
        table.row(f"{t}_any_port", add(), service(family, proto, 0), backend(family, proto=proto, port=0, bport=0),
                  served(changed(ask, dport=7), dport=7), replied(changed(from_far, sport=7), sport=7))
        wide = (service(family, proto, vip=NET), backend(family, proto=proto, vip=NET))
        table.row(f"{t}_address_in_prefix", add(), *wide, service(family, proto), backend(family, FAR2, proto=proto),
                  served(ask, to=FAR2[family]), served(changed(ask, dst=NEXT[family], sport=9)))
        table.row(f"{t}_address_in_prefix_without_the_port", add(), *wide, service(family, proto, PORT + 1),
                  backend(family, proto=proto, port=PORT + 1), out(ask), served(changed(ask, dst=NEXT[family], sport=9)))
        other = changed(ask, dport=PORT + 1)
        table.row(f"{t}_unknown_port_is_left_alone", add(), *world, out(other))
        table.row(f"{t}_other_protocol_is_left_alone", add(), service(family, "udp" if proto == "tcp" else "tcp"),
                  backend(family, proto="udp" if proto == "tcp" else "tcp"), out(ask))
        table.row(f"{t}_no_backend", add(), service(family, proto), out(ask, reason="lb_no_backend"), flows())
        table.row(f"{t}_nobody_asked", add(), *world, into(received(family, l4, src=FAR[family])))
        table.row(f"{t}_tunnels_are_the_balancers", add(), service(family, proto, options="mode=tunnel"),
                  backend(family, proto=proto, bport=0), out(ask))
        table.row(f"{t}_tunnels_backends_that_serve_themselves", add(),
                  service(family, proto, options="mode=tunnel sockets=yes"), backend(family, proto=proto, bport=0),
                  served(ask, dport=PORT))
        table.row(f"{t}_other_family_is_a_tunnels", add(), service(family, proto, options="mode=tunnel sockets=yes"),
                  backend(family, FAR[10 - family], proto=proto, bport=0), out(ask))
        table.row(f"{t}_beyond_the_rate_of_new_ones", add(), command("balancer set conn-rate=0"), *world, served(ask),
                  replied(from_far), served(ask))
        table.row(f"{t}_source_denied", add(),
                  service(family, proto, options=f"mode=nat sources={ADDRESS[family][1]}/{32 if family == 4 else 128}"),
                  backend(family, proto=proto), out(ask, reason="lb_source_denied"))
        table.row(f"{t}_rate", add(), service(family, proto, options="mode=nat rate=1/60"), backend(family, proto=proto),
                  served(ask), out(ask, reason="lb_rate_limited"))
        table.row(f"{t}_spoofed", add(), add(1), *world, out(sent(family, l4, n=1, dst=vip), reason="endpoint_spoofed"))

        # ---- policy judges the connection with the backend ------------------------------------------
        known = command(f"identity add {FAR[family]}/{32 if family == 4 else 128} 200")
        table.row(f"{t}_policy_of_the_backend", add(), known, *world,
                  command(f"policy add ep0 out allow identity=200 proto={proto} port={BPORT}"), served(ask),
                  rules(f"ep0 out allow 200/{6 if proto == 'tcp' else 17}/{BPORT} 1"), replied(from_far))
        table.row(f"{t}_policy_not_of_the_service", add(), *world,
                  command(f"identity add {vip}/{32 if family == 4 else 128} 300"),
                  command(f"policy add ep0 out allow identity=300 proto={proto} port={PORT}"),
                  refused(ask, "policy_denied_out"), flows())

        # ---- one connection with the backend, two ways to it ------------------------------------------
        direct = changed(sent(family, l4, dst=FAR[family]), dport=BPORT)
        table.row(f"{t}_beside_one_without_service", add(), *world, served(ask), out(direct, reason=COLLISION),
                  served(ask), replied(from_far))
        table.row(f"{t}_after_one_without_service", add(), *world, out(direct), refused(ask, COLLISION), into(from_far))
        vip2 = {4: "192.0.2.81", 6: "2001:db8:80::81"}
        ask2 = changed(ask, dst=vip2[family])
        table.row(f"{t}_two_services_of_one_backend", add(), *world, service(family, proto, vip=vip2),
                  backend(family, proto=proto, vip=vip2), served(ask), refused(ask2, COLLISION),
                  served(changed(ask2, sport=9)), replied(from_far),
                  replied(changed(from_far, dport=9), src=vip2[family]))

        # ---- backends that go -----------------------------------------------------------------------
        second = backend(family, FAR2, proto=proto)
        new = changed(ask, sport=SPORT + 1)
        more = changed(ask, flags="PA") if proto == "tcp" else ask
        table.row(f"{t}_drains", add(), *world, served(ask), replied(from_far), second, state(family, FAR, "draining", proto),
                  served(more), replied(from_far), served(new, to=FAR2[family]))
        # as the balancer does: on to another, which knows nothing of it and resets
        went = flows(f"{proto} {here(SPORT)} {far(BPORT)} {then}",
                     f"{proto} {here(SPORT)} {host(family, FAR2[family])(BPORT)} {'established' if proto == 'tcp' else 'udp'}")
        for word in ("down", "deleted"):
            goes = state(family, FAR, "down", proto) if word == "down" else command(
                f"backend del {proto} {bracket(vip)}:{PORT} {bracket(FAR[family])}:{BPORT}")
            table.row(f"{t}_{word}", add(), *world, served(ask), replied(from_far), second, goes,
                      served(more, to=FAR2[family]), went, replied(changed(from_far, src=FAR2[family])))
        table.row(f"{t}_affinity", add(), service(family, proto, options="mode=nat affinity=60"), backend(family, proto=proto),
                  served(ask), second, *(served(changed(ask, sport=p)) for p in range(2000, 2012)))
        table.row(f"{t}_service_deleted", add(), *world, served(ask), replied(from_far),
                  command(f"service del {proto} {bracket(vip)}:{PORT}"), replied(from_far),
                  out(more, reason=INVALID) if proto == "tcp" else out(more))

        # ---- backends that are endpoints ---------------------------------------------------------------
        local = (service(family, proto), backend(family, ADDRESS[family][1], proto=proto))
        from_1 = changed(sent(family, answer, n=1, dst=0), sport=BPORT)
        table.row(f"{t}_local", add(), add(1), *local, handed(ask, 0, 1, dst=ADDRESS[family][1], dport=BPORT),
                  handed(from_1, 1, 0, src=vip, sport=PORT))
        table.row(f"{t}_local_denied", add(), add(1), *local, command("policy add ep1 in allow identity=7"),
                  refused(ask, "policy_denied_in", to=ADDRESS[family][1]), flows(), opened("ep0 in 0 out 0", "ep1 in 0 out 0"))
        hop = "hlim" if family == 6 else "ttl"
        last = sent(family, l4, dst=vip, **{hop: 1})
        table.row(f"{t}_local_last_hop", add(), add(1), *local, served(last, to=ADDRESS[family][1]))
        # by the stack, as the MACs are not known: translated where it is handed to the endpoint
        no_macs = tuple(command(f"endpoint add ep{n} {ADDRESS[family][n]}") for n in (0, 1))
        arrived = changed(received(family, l4, n=1, src=0), dport=BPORT)
        answer_arrived = changed(received(family, answer, src=1), sport=BPORT)
        table.row(f"{t}_local_by_the_stack", *no_macs, *local, served(ask, to=ADDRESS[family][1]), into(arrived, n=1),
                  out(from_1, n=1), replied(answer_arrived))
        # ep3 is no pair with its other end elsewhere: what is handed to it, its own program sees
        table.row(f"{t}_local_client_without_peer", add(), add(3), service(family, proto),
                  backend(family, ADDRESS[family][0], proto=proto),
                  handed(sent(family, l4, n=3, dst=vip), 3, 0, dst=ADDRESS[family][0], dport=BPORT),
                  handed(changed(sent(family, answer, dst=3), sport=BPORT), 0, 3),
                  replied(changed(received(family, answer, n=3, src=0),
                                  sport=BPORT), n=3))

        # ---- to itself ------------------------------------------------------------------------------------
        own = (service(family, proto), backend(family, ADDRESS[family][0], proto=proto))
        hairpin = {"src": HAIRPIN[family], "dst": ADDRESS[family][0], "dport": BPORT}
        to_hairpin = changed(sent(family, answer, dst=HAIRPIN[family]),
                             sport=BPORT)
        home = {"src": vip, "dst": ADDRESS[family][0], "sport": PORT}
        table.row(f"{t}_hairpin", add(), *own, handed(ask, 0, 0, **hairpin),
                  flows(f"{proto} {host(family, HAIRPIN[family])(SPORT)} {here(BPORT)} {first}"),
                  handed(to_hairpin, 0, 0, **home),
                  flows(f"{proto} {host(family, HAIRPIN[family])(SPORT)} {here(BPORT)} {then}"),
                  handed(more, 0, 0, **hairpin), opened(f"ep0 in {1 if proto == 'tcp' else 0} out {1 if proto == 'tcp' else 0}"))
        table.row(f"{t}_hairpin_without_mac", no_macs[0], *own, handed(ask, 0, 0, **hairpin), handed(to_hairpin, 0, 0, **home))
        table.row(f"{t}_hairpin_of_equal_ports", add(), service(family, proto), backend(family, ADDRESS[family][0], SPORT, proto=proto),
                  handed(ask, 0, 0, **{**hairpin, "dport": SPORT}),
                  handed(changed(to_hairpin, sport=SPORT), 0, 0, **home))
        table.row(f"{t}_hairpin_last_hop", add(), *own, tc("tc_from_endpoint", "ep0", last, "shot", "ttl_exceeded",
                                                         changed(last, **hairpin)))
        # its policy sees it at both ends
        allow_own = command(f"policy add ep0 in allow identity=500 proto={proto} port={BPORT}")
        table.row(f"{t}_hairpin_policy", add(0, "identity=500"), *own, allow_own,
                  command(f"policy add ep0 out allow identity=500 proto={proto} port={BPORT}"), handed(ask, 0, 0, **hairpin),
                  handed(to_hairpin, 0, 0, **home), handed(more, 0, 0, **hairpin))
        table.row(f"{t}_hairpin_denied_in", add(), *own, allow_own,
                  tc("tc_from_endpoint", "ep0", ask, "shot", "policy_denied_in", changed(ask, **hairpin)), flows())
        # without a peer its own program sees both packets, as they are on the wire
        own3 = (service(family, proto), backend(family, ADDRESS[family][3], proto=proto))
        ask3 = sent(family, l4, n=3, dst=vip)
        there3 = changed(received(family, l4, n=3, src=HAIRPIN[family]), dport=BPORT)
        answer3 = changed(sent(family, answer, n=3, dst=HAIRPIN[family]), sport=BPORT)
        on_its_way = answer3.copy()
        on_its_way.src, on_its_way.dst = HOST_MAC[3], MAC[3]
        table.row(f"{t}_hairpin_without_peer", add(3, "identity=500"), *own3, command(f"policy add ep3 in allow identity=500"),
                  handed(ask3, 3, 3, src=HAIRPIN[family], dst=ADDRESS[family][3], dport=BPORT), into(there3, n=3),
                  handed(answer3, 3, 3),
                  tc("tc_to_endpoint", "ep3", on_its_way, "next", "lb_replied",
                     changed(on_its_way, src=vip, dst=ADDRESS[family][3], sport=PORT)),
                  rules(f"ep3 in allow 500/0/0 1"))

        # ---- ICMP errors ------------------------------------------------------------------------------------
        router = {4: "203.0.113.1", 6: "2001:db8:99::1"}[family]
        translated = changed(ask, dst=FAR[family], dport=BPORT)
        told = received(family, error(family, ask.payload), src=vip)
        table.row(f"{t}_error_about_what_it_sent", add(), *world, served(ask),
                  tc("tc_to_endpoint", "ep0", received(family, error(family, translated.payload), src=router), "next",
                     "lb_replied", told))
        to_vip = sent(family, error(family, changed(from_far, src=vip, sport=PORT).payload), dst=vip)
        to_far = sent(family, error(family, from_far.payload), dst=FAR[family])
        table.row(f"{t}_error_about_an_answer", add(), *world, served(ask), replied(from_far),
                  tc("tc_from_endpoint", "ep0", to_vip, "next", "lb_translated", to_far))
        table.row(f"{t}_error_about_nothing", add(), *world,
                  tc("tc_from_endpoint", "ep0", to_vip, "shot", INVALID, to_far), flows())
        # of itself, at either end of what comes back to it
        quoted = changed(ask, src=HAIRPIN[family], dst=ADDRESS[family][0], dport=BPORT)
        table.row(f"{t}_hairpin_error", add(), *own, handed(ask, 0, 0, **hairpin),
                  tc("tc_from_endpoint", "ep0", sent(family, error(family, quoted.payload), dst=HAIRPIN[family]), "redirect",
                     "endpoint_delivered",
                     routed(changed(sent(family, error(family, ask.payload), dst=0), src=vip), 0)))

    # ---- without a connection, and what is no flow -------------------------------------------------------
    world = (service(family), backend(family))
    for name, flags in (("ack", "A"), ("syn_ack", "SA"), ("rst", "R")):
        table.row(f"{v}_{name}_begins_nothing", add(), *world, refused(sent(family, tcp(flags), dst=vip), INVALID), flows())
    table.row(f"{v}_ping_is_left_alone", add(), *world, out(sent(family, echo(family), dst=vip)))
    table.row(f"{v}_cut_header", add(), *world,
              out(sent(family, Raw(alone(family, tcp())[:16]), dst=vip, **{"nh" if family == 6 else "proto": 6}),
                  reason="malformed_l4"))

    # ---- fragments: the later ones have no port --------------------------------------------------------------
    def pieces(whole, id_, way, **ends):
        if family == 4:
            return (way(4, Raw(whole[:32]), proto=17, id=id_, flags="MF", **ends),
                    way(4, Raw(whole[32:]), proto=17, id=id_, frag=4, **ends))
        return (way(6, IPv6ExtHdrFragment(nh=17, id=id_, m=1) / Raw(whole[:32]), **ends),
                way(6, IPv6ExtHdrFragment(nh=17, id=id_, offset=4) / Raw(whole[32:]), **ends))

    def datagram(src, dst, sport, dport):
        """UDP and what follows, with the checksum it has between these addresses."""
        return bytes(ip(family, src, dst) / UDP(sport=sport, dport=dport) / (b"f" * 64))[40 if family == 6 else 20:]

    me, far_ = ADDRESS[family][0], FAR[family]
    asks = pieces(datagram(me, vip, SPORT, PORT), 9, sent, dst=vip)
    arrive = pieces(datagram(me, far_, SPORT, BPORT), 9, sent, dst=far_)
    answers = pieces(datagram(far_, me, BPORT, SPORT), 10, received, src=far_)
    come_back = pieces(datagram(vip, me, PORT, SPORT), 10, received, src=vip)
    udp_world = (service(family, "udp"), backend(family, proto="udp"))
    table.row(f"{v}_fragments", add(), *udp_world, out(asks[1], reason="lb_frag_unknown"),
              *(tc("tc_from_endpoint", "ep0", a, "next", "lb_translated", b) for a, b in zip(asks, arrive)),
              *(tc("tc_to_endpoint", "ep0", a, "next", "lb_replied", b) for a, b in zip(answers, come_back)))

# RFC 768: 0 is no checksum, and stays one
none = sent(4, UDP(sport=SPORT, dport=PORT, chksum=0) / b"hello", dst=VIP[4])
table.row("v4_udp_without_checksum", add(), service(4, "udp"), backend(4, proto="udp"), served(none))
