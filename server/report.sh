# shellcheck shell=sh
# Results of an attempt: results/R12/{log,exit,delivered,report.json,table.txt,verdict}. A fault found before there is anything to
# verify becomes a report of the verifier's shape with one failed check, so that programs read one thing. They are kept on a full disk too (`keep`).

# An attempt begins when it is asked for, and may then wait for its turn: until it has the lock, the report is that of whoever holds it.
# begin_attempt R12: no earlier attempt's verdict must be taken for this one's.
begin_attempt() {
  mkdir -p "$(results_dir "$1")"
  for name in exit delivered; do drop_kept "$(results_dir "$1")/$name"; done
}

# begin_report R12, under the lock.
begin_report() {
  results=$(results_dir "$1")
  mkdir -p "$results"
  for name in report.json table.txt verdict; do drop_kept "$results/$name"; done
}

# note_verdict CODE WHO: what `berth status` says of the report beside it. `exit` is an attempt's, and nobody else's.
note_verdict() { printf '%s %s %s\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" | keep "$results/verdict"; }

json_text() { printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# fault CAUSE ID SEEN EXPECTED ADVICE: says it, and writes the report when an attempt is under way.
fault() {
  say "FAILED $2: seen: $3; expected: $4"
  say "       to do: $5"
  [ -n "${results:-}" ] || return 0
  printf '{"version":1,"release":"%s","at":"%s","verdict":"fail","cause":"%s","settleMs":0,"totalMs":0,"connections":[],"checks":[{"id":"%s","status":"fail","cause":"%s","seen":"%s","expected":"%s","advice":"%s"}]}\n' \
    "${BERTH_RELEASE:-}" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$1" "$(json_text "$3")" "$(json_text "$4")" "$(json_text "$5")" |
    keep "$results/report.json"
  printf 'FAIL  %s (%s)\n      seen      %s\n      expected  %s\n      to do     %s\n' "$2" "$1" "$3" "$4" "$5" | keep "$results/table.txt"
}
