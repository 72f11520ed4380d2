# shellcheck shell=sh
# What is there, for a person: 80 columns, on standard output, because it is the answer.

status_command() {
  good=$(good_release)
  chosen=$(chosen_release)
  current=$(first_line "$STATE/current")
  before=
  [ -z "$good" ] || before=$(release_before "$good")
  said "good release" "${good:-none}"
  said "before it" "${before:-none}"
  if [ "$chosen" != "$good" ]; then
    said "runs" "$chosen, not marked good: it came up, but its verification failed because of the host. It stays, also across a reboot. Mend the host, then \`berth verify\` marks it good"
  fi
  said "last started" "${current:-none}"
  laid=$(first_line "$(kept "$STATE/laid")")
  if [ -n "$laid" ] && [ "$laid" != "$chosen" ]; then said "asked for" "$laid: what Pulumi laid down last and takes for current. The next \`pulumi up\` that changes anything releases what the configuration says"; fi
  if [ -e "$STATE/lock" ] && ! flock -n "$STATE/lock" true; then said "under way" "$(first_line "$STATE/lock")"; fi
  [ -n "$current" ] || return 0
  load_release "$current"
  results=$(results_dir "$current")
  said "last verdict" "$(verdict_words "$(verdict_code)")$(verdict_time)"
  if [ -r "$(kept "$results/table.txt")" ]; then
    said "" "$(grep -E '^[0-9]+ checks?, ' "$(kept "$results/table.txt")" | tail -n 1)"
    ids=$(failed_checks)
    [ -z "$ids" ] || said "not passed" "$ids"
  fi
  echo
  docker_answers || { echo "Docker does not answer: journalctl -u docker -n 50"; return 0; }
  status_table
}

said() { printf '%s\n' "$2" | fold -s -w 66 | { label=$1; while IFS= read -r text; do printf '%-14s%s\n' "$label" "$text"; label=''; done; }; }

# Of the last verification, whoever asked for it; where that left no word, of the last attempt.
verdict_code() {
  code=$(first_line "$(kept "$results/verdict")")
  code=${code%% *}
  printf '%s' "${code:-$(first_line "$(kept "$results/exit")")}"
}

verdict_time() {
  [ -r "$(kept "$results/report.json")" ] || return 0
  at=$(sed -n 's/.*"at":"\([0-9-]*\)T\([0-9:]*\).*/\1 \2 UTC/p' "$(kept "$results/report.json")" | head -n 1)
  [ -z "$at" ] || printf ', %s' "$at"
}

# Docker's own words of how long; an image by its last name, and twelve digits of its digest.
status_table() {
  states=$(container_states)
  printf '%-10s%-30s%9s  %-5s%s\n' SERVICE STATUS RESTARTS OOM IMAGE
  bounded 20 docker ps -a --no-trunc --filter "label=com.docker.compose.project=$BERTH_PROJECT" --filter label=com.docker.compose.oneoff=False \
    --format '{{.Label "com.docker.compose.service"}}|{{.Status}}|{{.Image}}' | sort | while IFS='|' read -r service status image; do
    restarts=$(printf '%s\n' "$states" | awk -v service="$service" '$1 == service { print $5; exit }')
    killed=$(printf '%s\n' "$states" | awk -v service="$service" '$1 == service { print ($6 == "true" ? "yes" : "no"); exit }')
    short=$(printf '%s' "${image##*/}" | sed 's/sha256:\([0-9a-f]\{12\}\)[0-9a-f]*/\1/')
    printf '%-10s%-30.30s%9s  %-5s%s\n' "$service" "$status" "$restarts" "$killed" "$short"
  done
}

verdict_words() {
  case $1 in
    0) printf verified ;;
    10) printf 'failed: the release was the cause' ;;
    11) printf 'failed: the host was the cause' ;;
    "") printf none ;;
    *) printf 'ended with %s' "$1" ;;
  esac
}
