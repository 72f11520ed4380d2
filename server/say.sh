# shellcheck shell=sh
# What people read. Standard error only: standard output belongs to the report.

say() { printf '%s berth: %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }

# Runs a command that must not hang. 124 and 137 mean that it did.
bounded() {
  limit=$1
  shift
  timeout -k 10 "$limit" "$@"
}

# Unlike the time of day it never jumps.
uptime_seconds() { cut -d . -f 1 /proc/uptime; }

# Waits until a command succeeds: until SECONDS COMMAND…; asks twice a second.
wait_until() {
  tries=$(($1 * 2))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.5
  done
}
