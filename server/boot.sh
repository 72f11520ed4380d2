# shellcheck shell=sh
# A reboot is a deployment that nobody watches. Docker starts containers without regard to depends_on; Compose keeps the
# order, so the units of the host call it.

boot_command() {
  good=$(good_release)
  [ -n "$good" ] || { say "boot: no good release yet: nothing to start"; return 0; }
  take_lock "boot of $good" || return 1
  # Whoever held the lock may have been a release: what is good now counts.
  good=$(good_release)
  load_release "$good"
  ensure_docker || { say "boot: Docker does not answer. Look at: journalctl -u docker -n 50"; return 1; }
  guard_volume || return 1
  await_address || return 1
  refuse_dump_trap || return 1
  crossings=$(data_crossings "$good")
  [ -z "$crossings" ] || { say "boot: refused: $crossings. Release a version that works with this data"; return 1; }
  say "boot: starting $good"
  printf '%s\n' "$good" | write_file "$STATE/current"
  { compose_data "$good" && compose_application "$good"; } || { say "boot: $good did not come up whole: $(health_line)"; evidence; return 1; }
  say "boot: $good is up: $(health_line)"
}

# Whichever release's containers are there: stopped ones stay down until `boot`, in the right order.
stop_command() {
  running=$(first_line "$STATE/current")
  [ -n "$running" ] || running=$(good_release)
  { [ -n "$running" ] && [ -f "$(release_dir "$running")/compose.yaml" ]; } || { say "stop: no release was ever started"; return 0; }
  load_release "$running"
  take_lock "stop of $running" || return 1
  say "stop: $running"
  compose_stop "$running"
  say "stop: $(health_line)"
}
