# shellcheck shell=sh
# How a release that failed ends: what failed, what runs now, what to do. The end of a log is what people read first, and all that
# some pipelines show.

# What a failure leaves running, in words: said by the step that knows.
runs_now() { left=$1; }

# last_words R12 VERDICT
last_words() {
  results=$(results_dir "$1")
  if [ "$2" = "$HOST_CAUSED" ]; then
    cause=host
    todo="Do on the host what the \`to do\` lines above say, then deploy again: the same release is tried again."
  else
    cause=release
    todo="Do what the \`to do\` lines above say (where they name \`berth logs\`, read the evidence above instead), then deploy again. What runs now was not verified again: \`berth verify\` does that."
  fi
  say "release $1 FAILED, because of the $cause"
  ids=$(failed_checks)
  detail failed "${ids:-see above}"
  detail "runs now" "$left"
  others=$(other_nodes)
  [ -z "$others" ] || detail others "$others"
  detail "to do" "$todo"
  detail details "${results#"$ROOT"}/log and table.txt, on the host; \`berth logs\` shows what runs now"
}

# Ids of the checks that do not pass, as the table has them; nothing where there is no table.
failed_checks() {
  [ -r "$(kept "$results/table.txt")" ] || return 0
  awk '$1 == "FAIL" || $1 == "????" { printf "%s%s", comma, $2; comma = ", " }' "$(kept "$results/table.txt")"
}

# detail LABEL TEXT: laid out as in the verifier's table, 80 columns wide.
detail() {
  printf '%s\n' "$2" | fold -s -w 64 | sed 's/ *$//' | while IFS= read -r line; do
    printf '      %-10s%s\n' "$1" "$line" >&2
    set -- ""
  done
}
