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
    drop_kept "$STATE/chosen"
    runs_now "no application: this was the first release. The data is kept: $(health_line)"
    return
  fi
  choose "$good"
  if [ "$good" = "$1" ]; then
    runs_now "$1, left as it is: it is itself the last good release. The one before it: \`berth rollback\`"
    return
  fi
  missing=$(missing_mounts "$good")
  if [ -n "$missing" ]; then
    say "rollback: not possible: not on this host any more: $missing"
    stop_application "$1"
    runs_now "the data services alone: files that $good mounts are gone from this host. Lay a release down again: npx pulumi up --replace '**host-*'"
    return
  fi
  crossings=$(data_crossings "$good")
  if [ -n "$crossings" ]; then
    say "rollback: not possible: $crossings"
    stop_application "$1"
    runs_now "the data services alone, so that nothing is written that $good cannot read. Release a version that works with them"
    return
  fi
  say "rollback: bringing back $good"
  step_aside "$1" "$good"
  load_release "$good" || return
  # The failed release's rejected connections are not the good one's.
  record_baseline
  apply_settings "$good" || say "rollback: the host settings of $good could not all be applied"
  ensure_directories || :
  fetch_images || :
  printf '%s\n' "$good" | write_file "$STATE/current"
  if compose_data "$good" && restore_postgres_password && compose_application "$good"; then
    # Its application may have crashed until its passwords were back: that is not its doing either.
    record_baseline
    runs_now "$good, the last good release, answers again: $(health_line)"
  else
    runs_now "$good, the last good release, NOT whole: $(health_line)"
    evidence
  fi
  record_data_images
}

# stop_application R12 [SERVICES]: not Redis and not Postgres: they hold data, and are not what failed to work with it.
stop_application() {
  here=${2:-proxy api worker}
  if [ -n "$BERTH_NODE" ]; then
    # Compose refuses the name of a service that another node has.
    # shellcheck disable=SC2086 # service names are words
    here=$(compose 30 "$1" config --services </dev/null 2>/dev/null | grep -xF "$(printf '%s\n' $here)" | tr '\n' ' ') || :
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

# An operator's own decision, by the same transaction: back from what runs to the good release where that is another one, else to the
# release before it.
rollback_command() {
  from=$(chosen_release)
  [ -n "$from" ] || { say "rollback: required: a release that runs; found: none ever did"; return 1; }
  back_to=$(good_release)
  [ "$back_to" != "$from" ] || back_to=$(release_before "$from")
  [ -n "$back_to" ] || { say "rollback: required: a release before $from that is still laid down; found: none. Laid down: $(laid_releases)"; return 1; }
  load_release "$back_to"
  may_go_back "$back_to" "$from" || return 1
  say "rollback: from $from to $back_to; migrations are not undone"
  run_unit "$back_to" --back "$from"
  deliver "$back_to"
}

# may_go_back TO FROM: asked before anything begins, and once more under the lock, because a release may have been under way.
may_go_back() {
  chosen=$(chosen_release)
  [ "$chosen" = "$2" ] || { say "rollback: required: $2 runs, as when this was asked for; found: ${chosen:-none}. Look at \`berth status\`, then ask again"; return 1; }
  crossings=$(data_crossings "$1")
  [ -z "$crossings" ] || { say "rollback: refused: $crossings"; return 1; }
}
