# shellcheck shell=sh
# What is there, for a person.

status_command() {
  good=$(good_release)
  current=$(first_line "$STATE/current")
  before=
  [ -z "$good" ] || before=$(release_before "$good")
  printf 'good release      %s\n' "${good:-none}" >&2
  printf 'before it         %s\n' "${before:-none}" >&2
  printf 'last started      %s\n' "${current:-none}" >&2
  if [ -e "$STATE/lock" ] && ! flock -n "$STATE/lock" true; then printf 'under way         %s\n' "$(first_line "$STATE/lock")" >&2; fi
  [ -n "$current" ] || return 0
  load_release "$current"
  printf 'last verdict      %s\n' "$(verdict_words "$(first_line "$(results_dir "$current")/exit")")" >&2
  container_states | while read -r service status health code restarts oom id; do
    printf '%-17s %s, health %s, exit code %s, restarts %s, killed for memory: %s, %.12s\n' "$service" "$status" "$health" "$code" "$restarts" "$oom" "$id" >&2
  done
  if [ -f "$(results_dir "$current")/table.txt" ]; then cat "$(results_dir "$current")/table.txt" >&2; fi
}

verdict_words() {
  case $1 in
    0) echo "verified" ;;
    10) echo "failed: the release was the cause" ;;
    11) echo "failed: the host was the cause" ;;
    "") echo "none" ;;
    *) echo "ended with $1" ;;
  esac
}
