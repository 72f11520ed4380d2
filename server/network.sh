# shellcheck shell=sh
# A node among several: its address on the private network. Hetzner may attach the interface after the server has booted, and a port
# published on an address that is not there yet does not start.

network_command() {
  [ -f "$ETC/host.env" ] || { say "network: required: /etc/berth/host.env; found: no such file. The first release lays it down"; return 1; }
  BERTH_PRIVATE_ADDRESS=''
  load_env "$ETC/host.env"
  await_address "It is taken up within a minute, without a reboot"
}

# await_address [AFTERWARDS]: what is to be done once it is there. Needs BERTH_PRIVATE_ADDRESS; empty on a stack of one node, which waits for nothing.
# BERTH_NETWORK_WAIT in seconds.
await_address() {
  [ -n "$BERTH_PRIVATE_ADDRESS" ] || return 0
  has_address && return 0
  say "network: waiting for $BERTH_PRIVATE_ADDRESS on an interface"
  wait_until "${BERTH_NETWORK_WAIT:-90}" has_address && return 0
  fault host release.network "no interface has $BERTH_PRIVATE_ADDRESS after ${BERTH_NETWORK_WAIT:-90} s; there are $(interfaces)" "this node on the private network, at $BERTH_PRIVATE_ADDRESS" \
    "look at the server's networks in Hetzner's web interface: it has to be in one, at this address. An interface without an address was given none by DHCP: journalctl -b. ${1:-Then run the same command again}"
  return 1
}

# What a server has instead, in words: `eth0 203.0.113.5/32, enp7s0 without an address`. Docker's own are nothing that Hetzner attaches.
interfaces() {
  ip -o link show 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' | grep -vE '^(lo|docker0|br-|veth)' | while read -r interface; do
    address=$(ip -o -4 address show dev "$interface" 2>/dev/null | awk '{ printf "%s%s", comma, $4; comma = " " }')
    printf '%s %s\n' "$interface" "${address:-without an address}"
  done | paste -sd, - | sed 's/,/, /g'
}

has_address() { ip -o -4 address show 2>/dev/null | grep -qF " inet $BERTH_PRIVATE_ADDRESS/"; }

# For the end of a failed release: what the other nodes run.
other_nodes() {
  [ -n "${BERTH_NODE:-}" ] || return 0
  # shellcheck disable=SC2016 # the backticks are for a person
  if [ -n "$BERTH_NODES_BEFORE" ]; then printf 'released before this one, and left so: %s; `npx berth rollback` takes back what this update changed on them. ' "$BERTH_NODES_BEFORE"; fi
  if [ -n "$BERTH_NODES_AFTER" ]; then printf 'not touched: %s' "$BERTH_NODES_AFTER"; fi
}
