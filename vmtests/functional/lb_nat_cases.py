# SPDX-License-Identifier: GPL-2.0-only
"""The load balancer's NAT: to the backend, and its answers back (RFC 3022, RFC 1624)."""

from scapy.layers.inet import IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.packet import Raw

from lb_cases import (BACKEND, CLIENT, FAMILIES, OTHER, PORT, SECOND, SPORT, VIP, at, backend, drops,
                      l4, passes, service, to)
from lb_table import FAR_MAC, LbTable, command, eth, ip, packet, translated

table = LbTable()

TX = "tx"
BPORT = 8080
SERVER_MAC = "02:00:00:00:00:50"


def forward(frame, family, dport=BPORT, backend_=None, **more):
    return packet(frame, TX, "lb_translated",
                  translated(frame, dst=backend_ or BACKEND[family], dport=dport, **more))


def answer(family, inner=None, proto="tcp", backend_=None, sport=BPORT, dport=SPORT, tags=(), **fields):
    """The backend's answer as it comes in, from the backend's own MAC."""
    frame = eth(*tags) / ip(backend_ or BACKEND[family], CLIENT[family], **fields) / (
        inner or l4(proto, sport=sport, dport=dport, **({"flags": "SA"} if proto == "tcp" else {})))
    frame.src = SERVER_MAC
    return frame


def reply(frame, family, sport=PORT):
    """To where the client's packet came from."""
    return packet(frame, TX, "lb_replied",
                  translated(frame, mac=FAR_MAC, src=VIP[family], sport=sport))


def plus(checksum, difference):
    """Ones' complement sum of a checksum and what was wrong with it."""
    total = checksum + difference
    return (total & 0xffff) + (total >> 16)


for family in FAMILIES:
    v = f"v{family}"
    hop = "hlim" if family == 6 else "ttl"
    for proto in ("tcp", "udp"):
        nat = service(family, proto, options="mode=nat")
        world = (nat, backend(family, at(BACKEND[family], BPORT), proto))
        frame = to(family, l4(proto))
        table.row(f"{v}_{proto}", *world, forward(frame, family))
        table.row(f"{v}_{proto}_and_back", *world, forward(frame, family),
                  reply(answer(family, proto=proto), family), forward(frame, family),
                  reply(answer(family, proto=proto), family))
        table.row(f"{v}_{proto}_same_port", nat, backend(family, proto=proto),
                  forward(frame, family, PORT), reply(answer(family, proto=proto, sport=PORT), family))
        table.row(f"{v}_{proto}_any_port", service(family, proto, 0, options="mode=nat"),
                  backend(family, proto=proto, port=0),
                  forward(to(family, l4(proto, dport=7)), family, 7),
                  reply(answer(family, proto=proto, sport=7), family, 7))
        for tags in (("q",), ("ad", "q")):
            table.row(f"{v}_{proto}_tags_{len(tags)}", *world,
                      forward(to(family, l4(proto), tags=tags), family),
                      reply(answer(family, proto=proto, tags=tags), family))
        table.row(f"{v}_{proto}_answer_nobody_asked_for_passes", *world,
                  passes(answer(family, proto=proto)))
        table.row(f"{v}_{proto}_answer_to_another_port_passes", *world, forward(frame, family),
                  passes(answer(family, proto=proto, dport=SPORT + 1)))
        table.row(f"{v}_{proto}_answer_from_another_port_passes", *world, forward(frame, family),
                  passes(answer(family, proto=proto, sport=BPORT + 1)))
        table.row(f"{v}_{proto}_flood_is_refused", command("balancer set conn-rate=0"), *world,
                  drops(frame, "lb_conn_rate"))
        table.row(f"{v}_{proto}_flood_leaves_flows", *world, forward(frame, family),
                  command("balancer set conn-rate=0"), forward(frame, family),
                  drops(to(family, l4(proto, sport=SPORT + 1)), "lb_conn_rate"),
                  reply(answer(family, proto=proto), family))
        table.row(f"{v}_{proto}_other_services_flow_to_one_backend", *world,
                  service(family, proto, 81, options="mode=nat"),
                  backend(family, at(BACKEND[family], BPORT), proto, 81), forward(frame, family),
                  drops(to(family, l4(proto, dport=81)), "lb_nat_collision"),
                  reply(answer(family, proto=proto), family))

    # ---- checksums ----------------------------------------------------------------------------
    nat = service(family, options="mode=nat")
    world = (nat, backend(family, at(BACKEND[family], BPORT)))
    right = translated(to(family), dst=BACKEND[family], dport=BPORT)
    size = 14 + (40 if family == 6 else 20)
    good = int.from_bytes(right[size + 16:size + 18], "big")
    whole = bytes(to(family))
    sent = int.from_bytes(whole[size + 16:size + 18], "big")
    wrong = plus(sent, 0x1111)
    table.row(f"{v}_wrong_checksum_stays_wrong", *world, packet(
        whole[:size + 16] + wrong.to_bytes(2, "big") + whole[size + 18:], TX, "lb_translated",
        right[:size + 16] + plus(good, 0x1111).to_bytes(2, "big") + right[size + 18:]))
    udp = (service(family, "udp", options="mode=nat"),
           backend(family, at(BACKEND[family], BPORT), "udp"))
    table.row(f"{v}_udp_without_checksum", *udp, forward(to(family, l4("udp", chksum=0)), family),
              reply(answer(family, UDP(sport=BPORT, dport=SPORT, chksum=0) / b"hello"), family))

    # RFC 768: a sum of 0 is sent as all ones. The payload that makes it so out there is searched.
    def sum_of(number):
        frame_ = to(family, UDP(sport=SPORT, dport=PORT) / number.to_bytes(2, "big"))
        out = translated(frame_, dst=BACKEND[family], dport=BPORT)
        return frame_, int.from_bytes(out[size + 6:size + 8], "big")

    _, at_zero = sum_of(0)
    special, got = sum_of(at_zero)
    assert got == 0xffff, hex(got)
    table.row(f"{v}_udp_checksum_of_zero", *udp, forward(special, family))

    # ---- the rest -------------------------------------------------------------------------------
    table.row(f"{v}_last_hop_dropped", *world, drops(to(family, **{hop: 1}), "ttl_exceeded"))
    table.row(f"{v}_answers_last_hop_dropped", *world, forward(to(family), family),
              drops(answer(family, **{hop: 1}), "ttl_exceeded"))
    table.row(f"{v}_next_hop", nat, backend(family, at(BACKEND[family], BPORT),
                                            options="mac=02:00:00:00:00:99"),
              forward(to(family), family, mac="02:00:00:00:00:99"))
    table.row(f"{v}_no_backend", nat, drops(to(family), "lb_no_backend"))
    table.row(f"{v}_two_clients", *world, forward(to(family), family),
              forward(to(family, l4(sport=2000)), family), reply(answer(family), family),
              reply(answer(family, dport=2000), family))
    table.row(f"{v}_down_moves_flow", *world,
              backend(family, at(SECOND[family], BPORT), options="weight=65535 state=down"),
              forward(to(family), family),
              command(f"backend set-state tcp {at(VIP[family])} {at(SECOND[family], BPORT)} active"),
              command(f"backend set-state tcp {at(VIP[family])} {at(BACKEND[family], BPORT)} down"),
              forward(to(family, l4(flags="A")), family, backend_=SECOND[family]),
              reply(answer(family, backend_=SECOND[family]), family))
    table.row(f"{v}_no_answers_after_the_service_is_deleted", *world, forward(to(family), family),
              service(family, port=81), command(f"service del tcp {at(VIP[family])}"),
              passes(answer(family)))
    table.row(f"{v}_full_frame", *world,
              forward(to(family, TCP(sport=SPORT, dport=PORT) / (b"x" * (1500 - size + 14 - 20))),
                      family))
    table.row(f"{v}_odd_payload", *world,
              forward(to(family, TCP(sport=SPORT, dport=PORT) / b"odd"), family))

table.row("v4_options", service(4, options="mode=nat"), backend(4, at(BACKEND[4], BPORT)),
          forward(to(4, options=[IPOption_Router_Alert()]), 4))
table.row("v6_extension_header", service(6, options="mode=nat"), backend(6, at(BACKEND[6], BPORT)),
          forward(to(6, IPv6ExtHdrDestOpt() / l4()), 6))
