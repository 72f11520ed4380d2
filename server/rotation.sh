# shellcheck shell=sh
# One of several APIs leaves the proxy's rotation before it stops, so that no request is sent to where nobody is. The proxy asks each whether it is ready
# at a port of its own: closing that one tells it to ask the others, while the port for requests is open until the last of them has its answer.

# Above the two seconds after which the proxy asks again (src/host/caddyfile.ts), on a busy host too.
ROTATION_SECONDS=5

# Closed for no longer than a stop takes: whatever becomes of this process, the port opens again by itself.
leave_rotation() {
  [ -n "$BERTH_READINESS_PORT" ] || return 0
  case $(container_states | awk '$1 == "api" { print $2 }') in *running*) ;; *) return 0 ;; esac
  nft -f - <<TEXT || { say "api: its readiness could not be closed to the proxy; requests may meet its stop"; return 0; }
table inet berth_rotation
delete table inet berth_rotation
table inet berth_rotation {
  set closed { type inet_service; flags timeout; }
  chain forward {
    type filter hook forward priority filter - 2; policy accept;
    meta l4proto tcp ct original proto-dst @closed reject with tcp reset
  }
}
add element inet berth_rotation closed { $BERTH_READINESS_PORT timeout ${BERTH_STOP_SECONDS}s }
TEXT
  say "api: out of the proxy's rotation before it stops"
  sleep "$ROTATION_SECONDS"
}

join_rotation() {
  [ -z "$BERTH_READINESS_PORT" ] || nft delete table inet berth_rotation 2>/dev/null || :
}
