# shellcheck shell=sh
# The way back. Data is never opened by another Redis or Postgres image than the one that opened it last: what a newer one
# wrote, an older one may refuse or misread.

# bring_back FAILED: the last good release up again, after FAILED failed through its own fault.
bring_back() {
  runs_now "see above: the way back did not come to its end"
  good=$(good_release)
  if [ -z "$good" ]; then
    say "rollback: this was the first release: stopping the application, keeping the data"
    stop_application "$1"
    runs_now "no application: this was the first release. The data is kept: $(health_line)"
    return
  fi
  if [ "$good" = "$1" ]; then
    runs_now "$1, left as it is: it is itself the last good release. The one before it: \`berth rollback\`"
    return
  fi
  crossings=$(data_crossings "$good")
  if [ -n "$crossings" ]; then
    say "rollback: not possible: $crossings"
    stop_application "$1"
    runs_now "the data services alone, so that nothing is written that $good cannot read. Release a version that works with them, or restore a backup under $good"
    return
  fi
  say "rollback: bringing back $good"
  load_release "$good" || return
  # The failed release's rejected connections are not the good one's.
  record_baseline
  apply_settings "$good" || say "rollback: the host settings of $good could not all be applied"
  ensure_directories || :
  fetch_images || :
  printf '%s\n' "$good" | write_file "$STATE/current"
  if compose_data "$good" && compose_application "$good"; then
    runs_now "$good, the last good release, answers again: $(health_line)"
  else
    runs_now "$good, the last good release, NOT whole: $(health_line)"
    evidence
  fi
  record_data_images
}

# Not Redis and not Postgres: they hold data, and are not what failed to work with it.
stop_application() {
  here="proxy api worker"
  if [ -n "$BERTH_NODE" ]; then
    # Compose refuses the name of a service that another node has.
    here=$(compose 30 "$1" config --services </dev/null 2>/dev/null | grep -x -e proxy -e api -e worker | tr '\n' ' ') || :
    [ -n "$here" ] || return 0
  fi
  # shellcheck disable=SC2086 # service names are words
  compose_stop "$1" $here || say "rollback: could not stop the application"
}

health_line() {
  container_states | while read -r service status health _; do
    if [ "$health" = none ] || [ "$status" != running ]; then printf '%s %s, ' "$service" "$status"; else printf '%s %s, ' "$service" "$health"; fi
  done | sed 's/, $//'
}

# An operator's own decision: the release before the good one becomes the good one, by the same transaction.
rollback_command() {
  good=$(good_release)
  [ -n "$good" ] || { say "rollback: required: a good release; found: none was ever marked good"; return 1; }
  before=$(release_before "$good")
  [ -n "$before" ] || { say "rollback: required: a release before $good that is still laid down; found: none. Laid down: $(laid_releases)"; return 1; }
  load_release "$before"
  crossings=$(data_crossings "$before")
  [ -z "$crossings" ] || { say "rollback: refused: $crossings"; return 1; }
  say "rollback: from $good to $before; migrations are not undone"
  run_unit "$before" --back
  deliver "$before"
}
