# SPDX-License-Identifier: GPL-2.0-only
"""`corepath simulate` on what tcpdump records of curl, dig and iperf3, with the offloads that Linux has by default.

The programs run in a VM, from one network namespace to another. What each verdict must be follows here from the
captured packet, read by scapy, and from the file; no packet is left out.
"""

import io
import pathlib
import random
import shutil
import subprocess
import tarfile
import tempfile

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.utils import PcapNgWriter, rdpcap

from ..conftest import ROOT
from .conftest import GUESTS, KERNEL, Vmtest
from .test_simulate import TC, forwarded, rebuilt, simulate

PROGRAMS = ("ip", "tcpdump", "curl", "dig", "iperf3", "tar", "mktemp", "mkdir", "mkfifo", "cat")
BODY = random.Random(1).randbytes(60_000)  # what curl sends, several times the first window
MTU = 1500


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """NAME.pcap -> bytes, as guests/capture.sh made them."""
    folder = tmp_path_factory.mktemp("captures")
    vmtest = Vmtest(folder)
    answer = vmtest.guest("answer")
    (folder / "body").write_bytes(BODY)
    places = "/usr/sbin:/usr/bin:/sbin:/bin"
    programs = [shutil.which(name, path=places) for name in PROGRAMS]
    assert None not in programs, f"missing: {[n for n, p in zip(PROGRAMS, programs) if not p]}; run scripts/deps"
    files = [*programs, answer, folder / "body", GUESTS / "capture.sh"]
    done = subprocess.run([vmtest.program, "run", "--kernel", KERNEL, "--module", "veth",
                           *(f"--copy={file}:{file}" for file in files), "--",
                           "/bin/sh", GUESTS / "capture.sh", answer, folder / "body"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


def segments(packet):
    """How many packets on the wire a captured one is."""
    ip = packet.getlayer(IP) or packet.getlayer(IPv6)
    if TCP not in packet or len(ip) <= MTU:
        return 1
    headers = len(ip) - len(packet[TCP].payload)
    return -(-len(packet[TCP].payload) // (MTU - headers))


def one_for_each(packets, verdicts):
    """Packets of the capture with their verdicts, after it is sure that these are all, and in order."""
    assert [(v["index"], v.get("segment", 1), v.get("segments", 1), v["length"]) for v in verdicts] == [
        (number, i, segments(packet), len(packet))
        for number, packet in enumerate(packets, 1) for i in range(1, segments(packet) + 1)]
    return [(packets[v["index"] - 1], v) for v in verdicts]


def flow(packet):
    """As a verdict has it."""
    ip = packet.getlayer(IP) or packet.getlayer(IPv6)
    if ip is None:
        return None
    l4 = ip.payload
    return {"src": ip.src, "dst": ip.dst, "proto": 6 if TCP in packet else 17, "sport": l4.sport, "dport": l4.dport}


def is_left_to_device(packet):
    return (TCP in packet or UDP in packet) and bytes(packet) != rebuilt(packet)


def payload(packets):
    """What TCP carries, in the order of sequence numbers."""
    packets = list(packets)
    first = packets[0][TCP].seq + 1  # behind its SYN
    data = {p[TCP].seq - first & 0xffffffff: bytes(p[TCP].payload) for p in packets if p[TCP].payload}
    whole = bytearray()
    for at in sorted(data):
        assert at <= len(whole), "a segment is missing"
        whole[at:at + len(data[at])] = data[at]
    return bytes(whole)


def test_what_curl_sends_to_a_service(vmtest, tmp_path, captures):
    """By NAT. What of it was one large frame leaves as segments, with checksums, and nothing of it is lost."""
    config = """\
services:
  - {service: 'tcp 203.0.113.9:80', mode: nat, backends: [{address: '10.0.0.1:8080'}]}
  - {service: 'tcp [2001:db8:5::9]:80', mode: nat, backends: [{address: '[2001:db8:b::1]:8081'}]}
"""
    packets = rdpcap(io.BytesIO(captures["curl.pcap"]))
    assert {ARP in p for p in packets} == {True, False} and max(map(len, packets)) > MTU + 14
    assert any(map(is_left_to_device, packets))
    status, verdicts, left, said = simulate(vmtest, tmp_path, captures["curl.pcap"], config=config)
    assert (status, said) == (0, [])
    backends = {"203.0.113.9": ("10.0.0.1", 8080, "10.0.0.1:8080"),
                "2001:db8:5::9": ("2001:db8:b::1", 8081, "[2001:db8:b::1]:8081")}
    known, sent = set(), {"10.0.0.1": [], "2001:db8:b::1": []}
    for number, (packet, v) in enumerate(one_for_each(packets, verdicts), 1):
        seen = [v["verdict"], v["reason"], v["connection"], v.get("service"), v.get("backend"), v.get("rewritten")]
        out = left[v["output"] - 1]
        assert v["output"] == number and v["flow"] == flow(packet) and v["hook"] == "xdp"
        assert ("checksum" in v) == (is_left_to_device(packet) and "segment" not in v)
        assert bytes(out) == rebuilt(out), f"packet {v['index']}"
        if ARP in packet or packet[TCP].dport != 80:
            assert seen == ["pass", "forwarded", "none", None, None, None]
            if "segment" not in v:
                assert bytes(out) == rebuilt(packet)
            continue
        address, port, backend = backends[v["flow"]["dst"]]
        service = "tcp 203.0.113.9:80" if IP in packet else "tcp [2001:db8:5::9]:80"
        assert seen == ["tx", "lb_translated", "known" if packet[TCP].sport in known else "new", service, backend,
                        {**v["flow"], "dst": address, "dport": port}]
        assert flow(out) == v["rewritten"]
        known.add(packet[TCP].sport)
        sent[address].append(out)
    for packets in sent.values():
        head, body = payload(packets).split(b"\r\n\r\n", 1)
        assert head.startswith(b"POST / HTTP/1.1\r\n") and body == BODY
        assert max(len(p) for p in packets) == MTU + 14


def test_what_dig_asks(vmtest, tmp_path, captures):
    """From a denied prefix, and from others to a service, by a tunnel; in pcapng."""
    config = """\
prefilter: {deny: [192.0.2.0/28, 2001:db8::7/128]}
services:
  - {service: 'udp 203.0.113.9:53', backends: [{address: 10.0.0.2}]}
  - {service: 'udp [2001:db8:5::9]:53', backends: [{address: '2001:db8:b::2'}]}
"""
    packets = rdpcap(io.BytesIO(captures["dig.pcap"]))
    with tempfile.NamedTemporaryFile() as file:
        with PcapNgWriter(file.name) as writer:
            for packet in packets:
                writer.write(packet)
        data = pathlib.Path(file.name).read_bytes()
    status, verdicts, left, said = simulate(vmtest, tmp_path, data, config=config)
    assert (status, said) == (0, [])
    asked = {}
    for packet, v in one_for_each(packets, verdicts):
        source = v["flow"] and v["flow"]["src"]
        seen = [v["verdict"], v["reason"], v["connection"], v.get("backend")]
        assert v["flow"] == flow(packet) and ("checksum" in v) == is_left_to_device(packet)
        if UDP not in packet or packet[UDP].sport == 53:
            assert seen == ["pass", "forwarded", "none", None]
            assert bytes(left[v["output"] - 1]) == rebuilt(packet)
            continue
        asked[source] = asked.get(source, 0) + 1
        if source in ("192.0.2.7", "2001:db8::7"):
            assert seen == ["drop", "denied_src4" if IP in packet else "denied_src6", "none", None]
            assert "output" not in v
            continue
        backend = "10.0.0.2" if IP in packet else "2001:db8:b::2"
        assert seen == ["tx", "lb_tunneled", "new", backend]
        inner = packet.getlayer(IP) or packet.getlayer(IPv6)
        outer = left[v["output"] - 1].getlayer(type(inner))
        assert outer.dst == backend and bytes(outer) == rebuilt(outer)
        assert bytes(outer.payload) == forwarded(type(inner)(rebuilt(inner)))
        assert outer.payload[DNS].qd.qname in (b"www.example.", b"end.example.")
    assert asked == {"192.0.2.7": 1, "192.0.2.99": 1, "2001:db8::7": 1, "2001:db8::99": 2}


class Connection:
    """Of TCP, as it is after each of its packets: established once the other side has answered, closed once both
    have sent FIN, reset by a RST that its side sends nothing after."""

    def __init__(self, opener):
        self.opener, self.acked, self.finished, self.reset = opener, False, set(), set()

    def take(self, side, flags):
        self.reset.discard(side)
        if "R" in flags:
            self.reset.add(side)
        else:
            self.finished |= {side} if "F" in flags else set()
            self.acked |= side != self.opener and "A" in flags
        return ("reset" if self.reset else "closed" if len(self.finished) == 2 else
                "established" if self.acked else "syn")


def test_what_iperf_does_at_an_endpoint(vmtest, tmp_path, captures):
    """Both ways: of the capture, what veth7's workload sends by its one program, what it is sent by the other."""
    config = """\
endpoints:
  - {device: veth7, addresses: [192.0.2.7, '2001:db8::7'], mac: '02:00:00:00:00:07', identity: 100}
identities: [{prefix: 203.0.113.0/24, identity: 300}, {prefix: '2001:db8:5::/64', identity: 400}]
policies:
  - {endpoint: veth7, direction: out, verdict: allow, identity: 300, proto: tcp, port: 5201}
  - {endpoint: veth7, direction: out, verdict: deny, identity: 400}
"""
    packets = rdpcap(io.BytesIO(captures["iperf3.pcap"]))
    assert max(map(len, packets)) > MTU + 14
    status, verdicts, left, said = simulate(vmtest, tmp_path, captures["iperf3.pcap"], config=config, modules=TC,
                                            more=["--hook", "tc"])
    assert (status, said) == (0, [])
    connections, states, refused = {}, {}, set()
    for packet, v in one_for_each(packets, verdicts):
        sent = packet[Ether].src == "02:00:00:00:00:07"
        seen = [v["verdict"], v["reason"], v["connection"], v.get("state"), v.get("policy", "-")]
        assert v["hook"] == ("tc-ingress" if sent else "tc-egress") and v["flow"] == flow(packet)
        if v["verdict"] == "pass":
            out = left[v["output"] - 1]
            assert bytes(out) == rebuilt(out) and ("segment" in v or bytes(out) == rebuilt(packet))
        if ARP in packet:
            assert seen == ["pass", "forwarded", "none", None, "-"]
            continue
        ours, theirs = ("src", "dst") if sent else ("dst", "src")
        assert v["identity"] == {ours: 100, theirs: 300 if IP in packet else 400}
        port, server = (packet.sport, packet.dport) if sent else (packet.dport, packet.sport)
        if IPv6 in packet or server == 9:
            refused.add(IPv6 in packet)
            # it never begins, so that what is not its SYN belongs to nothing
            assert seen == (["drop", "ct_invalid", "none", None, "-"] if packet[TCP].flags != "S" else
                            ["drop", "policy_denied_out", "none", None,
                             "veth7 out deny identity=400" if IPv6 in packet else None])
            continue
        first = port not in connections
        connection = connections.setdefault(port, Connection(sent))
        state = connection.take(sent, packet[TCP].flags)
        states.setdefault(port, []).append(state)
        assert seen == ["pass", "forwarded", "new" if first else "known" if sent else "reply", state,
                        "veth7 out allow identity=300 proto=tcp port=5201" if first else "-"]
    assert refused == {True, False}
    # iperf3's control connection, and that of its data, which the server may end with what it has not read
    control, data = [list(dict.fromkeys(of)) for of in states.values()]
    assert control == ["syn", "established", "closed"]
    assert data[:2] == ["syn", "established"] and data[2:] in (["closed"], ["reset"])
    for port in states:
        assert payload(p for p in left if TCP in p and p[TCP].sport == port) == \
            payload(p for p in packets if IP in p and TCP in p and p[TCP].sport == port)
