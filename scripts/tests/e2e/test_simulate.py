# SPDX-License-Identifier: GPL-2.0-only
"""`corepath simulate`: what it says of packets, and what is left of them, read by scapy."""

import io
import json
import pathlib
import socket
import struct
import subprocess
import tempfile

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import PcapNgWriter, PcapWriter, checksum, rdpcap

from ..conftest import ROOT

CONFIG = """\
prefilter:
  deny: [198.51.100.0/24]
  signatures: [{number: 7, proto: udp, dport: 1900, bytes: "4d2d"}]
services:
  - service: tcp 203.0.113.9:80
    mode: nat
    backends: [{address: '10.0.0.1:8080'}]
  - service: tcp 203.0.113.9:0
    backends: [{address: 10.0.0.2}]
  - service: udp [2001:db8:5::/48]:53
    backends: [{address: '2001:db8:b::1'}]
  - service: udp 203.0.113.10:53
"""
ETHER = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
CLIENT, CLIENT6 = "192.0.2.7", "2001:db8::7"


def to(address, l4, *between):
    packet = ETHER
    for layer in between:
        packet = packet / layer
    return packet / (IPv6(src=CLIENT6, dst=address) if ":" in address else IP(src=CLIENT, dst=address)) / l4


SYN = to("203.0.113.9", TCP(sport=4000, dport=80, flags="S"))
REPLY = ETHER / IP(src="10.0.0.1", dst=CLIENT) / TCP(sport=8080, dport=4000, flags="SA")
QUERY = to("2001:db8:5::1", UDP(sport=4000, dport=53) / Raw(b"query"))


def capture(*packets, writer=PcapWriter, **options):
    """The packets as the bytes of a file, with the time of each: 1,000 s and its index in ms."""
    with tempfile.NamedTemporaryFile() as file:
        with writer(file.name, **options) as out:
            for index, packet in enumerate(packets):
                packet = packet.copy()
                packet.time = 1000 + index / 1000
                out.write(packet)
        return pathlib.Path(file.name).read_bytes()


def block(kind, body):
    """Of pcapng, as draft-ietf-opsawg-pcapng has it, in big-endian order."""
    body += bytes(-len(body) % 4)
    return struct.pack(">II", kind, len(body) + 12) + body + struct.pack(">I", len(body) + 12)


def sections(*packets):
    """Two sections; the interface counts nanoseconds from second 600; a block of a kind nobody knows."""
    def option(code, value):
        return struct.pack(">HH", code, len(value)) + value + bytes(-len(value) % 4)
    interface = struct.pack(">HHI", 1, 0, 0) + option(9, b"\x09") + option(14, struct.pack(">q", 600)) + option(0, b"")
    data = b""
    for index, packet in enumerate(map(bytes, packets)):
        when = 400 * 10**9 + index * 10**6
        data += block(0x0a0d0d0a, struct.pack(">IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(0x4000, b"what") + \
            block(1, interface) + \
            block(6, struct.pack(">IIIII", 0, when >> 32, when & 0xffffffff, len(packet), len(packet)) + packet)
    return data


def simulate(vmtest, tmp_path, data, kernel="6.12", config=CONFIG, modules=(), more=()):
    """(exit status, verdicts, packets, what it complained of)"""
    (tmp_path / "datapath.yaml").write_text(config)
    done = subprocess.run(
        [vmtest.program, "run", "--kernel", kernel, "--copy", tmp_path / "datapath.yaml",
         *(f"--module={name}" for name in modules), "--",
         ROOT / "build/bin/corepath", "simulate", "-", "-f", tmp_path / "datapath.yaml", "-o", "-",
         "--verdicts", "/proc/self/fd/2", *more], input=data, capture_output=True, timeout=300)
    lines = done.stderr.decode().splitlines()
    verdicts = [json.loads(line) for line in lines if line.startswith("{")]
    packets = rdpcap(io.BytesIO(done.stdout)) if done.stdout else []
    return done.returncode, verdicts, packets, [line for line in lines if not line.startswith("{")]


def rebuilt(packet):
    """Its bytes with lengths and checksums as scapy makes them."""
    packet = packet.copy()
    for layer in packet.iterpayloads():
        for field in ("chksum", "len", "plen"):
            if field in layer.fields:
                delattr(layer, field)
    return bytes(packet)


def forwarded(packet):
    """The IP packet a hop further, as goes into a tunnel (RFC 2003, 3.1; RFC 2473, 3.1)."""
    packet = packet.copy()
    field = "hlim" if IPv6 in packet else "ttl"
    setattr(packet, field, getattr(packet, field) - 1)
    return rebuilt(packet)


@pytest.mark.parametrize("kernel", ["5.10", "7.2"])
def test_verdicts_and_packets(vmtest, tmp_path, kernel):
    sent = [
        ETHER / IP(src="198.51.100.9", dst="203.0.113.9") / UDP(sport=1, dport=2),
        SYN,
        to("203.0.113.9", TCP(sport=4000, dport=80, flags="A"), Dot1Q(vlan=5)),
        REPLY,
        to("203.0.113.9", TCP(sport=4000, dport=81, flags="S")),
        QUERY,
        to("203.0.113.10", UDP(sport=4000, dport=53)),
        to("203.0.113.10", UDP(sport=4000, dport=54)),
        ETHER / IPv6(src=CLIENT6, dst="2001:db8:5::1") / IPv6ExtHdrHopByHop() / UDP(sport=4001, dport=53),
        Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02", type=0x88cc) / Raw(bytes(40)),
        SYN / Raw(bytes(3520 - len(SYN))),
        SYN / Raw(bytes(3521 - len(SYN))),
        to("203.0.113.99", UDP(sport=4000, dport=1900) / Raw(b"M-SEARCH")),
    ]
    status, verdicts, left, said = simulate(vmtest, tmp_path, capture(*sent), kernel, more=["--mtu", "9000"])
    assert (status, said) == (0, [])
    assert [v["index"] for v in verdicts] == list(range(1, len(sent) + 1))
    assert [v["time_ns"] for v in verdicts] == [10**12 + index * 10**6 for index in range(len(sent))]
    assert [(v["verdict"], v.get("reason"), v.get("connection"), v.get("service"), v.get("backend"), v.get("output"))
            for v in verdicts] == [
        ("drop", "denied_src4", "none", None, None, None),
        ("tx", "lb_translated", "new", "tcp 203.0.113.9:80", "10.0.0.1:8080", 1),
        ("tx", "lb_translated", "known", "tcp 203.0.113.9:80", "10.0.0.1:8080", 2),
        ("tx", "lb_replied", "reply", "tcp 203.0.113.9:80", "10.0.0.1:8080", 3),
        ("tx", "lb_tunneled", "new", "tcp 203.0.113.9:0", "10.0.0.2", 4),
        ("tx", "lb_tunneled", "new", "udp [2001:db8:5::/48]:53", "2001:db8:b::1", 5),
        ("drop", "lb_no_backend", "none", "udp 203.0.113.10:53", None, None),
        ("pass", "forwarded", "none", None, None, 6),
        ("tx", "lb_tunneled", "new", "udp [2001:db8:5::/48]:53", "2001:db8:b::1", 7),
        ("pass", "forwarded", "none", None, None, 8),
        ("tx", "lb_translated", "known", "tcp 203.0.113.9:80", "10.0.0.1:8080", 9),
        ("not run", None, None, None, None, None),
        ("drop", "signature", "none", None, None, None),
    ]
    assert verdicts[1]["flow"] == {"src": CLIENT, "dst": "203.0.113.9", "proto": 6, "sport": 4000, "dport": 80}
    assert verdicts[1]["rewritten"] == {"src": CLIENT, "dst": "10.0.0.1", "proto": 6, "sport": 4000, "dport": 8080}
    assert verdicts[2]["flow"] == verdicts[1]["flow"]
    assert verdicts[4]["rewritten"]["dst"] == "10.0.0.2" and verdicts[4]["rewritten"]["proto"] == 4
    assert verdicts[8]["flow"] == {"src": CLIENT6, "dst": "2001:db8:5::1", "proto": 17, "sport": 4001, "dport": 53}
    assert verdicts[9]["flow"] is None and "rewritten" not in verdicts[9]
    assert "3521 bytes" in verdicts[11]["why"]

    assert len(left) == 9 and all(bytes(packet) == rebuilt(packet) for packet in left)
    assert [float(packet.time) for packet in left] == [1000.001, 1000.002, 1000.003, 1000.004, 1000.005, 1000.007,
                                                       1000.008, 1000.009, 1000.01]
    assert [(p[IP].src, p[IP].dst, p[TCP].sport, p[TCP].dport) for p in left[:3]] == [
        (CLIENT, "10.0.0.1", 4000, 8080), (CLIENT, "10.0.0.1", 4000, 8080), ("203.0.113.9", CLIENT, 80, 4000)]
    assert left[1][Dot1Q].vlan == 5
    assert left[3][IP].dst == "10.0.0.2" and bytes(left[3][IP].payload) == forwarded(sent[4][IP])
    assert left[4][IPv6].dst == "2001:db8:b::1" and bytes(left[4][IPv6].payload) == forwarded(sent[5][IPv6])
    assert bytes(left[5]) == bytes(sent[7]) and bytes(left[7]) == bytes(sent[9])


def left_to_device(packet):
    """With the sum of the pseudo header in the place of the checksum (RFC 1071)."""
    packet = packet.copy()
    ip, l4 = packet[1], packet[2]
    addresses = [socket.inet_pton(socket.AF_INET6 if IPv6 in packet else socket.AF_INET, a) for a in (ip.src, ip.dst)]
    l4.chksum = checksum(b"".join(addresses) + struct.pack(">II", len(l4), 6 if TCP in packet else 17)) ^ 0xffff
    return packet


def test_packets_as_a_host_has_them(vmtest, tmp_path):
    """Without the checksum that the device computes, and before it cuts segments."""
    data = bytes(range(250)) * 12

    def large(address, more, **fields):
        packet = to(address, TCP(sport=4000, dport=9, **fields) / Raw(data))
        for field, value in more.items():
            setattr(packet[1], field, value)
        return packet

    def cut(address, room, first):
        """By hand: CWR in the first, PSH and FIN in the last (RFC 3168, 6.1.2; tcp_gso_segment() of Linux)."""
        packets = []
        for i, at in enumerate(range(0, len(data), room)):
            flags = ("C" if not i else "") + "A" + ("PF" if at + room >= len(data) else "")
            packet = to(address, TCP(sport=4000, dport=9, seq=0xfffffc00 + at & 0xffffffff, flags=flags) /
                        Raw(data[at:at + room]))
            if IP in packet:
                packet[IP].id = first + i & 0xffff
            packets.append(bytes(packet))
        return packets

    many = {"seq": 0xfffffc00, "flags": "CAPF"}
    wrong = QUERY.copy()
    wrong[UDP].chksum = 0x1234
    sent = [
        large("203.0.113.99", {"id": 0xffff}, **many), large("2001:db8::99", {}, **many),
        large("203.0.113.99", {"id": 7, "len": 0}, **many),  # BIG TCP of IPv4: no length
        left_to_device(to("203.0.113.99", UDP(sport=1, dport=9) / Raw(b"odd"))),
        left_to_device(to("2001:db8::99", TCP(sport=1, dport=9, flags="S"))),
        left_to_device(SYN), wrong,
        to("203.0.113.99", UDP(sport=1, dport=9) / Raw(bytes(3500))),
    ]
    status, verdicts, left, said = simulate(vmtest, tmp_path, capture(*sent))
    assert (status, said) == (0, [])
    assert [(v["index"], v.get("segment"), v.get("segments"), v.get("checksum"), v["verdict"]) for v in verdicts] == [
        *((index, i, 3, None, "pass") for index in (1, 2, 3) for i in (1, 2, 3)),
        (4, None, None, "completed", "pass"), (5, None, None, "completed", "pass"),
        (6, None, None, "completed", "tx"), (7, None, None, None, "tx"), (8, None, None, None, "not run")]
    assert [bytes(p) for p in left[:9]] == [
        *cut("203.0.113.99", 1460, 0xffff), *cut("2001:db8::99", 1440, 0), *cut("203.0.113.99", 1460, 7)]
    assert [bytes(p) for p in left[9:11]] == [rebuilt(p) for p in sent[3:5]]
    assert bytes(left[11]) == rebuilt(left[11]) and left[11][IP].dst == "10.0.0.1"
    assert left[12][UDP].chksum == 0x1234


def snapped(packet, length):
    """What a snap length leaves of it."""
    short = Ether(bytes(packet)[:length])
    short.wirelen = len(packet)
    return short


def test_packets_of_a_short_snap_length(vmtest, tmp_path):
    """Judged by their headers; no more of them is written than was there."""
    large = to("203.0.113.99", TCP(sport=4000, dport=9, flags="A") / Raw(bytes(3000)))
    sent = [snapped(SYN / Raw(bytes(900)), 60), snapped(QUERY / Raw(bytes(900)), 70), snapped(large, 100),
            snapped(SYN, 40), snapped(to("203.0.113.9", UDP(sport=1, dport=9) / Raw(bytes(4000))), 60)]
    status, verdicts, left, said = simulate(vmtest, tmp_path, capture(*sent))
    assert (status, said) == (0, [])
    assert [(v["verdict"], v.get("reason"), v.get("segment"), v["length"], v["captured"]) for v in verdicts] == [
        ("tx", "lb_translated", None, 954, 60), ("tx", "lb_tunneled", None, len(QUERY) + 900, 70),
        *(("pass", "forwarded", i, 3054, 100) for i in (1, 2, 3)),
        ("not run", None, None, 54, 40), ("not run", None, None, 4042, 60)]
    assert "longer snap length" in verdicts[5]["why"] and "4042 bytes" in verdicts[6]["why"]
    # of a tunnel, 40 bytes are new
    assert [(len(p), p.wirelen) for p in left] == [
        (60, 954), (110, len(QUERY) + 940), (100, 1514), (54, 1514), (54, 134)]
    assert (left[0][IP].dst, left[0][TCP].dport, left[0][IP].len) == ("10.0.0.1", 8080, 940)
    assert left[1][IPv6].dst == "2001:db8:b::1" and left[1][UDP].sport == 4000


TC = ("veth", "sch_ingress", "cls_bpf")
ENDPOINTS = """\
endpoints:
  - {device: veth7, addresses: [10.0.0.7], mac: '02:00:00:00:00:02', identity: 100}
  - {device: veth8, addresses: [10.0.0.8], mac: '02:00:00:00:00:08', identity: 200}
policies:
  - {endpoint: veth7, direction: out, verdict: allow, identity: 200, proto: tcp, port: 443}
  - {endpoint: veth7, direction: out, verdict: deny, identity: 300}
  - {endpoint: veth7, direction: out, verdict: allow, proto: udp}
  - {endpoint: veth7, direction: out, verdict: allow, proto: tcp, port: 8443, proxy: 15001}
identities: [{prefix: 10.20.0.0/16, identity: 300}]
sockets: {cgroups: [/no/such/cgroup]}
security: no-such-file.yaml
"""


def of(src, dst, l4):
    return ETHER / IP(src=src, dst=dst) / l4


def seen(verdict):
    return tuple(verdict.get(key, "-") for key in ("verdict", "reason", "connection", "state", "policy"))


@pytest.mark.parametrize("kernel", ["5.10", "7.2"])
def test_what_an_endpoint_sends(vmtest, tmp_path, kernel):
    """Through its program: policies, who is who, the short way into its neighbour."""
    syn = of("10.0.0.7", "10.0.0.8", TCP(sport=4000, dport=443, flags="S"))
    sent = [
        syn,
        syn,
        of("10.0.0.7", "10.0.0.8", TCP(sport=4000, dport=80, flags="S")),
        of("10.0.0.7", "10.20.0.1", UDP(sport=4000, dport=53)),
        of("10.0.0.7", "192.0.2.9", UDP(sport=4000, dport=53)),
        of("10.0.0.9", "192.0.2.9", UDP(sport=4000, dport=53)),
        of("10.0.0.7", "10.0.0.8", TCP(sport=4001, dport=443, flags="A")),
        of("10.0.0.7", "192.0.2.9", TCP(sport=4002, dport=8443, flags="S")),
    ]
    status, verdicts, left, said = simulate(vmtest, tmp_path, capture(*sent), kernel, ENDPOINTS, TC,
                                            ["--hook", "tc-ingress", "--dev", "veth7"])
    assert (status, said) == (0, [])
    assert [seen(v) for v in verdicts] == [
        ("redirect", "endpoint_delivered", "new", "syn", "veth7 out allow identity=200 proto=tcp port=443"),
        ("redirect", "endpoint_delivered", "known", "syn", "-"),
        ("drop", "policy_denied_out", "none", "-", None),
        ("drop", "policy_denied_out", "none", "-", "veth7 out deny identity=300"),
        ("pass", "forwarded", "new", "udp", "veth7 out allow proto=udp"),
        ("drop", "endpoint_spoofed", "none", "-", "-"),
        ("drop", "ct_invalid", "none", "-", "-"),
        # no proxy listens where nothing else runs
        ("drop", "policy_no_proxy", "none", "-", "veth7 out allow proto=tcp port=8443 proxy=15001"),
    ]
    assert [(v["identity"]["src"], v["identity"]["dst"]) for v in verdicts] == [
        (100, 200), (100, 200), (100, 200), (100, 300), (100, 1), (1, 1), (100, 200), (100, 1)]
    assert [(p[Ether].dst, p[IP].ttl) for p in left] == [("02:00:00:00:00:08", 63)] * 2 + [(ETHER.dst, 64)]
    assert bytes(left[2]) == bytes(sent[4])


def test_what_leaves_an_uplink(vmtest, tmp_path):
    """The only device with such a hook. The host's policy is not asked of what it forwards."""
    config = """\
uplink: {devices: [{name: eth0}], masquerade4: 203.0.113.1, sources: [10.0.0.0/16]}
policies: [{endpoint: host, direction: out, verdict: allow, proto: tcp, port: 443}]
"""
    query = of("10.0.3.7", "192.0.2.9", UDP(sport=40000, dport=53))
    sent = [query, query, of("203.0.113.1", "192.0.2.9", UDP(sport=50, dport=53)),
            of("203.0.113.1", "192.0.2.9", TCP(sport=50, dport=443, flags="S"))]
    status, verdicts, left, said = simulate(vmtest, tmp_path, capture(*sent), "7.2", config, TC, ["--hook", "tc-egress"])
    assert (status, said) == (0, [])
    assert [seen(v) for v in verdicts] == [
        ("pass", "nat_masqueraded", "new", "-", "-"),
        ("pass", "nat_masqueraded", "known", "-", "-"),
        ("drop", "policy_denied_out", "none", "-", None),
        ("pass", "forwarded", "new", "syn", "host out allow proto=tcp port=443"),
    ]
    assert verdicts[0]["rewritten"] == {"src": "203.0.113.1", "dst": "192.0.2.9", "proto": 17, "sport": 40000, "dport": 53}
    assert [packet[IP].src for packet in left] == ["203.0.113.1"] * 3
    assert all(bytes(packet) == rebuilt(packet) for packet in left)


@pytest.mark.parametrize("config, more, complaint", [
    (ENDPOINTS, ["--hook", "tc-ingress"], "more than one endpoint or uplink"),
    (ENDPOINTS, ["--hook", "tc-egress", "--dev", "veth9"], "none of the file's endpoints"),
    (CONFIG, ["--hook", "tc-egress"], "neither endpoints nor devices"),
    ("uplink: {devices: [{name: eth0}]}\n", ["--hook", "tc"], "eth0 is an uplink"),
])
def test_a_hook_of_nobody_is_refused_before_anything_is_loaded(tmp_path, config, more, complaint):
    (tmp_path / "datapath.yaml").write_text(config)
    done = subprocess.run([ROOT / "build/bin/corepath", "simulate", "-", "-f", tmp_path / "datapath.yaml", *more],
                          input=capture(SYN), capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, b"") and complaint in done.stderr.decode()


@pytest.mark.parametrize("how", [
    {"endianness": ">"},
    {"nano": True},
    {"nano": True, "endianness": ">"},
    {"writer": PcapNgWriter},
    "sections",
])
def test_every_form_of_a_capture(vmtest, tmp_path, how):
    packets = [SYN, QUERY, to("203.0.113.9", TCP(sport=4000, dport=80, flags="A") / Raw(b"odd"))]
    status, verdicts, left, said = simulate(
        vmtest, tmp_path, sections(*packets) if how == "sections" else capture(*packets, **how))
    assert (status, said) == (0, [])
    assert [(v["verdict"], v["connection"], v["length"], v["time_ns"]) for v in verdicts] == [
        ("tx", "new", len(SYN), 10**12), ("tx", "new", len(QUERY), 10**12 + 10**6),
        ("tx", "known", len(packets[2]), 10**12 + 2 * 10**6)]
    assert bytes(left[1][IPv6].payload) == forwarded(QUERY[IPv6])


def test_a_capture_cut_short_keeps_what_is_before(vmtest, tmp_path):
    data = capture(SYN, QUERY)
    status, verdicts, left, said = simulate(vmtest, tmp_path, data[:-3])
    assert status == 1 and len(verdicts) == len(left) == 1
    assert said == [f"corepath: -: ends within a record, {len(data) - 3} bytes from its start; it was cut short"]


@pytest.mark.parametrize("data, complaint", [
    (b"", "is empty"),
    (b"GIF89a" + bytes(100), "neither pcap nor pcapng"),
    (capture(SYN, linktype=113), "link type 113"),
    (capture(SYN)[:20], "cut short"),
    (capture(SYN, writer=PcapNgWriter)[:8] + bytes(40), "without its byte order"),
    (capture(SYN, writer=PcapNgWriter)[:20], "cut short"),
])
def test_what_is_no_capture_is_refused_before_anything_is_loaded(tmp_path, data, complaint):
    """Here on the host: it gets nowhere near the kernel."""
    (tmp_path / "datapath.yaml").write_text(CONFIG)
    (tmp_path / "in").write_bytes(data)
    line = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", ROOT / "build/bin/corepath", "simulate",
            tmp_path / "in", "-f", tmp_path / "datapath.yaml"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"corepath: {tmp_path}/in: ") and complaint in done.stderr
