# shellcheck shell=sh
# The transaction: everything that a release does to the host, under one lock, in an order from which every interruption leaves a
# state that the next attempt converges from. Nothing of the running application is touched before `start_release`.

# transact_command R12 [--back FROM]: the unit runs this. Its exit code is the verdict, and is written where a client finds it.
transact_command() {
  target=$1
  results=$(results_dir "$target")
  begin_attempt "$target"
  trap 'printf "%s\n" "$?" | keep "$results/exit"' EXIT
  # A signal is for the transaction, whose end is waited for.
  trap : TERM INT HUP
  load_release "$target"
  take_lock "release $target" "$OUTLAST_SECONDS" || {
    begin_report "$target"
    fault host release.lock "the lock is held by $(first_line "$STATE/lock")" "free within ${BERTH_LOCK_SECONDS:-$OUTLAST_SECONDS} s" "wait for its holder, then release again"
    note_verdict "$HOST_CAUSED" "the release"
    exit "$HOST_CAUSED"
  }
  # Bounded from here: waiting does not count, and nobody holds the lock for longer than others wait for it.
  ended=0
  timeout -k 10 "$HOLD_SECONDS" "$HERE/berth" carry-out "$@" || ended=$?
  case $ended in 124 | 137) say "release $target: ended after $HOLD_SECONDS s, the longest that a release may take; the next attempt continues" ;; esac
  exit "$ended"
}

# carry_out R12 [--back FROM], with the lock.
carry_out() {
  target=$1
  back=${2:-}
  # Descriptor 7: a signal may come while the shell's own standard error is a file of one step.
  exec 7>&2
  trap 'say "release $target: stopped by a signal; the next attempt continues" 2>&7; exit 143' TERM INT HUP
  load_release "$target"
  if [ "$back" = --back ]; then may_go_back "$target" "${3:-}" || exit 1; else printf '%s\n' "$target" | keep "$STATE/laid"; fi
  begin_report "$target"
  # A move of data came to its end, or gave up: this is what starts next.
  [ -z "$BERTH_NODE" ] || systemctl stop berth-return.timer >/dev/null 2>&1 || :
  verdict=0
  prepare "$target" || verdict=$?
  if [ "$verdict" -ne 0 ]; then
    untouched "$verdict"
    conclude_transaction
  fi
  start_and_verify "$target" || verdict=$?
  case $verdict in
    0) mark_good "$target"; record_data_places; [ "$back" = --back ] || prune || say "prune: not complete" ;;
    "$HOST_CAUSED")
      chosen=$(chosen_release)
      good=$(good_release)
      if [ "$started" -eq 4 ]; then
        runs_now "${chosen:-nothing}, as before, but for Redis and Postgres: the new version was not started"
      else
        choose "$target"
        runs_now "$target, left as it is: no older release would do better. Not marked good; the last good one: ${good:-none}. A reboot brings $(after_a_boot) up again"
      fi ;;
    *) verdict=$RELEASE_CAUSED; evidence || :; bring_back "$target" || : ;;
  esac
  conclude_transaction
}

# What could only be noted in memory is not known after a boot.
after_a_boot() { if [ -e "$(in_memory "$STATE/chosen")" ]; then printf '%s' "${good:-nothing}, as the disk is full,"; else printf '%s' "$target"; fi; }

conclude_transaction() {
  [ "$verdict" -eq 0 ] || last_words "$target" "$verdict"
  note_verdict "$verdict" "the release"
  # The unit must be active for its ExecStop to stop the application in order at shutdown. It waits for our lock.
  systemctl start --no-block berth.service >/dev/null 2>&1 || :
  exit "$verdict"
}

# Baseline first: what counters rise by from here on is this release's.
prepare() {
  measured=
  await_address || return "$HOST_CAUSED"
  if docker_answers; then record_baseline && measured=1; fi
  apply_settings "$1" || {
    [ -e "$(kept "$results/report.json")" ] || fault host release.settings "a host setting could not be applied (see the lines above)" "all applied" "mend it on the host, then release again"
    return "$HOST_CAUSED"
  }
  guard_volume || return "$HOST_CAUSED"
  ensure_docker || { fault host release.docker "Docker does not answer" "a running Docker" "look at: journalctl -u docker -n 50"; return "$HOST_CAUSED"; }
  [ -n "$measured" ] || record_baseline || :
  refuse_dump_trap || return "$HOST_CAUSED"
  guard_data "$1" || return
  ensure_directories || {
    fault host release.directories "a directory under $BERTH_MOUNT could not be made or owned" "a writable volume" "look at: dmesg | tail; df -h $BERTH_MOUNT"
    return "$HOST_CAUSED"
  }
  fetch_images || return
  preflight "$1"
}

untouched() {
  chosen=$(chosen_release)
  if [ -z "$chosen" ]; then runs_now "nothing: no release was good yet, and this one was not started"; return; fi
  runs_now "$chosen, as before: nothing of the application was touched"
  # Settings of a release that did not come to be give way to those of the one that runs.
  if [ "$1" = "$RELEASE_CAUSED" ] && [ "$chosen" != "$target" ]; then apply_settings "$chosen" || :; fi
}

start_and_verify() {
  step_aside "$(first_line "$STATE/current")" "$1"
  printf '%s\n' "$1" | write_file "$STATE/current"
  started=0
  start_release "$1" || started=$?
  record_data_images
  case $started in 3) return "$RELEASE_CAUSED" ;; 4) return "$HOST_CAUSED" ;; esac
  # Also when it did not come up: the verifier says why. What could not be made for want of room is missing through no fault of the release's.
  run_verifier "$1" || {
    verified=$?
    { [ "$started" -ne 0 ] && is_full ""; } || return "$verified"
    say "start: the disk of the host is full: what does not run could not be made"
    return "$HOST_CAUSED"
  }
  [ "$started" -ne 0 ] || return 0
  # Verified, but Compose gave up: late, or with a service left as it was. Once more decides.
  say "start: verified although Compose reported a failure; asking it once more"
  { compose_data "$1" && compose_application "$1"; } || {
    fault release release.start "docker compose up failed twice" "every service up and healthy" "read what Compose says above"
    return "$RELEASE_CAUSED"
  }
  run_verifier "$1"
}

# Returns 0; 1 when services did not come up; 3 when what the application needs could not be done, which leaves nothing to verify; 4 when that
# was for want of room on the host.
start_release() {
  compose_data "$1" || return 1
  psql_said=$(set_postgres_password) || {
    fault release release.password "the password of Postgres could not be set: $psql_said" "psql in its container signs in over the local socket as berth:postgres.user" \
      "an existing database keeps the user it was made with: look at berth:postgres.user and berth:postgres.database, and at pg_hba.conf"
    return 3
  }
  if [ "$BERTH_MIGRATE" = 1 ] && [ "$back" != --back ]; then migrate "$1" || return; fi
  compose_application "$1" || return 1
}

migrate() {
  # One bound for both: that of the whole release counts one migration (src/compose/periods.ts).
  migrate_until=$(($(uptime_seconds) + BERTH_MIGRATE_SECONDS))
  await_migration || return 3
  say "migrate"
  migrated=0
  # Not yet redacted: root's alone, also when this is cut off. In memory, because the disk may be full.
  mkdir -p "$RUN"
  (umask 077 && : >"$RUN/migrate.log")
  migrate_left=$((migrate_until - $(uptime_seconds)))
  # For timeout(1) 0 is no bound.
  [ "$migrate_left" -ge 1 ] || migrate_left=1
  compose_migrate "$migrate_left" "$1" >"$RUN/migrate.log" 2>&1 || migrated=$?
  migrate_said=$(redact <"$RUN/migrate.log" | tail -n "$EVIDENCE_LINES")
  rm -f "$RUN/migrate.log"
  [ -z "$migrate_said" ] || printf '%s\n' "$migrate_said" | indent
  [ "$migrated" -ne 0 ] || return 0
  if is_full "$migrate_said"; then
    fault host release.migrate "the migration ended with $migrated: the disk of the host is full" "room on the disk" \
      "make room: \`berth doctor disk\` says what takes it; then release again"
    return 4
  fi
  # By the clock: a migration killed for its memory ends with 137 too, and may end with 124 of its own accord.
  case $migrated in 124 | 137) [ "$(uptime_seconds)" -lt "$migrate_until" ] || {
    fault release release.migrate "the migration was stopped after $migrate_left s (exit code $migrated)" "0 within berth:app.migrateSeconds ($BERTH_MIGRATE_SECONDS s${left_behind:+, the wait for an earlier one included})" \
      "read its last lines above; if it only needs longer, raise berth:app.migrateSeconds. The new version was not started"
    return 3
  } ;; esac
  fault release release.migrate "the migration ended with $migrated" "0 (berth:app.migrate)" "read its last lines above; the new version was not started"
  return 3
}

# An attempt that was cut off may have left its migration running: two at once is what a migration does not expect.
await_migration() {
  left_behind=$(bounded 20 docker ps -aq --filter "label=com.docker.compose.project=$BERTH_PROJECT" \
    --filter label=com.docker.compose.service=migrate --filter label=com.docker.compose.oneoff=True)
  for id in $left_behind; do
    say "migrate: waiting for the one an earlier attempt left behind"
    bounded "$BERTH_MIGRATE_SECONDS" docker wait "$id" >/dev/null 2>&1 || {
      fault release release.migrate "container $id of an earlier attempt still migrates" "ended within berth:app.migrateSeconds ($BERTH_MIGRATE_SECONDS s)" \
        "look at: docker logs $id. Release again once it has ended; if it only needs longer, raise berth:app.migrateSeconds"
      return 1
    }
    bounded 60 docker rm --force "$id" >/dev/null 2>&1 || :
  done
}

# What is chosen first, the name of the good one last: a cut between leaves what is true, the verified release running and the old one good.
mark_good() {
  choose "$1"
  {
    # Going back takes the releases after the target out of the history; a release again of one in it makes that the newest.
    if [ "$back" = --back ]; then good_history | sed "/^$1\$/,\$d"; else good_history | sed "/^$1\$/d"; fi
    printf '%s\n' "$1"
  } | write_file "$STATE/good.history"
  printf '%s\n' "$1" | write_file "$STATE/good"
  say "release $1: verified and marked good"
}
