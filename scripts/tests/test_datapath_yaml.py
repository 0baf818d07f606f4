# SPDX-License-Identifier: GPL-2.0-only
"""The schema of datapath.yaml and the command that reads it are of one mind."""

import json
import subprocess

import jsonschema
import pytest
import yaml

from .conftest import ROOT

SCHEMA = json.loads((ROOT / "loader/datapath.schema.json").read_text())


def read(path):
    """What the command says of the file; nothing is up here, so it gets no further."""
    done = subprocess.run([ROOT / "build/bin/corepath", "diff", "-f", path, "--pin-dir", "/sys/fs/bpf/no-such-place"],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    return None if str(path) not in done.stderr else done.stderr


def test_example():
    path = ROOT / "loader/datapath.example.yaml"
    jsonschema.validate(yaml.safe_load(path.read_text()), SCHEMA)
    assert read(path) is None


@pytest.mark.parametrize("good, text", [
    (True, ""),
    (True, "devices: [{name: eth0.100, xdp: generic}]"),
    (True, "services: [{service: 'tcp [2001:db8::/32]:0', mode: gue, sockets: 'no', rate: 10}]"),
    (True, "balancer: {conn-rate: 0}"),
    (True, "prefilter: {signatures: [{number: 1, proto: udp, dport: 1-1023, frag: 'no', bytes: 00ff/ff00, from: l4}]}"),
    (True, "prefilter: {max: 2147483647}"),
    (False, "prefilter: {max: 0}"),
    (False, "prefilter: {max: 2147483648}"),
    (True, "prefilter: {rate: {packets: 0, conns: 100/60, packets-prefix: [24, 56]}}"),
    (True, "uplink: {devices: [{name: eth0, tc: clsact}], masquerade4: none, masquerade6: '2001:db8::1', "
           "sources: [10.0.0.0/8], excludes: [], ports: 1-2, forward: direct, failsafe: [tcp/22], audit: 'yes'}"),
    (True, "uplink: {failsafe: none}"),
    (True, "endpoints: [{device: v, addresses: [10.0.0.2, '2001:db8::2'], mac: '02:00:00:00:00:01', identity: 4294967295, "
           "limit-in: 0, limit-out: 5, audit: 'no', tc: tcx}]\n"
           "policies: [{endpoint: v, direction: in, verdict: deny}, {endpoint: v, direction: out, verdict: allow, "
           "identity: 5, proto: udp, port: 53}, {endpoint: host, direction: in, verdict: allow, proto: 132}]\n"
           "identities: [{prefix: '::/0', identity: 2}]"),
    (True, "ct: {syn: 1, established: 604800, closed: 30, reset: 40, udp: 30, udp-answered: 120, icmp: 60, other: 600, "
           "pickup: 'yes', max: 16777216}"),
    (True, "ct: {}"),
    (False, "ct: {syn: 0}"),
    (False, "ct: {established: 604801}"),
    (False, "ct: {pickup: maybe}"),
    (False, "ct: {max: 0}"),
    (False, "ct: {tcp: 60}"),
    (False, "ct: []"),
    (True, "sockets: {cgroups: [/no/such/cgroup]}"),
    (True, "security: {rules: [{name: a, on: exec, action: log, path: /x}], scope: {uid: 0}}"),
    (False, "uplink: [{name: eth0}]"),
    (False, "uplink: {devices: [eth0]}"),
    (False, "uplink: {devices: [{name: eth0, tc: xdp}]}"),
    (False, "uplink: {ports: '1'}"),
    (False, "uplink: {forward: fast}"),
    (False, "uplink: {failsafe: [sctp/22]}"),
    (False, "uplink: {failsafe: []}"),
    (False, "uplink: {source: [10.0.0.0/8]}"),
    (False, "endpoints: [{device: v}]"),
    (False, "endpoints: [{device: v, addresses: []}]"),
    (False, "endpoints: [{device: host, addresses: [10.0.0.2]}]"),
    (False, "endpoints: [{device: v, addresses: [10.0.0.2], identity: 0}]"),
    (False, "endpoints: [{device: v, addresses: [10.0.0.2], limit: 1}]"),
    (False, "policies: [{endpoint: host, direction: in}]"),
    (False, "policies: [{endpoint: host, direction: both, verdict: allow}]"),
    (False, "policies: [{endpoint: host, direction: in, verdict: allow, port: 80}]"),
    (False, "policies: [{endpoint: host, direction: in, verdict: allow, proto: icmp, port: 80}]"),
    (False, "policies: [{endpoint: host, direction: in, verdict: allow, proto: gre}]"),
    (False, "identities: [{prefix: 10.0.0.0/8}]"),
    (False, "sockets: {cgroups: [cgroup]}"),
    (False, "sockets: {cgroup: /sys/fs/cgroup}"),
    (False, "security: []"),
    (False, "security: {scope: {uid: 0}}"),
    (False, "security: {rules: [], file: rules.yaml}"),
    (False, "prefilter: {signatures: [{proto: udp}]}"),
    (False, "prefilter: {signatures: [{number: 1}]}"),
    (False, "prefilter: {signatures: [{number: 1, dport: 70000}]}"),
    (False, "prefilter: {signatures: [{number: 1, dport: 53, port: 53}]}"),
    (False, "prefilter: {signatures: [{number: 1, dport: 53, action: reject}]}"),
    (False, "prefilter: {signatures: {number: 1, dport: 53}}"),
    (False, "prefilter: {rate: {packets: fast}}"),
    (False, "prefilter: {rate: {packets-prefix: [24]}}"),
    (False, "prefilter: {rate: {packets-prefix: [33, 64]}}"),
    (False, "device: []"),
    (False, "devices: [{xdp: native}]"),
    (False, "devices: [{name: eth0, xdp: hardware}]"),
    (False, "prefilter: {deny: 10.0.0.0/8}"),
    (False, "balancer: {mtu: 1279}"),
    (False, "services: [{mode: nat}]"),
    (False, "services: [{service: 'sctp 1.2.3.4:5'}]"),
    (False, "services: [{service: 'tcp 1.2.3.4:5', affinity: 604801}]"),
    (False, "services: [{service: 'tcp 1.2.3.4:5', backends: [{address: 10.0.0.1, weight: 65536}]}]"),
    (False, "services: [{service: 'tcp 1.2.3.4:5', backends: [{address: 10.0.0.1, state: gone}]}]"),
    (False, "services: [{service: 'tcp 1.2.3.4:5', backends: [{address: 10.0.0.1, mac: '02:00:00:00:00'}]}]")])
def test_both_say_the_same(tmp_path, good, text):
    path = tmp_path / "datapath.yaml"
    path.write_text(text + "\n")
    said = read(path)
    by_schema = jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text))
    assert (said is None, by_schema) == (good, good), said
