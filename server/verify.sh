# shellcheck shell=sh
# The verifier runs where the application runs. It lets the connections settle, says so by a file, and only then is
# handed the facts: they are never older than the connections they are judged with.

verify_command() {
  json=${1:-}
  chosen=$(chosen_release)
  [ -n "$chosen" ] || { say "verify: required: a release that runs; found: none ever did. Release first"; return 1; }
  take_lock "verify $chosen" || return 1
  # Whoever held the lock may have been a release: what is chosen now counts.
  chosen=$(chosen_release)
  load_release "$chosen"
  results=$(results_dir "$chosen")
  mkdir -p "$results"
  verdict=0
  recovers || :
  run_verifier "$chosen" || verdict=$?
  note_verdict "$verdict" "berth verify"
  # It came up, and only the host was in the way: this is the proof that it lacked.
  if [ "$verdict" -eq 0 ] && [ "$(good_release)" != "$chosen" ]; then back='' mark_good "$chosen"; fi
  if [ "$json" = --json ] || [ ! -t 1 ]; then cat "$(kept "$results/report.json")"; fi
  return "$verdict"
}

# run_verifier R12: returns 0, 10 or 11; leaves report.json and table.txt in `results` and prints the table.
run_verifier() {
  mkdir -p "$RUN"
  chmod 0711 "$RUN"
  window=$(mktemp -d "$RUN/verify.XXXXXX")
  # The verifier has the application's uid, which the host does not know.
  chmod 1777 "$window"
  say "verify: letting the connections settle"
  name=$BERTH_PROJECT-verify-$1
  bounded 20 docker rm --force "$name" >/dev/null 2>&1 || :
  ended=0
  hand_over_facts "$1" | judge "$1" || ended=$?
  bounded 20 docker rm --force "$name" >/dev/null 2>&1 || :
  concluded=0
  conclude "$ended" || concluded=$?
  rm -rf "$window" "$window.ended" "$window.report" "$window.table"
  return "$concluded"
}

# The table without what passes: thirty lines of `ok` would push what failed off the screen. The whole is in table.txt.
against() { awk '/^(ok|n\/a|prov) / { hidden = 1; next } /^[^ ]/ || /^$/ { hidden = 0 } !hidden' | cat -s; }

hand_over_facts() {
  # The verifier's own bound ends this wait: `judge` leaves a file when it is over, however it went.
  until [ -e "$window/settled" ]; do
    [ ! -e "$window.ended" ] || return 0
    sleep 0.1
  done
  facts "$1"
}

judge() {
  status=0
  compose "$BERTH_VERIFY_SECONDS" "$1" --progress quiet --profile verify run --rm -T --no-deps --name "$name" --volume "$window:/run/berth" verify \
    >"$window.report" 2>"$window.table" || status=$?
  : >"$window.ended"
  return "$status"
}

# The verifier's exit code is the verdict, if it wrote a report. A verifier that could not run proves nothing: not good.
conclude() {
  report=$(tail -n 1 "$window.report")
  case $1:$report in
    0:\{*\} | "$RELEASE_CAUSED":\{*\} | "$HOST_CAUSED":\{*\})
      printf '%s\n' "$report" | keep "$results/report.json"
      keep "$results/table.txt" <"$window.table"
      if [ "$1" = 0 ]; then cat "$window.table" >&2; else against <"$window.table" >&2; fi
      return "$1" ;;
  esac
  words=$(grep -v '^ *$' "$window.table" | tail -n 3 | redact | tr '\n' ' ' | sed 's, $,,')
  if is_full "$words"; then
    fault host verify.run "the disk of the host is full: no verifier could be started: ${words:-nothing was said}" "room for a container" \
      "make room: \`berth doctor disk\` says what takes it; on the root disk that is images and logs. Then \`berth verify\`"
    return "$HOST_CAUSED"
  fi
  case $1 in
    124 | 137) fault release verify.run "no verdict within BERTH_VERIFY_SECONDS=$BERTH_VERIFY_SECONDS s" "a verdict" \
      "look at what the verifier waits for: $words" ;;
    *) fault release verify.run "the verifier ended with $1 and no report: $words" "a report" \
      "berth:verify.image, by default the application's, must hold node >= 20; set it to an image that does" ;;
  esac
  return "$RELEASE_CAUSED"
}
