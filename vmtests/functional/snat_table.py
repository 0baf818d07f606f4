# SPDX-License-Identifier: GPL-2.0-only
"""What the tables of the uplink are written with: frames at the device that goes to the world.

An endpoint's packet leaves under the uplink's address and an answer comes back (RFC 3022); nothing
else of the frame changes. What must come out is built anew, every checksum from scratch.
"""

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig,
                                ICMPv6TimeExceeded, IPv6)
from scapy.packet import Raw

from lb_table import command, eth, ip, tc

FAMILIES = (4, 6)
PROTOS = ("tcp", "udp", "echo")

# RFC 5737, RFC 3849; endpoints in RFC 1918 and RFC 4193
ENDPOINT = {4: "10.0.0.2", 6: "fd00:10::2"}
SECOND = {4: "10.0.0.3", 6: "fd00:10::3"}
UPLINK = {4: "203.0.113.1", 6: "2001:db8:f::1"}
SERVER = {4: "198.51.100.7", 6: "2001:db8:3::7"}
OTHER = {4: "198.51.100.8", 6: "2001:db8:3::8"}
ROUTER = {4: "192.0.2.254", 6: "2001:db8:9::fe"}
NETWORK = {4: "10.0.0.0/16", 6: "fd00:10::/32"}
PORT, DPORT = 40000, 80


def world(ports="40000-40001"):
    return (command(f"uplink set masquerade4={UPLINK[4]} masquerade6={UPLINK[6]} ports={ports}"),
            command(f"uplink source add {NETWORK[4]} {NETWORK[6]}"))


def expect(**what):
    return command("uplink expect " + " ".join(f"{key}={value}" for key, value in what.items()))


def evict(*maps):
    return [command(f"uplink evict {name}") for name in maps]


AGE, SWEEP = command("uplink flows age"), command("uplink flows sweep")


def l4(proto, family, sport, dport, back=False, data=b"hello", **fields):
    """A header; of an echo the identifier is the port of the one who asks."""
    if proto == "tcp":
        return TCP(sport=sport, dport=dport, flags=fields.pop("flags", "SA" if back else "S"), **fields) / data
    if proto == "udp":
        return UDP(sport=sport, dport=dport, **fields) / data
    if family == 6:
        return (ICMPv6EchoReply(id=dport, seq=3, data=data, **fields) if back else
                ICMPv6EchoRequest(id=sport, seq=3, data=data, **fields))
    return ICMP(type=0 if back else 8, id=dport if back else sport, seq=3, **fields) / data


def sent(family, proto="tcp", src=ENDPOINT, sport=PORT, dst=SERVER, dport=DPORT, tags=(), ipf=None, **l4f):
    """To the world."""
    return eth(*tags) / ip(src[family], dst[family], **(ipf or {})) / l4(proto, family, sport, dport, **l4f)


def answer(family, proto="tcp", dst=UPLINK, dport=PORT, src=SERVER, sport=DPORT, tags=(), ipf=None, **l4f):
    """From the world."""
    return eth(*tags) / ip(src[family], dst[family], **(ipf or {})) / l4(proto, family, sport, dport, back=True,
                                                                     **l4f)


def leaves(before, after):
    return tc("tc_uplink_out", "lo", before, "next", "nat_masqueraded", after)


def returns(before, after):
    return tc("tc_uplink_in", "lo", before, "next", "nat_returned", after)


def stays(frame, way="out"):
    return tc(f"tc_uplink_{way}", "lo", frame, "next", "forwarded")


def shot(frame, reason, way="out"):
    return tc(f"tc_uplink_{way}", "lo", frame, "shot", reason)


def out(family, proto="tcp", port=PORT, src=ENDPOINT, sport=PORT, **more):
    """The step: the flow's packet leaves from this port of the uplink."""
    return leaves(sent(family, proto, src=src, sport=sport, **more),
                  sent(family, proto, src=UPLINK, sport=port, **more))


def back(family, proto="tcp", port=PORT, dst=ENDPOINT, dport=PORT, **more):
    """The step: the answer to this port of the uplink gets to the endpoint's."""
    return returns(answer(family, proto, dport=port, **more),
                   answer(family, proto, dst=dst, dport=dport, **more))
