# SPDX-License-Identifier: GPL-2.0-only
"""Endpoints, whom they talk to, and frames between them, for the tables of tc programs."""

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether

from lb_table import command, one_hop, tc

# The end of the wire that the host has, by number of the device, and the workload's.
HOST_MAC = [f"02:00:00:00:10:0{n}" for n in range(4)]
MAC = [f"02:00:00:00:20:0{n}" for n in range(4)]
ADDRESS = {4: [f"10.0.0.{n + 2}" for n in range(4)], 6: [f"2001:db8:a::{n + 2}" for n in range(4)]}
THERE = {4: "198.51.100.1", 6: "2001:db8:f::1"}
SPORT, DPORT = 1024, 80
FAMILIES = ((4, "v4"), (6, "v6"))


def ip(family, src, dst, **fields):
    return IPv6(src=src, dst=dst, **fields) if family == 6 else IP(src=src, dst=dst, **fields)


def add(n=0, *options):
    return command(" ".join((f"endpoint add ep{n} {ADDRESS[4][n]} {ADDRESS[6][n]} mac={MAC[n]}", *options)))


def host(family, address):
    """As 'flows' names it, with a port."""
    return lambda port: f"[{address}]:{port}" if family == 6 else f"{address}:{port}"


def sent(family, payload, n=0, dst=None, **fields):
    """A frame of endpoint n, to an address or to another endpoint's number."""
    dst = ADDRESS[family][dst] if isinstance(dst, int) else dst or THERE[family]
    return Ether(src=MAC[n], dst=HOST_MAC[n]) / ip(family, ADDRESS[family][n], dst, **fields) / payload


def received(family, payload, n=0, src=None, **fields):
    """A frame to endpoint n."""
    src = ADDRESS[family][src] if isinstance(src, int) else src or THERE[family]
    return Ether(src=HOST_MAC[n], dst=MAC[n]) / ip(family, src, ADDRESS[family][n], **fields) / payload


def tcp(flags="S", sport=SPORT, dport=DPORT, payload=b""):
    return TCP(sport=sport, dport=dport, flags=flags, seq=1000, ack=2000) / payload


def udp(sport=SPORT, dport=53, payload=b"hello"):
    return UDP(sport=sport, dport=dport) / payload


def back(l4, **fields):
    """The same ports the other way."""
    answer = l4.copy()
    answer.sport, answer.dport = l4.dport, l4.sport
    for key, value in fields.items():
        setattr(answer, key, value)
    return answer


def echo(family, reply=False, ident=77):
    if family == 4:
        return ICMP(type=0 if reply else 8, id=ident, seq=1) / b"ping"
    return (ICMPv6EchoReply if reply else ICMPv6EchoRequest)(id=ident, seq=1, data=b"ping")


def unreachable(family, quoted):
    """An ICMP error about an IP packet."""
    if family == 4:
        return ICMP(type=3, code=1) / bytes(quoted)[:48]
    return ICMPv6DestUnreach(code=3) / bytes(quoted)[:200]


def alone(family, l4):
    """The bytes of an L4 header and what follows, with the checksum they have in a packet sent."""
    return bytes(sent(family, l4).payload)[40 if family == 6 else 20:]


# What the programs do with a frame. `n` is the endpoint whose device it is.

def out(frame, n=0, reason="forwarded"):
    verdict = "next" if reason in ("forwarded", "policy_audited") else "shot"
    return tc("tc_from_endpoint", f"ep{n}", frame, verdict, reason)


def into(frame, n=0, reason="forwarded"):
    verdict = "next" if reason in ("forwarded", "policy_audited") else "shot"
    return tc("tc_to_endpoint", f"ep{n}", frame, verdict, reason)


def routed(frame, to):
    """The frame as it is handed to endpoint `to`: a hop less, on the wire of that one."""
    inner = frame.payload
    return bytes(Ether(src=HOST_MAC[to], dst=MAC[to]) / one_hop(inner))


def delivered(frame, to, n=0, reason="endpoint_delivered"):
    return tc("tc_from_endpoint", f"ep{n}", frame, "redirect", reason, routed(frame, to))
