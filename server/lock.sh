# shellcheck shell=sh
# One release, boot, stop or verification at a time. flock(1) holds the lock with a file descriptor, so the kernel frees it
# when its holder is gone, however that went; the file's text only says who it was.

# take_lock WHO: returns 1 when another holds it for longer than BERTH_LOCK_SECONDS (default: longer than a whole release takes).
take_lock() {
  mkdir -p "$STATE"
  exec 9<>"$STATE/lock"
  if ! flock -n 9; then
    say "lock: waiting for $(first_line "$STATE/lock")"
    flock -w "${BERTH_LOCK_SECONDS:-900}" 9 || {
      say "lock $STATE/lock: required: free within ${BERTH_LOCK_SECONDS:-900} s; found: held by $(first_line "$STATE/lock"). Wait for it, or look at it with: systemctl list-units 'berth*'"
      return 1
    }
  fi
  printf '%s, process %s, since %s\n' "$1" "$$" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$STATE/lock"
}

release_lock() { exec 9>&-; }
