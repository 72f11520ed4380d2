# shellcheck shell=sh
# A reboot is a deployment that nobody watches. Docker starts containers without regard to depends_on; Compose keeps the
# order, so the units of the host call it.

boot_command() {
  chosen=$(chosen_release)
  [ -n "$chosen" ] || { say "boot: no release yet: nothing to start"; return 0; }
  take_lock "boot of $chosen" || return 1
  # Whoever held the lock may have been a release: what is chosen now counts.
  chosen=$(chosen_release)
  load_release "$chosen"
  ensure_docker || { say "boot: Docker does not answer. Look at: journalctl -u docker -n 50"; return 1; }
  guard_volume || return 1
  await_address || return 1
  refuse_dump_trap || return 1
  given=$(given_data)
  [ -z "$given" ] || { say "boot: refused: $given. \`pulumi up\` ends the move, and nothing begins empty here meanwhile"; return 1; }
  crossings=$(data_crossings "$chosen")
  [ -z "$crossings" ] || { say "boot: refused: $crossings. Release a version that works with this data"; return 1; }
  say "boot: starting $chosen"
  printf '%s\n' "$chosen" | write_file "$STATE/current"
  { compose_data "$chosen" && restore_postgres_password && compose_application "$chosen"; } || {
    say "boot: $chosen did not come up whole: $(health_line)"
    evidence
    return 1
  }
  say "boot: $chosen is up: $(health_line)"
}

# Whichever release's containers are there: stopped ones stay down until `boot`, in the right order.
stop_command() {
  running=$(first_line "$STATE/current")
  [ -n "$running" ] || running=$(chosen_release)
  { [ -n "$running" ] && [ -f "$(release_dir "$running")/compose.yaml" ]; } || { say "stop: no release was ever started"; return 0; }
  load_release "$running"
  take_lock "stop of $running" || return 1
  say "stop: $running"
  compose_stop "$running"
  say "stop: $(health_line)"
}
