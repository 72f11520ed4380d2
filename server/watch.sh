# shellcheck shell=sh
# The timer's own: the same verification as the deployment's, and a word when something begins to fail, or no longer does. Each is said once to
# each who is told; what was said is kept in $STATE/alert.command and $STATE/alert.webhook, lines `fail ID`, `unknown ID` or `warn ID`. A message that could not be
# delivered is tried again at the next run. The files of one run are in $RUN, which is memory: a full disk is told too.

ALERT_COMMAND=$ETC/alert

watch_command() {
  watched=$(chosen_release)
  [ -n "$watched" ] || { say "watch: no release yet: nothing to verify"; return 0; }
  # A release verifies itself, and a boot is under way to what is verified next.
  if [ -e "$STATE/lock" ] && ! flock -n "$STATE/lock" true; then say "watch: left to $(first_line "$STATE/lock")"; return 0; fi
  # In a shell of its own, which lets go of the lock.
  (verify_command --json) >/dev/null || say "watch: verification ended with $?"
  load_release "$watched"
  results=$(results_dir "$watched")
  table=$(kept "$results/table.txt")
  [ -s "$table" ] || { say "watch: no verdict to report"; return 1; }
  mkdir -p "$RUN"
  news=$(mktemp -d "$RUN/watch.XXXXXX")
  told=0
  if [ -f "$ALERT_COMMAND" ]; then tell command || told=1; fi
  if [ -n "$BERTH_ALERT_WEBHOOK" ]; then tell webhook || told=1; fi
  rm -rf "$news"
  return "$told"
}

# tell CHANNEL: what it was not told yet.
tell() {
  said=$news/said
  { cat "$(kept "$STATE/alert.$1")" 2>/dev/null || :; } >"$said"
  standing "$said" <"$table" >"$news/now"
  # News is what is worse than it was said to be: a failure that became a warning again was said when it began.
  begun=$(awk 'BEGIN { rank["warn"] = 1; rank["unknown"] = 2; rank["fail"] = 3 } FILENAME == ARGV[1] { told[$2] = rank[$1]; next } rank[$1] > told[$2]' "$said" "$news/now")
  # What only went from a warning to a failure, or back, has not ended.
  ended=$(awk 'FILENAME == ARGV[1] { now[$2] = 1; next } !($2 in now)' "$news/now" "$said") || ended=
  if [ -n "$begun$ended" ]; then
    message "$begun" "$ended" >"$news/message.json"
    "tell_$1" || { say "watch: the message could not be delivered; tried again at the next run"; return 1; }
  fi
  keep "$STATE/alert.$1" <"$news/now"
}

# standing SAID: of a table, lines `fail ID`, `unknown ID` and `warn ID`. What cannot be told proves nothing to be better: what was said to fail goes on
# failing, and behind a verification that did not run to its end all that was said goes on.
standing() {
  awk -v said="$1" '
    $1 == "FAIL" { level[$2] = "fail" }
    $1 == "????" && level[$2] != "fail" { level[$2] = "unknown" }
    $1 == "warn" && !($2 in level) { level[$2] = "warn" }
    END {
      cut = ("verify.run" in level)
      while ((getline line < said) > 0) {
        split(line, word, " ")
        if (word[2] in level ? (level[word[2]] == "unknown" && word[1] == "fail") : cut) level[word[2]] = word[1]
      }
      for (id in level) print level[id], id
    }' | sort
}

# One line of JSON, as docs/verification.md has it. Ids hold nothing that JSON quotes.
message() {
  case $1 in
    *"fail "* | *"unknown "*) event=failed ;;
    *"warn "*) event=warned ;;
    *) event=recovered ;;
  esac
  printf '{"version":1,"event":"%s","text":"%s","project":"%s","host":"%s","at":"%s","begun":[%s],"ended":[%s],"failing":[%s],"warnings":[%s],"report":%s}\n' \
    "$event" "$(text "$1" "$2" | json_lines)" "$BERTH_PROJECT" "$(json_text "$(uname -n)")" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    "$(printf '%s\n' "$1" | json_ids)" "$(printf '%s\n' "$2" | json_ids)" \
    "$(grep -E '^(fail|unknown) ' "$news/now" | json_ids)" "$(grep '^warn ' "$news/now" | json_ids)" "$(cat "$(kept "$results/report.json")")"
}

# text BEGUN ENDED: for a person, a line each: what was seen and what to do, what is over, and what there is besides.
text() {
  printf '%s\n' "$1" | while read -r level id; do
    # What is not known does not pass either, and nothing is known to be amiss.
    case $level in fail) how=fails ;; unknown) how="cannot be told" ;; warn) how=warns ;; *) continue ;; esac
    printf '%s: %s %s: %s\n' "$(uname -n)" "$id" "$how" "$(words_of "$id" <"$table")"
  done
  printf '%s\n' "$2" | while read -r _ id; do
    [ -n "$id" ] || continue
    # A release that asks for it no more; the verification's own row is only there when it fails.
    if in_table "$id" || [ "$id" = verify.run ]; then how="is well again"; else how="is not judged any more"; fi
    printf '%s: %s %s\n' "$(uname -n)" "$id" "$how"
  done
  still=$(printf '%s\n' "$1" | grep -vxFf - "$news/now" | while read -r level id; do
    case $level in fail | unknown) ;; *) continue ;; esac
    if unknown "$id"; then printf ', %s (cannot be told)' "$id"; else printf ', %s' "$id"; fi
  done)
  if [ -n "$still" ]; then printf '%s: still failing: %s\n' "$(uname -n)" "${still#, }"; fi
}

in_table() { awk -v id="$1" '/^[^ ]/ && $2 == id { found = 1 } END { exit !found }' "$table"; }

# Whether a check is a row `????` of the table, or none: the verification did not come to it.
unknown() { ! awk -v id="$1" '/^[^ ]/ && $1 != "????" && $2 == id { found = 1 } END { exit !found }' "$table"; }

# words_of ID: of the verifier's table, what was seen, and what to do.
words_of() {
  awk -v id="$1" '
    /^[^ ]/ { mine = ($2 == id); part = ""; if (mine && $1 == "warn") { part = "seen"; sub(/^warn +[^ ]+ +/, ""); seen = $0 }; next }
    !mine { next }
    /^      seen / { part = "seen"; sub(/^ +seen +/, ""); seen = $0; next }
    /^      expected / { part = ""; next }
    /^      to do / { part = "todo"; sub(/^ +to do +/, ""); todo = $0; next }
    { sub(/^ +/, ""); if ($0 != "" && part == "seen") seen = seen " " $0; if ($0 != "" && part == "todo") todo = todo " " $0 }
    END { printf "%s%s", seen, (todo == "" ? "" : ". To do: " todo) }'
}

json_lines() { tr -d '\000-\011\013-\037' | sed 's/\\/\\\\/g; s/"/\\"/g' | awk '{ printf "%s%s", mark, $0; mark = "\\n" }'; }

json_ids() { awk 'NF { printf "%s\"%s\"", comma, $2; comma = "," }'; }

tell_command() {
  say "watch: telling berth:alert.command: $event"
  bounded 60 sh "$ALERT_COMMAND" <"$news/message.json" >&2 || { say "watch: the command ended with $?"; return 1; }
}

# The address is secret: read from its file, in no argument and no environment.
tell_webhook() {
  say "watch: telling the webhook: $event"
  bounded 60 python3 "$HERE/post.py" "$ROOT$BERTH_ALERT_WEBHOOK" <"$news/message.json" >&2 || { say "watch: the webhook did not take it"; return 1; }
}
