# SPDX-License-Identifier: GPL-2.0-only
"""ICMP errors about masqueraded flows, of the world and of endpoints (RFC 5508 section 4.2).

What an error quotes becomes what its receiver sent or got, with its checksums; the error's own is
made from scratch by scapy over all of it.
"""

from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded
from scapy.packet import Raw

from lb_table import LbTable, eth, ip
from snat_table import (AGE, DPORT, ENDPOINT, FAMILIES, PORT, PROTOS, ROUTER, SECOND, SERVER, UPLINK, answer,
                        back, expect, leaves, out, returns, sent, stays, world)

table = LbTable()

ERRORS = {
    4: {"unreachable": ICMP(type=3, code=3), "too_big": ICMP(type=3, code=4, nexthopmtu=1400),
        "time_exceeded": ICMP(type=11), "parameter": ICMP(type=12)},
    6: {"unreachable": ICMPv6DestUnreach(code=4), "too_big": ICMPv6PacketTooBig(mtu=1400),
        "time_exceeded": ICMPv6TimeExceeded(), "parameter": ICMPv6ParamProblem()},
}


def error(family, kind, src, dst, quote, tags=()):
    return eth(*tags) / ip(src[family], dst[family]) / kind / Raw(quote)


def seen(frame, hops):
    """The IP packet as a router saw it that had these hops left of it, whole."""
    packet = frame.payload.copy()
    if hasattr(packet, "hlim"):
        packet.hlim = hops
    else:
        packet.ttl = hops
    return bytes(packet)


for family in FAMILIES:
    v = f"v{family}"
    network = 40 if family == 6 else 20
    first = next(iter(ERRORS[family].values()))
    for proto in PROTOS:
        opened = (*world("30000-30000"), out(family, proto, port=30000, sport=7))
        # what the world saw and what the endpoint sent; the answer as each of them saw it
        told, meant = (seen(sent(family, proto, src=UPLINK, sport=30000), 9),
                       seen(sent(family, proto, sport=7), 9))
        got, came = (seen(answer(family, proto, dst=ENDPOINT, dport=7), 9),
                     seen(answer(family, proto, dport=30000), 9))

        for name, kind in ERRORS[family].items():
            table.row(f"{v}_{proto}_{name}", *opened,
                      returns(error(family, kind, ROUTER, UPLINK, told),
                              error(family, kind, ROUTER, ENDPOINT, meant)))
            for who, source in (("endpoint", ENDPOINT), ("router", ROUTER)):
                table.row(f"{v}_{proto}_{name}_of_the_{who}", *opened, back(family, proto, port=30000, dport=7),
                          leaves(error(family, kind, source, SERVER, got),
                                 error(family, kind, UPLINK, SERVER, came)))
        # RFC 792: a quote has 8 bytes of the L4 header at least, which is not up to TCP's checksum;
        # 18 is the first that is
        for length in (8, 9, 16, 18, 19, 20):
            end = network + length
            table.row(f"{v}_{proto}_quoted_{length}", *opened,
                      returns(error(family, first, ROUTER, UPLINK, told[:end]),
                              error(family, first, ROUTER, ENDPOINT, meant[:end])),
                      leaves(error(family, first, ENDPOINT, SERVER, got[:end]),
                             error(family, first, UPLINK, SERVER, came[:end])))
        table.row(f"{v}_{proto}_quoted_too_short", *opened,
                  stays(error(family, first, ROUTER, UPLINK, told[:network + 7]), "in"),
                  stays(error(family, first, ENDPOINT, SERVER, got[:network + 7])))
        table.row(f"{v}_{proto}_tagged", *opened,
                  returns(error(family, first, ROUTER, UPLINK, told, ("ad", "q")),
                          error(family, first, ROUTER, ENDPOINT, meant, ("ad", "q"))))
        table.row(f"{v}_{proto}_of_no_flow", *world(), stays(error(family, first, ROUTER, UPLINK, told), "in"),
                  stays(error(family, first, ENDPOINT, SERVER, got)), expect(flows=0))
        table.row(f"{v}_{proto}_of_an_old_flow", *opened, AGE,
                  stays(error(family, first, ROUTER, UPLINK, told), "in"))
        table.row(f"{v}_{proto}_to_another_address", *opened,
                  stays(error(family, first, ROUTER, SECOND, told), "in"))
        table.row(f"{v}_{proto}_of_the_host", *world(), stays(sent(family, proto, src=UPLINK)),
                  stays(error(family, first, ROUTER, UPLINK, seen(sent(family, proto, src=UPLINK), 9)), "in"),
                  stays(error(family, first, UPLINK, SERVER, seen(answer(family, proto), 9))))
        table.row(f"{v}_{proto}_of_the_hosts_moved_flow", *world(), out(family, proto),
                  out(family, proto, src=UPLINK, port=40001),
                  returns(error(family, first, ROUTER, UPLINK, seen(sent(family, proto, src=UPLINK, sport=40001), 9)),
                          error(family, first, ROUTER, UPLINK, seen(sent(family, proto, src=UPLINK), 9))))
        table.row(f"{v}_{proto}_keeps_no_flow", *opened, AGE,
                  stays(error(family, first, ROUTER, UPLINK, told), "in"),
                  stays(answer(family, proto, dport=30000), "in"))

    # a UDP header without checksum is quoted without
    nothing = (*world("30000-30000"), out(family, "udp", port=30000, sport=7, chksum=0))
    table.row(f"{v}_udp_without_checksum", *nothing, returns(
        error(family, first, ROUTER, UPLINK, seen(sent(family, "udp", src=UPLINK, sport=30000, chksum=0), 9)),
        error(family, first, ROUTER, ENDPOINT, seen(sent(family, "udp", sport=7, chksum=0), 9))))
