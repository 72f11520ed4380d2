# shellcheck shell=sh
# The client's side of a release: starts the transaction as a systemd unit, follows its log, returns its verdict. The unit belongs to
# systemd: a connection that drops takes the follower with it, not the release, and the next `berth release` attaches.

release_command() {
  load_release "$1"
  if unit_runs "$1"; then
    say "release $1: already under way, following it"
    follow "$1"
  elif undelivered_success "$1" && reverify "$1"; then
    :
  else
    run_unit "$1"
  fi
  deliver "$1"
}

unit_runs() {
  case $(systemctl show --property ActiveState --value "berth-release-$1.service") in
    active | activating | deactivating | reloading) return 0 ;;
  esac
  return 1
}

# run_unit R12 [--back FROM]
run_unit() {
  results=$(results_dir "$1")
  begin_attempt "$1"
  # Long enough to wait for another release and then be one. The log is begun by systemd: a client that comes second does not empty it. Not
  # ordered after docker.service: where the volume is missing, that job waits, and the transaction is there to say so.
  systemd-run --quiet --collect --unit="berth-release-$1" --service-type=exec --property=RuntimeMaxSec=$((OUTLAST_SECONDS + HOLD_SECONDS + 120)) \
    --property=TimeoutStopSec=60 --property="StandardOutput=truncate:$results/log" --property=StandardError=inherit \
    "$HERE/berth" transact "$@" || {
    # Another client was faster: its attempt is this one's too.
    unit_runs "$1" || { say "release $1: systemd-run could not start the transaction"; return 1; }
  }
  follow "$1"
}

# Copies the attempt's log, from its beginning, to standard error until the attempt is over.
follow() {
  results=$(results_dir "$1")
  shown=0
  over=
  while [ -z "$over" ]; do
    # Asked before the log is read: what was written before the end is then read after it.
    if [ -e "$(kept "$results/exit")" ] || ! unit_runs "$1"; then over=1; fi
    size=$(wc -c <"$results/log" 2>/dev/null) || size=0
    if [ "$size" -gt "$shown" ]; then
      tail -c "+$((shown + 1))" "$results/log" | head -c $((size - shown)) >&2
      shown=$size
    fi
    [ -n "$over" ] || sleep 0.3
  done
}

# The verdict: the exit code, and the report of a verified release on standard output. A failed one's stays on the host: Pulumi shows what a
# failed command printed, and a page of JSON would be the last thing that a person sees. Delivered means that a client got hold of it.
deliver() {
  results=$(results_dir "$1")
  verdict=$(first_line "$(kept "$results/exit")")
  [ -n "$verdict" ] || { say "release $1: ended without a verdict. Look at: journalctl -u berth-release-$1; then release again"; return 1; }
  if [ "$verdict" = 0 ]; then cat "$(kept "$results/report.json")"; fi
  : >"$results/delivered" || :
  case $verdict in 0 | "$RELEASE_CAUSED" | "$HOST_CAUSED") return "$verdict" ;; esac
  say "release $1: the transaction ended with $verdict before its verdict; release again"
  return 1
}

# The connection dropped after the release had succeeded: what is wanted is its proof, not the same work again.
undelivered_success() {
  results=$(results_dir "$1")
  [ "$(first_line "$(kept "$results/exit")")" = 0 ] && [ ! -e "$results/delivered" ] && [ "$(good_release)" = "$1" ] && all_running "$1"
}

reverify() {
  say "release $1: already succeeded, unseen; verifying it"
  take_lock "verify $1" || return 1
  again=0
  run_verifier "$1" || again=$?
  note_verdict "$again" "berth release, again"
  release_lock
  [ "$again" -eq 0 ]
}
