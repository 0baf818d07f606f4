# SPDX-License-Identifier: GPL-2.0-only
"""What the tables of rows of steps are written with.

A row is a list of steps: command("service add tcp ...") as the corepath command takes it;
packet(in, verdict, reason, out), through XDP; and tc(program, dev, in, verdict, reason, out), through a
tc program, as if it came in on, or went out of, the device. The frames that must come out are built by scapy from the RFCs,
with checksums made from scratch; the datapath updates them in place.

JSON: {"name", "line", "steps": [{"command": [word]} | {"packet": hex, "packet_out": hex,
"verdict", "reason", and of a tc program "program", "dev", "mark", "mark_out"}]}
"""

import socket
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from gen_cases import TC_VERDICTS, VERDICTS, Table

NEAR_MAC, FAR_MAC = "02:00:00:00:00:02", "02:00:00:00:00:01"


class LbTable(Table):
    kind = "lb"

    def row(self, name, *steps):
        line, wrong = self.check(name)
        reasons = [step["reason"] for step in steps if "reason" in step]
        if not reasons:
            wrong("no packet: nothing would be tested")
        for step in steps:
            if "packet" in step:
                self.check_packet(bytes.fromhex(step["packet"]), step["verdict"], wrong,
                                  TC_VERDICTS if "program" in step else VERDICTS)
        self.rows.append({"name": name, "line": line, "steps": list(steps)})


class TcTable(LbTable):
    """Has rows with tc(); needs the kernel modules of the suite "tc"."""
    kind = "tc"


def command(words):
    return {"command": words.split()}


def packet(frame, verdict, reason, out=None):
    return {"packet": bytes(frame).hex(), "packet_out": bytes(out or frame).hex(),
            "verdict": verdict, "reason": reason}


def tc(program, dev, frame, verdict, reason, out=None, mark=0, mark_out=None):
    """Devices ep0 to ep3 are there for endpoints (functional/table_steps.h)."""
    return {**packet(frame, verdict, reason, out), "program": program, "dev": dev, "mark": mark,
            "mark_out": mark if mark_out is None else mark_out}


def flows(*lines):
    """The connections there are: "PROTO SRC[:PORT] DST[:PORT] STATE", the one who began it first."""
    return {"flows": sorted(lines)}


def rules(*lines):
    """The rules there are: "DEV in|out allow|deny IDENTITY/PROTO/PORT PACKETS"."""
    return {"rules": sorted(lines)}


def opened(*lines):
    """The endpoints' open connections: "DEV in N out N"."""
    return {"open": sorted(lines)}


def age(seconds):
    """Makes all connections older."""
    return {"age": seconds}


LAYOUT1 = {"layout1": True}  # addresses with services as layout 1 had them


def vips(hosts, prefixes):
    """How many whole addresses have services, and how many prefixes."""
    return {"vips": f"hosts {hosts} prefixes {prefixes}"}


EVICT = {"evict": True}  # all connections, as a full table would


def sweep(removed, kept, recounted=0):
    return {"sweep": f"removed {removed} kept {kept} recounted {recounted}"}


def eth(*tags):
    """An Ethernet header with fixed, locally administered addresses, and tags: "q" or "ad"."""
    frame = Ether(src=FAR_MAC, dst=NEAR_MAC)
    for number, tag in enumerate(tags):
        frame = frame / (Dot1AD(vlan=7 + number) if tag == "ad" else Dot1Q(vlan=7 + number))
    return frame


def is6(address):
    return ":" in address


def ip(src, dst, **fields):
    return IPv6(src=src, dst=dst, **fields) if is6(src) else IP(src=src, dst=dst, **fields)


# ---- what the kernel calls jhash (include/linux/jhash.h): Bob Jenkins' lookup3 -----------------

MASK = 0xffffffff


def jhash2(words, initval=0):
    def rol(x, n):
        return (x << n | x >> (32 - n)) & MASK

    words = list(words)
    a = b = c = (0xdeadbeef + (len(words) << 2) + initval) & MASK
    while len(words) > 3:
        a, b, c = (a + words[0]) & MASK, (b + words[1]) & MASK, (c + words[2]) & MASK
        for n, m, k in ((4, 6, 8), (16, 19, 4)):
            a = ((a - c) & MASK) ^ rol(c, n)
            c = (c + b) & MASK
            b = ((b - a) & MASK) ^ rol(a, m)
            a = (a + c) & MASK
            c = ((c - b) & MASK) ^ rol(b, k)
            b = (b + a) & MASK
        words = words[3:]
    words += [0] * (3 - len(words))
    a, b, c = (a + words[0]) & MASK, (b + words[1]) & MASK, (c + words[2]) & MASK
    for x, y, n in (("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16), ("a", "c", 4),
                    ("b", "a", 14), ("c", "b", 24)):
        v = {"a": a, "b": b, "c": c}
        v[x] = ((v[x] ^ v[y]) - rol(v[y], n)) & MASK
        a, b, c = v["a"], v["b"], v["c"]
    return c


# A vector published with Cilium's tests: three words, seed 456.
assert jhash2([123, 234, 345], 456) == 2698615579


def flow_hash(src, dst, sport, dport):
    """The flow's hash: nine words as they lie in the memory of a little-endian machine."""
    def mapped(address):
        if is6(address):
            return socket.inet_pton(socket.AF_INET6, address)
        return bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, address)

    return jhash2(struct.unpack("<9I", mapped(src) + mapped(dst) + struct.pack(">HH", sport, dport)))


# ---- the frames that must come out -------------------------------------------------------------


def split(frame):
    """(frame up to its IP header as scapy layers, the IP packet), both copies."""
    head = frame.copy()
    layer = head
    while not isinstance(layer.payload, (IP, IPv6)):
        layer = layer.payload
    inner = layer.payload
    layer.remove_payload()
    return head, inner


def turned(head, dst=None):
    head[Ether].dst, head[Ether].src = dst or head[Ether].src, head[Ether].dst
    return head


def one_hop(packet_):
    """A copy with a hop less, and the IPv4 header's checksum made again."""
    copy = packet_.copy()
    if isinstance(copy, IPv6):
        copy.hlim -= 1
    else:
        copy.ttl -= 1
        del copy.chksum
    return copy


def set_type(head, six):
    """The EtherType in front of the outer header."""
    last = head
    while last.payload and not isinstance(last.payload, type(None)) and last.payload.name != "NoPayload":
        last = last.payload
    last.type = 0x86dd if six else 0x0800
    return head


def outer_source(backend, hash_, source4="172.16.0.0/16", source6="100::/96"):
    """The tunnel's source: the prefix, then bits of the hash, as it lies in memory."""
    six = is6(backend)
    base, length = (source6 if six else source4).split("/")
    raw = bytearray(socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, base))
    free = min((128 if six else 32) - int(length), 32)
    bits = int.from_bytes(struct.pack("<I", hash_), "big") & ((1 << free) - 1)
    last = int.from_bytes(raw[-4:], "big") | bits
    raw[-4:] = last.to_bytes(4, "big")
    return socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, bytes(raw))


def tunneled(frame, backend, hash_, gue=False, mac=None, **source):
    """RFC 2003, RFC 2473, RFC 4213; GUE variant 1 over RFC 768."""
    head, inner = split(frame)
    six = isinstance(inner, IPv6)
    tos = inner.tc if six else inner.tos
    length = len(inner) if "len" not in inner.fields and not six else (
        inner.len if not six else (inner.plen or len(inner) - 40) + 40)
    inner = bytes(one_hop(inner))
    length = length or len(inner)
    if gue:
        inner = bytes(UDP(sport=0xc000 | hash_ >> 16, dport=6080, len=8 + length,
                          chksum=0)) + inner
        length += 8
    src = outer_source(backend, hash_, **source)
    if is6(backend):
        outer = IPv6(src=src, dst=backend, tc=tos, fl=hash_ & 0xfffff, hlim=64, plen=length,
                     nh=17 if gue else 41 if six else 4)
    else:
        outer = IP(src=src, dst=backend, tos=tos, flags="DF", id=0, ttl=64, len=20 + length,
                   proto=17 if gue else 41 if six else 4)
    return bytes(set_type(turned(head, mac), is6(backend))) + bytes(outer) + inner


def fresh_checksums(packet_):
    for kind in (IP, TCP, UDP):
        if kind in packet_ and "chksum" in packet_[kind].fields:
            if not (kind is UDP and packet_[kind].chksum == 0):
                del packet_[kind].chksum
    return packet_


def translated(frame, mac=None, **changes):
    """The frame turned around, a hop less, with src, dst, sport or dport changed (RFC 3022)."""
    head, inner = split(frame)
    inner = one_hop(inner)
    for key, value in changes.items():
        setattr(inner if key in ("src", "dst") else inner[TCP if TCP in inner else UDP], key, value)
    return bytes(turned(head, mac) / fresh_checksums(inner))
