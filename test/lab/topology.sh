#!/bin/sh
# The lab's network, made of namespaces in the guest:
#
#     client  192.0.2.2, .22 ──┐
#                              ├── IPv4 ── 192.0.2.1 broker 2001:db8:ffff::1 ── IPv6 ── 2001:db8:ffff::80 internet
#     client2 192.0.2.3      ──┘
#             198.51.100.0/24 (answers for all of them)
#
# The internet host knows one way to the tunnels' pool 2001:db8:f6::/48: the broker. Forwarding and the pool's own
# routes are left to the broker, as on an operator's host.
set -eu

main() {
  for host in broker client client2 internet; do
    ip netns add "$host"
    ip -n "$host" link set lo up
  done
  make_ipv4_link
  make_ipv6_link
}

make_ipv4_link() {
  ip link add ipv4 type bridge
  ip link set ipv4 up
  plug broker 192.0.2.1/24
  plug client 192.0.2.2/24 192.0.2.22/24
  plug client2 192.0.2.3/24
  ip -n client2 route add local 198.51.100.0/24 dev lo
  ip -n broker route add 198.51.100.0/24 via 192.0.2.3
}

# plug HOST ADDRESS...: gives the host an interface on the IPv4 link.
plug() {
  host=$1
  shift
  ip link add "to-$host" type veth peer name eth0 netns "$host"
  ip link set "to-$host" master ipv4 up
  ip -n "$host" link set eth0 up
  for address in "$@"; do
    ip -n "$host" addr add "$address" dev eth0
  done
}

make_ipv6_link() {
  ip -n broker link add internet0 type veth peer name eth0 netns internet
  ip -n broker link set internet0 up
  ip -n internet link set eth0 up
  ip -n broker -6 addr add 2001:db8:ffff::1/64 dev internet0 nodad
  ip -n internet -6 addr add 2001:db8:ffff::80/64 dev eth0 nodad
  ip -n internet -6 route add 2001:db8:f6::/48 via 2001:db8:ffff::1
}

main
