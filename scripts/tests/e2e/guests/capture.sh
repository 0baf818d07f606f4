#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Traffic of curl, dig and iperf3 from one network namespace to another, each recorded by tcpdump as it comes
# out of the client's device. A tar of the three captures goes to standard output. Arguments: the server for
# HTTP and names, and a file for curl to send.
set -eu

answer=$1 body=$2
captures=$(mktemp -d)

mkdir -p /etc /var/run
echo root:x:0:0::/:/bin/sh >/etc/passwd

ip netns add client
ip link add veth7 type veth peer name client address 02:00:00:00:00:07
ip link set client netns client
ip link set veth7 up
ip link set lo up
ip -n client link set client up
for a in 192.0.2.1/24 203.0.113.9/32 2001:db8::1/64 2001:db8:5::9/128; do
	ip address add $a dev veth7 nodad
done
for a in 192.0.2.7/24 192.0.2.99/24 2001:db8::7/64 2001:db8::99/64; do
	ip -n client address add $a dev client nodad
done
ip -n client route add 203.0.113.0/24 dev client src 192.0.2.7
ip -n client route add 2001:db8:5::/64 dev client src 2001:db8::7

from_client()
{
	ip netns exec client "$@"
}

mkfifo "$captures/said" "$captures/served"

# Reads what tcpdump says until it says that.
await()
{
	while read -r line <&3; do
		case $line in *"$1"*) return ;; esac
	done
	echo "tcpdump ended before it said: $1" >&2
	exit 1
}

# record NAME FILTER: it has begun when this returns.
record()
{
	tcpdump -Z root -i veth7 -U --immediate-mode --print -l -nn -w "$captures/$1.pcap" "$2" >"$captures/said" 2>&1 &
	recorder=$!
	exec 3<"$captures/said"
	await 'listening on'
}

# stop WORDS: once a packet has been recorded that tcpdump prints with these words.
stop()
{
	await "$1"
	kill -INT $recorder
	cat <&3 >/dev/null
	wait $recorder
}

# What fails to connect: the last that is recorded.
end_tcp()
{
	from_client curl -sS http://203.0.113.9:9/ 2>/dev/null || [ $? = 7 ]
	stop '> 203.0.113.9.9: Flags [S]'
}

# iperf ADDRESS BYTES
iperf()
{
	iperf3 -s -1 -B "$1" --forceflush >"$captures/served" &
	server=$!
	exec 4<"$captures/served"
	while read -r line <&4; do
		case $line in *listening*) break ;; esac
	done
	cat <&4 >/dev/null &
	from_client iperf3 -c "$1" -l 20K -n "$2" >/dev/null
	wait $server
	exec 4<&-
}

"$answer" 203.0.113.9 2001:db8:5::9

record curl 'arp or tcp'
from_client curl -sSg -o /dev/null -o /dev/null -H Expect: --data-binary "@$body" http://203.0.113.9/ 'http://[2001:db8:5::9]/'
end_tcp

record dig 'arp or udp'
for from in 192.0.2.7 192.0.2.99; do
	from_client dig +tries=1 +time=60 -b $from @203.0.113.9 www.example A >/dev/null
done
from_client dig +tries=1 +time=60 -b 2001:db8::7 @2001:db8:5::9 www.example AAAA >/dev/null
from_client dig +tries=1 +time=60 -b 2001:db8::99 @2001:db8:5::9 www.example AAAA end.example AAAA >/dev/null
stop 'AAAA? end.example'

record iperf3 'arp or tcp'
iperf 203.0.113.9 300K
iperf 2001:db8:5::9 20K
end_tcp

tar -C "$captures" -cf - curl.pcap dig.pcap iperf3.pcap
