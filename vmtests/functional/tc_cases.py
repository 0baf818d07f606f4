# SPDX-License-Identifier: GPL-2.0-only
"""Packets from and to an endpoint, through the tc programs on its device."""

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether

from lb_table import TcTable, command, tc

table = TcTable()

HOST_MAC, WORKLOAD_MAC = "02:00:00:00:10:00", "02:00:00:00:20:00"
HERE = {4: "10.0.0.2", 6: "2001:db8:a::2"}
THERE = {4: "198.51.100.1", 6: "2001:db8:f::1"}
ADD = command(f"endpoint add ep0 {HERE[4]} {HERE[6]} mac={WORKLOAD_MAC}")


def ip(family, src, dst, **fields):
    return IPv6(src=src, dst=dst, **fields) if family == 6 else IP(src=src, dst=dst, **fields)


def sent(family, payload, **fields):
    return Ether(src=WORKLOAD_MAC, dst=HOST_MAC) / ip(family, HERE[family], THERE[family], **fields) / payload


def received(family, payload, **fields):
    return Ether(src=HOST_MAC, dst=WORKLOAD_MAC) / ip(family, THERE[family], HERE[family], **fields) / payload


SYN, UDP_ = TCP(sport=1024, dport=80, flags="S"), UDP(sport=1024, dport=53) / b"hello"

for family, v, malformed in ((4, "v4", "malformed_ip4"), (6, "v6", "malformed_ip6")):
    for name, payload in (("tcp", SYN), ("udp", UDP_)):
        table.row(f"{v}_{name}_passes", ADD,
                  tc("tc_from_endpoint", "ep0", sent(family, payload), "next", "forwarded"),
                  tc("tc_to_endpoint", "ep0", received(family, payload), "next", "forwarded"))
    # the kernel refuses BPF_PROG_RUN of a frame whose IP header is cut, so these lie instead
    lies = {"version": {"version": 5}, "length": {"plen" if family == 6 else "len": 200}}
    if family == 4:
        lies["header_length"] = {"ihl": 4}
    for what, lie in lies.items():
        table.row(f"{v}_lies_about_{what}", ADD,
                  tc("tc_from_endpoint", "ep0", sent(family, SYN, **lie), "shot", malformed),
                  tc("tc_to_endpoint", "ep0", received(family, SYN, **lie), "shot", malformed),
                  # a device nobody named: its packets are none of ours, not even to find fault with
                  tc("tc_from_endpoint", "ep1", sent(family, SYN, **lie), "next", "forwarded", mark=7))
    table.row(f"{v}_longer_than_the_frame", ADD,
              tc("tc_from_endpoint", "ep0", bytes(sent(family, UDP_))[:-1], "shot", malformed))

table.row("arp_passes", ADD,
          tc("tc_from_endpoint", "ep0", Ether(src=WORKLOAD_MAC, dst="ff:ff:ff:ff:ff:ff", type=0x0806) / ARP(
              hwsrc=WORKLOAD_MAC, psrc=HERE[4], pdst="10.0.0.1"), "next", "forwarded"))
