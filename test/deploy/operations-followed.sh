#!/bin/bash
# Follows docs/operations.md on a machine of its own: `unshare --mount --net --pid --fork --kill-child --mount-proc`, in
# which nothing of the real one is written to. Four hosts on one wire: this one, the root nameserver, and two secondaries.
# The blocks of the page run as they stand there; functions stand in for what a machine without systemd and Internet lacks.
#
#     operations-followed.sh PROJECT WORK     WORK holds what the test has made of the page: see operations-followed.test.ts
set -Eeuo pipefail
PROJECT=$1 WORK=$2
PATIENCE=300
LOG=$WORK/freenet6.log

failed() { # LINE COMMAND
  echo "line $1: $2" >&2
  tail -n 40 "$LOG" "$WORK"/*.out >&2 2>/dev/null || true
  exit 1
}
trap 'failed "$LINENO" "$BASH_COMMAND"' ERR

# --- a machine of its own
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for directory in /etc /usr/local/bin; do
  mkdir -p "/mnt/upper$directory" "/mnt/work$directory"
  mount -t overlay overlay -o "lowerdir=$directory,upperdir=/mnt/upper$directory,workdir=/mnt/work$directory" "$directory"
done
for directory in /opt /run /var/lib; do mount -t tmpfs tmpfs "$directory"; done
userdel freenet6 2>/dev/null || true

host() { # NAME IPV4 IPV6: on the wire, every address straight on it
  if [ "$1" = here ]; then ip link add wire type bridge && ip link set wire up && ip link set lo up
  else
    ip netns add "$1"
    ip link add "$1" type veth peer name wire netns "$1"
    ip link set "$1" master wire up
    ip netns exec "$1" ip link set lo up
    ip netns exec "$1" ip link set wire up
  fi
  on "$1" ip address add "$2/32" dev wire
  on "$1" ip -6 address add "$3/128" dev wire nodad
  on "$1" ip route add default dev wire
  on "$1" ip -6 route add default dev wire
}
on() { local name=$1; shift; if [ "$name" = here ]; then "$@"; else ip netns exec "$name" "$@"; fi; }
host here 192.0.2.1 2001:db8:1::53
host root 192.0.2.100 2001:db8:1::100
host ns2 198.51.100.53 2001:db8:2::53
host ns3 203.0.113.53 2001:db8:3::53

# --- what stands in for systemd and the Internet
git() {
  case $1 in
    clone) mkdir -p "$3" && tar -C "$PROJECT" --exclude=./node_modules --exclude=./.git --exclude=./test -c . | tar -C "$3" -x ;;
  esac
}
npm() {
  mountpoint -q node_modules && return
  mkdir -p node_modules
  mount --bind "$PROJECT/node_modules" node_modules
}
systemd-sysusers() { useradd --system --no-create-home --home-dir /var/lib/freenet6 freenet6; }
modprobe() { :; }
sysctl() { command sysctl -q -w "$(grep -h ipv6 /etc/sysctl.d/50-freenet6.conf)"; }
unit() { sed -n "s/^$1=//p" /etc/systemd/system/freenet6.service; }
begin() {
  install -d -m 700 -o freenet6 -g freenet6 /var/lib/freenet6
  local rights
  rights=$(unit AmbientCapabilities | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
  # shellcheck disable=SC2046 # words, as systemd takes them
  (umask 0077 && cd /var/lib/freenet6 && exec setpriv --reuid="$(unit User)" --regid="$(unit Group)" --init-groups \
    --inh-caps="$rights" --ambient-caps="$rights" --no-new-privs $(unit ExecStart)) >"$WORK/ready" 2>>"$LOG" &
  wait_for grep -q '^ready ' "$WORK/ready"
}
# The service itself tells systemd: after a restart it is another process than the one that was begun.
main_process() { freenet6 status --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'; }
gone() { ! kill -0 "$1"; }
systemctl() {
  case $1 in
    stop)
      local service
      service=$(main_process)
      kill "$service" && wait_for gone "$service"
      ;;
    restart) systemctl stop && begin ;;
    enable | start) begin ;;
  esac
}
wait_for() {
  for ((tries = 0; tries < PATIENCE; tries++)); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "in vain: $*" >&2
  return 1
}

# --- questions
answer() { dig "@$1" +short +time=1 +tries=1 "$2" "$3"; } # SERVER NAME TYPE
says() { [ "$(answer "$1" "$2" "$3")" = "$4" ]; }
everywhere() { local server; for server in 192.0.2.1 198.51.100.53 203.0.113.53; do wait_for says "$server" "$@"; done; }
step() {
  echo "step $1, after $SECONDS s"
  # shellcheck source=/dev/null
  source "$WORK/step-$1.sh"
}

# --- the page
step 2
nft -f /opt/freenet6/deploy/freenet6.nft
cat "$WORK/freenet6.toml" >/etc/freenet6/freenet6.toml
cat "$WORK/freenet6.net.zone" >/etc/freenet6/zones/freenet6.net.zone
step 3
wait_for says 192.0.2.1 freenet6.net SOA "$(answer 192.0.2.1 freenet6.net SOA)"

cd "$WORK"
on root nsd -d -c "$WORK/root.conf" >"$WORK/root.out" 2>&1 &
mkdir -p knot named
cat "$WORK/freenet6-secondaries.toml" >/etc/freenet6/freenet6.toml
freenet6 reload
on ns2 knotd -c "$WORK/knot.conf" >"$WORK/knot.out" 2>&1 &
on ns3 named -g -c "$WORK/named.conf" >"$WORK/named.out" 2>&1 &
freenet6 tunnel add 203.0.113.77 nic ca linux
everywhere nic.ca.freenet6.net AAAA 2001:db8:f6::2
everywhere "$(cat "$WORK/reverse")" PTR nic.ca.freenet6.net.
freenet6 status
echo "doctor $(freenet6 doctor --json --root 192.0.2.100:53)" || true

step 8
step 9
everywhere nic.ca.freenet6.net AAAA 2001:db8:f6::2
freenet6 tunnel add 203.0.113.78 late ca linux
everywhere late.ca.freenet6.net AAAA 2001:db8:f6:1::2
step 10
everywhere late.ca.freenet6.net AAAA ''
everywhere nic.ca.freenet6.net AAAA 2001:db8:f6::2
freenet6 status
systemctl stop
echo followed
