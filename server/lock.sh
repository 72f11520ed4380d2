# shellcheck shell=sh
# One release, boot, stop or verification at a time. flock(1) holds the lock with a file descriptor, so the kernel frees it
# when its holder is gone, however that went; the file's text only says who it was.

# A release is ended after this long under the lock, in seconds: several times what a long migration and slow pulls take.
HOLD_SECONDS=${BERTH_HOLD_SECONDS:-5400}
# Whoever waits for a release outlasts the longest one.
# shellcheck disable=SC2034 # used by the files that are sourced after this one
OUTLAST_SECONDS=$((HOLD_SECONDS + 120))

# take_lock WHO [SECONDS]: returns 1 when another holds it for longer. The default is for what someone waits at, or a unit with a bound.
take_lock() {
  patience=${BERTH_LOCK_SECONDS:-${2:-900}}
  mkdir -p "$STATE"
  exec 9<>"$STATE/lock"
  if ! flock -n 9; then
    say "lock: waiting for $(first_line "$STATE/lock")"
    flock -w "$patience" 9 || {
      say "lock $STATE/lock: required: free within $patience s; found: held by $(first_line "$STATE/lock"). Wait for it, or look at it with: systemctl list-units 'berth*'"
      return 1
    }
  fi
  printf '%s, process %s, since %s\n' "$1" "$$" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" 2>/dev/null >"$STATE/lock" || :
}

# By name and not by closing the descriptor, which other processes of the holder may have too.
release_lock() { flock -u 9; }

# Files are laid down without waiting for a release, but never while what nothing needs is being removed: the documents of a release
# (src/release/document.ts) take this lock, and so does `prune`.
take_files_lock() {
  exec 8<>"$STATE/files.lock"
  flock -w 60 8
}
