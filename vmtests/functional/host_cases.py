# SPDX-License-Identifier: GPL-2.0-only
"""The host's own policy at the uplink: what it sends and is sent itself, and what is not its own.

Frames are to the device's own MAC, which is all zeros here, unless the row is about whose they are. The
device does not forward, so all of those are the host's; what is forwarded is traffic's to test.
"""

from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6PacketTooBig, IPv6,
                                IPv6ExtHdrFragment)
from scapy.packet import Raw

from lb_table import LbTable, command, eth, flows, ip, rules, tc
from snat_table import (DPORT, FAMILIES, PORT, SERVER, UPLINK, answer, back as nat_back, l4, out as nat_out,
                        sent, world)

table = LbTable()
NO_IN, NO_OUT, AUDITED, STRAY = "policy_denied_in", "policy_denied_out", "policy_audited", "ct_invalid"
LOAD = command("uplink set masquerade4=none")


def policy(words):
    return command(f"policy add host {words}")


def setting(words):
    return command(f"uplink set {words}")


def own(frame, mac="00:00:00:00:00:00"):
    frame.dst = mac
    return frame


def step(way, frame, reason):
    return tc(f"tc_uplink_{way}", "lo", frame, "next" if reason in ("forwarded", AUDITED) else "shot", reason)


def into(frame, reason="forwarded", mac="00:00:00:00:00:00"):
    return step("in", own(frame, mac), reason)


def out(frame, reason="forwarded"):
    return step("out", frame, reason)


def asked(family, port=DPORT, proto="tcp", **more):
    """The world asks the host."""
    return sent(family, proto, src=SERVER, dst=UPLINK, dport=port, **more)


def answered(family, port=DPORT, proto="tcp", **more):
    """The host answers that."""
    return answer(family, proto, src=UPLINK, dst=SERVER, sport=port, **more)


def asks(family, proto="tcp", **more):
    """The host asks the world; answer() is what comes back."""
    return sent(family, proto, src=UPLINK, **more)


def icmp(family, way, message):
    src, dst = (SERVER, UPLINK) if way == "in" else (UPLINK, SERVER)
    return eth() / ip(src[family], dst[family]) / message


def end(family, address, port):
    return f"[{address[family]}]:{port}" if family == 6 else f"{address[family]}:{port}"


for family in FAMILIES:
    v, six = f"v{family}", family == 6
    known = command(f"identity add {SERVER[family]}{'/128' if six else '/32'} 200")
    in_line = f"tcp {end(family, SERVER, PORT)} {end(family, UPLINK, DPORT)}"

    # ---- off, and rules ------------------------------------------------------------------------
    table.row(f"{v}_no_policy", LOAD, into(asked(family, flags="A")), out(answered(family)), flows())
    table.row(f"{v}_allow", LOAD, policy("in allow proto=tcp port=80"), into(asked(family)), out(answered(family)),
              into(asked(family, flags="A")), into(asked(family, 81), NO_IN), into(asked(family, proto="udp"), NO_IN),
              rules("host in allow 0/6/80 1"), flows(f"{in_line} established"))
    table.row(f"{v}_deny", LOAD, known, policy("in deny identity=200"), policy("in allow proto=tcp port=80"),
              into(asked(family), NO_IN), into(asked(family), NO_IN),
              rules("host in deny 200/0/0 2", "host in allow 0/6/80 0"), flows())
    table.row(f"{v}_deny_out", LOAD, policy("out allow proto=udp port=53"), out(asks(family), NO_OUT),
              out(asks(family, "udp", dport=53)), out(asks(family, "echo"), NO_OUT), into(asked(family)),
              out(answered(family)), rules("host out allow 0/17/53 1"))
    table.row(f"{v}_last_rule_gone", LOAD, policy("in allow proto=udp"), into(asked(family), NO_IN),
              command("policy del host in proto=udp"), into(asked(family)), flows())
    table.row(f"{v}_settings_keep_the_policy", LOAD, policy("in deny"), setting("ports=1-9"), into(asked(family), NO_IN))
    table.row(f"{v}_open_connection_is_judged_anew", LOAD, policy("in allow proto=tcp"), into(asked(family)),
              out(answered(family)), policy("in deny"), into(asked(family, flags="A"), NO_IN))

    # ---- answers -------------------------------------------------------------------------------
    for proto in ("tcp", "udp", "echo"):
        reply = answer(family, proto)
        table.row(f"{v}_{proto}_answer", LOAD, policy("in deny"), out(asks(family, proto)), into(reply),
                  rules("host in deny 0/0/0 0"))
        table.row(f"{v}_{proto}_no_answer", LOAD, policy("in deny"), into(reply, NO_IN if proto == "udp" else STRAY))
    table.row(f"{v}_tagged", LOAD, policy("in allow proto=tcp port=80"), into(asked(family, tags=("q",))),
              into(asked(family, 81, tags=("q",)), NO_IN))

    # ---- what no policy closes -------------------------------------------------------------------
    denied = (LOAD, policy("in deny"), policy("out deny"))
    table.row(f"{v}_ssh", *denied, into(asked(family, 22)), out(answered(family, 22)), into(asked(family, 22, flags="A")),
              out(asks(family, dport=22), NO_OUT), into(asked(family, 22, proto="udp"), NO_IN), flows())
    table.row(f"{v}_failsafe", *denied, setting("failsafe=udp/53,tcp/8022"), into(asked(family, 53, proto="udp")),
              out(answered(family, 53, proto="udp")), into(asked(family, 8022)), into(asked(family, 22), NO_IN),
              into(asked(family, 53), NO_IN))
    table.row(f"{v}_failsafe_none", *denied, setting("failsafe=none"), into(asked(family, 22), NO_IN),
              into(asked(family, 0), NO_IN))
    inner = bytes(ip(UPLINK[family], SERVER[family]) / l4("udp", family, PORT, DPORT))
    if six:
        too_big, closed = ICMPv6PacketTooBig(mtu=1280) / Raw(inner), ICMPv6DestUnreach(code=4) / Raw(inner)
    else:
        too_big, closed = ICMP(type=3, code=4, nexthopmtu=1280) / Raw(inner), ICMP(type=3, code=3) / Raw(inner)
    table.row(f"{v}_too_big", *denied, into(icmp(family, "in", too_big)), out(icmp(family, "out", too_big)),
              into(icmp(family, "in", closed), STRAY), flows())
    table.row(f"{v}_error_about_its_own", LOAD, policy("in deny"), out(asks(family, "udp")), into(icmp(family, "in", closed)))

    # ---- audit -----------------------------------------------------------------------------------
    table.row(f"{v}_audit", *denied, setting("audit=yes"), into(asked(family), AUDITED), into(asked(family)),
              into(asked(family, 99, flags="A"), AUDITED), out(asks(family, "udp"), AUDITED),
              rules("host in deny 0/0/0 1", "host out deny 0/0/0 1"),
              setting("audit=no"), into(asked(family), NO_IN), into(asked(family, 99, flags="A"), STRAY))

    # ---- what is not the host's -----------------------------------------------------------------
    table.row(f"{v}_masqueraded", *world(), policy("in deny"), nat_out(family), nat_back(family))
    table.row(f"{v}_bridged", LOAD, policy("in deny"), into(asked(family), mac="02:00:00:00:00:02"), flows())
    group = {4: "224.0.0.251", 6: "ff02::fb"}
    to_group = sent(family, "udp", src=SERVER, dst=group, dport=5353)
    table.row(f"{v}_group", LOAD, policy("in deny"), into(to_group.copy(), NO_IN),
              into(to_group.copy(), NO_IN, mac="33:33:00:00:00:fb" if six else "01:00:5e:00:00:fb"))
    table.row(f"{v}_broadcast", LOAD, policy("in deny"), into(asked(family, proto="udp"), NO_IN, mac="ff:ff:ff:ff:ff:ff"))

# ---- of one family ---------------------------------------------------------------------------------

closed_host = (LOAD, policy("in deny"), policy("out deny"))
solicitation = eth() / IPv6(src="fe80::2", dst=UPLINK[6], hlim=255) / ICMPv6ND_NS(tgt=UPLINK[6])
advertisement = eth() / IPv6(src=UPLINK[6], dst="fe80::2", hlim=255) / ICMPv6ND_NA(tgt=UPLINK[6])
table.row("v6_discovery", *closed_host, into(solicitation), out(advertisement), flows())
# no slot that is free is a port of protocol 0
table.row("v4_protocol_0", *closed_host, into(eth() / IP(src=SERVER[4], dst=UPLINK[4], proto=0) / Raw(bytes(8)), NO_IN))
# a later fragment has the ports of its first one
whole = bytes(TCP(sport=PORT, dport=22, flags="A") / Raw(bytes(20)))
table.row("v4_failsafe_fragments", *closed_host,
          into(eth() / IP(src=SERVER[4], dst=UPLINK[4], id=7, flags="MF", proto=6) / Raw(whole[:24])),
          into(eth() / IP(src=SERVER[4], dst=UPLINK[4], id=7, frag=3, proto=6) / Raw(whole[24:])))
table.row("v6_failsafe_fragments", *closed_host,
          into(eth() / IPv6(src=SERVER[6], dst=UPLINK[6]) / IPv6ExtHdrFragment(id=7, m=1, nh=6) / Raw(whole[:24])),
          into(eth() / IPv6(src=SERVER[6], dst=UPLINK[6]) / IPv6ExtHdrFragment(id=7, offset=3, nh=6) / Raw(whole[24:])))
